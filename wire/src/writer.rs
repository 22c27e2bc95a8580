use alloc::vec::Vec;

/// A value that does not fit the field that carries it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{what} is {value}, its field holds at most {max}")]
pub struct TooLong {
    /// The field.
    pub what: &'static str,
    /// What was to be written.
    pub value: u64,
    /// The most that the field can hold.
    pub max: u64,
}

/// What a length field that stands before a body counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LengthOf {
    /// The bytes after the length field.
    Body,
    /// The length field too, as the size of an ISO BMFF box does.
    FieldAndBody,
}

/// Appends big-endian fields to a `Vec<u8>`.
///
/// ```
/// use fluvial_wire::{LengthOf, TooLong, Writer};
///
/// let mut out = Vec::new();
/// Writer::new(&mut out).sized_u32("free", LengthOf::FieldAndBody, |w| {
///     w.bytes(b"free").u16(7);
///     Ok::<(), TooLong>(())
/// })?;
/// assert_eq!(out, [0, 0, 0, 10, b'f', b'r', b'e', b'e', 0, 7]);
/// # Ok::<(), TooLong>(())
/// ```
#[derive(Debug)]
pub struct Writer<'a> {
    out: &'a mut Vec<u8>,
}

macro_rules! numbers {
    ($($name:ident, $type:ty, $to:ident, $doc:literal;)*) => {
        $(
            #[doc = concat!("Writes ", $doc, ".")]
            #[inline]
            pub fn $name(&mut self, value: $type) -> &mut Self {
                self.out.extend_from_slice(&value.$to());
                self
            }
        )*
    };
}

impl<'a> Writer<'a> {
    /// A writer that appends to `out`.
    #[inline]
    pub fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out }
    }

    /// Bytes in the buffer, those before this writer's included.
    #[must_use]
    #[inline]
    pub fn len(&self) -> usize {
        self.out.len()
    }

    /// Whether the buffer is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.out.is_empty()
    }

    /// The buffer itself.
    #[inline]
    pub fn buffer(&mut self) -> &mut Vec<u8> {
        self.out
    }

    numbers! {
        u8, u8, to_be_bytes, "one byte";
        i8, i8, to_be_bytes, "one signed byte";
        u16, u16, to_be_bytes, "a big-endian `u16`";
        i16, i16, to_be_bytes, "a big-endian `i16`";
        u32, u32, to_be_bytes, "a big-endian `u32`";
        i32, i32, to_be_bytes, "a big-endian `i32`";
        u64, u64, to_be_bytes, "a big-endian `u64`";
        i64, i64, to_be_bytes, "a big-endian `i64`";
        f64, f64, to_be_bytes, "a big-endian IEEE 754 double";
        u16_le, u16, to_le_bytes, "a little-endian `u16`";
        u32_le, u32, to_le_bytes, "a little-endian `u32`";
    }

    /// Writes a big-endian 24-bit number.
    ///
    /// # Errors
    /// [`TooLong`] past 2^24 - 1.
    #[inline]
    pub fn u24(&mut self, what: &'static str, value: u32) -> Result<&mut Self, TooLong> {
        let [0, low @ ..] = value.to_be_bytes() else {
            return Err(too_long(what, u64::from(value), 0xFF_FFFF));
        };
        self.out.extend_from_slice(&low);
        Ok(self)
    }

    /// Writes bytes as they are.
    #[inline]
    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.out.extend_from_slice(bytes);
        self
    }

    /// Writes `count` zero bytes.
    #[inline]
    pub fn zeros(&mut self, count: usize) -> &mut Self {
        self.out.resize(self.out.len().saturating_add(count), 0);
        self
    }

    fn sized<const N: usize, E: From<TooLong>>(
        &mut self,
        what: &'static str,
        counts: LengthOf,
        body: impl FnOnce(&mut Writer<'_>) -> Result<(), E>,
    ) -> Result<&mut Self, E> {
        let start = self.out.len();
        self.zeros(N);
        body(&mut Writer { out: self.out })?;
        let field = self.out.get_mut(start..).unwrap_or_default();
        let counted = match counts {
            LengthOf::Body => field.len().saturating_sub(N),
            LengthOf::FieldAndBody => field.len(),
        };
        let value = counted as u64;
        let max = u64::MAX >> (64 - 8 * N);
        match (
            field.first_chunk_mut::<N>(),
            value.to_be_bytes().last_chunk::<N>(),
        ) {
            (Some(field), Some(length)) if value <= max => {
                *field = *length;
                Ok(self)
            }
            _ => Err(too_long(what, value, max).into()),
        }
    }

    /// Writes a body with its length, one byte, before it.
    ///
    /// # Errors
    /// What the body gives, and [`TooLong`] where its length does not fit.
    pub fn sized_u8<E: From<TooLong>>(
        &mut self,
        what: &'static str,
        counts: LengthOf,
        body: impl FnOnce(&mut Writer<'_>) -> Result<(), E>,
    ) -> Result<&mut Self, E> {
        self.sized::<1, E>(what, counts, body)
    }

    /// Writes a body with its length, 16 bits, before it.
    ///
    /// # Errors
    /// What the body gives, and [`TooLong`] where its length does not fit.
    pub fn sized_u16<E: From<TooLong>>(
        &mut self,
        what: &'static str,
        counts: LengthOf,
        body: impl FnOnce(&mut Writer<'_>) -> Result<(), E>,
    ) -> Result<&mut Self, E> {
        self.sized::<2, E>(what, counts, body)
    }

    /// Writes a body with its length, 24 bits, before it.
    ///
    /// # Errors
    /// What the body gives, and [`TooLong`] where its length does not fit.
    pub fn sized_u24<E: From<TooLong>>(
        &mut self,
        what: &'static str,
        counts: LengthOf,
        body: impl FnOnce(&mut Writer<'_>) -> Result<(), E>,
    ) -> Result<&mut Self, E> {
        self.sized::<3, E>(what, counts, body)
    }

    /// Writes a body with its length, 32 bits, before it.
    ///
    /// # Errors
    /// What the body gives, and [`TooLong`] where its length does not fit.
    pub fn sized_u32<E: From<TooLong>>(
        &mut self,
        what: &'static str,
        counts: LengthOf,
        body: impl FnOnce(&mut Writer<'_>) -> Result<(), E>,
    ) -> Result<&mut Self, E> {
        self.sized::<4, E>(what, counts, body)
    }
}

#[cold]
const fn too_long(what: &'static str, value: u64, max: u64) -> TooLong {
    TooLong { what, value, max }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Reader;
    use proptest::prelude::*;

    #[test]
    fn nested_lengths_are_patched_from_the_inside() {
        let mut out = vec![0xEE];
        Writer::new(&mut out)
            .sized_u32("outer", LengthOf::FieldAndBody, |w| {
                w.bytes(b"moov");
                w.sized_u8("inner", LengthOf::Body, |w| {
                    w.u24("x", 0x01_0203)?;
                    Ok::<(), TooLong>(())
                })?;
                Ok::<(), TooLong>(())
            })
            .unwrap();
        assert_eq!(out, [0xEE, 0, 0, 0, 12, b'm', b'o', b'o', b'v', 3, 1, 2, 3]);
    }

    #[test]
    fn a_body_too_long_for_its_field_is_an_error() {
        let mut out = Vec::new();
        let err = Writer::new(&mut out)
            .sized_u8("name", LengthOf::Body, |w| {
                w.zeros(256);
                Ok::<(), TooLong>(())
            })
            .unwrap_err();
        assert_eq!(err.to_string(), "name is 256, its field holds at most 255");
        assert_eq!(
            Writer::new(&mut out).u24("size", 1 << 24).unwrap_err(),
            too_long("size", 1 << 24, 0xFF_FFFF)
        );
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(a: u8, b: u16, c in 0u32..1 << 24, d: u32, e: u64, f: f64, tail: Vec<u8>) {
            let mut out = Vec::new();
            let mut w = Writer::new(&mut out);
            w.u8(a).u16(b).u24("c", c).unwrap().u32(d).u64(e).f64(f).u16_le(b).u32_le(d).bytes(&tail);
            let mut r = Reader::new(&out);
            prop_assert_eq!(r.u8("a"), Ok(a));
            prop_assert_eq!(r.u16("b"), Ok(b));
            prop_assert_eq!(r.u24("c"), Ok(c));
            prop_assert_eq!(r.u32("d"), Ok(d));
            prop_assert_eq!(r.u64("e"), Ok(e));
            prop_assert_eq!(r.f64("f").unwrap().to_bits(), f.to_bits());
            prop_assert_eq!(r.u16_le("b"), Ok(b));
            prop_assert_eq!(r.u32_le("d"), Ok(d));
            prop_assert_eq!(r.rest(), &tail[..]);
        }
    }
}
