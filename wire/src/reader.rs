use core::fmt;

/// A read that went past the end of its input.
///
/// In a file or a message this is an error; in a stream it says that at least `needed - left` more
/// bytes are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{what} at offset {offset} needs {needed} bytes, {left} left")]
pub struct Short {
    /// The field that was being read.
    pub what: &'static str,
    /// Offset of the field, in bytes from the start of the outermost reader.
    pub offset: usize,
    /// Bytes that the field takes.
    pub needed: usize,
    /// Bytes that were there.
    pub left: usize,
}

/// A checked big-endian cursor that knows its offset.
///
/// A reader is two words and `Copy`: copy it to look ahead, assign the copy back to go on from there.
///
/// ```
/// use fluvial_wire::Reader;
///
/// let mut r = Reader::new(&[0, 0, 0, 2, 0xAB, 0xCD, 0xEF]);
/// let len = r.u32("length")?;
/// let mut body = r.sub(len as usize, "body")?;
/// assert_eq!(body.u16("tag")?, 0xABCD);
/// assert!(body.is_empty());
/// let err = r.u16("trailer").unwrap_err();
/// assert_eq!(err.to_string(), "trailer at offset 6 needs 2 bytes, 1 left");
/// # Ok::<(), fluvial_wire::Short>(())
/// ```
#[derive(Clone, Copy)]
pub struct Reader<'a> {
    rest: &'a [u8],
    /// Offset of the end of `rest`: the start moves with every read, the end never does.
    end: usize,
}

impl<'a> Reader<'a> {
    /// A reader over `data` whose first byte has offset 0.
    #[must_use]
    #[inline]
    pub const fn new(data: &'a [u8]) -> Self {
        Self::at(data, 0)
    }

    /// A reader over `data` whose first byte has the given offset in some larger input.
    #[must_use]
    #[inline]
    pub const fn at(data: &'a [u8], offset: usize) -> Self {
        Self {
            rest: data,
            end: offset.saturating_add(data.len()),
        }
    }

    /// Offset of the next byte.
    #[must_use]
    #[inline]
    pub const fn offset(&self) -> usize {
        self.end.saturating_sub(self.rest.len())
    }

    /// Bytes left.
    #[must_use]
    #[inline]
    pub const fn left(&self) -> usize {
        self.rest.len()
    }

    /// Whether nothing is left.
    #[must_use]
    #[inline]
    pub const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// What is left, without reading it.
    #[must_use]
    #[inline]
    pub const fn peek(&self) -> &'a [u8] {
        self.rest
    }

    /// Reads all that is left.
    #[inline]
    pub const fn rest(&mut self) -> &'a [u8] {
        let rest = self.rest;
        self.rest = &[];
        rest
    }

    #[cold]
    const fn short(&self, needed: usize, what: &'static str) -> Short {
        Short {
            what,
            offset: self.offset(),
            needed,
            left: self.rest.len(),
        }
    }

    /// Reads `N` bytes.
    ///
    /// # Errors
    /// [`Short`] where fewer are left; nothing is read then.
    #[inline]
    pub const fn array<const N: usize>(
        &mut self,
        what: &'static str,
    ) -> Result<&'a [u8; N], Short> {
        match self.rest.split_first_chunk::<N>() {
            Some((head, rest)) => {
                self.rest = rest;
                Ok(head)
            }
            None => Err(self.short(N, what)),
        }
    }

    /// Reads `len` bytes.
    ///
    /// # Errors
    /// [`Short`] where fewer are left; nothing is read then.
    #[inline]
    pub const fn take(&mut self, len: usize, what: &'static str) -> Result<&'a [u8], Short> {
        match self.rest.split_at_checked(len) {
            Some((head, rest)) => {
                self.rest = rest;
                Ok(head)
            }
            None => Err(self.short(len, what)),
        }
    }

    /// Reads `len` bytes as a reader of their own, with the offsets of this one.
    ///
    /// # Errors
    /// [`Short`] where fewer are left; nothing is read then.
    #[inline]
    pub const fn sub(&mut self, len: usize, what: &'static str) -> Result<Reader<'a>, Short> {
        let offset = self.offset();
        match self.take(len, what) {
            Ok(body) => Ok(Reader::at(body, offset)),
            Err(short) => Err(short),
        }
    }

    /// Passes over `len` bytes.
    ///
    /// # Errors
    /// [`Short`] where fewer are left; nothing is read then.
    #[inline]
    pub const fn skip(&mut self, len: usize, what: &'static str) -> Result<(), Short> {
        match self.take(len, what) {
            Ok(_) => Ok(()),
            Err(short) => Err(short),
        }
    }
}

macro_rules! numbers {
    ($($name:ident, $type:ty, $from:ident, $doc:literal;)*) => {
        impl Reader<'_> {
            $(
                #[doc = concat!("Reads ", $doc, ".")]
                ///
                /// # Errors
                /// [`Short`] at the end of the input.
                #[inline]
                pub const fn $name(&mut self, what: &'static str) -> Result<$type, Short> {
                    match self.array(what) {
                        Ok(bytes) => Ok(<$type>::$from(*bytes)),
                        Err(short) => Err(short),
                    }
                }
            )*
        }
    };
}

numbers! {
    u8, u8, from_be_bytes, "one byte";
    i8, i8, from_be_bytes, "one signed byte";
    u16, u16, from_be_bytes, "a big-endian `u16`";
    i16, i16, from_be_bytes, "a big-endian `i16`";
    u32, u32, from_be_bytes, "a big-endian `u32`";
    i32, i32, from_be_bytes, "a big-endian `i32`";
    u64, u64, from_be_bytes, "a big-endian `u64`";
    i64, i64, from_be_bytes, "a big-endian `i64`";
    f64, f64, from_be_bytes, "a big-endian IEEE 754 double";
    u16_le, u16, from_le_bytes, "a little-endian `u16`";
    u32_le, u32, from_le_bytes, "a little-endian `u32`";
}

impl Reader<'_> {
    /// Reads a big-endian 24-bit number.
    ///
    /// # Errors
    /// [`Short`] at the end of the input.
    #[inline]
    pub const fn u24(&mut self, what: &'static str) -> Result<u32, Short> {
        match self.array(what) {
            Ok(&[a, b, c]) => Ok(u32::from_be_bytes([0, a, b, c])),
            Err(short) => Err(short),
        }
    }

    /// Reads a big-endian signed 24-bit number (`SI24` of FLV).
    ///
    /// # Errors
    /// [`Short`] at the end of the input.
    #[inline]
    pub const fn i24(&mut self, what: &'static str) -> Result<i32, Short> {
        match self.array(what) {
            Ok(&[a, b, c]) => Ok(i32::from_be_bytes([a, b, c, 0]) >> 8),
            Err(short) => Err(short),
        }
    }

    /// Reads a big-endian 48-bit number.
    ///
    /// # Errors
    /// [`Short`] at the end of the input.
    #[inline]
    pub const fn u48(&mut self, what: &'static str) -> Result<u64, Short> {
        match self.array(what) {
            Ok(&[a, b, c, d, e, f]) => Ok(u64::from_be_bytes([0, 0, a, b, c, d, e, f])),
            Err(short) => Err(short),
        }
    }
}

impl fmt::Debug for Reader<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader")
            .field("offset", &self.offset())
            .field("left", &self.left())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_are_big_endian_and_move_on() {
        let data: [u8; 43] = core::array::from_fn(|i| i as u8 + 1);
        let mut r = Reader::new(&data);
        assert_eq!(r.u8("a"), Ok(1));
        assert_eq!(r.u16("b"), Ok(0x0203));
        assert_eq!(r.u24("c"), Ok(0x04_0506));
        assert_eq!(r.u32("d"), Ok(0x0708_090A));
        assert_eq!(r.u48("e"), Ok(0x0B0C_0D0E_0F10));
        assert_eq!(r.u64("f"), Ok(0x1112_1314_1516_1718));
        assert_eq!(r.u16_le("g"), Ok(0x1A19));
        assert_eq!(r.u32_le("h"), Ok(0x1E1D_1C1B));
        assert_eq!(r.offset(), 30);
        assert_eq!(r.left(), 13);
    }

    #[test]
    fn i24_keeps_its_sign() {
        assert_eq!(Reader::new(&[0xFF, 0xFF, 0xFE]).i24("cts"), Ok(-2));
        assert_eq!(Reader::new(&[0x7F, 0xFF, 0xFF]).i24("cts"), Ok(0x7F_FFFF));
    }

    #[test]
    fn a_short_read_reads_nothing() {
        let mut r = Reader::at(&[1, 2, 3], 100);
        assert_eq!(r.u16("first"), Ok(0x0102));
        let short = Short {
            what: "second",
            offset: 102,
            needed: 4,
            left: 1,
        };
        assert_eq!(r.u32("second"), Err(short));
        assert_eq!(r.u8("second"), Ok(3));
    }

    #[test]
    fn sub_readers_keep_the_outer_offset() {
        let mut r = Reader::new(&[0, 1, 2, 3, 4, 5]);
        r.skip(2, "head").unwrap();
        let mut sub = r.sub(3, "body").unwrap();
        assert_eq!((sub.offset(), sub.left()), (2, 3));
        sub.skip(2, "x").unwrap();
        assert_eq!(sub.offset(), 4);
        assert_eq!(r.offset(), 5);
        assert_eq!(r.rest(), &[5]);
        assert_eq!(r.offset(), 6);
    }

    proptest! {
        #[test]
        fn reads_are_all_or_nothing(data: Vec<u8>, lens: Vec<u8>) {
            let mut r = Reader::new(&data);
            let mut at = 0;
            for len in lens.into_iter().map(usize::from) {
                match r.take(len, "piece") {
                    Ok(piece) => {
                        prop_assert_eq!(piece, &data[at..at + len]);
                        at += len;
                    }
                    Err(short) => prop_assert_eq!((short.offset, short.left), (at, data.len() - at)),
                }
                prop_assert_eq!(r.offset(), at);
            }
        }
    }
}
