//! AMF3 ("Action Message Format -- AMF 3", Adobe 2013).
//!
//! A decoded [`Value`] borrows strings and bytes from the message; [`Value::into_owned`] cuts it loose. References to strings and
//! traits are followed; those to objects stay [`Value::Reference`]s, since objects may hold themselves.
//!
//! ```
//! use fluvial_rtmp::Limits;
//! use fluvial_rtmp::amf::amf3::{self, Object, Value};
//!
//! let point = Object::named("org.example.Point", [("x", Value::from(1)), ("y", Value::from(2.5))]);
//! let mut bytes = Vec::new();
//! amf3::encode(&[Value::from("here"), Value::from(point)], &mut bytes)?;
//! let values = amf3::decode(&bytes, &Limits::default())?;
//! assert_eq!(values[1].get("y").and_then(Value::as_f64), Some(2.5));
//! # Ok::<(), fluvial_rtmp::Error>(())
//! ```

mod convert;
mod decode;
mod encode;
mod value;

pub(super) use decode::one;
pub use decode::{decode, decode_with};
pub use encode::encode;
pub use value::{Array, External, Object, Traits, Value, Vector};

/// Type markers (§3.1).
mod marker {
    pub(super) const UNDEFINED: u8 = 0x00;
    pub(super) const NULL: u8 = 0x01;
    pub(super) const FALSE: u8 = 0x02;
    pub(super) const TRUE: u8 = 0x03;
    pub(super) const INTEGER: u8 = 0x04;
    pub(super) const DOUBLE: u8 = 0x05;
    pub(super) const STRING: u8 = 0x06;
    pub(super) const XML_DOCUMENT: u8 = 0x07;
    pub(super) const DATE: u8 = 0x08;
    pub(super) const ARRAY: u8 = 0x09;
    pub(super) const OBJECT: u8 = 0x0A;
    pub(super) const XML: u8 = 0x0B;
    pub(super) const BYTE_ARRAY: u8 = 0x0C;
    pub(super) const VECTOR_INT: u8 = 0x0D;
    pub(super) const VECTOR_UINT: u8 = 0x0E;
    pub(super) const VECTOR_DOUBLE: u8 = 0x0F;
    pub(super) const VECTOR_OBJECT: u8 = 0x10;
    pub(super) const DICTIONARY: u8 = 0x11;
}

/// The greatest number of 29 bits.
const MAX_U29: u32 = (1 << 29) - 1;

#[cfg(test)]
mod tests;
