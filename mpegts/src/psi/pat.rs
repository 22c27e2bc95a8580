use super::{Section, Table, Version, fits};
use crate::Error;
use alloc::vec::Vec;
use wire::Writer;

/// The program association table: which programs there are (ISO/IEC 13818-1 §2.4.4.4).
///
/// ```text
/// table_id 0x00, table_id_extension: transport_stream_id
/// for each program: program_number 16 | reserved 3 | program_map_PID or network_PID 13
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pat {
    /// `transport_stream_id`, 16 bits.
    pub transport_stream_id: u16,
    /// Its version.
    pub version: Version,
    /// The programs, and the network information under number 0.
    pub programs: Vec<Program>,
}

/// One entry of a [`Pat`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Program {
    /// `program_number`, 16 bits; 0 stands for the network information table.
    pub program_number: u16,
    /// `program_map_PID` or `network_PID`, 13 bits.
    pub pid: u16,
}

impl Pat {
    /// `table_id`.
    pub const TABLE_ID: u8 = 0x00;
    /// The PID of its packets.
    pub const PID: u16 = 0;
}

impl Table for Pat {
    const PRIVATE_INDICATOR: bool = false;

    fn table_id(&self) -> u8 {
        Self::TABLE_ID
    }

    fn table_id_extension(&self) -> u16 {
        self.transport_stream_id
    }

    fn version(&self) -> Version {
        self.version
    }

    fn decode(section: &Section<'_>) -> Result<Self, Error> {
        let syntax = section.expect(&[Self::TABLE_ID])?;
        let mut r = section.body;
        let mut programs = Vec::new();
        while !r.is_empty() {
            programs.push(Program {
                program_number: r.u16("program_number")?,
                pid: r.u16("program_map_PID")? & 0x1FFF,
            });
        }
        Ok(Self {
            transport_stream_id: syntax.table_id_extension,
            version: syntax.into(),
            programs,
        })
    }

    fn append(&mut self, next: Self) {
        self.programs.extend(next.programs);
    }

    fn encode_body(&self, w: &mut Writer<'_>) -> Result<(), Error> {
        for program in &self.programs {
            let pid = fits("program_map_PID", program.pid, 0x1FFF)?;
            w.u16(program.program_number).u16(0xE000 | pid);
        }
        Ok(())
    }

    fn split(self) -> Option<(Self, Self)> {
        let (first, second) = super::table::halves(&self.programs)?;
        let with = |programs: &[Program]| Self {
            programs: programs.to_vec(),
            ..self
        };
        Some((with(first), with(second)))
    }
}
