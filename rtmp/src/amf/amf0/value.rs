use crate::amf::amf3;
use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

/// One AMF0 value. Strings that are not UTF-8 are read with replacement characters.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub enum Value<'a> {
    /// A double (§2.2).
    Number(f64),
    /// Yes or no (§2.3).
    Boolean(bool),
    /// Text, short or long as its length asks (§2.4, §2.14).
    String(Cow<'a, str>),
    /// Names and values (§2.5).
    Object(Object<'a>),
    /// Nothing (§2.7).
    #[default]
    Null,
    /// Not set (§2.8).
    Undefined,
    /// The complex value with this index in the message (§2.9).
    Reference(u16),
    /// An array with names for indices (§2.10); its announced count is not kept.
    EcmaArray(Object<'a>),
    /// An array (§2.12).
    StrictArray(Vec<Value<'a>>),
    /// A point in time (§2.13).
    Date {
        /// Milliseconds since 1970-01-01 00:00:00 UTC.
        millis: f64,
        /// Minutes from UTC; reserved, should be 0.
        zone: i16,
    },
    /// A value that has no form in AMF0 (§2.15).
    Unsupported,
    /// XML as text (§2.17).
    XmlDocument(Cow<'a, str>),
    /// An object of a named class (§2.18).
    TypedObject(Box<(Cow<'a, str>, Object<'a>)>),
    /// A value of AMF3 (§3.1 of its specification).
    Avmplus(Box<amf3::Value<'a>>),
}

impl<'a> Value<'a> {
    /// The number, if it is one.
    #[must_use]
    pub const fn as_f64(&self) -> Option<f64> {
        match self {
            Value::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// The boolean, if it is one.
    #[must_use]
    pub const fn as_bool(&self) -> Option<bool> {
        match self {
            Value::Boolean(value) => Some(*value),
            _ => None,
        }
    }

    /// The text, if it is text.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::String(text) | Value::XmlDocument(text) => Some(text),
            _ => None,
        }
    }

    /// The properties of an object of any kind.
    #[must_use]
    pub fn as_object(&self) -> Option<&Object<'a>> {
        match self {
            Value::Object(object) | Value::EcmaArray(object) => Some(object),
            Value::TypedObject(typed) => Some(&typed.1),
            _ => None,
        }
    }

    /// A property of an object of any kind.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value<'a>> {
        self.as_object()?.get(name)
    }

    /// A value of AMF3 as AMF0 has it nearest; any other as it is.
    #[must_use]
    pub fn flattened(self) -> Self {
        match self {
            Value::Avmplus(value) => (*value).into(),
            other => other,
        }
    }

    /// The same value with its own strings.
    #[must_use]
    pub fn into_owned(self) -> Value<'static> {
        match self {
            Value::Number(number) => Value::Number(number),
            Value::Boolean(value) => Value::Boolean(value),
            Value::String(text) => Value::String(owned(text)),
            Value::Object(object) => Value::Object(object.into_owned()),
            Value::Null => Value::Null,
            Value::Undefined => Value::Undefined,
            Value::Reference(index) => Value::Reference(index),
            Value::EcmaArray(object) => Value::EcmaArray(object.into_owned()),
            Value::StrictArray(values) => {
                Value::StrictArray(values.into_iter().map(Value::into_owned).collect())
            }
            Value::Date { millis, zone } => Value::Date { millis, zone },
            Value::Unsupported => Value::Unsupported,
            Value::XmlDocument(text) => Value::XmlDocument(owned(text)),
            Value::TypedObject(typed) => {
                let (class, object) = *typed;
                Value::TypedObject(Box::new((owned(class), object.into_owned())))
            }
            Value::Avmplus(value) => Value::Avmplus(Box::new(value.into_owned())),
        }
    }
}

fn owned(text: Cow<'_, str>) -> Cow<'static, str> {
    Cow::Owned(text.into_owned())
}

impl From<f64> for Value<'_> {
    fn from(number: f64) -> Self {
        Value::Number(number)
    }
}

impl From<bool> for Value<'_> {
    fn from(value: bool) -> Self {
        Value::Boolean(value)
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Value::String(Cow::Borrowed(text))
    }
}

impl From<String> for Value<'_> {
    fn from(text: String) -> Self {
        Value::String(Cow::Owned(text))
    }
}

impl<'a> From<Object<'a>> for Value<'a> {
    fn from(object: Object<'a>) -> Self {
        Value::Object(object)
    }
}

/// Names and values in the order of the message.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Object<'a>(pub Vec<(Cow<'a, str>, Value<'a>)>);

impl<'a> Object<'a> {
    /// The first value with this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value<'a>> {
        self.0
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value)
    }

    /// Adds a property at the end.
    pub fn push(&mut self, name: impl Into<Cow<'a, str>>, value: impl Into<Value<'a>>) {
        self.0.push((name.into(), value.into()));
    }

    /// The same object with its own strings.
    #[must_use]
    pub fn into_owned(self) -> Object<'static> {
        Object(
            self.0
                .into_iter()
                .map(|(name, value)| (owned(name), value.into_owned()))
                .collect(),
        )
    }
}

impl<'a, const N: usize> From<[(&'a str, Value<'a>); N]> for Object<'a> {
    fn from(properties: [(&'a str, Value<'a>); N]) -> Self {
        properties.into_iter().collect()
    }
}

impl<'a> FromIterator<(&'a str, Value<'a>)> for Object<'a> {
    fn from_iter<I: IntoIterator<Item = (&'a str, Value<'a>)>>(properties: I) -> Self {
        Object(
            properties
                .into_iter()
                .map(|(name, value)| (Cow::Borrowed(name), value))
                .collect(),
        )
    }
}
