//! DASH by `SegmentTimeline` with MPD patches, and periods that follow each other.

use std::process::Command;

use fluvial_interop::{
    clock::Clock,
    http, needs,
    peer::{CHROMIUM, DASH_JS, FFMPEG, PLAYWRIGHT, SHAKA},
    process::Process,
    server::Server,
};

use crate::packaged::{alone, seen, watcher};

/// A player goes on playing what only patches have told it of: it fetches one after the other, and the manifest itself once.
fn plays_by_patches(player: &str) {
    let _alone = alone();
    let server = Server::start(&["--no-demo", "--dash", "timeline"]);
    let _clock = Clock::publish(&server.rtmp_url("clock"));
    server.wait_for_playlist("clock");
    let url = server.http_url(&format!("/watch?player={player}&src=/live/clock"));
    // No manifest lists more than the 20 seconds of its window.
    let seen = seen(&Process::run(
        format!("{player} playing a timeline"),
        &mut watcher(&url, &["24", "2"]),
    ));
    assert!(seen["played"].as_f64() >= Some(24.0), "{seen}");
    assert_eq!(seen["notice"], "", "{seen}");
    assert!(seen["requests"]["patches"].as_u64() >= Some(8), "{seen}");
    assert_eq!(seen["requests"]["playlists"].as_u64(), Some(1), "{seen}");
}

#[test]
fn dash_js_plays_a_timeline_by_patches() {
    needs!(CHROMIUM, PLAYWRIGHT, DASH_JS, FFMPEG);
    plays_by_patches("dash.js");
}

#[test]
fn shaka_player_plays_a_timeline_by_patches() {
    needs!(CHROMIUM, PLAYWRIGHT, SHAKA, FFMPEG);
    plays_by_patches("shaka");
}

/// An encoder of pictures of a size, and of sound of a rate.
fn encoder(url: &str, size: &str, rate: u32) -> Process {
    let mut command = Command::new("ffmpeg");
    command
        .args(["-nostdin", "-v", "error", "-re", "-f", "lavfi", "-i"])
        .arg(format!("testsrc2=s={size}:r=25"))
        .args(["-f", "lavfi", "-i", &format!("sine=440:r={rate}")])
        .args(["-c:v", "libx264", "-preset", "ultrafast"])
        .args(["-tune", "zerolatency", "-g", "50", "-keyint_min", "50"])
        .args(["-sc_threshold", "0", "-c:a", "aac", "-f", "flv", url]);
    Process::spawn(format!("ffmpeg publishing {size}"), &mut command)
}

/// The publisher goes, and another one comes, with pictures of another size: the player goes from period to period.
fn plays_on_in_the_next_period(player: &str, addressing: &str) {
    let _alone = alone();
    let server = Server::start(&["--no-demo", "--dash", addressing]);
    let publisher = encoder(&server.rtmp_url("periods"), "320x180", 48_000);
    server.wait_for_playlist("periods");
    let url = server.http_url(&format!("/watch?player={player}&src=/live/periods"));
    let mut command = watcher(&url, &["4", "0", "", "", "360"]);
    let name = format!("{player} playing periods by {addressing}");
    let mut browser = Process::spawn(name, &mut command);
    browser.stderr.wait_for(0, &["playing"]);
    drop(publisher);
    server
        .log()
        .wait_for(0, &["publisher gone", "stream=live/periods"]);
    let _publisher = encoder(&server.rtmp_url("periods"), "640x360", 44_100);
    browser.expect_success();
    let seen = seen(&browser.stdout.lines());
    assert!(seen["played"].as_f64() >= Some(4.0), "{seen}");
    assert_eq!(seen["notice"], "", "{seen}");
    let manifest = http::get(&server.http_url("/live/periods/manifest.mpd"));
    let manifest = manifest.expect("the server answers").text();
    assert!(manifest.contains("<Period id=\"1\""), "{manifest}");
}

#[test]
fn dash_js_plays_on_in_the_next_period() {
    needs!(CHROMIUM, PLAYWRIGHT, DASH_JS, FFMPEG);
    plays_on_in_the_next_period("dash.js", "timeline");
    plays_on_in_the_next_period("dash.js", "number");
}

#[test]
fn shaka_player_plays_on_in_the_next_period() {
    needs!(CHROMIUM, PLAYWRIGHT, SHAKA, FFMPEG);
    plays_on_in_the_next_period("shaka", "timeline");
    plays_on_in_the_next_period("shaka", "number");
}

/// However young the stream is: numbers from before its start are not there, and FFmpeg would ask for one after the other.
#[test]
fn ffmpeg_plays_a_stream_from_its_first_second_on() {
    needs!(FFMPEG);
    let server = Server::start(&["--no-demo"]);
    let _publisher = encoder(&server.rtmp_url("young"), "320x180", 48_000);
    // Comes when there is a first segment.
    server.wait_for_playlist("young");
    let manifest = server.http_url("/live/young/manifest.mpd");
    let response = http::get(&manifest).expect("the server answers");
    assert_eq!(response.status, 200);
    let mut command = Command::new("ffmpeg");
    command.args(["-nostdin", "-v", "error", "-i", &manifest, "-map", "0:v"]);
    command.args(["-frames:v", "100", "-f", "framemd5", "-"]);
    let lines = Process::run("ffmpeg playing a young stream", &mut command);
    let frames: Vec<_> = lines.iter().filter(|l| !l.starts_with('#')).collect();
    assert_eq!(frames.len(), 100);
}
