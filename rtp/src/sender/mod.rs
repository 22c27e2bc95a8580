//! Samples to packets: every track a stream of its own, all on one clock by sender reports.

mod repair;
mod stream;

pub use repair::{Feedback, Repair};
pub use stream::Stream;

use crate::packet::FIXED_LEN;
use crate::rtcp::{Bye, Item, List, Sdes, SenderReport, item};
use crate::{Error, Format, NtpTime};
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;
use bytes::Bytes;
use core::time::Duration;
use media::{Event, Sample, Time, Track, TrackId, Tracks, WallClock};
use rand_core::RngCore;

/// How to send.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Config {
    /// Bytes of a packet, header included, at most. Default 1400.
    pub max_packet: usize,
    /// Time between sender reports of a stream. Default 5 s.
    pub report_interval: Duration,
    /// The canonical name, the same for all streams of this end (RFC 7022).
    pub cname: String,
    /// What a clock on the wall shows when `now` is 0.
    pub epoch: WallClock,
    /// The payload type of the first track that has no fixed one; the next ones count on. Default 96.
    pub first_payload_type: u8,
    /// Whether parameter sets go before each sample that decoding can start with. Default true.
    pub parameter_sets: bool,
    /// Whether AAC goes in LATM (RFC 6416). Default false: as RFC 3640 says.
    pub latm: bool,
}

impl Config {
    /// With defaults.
    #[must_use]
    pub fn new(epoch: WallClock, cname: impl Into<String>) -> Self {
        Self {
            max_packet: 1400,
            report_interval: Duration::from_secs(5),
            cname: cname.into(),
            epoch,
            first_payload_type: 96,
            parameter_sets: true,
            latm: false,
        }
    }
}

/// What is to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// The track that it belongs to.
    pub track: TrackId,
    /// Whether it is RTP or RTCP.
    pub kind: Channel,
    /// Whether it is the first packet of a sample that decoding can start with.
    pub starts_sync: bool,
    /// The datagram.
    pub data: Bytes,
}

/// One of the two channels of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Channel {
    /// Media.
    Rtp,
    /// Control.
    Rtcp,
}

/// Lays the samples of a presentation into packets.
///
/// Sender reports place all streams on the clock of the wall. The first sample says which time of the presentation is now;
/// from there on both clocks run together, so that the streams stay exactly as far apart as they are. Where they drift by
/// more than a second, as after a seek, the clock is set anew for all.
///
/// Give it samples, then send what [`poll_output`](Self::poll_output) gives; call
/// [`handle_timeout`](Self::handle_timeout) when [`poll_timeout`](Self::poll_timeout) is reached.
#[derive(Debug)]
pub struct Sender {
    config: Config,
    streams: Vec<Stream>,
    left_out: Vec<TrackId>,
    /// A time of the presentation, and `now` when it was.
    anchor: Option<(Time, Duration)>,
    out: VecDeque<Output>,
    /// Numbers for streams to come, drawn at the start.
    seed: u64,
}

/// How far the clock of the presentation may be from the one of the wall, before it is set anew.
const MOST_DRIFT: Time = Time::from_millis(1000);

impl Sender {
    /// A sender whose sources, sequence numbers and time stamps begin anywhere, as they have to (RFC 3550 §5.1).
    #[must_use]
    pub fn new(config: Config, rng: &mut impl RngCore) -> Self {
        Self {
            config,
            streams: Vec::new(),
            left_out: Vec::new(),
            anchor: None,
            out: VecDeque::new(),
            seed: rng.next_u64(),
        }
    }

    /// SplitMix64: numbers that need to differ, not to be secret.
    fn random(&mut self) -> u64 {
        self.seed = self.seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.seed;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Sets the tracks. Those that stay keep their streams; those that no format carries are left out.
    ///
    /// # Errors
    /// [`Error::Unsupported`] where none of them can be carried.
    pub fn set_tracks(&mut self, tracks: &Tracks) -> Result<(), Error> {
        let mut dynamic = self.config.first_payload_type;
        let mut formats = Vec::new();
        self.left_out.clear();
        let mut refused = None;
        for track in tracks {
            let format = match Format::latm(track, dynamic) {
                Ok(format) if self.config.latm => Ok(format),
                _ => Format::of(track, dynamic),
            };
            match format {
                Ok(format) => {
                    dynamic = dynamic.saturating_add(u8::from(format.payload_type == dynamic));
                    formats.push((track, format));
                }
                Err(error) => {
                    self.left_out.push(track.id);
                    refused.get_or_insert(error);
                }
            }
        }
        if let (true, Some(error)) = (formats.is_empty(), refused) {
            return Err(error);
        }
        self.set_formats(formats);
        Ok(())
    }

    /// Sets the tracks with their formats, such as those that the other end asks for.
    pub fn set_formats<'t>(&mut self, formats: impl IntoIterator<Item = (&'t Track, Format)>) {
        let mut old = core::mem::take(&mut self.streams);
        for (track, format) in formats {
            let known = old.iter().position(|stream| stream.track == track.id);
            let max = self.config.max_packet.saturating_sub(FIXED_LEN);
            #[expect(clippy::disallowed_methods, reason = "the position was found just now")]
            let mut stream = match known.map(|at| old.swap_remove(at)) {
                Some(mut stream) => {
                    stream.set_format(format, max);
                    stream
                }
                None => Stream::new(track, format, max, [self.random(), self.random()]),
            };
            stream.set_codec(track);
            self.streams.push(stream);
        }
    }

    /// The streams, in the order of their tracks.
    #[must_use]
    pub fn streams(&self) -> &[Stream] {
        &self.streams
    }

    /// Tracks of the last set that no format carries; their samples are passed over.
    #[must_use]
    pub fn left_out(&self) -> &[TrackId] {
        &self.left_out
    }

    /// Takes an event of a demuxer: tracks and samples; others are passed over.
    ///
    /// # Errors
    /// As [`set_tracks`](Self::set_tracks) and [`handle_sample`](Self::handle_sample).
    pub fn handle_event(&mut self, event: &Event, now: Duration) -> Result<(), Error> {
        match event {
            Event::Tracks(tracks) => self.set_tracks(tracks),
            Event::Sample(sample) => self.handle_sample(sample, now),
            _ => Ok(()),
        }
    }

    /// Takes a sample. Its packets are ready at once.
    ///
    /// # Errors
    /// [`Error::State`] for a track that was not set; what the format refuses. The sample is left out then.
    pub fn handle_sample(&mut self, sample: &Sample, now: Duration) -> Result<(), Error> {
        if self.left_out.contains(&sample.track) {
            return Ok(());
        }
        let Some(index) = self.index(sample.track) else {
            return Err(Error::State("a sample of a track that was not set"));
        };
        let Some(stream) = self.streams.get_mut(index) else {
            return Ok(());
        };
        let time = stream.timescale.time(sample.dts);
        let due = stream.next_report.is_none_or(|at| now >= at);
        let line = self.anchor.map(|(at, then)| at + since(now, then));
        let drift = line.map_or(MOST_DRIFT + MOST_DRIFT, |line| line - time);
        if drift > MOST_DRIFT || drift < Time::ZERO - MOST_DRIFT {
            self.anchor = Some((time, now));
        }
        if due {
            self.report(index, now, false)?;
        }
        let Some(stream) = self.streams.get_mut(index) else {
            return Ok(());
        };
        let max = self.config.max_packet;
        let sets = self.config.parameter_sets;
        stream.packetize(sample, sets, max, now, &mut self.out)
    }

    fn index(&self, track: TrackId) -> Option<usize> {
        self.streams.iter().position(|stream| stream.track == track)
    }

    /// A sender report with the canonical name, and goodbye at the end.
    fn report(&mut self, index: usize, now: Duration, bye: bool) -> Result<(), Error> {
        let (Some(stream), Some((time, then))) = (self.streams.get_mut(index), self.anchor) else {
            return Ok(());
        };
        stream.next_report = Some(now.saturating_add(self.config.report_interval));
        let wall = self.config.epoch.as_unix_nanos();
        let nanos = i64::try_from(now.as_nanos()).unwrap_or(i64::MAX);
        let mut out = Vec::with_capacity(96);
        SenderReport {
            ssrc: stream.ssrc,
            ntp: NtpTime::from_unix_nanos(wall.saturating_add(nanos)),
            rtp_timestamp: stream.timestamp(time + since(now, then)),
            packet_count: stream.packet_count,
            octet_count: stream.octet_count,
            ..SenderReport::default()
        }
        .encode(&mut out)?;
        let cname = Item {
            kind: item::CNAME,
            text: self.config.cname.as_bytes(),
        };
        Sdes::encode_items(&[(stream.ssrc, &[cname])], &mut out)?;
        if bye {
            Bye {
                sources: List::Values(&[stream.ssrc]),
                reason: &[],
            }
            .encode(&mut out)?;
        }
        stream.emit(Channel::Rtcp, false, out.into(), &mut self.out);
        Ok(())
    }

    fn stream_mut(&mut self, track: TrackId) -> Result<&mut Stream, Error> {
        let mut streams = self.streams.iter_mut();
        let found = streams.find(|stream| stream.track == track);
        found.ok_or(Error::State("there is no such track"))
    }

    /// Has lost packets of a track made good.
    ///
    /// # Errors
    /// [`Error::State`] for a track that was not set.
    pub fn set_repair(&mut self, track: TrackId, repair: &Repair) -> Result<(), Error> {
        let numbers = [self.random(), self.random()];
        self.stream_mut(track)?.repairs = repair::Repairs::new(repair, numbers);
        Ok(())
    }

    /// Has all packets of a track encrypted, and those that come for it decrypted.
    ///
    /// # Errors
    /// [`Error::State`] for a track that was not set.
    #[cfg(feature = "srtp")]
    pub fn set_srtp(&mut self, track: TrackId, secure: crate::srtp::Secure) -> Result<(), Error> {
        self.stream_mut(track)?.srtp = Some(secure);
        Ok(())
    }

    /// Takes RTCP that came for a track: what is asked for again is sent again, where [`Repair`] says so. Gives what else is
    /// wanted.
    ///
    /// # Errors
    /// [`Error::State`] for a track that was not set; what SRTP refuses. What is wrong with a packet of a compound is passed over.
    pub fn handle_rtcp(
        &mut self,
        track: TrackId,
        data: &[u8],
        now: Duration,
    ) -> Result<Feedback, Error> {
        let mut streams = self.streams.iter_mut();
        let stream = streams
            .find(|stream| stream.track == track)
            .ok_or(Error::State("there is no such track"))?;
        let wall = self.config.epoch.as_unix_nanos();
        let nanos = i64::try_from(now.as_nanos()).unwrap_or(i64::MAX);
        let wall = NtpTime::from_unix_nanos(wall.saturating_add(nanos));
        stream.handle_rtcp(data, wall, now, &mut self.out)
    }

    /// Another end uses the source of a track: it says goodbye and goes on as another one (RFC 3550 §8.2).
    ///
    /// # Errors
    /// [`Error::State`] for a track that was not set; [`Error::TooLong`] for a canonical name that does not fit.
    pub fn handle_collision(&mut self, track: TrackId, now: Duration) -> Result<(), Error> {
        let Some(index) = self.index(track) else {
            return Err(Error::State("a collision of a track that was not set"));
        };
        self.report(index, now, true)?;
        let [a, b, c, d, ..] = self.random().to_be_bytes();
        if let Some(stream) = self.streams.get_mut(index) {
            stream.ssrc = u32::from_be_bytes([a, b, c, d]);
            stream.next_report = None;
            (stream.packet_count, stream.octet_count) = (0, 0);
        }
        Ok(())
    }

    /// Sends the reports that are due.
    pub fn handle_timeout(&mut self, now: Duration) {
        for index in 0..self.streams.len() {
            let stream = self.streams.get(index);
            let due = stream.and_then(|stream| stream.next_report);
            if due.is_some_and(|at| at <= now) {
                // A canonical name that does not fit was told with the first sample.
                let _ = self.report(index, now, false);
            }
        }
    }

    /// When the next report is due.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Duration> {
        let times = self.streams.iter().filter_map(|stream| stream.next_report);
        times.min()
    }

    /// The next datagram to be sent.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    /// Ends all streams: a last report and goodbye for each.
    ///
    /// # Errors
    /// [`Error::TooLong`] for a canonical name that does not fit.
    pub fn finish(&mut self, now: Duration) -> Result<(), Error> {
        for index in 0..self.streams.len() {
            self.report(index, now, true)?;
        }
        Ok(())
    }
}

/// From then to now; negative where now is earlier.
fn since(now: Duration, then: Duration) -> Time {
    Time::from(now) - Time::from(then)
}

/// A range of bytes, which share their memory.
#[expect(clippy::disallowed_methods, reason = "the range has been checked")]
pub(crate) fn part(bytes: &Bytes, start: usize, end: usize) -> Bytes {
    if start <= end && end <= bytes.len() {
        bytes.slice(start..end)
    } else {
        Bytes::new()
    }
}
