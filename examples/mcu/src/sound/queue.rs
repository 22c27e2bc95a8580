//! What one participant says, put in time: packets come when they come, frames go every 20 ms, and nothing that is missing, late or too
//! much is heard as a click.

use super::{Frame, RATE};
use std::collections::VecDeque;

/// How far what is next may be from when it is due, before that is mended: 25 ms.
const TOLERANCE: i64 = RATE as i64 / 40;
/// Samples over which one sound becomes another where they do not fit: 5 ms.
const RAMP: usize = RATE / 200;
/// Longest that is kept: 2 s.
const LONGEST: usize = 2 * RATE;

/// Samples of one participant, on the room's clock.
#[derive(Debug, Default)]
pub struct Queue {
    samples: VecDeque<[f32; 2]>,
    /// When the first of them is due, in samples.
    start: i64,
    /// When those are due that do not fit the one before them.
    breaks: VecDeque<i64>,
    /// What was given last.
    last: [f32; 2],
    /// From what it goes over to what is given now, and for how many samples more.
    bridge: ([f32; 2], usize),
    sounds: bool,
}

impl Queue {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Samples that wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.samples.len()
    }

    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }

    /// Where what is pushed next would begin, if it followed without a gap.
    #[must_use]
    pub fn end(&self) -> i64 {
        self.start + self.samples.len() as i64
    }

    /// Takes samples, both channels by turns, that are due at `at`. What differs little from the end of what is there follows it.
    pub fn push(&mut self, at: i64, samples: &[f32]) {
        let (pairs, _) = samples.as_chunks::<2>();
        if self.samples.is_empty() {
            self.breaks.clear();
            self.start = at;
        }
        let gap = at - self.end();
        let length = usize::try_from(gap.abs()).unwrap_or(LONGEST).min(LONGEST);
        if gap > TOLERANCE {
            self.breaks.push_back(self.end());
            self.samples.extend(std::iter::repeat_n([0.0; 2], length));
            self.breaks.push_back(self.end());
        } else if gap < -TOLERANCE {
            // It is said twice, or the sender's clock has jumped: what is newer counts.
            self.samples
                .truncate(self.samples.len().saturating_sub(length));
            let end = self.end();
            self.breaks.retain(|at| *at < end);
            self.breaks.push_back(end);
        }
        self.samples.extend(pairs);
        self.skip(self.samples.len().saturating_sub(LONGEST));
    }

    /// Leaves out the first samples.
    fn skip(&mut self, count: usize) {
        if count > 0 {
            self.samples.drain(..count.min(self.samples.len()));
            self.start += count as i64;
            self.breaks.retain(|at| *at > self.start);
            self.breaks.push_front(self.start);
        }
    }

    /// What is due from `at` on, for a frame; whether any of it is sound.
    pub fn take(&mut self, at: i64, out: &mut Frame) -> bool {
        if !self.samples.is_empty() && at - self.start > TOLERANCE {
            // The clocks differ, or it came too late.
            let late = usize::try_from(at - self.start).unwrap_or(LONGEST);
            self.skip(late.min(self.samples.len()));
        }
        let early = usize::try_from(self.start - at).unwrap_or(0);
        // What goes on may be a little early; what begins waits for its time.
        let silent = match !self.sounds || early as i64 > TOLERANCE {
            true => early,
            false => 0,
        };
        let mut some = false;
        let (pairs, _) = out.as_chunks_mut::<2>();
        for (index, pair) in pairs.iter_mut().enumerate() {
            let next = match index < silent {
                true => None,
                false => self.samples.pop_front(),
            };
            let mut breaks = false;
            while next.is_some() && self.breaks.front().is_some_and(|at| *at <= self.start) {
                self.breaks.pop_front();
                breaks = true;
            }
            if breaks || next.is_some() != self.sounds {
                self.bridge = (self.last, RAMP);
            }
            self.sounds = next.is_some();
            some |= self.sounds;
            self.start += i64::from(self.sounds);
            *pair = next.unwrap_or_default();
            if self.bridge.1 > 0 {
                self.bridge.1 -= 1;
                let old = self.bridge.1 as f32 / RAMP as f32;
                let mix =
                    |channel: usize| pair[channel] * (1.0 - old) + self.bridge.0[channel] * old;
                *pair = [mix(0), mix(1)];
            }
            self.last = *pair;
        }
        some
    }
}

#[cfg(test)]
mod tests {
    use super::super::FRAME;
    use super::super::tests::{step, strength, tone};
    use super::*;

    const LENGTH: i64 = FRAME as i64;
    /// The greatest step of a 440 Hz tone of 0.5, and what a ramp may add.
    const SMOOTH: f32 = 0.5 * 440.0 * std::f32::consts::TAU / RATE as f32 + 2.0 / RAMP as f32;

    fn give(queue: &mut Queue, frames: std::ops::Range<i64>) -> Vec<f32> {
        let mut all = Vec::new();
        for frame in frames {
            let mut out = [0.0; 2 * FRAME];
            queue.take(frame * LENGTH, &mut out);
            all.extend(out);
        }
        all
    }

    fn push(queue: &mut Queue, frame: i64, shift: i64) {
        let samples = tone(440.0, 0.5, frame as usize * FRAME, FRAME);
        queue.push(frame * LENGTH + shift, &samples);
    }

    #[test]
    fn what_is_pushed_comes_when_it_is_due() {
        let mut queue = Queue::new();
        for frame in 2..12 {
            push(&mut queue, frame, 0);
        }
        let out = give(&mut queue, 0..14);
        assert!(out[..4 * FRAME].iter().all(|sample| *sample == 0.0));
        assert!(strength(&out[6 * FRAME..20 * FRAME], 440.0) > 0.49);
        assert!(out[26 * FRAME..].iter().all(|sample| *sample == 0.0));
        assert!(step(&out) < SMOOTH, "{}", step(&out));
    }

    #[test]
    fn packets_that_waver_are_no_gaps() {
        let mut queue = Queue::new();
        for frame in 0..50 {
            push(&mut queue, frame, [0, 300, -300, 500][frame as usize % 4]);
        }
        let out = give(&mut queue, 0..50);
        assert!(strength(&out[FRAME..], 440.0) > 0.49);
        assert!(step(&out[2 * RAMP..]) < 0.5 * 440.0 * 6.3 / RATE as f32);
    }

    #[test]
    fn what_is_missing_is_silence_without_a_click() {
        let mut queue = Queue::new();
        for frame in (0..10).filter(|frame| *frame != 4 && *frame != 5) {
            push(&mut queue, frame, 0);
        }
        let out = give(&mut queue, 0..12);
        assert!(
            out[4 * 2 * FRAME + 2 * RAMP..6 * 2 * FRAME]
                .iter()
                .all(|sample| *sample == 0.0)
        );
        assert!(strength(&out[14 * FRAME..20 * FRAME], 440.0) > 0.49);
        assert!(step(&out) < SMOOTH, "{}", step(&out));
    }

    #[test]
    fn what_comes_too_late_is_left_out_and_what_jumps_is_taken() {
        let mut queue = Queue::new();
        for frame in 0..10 {
            push(&mut queue, frame, 0);
        }
        give(&mut queue, 0..5);
        // The clock has gone on without anybody taking anything.
        let out = give(&mut queue, 8..10);
        assert!(strength(&out[FRAME..], 440.0) > 0.45);
        assert!(queue.is_empty());
        // A sender begins its clock anew, far ahead, and once more behind.
        queue.push(1000 * LENGTH, &tone(440.0, 0.5, 0, FRAME));
        queue.push(900 * LENGTH, &tone(440.0, 0.5, 0, FRAME));
        assert!(queue.len() <= LONGEST);
        let mut all = give(&mut queue, 899..1010);
        assert!(step(&all) < SMOOTH, "{}", step(&all));
        all.retain(|sample| sample.abs() > 0.1);
        assert!(!all.is_empty());
    }

    #[test]
    fn nobody_fills_the_memory() {
        let mut queue = Queue::new();
        for frame in 0..1000 {
            push(&mut queue, frame, 0);
        }
        assert_eq!(queue.len(), LONGEST);
        assert_eq!(queue.end(), 1000 * LENGTH);
    }
}
