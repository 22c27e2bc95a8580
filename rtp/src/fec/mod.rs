//! Forward error correction by exclusive or: ULPFEC (RFC 5109) and FlexFEC (RFC 8627).
//!
//! A repair packet is the exclusive or of several media packets and says which; where one of them is lost, the exclusive
//! or with the others is it. The two formats differ in their headers alone: [`ulp`] and [`flex`] write and read these,
//! [`Recoverer`] does the rest for both.
//!
//! Which packets a repair packet covers is a [`Protection`]: in groups of `packets` there are `repairs` repair packets, and the
//! n-th covers every `repairs`-th packet from the n-th on, so that a burst of up to `repairs` lost packets can be repaired.
//! FlexFEC has rows and columns as well ([`flex::Grid`]).
//!
//! What it gives with packets of 400 bytes, where repair packets are lost as others are (single losses, or bursts of four on average):
//!
//! | loss | | overhead | lost packets repaired |
//! |---|---|---|---|
//! | 1 %, single | 1 of 10 | 11 % | 93 % |
//! | 5 %, single | 2 of 10 | 22 % | 80 % |
//! | 20 %, single | 5 of 10 | 52 % | 63 % |
//! | 5 %, single | 10 x 10, rows and columns | 23 % | 97 % |
//! | 20 %, single | 4 x 4, rows and columns | 57 % | 79 % |
//! | 1 %, bursts | 10 of 100 | 12 % | 63 % |
//! | 1 %, bursts | 10 x 10, rows and columns | 23 % | 91 % |
//! | 5 %, bursts | 20 of 100 | 23 % | 84 % |
//! | 20 %, bursts | 50 of 100 | 56 % | 64 % |
//!
//! Sound is better repaired by its own kind of redundancy, [`red`](crate::red).

pub mod flex;
mod recover;
pub mod ulp;

pub use recover::{Limits, Recoverer};

use crate::packet::FIXED_LEN;
use alloc::vec::Vec;

/// How many repair packets there are, and which packets each of them covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Protection {
    packets: u16,
    repairs: u16,
}

impl Protection {
    /// `repairs` repair packets for each group of `packets`, 1 to as many as a mask of the format has bits; both are
    /// brought to that.
    #[must_use]
    pub fn new(packets: u16, repairs: u16) -> Self {
        let packets = packets.clamp(1, 110);
        Self {
            packets,
            repairs: repairs.clamp(1, packets),
        }
    }

    /// Packets of a group.
    #[must_use]
    pub const fn packets(self) -> u16 {
        self.packets
    }

    /// Repair packets of a group.
    #[must_use]
    pub const fn repairs(self) -> u16 {
        self.repairs
    }
}

/// The exclusive or of packets, without what repair packets have in headers of their own.
#[derive(Debug, Clone, Default)]
struct Xor {
    /// The first 8 bytes of the RTP headers: flags, payload type, sequence number (unused), time stamp.
    head: [u8; 8],
    /// The lengths of what follows the fixed headers.
    len: u16,
    /// What follows the fixed headers, shorter ones filled up with zeros.
    body: Vec<u8>,
}

impl Xor {
    /// Takes in a packet, or takes it out again. `false` where it is too short or too long for that; nothing is changed then.
    fn add(&mut self, packet: &[u8]) -> bool {
        let Some((fixed, body)) = packet.split_first_chunk::<FIXED_LEN>() else {
            return false;
        };
        let Ok(len) = u16::try_from(body.len()) else {
            return false;
        };
        self.head
            .iter_mut()
            .zip(fixed)
            .for_each(|(to, from)| *to ^= from);
        self.len ^= len;
        if self.body.len() < body.len() {
            self.body.resize(body.len(), 0);
        }
        self.body
            .iter_mut()
            .zip(body)
            .for_each(|(to, from)| *to ^= from);
        true
    }

    /// The packet that is the exclusive or, with what is known of it; `None` where it makes no sense.
    fn packet(&self, sequence_number: u16, ssrc: u32) -> Option<Vec<u8>> {
        let body = self.body.get(..self.len.into())?;
        let [flags, kind, _, _, timestamp @ ..] = self.head;
        let mut packet = Vec::with_capacity(FIXED_LEN.saturating_add(body.len()));
        packet.extend_from_slice(&[0x80 | flags & 0x3F, kind]);
        packet.extend_from_slice(&sequence_number.to_be_bytes());
        packet.extend_from_slice(&timestamp);
        packet.extend_from_slice(&ssrc.to_be_bytes());
        packet.extend_from_slice(body);
        crate::Packet::parse(&packet).is_ok().then_some(packet)
    }
}

/// Repair packets as they grow: one exclusive or for each of a group.
#[derive(Debug, Clone)]
struct Group {
    protection: Protection,
    /// Sequence number of the first packet.
    base: u16,
    count: u16,
    repairs: Vec<(Xor, u128)>,
}

impl Group {
    fn new(protection: Protection) -> Self {
        Self {
            protection,
            base: 0,
            count: 0,
            repairs: Vec::new(),
        }
    }

    /// Whether the packet is too far from the first one for a mask of so many bits.
    fn is_far(&self, sequence_number: u16, bits: u16) -> bool {
        self.count > 0 && sequence_number.wrapping_sub(self.base) >= bits
    }

    /// Takes in a packet; gives whether the group is full then.
    fn add(&mut self, sequence_number: u16, packet: &[u8]) -> bool {
        if self.count == 0 {
            self.base = sequence_number;
            self.repairs
                .resize_with(self.protection.repairs.into(), Default::default);
        }
        let index = self.count.checked_rem(self.protection.repairs).unwrap_or(0);
        let bit = 1u128
            .checked_shl(sequence_number.wrapping_sub(self.base).into())
            .unwrap_or(0);
        if let Some((xor, mask)) = self.repairs.get_mut(usize::from(index))
            && xor.add(packet)
        {
            *mask |= bit;
        }
        self.count = self.count.saturating_add(1);
        self.count >= self.protection.packets
    }

    /// The repairs so far: each with the offsets of its packets from `base`, as bits. The next packet begins a new group.
    fn take(&mut self) -> impl Iterator<Item = (Xor, u128)> {
        self.count = 0;
        core::mem::take(&mut self.repairs)
            .into_iter()
            .filter(|(_, mask)| *mask != 0)
    }
}

#[cfg(test)]
mod tests;
