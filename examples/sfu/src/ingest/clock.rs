//! When what comes was made, by our clock.

use media::Time;
use std::time::{Duration, Instant};

/// Later than that it is no more the same time line.
const LATE: Duration = Duration::from_secs(5);
/// What comes on time is taken to come so much later with each second, in thousandths: clocks differ by less.
const CREEP: u32 = 1000;

/// Places the times of a publisher on our clock, all tracks alike: what comes with the least delay comes without any. Reports that
/// receivers are sent say it so, and they play sound and picture together however the network makes them waver.
#[derive(Debug, Default)]
pub(super) struct Clock {
    /// A time of theirs, and when that was.
    anchor: Option<(Time, Instant)>,
    asked: Option<Instant>,
    first: Option<Instant>,
    /// How often what it says of the same time has become another one.
    changes: u64,
}

/// How long what comes first may come in a burst, of which nobody knows yet how late it is.
const BURST: Duration = Duration::from_millis(300);
/// Less than that is no change.
const LITTLE: Duration = Duration::from_millis(2);

impl Clock {
    /// What of it is worth telling others: a number that is another one whenever it is; none yet at the beginning.
    pub(super) fn changes(&self, now: Instant) -> Option<u64> {
        let passed = now.saturating_duration_since(self.first?);
        (passed >= BURST).then_some(self.changes)
    }

    /// When it was what they call `time`, if that comes now: not later than now.
    pub(super) fn place(&mut self, time: Time, now: Instant) -> Instant {
        self.first.get_or_insert(now);
        let placed = self.anchor.and_then(|(at, then)| {
            let asked = self.asked.unwrap_or(now);
            let then = then + now.saturating_duration_since(asked) / CREEP;
            let passed = (time - at).as_nanos();
            let length = Duration::from_nanos(passed.unsigned_abs());
            let placed = match passed < 0 {
                true => then.checked_sub(length)?,
                false => then.checked_add(length)?,
            };
            let early = placed.saturating_duration_since(now);
            Some((placed, early, now.saturating_duration_since(placed)))
        });
        self.asked = Some(now);
        match placed {
            Some((placed, early, late)) if early.is_zero() && late < LATE => {
                self.anchor = Some((time, placed));
                placed
            }
            other => {
                let is_little = |early: Duration| !early.is_zero() && early < LITTLE;
                if !other.is_some_and(|(_, early, _)| is_little(early)) {
                    self.changes += 1;
                }
                self.anchor = Some((time, now));
                now
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_late_was_made_in_time() {
        let start = Instant::now();
        let ms = Duration::from_millis;
        let mut clock = Clock::default();
        let mut place = |time: i64, now: u64| {
            let placed = clock.place(Time::from_millis(time), start + ms(now));
            placed.saturating_duration_since(start).as_millis()
        };
        assert_eq!(place(10_000, 200), 200, "the first is on time");
        assert_eq!(place(10_040, 300), 240, "late by 60");
        assert_eq!(place(10_020, 301), 220, "another track");
        assert_eq!(
            place(10_080, 260),
            260,
            "this one was faster than the first"
        );
        assert_eq!(place(10_120, 310), 300, "which counts from now on");
        assert_eq!(place(99_000, 400), 400, "a jump");
        assert_eq!(place(1000, 9000), 9000, "and another");
        assert_eq!(clock.changes(start + ms(499)), None, "too soon to tell");
        assert_eq!(clock.changes(start + ms(500)), Some(4));
    }
}
