//! What a thread can be told to do.

use crate::message::{Notice, Person, Request};
use crate::room::{Counters, Entrance, Guest, Packet, PeerId, Refusal, Taken, TapId};
use std::net::SocketAddr;
use std::sync::Arc;
use str0m::media::Mid;
use str0m::net::DatagramSend;
use tokio::sync::{mpsc, oneshot};

/// What a thread is told to do.
#[derive(Debug)]
pub(crate) enum Command {
    /// Lets somebody into a room, who gets `notices`.
    Join {
        room: Arc<str>,
        id: PeerId,
        name: String,
        notices: mpsc::Sender<Arc<Notice>>,
        reply: oneshot::Sender<Result<(), Refusal>>,
    },
    /// Somebody asks for something.
    Request { id: PeerId, request: Request },
    /// Somebody has gone.
    Leave { id: PeerId },
    /// Lets somebody in who has but a session description.
    Offer {
        room: Arc<str>,
        id: PeerId,
        name: String,
        sdp: String,
        reply: oneshot::Sender<Result<String, Refusal>>,
    },
    /// What somebody sends is wanted elsewhere, too, as long as `packets` is open; `who` is their number or their name.
    Forward {
        room: Arc<str>,
        who: String,
        screen: bool,
        packets: mpsc::Sender<Taken>,
        reply: oneshot::Sender<Option<TapId>>,
    },
    /// Whoever takes what somebody sends cannot go on without a keyframe.
    Keyframe { tap: TapId },
    /// Somebody is in a room without a connection, or sends something else than before. Who is at another node comes only into the
    /// opening of a room that has this number. `reply` is told whether they can come in, where somebody wants to know.
    Host {
        room: Arc<str>,
        id: PeerId,
        guest: Guest,
        entrance: Entrance,
        number: Option<u64>,
        reply: Option<oneshot::Sender<Result<(), Refusal>>>,
    },
    /// Packets of theirs.
    Packets {
        id: PeerId,
        track: Box<str>,
        layer: usize,
        packets: Vec<Packet>,
    },
    /// Another node lacks a keyframe of somebody here.
    AskKeyframe {
        id: PeerId,
        track: Mid,
        layer: usize,
    },
    /// Somebody at another node has written to a data channel.
    Say {
        room: Arc<str>,
        label: String,
        binary: bool,
        data: Vec<u8>,
    },
    /// Whether what is sent in a room goes to other nodes.
    Relay { room: Arc<str>, relays: bool },
    /// A datagram that came at another thread.
    Datagram {
        from: SocketAddr,
        to: Option<SocketAddr>,
        data: Vec<u8>,
    },
    /// Somebody connects by TCP, asking for somebody who is here; `back` goes to them as long as they are.
    Opened {
        from: SocketAddr,
        to: SocketAddr,
        back: mpsc::Sender<DatagramSend>,
        data: Vec<u8>,
    },
    /// More of them.
    Frame { from: SocketAddr, data: Vec<u8> },
    /// That connection has ended.
    Closed { from: SocketAddr },
    /// Tells what goes on.
    Status {
        reply: oneshot::Sender<Vec<RoomStatus>>,
    },
    /// Tells everybody that the server ends soon.
    Drain,
    /// Sends last words, and ends.
    End,
}

impl Command {
    /// Whether it takes much longer than a packet: who comes in, and what they offer.
    pub(super) const fn takes_long(&self) -> bool {
        matches!(
            self,
            Self::Join { .. }
                | Self::Offer { .. }
                | Self::Host { .. }
                | Self::Request {
                    request: Request::Offer { .. },
                    ..
                }
        )
    }
}

/// What goes on in a room.
#[derive(Debug)]
pub(crate) struct RoomStatus {
    pub(crate) name: Arc<str>,
    pub(crate) people: Vec<Person>,
    pub(crate) counters: Counters,
}
