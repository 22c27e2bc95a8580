//! What the packager makes of cut samples, read back box by box.

use bytes::Bytes;
use core::num::NonZeroU32;
use fluvial_mp4::boxes::{Children, Ftyp, Moof, Moov, Styp};
use fluvial_mp4::packager::{Config, Output};
use fluvial_mp4::{Error, IsoBox, Packager};
use media::segmenter::{Config as Cuts, Segmenter};
use media::{
    Codec, Cut, Event, Flags, FourCc, Kind, Sample, Segmented, Time, Timescale, Track, TrackId,
    Tracks,
};

const VIDEO: TrackId = TrackId(1);
const AUDIO: TrackId = TrackId(2);

const SPS: [u8; 28] = [
    0x67, 0x64, 0x00, 0x1F, 0xAC, 0xD9, 0x40, 0x50, 0x05, 0xBB, 0x01, 0x6A, 0x02, 0x02, 0x02, 0x80,
    0x00, 0x00, 0x03, 0x00, 0x80, 0x00, 0x00, 0x19, 0x07, 0x8C, 0x18, 0xCB,
];
const PPS: [u8; 6] = [0x68, 0xEB, 0xE3, 0xCB, 0x22, 0xC0];

fn tracks(priming: u32) -> Tracks {
    let avc = h264::DecoderConfig::from_parameter_sets([&SPS[..]], [&PPS[..]]).unwrap();
    let asc = aac::AudioSpecificConfig::lc(48_000, 2).unwrap();
    let mut audio = Track::new(AUDIO, Timescale::new(48_000).unwrap(), Codec::Aac(asc));
    audio.priming = priming;
    [
        Track::new(VIDEO, Timescale::KHZ_90, Codec::H264(avc)),
        audio,
    ]
    .into_iter()
    .collect()
}

/// `seconds` of 25 pictures with two B-frames between references, a key frame each second, and AAC.
fn events(seconds: i64) -> Vec<Event> {
    let mut samples = Vec::new();
    for n in 0..seconds * 25 {
        let dts = n * 3600;
        let ahead = [2, 4, 1, 1][usize::try_from(n % 4).unwrap()];
        samples.push(Sample {
            track: VIDEO,
            dts,
            pts: dts + ahead * 3600,
            duration: None,
            flags: Flags::SYNC.when(n % 25 == 0),
            data: Bytes::from(vec![
                u8::try_from(n % 251).unwrap();
                100 + usize::try_from(n).unwrap()
            ]),
        });
    }
    for n in 0..seconds * 48_000 / 1024 {
        samples.push(Sample {
            track: AUDIO,
            dts: n * 1024,
            pts: n * 1024,
            duration: NonZeroU32::new(1024),
            flags: Flags::SYNC,
            data: Bytes::from(vec![0xAA; 50]),
        });
    }
    let tracks = tracks(0);
    samples.sort_by_key(|sample| {
        tracks
            .find(sample.track)
            .unwrap()
            .timescale
            .time(sample.dts)
    });
    core::iter::once(Event::Tracks(tracks))
        .chain(samples.into_iter().map(Event::Sample))
        .collect()
}

fn package(events: &[Event], cuts: Cuts, config: Config) -> Vec<Output> {
    let mut segmenter = Segmenter::new(cuts);
    let mut packager = Packager::new(config);
    let mut outputs = Vec::new();
    let mut drain = |segmenter: &mut Segmenter| {
        while let Some(segmented) = segmenter.poll_output() {
            packager.handle(&segmented).unwrap();
        }
        while let Some(output) = packager.poll_output() {
            outputs.push(output);
        }
        assert!(packager.buffered_len() < 1 << 20);
    };
    for event in events {
        segmenter.handle_event(event);
        drain(&mut segmenter);
    }
    segmenter.finish();
    drain(&mut segmenter);
    outputs
}

fn concat(parts: &[Bytes]) -> Vec<u8> {
    parts.iter().flatten().copied().collect()
}

fn box_types(data: &[u8]) -> Vec<String> {
    Children::new(wire::Reader::new(data))
        .map(|child| child.unwrap().header.box_type.to_string())
        .collect()
}

#[test]
fn a_muxed_stream_has_whole_segments_on_the_cuts() {
    let events = events(10);
    let outputs = package(
        &events,
        Cuts::segments(Time::from_millis(2000)),
        Config::muxed(),
    );
    let [Output::Init(init), rest @ ..] = outputs.as_slice() else {
        panic!("no init segment")
    };
    assert_eq!(init.name(), "init-0.mp4");
    assert_eq!(box_types(&init.data), ["ftyp", "moov"]);
    Ftyp::parse(&init.data).unwrap();

    let segments: Vec<_> = rest
        .iter()
        .filter_map(|output| match output {
            Output::Segment(segment) => Some(segment),
            _ => None,
        })
        .collect();
    assert_eq!(segments.len(), 5);
    assert_eq!(rest.len(), 10, "one part each");
    let mut media_bytes = 0;
    for (n, segment) in segments.iter().enumerate() {
        let n = u64::try_from(n).unwrap();
        assert_eq!(segment.name(), format!("segment-{n}.m4s"));
        assert_eq!(
            (segment.info.segment, segment.info.parts, segment.info.init),
            (n, 1, 0)
        );
        assert_eq!(
            (segment.info.start, segment.info.duration),
            (i64::try_from(n).unwrap() * 180_000, 180_000)
        );
        assert!(segment.info.independent && !segment.info.discontinuity);
        let data = concat(&segment.data);
        assert_eq!(segment.info.size, data.len() as u64);
        assert_eq!(box_types(&data), ["styp", "moof", "mdat"]);
        let styp_len = Styp::parse(&data).unwrap().encoded_len();
        let moof = Moof::parse(&data[styp_len..]).unwrap();
        assert_eq!(moof.trafs.len(), 2);
        assert_eq!(
            moof.trafs[0].tfdt.unwrap().base_media_decode_time,
            n * 180_000
        );
        assert_eq!(moof.trafs[0].truns[0].sample_count(), 50);
        media_bytes += data.len() - styp_len - moof.encoded_len() - 8;
    }
    let expected: usize = events
        .iter()
        .map(|event| match event {
            Event::Sample(sample) => sample.data.len(),
            _ => 0,
        })
        .sum();
    assert_eq!(media_bytes, expected);
}

#[test]
fn parts_add_up_to_their_segments() {
    for config in [Config::muxed(), Config::per_track()] {
        let outputs = package(&events(6), Cuts::low_latency(), config);
        let mut parts = Vec::new();
        let mut segments = 0;
        for output in outputs {
            match output {
                Output::Init(init) => assert_eq!(init.number, 0),
                Output::Part(part) => {
                    assert!(
                        part.info.timescale.time(part.info.duration.cast_signed())
                            <= Time::from_millis(250)
                    );
                    assert_eq!(part.info.size, part.data.len() as u64);
                    parts.push(part);
                }
                Output::Segment(segment) => {
                    let own: Vec<_> = parts
                        .extract_if(.., |part| part.info.track == segment.info.track)
                        .collect();
                    assert_eq!(own.len(), usize::try_from(segment.info.parts).unwrap());
                    assert!(own.len() > 7);
                    assert_eq!(
                        own.iter().map(|part| part.info.duration).sum::<u64>(),
                        segment.info.duration
                    );
                    assert_eq!(
                        own.iter().map(|part| part.data.clone()).collect::<Vec<_>>(),
                        segment.data
                    );
                    for (n, part) in own.iter().enumerate() {
                        assert_eq!(part.info.part, u32::try_from(n).unwrap());
                        assert_eq!(part.info.segment, segment.info.segment);
                        assert_eq!(box_types(&part.data)[0] == "styp", n == 0);
                    }
                    segments += 1;
                }
            }
        }
        assert!(parts.is_empty());
        assert!(segments >= 3);
    }
}

fn cut(track: TrackId, segment: u64, time: i64) -> Segmented {
    let cut = Cut {
        segment,
        part: 0,
        time,
        independent: true,
        discontinuity: false,
    };
    Segmented::Cut { track, cut }
}

fn sample(track: TrackId, dts: i64, byte: u8) -> Segmented {
    Segmented::Sample(Sample {
        track,
        dts,
        pts: dts,
        duration: NonZeroU32::new(1000),
        flags: Flags::SYNC,
        data: Bytes::from(vec![byte]),
    })
}

#[test]
fn a_late_track_goes_to_its_own_segment() {
    let mut packager = Packager::new(Config::muxed());
    packager.handle(&Segmented::Tracks(tracks(0))).unwrap();
    let script = [
        cut(VIDEO, 4, 0),
        sample(VIDEO, 0, 1),
        cut(AUDIO, 4, 0),
        cut(VIDEO, 5, 1000),
        sample(VIDEO, 1000, 2),
        sample(AUDIO, 0, 3),
    ];
    for step in &script {
        packager.handle(step).unwrap();
    }
    assert_eq!(
        packager.poll_output(),
        None,
        "segment 4 waits for the audio track"
    );
    packager.handle(&cut(AUDIO, 5, 1000)).unwrap();
    packager.handle(&Segmented::End).unwrap();
    let mut payloads = Vec::new();
    while let Some(output) = packager.poll_output() {
        if let Output::Segment(segment) = output {
            let data = concat(&segment.data);
            let mdat = Children::new(wire::Reader::new(&data))
                .last()
                .unwrap()
                .unwrap();
            payloads.push((segment.info.segment, mdat.body().peek().to_vec()));
        }
    }
    assert_eq!(payloads, [(4, vec![1, 3]), (5, vec![2])]);
    assert!(matches!(
        packager.handle(&Segmented::End),
        Err(Error::State(_))
    ));
}

#[test]
fn a_silent_track_has_segments_without_samples() {
    let mut packager = Packager::new(Config::per_track());
    packager.handle(&Segmented::Tracks(tracks(0))).unwrap();
    for (segment, time) in [(0, 0), (1, 96_000), (2, 192_000)] {
        let cut = Cut {
            segment,
            part: 0,
            time,
            independent: false,
            discontinuity: false,
        };
        packager
            .handle(&Segmented::Cut { track: AUDIO, cut })
            .unwrap();
    }
    let segments: Vec<_> = core::iter::from_fn(|| packager.poll_output())
        .filter_map(|output| match output {
            Output::Segment(segment) => Some(segment),
            _ => None,
        })
        .collect();
    assert_eq!(segments.len(), 2);
    assert_eq!(
        (segments[1].info.start, segments[1].info.duration),
        (96_000, 96_000)
    );
    let data = concat(&segments[1].data);
    assert_eq!(box_types(&data), ["styp", "moof", "mdat"]);
    let styp_len = Styp::parse(&data).unwrap().encoded_len();
    let moof = Moof::parse(&data[styp_len..]).unwrap();
    assert_eq!(moof.trafs[0].tfdt.unwrap().base_media_decode_time, 96_000);
    assert!(moof.trafs[0].truns.is_empty() && moof.trafs[0].tfhd.duration_is_empty);
}

#[test]
fn only_a_change_makes_a_new_init_segment() {
    let mut packager = Packager::new(Config::per_track());
    let mut changed: Vec<Track> = tracks(0).iter().cloned().collect();
    changed[1].priming = 1024;
    let mut names = Vec::new();
    for (segment, tracks) in (0..).zip([tracks(0), tracks(0), changed.into()]) {
        packager.handle(&Segmented::Tracks(tracks)).unwrap();
        for track in [VIDEO, AUDIO] {
            packager.handle(&cut(track, segment, 0)).unwrap();
            packager.handle(&sample(track, 0, 1)).unwrap();
        }
    }
    packager.handle(&Segmented::End).unwrap();
    while let Some(output) = packager.poll_output() {
        if let Output::Init(init) = output {
            names.push(init.name());
        }
    }
    assert_eq!(names, ["init-1-0.mp4", "init-2-0.mp4", "init-2-1.mp4"]);
}

#[test]
fn priming_is_an_edit_and_moves_nothing() {
    let mut packager = Packager::new(Config::per_track());
    packager.handle(&Segmented::Tracks(tracks(1024))).unwrap();
    let cut = Cut {
        segment: 0,
        part: 0,
        time: -1024,
        independent: true,
        discontinuity: false,
    };
    packager
        .handle(&Segmented::Cut { track: AUDIO, cut })
        .unwrap();
    for dts in [-1024, 0] {
        let sample = Sample {
            track: AUDIO,
            dts,
            pts: dts,
            duration: NonZeroU32::new(1024),
            flags: Flags::SYNC,
            data: Bytes::from_static(b"frame"),
        };
        packager.handle(&Segmented::Sample(sample)).unwrap();
    }
    packager.handle(&Segmented::End).unwrap();
    let outputs: Vec<_> = core::iter::from_fn(|| packager.poll_output()).collect();
    let (Output::Init(init), Output::Part(part)) = (&outputs[0], &outputs[1]) else {
        panic!("{outputs:?}")
    };
    let ftyp_len = Ftyp::parse(&init.data).unwrap().encoded_len();
    let moov = Moov::parse(&init.data[ftyp_len..]).unwrap();
    let elst = moov.traks[0].edts.as_ref().unwrap().elst.as_ref().unwrap();
    assert_eq!(
        elst.edits
            .iter()
            .map(|edit| edit.media_time)
            .collect::<Vec<_>>(),
        [1024]
    );
    let styp_len = Styp::parse(&part.data).unwrap().encoded_len();
    let moof = Moof::parse(&part.data[styp_len..]).unwrap();
    assert_eq!(moof.trafs[0].tfdt.unwrap().base_media_decode_time, 0);
    assert_eq!(part.info.start, -1024);
    let trun = &moof.trafs[0].truns[0];
    assert!(
        trun.samples()
            .all(|sample| sample.composition_time_offset.is_none())
    );
    let tfhd = moof.trafs[0].tfhd;
    assert_eq!(
        (tfhd.default_sample_size, tfhd.default_sample_duration),
        (Some(5), Some(1024))
    );
}

#[test]
fn what_cannot_be_written_is_refused() {
    let other = Codec::Other {
        kind: Kind::Video,
        fourcc: FourCc(*b"hvc1"),
        config: Bytes::new(),
    };
    let track = Track::new(VIDEO, Timescale::KHZ_90, other);
    let mut packager = Packager::new(Config::muxed());
    let error = packager
        .handle(&Segmented::Tracks(vec![track].into()))
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "hvc1 that comes from no MP4 file is not supported"
    );

    let mut zero: Vec<Track> = tracks(0).iter().cloned().collect();
    zero[0].id = TrackId(0);
    let error = packager
        .handle(&Segmented::Tracks(zero.into()))
        .unwrap_err();
    assert!(matches!(
        error,
        Error::Invalid {
            field: "track_ID",
            ..
        }
    ));
}

#[test]
fn a_jump_in_times_starts_a_segment_that_says_so() {
    let mut twice = events(4);
    twice.push(Event::Discontinuity);
    twice.extend(events(4).into_iter().skip(1));
    for config in [Config::muxed(), Config::per_track()] {
        let outputs = package(&twice, Cuts::low_latency(), config);
        let inits = outputs
            .iter()
            .filter(|output| matches!(output, Output::Init(_)))
            .count();
        for track in [None, Some(VIDEO), Some(AUDIO)] {
            let of_track = |output: &Output| match output {
                Output::Segment(segment) if segment.info.track == track => Some(segment.info),
                _ => None,
            };
            let infos: Vec<_> = outputs.iter().filter_map(of_track).collect();
            if infos.is_empty() {
                continue;
            }
            let numbers: Vec<_> = infos.iter().map(|info| info.segment).collect();
            assert_eq!(numbers, [0, 1, 2, 3]);
            let jumps: Vec<_> = infos.iter().map(|info| info.discontinuity).collect();
            assert_eq!(jumps, [false, false, true, false]);
            assert_eq!(infos[2].start, infos[0].start);
            assert!(infos.iter().all(|info| info.independent && info.init == 0));
        }
        assert!((1..=2).contains(&inits), "nothing changed but the times");
    }
}
