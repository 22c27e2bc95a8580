use super::{Input, Source};
use crate::format::Format;
use crate::net::rtsp::Connection;
use crate::{progress, stop};
use anyhow::{Context, Result, ensure};
use indicatif::ProgressBar;
use media::{Event, TrackId, Warning};
use rtp::Receiver;
use rtsp::Url;
use rtsp::client::Event as Told;
use rtsp::headers::{NotifyReason, Range, Transport};
use std::time::{Duration, Instant};

/// Silence after which a stream is over: some servers do not say so.
const SILENCE: Duration = Duration::from_secs(30);

/// Plays a stream.
pub fn open(name: &str) -> Result<Input> {
    let bar = progress::bar(None);
    let playing = Playing::open(name, bar.clone()).with_context(|| name.to_owned())?;
    Ok(Input {
        format: Format::Rtsp,
        source: Box::new(playing),
        bar,
        len: None,
        is_live: true,
    })
}

/// A stream that is played.
struct Playing {
    connection: Connection,
    receiver: Receiver,
    /// By index of the medium.
    tracks: Vec<Option<TrackId>>,
    /// When something came last.
    heard: Instant,
    warned: bool,
    is_over: bool,
    bar: ProgressBar,
}

impl Playing {
    fn open(name: &str, bar: ProgressBar) -> Result<Self> {
        let url: Url = name.parse()?;
        let mut connection = Connection::open(&url)?;
        connection.session.options(Duration::ZERO);
        connection.session.describe(Duration::ZERO);
        let sdp = connection.expect("to describe it", |event| match event {
            Told::Described { sdp, .. } => Some(sdp.clone()),
            _ => None,
        })?;
        let description = rtp::sdp::parse(sdp.as_bytes())?;
        let (mut tracks, mut streams, mut contexts) = (Vec::new(), Vec::new(), Vec::new());
        for (media, number) in rtp::sdp::media(&description).iter().zip(1..) {
            let stream = media.stream(TrackId(number)).filter(|_| media.sends);
            let track = stream.as_ref().map(|stream| stream.track);
            if let Some(track) = track.filter(|_| media.is_secure()) {
                let context = media.context()?;
                contexts.push((
                    track,
                    context.context("it is encrypted, and there is no key")?,
                ));
            }
            tracks.push(track);
            streams.extend(stream);
        }
        ensure!(!streams.is_empty(), "nothing in it is known here");
        let mut config = rtp::receiver::Config::new(rand::random(), "fluvial");
        config.latency = Duration::ZERO;
        let mut receiver = Receiver::new(config, streams)?;
        let is_secure = !contexts.is_empty();
        for (track, context) in contexts {
            receiver.set_srtp(track, rtp::srtp::Secure::new(None, Some(context)))?;
        }
        let mut channel = 0u8;
        for (media, track) in tracks.iter().enumerate() {
            if track.is_some() {
                let mut transport = Transport::tcp((channel, channel + 1));
                if is_secure {
                    transport.profile = rtsp::headers::Profile::Savp;
                }
                connection
                    .session
                    .setup(media, transport, connection.now())?;
                connection.expect("to set a track up", |event| {
                    matches!(event, Told::SetUp { .. }).then_some(())
                })?;
                channel += 2;
            }
        }
        let now = connection.now();
        connection
            .session
            .play(Some(Range::from(Duration::ZERO)), None, now)?;
        Ok(Self {
            connection,
            receiver,
            tracks,
            heard: Instant::now(),
            warned: false,
            is_over: false,
            bar,
        })
    }

    fn end(&mut self) {
        if !self.is_over {
            self.is_over = true;
            self.receiver.handle_eof(self.connection.now());
            // Whether the server hears it is its own affair.
            let _ = self.connection.close();
        }
    }

    fn handle(&mut self, told: Told) {
        match told {
            Told::Packet { media, data, .. } => {
                self.heard = Instant::now();
                self.bar.inc(data.len() as u64);
                if let Some(Some(track)) = self.tracks.get(media) {
                    let now = self.connection.now();
                    self.receiver.handle_datagram(*track, &data, now);
                }
                let mut tracks = self.tracks.iter().flatten();
                let ended = |track: &TrackId| {
                    let reception = self.receiver.reception(*track);
                    reception.is_some_and(|reception| reception.ended)
                };
                if tracks.all(ended) {
                    self.end();
                }
            }
            Told::Playing { rtp_info, .. } => {
                for (media, entry) in rtp_info {
                    if let (Some(Some(track)), Some(time)) = (self.tracks.get(media), entry.rtptime)
                    {
                        self.receiver.set_start(*track, time);
                    }
                }
            }
            Told::Notified {
                reason: NotifyReason::EndOfStream,
                ..
            }
            | Told::Refused { .. }
            | Told::Closed(_) => self.end(),
            _ => {}
        }
    }
}

impl Source for Playing {
    fn next(&mut self) -> Result<Option<Event>> {
        loop {
            if let Some(event) = self.receiver.poll_event()? {
                return Ok(Some(event));
            }
            if self.is_over {
                return Ok(None);
            }
            let now = self.connection.now();
            let due = self.receiver.poll_timeout();
            if due.is_some_and(|due| due <= now) {
                self.receiver.handle_timeout(now);
                while let Some(report) = self.receiver.poll_transmit() {
                    let media = self
                        .tracks
                        .iter()
                        .position(|track| *track == Some(report.track));
                    if let Some(media) = media {
                        self.connection.session.send(media, true, &report.data)?;
                    }
                }
                continue;
            }
            let wait = due.map_or(Duration::from_millis(200), |due| due - now);
            match self.connection.poll(wait.min(Duration::from_millis(200))) {
                Ok(Some(told)) => self.handle(told),
                Ok(None) if self.heard.elapsed() > SILENCE && !self.warned => {
                    self.warned = true;
                    self.end();
                    let what = format!("nothing came for {} s", SILENCE.as_secs());
                    return Ok(Some(Event::Warning(Warning::new(what))));
                }
                Ok(None) => {}
                Err(error) => {
                    self.end();
                    return Ok(Some(Event::Warning(Warning::new(format!("{error:#}")))));
                }
            }
            if stop::is_asked() {
                self.end();
            }
        }
    }
}
