//! Every media file of the corpus beside ffprobe: the same tracks, with as many samples, of the same size.

use serde_json::Value;
use std::path::Path;
use std::process::Command;

/// Files in which the two differ, and why.
const DIFFERENT: &[(&str, &str)] = &[
    (
        "big_buck_bunny_metadata.m4v",
        "ffprobe counts the cover as a track",
    ),
    (
        "bbb.mp4",
        "cut off within the last sample; ffprobe gives what is there of it",
    ),
    ("sample_qt.mp4", "cut off within the last sample"),
    ("truncated-64bit.mp4", "cut off within the last sample"),
    (
        "sample_missing_stsd.mp4",
        "a track without a sample description is none here",
    ),
    (
        "sample_av1c_fragmented_clearkey.mp4",
        "encrypted: ffprobe gives up",
    ),
    (
        "sample_fragmented_clearkey.mp4",
        "encrypted: ffprobe gives up",
    ),
    (
        "sample_fragmented_widevine.mp4",
        "encrypted: ffprobe gives up",
    ),
    ("M2TS.mts", "cut off within the first frame of AC-3"),
    (
        "sample_ac3.ts",
        "ffprobe gives the rest of a frame at the end, and counts a frame that is cut twice",
    ),
    (
        "sample_ait.ts",
        "ffprobe gives the rest of a frame at the end",
    ),
    ("sample_dts_hd_across_pes.ts", "ffprobe takes it for MP3"),
    (
        "sample_eac3.ts",
        "frames of fewer than six blocks are put together, as MP4 wants them",
    ),
    (
        "breakdance.flv",
        "ffprobe gives the frame that the end cuts off",
    ),
    ("mptestsrc.flv", "this ffprobe knows no enhanced FLV"),
    ("testsrc.flv", "this ffprobe knows no enhanced FLV"),
    ("hevc_aac.flv", "this ffprobe knows no enhanced FLV"),
    (
        "adts-mpeg4.aac",
        "ffprobe gives the frame that the end cuts off",
    ),
    (
        "adts-sf-escape.aac",
        "an escaped sampling frequency, which ADTS does not allow",
    ),
    (
        "sample_cbs_truncated.adts",
        "ffprobe gives the frame that the end cuts off",
    ),
    (
        "sample_with_id3.adts",
        "ffprobe counts the cover as a track",
    ),
    (
        "sample.ac3",
        "ffprobe gives the frame that the end cuts off",
    ),
    (
        "100kB-garbage-prefix.mp3",
        "ffprobe takes the garbage for AMR",
    ),
    (
        "bear-id3-numeric-genre.mp3",
        "ffprobe counts the cover as a track",
    ),
    ("bear-id3.mp3", "ffprobe counts the cover as a track"),
];

/// Files of whose tracks the two tell other sizes, rates or numbers of channels, and why.
const SHAPED: &[(&str, &str)] = &[
    (
        "audio_timewarp.flv",
        "ffprobe doubles the rate of AAC Main, which has no SBR",
    ),
    (
        "sample_latm.ts",
        "ffprobe decodes, and finds parametric stereo that nothing tells of",
    ),
    (
        "sample_fragmented_uuid.mp4",
        "AAC of one channel, as its configuration says; ffprobe believes the sample entry",
    ),
    (
        "id3-metadata.ts",
        "ffprobe decodes, and finds SBR and parametric stereo that ADTS cannot tell of",
    ),
    (
        "extended_audio_object_type.mp4",
        "MPEG-4 ALS, whose own header is not read",
    ),
];

const EXTENSIONS: [&str; 21] = [
    "mp4", "ts", "mpg", "ps", "flv", "aac", "adts", "ac3", "eac3", "ec3", "mp3", "264", "h264",
    "m4a", "mov", "3gp", "m4v", "mts", "avc", "jsv", "m4b",
];

/// Kind and number of samples of each track of sound or pictures, sorted.
fn counts(tracks: &Value, kind: &str, samples: &str) -> Vec<(String, u64)> {
    let tracks = tracks.as_array().into_iter().flatten();
    let mut counts: Vec<_> = tracks
        .filter_map(|track| {
            let count = match &track[samples] {
                Value::String(text) => text.parse().ok()?,
                number => number.as_u64()?,
            };
            Some((track[kind].as_str()?.to_owned(), count))
        })
        .filter(|(kind, count)| ["audio", "video"].contains(&kind.as_str()) && *count > 0)
        .collect();
    counts.sort();
    counts
}

/// Kind and language of each track of sound or pictures, sorted.
fn languages(
    tracks: &Value,
    kind: &str,
    language: impl Fn(&Value) -> &Value,
) -> Vec<(String, String)> {
    let tracks = tracks.as_array().into_iter().flatten();
    let mut found: Vec<_> = tracks
        .filter_map(|track| {
            let language = language(track).as_str().unwrap_or_default();
            // A code of QuickTime that says nothing, taken for letters.
            let letters = !language.is_empty() && language.bytes().all(|b| b.is_ascii_graphic());
            let language = if letters { language } else { "und" };
            Some((track[kind].as_str()?.to_owned(), language.to_owned()))
        })
        .filter(|(kind, _)| ["audio", "video"].contains(&kind.as_str()))
        .collect();
    found.sort();
    found
}

/// Width and height, or samples per second and channels, of each track of sound or pictures, sorted.
fn shapes(tracks: &Value, kind: &str) -> Vec<(u64, u64)> {
    let tracks = tracks.as_array().into_iter().flatten();
    let number = |value: &Value| match value {
        Value::String(text) => text.parse().unwrap_or(0),
        number => number.as_u64().unwrap_or(0),
    };
    let mut shapes: Vec<_> = tracks
        .filter_map(|track| match track[kind].as_str()? {
            "video" => Some((number(&track["width"]), number(&track["height"]))),
            "audio" => Some((number(&track["sample_rate"]), number(&track["channels"]))),
            _ => None,
        })
        .collect();
    shapes.sort_unstable();
    shapes
}

#[test]
fn rates_are_those_of_pictures() {
    // Fields that are samples of their own, twice; pictures that are missing; nothing of that.
    for (file, rate) in [
        ("h264/lu-zero-fate-samples/FRext/freh10.264", 25.0),
        ("h264/lu-zero-fate-samples/FRext/HCAFF1_HHI.264", 25.0),
        ("mpegts/androidx-media/media/ts/bbb_2500ms.ts", 24.0),
        ("mp4/androidx-media/media/mp4/sample.mp4", 29.97),
    ] {
        let Some(path) = testing::corpus(file) else {
            return;
        };
        let told = ours(&path).unwrap();
        let found = told["tracks"][0]["frame_rate"].as_f64().unwrap();
        assert!((found - rate).abs() < 0.01, "{file}: {found}");
    }
}

fn ours(path: &Path) -> Option<Value> {
    let mut probe = Command::new(env!("CARGO_BIN_EXE_fluvial"));
    let output = testing::output(probe.args(["probe", "--json"]).arg(path), b"").unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.code().is_some_and(|code| code <= 1),
        "{}: {said}",
        path.display()
    );
    assert!(!said.contains("panicked"), "{}: {said}", path.display());
    serde_json::from_slice(&output.stdout).ok()
}

#[test]
fn as_many_samples_as_ffprobe_finds() {
    let mut compared = 0;
    for folder in [
        "mp4",
        "mpegts",
        "mpegps",
        "flv",
        "aac",
        "ac3",
        "mpegaudio",
        "h264",
        "mpeg2video",
    ] {
        let Some(folder) = testing::corpus(folder) else {
            return;
        };
        for path in testing::files(&folder) {
            let extension = path
                .extension()
                .and_then(|e| e.to_str())
                .unwrap_or_default();
            if !EXTENSIONS.contains(&extension) {
                continue;
            }
            let args = format!(
                "-v error -count_packets -show_entries stream=codec_type,nb_read_packets,width,height,sample_rate,channels:stream_tags=language -of json {}",
                path.display()
            );
            let Some(theirs) = testing::ask("ffprobe", &args, b"") else {
                return;
            };
            let theirs: Value = serde_json::from_slice(&theirs).unwrap_or_default();
            let spoken = languages(
                &theirs["streams"],
                "codec_type",
                |track| &track["tags"]["language"],
            );
            let shaped = shapes(&theirs["streams"], "codec_type");
            let theirs = counts(&theirs["streams"], "codec_type", "nb_read_packets");
            let report = ours(&path).unwrap_or_default();
            let told = languages(&report["tracks"], "kind", |track| &track["language"]);
            let shape = shapes(&report["tracks"], "kind");
            let ours = counts(&report["tracks"], "kind", "samples");
            let name = path.file_name().unwrap().to_str().unwrap();
            match DIFFERENT.iter().find(|(known, _)| *known == name) {
                Some((_, why)) => assert_ne!(ours, theirs, "{name} is said to differ: {why}"),
                None => {
                    assert_eq!(ours, theirs, "{}", path.display());
                    // ffprobe does not show tracks whose samples it cannot find.
                    if told.len() == spoken.len() {
                        assert_eq!(told, spoken, "{}", path.display());
                        match SHAPED.iter().find(|(known, _)| *known == name) {
                            Some((_, why)) => assert_ne!(shape, shaped, "{name}: {why}"),
                            None => assert_eq!(shape, shaped, "{}", path.display()),
                        }
                    }
                }
            }
            compared += 1;
        }
    }
    assert!(compared > 250, "{compared}");
}
