use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// One AMF3 value. Strings that are not UTF-8 are read with replacement characters.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub enum Value<'a> {
    /// Not set (§3.2).
    Undefined,
    /// Nothing (§3.3).
    #[default]
    Null,
    /// Yes or no (§3.4, §3.5).
    Boolean(bool),
    /// 29 bits with a sign (§3.6); numbers past them are written as doubles.
    Integer(i32),
    /// A double (§3.7).
    Double(f64),
    /// Text (§3.8).
    String(Cow<'a, str>),
    /// XML as text, as of old (§3.9).
    XmlDocument(Cow<'a, str>),
    /// Milliseconds since 1970-01-01 00:00:00 UTC (§3.10).
    Date(f64),
    /// An array (§3.11).
    Array(Box<Array<'a>>),
    /// An object (§3.12).
    Object(Box<Object<'a>>),
    /// An object that writes itself (§3.12, "externalizable").
    External(Box<External<'a>>),
    /// XML as text (§3.13).
    Xml(Cow<'a, str>),
    /// Bytes (§3.14).
    ByteArray(Cow<'a, [u8]>),
    /// Values of one type (§3.15).
    Vector(Box<Vector<'a>>),
    /// Keys of any type (§3.16).
    Dictionary {
        /// Whether keys are held weakly.
        weak_keys: bool,
        /// Keys and values in the order of the message.
        entries: Vec<(Value<'a>, Value<'a>)>,
    },
    /// The date, array, object, XML, bytes, vector or dictionary with this index in the message, each counted when it begins.
    Reference(u32),
}

/// An array (§3.11).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Array<'a> {
    /// The part with names for indices.
    pub associative: Vec<(Cow<'a, str>, Value<'a>)>,
    /// The part with indices from 0 on.
    pub dense: Vec<Value<'a>>,
}

/// What objects of one class have in common (§3.12).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Traits<'a> {
    /// The class; empty for none.
    pub class: Cow<'a, str>,
    /// Whether objects may have more than the sealed properties.
    pub dynamic: bool,
    /// The properties that each has.
    pub sealed: Vec<Cow<'a, str>>,
}

/// An object (§3.12).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Object<'a> {
    /// What it has in common with others.
    pub traits: Arc<Traits<'a>>,
    /// The values of its sealed properties, as many as those.
    pub sealed: Vec<Value<'a>>,
    /// Its further properties.
    pub dynamic: Vec<(Cow<'a, str>, Value<'a>)>,
}

/// An object that writes itself.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum External<'a> {
    /// Of a class that writes one value: Flex's `ArrayCollection`, `ArrayList` and `ObjectProxy`.
    Value {
        /// The class.
        class: Cow<'a, str>,
        /// What it wrote.
        value: Value<'a>,
    },
    /// Of any other class: only that class knows what it wrote, and where it ends.
    Bytes {
        /// The class.
        class: Cow<'a, str>,
        /// What it wrote.
        data: Cow<'a, [u8]>,
    },
}

/// Values of one type (§3.15).
#[derive(Debug, Clone, PartialEq)]
pub enum Vector<'a> {
    /// Signed numbers of 32 bits.
    Int {
        /// Whether its length is fixed.
        fixed: bool,
        /// Its items.
        items: Vec<i32>,
    },
    /// Unsigned numbers of 32 bits.
    Uint {
        /// Whether its length is fixed.
        fixed: bool,
        /// Its items.
        items: Vec<u32>,
    },
    /// Doubles.
    Double {
        /// Whether its length is fixed.
        fixed: bool,
        /// Its items.
        items: Vec<f64>,
    },
    /// Objects of one class.
    Object {
        /// Whether its length is fixed.
        fixed: bool,
        /// The class; empty or `*` for any.
        class: Cow<'a, str>,
        /// Its items.
        items: Vec<Value<'a>>,
    },
}

impl<'a> Object<'a> {
    /// An object of a class with sealed properties only.
    #[must_use]
    pub fn named<const N: usize>(
        class: impl Into<Cow<'a, str>>,
        properties: [(&'a str, Value<'a>); N],
    ) -> Self {
        let (names, sealed) = properties
            .into_iter()
            .map(|(name, value)| (Cow::Borrowed(name), value))
            .unzip();
        Self {
            traits: Arc::new(Traits {
                class: class.into(),
                dynamic: false,
                sealed: names,
            }),
            sealed,
            dynamic: Vec::new(),
        }
    }

    /// An object of no class.
    #[must_use]
    pub fn anonymous(properties: Vec<(Cow<'a, str>, Value<'a>)>) -> Self {
        Self {
            traits: Arc::new(Traits {
                dynamic: true,
                ..Traits::default()
            }),
            sealed: Vec::new(),
            dynamic: properties,
        }
    }

    /// All properties, sealed ones first.
    pub fn properties(&self) -> impl Iterator<Item = (&str, &Value<'a>)> {
        let sealed = self.traits.sealed.iter().zip(&self.sealed);
        let dynamic = self.dynamic.iter().map(|(name, value)| (&**name, value));
        sealed.map(|(name, value)| (&**name, value)).chain(dynamic)
    }
}

impl<'a> Value<'a> {
    /// The number, if it is one.
    #[must_use]
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Value::Integer(number) => Some((*number).into()),
            Value::Double(number) => Some(*number),
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
            Value::String(text) | Value::XmlDocument(text) | Value::Xml(text) => Some(text),
            _ => None,
        }
    }

    /// A property of an object, or of the part of an array that has names.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value<'a>> {
        match self {
            Value::Object(object) => {
                let mut properties = object.properties();
                properties.find(|(key, _)| *key == name).map(|(_, v)| v)
            }
            Value::Array(array) => {
                let mut entries = array.associative.iter();
                entries.find(|(key, _)| key == name).map(|(_, v)| v)
            }
            _ => None,
        }
    }

    /// The same value with its own strings and bytes.
    #[must_use]
    pub fn into_owned(self) -> Value<'static> {
        match self {
            Value::Undefined => Value::Undefined,
            Value::Null => Value::Null,
            Value::Boolean(value) => Value::Boolean(value),
            Value::Integer(number) => Value::Integer(number),
            Value::Double(number) => Value::Double(number),
            Value::String(text) => Value::String(owned(text)),
            Value::XmlDocument(text) => Value::XmlDocument(owned(text)),
            Value::Date(millis) => Value::Date(millis),
            Value::Array(array) => Value::Array(Box::new(Array {
                associative: pairs(array.associative),
                dense: all(array.dense),
            })),
            Value::Object(object) => Value::Object(Box::new(Object {
                traits: Arc::new(object.traits.to_owned_traits()),
                sealed: all(object.sealed),
                dynamic: pairs(object.dynamic),
            })),
            Value::External(external) => Value::External(Box::new(match *external {
                External::Value { class, value } => External::Value {
                    class: owned(class),
                    value: value.into_owned(),
                },
                External::Bytes { class, data } => External::Bytes {
                    class: owned(class),
                    data: Cow::Owned(data.into_owned()),
                },
            })),
            Value::Xml(text) => Value::Xml(owned(text)),
            Value::ByteArray(data) => Value::ByteArray(Cow::Owned(data.into_owned())),
            Value::Vector(vector) => Value::Vector(Box::new(match *vector {
                Vector::Int { fixed, items } => Vector::Int { fixed, items },
                Vector::Uint { fixed, items } => Vector::Uint { fixed, items },
                Vector::Double { fixed, items } => Vector::Double { fixed, items },
                Vector::Object {
                    fixed,
                    class,
                    items,
                } => Vector::Object {
                    fixed,
                    class: owned(class),
                    items: all(items),
                },
            })),
            Value::Dictionary { weak_keys, entries } => Value::Dictionary {
                weak_keys,
                entries: entries
                    .into_iter()
                    .map(|(key, value)| (key.into_owned(), value.into_owned()))
                    .collect(),
            },
            Value::Reference(index) => Value::Reference(index),
        }
    }
}

impl Traits<'_> {
    fn to_owned_traits(&self) -> Traits<'static> {
        Traits {
            class: owned(self.class.clone()),
            dynamic: self.dynamic,
            sealed: self.sealed.iter().cloned().map(owned).collect(),
        }
    }
}

fn owned(text: Cow<'_, str>) -> Cow<'static, str> {
    Cow::Owned(text.into_owned())
}

fn all(values: Vec<Value<'_>>) -> Vec<Value<'static>> {
    values.into_iter().map(Value::into_owned).collect()
}

fn pairs(values: Vec<(Cow<'_, str>, Value<'_>)>) -> Vec<(Cow<'static, str>, Value<'static>)> {
    values
        .into_iter()
        .map(|(name, value)| (owned(name), value.into_owned()))
        .collect()
}

impl From<f64> for Value<'_> {
    fn from(number: f64) -> Self {
        Value::Double(number)
    }
}

impl From<i32> for Value<'_> {
    fn from(number: i32) -> Self {
        Value::Integer(number)
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
        Value::Object(Box::new(object))
    }
}

impl<'a> From<Array<'a>> for Value<'a> {
    fn from(array: Array<'a>) -> Self {
        Value::Array(Box::new(array))
    }
}
