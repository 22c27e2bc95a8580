//! What belongs to a program: its streams and its time line.

use super::frame::Times;
use super::lock;
use super::stream::{Elementary, language};
use crate::Limits;
use crate::clock::nearest;
use crate::psi::{Descriptors, ElementaryStream, Pmt, StreamType};
use crate::reader::{Clock, Pes};
use alloc::vec::Vec;
use media::{Codec, Language, Timescale, Track, TrackId};

/// A program of a transport stream: tracks that belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// `program_number`.
    pub number: u16,
    /// Its tracks, in the order of its map; those whose codec is not known yet too.
    pub tracks: Vec<TrackId>,
    /// Its map has come.
    pub(super) is_known: bool,
}

impl Program {
    pub(super) const fn new(number: u16) -> Self {
        Self {
            number,
            tracks: Vec::new(),
            is_known: false,
        }
    }
}

/// The time line of a program.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) program: u16,
    pub(super) pcr_pid: u16,
    /// The latest time stamp, in ticks of 90 kHz, unwrapped.
    latest: Option<i64>,
    /// The latest clock reference, likewise.
    clock: Option<i64>,
}

impl Line {
    pub(super) const fn new(program: u16) -> Self {
        Self {
            program,
            pcr_pid: Pmt::NO_PCR,
            latest: None,
            clock: None,
        }
    }

    fn unwrap(&mut self, stamp: u64) -> i64 {
        let start = i64::try_from(stamp).unwrap_or(0);
        let time = nearest(stamp, self.latest.unwrap_or(start));
        self.latest = Some(time);
        time
    }

    pub(super) fn clock(&mut self, clock: &Clock) {
        self.clock = Some(self.unwrap(clock.pcr.base));
    }

    /// The times of a PES packet.
    pub(super) fn times(&mut self, pes: &Pes) -> Option<Times> {
        let pts = pes.pts?;
        let dts = self.unwrap(pes.dts.unwrap_or(pts));
        Some(Times {
            pts: nearest(pts, dts),
            dts,
            has_dts: pes.dts.is_some(),
        })
    }

    /// The time of what has none.
    pub(super) fn now(&self) -> i64 {
        self.latest.unwrap_or(0)
    }

    /// What the program's clock shows.
    pub(super) fn clock_now(&self) -> i64 {
        self.known_clock().unwrap_or(0)
    }

    /// The same, if anything has told it.
    pub(super) fn known_clock(&self) -> Option<i64> {
        self.clock.or(self.latest)
    }
}

/// A stream of a program.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) pid: u16,
    pub(super) program: u16,
    /// Where the map ends that told of it.
    mapped: u64,
    pub(super) stream_type: StreamType,
    descriptors: Descriptors,
    language: Language,
    pub(super) reader: Elementary,
    pub(super) codec: Option<(Codec, Timescale)>,
    /// Tracks are not told before something came of it from a packet at this offset or behind.
    pub(super) awaited: Option<u64>,
    /// Decoding time of the last sample, in ticks of its track.
    pub(super) last: Option<i64>,
    /// Decoding time of the last packet, in ticks of 90 kHz.
    last_packet: Option<i64>,
    /// Packets among which a jump in time is expected.
    jump_expected: u8,
    /// It has given a sample since the last jump.
    pub(super) has_given: bool,
    pub(super) told_scrambled: bool,
    /// Whether its samples are encrypted (HLS), and from which offset in the input on; before it was the other way round.
    encrypted: (bool, u64),
}

/// Ticks of 90 kHz in a second.
const SECOND: i64 = 90_000;

impl Stream {
    pub(super) fn new(
        pmt: &Pmt,
        entry: &ElementaryStream,
        limits: &Limits,
        offset: u64,
    ) -> Option<Self> {
        let reader = Elementary::new(pmt, entry, limits.pes_size)?;
        let codec = reader.codec().cloned();
        Some(Self {
            pid: entry.elementary_pid,
            program: pmt.program_number,
            mapped: offset,
            stream_type: entry.stream_type,
            language: language(&entry.descriptors),
            descriptors: entry.descriptors.clone(),
            awaited: codec.is_none().then_some(0),
            codec: codec.map(|codec| (codec, Timescale::KHZ_90)),
            reader,
            last: None,
            last_packet: None,
            jump_expected: 0,
            has_given: false,
            told_scrambled: false,
            encrypted: (lock::opened(entry.stream_type).is_some(), 0),
        })
    }

    /// Stands in for a stream that is being worked on.
    pub(super) fn placeholder() -> Self {
        Self {
            pid: Pmt::NO_PCR,
            program: 0,
            mapped: 0,
            stream_type: StreamType(0),
            language: Language::UNDETERMINED,
            descriptors: Descriptors::new(),
            awaited: None,
            codec: None,
            reader: Elementary::Sections(Codec::Scte35),
            last: None,
            last_packet: None,
            jump_expected: 0,
            has_given: false,
            told_scrambled: false,
            encrypted: (false, 0),
        }
    }

    pub(super) const fn id(&self) -> TrackId {
        TrackId(self.pid as u32)
    }

    pub(super) fn timescale(&self) -> Timescale {
        self.codec
            .as_ref()
            .map_or(Timescale::KHZ_90, |(_, timescale)| *timescale)
    }

    /// Whether a map still has it as it is. Samples that are encrypted from here on, or no more, are no other stream.
    pub(super) fn is_in(&self, pmt: &Pmt) -> bool {
        pmt.streams.iter().any(|entry| {
            entry.elementary_pid == self.pid
                && (entry.stream_type == self.stream_type && entry.descriptors == self.descriptors
                    || self.turns_into(entry))
        })
    }

    /// Whether an entry is the same stream, of which either is encrypted.
    fn turns_into(&self, entry: &ElementaryStream) -> bool {
        let (now, next) = (
            lock::opened(self.stream_type),
            lock::opened(entry.stream_type),
        );
        now.is_some() != next.is_some()
            && now.unwrap_or(self.stream_type) == next.unwrap_or(entry.stream_type)
    }

    /// Follows its entry in a new map, which ends before this offset in the input.
    pub(super) fn follow(&mut self, entry: &ElementaryStream, offset: u64) {
        if self.turns_into(entry) {
            self.encrypted = (!self.encrypted.0, offset);
            self.stream_type = entry.stream_type;
            self.descriptors = entry.descriptors.clone();
        }
    }

    /// Whether the samples of a packet are encrypted that begins at this offset.
    pub(super) const fn is_encrypted(&self, offset: u64) -> bool {
        let (encrypted, since) = self.encrypted;
        encrypted == (offset >= since)
    }

    /// Whether a packet at this offset came before its map.
    pub(super) fn is_early(&self, offset: Option<u64>) -> bool {
        offset.is_some_and(|offset| offset < self.mapped)
    }

    /// Waits for what comes from this offset on, if it is one that goes on.
    pub(super) const fn wait_for(&mut self, offset: u64) {
        if self.has_given && !self.reader.is_sparse() {
            self.awaited = Some(offset);
        }
    }

    /// Something came of a packet at this offset; whether it was waited for.
    pub(super) fn is_heard(&mut self, offset: Option<u64>) -> bool {
        let is_awaited = |since: &mut u64| offset.is_some_and(|offset| offset >= *since);
        self.awaited.take_if(is_awaited).is_some()
    }

    /// Whether it is waited for, and what came of a packet at this offset, or at the end of something, is not yet it.
    pub(super) fn is_before(&self, offset: Option<u64>) -> bool {
        let since = |since| offset.is_none_or(|offset| offset < since);
        self.awaited.is_some_and(since)
    }

    /// When its last packet was decoded, if it has given anything since the last jump.
    pub(super) fn last_given(&self) -> Option<i64> {
        self.last_packet.filter(|_| self.has_given)
    }

    /// It stands where others did, of which the last packet was decoded then: its time line goes on with theirs, or jumps.
    pub(super) const fn follow_others(&mut self, last: Option<i64>) {
        self.has_given = last.is_some();
        self.last_packet = last;
    }

    pub(super) fn track(&self) -> Option<Track> {
        let (codec, timescale) = self.codec.clone()?;
        let mut track = Track::new(self.id(), timescale, codec);
        track.language = self.language;
        Some(track)
    }

    /// The program's clock is said to jump.
    pub(super) const fn expect_jump(&mut self) {
        // The packet that was being gathered, and some that were on their way.
        self.jump_expected = 4;
    }

    /// Whether the time line jumps before a packet of this time.
    pub(super) fn jumps(&mut self, dts: i64) -> bool {
        let last = self.last_packet.replace(dts);
        let (forward, back) = if self.jump_expected > 0 {
            self.jump_expected -= 1;
            (SECOND, SECOND / 10)
        } else {
            (10 * SECOND, SECOND)
        };
        let Some(last) = last.filter(|_| !self.reader.is_sparse()) else {
            return false;
        };
        let step = dts.saturating_sub(last);
        step > forward || step < -back
    }
}
