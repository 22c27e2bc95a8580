//! The headers of H.265 (Rec. ITU-T H.265) as far as they tell which NAL units make a picture, and when it is shown.
//!
//! What a container needs, the record of `hvcC`, is [`media::codec::Hevc`].

mod gather;
mod slice;
mod stream;

pub use media::codec::Error;
pub use media::codec::hevc::{ParameterSets, Pps, Sps};
pub use slice::SliceHeader;
pub(crate) use stream::H265;

/// The header of a NAL unit (§7.3.1.2).
///
/// ```text
/// 1 forbidden_zero_bit = 0, 6 nal_unit_type, 6 nuh_layer_id, 3 nuh_temporal_id_plus1
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// `nal_unit_type`, 6 bits.
    pub nal_unit_type: u8,
    /// `nuh_layer_id`, 6 bits: 0 but for the layers of scalable and multiview streams.
    pub nuh_layer_id: u8,
    /// `TemporalId`, 0 to 6.
    pub temporal_id: u8,
}

impl Header {
    /// Bytes of it.
    pub const LEN: usize = 2;

    /// Reads the header of a NAL unit; `None` where it is shorter than that, or breaks a rule that all NAL units keep.
    #[must_use]
    pub fn parse(nal: &[u8]) -> Option<Self> {
        let (&[first, second], _) = nal.split_first_chunk()?;
        let nal_unit_type = first >> 1;
        (first & 0x80 == 0).then_some(())?;
        Some(Self {
            nal_unit_type,
            nuh_layer_id: (first & 1) << 5 | second >> 3,
            temporal_id: (second & 7).checked_sub(1)?,
        })
    }

    /// Whether the NAL unit is a piece of a picture.
    #[must_use]
    pub const fn is_slice(self) -> bool {
        self.nal_unit_type < 32
    }

    /// Whether it is a piece of a picture of a kind that there is: between these are reserved ones.
    const fn is_picture(self) -> bool {
        matches!(self.nal_unit_type, 0..=9 | 16..=21)
    }

    /// Whether it is a piece of a picture at which decoding can start: IDR, BLA or CRA.
    #[must_use]
    pub const fn is_irap(self) -> bool {
        matches!(self.nal_unit_type, 16..=23)
    }

    /// Whether it is a video, sequence or picture parameter set.
    #[must_use]
    pub const fn is_parameter_set(self) -> bool {
        matches!(self.nal_unit_type, VPS..=PPS)
    }

    /// Whether pictures' counts start anew here whatever came before: IDR and BLA.
    const fn is_restart(self) -> bool {
        matches!(self.nal_unit_type, 16..=20)
    }

    /// Whether the counts of the pictures that follow are told from this one's (§8.3.1): it belongs to the lowest sub-layer, others of
    /// which may refer to it, and it is not one that leads.
    const fn is_anchor(self) -> bool {
        let is_referred_to = self.nal_unit_type > 14 || self.nal_unit_type % 2 == 1;
        self.temporal_id == 0 && is_referred_to && !matches!(self.nal_unit_type, 6..=9)
    }
}

/// `nal_unit_type` of a video parameter set.
pub const VPS: u8 = 32;
/// `nal_unit_type` of a sequence parameter set.
pub const SPS: u8 = 33;
/// `nal_unit_type` of a picture parameter set.
pub const PPS: u8 = 34;
const DELIMITER: u8 = 35;
const END_OF_SEQUENCE: u8 = 36;
const END_OF_STREAM: u8 = 37;
const FILLER: u8 = 38;
