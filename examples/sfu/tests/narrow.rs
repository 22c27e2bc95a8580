//! Viewers whose network becomes narrow, and wide again, in made-up time.

mod support;

use std::time::Duration;
use support::{Layer, Seen, THREE, World, seconds};

/// The longest time without a picture.
fn longest_gap(seen: &[Seen]) -> Duration {
    let gaps = seen.windows(2).map(|pair| pair[1].at - pair[0].at);
    gaps.max().unwrap_or_default()
}

#[test]
fn a_throttled_viewer_gets_a_lower_layer_and_the_others_do_not() {
    let mut world = World::new();
    world.join(THREE, 0);
    let (slow, fast) = (world.join(&[], 1), world.join(&[], 1));
    world.run(seconds(20));
    for viewer in [slow, fast] {
        let seen = world.clients[viewer].all_seen();
        assert_eq!(seen[seen.len() - 1].height, 720, "viewer {viewer}");
    }
    let throttled = world.now;
    world.clients[slow].link.rate = Some(300_000);
    world.run(seconds(3));
    let low = world.clients[slow].all_seen();
    assert_eq!(low[low.len() - 1].height, 180, "after 3 s");
    world.run(seconds(7));
    let after: Vec<_> = world.clients[slow]
        .all_seen()
        .into_iter()
        .filter(|seen| seen.at > throttled)
        .collect();
    let gap = longest_gap(&after);
    assert!(
        gap < Duration::from_millis(500),
        "it stood still for {gap:?}"
    );
    let others = world.clients[fast].all_seen();
    let others = others.iter().filter(|seen| seen.at > throttled);
    assert!(others.clone().count() > 200);
    assert!(others.clone().all(|seen| seen.height == 720));
    world.clients[slow].link.rate = None;
    world.run(seconds(30));
    let seen = world.clients[slow].all_seen();
    assert_eq!(seen[seen.len() - 1].height, 720, "it recovers");
}

/// What Chromium sends of 960×540.
const CAMERA: &[Layer] = &[
    Layer {
        rid: Some("l"),
        height: 135,
        rate: 100_000,
    },
    Layer {
        rid: Some("m"),
        height: 270,
        rate: 250_000,
    },
    Layer {
        rid: Some("h"),
        height: 540,
        rate: 600_000,
    },
];

/// A viewer behind a token bucket of 300 kbit/s, from one moment of a picture or another on: the longest time, of ten seconds, without a
/// picture that can be decoded, and how long it took to the first small one.
fn narrows(layers: &[Layer], moment: u64) -> (Duration, Duration) {
    let mut world = World::new();
    world.join(layers, 0);
    let slow = world.join(&[], 1);
    world.run(seconds(8) + Duration::from_millis(37 * moment));
    let throttled = world.now;
    world.clients[slow].link.rate = Some(300_000);
    world.clients[slow].link.burst = 10_000;
    world.run(seconds(10));
    let shown = support::shown(&world.clients[slow].all_seen());
    let before = shown.iter().filter(|(at, _)| *at <= throttled).count();
    assert!(before > 100, "{before} pictures before");
    assert_eq!(shown[before - 1].1, layers[2].height, "the large one");
    let mut times: Vec<_> = shown[before - 1..].iter().map(|(at, _)| *at).collect();
    times.push(world.now);
    let gap = times.windows(2).map(|pair| pair[1] - pair[0]).max();
    let small = |(_, height): &&(_, u16)| *height == layers[0].height;
    let small = shown[before..].iter().find(small).expect("a small one");
    (gap.unwrap_or_default(), small.0 - throttled)
}

#[test]
fn pictures_go_on_behind_a_queue_that_overflows() {
    for layers in [CAMERA, THREE] {
        for moment in [0, 1, 2] {
            let (gap, down) = narrows(layers, moment);
            assert!(gap < Duration::from_millis(500), "{gap:?} in {moment}");
            assert!(down < seconds(3), "{down:?} in {moment}");
        }
    }
}

/// A viewer as in [`narrows`], for `narrow`, and then behind a wide network again: how long it takes until the large layer is there to stay.
fn recovers(layers: &[Layer], moment: u64, narrow: Duration, busy: bool) -> Option<Duration> {
    let mut world = World::new();
    world.join(layers, 0);
    let slow = world.join(&[], 1);
    world.clients[slow].link.busy = busy;
    world.run(seconds(8) + Duration::from_millis(37 * moment));
    world.clients[slow].link.rate = Some(300_000);
    world.clients[slow].link.burst = 10_000;
    world.run(narrow);
    world.clients[slow].link.rate = None;
    let wide = world.now;
    world.run(seconds(60));
    let shown = support::shown(&world.clients[slow].all_seen());
    let small = shown
        .iter()
        .rposition(|(_, height)| *height != layers[2].height);
    let (first, _) = shown.get(small.map_or(0, |small| small + 1))?;
    Some(first.saturating_duration_since(wide))
}

/// Also where the estimate stood still, at a rate that left no room for looking for more (3), and where what the full queue had lost forbade that (0).
#[test]
fn the_large_layer_is_there_again_soon_after_there_is_room() {
    for moment in [0, 3] {
        let after = recovers(CAMERA, moment, seconds(3), false);
        let is_soon = after.is_some_and(|after| after < seconds(15));
        assert!(is_soon, "{after:?} in {moment}");
    }
}

/// How much of its first ten seconds somebody on a busy machine sees the large layer.
fn begins(layers: &[Layer], people: u64) -> f64 {
    let mut world = World::new();
    world.join(layers, 0);
    for _ in 0..people {
        world.run(Duration::from_millis(3700));
        let viewer = world.join(&[], 1);
        world.clients[viewer].link.busy = true;
    }
    let last = people as usize;
    world.run(seconds(10));
    let shown = support::shown(&world.clients[last].all_seen());
    let large = shown
        .iter()
        .filter(|(_, height)| *height == layers[2].height);
    large.count() as f64 / 250.0
}

#[test]
#[ignore = "statistics: cargo test -p fluvial-sfu --test narrow -- --ignored --nocapture moments"]
fn moments() {
    for layers in [CAMERA, THREE] {
        let mut gaps: Vec<_> = (0..50).map(|moment| narrows(layers, moment)).collect();
        gaps.sort();
        println!("still for {:?} to {:?}, {:?}", gaps[0], gaps[25], gaps[49]);
        for busy in [false, true] {
            for narrow in [3, 10, 13, 30] {
                let one = |moment| recovers(layers, moment, seconds(narrow), busy);
                let mut all: Vec<_> = (0..12).map(one).collect();
                all.sort();
                println!("narrow for {narrow} s, busy: {busy}: large again after {all:.1?}");
            }
        }
        let first: Vec<_> = (1..6).map(|people| begins(layers, people)).collect();
        println!("large within the first 10 s: {first:?}");
    }
}
