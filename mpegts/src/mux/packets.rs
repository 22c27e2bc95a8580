//! Cuts PES packets into transport packets.

use crate::Error;
use crate::adaptation::AdaptationField;
use crate::framer::{ArrivalTime, PacketSize};
use crate::packet::{Header, LEN, Pid};
use alloc::vec::Vec;

/// Bytes after the header of a packet.
const BODY: usize = LEN - 4;

/// Where packets go.
#[derive(Debug)]
pub(super) struct Sink {
    /// Packets, and behind them what a buffer had before it came back: memory that can be written over without a call for each packet.
    out: Vec<u8>,
    /// Bytes of packets.
    len: usize,
    size: PacketSize,
    /// Ticks of 27 MHz of the next packet of 192 bytes.
    arrival: i64,
    /// An adaptation field that is being written.
    field: Vec<u8>,
}

/// Ticks of 27 MHz between packets of 192 bytes: those of 48 Mbit/s, the most that a Blu-ray disc has.
const ARRIVAL_STEP: i64 = 27_000_000 * 188 * 8 / 48_000_000;

impl Sink {
    pub(super) const fn new(size: PacketSize) -> Self {
        Self {
            out: Vec::new(),
            len: 0,
            field: Vec::new(),
            size,
            arrival: i64::MIN,
        }
    }

    /// Bytes that were written.
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// Gives what was written, and goes on in another buffer, over what that has.
    pub(super) fn replace(&mut self, buffer: Vec<u8>) -> Vec<u8> {
        self.out.truncate(self.len);
        self.len = 0;
        core::mem::replace(&mut self.out, buffer)
    }

    /// Appends bytes.
    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        let end = self.len.saturating_add(bytes.len());
        if let Some(room) = self.out.get_mut(self.len..end) {
            copy(bytes, room);
        } else {
            self.out.truncate(self.len);
            self.out.extend_from_slice(bytes);
        }
        self.len = end;
    }

    /// Says when the next packets come, in ticks of 27 MHz.
    pub(super) fn at(&mut self, time: i64) {
        self.arrival = self.arrival.max(time);
    }

    #[inline]
    fn before_packet(&mut self) {
        if self.size == PacketSize::TimeStamped {
            let [.., a, b, c, d] = self.arrival.to_be_bytes();
            let stamp = ArrivalTime {
                copy_permission: 0,
                ticks: u32::from_be_bytes([a, b, c, d]),
            };
            self.put(&stamp.to_bytes());
            self.arrival = self.arrival.saturating_add(ARRIVAL_STEP);
        }
    }

    #[inline]
    fn after_packet(&mut self) {
        if self.size == PacketSize::WithParity {
            self.put(&[0; 16]);
        }
    }

    /// Writes one packet: as much of `data` as fits; gives the rest.
    #[inline]
    pub(super) fn packet<'a>(
        &mut self,
        pid: Pid,
        counter: &mut u8,
        start: bool,
        field: Option<&AdaptationField<'_>>,
        data: &'a [u8],
    ) -> Result<&'a [u8], Error> {
        self.before_packet();
        let fields = field.map_or(0, AdaptationField::encoded_len);
        let room = BODY.saturating_sub(fields);
        let (payload, rest) = data.split_at_checked(room).unwrap_or((data, &[]));
        // What the payload leaves is the adaptation field's.
        let field_len = BODY.saturating_sub(payload.len());
        let has_payload = !payload.is_empty();
        let header = Header::new(pid)
            .with_payload_unit_start(start)
            .with_content(field_len > 0, has_payload)
            .with_continuity_counter(*counter);
        // Packets without payload are not counted.
        if has_payload {
            *counter = counter.wrapping_add(1) & 0x0F;
        }
        let header = if has_payload {
            header
        } else {
            header.with_continuity_counter(counter.wrapping_sub(1) & 0x0F)
        };
        let mut fields = core::mem::take(&mut self.field);
        fields.clear();
        fields.extend_from_slice(&header.to_bytes());
        if field_len > 0 {
            let field = field.copied().unwrap_or_default();
            field.encode(field_len, &mut fields)?;
        }
        self.put(&fields);
        self.field = fields;
        self.put(payload);
        self.after_packet();
        Ok(rest)
    }

    /// Writes packets that `data` fills; gives the rest, which is shorter than one.
    #[inline]
    pub(super) fn full_packets<'a>(
        &mut self,
        pid: Pid,
        counter: &mut u8,
        mut data: &'a [u8],
    ) -> &'a [u8] {
        let header = Header::new(pid);
        if self.size == PacketSize::Plain {
            data = self.over(header, counter, data);
        }
        if data.len() >= BODY {
            self.out.truncate(self.len);
            self.out.reserve(
                data.len()
                    .saturating_add(data.len() / 32)
                    .saturating_add(2 * LEN),
            );
        }
        while let Some((payload, rest)) = data.split_first_chunk::<BODY>() {
            self.before_packet();
            let header = header.with_continuity_counter(*counter);
            *counter = counter.wrapping_add(1) & 0x0F;
            self.put(&header.to_bytes());
            self.put(payload);
            self.after_packet();
            data = rest;
        }
        data
    }

    /// Writes packets that `data` fills over what the buffer had before, as many as there is room for; gives the rest.
    #[inline]
    fn over<'a>(&mut self, header: Header, counter: &mut u8, data: &'a [u8]) -> &'a [u8] {
        let room = self.out.get_mut(self.len..).unwrap_or_default();
        let (packets, _) = room.as_chunks_mut::<LEN>();
        let (payloads, _) = data.as_chunks::<BODY>();
        let mut count: usize = 0;
        for (packet, payload) in packets.iter_mut().zip(payloads) {
            let [a, b, c, d, body @ ..] = packet;
            [*a, *b, *c, *d] = header.with_continuity_counter(*counter).to_bytes();
            *counter = counter.wrapping_add(1) & 0x0F;
            // In two pieces, which the compiler copies without a call.
            const PIECE: usize = 128;
            if let Some((from, from_rest)) = payload.split_first_chunk::<PIECE>()
                && let Some((into, into_rest)) = body.split_first_chunk_mut::<PIECE>()
                && let Some(from_rest) = from_rest.first_chunk::<{ BODY - PIECE }>()
                && let Some(into_rest) = into_rest.first_chunk_mut::<{ BODY - PIECE }>()
            {
                *into = *from;
                *into_rest = *from_rest;
            }
            count = count.saturating_add(1);
        }
        self.len = self.len.saturating_add(count.saturating_mul(LEN));
        data.get(count.saturating_mul(BODY)..).unwrap_or_default()
    }

    /// Where bytes come to lie of which the first packet, just written, ends with `first`, and full ones and a last one have `rest`.
    pub(super) fn places(&self, first: usize, rest: usize) -> Places {
        let (before, after) = match self.size {
            PacketSize::Plain => (0, 0),
            PacketSize::TimeStamped => (4, 0),
            PacketSize::WithParity => (0, 16),
        };
        Places {
            first,
            start: self.len.saturating_sub(after).saturating_sub(first),
            next: self.len.saturating_add(before + 4),
            stride: self.size.bytes(),
            full: rest / BODY,
            stuffing: BODY.saturating_sub(rest % BODY),
        }
    }

    /// Puts start codes where the lengths of NAL units were written.
    pub(super) fn put_start_codes(&mut self, places: &Places, nals: &[u8]) {
        let mut at: usize = 0;
        for nal in h264::length_prefixed::nals(nals, 4).flatten() {
            for (index, byte) in [0, 0, 0, 1].into_iter().enumerate() {
                let place = places.of(at.saturating_add(index));
                if let Some(written) = self.out.get_mut(place) {
                    *written = byte;
                }
            }
            at = at.saturating_add(nal.len()).saturating_add(4);
        }
    }

    /// Writes a null packet.
    pub(super) fn null(&mut self) {
        self.before_packet();
        self.put(&Header::new(Pid::NULL).to_bytes());
        self.put(&[0xFF; BODY]);
        self.after_packet();
    }
}

/// Copies bytes to where there is room for as many.
#[inline]
#[expect(clippy::disallowed_methods, reason = "the lengths are alike")]
fn copy(bytes: &[u8], room: &mut [u8]) {
    if bytes.len() == room.len() {
        room.copy_from_slice(bytes);
    }
}

/// Where the bytes of a PES packet lie in the output.
#[derive(Debug)]
pub(super) struct Places {
    /// Bytes in the first packet, and where they start.
    first: usize,
    start: usize,
    /// Where the payload of the next packet starts, and bytes from there to that of the one after it.
    next: usize,
    stride: usize,
    /// Packets after the first that are full; before the payload of the last one comes stuffing.
    full: usize,
    stuffing: usize,
}

impl Places {
    fn of(&self, at: usize) -> usize {
        let Some(at) = at.checked_sub(self.first) else {
            return self.start.saturating_add(at);
        };
        let packet = at / BODY;
        let stuffing = if packet == self.full {
            self.stuffing
        } else {
            0
        };
        self.next
            .saturating_add(packet.saturating_mul(self.stride))
            .saturating_add(at % BODY)
            .saturating_add(stuffing)
    }
}
