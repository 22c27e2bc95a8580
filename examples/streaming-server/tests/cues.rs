//! What a publisher sends beside pictures and sound, and what playlists, manifests and segments say of it: cues, metadata, captions.

mod support;

use h264::sei::{self, Payload, UserDataRegistered};
use media::{Codec, Event, Flags, Metadata, Sample, Timescale, Track, TrackId, Value};
use rtmp::{Message, flv};
use support::{Client, by_time, get, read, server, until};

/// ANSI/SCTE 35 §14: 60 seconds away from the programme.
const OUT: &str = "/DAvAAAAAAAA///wFAVIAACPf+/+c2nALv4AUsz1AAAAAAAKAAhDVUVJAAABNWLbowo=";

/// The same as it is in TS.
const SECTION: &[u8] = b"\xFC\x30\x2F\x00\x00\x00\x00\x00\x00\xFF\xFF\xF0\x14\x05\x48\x00\x00\x8F\x7F\xEF\xFE\x73\x69\xC0\x2E\xFE\x00\x52\xCC\xF5\x00\x00\x00\x00\x00\x0A\x00\x08\x43\x55\x45\x49\x00\x00\x01\x35\x62\xDB\xA3\x0A";

fn text(text: &str) -> Value {
    Value::Text(text.into())
}

/// Captions of both kinds, as encoders put them before each picture.
fn captions() -> Vec<u8> {
    let mut payload = b"\0\x31GA94\x03\x42\xFF".to_vec();
    payload.extend([0xFC, 0x94, 0x20, 0xFF, 0x02, 0x22, 0xFF]);
    let user_data = UserDataRegistered {
        itu_t_t35_country_code: 181,
        payload,
        ..UserDataRegistered::default()
    };
    let (mut nal, mut framed) = (Vec::new(), Vec::new());
    sei::encode(&[Payload::UserDataRegistered(user_data)], None, &mut nal).unwrap();
    h264::length_prefixed::push(&nal, &mut framed).unwrap();
    framed
}

/// The built-in clip with captions, a cue after the first second, and metadata after the third.
fn clip() -> Vec<Message> {
    let (tracks, samples) = read(include_bytes!("../demo/demo.mp4"));
    let mut muxer = flv::Muxer::new();
    muxer.set_tracks(&tracks).unwrap();
    let data = [
        (
            1,
            (
                "onCuePoint",
                Value::Map(vec![("parameters".into(), text(OUT))]),
            ),
        ),
        (
            3,
            (
                "onTextData",
                Value::Map(vec![("text".into(), text("hello"))]),
            ),
        ),
    ];
    let mut data = data.into_iter().peekable();
    let prefix = captions();
    for mut sample in by_time(&tracks, samples) {
        let track = tracks.find(sample.track).unwrap();
        let time = track.timescale.time(sample.dts);
        while let Some((_, (name, value))) =
            data.next_if(|(at, _)| time.as_nanos() >= at * 1_000_000_000)
        {
            let entries = vec![(name.to_owned(), value)];
            muxer.handle_metadata(&Metadata { entries }).unwrap();
        }
        if matches!(track.codec, Codec::H264(_)) {
            sample.data = [&prefix[..], &sample.data].concat().into();
        }
        muxer.handle_sample(&sample).unwrap();
    }
    std::iter::from_fn(|| muxer.poll_output()).collect()
}

#[tokio::test]
async fn cues_metadata_and_captions_go_through() {
    let server = server(&["--no-demo"]).await;
    let mut publisher = Client::connect(&server).await;
    publisher.publish("x").await.unwrap();
    publisher.send(&clip()).await;
    publisher.close().await;
    let list = until(&server, "/live/x/stream.m3u8", |text| {
        text.matches("#EXTINF").count() == 4
    })
    .await;

    // The break begins within the first segment, which players have by then: with the second one.
    assert!(list.contains("SCTE35-OUT=0xFC302F"), "{list}");
    assert!(list.contains("PLANNED-DURATION=60.293"), "{list}");
    let (before, after) = list.split_once("#EXT-X-CUE-OUT:60.294\n").expect(&list);
    assert!(
        before.ends_with(&format!("#EXT-OATCLS-SCTE35:{OUT}\n")),
        "{list}"
    );
    assert_eq!(before.matches("#EXTINF").count(), 1, "{list}");
    assert_eq!(
        after.matches("#EXT-X-CUE-OUT-CONT:ElapsedTime=").count(),
        2,
        "{list}"
    );

    let (code, manifest) = get(&server, "/live/x/manifest.mpd").await;
    assert_eq!(code, 200);
    let manifest = String::from_utf8(manifest).unwrap();
    let mpd: dash::Mpd = manifest.parse().unwrap();
    assert_eq!(dash::check(&mpd), []);
    let stream = &mpd.periods[0].event_streams[0];
    assert_eq!(
        stream.scheme_id_uri.as_deref(),
        Some("urn:scte:scte35:2014:xml+bin")
    );
    assert!(
        manifest.contains(&format!("<Binary>{OUT}</Binary>")),
        "{manifest}"
    );
    let event = &stream.events[0];
    let start = event.presentation_time.unwrap() - stream.presentation_time_offset.unwrap_or(0);
    assert!((900..1200).contains(&start), "{manifest}");

    // Captions, as players are told of them.
    let (_, offered) = get(&server, "/live/x/index.m3u8").await;
    let offered = String::from_utf8(offered).unwrap();
    for told in [
        "TYPE=CLOSED-CAPTIONS,GROUP-ID=\"cc\",NAME=\"CC1\",INSTREAM-ID=\"CC1\"",
        "INSTREAM-ID=\"SERVICE1\"",
        "CLOSED-CAPTIONS=\"cc\"",
    ] {
        assert!(
            offered.replace(",AUTOSELECT=YES", "").contains(told),
            "{told}: {offered}"
        );
    }
    for told in [
        "cea-608:2015\" value=\"CC1=und\"",
        "cea-708:2015\" value=\"1=lang:und\"",
    ] {
        assert!(manifest.contains(told), "{told}: {manifest}");
    }

    // Metadata is in the segments of both.
    assert_eq!(
        manifest.matches("<InbandEventStream").count(),
        1,
        "{manifest}"
    );
    let hls: Vec<String> = list
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(Into::into)
        .collect();
    let number = |uri: &String| uri.replace("segment-", "segment-{track}-");
    let video = mpd.periods[0].adaptation_sets.iter();
    let mut video = video.filter(|set| set.content_type == Some(dash::ContentType::Video));
    let track = video.next().unwrap().representations[0].id.clone().unwrap();
    let per_track = hls.iter().map(|uri| number(uri).replace("{track}", &track));
    for (init, uris) in [
        ("init-0.mp4".to_owned(), hls.clone()),
        (format!("init-{track}-0.mp4"), per_track.collect()),
    ] {
        let mut demuxer = mp4::Demuxer::new(mp4::Limits::default()).with_events();
        for uri in std::iter::once(&init).chain(&uris) {
            let (code, data) = get(&server, &format!("/live/x/{uri}")).await;
            assert_eq!(code, 200, "{uri}");
            demuxer.handle_input(&data);
        }
        demuxer.handle_eof();
        let (mut id3, mut found) = (None, Vec::new());
        while let Some(event) = demuxer.poll_event().unwrap() {
            match event {
                Event::Tracks(tracks) => {
                    let track = tracks.iter().find(|track| track.codec == Codec::Id3);
                    id3 = track.map(|track| track.id);
                }
                Event::Sample(sample) if Some(sample.track) == id3 => found.push(sample),
                _ => {}
            }
        }
        assert_eq!(found.len(), 1, "{init}");
        let expected = b"onTextData\0{\"text\":\"hello\"}";
        assert!(found[0].data.starts_with(b"ID3") && found[0].data.ends_with(expected));
    }
}

/// The built-in clip as a TS file, with captions, a cue after the first second, and timed ID3 after the third.
fn recording() -> Vec<u8> {
    let (tracks, samples) = read(include_bytes!("../demo/demo.mp4"));
    let cues = Track::new(TrackId(0x1F0), Timescale::KHZ_90, Codec::Scte35);
    let tags = Track::new(TrackId(0x1F1), Timescale::KHZ_90, Codec::Id3);
    let more = [cues.clone(), tags.clone()];
    let all = tracks.iter().cloned().chain(more).collect();
    let mut muxer = mpegts::Muxer::new(mpegts::mux::Config::default());
    muxer.set_tracks(&all).unwrap();
    let timed = |track: &Track, seconds: i64, data: &'static [u8]| Sample {
        track: track.id,
        dts: seconds * 90_000,
        pts: seconds * 90_000,
        duration: None,
        flags: Flags::SYNC,
        data: data.into(),
    };
    let mut data = [timed(&cues, 1, SECTION), timed(&tags, 3, TAG)]
        .into_iter()
        .peekable();
    let prefix = captions();
    let mut file = Vec::new();
    for mut sample in by_time(&tracks, samples) {
        let track = tracks.find(sample.track).unwrap();
        let time = track.timescale.time(sample.dts);
        while let Some(due) = data.next_if(|due| Timescale::KHZ_90.time(due.dts) <= time) {
            muxer.handle_sample(&due).unwrap();
        }
        if matches!(track.codec, Codec::H264(_)) {
            sample.data = [&prefix[..], &sample.data].concat().into();
        }
        muxer.handle_sample(&sample).unwrap();
    }
    muxer.finish().unwrap();
    while let Some(bytes) = muxer.poll_output() {
        file.extend_from_slice(&bytes);
    }
    file
}

/// ID3v2.4 with one `TXXX` of six bytes.
const TAG: &[u8] = b"ID3\x04\0\0\0\0\0\x10TXXX\0\0\0\x06\0\0\x03a\0hey";

#[tokio::test]
async fn files_tell_of_cues_metadata_and_captions() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("x.ts"), recording()).unwrap();
    let path = folder.path().to_str().unwrap();
    let server = server(&["--no-demo", "--vod", path]).await;
    let file = async |name: &str| {
        let (code, data) = get(&server, &format!("/vod/x.ts/{name}")).await;
        assert_eq!(code, 200, "{name}");
        data
    };
    let document = async |name: &str| String::from_utf8(file(name).await).unwrap();

    let list = document("stream.m3u8").await;
    let range = list
        .lines()
        .find(|line| line.starts_with("#EXT-X-DATERANGE:"))
        .expect(&list);
    assert!(range.contains("SCTE35-OUT=0xFC302F"), "{list}");
    assert!(range.contains("PLANNED-DURATION=60.293"), "{list}");
    // Dates count from the file's start on, which is a second before.
    let date = |line: &str| -> f64 {
        let (_, clock) = line.split_once("1970-01-01T").expect(line);
        let clock = clock.split(['Z', '"', '+']).next().unwrap();
        let mut sum = 0.0;
        for part in clock.split(':') {
            sum = sum * 60.0 + part.parse::<f64>().expect(line);
        }
        sum
    };
    let begin = list
        .lines()
        .find(|line| line.starts_with("#EXT-X-PROGRAM-DATE-TIME:"))
        .expect(&list);
    let after = date(range) - date(begin);
    assert!((0.9..1.2).contains(&after), "{after}: {list}");

    let offered = document("index.m3u8").await;
    for told in [
        "INSTREAM-ID=\"CC1\"",
        "INSTREAM-ID=\"SERVICE1\"",
        "CLOSED-CAPTIONS=\"cc\"",
    ] {
        assert!(offered.contains(told), "{told}: {offered}");
    }

    let manifest = document("manifest.mpd").await;
    let mpd: dash::Mpd = manifest.parse().unwrap();
    assert_eq!(dash::check(&mpd), []);
    for told in [
        // Its times are moved with the stream, so that the rest is another one.
        "<Binary>/DAv".to_owned(),
        "cea-608:2015\" value=\"CC1=und\"".to_owned(),
        "cea-708:2015\" value=\"1=lang:und\"".to_owned(),
    ] {
        assert!(manifest.contains(&told), "{told}: {manifest}");
    }
    let stream = &mpd.periods[0].event_streams[0];
    let start = stream.events[0].presentation_time.unwrap();
    let start = start - stream.presentation_time_offset.unwrap_or(0);
    assert!((900..1200).contains(&start), "{manifest}");

    // ID3 is in the segments of both.
    assert_eq!(
        manifest.matches("<InbandEventStream").count(),
        1,
        "{manifest}"
    );
    let mut sets = mpd.periods[0].adaptation_sets.iter();
    let video = sets.find(|set| set.content_type == Some(dash::ContentType::Video));
    let track = video.unwrap().representations[0].id.clone().unwrap();
    let hls: Vec<_> = list.lines().filter(|line| !line.starts_with('#')).collect();
    for prefix in [String::new(), format!("{track}-")] {
        let mut found = 0;
        for uri in &hls {
            let uri = uri.replace("segment-", &format!("segment-{prefix}"));
            let data = file(&uri).await;
            found += data
                .windows(TAG.len())
                .filter(|bytes| *bytes == TAG)
                .count();
        }
        assert_eq!(found, 1, "{prefix}");
    }
}
