//! Where the corpus is, and what peers say of it.
#![allow(dead_code, reason = "each test uses a part of it")]

use std::path::{Path, PathBuf};
use std::process::Command;

/// The corpus's folder for H.264, unless it is not there, which is said aloud.
pub(crate) fn corpus() -> Option<PathBuf> {
    let root = std::env::var_os("FLUVIAL_CORPUS").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/corpus")),
        PathBuf::from,
    );
    let folder = root.join("h264");
    if folder.is_dir() {
        return Some(folder);
    }
    #[expect(clippy::print_stderr, reason = "a skipped test is to be seen")]
    {
        eprintln!("SKIPPED: corpus not found, set FLUVIAL_CORPUS");
    }
    None
}

/// Every byte stream of the corpus, in a fixed order.
pub(crate) fn streams() -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    if let Some(folder) = corpus() {
        walk(&folder, &mut files);
    }
    files.sort();
    files
        .into_iter()
        .filter(|path| {
            path.extension()
                .and_then(|ext| ext.to_str())
                .is_some_and(|ext| matches!(ext, "264" | "h264" | "jsv" | "26l" | "avc"))
        })
        .map(|path| {
            let data = std::fs::read(&path).unwrap();
            (path, data)
        })
        .collect()
}

pub(crate) fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, files);
        } else {
            files.push(path);
        }
    }
}

/// Runs a program and gives both its outputs, unless it is not installed, which is said aloud.
pub(crate) fn run(program: &str, arguments: &[&str]) -> Option<(String, String)> {
    match Command::new(program).args(arguments).output() {
        Ok(output) => Some((
            String::from_utf8_lossy(&output.stdout).into_owned(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )),
        Err(_) => {
            #[expect(clippy::print_stderr, reason = "a skipped test is to be seen")]
            {
                eprintln!("SKIPPED: {program} is not installed");
            }
            None
        }
    }
}
