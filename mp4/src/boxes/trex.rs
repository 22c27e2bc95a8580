use super::header::{put_version_and_flags, version_and_flags};
use super::{FourCc, IsoBox, SampleFlags};
use crate::Error;
use wire::{Reader, Writer};

/// What holds for the samples of a track's fragments unless they say otherwise (ISO/IEC 14496-12 §8.8.3).
///
/// ```text
/// version u8 = 0 | flags u24 = 0 | track_ID u32 | default_sample_description_index u32
/// default_sample_duration u32 | default_sample_size u32 | default_sample_flags u32
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trex {
    /// The track.
    pub track_id: u32,
    /// Entry of `stsd`, from 1.
    pub default_sample_description_index: u32,
    /// In ticks of the track.
    pub default_sample_duration: u32,
    /// In bytes.
    pub default_sample_size: u32,
    /// Dependencies.
    pub default_sample_flags: SampleFlags,
}

impl Trex {
    /// The first sample description; all else is 0 and left to the fragments.
    #[must_use]
    pub const fn new(track_id: u32) -> Self {
        Self {
            track_id,
            default_sample_description_index: 1,
            default_sample_duration: 0,
            default_sample_size: 0,
            default_sample_flags: SampleFlags(0),
        }
    }
}

impl IsoBox for Trex {
    const TYPE: FourCc = FourCc(*b"trex");

    fn decode_body(r: &mut Reader<'_>) -> Result<Self, Error> {
        version_and_flags(r)?;
        Ok(Self {
            track_id: r.u32("track_ID")?,
            default_sample_description_index: r.u32("default_sample_description_index")?,
            default_sample_duration: r.u32("default_sample_duration")?,
            default_sample_size: r.u32("default_sample_size")?,
            default_sample_flags: SampleFlags(r.u32("default_sample_flags")?),
        })
    }

    fn encode_body(&self, w: &mut Writer<'_>) -> Result<(), Error> {
        put_version_and_flags(w, 0, 0);
        w.u32(self.track_id)
            .u32(self.default_sample_description_index);
        w.u32(self.default_sample_duration)
            .u32(self.default_sample_size)
            .u32(self.default_sample_flags.0);
        Ok(())
    }

    fn body_len(&self) -> usize {
        24
    }
}
