//! Attribute lists (RFC 8216bis §4.2) and the values in them.

use crate::decimal::Decimal;
use crate::{DateTime, Rule};
use core::fmt::{self, Write};

/// An attribute list as it stands in a playlist, checked but not interpreted: what a tag's own fields do not say (an
/// attribute of a later version, an `X-` attribute of a date range) is found here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Attributes<'a>(&'a str);

impl<'a> Attributes<'a> {
    /// Reads an attribute list, for instance the value of a tag that this crate does not know.
    ///
    /// # Errors
    ///
    /// [`Rule::AttributeList`] where an element is not `NAME=VALUE`, or a quote is left open.
    pub fn parse(text: &'a str) -> Result<Self, Rule> {
        let mut walk = Walk::new(text, usize::MAX);
        loop {
            match walk.next() {
                Ok(Some(_)) => {}
                Ok(None) => return Ok(Self(text)),
                Err(_) => return Err(Rule::AttributeList),
            }
        }
    }

    /// The list as text.
    #[must_use]
    pub const fn as_str(self) -> &'a str {
        self.0
    }

    /// The text of an attribute's value, without the quotes of a quoted string. Where a name appears twice, against
    /// the rule, the first counts.
    #[must_use]
    pub fn get(self, name: &str) -> Option<&'a str> {
        self.iter()
            .find(|(key, _)| *key == name)
            .map(|(_, raw)| unquoted(raw))
    }

    /// Names and values in order, quoted strings with their quotes.
    pub fn iter(self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let mut walk = Walk::new(self.0, usize::MAX);
        core::iter::from_fn(move || walk.next().ok().flatten())
    }

    pub(crate) fn has(self, name: &str) -> bool {
        self.iter().any(|(key, _)| key == name)
    }

    pub(crate) const fn unchecked(text: &'a str) -> Self {
        Self(text)
    }
}

/// Reads a list attribute by attribute.
pub(crate) struct Walk<'a> {
    rest: &'a str,
    left: usize,
}

/// Why a line or an attribute list is refused, before the line's number is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    Rule(Rule),
    Attributes,
}

impl From<Rule> for Refused {
    fn from(rule: Rule) -> Self {
        Refused::Rule(rule)
    }
}

impl<'a> Walk<'a> {
    pub(crate) const fn new(text: &'a str, max: usize) -> Self {
        Self {
            rest: text,
            left: max,
        }
    }

    pub(crate) fn next(&mut self) -> Result<Option<(&'a str, &'a str)>, Refused> {
        // Empty elements are passed over: some playlists start their lists with a comma.
        let text = match self.rest.as_bytes() {
            [b' ' | b'\t' | b',', ..] => self.rest.trim_start_matches([',', ' ', '\t']),
            _ => self.rest,
        };
        if text.is_empty() {
            return Ok(None);
        }
        self.left = self.left.checked_sub(1).ok_or(Refused::Attributes)?;
        let malformed = Refused::Rule(Rule::AttributeList);
        let equals = text
            .bytes()
            .position(|byte| matches!(byte, b'=' | b',' | b'"'))
            .ok_or(malformed)?;
        let (name, value) = text.split_at_checked(equals).ok_or(malformed)?;
        let name = name.trim_ascii();
        let value = value.strip_prefix('=').ok_or(malformed)?.trim_ascii_start();
        let end = match value.as_bytes() {
            [b'"', quoted @ ..] => memchr::memchr(b'"', quoted).ok_or(malformed)? + 2,
            unquoted => unquoted
                .iter()
                .position(|byte| *byte == b',')
                .unwrap_or(unquoted.len()),
        };
        if name.is_empty() || end == 0 {
            return Err(malformed);
        }
        let (value, rest) = value.split_at_checked(end).ok_or(malformed)?;
        self.rest = match rest.as_bytes() {
            [] => rest,
            [b',', ..] => rest.get(1..).ok_or(malformed)?,
            _ => {
                let rest = rest.trim_ascii_start();
                match rest.strip_prefix(',') {
                    Some(rest) => rest,
                    None if rest.is_empty() => rest,
                    None => return Err(malformed),
                }
            }
        };
        Ok(Some((name, value.trim_ascii_end())))
    }
}

/// A value of an attribute, as its text in the list.
pub(crate) trait Value<'a>: Sized {
    fn read(raw: &'a str) -> Option<Self>;
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result;
}

/// Writes text that stands between quotes or at the end of a line: what would end it is percent-encoded, so that
/// no text from outside can add attributes or lines.
pub(crate) fn write_text(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    let mut rest = text;
    while let Some(at) = memchr::memchr3(b'"', b'\r', b'\n', rest.as_bytes()) {
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
        write_text(f, self)?;
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
        write_text(f, self.0)
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

        impl<'a> crate::attributes::Value<'a> for $name<'a> {
            fn read(raw: &'a str) -> Option<Self> {
                match crate::attributes::unquoted(raw) {
                    $($text => Some($name::$variant),)*
                    "" => None,
                    other => Some($name::Other(other)),
                }
            }
            fn write(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                crate::attributes::write_text(f, self.as_str())
            }
        }
    };
}

/// Declares a tag that has an attribute list: one field for each attribute that the standard defines.
macro_rules! attribute_tag {
    (
        $(#[$meta:meta])*
        $name:ident<$a:lifetime> {
            $(required { $($(#[$rm:meta])* $r:ident: $rt:ty = $rk:literal,)* })?
            $(optional { $($(#[$om:meta])* $o:ident: $ot:ty = $ok:literal,)* })?
            $(flags { $($(#[$fm:meta])* $fl:ident = $fk:literal,)* })?
        }
        $($check:ident)?
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct $name<$a> {
            $($($(#[$rm])* pub $r: $rt,)*)?
            $($($(#[$om])* pub $o: Option<$ot>,)*)?
            $($($(#[$fm])* pub $fl: bool,)*)?
            /// The whole list as it was read, empty for a tag made anew. Writing keeps its order and the attributes
            /// that are no field of this struct.
            pub attributes: crate::Attributes<$a>,
        }

        impl<$a> $name<$a> {
            /// With nothing but what is required.
            #[allow(clippy::new_without_default)]
            #[must_use]
            pub const fn new($($($r: $rt,)*)?) -> Self {
                Self {
                    $($($r,)*)?
                    $($($o: None,)*)?
                    $($($fl: false,)*)?
                    attributes: crate::Attributes::unchecked(""),
                }
            }
        }

        impl<$a> crate::tag::TagValue<$a> for $name<$a> {
            fn read(text: &$a str, limits: &crate::Limits) -> Result<Self, crate::attributes::Refused> {
                #[allow(unused_imports)]
                use crate::attributes::{Value, Walk, field};
                $($(let mut $r: Option<$rt> = None;)*)?
                $($(let mut $o: Option<$ot> = None;)*)?
                $($(let mut $fl: Option<bool> = None;)*)?
                let mut walk = Walk::new(text, limits.attributes);
                while let Some((key, _raw)) = walk.next()? {
                    match key {
                        $($($rk => field(&mut $r, $rk, _raw)?,)*)?
                        $($($ok => field(&mut $o, $ok, _raw)?,)*)?
                        $($($fk => field(&mut $fl, $fk, _raw)?,)*)?
                        _ => {}
                    }
                }
                let read = Self {
                    $($($r: $r.ok_or(crate::Rule::MissingAttribute($rk))?,)*)?
                    $($($o,)*)?
                    $($($fl: $fl.unwrap_or(false),)*)?
                    attributes: crate::Attributes::unchecked(text),
                };
                $(read.$check()?;)?
                Ok(read)
            }
        }

        impl core::fmt::Display for $name<'_> {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                #[allow(unused_imports)]
                use crate::attributes::{List, Value};
                let mut list = List::default();
                for (key, raw) in self.attributes.iter() {
                    match key {
                        $($($rk => list.put(f, key, &self.$r)?,)*)?
                        $($($ok => if let Some(value) = &self.$o {
                            list.put(f, key, value)?;
                        })*)?
                        $($($fk => list.put(f, key, &self.$fl)?,)*)?
                        _ => list.put_raw(f, key, raw)?,
                    }
                }
                $($(if !self.attributes.has($rk) {
                    list.put(f, $rk, &self.$r)?;
                })*)?
                $($(if let Some(value) = &self.$o && !self.attributes.has($ok) {
                    list.put(f, $ok, value)?;
                })*)?
                $($(if self.$fl && !self.attributes.has($fk) {
                    list.put(f, $fk, &true)?;
                })*)?
                Ok(())
            }
        }
    };
}

pub(crate) use {attribute_tag, enumerated};

/// Fills the field of an attribute, unless it was there before.
pub(crate) fn field<'a, T: Value<'a>>(
    slot: &mut Option<T>,
    name: &'static str,
    raw: &'a str,
) -> Result<(), Rule> {
    if slot.is_none() {
        *slot = Some(T::read(raw).ok_or(Rule::Attribute(name))?);
    }
    Ok(())
}

/// Writes a list attribute by attribute.
#[derive(Default)]
pub(crate) struct List {
    begun: bool,
}

impl List {
    pub(crate) fn put<'a>(
        &mut self,
        f: &mut fmt::Formatter<'_>,
        name: &str,
        value: &impl Value<'a>,
    ) -> fmt::Result {
        self.name(f, name)?;
        value.write(f)
    }

    pub(crate) fn put_raw(
        &mut self,
        f: &mut fmt::Formatter<'_>,
        name: &str,
        raw: &str,
    ) -> fmt::Result {
        self.name(f, name)?;
        f.write_str(raw)
    }

    fn name(&mut self, f: &mut fmt::Formatter<'_>, name: &str) -> fmt::Result {
        if self.begun {
            f.write_char(',')?;
        }
        self.begun = true;
        f.write_str(name)?;
        f.write_char('=')
    }
}
