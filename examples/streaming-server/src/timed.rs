//! Timed metadata that a publisher sends between its pictures, as ID3 tags: what is one already (in Base64), and any other data message
//! (`onTextData`, `onCuePoint`, `onFI`, ...) as text in a frame of the user's own.

use crate::cue::{decode, texts};
use dash::live::Scheme;
use media::{Codec, Flags, Metadata, Sample, Time, Timescale, Track, TrackId, Value};
use std::num::NonZeroU32;

/// The track of ID3 tags: no publisher's has this number.
pub(crate) const TRACK: TrackId = TrackId(0x4944_3320);

/// How manifests call boxes with ID3 tags.
pub(crate) fn scheme() -> Scheme {
    Scheme {
        uri: "https://aomedia.org/emsg/ID3".into(),
        value: String::new(),
    }
}

pub(crate) fn track() -> Track {
    Track::new(TRACK, Timescale::KHZ_90, Codec::Id3)
}

/// What is not said to viewers: what describes the stream as a whole, and what only servers mean.
const UNTIMED: [&str; 3] = ["onMetaData", "onStatus", "onPlayStatus"];
/// Most bytes of a tag.
const MOST: usize = 64 << 10;

/// The tag of a message, if it is one that is meant for a time.
pub(crate) fn tag(metadata: &Metadata) -> Option<Vec<u8>> {
    let [(name, value)] = metadata.entries.as_slice() else {
        return None;
    };
    let is_id3 = |data: &Vec<u8>| data.starts_with(b"ID3");
    let whole = || {
        texts(value, 0)
            .into_iter()
            .find_map(|text| decode(text).filter(is_id3))
    };
    let named = name.starts_with("on") || name.eq_ignore_ascii_case("id3");
    if !named || UNTIMED.contains(&name.as_str()) {
        return None;
    }
    let tag = whole().unwrap_or_else(|| text_tag(name, &json(value, 0).to_string()));
    (tag.len() <= MOST).then_some(tag)
}

/// As a sample of its track.
pub(crate) fn sample(tag: Vec<u8>, time: Time) -> Sample {
    let at = Timescale::KHZ_90.ticks(time);
    Sample {
        track: TRACK,
        dts: at,
        pts: at,
        // Nobody has said for how long it holds.
        duration: NonZeroU32::new(1),
        flags: Flags::SYNC,
        data: tag.into(),
    }
}

/// ID3v2.4 with one `TXXX`: a description and a value, in UTF-8.
fn text_tag(description: &str, value: &str) -> Vec<u8> {
    let body = [&[3], description.as_bytes(), &[0], value.as_bytes()].concat();
    let frame = [b"TXXX", &length(body.len())[..], &[0, 0], &body].concat();
    [b"ID3", &[4, 0, 0][..], &length(frame.len()), &frame].concat()
}

/// 7 bits in each byte.
fn length(len: usize) -> [u8; 4] {
    [21, 14, 7, 0].map(|shift| (len >> shift & 0x7F) as u8)
}

fn json(value: &Value, depth: usize) -> serde_json::Value {
    match value {
        Value::Text(text) => text.as_str().into(),
        Value::Number(number) => (*number).into(),
        Value::Bool(truth) => (*truth).into(),
        Value::List(list) if depth < 8 => list.iter().map(|one| json(one, depth + 1)).collect(),
        Value::Map(map) if depth < 8 => map
            .iter()
            .map(|(name, one)| (name.clone(), json(one, depth + 1)))
            .collect(),
        _ => serde_json::Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(name: &str, value: Value) -> Metadata {
        Metadata {
            entries: vec![(name.into(), value)],
        }
    }

    #[test]
    fn data_messages_become_tags() {
        let text = Value::Map(vec![("text".into(), Value::Text("hello".into()))]);
        let made = tag(&message("onTextData", text.clone())).unwrap();
        let value = b"{\"text\":\"hello\"}";
        assert_eq!(made[..10], [b'I', b'D', b'3', 4, 0, 0, 0, 0, 0, 38]);
        assert_eq!(made[10..20], *b"TXXX\0\0\0\x1c\0\0");
        assert_eq!(made[20..], [b"\x03onTextData\0", &value[..]].concat());
        // What is a tag already stays as it is.
        let base64 = Value::Text("SUQzBAAAAAAAAAAAAAAAAAAAAA==".into());
        assert!(
            tag(&message("onID3", base64))
                .unwrap()
                .starts_with(b"ID3\x04\0\0\0")
        );
        assert_eq!(tag(&message("onMetaData", text.clone())), None);
        assert_eq!(tag(&message("width", text.clone())), None);
        let long = Value::Text("x".repeat(MOST));
        assert_eq!(tag(&message("onTextData", long)), None);
    }
}
