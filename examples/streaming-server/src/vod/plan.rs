//! Where the segments of a file begin and end, on each track: decided once, from samples without their bytes.

use bytes::Bytes;
use media::{
    Codec, Event, Kind, Sample, Segmented, Segmenter, Time, Track, TrackId, Tracks, segmenter,
};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// How long segments are to be.
pub(super) const TARGET: Duration = Duration::from_secs(6);
/// Samples stand in for their bytes by as many of these.
static ZEROS: [u8; 4 << 20] = [0; 4 << 20];

/// The segments of a file.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) tracks: Tracks,
    pub(super) segments: Vec<Segment>,
    /// The first sample of each track, without its bytes.
    pub(super) first: BTreeMap<TrackId, Sample>,
    /// Timed metadata and cues, in the order in which they came.
    pub(super) events: Vec<Timed>,
}

/// Something that is meant for a time.
#[derive(Debug)]
pub(super) struct Timed {
    pub(super) time: Time,
    /// An ID3 tag; else it is a section of SCTE 35.
    pub(super) is_id3: bool,
    pub(super) data: Bytes,
}

/// Most of these that are kept, and their bytes.
const MOST_EVENTS: usize = 100_000;
const MOST_EVENT_BYTES: usize = 16 << 20;

/// A segment.
#[derive(Debug, Default)]
pub(super) struct Segment {
    /// When it starts to be shown.
    pub(super) time: Time,
    /// Where reading has to begin for it, in formats that are read from front to back.
    pub(super) offset: u64,
    pub(super) spans: BTreeMap<TrackId, Span>,
}

/// What a segment has of a track.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Span {
    /// Decoding times: of its first sample, and the end of its last one.
    pub(super) start: i64,
    pub(super) end: i64,
    pub(super) bytes: u64,
    pub(super) samples: u32,
}

/// Makes a [`Plan`].
#[derive(Debug)]
pub(super) struct Planner {
    segmenter: Segmenter,
    plan: Plan,
    /// Of samples that went into the segmenter: where reading has to begin for them.
    offsets: BTreeMap<TrackId, VecDeque<u64>>,
    /// The segment that each track is in.
    at: BTreeMap<TrackId, usize>,
    /// Tracks of what is meant for a time.
    timed: Vec<Track>,
    timed_bytes: usize,
}

/// A sample without its bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    pub(super) size: usize,
    pub(super) offset: u64,
}

impl Planner {
    pub(super) fn new() -> Self {
        let mut config = segmenter::Config::segments((TARGET * 95 / 100).into());
        // As long as the file is: what comes before the first picture belongs to it.
        config.lead_in = Time::from_nanos(i64::MAX / 4);
        config.max_wait = Time::from_millis(10_000);
        config.max_held = 1 << 16;
        Self {
            segmenter: Segmenter::new(config),
            plan: Plan::default(),
            offsets: BTreeMap::new(),
            at: BTreeMap::new(),
            timed: Vec::new(),
            timed_bytes: 0,
        }
    }

    pub(super) fn has_tracks(&self) -> bool {
        !self.plan.tracks.is_empty()
    }

    /// Takes the tracks, and again when more is known of them.
    pub(super) fn set_tracks(&mut self, tracks: &Tracks) {
        let carried = |track: &&Track| {
            track.codec.kind() != Kind::Data && mp4::codec::sample_entry(&track.codec).is_ok()
        };
        let is_timed = |track: &&Track| matches!(track.codec, Codec::Id3 | Codec::Scte35);
        self.timed = tracks.iter().filter(is_timed).cloned().collect();
        let tracks: Tracks = tracks.iter().filter(carried).cloned().collect();
        if !self.has_tracks() {
            self.segmenter.handle_event(&Event::Tracks(tracks.clone()));
        } else if !tracks.iter().map(|track| track.id).eq(self
            .plan
            .tracks
            .iter()
            .map(|track| track.id))
        {
            return;
        }
        self.plan.tracks = tracks;
    }

    pub(super) fn push(&mut self, mut sample: Sample, mark: Mark) {
        if self.plan.tracks.find(sample.track).is_none() {
            self.push_timed(sample);
            return;
        }
        sample.data = Bytes::from_static(&ZEROS[..mark.size.min(ZEROS.len())]);
        self.offsets
            .entry(sample.track)
            .or_default()
            .push_back(mark.offset);
        self.segmenter.handle_event(&Event::Sample(sample));
        self.drain();
    }

    fn push_timed(&mut self, sample: Sample) {
        let track = self.timed.iter().find(|track| track.id == sample.track);
        let Some(track) = track.filter(|_| !sample.data.is_empty()) else {
            return;
        };
        self.timed_bytes += sample.data.len();
        if self.plan.events.len() < MOST_EVENTS && self.timed_bytes <= MOST_EVENT_BYTES {
            self.plan.events.push(Timed {
                time: track.timescale.time(sample.pts),
                is_id3: track.codec == Codec::Id3,
                data: sample.data,
            });
        }
    }

    pub(super) fn finish(mut self) -> Plan {
        self.segmenter.finish();
        self.drain();
        // A track that is silent somewhere has its boundaries all the same.
        for index in (0..self.plan.segments.len()).rev() {
            let next = self
                .plan
                .segments
                .get(index + 1)
                .map(|next| next.spans.clone());
            for (track, span) in &mut self.plan.segments[index].spans {
                let behind = next.as_ref().and_then(|next| next.get(track));
                if let Some(behind) = behind.filter(|_| span.samples == 0) {
                    span.end = behind.start;
                }
            }
        }
        self.plan
    }

    fn drain(&mut self) {
        while let Some(segmented) = self.segmenter.poll_output() {
            match segmented {
                Segmented::Cut { track, cut } if cut.part == 0 => {
                    let index = usize::try_from(cut.segment).unwrap_or(usize::MAX);
                    let Some(scale) = self.plan.tracks.find(track).map(|track| track.timescale)
                    else {
                        continue;
                    };
                    if self.plan.segments.len() == index {
                        self.plan.segments.push(Segment {
                            time: scale.time(cut.time),
                            offset: u64::MAX,
                            spans: BTreeMap::new(),
                        });
                    }
                    if let Some(segment) = self.plan.segments.get_mut(index) {
                        let span = Span {
                            start: cut.time,
                            end: cut.time,
                            bytes: 0,
                            samples: 0,
                        };
                        segment.spans.insert(track, span);
                        self.at.insert(track, index);
                    }
                }
                Segmented::Sample(sample) => self.place(sample),
                Segmented::Cut { .. } | Segmented::Tracks(_) | Segmented::End => {}
            }
        }
    }

    fn place(&mut self, mut sample: Sample) {
        let offset = self
            .offsets
            .get_mut(&sample.track)
            .and_then(VecDeque::pop_front);
        let at = self.at.get(&sample.track);
        let Some(segment) = at.and_then(|at| self.plan.segments.get_mut(*at)) else {
            return;
        };
        let Some(span) = segment.spans.get_mut(&sample.track) else {
            return;
        };
        if span.samples == 0 {
            span.start = sample.dts;
            let scale = self
                .plan
                .tracks
                .find(sample.track)
                .map(|track| track.timescale);
            // Where pictures are reordered, what is shown first may be decoded first and shown later.
            if let Some(scale) = scale {
                segment.time = segment.time.max(scale.time(sample.pts));
            }
        }
        let length = sample
            .duration
            .map_or(0, |duration| i64::from(duration.get()));
        span.end = span.end.max(sample.dts.saturating_add(length));
        span.bytes += sample.data.len() as u64;
        span.samples += 1;
        segment.offset = segment.offset.min(offset.unwrap_or(0));
        self.plan.first.entry(sample.track).or_insert_with(|| {
            sample.data = Bytes::new();
            sample
        });
    }
}

impl Plan {
    /// The track that sets the boundaries.
    pub(super) fn lead(&self) -> Option<&Track> {
        let tracks = &self.tracks;
        tracks
            .first_of(Kind::Video)
            .or_else(|| tracks.first_of(Kind::Audio))
    }

    /// ID3 tags that are meant for a segment.
    pub(super) fn id3(&self, index: usize) -> impl Iterator<Item = &Timed> {
        let start = |at: usize| self.segments.get(at).map(|segment| segment.time);
        // What is meant for before the start belongs to the start.
        let (from, to) = (start(index).filter(|_| index > 0), start(index + 1));
        self.events.iter().filter(move |event| {
            let here = from.is_none_or(|from| from <= event.time);
            event.is_id3 && here && to.is_none_or(|to| event.time < to)
        })
    }

    /// The tracks that go into one file: pictures and sound, the first of each, as browsers want them.
    pub(super) fn muxed(&self) -> Tracks {
        let kinds = [Kind::Video, Kind::Audio].into_iter();
        kinds
            .filter_map(|kind| self.tracks.first_of(kind))
            .cloned()
            .collect()
    }

    /// Whether a sample is of a segment; times that are read from the middle of a file may be a little off.
    pub(super) fn place(&self, index: usize, sample: &Sample) -> Place {
        let span = |at: usize| self.segments.get(at)?.spans.get(&sample.track);
        // Who reads from the middle of a file may not be told how long a sample is: as long as the others, then.
        let usual = |here: &Span| (here.end - here.start) / i64::from(here.samples.max(1));
        let usual = span(index).map_or(0, usual);
        let length = sample.duration.map_or(usual, |own| own.get().into());
        let middle = sample.dts.saturating_add(length.min(usual) / 2);
        match (span(index), span(index + 1)) {
            (Some(here), _) if index > 0 && middle < here.start => Place::Before,
            (_, Some(next)) if middle >= next.start => Place::After,
            _ => Place::Here,
        }
    }
}

/// Where a sample lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Before,
    Here,
    After,
}
