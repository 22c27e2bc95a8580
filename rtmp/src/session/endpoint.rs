use super::CloseReason;
use super::connection::Connection;
use crate::message::Aggregate;
use crate::stash::Stash;
use crate::{Error, Message, TypeId};
use bytes::Bytes;
use core::time::Duration;

/// One side's part of the dialogue, on top of a connection.
pub(super) trait Dialogue {
    type Event;

    /// The handshake is over.
    fn start(&mut self, connection: &mut Connection<Self::Event>) -> Result<(), Error>;

    /// A message came; aggregates come in parts.
    fn handle(
        &mut self,
        connection: &mut Connection<Self::Event>,
        message: Message,
    ) -> Result<(), Error>;

    /// Whether nothing must be read until the caller has decided something.
    fn is_undecided(&self) -> bool;

    /// The connection is over: tells of every stream that it ends.
    fn end(&mut self, connection: &mut Connection<Self::Event>);

    /// Bytes of payload in an event.
    fn event_len(event: &Self::Event) -> usize;

    /// The last event of a session that ends without an error.
    fn closed(reason: CloseReason) -> Self::Event;
}

/// What both sessions do in the same way: hold back, go on, end.
#[derive(Debug)]
pub(super) struct Endpoint<D: Dialogue> {
    pub(super) connection: Connection<D::Event>,
    pub(super) dialogue: D,
    stash: Stash,
    /// An aggregate whose parts have not all been handled.
    aggregate: Option<Aggregate>,
    /// Whether the transport has ended behind the stash.
    eof: bool,
    end: Option<Result<(), Error>>,
}

impl<D: Dialogue> Endpoint<D> {
    pub(super) fn new(connection: Connection<D::Event>, dialogue: D) -> Self {
        Self {
            connection,
            dialogue,
            stash: Stash::default(),
            aggregate: None,
            eof: false,
            end: None,
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.end.is_some()
    }

    pub(super) fn handle_input(&mut self, data: &[u8], now: Duration) {
        if self.is_over() || self.eof {
            return;
        }
        self.connection.hear(data.len(), now);
        let mut rest = data;
        if !self.connection.has_shaken_hands() {
            // Nothing has come that could be stashed.
            match self.shake_hands(&mut rest) {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => return self.fail(error),
            }
        }
        let decrypted = self.connection.decrypt(rest);
        let mut rest = decrypted.as_deref().unwrap_or(rest);
        if self.stash.is_empty() {
            self.read(&mut rest);
        }
        if !rest.is_empty() && !self.is_over() {
            let max = self.connection.limits.stashed_bytes;
            if self.stash.len().saturating_add(rest.len()) > max {
                return self.fail(Error::Limit {
                    limit: "input put aside",
                    max: max as u64,
                });
            }
            self.stash.push(rest);
        }
        if let Err(error) = self.connection.acknowledge() {
            self.fail(error);
        }
    }

    pub(super) fn handle_timeout(&mut self, now: Duration) {
        if self.is_over() {
            return;
        }
        if let Err(error) = self.connection.handle_timeout(now) {
            self.fail(error);
        }
    }

    pub(super) fn handle_eof(&mut self) {
        self.eof = true;
        self.finish();
    }

    pub(super) fn poll_event(&mut self) -> Result<Option<D::Event>, Error> {
        if self.connection.events.is_empty() && !self.is_over() {
            if !self.stash.is_empty() || self.aggregate.is_some() {
                let mut stash = core::mem::take(&mut self.stash);
                stash.with(|rest| self.read(rest));
                if !self.is_over() {
                    self.stash = stash;
                }
            }
            self.finish();
        }
        match (self.connection.events.pop_front(), &self.end) {
            (Some(event), _) => Ok(Some(event)),
            (None, Some(Err(error))) => Err(error.clone()),
            (None, _) => Ok(None),
        }
    }

    pub(super) fn poll_transmit(&mut self) -> Option<Bytes> {
        self.connection.poll_transmit()
    }

    pub(super) fn poll_timeout(&self) -> Option<Duration> {
        (!self.is_over()).then(|| self.connection.poll_timeout())
    }

    pub(super) fn buffered_len(&self) -> usize {
        let events = self.connection.events.iter().map(D::event_len);
        let held = self.connection.buffered_len();
        events.fold(held.saturating_add(self.stash.len()), usize::saturating_add)
    }

    /// Ends the session without an error.
    pub(super) fn close(&mut self, reason: CloseReason) {
        if !self.is_over() {
            self.dialogue.end(&mut self.connection);
            self.connection.events.push_back(D::closed(reason));
            self.end = Some(Ok(()));
            self.stash = Stash::default();
        }
    }

    /// Ends the session with an error.
    fn fail(&mut self, error: Error) {
        if !self.is_over() {
            self.dialogue.end(&mut self.connection);
            self.end = Some(Err(error));
            self.stash = Stash::default();
        }
    }

    /// Ends the session after the transport, once all that came before has been read: a request is still to be decided.
    fn finish(&mut self) {
        let waiting = !self.stash.is_empty() || self.aggregate.is_some();
        if self.eof && !waiting && !self.dialogue.is_undecided() {
            self.close(if self.connection.is_partial() {
                CloseReason::Truncated
            } else {
                CloseReason::Ended
            });
        }
    }

    /// Goes on with the handshake; true once it is over.
    fn shake_hands(&mut self, input: &mut &[u8]) -> Result<bool, Error> {
        let done = self.connection.shake_hands(input)?;
        if done {
            self.dialogue.start(&mut self.connection)?;
        }
        Ok(done)
    }

    /// Reads messages as long as somebody takes the events.
    fn read(&mut self, input: &mut &[u8]) {
        if let Err(error) = self.try_read(input) {
            self.fail(error);
        }
    }

    fn try_read(&mut self, input: &mut &[u8]) -> Result<(), Error> {
        while !self.is_over()
            && !self.dialogue.is_undecided()
            && self.connection.events.len() < self.connection.limits.events
        {
            if let Some(aggregate) = &mut self.aggregate {
                match aggregate.next() {
                    Some(part) => self.dialogue.handle(&mut self.connection, part)?,
                    None => self.aggregate = None,
                }
                continue;
            }
            match self.connection.read(input)? {
                Some(message) if message.type_id == TypeId::AGGREGATE => {
                    self.aggregate = Some(Aggregate::new(&message));
                }
                Some(message) => self.dialogue.handle(&mut self.connection, message)?,
                None => break,
            }
        }
        Ok(())
    }
}
