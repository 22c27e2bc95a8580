//! Recordings over RTMP: MP4 and FLV files that other people's players play, whole, in part, and from another place.

use fluvial_interop::{
    clip::{B_FRAMES_25, Clip, NTSC_PYRAMID, Recipe},
    needs,
    peer::{FFMPEG, FFMPEG_9, GSTREAMER_RTMP2, RTMPDUMP, VLC, ffmpeg_9},
    process::Process,
    reader::Reader,
    recorder::Recorder,
    server::Server,
};
use std::{fs, process::Command, sync::Arc};
use tempfile::TempDir;

/// A clip as `clip.flv` and `clip.mp4` in a folder that a server serves.
struct Shelf {
    clip: Arc<Clip>,
    server: Server,
    _folder: TempDir,
}

impl Shelf {
    fn new(recipe: &Recipe) -> Self {
        let clip = recipe.clip();
        let folder = TempDir::new().expect("there is room for temporary files");
        fs::copy(&clip.file, folder.path().join("clip.flv")).expect("there is room");
        Process::run(
            "ffmpeg making an MP4",
            Command::new("ffmpeg")
                .args(["-nostdin", "-v", "error", "-i"])
                .arg(&clip.file)
                .args(["-c", "copy"])
                .arg(folder.path().join("clip.mp4")),
        );
        let path = folder.path().display().to_string();
        let any = "127.0.0.1:0";
        let server = Server::start(&[
            "--no-demo",
            "--vod",
            &path,
            "--rtmpe",
            "--rtmps",
            any,
            "--rtmpt",
            any,
        ]);
        Self {
            clip,
            server,
            _folder: folder,
        }
    }

    fn url(&self, scheme: &str, name: &str) -> String {
        let url = match scheme {
            "rtmp" => self.server.rtmp_url(name),
            other => self.server.wrapped_url(other, name),
        };
        url.replace("/live/", "/vod/")
    }

    /// Seconds of the clip.
    fn seconds(&self) -> f64 {
        let frames = &self.clip.frames.video;
        let nanos = frames.last().map_or(0, |last| last.time - frames[0].time);
        std::time::Duration::from_nanos(nanos.unsigned_abs()).as_secs_f64()
    }
}

const FILES: [&str; 2] = ["clip.mp4", "clip.flv"];
/// So that it does not take as long as the clip.
const AT_ONCE: [&str; 2] = ["-rtmp_buffer", "600000"];

#[test]
fn ffmpeg_plays_files() {
    needs!(FFMPEG);
    let shelf = Shelf::new(&NTSC_PYRAMID);
    for file in FILES {
        let player = Reader::start(&shelf.url("rtmp", file), &AT_ONCE);
        let said = player.process.stderr.wait_for(0, &["Duration:"]);
        player.finish().assert_same(&shelf.clip.frames, file);
        // It knows how long the recording is before it has it.
        let seconds = said
            .split("Duration: 00:00:")
            .nth(1)
            .and_then(|text| text.get(..5));
        let seconds: f64 = seconds
            .and_then(|text| text.parse().ok())
            .unwrap_or_default();
        assert!((seconds - shelf.seconds()).abs() < 0.3, "{file}: {said}");
    }
}

#[test]
fn ffmpeg_9_plays_files_wrapped() {
    needs!(FFMPEG, FFMPEG_9);
    let shelf = Shelf::new(&NTSC_PYRAMID);
    let newer = ffmpeg_9().expect("it was found just before");
    for scheme in ["rtmps", "rtmpe", "rtmpt", "rtmpte"] {
        let url = shelf.url(scheme, "clip.mp4");
        let options = match scheme {
            "rtmps" => &["-rtmp_buffer", "600000", "-tls_verify", "0"][..],
            _ => &AT_ONCE,
        };
        Recorder::ffmpeg(&newer, options, &url)
            .finish()
            .assert_same(&shelf.clip.frames, scheme);
    }
}

#[test]
fn ffmpeg_seeks_in_files() {
    needs!(FFMPEG);
    let shelf = Shelf::new(&B_FRAMES_25);
    for file in FILES {
        // With the player's own buffer: with all of it there at once, the end would overtake what is asked.
        let frames = Reader::start(&shelf.url("rtmp", file), &["-ss", "5"]).finish();
        let start = frames.assert_video_run_of(&shelf.clip.frames, file);
        // 25 pictures a second; what is before the place it has decoded and left out.
        assert!(
            (124..=126).contains(&start),
            "{file}: from picture {start} on"
        );
        assert_eq!(
            start + frames.video.len(),
            shelf.clip.frames.video.len(),
            "{file}: to the end"
        );
    }
}

#[test]
fn rtmpdump_takes_files_and_parts_of_them() {
    needs!(FFMPEG, RTMPDUMP);
    let shelf = Shelf::new(&B_FRAMES_25);
    for file in FILES {
        let url = shelf.url("rtmp", file);
        let recorder = Recorder::rtmpdump_with(&url, &[]);
        recorder.finish().assert_same(&shelf.clip.frames, file);
        let recorder = Recorder::rtmpdump_with(&url, &["--start", "3", "--stop", "6"]);
        let frames = recorder.finish();
        let start = frames.assert_video_run_of(&shelf.clip.frames, file);
        // From the key frame before, 2 seconds from one to the next; to the sixth second.
        assert_eq!(start, 50, "{file}");
        let end = start + frames.video.len();
        assert!((146..=151).contains(&end), "{file}: to picture {end}");
    }
}

#[test]
fn rtmpdump_takes_files_by_rtmpe() {
    needs!(FFMPEG, RTMPDUMP);
    let shelf = Shelf::new(&B_FRAMES_25);
    let recorder = Recorder::rtmpdump_with(&shelf.url("rtmpe", "clip.mp4"), &[]);
    recorder.finish().assert_same(&shelf.clip.frames, "rtmpe");
}

/// `rtmp2src`; `rtmpsrc` connects anew whenever a recording has ended, and plays it again and again.
#[test]
fn gstreamer_plays_files() {
    needs!(FFMPEG, GSTREAMER_RTMP2);
    let shelf = Shelf::new(&NTSC_PYRAMID);
    for file in FILES {
        let url = shelf.url("rtmp", file);
        Recorder::rtmp2src(&url)
            .finish()
            .assert_same(&shelf.clip.frames, "rtmp2src");
    }
}

#[test]
fn vlc_plays_files() {
    needs!(FFMPEG, VLC);
    const SPOILT: usize = 8;
    let shelf = Shelf::new(&B_FRAMES_25);
    let frames = Recorder::vlc(&shelf.url("rtmp", "clip.mp4")).finish();
    // As with live streams: VLC's own remuxing spoils the last pictures.
    let shown = frames.first(frames.video.len().saturating_sub(SPOILT), 0);
    shown.assert_video_run_of(&shelf.clip.frames, "VLC");
    assert!(shown.video.len() >= 150, "{} pictures", shown.video.len());
}
