use crate::TooLong;
use alloc::vec::Vec;

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
        let (Some(&first), Some(&last)) = (bytes.first(), bytes.last()) else {
            return self;
        };
        let spares = self.spares;
        // A byte of the output is the end of one byte here and the start of the next.
        let join = |(&before, &byte): (&u8, &u8)| {
            (u16::from_be_bytes([before, byte]) >> spares & 0xFF) as u8
        };
        let pairs = bytes.iter().zip(bytes.get(1..).unwrap_or_default());
        if ESCAPED {
            self.push(join((&self.spare, &first)));
            for pair in pairs {
                self.push(join(pair));
            }
        } else if spares == 0 {
            self.out.extend_from_slice(bytes);
        } else {
            self.out.push(join((&self.spare, &first)));
            self.out.extend(pairs.map(join));
        }
        self.spare = last & !(0xFF << spares);
        self.written = self.written.saturating_add(bytes.len() as u64 * 8);
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
