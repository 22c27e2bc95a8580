use super::merge::Merge;
use super::segments::{Piece, Segment, Segments};
use super::{Source, beside};
use crate::progress;
use anyhow::{Context, Result, bail};
use hls::tag::{KeyMethod, MediaType};
use hls::{ByteRange, MediaPlaylist, MultivariantPlaylist, Playlist};
use indicatif::ProgressBar;
use std::fs;
use std::path::Path;

/// Opens a playlist: of several variants the one with the highest bandwidth, with the sound that belongs to it.
pub fn open(path: &Path) -> Result<(Box<dyn Source>, ProgressBar)> {
    let media = match read(path)? {
        Playlist::Media(playlist) => vec![segments(&playlist, path)?],
        Playlist::Multivariant(playlist) => variant(&playlist, path)?,
    };
    let len = media
        .iter()
        .flatten()
        .map(|segment| segment.piece.len())
        .sum();
    let bar = progress::bar(Some(len));
    let source = |segments| -> Box<dyn Source> { Box::new(Segments::new(segments, bar.clone())) };
    let mut sources: Vec<_> = media.into_iter().map(source).collect();
    let source = match sources.len() {
        1 => sources.remove(0),
        _ => Box::new(Merge::new(sources)),
    };
    Ok((source, bar))
}

fn read(path: &Path) -> Result<Playlist> {
    let text = fs::read(path).with_context(|| path.display().to_string())?;
    Playlist::parse(&text).with_context(|| path.display().to_string())
}

fn variant(playlist: &MultivariantPlaylist, path: &Path) -> Result<Vec<Vec<Segment>>> {
    let best = playlist
        .variants()
        .max_by_key(|variant| variant.stream_inf.bandwidth);
    let Some(best) = best else {
        bail!("{}: a playlist without variants", path.display());
    };
    let mut wanted = vec![best.uri];
    for media in playlist.renditions() {
        if let (MediaType::Audio, Some(uri)) = (media.kind, media.uri)
            && Some(media.group_id) == best.stream_inf.audio
            && !wanted.contains(&uri)
        {
            wanted.push(uri);
        }
    }
    let read_one = |uri: &&str| {
        let path = beside(path, uri)?;
        match read(&path)? {
            Playlist::Media(playlist) => segments(&playlist, &path),
            Playlist::Multivariant(_) => bail!("{}: a media playlist was expected", path.display()),
        }
    };
    wanted.iter().map(read_one).collect()
}

fn segments(playlist: &MediaPlaylist, path: &Path) -> Result<Vec<Segment>> {
    let mut init = None;
    // A byte range without an offset goes on where the one before ended.
    let mut end = 0;
    let mut piece = |uri: &str, range: Option<ByteRange>| -> Result<Piece> {
        let range = range.map(|range| {
            let offset = range.offset.unwrap_or(end);
            end = offset.saturating_add(range.length);
            (offset, range.length)
        });
        Ok(Piece {
            path: beside(path, uri)?,
            range,
        })
    };
    let mut segments = Vec::new();
    let mut gap = false;
    for segment in &playlist.segments {
        if segment.keys().any(|key| key.method != KeyMethod::None) {
            bail!("{}: encrypted segments cannot be read", path.display());
        }
        if let Some(map) = segment.map() {
            init = Some(piece(map.uri, map.byte_range)?);
        }
        if segment.is_gap() {
            gap = true;
            continue;
        }
        segments.push(Segment {
            piece: piece(segment.uri(), segment.byte_range())?,
            init: init.clone(),
            discontinuity: segment.is_discontinuity() || std::mem::take(&mut gap),
        });
    }
    Ok(segments)
}
