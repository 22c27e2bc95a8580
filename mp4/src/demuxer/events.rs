//! Events among fragments (`emsg`) as samples of sparse tracks.

use super::Demuxer;
use crate::boxes::{Emsg, PresentationTime};
use crate::packager::events::codec;
use alloc::vec::Vec;
use bytes::Bytes;
use core::num::NonZeroU32;
use media::{Codec, Event, Flags, Sample, Time, Timescale, Track, TrackId, Tracks};

/// The tracks that events become, and the events whose times are told by the fragment that comes next.
#[derive(Debug, Default)]
pub(super) struct Events {
    /// It is wanted.
    pub(super) on: bool,
    tracks: Vec<Track>,
    /// Those of which an event came, which have been told.
    heard: Vec<TrackId>,
    waiting: Vec<Emsg>,
}

/// Events that wait for a fragment at most.
const WAITING: usize = 64;

/// What the message of an event of this scheme (`scheme_id_uri`) is; `None` for what is no track's.
#[must_use]
pub fn event_codec(scheme: &str) -> Option<Codec> {
    codec(scheme)
}

/// What events among the fragments of these tracks are samples of: timed ID3, SCTE 35 and KLV, each with an id behind those of the
/// movie, and a timescale of 90 kHz.
pub fn event_tracks(tracks: &Tracks) -> impl Iterator<Item = Track> + use<> {
    let last = tracks.iter().map(|track| track.id.0).max().unwrap_or(0);
    let ids = (last.saturating_add(1)..).map(TrackId);
    let codecs = [Codec::Id3, Codec::Scte35, Codec::Klv];
    ids.zip(codecs)
        .map(|(id, codec)| Track::new(id, Timescale::KHZ_90, codec))
}

impl Demuxer {
    /// With events: timed ID3, SCTE 35 and KLV that stand between the fragments (`emsg` boxes) are given as samples of
    /// [more tracks](event_tracks). Each of them is told when its first event comes.
    #[must_use]
    pub fn with_events(mut self) -> Self {
        self.emsgs.on = true;
        self
    }

    /// The movie's tracks, and those of events if they are wanted.
    pub(super) fn with_event_tracks(&mut self, tracks: &Tracks) -> Tracks {
        if !self.emsgs.on {
            return tracks.clone();
        }
        self.emsgs.tracks = event_tracks(tracks).collect();
        let Events {
            tracks: events,
            heard,
            ..
        } = &self.emsgs;
        let events = events.iter().filter(|track| heard.contains(&track.id));
        tracks.iter().chain(events).cloned().collect()
    }

    /// Takes an event; one whose time counts from its segment waits for that.
    pub(super) fn emsg(&mut self, emsg: Emsg) {
        match emsg.presentation_time {
            PresentationTime::Absolute(ticks) => {
                if let Some(scale) = Timescale::new(emsg.timescale) {
                    let ticks = i64::try_from(ticks).unwrap_or(i64::MAX);
                    self.give_event(emsg, scale.rescale(ticks, Timescale::KHZ_90));
                }
            }
            PresentationTime::FromSegment(_) if self.emsgs.waiting.len() < WAITING => {
                self.emsgs.waiting.push(emsg);
            }
            PresentationTime::FromSegment(_) => {}
        }
    }

    /// A fragment begins, whose first picture or sound is shown at this time.
    pub(super) fn events_from(&mut self, start: Time) {
        for emsg in core::mem::take(&mut self.emsgs.waiting) {
            let PresentationTime::FromSegment(delta) = emsg.presentation_time else {
                continue;
            };
            if let Some(scale) = Timescale::new(emsg.timescale) {
                let time = start + scale.time(delta.into());
                self.give_event(emsg, Timescale::KHZ_90.ticks(time));
            }
        }
    }

    fn give_event(&mut self, emsg: Emsg, pts: i64) {
        let Some(codec) = codec(&emsg.scheme_id_uri) else {
            return;
        };
        let mut tracks = self.emsgs.tracks.iter();
        let Some(track) = tracks.find(|track| track.codec == codec) else {
            return;
        };
        let track = track.id;
        if !self.emsgs.heard.contains(&track) {
            self.emsgs.heard.push(track);
            self.tell_tracks();
        }
        let scale = Timescale::new(emsg.timescale);
        let known = Some(emsg.event_duration).filter(|ticks| *ticks < u32::MAX);
        let duration = known.zip(scale).and_then(|(ticks, scale)| {
            let ticks = scale.rescale(ticks.into(), Timescale::KHZ_90);
            NonZeroU32::new(u32::try_from(ticks).ok()?)
        });
        self.events.push_back(Event::Sample(Sample {
            track,
            dts: pts,
            pts,
            duration,
            flags: Flags::SYNC,
            data: Bytes::from(emsg.message_data),
        }));
    }
}
