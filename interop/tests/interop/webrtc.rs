//! WHIP and WHEP, of the SFU and of the streaming server, with ffmpeg 9, aiortc, GStreamer and libdatachannel: what comes out is looked at and listened to.

use std::{process::Command, thread};

use fluvial_interop::{
    needs,
    peer::{
        self, AIORTC, CHROMIUM, FFMPEG, FFMPEG_9, GSTREAMER_WEBRTC, LIBDATACHANNEL, PLAYWRIGHT,
    },
    process::Process,
    server::Server,
    sfu::Sfu,
    wait_for,
};
use serde_json::Value;

/// Seconds that are played.
const SECONDS: &str = "2";

pub(crate) fn aiortc(what: &str, url: &str, more: &[&str]) -> Command {
    let mut command = Command::new("python3");
    command
        .arg(peer::manifest_dir().join("python/webrtc.py"))
        .args([what, url])
        .args(more);
    command
}

/// Publishes a red picture and a tone of 440 Hz until it is dropped.
pub(crate) fn publish(url: &str) -> Process {
    let publisher = Process::spawn("aiortc publishing", &mut aiortc("publish", url, &["80"]));
    publisher.stdout.wait_for(0, &["published"]);
    publisher
}

/// Has ffmpeg publish a blue picture and a tone of 440 Hz by WHIP until it is dropped.
pub(crate) fn ffmpeg_publishes(url: &str) -> Process {
    let picture = "color=blue:size=320x240:rate=25";
    let sound = "sine=frequency=440:sample_rate=48000";
    let mut command = Command::new(peer::ffmpeg_9().expect("the test has asked for it"));
    command.args(["-v", "warning", "-re", "-f", "lavfi", "-i", picture]);
    command.args(["-f", "lavfi", "-i", sound, "-t", "80"]);
    command.args(["-c:v", "libx264", "-preset", "ultrafast", "-tune"]);
    command.args(["zerolatency", "-profile:v", "baseline", "-pix_fmt"]);
    command.args(["yuv420p", "-g", "25", "-bf", "0", "-c:a", "libopus"]);
    command.args(["-ac", "2", "-b:a", "64k", "-f", "whip", url]);
    Process::spawn("ffmpeg publishing by WHIP", &mut command)
}

/// Plays, and checks that pictures of `colour` came, and the tone.
pub(crate) fn plays(url: &str, colour: [i64; 3], silent: bool) {
    let more: &[&str] = if silent {
        &[SECONDS, "silent"]
    } else {
        &[SECONDS]
    };
    let lines = Process::run(
        format!("aiortc playing {url}"),
        &mut aiortc("play", url, more),
    );
    saw(&lines, colour, silent);
}

/// Checks what a player tells.
fn saw(lines: &[String], colour: [i64; 3], silent: bool) {
    let seen: Value = serde_json::from_str(&lines.concat()).expect("the script prints JSON");
    assert!(seen["pictures"].as_u64() >= Some(40), "{seen}");
    for (index, expected) in colour.iter().enumerate() {
        let mean = seen["colour"][index].as_i64().expect("it is told");
        assert!((mean - expected).abs() < 25, "{seen}");
    }
    if !silent {
        let hertz = seen["hertz"].as_f64().expect("it is told");
        assert!((hertz - 440.0).abs() < 5.0, "{seen}");
    }
}

/// Red with a white bar, as our script sends it.
pub(crate) const RED: [i64; 3] = [203, 16, 16];
pub(crate) const BLUE: [i64; 3] = [0, 0, 254];

#[test]
fn aiortc_in_a_room() {
    needs!(AIORTC);
    let sfu = Sfu::start(&[]);
    let _publisher = publish(&sfu.url("/whip/a"));
    plays(&sfu.url("/whep/a"), RED, false);
}

#[test]
fn ffmpeg_in_a_room() {
    needs!(AIORTC, FFMPEG_9);
    let sfu = Sfu::start(&[]);
    let _publisher = ffmpeg_publishes(&sfu.url("/whip/f"));
    sfu.log().wait_for(0, &["connected"]);
    plays(&sfu.url("/whep/f"), BLUE, false);
}

fn webrtcbin(what: &str, url: &str, seconds: &str) -> Command {
    let mut command = Command::new("/usr/bin/python3");
    command
        .arg(peer::manifest_dir().join("python/webrtcbin.py"))
        .args([what, url, seconds]);
    command
}

/// Its ICE library takes no loopback addresses.
#[test]
fn gstreamer_publishes_to_a_room() {
    needs!(AIORTC, GSTREAMER_WEBRTC);
    let sfu = Sfu::start_at("0.0.0.0:0", &[]);
    let mut command = webrtcbin("publish", &sfu.url("/whip/g"), "80");
    let _publisher = Process::spawn("webrtcbin publishing", &mut command);
    // It never asks for consent (RFC 7675), and is here nonetheless as long as it sends.
    sfu.log().wait_for(0, &["asks for no consent any more"]);
    plays(&sfu.url("/whep/g"), BLUE, false);
}

#[test]
fn gstreamer_plays_from_a_room() {
    needs!(AIORTC, GSTREAMER_WEBRTC);
    let sfu = Sfu::start_at("0.0.0.0:0", &[]);
    let _publisher = publish(&sfu.url("/whip/a"));
    let mut command = webrtcbin("play", &sfu.url("/whep/a"), SECONDS);
    let lines = Process::run("webrtcbin playing", &mut command);
    saw(&lines, RED, false);
}

/// Longer than ICE keeps who asks for no consent (15 s), and than a player may be silent (25 s): its reports keep it.
#[test]
#[ignore = "takes 40 s: cargo test -p fluvial-interop --test interop -- --ignored gstreamer_plays_on"]
fn gstreamer_plays_on_without_consent() {
    needs!(AIORTC, GSTREAMER_WEBRTC);
    let sfu = Sfu::start_at("0.0.0.0:0", &[]);
    let _publisher = publish(&sfu.url("/whip/a"));
    let mut command = webrtcbin("play", &sfu.url("/whep/a"), "35");
    let lines = Process::run("webrtcbin playing", &mut command);
    saw(&lines, RED, false);
    let seen: Value = serde_json::from_str(&lines.concat()).expect("the script prints JSON");
    assert!(seen["sound"].as_f64() >= Some(30.0), "{seen}");
}

/// By which OBS Studio publishes.
fn libdatachannel(what: &str, url: &str, more: &[&str]) -> Command {
    let mut command = Command::new("node");
    command
        .arg(peer::manifest_dir().join("browser/datachannel.js"))
        .args([what, url])
        .args(more);
    command
}

fn libdatachannel_publishes(url: &str) -> Process {
    let mut command = libdatachannel("publish", url, &[]);
    let publisher = Process::spawn("libdatachannel publishing", &mut command);
    publisher.stdout.wait_for(0, &["published"]);
    publisher
}

fn libdatachannel_plays(url: &str) {
    let mut command = libdatachannel("play", url, &[SECONDS]);
    let lines = Process::run("libdatachannel playing", &mut command);
    saw(&lines, BLUE, false);
}

#[test]
fn libdatachannel_in_a_room() {
    needs!(AIORTC, FFMPEG, LIBDATACHANNEL);
    let sfu = Sfu::start(&[]);
    let _publisher = libdatachannel_publishes(&sfu.url("/whip/d"));
    thread::scope(|scope| {
        scope.spawn(|| libdatachannel_plays(&sfu.url("/whep/d")));
        plays(&sfu.url("/whep/d"), BLUE, false);
    });
}

#[test]
fn libdatachannel_publishes_and_plays_a_live_stream() {
    needs!(FFMPEG, LIBDATACHANNEL);
    let server = Server::start(&["--no-demo", "--webrtc", "127.0.0.1:0"]);
    let _publisher = libdatachannel_publishes(&server.http_url("/live/d/whip"));
    server.wait_for_playlist("d");
    libdatachannel_plays(&server.http_url("/live/d/whep"));
}

#[test]
fn aiortc_publishes_a_live_stream() {
    needs!(AIORTC);
    let server = Server::start(&["--no-demo", "--webrtc", "127.0.0.1:0"]);
    let _publisher = publish(&server.http_url("/live/a/whip"));
    server.wait_for_playlist("a");
    plays(&server.http_url("/live/a/whep"), RED, false);
}

/// It never asks for consent (RFC 7675), without which ICE takes it for lost after 15 s, and is here nonetheless as long as it sends, or reports.
#[test]
fn gstreamer_publishes_and_plays_a_live_stream() {
    needs!(GSTREAMER_WEBRTC);
    let server = Server::start(&["--no-demo", "--webrtc", "0.0.0.0:0"]);
    let mut command = webrtcbin("publish", &server.http_url("/live/g/whip"), "80");
    let _publisher = Process::spawn("webrtcbin publishing", &mut command);
    server.wait_for_playlist("g");
    let mut command = webrtcbin("play", &server.http_url("/live/g/whep"), "20");
    let lines = Process::run("webrtcbin playing", &mut command);
    saw(&lines, BLUE, false);
    server.log().wait_for(0, &["asks for no consent any more"]);
}

#[test]
fn ffmpeg_publishes_a_live_stream_by_whip() {
    needs!(AIORTC, FFMPEG, FFMPEG_9);
    let server = Server::start(&["--no-demo", "--webrtc", "127.0.0.1:0"]);
    let _publisher = ffmpeg_publishes(&server.http_url("/live/f/whip"));
    server.wait_for_playlist("f");
    plays(&server.http_url("/live/f/whep"), BLUE, false);
    // The same by HLS, to another program.
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-i", &server.hls_url("f"), "-t", "2"]);
    command.args(["-map", "0:v", "-f", "framemd5", "-"]);
    let frames = Process::run("ffmpeg playing HLS", &mut command);
    assert!(frames.iter().filter(|line| !line.starts_with('#')).count() >= 40);
    // And by RTMP, where Opus is for those who know it: this one does, and has not said so.
    let mut command = Command::new(peer::ffmpeg_9().expect("asked for"));
    command.args(["-v", "error", "-i", &server.rtmp_url("f"), "-t", "1"]);
    command.args(["-map", "0:a", "-c", "copy", "-f", "framemd5", "-"]);
    let packets = Process::run("ffmpeg playing RTMP", &mut command);
    let packets = packets.iter().filter(|line| !line.starts_with('#'));
    assert!(packets.count() >= 40);
    server.log().wait_for(0, &["the sound is Opus"]);
}

/// AAC has no place in WebRTC: it is made Opus.
#[test]
fn rtmp_is_seen_and_heard_by_whep() {
    needs!(AIORTC, FFMPEG);
    let server = Server::start(&["--no-demo", "--webrtc", "127.0.0.1:0"]);
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-re", "-f", "lavfi", "-i"]);
    command.args(["color=blue:size=320x240:rate=25", "-f", "lavfi", "-i"]);
    command.args(["sine=frequency=440", "-t", "80", "-c:v", "libx264"]);
    command.args(["-preset", "ultrafast", "-tune", "zerolatency", "-pix_fmt"]);
    command.args(["yuv420p", "-g", "25", "-c:a", "aac", "-f", "flv"]);
    command.arg(server.rtmp_url("r"));
    let _publisher = Process::spawn("ffmpeg publishing by RTMP", &mut command);
    wait_for("the stream", || {
        server
            .log()
            .pick(0, |line| line.contains("publisher started").then_some(()))
    });
    plays(&server.http_url("/live/r/whep"), BLUE, false);
}

/// What cameras and microphones send is made Opus, too.
#[test]
fn g711_and_l16_are_heard_by_whep() {
    needs!(AIORTC, FFMPEG);
    let any = "127.0.0.1:0";
    let server = Server::start(&["--no-demo", "--webrtc", any, "--rtsp", any]);
    let publish = |name: &str, sound: &[&str], out: &[&str]| {
        let mut command = Command::new("ffmpeg");
        command.args(["-v", "error", "-re", "-f", "lavfi", "-i"]);
        command.args(["color=blue:size=320x240:rate=25", "-f", "lavfi", "-i"]);
        command.args(["sine=frequency=440", "-t", "80", "-c:v", "libx264"]);
        command.args(["-preset", "ultrafast", "-tune", "zerolatency", "-pix_fmt"]);
        command
            .args(["yuv420p", "-g", "25", "-c:a"])
            .args(sound)
            .args(out);
        Process::spawn(format!("ffmpeg publishing {name}"), &mut command)
    };
    let rtsp = ["-rtsp_transport", "tcp", "-f", "rtsp"];
    let [alaw, l16] = ["alaw", "l16"].map(|name| server.wrapped_url("rtsp", name));
    let _publishers = [
        publish(
            "alaw",
            &["pcm_alaw", "-ar", "8000", "-ac", "1"],
            &[&rtsp[..], &[&alaw]].concat(),
        ),
        publish(
            "l16",
            &["pcm_s16be", "-ar", "44100", "-ac", "2"],
            &[&rtsp[..], &[&l16]].concat(),
        ),
        publish(
            "mulaw",
            &["pcm_mulaw", "-ar", "8000", "-ac", "1"],
            &["-f", "flv", &server.rtmp_url("mulaw")],
        ),
    ];
    thread::scope(|scope| {
        for name in ["alaw", "l16", "mulaw"] {
            let server = &server;
            scope.spawn(move || {
                wait_for("the stream", || {
                    let of = format!("stream=live/{name} ");
                    let starts =
                        |line: &str| line.contains("publisher started") && line.contains(&of);
                    server.log().pick(0, |line| starts(line).then_some(()))
                });
                plays(&server.http_url(&format!("/live/{name}/whep")), BLUE, false);
            });
        }
    });
}

/// B-frames, which WebRTC shows in the wrong place: those that no picture needs are left out; where others need them, keyframes alone are shown.
#[test]
fn b_frames_of_rtmp_in_a_browser_by_whep() {
    needs!(CHROMIUM, PLAYWRIGHT, FFMPEG);
    let _turn = crate::rooms::turn();
    let server = Server::start(&["--no-demo", "--webrtc", "127.0.0.1:0"]);
    let publish = |name: &str| {
        let mut command = Command::new("ffmpeg");
        command.args(["-v", "error", "-re", "-f", "lavfi", "-i"]);
        command.args(["color=blue:size=320x180:rate=25", "-c:v", "libx264"]);
        command.args(["-pix_fmt", "yuv420p", "-g", "25", "-bf", "2"]);
        command.args(["-b_strategy", "0", "-x264-params"]);
        command.args([&format!("b-pyramid={name}"), "-f", "flv"]);
        command.arg(server.rtmp_url(name));
        Process::spawn(format!("ffmpeg publishing {name}"), &mut command)
    };
    // As x264 calls it: "normal" is what it does by itself.
    let _publishers = ["none", "normal"].map(publish);
    let play = |name: &str| -> Value {
        server.wait_for_playlist(name);
        let url = server.http_url(&format!("/live/{name}/whep"));
        let mut command = Command::new("node");
        command
            .arg(peer::manifest_dir().join("browser/whep.js"))
            .args([&url, "3"])
            .env(
                "CHROMIUM",
                peer::find("chromium").expect("the test has asked for it"),
            );
        let lines = Process::run(format!("Chromium playing {name}"), &mut command);
        let seen: Value = serde_json::from_str(&lines.concat()).expect("the script prints JSON");
        assert!(seen["color"][2].as_u64() > Some(200), "{seen}");
        seen
    };
    let pictures = |seen: &Value| {
        let count = |key: &str| seen[key].as_u64().expect("it is told");
        (count("decoded"), count("keyframes"))
    };
    // Of 25 pictures a keyframe and eight others are left.
    let seen = play("none");
    let (decoded, keyframes) = pictures(&seen);
    assert!(decoded > keyframes * 5, "{seen}");
    server.log().wait_for(0, &["B-frames are left out"]);
    let seen = play("normal");
    let (decoded, keyframes) = pictures(&seen);
    // Until the first one came out of order, one did not.
    assert!(decoded <= keyframes + 1, "{seen}");
    server.log().wait_for(0, &["only keyframes are seen"]);
}
