//! The UDP port of a thread: batches in, batches out.

use anyhow::Context;
use quinn_udp::{BATCH_SIZE, RecvMeta, Transmit, UdpSockRef, UdpSocketState};
use socket2::{Domain, Protocol, Socket, Type};
use std::collections::VecDeque;
use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
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
    port: u16,
    buffers: Vec<Vec<u8>>,
    waiting: VecDeque<str0m::net::Transmit>,
    scratch: Vec<u8>,
    /// Datagrams that were given up.
    pub(crate) dropped: u64,
    /// Calls to the kernel.
    pub(crate) calls: u64,
}

impl Port {
    pub(crate) fn new(socket: std::net::UdpSocket) -> io::Result<Self> {
        let port = socket.local_addr()?.port();
        let socket = UdpSocket::from_std(socket)?;
        let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
        Ok(Self {
            socket,
            state,
            port,
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
                let to = meta.dst_ip.map(|ip| SocketAddr::new(ip, self.port));
                for datagram in buffer[..meta.len].chunks(meta.stride.max(1)) {
                    take(meta.addr, to, datagram);
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
            let mut count = 0;
            self.scratch.clear();
            for next in self.waiting.iter().take(most) {
                let length = next.contents.len();
                let fits = self.scratch.len() + length <= LONGEST;
                if next.destination != to || length > size || (count > 0 && !fits) {
                    break;
                }
                self.scratch.extend_from_slice(&next.contents);
                count += 1;
                // The last one of a batch may be shorter.
                if length < size {
                    break;
                }
            }
            let transmit = Transmit {
                destination: to,
                ecn: None,
                contents: &self.scratch,
                segment_size: (count > 1).then_some(size),
                src_ip: None,
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
