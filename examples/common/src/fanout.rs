//! One writer, many readers, every unit stored once.
//!
//! The units of the recent past lie in one ring; a reader is a position in it. What a unit means to somebody who has
//! not seen those before it is told by its [`Role`]. From it follow both cases that matter, and they are one case:
//! a reader that **comes late** and a reader that has **fallen behind** are moved to the newest join point, and are
//! given the headers that were passed over on the way. A reader that falls behind again and again is
//! [`Lost::TooSlow`].
//!
//! Nothing waits for a reader, and what is kept for all of them together is bounded by [`Config`].

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// What travels: cheap to clone, such as a `Bytes` with a tag.
pub trait Unit: Clone {
    /// What it is to a reader that has not seen the units before it.
    fn role(&self) -> Role;
    /// Bytes that it keeps alive, for the bound on what is kept.
    fn size(&self) -> usize;
}

/// What a unit is to a reader that has not seen the units before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Something new begins: everything before is of no use to who comes later, headers included.
    Start,
    /// Needed by all that follows, until the next one with the same number.
    Header(u32),
    /// Reading can begin here, given the headers: a keyframe.
    Join,
    /// Of use only with all units back to the last join point: a picture that refers to others.
    Dependent,
    /// Of use alone: a frame of audio.
    Free,
}

/// How much is kept.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Config {
    /// Bytes of units kept. A group of pictures larger than this cannot be joined in its middle.
    pub max_bytes: usize,
    /// Units kept.
    pub max_units: usize,
    /// How far a reader may lag behind where there is a newer join point.
    pub max_lag: Duration,
    /// How many times a reader may be moved on before it is given up.
    pub max_skips: u32,
    /// After how long without being moved a reader's earlier times are forgotten.
    pub patience: Duration,
}

impl Default for Config {
    /// 16 MiB, 16384 units, 4 seconds, 4 skips within 30 seconds of each other.
    fn default() -> Self {
        Self {
            max_bytes: 16 << 20,
            max_units: 16 << 10,
            max_lag: Duration::from_secs(4),
            max_skips: 4,
            patience: Duration::from_secs(30),
        }
    }
}

/// Why a reader gets nothing any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Lost {
    /// It has had everything there was, and there will be no more.
    #[error("the stream is closed")]
    Closed,
    /// It was moved on too many times.
    #[error("the reader is too slow")]
    TooSlow,
}

/// The writer's side, and where readers come from. Clones are the same fan-out.
#[derive(Debug)]
pub struct Fanout<U>(Arc<Shared<U>>);

impl<U> Clone for Fanout<U> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

#[derive(Debug)]
struct Shared<U> {
    ring: Mutex<Ring<U>>,
    /// Number of the next unit, and `CLOSED`: what a waiting reader looks at without the lock.
    end: AtomicU64,
    news: Notify,
}

const CLOSED: u64 = 1 << 63;

#[derive(Debug)]
struct Ring<U> {
    config: Config,
    units: VecDeque<(U, Instant)>,
    /// Number of the first unit in `units`.
    base: u64,
    bytes: usize,
    /// Number of the newest join point, while it is in `units`.
    join: Option<u64>,
    /// The units that a reader needs first, in order: the last `Start` and the newest header of each number since.
    headers: Vec<(u64, U)>,
    closed: bool,
}

impl<U: Unit> Fanout<U> {
    /// An empty one.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self(Arc::new(Shared {
            ring: Mutex::new(Ring {
                config,
                units: VecDeque::new(),
                base: 0,
                bytes: 0,
                join: None,
                headers: Vec::new(),
                closed: false,
            }),
            end: AtomicU64::new(0),
            news: Notify::new(),
        }))
    }

    /// Appends a unit. Readers are not woken until [`wake`](Fanout::wake), so that they can take several at once.
    pub fn push(&self, unit: U) {
        let mut ring = self.0.lock();
        if ring.closed {
            return;
        }
        ring.push(unit, Instant::now());
        self.0.end.store(ring.end(), Ordering::Release);
    }

    /// Wakes the readers that wait.
    pub fn wake(&self) {
        self.0.news.notify_waiters();
    }

    /// Nothing comes any more: readers get what there is, then [`Lost::Closed`].
    pub fn close(&self) {
        let mut ring = self.0.lock();
        ring.closed = true;
        self.0.end.store(ring.end() | CLOSED, Ordering::Release);
        drop(ring);
        self.wake();
    }

    /// A reader that begins at the newest join point, or with the next unit where there is none.
    #[must_use]
    pub fn subscribe(&self) -> Reader<U> {
        Reader {
            shared: Arc::clone(&self.0),
            next: Position::New,
            decodable: false,
            skips: 0,
            skipped: None,
        }
    }

    /// Bytes kept in the ring.
    #[must_use]
    pub fn buffered_len(&self) -> usize {
        self.0.lock().bytes
    }
}

impl<U> Shared<U> {
    /// A panic of another thread cannot leave the ring half changed: nothing in here panics between two changes.
    fn lock(&self) -> MutexGuard<'_, Ring<U>> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<U: Unit> Ring<U> {
    fn end(&self) -> u64 {
        self.base + self.units.len() as u64
    }

    fn push(&mut self, unit: U, now: Instant) {
        let number = self.end();
        match unit.role() {
            Role::Start => {
                self.join = None;
                self.headers.clear();
                self.headers.push((number, unit.clone()));
            }
            role @ Role::Header(_) => {
                // What holds at the join point is for those who begin there, whatever comes after it.
                let join = self.join.unwrap_or(0);
                self.headers
                    .retain(|(at, header)| header.role() != role || *at < join);
                self.headers.push((number, unit.clone()));
            }
            Role::Join => {
                self.join = Some(number);
                self.forget_replaced();
            }
            Role::Dependent | Role::Free => {}
        }
        self.bytes += unit.size();
        self.units.push_back((unit, now));
        self.evict(now);
    }

    /// Lets go of what is too much, and of what is too old with a join point after it.
    fn evict(&mut self, now: Instant) {
        while let Some((unit, since)) = self.units.front() {
            let too_much =
                self.bytes > self.config.max_bytes || self.units.len() > self.config.max_units;
            let too_old = now.duration_since(*since) > self.config.max_lag
                && self.join.is_none_or(|join| self.base < join);
            if !too_much && !too_old {
                return;
            }
            self.bytes -= unit.size();
            self.units.pop_front();
            self.base += 1;
            if self.join.is_some_and(|join| join < self.base) {
                self.join = None;
                self.forget_replaced();
            }
        }
    }

    /// Keeps the newest header of each number only.
    fn forget_replaced(&mut self) {
        let mut seen = Vec::with_capacity(self.headers.len());
        self.headers.reverse();
        self.headers.retain(|(_, header)| {
            let new = !seen.contains(&header.role());
            seen.push(header.role());
            new
        });
        self.headers.reverse();
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Position {
    /// Has not read yet.
    New,
    /// The unit with this number is the next one.
    At(u64),
}

/// One reader: a position, and nothing more.
#[derive(Debug)]
pub struct Reader<U> {
    shared: Arc<Shared<U>>,
    next: Position,
    /// Whether a join point was given since the reader began or was last moved.
    decodable: bool,
    /// Times that it was moved, each soon after the one before, and when it last was.
    skips: u32,
    skipped: Option<Instant>,
}

/// What [`Reader::take`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    /// Whether the reader had fallen behind and was moved: units are missing before these.
    pub skipped: bool,
    /// Whether there is more to take at once.
    pub more: bool,
}

impl<U: Unit> Reader<U> {
    /// Appends the next units to `out`, until `max_bytes` of them are passed or there are no more.
    ///
    /// # Errors
    /// [`Lost`], with nothing appended, when the reader gets nothing any more.
    pub fn take(&mut self, out: &mut Vec<U>, max_bytes: usize) -> Result<Taken, Lost> {
        let ring = self.shared.lock();
        let end = ring.end();
        let mut skipped = false;
        let mut bytes = 0;
        let mut number = match self.next {
            Position::At(number) if number >= ring.base => number,
            passed => {
                let from = match passed {
                    Position::New => 0,
                    Position::At(number) => {
                        skipped = true;
                        let now = Instant::now();
                        let last = self.skipped.replace(now);
                        if last.is_none_or(|last| now - last > ring.config.patience) {
                            self.skips = 0;
                        }
                        self.skips += 1;
                        if self.skips > ring.config.max_skips {
                            return Err(Lost::TooSlow);
                        }
                        number
                    }
                };
                let to = ring.join.unwrap_or(end);
                for (_, header) in ring
                    .headers
                    .iter()
                    .filter(|(at, _)| (from..to).contains(at))
                {
                    bytes += header.size();
                    out.push(header.clone());
                }
                self.decodable = false;
                to
            }
        };
        if number == end && ring.closed && bytes == 0 {
            return Err(Lost::Closed);
        }
        // `number` is within the ring, so its place there fits.
        let place = usize::try_from(number - ring.base).unwrap_or(usize::MAX);
        for (unit, _) in ring.units.range(place.min(ring.units.len())..) {
            if bytes >= max_bytes {
                break;
            }
            number += 1;
            match unit.role() {
                Role::Start => self.decodable = false,
                Role::Join => self.decodable = true,
                Role::Dependent if !self.decodable => continue,
                Role::Dependent | Role::Header(_) | Role::Free => {}
            }
            bytes += unit.size();
            out.push(unit.clone());
        }
        drop(ring);
        self.next = Position::At(number);
        Ok(Taken {
            skipped,
            more: number < end,
        })
    }

    /// Waits until [`take`](Reader::take) has something to give or to say. Cancel safe.
    pub async fn ready(&self) {
        let news = self.shared.news.notified();
        tokio::pin!(news);
        // Registered before the look, so that no wake falls between the two.
        news.as_mut().enable();
        if !self.has_news() {
            news.await;
        }
    }

    fn has_news(&self) -> bool {
        let end = self.shared.end.load(Ordering::Acquire);
        match self.next {
            Position::New => true,
            Position::At(number) => end & CLOSED != 0 || number < end,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    struct Item(Role, u32);

    impl Unit for Item {
        fn role(&self) -> Role {
            self.0
        }
        fn size(&self) -> usize {
            10
        }
    }

    use Role::{Dependent, Free, Header, Join, Start};

    fn fanout(max_units: usize) -> Fanout<Item> {
        Fanout::new(Config {
            max_units,
            max_skips: 2,
            ..Config::default()
        })
    }

    fn push(fanout: &Fanout<Item>, items: impl IntoIterator<Item = (Role, u32)>) {
        for (role, id) in items {
            fanout.push(Item(role, id));
        }
        fanout.wake();
    }

    fn all(reader: &mut Reader<Item>) -> Vec<u32> {
        let mut out = Vec::new();
        while reader.take(&mut out, 25).unwrap().more {}
        out.iter().map(|item| item.1).collect()
    }

    #[tokio::test]
    async fn a_late_reader_gets_headers_and_the_last_group() {
        let fanout = fanout(100);
        push(
            &fanout,
            [
                (Start, 0),
                (Header(1), 1),
                (Header(2), 2),
                (Join, 3),
                (Dependent, 4),
                (Header(1), 5),
            ],
        );
        push(&fanout, [(Join, 6), (Free, 7), (Dependent, 8)]);
        let mut reader = fanout.subscribe();
        assert_eq!(all(&mut reader), [0, 2, 5, 6, 7, 8]);
        push(&fanout, [(Dependent, 9)]);
        assert_eq!(all(&mut reader), [9]);
    }

    #[tokio::test]
    async fn headers_are_those_of_the_join_point_and_new_ones_come_in_their_place() {
        let fanout = fanout(100);
        push(&fanout, [(Header(1), 1), (Join, 2), (Free, 3)]);
        push(&fanout, [(Header(1), 4), (Header(1), 5), (Free, 6)]);
        assert_eq!(all(&mut fanout.subscribe()), [1, 2, 3, 4, 5, 6]);
        push(&fanout, [(Join, 7)]);
        assert_eq!(all(&mut fanout.subscribe()), [5, 7]);
    }

    #[tokio::test]
    async fn without_a_join_point_only_what_is_of_use_is_given() {
        let fanout = fanout(100);
        push(&fanout, [(Header(1), 1), (Free, 2), (Dependent, 3)]);
        let mut reader = fanout.subscribe();
        assert_eq!(all(&mut reader), [1]);
        push(
            &fanout,
            [(Free, 4), (Dependent, 5), (Join, 6), (Dependent, 7)],
        );
        assert_eq!(all(&mut reader), [4, 6, 7]);
    }

    #[tokio::test]
    async fn a_new_start_ends_what_was() {
        let fanout = fanout(100);
        push(&fanout, [(Start, 0), (Header(1), 1), (Join, 2)]);
        let mut early = fanout.subscribe();
        assert_eq!(all(&mut early), [0, 1, 2]);
        push(&fanout, [(Dependent, 3), (Start, 4), (Dependent, 5)]);
        assert_eq!(all(&mut early), [3, 4]);
        assert_eq!(all(&mut fanout.subscribe()), [4]);
    }

    #[tokio::test]
    async fn a_slow_reader_is_moved_to_the_join_point_and_then_given_up() {
        let fanout = fanout(8);
        push(&fanout, [(Header(1), 0), (Join, 1)]);
        let mut slow = fanout.subscribe();
        let mut out = Vec::new();
        slow.take(&mut out, 1).unwrap();
        for round in 1..=2 {
            push(&fanout, (0..6).map(|_| (Dependent, 0)));
            push(
                &fanout,
                [(Header(1), round), (Join, round), (Dependent, round)],
            );
            out.clear();
            // The header that was passed over, and the join point; the rest is left to be behind with.
            assert!(slow.take(&mut out, 20).unwrap().skipped);
            assert_eq!(out, [Item(Header(1), round), Item(Join, round)]);
        }
        push(&fanout, (0..9).map(|_| (Dependent, 0)));
        assert_eq!(slow.take(&mut out, 10), Err(Lost::TooSlow));
    }

    #[tokio::test(start_paused = true)]
    async fn time_forgives() {
        let fanout = fanout(8);
        let mut reader = fanout.subscribe();
        all(&mut reader);
        for _ in 0..10 {
            tokio::time::advance(Duration::from_secs(31)).await;
            push(&fanout, (0..10).map(|_| (Dependent, 0)));
            push(&fanout, [(Join, 7), (Dependent, 8)]);
            assert_eq!(all(&mut reader), [7, 8]);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn age_bounds_the_lag_but_keeps_the_last_group() {
        let fanout = fanout(1000);
        push(&fanout, [(Join, 1), (Dependent, 2)]);
        tokio::time::advance(Duration::from_secs(10)).await;
        push(&fanout, [(Dependent, 3)]);
        assert_eq!(fanout.buffered_len(), 30);
        push(&fanout, [(Join, 4)]);
        assert_eq!(fanout.buffered_len(), 20);
        assert_eq!(all(&mut fanout.subscribe()), [4]);
    }

    #[tokio::test]
    async fn closing_comes_after_the_last_unit() {
        let fanout = fanout(100);
        let mut reader = fanout.subscribe();
        assert_eq!(all(&mut reader), [0_u32; 0]);
        let waiting = tokio::spawn(async move {
            reader.ready().await;
            let got = all(&mut reader);
            reader.ready().await;
            (got, reader.take(&mut Vec::new(), 1))
        });
        tokio::task::yield_now().await;
        push(&fanout, [(Join, 1)]);
        fanout.close();
        let (got, last) = waiting.await.unwrap();
        assert_eq!((got.as_slice(), last), ([1].as_slice(), Err(Lost::Closed)));
        push(&fanout, [(Join, 2)]);
        assert!(!fanout.subscribe().take(&mut Vec::new(), 1).unwrap().more);
    }

    proptest! {
        #[test]
        fn a_reader_never_sees_a_dependent_unit_without_its_group(
            items in proptest::collection::vec((0u8..8, any::<bool>()), 1..300),
            max_units in 1usize..20,
        ) {
            let fanout = Fanout::new(Config { max_units, max_skips: u32::MAX, ..Config::default() });
            let mut reader = fanout.subscribe();
            let mut groups = Vec::new();
            let mut group = None;
            let mut got = Vec::new();
            for (id, (kind, read)) in items.into_iter().enumerate() {
                let id = u32::try_from(id).unwrap();
                let role = match kind { 0 => Join, 1 => Header(1), 2 => Start, 3 => Free, _ => Dependent };
                match role { Join => group = Some(id), Start => group = None, _ => {} }
                groups.push(group);
                fanout.push(Item(role, id));
                if read {
                    reader.take(&mut got, 30).unwrap();
                }
                prop_assert!(fanout.buffered_len() <= max_units * 10);
            }
            let mut seen = None;
            for Item(role, id) in got {
                match role {
                    Join => seen = Some(id),
                    Start => seen = None,
                    Dependent => prop_assert_eq!(groups[id as usize], seen),
                    Header(_) | Free => {}
                }
            }
        }
    }
}
