use super::{Error, SPS, nal_unit_type};
use alloc::vec::Vec;
use wire::BitReader;

/// A sequence parameter set (Rec. ITU-T H.265 §7.3.2.2.1): what it says of the pictures' form, of slice headers, of the order of pictures
/// and of their times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sps {
    /// `general_profile_space` to `general_level_idc`, as the decoder configuration record has them too.
    pub general: [u8; 12],
    /// `sps_max_sub_layers_minus1`, 0 to 6.
    pub sps_max_sub_layers_minus1: u8,
    /// `sps_temporal_id_nesting_flag`.
    pub sps_temporal_id_nesting_flag: bool,
    /// `sps_seq_parameter_set_id`, 0 to 15.
    pub sps_seq_parameter_set_id: u8,
    /// `chroma_format_idc`: 0 monochrome, 1 4:2:0, 2 4:2:2, 3 4:4:4.
    pub chroma_format_idc: u8,
    /// `separate_colour_plane_flag`.
    pub separate_colour_plane_flag: bool,
    /// Width and height of the picture after cropping, in luma samples; `None` where nothing would be left.
    pub dimensions: Option<(u32, u32)>,
    /// `bit_depth_luma_minus8`, 0 to 8.
    pub bit_depth_luma_minus8: u8,
    /// `bit_depth_chroma_minus8`, 0 to 8.
    pub bit_depth_chroma_minus8: u8,
    /// Bits of `slice_pic_order_cnt_lsb`, 4 to 16.
    pub log2_max_pic_order_cnt_lsb: u8,
    /// `sps_max_num_reorder_pics` of the highest sub-layer: how many pictures may precede another one in decoding order and follow it
    /// in output order.
    pub max_num_reorder_pics: u8,
    /// `PicSizeInCtbsY`: coding tree blocks of a picture.
    pub pic_size_in_ctbs: u32,
    /// `vui_time_scale` and `vui_num_units_in_tick`: pictures, in so many seconds.
    pub frame_rate: Option<(u32, u32)>,
}

impl Sps {
    /// Reads a NAL unit, up to its extensions.
    ///
    /// # Errors
    /// [`Error::Invalid`] where it is of another kind, or a number is past its range; what reading gives where it ends early.
    pub fn parse(nal: &[u8]) -> Result<Self, Error> {
        let (sps, wrong) = Self::parse_usable(nal)?;
        wrong.map_or(Ok(sps), Err)
    }

    /// As [`parse`](Self::parse), but damage in the video usability information (Annex E), without which pictures can be decoded, is not
    /// the end of it: such a set is given with what is wrong, and with the frame rate if that stands before.
    ///
    /// # Errors
    /// As [`parse`](Self::parse), for what is before.
    pub fn parse_usable(nal: &[u8]) -> Result<(Self, Option<Error>), Error> {
        if nal_unit_type(nal) != Some(SPS) {
            return Err(Error::Invalid {
                field: "nal_unit_type",
                value: nal.first().map_or(0, |first| u64::from(first >> 1)),
            });
        }
        let mut r = BitReader::escaped(nal);
        let r = &mut r;
        r.skip(16 + 4, "sps_video_parameter_set_id")?;
        let sps_max_sub_layers_minus1 = r.bits8(3, "sps_max_sub_layers_minus1")?;
        let sub_layers = within(
            sps_max_sub_layers_minus1.into(),
            6,
            "sps_max_sub_layers_minus1",
        )?;
        let sps_temporal_id_nesting_flag = r.bit("sps_temporal_id_nesting_flag")?;
        let general = profile_tier_level(r, sub_layers)?;
        let sps_seq_parameter_set_id = small(r, 15, "sps_seq_parameter_set_id")?;
        let chroma_format_idc = small(r, 3, "chroma_format_idc")?;
        let separate_colour_plane_flag =
            chroma_format_idc == 3 && r.bit("separate_colour_plane_flag")?;
        let width = r.ue("pic_width_in_luma_samples")?;
        let height = r.ue("pic_height_in_luma_samples")?;
        let mut window = [0; 4];
        if r.bit("conformance_window_flag")? {
            for edge in &mut window {
                *edge = r.ue("conf_win_offset")?;
            }
        }
        let bit_depth_luma_minus8 = small(r, 8, "bit_depth_luma_minus8")?;
        let bit_depth_chroma_minus8 = small(r, 8, "bit_depth_chroma_minus8")?;
        let log2_max_pic_order_cnt_lsb = 4 + small(r, 12, "log2_max_pic_order_cnt_lsb_minus4")?;
        let all = r.bit("sps_sub_layer_ordering_info_present_flag")?;
        let mut max_num_reorder_pics = 0;
        for _ in 0..=if all { sub_layers } else { 0 } {
            small(r, 15, "sps_max_dec_pic_buffering_minus1")?;
            max_num_reorder_pics = small(r, 15, "sps_max_num_reorder_pics")?;
            r.ue("sps_max_latency_increase_plus1")?;
        }
        let min = 3 + small(r, 3, "log2_min_luma_coding_block_size_minus3")?;
        let block = min + small(r, 3, "log2_diff_max_min_luma_coding_block_size")?;
        if !matches!(block, 4..=6) {
            return Err(Error::Invalid {
                field: "CtbLog2SizeY",
                value: block.into(),
            });
        }
        for (field, size) in [
            ("pic_width_in_luma_samples", width),
            ("pic_height_in_luma_samples", height),
        ] {
            // Whole coding blocks of the smallest size (§7.4.3.2.1).
            if size == 0 || size % (1 << min) != 0 {
                let value = size.into();
                return Err(Error::Invalid { field, value });
            }
        }
        let blocks = |samples: u32| samples.div_ceil(1 << block);
        let pic_size_in_ctbs = blocks(width).checked_mul(blocks(height));
        tools(
            r,
            (min, block),
            [bit_depth_luma_minus8, bit_depth_chroma_minus8],
        )?;
        reference_pictures(r, log2_max_pic_order_cnt_lsb)?;
        let mut frame_rate = None;
        let wrong = usability(r, sub_layers, &mut frame_rate).err();
        let sps = Self {
            general,
            sps_max_sub_layers_minus1,
            sps_temporal_id_nesting_flag,
            sps_seq_parameter_set_id,
            chroma_format_idc,
            separate_colour_plane_flag,
            dimensions: dimensions(chroma_format_idc, (width, height), window),
            bit_depth_luma_minus8,
            bit_depth_chroma_minus8,
            log2_max_pic_order_cnt_lsb,
            max_num_reorder_pics,
            pic_size_in_ctbs: pic_size_in_ctbs.ok_or(Error::Invalid {
                field: "pic_width_in_luma_samples",
                value: width.into(),
            })?,
            frame_rate,
        };
        Ok((sps, wrong))
    }
}

/// A reader that passes over emulation prevention.
type Bits<'a> = BitReader<'a, true>;

fn within(value: u32, max: u8, field: &'static str) -> Result<u8, Error> {
    match u8::try_from(value) {
        Ok(small) if small <= max => Ok(small),
        _ => Err(Error::Invalid {
            field,
            value: value.into(),
        }),
    }
}

/// An Exp-Golomb code with a range.
pub(super) fn small(r: &mut Bits<'_>, max: u8, field: &'static str) -> Result<u8, Error> {
    within(r.ue(field)?, max, field)
}

/// Width and height without what the window leaves out on the left, the right, at the top and at the bottom, in units of chroma samples.
fn dimensions(
    chroma_format_idc: u8,
    (width, height): (u32, u32),
    [left, right, top, bottom]: [u32; 4],
) -> Option<(u32, u32)> {
    let (sub_width, sub_height) = match chroma_format_idc {
        1 => (2, 2),
        2 => (2, 1),
        _ => (1, 1),
    };
    let cropped = |size: u32, before: u32, after: u32, unit| {
        let cut = before.checked_add(after)?.checked_mul(unit)?;
        size.checked_sub(cut).filter(|&left| left > 0)
    };
    Some((
        cropped(width, left, right, sub_width)?,
        cropped(height, top, bottom, sub_height)?,
    ))
}

/// `profile_tier_level` (§7.3.3): its general part.
fn profile_tier_level(r: &mut Bits<'_>, sub_layers: u8) -> Result<[u8; 12], Error> {
    let mut general = [0; 12];
    for byte in &mut general {
        *byte = r.bits8(8, "profile_tier_level")?;
    }
    let mut bits = 0;
    for _ in 0..sub_layers {
        bits += if r.bit("sub_layer_profile_present_flag")? {
            88
        } else {
            0
        };
        bits += if r.bit("sub_layer_level_present_flag")? {
            8
        } else {
            0
        };
    }
    if sub_layers > 0 {
        bits += 2 * 8_u64.saturating_sub(sub_layers.into());
    }
    r.skip(bits, "sub_layer")?;
    Ok(general)
}

/// Reads what follows the sizes of coding blocks, up to which tools are in use: `blocks` are the least of these sizes and that of a coding
/// tree block, as their logarithms.
fn tools(r: &mut Bits<'_>, blocks: (u8, u8), depths: [u8; 2]) -> Result<(), Error> {
    let (min, block) = blocks;
    let transform = 2 + small(r, min - 3, "log2_min_luma_transform_block_size_minus2")?;
    small(
        r,
        block.min(5) - transform,
        "log2_diff_max_min_luma_transform_block_size",
    )?;
    for field in [
        "max_transform_hierarchy_depth_inter",
        "max_transform_hierarchy_depth_intra",
    ] {
        small(r, block - transform, field)?;
    }
    if r.bit("scaling_list_enabled_flag")? && r.bit("sps_scaling_list_data_present_flag")? {
        scaling_list_data(r)?;
    }
    r.skip(2, "amp_enabled_flag")?;
    if r.bit("pcm_enabled_flag")? {
        for depth in depths {
            let bits = r.bits(4, "pcm_sample_bit_depth_minus1")?;
            within(bits, 7 + depth, "pcm_sample_bit_depth_minus1")?;
        }
        small(r, 2, "log2_min_pcm_luma_coding_block_size_minus3")?;
        small(r, 2, "log2_diff_max_min_pcm_luma_coding_block_size")?;
        r.skip(1, "pcm_loop_filter_disabled_flag")?;
    }
    Ok(())
}

/// Reads what follows, up to the usability information: sets of pictures that others refer to.
fn reference_pictures(r: &mut Bits<'_>, poc_bits: u8) -> Result<(), Error> {
    let mut pictures = Vec::new();
    for n in 0..small(r, 64, "num_short_term_ref_pic_sets")? {
        let before = pictures.last().copied().filter(|_| n > 0);
        pictures.push(st_ref_pic_set(r, before)?);
    }
    if r.bit("long_term_ref_pics_present_flag")? {
        for _ in 0..small(r, 32, "num_long_term_ref_pics_sps")? {
            r.skip(u64::from(poc_bits) + 1, "lt_ref_pic_poc_lsb_sps")?;
        }
    }
    Ok(r.skip(2, "sps_temporal_mvp_enabled_flag")?)
}

/// The usability information (§E.2.1), and whether extensions follow; `rate` is what its timing says.
fn usability(r: &mut Bits<'_>, sub_layers: u8, rate: &mut Option<(u32, u32)>) -> Result<(), Error> {
    if !r.bit("vui_parameters_present_flag")? {
        return Ok(r.skip(1, "sps_extension_present_flag")?);
    }
    if r.bit("aspect_ratio_info_present_flag")? && r.bits(8, "aspect_ratio_idc")? == 255 {
        r.skip(32, "sar_width")?;
    }
    if r.bit("overscan_info_present_flag")? {
        r.skip(1, "overscan_appropriate_flag")?;
    }
    if r.bit("video_signal_type_present_flag")? {
        r.skip(4, "video_format")?;
        if r.bit("colour_description_present_flag")? {
            r.skip(24, "colour_primaries")?;
        }
    }
    if r.bit("chroma_loc_info_present_flag")? {
        r.ue("chroma_sample_loc_type_top_field")?;
        r.ue("chroma_sample_loc_type_bottom_field")?;
    }
    r.skip(3, "neutral_chroma_indication_flag")?;
    if r.bit("default_display_window_flag")? {
        for _ in 0..4 {
            r.ue("def_disp_win_offset")?;
        }
    }
    if r.bit("vui_timing_info_present_flag")? {
        let num_units_in_tick = r.bits(32, "vui_num_units_in_tick")?;
        let time_scale = r.bits(32, "vui_time_scale")?;
        *rate =
            (num_units_in_tick > 0 && time_scale > 0).then_some((time_scale, num_units_in_tick));
        if r.bit("vui_poc_proportional_to_timing_flag")? {
            r.ue("vui_num_ticks_poc_diff_one_minus1")?;
        }
        if r.bit("vui_hrd_parameters_present_flag")? {
            hrd_parameters(r, sub_layers)?;
        }
    }
    if r.bit("bitstream_restriction_flag")? {
        r.skip(3, "tiles_fixed_structure_flag")?;
        for what in [
            "min_spatial_segmentation_idc",
            "max_bytes_per_pic_denom",
            "max_bits_per_min_cu_denom",
            "log2_max_mv_length_horizontal",
            "log2_max_mv_length_vertical",
        ] {
            r.ue(what)?;
        }
    }
    Ok(r.skip(1, "sps_extension_present_flag")?)
}

/// `hrd_parameters` (§E.2.2), with what sub-layers have in common.
fn hrd_parameters(r: &mut Bits<'_>, sub_layers: u8) -> Result<(), Error> {
    let kinds = [
        r.bit("nal_hrd_parameters_present_flag")?,
        r.bit("vcl_hrd_parameters_present_flag")?,
    ];
    let mut has_pieces = false;
    if kinds.contains(&true) {
        has_pieces = r.bit("sub_pic_hrd_params_present_flag")?;
        let of_pieces = if has_pieces { 19 + 4 } else { 0 };
        r.skip(
            of_pieces + 8 + 15,
            "initial_cpb_removal_delay_length_minus1",
        )?;
    }
    for _ in 0..=sub_layers {
        let is_fixed =
            r.bit("fixed_pic_rate_general_flag")? || r.bit("fixed_pic_rate_within_cvs_flag")?;
        let mut is_low_delay = false;
        if is_fixed {
            r.ue("elemental_duration_in_tc_minus1")?;
        } else {
            is_low_delay = r.bit("low_delay_hrd_flag")?;
        }
        let buffers = match is_low_delay {
            true => 0,
            false => small(r, 31, "cpb_cnt_minus1")?,
        };
        for _ in kinds.iter().filter(|is_there| **is_there) {
            for _ in 0..=buffers {
                for _ in 0..if has_pieces { 4 } else { 2 } {
                    r.ue("bit_rate_value_minus1")?;
                }
                r.skip(1, "cbr_flag")?;
            }
        }
    }
    Ok(())
}

/// `scaling_list_data` (§7.3.4).
fn scaling_list_data(r: &mut Bits<'_>) -> Result<(), Error> {
    for size in 0..4_u32 {
        for _ in (0..6).step_by(if size == 3 { 3 } else { 1 }) {
            if !r.bit("scaling_list_pred_mode_flag")? {
                small(r, 5, "scaling_list_pred_matrix_id_delta")?;
                continue;
            }
            if size > 1 {
                r.se("scaling_list_dc_coef_minus8")?;
            }
            for _ in 0..64.min(1 << (4 + (size << 1))) {
                r.se("scaling_list_delta_coef")?;
            }
        }
    }
    Ok(())
}

/// `st_ref_pic_set` (§7.3.7): how many pictures it has. `before`: how many the one before it has.
fn st_ref_pic_set(r: &mut Bits<'_>, before: Option<u8>) -> Result<u8, Error> {
    if let Some(before) = before
        && r.bit("inter_ref_pic_set_prediction_flag")?
    {
        r.skip(1, "delta_rps_sign")?;
        delta(r, "abs_delta_rps_minus1")?;
        let mut count = 0;
        for _ in 0..=before {
            if r.bit("used_by_curr_pic_flag")? || r.bit("use_delta_flag")? {
                count += 1;
            }
        }
        return within(count, 16, "use_delta_flag");
    }
    let negative = small(r, 16, "num_negative_pics")?;
    let positive = small(r, 16, "num_positive_pics")?;
    for _ in 0..negative + positive {
        delta(r, "delta_poc_minus1")?;
        r.skip(1, "used_by_curr_pic_flag")?;
    }
    within((negative + positive).into(), 16, "num_positive_pics")
}

/// A difference of picture order counts, less 1: less than 2^15 (§7.4.8).
fn delta(r: &mut Bits<'_>, field: &'static str) -> Result<(), Error> {
    match r.ue(field)? {
        0..0x8000 => Ok(()),
        value => Err(Error::Invalid {
            field,
            value: value.into(),
        }),
    }
}
