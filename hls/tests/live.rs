//! The live playlist: what a client sees after each segment.
#![cfg(feature = "media")]

use fluvial_hls::live::{self, Resource, UriTemplate};
use fluvial_hls::{Error, MediaPlaylist};
use media::{Codec, SegmentInfo, Time, Timescale, Track, TrackId, Tracks, WallClock};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::time::Duration;

fn info(segment: u64, millis: u64) -> SegmentInfo {
    SegmentInfo {
        track: None,
        segment,
        parts: 1,
        init: 0,
        start: i64::try_from(segment * 2000).unwrap(),
        duration: millis,
        timescale: Timescale::MILLIS,
        independent: true,
        discontinuity: false,
        size: 1000,
    }
}

fn parse(playlist: &live::Playlist) -> MediaPlaylist {
    MediaPlaylist::parse(&playlist.to_bytes()).unwrap()
}

fn text(playlist: &live::Playlist) -> String {
    String::from_utf8(playlist.to_bytes().to_vec()).unwrap()
}

#[test]
fn a_whole_life() {
    let mut config = live::Config::new(Duration::from_millis(1500));
    config.window = Duration::from_secs(6);
    config.min_segments = 3;
    let mut playlist = live::Playlist::new(config);
    playlist.set_clock(
        Time::ZERO,
        WallClock::from_unix_nanos(1_700_000_000_000_000_000),
    );
    assert!(playlist.is_empty());
    assert_eq!(
        text(&playlist),
        "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-INDEPENDENT-SEGMENTS\n"
    );

    for number in 7..11 {
        playlist.push_segment(&info(number, 2000)).unwrap();
    }
    // The publisher goes away and comes back with another encoding.
    playlist.discontinuity();
    playlist
        .push_segment(&SegmentInfo {
            init: 1,
            ..info(11, 1968)
        })
        .unwrap();
    assert_eq!(
        text(&playlist),
        "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:8\n#EXT-X-INDEPENDENT-SEGMENTS\n\
         #EXT-X-MAP:URI=\"init-0.mp4\"\n\
         #EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:36.000Z\n#EXTINF:2,\nsegment-8.m4s\n\
         #EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:38.000Z\n#EXTINF:2,\nsegment-9.m4s\n\
         #EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:40.000Z\n#EXTINF:2,\nsegment-10.m4s\n\
         #EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI=\"init-1.mp4\"\n\
         #EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:42.000Z\n#EXTINF:1.968,\nsegment-11.m4s\n"
    );

    for number in 12..16 {
        playlist
            .push_segment(&SegmentInfo {
                init: 1,
                ..info(number, 2000)
            })
            .unwrap();
    }
    let parsed = parse(&playlist);
    assert_eq!(parsed.media_sequence(), 13);
    assert_eq!(parsed.discontinuity_sequence(), 1);
    assert_eq!(parsed.segments[0].map().unwrap().uri, "init-1.mp4");

    // Segment 10 was the last to need init 0.
    let mut expired = Vec::new();
    for number in 16..24 {
        playlist
            .push_segment(&SegmentInfo {
                init: 1,
                ..info(number, 2000)
            })
            .unwrap();
        while let Some(one) = playlist.poll_expired() {
            expired.push(one);
        }
    }
    let ten = expired
        .iter()
        .position(|one| one.resource == Resource::Segment(10))
        .unwrap();
    assert_eq!(expired[ten + 1].resource, Resource::Init(0));
    assert_eq!(expired[ten + 1].uri, "init-0.mp4");
    assert!(!expired.iter().any(|one| one.resource == Resource::Init(1)));

    assert!(!parse(&playlist).is_ended());
    playlist.end();
    assert!(parse(&playlist).is_ended());
    let before = playlist.to_bytes();
    assert!(matches!(
        playlist.push_segment(&info(24, 2000)),
        Err(Error::State(_))
    ));
    assert_eq!(playlist.to_bytes(), before);
}

#[test]
fn target_duration_only_rises() {
    let mut playlist = live::Playlist::new(live::Config::new(Duration::from_secs(2)));
    for (number, (millis, target)) in [(2499, 2), (2500, 3), (8000, 8), (1000, 8)]
        .into_iter()
        .enumerate()
    {
        playlist
            .push_segment(&info(u64::try_from(number).unwrap(), millis))
            .unwrap();
        assert_eq!(parse(&playlist).target_duration(), target);
    }
}

#[test]
fn holes_and_repeats() {
    let mut config = live::Config::new(Duration::from_secs(2));
    config.init_uri = None;
    config.segment_uri = UriTemplate::new("a/", ".ts");
    let mut playlist = live::Playlist::new(config);
    playlist
        .push_segment(&SegmentInfo {
            discontinuity: true,
            ..info(3, 2000)
        })
        .unwrap();
    assert!(playlist.push_segment(&info(3, 2000)).is_err());
    assert!(playlist.push_segment(&info(2, 2000)).is_err());
    playlist
        .push_segment(&SegmentInfo {
            size: 0,
            ..info(4, 2000)
        })
        .unwrap();
    playlist
        .push_segment(&SegmentInfo {
            independent: false,
            ..info(6, 2000)
        })
        .unwrap();
    assert_eq!(
        text(&playlist),
        "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:3\n\
         #EXTINF:2,\na/3.ts\n#EXT-X-GAP\n#EXTINF:2,\na/4.ts\n#EXT-X-DISCONTINUITY\n#EXTINF:2,\na/6.ts\n"
    );
}

#[test]
fn bandwidth() {
    let mut playlist = live::Playlist::new(live::Config::new(Duration::from_secs(4)));
    assert_eq!(playlist.bandwidth(), None);
    // 1 s of 8 Mbit/s is too short for a peak of its own; two of them fill half a target duration.
    for (number, (millis, size)) in [(4000, 1_000_000), (1000, 1_000_000), (1000, 500_000)]
        .into_iter()
        .enumerate()
    {
        let number = u64::try_from(number).unwrap();
        playlist
            .push_segment(&SegmentInfo {
                size,
                ..info(number, millis)
            })
            .unwrap();
    }
    let bandwidth = playlist.bandwidth().unwrap();
    assert_eq!(bandwidth.peak, 6_000_000);
    assert_eq!(bandwidth.average, 2_500_000 * 8 / 6 + 1);
}

#[test]
fn multivariant_of_tracks() {
    let sps = [
        0x67, 0x64, 0x00, 0x1F, 0xAC, 0xD9, 0x40, 0x50, 0x05, 0xBB, 0x01, 0x6A, 0x02, 0x02, 0x02,
        0x80, 0x00, 0x00, 0x03, 0x00, 0x80, 0x00, 0x00, 0x19, 0x07, 0x8C, 0x18, 0xCB,
    ];
    let pps = [0x68, 0xEB, 0xE3, 0xCB, 0x22, 0xC0];
    let video = h264::DecoderConfig::from_parameter_sets([&sps[..]], [&pps[..]]).unwrap();
    let audio = aac::AudioSpecificConfig::parse(&[0x12, 0x10]).unwrap();
    let tracks: Tracks = [
        Track::new(TrackId(1), Timescale::KHZ_90, Codec::H264(video)),
        Track::new(
            TrackId(2),
            Timescale::new(44_100).unwrap(),
            Codec::Aac(audio.clone()),
        ),
        Track::new(
            TrackId(3),
            Timescale::new(44_100).unwrap(),
            Codec::Aac(audio),
        ),
    ]
    .into_iter()
    .collect();
    let bandwidth = live::Bandwidth {
        peak: 3_000_000,
        average: 2_500_000,
    };
    let multivariant = live::multivariant([live::Variant {
        uri: "stream.m3u8",
        tracks: &tracks,
        bandwidth,
        audio: None,
        closed_captions: None,
    }]);
    assert_eq!(
        multivariant.to_string(),
        "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=3000000,AVERAGE-BANDWIDTH=2500000,\
         CODECS=\"avc1.64001F,mp4a.40.2\",RESOLUTION=1280x720,FRAME-RATE=25.000\nstream.m3u8\n"
    );
}

#[derive(Debug, Clone)]
struct Step {
    millis: u64,
    new_init: bool,
    discontinuity: bool,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = (
        100u64..12_000,
        prop::bool::weighted(0.1),
        prop::bool::weighted(0.1),
    );
    prop::collection::vec(
        step.prop_map(|(millis, new_init, discontinuity)| Step {
            millis,
            new_init,
            discontinuity: discontinuity || new_init,
        }),
        1..60,
    )
}

proptest! {
    /// What RFC 8216bis §6.2.1 and §6.2.2 ask of a server, of each playlist and of each change.
    #[test]
    fn rules_of_a_server(steps in steps(), window in 1u64..40, min_segments in 1usize..8) {
        let mut config = live::Config::new(Duration::from_secs(4));
        config.window = Duration::from_secs(window);
        config.min_segments = min_segments;
        let mut playlist = live::Playlist::new(config);
        let mut init = 0;
        let mut held = BTreeSet::new();
        // Of each segment: its URI, init, and the discontinuities up to it.
        let mut all = Vec::new();
        let mut discontinuities = 0;
        let (mut pushed, mut longest) = (0u64, 0u64);
        let mut left = Vec::<(String, u64)>::new();
        let mut target = 4;
        for (number, step) in (0u64..).zip(steps) {
            init += u32::from(step.new_init);
            if step.discontinuity && number > 0 {
                discontinuities += 1;
            }
            let before = parse(&playlist);
            playlist.push_segment(&SegmentInfo {
                init,
                discontinuity: step.discontinuity,
                ..info(number, step.millis)
            }).unwrap();
            pushed += step.millis;
            let uri = format!("segment-{number}.m4s");
            held.insert(uri.clone());
            all.push((uri, init, discontinuities, step.millis));

            let after = parse(&playlist);
            target = target.max((step.millis + 500) / 1000);
            prop_assert_eq!(after.target_duration(), target);
            let first = usize::try_from(after.media_sequence()).unwrap();
            let listed: Vec<_> = after.segments.iter().map(|s| s.uri().to_owned()).collect();
            let expected: Vec<_> = all[first..].iter().map(|s| s.0.clone()).collect();
            prop_assert_eq!(listed, expected);

            // Numbers and inits as a client counts them.
            let mut count = after.discontinuity_sequence();
            let mut map = None;
            for (segment, (_, init, discontinuities, _)) in after.segments.iter().zip(&all[first..]) {
                count += u64::from(segment.is_discontinuity());
                map = segment.map().map(|map| map.uri.to_owned()).or(map);
                prop_assert_eq!(count, *discontinuities);
                prop_assert_eq!(map.clone(), Some(format!("init-{init}.mp4")));
            }

            // Nothing leaves that would make the playlist too short, and nothing that has left too early is dropped.
            let duration: u64 = all[first..].iter().map(|s| s.3).sum();
            // What had left before the target duration rose does not come back.
            let was = usize::try_from(before.media_sequence()).unwrap();
            if first > was {
                prop_assert!(duration >= 3000 * target);
                prop_assert!(duration >= window * 1000);
                prop_assert!(after.segments.len() >= min_segments);
            }
            for (uri, _, _, millis) in &all[was..first] {
left.push((uri.clone(), pushed + millis + longest));
            }
            longest = longest.max(duration);
            while let Some(expired) = playlist.poll_expired() {
                match expired.resource {
                    Resource::Segment(_) => {
                        prop_assert!(held.remove(&expired.uri));
                        let (_, until) = left.iter().find(|(uri, _)| *uri == expired.uri).unwrap();
                        prop_assert!(pushed >= *until, "{} after {pushed}, not {until}", expired.uri);
                    }
                    Resource::Init(number) => {
                        let used = |uri: &String| all.iter().any(|s| s.0 == *uri && s.1 == number);
                        prop_assert!(!held.iter().any(used));
                        prop_assert!(number < init);
                    }
                }
            }
            // What is listed is held.
            prop_assert!(after.segments.iter().all(|s| held.contains(s.uri())));
        }
    }
}
