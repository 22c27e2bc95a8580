use super::{END, FU_A, FU_B, IMPORTANCE, Mode, STAP_A, STAP_B, START, TYPE, aggregate_header};
use crate::Error;
use crate::packet::{short, too_long};
use crate::payload::{Payload, split_unit};

/// The smallest payload in which NAL units can be cut: header, decoding order number, and a byte.
const MIN_SIZE: usize = 8;

/// Lays access units into packets.
///
/// ```
/// use fluvial_rtp::payload::h264::{Mode, Packetizer};
///
/// // Two NAL units, each after its length: they fit into one packet.
/// let unit = [0, 0, 0, 2, 0x06, 0x80, 0, 0, 0, 3, 0x65, 0x88, 0x84];
/// let mut packetizer = Packetizer::new(1200, Mode::NonInterleaved);
/// let payloads: Vec<_> = packetizer.packetize(&unit)?.collect();
/// let mut out = Vec::new();
/// payloads[0].write(&mut out);
/// assert_eq!(out, [0x78, 0, 2, 0x06, 0x80, 0, 3, 0x65, 0x88, 0x84]);
/// assert!(payloads[0].marker && payloads.len() == 1);
/// # Ok::<(), fluvial_rtp::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Packetizer {
    max_size: usize,
    mode: Mode,
    /// The decoding order number of the next NAL unit.
    don: u16,
}

impl Packetizer {
    /// Makes payloads of `max_size` bytes at most; of 8, where that is less.
    #[must_use]
    pub const fn new(max_size: usize, mode: Mode) -> Self {
        let max_size = if max_size < MIN_SIZE {
            MIN_SIZE
        } else {
            max_size
        };
        Self {
            max_size,
            mode,
            don: 0,
        }
    }

    /// The payloads of an access unit whose NAL units stand after their lengths in 4 bytes. Units that fit go together.
    ///
    /// # Errors
    /// [`Error::Short`] where a length goes past the end; [`Error::TooLong`] for a NAL unit that does not fit into a packet
    /// in [`Mode::SingleNal`].
    pub fn packetize<'a>(&mut self, unit: &'a [u8]) -> Result<Payloads<'a>, Error> {
        let mut rest = unit;
        let mut count: u16 = 0;
        while !rest.is_empty() {
            let Some((nal, after)) = split_unit(rest) else {
                let offset = unit.len().saturating_sub(rest.len());
                return Err(short("NAL unit", offset, 4, rest.len()));
            };
            if self.mode == Mode::SingleNal && nal.len() > self.max_size {
                let (len, max) = (nal.len() as u64, self.max_size as u64);
                return Err(too_long("NAL unit", len, max));
            }
            count = count.wrapping_add(u16::from(!nal.is_empty()));
            rest = after;
        }
        let payloads = Payloads {
            cutter: Cutter {
                max_size: self.max_size,
                mode: self.mode,
                don: self.don,
                fragment: None,
            },
            rest: unit,
            is_end: true,
        };
        self.don = self.don.wrapping_add(count);
        Ok(payloads)
    }

    /// The payloads of NAL units from anywhere, such as a stream with start codes, each in packets of its own. The marker
    /// bit is set on the last one. In [`Mode::SingleNal`] a packet may be longer than was asked for.
    pub fn packetize_nals<'a, I>(&mut self, nals: I) -> Nals<'a, '_, I::IntoIter>
    where
        I: IntoIterator<Item = &'a [u8]>,
    {
        let mut nals = nals.into_iter();
        Nals {
            cutter: Cutter {
                max_size: self.max_size,
                mode: self.mode,
                don: self.don,
                fragment: None,
            },
            next: nals.find(|nal| !nal.is_empty()),
            nals,
            don: &mut self.don,
        }
    }
}

/// A NAL unit that goes in parts.
#[derive(Debug, Clone, Copy)]
struct Fragment<'a> {
    header: u8,
    rest: &'a [u8],
}

#[derive(Debug, Clone)]
struct Cutter<'a> {
    max_size: usize,
    mode: Mode,
    don: u16,
    fragment: Option<Fragment<'a>>,
}

impl<'a> Cutter<'a> {
    /// The next part of the unit that goes in parts.
    #[inline]
    fn part(&mut self, is_end: bool) -> Option<Payload<'a>> {
        let Fragment { header, rest } = self.fragment.take()?;
        let (indicator, kind) = (header & IMPORTANCE | FU_A, header & TYPE);
        match rest.split_at_checked(self.max_size.saturating_sub(2)) {
            Some((part, rest)) if !rest.is_empty() => {
                self.fragment = Some(Fragment { header, rest });
                Some(Payload::new([indicator, kind], part, false))
            }
            _ => Some(Payload::new([indicator, kind | END], rest, is_end)),
        }
    }

    /// The first payload of a unit: the whole of it, where it fits.
    #[inline]
    fn start(&mut self, nal: &'a [u8], is_end: bool) -> Payload<'a> {
        let interleaved = self.mode == Mode::Interleaved;
        let don = self.don;
        self.don = don.wrapping_add(1);
        let [d0, d1] = don.to_be_bytes();
        let overhead = if interleaved { 5 } else { 0 };
        let whole = nal.len().saturating_add(overhead) <= self.max_size;
        let [header, body @ ..] = nal else {
            return Payload::new([], nal, is_end);
        };
        if whole || self.mode == Mode::SingleNal {
            if interleaved {
                // It fits, so its length has 16 bits.
                let [.., l0, l1] = nal.len().to_be_bytes();
                let kind = header & IMPORTANCE | STAP_B;
                return Payload::new([kind, d0, d1, l0, l1], nal, is_end);
            }
            return Payload::new([], nal, is_end);
        }
        let importance = header & IMPORTANCE;
        let kind = header & TYPE | START;
        let room = self
            .max_size
            .saturating_sub(if interleaved { 4 } else { 2 });
        let (part, rest) = body.split_at_checked(room).unwrap_or((body, &[]));
        self.fragment = Some(Fragment {
            header: *header,
            rest,
        });
        if interleaved {
            Payload::new([importance | FU_B, kind, d0, d1], part, false)
        } else {
            Payload::new([importance | FU_A, kind], part, false)
        }
    }
}

/// The payloads of an access unit.
#[derive(Debug, Clone)]
pub struct Payloads<'a> {
    cutter: Cutter<'a>,
    rest: &'a [u8],
    is_end: bool,
}

impl Payloads<'_> {
    /// Without the marker bit on the last one: more of the same access unit follows.
    #[must_use]
    pub const fn to_be_continued(mut self) -> Self {
        self.is_end = false;
        self
    }

    /// The marker bit of a payload after which only `rest` is left.
    #[inline]
    fn ends(&self, rest: &[u8]) -> bool {
        // Empty units are left out.
        self.is_end && rest.iter().all(|byte| *byte == 0)
    }
}

impl<'a> Iterator for Payloads<'a> {
    type Item = Payload<'a>;

    #[inline]
    fn next(&mut self) -> Option<Payload<'a>> {
        if self.cutter.fragment.is_some() {
            let is_end = self.ends(self.rest);
            return self.cutter.part(is_end);
        }
        let units = self.rest;
        let (nal, rest) = split_unit(units)?;
        if nal.is_empty() {
            self.rest = rest;
            return self.next();
        }
        let head = match self.cutter.mode {
            Mode::SingleNal => 0,
            Mode::NonInterleaved => 1,
            Mode::Interleaved => 3,
        };
        // How many units fit together.
        let mut size = nal.len().saturating_add(head + 2);
        let (mut count, mut after) = (1, rest);
        if head > 0 && size <= self.cutter.max_size {
            while let Some((next, further)) = split_unit(after) {
                size = size.saturating_add(next.len()).saturating_add(2);
                if size > self.cutter.max_size || next.is_empty() {
                    break;
                }
                (count, after) = (count + 1, further);
            }
        }
        if count == 1 {
            self.rest = rest;
            let is_end = self.ends(rest);
            return Some(self.cutter.start(nal, is_end));
        }
        self.rest = after;
        let is_end = self.ends(after);
        let together = units.len().saturating_sub(after.len());
        let together = units.get(..together).unwrap_or_default();
        let mut walk = together;
        let nals = core::iter::from_fn(|| {
            let (nal, rest) = split_unit(walk)?;
            walk = rest;
            Some(nal)
        });
        if head == 1 {
            let kind = aggregate_header(STAP_A, nals);
            return Some(Payload::units([kind], together, is_end));
        }
        let kind = aggregate_header(STAP_B, nals);
        let [d0, d1] = self.cutter.don.to_be_bytes();
        self.cutter.don = self.cutter.don.wrapping_add(count);
        Some(Payload::units([kind, d0, d1], together, is_end))
    }
}

/// The payloads of NAL units from an iterator.
#[derive(Debug)]
pub struct Nals<'a, 'p, I> {
    cutter: Cutter<'a>,
    nals: I,
    /// The next unit, which is not empty.
    next: Option<&'a [u8]>,
    don: &'p mut u16,
}

impl<'a, I: Iterator<Item = &'a [u8]>> Iterator for Nals<'a, '_, I> {
    type Item = Payload<'a>;

    #[inline]
    fn next(&mut self) -> Option<Payload<'a>> {
        if self.cutter.fragment.is_some() {
            return self.cutter.part(self.next.is_none());
        }
        let nal = self.next?;
        self.next = self.nals.find(|nal| !nal.is_empty());
        let payload = self.cutter.start(nal, self.next.is_none());
        *self.don = self.cutter.don;
        Some(payload)
    }
}
