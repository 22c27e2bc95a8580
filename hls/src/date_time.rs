use crate::decimal::Malformed;
use core::fmt;
use core::str::FromStr;
use wire::calendar::Civil;

const NANOS_PER_SECOND: i128 = 1_000_000_000;

/// A date with a time of day (ISO 8601), as in `EXT-X-PROGRAM-DATE-TIME`: the instant, the zone and the precision that
/// it was written with.
///
/// ```
/// use fluvial_hls::DateTime;
///
/// let time: DateTime = "2010-02-19T14:54:23.031+08:00".parse().unwrap();
/// assert_eq!(time.unix_nanos(), 1_266_562_463_031_000_000);
/// assert_eq!(time.to_string(), "2010-02-19T14:54:23.031+08:00");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DateTime {
    unix_nanos: i64,
    zone: Zone,
    digits: u8,
}

/// How a [`DateTime`] tells its zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Zone {
    /// Not at all; read as UTC.
    Unknown,
    /// `Z`.
    Utc,
    /// An offset from UTC, in minutes.
    Offset(i16),
}

impl DateTime {
    /// An instant in UTC, rounded down to the millisecond.
    #[must_use]
    pub const fn from_unix_nanos(nanos: i64) -> Self {
        Self {
            unix_nanos: nanos.saturating_sub(nanos.rem_euclid(1_000_000)),
            zone: Zone::Utc,
            digits: 3,
        }
    }

    /// Nanoseconds since 1970-01-01 00:00:00 UTC.
    #[must_use]
    pub const fn unix_nanos(self) -> i64 {
        self.unix_nanos
    }

    /// How the zone is told.
    #[must_use]
    pub const fn zone(self) -> Zone {
        self.zone
    }

    fn read(text: &str) -> Option<Self> {
        let (year, rest) = number(text.as_bytes(), 4)?;
        let (month, rest) = number(rest.strip_prefix(b"-")?, 2)?;
        let (day, rest) = number(rest.strip_prefix(b"-")?, 2)?;
        let (b'T' | b't' | b' ', rest) = rest.split_first()? else {
            return None;
        };
        let (hour, rest) = number(rest, 2)?;
        let (minute, rest) = number(rest.strip_prefix(b":")?, 2)?;
        let (second, mut rest) = number(rest.strip_prefix(b":")?, 2)?;
        let in_range = (1..=12).contains(&month)
            && (1..=31).contains(&day)
            && hour <= 24
            && minute <= 59
            && second <= 60;
        if !in_range {
            return None;
        }
        let mut fraction = 0;
        let mut digits = 0;
        if let [b'.' | b',', after @ ..] = rest {
            rest = after;
            while let [digit @ b'0'..=b'9', after @ ..] = rest {
                if digits < 9 {
                    fraction = fraction * 10 + i128::from(digit - b'0');
                    digits += 1;
                }
                rest = after;
            }
            fraction *= 10_i128.pow(u32::from(9 - digits));
        }
        let zone = match rest {
            [] => Zone::Unknown,
            [b'Z' | b'z'] => Zone::Utc,
            [sign @ (b'+' | b'-'), rest @ ..] => {
                let (hours, rest) = number(rest, 2)?;
                let minutes = match rest {
                    [] => 0,
                    [b':', rest @ ..] | rest => match number(rest, 2)? {
                        (minutes, []) => minutes,
                        _ => return None,
                    },
                };
                let offset = i16::try_from(hours * 60 + minutes).ok()?;
                Zone::Offset(if *sign == b'-' { -offset } else { offset })
            }
            _ => return None,
        };
        let local = Civil {
            year,
            month: small(month)?,
            day: small(day)?,
            hour: small(hour)?,
            minute: small(minute)?,
            second: small(second)?,
        };
        let seconds = local.to_unix() - i64::from(zone.minutes()) * 60;
        let nanos = i128::from(seconds) * NANOS_PER_SECOND + fraction;
        Some(Self {
            unix_nanos: i64::try_from(nanos).ok()?,
            zone,
            digits,
        })
    }
}

impl Zone {
    const fn minutes(self) -> i16 {
        match self {
            Zone::Unknown | Zone::Utc => 0,
            Zone::Offset(minutes) => minutes,
        }
    }
}

fn small(value: i64) -> Option<u8> {
    u8::try_from(value).ok()
}

/// A number of exactly `digits` digits, and what follows.
fn number(bytes: &[u8], digits: usize) -> Option<(i64, &[u8])> {
    let (number, rest) = bytes.split_at_checked(digits)?;
    let mut value = 0;
    for digit in number {
        value = value * 10 + i64::from(char::from(*digit).to_digit(10)?);
    }
    Some((value, rest))
}

impl fmt::Display for DateTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let local =
            i128::from(self.unix_nanos) + i128::from(self.zone.minutes()) * 60 * NANOS_PER_SECOND;
        let seconds = i64::try_from(local.div_euclid(NANOS_PER_SECOND)).unwrap_or(0);
        Civil::from_unix(seconds).fmt(f)?;
        if self.digits > 0 {
            let fraction = local.rem_euclid(NANOS_PER_SECOND)
                / 10_i128.pow(u32::from(9_u8.saturating_sub(self.digits)));
            write!(f, ".{fraction:0width$}", width = usize::from(self.digits))?;
        }
        match self.zone {
            Zone::Unknown => Ok(()),
            Zone::Utc => f.write_str("Z"),
            Zone::Offset(minutes) => {
                let sign = if minutes < 0 { '-' } else { '+' };
                let minutes = minutes.unsigned_abs();
                write!(f, "{sign}{:02}:{:02}", minutes / 60, minutes % 60)
            }
        }
    }
}

impl FromStr for DateTime {
    type Err = Malformed;
    fn from_str(text: &str) -> Result<Self, Malformed> {
        Self::read(text).ok_or(Malformed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use proptest::prelude::*;

    #[test]
    fn forms() {
        for text in [
            "2010-02-19T14:54:23.031+08:00",
            "2024-02-29T23:59:59Z",
            "1969-12-31T23:59:59.5-01:30",
            "2026-01-01T00:00:00.123456789",
        ] {
            assert_eq!(text.parse::<DateTime>().unwrap().to_string(), text);
        }
        let short: DateTime = "2010-02-19T14:54:23.031+0800".parse().unwrap();
        assert_eq!(short.to_string(), "2010-02-19T14:54:23.031+08:00");
    }

    #[test]
    fn malformed() {
        for text in [
            "",
            "2010-02-19",
            "2010-13-19T00:00:00Z",
            "2010-02-19T1:00:00Z",
            "2010-02-19T00:00:00+1",
            "9999-01-01T00:00:00Z",
        ] {
            assert_eq!(text.parse::<DateTime>(), Err(Malformed), "{text}");
        }
    }

    proptest! {
        #[test]
        fn exact(millis in -9_000_000_000_000_i64..9_000_000_000_000) {
            let time = DateTime::from_unix_nanos(millis * 1_000_000);
            prop_assert_eq!(time.unix_nanos(), millis * 1_000_000);
            prop_assert_eq!(time.to_string().parse::<DateTime>(), Ok(time));
        }
    }
}
