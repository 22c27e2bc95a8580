//! The start line and the headers.

use super::{Message, Request, Response, Status, Version};
use crate::headers::{Header, name};
use crate::{Error, Limits};
use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use bytes::Bytes;
use core::fmt::{self, Write};
use core::ops::Range;
use memchr::memchr;

/// The headers of a message in their order, in one piece of text.
///
/// Names are compared without regard to case. A header may come more than once.
#[derive(Clone, Default)]
pub struct Headers {
    text: String,
    fields: Vec<Field>,
}

#[derive(Debug, Clone)]
struct Field {
    name: Range<usize>,
    value: Range<usize>,
}

impl Headers {
    /// None.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            text: String::new(),
            fields: Vec::new(),
        }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// Names and values in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields
            .iter()
            .map(|field| (self.part(&field.name), self.part(&field.value)))
    }

    fn part(&self, range: &Range<usize>) -> &str {
        self.text.get(range.clone()).unwrap_or_default()
    }

    /// The first header of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// All headers of this name.
    pub fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        self.iter()
            .filter(move |(own, _)| own.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// The header of this type, where it is there.
    ///
    /// # Errors
    /// [`Error::Invalid`] with the offset in its value.
    pub fn typed<H: Header>(&self) -> Result<Option<H>, Error> {
        self.get(H::NAME).map(H::parse).transpose()
    }

    /// Appends a header. Line ends in the value become spaces: nobody can write a header of his own into it.
    pub fn push(&mut self, name: &str, value: impl fmt::Display) {
        let start = self.text.len();
        self.text.push_str(name);
        let end = self.text.len();
        // Writing into a string does not fail.
        let _ = write!(OneLine(&mut self.text), "{value}");
        self.fields.push(Field {
            name: start..end,
            value: end..self.text.len(),
        });
    }

    /// Puts a header in the place of all others of its name.
    pub fn set(&mut self, name: &str, value: impl fmt::Display) {
        self.remove(name);
        self.push(name, value);
    }

    /// As [`set`](Self::set), by type.
    pub fn insert<H: Header>(&mut self, header: &H) {
        self.set(H::NAME, header);
    }

    /// Removes all headers of this name.
    pub fn remove(&mut self, name: &str) {
        let Self { text, fields } = self;
        fields.retain(|field| {
            let own = text.get(field.name.clone()).unwrap_or_default();
            !own.eq_ignore_ascii_case(name)
        });
    }

    /// The number that pairs requests and responses.
    #[must_use]
    pub fn cseq(&self) -> Option<u32> {
        self.get(name::CSEQ)?.trim().parse().ok()
    }

    pub(super) fn encode(&self, body: usize, out: &mut Vec<u8>) {
        for (own, value) in self.iter() {
            if own.eq_ignore_ascii_case(name::CONTENT_LENGTH) {
                continue;
            }
            for part in [own, ": ", value, "\r\n"] {
                out.extend_from_slice(part.as_bytes());
            }
        }
        if body > 0 {
            let mut line = String::new();
            let _ = write!(line, "Content-Length: {body}\r\n");
            out.extend_from_slice(line.as_bytes());
        }
        out.extend_from_slice(b"\r\n");
    }
}

struct OneLine<'a>(&'a mut String);

impl Write for OneLine<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if text.contains(['\r', '\n']) {
            self.0.push_str(&text.replace(['\r', '\n'], " "));
        } else {
            self.0.push_str(text);
        }
        Ok(())
    }
}

impl PartialEq for Headers {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Headers {}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

/// Whether a line can begin a message.
pub(crate) fn is_start_line(line: &[u8]) -> bool {
    match line.trim_ascii_end() {
        [b'R', b'T', b'S', b'P', b'/', ..] => {
            core::str::from_utf8(line).is_ok_and(|line| status_line(line).is_ok())
        }
        line => memchr::memmem::rfind(line, b" RTSP/").is_some(),
    }
}

fn version(text: &str, offset: usize) -> Result<Version, Error> {
    match text {
        "RTSP/1.0" => Ok(Version::V1_0),
        "RTSP/2.0" => Ok(Version::V2_0),
        // RFC 2326 §3.1: minor versions can be read by who knows the major one.
        other if other.starts_with("RTSP/1.") => Ok(Version::V1_0),
        other => Err(Error::invalid("RTSP-Version", other, offset)),
    }
}

fn status_line(line: &str) -> Result<(Version, Status, &str), Error> {
    let (first, rest) = line.split_once(' ').unwrap_or((line, ""));
    let version = version(first, 0)?;
    let rest = rest.trim_start();
    let offset = line.len().saturating_sub(rest.len());
    // "200OK" has been seen.
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (code, reason) = rest.split_at_checked(digits).unwrap_or((rest, ""));
    let status = match code.parse().ok().and_then(Status::new) {
        Some(status) if digits == 3 => status,
        _ => return Err(Error::invalid("Status-Code", rest, offset)),
    };
    Ok((version, status, reason.trim()))
}

/// Reads the start line and the headers, up to the empty line that ends them; also the length of the body that follows.
///
/// What cameras get wrong is understood: line ends without carriage return, spaces where there must be none and none where there
/// must be one, lines that are no headers, a length with something behind it.
pub(crate) fn parse(data: &[u8], limits: &Limits) -> Result<(Message, usize), Error> {
    let line_end = memchr(b'\n', data).unwrap_or(data.len());
    let (line, rest) = data.split_at_checked(line_end).unwrap_or((data, &[]));
    let line = String::from_utf8_lossy(line);
    let line = line.trim_ascii_end();
    let headers = read_headers(rest.get(1..).unwrap_or_default(), limits)?;
    // Answers have no body where none is told; neither have requests (RFC 2326 §4.4).
    let length = match headers.get(name::CONTENT_LENGTH) {
        Some(value) => content_length(value)?,
        None => 0,
    };
    let message = if line.starts_with("RTSP/") {
        let (version, status, reason) = status_line(line)?;
        Message::Response(Response {
            status,
            reason: reason.into(),
            version,
            headers,
            body: Bytes::new(),
        })
    } else {
        // Addresses with spaces in them have been seen.
        let (method, rest) = line.split_once(' ').unwrap_or((line, ""));
        let (uri, last) = rest.rsplit_once(' ').unwrap_or(("", rest));
        let version = version(last, line.len().saturating_sub(last.len()))?;
        let uri = uri.trim_ascii();
        if uri.is_empty() {
            return Err(Error::invalid("Request-URI", uri, method.len()));
        }
        Message::Request(Request {
            method: method.parse()?,
            uri: uri.into(),
            version,
            headers,
            body: Bytes::new(),
        })
    };
    Ok((message, length))
}

fn content_length(value: &str) -> Result<usize, Error> {
    let value = value.trim();
    let digits = value.bytes().take_while(u8::is_ascii_digit).count();
    match value.get(..digits).map(str::parse) {
        Some(Ok(length)) => Ok(length),
        _ if value.is_empty() => Ok(0),
        _ => Err(Error::invalid("Content-Length", value, 0)),
    }
}

fn read_headers(data: &[u8], limits: &Limits) -> Result<Headers, Error> {
    let mut text = match String::from_utf8_lossy(data) {
        Cow::Borrowed(text) => String::from(text),
        Cow::Owned(text) => text,
    };
    if text.contains("\n ") || text.contains("\n\t") {
        text = unfold(&text);
    }
    let mut fields = Vec::with_capacity(8);
    let bytes = text.as_bytes();
    let mut start = 0;
    while start < bytes.len() {
        let rest = bytes.get(start..).unwrap_or_default();
        let length = memchr(b'\n', rest).unwrap_or(rest.len());
        let line = rest.get(..length).unwrap_or_default();
        if let Some(colon) = memchr(b':', line) {
            let (name, value) = line.split_at_checked(colon).unwrap_or((line, &[]));
            let value = value.get(1..).unwrap_or_default();
            let lead = name.len() - name.trim_ascii_start().len();
            let name_end = start + name.trim_ascii_end().len();
            let value_lead = value.len() - value.trim_ascii_start().len();
            let value_start = start + colon + 1 + value_lead;
            let value_end = value_start + value.trim_ascii().len();
            if fields.len() >= limits.headers {
                return Err(Error::Limit {
                    limit: "headers",
                    max: limits.headers as u64,
                });
            }
            if start + lead < name_end {
                fields.push(Field {
                    name: start + lead..name_end,
                    value: value_start..value_end,
                });
            }
        }
        start += length + 1;
    }
    Ok(Headers { text, fields })
}

/// Joins lines that begin with a space to those before them (RFC 2616 §2.2); the first line has none before it.
fn unfold(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        if line.starts_with([' ', '\t']) && !line.trim_ascii().is_empty() && out.contains(':') {
            let end = out.trim_ascii_end().len();
            while out.len() > end {
                out.pop();
            }
            out.push(' ');
            out.push_str(line.trim_ascii_start());
        } else {
            out.push_str(line);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Method;
    use alloc::string::ToString;

    fn read(text: &str) -> Result<(Message, usize), Error> {
        parse(text.as_bytes(), &Limits::default())
    }

    #[test]
    fn what_is_written_is_read() {
        let mut request = Request::new(Method::Setup, "rtsp://h/x/trackID=1");
        request.headers.push("CSeq", 3);
        request
            .headers
            .push("Transport", "RTP/AVP;unicast\r\nEvil: yes");
        assert_eq!(request.headers.len(), 2);
        let mut out = Vec::new();
        request.encode(&mut out);
        let (message, length) = parse(&out, &Limits::default()).unwrap();
        assert_eq!(length, 0);
        assert_eq!(message, Message::Request(request));
    }

    #[test]
    fn spaces_missing_and_too_many() {
        let (message, _) = read("RTSP/1.0  200OK\nCseq:4\nSession : 12;timeout=5\n\n").unwrap();
        let Message::Response(response) = message else {
            panic!("{message:?}")
        };
        assert_eq!(response.status, Status::OK);
        assert_eq!(response.reason, "OK");
        assert_eq!(response.headers.cseq(), Some(4));
        assert_eq!(response.headers.get("session"), Some("12;timeout=5"));
        let (message, _) = read("PLAY rtsp://h/a b RTSP/1.0\r\n\r\n").unwrap();
        assert!(matches!(message, Message::Request(request) if request.uri == "rtsp://h/a b"));
        assert!(read("RTSP/1.0 200\r\n\r\n").is_ok());
    }

    #[test]
    fn folded_lines_and_lines_that_are_none() {
        let text = "RTSP/1.0 200 OK\r\nnonsense\r\nPublic: PLAY,\r\n  PAUSE\r\nCSeq: 1\r\n\r\n";
        let (message, _) = read(text).unwrap();
        assert_eq!(message.headers().get("Public"), Some("PLAY, PAUSE"));
        assert_eq!(message.headers().len(), 2);
    }

    #[test]
    fn a_length_with_something_behind_it() {
        let length = |value: &str| {
            read(&alloc::format!(
                "RTSP/1.0 200 OK\r\nContent-Length: {value}\r\n\r\n"
            ))
        };
        assert_eq!(length("17 ").unwrap().1, 17);
        assert_eq!(length("17bytes").unwrap().1, 17);
        assert_eq!(length("").unwrap().1, 0);
        assert_eq!(
            length("-1").unwrap_err().to_string(),
            "Content-Length must not be \"-1\" at offset 0"
        );
    }

    #[test]
    fn errors_say_where() {
        for (text, error) in [
            (
                "PLAY x HTTP/1.1\r\n\r\n",
                "RTSP-Version must not be \"HTTP/1.1\" at offset 7",
            ),
            (
                "RTSP/1.0 2x0 OK\r\n\r\n",
                "Status-Code must not be \"2x0 OK\" at offset 9",
            ),
            (
                "PLAY RTSP/1.0\r\n\r\n",
                "Request-URI must not be \"\" at offset 4",
            ),
            (
                "P(Y x RTSP/1.0\r\n\r\n",
                "method must not be \"P(Y\" at offset 0",
            ),
        ] {
            assert_eq!(read(text).unwrap_err().to_string(), error);
        }
    }
}
