//! Audio Data Transport Stream: each frame behind a header that says what it is (ISO/IEC 14496-3 §1.A.3.2,
//! ISO/IEC 13818-7 §6.2).
//!
//! ```
//! use fluvial_aac::adts::{Frames, Piece, Writer};
//! use fluvial_aac::AudioSpecificConfig;
//!
//! let config = AudioSpecificConfig::lc(48_000, 2)?;
//! let mut stream = b"junk".to_vec();
//! let writer = Writer::new(&config)?;
//! writer.write(&[0x21, 0x10, 0x04], &mut stream)?;
//! writer.write(&[0x21, 0x10, 0x05], &mut stream)?;
//!
//! let mut units = Vec::new();
//! for piece in Frames::new(&stream) {
//!     if let Piece::Frame { frame, .. } = piece {
//!         assert_eq!(frame.config()?, config);
//!         units.extend(frame.blocks()?.map(|block| block.data));
//!     }
//! }
//! assert_eq!(units, [[0x21, 0x10, 0x04], [0x21, 0x10, 0x05]]);
//! # Ok::<(), fluvial_aac::Error>(())
//! ```

mod crc;
mod frame;
mod header;
mod writer;

pub use crate::framing::Piece;
pub use frame::{Block, Blocks, Frame};
pub use header::Header;
pub use writer::Writer;

use crate::framing::{self, Framing};

/// The framing of ADTS: what [`Frames`] and [`Splitter`] look for here.
#[derive(Debug, Clone, Copy)]
pub enum Adts {}

/// Walks over the ADTS frames within some bytes.
pub type Frames<'a> = framing::Frames<'a, Adts>;

/// Finds ADTS frames in a stream that comes in pieces.
pub type Splitter = framing::Splitter<Adts>;

impl Framing for Adts {
    const HEADER: usize = Header::LEN;
    type Header = Header;
    type Frame<'a> = Frame<'a>;

    #[inline]
    fn header(data: &[u8]) -> Option<Header> {
        Header::find(data)
    }

    #[inline]
    fn frame_len(header: Header, _: &[u8], _: bool) -> Option<usize> {
        Some(header.aac_frame_length())
    }

    #[inline]
    fn same_stream(a: Header, b: Header) -> bool {
        a.same_stream(b)
    }

    #[inline]
    fn frame(header: Header, data: &[u8]) -> Frame<'_> {
        Frame::new(header, data)
    }
}
