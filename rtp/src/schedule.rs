//! When to send RTCP (RFC 3550 §6.2, §6.3 and appendix A.7): at an interval that lets all participants together use a small
//! share of the session's bandwidth, with timer reconsideration; and feedback between, as RFC 4585 §3.5 lets it.
//!
//! ```
//! use core::time::Duration;
//! use fluvial_rtp::schedule::{Config, Due, Schedule};
//!
//! let mut random = 1_u32; // from a real source
//! let mut schedule = Schedule::new(Config::new(2_000_000), Duration::ZERO, random);
//! let due = schedule.poll_timeout();
//! assert!(due >= Duration::from_secs(1) && due < Duration::from_secs(4));
//! random = 2;
//! match schedule.handle_timeout(due, random) {
//!     Due::Report => schedule.handle_sent(108, due, random),
//!     Due::Later => {} // more participants came meanwhile
//! }
//! assert!(schedule.poll_timeout() > due);
//! ```

use core::time::Duration;

/// e - 3/2, by which reconsideration makes intervals shorter than they should be on average, of 100 000.
const COMPENSATION: u128 = 121_828;
/// Members past which BYE waits for its turn (§6.3.7).
const MANY: u32 = 50;

/// How much RTCP there may be.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// Bits a second of RTCP of all participants: 5 % of the session's bandwidth, or `b=RS` and `b=RR` (RFC 3556) together.
    pub bandwidth: u64,
    /// The least interval, before it is randomised. Default 5 s.
    pub min_interval: Duration,
}

impl Config {
    /// 5 % of a session's bandwidth, in bits a second, for RTCP, and an interval of 5 s at least.
    #[must_use]
    pub const fn new(session_bandwidth: u64) -> Self {
        Self {
            bandwidth: session_bandwidth / 20,
            min_interval: Duration::from_secs(5),
        }
    }

    /// With the reduced least interval (§6.2): 360 s divided by the session's bandwidth in kbit/s.
    #[must_use]
    pub const fn reduced(session_bandwidth: u64) -> Self {
        let nanos = match 360_000_000_000_000u64.checked_div(session_bandwidth) {
            Some(nanos) => nanos,
            None => 5_000_000_000,
        };
        Self {
            bandwidth: session_bandwidth / 20,
            min_interval: Duration::from_nanos(nanos),
        }
    }
}

/// What a [`Schedule`] says at its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// A report, or BYE where the schedule is leaving, is to be sent; tell of it by [`Schedule::handle_sent`].
    Report,
    /// Not yet: the session grew, and [`Schedule::poll_timeout`] is another now.
    Later,
}

/// When to send RTCP. Random numbers come from the caller, a new one for each call.
#[derive(Debug, Clone)]
pub struct Schedule {
    config: Config,
    /// `tp` and `tn`: when the last packet was sent and when the next is due.
    last: Duration,
    next: Duration,
    members: u32,
    /// `pmembers`: members when `next` was computed.
    members_then: u32,
    senders: u32,
    sending: bool,
    /// Nothing was sent so far.
    initial: bool,
    /// `avg_rtcp_size`, sixteenths of bytes.
    size: u64,
    leaving: bool,
    early_sent: bool,
}

impl Schedule {
    /// For who joins now.
    #[must_use]
    pub fn new(config: Config, now: Duration, random: u32) -> Self {
        let mut schedule = Self {
            config,
            last: now,
            next: now,
            members: 1,
            members_then: 1,
            senders: 0,
            sending: false,
            initial: true,
            // A report, a description and the headers of IP and UDP: the "probable size" of the first.
            size: 128 * 16,
            leaving: false,
            early_sent: false,
        };
        schedule.next = now.saturating_add(schedule.interval(random));
        schedule
    }

    /// The interval for what is known now, randomised (§6.3.1).
    fn interval(&self, random: u32) -> Duration {
        // Half to three halves, less the compensation.
        let nanos = self.deterministic().as_nanos();
        let nanos = (nanos.saturating_mul((1 << 31) + u128::from(random)) >> 32)
            .saturating_mul(100_000)
            / COMPENSATION;
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// `Td`: the interval without randomness, after which (five times) a silent member is timed out (§6.3.5).
    #[must_use]
    pub fn deterministic(&self) -> Duration {
        let least = if self.initial {
            self.config.min_interval / 2
        } else {
            self.config.min_interval
        };
        let few = self.senders > 0 && u64::from(self.senders) * 4 <= u64::from(self.members);
        let (count, quarters) = match (few, self.sending) {
            (true, true) => (self.senders, 1),
            (true, false) => (self.members.saturating_sub(self.senders), 3),
            (false, _) => (self.members, 4),
        };
        // size / 16 · 8 bits · count / (bandwidth · quarters / 4), in nanoseconds.
        let nanos = u128::from(self.size)
            .saturating_mul(u128::from(count))
            .saturating_mul(2_000_000_000);
        let share = u128::from(self.config.bandwidth).saturating_mul(quarters);
        let nanos = nanos
            .checked_div(share)
            .and_then(|nanos| u64::try_from(nanos).ok())
            .unwrap_or(u64::MAX);
        Duration::from_nanos(nanos).max(least)
    }

    /// When to call [`handle_timeout`](Self::handle_timeout).
    #[must_use]
    pub const fn poll_timeout(&self) -> Duration {
        self.next
    }

    /// Asks whether to send, at the time that [`poll_timeout`](Self::poll_timeout) told (§6.3.6).
    pub fn handle_timeout(&mut self, now: Duration, random: u32) -> Due {
        self.members_then = self.members;
        let next = self.last.saturating_add(self.interval(random));
        if next <= now {
            return Due::Report;
        }
        self.next = next;
        Due::Later
    }

    /// A report was sent, of so many bytes with the headers of IP and UDP.
    pub fn handle_sent(&mut self, size: usize, now: Duration, random: u32) {
        self.average(size);
        self.initial = false;
        self.early_sent = false;
        self.last = now;
        self.members_then = self.members;
        self.next = now.saturating_add(self.interval(random));
    }

    /// RTCP of so many bytes came, with the headers of IP and UDP. While leaving, only that of BYE packets.
    pub fn handle_received(&mut self, size: usize) {
        if self.leaving {
            self.members = self.members.saturating_add(1);
        }
        self.average(size);
    }

    fn average(&mut self, size: usize) {
        self.size = self
            .size
            .saturating_mul(15)
            .saturating_add((size as u64).saturating_mul(16))
            / 16;
    }

    /// How many there are, this one included, and how many of them send. Who leaves brings the next report nearer (§6.3.4).
    pub fn set_members(&mut self, members: u32, senders: u32, sending: bool, now: Duration) {
        if self.leaving {
            return;
        }
        (self.members, self.senders, self.sending) = (members.max(1), senders, sending);
        if self.members < self.members_then {
            let part = |span: Duration| {
                let nanos = span
                    .as_nanos()
                    .saturating_mul(self.members.into())
                    .checked_div(self.members_then.into())
                    .unwrap_or(0);
                Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
            };
            self.next = now.saturating_add(part(self.next.saturating_sub(now)));
            self.last = now.saturating_sub(part(now.saturating_sub(self.last)));
            self.members_then = self.members;
        }
    }

    /// Leaves with a BYE of so many bytes: at once where few are there; else when [`poll_timeout`](Self::poll_timeout) says, so that
    /// many who leave together do not flood the session (§6.3.7).
    pub fn leave(&mut self, size: usize, now: Duration, random: u32) {
        self.leaving = true;
        if self.members <= MANY {
            self.next = now;
            // So that the time, once come, is not reconsidered.
            self.last = now.saturating_sub(self.deterministic().saturating_mul(2));
            return;
        }
        (self.members, self.members_then, self.senders) = (1, 1, 0);
        (self.initial, self.sending) = (true, false);
        self.size = (size as u64).saturating_mul(16);
        self.last = now;
        self.next = now.saturating_add(self.interval(random));
    }

    /// Whether feedback may be sent at once, before the next report (RFC 4585 §3.5.2, for sessions of two: no dithering). Once
    /// between two reports, of which the next is put off then. Tell of feedback sent by [`handle_received`](Self::handle_received)'s measure.
    pub fn early(&mut self, now: Duration) -> bool {
        if self.early_sent || self.leaving || self.members > 2 {
            return false;
        }
        self.early_sent = true;
        let rest = self.next.saturating_sub(self.last);
        self.next = self.last.saturating_add(rest.saturating_mul(2)).max(now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use testing::Random;

    fn random(random: &mut Random) -> u32 {
        (random.below(1 << 16) << 16 | random.below(1 << 16)) as u32
    }

    /// What so many members, all with this schedule, send in bits a second after a minute.
    fn session(members: u32, senders: u32, bandwidth: u64, seed: u64) -> (f64, u32) {
        let mut numbers = Random::new(seed);
        let config = Config::new(bandwidth);
        let mut all: Vec<Schedule> = (0..members)
            .map(|_| Schedule::new(config.clone(), Duration::ZERO, random(&mut numbers)))
            .collect();
        let (mut bytes, mut packets) = (0u64, 0);
        let end = Duration::from_secs(660);
        for (n, schedule) in all.iter_mut().enumerate() {
            schedule.set_members(members, senders, (n as u32) < senders, Duration::ZERO);
            while schedule.poll_timeout() < end {
                let now = schedule.poll_timeout();
                if schedule.handle_timeout(now, random(&mut numbers)) == Due::Report {
                    schedule.handle_sent(128, now, random(&mut numbers));
                    if now >= Duration::from_secs(60) {
                        bytes += 128;
                        packets += 1;
                    }
                }
            }
        }
        (bytes as f64 * 8.0 / 600.0, packets)
    }

    #[test]
    fn two_send_each_five_seconds() {
        let (_, packets) = session(2, 1, 2_000_000, 1);
        // 2 · 600 s / 5 s; reconsideration and its compensation meet in the mean.
        assert!((220..=260).contains(&packets), "{packets}");
    }

    #[test]
    fn many_share_the_bandwidth() {
        for (members, senders) in [(1000, 0), (1000, 10), (1000, 900), (3000, 2)] {
            let (rate, _) = session(members, senders, 1_000_000, 2);
            assert!(
                (35_000.0..60_000.0).contains(&rate),
                "{members} members, {senders} senders: {rate} bit/s of 50000"
            );
        }
    }

    #[test]
    fn a_crowd_that_joins_at_once_does_not_flood() {
        let mut numbers = Random::new(3);
        let mut schedule = Schedule::new(Config::new(64_000), Duration::ZERO, 0);
        let due = schedule.poll_timeout();
        // A thousand others were heard before our first report.
        schedule.set_members(1000, 1, false, due);
        assert_eq!(
            schedule.handle_timeout(due, random(&mut numbers)),
            Due::Later
        );
        assert!(schedule.poll_timeout() > due + Duration::from_secs(60));
        // They leave again: ours comes nearer.
        let later = schedule.poll_timeout();
        schedule.set_members(10, 1, false, due);
        assert!(schedule.poll_timeout() < due + (later - due) / 50);
    }

    #[test]
    fn bye_at_once_or_in_turn() {
        let now = Duration::from_secs(100);
        let mut schedule = Schedule::new(Config::new(64_000), Duration::ZERO, 7);
        schedule.set_members(3, 1, true, now);
        schedule.leave(60, now, u32::MAX);
        assert_eq!(schedule.poll_timeout(), now);
        assert_eq!(schedule.handle_timeout(now, u32::MAX), Due::Report);

        let mut schedule = Schedule::new(Config::new(64_000), Duration::ZERO, 7);
        schedule.set_members(1000, 1, true, now);
        schedule.leave(60, now, 1 << 31);
        let due = schedule.poll_timeout();
        assert!(due >= now + Duration::from_secs(1), "{due:?}");
        (0..500).for_each(|_| schedule.handle_received(60));
        assert_eq!(
            schedule.handle_timeout(due, 1 << 31),
            Due::Later,
            "others leave too"
        );
    }

    #[test]
    fn early_feedback_once_between_reports() {
        let now = Duration::from_secs(1);
        let mut schedule = Schedule::new(Config::reduced(2_000_000), Duration::ZERO, 7);
        schedule.set_members(2, 1, false, now);
        assert!(schedule.early(now) && !schedule.early(now));
        let due = schedule.poll_timeout();
        schedule.handle_sent(100, due, 1);
        assert!(schedule.early(due));
        schedule.handle_sent(100, due, 1);
        schedule.set_members(3, 1, false, now);
        assert!(!schedule.early(due), "not in a crowd");
    }

    #[test]
    fn the_reduced_interval() {
        assert_eq!(
            Config::reduced(360_000).min_interval,
            Duration::from_secs(1)
        );
        assert_eq!(Config::reduced(0).min_interval, Duration::from_secs(5));
    }
}
