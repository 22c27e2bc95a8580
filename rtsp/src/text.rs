//! Pieces of text that know where they stand, for errors that say so.

use crate::Error;

/// What is left of a header's value.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Text<'a> {
    pub(crate) rest: &'a str,
    /// Where `rest` begins in the value.
    pub(crate) offset: usize,
}

impl<'a> Text<'a> {
    pub(crate) const fn new(value: &'a str) -> Self {
        Self {
            rest: value,
            offset: 0,
        }
    }

    /// The error for what is left.
    pub(crate) fn invalid(self, field: &'static str) -> Error {
        Error::invalid(field, self.rest, self.offset)
    }

    fn from(self, rest: &'a str) -> Self {
        let offset = self.offset + self.rest.len().saturating_sub(rest.len());
        Self { rest, offset }
    }

    pub(crate) fn trim(self) -> Self {
        let start = self.rest.trim_start();
        let at = self.from(start);
        Self {
            rest: start.trim_end(),
            ..at
        }
    }

    /// The parts before and after the first `separator`; where there is none, everything and `None`. Both are trimmed.
    pub(crate) fn split(self, separator: char) -> (Self, Option<Self>) {
        match self.rest.split_once(separator) {
            Some((before, after)) => {
                let before = Self {
                    rest: before,
                    offset: self.offset,
                };
                (before.trim(), Some(self.from(after).trim()))
            }
            None => (self.trim(), None),
        }
    }

    /// The next part of a list, leaving `self` behind its separator. Separators inside of quotes do not count, nor do empty
    /// parts.
    pub(crate) fn next(&mut self, separator: char) -> Option<Self> {
        loop {
            if self.rest.is_empty() {
                return None;
            }
            let mut quoted = false;
            let mut escaped = false;
            let mut end = None;
            for (at, c) in self.rest.char_indices() {
                match c {
                    _ if escaped => escaped = false,
                    '\\' if quoted => escaped = true,
                    '"' => quoted = !quoted,
                    c if c == separator && !quoted => {
                        end = Some(at);
                        break;
                    }
                    _ => {}
                }
            }
            let part = match end.and_then(|end| self.rest.split_at_checked(end)) {
                Some((part, rest)) => {
                    let part = Self {
                        rest: part,
                        offset: self.offset,
                    };
                    *self = self.from(rest.get(separator.len_utf8()..).unwrap_or_default());
                    part
                }
                None => {
                    let part = *self;
                    *self = self.from("");
                    part
                }
            };
            let part = part.trim();
            if !part.rest.is_empty() {
                return Some(part);
            }
        }
    }

    /// A number and nothing else.
    pub(crate) fn number<T: core::str::FromStr>(self, field: &'static str) -> Result<T, Error> {
        let text = self.trim();
        let digits = text.rest.bytes().all(|byte| byte.is_ascii_digit());
        match text.rest.parse() {
            Ok(number) if digits => Ok(number),
            _ => Err(text.invalid(field)),
        }
    }

    /// Without the quotes around it, if there are any.
    pub(crate) fn unquoted(self) -> &'a str {
        let text = self.trim().rest;
        text.strip_prefix('"')
            .map_or(text, |inner| inner.strip_suffix('"').unwrap_or(inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn lists_know_where_their_parts_are() {
        let mut text = Text::new(" a=1 ;; b=\"x;\\\"y\" ; c");
        let mut parts = Vec::new();
        while let Some(part) = text.next(';') {
            parts.push((part.rest, part.offset));
        }
        assert_eq!(parts, [("a=1", 1), ("b=\"x;\\\"y\"", 8), ("c", 20)]);
        let (name, value) = Text::new("k = v").split('=');
        assert_eq!((name.rest, value.unwrap().rest), ("k", "v"));
        assert_eq!(value.unwrap().offset, 4);
        assert!(Text::new("+5").number::<u32>("n").is_err());
        assert_eq!(Text::new(" 5 ").number::<u32>("n"), Ok(5));
    }
}
