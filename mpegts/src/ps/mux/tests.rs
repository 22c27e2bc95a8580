use super::*;
use crate::ps::PacketHeader;
use media::{Flags, Track};
use proptest::prelude::*;
use wire::Reader;

fn tracks(codecs: &[Codec]) -> Tracks {
    let track = |(i, codec): (usize, &Codec)| {
        let id = TrackId(u32::try_from(i).unwrap());
        Track::new(id, Timescale::KHZ_90, codec.clone())
    };
    codecs.iter().enumerate().map(track).collect()
}

fn layer2() -> Codec {
    let header = mpeg2::audio::Header::parse(&[0xFF, 0xFD, 0x84, 0x04]).unwrap();
    Codec::MpegAudio(media::codec::MpegAudio::new(header).unwrap())
}

fn sample(track: u32, time: i64, data: Vec<u8>) -> Sample {
    Sample {
        track: TrackId(track),
        dts: time,
        pts: time,
        duration: None,
        flags: Flags::SYNC,
        data: data.into(),
    }
}

/// Every element of a stream: start code and length.
fn elements(data: &[u8]) -> Vec<(u8, &[u8])> {
    let mut rest = data;
    let mut all = Vec::new();
    while !rest.is_empty() {
        let code = rest[3];
        assert_eq!(rest[..3], [0, 0, 1]);
        let len = match code {
            0xBA => 14,
            0xB9 => 4,
            _ => 6 + usize::from(u16::from_be_bytes([rest[4], rest[5]])),
        };
        let (element, more) = rest.split_at(len);
        all.push((code, element));
        rest = more;
    }
    all
}

/// The data and times of the packets of one stream.
fn data_of(stream: &[u8], id: u8) -> (Vec<u8>, Vec<u64>) {
    let (mut data, mut times) = (Vec::new(), Vec::new());
    for (_, element) in elements(stream).into_iter().filter(|(code, _)| *code == id) {
        let mut r = Reader::new(element);
        let header = PacketHeader::decode(&mut r).unwrap();
        times.extend(header.pts);
        data.extend(r.rest());
    }
    (data, times)
}

fn written(muxer: &mut Muxer) -> Vec<u8> {
    core::iter::from_fn(|| muxer.poll_output())
        .flatten()
        .collect()
}

#[test]
fn a_codec_that_cannot_be_carried_is_refused() {
    let mut muxer = Muxer::new(Config::file());
    let refused = muxer.set_tracks(&tracks(&[Codec::Id3]));
    assert!(matches!(refused, Err(Error::Unsupported(_))));
    let audio = vec![layer2(); 33];
    let refused = muxer.set_tracks(&tracks(&audio));
    assert!(matches!(refused, Err(Error::Limit { max: 32, .. })));
    muxer.config.packs = Packs::Sectors { len: 255 };
    let refused = muxer.set_tracks(&tracks(&[layer2()]));
    assert!(matches!(refused, Err(Error::Invalid { value: 255, .. })));
}

#[test]
fn nothing_follows_the_end() {
    let mut muxer = Muxer::new(Config::file());
    muxer.set_tracks(&tracks(&[layer2()])).unwrap();
    muxer.finish();
    assert_eq!(written(&mut muxer), super::super::PROGRAM_END_CODE);
    let late = muxer.handle_sample(&sample(0, 0, vec![1]));
    assert!(matches!(late, Err(Error::State(_))));
}

#[test]
fn live_packs_do_not_wait() {
    let mut muxer = Muxer::new(Config::live());
    muxer.set_tracks(&tracks(&[layer2()])).unwrap();
    muxer.handle_sample(&sample(0, 900, vec![7; 100])).unwrap();
    let pack = written(&mut muxer);
    let codes: Vec<_> = elements(&pack).into_iter().map(|(code, _)| code).collect();
    assert_eq!(codes, [0xBA, 0xBB, 0xC0]);
    assert_eq!(data_of(&pack, 0xC0), (vec![7; 100], vec![900]));
    assert_eq!(muxer.buffered_len(), 0);
}

proptest! {
    /// Packs have their length, clocks go on, and data and times come out as they went in.
    #[test]
    fn what_goes_in_is_in_the_packets(
        samples in proptest::collection::vec((0u32..2, 0usize..5000, 0i64..5000), 0..30),
        len in 256u16..4096, sectors: bool, start in -1_000_000i64..1 << 34,
    ) {
        let packs = if sectors { Packs::Sectors { len } } else { Packs::Samples };
        let mut muxer = Muxer::new(Config { packs, ..Config::file() });
        muxer.set_tracks(&tracks(&[layer2(), layer2()])).unwrap();
        let mut time = start;
        let mut wanted = [(Vec::new(), Vec::new()), (Vec::new(), Vec::new())];
        for (i, (track, len, step)) in samples.iter().enumerate() {
            let data = vec![i as u8; *len];
            time += step;
            let (bytes, times) = &mut wanted[*track as usize];
            bytes.extend(&data);
            times.push(time);
            muxer.handle_sample(&sample(*track, time, data)).unwrap();
        }
        muxer.finish();
        let stream = written(&mut muxer);
        if sectors {
            prop_assert_eq!(stream.len() % usize::from(len), 4);
        }
        let mut clock = 0;
        for (_, element) in elements(&stream).into_iter().filter(|(code, _)| *code == 0xBA) {
            let header = PackHeader::decode(&mut Reader::new(&element[4..])).unwrap();
            let ticks = header.system_clock_reference.ticks();
            prop_assert!(clock == 0 || ticks > clock || ticks + (1 << 40) < clock);
            clock = ticks;
        }
        let offset = muxer.offset.unwrap_or(0);
        for (id, (bytes, times)) in [0xC0, 0xC1].into_iter().zip(wanted) {
            let times: Vec<_> = times.iter().map(|time| (time + offset).rem_euclid(1 << 33) as u64).collect();
            prop_assert_eq!(data_of(&stream, id), (bytes, times));
        }
    }
}
