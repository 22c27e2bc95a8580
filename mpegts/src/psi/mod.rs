//! Sections and the tables made of them: program specific information (ISO/IEC 13818-1 §2.4.4) and service information
//! (ETSI EN 300 468).
//!
//! [`Assembler`] finds [`Section`]s in packets; a [`Table`] reads and writes their bodies; a [`Collector`] puts tables of several
//! sections together and tells new versions.

mod assembler;
mod cat;
mod clock_table;
mod crc;
pub mod descriptor;
mod eit;
mod nit;
mod pat;
mod pmt;
mod sdt;
mod section;
mod stream_type;
mod table;
mod text;
mod time;

pub use assembler::{Assembler, Found, packetize};
pub use cat::{Cat, DescriptorTable, Tsdt};
pub use clock_table::ClockTable;
pub use crc::crc32;
pub use descriptor::{Descriptor, Descriptors};
pub use eit::{Eit, EitEvent};
pub use nit::{NetworkStream, Nit, NitKind};
pub use pat::{Pat, Program};
pub use pmt::{ElementaryStream, Pmt};
pub use sdt::{RunningStatus, Sdt, SdtService};
pub use section::{Check, Header, Section, Syntax};
pub use stream_type::StreamType;
pub use table::{Collector, Table, Version};
pub use text::{CharacterTable, Text};
pub use time::{DvbDuration, DvbTime};

use crate::Error;
use wire::{Reader, TooLong, Writer};

/// Writes a body with its length in the low 12 bits of 16 before it, the other 4 bits as they are in `flags`.
fn sized_u12(
    w: &mut Writer<'_>,
    what: &'static str,
    flags: u16,
    body: impl FnOnce(&mut Writer<'_>) -> Result<(), Error>,
) -> Result<(), Error> {
    let start = w.len();
    w.u16(0);
    body(w)?;
    let field = w.buffer().get_mut(start..).unwrap_or_default();
    let counted = field.len().saturating_sub(2);
    match (field.first_chunk_mut(), u16::try_from(counted)) {
        (Some(field), Ok(length @ ..=0x0FFF)) => {
            *field = (flags & 0xF000 | length).to_be_bytes();
            Ok(())
        }
        _ => Err(too_long(what, counted as u64, 0x0FFF)),
    }
}

/// Reads a length in the low 12 bits of 16, and as many bytes. The other 4 bits come with them.
fn take_u12<'a>(r: &mut Reader<'a>, what: &'static str) -> Result<(u16, Reader<'a>), Error> {
    let field = r.u16(what)?;
    Ok((field & 0xF000, r.sub(usize::from(field & 0x0FFF), what)?))
}

/// `value`, if it is at most `max`.
pub(crate) fn fits<T: Copy + PartialOrd + Into<u64>>(
    what: &'static str,
    value: T,
    max: T,
) -> Result<T, Error> {
    if value > max {
        return Err(too_long(what, value.into(), max.into()));
    }
    Ok(value)
}

pub(crate) fn too_long(what: &'static str, value: u64, max: u64) -> Error {
    TooLong { what, value, max }.into()
}

#[cfg(test)]
mod tests;
