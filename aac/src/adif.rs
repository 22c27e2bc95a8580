//! Audio Data Interchange Format: a header, then raw data blocks to the end of the file (ISO/IEC 14496-3 §1.A.2.1).
//!
//! The blocks follow each other without lengths, so that only a decoder can tell them apart.

use crate::asc::{Fields, ProgramConfigElement, Specific};
use crate::{AudioSpecificConfig, Error, ObjectType, tables};
use alloc::sync::Arc;
use alloc::vec::Vec;
use wire::{BitReader, BitWriter};

/// `adif_header()` (ISO/IEC 14496-3 Table 1.A.2).
///
/// ```text
/// 32 adif_id "ADIF"                1 home
///  1 copyright_id_present          1 bitstream_type (1: variable rate)
/// 72 copyright_id, if present     23 bitrate
///  1 original_copy                 4 num_program_config_elements, less 1
/// for each: 20 adif_buffer_fullness if constant rate, program_config_element()
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// `copyright_id`.
    pub copyright_id: Option<[u8; 9]>,
    /// `original_copy`.
    pub original_copy: bool,
    /// `home`.
    pub home: bool,
    /// `bitrate` in bits per second, 23 bits: the highest one where the rate varies; 0 is unknown.
    pub bitrate: u32,
    /// `adif_buffer_fullness` of each program, 20 bits each, where the rate is constant (`bitstream_type` 0).
    pub buffer_fullness: Option<Vec<u32>>,
    /// The programs, 1 to 16.
    pub programs: Vec<ProgramConfigElement>,
}

const ID: [u8; 4] = *b"ADIF";

impl Header {
    /// Reads the header at the start of a file; gives the bytes after it, too.
    ///
    /// # Errors
    /// [`Error::Short`] where it is not whole, [`Error::Invalid`] where the file does not begin with `ADIF`.
    pub fn parse(data: &[u8]) -> Result<(Self, &[u8]), Error> {
        let mut r = BitReader::new(data);
        let id = r.bits(32, "adif_id")?;
        if id != u32::from_be_bytes(ID) {
            return Err(Error::Invalid {
                field: "adif_id",
                value: id.into(),
                bit: r.position(),
            });
        }
        let mut copyright_id = None;
        if r.bit("copyright_id_present")? {
            let mut id = [0; 9];
            for byte in &mut id {
                *byte = r.bits8(8, "copyright_id")?;
            }
            copyright_id = Some(id);
        }
        let original_copy = r.bit("original_copy")?;
        let home = r.bit("home")?;
        let constant_rate = !r.bit("bitstream_type")?;
        let bitrate = r.bits(23, "bitrate")?;
        let count = r.bits(4, "num_program_config_elements")? + 1;
        let mut buffer_fullness = Vec::new();
        let mut programs = Vec::new();
        for _ in 0..count {
            if constant_rate {
                buffer_fullness.push(r.bits(20, "adif_buffer_fullness")?);
            }
            programs.push(ProgramConfigElement::decode(&mut r, 0)?);
        }
        // The last program ends at a byte.
        let rest = usize::try_from(r.position() / 8).unwrap_or(usize::MAX);
        let header = Self {
            copyright_id,
            original_copy,
            home,
            bitrate,
            buffer_fullness: constant_rate.then_some(buffer_fullness),
            programs,
        };
        Ok((header, data.get(rest..).unwrap_or_default()))
    }

    /// Appends the header.
    ///
    /// # Errors
    /// [`Error::TooLong`] where a number does not fit its field, [`Error::Invalid`] where there is no program or not one
    /// `adif_buffer_fullness` for each.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        let mut w = BitWriter::new(out);
        w.bytes(&ID).bit(self.copyright_id.is_some());
        if let Some(id) = &self.copyright_id {
            w.bytes(id);
        }
        w.bit(self.original_copy)
            .bit(self.home)
            .bit(self.buffer_fullness.is_none())
            .bits(23, "bitrate", self.bitrate)?;
        let count = self.programs.len();
        let fullness = self.buffer_fullness.as_deref();
        if count == 0 || fullness.is_some_and(|fullness| fullness.len() != count) {
            return Err(Error::Invalid {
                field: "num_program_config_elements",
                value: count as u64,
                bit: w.position(),
            });
        }
        w.bits64(4, "num_program_config_elements", count as u64 - 1)?;
        for (at, program) in self.programs.iter().enumerate() {
            if let Some(&fullness) = fullness.and_then(|fullness| fullness.get(at)) {
                w.bits(20, "adif_buffer_fullness", fullness)?;
            }
            program.write(&mut w, 0)?;
        }
        Ok(())
    }

    /// The configuration that a decoder of the first program needs.
    ///
    /// # Errors
    /// [`Error::Invalid`] where there is no program, or its sampling frequency is reserved.
    pub fn config(&self) -> Result<AudioSpecificConfig, Error> {
        let invalid = |field, value| Error::Invalid {
            field,
            value,
            bit: 0,
        };
        let Some(program) = self.programs.first() else {
            return Err(invalid("num_program_config_elements", 0));
        };
        let index = program.sampling_frequency_index;
        let frequencies = &tables::SAMPLING_FREQUENCIES;
        let Some(&hz) = frequencies.get(usize::from(index)) else {
            return Err(invalid("sampling_frequency_index", index.into()));
        };
        let object_type = ObjectType::new(program.object_type.saturating_add(1))
            .ok_or_else(|| invalid("object_type", program.object_type.into()))?;
        let mut fields = Fields::ga(object_type, hz, 0);
        if let Specific::Ga(config) = &mut fields.specific {
            config.program_config_element = Some(Arc::new(program.clone()));
        }
        AudioSpecificConfig::new(fields)
    }
}
