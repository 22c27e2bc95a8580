//! What the fields of a sequence parameter set amount to.

use super::{Colour, PicOrderCntType, Sps};
use core::fmt;

/// A ratio in lowest terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rational {
    /// Numerator.
    pub num: u32,
    /// Denominator, never 0.
    pub den: u32,
}

impl Rational {
    /// The ratio in lowest terms, unless one side is 0 or does not fit.
    fn new(num: u64, den: u64) -> Option<Self> {
        let (mut a, mut b) = (num, den);
        while b != 0 {
            (a, b) = (b, a % b);
        }
        let num = u32::try_from(num.checked_div(a)?).ok()?;
        let den = u32::try_from(den.checked_div(a)?).ok()?;
        (num > 0 && den > 0).then_some(Self { num, den })
    }
}

impl fmt::Display for Rational {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.num, self.den)
    }
}

impl Sps {
    /// `ChromaArrayType`: the chroma format as the slices see it, 0 for separately coded planes.
    #[must_use]
    pub const fn chroma_array_type(&self) -> u8 {
        if self.separate_colour_plane_flag {
            0
        } else {
            self.chroma_format_idc
        }
    }

    /// `PicWidthInMbs`.
    #[must_use]
    pub const fn pic_width_in_mbs(&self) -> u32 {
        self.pic_width_in_mbs_minus1 as u32 + 1
    }

    /// `PicSizeInMapUnits`.
    #[must_use]
    pub const fn pic_size_in_map_units(&self) -> u64 {
        self.pic_width_in_mbs() as u64 * (self.pic_height_in_map_units_minus1 as u64 + 1)
    }

    /// `FrameHeightInMbs`.
    #[must_use]
    pub const fn frame_height_in_mbs(&self) -> u32 {
        let fields = if self.frame_mbs_only_flag { 1 } else { 2 };
        fields * (self.pic_height_in_map_units_minus1 as u32 + 1)
    }

    /// Width and height to show, in luma samples: the coded size less the cropping.
    ///
    /// Cropping that leaves nothing is taken for none, as decoders do.
    fn cropped(&self) -> (u32, u32) {
        let coded = (
            self.pic_width_in_mbs() * 16,
            self.frame_height_in_mbs() * 16,
        );
        let Some(crop) = self.frame_cropping else {
            return coded;
        };
        let (unit_x, unit_y) = match self.chroma_array_type() {
            1 => (2, 2),
            2 => (2, 1),
            _ => (1, 1),
        };
        let unit_y = if self.frame_mbs_only_flag {
            unit_y
        } else {
            2 * unit_y
        };
        let less = |size: u32, unit: u32, from: u32, to: u32| {
            let crop = from.checked_add(to)?.checked_mul(unit)?;
            size.checked_sub(crop).filter(|&size| size > 0)
        };
        let width = less(coded.0, unit_x, crop.left, crop.right);
        let height = less(coded.1, unit_y, crop.top, crop.bottom);
        width.zip(height).unwrap_or(coded)
    }

    /// Width to show, in luma samples.
    #[must_use]
    pub fn width(&self) -> u32 {
        self.cropped().0
    }

    /// Height to show, in luma samples; of both fields together.
    #[must_use]
    pub fn height(&self) -> u32 {
        self.cropped().1
    }

    /// The shape of a sample, width to height, where it is told.
    #[must_use]
    pub fn sample_aspect_ratio(&self) -> Option<Rational> {
        let sar = self.vui.as_ref()?.sample_aspect_ratio?;
        let (width, height) = match sar.aspect_ratio_idc {
            1 => (1, 1),
            2 => (12, 11),
            3 => (10, 11),
            4 => (16, 11),
            5 => (40, 33),
            6 => (24, 11),
            7 => (20, 11),
            8 => (32, 11),
            9 => (80, 33),
            10 => (18, 11),
            11 => (15, 11),
            12 => (64, 33),
            13 => (160, 99),
            14 => (4, 3),
            15 => (3, 2),
            16 => (2, 1),
            255 => (sar.sar_width, sar.sar_height),
            _ => return None,
        };
        Rational::new(width.into(), height.into())
    }

    /// Frames per second, by the timing information: half of the ticks, since a frame takes two.
    ///
    /// Exact where `fixed_frame_rate_flag` is set; else the encoder's intention.
    #[must_use]
    pub fn frame_rate(&self) -> Option<Rational> {
        let timing = self.vui.as_ref()?.timing?;
        Rational::new(
            timing.time_scale.into(),
            u64::from(timing.num_units_in_tick) * 2,
        )
    }

    /// The colour space, where it is told.
    #[must_use]
    pub fn colour(&self) -> Option<Colour> {
        self.vui.as_ref()?.video_signal_type?.colour
    }

    /// Whether samples use the full range.
    #[must_use]
    pub fn is_full_range(&self) -> bool {
        self.vui
            .as_ref()
            .and_then(|vui| vui.video_signal_type)
            .is_some_and(|video| video.video_full_range_flag)
    }

    /// `constraint_setN_flag`.
    #[must_use]
    pub const fn constraint_set(&self, n: u8) -> bool {
        n < 8 && self.constraint_flags & 0x80 >> n != 0
    }

    /// `MaxDpbFrames`: frames that a decoder of the level holds at this picture size (§A.3.1 h, Table A-1).
    #[must_use]
    pub fn max_dpb_frames(&self) -> u8 {
        let level_1b = self.level_idc == 11
            && self.constraint_set(3)
            && matches!(self.profile_idc, 66 | 77 | 88);
        let max_dpb_mbs: u32 = match self.level_idc {
            _ if level_1b => 396,
            ..=10 => 396,
            11 => 900,
            12..=20 => 2376,
            21 => 4752,
            22..=30 => 8100,
            31 => 18000,
            32 => 20480,
            33..=41 => 32768,
            42 => 34816,
            43..=50 => 110_400,
            51..=52 => 184_320,
            _ => 696_320,
        };
        let frame = self
            .pic_width_in_mbs()
            .saturating_mul(self.frame_height_in_mbs());
        let frames = max_dpb_mbs.checked_div(frame).unwrap_or(0).min(16);
        u8::try_from(frames).unwrap_or(16)
    }

    /// `max_num_reorder_frames`, coded or inferred: the most frames that precede another one in decoding order and
    /// follow it in output order (§E.2.1). 0 where the syntax excludes reordering.
    #[must_use]
    pub fn max_num_reorder_frames(&self) -> u8 {
        if self.pic_order_cnt == PicOrderCntType::DecodingOrder {
            return 0;
        }
        self.bitstream_restriction().map_or_else(
            || self.inferred_frames(),
            |limits| limits.max_num_reorder_frames,
        )
    }

    /// Whether [`max_num_reorder_frames`](Self::max_num_reorder_frames) is what the stream does, not what its level allows.
    pub(crate) fn is_reordering_told(&self) -> bool {
        self.pic_order_cnt == PicOrderCntType::DecodingOrder
            || self.bitstream_restriction().is_some()
    }

    /// `max_dec_frame_buffering`, coded or inferred: frames that the decoded picture buffer has to hold (§E.2.1).
    #[must_use]
    pub fn max_dec_frame_buffering(&self) -> u8 {
        self.bitstream_restriction().map_or_else(
            || self.inferred_frames(),
            |limits| limits.max_dec_frame_buffering,
        )
    }

    fn bitstream_restriction(&self) -> Option<&super::BitstreamRestriction> {
        self.vui.as_ref()?.bitstream_restriction.as_ref()
    }

    fn inferred_frames(&self) -> u8 {
        let intra_only =
            self.constraint_set(3) && matches!(self.profile_idc, 44 | 86 | 100 | 110 | 122 | 244);
        if intra_only { 0 } else { self.max_dpb_frames() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sps::{FrameCropping, SampleAspectRatio, Timing, Vui};
    use alloc::boxed::Box;

    fn full_hd() -> Sps {
        Sps {
            profile_idc: 100,
            level_idc: 40,
            pic_width_in_mbs_minus1: 119,
            pic_height_in_map_units_minus1: 67,
            ..Sps::default()
        }
    }

    #[test]
    fn cropping_counts_in_chroma_samples_and_fields() {
        let crop = FrameCropping {
            bottom: 4,
            left: 1,
            ..FrameCropping::default()
        };
        let mut sps = Sps {
            frame_cropping: Some(crop),
            ..full_hd()
        };
        assert_eq!((sps.width(), sps.height()), (1918, 1080));
        sps.chroma_format_idc = 3;
        assert_eq!((sps.width(), sps.height()), (1919, 1084));
        sps.chroma_format_idc = 2;
        sps.frame_mbs_only_flag = false;
        sps.pic_height_in_map_units_minus1 = 33;
        assert_eq!((sps.width(), sps.height()), (1918, 1080));
    }

    #[test]
    fn cropping_that_leaves_nothing_is_none() {
        let crop = FrameCropping {
            right: u32::MAX,
            left: 960,
            ..FrameCropping::default()
        };
        let sps = Sps {
            frame_cropping: Some(crop),
            ..full_hd()
        };
        assert_eq!((sps.width(), sps.height()), (1920, 1088));
    }

    #[test]
    fn the_picture_buffer_depends_on_level_and_size() {
        assert_eq!(full_hd().max_dpb_frames(), 4);
        assert_eq!(full_hd().max_num_reorder_frames(), 4);
        let small = Sps {
            profile_idc: 66,
            level_idc: 11,
            pic_width_in_mbs_minus1: 10,
            pic_height_in_map_units_minus1: 8,
            ..Sps::default()
        };
        assert_eq!(small.max_dpb_frames(), 9);
        let level_1b = Sps {
            constraint_flags: 0x10,
            ..small
        };
        assert_eq!(level_1b.max_dpb_frames(), 4);
        let intra = Sps {
            constraint_flags: 0x10,
            ..full_hd()
        };
        assert_eq!(intra.max_num_reorder_frames(), 0);
    }

    #[test]
    fn ratios_are_in_lowest_terms_and_never_by_zero() {
        let told = |sar_width, time_scale| Sps {
            vui: Some(Box::new(Vui {
                sample_aspect_ratio: Some(SampleAspectRatio {
                    aspect_ratio_idc: 255,
                    sar_width,
                    sar_height: 48,
                }),
                timing: Some(Timing {
                    num_units_in_tick: 1001,
                    time_scale,
                    fixed_frame_rate_flag: true,
                }),
                ..Vui::default()
            })),
            ..Sps::default()
        };
        let sps = told(64, 60000);
        assert_eq!(sps.sample_aspect_ratio(), Some(Rational { num: 4, den: 3 }));
        assert_eq!(
            sps.frame_rate(),
            Some(Rational {
                num: 30000,
                den: 1001
            })
        );
        let sps = told(0, 0);
        assert_eq!((sps.sample_aspect_ratio(), sps.frame_rate()), (None, None));
    }
}
