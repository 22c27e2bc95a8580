//! Relayed addresses: sockets from which peers hear of a client.

use common::reach;
use std::collections::HashSet;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, PoisonError, RwLock};
use tokio::net::UdpSocket;

/// Where relays are bound, what they are called outside, and all there are.
#[derive(Debug, Clone)]
pub(crate) struct Relays {
    from: Vec<IpAddr>,
    external: Option<IpAddr>,
    open: Arc<RwLock<HashSet<SocketAddr>>>,
}

/// One; gone when dropped.
#[derive(Debug)]
pub(crate) struct Relay {
    pub(crate) socket: UdpSocket,
    /// As peers see it.
    pub(crate) address: SocketAddr,
    all: Relays,
}

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

    /// A relay for IPv4 or IPv6; none if there is no address for it, an error if no port.
    pub(crate) async fn open(&self, ipv4: bool) -> Option<io::Result<Relay>> {
        let ip = *self.from.iter().find(|ip| ip.is_ipv4() == ipv4)?;
        Some(self.bind(ip).await)
    }

    async fn bind(&self, ip: IpAddr) -> io::Result<Relay> {
        let socket = UdpSocket::bind((ip, 0)).await?;
        let mut address = socket.local_addr()?;
        if let Some(external) = self.external.filter(|it| it.is_ipv4() == ip.is_ipv4()) {
            address.set_ip(external);
        }
        self.open
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(address);
        Ok(Relay {
            socket,
            address,
            all: self.clone(),
        })
    }

    /// Whether it is one of ours: two clients may meet here, wherever here is.
    pub(crate) fn has(&self, address: SocketAddr) -> bool {
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        open.contains(&address)
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
        let ip = self.from.iter().find(|ip| ip.is_ipv4() == peer.is_ipv4());
        match ip {
            Some(ip) if own => SocketAddr::new(*ip, peer.port()),
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

impl Drop for Relay {
    fn drop(&mut self) {
        let mut open = self
            .all
            .open
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        open.remove(&self.address);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn relays_are_known_while_they_live() {
        let local = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let relays = Relays::new(local, &[], None);
        let relay = relays.open(true).await.unwrap().unwrap();
        assert!(relays.open(false).await.is_none());
        let address = relay.address;
        assert!(relays.has(address) && relays.count() == 1);
        drop(relay);
        assert!(!relays.has(address) && relays.count() == 0);
    }

    #[tokio::test]
    async fn the_outside_has_its_own_name_for_them() {
        let local = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let external: IpAddr = "203.0.113.9".parse().unwrap();
        let relays = Relays::new(local, &[], Some(external));
        let relay = relays.open(true).await.unwrap().unwrap();
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
