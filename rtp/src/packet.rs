//! RTP packets (RFC 3550 §5.1).
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |V=2|P|X|  CC   |M|     PT      |       sequence number         |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |                           timestamp                           |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |                             SSRC                              |
//! +=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+
//! |                CSRC, CC times; extension where X              |
//! ```

use crate::Error;
use crate::extension::Extension;
use alloc::vec::Vec;
use core::fmt;
use wire::{Short, TooLong};

/// Bytes of the header that every packet has.
pub const FIXED_LEN: usize = 12;

const PADDING: u8 = 0x20;
const EXTENSION: u8 = 0x10;
const MARKER: u8 = 0x80;

/// A view of a packet. Nothing is copied.
///
/// ```
/// use fluvial_rtp::Packet;
///
/// let bytes = [0x80, 0xE0, 0x12, 0x34, 0, 0, 0x0B, 0xB8, 0xCA, 0xFE, 0xBA, 0xBE, 1, 2, 3];
/// let packet = Packet::parse(&bytes)?;
/// assert!(packet.marker());
/// assert_eq!((packet.payload_type(), packet.sequence_number()), (96, 0x1234));
/// assert_eq!((packet.timestamp(), packet.ssrc()), (3000, 0xCAFE_BABE));
/// assert_eq!(packet.payload(), [1, 2, 3]);
/// # Ok::<(), fluvial_rtp::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Packet<'a> {
    fixed: &'a [u8; FIXED_LEN],
    csrcs: &'a [[u8; 4]],
    extension: Option<Extension<'a>>,
    payload: &'a [u8],
    padding: u8,
}

impl<'a> Packet<'a> {
    /// Reads a whole packet, such as a datagram.
    ///
    /// # Errors
    /// [`Error::Short`] where it ends in its header; [`Error::Invalid`] for a version other than 2 and for padding that
    /// is empty or longer than what follows the header.
    #[inline]
    pub fn parse(data: &'a [u8]) -> Result<Self, Error> {
        let Some((fixed, mut rest)) = data.split_first_chunk::<FIXED_LEN>() else {
            return Err(short("RTP header", 0, FIXED_LEN, data.len()));
        };
        let [first, ..] = *fixed;
        if first >> 6 != 2 {
            return Err(invalid("version", first >> 6, 0));
        }
        let mut csrcs: &[[u8; 4]] = &[];
        if first & 0x0F != 0 {
            let len = usize::from(first & 0x0F) * 4;
            let Some((list, after)) = rest.split_at_checked(len) else {
                return Err(short("CSRC list", FIXED_LEN, len, rest.len()));
            };
            (csrcs, rest) = (list.as_chunks().0, after);
        }
        let mut extension = None;
        if first & EXTENSION != 0 {
            let at = data.len().saturating_sub(rest.len());
            let Some(([a, b, c, d], after)) = rest.split_first_chunk() else {
                return Err(short("extension header", at, 4, rest.len()));
            };
            let len = usize::from(u16::from_be_bytes([*c, *d])) * 4;
            let Some((body, after)) = after.split_at_checked(len) else {
                return Err(short("extension", at.saturating_add(4), len, after.len()));
            };
            let profile = u16::from_be_bytes([*a, *b]);
            extension = Some(Extension {
                profile,
                data: body,
            });
            rest = after;
        }
        let mut padding = 0;
        if first & PADDING != 0 {
            padding = rest.last().copied().unwrap_or(0);
            match rest.len().checked_sub(padding.into()) {
                Some(len) if padding > 0 => rest = rest.get(..len).unwrap_or_default(),
                _ => return Err(invalid("padding", padding, data.len().saturating_sub(1))),
            }
        }
        Ok(Self {
            fixed,
            csrcs,
            extension,
            payload: rest,
            padding,
        })
    }

    /// The marker bit; what it marks is for the payload format to say: the end of a frame, the start of a talkspurt.
    #[must_use]
    #[inline]
    pub const fn marker(&self) -> bool {
        let [_, second, ..] = *self.fixed;
        second & MARKER != 0
    }

    /// Names the payload format; 7 bits.
    #[must_use]
    #[inline]
    pub const fn payload_type(&self) -> u8 {
        let [_, second, ..] = *self.fixed;
        second & 0x7F
    }

    /// The fixed header, with the sequence number counted back.
    #[cfg(feature = "media")]
    pub(crate) const fn fixed_less(&self, count: u16) -> [u8; FIXED_LEN] {
        let [a, b, _, _, rest @ ..] = *self.fixed;
        let [c, d] = self.sequence_number().wrapping_sub(count).to_be_bytes();
        let [e, f, g, h, i, j, k, l] = rest;
        [a, b, c, d, e, f, g, h, i, j, k, l]
    }

    /// The packet with another fixed header.
    #[cfg(feature = "media")]
    pub(crate) const fn with_fixed<'b>(&self, fixed: &'b [u8; FIXED_LEN]) -> Packet<'b>
    where
        'a: 'b,
    {
        Packet { fixed, ..*self }
    }

    /// Counts packets, modulo 2^16.
    #[must_use]
    #[inline]
    pub const fn sequence_number(&self) -> u16 {
        let [_, _, a, b, ..] = *self.fixed;
        u16::from_be_bytes([a, b])
    }

    /// When the first byte of the payload was sampled, in ticks of the format's clock, modulo 2^32.
    #[must_use]
    #[inline]
    pub const fn timestamp(&self) -> u32 {
        let [_, _, _, _, a, b, c, d, ..] = *self.fixed;
        u32::from_be_bytes([a, b, c, d])
    }

    /// The synchronisation source.
    #[must_use]
    #[inline]
    pub const fn ssrc(&self) -> u32 {
        let [.., a, b, c, d] = *self.fixed;
        u32::from_be_bytes([a, b, c, d])
    }

    /// The contributing sources, 15 at most.
    pub fn csrcs(&self) -> impl ExactSizeIterator<Item = u32> + 'a {
        self.csrcs.iter().map(|csrc| u32::from_be_bytes(*csrc))
    }

    /// The header extension.
    #[must_use]
    #[inline]
    pub const fn extension(&self) -> Option<Extension<'a>> {
        self.extension
    }

    /// The payload, without padding.
    #[must_use]
    #[inline]
    pub const fn payload(&self) -> &'a [u8] {
        self.payload
    }

    /// Bytes of padding after the payload, the last of which counts them; 0 for none.
    #[must_use]
    #[inline]
    pub const fn padding(&self) -> u8 {
        self.padding
    }

    /// Bytes before the payload.
    #[must_use]
    pub const fn header_len(&self) -> usize {
        let csrcs = self.csrcs.as_flattened().len();
        let extension = match &self.extension {
            Some(extension) => extension.data.len().saturating_add(4),
            None => 0,
        };
        FIXED_LEN.saturating_add(csrcs).saturating_add(extension)
    }
}

impl fmt::Debug for Packet<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Packet")
            .field("marker", &self.marker())
            .field("payload_type", &self.payload_type())
            .field("sequence_number", &self.sequence_number())
            .field("timestamp", &self.timestamp())
            .field("ssrc", &format_args!("{:#010x}", self.ssrc()))
            .field("csrcs", &self.csrcs.len())
            .field("extension", &self.extension)
            .field("payload", &self.payload.len())
            .field("padding", &self.padding)
            .finish()
    }
}

/// What a packet begins with, to be written.
///
/// ```
/// use fluvial_rtp::{Header, Packet};
///
/// let header = Header { payload_type: 96, sequence_number: 7, timestamp: 3000, ssrc: 1, ..Header::default() };
/// let mut out = Vec::new();
/// header.encode(&mut out)?;
/// out.extend_from_slice(b"payload");
/// assert_eq!(Packet::parse(&out)?.payload(), b"payload");
/// # Ok::<(), fluvial_rtp::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Header<'a> {
    /// The marker bit.
    pub marker: bool,
    /// Names the payload format; 7 bits.
    pub payload_type: u8,
    /// Counts packets, modulo 2^16.
    pub sequence_number: u16,
    /// In ticks of the format's clock, modulo 2^32.
    pub timestamp: u32,
    /// The synchronisation source.
    pub ssrc: u32,
    /// The contributing sources, 15 at most.
    pub csrcs: &'a [u32],
    /// The header extension.
    pub extension: Option<Extension<'a>>,
}

impl Header<'_> {
    /// The 12 bytes that a packet without contributing sources, extension and padding has before its payload; only the
    /// lower 7 bits of `payload_type` are taken.
    #[must_use]
    #[inline]
    pub const fn fixed(&self) -> [u8; FIXED_LEN] {
        let marker = if self.marker { MARKER } else { 0 };
        let [n0, n1] = self.sequence_number.to_be_bytes();
        let [t0, t1, t2, t3] = self.timestamp.to_be_bytes();
        let [s0, s1, s2, s3] = self.ssrc.to_be_bytes();
        let second = marker | self.payload_type & 0x7F;
        [0x80, second, n0, n1, t0, t1, t2, t3, s0, s1, s2, s3]
    }

    /// Bytes that [`encode`](Self::encode) writes.
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        let extension = self.extension.map_or(0, |extension| {
            extension.data.len().next_multiple_of(4).saturating_add(4)
        });
        let csrcs = self.csrcs.len().saturating_mul(4);
        FIXED_LEN.saturating_add(csrcs).saturating_add(extension)
    }

    /// Writes the header; the payload is to follow. The extension is filled up with zeros to whole words.
    ///
    /// # Errors
    /// [`Error::TooLong`] for a payload type past 127, more than 15 contributing sources, and an extension of more than
    /// 2^16 - 1 words.
    #[inline]
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        if self.payload_type > 0x7F {
            return Err(too_long("payload type", self.payload_type.into(), 0x7F));
        }
        let mut fixed = self.fixed();
        if self.csrcs.is_empty() && self.extension.is_none() {
            out.extend_from_slice(&fixed);
            return Ok(());
        }
        let [first, ..] = &mut fixed;
        match u8::try_from(self.csrcs.len()) {
            Ok(count @ 0..=15) => *first |= count,
            _ => return Err(too_long("CSRC count", self.csrcs.len() as u64, 15)),
        }
        let Some(extension) = self.extension else {
            out.extend_from_slice(&fixed);
            self.encode_csrcs(out);
            return Ok(());
        };
        *first |= EXTENSION;
        let words = extension.data.len().div_ceil(4);
        let Ok(words) = u16::try_from(words) else {
            return Err(too_long("extension length", words as u64, u16::MAX.into()));
        };
        out.extend_from_slice(&fixed);
        self.encode_csrcs(out);
        out.extend_from_slice(&extension.profile.to_be_bytes());
        out.extend_from_slice(&words.to_be_bytes());
        out.extend_from_slice(extension.data);
        let fill = extension.data.len().wrapping_neg() % 4;
        out.resize(out.len().saturating_add(fill), 0);
        Ok(())
    }

    fn encode_csrcs(&self, out: &mut Vec<u8>) {
        for csrc in self.csrcs {
            out.extend_from_slice(&csrc.to_be_bytes());
        }
    }
}

/// Adds padding of `len` bytes to the packet that starts at `start` in the buffer and ends with it; 0 adds none.
///
/// # Errors
/// [`Error::Short`] where no packet starts there; the buffer is as it was.
pub fn pad(out: &mut Vec<u8>, start: usize, len: u8) -> Result<(), Error> {
    let end = out.len();
    let Some(fixed) = out.get_mut(start..).and_then(<[u8]>::first_chunk_mut) else {
        let left = end.saturating_sub(start);
        return Err(short("RTP header", start, FIXED_LEN, left));
    };
    let [first, ..]: &mut [u8; FIXED_LEN] = fixed;
    if let Some(zeros) = len.checked_sub(1) {
        *first |= PADDING;
        out.resize(end.saturating_add(zeros.into()), 0);
        out.push(len);
    }
    Ok(())
}

#[cold]
pub(crate) const fn short(what: &'static str, offset: usize, needed: usize, left: usize) -> Error {
    Error::Short(Short {
        what,
        offset,
        needed,
        left,
    })
}

#[cold]
pub(crate) const fn too_long(what: &'static str, value: u64, max: u64) -> Error {
    Error::TooLong(TooLong { what, value, max })
}

#[cold]
pub(crate) fn invalid(field: &'static str, value: u8, offset: usize) -> Error {
    Error::Invalid {
        field,
        value: value.into(),
        offset: offset as u64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_part() {
        let bytes = [
            0xB2, 0x60, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, // V=2 P X CC=2, PT 96
            0, 0, 0, 4, 0, 0, 0, 5, // CSRC
            0xBE, 0xDE, 0, 1, 0x10, 0xAA, 0, 0, // extension
            7, 8, 9, 0, 0, 3,
        ];
        let packet = Packet::parse(&bytes).unwrap();
        assert!(!packet.marker());
        assert_eq!(packet.csrcs().collect::<Vec<_>>(), [4, 5]);
        let extension = packet.extension().unwrap();
        assert_eq!(
            (extension.profile, extension.data),
            (0xBEDE, &[0x10, 0xAA, 0, 0][..])
        );
        assert_eq!((packet.payload(), packet.padding()), (&[7, 8, 9][..], 3));
        assert_eq!(packet.header_len(), 28);
    }

    #[test]
    fn what_is_wrong_is_told() {
        let error = |bytes: &[u8]| Packet::parse(bytes).unwrap_err().to_string();
        let mut bytes = [0u8; 16];
        assert_eq!(error(&bytes), "version must not be 0 at offset 0");
        bytes[0] = 0xA0;
        assert_eq!(error(&bytes), "padding must not be 0 at offset 15");
        bytes[15] = 5;
        assert_eq!(error(&bytes), "padding must not be 5 at offset 15");
        bytes[15] = 4;
        assert_eq!(Packet::parse(&bytes).unwrap().payload(), []);
        bytes[0] = 0x82;
        assert!(error(&bytes).contains("CSRC list"), "{}", error(&bytes));
        bytes[0] = 0x90;
        bytes[15] = 1;
        assert!(error(&bytes).contains("extension"), "{}", error(&bytes));
        assert!(error(&bytes[..11]).contains("RTP header"));
    }

    #[test]
    fn what_does_not_fit_is_not_written() {
        let mut out = Vec::new();
        let header = Header {
            payload_type: 128,
            ..Header::default()
        };
        assert!(matches!(header.encode(&mut out), Err(Error::TooLong(_))));
        let header = Header {
            csrcs: &[0; 16],
            ..Header::default()
        };
        assert!(matches!(header.encode(&mut out), Err(Error::TooLong(_))));
        assert!(matches!(pad(&mut out, 0, 4), Err(Error::Short(_))));
        assert!(out.is_empty());
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            marker: bool,
            payload_type in 0u8..128,
            sequence_number: u16,
            timestamp: u32,
            ssrc: u32,
            csrcs in proptest::collection::vec(any::<u32>(), 0..=15),
            extension in proptest::option::of((any::<u16>(), proptest::collection::vec(any::<u8>(), 0..40))),
            payload: Vec<u8>,
            padding: u8,
            before in 0usize..5,
        ) {
            let extension = extension.as_ref().map(|(profile, data)| Extension { profile: *profile, data });
            let header = Header { marker, payload_type, sequence_number, timestamp, ssrc, csrcs: &csrcs, extension };
            let mut out = vec![0xEE; before];
            header.encode(&mut out).unwrap();
            prop_assert_eq!(out.len() - before, header.encoded_len());
            out.extend_from_slice(&payload);
            pad(&mut out, before, padding).unwrap();
            let packet = Packet::parse(&out[before..]).unwrap();
            prop_assert_eq!(packet.header_len(), header.encoded_len());
            prop_assert_eq!(packet.marker(), marker);
            prop_assert_eq!(packet.payload_type(), payload_type);
            prop_assert_eq!(packet.sequence_number(), sequence_number);
            prop_assert_eq!(packet.timestamp(), timestamp);
            prop_assert_eq!(packet.ssrc(), ssrc);
            prop_assert_eq!(packet.csrcs().collect::<Vec<_>>(), csrcs);
            prop_assert_eq!(packet.payload(), payload);
            prop_assert_eq!(packet.padding(), padding);
            match (packet.extension(), extension) {
                (Some(got), Some(put)) => {
                    prop_assert_eq!(got.profile, put.profile);
                    prop_assert!(got.data.starts_with(put.data) && got.data.len() < put.data.len() + 4);
                }
                (got, put) => prop_assert_eq!(got, put),
            }
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            if let Ok(packet) = Packet::parse(&bytes) {
                prop_assert_eq!(packet.header_len() + packet.payload().len() + usize::from(packet.padding()), bytes.len());
            }
        }
    }
}
