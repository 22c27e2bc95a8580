//! What a server answers, and what it tells by itself.

use super::active::{Active, Track};
use super::event::{PlayAnswer, RequestId};
use super::requests::{Kind, Pending};
use super::session::Session;
use crate::headers::{Header, NotifyReason, Transport, name};
use crate::{Description, Error, Headers, Method, Request, Response, Status, Version};
use alloc::string::String;
use bytes::Bytes;
use core::fmt;

impl Session {
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
        active.tracks.push(Track {
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
        self.link.room_for(0)?;
        request.encode(self.link.transmit.tail());
        Ok(())
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
        self.link.room_for(response.body.len())?;
        response.encode(self.link.transmit.tail());
        Ok(())
    }
}
