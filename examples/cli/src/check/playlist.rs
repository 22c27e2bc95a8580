//! HLS: a playlist, the playlists that it refers to, and their segments.

use super::promises::{self, Found};
use super::segments::Walk;
use super::{Finding, Severity};
use crate::input::hls_segments;
use crate::net::Place;
use hls::tag::{MediaType, StreamInf};
use hls::{MultivariantPlaylist, Playlist};
use std::collections::HashMap;

pub fn check(text: &[u8], place: &Place, walk: &mut Walk) {
    let _ = playlist(text, place, None, walk);
}

/// What the segments of a media playlist have.
struct Measured {
    found: Found,
    /// Peak and average, in bit/s; `None` where more segments may come, or some could not be had.
    rates: Option<(f64, f64)>,
}

/// Checks a playlist; one that another one refers to has a name. Gives what was found behind one of media.
fn playlist(text: &[u8], place: &Place, name: Option<&str>, walk: &mut Walk) -> Option<Measured> {
    for finding in hls::check(text) {
        let finding = Finding {
            severity: match finding.severity {
                hls::Severity::Warning => Severity::Warning,
                hls::Severity::Error => Severity::Error,
            },
            rule: format!("{}: {}", finding.tag, finding.what),
            place: match finding.line {
                0 => "playlist".into(),
                line => format!("line {line}"),
            },
            clause: format!("RFC 8216bis §{}", finding.clause),
        };
        walk.findings.push(match name {
            Some(name) => finding.within(name),
            None => finding,
        });
    }
    if walk.is_shallow {
        return None;
    }
    // What is wrong with one that cannot be read has been told.
    match Playlist::parse(text) {
        Ok(Playlist::Media(media)) if !media.is_i_frames_only() => {
            match hls_segments(&media, place) {
                Ok(segments) => {
                    let found = walk.rendition(segments, !media.is_ended());
                    let target = i64::try_from(media.target_duration()).unwrap_or(i64::MAX);
                    let target = target.saturating_mul(1_000_000_000);
                    let is_whole = media.is_ended() && !found.is_partial;
                    let rates = is_whole.then(|| promises::rates(target, &found));
                    return Some(Measured { found, rates });
                }
                Err(error) => walk.unreadable(name.unwrap_or("playlist"), &error),
            }
        }
        Ok(Playlist::Multivariant(multivariant)) if name.is_none() => {
            let mut known = HashMap::new();
            for uri in references(&multivariant) {
                let read = || place.join(&uri)?.read_text();
                match read() {
                    Ok((text, place)) => {
                        let measured = playlist(&text, &place, Some(&uri), walk);
                        known.extend(measured.map(|measured| (uri, measured)));
                    }
                    Err(error) => walk.unreadable(&uri, &error),
                }
            }
            for variant in multivariant.variants() {
                let renditions = sound_of(&multivariant, &variant.stream_inf, variant.uri);
                let own = known.get(variant.uri);
                let sound: Vec<_> = renditions.iter().map(|uri| known.get(*uri)).collect();
                compare(variant.uri, &variant.stream_inf, own, &sound, walk);
            }
        }
        _ => {}
    }
    None
}

/// The playlists of the renditions of sound that a variant may be played with, besides its own.
fn sound_of<'a>(
    playlist: &'a MultivariantPlaylist,
    variant: &StreamInf<'_>,
    own: &str,
) -> Vec<&'a str> {
    let of_group = playlist.renditions().filter(|rendition| {
        rendition.kind == MediaType::Audio && Some(rendition.group_id) == variant.audio
    });
    let uris = of_group.filter_map(|rendition| rendition.uri);
    uris.filter(|uri| *uri != own).collect()
}

/// What is told of a variant, beside its media: its own, and the renditions of sound that it is played with.
fn compare(
    uri: &str,
    told: &StreamInf<'_>,
    own: Option<&Measured>,
    sound: &[Option<&Measured>],
    walk: &mut Walk,
) {
    let name = format!("variant {uri}");
    if let Some(codecs) = told.codecs {
        for measured in own.iter().chain(sound.iter().flatten()) {
            let clause = "RFC 8216bis §4.4.6.2";
            for finding in promises::codecs(codecs, &measured.found, &name, clause) {
                walk.push(finding);
            }
        }
    }
    // The combination that needs most; what is not known may need nothing.
    let Some((mut peak, mut average)) = own.and_then(|own| own.rates) else {
        return;
    };
    let rates = || sound.iter().filter_map(|one| (*one)?.rates);
    peak += rates().map(|(peak, _)| peak).fold(0.0, f64::max);
    average += rates().map(|(_, average)| average).fold(0.0, f64::max);
    let rates = (peak, average);
    for finding in promises::variant(told.bandwidth, told.average_bandwidth, rates, &name) {
        walk.push(finding);
    }
}

/// The playlists behind a multivariant one, each once.
fn references(playlist: &MultivariantPlaylist) -> Vec<String> {
    let variants = playlist.variants().map(|variant| variant.uri);
    let renditions = playlist.renditions().filter_map(|media| media.uri);
    let pictures = playlist.i_frame_streams().map(|stream| stream.uri);
    let mut found: Vec<String> = Vec::new();
    for uri in variants.chain(renditions).chain(pictures) {
        if !found.iter().any(|known| known == uri) {
            found.push(uri.to_owned());
        }
    }
    found
}
