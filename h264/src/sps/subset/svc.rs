use super::vui::{LayerVui, Names};
use crate::Error;
use crate::syntax::{Syntax, list};
use alloc::vec::Vec;

/// What a scalable layer's parameter set adds: `seq_parameter_set_svc_extension()` (§F.7.3.2.1.4), and its VUI (§F.14.1).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SpsSvcExtension {
    /// Whether slices tell how edges are filtered in the layer that they are predicted from.
    pub inter_layer_deblocking_filter_control_present_flag: bool,
    /// 0 no other geometry than powers of two, 1 told here, 2 told in slices.
    pub extended_spatial_scalability_idc: u8,
    /// Horizontal place of chroma samples, in quarters; with 4:2:0 and 4:2:2.
    pub chroma_phase_x_plus1_flag: bool,
    /// Vertical place of chroma samples, in quarters, 0 to 2; with 4:2:0.
    pub chroma_phase_y_plus1: u8,
    /// Where the lower layer lies in this one; with `extended_spatial_scalability_idc` 1.
    pub seq_scaled_ref_layer: ScaledRefLayer,
    /// Whether transform coefficients are predicted.
    pub seq_tcoeff_level_prediction_flag: bool,
    /// Whether slices tell that one by one.
    pub adaptive_tcoeff_level_prediction_flag: bool,
    /// Whether slice headers leave out elements.
    pub slice_header_restriction_flag: bool,
    /// Timing and buffering of layers, where they are coded: 1 to 1024.
    pub vui: Option<Vec<SvcVuiEntry>>,
}

/// Where the lower layer's picture lies in this one's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ScaledRefLayer {
    /// Horizontal place of the lower layer's chroma samples; only where there is chroma.
    pub chroma_phase_x_plus1_flag: bool,
    /// Vertical place of the lower layer's chroma samples, 0 to 2; only where there is chroma.
    pub chroma_phase_y_plus1: u8,
    /// Offsets of its left, top, right and bottom edge, in units of two samples.
    pub offsets: [i16; 4],
}

/// Timing and buffering of the layers up to one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SvcVuiEntry {
    /// Spatial layer, 3 bits.
    pub dependency_id: u8,
    /// Quality layer, 4 bits.
    pub quality_id: u8,
    /// Temporal layer, 3 bits.
    pub temporal_id: u8,
    /// Theirs.
    pub vui: LayerVui,
}

const NAMES: Names = Names {
    timing_info_present_flag: "vui_ext_timing_info_present_flag",
    num_units_in_tick: "vui_ext_num_units_in_tick",
    time_scale: "vui_ext_time_scale",
    fixed_frame_rate_flag: "vui_ext_fixed_frame_rate_flag",
    nal_hrd_parameters_present_flag: "vui_ext_nal_hrd_parameters_present_flag",
    vcl_hrd_parameters_present_flag: "vui_ext_vcl_hrd_parameters_present_flag",
    low_delay_hrd_flag: "vui_ext_low_delay_hrd_flag",
    pic_struct_present_flag: "vui_ext_pic_struct_present_flag",
};

impl SpsSvcExtension {
    pub(super) fn syntax<S: Syntax>(
        &mut self,
        s: &mut S,
        chroma_array_type: u8,
    ) -> Result<(), Error> {
        s.flag(
            "inter_layer_deblocking_filter_control_present_flag",
            &mut self.inter_layer_deblocking_filter_control_present_flag,
        )?;
        s.u(
            2,
            "extended_spatial_scalability_idc",
            &mut self.extended_spatial_scalability_idc,
        )?;
        if matches!(chroma_array_type, 1 | 2) {
            s.flag(
                "chroma_phase_x_plus1_flag",
                &mut self.chroma_phase_x_plus1_flag,
            )?;
        }
        if chroma_array_type == 1 {
            s.u(2, "chroma_phase_y_plus1", &mut self.chroma_phase_y_plus1)?;
        }
        if self.extended_spatial_scalability_idc == 1 {
            let names = [
                "seq_ref_layer_chroma_phase_x_plus1_flag",
                "seq_ref_layer_chroma_phase_y_plus1",
                "seq_scaled_ref_layer_left_offset",
                "seq_scaled_ref_layer_top_offset",
                "seq_scaled_ref_layer_right_offset",
                "seq_scaled_ref_layer_bottom_offset",
            ];
            self.seq_scaled_ref_layer
                .syntax(s, chroma_array_type, names)?;
        }
        s.flag(
            "seq_tcoeff_level_prediction_flag",
            &mut self.seq_tcoeff_level_prediction_flag,
        )?;
        if self.seq_tcoeff_level_prediction_flag {
            s.flag(
                "adaptive_tcoeff_level_prediction_flag",
                &mut self.adaptive_tcoeff_level_prediction_flag,
            )?;
        }
        s.flag(
            "slice_header_restriction_flag",
            &mut self.slice_header_restriction_flag,
        )?;
        if let Some(entries) = s.present("svc_vui_parameters_present_flag", &mut self.vui)? {
            let mut last = u32::try_from(entries.len()).unwrap_or(0).wrapping_sub(1);
            s.ue("vui_ext_num_entries_minus1", &mut last, 0..=1023)?;
            list(entries, last as usize + 1, |entry| {
                s.u(3, "vui_ext_dependency_id", &mut entry.dependency_id)?;
                s.u(4, "vui_ext_quality_id", &mut entry.quality_id)?;
                s.u(3, "vui_ext_temporal_id", &mut entry.temporal_id)?;
                entry.vui.syntax(s, &NAMES)
            })?;
        }
        Ok(())
    }
}

impl ScaledRefLayer {
    pub(crate) fn syntax<S: Syntax>(
        &mut self,
        s: &mut S,
        chroma_array_type: u8,
        [phase_x, phase_y, offsets @ ..]: [&'static str; 6],
    ) -> Result<(), Error> {
        if chroma_array_type > 0 {
            s.flag(phase_x, &mut self.chroma_phase_x_plus1_flag)?;
            s.u(2, phase_y, &mut self.chroma_phase_y_plus1)?;
        }
        for (offset, what) in self.offsets.iter_mut().zip(offsets) {
            s.se(what, offset, -32768..=32767)?;
        }
        Ok(())
    }
}
