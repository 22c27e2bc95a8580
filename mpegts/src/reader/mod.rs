//! From bytes to PES packets, sections and clock references, by the tables of the stream itself.
//!
//! ```text
//! bytes ─► Framer ─► packets ─► by PID: PAT ─► PMTs ─► PES packets put together, sections put together
//! ```
//!
//! The reader follows the program association table and the program map tables, and gathers what these say is there.
//! Continuity counters are checked, duplicate packets dropped, clock references given; what is damaged is told by a
//! [`Problem`], and reading goes on.
//!
//! ```
//! use fluvial_mpegts::reader::{Reader, Unit};
//! use fluvial_mpegts::Limits;
//!
//! fn bytes_of_pes_packets(stream: &[u8]) -> usize {
//!     let mut reader = Reader::new(Limits::default());
//!     let mut bytes = 0;
//!     for mut piece in stream.chunks(4096).chain([&[][..]]) {
//!         if piece.is_empty() {
//!             reader.handle_eof();
//!         }
//!         while let Some(unit) = reader.next(&mut piece) {
//!             if let Unit::Pes(pes) = unit {
//!                 bytes += pes.data.len();
//!             }
//!         }
//!     }
//!     bytes
//! }
//! # assert_eq!(bytes_of_pes_packets(&[0x47; 188]), 0);
//! ```

mod early;
mod gather;
mod prefixer;
mod tables;
mod unit;

pub use unit::{Clock, Pes, Problem, SectionUnit, Unit};

use crate::framer::{Framed, Framer, PacketSize};
use crate::packet::{LEN, Packet, Pid};
use crate::psi::Pat;
use crate::{Limits, psi};
use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::fmt;
use early::Early;
use gather::Gather;
use tables::Role;

/// Puts together what a transport stream carries. See the [module](self).
#[derive(Debug)]
pub struct Reader {
    framer: Framer,
    streams: Streams,
    ended: bool,
    flushed: bool,
}

/// All but the framer, which lends out the packet.
struct Streams {
    limits: Limits,
    /// Place in `slots` of each PID, or [`NOWHERE`].
    places: Box<[u16]>,
    slots: Vec<Slot>,
    pat: psi::Collector<Pat>,
    programs: Vec<tables::ProgramState>,
    ignored: Vec<Pid>,
    /// What came before the tables that tell of it.
    early: Option<Early>,
    /// Bytes in all PES packets that are open, but for the latest run of packets.
    held: usize,
    queue: VecDeque<Unit>,
}

const NOWHERE: u16 = u16::MAX;

/// What is known of one PID.
#[derive(Debug)]
struct Slot {
    pid: Pid,
    /// `continuity_counter` of the last packet with payload.
    counter: Option<u8>,
    /// The last packet came twice already.
    repeated: bool,
    /// Its clock references are wanted.
    is_clock: bool,
    role: Role,
}

/// A PES packet that the packets which follow go on with, if nothing comes between.
#[derive(Clone, Copy)]
struct Run {
    place: usize,
    /// The header that the next packet has to have.
    expected: u32,
}

impl Reader {
    /// A reader at the start of a stream.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            framer: Framer::new(),
            streams: Streams::new(limits),
            ended: false,
            flushed: false,
        }
    }

    /// Says that what was given to [`next`](Self::next) is all there is.
    pub const fn handle_eof(&mut self) {
        self.ended = true;
        self.framer.handle_eof();
    }

    /// Size of packets, as soon as it is known.
    #[must_use]
    pub const fn packet_size(&self) -> Option<PacketSize> {
        self.framer.packet_size()
    }

    /// Offset in the input of the next byte that is not dealt with.
    #[must_use]
    pub const fn position(&self) -> u64 {
        self.framer.position()
    }

    /// Gathers nothing of this PID any more, whatever the tables say.
    pub fn ignore(&mut self, pid: Pid) {
        if !self.streams.ignored.contains(&pid) {
            self.streams.ignored.push(pid);
        }
        self.streams.remove(pid);
    }

    /// Gathers nothing of this PID, as long as no table names it anew.
    #[cfg(feature = "media")]
    pub(crate) fn ignore_stream(&mut self, pid: Pid) {
        self.streams.remove_stream(pid);
    }

    /// Says whether PES packets of this PID that begin with a start code (ISO/IEC 14496-10 Annex B) are to have lengths in 4 bytes
    /// before their NAL units instead, from the next one on, as long as its stream stays the same. Done while they are gathered, that
    /// takes less time than afterwards. Those that are so say it: [`Pes::is_length_prefixed`].
    #[cfg(feature = "media")]
    pub fn gather_nal_units(&mut self, pid: Pid, wanted: bool) {
        self.streams.gather_nal_units(pid, wanted);
    }

    /// Puts sections of a PID together that no program map table names, such as those of service information.
    pub fn gather_sections(&mut self, pid: Pid) {
        self.streams.add_sections(pid);
    }

    /// Bytes held: input, PES packets and sections that are not complete, units that wait.
    #[must_use]
    pub fn buffered_len(&self) -> usize {
        self.streams
            .buffered_len()
            .saturating_add(self.framer.buffered_len())
    }

    /// The next unit, off the front of `input`; `None` where `input` is used up.
    #[inline]
    pub fn next(&mut self, input: &mut &[u8]) -> Option<Unit> {
        loop {
            if let Some(unit) = self.streams.queue.pop_front() {
                return Some(unit);
            }
            if self.streams.take_early() {
                continue;
            }
            match self.framer.next(input) {
                Some(Framed::Packet { offset, bytes, .. }) => {
                    if let Some(run) = self.streams.packet(offset, bytes)
                        && let Some(gap) = self.framer.gap_ahead()
                    {
                        self.run(run, gap, input);
                    }
                }
                Some(Framed::Skipped { offset, len }) => {
                    self.streams
                        .problem(None, offset, len, "bytes that are no transport packets");
                }
                None if self.ended && !self.flushed => {
                    self.flushed = true;
                    self.streams.flush();
                }
                None => return None,
            }
        }
    }

    /// Takes packets that go on with the same PES packet, as many as follow each other.
    #[inline]
    fn run(&mut self, run: Run, gap: usize, input: &mut &[u8]) {
        let before = input.len();
        let whole = *input;
        let Some(slot) = self.streams.slots.get_mut(run.place) else {
            return;
        };
        let Role::Pes(gather) = &mut slot.role else {
            return;
        };
        let expected = match gap {
            0 => take_run::<LEN>(run.expected, gather, input),
            4 => take_run::<{ LEN + 4 }>(run.expected, gather, input),
            _ => take_run::<{ LEN + 16 }>(run.expected, gather, input),
        };
        let taken = before.saturating_sub(input.len());
        if taken > 0 {
            gather.pushed();
            let [.., last] = expected.to_be_bytes();
            slot.counter = Some(last.wrapping_sub(1) & 0x0F);
            slot.repeated = false;
            self.streams.held = self.streams.held.saturating_add(taken);
            let passed = whole.get(..taken).unwrap_or_default();
            let end = passed.len().saturating_sub(LEN);
            self.framer
                .passed(taken, passed.get(..end).unwrap_or_default());
        }
    }
}

/// The inner loop of all reading: packets of `N` bytes, the last 188 of which are the transport packet, all of it payload of
/// one PES packet. Gives the header that the next one would have.
#[inline]
fn take_run<const N: usize>(mut expected: u32, gather: &mut Gather, input: &mut &[u8]) -> u32 {
    let mut room = gather.room();
    while let Some((chunk, rest)) = input.split_first_chunk::<N>()
        && let Some([a, b, c, d, payload @ ..]) = chunk.last_chunk::<LEN>()
        && u32::from_be_bytes([*a, *b, *c, *d]) == expected
        && room >= payload.len()
    {
        gather.push(payload);
        room -= payload.len();
        expected = expected & !0x0F | expected.wrapping_add(1) & 0x0F;
        *input = rest;
    }
    expected
}

impl Streams {
    fn new(limits: Limits) -> Self {
        let mut streams = Self {
            limits,
            places: alloc::vec![NOWHERE; 0x2000].into(),
            slots: Vec::new(),
            pat: psi::Collector::new(),
            programs: Vec::new(),
            ignored: Vec::new(),
            early: None,
            held: 0,
            queue: VecDeque::new(),
        };
        streams.early = Some(Early::new(streams.limits.programs.saturating_add(2)));
        streams.add(Pid::PAT, Role::Pat(psi::Assembler::new()));
        streams
    }

    fn buffered_len(&self) -> usize {
        let open = self.slots.iter().map(|slot| match &slot.role {
            Role::Pes(gather) => gather.buffered_len(),
            Role::Pat(assembler) | Role::Pmt(assembler) | Role::Sections(assembler) => {
                assembler.buffered_len()
            }
            Role::Clock => 0,
        });
        let waiting = self.queue.iter().map(Unit::buffered_len);
        let early = self.early.as_ref().map(Early::buffered_len);
        open.chain(waiting)
            .chain(early)
            .fold(0, usize::saturating_add)
    }

    #[cfg(feature = "media")]
    fn gather_nal_units(&mut self, pid: Pid, wanted: bool) {
        let place = self.places.get(usize::from(pid.get()));
        let slot = place.and_then(|place| self.slots.get_mut(usize::from(*place)));
        if let Some(Slot {
            role: Role::Pes(gather),
            ..
        }) = slot
        {
            gather.set_nal_units(wanted);
        }
    }

    fn problem(
        &mut self,
        pid: Option<Pid>,
        offset: u64,
        skipped: u64,
        what: impl Into<Cow<'static, str>>,
    ) {
        self.queue.push_back(Unit::Problem(Problem {
            pid,
            offset,
            skipped,
            what: what.into(),
        }));
    }

    /// Takes a packet; gives the PES packet that it is a part of, where the next packets may go on with that.
    #[inline]
    fn packet(&mut self, offset: u64, bytes: &[u8; LEN]) -> Option<Run> {
        let [_, high, low, ..] = *bytes;
        let pid = Pid::from_low_bits(u16::from_be_bytes([high, low]));
        let place = usize::from(*self.places.get(usize::from(pid.get()))?);
        let Some(slot) = self.slots.get_mut(place) else {
            self.keep(pid, offset, bytes);
            return None;
        };
        let packet = match Packet::parse(bytes) {
            Ok(packet) if !packet.header.transport_error_indicator() => packet,
            Ok(_) => {
                slot.lose();
                self.problem(Some(pid), offset, LEN as u64, "a packet with bit errors");
                return None;
            }
            Err(error) => {
                slot.lose();
                let what = alloc::format!("a packet cannot be read: {error}");
                self.problem(Some(pid), offset, LEN as u64, what);
                return None;
            }
        };
        let discontinuity = packet.is_discontinuity();
        if slot.is_clock
            && let Some(pcr) = packet.pcr()
        {
            self.queue.push_back(Unit::Clock(Clock {
                pid,
                offset,
                pcr,
                discontinuity,
            }));
        }
        if !packet.header.has_payload() {
            return None;
        }
        let counter = packet.header.continuity_counter();
        let before = slot.counter.replace(counter);
        match before {
            Some(before) if counter == before.wrapping_add(1) & 0x0F => slot.repeated = false,
            Some(before) if counter == before && !slot.repeated && slot.is_again(&packet) => {
                slot.repeated = true;
                return None;
            }
            Some(before) => {
                slot.repeated = false;
                if !discontinuity {
                    slot.lose();
                    let lost = counter.wrapping_sub(before).wrapping_sub(1) & 0x0F;
                    let what = alloc::format!("packets are missing, {lost} or 16 more each");
                    self.problem(Some(pid), offset, 0, what);
                }
            }
            None => {}
        }
        let slot = self.slots.get_mut(place)?;
        match &mut slot.role {
            Role::Pes(gather) => {
                let held = gather.buffered_len();
                gather.packet(offset, &packet, &self.limits, &mut self.queue);
                self.held = self
                    .held
                    .saturating_sub(held)
                    .saturating_add(gather.buffered_len());
                if self.held > self.limits.held_size {
                    self.relieve(offset);
                    return None;
                }
                let [a, b, c, d, ..] = *bytes;
                // The next one: no start, no adaptation field, the next counter.
                let next = [a, b & !0x40, c, 0x10 | d.wrapping_add(1) & 0x0F];
                (d & 0xC0 == 0).then(|| Run {
                    place,
                    expected: u32::from_be_bytes(next),
                })
            }
            Role::Pat(_) | Role::Pmt(_) | Role::Sections(_) => {
                self.sections(place, offset, &packet);
                None
            }
            Role::Clock => None,
        }
    }

    /// Counts what is held again, and gives the longest PES packet as far as it has come where that is too much.
    #[cold]
    fn relieve(&mut self, offset: u64) {
        let lens = self.slots.iter().map(|slot| match &slot.role {
            Role::Pes(gather) => gather.buffered_len(),
            _ => 0,
        });
        self.held = lens.fold(0, usize::saturating_add);
        if self.held <= self.limits.held_size {
            return;
        }
        let longest = self
            .slots
            .iter_mut()
            .filter_map(|slot| match &mut slot.role {
                Role::Pes(gather) => Some(gather),
                _ => None,
            });
        if let Some(gather) = longest.max_by_key(|gather| gather.buffered_len()) {
            self.held = self.held.saturating_sub(gather.buffered_len());
            let pid = gather.pid();
            gather.cut(&mut self.queue);
            let what = "PES packets that are not complete pass the limit together";
            self.problem(Some(pid), offset, 0, what);
        }
    }

    /// Gives what is still open, at the end of the stream.
    fn flush(&mut self) {
        self.early = None;
        let mut cut = Vec::new();
        for slot in &mut self.slots {
            match &mut slot.role {
                Role::Pes(gather) => gather.finish(&mut self.queue),
                Role::Pat(assembler) | Role::Pmt(assembler) | Role::Sections(assembler) => {
                    cut.push((slot.pid, assembler.handle_gap()));
                }
                Role::Clock => {}
            }
        }
        for (pid, len) in cut.into_iter().filter(|(_, len)| *len > 0) {
            self.problem(Some(pid), 0, len as u64, "the stream ends within a section");
        }
    }
}

impl Slot {
    /// Packets of it were lost.
    fn lose(&mut self) {
        match &mut self.role {
            Role::Pes(gather) => gather.lose(),
            Role::Pat(assembler) | Role::Pmt(assembler) | Role::Sections(assembler) => {
                assembler.handle_gap();
            }
            Role::Clock => {}
        }
    }

    /// Whether a packet with the counter of the last one is that packet again, as is allowed once.
    fn is_again(&self, packet: &Packet<'_>) -> bool {
        match &self.role {
            Role::Pes(gather) => gather.ends_with(packet),
            _ => true,
        }
    }
}

impl fmt::Debug for Streams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Streams")
            .field("slots", &self.slots)
            .field("held", &self.held)
            .field("waiting", &self.queue.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
pub(crate) mod tests;
