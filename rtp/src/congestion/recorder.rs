use crate::rtcp::{Arrival, Twcc, TwccHead};
use crate::{Error, Unwrapper};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::time::Duration;

/// Microseconds of the unit of deltas, and of the reference time.
const TICK: i64 = 250;
const REFERENCE: i64 = 64_000;

/// A transport-wide feedback message: what [`Twcc`] carries (draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Feedback {
    /// The first sequence number that is reported.
    pub base_sequence: u16,
    /// In 64 ms; 24 bits, signed.
    pub reference_time: i32,
    /// Counts the messages, modulo 2^8.
    pub feedback_count: u8,
    /// One entry for each sequence number from the base on.
    pub arrivals: Vec<Arrival>,
}

impl Feedback {
    /// Appends the RTCP packet.
    ///
    /// # Errors
    /// What [`Twcc::encode_arrivals`] refuses: nothing that a [`Recorder`] gives.
    pub fn encode(
        &self,
        sender_ssrc: u32,
        media_ssrc: u32,
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let head = TwccHead {
            sender_ssrc,
            media_ssrc,
            base_sequence: self.base_sequence,
            reference_time: self.reference_time,
            feedback_count: self.feedback_count,
        };
        Twcc::encode_arrivals(&head, &self.arrivals, out)
    }

    /// Sequence numbers, whether each came, and when: microseconds on the receiver's clock modulo 2^24 · 64 ms.
    pub(super) fn times(&self) -> impl Iterator<Item = (u16, bool, Option<i64>)> + '_ {
        let mut at = i64::from(self.reference_time).saturating_mul(REFERENCE);
        self.arrivals.iter().zip(0u16..).map(move |(arrival, n)| {
            let time = match *arrival {
                Arrival::After(delta) => {
                    at = at.saturating_add(i64::from(delta).saturating_mul(TICK));
                    Some(at)
                }
                Arrival::Lost | Arrival::Untimed => None,
            };
            (
                self.base_sequence.wrapping_add(n),
                *arrival != Arrival::Lost,
                time,
            )
        })
    }
}

impl From<&Twcc<'_>> for Feedback {
    fn from(twcc: &Twcc<'_>) -> Self {
        Self {
            base_sequence: twcc.base_sequence,
            reference_time: twcc.reference_time,
            feedback_count: twcc.feedback_count,
            arrivals: twcc.arrivals().map(|(_, arrival)| arrival).collect(),
        }
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
        // 24 bits, with their sign.
        let [_, _, _, _, _, a, b, c] = reference.to_be_bytes();
        let [.., x, y] = next.to_be_bytes();
        let mut feedback = Feedback {
            base_sequence: u16::from_be_bytes([x, y]),
            reference_time: i32::from_be_bytes([a, b, c, 0]) >> 8,
            feedback_count: self.count,
            arrivals: Vec::with_capacity(self.arrivals.len()),
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
            if feedback.arrivals.len().saturating_add(missing) >= self.packets {
                break;
            }
            feedback.arrivals.resize(
                feedback.arrivals.len().saturating_add(missing),
                Arrival::Lost,
            );
            feedback.arrivals.push(Arrival::After(delta));
            ticks = here;
            next = at.saturating_add(1);
            entry.remove();
        }
        if feedback.arrivals.is_empty() {
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
    use super::Arrival::After;
    use super::*;
    use proptest::prelude::*;

    /// As it comes through RTCP.
    fn times(feedback: &Feedback) -> Vec<(u16, Option<i64>)> {
        let mut out = Vec::new();
        feedback.encode(1, 2, &mut out).expect("fits");
        let packet = crate::rtcp::Packets::new(&out)
            .next()
            .expect("one")
            .expect("RTCP");
        let crate::rtcp::Packet::Twcc(twcc) = packet else {
            panic!("{packet:?}")
        };
        let read = Feedback::from(&twcc);
        assert_eq!(read, *feedback);
        read.times().map(|(n, _, at)| (n, at)).collect()
    }

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
                feedback.base_sequence,
                feedback.reference_time,
                feedback.feedback_count
            ),
            (65_535, 15, 0)
        );
        // 1000 ms - 15 * 64 ms = 40 ms = 160 ticks; packet 1 came before packet 0.
        assert_eq!(
            feedback.arrivals,
            [
                After(160),
                After(44),
                After(-4),
                Arrival::Lost,
                Arrival::Lost,
                After(40)
            ]
        );
        assert_eq!(recorder.poll(ms(1200)), None);
        recorder.handle_packet(3, ms(1200));
        let feedback = recorder.poll(ms(1201)).expect("due");
        assert_eq!((feedback.base_sequence, feedback.feedback_count), (3, 1));
        assert_eq!(times(&feedback), [(3, Some(1_200_000))]);
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
                        told.extend(times(&feedback).into_iter().filter_map(|(n, at)| Some((n, at?.rem_euclid(wrap)))));
                    }
                }
            }
            now += Duration::from_millis(10);
            while let Some(feedback) = recorder.poll(now) {
                told.extend(times(&feedback).into_iter().filter_map(|(n, at)| Some((n, at?))));
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
