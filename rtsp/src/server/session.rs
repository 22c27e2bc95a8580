use super::active::Active;
use super::event::{CloseReason, Event, PlayAnswer, RequestId};
use super::requests::{Kind, Pending};
use super::{Config, Users};
use crate::auth;
use crate::headers::{Header, NotifyReason, RtpInfoEntry, Transport, name};
use crate::message::Frame;
use crate::transmit::Transmit;
use crate::{
    Description, Error, Headers, Item, Message, Method, Reader, Request, Response, Status, Version,
};
use alloc::collections::VecDeque;
use alloc::string::String;
use bytes::Bytes;
use core::fmt;
use core::time::Duration;
use rand_core::RngCore;

/// Wrong passwords on one connection before it is given up.
pub(super) const WRONG_PASSWORDS: u32 = 16;

/// One connection, server's side, with the session on it: at most one at a time, which nobody else can name.
#[derive(Debug)]
pub struct Session {
    pub(super) config: Config,
    reader: Reader,
    pub(super) events: VecDeque<Event>,
    transmit: Transmit,
    pub(super) auth: Option<auth::Server>,
    pub(super) wrong_passwords: u32,
    key: [u8; 32],
    pub(super) active: Option<Active>,
    /// Base and content of the last description that the client got or told.
    pub(super) described: Option<(String, Description)>,
    pub(super) pending: Option<Pending>,
    next_id: u64,
    sessions: u64,
    cseq: u32,
    /// Whether a request has come.
    pub(super) greeted: bool,
    pub(super) user_agent: String,
    pub(super) heard: Duration,
    eof: bool,
    end: Option<Result<(), Error>>,
}

impl Session {
    /// A session that waits for a client's requests. `now` and all later times count from an origin of the caller's choice.
    pub fn new(config: Config, rng: &mut dyn RngCore, now: Duration) -> Self {
        let mut key = [0; 32];
        rng.fill_bytes(&mut key);
        let mut auth_key = [0; 32];
        rng.fill_bytes(&mut auth_key);
        let auth = config
            .users
            .as_ref()
            .map(|users: &alloc::sync::Arc<Users>| auth::Server::new(users.auth.clone(), auth_key));
        Self {
            reader: Reader::new(config.limits.clone()),
            config,
            events: VecDeque::new(),
            transmit: Transmit::default(),
            auth,
            wrong_passwords: 0,
            key,
            active: None,
            described: None,
            pending: None,
            next_id: 0,
            sessions: 0,
            cseq: 0,
            greeted: false,
            user_agent: String::new(),
            heard: now,
            eof: false,
            end: None,
        }
    }

    /// Takes bytes from the transport; never fails, [`poll_event`](Self::poll_event) does.
    pub fn handle_input(&mut self, data: &[u8], now: Duration) {
        if self.end.is_some() || self.eof {
            return;
        }
        self.heard = now;
        let mut rest = data;
        self.read(&mut rest);
        if !rest.is_empty() && self.end.is_none() {
            let max = self.config.limits.stashed_bytes;
            if self.reader.buffered_len().saturating_add(rest.len()) > max {
                return self.fail(Error::Limit {
                    limit: "input put aside",
                    max: max as u64,
                });
            }
            self.reader.push(rest);
        }
    }

    /// To be called when [`poll_timeout`](Self::poll_timeout) has passed.
    pub fn handle_timeout(&mut self, now: Duration) {
        if self.end.is_none() && self.poll_timeout().is_some_and(|timeout| timeout <= now) {
            if !self.greeted {
                return self.fail(Error::Timeout("the first request"));
            }
            self.close_with(CloseReason::Timeout);
        }
    }

    /// The transport has ended. What came before is still told; the last event is [`Event::Closed`].
    pub fn handle_eof(&mut self) {
        self.eof = true;
        self.finish();
    }

    /// The next event; to be called until there is none, after each input and each decision.
    ///
    /// # Errors
    /// What was wrong with the input or not in time, after the events before it; it repeats. What is still to be transmitted
    /// should be, then the transport closed.
    pub fn poll_event(&mut self) -> Result<Option<Event>, Error> {
        if self.events.is_empty() && self.end.is_none() {
            self.read(&mut &[][..]);
            self.finish();
        }
        match (self.events.pop_front(), &self.end) {
            (Some(event), _) => Ok(Some(event)),
            (None, Some(Err(error))) => Err(error.clone()),
            (None, _) => Ok(None),
        }
    }

    /// The next bytes for the transport.
    pub fn poll_transmit(&mut self) -> Option<Bytes> {
        self.transmit.poll()
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called, if nothing happens before.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Duration> {
        if self.end.is_some() {
            return None;
        }
        if !self.greeted {
            return Some(self.heard.saturating_add(self.config.connect));
        }
        match &self.active {
            // Who takes what is sent on the connection itself lives.
            Some(active) if !active.record && active.is_running() && active.is_interleaved() => {
                None
            }
            _ => Some(self.heard.saturating_add(self.config.timeout)),
        }
    }

    /// The client has given another sign of life: an RTP or RTCP packet by datagram.
    pub fn keep_alive(&mut self, now: Duration) {
        self.heard = self.heard.max(now);
    }

    /// Bytes held: input that has not been used, packets not polled, and what waits to be sent.
    #[must_use]
    pub fn buffered_len(&self) -> usize {
        let events = self.events.iter().map(|event| match event {
            Event::Packet { data, .. } => data.len(),
            Event::AnnounceRequested(announce) => announce.sdp.len(),
            Event::ParametersSet(parameters) | Event::ParametersRequested(parameters) => {
                parameters.body.len()
            }
            _ => 0,
        });
        events
            .sum::<usize>()
            .saturating_add(self.reader.buffered_len())
            .saturating_add(self.transmit.len())
    }

    /// Bytes that wait to be polled by [`poll_transmit`](Self::poll_transmit).
    #[must_use]
    pub fn transmit_len(&self) -> usize {
        self.transmit.len()
    }

    /// What the client calls itself (`User-Agent`, RFC 2326 §12.42); empty before it says so.
    #[must_use]
    pub fn user_agent(&self) -> &str {
        &self.user_agent
    }

    /// The transport of a medium that was set up.
    #[must_use]
    pub fn transport(&self, media: usize) -> Option<&Transport> {
        self.active
            .as_ref()?
            .track(media)
            .map(|track| &track.transport)
    }

    /// The session's identifier, once there is one.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.active.as_ref().map(|active| active.id.as_str())
    }

    /// Answers a `DESCRIBE` with a session description. Its relative addresses are relative to the request's.
    ///
    /// # Errors
    /// [`Error::State`] where the request has gone meanwhile; [`Error::Limit`] where too much waits to be sent, or the
    /// description has too many media.
    pub fn describe(&mut self, request: RequestId, sdp: &str) -> Result<(), Error> {
        let description = Description::parse(sdp, &self.config.limits)?;
        let pending = self.take(request, |kind| matches!(kind, Kind::Describe))?;
        let mut base = pending.uri.clone();
        if !base.ends_with('/') {
            base.push('/');
        }
        self.described = Some((base.clone(), description));
        self.respond(&pending, Status::OK, |response| {
            response.headers.push(name::CONTENT_BASE, base);
            response.headers.push(name::CONTENT_TYPE, "application/sdp");
            response.body = Bytes::copy_from_slice(sdp.as_bytes());
        })
    }

    /// Grants an `ANNOUNCE`, `RECORD`, `PAUSE` or `SET_PARAMETER`.
    ///
    /// # Errors
    /// [`Error::State`] where the request has gone meanwhile; [`Error::Limit`] where too much waits to be sent.
    pub fn accept(&mut self, request: RequestId) -> Result<(), Error> {
        let pending = self.take(request, |kind| {
            matches!(
                kind,
                Kind::Announce(_) | Kind::Record | Kind::Pause(_) | Kind::SetParameter
            )
        })?;
        match &pending.kind {
            Kind::Announce(description) => {
                self.described = Some((pending.uri.clone(), description.clone()));
            }
            Kind::Record => self.run(None, true),
            Kind::Pause(media) => self.run(*media, false),
            _ => {}
        }
        self.respond(&pending, Status::OK, |_| {})
    }

    /// Starts or stops.
    fn run(&mut self, media: Option<usize>, running: bool) {
        if let Some(active) = &mut self.active {
            for track in &mut active.tracks {
                if media.is_none_or(|media| media == track.media) {
                    track.running = running;
                }
            }
        }
    }

    /// Grants a `SETUP` for the medium with this index, by the transport that is given: one of those that were offered, with what
    /// the server adds.
    ///
    /// # Errors
    /// As [`accept`](Self::accept); [`Error::State`] too where its channels are taken, or the medium is.
    pub fn accept_setup(
        &mut self,
        request: RequestId,
        media: usize,
        transport: &Transport,
    ) -> Result<(), Error> {
        let pending = self.take(request, |kind| matches!(kind, Kind::Setup { .. }))?;
        let Kind::Setup { record, pipelined } = pending.kind else {
            return Err(Error::State("no such request"));
        };
        let id = match &self.active {
            Some(active) => active.id.clone(),
            None => self.new_session_id(),
        };
        let active = self.active.get_or_insert_with(|| Active {
            id,
            record,
            version: pending.version,
            pipelined,
            tracks: alloc::vec::Vec::new(),
        });
        // A medium can be set up again, by another transport.
        active.tracks.retain(|track| track.media != media);
        if transport
            .interleaved
            .is_some_and(|channels| !active.is_free(channels))
        {
            return Err(Error::State("the channels are taken"));
        }
        active.tracks.push(super::active::Track {
            media,
            uri: pending.uri.clone(),
            transport: transport.clone(),
            running: false,
        });
        self.respond(&pending, Status::OK, |response| {
            response.headers.insert(transport);
        })
    }

    /// Names of sessions cannot be guessed.
    fn new_session_id(&mut self) -> String {
        use sha2::Digest;
        self.sessions = self.sessions.wrapping_add(1);
        let mut digest = sha2::Sha256::new();
        digest.update(self.key);
        digest.update(self.sessions.to_be_bytes());
        wire::hex::encode(digest.finalize().first_chunk::<8>().unwrap_or(&[0; 8]))
    }

    /// Grants a `PLAY`.
    ///
    /// # Errors
    /// As [`accept`](Self::accept).
    pub fn accept_play(&mut self, request: RequestId, answer: &PlayAnswer) -> Result<(), Error> {
        let pending = self.take(request, |kind| matches!(kind, Kind::Play(_)))?;
        let media = match pending.kind {
            Kind::Play(media) => media,
            _ => None,
        };
        self.run(media, true);
        let mut info = answer.rtp_info.clone();
        let tracks = self
            .active
            .as_ref()
            .map_or(&[][..], |active| &active.tracks);
        let meant = tracks
            .iter()
            .filter(|track| media.is_none_or(|media| media == track.media));
        for (entry, track) in info.0.iter_mut().zip(meant) {
            if entry.url.is_empty() {
                entry.url.clone_from(&track.uri);
            }
        }
        self.respond(&pending, Status::OK, |response| {
            let headers = &mut response.headers;
            if let Some(range) = &answer.range {
                headers.insert(range);
            }
            if let Some(scale) = answer.scale {
                headers.insert(&crate::headers::Scale(scale));
            }
            if let Some(speed) = &answer.speed {
                headers.insert(speed);
            }
            if info.0.is_empty() {
                return;
            }
            match pending.version {
                Version::V1_0 => headers.insert(&info),
                Version::V2_0 => {
                    if let Some(style) = &answer.seek_style {
                        headers.insert(style);
                    }
                    headers.set(name::RTP_INFO, info.to_v2());
                }
            }
        })
    }

    /// Answers a `GET_PARAMETER` (RFC 2326 §10.8; RFC 7826 §13.8) with names and values, a line each.
    ///
    /// # Errors
    /// As [`accept`](Self::accept).
    pub fn answer_parameters(&mut self, request: RequestId, body: Bytes) -> Result<(), Error> {
        let pending = self.take(request, |kind| matches!(kind, Kind::GetParameter))?;
        self.respond(&pending, Status::OK, |response| {
            if !body.is_empty() {
                response.headers.push(name::CONTENT_TYPE, "text/parameters");
            }
            response.body = body;
        })
    }

    /// Refuses a request.
    ///
    /// # Errors
    /// As [`accept`](Self::accept).
    pub fn reject(&mut self, request: RequestId, status: Status) -> Result<(), Error> {
        let pending = self.take(request, |_| true)?;
        self.respond(&pending, status, |_| {})
    }

    /// Adds a header to the response of a request that is to be decided: `Location`, `Media-Properties`, `MTag`, ...
    ///
    /// # Errors
    /// [`Error::State`] where the request has gone meanwhile.
    pub fn add_header(
        &mut self,
        request: RequestId,
        header: &str,
        value: impl fmt::Display,
    ) -> Result<(), Error> {
        match &mut self.pending {
            Some(pending) if pending.id == request => {
                pending.extra.push(header, value);
                Ok(())
            }
            _ => Err(Error::State("no such request")),
        }
    }

    /// Sends a packet on a medium that was set up interleaved.
    ///
    /// # Errors
    /// [`Error::State`] where it was not; [`Error::Limit`] where too much waits to be sent: the packet is not queued then, and
    /// the session goes on; [`Error::TooLong`] for 64 KiB or more.
    pub fn send(&mut self, media: usize, rtcp: bool, packet: &[u8]) -> Result<(), Error> {
        let channels = self
            .transport(media)
            .and_then(|transport| transport.interleaved)
            .ok_or(Error::State("the medium is not interleaved"))?;
        let channel = if rtcp { channels.1 } else { channels.0 };
        self.room_for(packet.len())?;
        Frame::encode(channel, packet, self.transmit.tail())
    }

    /// Sends frames that are encoded already, as they are: what goes to many clients whose channels agree is encoded once.
    ///
    /// # Errors
    /// [`Error::Limit`] as [`send`](Self::send).
    pub fn send_frames(&mut self, frames: Bytes) -> Result<(), Error> {
        self.room_for(frames.len())?;
        self.transmit.push(frames);
        Ok(())
    }

    fn room_for(&self, len: usize) -> Result<(), Error> {
        let max = self.config.limits.transmit_bytes;
        if self.transmit.len().saturating_add(len) > max {
            return Err(Error::Limit {
                limit: "bytes to be sent",
                max: max as u64,
            });
        }
        Ok(())
    }

    /// Tells a client of RTSP 2.0 of something about what it plays (`PLAY_NOTIFY`), with the headers that belong to it. Whether it
    /// was told: clients of RTSP 1.0 do not know this.
    ///
    /// # Errors
    /// [`Error::State`] where there is no session; [`Error::Limit`] as [`send`](Self::send).
    pub fn notify(&mut self, reason: &NotifyReason, headers: &Headers) -> Result<bool, Error> {
        let active = self.active.as_ref().ok_or(Error::State("no session"))?;
        if active.version != Version::V2_0 {
            return Ok(false);
        }
        self.send_request(
            Method::PlayNotify,
            NotifyReason::NAME,
            reason.as_str(),
            headers,
        )?;
        Ok(true)
    }

    /// Sends the client elsewhere (`REDIRECT`, RFC 2326 §10.10; RFC 7826 §13.10).
    ///
    /// # Errors
    /// As [`notify`](Self::notify).
    pub fn redirect(&mut self, location: &str, headers: &Headers) -> Result<(), Error> {
        self.send_request(Method::Redirect, name::LOCATION, location, headers)
    }

    fn aggregate_uri(&self) -> String {
        self.described.as_ref().map_or_else(
            || "*".into(),
            |(base, description)| description.aggregate_url(base),
        )
    }

    fn send_request(
        &mut self,
        method: Method,
        header: &str,
        value: &str,
        headers: &Headers,
    ) -> Result<(), Error> {
        let mut request = Request::new(method, self.aggregate_uri());
        let active = self.active.as_ref().ok_or(Error::State("no session"))?;
        request.version = active.version;
        self.cseq = self.cseq.wrapping_add(1);
        request.headers.push(name::CSEQ, self.cseq);
        request.headers.push(name::SESSION, &active.id);
        request.headers.push(header, value);
        for (header, value) in headers.iter() {
            request.headers.push(header, value);
        }
        self.room_for(0)?;
        request.encode(self.transmit.tail());
        Ok(())
    }

    /// Closes the session: the last events come, what waits is still to be transmitted.
    pub fn close(&mut self) {
        self.close_with(CloseReason::Local);
    }

    fn close_with(&mut self, reason: CloseReason) {
        if self.end.is_none() {
            if self.active.take().is_some() {
                self.events.push_back(Event::TornDown { media: None });
            }
            self.events.push_back(Event::Closed(reason));
            self.end = Some(Ok(()));
        }
    }

    pub(super) fn fail(&mut self, error: Error) {
        if self.end.is_none() {
            self.end = Some(Err(error));
        }
    }

    fn finish(&mut self) {
        if self.eof && self.end.is_none() && self.events.is_empty() && self.pending.is_none() {
            self.close_with(if self.reader.is_within() {
                CloseReason::Truncated
            } else {
                CloseReason::Ended
            });
        }
    }

    fn read(&mut self, input: &mut &[u8]) {
        while self.end.is_none()
            && self.pending.is_none()
            && self.events.len() < self.config.limits.events
        {
            match self.reader.read(input) {
                Ok(Some(Item::Frame(frame))) => self.handle_frame(frame),
                Ok(Some(Item::Message(Message::Request(request)))) => self.handle_request(&request),
                // Answers to what was sent need no answer.
                Ok(Some(Item::Message(Message::Response(_)) | Item::Garbage(_))) => {}
                Ok(None) => return,
                Err(error) => {
                    let pending = Pending::unread();
                    // The error that follows says more.
                    let _ = self.respond(&pending, Status::BAD_REQUEST, |_| {});
                    self.fail(error);
                }
            }
        }
    }

    fn handle_frame(&mut self, frame: Frame) {
        let Some(active) = &self.active else {
            return;
        };
        if let Some((track, rtcp)) = active.channel(frame.channel) {
            let media = track.media;
            self.events.push_back(Event::Packet {
                media,
                rtcp,
                data: frame.data,
            });
        }
    }

    pub(super) fn next_request(&mut self) -> RequestId {
        self.next_id = self.next_id.wrapping_add(1);
        RequestId(self.next_id)
    }

    fn take(&mut self, request: RequestId, fits: impl Fn(&Kind) -> bool) -> Result<Pending, Error> {
        self.pending
            .take_if(|pending| pending.id == request && fits(&pending.kind))
            .ok_or(Error::State("no such request"))
    }

    pub(super) fn respond(
        &mut self,
        pending: &Pending,
        status: Status,
        fill: impl FnOnce(&mut Response),
    ) -> Result<(), Error> {
        let mut response = Response::new(status);
        response.version = pending.version;
        if let Some(cseq) = pending.cseq {
            response.headers.push(name::CSEQ, cseq);
        }
        response.headers.push(name::SERVER, &self.config.name);
        if let Some(active) = &self.active
            && pending.with_session
        {
            response.headers.insert(&crate::headers::Session {
                id: active.id.clone(),
                timeout: u32::try_from(self.config.timeout.as_secs()).ok(),
            });
        }
        if let Some(pipelined) = pending.pipelined {
            response.headers.push(name::PIPELINED_REQUESTS, pipelined);
        }
        for (header, value) in pending.extra.iter() {
            response.headers.push(header, value);
        }
        fill(&mut response);
        self.room_for(response.body.len())?;
        response.encode(self.transmit.tail());
        Ok(())
    }

    /// An entry of `RTP-Info` whose address is filled in by [`accept_play`](Self::accept_play).
    #[must_use]
    pub fn rtp_info(seq: u16, rtptime: u32, ssrc: u32) -> RtpInfoEntry {
        RtpInfoEntry {
            seq: Some(seq),
            rtptime: Some(rtptime),
            ssrc: Some(ssrc),
            ..RtpInfoEntry::default()
        }
    }
}
