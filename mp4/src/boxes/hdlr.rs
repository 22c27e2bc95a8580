use super::header::{put_version_and_flags, version_and_flags};
use super::{FourCc, IsoBox};
use crate::Error;
use alloc::vec::Vec;
use wire::{Reader, Writer};

/// The kind of a track's media (ISO/IEC 14496-12 §8.4.3).
///
/// ```text
/// version u8 = 0 | flags u24 = 0 | pre_defined u32 | handler_type u32 | reserved 3 x u32 | name
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hdlr {
    /// 0; in QuickTime the component's type: `mhlr`, `dhlr`.
    pub pre_defined: FourCc,
    /// `vide`, `soun`, `meta`, `subt`, `text`, ...
    pub handler_type: FourCc,
    /// 0; in QuickTime the component's manufacturer and flags.
    pub reserved: [u8; 12],
    /// A name for people, as it is in the box: UTF-8 with a zero at the end (QuickTime: its length before it).
    pub name: Vec<u8>,
}

impl Hdlr {
    /// A handler of this kind with this name.
    #[must_use]
    pub fn new(handler_type: FourCc, name: &str) -> Self {
        Self {
            pre_defined: FourCc([0; 4]),
            handler_type,
            reserved: [0; 12],
            name: [name.as_bytes(), &[0]].concat(),
        }
    }
}

impl IsoBox for Hdlr {
    const TYPE: FourCc = FourCc(*b"hdlr");

    fn decode_body(r: &mut Reader<'_>) -> Result<Self, Error> {
        version_and_flags(r)?;
        Ok(Self {
            pre_defined: FourCc::read(r, "pre_defined")?,
            handler_type: FourCc::read(r, "handler_type")?,
            reserved: *r.array("reserved")?,
            name: r.rest().into(),
        })
    }

    fn encode_body(&self, w: &mut Writer<'_>) -> Result<(), Error> {
        put_version_and_flags(w, 0, 0);
        w.bytes(&self.pre_defined.0)
            .bytes(&self.handler_type.0)
            .bytes(&self.reserved)
            .bytes(&self.name);
        Ok(())
    }

    fn body_len(&self) -> usize {
        self.name.len().saturating_add(24)
    }
}
