//! What the sessions of both sides are on the inside: bytes that come, events of them, bytes that go, and an end.

use crate::message::Frame;
use crate::transmit::Transmit;
use crate::{Error, Limits, Reader};
use alloc::collections::VecDeque;
use bytes::Bytes;

/// One end of a connection, with events of type `E`.
#[derive(Debug)]
pub(crate) struct Link<E> {
    limits: Limits,
    pub(crate) reader: Reader,
    pub(crate) events: VecDeque<E>,
    pub(crate) transmit: Transmit,
    pub(crate) eof: bool,
    end: Option<Result<(), Error>>,
}

impl<E> Link<E> {
    pub(crate) fn new(reader: Reader, limits: Limits) -> Self {
        Self {
            limits,
            reader,
            events: VecDeque::new(),
            transmit: Transmit::default(),
            eof: false,
            end: None,
        }
    }

    /// Whether it goes on.
    pub(crate) const fn is_open(&self) -> bool {
        self.end.is_none()
    }

    /// Whether more is to be read.
    pub(crate) fn wants_more(&self) -> bool {
        self.is_open() && self.events.len() < self.limits.events
    }

    /// Keeps what cannot be read yet.
    pub(crate) fn put_aside(&mut self, rest: &[u8]) {
        if rest.is_empty() || !self.is_open() {
            return;
        }
        let max = self.limits.stashed_bytes;
        if self.reader.buffered_len().saturating_add(rest.len()) > max {
            return self.fail(Error::Limit {
                limit: "input put aside",
                max: max as u64,
            });
        }
        self.reader.push(rest);
    }

    /// The next event, or the error that ended it.
    pub(crate) fn poll_event(&mut self) -> Result<Option<E>, Error> {
        match (self.events.pop_front(), &self.end) {
            (Some(event), _) => Ok(Some(event)),
            (None, Some(Err(error))) => Err(error.clone()),
            (None, _) => Ok(None),
        }
    }

    /// Ends it with these last events; whether it had not ended before.
    pub(crate) fn close(&mut self, last: impl IntoIterator<Item = E>) {
        if self.is_open() {
            self.events.extend(last);
            self.end = Some(Ok(()));
        }
    }

    /// Ends it with an error.
    pub(crate) fn fail(&mut self, error: Error) {
        if self.is_open() {
            self.end = Some(Err(error));
        }
    }

    /// Whether the transport has ended and all that came has been told.
    pub(crate) fn is_drained(&self) -> bool {
        self.eof && self.is_open() && self.events.is_empty()
    }

    pub(crate) fn room_for(&self, len: usize) -> Result<(), Error> {
        let max = self.limits.transmit_bytes;
        if self.transmit.len().saturating_add(len) > max {
            return Err(Error::Limit {
                limit: "bytes to be sent",
                max: max as u64,
            });
        }
        Ok(())
    }

    /// Sends a packet on one of a medium's two channels.
    pub(crate) fn send(
        &mut self,
        channels: Option<(u8, u8)>,
        rtcp: bool,
        packet: &[u8],
    ) -> Result<(), Error> {
        let channels = channels.ok_or(Error::State("the medium is not interleaved"))?;
        let channel = if rtcp { channels.1 } else { channels.0 };
        self.room_for(packet.len())?;
        Frame::encode(channel, packet, self.transmit.tail())
    }

    /// Sends bytes as they are.
    pub(crate) fn send_raw(&mut self, bytes: Bytes) -> Result<(), Error> {
        self.room_for(bytes.len())?;
        self.transmit.push(bytes);
        Ok(())
    }

    /// Bytes held, with those that each event has.
    pub(crate) fn buffered_len(&self, len: impl Fn(&E) -> usize) -> usize {
        let events = self.events.iter().map(len).sum::<usize>();
        events
            .saturating_add(self.reader.buffered_len())
            .saturating_add(self.transmit.len())
    }
}
