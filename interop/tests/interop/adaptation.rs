//! A viewer behind a network of 300 kbit/s, made of a network namespace and the kernel's token bucket.

use std::process::Command;

use fluvial_interop::{
    needs,
    peer::{self, CHROMIUM, NETWORKS, PLAYWRIGHT},
    process::Process,
    sfu::Sfu,
};
use serde_json::Value;

const NAMESPACE: &str = "fluvial-slow";
const OURS: &str = "fluvial0";
/// Of a range for tests of networks (RFC 2544).
const HOST: &str = "198.18.77.1";
const GUEST: &str = "198.18.77.2";

/// A network with one machine in it.
struct Network;

fn ip(arguments: &str) {
    Process::run(
        format!("ip {arguments}"),
        Command::new("ip").args(arguments.split(' ')),
    );
}

impl Network {
    fn new() -> Self {
        let network = Self;
        ip(&format!("netns add {NAMESPACE}"));
        ip(&format!("link add {OURS} type veth peer name fluvial1"));
        ip(&format!("link set fluvial1 netns {NAMESPACE}"));
        ip(&format!("addr add {HOST}/24 dev {OURS}"));
        ip(&format!("link set {OURS} up"));
        ip(&format!("-n {NAMESPACE} addr add {GUEST}/24 dev fluvial1"));
        ip(&format!("-n {NAMESPACE} link set fluvial1 up"));
        ip(&format!("-n {NAMESPACE} link set lo up"));
        network
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        // What was never made cannot be removed.
        for arguments in [["link", "del", OURS], ["netns", "del", NAMESPACE]] {
            let _ = Command::new("ip").args(arguments).status();
        }
    }
}

/// Down to the low layer within 3 s, without a freeze of more than 500 ms; the others keep the high one; and up again.
#[test]
#[ignore = "needs a quiet machine: cargo test --release -p fluvial-interop --test interop -- --ignored --nocapture throttled"]
fn a_throttled_browser_gets_a_low_layer_and_the_others_do_not() {
    needs!(CHROMIUM, PLAYWRIGHT, NETWORKS);
    let sfu = Sfu::start_at(
        "0.0.0.0:0",
        &[
            "--http",
            "0.0.0.0:0",
            "--announce",
            HOST,
            "--announce",
            "127.0.0.1",
        ],
    );
    let _network = Network::new();
    let mut command = Command::new("node");
    command
        .arg(peer::manifest_dir().join("browser/throttled.js"))
        .args([sfu.http.port().to_string().as_str(), HOST, NAMESPACE, OURS])
        .env(
            "CHROMIUM",
            peer::find("chromium").expect("the test has asked for it"),
        );
    let lines = Process::run("Chromium behind a slow network", &mut command);
    let seen: Value = serde_json::from_str(&lines.concat()).expect("the script prints JSON");
    println!("{seen}");
    let (high, low) = (seen["high"].as_u64(), seen["low"].as_u64());
    assert!(high > low && low > Some(0), "{seen}");
    assert!(seen["down"].as_u64().is_some_and(|ms| ms < 3000), "{seen}");
    assert!(seen["freeze"].as_u64().is_some_and(|ms| ms < 500), "{seen}");
    // By name: how many lines that has is the publisher's, whose machine may be busy.
    let others = seen["others"].as_array().expect("a list");
    let keeps = |got: &Value| got["layer"] == "h";
    assert!(others.iter().all(keeps), "the others keep theirs: {seen}");
    assert!(seen["up"].as_u64().is_some(), "it recovers: {seen}");
}
