//! Packets that come before the tables which say what they are: where a file was cut, or a map comes late, they are a part of it all the same.

use super::tables::ProgramState;
use super::{NOWHERE, Streams};
use crate::packet::{LEN, Pid};
use alloc::collections::VecDeque;

/// The latest packets of PIDs that no table has named, until every program has its map.
#[derive(Debug)]
pub(super) struct Early {
    packets: VecDeque<Waiting>,
    /// The next one that is to be looked at, now that a table has come.
    looking: Option<usize>,
    /// How often they may still be looked at.
    looks: usize,
    /// Where the first one was that there was no room for, and the bytes of all of those.
    dropped: Option<(u64, u64)>,
    /// A map has come.
    is_mapped: bool,
}

#[derive(Debug)]
struct Waiting {
    offset: u64,
    bytes: [u8; LEN],
    taken: bool,
}

/// The first PID that is no table's (ISO/IEC 13818-1 table 2-3, EN 300 468 table 1).
const FIRST: u16 = 0x20;

impl Early {
    pub(super) const fn new(looks: usize) -> Self {
        Self {
            packets: VecDeque::new(),
            looking: None,
            looks,
            dropped: None,
            is_mapped: false,
        }
    }

    pub(super) fn buffered_len(&self) -> usize {
        self.packets.len().saturating_mul(LEN)
    }
}

impl Streams {
    /// Keeps a packet of which nothing is known, as long as a table may still tell of it.
    #[cold]
    pub(super) fn keep(&mut self, pid: Pid, offset: u64, bytes: &[u8; LEN]) {
        let Some(early) = &mut self.early else {
            return;
        };
        if pid.get() < FIRST || pid == Pid::NULL || self.ignored.contains(&pid) {
            return;
        }
        if early.buffered_len().saturating_add(LEN) > self.limits.early_size {
            if early.is_mapped {
                // That some program has no map is no reason to go on with it for ever.
                self.early = None;
                return;
            }
            if let Some(oldest) = early.packets.pop_front() {
                let (_, dropped) = early.dropped.get_or_insert((oldest.offset, 0));
                *dropped = dropped.saturating_add(LEN as u64);
            } else {
                return;
            }
        }
        early.packets.push_back(Waiting {
            offset,
            bytes: *bytes,
            taken: false,
        });
    }

    /// A table has come that names other PIDs: what waits is to be looked at.
    pub(super) fn look_again(&mut self, is_map: bool) {
        let Some(early) = &mut self.early else {
            return;
        };
        early.is_mapped |= is_map;
        early.looks = early.looks.saturating_sub(1);
        early.looking = (early.looks > 0).then_some(0);
        if early.looks == 0 {
            self.early = None;
        } else if let Some((offset, dropped)) = early.dropped.take_if(|_| is_map) {
            let what = "packets before the first program map: more than the limit allows";
            self.problem(None, offset, dropped, what);
        }
    }

    /// Takes the next one of the packets that waited for a table; whether there may be more of them.
    #[inline]
    pub(super) fn take_early(&mut self) -> bool {
        match &self.early {
            None => false,
            Some(early) if early.looking.is_none() => false,
            Some(_) => self.take_next(),
        }
    }

    #[cold]
    fn take_next(&mut self) -> bool {
        while let Some(early) = &mut self.early
            && let Some(place) = early.looking
        {
            let Some(waiting) = early.packets.get_mut(place) else {
                early.looking = None;
                let mut programs = self.programs.iter();
                if programs.len() > 0 && programs.all(ProgramState::is_mapped) {
                    self.early = None;
                }
                return true;
            };
            early.looking = Some(place.saturating_add(1));
            let [_, high, low, ..] = waiting.bytes;
            let pid = Pid::from_low_bits(u16::from_be_bytes([high, low]));
            let (offset, bytes) = (waiting.offset, waiting.bytes);
            let role = self.places.get(usize::from(pid.get()));
            if waiting.taken || role == Some(&NOWHERE) {
                continue;
            }
            waiting.taken = true;
            self.packet(offset, &bytes);
            return true;
        }
        false
    }
}
