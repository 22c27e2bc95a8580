//! HLS segments of transport streams from the cut samples of a [`Segmenter`](media::Segmenter).
//!
//! ```text
//! Segmented::Cut    ──► Output::Part       packets: one part at least in each segment
//! Segmented::End    ──► Output::Segment    the parts of it, in one list
//! ```
//!
//! All tracks lie in the same segments. Each begins with the program's tables and a clock reference, so that a player can
//! begin with any of them; there is no init segment.
//!
//! ```
//! use fluvial_mpegts::packager::{Output, Packager};
//! use fluvial_mpegts::mux::Config;
//! use media::{Codec, Event, Flags, Sample, Segmenter, Time, Timescale, Track, TrackId, segmenter};
//!
//! let codec = Codec::Aac(aac::AudioSpecificConfig::lc(48_000, 2)?);
//! let track = Track::new(TrackId(0x100), Timescale::new(48_000).unwrap(), codec);
//! let mut segmenter = Segmenter::new(segmenter::Config::segments(Time::from_millis(1000)));
//! let mut packager = Packager::new(Config::default());
//! let mut names = Vec::new();
//!
//! segmenter.handle_event(&Event::Tracks([track].into_iter().collect()));
//! for n in 0..100 {
//!     let (dts, data) = (n * 1024, [0x21, 0x10].as_slice().into());
//!     let sample = Sample { track: TrackId(0x100), dts, pts: dts, duration: None, flags: Flags::SYNC, data };
//!     segmenter.handle_event(&Event::Sample(sample));
//! }
//! segmenter.finish();
//! while let Some(segmented) = segmenter.poll_output() {
//!     packager.handle(&segmented)?;
//!     while let Some(output) = packager.poll_output() {
//!         match output {
//!             Output::Part(part) => assert_eq!(part.data[0], 0x47),
//!             Output::Segment(segment) => names.push(segment.name()),
//!         }
//!     }
//! }
//! assert_eq!(names, ["segment-0.ts", "segment-1.ts", "segment-2.ts"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use crate::Error;
use crate::mux::{Config, Muxer};
use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use bytes::Bytes;
use media::{Cut, Kind, PartInfo, Sample, SegmentInfo, Segmented, Timescale, TrackId, Tracks};

/// What a [`Packager`] gives, in an order in which it can be put into a playlist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// A part of a segment, as soon as it is complete. A segment that was not cut has one.
    Part(Part),
    /// A segment, when its last part is out.
    Segment(Segment),
}

/// A part of a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// What a playlist says of it.
    pub info: PartInfo,
    /// Its packets.
    pub data: Bytes,
}

/// A segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// What a playlist says of it.
    pub info: SegmentInfo,
    /// Its parts, one after the other.
    pub data: Vec<Bytes>,
}

impl Part {
    /// A name for it that no other one of the stream has: `segment-7.2.ts`.
    #[must_use]
    pub fn name(&self) -> String {
        format!("segment-{}.{}.ts", self.info.segment, self.info.part)
    }
}

impl Segment {
    /// A name for it that no other one of the stream has: `segment-7.ts`.
    #[must_use]
    pub fn name(&self) -> String {
        format!("segment-{}.ts", self.info.segment)
    }
}

/// Makes segments. See the [module](self).
#[derive(Debug)]
pub struct Packager {
    muxer: Muxer,
    lanes: Vec<Lane>,
    timescale: Timescale,
    open: VecDeque<OpenSegment>,
    output: VecDeque<Output>,
}

/// A track.
#[derive(Debug)]
struct Lane {
    id: TrackId,
    timescale: Timescale,
    sparse: bool,
    /// The segment that its samples belong to.
    segment: Option<u64>,
    /// How much later than it is decoded the first picture of a time line is shown; `None` until its first part is written.
    delay: Option<i64>,
}

#[derive(Debug)]
struct OpenSegment {
    number: u64,
    discontinuity: bool,
    /// The track that came to it first, which cuts its parts.
    pacer: usize,
    /// Parts that were not given out, the last one still open.
    parts: VecDeque<OpenPart>,
    done: Vec<Part>,
}

#[derive(Debug)]
struct OpenPart {
    independent: bool,
    /// Start by the pacer's clock.
    time: i64,
    samples: Vec<Sample>,
}

impl OpenPart {
    const fn new(cut: &Cut) -> Self {
        Self {
            independent: cut.independent,
            time: cut.time,
            samples: Vec::new(),
        }
    }
}

impl Packager {
    /// A packager that waits for its tracks. A constant rate is not for segments: each would have to be filled up.
    #[must_use]
    pub fn new(mut config: Config) -> Self {
        config.constant_rate = None;
        Self {
            muxer: Muxer::new(config),
            lanes: Vec::new(),
            timescale: Timescale::KHZ_90,
            open: VecDeque::new(),
            output: VecDeque::new(),
        }
    }

    /// Takes what the segmenter gives.
    ///
    /// # Errors
    /// Those of [`Muxer::set_tracks`] and [`Muxer::handle_sample`], and [`Error::State`] for a sample before the first cut of its
    /// track.
    pub fn handle(&mut self, segmented: &Segmented) -> Result<(), Error> {
        match segmented {
            Segmented::Tracks(tracks) => {
                self.finish()?;
                self.set_tracks(tracks)
            }
            Segmented::Cut { track, cut } => self.cut(*track, cut),
            Segmented::Sample(sample) => self.sample(sample),
            Segmented::End => self.finish(),
        }
    }

    /// The next part or segment.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.output.pop_front()
    }

    /// Bytes held: samples of segments that are open, and output.
    #[must_use]
    pub fn buffered_len(&self) -> usize {
        let parts = self.open.iter().flat_map(|segment| &segment.parts);
        let samples = parts
            .flat_map(|part| &part.samples)
            .map(|sample| sample.data.len());
        let done = self.open.iter().flat_map(|segment| &segment.done);
        let output = self.output.iter().map(|output| match output {
            Output::Part(part) => part.data.len(),
            Output::Segment(segment) => segment.data.iter().map(Bytes::len).sum(),
        });
        samples
            .chain(done.map(|part| part.data.len()))
            .chain(output)
            .fold(0, usize::saturating_add)
    }

    fn set_tracks(&mut self, tracks: &Tracks) -> Result<(), Error> {
        self.muxer.set_tracks(tracks)?;
        let lead = tracks
            .first_of(Kind::Video)
            .or_else(|| tracks.first_of(Kind::Audio))
            .or_else(|| tracks.first());
        self.timescale = lead.map_or(Timescale::KHZ_90, |lead| lead.timescale);
        let lane = |track: &media::Track| Lane {
            id: track.id,
            timescale: track.timescale,
            sparse: track.codec.kind() == Kind::Data,
            segment: None,
            delay: None,
        };
        self.lanes = tracks.iter().map(lane).collect();
        Ok(())
    }

    fn cut(&mut self, track: TrackId, cut: &Cut) -> Result<(), Error> {
        let lanes = self.lanes.iter_mut().enumerate();
        let Some((index, lane)) = lanes.into_iter().find(|(_, lane)| lane.id == track) else {
            return Ok(());
        };
        lane.segment = Some(cut.segment);
        let mut open = self.open.iter_mut();
        match open.find(|segment| segment.number == cut.segment) {
            None => self.open.push_back(OpenSegment {
                number: cut.segment,
                discontinuity: cut.discontinuity,
                pacer: index,
                parts: [OpenPart::new(cut)].into(),
                done: Vec::new(),
            }),
            Some(segment) if cut.part > 0 && segment.pacer == index => {
                segment.parts.push_back(OpenPart::new(cut));
            }
            Some(segment) => segment.discontinuity |= cut.discontinuity,
        }
        self.give()
    }

    fn sample(&mut self, sample: &Sample) -> Result<(), Error> {
        let Some(lane) = self.lanes.iter().find(|lane| lane.id == sample.track) else {
            return Ok(());
        };
        let number = lane.segment.ok_or(Error::State(
            "a sample comes before the first cut of its track",
        ))?;
        // A message may come after its segment is gone: into the oldest that is still there.
        let mut open = self.open.iter_mut();
        let part = open
            .find(|segment| segment.number >= number)
            .and_then(|segment| segment.parts.back_mut())
            .ok_or(Error::State(
                "a sample comes after the last of its segments",
            ))?;
        part.samples.push(sample.clone());
        Ok(())
    }

    /// Gives out all that is held: no more comes for these segments.
    fn finish(&mut self) -> Result<(), Error> {
        for lane in &mut self.lanes {
            lane.segment = Some(u64::MAX);
        }
        self.give()
    }

    /// Gives out the parts that are complete, as far as their segment's turn has come.
    fn give(&mut self) -> Result<(), Error> {
        while let Some(mut segment) = self.open.pop_front() {
            let passed =
                |lane: &Lane| lane.sparse || lane.segment.is_some_and(|now| now > segment.number);
            let complete = self.lanes.iter().all(passed);
            let still_open = usize::from(!complete);
            while segment.parts.len() > still_open
                && let Some(part) = segment.parts.pop_front()
            {
                let part = self.part(&segment, &part)?;
                self.output.push_back(Output::Part(part.clone()));
                segment.done.push(part);
            }
            if !complete {
                self.open.push_front(segment);
                return Ok(());
            }
            let whole = self.segment(&segment);
            self.output.extend(whole.map(Output::Segment));
        }
        Ok(())
    }

    fn part(&mut self, segment: &OpenSegment, part: &OpenPart) -> Result<Part, Error> {
        if segment.done.is_empty() {
            self.muxer.start_segment();
        }
        for sample in &part.samples {
            self.muxer.handle_sample(sample)?;
        }
        self.muxer.finish()?;
        let data = self.muxer.poll_output().unwrap_or_default();
        self.note_delay(part, segment.discontinuity && segment.done.is_empty());
        let (start, duration) = self.span(segment, part);
        let info = PartInfo {
            track: None,
            segment: segment.number,
            part: u32::try_from(segment.done.len()).unwrap_or(u32::MAX),
            init: 0,
            start,
            duration,
            timescale: self.timescale,
            independent: part.independent,
            discontinuity: segment.discontinuity && segment.done.is_empty(),
            size: data.len() as u64,
        };
        Ok(Part { info, data })
    }

    /// Notes how much later than they are decoded the first samples of a time line are shown.
    fn note_delay(&mut self, part: &OpenPart, jumps: bool) {
        for lane in &mut self.lanes {
            if jumps {
                lane.delay = None;
            }
            if lane.delay.is_none() {
                let of = || part.samples.iter().filter(|sample| sample.track == lane.id);
                let shown = of().map(|sample| sample.pts).min();
                let first = of().next().zip(shown);
                lane.delay = first.map(|(first, shown)| shown.saturating_sub(first.dts));
            }
        }
    }

    /// When a part starts and how long it lasts, by the samples of its pacer, or else of any track.
    fn span(&self, segment: &OpenSegment, part: &OpenPart) -> (i64, u64) {
        let pacer = self.lanes.get(segment.pacer);
        let mut lanes = pacer.into_iter().chain(&self.lanes);
        let found = lanes.find_map(|lane| {
            let mut of = part.samples.iter().filter(|sample| sample.track == lane.id);
            let first = of.next()?;
            let last = of.next_back().unwrap_or(first);
            let length = last
                .duration
                .map_or(0, |duration| i64::from(duration.get()));
            Some((lane, first.dts, last.dts.saturating_add(length)))
        });
        let Some((lane, start, end)) =
            found.or_else(|| pacer.map(|lane| (lane, part.time, part.time)))
        else {
            return (part.time, 0);
        };
        let shown = |ticks: i64| {
            let ticks = ticks.saturating_add(lane.delay.unwrap_or(0));
            lane.timescale.rescale(ticks, self.timescale)
        };
        let (start, end) = (shown(start), shown(end));
        (start, u64::try_from(end.saturating_sub(start)).unwrap_or(0))
    }

    fn segment(&self, segment: &OpenSegment) -> Option<Segment> {
        let first = segment.done.first()?.info;
        let infos = || segment.done.iter().map(|part| part.info);
        let sum = |of: fn(PartInfo) -> u64| infos().map(of).fold(0, u64::saturating_add);
        let info = SegmentInfo {
            track: None,
            segment: segment.number,
            parts: u32::try_from(segment.done.len()).unwrap_or(u32::MAX),
            init: 0,
            start: first.start,
            duration: sum(|info| info.duration),
            timescale: self.timescale,
            independent: first.independent,
            discontinuity: segment.discontinuity,
            size: sum(|info| info.size),
        };
        let data = segment.done.iter().map(|part| part.data.clone()).collect();
        Some(Segment { info, data })
    }
}
