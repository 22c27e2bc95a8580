use super::{Merge, Movie, Order};
use alloc::sync::Arc;
use media::TrackId;

/// A sample of a movie as its tables tell of it, on the movie's time line: after the edit list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Placement {
    /// Its track.
    pub track: TrackId,
    /// Decoding time in ticks of the track.
    pub dts: i64,
    /// Presentation time in ticks of the track.
    pub pts: i64,
    /// Ticks to the next sample's decoding.
    pub duration: u32,
    /// Whether decoding can start here.
    pub sync: bool,
    /// Whether it is decoded and not shown: an edit list leaves it out.
    pub hidden: bool,
    /// Where it lies in the file.
    pub offset: u64,
    /// Bytes.
    pub size: u32,
}

/// The samples of a movie, merged over its tracks, without their bytes: for indexes, without reading the file.
#[derive(Debug)]
pub struct Walk(Merge);

impl Movie {
    /// The samples that `moov` has of all tracks. A movie of fragments may have none there.
    #[must_use]
    pub fn walk(self: &Arc<Self>, order: Order) -> Walk {
        Walk(Merge::new(Arc::clone(self), order, |_| true))
    }
}

impl Iterator for Walk {
    type Item = Placement;

    fn next(&mut self) -> Option<Placement> {
        let placed = self.0.next()?;
        Some(Placement {
            track: self.0.track(&placed)?.track.id,
            dts: placed.dts,
            pts: placed.pts,
            duration: placed.info.duration,
            sync: placed.info.sync,
            hidden: placed.hidden,
            offset: placed.info.offset,
            size: placed.info.size,
        })
    }
}
