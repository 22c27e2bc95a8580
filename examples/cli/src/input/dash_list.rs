//! The segments that a manifest tells, for who looks at them and not at their samples.

use super::Place;
use super::lanes::now;
use super::segments::{Piece, Segment, Told};
use anyhow::{Context, Result};
use dash::address::{Address, Index, PlacedPeriod, Resource};
use dash::{AdaptationSet, Mpd, Representation};
use std::collections::VecDeque;

/// Segments of a representation that are looked at; a manifest can tell of as many as fit between 1970 and now, or the end of time.
const MOST: usize = 10_000;

/// Stands for where a manifest among files is, so that references within it can be resolved.
const BASE: &str = "file:///";

fn told(segment: &dash::address::Segment, is_even: bool) -> Told {
    let nanos = |ticks: u64| {
        let nanos = i128::from(ticks) * 1_000_000_000 / i128::from(segment.timescale.max(1));
        i64::try_from(nanos).unwrap_or(i64::MAX)
    };
    let duration = segment.duration.map(nanos);
    Told {
        start: Some(nanos(segment.time)),
        duration,
        slack: duration.filter(|_| is_even).map_or(0, |lasts| lasts / 2),
        is_after_gap: false,
        clause: "ISO/IEC 23009-1 §5.3.9.5",
    }
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
    let index = address.needs_index();
    // Where all segments last the same by the manifest, they may end at the keyframe that is nearest.
    let is_even = index.is_none() && address.timeline().is_none();
    if let Some(resource) = index {
        let piece = piece(&resource)?;
        let index = piece.place.read(piece.range)?;
        let first = resource.range.map_or(0, |range| range.first);
        let index = Index::parse(&index, first);
        address.set_index(index.with_context(|| format!("{}: its index", piece.place))?);
    }
    let init = address.initialization();
    let init = init.as_ref().map(piece).transpose()?;
    let now = now();
    // What was put away in files stays there.
    let stays = matches!(place, Place::File(_));
    // They come in the order in which they can be had.
    let can_be_had =
        |segment: &dash::address::Segment| segment.available_from.is_none_or(|from| from <= now);
    let mut all = address.segments()?;
    let is_endless = all.clone().take_while(can_be_had).nth(MOST).is_some();
    let stays = stays && !is_endless;
    if !stays {
        all.skip_expired(now);
    }
    let segments = all
        .take_while(can_be_had)
        .filter(|segment| stays || segment.available_until.is_none_or(|until| now < until))
        .take(MOST);
    let segments = segments.map(|segment| {
        Ok(Segment {
            piece: piece(&segment.resource)?,
            init: init.clone(),
            discontinuity: false,
            told: told(&segment, is_even),
        })
    });
    let mut segments: VecDeque<Segment> = segments.collect::<Result<_>>()?;
    // The last one has what is left.
    if let (true, Some(last)) = (is_even, segments.back_mut()) {
        last.told.slack = last.told.duration.unwrap_or(0);
    }
    Ok(segments)
}
