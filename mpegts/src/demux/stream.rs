//! What a stream of a program map table is, and who reads it.

use super::audio::Audio;
use super::data::{self, Data, Layout};
use super::dts::Dts;
use super::frame::{Input, Out};
use super::guess::Guess;
use super::h264::H264;
use super::hevc::Hevc;
use super::lock;
use super::lpcm::Lpcm;
use super::mpeg_video::MpegVideo;
use super::mpeg4::Mpeg4Video;
use super::opus::Opus;
use super::other::Other;
use super::sounds::{Adts, Dolby, Latm, MpegAudio};
use super::video::Video;
use crate::ps::reader::SUBSTREAM;
use crate::ps::{Substream, SubstreamKind};
use crate::psi::descriptor::{
    Ac3, EnhancedAc3, Iso639, Metadata, MetadataFormat, OpusAudio, Registration, Subtitling,
    Teletext,
};
use crate::psi::{Descriptors, ElementaryStream, Pmt, StreamType};
use alloc::boxed::Box;
use alloc::vec::Vec;
use bytes::Bytes;
use media::codec::{Text, TextFormat};
use media::{Codec, FourCc, Kind, Language};

/// Reads one elementary stream.
#[derive(Debug)]
pub(super) enum Elementary {
    H264(Box<Video<H264>>),
    Hevc(Box<Video<Hevc>>),
    MpegVideo(Box<MpegVideo>),
    Mpeg4Video(Box<Mpeg4Video>),
    Adts(Box<Audio<Adts>>),
    Latm(Box<Audio<Latm>>),
    Dolby(Box<Audio<Dolby>>),
    MpegAudio(Box<Audio<MpegAudio>>),
    Dts(Box<Audio<Dts>>),
    Opus(Opus),
    /// LPCM of DVDs.
    Lpcm(Lpcm),
    /// What is passed through.
    Other(Other),
    /// Messages; the codec is known from the start.
    Data(Data, Codec),
    /// Sections, each a message.
    Sections(Codec),
    /// Nothing tells what it is but what is in it.
    Guess(Guess),
}

impl Elementary {
    /// Who reads a stream; `None` where nobody can.
    pub(super) fn new(pmt: &Pmt, stream: &ElementaryStream, limit: usize) -> Option<Self> {
        let program = pmt.format_identifier();
        let descriptors = &stream.descriptors;
        let h264 = || Self::H264(Box::new(Video::new(H264::default(), limit)));
        let hevc = || Self::Hevc(Box::new(Video::new(Hevc::default(), limit)));
        let dolby = |dolby| Self::Dolby(Box::new(Audio::new(dolby)));
        let data = |layout, codec| Self::Data(Data::new(layout, limit), codec);
        let dts = || Self::Dts(Box::new(Audio::new(Dts::default())));
        let is_disc = program == Some(*b"HDMV");
        let stream_type = lock::opened(stream.stream_type).unwrap_or(stream.stream_type);
        Some(match stream_type {
            StreamType::MPEG1_VIDEO | StreamType::MPEG2_VIDEO => {
                Self::MpegVideo(Box::new(MpegVideo::new()))
            }
            StreamType::DIGICIPHER_VIDEO if !is_disc => Self::MpegVideo(Box::new(MpegVideo::new())),
            StreamType::MPEG1_AUDIO | StreamType::MPEG2_AUDIO => {
                Self::MpegAudio(Box::new(Audio::new(MpegAudio::default())))
            }
            StreamType::AAC_ADTS => Self::Adts(Box::new(Audio::new(Adts::default()))),
            StreamType::AAC_LATM => Self::Latm(Box::new(Audio::new(Latm::default()))),
            StreamType::H264 => h264(),
            StreamType::H265 => hevc(),
            StreamType::ATSC_AC3 => dolby(Dolby::ac3()),
            StreamType::ATSC_EAC3 | StreamType::BD_EAC3 => dolby(Dolby::eac3()),
            StreamType::SCTE35 if !is_disc => Self::Sections(Codec::Scte35),
            StreamType::MPEG4_VIDEO => Self::Mpeg4Video(Box::new(Mpeg4Video::new(limit))),
            StreamType::JPEG_2000 => Self::Other(Other::new(Kind::Video, *b"mjp2")),
            StreamType::H266 => Self::Other(Other::new(Kind::Video, *b"vvc1")),
            StreamType::VC1 => Self::Other(Other::new(Kind::Video, *b"vc-1")),
            StreamType::MPEGH_MAIN => Self::Other(Other::new(Kind::Audio, *b"mhm1")),
            StreamType::TRUE_HD => Self::Other(Other::new(Kind::Audio, *b"mlpa")),
            // These two are something else in programs of ATSC and SCTE.
            StreamType::SCTE35 if is_disc => dts(),
            StreamType::DTS_HD | StreamType::DTS => dts(),
            StreamType::SCTE_SUBTITLES if program != Some(*b"SCTE") => dts(),
            StreamType::METADATA_PES => match metadata_format(descriptors) {
                Some(format) if format == *b"ID3 " => data(Layout::Id3, Codec::Id3),
                Some(format) if format == *b"KLVA" => data(Layout::Cells, Codec::Klv),
                _ => return None,
            },
            StreamType::PES_PRIVATE => {
                if descriptors.has::<EnhancedAc3>() {
                    return Some(dolby(Dolby::eac3()));
                }
                if descriptors.has::<Ac3>() {
                    return Some(dolby(Dolby::ac3()));
                }
                if descriptors.has::<Teletext>() {
                    let codec = text::<Teletext>(descriptors, TextFormat::Teletext);
                    return Some(data(Layout::Whole, codec));
                }
                if descriptors.has::<Subtitling>() {
                    let codec = text::<Subtitling>(descriptors, TextFormat::DvbSubtitle);
                    return Some(data(Layout::Whole, codec));
                }
                if is_dts(descriptors) {
                    return Some(dts());
                }
                let Some(name) = descriptors.format_identifier() else {
                    return Some(Self::Guess(Guess::new(limit)));
                };
                match &name {
                    b"VC-1" => Self::Other(Other::new(Kind::Video, *b"vc-1")),
                    &SUBSTREAM => return Self::substream(descriptors, limit),
                    b"AC-3" => dolby(Dolby::ac3()),
                    b"EAC3" => dolby(Dolby::eac3()),
                    b"Opus" => Self::Opus(Opus::new(descriptors.find::<OpusAudio>().as_ref())),
                    b"HEVC" => hevc(),
                    b"KLVA" => data(Layout::Whole, Codec::Klv),
                    b"ID3 " => data(Layout::Id3, Codec::Id3),
                    _ => return None,
                }
            }
            _ => return None,
        })
    }

    /// Who reads a substream of a DVD.
    fn substream(descriptors: &Descriptors, limit: usize) -> Option<Self> {
        let registration = descriptors.find::<Registration>()?;
        let mut r = wire::Reader::new(&registration.additional_identification_info);
        let substream = Substream::decode(&mut r).ok()?;
        let other = |layout, kind, fourcc| {
            let codec = Codec::Other {
                kind,
                fourcc: FourCc(fourcc),
                config: Bytes::new(),
            };
            Self::Data(Data::new(layout, limit), codec)
        };
        Some(match substream.id.kind()? {
            SubstreamKind::Lpcm => Self::Lpcm(Lpcm::new(substream.audio?.lpcm?)?),
            SubstreamKind::Dts => other(Layout::Whole, Kind::Audio, *b"dtsc"),
            SubstreamKind::Subpicture => other(Layout::Subpicture, Kind::Data, *b"mp4s"),
            SubstreamKind::Ac3 | SubstreamKind::Mlp => return None,
        })
    }

    /// The codec, where it is known without a sample.
    pub(super) const fn codec(&self) -> Option<&Codec> {
        match self {
            Self::Data(_, codec) | Self::Sections(codec) => Some(codec),
            Self::Other(other) => Some(other.codec()),
            _ => None,
        }
    }

    /// Whether it is sparse: nothing follows from when messages come.
    pub(super) const fn is_sparse(&self) -> bool {
        matches!(self, Self::Data(..) | Self::Sections(_))
    }

    /// Whether nobody can read it after all; said once.
    pub(super) fn gives_up(&mut self, at_end: bool) -> bool {
        match self {
            Self::Guess(guess) => guess.gives_up(at_end),
            _ => false,
        }
    }

    pub(super) fn handle(&mut self, input: Input, now: i64, out: &mut Vec<Out>) {
        match self {
            Self::Guess(guess) => {
                if let Some(mut reader) = guess.look(&input.data) {
                    reader.handle(input, now, out);
                    *self = reader;
                }
            }
            Self::H264(video) => video.handle(input, out),
            Self::Hevc(video) => video.handle(input, out),
            Self::MpegVideo(video) => video.handle(&input, out),
            Self::Mpeg4Video(video) => video.handle(&input, out),
            Self::Adts(audio) => audio.handle(&input, out),
            Self::Latm(audio) => audio.handle(&input, out),
            Self::Dolby(audio) => audio.handle(&input, out),
            Self::MpegAudio(audio) => audio.handle(&input, out),
            Self::Dts(audio) => audio.handle(&input, out),
            Self::Opus(opus) => opus.handle(input, out),
            Self::Lpcm(lpcm) => lpcm.handle(&input, out),
            Self::Other(other) => other.handle(input, out),
            Self::Data(data, _) => data.handle(input, now, out),
            Self::Sections(_) => data::message(now, input.data.into(), out),
        }
    }

    /// Whether NAL units with lengths are welcome.
    pub(super) fn takes_nal_units(&self) -> bool {
        match self {
            Self::H264(video) => video.takes_nal_units(),
            Self::Hevc(video) => video.takes_nal_units(),
            _ => false,
        }
    }

    pub(super) fn handle_discontinuity(&mut self, out: &mut Vec<Out>) {
        match self {
            Self::H264(video) => video.handle_discontinuity(out),
            Self::Hevc(video) => video.handle_discontinuity(out),
            Self::MpegVideo(video) => video.handle_discontinuity(out),
            Self::Mpeg4Video(video) => video.handle_discontinuity(out),
            Self::Adts(audio) => audio.handle_discontinuity(out),
            Self::Latm(audio) => audio.handle_discontinuity(out),
            Self::Dolby(audio) => audio.handle_discontinuity(out),
            Self::MpegAudio(audio) => audio.handle_discontinuity(out),
            Self::Dts(audio) => audio.handle_discontinuity(out),
            Self::Opus(opus) => opus.handle_discontinuity(),
            Self::Lpcm(lpcm) => lpcm.handle_discontinuity(),
            Self::Other(other) => other.handle_discontinuity(),
            Self::Data(data, _) => data.handle_discontinuity(),
            Self::Sections(_) | Self::Guess(_) => {}
        }
    }

    pub(super) fn finish(&mut self, out: &mut Vec<Out>) {
        match self {
            Self::H264(video) => video.finish(out),
            Self::Hevc(video) => video.finish(out),
            Self::MpegVideo(video) => video.finish(out),
            Self::Mpeg4Video(video) => video.finish(out),
            Self::Adts(audio) => audio.finish(out),
            Self::Latm(audio) => audio.finish(out),
            Self::Dolby(audio) => audio.finish(out),
            Self::MpegAudio(audio) => audio.finish(out),
            Self::Dts(audio) => audio.finish(out),
            Self::Opus(_)
            | Self::Lpcm(_)
            | Self::Other(_)
            | Self::Data(..)
            | Self::Sections(_)
            | Self::Guess(_) => {}
        }
    }

    pub(super) fn buffered_len(&self) -> usize {
        match self {
            Self::H264(video) => video.buffered_len(),
            Self::Hevc(video) => video.buffered_len(),
            Self::MpegVideo(video) => video.buffered_len(),
            Self::Mpeg4Video(video) => video.buffered_len(),
            Self::Adts(audio) => audio.buffered_len(),
            Self::Latm(audio) => audio.buffered_len(),
            Self::Dolby(audio) => audio.buffered_len(),
            Self::MpegAudio(audio) => audio.buffered_len(),
            Self::Dts(audio) => audio.buffered_len(),
            Self::Data(data, _) => data.buffered_len(),
            Self::Lpcm(lpcm) => lpcm.buffered_len(),
            Self::Opus(_) | Self::Other(_) | Self::Sections(_) | Self::Guess(_) => 0,
        }
    }
}

/// Whether descriptors say that it is DTS: by its name, or with the descriptor of DVB (ETSI EN 300 468 Annex G).
fn is_dts(descriptors: &Descriptors) -> bool {
    const DVB_DTS: u8 = 0x7B;
    let name = descriptors.format_identifier();
    name.is_some_and(|name| matches!(&name, b"DTS1" | b"DTS2" | b"DTS3"))
        || descriptors
            .iter()
            .any(|descriptor| descriptor.tag == DVB_DTS)
}

/// What the metadata of a stream is.
fn metadata_format(descriptors: &Descriptors) -> Option<[u8; 4]> {
    let metadata = descriptors.find::<Metadata>();
    metadata
        .and_then(|metadata| match metadata.format {
            MetadataFormat::ID3 => Some(*b"ID3 "),
            format => format.format_identifier,
        })
        .or_else(|| descriptors.format_identifier())
}

/// Subtitles whose configuration is what a descriptor contains.
fn text<D: crate::psi::descriptor::Describe>(
    descriptors: &Descriptors,
    format: TextFormat,
) -> Codec {
    let raw = descriptors
        .iter()
        .find(crate::psi::descriptor::RawDescriptor::is::<D>);
    Codec::Text(Text {
        format,
        config: raw.map_or_else(Bytes::new, |raw| Bytes::copy_from_slice(raw.data)),
    })
}

/// The language that descriptors tell.
pub(super) fn language(descriptors: &Descriptors) -> Language {
    let iso = descriptors.find::<Iso639>().and_then(|iso| {
        iso.languages
            .first()
            .map(|language| language.iso_639_language_code)
    });
    let teletext = || {
        let page = descriptors.find::<Teletext>()?.pages.first().copied()?;
        Some(page.iso_639_language_code)
    };
    let subtitling = || {
        let subtitling = descriptors.find::<Subtitling>()?;
        Some(subtitling.subtitles.first()?.iso_639_language_code)
    };
    iso.or_else(teletext)
        .or_else(subtitling)
        .and_then(|code| Language::new(code.map(|letter| letter.to_ascii_lowercase())))
        .unwrap_or_default()
}
