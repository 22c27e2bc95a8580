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

#[cfg(feature = "aes")]
pub mod aes128;
mod attributes;
mod block;
mod check;
pub mod client;
mod date_time;
mod decimal;
mod error;
mod lines;
#[cfg(feature = "media")]
pub mod live;
mod media_playlist;
mod multivariant_playlist;
mod playlist;
mod reload;
mod rules;
mod segment;
pub mod tag;
mod value;

pub use attributes::Attributes;
pub use block::{Block, Rewrite};
pub use check::{Finding, Severity, check};
pub use date_time::{DateTime, Zone};
pub use decimal::{Decimal, Malformed};
pub use error::{Error, Limits, Rule};
pub use lines::{Line, Lines};
pub use media_playlist::MediaPlaylist;
pub use multivariant_playlist::{MultivariantPlaylist, VariantStream};
pub use playlist::Playlist;
pub use reload::{BadRequest, Reload, Skip};
pub use segment::Segment;
pub use tag::Tag;
pub use value::{ByteRange, Hex, Resolution};
