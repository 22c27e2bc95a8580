use h264::sps::Rational;
use media::{Time, Timescale};

/// Milliseconds by which a time may miss its place on the grid and still mean it: encoders round, truncate and jitter.
const TOLERANCE: i64 = 5;

/// The 32-bit millisecond clock of a stream, unwrapped.
#[derive(Debug)]
pub(super) struct Clock {
    last: Option<i64>,
}

impl Clock {
    pub(super) const fn new() -> Self {
        Self { last: None }
    }

    /// The time that a timestamp means: the one nearest to the last.
    pub(super) fn unwrap(&mut self, timestamp: u32) -> i64 {
        let millis = match self.last {
            Some(last) => {
                let low = u32::try_from(last & i64::from(u32::MAX)).unwrap_or_default();
                last.saturating_add(timestamp.wrapping_sub(low).cast_signed().into())
            }
            None => timestamp.into(),
        };
        self.last = Some(millis);
        millis
    }
}

/// Brings milliseconds back to the clock that they were made from: one sample or frame after the other at a constant distance.
#[derive(Debug, Clone, Copy)]
pub(super) struct Grid {
    timescale: Timescale,
    /// Ticks from one sample to the next, if that is constant.
    step: Option<i64>,
    last: Option<i64>,
    /// Where the last frame ends, if that is known.
    next: Option<i64>,
}

/// A time as a message tells it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Stamp {
    pub(super) millis: i64,
    /// Further nanoseconds.
    pub(super) nanos: u32,
}

impl Stamp {
    fn time(self) -> Time {
        Time::from_millis(self.millis) + Time::from_nanos(self.nanos.into())
    }
}

impl Grid {
    pub(super) fn new(timescale: Timescale, step: Option<u32>) -> Self {
        Self {
            timescale,
            step: step.filter(|step| *step > 0).map(i64::from),
            last: None,
            next: None,
        }
    }

    /// For video at a frame rate: a clock on which frames of all usual rates take whole ticks, and of any other where it can be.
    pub(super) fn of_frame_rate(rate: Option<Rational>) -> Self {
        /// Divisible by 24, 25, 30, 50, 60 and, frames of 1001/n seconds, by 24000, 30000 and 60000.
        const USUAL: u32 = 120_000;
        let exact = |ticks: u32, rate: Rational| {
            let product = u64::from(ticks).checked_mul(rate.den.into())?;
            let step = product.checked_div(rate.num.into())?;
            (step.checked_mul(rate.num.into()) == Some(product))
                .then(|| u32::try_from(step).ok())
                .flatten()
        };
        if let Some(rate) = rate {
            let multiple = rate.num.saturating_mul(USUAL.div_ceil(rate.num.max(1)));
            for ticks in [USUAL, multiple] {
                if let (Some(timescale), Some(step)) = (Timescale::new(ticks), exact(ticks, rate)) {
                    return Self::new(timescale, Some(step));
                }
            }
        }
        Self::new(Timescale::new(USUAL).unwrap_or(Timescale::KHZ_90), None)
    }

    pub(super) fn timescale(&self) -> Timescale {
        self.timescale
    }

    /// Another grid that goes on where this one ends.
    pub(super) fn followed_by(&self, next: Grid) -> Grid {
        let moved = |ticks| self.timescale.rescale(ticks, next.timescale);
        Grid {
            last: self.last.map(moved),
            next: self.next.map(moved),
            ..next
        }
    }

    /// The time line jumps.
    pub(super) fn reset(&mut self) {
        self.last = None;
        self.next = None;
    }

    fn tolerance(&self) -> i64 {
        Timescale::MILLIS.rescale(TOLERANCE, self.timescale)
    }

    /// A span in ticks, made a whole number of steps where it nearly is one.
    fn snap(&self, ticks: i64) -> i64 {
        let Some(step) = self.step else {
            return ticks;
        };
        let half = if ticks < 0 { -step / 2 } else { step / 2 };
        let steps = ticks
            .saturating_add(half)
            .checked_div(step)
            .unwrap_or_default();
        let snapped = steps.saturating_mul(step);
        if snapped.saturating_sub(ticks).abs() <= self.tolerance() {
            snapped
        } else {
            ticks
        }
    }

    /// The decoding time of the next sample, always later than the one before. `duration` is the number of ticks that it lasts,
    /// where it tells.
    pub(super) fn dts(&mut self, stamp: Stamp, duration: Option<u32>) -> i64 {
        let ticks = self.timescale.ticks(stamp.time());
        let close = |next: &i64| next.saturating_sub(ticks).abs() <= self.tolerance();
        let dts = match (self.last, self.next.filter(close)) {
            (Some(last), Some(next)) if next > last => next,
            (Some(last), _) => last.saturating_add(self.snap(ticks.saturating_sub(last)).max(1)),
            (None, _) => ticks,
        };
        self.last = Some(dts);
        self.next = duration.map(|duration| dts.saturating_add(duration.into()));
        dts
    }

    /// The presentation time for a composition time.
    pub(super) fn pts(&self, dts: i64, composition: Stamp) -> i64 {
        dts.saturating_add(self.snap(self.timescale.ticks(composition.time())))
    }
}

/// A frame rate as metadata tells it: rounded.
pub(super) fn frame_rate(told: f64) -> Option<Rational> {
    const USUAL: [(u32, u32); 14] = [
        (24_000, 1001),
        (24, 1),
        (25, 1),
        (30_000, 1001),
        (30, 1),
        (48, 1),
        (50, 1),
        (60_000, 1001),
        (60, 1),
        (100, 1),
        (120_000, 1001),
        (120, 1),
        (15, 1),
        (15_000, 1001),
    ];
    let usual = USUAL.iter().find(|(num, den)| {
        let rate = f64::from(*num) / f64::from(*den);
        // 30 and 29.97 are a thousandth apart; 23.98 is meant as 23.976.
        (told / rate - 1.0).abs() < 0.0004
    });
    if let Some(&(num, den)) = usual {
        return Some(Rational { num, den });
    }
    (1..=1000u32)
        .find(|rate| f64::from(*rate) == told)
        .map(|num| Rational { num, den: 1 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(millis: i64) -> Stamp {
        Stamp { millis, nanos: 0 }
    }

    #[test]
    fn the_clock_goes_on_past_32_bits_and_back() {
        let mut clock = Clock::new();
        let times = [u32::MAX - 10, 5, u32::MAX - 1, 30].map(|timestamp| clock.unwrap(timestamp));
        assert_eq!(
            times,
            [0xFFFF_FFF5, 0x1_0000_0005, 0xFFFF_FFFE, 0x1_0000_001E]
        );
    }

    #[test]
    fn rates_are_recognised() {
        for (told, num, den) in [
            (29.97, 30_000, 1001),
            (30.0, 30, 1),
            (23.98, 24_000, 1001),
            (59.940_059, 60_000, 1001),
            (20.0, 20, 1),
        ] {
            assert_eq!(frame_rate(told), Some(Rational { num, den }));
        }
        for told in [0.0, -1.0, f64::NAN, 29.5, 1e9] {
            assert_eq!(frame_rate(told), None);
        }
    }

    proptest! {
        #[test]
        fn a_constant_rate_is_exact_however_its_times_were_rounded(
            index in 0usize..8,
            round in 0u8..3,
            start in 0i64..100_000,
            lost in prop::collection::btree_set(1i64..400, 0..20),
        ) {
            let (num, den) = [(24_000, 1001), (24, 1), (25, 1), (30_000, 1001), (30, 1), (50, 1), (60_000, 1001), (60, 1)][index];
            let mut grid = Grid::of_frame_rate(Some(Rational { num, den }));
            let step = i64::from(grid.timescale().get()) * i64::from(den) / i64::from(num);
            let mut first = None;
            for frame in (0..400i64).filter(|frame| !lost.contains(frame)) {
                let exact = start as f64 + frame as f64 * 1000.0 * f64::from(den) / f64::from(num);
                let millis = match round { 0 => exact.floor(), 1 => exact.round(), _ => exact.ceil() } as i64;
                let dts = grid.dts(at(millis), None);
                let first = *first.get_or_insert(dts);
                prop_assert_eq!(dts - first, frame * step);
            }
        }

        #[test]
        fn audio_does_not_drift_and_keeps_its_gaps(rate in prop_oneof![Just(48_000u32), Just(44_100), Just(22_050)], gap in 100i64..400) {
            let mut grid = Grid::new(Timescale::new(rate).unwrap(), Some(1024));
            for frame in (0..5000i64).filter(|frame| !(50..gap).contains(frame)) {
                let millis = frame * 1024 * 1000 / i64::from(rate);
                prop_assert_eq!(grid.dts(at(millis), None), frame * 1024);
            }
        }

        #[test]
        fn frames_of_any_length_follow_each_other(durations in prop::collection::vec(prop_oneof![Just(120u32), Just(960), Just(2880), Just(4096)], 1..300)) {
            let mut grid = Grid::new(Timescale::new(48_000).unwrap(), None);
            let mut exact = 0i64;
            for duration in durations {
                prop_assert_eq!(grid.dts(at(exact / 48), Some(duration)), exact);
                exact += i64::from(duration);
            }
        }

        #[test]
        fn times_always_go_on(millis in prop::collection::vec(-1000i64..1000, 0..50), step in prop::option::of(1u32..5000), duration in prop::option::of(0u32..5000)) {
            let mut grid = Grid::new(Timescale::KHZ_90, step);
            let mut last = i64::MIN;
            for millis in millis {
                let dts = grid.dts(at(millis), duration);
                prop_assert!(dts > last);
                last = dts;
            }
        }
    }
}
