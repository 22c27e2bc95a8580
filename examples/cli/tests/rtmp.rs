//! `fluvial remux` from and to servers of the RTMP family: ours by every protocol, nginx and ffmpeg by the one that they speak.

mod support;

use clap::Parser;
use fluvial_interop::nginx::Nginx;
use fluvial_interop::peer::{self, FFMPEG, NGINX_RTMP};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use support::{FLUVIAL, works};

/// Pictures and sound for three seconds.
fn clip(folder: &Path) -> PathBuf {
    let path = folder.join("clip.mp4");
    let made = testing::run(
        "ffmpeg",
        &format!(
            "-v error -y -f lavfi -i testsrc2=size=128x96:rate=25 -f lavfi -i sine=sample_rate=48000 -t 3 -c:v libx264 -bf 2 -g 25 -c:a aac {}",
            path.display()
        ),
        b"",
    );
    assert!(made.is_some());
    path
}

/// The hashes of all decoded pictures.
fn frames(path: &Path) -> Vec<String> {
    let args = format!("-v error -i {} -map 0:v -f framemd5 -", path.display());
    let text = testing::run("ffmpeg", &args, b"").unwrap();
    let text = String::from_utf8(text).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| line.rsplit(',').next().unwrap().trim().to_owned())
        .collect()
}

fn start(args: &[&str]) -> Child {
    Command::new(FLUVIAL)
        .args(args)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

#[track_caller]
fn end(child: Child) {
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}

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
                let player = start(&["remux", "-k", &url, out.to_str().unwrap()]);
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
    let player = start(&["remux", &url, out.to_str().unwrap(), "--duration", "2"]);
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
