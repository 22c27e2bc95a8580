//! Codecs that are passed through: a PES packet is a sample, which it is of video, mostly, and of sound where encoders keep frames
//! together.

use super::frame::{Frame, Input, Out};
use alloc::vec::Vec;
use bytes::Bytes;
use media::{Codec, Flags, FourCc, Kind};

/// Reads a stream of which only the name is known.
#[derive(Debug)]
pub(super) struct Other {
    codec: Codec,
    gap: bool,
    last: i64,
}

impl Other {
    /// Under the name that a sample entry of an MP4 file would have.
    pub(super) const fn new(kind: Kind, fourcc: [u8; 4]) -> Self {
        Self {
            codec: Codec::Other {
                kind,
                fourcc: FourCc(fourcc),
                config: Bytes::new(),
            },
            gap: false,
            last: 0,
        }
    }

    pub(super) const fn codec(&self) -> &Codec {
        &self.codec
    }

    pub(super) fn handle_discontinuity(&mut self) {
        self.gap = true;
    }

    pub(super) fn handle(&mut self, input: Input, out: &mut Vec<Out>) {
        self.gap |= input.gap;
        if input.data.is_empty() {
            return;
        }
        let (dts, pts) = match input.times {
            Some(times) => (times.dts, times.pts),
            None => (self.last, self.last),
        };
        self.last = dts;
        out.push(Out::Frame(Frame {
            dts,
            pts,
            duration: None,
            flags: Flags::SYNC | Flags::GAP.when(core::mem::take(&mut self.gap)),
            data: input.data.into(),
        }));
    }
}
