//! Sequence numbers and times of what one section sends, while its source changes.

use std::time::{Duration, Instant};

/// Makes one RTP stream of pieces of several (RFC 3550 §5.1): a receiver sees neither that another layer nor that another person
/// is shown, only numbers and times that go on.
#[derive(Debug)]
pub(super) struct Rewriter {
    clock_rate: u32,
    /// What was sent last, and when.
    last: Option<(u64, u32, Instant)>,
    /// What is added to numbers and times of the present source, and from which number on it counts.
    shift: Option<Shift>,
}

#[derive(Debug, Clone, Copy)]
struct Shift {
    first: u64,
    sequence: i64,
    time: u32,
}

/// Where the first stream starts: low, so that the receiver knows the roll-over counter, but with room for packets out of order.
const START: u64 = 1000;
/// Longest pause between two sources that is told as such.
const LONGEST: Duration = Duration::from_secs(3600);

impl Rewriter {
    pub(super) const fn new(clock_rate: u32) -> Self {
        Self {
            clock_rate,
            last: None,
            shift: None,
        }
    }

    /// The next packet is of another source.
    pub(super) fn switch(&mut self) {
        self.shift = None;
    }

    /// What a time of the present source has become.
    pub(super) fn time_of(&self, time: u32) -> Option<u32> {
        Some(time.wrapping_add(self.shift?.time))
    }

    /// The number and time to send a packet with; none for one from before the switch.
    pub(super) fn next(&mut self, sequence: u64, time: u32, now: Instant) -> Option<(u64, u32)> {
        let shift = match self.shift {
            Some(shift) => shift,
            None => {
                let (next, at) = self.last.map_or((START, time), |(sequence, time, sent)| {
                    let passed = now.saturating_duration_since(sent).min(LONGEST);
                    let ticks = passed.as_millis() * u128::from(self.clock_rate) / 1000;
                    // At least one tick: pictures of two sources are two pictures.
                    let ticks = u32::try_from(ticks).unwrap_or(u32::MAX).max(1);
                    (sequence + 1, time.wrapping_add(ticks))
                });
                let shift = Shift {
                    first: sequence,
                    sequence: next.cast_signed() - sequence.cast_signed(),
                    time: at.wrapping_sub(time),
                };
                self.shift = Some(shift);
                shift
            }
        };
        if sequence < shift.first {
            return None;
        }
        let out = sequence.checked_add_signed(shift.sequence)?;
        let time = time.wrapping_add(shift.time);
        if self.last.is_none_or(|(last, ..)| out > last) {
            self.last = Some((out, time, now));
        }
        Some((out, time))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_times_go_on_over_a_switch() {
        let mut rewriter = Rewriter::new(90_000);
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        assert_eq!(rewriter.next(70_000, 500, at(0)), Some((1000, 500)));
        assert_eq!(rewriter.next(70_002, 3500, at(33)), Some((1002, 3500)));
        // Late, but of this source.
        assert_eq!(rewriter.next(70_001, 500, at(34)), Some((1001, 500)));
        rewriter.switch();
        // 67 ms later, by another clock, counted by other numbers.
        assert_eq!(
            rewriter.next(5, u32::MAX, at(100)),
            Some((1003, 3500 + 6030))
        );
        assert_eq!(
            rewriter.next(4, u32::MAX - 3000, at(101)),
            None,
            "from before"
        );
        assert_eq!(rewriter.next(6, 2999, at(133)), Some((1004, 3500 + 9030)));
    }

    #[test]
    fn two_sources_in_one_moment_have_two_times() {
        let mut rewriter = Rewriter::new(90_000);
        let now = Instant::now();
        let (_, first) = rewriter.next(1, 77, now).unwrap();
        rewriter.switch();
        let (_, second) = rewriter.next(1, 77, now).unwrap();
        assert_eq!(second, first + 1);
    }
}
