use super::{Library, flv, mp4};
use anyhow::Context;
use rtmp::Message;
use std::fs::File;
use std::io::{Read, Seek};
use std::path::Path;
use std::time::Duration;

/// A file as the messages that play it. Everything here reads a disk and so blocks.
#[derive(Debug)]
pub(super) enum Recording {
    Flv(Box<flv::Recording>),
    Mp4(Box<mp4::Recording>),
}

impl Recording {
    pub(super) fn open(library: &Library, path: &Path) -> anyhow::Result<Self> {
        let mut file = File::open(path).context("it cannot be opened")?;
        let mut signature = Vec::new();
        file.by_ref().take(3).read_to_end(&mut signature)?;
        file.rewind()?;
        Ok(if signature == b"FLV" {
            Recording::Flv(Box::new(flv::Recording::open(file)?))
        } else {
            Recording::Mp4(Box::new(mp4::Recording::open(file, path, library)?))
        })
    }

    /// How long it is, as far as can be told.
    pub(super) fn length(&self) -> Option<Duration> {
        match self {
            Recording::Flv(file) => file.length(),
            Recording::Mp4(file) => file.length(),
        }
    }

    /// Goes to the last place at or before a time from which everything can be decoded.
    pub(super) fn seek(&mut self, to: Duration) -> anyhow::Result<()> {
        match self {
            Recording::Flv(file) => file.seek(to),
            Recording::Mp4(file) => file.seek(to),
        }
    }

    /// The next message, on the clock that starts with the recording; none at its end. Headers come first, also after a seek.
    pub(super) fn next(&mut self) -> anyhow::Result<Option<Message>> {
        match self {
            Recording::Flv(file) => file.next(),
            Recording::Mp4(file) => file.next(),
        }
    }
}
