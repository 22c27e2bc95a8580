//! How a track is carried: its elementary stream, its entry in the program map table, its packets' headers.

use super::Config;
use crate::Error;
use crate::packet::Pid;
use crate::payload::Payload;
use crate::pes::StreamId;
use crate::psi::descriptor::{
    Describe, EnhancedAc3, Iso639, Iso639Language, Metadata, MetadataFormat, OpusAudio,
    RawDescriptor, Registration, Subtitling, Teletext,
};
use crate::psi::{Descriptor, Descriptors, ElementaryStream, StreamType};
use aac::latm;
use alloc::collections::VecDeque;
use alloc::string::ToString;
use alloc::vec::Vec;
use bytes::Bytes;
use media::codec::TextFormat;
use media::{Codec, Kind, Language, Sample, Timescale, Track, TrackId};

/// A track that is being written.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) id: TrackId,
    pub(super) pid: Pid,
    pub(super) program: usize,
    pub(super) timescale: Timescale,
    pub(super) kind: Kind,
    pub(super) stream_id: StreamId,
    pub(super) stream: ElementaryStream,
    carrier: Carrier,
    #[cfg(feature = "sample-aes")]
    seal: Option<super::seal::Seal>,
    pub(super) counter: u8,
    /// Frames of sound that wait for others to share a packet with.
    pub(super) group: Option<Unit>,
    /// Units in order of time.
    pub(super) queue: VecDeque<Unit>,
    /// Decoding time of the last sample, in ticks of 90 kHz.
    pub(super) last: Option<i64>,
}

/// What a PES packet, or a section, is made of.
#[derive(Debug)]
pub(super) struct Unit {
    /// Ticks of 90 kHz.
    pub(super) dts: i64,
    pub(super) pts: i64,
    /// When the next frame of sound is expected.
    pub(super) end: i64,
    pub(super) sync: bool,
    pub(super) data: Vec<u8>,
    /// NAL units behind `data`, with lengths of 4 bytes in place of their start codes.
    pub(super) nals: Bytes,
}

impl Unit {
    pub(super) fn len(&self) -> usize {
        self.data.len().saturating_add(self.nals.len())
    }
}

/// How samples become bytes of the stream.
#[derive(Debug)]
enum Carrier {
    Payload(Payload),
    Latm(latm::Writer),
    Opus,
    /// Metadata access units with headers of 5 bytes (ISO/IEC 13818-1 §2.12.4.2).
    Cells(u8),
    /// Sections, without PES packets.
    Sections,
}

/// Elements of LATM from one with the configuration to the next.
const LATM_INTERVAL: u32 = 20;

impl Lane {
    pub(super) fn new(
        track: &Track,
        pid: Pid,
        program: usize,
        config: &Config,
    ) -> Result<Self, Error> {
        let mut descriptors = Descriptors::new();
        let registration = |identifier: &[u8; 4]| Registration {
            format_identifier: *identifier,
            additional_identification_info: Vec::new(),
        };
        let mut stream_id = StreamId::PRIVATE_1;
        let (carrier, stream_type) = match &track.codec {
            Codec::Opus(opus) => {
                descriptors.push(&registration(b"Opus"))?;
                descriptors.push(&OpusAudio {
                    channel_config_code: opus.output_channel_count,
                    explicit: Vec::new(),
                })?;
                (Carrier::Opus, StreamType::PES_PRIVATE)
            }
            Codec::Aac(config_aac)
                if config.latm || aac::adts::Writer::new(config_aac).is_err() =>
            {
                stream_id = StreamId::audio(0);
                let mux = latm::StreamMuxConfig::new(config_aac.clone());
                let writer = latm::Writer::in_band(mux, LATM_INTERVAL);
                (Carrier::Latm(writer), StreamType::AAC_LATM)
            }
            Codec::Id3 => {
                descriptors.push(&metadata(MetadataFormat::ID3))?;
                (Carrier::Payload(Payload::AsIs), StreamType::METADATA_PES)
            }
            Codec::Klv => {
                stream_id = StreamId::METADATA;
                descriptors.push(&registration(b"KLVA"))?;
                descriptors.push(&metadata(MetadataFormat::KLV))?;
                (Carrier::Cells(0), StreamType::METADATA_PES)
            }
            Codec::Scte35 => (Carrier::Sections, StreamType::SCTE35),
            Codec::Text(text) => {
                let tag = match text.format {
                    TextFormat::Teletext => Teletext::TAG,
                    TextFormat::DvbSubtitle => Subtitling::TAG,
                    _ => return Err(Error::Unsupported(track.codec.rfc6381().into())),
                };
                descriptors.push_any(&raw(tag, &text.config))?;
                (Carrier::Payload(Payload::AsIs), StreamType::PES_PRIVATE)
            }
            codec => {
                let (payload, mut stream_type) = Payload::new(codec)?;
                match codec {
                    Codec::Ac3(_) if config.dvb => {
                        stream_type = StreamType::PES_PRIVATE;
                        descriptors.push_any(&raw(0x6A, &[0]))?;
                    }
                    Codec::Eac3(_) if config.dvb => {
                        stream_type = StreamType::PES_PRIVATE;
                        descriptors.push_any(&raw(EnhancedAc3::TAG, &[0]))?;
                    }
                    Codec::Ac3(_) => descriptors.push(&registration(b"AC-3"))?,
                    Codec::Eac3(_) => descriptors.push(&registration(b"EAC3"))?,
                    Codec::Hevc(_) => descriptors.push(&registration(b"HEVC"))?,
                    Codec::Aac(_) | Codec::MpegAudio(_) => stream_id = StreamId::audio(0),
                    _ => {}
                }
                if codec.kind() == Kind::Video {
                    stream_id = StreamId::video(0);
                }
                (Carrier::Payload(payload), stream_type)
            }
        };
        if track.language != Language::UNDETERMINED
            && !descriptors.has::<Teletext>()
            && !descriptors.has::<Subtitling>()
            && let Ok(code) = <[u8; 3]>::try_from(track.language.as_str().as_bytes())
        {
            descriptors.push(&Iso639 {
                languages: alloc::vec![Iso639Language {
                    iso_639_language_code: code,
                    audio_type: 0,
                }],
            })?;
        }
        #[cfg_attr(not(feature = "sample-aes"), expect(unused_mut))]
        let mut stream = ElementaryStream {
            stream_type,
            elementary_pid: pid.get(),
            descriptors,
        };
        #[cfg(feature = "sample-aes")]
        let seal = match &config.sample_key {
            Some(key) => super::seal::Seal::new(key, &track.codec, &mut stream)?,
            None => None,
        };
        Ok(Self {
            id: track.id,
            pid,
            program,
            timescale: track.timescale,
            kind: track.codec.kind(),
            stream_id,
            stream,
            carrier,
            #[cfg(feature = "sample-aes")]
            seal,
            counter: 0,
            group: None,
            queue: VecDeque::new(),
            last: None,
        })
    }

    pub(super) const fn is_section(&self) -> bool {
        matches!(self.carrier, Carrier::Sections)
    }

    /// Appends what a sample is in the stream, but for NAL units that it gives: those need not be copied twice.
    pub(super) fn write_head(
        &mut self,
        sample: &Sample,
        out: &mut Vec<u8>,
    ) -> Result<Bytes, Error> {
        if !self.is_sealed()
            && let Carrier::Payload(payload) = &mut self.carrier
            && let Some(nals) = payload.write_head(sample, out)
        {
            return Ok(nals);
        }
        out.reserve(sample.data.len().saturating_add(256));
        self.write(sample, out)?;
        Ok(Bytes::new())
    }

    #[cfg(feature = "sample-aes")]
    const fn is_sealed(&self) -> bool {
        self.seal.is_some()
    }

    #[cfg(not(feature = "sample-aes"))]
    #[expect(clippy::unused_self, reason = "with keys it is used")]
    const fn is_sealed(&self) -> bool {
        false
    }

    /// Appends what a sample is in the stream.
    pub(super) fn write(&mut self, sample: &Sample, out: &mut Vec<u8>) -> Result<(), Error> {
        #[cfg(feature = "sample-aes")]
        if self.seal.is_some() {
            let start = out.len();
            self.write_clear(sample, out)?;
            if let Some(seal) = &mut self.seal {
                seal.seal(out, start);
            }
            return Ok(());
        }
        self.write_clear(sample, out)
    }

    fn write_clear(&mut self, sample: &Sample, out: &mut Vec<u8>) -> Result<(), Error> {
        match &mut self.carrier {
            Carrier::Payload(payload) => payload.write(sample, out),
            Carrier::Latm(writer) => writer
                .write_loas(&[&sample.data], out)
                .map_err(|error| Error::Unsupported(error.to_string().into())),
            Carrier::Opus => {
                opus(&sample.data, out);
                Ok(())
            }
            Carrier::Cells(number) => {
                cell(number, &sample.data, out);
                Ok(())
            }
            Carrier::Sections => {
                out.extend_from_slice(&sample.data);
                Ok(())
            }
        }
    }
}

fn metadata(format: MetadataFormat) -> Metadata {
    Metadata {
        format,
        metadata_service_id: 0,
        decoder_config_flags: 0,
        service_identification_record: None,
        decoder_config: Vec::new(),
        private_data: Vec::new(),
    }
}

fn raw(tag: u8, data: &[u8]) -> Descriptor {
    RawDescriptor { tag, data }.typed()
}

/// A packet of Opus behind its control header: prefix 0x3FF without flags, and its length.
fn opus(packet: &Bytes, out: &mut Vec<u8>) {
    out.extend_from_slice(&[0x7F, 0xE0]);
    let mut len = packet.len();
    while let Some(rest) = len.checked_sub(255) {
        out.push(255);
        len = rest;
    }
    out.push(u8::try_from(len).unwrap_or(254));
    out.extend_from_slice(packet);
}

/// A message in metadata cells, as many as it takes.
fn cell(number: &mut u8, message: &[u8], out: &mut Vec<u8>) {
    let chunks = message.len().div_ceil(u16::MAX.into());
    let mut rest = message;
    for at in 0..chunks {
        let len = rest.len().min(u16::MAX.into());
        let (part, after) = rest.split_at_checked(len).unwrap_or((rest, &[]));
        rest = after;
        // 3 whole, 2 first, 1 last, 0 between; random access.
        let fragment = match (at == 0, rest.is_empty()) {
            (true, true) => 3,
            (true, false) => 2,
            (false, true) => 1,
            (false, false) => 0,
        };
        out.extend_from_slice(&[0, *number, fragment << 6 | 0x1F]);
        out.extend_from_slice(&u16::try_from(part.len()).unwrap_or(0).to_be_bytes());
        out.extend_from_slice(part);
        *number = number.wrapping_add(1);
    }
}
