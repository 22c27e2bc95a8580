//! WebRTC by WHIP (RFC 9725) and WHEP: H.264 and Opus in and out. One UDP port for all; each client is a task.

mod client;
pub(crate) mod http;
mod play;
mod publish;

use crate::config::Config;
use crate::hub::Hub;
use anyhow::Context;
use bytes::Bytes;
use common::{Shutdown, reach, stun};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use str0m::config::{CryptoProvider, DtlsCert};
use str0m::net::Protocol;
use str0m::{Candidate, Rtc, RtcConfig};
use tokio::net::UdpSocket;
use tokio::sync::mpsc;

/// Datagrams that wait for a client.
const WAITING: usize = 1024;
/// Addresses that are remembered at most; of who sends from more, the oldest are looked up again.
const ADDRESSES: usize = 65_536;
/// What the kernel may hold for all clients.
const KERNEL: usize = 4 << 20;

/// A datagram, and when it came.
pub(crate) type Datagram = (SocketAddr, Bytes, Instant);

/// Where clients are received. Clones are the same desk.
#[derive(Debug, Clone)]
pub(crate) struct Desk(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    hub: Hub,
    cut: Shutdown,
    socket: UdpSocket,
    address: SocketAddr,
    addresses: Vec<SocketAddr>,
    crypto: Arc<CryptoProvider>,
    certificate: DtlsCert,
    table: Mutex<Table>,
    next: AtomicU64,
    max_clients: usize,
}

#[derive(Debug, Default)]
struct Table {
    /// By the name that clients ask for.
    names: HashMap<String, mpsc::Sender<Datagram>>,
    /// By where they are.
    addresses: HashMap<SocketAddr, mpsc::Sender<Datagram>>,
    /// Tells them to go.
    sessions: HashMap<u64, Shutdown>,
}

impl Desk {
    /// Binds the port and begins to receive.
    ///
    /// # Errors
    /// If the port cannot be had or no certificate can be made.
    pub(crate) fn open(hub: Hub, config: &Config, cut: Shutdown) -> anyhow::Result<Self> {
        let cannot = || format!("cannot listen for UDP on {}", config.webrtc);
        let socket = std::net::UdpSocket::bind(config.webrtc).with_context(cannot)?;
        socket.set_nonblocking(true)?;
        let reference = socket2::SockRef::from(&socket);
        // The kernel may give less; it says so to nobody.
        let _ = reference.set_recv_buffer_size(KERNEL);
        let _ = reference.set_send_buffer_size(KERNEL);
        let socket = UdpSocket::from_std(socket)?;
        let address = socket.local_addr()?;
        let crypto = Arc::new(str0m::crypto::from_feature_flags());
        let certificate = crypto
            .dtls_provider
            .generate_certificate()
            .context("cannot make a certificate for WebRTC")?;
        let desk = Self(Arc::new(Inner {
            hub,
            cut,
            socket,
            address,
            addresses: reach::addresses(address, &config.announce),
            crypto,
            certificate,
            table: Mutex::default(),
            next: AtomicU64::new(1),
            max_clients: config.max_connections,
        }));
        tokio::spawn(desk.clone().receive());
        Ok(desk)
    }

    /// Where the port is.
    pub(crate) fn address(&self) -> SocketAddr {
        self.0.address
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection that has yet to be negotiated.
    fn connection(&self, now: Instant) -> Rtc {
        let mut rtc = RtcConfig::new()
            .set_crypto_provider(Arc::clone(&self.0.crypto))
            .set_dtls_cert(self.0.certificate.clone())
            .set_ice_lite(true)
            .set_rtp_mode(true)
            .clear_codecs()
            .enable_opus(true, false)
            .enable_h264(true)
            .build(now);
        for &address in &self.0.addresses {
            if let Ok(candidate) = Candidate::host(address, Protocol::Udp) {
                rtc.add_local_candidate(candidate);
            }
        }
        rtc
    }

    /// Gives each datagram to the client that it is for; others are dropped.
    async fn receive(self) {
        let mut buffer = vec![0; 2048];
        loop {
            let received = tokio::select! {
                received = self.0.socket.recv_from(&mut buffer) => received,
                () = self.0.cut.wait() => return,
            };
            // What could not be delivered is told here; it is no concern of this task.
            let Ok((length, from)) = received else {
                continue;
            };
            let now = Instant::now();
            let data = &buffer[..length];
            let mut table = self.table();
            let known = match stun::asked_for(data) {
                Some(name) => table.names.get(name).cloned(),
                None => table.addresses.get(&from).cloned(),
            };
            let Some(client) = known else {
                continue;
            };
            if stun::asked_for(data).is_some() {
                if table.addresses.len() >= ADDRESSES {
                    table.addresses.clear();
                }
                table.addresses.insert(from, client.clone());
            }
            drop(table);
            // One that does not keep up loses packets, as on any network.
            let _ = client.try_send((from, Bytes::copy_from_slice(data), now));
        }
    }

    /// The candidate at which a datagram came: behind an address translator the kernel does not know it.
    fn own_address(&self, from: SocketAddr) -> SocketAddr {
        let own = &self.0.addresses;
        let same = |address: &&SocketAddr| {
            address.is_ipv4() == from.is_ipv4()
                && address.ip().is_loopback() == from.ip().is_loopback()
        };
        own.iter()
            .find(same)
            .or(own.first())
            .copied()
            .unwrap_or(from)
    }

    /// Lets a client in; datagrams for `name` go to the result.
    fn enter(&self, name: &str) -> Option<(u64, Shutdown, mpsc::Receiver<Datagram>)> {
        let mut table = self.table();
        if table.sessions.len() >= self.0.max_clients {
            return None;
        }
        let id = self.0.next.fetch_add(1, Ordering::Relaxed);
        let (sender, inbox) = mpsc::channel(WAITING);
        table.names.insert(name.to_owned(), sender);
        let leave = Shutdown::new();
        table.sessions.insert(id, leave.clone());
        Some((id, leave, inbox))
    }

    /// Forgets a client that has gone.
    fn forget(&self, id: u64, name: &str) {
        let mut table = self.table();
        table.sessions.remove(&id);
        if let Some(sender) = table.names.remove(name) {
            table
                .addresses
                .retain(|_, other| !other.same_channel(&sender));
        }
    }

    /// Tells a client to go; whether it was there.
    fn dismiss(&self, id: u64) -> bool {
        match self.table().sessions.get(&id) {
            Some(leave) => {
                leave.begin();
                true
            }
            None => false,
        }
    }
}
