use super::Usage;
use core::time::Duration;

/// What is left at overuse, percent of what got through.
const BACK_OFF: u64 = 85;
/// Growth in a second far from the link's capacity, percent.
const GROWTH: u64 = 8;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Doubling in a second, before the first overuse.
    Start,
    Hold,
    Increase,
}

/// The rate by delay: additive or multiplicative increase, multiplicative decrease (§5.5 of the draft). Bits a second.
#[derive(Debug, Clone)]
pub(super) struct Control {
    state: State,
    rate: u64,
    updated: Option<Duration>,
    decreased: Option<Duration>,
    /// What got through at overuse: mean, and mean square deviation in kbit/s · kbit/s, both decaying.
    capacity: Option<(u64, u64)>,
}

impl Control {
    pub(super) const fn new(rate: u64) -> Self {
        Self {
            state: State::Start,
            rate,
            updated: None,
            decreased: None,
            capacity: None,
        }
    }

    pub(super) const fn rate(&self) -> u64 {
        self.rate
    }

    pub(super) fn set(&mut self, rate: u64) {
        self.rate = rate;
    }

    /// Loss ends the doubling too.
    pub(super) const fn end_start(&mut self) {
        if matches!(self.state, State::Start) {
            self.state = State::Increase;
        }
    }

    /// Takes in what the detector says, what gets through, and the round trip.
    pub(super) fn update(
        &mut self,
        usage: Usage,
        through: Option<u64>,
        round_trip: Duration,
        now: Duration,
    ) {
        let since = now
            .saturating_sub(self.updated.replace(now).unwrap_or(now))
            .min(Duration::from_secs(1));
        match usage {
            Usage::Over => {
                // Once in a round trip: the queue needs that long to show what was done.
                let again = round_trip.clamp(Duration::from_millis(10), Duration::from_millis(200));
                let lately = self
                    .decreased
                    .is_some_and(|last| now.saturating_sub(last) < again.saturating_mul(2));
                if !lately {
                    self.decrease(through.unwrap_or(self.rate), now);
                }
                self.state = State::Hold;
            }
            Usage::Under => {
                // The queue is left to empty.
                if self.state != State::Start {
                    self.state = State::Hold;
                }
            }
            Usage::Normal => {
                if self.state == State::Hold {
                    self.state = State::Increase;
                } else {
                    self.increase(through, round_trip, since);
                }
            }
        }
    }

    fn decrease(&mut self, through: u64, now: Duration) {
        let target = through.saturating_mul(BACK_OFF) / 100;
        self.rate = target.min(self.rate).max(self.rate / 2);
        self.decreased = Some(now);
        let kilobits = through / 1000;
        let (mean, deviation) = self
            .capacity
            .filter(|capacity| is_near(*capacity, through))
            .unwrap_or((through, kilobits.saturating_mul(kilobits) / 400));
        let mean_now = (mean.saturating_mul(19).saturating_add(through)) / 20;
        let apart = (mean_now / 1000).abs_diff(kilobits);
        let deviation = (deviation
            .saturating_mul(19)
            .saturating_add(apart.saturating_mul(apart)))
            / 20;
        self.capacity = Some((mean_now, deviation));
    }

    fn increase(&mut self, through: Option<u64>, round_trip: Duration, since: Duration) {
        if let (Some(capacity), Some(through)) = (self.capacity, through)
            && through > capacity.0
            && !is_near(capacity, through)
        {
            // The path carries more than it did.
            self.capacity = None;
        }
        let millis = u64::try_from(since.as_millis()).unwrap_or(0);
        let step = match (self.state, self.capacity) {
            // The rate doubles in a second: 7/10 of it a second at a time, compounded.
            (State::Start, _) => self.rate.saturating_mul(millis).saturating_mul(7) / 10_000,
            (_, None) => {
                (self.rate.saturating_mul(millis).saturating_mul(GROWTH) / 100_000).max(millis)
            }
            (_, Some(_)) => {
                // Half of a packet of 1200 bytes in each response time: a round trip and 100 ms.
                let response = u64::try_from(round_trip.as_millis())
                    .unwrap_or(0)
                    .saturating_add(100);
                (1200u64 * 8)
                    .saturating_mul(millis)
                    .checked_div(response.saturating_mul(2))
                    .unwrap_or(0)
                    .max(millis.saturating_mul(4))
            }
        };
        let mut rate = self.rate.saturating_add(step);
        if let Some(through) = through {
            let most = (through.saturating_mul(3) / 2).saturating_add(10_000);
            rate = rate.min(most.max(self.rate));
        }
        self.rate = rate;
    }
}

/// Whether a rate is within three standard deviations of the capacity, or within 10 % of it.
fn is_near((mean, deviation): (u64, u64), rate: u64) -> bool {
    let apart = (mean / 1000).abs_diff(rate / 1000);
    apart.saturating_mul(apart) <= deviation.saturating_mul(9) || apart <= mean / 10_000
}
