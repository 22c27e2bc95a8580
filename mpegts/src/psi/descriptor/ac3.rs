//! The descriptors of AC-3 and E-AC-3, whose contents the crate `ac3` knows.

use super::Describe;
use crate::Error;
use ::ac3::descriptor::{Ac3, AtscAc3, EnhancedAc3};
use wire::{Reader, Writer};

fn error(error: ac3::Error, offset: usize) -> Error {
    match error {
        ac3::Error::Short(short) => Error::Short(wire::Short {
            what: short.what,
            offset: offset.saturating_add(usize::try_from(short.bit / 8).unwrap_or(0)),
            needed: 1,
            left: 0,
        }),
        ac3::Error::TooLong(too_long) => Error::TooLong(too_long),
        ac3::Error::Invalid { field, value, bit } => Error::Invalid {
            field,
            value,
            offset: (offset as u64).saturating_add(bit / 8),
        },
        _ => Error::Unsupported("this descriptor".into()),
    }
}

impl Describe for Ac3 {
    const TAG: u8 = 0x6A;

    fn decode(r: &mut Reader<'_>) -> Result<Self, Error> {
        let offset = r.offset();
        Ac3::parse(r.rest()).map_err(|e| error(e, offset))
    }

    fn encode(&self, w: &mut Writer<'_>) -> Result<(), Error> {
        self.encode(w.buffer());
        Ok(())
    }
}

impl Describe for EnhancedAc3 {
    const TAG: u8 = 0x7A;

    fn decode(r: &mut Reader<'_>) -> Result<Self, Error> {
        let offset = r.offset();
        EnhancedAc3::parse(r.rest()).map_err(|e| error(e, offset))
    }

    fn encode(&self, w: &mut Writer<'_>) -> Result<(), Error> {
        self.encode(w.buffer());
        Ok(())
    }
}

impl Describe for AtscAc3 {
    const TAG: u8 = 0x81;

    fn decode(r: &mut Reader<'_>) -> Result<Self, Error> {
        let offset = r.offset();
        AtscAc3::parse(r.rest()).map_err(|e| error(e, offset))
    }

    fn encode(&self, w: &mut Writer<'_>) -> Result<(), Error> {
        self.encode(w.buffer()).map_err(|e| error(e, w.len()))
    }
}
