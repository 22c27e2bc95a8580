//! `rtmp::client::Session` over a socket: our own publisher and player.

use std::{
    io::{self, Read as _, Write as _},
    net::{Shutdown, TcpStream},
    path::Path,
    time::{Duration, Instant},
};

use rtmp::{
    Message, TypeId,
    client::{Config, Event, PlayStart, PublishType, Session, Url},
};

use crate::{PATIENCE, flv, wait_for};

/// A connection of ours to somebody's RTMP server.
#[derive(Debug)]
pub struct Client {
    stream: TcpStream,
    session: Session,
    origin: Instant,
    name: String,
}

/// How a request to publish or to play was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Granted, on this message stream.
    Granted(u32),
    /// Refused, with this status code.
    Refused(String),
}

impl Client {
    /// Connects to the application of `url`; waits for the server to come up.
    ///
    /// # Panics
    ///
    /// When it cannot be connected to.
    pub fn connect(url: &str) -> Self {
        let url: Url = url.parse().expect("a URL");
        let address = format!("{}:{}", url.host, url.port);
        let stream = wait_for(&address, || TcpStream::connect(&address).ok());
        stream.set_nodelay(true).expect("an option of every socket");
        let session = Session::new(Config::new(&url), &mut rand::rng(), Duration::ZERO);
        let mut client = Self {
            stream,
            session,
            origin: Instant::now(),
            name: url.name,
        };
        client.expect("to be connected", |event| {
            matches!(event, Event::Connected { .. }).then_some(())
        });
        client
    }

    /// The next event, if one comes in time. After [`Event::Closed`] none does.
    ///
    /// # Panics
    ///
    /// When the session fails: the server that a test talks to makes no mistakes.
    pub fn next(&mut self, deadline: Instant) -> Option<Event> {
        let mut buffer = vec![0; 1 << 16];
        loop {
            let event = self.session.poll_event().expect("the server speaks RTMP");
            while let Some(bytes) = self.session.poll_transmit() {
                // A server that has closed is noticed by reading.
                let _ = self.stream.write_all(&bytes);
            }
            if event.is_some() {
                return event;
            }
            let now = Instant::now();
            if now >= deadline {
                return None;
            }
            let elapsed = self.origin.elapsed();
            let timer = self
                .session
                .poll_timeout()
                .map_or(PATIENCE, |at| at.saturating_sub(elapsed));
            let wait = timer.min(deadline - now).max(Duration::from_millis(1));
            self.stream
                .set_read_timeout(Some(wait))
                .expect("an option of every socket");
            match self.stream.read(&mut buffer) {
                Ok(0) => self.session.handle_eof(),
                Ok(read) => self
                    .session
                    .handle_input(&buffer[..read], self.origin.elapsed()),
                Err(error) if is_timeout(&error) => {
                    self.session.handle_timeout(self.origin.elapsed());
                }
                Err(_) => self.session.handle_eof(),
            }
        }
    }

    /// Waits for an event of which `pick` makes something.
    fn expect<T>(&mut self, what: &str, mut pick: impl FnMut(Event) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        let mut seen = Vec::new();
        while let Some(event) = self.next(deadline) {
            seen.push(format!("{event:?}"));
            if let Some(picked) = pick(event) {
                return picked;
            }
        }
        panic!("waited in vain {what}; there came {seen:?}");
    }

    fn answer(&mut self) -> Answer {
        self.expect("for an answer", |event| match event {
            Event::Publishing { stream_id, .. } | Event::Playing { stream_id, .. } => {
                Some(Answer::Granted(stream_id))
            }
            Event::Refused { code, .. } => Some(Answer::Refused(code)),
            _ => None,
        })
    }

    /// Asks to publish under the name in the URL.
    ///
    /// # Panics
    ///
    /// When no answer comes.
    pub fn ask_to_publish(&mut self) -> Answer {
        let name = self.name.clone();
        self.session
            .publish(&name, PublishType::Live)
            .expect("the session is connected");
        self.answer()
    }

    /// Asks to play the stream in the URL.
    ///
    /// # Panics
    ///
    /// When no answer comes.
    pub fn ask_to_play(&mut self) -> Answer {
        let name = self.name.clone();
        self.session
            .play(&name, PlayStart::Any)
            .expect("the session is connected");
        self.answer()
    }

    /// Publishes an FLV file in real time, and ends.
    ///
    /// # Panics
    ///
    /// When the server refuses it.
    pub fn publish(mut self, file: &Path) {
        let Answer::Granted(stream_id) = self.ask_to_publish() else {
            panic!("publishing was refused");
        };
        let start = Instant::now();
        for mut message in flv::read(file) {
            let due = start + Duration::from_millis(message.timestamp.into());
            while self.next(due).is_some() {}
            message.stream_id = stream_id;
            self.session
                .send_message(&message)
                .expect("publishing goes on");
        }
        self.session.close();
        self.expect("to be closed", |event| {
            matches!(event, Event::Closed(_)).then_some(())
        });
        // Closing while an answer is unread would reset the connection, and what is under way be lost.
        let _ = self.stream.shutdown(Shutdown::Write);
        let _ = self.stream.set_read_timeout(Some(PATIENCE));
        let _ = io::copy(&mut self.stream, &mut io::sink());
    }

    /// Plays until the stream ends, or `count` messages of audio and video have come, because some servers
    /// do not tell the end, and writes them to an FLV file.
    ///
    /// # Panics
    ///
    /// When playing is refused or the stream does not end.
    pub fn record(&mut self, file: &Path, count: usize) {
        let file = io::BufWriter::new(std::fs::File::create(file).expect("there is room"));
        let mut writer = flv::Writer::new(file).expect("there is room");
        let Answer::Granted(_) = self.ask_to_play() else {
            panic!("playing was refused");
        };
        let mut left = count;
        self.expect("for the stream's end", |event| match event {
            Event::Media(message) => {
                writer.write(&message).expect("there is room");
                if matches!(message.type_id, TypeId::AUDIO | TypeId::VIDEO) {
                    left = left.saturating_sub(1);
                }
                (left == 0).then_some(())
            }
            Event::Status { code, .. } => (code == "NetStream.Play.UnpublishNotify").then_some(()),
            Event::Stopped { .. } | Event::Closed(_) => Some(()),
            _ => None,
        });
    }

    /// Plays, after [`ask_to_play`](Self::ask_to_play), until the publisher goes; gives how many messages of
    /// audio and video came.
    ///
    /// # Panics
    ///
    /// When the publisher's going is not told.
    pub fn count_until_unpublished(&mut self) -> usize {
        let mut count = 0;
        self.expect("for the publisher to go", |event| match event {
            Event::Media(Message {
                type_id: TypeId::AUDIO | TypeId::VIDEO,
                ..
            }) => {
                count += 1;
                None
            }
            Event::Status { code, .. } => (code == "NetStream.Play.UnpublishNotify").then_some(()),
            _ => None,
        });
        count
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
    )
}
