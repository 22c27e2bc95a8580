use crate::{Line, Lines, Tag};
use alloc::string::String;
use core::fmt::{self, Write};

/// Some lines of a playlist, as text: what is not changed stays as it was written, to the byte.
///
/// ```
/// use fluvial_hls::{Block, Line, Tag};
///
/// let mut block = Block::from("#EXT-X-VERSION: 3\r\n# made by hand\r\n");
/// block.set(Tag::Version(7));
/// block.push(Tag::EndList);
/// assert_eq!(block.as_str(), "#EXT-X-VERSION:7\r\n# made by hand\r\n#EXT-X-ENDLIST\n");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Block(String);

impl Block {
    /// Without lines.
    #[must_use]
    pub const fn new() -> Self {
        Self(String::new())
    }

    /// The lines as they are written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Each line. Tags that cannot be read are passed over; [`Lines`] tells them.
    pub fn lines(&self) -> impl Iterator<Item = Line<'_>> {
        Lines::unlimited(&self.0).filter_map(Result::ok)
    }

    /// Each tag, as [`lines`](Self::lines).
    pub fn tags(&self) -> impl Iterator<Item = Tag<'_>> {
        self.lines().filter_map(|line| match line {
            Line::Tag(tag) => Some(tag),
            _ => None,
        })
    }

    /// Appends a line.
    pub fn push<'a>(&mut self, line: impl Into<Line<'a>>) {
        if !self.0.is_empty() && !self.0.ends_with('\n') {
            self.0.push('\n');
        }
        // Writing to a string does not fail.
        let _ = writeln!(self.0, "{}", line.into());
    }

    /// Puts a tag in the place of the first one of its name, or where there is none, at the end.
    pub fn set(&mut self, tag: Tag<'_>) {
        let mut found = false;
        self.rewrite(|line, out| match line {
            Line::Tag(old) if !found && old.name() == tag.name() => {
                found = true;
                out.put(tag);
            }
            _ => out.keep(),
        });
        if !found {
            self.push(tag);
        }
    }

    /// Takes out all tags of a name, such as `EXT-X-ENDLIST`.
    pub fn remove(&mut self, name: &str) {
        self.rewrite(|line, out| match line {
            Line::Tag(tag) if tag.name() == name => {}
            _ => out.keep(),
        });
    }

    /// Passes each line through a function that keeps it, puts others in its place, or does neither to take it out.
    /// A line that cannot be read is kept.
    ///
    /// ```
    /// use fluvial_hls::{Block, Line};
    ///
    /// let mut block = Block::from("#EXTINF:6,\na.ts\n");
    /// block.rewrite(|line, out| match line {
    ///     Line::Uri(uri) => out.put(Line::Uri(&format!("{uri}?token=1"))),
    ///     _ => out.keep(),
    /// });
    /// assert_eq!(block.as_str(), "#EXTINF:6,\na.ts?token=1\n");
    /// ```
    pub fn rewrite(&mut self, mut change: impl FnMut(Line<'_>, &mut Rewrite<'_>)) {
        let mut out = String::with_capacity(self.0.len());
        let mut lines = Lines::unlimited(&self.0);
        while let Some(line) = lines.next() {
            let mut rewrite = Rewrite {
                raw: lines.raw(),
                out: &mut out,
            };
            match line {
                Ok(line) => change(line, &mut rewrite),
                Err(_) => rewrite.keep(),
            }
        }
        self.0 = out;
    }
}

impl From<&str> for Block {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Takes what comes in the place of a line, in [`Block::rewrite`].
#[derive(Debug)]
pub struct Rewrite<'a> {
    raw: &'a str,
    out: &'a mut String,
}

impl Rewrite<'_> {
    /// The line itself, as it was written.
    pub fn keep(&mut self) {
        self.out.push_str(self.raw);
    }

    /// A line, with the end that the old one had.
    pub fn put<'b>(&mut self, line: impl Into<Line<'b>>) {
        let end = if self.raw.ends_with("\r\n") {
            "\r\n"
        } else {
            "\n"
        };
        // Writing to a string does not fail.
        let _ = write!(self.out, "{}{end}", line.into());
    }
}
