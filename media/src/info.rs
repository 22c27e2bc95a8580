use crate::{Timescale, TrackId};

/// What a packager tells a playlist about a part (a CMAF chunk, an `EXT-X-PART`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartInfo {
    /// The track; `None` where the part holds all of them.
    pub track: Option<TrackId>,
    /// Number of the segment that the part belongs to.
    pub segment: u64,
    /// Number of the part within its segment, from 0.
    pub part: u32,
    /// Number of the init segment that it needs, from 0.
    pub init: u32,
    /// When it begins to be shown, in ticks of `timescale`: the decoding time of its first sample, later by as much as the time
    /// line's first picture is shown after it is decoded. So one ends where the next begins, whatever the order of pictures.
    pub start: i64,
    /// Ticks of `timescale` that it lasts.
    pub duration: u64,
    /// Ticks per second of `start` and `duration`.
    pub timescale: Timescale,
    /// Whether a player can start with it (`INDEPENDENT=YES`).
    pub independent: bool,
    /// Whether times or codecs may jump before it. Only ever set on the first part of a segment.
    pub discontinuity: bool,
    /// Its bytes.
    pub size: u64,
}

/// What a packager tells a playlist about a segment, when its last part is out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SegmentInfo {
    /// The track; `None` where the segment holds all of them.
    pub track: Option<TrackId>,
    /// Number of the segment, from the first of the stream on, without gaps.
    pub segment: u64,
    /// Number of parts in it.
    pub parts: u32,
    /// Number of the init segment that it needs, from 0.
    pub init: u32,
    /// When it begins to be shown, in ticks of `timescale`: the decoding time of its first sample, later by as much as the time
    /// line's first picture is shown after it is decoded. So one ends where the next begins, whatever the order of pictures.
    pub start: i64,
    /// Ticks of `timescale` that it lasts.
    pub duration: u64,
    /// Ticks per second of `start` and `duration`.
    pub timescale: Timescale,
    /// Whether a player can start with it.
    pub independent: bool,
    /// Whether times or codecs may jump between the segment before and this one.
    pub discontinuity: bool,
    /// Its bytes.
    pub size: u64,
}
