//! The segments of a stream, in memory: whole, or as far as they have come.

use bytes::Bytes;
use media::TrackId;
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

    pub(crate) fn put_part(&mut self, track: Option<TrackId>, number: u64, data: Bytes) {
        self.bytes += data.len();
        let lane = self.lanes.entry(track).or_default();
        lane.segments.entry(number).or_default().parts.push(data);
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

    #[test]
    fn what_is_here_what_comes_and_what_never_does() {
        let mut store = Store::default();
        let data = |text: &'static str| Bytes::from_static(text.as_bytes());
        assert!(matches!(store.segment(None, 0), Found::Never));
        store.put_part(None, 5, data("ab"));
        assert!(matches!(store.part(None, 5, 0), Found::Here(part) if part == "ab"));
        assert!(matches!(store.part(None, 5, 1), Found::Coming));
        assert!(matches!(store.part(None, 5, 2), Found::Never));
        assert!(matches!(store.part(None, 6, 0), Found::Coming));
        assert!(matches!(store.part(None, 6, 1), Found::Never));
        assert!(matches!(store.segment(None, 7), Found::Never));
        store.put_part(None, 5, data("c"));
        store.close(None, 5);
        assert!(matches!(store.part(None, 5, 2), Found::Never));
        assert_eq!(store.bytes(), 3);
        assert!(!store.drop_oldest());
        store.put_part(Some(TrackId(1)), 9, data("xyz"));
        store.put_part(None, 6, data("d"));
        assert!(store.drop_oldest());
        assert_eq!(store.bytes(), 4);
        assert!(matches!(store.segment(None, 5), Found::Never));
    }
}
