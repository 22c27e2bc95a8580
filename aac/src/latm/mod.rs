//! Low-overhead MPEG-4 Audio Transport Multiplex, and LOAS, its framing for streams of bytes (ISO/IEC 14496-3 §1.7).
//!
//! * [`StreamMuxConfig`]: what is multiplexed, sent now and then within the stream, or once beside it, as in SDP (RFC 6416).
//! * [`Reader`] and [`Writer`]: access units from and to `AudioMuxElement()`.
//! * [`Frames`] and [`Splitter`]: the elements of an `AudioSyncStream()` (LOAS), as files and DVB carry them.
//!
//! ```
//! use fluvial_aac::latm::{Frames, Piece, Reader, StreamMuxConfig, Writer};
//! use fluvial_aac::AudioSpecificConfig;
//!
//! let config = AudioSpecificConfig::lc(48_000, 2)?;
//! let mut writer = Writer::in_band(StreamMuxConfig::new(config.clone()), 20);
//! let mut stream = Vec::new();
//! writer.write_loas(&[b"unit 1"], &mut stream)?;
//! writer.write_loas(&[b"unit 2"], &mut stream)?;
//!
//! let mut reader = Reader::in_band();
//! let mut units = Vec::new();
//! for piece in Frames::new(&stream) {
//!     if let Piece::Frame { frame, .. } = piece {
//!         reader.read(frame, &mut units)?;
//!     }
//! }
//! assert_eq!(reader.config().map(|c| &c.layers[0].config), Some(&config));
//! assert_eq!(units[1].data, "unit 2");
//! # Ok::<(), fluvial_aac::Error>(())
//! ```

mod loas;
mod reader;
mod stream_mux;
mod writer;

pub use crate::framing::Piece;
pub use loas::{Frames, Loas, Splitter, encode_loas};
pub use reader::{AccessUnit, Reader};
pub use stream_mux::{FrameLength, Layer, StreamMuxConfig};
pub use writer::Writer;
