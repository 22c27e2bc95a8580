use super::sps::small;
use super::{Error, HEADER, PPS, nal_unit_type};
use wire::BitReader;

/// The start of a picture parameter set (Rec. ITU-T H.265 §7.3.2.3.1), which slice headers depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pps {
    /// `pps_pic_parameter_set_id`, 0 to 63.
    pub pps_pic_parameter_set_id: u8,
    /// `pps_seq_parameter_set_id`, 0 to 15.
    pub pps_seq_parameter_set_id: u8,
    /// `dependent_slice_segments_enabled_flag`.
    pub dependent_slice_segments_enabled_flag: bool,
    /// `output_flag_present_flag`.
    pub output_flag_present_flag: bool,
    /// `num_extra_slice_header_bits`, 3 bits.
    pub num_extra_slice_header_bits: u8,
}

impl Pps {
    /// Reads a NAL unit.
    ///
    /// # Errors
    /// [`Error::Invalid`] where it is of another kind, or a number is past its range; what reading gives where it ends early.
    pub fn parse(nal: &[u8]) -> Result<Self, Error> {
        let body = nal
            .get(HEADER..)
            .filter(|_| nal_unit_type(nal) == Some(PPS));
        let mut r = BitReader::escaped(body.ok_or(Error::Invalid {
            field: "nal_unit_type",
            value: nal.first().map_or(0, |first| u64::from(first >> 1)),
        })?);
        let r = &mut r;
        Ok(Self {
            pps_pic_parameter_set_id: small(r, 63, "pps_pic_parameter_set_id")?,
            pps_seq_parameter_set_id: small(r, 15, "pps_seq_parameter_set_id")?,
            dependent_slice_segments_enabled_flag: r
                .bit("dependent_slice_segments_enabled_flag")?,
            output_flag_present_flag: r.bit("output_flag_present_flag")?,
            num_extra_slice_header_bits: r.bits8(3, "num_extra_slice_header_bits")?,
        })
    }
}
