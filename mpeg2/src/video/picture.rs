use super::StartCode;
use crate::Error;
use crate::bits::invalid;
use alloc::vec::Vec;
use wire::{BitReader, BitWriter};

/// `picture_coding_type` (ISO/IEC 13818-2 Table 6-12).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PictureType {
    /// 1: without other pictures.
    I,
    /// 2: predicted from the reference picture before.
    P,
    /// 3: predicted from those before and after.
    B,
    /// 4: MPEG-1, without AC coefficients.
    D,
}

/// `picture_structure` (ISO/IEC 13818-2 Table 6-14).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PictureStructure {
    /// 1.
    TopField,
    /// 2.
    BottomField,
    /// 3.
    Frame,
}

impl PictureStructure {
    pub(super) const fn code(self) -> u32 {
        match self {
            Self::TopField => 1,
            Self::BottomField => 2,
            Self::Frame => 3,
        }
    }
}

/// How motion vectors are coded in MPEG-1; in MPEG-2 the picture coding extension says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MotionVectors {
    /// Whether they count whole samples rather than halves; 0 in MPEG-2.
    pub full_pel: bool,
    /// 3 bits; 7 in MPEG-2.
    pub f_code: u8,
}

impl MotionVectors {
    /// As MPEG-2 has them.
    pub const MPEG2: Self = Self {
        full_pel: false,
        f_code: 7,
    };
}

/// `picture_header()` (ISO/IEC 13818-2 §6.2.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PictureHeader {
    /// Place in output order since the last group header, 10 bits.
    pub temporal_reference: u16,
    /// What it is predicted from.
    pub picture_coding_type: PictureType,
    /// How long it waits in the buffer, in 1/90000 s; 0xFFFF at a variable rate.
    pub vbv_delay: u16,
    /// Of P- and B-pictures.
    pub forward: Option<MotionVectors>,
    /// Of B-pictures.
    pub backward: Option<MotionVectors>,
    /// `extra_information_picture`.
    pub extra_information: Vec<u8>,
}

impl PictureHeader {
    /// Reads what follows the start code.
    ///
    /// # Errors
    /// [`Error::Short`] where the input ends too early, [`Error::Invalid`] for a reserved type.
    pub fn parse(data: &[u8]) -> Result<Self, Error> {
        let r = &mut BitReader::new(data);
        let temporal_reference = r.bits16(10, "temporal_reference")?;
        let picture_coding_type = match r.bits8(3, "picture_coding_type")? {
            1 => PictureType::I,
            2 => PictureType::P,
            3 => PictureType::B,
            4 => PictureType::D,
            reserved => return Err(invalid(r, "picture_coding_type", reserved.into())),
        };
        let vbv_delay = r.bits16(16, "vbv_delay")?;
        let (has_forward, has_backward) = vectors_of(picture_coding_type);
        let mut vectors = |full_pel, f_code| {
            Ok::<_, Error>(MotionVectors {
                full_pel: r.bit(full_pel)?,
                f_code: r.bits8(3, f_code)?,
            })
        };
        let forward = has_forward
            .then(|| vectors("full_pel_forward_vector", "forward_f_code"))
            .transpose()?;
        let backward = has_backward
            .then(|| vectors("full_pel_backward_vector", "backward_f_code"))
            .transpose()?;
        Ok(Self {
            temporal_reference,
            picture_coding_type,
            vbv_delay,
            forward,
            backward,
            extra_information: extra_information(r)?,
        })
    }

    /// Writes it, with its start code.
    ///
    /// # Errors
    /// [`Error::TooLong`] for a value that its field cannot hold, [`Error::Invalid`] where vectors are there that the type does
    /// not have, or the reverse.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        out.extend(StartCode::PICTURE.bytes());
        let mut w = BitWriter::new(out);
        let code = match self.picture_coding_type {
            PictureType::I => 1,
            PictureType::P => 2,
            PictureType::B => 3,
            PictureType::D => 4,
        };
        w.bits(10, "temporal_reference", self.temporal_reference.into())?
            .bits(3, "picture_coding_type", code)?
            .bits(16, "vbv_delay", self.vbv_delay.into())?;
        let present = (self.forward.is_some(), self.backward.is_some());
        if present != vectors_of(self.picture_coding_type) {
            return Err(Error::Invalid {
                field: "picture_coding_type",
                value: code.into(),
                bit: w.position(),
            });
        }
        for vectors in self.forward.iter().chain(&self.backward) {
            w.bit(vectors.full_pel)
                .bits(3, "f_code", vectors.f_code.into())?;
        }
        write_extra_information(&mut w, &self.extra_information);
        w.align_zero();
        Ok(())
    }
}

/// Whether pictures of a type have forward and backward vectors.
const fn vectors_of(picture_coding_type: PictureType) -> (bool, bool) {
    match picture_coding_type {
        PictureType::I | PictureType::D => (false, false),
        PictureType::P => (true, false),
        PictureType::B => (true, true),
    }
}

/// Bytes with a bit of 1 before each, up to a bit of 0.
fn extra_information(r: &mut BitReader<'_>) -> Result<Vec<u8>, Error> {
    let mut extra = Vec::new();
    while r.bit("extra_bit")? {
        extra.push(r.bits8(8, "extra_information")?);
    }
    Ok(extra)
}

fn write_extra_information(w: &mut BitWriter<'_>, extra: &[u8]) {
    for &byte in extra {
        w.bit(true).bytes(&[byte]);
    }
    w.bit(false);
}

/// The start of `slice()` (ISO/IEC 13818-2 §6.2.4), up to its first macroblock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slice {
    /// The row of macroblocks, from 0.
    pub row: u16,
    /// Step of the quantiser, 5 bits.
    pub quantiser_scale_code: u8,
    /// Whether all macroblocks are intra, and `slice_picture_id`, 6 bits, where it is used; MPEG-2, where it is told.
    pub intra_slice: Option<(bool, Option<u8>)>,
    /// `extra_information_slice`.
    pub extra_information: Vec<u8>,
}

/// Heights past this one have a `slice_vertical_position_extension`.
const TALL: u16 = 2800;

impl Slice {
    /// Reads a slice with the last byte of its start code; `height` is that of the picture, and tells whether the row takes
    /// more than this byte. Gives also where the first macroblock begins, in bits after the start code.
    ///
    /// # Errors
    /// [`Error::Short`] where the input ends too early, [`Error::Invalid`] where the code is none of a slice.
    pub fn parse(code: StartCode, data: &[u8], height: u16) -> Result<(Self, u64), Error> {
        let r = &mut BitReader::new(data);
        if !code.is_slice() {
            return Err(invalid(r, "slice_start_code", code.0.into()));
        }
        let mut row = u16::from(code.0) - 1;
        if height > TALL {
            row += r.bits16(3, "slice_vertical_position_extension")? << 7;
        }
        let quantiser_scale_code = r.bits8(5, "quantiser_scale_code")?;
        let mut ahead = *r;
        let mut intra_slice = None;
        // MPEG-1 has no such flag: there the bit begins extra information, whose first byte would be a reserved one.
        if ahead.bit("slice_extension_flag")? {
            *r = ahead;
            let intra = r.bit("intra_slice")?;
            let enabled = r.bit("slice_picture_id_enable")?;
            let id = r.bits8(6, "slice_picture_id")?;
            intra_slice = Some((intra, enabled.then_some(id)));
        }
        let slice = Self {
            row,
            quantiser_scale_code,
            intra_slice,
            extra_information: extra_information(r)?,
        };
        Ok((slice, r.position()))
    }

    /// Writes it, with its start code, in front of macroblocks that are to follow bit by bit.
    ///
    /// # Errors
    /// [`Error::TooLong`] for a value that its field cannot hold.
    pub fn write(&self, height: u16, w: &mut BitWriter<'_>) -> Result<(), Error> {
        let (high, low) = if height > TALL {
            (Some(self.row >> 7), self.row & 0x7F)
        } else {
            (None, self.row)
        };
        let max = u64::from(StartCode::LAST_SLICE.0) - 1;
        let Some(code) = u8::try_from(low).ok().filter(|&low| u64::from(low) <= max) else {
            return Err(Error::TooLong(wire::TooLong {
                what: "slice_vertical_position",
                value: self.row.into(),
                max,
            }));
        };
        w.bytes(&StartCode(code + 1).bytes());
        if let Some(high) = high {
            w.bits(3, "slice_vertical_position_extension", high.into())?;
        }
        w.bits(5, "quantiser_scale_code", self.quantiser_scale_code.into())?;
        if let Some((intra, id)) = self.intra_slice {
            w.bit(true).bit(intra).bit(id.is_some()).bits(
                6,
                "slice_picture_id",
                id.unwrap_or(0).into(),
            )?;
        }
        write_extra_information(w, &self.extra_information);
        Ok(())
    }
}
