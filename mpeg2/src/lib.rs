//! The headers and the framing of MPEG-1 and MPEG-2 video (ISO/IEC 11172-2, ISO/IEC 13818-2 = Rec. ITU-T H.262) and of MPEG
//! audio (ISO/IEC 11172-3, ISO/IEC 13818-3).
//!
//! * [`video`]: start codes, headers and extensions, user data, pictures and their times.
//! * [`audio`]: frames of layers I to III, their checks, and the tags of Xing, LAME and VBRI.
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

pub mod audio;
mod bits;
mod error;
pub mod video;

pub use error::Error;
