use super::{FourCc, IsoBox};
use crate::Error;
use bytes::Bytes;
use wire::{Reader, Writer};

/// The bytes of samples (ISO/IEC 14496-12 §8.1.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mdat {
    /// What the tables of `moof` and `moov` point into.
    pub data: Bytes,
}

impl Mdat {
    /// Most bytes of data that go under a header of 8 bytes.
    const MAX_SHORT: u64 = u32::MAX as u64 - 8;

    /// The header for `len` bytes of data: 8 bytes, or 16 where it takes a 64-bit size.
    pub fn put_header(len: u64, w: &mut Writer<'_>) {
        match u32::try_from(len.saturating_add(8)) {
            Ok(size) => w.u32(size).bytes(&Self::TYPE.0),
            Err(_) => w.u32(1).bytes(&Self::TYPE.0).u64(len.saturating_add(16)),
        };
    }

    /// Bytes of the header for `len` bytes of data.
    #[must_use]
    pub const fn header_len(len: u64) -> u8 {
        if len > Self::MAX_SHORT { 16 } else { 8 }
    }
}

impl IsoBox for Mdat {
    const TYPE: FourCc = FourCc(*b"mdat");

    fn decode_body(r: &mut Reader<'_>) -> Result<Self, Error> {
        Ok(Self {
            data: Bytes::copy_from_slice(r.rest()),
        })
    }

    fn encode_body(&self, w: &mut Writer<'_>) -> Result<(), Error> {
        w.bytes(&self.data);
        Ok(())
    }

    fn body_len(&self) -> usize {
        self.data.len()
    }
}
