//! RTSP in all its ways, against the streaming server.

use fluvial_interop::{
    clip::{B_FRAMES_25, Clip, LONG, NTSC_PYRAMID},
    frames::Frames,
    needs,
    peer::{FFMPEG, GST_RTSP_SERVER, GSTREAMER_RTSP},
    process::Process,
    raw,
    reader::Reader,
    recorder::Recorder,
    server::Server,
    wait_for, wait_within,
};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::time::Duration;

/// Everything on, on free ports, with a certificate made at the start.
pub(crate) fn server(more: &[&str]) -> Server {
    let mut arguments = vec!["--no-demo", "--linger", "8"];
    arguments.extend(["--rtsp", "127.0.0.1:0", "--rtsps", "127.0.0.1:0"]);
    arguments.extend(more);
    Server::start(&arguments)
}

/// ffmpeg as a publisher by RTSP.
fn publish(clip: &Clip, transport: &str, url: &str) -> Process {
    Process::spawn(
        format!("ffmpeg publishing to {url} by {transport}"),
        Command::new("ffmpeg")
            .args(["-nostdin", "-hide_banner", "-nostats", "-re", "-i"])
            .arg(&clip.file)
            .args([
                "-c",
                "copy",
                "-f",
                "rtsp",
                "-rtsp_transport",
                transport,
                url,
            ]),
    )
}

/// GStreamer's `rtspclientsink`.
fn publish_by_gstreamer(clip: &Clip, protocols: &str, profiles: &str, url: &str) -> Process {
    Process::spawn(
        format!("rtspclientsink publishing to {url} by {protocols}"),
        Command::new("gst-launch-1.0")
            .args([
                "-e",
                "filesrc",
                &format!("location={}", clip.file.display()),
            ])
            .args(["!", "flvdemux", "name=demuxer"])
            .args(["rtspclientsink", "name=sink", &format!("location={url}")])
            .args([&format!("protocols={protocols}"), "latency=0"])
            .arg(format!("profiles={profiles}"))
            .args([
                "demuxer.video",
                "!",
                "queue",
                "!",
                "h264parse",
                "!",
                "sink.",
            ])
            .args(["demuxer.audio", "!", "queue", "!", "aacparse", "!", "sink."]),
    )
}

/// What is published by RTSP comes out over RTMP, every picture and sound at its time.
fn publishes(name: &str, publisher: impl FnOnce(&Clip, &str) -> Process) {
    let clip = NTSC_PYRAMID.clip();
    let server = server(&[]);
    let player = Reader::start(&server.rtmp_url(name), &[]);
    server.wait_for_player(name);
    let mut publisher = publisher(&clip, &server.wrapped_url("rtsp", name));
    server.wait_for_playlist(name);
    let hls = Reader::hls_from_start(&server.hls_url(name));
    publisher.expect_success();
    server
        .log()
        .wait_for(0, &["publisher gone", &format!("stream=live/{name}")]);
    assert_sent(&hls.finish(), &clip, "HLS");
    server.process.signal("TERM");
    assert_sent(&player.finish(), &clip, "RTMP");
}

/// ffmpeg keeps the last frames of AAC for itself: it gathers several in a packet, and does not send the one that it has begun.
fn assert_sent(shown: &Frames, clip: &Clip, what: &str) {
    const KEPT: usize = 5;
    let heard = shown.audio.len();
    let all = clip.frames.audio.len();
    assert!(heard + KEPT >= all, "{what}: {heard} frames of {all}");
    let sent = clip.frames.first(clip.frames.video.len(), heard);
    shown.assert_same(&sent, what);
}

#[test]
fn ffmpeg_publishes_by_tcp() {
    needs!(FFMPEG);
    publishes("pub-tcp", |clip, url| publish(clip, "tcp", url));
}

#[test]
fn ffmpeg_publishes_by_udp() {
    needs!(FFMPEG);
    publishes("pub-udp", |clip, url| publish(clip, "udp", url));
}

#[test]
fn rtspclientsink_publishes_by_tcp() {
    needs!(FFMPEG, GSTREAMER_RTSP);
    gstreamer_publishes("sink-tcp", "tcp", "avp");
}

#[test]
fn rtspclientsink_publishes_by_udp() {
    needs!(FFMPEG, GSTREAMER_RTSP);
    gstreamer_publishes("sink-udp", "udp", "avp");
}

/// Its times are its own; its pictures are the source's.
pub(crate) fn gstreamer_publishes(name: &str, protocols: &str, profiles: &str) {
    let clip = B_FRAMES_25.clip();
    let server = server(&[]);
    let player = Reader::start(&server.rtmp_url(name), &[]);
    server.wait_for_player(name);
    let url = server.wrapped_url("rtsp", name);
    let mut publisher = publish_by_gstreamer(&clip, protocols, profiles, &url);
    // Everything has been sent when the player has it. GStreamer may not find its own end by datagrams (it waits for a message
    // of its sink that was dropped): then it is told to end.
    let all = clip.frames.video.len();
    wait_for("all pictures but what decoders hold back", || {
        let over = publisher.exited().is_some();
        (over || player.frames().video.len() + 8 >= all).then_some(())
    });
    if wait_within(Duration::from_secs(20), || publisher.exited()).is_none() {
        publisher.signal("INT");
        publisher.signal("TERM");
    }
    publisher.wait();
    server.process.signal("TERM");
    let shown = player.finish();
    let start = shown.assert_video_run_of(&clip.frames, name);
    assert_eq!((start, shown.video.len()), (0, all));
}

/// A player that comes in the middle gets everything from a key frame on to the end.
pub(crate) fn plays(
    scheme: &str,
    name: &str,
    player: impl FnOnce(&str) -> Box<dyn FnOnce() -> Frames>,
) {
    let clip = LONG.clip();
    // Whoever joins a group hears all that send to it: each test has one of its own.
    let group = format!("239.255.1.{}", name.bytes().fold(0, u8::wrapping_add));
    let server = server(&["--multicast", &group]);
    let mut publisher = clip.publish(&server.rtmp_url(name));
    server.wait_for_playlist(name);
    let finish = player(&server.wrapped_url(scheme, name));
    publisher.expect_success();
    let shown = finish();
    let start = shown.assert_video_run_of(&clip.frames, name);
    let end = start + shown.video.len();
    assert_eq!(end, clip.frames.video.len(), "the end is missing");
}

pub(crate) fn ffmpeg(
    options: &'static [&'static str],
) -> impl FnOnce(&str) -> Box<dyn FnOnce() -> Frames> {
    |url| {
        let reader = Reader::start(url, options);
        Box::new(move || reader.finish())
    }
}

#[test]
fn ffmpeg_plays_by_tcp() {
    needs!(FFMPEG);
    plays("rtsp", "play-tcp", ffmpeg(&["-rtsp_transport", "tcp"]));
}

#[test]
fn ffmpeg_plays_by_udp() {
    needs!(FFMPEG);
    plays("rtsp", "play-udp", ffmpeg(&["-rtsp_transport", "udp"]));
}

#[test]
fn ffmpeg_plays_by_http() {
    needs!(FFMPEG);
    plays("rtsp", "play-http", ffmpeg(&["-rtsp_transport", "http"]));
}

#[test]
fn ffmpeg_plays_by_tls() {
    needs!(FFMPEG);
    plays("rtsps", "play-tls", ffmpeg(&["-rtsp_transport", "tcp"]));
}

#[test]
fn ffmpeg_plays_by_multicast() {
    needs!(FFMPEG);
    plays(
        "rtsp",
        "play-mc",
        ffmpeg(&["-rtsp_transport", "udp_multicast"]),
    );
}

pub(crate) fn rtspsrc(protocols: &'static str) -> impl FnOnce(&str) -> Box<dyn FnOnce() -> Frames> {
    move |url| {
        // Its scheme for RTSP inside of HTTP.
        let (protocols, url) = match protocols {
            "http" => ("tcp", url.replacen("rtsp://", "rtsph://", 1)),
            _ => (protocols, url.to_owned()),
        };
        let recorder = Recorder::rtspsrc(protocols, &url);
        Box::new(move || recorder.finish_within(Duration::from_secs(25)))
    }
}

#[test]
fn rtspsrc_plays_by_tcp() {
    needs!(FFMPEG, GSTREAMER_RTSP);
    plays("rtsp", "src-tcp", rtspsrc("tcp"));
}

#[test]
fn rtspsrc_plays_by_udp() {
    needs!(FFMPEG, GSTREAMER_RTSP);
    plays("rtsp", "src-udp", rtspsrc("udp"));
}

#[test]
fn rtspsrc_plays_by_multicast() {
    needs!(FFMPEG, GSTREAMER_RTSP);
    plays("rtsp", "src-mc", rtspsrc("udp-mcast"));
}

#[test]
fn rtspsrc_plays_by_http() {
    needs!(FFMPEG, GSTREAMER_RTSP);
    plays("rtsp", "src-http", rtspsrc("http"));
}

#[test]
fn rtspsrc_plays_by_tls() {
    needs!(FFMPEG, GSTREAMER_RTSP);
    plays("rtsps", "src-tls", rtspsrc("tcp+tls"));
}

/// A camera by gst-rtsp-server is pulled when somebody wants to see it, by RTMP here.
fn pulls(
    camera: &fluvial_interop::camera::Camera,
    clip: &fluvial_interop::clip::Clip,
    url: &str,
    by: &str,
) {
    let server = server(&["--pull", &format!("cam={url}")]);
    let player = Reader::start(&server.rtmp_url("cam"), &[]);
    server
        .log()
        .wait_for(0, &["pull started", "stream=live/cam", by]);
    server.log().wait_for(0, &["pull ended", "stream=live/cam"]);
    server.process.signal("TERM");
    let shown = player.finish();
    shown.assert_video_run_of(&clip.frames, "pulled");
    assert!(
        shown.video.len() > 50,
        "{} pictures of {}",
        shown.video.len(),
        camera.url
    );
}

#[test]
fn pulls_from_gst_rtsp_server() {
    needs!(FFMPEG, GST_RTSP_SERVER);
    let clip = B_FRAMES_25.clip();
    let camera = fluvial_interop::camera::Camera::start(&clip.file);
    pulls(&camera, &clip, &camera.url, "by=\"TCP\"");
}

#[test]
fn pulls_by_udp_from_gst_rtsp_server() {
    needs!(FFMPEG, GST_RTSP_SERVER);
    let clip = B_FRAMES_25.clip();
    let camera = fluvial_interop::camera::Camera::start(&clip.file);
    pulls(
        &camera,
        &clip,
        &camera.url.replacen("rtsp:", "rtspu:", 1),
        "by=\"UDP\"",
    );
}

/// A camera that does not interleave is asked again, for datagrams.
#[test]
fn pulls_by_udp_where_tcp_is_refused() {
    needs!(FFMPEG, GST_RTSP_SERVER);
    let clip = B_FRAMES_25.clip();
    let camera = fluvial_interop::camera::Camera::start_udp_only(&clip.file);
    pulls(&camera, &clip, &camera.url, "by=\"UDP\"");
}

/// A conversation with a camera that sends a quarter of a second of sound, and then only reports.
fn report_on(stream: TcpStream) -> io::Result<()> {
    let sdp =
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=audio 0 RTP/AVP 8\r\na=control:0\r\n";
    let mut to = stream.try_clone()?;
    let mut number = String::new();
    let mut method = String::new();
    for line in BufReader::new(stream).lines() {
        let line = line?;
        if method.is_empty() {
            method = line.split(' ').next().unwrap_or_default().to_owned();
        } else if let Some(told) = line.strip_prefix("CSeq:") {
            number = told.trim().to_owned();
        } else if line.is_empty() {
            let rest = match &*method {
                "DESCRIBE" => {
                    let length = sdp.len();
                    format!(
                        "Content-Type: application/sdp\r\nContent-Length: {length}\r\n\r\n{sdp}"
                    )
                }
                "SETUP" => {
                    "Session: 1\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n\r\n".into()
                }
                _ => "Session: 1\r\n\r\n".into(),
            };
            write!(to, "RTSP/1.0 200 OK\r\nCSeq: {number}\r\n{rest}")?;
            if method == "PLAY" {
                break;
            }
            method.clear();
        }
    }
    for number in 0..12_u32 {
        let mut packet = vec![b'$', 0, 0, 172, 0x80, 8, 0, number as u8];
        packet.extend((number * 160).to_be_bytes());
        packet.extend([0, 0, 0, 7]);
        packet.resize(4 + 172, 0xD5);
        to.write_all(&packet)?;
        std::thread::sleep(Duration::from_millis(20));
    }
    loop {
        let mut report = vec![b'$', 1, 0, 28, 0x80, 200, 0, 6, 0, 0, 0, 7];
        report.resize(4 + 28, 0);
        to.write_all(&report)?;
        std::thread::sleep(Duration::from_millis(500));
    }
}

/// Reports are no pictures: what is over is over, also where a goodbye was lost.
#[test]
fn a_camera_that_only_reports_is_let_go() {
    needs!(FFMPEG);
    let camera = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let url = format!(
        "rtsp://{}/camera",
        camera.local_addr().expect("it is bound")
    );
    std::thread::spawn(move || {
        for stream in camera.incoming().flatten() {
            // It ends when it is let go.
            let _ = report_on(stream);
        }
    });
    let server = server(&["--pull", &format!("cam={url}")]);
    let _player = Reader::start(&server.rtmp_url("cam"), &[]);
    server
        .log()
        .wait_for(0, &["pull started", "stream=live/cam"]);
    server.log().wait_for(0, &["pull ended", "silent"]);
}

/// What is bad is closed with one line, and who plays meanwhile loses nothing.
#[test]
fn offenders_are_closed_and_harm_nobody() {
    needs!(FFMPEG);
    let clip = LONG.clip();
    let server = server(&["--handshake", "2"]);
    let mut publisher = publish(&clip, "tcp", &server.wrapped_url("rtsp", "victim"));
    server.wait_for_playlist("victim");
    let player = Reader::start(
        &server.wrapped_url("rtsp", "victim"),
        &["-rtsp_transport", "tcp"],
    );
    let address = raw::address(&server.wrapped_url("rtsp", "x"));
    let offences: [(&[u8], &str); 6] = [
        (b"\x80\x00\xFF\xFF nonsense \r\n\r\n", "connection closed"),
        (
            b"DESCRIBE rtsp://h/x RTSP/9.0\r\nCSeq: 1\r\n\r\n",
            "RTSP-Version",
        ),
        (b"GET / HTTP/1.1\r\nHost: h\r\n\r\n", "tunnel closed"),
        (
            b"SETUP rtsp://h/live/victim/trackID=0 RTSP/1.0\r\nContent-Length: 99999999\r\n\r\n",
            "body",
        ),
        (&[b'A'; 70_000], "head"),
        (b"", "the first request timed out"),
    ];
    for (offence, log) in offences {
        let seen = server.log().len();
        let mut socket = std::net::TcpStream::connect(address).unwrap();
        let _ = socket.write_all(offence);
        let mut answer = Vec::new();
        let _ = socket.read_to_end(&mut answer);
        server.log().wait_for(seen, &["WARN", log]);
        let warnings = server.log().since(seen);
        let warnings = warnings.iter().filter(|line| line.contains("WARN"));
        assert_eq!(warnings.count(), 1, "{log}");
    }
    // A publisher that dies.
    let mut killed = publish(&clip, "udp", &server.wrapped_url("rtsp", "killed"));
    server
        .log()
        .wait_for(0, &["publisher started", "stream=live/killed"]);
    killed.kill();
    server
        .log()
        .wait_for(0, &["publisher gone", "stream=live/killed"]);
    publisher.expect_success();
    let shown = player.finish();
    let start = shown.assert_video_run_of(&clip.frames, "victim");
    assert_eq!(start + shown.video.len(), clip.frames.video.len());
    wait_for("the server lives", || server.log().pick(0, |_| Some(())));
}
