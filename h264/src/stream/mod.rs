//! Samples from a byte stream without a container: files such as `.264`, `.h264`, `.jsv`, `.avc` (ISO/IEC 14496-10 Annex B).
//!
//! Run it so: give it input, drain [`poll_event`](Demuxer::poll_event) until it has no more, go on.

mod gather;

use crate::access_unit::Summary;
use crate::annexb::Splitter;
use crate::sps::Rational;
use crate::{DecoderConfig, Error};
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use bytes::Bytes;
use gather::Gather;

/// How much an input can make a [`Demuxer`] hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of an access unit. Default 16 MiB.
    pub access_unit: usize,
    /// Bytes of the access units that wait until their place in output order is settled; past that, it is settled at
    /// once. Default 64 MiB.
    pub held: usize,
    /// Events waiting to be polled; the rest of the input waits with them. Default 64.
    pub events: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            access_unit: 16 << 20,
            held: 64 << 20,
            events: 64,
        }
    }
}

/// What a [`Demuxer`] gives, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The parameter sets: before the first access unit, and again before the first one that has others.
    Config {
        /// The record.
        config: DecoderConfig,
        /// Ticks in a second, the same throughout the stream.
        timescale: u32,
    },
    /// An access unit.
    AccessUnit(AccessUnit),
    /// Something was wrong with the input; the rest of it goes on.
    Warning(Warning),
}

/// An access unit with its times, which are in ticks of [`Event::Config`]'s timescale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessUnit {
    /// Its NAL units, each after its length in 4 bytes, without delimiters, filler and parameter sets.
    pub data: Bytes,
    /// When it is decoded.
    pub dts: i64,
    /// When it begins to be shown.
    pub pts: i64,
    /// How long it is shown.
    pub duration: u32,
    /// What its headers tell.
    pub summary: Summary,
    /// Where its first NAL unit was: bytes from the start of the stream.
    pub offset: u64,
}

/// Something wrong in the input that did not stop the reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Warning {
    /// Where the access unit was: bytes from the start of the stream.
    pub offset: u64,
    /// Bytes of it that were dropped; none where only a parameter set could not be read.
    pub skipped: usize,
    /// What was wrong.
    pub error: Error,
}

/// Reads a byte stream: finds access units, moves parameter sets to the configuration, and gives times by picture order
/// count and frame rate (see [`Timeline`](crate::Timeline)).
///
/// An access unit comes out when its place in output order is settled: as many frames later as the stream may reorder.
/// Each field of a frame that is coded as two is an access unit of its own.
///
/// ```
/// use fluvial_h264::stream::{Demuxer, Event, Limits};
///
/// let stream = [
///     &[0, 0, 0, 1, 0x67, 0x42, 0xC0, 0x0A, 0xDA, 0x11, 0x3F, 0x90][..],
///     &[0, 0, 0, 1, 0x68, 0xCE, 0x0F, 0xC8],
///     &[0, 0, 0, 1, 0x65, 0xB8, 0x04, 0x0A, 0xFF],
/// ].concat();
/// let mut demuxer = Demuxer::new(Limits::default());
/// let mut times = Vec::new();
/// for input in stream.chunks(7) {
///     demuxer.handle_input(input);
///     while let Some(event) = demuxer.poll_event() {
///         panic!("the access unit may go on: {event:?}");
///     }
/// }
/// demuxer.handle_eof();
/// while let Some(event) = demuxer.poll_event() {
///     match event {
///         Event::Config { config, timescale } => assert_eq!((config.rfc6381().as_str(), timescale), ("42C00A", 12_800)),
///         Event::AccessUnit(unit) => times.push((unit.dts, unit.pts, unit.duration, unit.summary.is_sync())),
///         other => panic!("{other:?}"),
///     }
/// }
/// assert_eq!(times, [(0, 0, 512, true)]);
/// ```
#[derive(Debug)]
pub struct Demuxer {
    limits: Limits,
    splitter: Splitter,
    gather: Gather,
    events: VecDeque<Event>,
    stash: Vec<u8>,
    stash_used: usize,
    eof: bool,
}

/// Input that is looked at before events are counted again.
const STEP: usize = 4096;

impl Demuxer {
    /// A demuxer at the start of a stream, whose frames last as long as the stream says, or 1/25 s.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self::with_frame_rate(limits, None)
    }

    /// A demuxer that takes this frame rate, if there is one, whatever the stream says.
    #[must_use]
    pub fn with_frame_rate(limits: Limits, frame_rate: Option<Rational>) -> Self {
        Self {
            gather: Gather::new(limits, frame_rate),
            limits,
            splitter: Splitter::default(),
            events: VecDeque::new(),
            stash: Vec::new(),
            stash_used: 0,
            eof: false,
        }
    }

    /// Takes the next bytes of the stream.
    pub fn handle_input(&mut self, data: &[u8]) {
        let mut rest = data;
        if self.stash.is_empty() {
            self.run(&mut rest);
        } else if self.stash_used > self.stash.len() / 2 {
            self.stash = self.stash.get(self.stash_used..).unwrap_or_default().into();
            self.stash_used = 0;
        }
        self.stash.extend_from_slice(rest);
    }

    /// Says that no more bytes come.
    pub fn handle_eof(&mut self) {
        self.eof = true;
    }

    /// The next event; `None` until more goes in.
    pub fn poll_event(&mut self) -> Option<Event> {
        if self.events.is_empty() && !self.stash.is_empty() {
            let stash = core::mem::take(&mut self.stash);
            let mut rest = stash.get(self.stash_used..).unwrap_or_default();
            self.run(&mut rest);
            self.stash_used = stash.len().saturating_sub(rest.len());
            if rest.is_empty() {
                self.stash_used = 0;
            } else {
                self.stash = stash;
            }
        }
        if self.events.is_empty() && self.eof && self.stash.is_empty() {
            self.gather.finish(&mut self.events);
        }
        self.events.pop_front()
    }

    /// Takes input until there are enough events.
    fn run(&mut self, rest: &mut &[u8]) {
        while !rest.is_empty() && self.events.len() < self.limits.events.max(1) {
            let (step, after) = rest.split_at_checked(STEP).unwrap_or((rest, &[]));
            let (gather, events) = (&mut self.gather, &mut self.events);
            self.splitter
                .push(step, |piece| gather.piece(piece, events));
            *rest = after;
        }
    }

    /// Bytes held: those of the access unit that is not whole, of those whose times are not settled, of events that wait
    /// to be polled, and of input that waits with them.
    #[must_use]
    pub fn buffered_len(&self) -> usize {
        let events = self.events.iter().map(|event| match event {
            Event::AccessUnit(unit) => unit.data.len(),
            _ => 0,
        });
        let stash = self.stash.len().saturating_sub(self.stash_used);
        events
            .fold(stash, usize::saturating_add)
            .saturating_add(self.gather.buffered_len())
    }
}
