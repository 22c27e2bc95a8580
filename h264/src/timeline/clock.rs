use crate::sps::Rational;

/// Counts fields in ticks, without drift.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    /// Ticks in a second.
    pub(super) timescale: u32,
    rate: Rational,
    /// What has passed: ticks, and parts of one in `2 * rate.num`.
    pub(super) now: i64,
    rest: u64,
}

/// Ticks that a field lasts at least, so that decoding times can move together.
const MIN_FIELD: u32 = 64;
/// Ticks in a second at least, as usual in MP4.
const MIN_TIMESCALE: u32 = 10_000;
/// Where nothing is told, or what cannot be.
const DEFAULT_RATE: Rational = Rational { num: 25, den: 1 };
const MAX_RATE: u32 = 1000;
/// Seconds that a picture lasts, at most.
const MAX_STEP: u32 = 60;

impl Clock {
    /// A clock with a timescale in which a field of this rate is a whole number of ticks, if there is one.
    pub(super) fn new(rate: Option<Rational>) -> Self {
        let rate = plausible(rate);
        let exact = || {
            let (mut timescale, mut field) = (rate.num.checked_mul(2)?, rate.den);
            while timescale < MIN_TIMESCALE || field < MIN_FIELD {
                (timescale, field) = (timescale.checked_mul(2)?, field.checked_mul(2)?);
            }
            Some(timescale)
        };
        Self {
            timescale: exact().unwrap_or(90_000),
            rate,
            now: 0,
            rest: 0,
        }
    }

    /// Goes on with another rate.
    pub(super) fn change(&mut self, rate: Option<Rational>) {
        let rate = plausible(rate);
        if rate != self.rate {
            self.rate = rate;
            self.rest = 0;
        }
    }

    /// Lets fields pass; tells how many ticks that takes.
    pub(super) fn pass(&mut self, fields: u32) -> u32 {
        let second = u128::from(self.rate.num.max(1)) * 2;
        let parts = u128::from(fields) * u128::from(self.timescale) * u128::from(self.rate.den)
            + u128::from(self.rest);
        let ticks = u32::try_from(parts / second).unwrap_or(u32::MAX);
        self.rest = u64::try_from(parts % second).unwrap_or(0);
        self.now = self.now.saturating_add(ticks.into());
        ticks
    }
}

fn plausible(rate: Option<Rational>) -> Rational {
    let is_plausible = |rate: &Rational| {
        rate.num > 0
            && rate.den > 0
            && rate.num / rate.den <= MAX_RATE
            && rate.den / rate.num <= MAX_STEP
    };
    rate.filter(is_plausible).unwrap_or(DEFAULT_RATE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timescales_are_exact_and_fine() {
        let rates = [
            (25, 1, 12_800, 256),
            (24_000, 1001, 48_000, 1001),
            (30, 1, 15_360, 256),
            (60_000, 1001, 120_000, 1001),
            (1, 5, 16_384, 40_960),
        ];
        for (num, den, timescale, field) in rates {
            let mut clock = Clock::new(Some(Rational { num, den }));
            assert_eq!(
                (clock.timescale, clock.pass(1)),
                (timescale, field),
                "{num}/{den}"
            );
        }
    }

    #[test]
    fn what_cannot_be_is_25_a_second() {
        for rate in [
            None,
            Some(Rational {
                num: u32::MAX,
                den: 3,
            }),
            Some(Rational { num: 1, den: 0 }),
        ] {
            assert_eq!(Clock::new(rate).pass(2), 512);
        }
    }

    #[test]
    fn another_rate_does_not_drift() {
        let mut clock = Clock::new(None);
        clock.change(Some(Rational {
            num: 24_000,
            den: 1001,
        }));
        for _ in 0..24_000 {
            clock.pass(2);
        }
        assert_eq!(clock.now, 1001 * 12_800);
        let mut long = Clock::new(Some(Rational {
            num: 3_000_000_000,
            den: 100_000_001,
        }));
        for _ in 0..3000 {
            long.pass(2);
        }
        assert_eq!(long.now, 90_000 * 100);
    }
}
