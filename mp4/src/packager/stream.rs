use super::fragment::{Head, Run, fragment};
use super::init::init_segment;
use super::protect::Protectors;
use super::{Init, Output, Part, Segment};
use crate::Error;
use crate::boxes::{Brands, Emsg, Prft, Styp};
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use bytes::Bytes;
use media::{
    Cut, Kind, PartInfo, Sample, SegmentInfo, Time, Timescale, TrackId, Tracks, WallClock,
};

/// One sequence of segments: of all tracks, or of one.
#[derive(Debug)]
pub(super) struct Stream {
    /// The track that it is of; `None` where it is of all of them.
    pub(super) track: Option<TrackId>,
    tracks: Tracks,
    /// The init segment that holds, once the first part is written: it tells where the tracks begin.
    init: Option<Init>,
    /// The one that held before.
    before: Option<Init>,
    sequence_number: u32,
    lanes: Vec<Lane>,
    /// Clock of the lead track, in which parts and segments are told.
    timescale: Timescale,
    /// Segments that some track has not passed yet, the oldest first.
    open: VecDeque<OpenSegment>,
    /// What is to stand before the next part.
    pub(super) events: Vec<Emsg>,
    /// A time of the presentation, and what a clock on the wall shows then.
    pub(super) clock: Option<(Time, WallClock)>,
    /// Whether samples are given as they are.
    pub(super) scattered: bool,
}

/// One track's way through the segments.
#[derive(Debug)]
struct Lane {
    id: TrackId,
    timescale: Timescale,
    /// Nobody waits for it.
    sparse: bool,
    priming: u32,
    /// The segment that its samples go to.
    segment: Option<u64>,
    /// What lifts all its times, so that decoding starts at zero; the init segment has it, too. `None` until the first
    /// sample comes or the init segment is written.
    init_lift: Option<i64>,
    /// What else lifts its decoding times to zero; `None` until the first sample of a time line.
    lift: Option<i64>,
    /// How much later than it is decoded the first picture of a time line is shown; `None` until its first part is written.
    delay: Option<i64>,
    /// Until when what was written of a time line is shown.
    shown_until: i64,
    /// Until when it is decoded.
    decoded_until: i64,
}

#[derive(Debug)]
struct OpenSegment {
    number: u64,
    discontinuity: bool,
    /// Index of the track that opened it, which cuts its parts.
    pacer: usize,
    /// Where the pacer's next segment starts, if that is known.
    end: Option<i64>,
    /// Parts not yet given out, the last one still open.
    parts: VecDeque<OpenPart>,
    /// What was given out already.
    done: Vec<Part>,
}

#[derive(Debug)]
struct OpenPart {
    independent: bool,
    /// Start by the pacer's clock.
    time: i64,
    runs: Vec<Run>,
}

impl Stream {
    /// A stream of these tracks.
    pub(super) fn new(
        track: Option<TrackId>,
        tracks: &Tracks,
        before: Option<Stream>,
        protectors: &Protectors,
    ) -> Result<Self, Error> {
        // What cannot be written is to be told now.
        init_segment(tracks, track.is_some(), |_| 0, protectors)?;
        let lead = tracks
            .first_of(Kind::Video)
            .or_else(|| tracks.first_of(Kind::Audio))
            .or_else(|| tracks.first());
        let lane = |track: &media::Track| Lane {
            id: track.id,
            timescale: track.timescale,
            sparse: track.codec.kind() == Kind::Data,
            priming: track.priming,
            segment: None,
            init_lift: None,
            lift: None,
            delay: None,
            shown_until: i64::MIN,
            decoded_until: i64::MIN,
        };
        let mut lanes: Vec<Lane> = tracks.iter().map(lane).collect();
        // Where there is nothing else, its segments go on when it does.
        if lanes.iter().all(|lane| lane.sparse) {
            lanes.iter_mut().for_each(|lane| lane.sparse = false);
        }
        Ok(Self {
            track,
            tracks: tracks.clone(),
            init: None,
            sequence_number: before.as_ref().map_or(0, |before| before.sequence_number),
            before: before.and_then(|before| before.init.or(before.before)),
            timescale: lead.map_or(Timescale::MILLIS, |lead| lead.timescale),
            lanes,
            open: VecDeque::new(),
            events: Vec::new(),
            clock: None,
            scattered: false,
        })
    }

    /// Gives out the init segment, if it is another one than held before.
    fn settle_init(
        &mut self,
        protectors: &Protectors,
        output: &mut VecDeque<Output>,
    ) -> Result<(), Error> {
        if self.init.is_some() {
            return Ok(());
        }
        for lane in &mut self.lanes {
            lane.init_lift.get_or_insert(0);
        }
        let lift = |id: TrackId| {
            let lane = self.lanes.iter().find(|lane| lane.id == id);
            lane.and_then(|lane| lane.init_lift).unwrap_or(0)
        };
        let data = init_segment(&self.tracks, self.track.is_some(), lift, protectors)?;
        let old = self.before.take();
        let number = old.as_ref().map_or(0, |old| old.number.saturating_add(1));
        let init = old.filter(|old| old.data == data).unwrap_or_else(|| {
            let init = Init {
                track: self.track,
                number,
                data,
            };
            output.push_back(Output::Init(init.clone()));
            init
        });
        self.init = Some(init);
        Ok(())
    }

    pub(super) fn has_video(&self) -> bool {
        self.tracks.first_of(Kind::Video).is_some()
    }

    pub(super) fn has(&self, track: TrackId) -> bool {
        self.lanes.iter().any(|lane| lane.id == track)
    }

    pub(super) fn held_bytes(&self) -> usize {
        let parts = self.open.iter().flat_map(|segment| &segment.parts);
        let samples = parts
            .flat_map(|part| &part.runs)
            .flat_map(|run| &run.samples);
        let done = self
            .open
            .iter()
            .flat_map(|segment| &segment.done)
            .flat_map(Part::pieces)
            .map(Bytes::len);
        samples
            .map(|sample| sample.data.len())
            .chain(done)
            .fold(0, usize::saturating_add)
    }

    pub(super) fn cut(
        &mut self,
        track: TrackId,
        cut: &Cut,
        protectors: &mut Protectors,
        output: &mut VecDeque<Output>,
    ) -> Result<(), Error> {
        let Some((index, lane)) = self
            .lanes
            .iter_mut()
            .enumerate()
            .find(|(_, lane)| lane.id == track)
        else {
            return Ok(());
        };
        let before = lane.segment.replace(cut.segment);
        if cut.discontinuity {
            lane.lift = None;
        }
        if let Some(before) = self
            .open
            .iter_mut()
            .find(|segment| Some(segment.number) == before)
            && before.pacer == index
            && before.number != cut.segment
        {
            before.end = Some(cut.time).filter(|_| !cut.discontinuity);
        }
        match self
            .open
            .iter_mut()
            .find(|segment| segment.number == cut.segment)
        {
            None => {
                self.open.push_back(OpenSegment {
                    number: cut.segment,
                    discontinuity: cut.discontinuity,
                    pacer: index,
                    end: None,
                    parts: [OpenPart::new(cut)].into(),
                    done: Vec::new(),
                });
            }
            Some(segment) if cut.part > 0 && segment.pacer == index => {
                segment.parts.push_back(OpenPart::new(cut));
            }
            Some(segment) => segment.discontinuity |= cut.discontinuity,
        }
        self.give(protectors, output)
    }

    pub(super) fn push(&mut self, sample: &Sample) -> Result<(), Error> {
        let Some(lane) = self.lanes.iter_mut().find(|lane| lane.id == sample.track) else {
            return Ok(());
        };
        let number = lane.segment.ok_or(Error::State(
            "a sample comes before the first cut of its track",
        ))?;
        let media_time = sample.dts.saturating_add(lane.priming.into());
        let init_written = self.init.is_some();
        let init_lift = *lane.init_lift.get_or_insert_with(|| {
            if init_written {
                0
            } else {
                media_time.saturating_neg().max(0)
            }
        });
        let lift = *lane.lift.get_or_insert_with(|| {
            let lifted = media_time.saturating_add(init_lift);
            lifted.saturating_neg().max(0)
        });
        let shift = i64::from(lane.priming).saturating_add(init_lift);
        // A sparse track may come after its segment is gone: into the oldest that is still there.
        let at = self
            .open
            .iter()
            .position(|segment| segment.number >= number);
        let part = at
            .and_then(|at| self.open.get_mut(at))
            .and_then(|segment| segment.parts.back_mut());
        let part = part.ok_or(Error::State(
            "a sample comes after the last of its segments",
        ))?;
        match part.runs.iter_mut().find(|run| run.track_id == lane.id.0) {
            Some(run) => run.samples.push(sample.clone()),
            None => part.runs.push(Run {
                track_id: lane.id.0,
                description: None,
                decode_shift: shift.saturating_add(lift),
                presentation_shift: shift,
                start: sample.dts,
                samples: [sample.clone()].into(),
                protected: None,
            }),
        }
        Ok(())
    }

    /// Gives out all that is held: no more comes for these segments.
    pub(super) fn finish(
        &mut self,
        protectors: &mut Protectors,
        output: &mut VecDeque<Output>,
    ) -> Result<(), Error> {
        for lane in &mut self.lanes {
            lane.segment = Some(u64::MAX);
        }
        self.give(protectors, output)
    }

    /// Gives out the parts that are complete, as far as their segment's turn has come.
    fn give(
        &mut self,
        protectors: &mut Protectors,
        output: &mut VecDeque<Output>,
    ) -> Result<(), Error> {
        while let Some(mut segment) = self.open.pop_front() {
            let passed =
                |lane: &Lane| lane.sparse || lane.segment.is_some_and(|now| now > segment.number);
            let complete = self.lanes.iter().all(passed);
            let still_open = if complete { 0 } else { 1 };
            while segment.parts.len() > still_open
                && let Some(part) = segment.parts.pop_front()
            {
                self.settle_init(protectors, output)?;
                let is_last = complete
                    && segment.parts.is_empty()
                    && self.open.front().is_none_or(|next| next.discontinuity);
                let part = self.part(&segment, part, is_last, protectors)?;
                output.push_back(Output::Part(part.clone()));
                segment.done.push(part);
            }
            if !complete {
                self.open.push_front(segment);
                return Ok(());
            }
            output.extend(self.segment(&segment).map(Output::Segment));
        }
        Ok(())
    }

    fn part(
        &mut self,
        segment: &OpenSegment,
        mut part: OpenPart,
        is_last: bool,
        protectors: &mut Protectors,
    ) -> Result<Part, Error> {
        let number = segment.done.len();
        self.note_shown(&part, segment.discontinuity && number == 0);
        let (start, duration) = self.span(segment, &part, is_last);
        part.complete(&self.lanes, segment.pacer);
        for run in &mut part.runs {
            run.protected = protectors.plan(run.track_id, &run.samples)?;
        }
        // A segment starts with its brands, and where it is of one track, it says that it is a CMAF one.
        let brands = match self.track {
            _ if number > 0 => None,
            None => Some(Brands::new([b"msdh", b"iso6"])),
            Some(_) => Some(Brands::new([b"msdh", b"iso6", b"cmfs", b"cmff"])),
        };
        self.sequence_number = self.sequence_number.wrapping_add(1);
        let head = Head {
            styp: brands.map(Styp),
            prft: self.prft(segment.pacer, &part.runs),
            events: core::mem::take(&mut self.events),
        };
        let fragment = fragment(&head, self.sequence_number, &part.runs, self.scattered)?;
        let pieces = fragment.into_pieces();
        let size = pieces.iter().map(|piece| piece.len() as u64);
        let size = size.fold(0, u64::saturating_add);
        let mut pieces = pieces.into_iter();
        let data = pieces.next().unwrap_or_default();
        let info = PartInfo {
            track: self.track,
            segment: segment.number,
            part: u32::try_from(number).unwrap_or(u32::MAX),
            init: self.init.as_ref().map_or(0, |init| init.number),
            start,
            duration,
            timescale: self.timescale,
            independent: part.independent,
            discontinuity: segment.discontinuity && number == 0,
            size,
        };
        let payload = pieces.collect();
        Ok(Part {
            info,
            data,
            payload,
        })
    }

    /// What a clock on the wall shows at the first sample of the track that cuts, or else of any.
    fn prft(&self, pacer: usize, runs: &[Run]) -> Option<Prft> {
        // Seconds from 1900 to 1970.
        const EPOCHS: i128 = 2_208_988_800;
        const SECOND: i128 = 1_000_000_000;
        /// The time of an event in the world, at the same distance from the media's throughout.
        const CAPTURE: u32 = 24;
        let (time, wall) = self.clock?;
        let lane = self.lanes.get(pacer)?;
        let of_pacer = runs.iter().find(|run| run.track_id == lane.id.0);
        let run = of_pacer.or(runs.first())?;
        let lane = self.lanes.iter().find(|lane| lane.id.0 == run.track_id)?;
        let since = lane.timescale.time(run.start) - time;
        let unix = i128::from(wall.as_unix_nanos()).saturating_add(since.as_nanos().into());
        let ntp = unix.saturating_add(EPOCHS * SECOND).saturating_mul(1 << 32) / SECOND;
        Some(Prft {
            flags: CAPTURE,
            reference_track_id: run.track_id,
            ntp_timestamp: u64::try_from(ntp).ok()?,
            media_time: u64::try_from(run.start.saturating_add(run.decode_shift)).ok()?,
        })
    }

    /// Notes when the samples of a part are shown; with the first ones of a time line, how much later than they are decoded.
    fn note_shown(&mut self, part: &OpenPart, jumps: bool) {
        for lane in &mut self.lanes {
            if jumps {
                lane.delay = None;
                (lane.shown_until, lane.decoded_until) = (i64::MIN, i64::MIN);
            }
            let Some(run) = part.runs.iter().find(|run| run.track_id == lane.id.0) else {
                continue;
            };
            let first = run.samples.iter().map(|sample| sample.pts).min();
            let delay = first.unwrap_or(run.start).saturating_sub(run.start);
            lane.delay.get_or_insert(delay);
            for sample in &run.samples {
                let length = sample.duration.map_or(0, |length| length.get().into());
                lane.shown_until = lane.shown_until.max(sample.pts.saturating_add(length));
                lane.decoded_until = lane.decoded_until.max(sample.dts.saturating_add(length));
            }
        }
    }

    /// When a part starts and how long it lasts, by the samples of its pacer, or else of any track. The last one of a time line lasts
    /// until all is shown, which is another time than decoding tells where pictures last unequally.
    fn span(&self, segment: &OpenSegment, part: &OpenPart, is_last: bool) -> (i64, u64) {
        let pacer = self.lanes.get(segment.pacer);
        let run_of = |lane: &Lane| part.runs.iter().find(|run| run.track_id == lane.id.0);
        let mut with_samples = pacer
            .into_iter()
            .chain(&self.lanes)
            .filter_map(|lane| Some((lane, run_of(lane)?)));
        let found = with_samples.next();
        let Some(lane) = found.map(|(lane, _)| lane).or(pacer) else {
            return (part.time, 0);
        };
        let delay = lane.delay.unwrap_or(0);
        let (start, mut end) = match found {
            Some((_, run)) => {
                let last = run.samples.last();
                let end = last.map_or(run.start, |last| {
                    last.dts
                        .saturating_add(last.duration.map_or(0, |duration| duration.get().into()))
                });
                (run.start, end)
            }
            None => (part.time, segment.end.unwrap_or(part.time)),
        };
        end = end.saturating_add(delay);
        if is_last && lane.shown_until > start {
            end = lane.shown_until;
        }
        let start = lane
            .timescale
            .rescale(start.saturating_add(delay), self.timescale);
        let end = lane.timescale.rescale(end, self.timescale);
        (start, u64::try_from(end.saturating_sub(start)).unwrap_or(0))
    }

    fn segment(&self, segment: &OpenSegment) -> Option<Segment> {
        let first = segment.done.first()?.info;
        let infos = || segment.done.iter().map(|part| part.info);
        let info = SegmentInfo {
            track: self.track,
            segment: segment.number,
            parts: u32::try_from(segment.done.len()).unwrap_or(u32::MAX),
            init: self.init.as_ref()?.number,
            start: first.start,
            duration: infos()
                .map(|info| info.duration)
                .fold(0, u64::saturating_add),
            timescale: self.timescale,
            independent: first.independent,
            discontinuity: segment.discontinuity,
            size: infos().map(|info| info.size).fold(0, u64::saturating_add),
        };
        let data = segment.done.iter().flat_map(Part::pieces);
        let data = data.cloned().collect();
        Some(Segment { info, data })
    }
}

impl OpenPart {
    fn new(cut: &Cut) -> Self {
        Self {
            independent: cut.independent,
            time: cut.time,
            runs: Vec::new(),
        }
    }

    /// Orders the runs as the tracks are; a part without any sample still says which track it is of.
    fn complete(&mut self, lanes: &[Lane], pacer: usize) {
        let place = |run: &Run| lanes.iter().position(|lane| lane.id.0 == run.track_id);
        self.runs.sort_by_key(place);
        if let (true, Some(lane)) = (self.runs.is_empty(), lanes.get(pacer)) {
            let shift = i64::from(lane.priming).saturating_add(lane.init_lift.unwrap_or(0));
            self.runs.push(Run {
                track_id: lane.id.0,
                description: None,
                decode_shift: shift.saturating_add(lane.lift.unwrap_or(0)),
                presentation_shift: shift,
                // A caption may last until after it: nothing begins before that is over.
                start: self
                    .time
                    .max(shift.saturating_neg())
                    .max(lane.decoded_until),
                samples: Vec::new(),
                protected: None,
            });
        }
    }
}
