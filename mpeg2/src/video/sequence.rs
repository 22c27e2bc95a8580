use super::{Extension, SequenceDisplay, SequenceExtension, StartCode, unit::units};
use crate::Error;
use crate::bits::{invalid, marker};
use alloc::boxed::Box;
use alloc::vec::Vec;
use wire::{BitReader, BitWriter};

/// A quantiser matrix, in zigzag order.
pub type Matrix = Box<[u8; 64]>;

/// Reads a matrix after its flag.
pub(super) fn matrix(
    r: &mut BitReader<'_>,
    flag: &'static str,
    what: &'static str,
) -> Result<Option<Matrix>, Error> {
    if !r.bit(flag)? {
        return Ok(None);
    }
    let mut matrix = Box::new([0; 64]);
    for value in matrix.iter_mut() {
        *value = match r.bits8(8, what)? {
            0 => return Err(invalid(r, what, 0)),
            value => value,
        };
    }
    Ok(Some(matrix))
}

pub(super) fn write_matrix(
    w: &mut BitWriter<'_>,
    what: &'static str,
    matrix: Option<&Matrix>,
) -> Result<(), Error> {
    w.bit(matrix.is_some());
    if let Some(matrix) = matrix {
        if matrix.contains(&0) {
            return Err(Error::Invalid {
                field: what,
                value: 0,
                bit: w.position(),
            });
        }
        w.bytes(&matrix[..]);
    }
    Ok(())
}

/// Frames per second, as a fraction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FrameRate {
    /// Frames.
    pub frames: u32,
    /// In so many seconds.
    pub seconds: u32,
}

/// `sequence_header()` (ISO/IEC 13818-2 §6.2.2.1, ISO/IEC 11172-2 §2.4.2.3).
///
/// In MPEG-2 the sizes and rates are the low bits of those that [`Sequence`] tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SequenceHeader {
    /// Width, 12 bits.
    pub horizontal_size_value: u16,
    /// Height, 12 bits.
    pub vertical_size_value: u16,
    /// Shape of the picture in MPEG-2, of the samples in MPEG-1; 4 bits, 1 is that of square samples.
    pub aspect_ratio_information: u8,
    /// 4 bits: see [`frame_rate`](Self::frame_rate).
    pub frame_rate_code: u8,
    /// In units of 400 bit/s, 18 bits.
    pub bit_rate_value: u32,
    /// In units of 2048 bytes, 10 bits.
    pub vbv_buffer_size_value: u16,
    /// Whether an MPEG-1 stream keeps within the constrained parameters.
    pub constrained_parameters_flag: bool,
    /// For intra macroblocks, where it is not the default.
    pub intra_quantiser_matrix: Option<Matrix>,
    /// For other macroblocks, where it is not the default.
    pub non_intra_quantiser_matrix: Option<Matrix>,
}

impl SequenceHeader {
    /// Reads what follows the start code.
    ///
    /// # Errors
    /// [`Error::Short`] where the input ends too early, [`Error::Invalid`] for a marker bit or a value in a matrix that is 0.
    pub fn parse(data: &[u8]) -> Result<Self, Error> {
        let r = &mut BitReader::new(data);
        let horizontal_size_value = r.bits16(12, "horizontal_size_value")?;
        let vertical_size_value = r.bits16(12, "vertical_size_value")?;
        let aspect_ratio_information = r.bits8(4, "aspect_ratio_information")?;
        let frame_rate_code = r.bits8(4, "frame_rate_code")?;
        let bit_rate_value = r.bits(18, "bit_rate_value")?;
        marker(r)?;
        Ok(Self {
            horizontal_size_value,
            vertical_size_value,
            aspect_ratio_information,
            frame_rate_code,
            bit_rate_value,
            vbv_buffer_size_value: r.bits16(10, "vbv_buffer_size_value")?,
            constrained_parameters_flag: r.bit("constrained_parameters_flag")?,
            intra_quantiser_matrix: matrix(
                r,
                "load_intra_quantiser_matrix",
                "intra_quantiser_matrix",
            )?,
            non_intra_quantiser_matrix: matrix(
                r,
                "load_non_intra_quantiser_matrix",
                "non_intra_quantiser_matrix",
            )?,
        })
    }

    /// Writes it, with its start code.
    ///
    /// # Errors
    /// [`Error::TooLong`] for a value that its field cannot hold, [`Error::Invalid`] for a 0 in a matrix.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        out.extend(StartCode::SEQUENCE_HEADER.bytes());
        let w = &mut BitWriter::new(out);
        w.bits(
            12,
            "horizontal_size_value",
            self.horizontal_size_value.into(),
        )?
        .bits(12, "vertical_size_value", self.vertical_size_value.into())?
        .bits(
            4,
            "aspect_ratio_information",
            self.aspect_ratio_information.into(),
        )?
        .bits(4, "frame_rate_code", self.frame_rate_code.into())?
        .bits(18, "bit_rate_value", self.bit_rate_value)?
        .bit(true)
        .bits(
            10,
            "vbv_buffer_size_value",
            self.vbv_buffer_size_value.into(),
        )?
        .bit(self.constrained_parameters_flag);
        write_matrix(
            w,
            "intra_quantiser_matrix",
            self.intra_quantiser_matrix.as_ref(),
        )?;
        write_matrix(
            w,
            "non_intra_quantiser_matrix",
            self.non_intra_quantiser_matrix.as_ref(),
        )?;
        w.align_zero();
        Ok(())
    }

    /// Frames per second by `frame_rate_code` (ISO/IEC 13818-2 Table 6-4); `None` for a reserved code.
    #[must_use]
    pub const fn frame_rate(&self) -> Option<FrameRate> {
        let (frames, seconds) = match self.frame_rate_code {
            1 => (24_000, 1001),
            2 => (24, 1),
            3 => (25, 1),
            4 => (30_000, 1001),
            5 => (30, 1),
            6 => (50, 1),
            7 => (60_000, 1001),
            8 => (60, 1),
            _ => return None,
        };
        Some(FrameRate { frames, seconds })
    }
}

/// What is known of a sequence: its header, and in MPEG-2 its extensions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sequence {
    /// The header.
    pub header: SequenceHeader,
    /// The extension that every MPEG-2 sequence has, and no MPEG-1 sequence.
    pub extension: Option<SequenceExtension>,
    /// How it is to be shown.
    pub display: Option<SequenceDisplay>,
}

impl Sequence {
    /// Reads the first sequence header within some bytes, with the extensions that follow it; `None` where there is no
    /// sequence header. An extension that cannot be read is passed over.
    ///
    /// # Errors
    /// As [`SequenceHeader::parse`].
    pub fn find(data: &[u8]) -> Result<Option<Self>, Error> {
        let mut units = units(data).skip_while(|unit| unit.code != StartCode::SEQUENCE_HEADER);
        let Some(unit) = units.next() else {
            return Ok(None);
        };
        let mut sequence = Self {
            header: SequenceHeader::parse(unit.data)?,
            extension: None,
            display: None,
        };
        for unit in units {
            match unit.code {
                StartCode::EXTENSION => match Extension::parse(unit.data) {
                    Ok(Extension::Sequence(extension)) => sequence.extension = Some(extension),
                    Ok(Extension::SequenceDisplay(display)) => sequence.display = Some(display),
                    _ => {}
                },
                StartCode::USER_DATA => {}
                _ => break,
            }
        }
        Ok(Some(sequence))
    }

    /// Whether it is MPEG-2 rather than MPEG-1.
    #[must_use]
    pub const fn is_mpeg2(&self) -> bool {
        self.extension.is_some()
    }

    /// Width of the picture in samples.
    #[must_use]
    pub fn width(&self) -> u16 {
        let high = self.extension.map_or(0, |e| e.horizontal_size_extension);
        u16::from(high) << 12 | self.header.horizontal_size_value
    }

    /// Height of the picture in samples.
    #[must_use]
    pub fn height(&self) -> u16 {
        let high = self.extension.map_or(0, |e| e.vertical_size_extension);
        u16::from(high) << 12 | self.header.vertical_size_value
    }

    /// Frames per second; `None` for a reserved code.
    #[must_use]
    pub fn frame_rate(&self) -> Option<FrameRate> {
        let mut rate = self.header.frame_rate()?;
        if let Some(extension) = self.extension {
            rate.frames *= u32::from(extension.frame_rate_extension_n) + 1;
            rate.seconds *= u32::from(extension.frame_rate_extension_d) + 1;
        }
        Some(rate)
    }

    /// Bits per second, rounded up to 400; `None` for MPEG-1 at a variable rate.
    #[must_use]
    pub fn bit_rate(&self) -> Option<u64> {
        let units = match self.extension {
            None if self.header.bit_rate_value == 0x3_FFFF => return None,
            None => 0,
            Some(extension) => u64::from(extension.bit_rate_extension) << 18,
        };
        Some((units | u64::from(self.header.bit_rate_value)) * 400)
    }

    /// Width to height of the shape in which the picture is shown, as a fraction; `None` where it is reserved, or in MPEG-1,
    /// where the code speaks of samples.
    #[must_use]
    pub fn display_aspect_ratio(&self) -> Option<(u32, u32)> {
        self.extension?;
        match self.header.aspect_ratio_information {
            // Square samples, of what is to be shown.
            1 => {
                let whole = (self.width(), self.height());
                let (width, height) = self.display.map_or(whole, |d| {
                    (d.display_horizontal_size, d.display_vertical_size)
                });
                Some((width.into(), height.into()))
            }
            2 => Some((4, 3)),
            3 => Some((16, 9)),
            4 => Some((221, 100)),
            _ => None,
        }
    }
}
