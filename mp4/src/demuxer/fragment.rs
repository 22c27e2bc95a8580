use super::{Demuxer, Lane};
use crate::boxes::{IsoBox, Moof, SampleFlags, Traf, Trun};
use alloc::format;
use alloc::vec::Vec;
use media::{Event, Time, TrackId, Warning};

/// A sample that a `moof` told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pending {
    /// Where it lies in the file.
    pub(super) offset: u64,
    pub(super) size: u32,
    pub(super) duration: u32,
    pub(super) track: TrackId,
    pub(super) flags: SampleFlags,
    /// As in the file, without the edit list's shift.
    pub(super) dts: i64,
    pub(super) pts: i64,
    /// Its number among the track's samples in this `moof`.
    pub(super) index: u32,
    /// It lies outside of what the edit list shows.
    pub(super) hidden: bool,
    /// Its sample description, from 1; 0: the one in use.
    pub(super) description: u32,
}

impl Pending {
    pub(super) fn end(&self) -> u64 {
        self.offset.saturating_add(self.size.into())
    }
}

impl Demuxer {
    /// Makes the plan of a fragment: which samples its `mdat` has, and where.
    pub(super) fn moof(&mut self, moof: &Moof, start: u64) {
        self.end_fragment(start);
        let in_trafs = moof.trafs.iter().flat_map(|traf| &traf.other);
        self.warn_damaged(Moof::TYPE, start, moof.other.iter().chain(in_trafs));
        let mut strangers = 0u32;
        let mut jumps = false;
        let mut new_entries = false;
        // Without another base, offsets count from the end of the track before (§8.8.7.1).
        let mut base = start;
        self.absolute = false;
        for lane in &mut self.lanes {
            lane.next_index = 0;
            if let Some(decryption) = &mut lane.decryption {
                decryption.clear();
            }
        }
        for traf in &moof.trafs {
            let tfhd = &traf.tfhd;
            let Some(lane) = self
                .lanes
                .iter_mut()
                .find(|lane| lane.track.id.0 == tfhd.track_id)
            else {
                strangers = strangers.saturating_add(1);
                continue;
            };
            let traf_base = match tfhd.base_data_offset {
                Some(offset) => {
                    self.absolute = true;
                    offset
                }
                None if tfhd.default_base_is_moof => start,
                None => base,
            };
            new_entries |= lane.choose_entry(tfhd.sample_description_index);
            jumps |= lane.start_fragment(traf);
            let first = lane.next_index;
            if let Some(decryption) = &mut lane.decryption {
                let runs = traf.truns.iter().map(Trun::sample_count);
                let end = runs.fold(first, u32::saturating_add);
                decryption.add(traf, lane.entry, first, end);
            }
            let room = self.limits.fragment_samples.saturating_sub(self.plan.len());
            let mut samples = Runs::new(lane, traf, traf_base);
            self.plan.extend(samples.by_ref().take(room));
            if samples.next().is_some() {
                let what = format!(
                    "a fragment has more than {} samples",
                    self.limits.fragment_samples
                );
                self.events
                    .push_back(Event::Warning(Warning::new(what).at(start)));
                break;
            }
            base = samples.offset;
        }
        if strangers > 0 {
            let what = format!("{strangers} track fragments are of tracks that moov does not have");
            self.warn(Warning::new(what).at(start));
        }
        if jumps {
            self.events.push_back(Event::Discontinuity);
        }
        if self.emsgs.on
            && let Some(start) = self.plan_start()
        {
            self.events_from(start);
        }
        if new_entries {
            self.tell_tracks();
        }
        if !self.plan.iter().is_sorted_by_key(|sample| sample.offset) {
            self.plan
                .make_contiguous()
                .sort_by_key(|sample| sample.offset);
        }
    }

    /// When the first of the samples that are planned is shown.
    fn plan_start(&self) -> Option<Time> {
        let times = self.plan.iter().filter_map(|sample| {
            let lane = self
                .lanes
                .iter()
                .find(|lane| lane.track.id == sample.track)?;
            Some(
                lane.track
                    .timescale
                    .time(sample.pts.saturating_add(lane.shift)),
            )
        });
        times.min()
    }

    /// Moves the plan to the `mdat` that begins here, where absolute offsets do not lead into it: the file was cut
    /// off from what stood before, or had something put before it.
    pub(super) fn place_plan(&mut self, end: u64) {
        let Some(first) = self.plan.front().map(|sample| sample.offset) else {
            return;
        };
        if !self.absolute || (self.position..end).contains(&first) {
            return;
        }
        let position = self.position;
        self.plan.iter_mut().for_each(|sample| {
            sample.offset = sample.offset.saturating_sub(first).saturating_add(position);
        });
        self.warn(Warning::new("a fragment's offsets do not lead into its mdat").at(position));
    }

    /// Drops samples from the head of the plan, and tells how many bytes they had.
    pub(super) fn lose(&mut self, which: impl Fn(&Pending) -> bool, what: &'static str) {
        let Some(first) = self.plan.front().copied() else {
            return;
        };
        let mut skipped = 0u64;
        self.lost = self.lost.saturating_add(self.plan.len());
        if self.lost > self.limits.fragment_samples {
            // Tables can tell of any number of samples that lie in the same place.
            self.merge = None;
        }
        while let Some(lost) = self.plan.front().filter(|sample| which(sample)) {
            skipped = skipped.saturating_add(lost.size.into());
            let track = lost.track;
            self.plan.pop_front();
            self.mark_lost(track);
        }
        self.warn(
            Warning::new(what)
                .at(first.offset)
                .on(first.track)
                .skipping(skipped),
        );
    }

    /// The next sample of the track follows a gap.
    pub(super) fn mark_lost(&mut self, track: TrackId) {
        self.lanes
            .iter_mut()
            .filter(|lane| lane.track.id == track)
            .for_each(|lane| lane.lost = true);
    }

    /// Tells of samples of the last fragment that never came.
    pub(super) fn end_fragment(&mut self, position: u64) {
        self.partial = Vec::new();
        // What `moov` has and nobody came to: some of it may wait to be planned.
        self.refill();
        let rest = self
            .merge
            .take()
            .map_or(0, |merge| merge.count().saturating_sub(self.merged));
        if let Some(first) = self.plan.front().copied() {
            let lost = rest.saturating_add(self.plan.len() as u64);
            let what = format!("{lost} samples are not in any mdat");
            let tracks = self.plan.iter().map(|sample| sample.track);
            self.lanes
                .iter_mut()
                .for_each(|lane| lane.lost |= tracks.clone().any(|track| track == lane.track.id));
            self.plan.clear();
            self.warn(
                Warning::new(what)
                    .at(first.offset.min(position))
                    .on(first.track),
            );
        }
    }
}

/// Samples of a fragment's track that have no byte, neither in the run nor in `mdat`: they cost nothing to claim.
const EMPTY: u32 = 1024;

/// The samples of one track in a fragment, run after run.
struct Runs<'a> {
    lane: &'a mut Lane,
    traf: &'a Traf,
    base: u64,
    /// Where the next sample lies, unless a run says otherwise.
    offset: u64,
    next_run: usize,
    run: Option<crate::boxes::TrunSamples<'a>>,
    /// Samples that may still have no byte, neither in the run nor in `mdat`.
    empty_left: u32,
}

impl<'a> Runs<'a> {
    fn new(lane: &'a mut Lane, traf: &'a Traf, base: u64) -> Self {
        Self {
            lane,
            traf,
            base,
            offset: base,
            next_run: 0,
            run: None,
            empty_left: EMPTY,
        }
    }
}

impl Iterator for Runs<'_> {
    type Item = Pending;

    fn next(&mut self) -> Option<Pending> {
        let sample = loop {
            if let Some(sample) = self.run.as_mut().and_then(Iterator::next) {
                break sample;
            }
            let run = self.traf.truns.get(self.next_run)?;
            self.next_run = self.next_run.saturating_add(1);
            if let Some(offset) = run.data_offset {
                self.offset = self.base.saturating_add_signed(offset.into());
            }
            self.run = Some(run.samples());
        };
        let (tfhd, trex) = (&self.traf.tfhd, &self.lane.trex);
        let size = sample
            .size
            .or(tfhd.default_sample_size)
            .unwrap_or(trex.default_sample_size);
        let duration = sample
            .duration
            .or(tfhd.default_sample_duration)
            .unwrap_or(trex.default_sample_duration);
        let flags = sample
            .flags
            .or(tfhd.default_sample_flags)
            .unwrap_or(trex.default_sample_flags);
        if size == 0 && sample == crate::boxes::TrunSample::default() {
            self.empty_left = self.empty_left.checked_sub(1)?;
        }
        // Files of version 0 with negative offsets exist, and offsets past 2^31 ticks do not.
        let ahead = match sample.composition_time_offset.unwrap_or(0) {
            wrapped if wrapped > i32::MAX.into() => wrapped - (1 << 32),
            offset => offset,
        };
        let dts = self.lane.next_dts;
        let pending = Pending {
            offset: self.offset,
            size,
            duration,
            track: self.lane.track.id,
            flags,
            dts,
            pts: dts.saturating_add(ahead),
            index: self.lane.next_index,
            hidden: false,
            description: 0,
        };
        self.offset = pending.end();
        self.lane.next_index = self.lane.next_index.saturating_add(1);
        self.lane.next_dts = dts.saturating_add(duration.into());
        Some(pending)
    }
}
