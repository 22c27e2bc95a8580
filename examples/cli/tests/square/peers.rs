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
            gstreamer: has_gstreamer(),
            mediainfo: testing::ask("mediainfo", "--version", b"").is_some(),
            mkvmerge: testing::run("mkvmerge", "--version", b"").is_some(),
        }
    }

    /// Whether those who read a file without decoding it take all tracks of it without a warning.
    pub fn accept(&self, path: &Path, format: &str, tracks: usize) {
        if super::is_list(format) {
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

/// What a browser plays.
#[derive(Debug, Clone)]
pub struct Playable {
    pub path: PathBuf,
    /// Pictures that have sound: players of lists begin and end with both.
    pub frames: usize,
    /// Seconds in which there are pictures and sound, and in which there is either.
    pub lasts: [f64; 2],
}

const PAGE: &str = include_str!("browser.html");
/// The players of lists, in the streaming server's web folder where npm put them, and what the page calls them.
const PLAYERS: &[(&str, &str)] = &[
    ("hls.js/dist/hls.min.js", "hls.js"),
    ("shaka-player/dist/shaka-player.compiled.js", "shaka.js"),
    ("dashjs/dist/modern/umd/dash.all.min.js", "dash.js"),
];

impl Peers {
    /// Whether the players are there; said aloud where they are not.
    fn has_players(&self) -> bool {
        let web =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../streaming-server/web/node_modules");
        let vendor = self.folder.join("vendor");
        std::fs::create_dir_all(&vendor).unwrap();
        let all = PLAYERS
            .iter()
            .all(|(from, to)| std::fs::copy(web.join(from), vendor.join(to)).is_ok());
        if !all {
            eprintln!("SKIPPED: no players of lists; npm ci in examples/streaming-server/web");
        }
        all
    }

    /// Whether Chromium plays files and lists to their end, all pictures of them; said aloud where it is not installed.
    pub fn accept_in_chromium(&self, playable: &[Playable]) {
        let has_players = self.has_players();
        let mut work = String::new();
        for Playable {
            path,
            frames,
            lasts,
        } in playable
        {
            let players: &[&str] = match path.extension().unwrap().to_str().unwrap() {
                "m3u8" if has_players => &["hls.js"],
                "mpd" if has_players => &["shaka", "dash.js"],
                "m3u8" | "mpd" => &[],
                _ => &["file"],
            };
            let name = path.strip_prefix(&self.folder).unwrap();
            for player in players {
                work += &format!(
                    "{{ name: {name:?}, player: {player:?}, frames: {frames}, lasts: {lasts:?} }},\n"
                );
            }
        }
        let page = PAGE.replace("/*WORK*/", &work);
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
        // As long as all of it lasts where no more than one goes on at a time, and some more.
        let most = Duration::from_secs(200 + 2 * playable.len() as u64);
        let start = Instant::now();
        let result = loop {
            let paths = self.server.state.paths.lock().unwrap();
            let told = paths.iter().find_map(|path| path.strip_prefix("result?"));
            if let Some(told) = told {
                break told.replace("%20", " ").replace("%0A", "\n");
            }
            drop(paths);
            if start.elapsed() > most {
                break "nothing came of it".to_owned();
            }
            std::thread::sleep(Duration::from_millis(100));
        };
        let _ = browser.kill();
        let _ = browser.wait();
        let pieces = work.lines().count();
        eprintln!("Chromium: {pieces} played in {:?}", start.elapsed());
        assert!(result.is_empty(), "Chromium: {result}");
    }

    /// What GStreamer decodes of files and lists: each of them has to come out of it whole, and without a word.
    pub fn accept_in_gstreamer(&self, work: &[Decodable]) {
        if !self.gstreamer {
            return;
        }
        let uri = |path: &Path| {
            let below = path.strip_prefix(&self.folder).unwrap();
            let name = path.file_name().unwrap().to_str().unwrap();
            // It reads lists only over HTTP. Of a program stream that it may seek in, it (1.22) looks for the first PTS in packs without
            // a map (ISO/IEC 13818-1 §2.5.4), and shows nothing of what is before the one that it finds.
            match super::is_list(name) || name.ends_with(".mpg") {
                true => self.server.url(below.to_str().unwrap()),
                false => format!("file://{}", path.display()),
            }
        };
        let uris: String = work.iter().map(|one| uri(&one.path) + "\n").collect();
        let mut python = Command::new("/usr/bin/python3");
        python.args(["-c", include_str!("gstreamer.py")]);
        let output = testing::output(&mut python, uris.as_bytes()).unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "GStreamer: {said}");
        let lines: Vec<serde_json::Value> = output
            .stdout
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
            .map(|line| serde_json::from_slice(line).unwrap())
            .collect();
        assert_eq!(lines.len(), work.len());
        let mut wrong = Vec::new();
        for (found, wanted) in lines.iter().zip(work) {
            let count = |kind: &str, what: &str| {
                let tracks = found["tracks"].as_array().unwrap().iter();
                let of_kind = tracks.filter(|track| track["kind"] == kind);
                of_kind
                    .map(|track| track[what].as_u64().unwrap())
                    .sum::<u64>()
            };
            let [pictures, sound] = [wanted.pictures, wanted.sound];
            let units = count("audio", "units");
            let folder = wanted.path.parent().unwrap().file_name().unwrap();
            let folder = folder.to_str().unwrap();
            let loses = |(source, format, _): &(&str, &str, &str)| {
                folder.starts_with(source) && folder.ends_with(&format!("-{format}"))
            };
            let least = match LOSES.iter().any(loses) {
                true => 1,
                false => sound.saturating_sub(4),
            };
            let is_whole = found["said"].as_array().unwrap().is_empty()
                && count("video", "frames") == pictures
                // It leaves out what an edit list hides, and what its decoder needs to begin.
                && units <= sound
                && units >= least
                && count("audio", "samples") > 0;
            if !is_whole {
                wrong.push(format!("{wanted:?}: {found}"));
            }
        }
        assert!(wrong.is_empty(), "GStreamer:\n{}", wrong.join("\n"));
    }
}

/// Where GStreamer (1.22) loses sound, by the source's name and the copy's format, and why.
const LOSES: &[(&str, &str, &str)] = &[(
    "wrap",
    "mpg",
    "its demuxer of program streams does not unwrap the 33 bits of PTS: what comes after the wrap is from before its start to it",
)];

/// What GStreamer is asked for: pictures, and frames of sound.
#[derive(Debug)]
pub struct Decodable {
    pub path: PathBuf,
    pub pictures: u64,
    pub sound: u64,
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

/// By its bindings to Python.
fn has_gstreamer() -> bool {
    let script = "import gi; gi.require_version('Gst', '1.0'); from gi.repository import Gst; Gst.init(None)";
    let mut python = Command::new("/usr/bin/python3");
    let found = testing::output(python.args(["-c", script]), b"");
    let found = found.is_ok_and(|output| output.status.success());
    if !found {
        eprintln!("SKIPPED: no GStreamer with python3-gi");
    }
    found
}
