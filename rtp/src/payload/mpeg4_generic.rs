//! MPEG-4 elementary streams (RFC 3640): AAC of high and low bit rate, and the general form of which these are cases.
//!
//! ```text
//! AU-headers-length, 16 bits | AU-header(1) | AU-header(2) | ... | padding to a byte | auxiliary section | access units
//! AU-header: AU-size | AU-Index (first) or AU-Index-delta | CTS, DTS, RAP, stream state, where configured
//! ```

use super::Frame;
use super::Payload;
use super::assembler::Assembler;
use super::parts::Parts;
use crate::packet::{short, too_long};
use crate::sequence::Unwrapper;
use crate::{Error, Limits, Packet};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use bytes::Bytes;
use wire::{BitReader, BitWriter, ShortBits};

/// What the parameters of `a=fmtp` say about the headers of access units (RFC 3640 §4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Config {
    /// `sizeLength`: bits of `AU-size`; 0 where it is absent.
    pub size_length: u8,
    /// `indexLength`: bits of the first `AU-Index`.
    pub index_length: u8,
    /// `indexDeltaLength`: bits of each `AU-Index-delta`.
    pub index_delta_length: u8,
    /// `CTSDeltaLength`: bits of `CTS-delta`.
    pub cts_delta_length: u8,
    /// `DTSDeltaLength`: bits of `DTS-delta`.
    pub dts_delta_length: u8,
    /// `randomAccessIndication`: whether there is a bit that says that decoding can start there.
    pub random_access_indication: bool,
    /// `streamStateIndication`: bits of the stream state.
    pub stream_state_indication: u8,
    /// `auxiliaryDataSizeLength`: bits of the length of the auxiliary section; 0 where there is none.
    pub auxiliary_data_size_length: u8,
    /// `constantSize`: bytes of each access unit, where all have the same; 0 where not.
    pub constant_size: u32,
    /// `constantDuration`: ticks of each access unit. With 0, those of a packet are told apart by `CTS-delta` only.
    pub constant_duration: u32,
}

impl Config {
    /// `mode=AAC-hbr` (§3.3.6): access units of up to 8191 bytes, each of which lasts `duration` ticks.
    #[must_use]
    pub const fn aac_hbr(duration: u32) -> Self {
        Self::sized(13, 3, duration)
    }

    /// `mode=AAC-lbr` (§3.3.5): access units of up to 63 bytes, each of which lasts `duration` ticks.
    #[must_use]
    pub const fn aac_lbr(duration: u32) -> Self {
        Self::sized(6, 2, duration)
    }

    const fn sized(size_length: u8, index_length: u8, duration: u32) -> Self {
        Self {
            size_length,
            index_length,
            index_delta_length: index_length,
            cts_delta_length: 0,
            dts_delta_length: 0,
            random_access_indication: false,
            stream_state_indication: 0,
            auxiliary_data_size_length: 0,
            constant_size: 0,
            constant_duration: duration,
        }
    }

    /// Whether packets have a section of headers.
    const fn has_headers(&self) -> bool {
        self.size_length > 0
            || self.index_length > 0
            || self.index_delta_length > 0
            || self.cts_delta_length > 0
            || self.dts_delta_length > 0
            || self.random_access_indication
            || self.stream_state_indication > 0
    }
}

/// Lays access units into packets, one in each or more.
#[derive(Debug, Clone)]
pub struct Packetizer {
    max_size: usize,
    config: Config,
}

impl Packetizer {
    /// Makes payloads of `max_size` bytes at most; of 8, where that is less.
    #[must_use]
    pub fn new(max_size: usize, config: Config) -> Self {
        Self {
            max_size: max_size.max(8),
            config,
        }
    }

    /// The header of an access unit that stands alone in a packet, after the headers' length.
    fn header(&self, size: usize, delta: bool, out: &mut BitWriter<'_>) -> Result<(), Error> {
        let config = &self.config;
        let size = u32::try_from(size).unwrap_or(u32::MAX);
        out.bits(config.size_length.into(), "AU-size", size)?;
        let index = if delta {
            config.index_delta_length
        } else {
            config.index_length
        };
        out.bits(index.into(), "AU-Index", 0)?;
        if config.cts_delta_length > 0 {
            out.bit(false);
        }
        if config.dts_delta_length > 0 {
            out.bit(false);
        }
        if config.random_access_indication {
            out.bit(true);
        }
        out.bits(config.stream_state_indication.into(), "stream state", 0)?;
        Ok(())
    }

    /// Appends the sections before the access units of these sizes.
    fn head(&self, sizes: impl Iterator<Item = usize>, out: &mut Vec<u8>) -> Result<(), Error> {
        if self.config.has_headers() {
            let start = out.len();
            out.extend_from_slice(&[0; 2]);
            let mut bits = BitWriter::new(out);
            for (n, size) in sizes.enumerate() {
                self.header(size, n > 0, &mut bits)?;
            }
            let len = bits.position();
            bits.align_zero();
            let len = u16::try_from(len)
                .map_err(|_| too_long("AU-headers-length", len, u16::MAX.into()))?;
            if let Some(place) = out.get_mut(start..).and_then(<[u8]>::first_chunk_mut) {
                *place = len.to_be_bytes();
            }
        }
        if self.config.auxiliary_data_size_length > 0 {
            let mut bits = BitWriter::new(out);
            let len = self.config.auxiliary_data_size_length;
            bits.bits(len.into(), "auxiliary-data-size", 0)?;
            bits.align_zero();
        }
        Ok(())
    }

    /// The payloads of one access unit: one, or as many as it takes.
    ///
    /// # Errors
    /// [`Error::TooLong`] where its size does not fit `sizeLength` bits.
    pub fn packetize<'a>(&self, unit: &'a [u8]) -> Result<Payloads<'a>, Error> {
        let mut head = Vec::with_capacity(16);
        self.head([unit.len()].into_iter(), &mut head)?;
        let room = self.max_size.saturating_sub(head.len());
        Ok(Payloads {
            parts: Parts::new(unit, room),
            template: Payload::with_head(&head)?,
        })
    }

    /// Appends a payload of several access units, which follow one another without a gap; the packet's marker bit is to be
    /// set. How many fit, [`fits`](Self::fits) tells.
    ///
    /// # Errors
    /// [`Error::TooLong`] where a size does not fit `sizeLength` bits.
    pub fn aggregate(&self, units: &[Bytes], out: &mut Vec<u8>) -> Result<(), Error> {
        self.head(units.iter().map(Bytes::len), out)?;
        units.iter().for_each(|unit| out.extend_from_slice(unit));
        Ok(())
    }

    /// Whether `count` access units of `size` bytes together fit into one packet.
    #[must_use]
    pub fn fits(&self, count: usize, size: usize) -> bool {
        let config = &self.config;
        let bits = usize::from(config.size_length)
            .saturating_add(config.index_length.max(config.index_delta_length).into())
            .saturating_add(config.stream_state_indication.into())
            .saturating_add(3);
        let headers = bits.saturating_mul(count).div_ceil(8).saturating_add(4);
        let auxiliary = usize::from(config.auxiliary_data_size_length).div_ceil(8);
        headers.saturating_add(auxiliary).saturating_add(size) <= self.max_size
    }
}

/// The payloads of one access unit.
#[derive(Debug, Clone)]
pub struct Payloads<'a> {
    parts: Parts<'a>,
    template: Payload<'a>,
}

impl<'a> Iterator for Payloads<'a> {
    type Item = Payload<'a>;

    fn next(&mut self) -> Option<Payload<'a>> {
        let part = self.parts.next()?;
        Some(self.template.with_body(part.data, part.is_last))
    }
}

/// Takes access units out of packets.
#[derive(Debug, Clone)]
pub struct Depacketizer {
    config: Config,
    assembler: Assembler,
    /// Bytes that the access unit in parts has, by its header.
    expected: usize,
    /// Units that came before others that precede them (§3.2.3.2), by their time.
    waiting: BTreeMap<i64, Frame>,
    waiting_size: usize,
    times: Unwrapper<u32>,
    limit: usize,
}

/// What a header says about its access unit.
#[derive(Debug, Clone, Copy, Default)]
struct Header {
    size: usize,
    /// Access units between the first one of the packet and this one.
    index: u32,
    /// Ticks from the packet's time stamp.
    ticks: u32,
}

impl Depacketizer {
    /// For streams of this configuration.
    #[must_use]
    pub const fn new(limits: &Limits, config: Config) -> Self {
        Self {
            config,
            assembler: Assembler::new(limits.frame_size),
            expected: 0,
            waiting: BTreeMap::new(),
            waiting_size: 0,
            times: Unwrapper::<u32>::new(),
            limit: limits.frame_size,
        }
    }

    /// Takes the next packet.
    ///
    /// # Errors
    /// What is wrong with its payload; what could be read of it is kept, and the next packet may come.
    pub fn handle_packet(&mut self, packet: &Packet<'_>) -> Result<(), Error> {
        let lost = self.assembler.count(packet);
        let now = self.times.unwrap(packet.timestamp());
        self.release(now);
        if lost || self.expected == 0 {
            self.assembler.discard();
            self.expected = 0;
        }
        let payload = packet.payload();
        if payload.is_empty() {
            return Ok(());
        }
        let (headers, data) = self.headers(payload)?;
        if let [header] = headers.as_slice()
            && (self.expected > 0 || header.size > data.len())
        {
            return self.take_part(packet, header.size, data);
        }
        let mut rest = data;
        let mut after_first = headers.iter().zip(headers.iter().skip(1));
        let interleaved = after_first.any(|(a, b)| b.index > a.index.saturating_add(1));
        for (n, header) in headers.iter().enumerate() {
            let Some((unit, after)) = rest.split_at_checked(header.size) else {
                let at = payload.len().saturating_sub(rest.len());
                self.assembler.damage();
                return Err(short("access unit", at, header.size, rest.len()));
            };
            rest = after;
            let frame = Frame {
                timestamp: packet.timestamp().wrapping_add(header.ticks),
                data: Bytes::copy_from_slice(unit),
                after_loss: self.assembler.take_loss(),
                damaged: false,
            };
            if unit.is_empty() {
                continue;
            }
            if interleaved && n > 0 {
                self.wait(now.saturating_add(header.ticks.into()), frame)?;
            } else {
                self.assembler.push_frame(frame);
            }
        }
        Ok(())
    }

    fn wait(&mut self, time: i64, frame: Frame) -> Result<(), Error> {
        let size = self.waiting_size.saturating_add(frame.data.len());
        if size > self.limit {
            return Err(Error::Limit {
                limit: "bytes of interleaved units",
                max: self.limit as u64,
            });
        }
        self.waiting_size = size;
        if let Some(old) = self.waiting.insert(time, frame) {
            self.waiting_size = self.waiting_size.saturating_sub(old.data.len());
        }
        Ok(())
    }

    /// Lets out what precedes the packet that came: time stamps of packets do not go back.
    fn release(&mut self, now: i64) {
        while let Some(entry) = self.waiting.first_entry()
            && *entry.key() < now
        {
            let frame = entry.remove();
            self.waiting_size = self.waiting_size.saturating_sub(frame.data.len());
            self.assembler.push_frame(frame);
        }
    }

    fn take_part(&mut self, packet: &Packet<'_>, size: usize, data: &[u8]) -> Result<(), Error> {
        self.assembler.at(packet.timestamp());
        if self.assembler.is_empty() {
            self.expected = size;
            self.assembler.is_start();
        }
        if let Err(error) = self.assembler.append(data) {
            self.expected = 0;
            return Err(error);
        }
        let have = self.assembler.held();
        if have >= self.expected || packet.marker() {
            if have == self.expected {
                self.assembler.flush();
            } else {
                // Parts of it are missing, or are not its own.
                self.assembler.lose();
                self.assembler.discard();
            }
            self.expected = 0;
        }
        Ok(())
    }

    /// The headers of the access units in a payload, and what follows them.
    fn headers<'p>(&self, payload: &'p [u8]) -> Result<(Vec<Header>, &'p [u8]), Error> {
        let config = &self.config;
        let constant = usize::try_from(config.constant_size).unwrap_or(usize::MAX);
        let (mut headers, mut data) = (Vec::new(), payload);
        if config.has_headers() {
            let Some(([a, b], rest)) = payload.split_first_chunk() else {
                return Err(short("AU-headers-length", 0, 2, payload.len()));
            };
            let bits = u64::from(u16::from_be_bytes([*a, *b]));
            let len = usize::try_from(bits.div_ceil(8)).unwrap_or(usize::MAX);
            let Some((section, rest)) = rest.split_at_checked(len) else {
                return Err(short("AU-header section", 2, len, rest.len()));
            };
            data = rest;
            let mut reader = BitReader::new(section);
            let (mut index, mut first) = (0u32, true);
            // A header of no bits at all would not end.
            while reader.position() < bits {
                let start = reader.position();
                let header = self
                    .header(&mut reader, &mut index, first)
                    .map_err(bits_error)?;
                headers.push(header);
                if reader.position() == start {
                    break;
                }
                first = false;
            }
        }
        if headers.is_empty() {
            let size = if constant > 0 { constant } else { data.len() };
            let count = data.len().checked_div(size).unwrap_or(0);
            headers.extend((0..u32::try_from(count).unwrap_or(0)).map(|index| Header {
                size,
                index,
                ticks: index.wrapping_mul(config.constant_duration),
            }));
        }
        if config.auxiliary_data_size_length > 0 {
            let mut reader = BitReader::new(data);
            let bits = reader
                .bits(
                    config.auxiliary_data_size_length.into(),
                    "auxiliary-data-size",
                )
                .map_err(bits_error)?;
            let len = u64::from(bits).saturating_add(config.auxiliary_data_size_length.into());
            let len = usize::try_from(len.div_ceil(8)).unwrap_or(usize::MAX);
            data = data
                .get(len..)
                .ok_or_else(|| short("auxiliary section", 0, len, data.len()))?;
        }
        Ok((headers, data))
    }

    fn header(
        &self,
        reader: &mut BitReader<'_>,
        index: &mut u32,
        first: bool,
    ) -> Result<Header, ShortBits> {
        let config = &self.config;
        let size = if config.size_length > 0 {
            reader.bits(config.size_length.into(), "AU-size")?
        } else {
            config.constant_size
        };
        if first {
            // The first index is 0 but where all of a stream's indices are told; only differences matter here.
            reader.bits(config.index_length.into(), "AU-Index")?;
        } else {
            let delta = reader.bits(config.index_delta_length.into(), "AU-Index-delta")?;
            *index = index.wrapping_add(delta).wrapping_add(1);
        }
        let mut ticks = index.wrapping_mul(config.constant_duration);
        if config.cts_delta_length > 0 && reader.bit("CTS-flag")? {
            let length = u32::from(config.cts_delta_length);
            let delta = reader.bits(length, "CTS-delta")?;
            ticks = sign_extend(delta, length);
        }
        if config.dts_delta_length > 0 && reader.bit("DTS-flag")? {
            reader.bits(config.dts_delta_length.into(), "DTS-delta")?;
        }
        if config.random_access_indication {
            reader.bit("RAP-flag")?;
        }
        reader.bits(config.stream_state_indication.into(), "stream state")?;
        Ok(Header {
            size: usize::try_from(size).unwrap_or(usize::MAX),
            index: *index,
            ticks,
        })
    }

    /// Ends the stream: what waits comes out.
    pub fn finish(&mut self) {
        self.release(i64::MAX);
        self.assembler.discard();
        self.expected = 0;
    }

    /// The next access unit.
    pub fn poll_frame(&mut self) -> Option<Frame> {
        self.assembler.pop()
    }

    /// Bytes held.
    #[must_use]
    pub fn buffered_len(&self) -> usize {
        self.assembler
            .buffered_len()
            .saturating_add(self.waiting_size)
    }
}

/// A number of two's complement of `length` bits.
const fn sign_extend(value: u32, length: u32) -> u32 {
    let unused = 32u32.saturating_sub(length);
    match value.checked_shl(unused) {
        Some(high) => (high.cast_signed() >> unused).cast_unsigned(),
        None => 0,
    }
}

fn bits_error(error: ShortBits) -> Error {
    let at = usize::try_from(error.bit / 8).unwrap_or(usize::MAX);
    let whole = |bits: u64| usize::try_from(bits.div_ceil(8)).unwrap_or(usize::MAX);
    short(error.what, at, whole(error.needed), whole(error.left))
}
