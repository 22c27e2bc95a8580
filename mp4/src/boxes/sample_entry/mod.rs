//! How samples are coded: the entries of `stsd`.

mod audio;
mod record;
mod text;
mod visual;

use super::container::{Slot, children_len, put_children};
use super::{Child, FourCc, Raw};
use crate::Error;
use wire::Writer;

pub use audio::{AudioSampleEntry, SoundDescription, Wave};
pub use record::{Av1C, AvcC, Btrt, Clap, DOps, Dac3, Dec3, DfLa, HvcC, Pasp, Uri, VpcC, VttC};
pub use text::{MetaSampleEntry, Tx3gSampleEntry};
pub use visual::VisualSampleEntry;

/// How samples are coded: one entry of [`Stsd`](super::Stsd).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SampleEntry {
    /// Video: `avc1`, `avc3` and the other codecs with the same fields.
    Visual(VisualSampleEntry),
    /// Sound: `mp4a` and the other codecs with the same fields, QuickTime's sound descriptions among them.
    Audio(AudioSampleEntry),
    /// Text and metadata: `wvtt`, `stpp`, `mett`, ...
    Meta(MetaSampleEntry),
    /// Timed text of 3GPP: `tx3g`.
    Tx3g(Tx3gSampleEntry),
    /// Any other kind, and what is damaged.
    Other(Raw),
}

const VISUAL: [&[u8; 4]; 22] = [
    b"avc1", b"avc2", b"avc3", b"avc4", b"hvc1", b"hev1", b"av01", b"vp08", b"vp09", b"mp4v",
    b"encv", b"dvh1", b"dvhe", b"dvav", b"dva1", b"vvc1", b"s263", b"H263", b"apch", b"apcn",
    b"jpeg", b"png ",
];
const AUDIO: [&[u8; 4]; 30] = [
    b"mp4a", b"ac-3", b"ec-3", b"ac-4", b"Opus", b"fLaC", b"enca", b".mp3", b"alac", b"samr",
    b"sawb", b"mha1", b"mhm1", b"dtsc", b"dtse", b"dtsh", b"dtsl", b"ipcm", b"fpcm", b"lpcm",
    b"sowt", b"twos", b"raw ", b"in24", b"in32", b"fl32", b"fl64", b"ulaw", b"alaw", b"ms\0U",
];

impl SampleEntry {
    /// Reads an entry of an `stsd` of this version.
    pub(crate) fn decode(child: &Child<'_>, stsd_version: u8) -> Self {
        let format = child.header.box_type;
        let body = &mut child.body();
        let entry = if VISUAL.contains(&&format.0) {
            VisualSampleEntry::decode(format, body).map(Self::Visual)
        } else if AUDIO.contains(&&format.0) {
            AudioSampleEntry::decode(format, body, stsd_version).map(Self::Audio)
        } else if MetaSampleEntry::strings_of(format).is_some() {
            MetaSampleEntry::decode(format, body).map(Self::Meta)
        } else if format == Tx3gSampleEntry::FORMAT {
            Tx3gSampleEntry::decode(body).map(Self::Tx3g)
        } else {
            Ok(Self::Other(Raw::new(child.bytes(), None)))
        };
        entry.unwrap_or_else(|error| Self::Other(Raw::new(child.bytes(), Some(error))))
    }

    /// The codec's name; `None` where a damaged entry has none.
    #[must_use]
    pub fn format(&self) -> Option<FourCc> {
        match self {
            Self::Visual(entry) => Some(entry.format),
            Self::Audio(entry) => Some(entry.format),
            Self::Meta(entry) => Some(entry.format),
            Self::Tx3g(_) => Some(Tx3gSampleEntry::FORMAT),
            Self::Other(raw) => raw.box_type(),
        }
    }

    pub(crate) fn put(&self, w: &mut Writer<'_>) -> Result<(), Error> {
        match self {
            Self::Visual(entry) => entry.put(w),
            Self::Audio(entry) => entry.put(w),
            Self::Meta(entry) => entry.put(w),
            Self::Tx3g(entry) => entry.put(w),
            Self::Other(raw) => {
                raw.put(w);
                Ok(())
            }
        }
    }

    pub(super) fn encoded_len(&self) -> usize {
        match self {
            Self::Visual(entry) => entry.encoded_len(),
            Self::Audio(entry) => entry.encoded_len(),
            Self::Meta(entry) => entry.encoded_len(),
            Self::Tx3g(entry) => entry.encoded_len(),
            Self::Other(raw) => raw.bytes.len(),
        }
    }
}

/// The optional boxes of a sample entry: which fields they are in, told once for reading, writing and counting.
macro_rules! entry_boxes {
    ($entry:ident: $($field:ident)*) => {
        impl $entry {
            fn read_boxes(&mut self, r: &mut wire::Reader<'_>) {
                self.other = $crate::boxes::container::each_child(r, |child| {
                    $( if self.$field.wants(child) { return self.$field.read_child(child); } )*
                    Some($crate::boxes::Raw::new(child.bytes(), None))
                });
            }

            fn put_boxes(&self, w: &mut wire::Writer<'_>) -> Result<(), $crate::Error> {
                $( super::put_children(w, &self.$field)?; )*
                self.other.iter().for_each(|raw| raw.put(w));
                Ok(())
            }

            fn boxes_len(&self) -> usize {
                let len = $crate::boxes::container::raw_len(&self.other);
                $( let len = len.saturating_add(super::children_len(&self.$field)); )*
                len
            }
        }
    };
}

use entry_boxes;
