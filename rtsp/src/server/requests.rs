//! What comes of a request, before anybody is asked.

use super::Users;
use super::active::{path, same_path};
use super::event::{Announce, Describe, Event, Parameters, Pause, Play, Record, RequestId, Setup};
use super::session::{Session, WRONG_PASSWORDS};
use crate::auth::Denied;
use crate::headers::{
    Allow, Authorization, Header, KeyMgmt, KeyMgmts, Mode, Public, Range, Require, Scale,
    Session as SessionHeader, Transport, Transports, Unsupported, name,
};
use crate::{Description, Error, Headers, Method, Request, Status, Url, Version};
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;

/// A request that waits for a decision.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) id: RequestId,
    pub(super) cseq: Option<u32>,
    pub(super) version: Version,
    pub(super) uri: String,
    pub(super) kind: Kind,
    /// Whether the response names the session.
    pub(super) with_session: bool,
    pub(super) pipelined: Option<u32>,
    /// Headers that the caller adds to the response.
    pub(super) extra: Headers,
}

#[derive(Debug)]
pub(super) enum Kind {
    Describe,
    Announce(Description),
    Setup {
        record: bool,
        pipelined: Option<u32>,
    },
    Play(Option<usize>),
    Record,
    Pause(Option<usize>),
    GetParameter,
    SetParameter,
    /// Answered at once.
    Immediate,
}

impl Pending {
    /// For a message that could not be read.
    pub(super) fn unread() -> Self {
        Self {
            id: RequestId(0),
            cseq: None,
            version: Version::V1_0,
            uri: String::new(),
            kind: Kind::Immediate,
            with_session: false,
            pipelined: None,
            extra: Headers::new(),
        }
    }
}

/// How a request ends that nobody has to be asked about.
type Outcome = Result<Option<Event>, Status>;

impl Session {
    pub(super) fn handle_request(&mut self, request: &Request) {
        self.greeted = true;
        if let Some(agent) = request.headers.get(name::USER_AGENT) {
            self.user_agent = agent.trim().into();
        }
        let mut pending = Pending {
            id: self.next_request(),
            cseq: request.headers.cseq(),
            version: request.version,
            uri: request.uri.clone(),
            kind: Kind::Immediate,
            with_session: false,
            pipelined: request
                .headers
                .get(name::PIPELINED_REQUESTS)
                .and_then(|value| value.trim().parse().ok()),
            extra: Headers::new(),
        };
        let outcome = self.dispatch(request, &mut pending);
        let status = match outcome {
            Ok(Some(event)) => {
                self.link.events.push_back(event);
                self.pending = Some(pending);
                return;
            }
            Ok(None) => Status::OK,
            Err(status) => status,
        };
        if let Err(error) = self.respond(&pending, status, |_| {}) {
            self.fail(error);
        }
        if request.method == Method::Teardown && status == Status::OK && !pending.with_session {
            self.active = None;
            self.link.events.push_back(Event::TornDown { media: None });
        }
    }

    fn dispatch(&mut self, request: &Request, pending: &mut Pending) -> Outcome {
        if pending.cseq.is_none() {
            return Err(Status::BAD_REQUEST);
        }
        self.check_features(request, pending)?;
        if request.method == Method::Options {
            self.check_session(request, pending, true)?;
            let public: Public = self.config.methods.iter().map(Method::as_str).collect();
            pending.extra.insert(&public);
            if request.version == Version::V2_0 {
                let supported = self.config.features.join(", ");
                pending.extra.push(name::SUPPORTED, supported);
            }
            return Ok(None);
        }
        if !self.config.methods.contains(&request.method) {
            let known = !matches!(request.method, Method::Other(_));
            let allow: Allow = self.config.methods.iter().map(Method::as_str).collect();
            pending.extra.insert(&allow);
            return Err(match known {
                true => Status::METHOD_NOT_ALLOWED,
                false => Status::NOT_IMPLEMENTED,
            });
        }
        self.check_user(request, pending)?;
        match &request.method {
            Method::Describe => self.on_describe(request, pending),
            Method::Announce => self.on_announce(request, pending),
            Method::Setup => self.on_setup(request, pending),
            Method::Play => self.on_play(request, pending),
            Method::Record => self.on_record(request, pending),
            Method::Pause => self.on_pause(request, pending),
            Method::Teardown => self.on_teardown(request, pending),
            Method::GetParameter | Method::SetParameter => self.on_parameters(request, pending),
            _ => Err(Status::NOT_IMPLEMENTED),
        }
    }

    /// RFC 2326 §12.32: what is required and not there.
    fn check_features(&self, request: &Request, pending: &mut Pending) -> Result<(), Status> {
        let unsupported: Unsupported = required(request)
            .0
            .into_iter()
            .filter(|feature| !self.config.features.contains(feature))
            .collect();
        if unsupported.0.is_empty() {
            return Ok(());
        }
        pending.extra.insert(&unsupported);
        Err(Status::OPTION_NOT_SUPPORTED)
    }

    fn check_user(&mut self, request: &Request, pending: &mut Pending) -> Result<(), Status> {
        let (Some(auth), Some(users)) = (&self.auth, &self.config.users) else {
            return Ok(());
        };
        let users: &Arc<Users> = users;
        let said = request.headers.typed::<Authorization>();
        let said = said.map_err(|_| Status::BAD_REQUEST)?;
        let password = |name: &str| {
            let known = users.users.iter().find(|(own, _)| own == name);
            known.map(|(_, password)| password.as_str())
        };
        let verdict = auth.verify(
            said.as_ref().map(|said| &said.0),
            &request.method,
            &request.uri,
            password,
            self.heard,
        );
        let Err(denied) = verdict else {
            return Ok(());
        };
        for challenge in auth.challenges(self.heard, denied == Denied::Stale) {
            pending.extra.push(name::WWW_AUTHENTICATE, challenge);
        }
        if denied == Denied::Wrong {
            self.wrong_passwords = self.wrong_passwords.saturating_add(1);
            if self.wrong_passwords >= WRONG_PASSWORDS {
                self.fail(Error::State("too many wrong passwords"));
            }
        }
        Err(Status::UNAUTHORIZED)
    }

    /// Whether the request names our session, or may do without.
    fn check_session(
        &self,
        request: &Request,
        pending: &mut Pending,
        optional: bool,
    ) -> Result<(), Status> {
        let said = request.headers.typed::<SessionHeader>();
        let said = said.map_err(|_| Status::BAD_REQUEST)?;
        let same = match (&self.active, &said) {
            (Some(active), Some(said)) => active.id == said.id,
            (Some(active), None) => {
                optional || (pending.pipelined.is_some() && active.pipelined == pending.pipelined)
            }
            (None, None) => optional,
            (None, Some(_)) => false,
        };
        if !same {
            return Err(Status::SESSION_NOT_FOUND);
        }
        pending.with_session = self.active.is_some();
        Ok(())
    }

    fn on_describe(&mut self, request: &Request, pending: &mut Pending) -> Outcome {
        let url = url(request)?;
        let accepts = |accept: &str| {
            accept.split(',').any(|kind| {
                matches!(
                    kind.split(';').next().map(str::trim),
                    Some("application/sdp" | "*/*" | "application/*")
                )
            })
        };
        if request
            .headers
            .get(name::ACCEPT)
            .is_some_and(|accept| !accepts(accept))
        {
            return Err(Status::NOT_ACCEPTABLE);
        }
        pending.kind = Kind::Describe;
        Ok(Some(Event::DescribeRequested(Describe {
            id: pending.id,
            url,
            version: request.version,
            require: required(request).0,
        })))
    }

    fn on_announce(&mut self, request: &Request, pending: &mut Pending) -> Outcome {
        let url = url(request)?;
        if self.active.is_some() {
            return Err(Status::METHOD_NOT_VALID_IN_THIS_STATE);
        }
        let kind = request
            .headers
            .get(name::CONTENT_TYPE)
            .unwrap_or("application/sdp");
        if !kind.trim().starts_with("application/sdp") {
            return Err(Status::UNSUPPORTED_MEDIA_TYPE);
        }
        let sdp = String::from_utf8_lossy(&request.body).into_owned();
        let description =
            Description::parse(&sdp, &self.config.limits).map_err(|_| Status::BAD_REQUEST)?;
        if description.media.is_empty() {
            return Err(Status::BAD_REQUEST);
        }
        pending.kind = Kind::Announce(description.clone());
        Ok(Some(Event::AnnounceRequested(Announce {
            id: pending.id,
            url,
            sdp,
            description,
        })))
    }

    fn on_setup(&mut self, request: &Request, pending: &mut Pending) -> Outcome {
        let url = url(request)?;
        self.check_session(request, pending, self.active.is_none())?;
        // From here on the response names a session, which a new one gets when it is granted.
        pending.with_session = true;
        let transports = request.headers.typed::<Transports>();
        let Ok(Some(Transports(mut transports))) = transports else {
            return Err(Status::BAD_REQUEST);
        };
        let record = transports
            .iter()
            .any(|transport| transport.mode == Some(Mode::Record));
        if let Some(active) = &self.active {
            if active.is_running() {
                return Err(Status::METHOD_NOT_VALID_IN_THIS_STATE);
            }
            if active.record != record {
                return Err(Status::METHOD_NOT_VALID_IN_THIS_STATE);
            }
            if active.tracks.len() >= self.config.limits.media {
                return Err(Status::NOT_ENOUGH_BANDWIDTH);
            }
        }
        for transport in &mut transports {
            self.give_channels(transport);
        }
        let (media, path, control) = self.place(&request.uri, &url);
        pending.kind = Kind::Setup {
            record,
            pipelined: pending.pipelined,
        };
        Ok(Some(Event::SetupRequested(Setup {
            id: pending.id,
            url,
            path,
            control,
            media,
            transports,
            keys: keys(request),
            record,
            others: self.active.as_ref().map_or(0, |active| active.tracks.len()),
            version: request.version,
            require: required(request).0,
        })))
    }

    /// Channels that are free, for a transport that needs some.
    fn give_channels(&self, transport: &mut Transport) {
        if !transport.is_interleaved() {
            return;
        }
        let wanted = transport.interleaved;
        transport.interleaved = match &self.active {
            None => Some(wanted.filter(|(rtp, rtcp)| rtp != rtcp).unwrap_or((0, 1))),
            Some(active) => wanted
                .filter(|channels| active.is_free(*channels))
                .or_else(|| active.free_channels()),
        };
    }

    /// Which medium an address means: its index, the presentation's path and the medium's part.
    fn place(&self, uri: &str, url: &Url) -> (Option<usize>, String, String) {
        let asked = path(uri);
        if let Some((base, description)) = &self.described {
            let whole = path(base);
            let medium = (0..description.media.len()).find(|index| {
                let url = description.media_url(base, *index);
                url.is_some_and(|url| same_path(&url, uri))
            });
            let rest = asked.strip_prefix(whole.as_str());
            if let Some(index) = medium {
                let control = rest.map_or(asked.as_str(), |rest| rest.trim_start_matches('/'));
                return (Some(index), whole, control.into());
            }
            if let Some(rest) = rest.and_then(|rest| rest.strip_prefix('/')) {
                return (None, whole.clone(), rest.into());
            }
            if asked == whole && description.media.len() == 1 {
                return (Some(0), whole, String::new());
            }
        }
        match asked.rsplit_once('/') {
            Some((whole, control)) => (None, whole.into(), control.into()),
            None => (None, url.path.clone(), String::new()),
        }
    }

    fn on_play(&mut self, request: &Request, pending: &mut Pending) -> Outcome {
        self.check_session(request, pending, false)?;
        let Some(active) = &self.active else {
            return Err(Status::SESSION_NOT_FOUND);
        };
        if active.record || active.tracks.is_empty() {
            return Err(Status::METHOD_NOT_VALID_IN_THIS_STATE);
        }
        let headers = &request.headers;
        let range = headers
            .typed::<Range>()
            .map_err(|_| Status::INVALID_RANGE)?;
        let scale = headers.typed::<Scale>().map_err(|_| Status::BAD_REQUEST)?;
        let media = active.medium(&request.uri);
        let play = Play {
            id: pending.id,
            media,
            range,
            scale: scale.map(|scale| scale.0),
            speed: headers.typed().map_err(|_| Status::BAD_REQUEST)?,
            seek_style: headers.typed().map_err(|_| Status::BAD_REQUEST)?,
            playing: active.is_running(),
        };
        pending.kind = Kind::Play(media);
        Ok(Some(Event::PlayRequested(play)))
    }

    fn on_record(&mut self, request: &Request, pending: &mut Pending) -> Outcome {
        self.check_session(request, pending, false)?;
        let active = self.active.as_ref();
        if active.is_none_or(|active| !active.record || active.tracks.is_empty()) {
            return Err(Status::METHOD_NOT_VALID_IN_THIS_STATE);
        }
        let range = request.headers.typed::<Range>();
        pending.kind = Kind::Record;
        Ok(Some(Event::RecordRequested(Record {
            id: pending.id,
            range: range.map_err(|_| Status::INVALID_RANGE)?,
        })))
    }

    fn on_pause(&mut self, request: &Request, pending: &mut Pending) -> Outcome {
        self.check_session(request, pending, false)?;
        let Some(active) = &self.active else {
            return Err(Status::SESSION_NOT_FOUND);
        };
        let media = active.medium(&request.uri);
        let range = request.headers.typed::<Range>();
        pending.kind = Kind::Pause(media);
        Ok(Some(Event::PauseRequested(Pause {
            id: pending.id,
            media,
            range: range.map_err(|_| Status::INVALID_RANGE)?,
        })))
    }

    fn on_teardown(&mut self, request: &Request, pending: &mut Pending) -> Outcome {
        self.check_session(request, pending, self.active.is_some())?;
        // RFC 2326 §10.7: the response to the last one names no session.
        pending.with_session = false;
        let Some(active) = &mut self.active else {
            return Err(Status::SESSION_NOT_FOUND);
        };
        if let Some(media) = active.medium(&request.uri) {
            active.tracks.retain(|track| track.media != media);
            pending.with_session = true;
            self.link
                .events
                .push_back(Event::TornDown { media: Some(media) });
        }
        Ok(None)
    }

    fn on_parameters(&mut self, request: &Request, pending: &mut Pending) -> Outcome {
        self.check_session(request, pending, true)?;
        if request.body.is_empty() {
            // A sign of life.
            return Ok(None);
        }
        let parameters = Parameters {
            id: pending.id,
            uri: request.uri.clone(),
            body: request.body.clone(),
            content_type: request
                .headers
                .get(name::CONTENT_TYPE)
                .map(ToString::to_string),
        };
        Ok(Some(if request.method == Method::GetParameter {
            pending.kind = Kind::GetParameter;
            Event::ParametersRequested(parameters)
        } else {
            pending.kind = Kind::SetParameter;
            Event::ParametersSet(parameters)
        }))
    }
}

fn url(request: &Request) -> Result<Url, Status> {
    request.uri.parse().map_err(|_| Status::BAD_REQUEST)
}

/// Keys that can be read; others are none.
fn keys(request: &Request) -> Vec<KeyMgmt> {
    let all = request.headers.all(name::KEY_MGMT);
    all.filter_map(|value| KeyMgmts::parse(value).ok())
        .flat_map(|keys| keys.0)
        .collect()
}

fn required(request: &Request) -> Require {
    request
        .headers
        .all(name::REQUIRE)
        .filter_map(|value| Require::parse(value).ok())
        .flat_map(|require| require.0)
        .collect()
}
