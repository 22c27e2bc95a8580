//! From samples to packets of Opus and frames of AAC.

use super::{FRAME, Frame, RATE};
use aac::AudioSpecificConfig;
use bytes::Bytes;
use std::fmt;
use syom::{EncodeContainer, EncodeOptions, Encoder};

/// Samples of a frame of AAC, of each channel.
pub const AAC_FRAME: usize = 1024;
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

/// Encodes AAC-LC, whose frames are longer than ours.
pub struct Aac {
    inner: Box<Encoder>,
    config: AudioSpecificConfig,
    /// Samples of each channel that wait for the frame to be complete.
    waiting: usize,
}

impl fmt::Debug for Aac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Aac").finish_non_exhaustive()
    }
}

impl Aac {
    /// At so many bits per second.
    ///
    /// # Errors
    /// If there is no such rate.
    pub fn new(bitrate: u32) -> anyhow::Result<Self> {
        let mut options = EncodeOptions::adts();
        options.container = EncodeContainer::Raw;
        options.bitrate_bps = bitrate;
        let inner = Encoder::new(RATE as u32, 2, &options)?;
        let config = AudioSpecificConfig::parse(inner.asc())?;
        Ok(Self {
            inner: Box::new(inner),
            config,
            waiting: 0,
        })
    }

    /// What decoders need to know.
    #[must_use]
    pub const fn config(&self) -> &AudioSpecificConfig {
        &self.config
    }

    /// Samples of each channel that wait for the frame to be complete.
    #[must_use]
    pub const fn waiting(&self) -> usize {
        self.waiting
    }

    /// Encodes a frame, and gives the access units that are complete: one, or none.
    ///
    /// # Errors
    /// The library's.
    pub fn encode(&mut self, frame: &Frame) -> anyhow::Result<Vec<Bytes>> {
        let channel = |index: usize| -> Vec<f32> {
            let samples = frame.iter().skip(index).step_by(2);
            samples.map(|sample| sample.clamp(-1.0, 1.0)).collect()
        };
        let (left, right) = (channel(0), channel(1));
        let mut units = Vec::new();
        self.inner.feed(&[&left, &right], |unit| {
            units.push(Bytes::copy_from_slice(unit.payload));
            Ok(())
        })?;
        self.waiting = (self.waiting + FRAME) % AAC_FRAME;
        Ok(units)
    }
}
