//! A short clip, what it shows, and the programs that it goes through.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Pictures and sound for three seconds.
pub fn clip(folder: &Path) -> PathBuf {
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
pub fn frames(path: &Path) -> Vec<String> {
    let args = format!(
        "-v error -i {} -map 0:v -vsync passthrough -f framemd5 -",
        path.display()
    );
    let text = testing::run("ffmpeg", &args, b"").unwrap();
    let text = String::from_utf8(text).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| line.rsplit(',').next().unwrap().trim().to_owned())
        .collect()
}

pub fn start(program: &str, args: &[&str]) -> Child {
    Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Waits for its end, which has to be a good one.
#[track_caller]
pub fn end(child: Child) {
    let output = testing::wait(child);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}
