use crate::Error;
use crate::syntax::Syntax;
use alloc::vec::Vec;

/// Hypothetical reference decoder parameters (§E.1.2).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hrd {
    /// Scale of the bit rates: 4 bits.
    pub bit_rate_scale: u8,
    /// Scale of the buffer sizes: 4 bits.
    pub cpb_size_scale: u8,
    /// The alternatives that a stream can be delivered by: 1 to 32.
    pub sched_sel: Vec<SchedSel>,
    /// Bits of `initial_cpb_removal_delay`, less 1.
    pub initial_cpb_removal_delay_length_minus1: u8,
    /// Bits of `cpb_removal_delay`, less 1.
    pub cpb_removal_delay_length_minus1: u8,
    /// Bits of `dpb_output_delay`, less 1.
    pub dpb_output_delay_length_minus1: u8,
    /// Bits of `time_offset`.
    pub time_offset_length: u8,
}

/// One delivery schedule of an [`Hrd`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SchedSel {
    /// Bit rate; see [`Hrd::bit_rate`].
    pub bit_rate_value_minus1: u32,
    /// Buffer size; see [`Hrd::cpb_size`].
    pub cpb_size_value_minus1: u32,
    /// Whether the rate is constant.
    pub cbr_flag: bool,
}

impl Hrd {
    /// The bit rate of a schedule, in bits per second (E-37).
    #[must_use]
    pub fn bit_rate(&self, schedule: &SchedSel) -> u64 {
        (u64::from(schedule.bit_rate_value_minus1) + 1) << (6 + u32::from(self.bit_rate_scale & 15))
    }

    /// The coded picture buffer's size for a schedule, in bits (E-38).
    #[must_use]
    pub fn cpb_size(&self, schedule: &SchedSel) -> u64 {
        (u64::from(schedule.cpb_size_value_minus1) + 1) << (4 + u32::from(self.cpb_size_scale & 15))
    }

    pub(crate) fn syntax<S: Syntax>(&mut self, s: &mut S) -> Result<(), Error> {
        let mut last = u32::try_from(self.sched_sel.len())
            .unwrap_or(0)
            .wrapping_sub(1);
        s.ue("cpb_cnt_minus1", &mut last, 0..=31)?;
        s.u(4, "bit_rate_scale", &mut self.bit_rate_scale)?;
        s.u(4, "cpb_size_scale", &mut self.cpb_size_scale)?;
        self.sched_sel
            .resize(last as usize + 1, SchedSel::default());
        for schedule in &mut self.sched_sel {
            s.ue(
                "bit_rate_value_minus1",
                &mut schedule.bit_rate_value_minus1,
                0..=u32::MAX,
            )?;
            s.ue(
                "cpb_size_value_minus1",
                &mut schedule.cpb_size_value_minus1,
                0..=u32::MAX,
            )?;
            s.flag("cbr_flag", &mut schedule.cbr_flag)?;
        }
        s.u(
            5,
            "initial_cpb_removal_delay_length_minus1",
            &mut self.initial_cpb_removal_delay_length_minus1,
        )?;
        s.u(
            5,
            "cpb_removal_delay_length_minus1",
            &mut self.cpb_removal_delay_length_minus1,
        )?;
        s.u(
            5,
            "dpb_output_delay_length_minus1",
            &mut self.dpb_output_delay_length_minus1,
        )?;
        s.u(5, "time_offset_length", &mut self.time_offset_length)
    }
}
