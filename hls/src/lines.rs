use crate::attributes::Refused;
use crate::tag::{InLine, Inf, Place};
use crate::value::{LINE, write_encoded};
use crate::{Error, Limits, Rule, Tag};
use core::fmt;

/// A line of a playlist (RFC 8216bis §4.1). Space around it counts for nothing.
#[allow(clippy::large_enum_variant)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Line<'a> {
    /// It starts with `#EXT`.
    Tag(Tag<'a>),
    /// A URI: of a segment, or of a media playlist.
    Uri(&'a str),
    /// It starts with `#` and is no tag; told without the `#`.
    Comment(&'a str),
    /// Nothing, or only space.
    Blank,
}

impl<'a> From<Tag<'a>> for Line<'a> {
    fn from(tag: Tag<'a>) -> Self {
        Line::Tag(tag)
    }
}

impl fmt::Display for Line<'_> {
    /// Without the line's end. What would make another line or another tag of it is percent-encoded.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Line::Tag(tag) => tag.fmt(f),
            Line::Uri(uri) => match uri.strip_prefix('#') {
                // It must not become a tag.
                Some(fragment) => {
                    f.write_str("%23")?;
                    write_encoded(f, fragment, LINE)
                }
                None => write_encoded(f, uri, LINE),
            },
            Line::Comment(text) => {
                // Nor must this.
                f.write_str(if text.starts_with("EXT") { "# " } else { "#" })?;
                write_encoded(f, text, LINE)
            }
            Line::Blank => Ok(()),
        }
    }
}

/// Reads a playlist line by line, without a copy: the events that the documents are made of.
///
/// A line that cannot be read is an error that does not end the iteration.
///
/// ```
/// use fluvial_hls::{Line, Lines, Tag};
///
/// let mut seconds = 0;
/// for line in Lines::parse(b"#EXTM3U\n#EXTINF:9.009,\nfirst.ts\n#EXTINF:3.003,\nsecond.ts\n")? {
///     if let Line::Tag(Tag::Inf(inf)) = line? {
///         seconds += inf.duration.as_nanos() / 1_000_000_000;
///     }
/// }
/// assert_eq!(seconds, 12);
/// # Ok::<(), fluvial_hls::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Lines<'a> {
    rest: &'a str,
    raw: &'a str,
    number: usize,
    limits: Limits,
}

impl<'a> Lines<'a> {
    /// Over bytes that came from somewhere, with the default [`Limits`].
    ///
    /// # Errors
    ///
    /// [`Rule::Utf8`] and [`Rule::ByteOrderMark`].
    pub fn parse(playlist: &'a [u8]) -> Result<Self, Error> {
        let invalid = |line, rule| Error::Invalid {
            line,
            tag: "playlist",
            rule,
            clause: "4",
        };
        let text = core::str::from_utf8(playlist).map_err(|error| {
            let before = playlist.get(..error.valid_up_to()).unwrap_or(playlist);
            invalid(1 + memchr::memchr_iter(b'\n', before).count(), Rule::Utf8)
        })?;
        if text.starts_with('\u{FEFF}') {
            return Err(invalid(1, Rule::ByteOrderMark));
        }
        Ok(Self::new(text))
    }

    /// Over text, with the default [`Limits`].
    #[must_use]
    pub const fn new(text: &'a str) -> Self {
        Self {
            rest: text,
            raw: "",
            number: 0,
            limits: Limits::new(),
        }
    }

    /// Over text that was within its limits when it came in.
    pub(crate) const fn unlimited(text: &'a str) -> Self {
        let limits = Limits {
            line_length: usize::MAX,
            attributes: usize::MAX,
            segments: usize::MAX,
        };
        Self::new(text).with_limits(limits)
    }

    /// With other limits.
    #[must_use]
    pub const fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Number of the line given last, from 1.
    #[must_use]
    pub const fn number(&self) -> usize {
        self.number
    }

    /// The line given last as it stands in the text, with its end.
    #[must_use]
    pub const fn raw(&self) -> &'a str {
        self.raw
    }

    /// What was not read yet.
    #[must_use]
    pub const fn rest(&self) -> &'a str {
        self.rest
    }

    pub(crate) const fn limits(&self) -> &Limits {
        &self.limits
    }

    /// A rule that the line given last breaks.
    pub(crate) fn invalid(&self, place: Place, rule: Rule) -> Error {
        Error::Invalid {
            line: self.number.max(1),
            tag: place.name,
            rule,
            clause: place.clause,
        }
    }

    fn refuse(&self, line: InLine) -> Error {
        match line.refused {
            Refused::Rule(rule) => self.invalid(line.place, rule),
            Refused::Attributes => self.limit("attributes of a tag", self.limits.attributes),
        }
    }

    pub(crate) fn limit(&self, limit: &'static str, max: usize) -> Error {
        Error::Limit {
            line: self.number,
            limit,
            max,
        }
    }

    #[inline]
    fn read(&self) -> Result<Line<'a>, Error> {
        if self.raw.len() > self.limits.line_length {
            return Err(self.limit("bytes in a line", self.limits.line_length));
        }
        let line = trim(self.raw);
        let Some(sharp) = line.strip_prefix('#') else {
            return Ok(if line.is_empty() {
                Line::Blank
            } else {
                Line::Uri(line)
            });
        };
        if let Some(text) = sharp.strip_prefix("EXTINF:")
            && let Some(inf) = Inf::parse(text.trim_ascii_start())
        {
            return Ok(Line::Tag(Tag::Inf(inf)));
        }
        if sharp.starts_with("EXT") {
            return match Tag::read(sharp, &self.limits) {
                Ok(tag) => Ok(Line::Tag(tag)),
                Err(refused) => Err(self.refuse(refused)),
            };
        }
        Ok(Line::Comment(sharp))
    }
}

/// Without the space around it. Mostly there is none but the line's end.
#[inline]
fn trim(raw: &str) -> &str {
    let line = raw.strip_suffix('\n').unwrap_or(raw);
    match line.as_bytes() {
        [] => line,
        [b'!'..=b'~', .., b'!'..=b'~'] => line,
        _ => line.trim_ascii(),
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = Result<Line<'a>, Error>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        self.number += 1;
        if let Some((inf, length)) = Inf::plain_line(self.rest)
            && length <= self.limits.line_length
        {
            (self.raw, self.rest) = self.rest.split_at_checked(length)?;
            return Some(Ok(Line::Tag(Tag::Inf(inf))));
        }
        let end = memchr::memchr(b'\n', self.rest.as_bytes()).map_or(self.rest.len(), |at| at + 1);
        (self.raw, self.rest) = self.rest.split_at_checked(end)?;
        Some(self.read())
    }
}
