//! What both kinds of bit stream information share.

use crate::Error;
use bytes::Bytes;
use wire::{BitReader, BitWriter};

pub(crate) fn invalid(r: &BitReader<'_>, field: &'static str, value: u8) -> Error {
    Error::Invalid {
        field,
        value: value.into(),
        bit: r.position(),
    }
}

pub(crate) fn contradiction(w: &BitWriter<'_>, field: &'static str, value: u8) -> Error {
    Error::Invalid {
        field,
        value: value.into(),
        bit: w.position(),
    }
}

/// Reads `n` bits, at most 8, that are there on a condition which the standard makes.
pub(crate) fn small_if(
    condition: bool,
    r: &mut BitReader<'_>,
    n: u32,
    what: &'static str,
) -> Result<Option<u8>, Error> {
    Ok(condition.then(|| r.bits8(n, what)).transpose()?)
}

/// Reads a flag, and `n` bits after a flag of 1.
pub(crate) fn small_option(
    r: &mut BitReader<'_>,
    n: u32,
    what: &'static str,
) -> Result<Option<u8>, Error> {
    Ok(r.option(what, |r| r.bits8(n, what))?)
}

/// Writes what a condition of the standard asks for; the value has to be there exactly then.
pub(crate) fn write_small_if(
    condition: bool,
    w: &mut BitWriter<'_>,
    n: u32,
    what: &'static str,
    value: Option<u8>,
) -> Result<(), Error> {
    match (condition, value) {
        (true, Some(value)) => drop(w.bits(n, what, value.into())?),
        (false, None) => {}
        (_, value) => return Err(contradiction(w, what, value.unwrap_or(0))),
    }
    Ok(())
}

/// Writes a flag, and the value after a flag of 1.
pub(crate) fn write_small_option(
    w: &mut BitWriter<'_>,
    n: u32,
    what: &'static str,
    value: Option<u8>,
) -> Result<(), Error> {
    w.bit(value.is_some());
    if let Some(value) = value {
        w.bits(n, what, value.into())?;
    }
    Ok(())
}

/// Reads `addbsie`, `addbsil` and `addbsi`: 1 to 64 bytes.
pub(crate) fn addbsi(r: &mut BitReader<'_>) -> Result<Option<Bytes>, Error> {
    r.option("addbsie", |r| {
        let len = r.bits(6, "addbsil")? + 1;
        Ok(r.unaligned_bytes(len.into(), "addbsi")?.into())
    })
}

pub(crate) fn write_addbsi(w: &mut BitWriter<'_>, addbsi: Option<&Bytes>) -> Result<(), Error> {
    w.bit(addbsi.is_some());
    if let Some(addbsi) = addbsi {
        let Some(less) = (addbsi.len() as u64).checked_sub(1) else {
            return Err(contradiction(w, "addbsil", 0));
        };
        w.bits64(6, "addbsil", less)?.bytes(addbsi);
    }
    Ok(())
}
