use super::Config;
use super::event::{CloseReason, Event};
use crate::headers::{Public, Range, Scale, Session as SessionHeader, Transport, name};
use crate::link::Link;
use crate::message::Frame;
use crate::{Description, Error, Headers, Item, Message, Method, Reader, Request, Version, auth};
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;
use bytes::Bytes;
use core::time::Duration;
use rand_core::RngCore;

/// Requests that wait for those before them.
const MOST_QUEUED: usize = 64;

/// One connection, client's side.
#[derive(Debug)]
pub struct Session {
    pub(super) config: Config,
    pub(super) link: Link<Event>,
    pub(super) auth: Option<auth::Client>,
    pub(super) queue: VecDeque<Asked>,
    pub(super) outstanding: Option<Asked>,
    pub(super) cseq: u32,
    /// What addresses in the description are relative to.
    pub(super) base: String,
    pub(super) description: Option<Description>,
    pub(super) session: Option<SessionHeader>,
    pub(super) public: Option<Public>,
    pub(super) tracks: Vec<Track>,
    pub(super) now: Duration,
    /// When the last request was sent.
    sent: Duration,
    /// When something last came.
    heard: Duration,
}

/// A request, and what it is about.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) request: Request,
    pub(super) kind: Kind,
    pub(super) cseq: u32,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    Options,
    Describe,
    Announce,
    Setup { media: usize, asked: Box<Transport> },
    Play,
    Record,
    Pause,
    Teardown,
    GetParameter,
    SetParameter,
    KeepAlive,
}

/// A medium that was set up, or is going to be: data may come before the answer does.
#[derive(Debug)]
pub(super) struct Track {
    pub(super) media: usize,
    pub(super) uri: String,
    pub(super) transport: Transport,
}

impl Session {
    /// A session that has asked for nothing yet. `now` and all later times count from an origin of the caller's choice.
    pub fn new(config: Config, rng: &mut dyn RngCore, now: Duration) -> Self {
        let url = &config.url;
        let auth = url.user.as_ref().map(|user| {
            let password = url.password.clone().unwrap_or_default();
            auth::Client::new(user.clone(), password, rng.next_u64())
        });
        Self {
            link: Link::new(
                Reader::lenient(config.limits.clone()),
                config.limits.clone(),
            ),
            base: url.request_uri(),
            config,
            auth,
            queue: VecDeque::new(),
            outstanding: None,
            cseq: 0,
            description: None,
            session: None,
            public: None,
            tracks: Vec::new(),
            now,
            sent: now,
            heard: now,
        }
    }

    /// Takes bytes from the transport; never fails, [`poll_event`](Self::poll_event) does.
    pub fn handle_input(&mut self, data: &[u8], now: Duration) {
        if !self.link.is_open() || self.link.eof {
            return;
        }
        (self.now, self.heard) = (now, now);
        let mut rest = data;
        self.read(&mut rest);
        self.link.put_aside(rest);
    }

    /// To be called when [`poll_timeout`](Self::poll_timeout) has passed.
    pub fn handle_timeout(&mut self, now: Duration) {
        self.now = now;
        if !self.link.is_open() {
            return;
        }
        if self.body_due().is_some_and(|due| due <= now)
            && let Some(message) = self.link.reader.finish_body()
        {
            self.handle_message(message);
        }
        if self.response_due().is_some_and(|due| due <= now) {
            return self.fail(Error::Timeout("the response"));
        }
        if self.keep_alive_due().is_some_and(|due| due <= now) {
            self.keep_alive();
        }
    }

    /// The transport has ended. What came before is still told; the last event is [`Event::Closed`].
    pub fn handle_eof(&mut self) {
        self.link.eof = true;
        self.finish();
    }

    /// The next event; to be called until there is none, after each input.
    ///
    /// # Errors
    /// What was wrong with the input or not in time, after the events before it; it repeats.
    pub fn poll_event(&mut self) -> Result<Option<Event>, Error> {
        if self.link.events.is_empty() && self.link.is_open() {
            self.read(&mut &[][..]);
            self.finish();
        }
        self.link.poll_event()
    }

    /// The next bytes for the transport.
    pub fn poll_transmit(&mut self) -> Option<Bytes> {
        self.link.transmit.poll()
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called, if nothing happens before.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Duration> {
        if !self.link.is_open() {
            return None;
        }
        [self.body_due(), self.response_due(), self.keep_alive_due()]
            .into_iter()
            .flatten()
            .min()
    }

    fn body_due(&self) -> Option<Duration> {
        self.link
            .reader
            .waits_for_body()
            .then(|| self.heard.saturating_add(self.config.body))
    }

    fn response_due(&self) -> Option<Duration> {
        self.outstanding
            .as_ref()
            .map(|_| self.sent.saturating_add(self.config.response))
    }

    fn keep_alive_due(&self) -> Option<Duration> {
        let session = self
            .session
            .as_ref()
            .filter(|_| self.outstanding.is_none())?;
        let timeout = Duration::from_secs(u64::from(session.timeout.unwrap_or(60)));
        // Servers that count from the last request leave half of it for the way.
        Some(
            self.sent
                .saturating_add((timeout / 2).max(Duration::from_secs(1))),
        )
    }

    fn keep_alive(&mut self) {
        let knows = |method| {
            self.public
                .as_ref()
                .is_some_and(|public| public.has(&method))
        };
        let method = if knows(Method::GetParameter) {
            Method::GetParameter
        } else {
            Method::Options
        };
        let request = Request::new(method, self.aggregate_url());
        self.queue.push_back(Asked {
            request,
            kind: Kind::KeepAlive,
            cseq: 0,
        });
        self.send_next();
    }

    /// Bytes held: input that has not been used, packets not polled, and what waits to be sent.
    #[must_use]
    pub fn buffered_len(&self) -> usize {
        self.link.buffered_len(|event| match event {
            Event::Packet { data, .. } | Event::Parameters(data) => data.len(),
            Event::Described { sdp, .. } | Event::DescriptionChanged { sdp } => sdp.len(),
            _ => 0,
        })
    }

    /// Bytes that wait to be polled by [`poll_transmit`](Self::poll_transmit).
    #[must_use]
    pub fn transmit_len(&self) -> usize {
        self.link.transmit.len()
    }

    /// Address of the whole presentation.
    #[must_use]
    pub fn aggregate_url(&self) -> String {
        match &self.description {
            Some(description) => description.aggregate_url(&self.base),
            None => self.base.clone(),
        }
    }

    // What can be asked for.

    /// Asks what the server can do: [`Event::Options`].
    pub fn options(&mut self, now: Duration) {
        let request = Request::new(Method::Options, self.aggregate_url());
        self.ask(request, Kind::Options, now);
    }

    /// Asks what there is to play: [`Event::Described`].
    pub fn describe(&mut self, now: Duration) {
        let mut request = Request::new(Method::Describe, self.config.url.request_uri());
        request.headers.push(name::ACCEPT, "application/sdp");
        self.ask(request, Kind::Describe, now);
    }

    /// Tells what is going to be recorded: [`Event::Announced`].
    ///
    /// # Errors
    /// [`Error::Limit`] for more media than the limits have.
    pub fn announce(&mut self, sdp: &str, now: Duration) -> Result<(), Error> {
        let mut request = Request::new(Method::Announce, self.config.url.request_uri());
        self.description = Some(Description::parse(sdp, &self.config.limits)?);
        request.headers.push(name::CONTENT_TYPE, "application/sdp");
        request.body = Bytes::copy_from_slice(sdp.as_bytes());
        self.ask(request, Kind::Announce, now);
        Ok(())
    }

    /// Asks for a medium of the description by a transport: [`Event::SetUp`].
    ///
    /// # Errors
    /// [`Error::State`] where there is no such medium.
    pub fn setup(
        &mut self,
        media: usize,
        transport: Transport,
        now: Duration,
    ) -> Result<(), Error> {
        self.setup_with(media, transport, &Headers::new(), now)
    }

    /// As [`setup`](Self::setup), with headers beside: keys for SRTP ([`KeyMgmt`](crate::headers::KeyMgmt)), say.
    ///
    /// # Errors
    /// [`Error::State`] where there is no such medium.
    pub fn setup_with(
        &mut self,
        media: usize,
        transport: Transport,
        headers: &Headers,
        now: Duration,
    ) -> Result<(), Error> {
        let uri = self
            .description
            .as_ref()
            .and_then(|description| description.media_url(&self.base, media))
            .ok_or(Error::State("there is no such medium"))?;
        let mut request = Request::new(Method::Setup, uri.clone());
        request.headers.insert(&transport);
        for (header, value) in headers.iter() {
            request.headers.push(header, value);
        }
        self.tracks.retain(|track| track.media != media);
        self.tracks.push(Track {
            media,
            uri,
            transport: transport.clone(),
        });
        let kind = Kind::Setup {
            media,
            asked: Box::new(transport),
        };
        self.ask(request, kind, now);
        Ok(())
    }

    /// Asks to play what was set up: [`Event::Playing`].
    ///
    /// # Errors
    /// [`Error::State`] where nothing was.
    pub fn play(
        &mut self,
        range: Option<Range>,
        scale: Option<f64>,
        now: Duration,
    ) -> Result<(), Error> {
        let mut request = self.aggregate(Method::Play)?;
        if let Some(range) = range {
            request.headers.insert(&range);
        }
        if let Some(scale) = scale {
            request.headers.insert(&Scale(scale));
        }
        self.ask(request, Kind::Play, now);
        Ok(())
    }

    /// Asks to record what was set up: [`Event::Recording`].
    ///
    /// # Errors
    /// As [`play`](Self::play).
    pub fn record(&mut self, now: Duration) -> Result<(), Error> {
        let mut request = self.aggregate(Method::Record)?;
        request.headers.insert(&Range::from(Duration::ZERO));
        self.ask(request, Kind::Record, now);
        Ok(())
    }

    /// Asks to pause: [`Event::Paused`].
    ///
    /// # Errors
    /// As [`play`](Self::play).
    pub fn pause(&mut self, now: Duration) -> Result<(), Error> {
        let request = self.aggregate(Method::Pause)?;
        self.ask(request, Kind::Pause, now);
        Ok(())
    }

    /// Ends the session: [`Event::Closed`] when the server has answered.
    ///
    /// # Errors
    /// As [`play`](Self::play).
    pub fn teardown(&mut self, now: Duration) -> Result<(), Error> {
        let request = self.aggregate(Method::Teardown)?;
        self.ask(request, Kind::Teardown, now);
        Ok(())
    }

    /// Asks for parameters, a name each line: [`Event::Parameters`].
    pub fn get_parameter(&mut self, names: Bytes, now: Duration) {
        self.parameters(Method::GetParameter, Kind::GetParameter, names, now);
    }

    /// Sets parameters, a name, a colon and a value each line: [`Event::ParametersSet`].
    pub fn set_parameter(&mut self, values: Bytes, now: Duration) {
        self.parameters(Method::SetParameter, Kind::SetParameter, values, now);
    }

    fn parameters(&mut self, method: Method, kind: Kind, body: Bytes, now: Duration) {
        let mut request = Request::new(method, self.aggregate_url());
        request.headers.push(name::CONTENT_TYPE, "text/parameters");
        request.body = body;
        self.ask(request, kind, now);
    }

    fn aggregate(&self, method: Method) -> Result<Request, Error> {
        if self.tracks.is_empty() {
            return Err(Error::State("nothing was set up"));
        }
        Ok(Request::new(method, self.aggregate_url()))
    }

    fn ask(&mut self, request: Request, kind: Kind, now: Duration) {
        self.now = now;
        if self.queue.len() >= MOST_QUEUED {
            return self.fail(Error::Limit {
                limit: "requests that wait",
                max: MOST_QUEUED as u64,
            });
        }
        self.queue.push_back(Asked {
            request,
            kind,
            cseq: 0,
        });
        self.send_next();
    }

    /// Sends the next request, if none is outstanding.
    pub(super) fn send_next(&mut self) {
        if self.outstanding.is_some() || !self.link.is_open() {
            return;
        }
        let Some(mut asked) = self.queue.pop_front() else {
            return;
        };
        self.cseq = self.cseq.wrapping_add(1);
        asked.cseq = self.cseq;
        let mut request = asked.request.clone();
        let headers = &mut request.headers;
        headers.set(name::CSEQ, asked.cseq);
        headers.set(name::USER_AGENT, &self.config.user_agent);
        request.version = self.config.version;
        if let Some(session) = &self.session
            && !matches!(asked.kind, Kind::Describe | Kind::Announce)
        {
            headers.set(name::SESSION, &session.id);
        }
        let concerns = matches!(asked.kind, Kind::Describe | Kind::Setup { .. } | Kind::Play);
        if concerns && !self.config.require.is_empty() {
            headers.set(name::REQUIRE, self.config.require.join(", "));
        }
        if let Some(auth) = &mut self.auth
            && let Some(credentials) = auth.answer(&request.method, &request.uri)
        {
            headers.set(name::AUTHORIZATION, credentials);
        }
        if asked.kind == Kind::Play && request.version == Version::V2_0 {
            headers.set(name::ACCEPT_RANGES, "npt");
        }
        request.encode(self.link.transmit.tail());
        self.sent = self.now;
        self.outstanding = Some(asked);
    }

    /// Sends a packet on a medium that was set up interleaved.
    ///
    /// # Errors
    /// [`Error::State`] where it was not; [`Error::Limit`] where too much waits to be sent: the packet is not queued then, and
    /// the session goes on; [`Error::TooLong`] for 64 KiB or more.
    pub fn send(&mut self, media: usize, rtcp: bool, packet: &[u8]) -> Result<(), Error> {
        let channels = self
            .tracks
            .iter()
            .find(|track| track.media == media)
            .and_then(|track| track.transport.interleaved);
        self.link.send(channels, rtcp, packet)
    }

    /// Closes the session without a word to the server.
    pub fn close(&mut self) {
        self.close_with(CloseReason::Local);
    }

    pub(super) fn close_with(&mut self, reason: CloseReason) {
        self.link.close([Event::Closed(reason)]);
    }

    pub(super) fn fail(&mut self, error: Error) {
        self.link.fail(error);
    }

    fn finish(&mut self) {
        if self.link.is_drained() {
            self.close_with(if self.link.reader.is_within() {
                CloseReason::Truncated
            } else {
                CloseReason::Ended
            });
        }
    }

    fn read(&mut self, input: &mut &[u8]) {
        while self.link.wants_more() {
            match self.link.reader.read(input) {
                Ok(Some(Item::Frame(frame))) => self.handle_frame(frame),
                Ok(Some(Item::Message(message))) => self.handle_message(message),
                Ok(Some(Item::Garbage(count))) => match self.link.events.back_mut() {
                    Some(Event::Skipped(before)) => *before = before.saturating_add(count),
                    _ => self.link.events.push_back(Event::Skipped(count)),
                },
                Ok(None) => return,
                Err(error) => self.fail(error),
            }
        }
    }

    fn handle_message(&mut self, message: Message) {
        match message {
            Message::Response(response) => self.handle_response(&response),
            Message::Request(request) => self.handle_request(&request),
        }
    }

    fn handle_frame(&mut self, frame: Frame) {
        let found = self.tracks.iter().find_map(|track| {
            let (rtp, rtcp) = track.transport.interleaved?;
            match frame.channel {
                channel if channel == rtp => Some((track.media, false)),
                channel if channel == rtcp => Some((track.media, true)),
                _ => None,
            }
        });
        if let Some((media, rtcp)) = found {
            self.link.events.push_back(Event::Packet {
                media,
                rtcp,
                data: frame.data,
            });
        }
    }
}
