//! Packets to samples: the streams of a presentation put in order, together, and on one clock.

mod clock;
mod config;
mod convert;
mod decode_order;
mod hevc;
mod repair;
mod report;
mod stream;

use crate::rtcp::Packets;
use crate::{Error, Packet, rtcp};
use alloc::borrow::Cow;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use clock::{Common, resolve};
pub use config::{Config, Reception, StreamConfig, Transmit};
use core::time::Duration;
use media::{Codec, Event, Flags, Sample, Time, Track, TrackId, Tracks, WallClock, Warning};
pub use repair::Repair;
use stream::{Held, Seen, Stream};

/// By how much times may be moved without a discontinuity.
const MOST_STEP: Time = Time::from_millis(100);

/// Makes samples of the packets of a presentation's streams.
///
/// Packets are put in order and frames together. Sender reports tell how the time stamps of the streams belong together:
/// samples are held until all streams have had one, or [`Config::sync_wait`] has passed. The earliest sample has the time 0,
/// or, where RTSP's `RTP-Info` told it, the start of the presentation has.
#[derive(Debug)]
pub struct Receiver {
    config: Config,
    streams: Vec<Stream>,
    events: VecDeque<Event>,
    transmits: VecDeque<Transmit>,
    common: Option<Common>,
    /// When the first packet of all came.
    first: Option<Duration>,
    tracks: Tracks,
    /// Samples were left out, as too many events wait.
    overflow: bool,
}

impl Receiver {
    /// A receiver of these streams.
    ///
    /// # Errors
    /// [`Error::Limit`] for too many of them.
    pub fn new(config: Config, streams: Vec<StreamConfig>) -> Result<Self, Error> {
        if streams.len() > config.limits.streams {
            return Err(Error::Limit {
                limit: "streams of a presentation",
                max: config.limits.streams as u64,
            });
        }
        let streams = streams.into_iter();
        Ok(Self {
            streams: streams.map(|stream| Stream::new(stream, &config)).collect(),
            config,
            events: VecDeque::new(),
            transmits: VecDeque::new(),
            common: None,
            first: None,
            tracks: Tracks::default(),
            overflow: false,
        })
    }

    fn index(&self, track: TrackId) -> Option<usize> {
        self.streams
            .iter()
            .position(|stream| stream.track() == track)
    }

    /// Takes a datagram of a stream, RTP or RTCP.
    pub fn handle_datagram(&mut self, track: TrackId, data: &[u8], now: Duration) {
        if rtcp::is_rtcp(data) {
            self.handle_rtcp(track, data, now);
        } else {
            self.handle_rtp(track, data, now);
        }
    }

    /// Takes an RTP packet of a stream.
    pub fn handle_rtp(&mut self, track: TrackId, data: &[u8], now: Duration) {
        let Some(index) = self.index(track) else {
            return self.warn(track, "a packet of an unknown stream");
        };
        #[cfg(feature = "srtp")]
        let Some(data) = self.open(index, data) else {
            return;
        };
        #[cfg(feature = "srtp")]
        let data = &*data;
        let packet = match Packet::parse(data) {
            Ok(packet) => packet,
            Err(error) => return self.warn(track, alloc::format!("{error}")),
        };
        let Some(stream) = self.streams.get_mut(index) else {
            return;
        };
        let seen = stream.handle(&packet, data, now, &self.config);
        if stream.next_report.is_none() {
            stream.next_report = Some(now.saturating_add(self.config.report_interval / 2));
        }
        if stream.clock.first().is_some() {
            self.first.get_or_insert(now);
        }
        self.note(index, seen, now);
    }

    /// Takes an RTCP compound of a stream.
    pub fn handle_rtcp(&mut self, track: TrackId, data: &[u8], now: Duration) {
        let Some(index) = self.index(track) else {
            return self.warn(track, "a packet of an unknown stream");
        };
        #[cfg(feature = "srtp")]
        let Some(data) = self.open(index, data) else {
            return;
        };
        #[cfg(feature = "srtp")]
        let data = &*data;
        for packet in Packets::new(data) {
            match packet {
                Ok(rtcp::Packet::SenderReport(report)) => self.handle_report(index, &report, now),
                Ok(rtcp::Packet::Bye(bye)) => {
                    if let Some(stream) = self.streams.get_mut(index) {
                        stream.ended |= bye.sources.iter().any(|ssrc| stream.ssrc() == Some(ssrc));
                    }
                }
                Ok(_) => {}
                Err(error) => self.warn(track, alloc::format!("{error}")),
            }
        }
    }

    fn handle_report(&mut self, index: usize, report: &rtcp::SenderReport<'_>, now: Duration) {
        let Some(stream) = self.streams.get_mut(index) else {
            return;
        };
        let mut none = Common::default();
        let common = self.common.as_mut().unwrap_or(&mut none);
        let moved = stream.handle_report(report, now, common);
        if let Some(difference) = moved {
            let track = stream.track();
            // A little is made up for with the next samples; more is a jump.
            let jumps = difference > MOST_STEP || difference < Time::ZERO - MOST_STEP;
            if jumps {
                stream.last = None;
            }
            let what = alloc::format!("times are moved by {difference}, as sender reports tell");
            self.warn(track, what);
            if jumps {
                self.push(Event::Discontinuity);
            }
        }
        let time = self
            .streams
            .get(index)
            .and_then(|stream| stream.time_of(report.rtp_timestamp));
        if let Some(time) = time {
            let wall = WallClock::from_unix_nanos(report.ntp.unix_nanos());
            self.push(Event::Clock { time, wall });
        }
        self.settle(now);
    }

    /// Has all packets of a stream decrypted, and its reports encrypted.
    ///
    /// # Errors
    /// [`Error::State`] for a track that is none of the streams'.
    #[cfg(feature = "srtp")]
    pub fn set_srtp(&mut self, track: TrackId, secure: crate::srtp::Secure) -> Result<(), Error> {
        let mut streams = self.streams.iter_mut();
        let stream = streams.find(|stream| stream.track() == track);
        let stream = stream.ok_or(Error::State("there is no such track"))?;
        stream.srtp = Some(secure);
        Ok(())
    }

    /// A packet as it was before it was encrypted; what is not authentic is told and left out.
    #[cfg(feature = "srtp")]
    fn open<'d>(&mut self, index: usize, data: &'d [u8]) -> Option<Cow<'d, [u8]>> {
        let stream = self.streams.get_mut(index)?;
        let Some(secure) = &mut stream.srtp else {
            return Some(Cow::Borrowed(data));
        };
        match secure.unprotect(data) {
            Ok(data) => Some(Cow::Owned(data)),
            // One that comes twice is nothing to be told.
            Err(Error::Replayed { .. }) => None,
            Err(error) => {
                let track = stream.track();
                self.warn(track, alloc::format!("{error}"));
                None
            }
        }
    }

    /// What RTSP's `RTP-Info` tells of a stream: the time stamp of the presentation's start. To be called before its first
    /// packet.
    pub fn set_start(&mut self, track: TrackId, timestamp: u32) {
        if let Some(index) = self.index(track)
            && let Some(stream) = self.streams.get_mut(index)
        {
            stream.config.start_timestamp = Some(timestamp);
        }
    }

    /// The time stamp of the packets of a sample that has come out, by its `pts`: so what their header extensions told is found again. `None`
    /// for a track that is not known, or of which nothing has come. To be asked before anything else goes in: a report may move times.
    #[must_use]
    pub fn timestamp(&self, track: TrackId, pts: i64) -> Option<u32> {
        let stream = self.streams.get(self.index(track)?)?;
        stream.clock.timestamp(pts)
    }

    fn note(&mut self, index: usize, seen: Seen, now: Duration) {
        let Some(track) = self.streams.get(index).map(Stream::track) else {
            return;
        };
        for what in seen.warnings {
            self.warn(track, what);
        }
        if seen.restarted {
            self.push(Event::Discontinuity);
            if let Some(stream) = self.streams.get_mut(index) {
                stream.last = None;
            }
        }
        if seen.codec && self.common.is_some() {
            self.tell_tracks();
        }
        self.settle(now);
    }

    /// Whether all that is needed to put the streams on one clock is there, or is not waited for any longer.
    fn is_time(&self, now: Duration) -> bool {
        let Some(first) = self.first else {
            return false;
        };
        let held: usize = self.streams.iter().map(|stream| stream.held_size).sum();
        if now >= first.saturating_add(self.config.sync_wait) || held > self.config.limits.held_size
        {
            return true;
        }
        let alone = self.streams.len() == 1;
        self.streams.iter().all(|stream| {
            let known = stream.codec().is_some() && stream.clock.first().is_some();
            known && (alone || stream.clock.is_exact())
        })
    }

    /// Gives the samples whose times are known.
    fn settle(&mut self, now: Duration) {
        if self.common.is_none() {
            if !self.is_time(now) {
                return;
            }
            let mut clocks: Vec<_> = self
                .streams
                .iter_mut()
                .map(|stream| {
                    let rate = stream.rate();
                    (&mut stream.clock, rate)
                })
                .collect();
            self.common = Some(resolve(&mut clocks));
            self.tell_tracks();
        }
        let Some(common) = self.common else {
            return;
        };
        let mut ready: Vec<(Time, Sample, Option<Codec>)> = Vec::new();
        for stream in &mut self.streams {
            if stream.held.is_empty() {
                continue;
            }
            if stream.clock.base().is_none() {
                let arrival = stream.clock.first().map_or(now, |(_, arrival)| arrival);
                let over = now >= arrival.saturating_add(self.config.sync_wait)
                    || stream.held_size > self.config.limits.held_size;
                stream.clock.join(stream.rate(), &common, over);
            }
            let Some(base) = stream.clock.base() else {
                continue;
            };
            let (rate, track) = (stream.rate(), stream.track());
            for held in core::mem::take(&mut stream.held) {
                let Held {
                    codec,
                    pts,
                    dts,
                    duration,
                    flags,
                    data,
                } = held;
                let behind = pts.saturating_sub(dts);
                let dts = stream.place(dts, base);
                let sample = Sample {
                    track,
                    dts,
                    pts: dts.saturating_add(behind),
                    duration,
                    flags,
                    data,
                };
                ready.push((rate.time(dts), sample, codec));
            }
            stream.held_size = 0;
        }
        if ready.len() > 1 {
            ready.sort_by_key(|(time, ..)| *time);
        }
        for (_, mut sample, codec) in ready {
            if let Some(codec) = codec {
                let mut streams = self.streams.iter_mut();
                if let Some(stream) = streams.find(|stream| stream.track() == sample.track) {
                    stream.told = Some(codec);
                }
                self.tell_tracks();
            }
            if self.events.len() >= self.config.limits.events {
                self.overflow = true;
                continue;
            }
            if core::mem::take(&mut self.overflow) {
                sample.flags |= Flags::GAP;
                self.warn(
                    sample.track,
                    "samples are left out, as too many events wait",
                );
            }
            self.events.push_back(Event::Sample(sample));
        }
    }

    fn tell_tracks(&mut self) {
        let known = self.streams.iter().filter_map(|stream| {
            let mut track = Track::new(
                stream.track(),
                stream.rate(),
                stream.present_codec()?.clone(),
            );
            track.language = stream.config.language;
            Some(track)
        });
        let tracks: Tracks = known.collect();
        if tracks != self.tracks && !tracks.is_empty() {
            self.tracks = tracks.clone();
            self.push(Event::Tracks(tracks));
        }
    }

    fn push(&mut self, event: Event) {
        // Few of these come for each sample, and not without one.
        if self.events.len() < self.config.limits.events.saturating_mul(2) {
            self.events.push_back(event);
        }
    }

    fn warn(&mut self, track: TrackId, what: impl Into<Cow<'static, str>>) {
        if self.events.len() < self.config.limits.events {
            self.events
                .push_back(Event::Warning(Warning::new(what).on(track)));
        }
    }

    /// Gives up what was waited for long enough, and sends the reports that are due.
    pub fn handle_timeout(&mut self, now: Duration) {
        for index in 0..self.streams.len() {
            let mut seen = Seen::default();
            if let Some(stream) = self.streams.get_mut(index) {
                stream.advance(now, &mut seen, &self.config);
            }
            self.note(index, seen, now);
            self.ask(index, now);
            self.report(index, now);
        }
        self.settle(now);
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Duration> {
        let times = self.streams.iter().flat_map(|stream| {
            let joins = stream
                .clock
                .first()
                .filter(|_| stream.clock.base().is_none() && !stream.held.is_empty());
            let joins = joins.map(|(_, arrival)| arrival.saturating_add(self.config.sync_wait));
            [stream.timeout(), stream.next_report, joins]
        });
        let sync = self.first.filter(|_| self.common.is_none());
        let sync = sync.map(|first| first.saturating_add(self.config.sync_wait));
        times.chain([sync]).flatten().min()
    }

    /// Nothing comes any more: what is there comes out.
    pub fn handle_eof(&mut self, now: Duration) {
        for index in 0..self.streams.len() {
            let mut seen = Seen::default();
            if let Some(stream) = self.streams.get_mut(index) {
                stream.finish(now, &mut seen, &self.config);
            }
            self.note(index, seen, now);
        }
        self.settle(now.saturating_add(self.config.sync_wait));
    }

    /// The next event, in order.
    ///
    /// # Errors
    /// None so far: what is wrong with packets is told by warnings.
    pub fn poll_event(&mut self) -> Result<Option<Event>, Error> {
        Ok(self.events.pop_front())
    }

    /// The next report to be sent.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.transmits.pop_front()
    }

    /// Bytes held.
    #[must_use]
    pub fn buffered_len(&self) -> usize {
        let events = self.events.iter().map(|event| match event {
            Event::Sample(sample) => sample.data.len(),
            _ => 0,
        });
        let streams = self.streams.iter().map(Stream::buffered_len);
        events.chain(streams).sum()
    }
}
