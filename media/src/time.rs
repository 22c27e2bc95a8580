use core::fmt;
use core::num::{NonZeroU32, NonZeroU64};
use core::ops::{Add, Sub};
use core::time::Duration;

const NANOS: NonZeroU32 = NonZeroU32::MIN.saturating_add(999_999_999);

/// A point or span on a media time line: signed nanoseconds.
///
/// Samples carry ticks of their track's [`Timescale`]; `Time` is for comparing tracks with each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(i64);

impl Time {
    /// The origin.
    pub const ZERO: Time = Time(0);

    /// From nanoseconds.
    #[must_use]
    pub const fn from_nanos(nanos: i64) -> Self {
        Time(nanos)
    }

    /// From milliseconds; saturates.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Time(millis.saturating_mul(1_000_000))
    }

    /// In nanoseconds.
    #[must_use]
    pub const fn as_nanos(self) -> i64 {
        self.0
    }

    /// As an unsigned span: `None` if negative.
    #[must_use]
    pub const fn to_duration(self) -> Option<Duration> {
        if self.0 < 0 {
            None
        } else {
            Some(Duration::from_nanos(self.0.unsigned_abs()))
        }
    }
}

impl From<Duration> for Time {
    /// Saturates at 292 years.
    fn from(span: Duration) -> Self {
        Time(i64::try_from(span.as_nanos()).unwrap_or(i64::MAX))
    }
}

impl Add for Time {
    type Output = Time;
    /// Saturates.
    fn add(self, other: Time) -> Time {
        Time(self.0.saturating_add(other.0))
    }
}

impl Sub for Time {
    type Output = Time;
    /// Saturates.
    fn sub(self, other: Time) -> Time {
        Time(self.0.saturating_sub(other.0))
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let nanos = self.0.unsigned_abs();
        write!(
            f,
            "{sign}{}.{:06} s",
            nanos / 1_000_000_000,
            nanos % 1_000_000_000 / 1000
        )
    }
}

/// A point in wall-clock time: nanoseconds since 1970-01-01 00:00:00 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WallClock(i64);

impl WallClock {
    /// From nanoseconds since the Unix epoch.
    #[must_use]
    pub const fn from_unix_nanos(nanos: i64) -> Self {
        WallClock(nanos)
    }

    /// In nanoseconds since the Unix epoch.
    #[must_use]
    pub const fn as_unix_nanos(self) -> i64 {
        self.0
    }
}

/// Ticks per second of a track's clock, never zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Timescale(NonZeroU32);

impl Timescale {
    /// Milliseconds: RTMP, FLV.
    pub const MILLIS: Timescale = Timescale(NonZeroU32::MIN.saturating_add(999));
    /// 90 kHz: MPEG-2 systems, RTP video.
    pub const KHZ_90: Timescale = Timescale(NonZeroU32::MIN.saturating_add(89_999));

    /// A timescale of `ticks` per second; `None` for zero.
    #[must_use]
    pub const fn new(ticks: u32) -> Option<Self> {
        match NonZeroU32::new(ticks) {
            Some(ticks) => Some(Timescale(ticks)),
            None => None,
        }
    }

    /// Ticks per second.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0.get()
    }

    /// The time of a number of ticks, rounded to the nearest nanosecond; saturates.
    #[must_use]
    pub fn time(self, ticks: i64) -> Time {
        Time(scale(ticks, NANOS, self.0))
    }

    /// The number of ticks nearest to a time; saturates.
    #[must_use]
    pub fn ticks(self, time: Time) -> i64 {
        scale(time.0, self.0, NANOS)
    }

    /// Ticks of this timescale in another one, rounded to the nearest; saturates.
    ///
    /// ```
    /// use fluvial_media::Timescale;
    ///
    /// let audio = Timescale::new(44_100).unwrap();
    /// assert_eq!(audio.rescale(44_100, Timescale::KHZ_90), 90_000);
    /// assert_eq!(audio.rescale(-1024, Timescale::KHZ_90), -2090);
    /// ```
    #[must_use]
    pub fn rescale(self, ticks: i64, to: Timescale) -> i64 {
        if self == to {
            return ticks;
        }
        scale(ticks, to.0, self.0)
    }
}

/// `value * by / per`, rounded to the nearest, halves away from zero; saturates.
#[inline]
fn scale(value: i64, by: NonZeroU32, per: NonZeroU32) -> i64 {
    let per = NonZeroU64::from(per);
    let by = u64::from(by.get());
    let magnitude = value.unsigned_abs();
    let half = per.get() / 2;
    let product = magnitude.checked_mul(by);
    let scaled = match product.and_then(|product| product.checked_add(half)) {
        Some(product) => product / per,
        // Whole multiples and the rest apart: two divisions of 64 bits take less time than one of 128. The rest is less than `per`, so
        // that its product has less than 64 bits.
        None => {
            let rest = ((magnitude % per) * by).saturating_add(half) / per;
            let whole = (magnitude / per).checked_mul(by);
            whole
                .and_then(|whole| whole.checked_add(rest))
                .unwrap_or(u64::MAX)
        }
    };
    let limit = if value < 0 { i64::MIN } else { i64::MAX };
    if scaled >= limit.unsigned_abs() {
        limit
    } else if value < 0 {
        -scaled.cast_signed()
    } else {
        scaled.cast_signed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use proptest::prelude::*;

    #[test]
    fn rounding_is_symmetric() {
        let scale = Timescale::new(3).unwrap();
        assert_eq!(scale.time(1).as_nanos(), 333_333_333);
        assert_eq!(scale.time(2).as_nanos(), 666_666_667);
        assert_eq!(scale.time(-2).as_nanos(), -666_666_667);
        assert_eq!(Time::from_millis(-1500).to_string(), "-1.500000 s");
    }

    #[test]
    fn extremes_saturate() {
        let fast = Timescale::new(u32::MAX).unwrap();
        let slow = Timescale::new(1).unwrap();
        assert_eq!(slow.rescale(i64::MAX, fast), i64::MAX);
        assert_eq!(slow.time(i64::MIN).as_nanos(), i64::MIN);
    }

    proptest! {
        #[test]
        fn scaling_is_exact(
            value in prop_oneof![any::<i64>(), -1i64 << 40..1 << 40, -1000i64..1000],
            by in prop_oneof![any::<u32>(), 1u32..200_000],
            per in prop_oneof![any::<u32>(), 1u32..200_000],
        ) {
            let (by, per) = (by.max(1), per.max(1));
            let product = i128::from(value) * i128::from(by);
            let half = i128::from(per / 2) * product.signum();
            let exact = (product + half) / i128::from(per);
            let exact = exact.clamp(i64::MIN.into(), i64::MAX.into());
            let scaled = scale(value, NonZeroU32::new(by).unwrap(), NonZeroU32::new(per).unwrap());
            prop_assert_eq!(i128::from(scaled), exact);
        }

        #[test]
        fn a_finer_clock_loses_nothing(ticks in -1i64 << 40..1 << 40, from in 1u32..100_000, factor in 1u32..100) {
            let from_scale = Timescale::new(from).unwrap();
            let to = Timescale::new(from * factor).unwrap();
            prop_assert_eq!(to.rescale(from_scale.rescale(ticks, to), from_scale), ticks);
        }
    }
}
