//! What is remembered of a PID and of a program.

use super::Statistics;
use super::clock::Watch;
use crate::packet::{Packet, Pid};
use crate::psi::{Assembler, Collector, Pmt, StreamType};
use alloc::borrow::Cow;
use alloc::vec::Vec;

/// What is remembered of a PID.
#[derive(Debug, Default)]
pub(super) struct Stream {
    pub(super) statistics: Statistics,
    pub(super) counter: Option<u8>,
    repeated: bool,
    pub(super) watch: Option<Watch>,
    pub(super) assembler: Option<Assembler>,
    /// When a presentation time came last.
    pub(super) last_pts: Option<i64>,
    pub(super) last_seen: i64,
    pub(super) told_missing: i64,
    /// It is sound or video, whose packets come all the time.
    pub(super) is_continuous: bool,
}

impl Stream {
    /// Follows the continuity counter; gives what is wrong with it.
    pub(super) fn count(&mut self, packet: &Packet<'_>) -> Option<Cow<'static, str>> {
        let counter = packet.header.continuity_counter();
        if !packet.header.has_payload() {
            return None;
        }
        let before = self.counter.replace(counter)?;
        let expected = before.wrapping_add(1) & 0x0F;
        if counter == expected {
            self.repeated = false;
            return None;
        }
        if counter == before && !self.repeated {
            self.repeated = true;
            self.statistics.duplicates = self.statistics.duplicates.saturating_add(1);
            return None;
        }
        self.repeated = false;
        if packet.is_discontinuity() {
            return None;
        }
        let lost = counter.wrapping_sub(expected) & 0x0F;
        self.statistics.lost = self.statistics.lost.saturating_add(lost.into());
        Some(alloc::format!("continuity_counter is {counter}, not {expected}").into())
    }
}

/// What is remembered of a program.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) number: u16,
    pub(super) pid: Pid,
    pub(super) table: Collector<Pmt>,
    /// When its map came last.
    pub(super) last: Option<i64>,
    /// When it was said last that its map is missing, or when the program was named.
    pub(super) told: i64,
    /// When its present map came first.
    pub(super) since: i64,
    /// Whose packets have its clock, if it has one.
    pub(super) clock: Option<Pid>,
    pub(super) streams: Vec<Pid>,
    /// Those of them that are sound or video.
    pub(super) media: Vec<Pid>,
}

impl Program {
    pub(super) fn new(number: u16, pid: u16, now: i64) -> Self {
        Self {
            number,
            pid: Pid::from_low_bits(pid),
            table: Collector::new(),
            last: None,
            told: now,
            since: now,
            clock: None,
            streams: Vec::new(),
            media: Vec::new(),
        }
    }

    pub(super) fn set(&mut self, pmt: &Pmt, now: i64) {
        self.since = now;
        let pid = |pid: u16| Pid::from_low_bits(pid);
        self.clock = Some(pid(pmt.pcr_pid)).filter(|clock| *clock != Pid::NULL);
        self.streams = pmt
            .streams
            .iter()
            .map(|stream| pid(stream.elementary_pid))
            .collect();
        let media = pmt
            .streams
            .iter()
            .filter(|stream| is_media(stream.stream_type));
        self.media = media.map(|stream| pid(stream.elementary_pid)).collect();
    }
}

/// Whether packets of such a stream come all the time.
const fn is_media(stream_type: StreamType) -> bool {
    matches!(
        stream_type,
        StreamType::MPEG1_VIDEO
            | StreamType::MPEG2_VIDEO
            | StreamType::MPEG4_VIDEO
            | StreamType::MPEG1_AUDIO
            | StreamType::MPEG2_AUDIO
            | StreamType::AAC_ADTS
            | StreamType::AAC_LATM
            | StreamType::H264
            | StreamType::H265
            | StreamType::ATSC_AC3
            | StreamType::ATSC_EAC3
    )
}
