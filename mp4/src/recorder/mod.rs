//! A file that can be played while it grows, whatever becomes of the recorder, and is a plain one when it is closed.
//!
//! ```text
//! while it grows   ftyp moov free................. moof mdat moof mdat ...
//! closed           ftyp free moov' free mdat.................................      if moov' fits the free place,
//!                  ftyp free mdat........................................... moov'  else
//! ```
//!
//! Samples are laid down in movie fragments of about [`Config::fragment`], each of which becomes one by a write of 4
//! bytes, when all of it is there: whenever the recorder dies, within a write or between two, the file plays up to its
//! last whole fragment. Closing it copies no sample: `moov'`, with tables of all of them, is put where `free`
//! was, and an `mdat` over everything after it, fragment headers and all. The **last** write of [`finish`] makes the
//! switch, 8 bytes long: before it the file is the one, after it the other.
//!
//! Writes are to be done in their order. What must survive a loss of power, not of the process alone, is to be synced
//! before the last one.
//!
//! [`finish`]: Recorder::finish

mod head;

use crate::Error;
use crate::boxes::{IsoBox, Moof};
use crate::packager::fragment::{self, Run, fragment};
use crate::writer::lane::{Facts, Lane};
use crate::writer::{self, Write, ftyp, movie};
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use bytes::Bytes;
use core::num::NonZeroU32;
use head::Head;
use media::{Kind, Metadata, Sample, Time, Tracks, WallClock};

/// How a file is recorded.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Config {
    /// How long fragments last: what a crash can cost. Default 500 ms.
    pub fragment: Time,
    /// Bytes kept free for the tables of the closed file: about 6 per sample, and 8 more per picture where pictures are
    /// reordered. Default 1 MiB, which is enough for half an hour. Past it, `moov` comes last.
    pub reserve: u32,
    /// Whether parameter sets of H.264 and H.265 stand before each picture that can be searched for (`avc3`, `hev1`, ISO/IEC 14496-15 §5.3.3, §8.4), so that pictures may change
    /// their size in a file that grows: players follow those, where they do not look for another sample description. Default false (`avc1`, `hvc1`).
    pub in_band: bool,
    /// When it was made.
    pub creation_time: Option<WallClock>,
    /// Texts for `udta`: `title`, `artist`, `comment`, ...
    pub metadata: Metadata,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            fragment: Time::from_millis(500),
            reserve: 1 << 20,
            in_band: false,
            creation_time: None,
            metadata: Metadata::default(),
        }
    }
}

/// Records a file. See the [module](self).
#[derive(Debug)]
pub struct Recorder {
    fragment: Time,
    reserve: u32,
    in_band: bool,
    facts: movie::Facts,
    lanes: Vec<Lane>,
    /// Samples that are in no fragment yet, lane by lane, and what becomes of their times.
    waiting: Vec<Waiting>,
    /// When the fragment began that is open.
    since: Option<Time>,
    held: u64,
    sequence_number: u32,
    head: Option<Head>,
    /// Where the file ends.
    end: u64,
    output: VecDeque<Write>,
    finished: bool,
}

#[derive(Debug, Default)]
struct Waiting {
    samples: Vec<Sample>,
    shift: Option<Shift>,
}

/// What is added to times on the way into fragments.
#[derive(Debug, Clone, Copy)]
struct Shift {
    decode: i64,
    presentation: i64,
}

/// Most bytes that wait for their fragment.
const MOST_HELD: u64 = 8 << 20;

impl Recorder {
    /// A recorder that waits for its tracks.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let mut of_writer = writer::Config::moov_last();
        of_writer.creation_time = config.creation_time;
        of_writer.metadata = config.metadata;
        Self {
            fragment: config.fragment,
            reserve: config.reserve,
            in_band: config.in_band,
            facts: of_writer.into_facts(),
            lanes: Vec::new(),
            waiting: Vec::new(),
            since: None,
            held: 0,
            sequence_number: 0,
            head: None,
            end: 0,
            output: VecDeque::new(),
            finished: false,
        }
    }

    /// Takes the tracks, before the first sample; and again, where the configuration of one of them changes.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for a codec that MP4 cannot carry, [`Error::Invalid`] for a track with number 0,
    /// [`Error::State`] for a track that was not there at first, and after the end;
    /// [`Error::Limit`] where the free place has no room for another sample description.
    pub fn set_tracks(&mut self, tracks: &Tracks) -> Result<(), Error> {
        self.check_open()?;
        if self.lanes.is_empty() {
            let lane = |track| Lane::with(track, self.in_band);
            self.lanes = tracks.iter().map(lane).collect::<Result<_, _>>()?;
            self.waiting.resize_with(self.lanes.len(), Waiting::default);
            return Ok(());
        }
        let is_known = |id| self.lanes.iter().any(|lane| lane.track.id == id);
        if !tracks.iter().all(|track| is_known(track.id)) {
            return Err(Error::State("a track cannot join a file that has begun"));
        }
        let mut goes_on = true;
        for lane in &self.lanes {
            if let Some(track) = tracks.find(lane.track.id) {
                goes_on &= lane.describes(track)?;
            }
        }
        if !goes_on {
            self.flush(true)?;
        }
        let mut described = false;
        for lane in &mut self.lanes {
            if let Some(track) = tracks.find(lane.track.id) {
                described |= lane.set_track(track)?;
            }
        }
        if let (true, Some(head)) = (described, &mut self.head) {
            self.output.push_back(head.describe(&self.lanes)?);
        }
        Ok(())
    }

    /// Takes a sample. Its bytes are shared until their fragment is written, and copied once then.
    ///
    /// # Errors
    /// [`Error::State`] for a sample of a track that was not announced or whose decoding time goes back, and after the
    /// end; [`Error::TooLong`] for a step in time or a composition offset past 32 bits.
    pub fn handle_sample(&mut self, sample: &Sample) -> Result<(), Error> {
        self.check_open()?;
        let mut lanes = self.lanes.iter_mut().zip(&mut self.waiting);
        let lane = lanes.find(|(lane, _)| lane.track.id == sample.track);
        let (lane, waiting) =
            lane.ok_or(Error::State("a sample of a track that was not announced"))?;
        let sample = lane.write(sample);
        lane.push(Facts::of(&sample)?)?;
        if let Some(last) = waiting.samples.last_mut() {
            let step = u32::try_from(sample.dts.saturating_sub(last.dts)).ok();
            last.duration = step.and_then(NonZeroU32::new).or(last.duration);
        }
        let time = lane.track.timescale.time(sample.dts);
        let since = *self.since.get_or_insert(time);
        self.held = self.held.saturating_add(sample.data.len() as u64);
        waiting.samples.push(sample.into_owned());
        if time - since >= self.fragment || self.held > MOST_HELD {
            self.flush(false)?;
        }
        Ok(())
    }

    /// Closes the file: it becomes a plain one, `moov` first if it fits.
    ///
    /// # Errors
    /// [`Error::State`] after the end; [`Error::TooLong`] for tables of 4 GiB. The file stays as it was then.
    pub fn finish(&mut self) -> Result<(), Error> {
        self.check_open()?;
        self.finished = true;
        self.flush(true)?;
        self.lanes.iter_mut().for_each(Lane::finish);
        self.begin()?;
        let mut moov = Vec::new();
        movie::moov(&self.lanes, &self.facts, 0)?.encode(&mut moov)?;
        if let Some(head) = &self.head {
            self.output.extend(head.close(moov, self.end)?);
        }
        Ok(())
    }

    /// The next bytes to write; `None` until more goes in.
    pub fn poll_output(&mut self) -> Option<Write> {
        self.output.pop_front()
    }

    /// Bytes held: samples whose fragment is open, outputs not taken yet, tables.
    #[must_use]
    pub fn buffered_len(&self) -> usize {
        let queued = self
            .output
            .iter()
            .flat_map(|write| &write.data)
            .map(Bytes::len);
        let samples = self.waiting.iter().flat_map(|waiting| &waiting.samples);
        let tables = self.lanes.iter().map(Lane::tables_len);
        let held = samples.map(|sample| sample.data.len()).chain(tables);
        queued.chain(held).fold(0, usize::saturating_add)
    }

    fn check_open(&self) -> Result<(), Error> {
        if self.finished {
            return Err(Error::State("the file is finished"));
        }
        Ok(())
    }

    /// Writes what stands before the fragments, if that has not been done.
    fn begin(&mut self) -> Result<(), Error> {
        if self.head.is_some() {
            return Ok(());
        }
        let origin = movie::origin(&self.lanes, &self.facts);
        for (lane, waiting) in self.lanes.iter().zip(&mut self.waiting) {
            // A track that is there lies on its own line, which edits lay on the movie's.
            waiting.shift = lane.first_dts.map(|first| Shift {
                decode: first.saturating_neg(),
                presentation: first.saturating_neg(),
            });
        }
        let (head, write) = Head::new(ftyp()?, &self.lanes, origin, self.reserve)?;
        self.end = head.data();
        self.head = Some(head);
        self.output.push_back(write);
        Ok(())
    }

    /// Writes a fragment of what waits, but for samples of which nobody knows how long they last; `last` says that no more comes
    /// for them soon.
    fn flush(&mut self, last: bool) -> Result<(), Error> {
        self.since = None;
        self.held = 0;
        if self
            .waiting
            .iter()
            .all(|waiting| waiting.samples.is_empty())
        {
            return Ok(());
        }
        self.begin()?;
        let origin = self.head.as_ref().map_or(Time::ZERO, Head::origin);
        let mut runs = Vec::new();
        for (lane, waiting) in self.lanes.iter().zip(&mut self.waiting) {
            runs.extend(run(lane, waiting, origin, last));
        }
        if runs.is_empty() {
            return Ok(());
        }
        self.sequence_number = self.sequence_number.wrapping_add(1);
        let head = fragment::Head::default();
        let mut data = fragment(&head, self.sequence_number, &runs, false)?.written;
        let len = |run: &Run| {
            let sizes = run.samples.iter().map(|sample| sample.data.len() as u64);
            sizes.fold(0, u64::saturating_add)
        };
        let payload = runs.iter().map(len).fold(0, u64::saturating_add);
        let offset = self.end;
        self.end = offset.saturating_add(data.len() as u64);
        let mut at = self.end.saturating_sub(payload);
        for run in &runs {
            let mut lanes = self.lanes.iter_mut();
            if let Some(lane) = lanes.find(|lane| lane.track.id.0 == run.track_id) {
                let samples = u32::try_from(run.samples.len()).unwrap_or(u32::MAX);
                lane.push_chunk(at, samples, lane.description);
            }
            at = at.saturating_add(len(run));
        }
        let held = self.waiting.iter().flat_map(|waiting| &waiting.samples);
        self.held = held
            .map(|sample| sample.data.len() as u64)
            .fold(0, u64::saturating_add);
        // Players give up where the file ends within `moof`; so it is one only when all of it is there.
        if let Some(box_type) = data.get_mut(4..8).and_then(|bytes| bytes.first_chunk_mut()) {
            *box_type = *b"free";
        }
        self.output.push_back(Write::new(offset, data));
        let is_there = Write::new(offset.saturating_add(4), Moof::TYPE.0.into());
        self.output.push_back(is_there);
        Ok(())
    }
}

/// The samples of a track that go into a fragment.
fn run(lane: &Lane, waiting: &mut Waiting, origin: Time, last: bool) -> Option<Run> {
    let mut samples = core::mem::take(&mut waiting.samples);
    if last {
        if let Some(sample) = samples.last_mut() {
            let guess = NonZeroU32::new(lane.last_delta()).unwrap_or(NonZeroU32::MIN);
            sample.duration.get_or_insert(guess);
        }
    } else {
        // When the next one comes tells how long a sample lasts, whatever it says itself: a clock that is set anew meanwhile must
        // not let fragments overlap. For what comes now and then nobody waits. A sample that another one follows at once has no
        // duration either.
        let is_steady = lane.track.codec.kind() != Kind::Data;
        waiting.samples.extend(samples.pop_if(|_| is_steady));
        while let Some(sample) = samples.pop_if(|sample| sample.duration.is_none()) {
            waiting.samples.push(sample);
        }
        waiting.samples.reverse();
    }
    let first = samples.first()?;
    let shift = *waiting.shift.get_or_insert_with(|| {
        // A track that came late lies on the movie's line, and what it has before its start is decoded at the start.
        let presentation = lane.track.timescale.ticks(origin).saturating_neg();
        let lift = first
            .dts
            .saturating_add(presentation)
            .saturating_neg()
            .max(0);
        Shift {
            decode: presentation.saturating_add(lift),
            presentation,
        }
    });
    Some(Run {
        track_id: lane.track.id.0,
        description: (lane.description > 1).then_some(lane.description),
        decode_shift: shift.decode,
        presentation_shift: shift.presentation,
        start: first.dts,
        samples,
        protected: None,
    })
}
