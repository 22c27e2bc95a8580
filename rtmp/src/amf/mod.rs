//! Action Message Format: the values in commands and data messages.

pub mod amf0;
pub mod amf3;
