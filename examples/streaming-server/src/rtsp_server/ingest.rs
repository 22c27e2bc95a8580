//! Packets of a publisher, or of a camera that is pulled, to what it publishes.

use super::secrets::Secrets;
use crate::stream::Publication;
use crate::webrtc::turns::Turns;
use anyhow::Context;
use media::{Event, TrackId, Tracks};
use rtp::srtp::Secure;
use std::net::Ipv4Addr;
use std::time::Duration;

/// What a player is told of a stream: its media, and of the whole what can be played of it (`a=range`).
pub(super) fn session(
    name: &str,
    sender: &rtp::Sender,
    tracks: &Tracks,
    range: &str,
) -> rtp::sdp::Session {
    let streams = sender.streams().iter();
    let streams =
        streams.filter_map(|stream| Some((tracks.find(stream.track())?, *stream.format())));
    let mut session = rtp::sdp::session(name, 0, Ipv4Addr::UNSPECIFIED.into());
    for (key, value) in [("control", "*"), ("range", range)] {
        session
            .attributes
            .push(rtp::sdp::Attribute::with_value(key, value));
    }
    let mut index = 0;
    rtp::sdp::describe(session, streams, |_| {
        index += 1;
        Some(format!("trackID={}", index - 1))
    })
}

/// The same as text, with keys where there are some.
pub(super) fn describe(
    name: &str,
    sender: &rtp::Sender,
    tracks: &Tracks,
    range: &str,
    secrets: Option<&Secrets>,
) -> Result<String, rtp::Error> {
    let mut session = session(name, sender, tracks, range);
    let medias = session.medias.iter_mut().zip(sender.streams());
    for (track, (media, stream)) in medias.enumerate() {
        if let Some(secrets) = secrets {
            rtp::sdp::protect(media, &secrets.message(track, stream.ssrc(), 0)?)?;
        }
    }
    rtp::sdp::to_text(&session)
}

/// One who sends packets.
#[derive(Debug)]
pub(crate) struct Ingest {
    receiver: rtp::Receiver,
    /// By index of the medium; `None` for what is not understood.
    tracks: Vec<Option<TrackId>>,
    pub(crate) publication: Publication,
    heard: Duration,
    /// How the pictures of a track are turned, where that was told.
    turns: Option<(TrackId, Turns)>,
}

/// RTCP for the sender.
pub(crate) struct Report {
    pub(crate) media: usize,
    pub(crate) data: bytes::Bytes,
}

impl Ingest {
    /// With the keys and the source that the sender was told of, where it was: reports are encrypted with them.
    ///
    /// # Errors
    /// Where nothing of the description is understood.
    pub(crate) fn new(
        sdp: &str,
        tcp: bool,
        own: Option<(&Secrets, u32)>,
        publication: Publication,
    ) -> anyhow::Result<Self> {
        let description = rtp::sdp::parse(sdp.as_bytes())?;
        let mut tracks = Vec::new();
        let mut streams = Vec::new();
        let mut secure = Vec::new();
        for (index, media) in rtp::sdp::media(&description).iter().enumerate() {
            let id = TrackId(u32::try_from(index)? + 1);
            let stream = media.stream(id);
            tracks.push(stream.as_ref().map(|_| id));
            if stream.is_some() && media.is_secure() {
                let context = media.context()?;
                let context = context.context("packets are encrypted, and there is no key")?;
                let mut both = match own {
                    Some((secrets, _)) => secrets.secure(index)?,
                    None => Secure::default(),
                };
                both.inbound = Some(context);
                secure.push((id, both));
            }
            streams.extend(stream);
        }
        anyhow::ensure!(!streams.is_empty(), "none of its formats is known");
        let mut config =
            rtp::receiver::Config::new(own.map_or_else(rand::random, |(_, ssrc)| ssrc), "fluvial");
        if tcp {
            config.latency = Duration::ZERO;
        }
        let mut receiver = rtp::Receiver::new(config, streams)?;
        for (track, secure) in secure {
            receiver.set_srtp(track, secure)?;
        }
        Ok(Self {
            receiver,
            tracks,
            publication,
            heard: Duration::ZERO,
            turns: None,
        })
    }

    pub(super) fn set_start(&mut self, media: usize, timestamp: u32) {
        if let Some(Some(track)) = self.tracks.get(media) {
            self.receiver.set_start(*track, timestamp);
        }
    }

    pub(crate) fn handle(&mut self, media: usize, data: &[u8], now: Duration) {
        self.heard = now;
        if let Some(Some(track)) = self.tracks.get(media) {
            self.receiver.handle_datagram(*track, data, now);
        }
        self.drain();
    }

    /// Pictures from this time stamp on need so many quarters of a turn, clockwise; to be told before the packet that tells it.
    pub(crate) fn turn(&mut self, media: usize, timestamp: u32, quarters: u8) {
        if let Some(Some(track)) = self.tracks.get(media) {
            let (_, turns) = self.turns.get_or_insert_with(|| (*track, Turns::default()));
            turns.tell(timestamp, quarters);
        }
    }

    pub(crate) fn handle_timeout(&mut self, now: Duration) {
        if self.receiver.poll_timeout().is_some_and(|at| at <= now) {
            self.receiver.handle_timeout(now);
            self.drain();
        }
    }

    pub(crate) fn poll_timeout(&self) -> Option<Duration> {
        self.receiver.poll_timeout()
    }

    /// Whether the sender said goodbye for all that it sends (RTCP BYE).
    pub(super) fn is_over(&self) -> bool {
        let mut receptions = self
            .tracks
            .iter()
            .flatten()
            .map(|track| self.receiver.reception(*track));
        receptions.all(|reception| reception.is_some_and(|reception| reception.ended))
    }

    fn drain(&mut self) {
        loop {
            match self.receiver.poll_event() {
                Ok(Some(event)) => {
                    if let Event::Sample(sample) = &event
                        && let Some((track, turns)) = &mut self.turns
                        && sample.track == *track
                        && let Some(timestamp) = self.receiver.timestamp(*track, sample.pts)
                        && let Some(quarters) = turns.at(timestamp)
                    {
                        self.publication.turn(quarters);
                    }
                    self.publication.handle_event(event);
                }
                Ok(None) => return,
                Err(error) => {
                    let stream = self.publication.name();
                    return tracing::warn!(%stream, "cannot be received: {error}");
                }
            }
        }
    }

    /// The next report that is to be sent.
    pub(crate) fn poll_report(&mut self) -> Option<Report> {
        let transmit = self.receiver.poll_transmit()?;
        let media = self
            .tracks
            .iter()
            .position(|track| *track == Some(transmit.track))?;
        Some(Report {
            media,
            data: transmit.data,
        })
    }
}

impl Drop for Ingest {
    fn drop(&mut self) {
        self.receiver.handle_eof(self.heard);
        self.drain();
    }
}
