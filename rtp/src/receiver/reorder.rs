use alloc::collections::BTreeMap;
use bytes::Bytes;
use core::time::Duration;

/// Gives packets in the order of their numbers: those that come early wait for those before them, until these are given up.
#[derive(Debug)]
pub(super) struct Reorder {
    next: Option<i64>,
    waiting: BTreeMap<i64, (Bytes, Duration)>,
    size: usize,
    latency: Duration,
    most: usize,
}

/// What becomes of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is the next one.
    Now,
    /// It waits.
    Waits,
    /// It comes too late, or a second time.
    Late,
}

impl Reorder {
    pub(super) const fn new(latency: Duration, most: usize) -> Self {
        Self {
            next: None,
            waiting: BTreeMap::new(),
            size: 0,
            latency,
            most,
        }
    }

    pub(super) fn handle(&mut self, number: i64, data: &[u8], now: Duration) -> Verdict {
        let next = *self.next.get_or_insert(number);
        if number == next {
            self.next = Some(next.saturating_add(1));
            return Verdict::Now;
        }
        if number < next || self.waiting.contains_key(&number) {
            return Verdict::Late;
        }
        self.size = self.size.saturating_add(data.len());
        self.waiting
            .insert(number, (Bytes::copy_from_slice(data), now));
        Verdict::Waits
    }

    /// The next packet that waits, once its turn has come, or those before it are given up.
    pub(super) fn pop(&mut self, now: Duration) -> Option<Bytes> {
        let entry = self.waiting.first_entry()?;
        let number = *entry.key();
        let due = self.next.is_none_or(|next| number <= next)
            || now >= entry.get().1.saturating_add(self.latency)
            || self.waiting.len() > self.most;
        if !due {
            return None;
        }
        let (_, (data, _)) = self.waiting.pop_first()?;
        self.size = self.size.saturating_sub(data.len());
        self.next = Some(number.saturating_add(1));
        Some(data)
    }

    /// When the packet that waits longest is due.
    pub(super) fn timeout(&self) -> Option<Duration> {
        let (_, (_, arrival)) = self.waiting.first_key_value()?;
        Some(arrival.saturating_add(self.latency))
    }

    pub(super) fn restart(&mut self) {
        self.next = None;
        self.waiting.clear();
        self.size = 0;
    }

    pub(super) const fn buffered_len(&self) -> usize {
        self.size
    }
}
