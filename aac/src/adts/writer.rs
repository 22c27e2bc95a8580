use super::crc::crc16;
use super::{Block, Header};
use crate::asc::{GaSpecificConfig, Specific};
use crate::{AudioSpecificConfig, Error};
use alloc::vec::Vec;
use wire::{BitWriter, TooLong};

/// Puts access units into ADTS frames.
#[derive(Debug, Clone)]
pub struct Writer {
    header: Header,
    /// The layout as an element, where the channel configuration is 0.
    layout: Vec<u8>,
}

impl Writer {
    /// A writer for the access units of a configuration. ADTS cannot say SBR and PS: decoders find them in the frames.
    ///
    /// # Errors
    /// [`Error::Invalid`] or [`Error::TooLong`] for what ADTS cannot carry: object types past 4, rates that have no index,
    /// frames of 960 samples, channel configurations past 7.
    pub fn new(config: &AudioSpecificConfig) -> Result<Self, Error> {
        let header = Header::of(config)?;
        let mut layout = Vec::new();
        if let Specific::Ga(GaSpecificConfig {
            program_config_element: Some(pce),
            ..
        }) = &config.fields().specific
        {
            let mut w = BitWriter::new(&mut layout);
            w.bits(3, "id_syn_ele", 5)?;
            pce.write(&mut w, 0)?;
        }
        Ok(Self { header, layout })
    }

    /// Appends an access unit as a frame of its own, without a check.
    ///
    /// Where the layout is spelled out, it goes in front of each access unit that does not have it, so that a decoder can
    /// begin at any frame.
    ///
    /// # Errors
    /// [`Error::TooLong`] where the frame would be longer than 8191 bytes.
    pub fn write(&self, access_unit: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        let layout = match access_unit.first() {
            Some(first) if first >> 5 == 5 => &[][..],
            _ => &self.layout,
        };
        let len = Header::LEN + layout.len() + access_unit.len();
        let header = self.header.with_frame(len, 1)?;
        out.reserve(len);
        out.extend_from_slice(&header.to_bytes());
        out.extend_from_slice(layout);
        out.extend_from_slice(access_unit);
        Ok(())
    }
}

impl Header {
    /// Appends a frame of one to four blocks with the fields of this header, other lengths and counts apart.
    ///
    /// A protected frame (`protection_absent` 0) gets the checks that the blocks bring, and, where there are several blocks,
    /// their positions and a check of the header.
    ///
    /// # Errors
    /// [`Error::TooLong`] where the frame would be longer than 8191 bytes or has more than 4 blocks, [`Error::Invalid`] where
    /// there is no block, or one without the check that a protected frame has.
    pub fn encode_frame(self, blocks: &[Block<'_>], out: &mut Vec<u8>) -> Result<(), Error> {
        let invalid = |field, value| Error::Invalid {
            field,
            value,
            bit: 56,
        };
        if blocks.is_empty() {
            return Err(invalid("number_of_raw_data_blocks_in_frame", 0));
        }
        let data = |blocks: &[Block<'_>]| blocks.iter().map(|b| b.data.len()).sum::<usize>();
        if self.protection_absent() {
            let header = self.with_frame(Self::LEN + data(blocks), blocks.len())?;
            out.extend_from_slice(&header.to_bytes());
            for block in blocks {
                out.extend_from_slice(block.data);
            }
            return Ok(());
        }
        if blocks.iter().any(|block| block.crc.is_none()) {
            return Err(invalid("protection_absent", 0));
        }
        let crc = |block: &Block<'_>| block.crc.unwrap_or_default().to_be_bytes();
        if let [block] = blocks {
            let header = self.with_frame(Self::LEN + 2 + block.data.len(), 1)?;
            out.extend_from_slice(&header.to_bytes());
            out.extend_from_slice(&crc(block));
            out.extend_from_slice(block.data);
            return Ok(());
        }
        // Each block has its check after it, and a position or the header's check before the first one.
        let header = self.with_frame(Self::LEN + 4 * blocks.len() + data(blocks), blocks.len())?;
        let mut positions = Vec::with_capacity(8);
        let mut position = 0usize;
        for block in blocks.iter().take(blocks.len() - 1) {
            position += block.data.len() + 2;
            let fits = u16::try_from(position).map_err(|_| TooLong {
                what: "raw_data_block_position",
                value: position as u64,
                max: u16::MAX.into(),
            })?;
            positions.extend_from_slice(&fits.to_be_bytes());
        }
        let header = header.to_bytes();
        out.extend_from_slice(&header);
        out.extend_from_slice(&positions);
        out.extend_from_slice(&crc16(&[&header, &positions]).to_be_bytes());
        for block in blocks {
            out.extend_from_slice(block.data);
            out.extend_from_slice(&crc(block));
        }
        Ok(())
    }
}
