//! From samples to frames of AAC, and to packets of Opus.

use super::{FRAME, Frame, RATE};
use aac::AudioSpecificConfig;
use bytes::Bytes;
use std::fmt;
use syom::{EncodeContainer, EncodeOptions, Encoder};

pub use common::sound::{DELAY, Opus};

/// Samples of a frame of AAC, of each channel.
pub const AAC_FRAME: usize = 1024;

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

#[cfg(test)]
mod tests {
    use super::super::decode::Decoder;
    use super::super::tests::{strength, tone};
    use super::*;
    use media::Codec;

    #[test]
    fn aac_goes_there_and_back() {
        let mut encoder = Aac::new(96_000).unwrap();
        let mut decoder = Decoder::new(&Codec::Aac(encoder.config().clone())).unwrap();
        let mut all = Vec::new();
        for index in 0..50 {
            let frame: Frame = tone(440.0, 0.5, index * FRAME, FRAME).try_into().unwrap();
            for unit in encoder.encode(&frame).unwrap() {
                let samples = decoder.decode(&unit).unwrap();
                assert_eq!(samples.len(), 2 * 1024);
                all.extend_from_slice(samples);
            }
        }
        assert!((strength(&all[40 * FRAME..], 440.0) - 0.5).abs() < 0.05);
        assert!(decoder.decode(&[1, 2, 3]).is_err());
    }
}
