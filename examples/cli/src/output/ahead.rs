use super::Sink;
use anyhow::Result;
use media::{Codec, Event, Kind, Sample, Time, Timescale, TrackId, Tracks};
use std::collections::VecDeque;

/// Moves the decoding of pictures ahead where some are shown before they are decoded, for formats that have no such times.
///
/// QuickTime and CMAF let a track begin with its first picture decoded as it is shown, so that those behind it that are shown out of
/// order have offsets below zero. How far decoding has to be moved is seen in the first pictures; if it turns out later that
/// it was too little, decoding times move together there. When pictures are shown stays what it is.
pub struct Ahead {
    sink: Box<dyn Sink>,
    lanes: Vec<Lane>,
}

struct Lane {
    id: TrackId,
    timescale: Timescale,
    /// What waits until enough is seen; none once that is so.
    held: Option<VecDeque<Sample>>,
    /// Ticks by which decoding is moved.
    shift: i64,
    /// When the last picture was decoded.
    last: Option<i64>,
}

/// The deepest reordering that codecs know, and the picture that it is seen at.
const PICTURES: usize = 17;
/// No encoder holds pictures back for longer.
const LONGEST: Time = Time::from_millis(2000);

impl Lane {
    /// Whether what is held tells how pictures are reordered: they are decoded before they are shown from the start, or there are enough.
    fn is_seen(&self) -> bool {
        let Some(held) = &self.held else { return true };
        let (Some(first), Some(last)) = (held.front(), held.back()) else {
            return false;
        };
        let span = self.timescale.time(last.dts.saturating_sub(first.dts));
        first.pts > first.dts || held.len() >= PICTURES || span >= LONGEST
    }

    fn moved(&mut self, mut sample: Sample) -> Sample {
        self.shift = self.shift.max(sample.dts.saturating_sub(sample.pts));
        let dts = sample.dts.saturating_sub(self.shift);
        // Where it is moved further than before, those decoded before are in the way.
        let after = self.last.map_or(dts, |last| last.saturating_add(1));
        sample.dts = dts.max(after.min(sample.dts)).min(sample.pts);
        self.last = Some(sample.dts);
        sample
    }
}

impl Ahead {
    pub fn new(sink: Box<dyn Sink>) -> Self {
        Self {
            sink,
            lanes: Vec::new(),
        }
    }

    /// Gives what the lane holds.
    fn release(&mut self, index: usize) -> Result<()> {
        let Some(lane) = self.lanes.get_mut(index) else {
            return Ok(());
        };
        let held = lane.held.take().unwrap_or_default();
        let ahead = held.iter().map(|one| one.dts.saturating_sub(one.pts));
        lane.shift = ahead.fold(lane.shift, i64::max);
        for sample in held {
            let sample = lane.moved(sample);
            self.sink.handle_sample(&sample)?;
        }
        Ok(())
    }

    fn release_all(&mut self) -> Result<()> {
        (0..self.lanes.len()).try_for_each(|index| self.release(index))
    }
}

impl Sink for Ahead {
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

    fn set_tracks(&mut self, tracks: &Tracks) -> Result<()> {
        self.release_all()?;
        let before = std::mem::take(&mut self.lanes);
        let video = tracks.iter().filter(|one| one.codec.kind() == Kind::Video);
        self.lanes = video
            .map(|track| {
                let same = |lane: &&Lane| lane.id == track.id && lane.timescale == track.timescale;
                let known = before.iter().find(same);
                Lane {
                    id: track.id,
                    timescale: track.timescale,
                    held: known.is_none().then(VecDeque::new),
                    shift: known.map_or(0, |lane| lane.shift),
                    last: known.and_then(|lane| lane.last),
                }
            })
            .collect();
        self.sink.set_tracks(tracks)
    }

    fn handle_sample(&mut self, sample: &Sample) -> Result<()> {
        let Some(index) = self.lanes.iter().position(|one| one.id == sample.track) else {
            return self.sink.handle_sample(sample);
        };
        let lane = &mut self.lanes[index];
        let Some(held) = &mut lane.held else {
            let sample = lane.moved(sample.clone());
            return self.sink.handle_sample(&sample);
        };
        held.push_back(sample.clone());
        if lane.is_seen() {
            self.release(index)?;
        }
        Ok(())
    }

    fn handle_event(&mut self, event: &Event) -> Result<()> {
        // Times begin anew behind a jump; how pictures are reordered stays.
        if matches!(event, Event::Discontinuity) {
            self.release_all()?;
            self.lanes.iter_mut().for_each(|lane| lane.last = None);
        }
        self.sink.handle_event(event)
    }

    fn finish(&mut self) -> Result<()> {
        self.release_all()?;
        self.sink.finish()
    }
}
