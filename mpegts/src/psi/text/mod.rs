//! Text in service information (ETSI EN 300 468 Annex A).

mod tables;

use super::descriptor::Field;
use crate::Error;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use wire::{Reader, Writer};

/// Text as service information has it: its bytes, whose first ones say in which character table they are.
///
/// ```
/// use fluvial_mpegts::psi::Text;
///
/// // ISO/IEC 6937, where accents stand before their letters; ISO/IEC 8859-5; UTF-8.
/// assert_eq!(Text::from_bytes(b"Z\xC8urich").to_string(), "Zürich");
/// assert_eq!(Text::from_bytes(&[0x01, 0xBC, 0xD8, 0xE0]).to_string(), "Мир");
/// assert_eq!(Text::new("Đà Nẵng").to_string(), "Đà Nẵng");
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Text {
    bytes: Vec<u8>,
}

/// In which character table the bytes after the first ones are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CharacterTable {
    /// ISO/IEC 6937, the one without a sign.
    Iso6937,
    /// ISO/IEC 8859, the part with this number, 1 to 15 without 12.
    Iso8859(u8),
    /// The basic multilingual plane of ISO/IEC 10646, two bytes each.
    Ucs2,
    /// UTF-8.
    Utf8,
    /// Another, which is not decoded here: Korean, Chinese, private ones.
    Other(u8),
}

impl Text {
    /// Text in the simplest table that has it: ISO/IEC 6937 for what is ASCII, UTF-8 for the rest.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let mut bytes = Vec::new();
        if !text.bytes().all(|byte| matches!(byte, 0x20..=0x7E)) {
            bytes.push(0x15);
        }
        bytes.extend_from_slice(text.as_bytes());
        Self { bytes }
    }

    /// From its bytes, whatever they are.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self {
            bytes: bytes.to_vec(),
        }
    }

    /// Its bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Its character table, and the bytes that are in it.
    #[must_use]
    pub fn character_table(&self) -> (CharacterTable, &[u8]) {
        use CharacterTable as T;
        match self.bytes.as_slice() {
            [first @ 0x01..=0x07, rest @ ..] => (T::Iso8859(first.saturating_add(4)), rest),
            [first @ 0x09..=0x0B, rest @ ..] => (T::Iso8859(first.saturating_add(4)), rest),
            [0x10, 0, part @ (1..=11 | 13..=15), rest @ ..] => (T::Iso8859(*part), rest),
            [0x11, rest @ ..] => (T::Ucs2, rest),
            [0x15, rest @ ..] => (T::Utf8, rest),
            [first @ 0x00..0x20, rest @ ..] => (T::Other(*first), rest),
            bytes => (T::Iso6937, bytes),
        }
    }

    /// The text; U+FFFD stands for what cannot be decoded. Marks for emphasis are left out, line breaks are `\n`.
    #[must_use]
    pub fn decode(&self) -> String {
        let (table, bytes) = self.character_table();
        match table {
            CharacterTable::Iso6937 => iso_6937(bytes),
            CharacterTable::Iso8859(part) => bytes
                .iter()
                .filter_map(|byte| iso_8859(part, *byte))
                .collect(),
            CharacterTable::Ucs2 => {
                let (pairs, _) = bytes.as_chunks::<2>();
                let units = pairs.iter().map(|pair| u16::from_be_bytes(*pair));
                char::decode_utf16(units)
                    .map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER))
                    .filter_map(control)
                    .collect()
            }
            CharacterTable::Utf8 => String::from_utf8_lossy(bytes)
                .chars()
                .filter_map(control)
                .collect(),
            CharacterTable::Other(_) => bytes
                .iter()
                .map(|byte| match byte {
                    0x20..=0x7E => char::from(*byte),
                    _ => char::REPLACEMENT_CHARACTER,
                })
                .collect(),
        }
    }
}

/// A character without those that are marks for display: 0x8A and U+E08A are line breaks, their neighbours emphasis or reserved.
const fn control(character: char) -> Option<char> {
    match character {
        '\u{8A}' | '\u{E08A}' | '\n' => Some('\n'),
        '\0'..' ' | '\u{7F}'..='\u{9F}' | '\u{E080}'..='\u{E09F}' => None,
        character => Some(character),
    }
}

/// The character of a byte from 0xA0 on.
fn upper(half: &[u16; 96], byte: u8) -> char {
    let code = usize::from(byte)
        .checked_sub(0xA0)
        .and_then(|index| half.get(index));
    code.and_then(|code| char::from_u32(u32::from(*code)))
        .unwrap_or(char::REPLACEMENT_CHARACTER)
}

fn iso_8859(part: u8, byte: u8) -> Option<char> {
    let half = match (part, byte) {
        (_, ..0xA0) | (1, _) => return control(char::from(byte)),
        (2, _) => &tables::ISO_8859_2,
        (3, _) => &tables::ISO_8859_3,
        (4, _) => &tables::ISO_8859_4,
        (5, _) => &tables::ISO_8859_5,
        (6, _) => &tables::ISO_8859_6,
        (7, _) => &tables::ISO_8859_7,
        (8, _) => &tables::ISO_8859_8,
        (9, _) => &tables::ISO_8859_9,
        (10, _) => &tables::ISO_8859_10,
        (11, _) => &tables::ISO_8859_11,
        (13, _) => &tables::ISO_8859_13,
        (14, _) => &tables::ISO_8859_14,
        (15, _) => &tables::ISO_8859_15,
        _ => return Some(char::REPLACEMENT_CHARACTER),
    };
    Some(upper(half, byte))
}

fn iso_6937(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    let mut bytes = bytes.iter().copied();
    while let Some(byte) = bytes.next() {
        let accent = tables::ACCENTS.iter().find(|(code, ..)| *code == byte);
        match (accent, byte) {
            (Some((_, combining, letters, composed)), _) => {
                let Some(letter) = bytes.next() else {
                    out.push(char::REPLACEMENT_CHARACTER);
                    break;
                };
                let mut pairs = letters.bytes().zip(composed.chars());
                match pairs.find(|(plain, _)| *plain == letter) {
                    Some((_, composed)) => out.push(composed),
                    None => out.extend([upper_or_ascii(letter), *combining]),
                }
            }
            (None, ..0xA0) => out.extend(control(char::from(byte))),
            (None, _) => out.push(upper(&tables::ISO_6937, byte)),
        }
    }
    out
}

fn upper_or_ascii(byte: u8) -> char {
    match byte {
        0x20..=0x7E => char::from(byte),
        _ => upper(&tables::ISO_6937, byte),
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.decode())
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.decode())
    }
}

/// To the end.
impl Field for Text {
    fn get(r: &mut Reader<'_>, _: &'static str) -> Result<Self, Error> {
        Ok(Self::from_bytes(r.rest()))
    }
    fn put(&self, w: &mut Writer<'_>, _: &'static str) -> Result<(), Error> {
        w.bytes(&self.bytes);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decoded(bytes: &[u8]) -> String {
        Text::from_bytes(bytes).decode()
    }

    #[test]
    fn every_way_to_name_a_table() {
        assert_eq!(decoded(b"BBC ONE"), "BBC ONE");
        assert_eq!(decoded(b"\xA4 5 \xC2e\xCFS\xFBx"), "€ 5 éŠßx");
        assert_eq!(decoded(b"\xC1q \xC1"), "q\u{300} \u{FFFD}");
        assert_eq!(decoded(&[0x05, 0xDD, 0xFE]), "İş");
        assert_eq!(decoded(&[0x10, 0, 2, 0xB3]), "ł");
        assert_eq!(decoded(&[0x10, 0, 1, 0xFC, 0x8A, 0x86, 0x61]), "ü\na");
        assert_eq!(decoded(&[0x0B, 0xA4]), "€");
        assert_eq!(
            decoded(&[0x11, 0x04, 0x16, 0xE0, 0x8A, 0x4E, 0x2D]),
            "Ж\n中"
        );
        assert_eq!(decoded("\u{15}中\u{E086}文".as_bytes()), "中文");
        assert_eq!(decoded(&[0x13, 0x41, 0xD6]), "A\u{FFFD}");
        assert_eq!(decoded(&[]), "");
        assert_eq!(
            Text::from_bytes(&[0x03, 1]).character_table(),
            (CharacterTable::Iso8859(7), &[1][..])
        );
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(text in "[^\u{0}-\u{1F}\u{7F}-\u{9F}\u{E080}-\u{E09F}]*") {
            prop_assert_eq!(Text::new(&text).decode(), text);
        }

        #[test]
        fn anything_is_decoded(bytes: Vec<u8>) {
            let text = Text::from_bytes(&bytes);
            prop_assert!(text.decode().chars().count() <= 2 * bytes.len());
            prop_assert_eq!(text.as_bytes(), &bytes[..]);
        }
    }
}
