//! The headers and the framing of AAC (ISO/IEC 14496-3, ISO/IEC 13818-7).
//!
//! * [`AudioSpecificConfig`]: what a decoder has to know before the first frame, as MP4, RTMP and SDP carry it;
//!   [`asc`] has its fields.
//! * [`adts`]: frames that say it themselves, as in `.aac` files and MPEG-TS.
//! * [`latm`]: LATM and LOAS, as in DVB and RTP.
//! * [`adif`]: the old file format. [`gapless`]: delays and padding.
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

pub mod adif;
pub mod adts;
pub mod asc;
mod error;
pub mod gapless;
pub mod latm;
mod object_type;
pub mod raw_data_block;
mod tables;

pub use asc::AudioSpecificConfig;
pub use error::Error;
pub use object_type::ObjectType;
pub use wire::framing;
