use super::Header;
use super::crc::crc16;
use crate::asc::{ProgramConfigElement, Specific};
use crate::{AudioSpecificConfig, Error};
use alloc::sync::Arc;
use wire::BitReader;

/// `id_syn_ele` of a program config element (ISO/IEC 14496-3 Table 4.85).
const ID_PCE: u32 = 5;

/// An ADTS frame within some bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    header: Header,
    data: &'a [u8],
}

/// `raw_data_block()`: one access unit of AAC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block<'a> {
    /// Its bytes.
    pub data: &'a [u8],
    /// `crc_check` over parts of it, where the frame is protected. It covers the first bits of each channel element, which
    /// only a decoder tells apart: it is carried, not checked.
    pub crc: Option<u16>,
}

/// The raw data blocks of a frame.
#[derive(Debug, Clone)]
pub struct Blocks<'a> {
    /// The block of a frame that has one.
    only: Option<Block<'a>>,
    /// What is left of a frame that has several: blocks, each with its check.
    rest: &'a [u8],
    /// Bytes before `rest`, from the start of the first block.
    passed: usize,
    /// Positions of the blocks after the next one, big-endian.
    positions: &'a [[u8; 2]],
}

/// A frame after its header.
struct Body<'a> {
    /// Positions of the blocks after the first, big-endian.
    positions: &'a [[u8; 2]],
    /// The check that precedes the blocks.
    crc: Option<u16>,
    blocks: &'a [u8],
}

impl<'a> Frame<'a> {
    pub(super) const fn new(header: Header, data: &'a [u8]) -> Self {
        Self { header, data }
    }

    /// The frame at the start of some bytes.
    ///
    /// # Errors
    /// As [`Header::parse`], and [`Error::Short`] where the frame is not whole.
    pub fn parse(data: &'a [u8]) -> Result<Self, Error> {
        let header = Header::parse(data)?;
        match data.get(..header.aac_frame_length()) {
            Some(data) => Ok(Self { header, data }),
            None => Err(Error::Short(wire::ShortBits {
                what: "adts_frame",
                bit: 0,
                needed: header.aac_frame_length() as u64 * 8,
                left: data.len() as u64 * 8,
            })),
        }
    }

    /// Its header.
    #[must_use]
    pub const fn header(&self) -> Header {
        self.header
    }

    /// All its bytes, the header included.
    #[must_use]
    pub const fn bytes(&self) -> &'a [u8] {
        self.data
    }

    fn body(&self) -> Option<Body<'a>> {
        let body = self.data.get(Header::LEN..)?;
        if self.header.protection_absent() {
            return Some(Body {
                positions: &[],
                crc: None,
                blocks: body,
            });
        }
        let (checks, blocks) = body.split_at_checked(2 * self.header.raw_data_blocks())?;
        let (crc, positions) = checks.as_chunks().0.split_last()?;
        Some(Body {
            positions,
            crc: Some(u16::from_be_bytes(*crc)),
            blocks,
        })
    }

    /// Whether the header's check is right; `None` where there is none that covers the header alone, as only protected
    /// frames of several blocks have (`adts_header_error_check()`).
    #[must_use]
    pub fn is_header_intact(&self) -> Option<bool> {
        let Body { positions, crc, .. } = self.body()?;
        let covered = self
            .data
            .get(..Header::LEN + positions.as_flattened().len())?;
        match positions {
            [] => None,
            _ => Some(crc == Some(crc16(&[covered]))),
        }
    }

    /// Its raw data blocks, each an access unit.
    ///
    /// # Errors
    /// [`Error::Invalid`] where there are several and the frame does not say where they begin, as it does only if it is
    /// protected: a decoder finds out, by decoding them in turn.
    pub fn blocks(&self) -> Result<Blocks<'a>, Error> {
        let count = self.header.raw_data_blocks();
        match self.body() {
            Some(Body { crc, blocks, .. }) if count == 1 => Ok(Blocks {
                only: Some(Block { data: blocks, crc }),
                rest: &[],
                passed: 0,
                positions: &[],
            }),
            Some(Body {
                positions: positions @ [_, ..],
                blocks,
                ..
            }) => Ok(Blocks {
                only: None,
                rest: blocks,
                passed: 0,
                positions,
            }),
            _ => Err(Error::Invalid {
                field: "number_of_raw_data_blocks_in_frame",
                value: count as u64 - 1,
                bit: 56,
            }),
        }
    }

    /// The configuration that its decoder needs. SBR and PS are never said in ADTS, so it leaves them open.
    ///
    /// # Errors
    /// [`Error::Short`] or [`Error::Invalid`] where the layout has to be in the frame (`channel_configuration` 0) and is not.
    pub fn config(&self) -> Result<AudioSpecificConfig, Error> {
        let mut fields = self.header.fields();
        if fields.channel_configuration == 0 {
            let blocks = self.body().map_or(&[][..], |body| body.blocks);
            let mut r = BitReader::new(blocks);
            let id = r.bits(3, "id_syn_ele")?;
            if id != ID_PCE {
                return Err(Error::Invalid {
                    field: "id_syn_ele",
                    value: id.into(),
                    bit: 3,
                });
            }
            let pce = ProgramConfigElement::decode(&mut r, 0)?;
            if let Specific::Ga(config) = &mut fields.specific {
                config.program_config_element = Some(Arc::new(pce));
            }
        }
        AudioSpecificConfig::new(fields)
    }
}

impl<'a> Iterator for Blocks<'a> {
    type Item = Block<'a>;

    /// A position that leads backwards or out of the frame ends the iteration.
    fn next(&mut self) -> Option<Block<'a>> {
        if let Some(only) = self.only.take() {
            return Some(only);
        }
        let rest = core::mem::take(&mut self.rest);
        let len = match self.positions.split_first() {
            Some((position, positions)) => {
                self.positions = positions;
                usize::from(u16::from_be_bytes(*position)).checked_sub(self.passed)?
            }
            None => rest.len(),
        };
        let (block, rest) = rest.split_at_checked(len)?;
        let (data, crc) = block.split_last_chunk()?;
        (self.rest, self.passed) = (rest, self.passed + len);
        Some(Block {
            data,
            crc: Some(u16::from_be_bytes(*crc)),
        })
    }
}
