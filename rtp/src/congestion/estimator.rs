use super::{Feedback, Usage, delay::Detector, loss, rate};
use crate::Unwrapper;
use alloc::collections::{BTreeMap, VecDeque};
use core::time::Duration;

/// What got through is measured over this time.
const WINDOW: Duration = Duration::from_millis(500);
/// What got through at overuse, over this.
const RECENT: Duration = Duration::from_millis(200);
/// Without feedback for so long, the rate falls.
const SILENCE: Duration = Duration::from_millis(1500);
/// A feedback's reference time is counted modulo this, microseconds.
const WRAP: i64 = (1 << 24) * 64_000;

/// Bounds of an [`Estimator`] (draft-ietf-rmcat-gcc-02 §5 to §7); bits a second.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// The rate to start with. Default 300 kbit/s.
    pub start: u64,
    /// The least. Default 30 kbit/s.
    pub min: u64,
    /// The most. Default 50 Mbit/s.
    pub max: u64,
    /// Packets that were sent and not reported on which are remembered. Default 8192.
    pub packets: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            start: 300_000,
            min: 30_000,
            max: 50_000_000,
            packets: 8192,
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Sent {
    at: Duration,
    size: usize,
}

/// Estimates how much the path carries, at the sender. See the [module](super).
///
/// Tell it of each packet that is sent and of each feedback; [`target_rate`](Self::target_rate) is what to encode and send at.
#[derive(Debug, Clone)]
pub struct Estimator {
    config: Config,
    sequence: Unwrapper<u16>,
    sent: BTreeMap<i64, Sent>,
    /// Arrivals, receiver's clock, and bits.
    received: VecDeque<(Duration, u64)>,
    received_bits: u64,
    first_arrival: Option<Duration>,
    /// The last arrival, microseconds, not wrapped.
    clock: Option<i64>,
    detector: Detector,
    by_delay: rate::Control,
    by_loss: loss::Control,
    round_trip: Duration,
    feedback: Option<Duration>,
    target: u64,
}

impl Estimator {
    /// Nothing was sent so far.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let target = config.start.clamp(config.min, config.max.max(config.min));
        Self {
            sequence: Unwrapper::<u16>::new(),
            sent: BTreeMap::new(),
            received: VecDeque::new(),
            received_bits: 0,
            first_arrival: None,
            clock: None,
            detector: Detector::default(),
            by_delay: rate::Control::new(target),
            by_loss: loss::Control::new(config.max),
            round_trip: Duration::from_millis(100),
            feedback: None,
            target,
            config,
        }
    }

    /// Takes note of a packet that is sent, with its transport-wide sequence number and its size on the wire.
    pub fn handle_sent(&mut self, sequence_number: u16, size: usize, now: Duration) {
        let at = self.sequence.unwrap(sequence_number);
        self.sent.insert(at, Sent { at: now, size });
        self.feedback.get_or_insert(now);
        while self.sent.len() > self.config.packets {
            self.sent.pop_first();
        }
    }

    /// Takes in the receiver's feedback; what came by RTCP by `&(&twcc).into()`.
    pub fn handle_feedback(&mut self, feedback: &Feedback, now: Duration) {
        self.feedback = Some(now);
        let (mut expected, mut lost) = (0u64, 0u64);
        let mut newest = None;
        for (sequence_number, came, arrival) in feedback.times() {
            let at = self.sequence.peek(sequence_number);
            if !came {
                // It may still come: who is reported twice was late, not lost.
                if self.sent.contains_key(&at) {
                    expected = expected.saturating_add(1);
                    lost = lost.saturating_add(1);
                }
                continue;
            }
            let Some(sent) = self.sent.remove(&at) else {
                continue;
            };
            expected = expected.saturating_add(1);
            // When, is not told: it got through all the same.
            let Some(arrival) = arrival else { continue };
            let arrival = self.unwrap_arrival(arrival);
            self.count(arrival, sent.size);
            self.detector.handle_packet(sent.at, arrival);
            newest = Some(sent.at);
        }
        if let Some(sent) = newest {
            // Feedback waits at the receiver: the least of a while is nearest to the round trip.
            let trip = now.saturating_sub(sent);
            self.round_trip = if trip < self.round_trip {
                trip
            } else {
                self.round_trip.saturating_mul(15).saturating_add(trip) / 16
            };
            // What was sent before is lost or late.
            let oldest = now.saturating_sub(
                self.round_trip
                    .saturating_mul(4)
                    .saturating_add(Duration::from_secs(1)),
            );
            self.sent.retain(|_, sent| sent.at >= oldest);
        }
        if expected == 0 {
            return;
        }
        let through = self.received_rate();
        // Few packets make no rate.
        let through = match self.detector.usage() {
            Usage::Over if through > Some(100_000) => through.max(self.recent_rate()),
            _ => through,
        };
        self.by_delay
            .update(self.detector.usage(), through, self.round_trip, now);
        if self
            .by_loss
            .update(expected, lost, self.target, self.round_trip, now)
        {
            self.by_delay.end_start();
        }
        self.settle();
    }

    fn settle(&mut self) {
        let (min, max) = (self.config.min, self.config.max.max(self.config.min));
        self.by_delay.set(self.by_delay.rate().clamp(min, max));
        self.by_loss.set(self.by_loss.rate().clamp(min, max));
        self.target = self.by_delay.rate().min(self.by_loss.rate());
        // One does not run away from the other.
        self.by_delay.set(
            self.by_delay
                .rate()
                .min(self.target.saturating_mul(2))
                .max(min),
        );
    }

    /// The receiver's time, counted on past the wrap.
    fn unwrap_arrival(&mut self, micros: i64) -> Duration {
        let last = self
            .clock
            .unwrap_or(micros.rem_euclid(WRAP).saturating_add(WRAP));
        let step = micros
            .saturating_sub(last)
            .saturating_add(WRAP / 2)
            .rem_euclid(WRAP)
            .saturating_sub(WRAP / 2);
        let at = last.saturating_add(step);
        self.clock = Some(at);
        Duration::from_micros(u64::try_from(at).unwrap_or(0))
    }

    fn count(&mut self, arrival: Duration, size: usize) {
        let bits = (size as u64).saturating_mul(8);
        self.first_arrival.get_or_insert(arrival);
        self.received.push_back((arrival, bits));
        self.received_bits = self.received_bits.saturating_add(bits);
        while let Some((at, bits)) = self.received.front().copied()
            && (at.saturating_add(WINDOW) < arrival || self.received.len() > self.config.packets)
        {
            self.received.pop_front();
            self.received_bits = self.received_bits.saturating_sub(bits);
        }
    }

    /// Lets the rate fall where no feedback comes.
    pub fn handle_timeout(&mut self, now: Duration) {
        if self.poll_timeout().is_some_and(|due| now >= due) && !self.sent.is_empty() {
            self.feedback = Some(now);
            self.by_delay.set(self.by_delay.rate().min(self.target) / 2);
            self.settle();
        }
    }

    /// When to call [`handle_timeout`](Self::handle_timeout), on the clock of `now`.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Duration> {
        self.feedback.map(|last| last.saturating_add(SILENCE))
    }

    /// What to send at, bits a second.
    #[must_use]
    pub const fn target_rate(&self) -> u64 {
        self.target
    }

    /// What got through in the last half second, bits a second; `None` in the first 200 ms.
    #[must_use]
    pub fn received_rate(&self) -> Option<u64> {
        let (last, _) = self.received.back()?;
        let window = last.saturating_sub(self.first_arrival?).min(WINDOW);
        if window < RECENT {
            return None;
        }
        rate_of(self.received_bits, window)
    }

    /// The same of the last 200 ms: what a queue that just filled lets through, though the rate rose fast before.
    fn recent_rate(&self) -> Option<u64> {
        let (last, _) = self.received.back()?;
        let start = last.saturating_sub(RECENT);
        let recent = self.received.iter().rev().take_while(|(at, _)| *at > start);
        rate_of(
            recent.fold(0, |sum, (_, bits)| sum.saturating_add(*bits)),
            RECENT,
        )
    }

    /// How the path is used, by the trend of the delay.
    #[must_use]
    pub const fn usage(&self) -> Usage {
        self.detector.usage()
    }

    /// The delay above that at the start, milliseconds, smoothed: what the queues hold.
    #[must_use]
    pub const fn queueing_delay(&self) -> f64 {
        self.detector.delay()
    }

    /// Packets lost lately, of 1000.
    #[must_use]
    pub const fn loss(&self) -> u64 {
        self.by_loss.share()
    }

    /// The round trip, by feedback: it includes what the feedback waits for.
    #[must_use]
    pub const fn round_trip(&self) -> Duration {
        self.round_trip
    }
}

fn rate_of(bits: u64, time: Duration) -> Option<u64> {
    let millis = u64::try_from(time.as_millis()).ok()?;
    bits.saturating_mul(1000).checked_div(millis)
}
