//! Which section of a receiver carries what, and in which layer.

use super::layers::{Wish, allocate};
use super::slot::{Feed, Slot};
use super::{PeerId, Room};
use crate::message::{Assignment, Notice, Source};
use std::time::Instant;
use str0m::bwe::Bitrate;
use str0m::media::{MediaKind, Mid};

/// A track that a receiver is to get.
#[derive(Debug, Clone, Copy)]
struct Wanted {
    peer: PeerId,
    track: Mid,
    source: Source,
    /// Nothing comes of it, not yet or not any more.
    silent: bool,
    height: u32,
    priority: u8,
}

impl Room {
    pub(super) fn assign_all(&mut self, now: Instant) {
        let sent = self.all_sent(now);
        for id in self.receivers() {
            self.assign_of(&sent, id, now);
        }
    }

    /// Gives the sections of a receiver what it is to get. What stays, stays where it is.
    pub(super) fn assign(&mut self, id: PeerId, now: Instant) {
        if self.peers.get(&id).is_some_and(|peer| peer.connected) {
            let sent = self.all_sent(now);
            self.assign_of(&sent, id, now);
        }
    }

    /// Those to whom something can be sent.
    fn receivers(&self) -> Vec<PeerId> {
        let connected = self.peers.values().filter(|peer| peer.connected);
        connected.map(|peer| peer.id).collect()
    }

    /// All that can be got here.
    fn all_sent(&self, now: Instant) -> Vec<Wanted> {
        let there = self.peers.values().filter(|peer| peer.takes_part());
        there
            .flat_map(|peer| {
                peer.tracks.iter().map(|track| Wanted {
                    peer: peer.id,
                    track: track.mid,
                    source: track.source,
                    silent: !track.is_sent(now),
                    height: 720,
                    priority: 0,
                })
            })
            .collect()
    }

    fn assign_of(&mut self, sent: &[Wanted], id: PeerId, now: Instant) {
        let changed = [MediaKind::Audio, MediaKind::Video]
            .map(|kind| self.assign_kind(sent, id, kind, now))
            .contains(&true);
        if changed {
            self.tell_assignments(id);
            self.choose_layers_for(id, now);
        }
    }

    fn assign_kind(&mut self, sent: &[Wanted], id: PeerId, kind: MediaKind, now: Instant) -> bool {
        let mut wanted = self.wanted(sent, id, kind, now);
        let Some(peer) = self.peers.get(&id) else {
            return false;
        };
        wanted.truncate(peer.sections(kind));
        let mut changes = Vec::new();
        let mut free = Vec::new();
        for slot in peer.slots.iter().filter(|slot| slot.kind == kind) {
            let feed = slot.feed.as_ref();
            let kept = feed.and_then(|feed| {
                let same = |wish: &Wanted| (wish.peer, wish.track) == (feed.peer, feed.track);
                wanted.iter().position(same)
            });
            match (kept, feed) {
                // It may have grown.
                (Some(index), _) => changes.push((slot.mid, Some(wanted.remove(index)))),
                (None, Some(_)) => {
                    free.push(slot.mid);
                    changes.push((slot.mid, None));
                }
                (None, None) => free.push(slot.mid),
            }
        }
        for (mid, wish) in free.into_iter().zip(wanted) {
            changes.retain(|(other, _)| *other != mid);
            changes.push((mid, Some(wish)));
        }
        let mut changed = false;
        for (mid, wish) in changes {
            changed |= self.feed(id, mid, wish);
        }
        changed
    }

    /// Connects a section to a track, or to nothing. Whether that was new.
    fn feed(&mut self, id: PeerId, section: Mid, wish: Option<Wanted>) -> bool {
        let Some(slot) = self.peers.get_mut(&id).and_then(|peer| peer.slot(section)) else {
            return false;
        };
        let before = slot.feed.as_ref().map(|feed| (feed.peer, feed.track));
        let after = wish.map(|wish| (wish.peer, wish.track));
        if before != after {
            slot.feed_from(wish.map(|wish| Feed::new(wish.peer, wish.track, wish.source)));
        }
        if let (Some(feed), Some(wish)) = (&mut slot.feed, wish) {
            (feed.height, feed.priority) = (wish.height, wish.priority);
        }
        if before == after {
            return false;
        }
        if let Some((peer, track)) = before {
            self.forget_reader(peer, track, (id, section));
        }
        if let Some((peer, track)) = after
            && let Some(track) = self.peers.get_mut(&peer).and_then(|peer| peer.track(track))
        {
            track.readers.push((id, section));
        }
        true
    }

    /// What a receiver is to get, the most important first.
    fn wanted(&self, sent: &[Wanted], id: PeerId, kind: MediaKind, now: Instant) -> Vec<Wanted> {
        let is_audio = kind == MediaKind::Audio;
        let receiver = self.peers.get(&id);
        let Some(receiver) = receiver.filter(|peer| peer.sections(kind) > 0) else {
            return Vec::new();
        };
        let mut all: Vec<Wanted> = sent
            .iter()
            .filter(|wish| wish.peer != id && wish.source.is_audio() == is_audio)
            .copied()
            .collect();
        match &receiver.view {
            Some(view) if !is_audio => {
                let tile = |wish: &Wanted| {
                    let name = wish.peer.to_string();
                    view.iter()
                        .find(|tile| tile.peer == name && tile.source == wish.source)
                };
                all.retain_mut(|wish| match tile(wish) {
                    Some(tile) => {
                        (wish.height, wish.priority) = (tile.height, tile.priority);
                        true
                    }
                    None => false,
                });
                all.sort_by_key(|wish| std::cmp::Reverse(wish.priority));
            }
            _ if is_audio && all.len() > receiver.sections(kind) => all.sort_by(|a, b| {
                let loud = |wish: &Wanted| self.speakers.level(wish.peer, now);
                loud(b).total_cmp(&loud(a))
            }),
            // Screens, then who spoke last, then who came first; before all of those who only seem to be here.
            _ => all.sort_by_key(|wish| {
                let spoke = self.spoken.iter().position(|spoken| *spoken == wish.peer);
                (
                    wish.silent,
                    wish.source != Source::Screen,
                    spoke.unwrap_or(usize::MAX),
                )
            }),
        }
        all
    }

    /// Who has fallen silent leaves their place to who has not: gone without a word, they are here for seconds.
    pub(super) fn watch_silence(&mut self, now: Instant) {
        let sent = self.all_sent(now).into_iter();
        let silent = sent.filter(|wish| wish.silent);
        let silent: Vec<_> = silent.map(|wish| (wish.peer, wish.track)).collect();
        if silent != self.silent {
            self.silent = silent;
            self.reassign(now);
        }
    }

    pub(super) fn choose_layers(&mut self, now: Instant) {
        for id in self.receivers() {
            self.choose_layers_for(id, now);
        }
    }

    /// Chooses a layer for each picture of a receiver, by its tile and the bandwidth.
    pub(super) fn choose_layers_for(&mut self, id: PeerId, now: Instant) {
        let Some(receiver) = self.peers.get(&id) else {
            return;
        };
        let mut sections = Vec::new();
        let mut wishes = Vec::new();
        // Sound goes first: it is small, and it is what people come for.
        let mut sound = 0;
        for slot in &receiver.slots {
            let Some(feed) = &slot.feed else {
                continue;
            };
            let publisher = self.peers.get(&feed.peer);
            let track =
                publisher.and_then(|peer| peer.tracks.iter().find(|track| track.mid == feed.track));
            let Some(track) = track else {
                continue;
            };
            let ladder = track.ladder(now);
            if ladder.is_empty() {
                continue;
            }
            if slot.kind == MediaKind::Audio {
                sound += ladder.iter().map(|(_, offer)| offer.rate).sum::<u64>();
                continue;
            }
            let (places, layers): (Vec<_>, Vec<_>) = ladder.into_iter().unzip();
            wishes.push(Wish {
                priority: feed.priority,
                height: feed.height,
                current: places
                    .iter()
                    .position(|place| slot.current() == Some(*place)),
                layers,
            });
            sections.push((slot.mid, feed.peer, feed.track, places));
        }
        let floor = receiver.estimate.floor(now);
        let budget = receiver.estimate.budget(now).saturating_sub(sound);
        let chosen = allocate(budget, floor, &wishes);
        let (mut sending, mut climbs) = (sound, false);
        for (wish, choice) in wishes.iter().zip(&chosen) {
            let layer = choice.and_then(|choice| wish.layers.get(choice));
            sending += layer.map_or(0, |layer| layer.rate);
            climbs |= wish.current.is_some() && *choice > wish.current;
        }
        let desired = sound + wishes.iter().map(Wish::desired).sum::<u64>();
        let mut needed = Vec::new();
        if let Some(receiver) = self.peers.get_mut(&id) {
            if climbs {
                receiver.estimate.climb(sending);
            }
            // Room above, so that the way up is found before it is needed.
            let desired = desired + desired / 2 + 100_000;
            if let (Some(from), Some(rtc)) = (
                receiver.estimate.starts_anew(desired, now),
                &mut receiver.rtc,
            ) {
                tracing::debug!(peer = %id, from, "an estimate is started anew");
                rtc.bwe().reset(Bitrate::bps(from));
                self.dirty.insert(id);
            }
            let desired = receiver.estimate.probe(desired, now);
            if desired.abs_diff(receiver.desired) * 20 > receiver.desired {
                receiver.desired = desired;
                if let Some(rtc) = &mut receiver.rtc {
                    rtc.bwe().set_desired_bitrate(Bitrate::bps(desired));
                    self.dirty.insert(id);
                }
            }
            for ((section, peer, track, places), choice) in sections.into_iter().zip(chosen) {
                let rung = choice.and_then(|choice| places.get(choice).copied());
                let connected = receiver.connected;
                let Some(slot) = receiver.slots.iter_mut().find(|slot| slot.mid == section) else {
                    continue;
                };
                let smaller = places.get(..choice.unwrap_or(0)).unwrap_or_default();
                let smaller = smaller.iter().map(|rung| rung.layer).collect();
                let Some(rtc) = &mut receiver.rtc else {
                    continue;
                };
                if rung != slot.current() {
                    let (rate, wanted) = (receiver.estimate.rate(), rung.map(|rung| rung.layer));
                    tracing::debug!(peer = %id, %section, rate, wanted, "another layer");
                }
                slot.want(rtc, rung, smaller, &receiver.estimate, now);
                if let Some(until) = slot.drains(now) {
                    self.tick = self.tick.min(until);
                } else if let Some(rung) = rung
                    && connected
                    && slot.waits()
                {
                    needed.push((peer, track, rung.layer));
                }
            }
        }
        for (peer, track, layer) in needed {
            self.want_keyframe(peer, track, layer, now);
        }
    }

    /// Tells a page what its sections carry, if that is not what it was told.
    fn tell_assignments(&mut self, id: PeerId) {
        let Some(peer) = self.peers.get(&id) else {
            return;
        };
        let sections: Vec<Assignment> = peer
            .slots
            .iter()
            .map(|slot| slot.assignment(self.layer_of(slot)))
            .collect();
        if let Some(peer) = self.peers.get_mut(&id)
            && peer.told_sections != sections
        {
            peer.told_sections.clone_from(&sections);
            self.tell(id, Notice::Assigned { sections });
        }
    }

    /// Layers and bandwidth, which change without anybody asking.
    pub(super) fn tell_what_changed(&mut self) {
        for id in self.receivers() {
            self.tell_assignments(id);
            let Some(peer) = self.peers.get_mut(&id) else {
                continue;
            };
            let (estimate, told) = (peer.estimate.rate(), peer.told);
            if estimate.abs_diff(told) * 10 > told {
                peer.told = estimate;
                self.tell(id, Notice::Bandwidth { estimate });
            }
        }
    }

    /// What the layer is called that a section carries.
    fn layer_of(&self, slot: &Slot) -> Option<String> {
        if let Some((spatial, temporal)) = slot.current().and_then(|rung| rung.parts) {
            return Some(format!("S{spatial}T{temporal}"));
        }
        let feed = slot.feed.as_ref()?;
        let publisher = self.peers.get(&feed.peer)?;
        let track = publisher
            .tracks
            .iter()
            .find(|track| track.mid == feed.track)?;
        Some(track.layers.get(feed.current?)?.rid?.to_string())
    }
}
