//! RTMP: one task per connection, for publishers and players alike.

mod end;
mod recordings;

use crate::config::Config;
use crate::hub::Hub;
use crate::recorded::{Library, Playback};
use crate::stream::{Publication, Publisher, Seated, Stream};
use crate::unit::Unit;
use common::fanout::{Lost, Reader};
use common::{Listener, Outbox, Shutdown, Socket};
use end::End;
use media::Codec;
use recordings::{read, unless_gone};
use rtmp::flv::FourCc;
use rtmp::message::status;
use rtmp::server::{Event, PlayRequest, PublishRequest, RequestId, Session};
use rtmp::{Capabilities, CodecUse};
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
/// Bytes that wait for a peer at which nothing more is read from it: who does not take answers gets to ask nothing more.
const CLOGGED: usize = 1 << 20;
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
    library: Library,
    setup: Arc<rtmp::server::Config>,
    stall: Duration,
    cut: Shutdown,
}

impl Gate {
    pub(crate) fn new(hub: Hub, config: &Config, cut: Shutdown) -> Self {
        let library = Library::new(config.vod.clone());
        let mut setup = setup(config);
        setup.has_recordings = library.exists();
        Self {
            hub,
            library,
            setup: Arc::new(setup),
            stall: config.stall,
            cut,
        }
    }

    /// Serves one connection until it ends.
    pub(crate) async fn pass(self, socket: Socket, peer: SocketAddr) {
        let cut = self.cut.clone();
        Connection::new(socket, peer, self).run(cut).await;
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
    library: Library,
    session: Session,
    /// The origin of the session's clock.
    start: Instant,
    outbox: Outbox,
    /// When the outbox last got shorter, and how long ago that may be.
    progress: Instant,
    stall: Duration,
    /// What the peer calls itself.
    agent: String,
    /// What the client knows of Enhanced RTMP.
    capabilities: Capabilities,
    publications: Vec<(u32, Publication)>,
    player: Option<Player>,
    playback: Option<Playback>,
    /// Lengths of recordings that were asked for.
    lengths: JoinSet<(RequestId, Option<Duration>)>,
    /// What has ended and is still to be told in the log, when it is known why.
    gone: Vec<(&'static str, Arc<str>)>,
}

struct Player {
    stream_id: u32,
    name: Arc<str>,
    stream: Arc<Stream>,
    reader: Reader<Unit>,
    /// It wants nothing now; what comes meanwhile it misses.
    paused: bool,
    /// Whether it has been told, or knows, who publishes.
    informed: bool,
    _seated: Seated,
}

impl Connection {
    fn new(socket: Socket, peer: SocketAddr, gate: Gate) -> Self {
        let start = Instant::now();
        let setup = rtmp::server::Config::clone(&gate.setup);
        Self {
            socket,
            peer,
            hub: gate.hub,
            library: gate.library,
            session: Session::new(setup, &mut rand::rng(), Duration::ZERO),
            start,
            outbox: Outbox::new(),
            progress: start,
            stall: gate.stall,
            agent: String::new(),
            capabilities: Capabilities::default(),
            publications: Vec::new(),
            player: None,
            playback: None,
            lengths: JoinSet::new(),
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
                .push(("publisher", Arc::clone(publication.name())));
        }
        if let Some(player) = self.player.take() {
            self.gone.push(("player", player.name));
        }
        if let Some(playback) = self.playback.take() {
            self.gone.push(("player", playback.name));
        }
        self.tell_gone(&reason);
        if end.is_the_peers_fault() {
            tracing::warn!(peer = %self.peer, "connection closed: {reason}");
        } else {
            tracing::debug!(peer = %self.peer, "connection closed: {reason}");
        }
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
    async fn converse(&mut self, cut: Shutdown) -> Result<std::convert::Infallible, End> {
        let mut cut = pin!(cut.wait());
        let mut alarm = pin!(tokio::time::sleep(Duration::ZERO));
        loop {
            self.handle_events()?;
            self.send()?;
            let blocked = !self.outbox.is_empty();
            let clogged = blocked && self.outbox.len() > CLOGGED;
            let now = Instant::now();
            let due = self.deadline(now, blocked)?;
            set_alarm(alarm.as_mut(), due);
            let player = self.player.as_ref().filter(|player| !player.paused);
            let reader = player.map(|player| &player.reader);
            let playback = self
                .playback
                .as_mut()
                .filter(|playback| playback.is_hungry());
            tokio::select! {
                biased;
                readable = poll_fn(|context| self.socket.poll_read_ready(context)), if !clogged => {
                    readable?;
                    self.receive()?;
                }
                writable = poll_fn(|context| self.socket.poll_write_ready(context)), if blocked => writable?,
                () = ready(reader), if !blocked => {}
                item = read(playback) => self.handle_recording(item)?,
                Some(length) = self.lengths.join_next() => {
                    // Reading a file does not panic; if it did, the answer would be missing.
                    if let Ok((request, length)) = length {
                        self.session.answer_length(request, length)?;
                    }
                }
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
        let playback = self.playback.as_ref().filter(|_| !blocked);
        let due = playback.and_then(Playback::due);
        let stall = blocked.then(|| self.progress + self.stall);
        if stall.is_some_and(|stall| stall <= now) {
            return Err(End::Stalled);
        }
        Ok([session, flush, due, stall].into_iter().flatten().min())
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
                    self.capabilities = request.capabilities();
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
                        if let Some(why) = publication.dismissal() {
                            let code = status::PUBLISH_BAD_NAME;
                            self.session.stop(message.stream_id, code, why)?;
                            self.session.close();
                            return Err(End::Dismissed(why));
                        }
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
                            .push(("publisher", Arc::clone(publication.name())));
                    }
                }
                Event::PlayStopped { stream_id } => {
                    if let Some(player) =
                        self.player.take_if(|player| player.stream_id == stream_id)
                    {
                        self.gone.push(("player", player.name));
                    }
                    let ended = |playback: &mut Playback| playback.stream_id == stream_id;
                    if let Some(playback) = self.playback.take_if(ended) {
                        self.gone.push(("player", playback.name));
                    }
                }
                Event::Paused {
                    stream_id, paused, ..
                } => self.pause(stream_id, paused),
                Event::SeekRequested {
                    stream_id,
                    position,
                } => match self.playback_on(stream_id) {
                    Some(_) => self.seek(position)?,
                    None => {
                        let text = "There is no other place in a live stream.";
                        unless_gone(self.session.reject_seek(stream_id, text))?;
                    }
                },
                Event::BufferChanged { stream_id, length } => {
                    if let Some(playback) = self.playback_on(stream_id) {
                        playback.set_buffer(length);
                    }
                }
                Event::LengthRequested { id, app, name } => self.tell_length(id, &app, &name)?,
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
            query: request.query.clone(),
        };
        let name = request.path();
        if self.library.holds(&name) {
            let reason = "This application has recordings: nothing is published here.";
            tracing::warn!(peer = %self.peer, stream = ?name, "publisher refused: {reason}");
            let code = status::PUBLISH_BAD_NAME;
            return Ok(self.session.reject(request.id, code, reason)?);
        }
        let admitted = self.hub.admit(&name, &request.query);
        match admitted.and_then(|()| self.hub.publish(&name, publisher)) {
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
        let refusal = if self.player.is_some() || self.playback.is_some() {
            "A connection plays one stream at a time."
        } else if self.library.holds(&name) {
            match self.library.find(&name) {
                Some(file) => {
                    let playback = Playback::open(&self.library, file, request.clone());
                    self.playback = Some(playback);
                    return Ok(());
                }
                None => "There is no such recording.",
            }
        } else {
            self.hub.want(&name);
            match self.hub.open(&name) {
                Ok(stream) => {
                    self.session.accept(request.id)?;
                    tracing::info!(peer = %self.peer, stream = %name, agent = %self.agent, "player started");
                    let tracks = stream.origin.tracks();
                    let is_opus = |track: &media::Track| matches!(track.codec, Codec::Opus(_));
                    let knows = self.capabilities.of_codec(FourCc::OPUS);
                    if tracks.iter().any(is_opus) && !knows.any(CodecUse::DECODE) {
                        tracing::warn!(peer = %self.peer, stream = %name, "the sound is Opus: a player that does not know Enhanced RTMP hears nothing, and this one has not said that it does");
                    }
                    self.player = Some(Player {
                        stream_id: request.stream_id,
                        name: Arc::clone(&stream.name),
                        reader: stream.fanout.subscribe(),
                        paused: false,
                        informed: false,
                        _seated: stream.player(),
                        stream,
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
            if !self.outbox.is_empty() || !(self.give_recording()? || self.give_live()?) {
                return Ok(());
            }
            // What waits now was taken just now.
            self.progress = Instant::now();
        }
    }

    /// Gives a player what is new in its stream; says whether there was anything.
    fn give_live(&mut self) -> Result<bool, End> {
        let Some(player) = self.player.as_mut().filter(|player| !player.paused) else {
            return Ok(false);
        };
        UNITS.with_borrow_mut(|units| {
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
            })
    }

    fn pause(&mut self, stream_id: u32, paused: bool) {
        if let Some(playback) = self.playback_on(stream_id) {
            playback.pause(paused, Instant::now());
        }
        let player = self.player.as_mut();
        if let Some(player) = player.filter(|player| player.stream_id == stream_id) {
            if player.paused && !paused {
                // It goes on with what is live now.
                player.reader = player.stream.fanout.subscribe();
            }
            player.paused = paused;
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
        let playing = self.playback.take().filter(Playback::is_playing);
        if let Some(playback) = playing {
            let code = status::PLAY_STOP;
            self.session
                .stop(playback.stream_id, code, "The server ends.")?;
        }
        self.session.close();
        Ok(())
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
