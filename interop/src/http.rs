//! HTTP, as much of it as fetching playlists and segments and asking for things takes.

use std::{
    io::{self, Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

/// A response's status and body.
#[derive(Debug)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

impl Response {
    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Fetches `url` (`http://host:port/path`).
///
/// # Errors
///
/// When the server is not there or does not speak HTTP.
pub fn get(url: &str) -> io::Result<Response> {
    ask("GET", url, None)
}

/// Posts JSON to `url`.
///
/// # Errors
///
/// As [`get`].
pub fn post(url: &str, json: &str) -> io::Result<Response> {
    ask("POST", url, Some(json))
}

/// Has what is at `url` deleted.
///
/// # Errors
///
/// As [`get`].
pub fn delete(url: &str) -> io::Result<Response> {
    ask("DELETE", url, None)
}

fn ask(method: &str, url: &str, json: Option<&str>) -> io::Result<Response> {
    let invalid = |what: &str| io::Error::new(io::ErrorKind::InvalidData, format!("{url}: {what}"));
    let rest = url
        .strip_prefix("http://")
        .ok_or_else(|| invalid("no http URL"))?;
    let (host, path) = rest.split_once('/').ok_or_else(|| invalid("no path"))?;
    let mut stream = TcpStream::connect(host)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    // HTTP/1.0: the body ends with the connection and is never chunked.
    let body = json.unwrap_or_default();
    let kind = match json {
        Some(_) => format!(
            "Content-Type: application/json\r\nContent-Length: {}\r\n",
            body.len()
        ),
        None => String::new(),
    };
    write!(
        stream,
        "{method} /{path} HTTP/1.0\r\nHost: {host}\r\n{kind}\r\n{body}"
    )?;
    let mut response = Vec::new();
    stream.read_to_end(&mut response)?;
    let head_len = response
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .ok_or_else(|| invalid("no response head"))?;
    let body = response.split_off(head_len + 4);
    let status = String::from_utf8_lossy(&response)
        .split_ascii_whitespace()
        .nth(1)
        .and_then(|status| status.parse().ok())
        .ok_or_else(|| invalid("no status"))?;
    Ok(Response { status, body })
}
