use crate::TooLong;
use alloc::vec::Vec;
use core::fmt;

/// A read that went past the last bit of its input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{what} at bit {bit} needs {needed} bits, {left} left")]
pub struct ShortBits {
    /// The syntax element that was being read.
    pub what: &'static str,
    /// Its position, in bits from the start of the reader's input.
    pub bit: u64,
    /// Bits that it takes, as far as that is known.
    pub needed: u64,
    /// Bits that were there.
    pub left: u64,
}

/// An Exp-Golomb code that could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GolombError {
    /// The input ended within the code.
    #[error(transparent)]
    Short(#[from] ShortBits),
    /// The code stands for a number past 2^32 - 2, the most that `ue(v)` has.
    #[error("{what} at bit {bit} is an Exp-Golomb code past 32 bits")]
    Overlong {
        /// The syntax element that was being read.
        what: &'static str,
        /// Its position, in bits from the start of the reader's input.
        bit: u64,
    },
}

/// A checked cursor over bits, most significant first.
///
/// With `ESCAPED`, the input is the inside of an H.264, H.265 or H.266 NAL unit: each
/// `emulation_prevention_three_byte` (the 3 in `00 00 03`) is passed over while reading, and
/// positions count the bits that remain (the RBSP), as the standards and their tools do.
///
/// A reader is small and `Copy`: copy it to look ahead, assign the copy back to go on from there.
///
/// ```
/// use fluvial_wire::BitReader;
///
/// let mut r = BitReader::new(&[0b1_010_0110, 0b0_0000000]);
/// assert!(r.bit("flag")?);
/// assert_eq!(r.ue("one")?, 1);
/// assert_eq!(r.se("minus_one")?, -1);
/// assert_eq!(r.position(), 7);
/// let err = r.bits(16, "word").unwrap_err();
/// assert_eq!(err.to_string(), "word at bit 7 needs 16 bits, 9 left");
///
/// let mut r = BitReader::escaped(&[0, 0, 3, 1]);
/// assert_eq!(r.bits(24, "start")?, 1);
/// # Ok::<(), fluvial_wire::GolombError>(())
/// ```
#[derive(Clone, Copy)]
pub struct BitReader<'a, const ESCAPED: bool = false> {
    data: &'a [u8],
    /// Index of the first byte that is not in `cache` yet.
    next: usize,
    /// Bits that were loaded and not read, from the most significant down; zeros below them.
    cache: u64,
    cached: u32,
    /// Emulation prevention bytes passed over before `next`.
    dropped: usize,
}

impl<'a> BitReader<'a> {
    /// A reader over all bits of `data`.
    #[must_use]
    #[inline]
    pub const fn new(data: &'a [u8]) -> Self {
        Self::start(data)
    }

    /// Bits left.
    #[must_use]
    #[inline]
    pub fn left(&self) -> u64 {
        (self.data.len() as u64)
            .saturating_mul(8)
            .saturating_sub(self.position())
    }

    /// Reads `len` bytes that start at a byte boundary.
    ///
    /// # Errors
    /// [`ShortBits`] where fewer are left, or where the position is no multiple of 8.
    pub fn bytes(&mut self, len: usize, what: &'static str) -> Result<&'a [u8], ShortBits> {
        let whole = self.cached / 8;
        let start = self.next.saturating_sub(whole as usize);
        let end = start.saturating_add(len);
        match self.data.get(start..end) {
            Some(bytes) if self.cached.is_multiple_of(8) => {
                (self.next, self.cache, self.cached) = (end, 0, 0);
                Ok(bytes)
            }
            _ => Err(self.short((len as u64).saturating_mul(8), what)),
        }
    }
}

impl<'a> BitReader<'a, true> {
    /// A reader over the RBSP within `data`, the inside of a NAL unit.
    #[must_use]
    #[inline]
    pub const fn escaped(data: &'a [u8]) -> Self {
        Self::start(data)
    }
}

impl<'a, const ESCAPED: bool> BitReader<'a, ESCAPED> {
    #[inline]
    const fn start(data: &'a [u8]) -> Self {
        Self {
            data,
            next: 0,
            cache: 0,
            cached: 0,
            dropped: 0,
        }
    }

    /// Bits read so far, emulation prevention bytes not counted.
    #[must_use]
    #[inline]
    pub const fn position(&self) -> u64 {
        (self.next.saturating_sub(self.dropped) as u64)
            .saturating_mul(8)
            .saturating_sub(self.cached as u64)
    }

    /// Loads bits until at least 57 are there or the input ends. Few reads need it, so it stays out of their way.
    #[inline(never)]
    fn refill(&mut self) {
        let ahead = self.data.get(self.next..).unwrap_or_default();
        if let Some(chunk) = ahead.first_chunk::<8>() {
            let load = u64::from_be_bytes(*chunk);
            if !ESCAPED || !has_three(load) {
                let bytes = (64 - self.cached) / 8;
                let bits = bytes * 8;
                // `bits` is 0 only where `cached` is past 56, and then nothing is missing.
                if let Some(mask) = u64::MAX.checked_shl(64 - bits) {
                    self.cache |= (load & mask) >> self.cached;
                    self.cached += bits;
                    self.next += bytes as usize;
                }
                return;
            }
        }
        self.refill_bytewise();
    }

    /// The same near the end of the input, and where a byte may have to be passed over.
    fn refill_bytewise(&mut self) {
        let (before, ahead) = self.data.split_at_checked(self.next).unwrap_or_default();
        let mut zeros = match before {
            [.., 0, 0] => 2,
            [.., 0] => 1,
            _ => 0,
        };
        for &byte in ahead {
            if self.cached > 56 {
                return;
            }
            self.next += 1;
            if ESCAPED && byte == 3 && zeros >= 2 {
                self.dropped += 1;
                zeros = 0;
                continue;
            }
            zeros = if byte == 0 { zeros + 1 } else { 0 };
            self.cache |= u64::from(byte) << (56 - self.cached);
            self.cached += 8;
        }
    }

    #[cold]
    fn short(&self, needed: u64, what: &'static str) -> ShortBits {
        let mut ahead = *self;
        let mut left = 0;
        while ahead.cached > 0 || ahead.next < ahead.data.len() {
            left += u64::from(ahead.cached);
            (ahead.cache, ahead.cached) = (0, 0);
            ahead.refill();
        }
        ShortBits {
            what,
            bit: self.position(),
            needed,
            left,
        }
    }

    /// Takes `n` bits, at most 57, that `cache` holds.
    #[inline]
    const fn consume(&mut self, n: u32) -> u64 {
        // Two shifts, so that 0 bits are no shift by 64.
        let value = (self.cache >> 1) >> (63 - n);
        self.cache <<= n;
        self.cached -= n;
        value
    }

    /// Reads one bit.
    ///
    /// # Errors
    /// [`ShortBits`] at the end of the input.
    #[inline]
    pub fn bit(&mut self, what: &'static str) -> Result<bool, ShortBits> {
        Ok(self.bits(1, what)? != 0)
    }

    /// Reads `n` bits, at most 32 (a larger `n` reads 32).
    ///
    /// # Errors
    /// [`ShortBits`] where fewer are left; nothing is read then.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "at most 32 bits were read")]
    pub fn bits(&mut self, n: u32, what: &'static str) -> Result<u32, ShortBits> {
        let n = n.min(32);
        if n > self.cached {
            self.refill();
            if n > self.cached {
                return Err(self.short(u64::from(n), what));
            }
        }
        Ok(self.consume(n) as u32)
    }

    /// Reads `n` bits, at most 64 (a larger `n` reads 64).
    ///
    /// # Errors
    /// [`ShortBits`] where fewer are left; nothing is read then.
    #[inline]
    pub fn bits64(&mut self, n: u32, what: &'static str) -> Result<u64, ShortBits> {
        let n = n.min(64);
        let mut ahead = *self;
        let high = ahead.bits(n.saturating_sub(32), what);
        let low = ahead.bits(n.min(32), what);
        match (high, low) {
            (Ok(high), Ok(low)) => {
                *self = ahead;
                Ok(u64::from(high) << 32 | u64::from(low))
            }
            _ => Err(self.short(u64::from(n), what)),
        }
    }

    /// Reads an unsigned Exp-Golomb code, `ue(v)` (H.264 §9.1).
    ///
    /// # Errors
    /// [`GolombError`] where the input ends within the code or the code is too large; nothing is read then.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "at most 29 bits")]
    pub fn ue(&mut self, what: &'static str) -> Result<u32, GolombError> {
        let mut zeros = self.cache.leading_zeros();
        if 2 * zeros + 1 > self.cached {
            self.refill();
            zeros = self.cache.leading_zeros();
            if 2 * zeros + 1 > self.cached {
                return self.long_ue(what);
            }
        }
        Ok((self.consume(2 * zeros + 1) as u32).wrapping_sub(1))
    }

    #[cold]
    fn long_ue(&mut self, what: &'static str) -> Result<u32, GolombError> {
        let bit = self.position();
        let mut ahead = *self;
        let mut zeros = 0u32;
        while !ahead.bit(what).map_err(|_| self.short(1, what))? {
            zeros += 1;
            if zeros > 32 {
                return Err(GolombError::Overlong { what, bit });
            }
        }
        let low = ahead
            .bits(zeros, what)
            .map_err(|_| self.short(2 * u64::from(zeros) + 1, what))?;
        let value = (1u64 << zeros) - 1 + u64::from(low);
        match u32::try_from(value) {
            Ok(value) if value < u32::MAX => {
                *self = ahead;
                Ok(value)
            }
            _ => Err(GolombError::Overlong { what, bit }),
        }
    }

    /// Reads a signed Exp-Golomb code, `se(v)` (H.264 §9.1.1).
    ///
    /// # Errors
    /// [`GolombError`] where the input ends within the code or the code is too large; nothing is read then.
    #[inline]
    pub fn se(&mut self, what: &'static str) -> Result<i32, GolombError> {
        let code = self.ue(what)?;
        // 1, 2, 3, 4 stand for 1, -1, 2, -2; half of a code (at most 2^31 - 1 after rounding up) fits.
        let half = (code / 2 + code % 2).cast_signed();
        Ok(if code % 2 == 1 { half } else { -half })
    }

    /// Passes over `n` bits.
    ///
    /// # Errors
    /// [`ShortBits`] where fewer are left; nothing is read then.
    #[inline]
    pub fn skip(&mut self, n: u64, what: &'static str) -> Result<(), ShortBits> {
        let mut ahead = *self;
        let mut rest = n;
        while rest > u64::from(ahead.cached) {
            rest -= u64::from(ahead.cached);
            (ahead.cache, ahead.cached) = (0, 0);
            if !ESCAPED {
                // Nothing to look at between here and there.
                let whole = usize::try_from(rest / 8).unwrap_or(usize::MAX);
                let whole = whole.min(ahead.data.len().saturating_sub(ahead.next));
                ahead.next += whole;
                rest -= whole as u64 * 8;
            }
            ahead.refill();
            if ahead.cached == 0 && rest > 0 {
                return Err(self.short(n, what));
            }
        }
        // At most `cached`, so at most 64; two steps for what `consume` takes at once.
        let half = u32::try_from(rest / 2).unwrap_or(0);
        ahead.consume(half);
        ahead.consume(u32::try_from(rest).unwrap_or(0).saturating_sub(half));
        *self = ahead;
        Ok(())
    }

    /// Whether the position is at a byte boundary of the RBSP (`byte_aligned()`).
    #[must_use]
    #[inline]
    pub const fn is_aligned(&self) -> bool {
        self.cached.is_multiple_of(8)
    }

    /// Passes over the bits, if any, up to the next byte boundary.
    #[inline]
    pub const fn align(&mut self) {
        self.consume(self.cached % 8);
    }

    /// Whether anything precedes the `rbsp_stop_one_bit`: `more_rbsp_data()` (H.264 §7.2).
    ///
    /// Without a stop bit, where the rest is all zeros, nothing does.
    #[must_use]
    pub fn more_rbsp_data(&self) -> bool {
        let mut ahead = *self;
        if ahead.bit("").is_err() {
            return false;
        }
        loop {
            if ahead.cache != 0 {
                return true;
            }
            ahead.cached = 0;
            ahead.refill();
            if ahead.cached == 0 {
                return false;
            }
        }
    }
}

/// Whether some byte is a 3. A byte just above a 3 may be taken for one, which costs time only.
#[inline]
const fn has_three(load: u64) -> bool {
    const ONES: u64 = u64::MAX / 0xFF;
    let zero_where_three = load ^ (3 * ONES);
    zero_where_three.wrapping_sub(ONES) & !zero_where_three & (0x80 * ONES) != 0
}

impl<const ESCAPED: bool> fmt::Debug for BitReader<'_, ESCAPED> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BitReader")
            .field("position", &self.position())
            .field("bytes", &self.data.len())
            .finish()
    }
}

/// Appends bits, most significant first, to a `Vec<u8>`.
///
/// With `ESCAPED`, what is written is the inside of an H.264, H.265 or H.266 NAL unit: an
/// `emulation_prevention_three_byte` is put in wherever `00 00` would be followed by a byte of 3 or less.
///
/// Bits that do not fill a byte wait in the writer until [`align_zero`](Self::align_zero) or
/// [`trailing_bits`](Self::trailing_bits) completes it.
///
/// ```
/// use fluvial_wire::{BitWriter, TooLong};
///
/// let mut out = Vec::new();
/// let mut w = BitWriter::new(&mut out);
/// w.bit(true).ue("one", 1)?.se("minus_one", -1)?.bits(4, "four", 15)?;
/// w.align_zero();
/// assert_eq!(out, [0b1_010_011_1, 0b111_00000]);
/// # Ok::<(), TooLong>(())
/// ```
#[derive(Debug)]
pub struct BitWriter<'a, const ESCAPED: bool = false> {
    out: &'a mut Vec<u8>,
    /// Bits that wait for their byte, in the low end.
    spare: u8,
    spares: u32,
    /// Bits written, for `position`.
    written: u64,
    /// Zero bytes at the end of what this writer has put out.
    zeros: u32,
}

impl<'a> BitWriter<'a> {
    /// A writer that appends to `out`.
    #[must_use]
    #[inline]
    pub fn new(out: &'a mut Vec<u8>) -> Self {
        Self::start(out)
    }
}

impl<'a> BitWriter<'a, true> {
    /// A writer that appends to `out`, with emulation prevention.
    #[must_use]
    #[inline]
    pub fn escaped(out: &'a mut Vec<u8>) -> Self {
        Self::start(out)
    }
}

impl<'a, const ESCAPED: bool> BitWriter<'a, ESCAPED> {
    #[inline]
    fn start(out: &'a mut Vec<u8>) -> Self {
        Self {
            out,
            spare: 0,
            spares: 0,
            written: 0,
            zeros: 0,
        }
    }

    /// Bits written so far, emulation prevention bytes not counted.
    #[must_use]
    #[inline]
    pub const fn position(&self) -> u64 {
        self.written
    }

    /// Whether the position is at a byte boundary.
    #[must_use]
    #[inline]
    pub const fn is_aligned(&self) -> bool {
        self.spares == 0
    }

    #[inline]
    fn push(&mut self, byte: u8) {
        if ESCAPED {
            if self.zeros >= 2 && byte <= 3 {
                self.out.push(3);
                self.zeros = 0;
            }
            self.zeros = if byte == 0 { self.zeros + 1 } else { 0 };
        }
        self.out.push(byte);
    }

    /// Writes the low `n` bits, at most 64, of a value that has no others.
    #[inline]
    fn put(&mut self, mut n: u32, value: u64) {
        self.written = self.written.saturating_add(u64::from(n));
        while n > 0 {
            let part = n.min(8 - self.spares);
            n -= part;
            let bits = (value >> n & 0xFF) as u8 & (0xFF >> (8 - part));
            self.spare = self.spare.wrapping_shl(part) | bits;
            if part == 8 {
                self.spare = bits;
            }
            self.spares += part;
            if self.spares == 8 {
                self.push(self.spare);
                (self.spare, self.spares) = (0, 0);
            }
        }
    }

    /// Writes one bit.
    #[inline]
    pub fn bit(&mut self, value: bool) -> &mut Self {
        self.put(1, u64::from(value));
        self
    }

    /// Writes the low `n` bits, at most 32, of a value.
    ///
    /// # Errors
    /// [`TooLong`] where the value has more bits than that.
    #[inline]
    pub fn bits(&mut self, n: u32, what: &'static str, value: u32) -> Result<&mut Self, TooLong> {
        self.bits64(n.min(32), what, u64::from(value))
    }

    /// Writes the low `n` bits, at most 64, of a value.
    ///
    /// # Errors
    /// [`TooLong`] where the value has more bits than that.
    #[inline]
    pub fn bits64(&mut self, n: u32, what: &'static str, value: u64) -> Result<&mut Self, TooLong> {
        let n = n.min(64);
        let max = u64::MAX.checked_shr(64 - n).unwrap_or(0);
        if value > max {
            return Err(TooLong { what, value, max });
        }
        self.put(n, value);
        Ok(self)
    }

    /// Writes an unsigned Exp-Golomb code, `ue(v)` (H.264 §9.1).
    ///
    /// # Errors
    /// [`TooLong`] for 2^32 - 1, which `ue(v)` does not have.
    #[inline]
    pub fn ue(&mut self, what: &'static str, value: u32) -> Result<&mut Self, TooLong> {
        let Some(code) = value.checked_add(1) else {
            return Err(TooLong {
                what,
                value: u64::from(value),
                max: u64::from(u32::MAX - 1),
            });
        };
        self.put(2 * code.ilog2() + 1, u64::from(code));
        Ok(self)
    }

    /// Writes a signed Exp-Golomb code, `se(v)` (H.264 §9.1.1).
    ///
    /// # Errors
    /// [`TooLong`] for -2^31, which `se(v)` does not have.
    #[inline]
    pub fn se(&mut self, what: &'static str, value: i32) -> Result<&mut Self, TooLong> {
        let double = value.unsigned_abs().wrapping_mul(2);
        match value {
            i32::MIN => Err(TooLong {
                what,
                value: u64::from(value.unsigned_abs()),
                max: u64::from(i32::MAX.unsigned_abs()),
            }),
            1.. => self.ue(what, double - 1),
            _ => self.ue(what, double),
        }
    }

    /// Writes whole bytes, at any bit position.
    #[inline]
    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        if !ESCAPED && self.spares == 0 {
            self.out.extend_from_slice(bytes);
            self.written = self.written.saturating_add(bytes.len() as u64 * 8);
        } else {
            for &byte in bytes {
                self.put(8, u64::from(byte));
            }
        }
        self
    }

    /// Writes zero bits up to the next byte boundary, if any are wanting.
    #[inline]
    pub fn align_zero(&mut self) {
        self.put((8 - self.spares) % 8, 0);
    }

    /// Writes a one bit, then zero bits up to the next byte boundary: `rbsp_trailing_bits()` (H.264 §7.3.2.11).
    #[inline]
    pub fn trailing_bits(&mut self) {
        self.bit(true).align_zero();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Removes emulation prevention the way the standard words it (H.264 §7.3.1).
    fn unescape(nal: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut zeros = 0;
        for &byte in nal {
            if zeros >= 2 && byte == 3 {
                zeros = 0;
                continue;
            }
            zeros = if byte == 0 { zeros + 1 } else { 0 };
            out.push(byte);
        }
        out
    }

    fn bytes_that_need_escapes() -> impl Strategy<Value = Vec<u8>> {
        proptest::collection::vec(
            prop_oneof![4 => Just(0u8), 3 => 0u8..5, 1 => any::<u8>()],
            0..100,
        )
    }

    #[test]
    fn exp_golomb_codes_of_every_length() {
        let values = (0..32).flat_map(|n| [(1u32 << n) - 1, 1 << n, (1u32 << n) + 1]);
        let values: Vec<u32> = values.chain([u32::MAX - 1]).collect();
        let mut out = Vec::new();
        let mut w = BitWriter::new(&mut out);
        for &value in &values {
            w.ue("v", value).unwrap();
        }
        w.trailing_bits();
        let mut r = BitReader::new(&out);
        for &value in &values {
            assert!(r.more_rbsp_data());
            assert_eq!(r.ue("v"), Ok(value));
        }
        assert!(!r.more_rbsp_data());
    }

    #[test]
    fn codes_that_no_u32_holds_are_told_and_not_read() {
        let data = [0, 0, 0, 0, 0x40, 0, 0, 0, 0];
        let mut r = BitReader::new(&data);
        let overlong = Err(GolombError::Overlong { what: "v", bit: 0 });
        assert_eq!(r.ue("v"), overlong);
        assert_eq!(r.position(), 0);
        let mut r = BitReader::new(&[0, 0, 0, 0, 0x80, 0, 0, 0, 0x80]);
        assert_eq!(r.ue("v"), overlong);
        let mut r = BitReader::new(&[0, 0, 1]);
        let short = r.ue("v").unwrap_err();
        assert_eq!(short.to_string(), "v at bit 0 needs 47 bits, 24 left");
    }

    #[test]
    fn values_that_do_not_fit_are_not_written() {
        let mut out = Vec::new();
        let mut w = BitWriter::new(&mut out);
        assert!(w.bits(3, "v", 8).is_err());
        assert!(w.bits(0, "v", 1).is_err());
        assert!(w.ue("v", u32::MAX).is_err());
        assert!(w.se("v", i32::MIN).is_err());
        assert_eq!(w.position(), 0);
        w.bits64(64, "v", u64::MAX).unwrap();
        assert_eq!(out, [0xFF; 8]);
    }

    #[test]
    fn whole_bytes_come_out_of_the_plain_reader_at_a_boundary() {
        let data: [u8; 20] = core::array::from_fn(|i| i as u8);
        let mut r = BitReader::new(&data);
        assert_eq!(r.bits(8, "a"), Ok(0));
        assert_eq!(r.bytes(4, "b"), Ok(&data[1..5]));
        assert_eq!(r.bits(4, "c"), Ok(0));
        assert!(r.bytes(1, "d").is_err());
        r.align();
        assert_eq!(r.bytes(14, "e"), Ok(&data[6..]));
        assert_eq!(r.left(), 0);
        assert!(r.bytes(1, "f").is_err());
        assert_eq!(r.bytes(0, "g"), Ok(&[][..]));
    }

    #[test]
    fn more_rbsp_data_ends_at_the_stop_bit_whatever_follows() {
        let with_cabac_zero_words = [0b1010_0000, 0b1000_0000, 0, 0, 3, 0, 0, 3];
        let mut r = BitReader::escaped(&with_cabac_zero_words);
        assert!(r.more_rbsp_data());
        r.skip(8, "data").unwrap();
        assert!(!r.more_rbsp_data());
        assert!(!BitReader::new(&[]).more_rbsp_data());
        assert!(!BitReader::new(&[0, 0, 0]).more_rbsp_data());
        assert!(BitReader::new(&[0, 0, 1]).more_rbsp_data());
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(items: Vec<(u8, u64, i32)>, escaped: bool) {
            let mut out = Vec::new();
            macro_rules! write { ($w:expr) => {{
                let mut w = $w;
                for &(n, value, signed) in &items {
                    let n = u32::from(n % 65);
                    w.bits64(n, "u", value & u64::MAX.checked_shr(64 - n).unwrap_or(0)).unwrap();
                    w.bit(signed < 0).se("se", signed.max(-i32::MAX)).unwrap();
                }
                let at = w.position();
                w.trailing_bits();
                at
            }} }
            macro_rules! read { ($r:expr, $end:expr) => {{
                let mut r = $r;
                for &(n, value, signed) in &items {
                    let n = u32::from(n % 65);
                    prop_assert_eq!(r.bits64(n, "u"), Ok(value & u64::MAX.checked_shr(64 - n).unwrap_or(0)));
                    prop_assert_eq!(r.bit("bit"), Ok(signed < 0));
                    prop_assert_eq!(r.se("se"), Ok(signed.max(-i32::MAX)));
                }
                prop_assert!(!r.more_rbsp_data());
                prop_assert_eq!(r.position(), $end);
            }} }
            if escaped {
                let end = write!(BitWriter::escaped(&mut out));
                prop_assert!(!out.windows(3).any(|w| w[0] == 0 && w[1] == 0 && w[2] < 3));
                read!(BitReader::escaped(&out), end);
            } else {
                let end = write!(BitWriter::new(&mut out));
                read!(BitReader::new(&out), end);
            }
        }

        #[test]
        fn an_escaped_reader_reads_what_unescaping_first_would(
            nal in bytes_that_need_escapes(),
            steps: Vec<(u8, u8)>,
        ) {
            let rbsp = unescape(&nal);
            let mut escaped = BitReader::escaped(&nal);
            let mut plain = BitReader::new(&rbsp);
            for (kind, n) in steps {
                match kind % 6 {
                    0 => prop_assert_eq!(escaped.bits(n.into(), "u"), plain.bits(n.into(), "u")),
                    1 => prop_assert_eq!(escaped.bits64(n.into(), "u"), plain.bits64(n.into(), "u")),
                    2 => prop_assert_eq!(escaped.ue("ue"), plain.ue("ue")),
                    3 => prop_assert_eq!(escaped.se("se"), plain.se("se")),
                    4 => prop_assert_eq!(escaped.skip(n.into(), "skip"), plain.skip(n.into(), "skip")),
                    _ => { escaped.align(); plain.align(); }
                }
                prop_assert_eq!(escaped.position(), plain.position());
                prop_assert_eq!(escaped.is_aligned(), plain.is_aligned());
                prop_assert_eq!(escaped.more_rbsp_data(), plain.more_rbsp_data());
            }
        }

        #[test]
        fn a_written_nal_unescapes_to_what_was_put_in(rbsp in bytes_that_need_escapes()) {
            let mut out = Vec::new();
            BitWriter::escaped(&mut out).bytes(&rbsp);
            prop_assert_eq!(unescape(&out), rbsp);
        }

        #[test]
        fn skip_is_the_same_as_reading(data: Vec<u8>, first in 0u32..64, n in 0u64..400) {
            let mut skipped = BitReader::new(&data);
            let _ = skipped.bits64(first, "first");
            let mut read = skipped;
            let mut count = 0;
            while count < n && read.bit("bit").is_ok() {
                count += 1;
            }
            let ok = skipped.skip(n, "skip").is_ok();
            prop_assert_eq!(ok, count == n);
            if ok {
                prop_assert_eq!(skipped.position(), read.position());
                prop_assert_eq!(skipped.bits(7, "rest"), read.bits(7, "rest"));
            }
        }
    }
}
