//! FLV tag bodies, which are the payloads of audio, video and data messages (Adobe Flash Video File Format 10.1, Annex E).
//!
//! [`AudioTagHeader`] and [`VideoTagHeader`] are what a body starts with. With the feature `media`, `Demuxer` makes samples of
//! messages and `Muxer` messages of samples: H.264 and AAC.

#[cfg(feature = "media")]
#[cfg(feature = "media")]
mod demux;
#[cfg(feature = "media")]
mod grid;
#[cfg(feature = "media")]
mod metadata;
#[cfg(feature = "media")]
mod mux;
mod tag;

#[cfg(feature = "media")]
pub use demux::Demuxer;
#[cfg(feature = "media")]
pub use mux::Muxer;
pub use tag::{AudioTagHeader, AvcHeader, VideoTagHeader};

/// `SoundFormat` of AAC.
pub const SOUND_FORMAT_AAC: u8 = 10;
/// `CodecID` of H.264.
pub const CODEC_ID_AVC: u8 = 7;
