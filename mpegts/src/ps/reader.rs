//! Packets of a program stream, as the units that the demuxer takes.

use super::sniff::sniff;
use super::{PackHeader, PacketHeader, ProgramStreamMap, Substream, SubstreamKind, SystemHeader};
use crate::packet::{Pid, Scrambling};
use crate::pes::{FIXED_LEN, StreamId};
use crate::psi::descriptor::Registration;
use crate::psi::{Descriptors, ElementaryStream, Pat, Pmt, Program, StreamType, Version};
use crate::reader::{Clock, Pes, Problem, Unit};
use crate::{Error, Limits};
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use wire::{Reader as Bytes, Writer};

/// Reads program streams of both standards.
///
/// Its streams are told by a map as of a transport stream, whose PIDs are what names them here: `stream_id`, 0x100 and `sub_stream_id`
/// within `private_stream_1`, 0x200 and `stream_id_extension` of extended streams.
#[derive(Debug)]
pub(crate) struct Reader {
    limits: Limits,
    /// The start of an element whose end has not come.
    carry: Vec<u8>,
    /// How far into it an end has been looked for.
    scanned: usize,
    /// From the start of the input to the next element.
    offset: u64,
    /// Bytes passed over since the last element, and whether they were more than zeros.
    lost: (u64, bool),
    after_loss: bool,
    map: Option<ProgramStreamMap>,
    bounds: Option<Bounds>,
    /// `private_stream_1` is AC-3 without substreams.
    plain_private: Option<bool>,
    streams: Vec<ElementaryStream>,
    /// Streams of a kind that nobody knows, which have been told of.
    refused: Vec<u16>,
    /// Streams that have not shown yet what they are.
    unknown: Vec<Unknown>,
    version: Version,
    /// Units that wait until the streams are known.
    held: Option<Held>,
    units: VecDeque<Unit>,
    eof: bool,
}

/// A stream that has not shown yet what it is.
#[derive(Debug, Clone, Copy)]
struct Unknown {
    pid: u16,
    /// Of its first packet.
    offset: u64,
    /// That were passed over.
    bytes: u64,
}

/// The streams that the system header tells of.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    audio: usize,
    video: usize,
}

#[derive(Debug, Default)]
struct Held {
    units: VecDeque<Unit>,
    bytes: usize,
    /// The clock of the first pack, in ticks of 90 kHz.
    since: Option<u64>,
}

/// Ticks of 90 kHz that streams may show up in, where no map tells them.
const PATIENCE: u64 = 45_000;
/// `format_identifier` of a substream of `private_stream_1` in the maps that are made here; what stands before its data follows, its
/// counters 0. No organisation has zeros.
pub(crate) const SUBSTREAM: [u8; 4] = [0; 4];
/// The program that all is in.
const PROGRAM: u16 = 1;
/// Bytes of input that are added to what is carried over at once.
const CHUNK: usize = 1 << 16;

/// What stands at the front of some bytes.
enum Step {
    /// This many bytes are done with.
    Done(usize),
    /// More are needed.
    Short,
}

impl Reader {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            carry: Vec::new(),
            scanned: 0,
            offset: 0,
            lost: (0, false),
            after_loss: false,
            map: None,
            bounds: None,
            plain_private: None,
            streams: Vec::new(),
            refused: Vec::new(),
            unknown: Vec::new(),
            version: Version::FIRST,
            held: Some(Held::default()),
            units: VecDeque::new(),
            eof: false,
        }
    }

    /// The next unit in the input, of which what is used is taken away.
    pub(crate) fn next(&mut self, input: &mut &[u8]) -> Option<Unit> {
        loop {
            if let Some(unit) = self.units.pop_front() {
                return Some(unit);
            }
            if input.is_empty() {
                if !self.eof || !self.finish() {
                    return None;
                }
            } else if self.carry.is_empty() {
                match self.step(input) {
                    Step::Done(len) => *input = input.get(len..).unwrap_or_default(),
                    Step::Short => self.carry.extend_from_slice(core::mem::take(input)),
                }
            } else {
                let (chunk, rest) = input.split_at_checked(CHUNK).unwrap_or((input, &[]));
                let mut carry = core::mem::take(&mut self.carry);
                carry.extend_from_slice(chunk);
                match self.step(&carry) {
                    Step::Short => {
                        self.carry = carry;
                        *input = rest;
                    }
                    Step::Done(len) => {
                        let left = carry.len().saturating_sub(len);
                        match input.len().checked_sub(left.saturating_add(rest.len())) {
                            // What is left came with this input: it is gone on with there.
                            Some(used) => {
                                *input = input.get(used..).unwrap_or_default();
                                carry.clear();
                            }
                            None => {
                                carry = carry.get(len..).unwrap_or_default().to_vec();
                                *input = rest;
                            }
                        }
                        self.carry = carry;
                    }
                }
            }
        }
    }

    pub(crate) const fn handle_eof(&mut self) {
        self.eof = true;
    }

    pub(crate) fn buffered_len(&self) -> usize {
        let held = self.held.as_ref().map_or(0, |held| held.bytes);
        let units = self.units.iter().map(|unit| match unit {
            Unit::Pes(pes) => pes.data.len(),
            _ => 0,
        });
        let units = units.fold(0, usize::saturating_add);
        (self.carry.len())
            .saturating_add(held)
            .saturating_add(units)
    }

    /// Gives what is there at the end. Whether there was something.
    fn finish(&mut self) -> bool {
        let mut carry = core::mem::take(&mut self.carry);
        self.scanned = 0;
        while !carry.is_empty() {
            match self.step(&carry) {
                Step::Done(len) => carry = carry.get(len.max(1)..).unwrap_or_default().to_vec(),
                Step::Short => {
                    // A packet that is cut off still has data; less than its header has none. Where others begin in it, its length is wrong.
                    let offset = self.offset;
                    let next = next_code(&carry, FIXED_LEN);
                    let end = next.unwrap_or(carry.len());
                    let packet = carry.get(..end).unwrap_or_default();
                    if packet.len() > FIXED_LEN && packet.starts_with(&[0, 0, 1]) {
                        self.packet(packet, offset, true);
                    }
                    let what = match next {
                        Some(_) => "a packet that is longer than what is left",
                        None => "the end of the stream is cut off",
                    };
                    self.problem(what, offset, end as u64);
                    self.offset = offset.saturating_add(end as u64);
                    carry = carry.get(end..).unwrap_or_default().to_vec();
                }
            }
        }
        for unknown in core::mem::take(&mut self.unknown) {
            // A map may have come late.
            if self
                .streams
                .iter()
                .any(|one| one.elementary_pid == unknown.pid)
            {
                continue;
            }
            self.give(Unit::Problem(Problem {
                pid: Some(Pid::from_low_bits(unknown.pid)),
                offset: unknown.offset,
                skipped: unknown.bytes,
                what: "a stream that no map tells of shows no headers by which it could be read"
                    .into(),
            }));
        }
        if self.held.is_some() {
            self.announce();
        }
        !self.units.is_empty()
    }

    /// Takes the element at the front.
    fn step(&mut self, data: &[u8]) -> Step {
        let step = self.element(data);
        if let Step::Done(len) = step {
            self.scanned = 0;
            self.offset = self.offset.saturating_add(len as u64);
        }
        step
    }

    fn element(&mut self, data: &[u8]) -> Step {
        match data {
            [0, 0, 1, 0xB9..=0xFF, ..] => self.found(),
            // Not yet known.
            [] | [0] | [0, 0] | [0, 0, 1] if !self.eof => return Step::Short,
            _ => return self.skip(data),
        }
        match data {
            [_, _, _, 0xB9, ..] => Step::Done(4),
            [_, _, _, 0xBA, ..] => {
                let mut r = Bytes::new(data);
                let decoded = r.skip(4, "pack_start_code").map_err(Error::from);
                match decoded.and_then(|()| PackHeader::decode(&mut r)) {
                    Ok(pack) => {
                        self.pack(&pack);
                        Step::Done(r.offset())
                    }
                    Err(Error::Short(_)) if !self.eof => Step::Short,
                    Err(_) => {
                        self.problem("a damaged pack header", self.offset, 4);
                        Step::Done(4)
                    }
                }
            }
            [_, _, _, id, 0, 0, ..] if StreamId(*id).is_video() => {
                // Not told, as some senders do for large pictures: up to the next start code of a packet or pack.
                let from = self.scanned.max(FIXED_LEN);
                match next_code(data, from) {
                    Some(end) => {
                        self.whole_packet(data.get(..end).unwrap_or_default());
                        Step::Done(end)
                    }
                    None if data.len() > self.limits.pes_size => {
                        self.problem("a packet passes its limit", self.offset, data.len() as u64);
                        Step::Done(data.len())
                    }
                    None if self.eof => {
                        self.whole_packet(data);
                        Step::Done(data.len())
                    }
                    None => {
                        self.scanned = data.len().saturating_sub(3);
                        Step::Short
                    }
                }
            }
            [_, _, _, _, high, low, ..] => {
                let len = usize::from(u16::from_be_bytes([*high, *low]));
                let end = len.saturating_add(FIXED_LEN);
                match data.get(..end) {
                    Some(packet) => {
                        self.whole_packet(packet);
                        Step::Done(end)
                    }
                    None => Step::Short,
                }
            }
            _ => Step::Short,
        }
    }

    /// Passes over what is no start code.
    fn skip(&mut self, data: &[u8]) -> Step {
        let len = next_code(data, 0).unwrap_or_else(|| {
            // What may be the start of one stays.
            let keep = if self.eof {
                0
            } else {
                3.min(data.len().saturating_sub(1))
            };
            data.len().saturating_sub(keep)
        });
        let skipped = data.get(..len).unwrap_or_default();
        self.lost.0 = self.lost.0.saturating_add(len as u64);
        self.lost.1 |= skipped.iter().any(|byte| *byte != 0);
        Step::Done(len)
    }

    /// A start code is there: tells of what was passed over. Zeros are padding.
    fn found(&mut self) {
        let (len, is_junk) = core::mem::take(&mut self.lost);
        if is_junk {
            let at = self.offset.saturating_sub(len);
            self.problem("bytes that are no pack and no packet", at, len);
            self.after_loss = true;
        }
    }

    fn problem(&mut self, what: &'static str, offset: u64, skipped: u64) {
        self.give(Unit::Problem(Problem {
            pid: None,
            offset,
            skipped,
            what: what.into(),
        }));
    }

    fn pack(&mut self, pack: &PackHeader) {
        let base = pack.system_clock_reference.base;
        self.give(Unit::Clock(Clock {
            pid: Pid::from_low_bits(Pmt::NO_PCR),
            offset: self.offset,
            pcr: pack.system_clock_reference,
            discontinuity: false,
        }));
        if let Some(held) = &mut self.held {
            let since = *held.since.get_or_insert(base);
            if base.wrapping_sub(since) > PATIENCE && !self.streams.is_empty() {
                self.announce();
            }
        }
    }

    fn whole_packet(&mut self, packet: &[u8]) {
        self.packet(packet, self.offset, false);
    }

    fn packet(&mut self, packet: &[u8], offset: u64, damaged: bool) {
        let Some(&id) = packet.get(3) else { return };
        let id = StreamId(id);
        match id.0 {
            0xBB => {
                let mut r = Bytes::new(packet.get(FIXED_LEN..).unwrap_or_default());
                if let Ok(header) = SystemHeader::decode(&mut r) {
                    self.bounds = Some(Bounds {
                        audio: header.audio_bound.into(),
                        video: header.video_bound.into(),
                    });
                }
            }
            0xBC => match ProgramStreamMap::parse(packet) {
                Ok((map, _)) if map.version.current => self.handle_map(map),
                Ok(_) => {}
                Err(_) => self.problem("a damaged program stream map", offset, packet.len() as u64),
            },
            _ if !id.has_fields() => {}
            _ => self.elementary(packet, id, offset, damaged),
        }
    }

    fn handle_map(&mut self, map: ProgramStreamMap) {
        if self.map.as_ref() == Some(&map) {
            return;
        }
        for entry in &map.streams {
            let pid = entry.elementary_stream_id.0.into();
            self.streams.retain(|stream| stream.elementary_pid != pid);
            // Private streams show what they are: AC-3 with substreams as on a DVD, or without.
            if entry.elementary_stream_id != StreamId::PRIVATE_1 {
                self.streams.push(ElementaryStream {
                    stream_type: entry.stream_type,
                    elementary_pid: pid,
                    descriptors: entry.descriptors.clone(),
                });
            }
        }
        self.map = Some(map);
        self.announce();
    }

    /// A packet of an elementary stream.
    fn elementary(&mut self, packet: &[u8], id: StreamId, offset: u64, damaged: bool) {
        let mut r = Bytes::new(packet);
        let Ok(header) = PacketHeader::decode(&mut r) else {
            self.problem("a damaged packet header", offset, packet.len() as u64);
            return;
        };
        let mut pid = u16::from(id.0);
        let mut substream = None;
        if id == StreamId::PRIVATE_1 {
            let data = r.peek();
            let is_plain = *self
                .plain_private
                .get_or_insert(data.starts_with(&[0x0B, 0x77]));
            if !is_plain {
                let Ok(sub) = Substream::decode(&mut r) else {
                    return;
                };
                pid = 0x100 | u16::from(sub.id.0);
                substream = Some(sub);
            }
        } else if id == StreamId::EXTENDED {
            pid = 0x200 | u16::from(header.stream_id_extension.unwrap_or(0));
        }
        let data = r.peek();
        if !self.knows(pid, id, substream, data, offset) {
            return;
        }
        let pes = Pes {
            pid: Pid::from_low_bits(pid),
            offset,
            stream_id: id,
            pts: header.pts,
            dts: header.dts,
            data_alignment_indicator: header.data_alignment_indicator,
            random_access_indicator: false,
            discontinuity_indicator: false,
            scrambling: if header.scrambled {
                Scrambling::EvenKey
            } else {
                Scrambling::Clear
            },
            header: Vec::new(),
            data: data.to_vec(),
            is_length_prefixed: false,
            after_loss: core::mem::take(&mut self.after_loss),
            damaged,
            continues: false,
            open_end: None,
        };
        self.give(Unit::Pes(pes));
        if self.held.is_some() && self.has_all() {
            self.announce();
        }
    }

    /// Passes over a packet of a stream that has not shown yet what it is.
    fn pass(&mut self, pid: u16, offset: u64, bytes: u64) {
        if let Some(unknown) = self.unknown.iter_mut().find(|unknown| unknown.pid == pid) {
            unknown.bytes = unknown.bytes.saturating_add(bytes);
        } else if self.unknown.len() < self.limits.streams {
            self.unknown.push(Unknown { pid, offset, bytes });
        }
    }

    /// Whether a stream is known, by now at least.
    fn knows(
        &mut self,
        pid: u16,
        id: StreamId,
        substream: Option<Substream>,
        data: &[u8],
        offset: u64,
    ) -> bool {
        let descriptors = substream.map(described).unwrap_or_default();
        if let Some(known) = self.streams.iter().find(|one| one.elementary_pid == pid) {
            let is_same = known.stream_type != StreamType::PES_PRIVATE;
            if substream.is_none() || is_same || known.descriptors == descriptors {
                return true;
            }
            // Its sound is of another kind from here on.
            self.streams.retain(|one| one.elementary_pid != pid);
        }
        if self.streams.len() >= self.limits.streams || self.refused.contains(&pid) {
            return false;
        }
        let stream_type = match substream.and_then(|substream| substream.id.kind()) {
            Some(SubstreamKind::Ac3) if pid >= 0x1C0 => Some(StreamType::ATSC_EAC3),
            Some(SubstreamKind::Ac3) => Some(StreamType::ATSC_AC3),
            Some(SubstreamKind::Mlp) => None,
            Some(_) => Some(StreamType::PES_PRIVATE),
            None if id == StreamId::PRIVATE_1 => Some(StreamType::ATSC_AC3),
            None => match sniff(id, data) {
                Some(stream_type) => Some(stream_type),
                // A packet further on may show it.
                None => {
                    self.pass(pid, offset, data.len() as u64);
                    return false;
                }
            },
        };
        let Some(stream_type) = stream_type else {
            self.refused.push(pid);
            self.give(Unit::Problem(Problem {
                pid: Some(Pid::from_low_bits(pid)),
                offset,
                skipped: 0,
                what: "streams of this kind are not read".into(),
            }));
            return false;
        };
        self.unknown.retain(|unknown| unknown.pid != pid);
        self.streams.push(ElementaryStream {
            stream_type,
            elementary_pid: pid,
            descriptors,
        });
        if self.held.is_none() {
            self.announce();
        }
        true
    }

    /// Whether as many streams have come as the system header tells of.
    fn has_all(&self) -> bool {
        let Some(bounds) = self.bounds else {
            return false;
        };
        let is_video = |one: &&ElementaryStream| matches!(one.elementary_pid, 0xE0..=0xEF);
        let video = self.streams.iter().filter(is_video).count();
        let audio = self.streams.len().saturating_sub(video);
        video >= bounds.video && audio >= bounds.audio && video.saturating_add(audio) > 0
    }

    /// Tells the streams, and gives what waited for that.
    fn announce(&mut self) {
        let program = Program {
            program_number: PROGRAM,
            pid: 0x1FFE,
        };
        if self.held.is_some() {
            self.units.push_back(Unit::Pat(Pat {
                transport_stream_id: 0,
                version: Version::FIRST,
                programs: alloc::vec![program],
            }));
        }
        self.units.push_back(Unit::Pmt(Pmt {
            program_number: PROGRAM,
            version: self.version,
            pcr_pid: Pmt::NO_PCR,
            descriptors: Descriptors::new(),
            streams: self.streams.clone(),
        }));
        self.version = self.version.next();
        if let Some(held) = self.held.take() {
            self.units.extend(held.units);
        }
    }

    fn give(&mut self, unit: Unit) {
        let Some(held) = &mut self.held else {
            self.units.push_back(unit);
            return;
        };
        if let Unit::Pes(pes) = &unit {
            held.bytes = held.bytes.saturating_add(pes.data.len());
        }
        held.units.push_back(unit);
        if held.bytes > self.limits.held_size / 2 || held.units.len() > MOST_HELD {
            self.announce();
        }
    }
}

/// The descriptor of a substream whose kind no stream type tells.
fn described(mut substream: Substream) -> Descriptors {
    let mut descriptors = Descriptors::new();
    match substream.id.kind() {
        Some(SubstreamKind::Lpcm | SubstreamKind::Dts | SubstreamKind::Subpicture) => {}
        _ => return descriptors,
    }
    if let Some(audio) = &mut substream.audio {
        audio.number_of_frame_headers = 0;
        audio.first_access_unit_pointer = 0;
        if let Some(lpcm) = &mut audio.lpcm {
            lpcm.frame_number = 0;
            lpcm.emphasis = false;
            lpcm.mute = false;
            lpcm.dynamic_range_control = 0;
        }
    }
    let mut info = Vec::new();
    substream.encode(&mut Writer::new(&mut info));
    let registration = Registration {
        format_identifier: SUBSTREAM,
        additional_identification_info: info,
    };
    // A few bytes always fit.
    let _ = descriptors.push(&registration);
    descriptors
}

/// Most units that wait until the streams are known.
const MOST_HELD: usize = 8192;

/// Where the next start code of a pack or packet is, from a place on.
fn next_code(data: &[u8], from: usize) -> Option<usize> {
    let mut rest = data.get(from..)?;
    let mut place = from;
    loop {
        // The 1 of a start code is rarer than its zeros.
        let one = memchr::memchr(1, rest)?;
        let (before, after) = rest.split_at_checked(one.saturating_add(1))?;
        place = place.saturating_add(before.len());
        rest = after;
        let start = place.checked_sub(3).filter(|start| *start >= from);
        if let (Some(start), Some(0xB9..=0xFF)) = (start, after.first())
            && data.get(start..place) == Some(&[0, 0, 1])
        {
            return Some(start);
        }
    }
}
