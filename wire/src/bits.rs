use crate::TooLong;
use alloc::vec::Vec;

/// A read that went past the last bit of its input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{what} at bit {bit} needs {needed} bits, {left} left")]
pub struct ShortBits {
    /// The syntax element that was being read.
    pub what: &'static str,
    /// Its position, in bits from the start of the reader's input.
    pub bit: u64,
    /// Bits that it takes, as far as that is known.
    pub needed: u32,
    /// Bits that were there.
    pub left: u64,
}

/// A checked cursor over bits, most significant first.
#[derive(Debug, Clone, Copy)]
pub struct BitReader<'a> {
    data: &'a [u8],
    bit: u64,
}

impl<'a> BitReader<'a> {
    /// A reader over all bits of `data`.
    #[must_use]
    pub const fn new(data: &'a [u8]) -> Self {
        Self { data, bit: 0 }
    }
}

/// Appends bits, most significant first, to a `Vec<u8>`.
#[derive(Debug)]
pub struct BitWriter<'a> {
    out: &'a mut Vec<u8>,
    spare: u8,
}
