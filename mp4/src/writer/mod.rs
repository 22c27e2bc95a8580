//! Progressive MP4: samples in, writes at offsets of a file out.
//!
//! ```text
//! moov last          ftyp free mdat ................... moov     written in one go
//! reserved           ftyp moov free mdat ...............         if `moov` fits its place, else as above
//! planned            ftyp moov mdat ....................         in two passes, without ever going back
//! ```
//!
//! Where players are to start before they have the whole file, `moov` must come first; but its size is known last. So
//! either room is [reserved](Layout::MoovFirst) for it, or the samples are gone through twice: once by a [`Planner`],
//! which keeps none of their bytes, then by a [`Writer`] [with its plan](Writer::with_plan), whose output can go to a
//! pipe.
//!
//! Samples may come in any order among tracks; those of one track in decoding order. They are laid down in chunks of
//! about [`Config::interleave`], without a copy. What is held is tables, run-length coded, and the chunks that are
//! open.
//!
//! ```
//! use fluvial_mp4::writer::{Config, Writer};
//! use media::{Codec, Flags, Sample, Timescale, Track, TrackId};
//!
//! let codec = Codec::Aac(aac::AudioSpecificConfig::lc(48_000, 2)?);
//! let track = Track::new(TrackId(1), Timescale::new(48_000).unwrap(), codec);
//! let mut writer = Writer::new(Config::moov_first(4096));
//! let mut file = Vec::new();
//! let mut put = |writer: &mut Writer| {
//!     while let Some(write) = writer.poll_output() {
//!         let data = write.data.concat();
//!         let at = write.offset as usize;
//!         file.resize(file.len().max(at + data.len()), 0);
//!         file[at..at + data.len()].copy_from_slice(&data);
//!     }
//! };
//!
//! writer.set_tracks(&[track].into_iter().collect())?;
//! for n in 0..100 {
//!     let (dts, data) = (n * 1024, [0x21, 0x10].as_slice().into());
//!     let sample = Sample { track: TrackId(1), dts, pts: dts, duration: None, flags: Flags::SYNC, data };
//!     writer.handle_sample(&sample)?;
//!     put(&mut writer);
//! }
//! writer.finish()?;
//! put(&mut writer);
//! assert_eq!(&file[28 + 4..28 + 8], b"moov");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod book;
pub(crate) mod lane;
mod metadata;
pub(crate) mod movie;
mod plan;
mod tables;

use crate::Error;
use crate::boxes::{Brands, Ftyp, IsoBox, Mdat, Moov};
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use book::Book;
use bytes::Bytes;
use lane::Facts;
use media::{Metadata, Sample, Time, Tracks, WallClock};
pub use plan::{Plan, Planner};
use wire::Writer as Fields;

/// How a file is written.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Config {
    /// Where `moov` goes. A [`Plan`] has its own place for it.
    pub layout: Layout,
    /// How long chunks last. Default 500 ms.
    pub interleave: Time,
    /// The time of the stream that is to be the movie's start; what is presented before it, is cut off by edit lists.
    /// Default: when the first track begins.
    pub origin: Option<Time>,
    /// When it was made.
    pub creation_time: Option<WallClock>,
    /// Texts for `udta`: `title`, `artist`, `comment`, ...
    pub metadata: Metadata,
}

/// Where `moov` goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// Behind the samples.
    MoovLast,
    /// Before the samples, if it fits the bytes that are kept free for it; else behind them. It takes about 6 bytes per
    /// sample, and 8 more per picture where pictures are reordered.
    MoovFirst {
        /// Bytes kept free.
        reserve: u32,
    },
}

impl Config {
    /// `moov` behind the samples.
    #[must_use]
    pub fn moov_last() -> Self {
        Self {
            layout: Layout::MoovLast,
            interleave: Time::from_millis(500),
            origin: None,
            creation_time: None,
            metadata: Metadata::default(),
        }
    }

    /// `moov` before the samples, if it fits into this many bytes.
    #[must_use]
    pub fn moov_first(reserve: u32) -> Self {
        Self {
            layout: Layout::MoovFirst { reserve },
            ..Self::moov_last()
        }
    }

    pub(crate) fn into_facts(self) -> movie::Facts {
        // Seconds from 1904 to 1970.
        const EPOCHS: i64 = 2_082_844_800;
        let seconds = |time: WallClock| time.as_unix_nanos().div_euclid(1_000_000_000);
        let creation_time = self
            .creation_time
            .map_or(0, |time| seconds(time).saturating_add(EPOCHS));
        movie::Facts {
            origin: self.origin,
            creation_time: u64::try_from(creation_time).unwrap_or(0),
            metadata: self.metadata,
        }
    }
}

/// Bytes, and where in the file they go: behind what was written before, or over it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// Bytes from the start of the file.
    pub offset: u64,
    /// The bytes, one piece after the other.
    pub data: Vec<Bytes>,
}

impl Write {
    pub(crate) fn new(offset: u64, data: Vec<u8>) -> Self {
        Self {
            offset,
            data: [data.into()].into(),
        }
    }

    /// Number of bytes.
    #[must_use]
    pub fn len(&self) -> u64 {
        let pieces = self.data.iter().map(|piece| piece.len() as u64);
        pieces.fold(0, u64::saturating_add)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.data.iter().all(Bytes::is_empty)
    }
}

/// Writes a progressive file. See the [module](self).
#[derive(Debug)]
pub struct Writer {
    book: Book,
    facts: movie::Facts,
    layout: Layout,
    plan: Option<Plan>,
    place: Option<Place>,
    output: VecDeque<Write>,
    finished: bool,
}

/// Where things lie.
#[derive(Debug, Clone, Copy)]
struct Place {
    /// What is kept free for `moov`.
    moov: u64,
    /// The header of `mdat`, with 8 bytes before it to grow into.
    mdat: u64,
    /// The first sample.
    data: u64,
}

/// The first box of a progressive file.
pub(crate) fn ftyp() -> Result<Vec<u8>, Error> {
    let mut out = Vec::new();
    let mut brands = Brands::new([b"isom", b"iso6", b"mp41"]);
    brands.minor_version = 0x200;
    Ftyp(brands).encode(&mut out)?;
    Ok(out)
}

/// A `free` box of this many bytes, 8 at least.
pub(crate) fn put_free(size: u32, out: &mut Vec<u8>) {
    let mut w = Fields::new(out);
    w.u32(size).bytes(b"free");
    w.zeros(
        usize::try_from(size)
            .unwrap_or(usize::MAX)
            .saturating_sub(8),
    );
}

impl Writer {
    /// A writer that waits for its tracks.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self {
            book: Book::new(config.interleave),
            layout: config.layout,
            facts: config.into_facts(),
            plan: None,
            place: None,
            output: VecDeque::new(),
            finished: false,
        }
    }

    /// A writer of what was planned. It must be given the same tracks and samples again, in the same order; its output
    /// then goes straight on, from the first byte of the file to the last.
    #[must_use]
    pub fn with_plan(plan: Plan) -> Self {
        Self {
            book: Book::new(plan.interleave),
            facts: plan.facts.clone(),
            layout: Layout::MoovLast,
            plan: Some(plan),
            place: None,
            output: VecDeque::new(),
            finished: false,
        }
    }

    /// Takes the tracks, before the first sample; and again, where the configuration of one of them changes.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for a codec that MP4 cannot carry, [`Error::Invalid`] for a track with number 0,
    /// [`Error::State`] for a track that was not there at first, and after the end.
    pub fn set_tracks(&mut self, tracks: &Tracks) -> Result<(), Error> {
        self.check_open()?;
        self.book.set_tracks(tracks)?;
        if self.place.is_none() {
            self.begin()?;
        }
        Ok(())
    }

    /// Takes a sample. Its bytes are shared until they are taken with the output.
    ///
    /// # Errors
    /// [`Error::State`] for a sample of a track that was not announced or whose decoding time goes back, for one that
    /// was not planned, and after the end; [`Error::TooLong`] for a step in time or a composition offset past 32 bits.
    /// Nothing of the sample is kept then.
    pub fn handle_sample(&mut self, sample: &Sample) -> Result<(), Error> {
        self.check_open()?;
        let facts = Facts::of(sample)?;
        let at = self.book.len;
        let done = self
            .book
            .push(sample.track, facts, Some(sample.data.clone()))?;
        self.write(at, done)
    }

    /// Ends the file: what is left, and what only now is known.
    ///
    /// # Errors
    /// [`Error::State`] where other samples came than were planned, or after the end; [`Error::TooLong`] for tables of
    /// 4 GiB.
    pub fn finish(&mut self) -> Result<(), Error> {
        self.check_open()?;
        self.finished = true;
        let at = self.book.len;
        let done = self.book.finish();
        self.write(at, done)?;
        let place = match self.place {
            Some(place) => place,
            None => self.begin()?,
        };
        if let Some(plan) = &self.plan {
            if plan.lanes != self.book.lanes {
                return Err(Error::State("other samples came than were planned"));
            }
            return Ok(());
        }
        let mut moov = Vec::new();
        self.moov(place.data)?.encode(&mut moov)?;
        self.place_moov(place, moov);
        let len = self.book.len;
        let mut header = Vec::new();
        Mdat::put_header(len, &mut Fields::new(&mut header));
        // A header of 16 bytes takes the place of the free box before it, too.
        let grown = u64::from(Mdat::header_len(len)).saturating_sub(8);
        self.output
            .push_back(Write::new(place.mdat.saturating_sub(grown), header));
        Ok(())
    }

    /// The next bytes to write; `None` until more goes in.
    pub fn poll_output(&mut self) -> Option<Write> {
        self.output.pop_front()
    }

    /// Bytes held: samples whose chunk is open, outputs not taken yet, tables.
    #[must_use]
    pub fn buffered_len(&self) -> usize {
        let queued = self
            .output
            .iter()
            .flat_map(|write| &write.data)
            .map(Bytes::len);
        queued.fold(self.book.buffered_len(), usize::saturating_add)
    }

    fn check_open(&self) -> Result<(), Error> {
        if self.finished {
            return Err(Error::State("the file is finished"));
        }
        Ok(())
    }

    fn moov(&self, shift: u64) -> Result<Moov, Error> {
        movie::moov(&self.book.lanes, &self.facts, shift)
    }

    /// Writes what stands before the samples.
    fn begin(&mut self) -> Result<Place, Error> {
        let mut head = ftyp()?;
        let moov = head.len() as u64;
        match (&self.plan, self.layout) {
            (Some(plan), _) => plan.put_head(&mut head)?,
            (None, Layout::MoovFirst { reserve }) => put_free(reserve.max(8), &mut head),
            (None, Layout::MoovLast) => {}
        }
        let mut mdat = head.len() as u64;
        if self.plan.is_none() {
            put_free(8, &mut head);
            mdat = head.len() as u64;
            // Size 0: to the end of the file, until that is known.
            Fields::new(&mut head).u32(0).bytes(&Mdat::TYPE.0);
        }
        let place = Place {
            moov,
            mdat,
            data: head.len() as u64,
        };
        self.place = Some(place);
        self.output.push_back(Write::new(0, head));
        Ok(place)
    }

    fn write(&mut self, at: u64, data: Vec<Bytes>) -> Result<(), Error> {
        if data.is_empty() {
            return Ok(());
        }
        let place = self
            .place
            .ok_or(Error::State("a sample comes before its track"))?;
        let offset = place.data.saturating_add(at);
        self.output.push_back(Write { offset, data });
        Ok(())
    }

    fn place_moov(&mut self, place: Place, mut moov: Vec<u8>) {
        if let Layout::MoovFirst { reserve } = self.layout {
            let left = u32::try_from(moov.len())
                .ok()
                .and_then(|len| reserve.max(8).checked_sub(len));
            if let Some(left) = left.filter(|left| *left == 0 || *left >= 8) {
                if left > 0 {
                    // What is behind its header is zeros already.
                    Fields::new(&mut moov).u32(left).bytes(b"free");
                }
                return self.output.push_back(Write::new(place.moov, moov));
            }
        }
        let end = place.data.saturating_add(self.book.len);
        self.output.push_back(Write::new(end, moov));
    }
}
