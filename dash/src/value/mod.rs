//! Values of attributes: the simple types of the schema.

mod date_time;
mod duration;
mod list;
mod names;
mod number;

pub use date_time::{DateTime, Zone};
pub use duration::Duration;
pub use list::{AudioSamplingRate, List};
pub use names::{
    ContentEncoding, ContentType, MediaType, PopularitySource, PreselectionOrder, PresentationType,
    ProducerReferenceTimeType, RandomAccessType, SwitchingType, VideoScan,
};
pub use number::{ByteRange, FrameRate, Malformed, Ratio, Sap};

use crate::xml::Writer;
use std::fmt::Display;
use std::io::Write;

/// A simple type.
pub(crate) trait Value: Sized {
    /// What it has to be, in words.
    const EXPECTED: &'static str;

    /// `None` if malformed. White space around it does not count, unless the type is text.
    fn read(text: &str) -> Option<Self>;

    /// Appends it as text.
    fn write(&self, out: &mut Vec<u8>);

    /// As an attribute. What needs no escapes needs nothing else.
    fn write_attribute(&self, name: &str, writer: &mut Writer<'_>) {
        writer.raw_attribute(name, |out| self.write(out));
    }
}

/// Appends what can be displayed.
pub(crate) fn display(value: impl Display, out: &mut Vec<u8>) {
    // Writing to a vector does not fail.
    let _ = write!(out, "{value}");
}

impl Value for String {
    const EXPECTED: &'static str = "text";
    fn read(text: &str) -> Option<Self> {
        Some(text.into())
    }
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.as_bytes());
    }
    fn write_attribute(&self, name: &str, writer: &mut Writer<'_>) {
        writer.attribute(name, self);
    }
}

/// A type by `FromStr` and `Display`.
macro_rules! by_text {
    ($($type:ty, $expected:literal;)*) => {$(
        impl Value for $type {
            const EXPECTED: &'static str = $expected;
            fn read(text: &str) -> Option<Self> {
                text.trim_ascii().parse().ok()
            }
            fn write(&self, out: &mut Vec<u8>) {
                display(self, out);
            }
        }
    )*};
}

by_text! {
    u32, "an integer from 0 to 4294967295 (xs:unsignedInt)";
    u64, "an integer from 0 to 18446744073709551615 (xs:unsignedLong)";
    i64, "an integer of 64 bits (xs:integer)";
    Duration, "a duration such as PT1.5S (xs:duration)";
    DateTime, "a date and time such as 2026-01-01T00:00:00Z (xs:dateTime)";
    ByteRange, "a byte range such as 0-99";
    Ratio, "a ratio such as 16:9";
    FrameRate, "a frame rate such as 25 or 30000/1001";
    Sap, "an integer from 0 to 6";
}

impl Value for bool {
    const EXPECTED: &'static str = "true or false (xs:boolean)";
    fn read(text: &str) -> Option<Self> {
        match text.trim_ascii() {
            "true" | "1" => Some(true),
            "false" | "0" => Some(false),
            _ => None,
        }
    }
    fn write(&self, out: &mut Vec<u8>) {
        display(self, out);
    }
}

impl Value for f64 {
    const EXPECTED: &'static str = "a number, or INF (xs:double)";
    fn read(text: &str) -> Option<Self> {
        let text = text.trim_ascii();
        match text {
            "INF" | "+INF" => Some(f64::INFINITY),
            "-INF" => Some(f64::NEG_INFINITY),
            _ if text
                .bytes()
                .all(|b| matches!(b, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E')) =>
            {
                text.parse().ok()
            }
            _ => None,
        }
    }
    fn write(&self, out: &mut Vec<u8>) {
        if self.is_infinite() {
            out.extend_from_slice(if *self > 0.0 { b"INF" } else { b"-INF" });
        } else {
            display(self, out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_may_be_infinite() {
        assert_eq!(f64::read("INF"), Some(f64::INFINITY));
        assert_eq!(f64::read(" 6.5 "), Some(6.5));
        assert_eq!(f64::read("inf"), None);
        assert_eq!(f64::read("NaN"), None);
        let mut out = Vec::new();
        f64::NEG_INFINITY.write(&mut out);
        assert_eq!(out, b"-INF");
    }

    #[test]
    fn booleans_are_words_or_digits() {
        assert_eq!(bool::read("1"), Some(true));
        assert_eq!(bool::read("false"), Some(false));
        assert_eq!(bool::read("TRUE"), None);
    }
}
