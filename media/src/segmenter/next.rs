use super::track::Lane;
use super::{Config, sets};
use crate::{Kind, Sample, Track, TrackId, Tracks};
use alloc::vec::Vec;

/// Tracks that take effect at the next sync sample of their lead.
#[derive(Debug)]
pub(super) struct Next {
    pub(super) tracks: Tracks,
    /// With what has come of those that are new.
    pub(super) lanes: Vec<Lane>,
    pub(super) lead: Option<TrackId>,
    in_band: bool,
}

impl Next {
    /// In place of others that have not taken effect.
    pub(super) fn new(tracks: &Tracks, before: Option<Self>, in_band: bool) -> Self {
        let mut held: Vec<(Track, Lane)> = before.map_or(Vec::new(), |before| {
            before.tracks.iter().cloned().zip(before.lanes).collect()
        });
        let lane = |track: &Track| {
            let known = held.iter().position(|(known, _)| known == track);
            #[expect(clippy::disallowed_methods, reason = "the place was just found")]
            known.map_or_else(|| Lane::new(track), |place| held.swap_remove(place).1)
        };
        Self {
            lanes: tracks.iter().map(lane).collect(),
            lead: tracks
                .first_of(Kind::Video)
                .or_else(|| tracks.first_of(Kind::Audio))
                .or_else(|| tracks.first())
                .map(|track| track.id),
            tracks: tracks.clone(),
            in_band,
        }
    }

    /// Whether a track is one of these, but for what samples can carry.
    pub(super) fn has(&self, track: &Track) -> bool {
        sets::same(track, &self.tracks, self.in_band).is_some()
    }

    /// The same of the track that has this id now.
    pub(super) fn has_of(&self, id: TrackId, now: &Tracks) -> bool {
        now.find(id).is_some_and(|track| self.has(track))
    }

    /// Takes a sample of a track that is new; says whether more wait than may.
    pub(super) fn push(&mut self, sample: Sample, config: &Config) -> bool {
        let mut lanes = self.lanes.iter_mut();
        lanes
            .find(|lane| lane.id == sample.track)
            .is_some_and(|lane| {
                lane.push(sample);
                lane.is_full(config)
            })
    }

    /// Tracks that go on need no sync sample first.
    pub(super) fn go_on(&mut self, lanes: &[Lane], tracks: &Tracks) {
        for (lane, track) in lanes.iter().zip(tracks) {
            if lane.goes_on()
                && self.has(track)
                && let Some(next) = self.lanes.iter_mut().find(|next| next.id == lane.id)
            {
                next.start();
            }
        }
    }

    /// Drops what is before this sample of the lead, now and later; all, where there is none. Says how much. Tracks that go on have
    /// nothing that waits.
    pub(super) fn begin_at(&mut self, sample: Option<&Sample>, now: &Tracks) -> usize {
        let lead = self.lanes.iter().find(|lane| Some(lane.id) == self.lead);
        let time = lead
            .zip(sample)
            .map(|(lead, sample)| lead.timescale.time(sample.pts));
        let goes_on = |id| {
            now.find(id)
                .is_some_and(|now| sets::same(now, &self.tracks, self.in_band).is_some())
        };
        let lanes = self.lanes.iter_mut();
        // Nothing of the lead has been taken, and its pictures may be shown in another order.
        let new = lanes.filter(|lane| Some(lane.id) != self.lead && !goes_on(lane.id));
        new.map(|lane| lane.begin_at(time)).sum()
    }

    pub(super) fn held_bytes(&self) -> usize {
        self.lanes.iter().map(Lane::held_bytes).sum()
    }
}
