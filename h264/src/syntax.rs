//! One description of each syntax structure, walked in either direction.
//!
//! A syntax table (§7.3) is written once, as a function over a [`Syntax`]: [`Read`] fills the fields from bits,
//! [`Write`] puts them out. What is read is therefore written back bit for bit.

use crate::Error;
use crate::nal::{Header, UnitType};
use alloc::vec::Vec;
use core::ops::RangeInclusive;
use wire::{BitReader, BitWriter};

pub(crate) trait Number: Copy + Into<i64> + TryFrom<i64> {}
impl<T: Copy + Into<i64> + TryFrom<i64>> Number for T {}

pub(crate) trait Syntax {
    /// `u(1)`.
    fn flag(&mut self, what: &'static str, value: &mut bool) -> Result<(), Error>;

    /// `u(n)`, `n` at most 32.
    fn u<T: Number>(&mut self, n: u32, what: &'static str, value: &mut T) -> Result<(), Error>;

    /// `ue(v)`, in a range.
    fn ue<T: Number>(
        &mut self,
        what: &'static str,
        value: &mut T,
        range: RangeInclusive<u32>,
    ) -> Result<(), Error>;

    /// `se(v)`, in a range.
    fn se<T: Number>(
        &mut self,
        what: &'static str,
        value: &mut T,
        range: RangeInclusive<i32>,
    ) -> Result<(), Error>;

    /// `i(n)`: `n` bits in two's complement, at most 31.
    fn i(&mut self, n: u32, what: &'static str, value: &mut i32) -> Result<(), Error> {
        let mut bits = value.cast_unsigned() & ((1 << n.min(31)) - 1);
        self.u(n, what, &mut bits)?;
        let unused = 32 - n.clamp(1, 31);
        *value = (bits << unused).cast_signed() >> unused;
        Ok(())
    }

    /// Whole bytes, at any bit position.
    fn bytes(&mut self, what: &'static str, value: &mut Vec<u8>, len: usize) -> Result<(), Error> {
        list(value, len, |byte| self.u(8, what, byte))
    }

    /// `more_rbsp_data()`; a writer goes by whether there is `more` to write.
    fn more_rbsp_data(&mut self, more: bool) -> bool;

    /// Bits from the start of the NAL unit.
    fn position(&self) -> u64;

    /// A syntax element that ends at the position has a value that cannot be.
    fn invalid<T>(&self, field: &'static str, value: impl Into<i64>) -> Result<T, Error> {
        Err(Error::Invalid {
            field,
            value: value.into(),
            bit: self.position(),
        })
    }

    /// A flag that says whether a structure follows.
    #[inline]
    fn present<'v, T: Default>(
        &mut self,
        what: &'static str,
        value: &'v mut Option<T>,
    ) -> Result<Option<&'v mut T>, Error> {
        let mut present = value.is_some();
        self.flag(what, &mut present)?;
        if !present {
            *value = None;
            return Ok(None);
        }
        Ok(Some(value.get_or_insert_default()))
    }
}

/// A range check, the same in both directions.
#[inline]
fn check<T: Number>(
    field: &'static str,
    value: i64,
    range: (i64, i64),
    bit: u64,
) -> Result<T, Error> {
    match T::try_from(value) {
        Ok(number) if range.0 <= value && value <= range.1 => Ok(number),
        _ => Err(Error::Invalid { field, value, bit }),
    }
}

fn unsigned(range: &RangeInclusive<u32>) -> (i64, i64) {
    (i64::from(*range.start()), i64::from(*range.end()))
}

fn signed(range: &RangeInclusive<i32>) -> (i64, i64) {
    (i64::from(*range.start()), i64::from(*range.end()))
}

/// Fills the fields from the RBSP of a NAL unit.
pub(crate) struct Read<'a> {
    bits: BitReader<'a, true>,
}

impl<'a> Read<'a> {
    /// Starts at the first byte of a NAL unit, and reads its header.
    pub(crate) fn nal(nal: &'a [u8]) -> Result<(Self, Header), Error> {
        Self::start(BitReader::escaped(nal))
    }

    /// As [`Read::nal`], with a reader that stands there.
    #[inline]
    pub(crate) fn start(mut bits: BitReader<'a, true>) -> Result<(Self, Header), Error> {
        let header = Header::decode(&mut bits)?;
        Ok((Self { bits }, header))
    }

    /// As [`Read::nal`], of a NAL unit that must be of some type.
    pub(crate) fn nal_of(nal: &'a [u8], wanted: UnitType) -> Result<Self, Error> {
        let (read, header) = Self::nal(nal)?;
        if header.nal_unit_type != wanted {
            return read.invalid("nal_unit_type", header.nal_unit_type.number());
        }
        Ok(read)
    }

    /// Starts within a NAL unit.
    pub(crate) const fn part(bits: BitReader<'a, true>) -> Self {
        Self { bits }
    }

    /// The reader, where it stands now.
    pub(crate) const fn into_bits(self) -> BitReader<'a, true> {
        self.bits
    }
}

impl Syntax for Read<'_> {
    #[inline]
    fn flag(&mut self, what: &'static str, value: &mut bool) -> Result<(), Error> {
        *value = self.bits.bit(what)?;
        Ok(())
    }

    #[inline]
    fn u<T: Number>(&mut self, n: u32, what: &'static str, value: &mut T) -> Result<(), Error> {
        let bit = self.bits.position();
        let read = i64::from(self.bits.bits(n, what)?);
        *value = check(what, read, (0, i64::from(u32::MAX)), bit)?;
        Ok(())
    }

    #[inline]
    fn ue<T: Number>(
        &mut self,
        what: &'static str,
        value: &mut T,
        range: RangeInclusive<u32>,
    ) -> Result<(), Error> {
        let bit = self.bits.position();
        let read = i64::from(self.bits.ue(what)?);
        *value = check(what, read, unsigned(&range), bit)?;
        Ok(())
    }

    #[inline]
    fn se<T: Number>(
        &mut self,
        what: &'static str,
        value: &mut T,
        range: RangeInclusive<i32>,
    ) -> Result<(), Error> {
        let bit = self.bits.position();
        let read = i64::from(self.bits.se(what)?);
        *value = check(what, read, signed(&range), bit)?;
        Ok(())
    }

    #[inline]
    fn more_rbsp_data(&mut self, _more: bool) -> bool {
        self.bits.more_rbsp_data()
    }

    #[inline]
    fn position(&self) -> u64 {
        self.bits.position()
    }
}

/// Puts the fields out as bits: those of a NAL unit, with emulation prevention, or of a part that goes into one.
pub(crate) struct Write<'w, 'a, const ESCAPED: bool = true> {
    bits: &'w mut BitWriter<'a, ESCAPED>,
}

impl<'w, 'a> Write<'w, 'a, false> {
    /// Starts a part of a NAL unit.
    pub(crate) const fn part(bits: &'w mut BitWriter<'a>) -> Self {
        Self { bits }
    }
}

impl<'w, 'a> Write<'w, 'a> {
    /// Starts a NAL unit with its header.
    pub(crate) fn start(header: Header, bits: &'w mut BitWriter<'a, true>) -> Self {
        bits.bytes(&[header.byte()]);
        Self { bits }
    }
}

/// Appends a NAL unit with trailing bits to `out`, or, where that fails, nothing.
pub(crate) fn write_nal(
    nal_ref_idc: u8,
    nal_unit_type: UnitType,
    out: &mut Vec<u8>,
    syntax: impl FnOnce(&mut Write<'_, '_>) -> Result<(), Error>,
) -> Result<(), Error> {
    let start = out.len();
    let header = Header {
        nal_ref_idc,
        nal_unit_type,
    };
    let mut bits = BitWriter::escaped(out);
    let written = syntax(&mut Write::start(header, &mut bits));
    bits.trailing_bits();
    if written.is_err() {
        out.truncate(start);
    }
    written
}

impl<const ESCAPED: bool> Syntax for Write<'_, '_, ESCAPED> {
    fn flag(&mut self, _what: &'static str, value: &mut bool) -> Result<(), Error> {
        self.bits.bit(*value);
        Ok(())
    }

    fn u<T: Number>(&mut self, n: u32, what: &'static str, value: &mut T) -> Result<(), Error> {
        let number = check(
            what,
            (*value).into(),
            (0, i64::from(u32::MAX)),
            self.position(),
        )?;
        let number: i64 = number;
        self.bits.bits64(n, what, number.unsigned_abs())?;
        Ok(())
    }

    fn ue<T: Number>(
        &mut self,
        what: &'static str,
        value: &mut T,
        range: RangeInclusive<u32>,
    ) -> Result<(), Error> {
        let value: i64 = check(what, (*value).into(), unsigned(&range), self.position())?;
        let code = u32::try_from(value).unwrap_or(u32::MAX);
        self.bits.ue(what, code)?;
        Ok(())
    }

    fn se<T: Number>(
        &mut self,
        what: &'static str,
        value: &mut T,
        range: RangeInclusive<i32>,
    ) -> Result<(), Error> {
        let value: i64 = check(what, (*value).into(), signed(&range), self.position())?;
        let code = i32::try_from(value).unwrap_or(i32::MIN);
        self.bits.se(what, code)?;
        Ok(())
    }

    fn more_rbsp_data(&mut self, more: bool) -> bool {
        more
    }

    fn position(&self) -> u64 {
        self.bits.position()
    }
}

/// Walks a list of a given length. What is missing is added one by one, so that a length that the data
/// does not back costs nothing.
pub(crate) fn list<T: Default>(
    items: &mut Vec<T>,
    len: usize,
    mut syntax: impl FnMut(&mut T) -> Result<(), Error>,
) -> Result<(), Error> {
    items.truncate(len);
    for item in &mut *items {
        syntax(item)?;
    }
    while items.len() < len {
        let mut item = T::default();
        syntax(&mut item)?;
        items.push(item);
    }
    Ok(())
}

/// Bits of later editions, up to the trailing bits.
pub(crate) fn bits_to_the_end<S: Syntax>(
    s: &mut S,
    what: &'static str,
    bits: &mut Vec<bool>,
) -> Result<(), Error> {
    let mut n = 0;
    while s.more_rbsp_data(n < bits.len()) {
        if n == bits.len() {
            bits.push(false);
        }
        if let Some(bit) = bits.get_mut(n) {
            s.flag(what, bit)?;
        }
        n += 1;
    }
    Ok(())
}

/// An id alone, without the walk through the structure that it starts.
pub(crate) fn read_id(
    bits: &mut BitReader<'_, true>,
    what: &'static str,
    max: u32,
) -> Result<u8, Error> {
    let bit = bits.position();
    let id = bits.ue(what)?;
    check(what, id.into(), (0, max.into()), bit)
}
