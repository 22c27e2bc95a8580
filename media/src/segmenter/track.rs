use super::sets::Sets;
use super::{Boundary, Config, Cut, Segmented};
use crate::{Codec, Kind, Sample, Time, Timescale, Track, TrackId};
use alloc::collections::VecDeque;
use core::num::NonZeroU32;

/// One track's way through the segmenter.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) id: TrackId,
    pub(super) kind: Kind,
    pub(super) timescale: Timescale,
    /// Its samples are messages, which last no time and wait for no other.
    messages: bool,
    /// Ticks of its last sample that are not shown.
    trim: u32,
    pub(super) sets: Sets,
    /// What is shown earlier is left out.
    begin: Option<Time>,
    /// A sync sample has come: decoding can start.
    started: bool,
    /// The newest sample, until the one after it tells its duration, or that it is not the last one.
    last: Option<Sample>,
    /// Samples with a duration that wait for the lead, with the times when they are presented.
    waiting: VecDeque<(Time, Sample)>,
    last_duration: NonZeroU32,
    /// End of the newest sample whose duration is known.
    pub(super) frontier: Option<Time>,
    /// The segment that the track is in.
    pub(super) segment: Option<u64>,
    part: u32,
    /// Decoding time of the first sample of the part; `None` while the part is empty.
    part_start: Option<i64>,
}

impl Lane {
    pub(super) fn new(track: &Track) -> Self {
        Self {
            id: track.id,
            kind: track.codec.kind(),
            timescale: track.timescale,
            messages: matches!(track.codec, Codec::Id3 | Codec::Scte35 | Codec::Klv),
            trim: track.trim,
            sets: Sets::default(),
            begin: None,
            started: false,
            last: None,
            waiting: VecDeque::new(),
            last_duration: NonZeroU32::MIN,
            frontier: None,
            segment: None,
            part: 0,
            part_start: None,
        }
    }

    pub(super) fn held_bytes(&self) -> usize {
        let waiting = self.waiting.iter().map(|(_, sample)| sample);
        waiting
            .chain(&self.last)
            .map(|sample| sample.data.len())
            .sum()
    }

    /// Takes a sample, but none before the first sync sample; says whether one more is complete now.
    pub(super) fn push(&mut self, mut sample: Sample) -> bool {
        self.started |= sample.is_sync();
        if !self.started {
            return false;
        }
        self.sets.put_before(&mut sample);
        if self.messages {
            let time = self.timescale.time(sample.dts);
            self.frontier = self.frontier.max(Some(time));
            self.wait(sample);
            return true;
        }
        let before = self.waiting.len();
        if let Some(last) = self.last.take() {
            let until_next = ticks(&last, &sample);
            self.complete(last, until_next);
        }
        if sample.duration.is_some() && self.trim == 0 {
            self.complete(sample, None);
        } else {
            self.last = Some(sample);
        }
        self.waiting.len() > before
    }

    /// Whether pictures or sound of it have come, which other tracks should not interrupt.
    pub(super) fn goes_on(&self) -> bool {
        self.started && self.kind != Kind::Data
    }

    /// No sync sample has to come first.
    pub(super) const fn start(&mut self) {
        self.started = true;
    }

    /// More waits than may.
    pub(super) fn is_full(&self, config: &Config) -> bool {
        self.waiting.len() > config.max_held
    }

    /// Gives the newest sample its duration, as this one follows in another lane.
    pub(super) fn complete_before(&mut self, next: &Sample) {
        if let Some(last) = self.last.take() {
            let until_next = ticks(&last, next);
            self.complete(last, until_next);
        }
    }

    /// Gives the newest sample the duration of the one before it, as nothing follows.
    pub(super) fn complete_last(&mut self) {
        if let Some(last) = self.last.take() {
            self.complete(last, None);
        }
    }

    /// Lets the last sample of all last as long as is shown of it; one of which nothing would be left stays as it is.
    pub(super) fn trim_last(&mut self) {
        if let (1.., Some(last)) = (self.trim, &mut self.last) {
            let whole = last.duration.unwrap_or(self.last_duration).get();
            let shown = whole.checked_sub(self.trim).and_then(NonZeroU32::new);
            last.duration = shown.or(last.duration);
        }
    }

    fn complete(&mut self, mut sample: Sample, until_next: Option<NonZeroU32>) {
        let duration = sample.duration.or(until_next).unwrap_or(self.last_duration);
        self.last_duration = duration;
        sample.duration = Some(duration);
        let end = self
            .timescale
            .time(sample.dts.saturating_add(duration.get().into()));
        self.frontier = self.frontier.max(Some(end));
        self.wait(sample);
    }

    fn wait(&mut self, sample: Sample) {
        let time = self.timescale.time(sample.pts);
        self.waiting.push_back((time, sample));
    }

    /// Presentation time of the first waiting sample.
    pub(super) fn front(&self) -> Option<Time> {
        self.waiting.front().map(|(time, _)| *time)
    }

    /// The first waiting sample, and when it is presented.
    pub(super) fn pop(&mut self) -> Option<(Time, Sample)> {
        self.waiting.pop_front()
    }

    /// Whether its first sample has waited long enough.
    pub(super) fn overdue(&self, config: &Config) -> bool {
        let span = self
            .frontier
            .zip(self.front())
            .map(|(newest, oldest)| newest - oldest);
        let limit = if self.kind == Kind::Data {
            Time::ZERO
        } else {
            config.max_wait
        };
        span.is_some_and(|span| span > limit) || self.is_full(config)
    }

    pub(super) fn drop_before(&mut self, time: Time) {
        while self.front().is_some_and(|front| front < time) {
            self.waiting.pop_front();
        }
    }

    /// Drops what is from before a time, also what comes later; all that has come, where there is none. Says how much has.
    pub(super) fn begin_at(&mut self, time: Option<Time>) -> usize {
        let (scale, is_before) = (self.timescale, |at| time.is_none_or(|time| at < time));
        let before = self.held();
        self.waiting.retain(|(time, _)| !is_before(*time));
        self.last
            .take_if(|sample| is_before(scale.time(sample.pts)));
        if self.waiting.is_empty() {
            self.frontier = None;
        }
        self.begin = time;
        before.saturating_sub(self.held())
    }

    /// Whether a sample is left out, as it is from before the track begins.
    pub(super) fn is_early(&self, sample: &Sample) -> bool {
        let time = self.timescale.time(sample.pts);
        self.begin.is_some_and(|begin| time < begin)
    }

    fn held(&self) -> usize {
        self.waiting.len().saturating_add(self.last.iter().len())
    }

    /// A new time line begins: the next sample needs a new boundary.
    pub(super) fn restart(&mut self) {
        self.started = false;
        self.begin = None;
        self.waiting.clear();
        self.frontier = None;
        self.segment = None;
    }

    /// Whether a segment that began at `start` may end before this sample.
    pub(super) fn is_cut_point(&self, sample: &Sample, start: Time, config: &Config) -> bool {
        let begins = self.timescale.time(sample.dts) - start;
        // Half a sample early is nearer to the target than half a sample late.
        let half = || {
            let duration = sample.duration.map_or(0, NonZeroU32::get).into();
            Time::from_nanos(self.timescale.time(duration).as_nanos() / 2)
        };
        (sample.is_sync() && begins + half() >= config.segment_target)
            || begins >= config.segment_max
    }

    /// Passes the boundaries up to `until` (all of them where it is `None`).
    pub(super) fn cut_to(
        &mut self,
        boundaries: &VecDeque<Boundary>,
        until: Option<Time>,
        output: &mut VecDeque<Segmented>,
        sample: Option<&Sample>,
    ) {
        // The first sample after a jump belongs to the segment that is open, though it may lie before its start.
        let first = self.segment.is_none() && sample.is_some();
        let ahead = boundaries
            .iter()
            .filter(|boundary| self.segment.is_none_or(|now| boundary.segment > now));
        let mut newest = None;
        for (passed, boundary) in ahead.enumerate() {
            let due = until.is_none_or(|until| boundary.time <= until) || (first && passed == 0);
            if !due {
                break;
            }
            if let Some(silent) = newest.replace(boundary) {
                self.push_cut(silent, None, output);
            }
        }
        if let Some(boundary) = newest {
            self.push_cut(boundary, sample, output);
            self.segment = Some(boundary.segment);
            self.part = 0;
            self.part_start = None;
        }
    }

    fn push_cut(
        &self,
        boundary: &Boundary,
        sample: Option<&Sample>,
        output: &mut VecDeque<Segmented>,
    ) {
        let cut = Cut {
            segment: boundary.segment,
            part: 0,
            time: sample.map_or_else(|| self.timescale.ticks(boundary.time), |sample| sample.dts),
            independent: sample.is_some_and(Sample::is_sync),
            discontinuity: boundary.discontinuity,
        };
        output.push_back(Segmented::Cut {
            track: self.id,
            cut,
        });
    }

    /// Cuts a new part before a sample that would carry this one past its target.
    pub(super) fn cut_part(
        &mut self,
        sample: &Sample,
        config: &Config,
        output: &mut VecDeque<Segmented>,
    ) {
        let (Some(target), Some(segment)) = (config.part_target, self.segment) else {
            return;
        };
        let Some(start) = self.part_start else {
            self.part_start = Some(sample.dts);
            return;
        };
        let duration = sample.duration.map_or(0, NonZeroU32::get);
        let ticks = sample
            .dts
            .saturating_add(duration.into())
            .saturating_sub(start);
        if self.timescale.time(ticks) > target {
            self.part = self.part.saturating_add(1);
            self.part_start = Some(sample.dts);
            let cut = Cut {
                segment,
                part: self.part,
                time: sample.dts,
                independent: sample.is_sync(),
                discontinuity: false,
            };
            output.push_back(Segmented::Cut {
                track: self.id,
                cut,
            });
        }
    }
}

/// From one sample to the next.
fn ticks(last: &Sample, next: &Sample) -> Option<NonZeroU32> {
    let ticks = next.dts.checked_sub(last.dts)?;
    NonZeroU32::new(u32::try_from(ticks).ok()?)
}
