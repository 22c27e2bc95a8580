use super::{START_CODE, after_code, close};
use crate::Error;
use alloc::vec::Vec;
use memchr::memmem;

/// Turns a byte stream into length-prefixed NAL units in the buffer that it is gathered in, while that grows.
///
/// What was added last is near the processor still, and a start code of 3 bytes moves no more than that. What precedes the first
/// start code is dropped, as are empty units and zeros behind units.
///
/// ```
/// use fluvial_h264::annexb::Prefixer;
///
/// let (mut data, mut prefixer) = (Vec::new(), Prefixer::new());
/// for piece in [&[0, 0, 0, 1, 0x09, 0xF0, 0][..], &[0, 1, 0x65, 0x88]] {
///     data.extend_from_slice(piece);
///     prefixer.advance(&mut data, 0)?;
/// }
/// prefixer.finish(&mut data)?;
/// assert_eq!(data, [0, 0, 0, 2, 0x09, 0xF0, 0, 0, 0, 2, 0x65, 0x88]);
/// # Ok::<(), fluvial_h264::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct Prefixer {
    /// Where the length of the unit stands that is open; none before the first start code.
    open: Option<usize>,
    /// Up to where there is no start code behind it.
    clean: usize,
    /// Memory for what is moved.
    spare: Vec<u8>,
}

impl Prefixer {
    /// One that has seen nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Begins anew, with an empty buffer.
    pub const fn restart(&mut self) {
        self.open = None;
        self.clean = 0;
    }

    /// Bytes of the buffer that are dealt with.
    #[must_use]
    #[inline]
    pub const fn done(&self) -> usize {
        self.clean
    }

    /// Deals with what was added to the buffer, but for its last `keep` bytes, which stay as they came.
    ///
    /// # Errors
    /// [`Error::TooLong`] for a NAL unit of 2^32 bytes or more, which is dropped.
    pub fn advance(&mut self, data: &mut Vec<u8>, keep: usize) -> Result<(), Error> {
        let finder = memmem::Finder::new(&START_CODE);
        let mut result = Ok(());
        let until = data.len().saturating_sub(keep);
        while let Some(at) = finder.find(data.get(self.clean..until).unwrap_or_default()) {
            let code = self.clean.saturating_add(at);
            let next = after_code(code);
            let open = self.close(data, code, &mut result);
            self.open = Some(open);
            self.clean = open.saturating_add(4);
            if self.clean != next {
                self.move_rest(data, next, keep, &mut result);
                return result;
            }
        }
        self.clean = self.clean.max(until.saturating_sub(2));
        result
    }

    /// The unit that is open has come to lie elsewhere than it came: copies what follows to where it belongs, unit by unit.
    fn move_rest(
        &mut self,
        data: &mut Vec<u8>,
        next: usize,
        keep: usize,
        result: &mut Result<(), Error>,
    ) {
        let finder = memmem::Finder::new(&START_CODE);
        let mut spare = core::mem::take(&mut self.spare);
        spare.clear();
        spare.extend_from_slice(data.get(next..).unwrap_or_default());
        let mut rest = spare.as_slice();
        let mut open = self.open.unwrap_or(0);
        loop {
            data.truncate(open);
            data.extend_from_slice(&[0; 4]);
            let until = rest.len().saturating_sub(keep);
            let seen = rest.get(..until).unwrap_or_default();
            let Some((unit, after)) = finder
                .find(seen)
                .and_then(|at| Some((rest.get(..at)?, rest.get(after_code(at)..)?)))
            else {
                break;
            };
            data.extend_from_slice(unit);
            rest = after;
            self.open = Some(open);
            let end = data.len();
            open = self.close(data, end, result);
        }
        self.open = Some(open);
        let start = data.len();
        data.extend_from_slice(rest);
        self.clean = data.len().saturating_sub(keep).saturating_sub(2).max(start);
        self.spare = spare;
    }

    /// Ends the unit that is open, whose bytes reach to `end`; tells where the next length stands.
    fn close(&self, data: &mut [u8], end: usize, result: &mut Result<(), Error>) -> usize {
        let Some(open) = self.open else {
            return 0;
        };
        close(data, open, end, &mut |_| true).unwrap_or_else(|error| {
            *result = Err(error);
            open
        })
    }

    /// Deals with the rest: the buffer has all there is.
    ///
    /// # Errors
    /// As of [`advance`](Self::advance).
    pub fn finish(&mut self, data: &mut Vec<u8>) -> Result<(), Error> {
        let mut result = self.advance(data, 0);
        let end = data.len();
        let end = self.close(data, end, &mut result);
        data.truncate(end);
        self.restart();
        result
    }
}
