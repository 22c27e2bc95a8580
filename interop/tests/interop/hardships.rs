//! What may happen to people in a room of the MCU: losses, turned and resized pictures, silence, and all that again.

use std::{net::UdpSocket, process::Command};

use fluvial_interop::{
    mcu::Mcu,
    needs,
    peer::{self, CHROMIUM, FFMPEG, PLAYWRIGHT},
    process::Process,
    wait_for,
};
use serde_json::{Value, json};

use crate::{mixing, rooms::turn};

/// Runs a script in Chromium; gives the lines of JSON that it prints.
fn script(name: &str, arguments: &[String]) -> Vec<Value> {
    let _turn = turn();
    let mut command = Command::new("node");
    command
        .arg(peer::manifest_dir().join("browser").join(name))
        .args(arguments)
        .env(
            "CHROMIUM",
            peer::find("chromium").expect("the test has asked for it"),
        );
    let lines = Process::run(name, &mut command);
    lines
        .iter()
        .map(|line| serde_json::from_str(line).expect("the script prints JSON"))
        .collect()
}

/// That each step was met, and that there were all of them.
fn expect(steps: &[Value], count: usize) {
    for step in steps {
        assert_eq!(step["met"], true, "{step}");
        assert_eq!(step["errors"], json!([]), "{step}");
    }
    assert_eq!(steps.len(), count, "{steps:#?}");
}

/// Of a hundred datagrams of media, five get lost in both directions, while everything happens to one that can; another looks on and listens.
#[test]
fn losses_turns_sizes_silence_and_absence_are_survived() {
    needs!(CHROMIUM, PLAYWRIGHT);
    let mcu = Mcu::start(&["--size", "640x360", "--rate", "15", "--bitrate", "500000"]);
    let steps = script(
        "mix-hardships.js",
        &[
            mcu.url("/room/hard"),
            mcu.udp.port().to_string(),
            "5".to_owned(),
        ],
    );
    expect(&steps, 13);
    let end = &steps[12];
    // A third of a second by itself; a keyframe that gets lost is asked for again, and on a busy machine all of that takes its time.
    let gap = end["gap"].as_f64().expect("a number");
    assert!(gap < 5_000.0, "the mix stood still for {gap} ms");
    // All that was played in between: its sharpest place is as that of a step of 0.005, on a quiet machine or not.
    let step = end["heard"]["step"].as_f64().expect("a number");
    assert!(step < 0.05, "it clicked: {end}");
    let samples = end["heard"]["samples"].as_f64().expect("a number");
    assert!(
        samples > 5.0 * 48_000.0,
        "what was played is missing: {end}"
    );
}

/// The page: regions are dragged in the editor, a layout is for one alone, somebody is made silent, it is recorded and streamed out.
#[test]
fn everything_on_the_page_does_what_it_says() {
    needs!(CHROMIUM, PLAYWRIGHT);
    let folder = tempfile::TempDir::new().expect("there is room for temporary files");
    let record = folder.path().to_str().expect("a path that can be told");
    let mcu = Mcu::start(&[
        "--size",
        "640x360",
        "--rate",
        "15",
        "--bitrate",
        "500000",
        "--record",
        record,
    ]);
    let steps = script("mix-page.js", &[mcu.url("/room/page")]);
    expect(&steps, 10);
}

/// An offer as a browser makes it.
fn offer() -> String {
    let transport = format!(
        "c=IN IP4 0.0.0.0\r\na=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\na=fingerprint:sha-256 {}\r\na=setup:actpass\r\na=sendrecv\r\na=rtcp-mux\r\n",
        ["AB"; 32].join(":")
    );
    format!(
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\n\
         m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n{transport}a=mid:0\r\na=rtpmap:111 opus/48000/2\r\n\
         m=video 9 UDP/TLS/RTP/SAVPF 96\r\n{transport}a=mid:1\r\na=rtpmap:96 H264/90000\r\n\
         a=fmtp:96 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f\r\n"
    )
}

#[test]
fn noise_forged_requests_and_half_open_joins_harm_nobody() {
    /// Rooms of 50 who never come have buffers, which are given back; allocators keep some.
    const SLACK: u64 = 64 * 1024;
    const SDP: &str = "application/sdp";
    const JSON: &str = "application/json";
    needs!(FFMPEG);
    let mut mcu = Mcu::start(&["--size", "320x180"]);
    let _red = mixing::publish(&mcu, "red", "red", 400);
    mcu.wait_for_people("mix", 1);
    let before = mcu.resident_kib();
    // As fast as the kernel takes them, which is more than 50,000 a second.
    let sockets: Vec<_> = (0..100)
        .map(|_| UdpSocket::bind("127.0.0.1:0").expect("the kernel has free ports"))
        .collect();
    let mut random = testing::Random::new(1);
    for index in 0..150_000 {
        let data = testing::datagram(&mut random, 1200);
        // What it does not take is lost.
        let _ = sockets[index % sockets.len()].send_to(&data, mcu.udp);
    }
    let good = offer();
    for way in ["join", "whip", "whep"] {
        let path = format!("/room/mix/{way}?name=x");
        for cut in (0..good.len()).step_by(97) {
            let forged = format!("{}\u{0}{}", &good[..cut], &good[cut..]);
            let answer = mcu.ask("POST", &path, SDP, forged.as_bytes());
            assert!(!answer.contains(" 500 "), "{answer}");
        }
        for size in [0, 1, 100, 10_000, 100_000] {
            let data = testing::datagram(&mut random, 1200);
            let body = data.repeat(size / data.len().max(1) + 1);
            let answer = mcu.ask("POST", &path, SDP, &body);
            assert!(answer.contains(" 4"), "{answer}");
        }
    }
    let id = mcu.room("mix").expect("red is there")["people"][0]["id"].clone();
    for path in [
        "layout",
        &format!("people/{id}"),
        &format!("people/{id}/layout"),
        "record",
        "push",
        "cameras/x",
    ] {
        for body in [
            "",
            "{",
            "null",
            &"[".repeat(100_000),
            r#"{"mode":"custom","regions":[{"x":-1,"y":0,"width":1,"height":1}]}"#,
            r#"{"mode":"custom","regions":[{"x":4294967295,"y":1,"width":4294967295,"height":1}]}"#,
            r#"{"mode":"heap"}"#,
            r#"{"gain":"loud"}"#,
            r#"{"url":"file:///etc/passwd"}"#,
        ] {
            let path = format!("/api/rooms/mix/{path}");
            let answer = mcu.ask("POST", &path, JSON, body.as_bytes());
            assert!(
                answer.contains(" 4"),
                "{path} {}: {answer}",
                &body[..body.len().min(80)]
            );
        }
    }
    for _ in 0..50 {
        let answer = mcu.ask("POST", "/room/mix/join?name=half", SDP, good.as_bytes());
        assert!(answer.contains(" 201 "), "{answer}");
    }
    // They never come, and are let go.
    mcu.wait_for_people("mix", 1);
    let after = mcu.resident_kib();
    assert!(after < before + SLACK, "{before} KiB, then {after}");
    assert!(mcu.process.exited().is_none(), "it has ended");
    let decoded = || mcu.room("mix").expect("red is there")["people"][0]["decoded"].as_u64();
    let rtmp = format!("rtmp://{}/room/mix", mcu.rtmp);
    let mut command = Command::new("ffmpeg");
    command.args([
        "-nostdin", "-v", "error", "-i", &rtmp, "-t", "2", "-f", "null", "-",
    ]);
    Process::run("ffmpeg looking at the mix", &mut command);
    wait_for("pictures that are decoded", || {
        (decoded() > Some(0)).then_some(())
    });
}
