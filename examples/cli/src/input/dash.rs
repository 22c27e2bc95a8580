use super::dash_live;
use super::merge::Merge;
use super::segments::{Piece, Segment, Segments, total};
use super::{Input, Options, Place, Source};
use crate::format::Format;
use crate::progress;
use anyhow::{Context, Result, bail};
use dash::address::{Address, Index, PlacedPeriod, Resource};
use dash::{AdaptationSet, Mpd, Representation};
use std::collections::VecDeque;

/// Stands for where a manifest among files is, so that references within it can be resolved.
const BASE: &str = "file:///";

/// Opens a manifest: of each adaptation set the representation with the highest bandwidth; of those of pictures only the best.
pub fn open(place: &Place, options: &Options) -> Result<Input> {
    let (text, place) = place.read_text()?;
    let mpd = Mpd::parse(&text).with_context(|| place.to_string())?;
    if let (Place::Url(url), true) = (&place, mpd.is_dynamic()) {
        return dash_live::open(url, options);
    }
    // The segments of the tracks, period by period.
    let mut tracks: Vec<VecDeque<Segment>> = Vec::new();
    for (n, period) in mpd.placed_periods().enumerate() {
        for (track, (set, representation)) in choose(&period).into_iter().enumerate() {
            let is_encrypted = !set.content_protections.is_empty()
                || !representation.content_protections.is_empty();
            if is_encrypted && options.keys.is_empty() {
                bail!("{place}: its segments are encrypted: give their keys with --key");
            }
            let mut found = segments(&mpd, &place, &period, set, representation)?;
            if let Some(first) = found.front_mut() {
                first.discontinuity = n > 0;
            }
            match tracks.get_mut(track) {
                Some(segments) => segments.append(&mut found),
                None => tracks.push(found),
            }
        }
    }
    if tracks.iter().all(VecDeque::is_empty) {
        bail!("{place}: no segment that could be read");
    }
    let len = total(tracks.iter().flatten());
    let bar = progress::bar(len);
    let source = |segments| -> Box<dyn Source> {
        let keys = options.keys.clone();
        Box::new(Segments::new(Box::new(segments), keys, bar.clone()))
    };
    let mut sources: Vec<_> = tracks.into_iter().map(source).collect();
    let source = match sources.len() {
        1 => sources.remove(0),
        _ => Box::new(Merge::new(sources)),
    };
    Ok(Input {
        format: Format::Dash,
        source,
        bar,
        len,
        is_live: false,
    })
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

/// The segments of a representation; of a presentation that changes those that can be had now.
pub fn segments(
    mpd: &Mpd,
    place: &Place,
    period: &PlacedPeriod<'_>,
    set: &AdaptationSet,
    representation: &Representation,
) -> Result<VecDeque<Segment>> {
    let base = match place {
        Place::File(_) => BASE,
        Place::Url(url) => url,
    };
    let mut address = Address::new(mpd, base, period, set, representation)?;
    let piece = |resource: &Resource| -> Result<Piece> {
        let uri = resource.url.strip_prefix(BASE).unwrap_or(&resource.url);
        let range = resource.range.map(|range| {
            let len = range.last.map_or(u64::MAX, |last| {
                last.saturating_sub(range.first).saturating_add(1)
            });
            (range.first, len)
        });
        Ok(Piece {
            place: place.join(uri)?,
            range,
            lock: None,
        })
    };
    if let Some(resource) = address.needs_index() {
        let piece = piece(&resource)?;
        let index = piece.place.read(piece.range)?;
        let first = resource.range.map_or(0, |range| range.first);
        let index = Index::parse(&index, first);
        address.set_index(index.with_context(|| format!("{}: its index", piece.place))?);
    }
    let init = address.initialization();
    let init = init.as_ref().map(piece).transpose()?;
    let now = dash_live::now();
    // What was put away in files stays there.
    let stays = matches!(place, Place::File(_));
    // They come in the order in which they can be had.
    let segments = address
        .segments()?
        .take_while(|segment| segment.available_from.is_none_or(|from| from <= now))
        .filter(|segment| stays || segment.available_until.is_none_or(|until| now < until));
    let segments = segments.map(|segment| {
        Ok(Segment {
            piece: piece(&segment.resource)?,
            init: init.clone(),
            discontinuity: false,
        })
    });
    segments.collect()
}
