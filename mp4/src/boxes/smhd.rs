use super::header::{put_version_and_flags, version_and_flags};
use super::{FourCc, IsoBox};
use crate::Error;
use wire::{Reader, Writer};

/// Says that a track is sound (ISO/IEC 14496-12 §12.2.2).
///
/// ```text
/// version u8 = 0 | flags u24 = 0 | balance i16 (8.8) | reserved u16
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Smhd {
    /// From -1 (left) to 1 (right), 8.8 fixed point.
    pub balance: i16,
}

impl IsoBox for Smhd {
    const TYPE: FourCc = FourCc(*b"smhd");

    fn decode_body(r: &mut Reader<'_>) -> Result<Self, Error> {
        version_and_flags(r)?;
        Ok(Self {
            balance: r.i16("balance")?,
        })
    }

    fn encode_body(&self, w: &mut Writer<'_>) -> Result<(), Error> {
        put_version_and_flags(w, 0, 0);
        w.i16(self.balance).u16(0);
        Ok(())
    }

    fn body_len(&self) -> usize {
        8
    }
}
