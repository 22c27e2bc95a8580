//! The server from outside, over sockets: what publishers, players and browsers get, and what they cannot do.

mod support;

use rtmp::client::{Event, PublishType};
use rtmp::message::status;
use rtmp::{Message, TypeId};
use std::time::Duration;
use support::{Client, Clip, get, server};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

const NO_DEMO: &[&str] = &["--no-demo"];

#[tokio::test]
async fn a_player_gets_headers_then_a_key_frame() {
    let server = server(&[]).await;
    let mut player = Client::connect(&server).await;
    player.play("demo").await;
    let first: Vec<Message> = player.media(4).await;
    assert_eq!(first[0].type_id, TypeId::DATA);
    let headers: Vec<_> = first[1..3]
        .iter()
        .map(|message| (message.type_id, message.payload[1]))
        .collect();
    assert!(headers.contains(&(TypeId::VIDEO, 0)) && headers.contains(&(TypeId::AUDIO, 0)));
    let video = player.media_of(TypeId::VIDEO).await;
    let key = if first[3].type_id == TypeId::VIDEO {
        &first[3]
    } else {
        &video
    };
    assert_eq!(key.payload[..2], [0x17, 1]);
}

#[tokio::test]
async fn hls_carries_every_sample_of_the_publisher() {
    let server = server(NO_DEMO).await;
    assert_eq!(get(&server, "/live/x/index.m3u8").await.0, 404);
    let mut publisher = Client::connect(&server).await;
    publisher.publish("x?key=secret").await.unwrap();
    let clip = Clip::new();
    publisher.send(&clip.messages).await;

    let (code, multivariant) = get(&server, "/live/x/index.m3u8").await;
    assert_eq!(code, 200);
    let multivariant = hls::MultivariantPlaylist::parse(&multivariant).unwrap();
    let variant = multivariant.variants().next().unwrap();
    assert_eq!(variant.stream_inf.codecs, Some("avc1.64001F,mp4a.40.2"));
    publisher.close().await;
    // The last segment comes when the publisher goes.
    let playlist = support::until(&server, "/live/x/stream.m3u8", |text| {
        text.matches("#EXTINF").count() == 4
    })
    .await;
    let mut file = Vec::new();
    let map = playlist
        .split("URI=\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    for uri in std::iter::once(map).chain(playlist.lines().filter(|line| !line.starts_with('#'))) {
        let (code, data) = get(&server, &format!("/live/x/{uri}")).await;
        assert_eq!(code, 200, "{uri}");
        file.extend_from_slice(&data);
    }
    let got = Clip::parse(&file);
    assert_eq!(got.len(), clip.samples.len());
    for (got, sent) in got.iter().zip(&clip.samples) {
        assert!(got.1 == sent.1, "a sample of track {} differs", sent.0);
    }
}

#[tokio::test]
async fn a_taken_name_is_refused_and_a_player_waits_for_its_publisher() {
    let server = server(NO_DEMO).await;
    let mut player = Client::connect(&server).await;
    player.play("x").await;

    let mut publisher = Client::connect(&server).await;
    publisher.publish("x").await.unwrap();
    assert_eq!(player.status().await, status::PLAY_PUBLISH_NOTIFY);
    let mut second = Client::connect(&server).await;
    assert_eq!(
        second.publish("x").await.unwrap_err(),
        status::PUBLISH_BAD_NAME
    );

    let clip = Clip::new();
    publisher.send(&clip.messages[..50]).await;
    let got = player.media(50).await;
    for (got, sent) in got.iter().zip(&clip.messages) {
        assert_eq!(
            (got.type_id, got.timestamp, &got.payload),
            (sent.type_id, sent.timestamp, &sent.payload)
        );
    }
    // The one that was refused may have the name when it is free.
    publisher.close().await;
    assert_eq!(player.status().await, status::PLAY_UNPUBLISH_NOTIFY);
    second.publish("x").await.unwrap();
    assert_eq!(player.status().await, status::PLAY_PUBLISH_NOTIFY);
}

#[tokio::test]
async fn a_publisher_killed_in_mid_message_leaves_cleanly_and_may_return() {
    let server = server(NO_DEMO).await;
    let clip = Clip::new();
    let mut player = Client::connect(&server).await;
    player.play("x").await;

    let mut publisher = Client::connect(&server).await;
    publisher.publish("x").await.unwrap();
    publisher.send(&clip.messages).await;
    publisher.cut_in_mid_message(&clip.messages[3]).await;
    assert_eq!(player.status().await, status::PLAY_PUBLISH_NOTIFY);
    assert_eq!(player.status().await, status::PLAY_UNPUBLISH_NOTIFY);
    let before = support::until(&server, "/live/x/stream.m3u8", |text| {
        text.matches("#EXTINF").count() == 4
    })
    .await;
    assert!(!before.contains("#EXT-X-ENDLIST") && !before.contains("#EXT-X-DISCONTINUITY\n"));

    let mut again = Client::connect(&server).await;
    again.publish("x").await.unwrap();
    again.send(&clip.messages).await;
    let after = support::until(&server, "/live/x/stream.m3u8", |text| {
        text.matches("#EXTINF").count() >= 7
    })
    .await;
    let shared = before
        .lines()
        .rfind(|line| line.starts_with("segment-"))
        .unwrap();
    let (_, new) = after.split_once(shared).expect("the same playlist goes on");
    assert!(
        new.trim_start().starts_with("#EXT-X-DISCONTINUITY\n"),
        "{new}"
    );
    assert_eq!(after.matches("#EXT-X-DISCONTINUITY\n").count(), 1);
}

#[tokio::test]
async fn bad_input_costs_nobody_else_anything() {
    let server = server(&["--handshake", "0.5"]).await;
    let mut witness = Client::connect(&server).await;
    witness.play("demo").await;

    let address = server.rtmp_address();
    let mut half_open = TcpStream::connect(address).await.unwrap();
    half_open.write_all(&[3; 700]).await.unwrap();
    let idle = TcpStream::connect(address).await.unwrap();

    for opening in [
        &[0x16, 3, 1, 0, 200][..],
        b"GET / HTTP/1.1\r\n\r\n",
        &[0xFF; 2000],
    ] {
        let mut bad = TcpStream::connect(address).await.unwrap();
        let _ = bad.write_all(&[opening, &[0xA5; 4000]].concat()).await;
        assert!(closes(bad).await, "{:02x?} was let in", &opening[..4]);
    }
    let chunks: [(&str, &[u8]); 4] = [
        (
            "a chunk size of 0",
            &[2, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0, 0, 0, 0, 0],
        ),
        (
            "a message too large for the limits",
            &[4, 0, 0, 0, 0xFF, 0xFF, 0xFF, 9, 1, 0, 0, 0, 0],
        ),
        ("a chunk that continues nothing", &[0xC9, 0, 0, 0]),
        (
            "AMF that is none",
            &[3, 0, 0, 0, 0, 0, 3, 20, 0, 0, 0, 0, 0xEE, 0xEE, 0xEE],
        ),
    ];
    for (what, bytes) in chunks {
        let bad = Client::connect(&server).await;
        assert!(closes(bad.raw(bytes).await).await, "{what} was let in");
    }
    assert!(closes(half_open).await && closes(idle).await);
    witness.media(100).await;
}

#[tokio::test]
async fn the_greatest_chunk_size_is_taken() {
    let server = server(NO_DEMO).await;
    let clip = Clip::new();
    let mut publisher = Client::connect(&server).await;
    publisher.publish("x").await.unwrap();
    // Set Chunk Size 2^31-1, then one chunk of audio.
    let mut bytes = vec![2, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0, 0x7F, 0xFF, 0xFF, 0xFF];
    let body = vec![0; 70_000];
    bytes.extend([4, 0, 0, 0, 0x01, 0x11, 0x70, 8, 1, 0, 0, 0]);
    bytes.extend(&body);
    let mut player = Client::connect(&server).await;
    player.play("x").await;
    let socket = publisher.raw(&bytes).await;
    assert_eq!(player.media_of(TypeId::AUDIO).await.payload, body);
    drop((socket, clip));
}

#[tokio::test]
async fn a_player_that_does_not_read_is_cut_and_no_one_else_notices() {
    let server = server(&["--no-demo", "--stall", "1"]).await;
    let mut reading = Client::connect(&server).await;
    reading.play("x").await;
    let mut deaf = Client::connect(&server).await;
    deaf.play("x").await;
    let mut publisher = Client::connect(&server).await;
    publisher.publish("x").await.unwrap();
    // More than the sockets between them can hold.
    let message = Message {
        payload: [&[0x27, 1, 0, 0, 0][..], &[0x55; 100_000]].concat().into(),
        ..support::key_frame()
    };
    let sent = async {
        publisher.send(&[support::key_frame()]).await;
        for _ in 0..300 {
            publisher.send(std::slice::from_ref(&message)).await;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let (_, got) = tokio::join!(sent, reading.media(301));
    assert_eq!(got.len(), 301);
    assert!(closes(deaf.into_socket()).await);
}

#[tokio::test]
async fn a_shutdown_ends_playlists_and_players() {
    let server = server(&[]).await;
    let mut player = Client::connect(&server).await;
    player.play("demo").await;
    player.media(10).await;
    let (rtmp, http) = (server.rtmp_address(), server.http_address());
    // Somebody watches, so that HTTP stays long enough.
    support::until(&server, "/live/demo/stream.m3u8", |text| {
        text.contains("#EXTINF")
    })
    .await;
    let ending = tokio::spawn(server.shut_down());
    player.stopped().await;
    let mut ended = false;
    for _ in 0..40 {
        let (_, text) = support::fetch(http, "/live/demo/stream.m3u8").await;
        ended |= text.ends_with(b"#EXT-X-ENDLIST\n");
        if ended {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(ended);
    timeout(Duration::from_secs(6), ending)
        .await
        .unwrap()
        .unwrap();
    assert!(TcpStream::connect(rtmp).await.is_err() && TcpStream::connect(http).await.is_err());
}

#[tokio::test]
async fn the_page_and_the_api_are_there() {
    let server = server(&[]).await;
    for path in [
        "/",
        "/assets/app.js",
        "/assets/chart.js",
        "/assets/player.js",
        "/assets/style.css",
        "/favicon.ico",
        "/healthz",
    ] {
        assert_eq!(get(&server, path).await.0, 200, "{path}");
    }
    for path in [
        "/nothing",
        "/assets/nothing",
        "/live/demo/nothing",
        "/live/demo/segment-x.m4s",
        "/api/streams/live/nothing",
    ] {
        assert_eq!(get(&server, path).await.0, 404, "{path}");
    }
    get(&server, "/live/demo/index.m3u8").await;
    let (_, body) = get(&server, "/api/streams").await;
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
    let demo = &body["streams"][0];
    assert_eq!(
        (demo["name"].as_str(), demo["live"].as_bool()),
        (Some("live/demo"), Some(true))
    );
    assert_eq!(
        (
            demo["video"]["width"].as_u64(),
            demo["video"]["frame_rate"].as_f64()
        ),
        (Some(1280), Some(30.0))
    );
    let (_, body) = get(&server, "/api/streams/live/demo").await;
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert!(
        body["history"]
            .as_array()
            .is_some_and(|history| !history.is_empty())
    );
}

#[tokio::test]
async fn several_publications_fit_on_one_connection() {
    let server = server(NO_DEMO).await;
    let mut publisher = Client::connect(&server).await;
    publisher.publish("a").await.unwrap();
    publisher.publish("b").await.unwrap();
    let event = publisher.try_publish("a", PublishType::Live).await;
    assert!(matches!(event, Event::Refused { code, .. } if code == status::PUBLISH_BAD_NAME));
}

/// Whether the server hangs up.
async fn closes(mut socket: TcpStream) -> bool {
    let mut sink = vec![0; 1 << 16];
    let reading = async {
        loop {
            match socket.read(&mut sink).await {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
        }
    };
    timeout(Duration::from_secs(15), reading).await.is_ok()
}
