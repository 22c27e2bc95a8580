//! What the readers of elementary streams take and give.

use super::lock::Lock;
use alloc::borrow::Cow;
use alloc::vec::Vec;
use bytes::Bytes;
use core::num::NonZeroU32;
use media::{Codec, Flags, Timescale};

/// The times of a PES packet, unwrapped, in ticks of 90 kHz.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Times {
    pub(super) pts: i64,
    pub(super) dts: i64,
    /// The header has a DTS of its own.
    pub(super) has_dts: bool,
}

/// A PES packet on its way into an elementary stream.
#[derive(Debug)]
pub(super) struct Input {
    pub(super) times: Option<Times>,
    /// Something before it was lost.
    pub(super) gap: bool,
    /// What opens its samples, where they are encrypted.
    pub(super) lock: Option<Lock>,
    pub(super) data: Vec<u8>,
    /// `data` has lengths in place of start codes.
    pub(super) is_length_prefixed: bool,
    /// The next one may go on with what is in it: see [`Pes::open_end`](crate::reader::Pes::open_end).
    pub(super) open_end: Option<usize>,
}

/// What comes out of an elementary stream.
#[derive(Debug)]
pub(super) enum Out {
    /// The codec of the frames that follow, and the clock of their times.
    Codec(Codec, Timescale),
    /// A sample, without its track.
    Frame(Frame),
    /// Something wrong.
    Warning(Cow<'static, str>),
}

/// A sample, without its track.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) dts: i64,
    pub(super) pts: i64,
    pub(super) duration: Option<NonZeroU32>,
    pub(super) flags: Flags,
    pub(super) data: Bytes,
}

/// The bytes of a range that was checked to lie within.
#[expect(clippy::disallowed_methods, reason = "the range has been checked")]
pub(super) fn part(bytes: &Bytes, range: core::ops::Range<usize>) -> Bytes {
    if range.start <= range.end && range.end <= bytes.len() {
        bytes.slice(range)
    } else {
        Bytes::new()
    }
}
