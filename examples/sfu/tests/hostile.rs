//! What nobody should send: noise of every kind, at connections that are open and at such that never were.

mod support;

use fluvial_sfu::message::{Request, Source};
use fluvial_sfu::room::{Entrance, PeerId, Refusal};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;
use str0m::net::Protocol;
use support::{Layer, World};

const ONE: &[Layer] = &[Layer {
    rid: None,
    height: 360,
    rate: 400_000,
}];

/// Somebody who sends a picture and takes one, if they came.
const CROWD: &str = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\na=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\n\
    a=fingerprint:sha-256 00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff:00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff\r\na=setup:actpass\r\n\
    m=video 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=sendonly\r\na=rtcp-mux\r\na=rtpmap:96 VP8/90000\r\n\
    m=video 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=mid:1\r\na=recvonly\r\na=rtcp-mux\r\na=rtpmap:96 VP8/90000\r\n";

#[test]
fn noise_in_the_name_of_people_who_are_there_disturbs_nobody() {
    let mut world = World::new();
    world.join(ONE, 1);
    let viewer = world.join(&[], 1);
    world.run(Duration::from_secs(2));
    let before = world.clients[viewer].all_seen().len();
    let server: SocketAddr = "10.0.0.1:5000".parse().unwrap();
    let mut random = testing::Random::new(1);
    for step in 0..4000_u16 {
        let data = testing::datagram(&mut random, 1400);
        // From the address of the client itself, and from others.
        let port = if step % 2 == 0 { 4000 } else { 4000 + step };
        let from = SocketAddr::new([10, 0, 1, (step % 2) as u8 + 1].into(), port);
        let id = PeerId(u64::from(step % 2) + 1);
        let now = world.now;
        world
            .room
            .handle_datagram(id, Protocol::Udp, from, server, &data, now);
        if step % 100 == 0 {
            world.run(Duration::from_millis(40));
        }
    }
    world.run(Duration::from_secs(2));
    assert_eq!(world.room.people().count(), 2, "both are still here");
    let after = world.clients[viewer].all_seen().len();
    assert!(after > before + 60, "{before} pictures, then {after}");
}

#[test]
fn people_who_never_connect_are_let_go() {
    let mut world = World::new();
    world.join(ONE, 1);
    let mut refused = 0;
    for id in 100..5100 {
        // By either way.
        let entrance = [Entrance::Http, Entrance::Socket][id as usize % 2];
        match world.room.join(PeerId(id), "nobody", entrance, world.now) {
            Ok(()) => {}
            Err(refusal) => {
                assert_eq!(refusal, Refusal::Full);
                refused += 1;
            }
        }
    }
    assert_eq!(refused, 5000 - 9, "the room holds ten");
    world.run(Duration::from_secs(20));
    assert_eq!(world.room.people().count(), 1);
    world
        .room
        .join(PeerId(9000), "late", Entrance::Http, world.now)
        .unwrap();
}

/// Each of the crowd has a picture to send and places for others, and costs no more than they are told.
#[test]
fn a_crowd_that_never_connects_takes_no_time_of_others() {
    let mut world = World::large(400);
    world.join(ONE, 1);
    let viewer = world.join(&[], 1);
    world.run(Duration::from_secs(2));
    for id in 100..400 {
        let entrance = [Entrance::Http, Entrance::Socket][id as usize % 2];
        let now = world.now;
        world
            .room
            .join(PeerId(id), "nobody", entrance, now)
            .unwrap();
        world
            .room
            .offer(PeerId(id), CROWD, BTreeMap::new(), now)
            .unwrap();
    }
    assert_eq!(world.room.people().count(), 302);
    world.run(Duration::from_secs(2));
    world.forget();
    world.run(Duration::from_secs(18));
    assert_eq!(world.room.people().count(), 2);
    let seen = world.clients[viewer].all_seen();
    assert!(seen.len() > 18 * 25 - 5, "{} pictures", seen.len());
    // That of the other one, and none of the crowd's, which never came.
    assert!(seen.iter().all(|seen| seen.sender == 0));
}

#[test]
fn requests_of_strangers_and_offers_cut_anywhere_are_refused() {
    let mut world = World::new();
    world.join(ONE, 1);
    world.run(Duration::from_secs(1));
    let stranger = Request::Mute {
        source: Source::Camera,
        muted: true,
    };
    world.room.handle_request(PeerId(77), stranger, world.now);
    let sdp = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\na=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\n\
        a=fingerprint:sha-256 00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff:00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff\r\na=setup:actpass\r\n\
        m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=sendonly\r\na=rtcp-mux\r\na=rtpmap:96 VP8/90000\r\na=rtpmap:97 rtx/90000\r\n\
        a=fmtp:97 apt=96\r\na=rid:l send\r\na=rid:h send\r\na=simulcast:send l;h\r\n";
    for end in 0..sdp.len() {
        let id = PeerId(1000 + end as u64);
        let now = world.now;
        world.room.join(id, "", Entrance::Socket, now).unwrap();
        // Whole or refused; in any case over and without harm.
        let _ = world.room.offer(id, &sdp[..end], BTreeMap::new(), now);
        world.room.leave(id, now);
    }
    world.run(Duration::from_secs(1));
    assert_eq!(world.room.people().count(), 1);
}
