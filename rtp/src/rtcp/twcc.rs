use super::RTPFB;
use super::feedback::{TWCC, write_feedback};
use crate::Error;
use crate::packet::{short, too_long};
use alloc::vec::Vec;
use wire::Reader;

/// When packets of all streams of a transport arrived (`draft-holmer-rmcat-transport-wide-cc-extensions-01` §3.1).
///
/// ```text
/// base sequence number, 16 | packet status count, 16 | reference time, 24 | fb pkt. count, 8
/// packet chunks, 16 each | deltas of arrival, 8 or 16 each | zeros
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Twcc<'a> {
    /// Who tells.
    pub sender_ssrc: u32,
    /// One of the sources.
    pub media_ssrc: u32,
    /// The number of the first packet that is told about.
    pub base_sequence: u16,
    /// How many packets are told about.
    pub status_count: u16,
    /// What the first delta is counted from, in 64 ms on any clock; 24 bits, signed.
    pub reference_time: i32,
    /// Counts these packets, modulo 2^8.
    pub feedback_count: u8,
    chunks: &'a [u8],
    deltas: &'a [u8],
}

/// What is told about one packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// It did not arrive.
    Lost,
    /// It arrived this many times 250 µs after the one before it that did, or after the reference time.
    After(i16),
    /// It arrived; when, is not told.
    Untimed,
}

const SMALL: u8 = 1;
const LARGE: u8 = 2;
const UNTIMED: u8 = 3;

impl Arrival {
    const fn symbol(self) -> u8 {
        match self {
            Arrival::Lost => 0,
            Arrival::After(0..=255) => SMALL,
            Arrival::After(_) => LARGE,
            Arrival::Untimed => UNTIMED,
        }
    }
}

/// How many symbols a chunk tells.
const fn symbols(chunk: u16) -> u16 {
    match chunk >> 14 {
        0 | 1 => chunk & 0x1FFF,
        2 => 14,
        _ => 7,
    }
}

/// The symbol at a place in a chunk.
const fn symbol(chunk: u16, n: u16) -> u8 {
    let symbol = match chunk >> 14 {
        0 | 1 => chunk >> 13 & 3,
        2 => chunk >> (13u16.saturating_sub(n) & 15) & 1,
        _ => chunk >> (12u16.saturating_sub(2 * (n & 7)) & 15) & 3,
    };
    let [_, symbol] = symbol.to_be_bytes();
    symbol
}

impl<'a> Twcc<'a> {
    pub(super) fn decode(
        sender_ssrc: u32,
        media_ssrc: u32,
        mut r: Reader<'a>,
    ) -> Result<Self, Error> {
        let base_sequence = r.u16("base sequence number")?;
        let status_count = r.u16("packet status count")?;
        let reference_time = r.i24("reference time")?;
        let feedback_count = r.u8("fb pkt. count")?;
        let (start, mut told, mut needed) = (r.offset(), 0u16, 0usize);
        let body = r.clone().rest();
        while told < status_count {
            let chunk = r.u16("packet chunk")?;
            let count = symbols(chunk).min(status_count.saturating_sub(told));
            told = told.saturating_add(count);
            for n in 0..count {
                needed = needed.saturating_add(match symbol(chunk, n) {
                    SMALL => 1,
                    LARGE => 2,
                    _ => 0,
                });
            }
        }
        let at = r.offset();
        let (chunks, rest) = body
            .split_at_checked(at.saturating_sub(start))
            .unwrap_or((body, &[]));
        let Some(deltas) = rest.get(..needed) else {
            return Err(short("recv delta", at, needed, rest.len()));
        };
        Ok(Self {
            sender_ssrc,
            media_ssrc,
            base_sequence,
            status_count,
            reference_time,
            feedback_count,
            chunks,
            deltas,
        })
    }

    /// What is told about each packet, in order, with its number.
    pub fn arrivals(&self) -> impl Iterator<Item = (u16, Arrival)> + use<'a> {
        let mut chunks = Reader::new(self.chunks);
        let mut deltas = Reader::new(self.deltas);
        let (mut chunk, mut n, mut number) = (0u16, 0u16, self.base_sequence);
        let mut left = self.status_count;
        core::iter::from_fn(move || {
            left = left.checked_sub(1)?;
            while n >= symbols(chunk) {
                chunk = chunks.u16("packet chunk").ok()?;
                n = 0;
            }
            let arrival = match symbol(chunk, n) {
                0 => Arrival::Lost,
                SMALL => Arrival::After(deltas.u8("recv delta").ok()?.into()),
                LARGE => Arrival::After(deltas.i16("recv delta").ok()?),
                _ => Arrival::Untimed,
            };
            let item = (number, arrival);
            n = n.saturating_add(1);
            number = number.wrapping_add(1);
            Some(item)
        })
    }

    /// Appends the packet as it was read.
    ///
    /// # Errors
    /// None for what was read.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        write_feedback(RTPFB, TWCC, self.sender_ssrc, self.media_ssrc, out, |out| {
            self.write_head(out);
            out.extend_from_slice(self.chunks);
            out.extend_from_slice(self.deltas);
        })
    }

    fn write_head(&self, out: &mut Vec<u8>) {
        let [_, reference @ ..] = self.reference_time.to_be_bytes();
        out.extend_from_slice(&self.base_sequence.to_be_bytes());
        out.extend_from_slice(&self.status_count.to_be_bytes());
        out.extend_from_slice(&reference);
        out.push(self.feedback_count);
    }

    /// Appends a packet that tells these arrivals, from `base_sequence` on; the fields that count and refer are taken from
    /// `head`.
    ///
    /// # Errors
    /// [`Error::TooLong`] for more than 65,535 packets.
    pub fn encode_arrivals(
        head: &TwccHead,
        arrivals: &[Arrival],
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let count = u16::try_from(arrivals.len());
        let count = count.map_err(|_| {
            too_long(
                "packet status count",
                arrivals.len() as u64,
                u16::MAX.into(),
            )
        })?;
        let twcc = Twcc {
            sender_ssrc: head.sender_ssrc,
            media_ssrc: head.media_ssrc,
            base_sequence: head.base_sequence,
            status_count: count,
            reference_time: head.reference_time,
            feedback_count: head.feedback_count,
            chunks: &[],
            deltas: &[],
        };
        write_feedback(RTPFB, TWCC, head.sender_ssrc, head.media_ssrc, out, |out| {
            twcc.write_head(out);
            let mut rest = arrivals;
            while let Some(first) = rest.first() {
                let symbol = first.symbol();
                let run = rest.iter().take(0x1FFF);
                let run = run.take_while(|arrival| arrival.symbol() == symbol).count();
                let ones = rest
                    .iter()
                    .take(14)
                    .all(|arrival| arrival.symbol() <= SMALL);
                let (chunk, used) = if run >= 14 || run >= 7 && !ones || run == rest.len() {
                    let run16 = u16::try_from(run).unwrap_or(0);
                    (u16::from(symbol) << 13 | run16, run)
                } else if ones {
                    let bits = rest.iter().take(14).zip((0..14u16).rev());
                    let bits = bits.fold(0x8000, |chunk, (arrival, shift)| {
                        chunk | u16::from(arrival.symbol()) << shift
                    });
                    (bits, 14)
                } else {
                    let bits = rest.iter().take(7).zip((0..7u16).rev());
                    let bits = bits.fold(0xC000, |chunk, (arrival, n)| {
                        chunk | u16::from(arrival.symbol()) << (2 * n)
                    });
                    (bits, 7)
                };
                out.extend_from_slice(&chunk.to_be_bytes());
                rest = rest.get(used..).unwrap_or_default();
            }
            for arrival in arrivals {
                if let Arrival::After(delta) = *arrival {
                    match u8::try_from(delta) {
                        Ok(delta) => out.push(delta),
                        Err(_) => out.extend_from_slice(&delta.to_be_bytes()),
                    }
                }
            }
        })
    }
}

/// What [`Twcc::encode_arrivals`] needs beside the arrivals; the fields are those of [`Twcc`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TwccHead {
    /// Who tells.
    pub sender_ssrc: u32,
    /// One of the sources.
    pub media_ssrc: u32,
    /// The number of the first packet that is told about.
    pub base_sequence: u16,
    /// What the first delta is counted from, in 64 ms on any clock; 24 bits, signed.
    pub reference_time: i32,
    /// Counts these packets, modulo 2^8.
    pub feedback_count: u8,
}
