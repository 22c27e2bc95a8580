//! The segments that a playlist lists, for who looks at them and not at their samples.

use super::Place;
use super::segments::{Lock, Piece, Segment, Told};
use anyhow::{Result, bail};
use hls::tag::{Key, KeyMethod};
use hls::{ByteRange, Decimal, MediaPlaylist};

/// The segments with their media sequence numbers; `None` for a gap.
fn segments(
    playlist: &MediaPlaylist,
    place: &Place,
    has_keys: bool,
) -> Result<Vec<(u64, Option<Segment>)>> {
    let mut init = None;
    let mut lock: Option<Found> = None;
    // A byte range without an offset goes on where the one before ended.
    let mut end = 0;
    let mut piece = |uri: &str, range: Option<ByteRange>| -> Result<Piece> {
        let range = range.map(|range| {
            let offset = range.offset.unwrap_or(end);
            end = offset.saturating_add(range.length);
            (offset, range.length)
        });
        Ok(Piece {
            place: place.join(uri)?,
            range,
            lock: None,
        })
    };
    let mut found = Vec::new();
    let first = playlist.media_sequence();
    for (number, segment) in (first..).zip(&playlist.segments) {
        let mut keys = segment.keys().peekable();
        if keys.peek().is_some() {
            lock = usable(keys, place, has_keys)?;
        }
        let locked = |number: u64| {
            lock.as_ref().map(|found| Lock {
                key: found.place.clone(),
                // The number is the vector where none is told (RFC 8216 §5.2).
                iv: found.iv.unwrap_or(number.into()).to_be_bytes(),
                whole: found.whole,
            })
        };
        if let Some(map) = segment.map() {
            let mut map = piece(map.uri, map.byte_range)?;
            map.lock = locked(number);
            init = Some(map);
        }
        if segment.is_gap() {
            found.push((number, None));
            continue;
        }
        let mut piece = piece(segment.uri(), segment.byte_range())?;
        piece.lock = locked(number);
        found.push((
            number,
            Some(Segment {
                piece,
                init: init.clone(),
                discontinuity: segment.is_discontinuity(),
                told: told(segment.duration()),
            }),
        ));
    }
    Ok(found)
}

/// What `EXTINF` says. Integers are rounded.
fn told(duration: Decimal) -> Told {
    Told {
        start: None,
        duration: Some(duration.as_nanos()),
        slack: match duration.digits() {
            0 => 500_000_000,
            _ => 0,
        },
        is_after_gap: false,
        clause: "RFC 8216bis §4.4.4.1",
    }
}

/// A key of a playlist.
struct Found {
    /// Where it is, if it is not among those that were given.
    place: Option<Place>,
    iv: Option<u128>,
    /// Whether all is encrypted, or only samples.
    whole: bool,
}

impl Found {
    fn new(place: Option<Place>, key: &Key<'_>, whole: bool) -> Self {
        Self {
            place,
            iv: key.iv.and_then(hls::Hex::to_u128),
            whole,
        }
    }
}

/// Of several keys the one that can be had.
fn usable<'a>(
    keys: impl Iterator<Item = Key<'a>>,
    place: &Place,
    has_keys: bool,
) -> Result<Option<Found>> {
    let mut refused = None;
    for key in keys {
        let identity = key.key_format.is_none_or(|format| format == "identity");
        let whole = match key.method {
            KeyMethod::SampleAes | KeyMethod::SampleAesCtr if has_keys => {
                return Ok(Some(Found::new(None, &key, false)));
            }
            KeyMethod::None => return Ok(None),
            KeyMethod::Aes128 => true,
            KeyMethod::SampleAes | KeyMethod::SampleAesCtr => false,
            other => {
                refused = Some(format!("segments encrypted by {}", other.as_str()));
                continue;
            }
        };
        match key.uri.map(|uri| place.join(uri)) {
            Some(Ok(found)) if identity => {
                return Ok(Some(Found::new(Some(found), &key, whole)));
            }
            _ => {
                let format = key.key_format.unwrap_or("identity");
                refused = Some(format!("keys of {format}"));
            }
        }
    }
    match refused {
        Some(what) => bail!("{place}: {what} cannot be read"),
        None => Ok(None),
    }
}

/// The segments of a playlist, for who looks at them and not at their samples: keys that cannot be had are none.
pub fn all_segments(playlist: &MediaPlaylist, place: &Place) -> Result<Vec<Segment>> {
    let segments = segments(playlist, place, true)?;
    let mut found: Vec<Segment> = Vec::new();
    let mut is_after_gap = false;
    for (_, segment) in segments {
        let Some(mut segment) = segment else {
            is_after_gap = true;
            continue;
        };
        segment.told.is_after_gap = std::mem::take(&mut is_after_gap);
        found.push(segment);
    }
    Ok(found)
}
