//! A large room, everybody with everybody, in one process and in made-up time: what it costs the server, without a network.

mod support;

use fluvial_sfu::message::Request;
use std::time::Duration;
use support::{THREE, World};

/// Tiles of a page: one that is large, and the others.
const TILES: usize = 24;

/// So many people of whom each sends three layers and sound, and sees the first ones of the others; gives the world after `time`.
fn meet(people: usize, time: Duration) -> World {
    let mut world = World::large(people);
    let before = resident();
    for index in 0..people {
        world.join(THREE, TILES.min(people - 1));
        let others = (0..people).filter(|other| *other != index);
        let tiles: Vec<_> = others
            .take(TILES)
            .enumerate()
            .map(|(place, other)| {
                let height = if place == 0 { 720 } else { 180 };
                serde_json::json!({ "peer": (other + 1).to_string(), "height": height, "priority": u8::from(place == 0) })
            })
            .collect();
        let view = serde_json::from_value(serde_json::json!({ "type": "view", "tiles": tiles }));
        let view: Request = view.expect("it is a request");
        let id = world.clients[index].id;
        world.room.handle_request(id, view, world.now);
    }
    // Until all are connected and the first keyframes are through.
    world.run(Duration::from_secs(3));
    world.forget();
    world.run(time);
    let forwarded = world.room.counters().forwarded - world.forwarded_before;
    let seconds = time.as_secs_f64();
    let spent = world.spent.as_secs_f64();
    println!(
        "{people} x {people}: {:.0} packets forwarded a second, {:.2} µs each, {:.2} of a processor; the longest turn of {} took {:.1} ms; {} MiB with the clients",
        forwarded as f64 / seconds,
        spent * 1e6 / forwarded as f64,
        spent / seconds,
        world.turns,
        world.longest.as_secs_f64() * 1e3,
        resident().saturating_sub(before) >> 10,
    );
    world
}

/// KiB of this process; nothing where the system does not tell.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next());
    kib.and_then(|kib| kib.parse().ok()).unwrap_or_default()
}

/// Everybody sees everybody whom their page shows.
fn sees(world: &World, people: usize) {
    for client in &world.clients {
        let senders: std::collections::BTreeSet<u8> =
            client.all_seen().iter().map(|seen| seen.sender).collect();
        assert_eq!(senders.len(), TILES.min(people - 1), "{:?}", client.id);
    }
}

/// More than fit what is assumed before anything is known.
#[test]
fn twelve_by_twelve() {
    sees(&meet(12, Duration::from_secs(1)), 12);
}

#[test]
#[ignore = "takes minutes: cargo test --release -p fluvial-sfu --test large -- --ignored --nocapture"]
fn a_hundred_and_fifty_by_a_hundred_and_fifty() {
    sees(&meet(150, Duration::from_secs(5)), 150);
}
