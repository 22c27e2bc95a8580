//! Messages, headers and frames: the same however the bytes are cut, and what is written is read again.
#![no_main]

use fluvial_fuzz::pieces;
use libfuzzer_sys::fuzz_target;
use rtsp::headers::{
    Authorization, Header, MediaProperties, MediaRange, Range, RequestStatus, RtpInfo, Session, Speed, Timestamp,
    Transports, WwwAuthenticate,
};
use rtsp::tunnel::{http, websocket};
use rtsp::{Description, Frame, Item, Limits, Message, Reader, Url};

fn read<'a>(mut reader: Reader, input: impl Iterator<Item = &'a [u8]>) -> (Vec<Item>, bool) {
    let mut items = Vec::new();
    for mut piece in input {
        loop {
            match reader.read(&mut piece) {
                Ok(Some(item)) => items.push(item),
                Ok(None) => break,
                Err(_) => return (items, true),
            }
        }
        assert!(piece.is_empty());
        assert!(reader.buffered_len() <= Limits::default().body_size + Limits::default().head_size + piece.len() + 70_000);
    }
    (items, false)
}

/// Whether each quoted string stands between separators: what else has quotes is read as well as can be, and differently again.
fn well_quoted(text: &str) -> bool {
    let mut before = None;
    let mut parts = text.split('"');
    while let (Some(outside), inside) = (parts.next(), parts.next()) {
        let opens = outside.chars().next_back().or(before);
        if before == Some('"') && !outside.starts_with([';', ',', '/', ' ']) && !outside.is_empty() {
            return false;
        }
        let Some(_) = inside else {
            return true;
        };
        if opens.is_some_and(|c| !"=,/ ".contains(c)) {
            return false;
        }
        before = Some('"');
    }
    // The last quote is not closed.
    false
}

/// What is written is what was read.
fn typed<H: Header + PartialEq + std::fmt::Debug>(text: &str) {
    if let Ok(value) = H::parse(text) {
        let written = value.to_string();
        match H::parse(&written) {
            Ok(again) if well_quoted(&written) => assert_eq!(again.to_string(), written),
            _ => {}
        }
    }
}

fn again(message: &Message) {
    let mut bytes = Vec::new();
    message.encode(&mut bytes);
    let (items, _) = read(Reader::new(Limits::default()), std::iter::once(bytes.as_slice()));
    let Some(Item::Message(second)) = items.first() else {
        // Names that only a camera would write.
        return;
    };
    let mut stable = Vec::new();
    second.encode(&mut stable);
    let (items, _) = read(Reader::new(Limits::default()), std::iter::once(stable.as_slice()));
    assert_eq!(items.first(), Some(&Item::Message(second.clone())));
}

fuzz_target!(|data: &[u8]| {
    let whole = read(Reader::new(Limits::default()), std::iter::once(data));
    let cut = read(Reader::new(Limits::default()), pieces(data));
    assert_eq!(whole, cut);
    let (lenient, _) = read(Reader::lenient(Limits::default()), pieces(data));
    for item in whole.0.iter().chain(&lenient) {
        match item {
            Item::Message(message) => again(message),
            Item::Frame(frame) => {
                let mut bytes = Vec::new();
                Frame::encode(frame.channel, &frame.data, &mut bytes).unwrap();
                let (items, _) = read(Reader::new(Limits::default()), std::iter::once(bytes.as_slice()));
                assert_eq!(items, [Item::Frame(frame.clone())]);
            }
            _ => {}
        }
    }
    let text = String::from_utf8_lossy(data);
    for line in text.lines().take(50) {
        let value = line.split_once(": ").map_or(line, |(_, value)| value);
        typed::<Transports>(value);
        typed::<Range>(value);
        // RTSP 1.0 writes addresses as they are, so that those with separators in quotes do not come back.
        match RtpInfo::parse(value) {
            Ok(info) if value.contains('"') => drop(info.to_v2()),
            _ => typed::<RtpInfo>(value),
        }
        typed::<Session>(value);
        typed::<Speed>(value);
        typed::<Timestamp>(value);
        typed::<WwwAuthenticate>(value);
        typed::<Authorization>(value);
        typed::<MediaProperties>(value);
        typed::<MediaRange>(value);
        typed::<RequestStatus>(value);
        if let Ok(url) = value.parse::<Url>() {
            let written = url.to_string();
            assert_eq!(written.parse::<Url>().map(|url| url.to_string()), Ok(written));
        }
    }
    if let Ok(description) = Description::parse(&text, &Limits::default()) {
        for index in 0..description.media.len() {
            let _ = description.media_url("rtsp://h/x", index);
        }
    }
    let _ = http::Head::parse(data);
    let _ = http::parse_response(data);
    let mut out = Vec::new();
    let _ = http::Decoder::new().decode(data, &mut out);
    assert!(out.len() <= data.len());
    let mut decoder = websocket::Decoder::server(4096);
    for piece in pieces(data) {
        decoder.handle_input(piece);
        while let Ok(Some(_)) = decoder.poll() {}
        assert!(decoder.buffered_len() <= 16_384);
    }
});
