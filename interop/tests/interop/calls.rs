//! The P2P server: two Chromium call each other directly and over the relay; coturn's client against our TURN.

use std::{
    net::{SocketAddr, UdpSocket},
    process::Command,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Instant,
};

use fluvial_interop::{
    http, needs,
    p2p::P2p,
    peer::{self, CHROMIUM, PLAYWRIGHT, TURNUTILS},
    process::Process,
    wait_for,
};
use serde_json::Value;

/// Has two call each other; gives what the script tells, a line a step.
fn call(p2p: &P2p, arguments: &[&str]) -> Vec<Value> {
    run(p2p, "call.js", arguments)
}

fn run(p2p: &P2p, script: &str, arguments: &[&str]) -> Vec<Value> {
    static TURN: Mutex<()> = Mutex::new(());
    // Several browsers that encode are enough for a machine; a call that failed is over all the same.
    let _turn = TURN
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    let mut command = Command::new("node");
    command
        .arg(peer::manifest_dir().join("browser").join(script))
        .arg(p2p.url("/room/tea"))
        .args(arguments)
        .env(
            "CHROMIUM",
            peer::find("chromium").expect("the test has asked for it"),
        );
    let lines = Process::run("Chromium calling itself", &mut command);
    let steps: Vec<Value> = lines
        .iter()
        .map(|line| serde_json::from_str(line).expect("the script prints JSON"))
        .collect();
    for step in &steps {
        assert_eq!(step["errors"], serde_json::json!([]), "{step}");
        assert_ne!(step["met"], false, "they do not see each other: {step}");
    }
    steps
}

#[test]
fn a_call_goes_directly_restarts_is_switched_to_the_relay_and_carries_a_file() {
    needs!(CHROMIUM, PLAYWRIGHT);
    let p2p = P2p::start(&[]);
    let steps = call(&p2p, &["restart=1", "relay=1", "file=1"]);
    let of = |name: &str| {
        let step = steps.iter().find(|step| step["step"] == name);
        step.unwrap_or_else(|| panic!("no step {name}: {steps:?}"))
    };
    for seen in of("together")["seen"].as_array().expect("of both") {
        let path = seen["path"].as_str().expect("a path");
        assert!(!path.contains("relay"), "{path}");
    }
    assert_eq!(of("restarted")["met"], true);
    // Before it went, and while it did, by the one and by the other.
    for (index, word) in ["refused", "withdrawn"]
        .into_iter()
        .cycle()
        .take(4)
        .enumerate()
    {
        let ending = &of("unwanted")["endings"][index];
        let expected = serde_json::json!({ "states": [word, word], "part": true, "buttons": 0 });
        assert_eq!(*ending, expected, "{index}");
    }
    assert_eq!(of("file")["same"], true);
    assert_eq!(of("file")["name"], "numbers.bin");
}

#[test]
fn a_call_goes_over_the_relay_alone() {
    needs!(CHROMIUM, PLAYWRIGHT);
    let p2p = P2p::start(&[]);
    let steps = call(&p2p, &["query=relay=1", "leave=1"]);
    for seen in steps[0]["seen"].as_array().expect("of both") {
        assert_eq!(seen["path"], "relay/relay");
    }
    // Pages give back what the relay keeps for them when they go; whose page is killed, theirs is there until it expires.
    let left = &steps[1];
    assert!(left["before"].as_u64() >= Some(2), "{left}");
    assert_eq!(left["kept"], 0, "{left}");
    assert!(left["ms"].as_u64().is_some_and(|ms| ms < 5000), "{left}");
    // Both have gone by now, and what they had is on the books.
    let metrics = metrics(&p2p);
    for name in ["ann", "bob"] {
        for direction in ["sent", "received"] {
            let counter =
                format!("p2p_turn_bytes_total{{user=\"{name}\",direction=\"{direction}\"}}");
            assert!(value_of(&metrics, &counter) > 10_000, "{metrics}");
        }
    }
}

/// Pages say what is wrong, come in again by themselves without doing so all the time, and find each other once it works.
#[test]
fn a_call_survives_a_negotiation_that_fails() {
    needs!(CHROMIUM, PLAYWRIGHT);
    let p2p = P2p::start(&[]);
    let steps = run(&p2p, "broken-call.js", &[]);
    let (joins, ms) = (steps[0]["joins"].as_u64(), steps[0]["ms"].as_u64());
    let most = ms.map(|ms| 6 + ms / 1000);
    assert!(joins > Some(1) && joins < most, "{steps:?}");
}

fn metrics(p2p: &P2p) -> String {
    http::get(&p2p.url("/metrics"))
        .expect("the server answers")
        .text()
}

fn value_of(metrics: &str, name: &str) -> u64 {
    let line = metrics.lines().find_map(|line| line.strip_prefix(name));
    let line = line.unwrap_or_else(|| panic!("no {name}: {metrics}"));
    line.trim().parse().expect("a number")
}

/// Runs coturn's client to its end; gives whether it was content, and what it said.
fn uclient(p2p: &P2p, arguments: &[&str]) -> (bool, String) {
    let mut command = Command::new("turnutils_uclient");
    command.args(arguments);
    command.arg(p2p.turn.ip().to_string());
    let mut process = Process::spawn("turnutils_uclient", &mut command);
    let status = process.wait();
    let mut said = process.stdout.lines();
    said.extend(process.stderr.lines());
    (status.success(), said.join("\n"))
}

/// Two clients at a time that send each other 50 packets over two relays, by two ports each where these are UDP's; all have to arrive.
fn clean(p2p: &P2p, port: u16, way: &[&str]) {
    let port = port.to_string();
    let common = [
        "-y", "-W", "north", "-u", "ann", "-n", "50", "-m", "2", "-l", "170", "-p", &port,
    ];
    let (content, said) = uclient(p2p, &[&common[..], way].concat());
    assert!(content, "{said}");
    assert!(said.contains("Total lost packets 0 (0.000000%)"), "{said}");
    let sent = if way.contains(&"-T") { 100 } else { 200 };
    let all = format!("tot_send_msgs={sent}, tot_recv_msgs={sent}");
    assert!(said.contains(&all), "{said}");
}

#[test]
fn coturns_client_is_content_over_udp_tcp_and_tls() {
    needs!(TURNUTILS);
    let p2p = P2p::start(&[]);
    let (plain, tls) = (p2p.turn.port(), p2p.turns.port());
    clean(&p2p, plain, &[]);
    clean(&p2p, plain, &["-s"]);
    clean(&p2p, plain, &["-t"]);
    clean(&p2p, plain, &["-t", "-s"]);
    clean(&p2p, tls, &["-t", "-S"]);
}

/// Connections of TCP between the relays (RFC 6062).
#[test]
fn coturns_client_is_content_with_relayed_connections() {
    needs!(TURNUTILS);
    let p2p = P2p::start(&[]);
    clean(&p2p, p2p.turn.port(), &["-T"]);
    clean(&p2p, p2p.turns.port(), &["-T", "-S"]);
    let counter = "p2p_turn_bytes_total{user=\"ann\",direction=\"received\"}";
    // Four clients that hear 50 messages of 170 bytes each.
    assert_eq!(value_of(&metrics(&p2p), counter), 4 * 50 * 170);
}

#[test]
fn coturns_client_is_content_with_ipv6() {
    needs!(TURNUTILS);
    if let Err(error) = std::net::UdpSocket::bind("[::1]:0") {
        eprintln!("SKIPPED: this machine has no IPv6 ({error})");
        return;
    }
    let p2p = P2p::start(&["--turn", "[::1]:0"]);
    for way in [&["-x"][..], &["-x", "-t"], &["-x", "-T"]] {
        clean(&p2p, p2p.turn.port(), way);
    }
}

/// Datagrams of strangers, as many as will go: noise, questions, and requests for allocations without and with a wrong signature.
fn flood(turn: SocketAddr, over: &AtomicBool) -> usize {
    let header = |kind: u16, length: u16| {
        let cookie = 0x2112_A442_u32;
        [
            &kind.to_be_bytes()[..],
            &length.to_be_bytes(),
            &cookie.to_be_bytes(),
            &[7; 12],
        ]
        .concat()
    };
    let requested = [0, 0x19, 0, 4, 17, 0, 0, 0];
    let signature = [&[0, 8, 0, 20][..], &[9; 20]].concat();
    let kinds = [
        vec![0x55; 120],
        header(0x0001, 0),
        [header(0x0003, 8), requested.to_vec()].concat(),
        [header(0x0003, 32), requested.to_vec(), signature].concat(),
        [&[0x40, 0, 0, 100][..], &[0; 100]].concat(),
        vec![22, 0xFE, 0xFD, 0, 0],
    ];
    let local = SocketAddr::new(turn.ip(), 0);
    let mut sent = 0;
    while !over.load(Ordering::Relaxed) {
        // A stranger is new after a while.
        let socket = UdpSocket::bind(local).expect("there are ports");
        for datagram in kinds.iter().cycle().take(30) {
            sent += usize::from(socket.send_to(datagram, turn).is_ok());
        }
    }
    sent
}

#[test]
fn strangers_do_not_disturb() {
    needs!(TURNUTILS);
    /// KiB: what waits in channels and buffers.
    const SLACK: u64 = 16 * 1024;
    let p2p = P2p::start(&[]);
    // Datagrams get lost in a flood, those of a stream do not.
    let way = ["-t"];
    clean(&p2p, p2p.turn.port(), &way);
    let before = p2p.process.resident_kib();
    let over = AtomicBool::new(false);
    let (sent, time) = thread::scope(|scope| {
        let began = Instant::now();
        let flood = scope.spawn(|| flood(p2p.turn, &over));
        clean(&p2p, p2p.turn.port(), &way);
        over.store(true, Ordering::Relaxed);
        (flood.join().expect("it ends"), began.elapsed())
    });
    let after = p2p.process.resident_kib();
    eprintln!("{sent} datagrams in {time:?}: from {before} to {after} KiB");
    assert!(sent > 5_000, "{sent} datagrams are no flood");
    assert!(after < before + SLACK, "from {before} to {after} KiB");
}

/// coturn's client takes a 401 for a question and asks again and again: it is watched doing so.
fn never_lets_in(p2p: &P2p, username: &str, password: &str) {
    let mut command = Command::new("turnutils_uclient");
    command
        .args(["-v", "-y", "-m", "1", "-n", "1"])
        .args(["-u", username, "-w", password])
        .args(["-p", &p2p.turn.port().to_string()])
        .arg(p2p.turn.ip().to_string());
    let process = Process::spawn("turnutils_uclient", &mut command);
    let tries = || {
        let lines = process.stdout.lines();
        let answers = lines
            .iter()
            .filter(|line| line.contains("allocate response received"));
        answers.count()
    };
    wait_for("ten refusals", || (tries() >= 10).then_some(()));
    let said = process.stdout.lines().join("\n");
    assert!(!said.contains("success"), "{said}");
    assert_eq!(value_of(&metrics(p2p), "p2p_turn_allocations"), 0);
}

#[test]
fn coturns_client_is_refused_what_it_may_not_have() {
    needs!(TURNUTILS);
    let p2p = P2p::start(&["--user-quota", "4"]);
    let port = p2p.turn.port().to_string();
    never_lets_in(&p2p, "4000000000:ann", "guess");
    // printf 1000000000:ann | openssl dgst -sha1 -hmac north -binary | base64
    never_lets_in(&p2p, "1000000000:ann", "zDcf6BiiZHTcr5p/mcduEofUYFk=");

    let refused = |arguments: &[&str], why: &str| {
        let common = ["-W", "north", "-n", "1", "-p", &port];
        // How it ends after a refusal is not the same every time.
        let (_, said) = uclient(&p2p, &[&common[..], arguments].concat());
        assert!(said.contains(why), "{said}");
    };
    // A client of its takes two allocations: five of them are too many for one user.
    refused(
        &["-v", "-y", "-u", "bob", "-m", "5"],
        "error 486 (Allocation Quota Reached)",
    );
    // Each run by a user of its own: what a run had is there until it expires.
    for peer in ["127.0.0.1", "10.0.0.1", "169.254.169.254"] {
        let user = format!("channel {peer}");
        let channel = ["-v", "-u", &user, "-m", "1", "-e", peer];
        refused(&channel, "channel bind: error 403 (Forbidden)");
        let user = format!("permission {peer}");
        let permission = ["-v", "-s", "-u", &user, "-m", "1", "-e", peer];
        refused(&permission, "create permission error 403 (Forbidden)");
    }
}
