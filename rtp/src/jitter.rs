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

/// A gap, ahead or behind, from which on packets are doubted (RFC 3550 §A.1).
const MAX_DROPOUT: i64 = 3000;
/// How far behind a packet may be without being doubted when nothing else came for [`SILENCE`] (§A.1). As long as other
/// packets come, those that are behind are late: whole runs of them where they were asked for again.
const MAX_MISORDER: i64 = 100;
/// After this a sender that goes on a little behind began anew.
const SILENCE: Duration = Duration::from_secs(1);

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
    /// When the last packet came that was in time.
    placed: Duration,
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
            placed: Duration::ZERO,
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
        let silent = now.saturating_sub(self.placed) >= SILENCE;
        let behind = if silent { MAX_MISORDER } else { MAX_DROPOUT };
        if !(-behind..MAX_DROPOUT).contains(&ahead) {
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

    /// Whether a packet is the next one while none is held: then it counts as come and gone, and need not be put in. Gives
    /// its sequence number, counted on past the wrap.
    #[inline]
    pub fn pass(&mut self, sequence_number: u16, timestamp: u32, now: Duration) -> Option<i64> {
        let next = self.next?;
        let idle = self.slots.is_empty() && self.ready.is_empty() && self.suspect.is_none();
        if !idle || self.sequence.peek(sequence_number) != next {
            return None;
        }
        self.statistics.received = self.statistics.received.saturating_add(1);
        self.decay(now);
        self.next = Some(self.sequence.unwrap(sequence_number).saturating_add(1));
        self.placed = now;
        self.jitter.update(timestamp, now);
        Some(next)
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
        self.placed = arrival;
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

    /// The packets held, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        let ready = self.ready.iter().filter_map(|output| match output {
            Output::Packet { packet, .. } => Some(packet),
            _ => None,
        });
        let slots = self.slots.iter().flatten().map(|slot| &slot.packet);
        let suspect = self.suspect.iter().map(|suspect| &suspect.slot.packet);
        ready.chain(slots).chain(suspect)
    }

    /// Packets held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.iter().count()
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
mod tests;
