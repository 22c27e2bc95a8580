use super::way::{Packet, Way};
use super::{ChannelOrder, MultichannelConfig, PacketType, VideoTagHeader, metadata};
use crate::{Error, Message, TypeId};
use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use media::{Codec, Flags, Kind, Metadata, Sample, Time, Timescale, TrackId, Tracks, Value};

/// How a [`Muxer`] writes what can be written in more than one way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct MuxerConfig {
    /// Whether all codecs are told by a FourCC, H.264, AAC and MP3 too. Default no: all players know them by their numbers of old.
    pub enhanced: bool,
    /// Whether times are told to the nanosecond, which implies `enhanced`. Default no.
    pub nanoseconds: bool,
}

/// Makes the messages of a stream of its samples.
///
/// Each set of tracks gives `onMetaData` and the sequence headers, each sample a message; all on message stream 1. H.264, AAC, MP3,
/// PCM and the codecs of old are written as ever, the others, and further tracks of a kind, as Enhanced RTMP has them.
///
/// ```
/// use fluvial_rtmp::flv::Muxer;
/// use media::{Codec, Flags, Sample, Timescale, Track, TrackId, Tracks};
///
/// let codec = Codec::Aac(aac::AudioSpecificConfig::lc(48_000, 2)?);
/// let track = Track::new(TrackId(1), Timescale::new(48_000).unwrap(), codec);
/// let mut muxer = Muxer::new();
/// muxer.set_tracks(&Tracks::from(vec![track]))?;
/// let data = [0x21][..].into();
/// muxer.handle_sample(&Sample { track: TrackId(1), dts: 1024, pts: 1024, duration: None, flags: Flags::SYNC, data })?;
/// let messages: Vec<_> = std::iter::from_fn(|| muxer.poll_output()).collect();
/// assert_eq!(messages[1].payload[..2], [0xAF, 0]);
/// assert_eq!((messages[2].timestamp, &messages[2].payload[..]), (21, &[0xAF, 1, 0x21][..]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
pub struct Muxer {
    config: MuxerConfig,
    tracks: Vec<Output>,
    metadata: Metadata,
    /// What `onMetaData` says of the tracks.
    facts: Vec<(String, Value)>,
    /// What the last `onMetaData` said.
    described: Metadata,
    output: VecDeque<Message>,
    /// Added to all times, so that the first is not negative.
    offset: Option<Time>,
    /// The last timestamp.
    now: u32,
    /// The same, not wrapped.
    elapsed: u64,
}

#[derive(Debug)]
struct Output {
    id: TrackId,
    timescale: Timescale,
    kind: Kind,
    /// Its number among those of its kind.
    number: u8,
    way: Way,
}

const NANOS_PER_MILLI: i64 = 1_000_000;

impl Muxer {
    /// A muxer at the start of a stream.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with a configuration.
    #[must_use]
    pub fn with_config(config: MuxerConfig) -> Self {
        Self {
            config,
            ..Self::default()
        }
    }

    /// What the next `onMetaData` says besides the facts about the tracks.
    pub fn set_metadata(&mut self, metadata: Metadata) {
        self.metadata = metadata;
    }

    /// Whether a codec can be carried.
    #[must_use]
    pub fn carries(codec: &Codec) -> bool {
        Way::of(codec, false).is_some()
    }

    /// Starts with these tracks, or goes on with them.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for a codec that cannot be [carried](Self::carries); [`Error::Limit`] for more than 256 tracks of a
    /// kind; [`Error::State`] for two with the same id. Nothing has changed then.
    pub fn set_tracks(&mut self, tracks: &Tracks) -> Result<(), Error> {
        let mut outputs: Vec<Output> = Vec::with_capacity(tracks.len());
        let mut facts = Vec::new();
        let mut maps = [Vec::new(), Vec::new()];
        let mut headers = Vec::new();
        for track in tracks {
            if outputs.iter().any(|output| output.id == track.id) {
                return Err(Error::State("two tracks of the set have the same id"));
            }
            let kind = track.codec.kind();
            let before = outputs.iter().filter(|output| output.kind == kind);
            let Ok(number) = u8::try_from(before.count()) else {
                return Err(Error::Limit {
                    limit: "tracks of a kind",
                    max: 256,
                });
            };
            let enhanced = self.config.enhanced || self.config.nanoseconds || number > 0;
            let way = Way::of(&track.codec, enhanced)
                .ok_or(Error::Unsupported("FLV cannot carry a track's codec"))?;
            let [videos, audios] = &mut maps;
            match (number, kind) {
                (0, _) => describe(&track.codec, way, &mut facts),
                (_, Kind::Video) => videos.push((format!("{number}"), describe_more(&track.codec))),
                _ => audios.push((format!("{number}"), describe_more(&track.codec))),
            }
            if let Some(header) = Way::header(&track.codec) {
                let packet = Packet {
                    packet_type: PacketType::SequenceStart,
                    frame_type: VideoTagHeader::KEY_FRAME,
                    ..Packet::of(kind, number)
                };
                let payload = way.body(packet, &header)?.into();
                headers.push(self.message(kind, payload));
            }
            if let (Way::Ex(_), Kind::Audio, Some(channels)) =
                (way, kind, track.codec.channels().filter(|count| *count > 2))
                && let Ok(channel_count) = u8::try_from(channels)
            {
                let config = MultichannelConfig {
                    channel_count,
                    order: ChannelOrder::Unspecified,
                };
                let packet = Packet {
                    packet_type: PacketType::MultichannelConfig,
                    ..Packet::of(kind, number)
                };
                let mut body = Vec::new();
                config.encode(&mut body);
                headers.push(self.message(kind, way.body(packet, &body)?.into()));
            }
            outputs.push(Output {
                id: track.id,
                timescale: track.timescale,
                kind,
                number,
                way,
            });
        }
        for (name, map) in ["videoTrackIdInfoMap", "audioTrackIdInfoMap"]
            .into_iter()
            .zip(maps)
        {
            if !map.is_empty() {
                facts.push((name, Value::Map(map)));
            }
        }
        let facts = facts.into_iter();
        self.facts = facts
            .map(|(name, value)| (String::from(name), value))
            .collect();
        let described = self.described_now();
        self.output
            .push_back(metadata::to_message(&described, self.now)?);
        self.described = described;
        self.output.extend(headers);
        self.tracks = outputs;
        Ok(())
    }

    /// Takes metadata as a demuxer gives it: what has one entry named `on...` (`onCuePoint`, `onTextData`, `onFI`, ...) is a data
    /// message of that name, at the time of the last sample; `colorInfo` goes with the first video that a FourCC tells, if there is one;
    /// all else is told by `onMetaData`, at once where tracks are set.
    ///
    /// # Errors
    /// [`Error::TooLong`] for a name past 65 535 bytes.
    pub fn handle_metadata(&mut self, metadata: &Metadata) -> Result<(), Error> {
        if let [(name, value)] = &metadata.entries[..]
            && name.starts_with("on")
        {
            let message = metadata::to_data(name, value, self.now)?;
            self.output.push_back(message);
            return Ok(());
        }
        if let [(name, value)] = &metadata.entries[..]
            && name == "colorInfo"
        {
            let mut tracks = self.tracks.iter().filter(|track| track.kind == Kind::Video);
            if let Some(track) = tracks.find(|track| matches!(track.way, Way::Ex(_))) {
                let packet = Packet {
                    packet_type: PacketType::Metadata,
                    ..Packet::of(track.kind, track.number)
                };
                let body = metadata::to_data(name, value, self.now)?.payload;
                let payload = track.way.body(packet, &body)?.into();
                self.output.push_back(self.message(Kind::Video, payload));
            }
            return Ok(());
        }
        self.metadata = metadata.clone();
        if !self.tracks.is_empty() {
            let described = self.described_now();
            let message = metadata::to_message(&described, self.now)?;
            self.output.push_back(message);
            self.described = described;
        }
        Ok(())
    }

    /// The facts about the tracks, and what else is to be told.
    fn described_now(&self) -> Metadata {
        let mut entries = self.facts.clone();
        let told = self.metadata.entries.iter();
        let others = told.filter(|(name, _)| self.facts.iter().all(|(fact, _)| fact != name));
        entries.extend(others.cloned());
        Metadata { entries }
    }

    fn message(&self, kind: Kind, payload: bytes::Bytes) -> Message {
        Message {
            timestamp: self.now,
            type_id: if kind == Kind::Video {
                TypeId::VIDEO
            } else {
                TypeId::AUDIO
            },
            stream_id: 1,
            payload,
        }
    }

    /// Adds a sample; samples come in the order of their decoding times, as far as tracks can be told from each other.
    ///
    /// # Errors
    /// [`Error::State`] for a track that is not in the set; [`Error::TooLong`] for a presentation time more than 2 h 19 min off.
    pub fn handle_sample(&mut self, sample: &Sample) -> Result<(), Error> {
        let Some(track) = self.tracks.iter().find(|track| track.id == sample.track) else {
            return Err(Error::State("a sample is on no track of the set"));
        };
        let (dts, pts) = (
            track.timescale.time(sample.dts),
            track.timescale.time(sample.pts),
        );
        let zero = Time::ZERO;
        let offset = *self.offset.get_or_insert((zero - dts).max(zero));
        let start = (dts + offset).max(zero).as_nanos();
        let shown = (pts + offset).as_nanos();
        let (millis, composition_time, nanos) = if self.config.nanoseconds {
            let millis = start.div_euclid(NANOS_PER_MILLI);
            let millis = if track.kind == Kind::Video {
                millis
            } else {
                shown.max(0).div_euclid(NANOS_PER_MILLI)
            };
            let after = shown.saturating_sub(millis.saturating_mul(NANOS_PER_MILLI));
            let nanos = after.rem_euclid(NANOS_PER_MILLI);
            (millis, after.div_euclid(NANOS_PER_MILLI), nanos)
        } else {
            let millis = |nanos: i64| Time::from_nanos(nanos);
            let rounded = |nanos| Timescale::MILLIS.ticks(millis(nanos));
            let start = rounded(start);
            (start, rounded(shown).saturating_sub(start), 0)
        };
        let frame_type = if sample.is_sync() {
            VideoTagHeader::KEY_FRAME
        } else if sample.flags.contains(Flags::DISPOSABLE) {
            VideoTagHeader::DISPOSABLE_INTER_FRAME
        } else {
            VideoTagHeader::INTER_FRAME
        };
        let packet = Packet {
            packet_type: PacketType::CodedFrames,
            frame_type,
            composition_time: i32::try_from(composition_time).unwrap_or(i32::MAX),
            nanos: u32::try_from(nanos).unwrap_or_default(),
            ..Packet::of(track.kind, track.number)
        };
        let payload = track.way.body(packet, &sample.data)?.into();
        let kind = track.kind;
        self.elapsed = u64::try_from(millis).unwrap_or_default();
        // The clock of FLV wraps after 49 days.
        self.now = u32::try_from(millis & i64::from(u32::MAX)).unwrap_or_default();
        let message = self.message(kind, payload);
        self.output.push_back(message);
        Ok(())
    }

    /// The next message.
    pub fn poll_output(&mut self) -> Option<Message> {
        self.output.pop_front()
    }

    /// What the last `onMetaData` says.
    pub(super) const fn described(&self) -> &Metadata {
        &self.described
    }

    /// Milliseconds from time 0 to the last sample.
    pub(super) const fn elapsed(&self) -> u64 {
        self.elapsed
    }

    /// Ends the stream: video gets its end of sequence.
    pub fn finish(&mut self) {
        for track in core::mem::take(&mut self.tracks) {
            if track.kind == Kind::Video && track.way.has_end() {
                let packet = Packet {
                    packet_type: PacketType::SequenceEnd,
                    frame_type: VideoTagHeader::KEY_FRAME,
                    ..Packet::of(track.kind, track.number)
                };
                // Nothing in it can be too long.
                if let Ok(payload) = track.way.body(packet, &[]) {
                    let message = self.message(track.kind, payload.into());
                    self.output.push_back(message);
                }
            }
        }
    }
}

/// What `onMetaData` says of the first track of a kind.
fn describe(codec: &Codec, way: Way, facts: &mut Vec<(&'static str, Value)>) {
    let number = |value: u32| Value::Number(value.into());
    match codec.kind() {
        Kind::Video => {
            facts.push(("videocodecid", number(way.number())));
            if let Some((width, height)) = codec.dimensions() {
                facts.push(("width", number(width)));
                facts.push(("height", number(height)));
            }
            if let Some((num, den)) = codec.frame_rate() {
                let rate = f64::from(num) / f64::from(den);
                facts.push(("framerate", Value::Number(rate)));
            }
        }
        _ => {
            facts.push(("audiocodecid", number(way.number())));
            if let Some(rate) = codec.sample_rate() {
                facts.push(("audiosamplerate", number(rate)));
            }
            facts.push(("audiosamplesize", number(16)));
            if let Some(channels) = codec.channels() {
                facts.push(("stereo", Value::Bool(channels > 1)));
            }
        }
    }
}

/// What the map of further tracks says of one.
fn describe_more(codec: &Codec) -> Value {
    let number = |value: u32| Value::Number(value.into());
    let mut map = Vec::new();
    let mut add = |name: &str, value| map.push((String::from(name), value));
    if let Some((width, height)) = codec.dimensions() {
        add("width", number(width));
        add("height", number(height));
    }
    if let Some(rate) = codec.sample_rate() {
        add("samplerate", number(rate));
    }
    if let Some(channels) = codec.channels() {
        add("channels", number(channels.into()));
    }
    Value::Map(map)
}
