//! The format of MP4, FLV and Matroska: each NAL unit with its length before it
//! (ISO/IEC 14496-15 §5.3.4.2.1).

use crate::{Error, annexb};
use alloc::vec::Vec;
use bytes::Bytes;
use core::ops::Range;
use wire::Reader;

/// The NAL units of one sample, whose lengths take `length_size` bytes, 1 to 4 (see
/// [`DecoderConfig::length_size`](crate::DecoderConfig::length_size)). Empty units are passed over.
///
/// A length that goes past the end gives one error, and with it the iteration ends.
///
/// ```
/// let sample = [0, 0, 0, 2, 0x65, 0x88, 0, 0, 0, 9, 0x41];
/// let mut nals = fluvial_h264::length_prefixed::nals(&sample, 4);
/// assert_eq!(nals.next(), Some(Ok(&[0x65, 0x88][..])));
/// assert_eq!(
///     nals.next().unwrap().unwrap_err().to_string(),
///     "NAL unit at offset 10 needs 9 bytes, 1 left"
/// );
/// assert_eq!(nals.next(), None);
/// ```
#[must_use]
pub const fn nals(data: &[u8], length_size: u8) -> Nals<'_> {
    Nals {
        rest: Reader::new(data),
        length_size,
    }
}

/// Iterator of [`nals`].
#[derive(Debug, Clone)]
pub struct Nals<'a> {
    rest: Reader<'a>,
    length_size: u8,
}

impl<'a> Nals<'a> {
    #[inline]
    fn read(&mut self) -> Result<&'a [u8], wire::Short> {
        const WHAT: &str = "NAL unit length";
        let len = match self.length_size {
            1 => u32::from(self.rest.u8(WHAT)?),
            2 => u32::from(self.rest.u16(WHAT)?),
            3 => self.rest.u24(WHAT)?,
            _ => self.rest.u32(WHAT)?,
        };
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        self.rest.take(len, "NAL unit")
    }
}

impl<'a> Iterator for Nals<'a> {
    type Item = Result<&'a [u8], Error>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        while !self.rest.is_empty() {
            match self.read() {
                Ok([]) => {}
                Ok(nal) => return Some(Ok(nal)),
                Err(short) => {
                    self.rest.rest();
                    return Some(Err(short.into()));
                }
            }
        }
        None
    }
}

/// Appends a NAL unit to `out`, with its length in 4 bytes before it.
///
/// # Errors
/// [`Error::TooLong`] for 2^32 bytes or more.
#[inline]
pub fn push(nal: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
    let length = length(nal)?;
    out.extend_from_slice(&length);
    out.extend_from_slice(nal);
    Ok(())
}

/// The NAL units that are to stay, with their lengths of 4 bytes. Where others are at the start and the end only, nothing is copied.
/// What follows a length that goes past the end is lost.
///
/// ```
/// let data = vec![0, 0, 0, 2, 0x09, 0xF0, 0, 0, 0, 2, 0x65, 0x88];
/// let kept = fluvial_h264::length_prefixed::retain(data, |nal| nal[0] != 9);
/// assert_eq!(*kept, [0, 0, 0, 2, 0x65, 0x88]);
/// ```
#[must_use]
pub fn retain(data: Vec<u8>, mut stays: impl FnMut(&[u8]) -> bool) -> Bytes {
    let mut rest = Reader::new(&data);
    // What stays is from here to there, as long as nothing within has to go.
    let (mut start, mut end) = (None, 0);
    let mut copy: Option<Vec<u8>> = None;
    while let Ok(len) = rest.u32("NAL unit length") {
        let at = rest.offset().saturating_sub(4);
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        let Ok(nal) = rest.take(len, "NAL unit") else {
            break;
        };
        if nal.is_empty() || !stays(nal) {
            continue;
        }
        let start = *start.get_or_insert(at);
        if at != end.max(start) && copy.is_none() {
            let mut before = Vec::with_capacity(data.len());
            before.extend_from_slice(data.get(start..end).unwrap_or_default());
            copy = Some(before);
        }
        end = rest.offset();
        if let Some(copy) = &mut copy {
            copy.extend_from_slice(data.get(at..end).unwrap_or_default());
        }
    }
    match copy {
        Some(copy) => copy.into(),
        None => part(data.into(), start.unwrap_or(0)..end),
    }
}

/// A part of the bytes, which shares their memory; nothing where it is not there.
#[expect(clippy::disallowed_methods, reason = "the range is checked")]
pub(crate) fn part(bytes: Bytes, range: Range<usize>) -> Bytes {
    match range.start <= range.end && range.end <= bytes.len() {
        true if range == (0..bytes.len()) => bytes,
        true => bytes.slice(range),
        false => Bytes::new(),
    }
}

/// The length of a NAL unit as it stands before it, in 4 bytes.
#[inline]
pub(crate) fn length(nal: &[u8]) -> Result<[u8; 4], Error> {
    match u32::try_from(nal.len()) {
        Ok(len) => Ok(len.to_be_bytes()),
        Err(_) => Err(Error::TooLong(wire::TooLong {
            what: "NAL unit length",
            value: nal.len() as u64,
            max: u64::from(u32::MAX),
        })),
    }
}

/// Appends the NAL units of a sample to `out` as a byte stream, each after a start code of 4 bytes.
///
/// # Errors
/// [`Error::Short`] where a length goes past the end; the units before it are written.
pub fn to_annexb(data: &[u8], length_size: u8, out: &mut Vec<u8>) -> Result<(), Error> {
    out.reserve(data.len().saturating_add(16));
    for nal in nals(data, length_size) {
        annexb::push(nal?, out);
    }
    Ok(())
}

/// Turns length-prefixed NAL units with lengths of 4 bytes into a byte stream in place.
///
/// # Errors
/// [`Error::Short`] where a length goes past the end; the units before it are converted.
pub fn make_annexb(data: &mut [u8]) -> Result<(), Error> {
    let whole = data.len();
    let mut rest = data;
    while !rest.is_empty() {
        let offset = whole.saturating_sub(rest.len());
        let mut r = Reader::at(rest, offset);
        let len = usize::try_from(r.u32("NAL unit length")?).unwrap_or(usize::MAX);
        r.skip(len, "NAL unit")?;
        let Some((length, units)) = rest.split_first_chunk_mut() else {
            break;
        };
        *length = [0, 0, 0, 1];
        rest = units.get_mut(len..).unwrap_or_default();
    }
    Ok(())
}
