//! The client's side of a connection.
//!
//! The session connects by itself; after [`Event::Connected`] the caller publishes or plays. The run loop is that of the
//! [server](crate::server).
//!
//! ```
//! use fluvial_rtmp::client::{Config, Url};
//!
//! let url: Url = "rtmp://media.example.net/live/room?key=1".parse()?;
//! assert_eq!((&*url.host, url.port, &*url.app, &*url.name), ("media.example.net", 1935, "live", "room?key=1"));
//! let config = Config::new(&url);
//! assert_eq!(config.tc_url, "rtmp://media.example.net/live");
//! # Ok::<(), fluvial_rtmp::Error>(())
//! ```

mod auth;
mod dialogue;
mod event;

use super::connection::{Connection, Handshake};
use super::endpoint::Endpoint;
pub use super::server::{PlayStart, PublishType};
pub use super::{Capabilities, CloseReason, RequestId, Timeouts};
use crate::amf::amf0::{Object, Value};
pub use crate::handshake::Mode;
use crate::message::Command;
pub use crate::url::Url;
use crate::{Error, Limits, Message, SharedMessage, handshake};
use alloc::string::String;
pub use auth::Auth;
use bytes::Bytes;
use core::time::Duration;
use dialogue::Dialogue;
pub use event::Event;
use rand_core::RngCore;

/// What a client asks for and tells of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// The application.
    pub app: String,
    /// The URL of the application.
    pub tc_url: String,
    /// What the client calls itself; some servers want an encoder to be known by `FMLE/`.
    pub flash_ver: String,
    /// Which handshake to offer.
    pub handshake: Mode,
    /// Payload bytes per chunk that we send. Default [`SharedMessage::CHUNK_SIZE`].
    pub chunk_size: u32,
    /// Milliseconds that we say we buffer when playing. Default 3000.
    pub buffer_length: u32,
    /// What we know of Enhanced RTMP. Default: that there may be a request to connect anew.
    pub capabilities: Capabilities,
    /// How long to wait.
    pub timeouts: Timeouts,
    /// What a peer can make us hold.
    pub limits: Limits,
}

impl Config {
    /// For the application of a URL: with the handshake of RTMPE where its scheme is one of those.
    #[must_use]
    pub fn new(url: &Url) -> Self {
        #[cfg(feature = "rtmpe")]
        let handshake = if url.scheme.is_obfuscated() {
            Mode::Encrypted
        } else {
            Mode::default()
        };
        #[cfg(not(feature = "rtmpe"))]
        let handshake = Mode::default();
        Self {
            app: url.app.clone(),
            tc_url: url.tc_url(),
            flash_ver: "FMLE/3.0 (compatible; Fluvial)".into(),
            handshake,
            chunk_size: SharedMessage::CHUNK_SIZE,
            buffer_length: 3000,
            capabilities: Capabilities::reconnecting(),
            timeouts: Timeouts::default(),
            limits: Limits::default(),
        }
    }
}

/// One connection, client's side.
#[derive(Debug)]
pub struct Session(Endpoint<Dialogue>);

impl Session {
    /// A session that is about to send its handshake. `now` and all later times count from an origin of the caller's choice.
    pub fn new(config: Config, rng: &mut dyn RngCore, now: Duration) -> Self {
        let handshake = Handshake::Client(handshake::Client::new(config.handshake, rng));
        let connection = Connection::new(
            handshake,
            config.limits.clone(),
            config.timeouts.clone(),
            now,
        );
        let mut endpoint = Endpoint::new(connection, Dialogue::new(config));
        // The client speaks first.
        endpoint.handle_input(&[], now);
        Self(endpoint)
    }

    /// Takes bytes from the transport; never fails, [`poll_event`](Self::poll_event) does.
    pub fn handle_input(&mut self, data: &[u8], now: Duration) {
        self.0.handle_input(data, now);
    }

    /// To be called when [`poll_timeout`](Self::poll_timeout) has passed.
    pub fn handle_timeout(&mut self, now: Duration) {
        self.0.handle_timeout(now);
    }

    /// The transport has ended. What came before is still told; the last event is [`Event::Closed`].
    pub fn handle_eof(&mut self) {
        self.0.handle_eof();
    }

    /// The next event; to be called until there is none, after each input.
    ///
    /// # Errors
    /// What was wrong with the input or not in time, after the events before it; it repeats. What is still to be transmitted
    /// should be, then the transport closed.
    pub fn poll_event(&mut self) -> Result<Option<Event>, Error> {
        self.0.poll_event()
    }

    /// The next bytes for the transport.
    pub fn poll_transmit(&mut self) -> Option<Bytes> {
        self.0.poll_transmit()
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called, if nothing happens before.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Duration> {
        self.0.poll_timeout()
    }

    /// Bytes held: incomplete messages, input put aside, media not polled, and what waits to be sent.
    #[must_use]
    pub fn buffered_len(&self) -> usize {
        self.0.buffered_len()
    }

    /// Bytes that wait to be polled by [`poll_transmit`](Self::poll_transmit).
    #[must_use]
    pub fn transmit_len(&self) -> usize {
        self.0.connection.transmit.len()
    }

    /// Asks to publish under a name: [`Event::Publishing`] or [`Event::Refused`] answers.
    ///
    /// # Errors
    /// [`Error::State`] before [`Event::Connected`]; [`Error::Limit`].
    pub fn publish(&mut self, name: &str, publish_type: PublishType) -> Result<RequestId, Error> {
        self.0
            .dialogue
            .publish(&mut self.0.connection, name, publish_type)
    }

    /// Asks to play a stream: [`Event::Playing`] or [`Event::Refused`] answers.
    ///
    /// # Errors
    /// [`Error::State`] before [`Event::Connected`]; [`Error::Limit`].
    pub fn play(&mut self, name: &str, start: PlayStart) -> Result<RequestId, Error> {
        self.play_part(name, start, None)
    }

    /// Asks to play so much of a recording, none for all from `start` on. The end is told by [`Event::Stopped`].
    ///
    /// # Errors
    /// As [`play`](Self::play).
    pub fn play_part(
        &mut self,
        name: &str,
        start: PlayStart,
        duration: Option<Duration>,
    ) -> Result<RequestId, Error> {
        self.0
            .dialogue
            .play(&mut self.0.connection, name, start, duration)
    }

    /// Publishes a message that may go to others too, without a copy where chunk sizes agree and it is no metadata.
    ///
    /// # Errors
    /// [`Error::State`] where nothing is being published on the stream; [`Error::Limit`] where too much waits to be sent: the
    /// message is not queued then, and the session goes on.
    pub fn send(&mut self, stream_id: u32, message: &SharedMessage) -> Result<(), Error> {
        self.0.dialogue.check_publisher(stream_id)?;
        match crate::data::to_publish(message.message()) {
            Some(message) => self.0.connection.send_media(&Message {
                stream_id,
                ..message
            }),
            None => self.0.connection.send_shared(stream_id, message),
        }
    }

    /// Publishes a message on the stream that it names, with the shortest header.
    ///
    /// # Errors
    /// As [`send`](Self::send); [`Error::TooLong`] for 16 MiB or more.
    pub fn send_message(&mut self, message: &Message) -> Result<(), Error> {
        self.0.dialogue.check_publisher(message.stream_id)?;
        match crate::data::to_publish(message) {
            Some(message) => self.0.connection.send_media(&message),
            None => self.0.connection.send_media(message),
        }
    }

    /// Asks to go on playing from another place of a recording; [`Event::Status`] with `NetStream.Seek.Notify` answers.
    ///
    /// # Errors
    /// [`Error::State`] where nothing is being played on the stream; [`Error::Limit`].
    pub fn seek(&mut self, stream_id: u32, position: Duration) -> Result<(), Error> {
        let millis = position.as_secs_f64() * 1000.0;
        self.on_player(stream_id, "seek", |command| command.with(millis))
    }

    /// Asks to pause at a place, or to go on from there; [`Event::Status`] with `NetStream.Pause.Notify` or
    /// `NetStream.Unpause.Notify` answers.
    ///
    /// # Errors
    /// As [`seek`](Self::seek).
    pub fn pause(&mut self, stream_id: u32, paused: bool, position: Duration) -> Result<(), Error> {
        let millis = position.as_secs_f64() * 1000.0;
        self.on_player(stream_id, "pause", |command| {
            command.with(paused).with(millis)
        })
    }

    /// Asks to get sound, or not.
    ///
    /// # Errors
    /// As [`seek`](Self::seek).
    pub fn receive_audio(&mut self, stream_id: u32, wanted: bool) -> Result<(), Error> {
        self.on_player(stream_id, "receiveAudio", |command| command.with(wanted))
    }

    /// Asks to get pictures, or not.
    ///
    /// # Errors
    /// As [`seek`](Self::seek).
    pub fn receive_video(&mut self, stream_id: u32, wanted: bool) -> Result<(), Error> {
        self.on_player(stream_id, "receiveVideo", |command| command.with(wanted))
    }

    /// Asks to play another stream in the place of this one (`play2`); [`Event::Status`] answers.
    ///
    /// # Errors
    /// As [`seek`](Self::seek).
    pub fn switch(&mut self, stream_id: u32, name: &str, transition: &str) -> Result<(), Error> {
        let old = self.0.dialogue.name_of(stream_id);
        let options = Object::from([
            ("streamName", Value::from(name)),
            ("oldStreamName", Value::from(&*old)),
            ("start", Value::from(-2.0)),
            ("len", Value::from(-1.0)),
            ("transition", Value::from(transition)),
        ]);
        self.on_player(stream_id, "play2", |command| command.with(options))
    }

    fn on_player<'a>(
        &mut self,
        stream_id: u32,
        name: &'static str,
        arguments: impl FnOnce(Command<'a>) -> Command<'a>,
    ) -> Result<(), Error> {
        self.0.dialogue.check_playing(stream_id)?;
        let command = arguments(Command::new(name, 0.0));
        self.0.connection.send_command(stream_id, &command)
    }

    /// Ends publishing or playing on a stream, and deletes the stream.
    ///
    /// # Errors
    /// [`Error::State`] where there is no such stream; [`Error::Limit`].
    pub fn stop(&mut self, stream_id: u32) -> Result<(), Error> {
        self.0.dialogue.stop(&mut self.0.connection, stream_id)
    }

    /// Closes the session: ends what goes on, the last events come, and what waits is still to be transmitted.
    pub fn close(&mut self) {
        self.0.dialogue.stop_all(&mut self.0.connection);
        self.0.close(CloseReason::Local);
    }
}
