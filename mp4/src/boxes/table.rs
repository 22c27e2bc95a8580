use super::header::count;
use crate::Error;
use alloc::vec::Vec;
use bytes::Bytes;
use core::fmt;
use core::marker::PhantomData;
use wire::{Reader, Writer};

/// An entry of a [`Table`], of `N` bytes.
pub trait Entry<const N: usize>: Copy {
    /// Reads it.
    fn from_be_bytes(bytes: [u8; N]) -> Self;
    /// Writes it.
    fn to_be_bytes(self) -> [u8; N];
}

impl Entry<4> for u32 {
    #[inline]
    fn from_be_bytes(bytes: [u8; 4]) -> Self {
        u32::from_be_bytes(bytes)
    }

    fn to_be_bytes(self) -> [u8; 4] {
        u32::to_be_bytes(self)
    }
}

impl Entry<8> for u64 {
    #[inline]
    fn from_be_bytes(bytes: [u8; 8]) -> Self {
        u64::from_be_bytes(bytes)
    }

    fn to_be_bytes(self) -> [u8; 8] {
        u64::to_be_bytes(self)
    }
}

/// The entries of a table, kept as the bytes that they are in the file and read as they are looked at: a table of a
/// million entries is there as soon as its bytes are.
#[derive(Clone)]
pub struct Table<E, const N: usize> {
    bytes: Bytes,
    entry: PhantomData<fn() -> E>,
}

impl<E: Entry<N>, const N: usize> Table<E, N> {
    /// Over the bytes of entries; what is no whole entry at the end is not seen.
    #[must_use]
    pub const fn new(bytes: Bytes) -> Self {
        Self {
            bytes,
            entry: PhantomData,
        }
    }

    /// Reads a number of entries.
    pub(crate) fn decode(
        r: &mut Reader<'_>,
        entry_count: u32,
        what: &'static str,
    ) -> Result<Self, Error> {
        let len = usize::try_from(entry_count)
            .unwrap_or(usize::MAX)
            .saturating_mul(N);
        Ok(Self::new(Bytes::copy_from_slice(r.take(len, what)?)))
    }

    /// Writes the number of entries and the entries.
    pub(crate) fn put(&self, w: &mut Writer<'_>, what: &'static str) -> Result<(), Error> {
        w.u32(count(what, self.len())?)
            .bytes(self.chunks().as_flattened());
        Ok(())
    }

    /// The entries as bytes.
    #[must_use]
    #[inline]
    pub fn chunks(&self) -> &[[u8; N]] {
        self.bytes.as_chunks::<N>().0
    }

    /// Number of entries.
    #[must_use]
    #[inline]
    pub fn len(&self) -> usize {
        self.chunks().len()
    }

    /// Whether there is none.
    #[must_use]
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.chunks().is_empty()
    }

    /// An entry, counted from 0.
    #[must_use]
    #[inline]
    pub fn get(&self, index: usize) -> Option<E> {
        self.chunks()
            .get(index)
            .map(|bytes| E::from_be_bytes(*bytes))
    }

    /// The entries in order.
    #[inline]
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = E> + ExactSizeIterator + '_ {
        self.chunks().iter().map(|bytes| E::from_be_bytes(*bytes))
    }
}

impl<E: Entry<N>, const N: usize> FromIterator<E> for Table<E, N> {
    fn from_iter<I: IntoIterator<Item = E>>(entries: I) -> Self {
        let mut bytes = Vec::new();
        for entry in entries {
            bytes.extend_from_slice(&entry.to_be_bytes());
        }
        Self::new(bytes.into())
    }
}

impl<E, const N: usize> Default for Table<E, N> {
    fn default() -> Self {
        Self {
            bytes: Bytes::new(),
            entry: PhantomData,
        }
    }
}

impl<E: Entry<N>, const N: usize> PartialEq for Table<E, N> {
    fn eq(&self, other: &Self) -> bool {
        self.chunks() == other.chunks()
    }
}

impl<E: Entry<N>, const N: usize> Eq for Table<E, N> {}

impl<E: Entry<N>, const N: usize> fmt::Debug for Table<E, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Table({} entries)", self.len())
    }
}

/// Declares a box of nothing but its version, flags and one table.
macro_rules! table_box {
    ($(#[$doc:meta])* $name:ident $code:literal: [$entry:ty; $len:literal], $what:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Default)]
        pub struct $name {
            /// The entries.
            pub entries: $crate::boxes::Table<$entry, $len>,
        }

        impl $crate::boxes::IsoBox for $name {
            const TYPE: $crate::FourCc = $crate::FourCc(*$code);

            fn decode_body(r: &mut wire::Reader<'_>) -> Result<Self, $crate::Error> {
                $crate::boxes::header::version_and_flags(r)?;
                let entry_count = r.u32("entry_count")?;
                Ok(Self {
                    entries: $crate::boxes::Table::decode(r, entry_count, $what)?,
                })
            }

            fn encode_body(&self, w: &mut wire::Writer<'_>) -> Result<(), $crate::Error> {
                $crate::boxes::header::put_version_and_flags(w, 0, 0);
                self.entries.put(w, $what)
            }

            fn body_len(&self) -> usize {
                self.entries.len().saturating_mul($len).saturating_add(8)
            }
        }

        impl FromIterator<$entry> for $name {
            fn from_iter<I: IntoIterator<Item = $entry>>(entries: I) -> Self {
                Self { entries: entries.into_iter().collect() }
            }
        }
    };
}

/// Declares an entry of big-endian fields of 32 bits.
macro_rules! entry {
    ($(#[$doc:meta])* $name:ident, $len:literal { $( $(#[$field_doc:meta])* $field:ident: $type:ty, )* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        pub struct $name {
            $( $(#[$field_doc])* pub $field: $type, )*
        }

        impl $crate::boxes::Entry<$len> for $name {
            #[inline]
            fn from_be_bytes(bytes: [u8; $len]) -> Self {
                let mut fields = bytes.as_chunks::<4>().0.iter();
                Self {
                    $( $field: <$type>::from_be_bytes(fields.next().copied().unwrap_or_default()), )*
                }
            }

            fn to_be_bytes(self) -> [u8; $len] {
                let fields = [$( self.$field.to_be_bytes(), )*];
                *fields.as_flattened().first_chunk().unwrap_or(&[0; $len])
            }
        }
    };
}

pub(super) use {entry, table_box};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::IsoBox;
    use crate::boxes::{Stco, Stts, TimeToSample};

    #[test]
    fn entries_are_read_where_they_lie() {
        let mut table = vec![0; 8];
        table[7] = 2;
        table.extend([0, 0, 0, 3, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 9]);
        let stts = Stts::decode_body(&mut Reader::new(&table)).unwrap();
        let entry = |sample_count, sample_delta| TimeToSample {
            sample_count,
            sample_delta,
        };
        assert_eq!(
            stts.entries.iter().collect::<Vec<_>>(),
            [entry(3, 256), entry(1, 9)]
        );
        assert_eq!(stts.entries.get(2), None);
        let again: Stts = stts.entries.iter().collect();
        assert_eq!(again, stts);
        let mut out = Vec::new();
        again.encode(&mut out).unwrap();
        assert_eq!(out[8..], table);
    }

    #[test]
    fn a_claim_of_many_entries_takes_no_memory() {
        let error = Stco::decode_body(&mut Reader::new(&[0, 0, 0, 0, 255, 255, 255, 255, 1, 2]));
        assert!(matches!(error, Err(Error::Short(short)) if short.left == 2));
    }
}
