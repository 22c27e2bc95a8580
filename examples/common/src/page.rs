//! Files that are part of a server's binary.

use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use std::hash::{DefaultHasher, Hash, Hasher};

/// HTML, as `Content-Type` says it.
pub const HTML: &str = "text/html; charset=utf-8";
/// Scripts.
pub const SCRIPT: &str = "text/javascript; charset=utf-8";
/// Style sheets.
pub const STYLE: &str = "text/css; charset=utf-8";
/// Pictures.
pub const SVG: &str = "image/svg+xml";

/// A file that is part of a binary: asked for again, it is sent only if it is another one.
#[derive(Debug, Clone, Copy)]
pub struct OwnFile {
    /// By which it is asked for.
    pub name: &'static str,
    /// Its `Content-Type`.
    pub kind: &'static str,
    /// What is in it.
    pub text: &'static str,
}

impl OwnFile {
    /// One, such as `OwnFile::new("room.js", SCRIPT, include_str!("room.js"))`.
    #[must_use]
    pub const fn new(name: &'static str, kind: &'static str, text: &'static str) -> Self {
        Self { name, kind, text }
    }

    /// Answers a request with these headers.
    #[must_use]
    pub fn answer(&self, headers: &HeaderMap) -> Response {
        let mut hasher = DefaultHasher::new();
        self.text.hash(&mut hasher);
        let tag = format!("\"{:016x}\"", hasher.finish());
        let known = headers
            .get(header::IF_NONE_MATCH)
            .is_some_and(|known| known.as_bytes() == tag.as_bytes());
        let headers = [
            (header::ETAG, tag.as_str()),
            (header::CACHE_CONTROL, "no-cache"),
            (header::CONTENT_TYPE, self.kind),
        ];
        match known {
            true => (StatusCode::NOT_MODIFIED, headers).into_response(),
            false => (headers, self.text).into_response(),
        }
    }

    /// Answers whoever gets it.
    pub fn page<S: Clone + Send + Sync + 'static>(self) -> MethodRouter<S> {
        get(move |headers: HeaderMap| async move { self.answer(&headers) })
    }

    /// Answers a request for the one of that name.
    #[must_use]
    pub fn answer_from(files: &[Self], name: &str, headers: &HeaderMap) -> Response {
        match files.iter().find(|file| file.name == name) {
            Some(file) => file.answer(headers),
            None => (StatusCode::NOT_FOUND, "no such file\n").into_response(),
        }
    }
}

/// What pages load, at `/assets/NAME`; `favicon.svg` of it at `/favicon.ico` too.
pub fn assets<S: Clone + Send + Sync + 'static>(files: &'static [OwnFile]) -> Router<S> {
    Router::new()
        .route(
            "/favicon.ico",
            get(move |headers: HeaderMap| async move {
                OwnFile::answer_from(files, "favicon.svg", &headers)
            }),
        )
        .route(
            "/assets/{file}",
            get(
                move |Path(file): Path<String>, headers: HeaderMap| async move {
                    OwnFile::answer_from(files, &file, &headers)
                },
            ),
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILES: [OwnFile; 1] = [OwnFile {
        name: "a.js",
        kind: SCRIPT,
        text: "1",
    }];

    #[test]
    fn a_file_is_sent_once() {
        let mut headers = HeaderMap::new();
        let first = OwnFile::answer_from(&FILES, "a.js", &headers);
        assert_eq!(first.status(), StatusCode::OK);
        assert_eq!(first.headers()[header::CONTENT_TYPE], SCRIPT);
        headers.insert(header::IF_NONE_MATCH, first.headers()[header::ETAG].clone());
        let second = OwnFile::answer_from(&FILES, "a.js", &headers);
        assert_eq!(second.status(), StatusCode::NOT_MODIFIED);
        let none = OwnFile::answer_from(&FILES, "b.js", &headers);
        assert_eq!(none.status(), StatusCode::NOT_FOUND);
    }
}
