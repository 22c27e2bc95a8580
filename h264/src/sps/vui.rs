use super::Hrd;
use crate::Error;
use crate::syntax::Syntax;
use alloc::boxed::Box;

/// Video usability information (§E.1.1, §E.2.1). What is `None` is not coded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Vui {
    /// The shape of a sample.
    pub sample_aspect_ratio: Option<SampleAspectRatio>,
    /// `overscan_appropriate_flag`: whether the picture suits a display that hides its edges.
    pub overscan_appropriate_flag: Option<bool>,
    /// Range and colour of the samples.
    pub video_signal_type: Option<VideoSignalType>,
    /// Where chroma samples lie, in the top and the bottom field: 0 to 5 (Figure E-1).
    pub chroma_sample_loc_type: Option<[u8; 2]>,
    /// The length of a tick.
    pub timing: Option<Timing>,
    /// Buffering of the VCL NAL units alone.
    pub nal_hrd: Option<Box<Hrd>>,
    /// Buffering of all NAL units.
    pub vcl_hrd: Option<Box<Hrd>>,
    /// `low_delay_hrd_flag`, coded only beside an HRD.
    pub low_delay_hrd_flag: bool,
    /// Whether picture timing messages carry a `pic_struct`.
    pub pic_struct_present_flag: bool,
    /// Limits that the stream keeps to.
    pub bitstream_restriction: Option<BitstreamRestriction>,
}

/// The shape of a sample (Table E-1).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SampleAspectRatio {
    /// 0 unspecified, 1 to 16 a ratio of the table, 255 the ratio of the next two fields.
    pub aspect_ratio_idc: u8,
    /// With 255 only: horizontal size.
    pub sar_width: u16,
    /// With 255 only: vertical size.
    pub sar_height: u16,
}

/// Range and colour of the samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VideoSignalType {
    /// 0 component, 1 PAL, 2 NTSC, 3 SECAM, 4 MAC, 5 unspecified (Table E-2).
    pub video_format: u8,
    /// Whether samples use the full range (0 to 255 in 8 bits).
    pub video_full_range_flag: bool,
    /// The colour space.
    pub colour: Option<Colour>,
}

impl Default for VideoSignalType {
    fn default() -> Self {
        Self {
            video_format: 5,
            video_full_range_flag: false,
            colour: None,
        }
    }
}

/// The colour space, by the code points of ISO/IEC 23091-2 (Tables E-3 to E-5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Colour {
    /// Primaries: 1 is BT.709, 9 BT.2020.
    pub colour_primaries: u8,
    /// Transfer characteristics: 1 is BT.709, 16 PQ, 18 HLG.
    pub transfer_characteristics: u8,
    /// Matrix coefficients: 1 is BT.709, 9 BT.2020 non-constant luminance.
    pub matrix_coefficients: u8,
}

impl Default for Colour {
    /// Unspecified.
    fn default() -> Self {
        Self {
            colour_primaries: 2,
            transfer_characteristics: 2,
            matrix_coefficients: 2,
        }
    }
}

/// The length of a tick: a field lasts one, a frame two.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Timing {
    /// Units of the clock in a tick.
    pub num_units_in_tick: u32,
    /// Units of the clock in a second.
    pub time_scale: u32,
    /// Whether frames follow each other at that distance exactly.
    pub fixed_frame_rate_flag: bool,
}

/// Limits that the stream keeps to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BitstreamRestriction {
    /// Whether motion vectors may point outside the picture.
    pub motion_vectors_over_pic_boundaries_flag: bool,
    /// Least compression of a picture.
    pub max_bytes_per_pic_denom: u8,
    /// Least compression of a macroblock.
    pub max_bits_per_mb_denom: u8,
    /// Longest horizontal motion vector, in quarter samples, as a power of 2.
    pub log2_max_mv_length_horizontal: u8,
    /// Longest vertical motion vector, in quarter samples, as a power of 2.
    pub log2_max_mv_length_vertical: u8,
    /// The most frames that precede another one in decoding order and follow it in output order, 0 to 16.
    pub max_num_reorder_frames: u8,
    /// Frames that the decoded picture buffer has to hold, 0 to 16.
    pub max_dec_frame_buffering: u8,
}

impl Default for BitstreamRestriction {
    /// What holds where nothing is coded, as far as it does not depend on the level.
    fn default() -> Self {
        Self {
            motion_vectors_over_pic_boundaries_flag: true,
            max_bytes_per_pic_denom: 2,
            max_bits_per_mb_denom: 1,
            log2_max_mv_length_horizontal: 15,
            log2_max_mv_length_vertical: 15,
            max_num_reorder_frames: 16,
            max_dec_frame_buffering: 16,
        }
    }
}

impl Vui {
    /// `vui_parameters()`.
    pub(crate) fn syntax<S: Syntax>(&mut self, s: &mut S) -> Result<(), Error> {
        if let Some(sar) = s.present(
            "aspect_ratio_info_present_flag",
            &mut self.sample_aspect_ratio,
        )? {
            s.u(8, "aspect_ratio_idc", &mut sar.aspect_ratio_idc)?;
            if sar.aspect_ratio_idc == 255 {
                s.u(16, "sar_width", &mut sar.sar_width)?;
                s.u(16, "sar_height", &mut sar.sar_height)?;
            }
        }
        if let Some(flag) = s.present(
            "overscan_info_present_flag",
            &mut self.overscan_appropriate_flag,
        )? {
            s.flag("overscan_appropriate_flag", flag)?;
        }
        if let Some(video) = s.present(
            "video_signal_type_present_flag",
            &mut self.video_signal_type,
        )? {
            s.u(3, "video_format", &mut video.video_format)?;
            s.flag("video_full_range_flag", &mut video.video_full_range_flag)?;
            if let Some(colour) = s.present("colour_description_present_flag", &mut video.colour)? {
                s.u(8, "colour_primaries", &mut colour.colour_primaries)?;
                s.u(
                    8,
                    "transfer_characteristics",
                    &mut colour.transfer_characteristics,
                )?;
                s.u(8, "matrix_coefficients", &mut colour.matrix_coefficients)?;
            }
        }
        if let Some([top, bottom]) = s.present(
            "chroma_loc_info_present_flag",
            &mut self.chroma_sample_loc_type,
        )? {
            s.ue("chroma_sample_loc_type_top_field", top, 0..=5)?;
            s.ue("chroma_sample_loc_type_bottom_field", bottom, 0..=5)?;
        }
        if let Some(timing) = s.present("timing_info_present_flag", &mut self.timing)? {
            s.u(32, "num_units_in_tick", &mut timing.num_units_in_tick)?;
            s.u(32, "time_scale", &mut timing.time_scale)?;
            s.flag("fixed_frame_rate_flag", &mut timing.fixed_frame_rate_flag)?;
        }
        if let Some(hrd) = s.present("nal_hrd_parameters_present_flag", &mut self.nal_hrd)? {
            hrd.syntax(s)?;
        }
        if let Some(hrd) = s.present("vcl_hrd_parameters_present_flag", &mut self.vcl_hrd)? {
            hrd.syntax(s)?;
        }
        if self.nal_hrd.is_some() || self.vcl_hrd.is_some() {
            s.flag("low_delay_hrd_flag", &mut self.low_delay_hrd_flag)?;
        }
        s.flag("pic_struct_present_flag", &mut self.pic_struct_present_flag)?;
        if let Some(limits) = s.present(
            "bitstream_restriction_flag",
            &mut self.bitstream_restriction,
        )? {
            s.flag(
                "motion_vectors_over_pic_boundaries_flag",
                &mut limits.motion_vectors_over_pic_boundaries_flag,
            )?;
            s.ue(
                "max_bytes_per_pic_denom",
                &mut limits.max_bytes_per_pic_denom,
                0..=16,
            )?;
            s.ue(
                "max_bits_per_mb_denom",
                &mut limits.max_bits_per_mb_denom,
                0..=16,
            )?;
            s.ue(
                "log2_max_mv_length_horizontal",
                &mut limits.log2_max_mv_length_horizontal,
                0..=16,
            )?;
            s.ue(
                "log2_max_mv_length_vertical",
                &mut limits.log2_max_mv_length_vertical,
                0..=16,
            )?;
            s.ue(
                "max_num_reorder_frames",
                &mut limits.max_num_reorder_frames,
                0..=16,
            )?;
            s.ue(
                "max_dec_frame_buffering",
                &mut limits.max_dec_frame_buffering,
                0..=16,
            )?;
        }
        Ok(())
    }
}
