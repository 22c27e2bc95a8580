//! RTCP: reports, descriptions and feedback (RFC 3550 §6, RFC 4585, RFC 5104, RFC 3611).

use crate::Error;
use crate::packet::{invalid, short};

/// Bytes of the header that every packet has.
const HEADER_LEN: usize = 4;

/// One packet of a compound, as its header says it is (RFC 3550 §6.4.1).
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |V=2|P|  count  |      PT       |             length            |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawPacket<'a> {
    /// Reports, sources, or the format of feedback; 5 bits.
    pub count: u8,
    /// What it is: 200 to 207.
    pub packet_type: u8,
    /// What follows the header, without padding.
    pub body: &'a [u8],
    /// Where the body is, in bytes from the start of the compound.
    pub offset: usize,
}

/// Reads the packets of a compound one after the other; after an error there are no more.
#[derive(Debug, Clone)]
pub struct RawPackets<'a> {
    rest: &'a [u8],
    len: usize,
}

impl<'a> RawPackets<'a> {
    /// Of a datagram.
    #[must_use]
    pub const fn new(data: &'a [u8]) -> Self {
        Self {
            rest: data,
            len: data.len(),
        }
    }
}

impl<'a> Iterator for RawPackets<'a> {
    type Item = Result<RawPacket<'a>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = core::mem::take(&mut self.rest);
        if rest.is_empty() {
            return None;
        }
        let at = self.len.saturating_sub(rest.len());
        let Some(([first, packet_type, a, b], rest)) = rest.split_first_chunk::<HEADER_LEN>()
        else {
            return Some(Err(short("RTCP header", at, HEADER_LEN, rest.len())));
        };
        if first >> 6 != 2 {
            return Some(Err(invalid("version", first >> 6, at)));
        }
        let len = usize::from(u16::from_be_bytes([*a, *b])) * 4;
        let offset = at.saturating_add(HEADER_LEN);
        let Some((mut body, rest)) = rest.split_at_checked(len) else {
            return Some(Err(short("RTCP packet", offset, len, rest.len())));
        };
        self.rest = rest;
        if first & 0x20 != 0 {
            let padding = body.last().copied().unwrap_or(0);
            match body.len().checked_sub(padding.into()) {
                Some(len) if padding > 0 => body = body.get(..len).unwrap_or_default(),
                _ => {
                    let at = offset.saturating_add(body.len()).saturating_sub(1);
                    return Some(Err(invalid("padding", padding, at)));
                }
            }
        }
        Some(Ok(RawPacket {
            count: first & 0x1F,
            packet_type: *packet_type,
            body,
            offset,
        }))
    }
}

/// Whether a datagram that came where RTP and RTCP share a port is RTCP (RFC 5761 §4).
#[must_use]
pub const fn is_rtcp(data: &[u8]) -> bool {
    matches!(data, [0x80..=0xBF, 192..=223, ..])
}
