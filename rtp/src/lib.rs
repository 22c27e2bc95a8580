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

pub mod clock;
pub mod congestion;
pub mod dependency;
mod error;
pub mod extension;
pub mod fec;
#[cfg(feature = "media")]
mod format;
pub mod jitter;
mod limits;
pub mod nack;
pub mod ntp;
pub mod packet;
pub mod payload;
#[cfg(feature = "media")]
pub mod receiver;
pub mod reception;
pub mod red;
pub mod rtcp;
pub mod rtx;
pub mod schedule;
#[cfg(feature = "sdp")]
pub mod sdp;
#[cfg(feature = "media")]
pub mod sender;
mod sequence;
pub mod sources;
#[cfg(feature = "srtp")]
pub mod srtp;

pub use error::Error;
pub use limits::Limits;
pub use ntp::NtpTime;
pub use packet::{Header, Packet};
pub use sequence::Unwrapper;
#[cfg(feature = "media")]
pub use {
    format::{Format, MP2T},
    receiver::Receiver,
    sender::Sender,
};
