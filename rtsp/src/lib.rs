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

pub mod auth;
pub mod client;
mod error;
pub mod headers;
mod limits;
mod link;
mod message;
mod reader;
mod sdp;
pub mod server;
mod text;
mod transmit;
pub mod tunnel;
mod url;

pub use error::Error;
pub use limits::Limits;
pub use message::{Frame, Headers, Message, Method, Request, Response, Status, Version};
pub use reader::{Item, Reader};
pub use sdp::{Description, Direction, Media};
pub use url::{Host, Url};
