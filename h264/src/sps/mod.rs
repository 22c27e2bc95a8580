//! Sequence parameter sets (ISO/IEC 14496-10 §7.3.2.1.1).

mod extension;
mod geometry;
mod hrd;
pub mod subset;
mod vui;

pub use extension::SpsExtension;
pub use geometry::Rational;
pub use hrd::{Hrd, SchedSel};
pub use subset::SubsetSps;
pub use vui::{BitstreamRestriction, Colour, SampleAspectRatio, Timing, VideoSignalType, Vui};

use crate::Error;
use crate::nal::UnitType;
use crate::scaling::ScalingMatrix;
use crate::syntax::{Read, Syntax, read_id, write_nal};
use alloc::boxed::Box;
use alloc::vec::Vec;
use wire::BitReader;

/// A sequence parameter set: what holds for all pictures of a coded video sequence (§7.3.2.1.1.1, §7.4.2.1.1).
///
/// Fields have the standard's names and codings; methods tell what they amount to.
///
/// ```
/// use fluvial_h264::Sps;
///
/// let nal = [
///     0x67, 0x64, 0x00, 0x1F, 0xAC, 0xD9, 0x40, 0x50, 0x05, 0xBB, 0x01, 0x6A, 0x02, 0x02, 0x02,
///     0x80, 0x00, 0x00, 0x03, 0x00, 0x80, 0x00, 0x00, 0x19, 0x07, 0x8C, 0x18, 0xCB,
/// ];
/// let sps = Sps::parse(&nal)?;
/// assert_eq!((sps.profile_idc, sps.level_idc), (100, 31));
/// assert_eq!((sps.width(), sps.height()), (1280, 720));
/// assert_eq!(sps.frame_rate().unwrap().to_string(), "25/1");
/// let mut again = Vec::new();
/// sps.encode(3, &mut again)?;
/// assert_eq!(again, nal);
/// # Ok::<(), fluvial_h264::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sps {
    /// The profile: 66 Baseline, 77 Main, 88 Extended, 100 High, 110 High 10, 122 High 4:2:2, 244 High 4:4:4 Predictive, ...
    pub profile_idc: u8,
    /// `constraint_set0_flag` in the most significant bit to `constraint_set5_flag`, then two reserved bits.
    pub constraint_flags: u8,
    /// Ten times the level; 9, or 11 with `constraint_set3_flag` in the profiles up to Extended, is level 1b.
    pub level_idc: u8,
    /// The id by which picture parameter sets refer to this one, 0 to 31.
    pub seq_parameter_set_id: u8,
    /// 0 monochrome, 1 4:2:0, 2 4:2:2, 3 4:4:4. Coded in the High profiles only; else 1.
    pub chroma_format_idc: u8,
    /// Whether the three planes of 4:4:4 are coded like three monochrome pictures.
    pub separate_colour_plane_flag: bool,
    /// Bits of a luma sample, less 8.
    pub bit_depth_luma_minus8: u8,
    /// Bits of a chroma sample, less 8.
    pub bit_depth_chroma_minus8: u8,
    /// Whether QP'Y of 0 means lossless.
    pub qpprime_y_zero_transform_bypass_flag: bool,
    /// The sequence's scaling lists, where any are coded.
    pub seq_scaling_matrix: Option<Box<ScalingMatrix>>,
    /// Bits of `frame_num`, less 4: 0 to 12.
    pub log2_max_frame_num_minus4: u8,
    /// How pictures tell their output order: `pic_order_cnt_type` and what goes with it.
    pub pic_order_cnt: PicOrderCntType,
    /// The most frames (or field pairs) that are kept for reference, 0 to 16.
    pub max_num_ref_frames: u8,
    /// Whether `frame_num` may jump (temporal scalability) without that being a loss.
    pub gaps_in_frame_num_value_allowed_flag: bool,
    /// Width in macroblocks, less 1.
    pub pic_width_in_mbs_minus1: u16,
    /// Height in macroblocks (or, without `frame_mbs_only_flag`, in pairs of them), less 1.
    pub pic_height_in_map_units_minus1: u16,
    /// Whether there are no field pictures and no field macroblocks.
    pub frame_mbs_only_flag: bool,
    /// Whether frames may switch between frame and field macroblocks (MBAFF).
    pub mb_adaptive_frame_field_flag: bool,
    /// How motion vectors are derived in direct prediction.
    pub direct_8x8_inference_flag: bool,
    /// What of the coded picture is not to be shown.
    pub frame_cropping: Option<FrameCropping>,
    /// Video usability information (Annex E).
    pub vui: Option<Box<Vui>>,
}

/// How output order is coded: `pic_order_cnt_type` (§8.2.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PicOrderCntType {
    /// 0: each picture codes the low bits of its count.
    Lsb {
        /// Bits of `pic_order_cnt_lsb`, less 4: 0 to 12.
        log2_max_pic_order_cnt_lsb_minus4: u8,
    },
    /// 1: counts follow a cycle of expected differences.
    Cycle(Box<PicOrderCntCycle>),
    /// 2: output order is decoding order.
    DecodingOrder,
}

/// The cycle of `pic_order_cnt_type` 1 (§8.2.1.2).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PicOrderCntCycle {
    /// Whether slice headers carry no `delta_pic_order_cnt`.
    pub delta_pic_order_always_zero_flag: bool,
    /// What is added for pictures that are no reference.
    pub offset_for_non_ref_pic: i32,
    /// What the bottom field's count is after the top field's.
    pub offset_for_top_to_bottom_field: i32,
    /// The steps of the cycle, at most 255.
    pub offset_for_ref_frame: Vec<i32>,
}

/// Cropping, in the units of Table 6-1 (`CropUnitX`, `CropUnitY`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FrameCropping {
    /// `frame_crop_left_offset`.
    pub left: u32,
    /// `frame_crop_right_offset`.
    pub right: u32,
    /// `frame_crop_top_offset`.
    pub top: u32,
    /// `frame_crop_bottom_offset`.
    pub bottom: u32,
}

/// Whether the profile codes the chroma format, bit depths and scaling lists.
pub(crate) const fn is_high(profile_idc: u8) -> bool {
    matches!(
        profile_idc,
        100 | 110 | 122 | 244 | 44 | 83 | 86 | 118 | 128 | 138 | 139 | 134 | 135
    )
}

/// `seq_parameter_set_id` of a NAL unit of type 7 or 15, without reading the rest.
///
/// # Errors
/// [`Error::ShortBits`] where it ends before, [`Error::Invalid`] where the id is out of its range.
pub fn id(nal: &[u8]) -> Result<u8, Error> {
    let mut bits = BitReader::escaped(nal);
    bits.bits(32, "profile_idc")?;
    read_id(&mut bits, "seq_parameter_set_id", 31)
}

/// `seq_parameter_set_id` of a NAL unit of type 13, without reading the rest.
///
/// # Errors
/// [`Error::ShortBits`] where it ends before, [`Error::Invalid`] where the id is out of its range.
pub fn extension_id(nal: &[u8]) -> Result<u8, Error> {
    let mut bits = BitReader::escaped(nal);
    bits.bits(8, "nal_unit_header")?;
    read_id(&mut bits, "seq_parameter_set_id", 31)
}

impl Sps {
    /// Reads a NAL unit of type 7 (with its header, without start code), or of type 15, a subset sequence parameter set,
    /// as far as that is the same.
    ///
    /// What follows the last syntax element is not looked at.
    ///
    /// # Errors
    /// [`Error::Invalid`] where it is of another type or an element is out of its range, [`Error::ShortBits`]
    /// where it ends too early.
    pub fn parse(nal: &[u8]) -> Result<Self, Error> {
        let (sps, wrong) = Self::parse_usable(nal)?;
        wrong.map_or(Ok(sps), Err)
    }

    /// As [`parse`](Self::parse), but damage in the video usability information (Annex E), without which pictures can be decoded, is not
    /// the end of it: such a set is given without, and with what is wrong.
    ///
    /// # Errors
    /// As [`parse`](Self::parse), for what is before.
    pub fn parse_usable(nal: &[u8]) -> Result<(Self, Option<Error>), Error> {
        let (mut read, header) = Read::nal(nal)?;
        if !matches!(header.nal_unit_type, UnitType::Sps | UnitType::SubsetSps) {
            return read.invalid("nal_unit_type", header.nal_unit_type.number());
        }
        let mut sps = Self::default();
        sps.syntax_before_vui(&mut read)?;
        let wrong = sps.vui_syntax(&mut read).err();
        if wrong.is_some() {
            sps.vui = None;
        }
        Ok((sps, wrong))
    }

    /// Appends it to `out` as a NAL unit with this `nal_ref_idc` (1 to 3), without start code.
    ///
    /// # Errors
    /// [`Error::Invalid`] where a field is out of its range.
    pub fn encode(&self, nal_ref_idc: u8, out: &mut Vec<u8>) -> Result<(), Error> {
        write_nal(nal_ref_idc, UnitType::Sps, out, |write| {
            self.clone().syntax(write)
        })
    }

    /// `seq_parameter_set_data()`.
    pub(crate) fn syntax<S: Syntax>(&mut self, s: &mut S) -> Result<(), Error> {
        self.syntax_before_vui(s)?;
        self.vui_syntax(s)
    }

    fn vui_syntax<S: Syntax>(&mut self, s: &mut S) -> Result<(), Error> {
        match s.present("vui_parameters_present_flag", &mut self.vui)? {
            Some(vui) => vui.syntax(s),
            None => Ok(()),
        }
    }

    fn syntax_before_vui<S: Syntax>(&mut self, s: &mut S) -> Result<(), Error> {
        s.u(8, "profile_idc", &mut self.profile_idc)?;
        s.u(8, "constraint_set_flags", &mut self.constraint_flags)?;
        s.u(8, "level_idc", &mut self.level_idc)?;
        s.ue(
            "seq_parameter_set_id",
            &mut self.seq_parameter_set_id,
            0..=31,
        )?;
        if is_high(self.profile_idc) {
            s.ue("chroma_format_idc", &mut self.chroma_format_idc, 0..=3)?;
            if self.chroma_format_idc == 3 {
                s.flag(
                    "separate_colour_plane_flag",
                    &mut self.separate_colour_plane_flag,
                )?;
            }
            s.ue(
                "bit_depth_luma_minus8",
                &mut self.bit_depth_luma_minus8,
                0..=6,
            )?;
            s.ue(
                "bit_depth_chroma_minus8",
                &mut self.bit_depth_chroma_minus8,
                0..=6,
            )?;
            s.flag(
                "qpprime_y_zero_transform_bypass_flag",
                &mut self.qpprime_y_zero_transform_bypass_flag,
            )?;
            let lists = if self.chroma_format_idc == 3 { 6 } else { 2 };
            if let Some(matrix) = s.present(
                "seq_scaling_matrix_present_flag",
                &mut self.seq_scaling_matrix,
            )? {
                matrix.syntax(s, "seq_scaling_list_present_flag", lists)?;
            }
        }
        s.ue(
            "log2_max_frame_num_minus4",
            &mut self.log2_max_frame_num_minus4,
            0..=12,
        )?;
        self.pic_order_cnt.syntax(s)?;
        s.ue("max_num_ref_frames", &mut self.max_num_ref_frames, 0..=16)?;
        s.flag(
            "gaps_in_frame_num_value_allowed_flag",
            &mut self.gaps_in_frame_num_value_allowed_flag,
        )?;
        s.ue(
            "pic_width_in_mbs_minus1",
            &mut self.pic_width_in_mbs_minus1,
            0..=0xFFFF,
        )?;
        s.ue(
            "pic_height_in_map_units_minus1",
            &mut self.pic_height_in_map_units_minus1,
            0..=0xFFFF,
        )?;
        s.flag("frame_mbs_only_flag", &mut self.frame_mbs_only_flag)?;
        if !self.frame_mbs_only_flag {
            s.flag(
                "mb_adaptive_frame_field_flag",
                &mut self.mb_adaptive_frame_field_flag,
            )?;
        }
        s.flag(
            "direct_8x8_inference_flag",
            &mut self.direct_8x8_inference_flag,
        )?;
        if let Some(crop) = s.present("frame_cropping_flag", &mut self.frame_cropping)? {
            s.ue("frame_crop_left_offset", &mut crop.left, 0..=u32::MAX)?;
            s.ue("frame_crop_right_offset", &mut crop.right, 0..=u32::MAX)?;
            s.ue("frame_crop_top_offset", &mut crop.top, 0..=u32::MAX)?;
            s.ue("frame_crop_bottom_offset", &mut crop.bottom, 0..=u32::MAX)?;
        }
        Ok(())
    }
}

impl PicOrderCntType {
    /// The `pic_order_cnt_type`.
    #[must_use]
    pub const fn number(&self) -> u8 {
        match self {
            Self::Lsb { .. } => 0,
            Self::Cycle(_) => 1,
            Self::DecodingOrder => 2,
        }
    }

    fn syntax<S: Syntax>(&mut self, s: &mut S) -> Result<(), Error> {
        let mut number = self.number();
        s.ue("pic_order_cnt_type", &mut number, 0..=2)?;
        if number != self.number() {
            *self = match number {
                0 => Self::default(),
                1 => Self::Cycle(Box::default()),
                _ => Self::DecodingOrder,
            };
        }
        match self {
            Self::Lsb {
                log2_max_pic_order_cnt_lsb_minus4,
            } => s.ue(
                "log2_max_pic_order_cnt_lsb_minus4",
                log2_max_pic_order_cnt_lsb_minus4,
                0..=12,
            ),
            Self::Cycle(cycle) => cycle.syntax(s),
            Self::DecodingOrder => Ok(()),
        }
    }
}

impl PicOrderCntCycle {
    fn syntax<S: Syntax>(&mut self, s: &mut S) -> Result<(), Error> {
        const ANY: core::ops::RangeInclusive<i32> = -i32::MAX..=i32::MAX;
        s.flag(
            "delta_pic_order_always_zero_flag",
            &mut self.delta_pic_order_always_zero_flag,
        )?;
        s.se(
            "offset_for_non_ref_pic",
            &mut self.offset_for_non_ref_pic,
            ANY,
        )?;
        s.se(
            "offset_for_top_to_bottom_field",
            &mut self.offset_for_top_to_bottom_field,
            ANY,
        )?;
        let mut steps = u32::try_from(self.offset_for_ref_frame.len()).unwrap_or(u32::MAX);
        s.ue("num_ref_frames_in_pic_order_cnt_cycle", &mut steps, 0..=255)?;
        self.offset_for_ref_frame.resize(steps as usize, 0);
        for step in &mut self.offset_for_ref_frame {
            s.se("offset_for_ref_frame", step, ANY)?;
        }
        Ok(())
    }
}

impl Default for PicOrderCntType {
    fn default() -> Self {
        Self::Lsb {
            log2_max_pic_order_cnt_lsb_minus4: 0,
        }
    }
}

impl Default for Sps {
    /// What holds where the syntax has no element: 8-bit 4:2:0, frames only; one macroblock large.
    fn default() -> Self {
        Self {
            profile_idc: 66,
            constraint_flags: 0,
            level_idc: 10,
            seq_parameter_set_id: 0,
            chroma_format_idc: 1,
            separate_colour_plane_flag: false,
            bit_depth_luma_minus8: 0,
            bit_depth_chroma_minus8: 0,
            qpprime_y_zero_transform_bypass_flag: false,
            seq_scaling_matrix: None,
            log2_max_frame_num_minus4: 0,
            pic_order_cnt: PicOrderCntType::default(),
            max_num_ref_frames: 0,
            gaps_in_frame_num_value_allowed_flag: false,
            pic_width_in_mbs_minus1: 0,
            pic_height_in_map_units_minus1: 0,
            frame_mbs_only_flag: true,
            mb_adaptive_frame_field_flag: false,
            direct_8x8_inference_flag: false,
            frame_cropping: None,
            vui: None,
        }
    }
}
