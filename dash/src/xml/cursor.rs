//! The pieces of an XML document, one after the other, with their offsets and within limits.

use crate::{Error, Limits, Rule};
use quick_xml::Reader;
use quick_xml::events::Event;
use std::borrow::Cow;

/// Walks over a document.
pub(crate) struct Cursor<'a> {
    text: &'a str,
    reader: Reader<&'a [u8]>,
    /// What the names of DASH elements begin with: nothing, or the prefix of the outermost one and a colon.
    prefix: &'a str,
    /// Whether any element but the outermost one may say what names without prefix mean.
    may_redeclare: bool,
    limits: Limits,
    depth: usize,
    memory: usize,
}

/// A piece of a document.
pub(crate) enum Piece<'a> {
    Open(Tag<'a>),
    Close,
    Text(Cow<'a, str>),
    Comment(&'a str),
    Instruction(&'a str),
    End,
}

/// The tag that begins an element.
#[derive(Clone, Copy)]
pub(crate) struct Tag<'a> {
    /// As it is written, with its prefix.
    pub(crate) name: &'a str,
    attributes: &'a str,
    attributes_at: usize,
    /// Where the tag starts.
    pub(crate) offset: usize,
    /// Whether there is nothing in the element, nor a tag at its end.
    pub(crate) empty: bool,
}

impl<'a> Cursor<'a> {
    /// # Errors
    ///
    /// [`Error::Limit`] for the size, [`Rule::Utf8`].
    pub(crate) fn new(document: &'a [u8], limits: &Limits) -> Result<Self, Error> {
        if document.len() > limits.size {
            return Err(Error::limit(limits.size, "bytes", limits.size));
        }
        let text = std::str::from_utf8(document)
            .map_err(|error| Error::invalid(error.valid_up_to(), Rule::Utf8))?;
        // Without the byte order mark, which the reader would drop without counting it.
        let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
        Ok(Self {
            text,
            reader: Reader::from_reader(text.as_bytes()),
            prefix: "",
            may_redeclare: true,
            limits: *limits,
            depth: 0,
            memory: 0,
        })
    }

    /// Byte that comes next.
    pub(crate) fn offset(&self) -> usize {
        self.text.len().saturating_sub(self.rest().len())
    }

    /// What comes next. May be looked at, and [skipped](Self::skip), after a tag.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.reader.get_ref()
    }

    /// Goes on at `rest`, an end of what [`rest`](Self::rest) gave.
    pub(crate) fn skip_to(&mut self, rest: &'a [u8]) {
        *self.reader.get_mut() = rest;
    }

    /// Says which prefix the outermost element has, with its colon, once its tag was read.
    pub(crate) fn set_prefix(&mut self, prefix: &'a str) {
        self.prefix = prefix;
        self.may_redeclare = memchr::memmem::find(self.rest(), b"xmlns=").is_some();
    }

    /// A name of a DASH element as this document writes it.
    pub(crate) fn dash_name(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// The name of a DASH element without its prefix; `None` for an element of another namespace.
    #[inline]
    pub(crate) fn local<'t>(&self, tag: &Tag<'t>) -> Option<&'t str> {
        let local = tag.name.strip_prefix(self.prefix)?;
        let redeclares = || self.may_redeclare && self.prefix.is_empty() && tag.redeclares();
        if local.as_bytes().contains(&b':') || redeclares() {
            return None;
        }
        Some(local)
    }

    /// Counts the memory of an element.
    ///
    /// # Errors
    ///
    /// [`Error::Limit`].
    #[inline]
    pub(crate) fn take_memory(&mut self, bytes: usize) -> Result<(), Error> {
        self.memory = self.memory.saturating_add(bytes);
        if self.memory > self.limits.memory {
            let max = self.limits.memory;
            return Err(Error::limit(self.offset(), "bytes of memory", max));
        }
        Ok(())
    }

    /// Looks whether an element that has this many attributes may have another one.
    ///
    /// # Errors
    ///
    /// [`Error::Limit`].
    pub(crate) fn check_attributes(&self, count: usize) -> Result<(), Error> {
        if count >= self.limits.attributes {
            let max = self.limits.attributes;
            return Err(Error::limit(self.offset(), "attributes", max));
        }
        Ok(())
    }

    /// The next piece. Texts that are only white space are given too.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] for what is not well-formed, [`Error::Limit`].
    pub(crate) fn next(&mut self) -> Result<Piece<'a>, Error> {
        let before = self.offset();
        let event = match self.reader.read_event() {
            Ok(event) => event,
            Err(error) => {
                let what = error.to_string();
                return Err(Error::invalid(before, Rule::WellFormed(what)));
            }
        };
        let after = self.offset();
        Ok(match event {
            Event::Start(start) => {
                self.depth += 1;
                if self.depth > self.limits.depth {
                    return Err(Error::limit(before, "levels", self.limits.depth));
                }
                Piece::Open(self.tag(start.len(), start.name().as_ref().len(), after, false)?)
            }
            Event::Empty(start) => {
                Piece::Open(self.tag(start.len(), start.name().as_ref().len(), after, true)?)
            }
            Event::End(_) => {
                self.depth = self.depth.saturating_sub(1);
                Piece::Close
            }
            Event::Text(text) => {
                let text = text.into_inner();
                // A line ends with one line feed, however it was written (XML 1.0 §2.11).
                Piece::Text(if text.contains('\r') {
                    Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n"))
                } else {
                    text
                })
            }
            Event::CData(data) => Piece::Text(data.into_inner()),
            Event::GeneralRef(reference) => {
                let mut text = String::new();
                push_entity(&reference, &mut text).map_err(|rule| Error::invalid(before, rule))?;
                Piece::Text(Cow::Owned(text))
            }
            Event::Comment(_) => Piece::Comment(self.inner(before, after, "<!--", "-->")),
            Event::PI(_) => Piece::Instruction(self.inner(before, after, "<?", "?>")),
            // The declaration is written anew: documents are always UTF-8.
            Event::Decl(_) => Piece::Text(Cow::Borrowed("")),
            Event::DocType(_) => return Err(Error::invalid(before, Rule::DocumentType)),
            Event::Eof if self.depth > 0 => {
                let what = Rule::WellFormed("the document ends within an element".into());
                return Err(Error::invalid(after, what));
            }
            Event::Eof => Piece::End,
        })
    }

    /// What stands between two marks in this part of the document.
    fn inner(&self, from: usize, to: usize, open: &str, close: &str) -> &'a str {
        let piece = self.text.get(from..to).unwrap_or("");
        // The reader may have passed the `<` already when it gave the text before.
        let open = open.get(1..).unwrap_or("");
        let piece = piece.strip_prefix('<').unwrap_or(piece);
        let piece = piece.strip_prefix(open).unwrap_or(piece);
        piece.strip_suffix(close).unwrap_or(piece)
    }

    /// The tag that ends before `end`, whose inside is `length` bytes long.
    fn tag(&self, length: usize, name: usize, end: usize, empty: bool) -> Result<Tag<'a>, Error> {
        let inside_end = end.saturating_sub(1 + usize::from(empty));
        let inside_at = inside_end.saturating_sub(length);
        let inside = self.text.get(inside_at..inside_end).unwrap_or("");
        let (name, attributes) = inside.split_at_checked(name).unwrap_or((inside, ""));
        let tag = Tag {
            name,
            attributes,
            attributes_at: inside_at.saturating_add(name.len()),
            offset: inside_at.saturating_sub(1),
            empty,
        };
        if !is_name(name) {
            let what = Rule::WellFormed(format!("not a name: {}", excerpt(name)));
            return Err(Error::invalid(tag.offset, what));
        }
        Ok(tag)
    }
}

impl<'a> Tag<'a> {
    /// Whether it says that names without prefix are of another namespace than DASH's.
    fn redeclares(&self) -> bool {
        self.attributes.contains("xmlns=")
            && Attributes::new(self).any(|attribute| {
                attribute.is_ok_and(|(name, value, _)| {
                    name == "xmlns" && !value.to_ascii_lowercase().starts_with("urn:mpeg:dash:")
                })
            })
    }
}

/// The attributes of a tag: name, value as it is written, offset of the value.
pub(crate) struct Attributes<'a> {
    rest: &'a str,
    end: usize,
}

impl<'a> Attributes<'a> {
    pub(crate) const fn new(tag: &Tag<'a>) -> Self {
        Self {
            rest: tag.attributes,
            end: tag.attributes_at + tag.attributes.len(),
        }
    }

    fn attribute(&mut self, rest: &'a str) -> Result<(&'a str, &'a str, usize), Rule> {
        let malformed = || Rule::WellFormed(format!("not an attribute: {}", excerpt(rest)));
        let (name, after) = rest.split_once('=').ok_or_else(malformed)?;
        let name = name.trim_ascii_end();
        let after = after.trim_ascii_start();
        let quote = match after.as_bytes().first() {
            Some(quote @ (b'"' | b'\'')) => *quote,
            _ => return Err(malformed()),
        };
        let quoted = after.get(1..).unwrap_or("");
        let length = memchr::memchr2(quote, b'<', quoted.as_bytes()).ok_or_else(malformed)?;
        let (value, rest) = quoted.split_at_checked(length).ok_or_else(malformed)?;
        if !is_name(name) || !rest.as_bytes().starts_with(&[quote]) {
            return Err(malformed());
        }
        self.rest = rest.get(1..).unwrap_or("");
        let parted =
            self.rest.is_empty() || self.rest.starts_with(|c: char| c.is_ascii_whitespace());
        if !parted {
            return Err(malformed());
        }
        let offset = self.end.saturating_sub(rest.len() + value.len());
        Ok((name, value, offset))
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Result<(&'a str, &'a str, usize), Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.rest.trim_ascii_start();
        if rest.is_empty() {
            return None;
        }
        let offset = self.end.saturating_sub(rest.len());
        Some(self.attribute(rest).map_err(|rule| {
            self.rest = "";
            Error::invalid(offset, rule)
        }))
    }
}

/// The value of an attribute: white space as spaces, references resolved (XML 1.0 §3.3.3).
pub(crate) fn attribute_value(raw: &str) -> Result<Cow<'_, str>, Rule> {
    // All are looked at, which is faster for as few as there are than to stop at the first.
    let special = |byte: u8| (byte == b'&') | (byte < b' ');
    if !raw.bytes().fold(false, |found, byte| found | special(byte)) {
        return Ok(Cow::Borrowed(raw));
    }
    let mut value = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find(['&', '\t', '\n', '\r']) {
        let (before, special) = rest.split_at_checked(at).unwrap_or((rest, ""));
        value.push_str(before);
        rest = if let Some(reference) = special.strip_prefix('&') {
            let (name, rest) = reference
                .split_once(';')
                .ok_or_else(|| Rule::Entity(excerpt(reference)))?;
            push_entity(name, &mut value)?;
            rest
        } else {
            value.push(' ');
            let rest = special.strip_prefix("\r\n");
            rest.or_else(|| special.get(1..)).unwrap_or("")
        };
    }
    value.push_str(rest);
    Ok(Cow::Owned(value))
}

/// Appends what `&name;` stands for. There are no entities but XML's own, so nothing can grow.
fn push_entity(name: &str, out: &mut String) -> Result<(), Rule> {
    let character = match name {
        "lt" => Some('<'),
        "gt" => Some('>'),
        "amp" => Some('&'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => name.strip_prefix('#').and_then(|number| {
            let code = match number.strip_prefix('x') {
                Some(hex) => u32::from_str_radix(hex, 16),
                None => number.parse(),
            };
            let allowed = |c: &char| *c >= ' ' || matches!(c, '\t' | '\n' | '\r');
            code.ok().and_then(char::from_u32).filter(allowed)
        }),
    };
    out.push(character.ok_or_else(|| Rule::Entity(excerpt(name)))?);
    Ok(())
}

fn is_name(name: &str) -> bool {
    // Nearly all are these and no more.
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':');
    if let [first, rest @ ..] = name.as_bytes()
        && !first.is_ascii_digit()
        && plain(first)
        && rest.iter().all(plain)
    {
        return true;
    }
    let first = |c: char| c.is_alphabetic() || matches!(c, '_' | ':');
    let other = |c: char| first(c) || c.is_numeric() || matches!(c, '-' | '.' | '\u{B7}');
    name.starts_with(first) && name.chars().all(other)
}

/// The first characters of what is too long, or could be, to be told whole.
pub(crate) fn excerpt(text: &str) -> String {
    text.chars().take(64).collect()
}
