//! How a codec's frames are written as tag bodies.

use super::enhanced::{ExTagHeader, FourCc, Multitrack, PacketType};
use super::tag::{AudioTagHeader, VideoTagHeader, legacy};
use super::{CODEC_ID_AVC, SOUND_FORMAT_AAC, SOUND_FORMAT_MP3, SOUND_FORMAT_MP3_8K};
use crate::Error;
use alloc::borrow::Cow;
use alloc::vec::Vec;
use media::codec::{MpegAudio, Pcm, PcmFormat};
use media::{Codec, Kind};
use mpeg2::audio::Layer;

/// One of the forms that bodies have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// H.264 as ever.
    Avc,
    /// AAC as ever.
    Aac,
    /// After this byte.
    Sound(u8),
    /// After a byte with this `CodecID`.
    Video(u8),
    /// Enhanced.
    Ex(FourCc),
}

/// What a body says besides its data.
#[derive(Debug, Clone, Copy)]
pub(super) struct Packet {
    pub(super) kind: Kind,
    pub(super) number: u8,
    pub(super) packet_type: PacketType,
    pub(super) frame_type: u8,
    pub(super) composition_time: i32,
    pub(super) nanos: u32,
}

impl Packet {
    pub(super) const fn of(kind: Kind, number: u8) -> Self {
        Self {
            kind,
            number,
            packet_type: PacketType::CodedFrames,
            frame_type: VideoTagHeader::KEY_FRAME,
            composition_time: 0,
            nanos: 0,
        }
    }
}

impl Way {
    /// The way of a codec; none where there is none. `enhanced` where it must be by FourCC.
    pub(super) fn of(codec: &Codec, enhanced: bool) -> Option<Self> {
        let way = match codec {
            Codec::H264(_) if enhanced => Way::Ex(FourCc::AVC),
            Codec::H264(_) => Way::Avc,
            Codec::Aac(_) if enhanced => Way::Ex(FourCc::AAC),
            Codec::Aac(_) => Way::Aac,
            Codec::MpegAudio(config) if config.layer == Layer::III => mp3(config)
                .filter(|_| !enhanced)
                .map_or(Way::Ex(FourCc::MP3), Way::Sound),
            Codec::Hevc(_) => Way::Ex(FourCc::HEVC),
            Codec::Av1(_) => Way::Ex(FourCc::AV1),
            Codec::Vp8(_) => Way::Ex(FourCc::VP8),
            Codec::Vp9(_) => Way::Ex(FourCc::VP9),
            Codec::Ac3(_) => Way::Ex(FourCc::AC3),
            Codec::Eac3(_) => Way::Ex(FourCc::EAC3),
            Codec::Opus(_) => Way::Ex(FourCc::OPUS),
            Codec::Flac(_) => Way::Ex(FourCc::FLAC),
            Codec::Pcm(pcm) => Way::Sound(self::pcm(pcm)?),
            Codec::Other {
                kind: Kind::Audio,
                config,
                ..
            } => match **config {
                [byte] if legacy::sound(byte >> 4).is_some() => Way::Sound(byte),
                _ => return None,
            },
            Codec::Other {
                kind: Kind::Video,
                fourcc,
                ..
            } => match legacy::codec_id(fourcc.0) {
                Some(codec_id) => Way::Video(codec_id),
                None if FourCc(fourcc.0) == FourCc::VVC => Way::Ex(FourCc::VVC),
                None => return None,
            },
            _ => return None,
        };
        // Further tracks have a FourCC or are not.
        (!enhanced || matches!(way, Way::Ex(_))).then_some(way)
    }

    /// The sequence header of a codec; none where it has none.
    pub(super) fn header(codec: &Codec) -> Option<Cow<'_, [u8]>> {
        let mut out = Vec::new();
        Some(Cow::Borrowed(match codec {
            Codec::H264(config) => {
                return Some(Cow::Owned(config.with_length_size(4).raw().to_vec()));
            }
            Codec::Hevc(config) => config.raw(),
            Codec::Av1(config) => config.raw(),
            Codec::Vp8(config) | Codec::Vp9(config) => config.raw(),
            Codec::Aac(config) => {
                config.encode(&mut out);
                return Some(Cow::Owned(out));
            }
            Codec::Opus(config) => {
                config.encode_head(&mut out);
                return Some(Cow::Owned(out));
            }
            Codec::Flac(config) => {
                out.extend_from_slice(b"fLaC");
                out.extend_from_slice(config.raw());
                return Some(Cow::Owned(out));
            }
            Codec::Other { fourcc, config, .. } if FourCc(fourcc.0) == FourCc::VVC => config,
            _ => return None,
        }))
    }

    /// As `onMetaData` names it.
    pub(super) const fn number(self) -> u32 {
        match self {
            Way::Avc => CODEC_ID_AVC as u32,
            Way::Aac => SOUND_FORMAT_AAC as u32,
            Way::Sound(byte) => (byte >> 4) as u32,
            Way::Video(codec_id) => codec_id as u32,
            Way::Ex(four_cc) => u32::from_be_bytes(four_cc.0),
        }
    }

    /// Whether the end of its sequence can be told.
    pub(super) const fn has_end(self) -> bool {
        matches!(self, Way::Avc | Way::Ex(_))
    }

    /// The body of a packet with this data.
    pub(super) fn body(self, packet: Packet, data: &[u8]) -> Result<Vec<u8>, Error> {
        let mut out = Vec::with_capacity(data.len().saturating_add(20));
        let packet_type = packet.packet_type;
        match self {
            Way::Avc => VideoTagHeader::avc(
                packet.frame_type,
                packet_type.value(),
                packet.composition_time,
            )
            .encode(&mut out)?,
            Way::Aac => AudioTagHeader::aac(packet_type.value()).encode(&mut out),
            Way::Sound(byte) => out.push(byte),
            Way::Video(codec_id) => out.push(packet.frame_type << 4 | codec_id),
            Way::Ex(four_cc) => return ex_body(four_cc, packet, data, out),
        }
        out.extend_from_slice(data);
        Ok(out)
    }
}

fn ex_body(
    four_cc: FourCc,
    packet: Packet,
    data: &[u8],
    mut out: Vec<u8>,
) -> Result<Vec<u8>, Error> {
    let is_video = packet.kind == Kind::Video;
    let timed =
        is_video && packet.packet_type == PacketType::CodedFrames && four_cc.has_composition_time();
    let mut header = if is_video {
        let packet_type = match packet.packet_type {
            // Without a composition time, of which no word is needed.
            PacketType::CodedFrames if timed && packet.composition_time == 0 => {
                PacketType::CodedFramesX
            }
            other => other,
        };
        ExTagHeader::video(packet.frame_type, packet_type, four_cc)
    } else {
        ExTagHeader::audio(packet.packet_type, four_cc)
    };
    header.timestamp_offset_nano = packet.nanos;
    if packet.number > 0 {
        header.multitrack = Some(Multitrack::OneTrack);
    }
    header.encode(&mut out)?;
    if timed && packet.composition_time != 0 {
        if header.multitrack.is_some() {
            out.push(packet.number);
        }
        // Of the same form in both headers, checked alike.
        let mut avc = Vec::new();
        VideoTagHeader::avc(0, 0, packet.composition_time).encode(&mut avc)?;
        out.extend_from_slice(avc.get(2..).unwrap_or_default());
        out.extend_from_slice(data);
    } else {
        header.encode_track(packet.number, four_cc, data, &mut out)?;
    }
    Ok(out)
}

/// The bits of a rate in the first byte.
const fn rate_bits(rate: u32) -> Option<u8> {
    Some(match rate {
        5512 | 5513 => 0,
        11_025 => 1 << 2,
        22_050 => 2 << 2,
        44_100 => 3 << 2,
        _ => return None,
    })
}

fn mp3(config: &MpegAudio) -> Option<u8> {
    let stereo = u8::from(config.channels > 1);
    match config.sampling_frequency {
        8000 => Some(SOUND_FORMAT_MP3_8K << 4 | 2 | stereo),
        // As everybody writes it; the frames tell the truth.
        48_000 => Some(SOUND_FORMAT_MP3 << 4 | 3 << 2 | 2 | stereo),
        rate => Some(SOUND_FORMAT_MP3 << 4 | rate_bits(rate)? | 2 | stereo),
    }
}

fn pcm(pcm: &Pcm) -> Option<u8> {
    let stereo = match pcm.channels {
        1 => 0,
        2 => 1,
        _ => return None,
    };
    let linear = |size: u8| Some(3 << 4 | rate_bits(pcm.sample_rate)? | size << 1 | stereo);
    match (pcm.format, pcm.bits, pcm.sample_rate) {
        (PcmFormat::ALaw, 8, 8000) => Some(7 << 4 | 2 | stereo),
        (PcmFormat::MuLaw, 8, 8000) => Some(8 << 4 | 2 | stereo),
        (PcmFormat::Signed, 16, _) if pcm.little_endian => linear(1),
        (PcmFormat::Unsigned, 8, _) => linear(0),
        _ => None,
    }
}
