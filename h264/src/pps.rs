//! Picture parameter sets (ISO/IEC 14496-10 §7.3.2.2).

use crate::Error;
use crate::nal::UnitType;
use crate::scaling::ScalingMatrix;
use crate::syntax::{Read, Syntax, list, read_id, write_nal};
use alloc::boxed::Box;
use alloc::vec::Vec;
use wire::BitReader;

/// A picture parameter set: what holds for the slices that refer to it (§7.3.2.2, §7.4.2.2).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pps {
    /// The id by which slices refer to this one, 0 to 255.
    pub pic_parameter_set_id: u8,
    /// The sequence parameter set that it refers to, 0 to 31.
    pub seq_parameter_set_id: u8,
    /// Whether macroblocks are coded with CABAC; else CAVLC.
    pub entropy_coding_mode_flag: bool,
    /// Whether slice headers carry what sets the two fields of a frame apart in output order.
    pub bottom_field_pic_order_in_frame_present_flag: bool,
    /// How macroblocks are spread over slice groups (FMO), where there is more than one group.
    pub slice_groups: Option<SliceGroups>,
    /// Entries of reference list 0 where the slice does not tell, less 1: 0 to 31.
    pub num_ref_idx_l0_default_active_minus1: u8,
    /// Entries of reference list 1 where the slice does not tell, less 1: 0 to 31.
    pub num_ref_idx_l1_default_active_minus1: u8,
    /// Whether P and SP slices carry prediction weights.
    pub weighted_pred_flag: bool,
    /// Weights in B slices: 0 none, 1 explicit, 2 by distance.
    pub weighted_bipred_idc: u8,
    /// Initial quantiser, less 26.
    pub pic_init_qp_minus26: i8,
    /// Initial quantiser of SP and SI slices, less 26.
    pub pic_init_qs_minus26: i8,
    /// Offset of the chroma quantiser (of Cb, where there is an extension): -12 to 12.
    pub chroma_qp_index_offset: i8,
    /// Whether slice headers control the deblocking filter.
    pub deblocking_filter_control_present_flag: bool,
    /// Whether intra prediction keeps to intra macroblocks.
    pub constrained_intra_pred_flag: bool,
    /// Whether slice headers carry a `redundant_pic_cnt`.
    pub redundant_pic_cnt_present_flag: bool,
    /// What the High profiles add.
    pub extension: Option<PpsExtension>,
}

/// The part of a picture parameter set that the High profiles add.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PpsExtension {
    /// Whether 8×8 transforms may be used.
    pub transform_8x8_mode_flag: bool,
    /// Scaling lists in place of the sequence's.
    pub pic_scaling_matrix: Option<Box<ScalingMatrix>>,
    /// Offset of the quantiser of Cr: -12 to 12.
    pub second_chroma_qp_index_offset: i8,
}

/// How macroblocks are spread over slice groups (§8.2.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SliceGroups {
    /// Groups, less 1: 1 to 7.
    pub num_slice_groups_minus1: u8,
    /// The map.
    pub map: SliceGroupMap,
}

/// `slice_group_map_type` and what goes with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SliceGroupMap {
    /// 0: runs in turn.
    Interleaved {
        /// `run_length_minus1` of each group.
        run_length_minus1: Vec<u32>,
    },
    /// 1: by a fixed formula.
    Dispersed,
    /// 2: rectangles and a background.
    Foreground {
        /// `top_left` and `bottom_right` of each group but the last.
        rectangles: Vec<[u32; 2]>,
    },
    /// 3 (box-out), 4 (raster) and 5 (wipe): two groups whose border moves from picture to picture.
    Changing {
        /// `slice_group_map_type`, 3 to 5.
        map_type: u8,
        /// Which way the border moves.
        change_direction_flag: bool,
        /// `slice_group_change_rate_minus1`: map units per step, less 1.
        change_rate_minus1: u32,
    },
    /// 6: one by one.
    Explicit {
        /// `slice_group_id` of each map unit.
        slice_group_id: Vec<u8>,
    },
}

impl Default for SliceGroups {
    fn default() -> Self {
        Self {
            num_slice_groups_minus1: 1,
            map: SliceGroupMap::Dispersed,
        }
    }
}

/// `pic_parameter_set_id` and `seq_parameter_set_id` of a NAL unit of type 8, without reading the rest.
///
/// # Errors
/// [`Error::ShortBits`] where it ends before, [`Error::Invalid`] where an id is out of its range.
pub fn ids(nal: &[u8]) -> Result<(u8, u8), Error> {
    let mut bits = BitReader::escaped(nal);
    bits.bits(8, "nal_unit_header")?;
    let pps = read_id(&mut bits, "pic_parameter_set_id", 255)?;
    let sps = read_id(&mut bits, "seq_parameter_set_id", 31)?;
    Ok((pps, sps))
}

impl Pps {
    /// Reads a NAL unit of type 8 (with its header, without start code).
    ///
    /// How many 8×8 scaling lists there are depends on the `chroma_format_idc` of the sequence parameter set that it
    /// refers to (see [`ids`]).
    ///
    /// # Errors
    /// [`Error::Invalid`] where it is of another type or an element is out of its range, [`Error::ShortBits`]
    /// where it ends too early.
    pub fn parse(nal: &[u8], chroma_format_idc: u8) -> Result<Self, Error> {
        let mut read = Read::nal_of(nal, UnitType::Pps)?;
        let mut pps = Self::default();
        pps.syntax(&mut read, chroma_format_idc)?;
        Ok(pps)
    }

    /// Appends it to `out` as a NAL unit with this `nal_ref_idc` (1 to 3), without start code.
    ///
    /// # Errors
    /// [`Error::Invalid`] where a field is out of its range.
    pub fn encode(
        &self,
        nal_ref_idc: u8,
        chroma_format_idc: u8,
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        write_nal(nal_ref_idc, UnitType::Pps, out, |write| {
            self.clone().syntax(write, chroma_format_idc)
        })
    }

    /// `pic_parameter_set_rbsp()`.
    pub(crate) fn syntax<S: Syntax>(
        &mut self,
        s: &mut S,
        chroma_format_idc: u8,
    ) -> Result<(), Error> {
        s.ue(
            "pic_parameter_set_id",
            &mut self.pic_parameter_set_id,
            0..=255,
        )?;
        s.ue(
            "seq_parameter_set_id",
            &mut self.seq_parameter_set_id,
            0..=31,
        )?;
        s.flag(
            "entropy_coding_mode_flag",
            &mut self.entropy_coding_mode_flag,
        )?;
        s.flag(
            "bottom_field_pic_order_in_frame_present_flag",
            &mut self.bottom_field_pic_order_in_frame_present_flag,
        )?;
        let mut last_group = self
            .slice_groups
            .as_ref()
            .map_or(0, |groups| groups.num_slice_groups_minus1);
        s.ue("num_slice_groups_minus1", &mut last_group, 0..=7)?;
        if last_group > 0 {
            let groups = self.slice_groups.get_or_insert_default();
            groups.num_slice_groups_minus1 = last_group;
            groups.map.syntax(s, last_group)?;
        } else {
            self.slice_groups = None;
        }
        s.ue(
            "num_ref_idx_l0_default_active_minus1",
            &mut self.num_ref_idx_l0_default_active_minus1,
            0..=31,
        )?;
        s.ue(
            "num_ref_idx_l1_default_active_minus1",
            &mut self.num_ref_idx_l1_default_active_minus1,
            0..=31,
        )?;
        s.flag("weighted_pred_flag", &mut self.weighted_pred_flag)?;
        s.u(2, "weighted_bipred_idc", &mut self.weighted_bipred_idc)?;
        // The least value goes down by 6 for each bit of luma past 8, and so to -62.
        s.se(
            "pic_init_qp_minus26",
            &mut self.pic_init_qp_minus26,
            -62..=25,
        )?;
        s.se(
            "pic_init_qs_minus26",
            &mut self.pic_init_qs_minus26,
            -26..=25,
        )?;
        s.se(
            "chroma_qp_index_offset",
            &mut self.chroma_qp_index_offset,
            -12..=12,
        )?;
        s.flag(
            "deblocking_filter_control_present_flag",
            &mut self.deblocking_filter_control_present_flag,
        )?;
        s.flag(
            "constrained_intra_pred_flag",
            &mut self.constrained_intra_pred_flag,
        )?;
        s.flag(
            "redundant_pic_cnt_present_flag",
            &mut self.redundant_pic_cnt_present_flag,
        )?;
        if s.more_rbsp_data(self.extension.is_some()) {
            let extension = self.extension.get_or_insert_default();
            extension.syntax(s, chroma_format_idc)?;
        }
        Ok(())
    }
}

impl PpsExtension {
    fn syntax<S: Syntax>(&mut self, s: &mut S, chroma_format_idc: u8) -> Result<(), Error> {
        s.flag("transform_8x8_mode_flag", &mut self.transform_8x8_mode_flag)?;
        if let Some(matrix) = s.present(
            "pic_scaling_matrix_present_flag",
            &mut self.pic_scaling_matrix,
        )? {
            let lists_8x8 = match (self.transform_8x8_mode_flag, chroma_format_idc) {
                (false, _) => 0,
                (true, 3) => 6,
                (true, _) => 2,
            };
            matrix.syntax(s, "pic_scaling_list_present_flag", lists_8x8)?;
        }
        s.se(
            "second_chroma_qp_index_offset",
            &mut self.second_chroma_qp_index_offset,
            -12..=12,
        )
    }
}

impl SliceGroupMap {
    /// The `slice_group_map_type`.
    #[must_use]
    pub const fn map_type(&self) -> u8 {
        match self {
            Self::Interleaved { .. } => 0,
            Self::Dispersed => 1,
            Self::Foreground { .. } => 2,
            Self::Changing { map_type, .. } => *map_type,
            Self::Explicit { .. } => 6,
        }
    }

    fn syntax<S: Syntax>(&mut self, s: &mut S, last_group: u8) -> Result<(), Error> {
        let mut number = self.map_type();
        s.ue("slice_group_map_type", &mut number, 0..=6)?;
        if number != self.map_type() {
            *self = match number {
                0 => Self::Interleaved {
                    run_length_minus1: Vec::new(),
                },
                1 => Self::Dispersed,
                2 => Self::Foreground {
                    rectangles: Vec::new(),
                },
                6 => Self::Explicit {
                    slice_group_id: Vec::new(),
                },
                map_type => Self::Changing {
                    map_type,
                    change_direction_flag: false,
                    change_rate_minus1: 0,
                },
            };
        }
        match self {
            Self::Interleaved { run_length_minus1 } => {
                list(run_length_minus1, usize::from(last_group) + 1, |run| {
                    s.ue("run_length_minus1", run, 0..=u32::MAX)
                })
            }
            Self::Dispersed => Ok(()),
            Self::Foreground { rectangles } => list(
                rectangles,
                usize::from(last_group),
                |[top_left, bottom_right]| {
                    s.ue("top_left", top_left, 0..=u32::MAX)?;
                    s.ue("bottom_right", bottom_right, 0..=u32::MAX)
                },
            ),
            Self::Changing {
                change_direction_flag,
                change_rate_minus1,
                ..
            } => {
                s.flag("slice_group_change_direction_flag", change_direction_flag)?;
                s.ue(
                    "slice_group_change_rate_minus1",
                    change_rate_minus1,
                    0..=u32::MAX,
                )
            }
            Self::Explicit { slice_group_id } => {
                let units = u32::try_from(slice_group_id.len()).unwrap_or(0);
                let mut last_unit = units.wrapping_sub(1);
                s.ue(
                    "pic_size_in_map_units_minus1",
                    &mut last_unit,
                    0..=u32::MAX - 2,
                )?;
                let bits = u32::from(last_group).checked_ilog2().unwrap_or(0) + 1;
                list(slice_group_id, last_unit as usize + 1, |id| {
                    s.u(bits, "slice_group_id", id)
                })
            }
        }
    }
}
