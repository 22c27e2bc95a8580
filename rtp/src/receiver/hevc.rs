//! What a receiver needs to know of the NAL units of H.265.

use wire::BitReader;

/// `nal_unit_type`, 6 bits (Rec. ITU-T H.265 §7.3.1.2).
pub(super) fn kind(nal: &[u8]) -> u8 {
    nal.first().map_or(0x3F, |byte| byte >> 1 & 0x3F)
}

/// What parameter sets replace each other by: the type and, where it is easy to read, the number.
pub(super) fn key(nal: &[u8]) -> (u8, u8) {
    let number = match (kind(nal), nal.get(2)) {
        (32, Some(byte)) => byte >> 4,
        // Exp-Golomb: the number of leading zeros, and as many bits.
        (34, Some(byte)) => {
            let zeros = byte.leading_zeros().min(3);
            byte >> (7 - 2 * zeros).min(7)
        }
        _ => 0,
    };
    (kind(nal), number)
}

/// `sps_max_num_reorder_pics` of the highest sub-layer: how many pictures may precede another one in decoding order and follow
/// it in output order (§7.3.2.2.1). `None` where the parameter set cannot be read.
pub(super) fn reorder_depth(sps: &[u8]) -> Option<u8> {
    let mut r = BitReader::escaped(sps.get(2..)?);
    r.bits(4, "sps_video_parameter_set_id").ok()?;
    let sub_layers = r.bits8(3, "sps_max_sub_layers_minus1").ok()?;
    r.bit("sps_temporal_id_nesting_flag").ok()?;
    r.skip(96, "profile_tier_level").ok()?;
    let mut present = [(false, false); 8];
    for flags in present.iter_mut().take(sub_layers.into()) {
        let profile = r.bit("sub_layer_profile_present_flag").ok()?;
        *flags = (profile, r.bit("sub_layer_level_present_flag").ok()?);
    }
    if sub_layers > 0 {
        let rest = 8u64.saturating_sub(sub_layers.into());
        r.skip(2 * rest, "reserved_zero_2bits").ok()?;
    }
    for (profile, level) in present {
        let bits = if profile { 88 } else { 0 } + if level { 8 } else { 0 };
        r.skip(bits, "sub_layer_profile_level").ok()?;
    }
    r.ue("sps_seq_parameter_set_id").ok()?;
    if r.ue("chroma_format_idc").ok()? == 3 {
        r.bit("separate_colour_plane_flag").ok()?;
    }
    r.ue("pic_width_in_luma_samples").ok()?;
    r.ue("pic_height_in_luma_samples").ok()?;
    if r.bit("conformance_window_flag").ok()? {
        for _ in 0..4 {
            r.ue("conf_win_offset").ok()?;
        }
    }
    for name in [
        "bit_depth_luma_minus8",
        "bit_depth_chroma_minus8",
        "log2_max_pic_order_cnt_lsb_minus4",
    ] {
        r.ue(name).ok()?;
    }
    let all = r.bit("sps_sub_layer_ordering_info_present_flag").ok()?;
    let mut depth = 0;
    for _ in 0..=if all { sub_layers } else { 0 } {
        r.ue("sps_max_dec_pic_buffering_minus1").ok()?;
        depth = r.ue("sps_max_num_reorder_pics").ok()?;
        r.ue("sps_max_latency_increase_plus1").ok()?;
    }
    u8::try_from(depth).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_of_a_set_by_x265() {
        // Made by libx265 with up to two pictures reordered: -x265-params bframes=3:b-pyramid=1.
        let sps = [
            0x42, 1, 1, 1, 0x60, 0, 0, 3, 0, 0x90, 0, 0, 3, 0, 0, 3, 0, 0x3C, 0xA0, 0x0A, 8, 0x0F,
            0x16, 0x59, 0x59, 0x52, 0x93, 0x0B, 0xC0, 0x5A, 2, 0, 0, 3, 0, 2, 0, 0, 3, 0, 0x32,
            0x10,
        ];
        assert_eq!(kind(&sps), 33);
        assert_eq!(reorder_depth(&sps), Some(2));
        assert_eq!(reorder_depth(&sps[..22]), None);
    }
}
