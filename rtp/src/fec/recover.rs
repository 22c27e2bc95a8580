use super::Xor;
use crate::{Packet, Unwrapper};
use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;
use bytes::Bytes;

/// A repair packet that was read (RFC 5109 §7, RFC 8627 §4.2): [`ulp::parse`](super::ulp::parse), [`flex::parse`](super::flex::parse).
#[derive(Debug, Clone)]
pub struct Repair {
    /// The source of the packets that it covers.
    pub(super) ssrc: u32,
    /// Their sequence numbers.
    pub(super) covered: Vec<u16>,
    pub(super) xor: Xor,
}

impl Repair {
    /// The source of the packets that it covers.
    #[must_use]
    pub const fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// The sequence numbers of the packets that it covers.
    #[must_use]
    pub fn covered(&self) -> &[u16] {
        &self.covered
    }
}

/// The set bits, the lowest first.
pub(super) fn offsets(mut mask: u128) -> impl Iterator<Item = u16> {
    core::iter::from_fn(move || {
        let offset = mask.trailing_zeros();
        mask &= mask.wrapping_sub(1);
        u16::try_from(offset).ok().filter(|offset| *offset < 128)
    })
}

/// How much a [`Recoverer`] holds.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Sequence numbers from the oldest media packet to the newest, and from there to the last that a repair packet may
    /// cover. Default 512.
    pub packets: u16,
    /// Repair packets that wait for more of what they cover. Default 64.
    pub repairs: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            packets: 512,
            repairs: 64,
        }
    }
}

#[derive(Debug)]
struct Waiting {
    repair: Repair,
    covered: Vec<i64>,
}

/// Repairs the packets of one source, by the repair packets of any format.
#[derive(Debug, Default)]
pub struct Recoverer {
    limits: Limits,
    ssrc: Option<u32>,
    sequence: Unwrapper<u16>,
    highest: i64,
    media: BTreeMap<i64, Bytes>,
    waiting: VecDeque<Waiting>,
    output: VecDeque<Vec<u8>>,
    recovered: u64,
}

impl Recoverer {
    /// With these limits.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            ..Self::default()
        }
    }

    /// Takes in a media packet that came. What is no RTP packet is passed over; another source begins anew.
    pub fn handle_packet(&mut self, packet: Bytes) {
        let Ok(head) = Packet::parse(&packet) else {
            return;
        };
        let (ssrc, sequence_number) = (head.ssrc(), head.sequence_number());
        self.follow(ssrc);
        let at = self.unwrap(sequence_number);
        if self.media.insert(at, packet).is_none() {
            self.forget();
            self.repair_with(at);
        }
    }

    /// Takes in a repair packet.
    pub fn handle_repair(&mut self, repair: Repair) {
        self.follow(repair.ssrc);
        let covered: Vec<i64> = repair
            .covered
            .iter()
            .map(|number| self.sequence.peek(*number))
            .collect();
        if self.sequence.last().is_none()
            && let Some(first) = repair.covered.first()
        {
            self.unwrap(*first);
        }
        // What is far off can have no use.
        let far = |at: &i64| at.abs_diff(self.highest) > self.limits.packets.into();
        if covered.iter().any(far) {
            return;
        }
        let waiting = Waiting { repair, covered };
        if let Some(recovered) = self.repair(&waiting) {
            return self.repair_with(recovered);
        }
        if waiting
            .covered
            .iter()
            .any(|at| !self.media.contains_key(at))
        {
            if self.waiting.len() >= self.limits.repairs {
                self.waiting.pop_front();
            }
            self.waiting.push_back(waiting);
        }
    }

    /// The next packet that was repaired. It was taken in already.
    pub fn poll_output(&mut self) -> Option<Vec<u8>> {
        self.output.pop_front()
    }

    /// Packets repaired so far.
    #[must_use]
    pub const fn recovered(&self) -> u64 {
        self.recovered
    }

    /// Bytes of the packets held.
    #[must_use]
    pub fn buffered_len(&self) -> usize {
        let media = self.media.values().map(Bytes::len);
        let waiting = self
            .waiting
            .iter()
            .map(|waiting| waiting.repair.xor.body.len());
        media
            .chain(waiting)
            .chain(self.output.iter().map(Vec::len))
            .fold(0, usize::saturating_add)
    }

    fn follow(&mut self, ssrc: u32) {
        if self.ssrc.replace(ssrc).is_some_and(|last| last != ssrc) {
            self.media.clear();
            self.waiting.clear();
            self.sequence = Unwrapper::<u16>::new();
        }
    }

    /// The sequence number counted on from the highest; only a higher one moves that.
    fn unwrap(&mut self, sequence_number: u16) -> i64 {
        let at = self.sequence.peek(sequence_number);
        if self.sequence.last().is_none_or(|highest| at > highest) {
            self.highest = self.sequence.unwrap(sequence_number);
        }
        at
    }

    fn forget(&mut self) {
        let oldest = self.highest.saturating_sub(self.limits.packets.into());
        while let Some(entry) = self
            .media
            .first_entry()
            .filter(|entry| *entry.key() < oldest)
        {
            entry.remove();
        }
        while self
            .waiting
            .front()
            .is_some_and(|waiting| waiting.covered.iter().any(|at| *at < oldest))
        {
            self.waiting.pop_front();
        }
        // Who does not poll gets no more than were lost lately.
        while self.output.len() > self.limits.packets.into() {
            self.output.pop_front();
        }
    }

    /// Looks what a new packet lets be repaired, and what that lets be repaired, and so on.
    fn repair_with(&mut self, at: i64) {
        let mut new = alloc::vec![at];
        while let Some(at) = new.pop() {
            let mut index = 0;
            while let Some(waiting) = self.waiting.get(index) {
                if !waiting.covered.contains(&at) {
                    index = index.saturating_add(1);
                    continue;
                }
                let missing = waiting
                    .covered
                    .iter()
                    .filter(|at| !self.media.contains_key(at))
                    .count();
                if missing > 1 {
                    index = index.saturating_add(1);
                    continue;
                }
                if let Some(waiting) = self.waiting.remove(index)
                    && missing == 1
                {
                    new.extend(self.repair(&waiting));
                }
            }
        }
    }

    /// Repairs the one packet that is missing of those covered, where it is one.
    fn repair(&mut self, waiting: &Waiting) -> Option<i64> {
        let mut missing = waiting
            .covered
            .iter()
            .filter(|at| !self.media.contains_key(at));
        let at = *missing.next()?;
        if missing.next().is_some() {
            return None;
        }
        let mut xor = waiting.repair.xor.clone();
        for packet in waiting.covered.iter().filter_map(|at| self.media.get(at)) {
            // Longer than what is protected: not whole packets are.
            if !xor.add(packet) {
                return None;
            }
        }
        xor.body.truncate(waiting.repair.xor.body.len());
        let [.., a, b] = at.to_be_bytes();
        let packet = xor.packet(u16::from_be_bytes([a, b]), waiting.repair.ssrc)?;
        self.media.insert(at, Bytes::from(packet.clone()));
        self.output.push_back(packet);
        self.recovered = self.recovered.saturating_add(1);
        self.forget();
        Some(at)
    }
}
