//! Formats that add nothing to their frames: Opus (RFC 7587), PCM (RFC 3551 §4.5, RFC 3190), transport streams (RFC 2250 §2),
//! LATM (RFC 6416) and KLV (RFC 6597).

use super::assembler::Assembler;
use super::parts::Parts;
use super::{Frame, Payload};
use crate::packet::too_long;
use crate::{Error, Limits, Packet};

/// What a packet holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// One frame, which is never cut: Opus.
    Whole,
    /// Whole pieces of this many bytes, each of which lasts this many ticks: PCM 1 tick, transport streams of 188 bytes none.
    Pieces {
        /// Bytes of a piece.
        size: usize,
        /// Ticks that it lasts.
        ticks: u32,
    },
    /// A frame or part of one; the marker bit is set on the last part: LATM, KLV.
    Parts,
}

/// Lays frames into packets.
#[derive(Debug, Clone)]
pub struct Packetizer {
    max_size: usize,
    kind: Kind,
}

impl Packetizer {
    /// Makes payloads of `max_size` bytes at most; of 1, where that is less.
    #[must_use]
    pub fn new(max_size: usize, kind: Kind) -> Self {
        Self {
            max_size: max_size.max(1),
            kind,
        }
    }

    /// The payloads of one frame.
    ///
    /// # Errors
    /// [`Error::TooLong`] for a frame, or a piece of one, that does not fit into a packet and cannot be cut.
    pub fn packetize<'a>(&self, frame: &'a [u8]) -> Result<Payloads<'a>, Error> {
        let max = self.max_size as u64;
        let size = match self.kind {
            Kind::Whole if frame.len() > self.max_size => {
                return Err(too_long("frame", frame.len() as u64, max));
            }
            Kind::Whole | Kind::Parts => self.max_size,
            Kind::Pieces { size, .. } => match self.max_size.checked_rem(size) {
                Some(rest) if rest < self.max_size => self.max_size.saturating_sub(rest),
                _ => return Err(too_long("piece", size as u64, max)),
            },
        };
        Ok(Payloads {
            kind: self.kind,
            parts: Parts::new(frame, size),
        })
    }
}

/// The payloads of one frame.
#[derive(Debug, Clone)]
pub struct Payloads<'a> {
    kind: Kind,
    parts: Parts<'a>,
}

impl<'a> Iterator for Payloads<'a> {
    type Item = Payload<'a>;

    fn next(&mut self) -> Option<Payload<'a>> {
        let part = self.parts.next()?;
        // The marker bit of sound marks the start of a talkspurt.
        let marker = self.kind == Kind::Parts && part.is_last;
        let mut payload = Payload::new([], part.data, marker);
        if let Kind::Pieces { size, ticks } = self.kind {
            let pieces = part.offset.checked_div(size).unwrap_or(0);
            payload.delay = u32::try_from(pieces).unwrap_or(0).wrapping_mul(ticks);
        }
        Some(payload)
    }
}

/// Takes frames out of packets.
#[derive(Debug, Clone)]
pub struct Depacketizer {
    assembler: Assembler,
    kind: Kind,
}

impl Depacketizer {
    /// For streams of one kind.
    #[must_use]
    pub const fn new(limits: &Limits, kind: Kind) -> Self {
        Self {
            assembler: Assembler::new(limits.frame_size),
            kind,
        }
    }

    /// Takes the next packet.
    ///
    /// # Errors
    /// [`Error::Limit`] for a frame past the limit.
    pub fn handle_packet(&mut self, packet: &Packet<'_>) -> Result<(), Error> {
        match self.kind {
            Kind::Parts => {
                self.assembler.begin_packet(packet);
                self.assembler.append(packet.payload())?;
                if packet.marker() {
                    self.assembler.flush();
                }
            }
            Kind::Whole | Kind::Pieces { .. } => {
                self.assembler.count(packet);
                self.assembler.at(packet.timestamp());
                self.assembler.is_start();
                self.assembler.append(packet.payload())?;
                self.assembler.flush();
            }
        }
        Ok(())
    }

    /// Ends the stream.
    pub fn finish(&mut self) {
        if self.kind == Kind::Parts {
            self.assembler.cut_off();
        }
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
