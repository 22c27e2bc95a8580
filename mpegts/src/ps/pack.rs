use crate::Error;
use crate::clock::{Pcr, WRAP};
use crate::psi::fits;
use alloc::vec::Vec;
use wire::{Reader, Writer};

/// The header of a pack (ISO/IEC 13818-1 §2.5.3.3; of MPEG-1: ISO/IEC 11172-1 §2.4.3.2).
///
/// ```text
/// pack_start_code 32 (0x000001BA)
/// MPEG-2: '01' | SCR base 3 | 1 | 15 | 1 | 15 | 1 | extension 9 | 1 | program_mux_rate 22 | 1 1 | reserved 5
///         pack_stuffing_length 3 | stuffing 0xFF
/// MPEG-1: '0010' | SCR 3 | 1 | 15 | 1 | 15 | 1 | 1 | mux_rate 22 | 1
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PackHeader {
    /// `system_clock_reference`: when its last byte reaches the decoder.
    pub system_clock_reference: Pcr,
    /// `program_mux_rate`, 22 bits: 50 bytes per second.
    pub program_mux_rate: u32,
    /// Of which standard.
    pub kind: PackKind,
}

/// Of which standard a pack, and so its whole stream, is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PackKind {
    /// ISO/IEC 11172-1.
    Mpeg1,
    /// ISO/IEC 13818-1.
    Mpeg2 {
        /// `pack_stuffing_length`, 3 bits.
        stuffing: u8,
    },
}

impl PackHeader {
    /// `pack_start_code`.
    pub const START_CODE: [u8; 4] = [0, 0, 1, 0xBA];

    /// Reads a header whose start code has been read.
    ///
    /// # Errors
    /// [`Error::Short`] where it ends early, [`Error::Invalid`] where it is of neither standard.
    pub fn decode(r: &mut Reader<'_>) -> Result<Self, Error> {
        let first = r.peek().first().copied().unwrap_or(0);
        if first >> 6 == 1 {
            let [a, b, c, d, e, f] = *r.array("system_clock_reference")?;
            let bits = u64::from_be_bytes([0, 0, a, b, c, d, e, f]);
            let [.., high, low] = (bits >> 1 & 0x1FF).to_be_bytes();
            let base = bits >> 43 & 7;
            let system_clock_reference = Pcr {
                base: base << 30 | (bits >> 27 & 0x7FFF) << 15 | bits >> 11 & 0x7FFF,
                extension: u16::from_be_bytes([high, low]),
            };
            let program_mux_rate = r.u24("program_mux_rate")? >> 2;
            let stuffing = r.u8("pack_stuffing_length")? & 7;
            r.skip(stuffing.into(), "stuffing_byte")?;
            return Ok(Self {
                system_clock_reference,
                program_mux_rate,
                kind: PackKind::Mpeg2 { stuffing },
            });
        }
        if first >> 4 != 2 {
            let offset = r.offset() as u64;
            r.u8("system_clock_reference")?;
            return Err(Error::Invalid {
                field: "system_clock_reference",
                value: first.into(),
                offset,
            });
        }
        let base = crate::stamp::read(r.array("system_clock_reference")?);
        Ok(Self {
            system_clock_reference: Pcr { base, extension: 0 },
            program_mux_rate: r.u24("mux_rate")? >> 1 & 0x3F_FFFF,
            kind: PackKind::Mpeg1,
        })
    }

    /// Bytes with the start code.
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        match self.kind {
            PackKind::Mpeg1 => 12,
            PackKind::Mpeg2 { stuffing } => usize::from(stuffing) + 14,
        }
    }

    /// Appends the header with its start code.
    ///
    /// # Errors
    /// [`Error::TooLong`] where a value does not fit its field.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        let Pcr { base, extension } = self.system_clock_reference;
        let base = fits("system_clock_reference_base", base, WRAP - 1)?;
        let rate = fits("program_mux_rate", self.program_mux_rate, 0x3F_FFFF)?;
        let mut w = Writer::new(out);
        w.bytes(&Self::START_CODE);
        match self.kind {
            PackKind::Mpeg1 => {
                w.bytes(&crate::stamp::bytes(2, base))
                    .u24("mux_rate", 0x80_0001 | rate << 1)?;
            }
            PackKind::Mpeg2 { stuffing } => {
                let extension = fits("system_clock_reference_extension", extension, 0x1FF)?;
                let stuffing = fits("pack_stuffing_length", stuffing, 7)?;
                let bits = 1 << 46
                    | (base >> 30) << 43
                    | 1 << 42
                    | (base >> 15 & 0x7FFF) << 27
                    | 1 << 26
                    | (base & 0x7FFF) << 11
                    | 1 << 10
                    | u64::from(extension) << 1
                    | 1;
                let [_, _, field @ ..] = bits.to_be_bytes();
                w.bytes(&field)
                    .u24("program_mux_rate", rate << 2 | 3)?
                    .u8(0xF8 | stuffing);
                for _ in 0..stuffing {
                    w.u8(0xFF);
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_pack_of_ffmpeg() {
        let bytes = [
            0, 0, 1, 0xBA, 0x44, 0, 0x0D, 0x0D, 0xC4, 0x01, 0x43, 0x38, 0xDB, 0xF8,
        ];
        let mut r = Reader::new(&bytes[4..]);
        let header = PackHeader::decode(&mut r).unwrap();
        assert!(r.is_empty());
        assert_eq!(
            header.system_clock_reference,
            Pcr {
                base: 41_400,
                extension: 0
            }
        );
        assert_eq!(header.program_mux_rate, 0x43_38DB >> 2);
        let mut out = Vec::new();
        header.encode(&mut out).unwrap();
        assert_eq!(out, bytes);
    }

    #[test]
    fn neither_standard_is_invalid() {
        let invalid = PackHeader::decode(&mut Reader::new(&[0x84; 12]));
        assert!(matches!(
            invalid,
            Err(Error::Invalid {
                value: 0x84,
                offset: 0,
                ..
            })
        ));
        assert!(matches!(
            PackHeader::decode(&mut Reader::new(&[])),
            Err(Error::Short(_))
        ));
    }

    proptest! {
        #[test]
        fn headers_round_trip(base in 0..WRAP, extension in 0u16..300, program_mux_rate in 0u32..1 << 22, mpeg1: bool, stuffing in 0u8..8) {
            let (kind, extension) = if mpeg1 { (PackKind::Mpeg1, 0) } else { (PackKind::Mpeg2 { stuffing }, extension) };
            let header = PackHeader { system_clock_reference: Pcr { base, extension }, program_mux_rate, kind };
            let mut out = Vec::new();
            header.encode(&mut out).unwrap();
            prop_assert_eq!(out.len(), header.encoded_len());
            let mut r = Reader::new(&out[4..]);
            prop_assert_eq!(PackHeader::decode(&mut r).unwrap(), header);
            prop_assert!(r.is_empty());
        }
    }
}
