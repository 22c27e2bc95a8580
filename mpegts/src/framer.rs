//! Finding transport packets in a stream of bytes: packets of 188 bytes, of 192 with a time stamp before each (M2TS, as on
//! Blu-ray discs), or of 204 with a Reed-Solomon code after each.
//!
//! The size is found out by the distance of three sync bytes in a row, at the start and after damage. What is found does not
//! depend on how the input was cut.
//!
//! ```
//! use fluvial_mpegts::framer::{Framed, Framer};
//!
//! let mut stream = vec![0x11; 7];
//! for _ in 0..3 {
//!     stream.extend([0x47, 0x1F, 0xFF, 0x10]);
//!     stream.extend([0xFF; 184]);
//! }
//! let mut framer = Framer::new();
//! let (mut packets, mut skipped) = (0, 0);
//! let mut input = stream.as_slice();
//! while let Some(framed) = framer.next(&mut input) {
//!     match framed {
//!         Framed::Packet { .. } => packets += 1,
//!         Framed::Skipped { len, .. } => skipped += len,
//!     }
//! }
//! assert_eq!((packets, skipped), (3, 7));
//! ```

use crate::packet::{LEN, SYNC_BYTE};
use alloc::vec::Vec;
use core::fmt;

/// Bytes from one packet to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PacketSize {
    /// 188 bytes: the packet alone.
    Plain,
    /// 192 bytes: 4 bytes before the packet say when it came.
    TimeStamped,
    /// 204 bytes: 16 bytes after the packet correct errors.
    WithParity,
}

impl PacketSize {
    const ALL: [Self; 3] = [Self::Plain, Self::TimeStamped, Self::WithParity];

    /// Bytes from one packet to the next.
    #[must_use]
    pub const fn bytes(self) -> usize {
        match self {
            Self::Plain => 188,
            Self::TimeStamped => 192,
            Self::WithParity => 204,
        }
    }

    /// Bytes between one packet and the next.
    const fn between(self) -> usize {
        match self {
            Self::Plain => 0,
            Self::TimeStamped => TIME_STAMP,
            Self::WithParity => 16,
        }
    }
}

/// Bytes of the time stamp before a packet.
const TIME_STAMP: usize = 4;

/// Sync bytes in a row, at the distance of one size, that make packets.
const SYNCS: usize = 3;

/// Bytes that are taken in at once while looking for packets.
const SEARCH_BLOCK: usize = 4096;

/// The four bytes before a packet of 192 bytes (`TP_extra_header`).
///
/// ```text
/// copy_permission_indicator   2
/// arrival_time_stamp         30   27 MHz
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ArrivalTime {
    /// `copy_permission_indicator`, 2 bits.
    pub copy_permission: u8,
    /// `arrival_time_stamp`, 30 bits: 27 MHz.
    pub ticks: u32,
}

impl ArrivalTime {
    /// From the four bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; TIME_STAMP]) -> Self {
        Self {
            copy_permission: bytes[0] >> 6,
            ticks: u32::from_be_bytes(bytes) & 0x3FFF_FFFF,
        }
    }

    /// The four bytes; bits that a field has not room for are left out.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; TIME_STAMP] {
        let high = (self.copy_permission as u32 & 3) << 30;
        (high | self.ticks & 0x3FFF_FFFF).to_be_bytes()
    }
}

/// What a stream turned out to be made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framed<'a> {
    /// A packet.
    Packet {
        /// Its sync byte, from the start of the input.
        offset: u64,
        /// The four bytes before it, where packets have 192 bytes.
        arrival: Option<ArrivalTime>,
        /// The packet.
        bytes: &'a [u8; LEN],
    },
    /// Bytes that are no packet.
    Skipped {
        /// The first, from the start of the input.
        offset: u64,
        /// How many.
        len: u64,
    },
}

/// Finds packets in a stream that comes in pieces of any size. See the [module](self).
#[derive(Clone, Default)]
pub struct Framer {
    /// Input that is not used up: the start of a packet, or what is being searched.
    buffer: Vec<u8>,
    /// How much of the buffer is used up.
    used: usize,
    /// Offset in the input of the first byte that is not used up.
    position: u64,
    size: Option<PacketSize>,
    /// The size before packets were lost.
    last_size: Option<PacketSize>,
    /// Bytes between packets that are still to come before the next packet.
    between: usize,
    /// The last four of the bytes between packets.
    arrival: [u8; TIME_STAMP],
    /// Where what is no packet began.
    lost_from: Option<u64>,
    ended: bool,
}

/// What a search found.
enum Search {
    /// A packet here.
    At(usize, PacketSize),
    /// Nothing before here.
    NotBefore(usize),
}

impl Framer {
    /// A framer at the start of a stream.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            buffer: Vec::new(),
            used: 0,
            position: 0,
            size: None,
            last_size: None,
            between: 0,
            arrival: [0; TIME_STAMP],
            lost_from: None,
            ended: false,
        }
    }

    /// The size of packets, as soon as it is known.
    #[must_use]
    pub const fn packet_size(&self) -> Option<PacketSize> {
        match self.size {
            Some(size) => Some(size),
            None => self.last_size,
        }
    }

    /// Bytes held.
    #[must_use]
    pub const fn buffered_len(&self) -> usize {
        self.buffer.len().saturating_sub(self.used)
    }

    /// Says that what was given to [`next`](Self::next) is all there is: the bytes that are held are looked at as the end of
    /// the stream.
    pub const fn handle_eof(&mut self) {
        self.ended = true;
    }

    /// The next packet, or what is no packet, off the front of `input`; `None` where `input` is used up.
    #[inline]
    pub fn next<'a, 'i: 'a>(&'a mut self, input: &mut &'i [u8]) -> Option<Framed<'a>> {
        if self.is_aligned()
            && let Some((bytes @ [SYNC_BYTE, ..], rest)) = input.split_first_chunk::<LEN>()
        {
            *input = rest;
            return Some(self.packet(bytes));
        }
        self.careful_next(input)
    }

    /// Whether the next byte of the input has to be a sync byte.
    #[inline]
    const fn is_aligned(&self) -> bool {
        self.size.is_some() && self.between == 0 && self.buffer.is_empty()
    }

    /// Bytes before the next packet, where all of them and the packet are to come from the input: a caller may then take
    /// packets itself.
    #[inline]
    pub(crate) fn gap_ahead(&self) -> Option<usize> {
        let gap = self.size?.between();
        (self.buffer.is_empty() && self.between == gap).then_some(gap)
    }

    /// Says that such a caller took this many bytes; `before` is what lies before the last packet.
    #[inline]
    pub(crate) fn passed(&mut self, bytes: usize, before: &[u8]) {
        self.position = self.position.saturating_add(bytes as u64);
        if self.size == Some(PacketSize::TimeStamped)
            && let Some(&arrival) = before.last_chunk()
        {
            self.arrival = arrival;
        }
    }

    /// Offset in the input of the next byte.
    #[inline]
    pub(crate) const fn position(&self) -> u64 {
        self.position
    }

    #[inline]
    fn packet<'a>(&mut self, bytes: &'a [u8; LEN]) -> Framed<'a> {
        let offset = self.position;
        let stamped = self.size == Some(PacketSize::TimeStamped);
        let arrival = stamped.then(|| ArrivalTime::from_bytes(self.arrival));
        self.position = offset.saturating_add(LEN as u64);
        self.between = self.size.map_or(0, PacketSize::between);
        Framed::Packet {
            offset,
            arrival,
            bytes,
        }
    }

    #[inline(never)]
    fn careful_next<'a, 'i: 'a>(&'a mut self, input: &mut &'i [u8]) -> Option<Framed<'a>> {
        loop {
            if self.used == self.buffer.len() {
                self.buffer.clear();
                self.used = 0;
            }
            if self.size.is_none() {
                if let Some(skipped) = self.search(input)? {
                    return Some(skipped);
                }
                continue;
            }
            if self.between > 0 {
                if !self.pass_between(input) {
                    return None;
                }
                continue;
            }
            if self.buffer.is_empty() {
                match input.split_first_chunk::<LEN>() {
                    Some((bytes @ [SYNC_BYTE, ..], rest)) => {
                        *input = rest;
                        return Some(self.packet(bytes));
                    }
                    Some(_) => {
                        self.lose();
                        continue;
                    }
                    None => {}
                }
            }
            let missing = LEN.saturating_sub(self.buffered_len()).min(input.len());
            self.take_in(missing, input);
            if self.buffered_len() < LEN {
                if !self.ended || self.buffered_len() == 0 {
                    return None;
                }
                self.lose();
                continue;
            }
            let start = self.used;
            if self.buffer.get(start) != Some(&SYNC_BYTE) {
                self.lose();
                continue;
            }
            self.used = start.saturating_add(LEN);
            let offset = self.position;
            self.position = offset.saturating_add(LEN as u64);
            self.between = self.size.map_or(0, PacketSize::between);
            let stamped = self.size == Some(PacketSize::TimeStamped);
            let arrival = stamped.then(|| ArrivalTime::from_bytes(self.arrival));
            let bytes = self.buffer.get(start..)?.first_chunk()?;
            return Some(Framed::Packet {
                offset,
                arrival,
                bytes,
            });
        }
    }

    /// Keeps the last of the bytes that are being passed over: they may be the time stamp before a packet.
    fn remember(&mut self, len: usize) {
        let end = self.used.saturating_add(len);
        let passed = self.buffer.get(self.used..end).unwrap_or_default();
        let passed = passed
            .last_chunk::<TIME_STAMP>()
            .map_or(passed, |last| last);
        for byte in passed {
            let [_, rest @ ..] = self.arrival;
            let [a, b, c] = rest;
            self.arrival = [a, b, c, *byte];
        }
    }

    fn lose(&mut self) {
        self.last_size = self.size.take();
        self.lost_from = Some(self.position);
        self.between = 0;
    }

    /// Moves bytes of the input to the buffer.
    fn take_in(&mut self, len: usize, input: &mut &[u8]) {
        if let Some((head, rest)) = input.split_at_checked(len) {
            if self.used > SEARCH_BLOCK {
                self.buffer = self.buffer.get(self.used..).unwrap_or_default().to_vec();
                self.used = 0;
            }
            self.buffer.extend_from_slice(head);
            *input = rest;
        }
    }

    /// Passes over the bytes between two packets; tells whether all of them were there.
    fn pass_between(&mut self, input: &mut &[u8]) -> bool {
        while self.between > 0 {
            let byte = if let Some(&byte) = self.buffer.get(self.used) {
                self.used = self.used.saturating_add(1);
                byte
            } else if let Some((&byte, rest)) = input.split_first() {
                *input = rest;
                byte
            } else {
                return false;
            };
            let [_, rest @ ..] = self.arrival;
            let [a, b, c] = rest;
            self.arrival = [a, b, c, byte];
            self.position = self.position.saturating_add(1);
            self.between -= 1;
        }
        true
    }

    /// Looks for packets: `None` where more input is needed, else what was skipped before one, if anything.
    #[expect(clippy::option_option, reason = "no more, nothing, something")]
    fn search(&mut self, input: &mut &[u8]) -> Option<Option<Framed<'static>>> {
        loop {
            let data = self.buffer.get(self.used..).unwrap_or_default();
            match find(data, self.last_size, self.ended && input.is_empty()) {
                Search::At(at, size) => {
                    self.remember(at);
                    let before = self.used.saturating_add(at);
                    let packet = self.position.saturating_add(at as u64);
                    // The time stamp before the packet is no junk.
                    let stamp = if size == PacketSize::TimeStamped {
                        TIME_STAMP
                    } else {
                        0
                    };
                    let start = packet.saturating_sub(stamp as u64);
                    let from = self.lost_from.take().unwrap_or(0);
                    self.used = before;
                    self.position = packet;
                    self.size = Some(size);
                    let len = start.saturating_sub(from);
                    return Some((len > 0).then_some(Framed::Skipped { offset: from, len }));
                }
                Search::NotBefore(at) => {
                    self.remember(at);
                    self.lost_from.get_or_insert(self.position);
                    self.used = self.used.saturating_add(at);
                    self.position = self.position.saturating_add(at as u64);
                    if !input.is_empty() {
                        let len = SEARCH_BLOCK.min(input.len());
                        self.take_in(len, input);
                        continue;
                    }
                    if !self.ended {
                        return None;
                    }
                    let end = self.position.saturating_add(self.buffered_len() as u64);
                    let from = self.lost_from.take().unwrap_or(end);
                    self.position = end;
                    self.used = self.buffer.len();
                    self.lost_from = Some(end);
                    let len = end.saturating_sub(from);
                    return if len > 0 {
                        Some(Some(Framed::Skipped { offset: from, len }))
                    } else {
                        None
                    };
                }
            }
        }
    }
}

/// Looks for the first place where packets of one size follow each other.
fn find(data: &[u8], known: Option<PacketSize>, ended: bool) -> Search {
    for at in memchr::memchr_iter(SYNC_BYTE, data) {
        for size in known.into_iter().chain(PacketSize::ALL) {
            let mut all = true;
            for n in 0..SYNCS {
                match data.get(at.saturating_add(n * size.bytes())) {
                    Some(&SYNC_BYTE) => {}
                    Some(_) => {
                        all = false;
                        break;
                    }
                    None if ended => {
                        // Where the stream ends a packet has to be whole at least.
                        all = n > 1 || at.saturating_add(LEN) <= data.len();
                        break;
                    }
                    None => return Search::NotBefore(at),
                }
            }
            if all {
                return Search::At(at, size);
            }
        }
    }
    Search::NotBefore(data.len())
}

impl fmt::Debug for Framer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Framer")
            .field("position", &self.position)
            .field("size", &self.size)
            .field("held", &self.buffered_len())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Packets of a size, each with its number, none with another sync byte inside.
    fn stream(size: PacketSize, count: u8) -> Vec<u8> {
        let mut out = Vec::new();
        for n in 0..count {
            if size == PacketSize::TimeStamped {
                out.extend(u32::from(n).to_be_bytes());
            }
            out.extend([SYNC_BYTE, 0, n, 0x10]);
            out.extend([0xFF; 184]);
            if size == PacketSize::WithParity {
                out.extend([0xEE; 16]);
            }
        }
        out
    }

    #[derive(Debug, PartialEq)]
    enum Piece {
        Packet(u64, Option<u32>, u8),
        Skipped(u64, u64),
    }

    fn frame(pieces: &[&[u8]]) -> Vec<Piece> {
        let mut framer = Framer::new();
        let mut found = Vec::new();
        for (i, piece) in pieces.iter().chain(&[&[][..]]).enumerate() {
            if i == pieces.len() {
                framer.handle_eof();
            }
            let mut input = *piece;
            while let Some(framed) = framer.next(&mut input) {
                found.push(match framed {
                    Framed::Packet {
                        offset,
                        arrival,
                        bytes,
                    } => Piece::Packet(offset, arrival.map(|time| time.ticks), bytes[2]),
                    Framed::Skipped { offset, len } => Piece::Skipped(offset, len),
                });
            }
            assert!(input.is_empty());
            assert!(framer.buffered_len() <= SEARCH_BLOCK + 5 * 204);
        }
        found
    }

    #[test]
    fn each_size_is_found() {
        for (size, lead) in [
            (PacketSize::Plain, 0),
            (PacketSize::TimeStamped, 4),
            (PacketSize::WithParity, 0),
        ] {
            let stamped = size == PacketSize::TimeStamped;
            let found = frame(&[&stream(size, 9)]);
            let expected = (0..9u8).map(|n| {
                let offset = u64::from(n) * size.bytes() as u64 + lead;
                Piece::Packet(offset, stamped.then_some(n.into()), n)
            });
            assert_eq!(found, expected.collect::<Vec<_>>(), "{size:?}");
        }
    }

    #[test]
    fn one_packet_is_a_stream() {
        assert_eq!(
            frame(&[&stream(PacketSize::Plain, 1)]),
            [Piece::Packet(0, None, 0)]
        );
        assert_eq!(frame(&[&[SYNC_BYTE; 100]]), [Piece::Skipped(0, 100)]);
        assert_eq!(frame(&[&[]]), []);
    }

    #[test]
    fn damage_costs_what_is_damaged() {
        let mut data = stream(PacketSize::Plain, 12);
        data[188 * 3] = 0; // a sync byte
        data.splice(188 * 6..188 * 6, [SYNC_BYTE; 50]);
        data.truncate(data.len() - 1);
        let found = frame(&[&data]);
        let packet = |n: u8, shift: u64| Piece::Packet(u64::from(n) * 188 + shift, None, n);
        let mut expected: Vec<_> = (0..3).map(|n| packet(n, 0)).collect();
        expected.push(Piece::Skipped(188 * 3, 188));
        expected.extend((4..6).map(|n| packet(n, 0)));
        assert_eq!(found[..6], expected);
        // The first of the junk looks like a packet.
        expected.truncate(0);
        expected.extend((7..11).map(|n| packet(n, 50)));
        expected.push(Piece::Skipped(188 * 11 + 50, 187));
        assert_eq!(found[found.len() - 5..], expected);
    }

    proptest! {
        #[test]
        fn cuts_change_nothing(
            size in prop_oneof![Just(PacketSize::Plain), Just(PacketSize::TimeStamped), Just(PacketSize::WithParity)],
            junk in proptest::collection::vec(any::<u8>(), 0..300),
            at in 0usize..3000,
            flips in proptest::collection::vec((0usize..3000, 0u8..8), 0..4),
            cuts in proptest::collection::vec(0usize..4000, 0..20),
        ) {
            let mut data = stream(size, 16);
            let at = at.min(data.len());
            data.splice(at..at, junk);
            for (place, bit) in flips {
                data[place] ^= 1 << bit;
            }
            let whole = frame(&[&data]);
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(data.len())).collect();
            cuts.extend([0, data.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|cut| &data[cut[0]..cut[1]]).collect();
            prop_assert_eq!(frame(&pieces), whole);
            let bytes: Vec<&[u8]> = data.chunks(1).collect();
            let whole = frame(&[&data]);
            prop_assert_eq!(frame(&bytes), whole);
        }
    }
}
