use crate::Unwrapper;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::time::Duration;

/// Microseconds of the unit of deltas, and of the reference time.
const TICK: i64 = 250;
const REFERENCE: i64 = 64_000;

/// A transport-wide feedback message, as its fields say it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Feedback {
    /// `base sequence number`: the first that is reported.
    pub base_sequence_number: u16,
    /// `reference time`: 24 bits, in 64 ms, modulo 2^24.
    pub reference_time: u32,
    /// `fb pkt. count`: counts the messages.
    pub feedback_count: u8,
    /// One entry for each sequence number from the base on: `None` where the packet did not come; else how much later than the one before
    /// that came (the first: than the reference time), in 250 µs.
    pub deltas: Vec<Option<i16>>,
}

impl Feedback {
    /// Sequence numbers and arrivals: microseconds on the receiver's clock modulo 2^24 · 64 ms; `None` where a packet did not come.
    pub fn arrivals(&self) -> impl Iterator<Item = (u16, Option<i64>)> + '_ {
        let mut at = i64::from(self.reference_time).saturating_mul(REFERENCE);
        self.deltas.iter().zip(0u16..).map(move |(delta, n)| {
            let arrival = delta.map(|delta| {
                at = at.saturating_add(i64::from(delta).saturating_mul(TICK));
                at
            });
            (self.base_sequence_number.wrapping_add(n), arrival)
        })
    }
}

/// Notes when packets came, and reports it.
#[derive(Debug, Clone)]
pub struct Recorder {
    sequence: Unwrapper<u16>,
    arrivals: BTreeMap<i64, i64>,
    /// The first that was not reported yet.
    next: Option<i64>,
    interval: Duration,
    last: Option<Duration>,
    count: u8,
    packets: usize,
}

impl Default for Recorder {
    fn default() -> Self {
        Self::new(Duration::from_millis(50))
    }
}

impl Recorder {
    /// Reports at this interval; 50 to 100 ms are usual.
    #[must_use]
    pub const fn new(interval: Duration) -> Self {
        Self {
            sequence: Unwrapper::<u16>::new(),
            arrivals: BTreeMap::new(),
            next: None,
            interval,
            last: None,
            count: 0,
            packets: 4096,
        }
    }

    /// Notes a packet by its transport-wide sequence number.
    pub fn handle_packet(&mut self, sequence_number: u16, now: Duration) {
        let at = self.sequence.unwrap(sequence_number);
        let micros = i64::try_from(now.as_micros()).unwrap_or(i64::MAX);
        self.arrivals.entry(at).or_insert(micros);
        self.last.get_or_insert(now);
        // One that is late was reported as lost: the next report begins with it.
        let next = self.next.map_or(at, |next| next.min(at));
        self.next = Some(next);
        while self.arrivals.len() > self.packets
            || self
                .arrivals
                .keys()
                .next()
                .is_some_and(|first| at.saturating_sub(*first) > 0x3FFF)
        {
            self.arrivals.pop_first();
            self.next = self.arrivals.keys().next().copied();
        }
    }

    /// The next report, where it is time for one and something came. Several may be due at once: poll until `None`.
    pub fn poll(&mut self, now: Duration) -> Option<Feedback> {
        if self.arrivals.is_empty() || self.poll_timeout().is_none_or(|due| now < due) {
            return None;
        }
        let (mut next, first) = (self.next?, *self.arrivals.values().next()?);
        let reference = first.div_euclid(REFERENCE);
        let [_, _, _, _, _, a, b, c] = reference.to_be_bytes();
        let [.., x, y] = next.to_be_bytes();
        let mut feedback = Feedback {
            base_sequence_number: u16::from_be_bytes([x, y]),
            reference_time: u32::from_be_bytes([0, a, b, c]),
            feedback_count: self.count,
            deltas: Vec::with_capacity(self.arrivals.len()),
        };
        let mut ticks = reference.saturating_mul(REFERENCE / TICK);
        while let Some(entry) = self.arrivals.first_entry() {
            let at = *entry.key();
            let missing = usize::try_from(at.saturating_sub(next)).unwrap_or(0);
            let here = entry.get().div_euclid(TICK);
            // What does not fit goes into the next report.
            let Ok(delta) = i16::try_from(here.saturating_sub(ticks)) else {
                break;
            };
            if feedback.deltas.len().saturating_add(missing) >= self.packets {
                break;
            }
            feedback
                .deltas
                .resize(feedback.deltas.len().saturating_add(missing), None);
            feedback.deltas.push(Some(delta));
            ticks = here;
            next = at.saturating_add(1);
            entry.remove();
        }
        if feedback.deltas.is_empty() {
            // A gap that no report can hold.
            self.next = self.arrivals.keys().next().copied();
            return None;
        }
        self.count = self.count.wrapping_add(1);
        self.next = Some(next);
        if self.arrivals.is_empty() {
            self.last = Some(now);
        }
        Some(feedback)
    }

    /// When the next report is due, on the clock of `now`; `None` as long as nothing came.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Duration> {
        if self.arrivals.is_empty() {
            return None;
        }
        self.last.map(|last| last.saturating_add(self.interval))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_report_with_loss_and_one_that_comes_late() {
        let ms = Duration::from_millis;
        let mut recorder = Recorder::new(ms(100));
        for (number, at) in [(65_535, 1000), (1, 1010), (0, 1011), (4, 1020)] {
            recorder.handle_packet(number, ms(at));
        }
        assert_eq!(recorder.poll(ms(1099)), None);
        assert_eq!(recorder.poll_timeout(), Some(ms(1100)));
        let feedback = recorder.poll(ms(1100)).expect("due");
        assert_eq!(
            (
                feedback.base_sequence_number,
                feedback.reference_time,
                feedback.feedback_count
            ),
            (65_535, 15, 0)
        );
        // 1000 ms - 15 * 64 ms = 40 ms = 160 ticks; packet 1 came before packet 0.
        assert_eq!(
            feedback.deltas,
            [Some(160), Some(44), Some(-4), None, None, Some(40)]
        );
        assert_eq!(recorder.poll(ms(1200)), None);
        recorder.handle_packet(3, ms(1200));
        let feedback = recorder.poll(ms(1201)).expect("due");
        assert_eq!(
            (feedback.base_sequence_number, feedback.feedback_count),
            (3, 1)
        );
        assert_eq!(
            feedback.arrivals().collect::<Vec<_>>(),
            [(3, Some(1_200_000))]
        );
    }

    proptest! {
        #[test]
        fn all_that_came_is_reported_once(steps in proptest::collection::vec((1u16..300, 0u64..20_000_000), 1..200), first: u16, order in 0u16..2) {
            let mut recorder = Recorder::new(Duration::from_millis(10));
            let (mut number, mut now, mut sent, mut told) = (first, Duration::from_secs(5), Vec::new(), Vec::new());
            for (step, micros) in steps {
                number = number.wrapping_add(step);
                now += Duration::from_micros(micros);
                // Sometimes the one before comes after.
                for number in [number, number.wrapping_sub(1)].into_iter().take(1 + usize::from(order)) {
                    recorder.handle_packet(number, now);
                    sent.push((number, now.as_micros() as i64));
                }
                if micros % 3 == 0 {
                    now += Duration::from_millis(10);
                    while let Some(feedback) = recorder.poll(now) {
                        let wrap = (1i64 << 24) * 64_000;
                        told.extend(feedback.arrivals().filter_map(|(n, at)| Some((n, at?.rem_euclid(wrap)))));
                    }
                }
            }
            now += Duration::from_millis(10);
            while let Some(feedback) = recorder.poll(now) {
                told.extend(feedback.arrivals().filter_map(|(n, at)| Some((n, at?))));
            }
            if order == 0 {
                prop_assert_eq!(told.len(), sent.len());
                for ((n, at), (told_n, told_at)) in sent.into_iter().zip(told) {
                    prop_assert_eq!(n, told_n);
                    prop_assert!((at - told_at).abs() < 250, "{} {}", at, told_at);
                }
            }
        }
    }
}
