//! `fluvial remux` from and to servers of RTSP: ours, gst-rtsp-server and a listening ffmpeg.

mod support;

use clap::Parser;
use fluvial_interop::peer::{self, FFMPEG, GST_RTSP_SERVER};
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use support::FLUVIAL;
use support::clip::{clip, end, frames, start};

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

#[test]
fn publishes_to_a_listening_ffmpeg() {
    if !peer::all_here(&[FFMPEG]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let clip = clip(folder.path());
    // Of the first packet ffmpeg has no time, whoever the publisher is: no container takes it.
    let got = folder.path().join("got.h264");
    let url = format!("rtsp://127.0.0.1:{}/live/clip", free_port());
    let got_name = got.display().to_string();
    let mut ffmpeg = start(
        "ffmpeg",
        &[
            "-v",
            "error",
            "-y",
            "-rtsp_flags",
            "listen",
            "-i",
            &url,
            "-map",
            "0:v",
            "-c",
            "copy",
            &got_name,
        ],
    );
    // It listens when its port can be reached, and takes one connection only: the first that comes.
    let clip_name = clip.display().to_string();
    let published = (0..100).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(100));
        assert!(ffmpeg.try_wait().unwrap().is_none(), "ffmpeg has ended");
        let child = start(FLUVIAL, &["remux", &clip_name, &url]);
        let output = testing::wait(child);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success() || said.contains("refused"),
            "{said}"
        );
        output.status.success()
    });
    assert!(published);
    end(ffmpeg);
    assert_eq!(frames(&got), frames(&clip));
}

/// Records what is published to it.
const RECORDER: &str = r#"
import sys, gi
gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer
Gst.init(None)
server = GstRtspServer.RTSPServer.new()
server.set_address("127.0.0.1")
server.set_service("0")
factory = GstRtspServer.RTSPMediaFactory.new()
factory.set_transport_mode(GstRtspServer.RTSPTransportMode.RECORD)
factory.set_launch('( mpegtsmux name=mux ! filesink location="%s" buffer-mode=unbuffered '
    'rtph264depay name=depay0 ! h264parse ! video/x-h264,alignment=au ! mux. rtpmp4gdepay name=depay1 ! aacparse ! mux. )' % sys.argv[1])
loop = GLib.MainLoop()
def teardown(client, context):
    # What is under way is written.
    GLib.timeout_add(1000, loop.quit)
server.connect("client-connected", lambda server, client: client.connect("teardown-request", teardown))
server.get_mount_points().add_factory("/record", factory)
server.attach(None)
print("rtsp://127.0.0.1:%d/record" % server.get_bound_port(), flush=True)
loop.run()
"#;

#[test]
fn publishes_to_gst_rtsp_server() {
    if !peer::all_here(&[FFMPEG, GST_RTSP_SERVER]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let clip = clip(folder.path());
    let got = folder.path().join("got.ts");
    let got_name = got.display().to_string();
    let mut recorder = start("/usr/bin/python3", &["-c", RECORDER, &got_name]);
    let mut url = String::new();
    let mut stdout = BufReader::new(recorder.stdout.take().unwrap());
    stdout.read_line(&mut url).unwrap();
    let clip_name = clip.display().to_string();
    end(start(FLUVIAL, &["remux", &clip_name, url.trim()]));
    end(recorder);
    // The last one stays in its parser, which waits for what comes next.
    let (got, all) = (frames(&got), frames(&clip));
    assert!(all.starts_with(&got), "{} pictures", got.len());
    assert!(got.len() + 1 >= all.len(), "{} of {}", got.len(), all.len());
}

#[test]
fn our_server_both_ways() {
    if !peer::all_here(&[FFMPEG]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let clip = clip(folder.path());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let free = "127.0.0.1:0";
    let vod = folder.path().display().to_string();
    let config = streaming_server::Config::parse_from([
        "",
        "--rtmp",
        free,
        "--http",
        free,
        "--rtsp",
        free,
        "--rtsps",
        free,
        "--vod",
        &vod,
        "--no-demo",
    ]);
    let server = runtime
        .block_on(streaming_server::Server::start(config))
        .unwrap();
    let plain = format!("rtsp://{}", server.rtsp_address().unwrap());
    let secure = format!("rtsps://{}", server.rtsps_address().unwrap());
    // A file, whole; by TLS; and with its packets encrypted.
    for (n, url) in [
        format!("{plain}/vod/clip.mp4"),
        format!("{secure}/vod/clip.mp4"),
        format!("{plain}/vod/clip.mp4?srtp"),
    ]
    .iter()
    .enumerate()
    {
        let got = folder
            .path()
            .join(format!("got{n}.mkv"))
            .with_extension("ts");
        let got_name = got.display().to_string();
        end(start(FLUVIAL, &["remux", "--insecure", url, &got_name]));
        assert_eq!(frames(&got), frames(&clip), "{url}");
    }
    // What is published comes out; the player waits for it.
    let url = format!("{plain}/live/clip");
    let clip_name = clip.display().to_string();
    let publishing = start(FLUVIAL, &["remux", &clip_name, &url]);
    let got = folder.path().join("live.ts");
    let got_name = got.display().to_string();
    let played = (0..100).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(50));
        let child = start(FLUVIAL, &["remux", &url, &got_name]);
        let output = testing::wait(child);
        output.status.success()
    });
    assert!(played);
    end(publishing);
    let (got, all) = (frames(&got), frames(&clip));
    assert!(
        !got.is_empty() && all.ends_with(&got),
        "{} pictures",
        got.len()
    );
    runtime.block_on(server.shut_down());
}
