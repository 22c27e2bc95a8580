use super::number::Malformed;
use std::fmt;
use std::str::FromStr;

const NANOS_PER_SECOND: u128 = 1_000_000_000;

/// A span of time (`xs:duration`, ISO 8601): months, and nanoseconds. Digits past the ninth are dropped.
///
/// ```
/// use fluvial_dash::Duration;
///
/// let duration: Duration = "PT1H2M3.5S".parse()?;
/// assert_eq!(duration.to_std(), Some(core::time::Duration::from_millis(3_723_500)));
/// assert_eq!(duration.to_string(), "PT1H2M3.5S");
/// # Ok::<(), fluvial_dash::Malformed>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Duration {
    negative: bool,
    months: u32,
    nanos: u128,
}

impl Duration {
    /// Nothing.
    pub const ZERO: Duration = Duration {
        negative: false,
        months: 0,
        nanos: 0,
    };

    /// From nanoseconds.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self {
            negative: false,
            months: 0,
            nanos: nanos as u128,
        }
    }

    /// In nanoseconds, 0 if negative; saturates. A year has 365 days here, a month 30.
    #[must_use]
    pub fn as_nanos(self) -> u64 {
        if self.negative {
            return 0;
        }
        let months = u128::from(self.months);
        let days = (months / 12) * 365 + (months % 12) * 30;
        let nanos = self.nanos.saturating_add(days * 86_400 * NANOS_PER_SECOND);
        u64::try_from(nanos).unwrap_or(u64::MAX)
    }

    /// As a span of seconds; `None` if negative. A year has 365 days here, a month 30.
    #[must_use]
    pub fn to_std(self) -> Option<core::time::Duration> {
        let nanos = self.as_nanos();
        (!self.negative).then_some(core::time::Duration::from_nanos(nanos))
    }
}

impl From<core::time::Duration> for Duration {
    fn from(span: core::time::Duration) -> Self {
        Self {
            nanos: span.as_nanos(),
            ..Self::default()
        }
    }
}

impl FromStr for Duration {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let (negative, text) = match text.strip_prefix('-') {
            Some(text) => (true, text),
            None => (false, text),
        };
        let text = text.strip_prefix('P').ok_or(Malformed)?;
        let (date, time) = match text.split_once('T') {
            Some((_, "")) => return Err(Malformed),
            Some((date, time)) => (date, time),
            None => (text, ""),
        };
        if date.is_empty() && time.is_empty() {
            return Err(Malformed);
        }
        let mut months = 0_u32;
        let mut nanos = 0_u128;
        let mut units = [('Y', 12, 0), ('M', 1, 0), ('D', 0, 86_400)].iter();
        let mut rest = date;
        while !rest.is_empty() {
            let (number, unit, after) = component(rest)?;
            let (_, per_month, per_second) =
                units.find(|(name, ..)| *name == unit).ok_or(Malformed)?;
            let number: u32 = super::number::digits(number)?;
            let more = number.checked_mul(*per_month).ok_or(Malformed)?;
            months = months.checked_add(more).ok_or(Malformed)?;
            nanos += u128::from(number) * per_second * NANOS_PER_SECOND;
            rest = after;
        }
        let mut units = [('H', 3600), ('M', 60), ('S', 1)].iter();
        rest = time;
        while !rest.is_empty() {
            let (number, unit, after) = component(rest)?;
            let (_, seconds) = units.find(|(name, _)| *name == unit).ok_or(Malformed)?;
            let (whole, fraction) = match number.split_once('.') {
                Some((whole, fraction)) if unit == 'S' => (whole, fraction),
                Some(_) => return Err(Malformed),
                None => (number, ""),
            };
            // A number of seconds may start with its point in the wild.
            let whole: u64 = if whole.is_empty() && !fraction.is_empty() {
                0
            } else {
                super::number::digits(whole)?
            };
            nanos += u128::from(whole) * seconds * NANOS_PER_SECOND;
            nanos += u128::from(billionths(fraction)?);
            rest = after;
        }
        let negative = negative && (months > 0 || nanos > 0);
        Ok(Self {
            negative,
            months,
            nanos,
        })
    }
}

/// A number and its unit, and what follows.
fn component(text: &str) -> Result<(&str, char, &str), Malformed> {
    let at = text
        .find(|c: char| c.is_ascii_alphabetic())
        .ok_or(Malformed)?;
    let (number, rest) = text.split_at_checked(at).ok_or(Malformed)?;
    let mut chars = rest.chars();
    let unit = chars.next().ok_or(Malformed)?;
    Ok((number, unit, chars.as_str()))
}

/// What the digits after a point are worth.
pub(crate) fn billionths(fraction: &str) -> Result<u32, Malformed> {
    let mut value = 0;
    let mut digits = 0;
    for digit in fraction.chars() {
        let digit = digit.to_digit(10).ok_or(Malformed)?;
        if digits < 9 {
            value = value * 10 + digit;
            digits += 1;
        }
    }
    Ok(value * 10_u32.pow(9 - digits))
}

/// The digits after a point, without those that say nothing.
pub(crate) fn write_fraction(f: &mut fmt::Formatter<'_>, billionths: u32) -> fmt::Result {
    if billionths == 0 {
        return Ok(());
    }
    let digits = format!("{billionths:09}");
    write!(f, ".{}", digits.trim_end_matches('0'))
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.negative {
            f.write_str("-")?;
        }
        f.write_str("P")?;
        let (years, months) = (self.months / 12, self.months % 12);
        if years > 0 {
            write!(f, "{years}Y")?;
        }
        if months > 0 {
            write!(f, "{months}M")?;
        }
        if self.nanos == 0 {
            return f.write_str(if self.months == 0 { "T0S" } else { "" });
        }
        f.write_str("T")?;
        let seconds = self.nanos / NANOS_PER_SECOND;
        let fraction = u32::try_from(self.nanos % NANOS_PER_SECOND).unwrap_or(0);
        let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        if hours > 0 {
            write!(f, "{hours}H")?;
        }
        if minutes > 0 {
            write!(f, "{minutes}M")?;
        }
        if seconds > 0 || fraction > 0 {
            write!(f, "{seconds}")?;
            write_fraction(f, fraction)?;
            f.write_str("S")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn forms() {
        for (text, nanos, written) in [
            ("PT0S", 0, "PT0S"),
            ("P0Y0M0DT0H3M30.000S", 210_000_000_000, "PT3M30S"),
            (
                "PT95725984.571S",
                95_725_984_571_000_000,
                "PT26590H33M4.571S",
            ),
            ("P1DT1S", 86_401_000_000_000, "PT24H1S"),
            ("PT.5S", 500_000_000, "PT0.5S"),
            ("P1Y1M", 395 * 86_400_000_000_000, "P1Y1M"),
            ("-PT2S", 0, "-PT2S"),
        ] {
            let duration: Duration = text.parse().unwrap();
            assert_eq!(duration.as_nanos(), nanos, "{text}");
            assert_eq!(duration.to_string(), written, "{text}");
        }
        for malformed in [
            "", "P", "PT", "P1", "PT1", "1S", "PT1S2M", "PT1.5M", "PT1SX", "P1S", "PT+1S", "PTS",
        ] {
            assert_eq!(malformed.parse::<Duration>(), Err(Malformed), "{malformed}");
        }
    }

    proptest! {
        #[test]
        fn any_is_written_and_read(months in 0_u32..100_000, nanos: u64, negative: bool) {
            let negative = negative && (months > 0 || nanos > 0);
            let duration = Duration { negative, months, nanos: nanos.into() };
            prop_assert_eq!(duration.to_string().parse::<Duration>(), Ok(duration));
        }

        #[test]
        fn no_text_panics(text in "[-PYMDTHS0-9.]{0,20}") {
            let _ = text.parse::<Duration>();
        }
    }
}
