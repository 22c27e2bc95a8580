//! RTSP messages.

use crate::harness::Group;
use fluvial_rtsp::{Item, Limits, Reader};
use std::hint::black_box;

pub fn groups() -> Vec<Group> {
    vec![parse(), encode()]
}

/// The dialogue of a player, both sides.
const MESSAGES: [&str; 6] = [
    "OPTIONS rtsp://192.168.1.20:554/live/stream RTSP/1.0\r\nCSeq: 1\r\nUser-Agent: Lavf59.27.100\r\n\r\n",
    "RTSP/1.0 200 OK\r\nCSeq: 1\r\nServer: GStreamer RTSP server\r\nPublic: OPTIONS, DESCRIBE, GET_PARAMETER, PAUSE, PLAY, SETUP, SET_PARAMETER, TEARDOWN\r\nDate: Thu, 01 Jan 2026 12:00:00 GMT\r\n\r\n",
    "SETUP rtsp://192.168.1.20:554/live/stream/trackID=1 RTSP/1.0\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\nCSeq: 3\r\nUser-Agent: Lavf59.27.100\r\n\r\n",
    "RTSP/1.0 200 OK\r\nCSeq: 3\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1;ssrc=4A1B2C3D;mode=\"PLAY\"\r\nServer: GStreamer RTSP server\r\nSession: 6310936469860791894;timeout=60\r\nDate: Thu, 01 Jan 2026 12:00:00 GMT\r\n\r\n",
    "PLAY rtsp://192.168.1.20:554/live/stream/ RTSP/1.0\r\nRange: npt=0.000-\r\nCSeq: 4\r\nUser-Agent: Lavf59.27.100\r\nSession: 6310936469860791894\r\n\r\n",
    "RTSP/1.0 200 OK\r\nCSeq: 4\r\nRTP-Info: url=rtsp://192.168.1.20:554/live/stream/trackID=1;seq=45102;rtptime=12345678,url=rtsp://192.168.1.20:554/live/stream/trackID=2;seq=30211;rtptime=29567112\r\nRange: npt=0-\r\nServer: GStreamer RTSP server\r\nSession: 6310936469860791894;timeout=60\r\n\r\n",
];

fn group(op: &'static str) -> Group {
    let bytes = MESSAGES.iter().map(|message| message.len()).sum();
    Group::new("rtsp", op, bytes, MESSAGES.len() as u64, "message")
}

fn parse() -> Group {
    let mut reader = Reader::new(Limits::default());
    let stream = MESSAGES.concat();
    group("message parse")
        .case("fluvial Reader", move || {
            let mut input = black_box(stream.as_bytes());
            let mut count = 0;
            while let Some(item) = reader.read(&mut input).map_err(|e| e.to_string())? {
                black_box(&item);
                count += 1;
            }
            Ok(count)
        })
        .case("rtsp-types", || {
            let mut count = 0;
            for message in black_box(MESSAGES) {
                let parsed = rtsp_types::Message::<Vec<u8>>::parse(message.as_bytes());
                black_box(parsed.map_err(|e| format!("{e:?}"))?);
                count += 1;
            }
            Ok(count)
        })
}

fn encode() -> Group {
    let mut reader = Reader::new(Limits::default());
    let stream = MESSAGES.concat();
    let mut input = stream.as_bytes();
    let mut ours = Vec::new();
    while let Ok(Some(Item::Message(message))) = reader.read(&mut input) {
        ours.push(message);
    }
    let theirs = MESSAGES.map(|message| {
        let parsed = rtsp_types::Message::<Vec<u8>>::parse(message.as_bytes());
        parsed.expect("it is a message").0
    });
    let (mut out, mut other) = (Vec::new(), Vec::new());
    group("message write")
        .case("fluvial Message", move || {
            out.clear();
            for message in &ours {
                message.encode(&mut out);
            }
            black_box(&out);
            Ok(ours.len() as u64)
        })
        .case("rtsp-types", move || {
            other.clear();
            for message in &theirs {
                message.write(&mut other).map_err(|e| format!("{e:?}"))?;
            }
            black_box(&other);
            Ok(theirs.len() as u64)
        })
}
