use super::header::{put_version_and_flags, version_and_flags};
use super::{FourCc, IsoBox};
use crate::Error;
use wire::{Reader, Writer};

/// Says that a track is neither video nor sound (ISO/IEC 14496-12 §8.4.5.2).
///
/// ```text
/// version u8 = 0 | flags u24
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Nmhd {
    /// 24 bits.
    pub flags: u32,
}

impl IsoBox for Nmhd {
    const TYPE: FourCc = FourCc(*b"nmhd");

    fn decode_body(r: &mut Reader<'_>) -> Result<Self, Error> {
        let (_, flags) = version_and_flags(r)?;
        Ok(Self { flags })
    }

    fn encode_body(&self, w: &mut Writer<'_>) -> Result<(), Error> {
        put_version_and_flags(w, 0, self.flags);
        Ok(())
    }

    fn body_len(&self) -> usize {
        4
    }
}
