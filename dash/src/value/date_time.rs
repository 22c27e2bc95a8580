use super::duration::{billionths, write_fraction};
use super::number::{Malformed, digits};
use std::fmt;
use std::str::FromStr;
use wire::calendar::Civil;

const NANOS_PER_SECOND: i128 = 1_000_000_000;

/// A date with a time of day (`xs:dateTime`, ISO 8601): the instant, and how its zone was written. Digits past the ninth
/// are dropped.
///
/// ```
/// use fluvial_dash::DateTime;
///
/// let time: DateTime = "2010-02-19T14:54:23.031+08:00".parse()?;
/// assert_eq!(time.unix_nanos(), 1_266_562_463_031_000_000);
/// assert_eq!(time.to_string(), "2010-02-19T14:54:23.031+08:00");
/// # Ok::<(), fluvial_dash::Malformed>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DateTime {
    unix_nanos: i64,
    zone: Zone,
}

/// How a [`DateTime`] tells its zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Zone {
    /// Not at all; read as UTC, as DASH-IF IOP asks for.
    Unknown,
    /// `Z`.
    Utc,
    /// An offset from UTC, in minutes.
    Offset(i16),
}

impl DateTime {
    /// An instant, in UTC.
    #[must_use]
    pub const fn from_unix_nanos(nanos: i64) -> Self {
        Self {
            unix_nanos: nanos,
            zone: Zone::Utc,
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
}

impl Zone {
    const fn minutes(self) -> i16 {
        match self {
            Zone::Unknown | Zone::Utc => 0,
            Zone::Offset(minutes) => minutes,
        }
    }
}

impl FromStr for DateTime {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let (date, time) = text.split_once('T').ok_or(Malformed)?;
        let mut parts = date.split('-');
        let mut next = |length| field(parts.next(), length);
        let (year, month, day) = (next(4)?, next(2)?, next(2)?);
        if parts.next().is_some() {
            return Err(Malformed);
        }
        let (time, zone) = zone(time)?;
        let mut parts = time.split(':');
        let hour = field(parts.next(), 2)?;
        let minute = field(parts.next(), 2)?;
        let second = parts.next().ok_or(Malformed)?;
        if parts.next().is_some() {
            return Err(Malformed);
        }
        let (second, fraction) = match second.split_once('.') {
            Some((_, "")) => return Err(Malformed),
            Some((second, fraction)) => (second, billionths(fraction)?),
            None => (second, 0),
        };
        let second = field(Some(second), 2)?;
        let midnight = hour == 24 && minute == 0 && second == 0 && fraction == 0;
        let valid = (1..=12).contains(&month)
            && (1..=days_in_month(year, month)).contains(&day)
            && (hour <= 23 || midnight)
            && minute <= 59
            // A leap second is the first one of the minute after it.
            && second <= 60;
        if !valid {
            return Err(Malformed);
        }
        let small = |value: i64| u8::try_from(value).map_err(|_| Malformed);
        let local = Civil {
            year,
            month: small(month)?,
            day: small(day)?,
            hour: small(hour)?,
            minute: small(minute)?,
            second: small(second)?,
        };
        let seconds = local.to_unix() - i64::from(zone.minutes()) * 60;
        let nanos = i128::from(seconds) * NANOS_PER_SECOND + i128::from(fraction);
        Ok(Self {
            unix_nanos: i64::try_from(nanos).map_err(|_| Malformed)?,
            zone,
        })
    }
}

/// A number of exactly this many digits.
fn field(text: Option<&str>, length: usize) -> Result<i64, Malformed> {
    let text = text.filter(|text| text.len() == length).ok_or(Malformed)?;
    digits(text)
}

/// A time of day without its zone, and the zone.
fn zone(time: &str) -> Result<(&str, Zone), Malformed> {
    if let Some(time) = time.strip_suffix('Z') {
        return Ok((time, Zone::Utc));
    }
    let Some(at) = time.find(['+', '-']) else {
        return Ok((time, Zone::Unknown));
    };
    let (time, offset) = time.split_at_checked(at).ok_or(Malformed)?;
    let west = offset.starts_with('-');
    let (hours, minutes) = offset
        .get(1..)
        .and_then(|offset| offset.split_once(':'))
        .ok_or(Malformed)?;
    let (hours, minutes) = (field(Some(hours), 2)?, field(Some(minutes), 2)?);
    if minutes > 59 || hours * 60 + minutes > 14 * 60 {
        return Err(Malformed);
    }
    let minutes = i16::try_from(hours * 60 + minutes).map_err(|_| Malformed)?;
    Ok((time, Zone::Offset(if west { -minutes } else { minutes })))
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

impl fmt::Display for DateTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let offset = i128::from(self.zone.minutes()) * 60 * NANOS_PER_SECOND;
        let nanos = i128::from(self.unix_nanos) + offset;
        let seconds = i64::try_from(nanos.div_euclid(NANOS_PER_SECOND)).unwrap_or(0);
        let fraction = u32::try_from(nanos.rem_euclid(NANOS_PER_SECOND)).unwrap_or(0);
        Civil::from_unix(seconds).fmt(f)?;
        write_fraction(f, fraction)?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn forms() {
        for (text, nanos, written) in [
            ("1970-01-01T00:00:00Z", 0, "1970-01-01T00:00:00Z"),
            (
                "2026-01-01T00:00:00.250",
                1_767_225_600_250_000_000,
                "2026-01-01T00:00:00.25",
            ),
            (
                "2020-05-13T05:34:06+00:00",
                1_589_348_046_000_000_000,
                "2020-05-13T05:34:06+00:00",
            ),
            ("1969-12-31T24:00:00Z", 0, "1970-01-01T00:00:00Z"),
            (
                "2016-12-31T23:59:60Z",
                1_483_228_800_000_000_000,
                "2017-01-01T00:00:00Z",
            ),
        ] {
            let time: DateTime = text.parse().unwrap();
            assert_eq!(time.unix_nanos(), nanos, "{text}");
            assert_eq!(time.to_string(), written, "{text}");
        }
        for malformed in [
            "",
            "2026-01-01",
            "2026-13-01T00:00:00Z",
            "2026-02-29T00:00:00Z",
            "2026-01-01T25:00:00Z",
            "2026-01-01T00:00Z",
            "2026-1-1T00:00:00Z",
            "2026-01-01T00:00:00.Z",
            "2026-01-01T00:00:00+8",
        ] {
            assert_eq!(malformed.parse::<DateTime>(), Err(Malformed), "{malformed}");
        }
    }

    proptest! {
        #[test]
        fn any_is_written_and_read(unix_nanos in -60_000_000_000_000_000_i64.., minutes in -840_i16..=840) {
            for zone in [Zone::Utc, Zone::Unknown, Zone::Offset(minutes)] {
                let time = DateTime { unix_nanos, zone };
                prop_assert_eq!(time.to_string().parse::<DateTime>(), Ok(time));
            }
        }

        #[test]
        fn no_text_panics(text in "[-+:TZ0-9.]{0,30}") {
            let _ = text.parse::<DateTime>();
        }
    }
}
