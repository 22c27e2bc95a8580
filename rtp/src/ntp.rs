//! Wall-clock times and spans as RTCP carries them.

use core::time::Duration;

/// Seconds from 1900-01-01, where NTP counts from, to 1970-01-01.
const UNIX_EPOCH: u64 = 2_208_988_800;
const NANOS: u64 = 1_000_000_000;

/// A time as RTCP carries it (RFC 3550 §4): seconds since 1900-01-01 00:00:00 UTC as a 32.32 fixed-point number.
///
/// It wraps in 2036; [`unix_nanos`](Self::unix_nanos) takes times with the upper bit clear for later than that, as RFC 4330 §3 has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct NtpTime(pub u64);

impl NtpTime {
    /// From nanoseconds since 1970-01-01 00:00:00 UTC, to the nearest 2^-32 s.
    #[must_use]
    pub const fn from_unix_nanos(nanos: i64) -> Self {
        const SHIFTED: i128 = (UNIX_EPOCH as i128) * (NANOS as i128);
        let nanos = (nanos as i128).wrapping_add(SHIFTED);
        // Before 1900 there is nothing. Less than 2^98: at most 66 bits of nanoseconds, shifted by 32.
        let nanos = if nanos < 0 { 0 } else { nanos.unsigned_abs() };
        let ticks = ((nanos << 32).wrapping_add((NANOS / 2) as u128)) / (NANOS as u128);
        let [_, _, _, _, _, _, _, _, a, b, c, d, e, f, g, h] = ticks.to_be_bytes();
        NtpTime(u64::from_be_bytes([a, b, c, d, e, f, g, h]))
    }

    /// In nanoseconds since 1970-01-01 00:00:00 UTC, to the nearest.
    #[must_use]
    pub const fn unix_nanos(self) -> i64 {
        let era = if self.0 >> 63 == 0 { 1u128 << 64 } else { 0 };
        let nanos = ((self.0 as u128 + era) * (NANOS as u128) + (1 << 31)) >> 32;
        let [.., a, b, c, d, e, f, g, h] = nanos.to_be_bytes();
        i64::from_be_bytes([a, b, c, d, e, f, g, h])
            .saturating_sub((UNIX_EPOCH * NANOS).cast_signed())
    }

    /// The middle 32 bits, as `LSR` and the delays of reports have them: 16.16 fixed-point seconds.
    #[must_use]
    pub const fn middle(self) -> u32 {
        let [_, _, a, b, c, d, _, _] = self.0.to_be_bytes();
        u32::from_be_bytes([a, b, c, d])
    }

    /// `self - earlier`, nanoseconds; right as long as they are less than 68 years apart.
    #[must_use]
    pub const fn nanos_since(self, earlier: NtpTime) -> i64 {
        let ticks = self.0.wrapping_sub(earlier.0).cast_signed() as i128;
        let nanos = (ticks * (NANOS as i128) + (1 << 31)) >> 32;
        let [.., a, b, c, d, e, f, g, h] = nanos.to_be_bytes();
        i64::from_be_bytes([a, b, c, d, e, f, g, h])
    }
}

/// A span in the unit of `DLSR`: 1/65536 s; saturates.
#[must_use]
pub fn short_span(span: Duration) -> u32 {
    let ticks = (span.as_nanos() << 16) / u128::from(NANOS);
    u32::try_from(ticks).unwrap_or(u32::MAX)
}

/// The reverse of [`short_span`].
#[must_use]
pub const fn from_short_span(ticks: u32) -> Duration {
    Duration::from_nanos(((ticks as u64) * NANOS) >> 16)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_unix_epoch_is_70_years_in() {
        assert_eq!(NtpTime::from_unix_nanos(0), NtpTime(2_208_988_800 << 32));
        assert_eq!(
            NtpTime::from_unix_nanos(1_500_000_000).0,
            (2_208_988_801 << 32) + (1 << 31)
        );
        assert_eq!(NtpTime(0x1122_3344_5566_7788).middle(), 0x3344_5566);
    }

    #[test]
    fn the_next_era_begins_in_2036() {
        let start = (1i64 << 32) - 2_208_988_800;
        assert_eq!(NtpTime(0).unix_nanos(), start * 1_000_000_000);
        assert_eq!(
            NtpTime(u64::MAX).unix_nanos(),
            start * 1_000_000_000,
            "rounded"
        );
    }

    #[test]
    fn spans_of_reports() {
        assert_eq!(short_span(Duration::from_millis(1500)), 0x0001_8000);
        assert_eq!(from_short_span(0x0001_8000), Duration::from_millis(1500));
        assert_eq!(short_span(Duration::from_secs(100_000)), u32::MAX);
    }

    proptest! {
        #[test]
        fn there_and_back(nanos in 0i64..4_000_000_000_000_000_000) {
            prop_assert_eq!(NtpTime::from_unix_nanos(nanos).unix_nanos(), nanos);
        }

        #[test]
        fn differences(a in 0i64..4_000_000_000_000_000_000, d in -1_000_000_000_000i64..1_000_000_000_000) {
            let (x, y) = (NtpTime::from_unix_nanos(a), NtpTime::from_unix_nanos(a + d));
            prop_assert!((y.nanos_since(x) - d).abs() <= 1);
        }
    }
}
