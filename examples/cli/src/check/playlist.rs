//! HLS: a playlist, the playlists that it refers to, and their segments.

use super::segments::Walk;
use super::{Finding, Severity};
use crate::input::hls_segments;
use crate::net::Place;
use hls::{MultivariantPlaylist, Playlist};

pub fn check(text: &[u8], place: &Place, walk: &mut Walk) {
    playlist(text, place, None, walk);
}

/// Checks a playlist; one that another one refers to has a name.
fn playlist(text: &[u8], place: &Place, name: Option<&str>, walk: &mut Walk) {
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
        return;
    }
    // What is wrong with one that cannot be read has been told.
    match Playlist::parse(text) {
        Ok(Playlist::Media(media)) if !media.is_i_frames_only() => {
            match hls_segments(&media, place) {
                Ok(segments) => walk.rendition(segments, !media.is_ended()),
                Err(error) => walk.unreadable(name.unwrap_or("playlist"), &error),
            }
        }
        Ok(Playlist::Multivariant(multivariant)) if name.is_none() => {
            for uri in references(&multivariant) {
                let read = || place.join(&uri)?.read_text();
                match read() {
                    Ok((text, place)) => playlist(&text, &place, Some(&uri), walk),
                    Err(error) => walk.unreadable(&uri, &error),
                }
            }
        }
        _ => {}
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
