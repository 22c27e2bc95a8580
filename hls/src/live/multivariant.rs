use super::Bandwidth;
use crate::tag::{ClosedCaptions, Media, MediaType, StreamInf};
use crate::{Decimal, MultivariantPlaylist, Resolution, Tag, VariantStream};
use alloc::string::{String, ToString};
use media::{Codec, Kind, Language, Track, Tracks};

/// A media playlist that a multivariant playlist offers.
#[derive(Debug, Clone, Copy)]
pub struct Variant<'a> {
    /// Its media playlist.
    pub uri: &'a str,
    /// What its segments hold, and those of the rendition that is played with it.
    pub tracks: &'a Tracks,
    /// Measured by its [`Playlist`](super::Playlist::bandwidth), with the greatest of its renditions added.
    pub bandwidth: Bandwidth,
    /// The group of its audio renditions; `None` where its own segments have all the sound.
    pub audio: Option<&'a str>,
    /// The group of the captions that are in its pictures, as far as known.
    pub closed_captions: Option<&'a str>,
}

/// Captions within the pictures (CEA-608, CEA-708).
#[derive(Debug, Clone, Copy)]
pub struct Captions<'a> {
    /// The group, by which variants name it.
    pub group: &'a str,
    /// For people; no other one of its group has it.
    pub name: &'a str,
    /// `CC1` to `CC4`, `SERVICE1` to `SERVICE63`.
    pub instream_id: &'a str,
}

/// A media playlist of sound alone.
#[derive(Debug, Clone, Copy)]
pub struct Rendition<'a> {
    /// The group, by which variants name it.
    pub group: &'a str,
    /// For people; no other one of its group has it.
    pub name: &'a str,
    /// Its media playlist.
    pub uri: &'a str,
    /// What it holds.
    pub track: &'a Track,
    /// Whether it is to be played unless the user chose another one.
    pub default: bool,
}

/// The multivariant playlist of some variants: `BANDWIDTH`, `AVERAGE-BANDWIDTH`, `CODECS` of the video and audio
/// tracks, `RESOLUTION` and `FRAME-RATE` where the video's parameter sets tell them.
#[must_use]
pub fn multivariant<'a>(variants: impl IntoIterator<Item = Variant<'a>>) -> MultivariantPlaylist {
    multivariant_with([], [], variants)
}

/// The same with renditions of sound (`CHANNELS`, and `LANGUAGE` where it is known), and with captions.
#[must_use]
pub fn multivariant_with<'a>(
    renditions: impl IntoIterator<Item = Rendition<'a>>,
    captions: impl IntoIterator<Item = Captions<'a>>,
    variants: impl IntoIterator<Item = Variant<'a>>,
) -> MultivariantPlaylist {
    let mut playlist = MultivariantPlaylist::new();
    for rendition in renditions {
        let mut media = Media::new(MediaType::Audio, rendition.group, rendition.name);
        media.uri = Some(rendition.uri);
        media.default = rendition.default;
        media.autoselect = true;
        if rendition.track.language != Language::UNDETERMINED {
            media.language = Some(rendition.track.language.as_str());
        }
        let channels = match &rendition.track.codec {
            Codec::Aac(config) => Some(config.channels().to_string()),
            _ => None,
        };
        media.channels = channels.as_deref();
        playlist.lines.push(Tag::Media(media));
    }
    for captions in captions {
        let mut media = Media::new(MediaType::ClosedCaptions, captions.group, captions.name);
        media.instream_id = Some(captions.instream_id);
        media.autoselect = true;
        playlist.lines.push(Tag::Media(media));
    }
    for variant in variants {
        let codecs = codecs(variant.tracks);
        let mut stream_inf = StreamInf::new(variant.bandwidth.peak);
        stream_inf.average_bandwidth = Some(variant.bandwidth.average);
        stream_inf.audio = variant.audio;
        stream_inf.closed_captions = variant.closed_captions.map(ClosedCaptions::Group);
        if !codecs.is_empty() {
            stream_inf.codecs = Some(&codecs);
        }
        if let Some(track) = variant.tracks.first_of(Kind::Video)
            && let Codec::H264(config) = &track.codec
            && let Some(sps) = config.first_sps()
        {
            stream_inf.resolution = Some(Resolution {
                width: sps.width().into(),
                height: sps.height().into(),
            });
            stream_inf.frame_rate = sps
                .frame_rate()
                .and_then(|rate| frame_rate(rate.num, rate.den));
        }
        playlist.push_variant(VariantStream {
            stream_inf,
            uri: variant.uri,
        });
    }
    playlist
}

/// RFC 6381 names of what is seen and heard, each once.
fn codecs(tracks: &Tracks) -> String {
    let mut list = String::new();
    for track in tracks
        .iter()
        .filter(|track| track.codec.kind() != Kind::Data)
    {
        let codec = track.codec.rfc6381();
        if list.split(',').any(|listed| listed == codec) {
            continue;
        }
        if !list.is_empty() {
            list.push(',');
        }
        list.push_str(&codec);
    }
    list
}

/// Frames per second, to three digits as the standard wants.
fn frame_rate(num: u32, den: u32) -> Option<Decimal> {
    let nanos = u64::from(num)
        .checked_mul(1_000_000_000)?
        .checked_div(den.into())?;
    Some(Decimal::rounded(i64::try_from(nanos).ok()?, 3))
}
