//! The jitter buffer: packets of one source in the order in which they were sent, as soon as that can be.
//!
//! A packet that is next goes out at once; one that is early waits for those before it. What is missing is given up
//! when a packet behind it has waited for [`Buffer::wait`]: as long as packets have been seen to come late, and as the
//! interarrival jitter of RFC 3550 asks for, within bounds. So in a stream that comes in order nothing is delayed, and
//! in no stream is a packet delayed by more than the bound.
//!
//! ```
//! use core::time::Duration;
//! use fluvial_rtp::jitter::{Buffer, Config, Output};
//!
//! let mut buffer = Buffer::new(Config::new(90_000));
//! let mut order = Vec::new();
//! for (ms, sequence_number) in [(0, 65_534), (1, 0), (2, 65_535), (3, 1), (4, 3)] {
//!     let now = Duration::from_millis(ms);
//!     buffer.insert(sequence_number, 0, sequence_number, now);
//!     while let Some(output) = buffer.poll(now) {
//!         order.push(output);
//!     }
//! }
//! assert_eq!(order.len(), 4);
//! let late = buffer.poll_timeout().expect("2 is missing");
//! assert_eq!(buffer.poll(late), Some(Output::Lost { first: 65_538, count: 1 }));
//! ```

use crate::Unwrapper;
use crate::reception::Jitter;
use alloc::collections::VecDeque;
use core::time::Duration;

/// A gap ahead from which on packets are doubted (RFC 3550 §A.1).
const MAX_DROPOUT: i64 = 3000;
/// How far behind a packet may be without being doubted (§A.1).
const MAX_MISORDER: i64 = 100;

/// Bounds of a [`Buffer`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// Ticks of the RTP clock in a second.
    pub clock_rate: u32,
    /// The least that a packet waits for those before it. Who asks for missing packets again sets it to a little more than
    /// the round trip. Default 20 ms.
    pub min_wait: Duration,
    /// The most that a packet waits: the bound of what the buffer adds to the latency. Default 200 ms.
    pub max_wait: Duration,
    /// Sequence numbers from the next packet to the newest one. Default 1024.
    pub packets: usize,
}

impl Config {
    /// The defaults, for a clock rate.
    #[must_use]
    pub const fn new(clock_rate: u32) -> Self {
        Self {
            clock_rate,
            min_wait: Duration::from_millis(20),
            max_wait: Duration::from_millis(200),
            packets: 1024,
        }
    }
}

/// What a [`Buffer`] gives, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output<T> {
    /// The next packet.
    Packet {
        /// Its sequence number, counted on past the wrap.
        sequence_number: i64,
        /// When it came.
        arrival: Duration,
        /// What was put in.
        packet: T,
    },
    /// Packets that did not come in time.
    Lost {
        /// The sequence number of the first, counted on past the wrap.
        first: i64,
        /// How many, one after the other.
        count: u32,
    },
    /// The sequence numbers jumped and go on from elsewhere: the sender began anew, or was away for long.
    Restart,
}

/// What has gone through a [`Buffer`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Statistics {
    /// Packets that came, those dropped included.
    pub received: u64,
    /// Of these, those that came after a later one, and in time.
    pub reordered: u64,
    /// Dropped: came before.
    pub duplicates: u64,
    /// Dropped: came when they had been given up.
    pub late: u64,
    /// Dropped: sequence numbers far from the others', without a successor.
    pub stray: u64,
    /// Given up, those that came late included.
    pub lost: u64,
    /// How often the sequence numbers jumped.
    pub restarts: u64,
}

#[derive(Debug)]
struct Slot<T> {
    arrival: Duration,
    packet: T,
}

#[derive(Debug)]
struct Suspect<T> {
    sequence_number: u16,
    timestamp: u32,
    slot: Slot<T>,
}

/// Puts the packets of one source into order. See the [module](self).
#[derive(Debug)]
pub struct Buffer<T> {
    config: Config,
    sequence: Unwrapper<u16>,
    /// The sequence number that `slots` begins with.
    next: Option<i64>,
    /// The last one is never `None`.
    slots: VecDeque<Option<Slot<T>>>,
    /// Sequence numbers in the order of arrival. The first is of a packet that is still held.
    arrivals: VecDeque<(Duration, i64)>,
    /// Left over from before a restart, or pushed out by what came far ahead.
    ready: VecDeque<Output<T>>,
    /// A packet far from the others: if its successor comes, the sender began anew.
    suspect: Option<Suspect<T>>,
    jitter: Jitter,
    /// How late packets were, decaying.
    lateness: Duration,
    decayed: Duration,
    given_up: Duration,
    statistics: Statistics,
}

impl<T> Buffer<T> {
    /// An empty buffer.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self {
            jitter: Jitter::new(config.clock_rate),
            config,
            sequence: Unwrapper::<u16>::new(),
            next: None,
            slots: VecDeque::new(),
            arrivals: VecDeque::new(),
            ready: VecDeque::new(),
            suspect: None,
            lateness: Duration::ZERO,
            decayed: Duration::ZERO,
            given_up: Duration::ZERO,
            statistics: Statistics::default(),
        }
    }

    /// Takes a packet that came. Poll until there is nothing more before the next one.
    pub fn insert(&mut self, sequence_number: u16, timestamp: u32, packet: T, now: Duration) {
        self.statistics.received = self.statistics.received.saturating_add(1);
        self.decay(now);
        let slot = Slot {
            arrival: now,
            packet,
        };
        let Some(next) = self.next else {
            self.next = Some(self.sequence.unwrap(sequence_number));
            return self.place(sequence_number, timestamp, slot);
        };
        let ahead = self.sequence.peek(sequence_number).saturating_sub(next);
        if !(-MAX_MISORDER..MAX_DROPOUT).contains(&ahead) {
            let follows =
                |suspect: &Suspect<T>| suspect.sequence_number.wrapping_add(1) == sequence_number;
            return match self.suspect.take() {
                Some(first) if follows(&first) => {
                    self.restart();
                    self.next = Some(self.sequence.unwrap(first.sequence_number));
                    self.place(first.sequence_number, first.timestamp, first.slot);
                    self.place(sequence_number, timestamp, slot);
                }
                stray => {
                    self.statistics.stray = self
                        .statistics
                        .stray
                        .saturating_add(u64::from(stray.is_some()));
                    self.suspect = Some(Suspect {
                        sequence_number,
                        timestamp,
                        slot,
                    });
                }
            };
        }
        if ahead < 0 {
            // Twice, or after it was given up: what is told apart costs memory, and helps nobody but statistics.
            let since = now.saturating_sub(self.given_up);
            if since < self.config.max_wait && self.given_up > Duration::ZERO {
                self.statistics.late = self.statistics.late.saturating_add(1);
                self.note(since.saturating_add(self.wait()));
            } else {
                self.statistics.duplicates = self.statistics.duplicates.saturating_add(1);
            }
            return;
        }
        self.place(sequence_number, timestamp, slot);
    }

    /// Puts a packet into its slot; the caller saw that it is not far off.
    fn place(&mut self, sequence_number: u16, timestamp: u32, slot: Slot<T>) {
        let at = self.sequence.unwrap(sequence_number);
        let mut ahead = self.ahead(at);
        while ahead.is_some_and(|ahead| ahead >= self.config.packets.max(1)) {
            // There is no room to wait for what is missing.
            match self.release().or_else(|| self.give_up()) {
                Some(output) if self.ready.len() < self.config.packets.max(1).saturating_mul(2) => {
                    self.ready.push_back(output);
                }
                Some(_) => {}
                None => {
                    let output = self.skip_to(at);
                    self.ready.extend(output);
                }
            }
            ahead = self.ahead(at);
        }
        let Some(ahead) = ahead else { return };
        let arrival = slot.arrival;
        if let Some(place) = self.slots.get_mut(ahead) {
            if place.is_some() {
                self.statistics.duplicates = self.statistics.duplicates.saturating_add(1);
                return;
            }
            *place = Some(slot);
            self.statistics.reordered = self.statistics.reordered.saturating_add(1);
            if let Some((first, _)) = self.arrivals.front() {
                self.note(arrival.saturating_sub(*first));
            }
        } else {
            while self.slots.len() < ahead {
                self.slots.push_back(None);
            }
            self.slots.push_back(Some(slot));
        }
        self.arrivals.push_back((arrival, at));
        self.jitter.update(timestamp, arrival);
    }

    fn ahead(&self, at: i64) -> Option<usize> {
        usize::try_from(at.saturating_sub(self.next?)).ok()
    }

    /// The next packet, where it is there.
    fn release(&mut self) -> Option<Output<T>> {
        if !matches!(self.slots.front(), Some(Some(_))) {
            return None;
        }
        let Slot { arrival, packet } = self.slots.pop_front().flatten()?;
        let sequence_number = self.next?;
        self.advance(1);
        Some(Output::Packet {
            sequence_number,
            arrival,
            packet,
        })
    }

    /// Passes over what is missing, where something is.
    fn give_up(&mut self) -> Option<Output<T>> {
        let first = self.next?;
        let mut count = 0u32;
        while matches!(self.slots.front(), Some(None)) {
            self.slots.pop_front();
            count = count.saturating_add(1);
        }
        if count == 0 {
            return None;
        }
        self.advance(count);
        self.statistics.lost = self.statistics.lost.saturating_add(count.into());
        Some(Output::Lost { first, count })
    }

    /// Passes over all that did not come before `at`; nothing is held.
    fn skip_to(&mut self, at: i64) -> Option<Output<T>> {
        let first = self.next.replace(at)?;
        let count = u32::try_from(at.saturating_sub(first))
            .ok()
            .filter(|count| *count > 0)?;
        self.statistics.lost = self.statistics.lost.saturating_add(count.into());
        Some(Output::Lost { first, count })
    }

    fn advance(&mut self, count: u32) {
        let next = self.next.unwrap_or_default().saturating_add(count.into());
        self.next = Some(next);
        while self.arrivals.front().is_some_and(|(_, at)| *at < next) {
            self.arrivals.pop_front();
        }
    }

    /// What comes next: a packet, or that some are lost; `None` as long as it is open what comes next.
    pub fn poll(&mut self, now: Duration) -> Option<Output<T>> {
        if let Some(output) = self.ready.pop_front() {
            return Some(output);
        }
        if let Some(packet) = self.release() {
            return Some(packet);
        }
        let (first, _) = self.arrivals.front()?;
        if now < first.saturating_add(self.wait()) {
            return None;
        }
        self.given_up = now;
        self.give_up()
    }

    /// When to poll again if no packet comes, on the clock of `now`.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Duration> {
        if !self.ready.is_empty() || matches!(self.slots.front(), Some(Some(_))) {
            return Some(Duration::ZERO);
        }
        let (first, _) = self.arrivals.front()?;
        Some(first.saturating_add(self.wait()))
    }

    /// Lets everything out: at the end of a stream, or where another source takes over. The buffer is as new then, but for its statistics.
    pub fn flush(&mut self) {
        while let Some(output) = self.release().or_else(|| self.give_up()) {
            self.ready.push_back(output);
        }
        self.next = None;
        self.suspect = None;
        self.sequence = Unwrapper::<u16>::new();
        self.jitter = Jitter::new(self.config.clock_rate);
    }

    fn restart(&mut self) {
        self.flush();
        self.ready.push_back(Output::Restart);
        self.statistics.restarts = self.statistics.restarts.saturating_add(1);
    }

    /// How long a packet waits at present for those before it.
    #[must_use]
    pub fn wait(&self) -> Duration {
        let late = self.lateness.saturating_add(self.lateness / 4);
        let jitter = self.jitter.duration().saturating_mul(3);
        late.max(jitter).clamp(
            self.config.min_wait.min(self.config.max_wait),
            self.config.max_wait,
        )
    }

    /// Changes the least that a packet waits, as round trips change.
    pub const fn set_min_wait(&mut self, wait: Duration) {
        self.config.min_wait = wait;
    }

    fn note(&mut self, lateness: Duration) {
        self.lateness = self.lateness.max(lateness.min(self.config.max_wait));
    }

    /// Takes a sixteenth off in each second, so that one bad moment is forgotten in a minute.
    fn decay(&mut self, now: Duration) {
        if now.saturating_sub(self.decayed) >= Duration::from_secs(1) {
            self.decayed = now;
            self.lateness = self.lateness.saturating_sub(self.lateness / 16);
        }
    }

    /// Packets held.
    #[must_use]
    pub fn len(&self) -> usize {
        let ready = self
            .ready
            .iter()
            .filter(|output| matches!(output, Output::Packet { .. }));
        let slots = self.slots.iter().filter(|slot| slot.is_some());
        slots
            .count()
            .saturating_add(ready.count())
            .saturating_add(usize::from(self.suspect.is_some()))
    }

    /// Whether no packet is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What has gone through.
    #[must_use]
    pub const fn statistics(&self) -> Statistics {
        self.statistics
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use testing::Random;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn drain<T>(buffer: &mut Buffer<T>, now: Duration) -> Vec<Output<T>> {
        std::iter::from_fn(|| buffer.poll(now)).collect()
    }

    fn numbers(outputs: &[Output<u64>]) -> Vec<u64> {
        let packet = |output: &Output<u64>| match output {
            Output::Packet { packet, .. } => Some(*packet),
            _ => None,
        };
        outputs.iter().filter_map(packet).collect()
    }

    /// A channel with loss, duplicates and delays; gives what came out, the times that packets were held, and the buffer.
    fn simulate(
        count: u64,
        first: u16,
        seed: u64,
        loss: usize,
        spread: usize,
    ) -> (Vec<Output<u64>>, Vec<Duration>, Buffer<u64>, u64) {
        let mut random = Random::new(seed);
        let mut arrivals = Vec::new();
        let mut lost = 0;
        for n in 0..count {
            if n > 0 && random.below(1000) < loss {
                lost += 1;
                continue;
            }
            let delay = if n == 0 { 0 } else { random.below(spread + 1) };
            arrivals.push((ms(10 * n) + ms(delay as u64), n));
            if random.below(50) == 0 {
                arrivals.push((ms(10 * n + 3) + ms(delay as u64), n));
            }
        }
        arrivals.sort();
        let mut buffer = Buffer::new(Config::new(90_000));
        let (mut outputs, mut held) = (Vec::new(), Vec::new());
        let mut take = |buffer: &mut Buffer<u64>, now: Duration| {
            while let Some(output) = buffer.poll(now) {
                if let Output::Packet { arrival, .. } = output {
                    held.push(now - arrival);
                }
                outputs.push(output);
            }
        };
        for (now, n) in arrivals {
            while let Some(timeout) = buffer.poll_timeout().filter(|timeout| *timeout < now) {
                take(&mut buffer, timeout);
            }
            buffer.insert(first.wrapping_add(n as u16), (n * 900) as u32, n, now);
            take(&mut buffer, now);
        }
        while let Some(timeout) = buffer.poll_timeout() {
            take(&mut buffer, timeout);
        }
        buffer.flush();
        take(&mut buffer, ms(10 * count + 10_000));
        (outputs, held, buffer, lost)
    }

    #[test]
    fn in_order_nothing_waits() {
        let (outputs, held, buffer, _) = simulate(70_000, 60_000, 1, 0, 0);
        assert_eq!(numbers(&outputs), (0..70_000).collect::<Vec<_>>());
        assert!(held.iter().all(Duration::is_zero));
        assert_eq!(buffer.statistics().lost, 0);
        assert_eq!(
            outputs.last(),
            Some(&Output::Packet {
                sequence_number: 129_999,
                arrival: ms(699_990),
                packet: 69_999
            })
        );
    }

    #[test]
    fn reordering_within_the_bound_is_undone() {
        // Delays up to 60 ms at a packet each 10 ms: the buffer has to learn that 20 ms are too short.
        let (outputs, held, buffer, _) = simulate(20_000, 65_000, 2, 0, 60);
        let got = numbers(&outputs);
        assert!(got.is_sorted());
        let statistics = buffer.statistics();
        assert!(statistics.reordered > 5_000, "{statistics:?}");
        assert!(statistics.lost <= 20, "learned too slowly: {statistics:?}");
        assert_eq!(got.len() as u64 + statistics.lost, 20_000);
        assert!(
            held.iter().max() <= Some(&ms(200)),
            "{:?}",
            held.iter().max()
        );
        assert!(
            buffer.wait() >= ms(40) && buffer.wait() <= ms(100),
            "{:?}",
            buffer.wait()
        );
    }

    #[test]
    fn loss_is_told_where_it_is() {
        for loss in [10, 50, 200] {
            let (outputs, held, buffer, lost) = simulate(20_000, 40_000, 3, loss, 30);
            let mut next = 40_000;
            let mut told = 0;
            for output in &outputs {
                match output {
                    Output::Packet {
                        sequence_number,
                        packet,
                        ..
                    } => {
                        assert_eq!((*sequence_number, *packet as i64), (next, next - 40_000));
                        next += 1;
                    }
                    Output::Lost { first, count } => {
                        assert_eq!(*first, next);
                        next += i64::from(*count);
                        told += u64::from(*count);
                    }
                    Output::Restart => panic!("no restart"),
                }
            }
            let late = buffer.statistics().late;
            assert!(
                told >= lost - 5 && told <= lost + late + 5,
                "{told} told, {lost} lost, {late} late"
            );
            assert!(late * 200 <= 20_000, "{late} of 20000 late");
            assert!(held.iter().max() <= Some(&ms(200)));
        }
    }

    #[test]
    fn a_wait_grows_and_shrinks_again() {
        let mut buffer = Buffer::new(Config::new(1000));
        let step = |buffer: &mut Buffer<()>, n: u16, at: u64| {
            buffer.insert(n, at as u32, (), ms(at));
            drain(buffer, ms(at));
        };
        (0..10).for_each(|n| step(&mut buffer, n, u64::from(n) * 10));
        assert_eq!(buffer.wait(), ms(20));
        step(&mut buffer, 11, 100);
        step(&mut buffer, 12, 180);
        step(&mut buffer, 10, 181);
        assert!(buffer.wait() > ms(20));
        assert_eq!(buffer.statistics().late, 1);
        (13..8000u16).for_each(|n| step(&mut buffer, n, 200 + u64::from(n) * 10));
        assert_eq!(buffer.wait(), ms(20));
    }

    #[test]
    fn a_sender_that_begins_anew() {
        let mut buffer = Buffer::new(Config::new(90_000));
        let mut outputs = Vec::new();
        for (n, sequence_number) in [1100, 1101, 1103, 50_000, 1104, 7, 8, 9]
            .into_iter()
            .enumerate()
        {
            buffer.insert(sequence_number, 0, u64::from(sequence_number), ms(n as u64));
            outputs.extend(drain(&mut buffer, ms(n as u64)));
        }
        assert_eq!(numbers(&outputs), [1100, 1101, 1103, 1104, 7, 8, 9]);
        assert_eq!(
            outputs.iter().position(|output| *output == Output::Restart),
            Some(5)
        );
        assert_eq!(
            outputs[2],
            Output::Lost {
                first: 1102,
                count: 1
            }
        );
        assert_eq!(
            (buffer.statistics().stray, buffer.statistics().restarts),
            (1, 1)
        );
    }

    #[test]
    fn a_hole_wider_than_the_buffer_is_passed_over_at_once() {
        let mut config = Config::new(90_000);
        config.packets = 16;
        let mut buffer = Buffer::new(config);
        for n in [0, 2, 500] {
            buffer.insert(n, 0, u64::from(n), ms(0));
        }
        let outputs = drain(&mut buffer, ms(0));
        assert_eq!(numbers(&outputs), [0, 2, 500]);
        assert_eq!(
            outputs[3],
            Output::Lost {
                first: 3,
                count: 497
            }
        );
        assert_eq!(buffer.statistics().lost, 498);
    }

    #[test]
    fn whoever_does_not_poll_loses_packets_not_memory() {
        let mut config = Config::new(90_000);
        config.packets = 64;
        let mut buffer = Buffer::new(config);
        (0..10_000u16).for_each(|n| buffer.insert(n * 2, 0, (), ms(0)));
        assert!(buffer.len() <= 4 * 64 && buffer.ready.len() <= 130 && buffer.arrivals.len() <= 65);
    }

    proptest! {
        #[test]
        fn each_packet_once_in_order_and_the_bounds_kept(
            steps in proptest::collection::vec((0u16..2000, 0u64..50), 0..300),
            start: u16,
        ) {
            let mut config = Config::new(90_000);
            config.packets = 128;
            let mut buffer = Buffer::new(config);
            let (mut now, mut last, mut lost) = (ms(1), None, 0u64);
            for (n, (offset, wait)) in steps.iter().enumerate() {
                now += ms(*wait);
                let sequence_number = start.wrapping_add(n as u16).wrapping_add(if offset % 7 == 0 { *offset } else { offset % 4 });
                buffer.insert(sequence_number, 0, (), now);
                let mut seen = buffer.poll(now);
                while let Some(output) = seen {
                    match output {
                        Output::Packet { sequence_number, arrival, .. } => {
                            prop_assert!(last.is_none_or(|last| sequence_number == last + 1), "{:?} then {}", last, sequence_number);
                            prop_assert!(arrival <= now);
                            last = Some(sequence_number);
                        }
                        Output::Lost { first, count } => {
                            prop_assert_eq!(last.map(|last| last + 1), Some(first));
                            last = Some(first + i64::from(count) - 1);
                            lost += u64::from(count);
                        }
                        Output::Restart => last = None,
                    }
                    seen = buffer.poll(now);
                }
                prop_assert!(buffer.len() <= 129 && buffer.arrivals.len() <= 2 * 129);
                prop_assert!(buffer.poll_timeout().is_none_or(|timeout| timeout > now && timeout <= now + ms(200)));
            }
            prop_assert_eq!(buffer.statistics().lost, lost);
        }
    }
}
