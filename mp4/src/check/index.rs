//! Indexes: `sidx`, whose pieces are followed as they come, and `mfra`, which is held against the fragments that came.

use super::Rule;
use super::findings::Findings;
use super::fragment::Part;
use super::lane::Lane;
use crate::boxes::{Child, Children, IsoBox, Mfra, Mfro, Reference, Sidx, Tfra};
use alloc::format;
use alloc::vec::Vec;

/// An index whose pieces come one after the other.
#[derive(Debug)]
pub(super) struct Watch {
    /// Where its `sidx` begins.
    offset: u64,
    sidx: Sidx,
    /// Which piece is coming, and where it begins; `started` when something has begun there.
    next: usize,
    start: u64,
    started: bool,
    /// When the piece that is coming should be shown, by the index; in its own ticks.
    time: u64,
    /// What has come of the piece.
    shown: Option<(i64, i64)>,
    duration: u64,
    has_fragment: bool,
}

/// Indexes that are followed at once: as deep as they may stand in each other.
const WATCHES: usize = 16;

/// The indexes that are followed.
#[derive(Debug, Default)]
pub(super) struct Watches(Vec<Watch>);

impl Watches {
    /// Takes a `sidx` that lies here; says whether it is followed.
    pub(super) fn add(&mut self, sidx: Sidx, offset: u64, end: u64) -> bool {
        let fits = self.0.len() < WATCHES;
        if fits && !sidx.references.is_empty() {
            self.0.push(Watch {
                offset,
                next: 0,
                start: end.saturating_add(sidx.first_offset),
                started: false,
                time: sidx.earliest_presentation_time,
                shown: None,
                duration: 0,
                has_fragment: false,
                sidx,
            });
        }
        fits
    }

    /// A box begins here, or the file ends: pieces that have ended are held against what they should be.
    pub(super) fn at_box(
        &mut self,
        place: u64,
        is_index: Option<bool>,
        lanes: &[Lane],
        findings: &mut Findings,
    ) {
        self.0
            .retain_mut(|watch| watch.at_box(place, is_index, lanes, findings));
    }

    /// A fragment came.
    pub(super) fn fragment(&mut self, parts: &[Part], findings: &mut Findings) {
        for watch in self.0.iter_mut().filter(|watch| watch.started) {
            let id = watch.sidx.reference_id;
            let is_first = !core::mem::replace(&mut watch.has_fragment, true);
            for part in parts.iter().filter(|part| part.track == id) {
                watch.add(part, is_first, findings);
            }
        }
    }

    /// The file has ended at `end`.
    pub(super) fn finish(&mut self, end: u64, lanes: &[Lane], findings: &mut Findings) {
        self.at_box(end, None, lanes, findings);
        for watch in core::mem::take(&mut self.0) {
            let references = watch.sidx.references.get(watch.next..).unwrap_or_default();
            let size = |sum: u64, reference: &Reference| {
                sum.saturating_add(reference.referenced_size.into())
            };
            let told = references.iter().fold(watch.start, size);
            // An index that stands alone is of another file.
            if watch.started {
                let what = format!("the index goes on to {told}, and the file ends at {end}");
                findings.push(Rule::IndexSize, watch.offset, "sidx", what);
            }
        }
    }
}

impl Watch {
    fn reference(&self) -> Option<Reference> {
        self.sidx.references.get(self.next).copied()
    }

    /// Says whether there is more of the index to come.
    fn at_box(
        &mut self,
        place: u64,
        is_index: Option<bool>,
        lanes: &[Lane],
        findings: &mut Findings,
    ) -> bool {
        while let Some(reference) = self.reference() {
            if !self.started {
                if place < self.start {
                    return true;
                }
                if place > self.start {
                    let what = format!("no box begins at {}, where a piece should", self.start);
                    findings.push(Rule::IndexSize, self.offset, "sidx", what);
                    return false;
                }
                if is_index.is_some_and(|is_index| is_index != reference.is_index) {
                    let what = format!(
                        "the piece at {} is {}an index",
                        self.start,
                        if reference.is_index { "not " } else { "" }
                    );
                    findings.push(Rule::IndexSize, self.offset, "sidx", what);
                    return false;
                }
                if is_index.is_none() {
                    return true;
                }
                self.started = true;
                return true;
            }
            let end = self.start.saturating_add(reference.referenced_size.into());
            if place < end {
                return true;
            }
            if place > end {
                let what = format!("a piece ends at {end}, and no box begins there");
                findings.push(Rule::IndexSize, self.offset, "sidx", what);
                return false;
            }
            self.leave(reference, lanes, findings);
            self.start = end;
            self.next = self.next.saturating_add(1);
            self.started = false;
            self.shown = None;
            self.duration = 0;
            self.has_fragment = false;
        }
        false
    }

    fn add(&mut self, part: &Part, is_first: bool, findings: &mut Findings) {
        let promised = self.reference().filter(|reference| {
            reference.starts_with_sap
                && (1..=2).contains(&reference.sap_type)
                && reference.sap_delta_time == 0
        });
        if is_first && promised.is_some() && !part.starts_with_sync {
            let what = format!("the piece at {} begins with no sync sample", self.start);
            findings.push(Rule::IndexSap, self.offset, "sidx", what);
        }
        let (from, to) = self.shown.unwrap_or(part.shown);
        self.shown = Some((from.min(part.shown.0), to.max(part.shown.1)));
        self.duration = self.duration.saturating_add(part.duration);
    }

    /// Holds the times of a piece that has ended against those of its samples.
    fn leave(&mut self, reference: Reference, lanes: &[Lane], findings: &mut Findings) {
        let told = u64::from(reference.subsegment_duration);
        let at = self.time;
        self.time = at.saturating_add(told);
        let (Some((from, to)), false) = (self.shown, reference.is_index) else {
            return;
        };
        let own = i128::from(self.sidx.timescale);
        let lane = lanes.iter().find(|lane| lane.id == self.sidx.reference_id);
        let scale = lane.map_or(own, |lane| lane.timescale.into());
        let scale = if scale == 0 { own } else { scale };
        let to_own = |ticks: i128| (ticks * own).checked_div(scale).unwrap_or(0);
        // A tick of the coarser clock, and one of rounding.
        let slack = own.checked_div(scale.max(1)).unwrap_or(0).saturating_add(2);
        let is_near = |told: u64, ticks: i128| (i128::from(told) - to_own(ticks)).abs() <= slack;
        let is_first = self.next == 0;
        let (from, to) = (i128::from(from), i128::from(to));
        // What the edit list cuts off at the start; where no `moov` told that, it is taken on trust.
        let cut = match lane.filter(|lane| lane.timescale > 0) {
            Some(lane) => lane.media_time.into(),
            None => (from - i128::from(at)).max(0),
        };
        let lasts = [to - from, self.duration.into()];
        let missing = if is_first { cut } else { 0 };
        let mut lasts = lasts.into_iter().flat_map(|ticks| [ticks, ticks - missing]);
        // Of a segment alone, how much of its first samples is shown is not known.
        let is_cut = is_first && lane.is_none_or(|lane| lane.timescale == 0);
        let is_less = is_cut && i128::from(told) < to_own(self.duration.into());
        if !is_less && !lasts.any(|ticks| is_near(told, ticks)) {
            let what = format!(
                "the piece at {} lasts {told} ticks by the index, {} by its samples",
                self.start,
                to_own(self.duration.into())
            );
            findings.push(Rule::IndexTime, self.offset, "sidx", what);
        }
        let (delay, off) = lane.map_or((0, 0), |lane| lane.delay);
        let (delay, off) = (i128::from(delay), i128::from(off));
        let late = from - cut + delay;
        let is_late = delay > 0 && (i128::from(at) - to_own(late)).abs() <= slack + to_own(off);
        let mut starts = [from, from - cut, (from - cut).max(0)].into_iter();
        if is_first && !is_late && !starts.any(|ticks| is_near(at, ticks)) {
            let what = format!(
                "the first piece is shown at {at} by the index, at {} by its samples",
                to_own(from)
            );
            findings.push(Rule::IndexTime, self.offset, "sidx", what);
        }
    }
}

/// Holds an `mfra` against the fragments that came.
pub(super) fn random_access(
    mfra: &Child<'_>,
    base: u64,
    moofs: &[u64],
    forgot: bool,
    lanes: &[Lane],
    findings: &mut Findings,
) {
    let mut number = 0;
    for child in Children::new(mfra.body()).map_while(Result::ok) {
        let at = base.saturating_add(child.offset() as u64);
        if let (Mfro::TYPE, Ok(mfro)) =
            (child.header.box_type, Mfro::decode_body(&mut child.body()))
        {
            let len = mfra.bytes().len() as u64;
            if u64::from(mfro.parent_size) != len {
                let what = format!(
                    "mfro says that mfra has {} bytes, of {len}",
                    mfro.parent_size
                );
                findings.push(Rule::RandomAccessSize, at, "mfra/mfro", what);
            }
            continue;
        }
        if child.header.box_type != Tfra::TYPE {
            continue;
        }
        number += 1;
        let Ok(tfra) = Tfra::decode_body(&mut child.body()) else {
            continue;
        };
        let path = format!("{}/tfra[{number}]", Mfra::TYPE);
        let id = tfra.track_id;
        if !lanes.is_empty() && lanes.iter().all(|lane| lane.id != id) {
            let what = format!("there is no track {id}");
            findings.push(Rule::RandomAccess, at, path.clone(), what);
        }
        for point in &tfra.entries {
            if moofs.binary_search(&point.moof_offset).is_err() && !forgot {
                let what = format!("no moof begins at {}", point.moof_offset);
                findings.push(Rule::RandomAccess, at, path.clone(), what);
                break;
            }
        }
    }
}
