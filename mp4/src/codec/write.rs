use super::pcm;
use crate::Error;
use crate::boxes::{
    AudioSampleEntry, Av1C, AvcC, Child, Colr, DOps, Dac3, Dec3, DfLa, Esds, FourCc, HvcC,
    MetaSampleEntry, Pasp, SampleEntry, Uri, VisualSampleEntry, VpcC,
};
use crate::packager::events;
use alloc::vec::Vec;
use bytes::Bytes;
use media::codec::{Mpeg4Video, Opus, Text, TextFormat};
use media::{Codec, Kind};
use wire::Reader;

/// The sample entry of a codec: `avc1`, `hvc1`, `mp4a`, ...
///
/// # Errors
/// [`Error::Unsupported`] for a codec that has no sample entry, or does not tell the size of its picture;
/// [`Error::TooLong`] for a picture of more than 65 535 pixels.
pub fn sample_entry(codec: &Codec) -> Result<SampleEntry, Error> {
    Ok(match codec {
        Codec::H264(config) => SampleEntry::Visual(avc1(config)?),
        Codec::Hevc(config) => {
            let mut entry = visual(b"hvc1", codec)?;
            entry.hvc_c = Some(HvcC {
                record: config.raw().clone(),
            });
            SampleEntry::Visual(entry)
        }
        Codec::Av1(config) => {
            let mut entry = visual(b"av01", codec)?;
            entry.av1_c = Some(Av1C {
                record: config.raw().clone(),
            });
            SampleEntry::Visual(entry)
        }
        Codec::Vp8(config) | Codec::Vp9(config) => {
            let format = if matches!(codec, Codec::Vp8(_)) {
                b"vp08"
            } else {
                b"vp09"
            };
            let mut entry = visual(format, codec)?;
            // Version 1.
            entry.vpc_c = Some(VpcC {
                record: [&[1, 0, 0, 0], config.raw().as_ref()].concat().into(),
            });
            SampleEntry::Visual(entry)
        }
        Codec::Mpeg2Video(config) => {
            let mut entry = visual(b"mp4v", codec)?;
            let info = Some(config.raw().clone());
            entry.esds = Some(Esds::new(config.object_type_indication(), 4, info));
            SampleEntry::Visual(entry)
        }
        Codec::Mpeg4Video(config) => {
            let mut entry = visual(b"mp4v", codec)?;
            let info = Some(config.raw().clone());
            entry.esds = Some(Esds::new(Mpeg4Video::OBJECT_TYPE_INDICATION, 4, info));
            SampleEntry::Visual(entry)
        }
        Codec::Aac(config) => {
            let mut entry = audio(b"mp4a", codec);
            entry.esds = Some(Esds::aac(Bytes::copy_from_slice(config.raw())));
            SampleEntry::Audio(entry)
        }
        Codec::MpegAudio(config) => {
            let mut entry = audio(b"mp4a", codec);
            entry.esds = Some(Esds::new(config.object_type_indication(), 5, None));
            SampleEntry::Audio(entry)
        }
        Codec::Ac3(config) => {
            let mut record = Vec::new();
            config
                .encode(&mut record)
                .map_err(|_| unsupported("an AC-3 configuration that cannot be written"))?;
            let mut entry = audio(b"ac-3", codec);
            entry.dac3 = Some(Dac3 {
                record: record.into(),
            });
            SampleEntry::Audio(entry)
        }
        Codec::Eac3(config) => {
            let mut record = Vec::new();
            config
                .encode(&mut record)
                .map_err(|_| unsupported("an E-AC-3 configuration that cannot be written"))?;
            let mut entry = audio(b"ec-3", codec);
            entry.dec3 = Some(Dec3 {
                record: record.into(),
            });
            SampleEntry::Audio(entry)
        }
        Codec::Opus(config) => {
            let mut record = Vec::new();
            config.encode_dops(&mut record);
            let channels = config.output_channel_count.into();
            let mut entry = AudioSampleEntry::new(FourCc(*b"Opus"), channels, Opus::SAMPLE_RATE);
            entry.d_ops = Some(DOps {
                record: record.into(),
            });
            SampleEntry::Audio(entry)
        }
        Codec::Flac(config) => {
            let mut entry = audio(b"fLaC", codec);
            entry.samplesize = config.stream_info.bits_per_sample.into();
            // Version and flags.
            entry.df_la = Some(DfLa {
                record: [&[0; 4], config.raw().as_ref()].concat().into(),
            });
            SampleEntry::Audio(entry)
        }
        Codec::Pcm(config) => SampleEntry::Audio(
            pcm::write(config).ok_or_else(|| unsupported("uncompressed sound of this layout"))?,
        ),
        Codec::Text(text) => SampleEntry::Meta(subtitles(text)?),
        Codec::Id3 | Codec::Scte35 | Codec::Klv => {
            let mut entry = MetaSampleEntry::new(FourCc(*b"urim"), &[]);
            entry.uri = events::scheme(codec).map(|scheme| Uri {
                the_uri: scheme.into(),
            });
            SampleEntry::Meta(entry)
        }
        Codec::Other { fourcc, config, .. } => passed_through(FourCc(fourcc.0), config)?,
        other => return Err(unsupported_codec(other)),
    })
}

/// The handler of a codec's tracks: `vide`, `soun`, `subt`, ...
#[must_use]
pub fn handler_type(codec: &Codec) -> FourCc {
    FourCc(match (codec, codec.kind()) {
        (_, Kind::Video) => *b"vide",
        (_, Kind::Audio) => *b"soun",
        (Codec::Text(text), _) => match text.format {
            TextFormat::WebVtt => *b"text",
            TextFormat::Cea608 => *b"clcp",
            TextFormat::Tx3g => *b"sbtl",
            _ => *b"subt",
        },
        (Codec::Other { fourcc, .. }, _) => match &fourcc.0 {
            b"wvtt" | b"text" | b"stxt" => *b"text",
            b"tx3g" => *b"sbtl",
            b"sbtt" => *b"subt",
            b"tmcd" => *b"tmcd",
            _ => *b"meta",
        },
        _ => *b"meta",
    })
}

fn unsupported(what: &'static str) -> Error {
    Error::Unsupported(what.into())
}

fn unsupported_codec(codec: &Codec) -> Error {
    Error::Unsupported(alloc::format!("{} in MP4", codec.rfc6381()).into())
}

fn visual(format: &[u8; 4], codec: &Codec) -> Result<VisualSampleEntry, Error> {
    let (width, height) = codec
        .dimensions()
        .ok_or_else(|| unsupported("video that does not tell the size of its picture"))?;
    Ok(VisualSampleEntry::new(
        FourCc(*format),
        size("width", width)?,
        size("height", height)?,
    ))
}

fn size(what: &'static str, value: u32) -> Result<u16, wire::TooLong> {
    u16::try_from(value).map_err(|_| wire::TooLong {
        what,
        value: value.into(),
        max: u16::MAX.into(),
    })
}

fn audio(format: &[u8; 4], codec: &Codec) -> AudioSampleEntry {
    let rate = codec.sample_rate().unwrap_or(0);
    AudioSampleEntry::new(FourCc(*format), codec.channels().unwrap_or(2), rate)
}

fn avc1(config: &h264::DecoderConfig) -> Result<VisualSampleEntry, Error> {
    let sps = config
        .first_sps()
        .ok_or_else(|| unsupported("H.264 without a readable sequence parameter set"))?;
    let (width, height) = (size("width", sps.width())?, size("height", sps.height())?);
    let mut entry = VisualSampleEntry::new(FourCc(*b"avc1"), width, height);
    entry.avc_c = Some(AvcC {
        record: config.with_length_size(4).raw().clone(),
    });
    entry.pasp = sps
        .sample_aspect_ratio()
        .filter(|shape| shape.num != shape.den)
        .map(|shape| Pasp {
            h_spacing: shape.num,
            v_spacing: shape.den,
        });
    entry.colr = sps.colour().map(|colour| Colr::Nclx {
        colour_primaries: colour.colour_primaries.into(),
        transfer_characteristics: colour.transfer_characteristics.into(),
        matrix_coefficients: colour.matrix_coefficients.into(),
        full_range: sps.is_full_range(),
    });
    Ok(entry)
}

fn subtitles(text: &Text) -> Result<MetaSampleEntry, Error> {
    match text.format {
        TextFormat::Ttml => {
            let mut entry =
                MetaSampleEntry::new(FourCc(*b"stpp"), &["http://www.w3.org/ns/ttml", "", ""]);
            let mut strings = text.config.split(|byte| *byte == 0);
            if !text.config.is_empty() {
                entry
                    .strings
                    .fill_with(|| strings.next().unwrap_or_default().into());
            }
            Ok(entry)
        }
        TextFormat::Cea608 => Ok(MetaSampleEntry::new(FourCc(*b"c608"), &[])),
        _ => Err(unsupported_codec(&Codec::Text(text.clone()))),
    }
}

/// A sample entry that came from a file as it is.
pub(super) fn passed_through(fourcc: FourCc, config: &Bytes) -> Result<SampleEntry, Error> {
    let child = Child::decode(&mut Reader::new(config))
        .ok()
        .filter(|child| child.header.box_type == fourcc && child.bytes().len() == config.len());
    let child = child.ok_or_else(|| {
        Error::Unsupported(alloc::format!("{fourcc} that comes from no MP4 file").into())
    })?;
    Ok(SampleEntry::decode(&child, 0))
}

/// Width and height of a sample entry's picture on the screen, as the track header has them, 16.16 fixed point; pixels
/// that are not square widen it. Zeros for what is no video.
#[must_use]
pub fn size_on_screen(entry: &SampleEntry) -> (u32, u32) {
    let SampleEntry::Visual(entry) = entry else {
        return (0, 0);
    };
    let wide = |shape: Pasp| {
        u64::from(entry.width)
            .checked_mul(shape.h_spacing.into())?
            .checked_div(shape.v_spacing.into())
    };
    let width = entry.pasp.and_then(wide).unwrap_or(entry.width.into());
    let width = u16::try_from(width).unwrap_or(entry.width);
    (u32::from(width) << 16, u32::from(entry.height) << 16)
}
