//! The byte stream format: start codes between NAL units (ISO/IEC 14496-10 Annex B).

use crate::Error;
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
    let mut codes = memmem::find_iter(data, &START_CODE);
    let start = codes.next().map(after_code);
    Nals { data, codes, start }
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

impl<'a> Iterator for Nals<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        loop {
            let start = self.start?;
            let code = self.codes.next();
            self.start = code.map(after_code);
            let nal = self.data.get(start..code.unwrap_or(self.data.len()))?;
            let nal = without_trailing_zeros(nal);
            if !nal.is_empty() {
                return Some(nal);
            }
        }
    }
}

#[inline]
fn without_trailing_zeros(mut nal: &[u8]) -> &[u8] {
    while let [rest @ .., 0] = nal {
        nal = rest;
    }
    nal
}

/// Whether `data` starts as a byte stream does: zeros, then a one.
///
/// Length-prefixed data of 4-byte lengths can look like this only with a NAL unit of 1 byte, or of 256 to 511.
#[must_use]
pub fn is_byte_stream(data: &[u8]) -> bool {
    matches!(data, [0, 0, 1, ..] | [0, 0, 0, 1, ..])
}

/// Appends the NAL units of a byte stream to `out`, each with its length in 4 bytes before it.
///
/// # Errors
/// [`Error::TooLong`] for a NAL unit of 2^32 bytes or more.
pub fn to_length_prefixed(data: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
    out.reserve(data.len().saturating_add(16));
    for nal in nals(data) {
        crate::length_prefixed::push(nal, out)?;
    }
    Ok(())
}

/// Appends a NAL unit to `out`, after a start code of 4 bytes.
#[inline]
pub fn push(nal: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&[0, 0, 0, 1]);
    out.extend_from_slice(nal);
}
