//! What is kept of pictures whose source cannot be asked for a keyframe: who comes later begins with it.

use super::{Packet, PeerId, Room};
use std::time::Instant;
use str0m::media::Mid;

/// More than that is not kept: who comes waits for the next keyframe. Ten seconds of 2 Mbit/s.
const MOST_BYTES: usize = 2_500_000;
const MOST_PACKETS: usize = 8192;
/// Ticks of 90 kHz between two pictures that are to be shown at once: a millisecond.
const STEP: u32 = 90;

/// All packets since the last keyframe, or none.
#[derive(Debug, Default)]
pub(super) struct Past {
    packets: Vec<Packet>,
    bytes: usize,
}

impl Past {
    /// Another one has come; `is_keyframe`: it is of a picture that can be decoded by itself.
    pub(super) fn keep(&mut self, packet: &Packet, is_keyframe: bool) {
        let is_same = |last: &Packet| last.time == packet.time;
        if is_keyframe && !self.packets.last().is_some_and(is_same) {
            self.clear();
        } else if self.packets.is_empty() {
            return;
        }
        self.bytes += packet.payload.len();
        if self.bytes > MOST_BYTES || self.packets.len() >= MOST_PACKETS {
            return self.clear();
        }
        self.packets.push(packet.clone());
    }

    fn clear(&mut self) {
        self.packets.clear();
        self.bytes = 0;
    }

    /// All of it, with times that lead up to that of the last picture in steps of a millisecond.
    pub(super) fn squeezed(&self) -> impl Iterator<Item = Packet> {
        let is_next = |pair: &&[Packet]| pair[0].time != pair[1].time;
        let changes = self.packets.windows(2).filter(is_next).count();
        let last = self.packets.last().map_or(0, |packet| packet.time);
        let mut left = u32::try_from(changes).unwrap_or(0);
        let mut before = self.packets.first().map_or(0, |packet| packet.time);
        self.packets.iter().map(move |packet| {
            if packet.time != before {
                before = packet.time;
                left = left.saturating_sub(1);
            }
            Packet {
                time: last.wrapping_sub(left * STEP),
                ..packet.clone()
            }
        })
    }
}

impl Room {
    /// All who wait for a keyframe of a layer get what was sent since the last one.
    pub(super) fn catch_up(&mut self, from: PeerId, mid: Mid, layer: usize, now: Instant) {
        let Some(track) = self.peers.get_mut(&from).and_then(|peer| peer.track(mid)) else {
            return;
        };
        let Some(encoding) = track.layers.get_mut(layer) else {
            return;
        };
        let params = encoding.params;
        let past = std::mem::take(&mut encoding.past);
        let readers = track.readers.clone();
        for (reader, section) in readers {
            let receiver = self.peers.get_mut(&reader);
            let Some(receiver) = receiver.filter(|receiver| receiver.connected) else {
                continue;
            };
            let slot = receiver.slots.iter_mut().find(|slot| slot.mid == section);
            let (Some(slot), Some(rtc)) = (slot, &mut receiver.rtc) else {
                continue;
            };
            let sent = slot.catch_up(rtc, &past, params, layer, now);
            if sent > 0 {
                tracing::debug!(peer = %reader, %from, sent, "begins with what was sent before");
                slot.pace(rtc, true, now);
                self.counters.forwarded += sent;
                self.dirty.insert(reader);
            }
        }
        let track = self.peers.get_mut(&from).and_then(|peer| peer.track(mid));
        if let Some(encoding) = track.and_then(|track| track.layers.get_mut(layer)) {
            encoding.past = past;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use str0m::rtp::ExtensionValues;

    fn packet(time: u32, bytes: usize) -> Packet {
        Packet {
            sequence: 0,
            time,
            marker: false,
            at: Instant::now(),
            report: None,
            values: ExtensionValues::default(),
            payload: vec![0; bytes].into(),
        }
    }

    #[test]
    fn what_came_since_the_last_keyframe_is_kept() {
        let mut past = Past::default();
        past.keep(&packet(1, 10), false);
        assert_eq!(past.squeezed().count(), 0, "there was none yet");
        // Parameter sets, two slices, two more pictures.
        for (time, is_keyframe) in [
            (3000, true),
            (3000, true),
            (3000, false),
            (6000, false),
            (9000, false),
        ] {
            past.keep(&packet(time, 10), is_keyframe);
        }
        let times: Vec<_> = past.squeezed().map(|packet| packet.time).collect();
        assert_eq!(times, [8820, 8820, 8820, 8910, 9000]);
        past.keep(&packet(12_000, 10), true);
        assert_eq!(past.squeezed().count(), 1);
        past.keep(&packet(15_000, MOST_BYTES), false);
        assert_eq!(past.squeezed().count(), 0, "too much");
        past.keep(&packet(18_000, 10), false);
        assert_eq!(past.squeezed().count(), 0);
        past.keep(&packet(21_000, 10), true);
        assert_eq!(past.squeezed().count(), 1);
    }
}
