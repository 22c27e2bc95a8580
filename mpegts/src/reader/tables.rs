use super::gather::Gather;
use super::unit::{SectionUnit, Unit};
use super::{NOWHERE, Slot, Streams};
use crate::packet::{Packet, Pid};
use crate::psi::{Assembler, Collector, ElementaryStream, Found, Pat, Pmt, Section, StreamType};
use alloc::vec::Vec;

/// What packets of a PID carry.
#[derive(Debug)]
pub(super) enum Role {
    /// Program association sections.
    Pat(Assembler),
    /// Program map sections.
    Pmt(Assembler),
    /// Other sections.
    Sections(Assembler),
    /// PES packets.
    Pes(Gather),
    /// Nothing but a clock.
    Clock,
}

/// A program of the program association table.
#[derive(Debug)]
pub(super) struct ProgramState {
    number: u16,
    pid: Pid,
    table: Collector<Pmt>,
    /// Its map has come.
    is_mapped: bool,
    /// The PIDs of its streams and of its clock.
    pids: Vec<Pid>,
    /// Its streams.
    streams: Vec<ElementaryStream>,
}

impl ProgramState {
    pub(super) const fn is_mapped(&self) -> bool {
        self.is_mapped
    }
}

/// Whether a stream is made of sections and not of PES packets.
const fn has_sections(stream_type: StreamType) -> bool {
    matches!(
        stream_type,
        StreamType::PRIVATE_SECTIONS
            | StreamType::DSM_CC_A
            | StreamType::DSM_CC_B
            | StreamType::DSM_CC_C
            | StreamType::DSM_CC_D
            | StreamType::SL_SECTIONS
            | StreamType::DOWNLOAD
            | StreamType::METADATA_SECTIONS
            | StreamType::METADATA_DATA_CAROUSEL
            | StreamType::METADATA_OBJECT_CAROUSEL
            | StreamType::METADATA_DOWNLOAD
            | StreamType::GREEN
            | StreamType::QUALITY
            | StreamType::SCTE35
            | StreamType::ATSC_DATA
    )
}

impl Streams {
    fn place(&self, pid: Pid) -> Option<usize> {
        let place = *self.places.get(usize::from(pid.get()))?;
        (place != NOWHERE).then(|| place.into())
    }

    /// Adds a PID, if it has no role yet.
    pub(super) fn add(&mut self, pid: Pid, role: Role) {
        if self.place(pid).is_some() || self.ignored.contains(&pid) || pid == Pid::NULL {
            return;
        }
        let Ok(place) = u16::try_from(self.slots.len()) else {
            return;
        };
        if let Some(entry) = self.places.get_mut(usize::from(pid.get())) {
            *entry = place;
            self.slots.push(Slot {
                pid,
                counter: None,
                repeated: false,
                is_clock: false,
                role,
            });
        }
    }

    pub(super) fn add_sections(&mut self, pid: Pid) {
        self.add(pid, Role::Sections(Assembler::new()));
    }

    /// Takes a stream out that nobody wants; its clock stays.
    #[cfg(feature = "media")]
    pub(super) fn remove_stream(&mut self, pid: Pid) {
        let slot = self.place(pid).and_then(|place| self.slots.get_mut(place));
        if let Some(slot) = slot
            && slot.is_clock
        {
            slot.role = Role::Clock;
        } else {
            self.remove(pid);
        }
    }

    /// Takes a PID out; what is open of it is given first.
    #[expect(clippy::disallowed_methods, reason = "the place has been looked up")]
    pub(super) fn remove(&mut self, pid: Pid) {
        let Some(place) = self.place(pid) else {
            return;
        };
        if place >= self.slots.len() {
            return;
        }
        let mut slot = self.slots.swap_remove(place);
        if let Role::Pes(gather) = &mut slot.role {
            self.held = self.held.saturating_sub(gather.buffered_len());
            gather.finish(&mut self.queue);
        }
        if let Some(moved) = self.slots.get(place)
            && let Some(entry) = self.places.get_mut(usize::from(moved.pid.get()))
        {
            *entry = u16::try_from(place).unwrap_or(NOWHERE);
        }
        if let Some(entry) = self.places.get_mut(usize::from(pid.get())) {
            *entry = NOWHERE;
        }
    }

    /// Takes a packet of a PID that carries sections.
    #[inline(never)]
    pub(super) fn sections(&mut self, place: usize, offset: u64, packet: &Packet<'_>) {
        let Some(slot) = self.slots.get_mut(place) else {
            return;
        };
        let pid = slot.pid;
        let (assembler, is_table) = match &mut slot.role {
            Role::Pat(assembler) | Role::Pmt(assembler) => (assembler, true),
            Role::Sections(assembler) => (assembler, false),
            Role::Pes(_) | Role::Clock => return,
        };
        let start = packet.header.payload_unit_start_indicator();
        let mut sections = Vec::new();
        let mut lost = Vec::new();
        assembler.handle_payload(start, packet.payload, |found| match found {
            Found::Section(section) => sections.push(section.to_vec()),
            Found::Lost { len, what } => lost.push((len, what)),
        });
        for (len, what) in lost {
            self.problem(Some(pid), offset, len as u64, what);
        }
        for data in sections {
            if is_table {
                self.table(pid, offset, &data);
            } else {
                self.queue
                    .push_back(Unit::Section(SectionUnit { pid, offset, data }));
            }
        }
    }

    fn table(&mut self, pid: Pid, offset: u64, data: &[u8]) {
        let result = Section::parse(data).and_then(|section| match section.header.table_id {
            Pat::TABLE_ID if pid == Pid::PAT => {
                if let Some(pat) = self.pat.handle_section(&section)? {
                    self.associate(&pat);
                    self.queue.push_back(Unit::Pat(pat));
                    self.look_again(false);
                }
                Ok(())
            }
            Pmt::TABLE_ID if pid != Pid::PAT => {
                let number = section.expect(&[Pmt::TABLE_ID])?.table_id_extension;
                let program = self
                    .programs
                    .iter_mut()
                    .find(|program| program.number == number && program.pid == pid);
                if let Some(program) = program
                    && let Some(pmt) = program.table.handle_section(&section)?
                {
                    let is_first = !core::mem::replace(&mut program.is_mapped, true);
                    self.map(&pmt);
                    self.queue.push_back(Unit::Pmt(pmt));
                    if is_first {
                        self.look_again(true);
                    }
                }
                Ok(())
            }
            // Other tables may share the PID.
            _ => Ok(()),
        });
        if let Err(error) = result {
            let what = alloc::format!("a section cannot be read: {error}");
            self.problem(Some(pid), offset, data.len() as u64, what);
        }
    }

    /// Follows a new program association table.
    fn associate(&mut self, pat: &Pat) {
        let before = core::mem::take(&mut self.programs);
        let old: Vec<Pid> = before
            .iter()
            .flat_map(|program| program.pids.iter().copied().chain([program.pid]))
            .collect();
        let mut before = before;
        for entry in pat
            .programs
            .iter()
            .filter(|entry| entry.program_number != 0)
        {
            if self.programs.len() >= self.limits.programs {
                self.problem(Some(Pid::PAT), 0, 0, "more programs than the limit allows");
                break;
            }
            let pid = Pid::from_low_bits(entry.pid);
            let known = before
                .iter()
                .position(|program| program.number == entry.program_number && program.pid == pid);
            let program = match known {
                #[expect(clippy::disallowed_methods, reason = "the place was just found")]
                Some(place) => before.swap_remove(place),
                None => ProgramState {
                    number: entry.program_number,
                    pid,
                    table: Collector::new(),
                    is_mapped: false,
                    pids: Vec::new(),
                    streams: Vec::new(),
                },
            };
            self.programs.push(program);
        }
        self.drop_unused(&old);
        let pids: Vec<Pid> = self.programs.iter().map(|program| program.pid).collect();
        for pid in pids {
            self.add(pid, Role::Pmt(Assembler::new()));
        }
    }

    /// Takes out PIDs that no program has any more.
    fn drop_unused(&mut self, old: &[Pid]) {
        for pid in old {
            let used = self
                .programs
                .iter()
                .any(|program| program.pid == *pid || program.pids.contains(pid));
            if !used {
                self.remove(*pid);
            }
        }
    }

    /// Follows a new program map table.
    fn map(&mut self, pmt: &Pmt) {
        let streams = pmt.streams.iter().map(|stream| stream.elementary_pid);
        let clock = Some(pmt.pcr_pid).filter(|pid| *pid != Pmt::NO_PCR);
        let pids: Vec<Pid> = streams.chain(clock).map(Pid::from_low_bits).collect();
        let known = self
            .programs
            .iter_mut()
            .find(|program| program.number == pmt.program_number);
        let Some(program) = known else {
            return;
        };
        let old = core::mem::replace(&mut program.pids, pids);
        let known = core::mem::replace(&mut program.streams, pmt.streams.clone());
        let is_known = |stream| known.is_empty() || known.contains(stream);
        self.drop_unused(&old);
        // What was a stream may be no more than a clock now.
        if let Some(pid) = clock
            && old.contains(&Pid::from_low_bits(pid))
            && !pmt
                .streams
                .iter()
                .any(|stream| stream.elementary_pid == pid)
        {
            self.remove(Pid::from_low_bits(pid));
        }
        for stream in &pmt.streams {
            let pid = Pid::from_low_bits(stream.elementary_pid);
            // On Blu-ray discs the number of splice information stands for DTS-HD.
            let is_disc = stream.stream_type == StreamType::SCTE35
                && pmt.format_identifier() == Some(*b"HDMV");
            let sections = has_sections(stream.stream_type) && !is_disc;
            let same = match self.place(pid).and_then(|place| self.slots.get(place)) {
                Some(slot) => match &slot.role {
                    Role::Pes(_) => !sections,
                    Role::Sections(_) => sections,
                    Role::Pat(_) | Role::Pmt(_) => true,
                    Role::Clock => false,
                },
                None => false,
            };
            if same && is_known(stream) {
                continue;
            }
            // What is open ends where its stream becomes another one.
            self.remove(pid);
            if self.slots.len() >= self.limits.streams.saturating_add(self.limits.programs) {
                self.problem(Some(pid), 0, 0, "more streams than the limit allows");
                break;
            }
            if sections {
                self.add_sections(pid);
            } else {
                self.add(pid, Role::Pes(Gather::new(pid)));
            }
        }
        if let Some(pid) = clock.map(Pid::from_low_bits) {
            self.add(pid, Role::Clock);
            if let Some(place) = self.place(pid)
                && let Some(slot) = self.slots.get_mut(place)
            {
                slot.is_clock = true;
            }
        }
    }
}
