//! AC-3 (RFC 4184) and E-AC-3 (RFC 4598).
//!
//! ```text
//! AC-3:   MBZ, 6 bits | FT, 2 bits | NF, 8 bits | frames, or part of one
//! E-AC-3: MBZ, 7 bits | F, 1 bit   | NF, 8 bits | frames, or part of one
//! ```

use super::assembler::Assembler;
use super::parts::Parts;
use super::{Frame, Payload};
use crate::packet::{invalid, short, too_long};
use crate::{Error, Limits, Packet};

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// AC-3: a frame is a sync frame.
    Ac3,
    /// E-AC-3: a frame is an access unit, the sync frames of all substreams.
    Eac3,
}

/// Lays frames into packets.
#[derive(Debug, Clone)]
pub struct Packetizer {
    max_size: usize,
    kind: Kind,
}

impl Packetizer {
    /// Makes payloads of `max_size` bytes at most; of 8, where that is less.
    #[must_use]
    pub fn new(max_size: usize, kind: Kind) -> Self {
        Self {
            max_size: max_size.max(8),
            kind,
        }
    }

    /// The payloads of one frame.
    ///
    /// # Errors
    /// [`Error::TooLong`] for one that takes more than 255 packets.
    pub fn packetize<'a>(&self, frame: &'a [u8]) -> Result<Payloads<'a>, Error> {
        let parts = Parts::new(frame, self.max_size.saturating_sub(2));
        let count = parts.count_left();
        let count = u8::try_from(count).map_err(|_| too_long("NF", count as u64, 255))?;
        Ok(Payloads {
            kind: self.kind,
            count,
            len: frame.len(),
            parts,
        })
    }
}

/// The payloads of one frame.
#[derive(Debug, Clone)]
pub struct Payloads<'a> {
    kind: Kind,
    count: u8,
    len: usize,
    parts: Parts<'a>,
}

impl<'a> Iterator for Payloads<'a> {
    type Item = Payload<'a>;

    fn next(&mut self) -> Option<Payload<'a>> {
        let part = self.parts.next()?;
        let whole = self.count == 1;
        let kind = match self.kind {
            _ if whole => 0,
            Kind::Eac3 => 1,
            // The first 5/8 of a frame can be decoded alone (§4.1.1).
            Kind::Ac3 if part.offset > 0 => 3,
            Kind::Ac3 if part.data.len().saturating_mul(8) >= self.len.saturating_mul(5) => 1,
            Kind::Ac3 => 2,
        };
        Some(Payload::new([kind, self.count], part.data, part.is_last))
    }
}

/// Takes frames out of packets. Where a packet has several, they come as one.
#[derive(Debug, Clone)]
pub struct Depacketizer {
    assembler: Assembler,
    kind: Kind,
    /// Packets of the frame in parts that are still to come.
    left: u8,
}

impl Depacketizer {
    /// For streams of one kind.
    #[must_use]
    pub const fn new(limits: &Limits, kind: Kind) -> Self {
        Self {
            assembler: Assembler::new(limits.frame_size),
            kind,
            left: 0,
        }
    }

    /// Takes the next packet.
    ///
    /// # Errors
    /// What is wrong with its payload.
    pub fn handle_packet(&mut self, packet: &Packet<'_>) -> Result<(), Error> {
        if self.assembler.count(packet) {
            self.assembler.discard();
            self.left = 0;
        }
        let [kind, count, data @ ..] = packet.payload() else {
            return Err(short("AC-3 payload header", 0, 2, packet.payload().len()));
        };
        let mask = if self.kind == Kind::Ac3 { 3 } else { 1 };
        let (starts, whole) = match (kind & mask, data) {
            (0, _) => (true, true),
            // Parts of E-AC-3 are not numbered: the first one begins with the sync word.
            (1, [0x0B, 0x77, ..]) if self.kind == Kind::Eac3 => (self.left == 0, false),
            (1, _) if self.kind == Kind::Eac3 => (false, false),
            (3, _) => (false, false),
            _ => (true, false),
        };
        if starts {
            self.assembler.discard();
            self.assembler.is_start();
            self.left = if whole { 1 } else { *count };
        } else if self.left == 0 {
            return Ok(());
        }
        if *count == 0 {
            return Err(invalid("NF", 0, 1));
        }
        self.assembler.at(packet.timestamp());
        if starts {
            self.assembler.is_start();
        }
        self.assembler.append(data)?;
        self.left = self.left.saturating_sub(1);
        if self.left == 0 || packet.marker() {
            if self.left > 0 {
                self.assembler.damage();
            }
            self.left = 0;
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
