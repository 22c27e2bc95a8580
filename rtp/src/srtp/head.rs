//! What SRTP reads of packets before it knows whether they are authentic.

use super::replay::Window;
use crate::Error;
use wire::Reader;

/// What SRTP wants to know of an RTP header (RFC 3550 §5.1).
pub(super) struct RtpHead {
    pub(super) sequence_number: u16,
    pub(super) ssrc: u32,
    /// Bytes before the payload: those that stay clear.
    pub(super) len: usize,
}

impl RtpHead {
    pub(super) fn read(packet: &[u8]) -> Result<Self, Error> {
        let mut r = Reader::new(packet);
        let first = r.u8("RTP header")?;
        if first >> 6 != 2 {
            return Err(Error::Invalid {
                field: "RTP version",
                value: (first >> 6).into(),
                offset: 0,
            });
        }
        r.skip(1, "payload type")?;
        let sequence_number = r.u16("sequence number")?;
        r.skip(4, "timestamp")?;
        let ssrc = r.u32("SSRC")?;
        r.skip(usize::from(first & 15).saturating_mul(4), "CSRC list")?;
        if first & 0x10 != 0 {
            r.skip(2, "header extension profile")?;
            let words = r.u16("header extension length")?;
            r.skip(usize::from(words).saturating_mul(4), "header extension")?;
        }
        Ok(Self {
            sequence_number,
            ssrc,
            len: r.offset(),
        })
    }

    /// The index of a packet: 48 bits, the one nearest to the highest so far (RFC 3711 §3.3.1 and appendix A).
    pub(super) fn index(&self, window: Window) -> u64 {
        let Some(highest) = window.highest() else {
            return window.first(self.sequence_number);
        };
        let [.., a, b] = highest.to_be_bytes();
        let step = self
            .sequence_number
            .wrapping_sub(u16::from_be_bytes([a, b]))
            .cast_signed();
        // Before index 0 there is nothing: what seems to be from there is far ahead.
        highest
            .checked_add_signed(step.into())
            .unwrap_or(self.sequence_number.into())
    }
}

pub(super) fn rtcp_ssrc(packet: &[u8]) -> Result<u32, Error> {
    let mut r = Reader::new(packet);
    let first = r.u32("RTCP header")?;
    if first >> 30 != 2 {
        return Err(Error::Invalid {
            field: "RTCP version",
            value: (first >> 30).into(),
            offset: 0,
        });
    }
    Ok(r.u32("SSRC")?)
}

/// The rollover counter, which HMAC takes in after the packet (RFC 3711 §4.2).
pub(super) fn rollover(index: u64) -> [u8; 4] {
    let [_, _, a, b, c, d, _, _] = index.to_be_bytes();
    [a, b, c, d]
}

/// Bytes before the trailer, which must leave the header whole.
pub(super) fn body_len(packet: &[u8], header: usize, trailer: usize) -> Result<usize, Error> {
    let short = || {
        let left = packet.len().saturating_sub(header);
        Error::Short(wire::Short {
            what: "SRTP trailer",
            offset: header,
            needed: trailer,
            left,
        })
    };
    packet
        .len()
        .checked_sub(trailer)
        .filter(|len| *len >= header)
        .ok_or_else(short)
}
