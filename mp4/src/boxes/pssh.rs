use super::header::{count, put_version_and_flags, version_0_or_1};
use super::{FourCc, IsoBox};
use crate::Error;
use alloc::vec::Vec;
use bytes::Bytes;
use core::fmt;
use wire::{Reader, Writer};

/// The name of a key (`KID`): 16 bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct KeyId(pub [u8; 16]);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

/// What a system for digital rights management needs to get the keys (ISO/IEC 23001-7 §8.1).
///
/// ```text
/// version u8 | flags u24 = 0 | SystemID 16 bytes
/// version 1: KID_count u32 | KIDs, 16 bytes each
/// DataSize u32 | Data
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pssh {
    /// Which system.
    pub system_id: [u8; 16],
    /// The keys that it is about; with any, version 1 is written.
    pub key_ids: Vec<KeyId>,
    /// What only that system understands.
    pub data: Bytes,
}

impl Pssh {
    /// The system of the W3C that only lists key names ("common", `1077efec-c0b2-4d02-ace3-3c1e52e2fb4b`).
    pub const COMMON: [u8; 16] = [
        0x10, 0x77, 0xEF, 0xEC, 0xC0, 0xB2, 0x4D, 0x02, 0xAC, 0xE3, 0x3C, 0x1E, 0x52, 0xE2, 0xFB,
        0x4B,
    ];

    /// A box of the [`COMMON`](Self::COMMON) system with these key names.
    #[must_use]
    pub fn common(key_ids: impl IntoIterator<Item = KeyId>) -> Self {
        Self {
            system_id: Self::COMMON,
            key_ids: key_ids.into_iter().collect(),
            data: Bytes::new(),
        }
    }
}

impl IsoBox for Pssh {
    const TYPE: FourCc = FourCc(*b"pssh");

    fn decode_body(r: &mut Reader<'_>) -> Result<Self, Error> {
        let (version, _) = version_0_or_1(r)?;
        let system_id = *r.array("SystemID")?;
        let mut key_ids = Vec::new();
        if version > 0 {
            for _ in 0..r.u32("KID_count")? {
                key_ids.push(KeyId(*r.array("KID")?));
            }
        }
        let size = r.u32("DataSize")?;
        let data = r.take(usize::try_from(size).unwrap_or(usize::MAX), "Data")?;
        Ok(Self {
            system_id,
            key_ids,
            data: Bytes::copy_from_slice(data),
        })
    }

    fn encode_body(&self, w: &mut Writer<'_>) -> Result<(), Error> {
        put_version_and_flags(w, (!self.key_ids.is_empty()).into(), 0);
        w.bytes(&self.system_id);
        if !self.key_ids.is_empty() {
            w.u32(count("KID_count", self.key_ids.len())?);
            self.key_ids.iter().for_each(|id| _ = w.bytes(&id.0));
        }
        w.u32(count("DataSize", self.data.len())?).bytes(&self.data);
        Ok(())
    }

    fn body_len(&self) -> usize {
        let key_ids = match self.key_ids.len() {
            0 => 0,
            count => count.saturating_mul(16).saturating_add(4),
        };
        self.data.len().saturating_add(24).saturating_add(key_ids)
    }
}
