//! People without a connection: those whom another node has, and streams of other protocols. Their packets are handed in, and what is
//! to be told them is handed out.

use super::layers::Offer;
use super::peer::{Entrance, Peer};
use super::track::Track;
use super::{Packet, PeerId, Refusal, Room};
use crate::message::Source;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::time::Instant;
use str0m::format::{CodecSpec, PayloadParams};
use str0m::media::{Mid, Rid};
use str0m::rtp::Ssrc;

/// Most tracks of a guest, and layers of a track: other nodes are believed, but not without limit.
const MOST_TRACKS: usize = 16;
const MOST_LAYERS: usize = 8;

/// Who they are, and what they send.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guest {
    /// What they call themselves.
    pub name: String,
    /// What they send.
    pub tracks: Vec<GuestTrack>,
    /// Whether they cannot be asked for keyframes, as publishers of other protocols.
    #[serde(default)]
    pub unasked: bool,
    /// What is wrong with what they send, for people to read.
    #[serde(default)]
    pub warning: Option<String>,
}

/// A track of theirs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuestTrack {
    /// By which it is called; no other one of theirs is called that.
    pub mid: String,
    /// What it shows or carries.
    pub source: Source,
    /// Whether it is silent, or shows nothing.
    pub muted: bool,
    /// Its encodings, by their place: the `rid` and how it is coded.
    pub layers: Vec<(Option<String>, CodecSpec)>,
    /// What comes of each of them, in bits per second and lines of a picture (0: not known), as far as something does: so that
    /// who is to get it can be found out where it does not come.
    #[serde(default)]
    pub offers: Vec<Option<(u64, u32)>>,
}

/// What a room has for others than its people.
#[derive(Debug, Clone)]
pub enum Outbound {
    /// A guest is to send a keyframe.
    Keyframe {
        /// Who.
        id: PeerId,
        /// Of which track.
        track: Mid,
        /// Of which of its encodings.
        layer: usize,
    },
    /// Somebody here has sent a packet; only where [`Room::relay`] asked for it.
    Packet {
        /// Who.
        id: PeerId,
        /// Of which track.
        track: Mid,
        /// Of which of its encodings.
        layer: usize,
        /// It.
        packet: Box<Packet>,
    },
    /// Somebody here has written to a data channel; only where [`Room::relay`] asked for it.
    Said {
        /// The name of the channel.
        label: String,
        /// Whether it is not text.
        binary: bool,
        /// It.
        data: Vec<u8>,
    },
}

impl Room {
    /// A guest comes, or is another one than before: `id` is new in the whole server, or theirs already. `entrance` is
    /// [`Entrance::Stream`] or [`Entrance::Node`].
    ///
    /// # Errors
    /// If the room is full.
    pub fn host(
        &mut self,
        id: PeerId,
        guest: &Guest,
        entrance: Entrance,
        now: Instant,
    ) -> Result<(), Refusal> {
        if !self.peers.contains_key(&id) {
            if self.peers.len() >= self.config.max_peers {
                return Err(Refusal::Full);
            }
            self.seat(Peer::new(id, &guest.name, entrance, None, now));
        }
        let Some(peer) = self.peers.get_mut(&id).filter(|peer| peer.rtc.is_none()) else {
            return Err(Refusal::Stranger);
        };
        let before = peer.person();
        peer.unasked = guest.unasked;
        peer.warning.clone_from(&guest.warning);
        let had = peer.tracks.len();
        peer.tracks
            .retain(|track| guest.tracks.iter().any(|other| other.is(track)));
        let mut is_new = peer.tracks.len() != had;
        let mut unmuted = Vec::new();
        for told in guest.tracks.iter().take(MOST_TRACKS) {
            let index = match peer.tracks.iter().position(|track| told.is(track)) {
                Some(index) => index,
                None => {
                    is_new = true;
                    peer.tracks
                        .push(Track::new(Mid::from(told.mid.as_str()), told.source));
                    peer.tracks.len() - 1
                }
            };
            let Some(track) = peer.tracks.get_mut(index) else {
                continue;
            };
            if track.muted && !told.muted {
                unmuted.extend(track.readers.iter().copied());
            }
            track.muted = told.muted;
            for (place, (rid, spec)) in told.layers.iter().take(MOST_LAYERS).enumerate() {
                let params = PayloadParams::new(0.into(), None, *spec);
                match track.layers.get_mut(place) {
                    Some(layer) if layer.params.spec() == *spec => {}
                    Some(layer) => layer.params = params,
                    None => {
                        let rid = rid.as_deref().map(Rid::from);
                        track.layer(Ssrc::from(place as u32), rid, params, now);
                    }
                }
            }
            for (layer, offer) in track.layers.iter_mut().zip(&told.offers) {
                layer.told = offer.map(|(rate, height)| (Offer { rate, height }, now));
            }
        }
        peer.muted = peer
            .tracks
            .iter()
            .filter(|track| track.muted)
            .map(|track| track.source)
            .collect();
        let changed = peer.person() != before;
        for (reader, section) in unmuted {
            let receiver = self.peers.get_mut(&reader);
            if let Some(slot) = receiver.and_then(|peer| peer.slot(section)) {
                slot.restart();
            }
            self.choose_layers_for(reader, now);
        }
        if changed {
            self.tell_changed(id);
        }
        if is_new {
            self.ask_all_for_sections();
            self.reassign(now);
        }
        Ok(())
    }

    /// A packet of a guest, of the encoding at this place of one of their tracks.
    pub fn handle_packet(
        &mut self,
        id: PeerId,
        track: &str,
        layer: usize,
        packet: Packet,
        now: Instant,
    ) {
        self.counters.received += 1;
        self.pass(id, Mid::from(track), layer, packet, now);
    }

    /// Somebody elsewhere cannot go on without a keyframe of what somebody here sends.
    pub fn ask_keyframe(&mut self, id: PeerId, track: &str, layer: usize, now: Instant) {
        self.want_keyframe(id, Mid::from(track), layer, now);
    }

    /// Somebody elsewhere has written to a data channel.
    pub fn hear(&mut self, label: &str, binary: bool, data: &[u8]) {
        self.say(None, label, binary, data);
    }

    /// Whether what is sent here is to go to other nodes, by [`Self::poll_outbound`].
    pub fn relay(&mut self, relays: bool) {
        self.relays = relays;
    }

    /// What is for others than people.
    pub fn poll_outbound(&mut self) -> Option<Outbound> {
        self.outbound.pop_front()
    }

    /// Those who are here, and not at another node, as guests elsewhere.
    pub fn locals(&self, now: Instant) -> impl Iterator<Item = (PeerId, Guest)> {
        let here = |peer: &&Peer| peer.entrance != Entrance::Node;
        self.peers
            .values()
            .filter(here)
            .map(move |peer| (peer.id, peer.as_guest(now)))
    }

    /// What of the pictures of other nodes' people somebody here gets, or is about to get: whose, of which track, which of its encodings. The
    /// others need not come.
    #[must_use]
    pub fn wants(&self) -> HashSet<(PeerId, Mid, usize)> {
        let is_elsewhere = |id: &PeerId| {
            let peer = self.peers.get(id);
            peer.is_some_and(|peer| peer.entrance == Entrance::Node)
        };
        let slots = self.peers.values().flat_map(|peer| &peer.slots);
        let feeds = slots.filter_map(|slot| slot.feed.as_ref());
        let shown = feeds.filter(|feed| !feed.source.is_audio() && is_elsewhere(&feed.peer));
        let shown = shown.flat_map(|feed| {
            let wanted = feed.wanted.map(|rung| rung.layer);
            let layers = feed.current.into_iter().chain(wanted);
            layers.map(|layer| (feed.peer, feed.track, layer))
        });
        // What is taken is the best of all; and of who cannot be asked for keyframes it is kept what came since the last one.
        let whole = self.peers.values().flat_map(|peer| {
            let tracks = peer.tracks.iter();
            let tracks = tracks.filter(|track| peer.unasked || track.lane.is_some());
            tracks
                .flat_map(|track| (0..track.layers.len()).map(|layer| (peer.id, track.mid, layer)))
        });
        shown.chain(whole).collect()
    }
}

/// Whether people are the same but for what comes of them, which always changes.
pub(crate) fn are_alike(people: &[(PeerId, Guest)], others: &[(PeerId, Guest)]) -> bool {
    let alike = |((id, guest), (other, told)): (&(PeerId, Guest), &(PeerId, Guest))| {
        id == other && guest.is_like(told)
    };
    people.len() == others.len() && people.iter().zip(others).all(alike)
}

impl Guest {
    fn is_like(&self, other: &Self) -> bool {
        let without = |guest: &Self| {
            let mut guest = guest.clone();
            guest
                .tracks
                .iter_mut()
                .for_each(|track| track.offers.clear());
            guest
        };
        without(self) == without(other)
    }
}

impl GuestTrack {
    fn is(&self, track: &Track) -> bool {
        track.mid == Mid::from(self.mid.as_str()) && track.source == self.source
    }
}

impl Peer {
    fn as_guest(&self, now: Instant) -> Guest {
        let tracks = self.tracks.iter().map(|track| GuestTrack {
            mid: track.mid.to_string(),
            source: track.source,
            muted: track.muted,
            layers: track
                .layers
                .iter()
                .map(|layer| {
                    let rid = layer.rid.map(|rid| rid.to_string());
                    (rid, layer.params.spec())
                })
                .collect(),
            offers: track
                .layers
                .iter()
                .map(|layer| layer.offer(now).map(|offer| (offer.rate, offer.height)))
                .collect(),
        });
        Guest {
            name: self.name.clone(),
            tracks: tracks.collect(),
            unasked: self.unasked,
            warning: self.warning.clone(),
        }
    }
}
