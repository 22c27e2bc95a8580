//! NAL units: their header and their kinds (ISO/IEC 14496-10 §7.3.1, §7.4.1).

use crate::Error;
use alloc::borrow::Cow;
use alloc::vec::Vec;
use memchr::memmem;
use wire::{BitReader, BitWriter};

/// What a NAL unit carries: `nal_unit_type`, 5 bits (Table 7-1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UnitType {
    /// 1: a slice of a picture that is not an IDR picture.
    NonIdrSlice,
    /// 2: slice data partition A, which holds the slice header.
    PartitionA,
    /// 3: slice data partition B.
    PartitionB,
    /// 4: slice data partition C.
    PartitionC,
    /// 5: a slice of an IDR picture.
    IdrSlice,
    /// 6: supplemental enhancement information.
    Sei,
    /// 7: a sequence parameter set.
    Sps,
    /// 8: a picture parameter set.
    Pps,
    /// 9: an access unit delimiter.
    AccessUnitDelimiter,
    /// 10: the end of the coded video sequence.
    EndOfSequence,
    /// 11: the end of the stream.
    EndOfStream,
    /// 12: filler data.
    FillerData,
    /// 13: a sequence parameter set extension (auxiliary pictures).
    SpsExtension,
    /// 14: a prefix to the next slice (SVC, MVC).
    Prefix,
    /// 15: a subset sequence parameter set (SVC, MVC, MVCD).
    SubsetSps,
    /// 16: a depth parameter set.
    DepthParameterSet,
    /// 19: a slice of an auxiliary coded picture.
    AuxiliarySlice,
    /// 20: a slice of another layer or view (SVC, MVC).
    SliceExtension,
    /// 21: a slice of a depth view or a 3D-AVC texture view.
    SliceExtensionDepth,
    /// What the standard reserves (17, 18, 22, 23) or leaves open (0, 24 and up).
    Other(u8),
}

impl UnitType {
    /// The kind with this `nal_unit_type`; only the low 5 bits are looked at.
    #[must_use]
    #[inline]
    pub const fn from_number(number: u8) -> Self {
        match number & 0x1F {
            1 => Self::NonIdrSlice,
            2 => Self::PartitionA,
            3 => Self::PartitionB,
            4 => Self::PartitionC,
            5 => Self::IdrSlice,
            6 => Self::Sei,
            7 => Self::Sps,
            8 => Self::Pps,
            9 => Self::AccessUnitDelimiter,
            10 => Self::EndOfSequence,
            11 => Self::EndOfStream,
            12 => Self::FillerData,
            13 => Self::SpsExtension,
            14 => Self::Prefix,
            15 => Self::SubsetSps,
            16 => Self::DepthParameterSet,
            19 => Self::AuxiliarySlice,
            20 => Self::SliceExtension,
            21 => Self::SliceExtensionDepth,
            other => Self::Other(other),
        }
    }

    /// The `nal_unit_type`.
    #[must_use]
    #[inline]
    pub const fn number(self) -> u8 {
        match self {
            Self::NonIdrSlice => 1,
            Self::PartitionA => 2,
            Self::PartitionB => 3,
            Self::PartitionC => 4,
            Self::IdrSlice => 5,
            Self::Sei => 6,
            Self::Sps => 7,
            Self::Pps => 8,
            Self::AccessUnitDelimiter => 9,
            Self::EndOfSequence => 10,
            Self::EndOfStream => 11,
            Self::FillerData => 12,
            Self::SpsExtension => 13,
            Self::Prefix => 14,
            Self::SubsetSps => 15,
            Self::DepthParameterSet => 16,
            Self::AuxiliarySlice => 19,
            Self::SliceExtension => 20,
            Self::SliceExtensionDepth => 21,
            Self::Other(other) => other & 0x1F,
        }
    }

    /// The kind of a NAL unit; that of an empty one is `Other(0)`, unspecified.
    #[must_use]
    #[inline]
    pub const fn of(nal: &[u8]) -> Self {
        match nal {
            [header, ..] => Self::from_number(*header),
            [] => Self::Other(0),
        }
    }

    /// Whether it is coded slice data of the primary or a redundant picture: `nal_unit_type` 1 to 5.
    #[must_use]
    #[inline]
    pub const fn is_vcl(self) -> bool {
        matches!(self.number(), 1..=5)
    }
}

/// The first byte of a NAL unit: `forbidden_zero_bit` (1 bit), `nal_ref_idc` (2), `nal_unit_type` (5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Header {
    /// 0 where nothing refers to what the NAL unit holds, so that it may be dropped; up to 3.
    pub nal_ref_idc: u8,
    /// What follows.
    pub nal_unit_type: UnitType,
}

impl Header {
    /// Reads the header of a NAL unit.
    ///
    /// # Errors
    /// [`Error::ShortBits`] where the NAL unit is empty, [`Error::Invalid`] where `forbidden_zero_bit` is set,
    /// by which networks mark damaged units.
    pub fn parse(nal: &[u8]) -> Result<Self, Error> {
        Self::decode(&mut BitReader::escaped(nal))
    }

    /// Reads the header from the start of a NAL unit; the reader is left behind it.
    #[inline]
    pub(crate) fn decode(bits: &mut BitReader<'_, true>) -> Result<Self, Error> {
        let byte = bits.bits(8, "nal_unit_header")?.to_le_bytes()[0];
        if byte & 0x80 != 0 {
            return Err(Error::Invalid {
                field: "forbidden_zero_bit",
                value: 1,
                bit: 0,
            });
        }
        Ok(Self {
            nal_ref_idc: byte >> 5,
            nal_unit_type: UnitType::from_number(byte),
        })
    }

    /// The header as its byte.
    #[must_use]
    pub const fn byte(self) -> u8 {
        (self.nal_ref_idc & 3) << 5 | self.nal_unit_type.number()
    }
}

/// What is in a NAL unit, without emulation prevention bytes (§7.4.1): borrowed where there are none.
///
/// The parsers of this crate do not need it, they pass over these bytes as they read.
///
/// ```
/// use fluvial_h264::nal;
///
/// assert_eq!(*nal::unescape(&[0x68, 0, 0, 3, 1, 0, 0, 3]), [0x68, 0, 0, 1, 0, 0]);
/// ```
#[must_use]
pub fn unescape(nal: &[u8]) -> Cow<'_, [u8]> {
    let mut escapes = memmem::find_iter(nal, &[0, 0, 3]).peekable();
    if escapes.peek().is_none() {
        return Cow::Borrowed(nal);
    }
    let mut out = Vec::with_capacity(nal.len());
    let mut start = 0;
    for at in escapes {
        let three = at.saturating_add(2);
        out.extend_from_slice(nal.get(start..three).unwrap_or_default());
        start = three.saturating_add(1);
    }
    out.extend_from_slice(nal.get(start..).unwrap_or_default());
    Cow::Owned(out)
}

/// Appends what is in a NAL unit to `out`, with emulation prevention bytes where they are needed (§7.4.1).
pub fn escape(rbsp: &[u8], out: &mut Vec<u8>) {
    if memmem::find(rbsp, &[0, 0]).is_none() {
        out.extend_from_slice(rbsp);
    } else {
        BitWriter::escaped(out).bytes(rbsp);
    }
    if let [.., 0] = rbsp {
        // Only `cabac_zero_words` end so; a NAL unit never does.
        out.push(3);
    }
}
