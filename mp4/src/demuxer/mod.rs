//! Samples from fragmented MP4 as it arrives: an init segment, then movie fragments, in pieces of any size.
//!
//! Run it so: give it input, drain [`poll_event`](Demuxer::poll_event) until it has no more, go on.
//!
//! Only `moov` and `moof` are held whole; samples are cut out of `mdat` as their bytes come, each copied once, and
//! given in the order in which they lie in the file. What is damaged is passed over and told by a
//! [`Warning`]. Another init segment in between is read like the first; where its tracks are others, or
//! times go back, an [`Event::Discontinuity`] comes first.

mod avc;
mod fragment;
mod lane;

use crate::boxes::{FourCc, Header, IsoBox, Mdat, Moof, Moov, Prft, Raw};
use crate::{Error, Limits};
use alloc::borrow::Cow;
use alloc::collections::VecDeque;
use alloc::format;
use alloc::vec::Vec;
use bytes::Bytes;
use core::num::NonZeroU32;
use fragment::Pending;
use lane::Lane;
use media::{Event, Flags, Sample, Tracks, WallClock, Warning};
use wire::Reader;

/// Reads fragmented MP4. See the [module](self).
#[derive(Debug)]
pub struct Demuxer {
    limits: Limits,
    state: State,
    /// Offset in the input of the next byte that has not been dealt with, nor put into `carry` or `partial`.
    position: u64,
    /// The start of a box whose rest has not come yet.
    carry: Vec<u8>,
    /// The start of a sample whose rest has not come yet.
    partial: Vec<u8>,
    /// Samples of the last fragment that have not been given, by their place.
    plan: VecDeque<Pending>,
    lanes: Vec<Lane>,
    /// The tracks of the last `moov`, as it said them.
    init: Option<Tracks>,
    events: VecDeque<Event>,
    error: Option<Error>,
    /// Input that came while events waited.
    stash: Vec<u8>,
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
            state: State::Header,
            position: 0,
            carry: Vec::new(),
            partial: Vec::new(),
            plan: VecDeque::new(),
            lanes: Vec::new(),
            init: None,
            events: VecDeque::new(),
            error: None,
            stash: Vec::new(),
            eof: false,
        }
    }

    /// Takes the next bytes of the file.
    pub fn handle_input(&mut self, data: &[u8]) {
        if self.error.is_some() {
            return;
        }
        let mut rest = data;
        if self.stash.is_empty() {
            self.run(&mut rest);
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
    /// [`Error::Unsupported`] for a file whose samples are not in fragments. It repeats.
    pub fn poll_event(&mut self) -> Result<Option<Event>, Error> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Ok(Some(event));
            }
            if let Some(error) = &self.error {
                return Err(error.clone());
            }
            if !self.stash.is_empty() {
                let stash = core::mem::take(&mut self.stash);
                let mut rest = stash.as_slice();
                self.run(&mut rest);
                self.stash.extend_from_slice(rest);
            } else if self.eof && self.state != State::Over {
                self.finish();
            } else {
                return Ok(None);
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
            self.stash.len(),
            table,
        ]
        .into_iter()
        .chain(samples)
        .fold(0, usize::saturating_add)
    }

    /// Goes through the input until it is used up, or enough events wait.
    fn run(&mut self, input: &mut &[u8]) {
        while self.error.is_none() && self.events.len() < self.limits.events {
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
                self.state = State::Media { end };
            }
            box_type @ (Moov::TYPE | Moof::TYPE | Prft::TYPE) => {
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
            Moov::TYPE => Moov::parse(&bytes).map(|moov| self.moov(&moov, start)),
            Moof::TYPE => Moof::parse(&bytes).map(|moof| self.moof(&moof, start)),
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

    /// Tells of children that could not be read, all of one box together.
    fn warn_damaged<'a>(
        &mut self,
        parent: FourCc,
        start: u64,
        children: impl IntoIterator<Item = &'a Raw>,
    ) {
        let mut damaged = children
            .into_iter()
            .filter_map(|raw| Some((raw, raw.error.as_ref()?)));
        if let Some((first, error)) = damaged.next() {
            let rest = damaged.fold(first.bytes.len(), |sum, (raw, _)| {
                sum.saturating_add(raw.bytes.len())
            });
            let name = first
                .box_type()
                .map_or(Cow::Borrowed("a box"), |name| Cow::Owned(format!("{name}")));
            let what = format!("{parent} has children that cannot be read: {name}: {error}");
            self.warn(Warning::new(what).at(start).skipping(rest as u64));
        }
    }

    fn moov(&mut self, moov: &Moov, start: u64) {
        let boxes = moov.traks.iter().flat_map(|trak| {
            let mdia = &trak.mdia;
            trak.other
                .iter()
                .chain(&mdia.other)
                .chain(&mdia.minf.other)
                .chain(&mdia.minf.stbl.other)
        });
        self.warn_damaged(Moov::TYPE, start, moov.other.iter().chain(boxes));
        self.end_fragment(start);
        let (lanes, refused) = lane::lanes(moov);
        if let Some(what) = refused {
            self.warn(Warning::new(what).at(start));
        }
        if moov
            .traks
            .iter()
            .any(|trak| lane::has_samples(&trak.mdia.minf.stbl))
        {
            let what = "a movie whose samples are not in fragments";
            if moov.mvex.is_none() {
                self.error = Some(Error::Unsupported(what.into()));
                return;
            }
            self.warn(Warning::new("the samples that moov itself has are not read").at(start));
        }
        let tracks: Tracks = lanes.iter().map(|lane| lane.track.clone()).collect();
        if self.init.as_ref() == Some(&tracks) {
            return;
        }
        if self.lanes.iter().any(|lane| lane.last_dts.is_some()) {
            self.events.push_back(Event::Discontinuity);
        }
        self.init = Some(tracks.clone());
        self.lanes = lanes;
        self.events.push_back(Event::Tracks(tracks));
    }

    fn tell_tracks(&mut self) {
        let tracks = self.lanes.iter().map(|lane| lane.track.clone()).collect();
        self.events.push_back(Event::Tracks(tracks));
    }

    fn prft(&mut self, prft: &Prft) {
        // Seconds from 1900 to 1970.
        const EPOCHS: i128 = 2_208_988_800;
        let lane = self
            .lanes
            .iter()
            .find(|lane| lane.track.id.0 == prft.reference_track_id);
        let nanos = ((i128::from(prft.ntp_timestamp) - (EPOCHS << 32)) * 1_000_000_000) >> 32;
        if let (Some(lane), Ok(nanos)) = (lane, i64::try_from(nanos)) {
            let ticks = i64::try_from(prft.media_time)
                .unwrap_or(i64::MAX)
                .saturating_add(lane.shift);
            let time = lane.track.timescale.time(ticks);
            self.events.push_back(Event::Clock {
                time,
                wall: WallClock::from_unix_nanos(nanos),
            });
        }
    }

    fn media(&mut self, end: u64, input: &mut &[u8]) -> bool {
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

    /// Drops samples from the head of the plan, and tells how many bytes they had.
    fn lose(&mut self, which: impl Fn(&Pending) -> bool, what: &'static str) {
        let Some(first) = self.plan.front().copied() else {
            return;
        };
        let mut skipped = 0u64;
        while let Some(lost) = self.plan.front().filter(|sample| which(sample)) {
            skipped = skipped.saturating_add(lost.size.into());
            self.plan.pop_front();
        }
        self.warn(
            Warning::new(what)
                .at(first.offset)
                .on(first.track)
                .skipping(skipped),
        );
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
        let canonical = lane.canonical(data);
        lane.last_dts = Some(pending.dts);
        let shift = lane.shift;
        let flags = Flags::SYNC.when(pending.flags.is_sync())
            | Flags::DISPOSABLE.when(pending.flags.is_disposable());
        let data = canonical.data.map_or_else(
            || owned.unwrap_or_else(|| Bytes::copy_from_slice(data)),
            Bytes::from,
        );
        if let Some(what) = canonical.problem {
            self.warn(Warning::new(what).at(pending.offset).on(pending.track));
        }
        if canonical.new_parameters {
            self.tell_tracks();
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

    /// Tells of samples of the last fragment that never came.
    fn end_fragment(&mut self, position: u64) {
        self.partial = Vec::new();
        if let Some(first) = self.plan.front().copied() {
            let what = format!(
                "{} samples of a fragment are not in any mdat",
                self.plan.len()
            );
            self.plan.clear();
            self.warn(
                Warning::new(what)
                    .at(first.offset.min(position))
                    .on(first.track),
            );
        }
    }

    /// Looks for a header of a box that stands at the top of a file.
    fn find_header(&mut self, from: u64, input: &mut &[u8]) -> bool {
        // First those that start in what is carried over, then those in the input itself.
        let seam: Vec<u8> = self
            .carry
            .iter()
            .chain(input.iter().take(7))
            .copied()
            .collect();
        if let Some(at) = find_plausible(&seam).filter(|at| *at < self.carry.len()) {
            let start = self.carry_start().saturating_add(at as u64);
            self.carry = self.carry.get(at..).unwrap_or_default().into();
            self.found(from, start);
            return true;
        }
        if let Some(at) = find_plausible(input) {
            self.carry.clear();
            self.pass(self.position.saturating_add(at as u64), input);
            self.found(from, self.position);
            return true;
        }
        // A header may start in the last bytes and go on in the next input.
        let all = if input.len() < 7 {
            seam.as_slice()
        } else {
            *input
        };
        let tail = all.get(all.len().saturating_sub(7)..);
        self.carry = tail.unwrap_or_default().into();
        self.position = self.position.saturating_add(input.len() as u64);
        *input = &[];
        false
    }

    fn found(&mut self, from: u64, start: u64) {
        self.state = State::Header;
        let what = "bytes that are no box";
        self.warn(
            Warning::new(what)
                .at(from)
                .skipping(start.saturating_sub(from)),
        );
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

/// Where in `data` something begins that looks like the header of a box at the top of a file.
fn find_plausible(data: &[u8]) -> Option<usize> {
    const TYPES: [&[u8; 4]; 9] = [
        b"moof", b"moov", b"mdat", b"styp", b"ftyp", b"sidx", b"prft", b"emsg", b"free",
    ];
    let mut rest = Reader::new(data);
    loop {
        let [a, b, c, d, name @ ..] = rest.peek().first_chunk::<8>()?;
        let size = u32::from_be_bytes([*a, *b, *c, *d]);
        if TYPES.contains(&name) && (size >= 8 || size == 1) {
            return Some(rest.offset());
        }
        rest.skip(1, "byte").ok()?;
    }
}
