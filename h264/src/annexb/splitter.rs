use super::{START_CODE, after_code, without_trailing_zeros};
use memchr::memmem;

/// What a [`Splitter`] finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece<'a> {
    /// A start code: the NAL unit before it, if any, is whole, and another one begins.
    Start {
        /// Where that begins: bytes from the start of the stream.
        offset: u64,
    },
    /// More of the NAL unit, at least one byte.
    Data(&'a [u8]),
}

/// Finds NAL units in a byte stream that comes in pieces, without a buffer of its own: between inputs it keeps no more than
/// a count of zeros. What is cut where makes no difference, but for how a unit's data is cut.
///
/// As with [`nals`](super::nals), zeros before a start code are no part of the NAL unit, and what precedes the first start
/// code is passed over. A unit may be empty.
///
/// ```
/// use fluvial_h264::annexb::{Piece, Splitter};
///
/// let mut splitter = Splitter::default();
/// let mut nals: Vec<Vec<u8>> = Vec::new();
/// for input in [&[0, 0, 0][..], &[1, 0x67, 0x42, 0], &[0, 1, 0x68], &[0xCE, 0]] {
///     splitter.push(input, |piece| match piece {
///         Piece::Start { .. } => nals.push(Vec::new()),
///         Piece::Data(data) => nals.last_mut().unwrap().extend_from_slice(data),
///     });
/// }
/// assert_eq!(nals, [&[0x67, 0x42][..], &[0x68, 0xCE]]);
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct Splitter {
    /// Zeros at the end of the input so far, of which it is not known yet whether they are data.
    zeros: usize,
    /// Whether there has been a start code.
    in_unit: bool,
    /// Bytes taken.
    taken: u64,
}

impl Splitter {
    /// Takes the next bytes of the stream and tells what they hold.
    pub fn push(&mut self, mut data: &[u8], mut each: impl FnMut(Piece<'_>)) {
        let end = self.taken.saturating_add(data.len() as u64);
        self.taken = end;
        if self.zeros > 0 {
            let Some(first) = data.iter().position(|byte| *byte != 0) else {
                self.zeros = self.zeros.saturating_add(data.len());
                return;
            };
            if self.zeros.saturating_add(first) >= 2 && data.get(first) == Some(&1) {
                self.in_unit = true;
                data = data.get(first.saturating_add(1)..).unwrap_or_default();
                let offset = end.saturating_sub(data.len() as u64);
                each(Piece::Start { offset });
            } else if self.in_unit {
                self.tell_zeros(&mut each);
            }
            self.zeros = 0;
        }
        let base = end.saturating_sub(data.len() as u64);
        let mut start = 0;
        for code in memmem::find_iter(data, &START_CODE) {
            self.tell(data.get(start..code), &mut each);
            self.in_unit = true;
            start = after_code(code);
            let offset = base.saturating_add(start as u64);
            each(Piece::Start { offset });
        }
        let rest = data.get(start..).unwrap_or_default();
        self.zeros = rest
            .len()
            .saturating_sub(without_trailing_zeros(rest).len());
        self.tell(Some(rest), &mut each);
    }

    /// Tells data, without the zeros at its end.
    #[inline]
    fn tell(&self, data: Option<&[u8]>, each: &mut impl FnMut(Piece<'_>)) {
        let data = without_trailing_zeros(data.unwrap_or_default());
        if self.in_unit && !data.is_empty() {
            each(Piece::Data(data));
        }
    }

    /// Tells the zeros of earlier inputs, which were data after all.
    #[cold]
    fn tell_zeros(&self, each: &mut impl FnMut(Piece<'_>)) {
        const ZEROS: [u8; 64] = [0; 64];
        let mut left = self.zeros;
        while left > 0 {
            let part = ZEROS.get(..left).unwrap_or(&ZEROS);
            each(Piece::Data(part));
            left = left.saturating_sub(part.len());
        }
    }
}
