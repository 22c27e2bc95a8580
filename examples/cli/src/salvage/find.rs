//! What stands where in media data.
//!
//! Each unit of H.264 and H.265 has its length before it, so one leads to the next; a unit fits if it is a slice whose header can be read by the
//! parameter sets, or one of the kinds between whose neighbour fits. A frame of AAC has no length: it is walked codeword by codeword to its end, and fits
//! if something that fits stands behind it. Where nothing fits, the next place where something does is looked for.

use elementary::h265;
use std::io::{self, Read};

/// Longest unit that is believed.
const LONGEST: usize = 16 << 20;
/// Bytes of a slice that its header does not go past.
const HEADER: usize = 512;
/// Longest frame of sound: 6144 bits for each of 8 channels, and as much of extensions as fill elements have.
const FRAME: usize = 8 << 10;

/// What is read ahead of a stream.
pub(super) struct Window<R> {
    reader: R,
    bytes: Vec<u8>,
    at: usize,
    ended: bool,
}

impl<R: Read> Window<R> {
    pub(super) const fn new(reader: R) -> Self {
        Self {
            reader,
            bytes: Vec::new(),
            at: 0,
            ended: false,
        }
    }

    /// Goes on by so many bytes.
    pub(super) const fn pass(&mut self, len: usize) {
        self.at += len;
    }

    /// Reads until so many bytes are at hand; says whether they are.
    pub(super) fn fill(&mut self, len: usize) -> io::Result<bool> {
        const READ: usize = 64 << 10;
        while self.bytes.len() - self.at < len && !self.ended {
            if self.at > LONGEST {
                self.bytes.drain(..self.at);
                self.at = 0;
            }
            let wanted = READ.max(len);
            let n = self
                .reader
                .by_ref()
                .take(wanted as u64)
                .read_to_end(&mut self.bytes)?;
            self.ended = n == 0;
        }
        Ok(self.bytes.len() - self.at >= len)
    }

    /// What is at hand from a distance on.
    pub(super) fn ahead(&self, ahead: usize) -> &[u8] {
        self.bytes.get(self.at + ahead..).unwrap_or_default()
    }
}

/// How pictures are coded.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    H264,
    H265,
}

/// The parameter sets that pictures are known by.
pub(super) enum Sets {
    H264(h264::ParameterSets),
    H265(h265::ParameterSets),
}

impl Sets {
    pub(super) fn of(coding: Coding) -> Self {
        match coding {
            Coding::H264 => Self::H264(h264::ParameterSets::default()),
            Coding::H265 => Self::H265(h265::ParameterSets::default()),
        }
    }

    pub(super) const fn coding(&self) -> Coding {
        match self {
            Self::H264(_) => Coding::H264,
            Self::H265(_) => Coding::H265,
        }
    }

    /// Takes a unit, if it is a parameter set.
    pub(super) fn learn(&mut self, nal: &[u8]) {
        // One that cannot be read is of no use here.
        match self {
            Self::H264(sets) if matches!(nal, [head, ..] if matches!(head & 0x1F, 7 | 8)) => {
                _ = sets.insert(nal);
            }
            Self::H265(sets)
                if h265::Header::parse(nal).is_some_and(h265::Header::is_parameter_set) =>
            {
                _ = sets.insert(nal);
            }
            _ => {}
        }
    }

    /// Whether a unit of a length may begin so, by its first bytes alone: how many bytes have to be looked at.
    fn looked(&self, head: [u8; 2], len: usize) -> Option<usize> {
        let [first, _] = head;
        let (whole, start) = match self {
            Self::H264(_) if first & 0x80 == 0 => match first & 0x1F {
                1 | 5 => (false, HEADER),
                7 | 8 => (true, HEADER),
                6 | 9 | 12 => (false, 1),
                _ => return None,
            },
            Self::H264(_) => return None,
            Self::H265(_) => match h265::Header::parse(&head)? {
                header if header.is_parameter_set() => (true, HEADER),
                header if header.is_slice() => (false, HEADER),
                header if matches!(header.nal_unit_type, 35..=40) => (false, 2),
                _ => return None,
            },
        };
        (!whole || len <= HEADER).then_some(len.min(start))
    }

    /// Whether what begins so is a unit, and whether it says enough by itself.
    fn fits(&self, nal: &[u8]) -> (bool, bool) {
        match self {
            Self::H264(sets) => {
                let head = nal.first().copied().unwrap_or(0);
                let is_referred_to = head & 0x60 != 0;
                match head & 0x1F {
                    5 if !is_referred_to => (false, false),
                    1 | 5 => (h264::SliceHeader::parse(nal, sets).is_ok(), true),
                    // Parameter sets within the stream.
                    7 | 8 => (is_referred_to && sets.clone().insert(nal).is_ok(), true),
                    // Messages, delimiters and filler.
                    _ => (!is_referred_to, false),
                }
            }
            Self::H265(sets) => match h265::Header::parse(nal) {
                Some(header) if header.is_parameter_set() => {
                    // The other ones have little that could be wrong.
                    let is_enough = header.nal_unit_type == h265::SPS;
                    (sets.clone().insert(nal).is_ok(), is_enough)
                }
                // Of pictures from a second point of view no more is known.
                Some(header) if header.is_slice() && header.nuh_layer_id == 0 => {
                    (h265::SliceHeader::parse(nal, sets).is_ok(), true)
                }
                Some(header) => (header.nuh_layer_id <= 1, false),
                None => (false, false),
            },
        }
    }
}

/// What stands at a place.
#[derive(Clone, Copy)]
pub(super) enum Piece {
    /// A unit of pictures with its length before it, of so many bytes.
    Unit(Coding, usize),
    /// A frame of sound.
    Frame(usize),
}

impl Piece {
    pub(super) const fn len(self) -> usize {
        match self {
            Self::Unit(_, len) => 4 + len,
            Self::Frame(len) => len,
        }
    }
}

/// Finds what stands where.
pub(super) struct Finder<R> {
    pub(super) window: Window<R>,
    /// Those of one coding, or of all that the pictures may have.
    pub(super) sets: Vec<Sets>,
    pub(super) sound: Option<aac::raw_data_block::Walker>,
}

impl<R: Read> Finder<R> {
    /// The unit at a distance from here that fits, and whether it says enough by itself.
    fn unit(&mut self, ahead: usize) -> io::Result<Option<(Piece, bool)>> {
        if self.sets.is_empty() || !self.window.fill(ahead + 6)? {
            return Ok(None);
        }
        let &[a, b, c, d, first, second, ..] = self.window.ahead(ahead) else {
            return Ok(None);
        };
        let len = u32::from_be_bytes([a, b, c, d]) as usize;
        if !(2..=LONGEST).contains(&len) {
            return Ok(None);
        }
        for sets in &self.sets {
            let Some(looked) = sets.looked([first, second], len) else {
                continue;
            };
            if !self.window.fill(ahead + 4 + looked)? {
                continue;
            }
            let (fits, is_enough) = sets.fits(&self.window.ahead(ahead + 4)[..looked]);
            // The last one may be cut off.
            if fits && self.window.fill(ahead + 4 + len)? {
                return Ok(Some((Piece::Unit(sets.coding(), len), is_enough)));
            }
        }
        Ok(None)
    }

    /// The frame of sound at a distance from here.
    fn frame(&mut self, ahead: usize) -> io::Result<Option<usize>> {
        let Some(walker) = self.sound else {
            return Ok(None);
        };
        self.window.fill(ahead + FRAME)?;
        let data = self.window.ahead(ahead);
        let data = &data[..data.len().min(FRAME)];
        Ok(walker.walk(data).ok().map(|block| block.len))
    }

    /// What stands at a distance from here. `follow`: what comes behind it has to fit too where it does not say enough itself.
    pub(super) fn piece(&mut self, ahead: usize, follow: bool) -> io::Result<Option<Piece>> {
        let unit = self.unit(ahead)?;
        let is_enough = unit.is_some_and(|(_, is_enough)| is_enough);
        let unit = unit.map(|(unit, _)| unit);
        if !follow {
            return Ok(match unit {
                Some(unit) => Some(unit),
                None => self.frame(ahead)?.map(Piece::Frame),
            });
        }
        if let Some(unit) = unit
            && self.is_followed(ahead + unit.len())?
        {
            return Ok(Some(unit));
        }
        if let Some(len) = self.frame(ahead)?
            && self.is_followed(ahead + len)?
        {
            return Ok(Some(Piece::Frame(len)));
        }
        Ok(unit.filter(|_| is_enough))
    }

    /// Whether something that fits, the next box, or the end, is at a distance from here.
    fn is_followed(&mut self, ahead: usize) -> io::Result<bool> {
        if !self.window.fill(ahead + 1)? {
            return Ok(true);
        }
        self.window.fill(ahead + 8)?;
        let is_box = match self.window.ahead(ahead) {
            [_, _, _, _, name @ ..] => [b"moov", b"free", b"mdat", b"udta", b"uuid"]
                .iter()
                .any(|known| name.starts_with(*known)),
            _ => false,
        };
        Ok(is_box || self.piece(ahead, false)?.is_some())
    }
}
