use super::Bandwidth;
use crate::tag::StreamInf;
use crate::{Decimal, MultivariantPlaylist, Resolution, VariantStream};
use alloc::string::String;
use media::{Codec, Kind, Tracks};

/// A media playlist that a multivariant playlist offers.
#[derive(Debug, Clone, Copy)]
pub struct Variant<'a> {
    /// Its media playlist.
    pub uri: &'a str,
    /// What its segments hold.
    pub tracks: &'a Tracks,
    /// Measured by its [`Playlist`](super::Playlist::bandwidth).
    pub bandwidth: Bandwidth,
}

/// The multivariant playlist of some variants: `BANDWIDTH`, `AVERAGE-BANDWIDTH`, `CODECS` of the video and audio
/// tracks, `RESOLUTION` and `FRAME-RATE` where the video's parameter sets tell them.
#[must_use]
pub fn multivariant<'a>(variants: impl IntoIterator<Item = Variant<'a>>) -> MultivariantPlaylist {
    let mut playlist = MultivariantPlaylist::new();
    for variant in variants {
        let codecs = codecs(variant.tracks);
        let mut stream_inf = StreamInf::new(variant.bandwidth.peak);
        stream_inf.average_bandwidth = Some(variant.bandwidth.average);
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
