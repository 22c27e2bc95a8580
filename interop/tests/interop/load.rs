//! Peers that are too many, too slow, or lie about what they take: what they cost is bounded, and the others notice nothing.

use fluvial_interop::{
    client::{Answer, Client},
    clip::BASELINE,
    needs,
    peer::FFMPEG,
    process::Process,
    proxy,
    raw::Raw,
    reader::Reader,
    server::Server,
    transport::{certificate, shown_certificate},
    wait_for,
};
use std::{
    fs,
    io::{self, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    process::Command,
    time::{Duration, Instant},
};
use tempfile::TempDir;

const WINDOW_ACK_SIZE: u8 = 5;
const SET_PEER_BANDWIDTH: u8 = 6;
const USER_CONTROL: u8 = 4;

/// Lets a process have as many descriptors as it may; gives how many that is.
fn raise_descriptors(pid: u32) -> usize {
    let limits = || fs::read_to_string(format!("/proc/{pid}/limits")).expect("this is Linux");
    let field = |text: &str, at: usize| -> usize {
        let line = text.lines().find(|line| line.starts_with("Max open files"));
        let word = line.and_then(|line| line.split_whitespace().nth(at));
        word.and_then(|word| word.parse().ok()).unwrap_or(1 << 20)
    };
    let hard = field(&limits(), 4);
    // Where this is not allowed, what there is has to do.
    let _ = Command::new("prlimit")
        .args([
            "--pid",
            &pid.to_string(),
            &format!("--nofile={hard}:{hard}"),
        ])
        .status();
    field(&limits(), 3)
}

fn descriptors(pid: u32) -> usize {
    fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, Iterator::count)
}

#[test]
fn ten_thousand_connections_cost_little() {
    const WANTED: usize = 10_000;
    /// KiB; measured are 3 for one that has shaken hands.
    const EACH: u64 = 8;
    let server = Server::start(&[
        "--no-demo",
        "--handshake",
        "80",
        "--max-connections",
        "10100",
    ]);
    let pid = server.process.id();
    let allowed = raise_descriptors(std::process::id()).min(raise_descriptors(pid));
    let count = WANTED.min(allowed.saturating_sub(500));
    if count < WANTED {
        let _ = writeln!(
            io::stderr(),
            "only {count} connections: no more descriptors are allowed"
        );
    }
    assert!(count >= 400, "{allowed} descriptors show nothing");
    let before = server.resident_kib();
    let open = descriptors(pid);
    let connections: Vec<Raw> = (0..count).map(|_| Raw::shake_hands(server.rtmp)).collect();
    wait_for("all connections", || {
        (descriptors(pid) >= open + count).then_some(())
    });
    let after = server.resident_kib();
    let each = after.saturating_sub(before) / count as u64;
    let _ = writeln!(io::stderr(), "{count} connections: {before} to {after} KiB");
    assert!(
        each < EACH,
        "{each} KiB for each of {count} connections: {before} to {after} KiB"
    );
    // There is room for those who mean it.
    let url = server.rtmp_url("meant");
    assert!(matches!(
        Client::connect(&url).ask_to_publish(),
        Answer::Granted(_)
    ));
    drop(connections);
    wait_for("all connections to end", || {
        (descriptors(pid) < open + 50).then_some(())
    });
}

#[test]
fn who_asks_and_does_not_take_the_answers_is_cut() {
    const SLACK: u64 = 8 * 1024;
    let server = Server::start(&["--no-demo", "--stall", "2"]);
    let before = server.resident_kib();
    for kind in [SET_PEER_BANDWIDTH, USER_CONTROL] {
        let seen = server.log().len();
        let mut raw = Raw::shake_hands(server.rtmp);
        // Windows that nothing fits in, and that everything fits in; nothing is ever acknowledged.
        for window in [0, 1, u32::MAX] {
            raw.send_message(WINDOW_ACK_SIZE, 4, &u32::to_be_bytes(window));
        }
        let mut flood = Vec::new();
        for number in 0..20_000_u32 {
            let [a, b, c, d] = number.to_be_bytes();
            match kind {
                // Each is another bandwidth, and each is to be answered.
                SET_PEER_BANDWIDTH => {
                    flood.extend([2, 0, 0, 0, 0, 0, 5, kind, 0, 0, 0, 0, a, b, c, d, 0]);
                }
                // Pings.
                _ => flood.extend([2, 0, 0, 0, 0, 0, 6, kind, 0, 0, 0, 0, 0, 6, a, b, c, d]),
            }
        }
        // 30 MB; the server takes no more of it than its answers leave by.
        for _ in 0..90 {
            raw.send(&flood);
        }
        raw.expect_close();
        server
            .log()
            .wait_for(seen, &["WARN", "the peer does not read"]);
        let after = server.resident_kib();
        assert!(
            after < before + SLACK,
            "memory grows from {before} to {after} KiB"
        );
    }
}

#[test]
fn segments_of_one_byte_are_enough() {
    needs!(FFMPEG);
    let clip = BASELINE.clip();
    let server = Server::shared();
    let player = Reader::start(&server.rtmp_url("bytewise"), &[]);
    server.wait_for_player("bytewise");
    let address = proxy::in_single_bytes(server.rtmp);
    clip.publish(&format!("rtmp://{address}/live/bytewise"))
        .expect_success();
    player.finish().assert_same(&clip.frames, "byte by byte");
}

/// A request of a tunnel by hand; gives the status and the body.
fn post(address: SocketAddr, path: &str, body: &[u8]) -> (u16, Vec<u8>) {
    let mut socket = TcpStream::connect(address).expect("the server listens");
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    socket
        .write_all(&[head.as_bytes(), body].concat())
        .expect("the server reads");
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).expect("the server answers");
    let end = answer
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .expect("a whole head");
    let status = std::str::from_utf8(&answer[9..12])
        .ok()
        .and_then(|status| status.parse().ok());
    (status.expect("a status"), answer.split_off(end + 4))
}

#[test]
fn tunnels_expire_and_numbers_count() {
    let server = Server::start(&["--no-demo", "--rtmpt", "127.0.0.1:0", "--handshake", "2"]);
    let url = server.wrapped_url("rtmpt", "x");
    let address = url
        .split('/')
        .nth(2)
        .and_then(|address| address.parse().ok())
        .expect("an address");
    let open = || {
        let (status, body) = post(address, "/open/1", &[0]);
        assert_eq!(status, 200);
        String::from_utf8(body).expect("an id").trim().to_owned()
    };
    // A request whose body drips in.
    let begin = Instant::now();
    let mut slow = TcpStream::connect(address).expect("the server listens");
    slow.write_all(b"POST /open/1 HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n")
        .expect("the server reads");
    slow.set_read_timeout(Some(Duration::from_millis(300)))
        .expect("an option of every socket");
    loop {
        let mut answer = [0; 64];
        match slow.read(&mut answer) {
            Ok(0) => break,
            Ok(read) => {
                assert!(
                    answer[..read].starts_with(b"HTTP/1.1 408"),
                    "{:?}",
                    &answer[..read]
                );
                break;
            }
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
                ) => {}
            Err(_) => break,
        }
        assert!(begin.elapsed() < Duration::from_secs(20), "it drips on");
    }

    let id = open();
    let other = open();
    assert_ne!(id, other);
    let mut hello = vec![3];
    hello.extend([0; 1536]);
    let last = (format!("/send/{id}/0"), hello);
    let answer = post(address, &last.0, &last.1);
    // The handshake's answer comes with it.
    assert_eq!((answer.0, answer.1.len()), (200, 1 + 1 + 2 * 1536));
    // The same again: the same answer.
    assert_eq!(post(address, &last.0, &last.1), answer);
    let far = format!("/idle/{id}/7");
    assert_eq!(post(address, &far, &[0]).0, 400);
    let nobody = format!("/idle/{}/0", "0".repeat(32));
    assert_eq!(post(address, &nobody, &[0]).0, 404);
    // Longer than a handshake may take: the connection behind it is over, and then the tunnel is.
    std::thread::sleep(Duration::from_secs(3));
    let (status, body) = post(address, &format!("/idle/{id}/1"), &[0]);
    assert_eq!((status, body), (200, vec![0]));
    let closed = format!("/idle/{id}/2");
    assert_eq!(post(address, &closed, &[0]).0, 404);
}

#[test]
fn a_certificate_is_renewed_without_a_restart() {
    let folder = TempDir::new().expect("there is room for temporary files");
    let (file, key) = certificate(folder.path());
    let names = [&file, &key].map(|path| path.display().to_string());
    let [file, key] = &names;
    let server = Server::start(&[
        "--no-demo",
        "--rtmps",
        "127.0.0.1:0",
        "--tls-cert",
        file,
        "--tls-key",
        key,
    ]);
    let url = server.wrapped_url("rtmps", "x");
    let address = url
        .split('/')
        .nth(2)
        .and_then(|address| address.parse().ok())
        .expect("an address");
    let first = shown_certificate(address);
    // Who is connected stays so.
    let mut publisher = Client::connect(&url);
    certificate(folder.path());
    let seen = server.log().len();
    Process::run(
        "kill",
        Command::new("kill").args(["-HUP", &server.process.id().to_string()]),
    );
    server.log().wait_for(seen, &["a new certificate is shown"]);
    assert_ne!(shown_certificate(address), first);
    assert!(matches!(publisher.ask_to_publish(), Answer::Granted(_)));
}
