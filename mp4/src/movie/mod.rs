//! The movie: what `moov` says, without the samples.
//!
//! [`Movie::parse`] takes the bytes of a `moov` and keeps its sample tables as they lie there; samples are put together
//! when they are looked at. What is damaged is left out and told in [`Movie::warnings`]: one bad box never costs the rest.

mod cursor;
mod edits;
mod index;
mod merge;
mod metadata;
mod parse;
mod table;
mod track;
mod walk;

pub(crate) use cursor::Cursor;
pub use cursor::{SampleInfo, Samples};
pub(crate) use edits::{Span, Timeline};
pub use index::Index;
pub use merge::Order;
pub(crate) use merge::{Merge, Placed};
pub use metadata::Chapter;
pub(crate) use metadata::metadata;
pub use table::SampleTable;
pub(crate) use table::slice;
pub use track::{MovieTrack, Rotation};
pub use walk::{Placement, Walk};

use crate::boxes::Mvhd;
use alloc::vec::Vec;
use bytes::Bytes;
use media::{Tracks, Warning};

/// What a `moov` says. See the [module](self).
#[derive(Debug)]
pub struct Movie {
    /// The whole box, as it came.
    pub(crate) bytes: Bytes,
    /// Where it lies in the file.
    pub(crate) offset: u64,
    pub(crate) mvhd: Mvhd,
    pub(crate) tracks: Vec<MovieTrack>,
    pub(crate) set: Tracks,
    /// There is an `mvex`: movie fragments may follow.
    pub(crate) fragmented: bool,
    pub(crate) warnings: Vec<Warning>,
    pub(crate) fragments: FragmentIndex,
    /// Bytes of the file; `u64::MAX` where that is not known.
    pub(crate) file_len: u64,
}

/// What is known of where movie fragments lie.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct FragmentIndex {
    /// Where the first box after `moov` lies that may be a fragment's.
    pub(crate) first: Option<u64>,
    /// Nanoseconds and the place of a `moof`, by time; from `mfra` or `sidx`.
    pub(crate) places: Vec<(i64, u64)>,
    /// `places` has all of them: nothing lies before the first or between them that is not known.
    pub(crate) complete: bool,
}

impl Movie {
    /// The tracks that can be read, as all of Fluvial knows them.
    #[must_use]
    pub const fn tracks(&self) -> &Tracks {
        &self.set
    }

    /// The same tracks with what only a file knows of them: tables, descriptions, edits.
    #[must_use]
    pub fn details(&self) -> &[MovieTrack] {
        &self.tracks
    }

    /// The movie's header.
    #[must_use]
    pub const fn header(&self) -> &Mvhd {
        &self.mvhd
    }

    /// Whether movie fragments may follow.
    #[must_use]
    pub const fn is_fragmented(&self) -> bool {
        self.fragmented
    }

    /// What was wrong, with offsets in the file.
    #[must_use]
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// The whole `moov`, to be read as a [`Moov`](crate::boxes::Moov) by those who want every box of it.
    #[must_use]
    pub const fn moov(&self) -> &Bytes {
        &self.bytes
    }

    /// Where `moov` lies in the file.
    #[must_use]
    pub const fn moov_offset(&self) -> u64 {
        self.offset
    }

    /// Whether `moov` itself has samples.
    #[must_use]
    pub fn has_samples(&self) -> bool {
        self.tracks.iter().any(|track| !track.samples().is_empty())
    }
}
