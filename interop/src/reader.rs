//! ffmpeg as a player: it decodes what it gets while it gets it.

use std::process::Command;

use crate::{
    frames::{Frames, TO_FRAMES},
    process::Process,
};

/// ffmpeg, playing a URL.
#[derive(Debug)]
pub struct Reader {
    /// The process.
    pub process: Process,
}

impl Reader {
    /// Starts to play `url`; `options` are for its input.
    pub fn start(url: &str, options: &[&str]) -> Self {
        let process = Process::spawn(
            format!("ffmpeg playing {url}"),
            Command::new("ffmpeg")
                .args(["-nostdin", "-hide_banner", "-nostats", "-v", "info"])
                .args(options)
                .args(["-i", url])
                .args(TO_FRAMES),
        );
        Self { process }
    }

    /// Plays an HLS stream from the first segment that its playlist still has.
    pub fn hls_from_start(url: &str) -> Self {
        Self::start(url, &["-live_start_index", "0"])
    }

    /// The frames decoded so far.
    pub fn frames(&self) -> Frames {
        Frames::parse(&self.process.stdout.lines())
    }

    /// Waits until the stream has ended for the player, and gives all frames.
    ///
    /// # Panics
    ///
    /// When the player does not end by itself.
    pub fn finish(mut self) -> Frames {
        self.process.wait();
        self.frames()
    }
}
