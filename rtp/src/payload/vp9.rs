//! VP9 (RFC 9628).
//!
//! ```text
//! I P L F B E V Z | if I: PictureID, 7 or 15 bits | if L: TID U SID D, and TL0PICIDX if not F
//! if F and P: up to 3 P_DIFF, 7 bits, N | if V: scalability structure
//! ```

use super::assembler::Assembler;
use super::parts::Parts;
use super::{Frame, Payload};
use crate::{Error, Limits, Packet};
use wire::Reader;

/// What stands before the data of each packet (§4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Descriptor {
    /// `PictureID`, 15 bits.
    pub picture_id: Option<u16>,
    /// `P`: other pictures are needed for this one.
    pub inter_picture: bool,
    /// `B`: a frame starts with this packet.
    pub start_of_frame: bool,
    /// `E`: a frame ends with this packet.
    pub end_of_frame: bool,
    /// `TID`, 3 bits, and `U`: one can switch to this layer here.
    pub temporal_layer: Option<(u8, bool)>,
    /// `SID`, 3 bits, and `D`: the layer below is needed.
    pub spatial_layer: Option<(u8, bool)>,
    /// `TL0PICIDX`.
    pub tl0_pic_idx: Option<u8>,
}

impl Descriptor {
    /// Reads one; a scalability structure is passed over.
    ///
    /// # Errors
    /// [`Error::Short`] where it ends early.
    pub fn decode(r: &mut Reader<'_>) -> Result<Self, Error> {
        let first = r.u8("VP9 payload descriptor")?;
        let flexible = first & 0x10 != 0;
        let mut descriptor = Self {
            inter_picture: first & 0x40 != 0,
            start_of_frame: first & 8 != 0,
            end_of_frame: first & 4 != 0,
            ..Self::default()
        };
        if first & 0x80 != 0 {
            let short = r.u8("PictureID")?;
            descriptor.picture_id = Some(if short & 0x80 == 0 {
                short.into()
            } else {
                u16::from_be_bytes([short & 0x7F, r.u8("PictureID")?])
            });
        }
        if first & 0x20 != 0 {
            let layers = r.u8("layer indices")?;
            descriptor.temporal_layer = Some((layers >> 5, layers & 0x10 != 0));
            descriptor.spatial_layer = Some((layers >> 1 & 7, layers & 1 != 0));
            if !flexible {
                descriptor.tl0_pic_idx = Some(r.u8("TL0PICIDX")?);
            }
        }
        if flexible && descriptor.inter_picture {
            while r.u8("P_DIFF")? & 1 != 0 {}
        }
        if first & 2 != 0 {
            skip_structure(r)?;
        }
        Ok(descriptor)
    }
}

/// Passes over a scalability structure: `N_S`, `Y`, `G`, sizes of layers, and a group of pictures (§4.2.1).
fn skip_structure(r: &mut Reader<'_>) -> Result<(), Error> {
    let first = r.u8("scalability structure")?;
    if first & 0x10 != 0 {
        let layers = usize::from(first >> 5).saturating_add(1);
        r.skip(layers.saturating_mul(4), "WIDTH, HEIGHT")?;
    }
    if first & 8 != 0 {
        for _ in 0..r.u8("N_G")? {
            let references = r.u8("TID, U, R")? >> 2 & 3;
            r.skip(references.into(), "P_DIFF")?;
        }
    }
    Ok(())
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

    /// The payloads of one frame, or superframe.
    pub fn packetize<'a>(&mut self, frame: &'a [u8]) -> Payloads<'a> {
        let picture_id = self.picture_id;
        self.picture_id = picture_id.wrapping_add(1);
        Payloads {
            parts: Parts::new(frame, self.max_size.saturating_sub(3)),
            picture_id,
            inter: if is_key(frame) { 0 } else { 0x40 },
        }
    }
}

/// Whether a frame is a key frame: `frame_marker`, the profile, no `show_existing_frame`, a `frame_type` of 0.
fn is_key(frame: &[u8]) -> bool {
    let Some(first) = frame.first() else {
        return false;
    };
    // With profile 3 a reserved bit follows.
    let rest = if first & 0x30 == 0x30 {
        first << 1
    } else {
        *first
    };
    rest & 0x0C == 0
}

/// The payloads of one frame.
#[derive(Debug, Clone)]
pub struct Payloads<'a> {
    parts: Parts<'a>,
    picture_id: u16,
    inter: u8,
}

impl<'a> Iterator for Payloads<'a> {
    type Item = Payload<'a>;

    fn next(&mut self) -> Option<Payload<'a>> {
        let part = self.parts.next()?;
        let begin = if part.offset == 0 { 8 } else { 0 };
        let end = if part.is_last { 4 } else { 0 };
        let [high, low] = self.picture_id.to_be_bytes();
        let head = [0x80 | self.inter | begin | end, 0x80 | high, low];
        Some(Payload::new(head, part.data, part.is_last))
    }
}

/// Puts pictures together: the frames of all layers, one after the other.
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
        let is_base = descriptor.spatial_layer.is_none_or(|(layer, _)| layer == 0);
        if descriptor.start_of_frame && is_base {
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
