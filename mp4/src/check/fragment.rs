//! Movie fragments: whose they are, when they begin, where their samples lie.

use super::findings::Findings;
use super::lane::Lane;
use super::{Cmaf, Rule};
use crate::boxes::{Child, Children, IsoBox, Mfhd, SampleFlags, Traf, Trex, Trun};
use alloc::format;
use alloc::vec::Vec;

/// Samples in a row, as bytes of the file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Run {
    pub(super) start: u64,
    pub(super) end: u64,
    /// Of which track fragment of the `moof`, and which run of it.
    traf: usize,
    trun: usize,
}

/// A fragment whose media data has not come whole.
#[derive(Debug, Default)]
pub(super) struct Pending {
    /// Where its `moof` begins.
    pub(super) offset: u64,
    pub(super) runs: Vec<Run>,
    /// An `mdat` came after it.
    pub(super) has_data: bool,
}

impl Run {
    pub(super) fn path(self) -> alloc::string::String {
        format!("moof/traf[{}]/trun[{}]", self.traf, self.trun)
    }
}

/// What one track's part of a fragment adds up to, for an index.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part {
    pub(super) track: u32,
    /// When the first sample of all is shown, and when the last has been; in ticks of the track.
    pub(super) shown: (i64, i64),
    /// Ticks that its samples last.
    pub(super) duration: u64,
    /// Whether its first sample is a sync sample.
    pub(super) starts_with_sync: bool,
}

/// A `moof` as it is looked at.
pub(super) struct Look<'a> {
    pub(super) findings: &'a mut Findings,
    pub(super) lanes: &'a mut Vec<Lane>,
    pub(super) last_sequence: &'a mut Option<u32>,
    /// A `moov` came, so tracks are known.
    pub(super) has_movie: bool,
    pub(super) cmaf: Cmaf,
    /// The next sample must be one at which decoding can start.
    pub(super) starts_segment: bool,
    pub(super) most_tracks: usize,
}

impl Look<'_> {
    /// Gives what its media data should be, what its tracks add up to, and whether places count from the `moof`.
    pub(super) fn fragment(mut self, moof: &Child<'_>, offset: u64) -> (Pending, Vec<Part>, bool) {
        let mut pending = Pending {
            offset,
            ..Pending::default()
        };
        let mut parts = Vec::new();
        // Without another base, offsets count from the end of the track before (§8.8.7.1).
        let mut base = offset;
        let (mut trafs, mut from_moof) = (0, false);
        for child in Children::new(moof.body()).map_while(Result::ok) {
            let at = offset.saturating_add(child.offset() as u64);
            match child.header.box_type {
                Mfhd::TYPE => self.sequence(&child, at),
                Traf::TYPE => {
                    trafs += 1;
                    let Ok(traf) = Traf::decode_body(&mut child.body()) else {
                        continue;
                    };
                    from_moof |= traf.tfhd.default_base_is_moof;
                    let number = (trafs, at);
                    parts.extend(self.track(&traf, number, offset, &mut base, &mut pending));
                }
                _ => {}
            }
        }
        if self.cmaf.is_some() && trafs != 1 {
            let what = format!("there are {trafs} track fragments in a moof");
            self.findings.push(Rule::CmafChunk, offset, "moof", what);
        }
        (pending, parts, from_moof)
    }

    fn sequence(&mut self, child: &Child<'_>, at: u64) {
        let Ok(mfhd) = Mfhd::decode_body(&mut child.body()) else {
            return;
        };
        let number = mfhd.sequence_number;
        if let Some(last) = self.last_sequence.replace(number)
            && number <= last
        {
            let what = format!("sequence_number is {number} after {last}");
            self.findings
                .push(Rule::SequenceNumber, at, "moof/mfhd", what);
        }
    }

    /// Where the lane of a track is; `None` where the movie has none.
    fn lane(&mut self, id: u32) -> Option<usize> {
        let known = self.lanes.iter().position(|lane| lane.id == id);
        if known.is_none() && !self.has_movie && self.lanes.len() < self.most_tracks {
            self.lanes.push(Lane::of_segment(id));
            return self.lanes.len().checked_sub(1);
        }
        known
    }

    fn track(
        &mut self,
        traf: &Traf,
        (number, at): (usize, u64),
        moof: u64,
        base: &mut u64,
        pending: &mut Pending,
    ) -> Option<Part> {
        let path = format!("moof/traf[{number}]");
        let (cmaf, starts_segment) = (self.cmaf, self.starts_segment);
        let has_movie = self.has_movie;
        let tfhd = &traf.tfhd;
        let lane = self.lane(tfhd.track_id);
        let findings = &mut *self.findings;
        let Some(lane) = lane.and_then(|at| self.lanes.get_mut(at)) else {
            let what = format!("there is no track {}", tfhd.track_id);
            findings.push(Rule::FragmentTrack, at, path, what);
            return None;
        };
        let mut push = |rule, what: alloc::string::String| {
            findings.push(rule, at, path.clone(), what);
        };
        if let Some(index) = tfhd.sample_description_index
            && (index == 0 || index > lane.descriptions)
        {
            push(
                Rule::FragmentTrack,
                format!("track {} has no description {index}", lane.id),
            );
        }
        let own_base = match tfhd.base_data_offset {
            Some(offset) => offset,
            None if tfhd.default_base_is_moof => moof,
            None => *base,
        };
        if cmaf.is_some() {
            if tfhd.base_data_offset.is_some() || !tfhd.default_base_is_moof {
                push(Rule::CmafBase, "offsets do not count from moof".into());
            }
            if traf.tfdt.is_none() {
                push(Rule::CmafDecodeTime, "there is no tfdt".into());
            }
        }
        let trex = lane.trex.unwrap_or(Trex::new(lane.id));
        let start = traf.tfdt.map(|tfdt| tfdt.base_media_decode_time);
        let start = start.or(lane.next).unwrap_or(0);
        let mut sum = Sum::new(start);
        let mut offset = own_base;
        // A segment cut out of a file keeps offsets into the file.
        let is_placed = tfhd.base_data_offset.is_none() || has_movie;
        for (at_run, trun) in traf.truns.iter().enumerate() {
            if let Some(from) = trun.data_offset {
                offset = own_base.saturating_add_signed(from.into());
            } else if cmaf.is_some() {
                push(Rule::CmafDataOffset, "a run has no data_offset".into());
            }
            if trun.first_sample_flags.is_some() && trun.fields().flags {
                let what = "a run has flags of the first sample and of each";
                push(Rule::FirstSampleFlags, what.into());
            }
            if cmaf == Cmaf::Cmf2 && lane.is_video && trun.version() == 0 {
                push(Rule::Cmaf2, "a run of video of version 0".into());
            }
            let bytes = sum.add(trun, traf, &trex);
            let end = offset.saturating_add(bytes);
            if bytes > 0 && is_placed {
                pending.runs.push(Run {
                    start: offset,
                    end,
                    traf: number,
                    trun: at_run.saturating_add(1),
                });
            }
            offset = end;
        }
        *base = offset;
        let samples = sum.samples;
        for saiz in &traf.saizs {
            if u64::from(saiz.sample_count) != samples {
                push(
                    Rule::AuxiliaryInformation,
                    format!("saiz has {} samples, of {samples}", saiz.sample_count),
                );
            }
        }
        if let Some(senc) = &traf.senc
            && u64::from(senc.sample_count()) != samples
        {
            push(
                Rule::AuxiliaryInformation,
                format!("senc has {} samples, of {samples}", senc.sample_count()),
            );
        }
        if let (Some(tfdt), Some(next)) = (&traf.tfdt, lane.next) {
            let told = tfdt.base_media_decode_time;
            if told < next {
                push(
                    Rule::DecodeTimeOverlap,
                    format!("it begins at {told}, and the fragment before ends at {next}"),
                );
            } else if told > next {
                push(
                    Rule::DecodeTimeGap,
                    format!("it begins at {told}, and the fragment before ends at {next}"),
                );
            }
        }
        let first_is_sync = sum.first.unwrap_or_default().is_sync();
        if cmaf.is_some() && starts_segment && samples > 0 && !first_is_sync {
            push(Rule::CmafSap, "the first sample is no sync sample".into());
        }
        let next = start.saturating_add(sum.duration);
        lane.next = Some(next);
        lane.end = lane.end.max(next);
        (samples > 0).then_some(Part {
            track: tfhd.track_id,
            shown: (sum.shown_from, sum.shown_to),
            duration: sum.duration,
            starts_with_sync: first_is_sync,
        })
    }
}

/// What runs add up to.
pub(crate) struct Sum {
    dts: i64,
    samples: u64,
    duration: u64,
    /// When the first sample of all is shown.
    pub(crate) shown_from: i64,
    /// When the last has been.
    pub(crate) shown_to: i64,
    /// Flags of the first sample, if there is one.
    pub(crate) first: Option<SampleFlags>,
}

impl Sum {
    /// Nothing yet, to be decoded from here on.
    pub(crate) fn new(start: u64) -> Self {
        Self {
            dts: i64::try_from(start).unwrap_or(i64::MAX),
            samples: 0,
            duration: 0,
            shown_from: i64::MAX,
            shown_to: i64::MIN,
            first: None,
        }
    }

    /// Adds a run; gives its bytes.
    pub(crate) fn add(&mut self, trun: &Trun, traf: &Traf, trex: &Trex) -> u64 {
        let tfhd = &traf.tfhd;
        let size = tfhd.default_sample_size.unwrap_or(trex.default_sample_size);
        let duration = tfhd
            .default_sample_duration
            .unwrap_or(trex.default_sample_duration);
        let flags = tfhd
            .default_sample_flags
            .unwrap_or(trex.default_sample_flags);
        if trun.sample_count() > 0 && self.first.is_none() {
            let first = trun.samples().next().and_then(|sample| sample.flags);
            self.first = Some(first.unwrap_or(flags));
        }
        self.samples = self.samples.saturating_add(trun.sample_count().into());
        let fields = trun.fields();
        if !(fields.size || fields.duration || fields.composition_time_offset) {
            // All alike, and maybe more of them than there are bytes.
            let count = u64::from(trun.sample_count());
            self.show(self.dts, 0);
            self.pass(count.saturating_mul(duration.into()));
            self.show(self.dts, 0);
            return count.saturating_mul(size.into());
        }
        let mut bytes = 0u64;
        for sample in trun.samples() {
            let ahead = match sample.composition_time_offset.unwrap_or(0) {
                wrapped if wrapped > i32::MAX.into() => wrapped - (1 << 32),
                offset => offset,
            };
            self.show(self.dts, ahead);
            self.pass(sample.duration.unwrap_or(duration).into());
            self.shown_to = self.shown_to.max(self.dts.saturating_add(ahead));
            bytes = bytes.saturating_add(sample.size.unwrap_or(size).into());
        }
        bytes
    }

    fn pass(&mut self, duration: u64) {
        self.duration = self.duration.saturating_add(duration);
        self.dts = self.dts.saturating_add_unsigned(duration);
    }

    fn show(&mut self, dts: i64, ahead: i64) {
        let at = dts.saturating_add(ahead);
        self.shown_from = self.shown_from.min(at);
        self.shown_to = self.shown_to.max(at);
    }
}
