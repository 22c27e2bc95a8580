use super::container::each_child;
use super::header::{count, put_version_and_flags, version_and_flags};
use super::{Child, FourCc, Hdlr, IsoBox, Raw};
use crate::Error;
use alloc::vec::Vec;
use bytes::Bytes;
use wire::{LengthOf, Reader, Writer};

/// Untimed metadata (ISO/IEC 14496-12 §8.11.1; QuickTime File Format, "Metadata Atom").
///
/// ```text
/// version u8 = 0 | flags u24 = 0 (not in QuickTime's) | boxes
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Meta {
    /// It begins with a box at once, as in QuickTime.
    pub quicktime: bool,
    /// The kind of metadata: `mdir` is iTunes', `mdta` goes by [`Keys`].
    pub hdlr: Option<Hdlr>,
    /// Names of the items.
    pub keys: Option<Keys>,
    /// The items.
    pub ilst: Option<Ilst>,
    /// Children that are not known here, or are damaged.
    pub other: Vec<Raw>,
}

impl IsoBox for Meta {
    const TYPE: FourCc = FourCc(*b"meta");

    fn decode_body(r: &mut Reader<'_>) -> Result<Self, Error> {
        let quicktime = r.peek().get(4..8) == Some(b"hdlr");
        if !quicktime {
            version_and_flags(r)?;
        }
        let mut meta = Self {
            quicktime,
            ..Self::default()
        };
        meta.other = each_child(r, |child| {
            use super::container::Slot;
            if meta.hdlr.wants(child) {
                meta.hdlr.read_child(child)
            } else if meta.keys.wants(child) {
                meta.keys.read_child(child)
            } else if meta.ilst.wants(child) {
                meta.ilst.read_child(child)
            } else {
                Some(Raw::new(child.bytes(), None))
            }
        });
        Ok(meta)
    }

    fn encode_body(&self, w: &mut Writer<'_>) -> Result<(), Error> {
        if !self.quicktime {
            put_version_and_flags(w, 0, 0);
        }
        super::container::put_children(w, &self.hdlr)?;
        super::container::put_children(w, &self.keys)?;
        super::container::put_children(w, &self.ilst)?;
        self.other.iter().for_each(|raw| raw.put(w));
        Ok(())
    }

    fn body_len(&self) -> usize {
        let lens = [
            super::container::children_len(&self.hdlr),
            super::container::children_len(&self.keys),
            super::container::children_len(&self.ilst),
            super::container::raw_len(&self.other),
        ];
        let start = if self.quicktime { 0 } else { 4 };
        lens.into_iter().fold(start, usize::saturating_add)
    }
}

/// Names of the items of [`Ilst`], which refer to them by index, from 1 (QuickTime File Format, "Metadata Item Keys
/// Atom").
///
/// ```text
/// version u8 = 0 | flags u24 = 0 | entry_count u32 | each: key_size u32 | key_namespace u32 | key_value
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Keys {
    /// Namespace (`mdta`) and name of each: `com.apple.quicktime.make`.
    pub entries: Vec<(FourCc, Bytes)>,
}

impl IsoBox for Keys {
    const TYPE: FourCc = FourCc(*b"keys");

    fn decode_body(r: &mut Reader<'_>) -> Result<Self, Error> {
        version_and_flags(r)?;
        r.u32("entry_count")?;
        let mut entries = Vec::new();
        while !r.is_empty() {
            let child = Child::decode(r)?;
            let name = Bytes::copy_from_slice(child.body().peek());
            entries.push((child.header.box_type, name));
        }
        Ok(Self { entries })
    }

    fn encode_body(&self, w: &mut Writer<'_>) -> Result<(), Error> {
        put_version_and_flags(w, 0, 0);
        w.u32(count("keys", self.entries.len())?);
        for (namespace, name) in &self.entries {
            w.sized_u32("key_size", LengthOf::FieldAndBody, |w| {
                w.bytes(&namespace.0).bytes(name);
                Ok::<(), Error>(())
            })?;
        }
        Ok(())
    }

    fn body_len(&self) -> usize {
        let lens = self
            .entries
            .iter()
            .map(|(_, name)| name.len().saturating_add(8));
        lens.fold(8, usize::saturating_add)
    }
}

/// The items of metadata (QuickTime File Format, "Metadata Item List Atom").
///
/// ```text
/// each: size u32 | name or index u32 | boxes: mean and name (for "----"), data
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ilst {
    /// The items, in order.
    pub items: Vec<Item>,
}

/// An item of [`Ilst`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Its name (`©nam`), or its index in [`Keys`] as four bytes.
    pub key: FourCc,
    /// Who named it, for `----`: `com.apple.iTunes`.
    pub mean: Option<Bytes>,
    /// Its name, for `----`.
    pub name: Option<Bytes>,
    /// Its values, mostly one.
    pub values: Vec<ItemValue>,
    /// Children that are not known here, or are damaged.
    pub other: Vec<Raw>,
}

/// A value of an [`Item`]: a `data` box.
///
/// ```text
/// type_set u8 = 0 | type u24 | locale u32 | value
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemValue {
    /// What it is: 0 by the item's name, 1 UTF-8, 2 UTF-16, 13 JPEG, 14 PNG, 21 signed and 22 unsigned number, ...
    pub type_indicator: u32,
    /// Country and language; 0: all.
    pub locale: u32,
    /// The value.
    pub value: Bytes,
}

impl Item {
    fn decode(child: &Child<'_>) -> Self {
        let mut item = Self {
            key: child.header.box_type,
            mean: None,
            name: None,
            values: Vec::new(),
            other: Vec::new(),
        };
        // After version and flags.
        let text = |child: &Child<'_>| child.body().peek().get(4..).map(Bytes::copy_from_slice);
        let other = each_child(&mut child.body(), |child| {
            match &child.header.box_type.0 {
                b"mean" if item.mean.is_none() => item.mean = text(child),
                b"name" if item.name.is_none() => item.name = text(child),
                b"data" => {
                    let mut r = child.body();
                    let (Ok(type_indicator), Ok(locale)) = (r.u32("type"), r.u32("locale")) else {
                        return Some(Raw::new(child.bytes(), None));
                    };
                    item.values.push(ItemValue {
                        type_indicator,
                        locale,
                        value: Bytes::copy_from_slice(r.rest()),
                    });
                }
                _ => return Some(Raw::new(child.bytes(), None)),
            }
            None
        });
        item.other = other;
        item
    }

    fn put(&self, w: &mut Writer<'_>) -> Result<(), Error> {
        w.sized_u32("item size", LengthOf::FieldAndBody, |w| {
            w.bytes(&self.key.0);
            for (name, text) in [(b"mean", &self.mean), (b"name", &self.name)] {
                if let Some(text) = text {
                    w.sized_u32("name size", LengthOf::FieldAndBody, |w| {
                        w.bytes(name).u32(0).bytes(text);
                        Ok::<(), Error>(())
                    })?;
                }
            }
            for value in &self.values {
                w.sized_u32("data size", LengthOf::FieldAndBody, |w| {
                    w.bytes(b"data")
                        .u32(value.type_indicator)
                        .u32(value.locale)
                        .bytes(&value.value);
                    Ok::<(), Error>(())
                })?;
            }
            self.other.iter().for_each(|raw| raw.put(w));
            Ok::<(), Error>(())
        })?;
        Ok(())
    }

    fn len(&self) -> usize {
        let names = [&self.mean, &self.name].into_iter().flatten();
        let names = names.map(|text| text.len().saturating_add(12));
        let values = self
            .values
            .iter()
            .map(|value| value.value.len().saturating_add(16));
        names
            .chain(values)
            .fold(8, usize::saturating_add)
            .saturating_add(super::container::raw_len(&self.other))
    }
}

impl IsoBox for Ilst {
    const TYPE: FourCc = FourCc(*b"ilst");

    fn decode_body(r: &mut Reader<'_>) -> Result<Self, Error> {
        let mut items = Vec::new();
        while !r.is_empty() {
            items.push(Item::decode(&Child::decode(r)?));
        }
        Ok(Self { items })
    }

    fn encode_body(&self, w: &mut Writer<'_>) -> Result<(), Error> {
        self.items.iter().try_for_each(|item| item.put(w))
    }

    fn body_len(&self) -> usize {
        self.items
            .iter()
            .map(Item::len)
            .fold(0, usize::saturating_add)
    }
}
