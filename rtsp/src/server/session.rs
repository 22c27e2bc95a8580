use super::active::Active;
use super::event::{CloseReason, Event, RequestId};
use super::requests::Pending;
use super::{Config, Users};
use crate::auth;
use crate::headers::{RtpInfoEntry, Transport};
use crate::link::Link;
use crate::message::Frame;

use crate::{Description, Error, Item, Message, Reader, Status};
use alloc::string::String;
use bytes::Bytes;
use core::time::Duration;
use rand_core::RngCore;

/// Wrong passwords on one connection before it is given up.
pub(super) const WRONG_PASSWORDS: u32 = 16;

/// One connection, server's side, with the session on it: at most one at a time, which nobody else can name.
#[derive(Debug)]
pub struct Session {
    pub(super) config: Config,
    pub(super) link: Link<Event>,
    pub(super) auth: Option<auth::Server>,
    pub(super) wrong_passwords: u32,
    pub(super) key: [u8; 32],
    pub(super) active: Option<Active>,
    /// Base and content of the last description that the client got or told.
    pub(super) described: Option<(String, Description)>,
    pub(super) pending: Option<Pending>,
    next_id: u64,
    pub(super) sessions: u64,
    pub(super) cseq: u32,
    /// Whether a request has come.
    pub(super) greeted: bool,
    pub(super) user_agent: String,
    pub(super) heard: Duration,
}

impl Session {
    /// A session that waits for a client's requests. `now` and all later times count from an origin of the caller's choice.
    pub fn new(config: Config, rng: &mut dyn RngCore, now: Duration) -> Self {
        let mut key = [0; 32];
        rng.fill_bytes(&mut key);
        let mut auth_key = [0; 32];
        rng.fill_bytes(&mut auth_key);
        let auth = config
            .users
            .as_ref()
            .map(|users: &alloc::sync::Arc<Users>| auth::Server::new(users.auth.clone(), auth_key));
        Self {
            link: Link::new(Reader::new(config.limits.clone()), config.limits.clone()),
            config,
            auth,
            wrong_passwords: 0,
            key,
            active: None,
            described: None,
            pending: None,
            next_id: 0,
            sessions: 0,
            cseq: 0,
            greeted: false,
            user_agent: String::new(),
            heard: now,
        }
    }

    /// Takes bytes from the transport; never fails, [`poll_event`](Self::poll_event) does.
    pub fn handle_input(&mut self, data: &[u8], now: Duration) {
        if !self.link.is_open() || self.link.eof {
            return;
        }
        self.heard = now;
        let mut rest = data;
        self.read(&mut rest);
        self.link.put_aside(rest);
    }

    /// To be called when [`poll_timeout`](Self::poll_timeout) has passed.
    pub fn handle_timeout(&mut self, now: Duration) {
        if self.link.is_open() && self.poll_timeout().is_some_and(|timeout| timeout <= now) {
            if !self.greeted {
                return self.fail(Error::Timeout("the first request"));
            }
            self.close_with(CloseReason::Timeout);
        }
    }

    /// The transport has ended. What came before is still told; the last event is [`Event::Closed`].
    pub fn handle_eof(&mut self) {
        self.link.eof = true;
        self.finish();
    }

    /// The next event; to be called until there is none, after each input and each decision.
    ///
    /// # Errors
    /// What was wrong with the input or not in time, after the events before it; it repeats. What is still to be transmitted
    /// should be, then the transport closed.
    pub fn poll_event(&mut self) -> Result<Option<Event>, Error> {
        if self.link.events.is_empty() && self.link.is_open() {
            self.read(&mut &[][..]);
            self.finish();
        }
        self.link.poll_event()
    }

    /// The next bytes for the transport.
    pub fn poll_transmit(&mut self) -> Option<Bytes> {
        self.link.transmit.poll()
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called, if nothing happens before.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Duration> {
        if !self.link.is_open() {
            return None;
        }
        if !self.greeted {
            return Some(self.heard.saturating_add(self.config.connect));
        }
        match &self.active {
            // Who takes what is sent on the connection itself lives.
            Some(active) if !active.record && active.is_running() && active.is_interleaved() => {
                None
            }
            _ => Some(self.heard.saturating_add(self.config.timeout)),
        }
    }

    /// The client has given another sign of life: an RTP or RTCP packet by datagram.
    pub fn keep_alive(&mut self, now: Duration) {
        self.heard = self.heard.max(now);
    }

    /// Bytes held: input that has not been used, packets not polled, and what waits to be sent.
    #[must_use]
    pub fn buffered_len(&self) -> usize {
        self.link.buffered_len(|event| match event {
            Event::Packet { data, .. } => data.len(),
            Event::AnnounceRequested(announce) => announce.sdp.len(),
            Event::ParametersSet(parameters) | Event::ParametersRequested(parameters) => {
                parameters.body.len()
            }
            _ => 0,
        })
    }

    /// Bytes that wait to be polled by [`poll_transmit`](Self::poll_transmit).
    #[must_use]
    pub fn transmit_len(&self) -> usize {
        self.link.transmit.len()
    }

    /// What the client calls itself (`User-Agent`, RFC 2326 §12.42); empty before it says so.
    #[must_use]
    pub fn user_agent(&self) -> &str {
        &self.user_agent
    }

    /// The transport of a medium that was set up.
    #[must_use]
    pub fn transport(&self, media: usize) -> Option<&Transport> {
        self.active
            .as_ref()?
            .track(media)
            .map(|track| &track.transport)
    }

    /// The session's identifier, once there is one.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.active.as_ref().map(|active| active.id.as_str())
    }

    /// Sends a packet on a medium that was set up interleaved.
    ///
    /// # Errors
    /// [`Error::State`] where it was not; [`Error::Limit`] where too much waits to be sent: the packet is not queued then, and
    /// the session goes on; [`Error::TooLong`] for 64 KiB or more.
    pub fn send(&mut self, media: usize, rtcp: bool, packet: &[u8]) -> Result<(), Error> {
        let transport = self.transport(media);
        let channels = transport.and_then(|transport| transport.interleaved);
        self.link.send(channels, rtcp, packet)
    }

    /// Sends frames that are encoded already, as they are: what goes to many clients whose channels agree is encoded once.
    ///
    /// # Errors
    /// [`Error::Limit`] as [`send`](Self::send).
    pub fn send_frames(&mut self, frames: Bytes) -> Result<(), Error> {
        self.link.send_raw(frames)
    }

    /// Closes the session: the last events come, what waits is still to be transmitted.
    pub fn close(&mut self) {
        self.close_with(CloseReason::Local);
    }

    fn close_with(&mut self, reason: CloseReason) {
        let torn = self.active.take().map(|_| Event::TornDown { media: None });
        self.link
            .close(torn.into_iter().chain([Event::Closed(reason)]));
    }

    pub(super) fn fail(&mut self, error: Error) {
        self.link.fail(error);
    }

    fn finish(&mut self) {
        if self.link.is_drained() && self.pending.is_none() {
            self.close_with(if self.link.reader.is_within() {
                CloseReason::Truncated
            } else {
                CloseReason::Ended
            });
        }
    }

    fn read(&mut self, input: &mut &[u8]) {
        while self.pending.is_none() && self.link.wants_more() {
            match self.link.reader.read(input) {
                Ok(Some(Item::Frame(frame))) => self.handle_frame(frame),
                Ok(Some(Item::Message(Message::Request(request)))) => self.handle_request(&request),
                // Answers to what was sent need no answer.
                Ok(Some(Item::Message(Message::Response(_)) | Item::Garbage(_))) => {}
                Ok(None) => return,
                Err(error) => {
                    let pending = Pending::unread();
                    // The error that follows says more.
                    let _ = self.respond(&pending, Status::BAD_REQUEST, |_| {});
                    self.fail(error);
                }
            }
        }
    }

    fn handle_frame(&mut self, frame: Frame) {
        let Some(active) = &self.active else {
            return;
        };
        if let Some((track, rtcp)) = active.channel(frame.channel) {
            let media = track.media;
            self.link.events.push_back(Event::Packet {
                media,
                rtcp,
                data: frame.data,
            });
        }
    }

    pub(super) fn next_request(&mut self) -> RequestId {
        self.next_id = self.next_id.wrapping_add(1);
        RequestId(self.next_id)
    }

    /// An entry of `RTP-Info` whose address is filled in by [`accept_play`](Self::accept_play).
    #[must_use]
    pub fn rtp_info(seq: u16, rtptime: u32, ssrc: u32) -> RtpInfoEntry {
        RtpInfoEntry {
            seq: Some(seq),
            rtptime: Some(rtptime),
            ssrc: Some(ssrc),
            ..RtpInfoEntry::default()
        }
    }
}
