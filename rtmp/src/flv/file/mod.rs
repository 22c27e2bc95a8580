//! FLV files (§E.2, §E.3): a header, then tags, each followed by its size.
//!
//! [`FileReader`] takes tags off bytes that come in pieces of any size and finds its way over damage; [`FileHeader`] and [`encode_tag`]
//! write them. With the feature `media`, `FileDemuxer` makes samples of a file and `FileMuxer` a file of samples.

#[cfg(feature = "media")]
mod demux;
mod header;
#[cfg(feature = "media")]
mod index;
#[cfg(feature = "media")]
mod mux;
mod reader;

#[cfg(feature = "media")]
pub use demux::FileDemuxer;
pub use header::{FileHeader, encode_tag};
#[cfg(feature = "media")]
pub use index::{KeyFrame, KeyFrames};
#[cfg(feature = "media")]
pub use mux::{FileMuxer, FileOutput};
pub use reader::{FileItem, FileReader};

/// Bytes of a tag before its body.
const TAG_HEADER: usize = 11;
/// The same for the size that stands after a tag.
const TAG_HEADER_SIZE: u32 = 11;
/// Bytes of the size after a tag.
const BACK_POINTER: usize = 4;
