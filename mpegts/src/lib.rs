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
        clippy::disallowed_methods,
        clippy::print_stdout,
        clippy::print_stderr
    )
)]

extern crate alloc;

pub mod adaptation;
pub mod check;
pub mod clock;
#[cfg(feature = "media")]
pub mod demux;
mod error;
pub mod framer;
mod limits;
#[cfg(feature = "media")]
pub mod mux;
#[cfg(feature = "media")]
pub mod packager;
pub mod packet;
#[cfg(feature = "media")]
mod payload;
pub mod pes;
pub mod ps;
pub mod psi;
pub mod reader;
pub mod remux;
#[cfg(feature = "sample-aes")]
pub mod sample_aes;
pub mod scte35;
mod stamp;

pub use error::Error;
pub use limits::Limits;
#[cfg(feature = "media")]
pub use {demux::Demuxer, mux::Muxer, packager::Packager};
