use super::depacketize::read_unit;
use super::{MTAP16, MTAP24, STAP_A, STAP_B, aggregate_header};
use crate::Error;
use crate::packet::too_long;
use alloc::vec::Vec;
use wire::Reader;

/// Appends an aggregation packet of NAL units of one time: STAP-B with the decoding order number of the first, else STAP-A
/// (RFC 6184 §5.7.1). The others count on from there.
///
/// # Errors
/// [`Error::TooLong`] for a unit of more than 2^16 - 1 bytes.
pub fn encode_stap(nals: &[&[u8]], don: Option<u16>, out: &mut Vec<u8>) -> Result<(), Error> {
    let kind = if don.is_some() { STAP_B } else { STAP_A };
    out.push(aggregate_header(kind, nals.iter().copied()));
    if let Some(don) = don {
        out.extend_from_slice(&don.to_be_bytes());
    }
    for nal in nals {
        out.extend_from_slice(&size(nal)?);
        out.extend_from_slice(nal);
    }
    Ok(())
}

/// The NAL units of `payload`, which is a STAP-A, in their order (RFC 6184 §5.7.1).
///
/// # Errors
/// [`Error::Short`] for a unit that is longer than what is there; it is the last item then.
pub fn stap_a_nals(payload: &[u8]) -> impl Iterator<Item = Result<&[u8], Error>> {
    let mut reader = Reader::new(payload.get(1..).unwrap_or_default());
    core::iter::from_fn(move || {
        if reader.is_empty() {
            return None;
        }
        let unit = read_unit(&mut reader, 0, 0);
        if unit.is_err() {
            reader = Reader::new(&[]);
        }
        Some(unit.map(|(_, _, nal)| nal))
    })
}

fn size(nal: &[u8]) -> Result<[u8; 2], Error> {
    let len = u16::try_from(nal.len());
    let len = len.map_err(|_| too_long("NAL unit", nal.len() as u64, u16::MAX.into()))?;
    Ok(len.to_be_bytes())
}

/// A unit of an aggregation packet of several times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MtapUnit<'a> {
    /// Its decoding order number.
    pub don: u16,
    /// Its time stamp.
    pub timestamp: u32,
    /// The NAL unit.
    pub nal: &'a [u8],
}

/// Appends an aggregation packet of NAL units of several times (RFC 6184 §5.7.2) and returns the time stamp that the
/// packet must have, the earliest of theirs: MTAP16 where they are near enough to each other, else MTAP24.
///
/// # Errors
/// [`Error::TooLong`] for a unit of more than 2^16 - 1 bytes, a decoding order number more than 255 after that of the
/// first unit, and a time stamp more than 2^24 - 1 ticks after the earliest; [`Error::State`] for no units.
pub fn encode_mtap(units: &[MtapUnit<'_>], out: &mut Vec<u8>) -> Result<u32, Error> {
    let Some(first) = units.first() else {
        return Err(Error::State("an aggregation packet holds a unit at least"));
    };
    let earliest = units.iter().fold(first.timestamp, |earliest, unit| {
        let ahead = unit.timestamp.wrapping_sub(earliest).cast_signed();
        if ahead < 0 { unit.timestamp } else { earliest }
    });
    let base = units.iter().fold(first.don, |base, unit| {
        let ahead = unit.don.wrapping_sub(base).cast_signed();
        if ahead < 0 { unit.don } else { base }
    });
    let offset = |unit: &MtapUnit<'_>| unit.timestamp.wrapping_sub(earliest);
    let long = units.iter().any(|unit| offset(unit) > 0xFFFF);
    let kind = if long { MTAP24 } else { MTAP16 };
    out.push(aggregate_header(kind, units.iter().map(|unit| unit.nal)));
    out.extend_from_slice(&base.to_be_bytes());
    for unit in units {
        let dond = unit.don.wrapping_sub(base);
        let [0, dond] = dond.to_be_bytes() else {
            return Err(too_long("DOND", dond.into(), 255));
        };
        let [0, offset @ ..] = offset(unit).to_be_bytes() else {
            return Err(too_long("TS offset", offset(unit).into(), 0xFF_FFFF));
        };
        out.extend_from_slice(&size(unit.nal)?);
        out.push(dond);
        let [_, short @ ..] = offset;
        out.extend_from_slice(if long { &offset[..] } else { &short[..] });
        out.extend_from_slice(unit.nal);
    }
    Ok(earliest)
}
