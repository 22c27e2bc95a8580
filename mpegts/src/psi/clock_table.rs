use super::{Check, Descriptors, DvbTime, Header, Section, take_u12};
use crate::Error;
use alloc::vec::Vec;

/// The time and date table (ETSI EN 300 468 §5.2.5) or, with descriptors, the time offset table (§5.2.6): what a clock on the wall
/// shows now.
///
/// ```text
/// table_id 0x70 | flags, section_length | UTC_time 40
/// table_id 0x73 | flags, section_length | UTC_time 40 | reserved 4 | descriptors_loop_length 12 | descriptors | CRC_32 32
/// ```
///
/// ```
/// use fluvial_mpegts::psi::{ClockTable, DvbTime, Section};
///
/// let table = ClockTable { utc_time: DvbTime::from_bytes([0xC0, 0x79, 0x12, 0x45, 0]), offsets: None };
/// let mut out = Vec::new();
/// table.encode(&mut out)?;
/// assert_eq!(out, [0x70, 0x70, 5, 0xC0, 0x79, 0x12, 0x45, 0]);
/// assert_eq!(ClockTable::decode(&Section::parse(&out)?)?, table);
/// # Ok::<(), fluvial_mpegts::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClockTable {
    /// `UTC_time`.
    pub utc_time: DvbTime,
    /// The descriptors of a time offset table: local times.
    pub offsets: Option<Descriptors>,
}

impl ClockTable {
    /// The PID of its packets.
    pub const PID: u16 = 0x14;
    /// `table_id` of the time and date table.
    pub const TDT: u8 = 0x70;
    /// `table_id` of the time offset table.
    pub const TOT: u8 = 0x73;

    /// Reads a section.
    ///
    /// # Errors
    /// [`Error::Invalid`] where it is of another table, [`Error::Crc`] where it is damaged, [`Error::Short`] where it ends early.
    pub fn decode(section: &Section<'_>) -> Result<Self, Error> {
        match section.header.table_id {
            Self::TDT => {
                let mut r = section.body;
                Ok(Self {
                    utc_time: DvbTime::from_bytes(*r.array("UTC_time")?),
                    offsets: None,
                })
            }
            Self::TOT => {
                let mut r = section.checked_body()?;
                let utc_time = DvbTime::from_bytes(*r.array("UTC_time")?);
                let (_, info) = take_u12(&mut r, "descriptors_loop_length")?;
                Ok(Self {
                    utc_time,
                    offsets: Some(Descriptors::from_bytes(info.peek())),
                })
            }
            other => Err(Error::Invalid {
                field: "table_id",
                value: other.into(),
                offset: 0,
            }),
        }
    }

    /// Appends the section.
    ///
    /// # Errors
    /// [`Error::TooLong`] where the descriptors do not fit.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        let (table_id, check) = match self.offsets {
            None => (Self::TDT, Check::None),
            Some(_) => (Self::TOT, Check::Crc32),
        };
        let header = Header {
            table_id,
            private_indicator: true,
            syntax: None,
        };
        header.encode(out, 1021, check, |w| {
            w.bytes(&self.utc_time.to_bytes());
            match &self.offsets {
                Some(offsets) => offsets.put_u12(w, "descriptors_loop_length", 0xF000),
                None => Ok(()),
            }
        })
    }
}
