use crate::rules::{Checker, Kind};
use crate::tag::{IFrameStreamInf, Media, StreamInf};
use crate::{Block, Error, Limits, Line, Lines, Rule, Tag};
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

/// A multivariant playlist: the variants of a presentation and their renditions (RFC 8216bis §4.4.6).
///
/// It is its [`lines`](Self::lines); the methods look into them. What is not changed is written as it was read.
///
/// ```
/// use fluvial_hls::MultivariantPlaylist;
///
/// let playlist: MultivariantPlaylist = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1280000\nlow.m3u8\n".parse()?;
/// let low = playlist.variants().next().unwrap();
/// assert_eq!((low.uri, low.stream_inf.bandwidth), ("low.m3u8", 1_280_000));
/// # Ok::<(), fluvial_hls::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MultivariantPlaylist {
    /// All lines.
    pub lines: Block,
}

/// A variant stream of a [`MultivariantPlaylist`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VariantStream<'a> {
    /// What is known about it.
    pub stream_inf: StreamInf<'a>,
    /// Its media playlist.
    pub uri: &'a str,
}

impl MultivariantPlaylist {
    /// With `#EXTM3U` alone.
    #[must_use]
    pub fn new() -> Self {
        let mut lines = Block::new();
        lines.push(Tag::ExtM3u);
        Self { lines }
    }

    /// Reads a playlist within the default [`Limits`].
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] for the first rule that is broken, [`Error::Limit`].
    pub fn parse(playlist: &[u8]) -> Result<Self, Error> {
        Self::parse_with(playlist, &Limits::new())
    }

    /// Reads a playlist within limits.
    ///
    /// # Errors
    ///
    /// As [`parse`](Self::parse).
    pub fn parse_with(playlist: &[u8], limits: &Limits) -> Result<Self, Error> {
        Self::read(Lines::parse(playlist)?.with_limits(*limits))
    }

    pub(crate) fn read(mut lines: Lines<'_>) -> Result<Self, Error> {
        let text = lines.rest();
        let mut checker = Checker::new(Kind::Multivariant);
        // The error that there will be if no URI follows.
        let mut open = None;
        while let Some(line) = lines.next() {
            if !checker.takes(&lines, &line)? {
                continue;
            }
            match &line {
                Ok(Line::Tag(tag @ Tag::StreamInf(_))) => {
                    let no_uri = lines.invalid(tag.place(), Rule::NoUri);
                    if let Some(error) = open.replace(no_uri) {
                        return Err(error);
                    }
                }
                Ok(Line::Uri(_)) => open = None,
                _ => {}
            }
        }
        checker.begun(&lines)?;
        match open {
            Some(error) => Err(error),
            None => Ok(Self {
                lines: Block::from(text),
            }),
        }
    }

    /// `EXT-X-VERSION`; absent: 1.
    #[must_use]
    pub fn version(&self) -> u64 {
        let version = self.lines.tags().find_map(|tag| match tag {
            Tag::Version(version) => Some(version),
            _ => None,
        });
        version.unwrap_or(1)
    }

    /// The variant streams, best first where the publisher sorted them so.
    pub fn variants(&self) -> impl Iterator<Item = VariantStream<'_>> {
        let mut open = None;
        self.lines.lines().filter_map(move |line| match line {
            Line::Tag(Tag::StreamInf(stream_inf)) => {
                open = Some(stream_inf);
                None
            }
            Line::Uri(uri) => open
                .take()
                .map(|stream_inf| VariantStream { stream_inf, uri }),
            _ => None,
        })
    }

    /// The renditions.
    pub fn renditions(&self) -> impl Iterator<Item = Media<'_>> {
        self.lines.tags().filter_map(|tag| match tag {
            Tag::Media(media) => Some(media),
            _ => None,
        })
    }

    /// The media playlists of I-frames.
    pub fn i_frame_streams(&self) -> impl Iterator<Item = IFrameStreamInf<'_>> {
        self.lines.tags().filter_map(|tag| match tag {
            Tag::IFrameStreamInf(stream) => Some(stream),
            _ => None,
        })
    }

    /// Appends a variant stream.
    pub fn push_variant(&mut self, variant: VariantStream<'_>) {
        self.lines.push(Tag::StreamInf(variant.stream_inf));
        self.lines.push(Line::Uri(variant.uri));
    }

    /// Appends the text to `out`.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.lines.as_str().as_bytes());
    }
}

impl Default for MultivariantPlaylist {
    fn default() -> Self {
        Self::new()
    }
}

impl FromStr for MultivariantPlaylist {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text.as_bytes())
    }
}

impl fmt::Display for MultivariantPlaylist {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines.fmt(f)
    }
}
