use super::pcm;
use crate::FourCc;
use crate::boxes::{AudioSampleEntry, Esds, SampleEntry, VisualSampleEntry};
use crate::packager::events;
use alloc::vec::Vec;
use bytes::Bytes;
use media::codec::{Av1, Flac, Hevc, Mpeg4Video, MpegAudio, MpegVideo, Opus, Text, TextFormat, Vp};
use media::{Codec, Kind};
use mpeg2::audio::{Layer, Version};
use wire::Writer;

/// A codec as a sample entry tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Described {
    /// The codec.
    pub codec: Codec,
    /// Bytes of the length before each NAL unit of H.264 in the file; the codec has 4, as samples have them.
    pub length_size: u8,
}

impl From<Codec> for Described {
    fn from(codec: Codec) -> Self {
        Self {
            codec,
            length_size: 4,
        }
    }
}

/// The codec of a sample entry, of a track with this handler; `None` where the entry has no name.
///
/// An entry whose configuration is not there, is damaged or is not known is a codec that is passed through.
#[must_use]
pub fn describe(entry: &SampleEntry, handler_type: FourCc) -> Option<Described> {
    let known = match entry {
        SampleEntry::Visual(entry) => visual(entry),
        SampleEntry::Audio(entry) => audio(entry).map(Described::from),
        SampleEntry::Meta(entry) => match &entry.format.0 {
            b"stpp" => {
                let mut text = Text::new(TextFormat::Ttml);
                let strings = entry
                    .strings
                    .iter()
                    .flat_map(|text| text.iter().chain(&[0]));
                text.config = strings.copied().collect();
                Some(Codec::Text(text).into())
            }
            b"urim" => entry
                .uri
                .as_ref()
                .and_then(|uri| core::str::from_utf8(&uri.the_uri).ok())
                .and_then(events::codec)
                .map(Described::from),
            b"c608" => Some(Codec::Text(Text::new(TextFormat::Cea608)).into()),
            _ => None,
        },
        SampleEntry::Tx3g(_) | SampleEntry::Other(_) => None,
    };
    known.or_else(|| {
        let mut config = Vec::new();
        entry.put(&mut Writer::new(&mut config)).ok()?;
        let kind = match (&handler_type.0, entry) {
            (b"vide", _) | (_, SampleEntry::Visual(_)) => Kind::Video,
            (b"soun", _) | (_, SampleEntry::Audio(_)) => Kind::Audio,
            _ => Kind::Data,
        };
        let fourcc = media::FourCc(entry.format()?.0);
        let config = config.into();
        Some(
            Codec::Other {
                kind,
                fourcc,
                config,
            }
            .into(),
        )
    })
}

fn visual(entry: &VisualSampleEntry) -> Option<Described> {
    let codec = match &entry.format.0 {
        b"avc1" | b"avc2" | b"avc3" | b"avc4" | b"dva1" | b"dvav" => {
            let config = h264::DecoderConfig::parse(&entry.avc_c.as_ref()?.record).ok()?;
            return Some(Described {
                codec: Codec::H264(config.with_length_size(4)),
                length_size: config.length_size(),
            });
        }
        b"hvc1" | b"hev1" | b"dvh1" | b"dvhe" => {
            let record = entry.hvc_c.as_ref()?.record.clone();
            Codec::Hevc(Hevc::try_from(record).ok()?)
        }
        b"av01" => {
            let record = entry.av1_c.as_ref()?.record.clone();
            Codec::Av1(Av1::try_from(record).ok()?)
        }
        b"vp08" | b"vp09" => {
            let (_, record) = entry.vpc_c.as_ref()?.record.split_first_chunk::<4>()?;
            let (width, height) = (entry.width.into(), entry.height.into());
            let config = Vp::parse(record).ok()?.with_dimensions(width, height);
            if entry.format.0 == *b"vp08" {
                Codec::Vp8(config)
            } else {
                Codec::Vp9(config)
            }
        }
        b"mp4v" => {
            let decoder = &entry.esds.as_ref()?.decoder_config;
            let headers = decoder.decoder_specific_info.as_ref();
            match decoder.object_type_indication {
                0x60..=0x65 | 0x6A => {
                    Codec::Mpeg2Video(MpegVideo::try_from(headers?.clone()).ok()?)
                }
                Mpeg4Video::OBJECT_TYPE_INDICATION => {
                    Codec::Mpeg4Video(Mpeg4Video::try_from(headers?.clone()).ok()?)
                }
                _ => return None,
            }
        }
        _ => return None,
    };
    Some(codec.into())
}

fn audio(entry: &AudioSampleEntry) -> Option<Codec> {
    Some(match &entry.format.0 {
        b"mp4a" => mp4a(entry, entry.find_esds()?)?,
        b".mp3" | b"ms\0U" => Codec::MpegAudio(mpeg_audio(entry)?),
        b"ac-3" => Codec::Ac3(ac3::Dac3::parse(&entry.dac3.as_ref()?.record).ok()?),
        b"ec-3" => Codec::Eac3(ac3::Dec3::parse(&entry.dec3.as_ref()?.record).ok()?),
        b"Opus" => Codec::Opus(Opus::parse_dops(&entry.d_ops.as_ref()?.record).ok()?),
        b"fLaC" => {
            let (_, blocks) = entry.df_la.as_ref()?.record.split_first_chunk::<4>()?;
            Codec::Flac(Flac::try_from(Bytes::copy_from_slice(blocks)).ok()?)
        }
        _ => Codec::Pcm(pcm::read(entry)?),
    })
}

fn mp4a(entry: &AudioSampleEntry, esds: &Esds) -> Option<Codec> {
    let decoder = &esds.decoder_config;
    Some(match decoder.object_type_indication {
        // MPEG-4 audio, and MPEG-2 AAC main, LC and SSR.
        0x40 | 0x66..=0x68 => {
            let info = decoder.decoder_specific_info.as_ref()?;
            Codec::Aac(aac::AudioSpecificConfig::parse(info).ok()?)
        }
        0x69 | 0x6B => Codec::MpegAudio(mpeg_audio(entry)?),
        _ => return None,
    })
}

/// MPEG audio, whose layer only its frames tell: III until they do.
fn mpeg_audio(entry: &AudioSampleEntry) -> Option<MpegAudio> {
    let version = match entry.sampling_frequency() {
        32000 | 44100 | 48000 => Version::Mpeg1,
        16000 | 22050 | 24000 => Version::Mpeg2,
        8000 | 11025 | 12000 => Version::Mpeg25,
        _ => return None,
    };
    Some(MpegAudio {
        version,
        layer: Layer::III,
        sampling_frequency: entry.sampling_frequency(),
        channels: u8::try_from(entry.channels().clamp(1, 2)).unwrap_or(2),
    })
}
