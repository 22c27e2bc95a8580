use super::header::{count, put_version_and_flags, version_and_flags};
use super::{FourCc, IsoBox};
use crate::Error;
use alloc::vec::Vec;
use bytes::Bytes;
use wire::{Reader, Writer};

/// The groups of a kind that samples can be in (ISO/IEC 14496-12 §8.9.3).
///
/// ```text
/// version u8 | flags u24 | grouping_type u32 | default_length u32 | from version 2 on: default_group_description_index u32
/// entry_count u32 | each: description_length u32, if default_length = 0 | the description
/// ```
///
/// In version 0 there are no lengths, and in version 2 as editions up to 2015 had it, neither: the entries are then of
/// one length each, as all known kinds are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sgpd {
    /// 0 to 3.
    pub version: u8,
    /// 24 bits.
    pub flags: u32,
    /// The kind of grouping: `roll`, `prol`, `rap `, `seig`, ...
    pub grouping_type: FourCc,
    /// Bytes of each entry; 0: each tells its own; `None` where the box has no such field.
    pub default_length: Option<u32>,
    /// The group of samples that no [`Sbgp`](super::Sbgp) tells of; 0: none. From version 2 on.
    pub default_group_description_index: u32,
    /// The descriptions, in the layout of their kind.
    pub entries: Vec<Bytes>,
}

impl Sgpd {
    /// Groups of a kind whose descriptions are of one length; version 1.
    #[must_use]
    pub fn new(grouping_type: FourCc, entries: Vec<Bytes>) -> Self {
        let same = |len: usize| entries.iter().all(|entry| entry.len() == len);
        let len = entries.first().map_or(0, Bytes::len);
        let default_length = u32::try_from(len).ok().filter(|_| same(len));
        Self {
            version: 1,
            flags: 0,
            grouping_type,
            default_length: Some(default_length.unwrap_or(0)),
            default_group_description_index: 0,
            entries,
        }
    }

    /// Reads the entries where their lengths are told.
    fn told(r: &mut Reader<'_>, default_length: u32) -> Result<Vec<Bytes>, Error> {
        let entry_count = r.u32("entry_count")?;
        let mut entries = Vec::new();
        for _ in 0..entry_count {
            let length = match default_length {
                0 => r.u32("description_length")?,
                length => length,
            };
            // An entry of no bytes could be claimed 2^32 times.
            if r.is_empty() {
                r.u8("group description")?;
            }
            let length = usize::try_from(length).unwrap_or(usize::MAX);
            entries.push(Bytes::copy_from_slice(r.take(length, "group description")?));
        }
        Ok(entries)
    }

    /// Reads the entries where nobody tells their lengths.
    fn equal(r: &mut Reader<'_>) -> Result<Vec<Bytes>, Error> {
        let offset = r.offset() as u64;
        let entry_count = r.u32("entry_count")?;
        let count = usize::try_from(entry_count).unwrap_or(usize::MAX);
        let length = r.left().checked_div(count).unwrap_or(0);
        if length.saturating_mul(count) != r.left() || (count > 0 && length == 0) {
            return Err(Error::Invalid {
                field: "entry_count",
                value: entry_count.into(),
                offset,
            });
        }
        let mut entries = Vec::new();
        while !r.is_empty() {
            entries.push(Bytes::copy_from_slice(r.take(length, "group description")?));
        }
        Ok(entries)
    }
}

impl IsoBox for Sgpd {
    const TYPE: FourCc = FourCc(*b"sgpd");

    fn decode_body(r: &mut Reader<'_>) -> Result<Self, Error> {
        let (version, flags) = version_and_flags(r)?;
        let mut sgpd = Self {
            version,
            flags,
            grouping_type: FourCc::read(r, "grouping_type")?,
            default_length: None,
            default_group_description_index: 0,
            entries: Vec::new(),
        };
        if version == 0 {
            sgpd.entries = Self::equal(r)?;
            return Ok(sgpd);
        }
        let mut old = *r;
        let length = r.u32("default_length")?;
        if version == 1 {
            sgpd.default_length = Some(length);
            sgpd.entries = Self::told(r, length)?;
            return Ok(sgpd);
        }
        // Editions differ on what version 2 has; the one holds that fits.
        let index = r.u32("default_group_description_index")?;
        match Self::told(r, length) {
            Ok(entries) if r.is_empty() => {
                sgpd.default_length = Some(length);
                sgpd.default_group_description_index = index;
                sgpd.entries = entries;
            }
            _ => {
                sgpd.default_group_description_index =
                    old.u32("default_sample_description_index")?;
                sgpd.entries = Self::equal(&mut old)?;
                *r = old;
            }
        }
        Ok(sgpd)
    }

    fn encode_body(&self, w: &mut Writer<'_>) -> Result<(), Error> {
        put_version_and_flags(w, self.version, self.flags);
        w.bytes(&self.grouping_type.0);
        if let Some(length) = self.default_length {
            w.u32(length);
        }
        if self.version > 1 {
            w.u32(self.default_group_description_index);
        }
        w.u32(count("sgpd entries", self.entries.len())?);
        for entry in &self.entries {
            if self.default_length == Some(0) {
                w.u32(count("description_length", entry.len())?);
            }
            w.bytes(entry);
        }
        Ok(())
    }

    fn body_len(&self) -> usize {
        let fields = 12
            + if self.default_length.is_some() { 4 } else { 0 }
            + if self.version > 1 { 4 } else { 0 };
        let own = if self.default_length == Some(0) { 4 } else { 0 };
        self.entries
            .iter()
            .map(|entry| entry.len().saturating_add(own))
            .fold(fields, usize::saturating_add)
    }
}
