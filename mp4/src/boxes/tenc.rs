use super::header::{put_version_and_flags, version_0_or_1};
use super::{FourCc, IsoBox, KeyId};
use crate::Error;
use alloc::vec::Vec;
use wire::{Reader, Writer};

/// How samples are encrypted where nothing else is said: the part that [`Tenc`] and [`Seig`] have in common.
///
/// ```text
/// reserved u8 = 0 | crypt_byte_block 4 bits | skip_byte_block 4 bits | isProtected u8 | Per_Sample_IV_Size u8
/// KID 16 bytes | if isProtected = 1 and Per_Sample_IV_Size = 0: constant_IV_size u8 | constant_IV
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SampleEncryption {
    /// Blocks of 16 bytes that are encrypted in a row, 4 bits; 0 and no skipped ones: all of them.
    pub crypt_byte_block: u8,
    /// Blocks of 16 bytes that then stay clear, 4 bits.
    pub skip_byte_block: u8,
    /// Whether the samples are encrypted at all.
    pub is_protected: bool,
    /// Bytes of the initialization vector that each sample has: 0, 8 or 16.
    pub per_sample_iv_size: u8,
    /// Which key.
    pub key_id: KeyId,
    /// The vector of all samples, 8 or 16 bytes, where they have none of their own.
    pub constant_iv: Option<Vec<u8>>,
}

impl SampleEncryption {
    fn decode(r: &mut Reader<'_>) -> Result<Self, Error> {
        r.skip(1, "reserved")?;
        let pattern = r.u8("crypt_byte_block")?;
        let is_protected = r.u8("isProtected")? == 1;
        let offset = r.offset() as u64;
        let per_sample_iv_size =
            iv_size(r.u8("Per_Sample_IV_Size")?, "Per_Sample_IV_Size", offset)?;
        let key_id = KeyId(*r.array("KID")?);
        let mut constant_iv = None;
        if is_protected && per_sample_iv_size == 0 {
            let offset = r.offset() as u64;
            let size = iv_size(r.u8("constant_IV_size")?, "constant_IV_size", offset)?;
            constant_iv = Some(r.take(size.into(), "constant_IV")?.into());
        }
        Ok(Self {
            crypt_byte_block: pattern >> 4,
            skip_byte_block: pattern & 0xF,
            is_protected,
            per_sample_iv_size,
            key_id,
            constant_iv,
        })
    }

    /// The vector of all samples, where it is written.
    fn constant(&self) -> Option<&[u8]> {
        let written = self.is_protected && self.per_sample_iv_size == 0;
        written.then(|| self.constant_iv.as_deref().unwrap_or_default())
    }

    fn put(&self, w: &mut Writer<'_>) -> Result<(), Error> {
        w.u8(0)
            .u8(self.crypt_byte_block << 4 | self.skip_byte_block & 0xF)
            .u8(self.is_protected.into())
            .u8(self.per_sample_iv_size)
            .bytes(&self.key_id.0);
        if let Some(iv) = self.constant() {
            w.sized_u8("constant_IV", wire::LengthOf::Body, |w| {
                w.bytes(iv);
                Ok::<_, Error>(())
            })?;
        }
        Ok(())
    }

    fn len(&self) -> usize {
        let iv = self.constant().map_or(0, |iv| iv.len().saturating_add(1));
        iv.saturating_add(20)
    }
}

fn iv_size(size: u8, field: &'static str, offset: u64) -> Result<u8, Error> {
    match size {
        0 | 8 | 16 => Ok(size),
        _ => Err(Error::Invalid {
            field,
            value: size.into(),
            offset,
        }),
    }
}

/// How the samples of a track are encrypted (ISO/IEC 23001-7 §8.2).
///
/// ```text
/// version u8 = 0 or 1 (with a pattern) | flags u24 = 0 | a SampleEncryption
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenc {
    /// 1 for the schemes that know patterns, else 0.
    pub version: u8,
    /// What holds for samples that are in no group.
    pub defaults: SampleEncryption,
}

impl IsoBox for Tenc {
    const TYPE: FourCc = FourCc(*b"tenc");

    fn decode_body(r: &mut Reader<'_>) -> Result<Self, Error> {
        let (version, _) = version_0_or_1(r)?;
        let mut defaults = SampleEncryption::decode(r)?;
        if version == 0 {
            // The byte of the pattern is reserved there.
            (defaults.crypt_byte_block, defaults.skip_byte_block) = (0, 0);
        }
        Ok(Self { version, defaults })
    }

    fn encode_body(&self, w: &mut Writer<'_>) -> Result<(), Error> {
        put_version_and_flags(w, self.version, 0);
        self.defaults.put(w)
    }

    fn body_len(&self) -> usize {
        self.defaults.len().saturating_add(4)
    }
}

/// How the samples of a group are encrypted: an entry of the sample group description `seig`
/// (ISO/IEC 23001-7 §6). Keys change, and clear samples stand among encrypted ones, by it.
///
/// ```text
/// a SampleEncryption
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seig(pub SampleEncryption);

impl Seig {
    /// The grouping type.
    pub const GROUPING_TYPE: FourCc = FourCc(*b"seig");

    /// Reads an entry.
    ///
    /// # Errors
    /// [`Error::Short`] where it ends too early, [`Error::Invalid`] for a vector of an impossible size.
    pub fn parse(entry: &[u8]) -> Result<Self, Error> {
        SampleEncryption::decode(&mut Reader::new(entry)).map(Self)
    }

    /// Appends the entry.
    ///
    /// # Errors
    /// [`Error::TooLong`] for a constant vector past 255 bytes.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        self.0.put(&mut Writer::new(out))
    }
}
