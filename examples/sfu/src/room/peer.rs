//! Somebody in a room, and the connection to them.

use super::estimate::Estimate;
use super::slot::Slot;
use super::tap::Tap;
use super::track::Track;
use crate::message::{Assignment, Person, Source, Tile};
use common::webrtc::Presence;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::time::Instant;
use str0m::Rtc;
use str0m::channel::ChannelId;
use str0m::media::{MediaKind, Mid};
use str0m::rtp::Ssrc;
use str0m::stats::MediaEgressStats;

/// Names somebody, in the whole server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerId(pub u64);

impl fmt::Display for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// How somebody came, which is how they go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entrance {
    /// Over a WebSocket: as long as that lasts.
    Socket,
    /// By WHIP or WHEP: as long as the media connection lasts.
    Http,
    /// As a stream of another protocol: until that ends.
    Stream,
    /// At another node of the cluster: until that tells so, or is gone itself.
    Node,
}

#[derive(Debug)]
pub(super) struct Peer {
    pub(super) id: PeerId,
    pub(super) name: String,
    pub(super) entrance: Entrance,
    /// The connection to them; none to who is a [`Guest`](super::Guest).
    pub(super) rtc: Option<Rtc>,
    /// Whether packets can be sent.
    pub(super) connected: bool,
    /// Whether they are still here.
    pub(super) presence: Presence,
    /// When `rtc` wants to be asked again.
    pub(super) deadline: Option<Instant>,
    /// What the page says its sections carry.
    pub(super) sources: BTreeMap<String, Source>,
    pub(super) muted: Vec<Source>,
    /// Whether they cannot be asked for keyframes: what is sent since the last one is kept instead.
    pub(super) unasked: bool,
    /// What is wrong with what they send.
    pub(super) warning: Option<String>,
    /// Whether they are told the layers inside a stream of AV1: who is not takes each size for a picture of its own.
    pub(super) is_told_layers: bool,
    pub(super) tracks: Vec<Track>,
    /// Whether what they send is taken, whatever is done with the others.
    pub(super) takes: bool,
    /// What is taken of them, and of their screen.
    pub(super) taps: [Tap; 2],
    /// Which track and layer a stream is.
    pub(super) streams: HashMap<Ssrc, (Mid, usize)>,
    pub(super) slots: Vec<Slot>,
    /// Open data channels and their labels.
    pub(super) channels: Vec<(ChannelId, String)>,
    /// What is on the screen, where the page has told.
    pub(super) view: Option<Vec<Tile>>,
    /// Bits per second that can be sent to them.
    pub(super) estimate: Estimate,
    /// Bits per second for which the estimate is to look.
    pub(super) desired: u64,
    /// The estimate that they were told.
    pub(super) told: u64,
    /// What they were told that their sections carry.
    pub(super) told_sections: Vec<Assignment>,
    /// Sections that they were asked to offer.
    pub(super) asked: [usize; 2],
}

impl Peer {
    pub(super) fn new(
        id: PeerId,
        name: &str,
        entrance: Entrance,
        rtc: Option<Rtc>,
        now: Instant,
    ) -> Self {
        Self {
            id,
            name: name.chars().filter(|c| !c.is_control()).take(64).collect(),
            entrance,
            rtc,
            connected: false,
            presence: Presence::new(now),
            deadline: None,
            sources: BTreeMap::new(),
            muted: Vec::new(),
            unasked: false,
            warning: None,
            is_told_layers: false,
            tracks: Vec::new(),
            takes: false,
            taps: Tap::both(id, now),
            streams: HashMap::new(),
            slots: Vec::new(),
            channels: Vec::new(),
            view: None,
            estimate: Estimate::new(now),
            desired: 0,
            told: 0,
            told_sections: Vec::new(),
            asked: [0; 2],
        }
    }

    pub(super) fn person(&self) -> Person {
        let mut sources: Vec<_> = self.tracks.iter().map(|track| track.source).collect();
        sources.sort_unstable();
        let mut muted = self.muted.clone();
        muted.sort_unstable();
        Person {
            id: self.id.to_string(),
            name: self.name.clone(),
            sources,
            muted,
            warning: self.warning.clone(),
        }
    }

    /// What they report of a section: something new is a sign of life, as only they can have sent it.
    pub(super) fn reported(&mut self, stats: &MediaEgressStats, now: Instant) {
        let requests = stats.nacks + stats.plis + stats.firs;
        let report = stats.remote.as_ref();
        let report = report.map(|report| (*report.maximum_sequence_number, report.jitter));
        let reported = Some((requests, report, stats.rtt));
        if let Some(slot) = self.slot(stats.mid)
            && slot.reported != reported
        {
            slot.reported = reported;
            self.presence.heard(now);
        }
    }

    /// Whether they get what others send, and others what they do: not before they are connected, as some never are.
    pub(super) const fn takes_part(&self) -> bool {
        self.connected || self.rtc.is_none()
    }

    /// Tracks of sound and of pictures.
    pub(super) fn sends(&self) -> [usize; 2] {
        let is_audio = |track: &&Track| track.source.is_audio();
        let audio = self.tracks.iter().filter(is_audio).count();
        [audio, self.tracks.len() - audio]
    }

    pub(super) fn track(&mut self, mid: Mid) -> Option<&mut Track> {
        self.tracks.iter_mut().find(|track| track.mid == mid)
    }

    pub(super) fn slot(&mut self, mid: Mid) -> Option<&mut Slot> {
        self.slots.iter_mut().find(|slot| slot.mid == mid)
    }

    /// Receiving sections of a kind.
    pub(super) fn sections(&self, kind: MediaKind) -> usize {
        self.slots.iter().filter(|slot| slot.kind == kind).count()
    }
}

impl Slot {
    /// What the page is told of it; `layer` is what the one is called that is sent.
    pub(super) fn assignment(&self, layer: Option<String>) -> Assignment {
        Assignment {
            mid: self.mid.to_string(),
            peer: self.feed.as_ref().map(|feed| feed.peer.to_string()),
            source: self.feed.as_ref().map(|feed| feed.source),
            layer,
        }
    }
}
