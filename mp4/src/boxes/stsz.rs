use super::header::{put_version_and_flags, version_and_flags};
use super::{FourCc, IsoBox, Table};
use crate::Error;
use bytes::Bytes;
use core::num::NonZeroU32;
use wire::{Reader, Writer};

/// How long each sample is (ISO/IEC 14496-12 §8.7.3.2).
///
/// ```text
/// version u8 = 0 | flags u24 = 0 | sample_size u32 | sample_count u32 | if sample_size = 0, each: entry_size u32
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stsz {
    /// All samples have one length.
    Same {
        /// Bytes of each.
        sample_size: NonZeroU32,
        /// How many there are.
        sample_count: u32,
    },
    /// Bytes of each sample.
    Each(Table<u32, 4>),
}

impl Default for Stsz {
    /// No samples.
    fn default() -> Self {
        Self::Each(Table::default())
    }
}

impl IsoBox for Stsz {
    const TYPE: FourCc = FourCc(*b"stsz");

    fn decode_body(r: &mut Reader<'_>) -> Result<Self, Error> {
        version_and_flags(r)?;
        let sample_size = r.u32("sample_size")?;
        let sample_count = r.u32("sample_count")?;
        Ok(match NonZeroU32::new(sample_size) {
            Some(sample_size) => Self::Same {
                sample_size,
                sample_count,
            },
            None => Self::Each(Table::decode(r, sample_count, "stsz entries")?),
        })
    }

    fn encode_body(&self, w: &mut Writer<'_>) -> Result<(), Error> {
        put_version_and_flags(w, 0, 0);
        match self {
            Self::Same {
                sample_size,
                sample_count,
            } => _ = w.u32(sample_size.get()).u32(*sample_count),
            Self::Each(sizes) => sizes.put(w.u32(0), "stsz entries")?,
        }
        Ok(())
    }

    fn body_len(&self) -> usize {
        match self {
            Self::Same { .. } => 12,
            Self::Each(sizes) => sizes.len().saturating_mul(4).saturating_add(12),
        }
    }
}

/// How long each sample is, in few bits (ISO/IEC 14496-12 §8.7.3.3).
///
/// ```text
/// version u8 = 0 | flags u24 = 0 | reserved u24 | field_size u8 = 4, 8 or 16 | sample_count u32
/// each: entry_size of field_size bits
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stz2 {
    field_size: FieldSize,
    sample_count: u32,
    table: Bytes,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FieldSize {
    Four,
    Eight,
    Sixteen,
}

impl Stz2 {
    /// Number of samples.
    #[must_use]
    pub const fn sample_count(&self) -> u32 {
        self.sample_count
    }

    /// Bits of each entry: 4, 8 or 16.
    #[must_use]
    pub const fn field_size(&self) -> u8 {
        match self.field_size {
            FieldSize::Four => 4,
            FieldSize::Eight => 8,
            FieldSize::Sixteen => 16,
        }
    }

    /// Bytes of a sample, counted from 0.
    #[must_use]
    #[inline]
    pub fn get(&self, index: usize) -> Option<u32> {
        if u32::try_from(index).ok()? >= self.sample_count {
            return None;
        }
        match self.field_size {
            // The first of two is in the upper half.
            FieldSize::Four => {
                let pair = *self.table.get(index / 2)?;
                Some(
                    (if index.is_multiple_of(2) {
                        pair >> 4
                    } else {
                        pair & 15
                    })
                    .into(),
                )
            }
            FieldSize::Eight => self.table.get(index).map(|size| u32::from(*size)),
            FieldSize::Sixteen => {
                let sizes = self.table.as_chunks::<2>().0;
                sizes
                    .get(index)
                    .map(|size| u16::from_be_bytes(*size).into())
            }
        }
    }
}

impl IsoBox for Stz2 {
    const TYPE: FourCc = FourCc(*b"stz2");

    fn decode_body(r: &mut Reader<'_>) -> Result<Self, Error> {
        version_and_flags(r)?;
        r.skip(3, "reserved")?;
        let offset = r.offset() as u64;
        let field_size = match r.u8("field_size")? {
            4 => FieldSize::Four,
            8 => FieldSize::Eight,
            16 => FieldSize::Sixteen,
            value => {
                return Err(Error::Invalid {
                    field: "field_size",
                    value: value.into(),
                    offset,
                });
            }
        };
        let sample_count = r.u32("sample_count")?;
        let count = usize::try_from(sample_count).unwrap_or(usize::MAX);
        let len = match field_size {
            FieldSize::Four => count.div_ceil(2),
            FieldSize::Eight => count,
            FieldSize::Sixteen => count.saturating_mul(2),
        };
        Ok(Self {
            field_size,
            sample_count,
            table: Bytes::copy_from_slice(r.take(len, "stz2 entries")?),
        })
    }

    fn encode_body(&self, w: &mut Writer<'_>) -> Result<(), Error> {
        put_version_and_flags(w, 0, 0);
        w.u32(self.field_size().into())
            .u32(self.sample_count)
            .bytes(&self.table);
        Ok(())
    }

    fn body_len(&self) -> usize {
        self.table.len().saturating_add(12)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_of_4_8_and_16_bits() {
        for (field_size, table) in [
            (4, &[0x12, 0x30][..]),
            (8, &[1, 2, 3]),
            (16, &[0, 1, 0, 2, 0, 3]),
        ] {
            let body = [&[0, 0, 0, 0, 0, 0, 0, field_size, 0, 0, 0, 3], table].concat();
            let stz2 = Stz2::decode_body(&mut Reader::new(&body)).unwrap();
            let sizes: Vec<_> = (0..4).map(|index| stz2.get(index)).collect();
            assert_eq!(sizes, [Some(1), Some(2), Some(3), None]);
            let mut out = Vec::new();
            stz2.encode(&mut out).unwrap();
            assert_eq!(out[8..], body);
        }
        assert!(
            Stz2::decode_body(&mut Reader::new(&[0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0])).is_err()
        );
    }
}
