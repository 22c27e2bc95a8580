//! Players that write what they get to a file, which is decoded afterwards.

use std::{
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use tempfile::TempDir;

use crate::{frames::Frames, peer::manifest_dir, process::Process, wait_within};

/// A player that records.
#[derive(Debug)]
pub struct Recorder {
    /// The process.
    pub process: Process,
    file: PathBuf,
    _folder: TempDir,
}

impl Recorder {
    fn start(name: &str, extension: &str, command: impl FnOnce(&str) -> Command) -> Self {
        let folder = TempDir::new().expect("there is room for temporary files");
        let file = folder.path().join("recording").with_extension(extension);
        let process = Process::spawn(name, &mut command(&file.display().to_string()));
        Self {
            process,
            file,
            _folder: folder,
        }
    }

    /// rtmpdump.
    pub fn rtmpdump(url: &str) -> Self {
        Self::start("rtmpdump", "flv", |file| {
            let mut command = Command::new("rtmpdump");
            command.args(["--verbose", "--live", "--rtmp", url, "--flv", file]);
            command
        })
    }

    /// rtmpdump, of a recording.
    pub fn rtmpdump_with(url: &str, options: &[&str]) -> Self {
        Self::start("rtmpdump", "flv", |file| {
            let mut command = Command::new("rtmpdump");
            command.args(["--verbose", "--rtmp", url, "--flv", file]);
            command.args(options);
            command
        })
    }

    /// An ffmpeg of the caller's choice, with further options of its protocol.
    pub fn ffmpeg(program: &Path, options: &[&str], url: &str) -> Self {
        Self::start("ffmpeg", "flv", |file| {
            let mut command = Command::new(program);
            command
                .args(["-nostdin", "-hide_banner", "-nostats", "-y"])
                .args(options)
                .args(["-i", url, "-c", "copy", "-f", "flv", file]);
            command
        })
    }

    /// GStreamer's own client.
    pub fn rtmp2src(url: &str) -> Self {
        Self::start("rtmp2src", "flv", |file| {
            let mut command = Command::new("gst-launch-1.0");
            command
                .args(["-e", "rtmp2src", &format!("location={url}")])
                // Of rtmps: the certificate is made for the test.
                .arg("tls-validation-flags=0")
                .args([
                    "!",
                    "filesink",
                    "buffer-mode=unbuffered",
                    &format!("location={file}"),
                ]);
            command
        })
    }

    /// GStreamer's client by librtmp.
    pub fn rtmpsrc(url: &str) -> Self {
        Self::start("rtmpsrc", "flv", |file| {
            let mut command = Command::new("gst-launch-1.0");
            command
                .args(["-e", "rtmpsrc", &format!("location={url} live=1")])
                .args([
                    "!",
                    "filesink",
                    "buffer-mode=unbuffered",
                    &format!("location={file}"),
                ]);
            command
        })
    }

    /// GStreamer's RTSP client, by these protocols; the pictures only.
    pub fn rtspsrc(protocols: &str, url: &str) -> Self {
        Self::start("rtspsrc", "ts", |file| {
            let mut command = Command::new("/usr/bin/python3");
            command
                .arg(manifest_dir().join("python/rtspsrc.py"))
                .args([protocols, url, file]);
            command
        })
    }

    /// VLC.
    pub fn vlc(url: &str) -> Self {
        let recorder = TempDir::new().expect("there is room for temporary files");
        // VLC refuses root, and then has to be let in.
        let folder = recorder.path().display().to_string();
        Process::run("chmod", Command::new("chmod").args(["777", &folder]));
        let file = recorder.path().join("recording.ts");
        let output = format!("#std{{access=file,mux=ts,dst={}}}", file.display());
        let mut command = if is_root() {
            let mut command = Command::new("setpriv");
            command.args([
                "--reuid=nobody",
                "--regid=nogroup",
                "--clear-groups",
                "cvlc",
            ]);
            command
        } else {
            Command::new("cvlc")
        };
        command
            .args(["-I", "dummy", "-vv", url, "--sout", &output, "vlc://quit"])
            .env("HOME", &folder);
        let process = Process::spawn("vlc", &mut command);
        Self {
            process,
            file,
            _folder: recorder,
        }
    }

    /// As [`finish`](Self::finish); where the end does not come by itself for so long, it is asked for: GStreamer may miss the goodbye
    /// of a stream.
    pub fn finish_within(mut self, patience: Duration) -> Frames {
        if wait_within(patience, || self.process.exited()).is_none() {
            self.process.signal("INT");
        }
        self.finish()
    }

    /// Waits until the stream has ended for the player, and decodes what was recorded.
    ///
    /// # Panics
    ///
    /// When the player does not end by itself, or nothing was recorded.
    pub fn finish(mut self) -> Frames {
        self.process.wait();
        Frames::of_file(&self.file)
    }
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}
