//! The byte stream format: start codes between NAL units (ISO/IEC 14496-10 Annex B).

mod splitter;

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
    // A start code of 3 bytes becomes a length of 4: room for one in 256 bytes, so that the whole is not moved for them.
    out.reserve(
        data.len()
            .saturating_add(data.len() / 256)
            .saturating_add(16),
    );
    for nal in nals(data) {
        length_prefixed::push(nal, out)?;
    }
    Ok(())
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
        let rest = data.get(done..).unwrap_or_default().to_vec();
        data.truncate(done);
        to_length_prefixed(&rest, data)?;
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
