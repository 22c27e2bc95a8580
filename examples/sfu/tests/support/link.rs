//! The way from the server to a client.

use std::time::{Duration, Instant};

/// The way from the server to a client.
#[derive(Debug)]
pub(crate) struct Link {
    /// Bits per second; none: as many as come.
    pub(crate) rate: Option<u64>,
    /// Bytes that go at once where nothing went before.
    pub(crate) burst: u32,
    pub(crate) delay: Duration,
    /// Whether the machine at its end has much else to do: what comes, or goes, has to wait for up to 160 ms.
    pub(crate) busy: bool,
    free: Instant,
    start: Instant,
}

/// Longest that a datagram waits in the queue of a link.
const QUEUE: Duration = Duration::from_millis(300);

impl Link {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            rate: None,
            burst: 0,
            delay: Duration::from_millis(20),
            busy: false,
            free: now,
            start: now,
        }
    }

    /// When what the client sends at `now` arrives.
    pub(super) fn back(&self, now: Instant) -> Instant {
        self.held(now) + self.delay
    }

    /// When the machine comes to what is there at `now`.
    fn held(&self, now: Instant) -> Instant {
        const TURN: u64 = 250;
        if !self.busy {
            return now;
        }
        let passed = now.saturating_duration_since(self.start).as_millis() as u64;
        let turn = passed / TURN;
        // Something of no order, and always the same.
        let length = (turn.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) % 160;
        let end = self.start + Duration::from_millis(turn * TURN + length);
        now.max(end)
    }

    /// When a datagram arrives; never, if the queue is full.
    pub(super) fn carry(&mut self, bytes: usize, now: Instant) -> Option<Instant> {
        let Some(rate) = self.rate else {
            self.free = now;
            return Some(self.held(now + self.delay));
        };
        let takes = |bytes: f64| Duration::from_secs_f64(bytes * 8.0 / rate as f64);
        let saved = now.checked_sub(takes(self.burst.into()));
        let starts = self.free.max(saved.unwrap_or(now));
        if starts.saturating_duration_since(now) > QUEUE {
            return None;
        }
        self.free = starts + takes((bytes + 28) as f64);
        Some(self.held(self.free.max(now) + self.delay))
    }
}
