//! Access units: the NAL units of one primary coded picture, with what goes with it (ISO/IEC 14496-10 §7.4.1.2).

mod boundaries;
mod canonical;

pub use boundaries::{Boundaries, Boundary, Units, units};
pub use canonical::Canonical;

use crate::nal::UnitType;
use crate::sei;

/// What a demuxer wants to know of an access unit, from the headers alone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Whether it is an IDR picture, from which decoding can start.
    pub idr: bool,
    /// `recovery_frame_cnt` of a recovery point message: decoding can start here, and the pictures are right after
    /// this many more frames (§D.2.8). 0 in an open GOP's first picture.
    pub recovery_frame_cnt: Option<u16>,
    /// Whether other pictures may refer to it (`nal_ref_idc` is not 0); one that is no reference may be dropped.
    pub reference: bool,
}

impl Summary {
    /// Looks at the NAL units up to the first slice.
    ///
    /// ```
    /// use fluvial_h264::{access_unit::Summary, length_prefixed};
    ///
    /// let sample = [0, 0, 0, 2, 0x09, 0xF0, 0, 0, 0, 3, 0x65, 0x88, 0x84];
    /// let summary = Summary::of(length_prefixed::nals(&sample, 4).flatten());
    /// assert!(summary.idr && summary.is_sync());
    /// ```
    #[must_use]
    pub fn of<'a>(nals: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut summary = Self::default();
        for nal in nals {
            match UnitType::of(nal) {
                UnitType::Sei if summary.recovery_frame_cnt.is_none() => {
                    summary.recovery_frame_cnt = sei::recovery_frame_cnt(nal);
                }
                kind if kind.is_vcl() => {
                    summary.idr = kind == UnitType::IdrSlice;
                    summary.reference = nal.first().is_some_and(|header| header & 0x60 != 0);
                    break;
                }
                _ => {}
            }
        }
        summary
    }

    /// Whether a player can start here and show right pictures at once: an IDR picture, or a recovery point that needs
    /// no further frames.
    #[must_use]
    pub const fn is_sync(&self) -> bool {
        self.idr || matches!(self.recovery_frame_cnt, Some(0))
    }
}
