use super::{Array, External, MAX_U29, Object, Traits, Value, Vector, marker};
use crate::Error;
use alloc::borrow::Cow;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use wire::TooLong;

/// Encodes values one after the other, as they stand in a message body. They share their references: text that comes again and
/// traits that come again are referred to.
///
/// # Errors
/// [`Error::TooLong`] for text, bytes or counts past 28 bits; [`Error::State`] for an object without a value for each of its sealed
/// properties.
pub fn encode(values: &[Value<'_>], out: &mut Vec<u8>) -> Result<(), Error> {
    let mut encoder = Encoder {
        out,
        strings: BTreeMap::new(),
        traits: Vec::new(),
    };
    values.iter().try_for_each(|value| encoder.value(value))
}

struct Encoder<'v, 'o> {
    out: &'o mut Vec<u8>,
    strings: BTreeMap<&'v str, u32>,
    /// Traits, and the classes of external objects.
    traits: Vec<Known<'v>>,
}

#[derive(PartialEq, Eq)]
enum Known<'v> {
    Traits(&'v Traits<'v>),
    External(&'v str),
}

impl<'v> Encoder<'v, '_> {
    fn value(&mut self, value: &'v Value<'_>) -> Result<(), Error> {
        match value {
            Value::Undefined => self.out.push(marker::UNDEFINED),
            Value::Null => self.out.push(marker::NULL),
            Value::Boolean(false) => self.out.push(marker::FALSE),
            Value::Boolean(true) => self.out.push(marker::TRUE),
            Value::Integer(number) => {
                if (-(1 << 28)..1 << 28).contains(number) {
                    self.out.push(marker::INTEGER);
                    self.u29(number.cast_unsigned() & MAX_U29)?;
                } else {
                    self.double(marker::DOUBLE, f64::from(*number));
                }
            }
            Value::Double(number) => self.double(marker::DOUBLE, *number),
            Value::String(text) => {
                self.out.push(marker::STRING);
                self.string(text)?;
            }
            Value::XmlDocument(text) => self.blob(marker::XML_DOCUMENT, text.as_bytes())?,
            Value::Xml(text) => self.blob(marker::XML, text.as_bytes())?,
            Value::ByteArray(data) => self.blob(marker::BYTE_ARRAY, data)?,
            Value::Date(millis) => {
                self.out.extend_from_slice(&[marker::DATE, 1]);
                self.out.extend_from_slice(&millis.to_be_bytes());
            }
            Value::Array(array) => self.array(array)?,
            Value::Object(object) => self.object(object)?,
            Value::External(external) => self.external(external)?,
            Value::Vector(vector) => self.vector(vector)?,
            Value::Dictionary { weak_keys, entries } => {
                self.out.push(marker::DICTIONARY);
                self.inline(entries.len())?;
                self.out.push((*weak_keys).into());
                for (key, value) in entries {
                    self.value(key)?;
                    self.value(value)?;
                }
            }
            Value::Reference(index) => {
                // Any marker of what can be referred to does; this is the one that all readers take.
                self.out.push(marker::OBJECT);
                self.reference(*index)?;
            }
        }
        Ok(())
    }

    /// Seven bits in each byte, all eight of the fourth (§1.3.1).
    fn u29(&mut self, value: u32) -> Result<(), TooLong> {
        let byte = |shift: u32| {
            let [.., low] = (value >> shift).to_be_bytes();
            low
        };
        match value {
            0..0x80 => self.out.push(byte(0)),
            0x80..0x4000 => self
                .out
                .extend_from_slice(&[byte(7) | 0x80, byte(0) & 0x7F]),
            0x4000..0x20_0000 => {
                let bytes = [byte(14) | 0x80, byte(7) | 0x80, byte(0) & 0x7F];
                self.out.extend_from_slice(&bytes);
            }
            0x20_0000..=MAX_U29 => {
                let bytes = [byte(22) | 0x80, byte(15) | 0x80, byte(8) | 0x80, byte(0)];
                self.out.extend_from_slice(&bytes);
            }
            _ => {
                return Err(TooLong {
                    what: "U29",
                    value: value.into(),
                    max: MAX_U29.into(),
                });
            }
        }
        Ok(())
    }

    fn reference(&mut self, index: u32) -> Result<(), TooLong> {
        self.u29(index.saturating_mul(2))
    }

    /// The head of something that follows: a length, a count or flags.
    fn inline(&mut self, count: usize) -> Result<(), TooLong> {
        match u32::try_from(count) {
            Ok(count) if count <= MAX_U29 >> 1 => self.u29(count << 1 | 1),
            _ => Err(TooLong {
                what: "AMF3 count",
                value: count as u64,
                max: (MAX_U29 >> 1).into(),
            }),
        }
    }

    fn double(&mut self, marker: u8, number: f64) {
        self.out.push(marker);
        self.out.extend_from_slice(&number.to_be_bytes());
    }

    fn blob(&mut self, marker: u8, data: &[u8]) -> Result<(), TooLong> {
        self.out.push(marker);
        self.inline(data.len())?;
        self.out.extend_from_slice(data);
        Ok(())
    }

    fn string(&mut self, text: &'v str) -> Result<(), TooLong> {
        if text.is_empty() {
            self.out.push(1);
            return Ok(());
        }
        if let Some(index) = self.strings.get(text) {
            return self.reference(*index);
        }
        let index = u32::try_from(self.strings.len()).unwrap_or(u32::MAX);
        self.strings.insert(text, index);
        self.inline(text.len())?;
        self.out.extend_from_slice(text.as_bytes());
        Ok(())
    }

    fn pairs(&mut self, pairs: &'v [(Cow<'_, str>, Value<'_>)]) -> Result<(), Error> {
        // An empty name would end them.
        for (name, value) in pairs.iter().filter(|(name, _)| !name.is_empty()) {
            self.string(name)?;
            self.value(value)?;
        }
        self.out.push(1);
        Ok(())
    }

    fn array(&mut self, array: &'v Array<'_>) -> Result<(), Error> {
        self.out.push(marker::ARRAY);
        self.inline(array.dense.len())?;
        self.pairs(&array.associative)?;
        array.dense.iter().try_for_each(|value| self.value(value))
    }

    /// Refers to traits that were there before; true where they are new and must follow their flags.
    fn traits(&mut self, known: Known<'v>, flags: usize) -> Result<bool, TooLong> {
        /// Looking through more costs more than writing them again.
        const LOOKED_AT: usize = 64;
        let found = self.traits.iter().take(LOOKED_AT).position(|k| *k == known);
        if let Some(index) = found.and_then(|index| u32::try_from(index).ok()) {
            self.u29(index << 2 | 1)?;
            return Ok(false);
        }
        self.traits.push(known);
        self.inline(flags)?;
        Ok(true)
    }

    fn object(&mut self, object: &'v Object<'_>) -> Result<(), Error> {
        let traits = &*object.traits;
        // What nobody could measure took the values behind it for its own when it was read.
        let cut_short = matches!(object.sealed.last(), Some(Value::External(_)))
            && object.sealed.len() < traits.sealed.len();
        if traits.sealed.len() != object.sealed.len() && !cut_short {
            return Err(Error::State("an object lacks values of sealed properties"));
        }
        self.out.push(marker::OBJECT);
        let count = traits.sealed.len();
        let flags = count << 3 | usize::from(traits.dynamic) << 2 | 1;
        if self.traits(Known::Traits(traits), flags)? {
            self.string(&traits.class)?;
            for name in &traits.sealed {
                self.string(name)?;
            }
        }
        for value in &object.sealed {
            self.value(value)?;
        }
        if traits.dynamic {
            self.pairs(&object.dynamic)?;
        }
        Ok(())
    }

    fn external(&mut self, external: &'v External<'_>) -> Result<(), Error> {
        let (External::Value { class, .. } | External::Bytes { class, .. }) = external;
        self.out.push(marker::OBJECT);
        if self.traits(Known::External(class), 3)? {
            self.string(class)?;
        }
        match external {
            External::Value { value, .. } => self.value(value)?,
            External::Bytes { data, .. } => self.out.extend_from_slice(data),
        }
        Ok(())
    }

    fn vector(&mut self, vector: &'v Vector<'_>) -> Result<(), Error> {
        let mut head = |marker, count, fixed: bool| {
            self.out.push(marker);
            self.inline(count)?;
            self.out.push(fixed.into());
            Ok::<_, TooLong>(())
        };
        match vector {
            Vector::Int { fixed, items } => {
                head(marker::VECTOR_INT, items.len(), *fixed)?;
                let bytes = items.iter().flat_map(|item| item.to_be_bytes());
                self.out.extend(bytes);
            }
            Vector::Uint { fixed, items } => {
                head(marker::VECTOR_UINT, items.len(), *fixed)?;
                let bytes = items.iter().flat_map(|item| item.to_be_bytes());
                self.out.extend(bytes);
            }
            Vector::Double { fixed, items } => {
                head(marker::VECTOR_DOUBLE, items.len(), *fixed)?;
                let bytes = items.iter().flat_map(|item| item.to_be_bytes());
                self.out.extend(bytes);
            }
            Vector::Object {
                fixed,
                class,
                items,
            } => {
                head(marker::VECTOR_OBJECT, items.len(), *fixed)?;
                self.string(class)?;
                for item in items {
                    self.value(item)?;
                }
            }
        }
        Ok(())
    }
}
