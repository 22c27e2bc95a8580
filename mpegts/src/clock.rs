//! The clocks of MPEG-2 systems: 90 kHz time stamps and the 27 MHz program clock reference.
//!
//! Both wrap at 2^33 ticks of 90 kHz, which is every 26 hours and a half.

/// Ticks of 90 kHz after which a time stamp is back at 0 (ISO/IEC 13818-1 §2.4.3.7).
pub const WRAP: u64 = 1 << 33;

/// Ticks of the system clock of 27 MHz in one tick of 90 kHz.
pub const EXTENSION: u64 = 300;

/// A program clock reference: a sample of the encoder's 27 MHz clock (ISO/IEC 13818-1 §2.4.3.5).
///
/// ```text
/// program_clock_reference_base        33
/// reserved                             6
/// program_clock_reference_extension    9
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Pcr {
    /// `program_clock_reference_base`, 33 bits: 90 kHz.
    pub base: u64,
    /// `program_clock_reference_extension`, 9 bits: 27 MHz, 0 to 299.
    pub extension: u16,
}

impl Pcr {
    /// From ticks of 27 MHz, modulo the wrap.
    #[must_use]
    pub const fn from_ticks(ticks: u64) -> Self {
        let [low, high, ..] = (ticks % EXTENSION).to_le_bytes();
        Self {
            base: (ticks / EXTENSION) % WRAP,
            extension: u16::from_le_bytes([low, high]),
        }
    }

    /// In ticks of 27 MHz.
    #[must_use]
    #[inline]
    pub const fn ticks(self) -> u64 {
        (self.base * EXTENSION).saturating_add(self.extension as u64)
    }

    /// Reads the six bytes of the field.
    #[must_use]
    #[inline]
    pub const fn from_bytes(bytes: [u8; 6]) -> Self {
        let [a, b, c, d, e, f] = bytes;
        Self {
            base: (u32::from_be_bytes([a, b, c, d]) as u64) << 1 | (e >> 7) as u64,
            extension: u16::from_be_bytes([e & 1, f]),
        }
    }

    /// The six bytes of the field, its reserved bits set.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 6] {
        let [.., a, b, c, d] = ((self.base % WRAP) >> 1).to_be_bytes();
        let [high, low] = self.extension.to_be_bytes();
        let [.., lowest] = (self.base & 1).to_be_bytes();
        [a, b, c, d, lowest << 7 | 0x7E | high & 1, low]
    }
}

/// Turns time stamps that wrap at 2^33 into a line that does not.
///
/// Each is taken to lie within 2^32 ticks (13 hours) of the one before, either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Unwrapper {
    last: Option<i64>,
}

impl Unwrapper {
    /// An unwrapper whose first time stamp will be taken as it is.
    #[must_use]
    pub const fn new() -> Self {
        Self { last: None }
    }

    /// An unwrapper whose first time stamp will be put nearest to `time`.
    #[must_use]
    pub const fn near(time: i64) -> Self {
        Self { last: Some(time) }
    }

    /// The place of a time stamp on the line, in ticks of 90 kHz.
    #[inline]
    pub const fn unwrap(&mut self, stamp: u64) -> i64 {
        let time = match self.last {
            Some(last) => nearest(stamp, last),
            None => (stamp % WRAP).cast_signed(),
        };
        self.last = Some(time);
        time
    }

    /// The place of a time stamp on the line, without moving it.
    #[must_use]
    #[inline]
    pub const fn peek(&self, stamp: u64) -> i64 {
        match self.last {
            Some(last) => nearest(stamp, last),
            None => (stamp % WRAP).cast_signed(),
        }
    }

    /// Forgets what came before: the next time stamp is taken as it is.
    pub const fn reset(&mut self) {
        self.last = None;
    }
}

/// The value that is `stamp` modulo 2^33 and lies nearest to `reference`.
#[must_use]
pub const fn nearest(stamp: u64, reference: i64) -> i64 {
    let wrap = WRAP.cast_signed();
    // The difference modulo 2^33, brought between -2^32 and 2^32.
    let ahead = (stamp % WRAP).cast_signed().wrapping_sub(reference) & (wrap - 1);
    let step = if ahead >= wrap / 2 {
        ahead - wrap
    } else {
        ahead
    };
    reference.wrapping_add(step)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_clock_reference_by_hand() {
        // Base 0x1_2345_6789, extension 0x123.
        let pcr = Pcr {
            base: 0x1_2345_6789,
            extension: 0x123,
        };
        assert_eq!(pcr.to_bytes(), [0x91, 0xA2, 0xB3, 0xC4, 0xFF, 0x23]);
        assert_eq!(pcr.ticks(), 0x1_2345_6789 * 300 + 0x123);
    }

    #[test]
    fn the_line_goes_on_over_the_wrap_and_back() {
        let mut line = Unwrapper::new();
        let top = WRAP as i64;
        assert_eq!(line.unwrap(WRAP - 1), top - 1);
        assert_eq!(line.unwrap(5), top + 5);
        assert_eq!(line.unwrap(WRAP - 3), top - 3);
        line.reset();
        assert_eq!(line.unwrap(7), 7);
        assert_eq!(Unwrapper::near(-10).unwrap(WRAP - 5), -5);
    }

    proptest! {
        #[test]
        fn clock_references_round_trip(ticks in 0..WRAP * EXTENSION) {
            let pcr = Pcr::from_ticks(ticks);
            prop_assert_eq!(pcr.ticks(), ticks);
            prop_assert_eq!(Pcr::from_bytes(pcr.to_bytes()), pcr);
        }

        #[test]
        fn steps_below_half_the_wrap_are_followed(start in -1i64 << 40..1 << 40, steps: Vec<i32>) {
            let mut line = Unwrapper::near(start);
            let mut time = start;
            for step in steps {
                time += i64::from(step);
                prop_assert_eq!(line.unwrap(time.rem_euclid(WRAP as i64) as u64), time);
            }
        }
    }
}
