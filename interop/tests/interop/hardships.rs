//! What may happen to people in a room of the MCU: losses, turned and resized pictures, silence, and all that again.

use std::process::Command;

use fluvial_interop::{
    mcu::Mcu,
    needs,
    peer::{self, CHROMIUM, PLAYWRIGHT},
    process::Process,
};
use serde_json::{Value, json};

use crate::rooms::turn;

/// Runs a script in Chromium; gives the lines of JSON that it prints.
fn script(name: &str, arguments: &[String]) -> Vec<Value> {
    let _turn = turn();
    let mut command = Command::new("node");
    command
        .arg(peer::manifest_dir().join("browser").join(name))
        .args(arguments)
        .env(
            "CHROMIUM",
            peer::find("chromium").expect("the test has asked for it"),
        );
    let lines = Process::run(name, &mut command);
    lines
        .iter()
        .map(|line| serde_json::from_str(line).expect("the script prints JSON"))
        .collect()
}

/// That each step was met, and that there were all of them.
fn expect(steps: &[Value], count: usize) {
    for step in steps {
        assert_eq!(step["met"], true, "{step}");
        assert_eq!(step["errors"], json!([]), "{step}");
    }
    assert_eq!(steps.len(), count, "{steps:#?}");
}

#[test]
fn losses_turns_sizes_silence_and_absence_are_survived() {
    needs!(CHROMIUM, PLAYWRIGHT);
    let mcu = Mcu::start(&["--size", "640x360", "--rate", "15", "--bitrate", "500000"]);
    let steps = script(
        "mix-hardships.js",
        &[mcu.url("/room/hard"), mcu.udp.port().to_string()],
    );
    expect(&steps, 13);
    // A keyframe that gets lost is asked for again, and on a busy machine all of that takes its time.
    let gap = steps[12]["gap"].as_f64().expect("a number");
    assert!(gap < 10_000.0, "the mix stood still for {gap} ms");
}
