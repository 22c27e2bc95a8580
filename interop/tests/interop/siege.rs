//! The SFU under siege: people who never connect, forged signalling, datagrams that mean nothing. Who is in a room notices nothing, and memory
//! stays in bounds.

use std::{
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
    process::Command,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
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
fn socket(to: SocketAddr, room: &str) -> TcpStream {
    let mut stream = TcpStream::connect(to).expect("the server is there");
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .expect("it can be set");
    let head = format!(
        "GET /ws/{room} HTTP/1.1\r\nHost: {to}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
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

fn offer(sdp: &str) -> String {
    serde_json::json!({ "type": "offer", "sdp": sdp, "sources": {} }).to_string()
}

/// Pages that read all they are told and are heard of all the time, and whose media never comes.
struct Pages {
    open: Arc<Mutex<Vec<TcpStream>>>,
    refused: Arc<AtomicUsize>,
    ended: Arc<AtomicBool>,
}

impl Pages {
    fn new() -> Self {
        let pages = Self {
            open: Arc::default(),
            refused: Arc::default(),
            ended: Arc::default(),
        };
        let (open, refused, ended) = (
            Arc::clone(&pages.open),
            Arc::clone(&pages.refused),
            Arc::clone(&pages.ended),
        );
        std::thread::spawn(move || {
            let mut buffer = vec![0; 1 << 20];
            let mut spoke = Instant::now();
            while !ended.load(Ordering::Relaxed) {
                let speaks = spoke.elapsed() > Duration::from_secs(1);
                if speaks {
                    spoke = Instant::now();
                }
                open.lock().unwrap().retain_mut(|page| {
                    if speaks && page.write_all(&frame(1, br#"{"type":"ping"}"#)).is_err() {
                        return false;
                    }
                    match page.read(&mut buffer) {
                        Ok(0) => false,
                        Ok(count) => {
                            let told = String::from_utf8_lossy(&buffer[..count]);
                            let is_refused = told.contains("no media connection");
                            refused.fetch_add(usize::from(is_refused), Ordering::Relaxed);
                            true
                        }
                        Err(error) => error.kind() == ErrorKind::WouldBlock,
                    }
                });
                std::thread::sleep(Duration::from_millis(5));
            }
        });
        pages
    }

    fn join(&self, to: SocketAddr, room: &str) {
        let mut page = socket(to, room);
        for text in [r#"{"type":"join","name":"nobody"}"#, &offer(OFFER)] {
            page.write_all(&frame(1, text.as_bytes()))
                .expect("the server listens");
        }
        page.set_nonblocking(true).expect("it can be set");
        self.open.lock().unwrap().push(page);
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
    }
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

/// What is done by people who never connect.
struct Siege {
    count: usize,
    /// How many of them go into one room.
    a_room: usize,
    /// How often they come.
    times: usize,
    /// How long somebody sends and two receive meanwhile, in seconds, and the share of packets that may be lost, in percent.
    seconds: &'static str,
    most_loss: &'static str,
}

/// Threads that join at a time.
const HANDS: usize = 4;

impl Siege {
    /// Somebody comes, by one of three ways.
    fn join(&self, index: usize, http: SocketAddr, pages: &Pages) {
        let room = format!("siege{}", index / self.a_room);
        let way = ["whip", "whep", "page"][index % 3];
        if way == "page" {
            return pages.join(http, &room);
        }
        let status = request(http, &format!("POST /{way}/{room}"), OFFER.as_bytes());
        assert_eq!(status.as_deref(), Some("HTTP/1.1 201 Created"), "{index}");
    }
}

/// Each third comes by WHIP, WHEP and as a page, and never connects: after 15 s they are gone, and so is what they took, for who comes next.
/// Others go on meanwhile.
fn half_open(siege: &Siege, arguments: &[&str]) {
    needs!(FFMPEG);
    let sfu = Sfu::start(arguments);
    let folder = tempfile::TempDir::new().expect("there is room for temporary files");
    let clip = folder.path().join("clip.mp4");
    crate::rooms::make_clip(&clip);
    let mut command = Command::new(load_generator());
    command.arg(sfu.url("")).arg("--file").arg(&clip);
    command.args(["--room", "siege0", "--subscribers", "2", "--settle", "1"]);
    command.args(["--seconds", siege.seconds, "--most-loss", siege.most_loss]);
    command.args(["--pid", &sfu.process.id().to_string()]);
    let load = Process::spawn("sfu-load", &mut command);
    wait_for("somebody who is there", || {
        (people(&sfu) == 3).then_some(())
    });
    let before = sfu.process.resident_kib();
    let mut told = Vec::new();
    for _ in 0..siege.times {
        let began = Instant::now();
        let pages = Pages::new();
        std::thread::scope(|scope| {
            for first in 0..HANDS {
                let (http, pages) = (sfu.http, &pages);
                scope.spawn(move || {
                    for index in (first..siege.count).step_by(HANDS) {
                        siege.join(index, http, pages);
                    }
                });
            }
        });
        let came = began.elapsed();
        let (there, resident) = (people(&sfu), sfu.process.resident_kib());
        wait_for("all of them to be gone", || {
            (people(&sfu) <= 3).then_some(())
        });
        wait_for("their sockets to be closed", || {
            pages.open.lock().unwrap().is_empty().then_some(())
        });
        let refused = pages.refused.load(Ordering::Relaxed);
        assert!(refused > 0, "pages are told why they have to go");
        println!(
            "{} half-open joins in {came:?}: {before} KiB before, {resident} KiB with {there} there; gone {:?} after the first came",
            siege.count,
            began.elapsed()
        );
        told.push((there, resident));
    }
    let (there, first) = told[0];
    let each = first.saturating_sub(before) / there.max(1) as u64;
    assert!(each < 512, "{each} KiB each");
    // What the first ones had has been used again.
    let last = told[told.len() - 1].1;
    assert!(
        last < first + first / 4 + 16_384,
        "{first} KiB, then {last} KiB"
    );
    let mut load = load;
    load.expect_success();
    let line = load.stdout.lines().concat();
    println!("meanwhile: {line}");
    assert!(line.contains("strange 0"), "{line}");
}

#[test]
fn people_who_never_connect_are_let_go() {
    let siege = Siege {
        count: 90,
        a_room: 60,
        times: 1,
        seconds: "15",
        most_loss: "60",
    };
    half_open(&siege, &[]);
}

#[test]
#[ignore = "takes minutes: cargo test --release -p fluvial-interop --test interop -- --ignored --nocapture five_thousand"]
fn five_thousand_who_never_connect_are_let_go() {
    for a_room in [150, 5000] {
        let siege = Siege {
            count: 5000,
            a_room,
            times: 2,
            seconds: "60",
            most_loss: "1",
        };
        half_open(
            &siege,
            &["--max-peers", if a_room > 200 { "10000" } else { "200" }],
        );
    }
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
    let lists = "[".repeat(100_000);
    for index in 0..20 {
        let mut socket = socket(sfu.http, "siege");
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
