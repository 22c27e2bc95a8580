use crate::Error;
use alloc::vec::Vec;
use core::fmt;
use wire::{Reader, TooLong, Writer};

/// `SoundFormat` of audio whose codec a FourCC tells.
pub(super) const SOUND_FORMAT_EX: u8 = 9;
/// The bit of a video body's first byte that says that a FourCC tells the codec.
pub(super) const IS_EX_VIDEO: u8 = 0x80;

/// `VideoFourCc` and `AudioFourCc`: the codec of an enhanced body.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct FourCc(pub [u8; 4]);

impl FourCc {
    /// H.264.
    pub const AVC: FourCc = FourCc(*b"avc1");
    /// H.265.
    pub const HEVC: FourCc = FourCc(*b"hvc1");
    /// H.266.
    pub const VVC: FourCc = FourCc(*b"vvc1");
    /// AV1.
    pub const AV1: FourCc = FourCc(*b"av01");
    /// VP8.
    pub const VP8: FourCc = FourCc(*b"vp08");
    /// VP9.
    pub const VP9: FourCc = FourCc(*b"vp09");
    /// AC-3.
    pub const AC3: FourCc = FourCc(*b"ac-3");
    /// E-AC-3.
    pub const EAC3: FourCc = FourCc(*b"ec-3");
    /// Opus.
    pub const OPUS: FourCc = FourCc(*b"Opus");
    /// MP3.
    pub const MP3: FourCc = FourCc(*b".mp3");
    /// FLAC.
    pub const FLAC: FourCc = FourCc(*b"fLaC");
    /// AAC.
    pub const AAC: FourCc = FourCc(*b"mp4a");

    /// Whether `CodedFrames` of it start with a composition time.
    #[must_use]
    pub const fn has_composition_time(self) -> bool {
        matches!(self, FourCc::AVC | FourCc::HEVC | FourCc::VVC)
    }
}

impl fmt::Display for FourCc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.escape_ascii().fmt(f)
    }
}

impl fmt::Debug for FourCc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FourCc({self})")
    }
}

/// `VideoPacketType` and `AudioPacketType`: what an enhanced body is, once `ModEx` and `Multitrack` are taken off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PacketType {
    /// 0: the configuration of the decoder.
    SequenceStart,
    /// 1: a frame, of some video codecs after its composition time.
    CodedFrames,
    /// 2: the end of the sequence.
    SequenceEnd,
    /// 3, video only: a frame whose composition time is 0.
    CodedFramesX,
    /// 4, video only: metadata in AMF0, such as `colorInfo`.
    Metadata,
    /// 4, audio only: which channels there are.
    MultichannelConfig,
    /// 5, video only: the configuration as an MPEG-2 descriptor.
    Mpeg2TsSequenceStart,
    /// Another number.
    Other(u8),
}

impl PacketType {
    const fn of(value: u8, is_video: bool) -> Self {
        match (value, is_video) {
            (0, _) => PacketType::SequenceStart,
            (1, _) => PacketType::CodedFrames,
            (2, _) => PacketType::SequenceEnd,
            (3, true) => PacketType::CodedFramesX,
            (4, true) => PacketType::Metadata,
            (4, false) => PacketType::MultichannelConfig,
            (5, true) => PacketType::Mpeg2TsSequenceStart,
            _ => PacketType::Other(value),
        }
    }

    /// The number, 4 bits.
    #[must_use]
    pub const fn value(self) -> u8 {
        match self {
            PacketType::SequenceStart => 0,
            PacketType::CodedFrames => 1,
            PacketType::SequenceEnd => 2,
            PacketType::CodedFramesX => 3,
            PacketType::Metadata | PacketType::MultichannelConfig => 4,
            PacketType::Mpeg2TsSequenceStart => 5,
            PacketType::Other(value) => value & 0xF,
        }
    }
}

/// How many tracks an enhanced body is of, 4 bits (`AvMultitrackType`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Multitrack {
    /// 0: one, which is named.
    OneTrack,
    /// 1: several of the same codec.
    ManyTracks,
    /// 2: several, each with its codec.
    ManyTracksManyCodecs,
}

/// `ExVideoTagHeader` and `ExAudioTagHeader` (Enhanced RTMP v2), up to where the tracks begin.
///
/// ```text
/// video: 1, FrameType 3, VideoPacketType 4      audio: 9 as 4 bits, AudioPacketType 4
/// while PacketType is ModEx (7): size - 1 in 8 bits, or 255 and size - 1 in 16; data; ModExType 4, PacketType 4
/// video with FrameType 5, unless Metadata: VideoCommand 8, and nothing more
/// where PacketType is Multitrack (video 6, audio 5): AvMultitrackType 4, PacketType 4
/// FourCC 32, unless each track has its own
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExTagHeader {
    /// 3 bits, of video only: 1 key frame, 2 inter frame, 3 disposable inter frame, 4 generated key frame, 5 command.
    pub frame_type: Option<u8>,
    /// What it is.
    pub packet_type: PacketType,
    /// Nanoseconds that the time of presentation lies behind what timestamp and composition time say, below a million.
    pub timestamp_offset_nano: u32,
    /// For a body of named tracks; none for one of the default track, 0.
    pub multitrack: Option<Multitrack>,
    /// The codec; none with [`Multitrack::ManyTracksManyCodecs`] and in a command.
    pub four_cc: Option<FourCc>,
    /// `VideoCommand`: 0 and 1 for the start and end of seeking.
    pub command: Option<u8>,
}

/// `FrameType` of commands.
const COMMAND_FRAME: u8 = 5;
/// `PacketType` of a modifier or extension.
const MOD_EX: u8 = 7;
/// `ModExType` of nanoseconds.
const TIMESTAMP_OFFSET_NANO: u8 = 0;

const fn multitrack_packet(is_video: bool) -> u8 {
    if is_video { 6 } else { 5 }
}

impl ExTagHeader {
    /// Of a video body of the default track.
    #[must_use]
    pub const fn video(frame_type: u8, packet_type: PacketType, four_cc: FourCc) -> Self {
        Self {
            frame_type: Some(frame_type),
            packet_type,
            timestamp_offset_nano: 0,
            multitrack: None,
            four_cc: Some(four_cc),
            command: None,
        }
    }

    /// Of an audio body of the default track.
    #[must_use]
    pub const fn audio(packet_type: PacketType, four_cc: FourCc) -> Self {
        Self {
            frame_type: None,
            ..Self::video(0, packet_type, four_cc)
        }
    }

    /// Whether a video body is one of these.
    #[must_use]
    pub const fn is_video(body: &[u8]) -> bool {
        matches!(body, [first, ..] if *first & IS_EX_VIDEO != 0)
    }

    /// Whether an audio body is one of these.
    #[must_use]
    pub const fn is_audio(body: &[u8]) -> bool {
        matches!(body, [first, ..] if *first >> 4 == SOUND_FORMAT_EX)
    }

    /// Reads the header from the start of a video body.
    ///
    /// # Errors
    /// [`Error::Short`]; [`Error::Invalid`] where the body is none of these, or for an unknown `AvMultitrackType`.
    pub fn decode_video(r: &mut Reader<'_>) -> Result<Self, Error> {
        let byte = r.u8("ExVideoTagHeader")?;
        if byte & IS_EX_VIDEO == 0 {
            return Err(Error::invalid("isExVideoHeader", 0u8));
        }
        Self::decode(Some(byte >> 4 & 7), byte & 0xF, r)
    }

    /// Reads the header from the start of an audio body.
    ///
    /// # Errors
    /// [`Error::Short`]; [`Error::Invalid`] where the body is none of these, or for an unknown `AvMultitrackType`.
    pub fn decode_audio(r: &mut Reader<'_>) -> Result<Self, Error> {
        let byte = r.u8("ExAudioTagHeader")?;
        if byte >> 4 != SOUND_FORMAT_EX {
            return Err(Error::invalid("SoundFormat", byte >> 4));
        }
        Self::decode(None, byte & 0xF, r)
    }

    fn decode(frame_type: Option<u8>, mut packet: u8, r: &mut Reader<'_>) -> Result<Self, Error> {
        let mut timestamp_offset_nano = 0;
        while packet == MOD_EX {
            let mut size = usize::from(r.u8("modExDataSize")?).saturating_add(1);
            if size == 256 {
                size = usize::from(r.u16("modExDataSize")?).saturating_add(1);
            }
            let mut data = r.sub(size, "modExData")?;
            let byte = r.u8("ModExType")?;
            packet = byte & 0xF;
            if byte >> 4 == TIMESTAMP_OFFSET_NANO {
                timestamp_offset_nano = data.u24("timestampOffsetNano")?;
            }
        }
        let is_video = frame_type.is_some();
        let mut header = Self {
            frame_type,
            packet_type: PacketType::of(packet, is_video),
            timestamp_offset_nano,
            multitrack: None,
            four_cc: None,
            command: None,
        };
        if frame_type == Some(COMMAND_FRAME) && header.packet_type != PacketType::Metadata {
            header.command = Some(r.u8("VideoCommand")?);
            return Ok(header);
        }
        if packet == multitrack_packet(is_video) {
            let offset = r.offset() as u64;
            let byte = r.u8("AvMultitrackType")?;
            header.packet_type = PacketType::of(byte & 0xF, is_video);
            header.multitrack = Some(match byte >> 4 {
                0 => Multitrack::OneTrack,
                1 => Multitrack::ManyTracks,
                2 => Multitrack::ManyTracksManyCodecs,
                other => {
                    return Err(Error::Invalid {
                        field: "AvMultitrackType",
                        value: other.into(),
                        offset,
                    });
                }
            });
        }
        if header.multitrack != Some(Multitrack::ManyTracksManyCodecs) {
            header.four_cc = Some(FourCc(*r.array("FourCC")?));
        }
        Ok(header)
    }

    /// Writes the header.
    ///
    /// # Errors
    /// [`Error::TooLong`] for an offset of a millisecond or more.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        let first = match self.frame_type {
            Some(frame_type) => IS_EX_VIDEO | (frame_type & 7) << 4,
            None => SOUND_FORMAT_EX << 4,
        };
        let packet = match self.multitrack {
            Some(_) => multitrack_packet(self.frame_type.is_some()),
            None => self.packet_type.value(),
        };
        let nanos = self.timestamp_offset_nano;
        if nanos > 999_999 {
            return Err(TooLong {
                what: "timestampOffsetNano",
                value: nanos.into(),
                max: 999_999,
            }
            .into());
        }
        let mut w = Writer::new(out);
        if nanos > 0 {
            w.u8(first | MOD_EX).u8(2);
            w.u24("timestampOffsetNano", nanos)?;
            w.u8(TIMESTAMP_OFFSET_NANO << 4 | packet);
        } else {
            w.u8(first | packet);
        }
        if let Some(command) = self.command {
            w.u8(command);
            return Ok(());
        }
        if let Some(multitrack) = self.multitrack {
            w.u8((multitrack as u8) << 4 | self.packet_type.value());
        }
        if let Some(four_cc) = self.four_cc {
            w.bytes(&four_cc.0);
        }
        Ok(())
    }

    /// Reads the next track of a body whose header this is; none at its end.
    ///
    /// # Errors
    /// [`Error::Short`] for a track that ends behind the body.
    pub fn track<'a>(&self, r: &mut Reader<'a>) -> Result<Option<ExTrack<'a>>, Error> {
        let Some(multitrack) = self.multitrack else {
            let rest = Reader::at(r.peek(), r.offset());
            return Ok(self.four_cc.filter(|_| !r.is_empty()).map(|four_cc| {
                r.rest();
                ExTrack {
                    track_id: 0,
                    four_cc,
                    body: rest,
                }
            }));
        };
        if r.is_empty() {
            return Ok(None);
        }
        let four_cc = match self.four_cc {
            Some(four_cc) => four_cc,
            None => FourCc(*r.array("FourCC")?),
        };
        let track_id = r.u8("trackId")?;
        let len = match multitrack {
            Multitrack::OneTrack => r.left(),
            _ => r.u24("sizeOfTrack")? as usize,
        };
        Ok(Some(ExTrack {
            track_id,
            four_cc,
            body: r.sub(len, "track")?,
        }))
    }

    /// Writes a track of a body whose header this is.
    ///
    /// # Errors
    /// [`Error::TooLong`] for 16 MiB or more among other tracks.
    pub fn encode_track(
        &self,
        track_id: u8,
        four_cc: FourCc,
        body: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let mut w = Writer::new(out);
        if let Some(multitrack) = self.multitrack {
            if self.four_cc.is_none() {
                w.bytes(&four_cc.0);
            }
            w.u8(track_id);
            if multitrack != Multitrack::OneTrack {
                w.u24("sizeOfTrack", u32::try_from(body.len()).unwrap_or(u32::MAX))?;
            }
        }
        w.bytes(body);
        Ok(())
    }
}

/// One track of an enhanced body.
#[derive(Debug, Clone, Copy)]
pub struct ExTrack<'a> {
    /// 8 bits; 0 for the default track.
    pub track_id: u8,
    /// Its codec.
    pub four_cc: FourCc,
    /// What there is of it. Offsets count from the start of the message.
    pub body: Reader<'a>,
}

/// `MultichannelConfig`: the channels of an audio track (Enhanced RTMP v2).
///
/// ```text
/// AudioChannelOrder 8, channelCount 8
/// with order 1, native: audioChannelFlags 32    with order 2, custom: a channel in 8 bits, for each
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MultichannelConfig {
    /// 8 bits: how many channels there are.
    pub channel_count: u8,
    /// Which they are.
    pub order: ChannelOrder,
}

/// `AudioChannelOrder` with what belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChannelOrder {
    /// Nothing is told but their number.
    Unspecified,
    /// In the order of the codec, a bit for each that there is: 0 front left, 1 front right, 2 front centre, ...
    Native(u32),
    /// Each by its number.
    Custom(Vec<u8>),
}

impl MultichannelConfig {
    /// Reads the body of a `MultichannelConfig` packet.
    ///
    /// # Errors
    /// [`Error::Short`]; [`Error::Invalid`] for an unknown order.
    pub fn decode(r: &mut Reader<'_>) -> Result<Self, Error> {
        let offset = r.offset() as u64;
        let order = r.u8("AudioChannelOrder")?;
        let channel_count = r.u8("channelCount")?;
        let order = match order {
            0 => ChannelOrder::Unspecified,
            1 => ChannelOrder::Native(r.u32("audioChannelFlags")?),
            2 => ChannelOrder::Custom(
                r.take(channel_count.into(), "audioChannelMapping")?
                    .to_vec(),
            ),
            other => {
                return Err(Error::Invalid {
                    field: "AudioChannelOrder",
                    value: other.into(),
                    offset,
                });
            }
        };
        Ok(Self {
            channel_count,
            order,
        })
    }

    /// Writes the body.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let mut w = Writer::new(out);
        match &self.order {
            ChannelOrder::Unspecified => w.u8(0).u8(self.channel_count),
            ChannelOrder::Native(flags) => w.u8(1).u8(self.channel_count).u32(*flags),
            ChannelOrder::Custom(channels) => w.u8(2).u8(self.channel_count).bytes(channels),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use proptest::prelude::*;

    fn four_cc() -> impl Strategy<Value = FourCc> {
        prop_oneof![Just(FourCc::AVC), Just(FourCc::AV1), Just(FourCc::OPUS)]
    }

    proptest! {
        #[test]
        fn round_trip(
            frame_type in prop::option::of(1u8..5),
            packet in 0u8..5,
            nanos in prop_oneof![Just(0u32), 1..1_000_000u32],
            multitrack in prop::option::of(prop_oneof![Just(Multitrack::ManyTracks), Just(Multitrack::ManyTracksManyCodecs)]),
            tracks in prop::collection::vec((any::<u8>(), four_cc(), prop::collection::vec(any::<u8>(), 1..20)), 1..4),
        ) {
            let is_video = frame_type.is_some();
            let (tracks, multitrack) = match multitrack {
                None if tracks.len() == 1 && tracks[0].0 > 0 => (tracks, Some(Multitrack::OneTrack)),
                None => (vec![(0, tracks[0].1, tracks[0].2.clone())], None),
                some => (tracks, some),
            };
            let same = (multitrack != Some(Multitrack::ManyTracksManyCodecs)).then_some(tracks[0].1);
            let header = ExTagHeader {
                frame_type,
                packet_type: PacketType::of(packet, is_video),
                timestamp_offset_nano: nanos,
                multitrack,
                four_cc: same,
                command: None,
            };
            let mut out = vec![];
            header.encode(&mut out).unwrap();
            for (id, four_cc, body) in &tracks {
                header.encode_track(*id, *four_cc, body, &mut out).unwrap();
            }
            let mut r = Reader::new(&out);
            let again = if is_video { ExTagHeader::decode_video(&mut r) } else { ExTagHeader::decode_audio(&mut r) };
            prop_assert_eq!(again.unwrap(), header);
            for (id, four_cc, body) in &tracks {
                let track = header.track(&mut r).unwrap().unwrap();
                prop_assert_eq!(track.track_id, *id);
                prop_assert_eq!(track.four_cc, same.unwrap_or(*four_cc));
                prop_assert_eq!(track.body.peek(), &body[..]);
            }
            prop_assert!(header.track(&mut r).unwrap().is_none());
        }

        #[test]
        fn no_bytes_do_harm(data in prop::collection::vec(any::<u8>(), 0..40)) {
            for decode in [ExTagHeader::decode_video, ExTagHeader::decode_audio] {
                let mut r = Reader::new(&data);
                if let Ok(header) = decode(&mut r) {
                    while let Ok(Some(_)) = header.track(&mut r) {}
                }
            }
        }
    }

    #[test]
    fn commands_have_no_codec() {
        let mut r = Reader::new(&[0xD0, 1]);
        let header = ExTagHeader::decode_video(&mut r).unwrap();
        assert_eq!((header.command, header.four_cc), (Some(1), None));
        assert!(header.track(&mut r).unwrap().is_none());
    }

    #[test]
    fn long_extensions_are_passed_over() {
        let mut body = vec![0x97, 0xFF, 1, 0];
        body.extend([0; 257]);
        body.extend(b"\x11mp4a\x21");
        let mut r = Reader::new(&body);
        let header = ExTagHeader::decode_audio(&mut r).unwrap();
        assert_eq!(header.packet_type, PacketType::CodedFrames);
        assert_eq!(header.four_cc, Some(FourCc::AAC));
    }

    #[test]
    fn channels() {
        for config in [
            MultichannelConfig {
                channel_count: 6,
                order: ChannelOrder::Native(0x3F),
            },
            MultichannelConfig {
                channel_count: 2,
                order: ChannelOrder::Custom(vec![1, 0]),
            },
            MultichannelConfig {
                channel_count: 3,
                order: ChannelOrder::Unspecified,
            },
        ] {
            let mut out = vec![];
            config.encode(&mut out);
            assert_eq!(
                MultichannelConfig::decode(&mut Reader::new(&out)).unwrap(),
                config
            );
        }
    }
}
