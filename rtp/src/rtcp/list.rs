use alloc::vec::Vec;
use core::fmt;
use wire::Reader;

/// An entry of a list: a number of bytes that is always the same.
pub trait Entry: Copy {
    /// Bytes of an entry.
    const LEN: usize;
    /// Reads one; there are bytes enough.
    fn read(r: &mut Reader<'_>) -> Option<Self>;
    /// Appends one.
    fn write(&self, out: &mut Vec<u8>);
}

/// Entries, either as a packet has them or as values. Nothing is allocated to read them.
#[derive(Clone, Copy)]
pub enum List<'a, T> {
    /// As a packet has them.
    Wire(&'a [u8]),
    /// Values, to be written.
    Values(&'a [T]),
}

impl<'a, T: Entry> List<'a, T> {
    /// How many there are; bytes at the end that are no whole entry do not count.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            List::Wire(bytes) => bytes.len().checked_div(T::LEN).unwrap_or(0),
            List::Values(values) => values.len(),
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The entries, in order.
    #[must_use]
    pub const fn iter(&self) -> Iter<'a, T> {
        match self {
            List::Wire(bytes) => Iter {
                wire: Reader::new(bytes),
                values: [].as_slice(),
            },
            List::Values(values) => Iter {
                wire: Reader::new(&[]),
                values,
            },
        }
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        match self {
            List::Wire(bytes) => {
                let len = self.len().saturating_mul(T::LEN);
                out.extend_from_slice(bytes.get(..len).unwrap_or_default());
            }
            List::Values(values) => values.iter().for_each(|value| value.write(out)),
        }
    }
}

impl<T> Default for List<'_, T> {
    fn default() -> Self {
        List::Values(&[])
    }
}

impl<'a, T> From<&'a [T]> for List<'a, T> {
    fn from(values: &'a [T]) -> Self {
        List::Values(values)
    }
}

impl<T: Entry + PartialEq> PartialEq for List<'_, T> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl<T: Entry + Eq> Eq for List<'_, T> {}

impl<T: Entry + fmt::Debug> fmt::Debug for List<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<'a, T: Entry> IntoIterator for List<'a, T> {
    type Item = T;
    type IntoIter = Iter<'a, T>;
    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}

/// Entries of a [`List`].
#[derive(Debug, Clone)]
pub struct Iter<'a, T> {
    wire: Reader<'a>,
    values: &'a [T],
}

impl<T: Entry> Iterator for Iter<'_, T> {
    type Item = T;

    #[inline]
    fn next(&mut self) -> Option<T> {
        if let Some((first, rest)) = self.values.split_first() {
            self.values = rest;
            return Some(*first);
        }
        if self.wire.left() < T::LEN {
            return None;
        }
        T::read(&mut self.wire)
    }
}

impl Entry for u32 {
    const LEN: usize = 4;
    fn read(r: &mut Reader<'_>) -> Option<Self> {
        r.u32("SSRC").ok()
    }
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_be_bytes());
    }
}

impl Entry for u16 {
    const LEN: usize = 2;
    fn read(r: &mut Reader<'_>) -> Option<Self> {
        r.u16("chunk").ok()
    }
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_be_bytes());
    }
}
