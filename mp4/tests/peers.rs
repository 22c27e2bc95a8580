//! Against ffmpeg and GStreamer: ffmpeg's fragmented files read, ours given to both.

mod common;

use common::{Folder, demux, file_of, frames, package, run, samples, source, tracks, warnings};
use fluvial_mp4::packager::Config;
use media::segmenter::Config as Cuts;
use media::{Event, Time};

/// That the same frames come at the same times, to a tick of 1/44100 s.
fn assert_same_frames(
    found: &[(String, f64, String)],
    expected: &[(String, f64, String)],
    what: &str,
) {
    // The order of streams among each other is the muxer's business.
    let of_stream = |frames: &[(String, f64, String)], stream: &str| -> Vec<(f64, String)> {
        let own = frames.iter().filter(|(name, ..)| name == stream);
        own.map(|(_, time, hash)| (*time, hash.clone())).collect()
    };
    for stream in ["0", "1"] {
        let (found, expected) = (of_stream(found, stream), of_stream(expected, stream));
        assert_eq!(
            found.len(),
            expected.len(),
            "{what}: frames of stream {stream}"
        );
        for (n, (found, expected)) in found.iter().zip(&expected).enumerate() {
            assert!(
                (found.0 - expected.0).abs() < 1.0 / 44_000.0,
                "{what}, {stream}, frame {n}: {found:?} {expected:?}"
            );
            assert_eq!(found.1, expected.1, "{what}, stream {stream}, frame {n}");
        }
    }
}

/// `movflags` that make the kinds of fragmented files that there are, with other options.
const KINDS: [(&str, &[&str]); 9] = [
    ("frag_keyframe+empty_moov+default_base_moof", &[]),
    ("frag_keyframe+empty_moov", &[]),
    ("frag_keyframe+empty_moov+omit_tfhd_offset", &[]),
    ("frag_keyframe+empty_moov+separate_moof", &[]),
    (
        "frag_keyframe+empty_moov+negative_cts_offsets+default_base_moof",
        &[],
    ),
    ("cmaf+frag_keyframe", &[]),
    ("dash+delay_moov+global_sidx", &["-frag_duration", "500000"]),
    ("frag_every_frame+delay_moov+default_base_moof", &[]),
    (
        "empty_moov+default_base_moof",
        &["-frag_size", "20000", "-write_prft", "wallclock"],
    ),
];

#[test]
fn ffmpegs_fragmented_files_are_read() {
    let folder = Folder::new("read");
    let Some(source) = source(&folder) else {
        return;
    };
    for (flags, options) in KINDS {
        let path = folder.file("fragmented.mp4");
        let mut args = vec![
            "-v",
            "error",
            "-i",
            &source,
            "-c",
            "copy",
            "-movflags",
            flags,
        ];
        args.extend(options);
        args.extend(["-y", &path]);
        run("ffmpeg", &args).unwrap();
        let events = demux(&std::fs::read(&path).unwrap());
        assert_eq!(warnings(&events), [""; 0], "{flags}");
        assert_eq!(tracks(&events).len(), 1, "{flags}");
        assert!(!events.contains(&Event::Discontinuity), "{flags}");
        let entries = "packet=stream_index,pts,dts,size,flags";
        let text = run(
            "ffprobe",
            &[
                "-v",
                "error",
                "-show_entries",
                entries,
                "-of",
                "csv=p=0",
                &path,
            ],
        )
        .unwrap();
        let mut all = samples(&events);
        if flags.contains("negative_cts_offsets") || flags.contains("cmaf") {
            // Reading fragments, ffmpeg adds the greatest negative offset to all times of presentation.
            let video = all.iter_mut().filter(|sample| sample.track.0 == 1);
            video.for_each(|sample| sample.pts += 2 * 1001);
        }
        for (index, track) in tracks(&events)[0].iter().enumerate() {
            let expected: Vec<_> = text
                .lines()
                .filter(|line| line.starts_with(&index.to_string()))
                .collect();
            let own = all.iter().filter(|sample| sample.track == track.id);
            let found: Vec<_> = own
                .map(|sample| {
                    let sync = if sample.is_sync() { "K" } else { "_" };
                    format!(
                        "{index},{},{},{},{sync}",
                        sample.pts,
                        sample.dts,
                        sample.data.len()
                    )
                })
                .collect();
            // After the letter for key frames come others, for what an edit list drops and for what is disposable.
            let plain = |line: &str| {
                line.split_inclusive(',')
                    .take(4)
                    .chain(line.split(',').nth(4)?.get(..1))
                    .map(str::to_owned)
                    .reduce(|all, field| all + &field)
            };
            let expected: Vec<_> = expected.into_iter().filter_map(plain).collect();
            assert_eq!(found, expected, "{flags}, stream {index}");
        }
    }
}

#[test]
fn ffmpeg_decodes_what_the_packager_writes() {
    let folder = Folder::new("write");
    let Some(source) = source(&folder) else {
        return;
    };
    // The second one has edit lists, for the sound's priming and to start the pictures at zero.
    for flags in [
        "frag_keyframe+empty_moov+default_base_moof",
        "frag_keyframe+delay_moov+default_base_moof",
    ] {
        decodes(&folder, &source, flags);
    }
}

fn decodes(folder: &Folder, source: &str, flags: &str) {
    let fragmented = folder.file("fragmented.mp4");
    #[rustfmt::skip]
    let args = [
        "-v", "error", "-i", source, "-c", "copy", "-movflags", flags, "-y", &fragmented,
    ];
    run("ffmpeg", &args).unwrap();
    let expected = frames(&fragmented);
    let events = demux(&std::fs::read(&fragmented).unwrap());
    let cuts = [
        Cuts::segments(Time::from_millis(2000)),
        Cuts::segments(Time::from_millis(500)),
        Cuts::low_latency(),
    ];
    for (n, cuts) in cuts.into_iter().enumerate() {
        let muxed = folder.file("muxed.mp4");
        let outputs = package(&events, cuts.clone(), Config::muxed());
        std::fs::write(&muxed, file_of(&outputs, None)).unwrap();
        assert_same_frames(
            &frames(&muxed),
            &expected,
            &format!("{flags}: muxed, cuts {n}"),
        );

        // What we wrote is what we read again, sample for sample.
        let again = demux(&std::fs::read(&muxed).unwrap());
        assert_eq!(warnings(&again), [""; 0]);
        for track in &tracks(&events)[0] {
            let of = |events: &[Event]| -> Vec<_> {
                samples(events)
                    .into_iter()
                    .filter(|sample| sample.track == track.id)
                    .collect()
            };
            let (was, is) = (of(&events), of(&again));
            assert_eq!(is.len(), was.len());
            for (was, is) in was.into_iter().zip(is) {
                assert_eq!(is, was);
            }
        }

        let outputs = package(&events, cuts, Config::per_track());
        for (index, track) in tracks(&events)[0].iter().enumerate() {
            let alone = folder.file("alone.mp4");
            std::fs::write(&alone, file_of(&outputs, Some(track.id))).unwrap();
            let index = index.to_string();
            let own = expected.iter().filter(|(stream, ..)| *stream == index);
            let own: Vec<_> = own
                .map(|(_, time, hash)| ("0".to_owned(), *time, hash.clone()))
                .collect();
            assert_same_frames(
                &frames(&alone),
                &own,
                &format!("{flags}: track {index}, cuts {n}"),
            );
        }
    }
}

#[test]
fn gstreamer_decodes_what_the_packager_writes() {
    let folder = Folder::new("gstreamer");
    let Some(source) = source(&folder) else {
        return;
    };
    let fragmented = folder.file("fragmented.mp4");
    let flags = "frag_keyframe+empty_moov+default_base_moof";
    run(
        "ffmpeg",
        &[
            "-v",
            "error",
            "-i",
            &source,
            "-c",
            "copy",
            "-movflags",
            flags,
            "-y",
            &fragmented,
        ],
    )
    .unwrap();
    let events = demux(&std::fs::read(&fragmented).unwrap());
    let expected = frames(&fragmented);
    let expected = expected
        .iter()
        .filter(|(stream, ..)| stream == "0")
        .map(|(_, _, hash)| hash.as_str());
    let expected: Vec<_> = expected.collect();
    for (n, cuts) in [Cuts::segments(Time::from_millis(1000)), Cuts::low_latency()]
        .into_iter()
        .enumerate()
    {
        let path = folder.file("muxed.mp4");
        std::fs::write(
            &path,
            file_of(&package(&events, cuts, Config::muxed()), None),
        )
        .unwrap();
        let location = format!("location={path}");
        #[rustfmt::skip]
        let args = [
            "-q", "filesrc", &location, "!", "qtdemux", "name=demux",
            "demux.video_0", "!", "queue", "!", "h264parse", "!", "avdec_h264", "!", "checksumsink", "hash=md5",
            "demux.audio_0", "!", "queue", "!", "fakesink",
        ];
        let Some(text) = run("gst-launch-1.0", &args) else {
            return;
        };
        let found: Vec<_> = text
            .lines()
            .filter_map(|line| line.split_once(' '))
            .map(|(_, hash)| hash)
            .collect();
        assert_eq!(found, expected, "cuts {n}");
    }
}
