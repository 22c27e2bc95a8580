//! Programs that nobody here wrote, and what they say of a file.

use crate::support::Server;
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

pub fn ffmpeg(args: &str) -> Output {
    run("ffmpeg", &format!("-nostdin -y {args}"))
}

/// The same, which has to succeed.
pub fn make(args: &str) {
    let output = ffmpeg(&format!("-v error {args}"));
    assert!(
        output.status.success(),
        "{args}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// The hashes of all frames of pictures and of sound, decoded unless the sound is told to be copied, in order. Whatever ffmpeg says
/// about the file is a failure.
pub fn frames(path: &Path, what: &str, sound: &str) -> [Vec<String>; 2] {
    let args = format!(
        "-v warning -i {} {what} {sound} -fps_mode passthrough -f framemd5 -",
        path.display()
    );
    let output = ffmpeg(&args);
    let said: Vec<_> = std::str::from_utf8(&output.stderr)
        .unwrap()
        .lines()
        // It speaks of its own muxer there.
        .filter(|line| !line.contains("[framemd5") && !line.trim().is_empty())
        // It says so of every ADTS stream.
        .filter(|line| !line.contains("Estimating duration from bitrate"))
        .map(str::to_owned)
        .collect();
    assert!(
        output.status.success() && said.is_empty(),
        "{}: {said:?}",
        path.display()
    );
    let text = String::from_utf8(output.stdout).unwrap();
    let of = |stream: &str| {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let lines = lines.filter(|line| line.starts_with(stream));
        lines
            .map(|line| line.split(',').nth(5).unwrap().trim().to_owned())
            .collect()
    };
    [of("0,"), of("1,")]
}

/// What is here besides ffmpeg.
pub struct Peers {
    folder: PathBuf,
    server: Server,
    gstreamer: bool,
    mediainfo: bool,
    mkvmerge: bool,
}

impl Peers {
    /// Says aloud what is missing; the files will lie in this folder.
    pub fn look(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            server: Server::start(folder),
            gstreamer: testing::run("gst-launch-1.0", "--version", b"").is_some(),
            mediainfo: testing::ask("mediainfo", "--version", b"").is_some(),
            mkvmerge: testing::run("mkvmerge", "--version", b"").is_some(),
        }
    }

    /// Whether all take a file of some format without a warning, all tracks of it.
    pub fn accept(&self, path: &Path, format: &str, tracks: usize) {
        let name = path.display();
        let is_list = super::is_list(format);
        if self.gstreamer && is_list {
            // It reads lists only over HTTP.
            let below = path.strip_prefix(&self.folder).unwrap();
            let url = self.server.url(below.to_str().unwrap());
            let pipeline = format!("-q playbin uri={url} video-sink=fakesink audio-sink=fakesink");
            quiet("gst-launch-1.0", &pipeline, 0);
        } else if self.gstreamer {
            // Each track has to come out of it, or the pipeline does not start.
            let sinks = "p. ! queue ! fakesink ".repeat(tracks);
            let pipeline = format!("-q filesrc location={name} ! parsebin name=p {sinks}");
            quiet("gst-launch-1.0", &pipeline, 0);
        }
        if is_list {
            self.accept_segments(path);
        } else {
            self.accept_file(path, tracks);
        }
    }

    /// Whether those who read no lists take their segments, joined behind the init segment of each track.
    pub fn accept_segments(&self, list: &Path) {
        for (joined, tracks) in joined(list) {
            self.accept_file(&joined, tracks);
            let _ = std::fs::remove_file(joined);
        }
    }

    fn accept_file(&self, path: &Path, tracks: usize) {
        let name = path.display();
        if self.mkvmerge {
            // It ends with 1 where it had to warn.
            let out = path.with_extension("mkvmerge.mkv");
            let said = run("mkvmerge", &format!("-q -o {} {name}", out.display()));
            assert!(
                said.status.code() == Some(0) && !words(&said).contains("arning"),
                "mkvmerge on {name}: {}",
                words(&said)
            );
            let _ = std::fs::remove_file(out);
        }
        if self.mediainfo {
            let said = run("mediainfo", &format!("--Full --Output=JSON {name}"));
            let said = words(&said);
            let bad = |line: &&str| {
                ["Conformance", "IsTruncated", "Errors", "Warnings"]
                    .iter()
                    .any(|word| line.starts_with(&format!("\"{word}")))
            };
            let bad: Vec<_> = said.lines().map(str::trim).filter(bad).collect();
            assert!(bad.is_empty(), "mediainfo on {name}: {bad:?}");
            let found = said.matches("\"@type\"").count();
            // One more is for the file.
            assert!(found > tracks, "mediainfo on {name}: {said}");
        }
    }
}

/// The segments beside a list, one file for all tracks or for each, and how many tracks each of them has.
fn joined(list: &Path) -> Vec<(PathBuf, usize)> {
    let folder = list.parent().unwrap();
    let mut pieces = BTreeMap::<_, Vec<_>>::new();
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let stem = path.file_stem().unwrap().to_str().unwrap();
        // x-init-0.mp4, x-segment-7.m4s; for one track x-init-1-0.mp4, x-segment-1-7.m4s; x-segment-7.ts.
        let mut parts = stem.split('-').skip(1);
        let kind = parts.next();
        let Some(kind @ ("init" | "segment")) = kind else {
            continue;
        };
        let numbers: Vec<_> = parts.collect();
        let (number, track) = numbers.split_last().unwrap();
        let extension = match path.extension().unwrap().to_str().unwrap() {
            "ts" => "ts",
            _ => "mp4",
        };
        let piece = (
            kind == "segment",
            number.parse::<u32>().unwrap(),
            path.clone(),
        );
        let key = (track.concat(), extension.to_owned());
        pieces.entry(key).or_default().push(piece);
    }
    assert!(!pieces.is_empty(), "{}", list.display());
    let joined = pieces.into_iter().map(|((track, extension), mut pieces)| {
        pieces.sort();
        let all: Vec<u8> = pieces
            .iter()
            .flat_map(|(_, _, path)| std::fs::read(path).unwrap())
            .collect();
        let path = folder.join(format!("joined{track}.{extension}"));
        std::fs::write(&path, all).unwrap();
        (path, if track.is_empty() { 2 } else { 1 })
    });
    joined.collect()
}

/// Plays each file to its end, four at a time and four times as fast, then seeks in it, and tells how that went.
const PAGE: &str = r#"<!doctype html><body><script>
async function play(name) {
  const video = document.createElement("video");
  const once = (event) => new Promise((done, failed) => {
    video.addEventListener(event, done, { once: true });
    video.addEventListener("error", () => failed(video.error.message), { once: true });
    setTimeout(() => failed("no " + event), 30000);
  });
  video.muted = true;
  video.src = name;
  await once("loadeddata");
  video.playbackRate = 4;
  const ended = once("ended");
  await video.play();
  await ended;
  if (video.videoWidth != 128 && video.videoWidth != 352) throw "width " + video.videoWidth;
  if (!video.webkitAudioDecodedByteCount) throw "no sound";
  if (!video.getVideoPlaybackQuality().totalVideoFrames) throw "no pictures";
  const seeked = once("seeked");
  video.currentTime = video.duration * 0.8;
  await seeked;
  video.src = "";
}
const names = NAMES, failed = [];
async function some() {
  while (names.length) {
    const name = names.pop();
    await play(name).catch((why) => failed.push(name + " " + why));
  }
}
Promise.all([some(), some(), some(), some()]).then(() =>
  fetch("/result?" + failed.map((one) => one.replaceAll(" ", "_")).join(","))
);
</script>"#;

impl Peers {
    /// Whether Chromium plays files to their end; said aloud where it is not installed.
    pub fn accept_in_chromium(&self, files: &[PathBuf]) {
        let names: Vec<_> = files
            .iter()
            .map(|path| path.strip_prefix(&self.folder).unwrap())
            .collect();
        let page = PAGE.replace("NAMES", &format!("{names:?}"));
        std::fs::write(self.folder.join("page.html"), page).unwrap();
        let profile = self.folder.join("profile");
        let browser = Command::new("chromium")
            .args(["--headless=new", "--no-sandbox", "--disable-gpu"])
            .arg("--autoplay-policy=no-user-gesture-required")
            .arg(format!("--user-data-dir={}", profile.display()))
            .arg(self.server.url("page.html"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let Ok(mut browser) = browser else {
            eprintln!("SKIPPED: chromium is not installed");
            return;
        };
        let start = Instant::now();
        let result = loop {
            let paths = self.server.state.paths.lock().unwrap();
            let told = paths.iter().find_map(|path| path.strip_prefix("result?"));
            if let Some(told) = told {
                break told.to_owned();
            }
            drop(paths);
            if start.elapsed() > Duration::from_secs(200) {
                break "nothing came of it".to_owned();
            }
            std::thread::sleep(Duration::from_millis(100));
        };
        let _ = browser.kill();
        let _ = browser.wait();
        assert_eq!(result, "", "Chromium");
    }
}

fn run(program: &str, args: &str) -> Output {
    let once = || testing::output(Command::new(program).args(args.split_whitespace()), b"");
    let output = match once() {
        // A peer may lock itself up, but not twice in a row for the same file.
        Err(error) if error.kind() == ErrorKind::TimedOut => {
            eprintln!("HUNG ONCE: {program} {args}");
            once()
        }
        output => output,
    };
    output.unwrap_or_else(|error| panic!("{program} {args}: {error}"))
}

fn words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn quiet(program: &str, args: &str, code: i32) {
    let said = run(program, args);
    let words = words(&said);
    assert!(
        said.status.code() == Some(code) && words.trim().is_empty(),
        "{program} {args}: {}: {words}",
        said.status
    );
}
