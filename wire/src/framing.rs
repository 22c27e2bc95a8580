//! Finding frames that begin with a sync pattern and tell their own length, as those of AAC, AC-3 and MPEG audio do.
//!
//! A sync pattern may turn up by chance, and a length may be damaged, so a frame is believed only for what
//! surrounds it:
//!
//! * where the frame before it ended, it is one if a header follows it, or if no other frame begins within it;
//! * elsewhere, only if a header of the same stream follows it, or if it ends with the input, and if no frame of the stream that
//!   was there before begins within it.
//!
//! Where bytes are missing to decide, they are waited for, so that what is found does not depend on how the input was
//! cut. [`Frames`] walks over bytes that are all there, [`Splitter`] takes them as they come.
//!
//! ```
//! use fluvial_wire::framing::{Frames, Framing, Piece};
//!
//! /// A sync byte, a length, and as many bytes.
//! enum Toy {}
//! impl Framing for Toy {
//!     const HEADER: usize = 2;
//!     type Header = u8;
//!     type Frame<'a> = &'a [u8];
//!     fn header(data: &[u8]) -> Option<u8> {
//!         match *data {
//!             [0x47, len, ..] => Some(len),
//!             _ => None,
//!         }
//!     }
//!     fn frame_len(len: u8, _: &[u8], _: bool) -> Option<usize> {
//!         Some(2 + usize::from(len))
//!     }
//!     fn same_stream(_: u8, _: u8) -> bool {
//!         true
//!     }
//!     fn frame(_: u8, data: &[u8]) -> &[u8] {
//!         &data[2..]
//!     }
//! }
//!
//! let mut pieces = Frames::<Toy>::new(b"junk\x47\x03one\x47\x03two");
//! assert_eq!(pieces.next(), Some(Piece::Junk { offset: 0, len: 4 }));
//! assert_eq!(pieces.next(), Some(Piece::Frame { offset: 4, frame: &b"one"[..] }));
//! ```

use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

/// A way to put frames into a stream of bytes, such as ADTS.
pub trait Framing {
    /// Bytes that the sync pattern and the length take, at least 1.
    const HEADER: usize;
    /// A header that was checked.
    type Header: Copy;
    /// A frame within the input.
    type Frame<'a>;

    /// Checks the header at the start of some bytes; `None` where it is none, or not whole.
    fn header(data: &[u8]) -> Option<Self::Header>;
    /// Length of the whole frame at the start of some bytes, at least [`HEADER`](Self::HEADER). Where the header does not tell
    /// it, but what follows the frame does: `None` as long as that is not there; then some bytes have to suffice. `in_sync` says
    /// that a frame of the stream ends where this one begins, so that less is to be asked of what follows.
    fn frame_len(header: Self::Header, data: &[u8], in_sync: bool) -> Option<usize>;
    /// Whether two headers can belong to the same stream.
    fn same_stream(a: Self::Header, b: Self::Header) -> bool;
    /// The frame that the bytes are, header included.
    fn frame(header: Self::Header, data: &[u8]) -> Self::Frame<'_>;
}

/// What a stream turned out to be made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece<F> {
    /// A frame.
    Frame {
        /// Its first byte, from the start of the input.
        offset: u64,
        /// The frame.
        frame: F,
    },
    /// Bytes between frames: damage, or an ID3 or APE tag.
    Junk {
        /// Their first byte, from the start of the input.
        offset: u64,
        /// How many.
        len: u64,
    },
}

/// What is known about the end of the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// More may come, and is worth waiting for.
    Open,
    /// A frame ends here, as far as the caller knows.
    Boundary,
    /// Nothing comes after this.
    Final,
}

/// What is at the start of some bytes.
enum Step<H> {
    /// With the frame's length.
    Frame(H, usize),
    Junk(usize),
    Wait,
}

/// What comes after a frame.
enum Next {
    Header {
        same_stream: bool,
    },
    /// The end of the input, or a tag.
    End,
    Other,
    Unknown,
}

/// Length of the header of an ID3v2 tag.
const ID3_HEADER: usize = 10;
/// Length of an ID3v1 tag.
const ID3V1: usize = 128;
/// Length of the header of an APE tag, and of its footer.
const APE_HEADER: usize = 32;

/// The search for frames, less the bytes.
#[derive(Debug, Clone, Copy)]
struct Search<H> {
    /// Whether what came before was a frame.
    in_sync: bool,
    /// The header here, if it was read already.
    ahead: Option<H>,
    /// A header of the stream that was there before.
    known: Option<H>,
    /// Bytes of a tag that are still to be passed over.
    tag: usize,
}

impl<H: Copy> Search<H> {
    const fn new() -> Self {
        Self {
            in_sync: false,
            ahead: None,
            known: None,
            tag: 0,
        }
    }

    #[inline]
    fn step<F: Framing<Header = H>>(&mut self, data: &[u8], end: End) -> Step<H> {
        if self.in_sync
            && let Some(header) = self.ahead.take().or_else(|| F::header(data))
            && let Some(len) = F::frame_len(header, data, true)
            && let Some(next) = data.get(len..).and_then(F::header)
        {
            self.ahead = Some(next);
            return Step::Frame(header, len);
        }
        self.careful_step::<F>(data, end)
    }

    #[cold]
    fn careful_step<F: Framing<Header = H>>(&mut self, data: &[u8], end: End) -> Step<H> {
        if self.tag > 0 {
            let len = self.tag.min(data.len());
            self.tag -= len;
            return self.junk(len);
        }
        if data.len() < F::HEADER && end != End::Final {
            return Step::Wait;
        }
        if let Some(header) = F::header(data) {
            let len = match F::frame_len(header, data, self.in_sync) {
                Some(len) => len,
                // Nothing follows that would tell it, so it is the last one.
                None if self.in_sync && end != End::Open => data.len(),
                // Longer than all there is: no frame.
                None if end == End::Final => usize::MAX,
                None => return Step::Wait,
            };
            let is_frame = match next::<F>(data, header, len, end) {
                Next::Header { same_stream } => self.in_sync || same_stream,
                Next::End => true,
                Next::Unknown => return Step::Wait,
                Next::Other if self.in_sync => match frame_within::<F>(data, header, len, end) {
                    Some(Step::Junk(len)) => return self.junk(len),
                    Some(step) => return step,
                    None => len <= data.len(),
                },
                Next::Other => false,
            };
            // Data may repeat, and what looks like the headers of another stream with it.
            let other = self
                .known
                .filter(|&known| is_frame && !self.in_sync && !F::same_stream(header, known));
            match other.and_then(|known| frame_within::<F>(data, known, len, end)) {
                Some(Step::Junk(len)) => return self.junk(len),
                Some(step) => return step,
                None => {}
            }
            if is_frame {
                self.in_sync = true;
                self.known = Some(header);
                return Step::Frame(header, len);
            }
        } else {
            match tag_len(data) {
                Some(0) => {}
                Some(len) => {
                    self.tag = len;
                    return self.careful_step::<F>(data, end);
                }
                None if end == End::Final => {}
                None => return Step::Wait,
            }
        }
        let headers = data.len().saturating_sub(F::HEADER - 1);
        let candidate = (1..headers).find(|&at| match data.get(at..) {
            Some(rest) => tag_len(rest) != Some(0) || F::header(rest).is_some(),
            None => false,
        });
        self.junk(candidate.unwrap_or(match end {
            End::Final => data.len(),
            // The last bytes may begin a header that is not whole yet.
            _ => headers,
        }))
    }

    fn junk(&mut self, len: usize) -> Step<H> {
        if len == 0 {
            return Step::Wait;
        }
        self.in_sync = false;
        Step::Junk(len)
    }
}

fn next<F: Framing>(data: &[u8], header: F::Header, len: usize, end: End) -> Next {
    match (data.get(len..), end) {
        (Some(rest), _) if rest.len() >= F::HEADER => match F::header(rest) {
            Some(next) => Next::Header {
                same_stream: F::same_stream(header, next),
            },
            None => match tag_len(rest) {
                Some(0) => Next::Other,
                Some(_) => Next::End,
                None if end == End::Final => Next::Other,
                None => Next::Unknown,
            },
        },
        (Some([]), End::Boundary | End::Final) => Next::End,
        (_, End::Final) => Next::Other,
        _ => Next::Unknown,
    }
}

/// A frame of a header's stream that begins within the length of one: the one was cut short, then, or is none.
fn frame_within<F: Framing>(
    data: &[u8],
    header: F::Header,
    len: usize,
    end: End,
) -> Option<Step<F::Header>> {
    (1..len.min(data.len())).find_map(|at| {
        let rest = data.get(at..)?;
        let within = F::header(rest).filter(|&h| F::same_stream(header, h))?;
        let Some(len) = F::frame_len(within, rest, false) else {
            return (end == End::Open).then_some(Step::Wait);
        };
        match next::<F>(rest, within, len, end) {
            Next::Header { same_stream: true } | Next::End => Some(Step::Junk(at)),
            Next::Unknown => Some(Step::Wait),
            _ => None,
        }
    })
}

/// Length of the tag that some bytes begin with: ID3v2 (ID3v2.4 §3.1), ID3v1, APE version 2, or the footer of an APE tag;
/// 0 where they begin with none, `None` where there are too few of them to say.
fn tag_len(data: &[u8]) -> Option<usize> {
    match *data {
        [b'T', b'A', b'G', ..] => Some(ID3V1),
        [b'T'] | [b'T', b'A'] => None,
        [b'A', ..] => ape_len(data),
        [b'I', b'D', b'3', major, minor, flags, a, b, c, d, ..] => {
            let size = [a, b, c, d];
            if major == 0xFF || minor == 0xFF || size.iter().any(|&b| b >= 0x80) {
                return Some(0);
            }
            let size = size.iter().fold(0, |n, &b| n << 7 | usize::from(b));
            // A footer repeats the header.
            let footer = if flags & 0x10 != 0 { ID3_HEADER } else { 0 };
            Some(ID3_HEADER + size + footer)
        }
        [b'I', ..] if data.len() < ID3_HEADER => None,
        _ => Some(0),
    }
}

fn ape_len(data: &[u8]) -> Option<usize> {
    const PREAMBLE: &[u8] = b"APETAGEX";
    match data.strip_prefix(PREAMBLE) {
        // Version, size, items, flags, each of them little-endian.
        Some(&[_, _, _, _, a, b, c, d, _, _, _, _, _, _, _, flags, ..]) => {
            let size = usize::try_from(u32::from_le_bytes([a, b, c, d])).unwrap_or(usize::MAX);
            // The size counts the footer and what is before it.
            let is_header = flags & 0x20 != 0;
            let rest = if is_header { size } else { 0 };
            Some(rest.saturating_add(APE_HEADER))
        }
        Some(_) => None,
        None => (!PREAMBLE.starts_with(data)).then_some(0),
    }
}

/// The frames within bytes that are all there, with what is between them.
///
/// What is not whole at the end is junk.
#[derive(Clone)]
pub struct Frames<'a, F: Framing> {
    data: &'a [u8],
    rest: &'a [u8],
    search: Search<F::Header>,
}

impl<'a, F: Framing> Frames<'a, F> {
    /// The frames within `data`.
    #[must_use]
    #[inline]
    pub fn new(data: &'a [u8]) -> Self {
        Self {
            data,
            rest: data,
            search: Search::new(),
        }
    }

    #[inline]
    fn offset(&self) -> u64 {
        (self.data.len() - self.rest.len()) as u64
    }

    #[cold]
    fn junk(&mut self, mut len: usize) -> Option<Piece<F::Frame<'a>>> {
        let offset = self.offset();
        loop {
            self.rest = self.rest.get(len..).unwrap_or_default();
            match self.search.step::<F>(self.rest, End::Final) {
                Step::Junk(more) => len = more,
                _ => break,
            }
        }
        let len = self.offset() - offset;
        Some(Piece::Junk { offset, len })
    }
}

impl<'a, F: Framing> Iterator for Frames<'a, F> {
    type Item = Piece<F::Frame<'a>>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        match self.search.step::<F>(self.rest, End::Final) {
            Step::Frame(header, len) => {
                let offset = self.offset();
                let (frame, rest) = self.rest.split_at_checked(len)?;
                self.rest = rest;
                let frame = F::frame(header, frame);
                Some(Piece::Frame { offset, frame })
            }
            Step::Junk(len) => self.junk(len),
            Step::Wait => None,
        }
    }
}

impl<F: Framing> fmt::Debug for Frames<'_, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Frames")
            .field("len", &self.data.len())
            .field("left", &self.rest.len())
            .finish()
    }
}

/// Finds the frames of a stream that comes in pieces of any size.
///
/// Give it input, then poll until it says `None`. What it holds then is less than three frames.
pub struct Splitter<F: Framing> {
    buffer: Vec<u8>,
    /// What of the buffer is not consumed yet.
    at: usize,
    /// Offset of the buffer's first byte from the start of the input.
    offset: u64,
    /// Bytes before `at` that were no frame, and were not told yet.
    junk: u64,
    search: Search<F::Header>,
    end: End,
}

impl<F: Framing> Splitter<F> {
    /// A splitter at the start of a stream.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            buffer: Vec::new(),
            at: 0,
            offset: 0,
            junk: 0,
            search: Search::new(),
            end: End::Open,
        }
    }

    /// Takes more of the stream. After [`handle_eof`](Self::handle_eof) nothing is taken.
    #[expect(clippy::disallowed_methods, reason = "`at` is never past the end")]
    pub fn handle_input(&mut self, data: &[u8]) {
        if self.end == End::Final {
            return;
        }
        self.end = End::Open;
        self.buffer.drain(..self.at);
        self.offset = self.offset.saturating_add(self.at as u64);
        self.at = 0;
        self.buffer.extend_from_slice(data);
    }

    /// Says that a frame ends with the input so far, as at the end of a PES packet: it need not wait for the header after it.
    pub fn handle_boundary(&mut self) {
        if self.end == End::Open {
            self.end = End::Boundary;
        }
    }

    /// Says that the stream has ended: what is left is a frame or junk.
    pub fn handle_eof(&mut self) {
        self.end = End::Final;
    }

    /// Whether the stream has ended and all of it was given out.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.end == End::Final && self.buffered_len() == 0 && self.junk == 0
    }

    /// Bytes that are held.
    #[must_use]
    pub fn buffered_len(&self) -> usize {
        self.buffer.len() - self.at
    }

    /// The next frame, or what is between two; `None` where more input is wanted, or at the end.
    pub fn poll_piece(&mut self) -> Option<Piece<F::Frame<'_>>> {
        let found = loop {
            let rest = self.buffer.get(self.at..).unwrap_or_default();
            match self.search.step::<F>(rest, self.end) {
                Step::Junk(len) => {
                    self.at += len;
                    self.junk += len as u64;
                }
                // Junk is told once its end is known.
                Step::Frame(..) if self.junk > 0 => break None,
                Step::Wait if self.junk > 0 && self.end == End::Final => break None,
                Step::Frame(header, len) => break Some((header, len)),
                Step::Wait => return None,
            }
        };
        let offset = self.offset.saturating_add(self.at as u64);
        let Some((header, len)) = found else {
            let len = core::mem::take(&mut self.junk);
            let offset = offset.saturating_sub(len);
            return Some(Piece::Junk { offset, len });
        };
        let range: Range<usize> = self.at..self.at.saturating_add(len);
        self.at = range.end;
        let frame = F::frame(header, self.buffer.get(range)?);
        Some(Piece::Frame { offset, frame })
    }
}

impl<F: Framing> Default for Splitter<F> {
    fn default() -> Self {
        Self::new()
    }
}

impl<F: Framing> fmt::Debug for Splitter<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Splitter")
            .field("offset", &self.offset.saturating_add(self.at as u64))
            .field("buffered", &(self.buffer.len() - self.at))
            .field("end", &self.end)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A sync byte, the stream's number in two bits, and six bits of length.
    #[derive(Debug)]
    enum Toy {}

    impl Framing for Toy {
        const HEADER: usize = 2;
        type Header = u8;
        type Frame<'a> = Vec<u8>;

        fn header(data: &[u8]) -> Option<u8> {
            match *data {
                [0x47, header, ..] => Some(header),
                _ => None,
            }
        }
        fn frame_len(header: u8, _: &[u8], _: bool) -> Option<usize> {
            Some(2 + usize::from(header & 0x3F))
        }
        fn same_stream(a: u8, b: u8) -> bool {
            a >> 6 == b >> 6
        }
        fn frame(_: u8, data: &[u8]) -> Vec<u8> {
            data.to_vec()
        }
    }

    const A: &[u8] = b"\x47\x03one";
    const B: &[u8] = b"\x47\x02to";

    fn whole(data: &[u8]) -> Vec<Piece<Vec<u8>>> {
        Frames::<Toy>::new(data).collect()
    }

    fn poll_all(splitter: &mut Splitter<Toy>, out: &mut Vec<Piece<Vec<u8>>>) {
        while let Some(piece) = splitter.poll_piece() {
            out.push(piece);
        }
    }

    fn frame(offset: u64, bytes: &[u8]) -> Piece<Vec<u8>> {
        let frame = bytes.to_vec();
        Piece::Frame { offset, frame }
    }

    #[test]
    fn frames_are_found_between_junk_and_tags() {
        let tag = [b"ID3\x04\0\0\0\0\0\x05", A].concat();
        let data = [A, B, b"oh", A, B, &tag, B].concat();
        let expected = [
            frame(0, A),
            frame(5, B),
            Piece::Junk { offset: 9, len: 2 },
            frame(11, A),
            frame(16, B),
            Piece::Junk {
                offset: 20,
                len: 15,
            },
            frame(35, B),
        ];
        assert_eq!(whole(&data), expected);
        assert_eq!(whole(b"\x47\x05cut"), [Piece::Junk { offset: 0, len: 5 }]);
    }

    #[test]
    fn a_tag_behind_a_frame_is_passed_over_and_makes_it_one() {
        let id3v1 = [&b"TAGtitle"[..], &[0x47; 120]].concat();
        // Header, 8 bytes of items, footer: size 40.
        let ape = |flags: u8| {
            let head = b"APETAGEX\xD0\x07\0\0\x28\0\0\0\x01\0\0\0\0\0\0";
            [&head[..], &[flags], &[0; 8]].concat()
        };
        let ape = [&ape(0xA0)[..], b"\x47\x01it\x47\x01em", &ape(0x80)].concat();
        assert_eq!(ape.len(), 72);
        let data = [A, &ape, &id3v1, B].concat();
        let expected = [
            frame(0, A),
            Piece::Junk {
                offset: 5,
                len: 200,
            },
            frame(205, B),
        ];
        assert_eq!(whole(&data), expected);
        // Less than a tag is none.
        assert_eq!(whole(b"\x47\x01aTA").len(), 1);
    }

    #[test]
    fn a_header_alone_is_believed_only_in_sync() {
        // The second stream's header does not confirm the first's.
        let data = [A, b"\x47\x80", b"junk"].concat();
        assert_eq!(whole(&data), [Piece::Junk { offset: 0, len: 11 }]);
        let data = [B, A, b"\x47\x80", b"junk"].concat();
        assert_eq!(whole(&data)[..2], [frame(0, B), frame(4, A)]);
    }

    #[test]
    fn a_boundary_spares_the_wait_for_the_next_header() {
        let mut splitter = Splitter::<Toy>::new();
        splitter.handle_input(A);
        assert_eq!(splitter.poll_piece(), None);
        splitter.handle_boundary();
        assert_eq!(splitter.poll_piece(), Some(frame(0, A)));
        splitter.handle_input(B);
        assert_eq!(splitter.poll_piece(), None);
        splitter.handle_eof();
        assert_eq!(splitter.poll_piece(), Some(frame(5, B)));
        assert!(splitter.is_finished());
        splitter.handle_input(A);
        assert_eq!(splitter.poll_piece(), None);
    }

    fn damaged_streams() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            6 => Just(A.to_vec()),
            4 => Just(B.to_vec()),
            1 => Just(b"ID3\x04\0\0\0\0\0\x09\x47\x00\x47\x01ag".to_vec()),
            1 => Just(b"ID".to_vec()),
            1 => Just(b"TAG\x47\x01a".to_vec()),
            1 => Just(b"APETAGEX\0\0\0\0\x08\0\0\0\0\0\0\0\0\0\0\x20\0\0\0\0\0\0\0\0\x47\x01a".to_vec()),
            1 => prop::sample::select(vec![&b"T"[..], b"TA", b"A", b"APE", b"APETAGEX\0\0\0"]).prop_map(<[u8]>::to_vec),
            2 => proptest::collection::vec(prop_oneof![Just(0x47), Just(b'I'), Just(b'T'), Just(b'A'), any::<u8>()], 0..9),
        ];
        proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn all_of_the_input_is_told_once_and_the_same_however_it_was_cut(
            data in damaged_streams(),
            cuts: Vec<u8>,
        ) {
            let expected = whole(&data);
            let mut at = 0;
            for piece in &expected {
                let (offset, len) = match piece {
                    Piece::Frame { offset, frame } => (*offset, frame.len() as u64),
                    Piece::Junk { offset, len } => (*offset, *len),
                };
                prop_assert_eq!(offset, at);
                at += len;
            }
            prop_assert_eq!(at, data.len() as u64);

            let mut splitter = Splitter::<Toy>::new();
            let mut found = Vec::new();
            let mut rest = &data[..];
            for cut in cuts {
                let (piece, after) = rest.split_at(rest.len().min(usize::from(cut % 16)));
                rest = after;
                splitter.handle_input(piece);
                poll_all(&mut splitter, &mut found);
                prop_assert!(splitter.buffered_len() < 3 * 65);
            }
            splitter.handle_input(rest);
            splitter.handle_eof();
            poll_all(&mut splitter, &mut found);
            prop_assert!(splitter.is_finished());
            prop_assert_eq!(found, expected);
        }
    }
}
