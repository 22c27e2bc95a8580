use super::Movie;
use crate::boxes::{
    Children, FourCc, Header, Ilst, IsoBox, Item, ItemValue, Keys, Meta, Raw, Udta,
};
use crate::names::ITEMS;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use media::{Metadata, Time, Value};
use wire::Reader;

/// A chapter: where it begins, and its title.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chapter {
    /// Where it begins.
    pub start: Time,
    /// Its title.
    pub title: String,
}

impl Movie {
    /// Title, artist and what else `udta` and `meta` tell, read when it is asked for. Items that are known everywhere have
    /// names like `title`; others are named as the file does.
    #[must_use]
    pub fn metadata(&self) -> Metadata {
        metadata(&self.bytes)
    }

    /// The chapters that `udta` lists. Those of a text track are its samples: see
    /// [`references`](super::MovieTrack::references), `chap`.
    #[must_use]
    pub fn chapters(&self) -> Vec<Chapter> {
        let chpl = udta(&self.bytes).and_then(|udta| udta.chpl);
        let chapters = chpl.unwrap_or_default().chapters.into_iter();
        chapters
            .map(|(start, title)| Chapter {
                start: Time::from_nanos(
                    i64::try_from(start).unwrap_or(i64::MAX).saturating_mul(100),
                ),
                title: String::from_utf8_lossy(&title).into_owned(),
            })
            .collect()
    }
}

/// The children of a `moov`.
fn children(moov: &[u8]) -> Children<'_> {
    let mut r = Reader::new(moov);
    if Header::decode(&mut r).is_err() {
        r.rest();
    }
    Children::new(r)
}

fn udta(moov: &[u8]) -> Option<Udta> {
    let mut found = children(moov).map_while(Result::ok);
    let child = found.find(|child| child.header.box_type == Udta::TYPE)?;
    Udta::decode_body(&mut child.body()).ok()
}

/// What the `udta` and the `meta` of a `moov` tell.
pub(crate) fn metadata(moov: &[u8]) -> Metadata {
    let mut metadata = Metadata::default();
    for child in children(moov).map_while(Result::ok) {
        match &child.header.box_type.0 {
            b"meta" => {
                if let Ok(meta) = Meta::decode_body(&mut child.body()) {
                    add(&mut metadata, &meta);
                }
            }
            b"udta" => {
                if let Ok(udta) = Udta::decode_body(&mut child.body()) {
                    if let Some(meta) = &udta.meta {
                        add(&mut metadata, meta);
                    }
                    for raw in &udta.other {
                        metadata.entries.extend(quicktime(raw));
                    }
                }
            }
            _ => {}
        }
    }
    metadata
}

fn add(metadata: &mut Metadata, meta: &Meta) {
    let none = (Keys::default(), Ilst::default());
    let keys = meta.keys.as_ref().unwrap_or(&none.0);
    let items = &meta.ilst.as_ref().unwrap_or(&none.1).items;
    for item in items {
        let name = name(item, keys);
        let values = item.values.iter();
        let values = values.map(|found| (name.clone(), value(item.key, found)));
        metadata.entries.extend(values);
    }
}

/// A QuickTime text: its length, its language, itself.
fn quicktime(raw: &Raw) -> Option<(String, Value)> {
    let key = raw
        .box_type()
        .filter(|name| name.0.first() == Some(&0xA9))?;
    let mut r = Reader::new(raw.body());
    let len = r.u16("length").ok()?;
    r.skip(2, "language").ok()?;
    let text = r.take(len.into(), "text").ok()?;
    Some((
        code(key),
        Value::Text(String::from_utf8_lossy(text).into_owned()),
    ))
}

/// The name of an item that is known everywhere, or its four characters.
fn code(key: FourCc) -> String {
    match ITEMS.iter().find(|(_, code)| *code == key.0) {
        Some((name, _)) => (*name).to_string(),
        None => key.0.iter().map(|byte| char::from(*byte)).collect(),
    }
}

fn name(item: &Item, keys: &Keys) -> String {
    if let Some(name) = &item.name {
        let mean = item.mean.as_deref().unwrap_or_default();
        let name = String::from_utf8_lossy(name);
        return alloc::format!("{}:{name}", String::from_utf8_lossy(mean));
    }
    let index = usize::try_from(u32::from_be_bytes(item.key.0)).unwrap_or(usize::MAX);
    let key = index
        .checked_sub(1)
        .and_then(|index| keys.entries.get(index));
    match key {
        Some((_, name)) => String::from_utf8_lossy(name).into_owned(),
        None => code(item.key),
    }
}

fn value(key: FourCc, found: &ItemValue) -> Value {
    let bytes = &found.value;
    let number = |bytes: &[u8]| match *bytes {
        [a] => Some(f64::from(a.cast_signed())),
        [a, b] => Some(f64::from(i16::from_be_bytes([a, b]))),
        [a, b, c] => Some(f64::from(i32::from_be_bytes([a, b, c, 0]) >> 8)),
        [a, b, c, d] => Some(f64::from(i32::from_be_bytes([a, b, c, d]))),
        _ => None,
    };
    let found = match (found.type_indicator, &key.0) {
        (1, _) => Some(Value::Text(String::from_utf8_lossy(bytes).into_owned())),
        (2, _) => {
            let units = bytes
                .as_chunks::<2>()
                .0
                .iter()
                .map(|unit| u16::from_be_bytes(*unit));
            let text = char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER));
            Some(Value::Text(text.collect()))
        }
        (21 | 22, _) => number(bytes).map(Value::Number),
        // Number of the track or disk, and of how many.
        (0, b"trkn" | b"disk") => match bytes.as_ref() {
            [_, _, a, b, ..] => Some(Value::Number(f64::from(u16::from_be_bytes([*a, *b])))),
            _ => None,
        },
        (0, b"gnre") => number(bytes).map(Value::Number),
        _ => None,
    };
    found.unwrap_or_else(|| Value::Bytes(bytes.clone()))
}
