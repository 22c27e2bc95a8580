//! Data messages as publishers and servers write them: `@setDataFrame` wraps what the server is to keep.

use crate::amf::amf0::{self, Object, Value};
use crate::{Error, Message, TypeId, slice};
use alloc::vec::Vec;

/// `"@setDataFrame"` in AMF0.
const SET_DATA_FRAME: &[u8] = b"\x02\x00\x0D@setDataFrame";
/// `"@clearDataFrame"` in AMF0.
const CLEAR_DATA_FRAME: &[u8] = b"\x02\x00\x0F@clearDataFrame";
/// `"onMetaData"` in AMF0.
const ON_META_DATA: &[u8] = b"\x02\x00\x0AonMetaData";

/// A published message as players get it: data in AMF0 and without `@setDataFrame`; `@clearDataFrame` is for the server only.
pub(crate) fn published(message: Message) -> Option<Message> {
    let mut start: usize = 0;
    if message.type_id == TypeId::DATA_AMF3 {
        start = usize::from(message.payload.first() == Some(&0));
    } else if message.type_id != TypeId::DATA {
        return Some(message);
    }
    let body = message.payload.get(start..)?;
    if body.starts_with(CLEAR_DATA_FRAME) {
        return None;
    }
    if body.starts_with(SET_DATA_FRAME) {
        start = start.saturating_add(SET_DATA_FRAME.len());
    }
    let payload = slice(&message.payload, start..message.payload.len())?;
    Some(Message {
        type_id: TypeId::DATA,
        payload,
        ..message
    })
}

/// Metadata as a publisher sends it: wrapped in `@setDataFrame`; other messages need nothing.
pub(crate) fn to_publish(message: &Message) -> Option<Message> {
    (message.type_id == TypeId::DATA && message.payload.starts_with(ON_META_DATA)).then(|| {
        let payload = [SET_DATA_FRAME, &message.payload].concat().into();
        Message {
            payload,
            ..message.clone()
        }
    })
}

/// `onPlayStatus`: what has become of a recording that is being played.
pub(crate) fn play_status(stream_id: u32, info: Object<'_>) -> Result<Message, Error> {
    let mut payload = Vec::with_capacity(128);
    amf0::encode(
        &[Value::from("onPlayStatus"), Value::from(info)],
        &mut payload,
    )?;
    Ok(Message {
        timestamp: 0,
        type_id: TypeId::DATA,
        stream_id,
        payload: payload.into(),
    })
}

/// `"|RtmpSampleAccess"` in AMF0.
const SAMPLE_ACCESS: &[u8] = b"\x02\x00\x11|RtmpSampleAccess";

/// Whether it is what [`sample_access`] makes: nothing about the stream.
pub(crate) fn is_sample_access(message: &Message) -> bool {
    message.type_id == TypeId::DATA && message.payload.starts_with(SAMPLE_ACCESS)
}

/// `|RtmpSampleAccess`: a player may take frames off the screen.
pub(crate) fn sample_access(stream_id: u32) -> Message {
    let payload = [SAMPLE_ACCESS, &[1, 1, 1, 1]].concat().into();
    Message {
        timestamp: 0,
        type_id: TypeId::DATA,
        stream_id,
        payload,
    }
}
