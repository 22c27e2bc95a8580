//! RTSP inside of a WebSocket (RFC 6455; ONVIF Streaming Specification §5.1.1.5), subprotocol `rtsp.onvif.org`.

use crate::Error;
use alloc::string::String;
use alloc::vec::Vec;
use sha1::{Digest, Sha1};
use wire::base64;

/// The subprotocol.
pub const PROTOCOL: &str = "rtsp.onvif.org";

/// What a client's key is answered with (RFC 6455 §4.2.2).
#[must_use]
pub fn accept_key(key: &str) -> String {
    let mut digest = Sha1::new();
    digest.update(key.trim().as_bytes());
    digest.update(b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    base64::encode(digest.finalize().as_slice())
}

/// A server's response to a client's request to upgrade, whose key it had.
#[must_use]
pub fn response(key: &str) -> Vec<u8> {
    let accept = accept_key(key);
    let text = alloc::format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Protocol: {PROTOCOL}\r\n\r\n"
    );
    text.into_bytes()
}

/// A client's request to upgrade. `key` is 16 random bytes.
#[must_use]
pub fn request(host: &str, path: &str, key: [u8; 16]) -> Vec<u8> {
    let key = base64::encode(&key);
    let text = alloc::format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Protocol: {PROTOCOL}\r\nSec-WebSocket-Version: 13\r\n\r\n"
    );
    text.into_bytes()
}

const CONTINUATION: u8 = 0;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

/// Appends bytes as one frame; `mask` is random, and a client's only (RFC 6455 §5.3).
pub fn encode(data: &[u8], mask: Option<[u8; 4]>, out: &mut Vec<u8>) {
    frame(BINARY, data, mask, out);
}

fn frame(opcode: u8, data: &[u8], mask: Option<[u8; 4]>, out: &mut Vec<u8>) {
    let masked = if mask.is_some() { 0x80 } else { 0 };
    out.push(0x80 | opcode);
    match (u8::try_from(data.len()), u16::try_from(data.len())) {
        (Ok(length @ 0..=125), _) => out.push(masked | length),
        (_, Ok(length)) => {
            out.push(masked | 126);
            out.extend_from_slice(&length.to_be_bytes());
        }
        _ => {
            out.push(masked | 127);
            out.extend_from_slice(&(data.len() as u64).to_be_bytes());
        }
    }
    match mask {
        None => out.extend_from_slice(data),
        Some(mask) => {
            out.extend_from_slice(&mask);
            out.extend(
                data.iter()
                    .zip(mask.iter().cycle())
                    .map(|(byte, mask)| byte ^ mask),
            );
        }
    }
}

/// Takes frames apart, and says what they carry: a stream of bytes.
#[derive(Debug)]
pub struct Decoder {
    /// Whether the other side is the client, which has to mask.
    masked: bool,
    max_frame: usize,
    buffer: Vec<u8>,
    offset: u64,
    closed: bool,
}

/// What a frame says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Bytes of RTSP.
    Data(Vec<u8>),
    /// To be sent back: the answer to a ping or to a close.
    Reply(Vec<u8>),
    /// The other side closes.
    Closed,
}

impl Decoder {
    /// Of a server: what it reads is masked.
    #[must_use]
    pub const fn server(max_frame: usize) -> Self {
        Self::new(true, max_frame)
    }

    /// Of a client.
    #[must_use]
    pub const fn client(max_frame: usize) -> Self {
        Self::new(false, max_frame)
    }

    const fn new(masked: bool, max_frame: usize) -> Self {
        Self {
            masked,
            max_frame,
            buffer: Vec::new(),
            offset: 0,
            closed: false,
        }
    }

    /// Takes bytes from the transport.
    pub fn handle_input(&mut self, data: &[u8]) {
        if !self.closed {
            self.buffer.extend_from_slice(data);
        }
    }

    /// Bytes held.
    #[must_use]
    pub fn buffered_len(&self) -> usize {
        self.buffer.len()
    }

    /// What the next frame says; to be called until there is none, after each input.
    ///
    /// # Errors
    /// [`Error::Invalid`] for reserved bits and opcodes, and where masking is not as it has to be; [`Error::Limit`] for a frame that
    /// is too long.
    pub fn poll(&mut self) -> Result<Option<Piece>, Error> {
        loop {
            let Some((opcode, data, used)) = self.next()? else {
                return Ok(None);
            };
            self.buffer = self.buffer.get(used..).unwrap_or_default().to_vec();
            self.offset = self.offset.saturating_add(used as u64);
            // Masks need not be random for the peer's own bytes.
            let mask = (!self.masked).then_some([0; 4]);
            let mut reply = Vec::new();
            match opcode {
                CONTINUATION | TEXT | BINARY => return Ok(Some(Piece::Data(data))),
                PING => {
                    frame(PONG, &data, mask, &mut reply);
                    return Ok(Some(Piece::Reply(reply)));
                }
                CLOSE => {
                    self.closed = true;
                    self.buffer = Vec::new();
                    return Ok(Some(Piece::Closed));
                }
                _ => {}
            }
        }
    }

    fn next(&self) -> Result<Option<(u8, Vec<u8>, usize)>, Error> {
        let [first, second, rest @ ..] = self.buffer.as_slice() else {
            return Ok(None);
        };
        let opcode = first & 0x0F;
        let invalid = |field, value: u8| {
            Err(Error::Invalid {
                field,
                value: alloc::format!("{value:#04x}"),
                offset: self.offset,
            })
        };
        if first & 0x70 != 0
            || !matches!(opcode, CONTINUATION | TEXT | BINARY | CLOSE | PING | PONG)
        {
            return invalid("WebSocket opcode", *first);
        }
        if (second & 0x80 != 0) != self.masked {
            return invalid("WebSocket mask", *second);
        }
        let (length, rest) = match (second & 0x7F, rest) {
            (126, [a, b, rest @ ..]) => (u64::from(u16::from_be_bytes([*a, *b])), rest),
            (127, [a, b, c, d, e, f, g, h, rest @ ..]) => {
                (u64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h]), rest)
            }
            (126 | 127, _) => return Ok(None),
            (length, rest) => (u64::from(length), rest),
        };
        let Some(length) = usize::try_from(length)
            .ok()
            .filter(|length| *length <= self.max_frame)
        else {
            return Err(Error::Limit {
                limit: "bytes of a WebSocket frame",
                max: self.max_frame as u64,
            });
        };
        let (mask, rest) = match (self.masked, rest) {
            (false, rest) => ([0; 4], rest),
            (true, [a, b, c, d, rest @ ..]) => ([*a, *b, *c, *d], rest),
            (true, _) => return Ok(None),
        };
        let Some(data) = rest.get(..length) else {
            return Ok(None);
        };
        let data = data
            .iter()
            .zip(mask.iter().cycle())
            .map(|(byte, mask)| byte ^ mask);
        let left = rest.len().saturating_sub(length);
        Ok(Some((
            opcode,
            data.collect(),
            self.buffer.len().saturating_sub(left),
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// RFC 6455 §1.3 and §5.7.
    #[test]
    fn test_vectors() {
        assert_eq!(
            accept_key("dGhlIHNhbXBsZSBub25jZQ=="),
            "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        );
        let mut decoder = Decoder::server(100);
        decoder.handle_input(&[
            0x81, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58,
        ]);
        assert_eq!(
            decoder.poll().unwrap(),
            Some(Piece::Data(b"Hello".to_vec()))
        );
        decoder.handle_input(&[0x89, 0x80, 1, 2, 3, 4]);
        assert_eq!(
            decoder.poll().unwrap(),
            Some(Piece::Reply(alloc::vec![0x8A, 0]))
        );
        decoder.handle_input(&[0x81, 0x05]);
        assert!(decoder.poll().is_err(), "not masked");
        let mut decoder = Decoder::client(100);
        decoder.handle_input(&[0x82, 126, 0, 101]);
        assert!(decoder.poll().is_err(), "too long");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn cut_anywhere(data in proptest::collection::vec(0_u8.., 0..70_000), mask: [u8; 4], size in 1_usize..5000) {
            let mut wire = Vec::new();
            encode(&data, Some(mask), &mut wire);
            let mut decoder = Decoder::server(1 << 20);
            let mut got = Vec::new();
            for piece in wire.chunks(size) {
                decoder.handle_input(piece);
                while let Some(piece) = decoder.poll().unwrap() {
                    let Piece::Data(data) = piece else { panic!("{piece:?}") };
                    got.extend(data);
                }
            }
            prop_assert_eq!(got, data);
            prop_assert_eq!(decoder.buffered_len(), 0);
        }
    }
}
