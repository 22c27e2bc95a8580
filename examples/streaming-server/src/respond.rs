//! Answers to requests for files: what may be kept how long, ranges of bytes, names of versions.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;

/// What changes with each segment, and may be kept by nobody.
pub(crate) const FRESH: &str = "no-cache";
/// What never changes under its name.
pub(crate) const FOREVER: &str = "public, max-age=3600, immutable";

/// All of a file.
pub(crate) fn file(kind: &'static str, cache: &'static str, data: Bytes) -> Response {
    (
        [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, cache)],
        Body::from(data),
    )
        .into_response()
}

pub(crate) fn not_found(why: &'static str) -> Response {
    refuse(StatusCode::NOT_FOUND, why)
}

/// Why there is no file.
pub(crate) fn refuse(code: StatusCode, why: impl std::fmt::Display) -> Response {
    (
        code,
        [(header::CACHE_CONTROL, "no-store")],
        format!("{why}\n"),
    )
        .into_response()
}

/// A file in memory, or the part of it that is asked for.
pub(crate) struct Content<'a> {
    pub(crate) kind: &'static str,
    pub(crate) cache: &'static str,
    /// Names this version of it, without quotes; no other version has the same.
    pub(crate) tag: &'a str,
    pub(crate) data: Vec<Bytes>,
}

impl Content<'_> {
    /// Answers a request with these headers: 304, 206, 416, or all of it.
    pub(crate) fn answer(self, headers: &HeaderMap) -> Response {
        let tag = format!("\"{}\"", self.tag);
        let total = self.data.iter().map(Bytes::len).sum::<usize>();
        let mut response = if known(headers, &tag) {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            match asked(headers, &tag, total as u64) {
                Asked::All => body(self.data, 0, total).into_response(),
                Asked::Range(first, last) => {
                    let start = usize::try_from(first).unwrap_or(total);
                    let end = usize::try_from(last).unwrap_or(total).saturating_add(1);
                    let range = format!("bytes {first}-{last}/{total}");
                    let head = [(header::CONTENT_RANGE, range)];
                    let body = body(self.data, start, end.min(total));
                    (StatusCode::PARTIAL_CONTENT, head, body).into_response()
                }
                Asked::Nothing => {
                    let head = [(header::CONTENT_RANGE, format!("bytes */{total}"))];
                    (StatusCode::RANGE_NOT_SATISFIABLE, head).into_response()
                }
            }
        };
        let out = response.headers_mut();
        out.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.kind));
        out.insert(header::CACHE_CONTROL, HeaderValue::from_static(self.cache));
        out.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        if let Ok(tag) = HeaderValue::from_str(&tag) {
            out.insert(header::ETAG, tag);
        }
        response
    }
}

/// Some bytes of a list.
fn body(data: Vec<Bytes>, start: usize, end: usize) -> Body {
    let mut at = 0;
    let mut pieces = Vec::new();
    for piece in data {
        let here = at..at + piece.len();
        at = here.end;
        let from = start.clamp(here.start, here.end) - here.start;
        let to = end.clamp(here.start, here.end) - here.start;
        if from < to {
            pieces.push(piece.slice(from..to));
        }
    }
    match <[Bytes; 1]>::try_from(pieces) {
        Ok([whole]) => whole.into(),
        Err(pieces) => Bytes::from(pieces.concat()).into(),
    }
}

/// Whether the client has this version.
pub(crate) fn known(headers: &HeaderMap, tag: &str) -> bool {
    let list = headers.get(header::IF_NONE_MATCH);
    let list = list.and_then(|list| list.to_str().ok()).unwrap_or_default();
    let mut tags = list
        .split(',')
        .map(|known| known.trim().trim_start_matches("W/"));
    tags.any(|known| known == tag || known == "*")
}

/// Which bytes are asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    All,
    /// First and last.
    Range(u64, u64),
    /// Only what is not there.
    Nothing,
}

/// What `Range` and `If-Range` ask for. Several ranges, and what cannot be read, mean all (RFC 9110 §14.2).
pub(crate) fn asked(headers: &HeaderMap, tag: &str, total: u64) -> Asked {
    let text = |name| {
        headers
            .get(name)
            .and_then(|value: &HeaderValue| value.to_str().ok())
    };
    if text(header::IF_RANGE).is_some_and(|condition| condition != tag) {
        return Asked::All;
    }
    match text(header::RANGE).and_then(range) {
        None => Asked::All,
        Some((None, Some(0))) => Asked::Nothing,
        Some((None, Some(_))) if total == 0 => Asked::Nothing,
        Some((None, Some(tail))) => Asked::Range(total.saturating_sub(tail), total - 1),
        Some((Some(first), _)) if first >= total => Asked::Nothing,
        Some((Some(first), last)) => Asked::Range(first, last.unwrap_or(u64::MAX).min(total - 1)),
        Some((None, None)) => Asked::All,
    }
}

/// First and last byte of a single range; without the first one, how many of the last bytes.
pub(crate) fn range(text: &str) -> Option<(Option<u64>, Option<u64>)> {
    let (first, last) = text.trim().strip_prefix("bytes=")?.split_once('-')?;
    let number = |text: &str| match text.trim() {
        "" => Some(None),
        digits if digits.starts_with('+') => None,
        digits => digits.parse().ok().map(Some),
    };
    let (first, last) = (number(first)?, number(last)?);
    let backwards = matches!((first, last), (Some(first), Some(last)) if last < first);
    (!backwards && (first.is_some() || last.is_some())).then_some((first, last))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(range: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(header::RANGE, HeaderValue::from_static(range))])
    }

    #[test]
    fn ranges() {
        for (text, expected) in [
            ("bytes=0-", Asked::Range(0, 9)),
            ("bytes=2-5", Asked::Range(2, 5)),
            ("bytes=2-99", Asked::Range(2, 9)),
            ("bytes=-3", Asked::Range(7, 9)),
            ("bytes=-30", Asked::Range(0, 9)),
            ("bytes=10-", Asked::Nothing),
            ("bytes=-0", Asked::Nothing),
            ("bytes=5-2", Asked::All),
            ("bytes=1-2,4-5", Asked::All),
            ("bytes=-", Asked::All),
            ("bits=1-2", Asked::All),
        ] {
            assert_eq!(asked(&headers(text), "\"a\"", 10), expected, "{text}");
        }
        let mut other = headers("bytes=2-5");
        other.insert(header::IF_RANGE, HeaderValue::from_static("\"b\""));
        assert_eq!(asked(&other, "\"a\"", 10), Asked::All);
    }

    #[test]
    fn versions() {
        let has = |list| {
            let list = HeaderValue::from_static(list);
            known(
                &HeaderMap::from_iter([(header::IF_NONE_MATCH, list)]),
                "\"a\"",
            )
        };
        assert!(has("\"a\"") && has("\"b\", W/\"a\"") && has("*"));
        assert!(!has("\"b\"") && !has("a"));
    }
}
