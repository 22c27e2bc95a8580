//! Codecs with their configurations: what a decoder must know before the first sample.
//!
//! Each configuration keeps the bytes of the record that it was read from, so that what came in goes out unchanged.
//! H.264, AAC, AC-3 and MPEG come from the crates of those names; what is passed through without a crate of its own
//! (H.265, MPEG-4 part 2, AV1, VP8, VP9, Opus, FLAC) is read here, as far as containers and playlists need it.

mod av1;
mod entry;
mod error;
mod flac;
pub mod hevc;
mod mpeg;
pub mod mpeg4;
mod opus;
mod passed;
mod pcm;
mod text;
mod vpx;

pub use av1::Av1;
pub use error::Error;
pub use flac::{Flac, StreamInfo};
pub use hevc::Hevc;
pub use mpeg::{MpegAudio, MpegVideo};
pub use mpeg4::Mpeg4Video;
pub use opus::Opus;
pub use pcm::{Pcm, PcmFormat};
pub use text::{Text, TextFormat};
pub use vpx::Vp;

use alloc::format;
use alloc::string::{String, ToString};
use bytes::Bytes;
use core::fmt;

/// What a track is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Pictures.
    Video,
    /// Sound.
    Audio,
    /// Cues and messages: sparse, and nobody waits for them.
    Data,
}

/// Four characters that name a sample entry or a codec.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct FourCc(pub [u8; 4]);

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

/// A codec with the configuration that its decoder needs, as it came in, byte for byte.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Codec {
    /// H.264 / AVC. A sample is one access unit, each NAL unit after its length in 4 bytes.
    H264(h264::DecoderConfig),
    /// H.265 / HEVC. A sample is one access unit, each NAL unit after its length.
    Hevc(Hevc),
    /// AV1. A sample is one temporal unit in the low-overhead format, without temporal delimiters.
    Av1(Av1),
    /// VP8. A sample is one frame.
    Vp8(Vp),
    /// VP9. A sample is one frame or superframe.
    Vp9(Vp),
    /// MPEG-1 or MPEG-2 video. A sample is one picture, both fields of it, with the headers before it.
    Mpeg2Video(MpegVideo),
    /// MPEG-4 part 2 video. A sample is one picture (VOP), with the headers before it if they came with it.
    Mpeg4Video(Mpeg4Video),
    /// AAC of any object type. A sample is one raw access unit, without ADTS.
    Aac(aac::AudioSpecificConfig),
    /// AC-3. A sample is one sync frame.
    Ac3(ac3::Dac3),
    /// E-AC-3. A sample is one access unit: the sync frames of all substreams.
    Eac3(ac3::Dec3),
    /// MPEG audio of layers I to III. A sample is one frame.
    MpegAudio(MpegAudio),
    /// Opus. A sample is one packet.
    Opus(Opus),
    /// FLAC. A sample is one frame.
    Flac(Flac),
    /// Uncompressed sound. A sample is any number of frames.
    Pcm(Pcm),
    /// Timed metadata. A sample is one or more whole ID3v2 tags.
    Id3,
    /// Splice information (SCTE 35). A sample is one `splice_info_section`.
    Scte35,
    /// Key-length-value metadata (SMPTE ST 336). A sample is one unit of it.
    Klv,
    /// Subtitles and captions. A sample is one cue, document or data field.
    Text(Text),
    /// Anything else, passed through.
    Other {
        /// What it is for.
        kind: Kind,
        /// Its name as a sample entry of an MP4 file.
        fourcc: FourCc,
        /// Its configuration record; out of an MP4 file its whole sample entry, which tells sizes and rates too; where there is
        /// neither, the start of its first frame, as far as that tells them.
        config: Bytes,
    },
}

impl Codec {
    /// What a track of this codec is for.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Codec::H264(_)
            | Codec::Hevc(_)
            | Codec::Av1(_)
            | Codec::Vp8(_)
            | Codec::Vp9(_)
            | Codec::Mpeg2Video(_)
            | Codec::Mpeg4Video(_) => Kind::Video,
            Codec::Aac(_)
            | Codec::Ac3(_)
            | Codec::Eac3(_)
            | Codec::MpegAudio(_)
            | Codec::Opus(_)
            | Codec::Flac(_)
            | Codec::Pcm(_) => Kind::Audio,
            Codec::Id3 | Codec::Scte35 | Codec::Klv | Codec::Text(_) => Kind::Data,
            Codec::Other { kind, .. } => *kind,
        }
    }

    /// The parameter sets of H.264 and H.265, and what else of NAL units the record has, in the order in which a decoder takes them.
    pub fn parameter_sets(&self) -> impl Iterator<Item = &[u8]> {
        let (h264, hevc) = match self {
            Codec::H264(config) => {
                let sets = config.sps().chain(config.sps_ext()).chain(config.pps());
                (Some(sets), None)
            }
            Codec::Hevc(config) => (None, Some(config.nals())),
            _ => (None, None),
        };
        let h264 = h264.into_iter().flatten();
        h264.chain(hevc.into_iter().flatten())
    }

    /// Whether it is the same but for picture parameter sets of H.264 and H.265: those may change between any two pictures, and decoding
    /// goes on.
    #[must_use]
    pub fn has_sequences_of(&self, other: &Self) -> bool {
        match (self, other) {
            (Codec::H264(one), Codec::H264(other)) => one.has_sequences_of(other),
            (Codec::Hevc(one), Codec::Hevc(other)) => one.has_sequences_of(other),
            _ => self == other,
        }
    }

    /// Whether a decoder that was told of this one can go on with samples of the other: those that carry what is other, as parameter sets
    /// (H.264, H.265) or in headers that they have in any case.
    #[must_use]
    pub fn goes_on_as(&self, other: &Self) -> bool {
        match (self, other) {
            // Lengths in samples of H.264 are canonical, those of H.265 are as its record has them.
            (Codec::Hevc(one), Codec::Hevc(other)) => {
                one == other || one.length_size() == 4 && other.length_size() == 4
            }
            (Codec::H264(_), Codec::H264(_))
            | (Codec::Av1(_), Codec::Av1(_))
            | (Codec::Vp8(_), Codec::Vp8(_))
            | (Codec::Vp9(_), Codec::Vp9(_))
            | (Codec::Mpeg2Video(_), Codec::Mpeg2Video(_)) => true,
            _ => self == other,
        }
    }

    /// The codec's element of a `CODECS` attribute or `codecs` parameter (RFC 6381), such as `avc1.64001F`.
    ///
    /// What has no registered name gets the FourCC that a sample entry of an MP4 file would have.
    #[must_use]
    pub fn rfc6381(&self) -> String {
        match self {
            Codec::H264(config) => format!("avc1.{}", config.rfc6381()),
            Codec::Hevc(config) => format!("hvc1.{}", config.rfc6381()),
            Codec::Av1(config) => format!("av01.{}", config.rfc6381()),
            Codec::Vp8(config) => format!("vp08.{}", config.rfc6381()),
            Codec::Vp9(config) => format!("vp09.{}", config.rfc6381()),
            Codec::Mpeg2Video(config) => format!("mp4v.{}", config.rfc6381()),
            Codec::Mpeg4Video(config) => format!("mp4v.{}", config.rfc6381()),
            Codec::Aac(config) => format!("mp4a.{}", config.rfc6381()),
            Codec::Ac3(_) => String::from("ac-3"),
            Codec::Eac3(_) => String::from("ec-3"),
            Codec::MpegAudio(config) => format!("mp4a.{}", config.rfc6381()),
            Codec::Opus(_) => String::from("opus"),
            Codec::Flac(_) => String::from("flac"),
            Codec::Pcm(pcm) => String::from(match (pcm.format, pcm.little_endian) {
                (PcmFormat::ALaw, _) => "alaw",
                (PcmFormat::MuLaw, _) => "ulaw",
                (PcmFormat::Float, _) => "fpcm",
                (PcmFormat::Unsigned, _) => "raw ",
                (PcmFormat::Signed, _) => "ipcm",
            }),
            Codec::Id3 => String::from("id3 "),
            Codec::Scte35 => String::from("scte"),
            Codec::Klv => String::from("klva"),
            Codec::Text(text) => String::from(match text.format {
                TextFormat::WebVtt => "wvtt",
                TextFormat::Ttml => "stpp.ttml.im1t",
                TextFormat::Tx3g => "tx3g",
                TextFormat::Plain => "text",
                TextFormat::Teletext => "telx",
                TextFormat::DvbSubtitle => "dvbs",
                TextFormat::Cea608 => "c608",
            }),
            Codec::Other { fourcc, .. } => fourcc.to_string(),
        }
    }

    /// Width and height of the picture in samples, after cropping; `None` for what is no video, or does not tell.
    #[must_use]
    pub fn dimensions(&self) -> Option<(u32, u32)> {
        match self {
            Codec::H264(config) => {
                let sps = config.first_sps()?;
                Some((sps.width(), sps.height()))
            }
            Codec::Hevc(config) => config.dimensions(),
            Codec::Av1(config) => config.dimensions(),
            Codec::Vp8(config) | Codec::Vp9(config) => config.dimensions(),
            Codec::Mpeg2Video(config) => {
                let sequence = config.sequence();
                Some((sequence.width().into(), sequence.height().into()))
            }
            Codec::Mpeg4Video(config) => {
                let layer = config.layer();
                Some((layer.width.into(), layer.height.into()))
            }
            Codec::Other {
                kind: Kind::Video,
                fourcc,
                config,
            } => entry::dimensions(*fourcc, config).or_else(|| passed::dimensions(*fourcc, config)),
            _ => None,
        }
    }

    /// Frames per second as a fraction, where the configuration tells them.
    #[must_use]
    pub fn frame_rate(&self) -> Option<(u32, u32)> {
        match self {
            Codec::H264(config) => {
                let rate = config.first_sps()?.frame_rate()?;
                Some((rate.num, rate.den))
            }
            Codec::Mpeg2Video(config) => {
                let rate = config.sequence().frame_rate()?;
                Some((rate.frames, rate.seconds))
            }
            Codec::Mpeg4Video(config) => config.layer().frame_rate(),
            _ => None,
        }
    }

    /// Samples per second that a decoder gives out; `None` for what is no sound, or does not tell.
    #[must_use]
    pub fn sample_rate(&self) -> Option<u32> {
        let rate = match self {
            Codec::Aac(config) => config.output_sampling_frequency(),
            Codec::Ac3(config) => config.sampling_frequency(),
            Codec::Eac3(config) => config.sampling_frequency(),
            Codec::MpegAudio(config) => config.sampling_frequency,
            Codec::Opus(_) => Opus::SAMPLE_RATE,
            Codec::Flac(config) => config.stream_info.sample_rate,
            Codec::Pcm(pcm) => pcm.sample_rate,
            Codec::Other {
                kind: Kind::Audio,
                fourcc,
                config,
            } => passed_sound(*fourcc, config)?.1,
            _ => 0,
        };
        Some(rate).filter(|rate| *rate > 0)
    }

    /// Channels that a decoder gives out; `None` for what is no sound, or does not tell.
    #[must_use]
    pub fn channels(&self) -> Option<u16> {
        let channels = match self {
            Codec::Aac(config) => config.output_channels(),
            Codec::Ac3(config) => config.channels().into(),
            Codec::Eac3(config) => config.channels().into(),
            Codec::MpegAudio(config) => config.channels.into(),
            Codec::Opus(config) => config.output_channel_count.into(),
            Codec::Flac(config) => config.stream_info.channels.into(),
            Codec::Pcm(pcm) => pcm.channels,
            Codec::Other {
                kind: Kind::Audio,
                fourcc,
                config,
            } => passed_sound(*fourcc, config)?.0,
            _ => 0,
        };
        Some(channels).filter(|channels| *channels > 0)
    }

    /// Whether decoding can start at a sample, as its bytes tell. True for sound and data.
    #[must_use]
    pub fn is_sync(&self, data: &[u8]) -> bool {
        match self {
            Codec::H264(_) => {
                let nals = h264::length_prefixed::nals(data, 4).map_while(Result::ok);
                h264::access_unit::Summary::of(nals).is_sync()
            }
            Codec::Hevc(config) => config.is_sync(data),
            Codec::Av1(_) => Av1::is_sync(data),
            Codec::Vp8(_) => vpx::is_sync_vp8(data),
            Codec::Vp9(_) => vpx::is_sync_vp9(data),
            Codec::Mpeg2Video(_) => mpeg::is_sync(data),
            Codec::Mpeg4Video(_) => Mpeg4Video::coding_type(data) == Some(mpeg4::VopCodingType::I),
            _ => true,
        }
    }

    /// Ticks of [`sample_rate`](Self::sample_rate) that a sample lasts, as its bytes or the configuration tell; `None` for
    /// what is no sound, or does not tell. For AAC these are ticks of the core's rate, as containers count them.
    #[must_use]
    pub fn duration(&self, data: &[u8]) -> Option<u32> {
        match self {
            Codec::Aac(config) => Some(config.frame_length()),
            Codec::Ac3(_) => Some(1536),
            Codec::Eac3(_) => Some(eac3_duration(data)).filter(|samples| *samples > 0),
            Codec::MpegAudio(config) => Some(config.samples()),
            Codec::Opus(_) => Opus::samples(data),
            Codec::Flac(_) => Flac::samples(data),
            Codec::Pcm(pcm) => u32::try_from(data.len().checked_div(pcm.frame_len())?).ok(),
            _ => None,
        }
    }
}

/// Channels and samples per second of sound that is passed through.
fn passed_sound(fourcc: FourCc, config: &[u8]) -> Option<(u16, u32)> {
    entry::sound(fourcc, config).or_else(|| passed::sound(fourcc, config))
}

/// Samples of the first independent substream in an access unit.
fn eac3_duration(data: &[u8]) -> u32 {
    let frames = ac3::Frames::new(data).filter_map(|piece| match piece {
        ac3::Piece::Frame { frame, .. } => Some(frame.header()),
        ac3::Piece::Junk { .. } => None,
    });
    frames
        .filter(|header| header.begins_access_unit())
        .map(ac3::Header::samples)
        .sum()
}
