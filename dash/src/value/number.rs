use std::fmt;
use std::str::FromStr;

/// Malformed text, in [`FromStr`] of the values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("malformed")]
pub struct Malformed;

/// Bytes of a resource, both ends included (`SingleRFC7233RangeType`, RFC 7233 §2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ByteRange {
    /// First byte, from 0.
    pub first: u64,
    /// Last byte; `None` for all that follow.
    pub last: Option<u64>,
}

impl ByteRange {
    /// How many bytes; `None` if it has no end.
    #[must_use]
    pub fn length(&self) -> Option<u64> {
        let last = self.last?;
        Some(last.checked_sub(self.first)?.saturating_add(1))
    }
}

impl FromStr for ByteRange {
    type Err = Malformed;
    fn from_str(text: &str) -> Result<Self, Malformed> {
        let (first, last) = text.split_once('-').ok_or(Malformed)?;
        let first = digits(first)?;
        let last = if last.is_empty() {
            None
        } else {
            Some(digits(last)?)
        };
        if last.is_some_and(|last| last < first) {
            return Err(Malformed);
        }
        Ok(Self { first, last })
    }
}

impl fmt::Display for ByteRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-", self.first)?;
        self.last.map_or(Ok(()), |last| last.fmt(f))
    }
}

/// A ratio of width to height (`RatioType`), such as `16:9`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ratio {
    /// Width.
    pub x: u32,
    /// Height.
    pub y: u32,
}

impl FromStr for Ratio {
    type Err = Malformed;
    fn from_str(text: &str) -> Result<Self, Malformed> {
        let (x, y) = text.split_once(':').ok_or(Malformed)?;
        Ok(Self {
            x: digits(x)?,
            y: digits(y)?,
        })
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.x, self.y)
    }
}

/// Frames per second (`FrameRateType`), such as `25` or `30000/1001`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FrameRate {
    /// Frames.
    pub frames: u32,
    /// Seconds that they last; `None` where it is not written, for one.
    pub seconds: Option<u32>,
}

impl FromStr for FrameRate {
    type Err = Malformed;
    fn from_str(text: &str) -> Result<Self, Malformed> {
        let (frames, seconds) = match text.split_once('/') {
            Some((_, seconds)) if seconds.starts_with('0') => return Err(Malformed),
            Some((frames, seconds)) => (frames, Some(digits(seconds)?)),
            None => (text, None),
        };
        Ok(Self {
            frames: digits(frames)?,
            seconds,
        })
    }
}

impl fmt::Display for FrameRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.frames.fmt(f)?;
        self.seconds
            .map_or(Ok(()), |seconds| write!(f, "/{seconds}"))
    }
}

/// A type of stream access points (`SAPType`, ISO/IEC 14496-12 Annex I): 0 to 6, where 0 says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Sap(u8);

impl Sap {
    /// `None` above 6.
    #[must_use]
    pub const fn new(kind: u8) -> Option<Self> {
        if kind <= 6 { Some(Self(kind)) } else { None }
    }

    /// The number, 0 to 6.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl FromStr for Sap {
    type Err = Malformed;
    fn from_str(text: &str) -> Result<Self, Malformed> {
        Self::new(digits(text)?).ok_or(Malformed)
    }
}

impl fmt::Display for Sap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A number that is nothing but digits.
pub(crate) fn digits<T: FromStr>(text: &str) -> Result<T, Malformed> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Malformed);
    }
    text.parse().map_err(|_| Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        let range: ByteRange = "862-9000".parse().unwrap();
        assert_eq!(range.length(), Some(8139));
        assert_eq!("5-".parse::<ByteRange>().unwrap().to_string(), "5-");
        for malformed in ["", "-", "-5", "7-3", "1-x", "+1-2"] {
            assert_eq!(
                malformed.parse::<ByteRange>(),
                Err(Malformed),
                "{malformed}"
            );
        }
        let rate: FrameRate = "30000/1001".parse().unwrap();
        assert_eq!((rate.frames, rate.seconds), (30_000, Some(1001)));
        assert_eq!("25/0".parse::<FrameRate>(), Err(Malformed));
        assert_eq!("29.97".parse::<FrameRate>(), Err(Malformed));
        assert_eq!("7".parse::<Sap>(), Err(Malformed));
        assert_eq!("16:9".parse::<Ratio>().unwrap().to_string(), "16:9");
    }
}
