use super::{FourCc, IsoBox};
use crate::Error;
use alloc::vec::Vec;
use wire::{Reader, Writer};

/// The meaning of the colours (ISO/IEC 14496-12 §12.1.5).
///
/// ```text
/// colour_type u32 | for "nclx": colour_primaries u16 | transfer_characteristics u16 | matrix_coefficients u16
///                               full_range_flag 1 bit | reserved 7 bits
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Colr {
    /// `nclx`: by code points of ISO/IEC 23091-2.
    Nclx {
        /// The primaries.
        colour_primaries: u16,
        /// The transfer function.
        transfer_characteristics: u16,
        /// The matrix from RGB.
        matrix_coefficients: u16,
        /// Whether all code values are used.
        full_range: bool,
    },
    /// An ICC profile (`rICC`, `prof`), QuickTime's `nclc`, ...
    Other {
        /// Which.
        colour_type: FourCc,
        /// What follows it.
        data: Vec<u8>,
    },
}

const NCLX: FourCc = FourCc(*b"nclx");

impl IsoBox for Colr {
    const TYPE: FourCc = FourCc(*b"colr");

    fn decode_body(r: &mut Reader<'_>) -> Result<Self, Error> {
        let colour_type = FourCc::read(r, "colour_type")?;
        if colour_type != NCLX {
            return Ok(Self::Other {
                colour_type,
                data: r.rest().into(),
            });
        }
        Ok(Self::Nclx {
            colour_primaries: r.u16("colour_primaries")?,
            transfer_characteristics: r.u16("transfer_characteristics")?,
            matrix_coefficients: r.u16("matrix_coefficients")?,
            full_range: r.u8("full_range_flag")? & 0x80 != 0,
        })
    }

    fn encode_body(&self, w: &mut Writer<'_>) -> Result<(), Error> {
        match self {
            Self::Nclx {
                colour_primaries,
                transfer_characteristics,
                matrix_coefficients,
                full_range,
            } => {
                w.bytes(&NCLX.0)
                    .u16(*colour_primaries)
                    .u16(*transfer_characteristics)
                    .u16(*matrix_coefficients);
                w.u8(u8::from(*full_range) << 7);
            }
            Self::Other { colour_type, data } => _ = w.bytes(&colour_type.0).bytes(data),
        }
        Ok(())
    }

    fn body_len(&self) -> usize {
        match self {
            Self::Nclx { .. } => 11,
            Self::Other { data, .. } => data.len().saturating_add(4),
        }
    }
}
