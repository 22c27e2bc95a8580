//! Attribute lists (RFC 8216bis §4.2).

use crate::Rule;
use crate::value::{Value, unquoted};
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
                use crate::attributes::{Walk, field};
                #[allow(unused_imports)]
                use crate::value::Value;
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
                use crate::attributes::List;
                #[allow(unused_imports)]
                use crate::value::Value;
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

pub(crate) use attribute_tag;

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
