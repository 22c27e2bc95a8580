//! What somebody sends.

use super::PeerId;
use super::keyframe::Keyframe;
use super::layers::Offer;
use super::past::Past;
use super::request::Keyframes;
use super::scale::{Part, Scale};
use super::tap::Lane;
use crate::message::Source;
use std::time::{Duration, Instant};
use str0m::format::PayloadParams;
use str0m::media::{Mid, Rid};
use str0m::rtp::Ssrc;

/// A layer that has been silent for so long is not there: browsers stop the upper ones when they are short of bandwidth or time.
pub(super) const SILENT: Duration = Duration::from_millis(1500);
/// What another node tells of a layer once a second holds for so long.
const TOLD: Duration = Duration::from_secs(3);

/// A track: all its layers show the same.
#[derive(Debug)]
pub(super) struct Track {
    /// The section that carries it.
    pub(super) mid: Mid,
    pub(super) source: Source,
    pub(super) muted: bool,
    /// In the order in which they were heard first.
    pub(super) layers: Vec<Layer>,
    /// The sections of others that carry it on.
    pub(super) readers: Vec<(PeerId, Mid)>,
    /// How it is taken for others than people.
    pub(super) lane: Option<Lane>,
}

/// What of a track can be sent: one of its encodings, and of that the layers up to a spatial and a temporal one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rung {
    pub(super) layer: usize,
    /// None: all that there is.
    pub(super) parts: Option<(u8, u8)>,
}

/// One encoding of it.
#[derive(Debug)]
pub(super) struct Layer {
    pub(super) ssrc: Ssrc,
    pub(super) rid: Option<Rid>,
    pub(super) params: PayloadParams,
    pub(super) keyframes: Keyframes,
    /// The layers that it has inside.
    pub(super) scale: Scale,
    /// What has come since the last keyframe, of who cannot be asked for one.
    pub(super) past: Past,
    /// What comes of it to another node, which may not send it here, and when that was told.
    pub(super) told: Option<(Offer, Instant)>,
    size: Option<(u32, u32)>,
    meter: Meter,
    heard: Instant,
}

impl Track {
    pub(super) const fn new(mid: Mid, source: Source) -> Self {
        Self {
            mid,
            source,
            muted: false,
            layers: Vec::new(),
            readers: Vec::new(),
            lane: None,
        }
    }

    /// The layer of a stream, which is a new one if it was not heard before. Its place says nothing about its quality.
    pub(super) fn layer(
        &mut self,
        ssrc: Ssrc,
        rid: Option<Rid>,
        params: PayloadParams,
        now: Instant,
    ) -> usize {
        let known = self.layers.iter().position(|layer| layer.rid == rid);
        let index = known.unwrap_or(self.layers.len());
        let layer = Layer {
            ssrc,
            rid,
            params,
            keyframes: Keyframes::default(),
            scale: Scale::default(),
            past: Past::default(),
            told: None,
            size: None,
            meter: Meter::new(now),
            heard: now,
        };
        match known {
            Some(index) => self.layers[index] = layer,
            None => self.layers.push(layer),
        }
        index
    }

    /// Whether anything of it comes.
    pub(super) fn is_sent(&self, now: Instant) -> bool {
        self.layers.iter().any(|layer| layer.offer(now).is_some())
    }

    /// What comes in just now, from the smallest to the largest.
    pub(super) fn ladder(&self, now: Instant) -> Vec<(Rung, Offer)> {
        let mut ladder: Vec<_> = self
            .layers
            .iter()
            .enumerate()
            .filter_map(|(index, layer)| Some((index, layer, layer.offer(now)?)))
            .flat_map(|(index, layer, offer)| layer.rungs(index, offer, now))
            .collect();
        ladder.sort_by_key(|(_, offer)| (offer.height, offer.rate));
        ladder
    }
}

impl Layer {
    /// Takes notice of a packet with so many bytes of payload.
    pub(super) fn hear(
        &mut self,
        bytes: usize,
        keyframe: Option<Keyframe>,
        part: Option<&Part>,
        now: Instant,
    ) {
        self.heard = now;
        self.meter.add(bytes, now);
        if let Some(part) = part {
            self.scale.hear(part, bytes, now);
        }
        if let Some(keyframe) = keyframe {
            self.keyframes.arrived(now);
            self.size = keyframe.size.or(self.size);
        }
    }

    /// What comes of it as a whole, here or to the node that tells of it; none: nothing does.
    pub(super) fn offer(&self, now: Instant) -> Option<Offer> {
        let is_within = |then: Instant, time| now.saturating_duration_since(then) < time;
        if let Some((offer, then)) = self.told
            && is_within(then, TOLD)
        {
            return Some(offer);
        }
        let height = self.size.map(|(_, height)| height);
        is_within(self.heard, SILENT).then(|| Offer {
            rate: self.meter.rate(now),
            height: height.or(self.scale.height()).unwrap_or_default(),
        })
    }

    fn rungs(&self, index: usize, whole: Offer, now: Instant) -> Vec<(Rung, Offer)> {
        let inside = self.scale.ladder(now).into_iter();
        let mut rungs: Vec<_> = inside
            .map(|((spatial, temporal), offer)| {
                let parts = Some((spatial, temporal));
                (
                    Rung {
                        layer: index,
                        parts,
                    },
                    offer,
                )
            })
            .collect();
        if rungs.is_empty() {
            let all = Rung {
                layer: index,
                parts: None,
            };
            rungs.push((all, whole));
        }
        rungs
    }
}

/// Bits per second, over the last one to two seconds.
#[derive(Debug)]
pub(super) struct Meter {
    start: Instant,
    bytes: usize,
    before: Option<u64>,
}

const WINDOW: Duration = Duration::from_secs(1);
/// What a datagram costs besides its payload: IP, UDP, RTP, extensions, authentication.
const OVERHEAD: usize = 64;

impl Meter {
    pub(super) const fn new(now: Instant) -> Self {
        Self {
            start: now,
            bytes: 0,
            before: None,
        }
    }

    pub(super) fn add(&mut self, bytes: usize, now: Instant) {
        let passed = now.saturating_duration_since(self.start);
        if passed >= WINDOW {
            self.before = Some(per_second(self.bytes, passed));
            (self.start, self.bytes) = (now, 0);
        }
        self.bytes += bytes + OVERHEAD;
    }

    pub(super) fn rate(&self, now: Instant) -> u64 {
        let passed = now.saturating_duration_since(self.start);
        self.before
            .unwrap_or_else(|| per_second(self.bytes, passed.max(WINDOW / 4)))
    }
}

fn per_second(bytes: usize, passed: Duration) -> u64 {
    (bytes as f64 * 8.0 / passed.as_secs_f64()) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_that_of_the_last_whole_second() {
        let start = Instant::now();
        let mut meter = Meter::new(start);
        for ms in (0..3000).step_by(10) {
            meter.add(1250 - OVERHEAD, start + Duration::from_millis(ms));
        }
        let rate = meter.rate(start + Duration::from_secs(3));
        assert!((990_000..=1_010_000).contains(&rate), "{rate}");
    }
}
