use super::{Btrt, Slot, Uri, VttC, entry_boxes};
use crate::Error;
use crate::boxes::{FourCc, Raw};
use alloc::vec::Vec;
use wire::{LengthOf, Reader, Writer};

/// Text and metadata that is described by strings (ISO/IEC 14496-12 §12.3.3, §12.5.3, §12.6.3; ISO/IEC 14496-30 §7.5).
///
/// ```text
/// reserved 6 bytes | data_reference_index u16 | strings, each with a zero at its end | boxes
/// ```
///
/// | format | strings |
/// |---|---|
/// | `mett`, `sbtt`, `stxt` | content encoding, MIME type |
/// | `metx` | content encoding, namespace, schema location |
/// | `stpp` | namespace, schema location, auxiliary MIME types |
/// | `wvtt`, `urim`, `c608`, `mebx` | none |
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetaSampleEntry {
    /// The kind: `stpp`, `wvtt`, ...
    pub format: FourCc,
    /// Entry of `dref`, from 1.
    pub data_reference_index: u16,
    /// The strings, without their zeros.
    pub strings: Vec<Vec<u8>>,
    /// WebVTT's header.
    pub vtt_c: Option<VttC>,
    /// What names the format, of `urim`.
    pub uri: Option<Uri>,
    /// Bit rate.
    pub btrt: Option<Btrt>,
    /// The boxes that are not known here, or are damaged.
    pub other: Vec<Raw>,
}

entry_boxes!(MetaSampleEntry: vtt_c uri btrt);

impl MetaSampleEntry {
    /// Number of strings that a format has.
    pub(super) fn strings_of(format: FourCc) -> Option<usize> {
        match &format.0 {
            b"mett" | b"sbtt" | b"stxt" => Some(2),
            b"metx" | b"stpp" => Some(3),
            b"wvtt" | b"urim" | b"c608" | b"mebx" => Some(0),
            _ => None,
        }
    }

    /// An entry of a format with these strings.
    #[must_use]
    pub fn new(format: FourCc, strings: &[&str]) -> Self {
        Self {
            format,
            data_reference_index: 1,
            strings: strings.iter().map(|text| text.as_bytes().into()).collect(),
            vtt_c: None,
            uri: None,
            btrt: None,
            other: Vec::new(),
        }
    }

    pub(super) fn decode(format: FourCc, r: &mut Reader<'_>) -> Result<Self, Error> {
        r.skip(6, "reserved")?;
        let mut entry = Self::new(format, &[]);
        entry.data_reference_index = r.u16("data_reference_index")?;
        for _ in 0..Self::strings_of(format).unwrap_or(0) {
            // The last of them may be left out, as shaka-packager does.
            if r.is_empty() {
                break;
            }
            let len = r.peek().iter().position(|byte| *byte == 0);
            let text = r.take(len.unwrap_or(usize::MAX), "string")?;
            r.skip(1, "end of string")?;
            entry.strings.push(text.into());
        }
        entry.read_boxes(r);
        Ok(entry)
    }

    pub(super) fn put(&self, w: &mut Writer<'_>) -> Result<(), Error> {
        w.sized_u32("sample entry size", LengthOf::FieldAndBody, |w| {
            w.bytes(&self.format.0)
                .zeros(6)
                .u16(self.data_reference_index);
            for text in &self.strings {
                w.bytes(text).u8(0);
            }
            self.put_boxes(w)
        })?;
        Ok(())
    }

    pub(super) fn encoded_len(&self) -> usize {
        let strings = self.strings.iter().map(|text| text.len().saturating_add(1));
        strings.fold(self.boxes_len().saturating_add(16), usize::saturating_add)
    }
}

/// Timed text of 3GPP (3GPP TS 26.245 §5.16).
///
/// ```text
/// reserved 6 bytes | data_reference_index u16 | displayFlags u32 | horizontal-justification i8
/// vertical-justification i8 | background-color-rgba 4 bytes | default-text-box 4 x i16 | default-style 12 bytes
/// boxes: ftab
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tx3gSampleEntry {
    /// Entry of `dref`, from 1.
    pub data_reference_index: u16,
    /// How text scrolls.
    pub display_flags: u32,
    /// 0: left, 1: centred, -1: right.
    pub horizontal_justification: i8,
    /// 0: top, 1: centred, -1: bottom.
    pub vertical_justification: i8,
    /// Colour behind the text: red, green, blue, opacity.
    pub background_color_rgba: [u8; 4],
    /// Top, left, bottom and right edge of the text, in pixels of the track.
    pub default_text_box: [i16; 4],
    /// Start and end character, font, style, size and colour.
    pub default_style: [u8; 12],
    /// The boxes: `ftab`, the fonts.
    pub other: Vec<Raw>,
}

entry_boxes!(Tx3gSampleEntry:);

impl Tx3gSampleEntry {
    /// Its name.
    pub const FORMAT: FourCc = FourCc(*b"tx3g");

    pub(super) fn decode(r: &mut Reader<'_>) -> Result<Self, Error> {
        r.skip(6, "reserved")?;
        let mut entry = Self {
            data_reference_index: r.u16("data_reference_index")?,
            display_flags: r.u32("displayFlags")?,
            horizontal_justification: r.i8("horizontal-justification")?,
            vertical_justification: r.i8("vertical-justification")?,
            background_color_rgba: *r.array("background-color-rgba")?,
            default_text_box: [
                r.i16("top")?,
                r.i16("left")?,
                r.i16("bottom")?,
                r.i16("right")?,
            ],
            default_style: *r.array("default-style")?,
            other: Vec::new(),
        };
        entry.read_boxes(r);
        Ok(entry)
    }

    pub(super) fn put(&self, w: &mut Writer<'_>) -> Result<(), Error> {
        w.sized_u32("sample entry size", LengthOf::FieldAndBody, |w| {
            w.bytes(&Self::FORMAT.0)
                .zeros(6)
                .u16(self.data_reference_index)
                .u32(self.display_flags)
                .i8(self.horizontal_justification)
                .i8(self.vertical_justification)
                .bytes(&self.background_color_rgba);
            for edge in self.default_text_box {
                w.i16(edge);
            }
            w.bytes(&self.default_style);
            self.put_boxes(w)
        })?;
        Ok(())
    }

    pub(super) fn encoded_len(&self) -> usize {
        self.boxes_len().saturating_add(46)
    }
}
