use super::super::{Hrd, Timing};
use crate::Error;
use crate::syntax::Syntax;
use alloc::boxed::Box;

/// Timing and buffering of some layers or views together, as [`Vui`](crate::sps::Vui) has them for the whole stream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LayerVui {
    /// The length of a tick.
    pub timing: Option<Timing>,
    /// Buffering of the VCL NAL units alone.
    pub nal_hrd: Option<Box<Hrd>>,
    /// Buffering of all NAL units.
    pub vcl_hrd: Option<Box<Hrd>>,
    /// Coded only beside an HRD.
    pub low_delay_hrd_flag: bool,
    /// Whether picture timing messages carry a `pic_struct`.
    pub pic_struct_present_flag: bool,
}

/// The elements' names, which differ between Annexes F and G.
pub(super) struct Names {
    pub(super) timing_info_present_flag: &'static str,
    pub(super) num_units_in_tick: &'static str,
    pub(super) time_scale: &'static str,
    pub(super) fixed_frame_rate_flag: &'static str,
    pub(super) nal_hrd_parameters_present_flag: &'static str,
    pub(super) vcl_hrd_parameters_present_flag: &'static str,
    pub(super) low_delay_hrd_flag: &'static str,
    pub(super) pic_struct_present_flag: &'static str,
}

impl LayerVui {
    pub(super) fn syntax<S: Syntax>(&mut self, s: &mut S, names: &Names) -> Result<(), Error> {
        if let Some(timing) = s.present(names.timing_info_present_flag, &mut self.timing)? {
            s.u(32, names.num_units_in_tick, &mut timing.num_units_in_tick)?;
            s.u(32, names.time_scale, &mut timing.time_scale)?;
            s.flag(
                names.fixed_frame_rate_flag,
                &mut timing.fixed_frame_rate_flag,
            )?;
        }
        if let Some(hrd) = s.present(names.nal_hrd_parameters_present_flag, &mut self.nal_hrd)? {
            hrd.syntax(s)?;
        }
        if let Some(hrd) = s.present(names.vcl_hrd_parameters_present_flag, &mut self.vcl_hrd)? {
            hrd.syntax(s)?;
        }
        if self.nal_hrd.is_some() || self.vcl_hrd.is_some() {
            s.flag(names.low_delay_hrd_flag, &mut self.low_delay_hrd_flag)?;
        }
        s.flag(
            names.pic_struct_present_flag,
            &mut self.pic_struct_present_flag,
        )
    }
}
