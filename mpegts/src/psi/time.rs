use super::descriptor::Field;
use crate::Error;
use core::fmt;
use wire::{Reader, Writer};

/// A time of the day in UTC, or local (ETSI EN 300 468 Annex C): the day in 16 bits, then hours, minutes and seconds of two decimal
/// digits each.
///
/// ```
/// use fluvial_mpegts::psi::DvbTime;
///
/// // The example of Annex C: 1993-10-13 12:45:00.
/// let time = DvbTime::from_bytes([0xC0, 0x79, 0x12, 0x45, 0x00]);
/// assert_eq!(time.unix(), Some(750_516_300));
/// assert_eq!(time.to_string(), "1993-10-13 12:45:00");
/// assert_eq!(DvbTime::from_unix(750_516_300), Some(time));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DvbTime([u8; 5]);

/// A duration: hours, minutes and seconds of two decimal digits each.
///
/// ```
/// use fluvial_mpegts::psi::DvbDuration;
///
/// let duration = DvbDuration::from_bytes([0x01, 0x45, 0x30]);
/// assert_eq!(duration.seconds(), Some(6330));
/// assert_eq!(DvbDuration::from_seconds(6330), Some(duration));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DvbDuration([u8; 3]);

/// The modified Julian date of 1970-01-01.
const UNIX_EPOCH: i64 = 40_587;
const DAY: i64 = 86_400;

/// The number of two decimal digits; `None` where they are none.
const fn from_bcd(byte: u8) -> Option<u8> {
    match (byte >> 4, byte & 0xF) {
        (tens @ 0..=9, ones @ 0..=9) => Some(tens * 10 + ones),
        _ => None,
    }
}

/// A number below 100 as two decimal digits.
const fn to_bcd(number: u8) -> u8 {
    ((number / 10 % 10) << 4) | (number % 10)
}

fn hms(bytes: [u8; 3]) -> Option<u32> {
    let [hours, minutes, seconds] = bytes.map(from_bcd);
    Some(u32::from(hours?) * 3600 + u32::from(minutes?) * 60 + u32::from(seconds?))
}

fn from_hms(seconds: u32) -> Option<[u8; 3]> {
    let hours = u8::try_from(seconds / 3600)
        .ok()
        .filter(|hours| *hours < 100)?;
    let minutes = u8::try_from(seconds / 60 % 60).ok()?;
    let seconds = u8::try_from(seconds % 60).ok()?;
    Some([hours, minutes, seconds].map(to_bcd))
}

impl DvbTime {
    /// No time: all bits are 1.
    pub const UNDEFINED: DvbTime = DvbTime([0xFF; 5]);

    /// From its 40 bits.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 5]) -> Self {
        Self(bytes)
    }

    /// Its 40 bits.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 5] {
        self.0
    }

    /// From seconds since 1970-01-01; `None` before 1858-11-17 and after 2038-04-22, where the 16 bits end.
    #[must_use]
    pub fn from_unix(seconds: i64) -> Option<Self> {
        let day = seconds.div_euclid(DAY).checked_add(UNIX_EPOCH)?;
        let [high, low] = u16::try_from(day).ok()?.to_be_bytes();
        let [h, m, s] = from_hms(u32::try_from(seconds.rem_euclid(DAY)).ok()?)?;
        Some(Self([high, low, h, m, s]))
    }

    /// Seconds since 1970-01-01; `None` where it is undefined or has digits that are none.
    #[must_use]
    pub fn unix(self) -> Option<i64> {
        let [high, low, time @ ..] = self.0;
        let day = i64::from(u16::from_be_bytes([high, low])) - UNIX_EPOCH;
        Some(day * DAY + i64::from(hms(time)?))
    }
}

impl DvbDuration {
    /// Not told: all bits are 1.
    pub const UNDEFINED: DvbDuration = DvbDuration([0xFF; 3]);

    /// From its 24 bits.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 3]) -> Self {
        Self(bytes)
    }

    /// Its 24 bits.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 3] {
        self.0
    }

    /// From seconds; `None` from 100 hours on.
    #[must_use]
    pub fn from_seconds(seconds: u32) -> Option<Self> {
        from_hms(seconds).map(Self)
    }

    /// In seconds; `None` where it is undefined or has digits that are none.
    #[must_use]
    pub fn seconds(self) -> Option<u32> {
        hms(self.0)
    }
}

impl fmt::Display for DvbTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(seconds) = self.unix() else {
            return f.write_str("undefined");
        };
        // Days to a date of the Gregorian calendar, by eras of 400 years which begin on the first of March.
        let days = seconds.div_euclid(DAY) + 719_468;
        let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
        let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
        let day = day - (365 * year + year / 4 - year / 100);
        let month = (5 * day + 2) / 153;
        let (date, month) = (day - (153 * month + 2) / 5 + 1, (month + 2) % 12 + 1);
        let year = year + era * 400 + i64::from(month <= 2);
        let time = seconds.rem_euclid(DAY);
        let (hours, minutes, seconds) = (time / 3600, time / 60 % 60, time % 60);
        write!(
            f,
            "{year:04}-{month:02}-{date:02} {hours:02}:{minutes:02}:{seconds:02}"
        )
    }
}

impl fmt::Debug for DvbTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DvbTime({self})")
    }
}

impl fmt::Debug for DvbDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [h, m, s] = self.0;
        write!(f, "DvbDuration({h:02x}:{m:02x}:{s:02x})")
    }
}

impl Field for DvbTime {
    fn get(r: &mut Reader<'_>, what: &'static str) -> Result<Self, Error> {
        Ok(Self(*r.array(what)?))
    }
    fn put(&self, w: &mut Writer<'_>, _: &'static str) -> Result<(), Error> {
        w.bytes(&self.0);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_no_time() {
        assert_eq!(DvbTime::UNDEFINED.unix(), None);
        assert_eq!(DvbTime::UNDEFINED.to_string(), "undefined");
        assert_eq!(DvbDuration::UNDEFINED.seconds(), None);
        assert_eq!(DvbDuration::from_seconds(360_000), None);
        assert_eq!(DvbTime::from_unix(i64::MAX), None);
        let leap = DvbTime::from_unix(951_782_400).unwrap();
        assert_eq!(leap.to_string(), "2000-02-29 00:00:00");
    }

    proptest! {
        #[test]
        fn times_round_trip(seconds in -3_506_716_800i64..2_155_507_200) {
            prop_assert_eq!(DvbTime::from_unix(seconds).unwrap().unix(), Some(seconds));
        }

        #[test]
        fn durations_round_trip(seconds in 0u32..360_000) {
            prop_assert_eq!(DvbDuration::from_seconds(seconds).unwrap().seconds(), Some(seconds));
        }
    }
}
