use super::{Describe, Descriptor, Registration};
use crate::Error;
use crate::psi::sized_u12;
use alloc::vec::Vec;
use core::fmt;
use wire::{LengthOf, Reader, Writer};

/// A loop of descriptors, as its bytes.
///
/// ```
/// use fluvial_mpegts::psi::{Descriptors, descriptor::{Iso639, Iso639Language, StreamIdentifier}};
///
/// let mut descriptors = Descriptors::new();
/// let language = Iso639Language { iso_639_language_code: *b"deu", audio_type: 0 };
/// descriptors.push(&Iso639 { languages: vec![language] })?;
/// assert_eq!(descriptors.as_bytes(), [0x0A, 4, b'd', b'e', b'u', 0]);
/// let found: Iso639 = descriptors.find().unwrap();
/// assert_eq!(found.languages[0].iso_639_language_code, *b"deu");
/// assert_eq!(descriptors.find::<StreamIdentifier>(), None);
/// # Ok::<(), fluvial_mpegts::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Default, Hash)]
pub struct Descriptors {
    bytes: Vec<u8>,
}

/// One descriptor of a loop, as its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawDescriptor<'a> {
    /// `descriptor_tag`, 8 bits.
    pub tag: u8,
    /// What follows `descriptor_length`.
    pub data: &'a [u8],
}

/// `descriptor_tag` of the extension descriptor of DVB, whose first byte is a further tag.
const EXTENSION: u8 = 0x7F;

impl Descriptors {
    /// None.
    #[must_use]
    pub const fn new() -> Self {
        Self { bytes: Vec::new() }
    }

    /// From the bytes of a loop, whatever they are.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self {
            bytes: bytes.to_vec(),
        }
    }

    /// The bytes of the loop.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The descriptors in order, up to one that runs out of the loop.
    #[must_use]
    pub fn iter(&self) -> Iter<'_> {
        Iter { rest: &self.bytes }
    }

    /// The first descriptor of a kind that can be read.
    #[must_use]
    pub fn find<D: Describe>(&self) -> Option<D> {
        self.iter()
            .filter(RawDescriptor::is::<D>)
            .find_map(|raw| raw.decode().ok())
    }

    /// Whether there is a descriptor of a kind, damaged or not.
    #[must_use]
    pub fn has<D: Describe>(&self) -> bool {
        self.iter().any(|raw| raw.is::<D>())
    }

    /// The `format_identifier` of the first registration descriptor.
    #[must_use]
    pub fn format_identifier(&self) -> Option<[u8; 4]> {
        self.iter()
            .filter(RawDescriptor::is::<Registration>)
            .find_map(|raw| raw.data.first_chunk().copied())
    }

    /// Appends another loop.
    pub(crate) fn append(&mut self, other: &Descriptors) {
        self.bytes.extend_from_slice(&other.bytes);
    }

    /// Both halves of a loop of two descriptors or more.
    pub(crate) fn halves(&self) -> Option<(Descriptors, Descriptors)> {
        let middle = self.iter().count() / 2;
        let mut iter = self.iter();
        iter.by_ref().take(middle).for_each(drop);
        let first = self.bytes.len().saturating_sub(iter.rest().len());
        let (first, second) = self.bytes.split_at_checked(first)?;
        (!first.is_empty()).then(|| (Self::from_bytes(first), Self::from_bytes(second)))
    }

    /// Appends a descriptor.
    ///
    /// # Errors
    /// [`Error::TooLong`] where it has more than 255 bytes, or a value does not fit its field; nothing is appended then.
    pub fn push<D: Describe>(&mut self, descriptor: &D) -> Result<(), Error> {
        self.all_or_nothing(|w| put(w, descriptor))
    }

    /// Appends a descriptor of any kind.
    ///
    /// # Errors
    /// As of [`push`](Self::push).
    pub fn push_any(&mut self, descriptor: &Descriptor) -> Result<(), Error> {
        self.all_or_nothing(|w| descriptor.encode(w))
    }

    fn all_or_nothing(
        &mut self,
        put: impl FnOnce(&mut Writer<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let before = self.bytes.len();
        let done = put(&mut Writer::new(&mut self.bytes));
        if done.is_err() {
            self.bytes.truncate(before);
        }
        done
    }

    /// Writes the loop with its length in 12 bits before it.
    pub(crate) fn put_u12(
        &self,
        w: &mut Writer<'_>,
        what: &'static str,
        flags: u16,
    ) -> Result<(), Error> {
        sized_u12(w, what, flags, |w| {
            w.bytes(&self.bytes);
            Ok(())
        })
    }
}

impl fmt::Debug for Descriptors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut iter = self.iter();
        let mut list = f.debug_list();
        list.entries(iter.by_ref().map(RawDescriptor::typed));
        if !iter.rest.is_empty() {
            list.entry(&iter.rest);
        }
        list.finish()
    }
}

impl<'a> IntoIterator for &'a Descriptors {
    type Item = RawDescriptor<'a>;
    type IntoIter = Iter<'a>;
    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

impl<'a> RawDescriptor<'a> {
    /// Whether it is of this kind, by its tag.
    #[must_use]
    pub fn is<D: Describe>(&self) -> bool {
        let extension =
            D::EXTENSION_TAG.is_none() || D::EXTENSION_TAG == self.data.first().copied();
        self.tag == D::TAG && extension
    }

    /// Reads it as one of this kind.
    ///
    /// # Errors
    /// Those of [`Describe::decode`]; [`Error::Invalid`] where it is of another kind.
    pub fn decode<D: Describe>(&self) -> Result<D, Error> {
        if !self.is::<D>() {
            return Err(Error::Invalid {
                field: "descriptor_tag",
                value: self.tag.into(),
                offset: 0,
            });
        }
        let mut r = Reader::at(self.data, 2);
        if D::EXTENSION_TAG.is_some() {
            r.skip(1, "descriptor_tag_extension")?;
        }
        D::decode(&mut r)
    }

    /// It as what its tag says.
    #[must_use]
    pub fn typed(self) -> Descriptor {
        Descriptor::parse(self.tag, self.data)
    }

    /// `descriptor_tag_extension`, 8 bits, of an extension descriptor of DVB.
    #[must_use]
    pub const fn extension_tag(&self) -> Option<u8> {
        match self.data {
            [tag, ..] if self.tag == EXTENSION => Some(*tag),
            _ => None,
        }
    }
}

/// The descriptors of a loop, in order.
#[derive(Debug, Clone)]
pub struct Iter<'a> {
    rest: &'a [u8],
}

impl<'a> Iter<'a> {
    /// The descriptors in the bytes of a loop.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// What is left: after the end, the bytes of a descriptor that runs out of the loop.
    #[must_use]
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = RawDescriptor<'a>;

    fn next(&mut self) -> Option<RawDescriptor<'a>> {
        let ([tag, len], rest) = self.rest.split_first_chunk()?;
        let (data, rest) = rest.split_at_checked(usize::from(*len))?;
        self.rest = rest;
        Some(RawDescriptor { tag: *tag, data })
    }
}

/// Writes a descriptor with its tag and length.
pub(super) fn put<D: Describe>(w: &mut Writer<'_>, descriptor: &D) -> Result<(), Error> {
    w.u8(D::TAG);
    w.sized_u8("descriptor_length", LengthOf::Body, |w| {
        if let Some(tag) = D::EXTENSION_TAG {
            w.u8(tag);
        }
        descriptor.encode(w)
    })?;
    Ok(())
}
