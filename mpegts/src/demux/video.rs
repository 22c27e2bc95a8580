//! Access units of video made of NAL units, out of PES packets.
//!
//! Nearly always a PES packet is an access unit, or several. Then it is given at once: converted in place, or, once that is known,
//! while it is gathered ([`Nals::LengthPrefixed`]). Whether it is so,
//! the first two packets show; where it is not, as one packet begins in the middle of an access unit, all that follows is
//! put together and cut apart at the access units' own boundaries, which takes a copy and comes one access unit later.
//! A muxer may begin to do so later, too. It does not stuff packets then, and so the first two packets that end where a transport
//! packet does wait for the next one, to see whether that goes on with them.

use super::frame::{Frame, Input, Out, Times, part};
use super::lock::{self, Lock};
use super::order::{Order, Place};
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use bytes::Bytes;
use h264::access_unit::Boundary;
use h264::annexb;
use media::{Codec, Flags, Timescale};

/// What differs between H.264 and H.265.
pub(super) trait Syntax {
    /// Forgets which access unit is open.
    fn restart(&mut self);
    /// How a NAL unit lies to the access units around it.
    fn boundary(&mut self, nal: &[u8]) -> Boundary;
    /// Whether an access unit may begin with a NAL unit.
    fn may_begin(nal: &[u8]) -> bool;
    /// Whether a NAL unit has a piece of a picture, and if so whether it is the first piece.
    fn picture(nal: &[u8]) -> Option<bool>;
    /// Turns NAL units with start codes, or with lengths, into a sample.
    fn canonical(&mut self, data: Nals) -> Unit;
    /// Whether both are the fields of one frame.
    fn is_pair(&mut self, first: &[u8], second: &[u8]) -> bool;
    /// Whether an access unit is one field of a frame.
    fn is_field(&mut self, unit: &[u8]) -> bool;
    /// The codec, once it is known.
    fn codec(&self) -> Option<Codec>;
    /// Whether the codec is known.
    fn is_ready(&self) -> bool;
    /// Ticks of 90 kHz that a frame lasts, where the codec tells.
    fn frame_duration(&self) -> Option<i64>;
    /// What a sample's headers tell.
    fn flags(&self, unit: &[u8]) -> Flags;
    /// The most pictures that precede another one in decoding order and follow it in output order.
    fn reorder_depth(&self) -> u8;
    /// Where an access unit is in output order, where that can be told; all of them are given, in decoding order.
    fn place(&mut self, _unit: &[u8]) -> Option<Place> {
        None
    }
}

/// NAL units as they come.
#[derive(Debug)]
pub(super) enum Nals {
    /// After start codes.
    Annexb(Vec<u8>),
    /// After lengths in 4 bytes.
    LengthPrefixed(Vec<u8>),
}

impl Nals {
    fn is_begin<S: Syntax>(&self) -> bool {
        match self {
            Self::Annexb(data) => {
                let head = data.get(..64).unwrap_or(data);
                annexb::nals(head).next().is_some_and(S::may_begin) && starts_with_code(data)
            }
            Self::LengthPrefixed(data) => {
                let first = h264::length_prefixed::nals(data, 4).next();
                matches!(first, Some(Ok(nal)) if S::may_begin(nal))
            }
        }
    }

    const fn len(&self) -> usize {
        match self {
            Self::Annexb(data) | Self::LengthPrefixed(data) => data.len(),
        }
    }

    fn into_annexb(self) -> Vec<u8> {
        match self {
            Self::Annexb(data) => data,
            Self::LengthPrefixed(mut data) => {
                // Lengths that were just made are right.
                let _ = h264::length_prefixed::make_annexb(&mut data);
                data
            }
        }
    }

    /// With the zeros that are missing at its end, where that is none.
    fn into_open(self, zeros: usize) -> Vec<u8> {
        let mut data = self.into_annexb();
        data.resize(data.len().saturating_add(zeros), 0);
        data
    }
}

/// NAL units in the form of samples.
#[derive(Debug, Default)]
pub(super) struct Unit {
    pub(super) data: Bytes,
    /// Parameter sets in it changed the codec.
    pub(super) reconfigured: bool,
    pub(super) error: Option<alloc::string::String>,
}

/// Reads a stream of access units.
#[derive(Debug)]
pub(super) struct Video<S> {
    syntax: S,
    /// No PES packet has begun within an access unit.
    aligned: bool,
    /// A packet that the next one may go on with.
    doubtful: Option<Doubtful>,
    /// How many of those there may still be.
    doubts: u8,
    /// Packets that are looked at one by one: all until alignment is known, or where there is none.
    raw: Raw,
    /// NAL units of an access unit whose pictures are still to come.
    head: Vec<u8>,
    head_times: Option<Times>,
    /// The first field of a frame.
    field: Option<Pending>,
    gap: bool,
    last: Option<Times>,
    /// Time between the last two access units.
    step: i64,
    /// Decoding times are made here, as the stream has none.
    repair: Option<h264::DecodingTimes>,
    has_dts: bool,
    order: Order,
    /// It was told that pictures are left out.
    told: bool,
    limit: usize,
    /// What opens its samples.
    lock: Option<Lock>,
}

#[derive(Debug)]
struct Doubtful {
    data: Nals,
    times: Option<Times>,
    /// Zeros that are missing at its end, if it is not the end.
    zeros: usize,
}

#[derive(Debug)]
struct Pending {
    times: Option<Times>,
    data: Bytes,
    gap: bool,
}

#[derive(Debug, Default)]
struct Raw {
    data: Vec<u8>,
    /// Up to where NAL units were looked at.
    scanned: usize,
    /// Where the access unit begins that is open.
    start: Option<usize>,
    /// Where packets begin, with their times.
    marks: VecDeque<(usize, Option<Times>)>,
    /// Whether more than one packet came without a start that belongs to it.
    proven_unaligned: bool,
}

/// Packets without stuffing that are enough: of those that cut pictures one in 184 ends with one all the same.
const DOUBTS: u8 = 2;

/// Ticks of a frame at 30 frames per second, where nothing tells.
const DEFAULT_STEP: i64 = 3003;

impl<S: Syntax> Video<S> {
    pub(super) fn new(syntax: S, limit: usize) -> Self {
        Self {
            syntax,
            aligned: false,
            doubtful: None,
            doubts: DOUBTS,
            raw: Raw::default(),
            head: Vec::new(),
            head_times: None,
            field: None,
            gap: false,
            last: None,
            step: 0,
            repair: None,
            has_dts: false,
            order: Order::default(),
            told: false,
            limit,
            lock: None,
        }
    }

    pub(super) fn buffered_len(&self) -> usize {
        let doubtful = self.doubtful.as_ref().map(|it| it.data.len());
        self.raw
            .data
            .len()
            .saturating_add(doubtful.unwrap_or(0))
            .saturating_add(self.head.len())
            .saturating_add(self.field.as_ref().map_or(0, |field| field.data.len()))
    }

    pub(super) fn handle(&mut self, input: Input, out: &mut Vec<Out>) {
        let data = match input.is_length_prefixed {
            true => Nals::LengthPrefixed(input.data),
            false => Nals::Annexb(input.data),
        };
        let begins = input.times.is_some() && data.is_begin::<S>();
        if let Some(before) = self.doubtful.take() {
            self.settle(before, begins, out);
        }
        self.gap |= input.gap;
        if input.lock.is_some() || self.lock.is_some() {
            self.set_lock(input.lock, out);
        }
        if begins && !self.raw.proven_unaligned && self.raw.is_whole() {
            // What is there came in one packet and ends with it.
            let raw = core::mem::take(&mut self.raw);
            let times = raw.marks.front().and_then(|(_, times)| *times);
            self.aligned = true;
            self.whole(Nals::Annexb(raw.data), times, true, out);
        }
        if self.aligned {
            if begins {
                let times = input.times;
                match input.open_end.filter(|_| self.doubts > 0) {
                    Some(zeros) => self.doubtful = Some(Doubtful { data, times, zeros }),
                    None => self.whole(data, times, true, out),
                }
                return;
            }
            out.push(Out::Warning(
                "a PES packet begins within an access unit".into(),
            ));
            self.aligned = false;
            self.syntax.restart();
            self.raw.proven_unaligned = true;
        }
        if !self.raw.data.is_empty() && !begins {
            self.raw.proven_unaligned |= !self.raw.marks.is_empty();
        }
        self.raw.marks.push_back((self.raw.data.len(), input.times));
        let zeros = input.open_end.unwrap_or(0);
        self.raw.data.extend_from_slice(&data.into_open(zeros));
        self.cut(false, out);
        if self.raw.data.len() > self.limit {
            out.push(Out::Warning("an access unit passes the limit".into()));
            self.raw = Raw {
                proven_unaligned: true,
                ..Raw::default()
            };
            self.gap = true;
        }
    }

    /// Now it is known whether what comes next begins with an access unit: takes what waited for that.
    #[cold]
    fn settle(&mut self, before: Doubtful, is_over: bool, out: &mut Vec<Out>) {
        let Doubtful { data, times, zeros } = before;
        if is_over {
            self.doubts = self.doubts.saturating_sub(1);
            return self.whole(data, times, true, out);
        }
        self.aligned = false;
        self.syntax.restart();
        self.raw.proven_unaligned = true;
        self.raw.marks.push_back((0, times));
        self.raw.data = data.into_open(zeros);
    }

    /// Whether NAL units may come with lengths: as long as packets are access units, and clear.
    pub(super) const fn takes_nal_units(&self) -> bool {
        self.aligned && self.lock.is_none()
    }

    /// Another key, or none: what is there ends where the old one does.
    #[cold]
    fn set_lock(&mut self, lock: Option<Lock>, out: &mut Vec<Out>) {
        if !lock::is_same(self.lock.as_ref(), lock.as_ref()) {
            self.cut(true, out);
            self.lock = lock;
        }
    }

    /// The time line jumps.
    pub(super) fn handle_discontinuity(&mut self, out: &mut Vec<Out>) {
        self.finish(out);
        self.raw = Raw {
            proven_unaligned: self.raw.proven_unaligned,
            ..Raw::default()
        };
        self.syntax.restart();
        self.last = None;
        self.repair = None;
    }

    pub(super) fn finish(&mut self, out: &mut Vec<Out>) {
        if let Some(last) = self.doubtful.take() {
            self.settle(last, true, out);
        }
        self.cut(true, out);
        self.flush_field(out);
        let head = core::mem::take(&mut self.head);
        self.head_times = None;
        if !head.is_empty() {
            let what = alloc::format!(
                "{} bytes of messages for a picture that is missing",
                head.len()
            );
            out.push(Out::Warning(what.into()));
        }
    }

    /// Cuts off the access units that are whole.
    fn cut(&mut self, end: bool, out: &mut Vec<Out>) {
        let mut raw = core::mem::take(&mut self.raw);
        let mut cuts = Vec::new();
        let mut open = None;
        let from = raw.scanned;
        let mut nals = annexb::nals(raw.data.get(from..).unwrap_or_default());
        let mut next = nals.next_with_offset();
        while let Some((at, nal)) = next {
            let code = code_before(&raw.data, from.saturating_add(at));
            next = nals.next_with_offset();
            // The last one may go on in the next packet.
            if next.is_none() && !end {
                raw.scanned = code;
                break;
            }
            let boundary = match &self.lock {
                Some(_) => self.syntax.boundary(&lock::clear_head(nal)),
                None => self.syntax.boundary(nal),
            };
            let starts = match boundary {
                Boundary::Here => Some(code),
                Boundary::BeforeOpen => Some(open.take().unwrap_or(code)),
                Boundary::Open => {
                    open.get_or_insert(code);
                    None
                }
                Boundary::Within => {
                    open = None;
                    None
                }
            };
            if let Some(starts) = starts {
                cuts.push(starts);
            }
        }
        let mut used = 0;
        for at in cuts.into_iter().chain(end.then_some(raw.data.len())) {
            if let Some(start) = raw.start.replace(at)
                && let Some(unit) = raw.data.get(start..at)
            {
                let unit = Nals::Annexb(unit.to_vec());
                let times = raw.times_of(start);
                self.whole(unit, times, false, out);
            }
            used = at;
        }
        raw.discard(used);
        self.raw = raw;
    }

    /// Takes NAL units which are one access unit, or several where `split` says so.
    fn whole(&mut self, data: Nals, mut times: Option<Times>, split: bool, out: &mut Vec<Out>) {
        let data = match &self.lock {
            Some(lock) => Nals::Annexb(lock::open_annexb(lock, &data.into_annexb())),
            None => data,
        };
        let unit = self.syntax.canonical(data);
        if let Some(error) = unit.error {
            out.push(Out::Warning(error.into()));
        }
        if unit.reconfigured
            && let Some(codec) = self.syntax.codec()
        {
            out.push(Out::Codec(codec, Timescale::KHZ_90));
        }
        let mut data = unit.data;
        let pictures = h264::length_prefixed::nals(&data, 4)
            .flatten()
            .filter_map(S::picture);
        let (mut pieces, mut firsts) = (false, 0u32);
        for first in pictures {
            pieces = true;
            firsts = firsts.saturating_add(u32::from(first));
        }
        if !pieces {
            // A packet of headers: they belong to the picture that follows.
            self.head.extend_from_slice(&data);
            self.head.truncate(self.limit);
            self.head_times = self.head_times.or(times);
            return;
        }
        if !self.head.is_empty() || self.head_times.is_some() {
            times = times.or(self.head_times.take());
            self.head_times = None;
            if !self.head.is_empty() {
                let mut joined = core::mem::take(&mut self.head);
                joined.extend_from_slice(&data);
                data = joined.into();
            }
        }
        if firsts <= 1 || !split {
            self.access_unit(data, times, out);
            return;
        }
        let mut start = 0;
        let mut at: usize = 0;
        let mut cuts = Vec::new();
        self.syntax.restart();
        for nal in h264::length_prefixed::nals(&data, 4).flatten() {
            if matches!(
                self.syntax.boundary(nal),
                Boundary::Here | Boundary::BeforeOpen
            ) && at > 0
            {
                cuts.push(at);
            }
            at = at.saturating_add(nal.len()).saturating_add(4);
        }
        for end in cuts.into_iter().chain([data.len()]) {
            let unit = part(&data, start..end);
            start = end;
            self.access_unit(unit, times.take(), out);
        }
    }

    /// Takes one access unit, which may be a field.
    fn access_unit(&mut self, data: Bytes, times: Option<Times>, out: &mut Vec<Out>) {
        let gap = core::mem::take(&mut self.gap);
        if let Some(first) = self.field.take() {
            if self.syntax.is_pair(&first.data, &data) {
                let joined = [&first.data[..], &data[..]].concat().into();
                self.give(joined, first.times, first.gap || gap, out);
                return;
            }
            self.give(first.data, first.times, first.gap, out);
        }
        if self.syntax.is_field(&data) {
            self.field = Some(Pending { times, data, gap });
        } else {
            self.give(data, times, gap, out);
        }
    }

    fn flush_field(&mut self, out: &mut Vec<Out>) {
        if let Some(field) = self.field.take() {
            self.give(field.data, field.times, field.gap, out);
        }
    }

    fn give(&mut self, data: Bytes, times: Option<Times>, gap: bool, out: &mut Vec<Out>) {
        if !self.syntax.is_ready() {
            if !core::mem::replace(&mut self.told, true) {
                let what = "pictures before the first parameter sets are left out";
                out.push(Out::Warning(what.into()));
            }
            self.gap = true;
            return;
        }
        // Where packets begin with access units, all have times.
        let place = if self.aligned {
            None
        } else {
            self.syntax.place(&data)
        };
        let Some(times) = self.times(times, place) else {
            self.gap = true;
            return;
        };
        let flags = self.syntax.flags(&data) | Flags::GAP.when(gap);
        out.push(Out::Frame(Frame {
            dts: times.dts,
            pts: times.pts,
            duration: None,
            flags,
            data,
        }));
    }

    /// The times of the next access unit: its own, or else what follows from those before.
    fn times(&mut self, own: Option<Times>, place: Option<Place>) -> Option<Times> {
        let step = self
            .syntax
            .frame_duration()
            .or(Some(self.step).filter(|step| *step > 0))
            .unwrap_or(DEFAULT_STEP);
        let shown = place.and_then(|place| self.order.time(place, own.map(|own| own.pts), step));
        let mut times = match (own, self.last) {
            (Some(own), _) => own,
            (None, Some(last)) => {
                let pts = shown.unwrap_or_else(|| last.pts.saturating_add(step));
                // Not after it is shown, but after the one before.
                let dts = last.dts.saturating_add(step).min(pts);
                Times {
                    pts,
                    dts: dts.max(last.dts.saturating_add(1)),
                    has_dts: true,
                }
            }
            (None, None) => return None,
        };
        self.has_dts |= own.is_some_and(|own| own.has_dts);
        if let Some(last) = self.last {
            // A stream that reorders pictures and has presentation times only.
            if !self.has_dts && self.repair.is_none() && times.pts < last.pts {
                let depth = self.syntax.reorder_depth().max(1);
                let mut repair = h264::DecodingTimes::new(depth, step);
                repair.push(last.pts);
                self.repair = Some(repair);
            }
            let forward = times.dts.saturating_sub(last.dts);
            if forward > 0 && forward < 90_000 {
                self.step = forward;
            }
        }
        if self.has_dts {
            self.repair = None;
        }
        if let Some(repair) = &mut self.repair {
            times.dts = repair.push(times.pts);
        }
        self.last = Some(times);
        Some(times)
    }
}

impl Raw {
    /// Whether it is one packet that begins with an access unit.
    fn is_whole(&self) -> bool {
        matches!(self.marks.front(), Some((0, Some(_))))
            && self.marks.len() == 1
            && starts_with_code(&self.data)
            && matches!(self.start, None | Some(0..=1))
    }

    /// The times of the packet in which something begins, if it is the first that does.
    fn times_of(&mut self, start: usize) -> Option<Times> {
        let mut found = None;
        while let Some((at, times)) = self.marks.front().copied()
            && at <= start
        {
            found = times;
            self.marks.pop_front();
        }
        found
    }

    #[expect(clippy::disallowed_methods, reason = "`len` is never past the end")]
    fn discard(&mut self, len: usize) {
        self.data.drain(..len.min(self.data.len()));
        self.scanned = self.scanned.saturating_sub(len);
        self.start = self.start.map(|start| start.saturating_sub(len));
        for (at, _) in &mut self.marks {
            *at = at.saturating_sub(len);
        }
    }
}

fn starts_with_code(data: &[u8]) -> bool {
    let zeros = data.iter().take_while(|byte| **byte == 0).count();
    zeros >= 2 && data.get(zeros) == Some(&1)
}

/// Where the start code of a NAL unit begins.
fn code_before(data: &[u8], nal: usize) -> usize {
    match data.get(..nal) {
        Some([.., 0, 0, 0, 1]) => nal.saturating_sub(4),
        _ => nal.saturating_sub(3),
    }
}
