//! `onMetaData` (§E.5) and the other way round.

use crate::amf::amf0::{self, Object, Value as Amf};
use crate::{Error, Limits, Message, TypeId};
use alloc::borrow::Cow;
use alloc::borrow::ToOwned;
use alloc::vec::Vec;
use media::{Metadata, Value};

/// The metadata in a data message; none where it is another message.
pub(super) fn parse(payload: &[u8], limits: &Limits) -> Result<Option<Metadata>, Error> {
    let mut values = amf0::decode(payload, limits)?.into_iter();
    if values.next().as_ref().and_then(Amf::as_str) != Some("onMetaData") {
        return Ok(None);
    }
    let Some(Amf::EcmaArray(object) | Amf::Object(object)) = values.next() else {
        return Ok(None);
    };
    let entries = object
        .0
        .into_iter()
        .map(|(name, value)| (name.into_owned(), from_amf(value)));
    Ok(Some(Metadata {
        entries: entries.collect(),
    }))
}

/// The data message with this metadata.
pub(super) fn to_message(metadata: &Metadata, timestamp: u32) -> Result<Message, Error> {
    let entries = metadata.entries.iter();
    let object = entries.filter_map(|(name, value)| Some((Cow::Borrowed(&**name), to_amf(value)?)));
    let mut out = Vec::with_capacity(512);
    amf0::encode(
        &[
            Amf::from("onMetaData"),
            Amf::EcmaArray(Object(object.collect())),
        ],
        &mut out,
    )?;
    Ok(Message {
        timestamp,
        type_id: TypeId::DATA,
        stream_id: 1,
        payload: out.into(),
    })
}

fn from_amf(value: Amf<'_>) -> Value {
    match value {
        Amf::Number(number) => Value::Number(number),
        Amf::Boolean(value) => Value::Bool(value),
        Amf::String(text) | Amf::XmlDocument(text) => Value::Text(text.into_owned()),
        Amf::Date { millis, .. } => Value::Number(millis),
        Amf::Object(object) | Amf::EcmaArray(object) => map(object),
        Amf::TypedObject(typed) => map(typed.1),
        Amf::StrictArray(values) => Value::List(values.into_iter().map(from_amf).collect()),
        Amf::Null | Amf::Undefined | Amf::Unsupported | Amf::Reference(_) => Value::Null,
    }
}

fn map(object: Object<'_>) -> Value {
    Value::Map(
        object
            .0
            .into_iter()
            .map(|(name, value)| (name.into_owned(), from_amf(value)))
            .collect(),
    )
}

/// None for what AMF0 cannot carry.
fn to_amf(value: &Value) -> Option<Amf<'_>> {
    Some(match value {
        Value::Null => Amf::Null,
        Value::Bool(value) => Amf::Boolean(*value),
        Value::Number(number) => Amf::Number(*number),
        Value::Text(text) => Amf::from(&**text),
        Value::List(values) => Amf::StrictArray(values.iter().filter_map(to_amf).collect()),
        Value::Map(entries) => {
            let entries = entries.iter();
            let object = entries
                .filter_map(|(name, value)| Some((Cow::Owned(name.to_owned()), to_amf(value)?)));
            Amf::Object(Object(object.collect()))
        }
        _ => return None,
    })
}

/// What metadata says of the stream, as far as a demuxer wants to know.
#[derive(Debug, Clone, Copy)]
pub(super) struct Told {
    pub(super) video: bool,
    pub(super) audio: bool,
    pub(super) frame_rate: Option<f64>,
}

impl Told {
    pub(super) const NOTHING: Self = Self {
        video: false,
        audio: false,
        frame_rate: None,
    };

    pub(super) fn by(metadata: &Metadata) -> Self {
        let number = |name| match metadata.get(name) {
            Some(Value::Number(number)) => Some(*number),
            Some(Value::Text(text)) => text.parse().ok(),
            _ => None,
        };
        // Encoders name the codec by number or word; one without a video says nothing, null or 0.
        let codec = |name| match metadata.get(name) {
            Some(Value::Number(number)) => *number != 0.0,
            Some(Value::Text(text)) => !text.is_empty(),
            _ => false,
        };
        Self {
            video: codec("videocodecid"),
            audio: codec("audiocodecid"),
            frame_rate: number("framerate").or_else(|| number("videoframerate")),
        }
    }
}
