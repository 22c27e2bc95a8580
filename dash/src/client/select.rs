//! Which period, which sets, which representations, and where to start.

use super::stream::{Stream, StreamInfo};
use crate::address::PlacedPeriod;
use crate::{AdaptationSet, ContentType, Mpd};

/// What a period is known by from version to version.
pub(super) fn name(period: &PlacedPeriod<'_>) -> String {
    let id = period.period.id.clone();
    id.unwrap_or_else(|| format!("at {}", period.start))
}

pub(super) fn find<'a>(mpd: &'a Mpd, name: &str) -> Option<PlacedPeriod<'a>> {
    mpd.placed_periods()
        .find(|period| self::name(period) == name)
}

/// The period after this one: its name and its start. Periods that are elsewhere are passed over.
pub(super) fn following(mpd: &Mpd, name: &str) -> Option<(String, u64)> {
    let mut periods = mpd.placed_periods();
    periods.find(|period| self::name(period) == name)?;
    let next = periods.find(|period| !period.period.adaptation_sets.is_empty())?;
    Some((self::name(&next), next.start))
}

/// The period to start in, and the time.
pub(super) fn start(mpd: &Mpd, delay: Option<u64>, now: i64) -> Option<(String, u64)> {
    let usable = |period: &PlacedPeriod<'_>| !period.period.adaptation_sets.is_empty();
    let origin = mpd.availability_start_time.filter(|_| mpd.is_dynamic());
    let Some(origin) = origin else {
        let first = mpd.placed_periods().find(usable)?;
        return Some((name(&first), first.start));
    };
    let mut latencies = mpd
        .service_descriptions
        .iter()
        .flat_map(|description| &description.latencies);
    let told = latencies.find_map(|latency| latency.target);
    let told = told.map(|millis| u64::from(millis) * 1_000_000);
    let suggested = mpd
        .suggested_presentation_delay
        .map(crate::Duration::as_nanos);
    let longest = mpd.max_segment_duration.map(crate::Duration::as_nanos);
    let delay = delay.or(told).or(suggested);
    let delay = delay.unwrap_or_else(|| longest.unwrap_or(4_000_000_000).saturating_mul(3));
    let edge = u64::try_from(now.saturating_sub(origin.unix_nanos())).unwrap_or(0);
    let time = edge.saturating_sub(delay);
    let mut before = None;
    for period in mpd.placed_periods().filter(usable) {
        if period.start > time && before.is_some() {
            break;
        }
        before = Some((name(&period), time.max(period.start)));
    }
    before
}

/// One stream for each kind of content, from a time on.
pub(super) fn streams(mpd: &Mpd, name: &str, time: u64, bandwidth: Option<u64>) -> Vec<Stream> {
    let Some(period) = find(mpd, name) else {
        return Vec::new();
    };
    let mut streams: Vec<Stream> = Vec::new();
    for (index, set) in period.period.adaptation_sets.iter().enumerate() {
        let content_type = content_type(set);
        let taken = streams
            .iter()
            .any(|stream| stream.info.content_type == content_type);
        // Sets with a property that has to be understood are for other uses: trick play, thumbnails.
        if taken || set.representations.is_empty() || !set.essential_properties.is_empty() {
            continue;
        }
        let info = StreamInfo {
            set: index,
            content_type,
            representation: representation(set, bandwidth),
        };
        streams.push(Stream::new(info, time));
    }
    streams
}

/// What a set holds, as it says itself or its first representation does.
fn content_type(set: &AdaptationSet) -> Option<ContentType> {
    let first = set.representations.first();
    let mime_type = set
        .mime_type
        .as_deref()
        .or_else(|| first?.mime_type.as_deref());
    set.content_type
        .or_else(|| match mime_type?.split('/').next()? {
            "video" => Some(ContentType::Video),
            "audio" => Some(ContentType::Audio),
            "text" => Some(ContentType::Text),
            "image" => Some(ContentType::Image),
            "application" => Some(ContentType::Application),
            _ => None,
        })
}

/// The best representation that fits, or else the least of all.
pub(super) fn representation(set: &AdaptationSet, bandwidth: Option<u64>) -> usize {
    let rate = |index: &usize| {
        let representation = set.representations.get(*index);
        u64::from(representation.and_then(|one| one.bandwidth).unwrap_or(0))
    };
    let all = || 0..set.representations.len();
    let fits = |index: &usize| bandwidth.is_none_or(|most| rate(index) <= most);
    let best = all()
        .filter(fits)
        .max_by_key(|index| (rate(index), usize::MAX - index));
    best.or_else(|| all().min_by_key(rate)).unwrap_or(0)
}
