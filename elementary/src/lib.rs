#![doc = include_str!("../README.md")]
#![cfg_attr(not(any(feature = "std", test)), no_std)]
#![cfg_attr(
    not(test),
    deny(
        clippy::indexing_slicing,
        clippy::string_slice,
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::unreachable,
        clippy::todo,
        clippy::unchecked_time_subtraction,
        clippy::cast_possible_truncation,
        clippy::cast_possible_wrap,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        clippy::disallowed_methods
    )
)]

extern crate alloc;

mod demuxer;
mod error;
mod format;
pub mod h265;
mod id3;
mod limits;
mod muxer;
mod sound;
mod video;

pub use demuxer::Demuxer;
pub use error::Error;
pub use format::Format;
pub use limits::Limits;
pub use muxer::Muxer;
