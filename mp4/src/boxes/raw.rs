use super::{Child, FourCc, Header};
use crate::Error;
use bytes::Bytes;
use wire::{Reader, Writer};

/// A box kept as it came: of a type that its container does not know, or damaged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raw {
    /// The whole box with its header; where no header can be read, what is left of the container.
    pub bytes: Bytes,
    /// What was wrong, if it is a box of a known type that cannot be read.
    pub error: Option<Error>,
}

impl Raw {
    pub(super) fn new(bytes: &[u8], error: Option<Error>) -> Self {
        Self {
            bytes: Bytes::copy_from_slice(bytes),
            error,
        }
    }

    /// A box of a type below 4 GiB; `None` where the body is longer.
    #[must_use]
    pub fn from_body(box_type: FourCc, body: &[u8]) -> Option<Self> {
        let size = u32::try_from(body.len().checked_add(8)?).ok()?;
        let bytes = [&size.to_be_bytes(), &box_type.0, body].concat();
        Some(Self {
            bytes: bytes.into(),
            error: None,
        })
    }

    /// Its type; `None` where there is no header.
    #[must_use]
    pub fn box_type(&self) -> Option<FourCc> {
        Some(Header::decode(&mut Reader::new(&self.bytes)).ok()?.box_type)
    }

    /// What stands after its header; all of it where there is no header.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        match Child::decode(&mut Reader::new(&self.bytes)) {
            Ok(child) => child.body().peek(),
            Err(_) => &self.bytes,
        }
    }

    pub(super) fn put(&self, w: &mut Writer<'_>) {
        w.bytes(&self.bytes);
    }
}
