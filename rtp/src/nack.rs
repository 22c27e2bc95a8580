//! Asking for lost packets again, and sending them again: the generic NACK of RFC 4585 §6.2.1.
//!
//! ```
//! use core::time::Duration;
//! use fluvial_rtp::nack::{Generator, GeneratorConfig};
//! use fluvial_rtp::rtcp::NackEntry;
//!
//! let mut nack = Generator::new(GeneratorConfig::default());
//! for sequence_number in [1, 2, 5, 7] {
//!     nack.handle_packet(sequence_number, Duration::ZERO);
//! }
//! let due = nack.poll_timeout().expect("3, 4 and 6 are missing");
//! let entries: Vec<NackEntry> = NackEntry::of(nack.poll(due)).collect();
//! assert_eq!(entries, [NackEntry { packet_id: 3, bitmask: 0b101 }]);
//! ```

use crate::Unwrapper;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;
use bytes::Bytes;
use core::time::Duration;

/// When a [`Generator`] asks.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct GeneratorConfig {
    /// How long a packet may be late without being asked for. Default 10 ms.
    pub reorder: Duration,
    /// The least time between two questions for one packet; a round trip and a quarter where that is longer. Default 20 ms.
    pub interval: Duration,
    /// How often a packet is asked for. Default 10.
    pub attempts: u8,
    /// How long a packet is asked for: what is older would come too late. Default 500 ms.
    pub age: Duration,
    /// Missing packets that are remembered; the oldest are given up first. Default 512.
    pub missing: usize,
}

impl Default for GeneratorConfig {
    fn default() -> Self {
        Self {
            reorder: Duration::from_millis(10),
            interval: Duration::from_millis(20),
            attempts: 10,
            age: Duration::from_millis(500),
            missing: 512,
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Missing {
    since: Duration,
    due: Duration,
    asked: Duration,
    attempts: u8,
}

/// Finds out which packets of a source are missing, and when to ask for them.
#[derive(Debug, Clone)]
pub struct Generator {
    config: GeneratorConfig,
    sequence: Unwrapper<u16>,
    highest: Option<i64>,
    missing: BTreeMap<i64, Missing>,
    round_trip: Duration,
    /// No entry is due before.
    due: Option<Duration>,
    given_up: u64,
}

impl Generator {
    /// Nothing is missing so far.
    #[must_use]
    pub fn new(config: GeneratorConfig) -> Self {
        Self {
            config,
            sequence: Unwrapper::<u16>::new(),
            highest: None,
            missing: BTreeMap::new(),
            round_trip: Duration::from_millis(100),
            due: None,
            given_up: 0,
        }
    }

    /// The round trip to the sender. It is taken to be 100 ms before this is called.
    pub const fn set_round_trip(&mut self, round_trip: Duration) {
        self.round_trip = round_trip;
    }

    /// Takes in a packet that came: in the stream itself, resent or recovered.
    pub fn handle_packet(&mut self, sequence_number: u16, now: Duration) {
        let at = self.sequence.peek(sequence_number);
        let Some(highest) = self.highest else {
            self.highest = Some(self.sequence.unwrap(sequence_number));
            return;
        };
        if at <= highest {
            self.missing.remove(&at);
            return;
        }
        self.highest = Some(self.sequence.unwrap(sequence_number));
        let room = i64::try_from(self.config.missing).unwrap_or(i64::MAX);
        let first = highest.saturating_add(1).max(at.saturating_sub(room));
        self.give_up_before(at.saturating_sub(room));
        let skipped = first.saturating_sub(highest).saturating_sub(1);
        self.given_up = self.given_up.saturating_add(skipped.unsigned_abs());
        let due = now.saturating_add(self.config.reorder);
        for lost in first..at {
            self.missing.insert(
                lost,
                Missing {
                    since: now,
                    due,
                    asked: now,
                    attempts: 0,
                },
            );
            self.due = Some(self.due.map_or(due, |earlier| earlier.min(due)));
        }
    }

    /// Takes in a packet that was sent again. Where it was asked for once, the time since then is a round trip.
    pub fn handle_resent(&mut self, sequence_number: u16, now: Duration) {
        let at = self.sequence.peek(sequence_number);
        if let Some(missing) = self.missing.get(&at)
            && missing.attempts == 1
        {
            let trip = now.saturating_sub(missing.asked);
            self.round_trip = (self.round_trip.saturating_mul(7) / 8).saturating_add(trip / 8);
        }
        self.handle_packet(sequence_number, now);
    }

    /// The round trip that is reckoned with.
    #[must_use]
    pub const fn round_trip(&self) -> Duration {
        self.round_trip
    }

    fn give_up_before(&mut self, bound: i64) {
        while let Some(entry) = self
            .missing
            .first_entry()
            .filter(|entry| *entry.key() < bound)
        {
            entry.remove();
            self.given_up = self.given_up.saturating_add(1);
        }
    }

    /// The sequence numbers to ask for now, in order, for [`NackEntry::of`](crate::rtcp::NackEntry::of); they are due again a round trip and a quarter later.
    pub fn poll(&mut self, now: Duration) -> Vec<u16> {
        let mut lost = Vec::new();
        if self.due.is_none_or(|due| now < due) {
            return lost;
        }
        let again = self
            .config
            .interval
            .max(self.round_trip.saturating_add(self.round_trip / 4));
        let (config, given_up, mut next) = (&self.config, &mut self.given_up, None::<Duration>);
        self.missing.retain(|at, missing| {
            if now >= missing.due {
                if missing.attempts >= config.attempts
                    || now.saturating_sub(missing.since) > config.age
                {
                    *given_up = given_up.saturating_add(1);
                    return false;
                }
                missing.attempts = missing.attempts.saturating_add(1);
                missing.asked = now;
                missing.due = now.saturating_add(again);
                let [.., a, b] = at.to_be_bytes();
                lost.push(u16::from_be_bytes([a, b]));
            }
            next = Some(next.map_or(missing.due, |next| next.min(missing.due)));
            true
        });
        self.due = next;
        lost
    }

    /// When to poll, on the clock of `now`; `None` as long as nothing is missing.
    #[must_use]
    pub const fn poll_timeout(&self) -> Option<Duration> {
        self.due
    }

    /// Packets that were given up since the last call: time to ask for a key frame.
    pub const fn take_given_up(&mut self) -> u64 {
        core::mem::replace(&mut self.given_up, 0)
    }

    /// Packets that are missing at present.
    #[must_use]
    pub fn missing(&self) -> usize {
        self.missing.len()
    }
}

/// What a [`Cache`] holds, and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CacheConfig {
    /// Sequence numbers from the oldest packet to the newest. Default 2048.
    pub packets: usize,
    /// Bytes of all packets. Default 4 MiB.
    pub size: usize,
    /// How old a packet may be that is sent again. Default 2 s.
    pub age: Duration,
}

impl Default for CacheConfig {
    fn default() -> Self {
        Self {
            packets: 2048,
            size: 4 << 20,
            age: Duration::from_secs(2),
        }
    }
}

#[derive(Debug, Clone)]
struct Sent {
    packet: Bytes,
    sent: Duration,
    again: Option<Duration>,
}

/// The packets sent last, for who asks for them.
#[derive(Debug, Clone)]
pub struct Cache {
    config: CacheConfig,
    sequence: Unwrapper<u16>,
    /// The sequence number that `packets` begins with.
    first: i64,
    packets: VecDeque<Option<Sent>>,
    size: usize,
    round_trip: Duration,
}

impl Cache {
    /// An empty cache.
    #[must_use]
    pub fn new(config: CacheConfig) -> Self {
        Self {
            config,
            sequence: Unwrapper::<u16>::new(),
            first: 0,
            packets: VecDeque::new(),
            size: 0,
            round_trip: Duration::ZERO,
        }
    }

    /// The round trip to the receiver: for so long a packet that was sent again is not sent once more.
    pub const fn set_round_trip(&mut self, round_trip: Duration) {
        self.round_trip = round_trip;
    }

    /// Remembers a packet that is sent.
    pub fn handle_sent(&mut self, sequence_number: u16, packet: Bytes, now: Duration) {
        let at = self.sequence.unwrap(sequence_number);
        let end = self
            .first
            .saturating_add(i64::try_from(self.packets.len()).unwrap_or(0));
        let gap = at.saturating_sub(end);
        if self.packets.is_empty() || !(0..=1000).contains(&gap) {
            // The sender goes on elsewhere.
            self.packets.clear();
            self.size = 0;
            self.first = at;
        } else {
            self.packets.extend((0..gap).map(|_| None));
        }
        self.size = self.size.saturating_add(packet.len());
        self.packets.push_back(Some(Sent {
            packet,
            sent: now,
            again: None,
        }));
        while self.packets.len() > self.config.packets
            || self.size > self.config.size
            || self.is_old(now)
        {
            let Some(gone) = self.packets.pop_front() else {
                break;
            };
            self.size = self
                .size
                .saturating_sub(gone.map_or(0, |sent| sent.packet.len()));
            self.first = self.first.saturating_add(1);
        }
    }

    fn is_old(&self, now: Duration) -> bool {
        match self.packets.front() {
            Some(Some(sent)) => now.saturating_sub(sent.sent) > self.config.age,
            Some(None) => true,
            None => false,
        }
    }

    /// The packet to send again; `None` where it is gone, or was sent again less than a round trip ago.
    pub fn respond(&mut self, sequence_number: u16, now: Duration) -> Option<Bytes> {
        let at = self
            .sequence
            .peek(sequence_number)
            .checked_sub(self.first)?;
        let sent = self.packets.get_mut(usize::try_from(at).ok()?)?.as_mut()?;
        let lately = sent
            .again
            .is_some_and(|again| now.saturating_sub(again) < self.round_trip);
        if lately || now.saturating_sub(sent.sent) > self.config.age {
            return None;
        }
        sent.again = Some(now);
        Some(sent.packet.clone())
    }

    /// Bytes of the packets held.
    #[must_use]
    pub const fn buffered_len(&self) -> usize {
        self.size
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn questions_follow_the_round_trip_and_end() {
        let mut nack = Generator::new(GeneratorConfig::default());
        nack.set_round_trip(ms(40));
        [65_534, 1]
            .into_iter()
            .for_each(|n| nack.handle_packet(n, ms(0)));
        assert_eq!(nack.poll(ms(9)), []);
        assert_eq!(nack.poll_timeout(), Some(ms(10)));
        assert_eq!(nack.poll(ms(10)), [65_535, 0]);
        assert_eq!(nack.poll(ms(59)), []);
        nack.handle_packet(0, ms(59));
        let mut asked = 1;
        while let Some(due) = nack.poll_timeout() {
            let lost = nack.poll(due);
            assert!(lost == [65_535] || nack.missing() == 0);
            asked += lost.len();
            assert!(due <= ms(600));
        }
        assert_eq!(asked, 10);
        assert_eq!((nack.take_given_up(), nack.take_given_up()), (1, 0));
    }

    #[test]
    fn what_comes_late_by_itself_is_not_asked_for() {
        let mut nack = Generator::new(GeneratorConfig::default());
        for (n, at) in [(1, 0), (3, 5), (2, 9), (4, 20)] {
            nack.handle_packet(n, ms(at));
            assert_eq!(nack.poll(ms(at)), []);
        }
        assert_eq!(nack.missing(), 0);
    }

    #[test]
    fn a_gap_past_the_bound_is_given_up() {
        let config = GeneratorConfig {
            missing: 10,
            ..GeneratorConfig::default()
        };
        let mut nack = Generator::new(config);
        [0, 5, 100]
            .into_iter()
            .for_each(|n| nack.handle_packet(n, ms(0)));
        assert_eq!(nack.poll(ms(10)), (90..100).collect::<Vec<u16>>());
        assert_eq!(nack.take_given_up(), 4 + 84);
    }

    #[test]
    fn a_cache_answers_once_a_round_trip() {
        let config = CacheConfig {
            packets: 100,
            size: 1000,
            ..CacheConfig::default()
        };
        let mut cache = Cache::new(config);
        cache.set_round_trip(ms(50));
        for n in 0..200u16 {
            cache.handle_sent(
                n.wrapping_add(65_500),
                Bytes::from(vec![n as u8; 20]),
                ms(n.into()),
            );
        }
        assert_eq!(cache.buffered_len(), 1000);
        let at = 199u16.wrapping_add(65_500);
        assert_eq!(cache.respond(at, ms(200)), Some(Bytes::from(vec![199; 20])));
        assert_eq!(cache.respond(at, ms(249)), None);
        assert!(cache.respond(at, ms(250)).is_some());
        assert_eq!(cache.respond(at.wrapping_sub(60), ms(250)), None, "gone");
        assert_eq!(cache.respond(at.wrapping_add(1), ms(250)), None, "not yet");
        assert_eq!(cache.respond(at, ms(2500)), None, "old");
        cache.handle_sent(30_000, Bytes::from_static(b"new"), ms(2500));
        assert_eq!(cache.buffered_len(), 3);
    }
}
