use crate::nal::{Header, UnitType};
use crate::slice::DecRefPicMarking;
use crate::sps::{PicOrderCntCycle, PicOrderCntType};
use crate::{SliceHeader, Sps};

/// The place of a picture in output order, relative to the last IDR picture (ISO/IEC 14496-10 §8.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PicOrderCnt {
    /// `TopFieldOrderCnt` and `BottomFieldOrderCnt` of a frame.
    Frame {
        /// `TopFieldOrderCnt`.
        top: i64,
        /// `BottomFieldOrderCnt`.
        bottom: i64,
    },
    /// `TopFieldOrderCnt` or `BottomFieldOrderCnt` of a field.
    Field(i64),
}

impl PicOrderCnt {
    /// `PicOrderCnt(picX)`: that of a frame is its earlier field's (8-1).
    #[must_use]
    pub fn value(self) -> i64 {
        match self {
            Self::Frame { top, bottom } => top.min(bottom),
            Self::Field(count) => count,
        }
    }
}

/// Derives picture order counts from slice headers, for all three `pic_order_cnt_type`s (§8.2.1).
///
/// Give it the first slice of each primary picture, in decoding order.
#[derive(Debug, Clone, Copy, Default)]
pub struct PicOrderCounter {
    /// `prevPicOrderCntMsb` and `prevPicOrderCntLsb`: of the last reference picture.
    prev_msb: i64,
    prev_lsb: i64,
    /// `prevFrameNum` and `prevFrameNumOffset`: of the last picture.
    prev_frame_num: u16,
    prev_frame_num_offset: i64,
}

impl PicOrderCounter {
    /// The count of the picture that this slice belongs to. `header` is that of the slice's NAL unit, `sps` the sequence
    /// parameter set that it refers to.
    ///
    /// An IDR picture starts a new count. So does a picture that unmarks all others
    /// ([`DecRefPicMarking::unmarks_all`]); its own count still belongs to the old ones.
    pub fn next(&mut self, header: Header, slice: &SliceHeader, sps: &Sps) -> PicOrderCnt {
        if header.nal_unit_type == UnitType::IdrSlice {
            *self = Self::default();
        }
        let is_reference = header.nal_ref_idc != 0;
        let count = match &sps.pic_order_cnt {
            PicOrderCntType::Lsb {
                log2_max_pic_order_cnt_lsb_minus4,
            } => self.by_lsb(slice, *log2_max_pic_order_cnt_lsb_minus4, is_reference),
            PicOrderCntType::Cycle(cycle) => self.by_cycle(slice, sps, cycle, is_reference),
            PicOrderCntType::DecodingOrder => self.by_decoding_order(slice, sps, is_reference),
        };
        self.prev_frame_num = slice.frame_num;
        let unmarks_all = slice
            .dec_ref_pic_marking
            .as_ref()
            .is_some_and(DecRefPicMarking::unmarks_all);
        if unmarks_all {
            // The picture's counts become relative to its own (8.2.1), and `frame_num` becomes 0 (7.4.3).
            *self = Self {
                prev_lsb: match count {
                    PicOrderCnt::Frame { top, .. } => top.saturating_sub(count.value()),
                    PicOrderCnt::Field(_) => 0,
                },
                ..Self::default()
            };
        }
        count
    }

    /// `pic_order_cnt_type` 0 (§8.2.1.1).
    fn by_lsb(&mut self, slice: &SliceHeader, log2_minus4: u8, is_reference: bool) -> PicOrderCnt {
        let max = 16i64 << log2_minus4.min(12);
        let lsb = i64::from(slice.pic_order_cnt_lsb);
        let msb = if lsb < self.prev_lsb && self.prev_lsb - lsb >= max / 2 {
            self.prev_msb.saturating_add(max)
        } else if lsb > self.prev_lsb && lsb - self.prev_lsb > max / 2 {
            self.prev_msb.saturating_sub(max)
        } else {
            self.prev_msb
        };
        if is_reference {
            (self.prev_msb, self.prev_lsb) = (msb, lsb);
        }
        let count = msb.saturating_add(lsb);
        if slice.field_pic_flag {
            PicOrderCnt::Field(count)
        } else {
            PicOrderCnt::Frame {
                top: count,
                bottom: count.saturating_add(slice.delta_pic_order_cnt_bottom.into()),
            }
        }
    }

    /// `FrameNumOffset + frame_num` (§8.2.1.2, §8.2.1.3).
    fn unwrapped_frame_num(&mut self, slice: &SliceHeader, sps: &Sps) -> i64 {
        if self.prev_frame_num > slice.frame_num {
            let max_frame_num = 16i64 << sps.log2_max_frame_num_minus4.min(12);
            self.prev_frame_num_offset = self.prev_frame_num_offset.saturating_add(max_frame_num);
        }
        self.prev_frame_num_offset
            .saturating_add(slice.frame_num.into())
    }

    /// `pic_order_cnt_type` 1 (§8.2.1.2).
    fn by_cycle(
        &mut self,
        slice: &SliceHeader,
        sps: &Sps,
        cycle: &PicOrderCntCycle,
        is_reference: bool,
    ) -> PicOrderCnt {
        let frame_num = self.unwrapped_frame_num(slice, sps);
        let steps = &cycle.offset_for_ref_frame;
        let steps_done = if is_reference {
            frame_num
        } else {
            frame_num.saturating_sub(1)
        };
        let len = i64::try_from(steps.len()).unwrap_or(0);
        let mut expected = match (steps_done.checked_div(len), steps_done.checked_rem(len)) {
            (Some(cycles), Some(rest)) if steps_done > 0 => {
                let whole: i64 = steps.iter().copied().map(i64::from).sum();
                let rest = usize::try_from(rest).unwrap_or(0);
                let part: i64 = steps.iter().take(rest).copied().map(i64::from).sum();
                cycles.saturating_mul(whole).saturating_add(part)
            }
            _ => 0,
        };
        if !is_reference {
            expected = expected.saturating_add(cycle.offset_for_non_ref_pic.into());
        }
        let [delta, delta_bottom] = slice.delta_pic_order_cnt.map(i64::from);
        let to_bottom = i64::from(cycle.offset_for_top_to_bottom_field);
        let count = expected.saturating_add(delta);
        match (slice.field_pic_flag, slice.bottom_field_flag) {
            (false, _) => PicOrderCnt::Frame {
                top: count,
                bottom: count.saturating_add(to_bottom).saturating_add(delta_bottom),
            },
            (true, false) => PicOrderCnt::Field(count),
            (true, true) => PicOrderCnt::Field(count.saturating_add(to_bottom)),
        }
    }

    /// `pic_order_cnt_type` 2 (§8.2.1.3).
    fn by_decoding_order(
        &mut self,
        slice: &SliceHeader,
        sps: &Sps,
        is_reference: bool,
    ) -> PicOrderCnt {
        let double = self.unwrapped_frame_num(slice, sps).saturating_mul(2);
        let count = if is_reference {
            double
        } else {
            double.saturating_sub(1)
        };
        if slice.field_pic_flag {
            PicOrderCnt::Field(count)
        } else {
            PicOrderCnt::Frame {
                top: count,
                bottom: count,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::List;
    use crate::slice::MemoryManagementControl;
    use alloc::boxed::Box;
    use alloc::vec;

    const IDR: Header = Header {
        nal_ref_idc: 3,
        nal_unit_type: UnitType::IdrSlice,
    };
    const REFERENCE: Header = Header {
        nal_ref_idc: 1,
        nal_unit_type: UnitType::NonIdrSlice,
    };
    const OTHER: Header = Header {
        nal_ref_idc: 0,
        nal_unit_type: UnitType::NonIdrSlice,
    };

    fn frame(frame_num: u16, pic_order_cnt_lsb: u16) -> SliceHeader {
        SliceHeader {
            frame_num,
            pic_order_cnt_lsb,
            ..SliceHeader::default()
        }
    }

    #[test]
    fn low_bits_wrap_both_ways() {
        let sps = Sps::default();
        let mut counter = PicOrderCounter::default();
        let lsbs = [
            (IDR, 0),
            (REFERENCE, 6),
            (REFERENCE, 12),
            (REFERENCE, 2),
            (OTHER, 14),
            (OTHER, 0),
            (REFERENCE, 8),
        ];
        let counts = lsbs.map(|(header, lsb)| counter.next(header, &frame(0, lsb), &sps).value());
        assert_eq!(counts, [0, 6, 12, 18, 14, 16, 24]);
    }

    #[test]
    fn a_cycle_of_steps() {
        let sps = Sps {
            pic_order_cnt: PicOrderCntType::Cycle(Box::new(PicOrderCntCycle {
                offset_for_non_ref_pic: -2,
                offset_for_top_to_bottom_field: 1,
                offset_for_ref_frame: vec![4, 6],
                ..PicOrderCntCycle::default()
            })),
            ..Sps::default()
        };
        let mut counter = PicOrderCounter::default();
        let nums = [
            (IDR, 0),
            (REFERENCE, 1),
            (REFERENCE, 2),
            (OTHER, 3),
            (REFERENCE, 3),
            (REFERENCE, 15),
            (REFERENCE, 0),
        ];
        let counts = nums.map(|(header, num)| counter.next(header, &frame(num, 0), &sps).value());
        // 16 steps are 8 cycles of 10.
        assert_eq!(counts, [0, 4, 10, 8, 14, 74, 80]);
        let moved = SliceHeader {
            delta_pic_order_cnt: [1, -3],
            ..frame(1, 0)
        };
        let count = counter.next(REFERENCE, &moved, &sps);
        assert_eq!(
            count,
            PicOrderCnt::Frame {
                top: 85,
                bottom: 83
            }
        );
    }

    #[test]
    fn decoding_order_wraps_with_frame_num() {
        let sps = Sps {
            pic_order_cnt: PicOrderCntType::DecodingOrder,
            ..Sps::default()
        };
        let mut counter = PicOrderCounter::default();
        let nums = [
            (IDR, 0),
            (OTHER, 1),
            (REFERENCE, 1),
            (REFERENCE, 15),
            (OTHER, 0),
            (REFERENCE, 0),
        ];
        let counts = nums.map(|(header, num)| counter.next(header, &frame(num, 0), &sps).value());
        assert_eq!(counts, [0, 1, 2, 30, 31, 32]);
    }

    #[test]
    fn counts_start_again_after_all_are_unmarked() {
        let sps = Sps::default();
        let mut counter = PicOrderCounter::default();
        counter.next(IDR, &frame(0, 0), &sps);
        let mut commands = List::default();
        commands.push(MemoryManagementControl::UnmarkAll);
        let unmarking = SliceHeader {
            delta_pic_order_cnt_bottom: -2,
            dec_ref_pic_marking: Some(DecRefPicMarking::Adaptive(commands)),
            ..frame(1, 8)
        };
        let count = counter.next(REFERENCE, &unmarking, &sps);
        assert_eq!(count, PicOrderCnt::Frame { top: 8, bottom: 6 });
        // Its own count is 2 now, so 14 is behind it.
        assert_eq!(counter.next(REFERENCE, &frame(1, 14), &sps).value(), -2);
    }
}
