//! Two rooms that are one: people of the first one are guests in the second.

mod support;

use fluvial_sfu::message::{Notice, Request, Source, Tile};
use fluvial_sfu::room::{Entrance, Outbound, PeerId};
use std::collections::BTreeMap;
use std::time::Duration;
use str0m::media::KeyframeRequestKind;
use support::{THREE, World};

/// Numbers of guests, where those of the first room are taken.
const ABROAD: u64 = 1000;

struct Pair {
    home: World,
    away: World,
    asked: usize,
    /// Guests are taken for people who cannot be asked for keyframes.
    unasked: bool,
    /// Packets of pictures, of each encoding, that went from one to the other since it was emptied.
    carried: BTreeMap<usize, usize>,
}

impl Pair {
    fn new() -> Self {
        let mut home = World::new();
        home.room.relay(true);
        Self {
            home,
            away: World::new(),
            asked: 0,
            unasked: false,
            carried: BTreeMap::new(),
        }
    }

    /// Lets time pass in both, and carries between them what is to be carried.
    fn run(&mut self, time: Duration) {
        const STEP: Duration = Duration::from_millis(10);
        for _ in 0..time.as_millis() / STEP.as_millis() {
            self.home.run(STEP);
            let now = self.away.now;
            for (PeerId(id), mut guest) in self.home.room.locals(now) {
                guest.unasked = self.unasked;
                let id = PeerId(ABROAD + id);
                self.away
                    .room
                    .host(id, &guest, Entrance::Node, now)
                    .unwrap();
            }
            while let Some(outbound) = self.home.room.poll_outbound() {
                let Outbound::Packet {
                    id: PeerId(id),
                    track,
                    layer,
                    packet,
                } = outbound
                else {
                    continue;
                };
                let id = PeerId(ABROAD + id);
                let is_sound = packet.values.audio_level.is_some();
                if !is_sound && !self.away.room.wants().contains(&(id, track, layer)) {
                    continue;
                }
                if !is_sound {
                    *self.carried.entry(layer).or_default() += 1;
                }
                self.away
                    .room
                    .handle_packet(id, &track, layer, *packet, now);
            }
            self.away.run(STEP);
            while let Some(outbound) = self.away.room.poll_outbound() {
                if let Outbound::Keyframe { id, track, layer } = outbound {
                    self.asked += 1;
                    let id = PeerId(id.0 - ABROAD);
                    let now = self.home.now;
                    self.home.room.ask_keyframe(id, &track, layer, now);
                }
            }
        }
    }
}

#[test]
fn a_guest_is_seen_in_the_layer_of_the_tile_and_asked_for_keyframes() {
    let mut pair = Pair::new();
    pair.home.join(THREE, 0);
    pair.run(Duration::from_secs(1));
    let viewer = pair.away.join(&[], 2);
    pair.run(Duration::from_secs(6));
    assert!(pair.asked > 0, "keyframes are asked for");
    let client = &pair.away.clients[viewer];
    let seen = client.all_seen();
    assert!(seen.first().is_some_and(|seen| seen.keyframe));
    assert_eq!(seen.last().map(|seen| seen.height), Some(720));
    let welcome = client.notices.iter().find_map(|notice| match notice {
        Notice::Welcome { peers, .. } => peers.first(),
        _ => None,
    });
    let welcome = welcome.unwrap();
    assert_eq!(welcome.name, "client 0");
    assert_eq!(welcome.sources, [Source::Microphone, Source::Camera]);
    let speaks = |notice: &Notice| matches!(notice, Notice::Speaker { id: Some(_) });
    assert!(
        client.notices.iter().any(speaks),
        "levels come with packets"
    );

    let (id, peer) = (client.id, welcome.id.clone());
    let tile = Tile {
        peer,
        source: Source::Camera,
        height: 150,
        priority: 0,
    };
    let view = Request::View { tiles: vec![tile] };
    pair.away.room.handle_request(id, view, pair.away.now);
    pair.run(Duration::from_secs(3));
    let seen = pair.away.clients[viewer].all_seen();
    assert_eq!(seen.last().map(|seen| seen.height), Some(180));
}

#[test]
fn what_nobody_shows_is_not_wanted_of_another_node_and_comes_again_with_a_keyframe() {
    let mut pair = Pair::new();
    pair.home.join(THREE, 0);
    pair.run(Duration::from_secs(1));
    let viewer = pair.away.join(&[], 2);
    pair.run(Duration::from_secs(3));
    let viewer_id = pair.away.clients[viewer].id;
    let welcome = pair.away.clients[viewer].notices.iter();
    let mut welcome = welcome.filter_map(|notice| match notice {
        Notice::Welcome { peers, .. } => peers.first(),
        _ => None,
    });
    let peer = welcome.next().unwrap().id.clone();
    let show = |pair: &mut Pair, heights: &[u32]| {
        let tile = |&height| Tile {
            peer: peer.clone(),
            source: Source::Camera,
            height,
            priority: 0,
        };
        let tiles = heights.iter().map(tile).collect();
        let now = pair.away.now;
        let view = Request::View { tiles };
        pair.away.room.handle_request(viewer_id, view, now);
        pair.run(Duration::from_secs(10));
        pair.carried.clear();
        pair.run(Duration::from_secs(2));
        let seen = pair.away.clients[viewer].all_seen();
        (pair.carried.clone(), seen)
    };
    let (small, seen) = show(&mut pair, &[150]);
    assert_eq!(seen.last().map(|seen| seen.height), Some(180));
    assert_eq!(small.len(), 1, "the small one alone: {small:?}");
    let (none, before) = show(&mut pair, &[]);
    assert_eq!(none, BTreeMap::new());
    let (large, seen) = show(&mut pair, &[720]);
    assert!(seen[before.len()].keyframe, "it begins with a keyframe");
    assert_eq!(seen.last().map(|seen| seen.height), Some(720));
    assert_eq!(large.len(), 1, "the large one alone: {large:?}");
    assert_ne!(small.keys().next(), large.keys().next());
}

#[test]
fn a_guest_may_be_muted_and_goes() {
    let mut pair = Pair::new();
    pair.home.join(THREE, 0);
    let viewer = pair.away.join(&[], 2);
    pair.run(Duration::from_secs(3));
    let publisher = pair.home.clients[0].id;
    let mute = |muted| Request::Mute {
        source: Source::Camera,
        muted,
    };
    let now = pair.home.now;
    pair.home.room.handle_request(publisher, mute(true), now);
    pair.run(Duration::from_secs(1));
    let before = pair.away.clients[viewer].all_seen().len();
    pair.run(Duration::from_secs(1));
    assert_eq!(pair.away.clients[viewer].all_seen().len(), before);
    let now = pair.home.now;
    pair.home.room.handle_request(publisher, mute(false), now);
    pair.run(Duration::from_secs(3));
    let seen = pair.away.clients[viewer].all_seen();
    assert!(seen.len() > before + 20, "it comes back");
    assert!(seen[before].keyframe, "with a keyframe");

    let guest = PeerId(ABROAD + publisher.0);
    pair.away.room.leave(guest, pair.away.now);
    pair.away.run(Duration::from_millis(10));
    let left = |notice: &Notice| matches!(notice, Notice::Left { .. });
    assert!(pair.away.clients[viewer].notices.iter().any(left));
    let viewer = pair.away.clients[viewer].id;
    pair.away.room.leave(viewer, pair.away.now);
    assert!(pair.away.room.is_empty());
}

#[test]
fn what_is_handed_in_for_nobody_harms_nobody() {
    let mut pair = Pair::new();
    pair.home.join(THREE, 0);
    let viewer = pair.away.join(&[], 2);
    pair.run(Duration::from_secs(2));
    let now = pair.home.now;
    let (id, guest) = pair.home.room.locals(pair.home.now).next().unwrap();
    for (id, track, layer) in [(9999, "0", 0), (id.0, "no such", 0), (id.0, "1", 99)] {
        pair.home.room.ask_keyframe(PeerId(id), track, layer, now);
    }
    let own = pair.away.clients[viewer].id;
    let refused = pair
        .away
        .room
        .host(own, &guest, Entrance::Node, pair.away.now);
    assert!(refused.is_err(), "who has a connection is no guest");
    let seen = pair.away.clients[viewer].all_seen().len();
    pair.run(Duration::from_secs(1));
    assert!(pair.away.clients[viewer].all_seen().len() > seen);
}

/// As publishers of RTMP and RTSP, and cameras: what came since their last keyframe is kept.
#[test]
fn who_comes_late_begins_with_what_was_kept() {
    let mut pair = Pair::new();
    pair.unasked = true;
    pair.home.join(&THREE[..1], 0);
    pair.run(Duration::from_secs(4));
    let viewer = pair.away.join(&[], 2);
    pair.run(Duration::from_secs(2));
    assert_eq!(pair.asked, 0, "nobody is asked");
    let seen = pair.away.clients[viewer].all_seen();
    let first = seen.first().expect("a picture");
    assert!(first.keyframe);
    let came = |seen: &&support::Seen| seen.at - first.at < Duration::from_millis(400);
    let kept = seen.iter().take_while(came).count();
    assert!(kept > 80, "{kept} of a hundred pictures are there at once");
    // They are shown at once, and what comes then in its own time.
    let passed = |from: usize, to: usize| seen[to].time.wrapping_sub(seen[from].time);
    assert!(passed(0, 80) < 90 * 100, "{}", passed(0, 80));
    let last = seen.len() - 1;
    assert!((85_000..95_000).contains(&passed(last - 25, last)));

    // Who loses something begins again with that, but not all the time.
    let before = seen.len();
    for _ in 0..20 {
        let client = &mut pair.away.clients[viewer];
        let section = *client.seen.keys().next().expect("a section");
        let mut api = client.rtc.direct_api();
        let stream = api.stream_rx_by_mid(section, None).expect("a stream");
        stream.request_keyframe(KeyframeRequestKind::Pli);
        pair.run(Duration::from_millis(100));
    }
    let seen = pair.away.clients[viewer].all_seen();
    let keyframes = seen[before..].iter().filter(|seen| seen.keyframe).count();
    assert!((1..=2).contains(&keyframes), "{keyframes}");
    assert_eq!(pair.asked, 0);
}
