//! What stands where in media data.
//!
//! Each unit of H.264 has its length before it, so one leads to the next; a unit fits if it is a slice whose header can be read by the
//! parameter sets, or one of the kinds between whose neighbour fits. A frame of AAC has no length: it is walked codeword by codeword to its end, and fits
//! if something that fits stands behind it. Where nothing fits, the next place where something does is looked for.

use h264::{ParameterSets, SliceHeader};
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

/// What stands at a place.
#[derive(Clone, Copy)]
pub(super) enum Piece {
    /// A unit with its length before it, of so many bytes.
    Unit(usize),
    /// A frame of sound.
    Frame(usize),
}

impl Piece {
    pub(super) const fn len(self) -> usize {
        match self {
            Self::Unit(len) => 4 + len,
            Self::Frame(len) => len,
        }
    }
}

/// Finds what stands where.
pub(super) struct Finder<R> {
    pub(super) window: Window<R>,
    pub(super) sets: Option<ParameterSets>,
    pub(super) sound: Option<aac::raw_data_block::Walker>,
}

impl<R: Read> Finder<R> {
    /// The unit at a distance from here that fits, and whether it says enough by itself.
    fn unit(&mut self, ahead: usize) -> io::Result<Option<(usize, bool)>> {
        let Some(sets) = &self.sets else {
            return Ok(None);
        };
        if !self.window.fill(ahead + 5)? {
            return Ok(None);
        }
        let &[a, b, c, d, head, ..] = self.window.ahead(ahead) else {
            return Ok(None);
        };
        let len = u32::from_be_bytes([a, b, c, d]) as usize;
        let (is_referred_to, kind) = (head & 0x60 != 0, head & 0x1F);
        if head & 0x80 != 0 || !(2..=LONGEST).contains(&len) {
            return Ok(None);
        }
        let looked = match kind {
            1 | 5 | 7 | 8 => len.min(HEADER),
            6 | 9 | 12 => 1,
            _ => return Ok(None),
        };
        if !self.window.fill(ahead + 4 + looked)? {
            return Ok(None);
        }
        let nal = &self.window.ahead(ahead + 4)[..looked];
        let (fits, is_enough) = match kind {
            5 if !is_referred_to => (false, false),
            1 | 5 => (SliceHeader::parse(nal, sets).is_ok(), true),
            // Parameter sets within the stream.
            7 | 8 => {
                let is_set = is_referred_to && len <= HEADER;
                (is_set && sets.clone().insert(nal).is_ok(), true)
            }
            // Messages, delimiters and filler.
            _ => (!is_referred_to, false),
        };
        // The last one may be cut off.
        let fits = fits && self.window.fill(ahead + 4 + len)?;
        Ok(fits.then_some((len, is_enough)))
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
        let unit = unit.map(|(len, _)| Piece::Unit(len));
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
