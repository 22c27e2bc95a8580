//! RTMP inside of TLS and of HTTP, and obfuscated, against the streaming server.

use fluvial_interop::{
    clip::{B_FRAMES_25, BASELINE, NTSC_PYRAMID},
    frames::Frames,
    needs,
    peer::{FFMPEG, FFMPEG_9, GSTREAMER_LIBRTMP, GSTREAMER_RTMP2, RTMPDUMP, VLC, ffmpeg_9},
    process::Process,
    recorder::Recorder,
    server::Server,
};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Everything on, on free ports, with a certificate made at the start.
fn server() -> Server {
    Server::start(&[
        "--no-demo",
        "--rtmpe",
        "--rtmps",
        "127.0.0.1:0",
        "--rtmpt",
        "127.0.0.1:0",
        "--rtmpts",
        "127.0.0.1:0",
    ])
}

/// A player that records, there before the publisher, has the whole clip.
fn whole(
    name: &str,
    player: impl FnOnce(&Server) -> Recorder,
    publisher: impl FnOnce(&Server) -> Process,
) {
    let clip = NTSC_PYRAMID.clip();
    let server = server();
    let recorder = player(&server);
    server.wait_for_player(name);
    publisher(&server).expect_success();
    server
        .log()
        .wait_for(0, &["publisher gone", &format!("stream=live/{name}")]);
    server.process.signal("TERM");
    recorder.finish().assert_same(&clip.frames, name);
}

/// Both ways by one scheme.
fn by(ffmpeg: &Path, scheme: &str) {
    let name = format!("by-{scheme}");
    let (play, publish): (&[&str], &[&str]) = match scheme {
        "rtmps" => (&["-tls_verify", "0"], &["-tls_verify", "0"]),
        // Otherwise ffmpeg keeps the last packets for itself when it ends.
        "rtmpt" | "rtmpts" | "rtmpte" => (&[], &["-rtmp_flush_interval", "1"]),
        _ => (&[], &[]),
    };
    whole(
        &name,
        |server| Recorder::ffmpeg(ffmpeg, play, &server.wrapped_url(scheme, &name)),
        |server| {
            let url = server.wrapped_url(scheme, &name);
            NTSC_PYRAMID.clip().publish_by(ffmpeg, publish, &url)
        },
    );
}

#[test]
fn ffmpeg_by_rtmps() {
    needs!(FFMPEG);
    by(Path::new("ffmpeg"), "rtmps");
}

#[test]
fn ffmpeg_by_rtmpt() {
    needs!(FFMPEG);
    by(Path::new("ffmpeg"), "rtmpt");
}

#[test]
fn ffmpeg_by_rtmpts() {
    needs!(FFMPEG);
    by(Path::new("ffmpeg"), "rtmpts");
}

fn newer() -> PathBuf {
    ffmpeg_9().expect("it was found just before")
}

#[test]
fn ffmpeg_9_by_rtmpe() {
    needs!(FFMPEG, FFMPEG_9);
    by(&newer(), "rtmpe");
}

#[test]
fn ffmpeg_9_by_rtmpte() {
    needs!(FFMPEG, FFMPEG_9);
    by(&newer(), "rtmpte");
}

#[test]
fn ffmpeg_9_by_rtmps() {
    needs!(FFMPEG, FFMPEG_9);
    by(&newer(), "rtmps");
}

#[test]
fn ffmpeg_9_by_rtmpt() {
    needs!(FFMPEG, FFMPEG_9);
    by(&newer(), "rtmpt");
}

#[test]
fn rtmpdump_plays_rtmpte() {
    needs!(FFMPEG, RTMPDUMP);
    rtmpdump_plays("rtmpte");
}

#[test]
fn rtmpdump_plays_rtmpts() {
    needs!(FFMPEG, RTMPDUMP);
    rtmpdump_plays("rtmpts");
}

#[test]
fn rtmpdump_plays_rtmpe() {
    needs!(FFMPEG, RTMPDUMP);
    rtmpdump_plays("rtmpe");
}

#[test]
fn rtmpdump_plays_rtmps() {
    needs!(FFMPEG, RTMPDUMP);
    rtmpdump_plays("rtmps");
}

#[test]
fn rtmpdump_plays_rtmpt() {
    needs!(FFMPEG, RTMPDUMP);
    rtmpdump_plays("rtmpt");
}

fn rtmpdump_plays(scheme: &str) {
    let name = format!("dump-{scheme}");
    whole(
        &name,
        |server| Recorder::rtmpdump(&server.wrapped_url(scheme, &name)),
        |server| NTSC_PYRAMID.clip().publish(&server.rtmp_url(&name)),
    );
}

#[test]
fn rtmp2src_plays_rtmps() {
    needs!(FFMPEG, GSTREAMER_RTMP2);
    let name = "gst-rtmps";
    whole(
        name,
        |server| Recorder::rtmp2src(&server.wrapped_url("rtmps", name)),
        |server| NTSC_PYRAMID.clip().publish(&server.rtmp_url(name)),
    );
}

/// GStreamer by librtmp.
fn rtmpsrc_plays(scheme: &str) {
    let name = format!("src-{scheme}");
    whole(
        &name,
        |server| Recorder::rtmpsrc(&server.wrapped_url(scheme, &name)),
        |server| NTSC_PYRAMID.clip().publish(&server.rtmp_url(&name)),
    );
}

#[test]
fn rtmpsrc_plays_rtmps() {
    needs!(FFMPEG, GSTREAMER_LIBRTMP);
    rtmpsrc_plays("rtmps");
}

#[test]
fn rtmpsrc_plays_rtmpe() {
    needs!(FFMPEG, GSTREAMER_LIBRTMP);
    rtmpsrc_plays("rtmpe");
}

#[test]
fn rtmpsrc_plays_rtmpt() {
    needs!(FFMPEG, GSTREAMER_LIBRTMP);
    rtmpsrc_plays("rtmpt");
}

#[test]
fn rtmpsrc_plays_rtmpte() {
    needs!(FFMPEG, GSTREAMER_LIBRTMP);
    rtmpsrc_plays("rtmpte");
}

#[test]
fn rtmpsrc_plays_rtmpts() {
    needs!(FFMPEG, GSTREAMER_LIBRTMP);
    rtmpsrc_plays("rtmpts");
}

/// What GStreamer publishes is compared with a copy of it: its muxer has times of its own.
fn gstreamer_publishes(sink: &str, scheme: &str) {
    let name = format!("{sink}-{scheme}");
    let folder = TempDir::new().expect("there is room for temporary files");
    let sent = folder.path().join("sent.flv");
    let server = server();
    let recorder = Recorder::rtmpdump(&server.rtmp_url(&name));
    server.wait_for_player(&name);
    let clip = BASELINE.clip();
    clip.publish_by_gstreamer(sink, &server.wrapped_url(scheme, &name), &sent)
        .expect_success();
    server
        .log()
        .wait_for(0, &["publisher gone", &format!("stream=live/{name}")]);
    server.process.signal("TERM");
    let source = Frames::of_file(&sent);
    assert_eq!(
        source.video.len(),
        clip.frames.video.len(),
        "GStreamer sends all pictures"
    );
    recorder.finish().assert_same(&source, &name);
}

#[test]
fn rtmp2sink_publishes_rtmps() {
    needs!(FFMPEG, GSTREAMER_RTMP2, RTMPDUMP);
    gstreamer_publishes("rtmp2sink", "rtmps");
}

#[test]
fn rtmpsink_publishes_rtmps() {
    needs!(FFMPEG, GSTREAMER_LIBRTMP, RTMPDUMP);
    gstreamer_publishes("rtmpsink", "rtmps");
}

#[test]
fn rtmpsink_publishes_rtmpe() {
    needs!(FFMPEG, GSTREAMER_LIBRTMP, RTMPDUMP);
    gstreamer_publishes("rtmpsink", "rtmpe");
}

#[test]
fn rtmpsink_publishes_rtmpt() {
    needs!(FFMPEG, GSTREAMER_LIBRTMP, RTMPDUMP);
    gstreamer_publishes("rtmpsink", "rtmpt");
}

/// VLC plays by its FFmpeg, and its own remuxing spoils the last pictures.
fn vlc_plays(scheme: &str) {
    const SPOILT: usize = 8;
    let name = format!("vlc-{scheme}");
    let clip = B_FRAMES_25.clip();
    let server = server();
    let recorder = Recorder::vlc(&server.wrapped_url(scheme, &name));
    server.wait_for_player(&name);
    clip.publish(&server.rtmp_url(&name)).expect_success();
    server
        .log()
        .wait_for(0, &["publisher gone", &format!("stream=live/{name}")]);
    server.process.signal("TERM");
    let frames = recorder.finish();
    let shown = frames.first(frames.video.len().saturating_sub(SPOILT), 0);
    shown.assert_video_run_of(&clip.frames, &name);
    assert!(
        shown.video.len() >= 50,
        "{} pictures are not two seconds",
        shown.video.len()
    );
}

#[test]
fn vlc_plays_rtmps() {
    needs!(FFMPEG, VLC);
    vlc_plays("rtmps");
}

#[test]
fn vlc_plays_rtmpt() {
    needs!(FFMPEG, VLC);
    vlc_plays("rtmpt");
}
