use crate::rules::{Checker, Kind};
use crate::tag::{DateRange, PartInf, Place, PlaylistType, Scope, ServerControl};
use crate::{Block, Decimal, Error, Limits, Line, Lines, Rule, Segment, Tag};
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

/// A media playlist: the segments of one rendition (RFC 8216bis §4.4.3 to §4.4.5).
///
/// It is its lines in three sections, which the methods look into. What is not changed is written as it was read.
///
/// ```
/// use fluvial_hls::{Decimal, MediaPlaylist, Segment, Tag};
///
/// let mut playlist = MediaPlaylist::new(6);
/// playlist.segments.push(Segment::new("a.ts", Decimal::from_nanos(5_960_000_000))?);
/// playlist.tail.push(Tag::EndList);
/// assert_eq!(
///     playlist.to_string(),
///     "#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXTINF:5.96,\na.ts\n#EXT-X-ENDLIST\n",
/// );
/// # Ok::<(), fluvial_hls::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaPlaylist {
    /// The lines before the first tag that is about a segment.
    pub head: Block,
    /// The segments, each with the lines from the URI before it on.
    pub segments: Vec<Segment>,
    /// The lines after the last URI: `EXT-X-ENDLIST`, the parts of a segment that is not complete.
    pub tail: Block,
}

impl MediaPlaylist {
    /// Without segments. The target duration is in seconds.
    #[must_use]
    pub fn new(target_duration: u64) -> Self {
        let mut head = Block::new();
        head.push(Tag::ExtM3u);
        head.push(Tag::TargetDuration(target_duration));
        Self {
            head,
            segments: Vec::new(),
            tail: Block::new(),
        }
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
        let mut checker = Checker::new(Kind::Media);
        let mut head = None;
        // What belongs to the next segment starts here.
        let mut block = text;
        let mut segments = Vec::new();
        let mut i_frames_only = false;
        let mut duration = None;
        let mut astray = 0;
        loop {
            let before = lines.rest();
            let Some(line) = lines.next() else { break };
            let counts = checker.takes(&lines, &line)?;
            // By reference: a line is large, and copying it would take longer than reading it.
            match &line {
                Ok(Line::Tag(tag)) => {
                    let place = tag.place();
                    if head.is_some() {
                        astray |= place.astray();
                    }
                    i_frames_only |= matches!(tag, Tag::IFramesOnly);
                    if place.scope != Scope::Segment || !counts {
                        continue;
                    }
                    if head.is_none() {
                        head = Some(up_to(text, before));
                        block = before;
                    }
                    if let Tag::Inf(inf) = tag {
                        duration = Some(inf.duration);
                    }
                }
                Ok(Line::Uri(uri)) => {
                    let duration = match duration.take() {
                        Some(duration) => duration,
                        // Playlists of I-frames leave it out, though they must not.
                        None if i_frames_only => Decimal::default(),
                        None if checker.has_broken_off() => continue,
                        None => return Err(lines.invalid(Place::URI, Rule::NoInf)),
                    };
                    if segments.len() >= lines.limits().segments {
                        return Err(lines.limit("segments", lines.limits().segments));
                    }
                    if head.is_none() {
                        head = Some(up_to(text, before));
                        block = before;
                    }
                    segments.push(Segment::from_parts(
                        up_to(block, lines.rest()),
                        duration,
                        uri,
                        lines.raw(),
                        core::mem::take(&mut astray),
                    ));
                    block = lines.rest();
                }
                _ => {}
            }
        }
        checker.begun(&lines)?;
        let (head, tail) = match head {
            Some(head) => (head, block),
            None => (text, ""),
        };
        Ok(Self {
            head: Block::from(head),
            segments,
            tail: Block::from(tail),
        })
    }

    /// All tags, in order.
    pub fn tags(&self) -> impl Iterator<Item = Tag<'_>> {
        let segments = self
            .segments
            .iter()
            .flat_map(|segment| segment.lines().tags());
        self.head.tags().chain(segments).chain(self.tail.tags())
    }

    /// `EXT-X-VERSION`; absent: 1.
    #[must_use]
    pub fn version(&self) -> u64 {
        match self.find(Tag::Version(0).place()) {
            Some(Tag::Version(version)) => version,
            _ => 1,
        }
    }

    /// `EXT-X-TARGETDURATION` in seconds; where it is missing, against the rule, the longest segment's.
    #[must_use]
    pub fn target_duration(&self) -> u64 {
        match self.find(Tag::TargetDuration(0).place()) {
            Some(Tag::TargetDuration(seconds)) => seconds,
            _ => {
                let durations = self
                    .segments
                    .iter()
                    .map(|segment| segment.duration().round());
                durations.max().unwrap_or(0)
            }
        }
    }

    /// `EXT-X-MEDIA-SEQUENCE`; absent: 0.
    #[must_use]
    pub fn media_sequence(&self) -> u64 {
        match self.find(Tag::MediaSequence(0).place()) {
            Some(Tag::MediaSequence(number)) => number,
            _ => 0,
        }
    }

    /// `EXT-X-DISCONTINUITY-SEQUENCE`; absent: 0.
    #[must_use]
    pub fn discontinuity_sequence(&self) -> u64 {
        match self.find(Tag::DiscontinuitySequence(0).place()) {
            Some(Tag::DiscontinuitySequence(number)) => number,
            _ => 0,
        }
    }

    /// `EXT-X-PLAYLIST-TYPE`.
    #[must_use]
    pub fn playlist_type(&self) -> Option<PlaylistType<'_>> {
        match self.find(Tag::PlaylistType(PlaylistType::Vod).place()) {
            Some(Tag::PlaylistType(kind)) => Some(kind),
            _ => None,
        }
    }

    /// Whether there is an `EXT-X-ENDLIST`: no segment will be added.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.find(Tag::EndList.place()).is_some()
    }

    /// Whether there is an `EXT-X-I-FRAMES-ONLY`.
    #[must_use]
    pub fn is_i_frames_only(&self) -> bool {
        self.find(Tag::IFramesOnly.place()).is_some()
    }

    /// Whether there is an `EXT-X-INDEPENDENT-SEGMENTS`.
    #[must_use]
    pub fn has_independent_segments(&self) -> bool {
        self.find(Tag::IndependentSegments.place()).is_some()
    }

    /// `EXT-X-SERVER-CONTROL`.
    #[must_use]
    pub fn server_control(&self) -> Option<ServerControl<'_>> {
        match self.find(Tag::ServerControl(ServerControl::new()).place()) {
            Some(Tag::ServerControl(control)) => Some(control),
            _ => None,
        }
    }

    /// `EXT-X-PART-INF`.
    #[must_use]
    pub fn part_inf(&self) -> Option<PartInf<'_>> {
        match self.find(Tag::PartInf(PartInf::new(Decimal::default())).place()) {
            Some(Tag::PartInf(part_inf)) => Some(part_inf),
            _ => None,
        }
    }

    /// Each `EXT-X-DATERANGE`.
    pub fn date_ranges(&self) -> impl Iterator<Item = DateRange<'_>> {
        self.tags().filter_map(|tag| match tag {
            Tag::DateRange(range) => Some(range),
            _ => None,
        })
    }

    /// Appends the text to `out`.
    pub fn write(&self, out: &mut Vec<u8>) {
        let length: usize = self.blocks().map(|block| block.as_str().len() + 1).sum();
        out.reserve(length);
        for (piece, end) in self.pieces() {
            out.extend_from_slice(piece.as_bytes());
            out.extend_from_slice(end.as_bytes());
        }
    }

    fn blocks(&self) -> impl Iterator<Item = &Block> {
        let segments = self.segments.iter().map(Segment::lines);
        core::iter::once(&self.head)
            .chain(segments)
            .chain([&self.tail])
    }

    /// The text in pieces, each with the end of line that it lacks: only the last line may have none.
    fn pieces(&self) -> impl Iterator<Item = (&str, &'static str)> {
        let mut blocks = self
            .blocks()
            .map(Block::as_str)
            .filter(|text| !text.is_empty())
            .peekable();
        core::iter::from_fn(move || {
            let text = blocks.next()?;
            let lacks = !text.ends_with('\n') && blocks.peek().is_some();
            Some((text, if lacks { "\n" } else { "" }))
        })
    }

    /// A tag about the whole playlist. Such tags may stand anywhere.
    fn find(&self, place: Place) -> Option<Tag<'_>> {
        let astray = self
            .segments
            .iter()
            .filter(|segment| segment.astray() & place.bit != 0);
        let mut tags = self
            .head
            .tags()
            .chain(self.tail.tags())
            .chain(astray.flat_map(|segment| segment.lines().tags()));
        tags.find(|tag| tag.place().bit == place.bit)
    }
}

/// The part of `text` before `rest`, its end.
fn up_to<'a>(text: &'a str, rest: &str) -> &'a str {
    let length = text.len().checked_sub(rest.len());
    length.and_then(|length| text.get(..length)).unwrap_or(text)
}

impl FromStr for MediaPlaylist {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text.as_bytes())
    }
}

impl fmt::Display for MediaPlaylist {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (piece, end) in self.pieces() {
            f.write_str(piece)?;
            f.write_str(end)?;
        }
        Ok(())
    }
}
