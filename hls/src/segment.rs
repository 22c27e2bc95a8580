use crate::block::Rewrite;
use crate::rules::Checker;
use crate::tag::{Inf, Key, Map, Part};
use crate::{Block, ByteRange, DateTime, Decimal, Error, Line, Lines, Tag};
use core::fmt;
use core::ops::Range;

/// A segment of a [`MediaPlaylist`](crate::MediaPlaylist): the lines that belong to it, an `EXTINF` among them and its
/// URI last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    lines: Block,
    duration: Decimal,
    /// Where the URI is in `lines`.
    uri: Range<usize>,
    /// [`Place::bit`](crate::tag::Place::bit)s of tags in `lines` that are about the whole playlist.
    astray: u64,
}

impl Segment {
    /// A segment of that many seconds.
    ///
    /// # Errors
    ///
    /// [`Error::State`] for a negative duration or an empty URI.
    pub fn new(uri: &str, duration: Decimal) -> Result<Self, Error> {
        let mut lines = Block::new();
        lines.push(Tag::Inf(Inf {
            duration,
            title: "",
        }));
        lines.push(Line::Uri(uri));
        Self::from_lines(lines)
    }

    /// From the lines of one segment.
    ///
    /// # Errors
    ///
    /// [`Error::State`] where there is no `EXTINF`, or where the only URI is not on the last line; [`Error::Invalid`] for a
    /// tag that a player cannot do without.
    pub fn from_lines(lines: Block) -> Result<Self, Error> {
        let mut duration = None;
        let mut end = 0;
        let mut uri = None;
        let mut astray = 0;
        let mut checker = Checker::segment();
        let mut reader = Lines::unlimited(lines.as_str());
        while let Some(line) = reader.next() {
            if uri.is_some() {
                return Err(INCOMPLETE);
            }
            checker.takes(&reader, &line)?;
            match line {
                Ok(Line::Tag(Tag::Inf(inf))) => duration = Some(inf.duration),
                Ok(Line::Tag(tag)) => astray |= tag.place().astray(),
                Ok(Line::Uri(_)) if duration.is_none() && checker.has_broken_off() => {}
                Ok(Line::Uri(text)) => uri = Some(range(end, reader.raw(), text)),
                _ => {}
            }
            end += reader.raw().len();
        }
        match (duration, uri) {
            (Some(duration), Some(uri)) => Ok(Self {
                lines,
                duration,
                uri,
                astray,
            }),
            _ => Err(INCOMPLETE),
        }
    }

    /// From what the playlist's parser found: the text, and the URI in `raw`, its last line.
    pub(crate) fn from_parts(
        text: &str,
        duration: Decimal,
        uri: &str,
        raw: &str,
        astray: u64,
    ) -> Self {
        Self {
            uri: range(text.len().saturating_sub(raw.len()), raw, uri),
            lines: Block::from(text),
            duration,
            astray,
        }
    }

    pub(crate) const fn astray(&self) -> u64 {
        self.astray
    }

    /// Its URI.
    #[must_use]
    pub fn uri(&self) -> &str {
        self.lines.as_str().get(self.uri.clone()).unwrap_or("")
    }

    /// Its duration in seconds.
    #[must_use]
    pub const fn duration(&self) -> Decimal {
        self.duration
    }

    /// The title in its `EXTINF`.
    #[must_use]
    pub fn title(&self) -> &str {
        // Where there are two, the last one counts, as for the duration.
        let titles = self.lines.tags().filter_map(|tag| match tag {
            Tag::Inf(inf) => Some(inf.title),
            _ => None,
        });
        titles.last().unwrap_or("")
    }

    /// All its lines.
    #[must_use]
    pub const fn lines(&self) -> &Block {
        &self.lines
    }

    /// The bytes of the resource that it is; `None`: all.
    #[must_use]
    pub fn byte_range(&self) -> Option<ByteRange> {
        let ranges = self.lines.tags().filter_map(|tag| match tag {
            Tag::ByteRange(range) => Some(range),
            _ => None,
        });
        ranges.last()
    }

    /// When its first sample was made.
    #[must_use]
    pub fn program_date_time(&self) -> Option<DateTime> {
        self.lines.tags().find_map(|tag| match tag {
            Tag::ProgramDateTime(time) => Some(time),
            _ => None,
        })
    }

    /// Whether times or encoding jump before it.
    #[must_use]
    pub fn is_discontinuity(&self) -> bool {
        self.lines
            .tags()
            .any(|tag| matches!(tag, Tag::Discontinuity))
    }

    /// Whether it is missing.
    #[must_use]
    pub fn is_gap(&self) -> bool {
        self.lines.tags().any(|tag| matches!(tag, Tag::Gap))
    }

    /// The media initialization section that starts to hold here; `None`: the one before goes on.
    #[must_use]
    pub fn map(&self) -> Option<Map<'_>> {
        self.lines.tags().find_map(|tag| match tag {
            Tag::Map(map) => Some(map),
            _ => None,
        })
    }

    /// The keys that start to hold here; none: those before go on.
    pub fn keys(&self) -> impl Iterator<Item = Key<'_>> {
        self.lines.tags().filter_map(|tag| match tag {
            Tag::Key(key) => Some(key),
            _ => None,
        })
    }

    /// Its parts.
    pub fn parts(&self) -> impl Iterator<Item = Part<'_>> {
        self.lines.tags().filter_map(|tag| match tag {
            Tag::Part(part) => Some(part),
            _ => None,
        })
    }

    /// Adds a tag before its `EXTINF`.
    pub fn insert(&mut self, tag: Tag<'_>) {
        let mut inserted = false;
        // A tag more takes neither the duration nor the URI away.
        let _ = self.rewrite(|line, out| {
            if !inserted && matches!(line, Line::Tag(Tag::Inf(_))) {
                inserted = true;
                out.put(tag);
            }
            out.keep();
        });
    }

    /// Changes its lines, as [`Block::rewrite`] does.
    ///
    /// # Errors
    ///
    /// As [`from_lines`](Self::from_lines); the segment is then left as it was.
    pub fn rewrite(&mut self, change: impl FnMut(Line<'_>, &mut Rewrite<'_>)) -> Result<(), Error> {
        let mut lines = self.lines.clone();
        lines.rewrite(change);
        *self = Self::from_lines(lines)?;
        Ok(())
    }
}

const INCOMPLETE: Error = Error::State("a segment needs an EXTINF, and one URI on its last line");

/// Where `text` is in a line that starts at `start`, with space around it.
fn range(start: usize, raw: &str, text: &str) -> Range<usize> {
    let space = if raw.starts_with(text) {
        0
    } else {
        raw.len() - raw.trim_ascii_start().len()
    };
    let start = start + space;
    start..start + text.len()
}

impl fmt::Display for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines.fmt(f)
    }
}
