//! Program streams (ISO/IEC 13818-1 §2.5) and those of MPEG-1 (ISO/IEC 11172-1): `.mpg`, `.vob`, the streams of cameras that speak
//! GB/T 28181.
//!
//! ```text
//! pack header | system header, in the first pack | packets ...
//! pack header | packets ...
//! MPEG_program_end_code
//! ```

mod map;
#[cfg(feature = "media")]
pub mod mux;
mod pack;
mod packet;
#[cfg(feature = "media")]
pub(crate) mod reader;
#[cfg(feature = "media")]
mod sniff;
mod substream;
mod system;

#[cfg(feature = "media")]
pub use mux::Muxer;

pub use map::{MapStream, ProgramStreamMap};
pub use pack::{PackHeader, PackKind};
pub use packet::{Mpeg1Header, PacketHeader};
pub use substream::{Lpcm, Substream, SubstreamAudio, SubstreamId, SubstreamKind};
pub use system::{BufferBound, SystemHeader};

/// `MPEG_program_end_code`.
pub const PROGRAM_END_CODE: [u8; 4] = [0, 0, 1, 0xB9];
