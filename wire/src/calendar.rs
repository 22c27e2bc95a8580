//! Dates of the Gregorian calendar and seconds of Unix time (POSIX.1-2017 §4.16), as playlists and manifests need both.

use core::fmt;

const SECONDS_PER_DAY: i64 = 86_400;

/// A date of the Gregorian calendar, which is carried on into the past, and a time of day, without fractions of a second.
///
/// ```
/// use fluvial_wire::calendar::Civil;
///
/// let time = Civil::from_unix(1_266_562_463);
/// assert_eq!(time.to_string(), "2010-02-19T06:54:23");
/// assert_eq!(time.to_unix(), 1_266_562_463);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Civil {
    /// The year; 0 is 1 BC.
    pub year: i64,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31. What a month does not have counts on into the next one.
    pub day: u8,
    /// 0 to 23; 24 is the next day's midnight.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 59; a leap second, 60, is the first one of the minute after it.
    pub second: u8,
}

impl Civil {
    /// Of so many seconds since 1970-01-01 00:00:00.
    #[must_use]
    pub fn from_unix(seconds: i64) -> Self {
        let (year, month, day) = civil_from_days(seconds.div_euclid(SECONDS_PER_DAY));
        let second = seconds.rem_euclid(SECONDS_PER_DAY);
        let small = |value: i64| u8::try_from(value).unwrap_or(0);
        Self {
            year,
            month: small(month),
            day: small(day),
            hour: small(second / 3600),
            minute: small(second / 60 % 60),
            second: small(second % 60),
        }
    }

    /// Seconds since 1970-01-01 00:00:00; as far as 64 bits reach.
    #[must_use]
    pub fn to_unix(self) -> i64 {
        let days = days_from_civil(self.year, self.month.into(), self.day.into());
        let minutes = i64::from(self.hour) * 60 + i64::from(self.minute);
        days.saturating_mul(SECONDS_PER_DAY)
            .saturating_add(minutes * 60 + i64::from(self.second))
    }
}

impl fmt::Display for Civil {
    /// The extended format of ISO 8601, without a zone: `2010-02-19T14:54:23`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            year,
            month,
            day,
            hour,
            minute,
            second,
        } = self;
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"
        )
    }
}

/// Days from 1970-01-01 to a date. Years are counted from March, so that the leap day is a year's last.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = year.saturating_sub(i64::from(month <= 2));
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era.saturating_mul(146_097)
        .saturating_add(day_of_era - 719_468)
}

/// The inverse of [`days_from_civil`], for days of [`Civil::from_unix`].
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

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use proptest::prelude::*;

    #[test]
    fn days_that_are_known() {
        for (text, seconds) in [
            ("1970-01-01T00:00:00", 0),
            ("1969-12-31T23:59:59", -1),
            ("2000-02-29T12:00:00", 951_825_600),
            ("1900-03-01T00:00:00", -2_203_891_200),
            ("2024-02-29T23:59:59", 1_709_251_199),
            ("0000-01-01T00:00:00", -62_167_219_200),
        ] {
            assert_eq!(Civil::from_unix(seconds).to_string(), text);
            assert_eq!(Civil::from_unix(seconds).to_unix(), seconds);
        }
    }

    proptest! {
        #[test]
        fn any_second_comes_back(seconds: i64) {
            prop_assert_eq!(Civil::from_unix(seconds).to_unix(), seconds);
        }

        #[test]
        fn nothing_overflows(year: i64, month: u8, day: u8, hour: u8, minute: u8, second: u8) {
            let civil = Civil { year, month, day, hour, minute, second };
            let _ = civil.to_unix();
        }
    }
}
