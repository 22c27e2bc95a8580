//! Sample entries and [`media::Codec`], each made of the other: the one place where this crate tells how a codec is
//! described in a file.
//!
//! What has no codec of its own in `media` is passed through: its configuration is then the whole sample entry, as it
//! stands in the file, and is written back so.

mod pcm;
mod read;
mod refine;
mod write;

pub use read::{Described, describe};
pub(crate) use refine::refine;
pub use write::{handler_type, sample_entry, size_on_screen};
