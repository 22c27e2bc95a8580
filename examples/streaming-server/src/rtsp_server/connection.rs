//! One peer: publisher or player.

mod end;
mod requests;

use super::Gate;
use super::film::{Batch, Film};
use super::ingest::Ingest;
use super::player::{self, Player, Step, Way};
use super::udp::{Datagram, WAITING};
use common::{Outbox, Socket};
use end::End;
use rtsp::server::{Event, RequestId, Session};
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
/// Longest without a reason to look.
const NEVER: Duration = Duration::from_secs(3600);

/// Who waits for a description.
struct Waiting {
    id: RequestId,
    name: String,
    since: Instant,
    secure: bool,
}

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
    /// A name, what came behind it, and the description.
    announced: Option<(String, String, String)>,
    /// Where the publisher's reports go, by index of the medium.
    report_to: Vec<Option<SocketAddr>>,
    /// A player that waits for a description.
    waiting: Option<Waiting>,
    /// What was described has keys: packets are encrypted.
    secure: bool,
    /// A file that is played.
    film: Option<Film>,
    inbox: mpsc::Receiver<Datagram>,
    outside: mpsc::Sender<Datagram>,
    group: Option<super::multicast::Member>,
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
            secure: false,
            film: None,
            inbox,
            outside,
            group: None,
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
            let stream = Arc::clone(ingest.publication.name());
            tracing::info!(peer = %self.peer, %stream, "publisher gone: {reason}");
        }
        if let Some(player) = self.player.take().filter(|player| player.playing) {
            tracing::info!(peer = %self.peer, stream = %player.stream.name, "player gone: {reason}");
        }
        if let Some(film) = self.film.take().filter(Film::is_set_up) {
            tracing::info!(peer = %self.peer, file = %film.name, "player gone: {reason}");
        }
        if end.is_the_peers_fault() {
            tracing::warn!(peer = %self.peer, "connection closed: {reason}");
        } else {
            tracing::debug!(peer = %self.peer, "connection closed: {reason}");
        }
        self.gate.0.ports.forget(&self.outside);
        if !matches!(end, End::Io(_) | End::Stalled) {
            while let Some(bytes) = self.session.poll_transmit() {
                self.outbox.push(bytes);
            }
            // Nothing more can be done about what does not get through.
            let last_bytes = self.outbox.finish(&mut self.socket);
            let _ = tokio::time::timeout(LAST_BYTES, last_bytes).await;
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
                .and_then(|waiting| self.gate.0.hub.find(&waiting.name));
            let described = async {
                match &description {
                    Some(stream) => stream.rtsp.news.notified().await,
                    None => std::future::pending().await,
                }
            };
            let reader = self.player.as_ref().and_then(Player::reader);
            let film = self.film.as_mut();
            let read = async {
                match film {
                    Some(film) => film.read().await,
                    None => std::future::pending().await,
                }
            };
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
                read = read => if let Err(error) = read {
                    return Err(End::Unreadable(error));
                },
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
            if let Some(why) = ingest.publication.dismissal() {
                return Err(End::Dismissed(why));
            }
            wake(ingest.poll_timeout());
            let flush = ingest.publication.flush(Instant::now());
            wake(flush.map(|at| at.saturating_duration_since(self.gate.0.start)));
        }
        if let Some(due) = self.film.as_ref().filter(|_| !blocked).and_then(Film::due) {
            wake(Some(now + due));
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
        for _ in 0..16 {
            if !self.read()? {
                return Ok(());
            }
            self.handle_events().await?;
        }
        Ok(())
    }

    /// Takes what has come; whether there may be more. Its buffer is on the stack, so that connections that are silent have none.
    fn read(&mut self) -> Result<bool, End> {
        let mut buffer = [0; 16 << 10];
        let now = self.now();
        match self.socket.try_read(&mut buffer) {
            Ok(0) => {
                self.session.handle_eof();
                Ok(false)
            }
            Ok(count) => {
                self.session.handle_input(&buffer[..count], now);
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(error.into()),
        }
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
                // What is rare takes its memory when it happens.
                Event::DescribeRequested(request) => Box::pin(self.describe(&request)).await?,
                Event::AnnounceRequested(request) => self.announce(request)?,
                Event::SetupRequested(request) => Box::pin(self.set_up(&request)).await?,
                Event::PlayRequested(request) => Box::pin(self.play(&request)).await?,
                Event::RecordRequested(request) => self.record(request.id)?,
                Event::PauseRequested(request) => {
                    if let Some(player) = self.player.as_mut() {
                        player.pause();
                    }
                    if let Some(film) = self.film.as_mut() {
                        film.pause();
                    }
                    self.session.accept(request.id)?;
                }
                Event::TornDown { media: None } => {
                    self.last_datagrams();
                    if let Some(ingest) = self.ingest.take() {
                        let stream = Arc::clone(ingest.publication.name());
                        tracing::info!(peer = %self.peer, %stream, "publisher gone: it said so");
                    }
                    if let Some(player) = self.player.take().filter(|player| player.playing) {
                        tracing::info!(peer = %self.peer, stream = %player.stream.name, "player gone: it said so");
                    }
                    if let Some(film) = self.film.take().filter(Film::is_set_up) {
                        tracing::info!(peer = %self.peer, file = %film.name, "player gone: it said so");
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
                    if let Some(way) = self.film.as_mut().and_then(|film| film.ways.get_mut(media))
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
            if !self.outbox.is_empty() {
                return Ok(());
            }
            let some = self.send_live().await? | self.send_film().await?;
            if !some {
                return Ok(());
            }
            // What waits now was taken just now.
            self.progress = Instant::now();
        }
    }

    /// Sends what has come of a live stream; whether there was something.
    async fn send_live(&mut self) -> Result<bool, End> {
        let Some(player) = self.player.as_mut() else {
            return Ok(false);
        };
        if player.take()? {
            tracing::info!(peer = %self.peer, stream = %player.stream.name, "player is slow: skipped to a key frame");
        }
        let secure = player.secure;
        let mut some = false;
        while let Some(step) = player.next() {
            some = true;
            match step {
                Step::Frames(frames) => self.outbox.push(frames),
                Step::Reframed(packets, channel) => {
                    let Some(laid) = packets.laid(secure) else {
                        continue;
                    };
                    let mut frames = Vec::with_capacity(laid.frames.len());
                    for packet in laid.each() {
                        Frame::encode(channel, packet, &mut frames)?;
                    }
                    self.outbox.push(frames.into());
                }
                Step::Datagrams(packets, to) => {
                    let Some(laid) = packets.laid(secure) else {
                        continue;
                    };
                    let (ports, rtcp) = (&self.gate.0.ports, packets.rtcp);
                    player::send(ports, rtcp, &laid.datagrams, &laid.ends, to).await?;
                }
                Step::End => {
                    self.tell_end();
                    return Err(End::Unpublished);
                }
            }
        }
        Ok(some)
    }

    /// Sends what is due of a file; whether there was something.
    async fn send_film(&mut self) -> Result<bool, End> {
        let Some(film) = self.film.as_mut() else {
            return Ok(false);
        };
        let ended = film.finish();
        let mut some = false;
        for batch in film.take() {
            let Batch {
                media,
                rtcp,
                datagrams,
                ends,
            } = batch;
            some = true;
            match film.ways.get(media) {
                Some(Some(Way::Tcp(rtp_channel, rtcp_channel))) => {
                    let channel = if rtcp { *rtcp_channel } else { *rtp_channel };
                    let mut frames = Vec::with_capacity(datagrams.len() + 4 * ends.len());
                    let mut start = 0;
                    for end in ends {
                        Frame::encode(channel, &datagrams[start..end], &mut frames)?;
                        start = end;
                    }
                    self.outbox.push(frames.into());
                }
                Some(Some(Way::Udp(rtp_address, rtcp_address))) => {
                    let to = if rtcp { *rtcp_address } else { *rtp_address };
                    player::send(&self.gate.0.ports, rtcp, &datagrams, &ends, to).await?;
                }
                _ => {}
            }
        }
        if ended {
            self.tell_end();
        }
        Ok(some)
    }

    /// Clients of RTSP 2.0 are told the end; others see it by RTCP.
    fn tell_end(&mut self) {
        let reason = rtsp::headers::NotifyReason::EndOfStream;
        // Who has no session any more need not be told.
        let _ = self.session.notify(&reason, &rtsp::Headers::new());
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
}
