use super::header::{
    count, put_u32_or_u64, put_version_and_flags, u32_or_u64, version_0_or_1, version_for,
};
use super::saiz::AuxInfoType;
use super::{FourCc, IsoBox};
use crate::Error;
use alloc::vec::Vec;
use wire::{Reader, Writer};

/// Where the samples' auxiliary information lies (ISO/IEC 14496-12 §8.7.9).
///
/// ```text
/// version u8 | flags u24 | if flags & 1: aux_info_type u32 | aux_info_type_parameter u32
/// entry_count u32 | offset u32 or u64, for each entry
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Saio {
    /// What it is about; `None`: the scheme of the track's protection.
    pub info_type: Option<AuxInfoType>,
    /// One for all, or one for each chunk or run. In `stbl` from the start of the file, in `traf` from the base that
    /// its data offsets have.
    pub offsets: Vec<u64>,
}

impl IsoBox for Saio {
    const TYPE: FourCc = FourCc(*b"saio");

    fn decode_body(r: &mut Reader<'_>) -> Result<Self, Error> {
        let (version, flags) = version_0_or_1(r)?;
        let info_type = AuxInfoType::decode(r, flags)?;
        let mut offsets = Vec::new();
        for _ in 0..r.u32("entry_count")? {
            offsets.push(u32_or_u64(r, version, "offset")?);
        }
        Ok(Self { info_type, offsets })
    }

    fn encode_body(&self, w: &mut Writer<'_>) -> Result<(), Error> {
        let version = version_for(&self.offsets);
        put_version_and_flags(w, version, self.info_type.is_some().into());
        AuxInfoType::put(self.info_type, w);
        w.u32(count("saio entries", self.offsets.len())?);
        self.offsets
            .iter()
            .for_each(|offset| put_u32_or_u64(w, version, *offset));
        Ok(())
    }

    fn body_len(&self) -> usize {
        let size = if version_for(&self.offsets) == 0 {
            4
        } else {
            8
        };
        let offsets = self.offsets.len().saturating_mul(size).saturating_add(8);
        offsets.saturating_add(AuxInfoType::len(self.info_type))
    }
}
