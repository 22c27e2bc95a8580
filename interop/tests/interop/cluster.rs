//! Rooms over two nodes of the SFU, which find each other by a real NATS server.

use crate::ingest::{PLAIN, source};
use crate::{rooms::turn, webrtc};
use fluvial_interop::{
    nats::Nats,
    needs,
    peer::{self, AIORTC, CHROMIUM, FFMPEG, NATS, PLAYWRIGHT},
    process::Process,
    sfu::Sfu,
    wait_for,
};
use serde_json::Value;
use std::{process::Command, time::Duration};

fn node(nats: &Nats, more: &[&str]) -> Sfu {
    let url = nats.url();
    let cluster = ["--cluster", &url, "--relay", "127.0.0.1:0"];
    Sfu::start(&[&cluster[..], more].concat())
}

#[test]
fn a_room_over_two_nodes_goes_on_when_one_is_killed() {
    needs!(NATS, CHROMIUM, PLAYWRIGHT);
    let _turn = turn();
    let nats = Nats::start();
    let (mut first, second) = (node(&nats, &[]), node(&nats, &[]));
    first.log().wait_for(0, &["another node"]);
    second.log().wait_for(0, &["another node"]);
    let mut command = Command::new("node");
    command
        .arg(peer::manifest_dir().join("browser/meet.js"))
        .arg(first.url("/room/wide"))
        .arg("ann,bob")
        .arg(format!("other={}", second.url("/room/wide")))
        .env("CHROMIUM", peer::find("chromium").expect("asked for"));
    let mut browsers = Process::spawn("Chromiums at two nodes", &mut command);
    let mut step = |name: &str| -> Value {
        let line = wait_for(name, || {
            assert!(
                browsers.exited().is_none() || !browsers.stdout.is_empty(),
                "the browsers have ended"
            );
            browsers.stdout.pick(0, |line| {
                let step: Value = serde_json::from_str(line).ok()?;
                (step["step"] == name).then_some(step)
            })
        });
        assert_eq!(line["met"], true, "they do not see each other: {line}");
        assert_eq!(line["errors"], serde_json::json!([]), "{line}");
        line
    };
    step("together");
    // One of each node is at both, once.
    for sfu in [&first, &second] {
        let answer = fluvial_interop::http::get(&sfu.url("/api/rooms")).expect("an answer");
        let rooms: Value = serde_json::from_str(&answer.text()).expect("JSON");
        let people = rooms["rooms"][0]["people"].as_array();
        assert_eq!(people.map(Vec::len), Some(2), "{rooms}");
    }
    first.process.kill();
    step("again");
    browsers.expect_success();
}

/// How often a node has said so.
fn times(sfu: &Sfu, what: &str) -> usize {
    let lines = sfu.log().lines();
    lines.iter().filter(|line| line.contains(what)).count()
}

/// Longer than a node is believed to be there that tells nothing.
const OUTAGE: Duration = Duration::from_secs(7);

/// Who publishes at one node by RTMP is seen and heard at two others; that goes on while NATS is away, and what is new is known when it is back.
#[test]
fn an_encoder_is_seen_at_three_nodes_also_while_nats_is_away() {
    needs!(NATS, FFMPEG, AIORTC);
    let mut nats = Nats::start();
    let first = node(&nats, &["--rtmp", "127.0.0.1:0"]);
    let others = [node(&nats, &[]), node(&nats, &[])];
    for sfu in [&first, &others[0], &others[1]] {
        wait_for("two other nodes", || {
            (times(sfu, "another node") == 2).then_some(())
        });
    }
    let rtmp = first.address("RTMP listening on rtmp://");
    let publish = |room: &str| {
        let mut command = source("blue", 440, &PLAIN);
        command.arg(format!("rtmp://{rtmp}/room/{room}/door"));
        Process::spawn("ffmpeg publishing", &mut command)
    };
    let _encoder = publish("tea");
    for sfu in &others {
        webrtc::plays(&sfu.url("/whep/tea"), webrtc::BLUE, false);
    }
    let mut player = webrtc::aiortc("play", &others[0].url("/whep/tea"), &["9"]);
    let mut player = Process::spawn("aiortc playing on", &mut player);
    wait_for("the player", || {
        (times(&others[0], "connected peer=") == 2).then_some(())
    });
    nats.kill();
    std::thread::sleep(OUTAGE);
    player.expect_success();
    let seen: Value = serde_json::from_str(&player.stdout.lines().concat()).expect("JSON");
    assert!(seen["pictures"].as_u64() >= Some(9 * 20), "{seen}");
    for sfu in [&first, &others[0], &others[1]] {
        assert_eq!(times(sfu, "a node is gone"), 0);
    }
    nats.restart();
    let _another = publish("coffee");
    for sfu in &others {
        webrtc::plays(&sfu.url("/whep/coffee"), webrtc::BLUE, false);
    }
}
