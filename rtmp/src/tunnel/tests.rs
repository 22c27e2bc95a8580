use super::*;
use crate::handshake::tests::Counter;
use alloc::collections::VecDeque;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use alloc::{format, vec};
use bytes::Bytes;
use core::time::Duration;
use proptest::prelude::*;

fn server() -> Server {
    Server::new(Config::default(), &mut Counter(1), Duration::ZERO)
}

fn target(server: &Server, verb: &str, number: u32) -> Target {
    format!("/{verb}/{}/{number}", server.id()).parse().unwrap()
}

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[test]
fn paths() {
    for path in [
        "/fcs/ident2",
        "/open/1",
        "/send/a/0",
        "/idle/a/7",
        "/close/a",
        "/close/a/4294967295",
    ] {
        assert_eq!(path.parse::<Target>().unwrap().to_string(), path);
    }
    assert_eq!("/open/1?x".parse(), Ok(Target::Open));
    for (path, refused) in [
        ("/send", Refused::Malformed),
        ("/idle/a/-1", Refused::Malformed),
        ("/send/a/4294967296", Refused::Malformed),
        ("/", Refused::Unknown),
        ("/index.html", Refused::Unknown),
    ] {
        assert_eq!(path.parse::<Target>(), Err(refused), "{path}");
    }
}

#[test]
fn ids_are_long_and_differ() {
    let mut rng = Counter(7);
    let ids: Vec<String> = (0..100)
        .map(|_| {
            Server::new(Config::default(), &mut rng, Duration::ZERO)
                .id()
                .to_string()
        })
        .collect();
    for (at, id) in ids.iter().enumerate() {
        assert_eq!(id.len(), 32);
        assert!(!ids[..at].contains(id));
    }
    // ffmpeg takes less than 64 bytes; librtmp takes off just one.
    assert_eq!(server().open_response().len(), 33);
}

#[test]
fn a_request_that_comes_again_is_answered_again() {
    let mut server = server();
    let first = target(&server, "send", 0);
    let accepted = server.handle_request(&first, b"abc", millis(0)).unwrap();
    assert_eq!(accepted.input, b"abc");
    let mut bytes = Some(Bytes::from_static(b"xyz"));
    let reply = server.poll_response(accepted.ticket, millis(0), || bytes.take());
    assert_eq!(reply, Reply::Ready(b"\x01xyz"[..].into()));
    let accepted = server.handle_request(&first, b"abc", millis(1)).unwrap();
    assert_eq!(accepted.input, b"");
    let again = server.poll_response(accepted.ticket, millis(1), || Some(b"new"[..].into()));
    assert_eq!(again, reply);
    // Neither the next nor the last.
    for number in [2, 5, u32::MAX] {
        let wrong = target(&server, "send", number);
        assert_eq!(
            server.handle_request(&wrong, b"", millis(1)),
            Err(Refused::OutOfOrder)
        );
    }
    assert_eq!(Refused::OutOfOrder.status(), 400);
    assert!(
        server
            .handle_request(&target(&server, "send", 1), b"", millis(1))
            .is_ok()
    );
}

#[test]
fn idle_waits_for_news() {
    let mut server = server();
    let accepted = server
        .handle_request(&target(&server, "idle", 0), &[0], millis(0))
        .unwrap();
    assert_eq!(accepted.input, b"");
    assert_eq!(
        server.poll_response(accepted.ticket, millis(20), || None),
        Reply::Wait(millis(100))
    );
    let mut bytes = Some(Bytes::from_static(b"x"));
    let reply = server.poll_response(accepted.ticket, millis(30), || bytes.take());
    assert_eq!(reply, Reply::Ready(b"\x01x"[..].into()));
    // Without any, it is answered in the end, and the client asked to come less often.
    let mut intervals = vec![];
    for number in 1..=70 {
        let now = millis(u64::from(number) * 1000);
        let accepted = server
            .handle_request(&target(&server, "idle", number), &[0], now)
            .unwrap();
        match server.poll_response(accepted.ticket, now + millis(100), || None) {
            Reply::Ready(body) => intervals.extend(body),
            Reply::Wait(_) => panic!(),
        }
    }
    assert_eq!(
        (intervals[0], intervals[9], intervals[10], intervals[69]),
        (1, 1, 3, 0x21)
    );
    assert!(intervals.is_sorted());
}

#[test]
fn a_newer_request_takes_over() {
    let mut server = server();
    let old = server
        .handle_request(&target(&server, "idle", 0), &[0], millis(0))
        .unwrap()
        .ticket;
    let new = server
        .handle_request(&target(&server, "idle", 0), &[0], millis(1))
        .unwrap()
        .ticket;
    assert_eq!(
        server.poll_response(old, millis(1), || Some(b"x"[..].into())),
        Reply::Ready(b"\x01"[..].into())
    );
    assert_eq!(
        server.poll_response(new, millis(1), || None),
        Reply::Wait(millis(101))
    );
}

#[test]
fn the_end() {
    let mut server = server();
    assert!(!server.is_expired(millis(29_999)));
    assert!(server.is_expired(millis(30_000)));
    let close = format!("/close/{}", server.id()).parse().unwrap();
    let ticket = server
        .handle_request(&close, &[0], millis(5))
        .unwrap()
        .ticket;
    assert_eq!(
        server.poll_response(ticket, millis(5), || Some(b"x"[..].into())),
        Reply::Ready(b"\0"[..].into())
    );
    assert!(server.is_closed());
    assert_eq!(
        server.handle_request(&target(&server, "send", 1), b"x", millis(6)),
        Err(Refused::Closed)
    );
    let other = "/send/0123/0".parse().unwrap();
    assert_eq!(
        server.handle_request(&other, b"x", millis(6)),
        Err(Refused::Unknown)
    );
    let long = vec![0; (4 << 20) + 1];
    let mut server = super::tests::server();
    assert_eq!(
        server.handle_request(&target(&server, "send", 0), &long, millis(6)),
        Err(Refused::TooLong)
    );
}

#[test]
fn a_client_that_is_refused_is_closed() {
    for (status, body) in [
        (404, &b"a\n"[..]),
        (200, b""),
        (200, b"\n"),
        (200, b"a/b\n"),
        (200, &[0xFF; 9]),
    ] {
        let mut client = Client::new();
        client.poll_request(millis(0), || None).unwrap();
        assert_eq!(
            client.handle_response(status, body, millis(0)),
            Err(Refused::Status(status))
        );
        assert!(client.is_closed());
        assert_eq!(client.poll_request(millis(0), || None), None);
    }
}

proptest! {
    /// All bytes arrive once and in order, both ways, however they are cut, though requests and answers get lost.
    #[test]
    fn nothing_is_lost_or_doubled(
        there in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..50), 0..20),
        back in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..50), 0..20),
        lost in prop::collection::vec(0u8..3, 0..40),
    ) {
        let (mut server, mut client) = (server(), Client::new());
        let (mut server_got, mut client_got) = (vec![], vec![]);
        let (mut out, mut home): (VecDeque<_>, VecDeque<_>) = (there.iter().cloned().collect(), back.iter().cloned().collect());
        let mut lost = lost.into_iter();
        let mut now = Duration::ZERO;
        client.close();
        for _ in 0..500 {
            now += millis(600);
            let Some(mut request) = client.poll_request(now, || out.pop_front().map(Bytes::from)) else { break };
            loop {
                let fate = lost.next().unwrap_or(0);
                // The request never comes.
                if fate != 1 {
                    let target: Target = request.path.parse().unwrap();
                    if target == Target::Open {
                        client.handle_response(200, &server.open_response(), now).unwrap();
                        break;
                    }
                    let accepted = server.handle_request(&target, &request.body, now).unwrap();
                    server_got.extend_from_slice(accepted.input);
                    let reply = server.poll_response(accepted.ticket, now + millis(100), || home.pop_front().map(Bytes::from));
                    let Reply::Ready(body) = reply else { panic!() };
                    // The answer never comes.
                    if fate != 2 {
                        client_got.extend_from_slice(client.handle_response(200, &body, now).unwrap());
                        break;
                    }
                }
                request = client.open_request().unwrap().clone();
            }
        }
        prop_assert!(client.is_closed() && server.is_closed());
        prop_assert_eq!(server_got, there.concat());
        // What comes at the very end may stay behind.
        prop_assert!(back.concat().starts_with(&client_got));
    }
}
