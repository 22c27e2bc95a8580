use super::Sink;
use anyhow::Result;
use media::{Codec, Event, Kind, Sample, Time, Timescale, TrackId, Tracks};
use std::collections::VecDeque;

/// Gives a sink the samples of all tracks in the order of their decoding times, whatever order the input has them in.
///
/// A track waits for the others, so long as what it holds is not longer than [`LONGEST`] or larger than [`LARGEST`].
pub struct Interleave {
    sink: Box<dyn Sink>,
    lanes: Vec<Lane>,
    held: usize,
}

struct Lane {
    id: TrackId,
    timescale: Timescale,
    /// Sparse tracks are not waited for.
    sparse: bool,
    /// With the times of their decoding.
    samples: VecDeque<(Time, Sample)>,
}

const LONGEST: Time = Time::from_millis(10_000);
const LARGEST: usize = 256 << 20;

impl Lane {
    fn first(&self) -> Option<Time> {
        self.samples.front().map(|(time, _)| *time)
    }

    fn span(&self) -> Time {
        match (self.samples.front(), self.samples.back()) {
            (Some((first, _)), Some((last, _))) => *last - *first,
            _ => Time::ZERO,
        }
    }
}

impl Interleave {
    pub fn new(sink: Box<dyn Sink>) -> Self {
        Self {
            sink,
            lanes: Vec::new(),
            held: 0,
        }
    }

    /// Gives out what is certain, or everything.
    fn give(&mut self, all: bool) -> Result<()> {
        loop {
            let waits = !all
                && self.held < LARGEST
                && self
                    .lanes
                    .iter()
                    .any(|lane| lane.samples.is_empty() && !lane.sparse)
                && self.lanes.iter().all(|lane| lane.span() < LONGEST);
            if waits {
                return Ok(());
            }
            let lanes = self.lanes.iter_mut();
            let filled = lanes.filter(|lane| !lane.samples.is_empty());
            let Some(lane) = filled.min_by_key(|lane| lane.first()) else {
                return Ok(());
            };
            if let Some((_, sample)) = lane.samples.pop_front() {
                self.held -= sample.data.len();
                self.sink.handle_sample(sample)?;
            }
        }
    }
}

impl Sink for Interleave {
    fn name(&self) -> String {
        self.sink.name()
    }

    fn can_carry(&self, codec: &Codec) -> bool {
        self.sink.can_carry(codec)
    }

    fn max_tracks(&self) -> usize {
        self.sink.max_tracks()
    }

    fn takes_more_tracks(&self) -> bool {
        self.sink.takes_more_tracks()
    }

    fn keeps_matrix(&self) -> bool {
        self.sink.keeps_matrix()
    }

    fn begins_at_zero(&self) -> bool {
        self.sink.begins_at_zero()
    }

    fn set_tracks(&mut self, tracks: &Tracks) -> Result<()> {
        self.give(true)?;
        self.lanes = tracks
            .iter()
            .map(|track| Lane {
                id: track.id,
                timescale: track.timescale,
                sparse: track.codec.kind() == Kind::Data,
                samples: VecDeque::new(),
            })
            .collect();
        self.sink.set_tracks(tracks)
    }

    fn handle_sample(&mut self, sample: Sample) -> Result<()> {
        if let Some(lane) = self.lanes.iter_mut().find(|lane| lane.id == sample.track) {
            self.held += sample.data.len();
            let time = lane.timescale.time(sample.dts);
            lane.samples.push_back((time, sample));
        }
        self.give(false)
    }

    fn handle_event(&mut self, event: &Event) -> Result<()> {
        // What comes after a jump of the time line has no order with what came before.
        if matches!(event, Event::Discontinuity) {
            self.give(true)?;
        }
        self.sink.handle_event(event)
    }

    fn finish(&mut self) -> Result<()> {
        self.give(true)?;
        self.sink.finish()
    }
}
