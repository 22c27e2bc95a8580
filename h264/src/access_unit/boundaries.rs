use crate::nal::{Header, UnitType};
use crate::{Error, ParameterSets, SliceHeader, annexb};

/// How a NAL unit lies to the access units around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Boundary {
    /// It is not the first one of an access unit.
    Within,
    /// An access unit starts with it.
    Here,
    /// A prefix (type 14) goes with the slice after it: it starts an access unit where that does. The next NAL unit's
    /// boundary tells.
    Open,
    /// An access unit started with the NAL units that were [`Open`](Self::Open), right before this one.
    BeforeOpen,
}

/// Finds where access units start, in a stream of NAL units in decoding order (§7.4.1.2.3, §7.4.1.2.4).
///
/// Each field of a frame coded as two is an access unit of its own.
///
/// ```
/// use fluvial_h264::access_unit::{Boundaries, Boundary};
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
/// let starts = nals.map(|nal| boundaries.next(nal) == Boundary::Here);
/// assert_eq!(starts, [true, false, false, false, true, false]);
/// ```
#[derive(Debug, Clone, Default)]
pub struct Boundaries {
    sets: ParameterSets,
    unit: Unit,
    /// Whether prefixes came last, of which it is open where they belong.
    open: bool,
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
    /// Takes the next NAL unit. Parameter sets are kept.
    pub fn next(&mut self, nal: &[u8]) -> Boundary {
        let kind = UnitType::of(nal);
        if kind == UnitType::Prefix && matches!(self.unit, Unit::Picture(_)) {
            self.open = true;
            return Boundary::Open;
        }
        match (self.starts(kind, nal), core::mem::take(&mut self.open)) {
            (true, true) => Boundary::BeforeOpen,
            (true, false) => Boundary::Here,
            (false, _) => Boundary::Within,
        }
    }

    fn starts(&mut self, kind: UnitType, nal: &[u8]) -> bool {
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
        let starts = match self.unit {
            Unit::None => true,
            Unit::Open => kind == UnitType::AccessUnitDelimiter,
            Unit::Picture(_) => matches!(kind.number(), 6..=9 | 15..=18),
        };
        if starts {
            self.unit = Unit::Open;
        }
        starts
    }

    /// A slice: it starts an access unit where it is the first one of another primary picture, and nothing came before.
    fn slice(&mut self, nal: &[u8]) -> bool {
        let mut slice = SliceHeader::default();
        let header = slice.read_picture(nal, &self.sets).ok();
        if header.is_some() && slice.redundant_pic_cnt > 0 {
            return false;
        }
        let picture = header.map(|header| Picture::new(header, &slice));
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

    /// Takes in a parameter set that only started in [`next`](Self::next).
    pub(crate) fn insert(&mut self, nal: &[u8]) -> Result<bool, Error> {
        self.sets.insert(nal)
    }

    /// The parameter sets seen so far.
    #[must_use]
    pub const fn parameter_sets(&self) -> &ParameterSets {
        &self.sets
    }
}

/// The access units of a whole byte stream, each with its start codes; zeros before a start code of 4 bytes belong to
/// the one before, but for the last zero. What precedes the first start code is passed over.
///
/// ```
/// let stream = [0, 0, 0, 1, 0x09, 0xF0, 0, 0, 1, 0x65, 0x88, 0, 0, 0, 1, 0x09, 0xF0, 0, 0, 1, 0x41, 0x9A];
/// let units: Vec<&[u8]> = fluvial_h264::access_unit::units(&stream).collect();
/// assert_eq!(units, [&stream[..11], &stream[11..]]);
/// ```
#[must_use]
pub fn units(data: &[u8]) -> Units<'_> {
    let mut units = Units {
        data,
        nals: annexb::nals(data),
        boundaries: Boundaries::default(),
        start: None,
        open: None,
    };
    units.start = units.next_start();
    units
}

/// Iterator of [`units`].
#[derive(Debug, Clone)]
pub struct Units<'a> {
    data: &'a [u8],
    nals: annexb::Nals<'a>,
    boundaries: Boundaries,
    /// Where the next one starts.
    start: Option<usize>,
    /// Where the first prefix starts of which it is open where it belongs.
    open: Option<usize>,
}

impl Units<'_> {
    fn next_start(&mut self) -> Option<usize> {
        while let Some((at, nal)) = self.nals.next_with_offset() {
            let code = match self.data.get(..at)? {
                [.., 0, 0, 0, 1] => at.saturating_sub(4),
                _ => at.saturating_sub(3),
            };
            match self.boundaries.next(nal) {
                Boundary::Here => return Some(code),
                Boundary::BeforeOpen => return Some(self.open.take().unwrap_or(code)),
                Boundary::Open => {
                    self.open.get_or_insert(code);
                }
                Boundary::Within => self.open = None,
            }
        }
        None
    }
}

impl<'a> Iterator for Units<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let start = self.start?;
        self.start = self.next_start();
        self.data.get(start..self.start.unwrap_or(self.data.len()))
    }
}
