use super::{Check, Header, Section, Syntax};
use crate::Error;
use alloc::vec::Vec;
use wire::Writer;

/// `version_number` and `current_next_indicator` of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Version {
    /// `version_number`, 5 bits: counts up, modulo 32, when the table changes.
    pub number: u8,
    /// `current_next_indicator`: the table is in force; otherwise it is the next to be.
    pub current: bool,
}

impl Version {
    /// The first version of a table in force.
    pub const FIRST: Version = Version {
        number: 0,
        current: true,
    };

    /// The version after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self {
            number: self.number.wrapping_add(1) & 0x1F,
            current: self.current,
        }
    }
}

impl Default for Version {
    fn default() -> Self {
        Self::FIRST
    }
}

impl From<Syntax> for Version {
    fn from(syntax: Syntax) -> Self {
        Self {
            number: syntax.version_number,
            current: syntax.current_next_indicator,
        }
    }
}

/// A table whose sections have [`Syntax`], read from one section, or from several by [`append`](Table::append).
pub trait Table: Sized {
    /// The most that `section_length` may be: 1021, or 4093.
    const MAX_SECTION_LENGTH: u16 = 1021;
    /// `private_indicator` of its sections: 0 in the tables of ISO/IEC 13818-1, 1 in those of DVB.
    const PRIVATE_INDICATOR: bool;

    /// `table_id`.
    fn table_id(&self) -> u8;

    /// `table_id_extension`.
    fn table_id_extension(&self) -> u16;

    /// `version_number` and `current_next_indicator`.
    fn version(&self) -> Version;

    /// Reads what one section carries.
    ///
    /// # Errors
    /// [`Error::Invalid`] where it is of another table, [`Error::Short`] where it ends early.
    fn decode(section: &Section<'_>) -> Result<Self, Error>;

    /// Adds what the table's next section carries.
    fn append(&mut self, next: Self);

    /// Appends the body of one section with all that is in the table.
    ///
    /// # Errors
    /// [`Error::TooLong`] where a value does not fit its field.
    fn encode_body(&self, w: &mut Writer<'_>) -> Result<(), Error>;

    /// The table cut in two, the second for a section after the first; `None` where it cannot be cut.
    fn split(self) -> Option<(Self, Self)>;

    /// `segment_last_section_number` of a section, in tables that leave section numbers out (event information).
    fn segment_last_section_number(&self) -> Option<u8> {
        None
    }

    /// Appends one section with all that is in the table.
    ///
    /// # Errors
    /// [`Error::TooLong`] where it, or a value in it, is too long.
    fn encode_section(
        &self,
        section_number: u8,
        last_section_number: u8,
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let header = Header {
            table_id: self.table_id(),
            private_indicator: Self::PRIVATE_INDICATOR,
            syntax: Some(Syntax {
                table_id_extension: self.table_id_extension(),
                version_number: self.version().number,
                current_next_indicator: self.version().current,
                section_number,
                last_section_number,
            }),
        };
        header.encode(out, Self::MAX_SECTION_LENGTH, Check::Crc32, |w| {
            self.encode_body(w)
        })
    }

    /// The sections of the table: one if it fits, or else as many as it takes.
    ///
    /// # Errors
    /// [`Error::TooLong`] where it does not fit 256 sections, or a value does not fit its field.
    fn encode(&self) -> Result<Vec<Vec<u8>>, Error>
    where
        Self: Clone,
    {
        let mut parts = Vec::new();
        // Parts still to be looked at, the first one last.
        let mut waiting = alloc::vec![self.clone()];
        let most = usize::from(Self::MAX_SECTION_LENGTH).saturating_sub(9);
        while let Some(part) = waiting.pop() {
            let mut body = Vec::new();
            let encoded = part.encode_body(&mut Writer::new(&mut body));
            if encoded.is_ok() && body.len() <= most {
                parts.push(part);
            } else if let Some((first, second)) = part.clone().split() {
                waiting.push(second);
                waiting.push(first);
            } else {
                encoded?;
                return Err(super::too_long(
                    "section_length",
                    body.len().saturating_add(9) as u64,
                    Self::MAX_SECTION_LENGTH.into(),
                ));
            }
        }
        let last = parts.len().saturating_sub(1);
        let last = u8::try_from(last)
            .map_err(|_| super::too_long("last_section_number", last as u64, 0xFF))?;
        parts
            .iter()
            .zip(0..=last)
            .map(|(part, number)| {
                let mut out = Vec::new();
                part.encode_section(number, last, &mut out)?;
                Ok(out)
            })
            .collect()
    }
}

/// Puts one table together from its sections, and tells when it is there and when it has changed.
///
/// Sections of one `table_id` and `table_id_extension` go in; sections of several such tables need a collector each. A table that is
/// not yet in force (`current_next_indicator` 0) is passed over. Versions are told apart by their number and, as not every sender counts
/// it up, by the sections' checks.
#[derive(Debug, Clone)]
pub struct Collector<T> {
    version: Option<Syntax>,
    sections: Vec<Part<T>>,
    complete: bool,
}

#[derive(Debug, Clone)]
struct Part<T> {
    number: u8,
    crc: u32,
    segment_last: Option<u8>,
    /// Gone into the table once that is complete.
    table: Option<T>,
}

impl<T> Default for Collector<T> {
    fn default() -> Self {
        Self {
            version: None,
            sections: Vec::new(),
            complete: false,
        }
    }
}

impl<T: Table> Collector<T> {
    /// A collector that has seen nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a section; gives the whole table when its last section has come, once per version.
    ///
    /// # Errors
    /// Those of [`Table::decode`]; the section is passed over then.
    pub fn handle_section(&mut self, section: &Section<'_>) -> Result<Option<T>, Error> {
        let Some(syntax) = section.header.syntax else {
            // `decode` refuses it and says why.
            return T::decode(section).map(|_| None);
        };
        if !syntax.current_next_indicator {
            return Ok(None);
        }
        let number = syntax.section_number;
        let of = Syntax {
            section_number: 0,
            ..syntax
        };
        let known = self.sections.iter().find(|part| part.number == number);
        let changed =
            self.version != Some(of) || known.is_some_and(|part| part.crc != section.crc());
        if !changed && known.is_some() {
            return Ok(None);
        }
        let table = T::decode(section)?;
        if changed {
            self.version = Some(of);
            self.sections.clear();
            self.complete = false;
        }
        let part = Part {
            number,
            crc: section.crc(),
            segment_last: table.segment_last_section_number(),
            table: Some(table),
        };
        self.sections.push(part);
        if self.complete || !self.has_all(syntax.last_section_number) {
            return Ok(None);
        }
        self.complete = true;
        self.sections.sort_by_key(|part| part.number);
        let tables = self
            .sections
            .iter_mut()
            .filter_map(|part| part.table.take());
        Ok(tables.reduce(|mut table, next| {
            table.append(next);
            table
        }))
    }

    /// Whether every number up to the last is there, or said to be left out by the section that ends its segment of eight.
    fn has_all(&self, last: u8) -> bool {
        (0..=last).all(|number| {
            self.sections.iter().any(|part| {
                part.number == number
                    || part.segment_last.is_some_and(|segment_last| {
                        part.number >> 3 == number >> 3 && number > segment_last
                    })
            })
        })
    }
}

/// Both halves of a list of two or more.
pub(super) fn halves<T>(entries: &[T]) -> Option<(&[T], &[T])> {
    entries
        .split_at_checked(entries.len() / 2)
        .filter(|(first, _)| !first.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::psi::{Pat, Program};
    use proptest::prelude::*;

    fn pat(programs: u16, version: u8) -> Pat {
        let program = |n| Program {
            program_number: n,
            pid: 0x100 + n,
        };
        Pat {
            transport_stream_id: 7,
            version: Version {
                number: version,
                current: true,
            },
            programs: (1..=programs).map(program).collect(),
        }
    }

    fn feed(collector: &mut Collector<Pat>, sections: &[Vec<u8>]) -> Vec<Pat> {
        let given = sections.iter().filter_map(|bytes| {
            let section = Section::parse(bytes).unwrap();
            collector.handle_section(&section).unwrap()
        });
        given.collect()
    }

    #[test]
    fn a_table_of_many_sections_comes_together_in_any_order_and_once() {
        let table = pat(1000, 3);
        let mut sections = table.encode().unwrap();
        assert!(sections.len() > 3);
        let mut collector = Collector::new();
        sections.reverse();
        assert_eq!(feed(&mut collector, &sections), [table]);
        assert_eq!(feed(&mut collector, &sections), []);
    }

    #[test]
    fn a_new_version_replaces_what_was_there() {
        let mut collector = Collector::new();
        let (old, new) = (pat(1000, 3).encode().unwrap(), pat(2, 4));
        assert_eq!(feed(&mut collector, &old[..2]), []);
        assert_eq!(feed(&mut collector, &new.encode().unwrap()), [new]);
        assert_eq!(feed(&mut collector, &old), [pat(1000, 3)]);
    }

    #[test]
    fn a_change_without_a_new_number_is_seen() {
        let mut collector = Collector::new();
        for table in [pat(2, 0), pat(3, 0)] {
            let sections = table.encode().unwrap();
            assert_eq!(feed(&mut collector, &sections), [table]);
        }
    }

    #[test]
    fn what_is_not_yet_in_force_is_passed_over() {
        let mut table = pat(2, 5);
        table.version.current = false;
        let sections = table.encode().unwrap();
        assert_eq!(feed(&mut Collector::new(), &sections), []);
    }

    #[test]
    fn too_much_for_256_sections_is_refused() {
        let mut table = pat(1, 0);
        table.programs = vec![table.programs[0]; 256 * 253 + 1];
        assert!(matches!(table.encode(), Err(Error::TooLong(_))));
    }

    proptest! {
        #[test]
        fn tables_round_trip(programs in 0u16..3000, version in 0u8..32) {
            let table = pat(programs, version);
            let sections = table.encode().unwrap();
            prop_assert_eq!(feed(&mut Collector::new(), &sections), [table]);
        }
    }
}
