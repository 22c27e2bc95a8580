//! Messages (RFC 2326 §4 to §7; RFC 7826 §5 to §8) and interleaved frames (RFC 2326 §10.12).

mod head;
mod method;
mod status;

pub use head::Headers;
pub use method::Method;
pub use status::Status;

pub(crate) use head::{is_start_line, parse};

use alloc::string::String;
use alloc::vec::Vec;
use bytes::Bytes;
use core::fmt;

/// The version that a message is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Version {
    /// RTSP/1.0, RFC 2326.
    #[default]
    V1_0,
    /// RTSP/2.0, RFC 7826.
    V2_0,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Version::V1_0 => "RTSP/1.0",
            Version::V2_0 => "RTSP/2.0",
        })
    }
}

/// A request or a response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// From either side.
    Request(Request),
    /// To either side.
    Response(Response),
}

/// A request (RFC 2326 §6).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Request {
    /// What is to be done.
    pub method: Method,
    /// To what: an absolute address or `*`, as it was written.
    pub uri: String,
    /// The version.
    pub version: Version,
    /// The headers; `Content-Length` is written by [`encode`](Request::encode).
    pub headers: Headers,
    /// The body.
    pub body: Bytes,
}

/// A response (RFC 2326 §7).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Response {
    /// How it went.
    pub status: Status,
    /// The same in words.
    pub reason: String,
    /// The version.
    pub version: Version,
    /// The headers; `Content-Length` is written by [`encode`](Response::encode).
    pub headers: Headers,
    /// The body.
    pub body: Bytes,
}

/// An interleaved frame: `$`, the channel in 8 bits, the length in 16 bits, the data (RFC 2326 §10.12; RFC 7826 §14).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// The channel, 8 bits.
    pub channel: u8,
    /// An RTP or RTCP packet.
    pub data: Bytes,
}

impl Request {
    /// A request without headers.
    #[must_use]
    pub fn new(method: Method, uri: impl Into<String>) -> Self {
        Self {
            method,
            uri: uri.into(),
            version: Version::default(),
            headers: Headers::new(),
            body: Bytes::new(),
        }
    }

    /// Appends the message as it is sent.
    pub fn encode(&self, out: &mut Vec<u8>) {
        for part in [self.method.as_str(), " ", &self.uri, " "] {
            out.extend_from_slice(part.as_bytes());
        }
        out.extend_from_slice(match self.version {
            Version::V1_0 => b"RTSP/1.0\r\n",
            Version::V2_0 => b"RTSP/2.0\r\n",
        });
        self.headers.encode(self.body.len(), out);
        out.extend_from_slice(&self.body);
    }
}

impl Response {
    /// A response without headers, with the usual words for its status.
    #[must_use]
    pub fn new(status: Status) -> Self {
        Self {
            status,
            reason: status.reason().into(),
            version: Version::default(),
            headers: Headers::new(),
            body: Bytes::new(),
        }
    }

    /// Appends the message as it is sent.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(match self.version {
            Version::V1_0 => b"RTSP/1.0 ",
            Version::V2_0 => b"RTSP/2.0 ",
        });
        out.extend_from_slice(&self.status.digits());
        out.push(b' ');
        out.extend_from_slice(self.reason.as_bytes());
        out.extend_from_slice(b"\r\n");
        self.headers.encode(self.body.len(), out);
        out.extend_from_slice(&self.body);
    }
}

impl Message {
    /// Appends the message as it is sent.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Message::Request(request) => request.encode(out),
            Message::Response(response) => response.encode(out),
        }
    }

    /// The headers.
    #[must_use]
    pub fn headers(&self) -> &Headers {
        match self {
            Message::Request(request) => &request.headers,
            Message::Response(response) => &response.headers,
        }
    }

    pub(crate) fn set_body(&mut self, bytes: Bytes) {
        match self {
            Message::Request(request) => request.body = bytes,
            Message::Response(response) => response.body = bytes,
        }
    }
}

impl Frame {
    /// Appends the frame as it is sent.
    ///
    /// # Errors
    /// [`Error::TooLong`](crate::Error::TooLong) for 64 KiB of data or more.
    pub fn encode(channel: u8, data: &[u8], out: &mut Vec<u8>) -> Result<(), crate::Error> {
        let Ok(len) = u16::try_from(data.len()) else {
            return Err(crate::Error::TooLong {
                what: "interleaved frame",
                value: data.len() as u64,
            });
        };
        let [high, low] = len.to_be_bytes();
        out.reserve(data.len().saturating_add(4));
        out.extend_from_slice(&[b'$', channel, high, low]);
        out.extend_from_slice(data);
        Ok(())
    }
}
