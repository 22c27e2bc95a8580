//! What sample descriptions cannot tell, the first samples do: until then the tracks wait, so that they are told once.

use super::{Demuxer, State};
use media::{Event, Track, TrackId};

impl Demuxer {
    /// Whether events are held back for what the first samples of some tracks tell, as long as they are not too many.
    pub(super) fn waits(&self) -> bool {
        /// Events held back, and bytes of samples in them.
        const HELD: (usize, usize) = (1024, 4 << 20);
        if !self.learning || self.state == State::Over || self.error.is_some() {
            return false;
        }
        let bytes = self.events.iter().map(|event| match event {
            Event::Sample(sample) => sample.data.len(),
            _ => 0,
        });
        self.events.len() < HELD.0 && bytes.fold(0, usize::saturating_add) < HELD.1
    }

    /// A track has had a sample: what that told of its codec goes into the tracks that wait.
    pub(super) fn learn(&mut self, id: TrackId, refined: bool) {
        let Some(lane) = self.lanes.iter_mut().find(|lane| lane.track.id == id) else {
            return;
        };
        lane.is_known = true;
        let codec = lane.track.codec.clone();
        self.learning = self.lanes.iter().any(|lane| !lane.is_known);
        if !refined {
            return;
        }
        let mut waiting = false;
        for event in &mut self.events {
            if let Event::Tracks(tracks) = event {
                waiting = true;
                let refine = |track: &Track| {
                    let mut track = track.clone();
                    if track.id == id {
                        track.codec = codec.clone();
                    }
                    track
                };
                *tracks = tracks.iter().map(refine).collect();
            }
        }
        if !waiting {
            let tracks = self.lane_tracks();
            self.events.push_front(Event::Tracks(tracks));
        }
    }
}
