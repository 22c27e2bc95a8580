use crate::nal::{Header, UnitType};
use crate::slice::DecRefPicMarking;
use crate::{SliceHeader, Sps};

/// Watches `frame_num` for reference frames that are missing (ISO/IEC 14496-10 §7.4.3, §8.2.5.2).
///
/// Give it the first slice of each primary picture, in decoding order.
#[derive(Debug, Clone, Copy, Default)]
pub struct FrameNumGaps {
    /// `PrevRefFrameNum`; none before the first picture.
    prev_ref_frame_num: Option<u16>,
}

impl FrameNumGaps {
    /// Reference frames that are missing before the picture that this slice belongs to: lost, or, where
    /// `gaps_in_frame_num_value_allowed_flag` is set, perhaps left out on purpose. None before the first picture.
    pub fn missing_before(&mut self, header: Header, slice: &SliceHeader, sps: &Sps) -> u32 {
        let max_frame_num = 16u32 << sps.log2_max_frame_num_minus4.min(12);
        let frame_num = u32::from(slice.frame_num);
        let missing = match self.prev_ref_frame_num.map(u32::from) {
            Some(prev) if header.nal_unit_type != UnitType::IdrSlice && prev != frame_num => {
                frame_num.wrapping_sub(prev).wrapping_sub(1) % max_frame_num
            }
            _ => 0,
        };
        let unmarks_all = slice
            .dec_ref_pic_marking
            .as_ref()
            .is_some_and(DecRefPicMarking::unmarks_all);
        if unmarks_all {
            self.prev_ref_frame_num = Some(0);
        } else if header.nal_ref_idc != 0 {
            self.prev_ref_frame_num = Some(slice.frame_num);
        } else if missing > 0 || self.prev_ref_frame_num.is_none() {
            // The frame before this one has been made up for.
            let before = frame_num.wrapping_sub(1) % max_frame_num;
            self.prev_ref_frame_num = u16::try_from(before).ok();
        }
        missing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_reference_frames_are_missed() {
        let sps = Sps::default();
        let mut gaps = FrameNumGaps::default();
        let mut next = |nal_ref_idc, frame_num| {
            let header = Header {
                nal_ref_idc,
                nal_unit_type: UnitType::NonIdrSlice,
            };
            let slice = SliceHeader {
                frame_num,
                ..SliceHeader::default()
            };
            gaps.missing_before(header, &slice, &sps)
        };
        let pictures = [
            (1, 3),
            (0, 4),
            (1, 4),
            (1, 7),
            (0, 10),
            (0, 10),
            (1, 10),
            (1, 15),
            (1, 1),
        ];
        let missing = pictures.map(|(nal_ref_idc, frame_num)| next(nal_ref_idc, frame_num));
        assert_eq!(missing, [0, 0, 0, 2, 2, 0, 0, 4, 1]);
    }
}
