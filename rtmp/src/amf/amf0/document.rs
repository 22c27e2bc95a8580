//! Values that own what they are made of, in two allocations instead of one for each string.

use super::{Object, Value, decode};
use crate::amf::amf3;
use crate::{Error, Limits};
use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

/// Decoded values to keep: all their text stands in one string, and all values in one list, in the order of the message.
///
/// [`decode`] borrows and gives values that can be changed; [`Value::into_owned`] makes one allocation per string. This is for those
/// who keep many messages, and look into them.
///
/// ```
/// use fluvial_rtmp::Limits;
/// use fluvial_rtmp::amf::amf0::{self, Document, Object, Value};
///
/// let info = Object::from([("level", Value::from("status")), ("clientid", Value::from(7.0))]);
/// let mut bytes = Vec::new();
/// amf0::encode(&[Value::from("onStatus"), Value::from(0.0), Value::Object(info)], &mut bytes)?;
/// let document = Document::decode(&bytes, &Limits::default())?;
/// drop(bytes);
/// let [name, _, info] = document.values().collect::<Vec<_>>()[..] else { panic!() };
/// assert_eq!(name.as_str(), Some("onStatus"));
/// assert_eq!(info.get("clientid").and_then(|id| id.as_f64()), Some(7.0));
/// # Ok::<(), fluvial_rtmp::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Document {
    text: String,
    nodes: Vec<Node>,
}

/// A value, or the name or class before it. Those with others in them know where the next one after them is.
#[derive(Debug, Clone, PartialEq)]
enum Node {
    Number(f64),
    Boolean(bool),
    Null,
    Undefined,
    Unsupported,
    Reference(u16),
    Date { millis: f64, zone: i16 },
    String { start: usize, end: usize },
    XmlDocument { start: usize, end: usize },
    Object { next: usize },
    EcmaArray { next: usize },
    StrictArray { next: usize },
    TypedObject { next: usize },
    Avmplus(Box<amf3::Value<'static>>),
}

impl Document {
    /// Decodes all values of a message body, as [`decode`] does.
    ///
    /// # Errors
    /// Those of [`decode`].
    pub fn decode(data: &[u8], limits: &Limits) -> Result<Self, Error> {
        let values = decode(data, limits)?;
        let mut document = Self {
            // Nearly always enough: only what is no UTF-8 gets longer.
            text: String::with_capacity(data.len()),
            nodes: Vec::with_capacity(data.len().min(512) / 8),
        };
        values.into_iter().for_each(|value| document.push(value));
        Ok(document)
    }

    /// The values of the message.
    #[must_use]
    pub const fn values(&self) -> Values<'_> {
        Values {
            document: self,
            at: 0,
            end: self.nodes.len(),
        }
    }

    fn push(&mut self, value: Value<'_>) {
        let node = match value {
            Value::Number(number) => Node::Number(number),
            Value::Boolean(value) => Node::Boolean(value),
            Value::String(text) => return self.push_text(&text),
            Value::Null => Node::Null,
            Value::Undefined => Node::Undefined,
            Value::Unsupported => Node::Unsupported,
            Value::Reference(index) => Node::Reference(index),
            Value::Date { millis, zone } => Node::Date { millis, zone },
            Value::XmlDocument(text) => {
                let (start, end) = self.text(&text);
                Node::XmlDocument { start, end }
            }
            Value::Object(object) => {
                return self.push_parts(
                    |next| Node::Object { next },
                    |document| document.push_properties(object),
                );
            }
            Value::EcmaArray(object) => {
                return self.push_parts(
                    |next| Node::EcmaArray { next },
                    |document| document.push_properties(object),
                );
            }
            Value::StrictArray(values) => {
                return self.push_parts(
                    |next| Node::StrictArray { next },
                    |document| values.into_iter().for_each(|value| document.push(value)),
                );
            }
            Value::TypedObject(typed) => {
                return self.push_parts(
                    |next| Node::TypedObject { next },
                    |document| {
                        document.push_text(&typed.0);
                        document.push_properties(typed.1);
                    },
                );
            }
            Value::Avmplus(value) => Node::Avmplus(Box::new(value.into_owned())),
        };
        self.nodes.push(node);
    }

    fn push_parts(&mut self, node: impl Fn(usize) -> Node, parts: impl FnOnce(&mut Self)) {
        let at = self.nodes.len();
        self.nodes.push(Node::Null);
        parts(self);
        let next = self.nodes.len();
        if let Some(place) = self.nodes.get_mut(at) {
            *place = node(next);
        }
    }

    #[inline]
    fn push_properties(&mut self, object: Object<'_>) {
        for (name, value) in object.0 {
            self.push_text(&name);
            self.push(value);
        }
    }

    #[inline]
    fn push_text(&mut self, text: &str) {
        let (start, end) = self.text(text);
        self.nodes.push(Node::String { start, end });
    }

    #[inline]
    fn text(&mut self, text: &str) -> (usize, usize) {
        let start = self.text.len();
        self.text.push_str(text);
        (start, self.text.len())
    }
}

/// A value in a [`Document`].
#[derive(Clone, Copy, PartialEq)]
pub struct Entry<'d> {
    document: &'d Document,
    at: usize,
}

impl<'d> Entry<'d> {
    fn node(self) -> Option<&'d Node> {
        self.document.nodes.get(self.at)
    }

    /// Where the next value is that is not part of this one.
    fn next(self) -> usize {
        match self.node() {
            Some(
                Node::Object { next }
                | Node::EcmaArray { next }
                | Node::StrictArray { next }
                | Node::TypedObject { next },
            ) => *next,
            _ => self.at.saturating_add(1),
        }
    }

    /// The number, if it is one.
    #[must_use]
    pub fn as_f64(self) -> Option<f64> {
        match self.node()? {
            Node::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// The boolean, if it is one.
    #[must_use]
    pub fn as_bool(self) -> Option<bool> {
        match self.node()? {
            Node::Boolean(value) => Some(*value),
            _ => None,
        }
    }

    /// The text, if it is text.
    #[must_use]
    pub fn as_str(self) -> Option<&'d str> {
        match self.node()? {
            Node::String { start, end } | Node::XmlDocument { start, end } => {
                self.document.text.get(*start..*end)
            }
            _ => None,
        }
    }

    /// The properties of an object of any kind, in order; nothing of other values.
    #[must_use]
    pub fn properties(self) -> Properties<'d> {
        let first = self.at.saturating_add(1);
        let (at, end) = match self.node() {
            Some(Node::Object { next } | Node::EcmaArray { next }) => (first, *next),
            // After the name of its class.
            Some(Node::TypedObject { next }) => (first.saturating_add(1), *next),
            _ => (first, first),
        };
        Properties(Values {
            document: self.document,
            at,
            end,
        })
    }

    /// The first property with this name of an object of any kind.
    #[must_use]
    pub fn get(self, name: &str) -> Option<Entry<'d>> {
        let mut properties = self.properties();
        properties
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value)
    }

    /// The values in an array; nothing of other values.
    #[must_use]
    pub fn items(self) -> Values<'d> {
        let at = self.at.saturating_add(1);
        let end = match self.node() {
            Some(Node::StrictArray { next }) => *next,
            _ => at,
        };
        Values {
            document: self.document,
            at,
            end,
        }
    }

    /// The same as a value with its parts, which borrows its text.
    #[must_use]
    pub fn to_value(self) -> Value<'d> {
        let text = || Cow::Borrowed(self.as_str().unwrap_or_default());
        let object = || {
            let properties = self.properties();
            Object(
                properties
                    .map(|(name, value)| (Cow::Borrowed(name), value.to_value()))
                    .collect(),
            )
        };
        match self.node() {
            None | Some(Node::Null) => Value::Null,
            Some(Node::Number(number)) => Value::Number(*number),
            Some(Node::Boolean(value)) => Value::Boolean(*value),
            Some(Node::Undefined) => Value::Undefined,
            Some(Node::Unsupported) => Value::Unsupported,
            Some(Node::Reference(index)) => Value::Reference(*index),
            Some(Node::Date { millis, zone }) => Value::Date {
                millis: *millis,
                zone: *zone,
            },
            Some(Node::String { .. }) => Value::String(text()),
            Some(Node::XmlDocument { .. }) => Value::XmlDocument(text()),
            Some(Node::Object { .. }) => Value::Object(object()),
            Some(Node::EcmaArray { .. }) => Value::EcmaArray(object()),
            Some(Node::StrictArray { .. }) => {
                Value::StrictArray(self.items().map(Entry::to_value).collect())
            }
            Some(Node::TypedObject { .. }) => {
                let class = Entry {
                    at: self.at.saturating_add(1),
                    ..self
                };
                let class = Cow::Borrowed(class.as_str().unwrap_or_default());
                Value::TypedObject(Box::new((class, object())))
            }
            Some(Node::Avmplus(value)) => Value::Avmplus(value.clone()),
        }
    }
}

impl core::fmt::Debug for Entry<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.to_value().fmt(f)
    }
}

/// Values one after the other.
#[derive(Debug, Clone)]
pub struct Values<'d> {
    document: &'d Document,
    at: usize,
    end: usize,
}

impl<'d> Iterator for Values<'d> {
    type Item = Entry<'d>;

    fn next(&mut self) -> Option<Entry<'d>> {
        if self.at >= self.end {
            return None;
        }
        let entry = Entry {
            document: self.document,
            at: self.at,
        };
        self.at = entry.next();
        Some(entry)
    }
}

/// Names and values in the order of the message.
#[derive(Debug, Clone)]
pub struct Properties<'d>(Values<'d>);

impl<'d> Iterator for Properties<'d> {
    type Item = (&'d str, Entry<'d>);

    fn next(&mut self) -> Option<Self::Item> {
        let name = self.0.next()?.as_str()?;
        Some((name, self.0.next()?))
    }
}
