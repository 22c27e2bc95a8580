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

pub mod access_unit;
pub mod annexb;
pub mod config;
mod delimiter;
mod error;
pub mod extension;
mod frame_num;
pub mod length_prefixed;
mod list;
pub mod nal;
mod parameter_sets;
mod poc;
pub mod pps;
mod reorder;
mod scaling;
pub mod sei;
pub mod slice;
pub mod sps;
pub mod stream;
mod syntax;
pub mod timeline;
mod trace;

pub use config::DecoderConfig;
pub use delimiter::AccessUnitDelimiter;
pub use error::Error;
pub use frame_num::FrameNumGaps;
pub use list::List;
pub use parameter_sets::ParameterSets;
pub use poc::{PicOrderCnt, PicOrderCounter};
pub use pps::Pps;
pub use reorder::{DecodingTimes, Reorder};
pub use scaling::{ScalingList, ScalingMatrix};
pub use slice::SliceHeader;
pub use sps::Sps;
pub use timeline::Timeline;
pub use trace::{Element, Tracer};
pub use wire::{BitReader, BitWriter};
