use super::header::{count, put_version_and_flags, version_and_flags};
use super::{FourCc, IsoBox};
use crate::Error;
use alloc::vec::Vec;
use wire::{Reader, Writer};

/// The parts of samples (ISO/IEC 14496-12 §8.7.7).
///
/// ```text
/// version u8 | flags u24 | entry_count u32
/// each: sample_delta u32 | subsample_count u16
/// each part: subsample_size u16 (version 0) or u32 (version 1) | subsample_priority u8 | discardable u8
///            codec_specific_parameters u32
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Subs {
    /// 0, or 1 for sizes of 32 bits.
    pub version: u8,
    /// 24 bits, with a meaning for each codec.
    pub flags: u32,
    /// The samples that have parts.
    pub entries: Vec<SubsampleEntry>,
}

/// A sample that has parts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SubsampleEntry {
    /// Its number less that of the one before, or of 0.
    pub sample_delta: u32,
    /// The parts.
    pub subsamples: Vec<Subsample>,
}

/// A part of a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Subsample {
    /// Bytes.
    pub size: u32,
    /// The higher the more important.
    pub priority: u8,
    /// 1: the sample can be decoded without it.
    pub discardable: u8,
    /// As the codec defines it.
    pub codec_specific_parameters: u32,
}

impl IsoBox for Subs {
    const TYPE: FourCc = FourCc(*b"subs");

    fn decode_body(r: &mut Reader<'_>) -> Result<Self, Error> {
        let (version, flags) = version_and_flags(r)?;
        let entry_count = r.u32("entry_count")?;
        let mut entries = Vec::new();
        for _ in 0..entry_count {
            let sample_delta = r.u32("sample_delta")?;
            let subsample_count = r.u16("subsample_count")?;
            let mut subsamples = Vec::new();
            for _ in 0..subsample_count {
                subsamples.push(Subsample {
                    size: match version {
                        0 => r.u16("subsample_size")?.into(),
                        _ => r.u32("subsample_size")?,
                    },
                    priority: r.u8("subsample_priority")?,
                    discardable: r.u8("discardable")?,
                    codec_specific_parameters: r.u32("codec_specific_parameters")?,
                });
            }
            entries.push(SubsampleEntry {
                sample_delta,
                subsamples,
            });
        }
        Ok(Self {
            version,
            flags,
            entries,
        })
    }

    fn encode_body(&self, w: &mut Writer<'_>) -> Result<(), Error> {
        let too_long = |what, value: usize, max| wire::TooLong {
            what,
            value: value as u64,
            max,
        };
        put_version_and_flags(w, self.version, self.flags);
        w.u32(count("subs entries", self.entries.len())?);
        for entry in &self.entries {
            let len = entry.subsamples.len();
            let subsample_count = u16::try_from(len)
                .map_err(|_| too_long("subsample_count", len, u16::MAX.into()))?;
            w.u32(entry.sample_delta).u16(subsample_count);
            for part in &entry.subsamples {
                match (self.version, u16::try_from(part.size)) {
                    (0, Ok(size)) => w.u16(size),
                    (0, Err(_)) => {
                        let size = usize::try_from(part.size).unwrap_or(usize::MAX);
                        return Err(too_long("subsample_size", size, u16::MAX.into()).into());
                    }
                    _ => w.u32(part.size),
                };
                w.u8(part.priority)
                    .u8(part.discardable)
                    .u32(part.codec_specific_parameters);
            }
        }
        Ok(())
    }

    fn body_len(&self) -> usize {
        let part = if self.version == 0 { 8 } else { 10 };
        self.entries
            .iter()
            .map(|entry| {
                entry
                    .subsamples
                    .len()
                    .saturating_mul(part)
                    .saturating_add(6)
            })
            .fold(8, usize::saturating_add)
    }
}
