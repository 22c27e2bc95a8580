use super::{Error, Header, PPS};
use wire::BitReader;

/// The start of a picture parameter set (§7.3.2.3.1), which slice headers depend on.
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
        let mut r = BitReader::escaped(of_kind(nal, PPS)?);
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

/// What is in a NAL unit behind its header, if it is of this kind.
fn of_kind(nal: &[u8], kind: u8) -> Result<&[u8], Error> {
    match (Header::parse(nal), nal.get(Header::LEN..)) {
        (Some(header), Some(body)) if header.nal_unit_type == kind => Ok(body),
        _ => Err(Error::Invalid {
            field: "nal_unit_type",
            value: nal.first().map_or(0, |first| u64::from(first >> 1)),
        }),
    }
}

/// An Exp-Golomb code with a range.
pub(super) fn small(
    r: &mut BitReader<'_, true>,
    max: u8,
    field: &'static str,
) -> Result<u8, Error> {
    let value = r.ue(field)?;
    match u8::try_from(value) {
        Ok(small) if small <= max => Ok(small),
        _ => Err(Error::Invalid {
            field,
            value: value.into(),
        }),
    }
}
