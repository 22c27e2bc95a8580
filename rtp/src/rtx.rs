//! Retransmission payload format (RFC 4588): packets sent again in a stream of their own.
//!
//! ```text
//! RTP header: payload type, SSRC and sequence number of the retransmission stream, else as it was
//! OSN (2 bytes): the original sequence number
//! the original payload
//! ```
//!
//! ```
//! use fluvial_rtp::rtx;
//!
//! let packet = [0x80, 96, 0, 7, 0, 0, 0, 1, 0, 0, 0, 2, b'h', b'i'];
//! let mut sender = rtx::Sender::new(97, 99, 1000);
//! let (mut sent, mut back) = (Vec::new(), Vec::new());
//! sender.encode(&packet, &mut sent)?;
//! assert_eq!(sent, [0x80, 97, 3, 0xE8, 0, 0, 0, 1, 0, 0, 0, 99, 0, 7, b'h', b'i']);
//! rtx::decode(&sent, 96, 2, &mut back)?;
//! assert_eq!(back, packet);
//! # Ok::<(), fluvial_rtp::Error>(())
//! ```

use crate::{Error, Header, Packet};
use alloc::vec::Vec;
use wire::Reader;

/// Makes the packets of a retransmission stream.
#[derive(Debug, Clone)]
pub struct Sender {
    payload_type: u8,
    ssrc: u32,
    sequence_number: u16,
}

impl Sender {
    /// A stream with this payload type, source and first sequence number.
    #[must_use]
    pub const fn new(payload_type: u8, ssrc: u32, sequence_number: u16) -> Self {
        Self {
            payload_type,
            ssrc,
            sequence_number,
        }
    }

    /// Writes the retransmission of a packet; its padding is left out.
    ///
    /// # Errors
    /// What [`Packet::parse`] refuses; [`Error::TooLong`] for a payload type past 127.
    pub fn encode(&mut self, packet: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        let packet = Packet::parse(packet)?;
        encode_header(
            &packet,
            (self.payload_type, self.ssrc, self.sequence_number),
            out,
        )?;
        self.sequence_number = self.sequence_number.wrapping_add(1);
        out.extend_from_slice(&packet.sequence_number().to_be_bytes());
        out.extend_from_slice(packet.payload());
        Ok(())
    }
}

/// Writes the original packet of a retransmission, with the payload type (`apt`) and the source that it had.
///
/// # Errors
/// What [`Packet::parse`] refuses; [`Error::Short`] where there is no original sequence number, as in packets that only
/// probe for bandwidth.
pub fn decode(packet: &[u8], payload_type: u8, ssrc: u32, out: &mut Vec<u8>) -> Result<(), Error> {
    let packet = Packet::parse(packet)?;
    let mut r = Reader::at(packet.payload(), packet.header_len());
    let sequence_number = r.u16("original sequence number")?;
    encode_header(&packet, (payload_type, ssrc, sequence_number), out)?;
    out.extend_from_slice(r.rest());
    Ok(())
}

fn encode_header(packet: &Packet<'_>, new: (u8, u32, u16), out: &mut Vec<u8>) -> Result<(), Error> {
    let mut csrcs = [0; 15];
    let count = packet.csrcs().len();
    csrcs
        .iter_mut()
        .zip(packet.csrcs())
        .for_each(|(to, from)| *to = from);
    let header = Header {
        marker: packet.marker(),
        payload_type: new.0,
        sequence_number: new.2,
        timestamp: packet.timestamp(),
        ssrc: new.1,
        csrcs: csrcs.get(..count).unwrap_or_default(),
        extension: packet.extension(),
    };
    header.encode(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extension::Extension;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn there_and_back(
            marker: bool, sequence_number: u16, first: u16,
            csrcs in proptest::collection::vec(any::<u32>(), 0..=15),
            extension in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..5)),
            payload: Vec<u8>, padding: u8,
        ) {
            let data = extension.map(|words| words.repeat(4));
            let extension = data.as_ref().map(|data| Extension { profile: 0xBEDE, data });
            let header = Header { marker, payload_type: 96, sequence_number, timestamp: 5, ssrc: 6, csrcs: &csrcs, extension };
            let mut original = Vec::new();
            header.encode(&mut original)?;
            original.extend(&payload);
            let bare = original.clone();
            crate::packet::pad(&mut original, 0, padding)?;
            let (mut sent, mut back) = (Vec::new(), Vec::new());
            let mut sender = Sender::new(97, 7, first);
            sender.encode(&original, &mut sent)?;
            let packet = Packet::parse(&sent)?;
            prop_assert_eq!((packet.payload_type(), packet.ssrc(), packet.sequence_number()), (97, 7, first));
            prop_assert_eq!(packet.payload().len(), payload.len() + 2);
            decode(&sent, 96, 6, &mut back)?;
            prop_assert_eq!(back, bare);
            prop_assert!(decode(&sent[..packet.header_len() + 1], 96, 6, &mut Vec::new()).is_err());
        }
    }
}
