//! H.264 (RFC 6184): single NAL units, STAP-A and STAP-B, MTAP16 and MTAP24, FU-A and FU-B.
//!
//! ```text
//! single     | NAL unit
//! STAP-A     | 24 | size, 16 | NAL unit | size | NAL unit ...
//! STAP-B     | 25 | DON, 16 | size | NAL unit ...
//! MTAP16/24  | 26, 27 | DONB, 16 | size | DOND, 8 | TS offset, 16 or 24 | NAL unit ...
//! FU-A       | 28 | S E R type | part of a NAL unit
//! FU-B       | 29 | S E R type | DON, 16 | first part of a NAL unit
//! ```

mod aggregate;
mod depacketize;
mod packetize;

pub use aggregate::{MtapUnit, encode_mtap, encode_stap, stap_a_nals};
pub use depacketize::Depacketizer;
pub use packetize::{Nals, Packetizer, Payloads};

/// Aggregation packet of one time, without decoding order number.
pub const STAP_A: u8 = 24;
/// Aggregation packet of one time, with decoding order number.
pub const STAP_B: u8 = 25;
/// Aggregation packet of several times, 16 bits each.
pub const MTAP16: u8 = 26;
/// Aggregation packet of several times, 24 bits each.
pub const MTAP24: u8 = 27;
/// Part of a NAL unit, without decoding order number.
pub const FU_A: u8 = 28;
/// First part of a NAL unit, with decoding order number.
pub const FU_B: u8 = 29;

/// `forbidden_zero_bit` and `nal_ref_idc` of a NAL unit header.
const IMPORTANCE: u8 = 0xE0;
const TYPE: u8 = 0x1F;
const START: u8 = 0x80;
const END: u8 = 0x40;

/// `packetization-mode` (RFC 6184 §6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// 0: a packet is a NAL unit.
    SingleNal,
    /// 1: NAL units in decoding order, in parts or together.
    #[default]
    NonInterleaved,
    /// 2: NAL units in any order, with decoding order numbers.
    Interleaved,
}

/// F is set where any of the units has it, NRI is the highest of them (§5.7).
fn aggregate_header<'a>(kind: u8, nals: impl Iterator<Item = &'a [u8]>) -> u8 {
    let headers = nals.filter_map(|nal| nal.first());
    let (f, nri) = headers.fold((0, 0), |(f, nri), header| {
        (f | header & 0x80, nri.max(header & 0x60))
    });
    f | nri | kind
}

#[cfg(test)]
mod tests;
