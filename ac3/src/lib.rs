//! The headers and the framing of AC-3 and E-AC-3 (ATSC A/52, ETSI TS 102 366).
//!
//! * [`Frames`] and [`Splitter`] find the sync frames of both in a stream, [`Frame`] and [`Header`] say what they are.
//! * [`ac3::Bsi`] and [`eac3::Bsi`]: the whole bit stream information, read and written.
//! * [`Grouper`]: E-AC-3's substreams put together into access units.
//! * [`Dac3`] and [`Dec3`]: the configurations in MP4 files. [`descriptor`]: those in transport streams.
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

pub mod ac3;
mod bits;
mod config;
mod crc;
pub mod descriptor;
pub mod eac3;
mod error;
mod frame;
mod group;
mod header;

pub use config::{Dac3, Dec3, IndependentSubstream};
pub use error::Error;
pub use frame::{Bsi, Frame};
pub use framing::Piece;
pub use group::{AccessUnit, Grouper};
pub use header::{Header, StreamType};
pub use wire::framing;

use framing::Framing;

/// The framing of AC-3 and E-AC-3: what [`Frames`] and [`Splitter`] look for here.
#[derive(Debug, Clone, Copy)]
pub enum SyncFrames {}

/// Walks over the sync frames within some bytes.
pub type Frames<'a> = framing::Frames<'a, SyncFrames>;

/// Finds sync frames in a stream that comes in pieces.
pub type Splitter = framing::Splitter<SyncFrames>;

impl Framing for SyncFrames {
    const HEADER: usize = Header::LEN;
    type Header = Header;
    type Frame<'a> = Frame<'a>;

    #[inline]
    fn header(data: &[u8]) -> Option<Header> {
        Header::find(data)
    }

    #[inline]
    fn frame_len(header: Header, _: &[u8], _: bool) -> Option<usize> {
        Some(header.frame_len())
    }

    #[inline]
    fn same_stream(a: Header, b: Header) -> bool {
        a.same_stream(b)
    }

    #[inline]
    fn frame(header: Header, data: &[u8]) -> Frame<'_> {
        Frame::new(header, data)
    }
}
