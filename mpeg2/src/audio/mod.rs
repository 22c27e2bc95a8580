//! MPEG audio, layers I to III of MPEG-1, MPEG-2 and MPEG-2.5.
//!
//! [`Frames`] walks over frames that are all there, [`Splitter`] takes them as they come; both find their way through junk, ID3
//! tags and damage, and both find out how long the frames of a free format stream are. A [`Tag`] is what encoders put into a
//! frame of silence at the start: how long the stream is, what of it is no sound, and where to begin reading for a time.

mod crc;
mod frame;
mod header;
mod layer2;
mod tag;
mod vbri;
mod word;
mod xing;

pub use frame::Frame;
pub use header::{ChannelMode, Header, Layer, Version};
pub use tag::{DECODER_DELAY, Place, Tag};
pub use vbri::Vbri;
pub use wire::framing::Piece;
pub use xing::{Lame, Xing};

use wire::framing::{self, Framing};
use word::Word;

/// The framing of MPEG audio: what [`Frames`] and [`Splitter`] look for here.
#[derive(Debug, Clone, Copy)]
pub enum MpegAudio {}

/// Walks over the frames within some bytes.
pub type Frames<'a> = framing::Frames<'a, MpegAudio>;

/// Finds frames in a stream that comes in pieces.
pub type Splitter = framing::Splitter<MpegAudio>;

/// The longest frame of free format: that of 640 kbit/s, the most that decoders have to take, and some more.
const MAX_FREE: usize = 4 * 1152;

impl Framing for MpegAudio {
    const HEADER: usize = Header::LEN;
    type Header = Word;
    type Frame<'a> = Frame<'a>;

    #[inline]
    fn header(data: &[u8]) -> Option<Word> {
        Word::find(data)
    }

    #[inline]
    fn frame_len(header: Word, data: &[u8], in_sync: bool) -> Option<usize> {
        header
            .frame_len()
            .or_else(|| free_frame_len(header, data, in_sync))
    }

    #[inline]
    fn same_stream(a: Word, b: Word) -> bool {
        a.same_stream(b)
    }

    #[inline]
    fn frame(header: Word, data: &[u8]) -> Frame<'_> {
        Frame::new(header, data)
    }
}

/// How far it is from a frame of free format to the next one (ISO/IEC 11172-3 §2.4.2.3). Out of sync a third one has to follow
/// as far from there, give or take a slot of padding: two headers are soon found in bytes that are none.
#[cold]
fn free_frame_len(header: Word, data: &[u8], in_sync: bool) -> Option<usize> {
    let is_header = |at: usize| {
        let next = data.get(at..).and_then(Word::find);
        next.is_some_and(|next| next.same_stream(header))
    };
    let past = data.len().saturating_sub(Header::LEN - 1).min(MAX_FREE + 1);
    let mut found = (Header::LEN..past).filter(|&at| is_header(at));
    // Where there is none within that, what is there is no frame, or damaged.
    let longest = (past > MAX_FREE).then_some(MAX_FREE);
    if in_sync {
        return found.next().or(longest);
    }
    let slot = header.slot();
    for at in found {
        let third = 2 * at;
        if [third - slot, third, third + slot]
            .into_iter()
            .any(is_header)
        {
            return Some(at);
        }
        if data.len() < third + slot + Header::LEN {
            return None;
        }
    }
    longest
}
