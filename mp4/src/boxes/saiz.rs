use super::header::{count, put_version_and_flags, version_and_flags};
use super::{FourCc, IsoBox};
use crate::Error;
use alloc::vec::Vec;
use wire::{Reader, Writer};

/// What auxiliary information is about, and whose: it begins [`Saiz`] and [`Saio`](super::Saio) where it is there (flag 1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuxInfoType {
    /// The kind; for common encryption the scheme.
    pub aux_info_type: FourCc,
    /// A parameter of the kind.
    pub aux_info_type_parameter: u32,
}

impl AuxInfoType {
    pub(super) fn decode(r: &mut Reader<'_>, flags: u32) -> Result<Option<Self>, Error> {
        if flags & 1 == 0 {
            return Ok(None);
        }
        Ok(Some(Self {
            aux_info_type: FourCc::read(r, "aux_info_type")?,
            aux_info_type_parameter: r.u32("aux_info_type_parameter")?,
        }))
    }

    pub(super) fn put(this: Option<Self>, w: &mut Writer<'_>) {
        if let Some(this) = this {
            w.bytes(&this.aux_info_type.0)
                .u32(this.aux_info_type_parameter);
        }
    }

    pub(super) const fn len(this: Option<Self>) -> usize {
        if this.is_some() { 8 } else { 0 }
    }
}

/// How long each sample's auxiliary information is (ISO/IEC 14496-12 §8.7.8).
///
/// ```text
/// version u8 = 0 | flags u24 | if flags & 1: aux_info_type u32 | aux_info_type_parameter u32
/// default_sample_info_size u8 | sample_count u32 | if the size is 0: sample_info_size u8, for each sample
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Saiz {
    /// What it is about; `None`: the scheme of the track's protection.
    pub info_type: Option<AuxInfoType>,
    /// Bytes that each sample has; 0 where they differ.
    pub default_sample_info_size: u8,
    /// Number of samples; those after them have no information.
    pub sample_count: u32,
    /// Bytes of each sample, where they differ.
    pub sample_info_sizes: Vec<u8>,
}

impl Saiz {
    /// The table of these sizes, as short as it can be.
    ///
    /// # Errors
    /// [`Error::TooLong`] for 2^32 samples or more.
    pub fn new(sizes: Vec<u8>) -> Result<Self, Error> {
        let sample_count = count("sample_count", sizes.len())?;
        let first = sizes.first().copied().unwrap_or_default();
        let same = first != 0 && sizes.iter().all(|size| *size == first);
        Ok(Self {
            info_type: None,
            default_sample_info_size: if same { first } else { 0 },
            sample_count,
            sample_info_sizes: if same { Vec::new() } else { sizes },
        })
    }
}

impl IsoBox for Saiz {
    const TYPE: FourCc = FourCc(*b"saiz");

    fn decode_body(r: &mut Reader<'_>) -> Result<Self, Error> {
        let (_, flags) = version_and_flags(r)?;
        let info_type = AuxInfoType::decode(r, flags)?;
        let default_sample_info_size = r.u8("default_sample_info_size")?;
        let sample_count = r.u32("sample_count")?;
        let mut sample_info_sizes = Vec::new();
        if default_sample_info_size == 0 {
            let len = usize::try_from(sample_count).unwrap_or(usize::MAX);
            sample_info_sizes = r.take(len, "sample_info_size")?.into();
        }
        Ok(Self {
            info_type,
            default_sample_info_size,
            sample_count,
            sample_info_sizes,
        })
    }

    fn encode_body(&self, w: &mut Writer<'_>) -> Result<(), Error> {
        put_version_and_flags(w, 0, self.info_type.is_some().into());
        AuxInfoType::put(self.info_type, w);
        w.u8(self.default_sample_info_size).u32(self.sample_count);
        w.bytes(&self.sample_info_sizes);
        Ok(())
    }

    fn body_len(&self) -> usize {
        let sizes = self.sample_info_sizes.len().saturating_add(9);
        sizes.saturating_add(AuxInfoType::len(self.info_type))
    }
}
