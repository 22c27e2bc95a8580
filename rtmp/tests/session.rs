//! Client and server sessions against each other.

mod support;

use fluvial_rtmp::amf::amf0::{Object, Value};
use fluvial_rtmp::client::{self, PlayStart, PublishType};
use fluvial_rtmp::message::{Command, Control, UserControl, status};
use fluvial_rtmp::server::{self, CloseReason};
use fluvial_rtmp::{Error, Limits, Message, SharedMessage, TypeId, chunk};
use proptest::prelude::*;
use std::time::Duration;
use support::{Pair, message, rng};

fn media(events: &[server::Event]) -> Vec<&Message> {
    let media = events.iter().filter_map(|event| match event {
        server::Event::Media(message) => Some(message),
        _ => None,
    });
    media.collect()
}

fn played(events: &[client::Event]) -> Vec<&Message> {
    let media = events.iter().filter_map(|event| match event {
        client::Event::Media(message) => Some(message),
        _ => None,
    });
    media.collect()
}

fn meta_data() -> Message {
    let mut payload = Vec::new();
    Value::from("onMetaData").encode(&mut payload).unwrap();
    Value::EcmaArray(Object::from([("width", Value::from(640.0))]))
        .encode(&mut payload)
        .unwrap();
    message(TypeId::DATA, 0, &payload)
}

/// Metadata, two headers, a key frame of several chunks, audio, a frame past the 24-bit clock.
fn stream() -> Vec<Message> {
    let key: Vec<u8> = [0x17, 1, 0, 0, 0]
        .into_iter()
        .chain((0..100_000u32).map(|i| i as u8))
        .collect();
    vec![
        meta_data(),
        message(TypeId::VIDEO, 0, &[0x17, 0, 0, 0, 0, 1, 2, 3]),
        message(TypeId::AUDIO, 0, &[0xAF, 0, 0x12, 0x10]),
        message(TypeId::VIDEO, 0, &key),
        message(TypeId::AUDIO, 23, &[0xAF, 1, 9]),
        message(TypeId::VIDEO, 40, &[0x27, 1, 0, 0, 0]),
        message(TypeId::VIDEO, 0x0123_4567, &key),
        message(TypeId::AUDIO, 0x0123_4568, &[]),
    ]
}

fn publish(pair: &mut Pair, name: &str) -> u32 {
    pair.run();
    assert!(
        matches!(pair.client_events[..], [client::Event::Connected { .. }]),
        "{:?}",
        pair.client_events
    );
    let request = pair.client.publish(name, PublishType::Live).unwrap();
    pair.run();
    match pair.client_events.last() {
        Some(client::Event::Publishing {
            request: granted,
            stream_id,
        }) if *granted == request => *stream_id,
        other => panic!("{other:?}"),
    }
}

#[test]
fn publishing_from_handshake_to_end() {
    for mode in [client::Mode::Plain, client::Mode::Digest] {
        let mut pair = Pair::with(|config| config.handshake = mode, server::Config::default());
        let stream_id = publish(&mut pair, "x?key=1");
        for message in stream() {
            pair.client.send_message(&message).unwrap();
        }
        pair.run();
        pair.client.close();
        pair.run();
        pair.server.handle_eof();
        pair.run();

        let [
            server::Event::ConnectRequested(connect),
            server::Event::PublishRequested(publish),
            ..,
        ] = &pair.server_events[..]
        else {
            panic!("{:?}", pair.server_events);
        };
        assert_eq!(connect.app, "live");
        assert_eq!(
            connect.properties.get("tcUrl").and_then(Value::as_str),
            Some("rtmp://host/live")
        );
        assert_eq!(
            (&*publish.path(), &*publish.query, publish.stream_id),
            ("live/x", "key=1", stream_id)
        );
        assert_eq!(publish.publish_type, PublishType::Live);
        let stream = stream();
        assert_eq!(
            media(&pair.server_events),
            stream.iter().collect::<Vec<_>>()
        );
        let end = &pair.server_events[pair.server_events.len() - 2..];
        assert_eq!(
            end,
            [
                server::Event::PublishStopped { stream_id },
                server::Event::Closed(CloseReason::Ended)
            ]
        );
        assert_eq!(
            pair.client_events[2..],
            [
                client::Event::Stopped { stream_id },
                client::Event::Closed(CloseReason::Local)
            ]
        );
        assert_eq!(pair.server.poll_event(), Ok(None));
        assert_eq!(
            (pair.server.poll_timeout(), pair.server.buffered_len()),
            (None, 0)
        );
    }
}

#[test]
fn playing_with_shared_messages_on_two_streams() {
    for chunk_size in [SharedMessage::CHUNK_SIZE, 4096] {
        let mut config = server::Config::default();
        config.chunk_size = chunk_size;
        let mut pair = Pair::with(|_| {}, config);
        pair.run();
        pair.client.play("x", PlayStart::Live).unwrap();
        pair.client
            .play("y", PlayStart::At(Duration::from_secs(7)))
            .unwrap();
        pair.run();
        let requests = pair.server_events.iter().filter_map(|event| match event {
            server::Event::PlayRequested(request) => {
                Some((request.path(), request.stream_id, request.start))
            }
            _ => None,
        });
        let requests = requests.collect::<Vec<_>>();
        assert_eq!(
            requests,
            [
                ("live/x".into(), 1, PlayStart::Live),
                ("live/y".into(), 2, PlayStart::At(Duration::from_secs(7)))
            ]
        );
        pair.client_events.clear();
        pair.server.notify_published(1).unwrap();
        let stream = stream();
        for message in &stream {
            let shared = SharedMessage::new(message).unwrap();
            assert_eq!(shared.message(), message);
            for stream_id in [1, 2] {
                pair.server.send(stream_id, &shared).unwrap();
            }
        }
        pair.server.notify_unpublished(1).unwrap();
        pair.server.stop(1, status::PLAY_COMPLETE, "").unwrap();
        assert!(
            pair.server
                .send(1, &SharedMessage::new(&stream[0]).unwrap())
                .is_err()
        );
        pair.run();
        assert!(
            matches!(&pair.client_events[0], client::Event::Status { stream_id: 1, code, .. } if code == status::PLAY_PUBLISH_NOTIFY)
        );
        let played = played(&pair.client_events);
        for stream_id in [1, 2] {
            let got: Vec<_> = played
                .iter()
                .filter(|message| message.stream_id == stream_id)
                .collect();
            assert_eq!(got.len(), stream.len());
            for (got, sent) in got.iter().zip(&stream) {
                assert_eq!(
                    ***got,
                    Message {
                        stream_id,
                        ..sent.clone()
                    }
                );
            }
        }
        assert!(matches!(
            &pair.client_events[pair.client_events.len() - 2..],
            [client::Event::Status { code, .. }, client::Event::Stopped { stream_id: 1 }] if code == status::PLAY_UNPUBLISH_NOTIFY
        ));
    }
}

#[test]
fn a_shared_message_goes_out_without_a_copy() {
    let mut pair = Pair::new();
    pair.run();
    pair.client.play("x", PlayStart::Any).unwrap();
    pair.run();
    let shared = SharedMessage::new(&stream()[4]).unwrap();
    pair.server.send(1, &shared).unwrap();
    pair.server.send(1, &shared).unwrap();
    assert_eq!(pair.server.transmit_len(), 2 * shared.encoded_len());
    let (a, b) = (
        pair.server.poll_transmit().unwrap(),
        pair.server.poll_transmit().unwrap(),
    );
    assert_eq!(a.as_ptr(), b.as_ptr());
    assert_eq!(pair.server.transmit_len(), 0);
}

#[test]
fn refusals() {
    // The name.
    let mut pair = Pair::new();
    pair.run();
    pair.accept = false;
    let request = pair.client.publish("x", PublishType::Record).unwrap();
    pair.run();
    let Some(server::Event::PublishRequested(asked)) = pair.server_events.last().cloned() else {
        panic!("{:?}", pair.server_events);
    };
    assert_eq!(asked.publish_type, PublishType::Record);
    pair.server
        .reject(asked.id, status::PUBLISH_BAD_NAME, "taken")
        .unwrap();
    assert!(matches!(pair.server.accept(asked.id), Err(Error::State(_))));
    pair.run();
    let refused = client::Event::Refused {
        request: Some(request),
        code: status::PUBLISH_BAD_NAME.into(),
        description: "taken".into(),
    };
    assert_eq!(pair.client_events.last(), Some(&refused));
    assert!(pair.client.send_message(&stream()[1]).is_err());
    // The connection stands, and another name is granted.
    pair.accept = true;
    pair.client.publish("y", PublishType::Live).unwrap();
    pair.run();
    assert!(matches!(
        pair.client_events.last(),
        Some(client::Event::Publishing { .. })
    ));

    // The connection.
    let mut pair = Pair::new();
    pair.accept = false;
    pair.run();
    let Some(server::Event::ConnectRequested(asked)) = pair.server_events.last().cloned() else {
        panic!("{:?}", pair.server_events);
    };
    pair.server
        .reject(asked.id, status::CONNECT_REJECTED, "no")
        .unwrap();
    pair.run();
    assert_eq!(
        pair.server_events.last(),
        Some(&server::Event::Closed(CloseReason::Rejected))
    );
    assert!(
        matches!(&pair.client_events[..], [client::Event::Refused { request: None, description, .. }] if description == "no")
    );
}

#[test]
fn nothing_is_read_past_an_undecided_request() {
    let mut pair = Pair::new();
    pair.run();
    pair.accept = false;
    pair.client.publish("x", PublishType::Live).unwrap();
    // Media that does not wait for the answer, as some encoders send it.
    let mut wire = Vec::new();
    while let Some(bytes) = pair.client.poll_transmit() {
        wire.extend_from_slice(&bytes);
    }
    pair.server.handle_input(&wire, pair.now);
    while let Some(bytes) = pair.server.poll_transmit() {
        pair.client.handle_input(&bytes, pair.now);
    }
    let mut wire = Vec::new();
    while let Some(bytes) = pair.client.poll_transmit() {
        wire.extend_from_slice(&bytes);
    }
    let mut writer = chunk::Writer::with_chunk_size(SharedMessage::CHUNK_SIZE).unwrap();
    writer.write(4, &stream()[4], &mut wire).unwrap();
    pair.server.handle_input(&wire, pair.now);
    let Ok(Some(server::Event::PublishRequested(asked))) = pair.server.poll_event() else {
        panic!("no request");
    };
    assert_eq!(pair.server.poll_event(), Ok(None));
    assert!(pair.server.buffered_len() > 0);
    pair.server.accept(asked.id).unwrap();
    assert_eq!(
        pair.server.poll_event(),
        Ok(Some(server::Event::Media(stream()[4].clone())))
    );
    assert_eq!(pair.server.poll_event(), Ok(None));

    // What comes meanwhile is bounded.
    let mut limits = Limits::default();
    limits.stashed_bytes = 100;
    let mut config = server::Config::default();
    config.limits = limits;
    let mut pair = Pair::with(|_| {}, config);
    pair.accept = false;
    pair.run();
    pair.server.handle_input(&[0; 100], pair.now);
    assert_eq!(pair.server.poll_event(), Ok(None));
    pair.server.handle_input(&[0], pair.now);
    assert_eq!(
        pair.server.poll_event(),
        Err(Error::Limit {
            limit: "input put aside",
            max: 100
        })
    );
}

#[test]
fn events_are_bounded_and_none_is_lost() {
    let mut pair = Pair::new();
    publish(&mut pair, "x");
    let frames: Vec<_> = (0..1000)
        .map(|i| message(TypeId::AUDIO, i * 23, &[0xAF, 1, i as u8]))
        .collect();
    for frame in &frames {
        pair.client.send_message(frame).unwrap();
    }
    let mut wire = Vec::new();
    while let Some(bytes) = pair.client.poll_transmit() {
        wire.extend_from_slice(&bytes);
    }
    pair.server.handle_input(&wire, pair.now);
    pair.server.handle_eof();
    let mut got = Vec::new();
    while let Some(event) = pair.server.poll_event().unwrap() {
        got.push(event);
    }
    assert_eq!(media(&got), frames.iter().collect::<Vec<_>>());
    assert!(matches!(
        got[1000..],
        [
            server::Event::PublishStopped { .. },
            server::Event::Closed(CloseReason::Ended)
        ]
    ));
}

#[test]
fn a_publisher_killed_in_the_middle_of_a_message() {
    let mut pair = Pair::new();
    publish(&mut pair, "x");
    pair.client.send_message(&stream()[3]).unwrap();
    let bytes = pair.client.poll_transmit().unwrap();
    pair.server.handle_input(&bytes[..5000], pair.now);
    pair.server.handle_eof();
    pair.run();
    let end = &pair.server_events[pair.server_events.len() - 2..];
    assert_eq!(
        end,
        [
            server::Event::PublishStopped { stream_id: 1 },
            server::Event::Closed(CloseReason::Truncated)
        ]
    );
}

#[test]
fn a_request_can_be_decided_after_its_peer_has_gone() {
    let mut pair = Pair::new();
    pair.run();
    pair.client.publish("x", PublishType::Live).unwrap();
    pair.accept = false;
    pair.run();
    pair.server.handle_eof();
    let Some(server::Event::PublishRequested(request)) = pair.server_events.last() else {
        panic!("{:?}", pair.server_events);
    };
    assert_eq!(pair.server.poll_event(), Ok(None));
    pair.server.accept(request.id).unwrap();
    assert_eq!(
        pair.server.poll_event(),
        Ok(Some(server::Event::PublishStopped { stream_id: 1 }))
    );
    assert_eq!(
        pair.server.poll_event(),
        Ok(Some(server::Event::Closed(CloseReason::Ended)))
    );
}

#[test]
fn a_bad_byte_comes_after_the_good_events() {
    let mut pair = Pair::new();
    publish(&mut pair, "x");
    pair.client.send_message(&stream()[1]).unwrap();
    let mut bytes = pair.client.poll_transmit().unwrap().to_vec();
    bytes.extend([0xD9, 0, 0]);
    pair.server.handle_input(&bytes, pair.now);
    assert!(matches!(
        pair.server.poll_event(),
        Ok(Some(server::Event::Media(_)))
    ));
    assert_eq!(
        pair.server.poll_event(),
        Ok(Some(server::Event::PublishStopped { stream_id: 1 }))
    );
    for _ in 0..2 {
        assert!(matches!(
            pair.server.poll_event(),
            Err(Error::Invalid { value: 25, .. })
        ));
    }
    assert_eq!(pair.server.poll_timeout(), None);
    pair.server.handle_input(&[0; 10], pair.now);
}

#[test]
fn a_half_open_handshake_times_out() {
    let mut session = server::Session::new(
        server::Config::default(),
        &mut rng(0),
        Duration::from_secs(100),
    );
    session.handle_input(&[3; 1000], Duration::from_secs(109));
    assert_eq!(session.poll_timeout(), Some(Duration::from_secs(110)));
    session.handle_timeout(Duration::from_secs(109));
    assert_eq!(session.poll_event(), Ok(None));
    session.handle_timeout(Duration::from_secs(110));
    assert_eq!(
        session.poll_event(),
        Err(Error::Timeout("handshake and connect"))
    );
    assert_eq!(session.poll_timeout(), None);
}

#[test]
fn a_silent_peer_is_pinged_and_given_up() {
    let mut pair = Pair::new();
    publish(&mut pair, "x");
    pair.now = pair.server.poll_timeout().unwrap();
    assert_eq!(pair.now, Duration::from_secs(30));
    pair.server.handle_timeout(pair.now);
    pair.run();
    // The client has answered.
    assert_eq!(pair.server.poll_timeout(), Some(Duration::from_secs(60)));
    pair.server.handle_timeout(Duration::from_secs(60));
    assert!(pair.server.poll_transmit().is_some());
    assert_eq!(pair.server.poll_timeout(), Some(Duration::from_secs(90)));
    pair.server.handle_timeout(Duration::from_secs(90));
    pair.run();
    assert_eq!(
        pair.server_events.last(),
        Some(&server::Event::PublishStopped { stream_id: 1 })
    );
    assert_eq!(
        pair.server.poll_event(),
        Err(Error::Timeout("an answer to a ping"))
    );
}

/// A client that writes its own messages after the handshake, and reads the answers.
struct Raw {
    server: server::Session,
    writer: chunk::Writer,
    reader: chunk::Reader,
}

impl Raw {
    fn new() -> Self {
        Self::to(server::Config::default())
    }

    fn to(config: server::Config) -> Self {
        let mut server = server::Session::new(config, &mut rng(2), Duration::ZERO);
        let mut hello = vec![3];
        hello.extend([0; 2 * 1536]);
        server.handle_input(&hello, Duration::ZERO);
        assert_eq!(server.poll_event(), Ok(None));
        assert_eq!(server.poll_transmit().unwrap().len(), 1 + 2 * 1536);
        Self {
            server,
            writer: chunk::Writer::new(),
            reader: chunk::Reader::new(&Limits::default()),
        }
    }

    fn connected() -> Self {
        Self::connected_to(server::Config::default())
    }

    fn connected_to(config: server::Config) -> Self {
        let mut raw = Self::to(config);
        let object = Object::from([("app", Value::from("/live/?a=b"))]);
        raw.command(0, &Command::new("connect", 1.0).with_object(object));
        let event = raw.server.poll_event();
        let Ok(Some(server::Event::ConnectRequested(request))) = event else {
            panic!("{event:?}")
        };
        assert_eq!((&*request.app, &*request.query), ("live", "a=b"));
        raw.server.accept(request.id).unwrap();
        raw.answers();
        raw
    }

    fn send(&mut self, message: &Message) {
        let mut out = Vec::new();
        self.writer.write(3, message, &mut out).unwrap();
        self.server.handle_input(&out, Duration::ZERO);
    }

    fn command(&mut self, stream_id: u32, command: &Command<'_>) {
        self.send(&command.to_message(stream_id).unwrap());
    }

    fn answers(&mut self) -> Vec<Message> {
        let mut messages = Vec::new();
        while let Some(bytes) = self.server.poll_transmit() {
            let mut input = &bytes[..];
            while let Some(message) = self.reader.read(&mut input).unwrap() {
                messages.push(message);
            }
        }
        messages
    }

    /// Names, transactions and first arguments of the commands in the answer.
    fn answered(&mut self) -> Vec<(String, f64, Value<'static>)> {
        let limits = Limits::default();
        let answers = self.answers();
        let commands = answers
            .iter()
            .filter(|message| message.type_id == TypeId::COMMAND)
            .map(|message| {
                let command = Command::parse(message, &limits).unwrap();
                let first = command.arguments.into_iter().next().unwrap_or_default();
                (
                    command.name.into_owned(),
                    command.transaction_id,
                    first.into_owned(),
                )
            });
        commands.collect()
    }
}

fn code<'a>(value: &'a Value<'_>) -> &'a str {
    value
        .get("code")
        .and_then(Value::as_str)
        .unwrap_or_default()
}

#[test]
fn the_encoders_dialect() {
    let mut raw = Raw::connected();
    raw.command(0, &Command::new("releaseStream", 2.0).with("x"));
    raw.command(0, &Command::new("FCPublish", 3.0).with("x"));
    raw.command(0, &Command::new("createStream", 4.0));
    raw.command(0, &Command::new("_checkbw", 5.0));
    raw.command(0, &Command::new("getStreamLength", 6.0).with("x"));
    raw.command(0, &Command::new("whatever", 7.0).with("x"));
    raw.command(0, &Command::new("whatever", 0.0).with("x"));
    assert_eq!(raw.server.poll_event(), Ok(None));
    let answers = raw.answered();
    let names: Vec<_> = answers.iter().map(|(name, id, _)| (&**name, *id)).collect();
    assert_eq!(
        names,
        [
            ("_result", 2.0),
            ("_result", 3.0),
            ("onFCPublish", 0.0),
            ("_result", 4.0),
            ("_result", 5.0),
            ("_result", 6.0),
            ("_error", 7.0)
        ]
    );
    assert_eq!(answers[3].2, Value::Number(1.0));
    assert_eq!(code(&answers[6].2), status::CALL_FAILED);

    // AMF3 messages hold AMF0 after a zero, or without it.
    let publish = Command::new("publish", 8.0)
        .with("x")
        .with("live")
        .to_message(1)
        .unwrap();
    let payload = [&[0], &publish.payload[..]].concat().into();
    raw.send(&Message {
        type_id: TypeId::COMMAND_AMF3,
        payload,
        ..publish
    });
    let event = raw.server.poll_event();
    let Ok(Some(server::Event::PublishRequested(request))) = event else {
        panic!("{event:?}")
    };
    assert_eq!((&*request.path(), &*request.query), ("live/x", "a=b"));
    raw.server.accept(request.id).unwrap();
    assert_eq!(code(&raw.answered()[0].2), status::PUBLISH_START);

    // An aggregate: its own stream id counts, its clock starts at the aggregate's time.
    let mut payload = Vec::new();
    for (time, body) in [(1000u32, [0xAF, 1, 1]), (1023, [0xAF, 1, 2])] {
        payload.extend([8, 0, 0, 3]);
        payload.extend(&time.to_be_bytes()[1..]);
        payload.extend([0, 9, 9, 9]);
        payload.extend(body);
        payload.extend(14u32.to_be_bytes());
    }
    payload.extend([8, 0, 0, 3, 0]);
    raw.send(&message(TypeId::AGGREGATE, 5000, &payload));
    for expected in [
        message(TypeId::AUDIO, 5000, &[0xAF, 1, 1]),
        message(TypeId::AUDIO, 5023, &[0xAF, 1, 2]),
    ] {
        assert_eq!(
            raw.server.poll_event(),
            Ok(Some(server::Event::Media(expected)))
        );
    }
    // Data that wraps metadata, in both encodings; what clears it is not for players.
    let meta = meta_data();
    let wrapped = [b"\x02\x00\x0D@setDataFrame", &meta.payload[..]].concat();
    raw.send(&message(TypeId::DATA, 0, &wrapped));
    raw.send(&message(
        TypeId::DATA_AMF3,
        0,
        &[&[0], &wrapped[..]].concat(),
    ));
    raw.send(&message(
        TypeId::DATA,
        0,
        b"\x02\x00\x0F@clearDataFrame\x02\x00\x0AonMetaData",
    ));
    for _ in 0..2 {
        assert_eq!(
            raw.server.poll_event(),
            Ok(Some(server::Event::Media(meta.clone())))
        );
    }
    assert_eq!(raw.server.poll_event(), Ok(None));

    // GStreamer deletes a stream by its name.
    raw.command(0, &Command::new("FCUnpublish", 9.0).with("x"));
    raw.command(0, &Command::new("deleteStream", 10.0).with("x"));
    assert_eq!(
        raw.server.poll_event(),
        Ok(Some(server::Event::PublishStopped { stream_id: 1 }))
    );
    assert_eq!(raw.server.poll_event(), Ok(None));
    let answers = raw.answered();
    assert_eq!(
        answers.iter().map(|(name, ..)| &**name).collect::<Vec<_>>(),
        ["_result", "onFCUnpublish", "onStatus"]
    );
    // The stream has gone: its number is free again.
    raw.command(0, &Command::new("createStream", 11.0));
    assert_eq!(raw.answered()[0].2, Value::Number(1.0));
}

#[test]
fn streams_are_bounded_and_must_exist() {
    let mut raw = Raw::connected();
    for i in 0..17 {
        raw.command(0, &Command::new("createStream", f64::from(i + 2)));
    }
    let answers = raw.answered();
    assert!(answers[..16].iter().all(|(name, ..)| name == "_result"));
    assert_eq!(answers[16].0, "_error");
    raw.command(99, &Command::new("publish", 0.0).with("x"));
    raw.command(1, &Command::new("play", 0.0));
    let answers = raw.answered();
    assert_eq!(code(&answers[0].2), status::STREAM_FAILED);
    assert_eq!(code(&answers[1].2), status::PLAY_STREAM_NOT_FOUND);
    assert_eq!(raw.server.poll_event(), Ok(None));

    // Publishing on a stream that publishes ends the first.
    for name in ["a", "b"] {
        raw.command(1, &Command::new("publish", 0.0).with(name));
        if name == "b" {
            assert_eq!(
                raw.server.poll_event(),
                Ok(Some(server::Event::PublishStopped { stream_id: 1 }))
            );
        }
        let event = raw.server.poll_event();
        let Ok(Some(server::Event::PublishRequested(request))) = event else {
            panic!("{event:?}")
        };
        raw.server.accept(request.id).unwrap();
    }

    // Before connect there is nothing to create.
    let mut raw = Raw::new();
    raw.command(0, &Command::new("createStream", 2.0));
    assert_eq!(
        raw.server.poll_event(),
        Err(Error::State("a command came before connect"))
    );
}

#[test]
fn pings_and_windows_are_answered() {
    let mut raw = Raw::connected();
    raw.send(&UserControl::PingRequest(77).to_message());
    assert_eq!(raw.answers(), [UserControl::PingResponse(77).to_message()]);
    raw.send(
        &Control::SetPeerBandwidth {
            size: 1000,
            limit: fluvial_rtmp::message::BandwidthLimit::Hard,
        }
        .to_message(),
    );
    assert_eq!(raw.answers(), [Control::WindowAckSize(1000).to_message()]);
    raw.send(&Control::WindowAckSize(1000).to_message());
    let answers = raw.answers();
    let [
        Message {
            type_id: TypeId::ACKNOWLEDGEMENT,
            payload,
            ..
        },
    ] = &answers[..]
    else {
        panic!("{answers:?}")
    };
    // Counted from the first byte of the handshake.
    let told = u32::from_be_bytes(payload[..].try_into().unwrap());
    assert!(told > 1 + 2 * 1536);
    for _ in 0..3 {
        raw.send(&message(TypeId::AUDIO, 0, &[0; 100]));
    }
    assert!(raw.answers().is_empty());
    raw.send(&message(TypeId::AUDIO, 0, &[0; 300]));
    assert_eq!(raw.answers().len(), 1);
}

#[test]
fn what_waits_to_be_sent_is_bounded() {
    let mut limits = Limits::default();
    limits.transmit_bytes = 300_000;
    let mut config = server::Config::default();
    config.limits = limits;
    let mut pair = Pair::with(|_| {}, config);
    pair.run();
    pair.client.play("x", PlayStart::Live).unwrap();
    pair.run();
    let key = SharedMessage::new(&stream()[3]).unwrap();
    pair.server.send(1, &key).unwrap();
    pair.server.send(1, &key).unwrap();
    assert_eq!(
        pair.server.send(1, &key),
        Err(Error::Limit {
            limit: "bytes waiting to be sent",
            max: 300_000
        })
    );
    // The session goes on.
    pair.run();
    pair.server.send(1, &key).unwrap();
    pair.run();
    let frames = played(&pair.client_events);
    assert_eq!(
        frames
            .iter()
            .filter(|message| message.type_id == TypeId::VIDEO)
            .count(),
        3
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn however_the_bytes_are_cut(piece in 1usize..5000, digest: bool) {
        let run = |piece| {
            let mode = if digest { client::Mode::Digest } else { client::Mode::Plain };
            let mut pair = Pair::with(|config| config.handshake = mode, server::Config::default());
            pair.piece = piece;
            publish(&mut pair, "x");
            let request = pair.client.play("x", PlayStart::Any).unwrap();
            pair.run();
            for message in stream() {
                pair.client.send_message(&message).unwrap();
                pair.server.send(2, &SharedMessage::new(&message).unwrap()).unwrap();
            }
            pair.run();
            pair.client.close();
            pair.run();
            (pair.server_events, pair.client_events, request)
        };
        let (server, client, _) = run(piece);
        let (whole_server, whole_client, _) = run(usize::MAX);
        prop_assert_eq!(server, whole_server);
        prop_assert_eq!(client, whole_client);
    }

    #[test]
    fn random_bytes_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..3000), connected: bool) {
        let mut raw = if connected { Raw::connected() } else { Raw::new() };
        raw.server.handle_input(&bytes, Duration::ZERO);
        while let Ok(Some(event)) = raw.server.poll_event() {
            if let server::Event::ConnectRequested(request) = event {
                raw.server.accept(request.id).unwrap();
            }
        }
        prop_assert!(raw.server.buffered_len() < 1 << 20);
        let mut client = Pair::new().client;
        client.handle_input(&bytes, Duration::ZERO);
        while let Ok(Some(_)) = client.poll_event() {}
    }
}

/// A client that plays `x` from a server of recordings.
fn playing() -> (Pair, u32) {
    let mut config = server::Config::default();
    config.has_recordings = true;
    let mut pair = Pair::with(|_| {}, config);
    pair.run();
    pair.client.play("x", client::PlayStart::Any).unwrap();
    pair.run();
    let playing = pair.client_events.iter().find_map(|event| match event {
        client::Event::Playing { stream_id, .. } => Some(*stream_id),
        _ => None,
    });
    pair.client_events.clear();
    (pair, playing.unwrap())
}

/// The codes of all status events that a client has had.
fn codes(pair: &Pair) -> Vec<&str> {
    let codes = pair.client_events.iter().filter_map(|event| match event {
        client::Event::Status { code, .. } => Some(&**code),
        _ => None,
    });
    codes.collect()
}

#[test]
fn a_player_seeks_and_pauses() {
    let (mut pair, stream_id) = playing();
    let position = Duration::from_millis(1500);
    pair.client.pause(stream_id, true, position).unwrap();
    pair.client.seek(stream_id, position * 2).unwrap();
    pair.run();
    assert!(pair.server_events.contains(&server::Event::Paused {
        stream_id,
        paused: true,
        position
    }));
    let asked = server::Event::SeekRequested {
        stream_id,
        position: position * 2,
    };
    assert!(
        pair.server_events.contains(&asked),
        "{:?}",
        pair.server_events
    );
    assert_eq!(codes(&pair), ["NetStream.Pause.Notify"]);
    pair.server.accept_seek(stream_id).unwrap();
    pair.client.pause(stream_id, false, position).unwrap();
    pair.run();
    assert_eq!(
        codes(&pair)[1..],
        [
            "NetStream.Seek.Notify",
            "NetStream.Play.Start",
            "NetStream.Unpause.Notify"
        ]
    );
    pair.server.reject_seek(stream_id, "no").unwrap();
    pair.run();
    assert_eq!(codes(&pair).last(), Some(&"NetStream.Seek.Failed"));
    assert!(pair.client.seek(99, position).is_err());
    assert!(pair.server.accept_seek(99).is_err());
}

#[test]
fn a_player_leaves_out_what_it_does_not_want() {
    let (mut pair, stream_id) = playing();
    pair.client.receive_audio(stream_id, false).unwrap();
    pair.client.receive_video(stream_id, false).unwrap();
    pair.run();
    let last = pair.server_events.last();
    assert_eq!(
        last,
        Some(&server::Event::ReceptionChanged {
            stream_id,
            audio: false,
            video: false
        })
    );
    let send = |pair: &mut Pair, type_id, payload: &[u8]| {
        let message = SharedMessage::new(&message(type_id, 0, payload)).unwrap();
        pair.server.send(stream_id, &message).unwrap();
    };
    let media = |pair: &mut Pair| {
        pair.client_events.clear();
        send(pair, TypeId::AUDIO, &[0xAF, 1, 2]);
        send(pair, TypeId::VIDEO, &[0x27, 1, 0, 0, 0]);
        send(pair, TypeId::VIDEO, &[0x17, 1, 0, 0, 0]);
        send(pair, TypeId::VIDEO, &[0x27, 1, 0, 0, 1]);
        pair.run();
        pair.client_events
            .iter()
            .filter(|event| matches!(event, client::Event::Media(_)))
            .count()
    };
    assert_eq!(media(&mut pair), 0);
    pair.client.receive_audio(stream_id, true).unwrap();
    pair.run();
    assert_eq!(media(&mut pair), 1);
    pair.client.receive_video(stream_id, true).unwrap();
    pair.run();
    // Pictures start with the key frame.
    assert_eq!(media(&mut pair), 3);
    assert_eq!(media(&mut pair), 4);
}

#[test]
fn a_player_changes_to_another_stream() {
    let (mut pair, stream_id) = playing();
    pair.client.switch(stream_id, "y?k=1", "swap").unwrap();
    pair.run();
    let request = pair
        .server_events
        .iter()
        .rev()
        .find_map(|event| match event {
            server::Event::PlayRequested(request) => Some(request),
            _ => None,
        });
    let request = request.unwrap();
    assert_eq!(
        (
            &*request.name,
            &*request.query,
            request.transition.as_deref()
        ),
        ("y", "k=1", Some("swap"))
    );
    assert!(
        pair.server_events
            .contains(&server::Event::PlayStopped { stream_id })
    );
    assert_eq!(codes(&pair), ["NetStream.Play.Transition"]);
}

#[test]
fn the_length_of_a_recording() {
    let ask = Command::new("getStreamLength", 9.0).with("x?k=1");
    // Of live streams only it is told at once.
    let mut raw = Raw::connected();
    raw.command(0, &ask);
    assert_eq!(
        raw.answered(),
        [("_result".into(), 9.0, Value::Number(0.0))]
    );
    let mut config = server::Config::default();
    config.has_recordings = true;
    let mut raw = Raw::connected_to(config);
    raw.command(0, &ask);
    let event = raw.server.poll_event();
    let Ok(Some(server::Event::LengthRequested { id, app, name })) = event else {
        panic!("{event:?}")
    };
    assert_eq!((&*app, &*name), ("live", "x"));
    let length = Duration::from_millis(2500);
    raw.server.answer_length(id, Some(length)).unwrap();
    assert_eq!(
        raw.answered(),
        [("_result".into(), 9.0, Value::Number(2.5))]
    );
    assert!(raw.server.answer_length(id, None).is_err());
}

#[test]
fn capabilities_are_told_and_a_client_is_asked_to_connect_anew() {
    let mut pair = Pair::new();
    pair.run();
    let client::Event::Connected { info, .. } = &pair.client_events[0] else {
        panic!("{:?}", pair.client_events);
    };
    let theirs = fluvial_rtmp::Capabilities::of(info);
    assert!(
        theirs.multitrack
            && theirs
                .of_codec(fluvial_rtmp::flv::FourCc::HEVC)
                .any(fluvial_rtmp::CodecUse::FORWARD)
    );
    let server::Event::ConnectRequested(request) = &pair.server_events[0] else {
        panic!("{:?}", pair.server_events);
    };
    assert!(request.capabilities().reconnect);
    pair.server
        .request_reconnect(Some("rtmp://other/live"), "moving")
        .unwrap();
    pair.run();
    let asked = client::Event::ReconnectRequested {
        tc_url: Some("rtmp://other/live".into()),
        description: "moving".into(),
    };
    assert_eq!(pair.client_events.last(), Some(&asked));
    // A client that knows nothing of it is neither told nor asked.
    let mut pair = Pair::with(
        |config| config.capabilities = fluvial_rtmp::Capabilities::default(),
        server::Config::default(),
    );
    pair.run();
    let client::Event::Connected { info, .. } = &pair.client_events[0] else {
        panic!("{:?}", pair.client_events);
    };
    assert_eq!(info.get("capsEx"), None);
    assert!(pair.server.request_reconnect(None, "").is_err());
}

#[test]
fn a_recording_ends_and_can_be_sought_again() {
    let (mut pair, stream_id) = playing();
    pair.client_events.clear();
    let played = Duration::from_millis(8500);
    pair.server.complete(stream_id, played).unwrap();
    // It is no end for good: there is still something to seek in.
    pair.server.accept_seek(stream_id).unwrap();
    pair.server
        .send_message(&message(TypeId::AUDIO, 0, &[0xAF, 1, 0x21]))
        .unwrap();
    assert!(pair.server.complete(99, played).is_err());
    pair.run();
    let data = pair.client_events.iter().find_map(|event| match event {
        client::Event::Media(message) if message.type_id == TypeId::DATA => Some(message),
        _ => None,
    });
    let values =
        fluvial_rtmp::amf::amf0::decode(&data.unwrap().payload, &Limits::default()).unwrap();
    assert_eq!(values[0].as_str(), Some("onPlayStatus"));
    assert_eq!(code(&values[1]), "NetStream.Play.Complete");
    assert_eq!(values[1].get("duration").and_then(Value::as_f64), Some(8.5));
    let stopped = |event: &client::Event| matches!(event, client::Event::Stopped { .. });
    assert!(pair.client_events.iter().any(stopped));
}

#[test]
fn a_player_tells_what_it_wants_of_a_recording() {
    let mut config = server::Config::default();
    config.has_recordings = true;
    let mut pair = Pair::with(|config| config.buffer_length = 7000, config);
    pair.run();
    let start = client::PlayStart::At(Duration::from_secs(2));
    let duration = Some(Duration::from_millis(2500));
    pair.client.play_part("x", start, duration).unwrap();
    pair.run();
    let request = pair.server_events.iter().find_map(|event| match event {
        server::Event::PlayRequested(request) => Some(request),
        _ => None,
    });
    let request = request.unwrap();
    assert_eq!((request.start, request.duration), (start, duration));
    // ffmpeg, as we, says what it buffers after it has asked to play.
    let buffer = Duration::from_millis(7000);
    let stream_id = request.stream_id;
    let told = pair.server_events.contains(&server::Event::BufferChanged {
        stream_id,
        length: buffer,
    });
    assert!(
        told || request.buffer == Some(buffer),
        "{:?}",
        pair.server_events
    );
}
