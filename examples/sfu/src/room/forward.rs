//! What connections tell, and packets on their way through.

use super::keyframe;
use super::peer::Entrance;
use super::slot::Seen;
use super::tap::TapId;
use super::{GATHER, Outbound, Packet, PeerId, Room};
use crate::message::Source;
use std::time::Instant;
use str0m::bwe::BweKind;
use str0m::channel::ChannelData;
use str0m::format::Codec;
use str0m::media::{KeyframeRequestKind, Mid};
use str0m::rtp::RtpPacket;
use str0m::{Event, IceConnectionState};

impl Room {
    pub(super) fn handle_event(&mut self, id: PeerId, event: Event, now: Instant) {
        match event {
            Event::RtpPacket(packet) => self.packet(id, packet, now),
            Event::KeyframeRequest(request) => self.keyframe_wanted(id, request.mid, now),
            Event::Connected => self.connected(id, now),
            Event::IceConnectionStateChange(IceConnectionState::Disconnected) => self.lost(id, now),
            Event::IceConnectionStateChange(state) => {
                tracing::debug!(peer = %id, ?state, "ICE");
                if let Some(peer) = self.peers.get_mut(&id) {
                    peer.presence.set_unchecked(false);
                }
            }
            Event::MediaAdded(media) => {
                self.section(id, media.mid, media.kind, media.direction, now);
            }
            Event::MediaChanged(media) => {
                let peer = self.peers.get(&id);
                let kind = peer.and_then(|peer| Some(peer.rtc.as_ref()?.media(media.mid)?.kind()));
                if let Some(kind) = kind {
                    self.section(id, media.mid, kind, media.direction, now);
                }
            }
            Event::EgressBitrateEstimate(BweKind::Twcc { estimate, .. }) => {
                // Down at once; up is for the next tick.
                if let Some(peer) = self.peers.get_mut(&id)
                    && peer.estimate.set_mean(estimate.as_u64(), now)
                {
                    self.choose_layers_for(id, now);
                }
            }
            Event::PeerStats(stats) => {
                if let Some(peer) = self.peers.get_mut(&id)
                    && peer.estimate.handle(&stats, now)
                {
                    self.choose_layers_for(id, now);
                }
            }
            Event::MediaEgressStats(stats) => {
                if let Some(peer) = self.peers.get_mut(&id) {
                    peer.reported(&stats, now);
                }
            }
            Event::ChannelData(data) => self.said(id, &data),
            Event::ChannelOpen(channel, label) => {
                if let Some(peer) = self.peers.get_mut(&id) {
                    peer.channels.retain(|(open, _)| *open != channel);
                    peer.channels.push((channel, label));
                }
            }
            Event::ChannelClose(channel) => {
                if let Some(peer) = self.peers.get_mut(&id) {
                    peer.channels.retain(|(open, _)| *open != channel);
                }
            }
            _ => {}
        }
    }

    /// A packet of a connection: of which track and layer it is.
    fn packet(&mut self, id: PeerId, packet: RtpPacket, now: Instant) {
        self.counters.received += 1;
        let Some(peer) = self.peers.get_mut(&id) else {
            return;
        };
        peer.presence.heard(now);
        let Some(rtc) = &mut peer.rtc else {
            return;
        };
        let ssrc = packet.header.ssrc;
        let (mid, layer) = match peer.streams.get(&ssrc) {
            Some(known) => *known,
            None => {
                let mut api = rtc.direct_api();
                let Some(stream) = api.stream_rx(&ssrc) else {
                    return;
                };
                let (mid, rid) = (stream.mid(), stream.rid());
                let codecs = rtc.codec_config();
                let pt = packet.header.payload_type;
                let Some(&params) = codecs.find(|params| params.pt() == pt) else {
                    return;
                };
                let mut tracks = peer.tracks.iter_mut();
                let Some(track) = tracks.find(|track| track.mid == mid) else {
                    return;
                };
                let layer = track.layer(ssrc, rid, params, now);
                peer.streams.insert(ssrc, (mid, layer));
                (mid, layer)
            }
        };
        let Some(track) = peer.tracks.iter_mut().find(|track| track.mid == mid) else {
            return;
        };
        let Some(encoding) = track.layers.get_mut(layer) else {
            return;
        };
        if packet.header.payload_type != encoding.params.pt() {
            // The publisher changed its codec.
            let pt = packet.header.payload_type;
            match rtc.codec_config().find(|params| params.pt() == pt) {
                Some(&params) => encoding.params = params,
                None => return,
            }
        }
        self.pass(id, mid, layer, packet.into(), now);
    }

    /// A packet goes to all who show its track.
    pub(super) fn pass(
        &mut self,
        id: PeerId,
        mid: Mid,
        layer: usize,
        packet: Packet,
        now: Instant,
    ) {
        let Some(peer) = self.peers.get_mut(&id) else {
            return;
        };
        let is_here = peer.entrance != Entrance::Node;
        let unasked = peer.unasked;
        let Some(track) = peer.tracks.iter_mut().find(|track| track.mid == mid) else {
            return;
        };
        let (source, muted) = (track.source, track.muted);
        let Some(encoding) = track.layers.get_mut(layer) else {
            return;
        };
        let params = encoding.params;
        let keyframe = keyframe::starts(params.spec().codec, &packet.payload);
        let part = encoding.scale.part(params.spec().codec, &packet);
        encoding.hear(packet.payload.len(), keyframe, part.as_ref(), now);
        let seen = Seen {
            keyframe: keyframe.is_some(),
            part,
        };
        if unasked && !source.is_audio() {
            encoding.past.keep(&packet, keyframe.is_some());
        }
        if muted {
            return;
        }
        if source == Source::Microphone
            && let Some(level) = packet.values.audio_level
        {
            self.speakers.hear(id, level, now);
        }
        if track.lane.is_some() {
            let screen = source.is_screen();
            let taken = track.take(TapId { peer: id, screen }, layer, &packet, &seen, now);
            self.taken.extend(taken);
        }
        let is_whole = packet.marker || source.is_audio();
        let readers = std::mem::take(&mut track.readers);
        for &(reader, section) in &readers {
            let Some(receiver) = self.peers.get_mut(&reader) else {
                continue;
            };
            if !receiver.connected {
                continue;
            }
            let Some(slot) = receiver.slots.iter_mut().find(|slot| slot.mid == section) else {
                continue;
            };
            let Some(rtc) = &mut receiver.rtc else {
                continue;
            };
            slot.flat = !receiver.is_told_layers && params.spec().codec == Codec::Av1;
            if slot.forward(rtc, &packet, params, layer, &seen, now) {
                self.counters.forwarded += 1;
                let at_once = receiver.estimate.spend(packet.payload.len(), now);
                slot.pace(rtc, at_once, now);
                if is_whole {
                    self.dirty.insert(reader);
                } else {
                    self.gathering.insert(reader);
                    self.gathered.get_or_insert(now + GATHER);
                }
            }
        }
        if let Some(track) = self.peers.get_mut(&id).and_then(|peer| peer.track(mid)) {
            track.readers = readers;
        }
        if self.relays && is_here {
            self.outbound.push_back(Outbound::Packet {
                id,
                track: mid,
                layer,
                packet: Box::new(packet),
            });
        }
    }

    /// A receiver cannot go on without a keyframe.
    fn keyframe_wanted(&mut self, id: PeerId, section: Mid, now: Instant) {
        let slot = self.peers.get_mut(&id).and_then(|peer| peer.slot(section));
        let Some(feed) = slot.and_then(|slot| slot.feed.as_ref()) else {
            return;
        };
        let (from, mid, layer) = (
            feed.peer,
            feed.track,
            feed.current.or(feed.wanted.map(|rung| rung.layer)),
        );
        let Some(layer) = layer else {
            return;
        };
        if self.peers.get(&from).is_some_and(|peer| peer.unasked) {
            let slot = self.peers.get_mut(&id).and_then(|peer| peer.slot(section));
            if !slot.is_some_and(|slot| slot.begin_again(now)) {
                return;
            }
        }
        self.want_keyframe(from, mid, layer, now);
    }

    pub(super) fn want_keyframe(&mut self, from: PeerId, mid: Mid, layer: usize, now: Instant) {
        if self.peers.get(&from).is_some_and(|peer| peer.unasked) {
            return self.catch_up(from, mid, layer, now);
        }
        let track = self.peers.get_mut(&from).and_then(|peer| peer.track(mid));
        if let Some(layer) = track.and_then(|track| track.layers.get_mut(layer)) {
            layer.keyframes.want(now);
            self.ask_for_keyframe(from, mid, now);
        }
    }

    /// Asks a publisher for what is due.
    pub(super) fn ask_for_keyframe(&mut self, id: PeerId, mid: Mid, now: Instant) {
        let Some(peer) = self.peers.get_mut(&id) else {
            return;
        };
        let Some(track) = peer.tracks.iter_mut().find(|track| track.mid == mid) else {
            return;
        };
        for (index, layer) in track.layers.iter_mut().enumerate() {
            if layer.keyframes.ask(now) {
                self.counters.keyframe_requests += 1;
                tracing::debug!(peer = %id, %mid, "asked for a keyframe");
                let Some(rtc) = &mut peer.rtc else {
                    self.outbound.push_back(Outbound::Keyframe {
                        id,
                        track: mid,
                        layer: index,
                    });
                    continue;
                };
                if let Some(stream) = rtc.direct_api().stream_rx(&layer.ssrc) {
                    stream.request_keyframe(KeyframeRequestKind::Pli);
                    self.dirty.insert(id);
                }
            } else if let Some(due) = layer.keyframes.due() {
                self.tick = self.tick.min(due);
            }
        }
    }

    /// Packets can be sent from now on: pictures begin with a keyframe.
    fn connected(&mut self, id: PeerId, now: Instant) {
        tracing::info!(peer = %id, "connected");
        let Some(peer) = self.peers.get_mut(&id) else {
            return;
        };
        peer.connected = true;
        for slot in &mut peer.slots {
            slot.restart();
        }
        self.assign(id, now);
        self.choose_layers_for(id, now);
        // From here on they are seen, too.
        self.reassign(now);
    }

    /// The media connection is dead, unless packets still come: then [`Room::sweep`] finds out when they cease. A page may make a new one.
    fn lost(&mut self, id: PeerId, now: Instant) {
        let Some(peer) = self.peers.get_mut(&id) else {
            return;
        };
        peer.presence.set_unchecked(true);
        if !peer.presence.is_silent(!peer.tracks.is_empty(), now) {
            return tracing::info!(peer = %id, "asks for no consent any more, and sends on");
        }
        tracing::info!(peer = %id, "the media connection is lost");
        match peer.entrance {
            Entrance::Http => self.leave(id, now),
            Entrance::Socket | Entrance::Stream | Entrance::Node => {}
        }
    }

    /// What one writes to a data channel goes to all who have one of that label.
    fn said(&mut self, id: PeerId, data: &ChannelData) {
        let Some(peer) = self.peers.get(&id) else {
            return;
        };
        let Some((_, label)) = peer.channels.iter().find(|(open, _)| *open == data.id) else {
            return;
        };
        let label = label.clone();
        if self.relays {
            self.outbound.push_back(Outbound::Said {
                label: label.clone(),
                binary: data.binary,
                data: data.data.clone(),
            });
        }
        self.say(Some(id), &label, data.binary, &data.data);
    }

    /// What was written to a data channel of that label, here or elsewhere.
    pub(super) fn say(&mut self, from: Option<PeerId>, label: &str, binary: bool, data: &[u8]) {
        for (&other, peer) in self
            .peers
            .iter_mut()
            .filter(|(other, _)| Some(**other) != from)
        {
            let Some((channel, _)) = peer.channels.iter().find(|(_, own)| own == label) else {
                continue;
            };
            let rtc = peer.rtc.as_mut();
            if let Some(mut channel) = rtc.and_then(|rtc| rtc.channel(*channel)) {
                // One whose buffer is full misses it: a slow reader holds nobody else up.
                if matches!(channel.write(binary, data), Ok(true)) {
                    self.counters.messages += 1;
                    self.dirty.insert(other);
                }
            }
        }
    }
}
