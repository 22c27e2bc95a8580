//! Renditions of one content that are published as streams of their own: `NAME_1080`, `NAME_720`. They share a clock and the
//! numbers of their segments, and are offered together under `NAME`.

use crate::stream::Stream;
use bytes::Bytes;
use dash::{BaseUrl, ContentType, Mpd};
use hls::live::{self, Report, Variant};
use media::{Time, WallClock};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The content and the height that a name tells: `live/x_720` and `live/x_720p` are the 720 of `live/x`.
pub(crate) fn split(name: &str) -> Option<(&str, u32)> {
    let (base, height) = name.rsplit_once('_')?;
    let digits = height.strip_suffix('p').unwrap_or(height);
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
    let height = digits
        .parse()
        .ok()
        .filter(|height| (16..=16_384).contains(height))?;
    (plain && !base.ends_with('/') && base.contains('/')).then_some((base, height))
}

/// How far the clocks of two renditions may be apart, so that their times mean the same: encoders start one after the other.
const APART: Duration = Duration::from_secs(5);
/// Who was silent for so long does not count any more.
const SILENT: Duration = Duration::from_secs(30);

/// What renditions share.
#[derive(Debug, Default)]
pub(crate) struct Family(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// Unix time of media time 0, in nanoseconds.
    clock: Option<i64>,
    /// The newest segment: its number, its start, its length.
    newest: Option<(u64, Time, Time)>,
    seen: Option<Instant>,
}

impl Family {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A rendition begins with this time, just now, and would number its segments, which last about so long, from `first` on;
    /// gives the clock and the number of its first segment: those of the others if it runs along with them.
    pub(crate) fn join(
        &self,
        time: Time,
        wall: WallClock,
        (first, length): (u64, Time),
    ) -> (WallClock, u64) {
        let mut state = self.state();
        let own = wall.as_unix_nanos().saturating_sub(time.as_nanos());
        let alive = state.seen.is_some_and(|seen| seen.elapsed() < SILENT);
        let apart = i64::try_from(APART.as_nanos()).unwrap_or(i64::MAX);
        match state
            .clock
            .filter(|clock| alive && (clock - own).abs() < apart)
        {
            Some(clock) => {
                let wall = WallClock::from_unix_nanos(clock.saturating_add(time.as_nanos()));
                let number = state.newest.and_then(|(number, start, length)| {
                    let length = length.as_nanos().max(1);
                    let half = length / 2;
                    let behind = (time - start)
                        .as_nanos()
                        .saturating_add(half)
                        .div_euclid(length);
                    number.checked_add_signed(behind)
                });
                (wall, number.unwrap_or(first))
            }
            None => {
                *state = State {
                    clock: Some(own),
                    newest: Some((first, time, length)),
                    seen: Some(Instant::now()),
                };
                (wall, first)
            }
        }
    }

    /// A rendition has got a segment.
    pub(crate) fn saw(&self, number: u64, start: Time, length: Time) {
        let mut state = self.state();
        state.seen = Some(Instant::now());
        if state.newest.is_none_or(|(newest, ..)| number > newest) {
            state.newest = Some((number, start, length));
        }
    }
}

/// The playlist that offers all renditions, best first.
pub(crate) fn multivariant(streams: &[Arc<Stream>], viewer: u64) -> Option<Bytes> {
    let offers: Vec<_> = streams
        .iter()
        .filter_map(|stream| {
            let bandwidth = stream.origin.bandwidth()?;
            let uri = format!("../{}/stream.m3u8?viewer={viewer}", last(&stream.name));
            Some((uri, stream.origin.tracks(), bandwidth))
        })
        .collect();
    if offers.is_empty() {
        return None;
    }
    // Renditions are of one content, and carry the same captions.
    let captions = streams.iter().map(|stream| stream.origin.captions());
    let captions = captions.max_by_key(|found| found.hls().count());
    let captions = captions.unwrap_or_default();
    let variants = offers.iter().map(|(uri, tracks, bandwidth)| Variant {
        uri,
        tracks,
        bandwidth: *bandwidth,
        audio: None,
        closed_captions: captions.group(),
    });
    let playlist = live::multivariant_with([], captions.hls(), variants);
    let mut text = Vec::new();
    playlist.write(&mut text);
    Some(text.into())
}

/// How far the other renditions are, for the playlist of one.
pub(crate) fn reports(others: &[Arc<Stream>]) -> Vec<Report> {
    let report = |stream: &Arc<Stream>| {
        Some(Report {
            uri: format!("../{}/stream.m3u8", last(&stream.name)),
            edge: stream.origin.edge()?,
        })
    };
    others.iter().filter_map(report).collect()
}

fn last(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

/// One manifest of all renditions: that of the one that began last, with the pictures of the others beside its own. They
/// are addressed as its are, for segments of one number begin at one time.
pub(crate) fn manifest(streams: &[Arc<Stream>], here: &str) -> Option<Bytes> {
    let mut all: Vec<(String, Mpd)> = streams
        .iter()
        .filter_map(|stream| {
            let mpd = stream.origin.mpd()?;
            Some((last(&stream.name).to_owned(), mpd))
        })
        .collect();
    let newest = (0..all.len()).max_by_key(|at| {
        let start = all[*at].1.availability_start_time;
        start.map(dash::DateTime::unix_nanos)
    })?;
    let (name, mut mpd) = all.remove(newest);
    // What it says of patches holds for itself alone.
    mpd.patch_locations.clear();
    mpd.id = Some("fluvial-renditions".into());
    for period in &mut mpd.periods {
        let folder = BaseUrl::new(&format!("../{name}/"));
        let own = all.iter().map(|(name, other)| (name, other.periods.last()));
        let others: Vec<_> = own
            .filter_map(|(name, period)| Some((name, period?)))
            .collect();
        for set in &mut period.adaptation_sets {
            for representation in &mut set.representations {
                representation.base_urls.push(folder.clone());
            }
            if set.content_type != Some(ContentType::Video) {
                continue;
            }
            let model = set.representations.first().cloned();
            let Some(template) = model.and_then(|model| model.segment_template) else {
                continue;
            };
            for (name, other) in &others {
                let video =
                    |set: &&dash::AdaptationSet| set.content_type == Some(ContentType::Video);
                let Some(theirs) = other.adaptation_sets.iter().find(video) else {
                    continue;
                };
                for representation in &theirs.representations {
                    let mut representation = representation.clone();
                    let id = representation.id.take().unwrap_or_default();
                    let named = |text: &String| text.replace("$RepresentationID$", &id);
                    if let Some(own) = &mut representation.segment_template {
                        let media = own.media.as_ref().map(named);
                        let initialization = own.initialization.as_ref().map(named);
                        // A timeline is each one's own; numbers are the same for all.
                        if own.timeline.is_none() {
                            *own = template.clone();
                        }
                        own.media = media;
                        own.initialization = initialization;
                    }
                    representation.id = Some(format!("{name}-{id}"));
                    representation
                        .base_urls
                        .push(BaseUrl::new(&format!("../{name}/")));
                    set.representations.push(representation);
                }
            }
        }
    }
    let mut out = Vec::new();
    mpd.write(&mut out);
    let text = String::from_utf8(out).ok()?;
    Some(crate::origin::here(&text, here))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_heights() {
        assert_eq!(split("live/x_720"), Some(("live/x", 720)));
        assert_eq!(split("live/a_b_1080p"), Some(("live/a_b", 1080)));
        for other in [
            "live/x",
            "live/x_",
            "live/_720",
            "live/x_72a",
            "live/x_0720",
            "live/x_5",
            "x_720",
            "live/x_99999",
        ] {
            assert_eq!(split(other), None, "{other}");
        }
    }

    #[test]
    fn who_runs_along_gets_the_same_numbers() {
        let family = Family::default();
        let at = |millis| Time::from_millis(millis);
        let wall = |millis: i64| WallClock::from_unix_nanos(millis * 1_000_000);
        let join = |time, wall, first| family.join(time, wall, (first, at(1900)));
        assert_eq!(join(at(0), wall(1_000_000), 70), (wall(1_000_000), 70));
        // Before there is any segment.
        assert_eq!(join(at(33), wall(1_000_050), 71), (wall(1_000_033), 70));
        family.saw(70, at(0), at(2000));
        family.saw(71, at(2000), at(2000));
        // A little later, by a connection that takes longer.
        assert_eq!(join(at(6033), wall(1_006_300), 99), (wall(1_006_033), 73));
        assert_eq!(join(at(0), wall(1_000_900), 99).1, 70);
        // On a time line of its own.
        assert_eq!(join(at(0), wall(1_060_000), 99), (wall(1_060_000), 99));
    }
}
