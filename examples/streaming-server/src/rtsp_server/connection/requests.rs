//! What a peer asks for, and what it gets.

use super::super::ingest::Ingest;
use super::super::player::{self, Player, Way};
use super::super::{multicast, printable};
use super::{Connection, End};
use crate::stream::{Publisher, Stream};
use rtsp::Status;
use rtsp::headers::{Delivery, Npt, Ports, Range, RtpInfo, Transport};
use rtsp::server::{Announce, Describe, Play, PlayAnswer, RequestId, Session, Setup};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Longest that a player waits for the tracks of a stream that has begun.
const DESCRIPTION: Duration = Duration::from_secs(8);

/// The name of a stream, of its path.
fn name(path: &str) -> String {
    let path = path.split('?').next().unwrap_or_default();
    path.trim_matches('/').to_owned()
}

/// What the peer calls itself.
fn agent(session: &Session) -> String {
    match session.user_agent() {
        "" => "RTSP".into(),
        agent => printable(agent),
    }
}

impl Connection {
    pub(super) fn describe(&mut self, request: &Describe) {
        let name = name(&request.url.path);
        self.gate.0.hub.want(&name);
        self.waiting = Some((request.id, name, Instant::now()));
    }

    /// Answers a player that waits, as soon as that is possible.
    pub(super) fn answer_waiting(&mut self) -> Result<(), End> {
        let Some((id, name, since)) = self.waiting.take() else {
            return Ok(());
        };
        let stream = self.gate.0.hub.find(&name);
        let live = stream.filter(|stream| stream.is_live());
        if let Some(description) = live.as_ref().and_then(|stream| stream.rtsp.description()) {
            self.session.describe(id, &description.sdp)?;
        } else if since.elapsed() < DESCRIPTION
            && (live.is_some() || self.gate.0.hub.is_pulled(&name))
        {
            self.waiting = Some((id, name, since));
        } else {
            tracing::warn!(peer = %self.peer, stream = ?name, "player refused: nobody publishes it");
            self.session.reject(id, Status::NOT_FOUND)?;
        }
        Ok(())
    }

    pub(super) fn announce(&mut self, request: Announce) -> Result<(), End> {
        let name = name(&request.url.path);
        if let Err(refused) = self
            .gate
            .0
            .hub
            .admit(&name, request.url.query().unwrap_or_default())
        {
            tracing::warn!(peer = %self.peer, stream = ?name, "publisher refused: {}", refused.reason());
            self.session.reject(request.id, Status::FORBIDDEN)?;
            return Ok(());
        }
        self.announced = Some((name, request.sdp));
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
        answer.server_port = Some(Ports::pair(number));
        answer.mode.clone_from(&transport.mode);
        answer
    }

    fn set_up_publisher(&mut self, media: usize, request: &Setup) -> Result<Transport, Status> {
        if self.announced.is_none() || media >= 32 {
            return Err(Status::METHOD_NOT_VALID_IN_THIS_STATE);
        }
        for transport in &request.transports {
            if transport.profile.is_secure() || transport.is_multicast() {
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
            if transport.profile.is_secure() {
                continue;
            }
            let (way, answer) = if let Some((rtp, rtcp)) = transport.interleaved {
                (Way::Tcp(rtp, rtcp), transport.clone())
            } else if transport.is_multicast() {
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
            let player = self
                .player
                .get_or_insert_with(|| Player::new(Arc::clone(&stream)));
            player.set(media, way);
            return Ok(answer);
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

    pub(super) fn play(&mut self, request: &Play) -> Result<(), End> {
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
        let Some((name, sdp)) = self.announced.clone() else {
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
        };
        let refusal = match self.gate.0.hub.publish(&name, publisher) {
            Ok(publication) => {
                let tcp = self.report_to.is_empty();
                match Ingest::new(&sdp, tcp, publication) {
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
