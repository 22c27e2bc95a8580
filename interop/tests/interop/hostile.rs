//! Peers that send what they should not, or nothing, or die: each is told off and closed, the others notice
//! nothing, and the server's memory stays as it is.

use fluvial_interop::{
    client::Client,
    clip::{Clip, LONG},
    needs,
    peer::FFMPEG,
    proxy,
    raw::Raw,
    reader::Reader,
    server::Server,
    wait_for,
};

const SET_CHUNK_SIZE: u8 = 1;
const VIDEO: u8 = 9;
const COMMAND: u8 = 20;

/// Does something bad.
struct Offence {
    what: &'static str,
    offend: fn(&Server) -> Raw,
    /// What the one line in the log has in it.
    log: &'static str,
}

const OFFENCES: [Offence; 7] = [
    Offence {
        what: "random bytes",
        offend: |server| {
            let mut raw = Raw::connect(server.rtmp);
            raw.send(&noise(64 * 1024));
            raw
        },
        log: "version",
    },
    Offence {
        what: "an HTTP request",
        offend: |server| {
            let mut raw = Raw::connect(server.rtmp);
            raw.send(b"GET /live/x/index.m3u8 HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\r\n");
            raw
        },
        log: "version",
    },
    Offence {
        what: "a TLS hello",
        offend: |server| {
            let mut raw = Raw::connect(server.rtmp);
            raw.send(&[0x16, 3, 1, 2, 0, 1, 0, 1, 0xFC, 3, 3]);
            raw.send(&noise(500));
            raw
        },
        log: "a TLS hello came instead of an RTMP handshake",
    },
    Offence {
        what: "random bytes after the handshake",
        offend: |server| {
            let mut raw = Raw::shake_hands(server.rtmp);
            raw.send(&noise(64 * 1024));
            raw
        },
        log: "connection closed",
    },
    Offence {
        what: "a chunk size of 0",
        offend: |server| {
            let mut raw = Raw::shake_hands(server.rtmp);
            raw.send_message(SET_CHUNK_SIZE, 4, &[0, 0, 0, 0]);
            raw
        },
        log: "chunk size",
    },
    Offence {
        what: "the longest message that can be announced, in one chunk",
        offend: |server| {
            let mut raw = Raw::shake_hands(server.rtmp);
            raw.send_message(SET_CHUNK_SIZE, 4, &0x7FFF_FFFF_u32.to_be_bytes());
            raw.send_message(VIDEO, 0xFF_FFFF, &noise(4096));
            raw
        },
        log: "message",
    },
    Offence {
        what: "half a handshake",
        offend: |server| {
            let mut raw = Raw::connect(server.rtmp);
            raw.send(&[3; 700]);
            raw
        },
        log: "connection closed",
    },
];

/// Bytes without a pattern, the same in each run. The first is no version of RTMP.
fn noise(len: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut byte = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3] | 0x40
    };
    (0..len).map(|_| byte()).collect()
}

/// All offences at once; each is closed, and told in one line.
fn offend(server: &Server) {
    let mut offenders =
        OFFENCES.map(|offence| (offence.what, offence.log, (offence.offend)(server)));
    for (what, log, raw) in &mut offenders {
        raw.expect_close();
        let peer = format!("peer={}", raw.address());
        let warnings = || -> Vec<String> {
            let lines = server.log().lines();
            let told = |line: &String| line.contains("WARN") && line.contains(&peer);
            lines.into_iter().filter(told).collect()
        };
        wait_for(&format!("a warning of {what}"), || {
            (!warnings().is_empty()).then_some(())
        });
        let [line] = &*warnings() else {
            panic!("{what}: more than one line: {:#?}", warnings());
        };
        assert!(line.contains(*log), "{what}: the log says: {line}");
    }
}

/// A publisher that is killed, and one whose connection breaks off in the middle of a message.
fn die(server: &Server, clip: &Clip) {
    let seen = server.log().len();
    let mut killed = clip.publish(&server.rtmp_url("killed"));
    let address = proxy::cut_after(server.rtmp, 150_001);
    let _cut = clip.publish(&format!("rtmp://{address}/live/cut"));
    server.wait_for_playlist("killed");
    killed.kill();
    server
        .log()
        .wait_for(seen, &["publisher gone", "stream=live/killed"]);
    server
        .log()
        .wait_for(seen, &["WARN", "ended in the middle"]);
}

#[test]
fn offenders_are_closed_and_harm_nobody() {
    /// Megabytes would show: the offences announce 16 MiB each time, and 500 connections have buffers.
    const SLACK: u64 = 6 * 1024;
    const IDLE: usize = 500;
    const ROUNDS: usize = 3;
    needs!(FFMPEG);
    let clip = LONG.clip();
    let server = Server::start(&["--no-demo", "--handshake", "2", "--linger", "8"]);
    let url = server.rtmp_url("victim");
    let player = Reader::start(&url, &[]);
    server.wait_for_player("victim");
    let mut publisher = clip.publish(&url);

    offend(&server);
    server.wait_for_playlist("victim");
    let reader = Reader::hls_from_start(&server.hls_url("victim"));
    die(&server, &clip);
    let before = server.resident_kib();
    for _ in 0..ROUNDS {
        offend(&server);
    }
    let after = server.resident_kib();
    assert!(
        after < before + SLACK,
        "memory grows from {before} to {after} KiB by {ROUNDS} rounds of offences"
    );

    let idle: Vec<Client> = (0..IDLE).map(|_| Client::connect(&url)).collect();
    let with_idle = server.resident_kib();
    let each = with_idle.saturating_sub(after) / IDLE as u64;
    assert!(each < 32, "{each} KiB for each idle connection");
    assert!(
        publisher.exited().is_none(),
        "the test was too slow to show anything"
    );

    publisher.expect_success();
    drop(idle);
    reader.finish().assert_same(&clip.frames, "HLS");
    player.finish().assert_same(&clip.frames, "RTMP");
}

/// The greatest chunk size is unusual, not bad: the dialogue goes on.
#[test]
fn greatest_chunk_size_is_taken() {
    let server = Server::shared();
    let mut raw = Raw::shake_hands(server.rtmp);
    raw.send_message(SET_CHUNK_SIZE, 4, &0x7FFF_FFFF_u32.to_be_bytes());
    let mut connect = b"\x02\x00\x07connect\x00".to_vec();
    connect.extend(1.0_f64.to_be_bytes());
    connect.extend(b"\x03\x00\x03app\x02\x00\x04live\x00\x00\x09");
    raw.send_message(
        COMMAND,
        u32::try_from(connect.len()).expect("it is short"),
        &connect,
    );
    raw.expect("NetConnection.Connect.Success");
}
