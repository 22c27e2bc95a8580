//! AC-3 and E-AC-3 of the corpus beside the dumps of androidx/media: raw, in MP4, in transport and program streams.

use fluvial_ac3::{Bsi, Frame, Frames, Piece};
use std::fs;
use std::path::Path;
use testing::dump::{Dump, hash};

/// Where the dumps are, what they are of, and the muxer of ffmpeg that takes the stream out of a container.
const FILES: [(&str, &str, Option<&str>); 14] = [
    (
        "ac3/androidx-media/extractordumps/ts",
        "ac3/androidx-media/media/ts/sample.ac3",
        None,
    ),
    (
        "ac3/androidx-media/extractordumps/ts",
        "ac3/androidx-media/media/ts/sample.eac3",
        None,
    ),
    (
        "ac3/androidx-media/extractordumps/ts",
        "ac3/androidx-media/media/ts/sample_eac3joc.ec3",
        None,
    ),
    // The boxes around the frames are junk for a walk.
    (
        "mp4/androidx-media/extractordumps/mp4",
        "mp4/androidx-media/media/mp4/sample_ac3.mp4",
        None,
    ),
    (
        "mp4/androidx-media/extractordumps/mp4",
        "mp4/androidx-media/media/mp4/sample_ac3_fragmented.mp4",
        None,
    ),
    (
        "mp4/androidx-media/extractordumps/mp4",
        "mp4/androidx-media/media/mp4/sample_eac3.mp4",
        None,
    ),
    (
        "mp4/androidx-media/extractordumps/mp4",
        "mp4/androidx-media/media/mp4/sample_eac3_fragmented.mp4",
        None,
    ),
    (
        "mp4/androidx-media/extractordumps/mp4",
        "mp4/androidx-media/media/mp4/sample_eac3joc.mp4",
        None,
    ),
    (
        "mp4/androidx-media/extractordumps/mp4",
        "mp4/androidx-media/media/mp4/sample_eac3joc_fragmented.mp4",
        None,
    ),
    (
        "mpegts/androidx-media/extractordumps/ts",
        "mpegts/androidx-media/media/ts/sample_ac3.ts",
        Some("ac3"),
    ),
    (
        "mpegts/androidx-media/extractordumps/ts",
        "mpegts/androidx-media/media/ts/sample_eac3.ts",
        Some("eac3"),
    ),
    (
        "mpegts/androidx-media/extractordumps/ts",
        "mpegts/androidx-media/media/ts/sample_eac3joc.ts",
        Some("eac3"),
    ),
    (
        "mpegts/androidx-media/extractordumps/ts",
        "mpegts/androidx-media/media/ts/sample_ait.ts",
        Some("eac3"),
    ),
    (
        "mpegps/androidx-media/extractordumps/ts",
        "mpegps/androidx-media/media/ts/sample_ac3.ps",
        Some("ac3"),
    ),
];

/// Dumps that are not compared in one respect: a part of the name, and why.
const TIMES_OF_THE_CONTAINER: [(&str, &str); 2] = [
    (
        "sample_eac3.mp4",
        "the file says 32 ms for each frame of one block, which lasts 5.3 ms",
    ),
    ("sample_eac3_fragmented.mp4", "so does this one"),
];

fn frames(data: &[u8]) -> Vec<Frame<'_>> {
    let frames = Frames::new(data).filter_map(|piece| match piece {
        Piece::Frame { frame, .. } => Some(frame),
        Piece::Junk { .. } => None,
    });
    frames.collect()
}

fn stream(path: &Path, muxer: Option<&str>) -> Option<Vec<u8>> {
    match muxer {
        None => Some(fs::read(path).unwrap()),
        Some(muxer) => {
            let path = path.display();
            let args = format!("-v error -i {path} -map 0:a:0 -c copy -f {muxer} -");
            testing::ask("ffmpeg", &args, &[])
        }
    }
}

#[test]
fn frames_have_the_bytes_and_times_of_the_dumps() {
    let Some(corpus) = testing::corpus("") else {
        return;
    };
    let mut compared = 0;
    for (dumps, path, muxer) in FILES {
        let Some(data) = stream(&corpus.join(path), muxer) else {
            return;
        };
        let found = frames(&data);
        let file = Path::new(path).file_name().unwrap().to_str().unwrap();
        let of_file = testing::files(&corpus.join(dumps))
            .into_iter()
            .filter(|dump| {
                let name = dump.file_name().unwrap().to_str().unwrap();
                name.strip_prefix(file)
                    .is_some_and(|rest| rest.starts_with('.'))
            });
        let mut any = false;
        for dump in of_file {
            let name = dump.display().to_string();
            let dump = Dump::read(&dump);
            let is_audio = |kind: &str| kind.starts_with("audio/");
            let audio = dump
                .tracks
                .iter()
                .find(|track| track.value("sampleMimeType").is_some_and(is_audio));
            let Some(track) = audio.filter(|track| !track.samples.is_empty()) else {
                continue;
            };
            any = true;
            let header = found[0].header();
            let number = |key| track.value(key).map(|value| value.parse::<u32>().unwrap());
            assert_eq!(
                number("sampleRate"),
                Some(header.sampling_frequency()),
                "{name}"
            );
            assert_eq!(
                number("channelCount"),
                Some(header.channels().into()),
                "{name}"
            );
            let is_joc = match found[0].bsi().unwrap() {
                Bsi::Ac3(_) => false,
                Bsi::Eac3(bsi) => bsi.joc_complexity().is_some(),
            };
            let kind = match (header.is_eac3(), is_joc) {
                (false, _) => "audio/ac3",
                (true, false) => "audio/eac3",
                (true, true) => "audio/eac3-joc",
            };
            assert_eq!(track.value("sampleMimeType"), Some(kind), "{name}");
            // In MP4 the boxes say it, here the frames.
            if let Some(rate) = number("peakBitrate").filter(|_| !path.starts_with("mp4")) {
                assert_eq!(rate, header.bit_rate(), "{name}");
            }

            // Those that seek begin somewhere; some give out the last frame though it is cut off.
            let whole = |sample: &&testing::dump::Sample| {
                found.iter().any(|f| f.bytes().len() == sample.len)
            };
            let theirs: Vec<_> = track
                .samples
                .iter()
                .filter(whole)
                .map(|s| (s.len, s.hash))
                .collect();
            assert!(track.samples.len() - theirs.len() <= 1, "{name}");
            let ours: Vec<_> = found
                .iter()
                .map(|f| (f.bytes().len(), hash(f.bytes())))
                .collect();
            let begin = ours.len().checked_sub(theirs.len()).unwrap();
            assert!(begin == 0 || !name.contains(".0.dump"), "{name}");
            assert_eq!(ours[begin..], theirs, "{name}");
            if !TIMES_OF_THE_CONTAINER
                .iter()
                .any(|(part, _)| name.contains(part))
            {
                let first = track.samples[0].time;
                let mut samples = 0i64;
                for (frame, sample) in found[begin..].iter().zip(&track.samples) {
                    let time = samples * 1_000_000 / i64::from(header.sampling_frequency());
                    // Containers round each time, some readers each duration.
                    let rounded = sample.time - first - time;
                    assert!(rounded.abs() <= 60, "{name}: {rounded} us at {time}");
                    samples += i64::from(frame.header().samples());
                }
            }
            compared += theirs.len();
        }
        assert!(any, "{path} has no dump");
    }
    assert!(compared > 500, "{compared}");
}
