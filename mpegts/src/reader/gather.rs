use super::prefixer::Prefixer;
use super::unit::{Pes, Problem, Unit};
use crate::Limits;
use crate::packet::{LEN, Packet, Pid, Scrambling};
use crate::pes::{FIXED_LEN, Header, StreamId};
use alloc::collections::VecDeque;
use alloc::vec::Vec;

/// Puts the PES packets of one PID together.
#[derive(Debug)]
pub(super) struct Gather {
    pid: Pid,
    state: State,
    pes: Pes,
    /// Bytes of data that may still be added.
    room: usize,
    /// Bytes of data of the last one, which tells how much the next may need.
    hint: usize,
    /// Packets were lost since the last one began.
    lost: bool,
    /// The last packet had no stuffing.
    full: bool,
    /// Makes NAL units with lengths, where that is wanted.
    prefixer: Option<Prefixer>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// No start was seen, or the last one is over.
    Idle,
    /// The header is not whole yet; what is there of it is in `data`.
    Header,
    /// In the data. With the bytes that the header tells, if it does.
    Data { bounded: bool },
}

/// Most bytes that are allocated for a PES packet before they have come.
const TRUSTED: usize = 1 << 20;

/// Bytes that come before they are searched for start codes: they are in the nearest cache still.
const BLOCK: usize = 4096;

/// Longest header: 9 bytes and as many as `PES_header_data_length` can tell.
const LONGEST_HEADER: usize = 9 + 255;

impl Gather {
    pub(super) fn new(pid: Pid) -> Self {
        Self {
            pid,
            state: State::Idle,
            pes: empty(pid),
            room: 0,
            hint: 0,
            lost: false,
            full: false,
            prefixer: None,
        }
    }

    /// Whether NAL units are to have lengths, from the next PES packet on that begins with one.
    #[cfg(feature = "media")]
    pub(super) fn set_nal_units(&mut self, wanted: bool) {
        match wanted {
            true if self.prefixer.is_none() => self.prefixer = Some(Prefixer::new()),
            false if !self.pes.is_length_prefixed => self.prefixer = None,
            _ => {}
        }
    }

    pub(super) const fn pid(&self) -> Pid {
        self.pid
    }

    pub(super) const fn buffered_len(&self) -> usize {
        self.pes.data.len()
    }

    /// Bytes that [`push`](Self::push) may add.
    #[inline]
    pub(super) const fn room(&self) -> usize {
        match self.state {
            State::Data { bounded: true } => self.room.saturating_sub(1),
            State::Data { bounded: false } => self.room,
            _ => 0,
        }
    }

    /// Adds a payload that is all data, and not the last of it.
    #[inline]
    pub(super) fn push(&mut self, payload: &[u8; 184]) {
        self.append(payload);
        self.room = self.room.saturating_sub(payload.len());
    }

    #[inline]
    fn append(&mut self, data: &[u8]) {
        self.pes.data.extend_from_slice(data);
        if self.pes.is_length_prefixed
            && let Some(prefixer) = &mut self.prefixer
            && self.pes.data.len().saturating_sub(prefixer.done()) >= BLOCK
        {
            let result = prefixer.advance(&mut self.pes.data, LEN);
            self.pes.damaged |= result.is_err();
        }
    }

    /// The last one that was [pushed](Self::push) has come.
    pub(super) const fn pushed(&mut self) {
        self.full = true;
    }

    /// Packets were lost.
    pub(super) fn lose(&mut self) {
        if self.state == State::Idle {
            self.lost = true;
        } else {
            self.pes.damaged = true;
        }
    }

    /// Whether the payload of a packet was the last that came.
    pub(super) fn ends_with(&self, packet: &Packet<'_>) -> bool {
        match self.state {
            State::Idle => true,
            // What there was ended with it.
            _ if self.pes.data.is_empty() => true,
            // Of the packet in which it began the header is gone.
            _ if packet.header.payload_unit_start_indicator() => packet
                .payload
                .ends_with(self.pes.data.get(..).unwrap_or_default()),
            _ => self.pes.data.ends_with(packet.payload),
        }
    }

    /// Takes the next packet.
    #[inline]
    pub(super) fn packet(
        &mut self,
        offset: u64,
        packet: &Packet<'_>,
        limits: &Limits,
        queue: &mut VecDeque<Unit>,
    ) {
        if packet.header.payload_unit_start_indicator() {
            self.finish(queue);
            self.pes.offset = offset;
            self.pes.random_access_indicator = packet.is_random_access();
            self.pes.discontinuity_indicator = packet.is_discontinuity();
            self.pes.scrambling = packet.header.transport_scrambling_control();
            self.pes.after_loss = core::mem::take(&mut self.lost);
            self.pes.damaged = false;
            self.state = State::Header;
            self.room = limits.pes_size;
            self.header(packet.payload, queue);
        } else {
            match self.state {
                State::Data { bounded } => self.data(bounded, packet.payload, queue),
                State::Header => self.header(packet.payload, queue),
                State::Idle => {}
            }
        }
        self.full = !packet.is_stuffed();
        if self.room == 0 && self.state == (State::Data { bounded: false }) {
            queue.push_back(Unit::Problem(Problem {
                pid: Some(self.pid),
                offset,
                skipped: 0,
                what: "a PES packet passes the limit".into(),
            }));
            self.cut(queue);
            self.room = limits.pes_size;
        }
    }

    /// Gives what is there, and goes on with the rest as another one.
    pub(super) fn cut(&mut self, queue: &mut VecDeque<Unit>) {
        let state = self.state;
        self.pes.damaged = true;
        self.finish(queue);
        self.state = state;
        self.pes.continues = true;
        self.pes.damaged = true;
    }

    /// Gives what is there: the next one begins, or the stream ends.
    pub(super) fn finish(&mut self, queue: &mut VecDeque<Unit>) {
        let state = core::mem::replace(&mut self.state, State::Idle);
        match state {
            State::Data { bounded } => {
                self.pes.damaged |= bounded && self.room > 0;
                self.pes.open_end = (!bounded && self.full).then_some(0);
                self.give(queue);
            }
            State::Header => {
                queue.push_back(Unit::Problem(Problem {
                    pid: Some(self.pid),
                    offset: self.pes.offset,
                    skipped: self.pes.data.len() as u64,
                    what: "a PES packet ends within its header".into(),
                }));
                self.pes = empty(self.pid);
            }
            State::Idle => {}
        }
    }

    fn give(&mut self, queue: &mut VecDeque<Unit>) {
        let mut pes = core::mem::replace(&mut self.pes, empty(self.pid));
        if pes.continues && pes.data.is_empty() {
            return;
        }
        if pes.is_length_prefixed
            && let Some(prefixer) = &mut self.prefixer
        {
            if let Some(zeros) = &mut pes.open_end {
                *zeros = pes.data.iter().rev().take_while(|byte| **byte == 0).count();
            }
            pes.damaged |= prefixer.finish(&mut pes.data).is_err();
        }
        self.hint = pes.data.len();
        self.pes.stream_id = pes.stream_id;
        self.pes.offset = pes.offset;
        queue.push_back(Unit::Pes(pes));
    }

    /// Takes the start of a PES packet, or more of a header that was not whole.
    fn header(&mut self, payload: &[u8], queue: &mut VecDeque<Unit>) {
        let carried = core::mem::take(&mut self.pes.data);
        let joined;
        let bytes = if carried.is_empty() {
            payload
        } else {
            joined = [carried.as_slice(), payload].concat();
            &joined
        };
        let (header, len) = match Header::parse(bytes) {
            Ok(parsed) => parsed,
            Err(crate::Error::Short(_)) if bytes.len() < LONGEST_HEADER => {
                self.pes.data = bytes.to_vec();
                return;
            }
            Err(error) => {
                self.state = State::Idle;
                queue.push_back(Unit::Problem(Problem {
                    pid: Some(self.pid),
                    offset: self.pes.offset,
                    skipped: bytes.len() as u64,
                    what: alloc::format!("a PES packet cannot be read: {error}").into(),
                }));
                return;
            }
        };
        self.pes.stream_id = header.stream_id;
        if let Some(fields) = &header.fields {
            self.pes.pts = fields.pts;
            self.pes.dts = fields.dts;
            self.pes.data_alignment_indicator = fields.data_alignment_indicator;
            if fields.scrambling != Scrambling::Clear {
                self.pes.scrambling = fields.scrambling;
            }
            // ESCR, ES_rate, trick mode, copy info, CRC or an extension.
            if bytes.get(7).is_some_and(|flags| flags & 0x3F != 0) {
                self.pes.header = bytes.get(..len).unwrap_or_default().to_vec();
            }
        }
        let bounded = header.packet_length != 0;
        if bounded {
            let after_length = len.saturating_sub(FIXED_LEN);
            let told = usize::from(header.packet_length).saturating_sub(after_length);
            self.room = self.room.min(told);
        }
        let expected = if bounded {
            self.room
        } else {
            self.hint + self.hint / 4
        };
        let expected = expected
            .min(self.hint.saturating_mul(2).max(184))
            .min(TRUSTED);
        self.state = State::Data { bounded };
        let data = bytes.get(len..).unwrap_or_default();
        if let Some(prefixer) = &mut self.prefixer
            && matches!(data, [0, 0, 1, ..] | [0, 0, 0, 1, ..])
        {
            prefixer.restart();
            self.pes.is_length_prefixed = true;
        }
        // Start codes of 3 bytes become longer.
        let longer = if self.pes.is_length_prefixed { 64 } else { 0 };
        self.pes.data = Vec::with_capacity(expected.saturating_add(longer));
        self.data(bounded, data, queue);
    }

    /// Takes data.
    #[inline]
    fn data(&mut self, bounded: bool, payload: &[u8], queue: &mut VecDeque<Unit>) {
        // What says no length may pass the limit by a part of a packet.
        let (data, beyond) = match payload.split_at_checked(self.room) {
            Some(split) if bounded => split,
            _ => (payload, &[][..]),
        };
        self.append(data);
        self.room = self.room.saturating_sub(data.len());
        if !bounded || self.room > 0 {
            return;
        }
        let goes_on = self.pes.stream_id.is_video();
        self.state = State::Idle;
        self.give(queue);
        // Video has more data than it can say, and there are muxers that say something nevertheless.
        if goes_on {
            self.pes.continues = true;
            self.state = State::Data { bounded: false };
            self.room = TRUSTED;
            let is_stuffing = beyond.iter().all(|byte| *byte == 0xFF);
            self.pes
                .data
                .extend_from_slice(if is_stuffing { &[] } else { beyond });
        }
    }
}

fn empty(pid: Pid) -> Pes {
    Pes {
        pid,
        offset: 0,
        stream_id: StreamId(0),
        pts: None,
        dts: None,
        data_alignment_indicator: false,
        random_access_indicator: false,
        discontinuity_indicator: false,
        scrambling: Scrambling::Clear,
        header: Vec::new(),
        data: Vec::new(),
        is_length_prefixed: false,
        after_loss: false,
        damaged: false,
        continues: false,
        open_end: None,
    }
}
