//! What clients of the MCU ask for: a layout that passes its check puts people inside of the picture, each at most as often as it has places for
//! them, and cells on the way from one layout to another stay inside; queries and the other bodies are read or refused.
#![no_main]

// The files as they are: the MCU's codecs stay out of this build.
#[allow(dead_code)]
#[path = "../../examples/mcu/src/layout.rs"]
mod layout;
#[allow(dead_code)]
#[path = "../../examples/mcu/src/requests.rs"]
mod requests;

use layout::{Layout, MAX_CELLS, Motion, Person, arrange};
use libfuzzer_sys::fuzz_target;
use requests::{Camera, Change, Record, Target, parameter};

/// So many people, some with names that layouts may name, and some with the same.
fn people(count: usize, names: &[String]) -> Vec<Person<'_>> {
    let person = |id: usize| Person {
        id: id as u64,
        name: names.get(id % (names.len() + 1)).map_or("guest", String::as_str),
        is_screen: id % 5 == 3,
    };
    (0..count).map(person).collect()
}

/// Names that stand in a layout.
fn names(layout: &Layout) -> Vec<String> {
    match layout {
        Layout::Presenter { name } => name.iter().cloned().collect(),
        Layout::Custom { regions } => regions.iter().filter_map(|place| place.name.clone()).collect(),
        _ => Vec::new(),
    }
}

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    if let Some(name) = parameter(&text, "name") {
        assert!(name.len() <= text.len());
    }
    // Layouts that are set one after the other, a line each.
    let mut motion = Motion::default();
    let mut now = 0;
    for (number, line) in data.split(|byte| *byte == b'\n').enumerate() {
        if let Ok(change) = serde_json::from_slice::<Change>(line) {
            assert!(change.gain.is_none_or(|gain| !gain.is_nan()));
        }
        let _ = serde_json::from_slice::<Record>(line);
        let _ = serde_json::from_slice::<Target>(line);
        let _ = serde_json::from_slice::<Camera>(line);
        let Ok(layout) = serde_json::from_slice::<Layout>(line) else {
            continue;
        };
        let told = serde_json::to_vec(&layout).expect("a layout can be told");
        assert_eq!(serde_json::from_slice::<Layout>(&told).expect("our own"), layout);
        // Those that do not pass are never arranged; the others may be, for any number of people.
        if layout.check().is_err() {
            continue;
        }
        let names = names(&layout);
        for count in [0, 1, 2, 5, number % 64, MAX_CELLS + 1] {
            let people = people(count, &names);
            for speaker in [None, Some(1), Some(count as u64)] {
                let cells = arrange(&layout, &people, speaker);
                assert!(cells.len() <= MAX_CELLS);
                assert!(cells.iter().all(|cell| cell.region.is_valid()));
                assert!(cells.iter().all(|cell| people.iter().any(|person| person.id == cell.id)));
                for step in [0, 100_000_000, 333_333_333] {
                    now += step;
                    let moving = motion.at(&cells, now);
                    assert_eq!(moving.len(), cells.len());
                    assert!(moving.iter().all(|cell| cell.region.is_valid()), "{moving:?}");
                }
            }
        }
    }
});
