//! FLV: files (Adobe Flash Video File Format 10.1, Annex E), and tag bodies, which are the payloads of audio, video and data messages.
//!
//! [`AudioTagHeader`], [`VideoTagHeader`] and, where a FourCC tells the codec, [`ExTagHeader`] are what a body starts with. With the
//! feature `media`, `Demuxer` makes samples of messages and `Muxer` messages of samples; `FileDemuxer` and `FileMuxer` do so with
//! files.

#[cfg(feature = "media")]
mod demux;
mod enhanced;
mod file;
#[cfg(feature = "media")]
mod grid;
#[cfg(feature = "media")]
mod metadata;
#[cfg(feature = "media")]
mod mux;
#[cfg(feature = "media")]
mod setup;
mod tag;
#[cfg(feature = "media")]
mod way;

#[cfg(feature = "media")]
pub use demux::Demuxer;
pub use enhanced::{
    ChannelOrder, ExTagHeader, ExTrack, FourCc, MultichannelConfig, Multitrack, PacketType,
};
#[cfg(feature = "media")]
pub use file::{FileDemuxer, FileMuxer, FileOutput, KeyFrame, KeyFrames};
pub use file::{FileHeader, FileItem, FileReader, encode_tag};
#[cfg(feature = "media")]
pub use mux::{Muxer, MuxerConfig};
pub use tag::{AudioTagHeader, AvcHeader, VideoTagHeader};

/// `SoundFormat` of MP3.
pub const SOUND_FORMAT_MP3: u8 = 2;
/// `SoundFormat` of AAC.
pub const SOUND_FORMAT_AAC: u8 = 10;
/// `SoundFormat` of MP3 at 8 kHz.
pub const SOUND_FORMAT_MP3_8K: u8 = 14;
/// `CodecID` of H.264.
pub const CODEC_ID_AVC: u8 = 7;
/// `CodecID` of H.265 before there was a FourCC for it; some networks used it.
pub const CODEC_ID_HEVC: u8 = 12;
