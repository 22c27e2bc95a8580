//! What a decoder of a track must know, from its sequence header or from its first frame.

use super::FourCc;
use super::grid::{Grid, frame_rate};
use super::tag::{AudioTagHeader, legacy};
use aac::AudioSpecificConfig;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use bytes::Bytes;
use h264::DecoderConfig;
use h264::sps::Rational;
use media::codec::{Av1, Flac, Hevc, MpegAudio, Opus, Pcm, PcmFormat, Vp};
use media::{Codec, Kind, Timescale};

/// Bytes of a frame's start that are kept where they are all that tells the size of its picture.
const PICTURE_HEADER: usize = 16;

/// By what a body tells its codec.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// A FourCC, or a number of old that means the same.
    FourCc(FourCc),
    /// The first byte of an audio body, for codecs that have no FourCC.
    Sound(u8),
    /// `CodecID` of video for codecs that have no FourCC.
    Video(u8),
}

impl Format {
    /// Of an audio body that starts with this header.
    pub(super) fn of_sound(header: AudioTagHeader) -> Self {
        match header.sound_format {
            super::SOUND_FORMAT_AAC => Format::FourCc(FourCc::AAC),
            super::SOUND_FORMAT_MP3 | super::SOUND_FORMAT_MP3_8K => Format::FourCc(FourCc::MP3),
            _ => Format::Sound(header.first_byte()),
        }
    }

    pub(super) const fn of_video(codec_id: u8) -> Self {
        match codec_id {
            super::CODEC_ID_AVC => Format::FourCc(FourCc::AVC),
            super::CODEC_ID_HEVC => Format::FourCc(FourCc::HEVC),
            other => Format::Video(other),
        }
    }
}

/// A decoder's configuration and the clock of the samples.
#[derive(Debug)]
pub(super) struct Setup {
    pub(super) format: Format,
    pub(super) codec: Codec,
    /// Of the NAL units of H.264, as in the frames.
    pub(super) length_size: u8,
    pub(super) grid: Grid,
}

impl Setup {
    /// From a sequence header; none where the codec has no need of it, or it says nothing.
    pub(super) fn from_header(
        format: Format,
        kind: Kind,
        header: &[u8],
        told_rate: Option<f64>,
    ) -> Result<Option<Self>, String> {
        let Format::FourCc(four_cc) = format else {
            return Ok(None);
        };
        if header.is_empty() {
            // ffmpeg writes such where it learns only later what there is to say.
            return Ok(None);
        }
        let mut length_size = 4;
        let codec = match four_cc {
            FourCc::AVC => {
                let config = DecoderConfig::parse(header)
                    .map_err(|error| format!("AVCDecoderConfigurationRecord: {error}"))?;
                length_size = config.length_size();
                Codec::H264(config.with_length_size(4))
            }
            FourCc::AAC => {
                let config = AudioSpecificConfig::parse(header)
                    .map_err(|error| format!("AudioSpecificConfig: {error}"))?;
                Codec::Aac(config)
            }
            FourCc::HEVC => Codec::Hevc(Hevc::parse(header).map_err(text)?),
            FourCc::AV1 => Codec::Av1(Av1::parse(header).map_err(text)?),
            FourCc::VP8 => Codec::Vp8(Vp::parse(vpcc(header)).map_err(text)?),
            FourCc::VP9 => Codec::Vp9(Vp::parse(vpcc(header)).map_err(text)?),
            FourCc::OPUS => Codec::Opus(Opus::parse_head(header).map_err(text)?),
            FourCc::FLAC => Codec::Flac(Flac::parse(header).map_err(text)?),
            FourCc::AC3 | FourCc::EAC3 | FourCc::MP3 => return Ok(None),
            _ => Codec::Other {
                kind,
                fourcc: media::FourCc(four_cc.0),
                config: Bytes::copy_from_slice(header),
            },
        };
        Self::new(format, codec, length_size, told_rate).map(Some)
    }

    /// From a frame, for codecs whose frames tell all; none where it does not. Frames of Opus do not tell more than two `channels`.
    pub(super) fn from_frame(
        format: Format,
        frame: &[u8],
        told_rate: Option<f64>,
        channels: Option<u8>,
    ) -> Result<Option<Self>, String> {
        let codec = match format {
            Format::FourCc(FourCc::MP3) => mpeg2::audio::Header::parse(frame)
                .ok()
                .and_then(MpegAudio::new)
                .map(Codec::MpegAudio),
            Format::FourCc(FourCc::AC3) => match ac3_frame(frame) {
                Some(ac3::Bsi::Ac3(bsi)) => Some(Codec::Ac3(ac3::Dac3::new(&bsi))),
                _ => None,
            },
            Format::FourCc(FourCc::EAC3) => {
                let frames = ac3::Frames::new(frame).filter_map(|piece| match piece {
                    ac3::Piece::Frame { frame, .. } => Some(frame),
                    ac3::Piece::Junk { .. } => None,
                });
                ac3::Dec3::new(frames).ok().map(Codec::Eac3)
            }
            Format::FourCc(FourCc::OPUS) => match channels.and_then(opus_head) {
                Some(head) => Some(Codec::Opus(Opus::parse_head(&head).map_err(text)?)),
                // The bit of the first byte that says stereo (RFC 6716 §3.1).
                None => frame
                    .first()
                    .map(|toc| Codec::Opus(Opus::new(1 + (toc >> 2 & 1), 0))),
            },
            Format::FourCc(FourCc::VP8) => Vp::from_vp8(frame).map(Codec::Vp8),
            Format::FourCc(FourCc::VP9) => Vp::from_vp9(frame).map(Codec::Vp9),
            Format::FourCc(_) => None,
            Format::Sound(byte) => sound(AudioTagHeader::of(byte)),
            Format::Video(codec_id) => legacy::video(codec_id).map(|fourcc| Codec::Other {
                kind: Kind::Video,
                fourcc: media::FourCc(fourcc),
                config: Bytes::copy_from_slice(frame.get(..PICTURE_HEADER).unwrap_or(frame)),
            }),
        };
        codec
            .map(|codec| Self::new(format, codec, 4, told_rate))
            .transpose()
    }

    /// Takes what a key frame tells and a header does not: the size of pictures of VP8 and VP9. Says whether it is another one.
    pub(super) fn refine(&mut self, frame: &[u8]) -> bool {
        let told = match &self.codec {
            Codec::Vp8(_) => Vp::from_vp8(frame),
            Codec::Vp9(_) => Vp::from_vp9(frame),
            _ => None,
        };
        let size = told.and_then(|told| told.dimensions());
        let (Codec::Vp8(config) | Codec::Vp9(config), Some((width, height))) =
            (&mut self.codec, size)
        else {
            return false;
        };
        let is_other = config.dimensions() != size;
        if is_other {
            *config = config.clone().with_dimensions(width, height);
        }
        is_other
    }

    /// Whether a header tells nothing new but how much there was, as an encoder of FLAC knows it at the end.
    pub(super) fn goes_on_as(&self, other: &Self) -> bool {
        let (Codec::Flac(one), Codec::Flac(other)) = (&self.codec, &other.codec) else {
            return false;
        };
        let mut told = other.stream_info;
        told.total_samples = one.stream_info.total_samples;
        told == one.stream_info
    }

    fn new(
        format: Format,
        codec: Codec,
        length_size: u8,
        told_rate: Option<f64>,
    ) -> Result<Self, String> {
        let grid = match codec.kind() {
            Kind::Video => {
                let told = told_rate.and_then(frame_rate);
                let own = || {
                    let (num, den) = codec.frame_rate()?;
                    Some(Rational { num, den })
                };
                Grid::of_frame_rate(told.or_else(own))
            }
            _ => {
                let rate = match (&codec, format) {
                    // The grid is that of the frames, also where a decoder doubles the rate.
                    (Codec::Aac(config), _) => Some(config.sampling_frequency()),
                    (Codec::Other { .. }, Format::Sound(byte)) => {
                        Some(AudioTagHeader::of(byte).sampling_frequency())
                    }
                    _ => codec.sample_rate(),
                };
                let Some(timescale) = rate.and_then(Timescale::new) else {
                    return Err(String::from("audio without a sampling frequency"));
                };
                let step = match &codec {
                    Codec::Aac(config) => Some(config.frame_length()),
                    Codec::MpegAudio(config) => Some(config.samples()),
                    Codec::Ac3(_) => Some(1536),
                    _ => None,
                };
                Grid::new(timescale, step)
            }
        };
        Ok(Self {
            format,
            codec,
            length_size,
            grid,
        })
    }
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn text(error: media::codec::Error) -> String {
    error.to_string()
}

/// The header of Opus with so many channels, in the order and coupling that all encoders use (RFC 7845 §5.1, §5.1.1.2).
fn opus_head(channels: u8) -> Option<Vec<u8>> {
    let (streams, coupled, mapping): (u8, u8, &[u8]) = match channels {
        3 => (2, 1, &[0, 2, 1]),
        4 => (2, 2, &[0, 1, 2, 3]),
        5 => (3, 2, &[0, 4, 1, 2, 3]),
        6 => (4, 2, &[0, 4, 1, 2, 3, 5]),
        7 => (4, 3, &[0, 4, 1, 2, 3, 5, 6]),
        8 => (5, 3, &[0, 6, 1, 2, 3, 4, 5, 7]),
        _ => return None,
    };
    let mut head = b"OpusHead\x01".to_vec();
    head.push(channels);
    head.extend_from_slice(&[0, 0]); // pre-skip
    head.extend_from_slice(&48_000_u32.to_le_bytes());
    head.extend_from_slice(&[0, 0, 1, streams, coupled]);
    head.extend_from_slice(mapping);
    Some(head)
}

/// `av1C` of the AV1 video descriptor of a transport stream, with or without its tag and length: the same but for what stands in
/// the last byte, HDR and the delay of the first picture.
pub(super) fn av1_record(descriptor: &[u8]) -> Option<[u8; 4]> {
    match descriptor {
        [0x80, 4, marker, profile, format, ..] | [marker, profile, format, ..] => {
            (*marker == 0x81).then_some([*marker, *profile, *format, 0])
        }
        _ => None,
    }
}

/// Some encoders leave the version and the flags of the box before its content.
fn vpcc(header: &[u8]) -> &[u8] {
    match header {
        [1, 0, 0, 0, content @ ..] if content.len() >= 8 => content,
        content => content,
    }
}

fn ac3_frame(data: &[u8]) -> Option<ac3::Bsi> {
    ac3::Frame::parse(data).ok()?.bsi().ok()
}

/// Codecs of old that are named by their number.
fn sound(header: AudioTagHeader) -> Option<Codec> {
    let rate = header.sampling_frequency();
    let channels = u16::from(header.channels());
    let bits = if header.sound_size == 0 { 8 } else { 16 };
    Some(match header.sound_format {
        // Whatever byte order the encoder's machine had; it was little-endian.
        0 | 3 if bits == 8 => Codec::Pcm(Pcm {
            format: PcmFormat::Unsigned,
            ..Pcm::signed(8, true, rate, channels)
        }),
        0 | 3 => Codec::Pcm(Pcm::signed(16, true, rate, channels)),
        7 => Codec::Pcm(Pcm::g711(PcmFormat::ALaw, rate, channels)),
        8 => Codec::Pcm(Pcm::g711(PcmFormat::MuLaw, rate, channels)),
        other => Codec::Other {
            kind: Kind::Audio,
            fourcc: media::FourCc(legacy::sound(other)?),
            config: Bytes::copy_from_slice(&[header.first_byte()]),
        },
    })
}
