//! The low-latency playlist: parts, hints, blocking reloads, delta updates, reports.
#![cfg(feature = "media")]

use fluvial_hls::live::{self, Answer, Edge, PartAddressing, Reload, Report, Skip};
use fluvial_hls::tag::DateRange;
use fluvial_hls::{DateTime, Decimal, Error, MediaPlaylist, Severity, Tag, check};
use media::{PartInfo, SegmentInfo, Time, Timescale, WallClock};
use proptest::prelude::*;
use std::time::Duration;

const EPOCH: i64 = 1_700_000_000_000_000_000;

fn part(segment: u64, part: u32, start: i64, millis: u64) -> PartInfo {
    PartInfo {
        track: None,
        segment,
        part,
        init: 0,
        start,
        duration: millis,
        timescale: Timescale::MILLIS,
        independent: part == 0,
        discontinuity: false,
        size: 1000,
    }
}

fn whole(segment: u64, parts: u32, start: i64, millis: u64) -> SegmentInfo {
    SegmentInfo {
        track: None,
        segment,
        parts,
        init: 0,
        start,
        duration: millis,
        timescale: Timescale::MILLIS,
        independent: true,
        discontinuity: false,
        size: 1000 * u64::from(parts),
    }
}

fn low_latency() -> live::Playlist {
    let config = live::Config::low_latency(Duration::from_secs(2), Duration::from_millis(500));
    let mut playlist = live::Playlist::new(config);
    playlist.set_clock(Time::ZERO, WallClock::from_unix_nanos(EPOCH));
    playlist
}

/// Segments of four parts of half a second.
fn push(playlist: &mut live::Playlist, segment: u64) {
    let start = i64::try_from(segment * 2000).unwrap();
    for index in 0..4 {
        let at = start + i64::from(index) * 500;
        playlist.push_part(&part(segment, index, at, 500)).unwrap();
    }
    playlist
        .push_segment(&whole(segment, 4, start, 2000))
        .unwrap();
}

fn text(playlist: &live::Playlist) -> String {
    String::from_utf8(playlist.to_bytes().to_vec()).unwrap()
}

fn errors(text: &[u8]) -> Vec<String> {
    let found = check(text);
    let errors = found.iter().filter(|one| one.severity == Severity::Error);
    errors.map(ToString::to_string).collect()
}

#[test]
fn parts_come_one_by_one() {
    let mut playlist = low_latency();
    playlist.push_part(&part(7, 0, 0, 500)).unwrap();
    playlist.push_part(&part(7, 1, 500, 480)).unwrap();
    let head = "#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-TARGETDURATION:2\n\
                #EXT-X-SERVER-CONTROL:CAN-SKIP-UNTIL=12,PART-HOLD-BACK=1.5,CAN-SKIP-DATERANGES=YES,CAN-BLOCK-RELOAD=YES\n\
                #EXT-X-PART-INF:PART-TARGET=0.5\n#EXT-X-MEDIA-SEQUENCE:7\n#EXT-X-INDEPENDENT-SEGMENTS\n";
    let parts = "#EXT-X-MAP:URI=\"init-0.mp4\"\n#EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:20.000Z\n\
                 #EXT-X-PART:URI=\"segment-7.0.m4s\",DURATION=0.5,INDEPENDENT=YES\n\
                 #EXT-X-PART:URI=\"segment-7.1.m4s\",DURATION=0.48\n";
    let hint = |uri| format!("#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"{uri}\"\n");
    assert_eq!(
        text(&playlist),
        format!("{head}{parts}{}", hint("segment-7.2.m4s"))
    );
    playlist.push_segment(&whole(7, 2, 0, 980)).unwrap();
    assert_eq!(
        text(&playlist),
        format!(
            "{head}{parts}#EXTINF:0.98,\nsegment-7.m4s\n{}",
            hint("segment-8.0.m4s")
        )
    );
    assert_eq!(
        playlist.edge(),
        Some(Edge {
            msn: 7,
            part: Some(1)
        })
    );
    let report = Report {
        uri: "../audio.m3u8".into(),
        edge: Edge {
            msn: 7,
            part: Some(3),
        },
    };
    let document = playlist.document(Skip::Nothing, &[report]);
    assert!(
        document
            .ends_with(b"#EXT-X-RENDITION-REPORT:URI=\"../audio.m3u8\",LAST-MSN=7,LAST-PART=3\n")
    );
    playlist.end();
    assert!(text(&playlist).ends_with("segment-7.m4s\n#EXT-X-ENDLIST\n"));
}

#[test]
fn parts_as_byte_ranges() {
    let mut config = live::Config::low_latency(Duration::from_secs(2), Duration::from_millis(500));
    config.low_latency.as_mut().unwrap().addressing = PartAddressing::ByteRanges;
    let mut playlist = live::Playlist::new(config);
    playlist.push_part(&part(0, 0, 0, 500)).unwrap();
    playlist.push_part(&part(0, 1, 500, 500)).unwrap();
    assert!(text(&playlist).ends_with(
        "#EXT-X-PART:URI=\"segment-0.m4s\",DURATION=0.5,BYTERANGE=\"1000@0\",INDEPENDENT=YES\n\
         #EXT-X-PART:URI=\"segment-0.m4s\",DURATION=0.5,BYTERANGE=\"1000@1000\"\n\
         #EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"segment-0.m4s\",BYTERANGE-START=2000\n"
    ));
    assert_eq!(errors(&playlist.to_bytes()), [""; 0]);
}

#[test]
fn parts_out_of_order() {
    let mut playlist = low_latency();
    playlist.push_part(&part(0, 0, 0, 500)).unwrap();
    for wrong in [part(0, 0, 0, 500), part(0, 2, 0, 500), part(1, 0, 0, 500)] {
        assert!(matches!(playlist.push_part(&wrong), Err(Error::State(_))));
    }
    assert!(playlist.push_segment(&whole(1, 1, 0, 500)).is_err());
    playlist.push_segment(&whole(0, 1, 0, 500)).unwrap();
    assert!(playlist.push_part(&part(0, 1, 500, 500)).is_err());
    playlist.end();
    assert!(playlist.push_part(&part(1, 0, 500, 500)).is_err());
}

#[test]
fn what_waits_and_what_is_refused() {
    let mut playlist = low_latency();
    push(&mut playlist, 10);
    push(&mut playlist, 11);
    playlist.push_part(&part(12, 0, 24_000, 500)).unwrap();
    let ask = |playlist: &live::Playlist, query: &str| {
        let reload = Reload::parse(query).map_err(|error| error.to_string())?;
        playlist.answer(&reload).map_err(|error| error.to_string())
    };
    for (query, expected) in [
        ("", Answer::Now),
        ("viewer=3&_HLS_msn=11", Answer::Now),
        ("_HLS_msn=11&_HLS_part=3", Answer::Now),
        // Behind the last part of a segment: the first of the next.
        ("_HLS_msn=11&_HLS_part=4", Answer::Now),
        ("_HLS_msn=10&_HLS_part=9", Answer::Now),
        ("_HLS_msn=12&_HLS_part=0", Answer::Now),
        ("_HLS_msn=12&_HLS_part=1", Answer::Wait),
        ("_HLS_msn=12&_HLS_part=6", Answer::Wait),
        ("_HLS_msn=12", Answer::Wait),
        ("_HLS_msn=13&_HLS_part=0", Answer::Wait),
    ] {
        assert_eq!(ask(&playlist, query), Ok(expected), "{query}");
    }
    for query in [
        "_HLS_msn=14",
        "_HLS_msn=12&_HLS_part=7",
        "_HLS_part=1",
        "_HLS_msn=x",
        "_HLS_msn=+1",
        "_HLS_msn=",
        "_HLS_msn=12&_HLS_part=-1",
        "_HLS_skip=1",
    ] {
        assert!(ask(&playlist, query).is_err(), "{query}");
    }
    playlist.push_part(&part(12, 1, 24_500, 500)).unwrap();
    assert_eq!(ask(&playlist, "_HLS_msn=12&_HLS_part=1"), Ok(Answer::Now));
    assert_eq!(ask(&playlist, "_HLS_msn=12&_HLS_part=2"), Ok(Answer::Wait));
    // The segment ends before the part that was waited for: its successor is meant.
    playlist.push_segment(&whole(12, 2, 24_000, 1000)).unwrap();
    assert_eq!(ask(&playlist, "_HLS_msn=12&_HLS_part=2"), Ok(Answer::Wait));
    assert_eq!(ask(&playlist, "_HLS_msn=12"), Ok(Answer::Now));
    playlist.push_part(&part(13, 0, 25_000, 500)).unwrap();
    assert_eq!(ask(&playlist, "_HLS_msn=12&_HLS_part=2"), Ok(Answer::Now));
    playlist.end();
    assert_eq!(ask(&playlist, "_HLS_msn=99"), Ok(Answer::Now));

    let reload = Reload::parse("a=b&_HLS_skip=v2&_HLS_part=2&_HLS_msn=1").unwrap();
    assert_eq!(reload.to_string(), "_HLS_msn=1&_HLS_part=2&_HLS_skip=v2");
    assert_eq!(Reload::now().to_string(), "");
}

#[test]
fn without_parts_nothing_waits() {
    let mut playlist = live::Playlist::new(live::Config::new(Duration::from_secs(2)));
    playlist.push_part(&part(0, 0, 0, 500)).unwrap();
    assert!(playlist.is_empty());
    playlist.push_segment(&whole(0, 4, 0, 2000)).unwrap();
    assert_eq!(
        playlist.answer(&Reload::parse("_HLS_msn=9").unwrap()),
        Ok(Answer::Now)
    );
    assert_eq!(playlist.document(Skip::Segments, &[]), playlist.to_bytes());
    assert_eq!(playlist.edge(), Some(Edge { msn: 0, part: None }));
}

fn cue(playlist: &mut live::Playlist, id: &str, second: i64) {
    let mut range = DateRange::new(id);
    range.start_date = Some(DateTime::from_unix_nanos(EPOCH + second * 1_000_000_000));
    range.duration = Some(Decimal::from_nanos(1_000_000_000));
    playlist.push_date_range(&range);
}

#[test]
fn date_ranges_come_and_go() {
    let mut playlist = low_latency();
    for segment in 0..20 {
        match segment {
            1 => cue(&mut playlist, "old", 1),
            16 => cue(&mut playlist, "new", 33),
            _ => {}
        }
        push(&mut playlist, segment);
        let text = text(&playlist);
        assert_eq!(
            text.contains("\"old\""),
            (1..11).contains(&segment),
            "{segment}"
        );
        assert_eq!(text.contains("\"new\""), segment >= 16);
        assert_eq!(errors(text.as_bytes()), [""; 0]);
        let delta = playlist.document(Skip::DateRanges, &[]);
        let delta = MediaPlaylist::parse(&delta).unwrap();
        let skip = delta.tags().find_map(|tag| match tag {
            Tag::Skip(skip) => skip.recently_removed_dateranges,
            _ => None,
        });
        // What left is told as long as somebody may not know.
        assert_eq!(
            skip,
            Some("old").filter(|_| (11..18).contains(&segment)),
            "{segment}"
        );
    }
}

/// What a client makes of a delta update.
fn apply(before: &MediaPlaylist, delta: &MediaPlaylist) -> Vec<String> {
    let skip = delta.tags().find_map(|tag| match tag {
        Tag::Skip(skip) => Some(skip.skipped_segments),
        _ => None,
    });
    let first = delta.media_sequence();
    let kept = (0..skip.unwrap_or(0)).map(|index| {
        let at = usize::try_from(first + index - before.media_sequence()).unwrap();
        before.segments[at].uri().to_owned()
    });
    let new = delta
        .segments
        .iter()
        .map(|segment| segment.uri().to_owned());
    kept.chain(new).collect()
}

proptest! {
    /// Each version breaks no rule; a delta update makes the same of the version before as the whole does; a request for
    /// a part waits until just that part is there.
    #[test]
    fn rules_of_a_low_latency_server(
        segments in prop::collection::vec((1u32..8, 430u64..=500), 1..40),
        window in 1u64..60,
    ) {
        let mut config = live::Config::low_latency(Duration::from_secs(2), Duration::from_millis(500));
        config.window = Duration::from_secs(window);
        let mut playlist = live::Playlist::new(config);
        playlist.set_clock(Time::ZERO, WallClock::from_unix_nanos(EPOCH));
        let mut start = 0;
        // The longest comes first, so that the part target is known.
        playlist.push_part(&part(0, 0, 0, 500)).unwrap();
        playlist.push_segment(&whole(0, 1, 0, 500)).unwrap();
        for (number, (parts, millis)) in (1u64..).zip(segments) {
            let before = MediaPlaylist::parse(&playlist.to_bytes()).unwrap();
            let begun = start;
            let msn = before.media_sequence() + before.segments.len() as u64;
            for index in 0..parts {
                let reload = Reload::parse(&format!("_HLS_msn={msn}&_HLS_part={index}")).unwrap();
                prop_assert_eq!(playlist.answer(&reload), Ok(Answer::Wait));
                playlist.push_part(&part(number, index, start, millis)).unwrap();
                prop_assert_eq!(playlist.answer(&reload), Ok(Answer::Now));
                prop_assert_eq!(playlist.edge(), Some(Edge { msn, part: Some(index.into()) }));
                start += i64::try_from(millis).unwrap();
                prop_assert_eq!(errors(&playlist.to_bytes()), [""; 0]);
            }
            playlist.push_segment(&whole(number, parts, begun, millis * u64::from(parts))).unwrap();
            let full = MediaPlaylist::parse(&playlist.to_bytes()).unwrap();
            prop_assert_eq!(errors(&playlist.to_bytes()), [""; 0]);
            for skip in [Skip::Segments, Skip::DateRanges] {
                let delta = playlist.document(skip, &[]);
                prop_assert_eq!(errors(&delta), [""; 0]);
                let delta = MediaPlaylist::parse(&delta).unwrap();
                let whole: Vec<_> = full.segments.iter().map(|segment| segment.uri().to_owned()).collect();
                prop_assert_eq!(apply(&before, &delta), whole);
                // What stays is six target durations at least.
                let skipped = full.segments.len() - delta.segments.len();
                if skipped > 0 {
                    let kept: i64 = delta.segments.iter().map(|segment| segment.duration().as_nanos()).sum();
                    prop_assert!(kept >= i64::try_from(full.target_duration()).unwrap() * 6_000_000_000);
                }
            }
        }
    }
}
