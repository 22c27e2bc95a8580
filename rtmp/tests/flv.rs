//! FLV tag bodies to samples and back.

#[path = "support/corpus.rs"]
mod corpus;

use aac::AudioSpecificConfig;
use bytes::Bytes;
use fluvial_rtmp::flv::{Demuxer, Muxer};
use fluvial_rtmp::{Limits, Message, SharedMessage, TypeId, message::Role};
use h264::DecoderConfig;
use media::{Codec, Event, Flags, Metadata, Sample, Timescale, Track, TrackId, Tracks, Value};
use proptest::prelude::*;

const VIDEO: TrackId = TrackId(1);
const AUDIO: TrackId = TrackId(2);

/// 1280 × 720, 25 fps by its VUI.
const SPS: [u8; 28] = [
    0x67, 0x64, 0x00, 0x1F, 0xAC, 0xD9, 0x40, 0x50, 0x05, 0xBB, 0x01, 0x6A, 0x02, 0x02, 0x02, 0x80,
    0x00, 0x00, 0x03, 0x00, 0x80, 0x00, 0x00, 0x19, 0x07, 0x8C, 0x18, 0xCB,
];
const PPS: [u8; 6] = [0x68, 0xEB, 0xE3, 0xCB, 0x22, 0xC0];

fn config() -> DecoderConfig {
    DecoderConfig::from_parameter_sets([&SPS[..]], [&PPS[..]]).unwrap()
}

fn tracks() -> Tracks {
    let video = Track::new(
        VIDEO,
        Timescale::new(120_000).unwrap(),
        Codec::H264(config()),
    );
    let audio = AudioSpecificConfig::lc(48_000, 2).unwrap();
    let audio = Track::new(AUDIO, Timescale::new(48_000).unwrap(), Codec::Aac(audio));
    Tracks::from(vec![video, audio])
}

fn drain(demuxer: &mut Demuxer) -> Vec<Event> {
    std::iter::from_fn(|| demuxer.poll_event().unwrap()).collect()
}

fn demuxed(messages: &[Message]) -> Vec<Event> {
    let mut demuxer = Demuxer::new(Limits::default());
    let mut events = Vec::new();
    for message in messages {
        demuxer.handle_message(message);
        events.extend(drain(&mut demuxer));
    }
    demuxer.handle_eof();
    events.extend(drain(&mut demuxer));
    assert_eq!(demuxer.buffered_len(), 0);
    events
}

fn samples(events: &[Event]) -> Vec<&Sample> {
    let samples = events.iter().filter_map(|event| match event {
        Event::Sample(sample) => Some(sample),
        _ => None,
    });
    samples.collect()
}

fn message(type_id: TypeId, timestamp: u32, payload: &[u8]) -> Message {
    Message {
        timestamp,
        type_id,
        stream_id: 1,
        payload: Bytes::copy_from_slice(payload),
    }
}

fn video(timestamp: u32, body: &[u8]) -> Message {
    message(
        TypeId::VIDEO,
        timestamp,
        &[
            &[if body[4] == 0x65 { 0x17 } else { 0x27 }, 1, 0, 0, 0],
            body,
        ]
        .concat(),
    )
}

fn video_header() -> Message {
    message(
        TypeId::VIDEO,
        0,
        &[&[0x17, 0, 0, 0, 0], &config().raw()[..]].concat(),
    )
}

fn audio(timestamp: u32) -> Message {
    message(TypeId::AUDIO, timestamp, &[0xAF, 1, 0x21])
}

const AUDIO_HEADER: &[u8] = &[0xAF, 0, 0x11, 0x90];
const IDR: &[u8] = &[0, 0, 0, 2, 0x65, 0x88];
const INTER: &[u8] = &[0, 0, 0, 2, 0x41, 0x9A];

/// The kinds of events, in order.
fn kinds(events: &[Event]) -> String {
    let kinds = events.iter().map(|event| match event {
        Event::Tracks(tracks) => char::from_digit(tracks.len() as u32, 10).unwrap(),
        Event::Sample(sample) if sample.track == VIDEO => 'v',
        Event::Sample(_) => 'a',
        Event::Metadata(_) => 'm',
        Event::Discontinuity => 'd',
        Event::Warning(_) => 'w',
        _ => '?',
    });
    kinds.collect()
}

/// Samples of a second: 25 frames in the pattern I B P with times in exact ticks, 47 AAC frames.
fn second() -> Vec<Sample> {
    let mut out = Vec::new();
    for frame in 0..25i64 {
        let (data, flags, delay) = match (frame, frame % 2) {
            (0, _) => (IDR, Flags::SYNC, 1),
            (_, 1) => (&[0, 0, 0, 2, 0x41, 0x9A][..], Flags::NONE, 2),
            _ => (&[0, 0, 0, 2, 0x01, 0x9E][..], Flags::DISPOSABLE, 0),
        };
        let dts = frame * 4800;
        let sample = Sample {
            track: VIDEO,
            dts,
            pts: dts + delay * 4800,
            duration: None,
            flags,
            data: data.into(),
        };
        out.push((dts * 1000 / 120_000, sample));
    }
    for frame in 0..47i64 {
        let dts = frame * 1024;
        let data = Bytes::from(vec![0x21, frame as u8]);
        let sample = Sample {
            track: AUDIO,
            dts,
            pts: dts,
            duration: None,
            flags: Flags::SYNC,
            data,
        };
        out.push((dts * 1000 / 48_000, sample));
    }
    out.sort_by_key(|(time, _)| *time);
    out.into_iter().map(|(_, sample)| sample).collect()
}

#[test]
fn what_is_muxed_is_demuxed() {
    let mut muxer = Muxer::new();
    muxer.set_metadata(Metadata {
        entries: vec![("encoder".into(), Value::Text("us".into()))],
    });
    muxer.set_tracks(&tracks()).unwrap();
    for sample in second() {
        muxer.handle_sample(&sample).unwrap();
    }
    muxer.finish();
    let messages: Vec<_> = std::iter::from_fn(|| muxer.poll_output()).collect();
    let roles: Vec<_> = messages.iter().take(4).map(Message::role).collect();
    assert_eq!(
        roles,
        [Role::Header, Role::Header, Role::Header, Role::JoinPoint]
    );
    let roles = messages
        .iter()
        .map(|message| SharedMessage::new(message).unwrap().role());
    // The sound and the end of the sequence: a disposable picture needs those before it.
    assert_eq!(roles.filter(|role| *role == Role::Free).count(), 47 + 1);

    let events = demuxed(&messages);
    let Event::Metadata(metadata) = &events[0] else {
        panic!("{events:?}")
    };
    assert_eq!(metadata.get("encoder"), Some(&Value::Text("us".into())));
    assert_eq!(metadata.get("width"), Some(&Value::Number(1280.0)));
    assert_eq!(events[1], Event::Tracks(tracks()));
    assert_eq!(samples(&events), second().iter().collect::<Vec<_>>());
    assert_eq!(events.len(), 2 + 25 + 47);
}

#[test]
fn negative_times_are_moved_and_extremes_are_refused() {
    let mut muxer = Muxer::new();
    muxer.set_tracks(&tracks()).unwrap();
    let mut sample = second()[0].clone();
    (sample.dts, sample.pts) = (-12_000, 0);
    muxer.handle_sample(&sample).unwrap();
    (sample.dts, sample.pts) = (0, 0);
    muxer.handle_sample(&sample).unwrap();
    let times: Vec<_> = std::iter::from_fn(|| muxer.poll_output())
        .map(|message| message.timestamp)
        .collect();
    assert_eq!(times, [0, 0, 0, 0, 100]);
    sample.pts = i64::MAX;
    assert!(muxer.handle_sample(&sample).is_err());
    sample.track = TrackId(9);
    assert!(muxer.handle_sample(&sample).is_err());
    let two = Tracks::from(vec![tracks()[0].clone(), tracks()[0].clone()]);
    assert!(muxer.set_tracks(&two).is_err());
}

#[test]
fn the_first_tracks_wait_for_the_others() {
    let meta = |codecs: &[&str]| {
        let mut payload = b"\x02\x00\x0AonMetaData\x08\x00\x00\x00\x00".to_vec();
        for codec in codecs {
            payload.extend([0, codec.len() as u8]);
            payload.extend(codec.bytes());
            payload.extend([0, 0x40, 0x24, 0, 0, 0, 0, 0, 0]);
        }
        payload.extend([0, 0, 9]);
        message(TypeId::DATA, 0, &payload)
    };
    let header = message(TypeId::AUDIO, 0, AUDIO_HEADER);
    // Both are told, or nothing is: frames wait for the second header.
    for first in [meta(&[]), meta(&["videocodecid", "audiocodecid"])] {
        let events = demuxed(&[
            first,
            video_header(),
            video(0, IDR),
            header.clone(),
            audio(0),
            video(40, INTER),
        ]);
        assert_eq!(kinds(&events), "m2vav");
    }
    // Only one is told.
    let events = demuxed(&[
        meta(&["videocodecid"]),
        video_header(),
        video(0, IDR),
        header.clone(),
        audio(0),
    ]);
    assert_eq!(kinds(&events), "m1v2a");
    let events = demuxed(&[meta(&["audiocodecid"]), header.clone(), audio(0)]);
    assert_eq!(kinds(&events), "m1a");
    // Nothing is told and the other never comes: a second, or so many samples.
    let mut demuxer = Demuxer::new(Limits::default());
    demuxer.handle_message(&header);
    for frame in 0..60u32 {
        let time = frame * 1024 / 48;
        demuxer.handle_message(&audio(time));
        assert_eq!(drain(&mut demuxer).is_empty(), time < 1000, "{time}");
    }
    let mut demuxer = Demuxer::new(Limits::default());
    demuxer.handle_message(&header);
    for frame in 1..=256 {
        demuxer.handle_message(&audio(0));
        assert_eq!(drain(&mut demuxer).is_empty(), frame < 256);
    }
    // A codec that is left out does not come.
    let other = message(TypeId::AUDIO, 0, &[0x2F, 1, 2]);
    let events = demuxed(&[other.clone(), video_header(), video(0, IDR), other]);
    assert_eq!(kinds(&events), "w1v");
}

#[test]
fn headers_that_change_or_repeat() {
    let header = message(TypeId::AUDIO, 0, AUDIO_HEADER);
    let other = message(TypeId::AUDIO, 0, &[0xAF, 0, 0x12, 0x10]);
    let messages = [
        video_header(),
        header.clone(),
        audio(0),
        header.clone(),
        video_header(),
        other,
        audio(21),
        video(21, IDR),
    ];
    let events = demuxed(&messages);
    assert_eq!(kinds(&events), "2a2av");
    let Event::Tracks(tracks) = &events[2] else {
        panic!()
    };
    assert_eq!(tracks[1].timescale.get(), 44_100);
    // Frames and nonsense before their headers are complained about once.
    let bad = message(TypeId::VIDEO, 0, &[0x17, 0, 0, 0, 0, 9]);
    let events = demuxed(&[
        audio(0),
        audio(21),
        video(0, IDR),
        video(40, IDR),
        bad,
        header,
    ]);
    assert_eq!(kinds(&events), "www1");
}

#[test]
fn access_units_are_brought_into_one_form() {
    let mut sps = SPS;
    sps[3] = 0x20;
    let other_pps = [0x68, 0x52, 0xE3, 0xCB, 0x22, 0xC0];
    let mut unit = Vec::new();
    for nal in [
        &[9, 0xF0][..],
        &SPS,
        &PPS,
        &[6, 5, 1, 0, 0x80],
        &[12, 0xFF, 0x80],
        &[0x65, 0x88, 0x84],
    ] {
        unit.extend((nal.len() as u16).to_be_bytes());
        unit.extend(nal);
    }
    let short = config().with_length_size(2);
    let header = message(
        TypeId::VIDEO,
        0,
        &[&[0x17, 0, 0, 0, 0], &short.raw()[..]].concat(),
    );
    let mut demuxer = Demuxer::new(Limits::default());
    demuxer.handle_message(&header);
    demuxer.handle_message(&message(
        TypeId::VIDEO,
        0,
        &[&[0x17, 1, 0, 0, 0], &unit[..]].concat(),
    ));
    demuxer.handle_eof();
    let events = drain(&mut demuxer);
    assert_eq!(kinds(&events), "1v");
    let Event::Tracks(told) = &events[0] else {
        panic!()
    };
    let Codec::H264(told) = &told[0].codec else {
        panic!()
    };
    assert_eq!(*told, config());
    assert_eq!(
        samples(&events)[0].data[..],
        [0, 0, 0, 5, 6, 5, 1, 0, 0x80, 0, 0, 0, 3, 0x65, 0x88, 0x84]
    );
    // Other parameter sets change the tracks; they are merged by their ids.
    let mut unit = Vec::new();
    for nal in [&sps[..], &other_pps, &[0x65, 0x88, 0x84]] {
        unit.extend((nal.len() as u16).to_be_bytes());
        unit.extend(nal);
    }
    demuxer.handle_message(&message(
        TypeId::VIDEO,
        40,
        &[&[0x17, 1, 0, 0, 0], &unit[..]].concat(),
    ));
    let events = drain(&mut demuxer);
    assert_eq!(kinds(&events), "1v");
    let Event::Tracks(told) = &events[0] else {
        panic!()
    };
    let Codec::H264(told) = &told[0].codec else {
        panic!()
    };
    assert_eq!(told.sps().collect::<Vec<_>>(), [&sps[..]]);
    assert_eq!(told.pps().collect::<Vec<_>>(), [&PPS[..], &other_pps]);
    // Damage is told and passed over.
    demuxer.handle_message(&message(TypeId::VIDEO, 80, &[0x27, 1, 0, 0, 0, 0, 9, 1]));
    assert_eq!(kinds(&drain(&mut demuxer)), "w");
}

#[test]
fn a_unit_in_the_right_form_is_not_copied() {
    let mut demuxer = Demuxer::new(Limits::default());
    demuxer.handle_message(&video_header());
    let frame = video(0, IDR);
    demuxer.handle_message(&frame);
    demuxer.handle_eof();
    let events = drain(&mut demuxer);
    assert_eq!(
        samples(&events)[0].data.as_ptr(),
        frame.payload[5..].as_ptr()
    );
}

#[test]
fn jumps_and_the_end_of_the_clock() {
    let header = message(TypeId::AUDIO, 0, AUDIO_HEADER);
    let messages = [
        video_header(),
        header,
        video(u32::MAX - 39, IDR),
        audio(u32::MAX - 39),
        video(0, INTER),
        audio(0),
        video(40, INTER),
        // It starts again.
        video(100_000, IDR),
        video(0, IDR),
        audio(0),
        video(40, INTER),
    ];
    let events = demuxed(&messages);
    assert_eq!(kinds(&events), "2vavavvdvav");
    let times: Vec<_> = samples(&events)
        .iter()
        .filter(|sample| sample.track == VIDEO)
        .map(|sample| sample.dts / 120)
        .collect();
    let base = (1 << 32) - 40;
    assert_eq!(
        times,
        [
            base,
            base + 40,
            base + 80,
            base + 100_040,
            base + 40,
            base + 80
        ]
    );
}

#[test]
fn roles() {
    for (type_id, payload, role) in [
        (TypeId::VIDEO, &[0x17, 0, 0, 0, 0][..], Role::Header),
        (TypeId::VIDEO, &[0x17, 1, 0, 0, 0], Role::JoinPoint),
        (TypeId::VIDEO, &[0x27, 1, 0, 0, 0], Role::Dependent),
        (TypeId::VIDEO, &[0x37, 1, 0, 0, 0], Role::Dependent),
        (TypeId::VIDEO, &[0x17, 2, 0, 0, 0], Role::Free),
        (TypeId::VIDEO, &[0x57, 0], Role::Free),
        (TypeId::VIDEO, &[0x52, 0], Role::Free),
        (TypeId::VIDEO, &[0x12], Role::JoinPoint),
        (TypeId::VIDEO, &[], Role::Free),
        (TypeId::AUDIO, &[0xAF, 0, 1], Role::Header),
        (TypeId::AUDIO, &[0xAF, 1, 1], Role::Free),
        (TypeId::AUDIO, &[0x2F, 0], Role::Free),
        (TypeId::DATA, b"\x02\x00\x0AonMetaData", Role::Header),
        (TypeId::DATA, b"\x02\x00\x0AonTextData", Role::Free),
    ] {
        assert_eq!(
            message(type_id, 0, payload).role(),
            role,
            "{type_id:?} {payload:?}"
        );
    }
}

/// The tags of an FLV file as messages.
fn tags(file: &[u8]) -> Vec<Message> {
    let mut out = Vec::new();
    let mut rest = file.get(9 + 4..).unwrap_or_default();
    while let [type_id, l0, l1, l2, t1, t2, t3, t0, _, _, _, tail @ ..] = rest {
        let len = u32::from_be_bytes([0, *l0, *l1, *l2]) as usize;
        let timestamp = u32::from_be_bytes([*t0, *t1, *t2, *t3]);
        let Some(body) = tail.get(..len) else { break };
        out.push(message(TypeId(*type_id), timestamp, body));
        rest = tail.get(len + 4..).unwrap_or_default();
    }
    out
}

#[test]
fn public_files() {
    for path in corpus::files("flv") {
        if path.extension().is_none_or(|extension| extension != "flv") {
            continue;
        }
        let messages = tags(&std::fs::read(&path).unwrap());
        let events = demuxed(&messages);
        let samples = samples(&events);
        println!(
            "{path:?}: {} messages, {} samples",
            messages.len(),
            samples.len()
        );
        for track in [VIDEO, AUDIO] {
            let times: Vec<_> = samples
                .iter()
                .filter(|sample| sample.track == track)
                .map(|sample| sample.dts)
                .collect();
            if !events.contains(&Event::Discontinuity) {
                assert!(times.is_sorted_by(|a, b| a < b), "{path:?}");
            }
            // Every frame of AAC has come, each on its place.
            if track == AUDIO && path.to_str().unwrap().contains("ruffle/audio/aac") {
                let frames = messages
                    .iter()
                    .filter(|message| message.payload.starts_with(&[0xAF, 1]));
                let frames = frames.count();
                assert!(
                    frames > 10 && times.len() == frames,
                    "{path:?}: {frames}, {}",
                    times.len()
                );
                assert!(
                    times.windows(2).all(|pair| pair[1] - pair[0] == 1024),
                    "{path:?}: {times:?}"
                );
            }
        }
        // What was read can be written, and read again.
        let Some(Event::Tracks(tracks)) = events
            .iter()
            .find(|event| matches!(event, Event::Tracks(_)))
        else {
            continue;
        };
        let mut muxer = Muxer::new();
        muxer.set_tracks(tracks).unwrap();
        for sample in samples
            .iter()
            .filter(|sample| tracks.find(sample.track).is_some())
        {
            muxer.handle_sample(sample).unwrap();
        }
        let again: Vec<_> = std::iter::from_fn(|| muxer.poll_output()).collect();
        let again = demuxed(&again);
        let data = |samples: Vec<&Sample>| {
            samples
                .iter()
                .map(|sample| sample.data.clone())
                .collect::<Vec<_>>()
        };
        assert_eq!(data(self::samples(&again)), data(samples), "{path:?}");
    }
}

proptest! {
    #[test]
    fn random_bodies_do_no_harm(messages in prop::collection::vec(
        (prop_oneof![Just(8u8), Just(9), Just(18)], any::<u32>(), prop::collection::vec(any::<u8>(), 0..60)), 0..40)
    ) {
        let mut demuxer = Demuxer::new(Limits::default());
        for message in [video_header(), message(TypeId::AUDIO, 0, AUDIO_HEADER)] {
            demuxer.handle_message(&message);
        }
        let mut last = [i64::MIN; 2];
        for (type_id, timestamp, mut payload) in messages {
            if let [first, second, ..] = &mut payload[..] {
                (*first, *second) = if type_id == 9 { (*first & 0xF0 | 7, *second & 3) } else { (*first | 0xA0, *second & 1) };
            }
            demuxer.handle_message(&message(TypeId(type_id), timestamp, &payload));
            for event in drain(&mut demuxer) {
                match event {
                    Event::Sample(sample) => {
                        let last = &mut last[usize::from(sample.track == AUDIO)];
                        prop_assert!(sample.dts > *last);
                        *last = sample.dts;
                    }
                    Event::Discontinuity => last = [i64::MIN; 2],
                    // Another clock.
                    Event::Tracks(_) => last = [i64::MIN; 2],
                    _ => {}
                }
            }
        }
    }
}

#[test]
fn data_of_any_name_is_metadata() {
    let cue = b"\x02\x00\x0AonCuePoint\x03\x00\x04name\x02\x00\x01x\x00\x00\x09";
    let access = b"\x02\x00\x11|RtmpSampleAccess\x01\x01\x01\x01";
    let color = [
        &b"\x94hvc1\x02\x00\x09colorInfo\x03\x00\x01a"[..],
        &[0, 0x40, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9],
    ]
    .concat();
    let events = demuxed(&[
        message(TypeId::DATA, 0, cue),
        message(TypeId::DATA_AMF3, 0, &[&[0], &cue[..]].concat()),
        message(TypeId::DATA, 0, access),
        message(TypeId::VIDEO, 0, &color),
    ]);
    let map = |name: &str, key: &str, value| {
        let entries = vec![(name.into(), Value::Map(vec![(key.into(), value)]))];
        Event::Metadata(Metadata { entries })
    };
    let cue = map("onCuePoint", "name", Value::Text("x".into()));
    assert_eq!(
        events,
        [cue.clone(), cue, map("colorInfo", "a", Value::Number(2.0))]
    );
}

#[test]
fn data_goes_out_as_it_came() {
    let cue = b"\x02\x00\x0AonCuePoint\x03\x00\x04name\x02\x00\x01x\x00\x00\x09";
    let two = b"\x02\x00\x0AonTextData\x02\x00\x01a\x02\x00\x01b";
    let color = [
        &b"\x94vp09\x02\x00\x09colorInfo\x03\x00\x01a"[..],
        &[0, 0x40, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9],
    ]
    .concat();
    let sent = [
        message(TypeId::DATA, 0, cue),
        message(TypeId::DATA, 0, two),
        message(TypeId::VIDEO, 0, &color),
    ];
    let vp9 = media::codec::Vp::parse(&[0, 10, 0x80, 1, 1, 1, 0, 0]).unwrap();
    let track = Track::new(VIDEO, Timescale::MILLIS, Codec::Vp9(vp9));
    let mut muxer = Muxer::new();
    muxer.set_tracks(&Tracks::from(vec![track])).unwrap();
    while muxer.poll_output().is_some() {}
    for event in demuxed(&sent) {
        let Event::Metadata(metadata) = event else {
            panic!("{event:?}");
        };
        muxer.handle_metadata(&metadata).unwrap();
    }
    let got: Vec<_> = std::iter::from_fn(|| muxer.poll_output()).collect();
    assert_eq!(got, sent);
    // What else there is is told with the facts.
    let entries = vec![("title".into(), Value::Text("x".into()))];
    muxer.handle_metadata(&Metadata { entries }).unwrap();
    let told = demuxed(&[muxer.poll_output().unwrap()]);
    assert!(
        matches!(&told[..], [Event::Metadata(metadata)]
            if metadata.get("title").is_some() && metadata.get("videocodecid").is_some()),
        "{told:?}"
    );
}

#[test]
fn channels_are_told_where_frames_do_not_tell_them() {
    // Five channels and the deep one, then a frame: there is no header of Opus.
    let config = message(TypeId::AUDIO, 0, b"\x94Opus\x01\x06\x00\x00\x00\x3F");
    let frame = message(TypeId::AUDIO, 0, b"\x91Opus\xFC\x01");
    let channels = |messages: &[Message]| {
        let events = demuxed(messages);
        let tracks = events.iter().find_map(|event| match event {
            Event::Tracks(tracks) => Some(tracks[0].codec.channels()),
            _ => None,
        });
        tracks.flatten()
    };
    assert_eq!(channels(&[config, frame.clone()]), Some(6));
    assert_eq!(channels(&[frame]), Some(2));
    // And told to others.
    let flac = media::codec::Flac::parse(&flac_info(6)).unwrap();
    let track = Track::new(AUDIO, Timescale::new(48_000).unwrap(), Codec::Flac(flac));
    let mut muxer = Muxer::new();
    muxer.set_tracks(&Tracks::from(vec![track])).unwrap();
    let told = std::iter::from_fn(|| muxer.poll_output())
        .any(|message| message.payload[..] == *b"\x94fLaC\x00\x06");
    assert!(told);
}

/// `STREAMINFO` (RFC 9639 §8.2) with its block's header.
fn flac_info(channels: u8) -> Vec<u8> {
    let mut info = vec![0x80, 0, 0, 34, 16, 0, 16, 0, 0, 0, 0, 0, 0, 0];
    // 20 bits of rate, 3 of channels less one, 5 of bits less one, 36 of samples.
    let packed = 48_000_u64 << 44 | u64::from(channels - 1) << 41 | 15 << 36;
    info.extend_from_slice(&packed.to_be_bytes());
    info.extend_from_slice(&[0; 16]);
    info
}

#[test]
fn av1_by_the_descriptor_of_transport_streams() {
    for descriptor in [&b"\x80\x04\x81\x04\x0C\x80"[..], b"\x81\x04\x0C\x80"] {
        let start = [&b"\x95av01"[..], descriptor].concat();
        let frame = message(TypeId::VIDEO, 0, b"\x91av01\x12\x00");
        let events = demuxed(&[message(TypeId::VIDEO, 0, &start), frame]);
        let Some(Event::Tracks(tracks)) = events.first() else {
            panic!("{events:?}");
        };
        let Codec::Av1(av1) = &tracks[0].codec else {
            panic!("{tracks:?}");
        };
        assert_eq!(av1.raw()[..], [0x81, 4, 0x0C, 0]);
    }
}
