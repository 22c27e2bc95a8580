//! What the tests share: where the corpus is, and ffmpeg, if it is installed.
#![allow(dead_code, reason = "not every test file uses all of it")]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The corpus of public files; says aloud that a test is skipped where it is absent.
pub(crate) fn corpus() -> Option<PathBuf> {
    let path = std::env::var_os("FLUVIAL_CORPUS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus"),
        PathBuf::from,
    );
    let found = path.join("mpegaudio").is_dir().then_some(path);
    if found.is_none() {
        eprintln!("SKIPPED: corpus not found, set FLUVIAL_CORPUS");
    }
    found
}

/// Runs ffmpeg or ffprobe on some input and gives what it prints; `None`, said aloud, where it is not installed.
/// What it cannot read it says nothing of.
pub(crate) fn run(program: &str, args: &str, input: &[u8]) -> Option<Vec<u8>> {
    use std::io::Write;
    let spawned = Command::new(program)
        .args(args.split_whitespace())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut child) = spawned else {
        eprintln!("SKIPPED: {program} is not installed");
        return None;
    };
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let feed = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().unwrap();
    feed.join().unwrap();
    Some(output.stdout)
}

/// All files below a folder.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}
