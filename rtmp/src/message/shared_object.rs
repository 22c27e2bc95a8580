use super::{Message, TypeId};
use crate::amf::amf0::{self, Value};
use crate::{Error, Limits};
use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;
use bytes::Bytes;
use wire::{LengthOf, Reader, Writer};

/// A shared object message: what happens to an object that several clients have (RTMP 1.0 §7.1.3).
///
/// The specification does not tell its layout; this is what the servers and clients in use have in common:
///
/// ```text
/// name length 16, name, version 32, flags 32 (2: kept), reserved 32
/// for each event: type 8, length 32, data
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SharedObject {
    /// Its name.
    pub name: String,
    /// 32 bits, counted up with each change.
    pub version: u32,
    /// Whether the server keeps it.
    pub persistent: bool,
    /// What happens, in order.
    pub events: Vec<SharedObjectEvent>,
}

/// Something that happens to a [`SharedObject`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum SharedObjectEvent {
    /// 1: the client wants to have it.
    Use,
    /// 2: the client has done with it.
    Release,
    /// 3: the client wants these properties to be so.
    RequestChange(Vec<(String, Value<'static>)>),
    /// 4: the properties are so now.
    Change(Vec<(String, Value<'static>)>),
    /// 5: the client's change of a property was made.
    Success(String),
    /// 6: a message to all who have it.
    SendMessage(Vec<Value<'static>>),
    /// 7: something went wrong, mostly.
    Status {
        /// What.
        code: String,
        /// How bad it is.
        level: String,
    },
    /// 8: it has no properties now.
    Clear,
    /// 9: a property is gone.
    Remove(String),
    /// 10: the client wants a property to go.
    RequestRemove(String),
    /// 11: the client has it now.
    UseSuccess,
    /// Another event, or one that is not what it should be.
    Other {
        /// Its type, 8 bits.
        kind: u8,
        /// Its data.
        data: Bytes,
    },
}

/// The flag of an object that is kept.
const PERSISTENT: u32 = 2;

impl SharedObject {
    /// Reads a message of type [`TypeId::SHARED_OBJECT`] or [`TypeId::SHARED_OBJECT_AMF3`].
    ///
    /// # Errors
    /// [`Error::Short`]; [`Error::Limit`] for more events than AMF values are allowed.
    pub fn parse(message: &Message, limits: &Limits) -> Result<Self, Error> {
        let body = match (message.type_id, &*message.payload) {
            (TypeId::SHARED_OBJECT_AMF3, [0, body @ ..]) => body,
            (_, body) => body,
        };
        let mut r = Reader::new(body);
        let name = text(&mut r, "shared object name")?;
        let version = r.u32("version")?;
        let persistent = r.u32("flags")? & PERSISTENT != 0;
        r.skip(4, "reserved")?;
        let mut events = Vec::new();
        while !r.is_empty() {
            if events.len() >= limits.amf_values {
                return Err(Error::Limit {
                    limit: "events of a shared object",
                    max: limits.amf_values as u64,
                });
            }
            let kind = r.u8("event type")?;
            let len = r.u32("event length")? as usize;
            let data = r.sub(len, "event data")?;
            events.push(SharedObjectEvent::parse(kind, data, limits));
        }
        Ok(Self {
            name,
            version,
            persistent,
            events,
        })
    }

    /// The message, in AMF0 and at time 0.
    ///
    /// # Errors
    /// [`Error::TooLong`] for names past 65 535 bytes.
    pub fn to_message(&self) -> Result<Message, Error> {
        let mut out = Vec::new();
        let mut w = Writer::new(&mut out);
        put_text(&mut w, &self.name)?;
        let flags = if self.persistent { PERSISTENT } else { 0 };
        w.u32(self.version).u32(flags).u32(0);
        for event in &self.events {
            w.u8(event.kind());
            w.sized_u32("event length", LengthOf::Body, |w| event.encode(w))?;
        }
        Ok(Message {
            timestamp: 0,
            type_id: TypeId::SHARED_OBJECT,
            stream_id: 0,
            payload: out.into(),
        })
    }
}

impl SharedObjectEvent {
    fn parse(kind: u8, data: Reader<'_>, limits: &Limits) -> Self {
        let mut r = Reader::at(data.peek(), data.offset());
        let known = Self::known(kind, &mut r, limits);
        match known {
            Ok(Some(event)) if r.is_empty() => event,
            _ => SharedObjectEvent::Other {
                kind,
                data: Bytes::copy_from_slice(data.peek()),
            },
        }
    }

    fn known(kind: u8, r: &mut Reader<'_>, limits: &Limits) -> Result<Option<Self>, Error> {
        Ok(Some(match kind {
            1 => SharedObjectEvent::Use,
            2 => SharedObjectEvent::Release,
            3 => SharedObjectEvent::RequestChange(properties(r, limits)?),
            4 => SharedObjectEvent::Change(properties(r, limits)?),
            5 => SharedObjectEvent::Success(text(r, "property")?),
            6 => {
                let mut values = Vec::new();
                while !r.is_empty() {
                    values.push(amf0::value(r, limits)?.into_owned());
                }
                SharedObjectEvent::SendMessage(values)
            }
            7 => SharedObjectEvent::Status {
                code: text(r, "code")?,
                level: text(r, "level")?,
            },
            8 => SharedObjectEvent::Clear,
            9 => SharedObjectEvent::Remove(text(r, "property")?),
            10 => SharedObjectEvent::RequestRemove(text(r, "property")?),
            11 => SharedObjectEvent::UseSuccess,
            _ => return Ok(None),
        }))
    }

    const fn kind(&self) -> u8 {
        match self {
            SharedObjectEvent::Use => 1,
            SharedObjectEvent::Release => 2,
            SharedObjectEvent::RequestChange(_) => 3,
            SharedObjectEvent::Change(_) => 4,
            SharedObjectEvent::Success(_) => 5,
            SharedObjectEvent::SendMessage(_) => 6,
            SharedObjectEvent::Status { .. } => 7,
            SharedObjectEvent::Clear => 8,
            SharedObjectEvent::Remove(_) => 9,
            SharedObjectEvent::RequestRemove(_) => 10,
            SharedObjectEvent::UseSuccess => 11,
            SharedObjectEvent::Other { kind, .. } => *kind,
        }
    }

    fn encode(&self, w: &mut Writer<'_>) -> Result<(), Error> {
        match self {
            SharedObjectEvent::Use
            | SharedObjectEvent::Release
            | SharedObjectEvent::Clear
            | SharedObjectEvent::UseSuccess => {}
            SharedObjectEvent::RequestChange(properties)
            | SharedObjectEvent::Change(properties) => {
                for (name, value) in properties {
                    put_text(w, name)?;
                    value.encode(w.buffer())?;
                }
            }
            SharedObjectEvent::Success(name)
            | SharedObjectEvent::Remove(name)
            | SharedObjectEvent::RequestRemove(name) => put_text(w, name)?,
            SharedObjectEvent::SendMessage(values) => amf0::encode(values, w.buffer())?,
            SharedObjectEvent::Status { code, level } => {
                put_text(w, code)?;
                put_text(w, level)?;
            }
            SharedObjectEvent::Other { data, .. } => {
                w.bytes(data);
            }
        }
        Ok(())
    }
}

fn text(r: &mut Reader<'_>, what: &'static str) -> Result<String, Error> {
    let len = r.u16(what)?;
    let bytes = r.take(len.into(), what)?;
    Ok(String::from_utf8_lossy(bytes).into_owned())
}

fn put_text(w: &mut Writer<'_>, text: &str) -> Result<(), Error> {
    w.sized_u16("name length", LengthOf::Body, |w| {
        w.bytes(text.as_bytes());
        Ok::<_, Error>(())
    })?;
    Ok(())
}

fn properties(r: &mut Reader<'_>, limits: &Limits) -> Result<Vec<(String, Value<'static>)>, Error> {
    let mut properties = Vec::new();
    while !r.is_empty() {
        let name = text(r, "property")?.to_owned();
        properties.push((name, amf0::value(r, limits)?.into_owned()));
    }
    Ok(properties)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use proptest::prelude::*;

    #[test]
    fn every_event() {
        let property = || {
            vec![
                ("x".to_owned(), Value::from(1.0)),
                ("y".to_owned(), Value::Null),
            ]
        };
        let object = SharedObject {
            name: "room".into(),
            version: 3,
            persistent: true,
            events: vec![
                SharedObjectEvent::Use,
                SharedObjectEvent::Release,
                SharedObjectEvent::RequestChange(property()),
                SharedObjectEvent::Change(property()),
                SharedObjectEvent::Success("x".into()),
                SharedObjectEvent::SendMessage(vec![
                    Value::String("hello".into()),
                    Value::from(true),
                ]),
                SharedObjectEvent::Status {
                    code: "SharedObject.BadPersistence".into(),
                    level: "error".into(),
                },
                SharedObjectEvent::Clear,
                SharedObjectEvent::Remove("x".into()),
                SharedObjectEvent::RequestRemove("y".into()),
                SharedObjectEvent::UseSuccess,
                SharedObjectEvent::Other {
                    kind: 99,
                    data: Bytes::from_static(b"?"),
                },
            ],
        };
        let message = object.to_message().unwrap();
        assert_eq!(
            message.payload[..20],
            *b"\0\x04room\0\0\0\x03\0\0\0\x02\0\0\0\0\x01\0"
        );
        assert_eq!(
            SharedObject::parse(&message, &Limits::default()).unwrap(),
            object
        );
        let amf3 = Message {
            type_id: TypeId::SHARED_OBJECT_AMF3,
            payload: [&[0], &message.payload[..]].concat().into(),
            ..message
        };
        assert_eq!(
            SharedObject::parse(&amf3, &Limits::default()).unwrap(),
            object
        );
    }

    proptest! {
        #[test]
        fn what_is_read_is_written_and_read_again(events in prop::collection::vec((0u8..13, prop::collection::vec(any::<u8>(), 0..12)), 0..5)) {
            let mut payload = b"\0\x01a\0\0\0\0\0\0\0\0\0\0\0\0".to_vec();
            for (kind, data) in events {
                payload.push(kind);
                payload.extend((data.len() as u32).to_be_bytes());
                payload.extend(data);
            }
            let message = Message { timestamp: 0, type_id: TypeId::SHARED_OBJECT, stream_id: 0, payload: payload.into() };
            let object = SharedObject::parse(&message, &Limits::default()).unwrap();
            let again = SharedObject::parse(&object.to_message().unwrap(), &Limits::default()).unwrap();
            prop_assert_eq!(alloc::format!("{again:?}"), alloc::format!("{object:?}"));
        }
    }
}
