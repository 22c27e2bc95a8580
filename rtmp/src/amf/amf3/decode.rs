use super::{Array, External, Object, Traits, Value, Vector, marker};
use crate::{Error, Limits};
use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use wire::Reader;

/// Decodes all values of a message body; they share their references.
///
/// What an externalizable object of an unknown class wrote is taken to go on to the end, which ends what it is in too.
///
/// # Errors
/// [`Error::Short`] for a value that goes on past the end; [`Error::Invalid`] for a marker that AMF3 does not have and for a
/// reference to what was not there; [`Error::Limit`] for too many values, too deep nesting, or damaged text referred to too often.
pub fn decode<'a>(data: &'a [u8], limits: &Limits) -> Result<Vec<Value<'a>>, Error> {
    decode_with(data, limits, &|_, _| None)
}

/// The same for a caller who knows classes: `external` tells from the name of an externalizable class and all that follows how many
/// bytes of it are the object's.
///
/// # Errors
/// As [`decode`].
pub fn decode_with<'a>(
    data: &'a [u8],
    limits: &Limits,
    external: &dyn Fn(&str, &[u8]) -> Option<usize>,
) -> Result<Vec<Value<'a>>, Error> {
    let mut decoder = Decoder::new(Reader::new(data), limits, limits.amf_values, external);
    let mut values = Vec::new();
    while !decoder.r.is_empty() {
        values.push(decoder.value()?);
    }
    Ok(values)
}

/// Decodes one value inside AMF0: it has references of its own. `left` values may still come.
pub(in crate::amf) fn one<'a>(
    r: &mut Reader<'a>,
    limits: &Limits,
    depth: usize,
    left: &mut usize,
) -> Result<Value<'a>, Error> {
    let at = Reader::at(r.peek(), r.offset());
    let mut decoder = Decoder::new(at, limits, *left, &|_, _| None);
    decoder.depth = depth;
    let value = decoder.value()?;
    *left = decoder.left;
    *r = decoder.r;
    Ok(value)
}

struct Decoder<'a, 'l> {
    r: Reader<'a>,
    /// Levels that may still be entered.
    depth: usize,
    /// Values that may still come.
    left: usize,
    /// Bytes of text with replacement characters that may still be made.
    replaced: usize,
    limits: &'l Limits,
    external: &'l dyn Fn(&str, &[u8]) -> Option<usize>,
    strings: Vec<&'a [u8]>,
    traits: Vec<Known<'a>>,
    /// Values that can be referred to.
    objects: u32,
}

#[derive(Clone)]
enum Known<'a> {
    Traits(Arc<Traits<'a>>),
    External(Cow<'a, str>),
}

/// What starts with a number of 29 bits whose last says whether something follows.
enum Head {
    Reference(u32),
    /// A length, a count or more flags.
    Inline(u32),
}

impl<'a, 'l> Decoder<'a, 'l> {
    fn new(
        r: Reader<'a>,
        limits: &'l Limits,
        left: usize,
        external: &'l dyn Fn(&str, &[u8]) -> Option<usize>,
    ) -> Self {
        Self {
            r,
            depth: limits.amf_depth,
            left,
            replaced: limits.message_size as usize,
            limits,
            external,
            strings: Vec::new(),
            traits: Vec::new(),
            objects: 0,
        }
    }

    fn invalid(&self, field: &'static str, value: u32, back: u64) -> Error {
        Error::Invalid {
            field,
            value: value.into(),
            offset: (self.r.offset() as u64).saturating_sub(back),
        }
    }

    fn value(&mut self) -> Result<Value<'a>, Error> {
        self.left = self.left.checked_sub(1).ok_or(Error::Limit {
            limit: "AMF values",
            max: self.limits.amf_values as u64,
        })?;
        let marker = self.r.u8("AMF3 marker")?;
        Ok(match marker {
            marker::UNDEFINED => Value::Undefined,
            marker::NULL => Value::Null,
            marker::FALSE => Value::Boolean(false),
            marker::TRUE => Value::Boolean(true),
            marker::INTEGER => {
                // The sign is bit 28.
                Value::Integer((self.u29()? << 3).cast_signed() >> 3)
            }
            marker::DOUBLE => Value::Double(self.r.f64("double")?),
            marker::STRING => Value::String(self.string()?),
            marker::XML_DOCUMENT | marker::XML => match self.complex()? {
                Head::Reference(index) => Value::Reference(index),
                Head::Inline(len) => {
                    let bytes = self.r.take(len as usize, "XML")?;
                    let text = self.text(bytes)?;
                    if marker == marker::XML {
                        Value::Xml(text)
                    } else {
                        Value::XmlDocument(text)
                    }
                }
            },
            marker::DATE => match self.complex()? {
                Head::Reference(index) => Value::Reference(index),
                Head::Inline(_) => Value::Date(self.r.f64("date")?),
            },
            marker::ARRAY => match self.complex()? {
                Head::Reference(index) => Value::Reference(index),
                Head::Inline(count) => Value::Array(Box::new(self.array(count)?)),
            },
            marker::OBJECT => match self.complex()? {
                Head::Reference(index) => Value::Reference(index),
                Head::Inline(flags) => self.object(flags)?,
            },
            marker::BYTE_ARRAY => match self.complex()? {
                Head::Reference(index) => Value::Reference(index),
                Head::Inline(len) => {
                    Value::ByteArray(Cow::Borrowed(self.r.take(len as usize, "byte array")?))
                }
            },
            marker::VECTOR_INT..=marker::VECTOR_OBJECT => match self.complex()? {
                Head::Reference(index) => Value::Reference(index),
                Head::Inline(count) => Value::Vector(Box::new(self.vector(marker, count)?)),
            },
            marker::DICTIONARY => match self.complex()? {
                Head::Reference(index) => Value::Reference(index),
                Head::Inline(count) => self.dictionary(count)?,
            },
            _ => return Err(self.invalid("AMF3 marker", marker.into(), 1)),
        })
    }

    /// A number of up to 29 bits: seven in each byte, all eight of the fourth (§1.3.1).
    fn u29(&mut self) -> Result<u32, Error> {
        let mut value = 0;
        for _ in 0..3 {
            let byte = self.r.u8("U29")?;
            value = value << 7 | u32::from(byte & 0x7F);
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Ok(value << 8 | u32::from(self.r.u8("U29")?))
    }

    fn head(&mut self) -> Result<Head, Error> {
        let value = self.u29()?;
        Ok(if value & 1 == 0 {
            Head::Reference(value >> 1)
        } else {
            Head::Inline(value >> 1)
        })
    }

    /// The head of what can be referred to; counts it.
    fn complex(&mut self) -> Result<Head, Error> {
        let head = self.head()?;
        match head {
            Head::Reference(index) if index >= self.objects => {
                Err(self.invalid("object reference", index, 1))
            }
            Head::Reference(_) => Ok(head),
            Head::Inline(_) => {
                self.objects = self.objects.saturating_add(1);
                Ok(head)
            }
        }
    }

    fn text(&mut self, bytes: &'a [u8]) -> Result<Cow<'a, str>, Error> {
        if let Ok(text) = core::str::from_utf8(bytes) {
            return Ok(Cow::Borrowed(text));
        }
        // Each reference makes it anew, so that little input could become much text.
        self.replaced = self.replaced.checked_sub(bytes.len()).ok_or(Error::Limit {
            limit: "bytes of damaged text",
            max: self.limits.message_size.into(),
        })?;
        Ok(String::from_utf8_lossy(bytes))
    }

    fn string(&mut self) -> Result<Cow<'a, str>, Error> {
        let bytes = match self.head()? {
            Head::Reference(index) => match self.strings.get(index as usize) {
                Some(bytes) => *bytes,
                None => return Err(self.invalid("string reference", index, 1)),
            },
            Head::Inline(len) => {
                let bytes = self.r.take(len as usize, "string")?;
                // The empty string is never referred to (§1.3.2).
                if !bytes.is_empty() {
                    self.strings.push(bytes);
                }
                bytes
            }
        };
        self.text(bytes)
    }

    fn enter(&mut self) -> Result<(), Error> {
        self.depth = self.depth.checked_sub(1).ok_or(Error::Limit {
            limit: "AMF depth",
            max: self.limits.amf_depth as u64,
        })?;
        Ok(())
    }

    fn leave(&mut self) {
        self.depth = self.depth.saturating_add(1);
    }

    /// So many values, fewer where the message ends before: each takes a byte at least.
    fn values(&mut self, count: u32) -> Result<Vec<Value<'a>>, Error> {
        let mut values = Vec::with_capacity(self.r.left().min(count as usize).min(64));
        for _ in 0..count {
            // Behind bytes that nobody could measure.
            if self.r.is_empty() && matches!(values.last(), Some(Value::External(_))) {
                break;
            }
            values.push(self.value()?);
        }
        Ok(values)
    }

    /// Names and values up to the empty name.
    fn pairs(&mut self) -> Result<Vec<(Cow<'a, str>, Value<'a>)>, Error> {
        let mut pairs = Vec::new();
        loop {
            if self.r.is_empty() && matches!(pairs.last(), Some((_, Value::External(_)))) {
                return Ok(pairs);
            }
            let name = self.string()?;
            if name.is_empty() {
                return Ok(pairs);
            }
            let value = self.value()?;
            pairs.push((name, value));
        }
    }

    fn array(&mut self, count: u32) -> Result<Array<'a>, Error> {
        self.enter()?;
        let associative = self.pairs()?;
        let dense = self.values(count)?;
        self.leave();
        Ok(Array { associative, dense })
    }

    /// The traits that the flags tell of; what they are of is not an instance yet.
    fn traits(&mut self, flags: u32) -> Result<Known<'a>, Error> {
        if flags & 1 == 0 {
            let index = flags >> 1;
            return match self.traits.get(index as usize) {
                Some(known) => Ok(known.clone()),
                None => Err(self.invalid("traits reference", index, 1)),
            };
        }
        let known = if flags & 2 != 0 {
            Known::External(self.string()?)
        } else {
            let class = self.string()?;
            let count = flags >> 3;
            let mut sealed = Vec::with_capacity(self.r.left().min(count as usize).min(64));
            for _ in 0..count {
                sealed.push(self.string()?);
            }
            Known::Traits(Arc::new(Traits {
                class,
                dynamic: flags & 4 != 0,
                sealed,
            }))
        };
        self.traits.push(known.clone());
        Ok(known)
    }

    fn object(&mut self, flags: u32) -> Result<Value<'a>, Error> {
        self.enter()?;
        let value = match self.traits(flags)? {
            Known::External(class) => Value::External(Box::new(self.external(class)?)),
            Known::Traits(traits) => {
                let count = u32::try_from(traits.sealed.len()).unwrap_or(u32::MAX);
                let sealed = self.values(count)?;
                let dynamic = if traits.dynamic {
                    self.pairs()?
                } else {
                    Vec::new()
                };
                Value::Object(Box::new(Object {
                    traits,
                    sealed,
                    dynamic,
                }))
            }
        };
        self.leave();
        Ok(value)
    }

    fn external(&mut self, class: Cow<'a, str>) -> Result<External<'a>, Error> {
        let rest = self.r.peek();
        let len = (self.external)(&class, rest);
        if len.is_none() && writes_one_value(&class) {
            let value = self.value()?;
            return Ok(External::Value { class, value });
        }
        let data = self.r.take(len.unwrap_or(rest.len()), "external data")?;
        let data = Cow::Borrowed(data);
        Ok(External::Bytes { class, data })
    }

    fn vector(&mut self, marker: u8, count: u32) -> Result<Vector<'a>, Error> {
        let fixed = self.r.u8("fixed-vector")? != 0;
        let count_bytes = |width: usize| (count as usize).saturating_mul(width);
        Ok(match marker {
            marker::VECTOR_INT | marker::VECTOR_UINT => {
                let data = self.r.take(count_bytes(4), "vector")?;
                let (items, _) = data.as_chunks();
                if marker == marker::VECTOR_INT {
                    let items = items.iter().map(|item| i32::from_be_bytes(*item)).collect();
                    Vector::Int { fixed, items }
                } else {
                    let items = items.iter().map(|item| u32::from_be_bytes(*item)).collect();
                    Vector::Uint { fixed, items }
                }
            }
            marker::VECTOR_DOUBLE => {
                let data = self.r.take(count_bytes(8), "vector")?;
                let (items, _) = data.as_chunks();
                let items = items.iter().map(|item| f64::from_be_bytes(*item)).collect();
                Vector::Double { fixed, items }
            }
            _ => {
                let class = self.string()?;
                self.enter()?;
                let items = self.values(count)?;
                self.leave();
                Vector::Object {
                    fixed,
                    class,
                    items,
                }
            }
        })
    }

    fn dictionary(&mut self, count: u32) -> Result<Value<'a>, Error> {
        let weak_keys = self.r.u8("weak-keys")? != 0;
        self.enter()?;
        let mut entries = Vec::with_capacity(self.r.left().min(count as usize).min(64));
        for _ in 0..count {
            let key = self.value()?;
            entries.push((key, self.value()?));
        }
        self.leave();
        Ok(Value::Dictionary { weak_keys, entries })
    }
}

/// Whether what an object of a Flex class writes is one value.
pub(super) fn writes_one_value(class: &str) -> bool {
    matches!(
        class,
        "flex.messaging.io.ArrayCollection"
            | "flex.messaging.io.ArrayList"
            | "flex.messaging.io.ObjectProxy"
    )
}
