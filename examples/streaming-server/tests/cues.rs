//! What a publisher sends beside pictures and sound, and what playlists, manifests and segments say of it: cues, metadata, captions.

mod support;

use h264::sei::{self, Payload, UserDataRegistered};
use media::{Codec, Event, Flags, Metadata, Sample, Timescale, Track, TrackId, Value};
use rtmp::{Message, flv};
use streaming_server::Server;
use support::{Client, by_time, get, read, server, until};

/// ANSI/SCTE 35 §14: 60 seconds away from the programme.
const OUT: &str = "/DAvAAAAAAAA///wFAVIAACPf+/+c2nALv4AUsz1AAAAAAAKAAhDVUVJAAABNWLbowo=";

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

/// The ID3 tags that segments have.
async fn id3(server: &Server, folder: &str, init: &str, uris: &[String]) -> Vec<Sample> {
    let mut demuxer = mp4::Demuxer::new(mp4::Limits::default()).with_events();
    for uri in std::iter::once(init).chain(uris.iter().map(String::as_str)) {
        let (code, data) = get(server, &format!("{folder}/{uri}")).await;
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
    found
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
        let found = id3(&server, "/live/x", &init, &uris).await;
        assert_eq!(found.len(), 1, "{init}");
        let expected = b"onTextData\0{\"text\":\"hello\"}";
        assert!(found[0].data.starts_with(b"ID3") && found[0].data.ends_with(expected));
    }
}

/// The built-in clip as a transport stream with captions, a cue before and behind a break, and an ID3 tag.
fn film() -> Vec<u8> {
    let (tracks, samples) = read(include_bytes!("../demo/demo.mp4"));
    let (cue, tag) = (TrackId(0x1F0), TrackId(0x1F1));
    let data = [(cue, Codec::Scte35), (tag, Codec::Id3)];
    let data = data.map(|(id, codec)| Track::new(id, Timescale::KHZ_90, codec));
    let all: media::Tracks = tracks.iter().cloned().chain(data).collect();
    let mut muxer = mpegts::Muxer::new(mpegts::mux::Config::default());
    muxer.set_tracks(&all).unwrap();
    let sample = |track, seconds: i64, data: Vec<u8>| Sample {
        track,
        dts: seconds * 90_000,
        pts: seconds * 90_000,
        duration: None,
        flags: Flags::SYNC,
        data: data.into(),
    };
    let section = wire::base64::decode(OUT).unwrap();
    let id3 = b"ID3\x04\0\0\0\0\0\x0dTXXX\0\0\0\x03\0\0\x03a\0".to_vec();
    let mut samples = by_time(&all, samples);
    let prefix = captions();
    for sample in &mut samples {
        if matches!(all.find(sample.track).unwrap().codec, Codec::H264(_)) {
            sample.data = [&prefix[..], &sample.data].concat().into();
        }
    }
    samples.push(sample(cue, 1, section));
    samples.push(sample(tag, 3, id3));
    let mut out = Vec::new();
    for sample in by_time(&all, samples) {
        muxer.handle_sample(&sample).unwrap();
        while let Some(bytes) = muxer.poll_output() {
            out.extend_from_slice(&bytes);
        }
    }
    muxer.finish().unwrap();
    while let Some(bytes) = muxer.poll_output() {
        out.extend_from_slice(&bytes);
    }
    out
}

#[tokio::test]
async fn cues_metadata_and_captions_of_files() {
    let folder = tempfile::TempDir::new().unwrap();
    std::fs::write(folder.path().join("film.ts"), film()).unwrap();
    let server = server(&["--no-demo", "--vod", folder.path().to_str().unwrap()]).await;
    let text = async |file: &str| {
        let (code, text) = get(&server, &format!("/vod/film.ts/{file}")).await;
        assert_eq!(code, 200, "{file}");
        String::from_utf8(text).unwrap()
    };

    // The cue: before a segment, as a date range, and as an event.
    let list = text("stream.m3u8").await;
    assert_eq!(hls::check(list.as_bytes()), [], "{list}");
    for told in [
        "SCTE35-OUT=0xFC302F",
        "PLANNED-DURATION=60.293",
        "#EXT-X-CUE-OUT:60.294",
        "#EXT-X-PROGRAM-DATE-TIME:1970-01-01T00:00:",
        "#EXT-X-ENDLIST",
    ] {
        assert!(list.contains(told), "{told}: {list}");
    }
    let manifest = text("manifest.mpd").await;
    let mpd: dash::Mpd = manifest.parse().unwrap();
    assert_eq!(dash::check(&mpd), []);
    let binary = format!("<Binary>{OUT}</Binary>");
    assert!(manifest.contains(&binary), "{manifest}");

    // Captions, of the pictures alone.
    let offered = text("index.m3u8").await;
    assert!(offered.contains("INSTREAM-ID=\"CC1\""), "{offered}");
    assert!(offered.contains("CLOSED-CAPTIONS=\"cc\""), "{offered}");
    assert!(
        manifest.contains("cea-608:2015\" value=\"CC1=und\""),
        "{manifest}"
    );

    // The tag, once, in the segments of the pictures, and in those of all tracks.
    assert_eq!(
        manifest.matches("<InbandEventStream").count(),
        1,
        "{manifest}"
    );
    let set = mpd.periods[0].adaptation_sets.iter();
    let mut video = set.filter(|set| set.content_type == Some(dash::ContentType::Video));
    let track = video.next().unwrap().representations[0].id.clone().unwrap();
    let uris = list.lines().filter(|line| !line.starts_with('#'));
    let muxed: Vec<String> = uris.map(Into::into).collect();
    let own = |uri: &String| uri.replace("segment-", &format!("segment-{track}-"));
    let of_track = muxed.iter().map(own).collect();
    let init = format!("init-{track}-0.mp4");
    for (init, uris) in [("init-0.mp4", muxed), (&init, of_track)] {
        let found = id3(&server, "/vod/film.ts", init, &uris).await;
        assert_eq!(found.len(), 1, "{init}");
        assert!(found[0].data.starts_with(b"ID3\x04"), "{init}");
    }
}
