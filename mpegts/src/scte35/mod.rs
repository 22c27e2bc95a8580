//! Splice information: cues for advertisements and programs (ANSI/SCTE 35, edition of 2022).
//!
//! A [`SpliceInfoSection`] has one [`SpliceCommand`] and any number of [`SpliceDescriptor`]s. It is read from its bytes, wherever those
//! came from: a section of a transport stream, the text of an HLS playlist or a DASH manifest decoded, an `emsg` box.
//!
//! ```
//! use fluvial_mpegts::scte35::{SpliceCommand, SpliceInfoSection};
//!
//! let null = [0xFC, 0x30, 0x11, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xF0, 0, 0, 0, 0, 0x7A, 0x4F, 0xBF, 0xFF];
//! let section = SpliceInfoSection::parse(&null)?;
//! assert_eq!(section.command(), Some(&SpliceCommand::Null));
//! let mut out = Vec::new();
//! section.encode(&mut out)?;
//! assert_eq!(out, null);
//! # Ok::<(), fluvial_mpegts::Error>(())
//! ```

mod command;
mod descriptor;
mod interruption;
mod segmentation;
mod time;
mod upid;

pub use command::{
    Component, InsertComponent, ScheduleEvent, ScheduleTime, SpliceCommand, SpliceEvent,
    SpliceInsert, SpliceTimes, SpliceWhen,
};
pub use descriptor::{AudioComponent, DtmfDescriptor, SpliceDescriptor, TimeDescriptor};
pub use interruption::Break;
pub use segmentation::{
    DeliveryRestrictions, Segment, SegmentComponent, SegmentationDescriptor, SegmentationTypeId,
};
pub use time::{BreakDuration, SpliceTime};
pub use upid::{Upid, UpidType};

use crate::Error;
use crate::clock::WRAP;
use crate::psi::{crc32, fits, too_long};
use alloc::vec::Vec;
use wire::{Reader, Writer};

/// `splice_info_section` (ANSI/SCTE 35 §9.6).
///
/// ```text
/// table_id 8 (0xFC) | section_syntax_indicator 1 (0) | private_indicator 1 (0) | sap_type 2 | section_length 12
/// protocol_version 8 | encrypted_packet 1 | encryption_algorithm 6 | pts_adjustment 33 | cw_index 8 | tier 12
/// splice_command_length 12
/// the rest encrypted, if encrypted_packet:
///   splice_command_type 8 | command | descriptor_loop_length 16 | descriptors | alignment_stuffing | E_CRC_32, if encrypted_packet
/// CRC_32 32
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpliceInfoSection {
    /// `sap_type`, 2 bits: 0 to 2 the type of the stream access point; 3: not told.
    pub sap_type: u8,
    /// `protocol_version`, 8 bits: 0.
    pub protocol_version: u8,
    /// `pts_adjustment`, 33 bits of 90 kHz: to be added to every `pts_time`.
    pub pts_adjustment: u64,
    /// `cw_index`, 8 bits: the key, where it is encrypted.
    pub cw_index: u8,
    /// `tier`, 12 bits: for whom; 0xFFF: everybody.
    pub tier: u16,
    /// Command and descriptors.
    pub content: Content,
}

/// The rest of a [`SpliceInfoSection`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Not encrypted.
    Clear {
        /// The command.
        command: SpliceCommand,
        /// Whether `splice_command_length` tells the command's length; old senders write 0xFFF instead.
        command_length_known: bool,
        /// What is said beside it.
        descriptors: Vec<SpliceDescriptor>,
        /// `alignment_stuffing`.
        alignment_stuffing: Vec<u8>,
    },
    /// `encrypted_packet`.
    Encrypted {
        /// `encryption_algorithm`, 6 bits: 1 DES in ECB mode, 2 in CBC mode, 3 triple DES; from 32 on private.
        encryption_algorithm: u8,
        /// `splice_command_length`, 12 bits.
        splice_command_length: u16,
        /// From `splice_command_type` up to and with `E_CRC_32`.
        bytes: Vec<u8>,
    },
}

/// `splice_command_length` of senders that do not tell it.
const LENGTH_UNKNOWN: u16 = 0xFFF;

impl SpliceInfoSection {
    /// `table_id`.
    pub const TABLE_ID: u8 = 0xFC;

    /// A section for everybody, not encrypted, as a command needs it.
    #[must_use]
    pub const fn new(command: SpliceCommand, descriptors: Vec<SpliceDescriptor>) -> Self {
        Self {
            sap_type: 3,
            protocol_version: 0,
            pts_adjustment: 0,
            cw_index: 0xFF,
            tier: 0xFFF,
            content: Content::Clear {
                command,
                command_length_known: true,
                descriptors,
                alignment_stuffing: Vec::new(),
            },
        }
    }

    /// Its command, if that is not encrypted.
    #[must_use]
    pub const fn command(&self) -> Option<&SpliceCommand> {
        match &self.content {
            Content::Clear { command, .. } => Some(command),
            Content::Encrypted { .. } => None,
        }
    }

    /// Its descriptors; none where they are encrypted.
    #[must_use]
    pub fn descriptors(&self) -> &[SpliceDescriptor] {
        match &self.content {
            Content::Clear { descriptors, .. } => descriptors,
            Content::Encrypted { .. } => &[],
        }
    }

    /// The time of its command on the stream's clock, 33 bits of 90 kHz: `pts_time` with `pts_adjustment`. `None` where the command is
    /// immediate or has no such time.
    #[must_use]
    pub fn pts(&self) -> Option<u64> {
        let pts_time = self.command()?.pts_time()?;
        Some(pts_time.wrapping_add(self.pts_adjustment) % crate::clock::WRAP)
    }

    /// Reads the section at the start of `data` and checks its `CRC_32`.
    ///
    /// # Errors
    /// [`Error::Invalid`] for another `table_id`, [`Error::Crc`] for damage, [`Error::Short`] where it ends early.
    pub fn parse(data: &[u8]) -> Result<Self, Error> {
        let mut r = Reader::new(data);
        let table_id = r.u8("table_id")?;
        if table_id != Self::TABLE_ID {
            return Err(invalid("table_id", table_id.into(), 0));
        }
        let flags = r.u16("section_length")?;
        let body = r.take(usize::from(flags & 0xFFF), "splice_info_section")?;
        let whole = data.get(..r.offset()).unwrap_or_default();
        match crc32(whole) {
            0 => {}
            remainder => {
                return Err(Error::Crc {
                    len: whole.len(),
                    remainder,
                });
            }
        }
        let body = body.len().saturating_sub(4);
        let mut r = Reader::new(data);
        r.skip(3, "section_length")?;
        let mut r = r.sub(body, "splice_info_section")?;
        let protocol_version = r.u8("protocol_version")?;
        let adjustment = time::u40(&mut r, "pts_adjustment")?;
        let cw_index = r.u8("cw_index")?;
        let tier = r.u24("tier")?;
        let [_, high, middle, low] = tier.to_be_bytes();
        let splice_command_length = u16::from_be_bytes([middle & 0xF, low]);
        let tier = u16::from_be_bytes([high, middle]) >> 4;
        let [.., first] = (adjustment >> 33).to_be_bytes();
        let content = if first & 0x40 == 0 {
            Content::decode(&mut r, splice_command_length)?
        } else {
            Content::Encrypted {
                encryption_algorithm: first & 0x3F,
                splice_command_length,
                bytes: r.rest().to_vec(),
            }
        };
        Ok(Self {
            sap_type: u8::try_from(flags >> 12 & 3).unwrap_or(3),
            protocol_version,
            pts_adjustment: adjustment & time::PTS,
            cw_index,
            tier,
            content,
        })
    }

    /// Appends the section.
    ///
    /// # Errors
    /// [`Error::TooLong`] where a value does not fit its field, or the section 4096 bytes.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        let start = out.len();
        let mut w = Writer::new(out);
        w.u8(Self::TABLE_ID).u16(0).u8(self.protocol_version);
        let algorithm = match &self.content {
            Content::Clear { .. } => 0,
            Content::Encrypted {
                encryption_algorithm,
                ..
            } => 0x40 | fits("encryption_algorithm", *encryption_algorithm, 0x3F)?,
        };
        let adjustment = fits("pts_adjustment", self.pts_adjustment, time::PTS)?;
        time::put_u40(&mut w, u64::from(algorithm) << 33 | adjustment);
        w.u8(self.cw_index);
        let tier = u32::from(fits("tier", self.tier, 0xFFF)?) << 12;
        match &self.content {
            Content::Clear {
                command,
                command_length_known,
                descriptors,
                alignment_stuffing,
            } => {
                let mut bytes = Vec::new();
                command.encode(&mut Writer::new(&mut bytes))?;
                let length = match u16::try_from(bytes.len()) {
                    _ if !command_length_known => LENGTH_UNKNOWN,
                    Ok(length) if length < LENGTH_UNKNOWN => length,
                    _ => return Err(too_long("splice_command_length", bytes.len() as u64, 0xFFE)),
                };
                w.u24("tier", tier | u32::from(length))?;
                w.u8(command.splice_command_type()).bytes(&bytes);
                w.sized_u16("descriptor_loop_length", wire::LengthOf::Body, |w| {
                    descriptors.iter().try_for_each(|one| one.encode(w))
                })?;
                w.bytes(alignment_stuffing);
            }
            Content::Encrypted {
                splice_command_length,
                bytes,
                ..
            } => {
                let length = fits("splice_command_length", *splice_command_length, 0xFFF)?;
                w.u24("tier", tier | u32::from(length))?;
                w.bytes(bytes);
            }
        }
        let counted = w.len().saturating_sub(start).saturating_add(4 - 3);
        let Ok(length @ ..=4093) = u16::try_from(counted) else {
            return Err(too_long("section_length", counted as u64, 4093));
        };
        let sap_type = u16::from(fits("sap_type", self.sap_type, 3)?);
        let whole = out.get_mut(start..).unwrap_or_default();
        if let Some([_, field @ ..]) = whole.first_chunk_mut::<3>() {
            *field = (sap_type << 12 | length).to_be_bytes();
        }
        let crc = crc32(whole);
        out.extend_from_slice(&crc.to_be_bytes());
        Ok(())
    }
}

impl Content {
    fn decode(r: &mut Reader<'_>, splice_command_length: u16) -> Result<Self, Error> {
        let splice_command_type = r.u8("splice_command_type")?;
        let command_length_known = splice_command_length != LENGTH_UNKNOWN;
        let command = if command_length_known {
            let mut body = r.sub(splice_command_length.into(), "splice_command")?;
            let command = SpliceCommand::decode(splice_command_type, &mut body)?;
            if !body.is_empty() {
                return Err(invalid(
                    "splice_command_length",
                    splice_command_length.into(),
                    body.offset(),
                ));
            }
            command
        } else {
            SpliceCommand::decode_unsized(splice_command_type, r)?
        };
        let length = r.u16("descriptor_loop_length")?;
        let mut list = r.sub(length.into(), "descriptor_loop_length")?;
        let mut descriptors = Vec::new();
        while !list.is_empty() {
            descriptors.push(SpliceDescriptor::decode(&mut list)?);
        }
        Ok(Content::Clear {
            command,
            command_length_known,
            descriptors,
            alignment_stuffing: r.rest().to_vec(),
        })
    }
}

const fn invalid(field: &'static str, value: u64, offset: usize) -> Error {
    Error::Invalid {
        field,
        value,
        offset: offset as u64,
    }
}

/// Moves the times in a section by ticks of 90 kHz, as those of the stream that it goes with: its `pts_adjustment`, and its checksum
/// with that. What is no section stays as it is.
pub fn shift_times(section: &mut [u8], ticks: i64) {
    let Some((body, crc)) = section.split_last_chunk_mut::<4>() else {
        return;
    };
    if ticks == 0 || crc32(body).to_be_bytes() != *crc {
        return;
    }
    let [SpliceInfoSection::TABLE_ID, _, _, _, high, rest @ ..] = body else {
        return;
    };
    let Some(low) = rest.first_chunk_mut::<4>() else {
        return;
    };
    let adjustment = u64::from(*high & 1) << 32 | u64::from(u32::from_be_bytes(*low));
    let moved = adjustment.wrapping_add(ticks.cast_unsigned()) % WRAP;
    let [.., top, a, b, c, d] = moved.to_be_bytes();
    *high = *high & 0xFE | top;
    *low = [a, b, c, d];
    *crc = crc32(body).to_be_bytes();
}

#[cfg(test)]
mod tests;
