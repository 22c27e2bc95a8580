//! The recorder is killed at random moments, without a chance to clean up: each file plays up to the last second, and
//! `fluvial repair` makes it a plain one that starts with its tables.
#![cfg(unix)]

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Seconds of the source, and how much faster than that it is fed.
const LENGTH: f64 = 8.0;
const SPEED: f64 = 6.0;
/// Seconds of the stream that a death may cost: half a second of an open fragment, what a transport stream's demuxer
/// holds to know how long pictures last.
const LOST: f64 = 1.0;

/// What ffmpeg says of a file, without a word of complaint, and where its last picture is.
fn plays(path: &str, what: &str) -> f64 {
    let read = format!("-v warning -i {path} -f null -");
    let mut ffmpeg = Command::new("ffmpeg");
    let output = testing::output(ffmpeg.args(read.split_whitespace()), b"").unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{what}: {said}");
    let args =
        format!("-v error -select_streams v -show_entries packet=pts_time -of csv=p=0 {path}");
    let times = testing::csv("ffprobe", &args, b"").unwrap();
    let times = times
        .iter()
        .filter_map(|line| line.first()?.parse::<f64>().ok());
    times.fold(0.0, f64::max)
}

/// Feeds a recording `fluvial` in the stream's pace, until it is to die; gives how many seconds it was fed.
fn record(source: &[u8], out: &Path, dies_at: f64) -> f64 {
    let mut child = Command::new(env!("CARGO_BIN_EXE_fluvial"))
        .args(["remux", "-", out.to_str().unwrap()])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let start = Instant::now();
    let mut fed = 0;
    loop {
        let now = start.elapsed().as_secs_f64() * SPEED;
        if now >= dies_at {
            break;
        }
        let due = (now / LENGTH * source.len() as f64) as usize;
        let due = due.min(source.len());
        stdin.write_all(&source[fed..due]).unwrap();
        fed = due;
        std::thread::sleep(Duration::from_millis(5));
    }
    // What it has not read yet, as others use the machine too, cannot be in the file.
    let io = std::fs::read_to_string(format!("/proc/{}/io", child.id())).unwrap_or_default();
    let read = io
        .lines()
        .find_map(|line| line.strip_prefix("rchar: ")?.parse().ok());
    let fed = fed.min(read.unwrap_or(fed));
    // SIGKILL: nothing is flushed or closed.
    child.kill().unwrap();
    child.wait().unwrap();
    fed as f64 / source.len() as f64 * LENGTH
}

#[test]
fn a_recorder_that_is_killed_leaves_a_file_that_plays() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (source, mended) = (path("source.ts"), path("mended.mp4"));
    // At a constant rate, so that bytes are time.
    let make = format!(
        "-v error -f lavfi -i testsrc2=size=640x360:rate=25 -f lavfi -i sine -t {LENGTH} -c:v libx264 -preset ultrafast \
         -g 25 -b:v 3M -minrate 3M -maxrate 3M -bufsize 600k -nal-hrd cbr -c:a aac -muxrate 4M -f mpegts {source}"
    );
    if testing::run("ffmpeg", &make, b"").is_none() {
        return;
    }
    let data = std::fs::read(&source).unwrap();
    let mut random = testing::Random::new(50);
    let mut worst: f64 = 0.0;
    for n in 0..50 {
        let out = folder.path().join(format!("out-{n}.mp4"));
        // Before, it waits for tracks that may still come, and there is no file.
        let dies_at = 3.5 + random.below(4000) as f64 / 1000.0;
        let fed = record(&data, &out, dies_at);
        let name = out.to_str().unwrap();
        let what = format!("{n}, killed at {fed:.3} s");
        let played = plays(name, &what);
        worst = worst.max(fed - played);
        assert!(played + LOST >= fed, "{what}: plays up to {played:.3} s");

        let mut repair = Command::new(env!("CARGO_BIN_EXE_fluvial"));
        repair.args(["repair", name, &mended]);
        let repaired = testing::output(&mut repair, b"").unwrap();
        assert!(repaired.status.success(), "{what}: {repaired:?}");
        let bytes = std::fs::read(&mended).unwrap();
        let at = |name: &[u8]| bytes.windows(4).position(|window| window == name);
        assert!(at(b"moov") < at(b"mdat") && at(b"moof").is_none(), "{what}");
        let kept = plays(&mended, &what);
        assert!(
            (kept - played).abs() < 0.05,
            "{what}: {kept:.3} s of {played:.3} s"
        );
        std::fs::remove_file(&out).unwrap();
    }
    println!("at most {worst:.3} s were lost");
}

#[test]
fn a_recorder_that_is_closed_leaves_a_plain_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (source, out) = (path("source.ts"), path("out.mp4"));
    let make = format!(
        "-v error -f lavfi -i testsrc2=size=320x180:rate=25 -f lavfi -i sine -t 4 -c:v libx264 -g 25 -c:a aac {source}"
    );
    if testing::run("ffmpeg", &make, b"").is_none() {
        return;
    }
    let mut child = Command::new(env!("CARGO_BIN_EXE_fluvial"))
        .args(["remux", "-", &out])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let data = std::fs::read(&source).unwrap();
    child.stdin.take().unwrap().write_all(&data).unwrap();
    assert!(testing::wait(child).status.success());
    let bytes = std::fs::read(&out).unwrap();
    let children = |file: &[u8]| {
        let (mut names, mut rest) = (Vec::new(), file);
        while let Some(size) = rest.first_chunk::<4>() {
            names.push(String::from_utf8_lossy(&rest[4..8]).into_owned());
            let size = match u32::from_be_bytes(*size) {
                1 => u64::from_be_bytes(rest[8..16].try_into().unwrap()),
                size => size.into(),
            };
            rest = &rest[usize::try_from(size).unwrap()..];
        }
        names.join(" ")
    };
    assert_eq!(children(&bytes), "ftyp free moov free mdat");
    plays(&out, "closed");
    let mut check = Command::new(env!("CARGO_BIN_EXE_fluvial"));
    let checked = testing::output(check.args(["check", &out]), b"").unwrap();
    assert_eq!(
        String::from_utf8_lossy(&checked.stdout),
        "mp4: 0 errors, 0 warnings\n"
    );
}
