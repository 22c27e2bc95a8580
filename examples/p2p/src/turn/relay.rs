//! Relayed addresses: sockets from which peers hear of a client.

use super::tcp::shared_socket;
use common::reach;
use socket2::SockRef;
use std::collections::HashSet;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, PoisonError, RwLock};
use tokio::net::{TcpListener, UdpSocket};

/// Where relays are bound, what they are called outside, and all there are.
#[derive(Debug, Clone)]
pub(crate) struct Relays {
    from: Vec<IpAddr>,
    external: Option<IpAddr>,
    open: Arc<RwLock<HashSet<(Protocol, SocketAddr)>>>,
}

/// What peers speak with a relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Protocol {
    Udp,
    Tcp,
}

/// One; gone when dropped.
#[derive(Debug)]
pub(crate) struct Relay<S> {
    pub(crate) socket: S,
    /// As peers see it.
    pub(crate) address: SocketAddr,
    protocol: Protocol,
    all: Relays,
}

/// What the kernel may hold for a client: half a second of a good picture.
const KERNEL: usize = 1 << 20;
/// Connections of peers that wait to be accepted.
const BACKLOG: u32 = 64;

impl Relays {
    pub(crate) fn new(bound: IpAddr, chosen: &[IpAddr], external: Option<IpAddr>) -> Self {
        let from = if !chosen.is_empty() {
            chosen.to_vec()
        } else if !bound.is_unspecified() {
            vec![bound]
        } else {
            // Without a network, itself.
            let v4 = reach::outward_v4().unwrap_or(Ipv4Addr::LOCALHOST.into());
            [v4].into_iter().chain(reach::outward_v6()).collect()
        };
        Self {
            from,
            external,
            open: Arc::default(),
        }
    }

    /// A relay for IPv4 or IPv6, at any port or at this; none if there is no address for it, an error if no port.
    pub(crate) async fn open(&self, ipv4: bool, port: u16) -> Option<io::Result<Relay<UdpSocket>>> {
        let ip = self.from(ipv4)?;
        let socket = UdpSocket::bind((ip, port)).await.inspect(|socket| {
            // The kernel may give less; it says so to nobody.
            let _ = SockRef::from(socket).set_recv_buffer_size(KERNEL);
        });
        let bound = socket.and_then(|socket| Ok((socket.local_addr()?, socket)));
        Some(bound.map(|(address, socket)| self.relay(Protocol::Udp, socket, address)))
    }

    /// The same for connections of peers.
    pub(crate) fn listen(&self, ipv4: bool) -> Option<io::Result<Relay<TcpListener>>> {
        let ip = self.from(ipv4)?;
        let socket = shared_socket((ip, 0).into()).and_then(|socket| socket.listen(BACKLOG));
        let bound = socket.and_then(|socket| Ok((socket.local_addr()?, socket)));
        Some(bound.map(|(address, socket)| self.relay(Protocol::Tcp, socket, address)))
    }

    fn from(&self, ipv4: bool) -> Option<IpAddr> {
        self.from.iter().find(|ip| ip.is_ipv4() == ipv4).copied()
    }

    fn relay<S>(&self, protocol: Protocol, socket: S, mut address: SocketAddr) -> Relay<S> {
        let external = self.external;
        if let Some(external) = external.filter(|it| it.is_ipv4() == address.is_ipv4()) {
            address.set_ip(external);
        }
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        open.insert((protocol, address));
        Relay {
            socket,
            address,
            protocol,
            all: self.clone(),
        }
    }

    /// Whether it is one of ours: two clients may meet here, wherever here is.
    pub(crate) fn has(&self, protocol: Protocol, address: SocketAddr) -> bool {
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        open.contains(&(protocol, address))
    }

    pub(crate) fn count(&self) -> usize {
        self.open
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .len()
    }

    /// Where to send what is for `peer`: not all routers take a packet for their own outside back in.
    pub(crate) fn inside(&self, peer: SocketAddr) -> SocketAddr {
        let own = self.external == Some(peer.ip());
        match self.from(peer.is_ipv4()) {
            Some(ip) if own => SocketAddr::new(ip, peer.port()),
            _ => peer,
        }
    }

    /// How clients call the peer that a packet came from.
    pub(crate) fn outside(&self, peer: SocketAddr) -> SocketAddr {
        let external = self.external.filter(|it| it.is_ipv4() == peer.is_ipv4());
        match external {
            Some(external) if self.from.contains(&peer.ip()) => {
                SocketAddr::new(external, peer.port())
            }
            _ => peer,
        }
    }
}

impl<S> Drop for Relay<S> {
    fn drop(&mut self) {
        let mut open = self
            .all
            .open
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        open.remove(&(self.protocol, self.address));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn relays_are_known_while_they_live() {
        let local = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let relays = Relays::new(local, &[], None);
        let relay = relays.open(true, 0).await.unwrap().unwrap();
        assert!(relays.open(false, 0).await.is_none());
        let address = relay.address;
        assert!(relays.has(Protocol::Udp, address) && relays.count() == 1);
        assert!(!relays.has(Protocol::Tcp, address));
        drop(relay);
        assert!(!relays.has(Protocol::Udp, address) && relays.count() == 0);
    }

    #[tokio::test]
    async fn the_outside_has_its_own_name_for_them() {
        let local = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let external: IpAddr = "203.0.113.9".parse().unwrap();
        let relays = Relays::new(local, &[], Some(external));
        let relay = relays.open(true, 0).await.unwrap().unwrap();
        assert_eq!(relay.address.ip(), external);
        let bound = relay.socket.local_addr().unwrap();
        assert_eq!(relays.inside(relay.address), bound);
        assert_eq!(relays.outside(bound), relay.address);
        let other = "8.8.8.8:53".parse().unwrap();
        assert_eq!(
            (relays.inside(other), relays.outside(other)),
            (other, other)
        );
    }
}
