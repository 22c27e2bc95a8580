use super::container::{container, each_child};
use super::header::{count, put_version_and_flags, version_and_flags};
use super::{FourCc, IsoBox, Raw};
use crate::Error;
use alloc::vec::Vec;
use wire::{Reader, Writer};

container! {
    /// Says where the samples lie (ISO/IEC 14496-12 §8.7.1).
    Dinf b"dinf" {
        /// The places.
        one dref: Dref,
    }
}

/// The places that sample descriptions refer to by index, from 1 (ISO/IEC 14496-12 §8.7.2).
///
/// ```text
/// version u8 = 0 | flags u24 = 0 | entry_count u32 | entries
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dref {
    /// The places.
    pub entries: Vec<DataEntry>,
}

/// A place where samples lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DataEntry {
    /// A `url ` box with the flag that the samples are in this file.
    SameFile,
    /// Elsewhere: the box as it is.
    Other(Raw),
}

/// A `url ` box of no more than its version and flags, the flag "same file" set.
const SAME_FILE: [u8; 12] = *b"\0\0\0\x0Curl \0\0\0\x01";

impl Default for Dref {
    /// One place: this file.
    fn default() -> Self {
        Self {
            entries: [DataEntry::SameFile].into(),
        }
    }
}

impl IsoBox for Dref {
    const TYPE: FourCc = FourCc(*b"dref");

    fn decode_body(r: &mut Reader<'_>) -> Result<Self, Error> {
        version_and_flags(r)?;
        r.u32("entry_count")?;
        let entry = |raw: Raw| {
            if *raw.bytes == SAME_FILE {
                DataEntry::SameFile
            } else {
                DataEntry::Other(raw)
            }
        };
        let entries = each_child(r, |child| Some(Raw::new(child.bytes(), None)));
        Ok(Self {
            entries: entries.into_iter().map(entry).collect(),
        })
    }

    fn encode_body(&self, w: &mut Writer<'_>) -> Result<(), Error> {
        put_version_and_flags(w, 0, 0);
        w.u32(count("dref entries", self.entries.len())?);
        for entry in &self.entries {
            match entry {
                DataEntry::SameFile => _ = w.bytes(&SAME_FILE),
                DataEntry::Other(raw) => raw.put(w),
            }
        }
        Ok(())
    }

    fn body_len(&self) -> usize {
        let entries = self.entries.iter().map(|entry| match entry {
            DataEntry::SameFile => SAME_FILE.len(),
            DataEntry::Other(raw) => raw.bytes.len(),
        });
        entries.fold(8, usize::saturating_add)
    }
}
