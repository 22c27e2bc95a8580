use crate::framing::{self, Framing};
use alloc::vec::Vec;
use wire::TooLong;

/// The framing of `AudioSyncStream()`: 11 bits 0x2B7, 13 bits `audioMuxLengthBytes`, an `AudioMuxElement(1)`
/// (ISO/IEC 14496-3 Table 1.36).
#[derive(Debug, Clone, Copy)]
pub enum Loas {}

/// Walks over the elements of an audio sync stream. A frame is an `AudioMuxElement(1)`, without sync word and length.
pub type Frames<'a> = framing::Frames<'a, Loas>;

/// Finds the elements of an audio sync stream that comes in pieces.
pub type Splitter = framing::Splitter<Loas>;

const SYNC: u32 = 0x56_E000;
const LENGTH: u32 = 0x1FFF;

impl Framing for Loas {
    const HEADER: usize = 3;
    /// `audioMuxLengthBytes`.
    type Header = usize;
    type Frame<'a> = &'a [u8];

    #[inline]
    fn header(data: &[u8]) -> Option<usize> {
        let &[a, b, c] = data.first_chunk()?;
        let word = u32::from_be_bytes([0, a, b, c]);
        (word & !LENGTH == SYNC).then_some((word & LENGTH) as usize)
    }

    #[inline]
    fn frame_len(length: usize, _: &[u8], _: bool) -> Option<usize> {
        Some(Self::HEADER + length)
    }

    #[inline]
    fn same_stream(_: usize, _: usize) -> bool {
        true
    }

    #[inline]
    fn frame(_: usize, data: &[u8]) -> &[u8] {
        data.get(Self::HEADER..).unwrap_or_default()
    }
}

/// Appends an `AudioMuxElement(1)` as a frame of an audio sync stream.
///
/// # Errors
/// [`TooLong`] where it has more than 8191 bytes.
pub fn encode_loas(element: &[u8], out: &mut Vec<u8>) -> Result<(), TooLong> {
    let length = element.len() as u64;
    let word = match u32::try_from(length) {
        Ok(length) if length <= LENGTH => SYNC | length,
        _ => {
            return Err(TooLong {
                what: "audioMuxLengthBytes",
                value: length,
                max: LENGTH.into(),
            });
        }
    };
    let [_, header @ ..] = word.to_be_bytes();
    out.reserve(header.len() + element.len());
    out.extend_from_slice(&header);
    out.extend_from_slice(element);
    Ok(())
}
