//! Whether a file or a segment keeps to its standard: each rule that it breaks, with its place and the clause.
//!
//! ```
//! use fluvial_mp4::{Limits, check::Checker};
//!
//! let mut checker = Checker::new(Limits::default());
//! checker.handle_input(b"\0\0\0\x10ftypisom\0\0\0\0\0\0\0\x08free");
//! checker.handle_eof();
//! let findings: Vec<String> = core::iter::from_fn(|| checker.poll_finding()).map(|finding| finding.to_string()).collect();
//! assert_eq!(findings, [
//!     "warning: offset 0, ftyp: major-brand: isom is not among the compatible brands (ISO/IEC 14496-12 §4.3.3)",
//!     "error: offset 24: mandatory-box: the file has no moov (ISO/IEC 14496-12 §6.2.3)",
//! ]);
//! ```
//!
//! Boxes are looked at as they come and forgotten; of media data nothing is held, and who can skip it may:
//! [`needless`](Checker::needless). A file that begins with `styp`, `moof`, `sidx`, `prft` or `emsg` is a segment, and
//! its header is not asked for. What depends on the header is then not checked.

mod file;
mod findings;
mod fragment;
mod index;
mod lane;
mod layout;
mod movie;
mod rule;
mod tables;

pub use rule::{Finding, Rule, Severity};

use crate::Limits;
use crate::boxes::{Child, FourCc, Ftyp, Header, IsoBox, Mfra, Moof, Moov, Sidx, Styp};
use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use findings::Findings;
use fragment::Pending;
#[cfg(feature = "media")]
pub(crate) use fragment::Sum;
use wire::Reader;

/// Which of CMAF's structural brands the file has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Cmaf {
    #[default]
    No,
    Cmfc,
    Cmf2,
}

impl Cmaf {
    fn is_some(self) -> bool {
        self != Self::No
    }
}

/// Where media data lies.
#[derive(Debug, Default)]
struct Mdats {
    /// From, and to; in order.
    ranges: VecDeque<(u64, u64)>,
    /// There were more, before the first of these.
    forgot: bool,
}

/// Ranges of media data, and fragments, that are remembered.
const REMEMBERED: usize = 1 << 16;

impl Mdats {
    fn push(&mut self, start: u64, end: u64) {
        if self.ranges.len() >= REMEMBERED {
            self.ranges.pop_front();
            self.forgot = true;
        }
        self.ranges.push_back((start, end));
    }

    /// Whether some bytes lie in one of them; `None` where that has been forgotten.
    fn covers(&self, start: u64, end: u64) -> Option<bool> {
        let after = self.ranges.partition_point(|(from, _)| *from <= start);
        match after.checked_sub(1).and_then(|at| self.ranges.get(at)) {
            Some((_, to)) => Some(end <= *to),
            None if self.forgot => None,
            None => Some(false),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// At the start of a box.
    Header,
    /// Within a box that is read whole, of this many bytes.
    Whole { size: usize },
    /// Within a box of which nothing is read, which ends here.
    Skip { end: u64 },
    /// Behind bytes that are no box.
    Lost,
    /// Behind the end of the file.
    Over,
}

/// Checks a file. See the [module](self).
#[derive(Debug)]
pub struct Checker {
    limits: Limits,
    findings: Findings,
    state: State,
    /// Offset of the next byte that has not been dealt with, nor put into `carry`.
    position: u64,
    /// The start of a box whose rest has not come.
    carry: Vec<u8>,
    /// It begins as a segment does.
    is_segment: bool,
    quicktime: bool,
    /// Whether `ftyp` and `moov` came.
    has_ftyp: bool,
    has_moov: bool,
    has_styp: bool,
    has_fragments: bool,
    /// A box came that is not `ftyp`.
    has_begun: bool,
    brands: Vec<FourCc>,
    cmaf: Cmaf,
    movie: movie::Known,
    /// A `moov` with samples, to be held against the media data when all of it is known.
    moov: Option<(u64, Vec<u8>)>,
    mdats: Mdats,
    /// Where fragments begin; the first of them.
    moofs: Vec<u64>,
    last_sequence: Option<u32>,
    pending: Option<Pending>,
    starts_segment: bool,
    told_base: bool,
    indexes: index::Watches,
    has_mfra: bool,
    /// Where the box at the end claims to end.
    claimed_end: u64,
}

impl Checker {
    /// A checker at the start of a file or segment.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            findings: Findings::default(),
            state: State::Header,
            position: 0,
            carry: Vec::new(),
            is_segment: false,
            quicktime: false,
            has_ftyp: false,
            has_moov: false,
            has_styp: false,
            has_fragments: false,
            has_begun: false,
            brands: Vec::new(),
            cmaf: Cmaf::No,
            movie: movie::Known::default(),
            moov: None,
            mdats: Mdats::default(),
            moofs: Vec::new(),
            last_sequence: None,
            pending: None,
            starts_segment: true,
            told_base: false,
            indexes: index::Watches::default(),
            has_mfra: false,
            claimed_end: 0,
        }
    }

    /// Takes the next bytes of the file.
    pub fn handle_input(&mut self, data: &[u8]) {
        let mut input = data;
        while !input.is_empty() {
            match self.state {
                State::Header => self.header(&mut input),
                State::Whole { size } => {
                    if self.fill(size, &mut input) {
                        self.whole();
                    }
                }
                State::Skip { end } => {
                    let left = end.saturating_sub(self.position);
                    let len = usize::try_from(left).unwrap_or(usize::MAX).min(input.len());
                    input = input.get(len..).unwrap_or_default();
                    self.handle_gap(len as u64);
                }
                State::Lost | State::Over => {
                    self.position = self.position.saturating_add(input.len() as u64);
                    input = &[];
                }
            }
        }
    }

    /// How many of the bytes that come next are of no interest: [`handle_gap`](Self::handle_gap) may stand for them.
    #[must_use]
    pub fn needless(&self) -> u64 {
        match self.state {
            State::Skip { end } => end.saturating_sub(self.position),
            State::Lost | State::Over => u64::MAX,
            State::Header | State::Whole { .. } => 0,
        }
    }

    /// Says that bytes were passed over: no more than are [`needless`](Self::needless).
    pub fn handle_gap(&mut self, len: u64) {
        self.position = self.position.saturating_add(len.min(self.needless()));
        if let State::Skip { end } = self.state
            && self.position >= end
        {
            self.state = State::Header;
        }
    }

    /// Says that the file ends here: what can only be said of all of it is told.
    pub fn handle_eof(&mut self) {
        let end = self.position;
        match core::mem::replace(&mut self.state, State::Over) {
            State::Over => return,
            State::Skip { end: claimed } if claimed < u64::MAX => {
                let what =
                    format!("the box at the end goes on to {claimed}, and the file ends at {end}");
                self.findings.push(Rule::BoxSize, end, "", what);
                self.claimed_end = claimed;
            }
            State::Whole { size } => {
                let start = end.saturating_sub(self.carry.len() as u64);
                let what = format!("a box of {size} bytes is cut off at {end}");
                self.findings.push(Rule::BoxSize, start, "", what);
                self.claimed_end = start.saturating_add(size as u64);
            }
            State::Header if !self.carry.is_empty() => {
                let start = end.saturating_sub(self.carry.len() as u64);
                let what = format!("{} bytes at the end are no box", self.carry.len());
                self.findings.push(Rule::BoxSize, start, "", what);
            }
            State::Header | State::Skip { .. } | State::Lost => {}
        }
        self.claimed_end = self.claimed_end.max(end);
        self.end_fragment();
        self.finish(end);
    }

    /// The next finding.
    pub fn poll_finding(&mut self) -> Option<Finding> {
        self.findings.queue.pop_front()
    }

    /// Bytes held: of boxes that have not come whole, and of tables that wait for the end of the file.
    #[must_use]
    pub fn buffered_len(&self) -> usize {
        let moov = self.moov.as_ref().map_or(0, |(_, bytes)| bytes.len());
        let moofs = self.moofs.len().saturating_mul(size_of::<u64>());
        let mdats = self
            .mdats
            .ranges
            .len()
            .saturating_mul(size_of::<(u64, u64)>());
        [self.carry.len(), moov, moofs, mdats]
            .into_iter()
            .fold(0, usize::saturating_add)
    }

    /// Moves input to `carry` until that has `len` bytes; says whether it has.
    fn fill(&mut self, len: usize, input: &mut &[u8]) -> bool {
        let missing = len.saturating_sub(self.carry.len()).min(input.len());
        if let Some((head, rest)) = input.split_at_checked(missing) {
            self.carry.extend_from_slice(head);
            self.position = self.position.saturating_add(missing as u64);
            *input = rest;
        }
        self.carry.len() >= len
    }

    fn header(&mut self, input: &mut &[u8]) {
        let mut len = 8;
        let header = loop {
            if !self.fill(len, input) {
                return;
            }
            match Header::decode(&mut Reader::new(&self.carry)) {
                Err(crate::Error::Short(short)) => {
                    len = short.offset.saturating_add(short.needed);
                }
                other => break other,
            }
        };
        let start = self.position.saturating_sub(self.carry.len() as u64);
        let header = match header {
            Ok(header) if header.box_type.is_printable() => header,
            Ok(header) => {
                let what = format!(
                    "a box of type {}; what follows is not checked",
                    header.box_type
                );
                return self.lose(Rule::BoxType, start, what);
            }
            Err(error) => {
                let what = format!("{error}; what follows is not checked");
                return self.lose(Rule::BoxSize, start, what);
            }
        };
        self.begin_box(&header, start);
    }

    fn lose(&mut self, rule: Rule, start: u64, what: String) {
        self.findings.push(rule, start, "", what);
        self.carry.clear();
        self.state = State::Lost;
    }

    /// A box begins at the top of the file.
    fn begin_box(&mut self, header: &Header, start: u64) {
        let box_type = header.box_type;
        let end = header
            .size
            .map_or(u64::MAX, |size| start.saturating_add(size));
        let is_index = box_type == Sidx::TYPE;
        let lanes = &self.movie.lanes;
        self.indexes
            .at_box(start, Some(is_index), lanes, &mut self.findings);
        if !core::mem::replace(&mut self.has_begun, true) {
            self.first_box(box_type);
        }
        let (limit, is_read) = match &box_type.0 {
            b"moov" => (self.limits.movie_size, true),
            b"mdat" | b"free" | b"skip" | b"wide" | b"uuid" => (0, false),
            b"ftyp" | b"styp" | b"moof" | b"sidx" | b"ssix" | b"emsg" | b"prft" | b"mfra" => {
                (self.limits.box_size, true)
            }
            _ => (0, false),
        };
        match &box_type.0 {
            b"ftyp" => self.ftyp_place(start),
            b"mdat" => {
                let from = start.saturating_add(header.header_len.into());
                self.mdats.push(from, end);
                if let Some(pending) = &mut self.pending {
                    pending.has_data = true;
                }
            }
            b"moov" | b"mfra" => self.only_one(box_type, start),
            _ if layout::is_misplaced(box_type) => {
                let what = format!("{box_type} has no meaning at the top of a file");
                self.findings
                    .push(Rule::BoxPlace, start, box_type.to_string(), what);
            }
            _ => {}
        }
        let size = header.size.and_then(|size| usize::try_from(size).ok());
        if let Some(size) = size.filter(|size| is_read && *size <= limit) {
            self.state = State::Whole { size };
            if self.carry.len() >= size {
                self.whole();
            }
            return;
        }
        if is_read {
            let what = match header.size {
                Some(size) => format!("{box_type} has {size} bytes, and {limit} are read"),
                None => format!("{box_type} goes on to the end of the file"),
            };
            self.findings
                .push(Rule::NotChecked, start, box_type.to_string(), what);
            self.has_moov |= box_type == Moov::TYPE;
        }
        // A box without a body has ended with its header.
        self.carry.clear();
        self.state = if end <= self.position {
            State::Header
        } else {
            State::Skip { end }
        };
    }

    fn first_box(&mut self, box_type: FourCc) {
        match &box_type.0 {
            b"ftyp" => {}
            b"styp" | b"moof" | b"sidx" | b"ssix" | b"emsg" | b"prft" => self.is_segment = true,
            _ => {
                self.quicktime = true;
                let what = format!("the first box is {box_type}, not ftyp");
                self.findings.push(Rule::FileType, 0, "", what);
            }
        }
    }

    fn ftyp_place(&mut self, start: u64) {
        if core::mem::replace(&mut self.has_ftyp, true) {
            self.findings.push(
                Rule::BoxCount,
                start,
                "ftyp",
                "the file has more than one ftyp",
            );
        } else if start > 0 && self.is_segment {
            self.findings
                .push(Rule::BoxOrder, start, "ftyp", "ftyp is not the first box");
        }
    }

    fn only_one(&mut self, box_type: FourCc, start: u64) {
        let seen = match box_type {
            Moov::TYPE => &mut self.has_moov,
            _ => &mut self.has_mfra,
        };
        if core::mem::replace(seen, true) {
            let what = format!("the file has more than one {box_type}");
            self.findings
                .push(Rule::BoxCount, start, box_type.to_string(), what);
        }
    }

    /// A box has come whole.
    fn whole(&mut self) {
        let bytes = core::mem::take(&mut self.carry);
        self.state = State::Header;
        let start = self.position.saturating_sub(bytes.len() as u64);
        if let Ok(child) = Child::decode(&mut Reader::new(&bytes)) {
            let mut walk = layout::Walk {
                findings: &mut self.findings,
                base: start,
                quicktime: self.quicktime,
            };
            walk.visit(&child, &child.header.box_type.to_string());
            match child.header.box_type {
                Ftyp::TYPE => self.ftyp(&child, start),
                Styp::TYPE => self.styp(&child, start),
                Moov::TYPE => self.moov(&child, start),
                Moof::TYPE => self.moof(&child, start),
                Sidx::TYPE => self.sidx(&child, start),
                Mfra::TYPE => {
                    let forgot = self.moofs.len() >= REMEMBERED;
                    let lanes = &self.movie.lanes;
                    let findings = &mut self.findings;
                    index::random_access(&child, start, &self.moofs, forgot, lanes, findings);
                }
                _ => {}
            }
            if child.header.box_type == Moov::TYPE && self.movie.has_samples {
                self.moov = Some((start, bytes));
                return;
            }
        }
        self.carry = bytes;
        self.carry.clear();
    }
}
