//! Packets one after the other, as much as there is.

use super::{Muxer, Unit};
use crate::Error;
use crate::adaptation::AdaptationField;
use crate::clock::Pcr;
use crate::psi::packetize;
use alloc::string::ToString;
use alloc::vec::Vec;
use media::{Kind, Timescale};

/// Ticks of 27 MHz per second.
const SYSTEM_CLOCK: u32 = 27_000_000;

/// `time` in ticks of 27 MHz.
pub(super) fn system_ticks(time: media::Time) -> i64 {
    Timescale::new(SYSTEM_CLOCK).map_or(0, |scale| scale.ticks(time))
}

/// A clock reference of a time in ticks of 27 MHz.
pub(super) fn pcr(time: i64) -> Pcr {
    let wrap = (crate::clock::WRAP * crate::clock::EXTENSION).cast_signed();
    Pcr::from_ticks(time.rem_euclid(wrap).cast_unsigned())
}

impl Muxer {
    /// Writes a unit, after tables and clock references that are due before it.
    pub(super) fn variable(&mut self, index: usize, unit: &mut Unit) -> Result<(), Error> {
        let now = self.arrival(unit.dts);
        let Some(lane) = self.lanes.get(index) else {
            return Ok(());
        };
        let (kind, program) = (lane.kind, lane.program);
        let begins = kind == Kind::Video && unit.sync;
        let interval = system_ticks(self.config.table_interval);
        self.tables_until(now, interval)?;
        if begins
            || self
                .last_tables
                .is_none_or(|last| now.saturating_sub(last) >= interval)
        {
            self.write_tables()?;
            self.last_tables = Some(now);
        }
        let jumped = self.clocks_until(now)?;
        let program = self.programs.get_mut(program);
        let carries_clock = program.filter(|program| program.clock == Some(index));
        let mut field = AdaptationField {
            random_access_indicator: unit.sync && kind != Kind::Data,
            ..AdaptationField::default()
        };
        if let Some(program) = carries_clock
            && program.last_pcr.is_none_or(|last| last < now)
        {
            field.pcr = Some(pcr(now));
            field.discontinuity_indicator = jumped;
            program.last_pcr = Some(now);
        }
        let Some(lane) = self.lanes.get_mut(index) else {
            return Ok(());
        };
        if lane.is_section() {
            let mut payloads = Vec::new();
            let starts = packetize(&[&unit.data], 184, &mut payloads);
            let (chunks, _) = payloads.as_chunks::<184>();
            for (start, chunk) in starts.into_iter().zip(chunks) {
                self.sink
                    .packet(lane.pid, &mut lane.counter, start, None, chunk)?;
            }
            return Ok(());
        }
        let head = &mut self.scratch;
        head.clear();
        lane.pes_header(unit, head)?;
        let has_field = field != AdaptationField::default();
        let field_len = if has_field { field.encoded_len() } else { 0 };
        // The first packet has the header and what fits beside it.
        let room = 184usize
            .saturating_sub(field_len)
            .saturating_sub(head.len());
        let field = has_field.then_some(&field);
        if let Some(beside) = room.checked_sub(unit.data.len())
            && let Some((first, rest)) = unit.nals.split_at_checked(beside)
        {
            head.extend_from_slice(&unit.data);
            head.extend_from_slice(first);
            self.sink
                .packet(lane.pid, &mut lane.counter, true, field, head)?;
            let places = self.sink.places(beside, rest.len());
            let rest = self.sink.full_packets(lane.pid, &mut lane.counter, rest);
            if !rest.is_empty() {
                self.sink
                    .packet(lane.pid, &mut lane.counter, false, None, rest)?;
            }
            self.sink.put_start_codes(&places, &unit.nals);
            return Ok(());
        }
        // Parameter sets that fill the first packet are rare.
        if !unit.nals.is_empty() {
            h264::length_prefixed::to_annexb(&unit.nals, 4, &mut unit.data)
                .map_err(|error| Error::Unsupported(error.to_string().into()))?;
        }
        let (first, rest) = unit
            .data
            .split_at_checked(room)
            .unwrap_or((&unit.data, &[]));
        head.extend_from_slice(first);
        self.sink
            .packet(lane.pid, &mut lane.counter, true, field, head)?;
        let rest = self.sink.full_packets(lane.pid, &mut lane.counter, rest);
        if !rest.is_empty() {
            self.sink
                .packet(lane.pid, &mut lane.counter, false, None, rest)?;
        }
        Ok(())
    }

    /// Writes the tables that are due while nothing comes, with the clock references between them.
    fn tables_until(&mut self, now: i64, interval: i64) -> Result<(), Error> {
        while let Some(last) = self.last_tables
            && !is_jump(now.saturating_sub(last))
            && now.saturating_sub(last) >= interval.max(1).saturating_mul(2)
        {
            let at = last.saturating_add(interval.max(1));
            self.sink.at(at);
            self.clocks_until(at)?;
            self.write_tables()?;
            self.last_tables = Some(at);
        }
        self.sink.at(now);
        Ok(())
    }

    fn write_tables(&mut self) -> Result<(), Error> {
        for table in &mut self.tables {
            for (start, payload) in &table.payloads {
                self.sink
                    .packet(table.pid, &mut table.counter, *start, None, payload)?;
            }
        }
        Ok(())
    }

    /// Writes packets with clock references only, where the last one is longer ago than it may be.
    /// Tells whether the clock jumps: back, or further than there is something to keep up.
    fn clocks_until(&mut self, now: i64) -> Result<bool, Error> {
        let interval = system_ticks(self.config.pcr_interval).max(1);
        let lasts = self.programs.iter().filter_map(|program| program.last_pcr);
        let jumped = lasts
            .into_iter()
            .any(|last| is_jump(now.saturating_sub(last)));
        for program in &mut self.programs {
            if jumped {
                program.last_pcr = None;
            }
            let lane = program.clock.and_then(|clock| self.lanes.get_mut(clock));
            let (Some(lane), Some(mut last)) = (lane, program.last_pcr) else {
                continue;
            };
            while now.saturating_sub(last) > interval {
                last = last.saturating_add(interval);
                let field = AdaptationField {
                    pcr: Some(pcr(last)),
                    ..AdaptationField::default()
                };
                self.sink
                    .packet(lane.pid, &mut lane.counter, false, Some(&field), &[])?;
                program.last_pcr = Some(last);
            }
        }
        Ok(jumped)
    }
}

/// Whether the clock jumps with a step of so many ticks of 27 MHz: back by more than tracks may be apart, or on by more than a silence
/// that is worth to be filled.
pub(super) const fn is_jump(step: i64) -> bool {
    step < -3 * SYSTEM_CLOCK as i64 || step > 10 * SYSTEM_CLOCK as i64
}
