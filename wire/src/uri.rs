//! Relative references (RFC 3986 §5.2), as playlists and manifests are full of.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// The parts of a reference (RFC 3986 Appendix B).
struct Parts<'a> {
    scheme: Option<&'a str>,
    authority: Option<&'a str>,
    path: &'a str,
    query: Option<&'a str>,
    fragment: Option<&'a str>,
}

impl<'a> Parts<'a> {
    fn of(text: &'a str) -> Self {
        let (text, fragment) = split(text, '#');
        let (text, query) = split(text, '?');
        let is_scheme = |scheme: &str| {
            scheme.starts_with(|c: char| c.is_ascii_alphabetic())
                && scheme
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
        };
        let (scheme, rest) = match text.split_once(':') {
            Some((scheme, rest)) if is_scheme(scheme) => (Some(scheme), rest),
            _ => (None, text),
        };
        let (authority, path) = match rest.strip_prefix("//") {
            Some(rest) => {
                let end = rest.find('/').unwrap_or(rest.len());
                let (authority, path) = rest.split_at_checked(end).unwrap_or((rest, ""));
                (Some(authority), path)
            }
            None => (None, rest),
        };
        Self {
            scheme,
            authority,
            path,
            query,
            fragment,
        }
    }
}

fn split(text: &str, mark: char) -> (&str, Option<&str>) {
    match text.split_once(mark) {
        Some((before, after)) => (before, Some(after)),
        None => (text, None),
    }
}

/// The URL that a reference means where `base` is the base. A base that is relative itself gives what is relative to the
/// same thing.
///
/// ```
/// use fluvial_wire::uri::resolve;
///
/// assert_eq!(resolve("http://a/b/c/d?q", "../g"), "http://a/b/g");
/// assert_eq!(resolve("video/manifest.mpd", "1.m4s"), "video/1.m4s");
/// ```
#[must_use]
pub fn resolve(base: &str, reference: &str) -> String {
    let (base, reference) = (base.trim_ascii(), reference.trim_ascii());
    let (b, r) = (Parts::of(base), Parts::of(reference));
    let (authority, path, query);
    if r.scheme.is_some() || r.authority.is_some() {
        authority = r.authority;
        path = without_dots(r.path);
        query = r.query;
    } else {
        authority = b.authority;
        if r.path.is_empty() {
            path = b.path.into();
            query = r.query.or(b.query);
        } else if r.path.starts_with('/') {
            path = without_dots(r.path);
            query = r.query;
        } else {
            let folder = match b.path.rfind('/') {
                Some(at) => b.path.get(..=at).unwrap_or(""),
                None if b.authority.is_some() => "/",
                None => "",
            };
            path = without_dots(&format!("{folder}{}", r.path));
            query = r.query;
        }
    }
    let mut url = String::with_capacity(base.len() + reference.len());
    if let Some(scheme) = r.scheme.or(b.scheme) {
        url.push_str(scheme);
        url.push(':');
    }
    if let Some(authority) = authority {
        url.push_str("//");
        url.push_str(authority);
    }
    url.push_str(&path);
    for (mark, part) in [('?', query), ('#', r.fragment)] {
        if let Some(part) = part {
            url.push(mark);
            url.push_str(part);
        }
    }
    url
}

/// A path without `.` and `..` (RFC 3986 §5.2.4). One that is relative keeps the `..` that it starts with.
fn without_dots(path: &str) -> String {
    let absolute = path.starts_with('/');
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.split('/').peekable();
    if absolute {
        segments.next();
    }
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        match segment {
            "." if last => kept.push(""),
            "." => {}
            ".." => {
                let can_leave = kept.last().is_some_and(|segment| *segment != "..");
                if can_leave {
                    kept.pop();
                } else if !absolute {
                    kept.push("..");
                }
                if last {
                    kept.push("");
                }
            }
            _ => kept.push(segment),
        }
    }
    let path = kept.join("/");
    if absolute { format!("/{path}") } else { path }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of RFC 3986 §5.4.
    #[test]
    fn examples_of_the_standard() {
        for (reference, url) in [
            ("g:h", "g:h"),
            ("g", "http://a/b/c/g"),
            ("./g", "http://a/b/c/g"),
            ("g/", "http://a/b/c/g/"),
            ("/g", "http://a/g"),
            ("//g", "http://g"),
            ("?y", "http://a/b/c/d;p?y"),
            ("g?y", "http://a/b/c/g?y"),
            ("#s", "http://a/b/c/d;p?q#s"),
            ("g#s", "http://a/b/c/g#s"),
            ("g?y#s", "http://a/b/c/g?y#s"),
            (";x", "http://a/b/c/;x"),
            ("g;x?y#s", "http://a/b/c/g;x?y#s"),
            ("", "http://a/b/c/d;p?q"),
            (".", "http://a/b/c/"),
            ("./", "http://a/b/c/"),
            ("..", "http://a/b/"),
            ("../", "http://a/b/"),
            ("../g", "http://a/b/g"),
            ("../..", "http://a/"),
            ("../../", "http://a/"),
            ("../../g", "http://a/g"),
            ("../../../g", "http://a/g"),
            ("../../../../g", "http://a/g"),
            ("/./g", "http://a/g"),
            ("/../g", "http://a/g"),
            ("g.", "http://a/b/c/g."),
            (".g", "http://a/b/c/.g"),
            ("..g", "http://a/b/c/..g"),
            ("./../g", "http://a/b/g"),
            ("./g/.", "http://a/b/c/g/"),
            ("g/./h", "http://a/b/c/g/h"),
            ("g/../h", "http://a/b/c/h"),
            ("g;x=1/./y", "http://a/b/c/g;x=1/y"),
            ("g;x=1/../y", "http://a/b/c/y"),
            ("g?y/../x", "http://a/b/c/g?y/../x"),
            ("g#s/../x", "http://a/b/c/g#s/../x"),
        ] {
            assert_eq!(resolve("http://a/b/c/d;p?q", reference), url, "{reference}");
        }
    }

    #[test]
    fn bases_may_be_relative() {
        assert_eq!(resolve("", "a/b.m4s"), "a/b.m4s");
        assert_eq!(resolve("x/y.mpd", "../b.m4s"), "b.m4s");
        assert_eq!(resolve("y.mpd", "../b.m4s"), "../b.m4s");
        assert_eq!(resolve("http://host", "b.m4s"), "http://host/b.m4s");
        assert_eq!(resolve("/x/", "b.m4s?a=b/c"), "/x/b.m4s?a=b/c");
    }
}
