use super::crc32;
use crate::Error;
use alloc::vec::Vec;
use wire::{Reader, Writer};

/// One section: the unit in which tables are sent (ISO/IEC 13818-1 §2.4.4.10), borrowed from its bytes.
///
/// ```text
/// table_id 8 | section_syntax_indicator 1 | private_indicator 1 | reserved 2 | section_length 12
/// with section_syntax_indicator:
///   table_id_extension 16 | reserved 2 | version_number 5 | current_next_indicator 1 | section_number 8
///   last_section_number 8 | body | CRC_32 32
/// without: body
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Section<'a> {
    /// What stands before the body.
    pub header: Header,
    /// Between header and `CRC_32`; all to the end where there is no [`Syntax`].
    pub body: Reader<'a>,
    bytes: &'a [u8],
}

/// The header of a [`Section`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// `table_id`, 8 bits: which kind of table.
    pub table_id: u8,
    /// `private_indicator`, 1 bit: 0 in the tables of ISO/IEC 13818-1; reserved and 1 in those of DVB.
    pub private_indicator: bool,
    /// The rest, where `section_syntax_indicator` is 1.
    pub syntax: Option<Syntax>,
}

/// What a section with `section_syntax_indicator` 1 tells of its table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Syntax {
    /// `table_id_extension`, 16 bits: which table of that kind.
    pub table_id_extension: u16,
    /// `version_number`, 5 bits: counts up when the table changes.
    pub version_number: u8,
    /// `current_next_indicator`, 1 bit: the table is in force, not the next to be.
    pub current_next_indicator: bool,
    /// `section_number`, 8 bits.
    pub section_number: u8,
    /// `last_section_number`, 8 bits: the number of the table's last section.
    pub last_section_number: u8,
}

/// Bytes up to the end of `section_length`, which counts what follows.
const LENGTH_END: usize = 3;
/// Bytes of `CRC_32`.
const CRC_LEN: usize = 4;

impl<'a> Section<'a> {
    /// The most bytes of a section: `section_length` is at most 4093.
    pub const MAX_LEN: usize = 4096;

    /// The length of the section that starts with these bytes, `section_length` and what stands before it included; `None` before
    /// 3 bytes are there.
    #[must_use]
    #[inline]
    pub fn len_at(data: &[u8]) -> Option<usize> {
        match data {
            [_, high, low, ..] => {
                Some(usize::from(u16::from_be_bytes([high & 0x0F, *low])) + LENGTH_END)
            }
            _ => None,
        }
    }

    /// Reads the section at the start of `data` and checks its `CRC_32`, if it has [`Syntax`].
    ///
    /// # Errors
    /// [`Error::Short`] where it ends before its length, [`Error::Crc`] where it is damaged.
    pub fn parse(data: &'a [u8]) -> Result<Self, Error> {
        let mut r = Reader::new(data);
        let table_id = r.u8("table_id")?;
        let flags = r.u16("section_length")?;
        let mut body = r.sub(usize::from(flags & 0x0FFF), "section")?;
        let bytes = data
            .get(..body.left().saturating_add(LENGTH_END))
            .unwrap_or_default();
        let syntax = if flags & 0x8000 == 0 {
            None
        } else {
            check(bytes)?;
            body = body.sub(body.left().saturating_sub(CRC_LEN), "section body")?;
            Some(Syntax::decode(&mut body)?)
        };
        Ok(Self {
            header: Header {
                table_id,
                private_indicator: flags & 0x4000 != 0,
                syntax,
            },
            body,
            bytes,
        })
    }

    /// Checks the `CRC_32` of a section without [`Syntax`] which has one all the same (time offset table, SCTE 35), and gives the
    /// body without it.
    ///
    /// # Errors
    /// [`Error::Crc`] where it is damaged, [`Error::Short`] where there is no room for it.
    pub fn checked_body(&self) -> Result<Reader<'a>, Error> {
        let mut body = self.body;
        if self.header.syntax.is_none() {
            check(self.bytes)?;
            body = body.sub(body.left().saturating_sub(CRC_LEN), "section body")?;
        }
        Ok(body)
    }

    /// The whole section.
    #[must_use]
    pub const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The last 4 bytes: `CRC_32`, where there is one.
    #[must_use]
    pub fn crc(&self) -> u32 {
        self.bytes
            .last_chunk()
            .map_or(0, |bytes| u32::from_be_bytes(*bytes))
    }

    /// The [`Syntax`] of a section of one of these tables.
    ///
    /// # Errors
    /// [`Error::Invalid`] for another `table_id`, or without [`Syntax`].
    pub fn expect(&self, table_ids: &[u8]) -> Result<Syntax, Error> {
        if !table_ids.contains(&self.header.table_id) {
            return Err(Error::Invalid {
                field: "table_id",
                value: self.header.table_id.into(),
                offset: 0,
            });
        }
        self.header.syntax.ok_or(Error::Invalid {
            field: "section_syntax_indicator",
            value: 0,
            offset: 1,
        })
    }
}

fn check(bytes: &[u8]) -> Result<(), Error> {
    match crc32(bytes) {
        0 => Ok(()),
        remainder => Err(Error::Crc {
            len: bytes.len(),
            remainder,
        }),
    }
}

impl Syntax {
    fn decode(r: &mut Reader<'_>) -> Result<Self, Error> {
        let table_id_extension = r.u16("table_id_extension")?;
        let version = r.u8("version_number")?;
        Ok(Self {
            table_id_extension,
            version_number: version >> 1 & 0x1F,
            current_next_indicator: version & 1 != 0,
            section_number: r.u8("section_number")?,
            last_section_number: r.u8("last_section_number")?,
        })
    }
}

/// Whether a section that is written ends with a `CRC_32`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// It does: always with [`Syntax`].
    Crc32,
    /// It does not.
    None,
}

impl Header {
    /// Appends a section with this header. Reserved bits are 1.
    ///
    /// # Errors
    /// What `body` gives; [`Error::TooLong`] where `section_length` would pass `max_section_length`, or the version 5 bits.
    pub fn encode(
        &self,
        out: &mut Vec<u8>,
        max_section_length: u16,
        check: Check,
        body: impl FnOnce(&mut Writer<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let start = out.len();
        let mut w = Writer::new(out);
        w.u8(self.table_id).u16(0);
        if let Some(syntax) = self.syntax {
            if syntax.version_number > 0x1F {
                return Err(Error::TooLong(wire::TooLong {
                    what: "version_number",
                    value: syntax.version_number.into(),
                    max: 0x1F,
                }));
            }
            let current = u8::from(syntax.current_next_indicator);
            w.u16(syntax.table_id_extension)
                .u8(0xC0 | syntax.version_number << 1 | current)
                .u8(syntax.section_number)
                .u8(syntax.last_section_number);
        }
        body(&mut w)?;
        let has_crc = check == Check::Crc32 || self.syntax.is_some();
        let tail = if has_crc { CRC_LEN } else { 0 };
        let counted = (out.len().saturating_add(tail))
            .saturating_sub(start)
            .saturating_sub(LENGTH_END);
        let length = match u16::try_from(counted) {
            Ok(length) if length <= max_section_length.min(4093) => length,
            _ => {
                return Err(Error::TooLong(wire::TooLong {
                    what: "section_length",
                    value: counted as u64,
                    max: max_section_length.min(4093).into(),
                }));
            }
        };
        let flags = u16::from(self.syntax.is_some()) << 15
            | u16::from(self.private_indicator) << 14
            | 0x3000
            | length;
        if let Some([_, field @ ..]) = out
            .get_mut(start..)
            .and_then(|bytes| bytes.first_chunk_mut::<LENGTH_END>())
        {
            *field = flags.to_be_bytes();
        }
        if has_crc {
            let crc = crc32(out.get(start..).unwrap_or_default());
            out.extend_from_slice(&crc.to_be_bytes());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What ffmpeg writes for a program association table with program 1 on PID 0x1000.
    const PAT: [u8; 16] = [
        0x00, 0xB0, 0x0D, 0x00, 0x01, 0xC1, 0x00, 0x00, 0x00, 0x01, 0xF0, 0x00, 0x2A, 0xB1, 0x04,
        0xB2,
    ];

    #[test]
    fn a_section_of_ffmpeg() {
        let section = Section::parse(&PAT).unwrap();
        let syntax = section.expect(&[0]).unwrap();
        assert_eq!(syntax.table_id_extension, 1);
        assert!(syntax.current_next_indicator);
        assert_eq!(section.body.peek(), [0, 1, 0xF0, 0]);
        assert_eq!(section.crc(), 0x2AB1_04B2);
        let mut out = Vec::new();
        let body = |w: &mut Writer<'_>| {
            w.bytes(&[0, 1, 0xF0, 0]);
            Ok(())
        };
        section
            .header
            .encode(&mut out, 1021, Check::Crc32, body)
            .unwrap();
        assert_eq!(out, PAT);
    }

    #[test]
    fn damage_and_cuts_are_told() {
        for bit in 0..PAT.len() * 8 {
            let mut bad = PAT;
            bad[bit / 8] ^= 0x80 >> (bit % 8);
            // Without section_syntax_indicator nothing says that there is a check.
            assert_eq!(Section::parse(&bad).is_ok(), bit == 8, "bit {bit}");
        }
        for len in 0..PAT.len() {
            assert!(matches!(Section::parse(&PAT[..len]), Err(Error::Short(_))));
        }
        assert_eq!(
            Section::parse(&PAT).unwrap().expect(&[1, 2]),
            Err(Error::Invalid {
                field: "table_id",
                value: 0,
                offset: 0
            })
        );
    }

    #[test]
    fn a_section_too_small_for_its_header_is_short() {
        let mut tiny = vec![0, 0xB0, 6, 1, 2];
        tiny.extend(crc32(&tiny).to_be_bytes());
        assert!(matches!(Section::parse(&tiny), Err(Error::Short(_))));
    }

    #[test]
    fn what_does_not_fit_is_not_written() {
        let header = Section::parse(&PAT).unwrap().header;
        let body = |w: &mut Writer<'_>| {
            w.zeros(1013);
            Ok(())
        };
        let written = header.encode(&mut Vec::new(), 1021, Check::Crc32, body);
        assert_eq!(
            written.unwrap_err().to_string(),
            "section_length is 1022, its field holds at most 1021"
        );
    }

    proptest! {
        #[test]
        fn sections_round_trip(
            table_id: u8, private_indicator: bool, long: bool, check: bool, table_id_extension: u16, version_number in 0u8..32,
            current_next_indicator: bool, section_number: u8, last_section_number: u8, body: Vec<u8>,
        ) {
            let syntax = long.then_some(Syntax {
                table_id_extension, version_number, current_next_indicator, section_number, last_section_number,
            });
            let header = Header { table_id, private_indicator, syntax };
            let check = if check { Check::Crc32 } else { Check::None };
            let mut out = Vec::new();
            header.encode(&mut out, 4093, check, |w| { w.bytes(&body); Ok(()) }).unwrap();
            let section = Section::parse(&out).unwrap();
            prop_assert_eq!(section.header, header);
            prop_assert_eq!(section.bytes(), &out[..]);
            match check {
                Check::Crc32 => prop_assert_eq!(section.checked_body().unwrap().peek(), &body[..]),
                Check::None => prop_assert_eq!(section.body.peek(), &body[..]),
            }
        }
    }
}
