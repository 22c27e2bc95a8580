use super::header::{put_version_and_flags, version_0_or_1};
use super::table::entry;
use super::{FourCc, IsoBox, Table};
use crate::Error;
use wire::{Reader, Writer};

/// How long after its decoding each sample is shown (ISO/IEC 14496-12 §8.6.1.3).
///
/// ```text
/// version u8 | flags u24 = 0 | entry_count u32
/// each: sample_count u32 | sample_offset u32 (version 0) or i32 (version 1)
/// ```
///
/// Offsets are read as signed in both versions: files of version 0 with negative offsets exist, and offsets past
/// 2^31 ticks do not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ctts {
    /// 0, or 1 for signed offsets.
    pub version: u8,
    /// The entries.
    pub entries: Table<CompositionOffset, 8>,
}

entry! {
    /// Samples in a row with the same offset.
    CompositionOffset, 8 {
        /// How many.
        sample_count: u32,
        /// Ticks of the track from decoding to presentation.
        sample_offset: i32,
    }
}

impl FromIterator<CompositionOffset> for Ctts {
    /// Version 1 where an offset is negative, else 0.
    fn from_iter<I: IntoIterator<Item = CompositionOffset>>(entries: I) -> Self {
        let entries: Table<CompositionOffset, 8> = entries.into_iter().collect();
        let version = u8::from(entries.iter().any(|entry| entry.sample_offset < 0));
        Self { version, entries }
    }
}

impl IsoBox for Ctts {
    const TYPE: FourCc = FourCc(*b"ctts");

    fn decode_body(r: &mut Reader<'_>) -> Result<Self, Error> {
        let (version, _) = version_0_or_1(r)?;
        let entry_count = r.u32("entry_count")?;
        Ok(Self {
            version,
            entries: Table::decode(r, entry_count, "ctts entries")?,
        })
    }

    fn encode_body(&self, w: &mut Writer<'_>) -> Result<(), Error> {
        put_version_and_flags(w, self.version, 0);
        self.entries.put(w, "ctts entries")
    }

    fn body_len(&self) -> usize {
        self.entries.len().saturating_mul(8).saturating_add(8)
    }
}
