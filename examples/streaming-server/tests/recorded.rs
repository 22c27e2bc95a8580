//! Recordings over RTMP: what players get of MP4 and FLV files, from where, and how fast.

mod support;

use rtmp::amf::amf0::{self, Object, Value};
use rtmp::client::{Event, PlayStart};
use rtmp::message::{Role, status};
use rtmp::{Message, TypeId, flv};
use std::path::Path;
use std::time::{Duration, Instant};
use streaming_server::Server;
use support::{Client, Clip, server};
use tempfile::TempDir;

/// More than the clip: all of it may come at once.
const ALL: u32 = 3_600_000;
/// How long the clip is.
const LENGTH: f64 = 8.0;

/// A folder with the built-in clip as MP4 and as FLV, with and without an index.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let clip = Clip::new();
    std::fs::write(
        folder.path().join("clip.mp4"),
        include_bytes!("../demo/demo.mp4"),
    )
    .unwrap();
    let write =
        |name: &str, bytes: Vec<u8>| std::fs::write(folder.path().join(name), bytes).unwrap();
    write("indexed.flv", flv_file(true));
    write("plain.flv", flv_file(false));
    // As from a camera that was switched on long before: its clock does not start at zero, and it tells no length.
    let mut bytes = Vec::new();
    flv::FileHeader::new(true, true).encode(&mut bytes);
    for message in clip.messages.iter().skip(1) {
        let timestamp = message.timestamp + 1_000_000;
        flv::encode_tag(
            &Message {
                timestamp,
                ..message.clone()
            },
            &mut bytes,
        )
        .unwrap();
    }
    write("late.flv", bytes);
    write("noise.mp4", vec![0x55; 4096]);
    std::fs::create_dir(folder.path().join("inner")).unwrap();
    std::fs::copy(
        folder.path().join("clip.mp4"),
        folder.path().join("inner/clip.mp4"),
    )
    .unwrap();
    folder
}

fn flv_file(index: bool) -> Vec<u8> {
    let (tracks, samples) = support::read(include_bytes!("../demo/demo.mp4"));
    let mut muxer = flv::FileMuxer::new();
    if index {
        muxer = muxer.with_index(64);
    }
    muxer.set_tracks(&tracks).unwrap();
    for sample in support::by_time(&tracks, samples) {
        muxer.handle_sample(&sample).unwrap();
    }
    muxer.finish().unwrap();
    let mut file: Vec<u8> = Vec::new();
    while let Some(output) = muxer.poll_output() {
        match output {
            flv::FileOutput::Append(data) => file.extend_from_slice(&data),
            flv::FileOutput::Patch { offset, data } => {
                let start = usize::try_from(offset).unwrap();
                file[start..start + data.len()].copy_from_slice(&data);
            }
        }
    }
    file
}

/// The clip with other headers from its fourth second on, each before what it is for; and the headers of both halves.
fn changing(index: bool) -> (Vec<u8>, [Vec<Message>; 2]) {
    let mut messages = Clip::new().messages;
    let is_header = |message: &&Message| {
        message.role() == Role::Header && matches!(message.type_id, TypeId::AUDIO | TypeId::VIDEO)
    };
    let before: Vec<Message> = messages.iter().filter(is_header).cloned().collect();
    let after: Vec<Message> = before
        .iter()
        .map(|header| Message {
            timestamp: 4000,
            payload: [&header.payload[..], b"other"].concat().into(),
            ..header.clone()
        })
        .collect();
    let is_key =
        |message: &Message| message.type_id == TypeId::VIDEO && message.role() == Role::JoinPoint;
    let key = messages
        .iter()
        .position(|message| is_key(message) && message.timestamp == 4000)
        .unwrap();
    messages.splice(key..key, after.iter().cloned());
    // As many encoders do: the same headers with every key frame.
    let key = messages
        .iter()
        .position(|message| is_key(message) && message.timestamp == 6000)
        .unwrap();
    let repeated = after.iter().map(|header| Message {
        timestamp: 6000,
        ..header.clone()
    });
    messages.splice(key..key, repeated);
    messages.retain(|message| message.type_id != TypeId::DATA);

    let write = |places: &[(f64, f64)]| {
        let mut bytes = Vec::new();
        let mut found = Vec::new();
        flv::FileHeader::new(true, true).encode(&mut bytes);
        if index {
            let list = |of: fn(&(f64, f64)) -> f64| {
                Value::StrictArray(places.iter().map(|place| Value::from(of(place))).collect())
            };
            let lists = Object::from([
                ("filepositions", list(|place| place.0)),
                ("times", list(|place| place.1)),
            ]);
            let object = Object::from([("keyframes", Value::Object(lists))]);
            let mut payload = Vec::new();
            let values = [Value::from("onMetaData"), Value::EcmaArray(object)];
            amf0::encode(&values, &mut payload).unwrap();
            let metadata = Message {
                timestamp: 0,
                type_id: TypeId::DATA,
                stream_id: 0,
                payload: payload.into(),
            };
            flv::encode_tag(&metadata, &mut bytes).unwrap();
        }
        for message in &messages {
            if is_key(message) {
                found.push((bytes.len() as f64, f64::from(message.timestamp) / 1000.0));
            }
            flv::encode_tag(message, &mut bytes).unwrap();
        }
        (bytes, found)
    };
    let places = messages.iter().filter(|message| is_key(message)).count();
    let (_, places) = write(&vec![(0.0, 0.0); places]);
    (write(&places).0, [before, after])
}

async fn vod(folder: &TempDir) -> Server {
    let path: &Path = folder.path();
    server(&["--no-demo", "--vod", path.to_str().unwrap()]).await
}

/// Sound and pictures without their headers, and without the end of the sequence, which is the file's. Which of two kinds
/// of the same time comes first does not matter.
fn media(messages: &[Message]) -> Vec<(u32, TypeId, &[u8])> {
    let is_end = |message: &Message| {
        message.type_id == TypeId::VIDEO && message.payload[..] == [0x17, 2, 0, 0, 0]
    };
    let media = messages.iter().filter(|message| {
        let is_header = message.type_id == TypeId::DATA || message.role() == Role::Header;
        !is_header && !is_end(message)
    });
    let mut media: Vec<_> = media
        .map(|message| (message.timestamp, message.type_id, &*message.payload))
        .collect();
    media.sort_by_key(|(time, kind, _)| (*time, *kind));
    media
}

fn assert_same(got: &[(u32, TypeId, &[u8])], sent: &[(u32, TypeId, &[u8])], what: &str) {
    let differs = (0..got.len().max(sent.len())).find(|at| got.get(*at) != sent.get(*at));
    if let Some(at) = differs {
        let brief = |list: &[(u32, TypeId, &[u8])]| {
            let message = list.get(at).copied();
            message.map(|(time, kind, data)| (time, kind, data.len()))
        };
        let (got, sent) = (brief(got), brief(sent));
        panic!("{what}: message {at} is {got:?} instead of {sent:?}");
    }
}

/// What metadata tells of the length.
fn length(messages: &[Message]) -> Option<f64> {
    let mut demuxer = flv::Demuxer::new(rtmp::Limits::default());
    for message in messages {
        demuxer.handle_message(message);
        while let Some(event) = demuxer.poll_event().unwrap() {
            if let media::Event::Metadata(metadata) = event
                && let Some(media::Value::Number(length)) = metadata.get("duration")
            {
                return Some(*length);
            }
        }
    }
    None
}

#[tokio::test]
async fn every_message_of_a_file_comes_and_then_the_end() {
    let folder = folder();
    let server = vod(&folder).await;
    let clip = Clip::new();
    for name in [
        "clip.mp4",
        "mp4:clip.mp4",
        "mp4:clip",
        "indexed.flv",
        "indexed",
        "flv:plain",
        "late",
        "inner/clip.mp4",
        "mp4:inner/clip",
    ] {
        let mut player = Client::open(&server, "vod", ALL).await;
        player.play_from(name, PlayStart::Any, None).await;
        let got = player.media_to_end().await;
        assert_same(&media(&got), &media(&clip.messages), name);
        // Headers first: a decoder can begin.
        assert_eq!(got[0].type_id, TypeId::DATA, "{name}");
        assert!(
            got[1..3]
                .iter()
                .all(|message| message.role() == Role::Header),
            "{name}"
        );
        let told = length(&got).unwrap();
        assert!((told - LENGTH).abs() < 0.1, "{name}: {told}");
    }
}

#[tokio::test]
async fn a_part_is_played_from_the_key_frame_before_it() {
    let folder = folder();
    let server = vod(&folder).await;
    let clip = Clip::new();
    let start = Duration::from_secs(5);
    for name in ["clip.mp4", "indexed", "plain", "late"] {
        let mut player = Client::open(&server, "vod", ALL).await;
        let duration = Some(Duration::from_secs(2));
        player.play_from(name, PlayStart::At(start), duration).await;
        let got = player.media_to_end().await;
        let key = clip.messages.iter().rev().find(|message| {
            message.role() == Role::JoinPoint
                && message.type_id == TypeId::VIDEO
                && message.timestamp <= 5000
        });
        // Pictures from there on, all that are before the start at its time; sound from the start on; both on a clock that begins
        // with the start.
        let key = key.unwrap().timestamp;
        let expected: Vec<Message> = clip
            .messages
            .iter()
            .filter(|message| {
                let from = if message.type_id == TypeId::VIDEO {
                    key
                } else {
                    5000
                };
                (from..7000).contains(&message.timestamp)
            })
            .map(|message| Message {
                timestamp: message.timestamp.saturating_sub(5000),
                ..message.clone()
            })
            .collect();
        assert_same(&media(&got), &media(&expected), name);
    }
}

#[tokio::test]
async fn a_file_is_sent_as_fast_as_the_player_buffers_and_no_faster() {
    let folder = folder();
    let server = vod(&folder).await;
    let mut player = Client::open(&server, "vod", 1000).await;
    let begin = Instant::now();
    player.play_from("clip.mp4", PlayStart::Any, None).await;
    let mut last = 0;
    while last < 3000 {
        let message = player.media(1).await.remove(0);
        last = message.timestamp;
        let allowed = begin.elapsed() + Duration::from_millis(1000);
        assert!(
            Duration::from_millis(last.into()) <= allowed,
            "{last} ms come after {:?}",
            begin.elapsed()
        );
    }
    assert!(
        begin.elapsed() < Duration::from_secs(6),
        "too slow: {:?}",
        begin.elapsed()
    );
}

#[tokio::test]
async fn seek_and_pause() {
    let folder = folder();
    let server = vod(&folder).await;
    for name in ["clip.mp4", "indexed", "plain"] {
        let mut player = Client::open(&server, "vod", 500).await;
        player.play_from(name, PlayStart::Any, None).await;
        player.media(20).await;
        player.seek(Duration::from_millis(6500)).await;
        player.forget();
        assert_eq!(player.status().await, status::SEEK_NOTIFY);
        // What was under way comes first.
        let got = loop {
            let message = player.media(1).await.remove(0);
            if message.type_id == TypeId::VIDEO && message.timestamp > 3000 {
                break message;
            }
        };
        assert_eq!((got.timestamp, got.role()), (6000, Role::Header), "{name}");
        let key = player.media_of(TypeId::VIDEO).await;
        assert_eq!(
            (key.timestamp, key.role()),
            (6000, Role::JoinPoint),
            "{name}"
        );

        player.pause(true).await;
        assert_eq!(player.status().await, status::PAUSE_NOTIFY);
        player.forget();
        assert!(player.is_silent(Duration::from_millis(400)).await, "{name}");
        player.pause(false).await;
        assert_eq!(player.status().await, status::UNPAUSE_NOTIFY);
        player.media_of(TypeId::VIDEO).await;
    }
}

#[tokio::test]
async fn after_a_seek_come_the_headers_of_that_place() {
    let folder = tempfile::tempdir().unwrap();
    for index in [false, true] {
        let (file, [before, after]) = changing(index);
        let name = if index { "indexed" } else { "plain" };
        std::fs::write(folder.path().join(format!("{name}.flv")), file).unwrap();
        let server = vod(&folder).await;
        for (start, headers) in [
            (0, &before),
            (2500, &before),
            (5000, &after),
            (6500, &after),
        ] {
            let mut player = Client::open(&server, "vod", ALL).await;
            let part = Some(Duration::from_millis(200));
            let from = PlayStart::At(Duration::from_millis(start));
            player.play_from(name, from, part).await;
            let mut wanted: Vec<_> = headers.iter().map(|header| &header.payload).collect();
            wanted.sort();
            let got = player.media_to_end().await;
            let headers = |message: &&Message| {
                message.role() == Role::Header && message.type_id != TypeId::DATA
            };
            let of_media = got.iter().filter(|message| message.type_id != TypeId::DATA);
            let first: Vec<_> = of_media.take(2).filter(headers).collect();
            let mut first: Vec<_> = first.iter().map(|header| &header.payload).collect();
            first.sort();
            assert_eq!(first, wanted, "{name} from {start} ms");
            assert_eq!(got.iter().filter(headers).count(), 2, "{name}, {start} ms");
        }
        // From one half into the other and back, on one connection.
        let mut player = Client::open(&server, "vod", 100).await;
        player.play_from(name, PlayStart::Any, None).await;
        player.media(10).await;
        for (to, headers) in [(6500, &after), (1000, &before)] {
            player.seek(Duration::from_millis(to)).await;
            player.forget();
            assert_eq!(player.status().await, status::SEEK_NOTIFY);
            let header = loop {
                let message = player.media_of(TypeId::VIDEO).await;
                if message.role() == Role::Header {
                    break message;
                }
            };
            let wanted = headers.iter().find(|other| other.type_id == TypeId::VIDEO);
            assert_eq!(header.payload, wanted.unwrap().payload, "{name} at {to}");
        }
        // Played from the start, both come where they are.
        let mut player = Client::open(&server, "vod", ALL).await;
        player.play_from(name, PlayStart::Any, None).await;
        let got = player.media_to_end().await;
        let headers: Vec<_> = got
            .iter()
            .filter(|message| message.role() == Role::Header && message.type_id == TypeId::VIDEO)
            .map(|message| message.timestamp)
            .collect();
        assert_eq!(headers, [0, 4000, 6000], "{name}");
        server.shut_down().await;
    }
}

#[tokio::test]
async fn what_is_not_there_is_refused_and_nothing_is_published_over_it() {
    let folder = folder();
    let server = vod(&folder).await;
    for name in ["none.mp4", "noise.mp4", "../clip.mp4", "inner", ""] {
        let mut player = Client::open(&server, "vod", ALL).await;
        match player.try_play(name).await {
            Event::Refused {
                code, description, ..
            } => {
                assert_eq!(code, status::PLAY_STREAM_NOT_FOUND, "{name}");
                assert!(!description.contains("tmp"), "{description}");
            }
            other => panic!("{name}: {other:?}"),
        }
    }
    let mut publisher = Client::open(&server, "vod", ALL).await;
    assert_eq!(
        publisher.publish("clip.mp4").await.unwrap_err(),
        status::PUBLISH_BAD_NAME
    );
    // Live streams are where they were.
    let mut publisher = Client::connect(&server).await;
    publisher.publish("x").await.unwrap();
}

#[tokio::test]
async fn a_live_player_that_pauses_misses_what_comes_meanwhile() {
    let server = server(&["--no-demo"]).await;
    let clip = Clip::new();
    let mut publisher = Client::connect(&server).await;
    publisher.publish("x").await.unwrap();
    publisher.send(&clip.messages[..40]).await;
    let mut player = Client::connect(&server).await;
    player.play("x").await;
    player.media(3).await;
    player.pause(true).await;
    assert_eq!(player.status().await, status::PAUSE_NOTIFY);
    player.forget();
    publisher.send(&clip.messages[40..500]).await;
    assert!(player.is_silent(Duration::from_millis(300)).await);
    player.pause(false).await;
    assert_eq!(player.status().await, status::UNPAUSE_NOTIFY);
    // Headers, then the newest key frame.
    let key = clip.messages[..500]
        .iter()
        .rev()
        .find(|message| message.type_id == TypeId::VIDEO && message.role() == Role::JoinPoint);
    let first = loop {
        let message = player.media_of(TypeId::VIDEO).await;
        if message.role() != Role::Header {
            break message;
        }
    };
    assert_eq!(first.timestamp, key.unwrap().timestamp);
}

#[tokio::test]
async fn what_is_published_is_recorded_and_can_be_played() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let server = server(&["--no-demo", "--record", path, "--vod", path]).await;
    let clip = Clip::new();
    let mut publisher = Client::connect(&server).await;
    publisher.publish("x").await.unwrap();
    publisher.send(&clip.messages).await;
    publisher.close().await;
    let files = || -> Vec<std::path::PathBuf> {
        let files = std::fs::read_dir(folder.path().join("live"))
            .into_iter()
            .flatten();
        files.map(|file| file.unwrap().path()).collect()
    };
    let begin = Instant::now();
    // While it grows `moov` comes after `ftyp`; closed, what was it is free.
    let is_closed = |bytes: &[u8]| {
        let ftyp = bytes
            .first_chunk()
            .map_or(0, |size| u32::from_be_bytes(*size)) as usize;
        bytes.get(ftyp + 4..ftyp + 8) == Some(b"free")
    };
    let bytes = loop {
        if let [file] = &files()[..] {
            let bytes = std::fs::read(file).unwrap();
            if is_closed(&bytes) {
                break bytes;
            }
        }
        assert!(begin.elapsed() < Duration::from_secs(20), "{:?}", files());
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    let data = |samples: &[(media::TrackId, bytes::Bytes)]| -> Vec<bytes::Bytes> {
        samples.iter().map(|(_, data)| data.clone()).collect()
    };
    assert!(data(&Clip::parse(&bytes)) == data(&clip.samples));
    let name = files()[0].file_name().unwrap().to_str().unwrap().to_owned();
    let mut player = Client::open(&server, "vod", ALL).await;
    player
        .play_from(&format!("live/{name}"), PlayStart::Any, None)
        .await;
    let got = player.media_to_end().await;
    assert_eq!(media(&got).len(), media(&clip.messages).len());
    server.shut_down().await;
}
