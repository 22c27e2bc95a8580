use crate::{Frame, Header};
use alloc::vec::Vec;
use bytes::Bytes;

/// An access unit: the frames of all substreams that sound at the same time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessUnit {
    /// The frames, one after the other.
    pub data: Bytes,
    /// Their headers.
    pub headers: Vec<Header>,
    /// Samples per channel that it stands for.
    pub samples: u32,
}

/// Puts frames together into access units: each begins with AC-3 or with substream 0 of E-AC-3, and has the dependent and
/// further independent substreams that follow (ETSI TS 102 366 §E.1.3.1.2).
#[derive(Debug, Clone)]
pub struct Grouper {
    data: Vec<u8>,
    headers: Vec<Header>,
    blocks: u32,
    /// Blocks that an access unit is to have at least.
    wanted: u32,
}

/// Frames without a start that are held at most: 8 substreams with 8 dependent ones each, 6 times.
const MAX_FRAMES: usize = 8 * 9 * 6;

impl Grouper {
    /// One access unit for each frame of substream 0.
    #[must_use]
    pub const fn new() -> Self {
        Self::of_blocks(1)
    }

    /// Access units of 6 blocks, 1536 samples, as MP4 wants them (ETSI TS 102 366 §F.5), also where frames have fewer.
    #[must_use]
    pub const fn of_six_blocks() -> Self {
        Self::of_blocks(6)
    }

    const fn of_blocks(wanted: u32) -> Self {
        Self {
            data: Vec::new(),
            headers: Vec::new(),
            blocks: 0,
            wanted,
        }
    }

    /// Takes the next frame. Gives the access unit before it, where this one begins another.
    ///
    /// Frames before the first that begins an access unit are dropped.
    pub fn handle_frame(&mut self, frame: &Frame<'_>) -> Option<AccessUnit> {
        let header = frame.header();
        let begins = header.begins_access_unit();
        let mut unit = None;
        if (begins && self.blocks >= self.wanted) || self.headers.len() >= MAX_FRAMES {
            unit = self.finish();
        }
        if begins {
            self.blocks += u32::from(header.blocks());
        }
        if begins || !self.headers.is_empty() {
            self.data.extend_from_slice(frame.bytes());
            self.headers.push(header);
        }
        unit
    }

    /// Gives the access unit that is held, at the end of the stream.
    pub fn finish(&mut self) -> Option<AccessUnit> {
        let samples = 256 * core::mem::take(&mut self.blocks);
        let headers = core::mem::take(&mut self.headers);
        let capacity = self.data.len();
        let data = core::mem::replace(&mut self.data, Vec::with_capacity(capacity));
        (!headers.is_empty()).then(|| AccessUnit {
            data: data.into(),
            headers,
            samples,
        })
    }

    /// Bytes that are held.
    #[must_use]
    pub fn buffered_len(&self) -> usize {
        self.data.len()
    }
}

impl Default for Grouper {
    fn default() -> Self {
        Self::new()
    }
}
