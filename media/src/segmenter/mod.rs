//! Cut points for segments and parts, decided once for all outputs.
//!
//! The **lead** track, the first video track or else the first audio track, sets the boundaries between
//! segments on its sync samples. Every other track is cut at its first sample at or after the boundary's
//! presentation time; to know that, its samples are held back until the lead has passed them, though never
//! longer than [`Config::max_wait`]: where the lead falls silent, the others go on and set boundaries
//! themselves, and where another track is late or silent, it is cut without a sample. Parts are cut on each
//! track by itself.
//!
//! Where nothing but picture parameter sets of H.264 or H.265 change, be it between two pictures, there is no cut: behind one, pictures could not be
//! decoded up to the next sync sample. Those sets go into the samples, before the first one after the change and before each sync sample; with
//! [`in_band`](Config::in_band) so do those of sequences.
//!
//! Other sets of tracks take effect at the next sync sample of the lead, for the same reason: until then, tracks that are the same in both
//! go on in the old one. What is new begins there: given earlier, it would lie over the segment before, and players would move the pictures
//! behind it.

mod next;
mod sets;
mod track;

use crate::{Event, Kind, Sample, Time, TrackId, Tracks};
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use next::Next;
use track::Lane;

/// What the [`Segmenter`] gives, in order within each track.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Segmented {
    /// A new set of tracks: it needs a new init segment. A [`Cut`] to a new segment follows on every track.
    Tracks(Tracks),
    /// The next sample of this track starts a new part, and where `cut.part` is 0 a new segment.
    Cut {
        /// The track that is cut.
        track: TrackId,
        /// Where.
        cut: Cut,
    },
    /// A sample, its duration always known.
    Sample(Sample),
    /// The stream is over; nothing follows.
    End,
}

/// The start of a part or a segment on one track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// Number of the segment, the same on all tracks, without gaps.
    pub segment: u64,
    /// Number of the part within the segment; 0 starts a segment.
    pub part: u32,
    /// Decoding time of the part's first sample, in ticks of the track; where the track is silent, the
    /// boundary's time.
    pub time: i64,
    /// Whether the part starts with a sync sample.
    pub independent: bool,
    /// Whether times or codecs may jump here. Only ever set on the first part of a segment.
    pub discontinuity: bool,
}

/// How long segments and parts are to be.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// A segment ends at the first sync sample of the lead track after this span.
    pub segment_target: Time,
    /// A segment ends here even where no sync sample comes.
    pub segment_max: Time,
    /// No part gets longer than this; `None`: segments are not cut into parts.
    pub part_target: Option<Time>,
    /// How much of the other tracks is kept from before the first sample of the lead. Default 250 ms: players of a live stream
    /// start on pictures. For files it should be as long as they are.
    pub lead_in: Time,
    /// Longest that a track waits for another one.
    pub max_wait: Time,
    /// Most samples held back on one track.
    pub max_held: usize,
    /// Number of the first segment.
    pub first_segment: u64,
    /// Whether samples of H.264 and H.265 carry sequence parameter sets that change, too, and pictures whose headers tell all go on
    /// ([`Codec::goes_on_as`](crate::Codec::goes_on_as)): for a file, which has one init segment. Default: what changes makes another set of
    /// tracks, which has an init segment of its own.
    pub in_band: bool,
}

impl Config {
    /// Segments of about `target`, without parts.
    #[must_use]
    pub const fn segments(target: Time) -> Self {
        Self {
            segment_target: target,
            segment_max: Time::from_millis(30_000),
            part_target: None,
            lead_in: Time::from_millis(250),
            max_wait: Time::from_millis(1000),
            max_held: 2048,
            first_segment: 0,
            in_band: false,
        }
    }

    /// Segments of about 2 s in parts of at most 250 ms.
    #[must_use]
    pub const fn low_latency() -> Self {
        let mut config = Self::segments(Time::from_millis(2000));
        config.part_target = Some(Time::from_millis(250));
        config
    }
}

/// Decides where segments and parts begin. See the [module](self).
///
/// Give it every [`Event`] of a stream, and drain [`poll_output`](Self::poll_output) after each.
#[derive(Debug)]
pub struct Segmenter {
    config: Config,
    tracks: Tracks,
    lanes: Vec<Lane>,
    lead: Option<TrackId>,
    /// Other tracks, which take effect at the next sync sample of their lead.
    next: Option<Next>,
    /// Boundaries that some track has not passed yet, the newest last.
    boundaries: VecDeque<Boundary>,
    /// Start of the segment that the newest boundary opened; `None` until the time line has one.
    open: Option<Time>,
    next_segment: u64,
    /// The next segment follows a jump in times or codecs.
    jumped: bool,
    output: VecDeque<Segmented>,
    left_out: u64,
    ended: bool,
}

#[derive(Debug, Clone, Copy)]
struct Boundary {
    segment: u64,
    /// Presentation time of the sample that set it.
    time: Time,
    discontinuity: bool,
}

impl Segmenter {
    /// A segmenter that waits for its first tracks.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self {
            next_segment: config.first_segment,
            config,
            tracks: Tracks::default(),
            lanes: Vec::new(),
            lead: None,
            next: None,
            boundaries: VecDeque::new(),
            open: None,
            jumped: false,
            output: VecDeque::new(),
            left_out: 0,
            ended: false,
        }
    }

    /// Takes what a demuxer gave. Samples of unknown tracks are dropped.
    pub fn handle_event(&mut self, event: &Event) {
        if self.ended {
            return;
        }
        match event {
            Event::Tracks(tracks) => self.set_tracks(tracks),
            Event::Sample(sample) => self.handle_sample(sample.clone()),
            Event::Discontinuity => {
                self.turn(None);
                self.flush();
            }
            Event::Metadata(_) | Event::Clock { .. } | Event::Warning(_) => {}
        }
    }

    /// Takes a sample, as [`handle_event`](Self::handle_event) does, from who does not need it any more.
    pub fn handle_sample(&mut self, sample: Sample) {
        if self.ended {
            return;
        }
        if let Some(next) = &mut self.next {
            if next.lead == Some(sample.track) && sample.is_sync() {
                self.turn(Some(&sample));
            } else if !next.has_of(sample.track, &self.tracks) {
                if next.push(sample, &self.config) {
                    // No sync sample comes: better a segment that does not begin with one.
                    next.go_on(&self.lanes, &self.tracks);
                    self.turn(None);
                }
                return;
            }
        }
        let Some(lane) = self.lanes.iter_mut().find(|lane| lane.id == sample.track) else {
            return;
        };
        if lane.is_early(&sample) {
            self.left_out = self.left_out.saturating_add(1);
        } else if lane.push(sample) {
            self.release(false);
        }
    }

    /// Ends the stream: gives out what is held back, then [`Segmented::End`]. The last sample of a track that has
    /// [`trim`](crate::Track::trim) lasts as long as is shown of it, as segments have no other place for that.
    pub fn finish(&mut self) {
        if !self.ended {
            if let Some(mut next) = self.next.take() {
                let dropped = next.begin_at(None, &self.tracks) as u64;
                self.left_out = self.left_out.saturating_add(dropped);
            }
            self.lanes.iter_mut().for_each(Lane::trim_last);
            self.flush();
            self.ended = true;
            self.output.push_back(Segmented::End);
        }
    }

    /// The next output; `None` until more goes in.
    pub fn poll_output(&mut self) -> Option<Segmented> {
        self.output.pop_front()
    }

    /// How many samples of tracks that joined or changed were left out, as they came before the sync sample at which those begin.
    #[must_use]
    pub const fn left_out(&self) -> u64 {
        self.left_out
    }

    /// Bytes of samples held, outputs not yet taken included.
    #[must_use]
    pub fn buffered_len(&self) -> usize {
        let next = self.next.as_ref().map_or(0, Next::held_bytes);
        let held = self.lanes.iter().map(Lane::held_bytes).sum::<usize>();
        let queued = self.output.iter().map(|output| match output {
            Segmented::Sample(sample) => sample.data.len(),
            _ => 0,
        });
        queued.fold(held.saturating_add(next), usize::saturating_add)
    }

    fn set_tracks(&mut self, tracks: &Tracks) {
        // What has not begun has no init segment that it would have to stay with.
        let in_band = self.config.in_band && self.lanes.iter().any(Lane::goes_on);
        for (lane, init) in self.lanes.iter_mut().zip(&self.tracks) {
            if let Some(now) = sets::same(init, tracks, in_band) {
                lane.sets.change(&init.codec, &now.codec);
            }
        }
        if sets::same_but_for_sets(&self.tracks, tracks, in_band) {
            self.next = None;
            return;
        }
        let next = Next::new(tracks, self.next.take(), in_band);
        let mut lanes = self.lanes.iter().zip(&self.tracks);
        let goes_on = lanes.any(|(lane, track)| lane.goes_on() && next.has(track));
        self.next = Some(next);
        if !goes_on {
            self.turn(None);
        }
    }

    /// The other tracks take effect, at this sample of their lead or at whatever comes next.
    fn turn(&mut self, before: Option<&Sample>) {
        let Some(mut next) = self.next.take() else {
            return;
        };
        let dropped = next.begin_at(before, &self.tracks) as u64;
        self.left_out = self.left_out.saturating_add(dropped);
        for (lane, track) in self.lanes.iter_mut().zip(&self.tracks) {
            if let Some(sample) = before
                && sample.track == lane.id
                && next.has(track)
            {
                lane.complete_before(sample);
            }
        }
        self.flush();
        self.output
            .push_back(Segmented::Tracks(next.tracks.clone()));
        (self.tracks, self.lanes, self.lead) = (next.tracks, next.lanes, next.lead);
    }

    /// Gives out everything that is held and waits for a new time line: the next boundary is a jump.
    fn flush(&mut self) {
        for lane in &mut self.lanes {
            lane.complete_last();
        }
        self.release(true);
        for lane in &mut self.lanes {
            lane.cut_to(&self.boundaries, None, &mut self.output, None);
            lane.restart();
        }
        self.boundaries.clear();
        self.open = None;
        self.jumped |= self.next_segment > self.config.first_segment;
    }

    /// Gives out all samples that no later input can put on the other side of a boundary.
    fn release(&mut self, all: bool) {
        while let Some((index, decides)) = self.pick(all) {
            let Some(lane) = self.lanes.get_mut(index) else {
                return;
            };
            let Some((time, sample)) = lane.pop() else {
                return;
            };
            let boundary = match self.open {
                Some(start) => decides && lane.is_cut_point(&sample, start, &self.config),
                None => decides,
            };
            if boundary {
                self.set_boundary(index, time, &sample);
            }
            if self.open.is_some() {
                self.emit(index, time, sample);
                self.cut_silent();
            }
        }
    }

    /// The lane whose first waiting sample is the next to go out, and whether it may set a boundary.
    ///
    /// Other tracks than the lead go out when the lead has passed them, or else when they have waited long
    /// enough: then they set boundaries in its place.
    fn pick(&self, all: bool) -> Option<(usize, bool)> {
        let lead = self.lanes.iter().find(|lane| Some(lane.id) == self.lead)?;
        let ready = |(index, lane): (usize, &Lane)| {
            let time = lane.front()?;
            let overdue = lane.overdue(&self.config);
            let decides = match (lane.id == lead.id, lane.kind, self.open) {
                (true, ..) => true,
                (false, Kind::Data, _) => false,
                (false, _, Some(_)) => overdue,
                (false, _, None) => overdue || all,
            };
            let passed =
                self.open.is_some() && lead.frontier.is_some_and(|frontier| time < frontier);
            (decides || passed || overdue || all).then_some((index, decides, time))
        };
        let (index, decides, _) = self
            .lanes
            .iter()
            .enumerate()
            .filter_map(ready)
            .min_by_key(|(.., time)| *time)?;
        Some((index, decides))
    }

    fn set_boundary(&mut self, index: usize, time: Time, sample: &Sample) {
        let Some(lane) = self.lanes.get(index) else {
            return;
        };
        let start = lane.timescale.time(sample.dts);
        let time = time.clamp(start, start + self.config.max_wait);
        if self.open.is_none() {
            for lane in self
                .lanes
                .iter_mut()
                .enumerate()
                .filter(|(i, _)| *i != index)
            {
                lane.1.drop_before(start - self.config.lead_in);
            }
        }
        let boundary = Boundary {
            segment: self.next_segment,
            time,
            discontinuity: core::mem::take(&mut self.jumped),
        };
        self.open = Some(start);
        self.next_segment = self.next_segment.saturating_add(1);
        self.boundaries.push_back(boundary);
        if let Some(lane) = self.lanes.get_mut(index) {
            // Its own cut stands before this very sample, whatever its presentation time says.
            lane.cut_to(&self.boundaries, None, &mut self.output, Some(sample));
        }
    }

    fn emit(&mut self, index: usize, time: Time, sample: Sample) {
        let Some(lane) = self.lanes.get_mut(index) else {
            return;
        };
        lane.cut_to(
            &self.boundaries,
            Some(time),
            &mut self.output,
            Some(&sample),
        );
        lane.cut_part(&sample, &self.config, &mut self.output);
        self.output.push_back(Segmented::Sample(sample));
    }

    /// Cuts the tracks that a boundary waited for long enough, and forgets the boundaries that all have passed.
    fn cut_silent(&mut self) {
        let Some(newest) = self.lanes.iter().filter_map(|lane| lane.frontier).max() else {
            return;
        };
        for lane in &mut self.lanes {
            let wait = if lane.kind == Kind::Data {
                Time::ZERO
            } else {
                self.config.max_wait
            };
            if lane.front().is_none() {
                lane.cut_to(
                    &self.boundaries,
                    Some(newest - wait),
                    &mut self.output,
                    None,
                );
            }
        }
        while let Some(first) = self.boundaries.front() {
            if self
                .lanes
                .iter()
                .any(|lane| lane.segment.is_none_or(|segment| segment < first.segment))
            {
                break;
            }
            self.boundaries.pop_front();
        }
    }
}

#[cfg(test)]
mod tests;
