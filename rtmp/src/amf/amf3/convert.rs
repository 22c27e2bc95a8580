//! AMF3 values as AMF0 has them, for those who want to know only one kind.

use super::{External, Value, Vector};
use crate::amf::amf0;
use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::vec::Vec;

impl<'a> From<Value<'a>> for amf0::Value<'a> {
    /// The nearest value of AMF0: integers become numbers, vectors arrays; bytes, dictionaries and references, which have none,
    /// are `Unsupported`.
    fn from(value: Value<'a>) -> Self {
        match value {
            Value::Undefined => amf0::Value::Undefined,
            Value::Null => amf0::Value::Null,
            Value::Boolean(value) => amf0::Value::Boolean(value),
            Value::Integer(number) => amf0::Value::Number(number.into()),
            Value::Double(number) => amf0::Value::Number(number),
            Value::String(text) => amf0::Value::String(text),
            Value::XmlDocument(text) | Value::Xml(text) => amf0::Value::XmlDocument(text),
            Value::Date(millis) => amf0::Value::Date { millis, zone: 0 },
            Value::Array(array) if array.associative.is_empty() => all(array.dense),
            Value::Array(array) => {
                let numbered = array.dense.into_iter().enumerate();
                let numbered =
                    numbered.map(|(index, value)| (Cow::Owned(alloc::format!("{index}")), value));
                amf0::Value::EcmaArray(object(array.associative.into_iter().chain(numbered)))
            }
            Value::Object(instance) => {
                let traits = instance.traits;
                let names = traits.sealed.iter().cloned();
                let sealed = names.zip(instance.sealed);
                let properties = object(sealed.chain(instance.dynamic));
                if traits.class.is_empty() {
                    amf0::Value::Object(properties)
                } else {
                    amf0::Value::TypedObject(Box::new((traits.class.clone(), properties)))
                }
            }
            Value::External(external) => match *external {
                External::Value { value, .. } => value.into(),
                External::Bytes { .. } => amf0::Value::Unsupported,
            },
            Value::Vector(vector) => match *vector {
                Vector::Int { items, .. } => numbers(items),
                Vector::Uint { items, .. } => numbers(items),
                Vector::Double { items, .. } => numbers(items),
                Vector::Object { items, .. } => all(items),
            },
            Value::ByteArray(_) | Value::Dictionary { .. } | Value::Reference(_) => {
                amf0::Value::Unsupported
            }
        }
    }
}

fn all(values: Vec<Value<'_>>) -> amf0::Value<'_> {
    amf0::Value::StrictArray(values.into_iter().map(amf0::Value::from).collect())
}

fn numbers<'a>(items: Vec<impl Into<f64>>) -> amf0::Value<'a> {
    let numbers = items.into_iter().map(Into::into).map(amf0::Value::Number);
    amf0::Value::StrictArray(numbers.collect())
}

fn object<'a>(pairs: impl Iterator<Item = (Cow<'a, str>, Value<'a>)>) -> amf0::Object<'a> {
    amf0::Object(pairs.map(|(name, value)| (name, value.into())).collect())
}
