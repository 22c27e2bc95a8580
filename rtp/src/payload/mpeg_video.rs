//! MPEG-1 and MPEG-2 video (RFC 2250 §3).
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |   MBZ   |T|         TR        |AN|N|S|B|E|  P  |FBV|BFC|FFV|FFC|
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! ```

use super::assembler::Assembler;
use super::{Frame, Payload};
use crate::packet::short;
use crate::{Error, Limits, Packet};
use memchr::memmem;

const PICTURE: u8 = 0;
const SEQUENCE_HEADER: u8 = 0xB3;

/// Lays pictures into packets, cut at the starts of slices wherever these are near enough to each other.
#[derive(Debug, Clone)]
pub struct Packetizer {
    max_size: usize,
}

impl Packetizer {
    /// Makes payloads of `max_size` bytes at most; of 64, where that is less.
    #[must_use]
    pub fn new(max_size: usize) -> Self {
        Self {
            max_size: max_size.max(64),
        }
    }

    /// The payloads of one picture with the headers before it.
    #[must_use]
    pub fn packetize<'a>(&self, picture: &'a [u8]) -> Payloads<'a> {
        let (mut has_sequence, mut header) = (false, 0);
        for (code, body) in start_codes(picture) {
            match code {
                SEQUENCE_HEADER => has_sequence = true,
                PICTURE => {
                    header = picture_fields(body);
                    break;
                }
                _ => {}
            }
        }
        Payloads {
            room: self.max_size.saturating_sub(4),
            rest: picture,
            picture: header,
            sequence: if has_sequence { 1 << 13 } else { 0 },
            begins: true,
        }
    }
}

/// Start codes with what follows them.
fn start_codes(data: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    memmem::find_iter(data, &[0, 0, 1]).filter_map(|at| {
        let (code, body) = data.get(at.checked_add(3)?..)?.split_first()?;
        Some((*code, body))
    })
}

/// TR, P, and for MPEG-1 the vectors' ranges, at their places in the header.
fn picture_fields(picture: &[u8]) -> u32 {
    let [a, b, c, d, e, ..] = *picture else {
        return 0;
    };
    // 10 bits temporal_reference, 3 of the type, 16 vbv_delay, and for P and B 4 bits of range each.
    let temporal_reference = u32::from(u16::from_be_bytes([a, b]) >> 6);
    let kind = u32::from(b >> 3 & 7);
    let bits = u32::from_be_bytes([b, c, d, e]);
    let forward = if kind == 2 || kind == 3 {
        bits >> 7 & 15
    } else {
        0
    };
    let backward = if kind == 3 { bits >> 3 & 15 } else { 0 };
    // In MPEG-2 these say nothing, and have f_code 7.
    let ranges = if forward & 7 == 7 {
        0
    } else {
        backward << 4 | forward
    };
    temporal_reference << 16 | kind << 8 | ranges
}

/// Where the last slice begins within the first bytes of the data, after its start.
fn last_slice(data: &[u8]) -> Option<usize> {
    let mut rest = data;
    while let Some(at) = memmem::rfind(rest, &[0, 0, 1]) {
        if at > 0 && matches!(data.get(at.saturating_add(3)), Some(1..=0xAF)) {
            return Some(at);
        }
        rest = rest.get(..at.saturating_add(2)).unwrap_or_default();
    }
    None
}

/// The payloads of one picture.
#[derive(Debug, Clone)]
pub struct Payloads<'a> {
    room: usize,
    rest: &'a [u8],
    picture: u32,
    /// `S`, for the first one.
    sequence: u32,
    /// Whether the next one begins with a slice, or headers before one.
    begins: bool,
}

impl<'a> Iterator for Payloads<'a> {
    type Item = Payload<'a>;

    fn next(&mut self) -> Option<Payload<'a>> {
        if self.rest.is_empty() {
            return None;
        }
        let begin = if self.begins { 1 << 12 } else { 0 };
        let (body, rest, ends) = match self.rest.split_at_checked(self.room) {
            Some((_, after)) if !after.is_empty() => {
                // Up to where a slice's start code may begin.
                let window = self.room.saturating_add(4).min(self.rest.len());
                let window = self.rest.get(..window).unwrap_or_default();
                let cut = last_slice(window).filter(|at| *at <= self.room);
                // The first slice of a picture stays with the headers before it.
                let headers = self.sequence > 0 || starts_with_headers(self.rest);
                let cut = cut.filter(|at| {
                    !headers || last_slice(window.get(..*at).unwrap_or_default()).is_some()
                });
                let at = cut.unwrap_or(self.room);
                let (body, rest) = self.rest.split_at_checked(at)?;
                (body, rest, cut.is_some())
            }
            _ => (self.rest, &[][..], true),
        };
        self.rest = rest;
        self.begins = ends;
        let end = if ends { 1 << 11 } else { 0 };
        let header = self.picture | core::mem::take(&mut self.sequence) | begin | end;
        Some(Payload::new(header.to_be_bytes(), body, rest.is_empty()))
    }
}

/// Whether the data begin with something before a picture's first slice.
fn starts_with_headers(data: &[u8]) -> bool {
    matches!(data, [0, 0, 1, 0 | 0xB0..=0xFF, ..])
}

/// Puts pictures together, with the headers before them.
#[derive(Debug, Clone)]
pub struct Depacketizer {
    assembler: Assembler,
}

impl Depacketizer {
    /// A new one.
    #[must_use]
    pub const fn new(limits: &Limits) -> Self {
        Self {
            assembler: Assembler::that_knows_starts(limits.frame_size),
        }
    }

    /// Takes the next packet.
    ///
    /// # Errors
    /// [`Error::Short`] where its header ends early.
    pub fn handle_packet(&mut self, packet: &Packet<'_>) -> Result<(), Error> {
        self.assembler.begin_packet(packet);
        let payload = packet.payload();
        let Some((first, _)) = payload.split_first() else {
            return Ok(());
        };
        // T: another 4 bytes tell what the picture coding extension says.
        let len = if first & 4 != 0 { 8 } else { 4 };
        let Some(data) = payload.get(len..) else {
            return Err(short("MPEG video header", 0, len, payload.len()));
        };
        if starts_with_headers(data) {
            self.assembler.is_start();
        }
        self.assembler.append(data)?;
        if packet.marker() {
            self.assembler.flush();
        }
        Ok(())
    }

    /// Ends the stream.
    pub fn finish(&mut self) {
        self.assembler.cut_off();
    }

    /// The next picture.
    pub fn poll_frame(&mut self) -> Option<Frame> {
        self.assembler.pop()
    }

    /// Bytes held.
    #[must_use]
    pub fn buffered_len(&self) -> usize {
        self.assembler.buffered_len()
    }
}
