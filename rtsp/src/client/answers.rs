//! What comes of responses, and of the server's own requests.

use super::event::{CloseReason, Event};
use super::session::{Asked, Kind, Session};
use crate::headers::{
    Challenge, Header, NotifyReason, Public, Range, RtpInfo, RtpInfoEntry, Scale,
    Session as SessionHeader, Transport, name,
};
use crate::{Description, Method, Request, Response, Status, url};
use alloc::string::{String, ToString};
use alloc::vec::Vec;

impl Session {
    pub(super) fn handle_response(&mut self, response: &Response) {
        let cseq = response.headers.cseq();
        // Some cameras leave the number out; one that is of another request belongs to one that was given up.
        let Some(asked) = self
            .outstanding
            .take_if(|asked| cseq.is_none_or(|cseq| cseq == asked.cseq))
        else {
            return;
        };
        if response.status.code() < 200 {
            self.outstanding = Some(asked);
            return;
        }
        if response.status == Status::UNAUTHORIZED && self.try_again(&asked, response) {
            return;
        }
        let location = response.headers.get(name::LOCATION);
        if let Some(location) = location
            && response.status.is_redirection()
        {
            let location = url::resolve(&asked.request.uri, location);
            self.link.events.push_back(Event::Redirected { location });
        } else if response.status.is_success() {
            self.succeed(&asked, response);
        } else {
            self.refuse(&asked, response);
        }
        self.send_next();
    }

    /// Answers challenges, if that makes sense.
    fn try_again(&mut self, asked: &Asked, response: &Response) -> bool {
        let Some(auth) = &mut self.auth else {
            return false;
        };
        let mut challenges = Vec::new();
        for value in response.headers.all(name::WWW_AUTHENTICATE) {
            Challenge::read_all(value, &mut challenges);
        }
        if !auth.choose(&challenges) {
            return false;
        }
        self.queue.push_front(asked.clone());
        self.send_next();
        true
    }

    fn refuse(&mut self, asked: &Asked, response: &Response) {
        match &asked.kind {
            // It was a sign of life all the same.
            Kind::KeepAlive => return,
            Kind::Teardown => return self.close_with(CloseReason::Local),
            Kind::Setup { media, .. } => self.tracks.retain(|track| track.media != *media),
            _ => {}
        }
        self.link.events.push_back(Event::Refused {
            method: asked.request.method.clone(),
            status: response.status,
            reason: response.reason.clone(),
        });
    }

    fn succeed(&mut self, asked: &Asked, response: &Response) {
        let headers = &response.headers;
        if let Ok(Some(public)) = headers.typed::<Public>() {
            self.public = Some(public);
        }
        if let Ok(Some(session)) = headers.typed::<SessionHeader>()
            && !matches!(asked.kind, Kind::Describe)
        {
            // Later responses may leave the time out.
            let timeout = session
                .timeout
                .or_else(|| self.session.as_ref().and_then(|own| own.timeout));
            self.session = Some(SessionHeader { timeout, ..session });
        }
        match &asked.kind {
            Kind::Options => {
                let public = self.public.clone().unwrap_or_default();
                self.link.events.push_back(Event::Options(public));
            }
            Kind::Describe => self.described(asked, response),
            Kind::Announce => self.link.events.push_back(Event::Announced),
            Kind::Setup { media, asked } => self.set_up(*media, asked, response),
            Kind::Play => {
                let event = Event::Playing {
                    range: headers.typed::<Range>().ok().flatten(),
                    scale: headers.typed::<Scale>().ok().flatten().map(|scale| scale.0),
                    rtp_info: self.rtp_info(response),
                };
                self.link.events.push_back(event);
            }
            Kind::Record => self.link.events.push_back(Event::Recording),
            Kind::Pause => self.link.events.push_back(Event::Paused),
            Kind::GetParameter => {
                self.link
                    .events
                    .push_back(Event::Parameters(response.body.clone()));
            }
            Kind::SetParameter => self.link.events.push_back(Event::ParametersSet),
            Kind::Teardown => self.close_with(CloseReason::Local),
            Kind::KeepAlive => {}
        }
    }

    fn described(&mut self, asked: &Asked, response: &Response) {
        let headers = &response.headers;
        let (base, location) = (
            headers.get(name::CONTENT_BASE),
            headers.get(name::CONTENT_LOCATION),
        );
        self.base = url::base(&asked.request.uri, base, location);
        let sdp = String::from_utf8_lossy(&response.body).into_owned();
        match Description::parse(&sdp, &self.config.limits) {
            Ok(description) => {
                self.description = Some(description.clone());
                self.link
                    .events
                    .push_back(Event::Described { sdp, description });
            }
            Err(error) => self.fail(error),
        }
    }

    fn set_up(&mut self, media: usize, asked: &Transport, response: &Response) {
        // Cameras leave out what they took over, or the whole header.
        let transport = match response.headers.typed::<Transport>() {
            Ok(Some(mut transport)) => {
                if asked.is_interleaved() {
                    transport.interleaved = transport.interleaved.or(asked.interleaved);
                } else if transport.client_port.is_none() && !transport.is_multicast() {
                    transport.client_port = asked.client_port;
                }
                transport
            }
            _ => asked.clone(),
        };
        if let Some(track) = self.tracks.iter_mut().find(|track| track.media == media) {
            track.transport = transport.clone();
        }
        self.link
            .events
            .push_back(Event::SetUp { media, transport });
    }

    /// Which entry of `RTP-Info` is of which medium: by the whole address, else by its end, else by order.
    fn rtp_info(&self, response: &Response) -> Vec<(usize, RtpInfoEntry)> {
        let Ok(Some(RtpInfo(entries))) = response.headers.typed::<RtpInfo>() else {
            return Vec::new();
        };
        let in_order = entries.len() == self.tracks.len();
        let place = |index: usize, entry: &RtpInfoEntry| {
            let url = url::resolve(&self.base, &entry.url);
            let tracks = &self.tracks;
            let last = |uri: &str| {
                uri.trim_end_matches('/')
                    .rsplit('/')
                    .next()
                    .map(ToString::to_string)
            };
            tracks
                .iter()
                .find(|track| track.uri.trim_end_matches('/') == url.trim_end_matches('/'))
                .or_else(|| {
                    let mut like = tracks.iter().filter(|track| last(&track.uri) == last(&url));
                    let first = like.next();
                    first.filter(|_| like.next().is_none())
                })
                .or_else(|| tracks.get(index).filter(|_| in_order))
                .map(|track| track.media)
        };
        entries
            .into_iter()
            .enumerate()
            .filter_map(|(index, entry)| Some((place(index, &entry)?, entry)))
            .collect()
    }

    pub(super) fn handle_request(&mut self, request: &Request) {
        let mut status = Status::OK;
        match &request.method {
            Method::Options | Method::GetParameter | Method::SetParameter => {}
            Method::Redirect => {
                let location = request.headers.get(name::LOCATION);
                let location = location.map_or_else(|| self.config.url.to_string(), Into::into);
                self.link.events.push_back(Event::Redirected { location });
            }
            Method::PlayNotify => match request.headers.typed::<NotifyReason>() {
                Ok(Some(reason)) => self.link.events.push_back(Event::Notified {
                    reason,
                    headers: request.headers.clone(),
                }),
                _ => status = Status::BAD_REQUEST,
            },
            Method::Announce => self.link.events.push_back(Event::DescriptionChanged {
                sdp: String::from_utf8_lossy(&request.body).into_owned(),
            }),
            Method::Teardown => {}
            _ => status = Status::NOT_IMPLEMENTED,
        }
        let mut response = Response::new(status);
        response.version = request.version;
        if let Some(cseq) = request.headers.cseq() {
            response.headers.push(name::CSEQ, cseq);
        }
        if let Some(session) = request.headers.get(SessionHeader::NAME) {
            response.headers.push(name::SESSION, session);
        }
        if request.method == Method::Options {
            response.headers.push(
                name::PUBLIC,
                "OPTIONS, GET_PARAMETER, SET_PARAMETER, REDIRECT, PLAY_NOTIFY, ANNOUNCE, TEARDOWN",
            );
        }
        if self.link.transmit.len() < self.config.limits.transmit_bytes {
            response.encode(self.link.transmit.tail());
        }
        if request.method == Method::Teardown {
            self.close_with(CloseReason::TornDown);
        }
    }
}
