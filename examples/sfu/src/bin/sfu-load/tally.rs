//! What came of what was sent.

use anyhow::{Result, bail};
use common::process::Usage;
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long a packet is remembered after it was sent.
const MEMORY: Duration = Duration::from_secs(10);
/// How long what was sent may take at the end, sent again if need be.
const GRACE: Duration = Duration::from_secs(3);
/// Longest until all are connected.
const PATIENCE: Duration = Duration::from_secs(30);
/// Bytes at the end of a payload by which it is known again: its head may be rewritten on the way.
const TAIL: usize = 24;

/// Counters of all connections.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    connected: AtomicUsize,
    measuring: AtomicBool,
    stopped: AtomicBool,
    ended: AtomicBool,
    sent: Mutex<Sent>,
    delays: Mutex<Vec<u32>>,
    received: AtomicU64,
    bytes: AtomicU64,
    lost: AtomicU64,
    published: AtomicU64,
    publishers: AtomicU64,
    strange: AtomicU64,
}

/// What was sent lately, and when.
#[derive(Debug, Default)]
struct Sent {
    at: HashMap<Key, Instant>,
    order: VecDeque<(Instant, Key)>,
}

type Key = (usize, [u8; TAIL]);

/// What a payload is known by.
fn key(payload: &[u8]) -> Key {
    let mut tail = [0; TAIL];
    let from = payload.len().saturating_sub(TAIL);
    for (to, from) in tail.iter_mut().zip(payload.iter().skip(from)) {
        *to = *from;
    }
    (payload.len(), tail)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Tally {
    pub(crate) fn connected(&self) {
        self.connected.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn wait_for(&self, count: usize, what: &str) -> Result<()> {
        let until = Instant::now() + PATIENCE;
        loop {
            let connected = self.connected.load(Ordering::Relaxed);
            if connected >= count {
                return Ok(());
            }
            if Instant::now() > until {
                bail!("{what}: {connected} of {count} after {PATIENCE:?}");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub(crate) fn begin(&self) {
        self.measuring.store(true, Ordering::Relaxed);
    }

    /// Publishers send nothing new any more; what is under way is waited for: late is not lost.
    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
        std::thread::sleep(GRACE);
    }

    pub(crate) fn has_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    pub(crate) fn end(&self) {
        self.measuring.store(false, Ordering::Relaxed);
        self.ended.store(true, Ordering::Relaxed);
        // All add what they counted when they see it, which is within one of their turns.
        std::thread::sleep(Duration::from_millis(500));
    }

    pub(crate) fn is_measuring(&self) -> bool {
        self.measuring.load(Ordering::Relaxed)
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }

    /// A publisher sends that.
    pub(crate) fn sending(&self, payload: &[u8], now: Instant) {
        if self.is_measuring() {
            self.published.fetch_add(1, Ordering::Relaxed);
        }
        let mut sent = lock(&self.sent);
        let key = key(payload);
        sent.at.insert(key, now);
        sent.order.push_back((now, key));
        while let Some((at, key)) = sent.order.front().copied()
            && now.saturating_duration_since(at) > MEMORY
        {
            sent.order.pop_front();
            // The file goes round: the same one may have been sent again.
            if sent.at.get(&key) == Some(&at) {
                sent.at.remove(&key);
            }
        }
    }

    /// A subscriber got that.
    pub(crate) fn received(&self, payload: &[u8], now: Instant) {
        self.received.fetch_add(1, Ordering::Relaxed);
        self.bytes
            .fetch_add(payload.len() as u64, Ordering::Relaxed);
        let sent = lock(&self.sent).at.get(&key(payload)).copied();
        match sent {
            Some(sent) => {
                let delay = now.saturating_duration_since(sent).as_micros();
                lock(&self.delays).push(u32::try_from(delay).unwrap_or(u32::MAX));
            }
            None => {
                self.strange.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    pub(crate) fn lost(&self, packets: u64) {
        self.lost.fetch_add(packets, Ordering::Relaxed);
    }

    /// A subscriber got `count` packets in all: one that was sent nothing any more misses what the others got.
    pub(crate) fn settled(&self, count: u64) {
        let published =
            self.published.load(Ordering::Relaxed) / self.publishers.load(Ordering::Relaxed).max(1);
        if count < published - published / 20 {
            self.lost(published - count);
        }
    }

    pub(crate) fn has_publishers(&self, count: usize) {
        self.publishers.store(count as u64, Ordering::Relaxed);
    }

    /// Packets that were received and never sent.
    pub(crate) fn strange(&self) -> u64 {
        self.strange.load(Ordering::Relaxed)
    }

    /// The share of packets that never came.
    pub(crate) fn loss(&self) -> f64 {
        let lost = self.lost.load(Ordering::Relaxed) as f64;
        lost / (lost + self.received.load(Ordering::Relaxed) as f64).max(1.0)
    }

    pub(crate) fn line(
        &self,
        name: &str,
        subscribers: usize,
        took: Duration,
        server: Usage,
        own: Usage,
    ) -> String {
        let mut delays = lock(&self.delays);
        delays.sort_unstable();
        let percentile = |percent: usize| {
            let at = (delays.len() * percent / 100).min(delays.len().saturating_sub(1));
            f64::from(delays.get(at).copied().unwrap_or_default()) / 1000.0
        };
        let mbit = self.bytes.load(Ordering::Relaxed) as f64 * 8.0 / 1e6;
        let cores = server.seconds() / took.as_secs_f64();
        format!(
            "{name:<10} {subscribers:>5} subscribers {:>7.1} Mbit/s loss {:.4} % strange {} delay p50 {:.2} ms p99 {:.2} ms cpu {:.2} cores {:.4} ms/Mbit {:.0} consumers/core (generator {:.2} cores)",
            mbit / took.as_secs_f64(),
            self.loss() * 100.0,
            self.strange(),
            percentile(50),
            percentile(99),
            cores,
            server.seconds() * 1000.0 / mbit.max(f64::MIN_POSITIVE),
            subscribers as f64 / cores.max(f64::MIN_POSITIVE),
            own.seconds() / took.as_secs_f64(),
        )
    }
}
