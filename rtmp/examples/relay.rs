//! A relay with a thread per connection: publish to it and play from it.
//!
//! ```text
//! cargo run --release -p fluvial-rtmp --example relay -- 127.0.0.1:1935
//! ffmpeg -re -i clip.mp4 -c copy -f flv rtmp://127.0.0.1/live/x
//! ffplay rtmp://127.0.0.1/live/x
//! ```
//!
//! It gives a late joiner the headers and lets it wait for a key frame; queues are not bounded. A server for the internet does
//! more, see the workspace's `streaming-server`.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use fluvial_rtmp::flv::Demuxer;
use fluvial_rtmp::message::{Role, status};
use fluvial_rtmp::server::{Config, Event, Session};
use fluvial_rtmp::{Limits, SharedMessage};
use std::collections::{BTreeMap, HashMap};
use std::error::Error;
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A stream by its name: who publishes and who plays.
#[derive(Default)]
struct Stream {
    published: bool,
    headers: BTreeMap<u32, SharedMessage>,
    players: Vec<Sender<Unit>>,
}

#[derive(Clone)]
enum Unit {
    Message(SharedMessage),
    Published,
    Unpublished,
}

type Streams = Arc<Mutex<HashMap<String, Stream>>>;

fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "127.0.0.1:1935".into());
    let listener = TcpListener::bind(address)?;
    println!("listening on {}", listener.local_addr()?);
    let streams = Streams::default();
    for socket in listener.incoming() {
        let (socket, streams) = (socket?, Arc::clone(&streams));
        std::thread::spawn(move || {
            let mut connection = Connection {
                streams,
                publishing: HashMap::new(),
                playing: HashMap::new(),
            };
            if let Err(error) = connection.run(socket) {
                println!("closed: {error}");
            }
        });
    }
    Ok(())
}

struct Connection {
    streams: Streams,
    /// Message streams being published, with their names and what looks into them.
    publishing: HashMap<u32, (String, Demuxer)>,
    /// Message streams being played: what is for them, and whether a key frame has come.
    playing: HashMap<u32, (Receiver<Unit>, bool)>,
}

impl Connection {
    fn run(&mut self, mut socket: TcpStream) -> Result<(), Box<dyn Error>> {
        let start = Instant::now();
        let mut session = Session::new(Config::default(), &mut rand::rng(), start.elapsed());
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(Duration::from_millis(10)))?;
        let mut buf = [0; 64 * 1024];
        loop {
            match socket.read(&mut buf) {
                Ok(0) => session.handle_eof(),
                Ok(n) => session.handle_input(&buf[..n], start.elapsed()),
                Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(e) => {
                    println!("transport: {e}");
                    session.handle_eof();
                }
            }
            if session
                .poll_timeout()
                .is_some_and(|deadline| deadline <= start.elapsed())
            {
                session.handle_timeout(start.elapsed());
            }
            let open = self.handle_events(&mut session);
            self.feed_players(&mut session)?;
            while let Some(bytes) = session.poll_transmit() {
                socket.write_all(&bytes)?;
            }
            if !open? {
                return Ok(());
            }
        }
    }

    /// Handles what the session tells; false after its last event.
    fn handle_events(&mut self, session: &mut Session) -> Result<bool, Box<dyn Error>> {
        while let Some(event) = session.poll_event()? {
            match event {
                Event::ConnectRequested(request) => {
                    println!(
                        "connect to {}: {:?}",
                        request.app,
                        request.properties.get("flashVer")
                    );
                    session.accept(request.id)?;
                }
                Event::PublishRequested(request) => {
                    println!("publish {} ({})", request.path(), request.query);
                    let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
                    let stream = streams.entry(request.path()).or_default();
                    if stream.published {
                        session.reject(
                            request.id,
                            status::PUBLISH_BAD_NAME,
                            "The name is taken.",
                        )?;
                        continue;
                    }
                    stream.published = true;
                    stream.headers.clear();
                    stream
                        .players
                        .retain(|player| player.send(Unit::Published).is_ok());
                    self.publishing.insert(
                        request.stream_id,
                        (request.path(), Demuxer::new(Limits::default())),
                    );
                    session.accept(request.id)?;
                }
                Event::PlayRequested(request) => {
                    println!("play {} from {:?}", request.path(), request.start);
                    let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
                    let stream = streams.entry(request.path()).or_default();
                    let (sender, receiver) = channel();
                    for header in stream.headers.values() {
                        sender.send(Unit::Message(header.clone()))?;
                    }
                    stream.players.push(sender);
                    self.playing.insert(request.stream_id, (receiver, false));
                    session.accept(request.id)?;
                }
                Event::Media(message) => {
                    let shared = SharedMessage::new(&message)?;
                    let Some((name, demuxer)) = self.publishing.get_mut(&message.stream_id) else {
                        continue;
                    };
                    demuxer.handle_message(&message);
                    print_events(name, demuxer)?;
                    let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
                    if let Some(stream) = streams.get_mut(&*name) {
                        if shared.role() == Role::Header {
                            stream.headers.insert(message.slot(), shared.clone());
                        }
                        stream
                            .players
                            .retain(|player| player.send(Unit::Message(shared.clone())).is_ok());
                    }
                }
                Event::PublishStopped { stream_id } => {
                    if let Some((name, mut demuxer)) = self.publishing.remove(&stream_id) {
                        demuxer.handle_eof();
                        print_events(&name, &mut demuxer)?;
                        println!("{name} is no longer published");
                        let mut streams =
                            self.streams.lock().unwrap_or_else(PoisonError::into_inner);
                        if let Some(stream) = streams.get_mut(&name) {
                            stream.published = false;
                            stream
                                .players
                                .retain(|player| player.send(Unit::Unpublished).is_ok());
                        }
                    }
                }
                Event::PlayStopped { stream_id } => {
                    self.playing.remove(&stream_id);
                }
                Event::Closed(reason) => {
                    println!("closed: {reason:?}");
                    return Ok(false);
                }
                _ => {}
            }
        }
        Ok(true)
    }

    /// Sends what has come for the players of this connection.
    fn feed_players(&mut self, session: &mut Session) -> Result<(), Box<dyn Error>> {
        for (stream_id, (receiver, joined)) in &mut self.playing {
            for unit in receiver.try_iter() {
                match unit {
                    Unit::Message(message) => {
                        *joined |= message.role() == Role::JoinPoint;
                        if *joined || message.role() == Role::Header {
                            session.send(*stream_id, &message)?;
                        }
                    }
                    Unit::Published => session.notify_published(*stream_id)?,
                    Unit::Unpublished => session.notify_unpublished(*stream_id)?,
                }
            }
        }
        Ok(())
    }
}

/// Prints what a stream is made of, and each key frame.
fn print_events(name: &str, demuxer: &mut Demuxer) -> Result<(), Box<dyn Error>> {
    while let Some(event) = demuxer.poll_event()? {
        match event {
            media::Event::Tracks(tracks) => {
                for track in &tracks {
                    println!(
                        "{name}: track {} is {} at {} Hz",
                        track.id,
                        track.codec.rfc6381(),
                        track.timescale.get()
                    );
                }
            }
            media::Event::Sample(sample) if sample.is_sync() && sample.track.0 == 1 => {
                println!(
                    "{name}: key frame of {} bytes, dts {}, pts {}",
                    sample.data.len(),
                    sample.dts,
                    sample.pts
                );
            }
            media::Event::Metadata(metadata) => println!("{name}: {:?}", metadata.entries),
            media::Event::Warning(warning) => println!("{name}: {warning}"),
            _ => {}
        }
    }
    Ok(())
}
