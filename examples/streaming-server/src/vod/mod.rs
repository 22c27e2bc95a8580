//! Files of a folder, packaged when a segment is asked for: nothing is transcoded, nothing is written.

mod plan;
mod source;
mod title;

use crate::live_files::{MANIFEST, MP4, Name, PLAYLIST};
use crate::respond::{Content, not_found, refuse};
use anyhow::{Context, Result};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use bytes::Bytes;
use serde::Serialize;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Instant, UNIX_EPOCH};
pub(crate) use title::Title;
use tokio::sync::{OnceCell, Semaphore};

/// Files that are kept open, so to speak: their tables are.
const MOST_TITLES: usize = 64;
/// Files that are listed.
const MOST_LISTED: usize = 2000;
/// Folders within folders.
const DEPTH: usize = 16;
const EXTENSIONS: [&str; 9] = [
    "mp4", "m4v", "m4a", "mov", "ts", "m2ts", "mts", "flv", "f4v",
];
/// The file may become another one; until then, what it is cut into stays.
const A_WHILE: &str = "public, max-age=3600";
/// To be asked for again, which costs nothing as long as the file is the same.
const AGAIN: &str = "no-cache";

/// A folder that is served.
#[derive(Debug, Clone)]
pub(crate) struct Library(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    root: PathBuf,
    titles: Mutex<HashMap<PathBuf, Kept>>,
    /// Files that are looked through at a time.
    opening: Semaphore,
}

#[derive(Debug, Clone)]
struct Kept {
    version: String,
    used: Instant,
    title: Arc<OnceCell<Arc<Title>>>,
}

/// A file, as the listing tells it.
#[derive(Debug, Serialize)]
pub(crate) struct Listed {
    name: String,
    size: u64,
    hls: String,
    dash: String,
}

impl Library {
    /// # Errors
    /// Where the folder is none.
    pub(crate) fn new(root: &Path) -> Result<Self> {
        let context = || format!("--vod {}", root.display());
        let root = root.canonicalize().with_context(context)?;
        anyhow::ensure!(root.is_dir(), "--vod {}: not a folder", root.display());
        Ok(Self(Arc::new(Inner {
            root,
            titles: Mutex::default(),
            opening: Semaphore::new(2),
        })))
    }

    /// The file of this name, if it lies in the folder.
    fn find(&self, name: &str) -> Option<PathBuf> {
        let plain =
            |part: &str| !matches!(part, "" | "." | "..") && !part.contains(['\\', '\0', ':']);
        if !name.split('/').all(plain) {
            return None;
        }
        // A link that leads out of the folder does not count.
        let path = self.0.root.join(name).canonicalize().ok()?;
        (path.starts_with(&self.0.root) && path.is_file() && is_media(&path)).then_some(path)
    }

    /// The file of this name, opened.
    pub(crate) async fn open(&self, name: &str) -> Option<Arc<Title>> {
        let (title, _) = self.title(self.find(name)?).await.ok()?;
        Some(title)
    }

    /// All files, by name.
    pub(crate) async fn list(&self) -> Vec<Listed> {
        let root = self.0.root.clone();
        let list = tokio::task::spawn_blocking(move || {
            let mut list = Vec::new();
            walk(&root, "", 0, &mut list);
            list.sort_by(|a, b| a.name.cmp(&b.name));
            list
        });
        list.await.unwrap_or_default()
    }

    /// The file, opened; what went wrong is logged, and told in a few words.
    async fn title(&self, path: PathBuf) -> Result<(Arc<Title>, String), &'static str> {
        let version = version(&path).ok_or("it cannot be read")?;
        let cell = {
            let mut titles = self.0.titles.lock().unwrap_or_else(PoisonError::into_inner);
            titles.retain(|kept, one| *kept != path || one.version == version);
            if titles.len() >= MOST_TITLES && !titles.contains_key(&path) {
                let oldest = titles.iter().min_by_key(|(_, one)| one.used);
                let oldest = oldest.map(|(path, _)| path.clone());
                oldest.map(|path| titles.remove(&path));
            }
            let kept = titles.entry(path.clone()).or_insert_with(|| Kept {
                version: version.clone(),
                used: Instant::now(),
                title: Arc::default(),
            });
            kept.used = Instant::now();
            Arc::clone(&kept.title)
        };
        let open = async {
            let _permit = self.0.opening.acquire().await?;
            let begun = Instant::now();
            let at = path.clone();
            let title = tokio::task::spawn_blocking(move || Title::open(&at)).await??;
            let took = begun.elapsed().as_secs_f64();
            tracing::info!(
                file = %path.display(), seconds = title.duration(), took, "file opened"
            );
            anyhow::Ok(Arc::new(title))
        };
        match cell.get_or_try_init(|| open).await {
            Ok(title) => Ok((Arc::clone(title), version)),
            Err(error) => {
                tracing::warn!(file = %path.display(), "cannot be served: {error:#}");
                Err("it cannot be played")
            }
        }
    }

    /// `FILE/NAME` below `/vod/`.
    pub(crate) async fn serve(&self, path: &str, headers: &HeaderMap) -> Response {
        let Some((file, name)) = path.rsplit_once('/') else {
            return not_found("no such file");
        };
        let Some(found) = self.find(file) else {
            return not_found("no such file");
        };
        let (title, version) = match self.title(found).await {
            Ok(title) => title,
            Err(why) => return refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, why),
        };
        let tag = format!("{version}-{name}");
        let answer = |kind, cache, data: Vec<Bytes>| {
            let tag = tag.as_str();
            Content {
                kind,
                cache,
                tag,
                data,
            }
            .answer(headers)
        };
        match name {
            "index.m3u8" => answer(PLAYLIST, AGAIN, vec![title.multivariant()]),
            "stream.m3u8" => answer(PLAYLIST, AGAIN, vec![title.playlist()]),
            "manifest.mpd" => answer(MANIFEST, AGAIN, vec![title.manifest()]),
            name => match Name::parse(name) {
                Some(Name::Init(track, 0)) => match title.init(track) {
                    Some(data) => answer(MP4, A_WHILE, vec![data]),
                    None => not_found("no such track"),
                },
                Some(Name::Segment(track, number)) => {
                    let Ok(index) = usize::try_from(number) else {
                        return not_found("no such segment");
                    };
                    let work = move || title.segment(track, index);
                    match tokio::task::spawn_blocking(work).await {
                        Ok(Ok(Some(data))) => answer(MP4, A_WHILE, data),
                        Ok(Ok(None)) => not_found("no such segment"),
                        Ok(Err(error)) => {
                            tracing::warn!(path, "a segment cannot be made: {error:#}");
                            refuse(StatusCode::INTERNAL_SERVER_ERROR, "it cannot be made")
                        }
                        Err(_) => refuse(StatusCode::INTERNAL_SERVER_ERROR, "it cannot be made"),
                    }
                }
                _ => not_found("no such file"),
            },
        }
    }

    /// The page that lists all.
    pub(crate) async fn page(&self) -> Response {
        let mut rows = String::new();
        for file in self.list().await {
            let (name, hls, dash) = (escape(&file.name), escape(&file.hls), escape(&file.dash));
            let folder = escape(file.hls.trim_end_matches("/index.m3u8"));
            let size = file.size as f64 / 1e6;
            rows += &format!(
                "<tr><td><a href=\"/watch?src={folder}\">{name}</a></td><td>{size:.1} MB</td>\
                 <td><a href=\"{hls}\">HLS</a></td><td><a href=\"{dash}\">DASH</a></td></tr>\n"
            );
        }
        if rows.is_empty() {
            rows = "<tr><td>There is nothing to play in this folder.</td></tr>".into();
        }
        Html(PAGE.replace("{rows}", &rows)).into_response()
    }
}

const PAGE: &str = "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
    <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>fluvial: files</title>\
    <link rel=\"icon\" href=\"/assets/favicon.svg\"><style>body{font:15px system-ui,sans-serif;margin:2em auto;\
    max-width:60em;padding:0 1em;color-scheme:light dark}td{padding:.3em 1em .3em 0}</style></head>\
    <body><h1>Files</h1><table>\n{rows}</table></body></html>\n";

fn is_media(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|extension| {
        EXTENSIONS
            .iter()
            .any(|known| extension.eq_ignore_ascii_case(known))
    })
}

fn walk(folder: &Path, prefix: &str, depth: usize, list: &mut Vec<Listed>) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        // Links are followed when they are asked for, if they stay in the folder; they are not listed.
        let Ok(kind) = entry.file_type() else {
            continue;
        };
        if name.starts_with('.') || list.len() >= MOST_LISTED {
            continue;
        }
        let name = format!("{prefix}{name}");
        if kind.is_dir() && depth < DEPTH {
            walk(&entry.path(), &format!("{name}/"), depth + 1, list);
        } else if kind.is_file() && is_media(&entry.path()) {
            let path = encode(&name);
            list.push(Listed {
                size: entry.metadata().map_or(0, |metadata| metadata.len()),
                hls: format!("/vod/{path}/index.m3u8"),
                dash: format!("/vod/{path}/manifest.mpd"),
                name,
            });
        }
    }
}

/// Names this version of a file: when it was changed, and its length.
fn version(path: &Path) -> Option<String> {
    let metadata = path.metadata().ok()?;
    let changed = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some(format!("{:x}-{:x}", changed.as_nanos(), metadata.len()))
}

/// As the path of a URL.
fn encode(name: &str) -> String {
    let mut out = String::new();
    for byte in name.bytes() {
        match byte {
            b'/' | b'-' | b'_' | b'.' | b'~' => out.push(byte.into()),
            _ if byte.is_ascii_alphanumeric() => out.push(byte.into()),
            _ => out += &format!("%{byte:02X}"),
        }
    }
    out
}

/// As text of HTML, attributes included.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_in_the_folder_are_found() {
        let folder = std::env::temp_dir().join(format!("fluvial-vod-{}", std::process::id()));
        let root = folder.join("root");
        std::fs::create_dir_all(root.join("sub dir")).unwrap();
        for file in [
            "root/a.mp4",
            "root/sub dir/b.ts",
            "root/notes.txt",
            "secret.mp4",
        ] {
            std::fs::write(folder.join(file), "x").unwrap();
        }
        #[cfg(unix)]
        std::os::unix::fs::symlink(folder.join("secret.mp4"), root.join("link.mp4")).unwrap();
        let library = Library::new(&root).unwrap();
        for good in ["a.mp4", "sub dir/b.ts"] {
            assert!(library.find(good).is_some(), "{good}");
        }
        for bad in [
            "",
            "notes.txt",
            "sub dir",
            "../secret.mp4",
            "sub dir/../../secret.mp4",
            "./a.mp4",
            "/a.mp4",
            "sub dir//b.ts",
            "..\\secret.mp4",
            "link.mp4",
            "a.mp4/",
            "c.mp4",
        ] {
            assert!(library.find(bad).is_none(), "{bad}");
        }
        let mut list = Vec::new();
        walk(&library.0.root, "", 0, &mut list);
        let mut names: Vec<_> = list.iter().map(|file| file.hls.as_str()).collect();
        names.sort_unstable();
        assert_eq!(
            names,
            ["/vod/a.mp4/index.m3u8", "/vod/sub%20dir/b.ts/index.m3u8"]
        );
        std::fs::remove_dir_all(&folder).unwrap();
        assert!(Library::new(&root).is_err());
        assert_eq!(escape("<a href=\"&\">"), "&lt;a href=&quot;&amp;&quot;&gt;");
    }
}
