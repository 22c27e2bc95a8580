//! VP8 (RFC 7741).
//!
//! ```text
//! X R N S R PID | if X: I L T K, 4 reserved | if I: PictureID, 7 or 15 bits | if L: TL0PICIDX | if T or K: TID Y KEYIDX
//! ```

use super::assembler::Assembler;
use super::parts::Parts;
use super::{Frame, Payload};
use crate::{Error, Limits, Packet};
use wire::Reader;

/// What stands before the data of each packet (§4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Descriptor {
    /// `N`: no other frame needs this one.
    pub non_reference: bool,
    /// `S`: a partition starts with this packet.
    pub start_of_partition: bool,
    /// `PID`: which partition; 3 bits.
    pub partition: u8,
    /// `PictureID`, 15 bits.
    pub picture_id: Option<u16>,
    /// `TL0PICIDX`.
    pub tl0_pic_idx: Option<u8>,
    /// `TID`, 2 bits, and `Y`: whether only the base layer is needed.
    pub temporal_layer: Option<(u8, bool)>,
    /// `KEYIDX`, 5 bits.
    pub key_idx: Option<u8>,
}

impl Descriptor {
    /// Reads one.
    ///
    /// # Errors
    /// [`Error::Short`] where it ends early.
    pub fn decode(r: &mut Reader<'_>) -> Result<Self, Error> {
        let first = r.u8("VP8 payload descriptor")?;
        let mut descriptor = Self {
            non_reference: first & 0x20 != 0,
            start_of_partition: first & 0x10 != 0,
            partition: first & 7,
            ..Self::default()
        };
        if first & 0x80 == 0 {
            return Ok(descriptor);
        }
        let extension = r.u8("VP8 descriptor extension")?;
        if extension & 0x80 != 0 {
            let short = r.u8("PictureID")?;
            descriptor.picture_id = Some(if short & 0x80 == 0 {
                short.into()
            } else {
                u16::from_be_bytes([short & 0x7F, r.u8("PictureID")?])
            });
        }
        if extension & 0x40 != 0 {
            descriptor.tl0_pic_idx = Some(r.u8("TL0PICIDX")?);
        }
        if extension & 0x30 != 0 {
            let layers = r.u8("TID, KEYIDX")?;
            if extension & 0x20 != 0 {
                descriptor.temporal_layer = Some((layers >> 6, layers & 0x20 != 0));
            }
            if extension & 0x10 != 0 {
                descriptor.key_idx = Some(layers & 0x1F);
            }
        }
        Ok(descriptor)
    }
}

/// Lays frames into packets.
#[derive(Debug, Clone)]
pub struct Packetizer {
    max_size: usize,
    picture_id: u16,
}

impl Packetizer {
    /// Makes payloads of `max_size` bytes at most; of 8, where that is less. Pictures are counted from `picture_id`.
    #[must_use]
    pub fn new(max_size: usize, picture_id: u16) -> Self {
        Self {
            max_size: max_size.max(8),
            picture_id,
        }
    }

    /// The payloads of one frame.
    pub fn packetize<'a>(&mut self, frame: &'a [u8]) -> Payloads<'a> {
        let picture_id = self.picture_id;
        self.picture_id = picture_id.wrapping_add(1);
        Payloads {
            parts: Parts::new(frame, self.max_size.saturating_sub(4)),
            picture_id,
        }
    }
}

/// The payloads of one frame.
#[derive(Debug, Clone)]
pub struct Payloads<'a> {
    parts: Parts<'a>,
    picture_id: u16,
}

impl<'a> Iterator for Payloads<'a> {
    type Item = Payload<'a>;

    fn next(&mut self) -> Option<Payload<'a>> {
        let part = self.parts.next()?;
        let start = if part.offset == 0 { 0x10 } else { 0 };
        let [high, low] = self.picture_id.to_be_bytes();
        let head = [0x80 | start, 0x80, 0x80 | high, low];
        Some(Payload::new(head, part.data, part.is_last))
    }
}

/// Puts frames together.
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
    /// What is wrong with its payload.
    pub fn handle_packet(&mut self, packet: &Packet<'_>) -> Result<(), Error> {
        self.assembler.begin_packet(packet);
        if packet.payload().is_empty() {
            return Ok(());
        }
        let mut reader = Reader::new(packet.payload());
        let descriptor = Descriptor::decode(&mut reader)?;
        if descriptor.start_of_partition && descriptor.partition == 0 {
            self.assembler.is_start();
        }
        self.assembler.append(reader.rest())?;
        if packet.marker() {
            self.assembler.flush();
        }
        Ok(())
    }

    /// Ends the stream.
    pub fn finish(&mut self) {
        self.assembler.cut_off();
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
