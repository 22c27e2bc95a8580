//! Packets at a constant rate: the clock counts them, and every place is filled.

use super::packets::Sink;
use super::variable::{is_jump, pcr, system_ticks};
use super::{Muxer, PER_TICK, Unit};
use crate::Error;
use crate::adaptation::AdaptationField;
use crate::packet::Pid;
use crate::psi::packetize;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use media::Kind;

/// The places of packets.
#[derive(Debug)]
pub(super) struct Slots {
    bits_per_second: u64,
    /// The clock at the first place, in ticks of 27 MHz.
    start: Option<i64>,
    /// Places that are filled.
    filled: u64,
    /// The next clock reference does not go on from the last.
    jumped: bool,
    /// Packets to be written before all others.
    urgent: VecDeque<Packet>,
    /// Units that are being written, or wait for it.
    jobs: VecDeque<Job>,
}

/// A packet of a table.
#[derive(Debug)]
struct Packet {
    table: usize,
    index: usize,
}

/// A unit that is being written.
#[derive(Debug)]
struct Job {
    lane: usize,
    /// Ticks of 90 kHz.
    dts: i64,
    sync: bool,
    /// The PES packet, or payloads of sections.
    data: Vec<u8>,
    done: usize,
    /// Of payloads of sections, those in which one starts.
    starts: Option<Vec<bool>>,
}

/// Bits of a packet.
const BITS: u128 = 188 * 8;

impl Slots {
    pub(super) const fn new(bits_per_second: u64) -> Self {
        Self {
            bits_per_second: if bits_per_second == 0 {
                1
            } else {
                bits_per_second
            },
            start: None,
            filled: 0,
            jumped: false,
            urgent: VecDeque::new(),
            jobs: VecDeque::new(),
        }
    }

    pub(super) fn buffered_len(&self) -> usize {
        self.jobs.iter().map(|job| job.data.len()).sum()
    }

    /// The clock at the next place, in ticks of 27 MHz, rounded to the nearest.
    fn now(&self) -> i64 {
        let bits = u128::from(self.filled).saturating_mul(BITS);
        let rate = u128::from(self.bits_per_second);
        let ticks = bits
            .saturating_mul(27_000_000)
            .saturating_add(rate / 2)
            .checked_div(rate)
            .unwrap_or(0);
        let start = self.start.unwrap_or(0);
        start.saturating_add(i64::try_from(ticks).unwrap_or(i64::MAX))
    }
}

impl Muxer {
    /// Puts a unit among those to be written, and fills the places before it.
    pub(super) fn schedule(&mut self, index: usize, unit: &Unit) -> Result<(), Error> {
        let arrival = self.arrival(unit.dts);
        let jumps = self.slots.as_ref().is_some_and(|slots| {
            slots.start.is_some() && is_jump(arrival.saturating_sub(slots.now()))
        });
        if jumps {
            // The clock goes on from there: nobody wants hours of null packets.
            self.constant(i64::MAX)?;
            if let Some(slots) = &mut self.slots {
                slots.start = None;
                slots.filled = 0;
                slots.jumped = true;
            }
            self.start_segment();
        }
        let Some(lane) = self.lanes.get(index) else {
            return Ok(());
        };
        let (data, starts) = if lane.is_section() {
            let mut payloads = Vec::new();
            let starts = packetize(&[&unit.data], 184, &mut payloads);
            (payloads, Some(starts))
        } else {
            let mut data = Vec::with_capacity(unit.data.len().saturating_add(32));
            lane.pes_header(unit, &mut data)?;
            data.extend_from_slice(&unit.data);
            (data, None)
        };
        if let Some(slots) = &mut self.slots {
            slots.start.get_or_insert(arrival);
            slots.jobs.push_back(Job {
                lane: index,
                dts: unit.dts,
                sync: unit.sync && lane.kind != Kind::Data,
                data,
                done: 0,
                starts,
            });
        }
        self.constant(arrival)
    }

    /// Fills all places before a time; at the end of time, those that the units still need.
    pub(super) fn constant(&mut self, until: i64) -> Result<(), Error> {
        let Some(mut slots) = self.slots.take() else {
            return Ok(());
        };
        let result = self.fill(&mut slots, until);
        self.slots = Some(slots);
        result
    }

    fn fill(&mut self, slots: &mut Slots, until: i64) -> Result<(), Error> {
        let table_interval = system_ticks(self.config.table_interval);
        loop {
            let now = slots.now();
            if now >= until
                || (until == i64::MAX && slots.jobs.is_empty() && slots.urgent.is_empty())
            {
                return Ok(());
            }
            self.sink.at(now);
            if self
                .last_tables
                .is_none_or(|last| now.saturating_sub(last) >= table_interval)
            {
                self.last_tables = Some(now);
                for (table, repeated) in self.tables.iter().enumerate() {
                    let packets = 0..repeated.payloads.len();
                    slots
                        .urgent
                        .extend(packets.map(|index| Packet { table, index }));
                }
            }
            self.slot(slots, now)?;
            slots.filled = slots.filled.saturating_add(1);
        }
    }

    /// Fills one place.
    fn slot(&mut self, slots: &mut Slots, now: i64) -> Result<(), Error> {
        // The first packets are tables, so that a reader knows what the clock belongs to.
        let interval = system_ticks(self.config.pcr_interval);
        let due = self.programs.iter_mut().find(|program| {
            program.clock.is_some()
                && match program.last_pcr {
                    Some(last) => now.saturating_sub(last) >= interval,
                    None => slots.urgent.is_empty(),
                }
        });
        if let Some(program) = due {
            let jumped = slots.jumped && program.last_pcr.is_none();
            program.last_pcr = Some(now);
            let clock = program.clock.and_then(|clock| self.lanes.get_mut(clock));
            if let Some(lane) = clock {
                return write_pcr(&mut self.sink, lane.pid, &mut lane.counter, now, jumped);
            }
        }
        if let Some(Packet { table, index }) = slots.urgent.pop_front() {
            let table = self.tables.get_mut(table);
            if let Some(table) = table
                && let Some((start, payload)) = table.payloads.get(index)
            {
                self.sink
                    .packet(table.pid, &mut table.counter, *start, None, payload)?;
                return Ok(());
            }
        }
        let delay = system_ticks(self.config.delay);
        let ready = slots
            .jobs
            .iter_mut()
            .enumerate()
            .filter(|(_, job)| job.dts.saturating_mul(PER_TICK).saturating_sub(delay) <= now)
            // Units of one track stay in order: the first of equals is taken.
            .min_by_key(|(_, job)| job.dts);
        let Some((place, job)) = ready else {
            self.sink.null();
            return Ok(());
        };
        let Some(lane) = self.lanes.get_mut(job.lane) else {
            return Ok(());
        };
        let left = job.data.get(job.done..).unwrap_or_default();
        let rest = if let Some(starts) = &job.starts {
            let start = starts.get(job.done / 184).copied().unwrap_or(false);
            let (payload, _) = left.split_at_checked(184).unwrap_or((left, &[]));
            self.sink
                .packet(lane.pid, &mut lane.counter, start, None, payload)?;
            left.get(payload.len()..).unwrap_or_default()
        } else {
            let field = AdaptationField {
                random_access_indicator: job.sync && job.done == 0,
                ..AdaptationField::default()
            };
            let field = (field != AdaptationField::default()).then_some(field);
            let start = job.done == 0;
            self.sink
                .packet(lane.pid, &mut lane.counter, start, field.as_ref(), left)?
        };
        job.done = job.data.len().saturating_sub(rest.len());
        if rest.is_empty() {
            let late = now.saturating_sub(job.dts.saturating_mul(PER_TICK));
            self.lateness = self.lateness.max(late);
            slots.jobs.remove(place);
        }
        Ok(())
    }
}

fn write_pcr(
    sink: &mut Sink,
    pid: Pid,
    counter: &mut u8,
    now: i64,
    jumped: bool,
) -> Result<(), Error> {
    let field = AdaptationField {
        discontinuity_indicator: jumped,
        pcr: Some(pcr(now)),
        ..AdaptationField::default()
    };
    sink.packet(pid, counter, false, Some(&field), &[])
        .map(|_| ())
}
