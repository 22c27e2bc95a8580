//! MPEG audio (RFC 2250 §3.5).
//!
//! ```text
//! MBZ, 16 bits | Frag_offset, 16 bits | frames, or part of one
//! ```

use super::assembler::Assembler;
use super::parts::Parts;
use super::{Frame, Payload};
use crate::packet::{short, too_long};
use crate::{Error, Limits, Packet};

/// Lays frames into packets.
#[derive(Debug, Clone)]
pub struct Packetizer {
    max_size: usize,
}

impl Packetizer {
    /// Makes payloads of `max_size` bytes at most; of 8, where that is less.
    #[must_use]
    pub fn new(max_size: usize) -> Self {
        Self {
            max_size: max_size.max(8),
        }
    }

    /// The payloads of one frame.
    ///
    /// # Errors
    /// [`Error::TooLong`] for one of more than 65,535 bytes.
    pub fn packetize<'a>(&self, frame: &'a [u8]) -> Result<Payloads<'a>, Error> {
        if frame.len() > usize::from(u16::MAX) {
            return Err(too_long(
                "MPEG audio frame",
                frame.len() as u64,
                u16::MAX.into(),
            ));
        }
        Ok(Payloads {
            parts: Parts::new(frame, self.max_size.saturating_sub(4)),
        })
    }
}

/// The payloads of one frame.
#[derive(Debug, Clone)]
pub struct Payloads<'a> {
    parts: Parts<'a>,
}

impl<'a> Iterator for Payloads<'a> {
    type Item = Payload<'a>;

    fn next(&mut self) -> Option<Payload<'a>> {
        let part = self.parts.next()?;
        let [.., a, b] = part.offset.to_be_bytes();
        Some(Payload::new([0, 0, a, b], part.data, false))
    }
}

/// Bits per second / 1000, by MPEG-1 or not, layer, and index (ISO/IEC 11172-3 §2.4.2.3, 13818-3 §2.4.2.3).
const BIT_RATES: [[u16; 15]; 5] = [
    [
        0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448,
    ],
    [
        0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384,
    ],
    [
        0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320,
    ],
    [
        0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256,
    ],
    [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
];

/// Bytes of the frame that begins here, where its header tells.
fn frame_len(data: &[u8]) -> Option<usize> {
    let [0xFF, b, c, _, ..] = *data else {
        return None;
    };
    if b & 0xE0 != 0xE0 {
        return None;
    }
    let (version, layer) = (b >> 3 & 3, b >> 1 & 3);
    let is_mpeg1 = version == 3;
    // Layers I, II and III are coded as 3, 2 and 1.
    let table = match (is_mpeg1, layer) {
        (true, 3) => 0,
        (true, 2) => 1,
        (true, 1) => 2,
        (false, 3) => 3,
        (false, 1 | 2) => 4,
        _ => return None,
    };
    let rate = *BIT_RATES.get(table)?.get(usize::from(c >> 4))?;
    let rate = u32::from(rate) * 1000;
    let frequency: u32 = match c >> 2 & 3 {
        0 => 44_100,
        1 => 48_000,
        2 => 32_000,
        _ => return None,
    };
    let frequency = match version {
        3 => frequency,
        2 => frequency / 2,
        0 => frequency / 4,
        _ => return None,
    };
    let padding = u32::from(c >> 1 & 1);
    let len = match layer {
        3 => (12 * rate / frequency + padding) * 4,
        1 if !is_mpeg1 => 72 * rate / frequency + padding,
        _ => 144 * rate / frequency + padding,
    };
    usize::try_from(len).ok().filter(|_| rate > 0)
}

/// Takes frames out of packets. Where a packet has several, they come as one.
#[derive(Debug, Clone)]
pub struct Depacketizer {
    assembler: Assembler,
}

impl Depacketizer {
    /// A new one.
    #[must_use]
    pub const fn new(limits: &Limits) -> Self {
        Self {
            assembler: Assembler::new(limits.frame_size),
        }
    }

    /// Takes the next packet.
    ///
    /// # Errors
    /// [`Error::Short`] where its header ends early.
    pub fn handle_packet(&mut self, packet: &Packet<'_>) -> Result<(), Error> {
        self.assembler.count(packet);
        let payload = packet.payload();
        let Some(([_, _, a, b], data)) = payload.split_first_chunk() else {
            return Err(short("MPEG audio header", 0, 4, payload.len()));
        };
        let offset = usize::from(u16::from_be_bytes([*a, *b]));
        if offset == 0 {
            self.assembler.discard();
            self.assembler.is_start();
        } else if offset != self.assembler.held() {
            self.assembler.discard();
            self.assembler.lose();
            return Ok(());
        }
        self.assembler.at(packet.timestamp());
        self.assembler.append(data)?;
        let whole = frame_len(self.assembler.data());
        // Free format does not tell its length.
        if whole.is_none_or(|len| len <= self.assembler.held()) {
            self.assembler.flush();
        }
        Ok(())
    }

    /// Ends the stream.
    pub fn finish(&mut self) {
        self.assembler.discard();
    }

    /// The next frame.
    pub fn poll_frame(&mut self) -> Option<Frame> {
        self.assembler.pop()
    }

    /// Bytes held.
    #[must_use]
    pub fn buffered_len(&self) -> usize {
        self.assembler.buffered_len()
    }
}
