//! Samples from a transport stream as it arrives, in pieces of any size.
//!
//! Run it so: give it input, drain [`poll_event`](Demuxer::poll_event) until it has no more, go on.
//!
//! A track's id is its PID. Video and messages are timed in ticks of 90 kHz, sound in samples: its times are counted from
//! those of the packets, so that they are exact. The 33-bit time stamps are put on one line that does not wrap. An
//! [`Event::Tracks`] waits until the program map tables have come and every codec is known, and what follows waits with it, though
//! not longer than two seconds of the stream: at the start, and again after a map with other streams, a jump in time, or another codec of one stream,
//! behind which all may be others. What comes later is told by further ones.
//!
//! ```
//! use fluvial_mpegts::{Demuxer, Limits};
//! use media::Event;
//!
//! fn count_samples(stream: &[u8]) -> Result<usize, fluvial_mpegts::Error> {
//!     let mut demuxer = Demuxer::new(Limits::default());
//!     let mut samples = 0;
//!     for piece in stream.chunks(4096).chain([&[][..]]) {
//!         if piece.is_empty() {
//!             demuxer.handle_eof();
//!         }
//!         demuxer.handle_input(piece);
//!         while let Some(event) = demuxer.poll_event()? {
//!             samples += usize::from(matches!(event, Event::Sample(_)));
//!         }
//!     }
//!     Ok(samples)
//! }
//! # assert_eq!(count_samples(&[0x47; 188]), Ok(0));
//! ```

mod audio;
mod data;
mod dts;
mod follow;
mod frame;
mod guess;
mod h264;
mod hevc;
mod hold;
mod lock;
mod lpcm;
mod mpeg4;
mod mpeg_video;
mod opus;
mod order;
mod other;
mod program;
mod sounds;
mod source;
mod stream;
mod tell;
mod video;

use crate::packet::{Pid, Scrambling};
use crate::psi::{ClockTable, Section, StreamType};
use crate::reader::{Pes, SectionUnit, Unit};
use crate::{Error, Limits};
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use bytes::Bytes;
use frame::{Input, Out};
use hold::Hold;
use lock::{Lock, Locks};
use media::{Event, Sample, Time, Timescale, TrackId, Tracks, WallClock, Warning};
use program::{Line, Stream};
use source::Source;

pub use program::Program;

/// How long frames of one codec may go on, at most, when those of another one have begun.
const OVERLAP: Time = Time::from_millis(250);

/// Reads transport streams. See the [module](self).
#[derive(Debug)]
pub struct Demuxer {
    limits: Limits,
    reader: Source,
    programs: Vec<Program>,
    lines: Vec<Line>,
    streams: Vec<Stream>,
    /// The tracks of the last event.
    announced: Option<Tracks>,
    /// What waits for tracks.
    hold: Hold,
    /// Bytes that were taken.
    taken: u64,
    /// What opens encrypted samples.
    locks: Locks,
    events: VecDeque<Event>,
    /// What an elementary stream gave, to be used again.
    out: Vec<Out>,
    /// Input that waits, and how much of its first piece has been used.
    waiting: VecDeque<Bytes>,
    used: usize,
    eof: bool,
    over: bool,
}

impl Demuxer {
    /// A demuxer at the start of a transport stream.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self::with_source(Source::transport_stream(limits.clone()), limits)
    }

    /// A demuxer at the start of a program stream, of MPEG-1 or MPEG-2: `.mpg`, `.vob`, what cameras send (GB/T 28181).
    ///
    /// A track's id is its `stream_id`; 0x100 and `sub_stream_id` for the substreams of `private_stream_1` on a DVD; 0x200 and
    /// `stream_id_extension` for extended streams. Where no program stream map comes, streams are known by their first packets; the
    /// first tracks wait for as many as the system header tells of, or half a second of the stream's clock.
    #[must_use]
    pub fn program_stream(limits: Limits) -> Self {
        Self::with_source(Source::program_stream(limits.clone()), limits)
    }

    fn with_source(reader: Source, limits: Limits) -> Self {
        Self {
            reader,
            limits,
            programs: Vec::new(),
            lines: Vec::new(),
            streams: Vec::new(),
            announced: None,
            hold: Hold::new(),
            taken: 0,
            locks: Locks::default(),
            events: VecDeque::new(),
            out: Vec::new(),
            waiting: VecDeque::new(),
            used: 0,
            eof: false,
            over: false,
        }
    }

    /// With another time of the stream that tracks may wait for what is still unknown. Default 2 s.
    #[must_use]
    pub const fn with_hold_back(mut self, time: Time) -> Self {
        self.hold.time = time;
        self
    }

    /// Sets what opens encrypted samples of the input that comes from here on; with `None` nothing does. Packets of streams that are
    /// said to be encrypted are passed over where they have no key, with a warning.
    ///
    /// ```
    /// use fluvial_mpegts::sample_aes::Key;
    /// use fluvial_mpegts::{Demuxer, Limits};
    ///
    /// # let segments: [(Option<Key>, &[u8]); 0] = [];
    /// let mut demuxer = Demuxer::new(Limits::default());
    /// for (key, segment) in segments {
    ///     demuxer.set_sample_key(key.as_ref());
    ///     demuxer.handle_input(segment);
    ///     while let Some(event) = demuxer.poll_event()? {
    ///         // clear samples
    /// #       _ = event;
    ///     }
    /// }
    /// # Ok::<(), fluvial_mpegts::Error>(())
    /// ```
    #[cfg(feature = "sample-aes")]
    pub fn set_sample_key(&mut self, key: Option<&crate::sample_aes::Key>) {
        self.locks.set(self.taken, key);
    }

    /// The programs, as far as their tables have come: which tracks belong together.
    #[must_use]
    pub fn programs(&self) -> &[Program] {
        &self.programs
    }

    /// Takes the next bytes of the stream.
    pub fn handle_input(&mut self, data: &[u8]) {
        self.taken = self.taken.saturating_add(data.len() as u64);
        let mut rest = data;
        if self.waiting.is_empty() {
            self.run(&mut rest);
        }
        if !rest.is_empty() {
            self.waiting.push_back(Bytes::copy_from_slice(rest));
        }
    }

    /// As [`handle_input`](Self::handle_input), of bytes that can be shared: what waits until events are taken is not copied.
    pub fn handle_bytes(&mut self, data: Bytes) {
        self.taken = self.taken.saturating_add(data.len() as u64);
        if !data.is_empty() {
            self.waiting.push_back(data);
        }
    }

    /// Says that no more bytes come.
    pub const fn handle_eof(&mut self) {
        self.eof = true;
    }

    /// The next event; `None` until more goes in.
    ///
    /// # Errors
    /// None so far: what is damaged is passed over and told by a [`Warning`].
    pub fn poll_event(&mut self) -> Result<Option<Event>, Error> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Ok(Some(event));
            }
            if let Some(piece) = self.waiting.pop_front() {
                let mut rest = piece.get(self.used..).unwrap_or_default();
                self.run(&mut rest);
                self.used = 0;
                if !rest.is_empty() {
                    self.used = piece.len().saturating_sub(rest.len());
                    self.waiting.push_front(piece);
                }
                continue;
            }
            if !self.eof || self.over {
                return Ok(None);
            }
            self.reader.handle_eof();
            self.run(&mut &[][..]);
            if self.events.is_empty() {
                self.over = true;
                self.finish();
            }
        }
    }

    /// Bytes held: packets and access units that are not complete, events and input that wait.
    #[must_use]
    pub fn buffered_len(&self) -> usize {
        let streams = self
            .streams
            .iter()
            .map(|stream| stream.reader.buffered_len());
        let events = self.events.iter().map(|event| match event {
            Event::Sample(sample) => sample.data.len(),
            _ => 0,
        });
        let waiting = self.waiting.iter().map(Bytes::len);
        let waiting = waiting.fold(0, usize::saturating_add);
        [
            self.reader.buffered_len(),
            self.hold.bytes(),
            waiting.saturating_sub(self.used),
        ]
        .into_iter()
        .chain(streams)
        .chain(events)
        .fold(0, usize::saturating_add)
    }

    fn run(&mut self, input: &mut &[u8]) {
        while self.events.len() < self.limits.events
            && let Some(unit) = self.reader.next(input)
        {
            match unit {
                Unit::Pes(pes) => self.pes(pes),
                Unit::Section(section) => self.section(section),
                Unit::Clock(clock) => {
                    let pid = clock.pid.get();
                    for line in self.lines.iter_mut().filter(|line| line.pcr_pid == pid) {
                        line.clock(&clock);
                        if clock.discontinuity {
                            let of = self.streams.iter_mut();
                            of.filter(|stream| stream.program == line.program)
                                .for_each(Stream::expect_jump);
                        }
                    }
                }
                Unit::Pat(pat) => self.associate(&pat),
                Unit::Pmt(pmt) => self.map(&pmt),
                Unit::Problem(problem) => {
                    let mut warning = Warning::new(problem.what)
                        .at(problem.offset)
                        .skipping(problem.skipped);
                    warning.track = problem.pid.map(|pid| TrackId(pid.get().into()));
                    self.push(Event::Warning(warning));
                }
            }
        }
    }

    /// All may be others from this offset on: what comes waits until every stream has been heard of again.
    fn wait_for_all(&mut self, offset: u64) {
        for stream in &mut self.streams {
            stream.wait_for(offset);
        }
        self.hold.start();
    }

    /// Gives what streams hold of which nothing follows.
    fn flush(&mut self, which: impl Fn(&Stream) -> bool) {
        let mut out = core::mem::take(&mut self.out);
        for place in 0..self.streams.len() {
            let Some(place_of) = self.streams.get_mut(place).filter(|stream| which(stream)) else {
                continue;
            };
            let mut stream = core::mem::replace(place_of, Stream::placeholder());
            stream.reader.finish(&mut out);
            if stream.reader.gives_up(true) {
                out.push(Out::Warning(not_read(stream.stream_type).into()));
            }
            self.give(&mut stream, &mut out, None);
            if let Some(place_of) = self.streams.get_mut(place) {
                *place_of = stream;
            }
        }
        self.out = out;
    }

    fn pes(&mut self, pes: Pes) {
        let pid = pes.pid.get();
        let Some(place) = self.streams.iter().position(|stream| stream.pid == pid) else {
            return;
        };
        #[expect(clippy::disallowed_methods, reason = "the place was just found")]
        let mut stream = self.streams.swap_remove(place);
        let encrypted = stream.is_encrypted(pes.offset);
        let lock = self.locks.at(pes.offset).filter(|_| encrypted).cloned();
        let refused = match (pes.scrambling, &lock) {
            (Scrambling::Clear, None) if encrypted => {
                Some("encrypted samples without their key are not read")
            }
            (Scrambling::Clear, _) => None,
            _ => Some("scrambled packets are not read"),
        };
        match refused {
            None => self.clear_pes(&mut stream, pes, lock),
            Some(what) if !core::mem::replace(&mut stream.told_scrambled, true) => {
                let warning = Warning::new(what);
                self.push(Event::Warning(warning.at(pes.offset).on(stream.id())));
            }
            Some(_) => {}
        }
        self.put_back(place, stream);
    }

    /// Puts a stream back where it was taken from.
    #[expect(clippy::disallowed_methods, reason = "the places exist")]
    fn put_back(&mut self, place: usize, stream: Stream) {
        self.streams.push(stream);
        let last = self.streams.len().saturating_sub(1);
        if place < last {
            self.streams.swap(place, last);
        }
    }

    fn clear_pes(&mut self, stream: &mut Stream, pes: Pes, lock: Option<Lock>) {
        let mut lines = self.lines.iter_mut();
        let Some(line) = lines.find(|line| line.program == stream.program) else {
            return;
        };
        let mut out = core::mem::take(&mut self.out);
        let times = line.times(&pes);
        let now = line.now();
        if let Some(times) = times
            && stream.jumps(times.dts)
        {
            stream.reader.handle_discontinuity(&mut out);
            self.give(stream, &mut out, None);
            stream.last = None;
            if stream.has_given {
                self.jump(stream, pes.offset);
            }
        }
        let input = Input {
            times,
            gap: pes.after_loss || pes.damaged,
            lock,
            data: pes.data,
            is_length_prefixed: pes.is_length_prefixed,
            open_end: pes.open_end,
        };
        stream.reader.handle(input, now, &mut out);
        self.reader
            .gather_nal_units(pes.pid, stream.reader.takes_nal_units());
        if stream.reader.gives_up(false) {
            stream.awaited = None;
            out.push(Out::Warning(not_read(stream.stream_type).into()));
            self.changed(Some(stream));
            if let Some(pid) = Pid::new(stream.pid) {
                self.reader.ignore_stream(pid);
            }
        }
        self.give(stream, &mut out, Some(pes.offset));
        self.out = out;
    }

    /// The time line jumps, at a packet of the stream that is being worked on.
    fn jump(&mut self, stream: &mut Stream, offset: u64) {
        if self.hold.is_on() && self.announced.is_some() {
            let told = |id| {
                let mut streams = self.streams.iter().chain([&*stream]);
                let stream = streams.find(|stream| stream.id() == id);
                stream.is_some_and(|stream| self.is_told(stream))
            };
            if !self.hold.has_changes() && self.hold.samples().all(told) {
                self.hold.release(&mut self.events);
            } else {
                self.announce_now(Some(stream));
            }
        }
        match self.announced {
            Some(_) => self.events.push_back(Event::Discontinuity),
            None => self.push(Event::Discontinuity),
        }
        stream.wait_for(offset);
        self.wait_for_all(offset);
        for stream in self.streams.iter_mut().chain([stream]) {
            stream.has_given = false;
        }
    }

    /// Takes a time and date table or a time offset table: whole seconds of the wall clock, about now.
    fn wall_clock(&mut self, data: &[u8]) {
        let table = Section::parse(data).and_then(|section| ClockTable::decode(&section));
        let unix = table.ok().and_then(|table| table.utc_time.unix());
        let now = self.lines.iter().find_map(Line::known_clock);
        if let (Some(unix), Some(now)) = (unix, now) {
            self.push(Event::Clock {
                time: Timescale::KHZ_90.time(now),
                wall: WallClock::from_unix_nanos(unix.saturating_mul(1_000_000_000)),
            });
        }
    }

    fn section(&mut self, section: SectionUnit) {
        if section.pid == Pid::TDT {
            return self.wall_clock(&section.data);
        }
        let pid = section.pid.get();
        let Some(place) = self.streams.iter().position(|stream| stream.pid == pid) else {
            return;
        };
        #[expect(clippy::disallowed_methods, reason = "the place was just found")]
        let mut stream = self.streams.swap_remove(place);
        let line = self
            .lines
            .iter()
            .find(|line| line.program == stream.program);
        if let Some(now) = line.map(Line::clock_now) {
            let mut out = core::mem::take(&mut self.out);
            let input = Input {
                times: None,
                gap: false,
                lock: None,
                data: section.data,
                is_length_prefixed: false,
                open_end: None,
            };
            stream.reader.handle(input, now, &mut out);
            self.give(&mut stream, &mut out, Some(section.offset));
            self.out = out;
        }
        self.put_back(place, stream);
    }

    /// Makes events of what a stream gave.
    #[expect(clippy::disallowed_methods, reason = "all of them are taken")]
    fn give(&mut self, stream: &mut Stream, out: &mut Vec<Out>, offset: Option<u64>) {
        let mut out = out.drain(..).peekable();
        while let Some(given) = out.next() {
            match given {
                Out::Codec(codec, timescale) => {
                    let before = stream.codec.replace((codec.clone(), timescale));
                    if let Some((before, old)) = before {
                        // Where the two overlap a little, what came stays before what comes, by another clock, too.
                        let next = match out.peek() {
                            Some(Out::Frame(frame)) => Some(frame.dts),
                            _ => None,
                        };
                        let last = stream.last.map(|last| old.rescale(last, timescale));
                        stream.last = last.filter(|last| {
                            next.is_some_and(|next| {
                                timescale.time(last.saturating_sub(next)) <= OVERLAP
                            })
                        });
                        // Between two pictures, parameter sets of one alone may be others.
                        if let Some(offset) = offset
                            && !before.has_sequences_of(&codec)
                        {
                            self.wait_for_all(offset);
                        }
                        if self.hold.samples().any(|id| id == stream.id()) {
                            self.hold.change(stream.id(), (before, old));
                        }
                    }
                    stream.is_heard(offset);
                    self.changed(Some(stream));
                }
                Out::Frame(mut frame) => {
                    if let Some(last) = stream.last
                        && frame.dts <= last
                    {
                        // Times that stand still or go back a little: decoding goes on all the same.
                        let step = i64::from(!stream.reader.is_sparse());
                        let behind = frame.pts.saturating_sub(frame.dts);
                        frame.dts = last.saturating_add(step);
                        if behind == 0 {
                            frame.pts = frame.dts;
                        }
                    }
                    stream.last = Some(frame.dts);
                    stream.has_given = true;
                    if self.hold.is_on() && stream.is_heard(offset) {
                        self.changed(Some(stream));
                    }
                    let sample = Sample {
                        track: stream.id(),
                        dts: frame.dts,
                        pts: frame.pts,
                        duration: frame.duration,
                        flags: frame.flags,
                        data: frame.data,
                    };
                    if !self.hold.is_on() || stream.is_before(offset) && self.is_told(stream) {
                        self.events.push_back(Event::Sample(sample));
                    } else {
                        self.hold_back(sample, stream, offset);
                    }
                }
                Out::Warning(what) => {
                    let mut warning = Warning::new(what).on(stream.id());
                    warning.offset = offset;
                    self.push_of(Event::Warning(warning), Some(stream));
                }
            }
        }
    }

    fn finish(&mut self) {
        self.flush(|_| true);
        if self.hold.is_on() {
            self.wait_no_longer(None);
        }
    }
}

/// What is said of a stream that nobody can read.
fn not_read(stream_type: StreamType) -> alloc::string::String {
    alloc::format!("streams of this type are not read: {stream_type}")
}

#[cfg(test)]
mod tests;
