use media::{Timescale, TrackId};
use std::collections::VecDeque;

/// A segment of a track.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub(super) number: u64,
    /// Ticks.
    pub(super) start: i64,
    pub(super) duration: u64,
    pub(super) size: u64,
}

impl Entry {
    pub(super) fn end(&self) -> i64 {
        let duration = i64::try_from(self.duration).unwrap_or(i64::MAX);
        self.start.saturating_add(duration)
    }
}

/// A resource that no client can need any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expired {
    /// The track that it is of; `None` where it holds all of them.
    pub track: Option<TrackId>,
    /// Which.
    pub resource: Resource,
    /// Its URI, as it stood in the document.
    pub uri: String,
}

/// Something that a document refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Resource {
    /// A segment by its number.
    Segment(u64),
    /// An initialization segment by its number.
    Init(u32),
}

/// The segments of a track in a period.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) track: Option<TrackId>,
    pub(super) timescale: Timescale,
    pub(super) init: u32,
    pub(super) segments: VecDeque<Entry>,
    /// Segments that are not listed any more, but that clients may still ask for.
    pub(super) leaving: VecDeque<Entry>,
    /// Highest bit rate of a segment, in bit/s.
    pub(super) peak: u32,
    /// The same as it was first told: it does not change while a period is played.
    pub(super) told: Option<u32>,
    /// Number and start of the first segment that there was, and the end of the last one.
    pub(super) first: Entry,
    pub(super) last: Entry,
}

impl Lane {
    pub(super) fn new(
        track: Option<TrackId>,
        timescale: Timescale,
        first: Entry,
        init: u32,
    ) -> Self {
        Self {
            track,
            timescale,
            init,
            segments: VecDeque::new(),
            leaving: VecDeque::new(),
            peak: 0,
            told: None,
            first,
            last: first,
        }
    }

    /// `Representation@id`.
    pub(super) fn id(&self) -> String {
        self.track
            .map_or_else(|| "muxed".into(), |track| track.to_string())
    }

    /// Whether there is anything in its segments: where tracks change, one may have come to nothing but their ends.
    pub(super) fn lasts(&self) -> bool {
        self.last.end() > self.first.start
    }

    pub(super) fn nanos(&self, ticks: i64) -> i64 {
        self.timescale.time(ticks).as_nanos()
    }

    pub(super) fn push(&mut self, entry: Entry) {
        let nanos = self
            .nanos(entry.end())
            .saturating_sub(self.nanos(entry.start));
        if let Ok(nanos) = u128::try_from(nanos)
            && nanos > 0
        {
            let bits = u128::from(entry.size).saturating_mul(8_000_000_000);
            let rate = u32::try_from(bits.div_ceil(nanos)).unwrap_or(u32::MAX);
            self.peak = self.peak.max(rate);
        }
        if self.segments.is_empty() && self.leaving.is_empty() {
            self.first = entry;
        }
        self.last = entry;
        self.segments.push_back(entry);
    }
}
