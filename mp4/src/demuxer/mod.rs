//! Samples from MP4 as it arrives, in pieces of any size: a file whose `moov` comes first, or an init segment and then
//! movie fragments.
//!
//! Run it so: give it input, drain [`poll_event`](Demuxer::poll_event) until it has no more, go on.
//!
//! Only `moov` and `moof` are held whole; samples are cut out of `mdat` as their bytes come, each copied once, and
//! given in the order in which they lie in the file. What is damaged is passed over and told by a
//! [`Warning`]. Another init segment in between is read like the first; where its tracks are others, or
//! times go back, an [`Event::Discontinuity`] comes first.

pub(crate) mod decrypt;
mod events;
mod fragment;
mod lane;
mod learn;
mod lost;
mod movie;

pub use events::{event_codec, event_tracks};

use crate::boxes::{Emsg, FourCc, Header, IsoBox, Mdat, Moof, Moov, Prft};
use crate::codec::refine;
use crate::movie::Merge;
use crate::{Error, Limits};
use alloc::borrow::Cow;
use alloc::collections::VecDeque;
use alloc::format;
use alloc::vec::Vec;
use bytes::Bytes;
use core::num::NonZeroU32;
use fragment::Pending;
use lane::Lane;
use media::{Event, Flags, Sample, Tracks, Warning};
use wire::Reader;

/// Reads fragmented MP4. See the [module](self).
#[derive(Debug)]
pub struct Demuxer {
    limits: Limits,
    keys: decrypt::Keys,
    emsgs: events::Events,
    state: State,
    /// Offset in the input of the next byte that has not been dealt with, nor put into `carry` or `partial`.
    position: u64,
    /// The start of a box whose rest has not come yet.
    carry: Vec<u8>,
    /// The start of a sample whose rest has not come yet.
    partial: Vec<u8>,
    /// Samples of the last fragment that have not been given, by their place.
    plan: VecDeque<Pending>,
    /// The samples that `moov` itself has and that are not in the plan yet.
    merge: Option<Merge>,
    /// Samples that came out of it, all in all.
    merged: u64,
    /// Samples that were lost since the last that was given, about.
    lost: usize,
    /// Their places are counted from the start of the file, not from something in the fragment.
    absolute: bool,
    lanes: Vec<Lane>,
    /// The tracks of the last `moov`, as it said them.
    init: Option<Tracks>,
    events: VecDeque<Event>,
    /// The tracks wait to be told until each has had the sample that tells the rest of its codec.
    learning: bool,
    error: Option<Error>,
    /// Input that came while events waited, and how much of it has been used.
    stash: Vec<u8>,
    stash_used: usize,
    eof: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// At the start of a box.
    Header,
    /// Within a box that is read whole, of this many bytes.
    Whole { box_type: FourCc, size: usize },
    /// Within the data of an `mdat` that ends here.
    Media { end: u64 },
    /// Within a box that is of no use, which ends here.
    Skip { end: u64 },
    /// After a header that cannot be one, looking for the next that can.
    Lost { from: u64 },
    /// Behind the end of the input.
    Over,
}

/// Most bytes allocated for a sample before more than that have come.
const TRUSTED_SIZE: usize = 1 << 20;

impl Demuxer {
    /// A demuxer at the start of a file or stream.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            keys: decrypt::Keys::default(),
            emsgs: events::Events::default(),
            state: State::Header,
            position: 0,
            carry: Vec::new(),
            partial: Vec::new(),
            plan: VecDeque::new(),
            merge: None,
            merged: 0,
            lost: 0,
            absolute: false,
            lanes: Vec::new(),
            init: None,
            events: VecDeque::new(),
            learning: false,
            error: None,
            stash: Vec::new(),
            stash_used: 0,
            eof: false,
        }
    }

    /// With keys: tracks that they open are given decrypted, as tracks of the codec that they were before. What no key
    /// opens is passed through as it is.
    #[cfg(feature = "cenc")]
    #[must_use]
    pub fn with_keys(mut self, keys: crate::cenc::Keys) -> Self {
        self.keys = keys;
        self
    }

    /// Behind a `moov`, at a place from which only movie fragments are read.
    pub(crate) fn at_fragments(
        mut self,
        moov: &Moov,
        known: &Tracks,
        offset: u64,
        place: u64,
    ) -> Self {
        self.moov(moov, &[], offset);
        // Who read the movie told its tracks, and what is wrong with it; but not what keys make of them.
        self.events.retain(|event| match event {
            Event::Tracks(tracks) => {
                let mut pairs = tracks.iter().zip(known);
                tracks.len() == known.len() && pairs.any(|(new, old)| new.codec != old.codec)
            }
            _ => false,
        });
        self.error = None;
        self.start_at(place);
        self
    }

    /// Goes to a place where a box begins, before any input.
    pub(crate) fn start_at(&mut self, place: u64) {
        self.position = place;
    }

    /// Takes the next bytes of the file.
    pub fn handle_input(&mut self, data: &[u8]) {
        if self.error.is_some() {
            return;
        }
        let mut rest = data;
        if self.stash.is_empty() {
            self.stash_used = 0;
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
    ///
    /// # Errors
    /// [`Error::Unsupported`] for a file whose samples come before its `moov`: only [`Reader`](crate::Reader) reads such.
    /// It repeats.
    pub fn poll_event(&mut self) -> Result<Option<Event>, Error> {
        loop {
            self.learning = self.waits();
            let event = if self.learning {
                None
            } else {
                self.events.pop_front()
            };
            if event.is_some() {
                return Ok(event);
            }
            if let Some(error) = &self.error {
                return Err(error.clone());
            }
            // Also without more input: samples without bytes may wait.
            let stash = core::mem::take(&mut self.stash);
            let mut rest = stash.get(self.stash_used..).unwrap_or_default();
            self.run(&mut rest);
            if !rest.is_empty() {
                self.stash_used = stash.len().saturating_sub(rest.len());
                self.stash = stash;
            }
            if (self.events.is_empty() || self.waits()) && self.error.is_none() {
                if !self.eof || self.state == State::Over {
                    return Ok(None);
                }
                self.finish();
            }
        }
    }

    /// Bytes held: pieces of boxes and samples, the table of the fragment, input and events that wait.
    #[must_use]
    pub fn buffered_len(&self) -> usize {
        let table = self.plan.len().saturating_mul(size_of::<Pending>());
        let samples = self.events.iter().map(|event| match event {
            Event::Sample(sample) => sample.data.len(),
            _ => 0,
        });
        [
            self.carry.len(),
            self.partial.len(),
            self.stash.len().saturating_sub(self.stash_used),
            table,
        ]
        .into_iter()
        .chain(samples)
        .fold(0, usize::saturating_add)
    }

    /// Goes through the input until it is used up, or enough events wait.
    fn run(&mut self, input: &mut &[u8]) {
        while self.error.is_none() && (self.events.len() < self.limits.events || self.waits()) {
            let goes_on = match self.state {
                State::Header => self.header(input),
                State::Whole { box_type, size } => self.whole(box_type, size, input),
                State::Media { end } => self.media(end, input),
                State::Skip { end } => {
                    self.pass(end, input);
                    self.leave(end)
                }
                State::Lost { from } => self.find_header(from, input),
                State::Over => {
                    *input = &[];
                    false
                }
            };
            if !goes_on {
                return;
            }
        }
    }

    fn warn(&mut self, warning: Warning) {
        self.events.push_back(Event::Warning(warning));
    }

    /// Drops input up to an offset.
    fn pass(&mut self, end: u64, input: &mut &[u8]) {
        let len = usize::try_from(end.saturating_sub(self.position))
            .unwrap_or(usize::MAX)
            .min(input.len());
        *input = input.get(len..).unwrap_or_default();
        self.position = self.position.saturating_add(len as u64);
    }

    /// Goes back to headers if the box is at its end; says whether it is.
    fn leave(&mut self, end: u64) -> bool {
        let over = self.position >= end;
        if over {
            self.state = State::Header;
        }
        over
    }

    /// Moves input to `carry` until that has `len` bytes; says whether it has.
    fn fill(&mut self, len: usize, input: &mut &[u8]) -> bool {
        let missing = len.saturating_sub(self.carry.len()).min(input.len());
        if let Some((head, rest)) = input.split_at_checked(missing) {
            self.carry.extend_from_slice(head);
            self.position = self.position.saturating_add(missing as u64);
            *input = rest;
        }
        self.carry.len() >= len
    }

    /// Offset of the first byte in `carry`.
    fn carry_start(&self) -> u64 {
        self.position.saturating_sub(self.carry.len() as u64)
    }

    fn header(&mut self, input: &mut &[u8]) -> bool {
        let mut len = 8;
        let header = loop {
            if !self.fill(len, input) {
                return false;
            }
            match Header::decode(&mut Reader::new(&self.carry)) {
                Err(Error::Short(short)) => len = short.offset.saturating_add(short.needed),
                Ok(header) if header.box_type.is_printable() => break header,
                _ => {
                    let from = self.carry_start();
                    self.carry = self.carry.get(1..).unwrap_or_default().into();
                    self.state = State::Lost { from };
                    return true;
                }
            }
        };
        let start = self.carry_start();
        let end = header
            .size
            .map_or(u64::MAX, |size| start.saturating_add(size));
        match header.box_type {
            Mdat::TYPE => {
                self.carry.clear();
                self.place_plan(end);
                self.state = State::Media { end };
            }
            box_type @ (Moov::TYPE | Moof::TYPE | Prft::TYPE | Emsg::TYPE)
                if box_type != Emsg::TYPE || self.emsgs.on =>
            {
                let size = header.size.and_then(|size| usize::try_from(size).ok());
                match size.filter(|size| *size <= self.limits.box_size) {
                    Some(size) => self.state = State::Whole { box_type, size },
                    None => {
                        let skipped = header.size.unwrap_or(0);
                        let what = format!(
                            "{box_type} is longer than the limit of {} bytes",
                            self.limits.box_size
                        );
                        self.warn(Warning::new(what).at(start).skipping(skipped));
                        self.carry.clear();
                        self.state = State::Skip { end };
                    }
                }
            }
            _ => {
                self.carry.clear();
                self.state = State::Skip { end };
            }
        }
        true
    }

    fn whole(&mut self, box_type: FourCc, size: usize, input: &mut &[u8]) -> bool {
        if !self.fill(size, input) {
            return false;
        }
        let start = self.carry_start();
        let bytes = core::mem::take(&mut self.carry);
        let result = match box_type {
            Moov::TYPE => Moov::parse(&bytes).map(|moov| self.moov(&moov, &bytes, start)),
            Moof::TYPE => Moof::parse(&bytes).map(|moof| self.moof(&moof, start)),
            Emsg::TYPE => Emsg::parse(&bytes).map(|emsg| self.emsg(emsg)),
            _ => Prft::parse(&bytes).map(|prft| self.prft(&prft)),
        };
        if let Err(error) = result {
            let what = format!("{box_type} cannot be read: {error}");
            self.warn(Warning::new(what).at(start).skipping(size as u64));
        }
        self.carry = bytes;
        self.carry.clear();
        self.state = State::Header;
        true
    }

    fn media(&mut self, end: u64, input: &mut &[u8]) -> bool {
        self.refill();
        let Some(next) = self.plan.front().copied() else {
            self.pass(end, input);
            return self.leave(end);
        };
        let at = self.position.saturating_sub(self.partial.len() as u64);
        let size = usize::try_from(next.size).unwrap_or(usize::MAX);
        if next.offset < at || (next.offset == at && next.size > self.limits.sample_size) {
            let what = if next.offset < at {
                "samples lie before the data that is left"
            } else {
                "a sample is longer than the limit"
            };
            self.lose(
                |sample| {
                    sample.offset < at || sample.offset == next.offset && sample.size == next.size
                },
                what,
            );
            return true;
        }
        if next.offset > at {
            if next.offset >= end {
                self.pass(end, input);
                return self.leave(end);
            }
            self.pass(next.offset, input);
            return self.position >= next.offset;
        }
        if size == 0 || (self.partial.is_empty() && size <= input.len() && next.end() <= end) {
            let Some((data, rest)) = input.split_at_checked(size) else {
                return false;
            };
            *input = rest;
            self.position = self.position.saturating_add(size as u64);
            self.plan.pop_front();
            self.sample(&next, data, None);
            return true;
        }
        if self.position >= end && self.partial.is_empty() {
            return self.leave(end);
        }
        if self.position >= end {
            self.partial = Vec::new();
            self.plan.pop_front();
            self.mark_lost(next.track);
            let warning = Warning::new("a sample goes past the end of mdat").at(next.offset);
            self.warn(
                warning
                    .on(next.track)
                    .skipping(end.saturating_sub(next.offset)),
            );
            return self.leave(end);
        }
        let left_in_box = usize::try_from(end.saturating_sub(self.position)).unwrap_or(usize::MAX);
        let missing = size.saturating_sub(self.partial.len());
        let Some((data, rest)) = input.split_at_checked(missing.min(left_in_box).min(input.len()))
        else {
            return false;
        };
        if self.partial.is_empty() {
            self.partial
                .reserve_exact(size.min(data.len().max(TRUSTED_SIZE)));
        }
        self.partial.extend_from_slice(data);
        self.position = self.position.saturating_add(data.len() as u64);
        *input = rest;
        if self.partial.len() == size {
            self.plan.pop_front();
            let data = Bytes::from(core::mem::take(&mut self.partial));
            self.sample(&next, &data.clone(), Some(data));
            return true;
        }
        self.position >= end
    }

    /// Gives a sample, `owned` if its bytes are in a buffer of their own already.
    fn sample(&mut self, pending: &Pending, data: &[u8], owned: Option<Bytes>) {
        let Some(lane) = self
            .lanes
            .iter_mut()
            .find(|lane| lane.track.id == pending.track)
        else {
            return;
        };
        let described = pending.description > 0 && lane.choose_entry(Some(pending.description));
        let decrypted = match lane.decryption.as_mut() {
            Some(decryption) => match decryption.decrypt(pending.index, data) {
                Ok(decrypted) => decrypted,
                Err(what) => {
                    lane.lost = true;
                    let what = format!("a sample cannot be decrypted: {what}");
                    let warning = Warning::new(what).at(pending.offset).on(pending.track);
                    return self.warn(warning.skipping(pending.size.into()));
                }
            },
            None => None,
        };
        let owned = decrypted.map(Bytes::from).or(owned);
        let data = owned.as_deref().unwrap_or(data);
        let refined = refine(&mut lane.track.codec, data);
        let canonical = lane.canonical(data);
        lane.last_dts = Some(pending.dts);
        self.lost = 0;
        let shift = lane.shift;
        // A sample of which nothing can be read is lost, like one that did not come.
        let useless = canonical.error.is_some() && canonical.data.is_empty();
        let after_gap = core::mem::replace(&mut lane.lost, useless);
        let flags = Flags::SYNC.when(pending.flags.is_sync())
            | Flags::DISPOSABLE.when(pending.flags.is_disposable())
            | Flags::PREROLL.when(pending.hidden)
            | Flags::GAP.when(after_gap);
        let data = match canonical.data {
            Cow::Owned(data) => data.into(),
            Cow::Borrowed(data) => owned
                .clone()
                .unwrap_or_else(|| Bytes::copy_from_slice(data)),
        };
        if let Some(error) = canonical.error {
            self.warn(
                Warning::new(format!("H.264: {error}"))
                    .at(pending.offset)
                    .on(pending.track),
            );
        }
        if useless {
            return;
        }
        if canonical.reconfigured || described || (refined && !self.learning) {
            self.tell_tracks();
        }
        if self.learning {
            self.learn(pending.track, refined);
        }
        self.events.push_back(Event::Sample(Sample {
            track: pending.track,
            dts: pending.dts.saturating_add(shift),
            pts: pending.pts.saturating_add(shift),
            duration: NonZeroU32::new(pending.duration),
            flags,
            data,
        }));
    }

    fn finish(&mut self) {
        let state = core::mem::replace(&mut self.state, State::Over);
        let start = self.carry_start();
        let left = self.carry.len() as u64;
        self.carry = Vec::new();
        let warning = match state {
            State::Header if left > 0 => Some(
                Warning::new("the file ends within a header")
                    .at(start)
                    .skipping(left),
            ),
            State::Whole { box_type, .. } => Some(
                Warning::new(format!("the file ends within {box_type}"))
                    .at(start)
                    .skipping(left),
            ),
            State::Lost { from } => {
                let skipped = self.position.saturating_sub(from);
                Some(
                    Warning::new("bytes that are no box")
                        .at(from)
                        .skipping(skipped),
                )
            }
            State::Media { end } | State::Skip { end } if end != u64::MAX => {
                Some(Warning::new("the file ends within a box").at(self.position))
            }
            _ => None,
        };
        self.events.extend(warning.map(Event::Warning));
        self.end_fragment(self.position);
    }
}
