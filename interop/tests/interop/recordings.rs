//! What the SFU records of people: files that play, also when it was killed.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use fluvial_interop::{
    needs,
    peer::{self, AIORTC, CHROMIUM, FFMPEG, FFMPEG_9, PLAYWRIGHT},
    process::Process,
    sfu::Sfu,
    tool, wait_for,
};
use tempfile::TempDir;

/// Pictures that are waited for before anything ends: some seconds, several fragments of a file.
const PICTURES: usize = 60;

/// The files in a folder and those in it, as far as they are whole enough to be looked at.
fn files(folder: &Path) -> Vec<PathBuf> {
    let list = |folder: &Path| -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).collect()
    };
    list(folder).iter().flat_map(|room| list(room)).collect()
}

/// Pictures that ffmpeg can take from a file; none where it finds a fault.
fn pictures(file: &Path) -> usize {
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-i"]).arg(file);
    command.args(["-map", "0:v:0", "-f", "framecrc", "-"]);
    let output = testing::output(&mut command, b"").expect("the test has asked for it");
    let text = String::from_utf8_lossy(&output.stdout);
    let count = text.lines().filter(|line| line.starts_with("0,")).count();
    if output.stderr.is_empty() { count } else { 0 }
}

/// Waits until a recording is there, with so many pictures; it plays while it grows.
pub(crate) fn recording(folder: &Path) -> PathBuf {
    wait_for("a recording that grows", || {
        let mut files = files(folder).into_iter();
        files.find(|file| pictures(file) >= PICTURES)
    })
}

/// Checks a file that has ended, one way or the other.
pub(crate) fn plays(file: &Path, hertz: Option<f64>) {
    assert!(pictures(file) >= PICTURES, "{}", file.display());
    tool::check(file);
    let Some(hertz) = hertz else {
        return;
    };
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-i"]).arg(file);
    // Sound that came in bursts overlaps by some milliseconds where the sender's reports put it right: as in players.
    command.args(["-map", "0:a:0", "-af", "aresample=async=1"]);
    command.args(["-ac", "1", "-ar", "48000", "-f", "s16le", "-"]);
    let output = testing::output(&mut command, b"").expect("the test has asked for it");
    assert!(
        output.stderr.is_empty(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let (pairs, _) = output.stdout.as_chunks::<2>();
    let samples: Vec<i16> = pairs.iter().map(|pair| i16::from_le_bytes(*pair)).collect();
    assert!(samples.len() > 48_000, "{} samples", samples.len());
    // The first second: later on a busy machine may have lost something.
    let second = &samples[..48_000];
    let crossings = second
        .windows(2)
        .filter(|pair| (pair[0] < 0) != (pair[1] < 0));
    let found = crossings.count() as f64 / 2.0;
    assert!(
        (found - hertz).abs() < hertz / 4.0,
        "{found} Hz in {}",
        file.display()
    );
}

/// Checks that Chromium plays a file to its end; gives the heights of its pictures.
fn browser_plays(file: &Path) -> Vec<u64> {
    let mut command = Command::new("node");
    command
        .arg(peer::manifest_dir().join("browser/film.js"))
        .arg(file)
        .env(
            "CHROMIUM",
            peer::find("chromium").expect("the test has asked for it"),
        );
    let lines = Process::run("Chromium watching a recording", &mut command);
    let seen: serde_json::Value = serde_json::from_str(&lines.concat()).expect("it prints JSON");
    assert_eq!(seen["end"], "ended", "{seen}");
    assert!(seen["pictures"].as_u64() >= Some(PICTURES as u64), "{seen}");
    let sizes = seen["sizes"].as_array().into_iter().flatten();
    sizes.filter_map(|size| size[1].as_u64()).collect()
}

fn start(folder: &TempDir) -> Sfu {
    Sfu::start(&["--record", &folder.path().display().to_string()])
}

#[test]
fn of_a_server_that_was_killed() {
    needs!(AIORTC, FFMPEG);
    let folder = TempDir::new().expect("there is room for temporary files");
    let mut sfu = start(&folder);
    let mut command = Command::new("python3");
    command
        .arg(peer::manifest_dir().join("python/webrtc.py"))
        .args(["publish", &sfu.url("/whip/a"), "80"]);
    let _publisher = Process::spawn("aiortc publishing", &mut command);
    let file = recording(folder.path());
    sfu.process.kill();
    plays(&file, Some(440.0));
}

#[test]
fn of_h264_until_the_server_ends() {
    needs!(FFMPEG, FFMPEG_9);
    let folder = TempDir::new().expect("there is room for temporary files");
    let mut sfu = start(&folder);
    let mut command = Command::new(peer::ffmpeg_9().expect("the test has asked for it"));
    command.args([
        "-v",
        "warning",
        "-re",
        "-f",
        "lavfi",
        "-i",
        "testsrc2=size=320x240:rate=25",
    ]);
    command.args([
        "-f",
        "lavfi",
        "-i",
        "sine=frequency=440:sample_rate=48000",
        "-t",
        "80",
    ]);
    command.args([
        "-c:v",
        "libx264",
        "-preset",
        "ultrafast",
        "-tune",
        "zerolatency",
    ]);
    command.args([
        "-profile:v",
        "baseline",
        "-pix_fmt",
        "yuv420p",
        "-g",
        "25",
        "-bf",
        "0",
    ]);
    command.args(["-c:a", "libopus", "-ac", "2", "-b:a", "64k", "-f", "whip"]);
    command.arg(sfu.url("/whip/f"));
    let _publisher = Process::spawn("ffmpeg publishing by WHIP", &mut command);
    let file = recording(folder.path());
    sfu.process.signal("TERM");
    sfu.process.expect_success();
    plays(&file, Some(440.0));
}

/// A browser that is in a room with nobody else until the server has gone.
fn alone(sfu: &Sfu, more: &[&str]) -> Process {
    let mut command = crate::rooms::meeting(sfu, "b");
    command.args(["ann", "stay=1"]).args(more);
    Process::spawn("a Chromium alone", &mut command)
}

/// Simulcast of a browser: the best layer that comes.
#[test]
fn of_a_browser() {
    of_a_browser_that_sends("query=video=640x360", None);
}

/// An encoder that changes the size of its pictures: one file has all of them, and plays wherever it ends.
#[test]
fn of_h264_whose_pictures_change_their_size() {
    needs!(FFMPEG, CHROMIUM, PLAYWRIGHT);
    let folder = TempDir::new().expect("there is room for temporary files");
    let mut sfu = start(&folder);
    let _turn = crate::rooms::turn();
    let mut meeting = alone(
        &sfu,
        &["scale=1", "query=video=640x360&codec=h264&simulcast=0"],
    );
    let file = wait_for("a recording with several sizes", || {
        let file = recording(folder.path());
        (pictures(&file) >= 3 * PICTURES).then_some(file)
    });
    sfu.process.kill();
    meeting.expect_success();
    assert_eq!(files(folder.path()).len(), 1);
    plays(&file, None);
    let heights = browser_plays(&file);
    // Which ones is for the browser to say, by what this machine has left for it.
    assert!(
        heights.iter().any(|height| *height != heights[0]),
        "{heights:?}"
    );
}

/// Layers inside one stream. Killed, too: the file has to play from what is there.
#[test]
fn of_vp9_of_a_browser() {
    of_a_browser_that_sends("query=video=640x360&codec=vp9", Some("vp9"));
}

#[test]
fn of_av1_of_a_browser() {
    of_a_browser_that_sends("query=video=640x360&codec=av1", Some("av1"));
}

/// Ends the server in the usual way, or with a `codec` by a kill; then the file is to be of that codec.
fn of_a_browser_that_sends(query: &str, codec: Option<&str>) {
    needs!(FFMPEG, CHROMIUM, PLAYWRIGHT);
    let folder = TempDir::new().expect("there is room for temporary files");
    let mut sfu = start(&folder);
    let _turn = crate::rooms::turn();
    let mut meeting = alone(&sfu, &[query]);
    let file = recording(folder.path());
    let Some(codec) = codec else {
        sfu.process.signal("TERM");
        sfu.process.expect_success();
        meeting.expect_success();
        return plays(&file, None);
    };
    sfu.process.kill();
    meeting.expect_success();
    plays(&file, None);
    let mut command = Command::new("ffprobe");
    command.args(["-v", "error", "-select_streams", "v", "-of", "csv=p=0"]);
    command
        .args(["-show_entries", "stream=codec_name"])
        .arg(&file);
    assert_eq!(Process::run("ffprobe", &mut command), [codec]);
    browser_plays(&file);
}
