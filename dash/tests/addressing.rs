//! Segments of every addressing mode, static and dynamic.

use fluvial_dash::address::{Address, Index, Segment};
use fluvial_dash::{ByteRange, Mpd};
use proptest::prelude::*;
use testing::{corpus, files};

const URL: &str = "http://host/live/manifest.mpd";
const SECOND: i64 = 1_000_000_000;

/// The address of the first representation of the first set of a period.
fn address(mpd: &Mpd, period: usize) -> Address<'_> {
    let period = mpd
        .placed_periods()
        .find(|placed| placed.index == period)
        .unwrap();
    let set = &period.period.adaptation_sets[0];
    Address::new(mpd, URL, &period, set, &set.representations[0]).unwrap()
}

fn segments(mpd: &Mpd) -> Vec<Segment> {
    address(mpd, 0).segments().unwrap().take(1000).collect()
}

fn set(mpd: &str, set: &str) -> Mpd {
    let text = format!("<MPD {mpd}><Period><AdaptationSet>{set}</AdaptationSet></Period></MPD>");
    text.parse().unwrap()
}

fn told(segments: &[Segment]) -> Vec<(String, u64, u64, Option<u64>)> {
    let tell = |s: &Segment| {
        let url = s.resource.url.strip_prefix("http://host/live/").unwrap();
        (url.to_owned(), s.number, s.time, s.duration)
    };
    segments.iter().map(tell).collect()
}

#[test]
fn numbers_and_a_duration() {
    let mpd = set(
        "mediaPresentationDuration='PT7S'",
        "<SegmentTemplate timescale='10' presentationTimeOffset='5' duration='30' startNumber='8' initialization='i-$RepresentationID$-$Bandwidth$.mp4' media='$RepresentationID$-$Number%03d$.m4s'/>
         <Representation id='v' bandwidth='7'><SegmentTemplate timescale='10'/></Representation>",
    );
    assert_eq!(
        address(&mpd, 0).initialization().unwrap().url,
        "http://host/live/i-v-7.mp4"
    );
    let segments = segments(&mpd);
    assert_eq!(
        told(&segments),
        [
            ("v-008.m4s".into(), 8, 5, Some(30)),
            ("v-009.m4s".into(), 9, 35, Some(30)),
            ("v-010.m4s".into(), 10, 65, Some(30)),
        ]
    );
    assert_eq!(
        (segments[2].start, segments[2].end),
        (6 * SECOND, Some(9 * SECOND))
    );
    assert_eq!(segments[0].available_from, None);
}

#[test]
fn timelines_with_gaps_and_open_repeats() {
    let mpd = set(
        "mediaPresentationDuration='PT10S'",
        "<SegmentTemplate timescale='10' presentationTimeOffset='100' media='$Time$.$Number$'>
         <SegmentTimeline><S t='100' d='10' r='-1'/><S t='125' d='5' r='1'/><S t='140' n='20' d='25' r='-1'/></SegmentTimeline>
         </SegmentTemplate><Representation id='v'/>",
    );
    let segments = segments(&mpd);
    let urls: Vec<_> = told(&segments).into_iter().map(|(url, ..)| url).collect();
    assert_eq!(
        urls,
        [
            "100.1", "110.2", "120.3", "125.4", "130.5", "140.20", "165.21", "190.22"
        ]
    );
    assert_eq!(segments[5].start, 4 * SECOND);
}

#[test]
fn sequences_of_segments() {
    let mpd = set(
        "mediaPresentationDuration='PT4S'",
        "<SegmentTemplate timescale='10' media='$Time$.$SubNumber$'>
         <SegmentTimeline><S t='0' d='20' k='4' r='1'/></SegmentTimeline></SegmentTemplate><Representation id='v'/>",
    );
    let segments = segments(&mpd);
    assert_eq!(segments.len(), 8);
    assert_eq!(told(&segments)[5], ("20.2".into(), 2, 25, Some(5)));
}

#[test]
fn the_last_of_a_list_may_begin_half_a_duration_late() {
    for (lasts, wanted) in [("PT25S", 3), ("PT19.5S", 3), ("PT16S", 3), ("PT14S", 2)] {
        let mpd = set(
            &format!("mediaPresentationDuration='{lasts}'"),
            "<Representation id='v'><SegmentList duration='10'><SegmentURL media='1'/><SegmentURL media='2'/>
             <SegmentURL media='3'/></SegmentList></Representation>",
        );
        assert_eq!(segments(&mpd).len(), wanted, "{lasts}");
    }
}

#[test]
fn lists_and_bases() {
    let mpd = set(
        "mediaPresentationDuration='PT30S'",
        "<BaseURL>a/</BaseURL><BaseURL serviceLocation='b'>//other/b/</BaseURL><Representation id='v'><BaseURL>c.mp4</BaseURL>
         <SegmentList duration='10'><Initialization range='0-99'/>
         <SegmentURL mediaRange='100-199'/><SegmentURL media='d.mp4'/></SegmentList></Representation>",
    );
    let address = address(&mpd, 0);
    let init = address.initialization().unwrap();
    assert_eq!(
        (init.url.as_str(), init.range),
        (
            "http://host/live/a/c.mp4",
            Some(ByteRange {
                first: 0,
                last: Some(99)
            })
        )
    );
    let segments: Vec<_> = address.segments().unwrap().collect();
    assert_eq!(
        told(&segments),
        [
            ("a/c.mp4".into(), 1, 0, Some(10)),
            ("a/d.mp4".into(), 2, 10, Some(10))
        ]
    );
    assert_eq!(segments[0].resource.range.unwrap().to_string(), "100-199");
    let mut address = address;
    address.use_base(1);
    assert_eq!(
        address.initialization().unwrap().url,
        "http://other/b/c.mp4"
    );
    assert_eq!(address.bases()[1].service_location.as_deref(), Some("b"));
}

#[test]
fn an_index_is_asked_for() {
    let mpd = set(
        "mediaPresentationDuration='PT30S'",
        "<Representation id='v'><BaseURL>c.mp4</BaseURL><SegmentBase indexRange='50-105'><Initialization range='0-49'/></SegmentBase></Representation>",
    );
    let mut address = address(&mpd, 0);
    let needed = address.needs_index().unwrap();
    assert_eq!(needed.range.unwrap().to_string(), "50-105");
    let mut sidx =
        b"\0\0\0\x38sidx\0\0\0\0\0\0\0\x01\0\0\x03\xE8\0\0\0\0\0\0\0\0\0\0\0\x02".to_vec();
    sidx.extend_from_slice(b"\0\0\0\x64\0\0\x07\xD0\x90\0\0\0\0\0\0\x32\0\0\x03\xE8\x90\0\0\0");
    address.set_index(Index::parse(&sidx, 50).unwrap());
    assert_eq!(address.needs_index(), None);
    let segments: Vec<_> = address.segments().unwrap().collect();
    let ranges: Vec<_> = segments
        .iter()
        .map(|s| s.resource.range.unwrap().to_string())
        .collect();
    assert_eq!(ranges, ["106-205", "206-255"]);
    assert_eq!(
        (segments[1].start, segments[1].end),
        (2 * SECOND, Some(3 * SECOND))
    );
}

#[test]
fn one_segment_alone() {
    let mpd = set(
        "mediaPresentationDuration='PT30S'",
        "<Representation id='t'><BaseURL>t.vtt</BaseURL></Representation>",
    );
    let segments = segments(&mpd);
    assert_eq!(told(&segments), [("t.vtt".into(), 1, 0, Some(30))]);
}

#[test]
fn periods_follow_each_other() {
    let mpd: Mpd = "<MPD mediaPresentationDuration='PT60S'><Period duration='PT10S'/><Period id='x'/><Period start='PT30S' duration='PT99S'/><Period start='PT50S'/></MPD>"
        .parse()
        .unwrap();
    let placed: Vec<_> = mpd
        .placed_periods()
        .map(|p| {
            (
                p.start / 1_000_000_000,
                p.duration.map(|d| d / 1_000_000_000),
            )
        })
        .collect();
    assert_eq!(
        placed,
        [
            (0, Some(10)),
            (10, Some(20)),
            (30, Some(20)),
            (50, Some(10))
        ]
    );
    // A period that is announced, and its start not known.
    let mpd: Mpd = "<MPD type='dynamic'><Period start='PT5S'/><Period/></MPD>"
        .parse()
        .unwrap();
    let placed: Vec<_> = mpd
        .placed_periods()
        .map(|p| (p.start, p.duration))
        .collect();
    assert_eq!(placed, [(5_000_000_000, None)]);
}

#[test]
fn segments_come_and_go() {
    let mpd: Mpd = "<MPD type='dynamic' availabilityStartTime='1970-01-01T00:00:00Z' timeShiftBufferDepth='PT20S'>
         <Period start='PT1000S'><AdaptationSet><SegmentTemplate duration='4' startNumber='0' media='$Number$' availabilityTimeOffset='3.5' availabilityTimeComplete='false'/>
         <Representation id='v'/></AdaptationSet></Period></MPD>"
        .parse()
        .unwrap();
    let address = address(&mpd, 0);
    assert!(address.is_chunked());
    let at = |seconds: f64| {
        let now = (seconds * 1e9) as i64;
        let numbers: Vec<_> = address
            .segments()
            .unwrap()
            .available(now)
            .map(|s| s.number)
            .collect();
        (numbers.first().copied(), numbers.last().copied())
    };
    assert_eq!(at(1000.4), (None, None));
    assert_eq!(at(1000.5), (Some(0), Some(0)));
    assert_eq!(at(1004.5), (Some(0), Some(1)));
    // Segment 0 ended at 1004 and is there for its duration and the depth of the buffer.
    assert_eq!(at(1027.9), (Some(0), Some(6)));
    assert_eq!(at(1028.0), (Some(1), Some(6)));
    // A year later nothing was listed on the way.
    let (first, last) = at(31_536_000.0);
    assert_eq!((last.unwrap() - first.unwrap(), last), (5, Some(7_883_749)));
}

proptest! {
    #[test]
    fn skipping_is_passing_over(
        runs in proptest::collection::vec((proptest::option::of(0_u64..400), 1_u64..50, -1_i64..5), 1..6),
        to in 0_u64..60,
        uniform: bool,
        offset in 0_i64..100,
    ) {
        let body = if uniform {
            format!("<SegmentTemplate timescale='10' presentationTimeOffset='{offset}' duration='{}' media='$Number$'/>", runs[0].1)
        } else {
            // Times that go back are against the rules.
            let mut least = 0;
            let runs: String = runs.iter().map(|(t, d, r)| {
                let t = t.map(|t| { least += t; least });
                let r = if t.is_none() { (*r).max(0) } else { *r };
                least += d * u64::try_from(r.max(0) + 1).unwrap();
                let t = t.map_or(String::new(), |t| format!(" t='{t}'"));
                format!("<S{t} d='{d}' r='{r}'/>")
            }).collect();
            format!("<SegmentTemplate timescale='10' presentationTimeOffset='{offset}' media='$Number$'><SegmentTimeline>{runs}</SegmentTimeline></SegmentTemplate>")
        };
        let mpd = set("mediaPresentationDuration='PT50S'", &format!("{body}<Representation id='v'/>"));
        let address = address(&mpd, 0);
        let mut skipped = address.segments().unwrap();
        skipped.skip_to(to * 1_000_000_000);
        let to = i64::try_from(to).unwrap() * SECOND;
        // Not all that end before: a run up to the next one may reach into it.
        let passed: Vec<_> = address.segments().unwrap().skip_while(|s| s.end.unwrap() <= to).collect();
        prop_assert_eq!(skipped.collect::<Vec<_>>(), passed);
    }
}

#[test]
fn every_representation_of_the_corpus_is_addressed() {
    let Some(dir) = corpus("dash") else { return };
    let (mut representations, mut addressed) = (0, 0);
    for path in files(&dir) {
        let Some(mpd) = std::fs::read(&path)
            .ok()
            .and_then(|bytes| Mpd::parse(&bytes).ok())
        else {
            continue;
        };
        for period in mpd.placed_periods() {
            for set in &period.period.adaptation_sets {
                for representation in &set.representations {
                    let address = Address::new(&mpd, URL, &period, set, representation).unwrap();
                    representations += 1;
                    let segments: Vec<_> = address.segments().unwrap().take(5000).collect();
                    addressed += usize::from(!segments.is_empty());
                    for pair in segments.windows(2) {
                        assert!(pair[0].time < pair[1].time, "{}: {pair:#?}", path.display());
                    }
                }
            }
        }
    }
    eprintln!("{addressed} of {representations} representations have segments");
    assert!(representations > 500);
}
