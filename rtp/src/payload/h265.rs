//! H.265 (RFC 7798): single NAL units, aggregation packets, fragmentation units, PACI.
//!
//! ```text
//! single | NAL unit
//! AP     | header, type 48 | (DONL) size, 16 | NAL unit | (DOND) size | NAL unit ...
//! FU     | header, type 49 | S E type | (DONL) | part of a NAL unit
//! PACI   | header, type 50 | A cType PHSsize F0..2 Y | PHES | what the payload would be without it
//! ```

use super::assembler::Assembler;
use super::{Frame, Payload};
use crate::packet::{invalid, short};
use crate::{Error, Limits, Packet};
use wire::Reader;

const AP: u8 = 48;
const FU: u8 = 49;
const PACI: u8 = 50;
const START: u8 = 0x80;
const END: u8 = 0x40;
/// Bits of a header's first byte that are not the type: `forbidden_zero_bit`, and the upper one of `nuh_layer_id`.
const NOT_TYPE: u8 = 0x81;

/// Lays access units into packets.
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

    /// The payloads of an access unit whose NAL units stand after their lengths in 4 bytes. Units that fit go together.
    ///
    /// # Errors
    /// [`Error::Short`] where a length goes past the end, or a unit has no header.
    pub fn packetize<'a>(&self, unit: &'a [u8]) -> Result<Payloads<'a>, Error> {
        let mut rest = unit;
        while !rest.is_empty() {
            let offset = unit.len().saturating_sub(rest.len());
            let Some((nal, after)) = super::split_unit(rest) else {
                return Err(short("NAL unit", offset, 4, rest.len()));
            };
            if nal.len() < 2 {
                return Err(short("NAL unit header", offset, 2, nal.len()));
            }
            rest = after;
        }
        Ok(Payloads {
            max_size: self.max_size,
            rest: unit,
            fragment: None,
            is_end: true,
        })
    }
}

/// The payloads of an access unit.
#[derive(Debug, Clone)]
pub struct Payloads<'a> {
    max_size: usize,
    rest: &'a [u8],
    /// Header and what is left of a unit that goes in parts.
    fragment: Option<([u8; 2], &'a [u8])>,
    is_end: bool,
}

impl<'a> Payloads<'a> {
    /// Without the marker bit on the last one: more of the same access unit follows.
    #[must_use]
    pub const fn to_be_continued(mut self) -> Self {
        self.is_end = false;
        self
    }

    fn part(&mut self, header: [u8; 2], rest: &'a [u8], start: u8) -> Payload<'a> {
        let [first, second] = header;
        let kind = first >> 1 & 0x3F | start;
        let first = first & NOT_TYPE | FU << 1;
        match rest.split_at_checked(self.max_size.saturating_sub(3)) {
            Some((part, rest)) if !rest.is_empty() => {
                self.fragment = Some((header, rest));
                Payload::new([first, second, kind], part, false)
            }
            _ => {
                let marker = self.is_end && self.rest.is_empty();
                Payload::new([first, second, kind | END], rest, marker)
            }
        }
    }
}

impl<'a> Iterator for Payloads<'a> {
    type Item = Payload<'a>;

    fn next(&mut self) -> Option<Payload<'a>> {
        if let Some((header, rest)) = self.fragment.take() {
            return Some(self.part(header, rest, 0));
        }
        let units = self.rest;
        let (nal, rest) = super::split_unit(units)?;
        let (header, body) = nal.split_first_chunk::<2>()?;
        let mut size = nal.len().saturating_add(4);
        let (mut count, mut after) = (1usize, rest);
        // The header of an aggregation packet has the lowest layer and temporal id of its units.
        let lowest = |a: [u8; 2], b: &[u8]| match b {
            [b0, b1, ..] => {
                let id = |x: [u8; 2]| u16::from_be_bytes(x) >> 3 & 0x3F;
                let ([a0, a1], b) = (a, [*b0, *b1]);
                let temporal = (a1 & 7).min(b1 & 7);
                let layer = id([a0, a1]).min(id(b));
                let [l0, l1] = (layer << 3).to_be_bytes();
                [a0 & 0x80 | b0 & 0x80 | l0, l1 | temporal]
            }
            _ => a,
        };
        let mut aggregate = lowest(*header, nal);
        while let Some((next, further)) = super::split_unit(after) {
            size = size.saturating_add(next.len()).saturating_add(2);
            if size > self.max_size {
                break;
            }
            aggregate = lowest(aggregate, next);
            (count, after) = (count.saturating_add(1), further);
        }
        if count > 1 {
            self.rest = after;
            let together = units.len().saturating_sub(after.len());
            let together = units.get(..together).unwrap_or_default();
            let [first, second] = aggregate;
            let head = [first & NOT_TYPE | AP << 1, second];
            let marker = self.is_end && after.is_empty();
            return Some(Payload::units(head, together, marker));
        }
        self.rest = rest;
        if nal.len() <= self.max_size {
            let marker = self.is_end && rest.is_empty();
            return Some(Payload::new([], nal, marker));
        }
        Some(self.part(*header, body, START))
    }
}

/// Puts access units together: each NAL unit after its length in 4 bytes.
///
/// Decoding order numbers are passed over: packets are taken to be in decoding order, as `sprop-max-don-diff` of 0 says.
#[derive(Debug, Clone)]
pub struct Depacketizer {
    assembler: Assembler,
    has_slice: bool,
    /// Whether there are decoding order numbers: `sprop-max-don-diff` is not 0.
    has_don: bool,
}

impl Depacketizer {
    /// A new one; `has_don` says whether `sprop-max-don-diff` is greater than 0.
    #[must_use]
    pub const fn new(limits: &Limits, has_don: bool) -> Self {
        Self {
            assembler: Assembler::that_knows_starts(limits.frame_size),
            has_slice: false,
            has_don,
        }
    }

    /// Takes the next packet.
    ///
    /// # Errors
    /// What is wrong with its payload; what could be read of it is kept, and the next packet may come.
    pub fn handle_packet(&mut self, packet: &Packet<'_>) -> Result<(), Error> {
        self.assembler.begin_packet(packet);
        if self.assembler.is_empty() {
            self.has_slice = false;
        }
        let result = self.take_payload(packet.payload());
        if packet.marker() && self.has_slice {
            self.assembler.flush();
            self.has_slice = false;
        }
        result
    }

    fn take_payload(&mut self, payload: &[u8]) -> Result<(), Error> {
        let [first, second, rest @ ..] = payload else {
            return match payload {
                [] => Ok(()),
                _ => Err(short("NAL unit header", 0, 2, payload.len())),
            };
        };
        let don = if self.has_don { 2 } else { 0 };
        match first >> 1 & 0x3F {
            0..AP => {
                let (header, body) = ([*first, *second], rest.get(don..).unwrap_or_default());
                self.note(header, body);
                self.assembler.open(header, body)?;
                self.assembler.close();
                Ok(())
            }
            AP => {
                let mut reader = Reader::at(rest, 2);
                let mut skip = don;
                while !reader.is_empty() {
                    reader.skip(skip, "DONL")?;
                    skip = don / 2;
                    let len = reader.u16("NAL unit size")?;
                    let nal = reader.take(len.into(), "NAL unit")?;
                    if let [first, second, body @ ..] = nal {
                        self.note([*first, *second], body);
                        self.assembler.push(nal)?;
                    }
                }
                Ok(())
            }
            FU => {
                let [header, part @ ..] = rest else {
                    return Err(short("FU header", 2, 1, 0));
                };
                let starts = header & START != 0;
                let part = if starts {
                    part.get(don..).unwrap_or_default()
                } else {
                    part
                };
                let unit = [first & NOT_TYPE | (header & 0x3F) << 1, *second];
                if starts {
                    self.note(unit, part);
                    self.assembler.open(unit, part)?;
                } else if self.assembler.is_open() {
                    self.assembler.append(part)?;
                } else {
                    self.assembler.damage();
                    return Ok(());
                }
                if header & END != 0 {
                    self.assembler.close();
                }
                Ok(())
            }
            PACI => {
                let [a, b, rest @ ..] = rest else {
                    return Err(short("PACI header", 2, 2, rest.len()));
                };
                let fields = u16::from_be_bytes([*a, *b]);
                let extension = usize::from(fields >> 4 & 0x1F);
                let Some(body) = rest.get(extension..) else {
                    return Err(short("PHES", 4, extension, rest.len()));
                };
                // Its header, as it would be without this: F, cType, layer and temporal id.
                let forbidden = if fields & 0x8000 != 0 { 0x80 } else { 0 };
                let [_, kind] = (fields >> 9 & 0x3F).to_be_bytes();
                if kind == PACI {
                    return Err(invalid("cType", PACI, 2));
                }
                let mut inner = alloc::vec::Vec::with_capacity(body.len().saturating_add(2));
                inner.extend_from_slice(&[forbidden | kind << 1 | first & 1, *second]);
                inner.extend_from_slice(body);
                self.take_payload(&inner)
            }
            kind => Err(invalid("NAL unit type", kind, 0)),
        }
    }

    fn note(&mut self, [first, _]: [u8; 2], body: &[u8]) {
        match first >> 1 & 0x3F {
            0..=31 => {
                // `first_slice_segment_in_pic_flag`.
                if matches!(body, [0x80..=0xFF, ..]) {
                    self.assembler.is_start();
                }
                self.has_slice = true;
            }
            32..=35 | 39 => self.assembler.is_start(),
            _ => {}
        }
    }

    /// Ends the stream.
    pub fn finish(&mut self) {
        self.assembler.cut_off();
    }

    /// The next access unit.
    pub fn poll_frame(&mut self) -> Option<Frame> {
        self.assembler.pop()
    }

    /// Bytes held.
    #[must_use]
    pub fn buffered_len(&self) -> usize {
        self.assembler.buffered_len()
    }
}
