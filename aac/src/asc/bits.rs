//! What several parts of the configuration share.

use crate::Error;
use alloc::vec::Vec;
use bytes::Bytes;
use wire::{BitReader, BitWriter, TooLong};

pub(crate) fn invalid(r: &BitReader<'_>, field: &'static str, value: u8) -> Error {
    Error::Invalid {
        field,
        value: value.into(),
        bit: r.position(),
    }
}

/// Copies `len` bits as they are.
pub(crate) fn copy_bits(
    r: &mut BitReader<'_>,
    w: &mut BitWriter<'_>,
    mut len: u64,
    what: &'static str,
) -> Result<(), Error> {
    while len > 0 {
        let n = len.min(64);
        len -= n;
        let n = u32::try_from(n).unwrap_or(0);
        w.bits64(n, what, r.bits64(n, what)?)?;
    }
    Ok(())
}

/// The widths of an `escapedValue(nBits1, nBits2, nBits3)` (ISO/IEC 23003-3 Table 16), which `eldExtLen` has as well.
#[derive(Clone, Copy)]
pub(super) struct Escaped(pub(super) u32, pub(super) u32, pub(super) u32);

impl Escaped {
    fn all_ones(bits: u32) -> u32 {
        (1u32 << bits.min(31)) - 1
    }

    pub(super) fn read(self, r: &mut BitReader<'_>, what: &'static str) -> Result<u32, Error> {
        let mut value = 0;
        for bits in [self.0, self.1, self.2] {
            let part = r.bits(bits, what)?;
            value += part;
            if part != Self::all_ones(bits) {
                break;
            }
        }
        Ok(value)
    }

    pub(super) fn write(
        self,
        w: &mut BitWriter<'_>,
        what: &'static str,
        value: u64,
    ) -> Result<(), Error> {
        let mut left = value;
        let mut max = 0;
        for bits in [self.0, self.1, self.2] {
            let ones = u64::from(Self::all_ones(bits));
            max += ones;
            w.bits64(bits, what, left.min(ones))?;
            if left < ones {
                return Ok(());
            }
            left -= ones;
        }
        match left {
            0 => Ok(()),
            _ => Err(TooLong { what, value, max }.into()),
        }
    }
}

/// Bits that are carried and not interpreted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opaque {
    bits: Bytes,
    len: u64,
}

impl Opaque {
    /// The first bits of some bytes, most significant first: `len` of them, or all if there are fewer.
    #[must_use]
    pub fn new(bits: Bytes, len: u64) -> Self {
        let len = len.min((bits.len() as u64).saturating_mul(8));
        Self { bits, len }
    }

    /// The bits, most significant first, zeros after the last.
    #[must_use]
    pub const fn bits(&self) -> &Bytes {
        &self.bits
    }

    /// How many bits there are.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.len
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(crate) fn decode(
        r: &mut BitReader<'_>,
        len: u64,
        what: &'static str,
    ) -> Result<Self, Error> {
        r.clone().skip(len, what)?;
        let mut bits = Vec::with_capacity(usize::try_from(len.div_ceil(8)).unwrap_or(0));
        let mut w = BitWriter::new(&mut bits);
        copy_bits(r, &mut w, len, what)?;
        w.align_zero();
        Ok(Self {
            bits: bits.into(),
            len,
        })
    }

    pub(crate) fn write(&self, w: &mut BitWriter<'_>, what: &'static str) -> Result<(), Error> {
        copy_bits(&mut BitReader::new(&self.bits), w, self.len, what)
    }
}
