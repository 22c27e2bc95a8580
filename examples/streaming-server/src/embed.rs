//! For servers that have this one inside: what its publishers send can be taken, and what its players see can be made.

use crate::hub::Hub;
use crate::rtsp_server::pull::{self, Pull};
use crate::stream::{Broadcast, Publication, Publisher, Taken};
use crate::webrtc::play;
use crate::webrtc::publish::Publish;
use common::Shutdown;
use media::Event;
use std::fmt::Debug;
use std::net::SocketAddr;
use std::time::Instant;
use str0m::Rtc;
use str0m::format::Codec;
use str0m::media::{Mid, Pt};

/// Who wants to publish.
#[derive(Debug, Clone, Copy)]
pub struct Newcomer<'a> {
    /// The path: an application and a stream.
    pub name: &'a str,
    /// What came behind it, without the question mark.
    pub query: &'a str,
    /// From where.
    pub peer: Option<SocketAddr>,
    /// What it calls itself.
    pub agent: &'a str,
}

/// Takes in what is published, and makes what is played.
pub trait Intake: Debug + Send + Sync {
    /// Whether this publisher is for it, and if so, where its events go.
    ///
    /// # Errors
    /// The text is told to a publisher that is refused.
    fn admit(&self, newcomer: Newcomer<'_>) -> Option<Result<Box<dyn Sink>, &'static str>>;

    /// Somebody wants to play a name: whether it will come, by [`Handle::publish`](Handle::publish).
    fn want(&self, name: &str) -> bool;
}

/// Where the events of one publisher go; dropped when it has gone.
pub trait Sink: Debug + Send + Sync {
    /// The next event.
    fn handle(&mut self, event: Event);

    /// Why the publisher is to go, if it is; asked after its events.
    fn dismissal(&self) -> Option<&'static str> {
        None
    }

    /// Whether the publisher should send a keyframe soon, if it can be told; asked once for each wish.
    fn wants_keyframe(&mut self) -> bool;

    /// From the next picture on, what comes needs so many quarters of a turn, clockwise, to stand upright (`urn:3gpp:video-orientation`).
    fn turned(&mut self, _quarters: u8) {}

    /// A packet of sound has come, which says how loud it is, in decibels of full scale (RFC 6464), or does not say it; what is in it comes later.
    fn loud(&mut self, _decibels: Option<i8>) {}
}

/// A running server, for who has it inside. Clones are the same.
#[derive(Debug, Clone)]
pub struct Handle {
    hub: Hub,
    cut: Shutdown,
}

impl Handle {
    pub(crate) const fn new(hub: Hub, cut: Shutdown) -> Self {
        Self { hub, cut }
    }

    /// Publishes a stream; none, if the name is none or taken.
    #[must_use]
    pub fn publish(&self, name: &str, agent: &str) -> Option<Outlet> {
        Outlet::new(&self.hub, name, agent)
    }

    /// Whether somebody plays a name, or waits for it.
    #[must_use]
    pub fn is_watched(&self, name: &str) -> bool {
        self.hub.is_watched(name)
    }

    /// Pulls `rtsp://...` under a name, until `stop`; a camera that cannot be had is tried again and again.
    ///
    /// # Errors
    /// If the URL is none.
    pub fn pull(&self, name: &str, url: &str, stop: Shutdown) -> anyhow::Result<()> {
        let pull = format!("{name}={url}").parse();
        let mut pull: Pull = pull.map_err(|error| anyhow::anyhow!("{error}"))?;
        pull.always = true;
        pull.wanted.notify_one();
        let (hub, cut) = (self.hub.clone(), self.cut.clone());
        tokio::spawn(async move {
            tokio::select! {
                () = pull::keep(pull, hub, cut) => {}
                () = stop.wait() => {}
            }
        });
        Ok(())
    }
}

/// What the embedding server publishes; dropped, it is gone, and its playlist waits for the next.
#[derive(Debug)]
pub struct Outlet(Broadcast);

impl Outlet {
    pub(crate) fn new(hub: &Hub, name: &str, agent: &str) -> Option<Self> {
        let publisher = Publisher {
            peer: None,
            agent: agent.to_owned(),
            query: String::new(),
        };
        let stream = hub.open(name).ok()?;
        stream.publish(publisher).map(Self)
    }

    /// Takes the next event. Players get it after the next [`flush`](Self::flush).
    pub fn handle(&mut self, event: Event) {
        self.0.handle_event(event);
    }

    /// Wakes the players, if they have waited long enough; else says when to come again.
    pub fn flush(&mut self, now: Instant) -> Option<Instant> {
        self.0.flush(now)
    }

    /// Whether somebody sees it.
    #[must_use]
    pub fn is_watched(&self) -> bool {
        self.0.stream().is_watched()
    }

    /// Records from the next keyframe on, into the folder of the configuration, or ends the recording.
    pub fn set_recording(&mut self, on: bool) {
        self.0.set_recording(on);
    }
}

/// The receiving half of a client of WebRTC.
#[derive(Debug)]
pub struct Reception(Publish);

impl Reception {
    /// Of a client with this offer, which `rtc` has accepted; its events go to `sink`.
    ///
    /// # Errors
    /// If nothing that it sends is understood.
    pub fn new(name: &str, sink: Box<dyn Sink>, rtc: &Rtc, offer: &str) -> anyhow::Result<Self> {
        let publication = Publication::Taken(Box::new(Taken::new(name, sink)));
        Ok(Self(Publish::new(rtc, offer, publication)?))
    }
}

/// The section of an offer, which `rtc` has accepted, in which the client wants to receive H.264 or Opus, and how it calls it.
#[must_use]
pub fn wanted(rtc: &Rtc, offer: &str, codec: Codec) -> Option<(Mid, Pt)> {
    let mut sections = play::sections(rtc, offer).into_iter();
    let (mid, _) = sections.find(|(mid, other)| {
        let media = rtc.media(*mid);
        *other == codec && media.is_some_and(|media| media.direction().is_sending())
    })?;
    Some((mid, play::payload_type(rtc, mid, codec)?))
}

impl common::webrtc::Call for Reception {
    fn handle_event(&mut self, rtc: &mut Rtc, event: str0m::Event) {
        self.0.handle_event(rtc, event);
    }

    fn handle_timeout(&mut self, rtc: &mut Rtc, now: Instant) -> bool {
        self.0.handle_timeout(rtc, now)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.0.poll_timeout()
    }

    async fn ready(&self) {
        self.0.ready().await;
    }
}
