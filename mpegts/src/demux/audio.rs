//! Sound out of PES packets: frames that a splitter finds, whose times are counted in samples from those of the packets.

use super::frame::{Frame, Input, Out};
use super::lock::{self, Lock};
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;
use bytes::Bytes;
use core::num::NonZeroU32;
use media::{Codec, Flags, Timescale};
use wire::Arena;
use wire::framing::{Framing, Piece, Splitter};

/// How frames of one codec become samples.
pub(super) trait Sound {
    /// How they are found.
    type Framing: Framing;
    /// The bytes of a frame, and how many of them are its header, where such frames may be encrypted.
    fn encrypted<'a: 'a>(_: &<Self::Framing as Framing>::Frame<'a>) -> Option<(&'a [u8], usize)> {
        None
    }
    /// Takes a frame; gives what became of it, or of those before it.
    fn frame(&mut self, frame: <Self::Framing as Framing>::Frame<'_>, give: &mut Given);
    /// Gives what is held, as the stream ends.
    fn finish(&mut self, _: &mut Given) {}
    /// Whether what it gives begins with a frame before the one that it took.
    fn is_delayed(&self) -> bool {
        false
    }
}

/// What a [`Sound`] gives.
#[derive(Debug, Default)]
pub(super) struct Given {
    /// A new codec, with samples per second.
    pub(super) codec: Option<(Codec, u32)>,
    /// Access units, with the samples that they last.
    pub(super) units: Vec<(Bytes, u32)>,
    /// Where they lie that are copied.
    pub(super) arena: Arena,
    pub(super) error: Option<String>,
}

/// Reads a stream of frames.
#[derive(Debug)]
pub(super) struct Audio<S: Sound> {
    splitter: Splitter<S::Framing>,
    sound: S,
    /// Bytes of the stream so far.
    fed: u64,
    /// Where in the stream packets begin, with their presentation times.
    marks: VecDeque<(u64, i64)>,
    clock: Clock,
    given: Given,
    gap: bool,
    heard: bool,
    lock: Option<Lock>,
    /// A frame that was opened.
    opened: Vec<u8>,
}

/// Counts time in samples.
#[derive(Debug, Default)]
struct Clock {
    rate: Option<Timescale>,
    /// In ticks of `rate`.
    next: Option<i64>,
    /// A packet's time that came before the rate was known.
    early: Option<i64>,
}

/// How far packets' times may be from the count of samples: they are rounded, some to milliseconds.
const TOLERANCE_MICROS: i64 = 1500;

impl Clock {
    fn set_rate(&mut self, rate: Timescale) {
        if self.rate != Some(rate) {
            let at = match (self.rate, self.next) {
                (Some(old), Some(next)) => Some(old.rescale(next, rate)),
                _ => self.early.map(|pts| Timescale::KHZ_90.rescale(pts, rate)),
            };
            self.rate = Some(rate);
            self.next = at;
        }
    }

    /// Goes to the time of a packet, if the count of samples is elsewhere.
    fn set(&mut self, pts: i64) {
        let Some(rate) = self.rate else {
            self.early = Some(pts);
            return;
        };
        let at = Timescale::KHZ_90.rescale(pts, rate);
        let tolerance = i64::from(rate.get()).saturating_mul(TOLERANCE_MICROS) / 1_000_000;
        if self
            .next
            .is_none_or(|next| next.abs_diff(at) > tolerance.unsigned_abs())
        {
            self.next = Some(at);
        }
    }

    fn pass(&mut self, samples: u32) -> Option<i64> {
        let at = self.next?;
        self.next = Some(at.saturating_add(samples.into()));
        Some(at)
    }
}

impl<S: Sound> Audio<S> {
    pub(super) fn new(sound: S) -> Self {
        Self {
            splitter: Splitter::new(),
            sound,
            fed: 0,
            marks: VecDeque::new(),
            clock: Clock::default(),
            given: Given::default(),
            gap: false,
            heard: false,
            lock: None,
            opened: Vec::new(),
        }
    }

    pub(super) fn buffered_len(&self) -> usize {
        self.splitter.buffered_len()
    }

    pub(super) fn handle(&mut self, input: &Input, out: &mut Vec<Out>) {
        self.gap |= input.gap;
        // Frames end where packets do, as far as they are encrypted.
        self.lock.clone_from(&input.lock);
        if let Some(times) = input.times {
            self.marks.push_back((self.fed, times.pts));
        }
        self.fed = self.fed.saturating_add(input.data.len() as u64);
        self.splitter.handle_input(&input.data);
        self.splitter.handle_boundary();
        self.frames(out);
    }

    /// The time line jumps, and the stream may be another.
    pub(super) fn handle_discontinuity(&mut self, out: &mut Vec<Out>) {
        self.finish(out);
        self.splitter = Splitter::new();
        self.fed = 0;
        self.marks.clear();
        self.clock.next = None;
        self.clock.early = None;
    }

    pub(super) fn finish(&mut self, out: &mut Vec<Out>) {
        self.splitter.handle_eof();
        self.frames(out);
        self.sound.finish(&mut self.given);
        self.give(out);
    }

    fn frames(&mut self, out: &mut Vec<Out>) {
        while let Some(piece) = self.splitter.poll_piece() {
            let (offset, frame) = match piece {
                Piece::Frame { offset, frame } => (offset, frame),
                Piece::Junk { offset, len } => {
                    // Where a stream is joined, the end of a frame comes first.
                    if self.heard || offset > 0 {
                        let what = alloc::format!("{len} bytes of sound that are no frame");
                        out.push(Out::Warning(what.into()));
                    }
                    self.gap = true;
                    continue;
                }
            };
            self.heard = true;
            let mut pts = None;
            while let Some((at, mark)) = self.marks.front()
                && *at <= offset
            {
                pts = Some(*mark);
                self.marks.pop_front();
            }
            if let Some(pts) = pts
                && !self.sound.is_delayed()
            {
                self.clock.set(pts);
            }
            let frame = match (&self.lock, S::encrypted(&frame)) {
                (Some(lock), Some((bytes, header))) => {
                    self.opened.clear();
                    self.opened.extend_from_slice(bytes);
                    lock::open_frame(lock, header, &mut self.opened);
                    match S::Framing::header(&self.opened) {
                        Some(header) => S::Framing::frame(header, &self.opened),
                        None => frame,
                    }
                }
                _ => frame,
            };
            self.sound.frame(frame, &mut self.given);
            give(&mut self.given, &mut self.clock, &mut self.gap, out);
            if let Some(pts) = pts
                && self.sound.is_delayed()
            {
                self.clock.set(pts);
            }
        }
    }

    fn give(&mut self, out: &mut Vec<Out>) {
        give(&mut self.given, &mut self.clock, &mut self.gap, out);
    }
}

/// Gives what came out of a frame its times.
#[expect(clippy::disallowed_methods, reason = "all of them are taken")]
fn give(given: &mut Given, clock: &mut Clock, gap: &mut bool, out: &mut Vec<Out>) {
    if let Some(error) = given.error.take() {
        out.push(Out::Warning(error.into()));
        *gap = true;
    }
    if let Some((codec, rate)) = given.codec.take()
        && let Some(rate) = Timescale::new(rate)
    {
        clock.set_rate(rate);
        out.push(Out::Codec(codec, rate));
    }
    for (data, samples) in given.units.drain(..) {
        let Some(at) = clock.pass(samples) else {
            *gap = true;
            continue;
        };
        out.push(Out::Frame(Frame {
            dts: at,
            pts: at,
            duration: NonZeroU32::new(samples),
            flags: Flags::SYNC | Flags::GAP.when(core::mem::take(gap)),
            data,
        }));
    }
}
