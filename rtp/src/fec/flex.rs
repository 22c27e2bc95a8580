//! FlexFEC (RFC 8627): repair packets in a stream of their own, with masks of up to 110 packets, or rows and columns.
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |R|F|P|X|  CC   |M| PT recovery |        length recovery        |
//! |                          TS recovery                          |
//! |            SN base            |k|         mask [0-14]         |  where F is 0
//! |k|                       mask [15-45]                          |  where the k before it is 1
//! |              mask [46-109], 8 bytes                           |  where the k before it is 1
//! |            SN base            |  L (columns)  |    D (rows)   |  where F is 1
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! ```
//!
//! The source whose packets are covered is the one CSRC of the repair packet. Repair packets that cover several
//! sources at once are not made here, and refused.

use super::recover::{Repair, offsets};
use super::{Group, Protection, Xor};
use crate::{Error, Header, Packet};
use alloc::borrow::Cow;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use wire::Reader;

/// Bits of the longest mask.
const MASK_BITS: u16 = 110;

/// Rows and columns of packets, row after row (RFC 8627 §4.2.2.2): each row, each column or both get a repair packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grid {
    /// A repair packet for each so many packets in sequence: for single losses.
    Rows {
        /// `L`.
        columns: u8,
    },
    /// A repair packet for each column: for bursts as long as a row.
    Columns {
        /// `L`.
        columns: u8,
        /// `D`: 2 at least.
        rows: u8,
    },
    /// Both, which repair more than each alone.
    Both {
        /// `L`.
        columns: u8,
        /// `D`: 2 at least.
        rows: u8,
    },
}

#[derive(Debug, Clone)]
enum Plan {
    Masks(Group),
    Grid {
        grid: Grid,
        base: u16,
        count: u16,
        row: Xor,
        columns: Vec<Xor>,
    },
}

/// Which packets a repair packet covers, as its header says it.
#[derive(Clone, Copy)]
enum Cover {
    Mask(u128),
    Grid { columns: u8, rows: u8 },
}

/// Makes the repair packets of a stream.
#[derive(Debug, Clone)]
pub struct Generator {
    plan: Plan,
    payload_type: u8,
    ssrc: u32,
    sequence_number: u16,
    /// Of the last packet covered.
    timestamp: u32,
    protected: u32,
    output: VecDeque<Vec<u8>>,
}

impl Generator {
    /// With masks; repair packets have this payload type, source and first sequence number.
    #[must_use]
    pub fn new(protection: Protection, payload_type: u8, ssrc: u32, sequence_number: u16) -> Self {
        Self::with(
            Plan::Masks(Group::new(protection)),
            payload_type,
            ssrc,
            sequence_number,
        )
    }

    /// With rows and columns; repair packets have this payload type, source and first sequence number.
    #[must_use]
    pub fn grid(grid: Grid, payload_type: u8, ssrc: u32, sequence_number: u16) -> Self {
        let grid = match grid {
            Grid::Rows { columns } => Grid::Rows {
                columns: columns.max(1),
            },
            Grid::Columns { columns, rows } => Grid::Columns {
                columns: columns.max(1),
                rows: rows.max(2),
            },
            Grid::Both { columns, rows } => Grid::Both {
                columns: columns.max(1),
                rows: rows.max(2),
            },
        };
        let plan = Plan::Grid {
            grid,
            base: 0,
            count: 0,
            row: Xor::default(),
            columns: Vec::new(),
        };
        Self::with(plan, payload_type, ssrc, sequence_number)
    }

    const fn with(plan: Plan, payload_type: u8, ssrc: u32, sequence_number: u16) -> Self {
        Self {
            plan,
            payload_type,
            ssrc,
            sequence_number,
            timestamp: 0,
            protected: 0,
            output: VecDeque::new(),
        }
    }

    /// Covers a packet as it is sent.
    ///
    /// # Errors
    /// What [`Packet::parse`] refuses; [`Error::TooLong`] for a payload type past 127.
    pub fn handle_packet(&mut self, packet: &[u8]) -> Result<(), Error> {
        let head = Packet::parse(packet)?;
        if head.ssrc() != self.protected {
            self.flush()?;
            self.protected = head.ssrc();
        }
        let number = head.sequence_number();
        let far = match &self.plan {
            Plan::Masks(group) => group.is_far(number, MASK_BITS),
            // A grid has no holes.
            Plan::Grid { base, count, .. } => *count > 0 && number != base.wrapping_add(*count),
        };
        if far {
            self.flush()?;
        }
        self.timestamp = head.timestamp();
        match &mut self.plan {
            Plan::Masks(group) => {
                if group.add(number, packet) {
                    self.flush()?;
                }
                Ok(())
            }
            Plan::Grid { .. } => self.handle_in_grid(number, packet),
        }
    }

    fn handle_in_grid(&mut self, number: u16, packet: &[u8]) -> Result<(), Error> {
        let Plan::Grid {
            grid,
            base,
            count,
            row,
            columns: sums,
        } = &mut self.plan
        else {
            return Ok(());
        };
        let (columns, rows, in_rows, in_columns) = match *grid {
            Grid::Rows { columns } => (columns, 1, true, false),
            Grid::Columns { columns, rows } => (columns, rows, false, true),
            Grid::Both { columns, rows } => (columns, rows, true, true),
        };
        if *count == 0 {
            *base = number;
            sums.clear();
            sums.resize_with(if in_columns { columns.into() } else { 0 }, Xor::default);
        }
        let column = count.checked_rem(columns.into()).unwrap_or(0);
        if let Some(sum) = sums.get_mut(usize::from(column)) {
            sum.add(packet);
        }
        if in_rows {
            row.add(packet);
        }
        *count = count.saturating_add(1);
        let (start, full) = (
            *base,
            *count >= u16::from(columns).saturating_mul(rows.into()),
        );
        let sums = if full {
            *count = 0;
            core::mem::take(sums)
        } else {
            Vec::new()
        };
        if in_rows && u16::from(columns) == column.saturating_add(1) {
            let row = core::mem::take(row);
            let first = number.wrapping_sub(column);
            // D says whether repair packets for columns follow.
            self.encode(
                &row,
                first,
                Cover::Grid {
                    columns,
                    rows: u8::from(in_columns),
                },
            )?;
        }
        for (sum, column) in sums.iter().zip(0u16..) {
            self.encode(
                sum,
                start.wrapping_add(column),
                Cover::Grid { columns, rows },
            )?;
        }
        Ok(())
    }

    /// Ends the group here. Rows and columns that are not full are dropped: their header cannot say so.
    ///
    /// # Errors
    /// [`Error::TooLong`] for a payload type past 127.
    pub fn flush(&mut self) -> Result<(), Error> {
        match &mut self.plan {
            Plan::Masks(group) => {
                let base = group.base;
                let repairs: Vec<_> = group.take().collect();
                repairs
                    .iter()
                    .try_for_each(|(xor, mask)| self.encode(xor, base, Cover::Mask(*mask)))
            }
            Plan::Grid {
                count,
                row,
                columns,
                ..
            } => {
                *count = 0;
                *row = Xor::default();
                columns.clear();
                Ok(())
            }
        }
    }

    fn encode(&mut self, xor: &Xor, base: u16, cover: Cover) -> Result<(), Error> {
        let header = Header {
            marker: false,
            payload_type: self.payload_type,
            sequence_number: self.sequence_number,
            timestamp: self.timestamp,
            ssrc: self.ssrc,
            csrcs: &[self.protected],
            extension: None,
        };
        let mut out = Vec::with_capacity(
            header
                .encoded_len()
                .saturating_add(24)
                .saturating_add(xor.body.len()),
        );
        header.encode(&mut out)?;
        self.sequence_number = self.sequence_number.wrapping_add(1);
        let [flags, kind, _, _, timestamp @ ..] = xor.head;
        let fixed = matches!(cover, Cover::Grid { .. });
        out.extend_from_slice(&[flags & 0x3F | if fixed { 0x40 } else { 0 }, kind]);
        out.extend_from_slice(&xor.len.to_be_bytes());
        out.extend_from_slice(&timestamp);
        out.extend_from_slice(&base.to_be_bytes());
        match cover {
            Cover::Grid { columns, rows } => out.extend_from_slice(&[columns, rows]),
            Cover::Mask(mask) => encode_mask(mask, &mut out),
        }
        out.extend_from_slice(&xor.body);
        self.output.push_back(out);
        Ok(())
    }

    /// The next repair packet, RTP header and all.
    pub fn poll_output(&mut self) -> Option<Vec<u8>> {
        self.output.pop_front()
    }
}

/// Bits `from..from + count`, the first as the highest of `count` bits.
const fn field(mask: u128, from: u32, count: u32) -> u64 {
    let field = mask.reverse_bits() << from >> (128 - count);
    let [_, _, _, _, _, _, _, _, a, b, c, d, e, f, g, h] = field.to_be_bytes();
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

fn encode_mask(mask: u128, out: &mut Vec<u8>) {
    let [_, _, _, _, _, _, a, b] = field(mask, 0, 15).to_be_bytes();
    let more = if mask >> 15 == 0 { 0 } else { 0x80 };
    out.extend_from_slice(&[a | more, b]);
    if mask >> 15 == 0 {
        return;
    }
    let [_, _, _, _, a, b, c, d] = field(mask, 15, 31).to_be_bytes();
    let more = if mask >> 46 == 0 { 0 } else { 0x80 };
    out.extend_from_slice(&[a | more, b, c, d]);
    if mask >> 46 != 0 {
        out.extend_from_slice(&field(mask, 46, 64).to_be_bytes());
    }
}

/// Reads a repair packet.
///
/// # Errors
/// [`Error::Short`] where it ends in its header; [`Error::Invalid`] where it covers no packet, or its length is not one that a packet
/// has; [`Error::Unsupported`] for a retransmission (`R`) and where it covers not exactly one source.
pub fn parse(packet: &Packet<'_>) -> Result<Repair, Error> {
    let mut csrcs = packet.csrcs();
    let (Some(ssrc), None) = (csrcs.next(), csrcs.next()) else {
        return Err(Error::Unsupported(Cow::Borrowed(
            "FlexFEC over other than one source",
        )));
    };
    let start = packet.header_len();
    let mut r = Reader::at(packet.payload(), start);
    let [flags, kind] = *r.array("FlexFEC header")?;
    if flags & 0x80 != 0 {
        return Err(Error::Unsupported(Cow::Borrowed(
            "retransmission by FlexFEC",
        )));
    }
    let len = r.u16("length recovery")?;
    let [t0, t1, t2, t3] = *r.array("TS recovery")?;
    let base = r.u16("SN base")?;
    let covered: Vec<u16> = if flags & 0x40 != 0 {
        let [columns, rows] = *r.array("L and D")?;
        let (step, count) = if rows > 1 {
            (columns, rows)
        } else {
            (1, columns)
        };
        if columns == 0 {
            return Err(Error::Invalid {
                field: "L",
                value: 0,
                offset: start.saturating_add(10) as u64,
            });
        }
        (0..u16::from(count))
            .map(|n| base.wrapping_add(n.wrapping_mul(step.into())))
            .collect()
    } else {
        let mut mask = 0;
        let short = r.u16("mask")?;
        mask |= u128::from(short & 0x7FFF) << 113;
        if short & 0x8000 != 0 {
            let middle = r.u32("mask")?;
            mask |= u128::from(middle & 0x7FFF_FFFF) << 82;
            if middle & 0x8000_0000 != 0 {
                mask |= u128::from(r.u64("mask")?) << 18;
            }
        }
        offsets(mask.reverse_bits())
            .map(|offset| base.wrapping_add(offset))
            .collect()
    };
    if covered.is_empty() {
        return Err(Error::Invalid {
            field: "mask",
            value: 0,
            offset: start.saturating_add(10) as u64,
        });
    }
    let xor = Xor {
        head: [flags & 0x3F, kind, 0, 0, t0, t1, t2, t3],
        len,
        body: r.rest().to_vec(),
    };
    Ok(Repair { ssrc, covered, xor })
}
