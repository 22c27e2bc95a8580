//! Reading and writing bytes and bits that came from, or go to, somebody else.
//!
//! * [`Reader`]: a big-endian cursor over `&[u8]`. Every read is checked and names what it reads; a read
//!   past the end is a [`Short`] that says what was wanted, where, and how much was there.
//! * [`Writer`]: appends to a `Vec<u8>`; bodies whose length precedes them are written first and the
//!   length is patched back, checked against the width of its field ([`TooLong`]).
//! * [`BitReader`] and [`BitWriter`]: the same for bit syntax, with Exp-Golomb codes.
//! * [`Arena`]: short copies that lie together.
//! * [`framing`]: finding frames in a stream that may be damaged.
//! * [`uri`]: what a relative reference means.
//!
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

mod arena;
pub mod base64;
mod bits;
pub mod calendar;
pub mod framing;
pub mod hex;
mod reader;
pub mod uri;
mod writer;

pub use arena::Arena;
pub use bits::{BitReader, BitWriter, GolombError, ShortBits};
pub use reader::{Reader, Short};
pub use writer::{LengthOf, TooLong, Writer};
