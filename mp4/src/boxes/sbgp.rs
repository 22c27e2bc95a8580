use super::header::{put_version_and_flags, version_0_or_1};
use super::table::entry;
use super::{FourCc, IsoBox, Table};
use crate::Error;
use wire::{Reader, Writer};

/// Which group of a kind each sample is in (ISO/IEC 14496-12 §8.9.2).
///
/// ```text
/// version u8 | flags u24 = 0 | grouping_type u32 | version 1: grouping_type_parameter u32 | entry_count u32
/// each: sample_count u32 | group_description_index u32
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sbgp {
    /// The kind of grouping: `roll`, `prol`, `rap `, `seig`, ...
    pub grouping_type: FourCc,
    /// A kind within the kind; version 1 where there is one.
    pub grouping_type_parameter: Option<u32>,
    /// The entries. Samples after the last one are in the default group.
    pub entries: Table<SampleToGroup, 8>,
}

entry! {
    /// Samples in a row that are in one group.
    SampleToGroup, 8 {
        /// How many.
        sample_count: u32,
        /// Entry of the [`Sgpd`](super::Sgpd) of the kind, from 1; 0: in no group. In a fragment, from 0x10001 on: of
        /// the fragment's own.
        group_description_index: u32,
    }
}

impl IsoBox for Sbgp {
    const TYPE: FourCc = FourCc(*b"sbgp");

    fn decode_body(r: &mut Reader<'_>) -> Result<Self, Error> {
        let (version, _) = version_0_or_1(r)?;
        let grouping_type = FourCc::read(r, "grouping_type")?;
        let grouping_type_parameter = (version == 1)
            .then(|| r.u32("grouping_type_parameter"))
            .transpose()?;
        let entry_count = r.u32("entry_count")?;
        Ok(Self {
            grouping_type,
            grouping_type_parameter,
            entries: Table::decode(r, entry_count, "sbgp entries")?,
        })
    }

    fn encode_body(&self, w: &mut Writer<'_>) -> Result<(), Error> {
        put_version_and_flags(w, self.grouping_type_parameter.is_some().into(), 0);
        w.bytes(&self.grouping_type.0);
        if let Some(parameter) = self.grouping_type_parameter {
            w.u32(parameter);
        }
        self.entries.put(w, "sbgp entries")
    }

    fn body_len(&self) -> usize {
        let parameter = if self.grouping_type_parameter.is_some() {
            4
        } else {
            0
        };
        let entries = self.entries.len().saturating_mul(8);
        entries.saturating_add(12 + parameter)
    }
}
