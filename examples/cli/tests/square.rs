//! The remux square: what ffmpeg made, put into every format that can carry it, and from there into every other one. Each decoded
//! frame has to stay what it was, and ffmpeg has to read the file without a word.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const FLUVIAL: &str = env!("CARGO_BIN_EXE_fluvial");

/// A source: how ffmpeg makes it, and the formats that carry its codecs.
struct Source {
    name: &'static str,
    make: &'static str,
    formats: &'static [&'static str],
}

const PICTURES: &str = "-f lavfi -i testsrc2=size=128x96:rate=";

const SOURCES: &[Source] = &[
    Source {
        name: "h264-aac-25",
        make: "25 -f lavfi -i sine=sample_rate=48000 -t 3 -c:v libx264 -bf 2 -g 25 -c:a aac",
        formats: &["mp4", "frag.mp4", "ts", "m2ts", "mpg", "flv", "m3u8", "mpd"],
    },
    Source {
        name: "h264-pyramid-23.976",
        make: "24000/1001 -f lavfi -i sine=sample_rate=44100 -t 3 -c:v libx264 -bf 3 -b_strategy 2 -x264-params b-pyramid=normal:open-gop=1 -g 24 -c:a aac",
        formats: &["mp4", "frag.mp4", "ts", "mpg", "flv"],
    },
    Source {
        name: "h264-interlaced-29.97",
        make: "30000/1001 -f lavfi -i sine=sample_rate=48000 -t 3 -c:v libx264 -flags +ildct+ilme -x264-params tff=1 -g 30 -c:a ac3",
        formats: &["mp4", "frag.mp4", "ts", "mpg"],
    },
    Source {
        name: "h264-59.94-mp3",
        make: "60000/1001 -f lavfi -i sine=sample_rate=44100 -t 3 -c:v libx264 -g 60 -c:a libmp3lame",
        formats: &["mp4", "ts", "mpg", "flv"],
    },
    Source {
        name: "mpeg2-mp2-25",
        make: "25 -f lavfi -i sine=sample_rate=48000 -t 3 -c:v mpeg2video -bf 2 -g 12 -c:a mp2",
        formats: &["mp4", "ts", "m2ts", "mpg"],
    },
    Source {
        name: "h264-eac3-50",
        make: "50 -f lavfi -i sine=sample_rate=48000 -t 3 -c:v libx264 -g 50 -c:a eac3",
        formats: &["mp4", "frag.mp4", "ts", "m3u8", "mpd"],
    },
    Source {
        name: "hevc-opus-25",
        make: "25 -f lavfi -i sine=sample_rate=48000 -t 3 -c:v libx265 -x265-params log-level=none -c:a libopus",
        formats: &["mp4", "frag.mp4", "ts"],
    },
];

fn ffmpeg(args: &str) -> Output {
    let output = Command::new("ffmpeg")
        .args(["-nostdin", "-y"])
        .args(args.split_whitespace())
        .output();
    output.expect("ffmpeg runs, as it did before")
}

fn fluvial(args: &[&str]) -> Output {
    Command::new(FLUVIAL).args(args).output().unwrap()
}

/// The hashes of all decoded frames of one kind, in order; whatever ffmpeg says about the file is a failure.
fn frames(path: &Path, kind: &str) -> Vec<String> {
    hashes(path, kind, "")
}

/// The same of sound. MPEG audio is not decoded: for MP4 and for transport streams ffmpeg takes decoders that round otherwise.
fn sound_of(source: &Source, path: &Path) -> Vec<String> {
    let is_mpeg = source.name.contains("mp2") || source.name.contains("mp3");
    hashes(path, "a", if is_mpeg { "-c copy" } else { "" })
}

fn hashes(path: &Path, kind: &str, how: &str) -> Vec<String> {
    let args = format!(
        "-v warning -i {} -map 0:{kind} {how} -f framemd5 -",
        path.display()
    );
    let output = ffmpeg(&args);
    let said: Vec<_> = std::str::from_utf8(&output.stderr)
        .unwrap()
        .lines()
        // It speaks of its own muxer there.
        .filter(|line| !line.contains("[framemd5") && !line.trim().is_empty())
        .map(str::to_owned)
        .collect();
    assert!(
        output.status.success() && said.is_empty(),
        "{}: {said:?}",
        path.display()
    );
    let text = String::from_utf8(output.stdout).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| line.split(',').nth(5).unwrap().trim().to_owned())
        .collect()
}

/// What a player hears: sound at the start and the end depends on how much a container says of priming.
fn same_sound(a: &[String], b: &[String]) -> bool {
    let matched = a.iter().filter(|frame| b.contains(frame)).count();
    matched + 4 >= a.len().max(b.len())
}

fn target(folder: &Path, name: &str, format: &str) -> PathBuf {
    let folder = folder.join(format!("{name}-{}", format.replace('.', "-")));
    std::fs::create_dir_all(&folder).unwrap();
    folder.join(format!("x.{}", format.rsplit('.').next().unwrap()))
}

fn remux(from: &Path, to: &Path, format: &str) {
    let mut args = vec!["remux", from.to_str().unwrap(), to.to_str().unwrap()];
    if format == "frag.mp4" {
        args.push("--fragmented");
    }
    let output = fluvial(&args);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && said.is_empty(),
        "{} to {}: {said}",
        from.display(),
        to.display()
    );
}

#[test]
fn every_frame_stays() {
    if testing::run("ffmpeg", "-version", b"").is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for source in SOURCES {
        let origin = folder.path().join(format!("{}.mkv", source.name));
        let first = folder.path().join(format!("{}.src.mp4", source.name));
        let made = ffmpeg(&format!(
            "-v error {PICTURES}{} {}",
            source.make,
            origin.display()
        ));
        assert!(
            made.status.success(),
            "{}: {}",
            source.name,
            String::from_utf8_lossy(&made.stderr)
        );
        let copied = ffmpeg(&format!(
            "-v error -i {} -c copy -strict -2 {}",
            origin.display(),
            first.display()
        ));
        assert!(
            copied.status.success(),
            "{}: {}",
            source.name,
            String::from_utf8_lossy(&copied.stderr)
        );
        let pictures = frames(&first, "v");
        let sound = sound_of(source, &first);
        let mut made: HashMap<&str, PathBuf> = HashMap::new();
        for &format in source.formats {
            let path = target(folder.path(), source.name, format);
            remux(&first, &path, format);
            assert_eq!(frames(&path, "v"), pictures, "{} in {format}", source.name);
            assert!(
                same_sound(&sound_of(source, &path), &sound),
                "{} in {format}",
                source.name
            );
            made.insert(format, path);
        }
        for &from in source.formats {
            for &to in source.formats.iter().filter(|to| **to != from) {
                let path = target(folder.path(), &format!("{}-{from}", source.name), to);
                remux(&made[from], &path, to);
                assert_eq!(
                    frames(&path, "v"),
                    pictures,
                    "{} from {from} to {to}",
                    source.name
                );
                assert!(
                    same_sound(&sound_of(source, &path), &sound),
                    "{} from {from} to {to}",
                    source.name
                );
            }
        }
    }
}

#[test]
fn what_cannot_be_carried_is_refused() {
    if testing::run("ffmpeg", "-version", b"").is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let first = folder.path().join("x.mp4");
    ffmpeg(&format!(
        "-v error {PICTURES}25 -t 1 -c:v libx264 {}",
        first.display()
    ));
    let to = folder.path().join("x.aac");
    std::fs::write(&to, "what was there").unwrap();
    let output = fluvial(&["remux", first.to_str().unwrap(), to.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("cannot carry avc1"), "{said}");
    assert_eq!(std::fs::read(&to).unwrap(), b"what was there");
    // A file is not lost by being put onto itself.
    let before = std::fs::read(&first).unwrap();
    let output = fluvial(&["remux", first.to_str().unwrap(), first.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(std::fs::read(&first).unwrap(), before);
}
