use super::book::Book;
use super::lane::{Facts, Lane};
use super::{Config, ftyp, movie};
use crate::Error;
use crate::boxes::{IsoBox, Mdat};
use alloc::vec::Vec;
use media::{Sample, Time, Tracks};
use wire::Writer as Fields;

/// Goes through the samples of a file before they are written, and keeps none of their bytes.
#[derive(Debug)]
pub struct Planner {
    book: Book,
    interleave: Time,
    facts: movie::Facts,
}

/// What a file will be: its `moov`, and where each sample goes.
#[derive(Debug, Clone)]
pub struct Plan {
    pub(super) lanes: Vec<Lane>,
    pub(super) interleave: Time,
    pub(super) facts: movie::Facts,
    /// Bytes of all samples.
    len: u64,
}

impl Planner {
    /// A planner that waits for its tracks. [`Config::layout`] does not matter: `moov` comes first.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self {
            book: Book::new(config.interleave),
            interleave: config.interleave,
            facts: config.into_facts(),
        }
    }

    /// Takes the tracks, as [`Writer::set_tracks`](super::Writer::set_tracks).
    ///
    /// # Errors
    /// As there.
    pub fn set_tracks(&mut self, tracks: &Tracks) -> Result<(), Error> {
        self.book.set_tracks(tracks)
    }

    /// Takes a sample, as [`Writer::handle_sample`](super::Writer::handle_sample); only the size of its data matters.
    ///
    /// # Errors
    /// As there.
    pub fn handle_sample(&mut self, sample: &Sample) -> Result<(), Error> {
        let facts = Facts::of(sample)?;
        self.book.push(sample.track, facts, None).map(|_| ())
    }

    /// The plan. Give it to [`Writer::with_plan`](super::Writer::with_plan).
    #[must_use]
    pub fn finish(mut self) -> Plan {
        self.book.finish();
        Plan {
            interleave: self.interleave,
            facts: self.facts,
            len: self.book.len,
            lanes: self.book.lanes,
        }
    }
}

impl Plan {
    /// Bytes that the file will have.
    ///
    /// # Errors
    /// [`Error::TooLong`] for tables of 4 GiB.
    pub fn file_len(&self) -> Result<u64, Error> {
        let mut head = ftyp()?;
        self.put_head(&mut head)?;
        Ok(self.len.saturating_add(head.len() as u64))
    }

    /// `moov` and the header of `mdat`, after what is there already.
    pub(super) fn put_head(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        let mdat = u64::from(Mdat::header_len(self.len));
        let before = (out.len() as u64).saturating_add(mdat);
        // The first chunk lies behind `moov`, and how long that is, may depend on it: places past 4 GiB take more room.
        let mut moov = movie::moov(&self.lanes, &self.facts, before)?;
        for _ in 0..2 {
            let shift = before.saturating_add(moov.encoded_len() as u64);
            moov = movie::moov(&self.lanes, &self.facts, shift)?;
        }
        moov.encode(out)?;
        Mdat::put_header(self.len, &mut Fields::new(out));
        Ok(())
    }
}
