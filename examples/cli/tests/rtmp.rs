//! `fluvial remux` from and to servers of the RTMP family: ours by every protocol, nginx and ffmpeg by the one that they speak.

mod support;

use clap::Parser;
use fluvial_interop::nginx::Nginx;
use fluvial_interop::peer::{self, FFMPEG, NGINX_RTMP};
use std::process::Command;
use std::time::Duration;
use support::clip::{clip, end, frames, start};
use support::{FLUVIAL, works};

#[test]
fn our_server_by_every_protocol() {
    if !peer::all_here(&[FFMPEG]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let clip = clip(folder.path());
    let expected = frames(&clip);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let free = "127.0.0.1:0";
    let config = streaming_server::Config::parse_from([
        "",
        "--rtmp",
        free,
        "--http",
        free,
        "--rtmps",
        free,
        "--rtmpt",
        free,
        "--rtmpts",
        free,
        "--rtmpe",
        "--no-demo",
    ]);
    let server = runtime
        .block_on(streaming_server::Server::start(config))
        .unwrap();
    let plain = server.rtmp_address();
    let tunnel = server.rtmpt_address().unwrap();
    let addresses = [
        ("rtmp", plain),
        ("rtmpe", plain),
        ("rtmps", server.rtmps_address().unwrap()),
        ("rtmpt", tunnel),
        ("rtmpte", tunnel),
        ("rtmpts", server.rtmpts_address().unwrap()),
    ];
    std::thread::scope(|scope| {
        for (scheme, address) in addresses {
            let (clip, expected, folder) = (&clip, &expected, folder.path());
            scope.spawn(move || {
                let url = format!("{scheme}://{address}/live/{scheme}");
                let out = folder.join(format!("{scheme}.mp4"));
                let player = start(FLUVIAL, &["remux", "-k", &url, out.to_str().unwrap()]);
                // It waits for the stream to begin.
                std::thread::sleep(Duration::from_millis(1500));
                works(&["remux", "-k", clip.to_str().unwrap(), &url]);
                end(player);
                assert_eq!(&frames(&out), expected, "{scheme}");
            });
        }
    });
    runtime.shutdown_background();
}

#[test]
fn nginx_in_both_directions() {
    if !peer::all_here(&[FFMPEG, NGINX_RTMP]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let clip = clip(folder.path());
    let expected = frames(&clip);
    let nginx = Nginx::start("");
    let url = nginx.url("x");
    // nginx does not say that a stream is over: the player ends by its own count.
    let out = folder.path().join("played.mp4");
    let player = start(
        FLUVIAL,
        &["remux", &url, out.to_str().unwrap(), "--duration", "2"],
    );
    nginx.wait_for_player("x");
    let theirs = folder.path().join("theirs.flv");
    let recorder = Command::new("ffmpeg")
        .args([
            "-v", "error", "-nostdin", "-y", "-i", &url, "-c", "copy", "-t", "2",
        ])
        .arg(&theirs)
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_millis(1000));
    works(&["remux", clip.to_str().unwrap(), &url]);
    end(player);
    end(recorder);
    assert_eq!(frames(&out), expected[..50]);
    // Where it stops copying, pictures that are shown before the last one may be missing.
    assert_eq!(frames(&theirs)[..40], expected[..40]);
}

#[test]
fn ffmpeg_takes_what_is_published() {
    if !peer::all_here(&[FFMPEG]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let clip = clip(folder.path());
    let address = fluvial_interop::nginx::free_address();
    let url = format!("rtmp://{address}/live/x");
    let out = folder.path().join("taken.flv");
    let taker = Command::new("ffmpeg")
        .args([
            "-v", "error", "-nostdin", "-y", "-listen", "1", "-i", &url, "-c", "copy",
        ])
        .arg(&out)
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_millis(1000));
    works(&["remux", "--fast", clip.to_str().unwrap(), &url]);
    end(taker);
    assert_eq!(frames(&out), frames(&clip));
}

#[test]
fn what_fails_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let nobody = fluvial_interop::nginx::free_address();
    let url = format!("rtmp://{nobody}/live/x");
    let out = folder.path().join("x.mp4");
    let output = support::fluvial(&["remux", &url, out.to_str().unwrap()]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(said.contains(&url) && said.contains("refused"), "{said}");
    assert!(!out.exists());
}
