use super::transmit::Transmit;
use super::{COMMAND_CSID, CONTROL_CSID, STREAM_CSID, Timeouts, WINDOW};
use crate::message::{BandwidthLimit, Command, Control, UserControl, media_csid};
use crate::{Error, Limits, Message, SharedMessage, TypeId, chunk, handshake};
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use bytes::Bytes;
use core::time::Duration;

/// Where the handshake stands.
#[derive(Debug)]
pub(super) enum Handshake {
    Server(handshake::Server),
    Client(handshake::Client),
    Done,
}

/// What lies under the dialogue on both sides: handshake, chunk streams, acknowledgements, pings, queues.
#[derive(Debug)]
pub(super) struct Connection<E> {
    pub(super) limits: Limits,
    pub(super) events: VecDeque<E>,
    pub(super) transmit: Transmit,
    handshake: Handshake,
    /// Enciphers what follows the handshake.
    cipher: Option<Box<handshake::Cipher>>,
    /// Bytes to be sent that are not enciphered.
    clear: usize,
    reader: chunk::Reader,
    writer: chunk::Writer,
    timeouts: Timeouts,
    /// Until when `connect` must have come, or been answered; none once it has.
    deadline: Option<Duration>,
    /// When the peer was last heard.
    heard: Duration,
    /// Whether it was asked since.
    pinged: bool,
    /// Bytes received.
    received: u64,
    /// Bytes received that the peer knows of.
    acknowledged: u64,
    /// Bytes after which the peer wants an acknowledgement.
    window: u32,
    /// The same towards us, as last told.
    own_window: u32,
}

impl<E> Connection<E> {
    pub(super) fn new(
        handshake: Handshake,
        limits: Limits,
        timeouts: Timeouts,
        now: Duration,
    ) -> Self {
        Self {
            reader: chunk::Reader::new(&limits),
            limits,
            events: VecDeque::new(),
            transmit: Transmit::default(),
            handshake,
            cipher: None,
            clear: 0,
            writer: chunk::Writer::new(),
            deadline: Some(now.saturating_add(timeouts.connect)),
            timeouts,
            heard: now,
            pinged: false,
            received: 0,
            acknowledged: 0,
            window: WINDOW,
            own_window: 0,
        }
    }

    /// Counts input.
    pub(super) fn hear(&mut self, bytes: usize, now: Duration) {
        self.received = self.received.wrapping_add(bytes as u64);
        self.heard = now;
        self.pinged = false;
    }

    /// The peer has said what it connects to, or that it lets us: no more hurry.
    pub(super) fn establish(&mut self) {
        self.deadline = None;
    }

    /// Whether the input so far ended inside something.
    pub(super) fn is_partial(&self) -> bool {
        !self.has_shaken_hands() || self.reader.is_partial()
    }

    /// Memory held, what waits to be sent included.
    pub(super) fn buffered_len(&self) -> usize {
        self.reader
            .buffered_len()
            .saturating_add(self.transmit.len())
    }

    /// Goes on with the handshake; true once it is over.
    pub(super) fn shake_hands(&mut self, input: &mut &[u8]) -> Result<bool, Error> {
        let done = match &mut self.handshake {
            Handshake::Server(server) => server.read(input, self.transmit.tail())?,
            Handshake::Client(client) => client.read(input, self.transmit.tail())?,
            Handshake::Done => true,
        };
        if done {
            let cipher = match &mut self.handshake {
                Handshake::Server(server) => server.take_cipher(),
                Handshake::Client(client) => client.take_cipher(),
                Handshake::Done => None,
            };
            self.cipher = cipher.map(Box::new);
            self.handshake = Handshake::Done;
            // What waits is of the handshake; what comes behind it is not.
            self.transmit.flush();
            self.clear = self.transmit.len();
        }
        Ok(done)
    }

    /// Whether all that goes to and fro is enciphered.
    pub(super) const fn is_encrypted(&self) -> bool {
        self.cipher.is_some()
    }

    /// Deciphers what came after the handshake; none where it is clear.
    pub(super) fn decrypt(&mut self, data: &[u8]) -> Option<Vec<u8>> {
        let cipher = self.cipher.as_mut()?;
        let mut data = data.to_vec();
        cipher.decrypt(&mut data);
        Some(data)
    }

    pub(super) fn poll_transmit(&mut self) -> Option<Bytes> {
        let bytes = self.transmit.poll()?;
        let Some(cipher) = &mut self.cipher else {
            return Some(bytes);
        };
        if self.clear > 0 {
            self.clear = self.clear.saturating_sub(bytes.len());
            return Some(bytes);
        }
        let mut bytes = Vec::from(bytes);
        cipher.encrypt(&mut bytes);
        Some(bytes.into())
    }

    pub(super) fn has_shaken_hands(&self) -> bool {
        matches!(self.handshake, Handshake::Done)
    }

    /// Reads the next message that is not about the connection itself.
    pub(super) fn read(&mut self, input: &mut &[u8]) -> Result<Option<Message>, Error> {
        while let Some(message) = self.reader.read(input)? {
            match message.type_id {
                TypeId::USER_CONTROL => {
                    // Events that are too short are of no more use than unknown ones.
                    match UserControl::parse(&message.payload) {
                        Ok(UserControl::PingRequest(time)) => {
                            self.send(CONTROL_CSID, &UserControl::PingResponse(time).to_message())?;
                        }
                        Ok(UserControl::SetBufferLength { .. }) => return Ok(Some(message)),
                        _ => {}
                    }
                }
                _ => match Control::parse(&message)? {
                    None => return Ok(Some(message)),
                    Some(Control::WindowAckSize(size)) => self.window = size,
                    Some(Control::SetPeerBandwidth { size, limit }) => {
                        self.limit_bandwidth(size, limit)?;
                    }
                    // The reader obeys the others, and nothing hangs on being acknowledged: many peers never do it.
                    Some(
                        Control::SetChunkSize(_) | Control::Abort(_) | Control::Acknowledgement(_),
                    ) => {}
                },
            }
        }
        Ok(None)
    }

    /// Answers Set Peer Bandwidth with the window where it changes (RTMP 1.0 §5.4.5).
    fn limit_bandwidth(&mut self, size: u32, limit: BandwidthLimit) -> Result<(), Error> {
        let window = match limit {
            BandwidthLimit::Soft if self.own_window > 0 => size.min(self.own_window),
            _ => size,
        };
        if window != self.own_window {
            self.own_window = window;
            self.send(CONTROL_CSID, &Control::WindowAckSize(window).to_message())?;
        }
        Ok(())
    }

    /// Acknowledges what came where half a window has passed: a peer that stops at a full one never has to.
    pub(super) fn acknowledge(&mut self) -> Result<(), Error> {
        let unknown = self.received.wrapping_sub(self.acknowledged);
        if !self.has_shaken_hands() || unknown < u64::from(self.window / 2).max(1) {
            return Ok(());
        }
        self.acknowledged = self.received;
        let sequence_number =
            u32::try_from(self.received & u64::from(u32::MAX)).unwrap_or_default();
        self.send(
            CONTROL_CSID,
            &Control::Acknowledgement(sequence_number).to_message(),
        )
    }

    pub(super) fn set_window(&mut self, size: u32) -> Result<(), Error> {
        self.own_window = size;
        self.send(CONTROL_CSID, &Control::WindowAckSize(size).to_message())
    }

    pub(super) fn set_chunk_size(&mut self, size: u32) -> Result<(), Error> {
        self.writer.set_chunk_size(size, self.transmit.tail())
    }

    /// Fails where `more` bytes cannot wait with those that do.
    fn check_transmit(&self, more: usize) -> Result<(), Error> {
        let max = self.limits.transmit_bytes;
        if self.transmit.len().saturating_add(more) > max {
            return Err(Error::Limit {
                limit: "bytes waiting to be sent",
                max: max as u64,
            });
        }
        Ok(())
    }

    pub(super) fn send(&mut self, csid: u32, message: &Message) -> Result<(), Error> {
        self.check_transmit(message.payload.len())?;
        self.writer.write(csid, message, self.transmit.tail())
    }

    pub(super) fn send_user_control(&mut self, event: &UserControl) -> Result<(), Error> {
        self.send(CONTROL_CSID, &event.to_message())
    }

    /// Sends a command about the connection (stream 0) or a stream.
    pub(super) fn send_command(
        &mut self,
        stream_id: u32,
        command: &Command<'_>,
    ) -> Result<(), Error> {
        let csid = if stream_id == 0 {
            COMMAND_CSID
        } else {
            STREAM_CSID
        };
        self.send(csid, &command.to_message(stream_id)?)
    }

    pub(super) fn send_media(&mut self, message: &Message) -> Result<(), Error> {
        self.send(media_csid(message.type_id), message)
    }

    pub(super) fn send_shared(
        &mut self,
        stream_id: u32,
        message: &SharedMessage,
    ) -> Result<(), Error> {
        self.check_transmit(message.encoded_len())?;
        for piece in message.pieces(stream_id, self.writer.chunk_size())? {
            self.transmit.push(piece);
        }
        self.writer.forget(media_csid(message.message().type_id));
        Ok(())
    }

    pub(super) fn poll_timeout(&self) -> Duration {
        let silence = if self.pinged {
            self.timeouts.idle
        } else {
            self.timeouts.ping.min(self.timeouts.idle)
        };
        self.deadline
            .unwrap_or_else(|| self.heard.saturating_add(silence))
    }

    /// Does what is due.
    pub(super) fn handle_timeout(&mut self, now: Duration) -> Result<(), Error> {
        if let Some(deadline) = self.deadline {
            return if now >= deadline {
                Err(Error::Timeout("handshake and connect"))
            } else {
                Ok(())
            };
        }
        let silence = now.saturating_sub(self.heard);
        if silence >= self.timeouts.idle {
            return Err(Error::Timeout("an answer to a ping"));
        }
        if silence >= self.timeouts.ping && !self.pinged {
            self.pinged = true;
            let millis = u32::try_from(now.as_millis() & 0xFFFF_FFFF).unwrap_or_default();
            self.send_user_control(&UserControl::PingRequest(millis))?;
        }
        Ok(())
    }
}
