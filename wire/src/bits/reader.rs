use super::{GolombError, ShortBits};
use alloc::vec::Vec;
use core::fmt;

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

    /// Reads `len` bytes that need not start at a byte boundary.
    ///
    /// # Errors
    /// [`ShortBits`] where fewer are left; nothing is read then, nor allocated.
    pub fn unaligned_bytes(&mut self, len: u64, what: &'static str) -> Result<Vec<u8>, ShortBits> {
        let bits = len.saturating_mul(8);
        if self.left() < bits {
            return Err(self.short(bits, what));
        }
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        if self.is_aligned() {
            return Ok(self.bytes(len, what)?.to_vec());
        }
        let mut out = Vec::with_capacity(len);
        for _ in 0..len / 4 {
            out.extend_from_slice(&self.bits(32, what)?.to_be_bytes());
        }
        for _ in 0..len % 4 {
            out.push(self.bits8(8, what)?);
        }
        Ok(out)
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
        let (load, there) = match ahead.first_chunk::<8>() {
            Some(chunk) => (u64::from_be_bytes(*chunk), 8),
            None => tail(ahead),
        };
        if !ESCAPED || !has_three(load) {
            let bytes = ((64 - self.cached) / 8).min(there);
            let bits = bytes * 8;
            // Where `bits` is 0, nothing is missing, or nothing is there.
            if let Some(mask) = u64::MAX.checked_shl(64 - bits) {
                self.cache |= (load & mask) >> self.cached;
                self.cached += bits;
                self.next += bytes as usize;
            }
            return;
        }
        self.refill_bytewise();
    }

    /// The same where a byte may have to be passed over.
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

    /// Reads `n` bits, at most 8 (a larger `n` reads 8).
    ///
    /// # Errors
    /// [`ShortBits`] where fewer are left; nothing is read then.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "at most 8 bits were read")]
    pub fn bits8(&mut self, n: u32, what: &'static str) -> Result<u8, ShortBits> {
        Ok(self.bits(n.min(8), what)? as u8)
    }

    /// Reads `n` bits, at most 16 (a larger `n` reads 16).
    ///
    /// # Errors
    /// [`ShortBits`] where fewer are left; nothing is read then.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "at most 16 bits were read")]
    pub fn bits16(&mut self, n: u32, what: &'static str) -> Result<u16, ShortBits> {
        Ok(self.bits(n.min(16), what)? as u16)
    }

    /// Reads an optional element: its flag, then what follows a flag of 1.
    ///
    /// # Errors
    /// [`ShortBits`] where there is no flag; as `read`.
    #[inline]
    pub fn option<T, E: From<ShortBits>>(
        &mut self,
        flag: &'static str,
        read: impl FnOnce(&mut Self) -> Result<T, E>,
    ) -> Result<Option<T>, E> {
        self.bit(flag)?.then(|| read(self)).transpose()
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

/// The last bytes of an input, fewer than 8, as the first of a word, and how many they are.
#[inline]
fn tail(bytes: &[u8]) -> (u64, u32) {
    match *bytes {
        [] => (0, 0),
        [a] => (u64::from_be_bytes([a, 0, 0, 0, 0, 0, 0, 0]), 1),
        [a, b] => (u64::from_be_bytes([a, b, 0, 0, 0, 0, 0, 0]), 2),
        [a, b, c] => (u64::from_be_bytes([a, b, c, 0, 0, 0, 0, 0]), 3),
        [a, b, c, d] => (u64::from_be_bytes([a, b, c, d, 0, 0, 0, 0]), 4),
        [a, b, c, d, e] => (u64::from_be_bytes([a, b, c, d, e, 0, 0, 0]), 5),
        [a, b, c, d, e, f] => (u64::from_be_bytes([a, b, c, d, e, f, 0, 0]), 6),
        [a, b, c, d, e, f, g, ..] => (u64::from_be_bytes([a, b, c, d, e, f, g, 0]), 7),
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
