//! Encoders that all share who see the same, at a few sizes and rates.

use crate::picture::Picture;
use crate::picture::encode::{Encoder, Settings};
use bytes::Bytes;
use h264::{DecoderConfig, length_prefixed};
use rtp::payload::h264::Packetizer;

/// Bytes of a payload, at most: it fits through tunnels.
const PAYLOAD: usize = 1180;
/// What a size and a rate are of the greatest: so much of an edge, and of the bits, in hundredths.
pub(crate) const STEPS: [(usize, u32); 4] = [(100, 100), (100, 50), (50, 25), (25, 8)];

/// The greatest size and rate.
#[derive(Debug, Clone, Copy)]
pub struct Format {
    /// Pixels per line.
    pub width: usize,
    /// Lines.
    pub height: usize,
    /// Pictures per second.
    pub rate: u32,
    /// Bits per second.
    pub bitrate: u32,
}

impl Format {
    /// That of a step.
    pub(crate) fn step(&self, step: usize) -> Settings {
        let (size, bits) = STEPS[step.min(STEPS.len() - 1)];
        let edge = |edge: usize| (edge * size / 100).max(32) & !1;
        Settings {
            width: edge(self.width),
            height: edge(self.height),
            rate: self.rate,
            bitrate: self.bitrate / 100 * bits,
            keyframes: None,
        }
    }
}

/// A picture, encoded.
#[derive(Debug)]
pub(crate) struct Unit {
    /// On the room's clock, in nanoseconds.
    pub(crate) time: i64,
    pub(crate) sync: bool,
    pub(crate) data: Bytes,
    pub(crate) config: DecoderConfig,
    /// The same as payloads of RTP, each with its marker.
    pub(crate) payloads: Vec<(Bytes, bool)>,
}

/// An encoder, for all who see the same.
#[derive(Debug)]
pub(crate) struct Share {
    pub(crate) encoder: Encoder,
    /// That of the canvas when it was encoded last.
    pub(crate) version: u64,
    pub(crate) encoded: i64,
    pub(crate) keyframe: i64,
    pub(crate) wants_keyframe: bool,
    pub(crate) period: Option<i64>,
}

impl Share {
    pub(crate) fn unit(&mut self, picture: &Picture, now: i64) -> Option<Unit> {
        let time = u64::try_from(now / 1_000_000).unwrap_or(0);
        let encoded = match self.encoder.encode(picture, time) {
            Ok(Some(encoded)) => encoded,
            // The next tick tries again.
            Ok(None) => {
                self.version = 0;
                return None;
            }
            Err(error) => {
                tracing::error!("a picture cannot be encoded: {error:#}");
                self.wants_keyframe = true;
                return None;
            }
        };
        if encoded.sync {
            self.wants_keyframe = false;
            self.keyframe = now;
        }
        let config = self.encoder.config()?.clone();
        Some(Unit {
            time: now,
            sync: encoded.sync,
            payloads: payloads(&encoded.data, encoded.sync.then_some(&config)),
            data: encoded.data,
            config,
        })
    }
}

/// Cut for packets, with the parameter sets before, where they are given.
fn payloads(data: &Bytes, config: Option<&DecoderConfig>) -> Vec<(Bytes, bool)> {
    let mut unit = Vec::with_capacity(data.len() + 64);
    for nal in config
        .into_iter()
        .flat_map(|config| config.sps().chain(config.pps()))
    {
        // Parameter sets are not longer than 4 GB.
        let _ = length_prefixed::push(nal, &mut unit);
    }
    unit.extend_from_slice(data);
    let mut packetizer = Packetizer::new(PAYLOAD, rtp::payload::h264::Mode::NonInterleaved);
    let Ok(payloads) = packetizer.packetize(&unit) else {
        return Vec::new();
    };
    payloads
        .map(|payload| {
            let mut out = Vec::with_capacity(payload.len());
            payload.write(&mut out);
            (out.into(), payload.marker)
        })
        .collect()
}
