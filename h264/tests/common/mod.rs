//! Where the corpus is, and what peers say of it.
#![allow(dead_code, reason = "each test uses a part of it")]

use std::path::PathBuf;
use std::process::Command;

/// The corpus's folder for H.264, unless it is not there, which is said aloud.
pub(crate) fn corpus() -> Option<PathBuf> {
    testing::corpus("h264")
}

/// Every byte stream of the corpus, in a fixed order.
pub(crate) fn streams() -> Vec<(PathBuf, Vec<u8>)> {
    let files = corpus().map(|folder| testing::files(&folder));
    files
        .into_iter()
        .flatten()
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

/// Runs a program and gives both its outputs, unless it is not installed, which is said aloud.
pub(crate) fn run(program: &str, arguments: &[&str]) -> Option<(String, String)> {
    let output = testing::ended(Command::new(program).args(arguments), b"")?;
    Some((
        String::from_utf8_lossy(&output.stdout).into_owned(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    ))
}
