use super::{Object, Value, marker};
use crate::amf::amf3;
use crate::{Error, Limits};
use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use wire::{Reader, Short};

/// Decodes all values of a message body.
///
/// An object that the message ends in is taken as ended, as some encoders leave out the last object end marker.
///
/// # Errors
/// [`Error::Short`] for a value that goes on past the end; [`Error::Invalid`] for a marker that AMF0 reserves or does not have;
/// [`Error::Limit`] for too many values or too deep nesting.
pub fn decode<'a>(data: &'a [u8], limits: &Limits) -> Result<Vec<Value<'a>>, Error> {
    let mut decoder = Decoder::new(Reader::new(data), limits);
    let mut values = Vec::with_capacity(4);
    while !decoder.r.is_empty() {
        values.push(decoder.value()?);
    }
    Ok(values)
}

/// Decodes one value; goes on behind it.
///
/// # Errors
/// As [`decode`].
pub(crate) fn value<'a>(r: &mut Reader<'a>, limits: &Limits) -> Result<Value<'a>, Error> {
    let mut decoder = Decoder::new(*r, limits);
    let value = decoder.value()?;
    *r = decoder.r;
    Ok(value)
}

/// How far ahead of a string text is looked for.
const AHEAD: usize = 512;

struct Decoder<'a, 'l> {
    r: Reader<'a>,
    /// Levels that may still be entered.
    depth: usize,
    /// Values that may still come.
    left: usize,
    limits: &'l Limits,
    /// What is known to be UTF-8. Where one string follows the other, what stands between them, markers and lengths, is ASCII: one
    /// look at all of them costs less than one at each.
    known: &'a str,
    /// How many bytes before the end of the input that begins.
    known_at: usize,
}

/// Takes a string's length off.
#[inline]
fn split_string(data: &[u8]) -> Option<(&[u8], &[u8])> {
    let ([high, low], data) = data.split_first_chunk()?;
    data.split_at_checked(u16::from_be_bytes([*high, *low]).into())
}

impl<'a, 'l> Decoder<'a, 'l> {
    const fn new(r: Reader<'a>, limits: &'l Limits) -> Self {
        Self {
            r,
            depth: limits.amf_depth,
            left: limits.amf_values,
            limits,
            known: "",
            known_at: 0,
        }
    }

    /// Goes on where `rest`, a tail of what is left, begins.
    #[inline]
    fn go_on(&mut self, rest: &'a [u8]) {
        let end = self.r.offset().saturating_add(self.r.left());
        self.r = Reader::at(rest, end.saturating_sub(rest.len()));
    }

    /// A short string before `rest`, as text that is known.
    #[inline]
    fn known(&self, bytes: &'a [u8], rest: &'a [u8]) -> Option<&'a str> {
        let start = self
            .known_at
            .checked_sub(rest.len().saturating_add(bytes.len()))?;
        self.known.get(start..start.saturating_add(bytes.len()))
    }

    /// Finds out how much text there is from a string before `rest` on.
    #[inline(never)]
    fn look_ahead(&mut self, from: &'a [u8]) {
        let ahead = from.get(..AHEAD).unwrap_or(from);
        self.known_at = from.len();
        self.known = core::str::from_utf8(ahead)
            .or_else(|error| {
                let valid = ahead.get(..error.valid_up_to()).unwrap_or_default();
                core::str::from_utf8(valid)
            })
            .unwrap_or_default();
    }

    fn value(&mut self) -> Result<Value<'a>, Error> {
        self.left = match self.left.checked_sub(1) {
            Some(left) => left,
            None => {
                return Err(Error::Limit {
                    limit: "AMF values",
                    max: self.limits.amf_values as u64,
                });
            }
        };
        let marker = self.r.u8("AMF0 marker")?;
        Ok(match marker {
            marker::NUMBER => Value::Number(self.r.f64("number")?),
            marker::BOOLEAN => Value::Boolean(self.r.u8("boolean")? != 0),
            marker::STRING => Value::String(self.short_string()?),
            marker::NULL => Value::Null,
            marker::OBJECT => Value::Object(self.object()?),
            marker::UNDEFINED => Value::Undefined,
            marker::REFERENCE => Value::Reference(self.r.u16("reference")?),
            marker::ECMA_ARRAY => {
                self.r.u32("associative-count")?;
                Value::EcmaArray(self.object()?)
            }
            marker::STRICT_ARRAY => Value::StrictArray(self.array()?),
            marker::DATE => Value::Date {
                millis: self.r.f64("date")?,
                zone: self.r.i16("time-zone")?,
            },
            marker::LONG_STRING => Value::String(self.long_string()?),
            marker::UNSUPPORTED => Value::Unsupported,
            marker::XML_DOCUMENT => Value::XmlDocument(self.long_string()?),
            marker::TYPED_OBJECT => {
                let class = self.short_string()?;
                Value::TypedObject(Box::new((class, self.object()?)))
            }
            marker::AVMPLUS_OBJECT => {
                let value = amf3::one(&mut self.r, self.limits, self.depth, &mut self.left)?;
                Value::Avmplus(Box::new(value))
            }
            _ => {
                let offset = (self.r.offset() as u64).saturating_sub(1);
                return Err(Error::Invalid {
                    field: "AMF0 marker",
                    value: marker.into(),
                    offset,
                });
            }
        })
    }

    fn enter(&mut self) -> Result<(), Error> {
        match self.depth.checked_sub(1) {
            Some(depth) => {
                self.depth = depth;
                Ok(())
            }
            None => Err(Error::Limit {
                limit: "AMF depth",
                max: self.limits.amf_depth as u64,
            }),
        }
    }

    fn object(&mut self) -> Result<Object<'a>, Error> {
        self.enter()?;
        let mut properties = Vec::with_capacity(self.r.left().min(256) / 16);
        loop {
            self.scalars(&mut properties);
            match self.r.peek() {
                [] => break,
                [0, 0] | [0, 0, marker::OBJECT_END, ..] => {
                    self.r.skip(self.r.left().min(3), "object end")?;
                    break;
                }
                _ => {}
            }
            let name = self.short_string()?;
            properties.push((name, self.value()?));
        }
        self.depth = self.depth.saturating_add(1);
        Ok(Object(properties))
    }

    /// Reads properties as long as they are of the few kinds that nearly all are of. Each is put where it belongs at once: to
    /// carry values through one more place costs a third.
    fn scalars(&mut self, properties: &mut Vec<(Cow<'a, str>, Value<'a>)>) {
        let mut rest = self.r.peek();
        while let Some((name, value)) = split_string(rest)
            && let Some((&marker, data)) = value.split_first()
            && self.left > 0
        {
            let Some(name) = self
                .known(name, value)
                .or_else(|| core::str::from_utf8(name).ok())
            else {
                break;
            };
            let name = Cow::Borrowed(name);
            match marker {
                marker::NUMBER => {
                    let Some((bytes, after)) = data.split_first_chunk() else {
                        break;
                    };
                    properties.push((name, Value::Number(f64::from_be_bytes(*bytes))));
                    rest = after;
                }
                marker::BOOLEAN => {
                    let Some((byte, after)) = data.split_first() else {
                        break;
                    };
                    properties.push((name, Value::Boolean(*byte != 0)));
                    rest = after;
                }
                marker::STRING => {
                    let Some((text, after)) = split_string(data) else {
                        break;
                    };
                    let known = match self.known(text, after) {
                        Some(known) => known,
                        None => {
                            self.look_ahead(data.get(2..).unwrap_or_default());
                            match self.known(text, after) {
                                Some(known) => known,
                                None => match core::str::from_utf8(text) {
                                    Ok(text) => text,
                                    Err(_) => break,
                                },
                            }
                        }
                    };
                    properties.push((name, Value::from(known)));
                    rest = after;
                }
                _ => break,
            }
            self.left = self.left.saturating_sub(1);
        }
        self.go_on(rest);
    }

    fn array(&mut self) -> Result<Vec<Value<'a>>, Error> {
        let count = self.r.u32("array-count")?;
        self.enter()?;
        // Each value takes a byte at least: a count that lies sets nothing aside.
        let mut values = Vec::with_capacity(self.r.left().min(count as usize).min(64));
        for _ in 0..count {
            values.push(self.value()?);
        }
        self.depth = self.depth.saturating_add(1);
        Ok(values)
    }

    fn short_string(&mut self) -> Result<Cow<'a, str>, Short> {
        let len = self.r.u16("string length")?;
        self.r.take(len.into(), "string").map(text)
    }

    fn long_string(&mut self) -> Result<Cow<'a, str>, Short> {
        let len = self.r.u32("string length")?;
        Ok(text(self.r.take(len as usize, "string")?))
    }
}

#[inline]
fn text(bytes: &[u8]) -> Cow<'_, str> {
    match core::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => lossy(bytes),
    }
}

#[cold]
fn lossy(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}
