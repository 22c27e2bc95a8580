//! Pictures out of a file whose tables are lost: its units of H.264, known by the parameter sets of another file of the same
//! recorder.
//!
//! Each unit has its length before it, so one leads to the next; where it does not, the next that fits is looked for. A unit fits
//! if it is a slice whose header can be read by the parameter sets, or one of the kinds between whose neighbour fits
//! too. Sound has no such marks in an MP4: where a frame ends, only the lost tables knew.

use anyhow::{Context, Result, bail};
use h264::{DecoderConfig, ParameterSets, SliceHeader};
use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::rc::Rc;

/// Longest unit that is believed.
const LONGEST: usize = 16 << 20;
/// Bytes of a slice that its header does not go past.
const HEADER: usize = 512;
/// What stands before a unit in a byte stream.
const START: [u8; 4] = [0, 0, 0, 1];

/// What was found so far.
#[derive(Debug, Default)]
pub struct Found {
    /// Slices.
    pub slices: Cell<u64>,
    /// Bytes that are no unit that fits.
    pub other: Cell<u64>,
}

/// Reads the pictures of a file as a byte stream.
pub struct Salvage<R> {
    reader: R,
    sets: ParameterSets,
    found: Rc<Found>,
    /// Bytes of the file from `at` on that have not been dealt with.
    window: Vec<u8>,
    at: usize,
    ended: bool,
    out: Vec<u8>,
    given: usize,
}

impl Salvage<BufReader<File>> {
    /// Opens a file at its media data.
    pub fn open(path: &str, config: &DecoderConfig, found: Rc<Found>) -> Result<Self> {
        let mut reader = BufReader::with_capacity(
            256 << 10,
            File::open(path).with_context(|| path.to_owned())?,
        );
        loop {
            let mut header = [0; 8];
            if reader.read_exact(&mut header).is_err() {
                bail!("{path}: there is no media data");
            }
            let [size @ .., a, b, c, d] = header;
            let mut left = u64::from(u32::from_be_bytes(size)).saturating_sub(8);
            if size == [0, 0, 0, 1] {
                let mut large = [0; 8];
                reader.read_exact(&mut large)?;
                left = u64::from_be_bytes(large).saturating_sub(16);
            }
            if [a, b, c, d] == *b"mdat" {
                break;
            }
            // Its size may never have been written.
            io::copy(&mut reader.by_ref().take(left), &mut io::sink())?;
        }
        Ok(Self::new(reader, config, found))
    }
}

impl<R: Read> Salvage<R> {
    fn new(reader: R, config: &DecoderConfig, found: Rc<Found>) -> Self {
        let (mut sets, mut out) = (ParameterSets::default(), Vec::new());
        for nal in config.sps().chain(config.pps()) {
            // One that cannot be read is of no use here.
            _ = sets.insert(nal);
            out.extend(START);
            out.extend(nal);
        }
        Self {
            reader,
            sets,
            found,
            window: Vec::new(),
            at: 0,
            ended: false,
            out,
            given: 0,
        }
    }

    /// Reads until so many bytes are at hand; says whether they are.
    fn fill(&mut self, len: usize) -> io::Result<bool> {
        const READ: usize = 64 << 10;
        while self.window.len() - self.at < len && !self.ended {
            if self.at > LONGEST {
                self.window.drain(..self.at);
                self.at = 0;
            }
            let before = self.window.len();
            let wanted = READ.max(len);
            let n = self
                .reader
                .by_ref()
                .take(wanted as u64)
                .read_to_end(&mut self.window)?;
            self.ended = n == 0 || self.window.len() == before;
        }
        Ok(self.window.len() - self.at >= len)
    }

    /// How many bytes the unit at a distance from here has behind its length, if there is one that fits. `follow`: what comes behind it is
    /// looked at too where it does not say enough itself.
    fn unit(&mut self, ahead: usize, follow: bool) -> io::Result<Option<usize>> {
        if !self.fill(ahead + 5)? {
            return Ok(None);
        }
        let from = self.at + ahead;
        let &[a, b, c, d, head] = &self.window[from..from + 5] else {
            return Ok(None);
        };
        let len = u32::from_be_bytes([a, b, c, d]) as usize;
        let (is_referred_to, kind) = (head & 0x60 != 0, head & 0x1F);
        if head & 0x80 != 0 || !(2..=LONGEST).contains(&len) {
            return Ok(None);
        }
        match kind {
            1 | 5 => {
                if kind == 5 && !is_referred_to {
                    return Ok(None);
                }
                let short = len.min(HEADER);
                if !self.fill(ahead + 4 + short)? {
                    return Ok(None);
                }
                let nal = &self.window[self.at + ahead + 4..][..short];
                if SliceHeader::parse(nal, &self.sets).is_err() {
                    return Ok(None);
                }
            }
            // Parameter sets within the stream.
            7 | 8 if is_referred_to => {
                if !self.fill(ahead + 4 + len)? {
                    return Ok(None);
                }
                let nal = &self.window[self.at + ahead + 4..][..len];
                if self.sets.clone().insert(nal).is_err() {
                    return Ok(None);
                }
            }
            // Messages, delimiters and filler say little: what follows them has to fit.
            6 | 9 | 12 if !is_referred_to && follow => {
                if self.unit(ahead + 4 + len, false)?.is_none() {
                    return Ok(None);
                }
            }
            6 | 9 if !is_referred_to => {}
            _ => return Ok(None),
        }
        // The last one may be cut off.
        Ok(self.fill(ahead + 4 + len)?.then_some(len))
    }

    /// Goes one unit on, or one byte; says whether there is more.
    fn step(&mut self) -> io::Result<bool> {
        if !self.fill(5)? {
            return Ok(false);
        }
        let Some(len) = self.unit(0, true)? else {
            self.at += 1;
            self.found.other.set(self.found.other.get() + 1);
            return Ok(true);
        };
        let nal = &self.window[self.at + 4..][..len];
        let kind = nal[0] & 0x1F;
        if matches!(kind, 7 | 8) {
            // It was looked at before.
            _ = self.sets.insert(nal);
        }
        if matches!(kind, 1 | 5) {
            self.found.slices.set(self.found.slices.get() + 1);
        }
        self.out.extend(START);
        self.out.extend(nal);
        self.at += 4 + len;
        Ok(true)
    }
}

impl<R: Read> Read for Salvage<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.given >= self.out.len() {
            self.out.clear();
            self.given = 0;
            if !self.step()? {
                return Ok(0);
            }
        }
        let rest = &self.out[self.given..];
        let n = rest.len().min(buffer.len());
        buffer[..n].copy_from_slice(&rest[..n]);
        self.given += n;
        Ok(n)
    }
}
