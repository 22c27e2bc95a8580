//! Recordings, cut off anywhere and closed, as ffmpeg and GStreamer see them.

mod common;

use common::{
    Folder, apply, both, boxes, demux, frames, moov, peers_accept, planned, run, samples, warnings,
};
use fluvial_mp4::recorder::{Config, Recorder};
use fluvial_mp4::writer::{self, Write};
use media::{Event, Time};

/// All writes of a recording, each with the time of the last sample that had come by then, and how many of them came
/// before the file was closed.
fn record(events: &[Event], config: Config) -> (Vec<(f64, Write)>, usize) {
    let mut recorder = Recorder::new(config);
    let mut writes = Vec::new();
    let mut now = 0.0;
    for event in events {
        match event {
            Event::Tracks(tracks) => recorder.set_tracks(tracks).unwrap(),
            Event::Sample(sample) => {
                if sample.track.0 == 1 {
                    now = sample.dts as f64 / 60_000.0;
                }
                recorder.handle_sample(sample).unwrap();
            }
            _ => {}
        }
        while let Some(write) = recorder.poll_output() {
            writes.push((now, write));
        }
    }
    let growing = writes.len();
    recorder.finish().unwrap();
    while let Some(write) = recorder.poll_output() {
        writes.push((now, write));
    }
    (writes, growing)
}

fn reserving(reserve: u32) -> Config {
    let mut config = Config::default();
    config.reserve = reserve;
    config
}

/// The file after a number of writes and so many bytes of the next one.
fn after(writes: &[(f64, Write)], whole: usize, bytes: usize) -> Vec<u8> {
    let mut file = Vec::new();
    for (_, write) in &writes[..whole] {
        apply(write, &mut file);
    }
    if let Some((_, write)) = writes.get(whole) {
        let mut data = write.data.concat();
        data.truncate(bytes);
        let torn = Write {
            offset: write.offset,
            data: vec![data.into()],
        };
        apply(&torn, &mut file);
    }
    file
}

/// The samples as they come from a camera: in the order of their times.
fn live(mut events: Vec<Event>) -> Vec<Event> {
    events.sort_by_key(|event| match event {
        Event::Sample(sample) if sample.track.0 == 1 => sample.dts * 44_100,
        Event::Sample(sample) => sample.dts * 60_000,
        _ => i64::MIN,
    });
    events
}

/// Presentation times of the packets, stream by stream.
fn times(path: &str) -> [Vec<f64>; 2] {
    let entries = "packet=stream_index,pts_time";
    let args = [
        "-v",
        "error",
        "-show_entries",
        entries,
        "-of",
        "csv=p=0",
        path,
    ];
    let text = run("ffprobe", &args).unwrap();
    ["0,", "1,"].map(|stream| {
        let lines = text.lines().filter_map(|line| line.strip_prefix(stream));
        lines
            .filter_map(|line| line.trim_end_matches(',').parse().ok())
            .collect()
    })
}

#[test]
fn what_is_cut_off_plays_to_its_last_second() {
    let folder = Folder::new("recorder-killed");
    let Some((_, events)) = both(&folder) else {
        return;
    };
    let events = live(events);
    let (writes, growing) = record(&events, Config::default());
    assert!(growing > 10, "{growing}");
    let mut random = 1u64;
    for round in 0..60 {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let whole = 3 + (random >> 33) as usize % (growing - 3);
        let len = usize::try_from(writes[whole].1.len()).unwrap();
        let file = after(&writes, whole, (random >> 20) as usize % len);
        let now = writes[whole].0;
        let path = folder.file("killed.mp4");
        std::fs::write(&path, &file).unwrap();
        for times in times(&path) {
            let last = times.into_iter().fold(0.0, f64::max);
            assert!(last > now - 1.0, "{last} of {now}");
        }
        if round % 6 > 0 {
            continue;
        }
        // As a plain file, all of it is decoded without a complaint.
        let rescued = demux(&file);
        let rescued: Vec<_> = rescued
            .into_iter()
            .filter(|event| !matches!(event, Event::Warning(_)))
            .collect();
        let plain = folder.file("repaired.mp4");
        std::fs::write(&plain, planned(&rescued, writer::Config::moov_last())).unwrap();
        let last = frames(&plain)
            .iter()
            .map(|frame| frame.1)
            .fold(0.0, f64::max);
        assert!(last > now - 1.0, "{last} of {now}");
    }
}

#[test]
fn gstreamer_plays_what_is_cut_off() {
    let folder = Folder::new("recorder-gstreamer");
    let Some((_, events)) = both(&folder) else {
        return;
    };
    let (writes, growing) = record(&live(events), Config::default());
    for whole in (4..growing).step_by(3) {
        let path = folder.file("killed.mp4");
        std::fs::write(&path, after(&writes, whole, 0)).unwrap();
        let location = format!("location={path}");
        #[rustfmt::skip]
        let args = [
            "-q", "filesrc", &location, "!", "qtdemux", "name=d", "d.video_0", "!", "queue", "!", "avdec_h264", "!",
            "fakesink", "d.audio_0", "!", "queue", "!", "avdec_aac", "!", "fakesink",
        ];
        run("gst-launch-1.0", &args);
    }
}

#[test]
fn a_closed_file_is_a_plain_one() {
    let folder = Folder::new("recorder-closed");
    let Some((source, events)) = both(&folder) else {
        return;
    };
    let expected = frames(&source);
    let small = reserving(100);
    for (config, order) in [
        (Config::default(), "ftyp free moov free mdat"),
        (small, "ftyp free mdat moov"),
    ] {
        let (writes, _) = record(&events, config);
        let file = after(&writes, writes.len(), 0);
        assert_eq!(boxes(&file).join(" "), order);
        let path = folder.file("closed.mp4");
        std::fs::write(&path, &file).unwrap();
        peers_accept(&path);
        let found = frames(&path);
        assert_eq!(found.len(), expected.len());
        for stream in ["0", "1"] {
            let of = |frames: &[(String, f64, String)]| -> Vec<_> {
                frames
                    .iter()
                    .filter(|frame| frame.0 == stream)
                    .cloned()
                    .collect()
            };
            for (found, expected) in of(&found).iter().zip(of(&expected)) {
                assert_eq!(found.2, expected.2, "{order}");
                assert!(
                    (found.1 - expected.1).abs() < 1.0 / 44_000.0,
                    "{order}: {found:?} {expected:?}"
                );
            }
        }
        // But for chunks, its tables are those of a file that was written at once.
        let written = moov(&planned(&events, writer::Config::moov_last()));
        for (ours, written) in moov(&file).traks.iter().zip(&written.traks) {
            assert_eq!(
                (&ours.tkhd, &ours.edts, &ours.mdia.mdhd),
                (&written.tkhd, &written.edts, &written.mdia.mdhd)
            );
            let (ours, written) = (&ours.mdia.minf.stbl, &written.mdia.minf.stbl);
            assert_eq!(
                (&ours.stts, &ours.ctts, &ours.stss),
                (&written.stts, &written.ctts, &written.stss)
            );
            assert_eq!((&ours.stsz, &ours.stsd), (&written.stsz, &written.stsd));
        }
    }
}

/// Between any two writes of closing, and within each, no sample is lost.
#[test]
fn closing_can_fail_anywhere() {
    let folder = Folder::new("recorder-closing");
    let Some((_, events)) = both(&folder) else {
        return;
    };
    let count = |track: u32| {
        samples(&events)
            .iter()
            .filter(|sample| sample.track.0 == track)
            .count()
    };
    for reserve in [1 << 16, 100] {
        let (writes, growing) = record(&events, reserving(reserve));
        // The first two of them are the last fragment.
        for whole in growing + 2..=writes.len() {
            let len = writes
                .get(whole)
                .map_or(1, |(_, write)| usize::try_from(write.len()).unwrap());
            for bytes in [0, 5, len / 2] {
                if bytes >= len || (whole == writes.len() - 1 && bytes > 0) {
                    // The last one is 8 bytes within a sector: it happens or does not.
                    continue;
                }
                let path = folder.file("closing.mp4");
                std::fs::write(&path, after(&writes, whole, bytes)).unwrap();
                let found = times(&path).map(|times| times.len());
                assert_eq!(found, [1, 2].map(count), "{reserve}: {whole}, {bytes}");
            }
        }
    }
}

/// Another size of picture in the middle of a recording.
#[test]
fn another_configuration_joins() {
    let folder = Folder::new("recorder-change");
    let make = |name: &str, size: &str| {
        let path = folder.file(name);
        let picture = format!("testsrc2=size={size}:rate=25");
        #[rustfmt::skip]
        let args = [
            "-v", "error", "-f", "lavfi", "-i", &picture, "-t", "3", "-c:v", "libx264", "-preset", "veryfast", "-bf", "0",
            "-movflags", "frag_keyframe+empty_moov+default_base_moof", "-y", &path,
        ];
        run("ffmpeg", &args)?;
        Some((demux(&std::fs::read(&path).unwrap()), frames(&path)))
    };
    let (Some((mut events, first)), Some((second, second_frames))) =
        (make("a.mp4", "320x180"), make("b.mp4", "640x360"))
    else {
        return;
    };
    let timescale = common::tracks(&events)[0][0].timescale;
    events.extend(second.into_iter().map(|event| match event {
        Event::Sample(mut sample) => {
            let later = timescale.ticks(Time::from_millis(3000));
            sample.dts += later;
            sample.pts += later;
            Event::Sample(sample)
        }
        event => event,
    }));
    let (writes, growing) = record(&events, Config::default());
    // While it grows, it has all but the last fragment, in which ffmpeg does not look for another description.
    let grown = demux(&after(&writes, growing, 0));
    let all = samples(&events);
    assert!(samples(&grown).len() > all.len() - 15);
    for (grown, sample) in samples(&grown).iter().zip(&all) {
        assert_eq!(
            (&grown.data, grown.dts),
            (&sample.data, sample.dts - all[0].dts)
        );
    }
    let sizes = |events: &[Event]| -> Vec<_> {
        let sets = common::tracks(events);
        sets.iter()
            .map(|tracks| tracks[0].codec.dimensions())
            .collect()
    };
    assert_eq!(sizes(&grown), [Some((320, 180)), Some((640, 360))]);

    let file = after(&writes, writes.len(), 0);
    let path = folder.file("changed.mp4");
    std::fs::write(&path, &file).unwrap();
    // Decoded without scaling to the first size.
    #[rustfmt::skip]
    let args = ["-v", "error", "-i", &path, "-autoscale", "0", "-map", "0:v", "-f", "framemd5", "-"];
    let text = run("ffmpeg", &args).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let hashes: Vec<_> = lines
        .map(|line| line.rsplit(',').next().unwrap().trim())
        .collect();
    let expected: Vec<_> = first
        .iter()
        .chain(&second_frames)
        .map(|frame| &frame.2)
        .collect();
    assert_eq!(hashes, expected);
    assert_eq!(moov(&file).traks[0].mdia.minf.stbl.stsd.entries.len(), 2);
    assert_eq!(warnings(&events), [""; 0]);
}

/// Other picture parameter sets may come between two pictures.
#[test]
fn parameter_sets_stand_before_the_picture_that_they_changed_at() {
    const SPS: [u8; 8] = [0x67, 0x42, 0xC0, 0x0A, 0xDA, 0x11, 0x3F, 0x90];
    const PPS: [[u8; 4]; 2] = [[0x68, 0xCE, 0x0F, 0xC8], [0x68, 0xCE, 0x3C, 0x80]];
    let avc = |pps: [u8; 4]| {
        let config = h264::DecoderConfig::from_parameter_sets([&SPS[..]], [&pps[..]]).unwrap();
        media::Codec::H264(config)
    };
    stand_before(&[avc(PPS[0]), avc(PPS[1])], b"avc3");
    const HEVC_SPS: &[u8] = &[
        0x42, 1, 1, 1, 0x60, 0, 0, 3, 0, 0x90, 0, 0, 3, 0, 0, 3, 0, 0x3C, 0xA0, 0x0A, 8, 0x0B,
        0x9F, 0x79, 0x65, 0x66, 0x92, 0x4C, 0xAF, 1, 0x68, 8, 0, 0, 3, 0, 8, 0, 0, 3, 0, 0xC8,
        0x40,
    ];
    let hevc = |last: u8| {
        let pps = [0x44, 1, 0xC1, 0x72, 0xB4, last, 0x40];
        let config = media::codec::Hevc::from_parameter_sets(&[HEVC_SPS, &pps]).unwrap();
        media::Codec::Hevc(config)
    };
    stand_before(&[hevc(0x62), hevc(0x42)], b"hev1");
}

fn stand_before(codecs: &[media::Codec; 2], format: &[u8; 4]) {
    let tracks = |codec: &media::Codec| {
        let track = media::Track::new(media::TrackId(1), media::Timescale::KHZ_90, codec.clone());
        Event::Tracks([track].into_iter().collect())
    };
    let picture = |n: i64| {
        Event::Sample(media::Sample {
            track: media::TrackId(1),
            dts: n * 3600,
            pts: n * 3600,
            duration: None,
            flags: media::Flags::SYNC.when(n == 0),
            data: vec![0, 0, 0, 2, 0x41, n as u8].into(),
        })
    };
    let mut events = vec![tracks(&codecs[0])];
    events.extend((0..4).map(picture));
    events.push(tracks(&codecs[1]));
    events.extend((4..8).map(picture));
    let mut config = Config::default();
    config.in_band = true;
    let (writes, _) = record(&events, config);
    // As the file has them: readers of H.264 take them out of the samples again.
    let file = after(&writes, writes.len(), 0);
    let entries = &moov(&file).traks[0].mdia.minf.stbl.stsd.entries;
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0].format().unwrap().0, *format);
    let stands_before = |codec: &media::Codec, n: u8| {
        let pps = codec.parameter_sets().last().unwrap();
        let both = [pps, &[0, 0, 0, 2, 0x41, n]].concat();
        file.windows(both.len()).any(|bytes| bytes == both)
    };
    for (codec, places) in codecs.iter().zip([[0], [4]]) {
        let found: Vec<_> = (0..8).filter(|n| stands_before(codec, *n)).collect();
        assert_eq!(found, places);
    }
}
