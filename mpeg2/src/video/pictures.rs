use super::unit::{PREFIX, units};
use super::{Extension, PictureCoding, PictureHeader, Sequence, StartCode, Units};
use crate::Error;
use alloc::vec::Vec;
use memchr::memmem;
use wire::framing::Piece;

/// A picture: a frame, or the two fields of one, with the headers before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Picture<'a> {
    /// Its bytes.
    pub data: &'a [u8],
}

impl<'a> Picture<'a> {
    /// Its units.
    #[must_use]
    pub fn units(&self) -> Units<'a> {
        units(self.data)
    }

    /// The sequence header before it, if there is one.
    ///
    /// # Errors
    /// As [`SequenceHeader::parse`](super::SequenceHeader::parse).
    pub fn sequence(&self) -> Result<Option<Sequence>, Error> {
        Sequence::find(self.data)
    }

    /// The headers of its frame, or of its two fields.
    pub fn headers(
        &self,
    ) -> impl Iterator<Item = Result<(PictureHeader, Option<PictureCoding>), Error>> + use<'a> {
        let mut units = self.units().peekable();
        core::iter::from_fn(move || {
            let unit = units.find(|unit| unit.code == StartCode::PICTURE)?;
            let coding = units
                .next_if(|unit| unit.code == StartCode::EXTENSION)
                .and_then(|unit| match Extension::parse(unit.data) {
                    Ok(Extension::PictureCoding(coding)) => Some(coding),
                    _ => None,
                });
            Some(PictureHeader::parse(unit.data).map(|header| (header, coding)))
        })
    }
}

/// The longest picture that is given out: far more than any level of MPEG-2 allows.
const MAX_LEN: usize = 16 << 20;

/// How far from a picture's start code its extension is looked for.
const MAX_HEADER: usize = 1024;

/// What a picture consists of so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Have {
    /// Nothing: what comes is junk.
    Nothing,
    /// Headers of a sequence or a group, without a picture.
    Headers,
    /// The first field of a frame.
    Field { top: bool, temporal_reference: u16 },
    /// A frame, or both fields of one.
    Whole,
}

/// What the picture is whose start code some bytes begin with; `None` where they are too few to say.
fn structure(data: &[u8], is_end: bool) -> Option<Have> {
    let header = data.get(4..)?;
    let header = header.get(..MAX_HEADER).unwrap_or(header);
    let extension = memmem::find(header, &PREFIX)
        .and_then(|at| header.get(at.checked_add(PREFIX.len())?..)?.first_chunk());
    match (header, extension) {
        // The fields of a frame have the same temporal reference.
        (&[a, b, ..], Some(&[code, identifier, _, structure]))
            if StartCode(code) == StartCode::EXTENSION
                && identifier >> 4 == 8
                && matches!(structure & 3, 1 | 2) =>
        {
            Some(Have::Field {
                top: structure & 3 == 1,
                temporal_reference: u16::from_be_bytes([a, b]) >> 6,
            })
        }
        (_, Some(_)) => Some(Have::Whole),
        (_, None) => (is_end || header.len() == MAX_HEADER).then_some(Have::Whole),
    }
}

/// The search for where pictures begin, less the bytes.
#[derive(Debug, Clone, Copy)]
struct Search {
    have: Have,
    /// Where to go on.
    at: usize,
    /// Bytes of what is no picture that are gone already.
    dropped: u64,
}

impl Search {
    const fn new() -> Self {
        Self {
            have: Have::Nothing,
            at: 0,
            dropped: 0,
        }
    }

    /// Where what stands at the start of the data ends, and whether that is a picture; `None` where more bytes have to come.
    fn step(&mut self, data: &[u8], is_end: bool) -> Option<(usize, bool)> {
        let prefix = memmem::Finder::new(&PREFIX);
        loop {
            let rest = data.get(self.at..)?;
            let found = prefix
                .find(rest)
                .filter(|at| rest.len() - at > PREFIX.len());
            let Some(found) = found else {
                return self.no_prefix(data, is_end);
            };
            let rest = rest.get(found..)?;
            let next = match rest.get(PREFIX.len()).map(|&code| StartCode(code))? {
                StartCode::PICTURE => structure(rest, is_end),
                StartCode::SEQUENCE_HEADER | StartCode::GROUP => Some(Have::Headers),
                _ => {
                    self.at += found + PREFIX.len();
                    continue;
                }
            };
            self.at += found;
            let next = next?;
            let end = self.at;
            self.at += PREFIX.len();
            let (begins, have) = match (self.have, next) {
                (Have::Nothing, next) => (end > 0 || self.dropped > 0, next),
                (Have::Headers, next) => (false, next),
                (
                    Have::Field {
                        top,
                        temporal_reference: first,
                    },
                    Have::Field {
                        top: other,
                        temporal_reference: second,
                    },
                ) if top != other && first == second => (false, Have::Whole),
                (_, next) => (true, next),
            };
            let is_picture = self.have != Have::Nothing;
            self.have = have;
            if begins {
                self.at = PREFIX.len();
                return Some((end, is_picture));
            }
        }
    }

    /// All start codes have been seen.
    #[cold]
    fn no_prefix(&mut self, data: &[u8], is_end: bool) -> Option<(usize, bool)> {
        let is_picture = matches!(self.have, Have::Field { .. } | Have::Whole);
        if is_end {
            self.at = 0;
            self.have = Have::Nothing;
            return (!data.is_empty() || self.dropped > 0).then_some((data.len(), is_picture));
        }
        // The last bytes may begin a start code.
        let seen = data.len().saturating_sub(PREFIX.len());
        self.at = self.at.max(seen);
        None
    }
}

/// The pictures of a whole stream, with what precedes the first one's headers. Headers without a picture at the end are junk.
#[must_use]
pub fn pictures(data: &[u8]) -> Pictures<'_> {
    Pictures {
        rest: data,
        offset: 0,
        search: Search::new(),
    }
}

/// Iterator of [`pictures`].
#[derive(Debug, Clone)]
pub struct Pictures<'a> {
    rest: &'a [u8],
    offset: u64,
    search: Search,
}

impl<'a> Iterator for Pictures<'a> {
    type Item = Piece<Picture<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        let (len, is_picture) = self.search.step(self.rest, true)?;
        let (data, rest) = self.rest.split_at_checked(len)?;
        let offset = self.offset;
        self.rest = rest;
        self.offset += len as u64;
        Some(piece(offset, data, is_picture))
    }
}

fn piece(offset: u64, data: &[u8], is_picture: bool) -> Piece<Picture<'_>> {
    if is_picture && data.len() <= MAX_LEN {
        let frame = Picture { data };
        Piece::Frame { offset, frame }
    } else {
        let len = data.len() as u64;
        Piece::Junk { offset, len }
    }
}

/// Finds the pictures of a stream that comes in pieces of any size.
///
/// Give it input, then poll until it says `None`. A picture is given out once the next one begins, or at the end. What it
/// holds is one picture and what came after it in the last input; what is longer than 16 MiB is dropped as junk.
#[derive(Debug, Clone)]
pub struct PictureSplitter {
    buffer: Vec<u8>,
    /// Start of what was not given out yet.
    start: usize,
    /// Offset of the buffer's first byte from the start of the input.
    offset: u64,
    search: Search,
    is_end: bool,
}

impl PictureSplitter {
    /// A splitter at the start of a stream.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            buffer: Vec::new(),
            start: 0,
            offset: 0,
            search: Search::new(),
            is_end: false,
        }
    }

    /// Takes more of the stream. After [`handle_eof`](Self::handle_eof) nothing is taken.
    pub fn handle_input(&mut self, data: &[u8]) {
        if !self.is_end {
            self.discard(self.start);
            self.start = 0;
            self.buffer.extend_from_slice(data);
        }
    }

    #[expect(clippy::disallowed_methods, reason = "`len` is never past the end")]
    fn discard(&mut self, len: usize) {
        self.buffer.drain(..len.min(self.buffer.len()));
        self.offset = self.offset.saturating_add(len as u64);
    }

    /// Says that the stream has ended.
    pub fn handle_eof(&mut self) {
        self.is_end = true;
    }

    /// Bytes that are held.
    #[must_use]
    pub fn buffered_len(&self) -> usize {
        self.buffer.len() - self.start
    }

    /// The next picture, or what is none; `None` where more input is wanted, or at the end.
    pub fn poll_piece(&mut self) -> Option<Piece<Picture<'_>>> {
        let rest = self.buffer.get(self.start..).unwrap_or_default();
        let Some((len, is_picture)) = self.search.step(rest, self.is_end) else {
            self.drop_overlong();
            return None;
        };
        let offset = self.offset.saturating_add(self.start as u64);
        let range = self.start..self.start.saturating_add(len);
        self.start = range.end;
        let data = self.buffer.get(range)?;
        let dropped = core::mem::take(&mut self.search.dropped);
        if dropped == 0 {
            return Some(piece(offset, data, is_picture));
        }
        Some(Piece::Junk {
            offset: offset.saturating_sub(dropped),
            len: dropped.saturating_add(len as u64),
        })
    }

    /// Drops what was searched, where it can be no picture any more.
    fn drop_overlong(&mut self) {
        if self.search.dropped > 0 || self.buffered_len() > MAX_LEN + MAX_HEADER {
            let searched = core::mem::take(&mut self.search.at);
            self.discard(self.start.saturating_add(searched));
            self.start = 0;
            self.search.dropped = self.search.dropped.saturating_add(searched as u64);
        }
    }
}

impl Default for PictureSplitter {
    fn default() -> Self {
        Self::new()
    }
}
