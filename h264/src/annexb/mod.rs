//! The byte stream format: start codes between NAL units (ISO/IEC 14496-10 Annex B).

mod prefixer;
mod splitter;

pub use prefixer::Prefixer;
pub use splitter::{Piece, Splitter};

use crate::{Error, length_prefixed};
use alloc::vec::Vec;
use memchr::memmem;

const START_CODE: [u8; 3] = [0, 0, 1];

/// The NAL units of a whole byte stream or access unit, without start codes.
///
/// Zeros before a start code belong to it or are padding (`trailing_zero_8bits`), never to the NAL unit.
/// What precedes the first start code is passed over, as are empty units.
///
/// ```
/// let stream = [0, 0, 0, 1, 0x67, 0x42, 0, 0, 1, 0x68, 0xCE, 0, 0, 0];
/// let nals: Vec<&[u8]> = fluvial_h264::annexb::nals(&stream).collect();
/// assert_eq!(nals, [&[0x67, 0x42][..], &[0x68, 0xCE]]);
/// ```
#[must_use]
pub fn nals(data: &[u8]) -> Nals<'_> {
    let mut codes = start_codes(data);
    let start = codes.next().map(after_code);
    Nals { data, codes, start }
}

/// Where start codes are, without the zeros before them that may belong to them.
pub(crate) fn start_codes(data: &[u8]) -> memmem::FindIter<'_, 'static> {
    memmem::find_iter(data, &START_CODE)
}

const fn after_code(at: usize) -> usize {
    at.saturating_add(START_CODE.len())
}

/// Iterator of [`nals`].
#[derive(Debug, Clone)]
pub struct Nals<'a> {
    data: &'a [u8],
    codes: memmem::FindIter<'a, 'static>,
    /// Where the next NAL unit starts.
    start: Option<usize>,
}

impl<'a> Nals<'a> {
    /// The next NAL unit, and where it starts in the data.
    #[inline]
    pub fn next_with_offset(&mut self) -> Option<(usize, &'a [u8])> {
        loop {
            let start = self.start?;
            let code = self.codes.next();
            self.start = code.map(after_code);
            let nal = self.data.get(start..code.unwrap_or(self.data.len()))?;
            let nal = without_trailing_zeros(nal);
            if !nal.is_empty() {
                return Some((start, nal));
            }
        }
    }
}

impl<'a> Iterator for Nals<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        self.next_with_offset().map(|(_, nal)| nal)
    }
}

#[inline]
fn without_trailing_zeros(mut nal: &[u8]) -> &[u8] {
    while let [rest @ .., 0] = nal {
        nal = rest;
    }
    nal
}

/// Appends the NAL units of a byte stream to `out`, each with its length in 4 bytes before it.
///
/// # Errors
/// [`Error::TooLong`] for a NAL unit of 2^32 bytes or more.
pub fn to_length_prefixed(data: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
    out.reserve(room(data.len()));
    convert(data, out, |_| true)
}

/// A start code of 3 bytes becomes a length of 4: room for one in 256 bytes, so that the whole is not moved for them.
const fn room(len: usize) -> usize {
    len.saturating_add(len / 256).saturating_add(64)
}

/// Bytes that are copied at once, and then searched while they are in the nearest cache.
const BLOCK: usize = 8192;

/// The first block after bytes had to be copied again, so that short units are not copied many times.
const FIRST_BLOCK: usize = 256;

/// Appends the NAL units that are to stay to `out`, each with its length in 4 bytes before it.
///
/// Copying comes first: a copy of a long block goes faster through memory than a search does, and what is searched then
/// is near. Behind a start code of 4 bytes everything is in its place already; behind another one it is copied again.
pub(crate) fn convert(
    data: &[u8],
    out: &mut Vec<u8>,
    mut stays: impl FnMut(&[u8]) -> bool,
) -> Result<(), Error> {
    let finder = memmem::Finder::new(&START_CODE);
    let Some(first) = finder.find(data) else {
        return Ok(());
    };
    let mut rest = data.get(after_code(first)..).unwrap_or_default();
    let mut block = FIRST_BLOCK;
    // Where the length of the unit stands that is open, and up to where there is no start code behind it.
    let mut open = out.len();
    out.extend_from_slice(&[0; 4]);
    let mut clean = out.len();
    loop {
        match finder.find(out.get(clean..).unwrap_or_default()) {
            Some(at) => {
                let code = clean.saturating_add(at);
                let next = after_code(code);
                let end = close(out, open, code, &mut stays)?;
                open = end;
                clean = end.saturating_add(4);
                if clean != next {
                    let again = out.len().saturating_sub(next);
                    let taken = data.len().saturating_sub(rest.len());
                    rest = data.get(taken.saturating_sub(again)..).unwrap_or_default();
                    out.truncate(end);
                    out.extend_from_slice(&[0; 4]);
                    block = FIRST_BLOCK;
                }
            }
            None if rest.is_empty() => {
                let len = out.len();
                let end = close(out, open, len, &mut stays)?;
                out.truncate(end);
                return Ok(());
            }
            None => {
                clean = clean.max(out.len().saturating_sub(2));
                let (head, tail) = rest.split_at_checked(block).unwrap_or((rest, &[]));
                out.extend_from_slice(head);
                rest = tail;
                block = block.saturating_mul(2).min(BLOCK);
            }
        }
    }
}

/// Writes the length of the unit whose bytes, with the zeros behind it, reach from 4 behind `open` to `end`. Gives its end:
/// `open`, where it goes.
#[inline]
fn close(
    out: &mut [u8],
    open: usize,
    end: usize,
    stays: &mut impl FnMut(&[u8]) -> bool,
) -> Result<usize, Error> {
    let Some((length, unit)) = out
        .get_mut(open..end)
        .and_then(<[u8]>::split_first_chunk_mut)
    else {
        return Ok(open);
    };
    let nal = without_trailing_zeros(unit);
    if nal.is_empty() || !stays(nal) {
        return Ok(open);
    }
    *length = length_prefixed::length(nal)?;
    Ok(open.saturating_add(4).saturating_add(nal.len()))
}

/// Turns a byte stream into length-prefixed NAL units in place, where its start codes have 4 bytes and nothing
/// is to be left out; the others are moved.
///
/// ```
/// let mut data = vec![0, 0, 0, 1, 0x09, 0xF0, 0, 0, 1, 0x65, 0x88];
/// fluvial_h264::annexb::make_length_prefixed(&mut data)?;
/// assert_eq!(data, [0, 0, 0, 2, 0x09, 0xF0, 0, 0, 0, 2, 0x65, 0x88]);
/// # Ok::<(), fluvial_h264::Error>(())
/// ```
///
/// # Errors
/// [`Error::TooLong`] for a NAL unit of 2^32 bytes or more.
pub fn make_length_prefixed(data: &mut Vec<u8>) -> Result<(), Error> {
    let done = convert_in_place(data, |_| true)?;
    if done < data.len() {
        let (head, rest) = data.split_at_checked(done).unwrap_or_default();
        let mut whole = Vec::with_capacity(room(data.len()));
        whole.extend_from_slice(head);
        convert(rest, &mut whole, |_| true)?;
        *data = whole;
    }
    Ok(())
}

/// Turns start codes of 4 bytes into lengths until something else comes, or a unit that is not to stay; tells how far
/// that was.
pub(crate) fn convert_in_place(
    data: &mut [u8],
    stays: impl Fn(&[u8]) -> bool,
) -> Result<usize, Error> {
    let finder = memmem::Finder::new(&START_CODE);
    let mut done = 0;
    let mut rest = data;
    while let Some((code @ [0, 0, 0, 1], body)) = rest.split_first_chunk_mut::<4>() {
        let len = match finder.find(body) {
            Some(at) => at.saturating_sub(1),
            None => body.len(),
        };
        // Without the zero of the next start code it is none of 4 bytes; with a zero at its end the unit has padding.
        let Some((nal @ [.., 1..=255], next)) = body.split_at_mut_checked(len) else {
            break;
        };
        if !matches!(next, [] | [0, 0, 0, 1, ..]) || !stays(nal) {
            break;
        }
        *code = length_prefixed::length(nal)?;
        done += code.len() + nal.len();
        rest = next;
    }
    Ok(done)
}

/// Appends a NAL unit to `out`, after a start code of 4 bytes.
#[inline]
pub fn push(nal: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&[0, 0, 0, 1]);
    out.extend_from_slice(nal);
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn blocks_make_no_difference(
            units in proptest::collection::vec((0..5usize, prop_oneof![0..40usize, 200..300usize, 8000..9000usize, 0..30_000usize], any::<u8>()), 0..12),
            junk in 0..5usize,
            end in 0..5usize,
            seed: u8,
            piece in prop_oneof![1..10usize, 180..190usize, 1000..9000usize],
            keep in prop_oneof![Just(0usize), 0..300usize],
        ) {
            let mut data = vec![7; junk];
            for (zeros, len, first) in units {
                data.resize(data.len() + zeros, 0);
                data.extend_from_slice(&START_CODE);
                data.push(first);
                // With zeros, but never two before a one.
                data.extend((0..len).map(|n| [seed, 0, 2, 0, 0, 3, 0][n % 7] & !1));
            }
            data.resize(data.len() + end, 0);
            let stays = |nal: &[u8]| nal.first().is_some_and(|header| header & 3 != 0);
            let mut expected = vec![9, 9, 9];
            let mut every = vec![];
            for nal in nals(&data) {
                length_prefixed::push(nal, &mut every).unwrap();
                if stays(nal) {
                    length_prefixed::push(nal, &mut expected).unwrap();
                }
            }
            let mut out = vec![9, 9, 9];
            convert(&data, &mut out, stays).unwrap();
            prop_assert_eq!(out, expected);
            let mut out = vec![];
            to_length_prefixed(&data, &mut out).unwrap();
            prop_assert_eq!(&out, &every);
            let (mut out, mut prefixer) = (vec![], Prefixer::new());
            for piece in data.chunks(piece) {
                out.extend_from_slice(piece);
                prefixer.advance(&mut out, keep).unwrap();
                let kept = keep.min(piece.len());
                prop_assert_eq!(&out[out.len() - kept..], &piece[piece.len() - kept..]);
            }
            prefixer.finish(&mut out).unwrap();
            prop_assert_eq!(&out, &every);
            if junk == 0 {
                make_length_prefixed(&mut data).unwrap();
                prop_assert_eq!(data, every);
            }
        }
    }
}
