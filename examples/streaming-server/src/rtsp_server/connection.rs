//! One peer: publisher or player.

use super::ingest::Ingest;
use super::player::{self, Player, Step, Way};
use super::udp::{Datagram, WAITING};
use super::{Gate, printable};
use crate::stream::Publisher;
use common::fanout::Lost;
use common::{Outbox, Socket};
use rtsp::headers::{Delivery, Npt, Ports, Range, RtpInfo, Transport};
use rtsp::server::{
    Announce, CloseReason, Describe, Event, Play, PlayAnswer, RequestId, Session, Setup,
};
use rtsp::{Frame, Status};
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// Longest that a closing connection may take for its last bytes.
const LAST_BYTES: Duration = Duration::from_secs(1);
/// Longest that a player waits for the tracks of a stream that has begun.
const DESCRIPTION: Duration = Duration::from_secs(8);
/// Longest without a reason to look.
const NEVER: Duration = Duration::from_secs(3600);

pub(super) struct Connection {
    socket: Socket,
    peer: SocketAddr,
    /// Our address, as the peer sees it.
    local: SocketAddr,
    gate: Gate,
    session: Session,
    outbox: Outbox,
    /// When the outbox last got shorter.
    progress: Instant,
    player: Option<Player>,
    ingest: Option<Ingest>,
    /// A description of what is going to be published.
    announced: Option<(String, String)>,
    /// Where the publisher's reports go, by index of the medium.
    report_to: Vec<Option<SocketAddr>>,
    /// A player that waits for a description.
    waiting: Option<(RequestId, String, Instant)>,
    inbox: mpsc::Receiver<Datagram>,
    outside: mpsc::Sender<Datagram>,
    group: Option<super::multicast::Member>,
    agent: String,
}

/// Why a connection is over.
#[derive(Debug)]
enum End {
    Closed(CloseReason),
    Failed(rtsp::Error),
    Io(io::Error),
    Stalled,
    TooSlow,
    /// The publisher of what was played has gone.
    Unpublished,
    ShutDown,
}

impl From<rtsp::Error> for End {
    fn from(error: rtsp::Error) -> Self {
        End::Failed(error)
    }
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> Self {
        End::Io(error)
    }
}

impl From<Lost> for End {
    fn from(lost: Lost) -> Self {
        match lost {
            Lost::TooSlow => End::TooSlow,
            Lost::Closed => End::ShutDown,
        }
    }
}

/// The name of a stream, of its path.
fn name(path: &str) -> String {
    let path = path.split('?').next().unwrap_or_default();
    path.trim_matches('/').to_owned()
}

impl Connection {
    pub(super) fn new(socket: Socket, peer: SocketAddr, local: SocketAddr, gate: Gate) -> Self {
        let now = gate.0.start.elapsed();
        let (outside, inbox) = mpsc::channel(WAITING);
        Self {
            session: Session::new(gate.0.setup.clone(), &mut rand::rng(), now),
            socket,
            peer,
            local,
            gate,
            outbox: Outbox::new(),
            progress: Instant::now(),
            player: None,
            ingest: None,
            announced: None,
            report_to: Vec::new(),
            waiting: None,
            inbox,
            outside,
            group: None,
            agent: "RTSP".into(),
        }
    }

    fn now(&self) -> Duration {
        self.gate.0.start.elapsed()
    }

    pub(super) async fn run(mut self) {
        let end = match self.converse().await {
            Ok(never) => match never {},
            Err(end) => end,
        };
        let reason = end.to_string();
        self.last_datagrams();
        if let Some(ingest) = self.ingest.take() {
            let stream = Arc::clone(&ingest.publication.stream().name);
            tracing::info!(peer = %self.peer, %stream, "publisher gone: {reason}");
        }
        if let Some(player) = self.player.take().filter(|player| player.playing) {
            tracing::info!(peer = %self.peer, stream = %player.stream.name, "player gone: {reason}");
        }
        if end.is_the_peers_fault() {
            tracing::warn!(peer = %self.peer, "connection closed: {reason}");
        } else {
            tracing::debug!(peer = %self.peer, "connection closed: {reason}");
        }
        self.gate.0.ports.forget(&self.outside);
        if !matches!(end, End::Io(_) | End::Stalled) {
            // Nothing more can be done about what does not get through.
            let _ = tokio::time::timeout(LAST_BYTES, self.last_bytes()).await;
        }
    }

    /// The run loop: events, output, wait.
    async fn converse(&mut self) -> Result<std::convert::Infallible, End> {
        let gate = self.gate.clone();
        let mut cut = pin!(gate.0.cut.wait());
        loop {
            self.handle_events().await?;
            self.answer_waiting()?;
            self.send().await?;
            let blocked = !self.outbox.is_empty();
            let due = self.deadline(blocked)?;
            let description = self
                .waiting
                .as_ref()
                .and_then(|(_, name, _)| self.gate.0.hub.find(name));
            let described = async {
                match &description {
                    Some(stream) => stream.rtsp.news.notified().await,
                    None => std::future::pending().await,
                }
            };
            let reader = self.player.as_ref().and_then(Player::reader);
            let news = async {
                match reader {
                    Some(reader) => reader.ready().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                readable = poll_fn(|context| self.socket.poll_read_ready(context)) => {
                    readable?;
                    self.receive().await?;
                }
                writable = poll_fn(|context| self.socket.poll_write_ready(context)), if blocked => writable?,
                Some(datagram) = self.inbox.recv() => self.handle_datagram(&datagram),
                () = news, if !blocked => {}
                () = described => {}
                () = tokio::time::sleep_until((Instant::now() + due).into()) => {}
                () = &mut cut => return Err(End::ShutDown),
            }
        }
    }

    /// How long to sleep at most.
    fn deadline(&mut self, blocked: bool) -> Result<Duration, End> {
        let now = self.now();
        if self
            .session
            .poll_timeout()
            .is_some_and(|timeout| timeout <= now)
        {
            self.session.handle_timeout(now);
            return Ok(Duration::ZERO);
        }
        let mut due = NEVER;
        let mut wake = |at: Option<Duration>| {
            if let Some(at) = at {
                due = due.min(at.saturating_sub(now));
            }
        };
        wake(self.session.poll_timeout());
        if let Some(ingest) = &mut self.ingest {
            ingest.handle_timeout(now);
            wake(ingest.poll_timeout());
            let flush = ingest.publication.flush(Instant::now());
            wake(flush.map(|at| at.saturating_duration_since(self.gate.0.start)));
        }
        if self.waiting.is_some() {
            wake(Some(now + Duration::from_millis(100)));
        }
        if blocked {
            let stall = self.gate.0.stall.saturating_sub(self.progress.elapsed());
            if stall.is_zero() {
                return Err(End::Stalled);
            }
            wake(Some(now + stall));
        }
        Ok(due.max(Duration::from_millis(1)))
    }

    async fn receive(&mut self) -> Result<(), End> {
        let mut buffer = [0; 16 << 10];
        for _ in 0..16 {
            let now = self.now();
            match self.socket.try_read(&mut buffer) {
                Ok(0) => {
                    self.session.handle_eof();
                    return Ok(());
                }
                Ok(count) => {
                    self.session.handle_input(&buffer[..count], now);
                    self.handle_events().await?;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// What had come before the end.
    fn last_datagrams(&mut self) {
        while let Ok(datagram) = self.inbox.try_recv() {
            self.handle_datagram(&datagram);
        }
    }

    fn handle_datagram(&mut self, datagram: &Datagram) {
        let now = self.now();
        self.session.keep_alive(now);
        if let Some(ingest) = &mut self.ingest {
            ingest.handle(datagram.media, &datagram.data, now);
        }
        if datagram.rtcp {
            tracing::trace!(peer = %self.peer, "a report");
        }
    }

    async fn handle_events(&mut self) -> Result<(), End> {
        while let Some(event) = self.session.poll_event()? {
            match event {
                Event::Packet { media, data, .. } => {
                    let now = self.now();
                    if let Some(ingest) = &mut self.ingest {
                        ingest.handle(media, &data, now);
                    }
                }
                Event::DescribeRequested(request) => self.describe(&request),
                Event::AnnounceRequested(request) => self.announce(request)?,
                Event::SetupRequested(request) => self.set_up(&request).await?,
                Event::PlayRequested(request) => self.play(&request)?,
                Event::RecordRequested(request) => self.record(request.id)?,
                Event::PauseRequested(request) => {
                    if let Some(player) = self.player.as_mut() {
                        player.pause();
                    }
                    self.session.accept(request.id)?;
                }
                Event::TornDown { media: None } => {
                    self.last_datagrams();
                    if let Some(ingest) = self.ingest.take() {
                        let stream = Arc::clone(&ingest.publication.stream().name);
                        tracing::info!(peer = %self.peer, %stream, "publisher gone: it said so");
                    }
                    if let Some(player) = self.player.take().filter(|player| player.playing) {
                        tracing::info!(peer = %self.peer, stream = %player.stream.name, "player gone: it said so");
                    }
                    self.group = None;
                    self.announced = None;
                }
                Event::TornDown { media: Some(media) } => {
                    if let Some(way) = self
                        .player
                        .as_mut()
                        .and_then(|player| player.tracks.get_mut(media))
                    {
                        *way = None;
                    }
                }
                Event::ParametersRequested(request) => {
                    self.session
                        .reject(request.id, Status::PARAMETER_NOT_UNDERSTOOD)?;
                }
                Event::ParametersSet(request) => {
                    self.session
                        .reject(request.id, Status::PARAMETER_NOT_UNDERSTOOD)?;
                }
                Event::Closed(reason) => return Err(End::Closed(reason)),
                other => tracing::debug!(peer = %self.peer, "not handled: {other:?}"),
            }
        }
        Ok(())
    }

    fn describe(&mut self, request: &Describe) {
        let name = name(&request.url.path);
        self.gate.0.hub.want(&name);
        self.waiting = Some((request.id, name, Instant::now()));
    }

    /// Answers a player that waits, as soon as that is possible.
    fn answer_waiting(&mut self) -> Result<(), End> {
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

    fn announce(&mut self, request: Announce) -> Result<(), End> {
        self.announced = Some((name(&request.url.path), request.sdp));
        self.session.accept(request.id)?;
        Ok(())
    }

    async fn set_up(&mut self, request: &Setup) -> Result<(), End> {
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
        stream: &Arc<crate::stream::Stream>,
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
        answer.ttl = Some(super::multicast::TTL);
        Some(answer)
    }

    fn play(&mut self, request: &Play) -> Result<(), End> {
        let Some(player) = self.player.as_mut() else {
            self.session
                .reject(request.id, Status::METHOD_NOT_VALID_IN_THIS_STATE)?;
            return Ok(());
        };
        let order: Vec<usize> = (0..player.tracks.len())
            .filter(|track| matches!(player.tracks.get(*track), Some(Some(_))))
            .collect();
        let entries = player.play(&order)?;
        tracing::info!(peer = %self.peer, stream = %player.stream.name, "player started");
        let answer = PlayAnswer {
            range: Some(Range::npt(Some(Npt::Now), None)),
            rtp_info: RtpInfo(entries),
            ..PlayAnswer::default()
        };
        self.session.accept_play(request.id, &answer)?;
        Ok(())
    }

    fn record(&mut self, id: RequestId) -> Result<(), End> {
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
            agent: printable(&self.agent),
        };
        let refusal = match self.gate.0.hub.publish(&name, publisher) {
            Ok(publication) => {
                let tcp = self.report_to.is_empty();
                match Ingest::new(&sdp, tcp, publication) {
                    Ok(ingest) => {
                        self.ingest = Some(ingest);
                        self.session.accept(id)?;
                        tracing::info!(peer = %self.peer, stream = %name, "publisher started");
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

    /// Writes what waits, and gives a player what has come, until there is no more or the socket is full.
    async fn send(&mut self) -> Result<(), End> {
        self.report().await?;
        loop {
            while let Some(bytes) = self.session.poll_transmit() {
                self.outbox.push(bytes);
            }
            if !self.outbox.is_empty() && self.outbox.write_to(&self.socket)? > 0 {
                self.progress = Instant::now();
            }
            let Some(player) = self.player.as_mut().filter(|_| self.outbox.is_empty()) else {
                return Ok(());
            };
            if player.take()? {
                tracing::info!(peer = %self.peer, stream = %player.stream.name, "player is slow: skipped to a key frame");
            }
            let mut some = false;
            while let Some(step) = player.next() {
                some = true;
                match step {
                    Step::Frames(frames) => self.outbox.push(frames),
                    Step::Reframed(packets, channel) => {
                        let mut frames = Vec::with_capacity(packets.frames.len());
                        for packet in packets.each() {
                            Frame::encode(channel, packet, &mut frames)?;
                        }
                        self.outbox.push(frames.into());
                    }
                    Step::Datagrams(packets, to) => {
                        player::send(&self.gate.0.ports, &packets, to).await?;
                    }
                    Step::End => {
                        let _ = self.session.notify(
                            &rtsp::headers::NotifyReason::EndOfStream,
                            &rtsp::Headers::new(),
                        );
                        return Err(End::Unpublished);
                    }
                }
            }
            if !some {
                return Ok(());
            }
            // What waits now was taken just now.
            self.progress = Instant::now();
        }
    }

    /// Tells a publisher how it is received.
    async fn report(&mut self) -> Result<(), End> {
        let Some(ingest) = self.ingest.as_mut() else {
            return Ok(());
        };
        while let Some(report) = ingest.poll_report() {
            match self.report_to.get(report.media).copied().flatten() {
                Some(to) => {
                    let ends = [report.data.len()];
                    self.gate.0.ports.rtcp.send(&report.data, &ends, to).await?;
                }
                None => self.session.send(report.media, true, &report.data)?,
            }
        }
        Ok(())
    }

    /// Writes what is left, and tells the peer that nothing follows.
    async fn last_bytes(&mut self) -> io::Result<()> {
        while let Some(bytes) = self.session.poll_transmit() {
            self.outbox.push(bytes);
        }
        loop {
            self.outbox.write_to(&self.socket)?;
            if self.outbox.is_empty() {
                break;
            }
            self.socket.writable().await?;
        }
        self.socket.shutdown().await
    }
}

impl std::fmt::Display for End {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            End::Closed(CloseReason::Ended) => f.write_str("the connection ended"),
            End::Closed(CloseReason::Truncated) => {
                f.write_str("the connection ended in the middle of something")
            }
            End::Closed(CloseReason::Timeout) => f.write_str("it gave no sign of life"),
            End::Closed(reason) => write!(f, "{reason:?}"),
            End::Failed(error) => error.fmt(f),
            End::Io(error) => error.fmt(f),
            End::Stalled => f.write_str("the peer does not read"),
            End::TooSlow => f.write_str("the player stayed too slow"),
            End::Unpublished => f.write_str("the publisher has gone"),
            End::ShutDown => f.write_str("the server ends"),
        }
    }
}

impl End {
    const fn is_the_peers_fault(&self) -> bool {
        match self {
            End::Closed(CloseReason::Truncated | CloseReason::Timeout)
            | End::Failed(_)
            | End::Stalled
            | End::TooSlow => true,
            End::Closed(_) | End::Io(_) | End::Unpublished | End::ShutDown => false,
        }
    }
}
