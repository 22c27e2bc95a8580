//! What a peer asks for, and what it gets.

use super::super::film::{Film, Wish};
use super::super::ingest::Ingest;
use super::super::player::{self, Player, Way};
use super::super::{multicast, printable};
use super::{Connection, End, Waiting};
use crate::stream::{Publisher, Stream};
use rtsp::Status;
use rtsp::headers::{Delivery, Npt, Ports, Range, RtpInfo, Speed, Transport};
use rtsp::server::{Announce, Describe, Play, PlayAnswer, RequestId, Session, Setup};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Longest that a player waits for the tracks of a stream that has begun.
const DESCRIPTION: Duration = Duration::from_secs(8);

/// Where files are.
const FILES: &str = "vod/";

/// The name of a stream, of its path.
fn name(path: &str) -> String {
    let path = path.split('?').next().unwrap_or_default();
    path.trim_matches('/').to_owned()
}

/// Whether the packets of what a path means are to be encrypted: `?srtp`.
fn is_secure(path: &str) -> bool {
    let query = path.split_once('?').map_or("", |(_, query)| query);
    let mut words = query.split(['&', '/']);
    words.any(|word| word.split('=').next() == Some("srtp"))
}

/// The file of a path, decoded.
fn file(name: &str) -> Option<String> {
    let name = name.strip_prefix(FILES)?;
    let decoded = percent_encoding::percent_decode_str(name).decode_utf8();
    decoded.ok().map(Into::into)
}

/// What the peer calls itself.
fn agent(session: &Session) -> String {
    match session.user_agent() {
        "" => "RTSP".into(),
        agent => printable(agent),
    }
}

impl Connection {
    pub(super) async fn describe(&mut self, request: &Describe) -> Result<(), End> {
        let path = &request.url.path;
        let (name, secure) = (name(path), is_secure(path));
        if self.gate.0.library.is_some() && name.starts_with(FILES) {
            return self.describe_film(request.id, name, secure).await;
        }
        self.gate.0.hub.want(&name);
        self.waiting = Some(Waiting {
            id: request.id,
            name,
            since: Instant::now(),
            secure,
        });
        Ok(())
    }

    /// Opens a file.
    async fn open(&self, name: &str, secure: bool) -> Option<Film> {
        let library = self.gate.0.library.as_ref()?;
        let title = library.open(&file(name)?).await?;
        match Film::new(name.to_owned(), title, secure) {
            Ok(film) => Some(film),
            Err(error) => {
                tracing::warn!(peer = %self.peer, file = ?name, "cannot be played by RTSP: {error}");
                None
            }
        }
    }

    async fn describe_film(
        &mut self,
        id: RequestId,
        name: String,
        secure: bool,
    ) -> Result<(), End> {
        let Some(film) = self.open(&name, secure).await else {
            tracing::warn!(peer = %self.peer, file = ?name, "player refused: there is no such file");
            self.session.reject(id, Status::NOT_FOUND)?;
            return Ok(());
        };
        match film.describe() {
            Ok(sdp) => {
                self.session.describe(id, &sdp)?;
                // What is being played goes on.
                if !self.film.as_ref().is_some_and(Film::is_set_up) {
                    self.film = Some(film);
                }
            }
            Err(error) => {
                tracing::warn!(peer = %self.peer, file = ?name, "cannot be described: {error}");
                self.session.reject(id, Status::UNSUPPORTED_MEDIA_TYPE)?;
            }
        }
        Ok(())
    }

    /// Answers a player that waits, as soon as that is possible.
    pub(super) fn answer_waiting(&mut self) -> Result<(), End> {
        let Some(waiting) = self.waiting.take() else {
            return Ok(());
        };
        let Waiting { id, name, .. } = &waiting;
        let stream = self.gate.0.hub.find(name);
        let live = stream.filter(|stream| stream.is_live());
        if let Some(description) = live.as_ref().and_then(|stream| stream.rtsp.description()) {
            let sdp = match waiting.secure {
                true => description.secure().ok(),
                false => Some(description.sdp.clone()),
            };
            match sdp {
                Some(sdp) => {
                    self.secure = waiting.secure;
                    self.session.describe(*id, &sdp)?;
                }
                None => self.session.reject(*id, Status::INTERNAL_SERVER_ERROR)?,
            }
        } else if waiting.since.elapsed() < DESCRIPTION
            && (live.is_some() || self.gate.0.hub.is_pulled(name))
        {
            self.waiting = Some(waiting);
        } else {
            tracing::warn!(peer = %self.peer, stream = ?name, "player refused: nobody publishes it");
            self.session.reject(*id, Status::NOT_FOUND)?;
        }
        Ok(())
    }

    pub(super) fn announce(&mut self, request: Announce) -> Result<(), End> {
        let name = name(&request.url.path);
        let query = request.url.query().unwrap_or_default().to_owned();
        if let Err(refused) = self.gate.0.hub.admit(&name, &query) {
            tracing::warn!(peer = %self.peer, stream = ?name, "publisher refused: {}", refused.reason());
            self.session.reject(request.id, Status::FORBIDDEN)?;
            return Ok(());
        }
        self.announced = Some((name, query, request.sdp));
        self.session.accept(request.id)?;
        Ok(())
    }

    pub(super) async fn set_up(&mut self, request: &Setup) -> Result<(), End> {
        let media = request.media.or_else(|| {
            let number = request.control.rsplit(['=', '/']).next()?;
            number.parse().ok()
        });
        let chosen = match (media, request.record) {
            (Some(media), true) => self
                .set_up_publisher(media, request)
                .map(|transport| (media, transport)),
            (Some(media), false) if self.is_film(&request.path) => self
                .set_up_film(media, request)
                .await
                .map(|transport| (media, transport)),
            (Some(media), false) => self
                .set_up_player(media, request)
                .await
                .map(|transport| (media, transport)),
            (None, _) => Err(Status::NOT_FOUND),
        };
        match chosen {
            Ok((media, transport)) => self.session.accept_setup(request.id, media, &transport)?,
            Err(status) => {
                tracing::warn!(peer = %self.peer, stream = ?request.path, "set-up refused: {status}");
                self.session.reject(request.id, status)?;
            }
        }
        Ok(())
    }

    /// The client's ports and ours.
    fn with_ports(&self, transport: &Transport) -> Transport {
        let number = self.gate.0.ports.number;
        let mut answer = Transport::udp(transport.client_ports().unwrap_or(Ports::pair(0)));
        answer.profile = transport.profile.clone();
        answer.server_port = Some(Ports::pair(number));
        answer.mode.clone_from(&transport.mode);
        answer
    }

    fn set_up_publisher(&mut self, media: usize, request: &Setup) -> Result<Transport, Status> {
        if self.announced.is_none() || media >= 32 {
            return Err(Status::METHOD_NOT_VALID_IN_THIS_STATE);
        }
        for transport in &request.transports {
            if transport.is_multicast() {
                continue;
            }
            if transport.is_interleaved() {
                return Ok(transport.clone());
            }
            let Some((rtp, rtcp)) = player::addresses(transport, self.peer) else {
                continue;
            };
            let ports = &self.gate.0.ports;
            if ports.listen(rtp, false, media, &self.outside)
                && ports.listen(rtcp, true, media, &self.outside)
            {
                if self.report_to.len() <= media {
                    self.report_to.resize(media + 1, None);
                }
                self.report_to[media] = Some(rtcp);
                return Ok(self.with_ports(transport));
            }
        }
        Err(Status::UNSUPPORTED_TRANSPORT)
    }

    async fn set_up_player(&mut self, media: usize, request: &Setup) -> Result<Transport, Status> {
        let name = name(&request.path);
        let stream = self
            .gate
            .0
            .hub
            .find(&name)
            .filter(|stream| stream.is_live());
        let stream = stream.ok_or(Status::NOT_FOUND)?;
        let description = stream.rtsp.description().ok_or(Status::NOT_FOUND)?;
        if media >= description.tracks {
            return Err(Status::NOT_FOUND);
        }
        let same = |player: &Player| Arc::ptr_eq(&player.stream, &stream);
        if self.player.as_ref().is_some_and(|player| !same(player)) {
            if request.others > 0 {
                return Err(Status::AGGREGATE_OPERATION_NOT_ALLOWED);
            }
            self.player = None;
        }
        for transport in &request.transports {
            // Who was told no keys cannot decrypt. Some who were do not say so here, as ffmpeg.
            if transport.profile.is_secure() && !self.secure {
                continue;
            }
            let (way, answer) = if let Some((rtp, rtcp)) = transport.interleaved {
                (Way::Tcp(rtp, rtcp), transport.clone())
            } else if transport.is_multicast() {
                if self.secure {
                    continue;
                }
                match self.join(&stream, media, transport).await {
                    Some(answer) => (Way::Group, answer),
                    None => continue,
                }
            } else if let Some((rtp, rtcp)) = player::addresses(transport, self.peer) {
                let ports = &self.gate.0.ports;
                if !ports.listen(rtcp, true, media, &self.outside) {
                    continue;
                }
                (Way::Udp(rtp, rtcp), self.with_ports(transport))
            } else {
                continue;
            };
            let secure = self.secure;
            let player = self
                .player
                .get_or_insert_with(|| Player::new(Arc::clone(&stream), secure));
            player.set(media, way);
            return Ok(answer);
        }
        Err(Status::UNSUPPORTED_TRANSPORT)
    }

    /// Whether a path means a file.
    fn is_film(&self, path: &str) -> bool {
        self.gate.0.library.is_some() && name(path).starts_with(FILES)
    }

    async fn set_up_film(&mut self, media: usize, request: &Setup) -> Result<Transport, Status> {
        let wanted = name(&request.path);
        if self.film.as_ref().is_none_or(|film| film.name != wanted) {
            if request.others > 0 {
                return Err(Status::AGGREGATE_OPERATION_NOT_ALLOWED);
            }
            let film = self.open(&wanted, is_secure(&request.path)).await;
            self.film = Some(film.ok_or(Status::NOT_FOUND)?);
        }
        let ports = &self.gate.0.ports;
        let film = self.film.as_mut().ok_or(Status::NOT_FOUND)?;
        if media >= film.ways.len() {
            return Err(Status::NOT_FOUND);
        }
        for transport in &request.transports {
            if transport.profile.is_secure() && !film.is_secure() {
                continue;
            }
            if let Some((rtp, rtcp)) = transport.interleaved {
                film.ways[media] = Some(Way::Tcp(rtp, rtcp));
                return Ok(transport.clone());
            }
            let addresses = player::addresses(transport, self.peer);
            if let Some((rtp, rtcp)) = addresses.filter(|_| !transport.is_multicast())
                && ports.listen(rtcp, true, media, &self.outside)
            {
                film.ways[media] = Some(Way::Udp(rtp, rtcp));
                return Ok(self.with_ports(transport));
            }
        }
        Err(Status::UNSUPPORTED_TRANSPORT)
    }

    /// Has a track sent to the stream's group.
    async fn join(
        &mut self,
        stream: &Arc<Stream>,
        media: usize,
        asked: &Transport,
    ) -> Option<Transport> {
        if self.group.as_ref().is_none_or(|group| !group.is_of(stream)) {
            self.group = self.gate.0.groups.join(stream, self.local.ip()).await;
        }
        let group = self.group.as_ref()?;
        let mut answer = Transport::multicast();
        answer.delivery = Some(Delivery::Multicast);
        answer.profile = asked.profile.clone();
        answer.destination = Some(group.address().to_string());
        answer.port = Some(Ports::pair(group.port(media)?));
        answer.ttl = Some(multicast::TTL);
        Some(answer)
    }

    async fn play_film(&mut self, request: &Play) -> Result<(), End> {
        let Some(film) = self.film.as_mut() else {
            return Ok(());
        };
        let range = request.range.as_ref();
        let wish = Wish {
            start: range.and_then(Range::start),
            end: range.and_then(Range::end),
            scale: request.scale,
            speed: request.speed.map(|speed| speed.to.unwrap_or(speed.from)),
        };
        let began = !film.is_running();
        let Some(granted) = film.play(&wish).await.map_err(End::Unreadable)? else {
            self.session.reject(request.id, Status::INVALID_RANGE)?;
            return Ok(());
        };
        if began {
            tracing::info!(peer = %self.peer, file = %film.name, agent = %agent(&self.session), "player started");
        }
        let npt = |at| Some(Npt::At(at));
        let answer = PlayAnswer {
            range: Some(Range::npt(npt(granted.start), npt(granted.end))),
            scale: request.scale.map(|_| granted.scale),
            speed: request.speed.map(|_| Speed {
                from: granted.speed,
                to: None,
            }),
            rtp_info: RtpInfo(granted.entries),
            ..PlayAnswer::default()
        };
        self.session.accept_play(request.id, &answer)?;
        Ok(())
    }

    pub(super) async fn play(&mut self, request: &Play) -> Result<(), End> {
        if self.film.as_ref().is_some_and(Film::is_set_up) {
            return self.play_film(request).await;
        }
        let Some(player) = self.player.as_mut() else {
            self.session
                .reject(request.id, Status::METHOD_NOT_VALID_IN_THIS_STATE)?;
            return Ok(());
        };
        let order: Vec<usize> = (0..player.tracks.len())
            .filter(|track| matches!(player.tracks.get(*track), Some(Some(_))))
            .collect();
        let entries = player.play(&order)?;
        tracing::info!(peer = %self.peer, stream = %player.stream.name, agent = %agent(&self.session), "player started");
        let answer = PlayAnswer {
            range: Some(Range::npt(Some(Npt::Now), None)),
            rtp_info: RtpInfo(entries),
            ..PlayAnswer::default()
        };
        self.session.accept_play(request.id, &answer)?;
        Ok(())
    }

    pub(super) fn record(&mut self, id: RequestId) -> Result<(), End> {
        let Some((name, query, sdp)) = self.announced.clone() else {
            self.session
                .reject(id, Status::METHOD_NOT_VALID_IN_THIS_STATE)?;
            return Ok(());
        };
        if self.ingest.is_some() {
            self.session.accept(id)?;
            return Ok(());
        }
        let publisher = Publisher {
            peer: Some(self.peer),
            agent: agent(&self.session),
            query,
        };
        let refusal = match self.gate.0.hub.publish(&name, publisher) {
            Ok(publication) => {
                let tcp = self.report_to.is_empty();
                match Ingest::new(&sdp, tcp, None, publication) {
                    Ok(ingest) => {
                        self.ingest = Some(ingest);
                        self.session.accept(id)?;
                        tracing::info!(peer = %self.peer, stream = %name, agent = %agent(&self.session), "publisher started");
                        return Ok(());
                    }
                    Err(error) => (format!("{error:#}"), Status::UNSUPPORTED_MEDIA_TYPE),
                }
            }
            Err(refused) => (refused.reason().to_owned(), Status::FORBIDDEN),
        };
        tracing::warn!(peer = %self.peer, stream = ?name, "publisher refused: {}", refusal.0);
        self.session.reject(id, refusal.1)?;
        Ok(())
    }
}
