//! Rooms without a socket and without a clock.

mod support;

use fluvial_sfu::message::{Notice, Request, Source};
use fluvial_sfu::room::{Entrance, Taken};
use std::time::Duration;
use str0m::format::Codec;
use support::{Layer, Seen, THREE, World, seconds};

const ONE: &[Layer] = &[Layer {
    rid: None,
    height: 360,
    rate: 400_000,
}];

/// Numbers and times of one section: as of one stream.
fn is_one_stream(seen: &[Seen]) {
    let mut sorted = seen.to_vec();
    sorted.sort_by_key(|seen| seen.sequence);
    for pair in sorted.windows(2) {
        assert_eq!(pair[0].sequence + 1, pair[1].sequence, "{pair:?}");
        let ahead = pair[1].time.wrapping_sub(pair[0].time);
        assert!(ahead < 90_000, "{pair:?}");
    }
}

#[test]
fn three_people_see_each_other() {
    let mut world = World::new();
    for _ in 0..3 {
        world.join(ONE, 4);
    }
    world.run(seconds(5));
    for index in 0..3 {
        let client = &world.clients[index];
        assert_eq!(client.seen.len(), 2, "client {index}: {:?}", client.notices);
        for seen in client.seen.values() {
            assert!(seen[0].keyframe, "a picture begins with a keyframe");
            assert!(seen.iter().all(|one| one.sender == seen[0].sender));
            assert_ne!(usize::from(seen[0].sender), index, "nobody sees themselves");
            assert!(seen.len() > 90, "{}", seen.len());
            is_one_stream(seen);
        }
    }
    let forwarded = world.room.counters().forwarded;
    assert!(forwarded > 3 * 2 * 2 * 90, "{forwarded}");
}

#[test]
fn who_comes_late_sees_a_picture_at_once_and_the_publisher_is_not_flooded() {
    let mut world = World::new();
    world.join(ONE, 1);
    world.run(seconds(3));
    let asked = world.clients[0].keyframe_requests;
    for _ in 0..8 {
        let came = world.now;
        let late = world.join(&[], 1);
        world.run(seconds(2));
        let seen = world.clients[late].all_seen();
        let after = seen[0].at - came;
        assert!(seen[0].keyframe && after < seconds(1), "{after:?}");
    }
    let asked = world.clients[0].keyframe_requests - asked;
    assert!((8..=16).contains(&asked), "{asked} keyframes for 8 people");
}

#[test]
fn a_fourth_sees_three_people_within_a_second_also_where_a_request_is_overheard() {
    let mut world = World::new();
    for _ in 0..3 {
        world.join(ONE, 4);
    }
    world.run(seconds(4));
    for overheard in [0, 1] {
        world.clients[1].overhears = overheard;
        let came = world.now;
        let late = world.join(ONE, 8);
        world.run(seconds(2));
        let client = &world.clients[late];
        assert_eq!(client.seen.len(), 3, "{:?}", client.notices);
        for seen in client.seen.values() {
            let after = seen[0].at - came;
            assert!(seen[0].keyframe && after < seconds(1), "{after:?}");
        }
        let id = client.id;
        world.room.leave(id, world.now);
        world.run(seconds(2));
    }
}

#[test]
fn the_packets_of_a_picture_leave_together() {
    let mut world = World::new();
    world.join(
        &[Layer {
            rid: None,
            height: 360,
            rate: 600_000,
        }],
        0,
    );
    world.join(&[], 1);
    // Sound waits for nothing, and takes along what is there.
    let mute = Request::Mute {
        source: Source::Microphone,
        muted: true,
    };
    let publisher = world.clients[0].id;
    world.room.handle_request(publisher, mute, world.now);
    world.run(seconds(5));
    let all = world.clients[1].all_seen();
    let pictures: Vec<_> = all.chunk_by(|a, b| a.time == b.time).collect();
    assert!(pictures.len() > 90, "{}", pictures.len());
    // They came to the room one packet after the other. The last one may be on its way.
    for picture in &pictures[..pictures.len() - 1] {
        assert!(picture.len() >= 3, "{picture:?}");
        let last = picture.last().unwrap().at;
        assert!(picture.iter().all(|seen| seen.at == last), "{picture:?}");
    }
}

#[test]
fn requests_of_many_at_once_are_one() {
    let mut world = World::new();
    world.join(ONE, 1);
    world.run(seconds(3));
    let asked = world.clients[0].keyframe_requests;
    for _ in 0..8 {
        world.join(&[], 1);
    }
    world.run(seconds(2));
    let asked = world.clients[0].keyframe_requests - asked;
    assert!((1..=3).contains(&asked), "{asked} keyframes for all");
}

#[test]
fn who_leaves_is_gone_and_their_section_is_free() {
    let mut world = World::new();
    let (first, second) = (world.join(ONE, 1), world.join(ONE, 1));
    world.run(seconds(2));
    let id = world.clients[second].id;
    world.room.leave(id, world.now);
    let third = world.join(ONE, 1);
    world.run(seconds(3));
    let client = &world.clients[first];
    assert!(
        client
            .notices
            .contains(&Notice::Left { id: id.to_string() }),
        "{:?}",
        client.notices
    );
    assert_eq!(client.seen.len(), 1, "the same section");
    let seen = client.all_seen();
    is_one_stream(&seen);
    assert_eq!(usize::from(seen[0].sender), second);
    assert_eq!(usize::from(seen[seen.len() - 1].sender), third);
}

#[test]
fn a_muted_picture_stops_and_comes_back() {
    let mut world = World::new();
    let (sender, viewer) = (world.join(ONE, 1), world.join(&[], 1));
    world.run(seconds(2));
    let id = world.clients[sender].id;
    let mute = |muted| Request::Mute {
        source: Source::Camera,
        muted,
    };
    world.room.handle_request(id, mute(true), world.now);
    world.run(seconds(1));
    let before = world.clients[viewer].all_seen().len();
    world.run(seconds(3));
    let during = world.clients[viewer].all_seen().len();
    assert_eq!(before, during, "nothing comes");
    world.room.handle_request(id, mute(false), world.now);
    world.run(seconds(1));
    let seen = world.clients[viewer].all_seen();
    assert!(seen.len() > during + 15, "{} after {during}", seen.len());
    assert!(seen[during].keyframe, "it begins with a keyframe");
}

#[test]
fn a_small_tile_gets_a_small_layer() {
    let mut world = World::new();
    let (sender, viewer) = (world.join(THREE, 0), world.join(&[], 1));
    let tile = |height| {
        let peer = world_id(sender);
        serde_json::from_value(serde_json::json!({
            "type": "view", "tiles": [{ "peer": peer, "height": height }]
        }))
        .unwrap()
    };
    let id = world.clients[viewer].id;
    for (height, layer) in [(150, 180), (360, 360), (100, 180), (1000, 720)] {
        world.room.handle_request(id, tile(height), world.now);
        world.run(seconds(8));
        let seen = world.clients[viewer].all_seen();
        let last = seen[seen.len() - 1];
        assert_eq!(last.height, layer, "for a tile of {height}");
        is_one_stream(&seen);
    }
    world
        .room
        .handle_request(id, Request::View { tiles: Vec::new() }, world.now);
    world.run(seconds(1));
    let before = world.clients[viewer].all_seen().len();
    world.run(seconds(2));
    let after = world.clients[viewer].all_seen().len();
    assert_eq!(before, after, "what is not on the screen does not come");
}

fn world_id(index: usize) -> String {
    (index + 1).to_string()
}

/// As GStreamer 1.22: ICE takes it for dead after 15 s, but its reports come, and so it is here; when they cease, it is not.
#[test]
fn a_player_who_asks_for_no_consent_is_here_while_it_reports() {
    let mut world = World::new();
    world.join(ONE, 0);
    let viewer = world.come(&[], 1, Entrance::Http);
    world.clients[viewer].asks = false;
    world.run(seconds(30));
    let id = world.clients[viewer].id;
    assert!(world.room.has(id), "after half a minute of reports");
    let late = world.now - seconds(1);
    let seen = world.clients[viewer].all_seen();
    assert!(seen.iter().filter(|seen| seen.at > late).count() > 20);
    world.clients[viewer].dead = true;
    world.run(seconds(20));
    assert!(world.room.has(id), "it may be slow to report");
    world.run(seconds(10));
    assert!(!world.room.has(id), "half a minute after the last report");
}

/// Who asked for consent or sent something, and of whom nothing comes any more, has gone.
#[test]
fn who_came_by_http_and_is_killed_is_gone_within_ten_seconds() {
    let mut world = World::new();
    let encoder = world.come(ONE, 0, Entrance::Http);
    let viewer = world.come(&[], 1, Entrance::Http);
    world.run(seconds(5));
    let ids = [encoder, viewer].map(|index| world.clients[index].id);
    world.clients[encoder].dead = true;
    world.run(seconds(7));
    assert_eq!(ids.map(|id| world.room.has(id)), [true, true]);
    world.run(seconds(2));
    assert_eq!(ids.map(|id| world.room.has(id)), [false, true]);
    world.run(seconds(20));
    assert!(world.room.has(ids[1]), "with nobody to see");
    world.clients[viewer].dead = true;
    world.run(seconds(9));
    assert!(!world.room.has(ids[1]));
}

/// It is here for seconds after its last packet. A player with one place sees who sends.
#[test]
fn a_killed_encoder_gives_its_place_to_the_next_one() {
    let mut world = World::new();
    let first = world.come(ONE, 0, Entrance::Http);
    let viewer = world.come(&[], 1, Entrance::Http);
    world.run(seconds(5));
    world.clients[first].dead = true;
    world.run(Duration::from_millis(300));
    let killed = world.now;
    let second = world.come(ONE, 0, Entrance::Http);
    let late = world.come(&[], 1, Entrance::Http);
    world.run(seconds(4));
    let id = world.clients[first].id;
    assert!(world.room.has(id), "it may come back");
    for index in [viewer, late] {
        let seen = world.clients[index].all_seen();
        let next = seen
            .iter()
            .find(|seen| usize::from(seen.sender) == second)
            .expect("the second one is seen");
        let after = next.at - killed;
        assert!(after < Duration::from_millis(2200), "{index}: {after:?}");
        assert_eq!(usize::from(seen[seen.len() - 1].sender), second);
    }
}

#[test]
fn who_speaks_is_told() {
    let mut world = World::new();
    let (sender, viewer) = (world.join(ONE, 1), world.join(&[], 1));
    world.run(seconds(3));
    let speaker = Notice::Speaker {
        id: Some(world_id(sender)),
    };
    assert!(world.clients[viewer].notices.contains(&speaker));
}

#[test]
fn nonsense_is_refused_and_harms_nobody() {
    let mut world = World::new();
    let (sender, viewer) = (world.join(ONE, 1), world.join(&[], 1));
    world.run(seconds(2));
    let id = world.clients[viewer].id;
    for sdp in ["", "v=0", "v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\n", "\0"] {
        let offer = Request::Offer {
            sdp: sdp.into(),
            sources: std::collections::BTreeMap::new(),
        };
        world.room.handle_request(id, offer, world.now);
    }
    world.run(seconds(2));
    let refused = |notice: &&Notice| matches!(notice, Notice::Refused { .. });
    assert_eq!(
        world.clients[viewer].notices.iter().filter(refused).count(),
        4
    );
    let before = world.clients[viewer].all_seen().len();
    world.run(seconds(2));
    assert!(world.clients[viewer].all_seen().len() > before + 40);
    assert_eq!(world.clients[sender].id, world.clients[0].id);
}

/// For recordings: without a viewer, and in the best layer there is.
#[test]
fn what_is_taken_of_a_person_is_one_stream_of_each_track() {
    let mut world = World::taking();
    let sender = world.join(THREE, 0);
    world.run(seconds(8));
    let id = world.clients[sender].id;
    world.room.leave(id, world.now);
    world.run(seconds(1));
    let is_end = |taken: &&Taken| matches!(taken, Taken::Ends { tap } if !tap.screen);
    assert_eq!(world.taken.iter().filter(is_end).count(), 1);
    let Some(Taken::Begins { tap, name, tracks }) = world.taken.first() else {
        panic!("it begins: {:?}", world.taken.first());
    };
    assert_eq!((tap.peer, tap.screen), (id, false));
    assert_eq!(name, "client 0");
    assert_eq!(tracks, &[Codec::Opus, Codec::Vp8]);
    for (track, least) in [(0, 150), (1, 600)] {
        let mut packets = Vec::new();
        for taken in &world.taken {
            match taken {
                Taken::Packet {
                    track: of, packet, ..
                } if *of == track => packets.push(packet),
                _ => {}
            }
        }
        assert!(packets.len() > least, "{} of track {track}", packets.len());
        let numbers = packets.windows(2);
        assert!(
            numbers
                .clone()
                .all(|pair| pair[0].sequence + 1 == pair[1].sequence)
        );
        if track == 1 {
            assert_eq!(
                packets[0].payload[0] & 0x10,
                0x10,
                "a picture's first packet"
            );
            let last = packets[packets.len() - 1].payload.len();
            assert!(
                packets[0].payload.ends_with(&720_u16.to_be_bytes()),
                "{last}"
            );
        }
    }
}
