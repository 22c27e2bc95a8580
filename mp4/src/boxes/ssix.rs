use super::header::{count, put_version_and_flags, version_and_flags};
use super::{FourCc, IsoBox};
use crate::Error;
use alloc::vec::Vec;
use wire::{Reader, Writer};

/// Pieces of the subsegments of the [`Sidx`](super::Sidx) before it, by level (ISO/IEC 14496-12 §8.16.4).
///
/// ```text
/// version u8 = 0 | flags u24 = 0 | subsegment_count u32
/// each: range_count u32 | each: level u8 | range_size u24
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ssix {
    /// The pieces of each subsegment, in order.
    pub subsegments: Vec<Vec<SubsegmentRange>>,
}

/// A piece of a subsegment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SubsegmentRange {
    /// Its level: what has a lower one can be decoded without it.
    pub level: u8,
    /// Bytes, 24 bits.
    pub range_size: u32,
}

impl IsoBox for Ssix {
    const TYPE: FourCc = FourCc(*b"ssix");

    fn decode_body(r: &mut Reader<'_>) -> Result<Self, Error> {
        version_and_flags(r)?;
        let subsegment_count = r.u32("subsegment_count")?;
        let mut subsegments = Vec::new();
        for _ in 0..subsegment_count {
            let range_count = r.u32("range_count")?;
            let mut ranges = Vec::new();
            for _ in 0..range_count {
                ranges.push(SubsegmentRange {
                    level: r.u8("level")?,
                    range_size: r.u24("range_size")?,
                });
            }
            subsegments.push(ranges);
        }
        Ok(Self { subsegments })
    }

    fn encode_body(&self, w: &mut Writer<'_>) -> Result<(), Error> {
        put_version_and_flags(w, 0, 0);
        w.u32(count("subsegment_count", self.subsegments.len())?);
        for ranges in &self.subsegments {
            w.u32(count("range_count", ranges.len())?);
            for range in ranges {
                w.u8(range.level).u24("range_size", range.range_size)?;
            }
        }
        Ok(())
    }

    fn body_len(&self) -> usize {
        self.subsegments
            .iter()
            .map(|ranges| ranges.len().saturating_mul(4).saturating_add(4))
            .fold(8, usize::saturating_add)
    }
}
