use super::gather::Read;
use crate::Error;
use crate::boxes::Header;
use crate::movie::slice;
use bytes::Bytes;
use core::ops::Range;

/// Bytes of the first read of a file: where `moov` comes first, mostly all of it.
const FIRST: u64 = 64 << 10;
/// Bytes of a read for the header of a box.
const HEADER: u64 = 4 << 10;

/// A look at a file, one range at a time.
#[derive(Debug)]
pub(super) struct Window {
    /// Bytes of the file.
    pub(super) len: u64,
    read: Option<Read>,
    /// The bytes at hand, and where they begin.
    start: u64,
    bytes: Bytes,
}

impl Window {
    pub(super) const fn new(len: u64) -> Self {
        Self {
            len,
            read: None,
            start: 0,
            bytes: Bytes::new(),
        }
    }

    /// A range that is missing, once.
    pub(super) fn poll_read(&mut self) -> Option<Range<u64>> {
        let read = self.read.as_mut().filter(|read| !read.asked)?;
        read.asked = true;
        Some(read.range.clone())
    }

    /// Takes what was read; says whether the range that was missing is there now.
    pub(super) fn handle_read(&mut self, offset: u64, data: &Bytes) -> bool {
        let done = self
            .read
            .as_mut()
            .is_some_and(|read| read.take(offset, data) && read.over);
        if let Some(read) = self.read.take_if(|_| done) {
            let (start, end) = (read.range.start, read.range.end);
            let bytes = read.into_bytes();
            let till = start.saturating_add(bytes.len() as u64);
            if till < end {
                // The file is shorter than was said.
                self.len = till;
            }
            (self.start, self.bytes) = (start, bytes);
        }
        done
    }

    pub(super) const fn is_waiting(&self) -> bool {
        self.read.is_some()
    }

    /// Bytes held.
    pub(super) fn buffered_len(&self) -> usize {
        let reading = self.read.as_ref().map_or(0, |read| read.bytes().len());
        self.bytes.len().saturating_add(reading)
    }

    /// Lets go of the bytes at hand.
    pub(super) fn clear(&mut self) {
        self.bytes = Bytes::new();
    }

    /// Bytes at hand.
    pub(super) const fn at_hand(&self) -> usize {
        self.bytes.len()
    }

    fn has(&self, start: u64, end: u64) -> bool {
        let till = self.start.saturating_add(self.bytes.len() as u64);
        self.start <= start && end <= till
    }

    /// The bytes of a range, as far as the file has them; `None`, and asks for them, where they are not at hand.
    pub(super) fn bytes(&mut self, start: u64, end: u64) -> Option<Bytes> {
        let end = end.min(self.len);
        if start >= end {
            return Some(Bytes::new());
        }
        if self.has(start, end) {
            let at = usize::try_from(start.saturating_sub(self.start)).unwrap_or(usize::MAX);
            let len = usize::try_from(end.saturating_sub(start)).unwrap_or(usize::MAX);
            return Some(slice(&self.bytes, at, len));
        }
        self.read = Some(Read::new(start..end));
        None
    }

    /// The header of the box at a place, and where the box ends; `None`, and asks for bytes, where they are missing.
    pub(super) fn header(&mut self, at: u64) -> Option<Result<(Header, u64), Error>> {
        let most = at.saturating_add(Header::MAX_LEN as u64).min(self.len);
        if !self.has(at, most) {
            let len = if at == 0 { FIRST } else { HEADER };
            self.bytes(at, at.saturating_add(len))?;
        }
        let bytes = self.bytes(at, most)?;
        let header = Header::decode(&mut wire::Reader::new(&bytes));
        Some(header.map(|header| {
            let end = header.size.map_or(self.len, |size| at.saturating_add(size));
            (header, end)
        }))
    }
}
