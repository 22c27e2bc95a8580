//! What the live origin tells as segments come, tracks change, and publishers go away.

use fluvial_dash::address::Address;
use fluvial_dash::live::{Config, LiveEvent, Presentation, Resource, Scheme};
use fluvial_dash::{Mpd, Patch, Severity, check};
use media::{Codec, PartInfo, SegmentInfo, Time, Timescale, Track, TrackId, Tracks, WallClock};
use std::time::Duration;

const START: i64 = 1_767_225_600_000_000_000;
const SECOND: i64 = 1_000_000_000;
const VIDEO: TrackId = TrackId(1);
const AUDIO: TrackId = TrackId(2);

fn tracks() -> Tracks {
    // Two of sound: what is in them does not matter here.
    let codec = |rate| Codec::Aac(aac::AudioSpecificConfig::lc(rate, 2).unwrap());
    [
        Track::new(VIDEO, Timescale::KHZ_90, codec(44_100)),
        Track::new(AUDIO, Timescale::new(48_000).unwrap(), codec(48_000)),
    ]
    .into_iter()
    .collect()
}

fn info(track: TrackId, segment: u64, start: i64, duration: u64) -> SegmentInfo {
    SegmentInfo {
        track: Some(track),
        segment,
        parts: 1,
        init: 0,
        start,
        duration,
        timescale: tracks().find(track).unwrap().timescale,
        independent: true,
        discontinuity: false,
        size: 250_000,
    }
}

fn presentation(config: Config) -> Presentation {
    let mut presentation = Presentation::new(config);
    presentation.set_tracks(&tracks());
    presentation.set_clock(Time::ZERO, WallClock::from_unix_nanos(START));
    presentation
}

/// Two seconds of both tracks; sound is cut at its frames of 1024 samples.
fn push(presentation: &mut Presentation, number: u64) {
    let n = i64::try_from(number).unwrap();
    presentation
        .push_segment(&info(VIDEO, number, n * 180_000, 180_000))
        .unwrap();
    let frame = |n: i64| (n * 96_000 + 1023) / 1024 * 1024;
    let duration = u64::try_from(frame(n + 1) - frame(n)).unwrap();
    presentation
        .push_segment(&info(AUDIO, number, frame(n), duration))
        .unwrap();
}

/// The document is the same when it is read, and `check` finds nothing wrong.
fn document(presentation: &mut Presentation) -> Mpd {
    let bytes = presentation.to_bytes();
    let mpd = Mpd::parse(&bytes).unwrap();
    assert_eq!(mpd, presentation.to_mpd());
    let findings = check(&mpd);
    assert!(
        findings.iter().all(|f| f.severity < Severity::Error),
        "{findings:#?}"
    );
    mpd
}

/// URLs of the segments of a set of a period that can be had.
fn urls(mpd: &Mpd, period: usize, set: usize, now: i64) -> Vec<String> {
    let placed = mpd.placed_periods().nth(period).unwrap();
    let set = &placed.period.adaptation_sets[set];
    let address = Address::new(mpd, "", &placed, set, &set.representations[0]).unwrap();
    address
        .segments()
        .unwrap()
        .available(now)
        .map(|s| s.resource.url)
        .collect()
}

#[test]
fn a_timeline_slides() {
    let mut live = presentation(Config::live(Duration::from_secs(2)));
    assert!(!live.is_ready());
    live.push_segment(&info(VIDEO, 100, 100 * 180_000, 180_000))
        .unwrap();
    assert!(!live.is_ready(), "a track is missing");
    let mut live = presentation(Config::live(Duration::from_secs(2)));
    let mut expired = Vec::new();
    for number in 100..160 {
        push(&mut live, number);
        while let Some(gone) = live.poll_expired() {
            expired.push(gone);
        }
    }
    let mpd = document(&mut live);
    let start = mpd.availability_start_time.unwrap().unix_nanos();
    assert_eq!(start, START + 200 * SECOND);
    assert_eq!(
        mpd.publish_time.unwrap().unix_nanos() / SECOND,
        (START + 320 * SECOND) / SECOND
    );
    let template = mpd.periods[0].adaptation_sets[0].representations[0]
        .segment_template
        .as_ref()
        .unwrap();
    let runs = &template.timeline.as_ref().unwrap().segments;
    assert_eq!(runs.len(), 1);
    // 20 s, and the segment that is in part older.
    assert_eq!(
        (runs[0].t, runs[0].d, runs[0].r),
        (Some(149 * 180_000), 180_000, 10)
    );
    assert_eq!(template.start_number, Some(149));
    let listed = urls(&mpd, 0, 0, START + 320 * SECOND);
    assert_eq!(listed.first().unwrap(), "segment-1-149.m4s");
    assert_eq!(listed.last().unwrap(), "segment-1-159.m4s");
    let sound = urls(&mpd, 0, 1, START + 321 * SECOND);
    assert_eq!(sound.last().unwrap(), "segment-2-159.m4s");
    assert_eq!(expired[0].uri, "segment-1-100.m4s");
    assert!(
        expired
            .iter()
            .all(|gone| matches!(gone.resource, Resource::Segment(n) if n < 139))
    );
    assert!(live.push_segment(&info(VIDEO, 159, 0, 1)).is_err());
}

#[test]
fn numbers_reach_ahead() {
    let mut config = Config::low_latency(Duration::from_secs(2), Duration::from_millis(250));
    config.window = Some(Duration::from_secs(100));
    let mut live = presentation(config);
    for number in 100..105 {
        push(&mut live, number);
    }
    let mpd = document(&mut live);
    // The sixth segment has begun 250 ms ago.
    let now = START + 210 * SECOND + SECOND / 4;
    let listed = urls(&mpd, 0, 0, now);
    assert_eq!(listed.first().unwrap(), "segment-1-100.m4s");
    assert_eq!(listed.last().unwrap(), "segment-1-105.m4s");
    assert_eq!(
        urls(&mpd, 0, 0, now - 1).last().unwrap(),
        "segment-1-104.m4s"
    );
    let before = live.to_bytes();
    live.push_part(&PartInfo {
        track: Some(VIDEO),
        segment: 105,
        part: 0,
        init: 0,
        start: 105 * 180_000,
        duration: 45_000,
        timescale: Timescale::KHZ_90,
        independent: true,
        discontinuity: false,
        size: 1000,
    });
    assert_ne!(before, live.to_bytes());
    let mpd = document(&mut live);
    let template = mpd.periods[0].adaptation_sets[0].representations[0]
        .segment_template
        .as_ref()
        .unwrap();
    assert_eq!(template.availability_time_offset, Some(1.5));
    assert_eq!(template.availability_time_complete, Some(false));
    assert_eq!(mpd.service_descriptions[0].latencies[0].target, Some(1000));

    // Segments that are longer than they were told to be get a period of their own in the end.
    for number in 105..130 {
        let n = i64::try_from(number - 105).unwrap();
        let start = 105 * 180_000 + n * 190_000;
        live.push_segment(&info(VIDEO, number, start, 190_000))
            .unwrap();
        live.push_segment(&info(AUDIO, number, start * 48 / 90, 101_333))
            .unwrap();
    }
    let mpd = document(&mut live);
    assert_eq!(mpd.periods.len(), 2);
    let first = mpd.periods[0].adaptation_sets[0].representations[0]
        .segment_template
        .as_ref()
        .unwrap();
    let second = mpd.periods[1].adaptation_sets[0].representations[0]
        .segment_template
        .as_ref()
        .unwrap();
    assert_eq!(first.end_number.unwrap() + 1, second.start_number.unwrap());
}

/// A client that does not know of the next period yet asks on in the one before, and names it.
#[test]
fn numbers_name_their_period() {
    let mut config = Config::low_latency(Duration::from_secs(2), Duration::from_millis(250));
    config.media.push_str("?first={first}");
    let mut live = presentation(config);
    for number in 100..103 {
        push(&mut live, number);
    }
    live.discontinuity();
    let mpd = document(&mut live);
    assert_eq!(mpd.periods[0].duration, None, "more may come");
    let now = START + 210 * SECOND;
    let before = "segment-1-103.m4s?first=100";
    assert!(urls(&mpd, 0, 0, now).iter().any(|url| url == before));
    for number in 103..106 {
        push(&mut live, number);
    }
    let mpd = document(&mut live);
    assert!(mpd.periods[0].duration.is_some());
    let urls = |period| urls(&mpd, period, 0, now);
    assert_eq!(urls(0).last().unwrap(), "segment-1-102.m4s?first=100");
    assert_eq!(urls(1).first().unwrap(), "segment-1-103.m4s?first=103");
}

/// Nobody is told to play what was before the start.
#[test]
fn a_young_stream_is_played_close_to_its_edge() {
    let config = Config::low_latency(Duration::from_secs(2), Duration::from_millis(250));
    let mut live = presentation(config);
    let mut told = |number| {
        push(&mut live, number);
        let delay = document(&mut live).suggested_presentation_delay;
        delay.unwrap().to_string()
    };
    assert_eq!(
        [0, 1, 2, 3].map(&mut told),
        ["PT1S", "PT3S", "PT4S", "PT4S"]
    );
}

#[test]
fn a_publisher_that_comes_back_is_a_new_period() {
    let mut config = Config::live(Duration::from_secs(2));
    config.window = Some(Duration::from_secs(100));
    let mut live = presentation(config);
    for number in 0..4 {
        push(&mut live, number);
    }
    live.push_event(LiveEvent {
        scheme: Scheme {
            uri: "urn:example:events".into(),
            value: "1".into(),
        },
        time: Time::from_millis(3000),
        duration: Some(Duration::from_secs(1)),
        id: 7,
        message: "<a>".into(),
    });
    live.discontinuity();
    // A minute later, and its times start anew.
    live.set_clock(Time::ZERO, WallClock::from_unix_nanos(START + 60 * SECOND));
    for number in 4..7 {
        let n = i64::try_from(number - 4).unwrap();
        for (track, rate) in [(VIDEO, 90_000), (AUDIO, 48_000)] {
            let mut info = info(
                track,
                number,
                n * 2 * rate,
                u64::try_from(2 * rate).unwrap(),
            );
            info.init = 1;
            info.discontinuity = number == 4;
            live.push_segment(&info).unwrap();
        }
    }
    let mpd = document(&mut live);
    assert_eq!(mpd.periods.len(), 2);
    let placed: Vec<_> = mpd.placed_periods().collect();
    assert_eq!((placed[0].start, placed[1].start), (0, 60_000_000_000));
    assert_eq!(mpd.periods[0].duration.unwrap().to_string(), "PT8S");
    let event = &mpd.periods[0].event_streams[0].events[0];
    assert_eq!(
        (event.presentation_time, event.text().as_str()),
        (Some(3000), "<a>")
    );
    assert_eq!(
        urls(&mpd, 1, 1, START + 70 * SECOND),
        ["segment-2-4.m4s", "segment-2-5.m4s", "segment-2-6.m4s"]
    );
    let template = mpd.periods[1].adaptation_sets[0].representations[0]
        .segment_template
        .as_ref()
        .unwrap();
    assert_eq!(
        template.initialization.as_deref(),
        Some("init-$RepresentationID$-1.mp4")
    );

    live.end();
    let mpd = document(&mut live);
    assert_eq!(mpd.minimum_update_period, None);
    assert_eq!(
        mpd.media_presentation_duration.unwrap().to_string(),
        "PT1M6S"
    );
    assert!(live.push_segment(&info(VIDEO, 99, 0, 1)).is_err());
}

#[test]
fn what_is_whole_is_static() {
    let mut vod = presentation(Config::on_demand(Duration::from_secs(2)));
    for number in 0..2000 {
        push(&mut vod, number);
    }
    assert_eq!(vod.poll_expired(), None);
    vod.end();
    let mpd = document(&mut vod);
    assert!(!mpd.is_dynamic());
    assert_eq!(
        mpd.media_presentation_duration.unwrap().as_nanos() / 1_000_000,
        4_000_000
    );
    assert_eq!(urls(&mpd, 0, 1, 0).len(), 2000);
}

/// The runs of the only segments of a set: start, duration, repetitions.
fn runs(mpd: &Mpd, set: usize) -> Vec<(Option<u64>, u64, i64)> {
    let template = &mpd.periods[0].adaptation_sets[set].representations[0].segment_template;
    let timeline = template.as_ref().unwrap().timeline.as_ref().unwrap();
    let runs = timeline.segments.iter();
    runs.map(|run| (run.t, run.d, run.r)).collect()
}

#[test]
fn sound_is_heard_from_zero_to_its_end() {
    let pictures = Codec::Other {
        kind: media::Kind::Video,
        fourcc: media::FourCc(*b"test"),
        config: bytes::Bytes::new(),
    };
    let sound = tracks().find(AUDIO).unwrap().clone();
    let set: Tracks = [Track::new(VIDEO, Timescale::KHZ_90, pictures), sound]
        .into_iter()
        .collect();
    for config in [
        Config::on_demand(Duration::from_secs(2)),
        Config::live(Duration::from_secs(2)),
    ] {
        let mut two = presentation(config);
        two.set_tracks(&set);
        // Sound begins with a frame before zero, and goes on for a second and a bit of a frame.
        for (segment, start, lasts) in [
            (0, -1024, 97_024),
            (1, 96_000, 96_000),
            (2, 192_000, 48_256),
        ] {
            if let Ok(number @ 0..2) = i64::try_from(segment) {
                two.push_segment(&info(VIDEO, segment, number * 180_000, 180_000))
                    .unwrap();
            }
            two.push_segment(&info(AUDIO, segment, start, lasts))
                .unwrap();
        }
        two.end();
        let mpd = document(&mut two);
        assert_eq!(runs(&mpd, 0), [(Some(0), 180_000, 1)]);
        assert_eq!(runs(&mpd, 1), [(Some(0), 96_000, 1), (None, 48_256, 0)]);
        let lasts = mpd.media_presentation_duration.unwrap().as_nanos();
        assert_eq!(lasts, 4_000_000_000 + 48_256 * 1_000_000_000 / 48_000);
        assert_eq!(mpd.periods[0].duration.unwrap().as_nanos(), lasts);
    }
}

#[test]
fn dynamic_needs_a_clock_and_tracks() {
    let mut live = Presentation::new(Config::live(Duration::from_secs(2)));
    assert!(live.push_segment(&info(VIDEO, 0, 0, 180_000)).is_err());
    live.set_tracks(&tracks());
    assert!(live.push_segment(&info(VIDEO, 0, 0, 180_000)).is_err());
    live.set_clock(Time::ZERO, WallClock::from_unix_nanos(0));
    assert!(live.push_segment(&info(VIDEO, 0, 0, 180_000)).is_ok());
}

/// A document without what patches tell of.
fn without_segments(mpd: &Mpd) -> Mpd {
    let mut mpd = mpd.clone();
    mpd.publish_time = None;
    mpd.patch_locations.clear();
    let sets = mpd
        .periods
        .iter_mut()
        .flat_map(|period| &mut period.adaptation_sets);
    for representation in sets.flat_map(|set| &mut set.representations) {
        if let Some(template) = &mut representation.segment_template {
            template.start_number = None;
            template.timeline = None;
        }
    }
    mpd
}

#[test]
fn patches_give_the_next_version() {
    let mut config = Config::live(Duration::from_secs(2));
    config.patch_location = Some("patch".into());
    let mut live = presentation(config);
    for number in 0..3 {
        push(&mut live, number);
    }
    let mut known: Vec<Mpd> = vec![document(&mut live)];
    let (mut patched, mut smaller, mut anew) = (0, 0, 0);
    for number in 3..40 {
        if number == 20 {
            live.discontinuity();
            // Where the publisher has gone the period is over, so that nobody asks for more of it.
            let over = live.to_mpd();
            assert_eq!(
                over.periods[0].duration,
                Some(fluvial_dash::Duration::from_nanos(40_000_000_000))
            );
        }
        if number == 25 {
            live.push_event(LiveEvent {
                scheme: Scheme {
                    uri: "urn:x".into(),
                    value: String::new(),
                },
                time: Time::from_millis(49_000),
                duration: None,
                id: 1,
                message: "m".into(),
            });
        }
        push(&mut live, number);
        let new = document(&mut live);
        for old in known.iter().rev().take(5) {
            let Some(patch) = live.patch(old.publish_time.unwrap()) else {
                // Only where more has changed than segments: the documents are the same but for them.
                assert_ne!(without_segments(old), without_segments(&new));
                anew += 1;
                continue;
            };
            let read = Patch::parse(&patch).unwrap();
            assert_eq!(Patch::parse(read.to_string().as_bytes()).unwrap(), read);
            let next = read.apply(old).unwrap();
            let text = String::from_utf8_lossy(&patch);
            assert_eq!(next, new, "{text}");
            // What dash.js would take for text, and what Shaka Player would put at the start of a timeline.
            for form in ["S[1]/@", "SegmentTimeline[", "type=\"@"] {
                assert!(!text.contains(form), "{text}");
            }
            patched += 1;
            smaller += usize::from(patch.len() < live.to_bytes().len());
        }
        known.push(new);
    }
    assert!(
        smaller * 10 > patched * 8,
        "{smaller} of {patched} patches are smaller"
    );
    // Four times something else changed: a period began, an event came and left, the first period left. Of each version there are
    // five older ones here, of which fifteen at most are before such a change while the newer one is behind it.
    assert!((15..=60).contains(&anew), "{anew}");
    assert_eq!(live.patch(known[0].publish_time.unwrap()), None);
    let other = Mpd {
        id: Some("other".into()),
        ..known[9].clone()
    };
    let last = live.patch(known[36].publish_time.unwrap()).unwrap();
    assert!(Patch::parse(&last).unwrap().apply(&other).is_err());
    assert!(Patch::parse(&last).unwrap().apply(&known[30]).is_err());
}
