//! The UDP port of a thread: batches in, batches out.

use anyhow::Context;
use quinn_udp::{BATCH_SIZE, RecvMeta, Transmit, UdpSockRef, UdpSocketState};
use socket2::{Domain, Protocol, Socket, Type};
use std::collections::VecDeque;
use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr};
use tokio::io::Interest;
use tokio::net::UdpSocket;

/// Datagrams that wait for the kernel at most; more would only come too late.
const WAITING: usize = 8192;
/// Largest datagram that is received whole, times as many as the kernel may join.
const BUFFER: usize = 64 << 10;
/// What the kernel may hold for us in each direction: half a second of a busy room.
const KERNEL: usize = 4 << 20;
/// Calls that read one after the other while the kernel has more, so that what has come meanwhile is handled together; a thread that is
/// flooded still gets to send.
const READS: usize = 16;
/// Most bytes in one call.
const LONGEST: usize = 60_000;

/// A socket that several threads may bind to the same port.
///
/// # Errors
/// If the address cannot be had; the message says which.
pub(crate) fn bind(address: SocketAddr) -> anyhow::Result<std::net::UdpSocket> {
    let open = || -> io::Result<Socket> {
        let socket = Socket::new(
            Domain::for_address(address),
            Type::DGRAM,
            Some(Protocol::UDP),
        )?;
        #[cfg(unix)]
        socket.set_reuse_port(true)?;
        // The kernel may give less; it says so to nobody.
        let _ = socket.set_recv_buffer_size(KERNEL);
        let _ = socket.set_send_buffer_size(KERNEL);
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        Ok(socket)
    };
    let socket = open().with_context(|| format!("cannot listen for UDP on {address}"))?;
    Ok(socket.into())
}

#[derive(Debug)]
pub(crate) struct Port {
    socket: UdpSocket,
    state: UdpSocketState,
    local: SocketAddr,
    /// Those of the candidates that are this machine's own: what belongs to one of them leaves from there, whatever the way would have it.
    own: Vec<IpAddr>,
    buffers: Vec<Vec<u8>>,
    waiting: VecDeque<str0m::net::Transmit>,
    scratch: Vec<u8>,
    /// Datagrams that were given up.
    pub(crate) dropped: u64,
    /// Calls to the kernel.
    pub(crate) calls: u64,
}

impl Port {
    /// With the addresses that clients are told.
    pub(crate) fn new(socket: std::net::UdpSocket, candidates: &[SocketAddr]) -> io::Result<Self> {
        let local = socket.local_addr()?;
        // Others are those of a router before it, and cannot be bound to.
        let ips = candidates.iter().map(SocketAddr::ip);
        let own = ips.filter(|ip| std::net::UdpSocket::bind((*ip, 0)).is_ok());
        let socket = UdpSocket::from_std(socket)?;
        let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
        Ok(Self {
            socket,
            state,
            local,
            own: own.collect(),
            buffers: vec![vec![0; BUFFER]; BATCH_SIZE],
            waiting: VecDeque::new(),
            scratch: Vec::with_capacity(LONGEST),
            dropped: 0,
            calls: 0,
        })
    }

    /// Waits for something to receive, or for room to send if something waits for that.
    pub(crate) async fn ready(&self) -> io::Result<()> {
        let interest = if self.waiting.is_empty() {
            Interest::READABLE
        } else {
            Interest::READABLE | Interest::WRITABLE
        };
        self.socket.ready(interest).await.map(|_| ())
    }

    /// Gives `take` the datagrams that are here, with their sender and the address at which they came, as far as that is known.
    pub(crate) fn receive(&mut self, mut take: impl FnMut(SocketAddr, Option<SocketAddr>, &[u8])) {
        let Self {
            socket,
            state,
            buffers,
            ..
        } = self;
        let mut slices: Vec<_> = buffers.iter_mut().map(|b| IoSliceMut::new(b)).collect();
        for _ in 0..READS {
            let mut metas = [RecvMeta::default(); BATCH_SIZE];
            let received = socket.try_io(Interest::READABLE, || {
                state.recv(UdpSockRef::from(&*socket), &mut slices, &mut metas)
            });
            // Nothing there, or what could not be delivered is told: it is no concern of ours.
            let Ok(count) = received else {
                return;
            };
            self.calls += 1;
            for (meta, buffer) in metas.iter().zip(&slices).take(count) {
                let from = SocketAddr::new(meta.addr.ip().to_canonical(), meta.addr.port());
                let to = meta.dst_ip.map(|ip| ip.to_canonical());
                let to = to.map(|ip| SocketAddr::new(ip, self.local.port()));
                for datagram in buffer[..meta.len].chunks(meta.stride.max(1)) {
                    take(from, to, datagram);
                }
            }
            if count < BATCH_SIZE {
                return;
            }
        }
    }

    pub(crate) fn queue(&mut self, transmit: str0m::net::Transmit) {
        if self.waiting.len() >= WAITING {
            self.dropped += 1;
        } else {
            self.waiting.push_back(transmit);
        }
    }

    /// Sends what waits, as long as the kernel takes it; datagrams of one length to one address go in one call.
    pub(crate) fn send(&mut self) {
        let most = self.state.max_gso_segments();
        while let Some(first) = self.waiting.front() {
            let (to, size) = (first.destination, first.contents.len());
            let from = first.source.ip();
            let mut count = 0;
            self.scratch.clear();
            for next in self.waiting.iter().take(most) {
                let length = next.contents.len();
                let fits = self.scratch.len() + length <= LONGEST;
                let is_same_way = next.destination == to && next.source.ip() == from;
                if !is_same_way || length > size || (count > 0 && !fits) {
                    break;
                }
                self.scratch.extend_from_slice(&next.contents);
                count += 1;
                // The last one of a batch may be shorter.
                if length < size {
                    break;
                }
            }
            let own = self.own.contains(&from).then_some(from);
            let transmit = Transmit {
                destination: SocketAddr::new(written(to.ip(), self.local), to.port()),
                ecn: None,
                contents: &self.scratch,
                segment_size: (count > 1).then_some(size),
                src_ip: own.map(|ip| written(ip, self.local)),
            };
            let sent = self.socket.try_io(Interest::WRITABLE, || {
                self.state
                    .try_send(UdpSockRef::from(&self.socket), &transmit)
            });
            match sent {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                // Nobody listens there any more: that is for ICE to find out.
                Err(_) => self.dropped += count as u64,
                Ok(()) => {}
            }
            self.calls += 1;
            self.waiting.drain(..count);
        }
    }
}

/// As a socket of this address takes it: one of IPv6 has addresses of IPv4 within its own (RFC 4291 §2.5.5.2).
const fn written(ip: IpAddr, local: SocketAddr) -> IpAddr {
    match ip {
        IpAddr::V4(ip) if local.is_ipv6() => IpAddr::V6(ip.to_ipv6_mapped()),
        ip => ip,
    }
}

#[cfg(test)]
// Only here all of 127.0.0.0/8 is this machine's.
#[cfg(target_os = "linux")]
mod tests {
    use super::*;
    use str0m::net::{Protocol, Transmit};

    /// From where a client, at `127.0.0.1`, gets an answer to what it sends to another address, and that address. `source`: the candidate
    /// from which it is given; else that address.
    async fn answer(bound: &str, source: Option<IpAddr>) -> (SocketAddr, SocketAddr) {
        let socket = bind(bound.parse().unwrap()).unwrap();
        let port = socket.local_addr().unwrap().port();
        let asked = SocketAddr::new([127, 0, 0, 2].into(), port);
        let router = SocketAddr::new([192, 0, 2, 1].into(), port);
        let mut server = Port::new(socket, &[asked, router]).unwrap();
        let client = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        client.send_to(b"?", asked).await.unwrap();
        server.ready().await.unwrap();
        let mut came = None;
        server.receive(|from, to, _| came = Some((from, to)));
        let (from, to) = came.unwrap();
        assert_eq!((from, to), (client.local_addr().unwrap(), Some(asked)));
        server.queue(Transmit {
            proto: Protocol::Udp,
            source: source.map_or(asked, |ip| SocketAddr::new(ip, port)),
            destination: from,
            contents: b"!".to_vec().into(),
        });
        server.send();
        let (_, whence) = client.recv_from(&mut [0; 9]).await.unwrap();
        (whence, asked)
    }

    #[tokio::test]
    async fn an_answer_comes_from_the_address_that_was_asked() {
        for bound in ["0.0.0.0:0", "[::]:0"] {
            let (whence, asked) = answer(bound, None).await;
            assert_eq!(whence, asked, "{bound}");
            // That of a router is none to send from.
            let router = [192, 0, 2, 1].into();
            let (whence, asked) = answer(bound, Some(router)).await;
            assert_eq!(whence.port(), asked.port(), "{bound}");
        }
    }
}
