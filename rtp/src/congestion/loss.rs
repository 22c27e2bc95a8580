use core::time::Duration;

/// Losses below which the rate rises, and above which it falls, of 1000.
const LOW: u64 = 20;
const HIGH: u64 = 100;
/// The least number of packets that a share is made of.
const PACKETS: u64 = 20;

/// The rate by loss (§6 of the draft). Bits a second.
#[derive(Debug, Clone)]
pub(super) struct Control {
    rate: u64,
    expected: u64,
    lost: u64,
    updated: Option<Duration>,
    /// Of 1000.
    share: u64,
}

impl Control {
    pub(super) const fn new(rate: u64) -> Self {
        Self {
            rate,
            expected: 0,
            lost: 0,
            updated: None,
            share: 0,
        }
    }

    pub(super) const fn rate(&self) -> u64 {
        self.rate
    }

    pub(super) const fn set(&mut self, rate: u64) {
        self.rate = rate;
    }

    /// Lost packets at the last count, of 1000.
    pub(super) const fn share(&self) -> u64 {
        self.share
    }

    /// Counts packets; gives whether the rate fell. `rate` is what is being sent at.
    pub(super) fn update(
        &mut self,
        expected: u64,
        lost: u64,
        rate: u64,
        round_trip: Duration,
        now: Duration,
    ) -> bool {
        self.expected = self.expected.saturating_add(expected);
        self.lost = self.lost.saturating_add(lost);
        // A decrease shows after a round trip, and in 200 ms there are packets enough.
        let interval = round_trip.max(Duration::from_millis(200));
        let since = now.saturating_sub(*self.updated.get_or_insert(now));
        if since < interval || self.expected < PACKETS {
            return false;
        }
        self.updated = Some(now);
        self.share = self
            .lost
            .saturating_mul(1000)
            .checked_div(self.expected)
            .unwrap_or(0);
        (self.expected, self.lost) = (0, 0);
        if self.share > HIGH {
            let fall = rate.saturating_mul(self.share) / 2000;
            self.rate = rate.saturating_sub(fall);
            return true;
        }
        if self.share < LOW {
            // 5 % at each time.
            self.rate = self.rate.max(rate).saturating_mul(105) / 100;
        }
        false
    }
}
