//! From samples to packets of Opus and frames of AAC.

use super::{FRAME, Frame, RATE};
use aac::AudioSpecificConfig;
use aac::adts;
use bytes::Bytes;
use oxideav_aac::encoder::{EncoderConfig, StreamEncoder};
use std::fmt;

/// Samples of a frame of AAC, of each channel.
pub const AAC_FRAME: usize = 1024;
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
    inner: Box<StreamEncoder>,
    config: AudioSpecificConfig,
    waiting: Vec<i16>,
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
        let inner = StreamEncoder::new(EncoderConfig {
            sample_rate: RATE as u32,
            channels: 2,
            bitrate,
        })?;
        Ok(Self {
            inner: Box::new(inner),
            config: AudioSpecificConfig::lc(RATE as u32, 2)?,
            waiting: Vec::with_capacity(2 * (AAC_FRAME + FRAME)),
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
        self.waiting.len() / 2
    }

    /// Encodes a frame, and gives the access units that are complete: one, or none.
    ///
    /// # Errors
    /// The library's.
    pub fn encode(&mut self, frame: &Frame) -> anyhow::Result<Vec<Bytes>> {
        let sample = |sample: &f32| (sample.clamp(-1.0, 1.0) * 32_767.0) as i16;
        self.waiting.extend(frame.iter().map(sample));
        let mut units = Vec::new();
        while self.waiting.len() >= 2 * AAC_FRAME {
            let rest = self.waiting.split_off(2 * AAC_FRAME);
            let hop = std::mem::replace(&mut self.waiting, rest);
            let frame = self.inner.encode_frame(&hop)?;
            let frame = adts::Frame::parse(&frame)?;
            for block in frame.blocks()? {
                units.push(Bytes::copy_from_slice(block.data));
            }
        }
        Ok(units)
    }
}
