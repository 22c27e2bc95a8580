use super::header::{put_version_and_flags, version_and_flags};
use super::{FourCc, IsoBox, SampleFlags};
use crate::Error;
use bytes::Bytes;
use wire::{Reader, Writer};

/// What each sample depends on (ISO/IEC 14496-12 §8.6.4).
///
/// ```text
/// version u8 = 0 | flags u24 = 0
/// each sample: is_leading 2 bits | sample_depends_on 2 | sample_is_depended_on 2 | sample_has_redundancy 2
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sdtp {
    /// One byte for each sample.
    pub samples: Bytes,
}

impl Sdtp {
    /// The dependencies of a sample, counted from 0, without a word on whether it is a sync sample.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<SampleFlags> {
        self.samples
            .get(index)
            .map(|byte| SampleFlags(u32::from(*byte) << 20))
    }
}

impl IsoBox for Sdtp {
    const TYPE: FourCc = FourCc(*b"sdtp");

    fn decode_body(r: &mut Reader<'_>) -> Result<Self, Error> {
        version_and_flags(r)?;
        Ok(Self {
            samples: Bytes::copy_from_slice(r.rest()),
        })
    }

    fn encode_body(&self, w: &mut Writer<'_>) -> Result<(), Error> {
        put_version_and_flags(w, 0, 0);
        w.bytes(&self.samples);
        Ok(())
    }

    fn body_len(&self) -> usize {
        self.samples.len().saturating_add(4)
    }
}
