//! Rooms of the SFU: people in headless Chromium see and hear each other.

use std::{
    path::Path,
    process::Command,
    sync::{Mutex, MutexGuard, PoisonError},
};

use fluvial_interop::{
    needs,
    peer::{self, CHROMIUM, FFMPEG, PLAYWRIGHT},
    process::Process,
    sfu::{Sfu, load_generator},
    wait_for,
};
use serde_json::Value;

/// Has people meet; gives what the script tells, a line a step.
fn meet(sfu: &Sfu, room: &str, arguments: &[&str]) -> Vec<Value> {
    let _turn = turn();
    let mut command = meeting(sfu, room);
    command.args(arguments);
    let lines = Process::run(format!("Chromiums meeting in {room}"), &mut command);
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

/// The script, at a room.
pub(crate) fn meeting(sfu: &Sfu, room: &str) -> Command {
    let mut command = Command::new("node");
    command
        .arg(peer::manifest_dir().join("browser/meet.js"))
        .arg(sfu.url(&format!("/room/{room}")))
        .env(
            "CHROMIUM",
            peer::find("chromium").expect("the test has asked for it"),
        );
    command
}

/// Several browsers that encode are enough for a machine: one meeting at a time.
pub(crate) fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    // A meeting that failed is over all the same.
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn codec_of(step: &Value, who: &str, whom: &str) -> String {
    step["seen"][who]["others"][whom]["codec"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

#[test]
fn two_browsers_see_and_hear_each_other() {
    needs!(CHROMIUM, PLAYWRIGHT);
    let sfu = Sfu::start(&[]);
    let steps = meet(&sfu, "two", &["ann,bob"]);
    assert_eq!(steps.len(), 1, "{steps:?}");
    for (who, whom) in [("ann", "bob"), ("bob", "ann")] {
        assert_ne!(codec_of(&steps[0], who, whom), "", "{steps:?}");
        // What the server says is what the tile shows.
        let other = &steps[0]["seen"][who]["others"][whom];
        let (layer, facts) = (other["layer"].as_str(), other["facts"].as_str());
        let layer = layer.expect("one of two sizes");
        assert!(["l", "h"].contains(&layer), "{steps:?}");
        let shown = format!(" · {layer} · ");
        assert!(facts.is_some_and(|facts| facts.contains(&shown)), "{other}");
    }
}

/// As where a network lets no UDP through.
#[test]
fn two_browsers_meet_by_tcp() {
    needs!(CHROMIUM, PLAYWRIGHT);
    let sfu = Sfu::start(&[]);
    let steps = meet(
        &sfu,
        "tcp",
        &["ann,bob", "tcp=1", "query=video=320x180&simulcast=0"],
    );
    for who in ["ann", "bob"] {
        assert_eq!(steps[0]["seen"][who]["protocol"], "tcp", "{steps:?}");
    }
}

#[test]
fn three_browsers_a_late_one_and_a_killed_one() {
    needs!(CHROMIUM, PLAYWRIGHT);
    let sfu = Sfu::start(&[]);
    let steps = meet(
        &sfu,
        "three",
        &[
            "ann,bob,cid",
            "late=dora",
            "kill=bob",
            "query=video=320x180",
        ],
    );
    let of = |name: &str| {
        let step = steps.iter().find(|step| step["step"] == name);
        step.unwrap_or_else(|| panic!("no step {name}: {steps:?}"))
    };
    let first = of("late")["first"].as_u64();
    assert!(first.is_some_and(|ms| ms < 20_000), "{first:?} ms");
    assert_eq!(of("all")["met"], true);
    let gone = of("gone")["gone"].as_u64();
    assert!(gone.is_some_and(|ms| ms < 10_000), "{gone:?} ms");
}

/// People whose server is gone meet again by themselves at the next one of that address.
#[test]
fn people_meet_again_when_their_server_comes_back() {
    needs!(CHROMIUM, PLAYWRIGHT);
    let mut sfu = Sfu::start(&[]);
    let _turn = turn();
    let mut browsers = meeting(&sfu, "again");
    browsers.args(["ann,bob,cid", "again=1", "query=video=320x180"]);
    let mut browsers = Process::spawn("Chromiums that meet again", &mut browsers);
    let step = |name: &str| {
        let step = wait_for(name, || {
            browsers.stdout.pick(0, |line| {
                let step: Value = serde_json::from_str(line).ok()?;
                (step["step"] == name).then_some(step)
            })
        });
        assert_eq!(step["met"], true, "they do not see each other: {step}");
    };
    step("together");
    let (http, udp) = (sfu.http.to_string(), sfu.udp.to_string());
    sfu.process.kill();
    let _again = Sfu::start_at(&udp, &["--http", &http]);
    step("again");
    browsers.expect_success();
}

/// A page says what is wrong, and comes back by itself, without asking all the time: answers that no browser takes, refusals, none, and silence.
#[test]
fn a_page_survives_a_negotiation_that_fails() {
    needs!(CHROMIUM, PLAYWRIGHT);
    let sfu = Sfu::start(&[]);
    let _turn = turn();
    let mut command = Command::new("node");
    command
        .arg(peer::manifest_dir().join("browser/broken.js"))
        .arg(sfu.url("/room/broken"))
        .env(
            "CHROMIUM",
            peer::find("chromium").expect("the test has asked for it"),
        );
    let lines = Process::run("Chromium whose signalling breaks", &mut command);
    for line in &lines {
        let step: Value = serde_json::from_str(line).expect("the script prints JSON");
        assert_eq!(step["errors"], serde_json::json!([]), "{step}");
        assert_eq!(step["back"], true, "{step}");
        if let (Some(offers), Some(ms)) = (step["offers"].as_u64(), step["ms"].as_u64()) {
            assert!(offers <= 3 + ms / 1000, "{step}");
        }
    }
    assert_eq!(lines.len(), 6, "{lines:?}");
}

/// Layers inside one stream: who makes their window small gets the small size, and the large one again with the window.
fn sizes_follow_the_window(codec: &str) {
    needs!(CHROMIUM, PLAYWRIGHT);
    let sfu = Sfu::start(&[]);
    let query = format!("query=codec={codec}&video=640x360");
    let steps = meet(&sfu, codec, &["ann,bob", "resize=bob", &query]);
    for (step, height) in [("large", 360), ("small", 180), ("large again", 360)] {
        let found = steps.iter().find(|found| found["step"] == step);
        let found = found.unwrap_or_else(|| panic!("no step {step}: {steps:?}"));
        assert_eq!(found["height"], height, "{steps:?}");
        let mime = format!("video/{}", codec.to_uppercase());
        assert_eq!(found["mime"], mime, "{steps:?}");
    }
}

#[test]
#[ignore = "its sizes take a machine with time for them: cargo test -p fluvial-interop --test interop -- --ignored sizes"]
fn sizes_of_vp9_follow_the_window() {
    sizes_follow_the_window("vp9");
}

#[test]
#[ignore = "as that of VP9"]
fn sizes_of_av1_follow_the_window() {
    sizes_follow_the_window("av1");
}

/// Four seconds of H.264.
pub(crate) fn make_clip(clip: &Path) {
    let mut command = Command::new("ffmpeg");
    command.args([
        "-v",
        "error",
        "-f",
        "lavfi",
        "-i",
        "testsrc2=size=320x240:rate=25:d=4",
    ]);
    command.args([
        "-c:v",
        "libx264",
        "-preset",
        "ultrafast",
        "-profile:v",
        "baseline",
    ]);
    command.args([
        "-bf",
        "0",
        "-g",
        "25",
        "-pix_fmt",
        "yuv420p",
        "-movflags",
        "+faststart",
    ]);
    Process::run("ffmpeg making a clip", command.arg(clip));
}

/// The load generator decrypts what it gets and finds each packet again among those that were sent. What a busy machine has no time for may be lost.
#[test]
fn what_a_few_subscribers_get_is_what_was_sent() {
    needs!(FFMPEG);
    let sfu = Sfu::start(&[]);
    let folder = tempfile::TempDir::new().expect("there is room for temporary files");
    let clip = folder.path().join("clip.mp4");
    make_clip(&clip);
    let mut command = Command::new(load_generator());
    command.arg(sfu.url("")).arg("--file").arg(&clip);
    command.args(["--subscribers", "5", "--seconds", "5", "--most-loss", "60"]);
    let lines = Process::run("sfu-load", &mut command);
    let line = lines.concat();
    assert!(
        line.contains("5 subscribers") && line.contains("strange 0"),
        "{line}"
    );
}
