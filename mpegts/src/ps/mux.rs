//! Program streams made of samples.

use super::{BufferBound, MapStream, PackHeader, PackKind, ProgramStreamMap, SystemHeader};
use super::{Substream, SubstreamAudio, SubstreamId};
use crate::Error;
use crate::clock::{Pcr, WRAP};
use crate::payload::Payload;
use crate::pes::{Extension, Fields, Header, PStdBuffer, StreamId};
use crate::psi::descriptor::{Iso639, Iso639Language};
use crate::psi::{Descriptors, StreamType, Version};
use alloc::vec::Vec;
use bytes::Bytes;
use media::{Codec, Sample, Time, Timescale, TrackId, Tracks};
use wire::Writer;

/// How a [`Muxer`] writes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// How packs are cut.
    pub packs: Packs,
    /// The rate that packs are sent at, in bytes per second, up to 209 715 150: what a decoder has to keep up with.
    pub mux_rate: u32,
    /// How long before its decoding time a sample is sent, and at least added to all times so that this is never before 0.
    pub delay: Time,
}

/// How packs are cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packs {
    /// All of one length, as on a disc; what is left of the last one is padding.
    Sectors {
        /// Bytes of a pack, at least 256.
        len: u16,
    },
    /// One for each sample, as cameras send them (GB/T 28181): nothing waits.
    Samples,
}

impl Config {
    /// A file: packs of 2048 bytes, 10 MB/s, 500 ms.
    #[must_use]
    pub const fn file() -> Self {
        Self {
            packs: Packs::Sectors { len: 2048 },
            mux_rate: 10_000_000,
            delay: Time::from_millis(500),
        }
    }

    /// As on a DVD: packs of 2048 bytes, 10.08 Mbit/s, 500 ms. There is no navigation data.
    #[must_use]
    pub const fn dvd() -> Self {
        Self {
            mux_rate: 1_260_000,
            ..Self::file()
        }
    }

    /// As a camera sends it live: a pack for each sample.
    #[must_use]
    pub const fn live() -> Self {
        Self {
            packs: Packs::Samples,
            delay: Time::from_millis(0),
            ..Self::file()
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self::file()
    }
}

/// Writes a program stream of MPEG-2.
///
/// * H.264, H.265 and MPEG video get the ids 0xE0 to 0xEF, AAC and MPEG audio 0xC0 to 0xDF; AC-3 and E-AC-3 are substreams of
///   `private_stream_1`, as on a DVD.
/// * Every sample begins a packet and has its times there; its samples are to be handed over as they are to be sent.
/// * The first pack has the system header and, where the ids alone do not tell the codecs, the program stream map. With
///   [`Packs::Samples`] every sync sample of video has both, so that a receiver can start there.
///
/// ```
/// use fluvial_mpegts::ps::{self, Muxer};
/// use media::{Codec, Flags, Sample, Timescale, Track, TrackId, Tracks};
///
/// let config = media::codec::MpegAudio::new(mpeg2::audio::Header::parse(&[0xFF, 0xFD, 0x84, 0x04])?).unwrap();
/// let hz = Timescale::new(48_000).unwrap();
/// let tracks = Tracks::from(vec![Track::new(TrackId(1), hz, Codec::MpegAudio(config))]);
///
/// let mut muxer = Muxer::new(ps::mux::Config::file());
/// muxer.set_tracks(&tracks)?;
/// let data = vec![0xFF; 480].into();
/// muxer.handle_sample(&Sample { track: TrackId(1), dts: 0, pts: 0, duration: None, flags: Flags::SYNC, data })?;
/// muxer.finish();
/// let packs = muxer.poll_output().unwrap();
/// assert_eq!(packs[..4], [0, 0, 1, 0xBA]);
/// assert_eq!(packs.len(), 2048 + 4); // the end code
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Muxer {
    config: Config,
    streams: Vec<Stream>,
    system: SystemHeader,
    map: Option<ProgramStreamMap>,
    /// The headers that the next pack has to have.
    headers_due: bool,
    /// Ticks of 27 MHz of the next pack, at the earliest.
    clock: u64,
    /// Added to all times, ticks of 90 kHz.
    offset: Option<i64>,
    /// The pack that is being filled.
    pack: Vec<u8>,
    payload: Vec<u8>,
    output: Vec<u8>,
    finished: bool,
}

/// A track on its way into packets.
#[derive(Debug)]
struct Stream {
    track: TrackId,
    timescale: Timescale,
    is_video: bool,
    payload: Payload,
    stream_id: StreamId,
    substream: Option<SubstreamId>,
    /// Its buffer is still to be told in a packet.
    buffer: Option<PStdBuffer>,
}

/// Bytes before the data of a packet, at most: header with both times, buffer size, substream.
const MOST_HEADER: usize = 9 + 10 + 3 + 4;
/// What is not worth a packet of its own: stuffed into the header of the one before.
const LEAST_PACKET: usize = 32;
/// Data of a packet, at most, where packs have no length.
const MOST_DATA: usize = 65_000;

impl Muxer {
    /// A muxer that waits for its tracks.
    #[must_use]
    pub const fn new(config: Config) -> Self {
        Self {
            config,
            streams: Vec::new(),
            system: SystemHeader {
                rate_bound: 0,
                audio_bound: 0,
                fixed: false,
                csps: false,
                system_audio_lock: true,
                system_video_lock: true,
                video_bound: 0,
                packet_rate_restriction: false,
                streams: Vec::new(),
            },
            map: None,
            headers_due: true,
            clock: 0,
            offset: None,
            pack: Vec::new(),
            payload: Vec::new(),
            output: Vec::new(),
            finished: false,
        }
    }

    /// Whether a program stream can carry a codec.
    #[must_use]
    pub fn can_carry(codec: &Codec) -> bool {
        Payload::new(codec).is_ok()
    }

    /// Says what follows, at the start or where it changes.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for a codec that program streams have not, [`Error::Limit`] for more streams than ids,
    /// [`Error::Invalid`] for packs that are too small.
    pub fn set_tracks(&mut self, tracks: &Tracks) -> Result<(), Error> {
        if let Packs::Sectors { len: len @ ..256 } = self.config.packs {
            return Err(Error::Invalid {
                field: "pack length",
                value: len.into(),
                offset: 0,
            });
        }
        let (mut video, mut audio, mut ac3, mut eac3) = (0..16, 0..32, 0x80..0x88, 0xC0..0xD0);
        let limit = |limit, max| Error::Limit { limit, max };
        let mut streams = Vec::new();
        let mut map = Vec::new();
        let mut needs_map = false;
        for track in tracks {
            let (payload, stream_type) = Payload::new(&track.codec)?;
            let is_video = track.codec.kind() == media::Kind::Video;
            let (stream_id, substream) = match stream_type {
                StreamType::ATSC_AC3 | StreamType::ATSC_EAC3 => {
                    let ids = if stream_type == StreamType::ATSC_AC3 {
                        &mut ac3
                    } else {
                        &mut eac3
                    };
                    let id = ids.next().ok_or(limit("substreams", 8))?;
                    (StreamId::PRIVATE_1, Some(SubstreamId(id)))
                }
                _ if is_video => {
                    let number = video.next().ok_or(limit("video streams", 16))?;
                    (StreamId::video(number), None)
                }
                _ => {
                    let number = audio.next().ok_or(limit("audio streams", 32))?;
                    (StreamId::audio(number), None)
                }
            };
            needs_map |= matches!(
                stream_type,
                StreamType::H264
                    | StreamType::H265
                    | StreamType::MPEG4_VIDEO
                    | StreamType::AAC_ADTS
            );
            let mut descriptors = Descriptors::new();
            if track.language != media::Language::UNDETERMINED
                && let &[a, b, c] = track.language.as_str().as_bytes()
            {
                let language = Iso639Language {
                    iso_639_language_code: [a, b, c],
                    audio_type: 0,
                };
                descriptors.push(&Iso639 {
                    languages: alloc::vec![language],
                })?;
            }
            if substream.is_none() {
                map.push(MapStream {
                    stream_type,
                    elementary_stream_id: stream_id,
                    descriptors,
                });
            }
            // As DVDs and ffmpeg have them; larger pictures get more.
            let buffer = match (is_video, substream) {
                (true, _) => PStdBuffer {
                    scale: true,
                    size: 230,
                },
                (false, None) => PStdBuffer {
                    scale: false,
                    size: 32,
                },
                (false, Some(_)) => PStdBuffer {
                    scale: true,
                    size: 58,
                },
            };
            streams.push(Stream {
                track: track.id,
                timescale: track.timescale,
                is_video,
                payload,
                stream_id,
                substream,
                buffer: Some(buffer),
            });
        }
        self.close_pack()?;
        self.system.rate_bound = self.rate();
        let count = |is_video| {
            let count = streams
                .iter()
                .filter(|one| one.is_video == is_video)
                .count();
            u8::try_from(count).unwrap_or(0x1F).min(0x1F)
        };
        self.system.video_bound = count(true);
        self.system.audio_bound = count(false);
        self.system.streams.clear();
        for stream in &streams {
            let known = |one: &BufferBound| one.stream_id == stream.stream_id;
            if let Some(buffer) = stream.buffer
                && !self.system.streams.iter().any(known)
            {
                let bound = BufferBound::new(stream.stream_id, buffer);
                self.system.streams.push(bound);
            }
        }
        let before = self.map.as_ref().map(|map| map.version);
        self.map = needs_map.then(|| ProgramStreamMap {
            version: before.map_or(Version::FIRST, Version::next),
            single_extension_stream: false,
            descriptors: Descriptors::new(),
            streams: map,
        });
        self.streams = streams;
        self.headers_due = true;
        Ok(())
    }

    /// Takes a sample; one of a track that was not told is passed over.
    ///
    /// # Errors
    /// [`Error::State`] after the end, [`Error::Unsupported`] where the sample does not have its codec's form.
    pub fn handle_sample(&mut self, sample: &Sample) -> Result<(), Error> {
        if self.finished {
            return Err(Error::State("a sample after the end"));
        }
        let mut streams = core::mem::take(&mut self.streams);
        let mut payload = core::mem::take(&mut self.payload);
        payload.clear();
        let stream = streams.iter_mut().find(|one| one.track == sample.track);
        let done = stream.map_or(Ok(()), |stream| {
            stream.payload.write(sample, &mut payload)?;
            self.packets(stream, sample, &payload)
        });
        self.streams = streams;
        self.payload = payload;
        done
    }

    /// Ends the stream: the last pack is filled up and the end code follows.
    pub fn finish(&mut self) {
        if !self.finished {
            self.finished = true;
            // What is in the pack has been written without an error before.
            if self.close_pack().is_ok() {
                self.output.extend_from_slice(&super::PROGRAM_END_CODE);
            }
        }
    }

    /// Whole packs, as many as there are; `None` where there is none.
    pub fn poll_output(&mut self) -> Option<Bytes> {
        (!self.output.is_empty()).then(|| core::mem::take(&mut self.output).into())
    }

    /// Bytes held: packs to be polled and the one that is not full.
    #[must_use]
    pub const fn buffered_len(&self) -> usize {
        self.output.len().saturating_add(self.pack.len())
    }

    /// `program_mux_rate`.
    fn rate(&self) -> u32 {
        self.config.mux_rate.div_ceil(50).clamp(1, 0x3F_FFFF)
    }

    /// Writes a sample's packets.
    fn packets(&mut self, stream: &mut Stream, sample: &Sample, data: &[u8]) -> Result<(), Error> {
        let ticks = |time| stream.timescale.rescale(time, Timescale::KHZ_90);
        let (dts, pts) = (ticks(sample.dts), ticks(sample.pts));
        let delay = Timescale::KHZ_90.ticks(self.config.delay);
        // The first sample is sent at 0, unless it is late enough as it is.
        let offset = *self.offset.get_or_insert(delay.saturating_sub(dts).max(0));
        let (dts, pts) = (dts.saturating_add(offset), pts.saturating_add(offset));
        let send = dts.saturating_sub(delay).max(0);
        let send = u64::try_from(send).unwrap_or(0).saturating_mul(300);
        let sectors = match self.config.packs {
            Packs::Sectors { len } => Some(usize::from(len)),
            Packs::Samples => {
                self.headers_due |= stream.is_video && sample.is_sync();
                None
            }
        };
        let mut rest = data;
        let mut first = true;
        while first || !rest.is_empty() {
            if let Some(len) = sectors
                && len.saturating_sub(self.pack.len()) < MOST_HEADER + LEAST_PACKET
            {
                self.close_pack()?;
            }
            if self.pack.is_empty() {
                self.open_pack(send)?;
            }
            let stamp = |ticks: i64| u64::try_from(ticks.rem_euclid(WRAP.cast_signed())).ok();
            let mut fields = Fields::default();
            if first {
                fields.data_alignment_indicator = stream.is_video;
                fields.pts = stamp(pts);
                fields.dts = stamp(dts).filter(|_| dts != pts);
                fields.extension = stream.buffer.take().map(|buffer| Extension {
                    p_std_buffer: Some(buffer),
                    ..Extension::default()
                });
            }
            let mut header = Header::with_fields(stream.stream_id, fields);
            let substream_len = if stream.substream.is_some() { 4 } else { 0 };
            let before = header.encoded_len().saturating_add(substream_len);
            let room = sectors.map_or(MOST_DATA, |len| {
                len.saturating_sub(self.pack.len()).saturating_sub(before)
            });
            let (part, more) = rest.split_at_checked(room).unwrap_or((rest, &[]));
            if sectors.is_some()
                && let Some(fields) = &mut header.fields
            {
                let left = room.saturating_sub(part.len());
                if left < LEAST_PACKET {
                    fields.stuffing = u8::try_from(left).unwrap_or(0);
                }
            }
            header.set_data_len(part.len().saturating_add(substream_len))?;
            header.encode(&mut self.pack)?;
            if let Some(id) = stream.substream {
                let audio = SubstreamAudio {
                    number_of_frame_headers: first.into(),
                    first_access_unit_pointer: first.into(),
                    lpcm: None,
                };
                let substream = Substream {
                    id,
                    audio: Some(audio),
                };
                substream.encode(&mut Writer::new(&mut self.pack));
            }
            self.pack.extend_from_slice(part);
            rest = more;
            first = false;
        }
        if sectors.is_none() {
            self.close_pack()?;
        }
        Ok(())
    }

    /// Starts a pack that is sent at this time, in ticks of 27 MHz, or as soon as those before it are through.
    fn open_pack(&mut self, send: u64) -> Result<(), Error> {
        self.clock = self.clock.max(send);
        let header = PackHeader {
            system_clock_reference: Pcr::from_ticks(self.clock),
            program_mux_rate: self.rate(),
            kind: PackKind::Mpeg2 { stuffing: 0 },
        };
        header.encode(&mut self.pack)?;
        if core::mem::take(&mut self.headers_due) {
            self.system.encode(&mut self.pack)?;
            if let Some(map) = &self.map {
                map.encode(&mut self.pack)?;
            }
        }
        Ok(())
    }

    /// Gives out the pack that is open, filled up where packs have a length.
    fn close_pack(&mut self) -> Result<(), Error> {
        if self.pack.is_empty() {
            return Ok(());
        }
        if let Packs::Sectors { len } = self.config.packs {
            let left = usize::from(len).saturating_sub(self.pack.len());
            // Less than this never is left: it is stuffed into the header before.
            if let Some(padding) = left.checked_sub(crate::pes::FIXED_LEN) {
                let mut header = Header {
                    stream_id: StreamId::PADDING,
                    packet_length: 0,
                    fields: None,
                };
                header.set_data_len(padding)?;
                header.encode(&mut self.pack)?;
                self.pack
                    .resize(self.pack.len().saturating_add(padding), 0xFF);
            }
        }
        let ticks = (self.pack.len() as u64).saturating_mul(27_000_000);
        let rate = u64::from(self.rate()).saturating_mul(50);
        self.clock = self.clock.saturating_add(ticks.div_ceil(rate));
        self.output.append(&mut self.pack);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
