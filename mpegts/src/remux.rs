//! A transport stream of some programs and streams of another one, packet by packet: payloads are not touched.
//!
//! ```
//! use fluvial_mpegts::remux::{Config, Remuxer};
//!
//! // One program, its packets of PID 0x100 under another number.
//! let mut config = Config::default();
//! config.programs = Some(vec![1]);
//! config.renumbered = vec![(0x100, 0x200)];
//! let mut remuxer = Remuxer::new(config);
//! remuxer.handle_input(&[0x47; 188]);
//! assert_eq!(remuxer.poll_output(), None);
//! ```

use crate::framer::{ArrivalTime, Framed, Framer};
use crate::packet::{Header, LEN, Packet, Pid};
use crate::psi::{Assembler, Found, Pat, Pmt, Section, Table, packetize};
use crate::{Error, psi};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use bytes::Bytes;

/// What stays, and under which number.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Config {
    /// Numbers of the programs that stay; `None`: all.
    pub programs: Option<Vec<u16>>,
    /// PIDs of streams that go.
    pub dropped: Vec<u16>,
    /// PIDs of streams, and those that they get.
    pub renumbered: Vec<(u16, u16)>,
    /// Without null packets.
    pub without_null_packets: bool,
}

/// Chooses packets. See the [module](self).
///
/// Packets come out with the bytes around them as they came in: time stamps of packets of 192 bytes stay. Those of 204 become
/// 188.
#[derive(Debug)]
pub struct Remuxer {
    config: Config,
    framer: Framer,
    /// What packets of a PID are.
    roles: BTreeMap<Pid, Role>,
    out: Vec<u8>,
    problems: u64,
}

#[derive(Debug)]
enum Role {
    /// Tables, which are written anew; the counter of the packets that are written.
    Tables(Assembler, u8),
    /// A stream that stays, under this PID.
    Stream(Pid),
    /// Something that goes.
    Dropped,
}

impl Remuxer {
    /// A remuxer at the start of a stream.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self {
            config,
            framer: Framer::new(),
            roles: [(Pid::PAT, Role::Tables(Assembler::new(), 0))].into(),
            out: Vec::new(),
            problems: 0,
        }
    }

    /// Takes the next bytes of the stream. Packets before the tables that name them are left out.
    pub fn handle_input(&mut self, data: &[u8]) {
        let mut input = data;
        let mut framer = core::mem::take(&mut self.framer);
        while let Some(framed) = framer.next(&mut input) {
            self.framed(framed);
        }
        self.framer = framer;
    }

    /// Says that no more bytes come.
    pub fn handle_eof(&mut self) {
        self.framer.handle_eof();
        self.handle_input(&[]);
    }

    /// What came out since the last call, whole packets.
    pub fn poll_output(&mut self) -> Option<Bytes> {
        (!self.out.is_empty()).then(|| core::mem::take(&mut self.out).into())
    }

    /// Tables that could not be read, and bytes in one piece that were no packets.
    #[must_use]
    pub const fn problems(&self) -> u64 {
        self.problems
    }

    fn framed(&mut self, framed: Framed<'_>) {
        let Framed::Packet { arrival, bytes, .. } = framed else {
            self.problems = self.problems.saturating_add(1);
            return;
        };
        let Ok(packet) = Packet::parse(bytes) else {
            self.problems = self.problems.saturating_add(1);
            return;
        };
        let pid = packet.header.pid();
        if pid == Pid::NULL {
            if !self.config.without_null_packets {
                self.copy(arrival, pid, bytes);
            }
            return;
        }
        match self.roles.get_mut(&pid) {
            Some(Role::Stream(to)) => {
                let to = *to;
                self.copy(arrival, to, bytes);
            }
            Some(Role::Tables(assembler, _)) => {
                let start = packet.header.payload_unit_start_indicator();
                let mut sections = Vec::new();
                assembler.handle_payload(start, packet.payload, |found| {
                    if let Found::Section(section) = found {
                        sections.push(section.to_vec());
                    }
                });
                for section in sections {
                    if self.section(pid, arrival, &section).is_err() {
                        self.problems = self.problems.saturating_add(1);
                    }
                }
            }
            // Service information goes with all programs.
            None if pid.get() < 0x20 && self.config.programs.is_none() => {
                self.copy(arrival, pid, bytes);
            }
            Some(Role::Dropped) | None => {}
        }
    }

    fn copy(&mut self, arrival: Option<ArrivalTime>, pid: Pid, bytes: &[u8; LEN]) {
        let [a, b, c, d, body @ ..] = bytes;
        let Some(header) = Header::from_bytes([*a, *b, *c, *d]) else {
            return;
        };
        self.out
            .extend(arrival.iter().flat_map(|time| time.to_bytes()));
        self.out.extend_from_slice(&header.with_pid(pid).to_bytes());
        self.out.extend_from_slice(body);
    }

    fn section(
        &mut self,
        pid: Pid,
        arrival: Option<ArrivalTime>,
        bytes: &[u8],
    ) -> Result<(), Error> {
        let section = Section::parse(bytes)?;
        match section.header.table_id {
            Pat::TABLE_ID if pid == Pid::PAT => {
                let mut pat = Pat::decode(&section)?;
                if let Some(wanted) = &self.config.programs {
                    pat.programs
                        .retain(|program| wanted.contains(&program.program_number));
                }
                for program in pat
                    .programs
                    .iter()
                    .filter(|program| program.program_number != 0)
                {
                    self.roles
                        .entry(Pid::from_low_bits(program.pid))
                        .or_insert_with(|| Role::Tables(Assembler::new(), 0));
                }
                self.write(pid, arrival, &section, &pat)
            }
            Pmt::TABLE_ID if pid != Pid::PAT => {
                let mut pmt = Pmt::decode(&section)?;
                let number = pmt.program_number;
                let wanted = self.config.programs.as_ref();
                if wanted.is_some_and(|wanted| !wanted.contains(&number)) {
                    return Ok(());
                }
                let dropped = &self.config.dropped;
                pmt.streams
                    .retain(|stream| !dropped.contains(&stream.elementary_pid));
                for pid in dropped {
                    self.roles.insert(Pid::from_low_bits(*pid), Role::Dropped);
                }
                let streams = pmt
                    .streams
                    .iter_mut()
                    .map(|stream| &mut stream.elementary_pid);
                for pid in streams
                    .chain([&mut pmt.pcr_pid])
                    .filter(|pid| **pid != Pmt::NO_PCR)
                {
                    let from = *pid;
                    let mut renumbered = self.config.renumbered.iter();
                    if let Some((_, to)) = renumbered.find(|(old, _)| *old == from) {
                        *pid = *to;
                    }
                    let role = Role::Stream(Pid::from_low_bits(*pid));
                    self.roles.insert(Pid::from_low_bits(from), role);
                }
                self.write(pid, arrival, &section, &pmt)
            }
            _ => Ok(()),
        }
    }

    /// Writes a table as one section, in the place of another.
    fn write(
        &mut self,
        pid: Pid,
        arrival: Option<ArrivalTime>,
        of: &Section<'_>,
        table: &impl psi::Table,
    ) -> Result<(), Error> {
        let syntax = of.expect(&[of.header.table_id])?;
        let mut bytes = Vec::new();
        table.encode_section(
            syntax.section_number,
            syntax.last_section_number,
            &mut bytes,
        )?;
        let mut payloads = Vec::new();
        let starts = packetize(&[&bytes], 184, &mut payloads);
        let Some(Role::Tables(_, counter)) = self.roles.get_mut(&pid) else {
            return Ok(());
        };
        let (chunks, _) = payloads.as_chunks::<184>();
        for (start, payload) in starts.into_iter().zip(chunks) {
            let header = Header::new(pid)
                .with_payload_unit_start(start)
                .with_continuity_counter(*counter);
            *counter = counter.wrapping_add(1) & 0x0F;
            self.out
                .extend(arrival.iter().flat_map(|time| time.to_bytes()));
            self.out.extend_from_slice(&header.to_bytes());
            self.out.extend_from_slice(payload);
        }
        Ok(())
    }
}
