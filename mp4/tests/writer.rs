//! Progressive files: the same frames at the same times, to ffmpeg, GStreamer, mediainfo and mkvmerge.

mod common;

use common::{
    Folder, apply, both, boxes, frames, moov, peers_accept, planned, run, samples, tracks,
};
use fluvial_mp4::Error;
use fluvial_mp4::recorder::{self, Recorder};
use fluvial_mp4::writer::{Config, Planner, Writer};
use media::{Event, Sample, Time, Timescale, Tracks};

fn feed(writer: &mut Writer, events: &[Event], file: &mut Vec<u8>) {
    for event in events {
        match event {
            Event::Tracks(tracks) => writer.set_tracks(tracks).unwrap(),
            Event::Sample(sample) => writer.handle_sample(sample).unwrap(),
            _ => {}
        }
        while let Some(write) = writer.poll_output() {
            apply(&write, file);
        }
    }
    writer.finish().unwrap();
    while let Some(write) = writer.poll_output() {
        apply(&write, file);
    }
}

fn written(events: &[Event], config: Config) -> Vec<u8> {
    let (mut writer, mut file) = (Writer::new(config), Vec::new());
    feed(&mut writer, events, &mut file);
    file
}

#[test]
fn peers_decode_what_is_written() {
    let folder = Folder::new("writer");
    let Some((source, events)) = both(&folder) else {
        return;
    };
    let expected = frames(&source);
    let layouts = [
        (written(&events, Config::moov_last()), "ftyp free mdat moov"),
        (
            written(&events, Config::moov_first(20_000)),
            "ftyp moov free free mdat",
        ),
        (
            written(&events, Config::moov_first(100)),
            "ftyp free free mdat moov",
        ),
        (planned(&events, Config::moov_last()), "ftyp moov mdat"),
    ];
    for (file, order) in layouts {
        assert_eq!(boxes(&file).join(" "), order);
        let path = folder.file("written.mp4");
        std::fs::write(&path, &file).unwrap();
        peers_accept(&path);
        let found = frames(&path);
        assert_eq!(found.len(), expected.len(), "{order}");
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
    }
}

/// The tables are those that ffmpeg has for the same samples.
#[test]
fn tables_are_ffmpegs() {
    let folder = Folder::new("writer-tables");
    let Some((source, events)) = both(&folder) else {
        return;
    };
    let (theirs, ours) = (
        moov(&std::fs::read(source).unwrap()),
        moov(&planned(&events, Config::moov_last())),
    );
    for (theirs, ours) in theirs.traks.iter().zip(&ours.traks) {
        assert_eq!(theirs.mdia.hdlr.handler_type, ours.mdia.hdlr.handler_type);
        assert_eq!(theirs.mdia.mdhd.duration, ours.mdia.mdhd.duration);
        let (theirs, ours) = (&theirs.mdia.minf.stbl, &ours.mdia.minf.stbl);
        let runs = |stbl: &fluvial_mp4::boxes::Stbl| -> Vec<_> {
            stbl.stts
                .iter()
                .flat_map(|stts| stts.entries.iter().collect::<Vec<_>>())
                .collect()
        };
        assert_eq!(runs(theirs), runs(ours));
        assert_eq!(theirs.ctts, ours.ctts);
        assert_eq!(theirs.stss, ours.stss);
        assert_eq!(theirs.stsz, ours.stsz);
        assert_eq!((&theirs.sgpds, &theirs.sbgps), (&ours.sgpds, &ours.sbgps));
    }
}

#[test]
fn times_far_from_zero_and_late_tracks() {
    let folder = Folder::new("writer-times");
    let Some((source, mut events)) = both(&folder) else {
        return;
    };
    let expected = frames(&source);
    // All 26.5 hours later, the sound another 250 ms.
    for event in &mut events {
        if let Event::Sample(sample) = event {
            let shift = if sample.track.0 == 1 {
                95_443 * 60_000
            } else {
                95_443 * 44_100 + 11_025
            };
            sample.dts += shift;
            sample.pts += shift;
        }
    }
    let path = folder.file("late.mp4");
    std::fs::write(&path, planned(&events, Config::moov_last())).unwrap();
    peers_accept(&path);
    let found = frames(&path);
    assert_eq!(found.len(), expected.len());
    for (stream, late) in [("0", 0.0), ("1", 0.25)] {
        let of = |frames: &[(String, f64, String)]| -> Vec<_> {
            frames
                .iter()
                .filter(|frame| frame.0 == stream)
                .cloned()
                .collect()
        };
        for (found, expected) in of(&found).iter().zip(of(&expected)) {
            assert_eq!(found.2, expected.2);
            assert!(
                (found.1 - expected.1 - late).abs() < 1.0 / 44_000.0,
                "{found:?} {expected:?}"
            );
        }
    }
}

#[test]
fn metadata_reaches_ffprobe() {
    let folder = Folder::new("writer-metadata");
    let Some((_, events)) = both(&folder) else {
        return;
    };
    let mut config = Config::moov_last();
    let text = |text: &str| media::Value::Text(text.to_owned());
    config.metadata.entries = vec![
        ("title".to_owned(), text("Überfluß")),
        ("artist".to_owned(), text("nobody")),
        ("unknown".to_owned(), text("left out")),
    ];
    config.creation_time = Some(media::WallClock::from_unix_nanos(
        1_700_000_000 * 1_000_000_000,
    ));
    let path = folder.file("metadata.mp4");
    std::fs::write(&path, written(&events, config)).unwrap();
    peers_accept(&path);
    let args = [
        "-v",
        "error",
        "-show_entries",
        "format_tags",
        "-of",
        "default=nw=1",
        &path,
    ];
    let tags = run("ffprobe", &args).unwrap();
    for tag in [
        "TAG:title=Überfluß",
        "TAG:artist=nobody",
        "TAG:creation_time=2023-11-14T22:13:20.000000Z",
    ] {
        assert!(tags.contains(tag), "{tags}");
    }
}

#[test]
fn misuse_is_told() {
    let folder = Folder::new("writer-misuse");
    let Some((_, events)) = both(&folder) else {
        return;
    };
    let (set, all) = (tracks(&events).remove(0), samples(&events));
    let mut writer = Writer::new(Config::moov_last());
    assert!(matches!(
        writer.handle_sample(&all[0]),
        Err(Error::State(_))
    ));
    writer.set_tracks(&set).unwrap();
    writer.handle_sample(&all[0]).unwrap();
    let back = Sample {
        dts: all[0].dts - 1,
        ..all[0].clone()
    };
    assert!(matches!(writer.handle_sample(&back), Err(Error::State(_))));
    let stranger: Tracks = set
        .iter()
        .cloned()
        .map(|mut track| {
            track.id.0 += 7;
            track
        })
        .collect();
    assert!(matches!(writer.set_tracks(&stranger), Err(Error::State(_))));
    writer.finish().unwrap();
    assert!(matches!(
        writer.handle_sample(&all[1]),
        Err(Error::State(_))
    ));

    let mut planner = Planner::new(Config::moov_last());
    planner.set_tracks(&set).unwrap();
    planner.handle_sample(&all[0]).unwrap();
    let mut writer = Writer::with_plan(planner.finish());
    writer.set_tracks(&set).unwrap();
    writer.handle_sample(&all[1]).unwrap();
    assert!(matches!(writer.finish(), Err(Error::State(_))));
}

#[test]
fn timed_metadata_is_a_track() {
    use media::{Codec, Flags, Sample, Timescale, Track, TrackId};
    let folder = Folder::new("writer-timed-metadata");
    let Some((_, mut events)) = both(&folder) else {
        return;
    };
    let cues = [
        (Codec::Id3, &b"ID3\x04\0\0\0\0\0\0"[..]),
        (Codec::Scte35, b"\xFC0\x11"),
        (Codec::Klv, b"\x06\x0E\x2B\x34"),
    ];
    let Some(Event::Tracks(tracks)) = events.first_mut() else {
        panic!()
    };
    let ids = || (11..).map(TrackId);
    let own = ids()
        .zip(&cues)
        .map(|(id, (codec, _))| Track::new(id, Timescale::KHZ_90, codec.clone()));
    *tracks = tracks.iter().cloned().chain(own).collect();
    let samples: Vec<_> = ids()
        .zip(&cues)
        .flat_map(|(track, (_, data))| {
            [3600, 90_000].map(|dts| Sample {
                track,
                dts,
                pts: dts,
                duration: None,
                flags: Flags::SYNC,
                data: bytes::Bytes::from_static(data),
            })
        })
        .collect();
    events.extend(samples.iter().cloned().map(Event::Sample));
    let file = written(&events, Config::moov_last());
    let path = folder.file("metadata.mp4");
    std::fs::write(&path, &file).unwrap();
    peers_accept(&path);
    let back = common::files::events(&file.into(), fluvial_mp4::reader::Config::default());
    let Some(Event::Tracks(tracks)) = back.first() else {
        panic!()
    };
    for (id, (codec, _)) in ids().zip(&cues) {
        assert_eq!(tracks.find(id).unwrap().codec, *codec);
    }
    let found = back.iter().filter_map(|event| match event {
        Event::Sample(sample) if sample.track.0 > 10 => {
            Some((sample.track, sample.dts, sample.data.clone()))
        }
        _ => None,
    });
    let mut found: Vec<_> = found.collect();
    found.sort();
    let expected: Vec<_> = samples
        .iter()
        .map(|sample| (sample.track, sample.dts, sample.data.clone()))
        .collect();
    assert_eq!(found, expected);
}

/// Sound whose rate changes keeps the timescale that it begins with, and all of it is there.
#[test]
fn another_rate_of_sound_is_another_description() {
    let folder = Folder::new("writer-rates");
    let rates = [48_000, 44_100];
    let mut sources = Vec::new();
    for rate in rates {
        let (tone, path) = (
            format!("sine=f=440:r={rate}:d=3"),
            folder.file(&format!("{rate}.mp4")),
        );
        #[rustfmt::skip]
        let args = ["-v", "error", "-f", "lavfi", "-i", &tone, "-c:a", "aac", "-movflags", "frag_keyframe+delay_moov", "-y", &path];
        if run("ffmpeg", &args).is_none() {
            return;
        }
        sources.push(common::demux(&std::fs::read(path).unwrap()));
    }
    let mut events = sources.remove(0);
    let second = Time::from_millis(4000);
    for event in sources.remove(0) {
        events.push(match event {
            Event::Sample(mut sample) => {
                let shift = Timescale::new(rates[1]).unwrap().ticks(second);
                sample.dts += shift;
                sample.pts += shift;
                Event::Sample(sample)
            }
            event => event,
        });
    }
    // Samples by the clocks of their sources: nanoseconds, and bytes.
    let given = |events: &[Event]| {
        let mut found = Vec::new();
        let mut timescale = Timescale::MILLIS;
        for event in events {
            match event {
                Event::Tracks(tracks) => timescale = tracks[0].timescale,
                Event::Sample(sample) => found.push((
                    timescale.time(sample.dts).as_nanos(),
                    timescale.time(sample.pts).as_nanos(),
                    sample.data.clone(),
                )),
                _ => {}
            }
        }
        found
    };
    let mut config = recorder::Config::default();
    config.fragment = Time::from_millis(500);
    let mut recorder = Recorder::new(config);
    let (mut recorded, mut growing) = (Vec::new(), 0);
    for event in &events {
        match event {
            Event::Tracks(tracks) => recorder.set_tracks(tracks).unwrap(),
            Event::Sample(sample) => recorder.handle_sample(sample).unwrap(),
            _ => {}
        }
        while let Some(write) = recorder.poll_output() {
            apply(&write, &mut recorded);
            growing += 1;
        }
    }
    assert!(growing > 2);
    let unclosed = recorded.clone();
    recorder.finish().unwrap();
    while let Some(write) = recorder.poll_output() {
        apply(&write, &mut recorded);
    }
    let expected = given(&events);
    for (what, file) in [
        ("written", written(&events, Config::moov_last())),
        ("planned", planned(&events, Config::moov_last())),
        ("recorded", recorded),
        ("not closed", unclosed),
    ] {
        let back = match what {
            "not closed" => common::demux(&file),
            _ => {
                common::files::events(&file.clone().into(), fluvial_mp4::reader::Config::default())
            }
        };
        let codecs: Vec<_> = tracks(&back)
            .iter()
            .map(|set| (set[0].timescale.get(), set[0].codec.sample_rate()))
            .collect();
        assert_eq!(codecs, rates.map(|rate| (rates[0], Some(rate))), "{what}");
        let found = given(&back);
        if what == "not closed" {
            assert!(found.len() + 60 > expected.len(), "{}", found.len());
        } else {
            assert_eq!(found.len(), expected.len(), "{what}");
        }
        let tick = 1_000_000_000 / u64::from(rates[0]) + 1;
        for (found, expected) in found.iter().zip(&expected) {
            assert_eq!(found.2, expected.2, "{what}");
            assert!(found.0.abs_diff(expected.0) <= tick, "{what}");
            assert!(found.1.abs_diff(expected.1) <= tick, "{what}");
        }
        let path = folder.file("joined.mp4");
        std::fs::write(&path, &file).unwrap();
        let args = ["-v", "warning", "-xerror", "-i", &path, "-f", "null", "-"];
        assert_eq!(run("ffmpeg", &args), Some(String::new()), "{what}");
    }
}
