//! Header extensions of the scalable and the multiview profiles (ISO/IEC 14496-10 §7.3.1).

use crate::nal::{Header, UnitType};
use crate::slice::RefBasePic;
use crate::syntax::{Read, Syntax, Write, bits_to_the_end, write_nal};
use crate::{Error, nal};
use alloc::vec::Vec;
use wire::BitWriter;

/// The three bytes after the header of a NAL unit of type 14, 20 or 21 (§7.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeaderExtension {
    /// With `svc_extension_flag`: of a scalable stream.
    Svc(SvcExtension),
    /// Without it: of a multiview stream.
    Mvc(MvcExtension),
}

/// `nal_unit_header_svc_extension()` (§F.7.3.1.1).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SvcExtension {
    /// Whether the picture is an IDR picture of its layer.
    pub idr_flag: bool,
    /// 6 bits; the lower, the more important.
    pub priority_id: u8,
    /// Whether nothing is predicted from lower layers.
    pub no_inter_layer_pred_flag: bool,
    /// Spatial layer, 3 bits.
    pub dependency_id: u8,
    /// Quality layer, 4 bits.
    pub quality_id: u8,
    /// Temporal layer, 3 bits.
    pub temporal_id: u8,
    /// Whether base pictures are referred to.
    pub use_ref_base_pic_flag: bool,
    /// Whether higher layers can be decoded without it.
    pub discardable_flag: bool,
    /// Whether the picture is shown.
    pub output_flag: bool,
    /// 2 bits, 3 in today's streams.
    pub reserved_three_2bits: u8,
}

/// `nal_unit_header_mvc_extension()` (§G.7.3.1.1).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MvcExtension {
    /// Whether the view component is not of an IDR picture.
    pub non_idr_flag: bool,
    /// 6 bits; the lower, the more important.
    pub priority_id: u8,
    /// The view, 10 bits.
    pub view_id: u16,
    /// Temporal layer, 3 bits.
    pub temporal_id: u8,
    /// Whether all views can be decoded from here.
    pub anchor_pic_flag: bool,
    /// Whether other views are predicted from it.
    pub inter_view_flag: bool,
    /// 1 in today's streams.
    pub reserved_one_bit: bool,
}

impl HeaderExtension {
    /// Whether a NAL unit of this kind has the extension.
    #[must_use]
    pub const fn follows(kind: UnitType) -> bool {
        matches!(
            kind,
            UnitType::Prefix | UnitType::SliceExtension | UnitType::SliceExtensionDepth
        )
    }

    /// Reads it from a NAL unit. That of 3D-AVC (type 21 with `avc_3d_extension_flag`) is not read.
    ///
    /// # Errors
    /// [`Error::Invalid`] where the NAL unit is of another type or of 3D-AVC, [`Error::ShortBits`] where it is too short.
    pub fn parse(nal: &[u8]) -> Result<Self, Error> {
        let (mut read, header) = Read::nal(nal)?;
        let mut extension = Self::Mvc(MvcExtension::default());
        extension.syntax(&mut read, header)?;
        Ok(extension)
    }

    /// Appends a NAL unit header (of type 14, 20 or 21) and this extension to `out`.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a header of another type, [`Error::TooLong`] where a field does not fit its bits.
    pub fn encode(&self, header: nal::Header, out: &mut Vec<u8>) -> Result<(), Error> {
        let mut extension = *self;
        let mut bits = BitWriter::escaped(out);
        extension.syntax(&mut Write::start(header, &mut bits), header)
    }

    pub(crate) fn syntax<S: Syntax>(&mut self, s: &mut S, header: Header) -> Result<(), Error> {
        if !Self::follows(header.nal_unit_type) {
            return s.invalid("nal_unit_type", header.nal_unit_type.number());
        }
        let mut first = matches!(self, Self::Svc(_));
        if header.nal_unit_type == UnitType::SliceExtensionDepth {
            s.flag("avc_3d_extension_flag", &mut first)?;
            if first {
                return s.invalid("avc_3d_extension_flag", 1);
            }
        } else {
            s.flag("svc_extension_flag", &mut first)?;
        }
        match self {
            Self::Mvc(_) if first => *self = Self::Svc(SvcExtension::default()),
            Self::Svc(_) if !first => *self = Self::Mvc(MvcExtension::default()),
            _ => {}
        }
        match self {
            Self::Svc(svc) => {
                s.flag("idr_flag", &mut svc.idr_flag)?;
                s.u(6, "priority_id", &mut svc.priority_id)?;
                s.flag(
                    "no_inter_layer_pred_flag",
                    &mut svc.no_inter_layer_pred_flag,
                )?;
                s.u(3, "dependency_id", &mut svc.dependency_id)?;
                s.u(4, "quality_id", &mut svc.quality_id)?;
                s.u(3, "temporal_id", &mut svc.temporal_id)?;
                s.flag("use_ref_base_pic_flag", &mut svc.use_ref_base_pic_flag)?;
                s.flag("discardable_flag", &mut svc.discardable_flag)?;
                s.flag("output_flag", &mut svc.output_flag)?;
                s.u(2, "reserved_three_2bits", &mut svc.reserved_three_2bits)
            }
            Self::Mvc(mvc) => {
                s.flag("non_idr_flag", &mut mvc.non_idr_flag)?;
                s.u(6, "priority_id", &mut mvc.priority_id)?;
                s.u(10, "view_id", &mut mvc.view_id)?;
                s.u(3, "temporal_id", &mut mvc.temporal_id)?;
                s.flag("anchor_pic_flag", &mut mvc.anchor_pic_flag)?;
                s.flag("inter_view_flag", &mut mvc.inter_view_flag)?;
                s.flag("reserved_one_bit", &mut mvc.reserved_one_bit)
            }
        }
    }
}

/// A prefix to a slice of the base layer: a NAL unit of type 14 (§7.3.2.12).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prefix {
    /// What further layers' slices have in their own NAL units.
    pub extension: HeaderExtension,
    /// What becomes of base representations; only in scalable streams, in a reference picture.
    pub ref_base_pic: RefBasePic,
    /// Bits of later editions: in a reference picture, those behind `additional_prefix_nal_unit_extension_flag`.
    pub additional: Option<Vec<bool>>,
}

impl Prefix {
    /// Reads a NAL unit of type 14 (with its header, without start code).
    ///
    /// # Errors
    /// [`Error::Invalid`] where it is of another type or an element is out of its range, [`Error::ShortBits`]
    /// where it ends too early.
    pub fn parse(nal: &[u8]) -> Result<(Header, Self), Error> {
        let (mut read, header) = Read::nal(nal)?;
        let mut prefix = Self::default();
        prefix.syntax(&mut read, header)?;
        Ok((header, prefix))
    }

    /// Appends it to `out` as a NAL unit with the `nal_ref_idc` of its slice, without start code.
    ///
    /// # Errors
    /// [`Error::Invalid`] or [`Error::TooLong`] where a field is out of its range.
    pub fn encode(&self, nal_ref_idc: u8, out: &mut Vec<u8>) -> Result<(), Error> {
        let header = Header {
            nal_ref_idc,
            nal_unit_type: UnitType::Prefix,
        };
        let start = out.len();
        let is_empty = matches!(self.extension, HeaderExtension::Mvc(_))
            || nal_ref_idc == 0 && self.additional.is_none();
        let mut prefix = self.clone();
        if is_empty {
            // There is no payload, and so no trailing bits.
            let mut bits = BitWriter::escaped(out);
            let written = prefix.syntax(&mut Write::start(header, &mut bits), header);
            if written.is_err() {
                out.truncate(start);
            }
            return written;
        }
        write_nal(nal_ref_idc, UnitType::Prefix, out, |write| {
            prefix.syntax(write, header)
        })
    }

    pub(crate) fn syntax<S: Syntax>(&mut self, s: &mut S, header: Header) -> Result<(), Error> {
        const DATA: &str = "additional_prefix_nal_unit_extension_data_flag";
        if header.nal_unit_type != UnitType::Prefix {
            return s.invalid("nal_unit_type", header.nal_unit_type.number());
        }
        self.extension.syntax(s, header)?;
        let HeaderExtension::Svc(svc) = self.extension else {
            return Ok(());
        };
        if header.nal_ref_idc != 0 {
            self.ref_base_pic.syntax(s, &svc)?;
            let what = "additional_prefix_nal_unit_extension_flag";
            if let Some(bits) = s.present(what, &mut self.additional)? {
                bits_to_the_end(s, DATA, bits)?;
            }
        } else if s.more_rbsp_data(self.additional.is_some()) {
            bits_to_the_end(s, DATA, self.additional.get_or_insert_default())?;
        }
        Ok(())
    }
}

impl Default for Prefix {
    fn default() -> Self {
        Self {
            extension: HeaderExtension::Mvc(MvcExtension::default()),
            ref_base_pic: RefBasePic::default(),
            additional: None,
        }
    }
}
