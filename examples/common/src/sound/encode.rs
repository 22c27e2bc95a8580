//! From samples to packets of Opus.

use super::{Frame, RATE};
use bytes::Bytes;
use std::fmt;

/// By so many samples what comes out of a decoder of Opus is later than what went into the encoder: 6.5 ms, which encoders look ahead.
pub const DELAY: i64 = 312;
/// Longest packet of Opus.
const LONGEST: usize = 1275;

/// Encodes Opus, a packet for each frame.
pub struct Opus {
    inner: Box<ropus::Encoder>,
}

impl fmt::Debug for Opus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opus").finish_non_exhaustive()
    }
}

impl Opus {
    /// At so many bits per second.
    ///
    /// # Errors
    /// If there is no such rate.
    pub fn new(bitrate: u32) -> anyhow::Result<Self> {
        let builder = ropus::Encoder::builder(
            RATE as u32,
            ropus::Channels::Stereo,
            ropus::Application::Audio,
        );
        let inner = builder
            .bitrate(ropus::Bitrate::Bits(bitrate))
            .complexity(4)
            .build()
            .map_err(|error| anyhow::anyhow!("{error:?}"))?;
        Ok(Self {
            inner: Box::new(inner),
        })
    }

    /// Encodes a frame.
    ///
    /// # Errors
    /// The library's.
    pub fn encode(&mut self, frame: &Frame) -> anyhow::Result<Bytes> {
        let mut packet = vec![0; LONGEST];
        let length = self.inner.encode_float(frame, &mut packet);
        packet.truncate(length.map_err(|error| anyhow::anyhow!("{error:?}"))?);
        Ok(packet.into())
    }
}
