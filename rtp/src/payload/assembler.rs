use super::Frame;
use crate::{Error, Packet};
use alloc::collections::VecDeque;
use alloc::vec::Vec;

/// Puts the frames of a stream together, of units after their lengths in 4 bytes, or of bytes as they come.
#[derive(Debug, Clone)]
pub(crate) struct Assembler {
    limit: usize,
    data: Vec<u8>,
    /// The time stamp of what is in `data`, or is to come there.
    timestamp: Option<u32>,
    /// Where the length of a unit that is not complete has its place.
    open: Option<usize>,
    next_sequence: Option<u16>,
    after_loss: bool,
    damaged: bool,
    /// Packets before the first one of this frame are missing, and may have belonged to it.
    suspect: bool,
    /// Bytes of the last frame: the next one will need about as many.
    hint: usize,
    ready: VecDeque<Frame>,
}

impl Assembler {
    pub(crate) const fn new(limit: usize) -> Self {
        Self {
            limit,
            data: Vec::new(),
            timestamp: None,
            open: None,
            next_sequence: None,
            after_loss: false,
            damaged: false,
            suspect: false,
            hint: 0,
            ready: VecDeque::new(),
        }
    }

    /// Of formats that tell where a frame starts: what comes first may be the rest of one that began before.
    pub(crate) const fn that_knows_starts(limit: usize) -> Self {
        let mut assembler = Self::new(limit);
        assembler.suspect = true;
        assembler
    }

    /// Takes note of a packet before its payload: of missing ones before it, and of a frame that ends because this one
    /// has another time stamp. Returns whether packets are missing.
    #[inline]
    pub(crate) fn begin_packet(&mut self, packet: &Packet<'_>) -> bool {
        let lost = self.count(packet);
        self.at(packet.timestamp());
        lost
    }

    /// Takes note of missing packets before this one, whatever time stamps its units may have.
    #[inline]
    pub(crate) fn count(&mut self, packet: &Packet<'_>) -> bool {
        let number = packet.sequence_number();
        let lost = self.next_sequence.is_some_and(|next| next != number);
        self.next_sequence = Some(number.wrapping_add(1));
        if lost {
            self.lose();
        }
        lost
    }

    /// Something is missing here.
    pub(crate) fn lose(&mut self) {
        self.abandon();
        self.after_loss = true;
        if self.timestamp.is_some() {
            self.damaged = true;
        }
        self.suspect = true;
    }

    /// What follows has this time stamp.
    #[inline]
    pub(crate) fn at(&mut self, timestamp: u32) {
        if self.timestamp != Some(timestamp) {
            self.change(timestamp);
        }
    }

    fn change(&mut self, timestamp: u32) {
        if self.timestamp.is_some() {
            let suspect = self.suspect;
            self.flush();
            self.suspect = suspect;
        }
        self.timestamp = Some(timestamp);
        self.damaged = self.suspect;
        self.data.reserve_exact(self.hint);
    }

    /// Whether nothing of the present frame is there yet.
    #[inline]
    pub(crate) const fn is_empty(&self) -> bool {
        self.data.is_empty()
    }

    /// Bytes of the present frame.
    #[inline]
    pub(crate) const fn held(&self) -> usize {
        self.data.len()
    }

    /// The present frame, as far as it is there.
    pub(crate) fn data(&self) -> &[u8] {
        &self.data
    }

    /// Whether a unit is not complete.
    #[inline]
    pub(crate) const fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// What comes now is the start of a frame for certain, so that nothing before it is missing in it.
    #[inline]
    pub(crate) const fn is_start(&mut self) {
        if self.suspect && self.data.is_empty() {
            self.damaged = false;
        }
        self.suspect = false;
    }

    /// Part of the frame is missing.
    pub(crate) const fn damage(&mut self) {
        self.damaged = true;
        self.after_loss = true;
    }

    /// Begins a unit, of a head and a first part.
    #[inline]
    pub(crate) fn open<const N: usize>(&mut self, head: [u8; N], data: &[u8]) -> Result<(), Error> {
        if self.open.is_some() {
            self.abandon();
        }
        let start = self.data.len();
        self.data.extend_from_slice(&[0; 4]);
        self.data.extend_from_slice(&head);
        self.open = Some(start);
        self.append(data)
    }

    /// More of the unit that is open, or of a frame that has no units.
    #[inline]
    pub(crate) fn append(&mut self, data: &[u8]) -> Result<(), Error> {
        if self.data.len().saturating_add(data.len()) > self.limit {
            return Err(self.refuse());
        }
        self.data.extend_from_slice(data);
        Ok(())
    }

    #[cold]
    fn refuse(&mut self) -> Error {
        self.data.clear();
        self.open = None;
        self.damage();
        Error::Limit {
            limit: "bytes of a frame",
            max: self.limit as u64,
        }
    }

    /// The open unit is complete.
    #[inline]
    pub(crate) fn close(&mut self) {
        let Some(start) = self.open.take() else {
            return;
        };
        let unit = self.data.get_mut(start..).unwrap_or_default();
        let len = u32::try_from(unit.len().saturating_sub(4)).unwrap_or(0);
        if let Some(place) = unit.first_chunk_mut() {
            *place = len.to_be_bytes();
        }
    }

    /// The rest of the open unit will not come.
    pub(crate) fn abandon(&mut self) {
        if let Some(start) = self.open.take() {
            self.data.truncate(start);
            self.damage();
        }
    }

    /// A whole unit.
    #[inline]
    pub(crate) fn push(&mut self, unit: &[u8]) -> Result<(), Error> {
        self.open([], unit)?;
        self.close();
        Ok(())
    }

    /// The frame is complete.
    #[inline]
    pub(crate) fn flush(&mut self) {
        self.abandon();
        if let Some(timestamp) = self.timestamp.take()
            && !self.data.is_empty()
        {
            let data = core::mem::take(&mut self.data);
            self.hint = data.len().saturating_add(data.len() / 8);
            self.ready.push_back(Frame {
                timestamp,
                data: data.into(),
                after_loss: core::mem::take(&mut self.after_loss),
                damaged: self.damaged,
            });
        }
        self.damaged = false;
        self.suspect = false;
    }

    /// The stream ends: a frame of which no end was marked is not whole.
    pub(crate) fn cut_off(&mut self) {
        if !self.data.is_empty() {
            self.damaged = true;
        }
        self.flush();
    }

    /// What is there of the present frame is dropped.
    pub(crate) fn discard(&mut self) {
        if !self.data.is_empty() || self.open.is_some() {
            self.data.clear();
            self.open = None;
            self.after_loss = true;
        }
        self.timestamp = None;
    }

    pub(crate) fn pop(&mut self) -> Option<Frame> {
        self.ready.pop_front()
    }

    pub(crate) fn push_frame(&mut self, frame: Frame) {
        self.ready.push_back(frame);
    }

    pub(crate) fn take_loss(&mut self) -> bool {
        core::mem::take(&mut self.after_loss)
    }

    pub(crate) fn buffered_len(&self) -> usize {
        let ready = self.ready.iter().map(|frame| frame.data.len());
        ready.sum::<usize>().saturating_add(self.data.len())
    }
}
