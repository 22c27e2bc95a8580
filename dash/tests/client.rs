//! The client fetches what players need, in order and in time: made-up presentations, those of the corpus, and ffmpeg's.

use fluvial_dash::client::{Client, Config, Event, Kind, Request};
use fluvial_dash::{Mpd, Patch};
use std::path::Path;
use testing::{corpus, files};

const SECOND: i64 = 1_000_000_000;
const URL: &str = "http://host/a/manifest.mpd";

/// Runs a client on a clock that jumps from one thing to do to the next; what it fetches, with the times.
fn run(
    client: &mut Client,
    mut now: i64,
    until: i64,
    mut answer: impl FnMut(&Request, i64) -> Option<Vec<u8>>,
) -> (Vec<(i64, Request)>, Vec<Event>) {
    let (mut fetched, mut events) = (Vec::new(), Vec::new());
    while now <= until && fetched.len() < 5000 {
        while fetched.len() < 5000
            && let Some(request) = client.poll_request(now)
        {
            fetched.push((now, request.clone()));
            match answer(&request, now) {
                Some(body) => client.handle_response(request.id, &request.resource.url, &body, now),
                None => client.handle_failure(request.id, now),
            }
        }
        while let Some(event) = client.poll_event().unwrap() {
            events.push(event);
        }
        if events.last() == Some(&Event::End) {
            break;
        }
        match client.poll_timeout() {
            Some(at) => now = at.max(now + 1),
            None => break,
        }
    }
    (fetched, events)
}

/// What was fetched of a stream, each once however often it was asked for.
fn media(fetched: &[(i64, Request)], stream: usize) -> Vec<&str> {
    let mut last = None;
    let mut names = Vec::new();
    for (_, request) in fetched {
        let of_stream = request.stream == stream
            && matches!(request.kind, Kind::Media(_) | Kind::Initialization);
        if of_stream && last.replace(request.id) != Some(request.id) {
            names.push(request.resource.url.split_once("host/").unwrap().1);
        }
    }
    names
}

#[test]
fn periods_streams_and_alternatives() {
    let mpd = br#"<MPD mediaPresentationDuration="PT7S"><BaseURL>//one.host/</BaseURL><BaseURL>//two.host/</BaseURL>
        <Period id="x" duration="PT4S">
        <AdaptationSet contentType="video"><SegmentTemplate duration="2" initialization="$RepresentationID$/i" media="$RepresentationID$/$Number$"/>
        <Representation id="low" bandwidth="100"/><Representation id="high" bandwidth="900"/></AdaptationSet>
        <AdaptationSet mimeType="audio/mp4"><SegmentTemplate duration="4" media="a/$Number$"/><Representation id="a" bandwidth="10"/></AdaptationSet>
        <AdaptationSet mimeType="audio/mp4"><SegmentTemplate duration="4" media="other/$Number$"/><Representation id="b" bandwidth="10"/></AdaptationSet>
        <AdaptationSet contentType="image"><EssentialProperty schemeIdUri="tiles"/><SegmentTemplate duration="4" media="t/$Number$"/><Representation id="t" bandwidth="10"/></AdaptationSet>
        </Period><Period id="y"><AdaptationSet contentType="video"><SegmentTemplate duration="2" startNumber="9" media="y/$Number$"/><Representation id="y" bandwidth="1"/></AdaptationSet></Period></MPD>"#;
    let mut failed = Vec::new();
    let mut client = Client::new(URL, Config::default());
    let (fetched, events) = run(&mut client, 0, 100 * SECOND, |request, _| {
        let url = &request.resource.url;
        // The second segment is nowhere, the first only at the other base.
        let missing = url.ends_with("high/2") || url.contains("one.host/high/1");
        if missing {
            failed.push(url.clone());
            return None;
        }
        Some(if request.kind == Kind::Document {
            mpd.to_vec()
        } else {
            Vec::new()
        })
    });
    let video = media(&fetched, 0);
    assert_eq!(video, ["high/i", "high/1", "high/2", "y/9", "y/10"]);
    assert_eq!(media(&fetched, 1), ["a/1"]);
    assert_eq!(failed[0], "http://one.host/high/1");
    assert_eq!(failed.len(), 1 + 4, "{failed:?}");
    let gaps = events
        .iter()
        .filter(|event| matches!(event, Event::Gap { stream: 0, .. }));
    assert_eq!(gaps.count(), 1);
    let periods = events
        .iter()
        .filter(|event| matches!(event, Event::Period(_)));
    assert_eq!(periods.count(), 2);
    assert_eq!(events.last(), Some(&Event::End));

    let mut client = Client::new(URL, Config::default());
    client.set_bandwidth(Some(500));
    client.poll_request(0);
    client.handle_response(0, "http://else.where/b/c.mpd", mpd, 0);
    client.seek(5 * SECOND.unsigned_abs());
    let request = client.poll_request(0).unwrap();
    assert_eq!(request.resource.url, "http://one.host/y/9");
}

#[test]
fn live_is_followed_without_haste() {
    let mpd = br#"<MPD type="dynamic" availabilityStartTime="1970-01-01T00:00:00Z" timeShiftBufferDepth="PT30S" minimumUpdatePeriod="PT10S">
        <ServiceDescription><Latency target="1000"/></ServiceDescription><Period start="PT0S"><AdaptationSet contentType="video">
        <SegmentTemplate duration="2" startNumber="0" media="$Number$" availabilityTimeOffset="1.5" availabilityTimeComplete="false"/>
        <Representation id="v" bandwidth="1"/></AdaptationSet></Period></MPD>"#;
    let start = 1000 * SECOND;
    let mut client = Client::new(URL, Config::default());
    let (fetched, events) = run(&mut client, start, start + 60 * SECOND, |request, _| {
        Some(if request.kind == Kind::Document {
            mpd.to_vec()
        } else {
            Vec::new()
        })
    });
    let segments: Vec<_> = fetched
        .iter()
        .filter_map(|(at, request)| match &request.kind {
            Kind::Media(segment) => Some((*at, segment)),
            _ => None,
        })
        .collect();
    // A second behind the edge, and then each as soon as its first half second is there.
    assert_eq!(segments[0].1.number, 499);
    for pair in segments.windows(2) {
        assert_eq!(pair[1].1.number, pair[0].1.number + 1);
    }
    for (at, segment) in &segments[1..] {
        assert_eq!(*at, segment.available_from.unwrap());
        assert_eq!(*at, segment.start + SECOND / 2);
    }
    assert_eq!(segments.len(), 31);
    let documents = fetched
        .iter()
        .filter(|(_, request)| request.kind == Kind::Document)
        .count();
    assert_eq!(documents, 7);
    assert!(!events.contains(&Event::End));
}

/// Version `n` of a stream that gets a segment a second, and ends with the twentieth.
fn version(n: u64) -> Mpd {
    let end = if n >= 20 {
        " mediaPresentationDuration='PT20S'"
    } else {
        ""
    };
    let update = if n >= 20 {
        ""
    } else {
        " minimumUpdatePeriod='PT1S'"
    };
    let text = format!(
        "<MPD id='p' type='dynamic' availabilityStartTime='1970-01-01T00:00:00Z' publishTime='1970-01-01T00:00:{n:02}Z'{update}{end} suggestedPresentationDelay='PT3S'>
         <PatchLocation>patch</PatchLocation><UTCTiming schemeIdUri='urn:mpeg:dash:utc:http-xsdate:2014' value='/time'/>
         <Period id='0' start='PT0S'><AdaptationSet contentType='audio'>
         <SegmentTemplate media='$Time$'><SegmentTimeline><S t='0' d='1' r='{}'/></SegmentTimeline></SegmentTemplate>
         <Representation id='a' bandwidth='1'/></AdaptationSet></Period></MPD>",
        n.min(20) - 1
    );
    text.parse().unwrap()
}

#[test]
fn patches_and_the_clock_are_asked_for() {
    let skew = 100 * SECOND;
    let mut client = Client::new(URL, Config::default());
    let mut known = 0;
    let mut broken = 0;
    let (fetched, events) = run(
        &mut client,
        5 * SECOND - skew,
        60 * SECOND,
        |request, now| {
            let server = u64::try_from((now + skew) / SECOND).unwrap();
            match request.kind {
                Kind::Clock => Some(format!("1970-01-01T00:00:{server:02}Z").into_bytes()),
                Kind::Document => {
                    known = server;
                    Some(version(server).to_string().into_bytes())
                }
                Kind::Patch => {
                    assert_eq!(request.resource.url, "http://host/a/patch");
                    if server == 9 && broken == 0 {
                        broken += 1;
                        return None;
                    }
                    let text = format!(
                    "<Patch mpdId='p' originalPublishTime='1970-01-01T00:00:{known:02}Z' publishTime='1970-01-01T00:00:{server:02}Z'>
                     <replace sel='/MPD/@publishTime'>1970-01-01T00:00:{server:02}Z</replace>
                     <replace sel='/MPD/Period/AdaptationSet/SegmentTemplate/SegmentTimeline/S/@r'>{}</replace>{}</Patch>",
                    server.min(20) - 1,
                    if server >= 20 { "<add sel='/MPD' type='@mediaPresentationDuration'>PT20S</add><remove sel='/MPD/@minimumUpdatePeriod'/>" } else { "" }
                );
                    assert!(Patch::parse(text.as_bytes()).is_ok());
                    known = server;
                    Some(text.into_bytes())
                }
                _ => Some(Vec::new()),
            }
        },
    );
    let names: Vec<_> = media(&fetched, 0)
        .iter()
        .map(|url| url.trim_start_matches("a/").parse::<u64>().unwrap())
        .collect();
    assert_eq!(names, (2..20).collect::<Vec<_>>());
    assert_eq!(events.last(), Some(&Event::End));
    let documents = fetched
        .iter()
        .filter(|(_, request)| request.kind == Kind::Document)
        .count();
    assert_eq!(documents, 2, "the patch that failed");
    assert_eq!(broken, 1);
}

#[test]
fn every_presentation_of_the_corpus_can_be_followed() {
    let Some(dir) = corpus("dash") else { return };
    let (mut ended, mut fetched_in_all) = (0, 0);
    for path in files(&dir) {
        let Some((mpd, bytes)) = std::fs::read(&path)
            .ok()
            .and_then(|bytes| Some((Mpd::parse(&bytes).ok()?, bytes)))
        else {
            continue;
        };
        let start = mpd
            .publish_time
            .or(mpd.availability_start_time)
            .map_or(0, fluvial_dash::DateTime::unix_nanos)
            + 3600 * SECOND;
        let mut client = Client::new(URL, Config::default());
        let (fetched, events) = run(&mut client, start, start + 30 * SECOND, |request, _| {
            match request.kind {
            Kind::Document => Some(bytes.clone()),
            // An index of one segment of ten seconds.
            Kind::Index => Some(b"\0\0\0\x2Csidx\0\0\0\0\0\0\0\x01\0\0\x03\xE8\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0\x64\0\0\x27\x10\x90\0\0\0".to_vec()),
            Kind::Patch => None,
            _ => Some(Vec::new()),
        }
        });
        fetched_in_all += fetched.len();
        ended += usize::from(events.last() == Some(&Event::End));
        if !mpd.is_dynamic() && fetched.len() < 5000 {
            assert_eq!(events.last(), Some(&Event::End), "{}", path.display());
        }
    }
    eprintln!("{ended} ended, {fetched_in_all} things fetched");
    assert!(ended > 50 && fetched_in_all > 5000);
}

/// What a stream of a presentation on disk is, put together from what the client fetches.
fn fetch(dir: &Path, stream: usize) -> Vec<u8> {
    let mut client = Client::new("http://host/out.mpd", Config::default());
    let mut whole = Vec::new();
    let (_, events) = run(&mut client, 0, SECOND, |request, _| {
        let name = request.resource.url.strip_prefix("http://host/").unwrap();
        let mut data = std::fs::read(dir.join(name)).unwrap();
        if let Some(range) = request.resource.range {
            let end = range
                .last
                .map_or(data.len(), |last| usize::try_from(last).unwrap() + 1);
            data = data[usize::try_from(range.first).unwrap()..end].to_vec();
        }
        if request.stream == stream && matches!(request.kind, Kind::Initialization | Kind::Media(_))
        {
            whole.extend_from_slice(&data);
        }
        Some(data)
    });
    assert_eq!(events.last(), Some(&Event::End));
    whole
}

#[test]
fn what_ffmpeg_writes_is_fetched_frame_for_frame() {
    let dir = std::env::temp_dir().join(format!("fluvial-dash-client-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let source = dir.join("source.mp4");
    let source = source.to_str().unwrap();
    let make = format!(
        "-v error -y -f lavfi -i testsrc2=size=160x90:rate=25:duration=7 -f lavfi -i sine=duration=7 -c:v libx264 -preset veryfast -g 25 -c:a aac {source}"
    );
    if testing::run("ffmpeg", &make, &[]).is_none() {
        return;
    }
    let hashes = |input: &str, map: &str, data: &[u8]| {
        let lines = testing::csv(
            "ffmpeg",
            &format!("-v error -i {input} -map {map} -f framemd5 -"),
            data,
        )
        .unwrap();
        let kept = lines.into_iter().filter(|line| !line[0].starts_with('#'));
        kept.map(|line| line.last().unwrap().trim().to_owned())
            .collect::<Vec<_>>()
    };
    for options in [
        "-use_timeline 1 -use_template 1",
        "-use_timeline 0 -use_template 1",
        "-use_timeline 0 -use_template 0",
        "-single_file 1",
        "-single_file 1 -global_sidx 1",
    ] {
        let out = dir.join(options.replace(' ', ""));
        std::fs::create_dir_all(&out).unwrap();
        let mpd = out.join("out.mpd");
        let write = format!(
            "-v error -y -i {source} -c copy -map 0 -seg_duration 2 {options} -f dash {}",
            mpd.display()
        );
        testing::run("ffmpeg", &write, &[]).unwrap();
        for (stream, map) in [(0, "0:v"), (1, "0:a")] {
            let fetched = fetch(&out, stream);
            let (before, after) = (hashes(source, map, &[]), hashes("pipe:0", "0", &fetched));
            assert!(before.len() > 170);
            // ffmpeg's segments have no edit list that takes the encoder's delay away.
            let delay = after.len() - before.len();
            assert!(delay <= usize::from(stream == 1), "{options} {map}");
            assert_eq!(before, after[delay..], "{options} {map}");
        }
    }
    std::fs::remove_dir_all(&dir).unwrap();
}
