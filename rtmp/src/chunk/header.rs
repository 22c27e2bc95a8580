//! Chunk headers as they are on the wire (RTMP 1.0 §5.3.1).

use super::EXTENDED;
use crate::TypeId;
use alloc::vec::Vec;

/// The most bytes that a header can take: basic 3, message 11, extended timestamp 4.
pub(super) const MAX_LEN: usize = 18;

/// The two-bit format with the fields that it brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// Format 0: everything, the timestamp absolute.
    Full {
        length: u32,
        type_id: TypeId,
        stream_id: u32,
    },
    /// Format 1: stream id as before, the timestamp a delta.
    SameStream { length: u32, type_id: TypeId },
    /// Format 2: only a timestamp delta.
    Delta,
    /// Format 3: nothing: goes on with the message, or starts one like the one before.
    Same,
}

/// Basic and message header, without the extended timestamp.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) csid: u32,
    pub(super) format: Format,
    /// The 24-bit timestamp field; 0 where format 3 has none.
    pub(super) field: u32,
}

impl Header {
    /// Reads a header and tells the bytes left after it; `None` where it goes on past the end of `data`.
    pub(super) fn parse(data: &[u8]) -> Option<(Header, &[u8])> {
        let (&first, data) = data.split_first()?;
        let (csid, data) = match (first & 0x3F, data) {
            (0, [low, rest @ ..]) => (u32::from(*low) + 64, rest),
            (1, [low, high, rest @ ..]) => {
                (u32::from(u16::from_le_bytes([*low, *high])) + 64, rest)
            }
            (0 | 1, _) => return None,
            (csid, rest) => (u32::from(csid), rest),
        };
        let (format, field, rest) = match (first >> 6, data) {
            (0, [t0, t1, t2, l0, l1, l2, type_id, s0, s1, s2, s3, rest @ ..]) => {
                let format = Format::Full {
                    length: u32::from_be_bytes([0, *l0, *l1, *l2]),
                    type_id: TypeId(*type_id),
                    stream_id: u32::from_le_bytes([*s0, *s1, *s2, *s3]),
                };
                (format, [0, *t0, *t1, *t2], rest)
            }
            (1, [t0, t1, t2, l0, l1, l2, type_id, rest @ ..]) => {
                let length = u32::from_be_bytes([0, *l0, *l1, *l2]);
                (
                    Format::SameStream {
                        length,
                        type_id: TypeId(*type_id),
                    },
                    [0, *t0, *t1, *t2],
                    rest,
                )
            }
            (2, [t0, t1, t2, rest @ ..]) => (Format::Delta, [0, *t0, *t1, *t2], rest),
            (3, rest) => (Format::Same, [0; 4], rest),
            _ => return None,
        };
        Some((
            Header {
                csid,
                format,
                field: u32::from_be_bytes(field),
            },
            rest,
        ))
    }

    /// Writes a header; `time` is the full timestamp or delta, written to the extended field where it is too long.
    ///
    /// The lengths have been checked: 24 bits for `length`, 65599 for `csid`.
    pub(super) fn encode(csid: u32, format: Format, time: u32, out: &mut Vec<u8>) {
        basic(csid, format, out);
        let [_, t0, t1, t2] = time.min(EXTENDED).to_be_bytes();
        match format {
            Format::Full {
                length,
                type_id,
                stream_id,
            } => {
                let [_, l0, l1, l2] = length.to_be_bytes();
                let [s0, s1, s2, s3] = stream_id.to_le_bytes();
                out.extend_from_slice(&[t0, t1, t2, l0, l1, l2, type_id.0, s0, s1, s2, s3]);
            }
            Format::SameStream { length, type_id } => {
                let [_, l0, l1, l2] = length.to_be_bytes();
                out.extend_from_slice(&[t0, t1, t2, l0, l1, l2, type_id.0]);
            }
            Format::Delta => out.extend_from_slice(&[t0, t1, t2]),
            Format::Same => {}
        }
        if time >= EXTENDED {
            out.extend_from_slice(&time.to_be_bytes());
        }
    }
}

/// The basic header in its shortest form.
fn basic(csid: u32, format: Format, out: &mut Vec<u8>) {
    let format = match format {
        Format::Full { .. } => 0,
        Format::SameStream { .. } => 0x40,
        Format::Delta => 0x80,
        Format::Same => 0xC0,
    };
    let [low, high, ..] = csid.wrapping_sub(64).to_le_bytes();
    match csid {
        0..64 => {
            let [csid, ..] = csid.to_le_bytes();
            out.push(format | csid);
        }
        64..320 => out.extend_from_slice(&[format, low]),
        _ => out.extend_from_slice(&[format | 1, low, high]),
    }
}
