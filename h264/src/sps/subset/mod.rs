//! Subset sequence parameter sets, of the further layers and views of scalable and multiview streams (§7.3.2.1.3).

mod mvc;
mod svc;
mod vui;

pub use mvc::{
    ApplicableOp, GridPosition, LevelValue, Mfc, MvcVuiOp, SpsMvcExtension, View, ViewRefs,
};
pub use svc::{ScaledRefLayer, SpsSvcExtension, SvcVuiEntry};
pub use vui::LayerVui;

use super::Sps;
use crate::Error;
use crate::nal::UnitType;
use crate::syntax::{Read, Syntax, bits_to_the_end, write_nal};
use alloc::boxed::Box;
use alloc::vec::Vec;

/// A subset sequence parameter set: a NAL unit of type 15 (§7.3.2.1.3).
///
/// Those of streams with depth (`profile_idc` 135, 138 and 139) are not read; their first part is by [`Sps::parse`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SubsetSps {
    /// What a sequence parameter set has too. Ids are counted apart from those of type 7.
    pub sps: Sps,
    /// What goes with the profile.
    pub extension: SubsetExtension,
    /// Bits of later editions, behind `additional_extension2_flag`.
    pub additional_extension2: Option<Vec<bool>>,
}

/// The part of a [`SubsetSps`] that its profile tells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum SubsetExtension {
    /// None: a profile of neither kind.
    #[default]
    None,
    /// `profile_idc` 83 and 86: scalable.
    Svc(Box<SpsSvcExtension>),
    /// `profile_idc` 118, 128 and 134: multiview, stereo, frame-compatible at full resolution.
    Mvc(Box<SpsMvcExtension>),
}

impl SubsetSps {
    /// Reads a NAL unit of type 15 (with its header, without start code).
    ///
    /// # Errors
    /// [`Error::Invalid`] where it is of another type or an element is out of its range, [`Error::ShortBits`]
    /// where it ends too early.
    pub fn parse(nal: &[u8]) -> Result<Self, Error> {
        let mut read = Read::nal_of(nal, UnitType::SubsetSps)?;
        let mut subset = Self::default();
        subset.syntax(&mut read)?;
        Ok(subset)
    }

    /// Appends it to `out` as a NAL unit with this `nal_ref_idc` (1 to 3), without start code.
    ///
    /// # Errors
    /// [`Error::Invalid`] where a field is out of its range.
    pub fn encode(&self, nal_ref_idc: u8, out: &mut Vec<u8>) -> Result<(), Error> {
        write_nal(nal_ref_idc, UnitType::SubsetSps, out, |write| {
            self.clone().syntax(write)
        })
    }

    /// `subset_seq_parameter_set_rbsp()`.
    pub(crate) fn syntax<S: Syntax>(&mut self, s: &mut S) -> Result<(), Error> {
        self.sps.syntax(s)?;
        match self.sps.profile_idc {
            83 | 86 => {
                if !matches!(self.extension, SubsetExtension::Svc(_)) {
                    self.extension = SubsetExtension::Svc(Box::default());
                }
            }
            118 | 128 | 134 => {
                if !matches!(self.extension, SubsetExtension::Mvc(_)) {
                    self.extension = SubsetExtension::Mvc(Box::default());
                }
            }
            135 | 138 | 139 => return s.invalid("profile_idc", self.sps.profile_idc),
            _ => self.extension = SubsetExtension::None,
        }
        match &mut self.extension {
            SubsetExtension::None => {}
            SubsetExtension::Svc(svc) => svc.syntax(s, self.sps.chroma_array_type())?,
            SubsetExtension::Mvc(mvc) => {
                let mut one = true;
                s.flag("bit_equal_to_one", &mut one)?;
                if !one {
                    return s.invalid("bit_equal_to_one", 0);
                }
                mvc.syntax(s, self.sps.profile_idc, self.sps.frame_mbs_only_flag)?;
            }
        }
        let what = "additional_extension2_flag";
        if let Some(bits) = s.present(what, &mut self.additional_extension2)? {
            bits_to_the_end(s, "additional_extension2_data_flag", bits)?;
        }
        Ok(())
    }
}
