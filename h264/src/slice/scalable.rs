use super::{SliceHeader, SliceType};
use crate::extension::SvcExtension;
use crate::list::List;
use crate::nal::Header;
use crate::sps::subset::{ScaledRefLayer, SpsSvcExtension, SubsetExtension, SubsetSps};
use crate::syntax::Syntax;
use crate::{Error, ParameterSets};

/// The header of a slice of a scalable layer: `slice_header_in_scalable_extension()` (§F.7.3.3.4). Elements that are not
/// coded have the value that the standard infers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScalableSliceHeader {
    /// What other slice headers have too. Slice types P, B and I stand for EP, EB and EI.
    pub base: SliceHeader,
    /// Whether prediction weights are those of the lower layer.
    pub base_pred_weight_table_flag: bool,
    /// What becomes of base representations; only in reference pictures of the lowest quality.
    pub ref_base_pic: RefBasePic,
    /// `DQId` of the layer that it is predicted from: 16 times the spatial layer, plus the quality layer.
    pub ref_layer_dq_id: u8,
    /// Deblocking of the lower layer: 0 to 6.
    pub disable_inter_layer_deblocking_filter_idc: u8,
    /// Its strength, -6 to 6.
    pub inter_layer_slice_alpha_c0_offset_div2: i8,
    /// Its strength, -6 to 6.
    pub inter_layer_slice_beta_offset_div2: i8,
    /// Whether only intra-coded macroblocks of the lower layer are used.
    pub constrained_intra_resampling_flag: bool,
    /// Where the lower layer lies; with `extended_spatial_scalability_idc` 2.
    pub scaled_ref_layer: ScaledRefLayer,
    /// Macroblocks of a slice that has no data of its own, less 1.
    pub num_mbs_in_slice_minus1: Option<u32>,
    /// How macroblocks tell whether they go by the lower layer.
    pub base_mode: Adaptive,
    /// How they tell whether motion is predicted from it.
    pub motion_prediction: Adaptive,
    /// How they tell whether the residual is predicted from it.
    pub residual_prediction: Adaptive,
    /// Whether transform coefficients are predicted from it.
    pub tcoeff_level_prediction_flag: bool,
    /// The first transform coefficient of the slice, 0 to 15.
    pub scan_idx_start: u8,
    /// The last transform coefficient of the slice, 0 to 15.
    pub scan_idx_end: u8,
}

/// Whether macroblocks each tell something, or what holds for all of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Adaptive {
    /// `adaptive_..._flag`: each tells it.
    pub adaptive_flag: bool,
    /// `default_..._flag`: what holds otherwise.
    pub default_flag: bool,
}

/// What becomes of base representations, by which pictures of further quality are predicted (§F.7.3.3.5).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RefBasePic {
    /// Whether that of this picture is kept.
    pub store_ref_base_pic_flag: bool,
    /// Commands on those of earlier pictures, where there are any: `dec_ref_base_pic_marking()`.
    pub marking: Option<List<BaseControl, 32>>,
}

/// A command on base representations: `memory_management_base_control_operation` 1 and 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BaseControl {
    /// 1: that of a short-term picture is no reference any more.
    UnmarkShortTerm {
        /// What its number is less than this picture's, less 1.
        difference_of_base_pic_nums_minus1: u32,
    },
    /// 2: that of a long-term picture is no reference any more.
    UnmarkLongTerm {
        /// Its number.
        long_term_base_pic_num: u32,
    },
}

impl Default for BaseControl {
    fn default() -> Self {
        Self::UnmarkShortTerm {
            difference_of_base_pic_nums_minus1: 0,
        }
    }
}

impl Default for ScalableSliceHeader {
    fn default() -> Self {
        Self {
            base: SliceHeader::default(),
            base_pred_weight_table_flag: false,
            ref_base_pic: RefBasePic::default(),
            ref_layer_dq_id: 0,
            disable_inter_layer_deblocking_filter_idc: 0,
            inter_layer_slice_alpha_c0_offset_div2: 0,
            inter_layer_slice_beta_offset_div2: 0,
            constrained_intra_resampling_flag: false,
            scaled_ref_layer: ScaledRefLayer::default(),
            num_mbs_in_slice_minus1: None,
            base_mode: Adaptive::default(),
            motion_prediction: Adaptive::default(),
            residual_prediction: Adaptive::default(),
            tcoeff_level_prediction_flag: false,
            scan_idx_start: 0,
            scan_idx_end: 15,
        }
    }
}

impl ScalableSliceHeader {
    pub(super) fn syntax<S: Syntax>(
        &mut self,
        s: &mut S,
        header: Header,
        layer: &SvcExtension,
        sets: &ParameterSets,
    ) -> Result<(), Error> {
        let base = &mut self.base;
        let pps = base.start(s, sets)?;
        let SubsetSps { sps, extension, .. } = sets.subset_sps(pps.seq_parameter_set_id)?;
        let SubsetExtension::Svc(svc) = extension else {
            return s.invalid("profile_idc", sps.profile_idc);
        };
        base.picture(s, layer.idr_flag, sps, pps)?;
        let kind = base.kind();
        if matches!(kind, SliceType::Sp | SliceType::Si) {
            return s.invalid("slice_type", base.slice_type);
        }
        if layer.quality_id == 0 {
            base.inter(s, pps, false)?;
            if base.is_weighted(pps) {
                if !layer.no_inter_layer_pred_flag {
                    s.flag(
                        "base_pred_weight_table_flag",
                        &mut self.base_pred_weight_table_flag,
                    )?;
                }
                if layer.no_inter_layer_pred_flag || !self.base_pred_weight_table_flag {
                    base.weights(s, sps)?;
                }
            }
            if header.nal_ref_idc != 0 {
                base.marking(s, layer.idr_flag)?;
                if !svc.slice_header_restriction_flag {
                    self.ref_base_pic.syntax(s, layer)?;
                }
            }
        }
        base.quantiser(s, pps)?;
        base.deblocking(s, pps)?;
        base.slice_groups(s, sps, pps)?;
        if layer.no_inter_layer_pred_flag {
            self.num_mbs_in_slice_minus1 = None;
        } else {
            if layer.quality_id == 0 {
                self.lower_layer(s, svc, sps.chroma_array_type())?;
            }
            self.prediction(s, svc)?;
        }
        if !svc.slice_header_restriction_flag && self.num_mbs_in_slice_minus1.is_none() {
            s.u(4, "scan_idx_start", &mut self.scan_idx_start)?;
            s.u(4, "scan_idx_end", &mut self.scan_idx_end)?;
        }
        Ok(())
    }

    fn lower_layer<S: Syntax>(
        &mut self,
        s: &mut S,
        svc: &SpsSvcExtension,
        chroma_array_type: u8,
    ) -> Result<(), Error> {
        s.ue("ref_layer_dq_id", &mut self.ref_layer_dq_id, 0..=127)?;
        if svc.inter_layer_deblocking_filter_control_present_flag {
            s.ue(
                "disable_inter_layer_deblocking_filter_idc",
                &mut self.disable_inter_layer_deblocking_filter_idc,
                0..=6,
            )?;
            if self.disable_inter_layer_deblocking_filter_idc != 1 {
                s.se(
                    "inter_layer_slice_alpha_c0_offset_div2",
                    &mut self.inter_layer_slice_alpha_c0_offset_div2,
                    -6..=6,
                )?;
                s.se(
                    "inter_layer_slice_beta_offset_div2",
                    &mut self.inter_layer_slice_beta_offset_div2,
                    -6..=6,
                )?;
            }
        }
        s.flag(
            "constrained_intra_resampling_flag",
            &mut self.constrained_intra_resampling_flag,
        )?;
        if svc.extended_spatial_scalability_idc == 2 {
            let names = [
                "ref_layer_chroma_phase_x_plus1_flag",
                "ref_layer_chroma_phase_y_plus1",
                "scaled_ref_layer_left_offset",
                "scaled_ref_layer_top_offset",
                "scaled_ref_layer_right_offset",
                "scaled_ref_layer_bottom_offset",
            ];
            self.scaled_ref_layer.syntax(s, chroma_array_type, names)?;
        }
        Ok(())
    }

    fn prediction<S: Syntax>(&mut self, s: &mut S, svc: &SpsSvcExtension) -> Result<(), Error> {
        if let Some(last) = s.present("slice_skip_flag", &mut self.num_mbs_in_slice_minus1)? {
            s.ue("num_mbs_in_slice_minus1", last, 0..=u32::MAX)?;
        } else {
            self.base_mode
                .syntax(s, ["adaptive_base_mode_flag", "default_base_mode_flag"])?;
            if self.base_mode.adaptive_flag || !self.base_mode.default_flag {
                self.motion_prediction.syntax(
                    s,
                    [
                        "adaptive_motion_prediction_flag",
                        "default_motion_prediction_flag",
                    ],
                )?;
            }
            self.residual_prediction.syntax(
                s,
                [
                    "adaptive_residual_prediction_flag",
                    "default_residual_prediction_flag",
                ],
            )?;
        }
        if svc.adaptive_tcoeff_level_prediction_flag {
            s.flag(
                "tcoeff_level_prediction_flag",
                &mut self.tcoeff_level_prediction_flag,
            )?;
        }
        Ok(())
    }
}

impl Adaptive {
    fn syntax<S: Syntax>(
        &mut self,
        s: &mut S,
        [adaptive, default]: [&'static str; 2],
    ) -> Result<(), Error> {
        s.flag(adaptive, &mut self.adaptive_flag)?;
        if self.adaptive_flag {
            return Ok(());
        }
        s.flag(default, &mut self.default_flag)
    }
}

impl RefBasePic {
    pub(crate) fn syntax<S: Syntax>(
        &mut self,
        s: &mut S,
        layer: &SvcExtension,
    ) -> Result<(), Error> {
        s.flag("store_ref_base_pic_flag", &mut self.store_ref_base_pic_flag)?;
        if layer.idr_flag || !(layer.use_ref_base_pic_flag || self.store_ref_base_pic_flag) {
            self.marking = None;
            return Ok(());
        }
        match s.present("adaptive_ref_base_pic_marking_mode_flag", &mut self.marking)? {
            Some(commands) => commands_syntax(s, commands),
            None => Ok(()),
        }
    }
}

/// The commands up to the end mark, operation 0.
fn commands_syntax<S: Syntax>(s: &mut S, list: &mut List<BaseControl, 32>) -> Result<(), Error> {
    let mut n = 0;
    loop {
        let (mut operation, mut number) = match list.get(n) {
            None => (0u8, 0),
            Some(BaseControl::UnmarkShortTerm {
                difference_of_base_pic_nums_minus1: number,
            }) => (1, *number),
            Some(BaseControl::UnmarkLongTerm {
                long_term_base_pic_num: number,
            }) => (2, *number),
        };
        s.ue(
            "memory_management_base_control_operation",
            &mut operation,
            0..=2,
        )?;
        let command = match operation {
            0 => {
                list.truncate(n);
                return Ok(());
            }
            1 => {
                s.ue(
                    "difference_of_base_pic_nums_minus1",
                    &mut number,
                    0..=u32::MAX,
                )?;
                BaseControl::UnmarkShortTerm {
                    difference_of_base_pic_nums_minus1: number,
                }
            }
            _ => {
                s.ue("long_term_base_pic_num", &mut number, 0..=u32::MAX)?;
                BaseControl::UnmarkLongTerm {
                    long_term_base_pic_num: number,
                }
            }
        };
        if !list.put(n, command) {
            return s.invalid("memory_management_base_control_operation", operation);
        }
        n += 1;
    }
}
