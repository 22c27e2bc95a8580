//! When what a participant sends is due: its own clock on the room's.

use std::collections::VecDeque;
use std::time::Duration;

/// Clocks are compared in windows of so much of the participant's time: what came fastest in one of the last two counts.
const WINDOW: i64 = 5_000_000_000;
/// How much the delay grows beyond what was late.
const MARGIN: i64 = 10_000_000;
/// After three windows in which nothing came near to being late it shrinks by half of what was left, and by so much at the least.
const STEP: i64 = 10_000_000;
/// Jumps of the participant's clock that begin a new time line.
const JUMP: i64 = 3_000_000_000;

/// All in nanoseconds: of the room, since it was opened, and of the participant, since whenever.
#[derive(Debug)]
pub struct Timeline {
    least: i64,
    most: i64,
    delay: i64,
    /// For each window, its start and the least difference between arrival and time.
    windows: VecDeque<(i64, i64)>,
    newest: i64,
    /// The least time that something had left until it was due, in this window and in the two before it.
    slack: [i64; 3],
}

impl Timeline {
    /// With the least delay between arrival and play, from which it grows where packets waver, up to the most.
    #[must_use]
    pub fn new(least: Duration, most: Duration) -> Self {
        let nanos = |duration: Duration| i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX / 4);
        Self {
            least: nanos(least),
            most: nanos(most),
            delay: nanos(least),
            windows: VecDeque::new(),
            newest: 0,
            slack: [i64::MAX; 3],
        }
    }

    /// Something with this time has come.
    pub fn observe(&mut self, time: i64, now: i64) {
        if !self.windows.is_empty() && (time - self.newest).abs() > JUMP {
            self.windows.clear();
            self.delay = self.least;
            self.slack = [i64::MAX; 3];
        }
        self.newest = time;
        let difference = now - time;
        match self.windows.back_mut() {
            Some((start, least)) if (time - *start).abs() < WINDOW => {
                *least = difference.min(*least);
            }
            _ => {
                self.shrink();
                self.windows.push_back((time, difference));
                if self.windows.len() > 2 {
                    self.windows.pop_front();
                }
            }
        }
        let left = self.due(time) - now;
        if left < 0 {
            self.delay = (self.delay - left + MARGIN).min(self.most);
        }
        let left = self.due(time) - now;
        self.slack[0] = self.slack[0].min(left);
    }

    /// A window ends.
    fn shrink(&mut self) {
        let [this, last, before] = self.slack;
        let least = this.min(last).min(before);
        // Hiccups that come again and again are waited for.
        let is_known = before < i64::MAX;
        let step = match is_known && least > 2 * STEP {
            true => (least / 2).max(STEP).min(self.delay - self.least),
            false => 0,
        };
        self.delay -= step;
        let left = |slack: i64| {
            if slack < i64::MAX {
                slack - step
            } else {
                slack
            }
        };
        self.slack = [i64::MAX, left(this), left(last)];
    }

    /// When something with this time is due.
    #[must_use]
    pub fn due(&self, time: i64) -> i64 {
        let fastest = self.windows.iter().map(|(_, least)| *least).min();
        time + fastest.unwrap_or(0) + self.delay
    }

    /// Between the fastest arrival and play.
    #[must_use]
    pub fn delay(&self) -> Duration {
        Duration::from_nanos(u64::try_from(self.delay).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: i64 = 1_000_000;

    fn line() -> Timeline {
        Timeline::new(Duration::from_millis(40), Duration::from_millis(500))
    }

    #[test]
    fn what_comes_evenly_is_due_after_the_least_delay() {
        let mut line = line();
        for index in 0..1000 {
            line.observe(index * 20 * MS + 7777 * MS, index * 20 * MS + 90 * MS);
        }
        assert_eq!(line.due(7777 * MS), 130 * MS);
    }

    #[test]
    fn what_wavers_is_delayed_until_it_comes_in_time_and_no_longer() {
        let mut line = line();
        let late = |index: i64| if index % 10 == 9 { 120 } else { index % 3 };
        for index in 0..100 {
            line.observe(index * 20 * MS, (index * 20 + late(index)) * MS);
        }
        assert_eq!(line.delay(), Duration::from_millis(130));
        for index in 100..200 {
            let now = (index * 20 + late(index)) * MS;
            line.observe(index * 20 * MS, now);
            assert!(line.due(index * 20 * MS) >= now);
        }
        // The network is quiet again: it shrinks by and by.
        for index in 200..5000 {
            line.observe(index * 20 * MS, index * 20 * MS);
        }
        assert!(
            line.delay() <= Duration::from_millis(50),
            "{:?}",
            line.delay()
        );
        // And never grows without end.
        line.observe(5000 * 20 * MS, (5000 * 20 + 60_000) * MS);
        assert_eq!(line.delay(), Duration::from_millis(500));
    }

    #[test]
    fn a_hiccup_is_over_soon() {
        let mut line = Timeline::new(Duration::from_millis(80), Duration::from_millis(1500));
        let late = |index: i64| if index == 100 { 1200 } else { 0 };
        for index in 0..2000 {
            line.observe(index * 20 * MS, (index * 20 + late(index)) * MS);
            if index == 100 {
                assert!(line.delay() > Duration::from_millis(1200));
            }
        }
        let delay = line.delay();
        assert!(delay < Duration::from_millis(150), "{delay:?}");
    }

    #[test]
    fn hiccups_that_come_again_are_waited_for() {
        let mut line = line();
        let late = |index: i64| if index % 450 == 100 { 300 } else { 0 };
        for index in 0..10_000 {
            let (time, now) = (index * 20 * MS, (index * 20 + late(index)) * MS);
            line.observe(time, now);
            assert!(index == 100 || line.delay() <= Duration::from_millis(310));
            assert!(line.due(time) >= now || index == 100, "at {index}");
        }
        assert_eq!(line.delay(), Duration::from_millis(310));
    }

    #[test]
    fn clocks_that_differ_are_followed() {
        let mut line = line();
        // Its clock is slow by a thousandth: a second in a quarter of an hour.
        for index in 0..50_000_i64 {
            line.observe(index * 20 * MS * 999 / 1000, index * 20 * MS);
        }
        let left = line.due(50_000 * 20 * MS * 999 / 1000) - 50_000 * 20 * MS;
        assert!((20 * MS..80 * MS).contains(&left), "{left}");
    }

    #[test]
    fn a_clock_that_jumps_begins_anew() {
        let mut line = line();
        line.observe(0, 0);
        line.observe(9_000_000 * MS, 20 * MS);
        assert_eq!(line.due(9_000_000 * MS), 60 * MS);
        line.observe(0, 40 * MS);
        assert_eq!(line.due(0), 80 * MS);
    }
}
