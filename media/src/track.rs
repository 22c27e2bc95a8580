use crate::{Codec, Kind, Timescale};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Deref;

/// Names a track within its stream. Containers put their own number here (a PID, a `track_ID`, ...).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TrackId(pub u32);

impl fmt::Display for TrackId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A language by its three-letter code of ISO 639-2/T, as MP4 and MPEG-2 systems carry it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Language([u8; 3]);

impl Language {
    /// `und`: not known.
    pub const UNDETERMINED: Language = Language(*b"und");

    /// From three lower-case ASCII letters; `None` for anything else.
    #[must_use]
    pub const fn new(code: [u8; 3]) -> Option<Self> {
        match code {
            [b'a'..=b'z', b'a'..=b'z', b'a'..=b'z'] => Some(Language(code)),
            _ => None,
        }
    }

    /// The three letters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(&self.0).unwrap_or("und")
    }
}

impl Default for Language {
    fn default() -> Self {
        Self::UNDETERMINED
    }
}

/// One elementary stream: what a decoder must know before the first sample.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Track {
    /// Its name within the stream.
    pub id: TrackId,
    /// Ticks per second of its samples' times.
    pub timescale: Timescale,
    /// The codec with its decoder configuration.
    pub codec: Codec,
    /// The language of its speech or text.
    pub language: Language,
    /// Ticks at the start that a decoder gives out and a player drops (encoder delay).
    pub priming: u32,
    /// Ticks at the end that a player drops (padding of the last frame).
    pub trim: u32,
    /// How pictures are turned, mirrored or moved before they are shown, as MP4 has it (`matrix` of `tkhd`, ISO/IEC 14496-12 §8.3.2.3: 16.16
    /// fixed point, the last column 2.30); `None` where they are shown as they are coded.
    pub matrix: Option<[i32; 9]>,
}

impl Track {
    /// A track of undetermined language without priming.
    #[must_use]
    pub const fn new(id: TrackId, timescale: Timescale, codec: Codec) -> Self {
        Self {
            id,
            timescale,
            codec,
            language: Language::UNDETERMINED,
            priming: 0,
            trim: 0,
            matrix: None,
        }
    }
}

/// The whole set of a stream's tracks, cheap to clone.
///
/// A stream tells its tracks as a set, and again as a set whenever anything about one of them changes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tracks(Arc<[Track]>);

impl Tracks {
    /// The track with this id.
    #[must_use]
    pub fn find(&self, id: TrackId) -> Option<&Track> {
        self.0.iter().find(|track| track.id == id)
    }

    /// The first track of a kind.
    #[must_use]
    pub fn first_of(&self, kind: Kind) -> Option<&Track> {
        self.0.iter().find(|track| track.codec.kind() == kind)
    }
}

impl Deref for Tracks {
    type Target = [Track];
    fn deref(&self) -> &[Track] {
        &self.0
    }
}

impl From<Vec<Track>> for Tracks {
    fn from(tracks: Vec<Track>) -> Self {
        Tracks(tracks.into())
    }
}

impl FromIterator<Track> for Tracks {
    fn from_iter<I: IntoIterator<Item = Track>>(tracks: I) -> Self {
        Tracks(tracks.into_iter().collect())
    }
}

impl<'a> IntoIterator for &'a Tracks {
    type Item = &'a Track;
    type IntoIter = core::slice::Iter<'a, Track>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}
