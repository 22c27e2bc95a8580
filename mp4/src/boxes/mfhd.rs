use super::header::{put_version_and_flags, version_and_flags};
use super::{FourCc, IsoBox};
use crate::Error;
use wire::{Reader, Writer};

/// Number of a movie fragment (ISO/IEC 14496-12 §8.8.5).
///
/// ```text
/// version u8 = 0 | flags u24 = 0 | sequence_number u32
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mfhd {
    /// Grows from fragment to fragment.
    pub sequence_number: u32,
}

impl IsoBox for Mfhd {
    const TYPE: FourCc = FourCc(*b"mfhd");

    fn decode_body(r: &mut Reader<'_>) -> Result<Self, Error> {
        version_and_flags(r)?;
        Ok(Self {
            sequence_number: r.u32("sequence_number")?,
        })
    }

    fn encode_body(&self, w: &mut Writer<'_>) -> Result<(), Error> {
        put_version_and_flags(w, 0, 0);
        w.u32(self.sequence_number);
        Ok(())
    }

    fn body_len(&self) -> usize {
        8
    }
}
