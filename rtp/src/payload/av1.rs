//! AV1 (RTP Payload Format For AV1, version 1.0).
//!
//! ```text
//! Z Y W W N, 3 reserved | elements: leb128 length (but for the last, where W tells how many there are) | OBU, or part of one
//! ```

use super::assembler::Assembler;
use super::{Frame, Payload};
use crate::packet::{invalid, short};
use crate::{Error, Limits, Packet};
use alloc::vec::Vec;

/// `Z`: the first element continues one of the packet before.
const CONTINUES: u8 = 0x80;
/// `Y`: the last element will be continued.
const CONTINUED: u8 = 0x40;
/// `N`: a coded video sequence starts here.
const NEW_SEQUENCE: u8 = 8;
const HAS_EXTENSION: u8 = 4;
const HAS_SIZE: u8 = 2;
const SEQUENCE_HEADER: u8 = 1;
const TEMPORAL_DELIMITER: u8 = 2;
/// An OBU up to this long goes into a packet together with the next one.
const SMALL: usize = 24;

/// An OBU without the field that tells its size.
#[derive(Debug, Clone, Copy)]
struct Obu<'a> {
    /// The header, with `obu_has_size_field` 0, and its extension.
    header: [u8; 2],
    header_len: usize,
    payload: &'a [u8],
}

impl<'a> Obu<'a> {
    /// Reads one, with what follows it; without a size it goes to the end.
    fn split(data: &'a [u8]) -> Result<(Self, &'a [u8]), Error> {
        let (header, rest) = match data {
            [first, second, rest @ ..] if first & HAS_EXTENSION != 0 => ([*first, *second], rest),
            [first, rest @ ..] if first & HAS_EXTENSION == 0 => ([*first, 0], rest),
            _ => return Err(short("OBU header", 0, 2, data.len())),
        };
        let [first, second] = header;
        let (len, rest) = if first & HAS_SIZE != 0 {
            leb128(rest).ok_or_else(|| short("obu_size", 1, 1, rest.len()))?
        } else {
            (rest.len(), rest)
        };
        let Some((payload, after)) = rest.split_at_checked(len) else {
            return Err(short("OBU", 1, len, rest.len()));
        };
        let obu = Self {
            header: [first & !HAS_SIZE, second],
            header_len: if first & HAS_EXTENSION != 0 { 2 } else { 1 },
            payload,
        };
        Ok((obu, after))
    }

    const fn kind(&self) -> u8 {
        let [first, _] = self.header;
        first >> 3 & 15
    }

    const fn len(&self) -> usize {
        self.payload.len().saturating_add(self.header_len)
    }

    fn header(&self) -> &[u8] {
        self.header.get(..self.header_len).unwrap_or_default()
    }
}

/// A number in groups of 7 bits, the lowest first, and what follows it.
fn leb128(data: &[u8]) -> Option<(usize, &[u8])> {
    let mut value: u64 = 0;
    for n in 0..8usize {
        let byte = *data.get(n)?;
        value |= u64::from(byte & 0x7F) << (7 * n);
        if byte & 0x80 == 0 {
            return Some((usize::try_from(value).ok()?, data.get(n + 1..)?));
        }
    }
    None
}

fn push_leb128(mut value: usize, out: &mut Vec<u8>) {
    while value > 0x7F {
        let [.., low] = value.to_be_bytes();
        out.push(low | 0x80);
        value >>= 7;
    }
    let [.., low] = value.to_be_bytes();
    out.push(low);
}

/// Lays temporal units into packets.
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

    /// The payloads of a temporal unit in the low-overhead format; temporal delimiters are left out.
    ///
    /// # Errors
    /// [`Error::Short`] where an OBU goes past the end.
    pub fn packetize<'a>(&self, unit: &'a [u8]) -> Result<Payloads<'a>, Error> {
        let (mut rest, mut starts_sequence) = (unit, false);
        while !rest.is_empty() {
            let (obu, after) = Obu::split(rest)?;
            starts_sequence |= obu.kind() == SEQUENCE_HEADER;
            rest = after;
        }
        Ok(Payloads {
            max_size: self.max_size,
            rest: unit,
            part: None,
            flags: if starts_sequence { NEW_SEQUENCE } else { 0 },
        })
    }
}

/// The payloads of one temporal unit.
#[derive(Debug, Clone)]
pub struct Payloads<'a> {
    max_size: usize,
    rest: &'a [u8],
    /// What is left of an OBU that goes in parts.
    part: Option<&'a [u8]>,
    /// For the first packet.
    flags: u8,
}

impl<'a> Payloads<'a> {
    /// The next OBU that is sent.
    fn obu(&mut self) -> Option<Obu<'a>> {
        loop {
            let (obu, rest) = Obu::split(self.rest).ok()?;
            self.rest = rest;
            if obu.kind() != TEMPORAL_DELIMITER {
                return Some(obu);
            }
        }
    }

    fn is_end(&self) -> bool {
        self.part.is_none() && self.clone().obu().is_none()
    }
}

impl<'a> Iterator for Payloads<'a> {
    type Item = Payload<'a>;

    fn next(&mut self) -> Option<Payload<'a>> {
        if let Some(part) = self.part.take() {
            let room = self.max_size.saturating_sub(1);
            let (body, rest) = part.split_at_checked(room).unwrap_or((part, &[]));
            let mut flags = CONTINUES | 1 << 4;
            if !rest.is_empty() {
                self.part = Some(rest);
                flags |= CONTINUED;
            }
            return Some(Payload::new([flags], body, self.is_end()));
        }
        let mut obu = self.obu()?;
        let mut head = [0; super::HEAD];
        let mut at = 1usize;
        let mut count = 1u8;
        // Small ones, such as sequence headers, go before the next one.
        while let Ok(len) = u8::try_from(obu.len())
            && obu.len().saturating_add(at) <= SMALL
            && count < 3
        {
            let mut ahead = self.clone();
            let Some(next) = ahead.obu() else { break };
            let element = [len].into_iter().chain(obu.header().iter().copied());
            let element = element.chain(obu.payload.iter().copied());
            for (place, byte) in head.iter_mut().skip(at).zip(element) {
                *place = byte;
            }
            at = at.saturating_add(obu.len()).saturating_add(1);
            *self = ahead;
            obu = next;
            count = count.saturating_add(1);
        }
        for (place, byte) in head.iter_mut().skip(at).zip(obu.header()) {
            *place = *byte;
        }
        at = at.saturating_add(obu.header_len);
        let mut flags = core::mem::take(&mut self.flags) | count << 4;
        let room = self.max_size.saturating_sub(at);
        let (body, rest) = obu
            .payload
            .split_at_checked(room)
            .unwrap_or((obu.payload, &[]));
        if !rest.is_empty() {
            self.part = Some(rest);
            flags |= CONTINUED;
        }
        let [first, ..] = &mut head;
        *first = flags;
        let head = head.get(..at).unwrap_or_default();
        let payload = Payload::with_head(head).ok()?;
        Some(payload.with_body(body, self.is_end()))
    }
}

/// Puts temporal units together, in the low-overhead format without temporal delimiters.
#[derive(Debug, Clone)]
pub struct Depacketizer {
    assembler: Assembler,
    /// The parts so far of an OBU.
    open: Option<Vec<u8>>,
    limit: usize,
}

impl Depacketizer {
    /// A new one.
    #[must_use]
    pub const fn new(limits: &Limits) -> Self {
        Self {
            assembler: Assembler::that_knows_starts(limits.frame_size),
            open: None,
            limit: limits.frame_size,
        }
    }

    /// Takes the next packet.
    ///
    /// # Errors
    /// What is wrong with its payload; what could be read of it is kept, and the next packet may come.
    pub fn handle_packet(&mut self, packet: &Packet<'_>) -> Result<(), Error> {
        let lost = self.assembler.begin_packet(packet);
        if lost || self.assembler.is_empty() && !packet_continues(packet) {
            self.open = None;
        }
        let result = self.take(packet.payload());
        if result.is_err() {
            self.assembler.damage();
        }
        if packet.marker() {
            if self.open.take().is_some() {
                self.assembler.damage();
            }
            self.assembler.flush();
        }
        result
    }

    fn take(&mut self, payload: &[u8]) -> Result<(), Error> {
        let [flags, elements @ ..] = payload else {
            return Ok(());
        };
        let count = flags >> 4 & 3;
        // Nothing else tells where a temporal unit starts.
        if flags & NEW_SEQUENCE != 0 {
            self.assembler.is_start();
        }
        let mut rest = elements;
        let mut n: u8 = 0;
        while !rest.is_empty() {
            n = n.saturating_add(1);
            let at = payload.len().saturating_sub(rest.len());
            let element = if n == count {
                core::mem::take(&mut rest)
            } else {
                let (len, body) = leb128(rest).ok_or_else(|| short("element length", at, 1, 0))?;
                let Some((element, after)) = body.split_at_checked(len) else {
                    return Err(short("OBU element", at, len, body.len()));
                };
                rest = after;
                element
            };
            let continues = n == 1 && flags & CONTINUES != 0;
            let continued = rest.is_empty() && flags & CONTINUED != 0;
            self.element(element, continues, continued)?;
        }
        Ok(())
    }

    fn element(&mut self, element: &[u8], continues: bool, continued: bool) -> Result<(), Error> {
        if !continues && self.open.take().is_some() {
            self.assembler.damage();
        }
        match (continues, continued) {
            (false, false) => return self.obu(element),
            (false, true) => self.open = Some(element.to_vec()),
            (true, _) => {
                let Some(mut open) = self.open.take() else {
                    // Its first part is missing.
                    self.assembler.damage();
                    return Ok(());
                };
                if open.len().saturating_add(element.len()) > self.limit {
                    return Err(Error::Limit {
                        limit: "bytes of a frame",
                        max: self.limit as u64,
                    });
                }
                open.extend_from_slice(element);
                if !continued {
                    return self.obu(&open);
                }
                self.open = Some(open);
            }
        }
        Ok(())
    }

    /// Adds an OBU with its size.
    fn obu(&mut self, data: &[u8]) -> Result<(), Error> {
        if data.is_empty() {
            return Ok(());
        }
        let (obu, rest) = Obu::split(data)?;
        if let [byte, ..] = rest {
            return Err(invalid(
                "byte after an OBU",
                *byte,
                data.len().saturating_sub(rest.len()),
            ));
        }
        if obu.kind() == TEMPORAL_DELIMITER {
            return Ok(());
        }
        let [first, second] = obu.header;
        let mut head = Vec::with_capacity(10);
        head.push(first | HAS_SIZE);
        if obu.header_len == 2 {
            head.push(second);
        }
        push_leb128(obu.payload.len(), &mut head);
        self.assembler.append(&head)?;
        self.assembler.append(obu.payload)
    }

    /// Ends the stream.
    pub fn finish(&mut self) {
        self.open = None;
        self.assembler.cut_off();
    }

    /// The next temporal unit.
    pub fn poll_frame(&mut self) -> Option<Frame> {
        self.assembler.pop()
    }

    /// Bytes held.
    #[must_use]
    pub fn buffered_len(&self) -> usize {
        let open = self.open.as_ref().map_or(0, Vec::len);
        self.assembler.buffered_len().saturating_add(open)
    }
}

fn packet_continues(packet: &Packet<'_>) -> bool {
    matches!(packet.payload(), [first, ..] if first & CONTINUES != 0)
}
