//! ULPFEC (RFC 5109): repair packets that cover up to 48 packets, with one level of protection.
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |E|L|P|X|  CC   |M| PT recovery |            SN base            |
//! |                          TS recovery                          |
//! |        length recovery        |      protection length        |
//! |             mask              |   mask, 4 bytes more where L  |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! ```
//!
//! The payload that is made and read here goes into packets with a payload type of their own, in the media's sequence
//! numbers or others, or into a block of [`red`](crate::red). Levels past the first are not written; of a packet
//! that has them, the first level alone is used, if it covers whole packets.

use super::recover::Repair;
use super::{Group, Protection, Xor};
use crate::{Error, Packet};
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use wire::Reader;

/// Bits of the long mask.
const MASK_BITS: u16 = 48;

/// Makes repair payloads for a stream.
///
/// ```
/// use fluvial_rtp::fec::{Protection, Recoverer, ulp};
///
/// let packet = |n: u8| vec![0x80, 96, 0, n, 0, 0, 0, 9, 0, 0, 0, 1, n, n + 1, n + 2];
/// let mut generator = ulp::Generator::new(Protection::new(4, 1));
/// (0..4).for_each(|n| generator.handle_packet(&packet(n)).unwrap());
/// let repair = generator.poll_output().expect("after 4 packets");
///
/// let mut recoverer = Recoverer::default();
/// [0, 1, 3].map(|n| recoverer.handle_packet(packet(n).into()));
/// recoverer.handle_repair(ulp::parse(&repair, 1)?);
/// assert_eq!(recoverer.poll_output().expect("2 was lost"), packet(2));
/// # Ok::<(), fluvial_rtp::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Generator {
    group: Group,
    output: VecDeque<Vec<u8>>,
}

impl Generator {
    /// With this protection; groups have 48 packets at most.
    #[must_use]
    pub fn new(protection: Protection) -> Self {
        let protection = Protection::new(protection.packets().min(MASK_BITS), protection.repairs());
        Self {
            group: Group::new(protection),
            output: VecDeque::new(),
        }
    }

    /// Covers a packet as it is sent.
    ///
    /// # Errors
    /// What [`Packet::parse`] refuses.
    pub fn handle_packet(&mut self, packet: &[u8]) -> Result<(), Error> {
        let sequence_number = Packet::parse(packet)?.sequence_number();
        if self.group.is_far(sequence_number, MASK_BITS) {
            self.flush();
        }
        if self.group.add(sequence_number, packet) {
            self.flush();
        }
        Ok(())
    }

    /// Ends the group here, as at the end of a frame.
    pub fn flush(&mut self) {
        let base = self.group.base;
        self.output.extend(
            self.group
                .take()
                .map(|(xor, mask)| encode(&xor, base, mask)),
        );
    }

    /// Changes the protection from the next group on.
    pub fn set_protection(&mut self, protection: Protection) {
        self.flush();
        self.group = Group::new(Protection::new(
            protection.packets().min(MASK_BITS),
            protection.repairs(),
        ));
    }

    /// The next repair payload.
    pub fn poll_output(&mut self) -> Option<Vec<u8>> {
        self.output.pop_front()
    }
}

fn encode(xor: &Xor, base: u16, mask: u128) -> Vec<u8> {
    let long = mask >> 16 != 0;
    let [flags, kind, _, _, timestamp @ ..] = xor.head;
    let mut out = Vec::with_capacity(xor.body.len().saturating_add(18));
    out.push(flags & 0x3F | if long { 0x40 } else { 0 });
    out.push(kind);
    out.extend_from_slice(&base.to_be_bytes());
    out.extend_from_slice(&timestamp);
    out.extend_from_slice(&xor.len.to_be_bytes());
    let len = u16::try_from(xor.body.len()).unwrap_or(u16::MAX);
    out.extend_from_slice(&len.to_be_bytes());
    // The first packet is the highest bit.
    let [mask @ .., _, _, _, _, _, _, _, _, _, _] = mask.reverse_bits().to_be_bytes();
    let [short @ .., _, _, _, _] = mask;
    out.extend_from_slice(if long { &mask } else { &short });
    out.extend_from_slice(&xor.body);
    out
}

/// Reads a repair payload, which covers packets of the source `ssrc`.
///
/// # Errors
/// [`Error::Short`] where it ends in its headers or before `protection length`; [`Error::Invalid`] where the `E` bit is set or
/// no packet is covered.
pub fn parse(payload: &[u8], ssrc: u32) -> Result<Repair, Error> {
    let mut r = Reader::new(payload);
    let [flags, kind] = *r.array("FEC header")?;
    if flags & 0x80 != 0 {
        return Err(Error::Invalid {
            field: "E",
            value: 1,
            offset: 0,
        });
    }
    let base = r.u16("SN base")?;
    let [t0, t1, t2, t3] = *r.array("TS recovery")?;
    let len = r.u16("length recovery")?;
    let protected = r.u16("protection length")?;
    let mut mask = u128::from(r.u16("mask")?) << 112;
    if flags & 0x40 != 0 {
        mask |= u128::from(r.u32("mask")?) << 80;
    }
    let body = r.take(protected.into(), "FEC payload")?.to_vec();
    let xor = Xor {
        head: [flags & 0x3F, kind, 0, 0, t0, t1, t2, t3],
        len,
        body,
    };
    let covered: Vec<u16> = super::recover::offsets(mask.reverse_bits())
        .map(|offset| base.wrapping_add(offset))
        .collect();
    if covered.is_empty() {
        return Err(Error::Invalid {
            field: "mask",
            value: 0,
            offset: 12,
        });
    }
    Ok(Repair { ssrc, covered, xor })
}
