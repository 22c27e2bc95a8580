//! Rooms over two nodes of the SFU, which find each other by a real NATS server.

use crate::rooms::turn;
use fluvial_interop::{
    nats::Nats,
    needs,
    peer::{self, CHROMIUM, NATS, PLAYWRIGHT},
    process::Process,
    sfu::Sfu,
    wait_for,
};
use serde_json::Value;
use std::process::Command;

fn node(nats: &Nats) -> Sfu {
    Sfu::start(&["--cluster", &nats.url(), "--relay", "127.0.0.1:0"])
}

#[test]
fn a_room_over_two_nodes_goes_on_when_one_is_killed() {
    needs!(NATS, CHROMIUM, PLAYWRIGHT);
    let _turn = turn();
    let nats = Nats::start();
    let (mut first, second) = (node(&nats), node(&nats));
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
