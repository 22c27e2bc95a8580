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

pub mod abr;
pub mod codec;
mod event;
mod info;
mod sample;
pub mod segmenter;
mod time;
mod track;

pub use codec::{Codec, FourCc, Kind};
pub use event::{Event, Metadata, Value, Warning};
pub use info::{PartInfo, SegmentInfo};
pub use sample::{Flags, Sample};
pub use segmenter::{Cut, Segmented, Segmenter};
pub use time::{Time, Timescale, WallClock};
pub use track::{Language, Track, TrackId, Tracks};
