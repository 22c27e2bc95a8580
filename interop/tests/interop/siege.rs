//! The SFU under siege: people who never connect, forged signalling, datagrams that mean nothing. Who is in a room notices nothing, and memory
//! stays in bounds.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    process::Command,
    time::{Duration, Instant},
};

use fluvial_interop::{
    http, needs,
    peer::FFMPEG,
    process::Process,
    sfu::{Sfu, load_generator},
    wait_for,
};
use serde_json::Value;

/// An offer of somebody who never comes.
const OFFER: &str = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\na=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\n\
    a=fingerprint:sha-256 00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff:00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff\r\na=setup:actpass\r\n\
    m=video 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=recvonly\r\na=rtcp-mux\r\na=rtpmap:96 VP8/90000\r\n";

/// Sends a request by a connection of its own; gives the status line, if there is an answer.
fn request(to: SocketAddr, head: &str, body: &[u8]) -> Option<String> {
    let mut stream = TcpStream::connect(to).ok()?;
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .ok()?;
    let head = format!(
        "{head} HTTP/1.1\r\nHost: {to}\r\nConnection: close\r\nContent-Type: application/sdp\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).ok()?;
    // Who refuses may close before all has been sent.
    let _ = stream.write_all(body);
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    answer.lines().next().map(str::to_owned)
}

/// A WebSocket to a room, as far as it takes to send what nobody should.
fn socket(to: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(to).expect("the server is there");
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .expect("it can be set");
    let head = format!(
        "GET /ws/siege HTTP/1.1\r\nHost: {to}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream
        .write_all(head.as_bytes())
        .expect("it takes a request");
    let mut seen = Vec::new();
    let mut byte = [0];
    while !seen.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|count| count > 0) {
        seen.extend(byte);
    }
    assert!(
        seen.starts_with(b"HTTP/1.1 101"),
        "{}",
        String::from_utf8_lossy(&seen)
    );
    stream
}

/// A frame of a WebSocket (RFC 6455 §5.2), masked with nothing.
fn frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x80 | opcode, 0x80 | 127];
    frame.extend((payload.len() as u64).to_be_bytes());
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}

fn people(sfu: &Sfu) -> usize {
    let response = http::get(&sfu.url("/api/rooms")).expect("it answers");
    let told: Value = serde_json::from_slice(&response.body).expect("it is JSON");
    let rooms = told["rooms"].as_array().expect("a list");
    rooms
        .iter()
        .map(|room| room["people"].as_array().map_or(0, Vec::len))
        .sum()
}

/// So many come in by WHEP, and never connect: after 15 s they are gone, and so is what they took, for who comes next.
fn half_open(count: usize) {
    let sfu = Sfu::start(&["--max-peers", "10000"]);
    let before = sfu.process.resident_kib();
    let siege = |sfu: &Sfu| {
        let began = Instant::now();
        for index in 0..count {
            let way = if index % 2 == 0 { "whep" } else { "whip" };
            let status = request(sfu.http, &format!("POST /{way}/siege"), OFFER.as_bytes());
            assert_eq!(status.as_deref(), Some("HTTP/1.1 201 Created"), "{index}");
        }
        let (there, resident) = (people(sfu), sfu.process.resident_kib());
        wait_for("all to be gone", || (people(sfu) == 0).then_some(()));
        (began.elapsed(), there, resident)
    };
    let (took, there, first) = siege(&sfu);
    let (_, _, second) = siege(&sfu);
    println!(
        "{count} half-open joins: {before} KiB before, {first} KiB with {there} of them there, {second} KiB the second time; gone {took:?} after the first came"
    );
    let each = first.saturating_sub(before) / there.max(1) as u64;
    assert!(each < 512, "{each} KiB each");
    // What the first ones had has been used again.
    assert!(
        second < first + first / 4 + 16_384,
        "{first} KiB, then {second} KiB"
    );
}

#[test]
fn people_who_never_connect_are_let_go() {
    half_open(100);
}

#[test]
#[ignore = "takes two minutes: cargo test --release -p fluvial-interop --test interop -- --ignored --nocapture five_thousand"]
fn five_thousand_who_never_connect_are_let_go() {
    half_open(5000);
}

#[test]
fn forged_signalling_is_refused() {
    let sfu = Sfu::start(&[]);
    let before = sfu.process.resident_kib();
    let huge = vec![b'a'; 4 << 20];
    for (head, body) in [
        ("POST /whip/siege", &huge[..]),
        ("POST /whip/siege", &b"v=0\r\n"[..]),
        ("POST /whep/siege", &[0xff; 3000][..]),
        (
            "POST /whep/siege",
            "v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\n"
                .repeat(3000)
                .as_bytes(),
        ),
        ("PATCH /whip/siege/1-0", &b""[..]),
        ("DELETE /whip/siege/1-0", &b""[..]),
    ] {
        let status = request(sfu.http, head, body).unwrap_or_default();
        let code = status.split(' ').nth(1).unwrap_or_default();
        assert!(!code.starts_with('5') && code != "201", "{head}: {status}");
    }
    let offer =
        |sdp: &str| serde_json::json!({ "type": "offer", "sdp": sdp, "sources": {} }).to_string();
    let lists = "[".repeat(100_000);
    for index in 0..20 {
        let mut socket = socket(sfu.http);
        for (opcode, payload) in [
            (1, &br#"{"type":"join","name":"x"}"#[..]),
            (1, &b"{"[..]),
            (1, lists.as_bytes()),
            (1, &br#"{"type":"view","tiles":7}"#[..]),
            (1, offer("v=0").as_bytes()),
            (1, offer(&"m=audio 9 RTP/AVP 0\r\n".repeat(9000)).as_bytes()),
            (2, &[0; 500][..]),
            // Longer than anything that is read: it ends the connection, and so do bytes that are no frame.
            (1, &huge[..if index % 2 == 0 { 1 << 20 } else { 100 }]),
        ] {
            // It may have been closed already.
            let _ = socket.write_all(&frame(opcode, payload));
        }
        let _ = socket.write_all(&[0xff; 64]);
        let mut rest = Vec::new();
        let _ = socket.read_to_end(&mut rest);
        assert!(!rest.is_empty(), "it was told something");
    }
    wait_for("all to be gone", || (people(&sfu) == 0).then_some(()));
    let after = sfu.process.resident_kib();
    assert!(after < before + 65_536, "{before} KiB, then {after} KiB");
}

/// The load generator's line while so many datagrams a second come that mean nothing, and the memory of the server at the end.
fn noise(rate: u32, more: &[&str]) {
    needs!(FFMPEG);
    let sfu = Sfu::start(&[]);
    let folder = tempfile::TempDir::new().expect("there is room for temporary files");
    let clip = folder.path().join("clip.mp4");
    crate::rooms::make_clip(&clip);
    let mut command = Command::new(load_generator());
    command.arg(sfu.url("")).arg("--file").arg(&clip);
    command.args([
        "--noise",
        &sfu.udp.to_string(),
        "--noise-rate",
        &rate.to_string(),
    ]);
    command
        .args(["--pid", &sfu.process.id().to_string()])
        .args(more);
    let line = Process::run("sfu-load", &mut command).concat();
    println!("{rate} datagrams of noise a second: {line}");
    assert!(line.contains("strange 0"), "{line}");
    let resident = sfu.process.resident_kib();
    assert!(resident < 256 << 10, "{resident} KiB: {line}");
}

/// On a busy machine noise takes time from the others: here it is what comes that counts, not how much.
#[test]
fn noise_brings_nothing_strange() {
    noise(
        2000,
        &["--subscribers", "3", "--seconds", "4", "--most-loss", "60"],
    );
}

#[test]
#[ignore = "wants a quiet machine: cargo test --release -p fluvial-interop --test interop -- --ignored --nocapture fifty_thousand"]
fn fifty_thousand_datagrams_of_noise_a_second_lose_nothing() {
    let steady = "--subscribers 20 --seconds 20 --most-loss 0.1";
    let steady: Vec<_> = steady.split(' ').collect();
    for rate in [0, 50_000] {
        noise(rate, &steady);
    }
}
