//! Recordings: MP4 and FLV files in a folder, played over RTMP from any place on.
//!
//! ```text
//! file ─ recording (blocking, in small batches) ─ feed (a task per player) ─ playback (paces) ─ rtmp::server::Session
//! ```

mod feed;
mod flv;
mod library;
mod mp4;
mod playback;
mod recording;

pub(crate) use feed::{Item, length};
pub(crate) use library::Library;
pub(crate) use playback::{Event, Playback};
