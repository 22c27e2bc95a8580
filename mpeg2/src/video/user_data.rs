use super::StartCode;
use crate::Error;
use crate::bits::invalid;
use alloc::vec::Vec;
use wire::{BitReader, BitWriter};

/// What a pair of caption bytes belongs to (`cc_type`, ANSI/CTA-708-E §4.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CaptionType {
    /// 0: CEA-608, field 1.
    Field1,
    /// 1: CEA-608, field 2.
    Field2,
    /// 2: CEA-708, more of a packet.
    PacketData,
    /// 3: CEA-708, the start of a packet.
    PacketStart,
}

/// Captions of one picture: `cc_data()` (ATSC A/53 part 4 §6.2.3, ANSI/CTA-708-E §4.3).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Captions {
    /// `process_cc_data_flag`: whether they are to be shown.
    pub process_cc_data: bool,
    /// At most 31 pairs of bytes, with `cc_valid`.
    pub pairs: Vec<(CaptionType, bool, [u8; 2])>,
}

/// Where the picture has bars, in lines or samples from its edge (`bar_data()`, ATSC A/53 part 4 §6.2.3.2); 14 bits each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Bars {
    /// `line_number_end_of_top_bar`.
    pub top: Option<u16>,
    /// `line_number_start_of_bottom_bar`.
    pub bottom: Option<u16>,
    /// `pixel_number_end_of_left_bar`.
    pub left: Option<u16>,
    /// `pixel_number_start_of_right_bar`.
    pub right: Option<u16>,
}

/// `user_data()` (ISO/IEC 13818-2 §6.2.2.2.2), as ATSC and DVB fill it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum UserData<'a> {
    /// `GA94`, type 3.
    Captions(Captions),
    /// `GA94`, type 6.
    Bars(Bars),
    /// `DTG1`: `active_format`, 4 bits, where there is one (ATSC A/53 part 4 §6.2.4, ETSI TS 101 154 annex B).
    ActiveFormat(Option<u8>),
    /// Anything else.
    Other(&'a [u8]),
}

const GA94: [u8; 4] = *b"GA94";
const DTG1: [u8; 4] = *b"DTG1";
const CAPTIONS: u8 = 3;
const BARS: u8 = 6;

impl<'a> UserData<'a> {
    /// Reads what follows the start code.
    ///
    /// # Errors
    /// [`Error::Short`] where captions, bars or an active format end too early.
    pub fn parse(data: &'a [u8]) -> Result<Self, Error> {
        let r = &mut BitReader::new(data);
        match data {
            [b'G', b'A', b'9', b'4', CAPTIONS, ..] => {
                r.skip(40, "user_data_type_code")?;
                Ok(Self::Captions(Captions::decode(r)?))
            }
            [b'G', b'A', b'9', b'4', BARS, ..] => {
                r.skip(40, "user_data_type_code")?;
                Ok(Self::Bars(Bars::decode(r)?))
            }
            [b'D', b'T', b'G', b'1', ..] => {
                r.skip(33, "afd_identifier")?;
                let active_format_flag = r.bit("active_format_flag")?;
                r.skip(6, "reserved")?;
                if !active_format_flag {
                    return Ok(Self::ActiveFormat(None));
                }
                r.skip(4, "reserved")?;
                Ok(Self::ActiveFormat(Some(r.bits8(4, "active_format")?)))
            }
            _ => Ok(Self::Other(data)),
        }
    }

    /// Writes it, with its start code.
    ///
    /// # Errors
    /// [`Error::TooLong`] for a value that its field cannot hold, or more than 31 pairs; [`Error::Invalid`] for other data that
    /// has a start code within.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        out.extend(StartCode::USER_DATA.bytes());
        let w = &mut BitWriter::new(out);
        match self {
            Self::Captions(captions) => {
                w.bytes(&GA94).bytes(&[CAPTIONS]);
                captions.write(w)?;
            }
            Self::Bars(bars) => {
                w.bytes(&GA94).bytes(&[BARS]);
                bars.write(w)?;
            }
            Self::ActiveFormat(None) => drop(w.bytes(&DTG1).bytes(&[0x01])),
            Self::ActiveFormat(Some(format)) => {
                w.bytes(&DTG1)
                    .bytes(&[0x41])
                    .bits(4, "reserved", 0xF)?
                    .bits(4, "active_format", (*format).into())?;
            }
            Self::Other(data) => {
                if let Some(at) = memchr::memmem::find(data, &super::unit::PREFIX) {
                    return Err(Error::Invalid {
                        field: "user_data",
                        value: 1,
                        bit: at as u64 * 8,
                    });
                }
                w.bytes(data);
            }
        }
        Ok(())
    }
}

impl Captions {
    fn decode(r: &mut BitReader<'_>) -> Result<Self, Error> {
        r.skip(1, "reserved")?;
        let process_cc_data = r.bit("process_cc_data_flag")?;
        r.skip(1, "zero_bit")?;
        let count = r.bits8(5, "cc_count")?;
        r.skip(8, "reserved")?;
        let mut pairs = Vec::new();
        for _ in 0..count {
            r.skip(5, "marker_bits")?;
            let valid = r.bit("cc_valid")?;
            let kind = match r.bits8(2, "cc_type")? {
                0 => CaptionType::Field1,
                1 => CaptionType::Field2,
                2 => CaptionType::PacketData,
                _ => CaptionType::PacketStart,
            };
            let bytes = r.bits16(16, "cc_data")?.to_be_bytes();
            pairs.push((kind, valid, bytes));
        }
        Ok(Self {
            process_cc_data,
            pairs,
        })
    }

    fn write(&self, w: &mut BitWriter<'_>) -> Result<(), Error> {
        w.bit(true).bit(self.process_cc_data).bit(false);
        w.bits64(5, "cc_count", self.pairs.len() as u64)?
            .bytes(&[0xFF]);
        for (kind, valid, bytes) in &self.pairs {
            let kind = match kind {
                CaptionType::Field1 => 0,
                CaptionType::Field2 => 1,
                CaptionType::PacketData => 2,
                CaptionType::PacketStart => 3,
            };
            w.bits(5, "marker_bits", 0x1F)?
                .bit(*valid)
                .bits(2, "cc_type", kind)?
                .bytes(bytes);
        }
        w.bytes(&[0xFF]);
        Ok(())
    }
}

impl Bars {
    fn decode(r: &mut BitReader<'_>) -> Result<Self, Error> {
        let flags = r.bits8(4, "bar_flags")?;
        r.skip(4, "reserved")?;
        let mut bar = |flag: u8, what| match flags & flag {
            0 => Ok(None),
            _ => match r.bits8(2, "marker_bits")? {
                3 => Ok(Some(r.bits16(14, what)?)),
                other => Err(invalid(r, "marker_bits", other.into())),
            },
        };
        Ok(Self {
            top: bar(8, "line_number_end_of_top_bar")?,
            bottom: bar(4, "line_number_start_of_bottom_bar")?,
            left: bar(2, "pixel_number_end_of_left_bar")?,
            right: bar(1, "pixel_number_start_of_right_bar")?,
        })
    }

    fn write(&self, w: &mut BitWriter<'_>) -> Result<(), Error> {
        let bars = [self.top, self.bottom, self.left, self.right];
        for bar in bars {
            w.bit(bar.is_some());
        }
        w.bits(4, "reserved", 0xF)?;
        for bar in bars.into_iter().flatten() {
            w.bits(2, "marker_bits", 3)?.bits(14, "bar", bar.into())?;
        }
        Ok(())
    }
}
