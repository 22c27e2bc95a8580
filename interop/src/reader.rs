//! ffmpeg as a player: it decodes what it gets while it gets it.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use crate::{
    PATIENCE,
    frames::{Frames, TO_FRAMES},
    process::Process,
};

/// Pictures that a decoder holds back until it sees the next ones or the end.
const HELD_BACK: usize = 8;
/// How long a stream that should be at its end has to be silent to be there.
const SILENCE: Duration = Duration::from_millis(1500);

/// ffmpeg, playing a URL.
#[derive(Debug)]
pub struct Reader {
    /// The process.
    pub process: Process,
    url: String,
}

impl Reader {
    /// Starts to play `url`; `options` are for its input.
    pub fn start(url: &str, options: &[&str]) -> Self {
        let process = Process::spawn(
            format!("ffmpeg playing {url}"),
            Command::new("ffmpeg")
                .args(["-hide_banner", "-nostats", "-v", "info"])
                .args(options)
                .args(["-i", url])
                .args(TO_FRAMES),
        );
        Self {
            process,
            url: url.to_owned(),
        }
    }

    /// Plays an HLS stream from the first segment that its playlist still has.
    pub fn hls_from_start(url: &str) -> Self {
        Self::start(url, &["-live_start_index", "0"])
    }

    /// The frames decoded so far.
    pub fn frames(&self) -> Frames {
        Frames::parse(&self.process.stdout.lines())
    }

    /// Waits until the player has ended, or has the frames of `source` and gets no more; gives what it
    /// has. What is missing at the end of all patience is for the caller to say.
    pub fn finish(mut self, source: &Frames) -> Frames {
        let deadline = Instant::now() + PATIENCE;
        let mut seen = (0, Instant::now());
        while self.process.exited().is_none() && Instant::now() < deadline {
            let frames = self.frames();
            if frames.len() != seen.0 {
                seen = (frames.len(), Instant::now());
            }
            let enough = frames.audio.len() >= source.audio.len()
                && frames.video.len() + HELD_BACK >= source.video.len();
            if enough && seen.1.elapsed() > SILENCE {
                break;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        self.stop()
    }

    /// Has the player end and flush its decoder; gives all frames.
    pub fn stop(mut self) -> Frames {
        // The second one interrupts a blocking read; both let the decoder be flushed.
        let deadline = Instant::now() + PATIENCE;
        for _ in 0..2 {
            if self.process.exited().is_none() {
                self.process.signal("INT");
                std::thread::sleep(Duration::from_millis(200));
            }
        }
        while self.process.exited().is_none() {
            assert!(
                Instant::now() < deadline,
                "the player of {} does not end",
                self.url
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        self.frames()
    }
}
