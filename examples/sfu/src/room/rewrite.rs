//! Sequence numbers and times of what one section sends, while its source changes.

use std::collections::VecDeque;
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
    /// The highest number of the present source, and those that were left out of late: what comes after them moves up.
    highest: u64,
    skipped: VecDeque<u64>,
}

/// So many numbers that were left out are remembered one by one, for packets that come late.
const SKIPPED: usize = 512;

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
            highest: 0,
            skipped: VecDeque::new(),
        }
    }

    /// The next packet is of another source.
    pub(super) fn switch(&mut self) {
        self.shift = None;
        self.skipped.clear();
    }

    /// A packet of the present source is left out. One that comes late leaves a hole: those after it have their numbers already.
    pub(super) fn skip(&mut self, sequence: u64) {
        let Some(shift) = &mut self.shift else {
            return;
        };
        if sequence <= self.highest {
            return;
        }
        self.highest = sequence;
        self.skipped.push_back(sequence);
        if self.skipped.len() > SKIPPED && self.skipped.pop_front().is_some() {
            shift.sequence -= 1;
        }
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
                self.highest = sequence;
                shift
            }
        };
        if sequence < shift.first {
            return None;
        }
        self.highest = self.highest.max(sequence);
        let skipped = self.skipped.partition_point(|skipped| *skipped < sequence);
        let out = sequence.checked_add_signed(shift.sequence)?;
        let out = out.checked_sub(skipped as u64)?;
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
    fn what_is_left_out_leaves_no_hole() {
        let mut rewriter = Rewriter::new(90_000);
        let now = Instant::now();
        let next = |rewriter: &mut Rewriter, sequence| {
            let (out, _) = rewriter.next(sequence, 0, now).unwrap();
            out
        };
        assert_eq!(next(&mut rewriter, 50), 1000);
        rewriter.skip(51);
        rewriter.skip(53);
        assert_eq!(next(&mut rewriter, 54), 1002);
        assert_eq!(
            next(&mut rewriter, 52),
            1001,
            "it is late, and has its place"
        );
        for sequence in 55..2000 {
            rewriter.skip(sequence);
        }
        assert_eq!(next(&mut rewriter, 2000), 1003);
        rewriter.skip(1999);
        assert_eq!(next(&mut rewriter, 2001), 1004);
        rewriter.switch();
        assert_eq!(next(&mut rewriter, 7), 1005);
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
