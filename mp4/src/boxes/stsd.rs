use super::container::each_child;
use super::header::{count, put_version_and_flags, version_and_flags};
use super::{FourCc, IsoBox, SampleEntry, SoundDescription};
use crate::Error;
use alloc::vec::Vec;
use wire::{Reader, Writer};

/// The sample descriptions: how the samples of a track are coded (ISO/IEC 14496-12 §8.5.2).
///
/// ```text
/// version u8 | flags u24 = 0 | entry_count u32 | entries
/// ```
///
/// The version is 1 where an entry is [`SoundDescription::IsoV1`], else 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stsd {
    /// The descriptions; fragments refer to them by index, from 1.
    pub entries: Vec<SampleEntry>,
}

impl IsoBox for Stsd {
    const TYPE: FourCc = FourCc(*b"stsd");

    fn decode_body(r: &mut Reader<'_>) -> Result<Self, Error> {
        let (version, _) = version_and_flags(r)?;
        r.u32("entry_count")?;
        let mut entries = Vec::new();
        let unread = each_child(r, |child| {
            entries.push(SampleEntry::decode(child, version));
            None
        });
        entries.extend(unread.into_iter().map(SampleEntry::Other));
        Ok(Self { entries })
    }

    fn encode_body(&self, w: &mut Writer<'_>) -> Result<(), Error> {
        let version_1 = |entry: &SampleEntry| matches!(entry, SampleEntry::Audio(audio) if audio.description == SoundDescription::IsoV1);
        put_version_and_flags(w, self.entries.iter().any(version_1).into(), 0);
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
