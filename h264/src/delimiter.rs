use crate::Error;
use crate::nal::UnitType;
use crate::syntax::{Read, Syntax, write_nal};
use alloc::vec::Vec;

/// The mark that an access unit may start with: a NAL unit of type 9 (ISO/IEC 14496-10 §7.3.2.4).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AccessUnitDelimiter {
    /// Slice types that may follow: 0 I, 1 also P, 2 also B, 3 SI, 4 also SP, 5 I and SI, 6 also P and SP, 7 any (Table 7-5).
    pub primary_pic_type: u8,
}

impl AccessUnitDelimiter {
    /// Reads a NAL unit of type 9 (with its header, without start code).
    ///
    /// # Errors
    /// [`Error::Invalid`] where it is of another type, [`Error::ShortBits`] where it is too short.
    pub fn parse(nal: &[u8]) -> Result<Self, Error> {
        let mut read = Read::nal_of(nal, UnitType::AccessUnitDelimiter)?;
        let mut delimiter = Self::default();
        delimiter.syntax(&mut read)?;
        Ok(delimiter)
    }

    /// Appends it to `out` as a NAL unit, without start code.
    ///
    /// # Errors
    /// [`Error::TooLong`] where `primary_pic_type` is more than 7.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        write_nal(0, UnitType::AccessUnitDelimiter, out, |write| {
            let mut copy = *self;
            copy.syntax(write)
        })
    }

    pub(crate) fn syntax<S: Syntax>(&mut self, s: &mut S) -> Result<(), Error> {
        s.u(3, "primary_pic_type", &mut self.primary_pic_type)
    }
}
