//! `onMetaData` (§E.5) and the other way round.

use crate::amf::amf0::{self, Object, Value as Amf};
use crate::amf::amf3;
use crate::{Error, Limits, Message, TypeId};
use alloc::borrow::Cow;
use alloc::borrow::ToOwned;
use alloc::vec::Vec;
use media::{Metadata, TrackId, Value};

/// What a data message says, and whether it is `onMetaData`. Others are one entry with their name.
pub(super) fn parse(payload: &[u8], limits: &Limits) -> Result<(Metadata, bool), Error> {
    let mut values = amf0::decode(payload, limits)?.into_iter();
    let Some(Amf::String(name)) = values.next() else {
        return Ok((Metadata::default(), false));
    };
    if name != "onMetaData" {
        // For the player's scripts only.
        if name == "|RtmpSampleAccess" {
            return Ok((Metadata::default(), false));
        }
        let mut values: Vec<Value> = values.map(from_amf).collect();
        let value = match values.len() {
            0 | 1 => values.pop().unwrap_or(Value::Null),
            _ => Value::List(values),
        };
        let entries = alloc::vec![(name.into_owned(), value)];
        return Ok((Metadata { entries }, false));
    }
    let entries = match values.next().map(Amf::flattened) {
        Some(Amf::EcmaArray(object) | Amf::Object(object)) => object
            .0
            .into_iter()
            .map(|(name, value)| (name.into_owned(), from_amf(value)))
            .collect(),
        _ => Vec::new(),
    };
    Ok((Metadata { entries }, true))
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

/// A data message with this name.
pub(super) fn to_data(name: &str, value: &Value, timestamp: u32) -> Result<Message, Error> {
    let values = match value {
        // As it was read: several values are one list.
        Value::List(values) => values.iter().filter_map(to_amf).collect(),
        value => Vec::from_iter(to_amf(value)),
    };
    let mut out = Vec::with_capacity(128);
    amf0::encode(&[Amf::from(name)], &mut out)?;
    amf0::encode(&values, &mut out)?;
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
        Amf::Avmplus(value) => match *value {
            amf3::Value::ByteArray(data) => Value::Bytes(data.into_owned().into()),
            value => from_amf(value.into()),
        },
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
#[derive(Debug, Clone)]
pub(super) struct Told {
    /// The tracks that there are; none where it says nothing of them.
    pub(super) tracks: Vec<TrackId>,
    pub(super) frame_rate: Option<f64>,
}

impl Told {
    pub(super) const fn nothing() -> Self {
        Self {
            tracks: Vec::new(),
            frame_rate: None,
        }
    }

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
        let mut tracks = Vec::new();
        for (name, map, base) in [
            ("videocodecid", "videoTrackIdInfoMap", 1),
            ("audiocodecid", "audioTrackIdInfoMap", 2),
        ] {
            tracks.extend(codec(name).then_some(TrackId(base)));
            if let Some(Value::Map(others)) = metadata.get(map) {
                let numbers = others.iter().filter_map(|(key, _)| key.parse::<u8>().ok());
                let ids = numbers.map(|number| TrackId(u32::from(number) * 2 + base));
                tracks.extend(ids.filter(|id| id.0 != base));
            }
        }
        Self {
            tracks,
            frame_rate: number("framerate").or_else(|| number("videoframerate")),
        }
    }
}
