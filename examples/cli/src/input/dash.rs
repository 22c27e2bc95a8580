use super::merge::Merge;
use super::segments::{Piece, Segment, Segments};
use super::{Source, beside};
use crate::progress;
use anyhow::{Context, Result, bail};
use dash::address::{Address, PlacedPeriod, Resource};
use dash::{AdaptationSet, Mpd, Representation};
use indicatif::ProgressBar;
use std::fs;
use std::path::Path;

/// Stands for where the manifest is, so that references within it can be resolved.
const BASE: &str = "file:///";

/// Opens a manifest: of each adaptation set the representation with the highest bandwidth; of those of pictures only the best.
pub fn open(path: &Path) -> Result<(Box<dyn Source>, ProgressBar)> {
    let text = fs::read(path).with_context(|| path.display().to_string())?;
    let mpd = Mpd::parse(&text).with_context(|| path.display().to_string())?;
    // The segments of the tracks, period by period.
    let mut tracks: Vec<Vec<Segment>> = Vec::new();
    for (n, period) in mpd.placed_periods().enumerate() {
        for (track, (set, representation)) in choose(&period).into_iter().enumerate() {
            let mut found = segments(&mpd, path, &period, set, representation)?;
            if let Some(first) = found.first_mut() {
                first.discontinuity = n > 0;
            }
            match tracks.get_mut(track) {
                Some(segments) => segments.append(&mut found),
                None => tracks.push(found),
            }
        }
    }
    if tracks.iter().all(Vec::is_empty) {
        bail!("{}: no segment that could be read", path.display());
    }
    let len = tracks
        .iter()
        .flatten()
        .map(|segment| segment.piece.len())
        .sum();
    let bar = progress::bar(Some(len));
    let source = |segments| -> Box<dyn Source> { Box::new(Segments::new(segments, bar.clone())) };
    let mut sources: Vec<_> = tracks.into_iter().map(source).collect();
    let source = match sources.len() {
        1 => sources.remove(0),
        _ => Box::new(Merge::new(sources)),
    };
    Ok((source, bar))
}

/// `video`, `audio`, `text`, ...
fn kind<'a>(set: &'a AdaptationSet, representation: &'a Representation) -> &'a str {
    if let Some(kind) = set.content_type {
        return kind.as_str();
    }
    let mime = representation
        .mime_type
        .as_deref()
        .or(set.mime_type.as_deref());
    mime.and_then(|mime| mime.split('/').next()).unwrap_or("")
}

fn choose<'a>(period: &PlacedPeriod<'a>) -> Vec<(&'a AdaptationSet, &'a Representation)> {
    let bandwidth = |representation: &&Representation| representation.bandwidth.unwrap_or(0);
    let mut video: Option<(&AdaptationSet, &Representation)> = None;
    let mut others = Vec::new();
    for set in &period.period.adaptation_sets {
        // What needs more than playing: thumbnails, pictures for winding.
        if !set.essential_properties.is_empty() {
            continue;
        }
        let Some(best) = set.representations.iter().max_by_key(bandwidth) else {
            continue;
        };
        match kind(set, best) {
            "video" => {
                if video.is_none_or(|(_, other)| bandwidth(&other) < bandwidth(&best)) {
                    video = Some((set, best));
                }
            }
            "image" => {}
            _ => others.push((set, best)),
        }
    }
    video.into_iter().chain(others).collect()
}

fn segments(
    mpd: &Mpd,
    path: &Path,
    period: &PlacedPeriod<'_>,
    set: &AdaptationSet,
    representation: &Representation,
) -> Result<Vec<Segment>> {
    if !set.content_protections.is_empty() || !representation.content_protections.is_empty() {
        bail!("{}: encrypted segments cannot be read", path.display());
    }
    let address = Address::new(mpd, BASE, period, set, representation)?;
    let piece = |resource: Resource| -> Result<Piece> {
        let uri = resource.url.strip_prefix(BASE).unwrap_or(&resource.url);
        let range = resource.range.map(|range| {
            let len = range.last.map_or(u64::MAX, |last| {
                last.saturating_sub(range.first).saturating_add(1)
            });
            (range.first, len)
        });
        Ok(Piece {
            path: beside(path, uri)?,
            range,
        })
    };
    // Without its index, a file that is one segment is read as a whole.
    let whole = address.needs_index().is_some();
    let init = address
        .initialization()
        .filter(|_| !whole)
        .map(piece)
        .transpose()?;
    let segments = address.segments()?.map(|segment| {
        Ok(Segment {
            piece: piece(segment.resource)?,
            init: init.clone(),
            discontinuity: false,
        })
    });
    segments.collect()
}
