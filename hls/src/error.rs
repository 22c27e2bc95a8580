use core::fmt;

/// Why a playlist was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A rule of RFC 8216bis that the playlist breaks.
    #[error("line {line}: {tag}: {rule} (RFC 8216bis §{clause})")]
    Invalid {
        /// Number of the line, from 1.
        line: usize,
        /// Name of the tag, without its `#`; `URI` for a URI line, `playlist` for all of it.
        tag: &'static str,
        /// What is wrong with it.
        rule: Rule,
        /// The clause that says so.
        clause: &'static str,
    },
    /// More than the [`Limits`] allow.
    #[error("line {line}: more than {max} {limit}")]
    Limit {
        /// Number of the line that went too far, from 1.
        line: usize,
        /// What there is too much of.
        limit: &'static str,
        /// Most that is allowed.
        max: usize,
    },
    /// A call that does not fit what was called before.
    #[error("{0}")]
    State(&'static str),
}

/// A rule that a playlist can break.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rule {
    /// The text has to be UTF-8.
    Utf8,
    /// There must be no byte order mark.
    ByteOrderMark,
    /// The first line has to be `#EXTM3U`.
    FirstLine,
    /// The tag must not appear more than once.
    Repeated,
    /// The tag does not go with the kind of playlist that other tags make it.
    OtherPlaylist,
    /// No tag says whether this is a media or a multivariant playlist.
    Undecided,
    /// The value is not of the form that the tag wants.
    Value,
    /// An `AttributeName=AttributeValue` is malformed.
    AttributeList,
    /// A required attribute is missing.
    MissingAttribute(&'static str),
    /// The value of an attribute is not of the form that it wants.
    Attribute(&'static str),
    /// Exactly one of these attributes is wanted.
    OneOf(&'static str),
    /// A segment's URI needs an `EXTINF` before it.
    NoInf,
    /// A variant stream's tag has to be followed by its URI.
    NoUri,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Rule::Utf8 => f.write_str("the text is not UTF-8"),
            Rule::ByteOrderMark => f.write_str("there must be no byte order mark"),
            Rule::FirstLine => f.write_str("has to be the first line"),
            Rule::Repeated => f.write_str("must not appear more than once"),
            Rule::OtherPlaylist => f.write_str("does not belong into this kind of playlist"),
            Rule::Undecided => f.write_str("is neither a media nor a multivariant playlist"),
            Rule::Value => f.write_str("its value is malformed"),
            Rule::AttributeList => f.write_str("its attribute list is malformed"),
            Rule::MissingAttribute(name) => write!(f, "its attribute {name} is missing"),
            Rule::Attribute(name) => write!(f, "the value of {name} is malformed"),
            Rule::OneOf(names) => write!(f, "wants exactly one of {names}"),
            Rule::NoInf => f.write_str("no EXTINF before the segment"),
            Rule::NoUri => f.write_str("has to be followed by a URI"),
        }
    }
}

/// How much of a playlist is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Most bytes of a line.
    pub line_length: usize,
    /// Most attributes of a tag.
    pub attributes: usize,
    /// Most segments of a media playlist.
    pub segments: usize,
}

impl Limits {
    /// Lines of 1 MiB, 1000 attributes, 250 000 segments.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            line_length: 1 << 20,
            attributes: 1000,
            segments: 250_000,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::new()
    }
}
