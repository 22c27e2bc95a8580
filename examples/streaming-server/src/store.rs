//! The segments of a stream, in memory: whole, or as far as they have come.

use bytes::Bytes;
use media::{PartInfo, TrackId};
use std::collections::BTreeMap;

/// Segments and init segments, those of all tracks together under `None`.
#[derive(Debug, Default)]
pub(crate) struct Store {
    lanes: BTreeMap<Option<TrackId>, Lane>,
    bytes: usize,
}

#[derive(Debug, Default)]
struct Lane {
    inits: BTreeMap<u32, Bytes>,
    segments: BTreeMap<u64, Segment>,
}

/// A segment.
#[derive(Debug, Clone, Default)]
pub(crate) struct Segment {
    /// Its parts, as far as they have come.
    pub(crate) parts: Vec<Bytes>,
    /// Whether they are all there.
    pub(crate) whole: bool,
    /// Whether it begins after a jump: a new period, or another init segment.
    jumps: bool,
}

/// Something that may still come.
#[derive(Debug)]
pub(crate) enum Found<T> {
    /// Here it is.
    Here(T),
    /// It is what comes next, if nothing else does.
    Coming,
    /// It is gone, or far ahead.
    Never,
}

impl Segment {
    pub(crate) fn len(&self) -> usize {
        self.parts.iter().map(Bytes::len).sum()
    }
}

impl Store {
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn put_init(&mut self, track: Option<TrackId>, number: u32, data: Bytes) {
        let lane = self.lanes.entry(track).or_default();
        lane.inits.insert(number, data);
    }

    pub(crate) fn put_part(&mut self, info: &PartInfo, data: Bytes) {
        self.bytes += data.len();
        let lane = self.lanes.entry(info.track).or_default();
        let segment = lane.segments.entry(info.segment).or_default();
        segment.jumps |= info.discontinuity;
        segment.parts.push(data);
    }

    /// The segment has got its last part.
    pub(crate) fn close(&mut self, track: Option<TrackId>, number: u64) {
        let lane = self.lanes.entry(track).or_default();
        lane.segments.entry(number).or_default().whole = true;
    }

    pub(crate) fn drop_segment(&mut self, track: Option<TrackId>, number: u64) {
        let lane = self.lanes.entry(track).or_default();
        if let Some(segment) = lane.segments.remove(&number) {
            self.bytes -= segment.len();
        }
    }

    pub(crate) fn drop_init(&mut self, track: Option<TrackId>, number: u32) {
        let lane = self.lanes.entry(track).or_default();
        lane.inits.remove(&number);
    }

    /// Drops the oldest segment that is not the last one of its lane.
    pub(crate) fn drop_oldest(&mut self) -> bool {
        let spare = self
            .lanes
            .iter()
            .filter(|(_, lane)| lane.segments.len() > 1);
        let oldest =
            spare.filter_map(|(track, lane)| Some((*lane.segments.keys().next()?, *track)));
        match oldest.min() {
            Some((number, track)) => {
                self.drop_segment(track, number);
                true
            }
            None => false,
        }
    }

    pub(crate) fn init(&self, track: Option<TrackId>, number: u32) -> Option<Bytes> {
        self.lanes.get(&track)?.inits.get(&number).cloned()
    }

    /// A segment, be it whole or not.
    pub(crate) fn segment(&self, track: Option<TrackId>, number: u64) -> Found<&Segment> {
        let Some(lane) = self.lanes.get(&track) else {
            return Found::Never;
        };
        match (lane.segments.get(&number), lane.segments.last_key_value()) {
            (Some(segment), _) => Found::Here(segment),
            (None, Some((last, _))) if *last + 1 == number => Found::Coming,
            _ => Found::Never,
        }
    }

    /// Whether a period that begins with the segment `first` ends before the segment `number`; the newest one has ended where
    /// nothing is `coming`.
    pub(crate) fn is_past(
        &self,
        track: Option<TrackId>,
        (first, number): (u64, u64),
        coming: bool,
    ) -> bool {
        let segments = self.lanes.get(&track).map(|lane| &lane.segments);
        let mut later = segments.into_iter().flat_map(|all| all.range(first..));
        let next = later.any(|(at, segment)| segment.jumps && *at > first && *at <= number);
        let last = segments.and_then(|segments| segments.last_key_value());
        next || !coming && last.is_some_and(|(last, _)| (first..number).contains(last))
    }

    /// A part of a segment.
    pub(crate) fn part(&self, track: Option<TrackId>, number: u64, part: usize) -> Found<Bytes> {
        match self.segment(track, number) {
            Found::Here(segment) => match segment.parts.get(part) {
                Some(data) => Found::Here(data.clone()),
                None if !segment.whole && part == segment.parts.len() => Found::Coming,
                None => Found::Never,
            },
            Found::Coming if part == 0 => Found::Coming,
            Found::Coming | Found::Never => Found::Never,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use media::Timescale;

    fn part(track: Option<TrackId>, segment: u64) -> PartInfo {
        PartInfo {
            track,
            segment,
            part: 0,
            init: 0,
            start: 0,
            duration: 1,
            timescale: Timescale::MILLIS,
            independent: true,
            discontinuity: false,
            size: 0,
        }
    }

    #[test]
    fn what_is_here_what_comes_and_what_never_does() {
        let mut store = Store::default();
        let data = |text: &'static str| Bytes::from_static(text.as_bytes());
        assert!(matches!(store.segment(None, 0), Found::Never));
        store.put_part(&part(None, 5), data("ab"));
        assert!(matches!(store.part(None, 5, 0), Found::Here(part) if part == "ab"));
        assert!(matches!(store.part(None, 5, 1), Found::Coming));
        assert!(matches!(store.part(None, 5, 2), Found::Never));
        assert!(matches!(store.part(None, 6, 0), Found::Coming));
        assert!(matches!(store.part(None, 6, 1), Found::Never));
        assert!(matches!(store.segment(None, 7), Found::Never));
        store.put_part(&part(None, 5), data("c"));
        store.close(None, 5);
        assert!(matches!(store.part(None, 5, 2), Found::Never));
        assert_eq!(store.bytes(), 3);
        assert!(!store.drop_oldest());
        store.put_part(&part(Some(TrackId(1)), 9), data("xyz"));
        store.put_part(&part(None, 6), data("d"));
        assert!(store.drop_oldest());
        assert_eq!(store.bytes(), 4);
        assert!(matches!(store.segment(None, 5), Found::Never));
    }

    #[test]
    fn a_period_ends_where_another_begins() {
        let mut store = Store::default();
        for (number, jumps) in [(5, true), (6, false), (7, true), (8, false)] {
            let info = PartInfo {
                discontinuity: jumps,
                ..part(None, number)
            };
            store.put_part(&info, Bytes::from_static(b"a"));
        }
        for (first, number, past, gone) in [
            (5, 6, false, false),
            (5, 7, true, true),
            (5, 99, true, true),
            (7, 8, false, false),
            (7, 99, false, true),
            (8, 5, false, false),
            (2, 4, false, false),
            (u64::MAX, u64::MAX, false, false),
        ] {
            let asked = (first, number);
            assert_eq!(store.is_past(None, asked, true), past, "{asked:?}");
            assert_eq!(store.is_past(None, asked, false), gone, "{asked:?}");
        }
    }
}
