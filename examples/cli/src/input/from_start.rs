//! An MP4 whose tables come last, from a server that gives no parts of it.

use super::mp4::Ranges;
use crate::net::http::{self, Body};
use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use std::io::{self, Read};
use std::ops::Range;

/// What a server gives as a whole only: it is read on from where it is, and again from its start where something before is asked for.
pub struct FromStart {
    url: String,
    body: Body,
    /// The last bytes that were read, up to here.
    kept: Vec<u8>,
    at: u64,
    /// How often it may still be read again.
    left: u32,
}

impl FromStart {
    /// Samples of different tracks lie so close together in most files.
    const KEPT: usize = 16 << 20;
    /// Once for the tables, and a few times for tracks that lie behind one another.
    const TIMES: u32 = 8;

    /// Of an answer of which the head was read.
    pub const fn new(url: String, body: Body, head: Vec<u8>) -> Self {
        Self {
            url,
            body,
            at: head.len() as u64,
            kept: head,
            left: Self::TIMES,
        }
    }

    /// Where the bytes begin that are there.
    const fn start(&self) -> u64 {
        self.at - self.kept.len() as u64
    }

    fn again(&mut self) -> Result<()> {
        ensure!(
            self.left > 0,
            "the server gives no parts of it, and its samples do not lie in the order of their times"
        );
        self.left -= 1;
        self.body = Body::new(http::get(&self.url, None)?, 0);
        (self.at, self.kept) = (0, Vec::new());
        Ok(())
    }

    fn fetch(&mut self, range: &Range<u64>) -> Result<Bytes> {
        if range.start < self.start() {
            self.again()?;
        }
        if let Some(gap) = range.start.checked_sub(self.at).filter(|gap| *gap > 0) {
            let skipped = io::copy(&mut self.body.by_ref().take(gap), &mut io::sink())?;
            self.at += skipped;
            self.kept.clear();
        }
        let missing = range.end.saturating_sub(self.at);
        if missing > 0 {
            // What is asked for stays; bytes are moved now and then, not with each read.
            if self.kept.len() > 2 * Self::KEPT {
                let before = (range.start - self.start()) as usize;
                let spare = self.kept.len() - Self::KEPT;
                self.kept.drain(..spare.min(before));
            }
            let read = self
                .body
                .by_ref()
                .take(missing)
                .read_to_end(&mut self.kept)?;
            self.at += read as u64;
        }
        let from = range.start.min(self.at) - self.start();
        let to = range.end.min(self.at) - self.start();
        Ok(Bytes::copy_from_slice(
            &self.kept[from as usize..to as usize],
        ))
    }
}

impl Ranges for FromStart {
    fn read(&mut self, range: &Range<u64>) -> Result<Bytes> {
        self.fetch(range).with_context(|| self.url.clone())
    }

    fn is_far(&self) -> bool {
        true
    }
}

/// Whether samples come before the tables, by the start of a file.
pub fn is_moov_last(head: &[u8]) -> bool {
    let mut at = 0;
    while let Some(rest) = head.get(at..) {
        let Ok(header) = ::mp4::boxes::Header::decode(&mut wire::Reader::new(rest)) else {
            return false;
        };
        match &header.box_type.0 {
            b"mdat" => return true,
            b"moov" | b"moof" => return false,
            _ => {}
        }
        let size = header.size.and_then(|size| usize::try_from(size).ok());
        let Some(size) = size.filter(|size| *size >= 8) else {
            return false;
        };
        at = at.saturating_add(size);
    }
    false
}
