//! AMF0 ("Action Message Format", Adobe 2007).
//!
//! A decoded [`Value`] borrows its strings from the message; [`Value::into_owned`] cuts it loose. A [`Document`] owns all values of
//! a message in one piece.
//!
//! ```
//! use fluvial_rtmp::Limits;
//! use fluvial_rtmp::amf::amf0::{self, Object, Value};
//!
//! let info = Object::from([("level", Value::from("status")), ("clientid", Value::from(7.0))]);
//! let mut bytes = Vec::new();
//! amf0::encode(&[Value::Null, Value::Object(info)], &mut bytes)?;
//! let values = amf0::decode(&bytes, &Limits::default())?;
//! assert_eq!(values[1].get("level").and_then(Value::as_str), Some("status"));
//! # Ok::<(), fluvial_rtmp::Error>(())
//! ```

mod decode;
mod document;
mod encode;
mod value;

pub use decode::decode;
pub(crate) use decode::value;
pub use document::{Document, Entry, Properties, Values};
pub use encode::encode;
pub use value::{Object, Value};

/// Type markers (§2.1).
mod marker {
    pub(super) const NUMBER: u8 = 0x00;
    pub(super) const BOOLEAN: u8 = 0x01;
    pub(super) const STRING: u8 = 0x02;
    pub(super) const OBJECT: u8 = 0x03;
    pub(super) const NULL: u8 = 0x05;
    pub(super) const UNDEFINED: u8 = 0x06;
    pub(super) const REFERENCE: u8 = 0x07;
    pub(super) const ECMA_ARRAY: u8 = 0x08;
    pub(super) const OBJECT_END: u8 = 0x09;
    pub(super) const STRICT_ARRAY: u8 = 0x0A;
    pub(super) const DATE: u8 = 0x0B;
    pub(super) const LONG_STRING: u8 = 0x0C;
    pub(super) const UNSUPPORTED: u8 = 0x0D;
    pub(super) const XML_DOCUMENT: u8 = 0x0F;
    pub(super) const TYPED_OBJECT: u8 = 0x10;
    pub(super) const AVMPLUS_OBJECT: u8 = 0x11;
}

#[cfg(test)]
mod tests;
