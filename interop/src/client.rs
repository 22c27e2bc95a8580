//! `rtmp::client::Session` over a socket, by any scheme: our own publisher and player.

use std::{
    io,
    net::SocketAddr,
    path::Path,
    time::{Duration, Instant},
};

use rtmp::{
    Message, TypeId,
    client::{Config, Event, PlayStart, PublishType, Session, Url},
};

use crate::{PATIENCE, flv, transport::Transport};

/// A connection of ours to somebody's RTMP server.
#[derive(Debug)]
pub struct Client {
    transport: Transport,
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
        Self::with(&url, Transport::open(&url), Config::new(&url))
    }

    /// The same, sending chunks of this size.
    ///
    /// # Panics
    ///
    /// When it cannot be connected to.
    pub fn connect_in_chunks(url: &str, size: u32) -> Self {
        let url: Url = url.parse().expect("a URL");
        let mut config = Config::new(&url);
        config.chunk_size = size;
        Self::with(&url, Transport::open(&url), config)
    }

    /// The same by an HTTP proxy.
    ///
    /// # Panics
    ///
    /// When it cannot be connected to.
    pub fn connect_by_proxy(url: &str, proxy: SocketAddr) -> Self {
        let url: Url = url.parse().expect("a URL");
        let transport = Transport::open_by_proxy(&url, proxy);
        Self::with(&url, transport, Config::new(&url))
    }

    fn with(url: &Url, transport: Transport, config: Config) -> Self {
        let session = Session::new(config, &mut rand::rng(), Duration::ZERO);
        let mut client = Self {
            transport,
            session,
            origin: Instant::now(),
            name: url.name.clone(),
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
        loop {
            let event = self.session.poll_event().expect("the server speaks RTMP");
            self.transport.flush(&mut self.session);
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
            let wait = timer.min(deadline - now);
            self.transport.receive(&mut self.session, wait, self.origin);
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
        self.transport.close(&mut self.session, self.origin);
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
