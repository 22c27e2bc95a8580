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

pub mod amf;
pub mod chunk;
mod data;
mod error;
pub mod flv;
pub mod handshake;
mod limits;
pub mod message;
mod session;
mod stash;
pub mod tunnel;
mod url;

pub use error::Error;
pub use limits::Limits;
pub use message::{Message, SharedMessage, TypeId};
pub use session::{Capabilities, CodecUse, client, server};
pub use url::{Scheme, Url};

/// A part of `bytes` that shares its memory; `None` where it is not inside.
#[expect(clippy::disallowed_methods, reason = "the range has been checked")]
fn slice(bytes: &bytes::Bytes, range: core::ops::Range<usize>) -> Option<bytes::Bytes> {
    bytes.get(range.clone())?;
    Some(bytes.slice(range))
}
