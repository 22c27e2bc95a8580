//! What the SFU passes on of a person: by RTMP to the streaming server, and as plain RTP to ffmpeg.

use std::{fs, net::UdpSocket, process::Command};

use fluvial_interop::{
    http, needs,
    peer::{self, FFMPEG, FFMPEG_9},
    process::Process,
    server::Server,
    sfu::Sfu,
    wait_for,
};
use serde_json::{Value, json};

use crate::webrtc::ffmpeg_publishes;

/// Asks the server to pass on what somebody sends; gives its answer.
pub(crate) fn forward(sfu: &Sfu, room: &str, who: &str, url: &str) -> Value {
    let wish = json!({ "who": who, "url": url }).to_string();
    let path = sfu.url(&format!("/api/rooms/{room}/forwards"));
    let response = http::post(&path, &wish).expect("the server answers");
    assert_eq!(response.status, 201, "{}", response.text());
    serde_json::from_slice(&response.body).expect("it is JSON")
}

/// Pictures and packets of sound in what `-f framecrc` tells.
fn counts(lines: &[String]) -> [usize; 2] {
    ["0,", "1,"].map(|track| lines.iter().filter(|line| line.starts_with(track)).count())
}

/// What `ffmpeg` gets of a URL in two seconds.
pub(crate) fn received(ffmpeg: &mut Command, url: &str) -> [usize; 2] {
    ffmpeg.args(["-v", "error", "-i", url, "-t", "2"]);
    ffmpeg.args(["-map", "0:v", "-map", "0:a", "-f", "framecrc", "-"]);
    counts(&Process::run("ffmpeg playing", ffmpeg))
}

/// The same of a forward by RTP, as its answer describes it.
pub(crate) fn received_by_rtp(begun: &Value) -> [usize; 2] {
    let folder = tempfile::TempDir::new().expect("there is room for temporary files");
    let file = folder.path().join("person.sdp");
    let sdp = begun["sdp"].as_str().expect("it is told");
    fs::write(&file, sdp).expect("it can be written");
    let mut command = Command::new("ffmpeg");
    // What it has to say of pictures before the first keyframe is no news.
    command.args(["-v", "fatal", "-protocol_whitelist", "file,udp,rtp", "-i"]);
    command.arg(&file);
    // Sound and picture lie apart until both have reported.
    command.args(["-t", "4", "-map", "0:v", "-map", "0:a", "-vsync"]);
    command.args(["passthrough", "-f", "framecrc", "-"]);
    let lines = Process::run("ffmpeg receiving RTP", &mut command);
    counts(&lines)
}

#[test]
fn to_rtmp() {
    needs!(FFMPEG_9);
    let server = Server::start(&["--no-demo"]);
    let sfu = Sfu::start(&[]);
    let _publisher = ffmpeg_publishes(&sfu.url("/whip/a"));
    sfu.log().wait_for(0, &["connected"]);
    let begun = forward(&sfu, "a", "WHIP", &server.rtmp_url("of-a-room"));
    server.wait_for_playlist("of-a-room");
    let mut command = Command::new(peer::ffmpeg_9().expect("the test has asked for it"));
    let [pictures, sounds] = received(&mut command, &server.rtmp_url("of-a-room"));
    assert!(pictures >= 40 && sounds >= 40, "{pictures}, {sounds}");
    // It is told, and ends when it is asked to.
    let list = sfu.url("/api/rooms/a/forwards");
    let told = http::get(&list).expect("the server answers").text();
    assert!(told.contains("\"sending\""), "{told}");
    let one = sfu.url(&format!("/api/rooms/a/forwards/{}", begun["id"]));
    assert_eq!(http::delete(&one).expect("the server answers").status, 204);
    server.log().wait_for(0, &["publisher gone"]);
    let told = http::get(&list).expect("the server answers").text();
    assert_eq!(told, r#"{"forwards":[]}"#);
}

/// A server that comes later is found.
#[test]
fn to_rtmp_when_there_is_a_server() {
    needs!(FFMPEG_9);
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("there are ports");
    let address = free.local_addr().expect("it has one");
    drop(free);
    let sfu = Sfu::start(&[]);
    let _publisher = ffmpeg_publishes(&sfu.url("/whip/v"));
    sfu.log().wait_for(0, &["connected"]);
    forward(&sfu, "v", "WHIP", &format!("rtmp://{address}/live/later"));
    sfu.log().wait_for(0, &["RTMP: "]);
    let server = Server::start_at(&address.to_string(), &["--no-demo"]);
    server.wait_for_playlist("later");
}

/// Four ports in a row that nobody has just now.
pub(crate) fn free_ports() -> u16 {
    let bind = |port: u16| UdpSocket::bind(("127.0.0.1", port));
    wait_for("four free ports in a row", || {
        let port = bind(0).ok()?.local_addr().ok()?.port() & !1;
        let all = (port..port.checked_add(4)?).map(bind);
        all.collect::<Result<Vec<_>, _>>().ok().map(|_| port)
    })
}

#[test]
fn to_rtp() {
    needs!(FFMPEG, FFMPEG_9);
    let sfu = Sfu::start(&[]);
    let _publisher = ffmpeg_publishes(&sfu.url("/whip/r"));
    sfu.log().wait_for(0, &["connected"]);
    let begun = forward(
        &sfu,
        "r",
        "WHIP",
        &format!("rtp://127.0.0.1:{}", free_ports()),
    );
    let [pictures, sounds] = received_by_rtp(&begun);
    assert!(pictures >= 40 && sounds >= 40, "{pictures}, {sounds}");
}

#[test]
fn what_cannot_be_passed_on_is_refused() {
    let sfu = Sfu::start(&[]);
    let path = sfu.url("/api/rooms/none/forwards");
    let post = |json: &str| http::post(&path, json).expect("the server answers").status;
    assert_eq!(post(r#"{"who":"x","url":"rtmp://h/a/b"}"#), 404);
    assert_eq!(post(r#"{"who":"x","url":"file:///etc/passwd"}"#), 400);
    assert_eq!(post(r#"{"who":"x"}"#), 422);
    let one = sfu.url("/api/rooms/none/forwards/1");
    assert_eq!(http::delete(&one).expect("the server answers").status, 404);
}
