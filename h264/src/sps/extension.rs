use crate::Error;
use crate::nal::UnitType;
use crate::syntax::{Read, Syntax, write_nal};
use alloc::vec::Vec;

/// A sequence parameter set extension, for auxiliary pictures such as alpha: a NAL unit of type 13 (§7.3.2.1.2).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SpsExtension {
    /// The sequence parameter set that it extends.
    pub seq_parameter_set_id: u8,
    /// 0 no auxiliary pictures, 1 and 2 alpha (2: colours are multiplied already), 3 unspecified.
    pub aux_format_idc: u8,
    /// Bits of an auxiliary sample, less 8. This and the next three are coded beside a format only.
    pub bit_depth_aux_minus8: u8,
    /// Whether the sample value has to be increased by one where it is more than the lower bound.
    pub alpha_incr_flag: bool,
    /// The sample value that is opaque.
    pub alpha_opaque_value: u16,
    /// The sample value that is transparent.
    pub alpha_transparent_value: u16,
    /// Reserved.
    pub additional_extension_flag: bool,
}

impl SpsExtension {
    /// Reads a NAL unit of type 13 (with its header, without start code).
    ///
    /// # Errors
    /// [`Error::Invalid`] where it is of another type or an element is out of its range, [`Error::ShortBits`]
    /// where it ends too early.
    pub fn parse(nal: &[u8]) -> Result<Self, Error> {
        let mut read = Read::nal_of(nal, UnitType::SpsExtension)?;
        let mut extension = Self::default();
        extension.syntax(&mut read)?;
        Ok(extension)
    }

    /// Appends it to `out` as a NAL unit with this `nal_ref_idc` (1 to 3), without start code.
    ///
    /// # Errors
    /// [`Error::Invalid`] or [`Error::TooLong`] where a field is out of its range.
    pub fn encode(&self, nal_ref_idc: u8, out: &mut Vec<u8>) -> Result<(), Error> {
        write_nal(nal_ref_idc, UnitType::SpsExtension, out, |write| {
            let mut copy = *self;
            copy.syntax(write)
        })
    }

    /// `seq_parameter_set_extension_rbsp()`.
    pub(crate) fn syntax<S: Syntax>(&mut self, s: &mut S) -> Result<(), Error> {
        s.ue(
            "seq_parameter_set_id",
            &mut self.seq_parameter_set_id,
            0..=31,
        )?;
        s.ue("aux_format_idc", &mut self.aux_format_idc, 0..=3)?;
        if self.aux_format_idc != 0 {
            s.ue(
                "bit_depth_aux_minus8",
                &mut self.bit_depth_aux_minus8,
                0..=4,
            )?;
            s.flag("alpha_incr_flag", &mut self.alpha_incr_flag)?;
            let bits = u32::from(self.bit_depth_aux_minus8) + 9;
            s.u(bits, "alpha_opaque_value", &mut self.alpha_opaque_value)?;
            s.u(
                bits,
                "alpha_transparent_value",
                &mut self.alpha_transparent_value,
            )?;
        }
        s.flag(
            "additional_extension_flag",
            &mut self.additional_extension_flag,
        )
    }
}
