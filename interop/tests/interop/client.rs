//! `rtmp::client::Session` against servers that others wrote, and against ours.

use std::{process::Command, thread};

use fluvial_interop::{
    client::Client,
    clip::NTSC_PYRAMID,
    frames::Frames,
    needs,
    nginx::{Nginx, free_address},
    peer::{FFMPEG, NGINX_RTMP, RTMPDUMP},
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
