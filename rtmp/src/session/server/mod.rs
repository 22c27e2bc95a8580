//! The server's side of a connection.
//!
//! ```text
//! encoder                        Session                      server
//!   connect ───────────────────►    ConnectRequested ───────►  accept
//!   ◄─────────── _result Success
//!   createStream, publish ─────►    PublishRequested ───────►  accept / reject
//!   ◄──────────── Publish.Start
//!   audio, video, @setDataFrame ►   Media ──────────────────►
//!   deleteStream ──────────────►    PublishStopped ─────────►
//! ```
//!
//! While a request is undecided nothing behind it is read, so that events come in the order of the input. The run loop:
//!
//! ```no_run
//! # use std::{io::{Read, Write}, net::TcpStream, time::Instant};
//! # fn serve(mut socket: TcpStream, rng: &mut dyn rand_core::RngCore) -> Result<(), Box<dyn std::error::Error>> {
//! use fluvial_rtmp::server::{Config, Event, Session};
//!
//! let start = Instant::now();
//! let mut session = Session::new(Config::default(), rng, start.elapsed());
//! let mut buf = [0; 16 * 1024];
//! loop {
//!     let n = socket.read(&mut buf)?; // with a time-out at `session.poll_timeout()`
//!     if n == 0 {
//!         session.handle_eof();
//!     } else {
//!         session.handle_input(&buf[..n], start.elapsed());
//!     }
//!     let events = (|| {
//!         while let Some(event) = session.poll_event()? {
//!             match event {
//!                 Event::ConnectRequested(request) => session.accept(request.id)?,
//!                 Event::PublishRequested(request) => session.accept(request.id)?,
//!                 Event::Media(message) => println!("{} bytes at {} ms", message.payload.len(), message.timestamp),
//!                 Event::Closed(_) => return Ok(false),
//!                 _ => {}
//!             }
//!         }
//!         Ok::<bool, fluvial_rtmp::Error>(true)
//!     })();
//!     while let Some(bytes) = session.poll_transmit() {
//!         socket.write_all(&bytes)?;
//!     }
//!     if !events? {
//!         return Ok(());
//!     }
//! }
//! # }
//! ```

mod commands;
mod dialogue;
mod event;

use super::connection::{Connection, Handshake};
use super::endpoint::Endpoint;
pub use super::{Capabilities, CloseReason, RequestId, Timeouts};
use crate::message::UserControl;
use crate::{Error, Limits, Message, SharedMessage, handshake};
use bytes::Bytes;
use core::time::Duration;
use dialogue::Dialogue;
pub use event::{ConnectRequest, Event, PlayRequest, PlayStart, PublishRequest, PublishType};
use rand_core::RngCore;

/// What a server tells and allows.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// Payload bytes per chunk that we send. Default [`SharedMessage::CHUNK_SIZE`].
    pub chunk_size: u32,
    /// Whether clients may ask for RTMPE, which is obfuscation and not security. Default no.
    #[cfg(feature = "rtmpe")]
    pub rtmpe: Rtmpe,
    /// What the answer to `connect` tells of Enhanced RTMP. Default [`Capabilities::relay`].
    pub capabilities: Capabilities,
    /// Whether there are recordings, with a length and places to seek. Default no: the length is told as 0 then, and seeking refused.
    pub has_recordings: bool,
    /// How long to wait.
    pub timeouts: Timeouts,
    /// What a peer can make us hold.
    pub limits: Limits,
}

/// Whether clients may ask for RTMPE, and what they get.
#[cfg(feature = "rtmpe")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Rtmpe {
    /// They get plain RTMP.
    #[default]
    Off,
    /// They get what they ask for.
    AsAsked,
    /// They get this.
    Always(handshake::Encryption),
}

impl Default for Config {
    fn default() -> Self {
        Self {
            chunk_size: SharedMessage::CHUNK_SIZE,
            #[cfg(feature = "rtmpe")]
            rtmpe: Rtmpe::Off,
            capabilities: Capabilities::relay(),
            has_recordings: false,
            timeouts: Timeouts::default(),
            limits: Limits::default(),
        }
    }
}

/// One connection, server's side.
#[derive(Debug)]
pub struct Session(Endpoint<Dialogue>);

impl Session {
    /// A session that waits for a client's handshake. `now` and all later times count from an origin of the caller's choice.
    pub fn new(config: Config, rng: &mut dyn RngCore, now: Duration) -> Self {
        let Config {
            chunk_size,
            capabilities,
            has_recordings,
            timeouts,
            limits,
            #[cfg(feature = "rtmpe")]
            rtmpe,
        } = config;
        #[cfg(feature = "rtmpe")]
        let handshake = match rtmpe {
            Rtmpe::Off => handshake::Server::new(rng),
            Rtmpe::AsAsked => handshake::Server::with_rtmpe(None, rng),
            Rtmpe::Always(answer) => handshake::Server::with_rtmpe(Some(answer), rng),
        };
        #[cfg(not(feature = "rtmpe"))]
        let handshake = handshake::Server::new(rng);
        let handshake = Handshake::Server(handshake);
        let dialogue = Dialogue::new(chunk_size, capabilities, has_recordings);
        Self(Endpoint::new(
            Connection::new(handshake, limits, timeouts, now),
            dialogue,
        ))
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

    /// The next event; to be called until there is none, after each input and each decision.
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

    /// Grants a request.
    ///
    /// # Errors
    /// [`Error::State`] where it has gone meanwhile; [`Error::Limit`] where too much waits to be sent.
    pub fn accept(&mut self, request: RequestId) -> Result<(), Error> {
        self.0.dialogue.accept(&mut self.0.connection, request)
    }

    /// Refuses a request with a code of [`message::status`](crate::message::status) and a reason for the user.
    ///
    /// After a refused connect the session is closed.
    ///
    /// # Errors
    /// [`Error::State`] where it has gone meanwhile; [`Error::Limit`] where too much waits to be sent.
    pub fn reject(
        &mut self,
        request: RequestId,
        code: &str,
        description: &str,
    ) -> Result<(), Error> {
        let closes = self
            .0
            .dialogue
            .reject(&mut self.0.connection, request, code, description)?;
        if closes {
            self.0.close(CloseReason::Rejected);
        }
        Ok(())
    }

    /// Sends a message of a stream to a player on `stream_id`, without a copy where chunk sizes agree.
    ///
    /// # Errors
    /// [`Error::State`] where nothing is being played there; [`Error::Limit`] where too much waits to be sent: the message
    /// is not queued then, and the session goes on.
    pub fn send(&mut self, stream_id: u32, message: &SharedMessage) -> Result<(), Error> {
        if !self.0.dialogue.wants(stream_id, message.message())? {
            return Ok(());
        }
        self.0.connection.send_shared(stream_id, message)
    }

    /// Sends a message that goes to one player only, on the stream that it names.
    ///
    /// # Errors
    /// As [`send`](Self::send); [`Error::TooLong`] for 16 MiB or more.
    pub fn send_message(&mut self, message: &Message) -> Result<(), Error> {
        if !self.0.dialogue.wants(message.stream_id, message)? {
            return Ok(());
        }
        self.0.connection.send_media(message)
    }

    /// Grants playing of a recording, which the player is told it is.
    ///
    /// # Errors
    /// As [`accept`](Self::accept).
    pub fn accept_recording(&mut self, request: &PlayRequest) -> Result<(), Error> {
        self.0
            .connection
            .send_user_control(&UserControl::StreamIsRecorded(request.stream_id))?;
        self.accept(request.id)
    }

    /// Grants to go on from another place: what is sent next is from there, at best from the key frame before it.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub fn accept_seek(&mut self, stream_id: u32) -> Result<(), Error> {
        self.0
            .dialogue
            .accept_seek(&mut self.0.connection, stream_id)
    }

    /// Refuses to go on from another place, with a reason for the user.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub fn reject_seek(&mut self, stream_id: u32, description: &str) -> Result<(), Error> {
        self.0
            .dialogue
            .reject_seek(&mut self.0.connection, stream_id, description)
    }

    /// Tells a player that it has had all of a recording, of which so much was played. It may seek and go on after that;
    /// [`stop`](Self::stop) ends it for good.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub fn complete(&mut self, stream_id: u32, played: Duration) -> Result<(), Error> {
        self.0
            .dialogue
            .complete(&mut self.0.connection, stream_id, played)
    }

    /// Answers [`Event::LengthRequested`]; with none where there is no such recording.
    ///
    /// # Errors
    /// [`Error::State`] where it has been answered; [`Error::Limit`] where too much waits to be sent.
    pub fn answer_length(
        &mut self,
        request: RequestId,
        length: Option<Duration>,
    ) -> Result<(), Error> {
        self.0
            .dialogue
            .answer_length(&mut self.0.connection, request, length)
    }

    /// Asks the client to connect anew at its next key frame, elsewhere where there is a URL: this server is going to end.
    ///
    /// # Errors
    /// [`Error::Unsupported`] where the client has not said that it knows this; [`Error::State`] before it is connected;
    /// [`Error::Limit`] where too much waits to be sent.
    pub fn request_reconnect(
        &mut self,
        tc_url: Option<&str>,
        description: &str,
    ) -> Result<(), Error> {
        self.0
            .dialogue
            .request_reconnect(&mut self.0.connection, tc_url, description)
    }

    /// Tells a player that the publisher of its stream has come (`NetStream.Play.PublishNotify`).
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub fn notify_published(&mut self, stream_id: u32) -> Result<(), Error> {
        self.0
            .dialogue
            .notify_published(&mut self.0.connection, stream_id)
    }

    /// Tells a player that the publisher of its stream has gone (`NetStream.Play.UnpublishNotify`); it may come again.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub fn notify_unpublished(&mut self, stream_id: u32) -> Result<(), Error> {
        self.0
            .dialogue
            .notify_unpublished(&mut self.0.connection, stream_id)
    }

    /// Ends publishing or playing on a stream from our side, with a code of
    /// [`message::status`](crate::message::status). No event tells of it.
    ///
    /// # Errors
    /// [`Error::State`] where nothing is being published or played there; [`Error::Limit`] where too much waits to be sent.
    pub fn stop(&mut self, stream_id: u32, code: &str, description: &str) -> Result<(), Error> {
        self.0
            .dialogue
            .stop(&mut self.0.connection, stream_id, code, description)
    }

    /// Closes the session: the last events come, what waits is still to be transmitted.
    pub fn close(&mut self) {
        self.0.close(CloseReason::Local);
    }
}
