use super::container::each_child;
use super::header::{count, put_version_and_flags, version_and_flags};
use super::{FourCc, IsoBox, SampleEntry};
use crate::Error;
use alloc::vec::Vec;
use wire::{Reader, Writer};

/// The sample descriptions: how the samples of a track are coded (ISO/IEC 14496-12 §8.5.2).
///
/// ```text
/// version u8 = 0 | flags u24 = 0 | entry_count u32 | entries
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stsd {
    /// The descriptions; fragments refer to them by index, from 1.
    pub entries: Vec<SampleEntry>,
}

impl IsoBox for Stsd {
    const TYPE: FourCc = FourCc(*b"stsd");

    fn decode_body(r: &mut Reader<'_>) -> Result<Self, Error> {
        version_and_flags(r)?;
        r.u32("entry_count")?;
        let mut entries = Vec::new();
        let unread = each_child(r, |child| {
            entries.push(SampleEntry::decode(child));
            None
        });
        entries.extend(unread.into_iter().map(SampleEntry::Other));
        Ok(Self { entries })
    }

    fn encode_body(&self, w: &mut Writer<'_>) -> Result<(), Error> {
        put_version_and_flags(w, 0, 0);
        w.u32(count("stsd entries", self.entries.len())?);
        self.entries.iter().try_for_each(|entry| entry.put(w))
    }

    fn body_len(&self) -> usize {
        self.entries
            .iter()
            .map(SampleEntry::encoded_len)
            .fold(8, usize::saturating_add)
    }
}
