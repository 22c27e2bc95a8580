use crate::clock::Pcr;
use crate::packet::{Pid, Scrambling};
use crate::pes::StreamId;
use crate::psi::{Pat, Pmt};
use alloc::borrow::Cow;
use alloc::vec::Vec;

/// What a [`Reader`](super::Reader) finds.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unit {
    /// Which programs there are: at first, and whenever that changes.
    Pat(Pat),
    /// Which streams a program has: at first, and whenever that changes.
    Pmt(Pmt),
    /// A section of a stream of sections. Its `CRC_32` is not looked at.
    Section(SectionUnit),
    /// A PES packet.
    Pes(Pes),
    /// A clock reference of a program.
    Clock(Clock),
    /// Something was wrong; reading goes on.
    Problem(Problem),
}

impl Unit {
    pub(super) fn buffered_len(&self) -> usize {
        match self {
            Unit::Section(section) => section.data.len(),
            Unit::Pes(pes) => pes.data.len(),
            _ => 0,
        }
    }
}

/// A section of a stream of sections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SectionUnit {
    /// Its stream.
    pub pid: Pid,
    /// The packet in which it ends, from the start of the input.
    pub offset: u64,
    /// All of it.
    pub data: Vec<u8>,
}

/// A PES packet, put together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pes {
    /// Its stream.
    pub pid: Pid,
    /// The transport packet in which it begins, from the start of the input.
    pub offset: u64,
    /// `stream_id` of its header.
    pub stream_id: StreamId,
    /// `PTS`, 33 bits: 90 kHz.
    pub pts: Option<u64>,
    /// `DTS`, 33 bits: 90 kHz; where the header has none, it is the PTS.
    pub dts: Option<u64>,
    /// `data_alignment_indicator` of its header.
    pub data_alignment_indicator: bool,
    /// `random_access_indicator` of the transport packet in which it begins.
    pub random_access_indicator: bool,
    /// `discontinuity_indicator` of the transport packet in which it begins.
    pub discontinuity_indicator: bool,
    /// How its data is scrambled, by its header or by that of the transport packet in which it begins.
    pub scrambling: Scrambling,
    /// Its header, where that has more than time stamps; [`pes::Header::parse`](crate::pes::Header::parse) reads it.
    pub header: Vec<u8>,
    /// Its data.
    pub data: Vec<u8>,
    /// `data` has NAL units with lengths in 4 bytes in place of start codes, as `Reader::gather_nal_units` asked for.
    pub is_length_prefixed: bool,
    /// Packets are missing before it.
    pub after_loss: bool,
    /// Packets are missing within it, or it was cut off: `data` is not whole.
    pub damaged: bool,
    /// It has no header of its own, but goes on where the one before was cut off, or was longer than it said.
    pub continues: bool,
    /// It says no length, and its last packet is full, as where a muxer cuts video without regard to pictures: what is in it may go on in
    /// the next one. Zeros that `data` lacks then at its end, as they belong to no NAL unit that ends there.
    pub open_end: Option<usize>,
}

/// A clock reference of a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clock {
    /// The PID of the packet.
    pub pid: Pid,
    /// The packet, from the start of the input.
    pub offset: u64,
    /// The clock.
    pub pcr: Pcr,
    /// `discontinuity_indicator`: the clock may jump here.
    pub discontinuity: bool,
}

/// Something wrong in the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The stream that it is about.
    pub pid: Option<Pid>,
    /// Where, from the start of the input.
    pub offset: u64,
    /// Bytes passed over because of it.
    pub skipped: u64,
    /// What was wrong, for a person.
    pub what: Cow<'static, str>,
}
