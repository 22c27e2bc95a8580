//! When a publisher is asked for a keyframe.

use std::time::{Duration, Instant};

/// Requests of all receivers of a layer become one, and one follows another not sooner than this: a keyframe costs ten pictures. Where none
/// has come until then, the request has been lost, or overheard.
const PAUSE: Duration = Duration::from_millis(500);

/// Merges and throttles the requests for one layer.
#[derive(Debug, Default)]
pub(super) struct Keyframes {
    /// Since when.
    wanted: Option<Instant>,
    asked: Option<Instant>,
    came: Option<Instant>,
}

impl Keyframes {
    /// A receiver needs one.
    pub(super) fn want(&mut self, now: Instant) {
        self.wanted.get_or_insert(now);
    }

    /// One has come, for all who wait.
    pub(super) fn arrived(&mut self, now: Instant) {
        self.wanted = None;
        self.came = Some(now);
    }

    /// Whether to ask now. If so, it is taken as asked.
    pub(super) fn ask(&mut self, now: Instant) -> bool {
        let due = self.due().is_some_and(|due| due <= now);
        if due {
            self.asked = Some(now);
        }
        due
    }

    /// Whether the last one came longer ago.
    pub(super) fn are_older_than(&self, age: Duration, now: Instant) -> bool {
        self.came
            .is_some_and(|came| now.saturating_duration_since(came) > age)
    }

    /// When to ask, if at all.
    pub(super) fn due(&self) -> Option<Instant> {
        let last = self.asked.max(self.came);
        Some(
            self.wanted?
                .max(last.map_or(self.wanted?, |last| last + PAUSE)),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_requests_are_one_and_a_lost_one_is_repeated() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut keyframes = Keyframes::default();
        assert!(!keyframes.ask(at(0)), "nobody wants one");
        for ms in 0..100 {
            keyframes.want(at(ms));
        }
        assert!(keyframes.ask(at(100)));
        assert!(!keyframes.ask(at(599)), "asked already");
        assert!(keyframes.ask(at(600)), "it was lost");
        keyframes.arrived(at(1200));
        assert!(!keyframes.ask(at(5000)));
        keyframes.want(at(5000));
        assert!(keyframes.ask(at(5000)));
        keyframes.arrived(at(5050));
        keyframes.want(at(5060));
        assert!(!keyframes.ask(at(5549)), "too soon after the last one");
        assert!(keyframes.ask(at(5550)));
    }
}
