//! MPEG-1 and MPEG-2 video.
//!
//! [`units`] takes a stream apart at its start codes. Every header has a `parse`, for what follows the start code, and an
//! `encode`, which writes the start code too. [`pictures`] and [`PictureSplitter`] give whole pictures with the headers before
//! them, both fields of a pair together, and [`Timeline`] says when each is decoded and shown.

mod extension;
mod group;
mod picture;
mod pictures;
mod sequence;
mod timeline;
mod unit;
mod user_data;

pub use extension::{ColourDescription, CompositeDisplay, FrameCentre};
pub use extension::{
    Copyright, Extension, PictureCoding, PictureDisplay, QuantMatrix, SequenceDisplay,
    SequenceExtension,
};
pub use group::{GroupOfPictures, TimeCode};
pub use picture::{MotionVectors, PictureHeader, PictureStructure, PictureType, Slice};
pub use pictures::{Picture, PictureSplitter, Pictures, pictures};
pub use sequence::{FrameRate, Matrix, Sequence, SequenceHeader};
pub use timeline::{Timeline, Timing};
pub use unit::{StartCode, Unit, Units, units};
pub use user_data::{Bars, CaptionType, Captions, UserData};
