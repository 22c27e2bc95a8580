use core::fmt;
use core::time::Duration;

const POW10: [i64; 10] = [
    1,
    10,
    100,
    1000,
    10_000,
    100_000,
    1_000_000,
    10_000_000,
    100_000_000,
    1_000_000_000,
];

/// A decimal number of seconds (or of frames, or a score): billionths and the number of digits after the point, so
/// that it is written as it was read (decimal-floating-point and signed-decimal-floating-point, RFC 8216bis §4.2).
///
/// Digits past the ninth are dropped.
///
/// ```
/// use fluvial_hls::Decimal;
///
/// let duration: Decimal = "5.96000".parse().unwrap();
/// assert_eq!(duration.as_nanos(), 5_960_000_000);
/// assert_eq!(duration.to_string(), "5.96000");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Decimal {
    nanos: i64,
    digits: u8,
}

impl Decimal {
    /// A number of billionths, rounded to this many digits after the point, of which there are nine at most.
    #[must_use]
    pub fn rounded(nanos: i64, digits: u8) -> Self {
        let digits = digits.min(9);
        let unit = pow10(9 - digits);
        let half = if nanos < 0 { -(unit / 2) } else { unit / 2 };
        let sum = nanos.saturating_add(half);
        Self {
            nanos: sum - sum.checked_rem(unit).unwrap_or(0),
            digits,
        }
    }

    /// A number of billionths, with no more digits than it needs.
    #[must_use]
    pub fn from_nanos(nanos: i64) -> Self {
        let mut digits = 9;
        while digits > 0 && nanos.checked_rem(pow10(10 - digits)) == Some(0) {
            digits -= 1;
        }
        Self { nanos, digits }
    }

    /// In billionths: nanoseconds, for a number of seconds.
    #[must_use]
    pub const fn as_nanos(self) -> i64 {
        self.nanos
    }

    /// Digits after the point, 0 to 9.
    #[must_use]
    pub const fn digits(self) -> u8 {
        self.digits
    }

    /// As a span of seconds; `None` if negative.
    #[must_use]
    pub const fn to_duration(self) -> Option<Duration> {
        if self.nanos < 0 {
            None
        } else {
            Some(Duration::from_nanos(self.nanos.unsigned_abs()))
        }
    }

    /// Rounded to the nearest integer, halves up, as `EXT-X-TARGETDURATION` compares durations (§4.4.3.1); 0 if negative.
    #[must_use]
    pub fn round(self) -> u64 {
        u64::try_from(self.nanos.saturating_add(500_000_000) / 1_000_000_000).unwrap_or(0)
    }

    /// The number that `bytes` start with, and the rest.
    #[inline]
    pub(crate) fn read(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (negative, unsigned) = match bytes {
            [b'-', rest @ ..] => (true, rest),
            _ => (false, bytes),
        };
        let (whole, n, mut rest) = read_digits::<10>(unsigned);
        let mut fraction = 0;
        let mut digits = 0;
        if let [b'.', after @ ..] = rest {
            (fraction, digits, rest) = read_digits::<9>(after);
            while let [b'0'..=b'9', after @ ..] = rest {
                rest = after;
            }
        }
        // Ten digits are the most that a whole part can have without overflow; an eleventh is left in `rest`.
        if n + digits == 0 || rest.first().is_some_and(u8::is_ascii_digit) {
            return None;
        }
        let fraction = fraction * pow10(9 - digits);
        let nanos = whole.checked_mul(pow10(9))?.checked_add(fraction)?;
        let nanos = if negative { -nanos } else { nanos };
        Some((Self { nanos, digits }, rest))
    }
}

fn pow10(digits: u8) -> i64 {
    POW10.get(usize::from(digits)).copied().unwrap_or(1)
}

/// Up to `MAX` digits: their value, how many they are, what follows.
#[inline]
fn read_digits<const MAX: u8>(mut bytes: &[u8]) -> (i64, u8, &[u8]) {
    let mut value = 0;
    let mut digits = 0;
    while let [digit @ b'0'..=b'9', rest @ ..] = bytes {
        if digits == MAX {
            break;
        }
        value = value * 10 + i64::from(digit - b'0');
        digits += 1;
        bytes = rest;
    }
    (value, digits, bytes)
}

impl From<Duration> for Decimal {
    /// Saturates at 292 years.
    fn from(span: Duration) -> Self {
        Self::from_nanos(i64::try_from(span.as_nanos()).unwrap_or(i64::MAX))
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Digit by digit from the end: `write!` takes several times as long, and a playlist has thousands of these.
        let mut text = [0_u8; 24];
        let mut space = text.iter_mut().rev();
        let mut put = |byte: u8| {
            if let Some(place) = space.next() {
                *place = byte;
            }
        };
        let mut number = self.nanos.unsigned_abs() / pow10(9 - self.digits).unsigned_abs();
        let mut length = 0;
        loop {
            put(b'0' + u8::try_from(number % 10).unwrap_or(0));
            number /= 10;
            length += 1;
            if length == self.digits {
                put(b'.');
            }
            if number == 0 && length > self.digits {
                break;
            }
        }
        if self.nanos < 0 {
            put(b'-');
        }
        let written = text
            .iter()
            .position(|byte| *byte != 0)
            .and_then(|start| text.get(start..));
        f.write_str(
            written
                .and_then(|digits| core::str::from_utf8(digits).ok())
                .unwrap_or("0"),
        )
    }
}

/// What was to be a value of a playlist and is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("malformed value")]
pub struct Malformed;

impl core::str::FromStr for Decimal {
    type Err = Malformed;
    fn from_str(text: &str) -> Result<Self, Malformed> {
        match Self::read(text.as_bytes()) {
            Some((number, [])) => Ok(number),
            _ => Err(Malformed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use proptest::prelude::*;

    #[test]
    fn written_as_read() {
        for text in [
            "0",
            "10",
            "9.00000",
            "-12.5",
            "0.040",
            "9223372036.854775807",
        ] {
            assert_eq!(text.parse::<Decimal>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn malformed() {
        for text in [
            "",
            ".",
            "-",
            "1e3",
            "+1",
            "NaN",
            "99999999999",
            "9999999999",
            "1.2.3",
            " 1",
        ] {
            assert_eq!(text.parse::<Decimal>(), Err(Malformed), "{text}");
        }
    }

    #[test]
    fn rounding() {
        assert_eq!(Decimal::rounded(1_999_999_999, 6).to_string(), "2.000000");
        assert_eq!(Decimal::rounded(-1_500_000_000, 0).to_string(), "-2");
        assert_eq!(Decimal::from_nanos(2_002_000_000).to_string(), "2.002");
        assert_eq!("6.5".parse::<Decimal>().unwrap().round(), 7);
        assert_eq!("6.499999999".parse::<Decimal>().unwrap().round(), 6);
    }

    proptest! {
        #[test]
        fn exact(nanos: i64) {
            let number = Decimal::from_nanos(nanos);
            prop_assert_eq!(number.as_nanos(), nanos);
            if nanos != i64::MIN {
                prop_assert_eq!(number.to_string().parse::<Decimal>(), Ok(number));
            }
        }
    }
}
