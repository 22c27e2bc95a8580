//! H.265 / HEVC.

mod pps;
mod sets;
mod sps;

use super::Error;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use bytes::Bytes;
use core::fmt::Write as _;
pub use pps::Pps;
pub use sets::ParameterSets;
pub use sps::Sps;
use wire::{LengthOf, Reader, TooLong, Writer};

/// NAL unit types (Rec. ITU-T H.265 §7.4.2.2).
const IRAP: core::ops::RangeInclusive<u8> = 16..=23;
const VPS: u8 = 32;
const SPS: u8 = 33;
const PPS: u8 = 34;
/// Bytes of the header of a NAL unit.
const HEADER: usize = 2;

/// The type of a NAL unit (Rec. ITU-T H.265 §7.3.1.2).
fn nal_unit_type(nal: &[u8]) -> Option<u8> {
    Some(nal.first()? >> 1 & 0x3F)
}

/// H.265 / HEVC, passed through: an `HEVCDecoderConfigurationRecord` (ISO/IEC 14496-15 §8.3.3.1) with its bytes.
///
/// ```text
/// configurationVersion u8 = 1
/// 2 general_profile_space, 1 general_tier_flag, 5 general_profile_idc
/// general_profile_compatibility_flags u32 | general_constraint_indicator_flags u48 | general_level_idc u8
/// 4 reserved, 12 min_spatial_segmentation_idc | 6 reserved, 2 parallelismType | 6 reserved, 2 chromaFormat
/// 5 reserved, 3 bitDepthLumaMinus8 | 5 reserved, 3 bitDepthChromaMinus8 | avgFrameRate u16
/// 2 constantFrameRate, 3 numTemporalLayers, 1 temporalIdNested, 2 lengthSizeMinusOne | numOfArrays u8
/// for each: 1 array_completeness, 1 reserved, 6 NAL_unit_type | numNalus u16 | for each: length u16, NAL unit
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hevc {
    raw: Bytes,
    profile_space_tier_idc: u8,
    compatibility: u32,
    constraints: [u8; 6],
    level: u8,
    length_size: u8,
    dimensions: Option<(u32, u32)>,
}

impl Hevc {
    /// Reads the record.
    ///
    /// # Errors
    /// [`Error::Short`] where it ends early, [`Error::Invalid`] for a version other than 1. Parameter sets that cannot be read
    /// are no error: the size of the picture is not known then.
    pub fn parse(record: &[u8]) -> Result<Self, Error> {
        Self::try_from(Bytes::copy_from_slice(record))
    }

    /// Makes the record out of parameter sets, NAL units of types 32, 33 and 34 in any order; others are left out. Samples
    /// have lengths of 4 bytes.
    ///
    /// # Errors
    /// [`Error::Invalid`] where there is no sequence parameter set, what reading it gives, and [`Error::TooLong`] for a NAL
    /// unit past 65,535 bytes.
    pub fn from_parameter_sets(nals: &[&[u8]]) -> Result<Self, Error> {
        let of_type = |wanted| {
            let all = nals.iter().copied();
            all.filter(move |nal| nal_unit_type(nal) == Some(wanted))
        };
        let Some(sps) = of_type(SPS).next() else {
            return Err(Error::Invalid {
                field: "numNalus",
                value: 0,
            });
        };
        let (sps, _) = Sps::parse_usable(sps)?;
        let mut out = Vec::new();
        let mut w = Writer::new(&mut out);
        w.u8(1).bytes(&sps.general);
        w.u16(0xF000)
            .u8(0xFC)
            .u8(0xFC | sps.chroma_format_idc)
            .u8(0xF8 | sps.bit_depth_luma_minus8)
            .u8(0xF8 | sps.bit_depth_chroma_minus8)
            .u16(0)
            .u8((sps.sps_max_sub_layers_minus1 + 1) << 3
                | u8::from(sps.sps_temporal_id_nesting_flag) << 2
                | 3);
        let present = |wanted: &u8| of_type(*wanted).next().is_some();
        w.u8(u8::from(present(&VPS)) + u8::from(present(&SPS)) + u8::from(present(&PPS)));
        for wanted in [VPS, SPS, PPS].into_iter().filter(present) {
            // Nothing says that no others come within the samples.
            w.u8(wanted);
            let count = of_type(wanted).count();
            w.u16(u16::try_from(count).map_err(|_| TooLong {
                what: "numNalus",
                value: count as u64,
                max: u16::MAX.into(),
            })?);
            for nal in of_type(wanted) {
                w.sized_u16("nalUnitLength", LengthOf::Body, |w| {
                    w.bytes(nal);
                    Ok::<_, TooLong>(())
                })?;
            }
        }
        Self::try_from(Bytes::from(out))
    }

    /// The record, as it came in.
    #[must_use]
    pub const fn raw(&self) -> &Bytes {
        &self.raw
    }

    /// `general_profile_idc`, 5 bits: 1 Main, 2 Main 10, ...
    #[must_use]
    pub const fn profile(&self) -> u8 {
        self.profile_space_tier_idc & 0x1F
    }

    /// `general_level_idc`: 30 times the number of the level.
    #[must_use]
    pub const fn level(&self) -> u8 {
        self.level
    }

    /// Bytes before each NAL unit of a sample that tell its length: 1, 2 or 4.
    #[must_use]
    pub const fn length_size(&self) -> u8 {
        self.length_size
    }

    /// Width and height of the picture after cropping, out of the first sequence parameter set that can be read.
    #[must_use]
    pub const fn dimensions(&self) -> Option<(u32, u32)> {
        self.dimensions
    }

    /// The NAL units of the record, parameter sets and SEI, in their order.
    pub fn nals(&self) -> impl Iterator<Item = &[u8]> {
        let mut r = Reader::new(self.raw.get(Self::ARRAYS..).unwrap_or_default());
        let (mut arrays, mut left) = (r.u8("numOfArrays").unwrap_or(0), 0);
        core::iter::from_fn(move || {
            while left == 0 {
                arrays = arrays.checked_sub(1)?;
                r.skip(1, "NAL_unit_type").ok()?;
                left = r.u16("numNalus").ok()?;
            }
            left -= 1;
            let len = r.u16("nalUnitLength").ok()?;
            r.take(len.into(), "nalUnit").ok()
        })
    }

    /// Whether none but picture parameter sets tell the two apart.
    #[must_use]
    pub fn has_sequences_of(&self, other: &Self) -> bool {
        let is_other = |nal: &&[u8]| nal_unit_type(nal) != Some(PPS);
        self.raw.get(..Self::ARRAYS) == other.raw.get(..Self::ARRAYS)
            && self
                .nals()
                .filter(is_other)
                .eq(other.nals().filter(is_other))
    }

    /// Offset of `numOfArrays`.
    const ARRAYS: usize = 22;

    /// The codec's element of a `CODECS` string after `hvc1.` or `hev1.` (ISO/IEC 14496-15 §E.3), such as `1.6.L93.B0`.
    #[must_use]
    pub fn rfc6381(&self) -> String {
        let space = match self.profile_space_tier_idc >> 6 {
            1 => "A",
            2 => "B",
            3 => "C",
            _ => "",
        };
        let high = self.profile_space_tier_idc & 0x20 != 0;
        let mut text = format!(
            "{space}{}.{:X}.{}{}",
            self.profile(),
            self.compatibility.reverse_bits(),
            if high { 'H' } else { 'L' },
            self.level
        );
        let used = self.constraints.iter().rposition(|&byte| byte != 0);
        for byte in self
            .constraints
            .iter()
            .take(used.map_or(0, |last| last + 1))
        {
            // Writing to a string cannot fail.
            let _ = write!(text, ".{byte:X}");
        }
        text
    }

    /// Whether decoding can start at an access unit whose NAL units have their lengths before them: whether it holds an
    /// IRAP picture.
    #[must_use]
    pub fn is_sync(&self, sample: &[u8]) -> bool {
        let mut r = Reader::new(sample);
        let next = |r: &mut Reader<'_>| {
            let len = match self.length_size {
                1 => r.u8("length")?.into(),
                2 => r.u16("length")?.into(),
                _ => r.u32("length")?,
            };
            r.take(usize::try_from(len).unwrap_or(usize::MAX), "NAL unit")
                .map(|nal| nal_unit_type(nal).unwrap_or(0))
        };
        while let Ok(kind) = next(&mut r) {
            // The first slice decides: all of an access unit's have the same kind.
            if kind < VPS {
                return IRAP.contains(&kind);
            }
        }
        false
    }
}

impl TryFrom<Bytes> for Hevc {
    type Error = Error;

    /// As [`parse`](Hevc::parse), without a copy.
    fn try_from(raw: Bytes) -> Result<Self, Error> {
        let mut r = Reader::new(&raw);
        match r.u8("configurationVersion")? {
            1 => {}
            version => {
                return Err(Error::Invalid {
                    field: "configurationVersion",
                    value: version.into(),
                });
            }
        }
        let profile_space_tier_idc = r.u8("general_profile_idc")?;
        let compatibility = r.u32("general_profile_compatibility_flags")?;
        let constraints = *r.array("general_constraint_indicator_flags")?;
        let level = r.u8("general_level_idc")?;
        r.skip(8, "min_spatial_segmentation_idc")?;
        let length_size = (r.u8("lengthSizeMinusOne")? & 3) + 1;
        r.u8("numOfArrays")?;
        let mut hevc = Self {
            profile_space_tier_idc,
            compatibility,
            constraints,
            level,
            length_size,
            dimensions: None,
            raw,
        };
        let dimensions = hevc
            .nals()
            .filter(|nal| nal_unit_type(nal) == Some(SPS))
            .find_map(|nal| Sps::parse_usable(nal).ok()?.0.dimensions);
        hevc.dimensions = dimensions;
        Ok(hevc)
    }
}
