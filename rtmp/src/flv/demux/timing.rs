//! When tracks and samples are given, and at which times.

use super::{Demuxer, Unit, kind_of};
use media::{Codec, Event, Kind, Sample, Track, TrackId, Tracks};

/// Milliseconds of media after which the first tracks are told without the missing one.
const PATIENCE: i64 = 1000;
/// Milliseconds that times must go back to count as a jump; less is jitter.
const JUMP: i64 = 1000;

impl Demuxer {
    /// Tells the tracks again where they have been told, or for the first time where that was waited for.
    pub(super) fn tell_tracks(&mut self) {
        if self.held.is_none() {
            let tracks = self.tracks();
            self.events.push_back(Event::Tracks(tracks));
        } else {
            self.start_if_complete();
        }
    }

    fn tracks(&self) -> Tracks {
        let inputs = self.inputs.iter();
        let tracks = inputs.filter_map(|input| {
            let setup = input.setup.as_ref()?;
            let mut track = Track::new(input.id, setup.grid.timescale(), setup.codec.clone());
            if let Codec::Opus(opus) = &setup.codec {
                track.priming = opus.pre_skip.into();
            }
            Some(track)
        });
        tracks.collect()
    }

    pub(super) fn start_if_complete(&mut self) {
        let known = |id: &TrackId| {
            let input = self.inputs.iter().find(|input| input.id == *id);
            input.is_some_and(|input| input.setup.is_some() || input.refused)
        };
        let complete = match &self.told.tracks[..] {
            [] => [TrackId(1), TrackId(2)].iter().all(known),
            tracks => tracks.iter().all(known),
        };
        if complete {
            self.start();
        }
    }

    /// Tells the first tracks, if there are any, and lets go of what waited for them.
    pub(super) fn start(&mut self) {
        let tracks = self.tracks();
        if tracks.is_empty() {
            return;
        }
        if let Some(held) = self.held.take() {
            self.held_bytes = 0;
            self.events.push_back(Event::Tracks(tracks));
            for unit in held {
                self.give(unit);
            }
        }
    }

    pub(super) fn push(&mut self, unit: Unit) {
        let Some(held) = &mut self.held else {
            return self.give(unit);
        };
        let waited = held.first().map_or(0, |first| {
            unit.stamp.millis.saturating_sub(first.stamp.millis)
        });
        self.held_bytes = self.held_bytes.saturating_add(unit.data.len());
        held.push(unit);
        if waited.abs() >= PATIENCE
            || held.len() >= self.limits.held_samples
            || self.held_bytes >= self.limits.incomplete_bytes
        {
            self.start();
        }
    }

    /// The time line jumps, for all tracks.
    pub(super) fn reset(&mut self) {
        self.events.push_back(Event::Discontinuity);
        for input in &mut self.inputs {
            input.last = None;
            if let Some(setup) = &mut input.setup {
                setup.grid.reset();
            }
        }
    }

    /// Gives a sample with its times in ticks.
    fn give(&mut self, unit: Unit) {
        let Unit {
            track,
            mut stamp,
            composition,
            flags,
            data,
        } = unit;
        let Some(input) = self.input(track) else {
            return;
        };
        let back = |last: i64| stamp.millis < last.saturating_sub(JUMP);
        if input.last.is_some_and(back) {
            self.reset();
        }
        let Some(input) = self.input(track) else {
            return;
        };
        input.last = Some(stamp.millis);
        if let Some(setup) = &mut input.setup {
            let is_video = kind_of(track) == Kind::Video;
            // Audio is presented when it is decoded.
            if !is_video {
                stamp.nanos = composition.nanos;
            }
            let dts = setup.grid.dts(stamp, setup.codec.duration(&data));
            let pts = if is_video {
                setup.grid.pts(dts, composition)
            } else {
                dts
            };
            self.events.push_back(Event::Sample(Sample {
                track,
                dts,
                pts,
                duration: None,
                flags,
                data,
            }));
        }
    }
}
