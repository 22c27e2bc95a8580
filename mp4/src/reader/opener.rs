use super::window::Window;
use crate::boxes::{IsoBox, Mfra, Mfro, Sidx};
use crate::codec::refine;
use crate::movie::Movie;
use crate::{Error, Limits};
use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;
use bytes::Bytes;
use core::ops::Range;
use media::{Codec, Kind, Timescale, Warning};

/// Boxes at the top of the file that are looked at before `moov` must have come.
const BOXES: u32 = 1 << 16;

/// Finds the movie of a file of which any range can be read.
///
/// ```text
/// while let Some(range) = opener.poll_read() { opener.handle_read(range.start, read(range)); }
/// let movie = opener.poll_movie()?;
/// ```
///
/// Only headers and `moov` are read, and in a file with movie fragments their index, if it has one. A read may be answered
/// in pieces, in order; an empty piece says that the file ends there.
#[derive(Debug)]
pub struct Opener {
    limits: Limits,
    window: Window,
    stage: Stage,
    boxes: u32,
    movie: Option<Movie>,
    result: Option<Result<Arc<Movie>, Error>>,
    warnings: Vec<Warning>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Looking at the box that begins here.
    Top(u64),
    /// Reading all of `moov`.
    Moov {
        start: u64,
        end: u64,
    },
    /// After a `moov` that announces fragments: looking at the box that begins here.
    After(u64),
    /// Reading an index of the fragments.
    Sidx {
        start: u64,
        end: u64,
    },
    /// Reading the end of the file, where the size of `mfra` is.
    Mfro,
    Mfra {
        start: u64,
    },
    /// Reading the start of the first sample of a track, by its index, for what only that tells.
    Sound(usize),
}

impl Opener {
    /// For a file of `len` bytes.
    #[must_use]
    pub fn new(len: u64, limits: Limits) -> Self {
        let mut opener = Self {
            limits,
            window: Window::new(len),
            stage: Stage::Top(0),
            boxes: 0,
            movie: None,
            result: None,
            warnings: Vec::new(),
        };
        opener.run();
        opener
    }

    /// The next range of the file that is to be read; `None` while one is outstanding, or the movie is there.
    #[must_use]
    pub fn poll_read(&mut self) -> Option<Range<u64>> {
        self.window.poll_read()
    }

    /// Takes what was read.
    pub fn handle_read(&mut self, offset: u64, data: &Bytes) {
        if self.window.handle_read(offset, data) {
            self.run();
        }
    }

    /// The movie, when it is there.
    ///
    /// # Errors
    /// [`Error::NoMovie`] where the file has none, [`Error::Limit`] where it is longer than
    /// [`movie_size`](Limits::movie_size), and what [`Movie::parse`] gives. They repeat.
    pub fn poll_movie(&mut self) -> Result<Option<Arc<Movie>>, Error> {
        self.result.clone().transpose()
    }

    /// Bytes held.
    #[must_use]
    pub fn buffered_len(&self) -> usize {
        let moov = self.movie.as_ref().map_or(0, |movie| movie.bytes.len());
        self.window.buffered_len().saturating_add(moov)
    }

    /// Goes on until bytes are missing or all is known.
    fn run(&mut self) {
        while !self.window.is_waiting() && self.result.is_none() {
            match self.stage {
                Stage::Top(at) => self.top(at),
                Stage::Moov { start, end } => self.moov(start, end),
                Stage::After(at) => self.after(at),
                Stage::Sidx { start, end } => self.sidx(start, end),
                Stage::Mfro => self.mfro(),
                Stage::Mfra { start } => self.mfra(start),
                Stage::Sound(track) => self.sound(track),
            }
        }
    }

    fn fail(&mut self, error: Error) {
        self.result = Some(Err(error));
    }

    fn top(&mut self, at: u64) {
        self.boxes = self.boxes.saturating_add(1);
        if at >= self.window.len || self.boxes > BOXES {
            return self.fail(Error::NoMovie);
        }
        let Some(header) = self.window.header(at) else {
            return;
        };
        match header {
            Ok((header, end)) if header.box_type.0 == *b"moov" => {
                self.stage = Stage::Moov {
                    start: at,
                    end: end.min(self.window.len),
                };
            }
            Ok((header, end)) if header.box_type.is_printable() => self.stage = Stage::Top(end),
            // A box with a wrong size led here. Nothing says where the next one begins.
            _ => self.fail(Error::NoMovie),
        }
    }

    fn moov(&mut self, start: u64, end: u64) {
        let max = self.limits.movie_size as u64;
        if end.saturating_sub(start) > max {
            return self.fail(Error::Limit {
                limit: "bytes of moov",
                max,
            });
        }
        let Some(bytes) = self.window.bytes(start, end) else {
            return;
        };
        // Out of a larger read, so that this is not kept for as long as the movie.
        let bytes = if bytes.len().saturating_mul(2) < self.window.at_hand() {
            Bytes::copy_from_slice(&bytes)
        } else {
            bytes
        };
        match Movie::parse(bytes, start, &self.limits) {
            Ok(mut movie) => {
                movie.file_len = self.window.len;
                let fragmented = movie.fragmented;
                self.movie = Some(movie);
                if fragmented {
                    self.boxes = 0;
                    self.stage = Stage::After(end);
                } else {
                    self.finish();
                }
            }
            Err(error) => self.fail(error),
        }
    }

    /// Looks for the first fragment, or an index before it.
    fn after(&mut self, at: u64) {
        self.boxes = self.boxes.saturating_add(1);
        if at >= self.window.len || self.boxes > BOXES {
            return self.finish();
        }
        let Some(header) = self.window.header(at) else {
            return;
        };
        let Ok((header, end)) = header else {
            return self.finish();
        };
        let Some(movie) = &mut self.movie else { return };
        match &header.box_type.0 {
            b"sidx" if end.saturating_sub(at) <= self.limits.box_size as u64 => {
                movie.fragments.first.get_or_insert(at);
                self.stage = Stage::Sidx { start: at, end };
            }
            b"moof" => {
                movie.fragments.first.get_or_insert(at);
                if movie.fragments.complete {
                    self.finish();
                } else {
                    self.stage = Stage::Mfro;
                }
            }
            // Events stand before the fragment that they begin with.
            b"emsg" => {
                movie.fragments.first.get_or_insert(at);
                self.stage = Stage::After(end);
            }
            _ => self.stage = Stage::After(end),
        }
    }

    fn sidx(&mut self, start: u64, end: u64) {
        let Some(bytes) = self.window.bytes(start, end) else {
            return;
        };
        self.stage = Stage::After(end);
        let Some(movie) = &mut self.movie else { return };
        match Sidx::parse(&bytes) {
            Ok(sidx) => movie.add_sidx(&sidx, end),
            Err(error) => {
                let what = format!("sidx cannot be read: {error}");
                self.warnings.push(Warning::new(what).at(start));
            }
        }
    }

    fn mfro(&mut self) {
        let start = self.window.len.saturating_sub(Mfro::LEN as u64);
        let Some(bytes) = self.window.bytes(start, self.window.len) else {
            return;
        };
        match Mfro::parse(&bytes) {
            Ok(mfro) if u64::from(mfro.parent_size) <= self.limits.box_size as u64 => {
                let start = self.window.len.saturating_sub(mfro.parent_size.into());
                self.stage = Stage::Mfra { start };
            }
            _ => self.finish(),
        }
    }

    fn mfra(&mut self, start: u64) {
        let Some(bytes) = self.window.bytes(start, self.window.len) else {
            return;
        };
        if let (Ok(mfra), Some(movie)) = (Mfra::parse(&bytes), &mut self.movie) {
            movie.add_mfra(&mfra);
        }
        self.finish();
    }

    /// All boxes that are wanted have been read.
    fn finish(&mut self) {
        self.stage = Stage::Sound(0);
    }

    /// Learns what a track's sample description cannot tell, so that the tracks are told once.
    fn sound(&mut self, track: usize) {
        let tracks = self.movie.as_ref().map(|movie| &movie.tracks);
        let Some(sound) = tracks.and_then(|tracks| tracks.get(track)) else {
            return self.give();
        };
        let first = match &sound.track.codec {
            Codec::MpegAudio(_) => sound.samples.samples().next(),
            _ => None,
        };
        if let Some(first) = first {
            let end = first.offset.saturating_add(first.size.min(4).into());
            let Some(bytes) = self.window.bytes(first.offset, end) else {
                return;
            };
            if let Some(movie) = &mut self.movie
                && let Some(sound) = movie.tracks.get_mut(track)
                && refine(&mut sound.track.codec, &bytes)
            {
                movie.set = movie
                    .tracks
                    .iter()
                    .map(|track| track.track.clone())
                    .collect();
            }
        }
        self.stage = Stage::Sound(track.saturating_add(1));
    }

    fn give(&mut self) {
        if let Some(mut movie) = self.movie.take() {
            movie.warnings.append(&mut self.warnings);
            self.result = Some(Ok(Arc::new(movie)));
        }
        self.window.clear();
    }
}

impl Movie {
    /// Whether an index of a track is the one that seeking goes by.
    fn leads(&self, track_id: u32) -> bool {
        let lead = self.set.first_of(Kind::Video).or(self.set.first());
        lead.is_some_and(|lead| lead.id.0 == track_id)
    }

    /// What is added to times of a track, in nanoseconds.
    fn shift(&self, track_id: u32) -> i64 {
        let track = self
            .tracks
            .iter()
            .find(|track| track.track.id.0 == track_id);
        track.map_or(0, |track| {
            let shift = track.timeline.first().shift;
            track.track.timescale.time(shift).as_nanos()
        })
    }

    fn add_sidx(&mut self, sidx: &Sidx, end: u64) {
        let Some(timescale) = Timescale::new(sidx.timescale) else {
            return;
        };
        let better = self.fragments.places.is_empty() || self.leads(sidx.reference_id);
        if !better || sidx.references.iter().any(|reference| reference.is_index) {
            return;
        }
        let mut place = end.saturating_add(sidx.first_offset);
        let mut ticks = i64::try_from(sidx.earliest_presentation_time).unwrap_or(i64::MAX);
        let mut places = Vec::new();
        for reference in &sidx.references {
            // Times of an index are those of the presentation, behind the edit list.
            places.push((timescale.time(ticks).as_nanos(), place));
            place = place.saturating_add(reference.referenced_size.into());
            ticks = ticks.saturating_add(reference.subsegment_duration.into());
        }
        self.fragments.places = places;
        // Others may index what follows.
        self.fragments.complete = place >= self.file_len;
    }

    fn add_mfra(&mut self, mfra: &Mfra) {
        let led = mfra.tfras.iter().find(|tfra| self.leads(tfra.track_id));
        let Some(tfra) = led.or(mfra.tfras.first()) else {
            return;
        };
        let Some(track) = self
            .tracks
            .iter()
            .find(|track| track.track.id.0 == tfra.track_id)
        else {
            return;
        };
        let timescale = track.track.timescale;
        let shift = self.shift(tfra.track_id);
        let mut places: Vec<(i64, u64)> = tfra
            .entries
            .iter()
            .map(|entry| {
                let ticks = i64::try_from(entry.time).unwrap_or(i64::MAX);
                (
                    timescale.time(ticks).as_nanos().saturating_add(shift),
                    entry.moof_offset,
                )
            })
            .filter(|(_, place)| *place < self.file_len)
            .collect();
        places.sort_unstable();
        self.fragments.places = places;
        self.fragments.complete = true;
    }
}
