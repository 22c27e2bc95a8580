use super::list::{Entry, List};
use super::{PSFB, RTPFB, write_packet};
use crate::Error;
use crate::packet::{invalid, too_long};
use alloc::vec::Vec;
use wire::Reader;

/// A packet that is missing, and which of the 16 after it are (RFC 4585 §6.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NackEntry {
    /// `PID`: the sequence number of the first.
    pub packet_id: u16,
    /// `BLP`: bit n set says that the packet n + 1 later is missing too.
    pub bitmask: u16,
}

impl NackEntry {
    /// The sequence numbers of the missing packets.
    pub fn sequence_numbers(self) -> impl Iterator<Item = u16> {
        let more = (0..16u16).filter(move |n| self.bitmask >> n & 1 != 0);
        let more = more.map(move |n| self.packet_id.wrapping_add(n).wrapping_add(1));
        core::iter::once(self.packet_id).chain(more)
    }

    /// As few entries as tell these sequence numbers, which are in order.
    pub fn of(sequence_numbers: impl IntoIterator<Item = u16>) -> impl Iterator<Item = Self> {
        let mut numbers = sequence_numbers.into_iter().peekable();
        core::iter::from_fn(move || {
            let packet_id = numbers.next()?;
            let mut bitmask = 0;
            while let Some(next) = numbers.peek() {
                match next.wrapping_sub(packet_id) {
                    0 => {}
                    distance @ 1..=16 => bitmask |= 1 << (distance - 1),
                    _ => break,
                }
                numbers.next();
            }
            Some(Self { packet_id, bitmask })
        })
    }
}

impl Entry for NackEntry {
    const LEN: usize = 4;
    fn read(r: &mut Reader<'_>) -> Option<Self> {
        let packet_id = r.u16("PID").ok()?;
        let bitmask = r.u16("BLP").ok()?;
        Some(Self { packet_id, bitmask })
    }
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.packet_id.to_be_bytes());
        out.extend_from_slice(&self.bitmask.to_be_bytes());
    }
}

/// Asks for packets again (RFC 4585 §6.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Nack<'a> {
    /// Who asks.
    pub sender_ssrc: u32,
    /// Whose packets.
    pub media_ssrc: u32,
    /// Which.
    pub entries: List<'a, NackEntry>,
}

/// Asks for a picture that needs no other (RFC 4585 §6.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pli {
    /// Who asks.
    pub sender_ssrc: u32,
    /// Whose picture.
    pub media_ssrc: u32,
}

/// Macroblocks that are lost (RFC 4585 §6.3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SliEntry {
    /// The first macroblock, 13 bits.
    pub first: u16,
    /// How many, 13 bits.
    pub number: u16,
    /// The lower bits of the picture's number, 6 bits.
    pub picture_id: u8,
}

impl Entry for SliEntry {
    const LEN: usize = 4;
    fn read(r: &mut Reader<'_>) -> Option<Self> {
        let word = r.u32("SLI").ok()?;
        let field = |shift: u32, mask: u16| u16::try_from(word >> shift & u32::from(mask)).ok();
        Some(Self {
            first: field(19, 0x1FFF)?,
            number: field(6, 0x1FFF)?,
            picture_id: u8::try_from(field(0, 0x3F)?).ok()?,
        })
    }
    fn write(&self, out: &mut Vec<u8>) {
        let (first, number) = (
            u32::from(self.first & 0x1FFF),
            u32::from(self.number & 0x1FFF),
        );
        let word = first << 19 | number << 6 | u32::from(self.picture_id & 0x3F);
        out.extend_from_slice(&word.to_be_bytes());
    }
}

/// Tells which macroblocks are lost (RFC 4585 §6.3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sli<'a> {
    /// Who tells.
    pub sender_ssrc: u32,
    /// Whose picture.
    pub media_ssrc: u32,
    /// Which.
    pub entries: List<'a, SliEntry>,
}

/// A source of which a decoder refresh point is wanted (RFC 5104 §4.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FirEntry {
    /// The source.
    pub ssrc: u32,
    /// Counts requests, so that one sent again is not taken for a new one.
    pub sequence_number: u8,
}

impl Entry for FirEntry {
    const LEN: usize = 8;
    fn read(r: &mut Reader<'_>) -> Option<Self> {
        let ssrc = r.u32("SSRC").ok()?;
        let sequence_number = r.u8("Seq nr.").ok()?;
        r.skip(3, "reserved").ok()?;
        Some(Self {
            ssrc,
            sequence_number,
        })
    }
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.ssrc.to_be_bytes());
        out.extend_from_slice(&[self.sequence_number, 0, 0, 0]);
    }
}

/// Asks for decoder refresh points (RFC 5104 §4.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fir<'a> {
    /// Who asks.
    pub sender_ssrc: u32,
    /// Of which sources.
    pub entries: List<'a, FirEntry>,
}

/// How much a receiver takes itself to be able to receive (`draft-alvestrand-rmcat-remb`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Remb<'a> {
    /// Who tells.
    pub sender_ssrc: u32,
    /// Bits per second; 18 bits are told, and by how much they are shifted.
    pub bitrate: u64,
    /// Of which sources together; 255 at most.
    pub ssrcs: List<'a, u32>,
}

/// Feedback of a format that is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OtherFeedback<'a> {
    /// [`PSFB`](super::PSFB) or [`RTPFB`](super::RTPFB).
    pub packet_type: u8,
    /// The format, 5 bits.
    pub format: u8,
    /// Who tells.
    pub sender_ssrc: u32,
    /// About which source.
    pub media_ssrc: u32,
    /// The rest: whole words.
    pub data: &'a [u8],
}

/// Formats of transport layer feedback: [`RTPFB`].
pub(super) const NACK: u8 = 1;
pub(super) const TWCC: u8 = 15;
/// Formats of payload-specific feedback: [`PSFB`].
pub(super) const PLI: u8 = 1;
pub(super) const SLI: u8 = 2;
pub(super) const FIR: u8 = 4;
pub(super) const ALFB: u8 = 15;

pub(super) fn write_feedback(
    packet_type: u8,
    format: u8,
    sender_ssrc: u32,
    media_ssrc: u32,
    out: &mut Vec<u8>,
    body: impl FnOnce(&mut Vec<u8>),
) -> Result<(), Error> {
    write_packet(packet_type, format.into(), out, |out| {
        out.extend_from_slice(&sender_ssrc.to_be_bytes());
        out.extend_from_slice(&media_ssrc.to_be_bytes());
        body(out);
    })
}

impl Nack<'_> {
    /// Appends the packet.
    ///
    /// # Errors
    /// [`Error::TooLong`] for more entries than a packet can hold.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        write_feedback(RTPFB, NACK, self.sender_ssrc, self.media_ssrc, out, |out| {
            self.entries.encode(out);
        })
    }
}

impl Pli {
    /// Appends the packet.
    ///
    /// # Errors
    /// None; all encoders have this form.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        write_feedback(PSFB, PLI, self.sender_ssrc, self.media_ssrc, out, |_| {})
    }
}

impl Sli<'_> {
    /// Appends the packet.
    ///
    /// # Errors
    /// [`Error::TooLong`] for more entries than a packet can hold.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        write_feedback(PSFB, SLI, self.sender_ssrc, self.media_ssrc, out, |out| {
            self.entries.encode(out);
        })
    }
}

impl Fir<'_> {
    /// Appends the packet.
    ///
    /// # Errors
    /// [`Error::TooLong`] for more entries than a packet can hold.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        write_feedback(PSFB, FIR, self.sender_ssrc, 0, out, |out| {
            self.entries.encode(out);
        })
    }
}

const REMB: [u8; 4] = *b"REMB";

impl<'a> Remb<'a> {
    /// From the body of application layer feedback; `None` where it is something else. One that is cut short is an error,
    /// not something else: written as such, and padded to whole words, it would be read as a REMB after all.
    pub(super) fn decode(sender_ssrc: u32, mut r: Reader<'a>) -> Result<Option<Self>, Error> {
        if r.left() < REMB.len() || *r.array("unique identifier")? != REMB {
            return Ok(None);
        }
        let count = r.u8("Num SSRC")?;
        let at = r.offset();
        let word = r.u24("BR Exp, BR Mantissa")?;
        let (exponent, mantissa) = (word >> 18, u64::from(word & 0x3_FFFF));
        let bitrate = mantissa << exponent;
        if bitrate >> exponent != mantissa {
            let exponent = u8::try_from(exponent).unwrap_or(0);
            return Err(invalid("BR Exp", exponent, at));
        }
        let ssrcs = r.take(usize::from(count) * 4, "SSRC feedback")?;
        Ok(Some(Self {
            sender_ssrc,
            bitrate,
            ssrcs: List::Wire(ssrcs),
        }))
    }

    /// Appends the packet; of the rate its upper 18 bits.
    ///
    /// # Errors
    /// [`Error::TooLong`] for more than 255 sources.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        let count = u8::try_from(self.ssrcs.len());
        let count = count.map_err(|_| too_long("Num SSRC", self.ssrcs.len() as u64, 255))?;
        let exponent = 46u32.saturating_sub(self.bitrate.leading_zeros());
        let [.., a, b, c] = (self.bitrate >> exponent | u64::from(exponent) << 18).to_be_bytes();
        write_feedback(PSFB, ALFB, self.sender_ssrc, 0, out, |out| {
            out.extend_from_slice(&REMB);
            out.extend_from_slice(&[count, a, b, c]);
            self.ssrcs.encode(out);
        })
    }
}

impl OtherFeedback<'_> {
    /// Appends the packet.
    ///
    /// # Errors
    /// [`Error::TooLong`] for a format past 31, or more than a packet can hold.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        let (kind, format) = (self.packet_type, self.format);
        write_feedback(
            kind,
            format,
            self.sender_ssrc,
            self.media_ssrc,
            out,
            |out| {
                out.extend_from_slice(self.data);
            },
        )
    }
}
