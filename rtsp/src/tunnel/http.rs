//! RTSP inside of two HTTP requests (Apple, *Tunnelling RTSP and RTP over HTTP*; ONVIF Streaming Specification §5.1.1.4).
//!
//! A client sends a `GET` whose response never ends and carries what the server says, and on another connection a `POST` whose
//! body never ends and carries what the client says, in Base64. A cookie that both have says that they belong together.
//!
//! ```
//! use fluvial_rtsp::tunnel::http;
//!
//! let post = http::post("h", "/live", "cookie");
//! assert!(http::is_http(&post));
//! let (head, length) = http::Head::parse(&post)?.unwrap();
//! assert_eq!((head.kind, head.cookie.as_str(), length), (http::Kind::Post, "cookie", post.len()));
//! let mut decoder = http::Decoder::new();
//! let mut out = Vec::new();
//! decoder.decode(http::encode(b"OPTIONS").as_bytes(), &mut out)?;
//! assert_eq!(out, b"OPTIONS");
//! # Ok::<(), fluvial_rtsp::Error>(())
//! ```

use crate::Error;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use memchr::memmem;
use wire::base64;

/// The type of both bodies.
pub const CONTENT_TYPE: &str = "application/x-rtsp-tunnelled";
/// Longest head of a request or response.
const MAX_HEAD: usize = 8 << 10;

/// What a request of a tunnel is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Its response carries what the server says.
    Get,
    /// Its body carries what the client says.
    Post,
    /// An upgrade to a WebSocket, which carries both.
    WebSocket,
}

/// The head of a tunnel's request.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Head {
    /// What it is.
    pub kind: Kind,
    /// Path and query.
    pub path: String,
    /// `x-sessioncookie`, or a WebSocket's key.
    pub cookie: String,
    /// The subprotocols that a WebSocket's client offers.
    pub protocols: String,
}

/// Whether what has come on a connection is the beginning of an HTTP request; 5 bytes tell.
#[must_use]
pub fn is_http(start: &[u8]) -> bool {
    start.starts_with(b"GET ") || start.starts_with(b"POST ")
}

impl Head {
    /// Reads a head, and tells how many bytes it has; `None` where it is not whole yet.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a request that is none of a tunnel; [`Error::Limit`] for more than 8 KiB.
    pub fn parse(data: &[u8]) -> Result<Option<(Self, usize)>, Error> {
        let Some(end) = memmem::find(data, b"\r\n\r\n") else {
            return too_long(data);
        };
        let text = String::from_utf8_lossy(data.get(..end).unwrap_or_default()).into_owned();
        let mut lines = text.lines();
        let first = lines.next().unwrap_or_default();
        let mut words = first.split(' ');
        let (method, path) = (words.next(), words.next().unwrap_or_default());
        let (mut cookie, mut key, mut protocols, mut upgrade) = (None, None, String::new(), false);
        for line in lines {
            let (name, value) = line.split_once(':').unwrap_or((line, ""));
            let (name, value) = (name.trim(), value.trim());
            match () {
                () if name.eq_ignore_ascii_case("x-sessioncookie") => cookie = Some(value),
                () if name.eq_ignore_ascii_case("Sec-WebSocket-Key") => key = Some(value),
                () if name.eq_ignore_ascii_case("Sec-WebSocket-Protocol") => {
                    protocols = value.into();
                }
                () if name.eq_ignore_ascii_case("Upgrade") => {
                    upgrade = value.eq_ignore_ascii_case("websocket");
                }
                () => {}
            }
        }
        let (kind, cookie) = match (method, cookie, key) {
            (Some("GET"), _, Some(key)) if upgrade => (Kind::WebSocket, key),
            (Some("GET"), Some(cookie), _) => (Kind::Get, cookie),
            (Some("POST"), Some(cookie), _) => (Kind::Post, cookie),
            _ => return Err(Error::invalid("request of a tunnel", first, 0)),
        };
        let head = Self {
            kind,
            path: path.into(),
            cookie: cookie.into(),
            protocols,
        };
        Ok(Some((head, end.saturating_add(4))))
    }
}

fn too_long<T>(data: &[u8]) -> Result<Option<T>, Error> {
    if data.len() > MAX_HEAD {
        return Err(Error::Limit {
            limit: "bytes of an HTTP head",
            max: MAX_HEAD as u64,
        });
    }
    Ok(None)
}

/// The head of a server's response to `GET`, after which what it says follows.
#[must_use]
pub fn get_response() -> Vec<u8> {
    let text = "HTTP/1.0 200 OK\r\nConnection: close\r\nCache-Control: no-store\r\nPragma: no-cache\r\n\
                Content-Type: application/x-rtsp-tunnelled\r\n\r\n";
    text.as_bytes().to_vec()
}

/// A client's `GET`.
#[must_use]
pub fn get(host: &str, path: &str, cookie: &str) -> Vec<u8> {
    let text = alloc::format!(
        "GET {path} HTTP/1.0\r\nHost: {host}\r\nx-sessioncookie: {cookie}\r\nAccept: {CONTENT_TYPE}\r\n\
         Pragma: no-cache\r\nCache-Control: no-cache\r\n\r\n"
    );
    text.into_bytes()
}

/// The head of a client's `POST`, after which [`encode`]d bytes follow.
#[must_use]
pub fn post(host: &str, path: &str, cookie: &str) -> Vec<u8> {
    let text = alloc::format!(
        "POST {path} HTTP/1.0\r\nHost: {host}\r\nx-sessioncookie: {cookie}\r\nContent-Type: {CONTENT_TYPE}\r\n\
         Pragma: no-cache\r\nCache-Control: no-cache\r\nContent-Length: 32767\r\n\
         Expires: Sun, 9 Jan 1972 00:00:00 GMT\r\n\r\n"
    );
    text.into_bytes()
}

/// Reads the head of a response, and tells how many bytes it has; `None` where it is not whole yet.
///
/// # Errors
/// [`Error::Refused`] for another status than 200 (or 101, for a WebSocket); [`Error::Limit`] for more than 8 KiB.
pub fn parse_response(data: &[u8]) -> Result<Option<usize>, Error> {
    let Some(end) = memmem::find(data, b"\r\n\r\n") else {
        return too_long(data);
    };
    let text = String::from_utf8_lossy(data.get(..end).unwrap_or_default()).into_owned();
    let first = text.lines().next().unwrap_or_default();
    let mut words = first.splitn(3, ' ');
    let (version, status) = (words.next().unwrap_or_default(), words.next());
    match status.and_then(|status| status.parse::<u16>().ok()) {
        Some(200 | 101) if version.starts_with("HTTP/") => Ok(Some(end.saturating_add(4))),
        Some(status) => Err(Error::Refused {
            method: "GET",
            status,
            reason: words.next().unwrap_or_default().to_string(),
        }),
        None => Err(Error::invalid("HTTP status line", first, 0)),
    }
}

/// What a client says, as the body of its `POST`. Each piece is encoded by itself.
#[must_use]
pub fn encode(data: &[u8]) -> String {
    base64::encode(data)
}

/// Decodes the body of a `POST`, in pieces as they come.
#[derive(Debug, Clone, Default)]
pub struct Decoder {
    base64: base64::Decoder,
    offset: u64,
}

impl Decoder {
    /// At a body's beginning.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends what the client said to `out`.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a byte that is none of Base64's.
    pub fn decode(&mut self, data: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        let result = self.base64.push(data, out);
        let error = result.map_err(|byte| {
            let text: String = char::from(byte).into();
            Error::invalid("Base64", &text, 0).at(self.offset)
        });
        self.offset = self.offset.saturating_add(data.len() as u64);
        error
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_of_all_kinds() {
        let get = get("h:80", "/x?y", "c00kie");
        let (head, length) = Head::parse(&get).unwrap().unwrap();
        assert_eq!(
            (head.kind, head.path.as_str(), length),
            (Kind::Get, "/x?y", get.len())
        );
        assert_eq!(Head::parse(&get[..get.len() - 1]), Ok(None));
        let upgrade = b"GET /x HTTP/1.1\r\nupgrade: WebSocket\r\nSec-WebSocket-Key: k\r\nSec-WebSocket-Protocol: rtsp.onvif.org\r\n\r\n";
        let (head, _) = Head::parse(upgrade).unwrap().unwrap();
        assert_eq!((head.kind, head.cookie.as_str()), (Kind::WebSocket, "k"));
        assert!(Head::parse(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n").is_err());
        assert!(Head::parse(&[b'a'; 9000]).is_err());
        assert_eq!(
            parse_response(&get_response()),
            Ok(Some(get_response().len()))
        );
        let refused = parse_response(b"HTTP/1.1 404 Not Found\r\n\r\n").unwrap_err();
        assert_eq!(refused.to_string(), "GET was refused: 404 Not Found");
    }
}
