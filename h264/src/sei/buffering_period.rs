use crate::syntax::{Syntax, list};
use crate::{Error, Sps};
use alloc::vec::Vec;

/// Initial delays of the coded picture buffer, at the start of a buffering period (§D.1.2, §D.2.2).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BufferingPeriod {
    /// The sequence parameter set that becomes active.
    pub seq_parameter_set_id: u8,
    /// One for each schedule of the NAL HRD.
    pub nal: Vec<InitialDelay>,
    /// One for each schedule of the VCL HRD.
    pub vcl: Vec<InitialDelay>,
}

/// Delays in units of a 90 kHz clock.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct InitialDelay {
    /// From the arrival of the first bit to the removal of the first access unit.
    pub initial_cpb_removal_delay: u32,
    /// How much earlier later access units may start to arrive.
    pub initial_cpb_removal_delay_offset: u32,
}

impl BufferingPeriod {
    pub(super) fn syntax<S: Syntax>(&mut self, s: &mut S, sps: Option<&Sps>) -> Result<(), Error> {
        s.ue(
            "seq_parameter_set_id",
            &mut self.seq_parameter_set_id,
            0..=31,
        )?;
        let vui = sps.and_then(|sps| sps.vui.as_deref());
        let hrds = [
            (&mut self.nal, vui.and_then(|vui| vui.nal_hrd.as_deref())),
            (&mut self.vcl, vui.and_then(|vui| vui.vcl_hrd.as_deref())),
        ];
        for (delays, hrd) in hrds {
            let Some(hrd) = hrd else {
                delays.clear();
                continue;
            };
            let bits = u32::from(hrd.initial_cpb_removal_delay_length_minus1) + 1;
            list(delays, hrd.sched_sel.len(), |delay: &mut InitialDelay| {
                s.u(
                    bits,
                    "initial_cpb_removal_delay",
                    &mut delay.initial_cpb_removal_delay,
                )?;
                s.u(
                    bits,
                    "initial_cpb_removal_delay_offset",
                    &mut delay.initial_cpb_removal_delay_offset,
                )
            })?;
        }
        Ok(())
    }
}
