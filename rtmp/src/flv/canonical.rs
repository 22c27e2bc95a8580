//! H.264 access units in the one form that samples have.

use crate::slice;
use alloc::vec::Vec;
use bytes::Bytes;
use h264::access_unit::Summary;
use h264::nal::UnitType;
use h264::{DecoderConfig, length_prefixed};

/// An access unit without delimiters, filler and parameter sets, each NAL unit after its length in 4 bytes.
pub(super) struct AccessUnit {
    /// Empty where nothing else was in it.
    pub(super) data: Bytes,
    pub(super) summary: Summary,
    /// Whether parameter sets in it changed the configuration.
    pub(super) reconfigured: bool,
}

fn is_dropped(nal: &[u8]) -> bool {
    matches!(
        UnitType::of(nal),
        UnitType::AccessUnitDelimiter
            | UnitType::FillerData
            | UnitType::Sps
            | UnitType::Pps
            | UnitType::SpsExtension
    )
}

/// Reads the body of a tag from `start` on; parameter sets go to `config`.
///
/// # Errors
/// Where a length goes past the end, or a parameter set cannot be taken in.
pub(super) fn access_unit(
    payload: &Bytes,
    start: usize,
    length_size: u8,
    config: &mut DecoderConfig,
) -> Result<AccessUnit, h264::Error> {
    let body = payload.get(start..).unwrap_or_default();
    let mut kept: usize = 0;
    let mut drops = false;
    for nal in length_prefixed::nals(body, length_size) {
        let nal = nal?;
        if is_dropped(nal) {
            drops = true;
        } else {
            kept = kept.saturating_add(nal.len()).saturating_add(4);
        }
    }
    let nals = || length_prefixed::nals(body, length_size).flatten();
    let reconfigured = drops && config.merge(nals())?;
    // Where all is as it should be already, it is not copied; empty units would make it longer.
    let data = if kept == body.len() && length_size == 4 {
        slice(payload, start..payload.len()).unwrap_or_default()
    } else {
        let mut out = Vec::with_capacity(kept);
        for nal in nals().filter(|nal| !is_dropped(nal)) {
            length_prefixed::push(nal, &mut out)?;
        }
        out.into()
    };
    Ok(AccessUnit {
        data,
        summary: Summary::of(nals()),
        reconfigured,
    })
}
