//! Codecs that are passed through: a PES packet is a sample, which it is of video, mostly, and of sound where encoders keep frames
//! together.

use super::frame::{Frame, Input, Out};
use alloc::vec::Vec;
use bytes::Bytes;
use media::{Codec, Flags, FourCc, Kind, Timescale};

/// Reads a stream of which only the name is known.
#[derive(Debug)]
pub(super) struct Other {
    codec: Codec,
    /// Whether it was told; that of MPEG-4 video is with the first packet, whose headers tell the size of the picture.
    told: bool,
    gap: bool,
    last: i64,
}

/// MPEG-4 video.
const MP4V: FourCc = FourCc(*b"mp4v");

impl Other {
    /// Under the name that a sample entry of an MP4 file would have.
    pub(super) const fn new(kind: Kind, fourcc: [u8; 4]) -> Self {
        Self {
            told: !matches!(&fourcc, b"mp4v"),
            codec: Codec::Other {
                kind,
                fourcc: FourCc(fourcc),
                config: Bytes::new(),
            },
            gap: false,
            last: 0,
        }
    }

    /// The codec, where it is known without a sample.
    pub(super) const fn codec(&self) -> Option<&Codec> {
        if self.told { Some(&self.codec) } else { None }
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
        let is_sync = match &mut self.codec {
            Codec::Other { fourcc, config, .. } if *fourcc == MP4V => {
                if let Some(headers) = headers(&input.data)
                    && **config != *headers
                {
                    *config = Bytes::copy_from_slice(headers);
                    self.told = false;
                }
                is_intra(&input.data)
            }
            _ => true,
        };
        if !core::mem::replace(&mut self.told, true) {
            out.push(Out::Codec(self.codec.clone(), Timescale::KHZ_90));
        }
        out.push(Out::Frame(Frame {
            dts,
            pts,
            duration: None,
            flags: Flags::SYNC.when(is_sync) | Flags::GAP.when(core::mem::take(&mut self.gap)),
            data: input.data.into(),
        }));
    }
}

/// What stands before the first picture of MPEG-4 video, or group of them, where that tells of the pictures: `video_object_layer()`.
fn headers(data: &[u8]) -> Option<&[u8]> {
    let starts = |data: &[u8], is: fn(u8) -> bool| {
        let start = |at: &usize| matches!(data.get(*at..), Some([0, 0, 1, code, ..]) if is(*code));
        (0..data.len()).find(start)
    };
    let end = starts(data, |code| matches!(code, 0xB3 | 0xB6))?;
    let headers = data.get(..end)?;
    starts(headers, |code| matches!(code, 0x20..=0x2F)).map(|_| headers)
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

    #[test]
    fn headers_end_where_pictures_begin() {
        let data = [0, 0, 1, 0xB0, 1, 0, 0, 1, 0x20, 9, 0, 0, 1, 0xB6, 0x10];
        assert_eq!(headers(&data), Some(&data[..10]));
        assert_eq!(headers(&data[10..]), None);
        assert_eq!(headers(&data[..10]), None);
    }
}
