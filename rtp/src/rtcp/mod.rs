//! RTCP: reports, descriptions and feedback (RFC 3550 §6, RFC 4585, RFC 5104, RFC 3611).

mod feedback;
mod list;
mod report;
mod sdes;
mod twcc;
mod xr;

pub use feedback::{Fir, FirEntry, Nack, NackEntry, OtherFeedback, Pli, Remb, Sli, SliEntry};
pub use list::{Entry, Iter, List};
pub use report::{ReceiverReport, ReportBlock, SenderReport};
pub use sdes::{App, Bye, Chunk, Item, Sdes, item};
pub use twcc::{Arrival, Twcc, TwccHead};
pub use xr::{Block, DlrrEntry, Rle, StatisticsSummary, Xr};

use crate::Error;
use crate::packet::{invalid, short, too_long};
use alloc::vec::Vec;
use wire::Reader;

/// Sender report.
pub const SR: u8 = 200;
/// Receiver report.
pub const RR: u8 = 201;
/// Source descriptions.
pub const SDES: u8 = 202;
/// Goodbye.
pub const BYE: u8 = 203;
/// Defined by an application.
pub const APP: u8 = 204;
/// Transport layer feedback (RFC 4585 §6.1).
pub const RTPFB: u8 = 205;
/// Payload-specific feedback (RFC 4585 §6.1).
pub const PSFB: u8 = 206;
/// Extended reports (RFC 3611).
pub const XR: u8 = 207;

/// Bytes of the header that every packet has.
const HEADER_LEN: usize = 4;

/// One packet of a compound, as its header says it is (RFC 3550 §6.4.1).
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |V=2|P|  count  |      PT       |             length            |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawPacket<'a> {
    /// Reports, sources, or the format of feedback; 5 bits.
    pub count: u8,
    /// What it is: 200 to 207.
    pub packet_type: u8,
    /// What follows the header, without padding.
    pub body: &'a [u8],
    /// Where the body is, in bytes from the start of the compound.
    pub offset: usize,
}

/// Reads the packets of a compound one after the other; after an error there are no more.
#[derive(Debug, Clone)]
pub struct RawPackets<'a> {
    rest: &'a [u8],
    len: usize,
}

impl<'a> RawPackets<'a> {
    /// Of a datagram.
    #[must_use]
    pub const fn new(data: &'a [u8]) -> Self {
        Self {
            rest: data,
            len: data.len(),
        }
    }
}

impl<'a> Iterator for RawPackets<'a> {
    type Item = Result<RawPacket<'a>, Error>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let rest = core::mem::take(&mut self.rest);
        if rest.is_empty() {
            return None;
        }
        let at = self.len.saturating_sub(rest.len());
        let Some(([first, packet_type, a, b], rest)) = rest.split_first_chunk::<HEADER_LEN>()
        else {
            return Some(Err(short("RTCP header", at, HEADER_LEN, rest.len())));
        };
        if first >> 6 != 2 {
            return Some(Err(invalid("version", first >> 6, at)));
        }
        let len = usize::from(u16::from_be_bytes([*a, *b])) * 4;
        let offset = at.saturating_add(HEADER_LEN);
        let Some((mut body, rest)) = rest.split_at_checked(len) else {
            return Some(Err(short("RTCP packet", offset, len, rest.len())));
        };
        self.rest = rest;
        if first & 0x20 != 0 {
            let padding = body.last().copied().unwrap_or(0);
            match body.len().checked_sub(padding.into()) {
                Some(len) if padding > 0 => body = body.get(..len).unwrap_or_default(),
                _ => {
                    let at = offset.saturating_add(body.len()).saturating_sub(1);
                    return Some(Err(invalid("padding", padding, at)));
                }
            }
        }
        Some(Ok(RawPacket {
            count: first & 0x1F,
            packet_type: *packet_type,
            body,
            offset,
        }))
    }
}

/// Whether a datagram that came where RTP and RTCP share a port is RTCP (RFC 5761 §4).
#[must_use]
pub const fn is_rtcp(data: &[u8]) -> bool {
    matches!(data, [0x80..=0xBF, 192..=223, ..])
}

/// A packet of any kind.
///
/// ```
/// use fluvial_rtp::rtcp::{Packet, Packets, Pli};
///
/// let mut out = Vec::new();
/// Pli { sender_ssrc: 1, media_ssrc: 2 }.encode(&mut out)?;
/// assert_eq!(out, [0x81, 206, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2]);
/// let packets: Result<Vec<_>, _> = Packets::new(&out).collect();
/// assert_eq!(packets?, [Packet::Pli(Pli { sender_ssrc: 1, media_ssrc: 2 })]);
/// # Ok::<(), fluvial_rtp::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Packet<'a> {
    /// What a sender sent.
    SenderReport(SenderReport<'a>),
    /// What a receiver received.
    ReceiverReport(ReceiverReport<'a>),
    /// Descriptions of sources.
    Sdes(Sdes<'a>),
    /// Sources that leave.
    Bye(Bye<'a>),
    /// What an application defines.
    App(App<'a>),
    /// Asks for packets again.
    Nack(Nack<'a>),
    /// When packets arrived.
    Twcc(Twcc<'a>),
    /// Asks for a picture that needs no other.
    Pli(Pli),
    /// Tells which macroblocks are lost.
    Sli(Sli<'a>),
    /// Asks for decoder refresh points.
    Fir(Fir<'a>),
    /// How much a receiver can receive.
    Remb(Remb<'a>),
    /// Feedback of another format.
    OtherFeedback(OtherFeedback<'a>),
    /// Extended reports.
    Xr(Xr<'a>),
    /// A packet of another type.
    Other(RawPacket<'a>),
}

impl<'a> Packet<'a> {
    /// Reads what a packet says.
    ///
    /// # Errors
    /// What is wrong with it; the offset counts from the start of the compound.
    #[inline]
    pub fn decode(raw: RawPacket<'a>) -> Result<Self, Error> {
        let mut r = Reader::at(raw.body, raw.offset);
        Ok(match raw.packet_type {
            SR => Packet::SenderReport(SenderReport::decode(raw.count, r)?),
            RR => Packet::ReceiverReport(ReceiverReport::decode(raw.count, r)?),
            SDES => Packet::Sdes(Sdes::decode(raw.count, r)?),
            BYE => Packet::Bye(Bye::decode(raw.count, r)?),
            APP => Packet::App(App::decode(raw.count, r)?),
            XR => Packet::Xr(Xr::decode(r)?),
            RTPFB | PSFB => {
                let [a, b, c, d, e, f, g, h] =
                    *r.array("SSRCs of packet sender and media source")?;
                let sender_ssrc = u32::from_be_bytes([a, b, c, d]);
                let media_ssrc = u32::from_be_bytes([e, f, g, h]);
                match (raw.packet_type, raw.count) {
                    (RTPFB, feedback::NACK) => Packet::Nack(Nack {
                        sender_ssrc,
                        media_ssrc,
                        entries: List::Wire(r.rest()),
                    }),
                    (RTPFB, feedback::TWCC) => {
                        Packet::Twcc(Twcc::decode(sender_ssrc, media_ssrc, r)?)
                    }
                    (PSFB, feedback::PLI) => Packet::Pli(Pli {
                        sender_ssrc,
                        media_ssrc,
                    }),
                    (PSFB, feedback::SLI) => Packet::Sli(Sli {
                        sender_ssrc,
                        media_ssrc,
                        entries: List::Wire(r.rest()),
                    }),
                    (PSFB, feedback::FIR) => Packet::Fir(Fir {
                        sender_ssrc,
                        entries: List::Wire(r.rest()),
                    }),
                    (packet_type, format) => {
                        if (packet_type, format) == (PSFB, feedback::ALFB)
                            && let Some(remb) = Remb::decode(sender_ssrc, r)?
                        {
                            return Ok(Packet::Remb(remb));
                        }
                        Packet::OtherFeedback(OtherFeedback {
                            packet_type,
                            format,
                            sender_ssrc,
                            media_ssrc,
                            data: r.rest(),
                        })
                    }
                }
            }
            _ => Packet::Other(raw),
        })
    }

    /// Appends the packet.
    ///
    /// # Errors
    /// [`Error::TooLong`] for what does not fit.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        match self {
            Packet::SenderReport(packet) => packet.encode(out),
            Packet::ReceiverReport(packet) => packet.encode(out),
            Packet::Sdes(packet) => packet.encode(out),
            Packet::Bye(packet) => packet.encode(out),
            Packet::App(packet) => packet.encode(out),
            Packet::Nack(packet) => packet.encode(out),
            Packet::Twcc(packet) => packet.encode(out),
            Packet::Pli(packet) => packet.encode(out),
            Packet::Sli(packet) => packet.encode(out),
            Packet::Fir(packet) => packet.encode(out),
            Packet::Remb(packet) => packet.encode(out),
            Packet::OtherFeedback(packet) => packet.encode(out),
            Packet::Xr(packet) => packet.encode(out),
            Packet::Other(raw) => write_packet(raw.packet_type, raw.count.into(), out, |out| {
                out.extend_from_slice(raw.body);
            }),
        }
    }
}

/// Reads a compound. A packet that is wrong inside does not keep the others from being read.
#[derive(Debug, Clone)]
pub struct Packets<'a>(RawPackets<'a>);

impl<'a> Packets<'a> {
    /// Of a datagram.
    #[must_use]
    pub const fn new(data: &'a [u8]) -> Self {
        Self(RawPackets::new(data))
    }
}

impl<'a> Iterator for Packets<'a> {
    type Item = Result<Packet<'a>, Error>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        Some(self.0.next()?.and_then(Packet::decode))
    }
}

/// Checks what every compound has to be (RFC 3550 §6.1, §A.2): it begins with a report without padding, has a description
/// with a canonical name, and its lengths fit. With `reduced_size` (RFC 5506) only the lengths are checked.
///
/// # Errors
/// What is wrong first.
pub fn check_compound(data: &[u8], reduced_size: bool) -> Result<(), Error> {
    let (mut has_cname, mut offset) = (false, 0);
    for raw in RawPackets::new(data) {
        let raw = raw?;
        if !reduced_size && offset == 0 && !matches!(raw.packet_type, SR | RR) {
            return Err(invalid("first packet type", raw.packet_type, 1));
        }
        let next = data.get(offset).copied().unwrap_or(0);
        let len = match data.get(offset..) {
            Some([_, _, a, b, ..]) => usize::from(u16::from_be_bytes([*a, *b])) * 4 + HEADER_LEN,
            _ => 0,
        };
        let end = offset.saturating_add(len);
        // Only the last packet may be padded (§6.4.1).
        if next & 0x20 != 0 && end < data.len() {
            return Err(invalid("padding", next, offset));
        }
        if let Packet::Sdes(sdes) = Packet::decode(raw)? {
            has_cname |= sdes.chunks().any(|chunk| chunk.cname().is_some());
        }
        offset = end;
    }
    if offset == 0 {
        return Err(short("RTCP header", 0, HEADER_LEN, 0));
    }
    if !reduced_size && !has_cname {
        return Err(Error::State("a compound has a canonical name"));
    }
    Ok(())
}

/// Appends a packet: its header, its body, and zeros up to a whole word.
fn write_packet(
    packet_type: u8,
    count: usize,
    out: &mut Vec<u8>,
    body: impl FnOnce(&mut Vec<u8>),
) -> Result<(), Error> {
    let first = match u8::try_from(count) {
        Ok(count @ 0..=31) => 0x80 | count,
        _ => return Err(too_long("RTCP count", count as u64, 31)),
    };
    let start = out.len();
    out.extend_from_slice(&[first, packet_type, 0, 0]);
    body(out);
    let len = out.len().wrapping_sub(start).saturating_sub(HEADER_LEN);
    out.resize(out.len().saturating_add(len.wrapping_neg() % 4), 0);
    let words = len.div_ceil(4);
    let Ok(length) = u16::try_from(words) else {
        out.truncate(start);
        return Err(too_long("RTCP length", words as u64, u16::MAX.into()));
    };
    if let Some([_, _, a, b, ..]) = out.get_mut(start..) {
        [*a, *b] = length.to_be_bytes();
    }
    Ok(())
}

#[cfg(test)]
mod tests;
