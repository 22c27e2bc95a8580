use crate::Error;
use crate::syntax::Syntax;

/// Stereo views packed into one picture, or the end of that (§D.1.26, §D.2.26).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FramePacking {
    /// Tells messages of different purpose apart.
    pub frame_packing_arrangement_id: u32,
    /// The arrangement; `None` cancels an earlier message.
    pub arrangement: Option<FramePackingArrangement>,
    /// `frame_packing_arrangement_extension_flag`, reserved.
    pub extension_flag: bool,
}

/// How two views share a picture.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FramePackingArrangement {
    /// 0 checkerboard, 1 columns, 2 rows, 3 side by side, 4 top and bottom, 5 frames in turn, 6 flat, 7 tiles (Table D-8).
    pub arrangement_type: u8,
    /// Whether samples were taken in quincunx.
    pub quincunx_sampling_flag: bool,
    /// 0 unspecified, 1 frame 0 is the left view, 2 the right one.
    pub content_interpretation_type: u8,
    /// Whether one view is flipped.
    pub spatial_flipping_flag: bool,
    /// Whether that is view 0.
    pub frame0_flipped_flag: bool,
    /// Whether the views are fields.
    pub field_views_flag: bool,
    /// With frames in turn, whether this one is of view 0.
    pub current_frame_is_frame0_flag: bool,
    /// Whether view 0 is predicted from itself only.
    pub frame0_self_contained_flag: bool,
    /// Whether view 1 is predicted from itself only.
    pub frame1_self_contained_flag: bool,
    /// Where samples lie: x and y of frame 0, then of frame 1; not coded in quincunx or for frames in turn.
    pub grid_positions: [u8; 4],
    /// `frame_packing_arrangement_reserved_byte`.
    pub reserved_byte: u8,
    /// How long this holds: 0 one picture, 1 until the next message, more: at most so many pictures.
    pub repetition_period: u16,
}

impl FramePacking {
    pub(super) fn syntax<S: Syntax>(&mut self, s: &mut S) -> Result<(), Error> {
        s.ue(
            "frame_packing_arrangement_id",
            &mut self.frame_packing_arrangement_id,
            0..=u32::MAX,
        )?;
        let mut cancel = self.arrangement.is_none();
        s.flag("frame_packing_arrangement_cancel_flag", &mut cancel)?;
        if cancel {
            self.arrangement = None;
        } else {
            self.arrangement.get_or_insert_default().syntax(s)?;
        }
        s.flag(
            "frame_packing_arrangement_extension_flag",
            &mut self.extension_flag,
        )
    }
}

impl FramePackingArrangement {
    fn syntax<S: Syntax>(&mut self, s: &mut S) -> Result<(), Error> {
        s.u(
            7,
            "frame_packing_arrangement_type",
            &mut self.arrangement_type,
        )?;
        s.flag("quincunx_sampling_flag", &mut self.quincunx_sampling_flag)?;
        s.u(
            6,
            "content_interpretation_type",
            &mut self.content_interpretation_type,
        )?;
        s.flag("spatial_flipping_flag", &mut self.spatial_flipping_flag)?;
        s.flag("frame0_flipped_flag", &mut self.frame0_flipped_flag)?;
        s.flag("field_views_flag", &mut self.field_views_flag)?;
        s.flag(
            "current_frame_is_frame0_flag",
            &mut self.current_frame_is_frame0_flag,
        )?;
        s.flag(
            "frame0_self_contained_flag",
            &mut self.frame0_self_contained_flag,
        )?;
        s.flag(
            "frame1_self_contained_flag",
            &mut self.frame1_self_contained_flag,
        )?;
        if !self.quincunx_sampling_flag && self.arrangement_type != 5 {
            let names = [
                "frame0_grid_position_x",
                "frame0_grid_position_y",
                "frame1_grid_position_x",
                "frame1_grid_position_y",
            ];
            for (position, what) in self.grid_positions.iter_mut().zip(names) {
                s.u(4, what, position)?;
            }
        }
        s.u(
            8,
            "frame_packing_arrangement_reserved_byte",
            &mut self.reserved_byte,
        )?;
        s.ue(
            "frame_packing_arrangement_repetition_period",
            &mut self.repetition_period,
            0..=16384,
        )
    }
}
