//! SRTP over RTSP: keys by MIKEY (`a=key-mgmt`), which GStreamer has, and by `a=crypto`, which ffmpeg has.

use crate::rtsp::{ffmpeg, gstreamer_publishes, plays, rtspsrc, server};
use fluvial_interop::{
    camera::Camera,
    clip::B_FRAMES_25,
    frames::Frames,
    needs,
    peer::{FFMPEG, GST_RTSP_SERVER, GSTREAMER_RTSP},
    reader::Reader,
};

/// Asks for encryption by the address.
fn secure(
    player: impl FnOnce(&str) -> Box<dyn FnOnce() -> Frames>,
) -> impl FnOnce(&str) -> Box<dyn FnOnce() -> Frames> {
    move |url| player(&format!("{url}?srtp"))
}

#[test]
fn rtspsrc_plays_srtp_by_tcp() {
    needs!(FFMPEG, GSTREAMER_RTSP);
    plays("rtsp", "srtp-src-tcp", secure(rtspsrc("tcp")));
}

#[test]
fn rtspsrc_plays_srtp_by_udp() {
    needs!(FFMPEG, GSTREAMER_RTSP);
    plays("rtsp", "srtp-src-udp", secure(rtspsrc("udp")));
}

#[test]
fn ffmpeg_plays_srtp_by_udp() {
    needs!(FFMPEG);
    let options = ["-rtsp_transport", "udp"];
    plays(
        "rtsp",
        "srtp-ffmpeg-udp",
        secure(ffmpeg(Box::leak(Box::new(options)))),
    );
}

#[test]
fn rtspclientsink_publishes_srtp() {
    needs!(FFMPEG, GSTREAMER_RTSP);
    gstreamer_publishes("srtp-sink", "tcp", "savp");
}

#[test]
fn pulls_srtp_from_gst_rtsp_server() {
    needs!(FFMPEG, GST_RTSP_SERVER);
    let clip = B_FRAMES_25.clip();
    let camera = Camera::start_secure(&clip.file);
    let server = server(&["--pull", &format!("secure={}", camera.url)]);
    let player = Reader::start(&server.rtmp_url("secure"), &[]);
    server
        .log()
        .wait_for(0, &["pull started", "stream=live/secure"]);
    server
        .log()
        .wait_for(0, &["pull ended", "stream=live/secure"]);
    server.process.signal("TERM");
    let shown = player.finish();
    shown.assert_video_run_of(&clip.frames, "pulled");
    assert!(shown.video.len() > 50, "{} pictures", shown.video.len());
}
