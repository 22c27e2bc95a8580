//! VP9 (RFC 9628).
//!
//! ```text
//! I P L F B E V Z | if I: PictureID, 7 or 15 bits | if L: TID U SID D, and TL0PICIDX if not F
//! if F and P: up to 3 P_DIFF, 7 bits, N | if V: scalability structure
//! ```

use super::assembler::Assembler;
use super::parts::Parts;
use super::{Frame, Payload};
use crate::packet::short;
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
    /// `P_DIFF`: how many pictures back those are that this one needs, 7 bits each; told in flexible mode only, and then of every picture
    /// that needs others. 0 stands for none.
    pub references: [u8; 3],
    /// `WIDTH` and `HEIGHT` of each spatial layer, from the smallest, as far as it tells them; 0 × 0 stands for none.
    pub sizes: [(u16, u16); 8],
}

impl Descriptor {
    /// That of a whole payload.
    ///
    /// # Errors
    /// [`Error::Short`] where it ends early.
    pub fn parse(payload: &[u8]) -> Result<Self, Error> {
        Self::decode(&mut Reader::new(payload))
    }

    /// Reads one; of a scalability structure the sizes.
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
            let mut places = descriptor.references.iter_mut();
            loop {
                let difference = r.u8("P_DIFF")?;
                if let Some(place) = places.next() {
                    *place = difference >> 1;
                }
                if difference & 1 == 0 {
                    break;
                }
            }
        }
        if first & 2 != 0 {
            structure(r, &mut descriptor.sizes)?;
        }
        Ok(descriptor)
    }

    /// Whether it tells by [`references`](Self::references) what is needed.
    #[must_use]
    pub const fn is_flexible(payload: &[u8]) -> bool {
        matches!(payload, [first, ..] if *first & 0x10 != 0)
    }

    /// Puts another picture id, of as many bits as were there, and another `TL0PICIDX` into a payload that has them: for streams that are
    /// made of several.
    ///
    /// # Errors
    /// [`Error::Short`] where the payload ends before them.
    pub fn renumber(payload: &mut [u8], picture_id: u16, tl0_pic_idx: u8) -> Result<(), Error> {
        let ends = |at: usize| short("PictureID, TL0PICIDX", at, 1, 0);
        let [first, rest @ ..] = payload else {
            return Err(ends(0));
        };
        let first = *first;
        let [high, low] = picture_id.to_be_bytes();
        let rest = match (first & 0x80 != 0, rest) {
            (false, rest) => rest,
            (true, [a, b, rest @ ..]) if *a & 0x80 != 0 => {
                (*a, *b) = (high | 0x80, low);
                rest
            }
            (true, [a, rest @ ..]) if *a & 0x80 == 0 => {
                *a = low & 0x7F;
                rest
            }
            _ => return Err(ends(1)),
        };
        if first & 0x30 == 0x20 {
            let [_, group, ..] = rest else {
                return Err(ends(2));
            };
            *group = tl0_pic_idx;
        }
        Ok(())
    }
}

/// Reads a scalability structure: `N_S`, `Y`, `G`, sizes of layers; passes over a group of pictures (§4.2.1).
fn structure(r: &mut Reader<'_>, sizes: &mut [(u16, u16); 8]) -> Result<(), Error> {
    let first = r.u8("scalability structure")?;
    if first & 0x10 != 0 {
        let layers = usize::from(first >> 5).saturating_add(1);
        for size in sizes.iter_mut().take(layers) {
            *size = (r.u16("WIDTH")?, r.u16("HEIGHT")?);
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A key picture's first packet of three layers, as Chromium sends it, and a later one in flexible mode.
    const KEY: [u8; 19] = [
        0xAA,
        0x80 | 0x12,
        0x34,
        0x00,
        7,
        0x50,
        0,
        160,
        0,
        90,
        1,
        64,
        0,
        180,
        2,
        128,
        1,
        104,
        0x82,
    ];
    const LATER: [u8; 7] = [0xF8, 0x92, 0x35, 0x22, 0x03, 0x0C, 0x86];

    #[test]
    fn sizes_and_references_are_told() {
        let mut r = Reader::new(&KEY);
        let key = Descriptor::decode(&mut r).unwrap();
        assert_eq!(r.rest(), [0x82]);
        assert_eq!(key.sizes[..4], [(160, 90), (320, 180), (640, 360), (0, 0)]);
        assert_eq!((key.tl0_pic_idx, key.references), (Some(7), [0; 3]));
        let mut r = Reader::new(&LATER);
        let later = Descriptor::decode(&mut r).unwrap();
        assert_eq!(r.rest(), [0x86]);
        assert_eq!((later.tl0_pic_idx, later.references), (None, [1, 6, 0]));
        assert!(Descriptor::is_flexible(&LATER) && !Descriptor::is_flexible(&KEY));
        for end in 0..6 {
            assert!(Descriptor::decode(&mut Reader::new(&LATER[..end])).is_err());
        }
    }

    #[test]
    fn numbers_are_put_where_they_were() {
        let mut key = KEY;
        Descriptor::renumber(&mut key, 0x7ABC, 99).unwrap();
        let told = Descriptor::decode(&mut Reader::new(&key)).unwrap();
        assert_eq!(
            (told.picture_id, told.tl0_pic_idx),
            (Some(0x7ABC), Some(99))
        );
        assert_eq!(key[5..], KEY[5..], "the rest stays");
        let mut short = [0x88, 0x05, 1, 2];
        Descriptor::renumber(&mut short, 0x7A83, 99).unwrap();
        assert_eq!(short, [0x88, 0x03, 1, 2], "seven bits stay seven");
        for end in 0..4 {
            let mut cut = KEY;
            assert!(
                Descriptor::renumber(&mut cut[..end], 1, 1).is_err(),
                "{end}"
            );
        }
    }
}
