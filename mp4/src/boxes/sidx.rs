use super::header::{
    put_u32_or_u64, put_version_and_flags, u32_or_u64, version_0_or_1, version_for,
};
use super::{FourCc, IsoBox};
use crate::Error;
use alloc::vec::Vec;
use wire::{Reader, Writer};

/// An index of the segments or fragments that follow (ISO/IEC 14496-12 §8.16.3).
///
/// ```text
/// version u8 | flags u24 = 0 | reference_ID u32 | timescale u32
/// earliest_presentation_time u32 or u64 | first_offset u32 or u64 | reserved u16 | reference_count u16
/// each: reference_type 1 bit | referenced_size 31 | subsegment_duration u32
///       starts_with_SAP 1 | SAP_type 3 | SAP_delta_time 28
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sidx {
    /// The track that times are of.
    pub reference_id: u32,
    /// Ticks per second of the times here.
    pub timescale: u32,
    /// Presentation time of the first sample.
    pub earliest_presentation_time: u64,
    /// Bytes between the end of this box and what the first reference is to.
    pub first_offset: u64,
    /// What follows, in order.
    pub references: Vec<Reference>,
}

/// A piece of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reference {
    /// It is another `sidx`, not media.
    pub is_index: bool,
    /// Bytes, 31 bits.
    pub referenced_size: u32,
    /// Ticks that it lasts.
    pub subsegment_duration: u32,
    /// It starts with a point where decoding can start.
    pub starts_with_sap: bool,
    /// Kind of that point, 3 bits; 0: not known.
    pub sap_type: u8,
    /// Ticks from its start to that point, 28 bits.
    pub sap_delta_time: u32,
}

impl IsoBox for Sidx {
    const TYPE: FourCc = FourCc(*b"sidx");

    fn decode_body(r: &mut Reader<'_>) -> Result<Self, Error> {
        let (version, _) = version_0_or_1(r)?;
        let reference_id = r.u32("reference_ID")?;
        let timescale = r.u32("timescale")?;
        let earliest_presentation_time = u32_or_u64(r, version, "earliest_presentation_time")?;
        let first_offset = u32_or_u64(r, version, "first_offset")?;
        r.skip(2, "reserved")?;
        let reference_count = r.u16("reference_count")?;
        let mut references = Vec::new();
        for _ in 0..reference_count {
            let size = r.u32("referenced_size")?;
            let subsegment_duration = r.u32("subsegment_duration")?;
            let sap = r.u32("SAP")?;
            let [kind, ..] = sap.to_be_bytes();
            references.push(Reference {
                is_index: size >> 31 == 1,
                referenced_size: size & 0x7FFF_FFFF,
                subsegment_duration,
                starts_with_sap: kind & 0x80 != 0,
                sap_type: kind >> 4 & 7,
                sap_delta_time: sap & 0x0FFF_FFFF,
            });
        }
        Ok(Self {
            reference_id,
            timescale,
            earliest_presentation_time,
            first_offset,
            references,
        })
    }

    fn encode_body(&self, w: &mut Writer<'_>) -> Result<(), Error> {
        let version = version_for(&[self.earliest_presentation_time, self.first_offset]);
        put_version_and_flags(w, version, 0);
        w.u32(self.reference_id).u32(self.timescale);
        put_u32_or_u64(w, version, self.earliest_presentation_time);
        put_u32_or_u64(w, version, self.first_offset);
        let fits = |what, value: u64, max: u64| {
            if value > max {
                Err(wire::TooLong { what, value, max })
            } else {
                Ok(())
            }
        };
        let len = self.references.len();
        let too_long = wire::TooLong {
            what: "reference_count",
            value: len as u64,
            max: u16::MAX.into(),
        };
        w.u16(0).u16(u16::try_from(len).map_err(|_| too_long)?);
        for reference in &self.references {
            fits(
                "referenced_size",
                reference.referenced_size.into(),
                0x7FFF_FFFF,
            )?;
            fits("SAP_type", reference.sap_type.into(), 7)?;
            fits(
                "SAP_delta_time",
                reference.sap_delta_time.into(),
                0x0FFF_FFFF,
            )?;
            w.u32(u32::from(reference.is_index) << 31 | reference.referenced_size);
            w.u32(reference.subsegment_duration);
            let kind =
                u32::from(reference.starts_with_sap) << 31 | u32::from(reference.sap_type) << 28;
            w.u32(kind | reference.sap_delta_time);
        }
        Ok(())
    }

    fn body_len(&self) -> usize {
        let times = if version_for(&[self.earliest_presentation_time, self.first_offset]) == 0 {
            8
        } else {
            16
        };
        self.references
            .len()
            .saturating_mul(12)
            .saturating_add(16 + times)
    }
}
