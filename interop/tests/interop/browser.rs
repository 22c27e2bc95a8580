//! The page in headless Chromium: by the browser's own HLS and by hls.js.

use std::{env, path::Path, process::Command};

use fluvial_interop::{
    clip::{Clip, LONG},
    http, needs,
    peer::{self, CHROMIUM, FFMPEG, HLS_JS, PLAYWRIGHT},
    process::Process,
    server::Server,
};
use serde_json::Value;

/// Seconds that have to be played.
const SECONDS: f64 = 5.0;

/// Has Chromium play the page, and checks what holds for every stream and player; gives what was seen.
fn plays(server: &Server, path: &str, width: u64) -> Value {
    let url = server.http_url(path);
    let mut command = Command::new("node");
    command
        .arg(peer::manifest_dir().join("browser/watch.js"))
        .args([&url, &SECONDS.to_string()])
        .env(
            "CHROMIUM",
            peer::find("chromium").expect("the test has asked for it"),
        );
    if let Some(folder) = env::var_os("FLUVIAL_SCREENSHOTS") {
        let name = path.replace(|c: char| !c.is_ascii_alphanumeric(), "-");
        command.arg(Path::new(&folder).join(format!("page{name}.png")));
    }
    let lines = Process::run(format!("Chromium watching {url}"), &mut command);
    let seen: Value = serde_json::from_str(&lines.concat()).expect("the script prints JSON");
    assert!(
        seen["played"].as_f64() >= Some(SECONDS),
        "it does not play on: {seen}"
    );
    assert!(
        seen["pictures"].as_u64() >= Some(5),
        "the picture stands still: {seen}"
    );
    assert_eq!(seen["width"].as_u64(), Some(width), "{seen}");
    assert_eq!(seen["errors"], serde_json::json!([]), "{seen}");
    assert_eq!(seen["notice"], "", "{seen}");
    seen
}

/// What the server says of the demo's width.
fn demo_width(server: &Server) -> u64 {
    server.wait_for_playlist("demo");
    let response = http::get(&server.http_url("/api/streams")).expect("the server answers");
    let api: Value = serde_json::from_slice(&response.body).expect("it is JSON");
    api["streams"][0]["video"]["width"]
        .as_u64()
        .unwrap_or_else(|| panic!("no width in {api}"))
}

#[test]
fn demo_plays_natively() {
    needs!(CHROMIUM, PLAYWRIGHT);
    let server = Server::start(&[]);
    let seen = plays(&server, "/", demo_width(&server));
    assert!(
        seen["source"]
            .as_str()
            .unwrap_or_default()
            .contains(".m3u8"),
        "{seen}"
    );
}

#[test]
fn demo_plays_by_hls_js() {
    needs!(CHROMIUM, PLAYWRIGHT, HLS_JS);
    let server = Server::start(&[]);
    let seen = plays(&server, "/?player=hls.js", demo_width(&server));
    assert!(
        seen["source"]
            .as_str()
            .unwrap_or_default()
            .starts_with("blob:"),
        "{seen}"
    );
}

#[test]
fn live_publication_plays_natively() {
    needs!(CHROMIUM, PLAYWRIGHT, FFMPEG);
    let clip = LONG.clip();
    let server = Server::shared();
    let _publisher = clip.publish(&server.rtmp_url("watched"));
    server.wait_for_playlist("watched");
    plays(&server, "/#live/watched", Clip::WIDTH);
}

#[test]
fn live_publication_plays_by_hls_js() {
    needs!(CHROMIUM, PLAYWRIGHT, HLS_JS, FFMPEG);
    let clip = LONG.clip();
    let server = Server::shared();
    let _publisher = clip.publish(&server.rtmp_url("watched-by-hls-js"));
    server.wait_for_playlist("watched-by-hls-js");
    plays(
        &server,
        "/?player=hls.js#live/watched-by-hls-js",
        Clip::WIDTH,
    );
}
