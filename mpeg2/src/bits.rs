//! What the headers share.

use crate::Error;
use wire::{BitReader, BitWriter};

pub(crate) fn invalid(r: &BitReader<'_>, field: &'static str, value: u32) -> Error {
    Error::Invalid {
        field,
        value: value.into(),
        bit: r.position(),
    }
}

/// Reads a bit that is 1, so that no start code can come about.
pub(crate) fn marker(r: &mut BitReader<'_>) -> Result<(), Error> {
    match r.bit("marker_bit")? {
        true => Ok(()),
        false => Err(invalid(r, "marker_bit", 0)),
    }
}

/// Reads `extension_start_code_identifier`.
pub(crate) fn identifier(r: &mut BitReader<'_>, expected: u8) -> Result<(), Error> {
    match r.bits8(4, IDENTIFIER)? {
        id if id == expected => Ok(()),
        id => Err(invalid(r, IDENTIFIER, id.into())),
    }
}

const IDENTIFIER: &str = "extension_start_code_identifier";

pub(crate) fn write_identifier(w: &mut BitWriter<'_>, id: u8) -> Result<(), Error> {
    w.bits(4, IDENTIFIER, id.into())?;
    Ok(())
}
