//! The client: what it fetches, when, and what it tells.

use fluvial_hls::client::{Client, Config, Encryption, Event, Kind, Media, Method, Request};
use std::collections::BTreeMap;

const SECOND: i64 = 1_000_000_000;

/// A server whose files change.
#[derive(Default)]
struct Files(BTreeMap<String, Vec<u8>>);

impl Files {
    fn put(&mut self, name: &str, body: &str) {
        self.0.insert(format!("http://h/{name}"), body.into());
    }
    fn get(&self, url: &str) -> Option<Vec<u8>> {
        let path = url.split('?').next().unwrap();
        self.0.get(url).or_else(|| self.0.get(path)).cloned()
    }
}

/// What came of one round: requests and events until nothing more is to be done now.
#[derive(Default)]
struct Seen {
    requests: Vec<Request>,
    events: Vec<Event>,
}

impl Seen {
    fn urls(&self) -> Vec<String> {
        let shown = |request: &Request| {
            let url = request.resource.url.strip_prefix("http://h/").unwrap();
            match request.resource.range {
                Some((first, end)) => format!("{url} {first}-{end}"),
                None => url.to_owned(),
            }
        };
        self.requests.iter().map(shown).collect()
    }
    fn media(&self) -> Vec<(Media, String)> {
        let media = |request: &Request| match &request.kind {
            Kind::Media(media) => Some((media.clone(), request.resource.url.clone())),
            _ => None,
        };
        self.requests.iter().filter_map(media).collect()
    }
}

fn round(client: &mut Client, files: &Files, now: i64) -> Seen {
    let mut seen = Seen::default();
    for _ in 0..1000 {
        match client.poll_request(now) {
            Some(request) => {
                match files.get(&request.resource.url) {
                    Some(body) => {
                        let url = request.resource.url.clone();
                        client.handle_response(request.id, &url, &body, now);
                    }
                    None => client.handle_failure(request.id, now),
                }
                seen.requests.push(request);
            }
            None => break,
        }
    }
    while let Some(event) = client.poll_event().unwrap() {
        seen.events.push(event);
    }
    seen
}

#[test]
fn on_demand_with_ranges_maps_keys_gaps_and_discontinuities() {
    let mut files = Files::default();
    files.put(
        "x.m3u8",
        "#EXTM3U\n#EXT-X-VERSION:8\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:5\n\
         #EXT-X-DEFINE:NAME=\"dir\",VALUE=\"media\"\n\
         #EXT-X-MAP:URI=\"{$dir}/a.mp4\",BYTERANGE=\"100@0\"\n#EXT-X-BYTERANGE:50@100\n#EXTINF:4,\n{$dir}/a.mp4\n\
         #EXT-X-BYTERANGE:60\n#EXTINF:4,\n{$dir}/a.mp4\n\
         #EXT-X-KEY:METHOD=AES-128,URI=\"k1\"\n#EXTINF:4,\nb.m4s\n\
         #EXT-X-KEY:METHOD=AES-128,URI=\"k2\",IV=0x0000000000000000000000000000002A\n#EXTINF:4,\nc.m4s\n\
         #EXT-X-GAP\n#EXTINF:4,\nd.m4s\n\
         #EXT-X-DISCONTINUITY\n#EXT-X-KEY:METHOD=NONE\n#EXT-X-MAP:URI=\"e.mp4\"\n#EXTINF:4,\ne.m4s\n#EXT-X-ENDLIST\n",
    );
    for name in ["media/a.mp4", "b.m4s", "c.m4s", "e.mp4", "e.m4s"] {
        files.put(name, "some bytes");
    }
    files.put("k1", "0123456789abcdef");
    files.put("k2", "fedcba9876543210");
    let mut client = Client::new("http://h/x.m3u8", Config::default());
    let seen = round(&mut client, &files, 0);
    assert_eq!(
        seen.urls(),
        [
            "x.m3u8",
            "media/a.mp4 0-100",
            "media/a.mp4 100-150",
            "media/a.mp4 150-210",
            "k1",
            "b.m4s",
            "k2",
            "c.m4s",
            "e.mp4",
            "e.m4s"
        ]
    );
    let media = seen.media();
    let encryption = |index: usize| media[index].0.encryption.clone();
    assert_eq!(encryption(0), None);
    let Encryption {
        method,
        key,
        iv,
        constant_iv,
        ..
    } = encryption(2).unwrap();
    assert_eq!((method, key), (Method::Aes128, Some(*b"0123456789abcdef")));
    assert_eq!((u128::from_be_bytes(iv), constant_iv), (7, false));
    assert_eq!(u128::from_be_bytes(encryption(3).unwrap().iv), 42);
    assert_eq!(encryption(4), None);
    let jumps: Vec<_> = media.iter().map(|(media, _)| media.discontinuity).collect();
    assert_eq!(jumps, [false, false, false, false, true]);
    let starts: Vec<_> = media
        .iter()
        .map(|(media, _)| media.start / 1_000_000_000)
        .collect();
    assert_eq!(starts, [0, 4, 8, 12, 20]);
    assert!(
        matches!(&seen.events[..], [Event::Streams(_), Event::Gap { media, .. }, Event::End] if media.number == 9)
    );
    assert_eq!(client.duration(), Some(24 * 1_000_000_000));
    assert_eq!(client.poll_timeout(), None);

    client.seek(13 * 1_000_000_000);
    let seen = round(&mut client, &files, 0);
    assert_eq!(
        seen.urls(),
        ["media/a.mp4 0-100", "c.m4s", "e.mp4", "e.m4s"]
    );
}

fn variants(files: &mut Files) {
    files.put(
        "x.m3u8",
        "#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"English\",LANGUAGE=\"en\",DEFAULT=YES,AUTOSELECT=YES,URI=\"en.m3u8\"\n\
         #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"Deutsch\",LANGUAGE=\"de\",AUTOSELECT=YES,URI=\"de.m3u8\"\n\
         #EXT-X-STREAM-INF:BANDWIDTH=1000000,AUDIO=\"a\"\nlow.m3u8\n\
         #EXT-X-STREAM-INF:BANDWIDTH=3000000,AUDIO=\"a\"\nhigh.m3u8\n",
    );
    for name in ["low", "high", "en", "de"] {
        let segments: String = (0..4)
            .map(|n| format!("#EXTINF:4,\n{name}{n}.ts\n"))
            .collect();
        let text = format!("#EXTM3U\n#EXT-X-TARGETDURATION:4\n{segments}#EXT-X-ENDLIST\n");
        files.put(&format!("{name}.m3u8"), &text);
        for n in 0..4 {
            files.put(&format!("{name}{n}.ts"), "ts");
        }
    }
}

#[test]
fn variants_and_sound_go_together() {
    let mut files = Files::default();
    variants(&mut files);
    let config = || {
        let mut config = Config::default();
        config.audio_language = Some("de".into());
        config
    };
    let mut client = Client::new("http://h/x.m3u8", config());
    let seen = round(&mut client, &files, 0);
    assert_eq!(
        seen.urls(),
        [
            "x.m3u8",
            "high.m3u8",
            "de.m3u8",
            "high0.ts",
            "de0.ts",
            "high1.ts",
            "de1.ts",
            "high2.ts",
            "de2.ts",
            "high3.ts",
            "de3.ts"
        ]
    );
    assert_eq!(seen.events.last(), Some(&Event::End));

    // The bandwidth falls after two segments, and comes back.
    let mut client = Client::new("http://h/x.m3u8", config());
    let mut fetched = Vec::new();
    while let Some(request) = client.poll_request(0) {
        let url = request.resource.url.clone();
        let body = files.get(&url).unwrap();
        client.handle_response(request.id, &url, &body, 0);
        fetched.push(url.strip_prefix("http://h/").unwrap().to_owned());
        match fetched.last().unwrap().as_str() {
            "high1.ts" => client.set_bandwidth(Some(1_500_000)),
            "low2.ts" => client.set_variant(1),
            _ => {}
        }
    }
    let media: Vec<_> = fetched.iter().filter(|url| url.ends_with(".ts")).collect();
    assert_eq!(
        media,
        [
            "high0.ts", "de0.ts", "high1.ts", "de1.ts", "low2.ts", "de2.ts", "high3.ts", "de3.ts"
        ]
    );
}

fn live(sequence: u64, count: u64, tail: &str) -> String {
    let segments: String = (sequence..sequence + count)
        .map(|n| format!("#EXTINF:4,\n{n}.ts\n"))
        .collect();
    format!("#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:{sequence}\n{segments}{tail}")
}

#[test]
fn live_is_reloaded_in_time() {
    let mut files = Files::default();
    for n in 0..40 {
        files.put(&format!("{n}.ts"), "ts");
    }
    files.put("x.m3u8", &live(10, 5, ""));
    let mut client = Client::new("http://h/x.m3u8", Config::default());
    let seen = round(&mut client, &files, 0);
    // Three target durations behind the end.
    assert_eq!(seen.urls(), ["x.m3u8", "12.ts", "13.ts", "14.ts"]);
    // A segment later; half a target duration where nothing has changed.
    assert_eq!(client.poll_timeout(), Some(4 * SECOND));
    assert_eq!(round(&mut client, &files, 4 * SECOND).urls(), ["x.m3u8"]);
    assert_eq!(client.poll_timeout(), Some(6 * SECOND));
    files.put("x.m3u8", &live(11, 5, ""));
    assert_eq!(
        round(&mut client, &files, 6 * SECOND).urls(),
        ["x.m3u8", "15.ts"]
    );

    // It falls out of the window.
    files.put("x.m3u8", &live(30, 3, ""));
    let seen = round(&mut client, &files, 10 * SECOND);
    assert_eq!(seen.urls(), ["x.m3u8", "30.ts", "31.ts", "32.ts"]);
    assert!(matches!(&seen.events[..], [Event::Gap { media, .. }] if media.number == 16));

    // A segment that is listed before it can be had: asked for again, and at last passed over.
    files.put("x.m3u8", &live(31, 4, "#EXT-X-ENDLIST\n"));
    files.0.remove("http://h/33.ts");
    let mut now = 14 * SECOND;
    let mut urls = round(&mut client, &files, now).urls();
    assert_eq!(urls, ["x.m3u8", "33.ts"]);
    let mut events = Vec::new();
    while let Some(next) = client.poll_timeout() {
        assert!(next > now);
        now = next;
        let seen = round(&mut client, &files, now);
        urls.extend(seen.urls());
        events.extend(seen.events);
    }
    assert_eq!(
        urls,
        ["x.m3u8", "33.ts", "33.ts", "33.ts", "33.ts", "34.ts"]
    );
    assert!(matches!(&events[..], [Event::Gap { media, .. }, Event::End] if media.number == 33));
}

#[test]
fn errors_repeat() {
    for text in ["", "#EXTM3U\n", "#EXTM3U\n#EXT-X-TARGETDURATION:x\n"] {
        let mut files = Files::default();
        files.put("x.m3u8", text);
        let mut client = Client::new("http://h/x.m3u8", Config::default());
        let request = client.poll_request(0).unwrap();
        client.handle_response(request.id, "http://h/x.m3u8", text.as_bytes(), 0);
        let error = client.poll_event().unwrap_err();
        assert_eq!(client.poll_event().unwrap_err(), error);
        assert_eq!(client.poll_request(0), None);
    }
    let mut client = Client::new("http://h/gone.m3u8", Config::default());
    let mut now = 0;
    while let Some(request) = client.poll_request(now) {
        client.handle_failure(request.id, now);
        now = client.poll_timeout().unwrap_or(now);
    }
    assert_eq!(now, 3 * SECOND / 2);
    assert!(client.poll_event().is_err());
}

#[cfg(feature = "media")]
mod low_latency {
    use super::*;
    use fluvial_hls::live::{self, Answer, Reload};
    use media::{PartInfo, SegmentInfo, Time, Timescale, WallClock};
    use std::time::Duration;

    /// Our own origin with parts of half a second, and a client of it, by a clock that is told: each part is fetched
    /// once, in order, as soon as it is there, and playlists come as delta updates.
    #[test]
    fn every_part_is_fetched_when_it_is_there() {
        let config = live::Config::low_latency(Duration::from_secs(2), Duration::from_millis(500));
        let mut origin = live::Playlist::new(config);
        origin.set_clock(
            Time::ZERO,
            WallClock::from_unix_nanos(1_700_000_000 * SECOND),
        );
        let mut parts = 0_u32;
        let mut push = |origin: &mut live::Playlist| {
            let (segment, part) = (u64::from(parts / 4), parts % 4);
            let info = PartInfo {
                track: None,
                segment,
                part,
                init: 0,
                start: i64::from(parts) * 500,
                duration: 500,
                timescale: Timescale::MILLIS,
                independent: part == 0,
                discontinuity: false,
                size: 10,
            };
            origin.push_part(&info).unwrap();
            parts += 1;
            if part == 3 {
                origin
                    .push_segment(&SegmentInfo {
                        track: None,
                        segment,
                        parts: 4,
                        init: 0,
                        start: info.start - 1500,
                        duration: 2000,
                        timescale: Timescale::MILLIS,
                        independent: true,
                        discontinuity: false,
                        size: 40,
                    })
                    .unwrap();
            }
        };
        for _ in 0..42 {
            push(&mut origin);
        }
        let mut client = Client::new("http://h/x.m3u8", Config::default());
        let mut waiting: Vec<(Request, Reload)> = Vec::new();
        let (mut fetched, mut deltas, mut whole) = (Vec::new(), 0, 0);
        for step in 0_i64..80 {
            let now = step * SECOND / 2;
            for (request, reload) in std::mem::take(&mut waiting) {
                assert_eq!(
                    origin.answer(&reload),
                    Ok(Answer::Now),
                    "a reload waits for one part"
                );
                let body = origin.document(reload.skip, &[]);
                client.handle_response(request.id, "http://h/x.m3u8", &body, now);
            }
            while let Some(request) = client.poll_request(now) {
                match &request.kind {
                    Kind::Playlist => {
                        let query = request
                            .resource
                            .url
                            .split_once('?')
                            .map_or("", |(_, query)| query);
                        let reload = Reload::parse(query).unwrap();
                        match reload.skip {
                            live::Skip::Nothing => whole += 1,
                            _ => deltas += 1,
                        }
                        match origin.answer(&reload).unwrap() {
                            Answer::Now => {
                                let body = origin.document(reload.skip, &[]);
                                client.handle_response(request.id, "http://h/x.m3u8", &body, now);
                            }
                            Answer::Wait => waiting.push((request, reload)),
                        }
                    }
                    Kind::Media(media) => {
                        fetched.push((media.number, media.part, media.start));
                        client.handle_response(
                            request.id,
                            &request.resource.url,
                            b"0123456789",
                            now,
                        );
                    }
                    _ => client.handle_response(request.id, &request.resource.url, b"init", now),
                }
            }
            // One and a half seconds behind the end, and from then on at it.
            push(&mut origin);
        }
        assert_eq!((whole, deltas), (1, 80));
        // 42 parts were there: the last of the two before 1.5 s from the end that is independent is 10.0.
        let first = fetched.first().unwrap();
        assert_eq!((first.0, first.1), (9, None));
        let expected: Vec<_> = (40..121)
            .map(|part| (part / 4, Some(usize::try_from(part % 4).unwrap())))
            .collect();
        let parts: Vec<_> = fetched[1..].iter().map(|one| (one.0, one.1)).collect();
        assert_eq!(parts, expected);
    }
}

/// Plays a presentation of three variants over a network; which of them the segments are of, and how long the player stood still.
#[cfg(feature = "media")]
fn adapts(network: impl Fn(i64) -> i64) -> (Vec<u64>, i64) {
    const RATES: [u64; 3] = [500_000, 1_500_000, 3_000_000];
    let mut files = Files::default();
    let mut offered = String::from("#EXTM3U\n");
    for rate in RATES {
        offered += &format!("#EXT-X-STREAM-INF:BANDWIDTH={rate}\n{rate}.m3u8\n");
        let mut list = String::from("#EXTM3U\n#EXT-X-TARGETDURATION:4\n");
        for number in 0..60 {
            list += &format!("#EXTINF:4,\n{rate}-{number}.ts\n");
        }
        files.put(&format!("{rate}.m3u8"), &(list + "#EXT-X-ENDLIST\n"));
    }
    files.put("x.m3u8", &offered);
    let mut config = Config::default();
    config.adaptive = true;
    let mut client = Client::new("http://h/x.m3u8", config);
    let (mut now, mut shown_until, mut stalled) = (0, None::<i64>, 0);
    let mut rates = Vec::new();
    while let Some(request) = client.poll_request(now) {
        let url = request.resource.url.clone();
        let name = url.strip_prefix("http://h/").unwrap();
        let body = match files.get(&url) {
            Some(body) => body,
            None => {
                let rate: usize = name.split('-').next().unwrap().parse().unwrap();
                rates.push(rate as u64);
                vec![0; rate * 4 / 8]
            }
        };
        now += i64::try_from(body.len()).unwrap() * 8 * SECOND / network(now);
        client.handle_response(request.id, &url, &body, now);
        if matches!(request.kind, Kind::Media(_)) {
            let until = shown_until.unwrap_or(now);
            stalled += (now - until).max(0);
            let until = until.max(now) + 4 * SECOND;
            shown_until = Some(until);
            // It fetches no further ahead than half a minute.
            now = now.max(until - 30 * SECOND);
        }
    }
    assert_eq!(rates.len(), 60);
    (rates, stalled)
}

#[test]
#[cfg(feature = "media")]
fn variants_follow_the_network() {
    let (rates, stalled) = adapts(|_| 6_000_000);
    assert_eq!((rates[0], rates[8], stalled), (500_000, 3_000_000, 0));
    assert!(rates.windows(2).all(|two| two[0] <= two[1]), "{rates:?}");
    // A fifth of it, from the second minute to the third.
    let slow = |now| match now / SECOND {
        60..120 => 1_000_000,
        _ => 5_000_000,
    };
    let (rates, stalled) = adapts(slow);
    assert_eq!(stalled, 0, "{rates:?}");
    let switches = rates.windows(2).filter(|two| two[0] != two[1]).count();
    assert!(
        rates[10..40].contains(&500_000) && switches <= 8,
        "{rates:?}"
    );
    assert_eq!(rates.last(), Some(&3_000_000));
}

#[test]
fn all_sound_that_goes_with_a_variant() {
    let mut files = Files::default();
    files.put(
        "x.m3u8",
        "#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"en\",URI=\"en.m3u8\"\n\
         #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"de\",DEFAULT=YES,URI=\"de.m3u8\"\n\
         #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"in it\"\n\
         #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"b\",NAME=\"fr\",URI=\"fr.m3u8\"\n\
         #EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO=\"a\"\nv.m3u8\n",
    );
    let list = "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n1.ts\n#EXT-X-ENDLIST\n";
    for name in ["v.m3u8", "en.m3u8", "de.m3u8"] {
        files.put(name, list);
    }
    files.put("1.ts", "");
    for (all, expected) in [
        (false, &["v.m3u8", "de.m3u8"][..]),
        (true, &["v.m3u8", "en.m3u8", "de.m3u8"]),
    ] {
        let mut config = Config::default();
        config.all_audio = all;
        let seen = round(&mut Client::new("http://h/x.m3u8", config), &files, 0);
        let lists: Vec<_> = seen
            .urls()
            .into_iter()
            .filter(|url| url.ends_with("3u8"))
            .collect();
        assert_eq!(lists[1..], *expected);
    }
}
