use super::container::container;
use super::header::{put_version_and_flags, version_and_flags};
use super::{FourCc, IsoBox, Meta};
use crate::Error;
use alloc::vec::Vec;
use wire::{Reader, Writer};

container! {
    /// What the author has to say (ISO/IEC 14496-12 §8.10.1). QuickTime's texts (`©nam`, ...) are in `other`.
    Udta b"udta" {
        /// iTunes' metadata.
        optional meta: Meta,
        /// Nero's chapters.
        optional chpl: Chpl,
        /// What a track is for.
        many kinds: Kind,
    }
}

/// Chapters, as Nero writes them.
///
/// ```text
/// version u8 | flags u24 = 0 | version 1: reserved u32 | chapter_count u8
/// each: start u64 in units of 100 ns | title_length u8 | title
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Chpl {
    /// 0 or 1.
    pub version: u8,
    /// Start of each, in units of 100 ns, and its title in UTF-8.
    pub chapters: Vec<(u64, Vec<u8>)>,
}

impl IsoBox for Chpl {
    const TYPE: FourCc = FourCc(*b"chpl");

    fn decode_body(r: &mut Reader<'_>) -> Result<Self, Error> {
        let (version, _) = version_and_flags(r)?;
        if version > 0 {
            r.skip(4, "reserved")?;
        }
        let chapter_count = r.u8("chapter_count")?;
        let mut chapters = Vec::new();
        for _ in 0..chapter_count {
            let start = r.u64("start")?;
            let len = r.u8("title_length")?;
            chapters.push((start, r.take(len.into(), "title")?.into()));
        }
        Ok(Self { version, chapters })
    }

    fn encode_body(&self, w: &mut Writer<'_>) -> Result<(), Error> {
        let byte = |what, len: usize| {
            u8::try_from(len).map_err(|_| wire::TooLong {
                what,
                value: len as u64,
                max: u8::MAX.into(),
            })
        };
        put_version_and_flags(w, self.version, 0);
        if self.version > 0 {
            w.u32(0);
        }
        w.u8(byte("chapter_count", self.chapters.len())?);
        for (start, title) in &self.chapters {
            w.u64(*start)
                .u8(byte("title_length", title.len())?)
                .bytes(title);
        }
        Ok(())
    }

    fn body_len(&self) -> usize {
        let fields = if self.version > 0 { 9 } else { 5 };
        let lens = self
            .chapters
            .iter()
            .map(|(_, title)| title.len().saturating_add(9));
        lens.fold(fields, usize::saturating_add)
    }
}

/// What a track is for (ISO/IEC 14496-12 §8.10.4).
///
/// ```text
/// version u8 = 0 | flags u24 = 0 | schemeURI and value, each with a zero at its end
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kind {
    /// Who defines the value: `urn:mpeg:dash:role:2011`.
    pub scheme_uri: Vec<u8>,
    /// The value: `caption`, `commentary`, ...
    pub value: Vec<u8>,
}

/// Reads text up to a zero, which may be missing at the end.
fn text(r: &mut Reader<'_>) -> Result<Vec<u8>, wire::Short> {
    let len = r.peek().iter().position(|byte| *byte == 0);
    let text = r.take(len.unwrap_or(r.left()), "text")?.into();
    if !r.is_empty() {
        r.skip(1, "end of text")?;
    }
    Ok(text)
}

impl IsoBox for Kind {
    const TYPE: FourCc = FourCc(*b"kind");

    fn decode_body(r: &mut Reader<'_>) -> Result<Self, Error> {
        version_and_flags(r)?;
        Ok(Self {
            scheme_uri: text(r)?,
            value: text(r)?,
        })
    }

    fn encode_body(&self, w: &mut Writer<'_>) -> Result<(), Error> {
        put_version_and_flags(w, 0, 0);
        w.bytes(&self.scheme_uri).u8(0).bytes(&self.value).u8(0);
        Ok(())
    }

    fn body_len(&self) -> usize {
        let texts = self.scheme_uri.len().saturating_add(self.value.len());
        texts.saturating_add(6)
    }
}

/// The language of a track by its tag of RFC 4646, where three letters are not enough (ISO/IEC 14496-12 §8.4.6).
///
/// ```text
/// version u8 = 0 | flags u24 = 0 | extended_language with a zero at its end
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Elng {
    /// The tag: `en-US`.
    pub extended_language: Vec<u8>,
}

impl IsoBox for Elng {
    const TYPE: FourCc = FourCc(*b"elng");

    fn decode_body(r: &mut Reader<'_>) -> Result<Self, Error> {
        version_and_flags(r)?;
        Ok(Self {
            extended_language: text(r)?,
        })
    }

    fn encode_body(&self, w: &mut Writer<'_>) -> Result<(), Error> {
        put_version_and_flags(w, 0, 0);
        w.bytes(&self.extended_language).u8(0);
        Ok(())
    }

    fn body_len(&self) -> usize {
        self.extended_language.len().saturating_add(5)
    }
}
