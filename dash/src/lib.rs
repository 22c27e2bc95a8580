#![doc = include_str!("../README.md")]
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

#[macro_use]
mod xml;
pub mod address;
mod check;
pub mod client;
mod error;
#[cfg(feature = "media")]
pub mod live;
mod mpd;
mod patch;
mod value;

pub use check::{Finding, Severity, check, check_with};
pub use error::{Error, Limits, Rule};
pub use mpd::*;
pub use patch::{Operation, Patch, Position};
pub use value::{
    AudioSamplingRate, ByteRange, ContentEncoding, ContentType, DateTime, Duration, FrameRate,
    List, Malformed, MediaType, PopularitySource, PreselectionOrder, PresentationType,
    ProducerReferenceTimeType, RandomAccessType, Ratio, Sap, SwitchingType, VideoScan, Zone,
};
pub use xml::{Attribute, Element, Layout, Node, Other};
