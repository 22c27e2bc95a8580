//! How good clock references are.

use crate::clock::{EXTENSION, Pcr, WRAP};
use alloc::vec::Vec;

/// What was measured of a clock.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClockStatistics {
    /// Clock references.
    pub references: u64,
    /// Longest time between two, in ticks of 27 MHz.
    pub longest_interval: u64,
    /// Places where the clock jumps, as the stream says itself.
    pub discontinuities: u64,
    /// Bits per second from the first to the last clock reference, all PIDs together and whole packets of the stream, where
    /// that is constant.
    pub constant_rate: Option<u64>,
    /// How far clock references are off from that rate, at most.
    pub jitter_nanos: u64,
}

/// Follows one clock.
#[derive(Debug, Default)]
pub(super) struct Watch {
    statistics: ClockStatistics,
    last: Option<Pcr>,
    /// Places and times since the last jump: bytes, ticks of 27 MHz.
    points: Vec<(u64, i64)>,
    time: i64,
    /// Whether the rate is not constant.
    varies: bool,
    /// Where the reference is that is further off than all others.
    worst: u64,
}

/// Clock references that are kept to find their jitter: those of 40 minutes.
const MOST_POINTS: usize = 1 << 16;

/// A stream whose clock references are further off its mean rate has no constant one: 10 ms.
const CONSTANT: i128 = 270_000;

/// From one clock reference to the next, in ticks of 27 MHz, over the wrap.
pub(super) fn step(from: Pcr, to: Pcr) -> i64 {
    let wrap = (WRAP * EXTENSION).cast_signed();
    let ahead = to
        .ticks()
        .cast_signed()
        .wrapping_sub(from.ticks().cast_signed())
        .rem_euclid(wrap);
    if ahead >= wrap / 2 {
        ahead - wrap
    } else {
        ahead
    }
}

impl Watch {
    /// Takes a clock reference; gives the time since the last one, unless the stream says that the clock jumps.
    pub(super) fn push(&mut self, offset: u64, pcr: Pcr, discontinuity: bool) -> Option<i64> {
        self.statistics.references = self.statistics.references.saturating_add(1);
        let last = self.last.replace(pcr);
        if discontinuity {
            self.statistics.discontinuities = self.statistics.discontinuities.saturating_add(1);
        }
        let step = last.filter(|_| !discontinuity).map(|last| step(last, pcr));
        match step {
            Some(step) if (0..27_000_000).contains(&step) => {
                self.time = self.time.saturating_add(step);
                let longest = self.statistics.longest_interval;
                self.statistics.longest_interval = longest.max(step.unsigned_abs());
            }
            _ => {
                self.measure();
                self.points.clear();
                self.time = 0;
            }
        }
        if self.points.len() < MOST_POINTS {
            self.points.push((offset, self.time));
        }
        step
    }

    /// Where the reference is that is further off than all others.
    pub(super) const fn worst(&self) -> u64 {
        self.worst
    }

    pub(super) fn finish(&mut self) -> ClockStatistics {
        self.measure();
        if self.varies {
            self.statistics.constant_rate = None;
            self.statistics.jitter_nanos = 0;
        }
        self.statistics.clone()
    }

    /// Lays a line from the first point to the last, and looks how far the others are off.
    fn measure(&mut self) {
        let [(start, from), .., (end, to)] = self.points.as_slice() else {
            return;
        };
        let bytes = i128::from(end.saturating_sub(*start));
        let ticks = i128::from(to.saturating_sub(*from));
        // Three points at least: two are always on a line.
        if self.points.len() < 3 || ticks <= 0 || bytes <= 0 {
            return;
        }
        let (mut worst, mut place): (i128, u64) = (0, 0);
        for (offset, time) in &self.points {
            let expected = i128::from(offset.saturating_sub(*start))
                .saturating_mul(ticks)
                .saturating_mul(1000)
                .checked_div(bytes)
                .unwrap_or(0);
            let off = i128::from(time.saturating_sub(*from)).saturating_mul(1000) - expected;
            if off.abs() > worst {
                (worst, place) = (off.abs(), *offset);
            }
        }
        // Thousandths of ticks to nanoseconds.
        if worst / 1000 > CONSTANT {
            self.varies = true;
            return;
        }
        let nanos = u64::try_from(worst / 27).unwrap_or(u64::MAX);
        if nanos > self.statistics.jitter_nanos {
            self.statistics.jitter_nanos = nanos;
            self.worst = place;
        }
        let rate = bytes.saturating_mul(8 * 27_000_000).checked_div(ticks);
        self.statistics.constant_rate = rate.and_then(|rate| u64::try_from(rate).ok());
    }
}
