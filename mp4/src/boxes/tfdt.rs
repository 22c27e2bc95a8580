use super::header::{put_version_and_flags, u32_or_u64, version_0_or_1};
use super::{FourCc, IsoBox};
use crate::Error;
use wire::{Reader, Writer};

/// Where on the track's time line a fragment begins (ISO/IEC 14496-12 §8.8.12). Always written in 64 bits.
///
/// ```text
/// version u8 | flags u24 = 0 | baseMediaDecodeTime u32 (version 0) or u64 (version 1)
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tfdt {
    /// Decoding time of its first sample, in ticks of the track.
    pub base_media_decode_time: u64,
}

impl IsoBox for Tfdt {
    const TYPE: FourCc = FourCc(*b"tfdt");

    fn decode_body(r: &mut Reader<'_>) -> Result<Self, Error> {
        let (version, _) = version_0_or_1(r)?;
        Ok(Self {
            base_media_decode_time: u32_or_u64(r, version, "baseMediaDecodeTime")?,
        })
    }

    fn encode_body(&self, w: &mut Writer<'_>) -> Result<(), Error> {
        put_version_and_flags(w, 1, 0);
        w.u64(self.base_media_decode_time);
        Ok(())
    }

    fn body_len(&self) -> usize {
        12
    }
}
