//! Plays a stream from one server and publishes it to another.
//!
//! ```text
//! cargo run --release -p fluvial-rtmp --example restream -- rtmp://127.0.0.1/live/x rtmp://example.net/app/key
//! ```
#![allow(clippy::print_stdout)]

use fluvial_rtmp::client::{Config, Event, PlayStart, PublishType, Session, Url};
use fluvial_rtmp::{Error, Message};
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::time::{Duration, Instant};

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let (Some(from), Some(to)) = (arguments.next(), arguments.next()) else {
        return Err("restream FROM TO".into());
    };
    let (from, to): (Url, Url) = (from.parse()?, to.parse()?);
    let (sender, receiver) = channel();
    let player = std::thread::spawn(move || {
        Connection::open(&from)?.run(&mut Player {
            name: from.name,
            sender,
        })
    });
    let mut publisher = Publisher {
        name: to.name.clone(),
        receiver,
        stream_id: None,
    };
    Connection::open(&to)?.run(&mut publisher)?;
    player.join().map_err(|_| "the player died")?
}

/// A session with its socket.
struct Connection {
    socket: TcpStream,
    session: Session,
    start: Instant,
}

/// What one of the two ends does with its session.
trait End {
    fn handle(&mut self, session: &mut Session, event: Event) -> Result<(), Failure>;

    /// Is called again and again; true to end.
    fn turn(&mut self, session: &mut Session) -> Result<bool, Failure>;
}

impl Connection {
    fn open(url: &Url) -> Result<Self, Failure> {
        let socket = TcpStream::connect((url.host_name(), url.port))?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(Duration::from_millis(10)))?;
        let start = Instant::now();
        let session = Session::new(Config::new(url), &mut rand::rng(), start.elapsed());
        Ok(Self {
            socket,
            session,
            start,
        })
    }

    fn run(&mut self, end: &mut impl End) -> Result<(), Failure> {
        let Self {
            socket,
            session,
            start,
        } = self;
        let mut buf = vec![0; 64 * 1024];
        let mut open = true;
        loop {
            while let Some(bytes) = session.poll_transmit() {
                socket.write_all(&bytes)?;
            }
            if !open {
                return Ok(());
            }
            match socket.read(&mut buf) {
                Ok(0) => session.handle_eof(),
                Ok(n) => session.handle_input(&buf[..n], start.elapsed()),
                Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(e) => return Err(e.into()),
            }
            if session
                .poll_timeout()
                .is_some_and(|deadline| deadline <= start.elapsed())
            {
                session.handle_timeout(start.elapsed());
            }
            while let Some(event) = session.poll_event()? {
                match event {
                    Event::Closed(reason) => {
                        println!("closed: {reason:?}");
                        open = false;
                    }
                    Event::Refused {
                        code, description, ..
                    } => return Err(format!("{code}: {description}").into()),
                    event => end.handle(session, event)?,
                }
            }
            if open && end.turn(session)? {
                session.close();
            }
        }
    }
}

struct Player {
    name: String,
    sender: Sender<Option<Message>>,
}

impl End for Player {
    fn handle(&mut self, session: &mut Session, event: Event) -> Result<(), Failure> {
        match event {
            Event::Connected { .. } => {
                session.play(&self.name, PlayStart::Live)?;
            }
            Event::Playing { .. } => println!("playing"),
            // The publisher may have gone: then so have we.
            Event::Media(message) => drop(self.sender.send(Some(message))),
            Event::Stopped { .. } => drop(self.sender.send(None)),
            Event::Status { code, .. }
                if code == fluvial_rtmp::message::status::PLAY_UNPUBLISH_NOTIFY =>
            {
                drop(self.sender.send(None));
                session.close();
            }
            other => println!("{other:?}"),
        }
        Ok(())
    }

    fn turn(&mut self, _: &mut Session) -> Result<bool, Failure> {
        Ok(false)
    }
}

struct Publisher {
    name: String,
    receiver: Receiver<Option<Message>>,
    stream_id: Option<u32>,
}

impl End for Publisher {
    fn handle(&mut self, session: &mut Session, event: Event) -> Result<(), Failure> {
        match event {
            Event::Connected { .. } => {
                session.publish(&self.name, PublishType::Live)?;
            }
            Event::Publishing { stream_id, .. } => {
                println!("publishing");
                self.stream_id = Some(stream_id);
            }
            other => println!("{other:?}"),
        }
        Ok(())
    }

    fn turn(&mut self, session: &mut Session) -> Result<bool, Failure> {
        let Some(stream_id) = self.stream_id else {
            return Ok(false);
        };
        loop {
            match self.receiver.try_recv() {
                Ok(Some(message)) => match session.send_message(&Message {
                    stream_id,
                    ..message
                }) {
                    Ok(()) => {}
                    Err(Error::State(_)) => return Ok(true),
                    Err(error) => return Err(error.into()),
                },
                Ok(None) | Err(TryRecvError::Disconnected) => return Ok(true),
                Err(TryRecvError::Empty) => return Ok(false),
            }
        }
    }
}
