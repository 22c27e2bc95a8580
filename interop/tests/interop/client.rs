//! `rtmp::client::Session` against servers that others wrote, and against ours.

use std::{net::SocketAddr, path::Path, process::Command, thread};

use fluvial_interop::{
    client::Client,
    clip::NTSC_PYRAMID,
    frames::Frames,
    media_server::MediaServer,
    needs,
    nginx::{Nginx, free_address},
    peer::{FFMPEG, NGINX, NGINX_RTMP, NODE_MEDIA_SERVER, RTMPDUMP, RTMPSRV},
    process::Process,
    recorder::Recorder,
    server::Server,
};
use tempfile::TempDir;

#[test]
fn publishes_to_nginx() {
    needs!(FFMPEG, NGINX_RTMP, RTMPDUMP);
    let clip = NTSC_PYRAMID.clip();
    let nginx = Nginx::start("");
    let url = nginx.url("ours");
    let recorder = Recorder::rtmpdump(&url);
    nginx.wait_for_player("ours");
    Client::connect(&url).publish(&clip.file);
    nginx.end_after("ours");
    recorder
        .finish()
        .assert_same(&clip.frames, "nginx to rtmpdump");
}

#[test]
fn plays_from_nginx() {
    needs!(FFMPEG, NGINX_RTMP);
    let clip = NTSC_PYRAMID.clip();
    let folder = TempDir::new().expect("there is room for temporary files");
    let file = folder.path().join("played.flv");
    let nginx = Nginx::start("");
    let url = nginx.url("ours");
    thread::scope(|scope| {
        scope.spawn(|| Client::connect(&url).record(&file, clip.media_messages()));
        nginx.wait_for_player("ours");
        clip.publish(&url).expect_success();
    });
    Frames::of_file(&file).assert_same(&clip.frames, "from nginx");
}

#[test]
fn publishes_to_ffmpeg() {
    needs!(FFMPEG);
    let clip = NTSC_PYRAMID.clip();
    let folder = TempDir::new().expect("there is room for temporary files");
    let file = folder.path().join("received.flv");
    let url = format!("rtmp://{}/live/ours", free_address());
    let mut ffmpeg = Process::spawn(
        "ffmpeg listening for a publisher",
        Command::new("ffmpeg")
            .args([
                "-nostdin", "-nostats", "-listen", "1", "-i", &url, "-c", "copy",
            ])
            .arg(&file),
    );
    Client::connect(&url).publish(&clip.file);
    ffmpeg.expect_success();
    Frames::of_file(&file).assert_same(&clip.frames, "to ffmpeg");
}

#[test]
fn plays_from_ffmpeg() {
    needs!(FFMPEG);
    let clip = NTSC_PYRAMID.clip();
    let folder = TempDir::new().expect("there is room for temporary files");
    let file = folder.path().join("played.flv");
    let url = format!("rtmp://{}/live/ours", free_address());
    let mut ffmpeg = Process::spawn(
        "ffmpeg listening for a player",
        Command::new("ffmpeg")
            .args(["-nostdin", "-nostats", "-re", "-i"])
            .arg(&clip.file)
            .args(["-c", "copy", "-f", "flv", "-listen", "1", &url]),
    );
    Client::connect(&url).record(&file, clip.media_messages());
    ffmpeg.expect_success();
    Frames::of_file(&file).assert_same(&clip.frames, "from ffmpeg");
}

/// Both ends ours, a server between them.
#[test]
fn publishes_to_and_plays_from_our_server() {
    needs!(FFMPEG);
    let clip = NTSC_PYRAMID.clip();
    let folder = TempDir::new().expect("there is room for temporary files");
    let file = folder.path().join("played.flv");
    let server = Server::shared();
    let url = server.rtmp_url("ours");
    thread::scope(|scope| {
        scope.spawn(|| Client::connect(&url).record(&file, usize::MAX));
        server.wait_for_player("ours");
        Client::connect(&url).publish(&clip.file);
    });
    Frames::of_file(&file).assert_same(&clip.frames, "from our server");
}

fn publishes_to_media_server(scheme: &str) {
    let clip = NTSC_PYRAMID.clip();
    let folder = TempDir::new().expect("there is room for temporary files");
    let file = folder.path().join("played.flv");
    let mut peer = MediaServer::start();
    let ffmpeg = Recorder::ffmpeg(Path::new("ffmpeg"), &[], &peer.url("rtmp", "ours"));
    peer.wait_for_players(1);
    thread::scope(|scope| {
        scope.spawn(|| {
            Client::connect(&peer.url(scheme, "ours")).record(&file, clip.media_messages());
        });
        peer.wait_for_players(2);
        Client::connect(&peer.url(scheme, "ours")).publish(&clip.file);
    });
    // It does not tell players that a stream is over; its own end does. We have had all of it by now.
    peer.process.kill();
    ffmpeg
        .finish()
        .assert_same(&clip.frames, "node-media-server to ffmpeg");
    Frames::of_file(&file).assert_same(&clip.frames, "node-media-server to us");
}

#[test]
fn publishes_to_and_plays_from_media_server() {
    needs!(FFMPEG, NODE_MEDIA_SERVER);
    publishes_to_media_server("rtmp");
}

#[test]
fn publishes_to_and_plays_from_media_server_by_rtmps() {
    needs!(FFMPEG, NODE_MEDIA_SERVER);
    publishes_to_media_server("rtmps");
}

/// rtmpsrv shakes hands by RTMPE and answers what a player asks; media it has none.
#[test]
fn plays_from_rtmpsrv_by_rtmpe() {
    needs!(RTMPSRV);
    let address: SocketAddr = ([127, 0, 0, 1], 1935).into();
    if std::net::TcpListener::bind(("0.0.0.0", 1935)).is_err() {
        panic!("rtmpsrv has no other port than 1935, which is taken");
    }
    // It begins a file of what is asked for, where it stands.
    let folder = TempDir::new().expect("there is room for temporary files");
    let mut command = Command::new("rtmpsrv");
    let peer = Process::spawn_listening("rtmpsrv", command.arg("-z").current_dir(&folder));
    // It reads no other size of chunks than that which all begin with.
    let mut client = Client::connect_in_chunks(&format!("rtmpe://{address}/live/x"), 128);
    let answer = client.ask_to_play();
    assert!(
        matches!(answer, fluvial_interop::client::Answer::Granted(_)),
        "{answer:?}"
    );
    drop(peer);
}

/// All schemes of our own at both ends, the tunnels through nginx too, which makes every request anew.
fn by_scheme(scheme: &str, proxied: bool) {
    let clip = NTSC_PYRAMID.clip();
    let folder = TempDir::new().expect("there is room for temporary files");
    let file = folder.path().join("played.flv");
    let any = "127.0.0.1:0";
    let server = Server::start(&[
        "--no-demo",
        "--rtmpe",
        "--rtmps",
        any,
        "--rtmpt",
        any,
        "--rtmpts",
        any,
    ]);
    let url = server.wrapped_url(scheme, "ours");
    let proxy = proxied.then(Nginx::http_proxy);
    let connect = || match &proxy {
        Some(proxy) => Client::connect_by_proxy(&url, proxy.address()),
        None => Client::connect(&url),
    };
    thread::scope(|scope| {
        scope.spawn(|| connect().record(&file, usize::MAX));
        server.wait_for_player("ours");
        connect().publish(&clip.file);
    });
    Frames::of_file(&file).assert_same(&clip.frames, scheme);
}

#[test]
fn ourselves_by_rtmps() {
    needs!(FFMPEG);
    by_scheme("rtmps", false);
}

#[test]
fn ourselves_by_rtmpe() {
    needs!(FFMPEG);
    by_scheme("rtmpe", false);
}

#[test]
fn ourselves_by_rtmpts() {
    needs!(FFMPEG);
    by_scheme("rtmpts", false);
}

#[test]
fn ourselves_by_rtmpt_through_a_proxy() {
    needs!(FFMPEG, NGINX);
    by_scheme("rtmpt", true);
}

#[test]
fn ourselves_by_rtmpte_through_a_proxy() {
    needs!(FFMPEG, NGINX);
    by_scheme("rtmpte", true);
}
