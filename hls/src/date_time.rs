use crate::decimal::Malformed;
use core::fmt;
use core::str::FromStr;

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
        let seconds =
            days_from_civil(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second
                - i64::from(zone.minutes()) * 60;
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

/// A number of exactly `digits` digits, and what follows.
fn number(bytes: &[u8], digits: usize) -> Option<(i64, &[u8])> {
    let (number, rest) = bytes.split_at_checked(digits)?;
    let mut value = 0;
    for digit in number {
        value = value * 10 + i64::from(char::from(*digit).to_digit(10)?);
    }
    Some((value, rest))
}

/// Days from 1970-01-01 to a date of the proleptic Gregorian calendar. Years are counted from March, so that the leap
/// day is a year's last.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// The inverse of [`days_from_civil`].
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

impl fmt::Display for DateTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let local =
            i128::from(self.unix_nanos) + i128::from(self.zone.minutes()) * 60 * NANOS_PER_SECOND;
        let seconds = i64::try_from(local.div_euclid(NANOS_PER_SECOND)).unwrap_or(0);
        let (year, month, day) = civil_from_days(seconds.div_euclid(86_400));
        let of_day = seconds.rem_euclid(86_400);
        let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"
        )?;
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
