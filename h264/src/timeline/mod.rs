//! Times for pictures that have none: from picture order counts and the frame rate.

mod clock;

use crate::nal::{Header, UnitType};
use crate::slice::DecRefPicMarking;
use crate::sps::Rational;
use crate::{PicOrderCounter, SliceHeader, Sps};
use alloc::collections::VecDeque;
use clock::Clock;

/// When an access unit is decoded and shown, in ticks of [`Timeline::timescale`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Timing {
    /// When it is decoded. It grows with every access unit, and is at most `pts`.
    pub dts: i64,
    /// When it begins to be shown.
    pub pts: i64,
    /// How long it is shown.
    pub duration: u32,
}

/// What the times of a picture come from.
#[derive(Debug, Clone, Copy)]
pub struct Picture<'a> {
    /// The NAL unit header of its first slice.
    pub header: Header,
    /// The header of its first slice.
    pub slice: &'a SliceHeader,
    /// The sequence parameter set that the slice refers to.
    pub sps: &'a Sps,
    /// `pic_struct` of its picture timing message, where it has one.
    pub pic_struct: Option<u8>,
}

/// Gives the pictures of a stream without times those that they would have in a file: presentation by picture order
/// count and frame rate, decoding as late as the reordering allows.
///
/// Pictures come out in decoding order, as they went in, each as soon as its place in output order is settled. The first
/// one in output order has `pts` 0. A frame lasts for two fields, or for as many as `pic_struct` says (Table E-6); two
/// fields of a frame that are coded apart are shown one after the other.
///
/// A decoding time is the presentation time of the frame `n` places before in output order, where `n` is
/// `max_num_reorder_frames`, or, where that is not coded, how much is reordered at the start of the stream. Should a stream
/// reorder more than that, decoding times move together there.
///
/// ```
/// use fluvial_h264::nal::{Header, UnitType};
/// use fluvial_h264::timeline::{Picture, Timeline};
/// use fluvial_h264::{SliceHeader, Sps};
///
/// let sps = Sps { level_idc: 10, ..Sps::default() };
/// let mut timeline = Timeline::new();
/// for (n, (name, lsb)) in [("I0", 0), ("P2", 4), ("b1", 2), ("P4", 8), ("b3", 6)].into_iter().enumerate() {
///     let nal_unit_type = if n == 0 { UnitType::IdrSlice } else { UnitType::NonIdrSlice };
///     let header = Header { nal_ref_idc: 1, nal_unit_type };
///     let slice = SliceHeader { pic_order_cnt_lsb: lsb, ..SliceHeader::default() };
///     timeline.push(&Picture { header, slice: &slice, sps: &sps, pic_struct: None }, name);
/// }
/// timeline.finish();
/// let frame = i64::from(timeline.timescale().unwrap()) / 25;
/// let times: Vec<_> = core::iter::from_fn(|| timeline.pop())
///     .map(|(timing, name)| (name, timing.dts / frame, timing.pts / frame))
///     .collect();
/// assert_eq!(times, [("I0", -1, 0), ("P2", 0, 2), ("b1", 1, 1), ("P4", 2, 4), ("b3", 3, 3)]);
/// ```
#[derive(Debug, Clone)]
pub struct Timeline<T> {
    frame_rate: Option<Rational>,
    counter: PicOrderCounter,
    clock: Option<Clock>,
    /// Frames that may wait at a time to be shown, by the parameter sets, and by what was seen.
    told_depth: usize,
    seen_depth: usize,
    /// Whether the parameter sets tell it, rather than a limit.
    is_told: bool,
    /// Count of the last frame whose place was settled, since counts last started again.
    last_count: Option<i64>,
    /// Frames in decoding order that have not come out.
    frames: VecDeque<Frame<T>>,
    /// When the coming frames are decoded, as long as there is no more reordering.
    planned: VecDeque<i64>,
    /// The last decoding time that was given.
    last_dts: Option<i64>,
    ready: VecDeque<(Timing, T)>,
}

#[derive(Debug, Clone)]
struct Frame<T> {
    count: i64,
    first: T,
    /// The other field, where they are coded apart.
    second: Option<T>,
    /// A field that another one may follow: its `frame_num`, and whether it is a bottom field.
    open: Option<(u16, bool)>,
    fields: u32,
    /// When and how long it is shown, once that is settled.
    shown: Option<(i64, u32)>,
}

impl<T> Frame<T> {
    const fn waits(&self) -> bool {
        self.open.is_none() && self.shown.is_none()
    }
}

/// Fields of a frame.
const FRAME: u32 = 2;
/// Frames that are held at most: some times what conforming streams need.
const MAX_FRAMES: usize = 64;
/// The deepest reordering that the standard knows (§E.2.1).
const MAX_DEPTH: usize = 16;

impl<T> Timeline<T> {
    /// A timeline whose frames last as long as their sequence parameter sets say, or 1/25 s.
    #[must_use]
    pub fn new() -> Self {
        Self {
            frame_rate: None,
            counter: PicOrderCounter::default(),
            clock: None,
            told_depth: 0,
            seen_depth: 0,
            is_told: false,
            last_count: None,
            frames: VecDeque::new(),
            planned: VecDeque::new(),
            last_dts: None,
            ready: VecDeque::new(),
        }
    }

    /// A timeline with this many frames in a second, whatever the stream says.
    #[must_use]
    pub fn with_frame_rate(frame_rate: Rational) -> Self {
        Self {
            frame_rate: Some(frame_rate),
            ..Self::new()
        }
    }

    /// Ticks in a second, the same for the whole stream; `None` before the first picture.
    #[must_use]
    pub fn timescale(&self) -> Option<u32> {
        self.clock.as_ref().map(|clock| clock.timescale)
    }

    /// Takes the next picture in decoding order, with what is to come out with its times.
    pub fn push(&mut self, picture: &Picture<'_>, item: T) {
        let slice = picture.slice;
        let unmarks_all = slice
            .dec_ref_pic_marking
            .as_ref()
            .is_some_and(DecRefPicMarking::unmarks_all);
        let restarts = unmarks_all || picture.header.nal_unit_type == UnitType::IdrSlice;
        let count = match self.counter.next(picture.header, slice, picture.sps) {
            // From here on, counts are relative to this picture's (§8.2.1).
            _ if unmarks_all => 0,
            count => count.value(),
        };
        if slice.field_pic_flag
            && !restarts
            && let Some(frame) = self.frames.back_mut()
            && frame.open == Some((slice.frame_num, !slice.bottom_field_flag))
        {
            frame.second = Some(item);
            frame.fields = FRAME;
            frame.count = frame.count.min(count);
            self.close();
            return;
        }
        self.close();
        if restarts || self.frames.len() >= MAX_FRAMES {
            self.settle_all();
            self.last_count = None;
        }
        self.set_up(picture.sps);
        self.frames.push_back(Frame {
            count,
            first: item,
            second: None,
            open: slice
                .field_pic_flag
                .then_some((slice.frame_num, slice.bottom_field_flag)),
            fields: shown_fields(slice.field_pic_flag, picture.pic_struct),
            shown: None,
        });
        if !slice.field_pic_flag {
            self.queue();
        }
    }

    /// Takes the next picture in decoding order, of which no more is known than that: it lasts as long as the one before, or 1/25 s, and
    /// is shown where it is decoded.
    pub fn push_unknown(&mut self, item: T) {
        self.close();
        self.settle_all();
        self.last_count = None;
        self.clock
            .get_or_insert_with(|| Clock::new(self.frame_rate));
        self.frames.push_back(Frame {
            count: 0,
            first: item,
            second: None,
            open: None,
            fields: FRAME,
            shown: None,
        });
        self.settle_all();
    }

    fn set_up(&mut self, sps: &Sps) {
        self.told_depth = usize::from(sps.max_num_reorder_frames());
        self.is_told = sps.is_reordering_told();
        let rate = self.frame_rate.or_else(|| sps.frame_rate());
        match &mut self.clock {
            Some(clock) => clock.change(rate),
            None => self.clock = Some(Clock::new(rate)),
        }
    }

    /// No other field follows that of the last frame.
    fn close(&mut self) {
        if let Some(frame) = self.frames.back_mut()
            && frame.open.take().is_some()
        {
            self.queue();
        }
    }

    /// The last frame is whole, and waits with the others.
    fn queue(&mut self) {
        let late = self
            .frames
            .back()
            .zip(self.last_count)
            .is_some_and(|(frame, last)| frame.count < last);
        let depth = self.told_depth.max(self.seen_depth);
        if late {
            // More is reordered than was told. It is too late for this frame, but not for those to come.
            self.seen_depth = depth.saturating_add(1).min(MAX_DEPTH);
        }
        while self.frames.iter().filter(|frame| frame.waits()).count() > depth {
            self.settle();
        }
        self.release();
    }

    /// Of the frames that wait, the one with the least count is next in output order.
    fn settle(&mut self) {
        let next = self
            .frames
            .iter_mut()
            .filter(|frame| frame.waits())
            .min_by_key(|frame| frame.count);
        if let (Some(frame), Some(clock)) = (next, &mut self.clock) {
            let pts = clock.now;
            frame.shown = Some((pts, clock.pass(frame.fields)));
            self.last_count = Some(frame.count);
            self.planned.push_back(pts);
        }
    }

    fn settle_all(&mut self) {
        while self.frames.iter().any(Frame::waits) {
            self.settle();
        }
        self.release();
    }

    /// Lets out the frames that are settled, as far as all before them are.
    fn release(&mut self) {
        while let Some(Frame {
            shown: Some((pts, duration)),
            ..
        }) = self.frames.front()
        {
            let (pts, duration) = (*pts, *duration);
            if self.last_dts.is_none() {
                self.plan(duration);
            }
            let dts = self.decode(pts);
            let after = self.latest(1);
            let Some(frame) = self.frames.pop_front() else {
                return;
            };
            let mut timing = Timing { dts, pts, duration };
            if let Some(second) = frame.second {
                let first = duration / FRAME;
                timing.duration = first;
                self.ready.push_back((timing, frame.first));
                let dts = dts.saturating_add(first.into());
                let dts = after.map_or(dts, |after| dts.min(after.saturating_sub(1)));
                timing = Timing {
                    dts: dts.max(timing.dts.saturating_add(1)),
                    pts: pts.saturating_add(first.into()),
                    duration: duration.saturating_sub(first),
                };
                self.ready.push_back((timing, second));
            } else {
                self.ready.push_back((timing, frame.first));
            }
            self.last_dts = Some(timing.dts);
        }
    }

    /// Decoding starts before what is shown first, by as many frames as are reordered.
    fn plan(&mut self, frame: u32) {
        let depth = if self.is_told {
            self.told_depth
        } else {
            self.reordered()
        };
        for _ in 0..depth {
            let first = self.planned.front().copied().unwrap_or(0);
            self.planned.push_front(first.saturating_sub(frame.into()));
        }
    }

    /// The most frames that precede another one in decoding order and follow it in output order, of those that are here.
    fn reordered(&self) -> usize {
        let place = |frame: &Frame<T>| (frame.shown.map_or(i64::MAX, |(pts, _)| pts), frame.count);
        let overtaken = |(n, frame)| {
            let before = self.frames.iter().take(n);
            before.filter(|other| place(other) > place(frame)).count()
        };
        let frames = self.frames.iter().enumerate();
        frames.map(overtaken).max().unwrap_or(0).min(MAX_DEPTH)
    }

    /// When the frame from which on `skip` frames are left has to be decoded at the latest, so that there are two ticks for
    /// each until one of them is shown.
    fn latest(&self, skip: usize) -> Option<i64> {
        let frames = self.frames.iter().skip(skip).zip(0i64..);
        let times = frames.filter_map(|(frame, n)| Some(frame.shown?.0.saturating_sub(2 * n)));
        times.min()
    }

    /// When the first frame is decoded.
    fn decode(&mut self, pts: i64) -> i64 {
        let latest = self.latest(0).unwrap_or(pts);
        let planned = self.planned.front().copied();
        let dts = match (planned, self.last_dts) {
            (Some(planned), _) if planned <= latest => {
                self.planned.pop_front();
                planned
            }
            // More is reordered than so far: what was planned is for the next frame.
            (_, Some(last)) => last.saturating_add(latest.saturating_sub(last) / 2),
            (_, None) => latest,
        };
        match self.last_dts {
            Some(last) => dts.max(last.saturating_add(1)),
            None => dts,
        }
    }

    /// Tells that no picture follows, so that all come out.
    pub fn finish(&mut self) {
        self.close();
        self.settle_all();
    }

    /// The next picture in decoding order, as far as its times are settled.
    pub fn pop(&mut self) -> Option<(Timing, T)> {
        self.ready.pop_front()
    }
}

impl<T> Default for Timeline<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// How many fields a picture is shown: `DeltaTfiDivisor` (Table E-6).
const fn shown_fields(field_pic_flag: bool, pic_struct: Option<u8>) -> u32 {
    match pic_struct {
        _ if field_pic_flag => 1,
        Some(5 | 6) => FRAME + 1,
        Some(7) => 2 * FRAME,
        Some(8) => 3 * FRAME,
        _ => FRAME,
    }
}
