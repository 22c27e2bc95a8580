//! Access units: the NAL units of one primary coded picture, with what goes with it (ISO/IEC 14496-10 §7.4.1.2).

use crate::nal::{Header, UnitType};
use crate::{ParameterSets, SliceHeader, sei};

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

/// Finds where access units start, in a stream of NAL units in decoding order (§7.4.1.2.3, §7.4.1.2.4).
///
/// Each field of a frame coded as two is an access unit of its own. A prefix NAL unit (SVC, MVC) that starts one is counted
/// to the one before it.
///
/// ```
/// use fluvial_h264::access_unit::Boundaries;
///
/// let mut boundaries = Boundaries::default();
/// let nals: [&[u8]; 6] = [
///     &[0x67, 0x42, 0xC0, 0x0A, 0xDA, 0x11, 0x3F, 0x90], // parameter sets
///     &[0x68, 0xCE, 0x0F, 0xC8],
///     &[0x65, 0xB8, 0x04, 0x0A, 0xFF], // two slices of an IDR picture
///     &[0x65, 0x4E, 0x01, 0x02, 0xBF, 0xFF],
///     &[0x06, 0x06, 0x01, 0xC4, 0x80], // a message for the next picture
///     &[0x41, 0xE2, 0x10, 0x90, 0xFF],
/// ];
/// let starts = nals.map(|nal| boundaries.is_start(nal));
/// assert_eq!(starts, [true, false, false, false, true, false]);
/// ```
#[derive(Debug, Clone, Default)]
pub struct Boundaries {
    sets: ParameterSets,
    unit: Unit,
}

/// What is known of the access unit so far.
#[derive(Debug, Clone, Copy, Default)]
enum Unit {
    /// There is none.
    #[default]
    None,
    /// It has no slice of its primary picture yet.
    Open,
    /// It has a slice, whose header could be read or not.
    Picture(Option<Picture>),
}

/// What tells pictures apart: the elements that §7.4.1.2.4 compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Picture {
    frame_num: u16,
    pic_parameter_set_id: u8,
    field: Option<bool>,
    reference: bool,
    pic_order_cnt: (u16, i32, [i32; 2]),
    idr_pic_id: Option<u16>,
}

impl Picture {
    fn new(header: Header, slice: &SliceHeader) -> Self {
        Self {
            frame_num: slice.frame_num,
            pic_parameter_set_id: slice.pic_parameter_set_id,
            field: slice.field_pic_flag.then_some(slice.bottom_field_flag),
            reference: header.nal_ref_idc != 0,
            pic_order_cnt: (
                slice.pic_order_cnt_lsb,
                slice.delta_pic_order_cnt_bottom,
                slice.delta_pic_order_cnt,
            ),
            idr_pic_id: (header.nal_unit_type == UnitType::IdrSlice).then_some(slice.idr_pic_id),
        }
    }
}

impl Boundaries {
    /// Takes the next NAL unit, and tells whether it is the first one of an access unit. Parameter sets are kept.
    pub fn is_start(&mut self, nal: &[u8]) -> bool {
        let kind = UnitType::of(nal);
        match kind {
            UnitType::NonIdrSlice | UnitType::PartitionA | UnitType::IdrSlice => {
                return self.slice(nal);
            }
            UnitType::Sps | UnitType::Pps => {
                // One that cannot be read leaves slices that cannot be; those are told apart in another way.
                let _ = self.sets.insert(nal);
            }
            _ => {}
        }
        // A prefix (14) may also precede a further slice of the same picture; only that would tell. It stays with what
        // comes before, since a picture must not be torn apart.
        let may_precede_picture = matches!(kind.number(), 6..=9 | 15..=18);
        let starts = match self.unit {
            Unit::None => true,
            Unit::Open => kind == UnitType::AccessUnitDelimiter,
            Unit::Picture(_) => may_precede_picture,
        };
        if starts {
            self.unit = Unit::Open;
        }
        starts
    }

    /// A slice: it starts an access unit where it is the first one of another primary picture, and nothing came before.
    fn slice(&mut self, nal: &[u8]) -> bool {
        let read = SliceHeader::parse_picture(nal, &self.sets).ok();
        if let Some((_, slice)) = &read
            && slice.redundant_pic_cnt > 0
        {
            return false;
        }
        let picture = read.map(|(header, slice)| Picture::new(header, &slice));
        let starts = match (self.unit, picture) {
            (Unit::None, _) => true,
            (Unit::Open, _) => false,
            (Unit::Picture(Some(last)), Some(picture)) => last != picture,
            // Without the headers: pictures mostly start with macroblock 0, which is a one bit.
            (Unit::Picture(_), _) => nal.get(1).is_some_and(|byte| byte & 0x80 != 0),
        };
        self.unit = Unit::Picture(picture);
        starts
    }

    /// The parameter sets seen so far.
    #[must_use]
    pub const fn parameter_sets(&self) -> &ParameterSets {
        &self.sets
    }
}
