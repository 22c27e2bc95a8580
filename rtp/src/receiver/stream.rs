use super::clock::StreamClock;
use super::convert::Converter;
use super::repair::{Kind, Repairs};
use super::{Config, StreamConfig};
use crate::jitter::{self, Buffer, Output};
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
    /// Packets that wait for those before them.
    buffer: Buffer<Bytes>,
    pub(super) repairs: Repairs,
    #[cfg(feature = "srtp")]
    pub(super) srtp: Option<crate::srtp::Secure>,
    /// Samples whose times are not known.
    pub(super) held: VecDeque<Held>,
    /// By which the samples are decoded that have come out.
    pub(super) told: Option<Codec>,
    /// The codec of the next sample, where it is another one.
    next_codec: Option<Codec>,
    pub(super) held_size: usize,
    gap: bool,
    pub(super) ended: bool,
    /// A report that came before the first packet.
    early_report: Option<(u32, NtpTime, u32)>,
    pub(super) next_report: Option<Duration>,
    /// The last decoding time, in time stamps and as it was given.
    pub(super) last: Option<(i64, i64)>,
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
    /// Another one, the sequence number that it will have next, and its packet.
    candidate: Option<(u32, u16, Bytes)>,
}

/// What becomes of a packet.
enum Admitted {
    /// It is left out.
    No,
    /// It is of the source.
    Yes,
    /// It is of a new source, and so was this one before it.
    After(Bytes),
}

/// How packets are put in order.
fn buffering(clock_rate: u32, common: &Config) -> jitter::Config {
    let mut config = jitter::Config::new(clock_rate);
    config.max_wait = common.latency;
    config.min_wait = common.least_latency.min(common.latency);
    config.packets = common.limits.reorder_packets;
    config
}

/// A sample with the time stamps of its stream.
#[derive(Debug)]
pub(super) struct Held {
    /// By which it and those after it are decoded, where that is new.
    pub(super) codec: Option<Codec>,
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
            clock: StreamClock::new(Timescale::new(rate).unwrap_or(Timescale::KHZ_90)),
            stamps: Unwrapper::<u32>::new(),
            reception: Reception::new(rate),
            buffer: Buffer::new(buffering(rate, common)),
            repairs: Repairs::new(&config.repair),
            #[cfg(feature = "srtp")]
            srtp: None,
            held: VecDeque::new(),
            told: None,
            next_codec: None,
            held_size: 0,
            gap: false,
            ended: false,
            early_report: None,
            next_report: None,
            last: None,
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

    /// The codec of the samples that come out next, as far as it is known.
    pub(super) fn present_codec(&self) -> Option<&Codec> {
        let held = || self.held.iter().find_map(|held| held.codec.as_ref());
        self.told.as_ref().or_else(held).or_else(|| self.codec())
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
        let repairs = self.repairs.timeout();
        [self.buffer.poll_timeout(), repairs]
            .into_iter()
            .flatten()
            .min()
    }

    pub(super) fn buffered_len(&self) -> usize {
        let active = self.active.as_ref();
        let frames = active.map_or(0, |active| active.depacketizer.buffered_len());
        let candidate = self.source.candidate.iter().map(|(.., packet)| packet);
        let packets = self.buffer.iter().chain(candidate).map(Bytes::len);
        packets
            .sum::<usize>()
            .saturating_add(frames)
            .saturating_add(self.repairs.buffered_len())
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
        if let Some(kind) = self.repairs.kind(payload_type) {
            self.handle_repair(&kind, packet, bytes, now, &mut seen, common);
            self.recover(now, &mut seen, common);
            return seen;
        }
        if self.format(payload_type).is_none() {
            if !core::mem::replace(&mut self.told_type, true) {
                seen.warnings
                    .push(format!("packets of payload type {payload_type} are left out").into());
            }
            return seen;
        }
        let before = match self.admit(packet, bytes, now, &mut seen, common) {
            Admitted::No => return seen,
            Admitted::Yes => None,
            Admitted::After(before) => Some(before),
        };
        if let Some(bytes) = before
            && let Ok(packet) = Packet::parse(&bytes)
        {
            self.enter(&packet, &bytes, now, &mut seen, common);
        }
        self.enter(packet, bytes, now, &mut seen, common);
        self.recover(now, &mut seen, common);
        seen
    }

    /// Takes a packet that makes others good.
    fn handle_repair(
        &mut self,
        kind: &Kind,
        packet: &Packet<'_>,
        bytes: &[u8],
        now: Duration,
        seen: &mut Seen,
        common: &Config,
    ) {
        // Before the media there is nothing to make good.
        let Some(ssrc) = self.source.ssrc else {
            return;
        };
        if let Kind::Resent(original) = kind {
            let original = self.repairs.original(bytes, *original, ssrc, now);
            if let Some(original) = original
                && let Ok(packet) = Packet::parse(&original)
            {
                self.repairs.see(packet.sequence_number(), &original, now);
                self.put(&packet, &original, now, seen, common);
            }
            return;
        }
        if packet.ssrc() == ssrc {
            // It has one of the media's numbers.
            self.enter(packet, bytes, now, seen, common);
        }
        self.repairs.repair(kind, packet, ssrc);
    }

    /// Takes what could be made good.
    fn recover(&mut self, now: Duration, seen: &mut Seen, common: &Config) {
        while let Some(bytes) = self.repairs.poll_recovered() {
            if let Ok(packet) = Packet::parse(&bytes) {
                self.repairs.see(packet.sequence_number(), &bytes, now);
                self.put(&packet, &bytes, now, seen, common);
            }
        }
    }

    fn format(&self, payload_type: u8) -> Option<Format> {
        let mut formats = self.config.formats.iter();
        formats
            .find(|format| format.payload_type == payload_type)
            .copied()
    }

    /// Takes a packet that came from the source.
    fn enter(
        &mut self,
        packet: &Packet<'_>,
        bytes: &[u8],
        now: Duration,
        seen: &mut Seen,
        common: &Config,
    ) {
        let (number, timestamp) = (packet.sequence_number(), packet.timestamp());
        self.reception.handle_packet(number, timestamp, now);
        self.repairs.see(number, bytes, now);
        self.put(packet, bytes, now, seen, common);
    }

    /// Uses a packet at once, or has it wait for its turn.
    fn put(
        &mut self,
        packet: &Packet<'_>,
        bytes: &[u8],
        now: Duration,
        seen: &mut Seen,
        common: &Config,
    ) {
        let (number, timestamp) = (packet.sequence_number(), packet.timestamp());
        if self.buffer.pass(number, timestamp, now).is_some() {
            self.take(packet, now, seen, common);
        } else {
            let copy = Bytes::copy_from_slice(bytes);
            self.buffer.insert(number, timestamp, copy, now);
        }
        self.advance(now, seen, common);
    }

    /// Whether a packet is of the stream's source. One of another is taken where the source is silent or has said goodbye,
    /// or where it follows the one before it: then it is no stray.
    fn admit(
        &mut self,
        packet: &Packet<'_>,
        bytes: &[u8],
        now: Duration,
        seen: &mut Seen,
        common: &Config,
    ) -> Admitted {
        let (ssrc, number) = (packet.ssrc(), packet.sequence_number());
        let mut admitted = Admitted::Yes;
        if self.source.ssrc.is_some_and(|current| current != ssrc) {
            let at_once = self.ended || now.saturating_sub(self.source.last) > SILENCE;
            let before = self.source.candidate.take();
            let before = before.filter(|(of, next, _)| (*of, *next) == (ssrc, number));
            if before.is_none() && !at_once {
                let copy = Bytes::copy_from_slice(bytes);
                self.source.candidate = Some((ssrc, number.wrapping_add(1), copy));
                return Admitted::No;
            }
            self.drain_buffer(now, seen, common);
            self.restart(seen, common);
            if let Some((_, _, before)) = before {
                admitted = Admitted::After(before);
            }
        }
        self.source = Source {
            ssrc: Some(ssrc),
            last: now,
            candidate: None,
        };
        self.ended = false;
        admitted
    }

    /// The source is another one, or begins again.
    fn restart(&mut self, seen: &mut Seen, common: &Config) {
        // What was not given yet has times of the old source.
        self.held.clear();
        self.held_size = 0;
        seen.restarted = true;
        self.gap = true;
        self.stamps = Unwrapper::<u32>::new();
        self.reception = Reception::new(self.rate().get());
        self.clock = StreamClock::new(self.rate());
        self.repairs.restart();
        if let Some(active) = &mut self.active {
            active.depacketizer = Depacketizer::new(active.format.layout, &common.limits);
            active.converter.restart();
        }
    }

    /// Packets whose turn has come.
    pub(super) fn advance(&mut self, now: Duration, seen: &mut Seen, common: &Config) {
        while let Some(output) = self.buffer.poll(now) {
            match output {
                Output::Packet { packet, .. } => {
                    if let Ok(packet) = Packet::parse(&packet) {
                        self.take(&packet, now, seen, common);
                    }
                }
                // What depends on them finds out by the numbers.
                Output::Lost { .. } => {}
                Output::Restart => self.restart(seen, common),
            }
        }
    }

    /// What waits comes out, with what is missing left out.
    fn drain_buffer(&mut self, now: Duration, seen: &mut Seen, common: &Config) {
        self.buffer.flush();
        self.advance(now, seen, common);
    }

    fn take(&mut self, packet: &Packet<'_>, now: Duration, seen: &mut Seen, common: &Config) {
        if self.repairs.kind(packet.payload_type()).is_some() {
            return self.repairs.pass();
        }
        // Depacketizers see the numbers of the media alone.
        let fixed = packet.fixed_less(self.repairs.between());
        let packet = &packet.with_fixed(&fixed);
        let Some(format) = self.format(packet.payload_type()) else {
            return;
        };
        if self
            .active
            .as_ref()
            .is_none_or(|active| active.format != format)
        {
            self.finish_frames(seen, common);
            if self.stamps.last().is_none() {
                self.clock = StreamClock::new(format.clock_rate);
            }
            self.active = Some(Active {
                format,
                depacketizer: Depacketizer::new(format.layout, &common.limits),
                converter: self.converter(&format),
            });
            self.next_codec = self.codec().cloned();
            seen.codec = true;
        }
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
            self.next_codec = given.codec.or(self.next_codec.take());
            seen.warnings.extend(given.error);
            for unit in given.units {
                let pts = stamp.saturating_add(unit.ticks);
                self.held_size = self.held_size.saturating_add(unit.data.len());
                self.held.push_back(Held {
                    codec: self.next_codec.take(),
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
        if let Some(active) = &mut self.active {
            active.depacketizer.finish();
        }
        self.frames(seen, common);
    }

    /// Nothing comes any more.
    pub(super) fn finish(&mut self, now: Duration, seen: &mut Seen, common: &Config) {
        self.source.candidate = None;
        self.drain_buffer(now, seen, common);
        self.finish_frames(seen, common);
        self.repairs.restart();
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
        self.reception.report(ssrc, now)
    }

    /// The decoding time of the next sample. Where a report takes times back, samples follow each other twice as fast until that is made up
    /// for: none is to last no time.
    pub(super) fn place(&mut self, stamp: i64, base: i64) -> i64 {
        let mut time = stamp.saturating_sub(base);
        if let Some((before, given)) = self.last {
            let step = stamp.saturating_sub(before).max(0);
            let least = step / 2 + step % 2;
            time = time.max(given.saturating_add(least));
        }
        self.last = Some((stamp, time));
        time
    }

    /// The time of a report's time stamp, once times are known.
    pub(super) fn time_of(&self, timestamp: u32) -> Option<media::Time> {
        let base = self.clock.base()?;
        let ticks = self.stamps.peek(timestamp).saturating_sub(base);
        Some(self.rate().time(ticks))
    }
}
