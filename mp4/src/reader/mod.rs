//! Reading files of which any range can be had: from a disk, by HTTP range requests, out of an object store.
//!
//! [`Opener`] finds the [`Movie`]; [`Reader`] gives its samples from any time on. Both say which ranges they want and take
//! what was read; neither does it itself. Several ranges may be outstanding, and be answered in any order.
//!
//! ```
//! use fluvial_mp4::{Limits, Opener, Reader, reader};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let mut file = Vec::new();
//! # let ftyp = fluvial_mp4::boxes::Ftyp(fluvial_mp4::boxes::Brands::new([b"isom"]));
//! # fluvial_mp4::IsoBox::encode(&ftyp, &mut file)?;
//! # let moov = fluvial_mp4::boxes::Moov {
//! #     mvhd: fluvial_mp4::boxes::Mvhd::new(1000, 1), traks: vec![], mvex: None, other: vec![],
//! # };
//! # fluvial_mp4::IsoBox::encode(&moov, &mut file)?;
//! let read = |range: std::ops::Range<u64>| {
//!     bytes::Bytes::copy_from_slice(&file[range.start as usize..range.end as usize])
//! };
//! let mut opener = Opener::new(file.len() as u64, Limits::default());
//! while let Some(range) = opener.poll_read() {
//!     opener.handle_read(range.start, &read(range));
//! }
//! let movie = opener.poll_movie()?.expect("all reads were answered");
//! let mut reader = Reader::new(movie, reader::Config::default());
//! while !reader.is_finished() {
//!     while let Some(event) = reader.poll_event()? {
//!         println!("{event:?}");
//!     }
//!     while let Some(range) = reader.poll_read() {
//!         reader.handle_read(range.start, &read(range));
//!     }
//! }
//! # Ok(())
//! # }
//! ```

mod batch;
mod fragments;
mod gather;
mod lane;
mod opener;
mod window;

pub use opener::Opener;

pub use crate::movie::Order;
use crate::movie::{Merge, Movie};
use crate::{Error, Limits};
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;
use batch::Batch;
use bytes::Bytes;
use core::ops::Range;
use fragments::Fragments;
use lane::Lane;
use media::{Event, Flags, Time, TrackId, Tracks, Warning};

/// How a [`Reader`] reads.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Config {
    /// In which order samples come. Default: as they lie in the file. Those of movie fragments always do.
    pub order: Order,
    /// The tracks that are wanted; `None`, the default: all.
    pub tracks: Option<Vec<TrackId>>,
    /// Bytes that are read at once, about. Default 1 MiB.
    pub read_size: u64,
    /// Reads planned ahead of what has been polled: so many times [`read_size`](Self::read_size). Default 4.
    pub reads_ahead: usize,
    /// Bytes between two samples that are rather read with them than left out. Default 32 KiB.
    pub gap: u64,
    /// Whether [events](crate::demuxer::event_tracks) among fragments are wanted. Default: not.
    pub events: bool,
    /// What a file can make the reader hold.
    pub limits: Limits,
    #[cfg(feature = "cenc")]
    /// Keys: tracks that they open are given decrypted, as tracks of the codec that they were before.
    pub keys: crate::cenc::Keys,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            order: Order::File,
            tracks: None,
            read_size: 1 << 20,
            reads_ahead: 4,
            gap: 32 << 10,
            events: false,
            limits: Limits::default(),
            #[cfg(feature = "cenc")]
            keys: crate::cenc::Keys::default(),
        }
    }
}

impl Config {
    fn wants(&self, track: TrackId) -> bool {
        let wanted = self.tracks.as_ref();
        wanted.is_none_or(|tracks| tracks.contains(&track))
    }
}

/// Gives the samples of a [`Movie`]. See the [module](self).
///
/// Answer what [`poll_read`](Self::poll_read) asks for, drain [`poll_event`](Self::poll_event), until
/// [`is_finished`](Self::is_finished). Samples are cut out of what was read, without a copy where they are in their
/// canonical form already.
#[derive(Debug)]
pub struct Reader {
    movie: Arc<Movie>,
    config: Config,
    merge: Merge,
    /// By index of the movie's track.
    lanes: Vec<Lane>,
    batches: VecDeque<Batch>,
    stage: Stage,
    events: VecDeque<Event>,
    /// The time that was asked for by a seek.
    target: Option<Time>,
}

/// What is being read.
#[derive(Debug)]
enum Stage {
    /// The samples that `moov` has.
    Samples,
    /// Movie fragments.
    Fragments(Box<Fragments>),
    /// Nothing more.
    Over,
}

impl Reader {
    /// At the start of a movie.
    #[must_use]
    pub fn new(movie: Arc<Movie>, config: Config) -> Self {
        let merge = Merge::new(movie.clone(), config.order, |id| config.wants(id));
        #[cfg(feature = "cenc")]
        let keys = &config.keys;
        #[cfg(not(feature = "cenc"))]
        let keys = &crate::demuxer::decrypt::Keys::default();
        let lane = |track| Lane::new(track, &movie, keys);
        let lanes = movie.tracks.iter().map(lane).collect();
        let mut reader = Self {
            merge,
            lanes,
            batches: VecDeque::new(),
            stage: Stage::Samples,
            events: VecDeque::new(),
            target: None,
            movie,
            config,
        };
        reader.tell_tracks();
        let metadata = reader.movie.metadata();
        if !metadata.entries.is_empty() {
            reader.events.push_back(Event::Metadata(metadata));
        }
        let warnings = reader.movie.warnings.iter().cloned();
        reader.events.extend(warnings.map(Event::Warning));
        reader
    }

    /// The movie.
    #[must_use]
    pub const fn movie(&self) -> &Arc<Movie> {
        &self.movie
    }

    /// Goes to a time: what comes next begins where decoding has to begin for it, and what is not to be shown has the flag
    /// [`PREROLL`](Flags::PREROLL). Reads that are outstanding are forgotten, events that wait are dropped.
    pub fn seek(&mut self, time: Time) {
        self.batches.clear();
        self.events.clear();
        self.target = Some(time);
        self.lanes.iter_mut().for_each(Lane::reset);
        self.stage = Stage::Samples;
        self.merge = Merge::new(self.movie.clone(), self.config.order, |id| {
            self.config.wants(id)
        });
        self.merge.seek(time);
        let in_fragments = match self.end_of_samples() {
            None => true,
            // Where the first fragment begins later, what is shown then began before it.
            Some(end) => {
                let first = self.movie.fragments.places.first();
                let fits = first.is_none_or(|(first, _)| *first <= time.as_nanos());
                self.movie.fragmented && time >= end && fits
            }
        };
        if in_fragments {
            self.stage = Fragments::new(&self.movie, &self.config, Some(time))
                .map_or(Stage::Over, |found| Stage::Fragments(Box::new(found)));
        }
    }

    /// Where the samples that `moov` has end.
    fn end_of_samples(&self) -> Option<Time> {
        let tracks = self
            .movie
            .tracks
            .iter()
            .filter(|track| !track.samples.is_empty());
        let end = |track: &crate::movie::MovieTrack| {
            let ticks = i64::try_from(track.samples.duration()).unwrap_or(i64::MAX);
            let shift = track.timeline.first().shift;
            track.track.timescale.time(ticks.saturating_add(shift))
        };
        tracks.map(end).max()
    }

    /// The next range of the file that is to be read; `None` while enough is outstanding or waits to be polled.
    #[must_use]
    pub fn poll_read(&mut self) -> Option<Range<u64>> {
        self.plan();
        if let Stage::Fragments(fragments) = &mut self.stage
            && let Some(range) = fragments.poll_read(&self.movie, &self.config)
        {
            return Some(range);
        }
        let mut reads = self.batches.iter_mut().flat_map(|batch| &mut batch.reads);
        let read = reads.find(|read| !read.asked)?;
        read.asked = true;
        Some(read.range.clone())
    }

    /// Takes what was read: all of a range, or the next piece of it. No bytes say that the file ends there.
    pub fn handle_read(&mut self, offset: u64, data: &Bytes) {
        if let Stage::Fragments(fragments) = &mut self.stage
            && fragments.handle_read(offset, data)
        {
            return;
        }
        let mut reads = self.batches.iter_mut().flat_map(|batch| &mut batch.reads);
        reads.any(|read| read.take(offset, data));
    }

    /// The next event; `None` until more is read, or at the end.
    ///
    /// # Errors
    /// None at present: what is damaged is told by [`Event::Warning`].
    pub fn poll_event(&mut self) -> Result<Option<Event>, Error> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Ok(Some(event));
            }
            if !self.step() {
                return Ok(None);
            }
        }
    }

    /// The next event that is known without reading anything: at the start, tracks, metadata and what is wrong with the movie.
    #[must_use]
    pub fn poll_told(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Whether all events have been polled, and nothing more is to be read.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        matches!(self.stage, Stage::Over) && self.events.is_empty() && self.batches.is_empty()
    }

    /// Bytes held, without the movie's.
    #[must_use]
    pub fn buffered_len(&self) -> usize {
        let batches = self.batches.iter().map(Batch::buffered_len);
        let fragments = match &self.stage {
            Stage::Fragments(fragments) => fragments.buffered_len(),
            _ => 0,
        };
        let samples = self.events.iter().map(|event| match event {
            Event::Sample(sample) => sample.data.len(),
            _ => 0,
        });
        batches
            .chain(samples)
            .fold(fragments, usize::saturating_add)
    }

    /// Plans reads until enough are ahead.
    fn plan(&mut self) {
        while matches!(self.stage, Stage::Samples)
            && self.batches.len() < self.config.reads_ahead.max(1)
        {
            let batch = Batch::plan(&mut self.merge, &self.config, self.movie.file_len);
            if batch.is_last() {
                self.end_samples();
            }
            if !batch.is_empty() {
                self.batches.push_back(batch);
            }
        }
    }

    /// All samples of `moov` are planned.
    fn end_samples(&mut self) {
        if self.merge.is_exhausted() {
            let what = "the tables tell of far more bytes than the file has";
            self.events
                .push_back(Event::Warning(Warning::new(what).at(self.movie.offset)));
        }
        self.stage = match self.movie.fragmented {
            true => Fragments::new(&self.movie, &self.config, None)
                .map_or(Stage::Over, |found| Stage::Fragments(Box::new(found))),
            false => Stage::Over,
        };
    }

    /// Makes events of what is there; says whether it did anything.
    fn step(&mut self) -> bool {
        self.plan();
        let Some(batch) = self.batches.front_mut() else {
            return self.step_fragments();
        };
        if let Some(lost) = batch.lost.take() {
            for track in &lost.tracks {
                if let Some(lane) = self.lanes.get_mut(*track) {
                    lane.lost = true;
                }
            }
            self.events.push_back(Event::Warning(lost.warning()));
            return true;
        }
        let Some(found) = batch.next() else {
            if batch.is_over() {
                self.batches.pop_front();
                return true;
            }
            return false;
        };
        let (placed, data) = found;
        let (Some(lane), Some(track)) = (
            self.lanes.get_mut(placed.track),
            self.movie.tracks.get(placed.track),
        ) else {
            return true;
        };
        let Some(data) = data else {
            lane.lost = true;
            let what = "the file ends within a sample";
            let warning = Warning::new(what).at(placed.info.offset).on(lane.track.id);
            self.events
                .push_back(Event::Warning(warning.skipping(placed.info.size.into())));
            return true;
        };
        let given = lane.give(track, &placed, &data, self.target);
        let (changed, id) = (given.changed, lane.track.id);
        if let Some(what) = given.problem {
            let warning = Warning::new(what).at(placed.info.offset).on(id);
            self.events.push_back(Event::Warning(warning));
        }
        if changed {
            self.tell_tracks();
        }
        self.events.extend(given.sample.map(Event::Sample));
        true
    }

    fn step_fragments(&mut self) -> bool {
        let Stage::Fragments(fragments) = &mut self.stage else {
            return false;
        };
        let (config, target) = (&self.config, self.target);
        match fragments.next_event() {
            Some(Event::Sample(mut sample)) => {
                if config.wants(sample.track) {
                    let track = self.movie.set.find(sample.track);
                    let early = track.zip(target).is_some_and(|(track, target)| {
                        let length = sample.duration.map_or(1, core::num::NonZero::get);
                        let end = sample.pts.saturating_add(length.into());
                        track.timescale.time(end) <= target
                    });
                    sample.flags |= Flags::PREROLL.when(early);
                    self.events.push_back(Event::Sample(sample));
                }
                true
            }
            Some(Event::Tracks(tracks)) => {
                let wanted = tracks.iter().filter(|track| config.wants(track.id));
                self.events
                    .push_back(Event::Tracks(wanted.cloned().collect()));
                true
            }
            Some(event) => {
                self.events.push_back(event);
                true
            }
            None if fragments.is_over() => {
                self.stage = Stage::Over;
                false
            }
            None => false,
        }
    }

    fn tell_tracks(&mut self) {
        let tracks = self.lanes.iter().map(|lane| &lane.track);
        let wanted = tracks.filter(|track| self.config.wants(track.id));
        let tracks: Tracks = wanted.cloned().collect();
        self.events.push_back(Event::Tracks(tracks));
    }
}
