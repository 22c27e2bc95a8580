//! Payload formats: how frames of each codec are laid into packets, and put together again.
//!
//! A packetizer gives [`Payload`]s: a few header bytes and a slice of the frame itself, so that nothing is copied before
//! the packet is written. A depacketizer takes packets in the order of their sequence numbers and gives [`Frame`]s.

pub mod ac3;
mod assembler;
pub mod av1;
pub mod h264;
pub mod h265;
mod layout;
pub mod mpeg4_generic;
pub mod mpeg_audio;
pub mod mpeg_video;
mod parts;
pub mod raw;
pub mod vp8;
pub mod vp9;

pub use layout::{Depacketizer, Layout, Packetizer, Payloads};

use crate::Error;
use crate::packet::too_long;
use alloc::vec::Vec;
use bytes::Bytes;

/// Bytes of a payload that are not in the frame, at most.
const HEAD: usize = 30;

/// The payload of one packet, as pieces: a head that the format adds, and a slice of the frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Payload<'a> {
    head: [u8; HEAD],
    head_len: u8,
    /// The packet's marker bit.
    pub marker: bool,
    /// Ticks from the frame's time stamp to this packet's.
    pub delay: u32,
    body: Body<'a>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Body<'a> {
    /// As it is.
    Slice(&'a [u8]),
    /// Units after their lengths in 4 bytes, of which the payload has the lower two.
    Units(&'a [u8]),
}

impl<'a> Payload<'a> {
    /// A slice as it is, after what the format puts before it.
    #[inline]
    pub(crate) fn new<const N: usize>(head: [u8; N], body: &'a [u8], marker: bool) -> Self {
        const { assert!(N <= HEAD) }
        let mut payload = Self {
            head: [0; HEAD],
            head_len: 0,
            marker,
            delay: 0,
            body: Body::Slice(body),
        };
        if let Some(place) = payload.head.first_chunk_mut() {
            *place = head;
        }
        payload.head_len = u8::try_from(N).unwrap_or(0);
        payload
    }

    /// With no body yet.
    ///
    /// # Errors
    /// [`Error::TooLong`] for more than there is room for.
    pub(crate) fn with_head(head: &[u8]) -> Result<Self, Error> {
        let mut payload = Self::new([], &[], false);
        let len = head.len();
        match (u8::try_from(len), payload.head.get_mut(..len)) {
            (Ok(len), Some(place)) => {
                for (place, byte) in place.iter_mut().zip(head) {
                    *place = *byte;
                }
                payload.head_len = len;
                Ok(payload)
            }
            _ => Err(too_long("payload header", len as u64, HEAD as u64)),
        }
    }

    /// The same head with another body.
    #[inline]
    pub(crate) fn with_body<'b>(&self, body: &'b [u8], marker: bool) -> Payload<'b> {
        Payload {
            head: self.head,
            head_len: self.head_len,
            marker,
            delay: self.delay,
            body: Body::Slice(body),
        }
    }

    /// Units after their lengths in 4 bytes, the upper two of which are 0 and are left out.
    #[inline]
    pub(crate) fn units<const N: usize>(head: [u8; N], units: &'a [u8], marker: bool) -> Self {
        Self {
            body: Body::Units(units),
            ..Self::new(head, &[], marker)
        }
    }

    /// The pieces, in order: what to give to a vectored write.
    pub fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        let head = self.head.get(..self.head_len.into()).unwrap_or_default();
        let (slice, units) = match self.body {
            Body::Slice(slice) => (slice, &[][..]),
            Body::Units(units) => (&[][..], units),
        };
        [head, slice]
            .into_iter()
            .filter(|piece| !piece.is_empty())
            .chain(Units(units))
    }

    /// Bytes of the payload.
    #[must_use]
    pub fn len(&self) -> usize {
        self.pieces().map(<[u8]>::len).sum()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Appends it to a packet's header.
    #[inline]
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.head.get(..self.head_len.into()).unwrap_or_default());
        match self.body {
            Body::Slice(slice) => out.extend_from_slice(slice),
            Body::Units(units) => Units(units).for_each(|unit| out.extend_from_slice(unit)),
        }
    }
}

/// The first unit of several after their lengths in 4 bytes, and what follows it.
#[inline]
fn split_unit(data: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = data.split_first_chunk()?;
    let len = usize::try_from(u32::from_be_bytes(*len)).ok()?;
    rest.split_at_checked(len)
}

/// Units with the lower two bytes of their lengths.
#[derive(Debug, Clone)]
struct Units<'a>(&'a [u8]);

impl<'a> Iterator for Units<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let [_, _, from_length @ ..] = self.0 else {
            return None;
        };
        let [a, b, ..] = from_length else { return None };
        let len = usize::from(u16::from_be_bytes([*a, *b])).saturating_add(2);
        let (unit, rest) = from_length.split_at_checked(len)?;
        self.0 = rest;
        Some(unit)
    }
}

/// A frame put together from packets.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Frame {
    /// Its time stamp, modulo 2^32.
    pub timestamp: u32,
    /// Its bytes.
    pub data: Bytes,
    /// Whether packets between the frame before it and the end of this one are missing.
    pub after_loss: bool,
    /// Whether part of the frame itself is missing; what is there consists of whole units.
    pub damaged: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_what_is_written() {
        let units = [0, 0, 0, 2, 1, 2, 0, 0, 0, 1, 3];
        for payload in [
            Payload::new([9], &units, true),
            Payload::new([], &units, true),
            Payload::units([24], &units, true),
            Payload::new([1, 2], &[], false),
        ] {
            let mut out = Vec::new();
            payload.write(&mut out);
            assert_eq!(out, payload.pieces().collect::<Vec<_>>().concat());
            assert_eq!(out.len(), payload.len());
        }
        let mut out = Vec::new();
        Payload::units([24], &units, true).write(&mut out);
        assert_eq!(out, [24, 0, 2, 1, 2, 0, 1, 3]);
    }
}
