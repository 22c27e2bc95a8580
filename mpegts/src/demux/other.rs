//! Codecs that are passed through: a PES packet is a sample, which it is of video, mostly, and of sound where encoders keep frames
//! together.

use super::frame::{Frame, Input, Out};
use alloc::vec::Vec;
use bytes::Bytes;
use media::{Codec, Flags, FourCc, Kind};

/// Reads a stream of which only the name is known.
#[derive(Debug)]
pub(super) struct Other {
    pub(super) codec: Codec,
    gap: bool,
    last: i64,
}

/// MPEG-4 video.
const MP4V: FourCc = FourCc(*b"mp4v");

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
        let is_sync = match &self.codec {
            Codec::Other { fourcc, .. } if *fourcc == MP4V => is_intra(&input.data),
            _ => true,
        };
        out.push(Out::Frame(Frame {
            dts,
            pts,
            duration: None,
            flags: Flags::SYNC.when(is_sync) | Flags::GAP.when(core::mem::take(&mut self.gap)),
            data: input.data.into(),
        }));
    }
}

/// Whether the first picture of MPEG-4 video needs no other one: `vop_coding_type` 0 (ISO/IEC 14496-2 §6.2.5).
fn is_intra(data: &[u8]) -> bool {
    const VOP: u32 = 0x0000_01B6;
    let mut word = u32::MAX;
    for byte in data {
        if word == VOP {
            return byte >> 6 == 0;
        }
        word = word << 8 | u32::from(*byte);
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intra_pictures_are_known() {
        assert!(is_intra(&[0, 0, 1, 0xB0, 1, 0, 0, 1, 0xB6, 0x10]));
        assert!(!is_intra(&[0, 0, 1, 0xB6, 0x50]));
        assert!(!is_intra(&[0, 0, 1]));
    }
}
