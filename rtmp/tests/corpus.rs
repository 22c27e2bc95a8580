//! Public files that nobody here wrote.

#[path = "support/corpus.rs"]
mod corpus;
mod support;

use fluvial_rtmp::amf::amf0::{self, Value};
use fluvial_rtmp::amf::amf3;
use fluvial_rtmp::server::{Config, Event, Session};
use fluvial_rtmp::{Limits, TypeId, chunk, handshake};
use std::time::Duration;
use support::rng;

#[test]
fn amf0() {
    let mut decoded = 0;
    for path in corpus::files("amf") {
        for data in corpus::seeds(&path) {
            let Ok(values) = amf0::decode(&data, &Limits::default()) else {
                continue;
            };
            decoded += 1;
            let mut encoded = Vec::new();
            amf0::encode(&values, &mut encoded).unwrap();
            let again = amf0::decode(&encoded, &Limits::default()).unwrap();
            // Not a number is not equal to itself.
            assert_eq!(format!("{again:?}"), format!("{values:?}"), "{path:?}");
        }
    }
    println!("{decoded} decoded");
    for path in corpus::files("amf/sile-amf") {
        let name = path.file_name().unwrap().to_str().unwrap();
        let data = std::fs::read(&path).unwrap();
        let values = amf0::decode(&data, &Limits::default());
        match name.strip_suffix(".bin").unwrap() {
            "amf0-number" => assert_eq!(values.unwrap(), [Value::Number(3.5)]),
            "amf0-boolean-true" => assert_eq!(values.unwrap(), [Value::Boolean(true)]),
            "amf0-strict-array" => {
                let Ok([Value::StrictArray(values)]) = values.as_deref() else {
                    panic!("{values:?}")
                };
                assert_eq!(values.len(), 3);
            }
            "amf0-ref-test" => assert!(format!("{values:?}").contains("Reference")),
            "amf0-movieclip" | "amf0-recordset" | "amf0-unknown-marker" | "amf0-number-partial" => {
                assert!(values.is_err(), "{name}");
            }
            _ => {}
        }
    }
}

#[test]
fn amf3() {
    for path in corpus::files("amf") {
        let name = path.file_name().unwrap().to_str().unwrap();
        let Some(name) = name
            .strip_prefix("amf3-")
            .and_then(|name| name.strip_suffix(".bin"))
        else {
            continue;
        };
        let data = std::fs::read(&path).unwrap();
        let values = amf3::decode(&data, &Limits::default());
        let bad =
            name.starts_with("bad-") || name.ends_with("-partial") || name == "unknown-marker";
        assert_eq!(values.is_err(), bad, "{path:?}: {values:?}");
        let Ok(values) = values else { continue };
        let mut encoded = Vec::new();
        amf3::encode(&values, &mut encoded).unwrap();
        let again = amf3::decode(&encoded, &Limits::default()).unwrap();
        assert_eq!(format!("{again:?}"), format!("{values:?}"), "{path:?}");
        // All but one are one value; it writes what no reader can measure.
        assert_eq!(values.len(), 1, "{path:?}");
        let value = &values[0];
        let expect = match name {
            "max" => amf3::Value::Integer((1 << 28) - 1),
            "min" => amf3::Value::Integer(-(1 << 28)),
            "large-max" => amf3::Value::Double(f64::from(1 << 28)),
            "float" => amf3::Value::Double(3.5),
            "date" => amf3::Value::Date(0.0),
            "true" => amf3::Value::Boolean(true),
            "undefined" => amf3::Value::Undefined,
            "string" => amf3::Value::from("String . String"),
            "vector-int" => amf3::Value::Vector(Box::new(amf3::Vector::Int {
                fixed: false,
                items: vec![4, -20, 12],
            })),
            "vector-uint" => amf3::Value::Vector(Box::new(amf3::Vector::Uint {
                fixed: false,
                items: vec![4, 20, 12],
            })),
            "vector-double" => amf3::Value::Vector(Box::new(amf3::Vector::Double {
                fixed: false,
                items: vec![4.3, -20.6],
            })),
            "dictionary" => {
                assert!(
                    matches!(value, amf3::Value::Dictionary { weak_keys: false, entries } if entries.len() == 2)
                );
                continue;
            }
            "typed-object" => {
                assert_eq!(value.get("foo").and_then(amf3::Value::as_str), Some("bar"));
                continue;
            }
            "object-ref" => {
                assert!(format!("{value:?}").contains("Reference(2)"), "{value:?}");
                continue;
            }
            _ => continue,
        };
        // Two collections have files of this name, with other strings in them.
        if name != "string" || path.to_str().unwrap().contains("sile") {
            assert_eq!(*value, expect, "{path:?}");
        }
    }
}

/// Two recorded directions of a connection between ffmpeg and ffmpeg: the client's bytes go to a server.
#[test]
fn a_recorded_client_connects_and_goes_on() {
    for path in corpus::files("rtmp/wader-fq") {
        if path.file_name().unwrap() != "ffmpeg_client_stream" {
            continue;
        }
        let data = std::fs::read(&path).unwrap();
        let mut session = Session::new(Config::default(), &mut rng(0), Duration::ZERO);
        let mut events = Vec::new();
        for piece in data.chunks(1000) {
            session.handle_input(piece, Duration::ZERO);
            while let Some(event) = session.poll_event().unwrap() {
                match &event {
                    Event::ConnectRequested(request) => session.accept(request.id).unwrap(),
                    Event::PublishRequested(request) => session.accept(request.id).unwrap(),
                    Event::PlayRequested(request) => session.accept(request.id).unwrap(),
                    _ => {}
                }
                events.push(event);
            }
        }
        assert!(
            matches!(events[0], Event::ConnectRequested(_)),
            "{events:?}"
        );
        assert!(
            matches!(
                events[1],
                Event::PlayRequested(_) | Event::PublishRequested(_)
            ),
            "{events:?}"
        );
        let media = events
            .iter()
            .filter(|event| matches!(event, Event::Media(_)))
            .count();
        println!("{} events, {media} of media", events.len());
    }
    // The server's bytes: handshake and chunk stream.
    for path in corpus::files("rtmp/wader-fq") {
        if path.file_name().unwrap() != "ffmpeg_server_stream" {
            continue;
        }
        let data = std::fs::read(&path).unwrap();
        let mut input = &data[..];
        let mut client = handshake::Client::new(handshake::Mode::Plain, &mut rng(0));
        assert!(client.read(&mut input, &mut Vec::new()).unwrap());
        let mut reader = chunk::Reader::new(&Limits::default());
        let mut types = Vec::new();
        while let Some(message) = reader.read(&mut input).unwrap() {
            types.push(message.type_id);
        }
        assert!(types.contains(&TypeId::COMMAND), "{types:?}");
    }
}

#[test]
fn fuzzing_seeds_do_no_harm() {
    for path in corpus::files("rtmp") {
        for data in corpus::seeds(&path) {
            let mut input = &data[..];
            let mut reader = chunk::Reader::new(&Limits::default());
            while let Ok(Some(_)) = reader.read(&mut input) {}
            let mut session = Session::new(Config::default(), &mut rng(0), Duration::ZERO);
            let mut hello = vec![3];
            hello.resize(1 + 2 * 1536, 0);
            session.handle_input(&hello, Duration::ZERO);
            session.handle_input(&data, Duration::ZERO);
            while let Ok(Some(_)) = session.poll_event() {}
        }
    }
}
