use super::Header;

/// A header as it is in the stream, checked: all that a walk over frames has to know of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Word {
    bits: u32,
    /// Bytes of the frame; [`FREE`] where the header does not tell it.
    len: u16,
}

const SYNC: u32 = 0xFFE0_0000;
/// `ID` and the bit before it, `layer`, `sampling_frequency`: what stays the same in a stream.
const STREAM: u32 = SYNC | 0x001E_0C00;
const PADDING: u32 = 0x200;
const LAYER_I: u32 = 0x0006_0000;
/// Both bits of `mode`: one channel.
const SINGLE: u32 = 0xC0;
/// `layer` to `protection_bit`, so that what is left of them is the index of [`LENGTHS`].
const INDEX_SHIFT: u32 = 10;

const FREE: u16 = 1;

/// Bytes of a frame without padding, by the bits from `ID` to `sampling_frequency`, less `protection_bit`: 0 where a value is
/// reserved, [`FREE`] in free format.
static LENGTHS: [u16; 1024] = lengths();

#[expect(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "done by the compiler, which would refuse"
)]
const fn lengths() -> [u16; 1024] {
    let mut lengths = [0; 1024];
    let mut index = 0;
    while index < lengths.len() {
        let b = 0xE0 | (index >> 6 << 1) as u8;
        let c = ((index & 0x3F) << 2) as u8;
        if let Ok(header) = Header::read([0xFF, b, c, 0]) {
            lengths[index] = match header.frame_len() {
                Some(len) => len as u16,
                None => FREE,
            };
        }
        index += 1;
    }
    lengths
}

impl Word {
    /// The header at the start of some bytes; `None` where there is none.
    #[inline]
    pub(super) fn find(data: &[u8]) -> Option<Self> {
        let bits = u32::from_be_bytes(*data.first_chunk()?);
        // Most bytes are no sync word.
        if bits & SYNC != SYNC {
            return None;
        }
        let index = bits >> (INDEX_SHIFT + 1) & 0x3C0 | bits >> INDEX_SHIFT & 0x3F;
        let len = *LENGTHS.get(usize::try_from(index).ok()?)?;
        let padding = match (bits & PADDING, bits & LAYER_I) {
            (0, _) => 0,
            (_, LAYER_I) => 4,
            _ => 1,
        };
        match len {
            0 => None,
            FREE => Some(Self { bits, len }),
            _ => Some(Self {
                bits,
                len: len + padding,
            }),
        }
    }

    /// Bytes of the frame; `None` in free format.
    #[inline]
    pub(super) const fn frame_len(self) -> Option<usize> {
        match self.len {
            FREE => None,
            len => Some(len as usize),
        }
    }

    /// A slot of padding, in bytes.
    pub(super) const fn slot(self) -> usize {
        if self.bits & LAYER_I == LAYER_I { 4 } else { 1 }
    }

    /// The header, field by field.
    #[inline]
    pub(super) const fn header(self) -> Header {
        Header::of(self.bits.to_be_bytes())
    }

    /// As [`Header::same_stream`].
    #[inline]
    pub(super) const fn same_stream(self, other: Self) -> bool {
        (self.bits ^ other.bits) & STREAM == 0
            && (self.len == FREE) == (other.len == FREE)
            && (self.bits & SINGLE == SINGLE) == (other.bits & SINGLE == SINGLE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_headers() {
        // All but the last byte matter; of that one, the mode.
        for bits in (0xFFE0_0000..=u32::MAX).step_by(0x40) {
            let bytes = bits.to_be_bytes();
            let word = Word::find(&bytes);
            let header = Header::parse(&bytes).ok();
            assert_eq!(
                word.map(Word::frame_len),
                header.map(Header::frame_len),
                "{bits:#X}"
            );
            assert_eq!(word.map(Word::header), header);
        }
        assert_eq!(Word::find(&[0xFF, 0xFB, 0x90]), None);
    }

    #[test]
    fn streams_of_words_are_those_of_headers() {
        let few = [
            0xFFFB_9000u32,
            0xFFFB_90C0,
            0xFFFA_A240,
            0xFFFB_0080,
            0xFFFB_9400,
            0xFFF3_9000,
            0xFFFD_9000,
            0xFFFF_90C4,
        ];
        for a in few {
            for b in few {
                let (a, b) = (a.to_be_bytes(), b.to_be_bytes());
                let words = Word::find(&a).unwrap().same_stream(Word::find(&b).unwrap());
                let headers = Header::parse(&a)
                    .unwrap()
                    .same_stream(Header::parse(&b).unwrap());
                assert_eq!(words, headers);
            }
        }
    }
}
