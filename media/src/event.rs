use crate::{Sample, Time, TrackId, Tracks, WallClock};
use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use bytes::Bytes;
use core::fmt;

/// What a demuxer gives, in order.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// The whole set of tracks: once before the first sample, again whenever anything changes.
    Tracks(Tracks),
    /// One access unit.
    Sample(Sample),
    /// Untimed facts about the stream: a title, an encoder's name.
    Metadata(Metadata),
    /// The wall-clock time that belongs to a time of the stream (RTCP SR, `prft`, `EXT-X-PROGRAM-DATE-TIME`).
    Clock {
        /// Time on the line that the samples are on.
        time: Time,
        /// What a clock on the wall showed then.
        wall: WallClock,
    },
    /// The time line may jump, either way, before the next sample.
    Discontinuity,
    /// Something was wrong with the input; the rest of it goes on.
    Warning(Warning),
}

/// Something wrong in the input that did not stop the reading.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Warning {
    /// Where: bytes from the start of the input, where that is known.
    pub offset: Option<u64>,
    /// The track that it is about.
    pub track: Option<TrackId>,
    /// Bytes of input passed over because of it.
    pub skipped: u64,
    /// What was wrong, for a person.
    pub what: Cow<'static, str>,
}

impl Warning {
    /// A warning without a place.
    #[must_use]
    pub fn new(what: impl Into<Cow<'static, str>>) -> Self {
        Self {
            offset: None,
            track: None,
            skipped: 0,
            what: what.into(),
        }
    }

    /// With the offset in the input.
    #[must_use]
    pub const fn at(mut self, offset: u64) -> Self {
        self.offset = Some(offset);
        self
    }

    /// With the track that it is about.
    #[must_use]
    pub const fn on(mut self, track: TrackId) -> Self {
        self.track = Some(track);
        self
    }

    /// With the number of bytes passed over.
    #[must_use]
    pub const fn skipping(mut self, bytes: u64) -> Self {
        self.skipped = bytes;
        self
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        if let Some(offset) = self.offset {
            write!(f, " at offset {offset}")?;
        }
        if let Some(track) = self.track {
            write!(f, ", track {track}")?;
        }
        if self.skipped > 0 {
            write!(f, ", {} bytes skipped", self.skipped)?;
        }
        Ok(())
    }
}

/// Untimed facts about a stream, in their order: FLV's `onMetaData`, MP4's `ilst`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Metadata {
    /// Names and values, as the source spelt them.
    pub entries: Vec<(String, Value)>,
}

impl Metadata {
    /// The first value with this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.entries
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value)
    }
}

/// A value of [`Metadata`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// Nothing.
    Null,
    /// Yes or no.
    Bool(bool),
    /// A number.
    Number(f64),
    /// Text.
    Text(String),
    /// Bytes of a kind that the container knows.
    Bytes(Bytes),
    /// Values in order.
    List(Vec<Value>),
    /// Names and values in order.
    Map(Vec<(String, Value)>),
}
