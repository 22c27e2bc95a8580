use super::{Descriptors, Section, StreamType, Table, Version, fits, take_u12};
use crate::Error;
use alloc::vec::Vec;
use wire::Writer;

/// The program map table: the elementary streams of one program (ISO/IEC 13818-1 §2.4.4.9).
///
/// ```text
/// table_id 0x02, table_id_extension: program_number; one section only
/// reserved 3 | PCR_PID 13 | reserved 4 | program_info_length 12 | descriptors
/// for each stream: stream_type 8 | reserved 3 | elementary_PID 13 | reserved 4 | ES_info_length 12 | descriptors
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pmt {
    /// `program_number`, 16 bits.
    pub program_number: u16,
    /// Its version.
    pub version: Version,
    /// `PCR_PID`, 13 bits: the packets with the program's clock; 0x1FFF: there is none.
    pub pcr_pid: u16,
    /// What is said of the whole program.
    pub descriptors: Descriptors,
    /// Its elementary streams.
    pub streams: Vec<ElementaryStream>,
}

/// One elementary stream of a [`Pmt`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ElementaryStream {
    /// `stream_type`, 8 bits.
    pub stream_type: StreamType,
    /// `elementary_PID`, 13 bits.
    pub elementary_pid: u16,
    /// What is said of it.
    pub descriptors: Descriptors,
}

impl Pmt {
    /// `table_id`.
    pub const TABLE_ID: u8 = 0x02;
    /// `PCR_PID` of a program without a clock.
    pub const NO_PCR: u16 = 0x1FFF;

    /// The `format_identifier` of the program's registration descriptor, if it has one: whose private stream types these are.
    #[must_use]
    pub fn format_identifier(&self) -> Option<[u8; 4]> {
        self.descriptors.format_identifier()
    }
}

impl Table for Pmt {
    const PRIVATE_INDICATOR: bool = false;

    fn table_id(&self) -> u8 {
        Self::TABLE_ID
    }

    fn table_id_extension(&self) -> u16 {
        self.program_number
    }

    fn version(&self) -> Version {
        self.version
    }

    fn decode(section: &Section<'_>) -> Result<Self, Error> {
        let syntax = section.expect(&[Self::TABLE_ID])?;
        let mut r = section.body;
        let pcr_pid = r.u16("PCR_PID")? & 0x1FFF;
        let (_, info) = take_u12(&mut r, "program_info_length")?;
        let mut streams = Vec::new();
        while !r.is_empty() {
            let stream_type = StreamType(r.u8("stream_type")?);
            let elementary_pid = r.u16("elementary_PID")? & 0x1FFF;
            let (_, info) = take_u12(&mut r, "ES_info_length")?;
            streams.push(ElementaryStream {
                stream_type,
                elementary_pid,
                descriptors: Descriptors::from_bytes(info.peek()),
            });
        }
        Ok(Self {
            program_number: syntax.table_id_extension,
            version: syntax.into(),
            pcr_pid,
            descriptors: Descriptors::from_bytes(info.peek()),
            streams,
        })
    }

    /// The standard knows no second section; where there is one, its streams count too.
    fn append(&mut self, next: Self) {
        self.streams.extend(next.streams);
    }

    fn encode_body(&self, w: &mut Writer<'_>) -> Result<(), Error> {
        w.u16(0xE000 | fits("PCR_PID", self.pcr_pid, 0x1FFF)?);
        self.descriptors.put_u12(w, "program_info_length", 0xF000)?;
        for stream in &self.streams {
            let pid = fits("elementary_PID", stream.elementary_pid, 0x1FFF)?;
            w.u8(stream.stream_type.0).u16(0xE000 | pid);
            stream.descriptors.put_u12(w, "ES_info_length", 0xF000)?;
        }
        Ok(())
    }

    fn split(self) -> Option<(Self, Self)> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::psi::descriptor::{Iso639, Iso639Language, Registration};

    /// Written by ffmpeg for H.264 and AAC.
    const PMT: [u8; 32] = [
        0x02, 0xB0, 0x1D, 0x00, 0x01, 0xC1, 0x00, 0x00, 0xE1, 0x00, 0xF0, 0x00, 0x1B, 0xE1, 0x00,
        0xF0, 0x00, 0x0F, 0xE1, 0x01, 0xF0, 0x06, 0x0A, 0x04, 0x75, 0x6E, 0x64, 0x00, 0x08, 0x7D,
        0xE8, 0x77,
    ];

    #[test]
    fn a_table_of_ffmpeg() {
        let table = Pmt::decode(&Section::parse(&PMT).unwrap()).unwrap();
        assert_eq!((table.program_number, table.pcr_pid), (1, 0x100));
        let [video, audio] = table.streams.as_slice() else {
            panic!("{table:?}");
        };
        assert_eq!(video.stream_type, StreamType::H264);
        assert_eq!((video.elementary_pid, audio.elementary_pid), (0x100, 0x101));
        let language = Iso639Language {
            iso_639_language_code: *b"und",
            audio_type: 0,
        };
        assert_eq!(
            audio.descriptors.find(),
            Some(Iso639 {
                languages: vec![language]
            })
        );
        assert_eq!(table.encode().unwrap(), [PMT]);
    }

    #[test]
    fn a_loop_that_runs_out_of_the_section_is_short() {
        let mut bad = PMT;
        bad[21] = 7;
        let crc = super::super::crc32(&bad[..28]);
        bad[28..].copy_from_slice(&crc.to_be_bytes());
        assert!(matches!(
            Pmt::decode(&Section::parse(&bad).unwrap()),
            Err(Error::Short(_))
        ));
    }

    #[test]
    fn whose_private_types_these_are() {
        let mut table = Pmt::decode(&Section::parse(&PMT).unwrap()).unwrap();
        assert_eq!(table.format_identifier(), None);
        let registration = Registration {
            format_identifier: *b"CUEI",
            additional_identification_info: vec![],
        };
        table.descriptors.push(&registration).unwrap();
        assert_eq!(table.format_identifier(), Some(*b"CUEI"));
    }
}
