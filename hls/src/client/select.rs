//! Which variant, and which renditions with it.

use super::view::Variables;
use super::{Config, StreamInfo, StreamKind};
use crate::tag::{Media, MediaType};
use crate::{MultivariantPlaylist, Resolution, Tag};
use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;
use wire::uri::resolve;

/// A variant of a presentation.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Variant {
    /// Its media playlist.
    pub url: String,
    /// Its peak bit rate, in bit/s (`BANDWIDTH`).
    pub bandwidth: u64,
    /// Its mean bit rate, if it is told.
    pub average_bandwidth: Option<u64>,
    /// Formats (RFC 6381).
    pub codecs: Option<String>,
    /// Size of the pictures.
    pub resolution: Option<Resolution>,
    audio: Option<String>,
}

#[derive(Debug, Clone)]
struct Rendition {
    group: String,
    name: String,
    language: Option<String>,
    url: Option<String>,
    default: bool,
    autoselect: bool,
}

/// What a multivariant playlist offers.
#[derive(Debug, Default)]
pub(super) struct Offer {
    pub(super) variants: Vec<Variant>,
    audio: Vec<Rendition>,
    pub(super) variables: Variables,
}

impl Offer {
    /// What stands behind a media playlist that was asked for directly.
    pub(super) fn single(url: &str) -> Self {
        Self {
            variants: [Variant {
                url: url.to_owned(),
                bandwidth: 0,
                average_bandwidth: None,
                codecs: None,
                resolution: None,
                audio: None,
            }]
            .into(),
            ..Self::default()
        }
    }

    pub(super) fn read(playlist: &MultivariantPlaylist, url: &str) -> Self {
        let mut offer = Self::default();
        for tag in playlist.lines.tags() {
            if let Tag::Define(define) = tag {
                offer.variables.define(&define, &Variables::default(), url);
            }
        }
        let variables = &offer.variables;
        let text = |text: Option<&str>| text.map(ToOwned::to_owned);
        let variants = playlist.variants().map(|variant| Variant {
            url: resolve(url, &variables.fill(variant.uri)),
            bandwidth: variant.stream_inf.bandwidth,
            average_bandwidth: variant.stream_inf.average_bandwidth,
            codecs: text(variant.stream_inf.codecs),
            resolution: variant.stream_inf.resolution,
            audio: text(variant.stream_inf.audio),
        });
        let variants = variants.collect();
        let is_audio = |media: &Media<'_>| media.kind == MediaType::Audio;
        let audio = playlist.renditions().filter(is_audio);
        let audio = audio.map(|media| Rendition {
            group: media.group_id.to_owned(),
            name: media.name.to_owned(),
            language: text(media.language),
            url: media.uri.map(|uri| resolve(url, &variables.fill(uri))),
            default: media.default,
            autoselect: media.autoselect,
        });
        offer.audio = audio.collect();
        offer.variants = variants;
        offer
    }

    /// The best variant that fits, or else the least of all.
    pub(super) fn choose(&self, bandwidth: Option<u64>) -> usize {
        let rate = |index: &usize| self.variants.get(*index).map_or(0, |one| one.bandwidth);
        let all = || 0..self.variants.len();
        let fits = |index: &usize| bandwidth.is_none_or(|most| rate(index) <= most);
        // Of two that are alike the first one: the others are for when it fails.
        let best = all()
            .filter(fits)
            .max_by_key(|index| (rate(index), usize::MAX - index));
        best.or_else(|| all().min_by_key(rate)).unwrap_or(0)
    }

    /// The streams of a variant: it, and the sound that goes with it where that is elsewhere.
    pub(super) fn streams(&self, index: usize, config: &Config) -> Vec<StreamInfo> {
        let Some(variant) = self.variants.get(index) else {
            return Vec::new();
        };
        let mut streams: Vec<_> = [StreamInfo {
            kind: StreamKind::Main,
            url: variant.url.clone(),
            variant: index,
            name: None,
            language: None,
        }]
        .into();
        let group = self
            .audio
            .iter()
            .filter(|one| Some(&one.group) == variant.audio.as_ref());
        let wanted = |one: &&Rendition| {
            let wanted = config.audio_language.as_deref();
            (
                wanted.is_some() && one.language.as_deref() == wanted,
                one.default,
                one.autoselect,
            )
        };
        let chosen: Vec<&Rendition> = if config.all_audio {
            group.collect()
        } else {
            // The first of those that are wanted alike.
            group.rev().max_by_key(wanted).into_iter().collect()
        };
        for rendition in chosen {
            // Sound without a URL, or of the same one, is in the variant.
            let Some(url) = &rendition.url else { continue };
            if streams.iter().any(|stream| stream.url == *url) {
                continue;
            }
            streams.push(StreamInfo {
                kind: StreamKind::Audio,
                url: url.clone(),
                variant: index,
                name: Some(rendition.name.clone()),
                language: rendition.language.clone(),
            });
        }
        streams
    }
}
