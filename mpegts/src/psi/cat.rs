use super::{Descriptors, Section, Table, Version};
use crate::Error;
use wire::Writer;

/// A table that is nothing but descriptors: the conditional access table (ISO/IEC 13818-1 §2.4.4.6) and the transport stream
/// description table (§2.4.4.13).
///
/// ```text
/// table_id 0x01 or 0x03, table_id_extension: reserved | descriptors
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DescriptorTable<const TABLE_ID: u8> {
    /// Its version.
    pub version: Version,
    /// The descriptors.
    pub descriptors: Descriptors,
}

/// The conditional access table, on PID 1: where the management of entitlements is.
pub type Cat = DescriptorTable<0x01>;
/// The transport stream description table, on PID 2.
pub type Tsdt = DescriptorTable<0x03>;

impl<const TABLE_ID: u8> Table for DescriptorTable<TABLE_ID> {
    const PRIVATE_INDICATOR: bool = false;

    fn table_id(&self) -> u8 {
        TABLE_ID
    }

    fn table_id_extension(&self) -> u16 {
        0xFFFF
    }

    fn version(&self) -> Version {
        self.version
    }

    fn decode(section: &Section<'_>) -> Result<Self, Error> {
        let syntax = section.expect(&[TABLE_ID])?;
        Ok(Self {
            version: syntax.into(),
            descriptors: Descriptors::from_bytes(section.body.peek()),
        })
    }

    fn append(&mut self, next: Self) {
        self.descriptors.append(&next.descriptors);
    }

    fn encode_body(&self, w: &mut Writer<'_>) -> Result<(), Error> {
        w.bytes(self.descriptors.as_bytes());
        Ok(())
    }

    fn split(self) -> Option<(Self, Self)> {
        let (first, second) = self.descriptors.halves()?;
        let with = |descriptors| Self {
            version: self.version,
            descriptors,
        };
        Some((with(first), with(second)))
    }
}
