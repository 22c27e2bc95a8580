//! RTMP: one task per connection, for publishers and players alike.

use crate::config::Config;
use crate::hub::Hub;
use crate::stream::{Publication, Publisher, Seated};
use crate::unit::Unit;
use common::fanout::{Lost, Reader};
use common::{Listener, Outbox, Shutdown, Socket};
use rtmp::message::status;
use rtmp::server::{CloseReason, Event, PlayRequest, PublishRequest, Session};
use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tokio::time::Sleep;

/// Bytes that a player takes from the fan-out at a time.
const BATCH: usize = 256 << 10;
/// Longest that a closing connection may take for its last bytes.
const LAST_BYTES: Duration = Duration::from_secs(1);
/// Reads in a row before others have their turn.
const READS: usize = 16;

thread_local! {
    /// What connections read into, and take units into: none needs memory for that while it waits.
    static READ: RefCell<Vec<u8>> = RefCell::new(vec![0; 64 << 10]);
    static UNITS: RefCell<Vec<Unit>> = const { RefCell::new(Vec::new()) };
}

/// What every connection has to know.
#[derive(Debug, Clone)]
pub(crate) struct Gate {
    hub: Hub,
    setup: Arc<rtmp::server::Config>,
    stall: Duration,
    cut: Shutdown,
}

impl Gate {
    pub(crate) fn new(hub: Hub, config: &Config, cut: Shutdown) -> Self {
        Self {
            hub,
            setup: Arc::new(setup(config)),
            stall: config.stall,
            cut,
        }
    }

    /// Serves one connection until it ends.
    pub(crate) async fn pass(self, socket: Socket, peer: SocketAddr) {
        let Self {
            hub,
            setup,
            stall,
            cut,
        } = self;
        Connection::new(socket, peer, hub, &setup, stall)
            .run(cut)
            .await;
    }

    pub(crate) const fn cut(&self) -> &Shutdown {
        &self.cut
    }

    /// How long a peer may take for what comes before RTMP.
    pub(crate) fn patience(&self) -> Duration {
        self.setup.timeouts.connect
    }
}

/// Accepts until the shutdown begins, then waits for all connections to end.
pub(crate) async fn serve(listener: Listener, gate: Gate) {
    let mut connections = JoinSet::new();
    let mut ending = pin!(gate.cut.wait());
    loop {
        let (socket, peer, permit) = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut ending => break,
        };
        while connections.try_join_next().is_some() {}
        let gate = gate.clone();
        connections.spawn(async move {
            gate.pass(Socket::Tcp(socket), peer).await;
            drop(permit);
        });
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

fn setup(config: &Config) -> rtmp::server::Config {
    let mut setup = rtmp::server::Config::default();
    setup.timeouts.connect = config.handshake;
    if config.rtmpe {
        setup.rtmpe = rtmp::server::Rtmpe::AsAsked;
    }
    // One whole message of the greatest size, and no more.
    setup.limits.incomplete_bytes = setup.limits.message_size as usize;
    setup
}

/// One peer.
struct Connection {
    socket: Socket,
    peer: SocketAddr,
    hub: Hub,
    session: Session,
    /// The origin of the session's clock.
    start: Instant,
    outbox: Outbox,
    /// When the outbox last got shorter, and how long ago that may be.
    progress: Instant,
    stall: Duration,
    /// What the peer calls itself.
    agent: String,
    publications: Vec<(u32, Publication)>,
    player: Option<Player>,
    /// What has ended and is still to be told in the log, when it is known why.
    gone: Vec<(&'static str, Arc<str>)>,
}

struct Player {
    stream_id: u32,
    name: Arc<str>,
    reader: Reader<Unit>,
    /// Whether it has been told, or knows, who publishes.
    informed: bool,
    _seated: Seated,
}

/// Why a connection is over.
#[derive(Debug)]
enum End {
    /// The session has said why.
    Closed(CloseReason),
    Failed(rtmp::Error),
    Io(io::Error),
    Stalled,
    TooSlow,
    ShutDown,
}

impl From<rtmp::Error> for End {
    fn from(error: rtmp::Error) -> Self {
        End::Failed(error)
    }
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> Self {
        End::Io(error)
    }
}

impl Connection {
    fn new(
        socket: Socket,
        peer: SocketAddr,
        hub: Hub,
        setup: &rtmp::server::Config,
        stall: Duration,
    ) -> Self {
        let start = Instant::now();
        Self {
            socket,
            peer,
            hub,
            session: Session::new(setup.clone(), &mut rand::rng(), Duration::ZERO),
            start,
            outbox: Outbox::new(),
            progress: start,
            stall,
            agent: String::new(),
            publications: Vec::new(),
            player: None,
            gone: Vec::new(),
        }
    }

    async fn run(mut self, cut: Shutdown) {
        let end = match self.converse(cut).await {
            Ok(never) => match never {},
            Err(end) => end,
        };
        let reason = end.to_string();
        while let Some((_, publication)) = self.publications.pop() {
            self.gone
                .push(("publisher", Arc::clone(&publication.stream().name)));
        }
        if let Some(player) = self.player.take() {
            self.gone.push(("player", player.name));
        }
        self.tell_gone(&reason);
        if end.is_the_peers_fault() {
            tracing::warn!(peer = %self.peer, "connection closed: {reason}");
        } else {
            tracing::debug!(peer = %self.peer, "connection closed: {reason}");
        }
        if !matches!(end, End::Io(_) | End::Stalled) {
            // Nothing more can be done about what does not get through.
            let _ = tokio::time::timeout(LAST_BYTES, self.last_bytes()).await;
        }
    }

    /// The run loop: events, output, wait.
    async fn converse(&mut self, cut: Shutdown) -> Result<std::convert::Infallible, End> {
        let mut cut = pin!(cut.wait());
        let mut alarm = pin!(tokio::time::sleep(Duration::ZERO));
        loop {
            self.handle_events()?;
            self.send()?;
            let blocked = !self.outbox.is_empty();
            let now = Instant::now();
            let due = self.deadline(now, blocked)?;
            set_alarm(alarm.as_mut(), due);
            let reader = self.player.as_ref().map(|player| &player.reader);
            tokio::select! {
                biased;
                readable = poll_fn(|context| self.socket.poll_read_ready(context)) => {
                    readable?;
                    self.receive()?;
                }
                writable = poll_fn(|context| self.socket.poll_write_ready(context)), if blocked => writable?,
                () = ready(reader), if !blocked => {}
                () = alarm.as_mut() => {}
                () = &mut cut => {
                    self.dismiss()?;
                    return Err(End::ShutDown);
                }
            }
        }
    }

    /// When to wake up without a cause from outside.
    fn deadline(&mut self, now: Instant, blocked: bool) -> Result<Option<Instant>, End> {
        if self
            .session
            .poll_timeout()
            .is_some_and(|timeout| self.start + timeout <= now)
        {
            self.session.handle_timeout(now - self.start);
            self.handle_events()?;
            self.send()?;
        }
        let session = self
            .session
            .poll_timeout()
            .map(|timeout| self.start + timeout);
        let flush = self
            .publications
            .iter_mut()
            .filter_map(|(_, publication)| publication.flush(now))
            .min();
        let stall = blocked.then(|| self.progress + self.stall);
        if stall.is_some_and(|stall| stall <= now) {
            return Err(End::Stalled);
        }
        Ok([session, flush, stall].into_iter().flatten().min())
    }

    fn receive(&mut self) -> Result<(), End> {
        for _ in 0..READS {
            let read = READ.with_borrow_mut(|buffer| {
                let read = self.socket.try_read(buffer);
                match read {
                    Ok(0) => self.session.handle_eof(),
                    Ok(count) => self
                        .session
                        .handle_input(&buffer[..count], self.start.elapsed()),
                    Err(_) => {}
                }
                read
            });
            match read {
                Ok(0) => return Ok(()),
                Ok(_) => self.handle_events()?,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn handle_events(&mut self) -> Result<(), End> {
        while let Some(event) = self.session.poll_event()? {
            match event {
                Event::ConnectRequested(request) => {
                    let agent = request
                        .properties
                        .get("flashVer")
                        .and_then(|value| value.as_str());
                    self.agent = agent
                        .unwrap_or("unnamed")
                        .chars()
                        .filter(|c| !c.is_control())
                        .take(64)
                        .collect();
                    self.session.accept(request.id)?;
                }
                Event::PublishRequested(request) => self.publish(&request)?,
                Event::PlayRequested(request) => self.play(&request)?,
                Event::Media(message) => {
                    let own = self
                        .publications
                        .iter_mut()
                        .find(|(id, _)| *id == message.stream_id);
                    if let Some((_, publication)) = own {
                        publication.handle(&message)?;
                    }
                }
                Event::PublishStopped { stream_id } => {
                    if let Some(place) = self
                        .publications
                        .iter()
                        .position(|(id, _)| *id == stream_id)
                    {
                        let (_, publication) = self.publications.swap_remove(place);
                        self.gone
                            .push(("publisher", Arc::clone(&publication.stream().name)));
                    }
                }
                Event::PlayStopped { stream_id } => {
                    if let Some(player) =
                        self.player.take_if(|player| player.stream_id == stream_id)
                    {
                        self.gone.push(("player", player.name));
                    }
                }
                Event::Closed(reason) => return Err(End::Closed(reason)),
                other => tracing::debug!(peer = %self.peer, "not handled: {other:?}"),
            }
        }
        self.tell_gone("it said so");
        Ok(())
    }

    fn tell_gone(&mut self, reason: &str) {
        for (who, stream) in self.gone.drain(..) {
            tracing::info!(peer = %self.peer, %stream, "{who} gone: {reason}");
        }
    }

    fn publish(&mut self, request: &PublishRequest) -> Result<(), End> {
        let publisher = Publisher {
            peer: Some(self.peer),
            agent: self.agent.clone(),
        };
        let name = request.path();
        match self.hub.publish(&name, publisher) {
            Ok(publication) => {
                self.session.accept(request.id)?;
                tracing::info!(peer = %self.peer, stream = %name, agent = %self.agent, "publisher started");
                self.publications.push((request.stream_id, publication));
            }
            Err(refused) => {
                tracing::warn!(peer = %self.peer, stream = ?name, "publisher refused: {}", refused.reason());
                self.session
                    .reject(request.id, status::PUBLISH_BAD_NAME, refused.reason())?;
            }
        }
        Ok(())
    }

    fn play(&mut self, request: &PlayRequest) -> Result<(), End> {
        let name = request.path();
        let refusal = if self.player.is_some() {
            "A connection plays one stream at a time."
        } else {
            match self.hub.open(&name) {
                Ok(stream) => {
                    self.session.accept(request.id)?;
                    tracing::info!(peer = %self.peer, stream = %name, agent = %self.agent, "player started");
                    self.player = Some(Player {
                        stream_id: request.stream_id,
                        name: Arc::clone(&stream.name),
                        reader: stream.fanout.subscribe(),
                        informed: false,
                        _seated: stream.player(),
                    });
                    return Ok(());
                }
                Err(refused) => refused.reason(),
            }
        };
        tracing::warn!(peer = %self.peer, stream = ?name, "player refused: {refusal}");
        self.session
            .reject(request.id, status::PLAY_STREAM_NOT_FOUND, refusal)?;
        Ok(())
    }

    /// Writes what waits, and gives a player what has come, until there is no more or the socket is full.
    fn send(&mut self) -> Result<(), End> {
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
            let some = UNITS.with_borrow_mut(|units| {
                let taken = player.reader.take(units, BATCH);
                let some = !units.is_empty();
                let given = units.drain(..).try_for_each(|unit| player.give(&unit, &mut self.session));
                match taken {
                    Ok(taken) if taken.skipped => {
                        tracing::info!(peer = %self.peer, stream = %player.name, "player is slow: skipped to a key frame");
                    }
                    Ok(_) => {}
                    Err(Lost::TooSlow) => return Err(End::TooSlow),
                    Err(Lost::Closed) => {
                        player.stop(&mut self.session)?;
                        return Err(End::ShutDown);
                    }
                }
                given?;
                Ok(some)
            })?;
            if !some {
                return Ok(());
            }
            // What waits now was taken just now.
            self.progress = Instant::now();
        }
    }

    /// Says goodbye: the server ends.
    fn dismiss(&mut self) -> Result<(), End> {
        for (stream_id, _) in &self.publications {
            self.session
                .stop(*stream_id, status::UNPUBLISH_SUCCESS, "The server ends.")?;
        }
        if let Some(player) = &self.player {
            player.stop(&mut self.session)?;
        }
        self.session.close();
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

impl Player {
    fn give(&mut self, unit: &Unit, session: &mut Session) -> Result<(), rtmp::Error> {
        // Who comes while somebody publishes needs no notice of it; who waits does.
        let informed = std::mem::replace(&mut self.informed, true);
        match unit {
            Unit::Message(message) => session.send(self.stream_id, message),
            Unit::Published if informed => session.notify_published(self.stream_id),
            Unit::Unpublished if informed => session.notify_unpublished(self.stream_id),
            Unit::Published | Unit::Unpublished => Ok(()),
        }
    }

    fn stop(&self, session: &mut Session) -> Result<(), rtmp::Error> {
        session.stop(self.stream_id, status::PLAY_STOP, "The server ends.")
    }
}

impl std::fmt::Display for End {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            End::Closed(CloseReason::Ended) => f.write_str("the connection ended"),
            End::Closed(CloseReason::Truncated) => {
                f.write_str("the connection ended in the middle of something")
            }
            End::Closed(reason) => write!(f, "{reason:?}"),
            End::Failed(error) => error.fmt(f),
            End::Io(error) => error.fmt(f),
            End::Stalled => f.write_str("the peer does not read"),
            End::TooSlow => f.write_str("the player stayed too slow"),
            End::ShutDown => f.write_str("the server ends"),
        }
    }
}

impl End {
    const fn is_the_peers_fault(&self) -> bool {
        match self {
            End::Closed(CloseReason::Truncated) | End::Failed(_) | End::Stalled | End::TooSlow => {
                true
            }
            // Players go like that.
            End::Closed(_) | End::Io(_) | End::ShutDown => false,
        }
    }
}

async fn ready(reader: Option<&Reader<Unit>>) {
    match reader {
        Some(reader) => reader.ready().await,
        None => std::future::pending().await,
    }
}

/// Sets the alarm, but lets one that goes off earlier alone: that is cheaper than to move it for each message.
fn set_alarm(alarm: std::pin::Pin<&mut Sleep>, due: Option<Instant>) {
    // An hour is never: whatever wakes the task then looks again.
    let due = due.unwrap_or_else(|| Instant::now() + Duration::from_secs(3600));
    let due = tokio::time::Instant::from_std(due);
    if alarm.is_elapsed() || due < alarm.deadline() {
        alarm.reset(due);
    }
}
