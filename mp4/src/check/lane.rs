use crate::boxes::Trex;

/// What is remembered of a track.
#[derive(Debug, Clone)]
pub(super) struct Lane {
    pub(super) id: u32,
    /// Ticks per second; 0 where no `moov` told it.
    pub(super) timescale: u32,
    pub(super) is_video: bool,
    /// Entries of `stsd`; `u32::MAX` where no `moov` told it.
    pub(super) descriptions: u32,
    /// Samples that `moov` has.
    pub(super) samples: u32,
    /// Where the first edit that shows something begins.
    pub(super) media_time: i64,
    /// What the edits before that last, in ticks of the track, and how much that may be off as it is rounded.
    pub(super) delay: (i64, i64),
    pub(super) trex: Option<Trex>,
    /// When the next fragment should begin.
    pub(super) next: Option<u64>,
    /// Where the latest fragment ends.
    pub(super) end: u64,
}

impl Lane {
    /// A track of which nothing is known but its number: that of a segment without its header.
    pub(super) const fn of_segment(id: u32) -> Self {
        Self {
            id,
            timescale: 0,
            is_video: false,
            descriptions: u32::MAX,
            samples: 0,
            media_time: 0,
            delay: (0, 0),
            trex: None,
            next: None,
            end: 0,
        }
    }
}
