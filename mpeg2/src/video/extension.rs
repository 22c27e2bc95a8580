use super::picture::PictureStructure;
use super::sequence::{Matrix, matrix, write_matrix};
use super::unit::StartCode;
use crate::Error;
use crate::bits::{identifier, invalid, marker, write_identifier};
use alloc::vec::Vec;
use bytes::Bytes;
use wire::{BitReader, BitWriter};

/// `extension_data()` (ISO/IEC 13818-2 §6.2.2.2).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Extension {
    /// Identifier 1.
    Sequence(SequenceExtension),
    /// Identifier 2.
    SequenceDisplay(SequenceDisplay),
    /// Identifier 3.
    QuantMatrix(QuantMatrix),
    /// Identifier 4.
    Copyright(Copyright),
    /// Identifier 7.
    PictureDisplay(PictureDisplay),
    /// Identifier 8.
    PictureCoding(PictureCoding),
    /// Another one, such as those of scalable streams: what follows the start code, identifier and all.
    Other(Bytes),
}

impl Extension {
    /// Reads what follows the start code.
    ///
    /// # Errors
    /// [`Error::Short`] where the input ends too early, [`Error::Invalid`] for a marker bit or another value that the
    /// standard forbids.
    pub fn parse(data: &[u8]) -> Result<Self, Error> {
        let r = &mut BitReader::new(data);
        let mut ahead = *r;
        Ok(match ahead.bits(4, "extension_start_code_identifier")? {
            1 => Self::Sequence(SequenceExtension::decode(r)?),
            2 => Self::SequenceDisplay(SequenceDisplay::decode(r)?),
            3 => Self::QuantMatrix(QuantMatrix::decode(r)?),
            4 => Self::Copyright(Copyright::decode(r)?),
            7 => Self::PictureDisplay(PictureDisplay::decode(r)?),
            8 => Self::PictureCoding(PictureCoding::decode(r)?),
            _ => Self::Other(Bytes::copy_from_slice(data)),
        })
    }

    /// Writes it, with its start code.
    ///
    /// # Errors
    /// [`Error::TooLong`] for a value that its field cannot hold, [`Error::Invalid`] for one that the standard forbids.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        out.extend(StartCode::EXTENSION.bytes());
        let w = &mut BitWriter::new(out);
        match self {
            Self::Sequence(extension) => extension.write(w)?,
            Self::SequenceDisplay(extension) => extension.write(w)?,
            Self::QuantMatrix(extension) => extension.write(w)?,
            Self::Copyright(extension) => extension.write(w)?,
            Self::PictureDisplay(extension) => extension.write(w)?,
            Self::PictureCoding(extension) => extension.write(w)?,
            Self::Other(data) => drop(w.bytes(data)),
        }
        w.align_zero();
        Ok(())
    }
}

/// `sequence_extension()` (ISO/IEC 13818-2 §6.2.2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SequenceExtension {
    /// 1 escape bit, 3 bits of profile, 4 bits of level (§8).
    pub profile_and_level_indication: u8,
    /// Whether all pictures are progressive frames.
    pub progressive_sequence: bool,
    /// 1 is 4:2:0, 2 is 4:2:2, 3 is 4:4:4.
    pub chroma_format: u8,
    /// High bits of the width, 2 bits.
    pub horizontal_size_extension: u8,
    /// High bits of the height, 2 bits.
    pub vertical_size_extension: u8,
    /// High bits of the bit rate, 12 bits.
    pub bit_rate_extension: u16,
    /// High bits of the buffer size.
    pub vbv_buffer_size_extension: u8,
    /// Whether there are no B-pictures, and pictures may be late.
    pub low_delay: bool,
    /// The frame rate is multiplied by this plus 1, 2 bits.
    pub frame_rate_extension_n: u8,
    /// The frame rate is divided by this plus 1, 5 bits.
    pub frame_rate_extension_d: u8,
}

impl SequenceExtension {
    fn decode(r: &mut BitReader<'_>) -> Result<Self, Error> {
        identifier(r, 1)?;
        let profile_and_level_indication = r.bits8(8, "profile_and_level_indication")?;
        let progressive_sequence = r.bit("progressive_sequence")?;
        let chroma_format = r.bits8(2, "chroma_format")?;
        let horizontal_size_extension = r.bits8(2, "horizontal_size_extension")?;
        let vertical_size_extension = r.bits8(2, "vertical_size_extension")?;
        let bit_rate_extension = r.bits16(12, "bit_rate_extension")?;
        marker(r)?;
        Ok(Self {
            profile_and_level_indication,
            progressive_sequence,
            chroma_format,
            horizontal_size_extension,
            vertical_size_extension,
            bit_rate_extension,
            vbv_buffer_size_extension: r.bits8(8, "vbv_buffer_size_extension")?,
            low_delay: r.bit("low_delay")?,
            frame_rate_extension_n: r.bits8(2, "frame_rate_extension_n")?,
            frame_rate_extension_d: r.bits8(5, "frame_rate_extension_d")?,
        })
    }

    fn write(&self, w: &mut BitWriter<'_>) -> Result<(), Error> {
        write_identifier(w, 1)?;
        let n = self.frame_rate_extension_n.into();
        let d = self.frame_rate_extension_d.into();
        w.bits(
            8,
            "profile_and_level_indication",
            self.profile_and_level_indication.into(),
        )?
        .bit(self.progressive_sequence)
        .bits(2, "chroma_format", self.chroma_format.into())?
        .bits(
            2,
            "horizontal_size_extension",
            self.horizontal_size_extension.into(),
        )?
        .bits(
            2,
            "vertical_size_extension",
            self.vertical_size_extension.into(),
        )?
        .bits(12, "bit_rate_extension", self.bit_rate_extension.into())?
        .bit(true)
        .bits(
            8,
            "vbv_buffer_size_extension",
            self.vbv_buffer_size_extension.into(),
        )?
        .bit(self.low_delay)
        .bits(2, "frame_rate_extension_n", n)?
        .bits(5, "frame_rate_extension_d", d)?;
        Ok(())
    }
}

/// Colours, in the codes of ISO/IEC 23091-2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ColourDescription {
    /// Chromaticities of the primaries.
    pub colour_primaries: u8,
    /// Opto-electronic transfer.
    pub transfer_characteristics: u8,
    /// Luminance and chrominance from red, green and blue.
    pub matrix_coefficients: u8,
}

/// `sequence_display_extension()` (ISO/IEC 13818-2 §6.2.2.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SequenceDisplay {
    /// 0 component, 1 PAL, 2 NTSC, 3 SECAM, 4 MAC, 5 unspecified; 3 bits.
    pub video_format: u8,
    /// Colours, where they are told.
    pub colour_description: Option<ColourDescription>,
    /// Width of what is to be shown, 14 bits.
    pub display_horizontal_size: u16,
    /// Height of what is to be shown, 14 bits.
    pub display_vertical_size: u16,
}

impl SequenceDisplay {
    fn decode(r: &mut BitReader<'_>) -> Result<Self, Error> {
        identifier(r, 2)?;
        let video_format = r.bits8(3, "video_format")?;
        let colour_description = match r.bit("colour_description")? {
            true => Some(ColourDescription {
                colour_primaries: r.bits8(8, "colour_primaries")?,
                transfer_characteristics: r.bits8(8, "transfer_characteristics")?,
                matrix_coefficients: r.bits8(8, "matrix_coefficients")?,
            }),
            false => None,
        };
        let display_horizontal_size = r.bits16(14, "display_horizontal_size")?;
        marker(r)?;
        Ok(Self {
            video_format,
            colour_description,
            display_horizontal_size,
            display_vertical_size: r.bits16(14, "display_vertical_size")?,
        })
    }

    fn write(&self, w: &mut BitWriter<'_>) -> Result<(), Error> {
        write_identifier(w, 2)?;
        w.bits(3, "video_format", self.video_format.into())?
            .bit(self.colour_description.is_some());
        if let Some(colours) = self.colour_description {
            w.bytes(&[
                colours.colour_primaries,
                colours.transfer_characteristics,
                colours.matrix_coefficients,
            ]);
        }
        let (width, height) = (self.display_horizontal_size, self.display_vertical_size);
        w.bits(14, "display_horizontal_size", width.into())?
            .bit(true)
            .bits(14, "display_vertical_size", height.into())?;
        Ok(())
    }
}

/// `quant_matrix_extension()` (ISO/IEC 13818-2 §6.2.3.2): matrices from this picture on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QuantMatrix {
    /// For intra macroblocks.
    pub intra_quantiser_matrix: Option<Matrix>,
    /// For other macroblocks.
    pub non_intra_quantiser_matrix: Option<Matrix>,
    /// For chrominance of intra macroblocks, other than in 4:2:0.
    pub chroma_intra_quantiser_matrix: Option<Matrix>,
    /// For chrominance of other macroblocks, other than in 4:2:0.
    pub chroma_non_intra_quantiser_matrix: Option<Matrix>,
}

impl QuantMatrix {
    fn decode(r: &mut BitReader<'_>) -> Result<Self, Error> {
        identifier(r, 3)?;
        let mut next = |flag, what| matrix(r, flag, what);
        Ok(Self {
            intra_quantiser_matrix: next("load_intra_quantiser_matrix", "intra_quantiser_matrix")?,
            non_intra_quantiser_matrix: next(
                "load_non_intra_quantiser_matrix",
                "non_intra_quantiser_matrix",
            )?,
            chroma_intra_quantiser_matrix: next(
                "load_chroma_intra_quantiser_matrix",
                "chroma_intra_quantiser_matrix",
            )?,
            chroma_non_intra_quantiser_matrix: next(
                "load_chroma_non_intra_quantiser_matrix",
                "chroma_non_intra_quantiser_matrix",
            )?,
        })
    }

    fn write(&self, w: &mut BitWriter<'_>) -> Result<(), Error> {
        write_identifier(w, 3)?;
        for (what, matrix) in [
            ("intra_quantiser_matrix", &self.intra_quantiser_matrix),
            (
                "non_intra_quantiser_matrix",
                &self.non_intra_quantiser_matrix,
            ),
            (
                "chroma_intra_quantiser_matrix",
                &self.chroma_intra_quantiser_matrix,
            ),
            (
                "chroma_non_intra_quantiser_matrix",
                &self.chroma_non_intra_quantiser_matrix,
            ),
        ] {
            write_matrix(w, what, matrix.as_ref())?;
        }
        Ok(())
    }
}

/// `copyright_extension()` (ISO/IEC 13818-2 §6.2.3.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Copyright {
    /// Whether what follows is under copyright.
    pub copyright_flag: bool,
    /// Who registers the number.
    pub copyright_identifier: u8,
    /// Whether it is the original.
    pub original_or_copy: bool,
    /// 64 bits, in the stream in three parts.
    pub copyright_number: u64,
}

impl Copyright {
    fn decode(r: &mut BitReader<'_>) -> Result<Self, Error> {
        identifier(r, 4)?;
        let copyright_flag = r.bit("copyright_flag")?;
        let copyright_identifier = r.bits8(8, "copyright_identifier")?;
        let original_or_copy = r.bit("original_or_copy")?;
        r.skip(7, "reserved")?;
        let mut copyright_number = 0;
        for (bits, what) in [
            (20, "copyright_number_1"),
            (22, "copyright_number_2"),
            (22, "copyright_number_3"),
        ] {
            marker(r)?;
            copyright_number = copyright_number << bits | r.bits64(bits, what)?;
        }
        Ok(Self {
            copyright_flag,
            copyright_identifier,
            original_or_copy,
            copyright_number,
        })
    }

    fn write(&self, w: &mut BitWriter<'_>) -> Result<(), Error> {
        write_identifier(w, 4)?;
        let number = self.copyright_number;
        w.bit(self.copyright_flag)
            .bits(8, "copyright_identifier", self.copyright_identifier.into())?
            .bit(self.original_or_copy)
            .bits(7, "reserved", 0)?
            .bit(true)
            .bits64(20, "copyright_number_1", number >> 44)?
            .bit(true)
            .bits64(22, "copyright_number_2", number >> 22 & 0x3F_FFFF)?
            .bit(true)
            .bits64(22, "copyright_number_3", number & 0x3F_FFFF)?;
        Ok(())
    }
}

/// Where the middle of what is to be shown is, from the middle of the picture, in 1/16 sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameCentre {
    /// To the right.
    pub horizontal_offset: i16,
    /// Down.
    pub vertical_offset: i16,
}

/// `picture_display_extension()` (ISO/IEC 13818-2 §6.2.3.3): one offset for each field or frame that is shown, at most 3.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PictureDisplay {
    /// The offsets.
    pub frame_centres: Vec<FrameCentre>,
}

/// Bits of an offset, with its markers.
const FRAME_CENTRE: u64 = 34;

impl PictureDisplay {
    fn decode(r: &mut BitReader<'_>) -> Result<Self, Error> {
        identifier(r, 7)?;
        let mut frame_centres = Vec::new();
        while frame_centres.len() < 3 && r.left() >= FRAME_CENTRE {
            let horizontal = r.bits16(16, "frame_centre_horizontal_offset")?;
            marker(r)?;
            let vertical = r.bits16(16, "frame_centre_vertical_offset")?;
            marker(r)?;
            frame_centres.push(FrameCentre {
                horizontal_offset: horizontal.cast_signed(),
                vertical_offset: vertical.cast_signed(),
            });
        }
        Ok(Self { frame_centres })
    }

    fn write(&self, w: &mut BitWriter<'_>) -> Result<(), Error> {
        write_identifier(w, 7)?;
        for centre in &self.frame_centres {
            w.bytes(&centre.horizontal_offset.to_be_bytes()).bit(true);
            w.bytes(&centre.vertical_offset.to_be_bytes()).bit(true);
        }
        Ok(())
    }
}

/// What is known of the composite signal that the picture comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CompositeDisplay {
    /// Whether the V axis is positive.
    pub v_axis: bool,
    /// Number of the field, 3 bits.
    pub field_sequence: u8,
    /// Phase of the subcarrier to the line.
    pub sub_carrier: bool,
    /// 7 bits.
    pub burst_amplitude: u8,
    /// In units of 360/256 degrees.
    pub sub_carrier_phase: u8,
}

/// `picture_coding_extension()` (ISO/IEC 13818-2 §6.2.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PictureCoding {
    /// `f_code[s][t]`: forward and backward, horizontal and vertical; 4 bits each, 15 where not used.
    pub f_code: [[u8; 2]; 2],
    /// Bits of the DC coefficient less 8, 2 bits.
    pub intra_dc_precision: u8,
    /// A frame or one of its fields.
    pub picture_structure: PictureStructure,
    /// Whether the top field is shown first; in a progressive sequence with `repeat_first_field`, whether the frame is shown
    /// three times.
    pub top_field_first: bool,
    /// Whether only frame prediction is used.
    pub frame_pred_frame_dct: bool,
    /// Whether intra macroblocks have motion vectors.
    pub concealment_motion_vectors: bool,
    /// Scale of the quantiser.
    pub q_scale_type: bool,
    /// Table of intra coefficients.
    pub intra_vlc_format: bool,
    /// Order of coefficients.
    pub alternate_scan: bool,
    /// Whether the first field, or in a progressive sequence the frame, is shown again.
    pub repeat_first_field: bool,
    /// As `progressive_frame` in 4:2:0.
    pub chroma_420_type: bool,
    /// Whether both fields are of one moment.
    pub progressive_frame: bool,
    /// Where it comes from a composite signal.
    pub composite_display: Option<CompositeDisplay>,
}

impl PictureCoding {
    fn decode(r: &mut BitReader<'_>) -> Result<Self, Error> {
        identifier(r, 8)?;
        let mut f_code = [[0; 2]; 2];
        for code in f_code.as_flattened_mut() {
            *code = r.bits8(4, "f_code")?;
        }
        Ok(Self {
            f_code,
            intra_dc_precision: r.bits8(2, "intra_dc_precision")?,
            picture_structure: match r.bits8(2, "picture_structure")? {
                1 => PictureStructure::TopField,
                2 => PictureStructure::BottomField,
                3 => PictureStructure::Frame,
                reserved => return Err(invalid(r, "picture_structure", reserved.into())),
            },
            top_field_first: r.bit("top_field_first")?,
            frame_pred_frame_dct: r.bit("frame_pred_frame_dct")?,
            concealment_motion_vectors: r.bit("concealment_motion_vectors")?,
            q_scale_type: r.bit("q_scale_type")?,
            intra_vlc_format: r.bit("intra_vlc_format")?,
            alternate_scan: r.bit("alternate_scan")?,
            repeat_first_field: r.bit("repeat_first_field")?,
            chroma_420_type: r.bit("chroma_420_type")?,
            progressive_frame: r.bit("progressive_frame")?,
            composite_display: match r.bit("composite_display_flag")? {
                true => Some(CompositeDisplay {
                    v_axis: r.bit("v_axis")?,
                    field_sequence: r.bits8(3, "field_sequence")?,
                    sub_carrier: r.bit("sub_carrier")?,
                    burst_amplitude: r.bits8(7, "burst_amplitude")?,
                    sub_carrier_phase: r.bits8(8, "sub_carrier_phase")?,
                }),
                false => None,
            },
        })
    }

    fn write(&self, w: &mut BitWriter<'_>) -> Result<(), Error> {
        write_identifier(w, 8)?;
        for &code in self.f_code.as_flattened() {
            w.bits(4, "f_code", code.into())?;
        }
        w.bits(2, "intra_dc_precision", self.intra_dc_precision.into())?
            .bits(2, "picture_structure", self.picture_structure.code())?
            .bit(self.top_field_first)
            .bit(self.frame_pred_frame_dct)
            .bit(self.concealment_motion_vectors)
            .bit(self.q_scale_type)
            .bit(self.intra_vlc_format)
            .bit(self.alternate_scan)
            .bit(self.repeat_first_field)
            .bit(self.chroma_420_type)
            .bit(self.progressive_frame)
            .bit(self.composite_display.is_some());
        if let Some(composite) = self.composite_display {
            w.bit(composite.v_axis)
                .bits(3, "field_sequence", composite.field_sequence.into())?
                .bit(composite.sub_carrier)
                .bits(7, "burst_amplitude", composite.burst_amplitude.into())?
                .bits(8, "sub_carrier_phase", composite.sub_carrier_phase.into())?;
        }
        Ok(())
    }
}
