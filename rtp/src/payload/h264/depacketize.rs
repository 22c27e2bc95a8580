use super::{END, FU_A, FU_B, IMPORTANCE, MTAP16, MTAP24, STAP_A, STAP_B, START, TYPE};
use crate::packet::invalid;
use crate::payload::Frame;
use crate::payload::assembler::Assembler;
use crate::sequence::Unwrapper;
use crate::{Error, Packet};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use wire::Reader;

/// What stands before a NAL unit in a byte stream.
const START_CODE: [u8; 4] = [0, 0, 0, 1];

/// Puts access units together, of packets of any kind: each NAL unit after its length in 4 bytes.
///
/// Packets must come in the order of their sequence numbers. An access unit ends with the marker bit, or where the next
/// one has another time stamp.
///
/// ```
/// use fluvial_rtp::payload::h264::Depacketizer;
/// use fluvial_rtp::{Limits, Packet};
///
/// let mut depacketizer = Depacketizer::new(&Limits::default());
/// // FU-A: the first and the last part of an IDR slice.
/// for (head, second, part) in [(0x60, 0x85, [0x88, 1]), (0xE0, 0x45, [2, 3])] {
///     let sequence = u8::from(head == 0xE0);
///     let packet = [0x80, head, 0, sequence, 0, 0, 0, 9, 0, 0, 0, 1, 0x7C, second, part[0], part[1]];
///     depacketizer.handle_packet(&Packet::parse(&packet)?)?;
/// }
/// let frame = depacketizer.poll_frame().unwrap();
/// assert_eq!(*frame.data, [0, 0, 0, 5, 0x65, 0x88, 1, 2, 3]);
/// # Ok::<(), fluvial_rtp::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Depacketizer {
    assembler: Assembler,
    /// Whether the access unit has a slice.
    has_slice: bool,
    interleaved: Option<Interleaved>,
    frame_size: usize,
}

/// Units that wait for those that are to be decoded before them (RFC 6184 §7.2).
#[derive(Debug, Clone)]
struct Interleaved {
    depth: usize,
    numbers: Unwrapper<u16>,
    units: BTreeMap<i64, (u32, Vec<u8>)>,
    size: usize,
    /// A unit in parts: its decoding order number, once the first part came.
    open: Option<(i64, u32, Vec<u8>)>,
    last: Option<i64>,
}

impl Depacketizer {
    /// For streams whose packets are in decoding order.
    #[must_use]
    pub const fn new(limits: &crate::Limits) -> Self {
        Self {
            assembler: Assembler::that_knows_starts(limits.frame_size),
            has_slice: false,
            interleaved: None,
            frame_size: limits.frame_size,
        }
    }

    /// For streams of `packetization-mode` 2: `sprop-interleaving-depth` units may come before one that is to be decoded
    /// before them.
    #[must_use]
    pub fn interleaved(limits: &crate::Limits, depth: usize) -> Self {
        Self {
            interleaved: Some(Interleaved {
                depth,
                numbers: Unwrapper::<u16>::new(),
                units: BTreeMap::new(),
                size: 0,
                open: None,
                last: None,
            }),
            ..Self::new(limits)
        }
    }

    /// Takes the next packet.
    ///
    /// # Errors
    /// What is wrong with its payload; what could be read of it is kept, and the next packet may come.
    #[inline]
    pub fn handle_packet(&mut self, packet: &Packet<'_>) -> Result<(), Error> {
        if self.interleaved.is_some() {
            return self.handle_interleaved(packet);
        }
        self.assembler.begin_packet(packet);
        let result = self.take_payload(packet);
        if self.assembler.is_empty() {
            self.has_slice = false;
        }
        // Some cameras set the marker bit on parameter sets, too.
        if packet.marker() && self.has_slice {
            self.assembler.flush();
            self.has_slice = false;
        }
        result
    }

    #[inline]
    fn take_payload(&mut self, packet: &Packet<'_>) -> Result<(), Error> {
        let payload = packet.payload();
        match payload {
            [indicator, header, part @ ..] if indicator & TYPE == FU_A => {
                self.take_part(*indicator, *header, part)
            }
            [indicator, rest @ ..] => match indicator & TYPE {
                1..=23 => self.take_unit(payload),
                // A start code before the unit, as some cameras have it.
                0 if payload.starts_with(&START_CODE) => {
                    self.take_unit(payload.get(START_CODE.len()..).unwrap_or_default())
                }
                STAP_A => self.take_aggregate(rest, 1, packet.timestamp(), 0, 0),
                STAP_B => {
                    let rest = rest.get(2..).unwrap_or_default();
                    self.take_aggregate(rest, 3, packet.timestamp(), 0, 0)
                }
                MTAP16 => {
                    let rest = rest.get(2..).unwrap_or_default();
                    self.take_aggregate(rest, 3, packet.timestamp(), 1, 2)
                }
                MTAP24 => {
                    let rest = rest.get(2..).unwrap_or_default();
                    self.take_aggregate(rest, 3, packet.timestamp(), 1, 3)
                }
                FU_B => match rest {
                    [header, _, _, part @ ..] => self.take_part(*indicator, *header, part),
                    _ => Err(crate::packet::short("FU-B header", 1, 3, rest.len())),
                },
                kind => Err(invalid("NAL unit type", kind, 0)),
            },
            // Packets of nothing keep a way through a NAT open.
            [] => Ok(()),
        }
    }

    #[inline]
    fn take_part(&mut self, indicator: u8, header: u8, part: &[u8]) -> Result<(), Error> {
        let unit_header = indicator & IMPORTANCE | header & TYPE;
        if header & START != 0 {
            self.note(unit_header, part);
            self.assembler.open([unit_header], part)?;
        } else if self.assembler.is_open() {
            self.assembler.append(part)?;
        } else {
            // Its first part is missing, which has been told.
            self.assembler.damage();
            return Ok(());
        }
        if header & END != 0 {
            self.assembler.close();
        }
        Ok(())
    }

    /// What a unit tells about the access unit: whether it is the first of it, and whether it holds a slice.
    #[inline]
    fn note(&mut self, header: u8, body: &[u8]) {
        match header & TYPE {
            kind @ 1..=5 => {
                // `first_mb_in_slice` is 0: one bit, which is set.
                if kind != 3 && kind != 4 && matches!(body, [0x80..=0xFF, ..]) {
                    self.assembler.is_start();
                }
                self.has_slice = true;
            }
            6..=9 => self.assembler.is_start(),
            _ => {}
        }
    }

    #[inline]
    fn take_unit(&mut self, nal: &[u8]) -> Result<(), Error> {
        if let [header, body @ ..] = nal {
            self.note(*header, body);
            self.assembler.push(nal)?;
        }
        Ok(())
    }

    /// The units of an aggregation packet, each with `don` bytes of an order number and `offset` bytes of a time.
    fn take_aggregate(
        &mut self,
        units: &[u8],
        at: usize,
        timestamp: u32,
        don: usize,
        offset: usize,
    ) -> Result<(), Error> {
        let mut reader = Reader::at(units, at);
        while !reader.is_empty() {
            let left = reader;
            let (_, ticks, nal) = match read_unit(&mut reader, don, offset) {
                Ok(unit) => unit,
                // A last unit that is said to be longer than it can be, as some senders have it, is what is there.
                Err(error) if offset == 0 => {
                    let rest = past(left, 2);
                    self.take_unit(rest)?;
                    return Err(error);
                }
                Err(error) => return Err(error),
            };
            let stamp = timestamp.wrapping_add(ticks);
            if offset > 0 {
                self.assembler.at(stamp);
            }
            self.take_unit(nal)?;
        }
        Ok(())
    }

    fn handle_interleaved(&mut self, packet: &Packet<'_>) -> Result<(), Error> {
        let lost = self.assembler.count(packet);
        let Some(interleaved) = &mut self.interleaved else {
            return Ok(());
        };
        if lost {
            interleaved.open = None;
        }
        let result = interleaved.take(packet, self.frame_size);
        let depth = interleaved.depth;
        self.release(depth);
        result
    }

    /// Lets units out in decoding order, until `depth` are left.
    fn release(&mut self, depth: usize) {
        while let Some(interleaved) = &mut self.interleaved
            && interleaved.units.len() > depth
            && let Some((number, (timestamp, nal))) = interleaved.units.pop_first()
        {
            interleaved.size = interleaved.size.saturating_sub(nal.len());
            let next = interleaved.last.map(|last| last.saturating_add(1));
            interleaved.last = Some(number);
            if next.is_some_and(|next| next != number) {
                self.assembler.lose();
            }
            self.assembler.at(timestamp);
            // Past its limit the frame is dropped, which its flags tell.
            let _ = self.take_unit(&nal);
        }
    }

    /// Ends the stream: what is there of the last access unit comes out.
    pub fn finish(&mut self) {
        let Some(interleaved) = &mut self.interleaved else {
            return self.assembler.cut_off();
        };
        interleaved.open = None;
        self.release(0);
        self.assembler.flush();
    }

    /// The next access unit that is complete.
    #[inline]
    pub fn poll_frame(&mut self) -> Option<Frame> {
        self.assembler.pop()
    }

    /// Bytes held.
    #[must_use]
    pub fn buffered_len(&self) -> usize {
        let interleaved = self.interleaved.as_ref().map_or(0, |interleaved| {
            let open = interleaved
                .open
                .as_ref()
                .map_or(0, |(_, _, unit)| unit.len());
            interleaved.size.saturating_add(open)
        });
        self.assembler.buffered_len().saturating_add(interleaved)
    }
}

/// What follows so many bytes.
fn past(mut reader: Reader<'_>, len: usize) -> &[u8] {
    match reader.skip(len, "NAL unit size") {
        Ok(()) => reader.rest(),
        Err(_) => &[],
    }
}

/// A unit of an aggregation packet: the difference of its order number, its time, and itself.
pub(super) fn read_unit<'a>(
    reader: &mut Reader<'a>,
    don: usize,
    offset: usize,
) -> Result<(u8, u32, &'a [u8]), Error> {
    let size = usize::from(reader.u16("NAL unit size")?);
    let dond = if don > 0 { reader.u8("DOND")? } else { 0 };
    let ticks = match offset {
        2 => reader.u16("TS offset")?.into(),
        3 => reader.u24("TS offset")?,
        _ => 0,
    };
    Ok((dond, ticks, reader.take(size, "NAL unit")?))
}

impl Interleaved {
    fn push(
        &mut self,
        number: i64,
        timestamp: u32,
        nal: Vec<u8>,
        limit: usize,
    ) -> Result<(), Error> {
        if nal.is_empty() || self.last.is_some_and(|last| number <= last) {
            // It comes too late, or a second time.
            return Ok(());
        }
        let size = self.size.saturating_add(nal.len());
        if size > limit {
            return Err(Error::Limit {
                limit: "bytes of interleaved units",
                max: limit as u64,
            });
        }
        self.size = size;
        if let Some((_, old)) = self.units.insert(number, (timestamp, nal)) {
            self.size = self.size.saturating_sub(old.len());
        }
        Ok(())
    }

    fn take(&mut self, packet: &Packet<'_>, limit: usize) -> Result<(), Error> {
        let timestamp = packet.timestamp();
        let mut reader = Reader::new(packet.payload());
        if reader.is_empty() {
            return Ok(());
        }
        let indicator = reader.u8("NAL unit header")?;
        let (don, offset) = match indicator & TYPE {
            STAP_B => (0, 0),
            MTAP16 => (1, 2),
            MTAP24 => (1, 3),
            FU_A | FU_B => {
                let header = reader.u8("FU header")?;
                if indicator & TYPE == FU_B {
                    let number = self.numbers.unwrap(reader.u16("DON")?);
                    let unit = Vec::from([indicator & IMPORTANCE | header & TYPE]);
                    self.open = Some((number, timestamp, unit));
                }
                let Some((number, timestamp, mut unit)) = self.open.take() else {
                    return Ok(());
                };
                let part = reader.rest();
                if unit.len().saturating_add(part.len()) > limit {
                    return Err(Error::Limit {
                        limit: "bytes of a frame",
                        max: limit as u64,
                    });
                }
                unit.extend_from_slice(part);
                if header & END != 0 {
                    return self.push(number, timestamp, unit, limit);
                }
                self.open = Some((number, timestamp, unit));
                return Ok(());
            }
            // The other kinds have no place in this mode (Table 3).
            kind => return Err(invalid("NAL unit type", kind, 0)),
        };
        let base = reader.u16("DON")?;
        let mut count: u16 = 0;
        while !reader.is_empty() {
            let (dond, ticks, nal) = read_unit(&mut reader, don, offset)?;
            let step = if don > 0 { dond.into() } else { count };
            let number = self.numbers.unwrap(base.wrapping_add(step));
            self.push(number, timestamp.wrapping_add(ticks), nal.to_vec(), limit)?;
            count = count.wrapping_add(1);
        }
        Ok(())
    }
}
