//! Finds the corpus of public files.
#![allow(unreachable_pub, dead_code)]

use std::path::{Path, PathBuf};

/// All files below a folder of the corpus; says so where there is no corpus.
pub fn files(folder: &str) -> Vec<PathBuf> {
    let root = std::env::var_os("FLUVIAL_CORPUS").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/corpus")),
        PathBuf::from,
    );
    let mut files = Vec::new();
    collect(&root.join(folder), &mut files);
    if files.is_empty() {
        eprintln!("SKIPPED: corpus not found, set FLUVIAL_CORPUS");
    }
    files.sort();
    files
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, files);
        } else {
            files.push(path);
        }
    }
}

/// The byte strings of a Go fuzzing seed, or the file itself.
pub fn seeds(path: &Path) -> Vec<Vec<u8>> {
    let data = std::fs::read(path).unwrap();
    let Some(text) = data.strip_prefix(b"go test fuzz v1\n") else {
        return vec![data];
    };
    let text = String::from_utf8_lossy(text).into_owned();
    let quoted = text
        .lines()
        .filter_map(|line| line.strip_prefix("[]byte(\"")?.strip_suffix("\")"));
    quoted.map(unquote).collect()
}

fn unquote(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.extend(c.to_string().bytes());
            continue;
        }
        match chars.next().unwrap() {
            'x' => out
                .push(u8::from_str_radix(&chars.by_ref().take(2).collect::<String>(), 16).unwrap()),
            'u' => {
                let code =
                    u32::from_str_radix(&chars.by_ref().take(4).collect::<String>(), 16).unwrap();
                out.extend(char::from_u32(code).unwrap().to_string().bytes());
            }
            'a' => out.push(7),
            'b' => out.push(8),
            'f' => out.push(12),
            'n' => out.push(10),
            'r' => out.push(13),
            't' => out.push(9),
            'v' => out.push(11),
            other => out.push(other as u8),
        }
    }
    out
}
