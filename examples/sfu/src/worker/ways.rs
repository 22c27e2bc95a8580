//! The ways by which clients and a thread reach each other: datagrams of its own socket and of other threads', and connections of TCP.

use super::{Command, Worker};
use crate::room::PeerId;
use crate::udp::Port;
use common::stun;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Instant;
use str0m::net::{DatagramSend, Protocol, Transmit};
use tokio::sync::mpsc;

/// Addresses of one client at a time.
const ADDRESSES: usize = 64;
/// Clients of other threads whose datagrams come here.
const FOREIGN: usize = 65_536;

/// Datagrams of handshakes that wait; who finds no place tries again (RFC 6347 §4.2.4).
const HANDSHAKES: usize = 4096;
/// What DTLS datagrams begin with, and of them those of handshakes (RFC 7983 §7, RFC 6347 §4.1).
const DTLS: RangeInclusive<u8> = 20..=63;
const SHAKES: [u8; 2] = [20, 22];

/// A datagram of a handshake.
#[derive(Debug)]
pub(super) struct Handshake {
    id: PeerId,
    from: SocketAddr,
    to: SocketAddr,
    data: Vec<u8>,
}

/// A connection of TCP.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) id: PeerId,
    /// The candidate at which it came.
    to: SocketAddr,
    back: mpsc::Sender<DatagramSend>,
}

impl Worker {
    /// A datagram goes to the client from whom it comes.
    pub(super) fn datagram(
        &mut self,
        from: SocketAddr,
        to: Option<SocketAddr>,
        data: &[u8],
        now: Instant,
    ) {
        let mut known = self.by_address.get(&from).copied();
        // Only those that ask for a connection tell for whom they are; an address may come to mean another one.
        if let Some(ufrag) = stun::asked_for(data) {
            match self.directory.find(ufrag) {
                Some((worker, id)) if worker == self.index && known != Some(id) => {
                    known = self.remember(from, id);
                }
                Some((worker, _)) if worker == self.index => {}
                Some((worker, _)) => {
                    self.by_address.remove(&from);
                    if self.foreign.len() >= FOREIGN {
                        self.foreign.clear();
                    }
                    self.foreign.insert(from, worker);
                    return self.hand_over(worker, from, to, data);
                }
                None => {}
            }
        }
        let Some(id) = known else {
            if let Some(&worker) = self.foreign.get(&from) {
                self.hand_over(worker, from, to, data);
            }
            return;
        };
        let to = own_address(&self.config.addresses, to, from);
        let first = data.first().copied().unwrap_or_default();
        // What comes after a handshake must not overtake it.
        if SHAKES.contains(&first) || (DTLS.contains(&first) && !self.handshakes.is_empty()) {
            if self.handshakes.len() < HANDSHAKES {
                let data = data.to_vec();
                self.handshakes.push_back(Handshake { id, from, to, data });
            }
            return;
        }
        self.give(id, Protocol::Udp, from, to, data, now);
    }

    /// Goes on with one handshake.
    pub(super) fn shake_a_hand(&mut self, now: Instant) {
        if let Some(Handshake { id, from, to, data }) = self.handshakes.pop_front() {
            self.give(id, Protocol::Udp, from, to, &data, now);
        }
    }

    fn give(
        &mut self,
        id: PeerId,
        protocol: Protocol,
        from: SocketAddr,
        to: SocketAddr,
        data: &[u8],
        now: Instant,
    ) {
        if let Some(seat) = self.seats.get(&id)
            && let Some(hall) = self.halls.get_mut(&seat.room)
        {
            hall.room.handle_datagram(id, protocol, from, to, data, now);
            self.touched.insert(Arc::clone(&seat.room));
        }
    }

    /// Somebody connects by TCP. If nobody here is meant, `back` is dropped, which ends it.
    pub(super) fn connect(
        &mut self,
        from: SocketAddr,
        to: SocketAddr,
        back: mpsc::Sender<DatagramSend>,
        data: &[u8],
        now: Instant,
    ) {
        let found = stun::asked_for(data).and_then(|ufrag| self.directory.find(ufrag));
        let Some((_, id)) = found.filter(|(worker, _)| *worker == self.index) else {
            return;
        };
        let to = own_address(&self.config.tcp_addresses, Some(to), from);
        self.links.insert(from, Link { id, to, back });
        self.give(id, Protocol::Tcp, from, to, data, now);
    }

    /// More of somebody who came by TCP.
    pub(super) fn frame(&mut self, from: SocketAddr, data: &[u8], now: Instant) {
        if let Some(link) = self.links.get(&from) {
            self.give(link.id, Protocol::Tcp, from, link.to, data, now);
        }
    }

    fn remember(&mut self, from: SocketAddr, id: PeerId) -> Option<PeerId> {
        let seat = self.seats.get_mut(&id)?;
        if seat.addresses.len() >= ADDRESSES {
            let oldest = seat.addresses.remove(0);
            self.by_address.remove(&oldest);
        }
        seat.addresses.push(from);
        self.by_address.insert(from, id);
        Some(id)
    }

    fn hand_over(&self, worker: usize, from: SocketAddr, to: Option<SocketAddr>, data: &[u8]) {
        if let Some(other) = self.others.get(worker) {
            // One that does not keep up loses packets, as on any network.
            let _ = other.try_send(Command::Datagram {
                from,
                to,
                data: data.to_vec(),
            });
        }
    }
}

/// The candidate at which a datagram came. Behind an address translator that is not the address that the kernel tells.
fn own_address(own: &[SocketAddr], to: Option<SocketAddr>, from: SocketAddr) -> SocketAddr {
    let same = |address: &&SocketAddr| address.is_ipv4() == from.is_ipv4();
    match to {
        Some(to) if own.contains(&to) => to,
        _ => own.iter().find(same).copied().unwrap_or(from),
    }
}

/// Sends by the way that the client has chosen.
pub(super) fn dispatch(links: &HashMap<SocketAddr, Link>, port: &mut Port, transmit: Transmit) {
    if transmit.proto != Protocol::Tcp {
        port.queue(transmit);
    } else if let Some(link) = links.get(&transmit.destination) {
        // One that does not keep up loses packets, as on any network.
        let _ = link.back.try_send(transmit.contents);
    }
}
