//! Which period, which sets, which representations, and where to start.

use super::Config;
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

/// Nanoseconds behind the live edge.
pub(super) fn delay(mpd: &Mpd, delay: Option<u64>) -> u64 {
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
    delay.unwrap_or_else(|| longest.unwrap_or(4_000_000_000).saturating_mul(3))
}

/// The period to start in, and the time.
pub(super) fn start(mpd: &Mpd, delay: Option<u64>, now: i64) -> Option<(String, u64)> {
    let usable = |period: &PlacedPeriod<'_>| !period.period.adaptation_sets.is_empty();
    let origin = mpd.availability_start_time.filter(|_| mpd.is_dynamic());
    let Some(origin) = origin else {
        let first = mpd.placed_periods().find(usable)?;
        return Some((name(&first), first.start));
    };
    let delay = self::delay(mpd, delay);
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

/// One stream for each kind of content, or for each set but those of pictures, from a time on.
pub(super) fn streams(mpd: &Mpd, name: &str, time: u64, config: &Config) -> Vec<Stream> {
    let Some(period) = find(mpd, name) else {
        return Vec::new();
    };
    let mut streams: Vec<Stream> = Vec::new();
    for (index, set) in period.period.adaptation_sets.iter().enumerate() {
        let content_type = content_type(set);
        // Sets with a property that has to be understood are for other uses: trick play, thumbnails.
        if set.representations.is_empty() || !set.essential_properties.is_empty() {
            continue;
        }
        let same = |stream: &&mut Stream| stream.info.content_type == content_type;
        let taken = streams.iter_mut().find(same);
        let is_picture = matches!(content_type, Some(ContentType::Video | ContentType::Image));
        let representation = representation(set, config.bandwidth);
        let info = StreamInfo {
            set: index,
            content_type,
            representation,
        };
        match taken {
            Some(_) if !config.all_sets => {}
            Some(taken) if is_picture => {
                let other = period.period.adaptation_sets.get(taken.info.set);
                let other = other.map_or(0, |other| rate(other, taken.info.representation));
                if rate(set, representation) > other {
                    taken.info = info;
                }
            }
            _ => streams.push(Stream::new(info, time)),
        }
    }
    if config.all_sets {
        streams.retain(|stream| stream.info.content_type != Some(ContentType::Image));
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
    let rate = |index: &usize| self::rate(set, *index);
    let all = || 0..set.representations.len();
    let fits = |index: &usize| bandwidth.is_none_or(|most| rate(index) <= most);
    let best = all()
        .filter(fits)
        .max_by_key(|index| (rate(index), usize::MAX - index));
    best.or_else(|| all().min_by_key(rate)).unwrap_or(0)
}

/// Bit/s of a representation.
pub(super) fn rate(set: &AdaptationSet, index: usize) -> u64 {
    let representation = set.representations.get(index);
    u64::from(representation.and_then(|one| one.bandwidth).unwrap_or(0))
}
