use std::path::{Path, PathBuf};

/// A folder of the corpus, or all of it (`""`); says aloud where it is absent.
#[must_use]
pub fn corpus(folder: &str) -> Option<PathBuf> {
    let root = std::env::var_os("FLUVIAL_CORPUS").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/corpus")),
        PathBuf::from,
    );
    let found = root.join(folder);
    if found.is_dir() {
        return Some(found);
    }
    eprintln!("SKIPPED: corpus not found, set FLUVIAL_CORPUS");
    None
}

/// All files below a folder, in a fixed order.
///
/// # Panics
/// Where the folder cannot be read.
#[must_use]
pub fn files(folder: &Path) -> Vec<PathBuf> {
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

/// What the corpus's list says of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// Its path within the corpus.
    pub path: String,
    /// What it is, in words.
    pub what: String,
    /// Where it is said what is to be found in it, if anywhere.
    pub expectation: String,
}

/// The lines of the corpus's list.
///
/// # Panics
/// Where the corpus has no list.
#[must_use]
pub fn manifest() -> Vec<Manifest> {
    let Some(corpus) = corpus("") else {
        return Vec::new();
    };
    let text = std::fs::read_to_string(corpus.join("MANIFEST.tsv")).unwrap();
    let lines = text.lines().skip(1).map(|line| {
        let mut fields = line.split('\t').map(str::to_owned);
        Manifest {
            path: fields.next().unwrap_or_default(),
            what: fields.nth(4).unwrap_or_default(),
            expectation: fields.next().unwrap_or_default(),
        }
    });
    lines.collect()
}

/// The byte strings of a seed of Go's fuzzer, or the file's own bytes where it is none.
///
/// # Panics
/// Where the seed's quoting is broken.
#[must_use]
pub fn go_seeds(file: &[u8]) -> Vec<Vec<u8>> {
    let Some(text) = file.strip_prefix(b"go test fuzz v1\n") else {
        return vec![file.to_vec()];
    };
    let text = String::from_utf8_lossy(text);
    let quoted = text
        .lines()
        .filter_map(|line| line.strip_prefix("[]byte(\"")?.strip_suffix("\")"));
    quoted.map(unquote).collect()
}

fn unquote(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut utf8 = [0; 4];
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        let escape = if c == '\\' { chars.next() } else { None };
        let digits = match escape {
            Some('x') => 2,
            Some('u') => 4,
            Some('U') => 8,
            _ => 0,
        };
        let hex: String = chars.by_ref().take(digits).collect();
        let number = || u32::from_str_radix(&hex, 16).unwrap();
        let unicode = match escape {
            None => c,
            Some('x') => {
                out.extend(u8::try_from(number()));
                continue;
            }
            Some('u' | 'U') => char::from_u32(number()).unwrap(),
            Some('a') => '\x07',
            Some('b') => '\x08',
            Some('f') => '\x0C',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('v') => '\x0B',
            Some(other) => other,
        };
        out.extend(unicode.encode_utf8(&mut utf8).bytes());
    }
    out
}

#[cfg(test)]
mod tests {
    #[test]
    fn seeds_are_unquoted() {
        let file = br#"go test fuzz v1
[]byte("\x00a\\\"\n\u00e9")
int(3)
[]byte("0")
"#;
        let seeds = super::go_seeds(file);
        assert_eq!(seeds, [b"\x00a\\\"\n\xC3\xA9".to_vec(), b"0".to_vec()]);
        assert_eq!(super::go_seeds(b"abc"), [b"abc"]);
    }
}
