use super::clock::StreamClock;
use super::convert::Converter;
use super::reorder::{Reorder, Verdict};
use super::{Config, StreamConfig};
use crate::payload::Depacketizer;
use crate::reception::Reception;
use crate::rtcp::{ReportBlock, SenderReport};
use crate::{Format, NtpTime, Packet, Unwrapper};
use alloc::borrow::Cow;
use alloc::collections::VecDeque;
use alloc::format;
use alloc::vec::Vec;
use bytes::Bytes;
use core::num::NonZeroU32;
use core::time::Duration;
use media::{Codec, Flags, Timescale, TrackId};

/// One stream of a presentation.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) config: StreamConfig,
    active: Option<Active>,
    source: Source,
    pub(super) clock: StreamClock,
    /// Time stamps of frames.
    stamps: Unwrapper<u32>,
    pub(super) reception: Reception,
    sequence: Unwrapper<u16>,
    reorder: Reorder,
    /// Samples whose times are not known.
    pub(super) held: VecDeque<Held>,
    pub(super) held_size: usize,
    gap: bool,
    pub(super) ended: bool,
    /// A report that came before the first packet.
    early_report: Option<(u32, NtpTime, u32)>,
    pub(super) next_report: Option<Duration>,
    /// The last decoding time that was given.
    pub(super) last_dts: Option<i64>,
    told_type: bool,
}

/// The format in use.
#[derive(Debug)]
struct Active {
    format: Format,
    depacketizer: Depacketizer,
    converter: Converter,
}

/// Whose packets are taken.
#[derive(Debug, Default)]
struct Source {
    ssrc: Option<u32>,
    last: Duration,
    /// Another one, or the same one elsewhere, and the sequence number that it will have next.
    candidate: Option<(u32, u16)>,
}

/// A sample with the time stamps of its stream.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) pts: i64,
    pub(super) dts: i64,
    pub(super) duration: Option<NonZeroU32>,
    pub(super) flags: Flags,
    pub(super) data: Bytes,
}

/// What a packet leads to, beside samples.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) warnings: Vec<Cow<'static, str>>,
    /// The codec is new or has changed.
    pub(super) codec: bool,
    /// The source is another one, or began again: the time line may jump.
    pub(super) restarted: bool,
}

/// How far a sequence number may jump (`MAX_DROPOUT` of RFC 3550 §A.1).
const MOST_JUMP: i64 = 3000;
/// How long a source must be silent for another one to take its place at once.
const SILENCE: Duration = Duration::from_secs(2);

impl Stream {
    pub(super) fn new(config: StreamConfig, common: &Config) -> Self {
        let first = config.formats.first();
        let rate = first
            .map_or(Timescale::KHZ_90, |format| format.clock_rate)
            .get();
        Self {
            active: None,
            source: Source::default(),
            clock: StreamClock::default(),
            stamps: Unwrapper::<u32>::new(),
            reception: Reception::new(rate),
            sequence: Unwrapper::<u16>::new(),
            reorder: Reorder::new(common.latency, common.limits.reorder_packets),
            held: VecDeque::new(),
            held_size: 0,
            gap: false,
            ended: false,
            early_report: None,
            next_report: None,
            last_dts: None,
            told_type: false,
            config,
        }
    }

    pub(super) const fn ssrc(&self) -> Option<u32> {
        self.source.ssrc
    }

    pub(super) fn rate(&self) -> Timescale {
        let format = self.active.as_ref().map(|active| &active.format);
        let format = format.or(self.config.formats.first());
        format.map_or(Timescale::KHZ_90, |format| format.clock_rate)
    }

    /// The codec, as far as it is known.
    pub(super) fn codec(&self) -> Option<&Codec> {
        match &self.active {
            Some(active) => active.converter.codec(),
            None => self.config.codec.as_ref(),
        }
    }

    pub(super) fn track(&self) -> TrackId {
        self.config.track
    }

    pub(super) fn timeout(&self) -> Option<Duration> {
        self.reorder.timeout()
    }

    pub(super) fn buffered_len(&self) -> usize {
        let active = self.active.as_ref();
        let frames = active.map_or(0, |active| active.depacketizer.buffered_len());
        self.reorder
            .buffered_len()
            .saturating_add(frames)
            .saturating_add(self.held_size)
    }

    fn converter(&self, format: &Format) -> Converter {
        let codec = self.config.codec.clone();
        let converter = Converter::new(format.layout, format.clock_rate, codec);
        converter.with_latm(self.config.latm.clone())
    }

    /// Takes a packet.
    pub(super) fn handle(
        &mut self,
        packet: &Packet<'_>,
        bytes: &[u8],
        now: Duration,
        common: &Config,
    ) -> Seen {
        let mut seen = Seen::default();
        let payload_type = packet.payload_type();
        let formats = &self.config.formats;
        let Some(format) = formats
            .iter()
            .find(|format| format.payload_type == payload_type)
            .copied()
        else {
            if !core::mem::replace(&mut self.told_type, true) {
                seen.warnings
                    .push(format!("packets of payload type {payload_type} are left out").into());
            }
            return seen;
        };
        if !self.admit(packet, now, &mut seen, common) {
            return seen;
        }
        if self
            .active
            .as_ref()
            .is_none_or(|active| active.format != format)
        {
            self.finish_frames(&mut seen, common);
            self.active = Some(Active {
                format,
                depacketizer: Depacketizer::new(format.layout, &common.limits),
                converter: self.converter(&format),
            });
            seen.codec = true;
        }
        let number = self.sequence.unwrap(packet.sequence_number());
        self.reception
            .handle_packet(packet.sequence_number(), packet.timestamp(), now);
        match self.reorder.handle(number, bytes, now) {
            Verdict::Now => self.take(packet, now, &mut seen, common),
            Verdict::Waits => {}
            Verdict::Late => return seen,
        }
        self.advance(now, &mut seen, common);
        seen
    }

    /// Whether a packet is of the stream: from its source, with a number that is near the others.
    fn admit(
        &mut self,
        packet: &Packet<'_>,
        now: Duration,
        seen: &mut Seen,
        common: &Config,
    ) -> bool {
        let (ssrc, number) = (packet.ssrc(), packet.sequence_number());
        let silent = self.ended || now.saturating_sub(self.source.last) > SILENCE;
        let restart = match self.source.ssrc {
            None => {
                self.source.ssrc = Some(ssrc);
                None
            }
            Some(current) if current != ssrc => Some(silent),
            Some(_) => {
                let jump = self
                    .sequence
                    .last()
                    .map_or(0, |last| self.sequence.peek(number).saturating_sub(last));
                let far = !(-MOST_JUMP..=MOST_JUMP).contains(&jump);
                far.then_some(silent)
            }
        };
        if let Some(at_once) = restart {
            // A packet that follows the last such one shows that it is no stray.
            let follows = self.source.candidate == Some((ssrc, number));
            self.source.candidate = Some((ssrc, number.wrapping_add(1)));
            if !follows && !at_once {
                return false;
            }
            self.restart(seen, common);
            self.source.ssrc = Some(ssrc);
        }
        self.source.candidate = None;
        self.source.last = now;
        self.ended = false;
        true
    }

    /// The source is another one, or begins again.
    fn restart(&mut self, seen: &mut Seen, common: &Config) {
        // What was not given yet has times of the old source.
        self.held.clear();
        self.held_size = 0;
        seen.restarted = true;
        self.gap = true;
        self.sequence = Unwrapper::<u16>::new();
        self.stamps = Unwrapper::<u32>::new();
        self.reception = Reception::new(self.rate().get());
        self.clock = StreamClock::default();
        self.reorder.restart();
        if let Some(active) = &mut self.active {
            active.depacketizer = Depacketizer::new(active.format.layout, &common.limits);
            active.converter.restart();
        }
    }

    /// Packets whose turn has come.
    pub(super) fn advance(&mut self, now: Duration, seen: &mut Seen, common: &Config) {
        while let Some(bytes) = self.reorder.pop(now) {
            if let Ok(packet) = Packet::parse(&bytes) {
                self.take(&packet, now, seen, common);
            }
        }
    }

    fn take(&mut self, packet: &Packet<'_>, now: Duration, seen: &mut Seen, common: &Config) {
        if self.stamps.last().is_none() {
            let first = self.stamps.unwrap(packet.timestamp());
            self.clock.see(first, now);
            if let Some((ssrc, wall, timestamp)) = self.early_report.take()
                && Some(ssrc) == self.source.ssrc
            {
                let timestamp = self.stamps.peek(timestamp);
                self.clock
                    .report(wall, timestamp, self.rate(), &mut super::Common::default());
            }
            if let Some(timestamp) = self.config.start_timestamp.take() {
                self.clock.tell(self.stamps.peek(timestamp));
            }
        }
        if let Some(active) = &mut self.active
            && let Err(error) = active.depacketizer.handle_packet(packet)
        {
            seen.warnings.push(format!("{error}").into());
        }
        self.frames(seen, common);
    }

    /// Frames that are complete, as samples.
    fn frames(&mut self, seen: &mut Seen, common: &Config) {
        let Some(active) = &mut self.active else {
            return;
        };
        while let Some(frame) = active.depacketizer.poll_frame() {
            if frame.after_loss && !frame.damaged {
                seen.warnings.push("packets are missing".into());
            }
            self.gap |= frame.after_loss;
            let stamp = self.stamps.unwrap(frame.timestamp);
            if frame.damaged && !common.keep_damaged {
                self.gap = true;
                seen.warnings
                    .push("a frame of which packets are missing is left out".into());
                continue;
            }
            let given = active.converter.convert(frame, stamp);
            seen.codec |= given.codec.is_some();
            seen.warnings.extend(given.error);
            for unit in given.units {
                let pts = stamp.saturating_add(unit.ticks);
                self.held_size = self.held_size.saturating_add(unit.data.len());
                self.held.push_back(Held {
                    pts,
                    dts: pts.saturating_sub(unit.reorder),
                    duration: unit.duration,
                    flags: unit.flags | Flags::GAP.when(core::mem::take(&mut self.gap)),
                    data: unit.data,
                });
            }
        }
    }

    fn finish_frames(&mut self, seen: &mut Seen, common: &Config) {
        // All that wait are due by then.
        self.advance(Duration::MAX, seen, common);
        if let Some(active) = &mut self.active {
            active.depacketizer.finish();
        }
        self.frames(seen, common);
    }

    /// Nothing comes any more.
    pub(super) fn finish(&mut self, seen: &mut Seen, common: &Config) {
        self.finish_frames(seen, common);
    }

    /// Takes a sender report; gives by how much the times have to be moved.
    pub(super) fn handle_report(
        &mut self,
        report: &SenderReport<'_>,
        now: Duration,
        common: &mut super::Common,
    ) -> Option<media::Time> {
        // A report of zeros is no report (RFC 3550 §6.4.1).
        if report.ntp == NtpTime(0) {
            return None;
        }
        if self.source.ssrc.is_some_and(|ssrc| ssrc != report.ssrc) {
            // It may be of the source that takes over.
            self.early_report = Some((report.ssrc, report.ntp, report.rtp_timestamp));
            return None;
        }
        self.reception.handle_sender_report(report.ntp, now);
        if self.stamps.last().is_none() {
            self.early_report = Some((report.ssrc, report.ntp, report.rtp_timestamp));
            return None;
        }
        let timestamp = self.stamps.peek(report.rtp_timestamp);
        self.clock
            .report(report.ntp, timestamp, self.rate(), common)
    }

    /// What a report tells of the source, once it has proved to be one.
    pub(super) fn report(&mut self, now: Duration) -> Option<ReportBlock> {
        let ssrc = self.source.ssrc?;
        let report = self.reception.report(now)?;
        Some(ReportBlock {
            ssrc,
            fraction_lost: report.fraction_lost,
            cumulative_lost: report.cumulative_lost,
            highest_sequence: report.extended_highest_sequence_number,
            jitter: report.jitter,
            last_sr: report.last_sr,
            delay_since_last_sr: report.delay_since_last_sr,
        })
    }

    /// The time of a report's time stamp, once times are known.
    pub(super) fn time_of(&self, timestamp: u32) -> Option<media::Time> {
        let base = self.clock.base()?;
        let ticks = self.stamps.peek(timestamp).saturating_sub(base);
        Some(self.rate().time(ticks))
    }
}
