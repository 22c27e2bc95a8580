//! Who is there: the synchronisation sources of a session, their addresses, collisions and loops (RFC 3550 §6.2.1, §8.2 and §A.1).
//!
//! A source is kept once two packets came from it in sequence; before that it is one of a few candidates, of which a new one pushes
//! the oldest out. So a flood of invented sources costs a fixed amount of memory, and takes nothing from those that are there.
//!
//! ```
//! use core::time::Duration;
//! use fluvial_rtp::sources::{Limits, Sources, Verdict};
//!
//! let mut sources = Sources::new(42, 90_000, Limits::default());
//! let (here, there) = ("192.0.2.1:5004", "192.0.2.2:5004");
//! let mut packet = |ssrc, number, from| sources.handle_packet(ssrc, number, 0, &from, Duration::ZERO);
//! assert_eq!(packet(7, 1, here), Verdict::Candidate);
//! assert_eq!(packet(7, 2, here), Verdict::New);
//! assert_eq!(packet(7, 3, here), Verdict::Known);
//! assert_eq!(packet(7, 900, there), Verdict::Foreign, "another uses the same SSRC, or it loops");
//! assert_eq!(packet(42, 1, there), Verdict::Collision, "with our own: send BYE and choose another");
//! assert_eq!(packet(42, 2, there), Verdict::Loop, "our own packets come back");
//! ```

use crate::reception::Reception;
use alloc::collections::{BTreeMap, VecDeque};
use core::time::Duration;

/// How much a [`Sources`] remembers.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Valid sources. Default 64.
    pub sources: usize,
    /// Sources from which one packet came. Default 256.
    pub candidates: usize,
    /// Addresses that our own SSRC came from. Default 16.
    pub conflicts: usize,
    /// How long a source must have been silent before the same SSRC is taken from another address, as behind a NAT
    /// that forgot. Default 2 s.
    pub rebind: Duration,
    /// How long an address that conflicted is remembered. RFC 3550 has ten reporting intervals. Default 50 s.
    pub conflict_age: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            sources: 64,
            candidates: 256,
            conflicts: 16,
            rebind: Duration::from_secs(2),
            conflict_age: Duration::from_secs(50),
        }
    }
}

/// What a packet is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The first, or the first in sequence, of a source that may be one: wait for the next.
    Candidate,
    /// The packet that makes a source valid.
    New,
    /// Of a valid source.
    Known,
    /// Of a valid source, but its sequence number is far off: dropped unless the next one follows it.
    Stray,
    /// A valid source's SSRC from another address: two sources collide, or packets loop. Drop it.
    Foreign,
    /// Our own SSRC, from an address where it did not come from before. Send BYE for it, go on with another one
    /// ([`Sources::set_ssrc`]), and drop the packet (§8.2).
    Collision,
    /// Our own SSRC from an address where it came from before: our packets loop. Drop it.
    Loop,
    /// There are as many valid sources as there may be. Drop it.
    Full,
}

/// A valid source.
#[derive(Debug, Clone)]
pub struct Source<A> {
    /// Where its packets come from.
    pub address: A,
    /// What came.
    pub reception: Reception,
    /// When RTP or RTCP came last.
    pub heard: Duration,
    /// When RTP came last.
    pub sent: Duration,
}

#[derive(Debug)]
struct Candidate<A> {
    ssrc: u32,
    source: Source<A>,
}

/// The sources of one session, by SSRC, with addresses of the type `A`.
#[derive(Debug)]
pub struct Sources<A> {
    ssrc: u32,
    clock_rate: u32,
    limits: Limits,
    valid: BTreeMap<u32, Source<A>>,
    candidates: VecDeque<Candidate<A>>,
    conflicts: VecDeque<(A, Duration)>,
}

impl<A: Clone + PartialEq> Sources<A> {
    /// With the SSRC that we send with, and the clock rate of what we receive.
    #[must_use]
    pub const fn new(ssrc: u32, clock_rate: u32, limits: Limits) -> Self {
        Self {
            ssrc,
            clock_rate,
            limits,
            valid: BTreeMap::new(),
            candidates: VecDeque::new(),
            conflicts: VecDeque::new(),
        }
    }

    /// The SSRC that we send with from now on.
    pub const fn set_ssrc(&mut self, ssrc: u32) {
        self.ssrc = ssrc;
    }

    /// Looks at an RTP packet.
    pub fn handle_packet(
        &mut self,
        ssrc: u32,
        sequence_number: u16,
        timestamp: u32,
        from: &A,
        now: Duration,
    ) -> Verdict {
        if ssrc == self.ssrc {
            return self.handle_own(from, now);
        }
        if let Some(source) = self.valid.get_mut(&ssrc) {
            if source.address != *from {
                if now.saturating_sub(source.heard) < self.limits.rebind {
                    return Verdict::Foreign;
                }
                source.address = from.clone();
            }
            if !source
                .reception
                .handle_packet(sequence_number, timestamp, now)
            {
                return Verdict::Stray;
            }
            (source.heard, source.sent) = (now, now);
            return Verdict::Known;
        }
        let known = self
            .candidates
            .iter()
            .position(|candidate| candidate.ssrc == ssrc && candidate.source.address == *from);
        let Some(index) = known else {
            let mut reception = Reception::new(self.clock_rate);
            reception.handle_packet(sequence_number, timestamp, now);
            if self.candidates.len() >= self.limits.candidates.max(1) {
                self.candidates.pop_front();
            }
            let source = Source {
                address: from.clone(),
                reception,
                heard: now,
                sent: now,
            };
            self.candidates.push_back(Candidate { ssrc, source });
            return Verdict::Candidate;
        };
        let Some(candidate) = self.candidates.get_mut(index) else {
            return Verdict::Candidate;
        };
        (candidate.source.heard, candidate.source.sent) = (now, now);
        if !candidate
            .source
            .reception
            .handle_packet(sequence_number, timestamp, now)
        {
            return Verdict::Candidate;
        }
        let Some(candidate) = self.candidates.remove(index) else {
            return Verdict::Candidate;
        };
        if self.valid.len() >= self.limits.sources {
            return Verdict::Full;
        }
        self.valid.insert(ssrc, candidate.source);
        Verdict::New
    }

    fn handle_own(&mut self, from: &A, now: Duration) -> Verdict {
        let age = self.limits.conflict_age;
        self.conflicts
            .retain(|(_, at)| now.saturating_sub(*at) < age);
        if let Some((_, at)) = self
            .conflicts
            .iter_mut()
            .find(|(address, _)| address == from)
        {
            *at = now;
            return Verdict::Loop;
        }
        if self.conflicts.len() >= self.limits.conflicts.max(1) {
            self.conflicts.pop_front();
        }
        self.conflicts.push_back((from.clone(), now));
        Verdict::Collision
    }

    /// Takes note of RTCP from a source, which makes none valid by itself. Gives whether it is a valid one from its own address.
    pub fn handle_rtcp(&mut self, ssrc: u32, from: &A, now: Duration) -> bool {
        match self.valid.get_mut(&ssrc) {
            Some(source) if source.address == *from => {
                source.heard = now;
                true
            }
            _ => false,
        }
    }

    /// Forgets a source that said BYE.
    pub fn handle_bye(&mut self, ssrc: u32) -> Option<Source<A>> {
        self.valid.remove(&ssrc)
    }

    /// Forgets the sources that nothing came from for five reporting intervals (§6.3.5); gives which.
    pub fn expire(&mut self, interval: Duration, now: Duration) -> alloc::vec::Vec<u32> {
        let oldest = now.saturating_sub(interval.saturating_mul(5));
        let mut gone = alloc::vec::Vec::new();
        self.valid.retain(|ssrc, source| {
            let stays = source.heard >= oldest;
            if !stays {
                gone.push(*ssrc);
            }
            stays
        });
        gone
    }

    /// How many sources there are, and how many of them sent RTP in the last two intervals: for
    /// [`Schedule::set_members`](crate::schedule::Schedule::set_members), without ourselves.
    #[must_use]
    pub fn members(&self, interval: Duration, now: Duration) -> (u32, u32) {
        let lately = now.saturating_sub(interval.saturating_mul(2));
        let senders = self
            .valid
            .values()
            .filter(|source| source.sent >= lately)
            .count();
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        (count(self.valid.len()), count(senders))
    }

    /// A valid source.
    #[must_use]
    pub fn get(&self, ssrc: u32) -> Option<&Source<A>> {
        self.valid.get(&ssrc)
    }

    /// A valid source, for its reports.
    pub fn get_mut(&mut self, ssrc: u32) -> Option<&mut Source<A>> {
        self.valid.get_mut(&ssrc)
    }

    /// The valid sources, by SSRC.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &Source<A>)> {
        self.valid.iter().map(|(ssrc, source)| (*ssrc, source))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use testing::Random;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_flood_of_invented_sources_costs_nothing_and_takes_nothing() {
        let mut sources = Sources::new(1, 90_000, Limits::default());
        let mut random = Random::new(4);
        let (mut known, mut flood) = (0, 0);
        for n in 0..200_000u32 {
            if n % 20 == 0 {
                let verdict = sources.handle_packet(7, (n / 20) as u16, n, &0u32, ms(n.into()));
                known += u32::from(verdict == Verdict::Known);
            }
            let ssrc = 1000 + random.below(1 << 30) as u32;
            let verdict = sources.handle_packet(
                ssrc,
                random.below(1 << 16) as u16,
                0,
                &(n % 1000),
                ms(n.into()),
            );
            flood += u32::from(verdict == Verdict::Candidate);
            assert!(
                sources.candidates.len() <= 256
                    && sources.valid.len() <= 64
                    && sources.conflicts.len() <= 16
            );
        }
        assert_eq!((known, flood), (10_000 - 2, 200_000));
    }

    #[test]
    fn flooders_that_keep_at_it_fill_the_table_but_no_more() {
        let mut sources = Sources::new(1, 90_000, Limits::default());
        for ssrc in 100..1100u32 {
            let verdicts = [1, 2, 3].map(|n| sources.handle_packet(ssrc, n, 0, &9u32, ms(1)));
            let full = [Verdict::Candidate, Verdict::Full, Verdict::Candidate];
            assert_eq!(
                verdicts,
                if ssrc < 164 {
                    [Verdict::Candidate, Verdict::New, Verdict::Known]
                } else {
                    full
                }
            );
        }
        assert_eq!(sources.expire(Duration::from_secs(5), ms(30_000)).len(), 64);
        assert_eq!(sources.members(Duration::from_secs(5), ms(30_000)), (0, 0));
    }

    #[test]
    fn an_address_may_change_after_a_silence() {
        let mut sources = Sources::new(1, 90_000, Limits::default());
        let mut packet = |number, from: u8, at| sources.handle_packet(7, number, 0, &from, ms(at));
        assert_eq!(
            [packet(1, 1, 0), packet(2, 1, 0)],
            [Verdict::Candidate, Verdict::New]
        );
        assert_eq!(packet(3, 2, 100), Verdict::Foreign);
        assert_eq!(packet(4, 1, 1000), Verdict::Known);
        assert_eq!(packet(5, 2, 3001), Verdict::Known);
        assert_eq!(packet(6, 1, 3002), Verdict::Foreign);
        assert!(sources.handle_rtcp(7, &2, ms(3003)) && !sources.handle_rtcp(7, &1, ms(3003)));
        assert_eq!(sources.members(Duration::from_secs(5), ms(3003)), (1, 1));
        assert!(sources.handle_bye(7).is_some() && sources.get(7).is_none());
    }

    #[test]
    fn conflicts_are_forgotten() {
        let mut sources = Sources::new(1, 90_000, Limits::default());
        let mut own = |from: u8, at| sources.handle_packet(1, 1, 0, &from, ms(at));
        assert_eq!(
            [own(1, 0), own(1, 10), own(2, 20)],
            [Verdict::Collision, Verdict::Loop, Verdict::Collision]
        );
        assert_eq!(own(1, 40_000), Verdict::Loop);
        assert_eq!(own(2, 60_000), Verdict::Collision);
    }
}
