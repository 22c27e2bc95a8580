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

pub mod boxes;
#[cfg(feature = "cenc")]
pub mod cenc;
pub mod check;
#[cfg(feature = "media")]
pub mod codec;
#[cfg(feature = "media")]
pub mod demuxer;
mod error;
mod limits;
#[cfg(feature = "media")]
pub mod movie;
#[cfg(feature = "media")]
mod names;
#[cfg(feature = "media")]
pub mod packager;
#[cfg(feature = "media")]
pub mod reader;
#[cfg(feature = "media")]
pub mod recorder;
#[cfg(feature = "media")]
pub mod writer;

pub use boxes::{FourCc, IsoBox};
pub use error::Error;
pub use limits::Limits;
#[cfg(feature = "media")]
pub use {
    demuxer::Demuxer, movie::Movie, packager::Packager, reader::Opener, reader::Reader,
    recorder::Recorder, writer::Writer,
};
