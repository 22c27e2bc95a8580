use super::{Object, Value, marker};
use crate::Error;
use crate::amf::amf3;
use alloc::vec::Vec;
use wire::TooLong;

/// Encodes values one after the other, as they stand in a message body.
///
/// # Errors
/// [`Error::TooLong`] for a property or class name past 65 535 bytes and for text past 4 GiB.
pub fn encode(values: &[Value<'_>], out: &mut Vec<u8>) -> Result<(), Error> {
    values.iter().try_for_each(|value| value.encode(out))
}

impl Value<'_> {
    /// Encodes the value.
    ///
    /// # Errors
    /// [`Error::TooLong`] for a property or class name past 65 535 bytes and for text past 4 GiB.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        match self {
            Value::Number(value) => out.extend_from_slice(&number(*value)),
            Value::Boolean(value) => out.extend_from_slice(&[marker::BOOLEAN, (*value).into()]),
            Value::String(text) => match u16::try_from(text.len()) {
                Ok(len) => {
                    let [high, low] = len.to_be_bytes();
                    out.extend_from_slice(&[marker::STRING, high, low]);
                    out.extend_from_slice(text.as_bytes());
                }
                Err(_) => long(marker::LONG_STRING, text, out)?,
            },
            Value::Object(object) => {
                out.push(marker::OBJECT);
                properties(object, out)?;
            }
            Value::Null => out.push(marker::NULL),
            Value::Undefined => out.push(marker::UNDEFINED),
            Value::Reference(index) => {
                out.push(marker::REFERENCE);
                out.extend_from_slice(&index.to_be_bytes());
            }
            Value::EcmaArray(object) => {
                out.push(marker::ECMA_ARRAY);
                out.extend_from_slice(&count(object.0.len())?);
                properties(object, out)?;
            }
            Value::StrictArray(values) => {
                out.push(marker::STRICT_ARRAY);
                out.extend_from_slice(&count(values.len())?);
                encode(values, out)?;
            }
            Value::Date { millis, zone } => {
                out.push(marker::DATE);
                out.extend_from_slice(&millis.to_be_bytes());
                out.extend_from_slice(&zone.to_be_bytes());
            }
            Value::Unsupported => out.push(marker::UNSUPPORTED),
            Value::XmlDocument(text) => long(marker::XML_DOCUMENT, text, out)?,
            Value::TypedObject(typed) => {
                out.push(marker::TYPED_OBJECT);
                name(&typed.0, out)?;
                properties(&typed.1, out)?;
            }
            Value::Avmplus(value) => {
                out.push(marker::AVMPLUS_OBJECT);
                amf3::encode(core::slice::from_ref(value), out)?;
            }
        }
        Ok(())
    }
}

/// Those of the few kinds that nearly all are of are written here, what does not vary in one piece.
fn properties(object: &Object<'_>, out: &mut Vec<u8>) -> Result<(), Error> {
    for (key, value) in &object.0 {
        name(key, out)?;
        match value {
            Value::String(text) if text.len() <= 0xFFFF => {
                let [.., high, low] = text.len().to_be_bytes();
                out.extend_from_slice(&[marker::STRING, high, low]);
                out.extend_from_slice(text.as_bytes());
            }
            Value::Number(value) => out.extend_from_slice(&number(*value)),
            Value::Boolean(value) => out.extend_from_slice(&[marker::BOOLEAN, (*value).into()]),
            other => other.encode(out)?,
        }
    }
    out.extend_from_slice(&[0, 0, marker::OBJECT_END]);
    Ok(())
}

#[inline]
const fn number(number: f64) -> [u8; 9] {
    let [a, b, c, d, e, f, g, h] = number.to_be_bytes();
    [marker::NUMBER, a, b, c, d, e, f, g, h]
}

#[inline]
fn name(name: &str, out: &mut Vec<u8>) -> Result<(), Error> {
    let Ok(len) = u16::try_from(name.len()) else {
        return Err(too_long(name));
    };
    out.extend_from_slice(&len.to_be_bytes());
    out.extend_from_slice(name.as_bytes());
    Ok(())
}

#[cold]
fn too_long(name: &str) -> Error {
    Error::TooLong(TooLong {
        what: "AMF0 name",
        value: name.len() as u64,
        max: u16::MAX.into(),
    })
}

fn long(marker: u8, text: &str, out: &mut Vec<u8>) -> Result<(), TooLong> {
    out.push(marker);
    out.extend_from_slice(&count(text.len())?);
    out.extend_from_slice(text.as_bytes());
    Ok(())
}

fn count(count: usize) -> Result<[u8; 4], TooLong> {
    match u32::try_from(count) {
        Ok(count) => Ok(count.to_be_bytes()),
        Err(_) => Err(TooLong {
            what: "AMF0 count",
            value: count as u64,
            max: u32::MAX.into(),
        }),
    }
}
