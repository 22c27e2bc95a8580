use alloc::collections::{BinaryHeap, VecDeque};
use core::cmp::Reverse;

/// Puts pictures from decoding order into output order, as a decoder's picture buffer does (ISO/IEC 14496-10 §C.4).
///
/// A picture comes out as soon as more than `depth` wait
/// ([`Sps::max_num_reorder_frames`](crate::Sps::max_num_reorder_frames)): the one with the least count first.
///
/// ```
/// use fluvial_h264::Reorder;
///
/// let mut reorder = Reorder::new(2);
/// let mut shown = Vec::new();
/// for (poc, name) in [(0, "I0"), (8, "P4"), (4, "B2"), (2, "b1"), (6, "b3")] {
///     reorder.push(poc, poc == 0, name);
///     shown.extend(reorder.pop());
/// }
/// reorder.finish();
/// shown.extend(core::iter::from_fn(|| reorder.pop()));
/// assert_eq!(shown, ["I0", "b1", "B2", "b3", "P4"]);
/// ```
#[derive(Debug, Clone)]
pub struct Reorder<T> {
    depth: usize,
    waiting: BinaryHeap<Reverse<Waiting<T>>>,
    ready: VecDeque<T>,
    /// Pictures pushed, by which equal counts keep their order.
    pushed: u64,
}

#[derive(Debug, Clone)]
struct Waiting<T> {
    place: (i64, u64),
    picture: T,
}

impl<T> Reorder<T> {
    /// For streams in which up to `depth` pictures precede another one in decoding order and follow it in output order.
    #[must_use]
    pub const fn new(depth: u8) -> Self {
        Self {
            depth: depth as usize,
            waiting: BinaryHeap::new(),
            ready: VecDeque::new(),
            pushed: 0,
        }
    }

    /// Takes the next picture in decoding order. `restarts` tells that counts start again with it: an IDR picture, or one
    /// that unmarks all others; those that wait precede it.
    pub fn push(&mut self, poc: i64, restarts: bool, picture: T) {
        if restarts {
            self.finish();
        }
        self.waiting.push(Reverse(Waiting {
            place: (poc, self.pushed),
            picture,
        }));
        self.pushed = self.pushed.wrapping_add(1);
        if self.waiting.len() > self.depth {
            self.bump();
        }
    }

    fn bump(&mut self) {
        if let Some(Reverse(first)) = self.waiting.pop() {
            self.ready.push_back(first.picture);
        }
    }

    /// Tells that no picture follows, so that those that wait come out.
    pub fn finish(&mut self) {
        while !self.waiting.is_empty() {
            self.bump();
        }
    }

    /// The next picture in output order, as far as that is settled.
    pub fn pop(&mut self) -> Option<T> {
        self.ready.pop_front()
    }
}

impl<T> Ord for Waiting<T> {
    fn cmp(&self, other: &Self) -> core::cmp::Ordering {
        self.place.cmp(&other.place)
    }
}

impl<T> PartialOrd for Waiting<T> {
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> PartialEq for Waiting<T> {
    fn eq(&self, other: &Self) -> bool {
        self.place == other.place
    }
}

impl<T> Eq for Waiting<T> {}

/// Derives decoding times from presentation times, where a transport (RTP) carries only these.
///
/// With a reordering of `depth` pictures, each is decoded when the one `depth` places before it in output order is
/// shown; that one has always been seen by then.
///
/// ```
/// use fluvial_h264::DecodingTimes;
///
/// let mut times = DecodingTimes::new(1, 40);
/// let pts = [0, 120, 40, 80, 240, 160, 200];
/// assert_eq!(pts.map(|pts| times.push(pts)), [-40, 0, 40, 80, 120, 160, 200]);
/// ```
#[derive(Debug, Clone)]
pub struct DecodingTimes {
    /// The `depth` + 1 latest presentation times, in order.
    window: [i64; Self::MOST + 1],
    depth: usize,
    duration: i64,
    last: Option<i64>,
}

impl DecodingTimes {
    /// The most that the standard allows, 16 frames, as fields.
    const MOST: usize = 32;

    /// For streams in which up to `depth` pictures (at most 32) precede another one in decoding order and follow it in
    /// output order. The first ones are taken to be `duration` apart.
    #[must_use]
    pub fn new(depth: u8, duration: i64) -> Self {
        Self {
            window: [0; Self::MOST + 1],
            depth: usize::from(depth).min(Self::MOST),
            duration,
            last: None,
        }
    }

    /// The decoding time of the next picture in decoding order, which is later than the last one's.
    ///
    /// It is at most the presentation time, unless the stream reorders more than was said.
    pub fn push(&mut self, pts: i64) -> i64 {
        let window = self.window.get_mut(..=self.depth).unwrap_or_default();
        if self.last.is_none() {
            // As if pictures had come before, one duration apart.
            for (place, back) in window.iter_mut().rev().zip(0i64..) {
                *place = pts.saturating_sub(back.saturating_mul(self.duration));
            }
        } else if let Some(first) = window.first_mut() {
            // The earliest has been used.
            *first = pts;
            window.sort_unstable();
        }
        let earliest = window.first().copied().unwrap_or(pts);
        let dts = match self.last {
            Some(last) => earliest.max(last.saturating_add(1)),
            None => earliest,
        };
        self.last = Some(dts);
        dts
    }
}
