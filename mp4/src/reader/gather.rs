use crate::movie::slice;
use alloc::vec::Vec;
use bytes::Bytes;
use core::ops::Range;

/// A read that is outstanding, and what has come of it. Bytes may come in pieces, in order.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) range: Range<u64>,
    /// It was given out to be read.
    pub(super) asked: bool,
    /// All has come, or no more will.
    pub(super) over: bool,
    got: Got,
}

#[derive(Debug)]
enum Got {
    /// The first piece, mostly all there is, without a copy.
    Piece(Bytes),
    Pieces(Vec<u8>),
}

impl Read {
    pub(super) const fn new(range: Range<u64>) -> Self {
        Self {
            range,
            asked: false,
            over: false,
            got: Got::Piece(Bytes::new()),
        }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        match &self.got {
            Got::Piece(bytes) => bytes,
            Got::Pieces(bytes) => bytes,
        }
    }

    /// Where the next piece begins.
    fn end(&self) -> u64 {
        self.range.start.saturating_add(self.bytes().len() as u64)
    }

    /// Takes a piece, if it is the next; no bytes: the file ends here.
    pub(super) fn take(&mut self, offset: u64, data: &Bytes) -> bool {
        if !self.asked || self.over || offset != self.end() {
            return false;
        }
        let left = self.range.end.saturating_sub(offset);
        let len = usize::try_from(left).unwrap_or(usize::MAX).min(data.len());
        let data = slice(data, 0, len);
        self.over = data.is_empty() || data.len() as u64 == left;
        match &mut self.got {
            Got::Piece(first) if first.is_empty() => *first = data,
            Got::Piece(first) => self.got = Got::Pieces([first.as_ref(), &data].concat()),
            Got::Pieces(pieces) => pieces.extend_from_slice(&data),
        }
        if self.over {
            self.freeze();
        }
        true
    }

    /// Makes one piece of it, so that samples are cut out without a copy.
    fn freeze(&mut self) {
        if let Got::Pieces(pieces) = &mut self.got {
            self.got = Got::Piece(core::mem::take(pieces).into());
        }
    }

    /// Some of the bytes, if they are there.
    pub(super) fn cut(&self, offset: u64, len: usize) -> Option<Bytes> {
        let start = usize::try_from(offset.checked_sub(self.range.start)?).ok()?;
        let end = start.checked_add(len)?;
        match &self.got {
            Got::Piece(bytes) => (end <= bytes.len()).then(|| slice(bytes, start, len)),
            // Not worth the wait for the rest.
            Got::Pieces(bytes) => bytes.get(start..end).map(Bytes::copy_from_slice),
        }
    }

    /// All that came.
    pub(super) fn into_bytes(self) -> Bytes {
        match self.got {
            Got::Piece(bytes) => bytes,
            Got::Pieces(bytes) => bytes.into(),
        }
    }
}
