//! Checks of a transport stream and statistics of its PIDs, by priorities 1 and 2 of ETSI TR 101 290.
//!
//! ```
//! use fluvial_mpegts::check::{Checker, Rule};
//!
//! let mut checker = Checker::new();
//! checker.handle_input(&[0x47, 0x01, 0x00, 0x10].into_iter().chain([0; 184]).collect::<Vec<u8>>());
//! checker.handle_eof();
//! let finding = checker.poll_finding().unwrap();
//! assert_eq!(finding.rule, Rule::PatError);
//! ```
//!
//! Time is that of the first program's clock, to the last clock reference. Whether clock references are accurate can be
//! said only of streams of a constant rate: a stream is taken for one if none is off by more than 10 ms, and, where no packets fill it
//! up, by more than a packet.

mod clock;
mod rule;
mod state;

pub use clock::ClockStatistics;
pub use rule::{Finding, Rule};

use crate::clock::Pcr;
use crate::framer::{Framed, Framer, PacketSize};
use crate::packet::{LEN, Packet, Pid, Scrambling};
use crate::pes;
use crate::psi::{Assembler, Collector, Found, Pat, Pmt, Section};
use alloc::borrow::Cow;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;
use clock::Watch;
use state::{Program, Stream};

/// Ticks of 27 MHz in a millisecond.
const MILLI: i64 = 27_000;
const PACKET_BITS: u64 = 8 * 188;

/// What was counted of a PID.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Statistics {
    /// Packets.
    pub packets: u64,
    /// Packets that are missing by the continuity counter: each gap counts 1 to 15, as it tells no more.
    pub lost: u64,
    /// Packets that came twice, as is allowed.
    pub duplicates: u64,
    /// Packets with bit errors.
    pub errors: u64,
    /// Packets whose payload is scrambled.
    pub scrambled: u64,
    /// PES packets or sections that begin.
    pub units: u64,
    /// Its clock, if it has one.
    pub clock: Option<ClockStatistics>,
}

/// Checks a transport stream. See the [module](self).
#[derive(Debug)]
pub struct Checker {
    framer: Framer,
    pids: BTreeMap<Pid, Stream>,
    pat: Collector<Pat>,
    programs: Vec<Program>,
    /// When the program association table came last, by `now`.
    last_pat: Option<i64>,
    has_cat: bool,
    told_cat: bool,
    /// The PID whose clock is the time.
    reference: Option<Pid>,
    /// Ticks of 27 MHz since the first clock reference.
    now: i64,
    last_reference: Option<Pcr>,
    last_look: i64,
    findings: VecDeque<Finding>,
    ended: bool,
}

impl Default for Checker {
    fn default() -> Self {
        Self::new()
    }
}

impl Checker {
    /// A checker at the start of a stream.
    #[must_use]
    pub fn new() -> Self {
        Self {
            framer: Framer::new(),
            pids: BTreeMap::new(),
            pat: Collector::new(),
            programs: Vec::new(),
            last_pat: None,
            has_cat: false,
            told_cat: false,
            reference: None,
            now: 0,
            last_reference: None,
            last_look: 0,
            findings: VecDeque::new(),
            ended: false,
        }
    }

    /// Takes the next bytes of the stream.
    pub fn handle_input(&mut self, data: &[u8]) {
        let mut input = data;
        let mut framer = core::mem::take(&mut self.framer);
        while let Some(framed) = framer.next(&mut input) {
            self.framed(framed);
        }
        self.framer = framer;
    }

    /// Says that the stream has ended: what is missing is told, and what clocks are like.
    pub fn handle_eof(&mut self) {
        if core::mem::replace(&mut self.ended, true) {
            return;
        }
        self.framer.handle_eof();
        self.handle_input(&[]);
        let end = self.framer.position();
        if self.last_pat.is_none() {
            self.find(
                Rule::PatError,
                end,
                Some(Pid::PAT),
                "there is no program association table",
            );
        }
        let missing = self
            .programs
            .iter()
            .filter(|program| program.last.is_none());
        let missing: Vec<Pid> = missing.map(|program| program.pid).collect();
        for pid in missing {
            self.find(
                Rule::PmtError,
                end,
                Some(pid),
                "there is no program map table",
            );
        }
        let silent: Vec<Pid> = self
            .programs
            .iter()
            .flat_map(|program| program.streams.iter().copied())
            .filter(|pid| !self.pids.contains_key(pid))
            .collect();
        for pid in silent {
            self.find(
                Rule::PidError,
                end,
                Some(pid),
                "a stream of the program map has no packets",
            );
        }
        let clocks = self.programs.iter().filter_map(|program| program.clock);
        let has_clock = |pid: &Pid| {
            let stream = self.pids.get(pid);
            stream.is_some_and(|stream| stream.watch.is_some())
        };
        let without: Vec<Pid> = clocks.filter(|pid| !has_clock(pid)).collect();
        for pid in without {
            let what = "the clock of a program has no clock references";
            self.find(Rule::PcrRepetitionError, end, Some(pid), what);
        }
        let mut inaccurate = Vec::new();
        let filler = self.pids.get(&Pid::NULL);
        let is_filled = filler.is_some_and(|filler| filler.statistics.packets > 0);
        for (pid, stream) in &mut self.pids {
            if let Some(watch) = &mut stream.watch {
                let clock = watch.finish();
                // What is not filled up has a constant rate by chance only, as sound with tables between has it but for some packets.
                let packet = |rate: u64| (PACKET_BITS * 1_000_000_000).checked_div(rate);
                let most = clock.constant_rate.map(|rate| match is_filled {
                    true => u64::MAX,
                    false => packet(rate).unwrap_or(0),
                });
                if most.is_some_and(|most| (501..=most).contains(&clock.jitter_nanos)) {
                    inaccurate.push((*pid, watch.worst(), clock.jitter_nanos));
                }
                stream.statistics.clock = Some(clock);
            }
        }
        for (pid, offset, nanos) in inaccurate {
            let what =
                alloc::format!("clock references are up to {nanos} ns off, most of all here");
            self.find(Rule::PcrAccuracyError, offset, Some(pid), what);
        }
    }

    /// The next finding.
    pub fn poll_finding(&mut self) -> Option<Finding> {
        self.findings.pop_front()
    }

    /// What was counted, by PID. Clocks are there after the end only.
    pub fn statistics(&self) -> impl Iterator<Item = (Pid, &Statistics)> {
        self.pids
            .iter()
            .map(|(pid, stream)| (*pid, &stream.statistics))
    }

    /// Size of packets, as soon as it is known.
    #[must_use]
    pub const fn packet_size(&self) -> Option<PacketSize> {
        self.framer.packet_size()
    }

    fn find(
        &mut self,
        rule: Rule,
        offset: u64,
        pid: Option<Pid>,
        what: impl Into<Cow<'static, str>>,
    ) {
        self.findings.push_back(Finding {
            rule,
            offset,
            pid,
            what: what.into(),
        });
    }

    fn framed(&mut self, framed: Framed<'_>) {
        match framed {
            Framed::Packet { offset, bytes, .. } => self.packet(offset, bytes),
            Framed::Skipped { offset, len } => {
                let size = self.framer.packet_size().map_or(LEN, PacketSize::bytes);
                let rule = if len == size as u64 {
                    Rule::SyncByteError
                } else {
                    Rule::TsSyncLoss
                };
                self.find(
                    rule,
                    offset,
                    None,
                    alloc::format!("{len} bytes are no packets"),
                );
            }
        }
    }

    fn packet(&mut self, offset: u64, bytes: &[u8; LEN]) {
        let packet = match Packet::parse(bytes) {
            Ok(packet) => packet,
            Err(error) => {
                let what = alloc::format!("a packet cannot be read: {error}");
                self.find(Rule::TransportError, offset, None, what);
                return;
            }
        };
        let pid = packet.header.pid();
        let stream = self.pids.entry(pid).or_default();
        stream.statistics.packets = stream.statistics.packets.saturating_add(1);
        if packet.header.transport_error_indicator() {
            stream.statistics.errors = stream.statistics.errors.saturating_add(1);
            stream.counter = None;
            self.find(
                Rule::TransportError,
                offset,
                Some(pid),
                "transport_error_indicator is set",
            );
            return;
        }
        if pid == Pid::NULL {
            return;
        }
        stream.last_seen = self.now;
        if let Some(problem) = stream.count(&packet) {
            self.find(Rule::ContinuityCountError, offset, Some(pid), problem);
        }
        if packet.header.transport_scrambling_control() != Scrambling::Clear {
            self.scrambled(offset, pid);
        }
        if let Some(pcr) = packet.pcr() {
            self.pcr(offset, pid, pcr, packet.is_discontinuity());
        }
        if packet.header.payload_unit_start_indicator() {
            self.unit_start(offset, pid, packet.payload);
        }
        self.sections(offset, pid, &packet);
        // Ten looks a second are enough.
        if self.now.saturating_sub(self.last_look) >= 100 * MILLI {
            self.last_look = self.now;
            self.look_for_missing(offset);
        }
    }

    fn scrambled(&mut self, offset: u64, pid: Pid) {
        if let Some(stream) = self.pids.get_mut(&pid) {
            stream.statistics.scrambled = stream.statistics.scrambled.saturating_add(1);
        }
        if pid == Pid::PAT {
            self.find(
                Rule::PatError,
                offset,
                Some(pid),
                "the program association table is scrambled",
            );
        } else if self.programs.iter().any(|program| program.pid == pid) {
            self.find(
                Rule::PmtError,
                offset,
                Some(pid),
                "a program map table is scrambled",
            );
        } else if !self.has_cat && !core::mem::replace(&mut self.told_cat, true) {
            let what = "scrambled packets, and no conditional access table";
            self.find(Rule::CatError, offset, Some(pid), what);
        }
    }

    fn pcr(&mut self, offset: u64, pid: Pid, pcr: Pcr, discontinuity: bool) {
        if *self.reference.get_or_insert(pid) == pid {
            if let Some(last) = self.last_reference
                && !discontinuity
            {
                let step = clock::step(last, pcr);
                if (0..1000 * MILLI).contains(&step) {
                    self.now = self.now.saturating_add(step);
                }
            }
            self.last_reference = Some(pcr);
        }
        let Some(stream) = self.pids.get_mut(&pid) else {
            return;
        };
        let watch = stream.watch.get_or_insert_with(Watch::default);
        match watch.push(offset, pcr, discontinuity) {
            Some(step) if !(0..=100 * MILLI).contains(&step) => {
                let millis = step / MILLI;
                if (0..1000 * MILLI).contains(&step) {
                    let what = alloc::format!("{millis} ms between clock references");
                    self.find(Rule::PcrRepetitionError, offset, Some(pid), what);
                } else {
                    let what = alloc::format!("the clock jumps by {millis} ms");
                    self.find(
                        Rule::PcrDiscontinuityIndicatorError,
                        offset,
                        Some(pid),
                        what,
                    );
                }
            }
            _ => {}
        }
    }

    fn unit_start(&mut self, offset: u64, pid: Pid, payload: &[u8]) {
        let now = self.now;
        let Some(stream) = self.pids.get_mut(&pid) else {
            return;
        };
        stream.statistics.units = stream.statistics.units.saturating_add(1);
        let Ok((header, _)) = pes::Header::parse(payload) else {
            return;
        };
        let is_media = header.stream_id.is_audio() || header.stream_id.is_video();
        if header.fields.and_then(|fields| fields.pts).is_none() || !is_media {
            return;
        }
        if let Some(last) = stream.last_pts.replace(now) {
            let gap = now.saturating_sub(last) / MILLI;
            if gap > 700 {
                let what = alloc::format!("{gap} ms between presentation times");
                self.find(Rule::PtsError, offset, Some(pid), what);
            }
        }
    }

    fn sections(&mut self, offset: u64, pid: Pid, packet: &Packet<'_>) {
        let is_map = self.programs.iter().any(|program| program.pid == pid);
        if !is_map && pid != Pid::PAT && pid != Pid::CAT {
            return;
        }
        let Some(stream) = self.pids.get_mut(&pid) else {
            return;
        };
        let assembler = stream.assembler.get_or_insert_with(Assembler::new);
        let start = packet.header.payload_unit_start_indicator();
        let mut sections = Vec::new();
        assembler.handle_payload(start, packet.payload, |found| {
            if let Found::Section(section) = found {
                sections.push(section.to_vec());
            }
        });
        for bytes in sections {
            match Section::parse(&bytes) {
                Ok(section) => self.section(offset, pid, &section),
                Err(error) => {
                    self.find(Rule::CrcError, offset, Some(pid), alloc::format!("{error}"));
                }
            }
        }
    }

    fn section(&mut self, offset: u64, pid: Pid, section: &Section<'_>) {
        let table_id = section.header.table_id;
        let other = || alloc::format!("table_id {table_id} has no place here");
        if pid == Pid::CAT {
            if table_id == 1 {
                self.has_cat = true;
            } else {
                self.find(Rule::CatError, offset, Some(pid), other());
            }
        } else if pid == Pid::PAT {
            if table_id != Pat::TABLE_ID {
                self.find(Rule::PatError, offset, Some(pid), other());
                return;
            }
            self.last_pat = Some(self.now);
            if let Ok(Some(pat)) = self.pat.handle_section(section) {
                let programs = pat
                    .programs
                    .iter()
                    .filter(|entry| entry.program_number != 0);
                self.programs = programs
                    .map(|entry| Program::new(entry.program_number, entry.pid, self.now))
                    .collect();
            }
        } else if table_id == Pmt::TABLE_ID {
            let number = section
                .header
                .syntax
                .map(|syntax| syntax.table_id_extension);
            let now = self.now;
            let mut programs = self.programs.iter_mut();
            if let Some(program) = programs.find(|program| Some(program.number) == number) {
                program.last = Some(now);
                if let Ok(Some(pmt)) = program.table.handle_section(section) {
                    program.set(&pmt, now);
                }
            }
        }
    }

    /// Tells tables and streams that have not come for too long.
    fn look_for_missing(&mut self, offset: u64) {
        let now = self.now;
        let mut found = Vec::new();
        if now.saturating_sub(self.last_pat.unwrap_or(0)) > 500 * MILLI {
            found.push((
                Rule::PatError,
                Pid::PAT,
                "no program association table for 500 ms",
            ));
            self.last_pat = self.last_pat.map(|_| now);
        }
        for program in &mut self.programs {
            let since = program.last.unwrap_or(program.told);
            if now.saturating_sub(since) > 500 * MILLI {
                found.push((
                    Rule::PmtError,
                    program.pid,
                    "no program map table for 500 ms",
                ));
                program.told = now;
                program.last = program.last.map(|_| now);
            }
            let since = program.since;
            for pid in &program.streams {
                let stream = self.pids.entry(*pid).or_default();
                let seen = stream.last_seen.max(since).max(stream.told_missing);
                if now.saturating_sub(seen) > 5000 * MILLI && stream.is_continuous {
                    found.push((Rule::PidError, *pid, "no packets for 5 s"));
                    stream.told_missing = now;
                }
            }
            for pid in &program.media {
                self.pids.entry(*pid).or_default().is_continuous = true;
            }
        }
        for (rule, pid, what) in found {
            self.find(rule, offset, Some(pid), what);
        }
    }
}
