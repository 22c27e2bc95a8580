//! Encoders and players other than ffmpeg, against the streaming server.

use fluvial_interop::{
    clip::{B_FRAMES_25, BASELINE, NTSC_PYRAMID},
    frames::Frames,
    needs,
    nginx::Nginx,
    peer::{FFMPEG, GSTREAMER_LIBRTMP, GSTREAMER_RTMP2, NGINX_RTMP, RTMPDUMP, VLC},
    reader::Reader,
    recorder::Recorder,
    server::Server,
};
use tempfile::TempDir;

/// A player that records, there before the publisher, has the whole clip. Some of these players wait for the
/// publisher's return; the server's end is the end for all.
fn plays_whole(name: &str, player: fn(&str) -> Recorder) {
    let clip = NTSC_PYRAMID.clip();
    let server = Server::start(&["--no-demo"]);
    let url = server.rtmp_url(name);
    let recorder = player(&url);
    server.wait_for_player(name);
    clip.publish(&url).expect_success();
    server
        .log()
        .wait_for(0, &["publisher gone", &format!("stream=live/{name}")]);
    server.process.signal("TERM");
    recorder.finish().assert_same(&clip.frames, name);
}

#[test]
fn rtmpdump_plays() {
    needs!(FFMPEG, RTMPDUMP);
    plays_whole("rtmpdump", Recorder::rtmpdump);
}

/// With `FCSubscribe`, and waiting for `onFCSubscribe`, as some networks want it.
#[test]
fn rtmpdump_and_ffmpeg_subscribe() {
    needs!(FFMPEG, RTMPDUMP);
    plays_whole("dump-subscribes", |url| {
        Recorder::rtmpdump_with(url, &["--live", "--subscribe", "dump-subscribes"])
    });
    plays_whole("ffmpeg-subscribes", |url| {
        let options = ["-rtmp_subscribe", "ffmpeg-subscribes"];
        Recorder::ffmpeg(std::path::Path::new("ffmpeg"), &options, url)
    });
}

#[test]
fn rtmp2src_plays() {
    needs!(FFMPEG, GSTREAMER_RTMP2);
    plays_whole("rtmp2src", Recorder::rtmp2src);
}

#[test]
fn rtmpsrc_plays() {
    needs!(FFMPEG, GSTREAMER_LIBRTMP);
    plays_whole("rtmpsrc", Recorder::rtmpsrc);
}

/// VLC's own remuxing spoils the last pictures, whatever it plays; what it shows before them is exact.
fn vlc_plays(name: &str, url: fn(&Server, &str) -> String) {
    const SPOILT: usize = 8;
    let clip = B_FRAMES_25.clip();
    let server = Server::shared();
    let mut publisher = clip.publish(&server.rtmp_url(name));
    server.wait_for_playlist(name);
    let recorder = Recorder::vlc(&url(&server, name));
    publisher.expect_success();
    let frames = recorder.finish();
    let shown = frames.first(frames.video.len().saturating_sub(SPOILT), 0);
    shown.assert_video_run_of(&clip.frames, name);
    assert!(
        shown.video.len() >= 50,
        "{} pictures are not two seconds",
        shown.video.len()
    );
}

#[test]
fn vlc_plays_rtmp() {
    needs!(FFMPEG, VLC);
    vlc_plays("vlc-rtmp", Server::rtmp_url);
}

#[test]
fn vlc_plays_hls() {
    needs!(FFMPEG, VLC);
    vlc_plays("vlc-hls", Server::hls_url);
}

/// What GStreamer publishes arrives. Its times are its own (its muxer lets no time be negative), so they are
/// compared with a copy of what it sends.
fn gstreamer_publishes(sink: &str) {
    let clip = BASELINE.clip();
    let folder = TempDir::new().expect("there is room for temporary files");
    let sent = folder.path().join("sent.flv");
    let server = Server::shared();
    let url = server.rtmp_url(sink);
    let player = Reader::start(&url, &[]);
    server.wait_for_player(sink);
    let mut publisher = clip.publish_by_gstreamer(sink, &url, &sent);
    server.wait_for_playlist(sink);
    let hls = Reader::hls_from_start(&server.hls_url(sink));
    publisher.expect_success();
    let source = Frames::of_file(&sent);
    assert_eq!(
        source.video.len(),
        clip.frames.video.len(),
        "GStreamer sends all pictures"
    );
    hls.finish().assert_same(&source, "HLS");
    player.finish().assert_same(&source, "RTMP");
}

#[test]
fn rtmp2sink_publishes() {
    needs!(FFMPEG, GSTREAMER_RTMP2);
    gstreamer_publishes("rtmp2sink");
}

#[test]
fn rtmpsink_publishes() {
    needs!(FFMPEG, GSTREAMER_LIBRTMP);
    gstreamer_publishes("rtmpsink");
}

/// nginx relays what it gets to us, from the first keyframe after it has connected.
#[test]
fn nginx_pushes() {
    needs!(FFMPEG, NGINX_RTMP);
    let clip = NTSC_PYRAMID.clip();
    let server = Server::shared();
    let nginx = Nginx::start(&format!("push rtmp://{}/live;", server.rtmp));
    let player = Reader::start(&server.rtmp_url("pushed"), &[]);
    server.wait_for_player("pushed");
    clip.publish(&nginx.url("pushed")).expect_success();
    let shown = player.finish();
    let start = shown.assert_video_run_of(&clip.frames, "pushed by nginx");
    assert_eq!(
        start + shown.video.len(),
        clip.frames.video.len(),
        "the end is missing"
    );
}

/// nginx plays from us what its own players want.
#[test]
fn nginx_pulls() {
    needs!(FFMPEG, NGINX_RTMP);
    let clip = NTSC_PYRAMID.clip();
    let server = Server::start(&["--no-demo"]);
    let nginx = Nginx::start(&format!("pull rtmp://{}/live live=1;", server.rtmp));
    let player = Reader::start(&nginx.url("pulled"), &[]);
    server.wait_for_player("pulled");
    clip.publish(&server.rtmp_url("pulled")).expect_success();
    server
        .log()
        .wait_for(0, &["publisher gone", "stream=live/pulled"]);
    server.process.signal("TERM");
    nginx.end_after_pull();
    player.finish().assert_same(&clip.frames, "pulled by nginx");
}
