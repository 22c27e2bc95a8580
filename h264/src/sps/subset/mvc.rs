use super::vui::{LayerVui, Names};
use crate::Error;
use crate::syntax::{Syntax, list};
use alloc::vec::Vec;

/// What a multiview stream's parameter set adds: `seq_parameter_set_mvc_extension()` (§G.7.3.2.1.4), and its VUI (§G.14.1).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SpsMvcExtension {
    /// The views in decoding order, 1 to 1024, the base view first.
    pub views: Vec<View>,
    /// Levels, and the sets of views that they are enough for: 1 to 64.
    pub level_values: Vec<LevelValue>,
    /// With `profile_idc` 134 only: how two views make one picture of full resolution.
    pub mfc: Mfc,
    /// Timing and buffering of sets of views, where they are coded: 1 to 1024.
    pub vui: Option<Vec<MvcVuiOp>>,
}

/// A view, and those that it is predicted from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct View {
    /// Its id, 0 to 1023.
    pub view_id: u16,
    /// What it is predicted from in anchor pictures; not coded for the base view.
    pub anchor_refs: ViewRefs,
    /// What it is predicted from in other pictures; not coded for the base view.
    pub non_anchor_refs: ViewRefs,
}

/// Ids of views in the initial reference lists 0 and 1, at most 15 each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ViewRefs {
    /// Of list 0.
    pub l0: Vec<u16>,
    /// Of list 1.
    pub l1: Vec<u16>,
}

/// A level, and what it is enough for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LevelValue {
    /// Ten times the level.
    pub level_idc: u8,
    /// The operation points, 1 to 1024.
    pub applicable_ops: Vec<ApplicableOp>,
}

/// An operation point: some of the views, to some temporal layer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ApplicableOp {
    /// Highest temporal layer, 3 bits.
    pub temporal_id: u8,
    /// Ids of the views that are shown, 1 to 1024.
    pub target_view_id: Vec<u16>,
    /// Views that have to be decoded for that, less 1.
    pub num_views_minus1: u16,
}

/// How two views of a frame-compatible stream make one picture.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Mfc {
    /// 0 side by side, 1 above each other, 2 other; 6 bits.
    pub mfc_format_idc: u8,
    /// Where the views' samples lie, if not in the middle; with formats 0 and 1 only.
    pub grid_position: Option<GridPosition>,
    /// Whether the other view is predicted from a filtered picture.
    pub rpu_filter_enabled_flag: bool,
    /// Whether that is filtered by fields; only without `frame_mbs_only_flag`.
    pub rpu_field_processing_flag: bool,
}

/// Where samples lie, in sixteenths: horizontally and vertically, of view 0 and of view 1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct GridPosition {
    /// `view0_grid_position_x` and `view0_grid_position_y`, 4 bits each.
    pub view0: [u8; 2],
    /// `view1_grid_position_x` and `view1_grid_position_y`, 4 bits each.
    pub view1: [u8; 2],
}

/// Timing and buffering of an operation point.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MvcVuiOp {
    /// Highest temporal layer, 3 bits.
    pub temporal_id: u8,
    /// Ids of the views that are shown, 1 to 1024.
    pub view_id: Vec<u16>,
    /// Theirs.
    pub vui: LayerVui,
}

const NAMES: Names = Names {
    timing_info_present_flag: "vui_mvc_timing_info_present_flag",
    num_units_in_tick: "vui_mvc_num_units_in_tick",
    time_scale: "vui_mvc_time_scale",
    fixed_frame_rate_flag: "vui_mvc_fixed_frame_rate_flag",
    nal_hrd_parameters_present_flag: "vui_mvc_nal_hrd_parameters_present_flag",
    vcl_hrd_parameters_present_flag: "vui_mvc_vcl_hrd_parameters_present_flag",
    low_delay_hrd_flag: "vui_mvc_low_delay_hrd_flag",
    pic_struct_present_flag: "vui_mvc_pic_struct_present_flag",
};

/// Views, and most other things that are counted here.
const MOST: u32 = 1024;

/// A list whose length less 1 is coded before it.
fn counted<S: Syntax, T: Default>(
    s: &mut S,
    what: &'static str,
    most: u32,
    items: &mut Vec<T>,
    mut syntax: impl FnMut(&mut S, &mut T) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut last = u32::try_from(items.len()).unwrap_or(0).wrapping_sub(1);
    s.ue(what, &mut last, 0..=most.saturating_sub(1))?;
    list(items, last as usize + 1, |item| syntax(s, item))
}

fn id<S: Syntax>(s: &mut S, what: &'static str, id: &mut u16) -> Result<(), Error> {
    s.ue(what, id, 0..=MOST - 1)
}

impl SpsMvcExtension {
    pub(super) fn syntax<S: Syntax>(
        &mut self,
        s: &mut S,
        profile_idc: u8,
        frame_mbs_only_flag: bool,
    ) -> Result<(), Error> {
        counted(s, "num_views_minus1", MOST, &mut self.views, |s, view| {
            id(s, "view_id", &mut view.view_id)
        })?;
        for view in self.views.iter_mut().skip(1) {
            view.anchor_refs.syntax(s, &ANCHOR)?;
        }
        for view in self.views.iter_mut().skip(1) {
            view.non_anchor_refs.syntax(s, &NON_ANCHOR)?;
        }
        counted(
            s,
            "num_level_values_signalled_minus1",
            64,
            &mut self.level_values,
            |s, value| {
                s.u(8, "level_idc", &mut value.level_idc)?;
                counted(
                    s,
                    "num_applicable_ops_minus1",
                    MOST,
                    &mut value.applicable_ops,
                    |s, op| op.syntax(s),
                )
            },
        )?;
        if profile_idc == 134 {
            self.mfc.syntax(s, frame_mbs_only_flag)?;
        }
        if let Some(ops) = s.present("mvc_vui_parameters_present_flag", &mut self.vui)? {
            counted(s, "vui_mvc_num_ops_minus1", MOST, ops, |s, op| op.syntax(s))?;
        }
        Ok(())
    }
}

/// The names of a count and an entry, of lists 0 and 1.
type RefNames = [[&'static str; 2]; 2];

const ANCHOR: RefNames = [
    ["num_anchor_refs_l0", "anchor_ref_l0"],
    ["num_anchor_refs_l1", "anchor_ref_l1"],
];
const NON_ANCHOR: RefNames = [
    ["num_non_anchor_refs_l0", "non_anchor_ref_l0"],
    ["num_non_anchor_refs_l1", "non_anchor_ref_l1"],
];

impl ViewRefs {
    fn syntax<S: Syntax>(&mut self, s: &mut S, names: &RefNames) -> Result<(), Error> {
        for (refs, [count, entry]) in [&mut self.l0, &mut self.l1].into_iter().zip(names) {
            let mut len = u32::try_from(refs.len()).unwrap_or(u32::MAX);
            s.ue(count, &mut len, 0..=15)?;
            list(refs, len as usize, |view| id(s, entry, view))?;
        }
        Ok(())
    }
}

impl ApplicableOp {
    fn syntax<S: Syntax>(&mut self, s: &mut S) -> Result<(), Error> {
        s.u(3, "applicable_op_temporal_id", &mut self.temporal_id)?;
        counted(
            s,
            "applicable_op_num_target_views_minus1",
            MOST,
            &mut self.target_view_id,
            |s, view| id(s, "applicable_op_target_view_id", view),
        )?;
        id(
            s,
            "applicable_op_num_views_minus1",
            &mut self.num_views_minus1,
        )
    }
}

impl Mfc {
    fn syntax<S: Syntax>(&mut self, s: &mut S, frame_mbs_only_flag: bool) -> Result<(), Error> {
        s.u(6, "mfc_format_idc", &mut self.mfc_format_idc)?;
        if self.mfc_format_idc <= 1 {
            let mut default = self.grid_position.is_none();
            s.flag("default_grid_position_flag", &mut default)?;
            if default {
                self.grid_position = None;
            } else {
                let grid = self.grid_position.get_or_insert_default();
                let [x0, y0] = &mut grid.view0;
                let [x1, y1] = &mut grid.view1;
                s.u(4, "view0_grid_position_x", x0)?;
                s.u(4, "view0_grid_position_y", y0)?;
                s.u(4, "view1_grid_position_x", x1)?;
                s.u(4, "view1_grid_position_y", y1)?;
            }
        }
        s.flag("rpu_filter_enabled_flag", &mut self.rpu_filter_enabled_flag)?;
        if !frame_mbs_only_flag {
            s.flag(
                "rpu_field_processing_flag",
                &mut self.rpu_field_processing_flag,
            )?;
        }
        Ok(())
    }
}

impl MvcVuiOp {
    fn syntax<S: Syntax>(&mut self, s: &mut S) -> Result<(), Error> {
        s.u(3, "vui_mvc_temporal_id", &mut self.temporal_id)?;
        counted(
            s,
            "vui_mvc_num_target_output_views_minus1",
            MOST,
            &mut self.view_id,
            |s, view| id(s, "vui_mvc_view_id", view),
        )?;
        self.vui.syntax(s, &NAMES)
    }
}
