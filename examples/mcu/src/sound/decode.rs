//! From packets of Opus and frames of AAC to samples.

use super::RATE;
use anyhow::{Context, bail};
use audioadapter_buffers::direct::InterleavedSlice;
use media::Codec;
use rubato::{Async, FixedAsync, Indexing, PolynomialDegree, Resampler};
use std::fmt;
use symphonia_codec_aac::AacDecoder;
use symphonia_core::codecs::audio::well_known::CODEC_ID_AAC;
use symphonia_core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia_core::packet::PacketRef;
use symphonia_core::units::{Duration, Timestamp};

/// Longest packet of Opus: 120 ms.
const LONGEST: usize = RATE * 120 / 1000;
/// Input of the resampler at a time, in samples of each channel.
const CHUNK: usize = 256;

/// Decodes one stream.
#[derive(Debug)]
pub struct Decoder {
    kind: Kind,
    /// What is given out: 48 kHz, both channels by turns.
    out: Vec<f32>,
}

enum Kind {
    Opus(Box<ropus::Decoder>),
    Aac {
        decoder: Box<AacDecoder>,
        channels: usize,
        raw: Vec<f32>,
        rate: Option<Box<Rate>>,
    },
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Opus(_) => "Opus",
            Kind::Aac { .. } => "AAC",
        })
    }
}

impl Decoder {
    /// For a track.
    ///
    /// # Errors
    /// For codecs and profiles that are not understood: Opus is, and AAC-LC of one or two channels.
    pub fn new(codec: &Codec) -> anyhow::Result<Self> {
        let kind = match codec {
            Codec::Opus(_) => {
                let decoder = ropus::Decoder::new(RATE as u32, ropus::Channels::Stereo);
                Kind::Opus(Box::new(
                    decoder.map_err(|error| anyhow::anyhow!("{error:?}"))?,
                ))
            }
            Codec::Aac(config) => {
                let mut parameters = AudioCodecParameters::new();
                parameters
                    .for_codec(CODEC_ID_AAC)
                    .with_extra_data(config.raw().into());
                let decoder = AacDecoder::try_new(&parameters, &AudioDecoderOptions::default())
                    .context("not AAC-LC of one or two channels")?;
                let rate = config.sampling_frequency() as usize;
                Kind::Aac {
                    decoder: Box::new(decoder),
                    channels: usize::from(config.channels()),
                    raw: Vec::new(),
                    rate: (rate != RATE)
                        .then(|| Rate::new(rate).map(Box::new))
                        .transpose()?,
                }
            }
            other => bail!("{} is not understood", other.rfc6381()),
        };
        Ok(Self {
            kind,
            out: Vec::new(),
        })
    }

    /// Decodes a packet or a frame.
    ///
    /// # Errors
    /// If it is damaged; the next one may be whole.
    pub fn decode(&mut self, data: &[u8]) -> anyhow::Result<&[f32]> {
        self.out.clear();
        match &mut self.kind {
            Kind::Opus(decoder) => {
                self.out.resize(2 * LONGEST, 0.0);
                let count = decoder.decode_float(data, &mut self.out, ropus::DecodeMode::Normal);
                let count = count.map_err(|error| anyhow::anyhow!("{error:?}"))?;
                self.out.truncate(2 * count);
            }
            Kind::Aac {
                decoder,
                channels,
                raw,
                rate,
            } => {
                let packet = PacketRef::new(0, Timestamp::ZERO, Duration::ZERO, data);
                let decoded = decoder.decode_ref(&packet)?;
                decoded.copy_to_vec_interleaved(raw);
                match channels {
                    1 => self.out.extend(raw.iter().flat_map(|sample| [*sample; 2])),
                    _ => self.out.extend_from_slice(raw),
                }
                if let Some(rate) = rate {
                    rate.apply(&mut self.out)?;
                }
            }
        }
        Ok(&self.out)
    }

    /// By so many samples what it gives is later than its packet's time says.
    #[must_use]
    pub const fn delay(&self) -> i64 {
        match self.kind {
            Kind::Opus(_) => super::encode::DELAY,
            Kind::Aac { .. } => 0,
        }
    }

    /// What may have been where `count` samples are missing; nothing, where only silence can be.
    pub fn conceal(&mut self, count: usize) -> &[f32] {
        self.out.clear();
        if let Kind::Opus(decoder) = &mut self.kind {
            // In steps of 2.5 ms.
            let count = (count / 120 * 120).min(LONGEST);
            if count > 0 {
                self.out.resize(2 * count, 0.0);
                let done = decoder.decode_float(&[], &mut self.out, ropus::DecodeMode::Normal);
                self.out.truncate(2 * done.unwrap_or(0));
            }
        }
        &self.out
    }
}

/// Makes 48 kHz of another rate.
struct Rate {
    resampler: Async<f32>,
    /// What is too little for a chunk.
    rest: Vec<f32>,
    chunk: Vec<f32>,
}

impl Rate {
    fn new(rate: usize) -> anyhow::Result<Self> {
        let ratio = RATE as f64 / rate as f64;
        let resampler = Async::new_poly(
            ratio,
            1.1,
            PolynomialDegree::Septic,
            CHUNK,
            2,
            FixedAsync::Input,
        )?;
        let chunk = vec![0.0; 2 * resampler.output_frames_max()];
        Ok(Self {
            resampler,
            rest: Vec::new(),
            chunk,
        })
    }

    /// In place.
    fn apply(&mut self, samples: &mut Vec<f32>) -> anyhow::Result<()> {
        self.rest.append(samples);
        let (chunks, rest) = self.rest.as_chunks::<{ 2 * CHUNK }>();
        let room = self.chunk.len() / 2;
        for input in chunks {
            let input = InterleavedSlice::new(input, 2, CHUNK)?;
            let mut output = InterleavedSlice::new_mut(&mut self.chunk, 2, room)?;
            let (_, written) =
                self.resampler
                    .process_into_buffer(&input, &mut output, Some(&Indexing::new()))?;
            samples.extend_from_slice(&self.chunk[..2 * written]);
        }
        self.rest = rest.to_vec();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::encode::{Aac, Opus};
    use super::super::tests::{strength, tone};
    use super::super::{FRAME, Frame};
    use super::*;

    #[test]
    fn opus_goes_there_and_back() {
        let mut encoder = Opus::new(64_000).unwrap();
        let mut decoder = Decoder::new(&Codec::Opus(media::codec::Opus::new(2, 0))).unwrap();
        let mut all = Vec::new();
        for index in 0..50 {
            let frame: Frame = tone(440.0, 0.5, index * FRAME, FRAME).try_into().unwrap();
            let packet = encoder.encode(&frame).unwrap();
            all.extend_from_slice(decoder.decode(&packet).unwrap());
        }
        assert_eq!(all.len(), 50 * 2 * FRAME);
        assert!((strength(&all[40 * FRAME..], 440.0) - 0.5).abs() < 0.05);
        // It is later than it was by what the decoder says: the tone's phase tells.
        let late = |delay: usize| {
            let begin = 40 * FRAME;
            let came = all[2 * (begin + delay)..].iter().step_by(2);
            let went = tone(440.0, 0.5, begin, 960);
            let differences = came.zip(went.iter().step_by(2)).map(|(a, b)| (a - b).abs());
            differences.sum::<f32>()
        };
        let best = (250..350).min_by(|a, b| late(*a).total_cmp(&late(*b)));
        let delay = usize::try_from(decoder.delay()).unwrap();
        assert!(best.unwrap().abs_diff(delay) < 4, "{best:?}");
        // What is missing goes on a little.
        let concealed = decoder.conceal(FRAME).to_vec();
        assert_eq!(concealed.len(), 2 * FRAME);
        assert!(super::super::level(&concealed) > 0.05);
        assert!(decoder.decode(&[0xff; 3]).is_err() || decoder.decode(&[]).is_ok());
    }

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

    #[test]
    fn other_rates_become_48_khz() {
        let mut rate = Rate::new(44_100).unwrap();
        let mut all = Vec::new();
        for index in 0..40 {
            // A tone of 441 Hz at 44.1 kHz has the shape of one of 480 Hz at 48 kHz.
            let mut samples = tone(480.0, 0.5, index * 1024, 1024);
            rate.apply(&mut samples).unwrap();
            all.extend(samples);
        }
        let wanted = 40 * 1024 * 480 / 441;
        assert!((all.len() / 2).abs_diff(wanted) < 600, "{}", all.len() / 2);
        assert!((strength(&all[10_000..], 441.0) - 0.5).abs() < 0.01);
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        let error =
            Decoder::new(&Codec::Vp8(media::codec::Vp::parse(&[0; 16]).unwrap())).unwrap_err();
        assert!(error.to_string().contains("not understood"));
    }
}
