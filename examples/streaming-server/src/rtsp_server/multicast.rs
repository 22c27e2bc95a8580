//! A stream to a group: sent once, for as long as anybody wants it.

use super::egress::Unit;
use super::udp::Batcher;
use crate::stream::Stream;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use tokio::net::UdpSocket;

/// Hops that packets may make.
pub(super) const TTL: u8 = 16;
/// The first port of each group; two for each track.
const PORT: u16 = 5004;

/// The groups of all streams.
#[derive(Debug)]
pub(super) struct Groups {
    base: Ipv4Addr,
    open: Mutex<HashMap<Arc<str>, Weak<Group>>>,
}

#[derive(Debug)]
struct Group {
    stream: Arc<Stream>,
    address: Ipv4Addr,
    task: tokio::task::AbortHandle,
}

impl Drop for Group {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A player's share of a group: with the last one, sending ends.
#[derive(Debug, Clone)]
pub(super) struct Member(Arc<Group>);

impl Member {
    pub(super) fn is_of(&self, stream: &Arc<Stream>) -> bool {
        Arc::ptr_eq(&self.0.stream, stream)
    }

    pub(super) fn address(&self) -> Ipv4Addr {
        self.0.address
    }

    pub(super) fn port(&self, track: usize) -> Option<u16> {
        port(track)
    }
}

fn port(track: usize) -> Option<u16> {
    u16::try_from(track).ok()?.checked_mul(2)?.checked_add(PORT)
}

impl Groups {
    pub(super) fn new(base: Ipv4Addr) -> Self {
        Self {
            base,
            open: Mutex::default(),
        }
    }

    /// The group of a stream, which is sent to from now on through the interface with this address.
    pub(super) async fn join(&self, stream: &Arc<Stream>, interface: IpAddr) -> Option<Member> {
        let IpAddr::V4(interface) = interface.to_canonical() else {
            return None;
        };
        // Who is on this machine listens where routes lead, not on its loopback interface.
        let routed = interface.is_loopback();
        let from = if routed {
            Ipv4Addr::UNSPECIFIED
        } else {
            interface
        };
        let socket = UdpSocket::bind((from, 0)).await.ok()?;
        let raw = socket2::SockRef::from(&socket);
        if !routed {
            raw.set_multicast_if_v4(&interface).ok()?;
        }
        raw.set_multicast_ttl_v4(TTL.into()).ok()?;
        raw.set_multicast_loop_v4(true).ok()?;
        let batcher = Batcher::new(socket).ok()?;
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, group| group.strong_count() > 0);
        if let Some(group) = open.get(&stream.name).and_then(Weak::upgrade) {
            return Some(Member(group));
        }
        let taken = |address: &Ipv4Addr| {
            let mut groups = open.values().filter_map(Weak::upgrade);
            groups.any(|group| group.address == *address)
        };
        let base = u32::from(self.base);
        let address = (0..65_536)
            .map(|offset| Ipv4Addr::from(base.wrapping_add(offset)))
            .find(|address| address.is_multicast() && !taken(address))?;
        let task = tokio::spawn(send(Arc::clone(stream), batcher, address)).abort_handle();
        let group = Arc::new(Group {
            stream: Arc::clone(stream),
            address,
            task,
        });
        open.insert(Arc::clone(&stream.name), Arc::downgrade(&group));
        tracing::info!(stream = %stream.name, group = %address, "multicast started");
        Some(Member(group))
    }
}

async fn send(stream: Arc<Stream>, socket: Batcher, address: Ipv4Addr) {
    let mut reader = stream.rtsp.fanout.subscribe();
    let mut units = Vec::new();
    loop {
        reader.ready().await;
        if reader.take(&mut units, 256 << 10).is_err() {
            return;
        }
        for unit in units.drain(..) {
            let Unit::Packets(packets) = unit else {
                continue;
            };
            let Some(port) = port(packets.track) else {
                continue;
            };
            let to = SocketAddr::from((address, port + u16::from(packets.rtcp)));
            if let Err(error) = socket
                .send(&packets.plain.datagrams, &packets.plain.ends, to)
                .await
            {
                tracing::warn!(stream = %stream.name, group = %address, "multicast stops: {error}");
                return;
            }
        }
    }
}
