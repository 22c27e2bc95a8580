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

/// Reads `n` bits, at most 8.
#[expect(clippy::cast_possible_truncation, reason = "at most 8 bits were read")]
pub(crate) fn small(r: &mut BitReader<'_>, n: u32, what: &'static str) -> Result<u8, Error> {
    Ok(r.bits(n.min(8), what)? as u8)
}

/// Reads `n` bits, at most 16.
#[expect(clippy::cast_possible_truncation, reason = "at most 16 bits were read")]
pub(crate) fn wide(r: &mut BitReader<'_>, n: u32, what: &'static str) -> Result<u16, Error> {
    Ok(r.bits(n.min(16), what)? as u16)
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
    match small(r, 4, IDENTIFIER)? {
        id if id == expected => Ok(()),
        id => Err(invalid(r, IDENTIFIER, id.into())),
    }
}

const IDENTIFIER: &str = "extension_start_code_identifier";

pub(crate) fn write_identifier(w: &mut BitWriter<'_>, id: u8) -> Result<(), Error> {
    w.bits(4, IDENTIFIER, id.into())?;
    Ok(())
}
