use crate::Error;
use crate::syntax::Syntax;

/// Decoding can start here (§D.1.8, §D.2.8).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RecoveryPoint {
    /// Frames until the pictures are right, in units of `frame_num`.
    pub recovery_frame_cnt: u16,
    /// Whether they are then the same as if decoding had started earlier.
    pub exact_match_flag: bool,
    /// Whether pictures before that may be badly broken, because the stream was cut here.
    pub broken_link_flag: bool,
    /// 2 bits; not 0 where slice groups tell which part of the pictures is right.
    pub changing_slice_group_idc: u8,
}

impl RecoveryPoint {
    pub(super) fn syntax<S: Syntax>(&mut self, s: &mut S) -> Result<(), Error> {
        s.ue(
            "recovery_frame_cnt",
            &mut self.recovery_frame_cnt,
            0..=0xFFFF,
        )?;
        s.flag("exact_match_flag", &mut self.exact_match_flag)?;
        s.flag("broken_link_flag", &mut self.broken_link_flag)?;
        s.u(
            2,
            "changing_slice_group_idc",
            &mut self.changing_slice_group_idc,
        )
    }
}
