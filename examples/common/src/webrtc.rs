//! One UDP port for many clients of WebRTC; each is a task with a connection of its own.

mod dtls;
mod presence;

pub use dtls::crypto;
pub use presence::Presence;

use crate::{Shutdown, reach, stun};
use anyhow::Context;
use bytes::Bytes;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use str0m::config::{CryptoProvider, DtlsCert};
use str0m::media::Mid;
use str0m::net::{Protocol, Receive};
use str0m::rtp::StreamTx;
use str0m::{Candidate, Event, IceConnectionState, Input, Output, Rtc, RtcConfig};
use tokio::net::UdpSocket;
use tokio::sync::mpsc;

/// Datagrams that wait for a client.
const WAITING: usize = 1024;
/// Addresses that are remembered at most; of who sends from more, the oldest are looked up again.
const ADDRESSES: usize = 65_536;
/// What the kernel may hold for all clients.
const KERNEL: usize = 4 << 20;
/// How often reports of clients are looked at.
const STATISTICS: Duration = Duration::from_secs(1);
/// Longest until media flows.
const PATIENCE: Duration = Duration::from_secs(15);

/// What is due so soon is done at once: pacing, where bandwidth is estimated, lets one packet out at a time and then wants the clock to go on by a microsecond, and no
/// sleep is as short as that.
pub const AT_ONCE: Duration = Duration::from_millis(1);
/// Packets that may leave together before others have their turn.
pub const TURNS: usize = 256;

/// A datagram, and when it came.
type Datagram = (SocketAddr, Bytes, Instant);

/// What was sent is kept for who misses it: so many packets, and for so long.
const KEPT: (usize, Duration) = (2000, Duration::from_secs(3));
/// Most of what is sent that may be sent again. A twentieth lost, and asked for twice until it has come, is more than the 15 % of str0m:
/// beyond its limit nothing at all is sent again, and who waits for it gives up and stands still.
const AGAIN: f32 = 0.5;

/// Lets what is lost of a stream be sent again, also where much is lost. What was sent before is not kept. Where the network is too narrow
/// for what is sent, this makes it narrower: who can choose between layers keeps to str0m's limit.
pub fn keep_for_repair(stream: &mut StreamTx) {
    stream.set_rtx_cache(KEPT.0, KEPT.1, Some(AGAIN));
}

/// What a client does with its connection.
pub trait Call: Send + Sync + 'static {
    /// Takes what the connection tells, [`Event::Connected`] among it.
    fn handle_event(&mut self, rtc: &mut Rtc, event: Event);

    /// Something may be due, or [`ready`](Self::ready): whether it goes on.
    fn handle_timeout(&mut self, rtc: &mut Rtc, now: Instant) -> bool;

    /// When to call [`handle_timeout`](Self::handle_timeout).
    fn poll_timeout(&self) -> Option<Instant>;

    /// Waits until there is something to send, which is asked only once the connection is there.
    fn ready(&self) -> impl Future<Output = ()> + Send;
}

/// Where clients are received. Clones are the same desk.
#[derive(Debug, Clone)]
pub struct Desk(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    cut: Shutdown,
    socket: UdpSocket,
    address: SocketAddr,
    addresses: Vec<SocketAddr>,
    crypto: Arc<CryptoProvider>,
    certificate: DtlsCert,
    table: Mutex<Table>,
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
    /// Binds the port and begins to receive, until `cut`.
    ///
    /// # Errors
    /// If the port cannot be had or no certificate can be made.
    pub fn open(
        bind: SocketAddr,
        announce: &[IpAddr],
        max_clients: usize,
        cut: Shutdown,
    ) -> anyhow::Result<Self> {
        let cannot = || format!("cannot listen for UDP on {bind}");
        let socket = std::net::UdpSocket::bind(bind).with_context(cannot)?;
        socket.set_nonblocking(true)?;
        let reference = socket2::SockRef::from(&socket);
        // The kernel may give less; it says so to nobody.
        let _ = reference.set_recv_buffer_size(KERNEL);
        let _ = reference.set_send_buffer_size(KERNEL);
        let socket = UdpSocket::from_std(socket)?;
        let address = socket.local_addr()?;
        let crypto = Arc::new(crypto());
        let certificate = crypto
            .dtls_provider
            .generate_certificate()
            .context("cannot make a certificate for WebRTC")?;
        let desk = Self(Arc::new(Inner {
            cut,
            socket,
            address,
            addresses: reach::addresses(address, announce),
            crypto,
            certificate,
            table: Mutex::default(),
            max_clients,
        }));
        tokio::spawn(desk.clone().receive());
        Ok(desk)
    }

    /// Where the port is.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.0.address
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection that has yet to be negotiated, of H.264 and Opus in packets, and what else `configure` wants.
    pub fn connection(&self, now: Instant, configure: impl FnOnce(RtcConfig) -> RtcConfig) -> Rtc {
        let config = RtcConfig::new()
            .set_crypto_provider(Arc::clone(&self.0.crypto))
            .set_dtls_cert(self.0.certificate.clone())
            .set_ice_lite(true)
            .set_rtp_mode(true)
            .set_stats_interval(Some(STATISTICS))
            .clear_codecs()
            .enable_opus(true, false)
            .enable_h264(true);
        let mut rtc = configure(config).build(now);
        for &address in &self.0.addresses {
            if let Ok(candidate) = Candidate::host(address, Protocol::Udp) {
                rtc.add_local_candidate(candidate);
            }
        }
        rtc
    }

    /// Lets a client in, whose connection is negotiated, and tells its number, which nobody can guess who is not told (whoever
    /// knows it can [`dismiss`](Self::dismiss) it: RFC 9725, security considerations); none where too many are here.
    pub fn seat(&self, mut rtc: Rtc, call: impl Call) -> Option<u64> {
        let ufrag = rtc.direct_api().local_ice_credentials().ufrag;
        let (id, leave, inbox) = self.enter(&ufrag)?;
        let client = Client {
            desk: self.clone(),
            id,
            ufrag,
            rtc,
            call,
            connected: false,
            presence: Presence::new(Instant::now()),
            sends: false,
            reported: HashMap::new(),
        };
        tokio::spawn(client.run(inbox, leave));
        Some(id)
    }

    /// Tells a client to go; whether it was there.
    #[must_use]
    pub fn dismiss(&self, id: u64) -> bool {
        match self.table().sessions.get(&id) {
            Some(leave) => {
                leave.begin();
                true
            }
            None => false,
        }
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
        let mut id = rand::random();
        while table.sessions.contains_key(&id) {
            id = rand::random();
        }
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
}

/// One client: its connection, and what it does with it.
struct Client<C> {
    desk: Desk,
    id: u64,
    ufrag: String,
    rtc: Rtc,
    call: C,
    connected: bool,
    presence: Presence,
    /// Whether media came of them.
    sends: bool,
    /// What they last reported of what is sent to them: how much came, and how often they asked for more.
    reported: HashMap<Mid, (Option<u64>, u64)>,
}

impl<C: Call> Client<C> {
    /// Runs until it goes, is lost or is dismissed, or the call ends.
    async fn run(mut self, mut inbox: mpsc::Receiver<Datagram>, leave: Shutdown) {
        let cut = self.desk.0.cut.clone();
        let patience = Instant::now() + PATIENCE;
        while let Some(mut due) = self.drain().await {
            if !self.connected {
                due = due.min(patience);
                if Instant::now() >= patience {
                    break;
                }
            }
            due = self.call.poll_timeout().map_or(due, |at| due.min(at));
            let input = tokio::select! {
                datagram = inbox.recv() => datagram,
                () = tokio::time::sleep_until(due.into()) => None,
                () = self.call.ready(), if self.connected => None,
                () = leave.wait() => break,
                () = cut.wait() => break,
            };
            let now = Instant::now();
            if self.presence.is_gone(self.sends, now) {
                break;
            }
            if let Some((from, data, at)) = input {
                let asks = stun::asked_for(&data).is_some();
                self.presence.came(asks, at);
                let to = self.desk.own_address(from);
                if let Ok(receive) = Receive::new(Protocol::Udp, from, to, &data)
                    && self.rtc.handle_input(Input::Receive(at, receive)).is_err()
                {
                    break;
                }
                continue;
            }
            let goes_on = self.call.handle_timeout(&mut self.rtc, now);
            if !goes_on || self.rtc.handle_input(Input::Timeout(now)).is_err() {
                break;
            }
        }
        // The last words.
        if self.rtc.close().is_ok() {
            self.drain().await;
        }
        self.desk.forget(self.id, &self.ufrag);
        tracing::info!(client = self.id, "a client of WebRTC has gone");
    }

    /// Takes all output of the connection; when to come again, or that it is over.
    async fn drain(&mut self) -> Option<Instant> {
        let mut turns = TURNS;
        loop {
            match self.rtc.poll_output().ok()? {
                Output::Timeout(due) => {
                    let now = Instant::now();
                    if !self.rtc.is_alive() {
                        return None;
                    }
                    if due > now + AT_ONCE || turns == 0 {
                        return Some(due);
                    }
                    turns -= 1;
                    self.rtc.handle_input(Input::Timeout(due.max(now))).ok()?;
                }
                Output::Transmit(transmit) => {
                    let socket = &self.desk.0.socket;
                    // What is lost is lost: RTCP and ICE find out.
                    let _ = socket
                        .send_to(&transmit.contents, transmit.destination)
                        .await;
                }
                Output::Event(event) => {
                    self.notice(&event);
                    self.call.handle_event(&mut self.rtc, event);
                }
            }
        }
    }

    /// Whether they are there, and what speaks for it.
    fn notice(&mut self, event: &Event) {
        let now = Instant::now();
        match event {
            Event::Connected => self.connected = true,
            Event::IceConnectionStateChange(state) => {
                let lost = *state == IceConnectionState::Disconnected;
                self.presence.set_unchecked(lost);
                if lost && !self.presence.is_silent(self.sends, now) {
                    tracing::info!(
                        client = self.id,
                        "asks for no consent any more, and is here"
                    );
                }
            }
            Event::RtpPacket(_) => {
                self.sends = true;
                self.presence.heard(now);
            }
            Event::MediaEgressStats(stats) => {
                let report = stats.remote.as_ref();
                let report = report.map(|report| *report.maximum_sequence_number);
                let reported = (report, stats.nacks + stats.plis + stats.firs);
                if self.reported.insert(stats.mid, reported) != Some(reported) {
                    self.presence.heard(now);
                }
            }
            _ => {}
        }
    }
}
