//! What must hold for any input: values survive a round trip, pieces of any size give the same events, nothing
//! panics, and memory stays within the limits.

mod common;

use bytes::Bytes;
use common::{demux, demux_pieces, samples, tracks, warnings};
use core::num::NonZeroU32;
use fluvial_mp4::boxes::*;
use fluvial_mp4::packager::{Config, Output};
use fluvial_mp4::{Demuxer, FourCc, IsoBox, Limits, Packager};
use media::{Codec, Cut, Event, Flags, Sample, Segmented, Timescale, Track, TrackId};
use proptest::collection::vec;
use proptest::prelude::*;

fn round_trip<T: IsoBox + PartialEq + std::fmt::Debug>(value: &T) -> Result<(), TestCaseError> {
    let mut bytes = vec![0xEE];
    value.encode(&mut bytes).unwrap();
    prop_assert_eq!(bytes.len(), 1 + value.encoded_len());
    prop_assert_eq!(&T::parse(&bytes[1..]).unwrap(), value);
    // One byte less is an error, whatever is missing.
    prop_assert!(T::parse(&bytes[1..bytes.len() - 1]).is_err());
    Ok(())
}

prop_compose! {
    fn tfhd()(
        track_id: u32,
        base_data_offset: Option<u64>,
        sample_description_index: Option<u32>,
        default_sample_duration: Option<u32>,
        default_sample_size: Option<u32>,
        flags: Option<u32>,
        duration_is_empty: bool,
        default_base_is_moof: bool,
    ) -> Tfhd {
        Tfhd {
            track_id,
            base_data_offset,
            sample_description_index,
            default_sample_duration,
            default_sample_size,
            default_sample_flags: flags.map(SampleFlags),
            duration_is_empty,
            default_base_is_moof,
        }
    }
}

prop_compose! {
    fn trun()(
        fields: [bool; 4],
        data_offset: Option<i32>,
        first: Option<u32>,
        samples in vec(any::<(u32, u32, u32, i32)>(), 0..20),
    ) -> (Trun, Vec<TrunSample>) {
        let [duration, size, flags, composition_time_offset] = fields;
        let mut trun = Trun::new(TrunFields { duration, size, flags, composition_time_offset });
        trun.data_offset = data_offset;
        trun.first_sample_flags = first.map(SampleFlags);
        let mut expected = Vec::new();
        for (n, sample) in samples.iter().enumerate() {
            let first = first.filter(|_| n == 0);
            let pushed = TrunSample {
                duration: Some(sample.0),
                size: Some(sample.1),
                flags: Some(SampleFlags(sample.2)),
                composition_time_offset: Some(sample.3.into()),
            };
            trun.push(pushed).unwrap();
            expected.push(TrunSample {
                duration: pushed.duration.filter(|_| duration),
                size: pushed.size.filter(|_| size),
                flags: first.map(SampleFlags).or(pushed.flags.filter(|_| flags)),
                composition_time_offset: pushed.composition_time_offset.filter(|_| composition_time_offset),
            });
        }
        (trun, expected)
    }
}

proptest! {
    #[test]
    fn fragment_boxes_survive(tfhd in tfhd(), (trun, expected) in trun(), sequence_number: u32, time: u64, junk: Vec<u8>) {
        prop_assert_eq!(trun.samples().collect::<Vec<_>>(), expected);
        round_trip(&tfhd)?;
        round_trip(&trun)?;
        let tfdt = Some(Tfdt { base_media_decode_time: time });
        let other: Vec<_> = Raw::from_body(FourCc(*b"abcd"), &junk).into_iter().collect();
        let traf = Traf { tfdt, truns: vec![trun.clone(), trun], other: other.clone(), ..Traf::new(tfhd) };
        let moof = Moof { mfhd: Mfhd { sequence_number }, trafs: vec![traf.clone(), traf], other };
        round_trip(&moof)?;
    }

    #[test]
    fn movie_boxes_survive(
        times: [u64; 3],
        timescale: u32,
        words: [u32; 3],
        shorts: [i16; 3],
        matrix: [i32; 9],
        edits in vec(any::<(u64, i64, i32)>(), 0..4),
        letters in "[a-z]{3}",
        name: Vec<u8>,
    ) {
        let [creation_time, modification_time, duration] = times;
        let [next_track_id, width, height] = words;
        let [volume, layer, alternate_group] = shorts;
        round_trip(&Mvhd {
            creation_time, modification_time, timescale, duration, rate: 0x1_0000, volume, matrix, next_track_id,
        })?;
        round_trip(&Tkhd {
            flags: width & 0xFF_FFFF, creation_time, modification_time, track_id: next_track_id, duration, layer,
            alternate_group, volume, matrix, width, height,
        })?;
        let edits = edits.into_iter().map(|(segment_duration, media_time, media_rate)| Edit {
            segment_duration, media_time, media_rate,
        });
        round_trip(&Elst { edits: edits.collect() })?;
        let letters: [u8; 3] = letters.as_bytes().try_into().unwrap();
        let mdhd = Mdhd { creation_time, modification_time, duration, ..Mdhd::new(timescale).with_language(letters) };
        prop_assert_eq!(mdhd.language(), Some(letters));
        round_trip(&mdhd)?;
        round_trip(&Mehd { fragment_duration: duration })?;
        round_trip(&Smhd { balance: volume })?;
        round_trip(&Trex {
            track_id: timescale, default_sample_description_index: width, default_sample_duration: height,
            default_sample_size: 0, default_sample_flags: SampleFlags(next_track_id),
        })?;
        let hdlr = Hdlr { name, ..Hdlr::new(FourCc(*b"meta"), "") };
        let mut bytes = Vec::new();
        hdlr.encode(&mut bytes).unwrap();
        prop_assert_eq!(Hdlr::parse(&bytes).unwrap(), hdlr);
    }

    #[test]
    fn sample_descriptions_survive(config: Vec<u8>, width: u16, height: u16, rates: [u32; 3], size in 0usize..20_000) {
        let [max_bitrate, avg_bitrate, buffer] = rates;
        let mut visual = VisualSampleEntry::new(FourCc(*b"avc1"), width, height);
        visual.avc_c = Some(AvcC { record: config.clone().into() });
        visual.pasp = Some(Pasp { h_spacing: max_bitrate, v_spacing: avg_bitrate });
        visual.btrt = Some(Btrt { buffer_size_db: buffer, max_bitrate, avg_bitrate });
        visual.colr = Some(Colr::Nclx {
            colour_primaries: width, transfer_characteristics: height, matrix_coefficients: 1, full_range: true,
        });
        visual.other = Raw::from_body(FourCc(*b"fiel"), &config).into_iter().collect();
        let mut audio = AudioSampleEntry::new(FourCc(*b"mp4a"), width, 48_000);
        let mut esds = Esds::aac(Bytes::from(vec![7; size]));
        esds.decoder_config.max_bitrate = max_bitrate;
        esds.decoder_config.buffer_size_db = buffer & 0xFF_FFFF;
        esds.decoder_config.descriptors = vec![Descriptor { tag: 0x14, data: config.into() }];
        round_trip(&esds)?;
        audio.esds = Some(esds);
        round_trip(&Stsd { entries: vec![SampleEntry::Visual(visual), SampleEntry::Audio(audio)] })?;
    }

    #[test]
    fn segment_boxes_survive(
        numbers: [u32; 5],
        long: [u64; 2],
        references in vec(any::<(bool, u32, u32, u8)>(), 0..5),
        text in "[^\0]{0,20}",
        message: Vec<u8>,
        brands in vec(any::<[u8; 4]>(), 0..5),
    ) {
        let [reference_id, timescale, event_duration, id, flags] = numbers;
        let [earliest_presentation_time, first_offset] = long;
        let references = references.into_iter().map(|(is_index, size, subsegment_duration, sap_type)| Reference {
            is_index, referenced_size: size >> 1, subsegment_duration, starts_with_sap: is_index,
            sap_type: sap_type & 7, sap_delta_time: size >> 4,
        });
        round_trip(&Sidx {
            reference_id, timescale, earliest_presentation_time, first_offset, references: references.collect(),
        })?;
        for presentation_time in [PresentationTime::FromSegment(flags), PresentationTime::Absolute(first_offset)] {
            let emsg = Emsg {
                scheme_id_uri: text.clone(), value: text.clone(), timescale, presentation_time, event_duration, id,
                message_data: message.clone(),
            };
            let mut bytes = Vec::new();
            emsg.encode(&mut bytes).unwrap();
            prop_assert_eq!(bytes.len(), emsg.encoded_len());
            prop_assert_eq!(Emsg::parse(&bytes).unwrap(), emsg);
        }
        round_trip(&Prft {
            flags: flags & 0xFF_FFFF, reference_track_id: id, ntp_timestamp: first_offset, media_time: long[0],
        })?;
        let brands = brands.into_iter().map(FourCc).collect();
        round_trip(&Ftyp(Brands { major_brand: FourCc(*b"isom"), minor_version: id, compatible_brands: brands }))?;
    }
}

const AUDIO: TrackId = TrackId(7);
const OTHER: TrackId = TrackId(9);

/// One sample: duration, distance of presentation from decoding, whether it is a sync sample, size.
type Shape = (u32, i32, bool, usize);

fn shapes() -> impl Strategy<Value = Vec<Shape>> {
    vec(
        (1u32..100_000, -5000i32..5000, any::<bool>(), 0usize..300),
        1..40,
    )
}

fn track(id: TrackId, priming: u32) -> Track {
    let asc = aac::AudioSpecificConfig::lc(48_000, 2).unwrap();
    let mut track = Track::new(id, Timescale::new(48_000).unwrap(), Codec::Aac(asc));
    track.priming = priming;
    track
}

fn make_samples(track: TrackId, start: i64, shapes: &[Shape]) -> Vec<Sample> {
    let mut dts = start;
    let make = |shape: &Shape| {
        let (duration, ahead, sync, size) = *shape;
        let sample = Sample {
            track,
            dts,
            pts: dts + i64::from(ahead),
            duration: NonZeroU32::new(duration),
            flags: Flags::SYNC.when(sync),
            data: Bytes::from(vec![u8::try_from(dts & 0x7F).unwrap(); size]),
        };
        dts += i64::from(duration);
        sample
    };
    shapes.iter().map(make).collect()
}

/// A file of two tracks that are cut at the same places.
fn file(all: &[Vec<Sample>], priming: u32, cut_every: usize, config: Config) -> Vec<u8> {
    let mut packager = Packager::new(config);
    let tracks: Vec<_> = all
        .iter()
        .map(|samples| track(samples[0].track, priming))
        .collect();
    packager.handle(&Segmented::Tracks(tracks.into())).unwrap();
    let pieces = all
        .iter()
        .map(|samples| samples.len().div_ceil(cut_every))
        .max()
        .unwrap();
    for piece in 0..pieces {
        for samples in all {
            let own = samples.chunks(cut_every).nth(piece).unwrap_or_default();
            let time = own.first().or(samples.last()).unwrap().dts;
            let cut = Cut {
                segment: piece as u64,
                part: 0,
                time,
                independent: true,
                discontinuity: false,
            };
            packager
                .handle(&Segmented::Cut {
                    track: samples[0].track,
                    cut,
                })
                .unwrap();
            for sample in own {
                packager.handle(&Segmented::Sample(sample.clone())).unwrap();
            }
        }
    }
    packager.handle(&Segmented::End).unwrap();
    let mut file = Vec::new();
    while let Some(output) = packager.poll_output() {
        match output {
            Output::Init(init) => file.extend_from_slice(&init.data),
            Output::Part(part) => file.extend_from_slice(&part.data),
            Output::Segment(_) => {}
        }
    }
    file
}

proptest! {
    #[test]
    fn what_is_packaged_is_demuxed(
        first in shapes(),
        second in shapes(),
        starts in [-10_000i64..1 << 40, -10_000i64..1 << 40],
        priming in 0u32..3000,
        cut_every in 1usize..20,
        pieces in vec(1usize..2000, 1..10),
    ) {
        let all = [make_samples(AUDIO, starts[0], &first), make_samples(OTHER, starts[1], &second)];
        let file = file(&all, priming, cut_every, Config::muxed());
        let events = demux_pieces(&file, &pieces);
        prop_assert_eq!(&events, &demux(&file));
        prop_assert_eq!(warnings(&events), [""; 0]);
        prop_assert_eq!(&*tracks(&events)[0], [track(AUDIO, priming), track(OTHER, priming)]);
        let found = samples(&events);
        for samples in all {
            let id = samples[0].track;
            let found = found.iter().filter(|sample| sample.track == id);
            // Decoding that starts before zero is moved up to it.
            let lift = (-(samples[0].dts + i64::from(priming))).max(0);
            let expected = samples.into_iter().map(|sample| Sample { dts: sample.dts + lift, ..sample });
            prop_assert_eq!(found.cloned().collect::<Vec<_>>(), expected.collect::<Vec<_>>());
        }
    }

    #[test]
    fn damage_is_told_and_split_invariant(
        shapes in shapes(),
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut: prop::sample::Index,
        pieces in vec(1usize..300, 1..10),
    ) {
        let mut file = file(&[make_samples(AUDIO, 0, &shapes)], 0, 5, Config::per_track());
        for (at, byte) in damage {
            let at = at.index(file.len());
            file[at] = byte;
        }
        file.truncate(cut.index(file.len()) + 1);
        prop_assert_eq!(demux_pieces(&file, &pieces), demux(&file));
    }

    #[test]
    fn noise_is_survived(noise in vec(any::<u8>(), 0..600), pieces in vec(1usize..50, 1..5)) {
        let events = demux_pieces(&noise, &pieces);
        prop_assert_eq!(&events, &demux(&noise));
        _ = Moov::decode_body(&mut wire::Reader::new(&noise));
        _ = Moof::decode_body(&mut wire::Reader::new(&noise));
    }

    /// Noise that has the look of boxes reaches deeper.
    #[test]
    fn boxes_of_noise_are_survived(
        parts in vec((prop::sample::select(&NAMES[..]), vec(any::<u8>(), 0..60), any::<bool>()), 1..30),
    ) {
        let mut data = Vec::new();
        for (name, body, nest) in parts {
            let body = if nest { [body, std::mem::take(&mut data)].concat() } else { body };
            data.extend_from_slice(&Raw::from_body(FourCc(*name), &body).unwrap().bytes);
        }
        let whole = demux(&data);
        prop_assert_eq!(&demux_pieces(&data, &[1, 3, 50]), &whole);
        for name in [b"moov", b"moof"] {
            let outer = Raw::from_body(FourCc(*name), &data).unwrap().bytes;
            demux(&outer);
        }
    }
}

const NAMES: [&[u8; 4]; 24] = [
    b"moov", b"mvhd", b"trak", b"tkhd", b"edts", b"elst", b"mdia", b"mdhd", b"hdlr", b"minf",
    b"stbl", b"stsd", b"avc1", b"mp4a", b"esds", b"mvex", b"trex", b"moof", b"mfhd", b"traf",
    b"tfhd", b"trun", b"mdat", b"prft",
];

/// Feeds a demuxer and checks all along that it holds no more than a bound.
fn feed(demuxer: &mut Demuxer, data: &[u8], bound: usize) -> Vec<Event> {
    let mut events = Vec::new();
    for piece in data.chunks(1000) {
        demuxer.handle_input(piece);
        while let Ok(Some(event)) = demuxer.poll_event() {
            events.push(event);
        }
        assert!(
            demuxer.buffered_len() <= bound,
            "{} bytes held",
            demuxer.buffered_len()
        );
    }
    events
}

#[test]
fn claimed_sizes_take_no_memory() {
    let one = make_samples(AUDIO, 0, &[(1000, 0, true, 100)]);
    let whole = file(&[one], 0, 1, Config::per_track());
    let mdat = whole.windows(4).position(|name| name == b"mdat").unwrap() - 4;

    // An mdat of 2^63 bytes: its samples come out, the rest passes by.
    let mut huge = whole[..mdat].to_vec();
    huge.extend_from_slice(b"\0\0\0\x01mdat\x80\0\0\0\0\0\0\0");
    let mut demuxer = Demuxer::new(Limits::default());
    // The table points 8 bytes too early now.
    let events = feed(&mut demuxer, &[huge, vec![0x55; 1 << 20]].concat(), 8000);
    assert_eq!(samples(&events).len() + warnings(&events).len(), 1);
    assert!(demuxer.buffered_len() < 1000);

    // A moov of 4 GiB is passed over, and told.
    let mut demuxer = Demuxer::new(Limits::default());
    let events = feed(
        &mut demuxer,
        &[&b"\xFF\xFF\xFF\xFFmoov"[..], &[0; 1 << 16]].concat(),
        2000,
    );
    assert_eq!(warnings(&events).len(), 1);

    // A run of 2^32 - 1 samples without a byte of table.
    let mut trun = vec![0; 8];
    trun[4..].copy_from_slice(&[0xFF; 4]);
    let trun = Raw::from_body(FourCc(*b"trun"), &trun).unwrap();
    let mut tfhd = Vec::new();
    Tfhd::new(AUDIO.0).encode(&mut tfhd).unwrap();
    let traf = Raw::from_body(FourCc(*b"traf"), &[&tfhd[..], &trun.bytes].concat()).unwrap();
    let mut mfhd = Vec::new();
    Mfhd { sequence_number: 1 }.encode(&mut mfhd).unwrap();
    let moof = Raw::from_body(FourCc(*b"moof"), &[&mfhd[..], &traf.bytes].concat()).unwrap();
    let mut limits = Limits::default();
    limits.fragment_samples = 1000;
    let mut demuxer = Demuxer::new(limits);
    let styp = whole.windows(4).position(|name| name == b"styp").unwrap() - 4;
    let events = feed(
        &mut demuxer,
        &[&whole[..styp], &moof.bytes, b"\0\0\0\x08mdat"].concat(),
        1000 * 64,
    );
    assert!(
        warnings(&events)[0].starts_with("a fragment has more than 1000 samples"),
        "{:?}",
        warnings(&events)
    );
}

#[test]
fn events_wait_with_the_rest_of_the_input() {
    let many = make_samples(AUDIO, 0, &[(1000, 0, true, 3); 5000]);
    let file = file(&[many], 0, 5000, Config::per_track());
    let mut demuxer = Demuxer::new(Limits::default());
    demuxer.handle_input(&file);
    assert!(demuxer.buffered_len() < file.len() + 5000 * 64);
    demuxer.handle_eof();
    let events: Vec<_> = core::iter::from_fn(|| demuxer.poll_event().unwrap()).collect();
    assert_eq!(samples(&events).len(), 5000);
    assert_eq!(warnings(&events), [""; 0]);
    assert_eq!(demuxer.buffered_len(), 0);
}

#[test]
fn another_init_segment_is_a_discontinuity() {
    let one = || make_samples(AUDIO, 5000, &[(1000, 0, true, 10); 3]);
    let two = || make_samples(OTHER, 0, &[(1000, 0, true, 20); 3]);
    let kinds = |data: &[u8]| -> String {
        let kind = |event: &Event| match event {
            Event::Tracks(_) => 'T',
            Event::Sample(_) => 's',
            Event::Discontinuity => 'D',
            other => panic!("{other:?}"),
        };
        demux(data).iter().map(kind).collect()
    };
    let first = file(&[one()], 0, 3, Config::per_track());
    let second = file(&[two()], 0, 3, Config::per_track());
    assert_eq!(kinds(&[&first[..], &second].concat()), "TsssDTsss");
    // The same once more: times go back.
    assert_eq!(kinds(&[&first[..], &first].concat()), "TsssDsss");
}

#[test]
fn after_noise_the_next_fragment_is_found() {
    let whole = file(
        &[make_samples(AUDIO, 0, &[(1000, 0, true, 10); 6])],
        0,
        3,
        Config::per_track(),
    );
    let second = whole.windows(4).rposition(|name| name == b"styp").unwrap() - 4;
    for noise in [
        &b"\0\0\0\x02noise"[..],
        &[0xFF; 100],
        b"\0\0\0\x01moof\0\0\0\0\0\0\0\x03",
        &[1; 5000],
    ] {
        let data = [&whole[..second], noise, &whole[second..]].concat();
        let events = demux(&data);
        assert_eq!(samples(&events).len(), 6, "{noise:?}");
        assert!(!warnings(&events).is_empty());
    }
}
