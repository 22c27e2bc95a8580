//! What a thread can be told to do, and how it does it.

use super::Worker;
use crate::message::{Notice, Person, Request};
use crate::room::{Counters, Entrance, Guest, Packet, PeerId, Refusal, Taken, TapId};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;
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

impl Worker {
    /// Does it.
    pub(super) fn handle_command(&mut self, command: Command, now: Instant) {
        match command {
            Command::Join {
                room,
                id,
                name,
                notices,
                reply,
            } => {
                let joined = self.enter(room, id, &name, Entrance::Socket, Some(notices), now);
                // Who asked may have gone meanwhile.
                let _ = reply.send(joined);
            }
            Command::Offer {
                room,
                id,
                name,
                sdp,
                reply,
            } => {
                let answer = self
                    .enter(room, id, &name, Entrance::Http, None, now)
                    .and_then(|()| self.offer(id, &sdp, now));
                if answer.is_err() {
                    self.leave(id, now);
                }
                let _ = reply.send(answer);
            }
            Command::Request { id, request } => {
                if let Some(seat) = self.seats.get(&id)
                    && let Some(hall) = self.halls.get_mut(&seat.room)
                {
                    hall.room.handle_request(id, request, now);
                    self.touched.insert(Arc::clone(&seat.room));
                    self.register(id);
                }
            }
            Command::Leave { id } => self.leave(id, now),
            Command::Forward {
                room,
                who,
                screen,
                packets,
                reply,
            } => {
                let hall = self.halls.get_mut(&room);
                let tap = hall.and_then(|hall| hall.forward(&who, screen, packets, now));
                if tap.is_some() {
                    self.touched.insert(room);
                }
                let _ = reply.send(tap);
            }
            Command::Keyframe { tap } => {
                if let Some(seat) = self.seats.get(&tap.peer)
                    && let Some(hall) = self.halls.get_mut(&seat.room)
                {
                    hall.room.want_keyframes(tap, now);
                    self.touched.insert(Arc::clone(&seat.room));
                }
            }
            Command::Host {
                room,
                id,
                guest,
                entrance,
                number,
                reply,
            } => {
                let hosted = self.host(&room, id, &guest, entrance, number, now);
                if let Err(refusal) = &hosted {
                    tracing::warn!(%room, name = guest.name, "cannot come in: {refusal}");
                }
                if let Some(reply) = reply {
                    // Who asked may have gone meanwhile.
                    let _ = reply.send(hosted);
                }
            }
            Command::Packets {
                id,
                track,
                layer,
                packets,
            } => {
                if let Some((name, hall)) = self.hall_of(id) {
                    for packet in packets {
                        hall.room.handle_packet(id, &track, layer, packet, now);
                    }
                    self.touched.insert(name);
                }
            }
            Command::AskKeyframe { id, track, layer } => {
                if let Some((name, hall)) = self.hall_of(id) {
                    hall.room.ask_keyframe(id, &track, layer, now);
                    self.touched.insert(name);
                }
            }
            Command::Say {
                room,
                label,
                binary,
                data,
            } => {
                if let Some(hall) = self.halls.get_mut(&room) {
                    hall.room.hear(&label, binary, &data);
                    self.touched.insert(room);
                }
            }
            Command::Relay { room, relays } => {
                if let Some(hall) = self.halls.get_mut(&room) {
                    hall.room.relay(relays);
                }
            }
            Command::Datagram { from, to, data } => self.datagram(from, to, &data, now),
            Command::Opened {
                from,
                to,
                back,
                data,
            } => self.connect(from, to, back, &data, now),
            Command::Frame { from, data } => self.frame(from, &data, now),
            Command::Closed { from } => {
                self.links.remove(&from);
            }
            Command::Status { reply } => {
                let status = self.halls.iter().map(|(name, hall)| RoomStatus {
                    name: Arc::clone(name),
                    people: hall.room.people().collect(),
                    counters: hall.room.counters(),
                });
                let _ = reply.send(status.collect());
            }
            Command::Drain => {
                for (name, hall) in &mut self.halls {
                    hall.room.drain();
                    self.touched.insert(Arc::clone(name));
                }
            }
            Command::End => {}
        }
    }
}
