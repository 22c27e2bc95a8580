use crate::syntax::Syntax;
use crate::{Error, Sps};

/// Delays, picture structure and time codes of an access unit (§D.1.3, §D.2.3).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PicTiming {
    /// Coded where the parameter set has HRD parameters.
    pub delays: Option<Delays>,
    /// Coded where the parameter set has `pic_struct_present_flag`.
    pub pic_struct: Option<PicStruct>,
}

/// Delays in ticks of the parameter set's timing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Delays {
    /// From the start of the buffering period to the removal from the coded picture buffer.
    pub cpb_removal_delay: u32,
    /// From there to the output of the picture.
    pub dpb_output_delay: u32,
}

/// How the picture is to be shown, and when it was taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PicStruct {
    /// 0 frame, 1 top field, 2 bottom field, 3 top then bottom, 4 bottom then top, 5 top, bottom, top again,
    /// 6 bottom, top, bottom again, 7 frame doubled, 8 frame tripled (Table D-1).
    pub pic_struct: u8,
    /// A time code for each field or frame shown.
    pub clock_timestamps: [Option<ClockTimestamp>; 3],
}

/// A time code.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ClockTimestamp {
    /// 0 progressive, 1 interlaced, 2 unknown.
    pub ct_type: u8,
    /// Whether `n_frames` counts units of two ticks.
    pub nuit_field_based_flag: bool,
    /// How values of `n_frames` are dropped, 0 to 6 (Table D-3); 4 drops frames 0 and 1 as SMPTE 12M does.
    pub counting_type: u8,
    /// Whether seconds, minutes and hours are all coded, without flags.
    pub full_timestamp_flag: bool,
    /// Whether the difference to the last time code means nothing.
    pub discontinuity_flag: bool,
    /// Whether a value of `n_frames` was dropped.
    pub cnt_dropped_flag: bool,
    /// Frames within the second.
    pub n_frames: u8,
    /// 0 to 59.
    pub seconds: Option<u8>,
    /// 0 to 59; only beside seconds.
    pub minutes: Option<u8>,
    /// 0 to 23; only beside minutes.
    pub hours: Option<u8>,
    /// Offset in units of the parameter set's clock.
    pub time_offset: i32,
}

impl PicTiming {
    pub(super) fn syntax<S: Syntax>(&mut self, s: &mut S, sps: Option<&Sps>) -> Result<(), Error> {
        let vui = sps.and_then(|sps| sps.vui.as_deref());
        let hrd = vui.and_then(|vui| vui.nal_hrd.as_deref().or(vui.vcl_hrd.as_deref()));
        if let Some(hrd) = hrd {
            let delays = self.delays.get_or_insert_default();
            s.u(
                u32::from(hrd.cpb_removal_delay_length_minus1) + 1,
                "cpb_removal_delay",
                &mut delays.cpb_removal_delay,
            )?;
            s.u(
                u32::from(hrd.dpb_output_delay_length_minus1) + 1,
                "dpb_output_delay",
                &mut delays.dpb_output_delay,
            )?;
        }
        if vui.is_some_and(|vui| vui.pic_struct_present_flag) {
            let time_offset_length = hrd.map_or(24, |hrd| u32::from(hrd.time_offset_length));
            self.pic_struct
                .get_or_insert_default()
                .syntax(s, time_offset_length)?;
        }
        Ok(())
    }
}

impl PicStruct {
    fn syntax<S: Syntax>(&mut self, s: &mut S, time_offset_length: u32) -> Result<(), Error> {
        s.u(4, "pic_struct", &mut self.pic_struct)?;
        let num_clock_ts = match self.pic_struct {
            0..=2 => 1,
            3 | 4 | 7 => 2,
            5 | 6 | 8 => 3,
            reserved => return s.invalid("pic_struct", reserved),
        };
        for timestamp in self.clock_timestamps.iter_mut().take(num_clock_ts) {
            if let Some(timestamp) = s.present("clock_timestamp_flag", timestamp)? {
                timestamp.syntax(s, time_offset_length)?;
            }
        }
        Ok(())
    }
}

impl ClockTimestamp {
    fn syntax<S: Syntax>(&mut self, s: &mut S, time_offset_length: u32) -> Result<(), Error> {
        s.u(2, "ct_type", &mut self.ct_type)?;
        s.flag("nuit_field_based_flag", &mut self.nuit_field_based_flag)?;
        s.u(5, "counting_type", &mut self.counting_type)?;
        s.flag("full_timestamp_flag", &mut self.full_timestamp_flag)?;
        s.flag("discontinuity_flag", &mut self.discontinuity_flag)?;
        s.flag("cnt_dropped_flag", &mut self.cnt_dropped_flag)?;
        s.u(8, "n_frames", &mut self.n_frames)?;
        if self.full_timestamp_flag {
            s.u(6, "seconds_value", self.seconds.get_or_insert_default())?;
            s.u(6, "minutes_value", self.minutes.get_or_insert_default())?;
            s.u(5, "hours_value", self.hours.get_or_insert_default())?;
        } else if let Some(seconds) = s.present("seconds_flag", &mut self.seconds)? {
            s.u(6, "seconds_value", seconds)?;
            if let Some(minutes) = s.present("minutes_flag", &mut self.minutes)? {
                s.u(6, "minutes_value", minutes)?;
                if let Some(hours) = s.present("hours_flag", &mut self.hours)? {
                    s.u(5, "hours_value", hours)?;
                }
            }
        }
        if time_offset_length > 0 {
            s.i(time_offset_length, "time_offset", &mut self.time_offset)?;
        }
        Ok(())
    }
}
