//! Playlists and manifests on standard input: what they refer to is beside the working directory, or elsewhere.
#![allow(unreachable_pub, reason = "nothing of a test is public")]

mod support;

use std::process::{Command, Output};
use support::{FLUVIAL, Server, works};

#[test]
fn lists_come_by_standard_input() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let make = format!(
        "-v error -f lavfi -i testsrc2=size=128x96:rate=25 -f lavfi -i sine=sample_rate=48000 -t 3 -c:v libx264 -g 25 -c:a aac {}",
        path("x.mp4")
    );
    if testing::run("ffmpeg", &make, b"").is_none() {
        return;
    }
    let server = Server::start(folder.path());
    for list in ["x.m3u8", "x.mpd"] {
        works(&[
            "remux",
            "--segment-duration",
            "1",
            &path("x.mp4"),
            &path(list),
        ]);
        let text = std::fs::read(path(list)).unwrap();
        let by_name = works(&["probe", "--samples", &path(list)]);
        let run = |args: &[&str], input: &[u8]| -> Output {
            let mut command = Command::new(FLUVIAL);
            testing::output(command.args(args).current_dir(folder.path()), input).unwrap()
        };
        let good = |args: &[&str], input: &[u8]| {
            let output = run(args, input);
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(
                output.status.success() && said.is_empty(),
                "{list} {args:?}: {said}"
            );
            output.stdout
        };
        assert_eq!(good(&["probe", "--samples", "-"], &text), by_name, "{list}");
        let checked = good(&["check", "-"], &text);
        let checked = String::from_utf8_lossy(&checked).into_owned();
        assert!(checked.ends_with("0 errors, 0 warnings\n"), "{checked}");
        let copy = format!("{list}.mp4");
        good(&["remux", "-", &copy], &text);
        // Into a pipe's own kind of MP4.
        let samples = |name: &str| works(&["probe", "--samples", name]).len();
        works(&["remux", &path(list), &path("named.mp4")]);
        assert_eq!(samples(&path(&copy)), samples(&path("named.mp4")), "{list}");
        // What is elsewhere is told by its URL.
        let text = String::from_utf8(text).unwrap();
        let url = server.url("x-");
        let absolute = match list {
            "x.mpd" => text.replace("\"x-", &format!("\"{url}")),
            _ => text
                .replace("\nx-", &format!("\n{url}"))
                .replace("\"x-", &format!("\"{url}")),
        };
        let other = tempfile::tempdir().unwrap();
        let mut command = Command::new(FLUVIAL);
        command.args(["probe", "-"]).current_dir(other.path());
        let output = testing::output(&mut command, absolute.as_bytes()).unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && said.is_empty(), "{list}: {said}");
        // What grows cannot be read again.
        if list == "x.m3u8" {
            let growing = text.replace("#EXT-X-ENDLIST\n", "");
            let output = run(&["probe", "-"], growing.replace("VOD", "EVENT").as_bytes());
            let said = [output.stdout, output.stderr].concat();
            let said = String::from_utf8_lossy(&said);
            assert!(said.contains("on standard input"), "{said}");
        }
    }
}
