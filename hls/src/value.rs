//! The values of attributes (RFC 8216bis §4.2).

use crate::DateTime;
use crate::decimal::Decimal;
use core::fmt::{self, Write};

/// A value of an attribute, as its text in the list.
pub(crate) trait Value<'a>: Sized {
    fn read(raw: &'a str) -> Option<Self>;
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result;
}

/// What would end a line.
pub(crate) const LINE: &[u8] = b"\r\n";
/// What would end a quoted string.
const QUOTED: &[u8] = b"\"\r\n";
/// What would end a value without quotes.
const UNQUOTED: &[u8] = b",\"\r\n";

/// Writes text with these characters percent-encoded, so that no text from outside can add attributes or lines.
pub(crate) fn write_encoded(f: &mut fmt::Formatter<'_>, text: &str, special: &[u8]) -> fmt::Result {
    let mut rest = text;
    while let Some(at) = rest.bytes().position(|byte| special.contains(&byte)) {
        let (before, after) = rest.split_at_checked(at).unwrap_or((rest, ""));
        f.write_str(before)?;
        let mut chars = after.chars();
        if let Some(special) = chars.next() {
            write!(f, "%{:02X}", u32::from(special))?;
        }
        rest = chars.as_str();
    }
    f.write_str(rest)
}

/// Writes a value that has no quotes.
pub(crate) fn write_unquoted(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    write_encoded(f, text, UNQUOTED)
}

/// Without the quotes around it, if there are any. Some playlists quote what they should not, or the other way round;
/// where both forms mean the same, both are taken.
pub(crate) fn unquoted(raw: &str) -> &str {
    let inner = raw
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    inner.unwrap_or(raw)
}

/// A quoted string.
impl<'a> Value<'a> for &'a str {
    fn read(raw: &'a str) -> Option<Self> {
        Some(unquoted(raw))
    }
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        write_encoded(f, self, QUOTED)?;
        f.write_char('"')
    }
}

/// A decimal-integer.
impl Value<'_> for u64 {
    fn read(raw: &str) -> Option<Self> {
        read_integer(unquoted(raw))
    }
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Digits only: `str::parse` would take a plus sign.
pub(crate) fn read_integer(text: &str) -> Option<u64> {
    if text.starts_with('+') {
        return None;
    }
    text.parse().ok()
}

impl Value<'_> for Decimal {
    fn read(raw: &str) -> Option<Self> {
        unquoted(raw).parse().ok()
    }
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Value<'_> for bool {
    fn read(raw: &str) -> Option<Self> {
        match unquoted(raw) {
            "YES" => Some(true),
            "NO" => Some(false),
            _ => None,
        }
    }
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if *self { "YES" } else { "NO" })
    }
}

impl Value<'_> for DateTime {
    fn read(raw: &str) -> Option<Self> {
        unquoted(raw).parse().ok()
    }
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

/// Some bytes of a resource (`EXT-X-BYTERANGE` §4.4.4.2, and the `BYTERANGE` attributes).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ByteRange {
    /// How many bytes.
    pub length: u64,
    /// First byte; `None`: the byte after the range before it in the playlist.
    pub offset: Option<u64>,
}

impl ByteRange {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (length, offset) = match text.split_once('@') {
            Some((length, "")) => (length, None),
            Some((length, offset)) => (length, Some(read_integer(offset)?)),
            None => (text, None),
        };
        Some(Self {
            length: read_integer(length)?,
            offset,
        })
    }
}

impl fmt::Display for ByteRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.length)?;
        match self.offset {
            Some(offset) => write!(f, "@{offset}"),
            None => Ok(()),
        }
    }
}

impl Value<'_> for ByteRange {
    fn read(raw: &str) -> Option<Self> {
        Self::parse(unquoted(raw))
    }
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

/// Width and height in pixels (decimal-resolution).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Resolution {
    /// Pixels across.
    pub width: u64,
    /// Pixels down.
    pub height: u64,
}

impl fmt::Display for Resolution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.width, self.height)
    }
}

impl Value<'_> for Resolution {
    fn read(raw: &str) -> Option<Self> {
        let (width, height) = unquoted(raw).split_once(['x', 'X'])?;
        Some(Self {
            width: read_integer(width)?,
            height: read_integer(height)?,
        })
    }
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A hexadecimal-sequence, with its `0x`: an initialization vector, a SCTE-35 section. Kept as text, since it can hold
/// variables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hex<'a>(&'a str);

impl<'a> Hex<'a> {
    /// From text; `None` unless it is `0x` and hexadecimal digits.
    #[must_use]
    pub fn new(text: &'a str) -> Option<Self> {
        let hex = Self(text);
        let digits = hex.digits()?;
        let plain = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        (plain && !digits.is_empty()).then_some(hex)
    }

    fn digits(self) -> Option<&'a str> {
        self.0
            .strip_prefix("0x")
            .or_else(|| self.0.strip_prefix("0X"))
    }

    /// With its `0x`.
    #[must_use]
    pub const fn as_str(self) -> &'a str {
        self.0
    }

    /// As a number of 128 bits, the form of an initialization vector (§4.4.4.4); `None` if it has more, or is no
    /// hexadecimal number.
    #[must_use]
    pub fn to_u128(self) -> Option<u128> {
        let digits = self.digits()?;
        if digits.starts_with('+') {
            return None;
        }
        u128::from_str_radix(digits, 16).ok()
    }
}

impl<'a> Value<'a> for Hex<'a> {
    fn read(raw: &'a str) -> Option<Self> {
        Some(Self(unquoted(raw)))
    }
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_unquoted(f, self.0)
    }
}

/// Declares the values of an enumerated-string; one that the standard does not know is kept.
macro_rules! enumerated {
    ($(#[$meta:meta])* $name:ident { $($(#[$variant_meta:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name<'a> {
            $($(#[$variant_meta])* $variant,)*
            /// A value that the standard does not define.
            Other(&'a str),
        }

        impl<'a> $name<'a> {
            /// As it stands in a playlist.
            #[must_use]
            pub const fn as_str(self) -> &'a str {
                match self {
                    $($name::$variant => $text,)*
                    $name::Other(text) => text,
                }
            }
        }

        impl<'a> crate::value::Value<'a> for $name<'a> {
            fn read(raw: &'a str) -> Option<Self> {
                match crate::value::unquoted(raw) {
                    $($text => Some($name::$variant),)*
                    "" => None,
                    other => Some($name::Other(other)),
                }
            }
            fn write(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                crate::value::write_unquoted(f, self.as_str())
            }
        }
    };
}

pub(crate) use enumerated;
