//! Encoders and cameras in rooms of the SFU: who publishes by RTMP or RTSP is seen and heard in headless Chromium.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use fluvial_interop::{
    camera::Camera,
    http, needs,
    peer::{self, AIORTC, CHROMIUM, FFMPEG, FFMPEG_9, GST_RTSP_SERVER, PLAYWRIGHT},
    process::Process,
    server::Server,
    sfu::Sfu,
    wait_for,
};
use serde_json::Value;

use crate::forwards::{forward, free_ports, received, received_by_rtp};
use tempfile::TempDir;

/// ffmpeg making a picture of one colour and a tone; `how` says how they are coded, and where they go.
pub(crate) fn source(colour: &str, tone: u32, how: &[&str]) -> Command {
    let mut command = Command::new("ffmpeg");
    command
        .args(["-nostdin", "-v", "error", "-re", "-f", "lavfi", "-i"])
        .arg(format!("color={colour}:s=320x180:r=25"))
        .args(["-f", "lavfi", "-i"])
        .arg(format!("sine=frequency={tone}:sample_rate=44100"))
        .args(["-pix_fmt", "yuv420p", "-c:v", "libx264"])
        .args(how);
    command
}

/// H.264 with a keyframe a second and none out of order, and AAC, for RTMP.
pub(crate) const PLAIN: [&str; 10] = [
    "-bf",
    "0",
    "-g",
    "25",
    "-tune",
    "zerolatency",
    "-c:a",
    "aac",
    "-f",
    "flv",
];

/// Somebody who looks at a room.
struct Viewer(Process);

impl Viewer {
    fn new(sfu: &Sfu, room: &str, people: &[&str]) -> Self {
        let mut command = Command::new("node");
        command
            .arg(peer::manifest_dir().join("browser/ingest.js"))
            .arg(sfu.url(&format!("/room/{room}")))
            .args(people)
            .env(
                "CHROMIUM",
                peer::find("chromium").expect("the test has asked for it"),
            );
        Self(Process::spawn(format!("Chromium in {room}"), &mut command))
    }

    /// Waits until all are seen and heard.
    fn sees(&self) -> Value {
        let line = self.0.stdout.wait_for(0, &["\"step\":\"seen\""]);
        let seen: Value = serde_json::from_str(&line).expect("the script prints JSON");
        assert_eq!(seen["errors"], serde_json::json!([]), "{seen}");
        assert_eq!(seen["met"], true, "{seen}");
        seen
    }

    /// Waits until somebody has gone.
    fn misses(&self, name: &str) {
        let name = format!("\"name\":\"{name}\"");
        self.0.stdout.wait_for(0, &["\"step\":\"gone\"", &name]);
    }
}

/// The person of that name, as the API tells.
fn person(sfu: &Sfu, name: &str) -> Option<Value> {
    let answer = http::get(&sfu.url("/api/rooms")).ok()?;
    let all: Value = serde_json::from_slice(&answer.body).ok()?;
    let mut people = all["rooms"].as_array()?.iter();
    people.find_map(|room| {
        let mut people = room["people"].as_array()?.iter();
        people.find(|person| person["name"] == name).cloned()
    })
}

/// The source has a keyframe at its beginning and no other one: who comes later can only begin with what was kept.
#[test]
fn an_encoder_is_seen_and_heard_by_who_comes_late_and_recorded() {
    needs!(CHROMIUM, PLAYWRIGHT, FFMPEG);
    let _turn = crate::rooms::turn();
    let folder = TempDir::new().expect("there is room for temporary files");
    let record = folder.path().display().to_string();
    let sfu = Sfu::start(&["--rtmp", "127.0.0.1:0", "--record", &record]);
    let rtmp = sfu.address("RTMP listening on rtmp://");
    let how = [
        "-bf",
        "0",
        "-g",
        "100000",
        "-profile:v",
        "high",
        "-c:a",
        "aac",
        "-f",
        "flv",
    ];
    let mut command = source("red", 440, &how);
    command.arg(format!("rtmp://{rtmp}/room/tea/the%20door"));
    let mut encoder = Process::spawn("ffmpeg publishing", &mut command);
    wait_for("the encoder in the room", || person(&sfu, "the door"));
    let viewer = Viewer::new(&sfu, "tea", &["the door=ff0000:440"]);
    let seen = viewer.sees();
    assert_eq!(
        seen["seen"]["the door"]["video"]["keyFramesDecoded"], 1,
        "{seen}"
    );
    assert_eq!(seen["seen"]["the door"]["warning"], "", "{seen}");
    // Half of the proof that it is no storm: nobody was asked, as nobody can be.
    let metrics = http::get(&sfu.url("/metrics")).expect("the server is there");
    let metrics = metrics.text();
    assert!(metrics.contains("sfu_ingests 1"), "{metrics}");
    assert!(metrics.contains("sfu_keyframe_requests 0"), "{metrics}");
    let file = crate::recordings::recording(folder.path());
    encoder.kill();
    let killed = Instant::now();
    viewer.misses("the door");
    let took = killed.elapsed();
    assert!(took < Duration::from_secs(10), "{took:?}");
    sfu.log().wait_for(0, &["recorded"]);
    crate::recordings::plays(&file, Some(440.0));
}

/// What an encoder sends goes on to others by RTMP and by RTP, also when the server takes nobody in any more; and it ends with the server.
#[test]
fn an_encoder_is_passed_on_while_the_server_drains() {
    needs!(FFMPEG, FFMPEG_9);
    let server = Server::start(&["--no-demo"]);
    let mut sfu = Sfu::start(&["--rtmp", "127.0.0.1:0"]);
    let rtmp = sfu.address("RTMP listening on rtmp://");
    let publish = |name: &str| {
        let how = ["-bf", "0", "-g", "25", "-c:a", "aac", "-f", "flv"];
        let mut command = source("red", 440, &how);
        command.arg(format!("rtmp://{rtmp}/room/tea/{name}"));
        Process::spawn(format!("ffmpeg publishing {name}"), &mut command)
    };
    let mut encoder = publish("door");
    wait_for("the encoder in the room", || person(&sfu, "door"));
    forward(&sfu, "tea", "door", &server.rtmp_url("door"));
    let by_rtp = format!("rtp://127.0.0.1:{}", free_ports());
    let by_rtp = forward(&sfu, "tea", "door", &by_rtp);
    server.wait_for_playlist("door");
    let drained = http::post(&sfu.url("/drain"), "").expect("the server is there");
    assert_eq!(drained.status, 200);
    let health = http::get(&sfu.url("/healthz")).expect("the server is there");
    assert_eq!(health.status, 503);
    let mut late = publish("late");
    assert!(!late.wait().success(), "nobody comes in any more");
    // Of Opus, which is new to players of RTMP.
    let ffmpeg_9 = peer::ffmpeg_9().expect("the test has asked for it");
    let played = [
        received(&mut Command::new(ffmpeg_9), &server.rtmp_url("door")),
        received_by_rtp(&by_rtp),
    ];
    for [pictures, sounds] in played {
        assert!(pictures >= 40 && sounds >= 40, "{played:?}");
    }
    assert!(encoder.exited().is_none(), "who is in stays");
    sfu.process.signal("TERM");
    assert!(sfu.process.wait().success(), "it ends as it should");
    assert!(!encoder.wait().success(), "its server is gone");
}

/// Where it is asked for, a drained server ends by itself, after the last one has left.
#[test]
fn a_drained_server_ends_after_the_last_encoder() {
    needs!(FFMPEG);
    let mut sfu = Sfu::start(&["--rtmp", "127.0.0.1:0"]);
    let rtmp = sfu.address("RTMP listening on rtmp://");
    let mut command = source("red", 440, &["-bf", "0", "-c:a", "aac", "-f", "flv"]);
    command.arg(format!("rtmp://{rtmp}/room/tea/door"));
    let encoder = Process::spawn("ffmpeg publishing", &mut command);
    wait_for("the encoder in the room", || person(&sfu, "door"));
    let drained = http::post(&sfu.url("/drain?end"), "").expect("the server is there");
    assert_eq!(drained.status, 200);
    std::thread::sleep(std::time::Duration::from_secs(2));
    assert!(sfu.process.exited().is_none(), "who is in stays");
    drop(encoder);
    assert!(sfu.process.wait().success(), "it ends as it should");
}

/// Sound of a telephone; pictures out of order, of which those are left out that no other one needs, or all but keyframes.
#[test]
fn encoders_of_rtsp_with_b_frames_and_telephone_sound() {
    needs!(CHROMIUM, PLAYWRIGHT, FFMPEG);
    let _turn = crate::rooms::turn();
    let sfu = Sfu::start(&["--rtsp", "127.0.0.1:0"]);
    let rtsp = sfu.address("RTSP listening on rtsp://");
    let publish = |name: &str, colour: &str, tone: u32, how: &[&str]| {
        let mut command = source(colour, tone, how);
        command
            .args(["-g", "25", "-f", "rtsp", "-rtsp_transport", "tcp"])
            .arg(format!("rtsp://{rtsp}/room/tea/{name}"));
        Process::spawn(format!("ffmpeg publishing {name}"), &mut command)
    };
    let b_frames = [
        "-bf",
        "2",
        "-b_strategy",
        "0",
        "-x264-params",
        "b-pyramid=none",
    ];
    let telephone = ["-c:a", "pcm_alaw", "-ar", "8000", "-ac", "1"];
    let _ann = publish("ann", "blue", 700, &[&b_frames[..], &telephone].concat());
    let pyramid = [
        "-bf",
        "3",
        "-b_strategy",
        "0",
        "-x264-params",
        "b-pyramid=normal",
    ];
    let opus = ["-c:a", "libopus", "-ar", "48000", "-ac", "2"];
    let _bob = publish("bob", "green", 1000, &[&pyramid[..], &opus].concat());
    for (name, warning) in [("ann", "left out"), ("bob", "only keyframes")] {
        wait_for(warning, || {
            let person = person(&sfu, name)?;
            person["warning"].as_str()?.contains(warning).then_some(())
        });
    }
    let viewer = Viewer::new(&sfu, "tea", &["ann=0000ff:700", "bob=008000:1000"]);
    let seen = viewer.sees();
    let warning = seen["seen"]["ann"]["warning"].as_str().unwrap_or_default();
    assert!(warning.contains("B-frames"), "{seen}");
}

/// Who is pulled is there again after its publisher was gone.
#[test]
fn a_stream_of_another_server_is_pulled() {
    needs!(FFMPEG, AIORTC);
    let server = Server::start(&["--no-demo"]);
    let pull = format!("tea/door={}", server.rtmp_url("door"));
    let sfu = Sfu::start(&["--pull", &pull]);
    let publish = || {
        let mut command = source("blue", 440, &PLAIN);
        Process::spawn("ffmpeg publishing", command.arg(server.rtmp_url("door")))
    };
    for _ in 0..2 {
        let mut publisher = publish();
        wait_for("the stream in the room", || {
            let door = person(&sfu, "door")?;
            (door["sources"].as_array()?.len() == 2).then_some(())
        });
        crate::webrtc::plays(&sfu.url("/whep/tea"), crate::webrtc::BLUE, false);
        publisher.kill();
        wait_for("it to be gone", || {
            person(&sfu, "door").is_none().then_some(())
        });
    }
    let list = http::get(&sfu.url("/api/rooms/tea/cameras")).expect("the server is there");
    assert!(list.text().contains("\"present\":false"), "{}", list.text());
}

#[test]
fn a_camera_is_pulled_and_let_go() {
    needs!(CHROMIUM, PLAYWRIGHT, FFMPEG, GST_RTSP_SERVER);
    let _turn = crate::rooms::turn();
    let folder = TempDir::new().expect("there is room for temporary files");
    let film = folder.path().join("film.mp4");
    let how = ["-bf", "0", "-g", "50", "-c:a", "aac", "-t", "60"];
    let command = source("green", 1700, &how);
    // As fast as it can.
    let mut fast = Command::new("ffmpeg");
    fast.args(command.get_args().filter(|argument| *argument != "-re"));
    Process::run("ffmpeg making a film", fast.arg(&film));
    let camera = Camera::start(&film);
    let sfu = Sfu::start(&[]);
    let path = sfu.url("/api/rooms/tea/cameras/door");
    let status = |url: &str| {
        let wish = serde_json::json!({ "url": url }).to_string();
        http::post(&path, &wish)
            .expect("the server is there")
            .status
    };
    assert_eq!(status("http://192.0.2.1/"), 400);
    assert_eq!(status(&camera.url), 201);
    assert_eq!(status(&camera.url), 409);
    let viewer = Viewer::new(&sfu, "tea", &["door=008000:1700"]);
    viewer.sees();
    let list = http::get(&sfu.url("/api/rooms/tea/cameras")).expect("the server is there");
    let list: Value = serde_json::from_slice(&list.body).expect("JSON");
    assert_eq!(list["cameras"][0]["present"], true, "{list}");
    let delete = || http::delete(&path).expect("the server is there").status;
    assert_eq!(delete(), 204);
    viewer.misses("door");
    assert_eq!(delete(), 404);
}
