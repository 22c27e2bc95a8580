//! The document of a presentation.

use super::lane::Lane;
use super::period::Period;
use super::{Addressing, LiveEvent, Presentation, SCTE_35};
use crate::value::{AudioSamplingRate, ContentType, FrameRate, ProducerReferenceTimeType, Sap};
use crate::{
    AdaptationSet, DateTime, Descriptor, Duration, Event, EventStream, Latency, Mpd, PatchLocation,
    PlaybackRate, PresentationType, ProducerReferenceTime, Representation, S, SegmentTemplate,
    SegmentTimeline, ServiceDescription,
};
use media::{Codec, Kind, Language, Track};

const LIVE: &str = "urn:mpeg:dash:profile:isoff-live:2011";
/// DASH-IF's profile of low latency, which says that segments come in chunks.
const LOW_LATENCY: &str = "http://www.dashif.org/guidelines/low-latency-live-v5";

pub(super) fn mpd(presentation: &Presentation) -> Mpd {
    let config = &presentation.config;
    let low_latency = config.part_duration.is_some();
    let profiles = if low_latency {
        format!("{LIVE},{LOW_LATENCY}")
    } else {
        LIVE.into()
    };
    let mut mpd = Mpd::new(&profiles, config.min_buffer.into());
    mpd.id = Some(config.id.clone());
    let periods = || {
        presentation
            .periods
            .iter()
            .filter(|period| period.is_open() && period.is_listed())
    };
    // A stream that is whole when it ends can be had on demand from there on.
    let on_demand = !config.dynamic || (presentation.ended && config.window.is_none());
    let end_of = |period| period_end(presentation, period, on_demand);
    let end = periods().map(end_of).max().unwrap_or(0);
    let longest = periods()
        .flat_map(|period| &period.lanes)
        .map(longest)
        .max();
    let expected = config.segment_duration.as_nanos();
    let mut longest = u128::from(longest.unwrap_or(0)).max(expected);
    if config.addressing == Addressing::Timeline {
        // In whole seconds, so that it hardly ever changes: patches cannot tell of it.
        longest = longest
            .div_ceil(1_000_000_000)
            .saturating_mul(1_000_000_000);
    }
    mpd.max_segment_duration = Some(Duration::from_nanos(
        u64::try_from(longest).unwrap_or(u64::MAX),
    ));
    if on_demand {
        mpd.presentation_type = Some(PresentationType::Static);
        mpd.media_presentation_duration = Some(Duration::from_nanos(end));
    } else {
        mpd.presentation_type = Some(PresentationType::Dynamic);
        mpd.availability_start_time = presentation.origin.map(DateTime::from_unix_nanos);
        mpd.publish_time = Some(DateTime::from_unix_nanos(presentation.published));
        mpd.time_shift_buffer_depth = config.window.map(|window| depth(window, config, end));
        mpd.suggested_presentation_delay = config
            .presentation_delay
            .map(|delay| self::delay(delay, config, end));
        if presentation.ended {
            mpd.media_presentation_duration = Some(Duration::from_nanos(end));
        } else {
            mpd.minimum_update_period = Some(config.segment_duration.into());
            if let Some(location) = &config.patch_location {
                mpd.patch_locations
                    .push(patch_location(location, presentation));
            }
        }
        for scheme in &config.utc_timings {
            mpd.utc_timings
                .push(Descriptor::new(&scheme.uri, &scheme.value));
        }
        if let Some(latency) = config.latency {
            mpd.service_descriptions.push(service_description(latency));
        }
    }
    for period in periods() {
        mpd.periods
            .push(self::period(presentation, period, on_demand));
    }
    mpd
}

/// How much can be had: the window, once there is so much. Some clients (FFmpeg's) compute with the time before the start otherwise,
/// and play the first segment again and again. A timeline tells by itself what is there.
fn depth(window: core::time::Duration, config: &super::Config, end: u64) -> Duration {
    if config.addressing == Addressing::Timeline {
        return window.into();
    }
    let there = core::time::Duration::from_secs(end / 1_000_000_000);
    window.min(there.max(config.segment_duration)).into()
}

/// How far behind to play: no further than there is something. Clients that count from now on in whole seconds (FFmpeg's) come
/// out before the start otherwise, and get nothing; a second is left to them for publishers that were ahead of the clock.
fn delay(delay: core::time::Duration, config: &super::Config, end: u64) -> Duration {
    if config.addressing == Addressing::Timeline {
        return delay.into();
    }
    let there = core::time::Duration::from_secs((end / 1_000_000_000).saturating_sub(1));
    delay.min(there).into()
}

/// The longest segment of a track, in nanoseconds.
fn longest(lane: &Lane) -> u64 {
    let durations = lane.segments.iter().map(|segment| segment.duration);
    let longest = i64::try_from(durations.max().unwrap_or(0)).unwrap_or(i64::MAX);
    u64::try_from(lane.nanos(longest)).unwrap_or(0)
}

fn patch_location(location: &str, presentation: &Presentation) -> PatchLocation {
    let mark = if location.contains('?') { '&' } else { '?' };
    let time = DateTime::from_unix_nanos(presentation.published);
    let time = time.to_string().replace(':', "%3A");
    let span = presentation.config.segment_duration.saturating_mul(8);
    PatchLocation {
        url: format!("{location}{mark}publishTime={time}"),
        ttl: Some(span.as_secs_f64()),
        ..PatchLocation::default()
    }
}

fn service_description(latency: super::Latency) -> ServiceDescription {
    let millis = |span: core::time::Duration| u32::try_from(span.as_millis()).unwrap_or(u32::MAX);
    ServiceDescription {
        id: Some(0),
        latencies: vec![Latency {
            reference_id: Some(0),
            target: Some(millis(latency.target)),
            max: Some(millis(latency.max)),
            min: Some(millis(latency.min)),
            ..Latency::default()
        }],
        playback_rates: vec![PlaybackRate {
            max: Some(1.04),
            min: Some(0.96),
            ..PlaybackRate::default()
        }],
        ..ServiceDescription::default()
    }
}

/// Where a period ends, in nanoseconds; nothing follows the last one of a stream that is over.
fn period_end(presentation: &Presentation, period: &Period, on_demand: bool) -> u64 {
    if presentation.is_last(period) && (on_demand || presentation.ended) {
        period.last_end()
    } else {
        period.end()
    }
}

fn period(presentation: &Presentation, period: &Period, on_demand: bool) -> crate::Period {
    let mut out = crate::Period {
        id: Some(period.id.to_string()),
        start: Some(Duration::from_nanos(period.start)),
        ..crate::Period::default()
    };
    let is_last = presentation.is_last(period);
    // By number, a client plays what it gets, and no end is told before there is a next period: dash.js takes the end of the only
    // period that it knows for that of the presentation.
    let timeline = presentation.config.addressing == Addressing::Timeline;
    let is_over = presentation.ended || (presentation.broken && timeline);
    if on_demand || !is_last || is_over {
        let length = period_end(presentation, period, on_demand).saturating_sub(period.start);
        out.duration = Some(Duration::from_nanos(length));
    }
    for event in &period.events {
        push_event(&mut out.event_streams, event);
    }
    for event in &mut out.event_streams {
        // Milliseconds from the period's start on.
        event.presentation_time_offset = u64::try_from(period.media_start / 1_000_000).ok();
    }
    for lane in period.lanes.iter().filter(|lane| lane.lasts()) {
        out.adaptation_sets
            .push(adaptation_set(presentation, period, lane));
    }
    out
}

fn push_event(streams: &mut Vec<EventStream>, event: &LiveEvent) {
    let same = |stream: &EventStream| {
        stream.scheme_id_uri.as_ref() == Some(&event.scheme.uri)
            && stream.value.as_ref() == Some(&event.scheme.value)
    };
    let millis = |nanos: u128| u64::try_from(nanos / 1_000_000).unwrap_or(u64::MAX);
    let mut told = Event {
        presentation_time: u64::try_from(event.time.as_nanos() / 1_000_000).ok(),
        duration: event.duration.map(|duration| millis(duration.as_nanos())),
        id: Some(event.id),
        ..Event::default()
    };
    if event.scheme.uri == SCTE_35 {
        told.set_scte35(&event.message);
    } else {
        told.set_text(&event.message);
    }
    if let Some(stream) = streams.iter_mut().find(|stream| same(stream)) {
        stream.events.push(told);
        return;
    }
    streams.push(EventStream {
        scheme_id_uri: Some(event.scheme.uri.clone()),
        value: Some(event.scheme.value.clone()),
        timescale: Some(1000),
        events: vec![told],
        ..EventStream::default()
    });
}

fn adaptation_set(presentation: &Presentation, period: &Period, lane: &Lane) -> AdaptationSet {
    let config = &presentation.config;
    let tracks = || {
        let of_lane = |track: &&Track| lane.track.is_none_or(|id| track.id == id);
        period.tracks.iter().filter(of_lane)
    };
    let kind = |track: &Track| track.codec.kind();
    let lead = tracks()
        .find(|track| kind(track) == Kind::Video)
        .or_else(|| tracks().next());
    let mut set = AdaptationSet {
        id: lane.track.map(|track| track.0),
        segment_alignment: Some(true),
        start_with_sap: Sap::new(1),
        ..AdaptationSet::default()
    };
    let mut representation = Representation {
        id: Some(lane.id()),
        bandwidth: Some(lane.told.unwrap_or_else(|| lane.peak.max(1))),
        codecs: Some(codecs(tracks())),
        segment_template: Some(template(presentation, period, lane)),
        ..Representation::default()
    };
    if let Some(track) = lead {
        let (content_type, mime_type) = match kind(track) {
            Kind::Video => (ContentType::Video, "video/mp4"),
            Kind::Audio => (ContentType::Audio, "audio/mp4"),
            Kind::Data => (ContentType::Application, "application/mp4"),
        };
        set.content_type = Some(content_type);
        set.mime_type = Some(mime_type.into());
        if track.language != Language::UNDETERMINED {
            set.lang = Some(track.language.as_str().into());
        }
        if let Some((width, height)) = track.codec.dimensions() {
            representation.width = Some(width);
            representation.height = Some(height);
        }
        representation.frame_rate = track.codec.frame_rate().map(|(frames, seconds)| FrameRate {
            frames,
            seconds: (seconds > 1).then_some(seconds),
        });
    }
    if let Some(track) = tracks().find(|track| kind(track) == Kind::Audio) {
        representation.audio_sampling_rate =
            track.codec.sample_rate().map(AudioSamplingRate::Exactly);
        if let Some(channels) = track.codec.channels() {
            let scheme = "urn:mpeg:dash:23003:3:audio_channel_configuration:2011";
            // Seven dot one is layout 7 of ISO/IEC 23091-3; up to six, layouts are numbered by their channels.
            let layout = if channels == 8 { 7 } else { channels };
            let value = layout.to_string();
            representation
                .audio_channel_configurations
                .push(Descriptor::new(scheme, &value));
        }
    }
    // Events are in the segments of the pictures, or else of the first track.
    let has_events = match lead.map(kind) {
        Some(Kind::Video) => true,
        _ => {
            !period.tracks.iter().any(|track| kind(track) == Kind::Video)
                && lane.track == period.tracks.first().map(|track| track.id)
        }
    };
    if lead.is_some_and(|track| kind(track) == Kind::Video) {
        for scheme in &presentation.captions {
            set.accessibilities
                .push(Descriptor::new(&scheme.uri, &scheme.value));
        }
    }
    for scheme in config.inband_events.iter().filter(|_| has_events) {
        set.inband_event_streams.push(EventStream {
            scheme_id_uri: Some(scheme.uri.clone()),
            value: Some(scheme.value.clone()),
            ..EventStream::default()
        });
    }
    if config.dynamic && config.latency.is_some() {
        set.producer_reference_times
            .push(producer_reference_time(presentation, period, lane));
    }
    set.representations.push(representation);
    set
}

/// RFC 6381 names, each once.
fn codecs<'a>(tracks: impl Iterator<Item = &'a Track>) -> String {
    let mut names: Vec<String> = Vec::new();
    for name in tracks.map(|track| &track.codec).map(Codec::rfc6381) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names.join(",")
}

fn producer_reference_time(
    presentation: &Presentation,
    period: &Period,
    lane: &Lane,
) -> ProducerReferenceTime {
    let wall = period.clock.saturating_add(period.media_start);
    let ticks = lane
        .timescale
        .ticks(media::Time::from_nanos(period.media_start));
    let utc = presentation.config.utc_timings.first();
    ProducerReferenceTime {
        id: Some(0),
        reference_type: Some(ProducerReferenceTimeType::Encoder),
        wall_clock_time: Some(DateTime::from_unix_nanos(wall).to_string()),
        presentation_time: u64::try_from(ticks).ok().or(Some(0)),
        utc_timing: utc.map(|scheme| Descriptor::new(&scheme.uri, &scheme.value)),
        ..ProducerReferenceTime::default()
    }
}

/// 0 is what is meant where none is told, and ffmpeg complains of it.
fn offset(ticks: i64) -> Option<i64> {
    Some(ticks).filter(|ticks| *ticks > 0)
}

fn template(presentation: &Presentation, period: &Period, lane: &Lane) -> SegmentTemplate {
    let config = &presentation.config;
    let origin = lane
        .timescale
        .ticks(media::Time::from_nanos(period.media_start));
    let mut template = SegmentTemplate {
        media: Some(config.media(period.first_number)),
        initialization: Some(config.initialization(lane.init)),
        timescale: Some(lane.timescale.get()),
        presentation_time_offset: offset(origin),
        ..SegmentTemplate::default()
    };
    if lane.track.is_none() {
        // What holds all tracks is named without one.
        let plain = |text: &mut Option<String>| {
            if let Some(text) = text {
                *text = text.replace("-$RepresentationID$", "");
            }
        };
        plain(&mut template.media);
        plain(&mut template.initialization);
    }
    match config.addressing {
        Addressing::Timeline => {
            let first = lane
                .segments
                .front()
                .map_or(lane.first.number, |first| first.number);
            template.start_number = u32::try_from(first).ok();
            template.timeline = Some(timeline(lane));
        }
        Addressing::Number => {
            template.start_number = u32::try_from(period.first_number).ok();
            // In nanoseconds nothing is rounded, but all but the shortest would pass 32 bits.
            let micros = u32::try_from(period.nominal / 1000).unwrap_or(u32::MAX);
            template.timescale = Some(1_000_000);
            template.duration = Some(micros);
            template.presentation_time_offset = offset(period.media_start / 1000);
            if let Some(part) = config.part_duration {
                let nominal = u64::try_from(period.nominal).unwrap_or(0);
                let span = core::time::Duration::from_nanos(nominal).saturating_sub(part);
                template.availability_time_offset = Some(span.as_secs_f64());
                template.availability_time_complete = Some(false);
            }
            if !presentation.is_last(period) {
                template.end_number = u32::try_from(lane.last.number).ok();
            }
        }
    }
    template
}

/// The segments of a track, those in one run that last equally long and follow each other.
fn timeline(lane: &Lane) -> SegmentTimeline {
    let mut timeline = SegmentTimeline::default();
    let mut end = None;
    for segment in &lane.segments {
        let follows = end == Some(segment.start);
        end = Some(segment.end());
        // What is before zero is not told: it would move all that follows.
        let start = u64::try_from(segment.start).unwrap_or(0);
        let duration = u64::try_from(segment.end()).map_or(0, |end| end.saturating_sub(start));
        match timeline.segments.last_mut() {
            Some(run) if follows && run.d == duration => run.r = run.r.saturating_add(1),
            _ => {
                let mut run = S::new(duration, 0);
                if !follows {
                    run.t = Some(start);
                }
                timeline.segments.push(run);
            }
        }
    }
    timeline
}
