//! Segment indexes (`sidx`, ISO/IEC 14496-12 §8.16.3), as far as addressing needs them.

use crate::{ByteRange, Error};

/// A part of a segment index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reference {
    /// Its bytes in the resource.
    pub range: ByteRange,
    /// Ticks of the index's timescale at which it starts.
    pub time: u64,
    /// Ticks that it lasts.
    pub duration: u64,
    /// Whether what is there is another index, not media.
    pub is_index: bool,
}

/// A segment index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    /// Ticks per second.
    pub timescale: u32,
    /// The parts, by time.
    pub references: Vec<Reference>,
}

impl Index {
    /// Finds the first `sidx` box in `data`, which are the bytes of the resource from byte `offset` on, and reads it.
    ///
    /// # Errors
    ///
    /// [`Error::State`] where there is none, or it breaks off.
    pub fn parse(data: &[u8], offset: u64) -> Result<Self, Error> {
        let missing = Error::State("there is no segment index (sidx) in the index range");
        let mut at = offset;
        let mut rest = data;
        loop {
            let (head, _) = rest.split_first_chunk::<8>().ok_or(missing.clone())?;
            let [a, b, c, d, kind @ ..] = *head;
            let size = u32::from_be_bytes([a, b, c, d]);
            let length = usize::try_from(size).unwrap_or(usize::MAX);
            if &kind == b"sidx" {
                let body = rest.get(8..length.min(rest.len())).unwrap_or(&[]);
                let after = at.saturating_add(size.into());
                return Self::body(body, after).ok_or(Error::State("the segment index breaks off"));
            }
            if length < 8 {
                return Err(missing);
            }
            rest = rest.get(length..).ok_or(missing.clone())?;
            at = at.saturating_add(size.into());
        }
    }

    /// The fields of the box, which ends before byte `after` of the resource.
    fn body(body: &[u8], after: u64) -> Option<Self> {
        let ([version, ..], body) = body.split_first_chunk::<4>()?;
        let (_reference_id, body) = body.split_first_chunk::<4>()?;
        let (timescale, body) = body.split_first_chunk::<4>()?;
        let (mut time, first_offset, body) = if *version == 0 {
            let (time, body) = body.split_first_chunk::<4>()?;
            let (offset, body) = body.split_first_chunk::<4>()?;
            let wide = |bytes: &[u8; 4]| u64::from(u32::from_be_bytes(*bytes));
            (wide(time), wide(offset), body)
        } else {
            let (time, body) = body.split_first_chunk::<8>()?;
            let (offset, body) = body.split_first_chunk::<8>()?;
            (u64::from_be_bytes(*time), u64::from_be_bytes(*offset), body)
        };
        let ([_, _, high, low], mut body) = body.split_first_chunk::<4>()?;
        let count = u16::from_be_bytes([*high, *low]);
        let mut first = after.checked_add(first_offset)?;
        let mut references = Vec::new();
        for _ in 0..count {
            let (size, rest) = body.split_first_chunk::<4>()?;
            let (duration, rest) = rest.split_first_chunk::<4>()?;
            let (_sap, rest) = rest.split_first_chunk::<4>()?;
            body = rest;
            let size = u32::from_be_bytes(*size);
            let duration = u64::from(u32::from_be_bytes(*duration));
            let bytes = u64::from(size & 0x7FFF_FFFF);
            let next = first.checked_add(bytes)?;
            references.push(Reference {
                range: ByteRange {
                    first,
                    last: Some(next.saturating_sub(1)),
                },
                time,
                duration,
                is_index: size >> 31 == 1,
            });
            first = next;
            time = time.checked_add(duration)?;
        }
        Some(Self {
            timescale: u32::from_be_bytes(*timescale),
            references,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_index_is_read() {
        let mut data = b"\0\0\0\x08free\0\0\0\x38sidx\0\0\0\0\0\0\0\x01\0\0\x03\xE8".to_vec();
        data.extend_from_slice(b"\0\0\0\x05\0\0\0\x0A\0\0\0\x02");
        data.extend_from_slice(b"\0\0\0\x64\0\0\x07\xD0\x90\0\0\0");
        data.extend_from_slice(b"\x80\0\0\xC8\0\0\x03\xE8\x90\0\0\0");
        let index = Index::parse(&data, 1000).unwrap();
        assert_eq!(index.timescale, 1000);
        let [media, inner] = index.references.as_slice() else {
            panic!()
        };
        let first = 1000 + 8 + 0x38 + 10;
        assert_eq!(
            media.range,
            ByteRange {
                first,
                last: Some(first + 99)
            }
        );
        assert_eq!(
            (media.time, media.duration, media.is_index),
            (5, 2000, false)
        );
        assert_eq!(
            (inner.range.first, inner.time, inner.is_index),
            (first + 100, 2005, true)
        );
        for end in 0..data.len() {
            assert!(Index::parse(&data[..end], 0).is_err());
        }
    }
}
