//! Adaptation fields (ISO/IEC 13818-1 §2.4.3.4, §2.4.3.5).
//!
//! ```text
//! adaptation_field_length                 8
//! discontinuity_indicator                 1
//! random_access_indicator                 1
//! elementary_stream_priority_indicator    1
//! PCR_flag OPCR_flag splicing_point_flag transport_private_data_flag adaptation_field_extension_flag
//! program_clock_reference                48   if PCR_flag
//! original_program_clock_reference       48   if OPCR_flag
//! splice_countdown                        8   if splicing_point_flag
//! transport_private_data_length           8   if transport_private_data_flag, and the bytes
//! adaptation_field_extension_length       8   if adaptation_field_extension_flag, and the extension
//! stuffing_byte                           8   0xFF
//! ```

use crate::Error;
use crate::clock::Pcr;
use crate::stamp;
use alloc::vec::Vec;
use wire::{LengthOf, Reader, TooLong, Writer};

/// An adaptation field, without its length and its stuffing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AdaptationField<'a> {
    /// The clock or, on a PID without a clock, the continuity counter may jump at this packet.
    pub discontinuity_indicator: bool,
    /// Decoding can start with the next PES packet of this PID.
    pub random_access_indicator: bool,
    /// More important than other packets of this PID.
    pub elementary_stream_priority_indicator: bool,
    /// The program's clock when this packet arrives.
    pub pcr: Option<Pcr>,
    /// The clock reference of the stream that this one was made from.
    pub opcr: Option<Pcr>,
    /// Packets of this PID until a splicing point; negative after it.
    pub splice_countdown: Option<i8>,
    /// Bytes that this standard says nothing of.
    pub private_data: Option<&'a [u8]>,
    /// What came later to the standard.
    pub extension: Option<Extension<'a>>,
}

/// The extension of an adaptation field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Extension<'a> {
    /// Legal time window.
    pub ltw: Option<LegalTimeWindow>,
    /// `piecewise_rate`, 22 bits: in units of 50 bytes per second.
    pub piecewise_rate: Option<u32>,
    /// For splicing without a seam.
    pub seamless_splice: Option<SeamlessSplice>,
    /// Descriptors of the adaptation field, or reserved bytes, as they are.
    pub rest: &'a [u8],
    /// `af_descriptor_not_present_flag` is 0: `rest` is descriptors.
    pub has_descriptors: bool,
}

/// Where a packet may stand without overflowing a decoder's buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LegalTimeWindow {
    /// Whether `offset` has a value.
    pub valid: bool,
    /// `ltw_offset`, 15 bits: in units of 300/27 000 000 s.
    pub offset: u16,
}

/// How to splice without a seam.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeamlessSplice {
    /// `Splice_type`, 4 bits: which delay and rate the decoder has to bear.
    pub splice_type: u8,
    /// `DTS_next_AU`, 33 bits: 90 kHz.
    pub dts_next_au: u64,
}

impl<'a> AdaptationField<'a> {
    /// Reads a field, given the bytes after its length.
    ///
    /// # Errors
    /// [`Error::Short`] where the bytes end before what the flags announce.
    pub fn parse(field: &'a [u8]) -> Result<Self, Error> {
        if field.is_empty() {
            return Ok(Self::default());
        }
        let mut r = Reader::new(field);
        let flags = r.u8("adaptation_field flags")?;
        let pcr = |r: &mut Reader<'a>, what| Ok::<_, Error>(Pcr::from_bytes(*r.array(what)?));
        Ok(Self {
            discontinuity_indicator: flags & 0x80 != 0,
            random_access_indicator: flags & 0x40 != 0,
            elementary_stream_priority_indicator: flags & 0x20 != 0,
            pcr: (flags & 0x10 != 0)
                .then(|| pcr(&mut r, "program_clock_reference"))
                .transpose()?,
            opcr: (flags & 0x08 != 0)
                .then(|| pcr(&mut r, "original_program_clock_reference"))
                .transpose()?,
            splice_countdown: (flags & 0x04 != 0)
                .then(|| r.i8("splice_countdown"))
                .transpose()?,
            private_data: (flags & 0x02 != 0)
                .then(|| {
                    let len = r.u8("transport_private_data_length")?;
                    r.take(len.into(), "private_data_byte")
                })
                .transpose()?,
            extension: (flags & 0x01 != 0)
                .then(|| {
                    let len = r.u8("adaptation_field_extension_length")?;
                    Extension::decode(r.sub(len.into(), "adaptation_field_extension")?)
                })
                .transpose()?,
        })
    }

    /// Bytes that it takes without stuffing, its length included; at least 2.
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        let clock = |pcr: Option<Pcr>| if pcr.is_some() { 6 } else { 0 };
        2 + clock(self.pcr)
            + clock(self.opcr)
            + usize::from(self.splice_countdown.is_some())
            + self.private_data.map_or(0, |data| 1 + data.len())
            + self
                .extension
                .map_or(0, |extension| 1 + extension.body_len())
    }

    /// Appends the field in `len` bytes, its length included, filled up with stuffing. One byte is a field of length 0,
    /// which has no flags.
    ///
    /// # Errors
    /// [`Error::TooLong`] where it does not fit, or a part of it is too long for its own length.
    pub fn encode(&self, len: usize, out: &mut Vec<u8>) -> Result<(), Error> {
        let body = len.saturating_sub(1);
        let too_long = |value: usize, max: usize| TooLong {
            what: "adaptation_field_length",
            value: value as u64,
            max: max as u64,
        };
        let length = u8::try_from(body).map_err(|_| too_long(body, u8::MAX.into()))?;
        if len == 1 && *self == Self::default() {
            out.push(0);
            return Ok(());
        }
        if len < self.encoded_len() {
            return Err(too_long(self.encoded_len() - 1, body).into());
        }
        let end = out.len().saturating_add(len);
        let mut w = Writer::new(out);
        w.u8(length);
        w.u8(u8::from(self.discontinuity_indicator) << 7
            | u8::from(self.random_access_indicator) << 6
            | u8::from(self.elementary_stream_priority_indicator) << 5
            | u8::from(self.pcr.is_some()) << 4
            | u8::from(self.opcr.is_some()) << 3
            | u8::from(self.splice_countdown.is_some()) << 2
            | u8::from(self.private_data.is_some()) << 1
            | u8::from(self.extension.is_some()));
        for pcr in self.pcr.iter().chain(&self.opcr) {
            w.bytes(&pcr.to_bytes());
        }
        if let Some(countdown) = self.splice_countdown {
            w.i8(countdown);
        }
        if let Some(data) = self.private_data {
            w.sized_u8::<TooLong>("transport_private_data_length", LengthOf::Body, |w| {
                w.bytes(data);
                Ok(())
            })?;
        }
        if let Some(extension) = &self.extension {
            w.sized_u8::<TooLong>("adaptation_field_extension_length", LengthOf::Body, |w| {
                extension.write(w)
            })?;
        }
        out.resize(end, 0xFF);
        Ok(())
    }
}

impl<'a> Extension<'a> {
    fn decode(mut r: Reader<'a>) -> Result<Self, wire::Short> {
        let flags = r.u8("adaptation_field_extension flags")?;
        Ok(Self {
            ltw: (flags & 0x80 != 0)
                .then(|| {
                    let bits = r.u16("ltw_offset")?;
                    Ok::<_, wire::Short>(LegalTimeWindow {
                        valid: bits & 0x8000 != 0,
                        offset: bits & 0x7FFF,
                    })
                })
                .transpose()?,
            piecewise_rate: (flags & 0x40 != 0)
                .then(|| Ok::<_, wire::Short>(r.u24("piecewise_rate")? & 0x3F_FFFF))
                .transpose()?,
            seamless_splice: (flags & 0x20 != 0)
                .then(|| {
                    let bytes = r.array::<5>("DTS_next_AU")?;
                    Ok::<_, wire::Short>(SeamlessSplice {
                        splice_type: bytes[0] >> 4,
                        dts_next_au: stamp::read(bytes),
                    })
                })
                .transpose()?,
            rest: r.rest(),
            has_descriptors: flags & 0x10 == 0,
        })
    }

    const fn body_len(&self) -> usize {
        let ltw = if self.ltw.is_some() { 2 } else { 0 };
        let rate = if self.piecewise_rate.is_some() { 3 } else { 0 };
        let splice = if self.seamless_splice.is_some() { 5 } else { 0 };
        self.rest.len().saturating_add(1 + ltw + rate + splice)
    }

    fn write(&self, w: &mut Writer<'_>) -> Result<(), TooLong> {
        w.u8(u8::from(self.ltw.is_some()) << 7
            | u8::from(self.piecewise_rate.is_some()) << 6
            | u8::from(self.seamless_splice.is_some()) << 5
            | u8::from(!self.has_descriptors) << 4
            | 0x0F);
        if let Some(ltw) = self.ltw {
            fits("ltw_offset", ltw.offset.into(), 0x7FFF)?;
            w.u16(u16::from(ltw.valid) << 15 | ltw.offset);
        }
        if let Some(rate) = self.piecewise_rate {
            fits("piecewise_rate", rate.into(), 0x3F_FFFF)?;
            w.u24("piecewise_rate", 0xC0_0000 | rate)?;
        }
        if let Some(splice) = self.seamless_splice {
            fits("Splice_type", splice.splice_type.into(), 0xF)?;
            fits("DTS_next_AU", splice.dts_next_au, crate::clock::WRAP - 1)?;
            w.bytes(&stamp::bytes(splice.splice_type, splice.dts_next_au));
        }
        w.bytes(self.rest);
        Ok(())
    }
}

/// Checks that a value fits its field.
pub(crate) const fn fits(what: &'static str, value: u64, max: u64) -> Result<(), TooLong> {
    if value <= max {
        Ok(())
    } else {
        Err(TooLong { what, value, max })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::option::of;
    use proptest::prelude::*;

    #[test]
    fn everything_at_once_by_hand() {
        let bytes = [
            0xBF, // all but random_access_indicator
            0, 0, 0, 1, 0x7E, 5, // PCR
            0, 0, 0, 2, 0xFE, 6,    // OPCR
            0xFE, // splice_countdown
            2, b'h', b'i', // private data
            13, 0xFF, // extension: all three, no descriptors
            0x80, 0x09, // ltw
            0xC0, 0x00, 0x2A, // piecewise_rate
            0x21, 0x00, 0x01, 0x00, 0x03, // Splice_type 2, DTS_next_AU 1
            0xEE, 0xEE, // reserved
            0xFF,
        ];
        let field = AdaptationField::parse(&bytes).unwrap();
        assert_eq!(
            field,
            AdaptationField {
                discontinuity_indicator: true,
                random_access_indicator: false,
                elementary_stream_priority_indicator: true,
                pcr: Some(Pcr {
                    base: 2,
                    extension: 5
                }),
                opcr: Some(Pcr {
                    base: 5,
                    extension: 6
                }),
                splice_countdown: Some(-2),
                private_data: Some(b"hi"),
                extension: Some(Extension {
                    ltw: Some(LegalTimeWindow {
                        valid: true,
                        offset: 9
                    }),
                    piecewise_rate: Some(42),
                    seamless_splice: Some(SeamlessSplice {
                        splice_type: 2,
                        dts_next_au: 1
                    }),
                    rest: &[0xEE, 0xEE],
                    has_descriptors: false,
                }),
            }
        );
        let mut out = Vec::new();
        field.encode(bytes.len() + 1, &mut out).unwrap();
        assert_eq!(out[0] as usize, bytes.len());
        assert_eq!(out[1..], bytes);
    }

    #[test]
    fn too_little_room_is_an_error() {
        let mut out = Vec::new();
        let field = AdaptationField {
            pcr: Some(Pcr::from_ticks(1)),
            ..AdaptationField::default()
        };
        let err = field.encode(7, &mut out).unwrap_err();
        assert_eq!(
            err.to_string(),
            "adaptation_field_length is 7, its field holds at most 6"
        );
        assert!(AdaptationField::parse(&[0x10, 0, 0]).is_err());
        AdaptationField::default().encode(1, &mut out).unwrap();
        assert_eq!(out, [0]);
    }

    type OwnedExtension = (
        Option<(bool, u16)>,
        Option<u32>,
        Option<(u8, u64)>,
        Vec<u8>,
        bool,
    );

    fn extension() -> impl Strategy<Value = OwnedExtension> {
        (
            of((any::<bool>(), 0u16..0x8000)),
            of(0u32..1 << 22),
            of((0u8..16, 0u64..1 << 33)),
            vec(any::<u8>(), 0..8),
            any::<bool>(),
        )
    }

    proptest! {
        #[test]
        fn fields_round_trip(
            flags: [bool; 3],
            pcr in of(0u64..1 << 41),
            opcr in of(0u64..1 << 41),
            splice_countdown: Option<i8>,
            private in of(vec(any::<u8>(), 0..20)),
            extension in of(extension()),
            stuffing in 0usize..20,
        ) {
            let [discontinuity_indicator, random_access_indicator, elementary_stream_priority_indicator] = flags;
            let field = AdaptationField {
                discontinuity_indicator,
                random_access_indicator,
                elementary_stream_priority_indicator,
                pcr: pcr.map(Pcr::from_ticks),
                opcr: opcr.map(Pcr::from_ticks),
                splice_countdown,
                private_data: private.as_deref(),
                extension: extension.as_ref().map(|(ltw, piecewise_rate, splice, rest, has_descriptors)| Extension {
                    ltw: ltw.map(|(valid, offset)| LegalTimeWindow { valid, offset }),
                    piecewise_rate: *piecewise_rate,
                    seamless_splice: splice.map(|(splice_type, dts_next_au)| SeamlessSplice { splice_type, dts_next_au }),
                    rest,
                    has_descriptors: *has_descriptors,
                }),
            };
            let mut out = Vec::new();
            let len = field.encoded_len() + stuffing;
            field.encode(len, &mut out).unwrap();
            prop_assert_eq!(out.len(), len);
            prop_assert_eq!(usize::from(out[0]) + 1, len);
            prop_assert_eq!(AdaptationField::parse(&out[1..]).unwrap(), field);
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            if let Ok(field) = AdaptationField::parse(&bytes) {
                prop_assert!(bytes.is_empty() || field.encoded_len() <= bytes.len() + 1);
            }
        }
    }
}
