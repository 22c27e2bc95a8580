//! From packets of Opus, frames of AAC and numbers of PCM to samples.

use super::{RATE, g711};
use anyhow::{Context, bail};
use audioadapter_buffers::direct::InterleavedSlice;
use media::Codec;
use media::codec::{self, Pcm, PcmFormat};
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
/// Lowest rate of PCM that is understood.
const LEAST_RATE: u32 = 8000;

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
    Pcm {
        pcm: Pcm,
        rate: Option<Box<Rate>>,
    },
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Opus(_) => "Opus",
            Kind::Aac { .. } => "AAC",
            Kind::Pcm { .. } => "PCM",
        })
    }
}

impl Decoder {
    /// For a track.
    ///
    /// # Errors
    /// For codecs and profiles that are not understood: Opus is, and of one or two channels AAC-LC, G.711 and PCM of 16 bits.
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
                Kind::Aac {
                    decoder: Box::new(decoder),
                    channels: usize::from(config.channels()),
                    raw: Vec::new(),
                    rate: Rate::from(config.sampling_frequency())?,
                }
            }
            Codec::Pcm(pcm)
                if matches!(pcm.channels, 1 | 2)
                    && pcm.sample_rate >= LEAST_RATE
                    && is_known(pcm) =>
            {
                Kind::Pcm {
                    pcm: *pcm,
                    rate: Rate::from(pcm.sample_rate)?,
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
                let count = codec::Opus::samples(data).context("no packet of Opus")?;
                self.out.resize(2 * count as usize, 0.0);
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
            Kind::Pcm { pcm, rate } => {
                let numbers: Vec<f32> = match pcm.format {
                    PcmFormat::MuLaw => data.iter().map(|code| g711::mulaw(*code)).collect(),
                    PcmFormat::ALaw => data.iter().map(|code| g711::alaw(*code)).collect(),
                    _ => {
                        let (pairs, _) = data.as_chunks::<2>();
                        let number = |pair: &[u8; 2]| match pcm.little_endian {
                            true => i16::from_le_bytes(*pair),
                            false => i16::from_be_bytes(*pair),
                        };
                        pairs
                            .iter()
                            .map(|pair| f32::from(number(pair)) / 32_768.0)
                            .collect()
                    }
                };
                match pcm.channels {
                    1 => self
                        .out
                        .extend(numbers.iter().flat_map(|sample| [*sample; 2])),
                    _ => self.out.extend(numbers),
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
            Kind::Aac { .. } | Kind::Pcm { .. } => 0,
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

const fn is_known(pcm: &Pcm) -> bool {
    match pcm.format {
        PcmFormat::MuLaw | PcmFormat::ALaw => true,
        PcmFormat::Signed => pcm.bits == 16,
        _ => false,
    }
}

impl Rate {
    /// None, where nothing is to be done.
    fn from(rate: u32) -> anyhow::Result<Option<Box<Self>>> {
        let rate = rate as usize;
        (rate != RATE)
            .then(|| Self::new(rate).map(Box::new))
            .transpose()
    }

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
    use super::super::{FRAME, Frame, Opus};
    use super::*;
    use testing::{strength, tone};

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
        for pcm in [
            Pcm::signed(24, false, 48_000, 2),
            Pcm::signed(16, false, 48_000, 6),
            Pcm::signed(16, false, 1, 1),
            Pcm::g711(PcmFormat::ALaw, 0, 1),
        ] {
            assert!(Decoder::new(&Codec::Pcm(pcm)).is_err(), "{pcm:?}");
        }
    }

    /// A tone of a telephone, in steps of 16 bits and by both laws.
    #[test]
    fn pcm_becomes_48_khz() {
        let tone: Vec<i16> = tone(440.0 * 6.0, 0.5, 0, 8000)
            .chunks(2)
            .map(|pair| (pair[0] * 32_767.0) as i16)
            .collect();
        let plain: Vec<u8> = tone
            .iter()
            .flat_map(|number| number.to_be_bytes())
            .collect();
        let nearest = |law: fn(u8) -> f32| -> Vec<u8> {
            let of = |number: &i16| {
                let wanted = f32::from(*number) / 32_768.0;
                let distance = |code: &u8| (law(*code) - wanted).abs();
                (0..=255).min_by(|a, b| distance(a).total_cmp(&distance(b)))
            };
            tone.iter().filter_map(of).collect()
        };
        for (pcm, data) in [
            (Pcm::signed(16, false, 8000, 1), plain),
            (Pcm::g711(PcmFormat::MuLaw, 8000, 1), nearest(g711::mulaw)),
            (Pcm::g711(PcmFormat::ALaw, 8000, 1), nearest(g711::alaw)),
        ] {
            let mut decoder = Decoder::new(&Codec::Pcm(pcm)).unwrap();
            let samples = decoder.decode(&data).unwrap();
            assert!((samples.len() / 2).abs_diff(48_000) < 6000, "{pcm:?}");
            let strength = strength(&samples[20_000..70_000], 440.0);
            assert!((strength - 0.5).abs() < 0.02, "{pcm:?}: {strength}");
        }
    }
}
