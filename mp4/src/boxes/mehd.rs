use super::header::{
    put_u32_or_u64, put_version_and_flags, u32_or_u64, version_0_or_1, version_for,
};
use super::{FourCc, IsoBox};
use crate::Error;
use wire::{Reader, Writer};

/// Duration of a movie with its fragments (ISO/IEC 14496-12 §8.8.2).
///
/// ```text
/// version u8 | flags u24 = 0 | fragment_duration u32 or u64
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mehd {
    /// In ticks of the movie.
    pub fragment_duration: u64,
}

impl IsoBox for Mehd {
    const TYPE: FourCc = FourCc(*b"mehd");

    fn decode_body(r: &mut Reader<'_>) -> Result<Self, Error> {
        let (version, _) = version_0_or_1(r)?;
        Ok(Self {
            fragment_duration: u32_or_u64(r, version, "fragment_duration")?,
        })
    }

    fn encode_body(&self, w: &mut Writer<'_>) -> Result<(), Error> {
        let version = version_for(&[self.fragment_duration]);
        put_version_and_flags(w, version, 0);
        put_u32_or_u64(w, version, self.fragment_duration);
        Ok(())
    }

    fn body_len(&self) -> usize {
        if version_for(&[self.fragment_duration]) == 0 {
            8
        } else {
            12
        }
    }
}
