//! What is read does not depend on how the input is cut, nor on what stands between frames; what is written is read back.

use aac::AudioSpecificConfig;
use bytes::Bytes;
use fluvial_elementary::{Demuxer, Error, Format, Limits, Muxer};
use media::{Codec, Event, Flags, Sample, Timescale, Track, TrackId, Tracks};
use proptest::prelude::*;

const FORMATS: [Format; 7] = [
    Format::Adts,
    Format::Loas,
    Format::Ac3,
    Format::MpegAudio,
    Format::MpegVideo,
    Format::H264,
    Format::H265,
];

fn events(format: Format, pieces: &[&[u8]], poll_often: bool) -> Vec<Event> {
    let mut demuxer = Demuxer::new(format, Limits::default());
    let mut events = Vec::new();
    for piece in pieces {
        demuxer.handle_input(piece);
        if poll_often {
            events.extend(std::iter::from_fn(|| demuxer.poll_event()));
        }
    }
    demuxer.handle_eof();
    events.extend(std::iter::from_fn(|| demuxer.poll_event()));
    assert_eq!(demuxer.buffered_len(), 0);
    events
}

fn tracks(codec: Codec, rate: u32) -> Tracks {
    let timescale = Timescale::new(rate).unwrap();
    [Track::new(TrackId(1), timescale, codec)]
        .into_iter()
        .collect()
}

fn sample(n: i64, data: Vec<u8>) -> Sample {
    Sample {
        track: TrackId(1),
        dts: n * 1024,
        pts: n * 1024,
        duration: std::num::NonZeroU32::new(1024),
        flags: Flags::SYNC,
        data: data.into(),
    }
}

fn written(format: Format, tracks: &Tracks, samples: &[Sample]) -> Result<Bytes, Error> {
    let mut muxer = Muxer::new(format);
    muxer.set_tracks(tracks)?;
    for sample in samples {
        muxer.handle_sample(sample)?;
    }
    Ok(muxer.poll_output().unwrap_or_default())
}

fn id3(len: u8) -> Vec<u8> {
    let mut tag = vec![b'I', b'D', b'3', 4, 0, 0, 0, 0, 0, len];
    tag.resize(10 + usize::from(len), 0x55);
    tag
}

proptest! {
    #[test]
    fn aac_is_read_back(units in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..300), 3..20), loas: bool, tag in 0_u8..0x80) {
        let format = if loas { Format::Loas } else { Format::Adts };
        let tracks = tracks(Codec::Aac(AudioSpecificConfig::lc(48_000, 2).unwrap()), 48_000);
        let samples: Vec<_> = (0..).zip(units).map(|(n, unit)| sample(n, unit)).collect();
        let stream = written(format, &tracks, &samples).unwrap();
        let mut tagged = id3(tag);
        tagged.extend_from_slice(&stream);
        prop_assert_eq!(Format::sniff(&tagged), Some(format));
        let read = events(format, &[&tagged], true);
        let metadata = matches!(read[0], Event::Metadata(_));
        prop_assert!(metadata);
        prop_assert_eq!(&read[1], &Event::Tracks(tracks));
        let wanted: Vec<_> = samples.into_iter().map(Event::Sample).collect();
        prop_assert_eq!(&read[2..], &wanted[..]);
    }

    #[test]
    fn cuts_do_not_matter(junk: Vec<u8>, kind in 0..FORMATS.len(), cuts in prop::collection::vec(1_usize..200, 1..40), often: bool) {
        let format = FORMATS[kind];
        let tracks = tracks(Codec::Aac(AudioSpecificConfig::lc(44_100, 1).unwrap()), 44_100);
        let samples: Vec<_> = (0..4).map(|n| sample(n, vec![n as u8; 20])).collect();
        let mut stream = junk.clone();
        stream.extend_from_slice(&written(Format::Adts, &tracks, &samples).unwrap());
        stream.extend_from_slice(&[0, 0, 0, 1, 0x67, 0x42, 0xC0, 0x0A, 0xDA, 0x11, 0x3F, 0x90, 0, 0, 1, 0x68, 0xCE, 0x0F, 0xC8, 0, 0, 1, 0x65, 0xB8, 4, 10, 0xFF]);
        stream.extend_from_slice(&[0, 0, 1, 0xB3, 0x16, 1, 0x20, 0x83, 2, 0xCE, 0x20, 0xA4, 0, 0, 1, 0, 0, 0x0F, 0xFF, 0xF8, 0, 0, 1, 1, 9]);
        stream.extend_from_slice(&junk);
        let mut rest = &stream[..];
        let mut pieces = Vec::new();
        for cut in cuts {
            let (piece, after) = rest.split_at(cut.min(rest.len()));
            pieces.push(piece);
            rest = after;
        }
        pieces.push(rest);
        let whole = events(format, &[&stream], true);
        prop_assert_eq!(whole, events(format, &pieces, often));
    }

    #[test]
    fn any_start_is_sniffed(data: Vec<u8>) {
        let _ = Format::sniff(&data);
    }
}

#[test]
fn what_cannot_be_carried_is_refused() {
    let aac = tracks(
        Codec::Aac(AudioSpecificConfig::lc(48_000, 2).unwrap()),
        48_000,
    );
    let error = written(Format::H264, &aac, &[]).unwrap_err();
    assert_eq!(error.to_string(), "h264 cannot carry mp4a.40.2");
    let early = Muxer::new(Format::Adts).handle_sample(&sample(0, vec![1]));
    assert!(matches!(early, Err(Error::State(_))));
}

/// Other picture parameter sets may come in the middle of a coded video sequence.
#[test]
fn parameter_sets_come_before_the_picture_that_they_changed_at() {
    let sps = [0x67, 0x42, 0xC0, 0x0A, 0xDA, 0x11, 0x3F, 0x90];
    let [old, new] = [[0x68, 0xCE, 0x0F, 0xC8], [0x68, 0xCE, 0x3C, 0x80]];
    let mut muxer = Muxer::new(Format::H264);
    for (n, pps) in [(0, old), (1, new)] {
        let config = h264::DecoderConfig::from_parameter_sets([&sps[..]], [&pps[..]]).unwrap();
        muxer.set_tracks(&tracks(Codec::H264(config), 25)).unwrap();
        for _ in 0..2 {
            let mut picture = sample(n, vec![0, 0, 0, 2, 0x41, 0xFF]);
            picture.flags = Flags::SYNC.when(n == 0);
            muxer.handle_sample(&picture).unwrap();
        }
    }
    let written = muxer.poll_output().unwrap();
    let nals: Vec<_> = h264::annexb::nals(&written).collect();
    let picture = &[0x41, 0xFF][..];
    let expected = [
        &sps,
        &old[..],
        picture,
        &sps,
        &old,
        picture,
        &sps,
        &new,
        picture,
        picture,
    ];
    assert_eq!(nals, expected);
}
