//! A client that has, or is about to have, an allocation: a state machine of `turn-server-proto` of its own, its relays, and a task
//! that drives them. When the task ends, for whatever reason, everything of the client is gone.

use super::gate::{Admission, Verdict, binding, signed, signed_error};
use super::nonces::Nonces;
use super::pair::{Wish, with_token};
use super::relay::{Protocol, Relay};
use super::tcp::{Attempt, Connections, Refused};
use super::{Context, frame, unix_time};
use std::collections::HashMap;
use std::future::poll_fn;
use std::io;
use std::mem;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;
use stun_types::TransportType;
use stun_types::attribute::{ErrorCode, Nonce, Username};
use stun_types::message::{
    BINDING, IntegrityKey, Message, MessageClass, MessageType, MessageWriteVec, TransactionId,
};
use stun_types::prelude::{MessageWrite, MessageWriteExt};
use tokio::io::{AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use turn_server_proto::api::{SocketAllocateError, TurnServerApi, TurnServerPollRet};
use turn_server_proto::server::TurnServer;
use turn_types::AddressFamily;
use turn_types::attribute::{ConnectionId, XorPeerAddress};
use turn_types::message::{ALLOCATE, CHANNEL_BIND, CONNECT, CONNECTION_ATTEMPT, CREATE_PERMISSION};
use turn_types::prelude::DelayedTransmitBuild;

/// Messages of a client that wait for its task.
pub(crate) const WAITING: usize = 256;
/// How long somebody may take from good credentials to an allocation.
const HESITATION: Duration = Duration::from_secs(30);
/// How long a stream may take to let something be written.
const PATIENCE: Duration = Duration::from_secs(10);
/// Most peers that a client may have permissions for.
const PEERS: usize = 256;
/// How long a permission lasts (RFC 8656, section 9).
const PERMISSION: Duration = Duration::from_secs(300);
/// Longest datagram.
const DATAGRAM: usize = 65_536;
/// Messages of a client, or datagrams of a peer, that are taken in one go.
const BATCH: usize = 32;

/// The way to a client.
pub(crate) enum Link {
    Datagrams(Arc<UdpSocket>),
    Stream(Box<dyn AsyncWrite + Send + Unpin>),
}

impl Link {
    async fn send(&mut self, mut data: Vec<u8>, to: SocketAddr) -> io::Result<()> {
        match self {
            // A datagram that cannot be sent is lost, as others are.
            Self::Datagrams(socket) => drop(socket.send_to(&data, to).await),
            Self::Stream(stream) => {
                frame::fill_up(&mut data);
                timeout(PATIENCE, stream.write_all(&data)).await??;
                timeout(PATIENCE, stream.flush()).await??;
            }
        }
        Ok(())
    }
}

/// What became of a message before the state machine has seen it.
enum Handled {
    Answered(Vec<u8>),
    /// The answer comes later.
    Begun,
    Not,
}

/// A client and all that belongs to it.
pub(crate) struct Client {
    context: Arc<Context>,
    server: TurnServer,
    link: Link,
    /// Where it is.
    address: SocketAddr,
    /// Where we listen for it.
    local: SocketAddr,
    username: String,
    key: IntegrityKey,
    nonces: Nonces,
    relays: Vec<Relay<UdpSocket>>,
    listeners: Vec<Relay<TcpListener>>,
    connections: Connections,
    /// Whom it may hear, and until when.
    peers: HashMap<IpAddr, Instant>,
    place: super::users::Place,
    start: Instant,
    had_relay: bool,
    /// What port the allocation that it asks for is to have, and the token of the next.
    wish: Wish,
    token: Option<u32>,
    /// Whether the state machine may want something: data that is relayed does not change it.
    due: bool,
}

impl Client {
    pub(crate) fn new(
        context: Arc<Context>,
        link: Link,
        address: SocketAddr,
        local: SocketAddr,
        admission: Admission,
    ) -> Self {
        let transport = match link {
            Link::Datagrams(_) => TransportType::Udp,
            Link::Stream(_) => TransportType::Tcp,
        };
        let mut server = TurnServer::new(transport, local, context.realm.clone());
        let username = admission.username.clone();
        let connections = Connections::new(
            context.waiting.clone(),
            username.clone(),
            Arc::clone(&admission.place.bytes),
        );
        server.add_user(admission.username, admission.password);
        Self {
            context,
            server,
            link,
            address,
            local,
            username,
            key: admission.key,
            nonces: Nonces {
                gate: admission.nonce,
                own: None,
            },
            relays: Vec::new(),
            listeners: Vec::new(),
            connections,
            peers: HashMap::new(),
            place: admission.place,
            start: Instant::now(),
            had_relay: false,
            wish: Wish::Any,
            token: None,
            due: true,
        }
    }

    /// Serves it until its allocation or its connection ends.
    pub(crate) async fn run(mut self, mut inbox: mpsc::Receiver<Vec<u8>>) {
        let mut buffer = vec![0; DATAGRAM];
        let mut timer = pin!(sleep_until(self.start));
        loop {
            if self.due {
                let Ok(wake) = self.drive().await else { return };
                timer.as_mut().reset(wake);
                self.due = false;
                // It had an allocation, or has hesitated too long.
                let has_relay = !(self.relays.is_empty() && self.listeners.is_empty());
                if !has_relay && (self.had_relay || self.start.elapsed() > HESITATION) {
                    return;
                }
            }
            let done = tokio::select! {
                message = inbox.recv() => match message {
                    Some(message) => self.hear_all(message, &mut inbox).await,
                    None => return,
                },
                (index, got) = receive(&self.relays, &mut buffer) => {
                    self.hear_peers(index, got, &mut buffer).await
                }
                got = accept(&self.listeners) => self.accepted(got).await,
                Some(attempt) = self.connections.attempted() => self.attempted(attempt).await,
                () = timer.as_mut() => {
                    self.due = true;
                    Ok(())
                }
            };
            if done.is_err() {
                return;
            }
        }
    }

    fn now(&self) -> turn_types::Instant {
        // 292 years from the start.
        let nanos = i64::try_from(self.start.elapsed().as_nanos()).unwrap_or(i64::MAX);
        turn_types::Instant::from_nanos(nanos)
    }

    /// Does what the state machine asks for; gives when it wants to be asked again.
    async fn drive(&mut self) -> io::Result<Instant> {
        loop {
            let now = self.now();
            let next = self.server.poll(now);
            let mut wait = None;
            match next {
                TurnServerPollRet::WaitUntil(until) => wait = Some(until.duration_since(now)),
                TurnServerPollRet::AllocateSocket {
                    transport,
                    listen_addr,
                    client_addr,
                    allocation_transport,
                    family,
                } => {
                    let opened = self.open(allocation_transport, family).await;
                    self.server.allocated_socket(
                        transport,
                        listen_addr,
                        client_addr,
                        allocation_transport,
                        family,
                        opened,
                        self.now(),
                    );
                }
                TurnServerPollRet::SocketClose { listen_addr, .. } => {
                    self.relays.retain(|relay| relay.address != listen_addr);
                    self.listeners.retain(|relay| relay.address != listen_addr);
                }
                // It is not told of connections: `connect` and `accepted` see to them.
                TurnServerPollRet::TcpConnect { .. } | TurnServerPollRet::TcpClose { .. } => {}
            }
            while let Some(mut transmit) = self.server.poll_transmit(self.now()) {
                if let Some(token) = self.token
                    && let Some(told) = with_token(&transmit.data, token, &self.key)
                {
                    self.token = None;
                    transmit.data = told;
                }
                self.send(transmit.from, transmit.to, transmit.data).await?;
            }
            if let Some(wait) = wait {
                // Whatever it says, not more often than a clock ticks, and sometimes.
                let wait = wait.clamp(Duration::from_millis(10), HESITATION);
                return Ok(Instant::now() + wait);
            }
        }
    }

    async fn open(
        &mut self,
        transport: TransportType,
        family: AddressFamily,
    ) -> Result<SocketAddr, SocketAllocateError> {
        let (relays, ipv4) = (&self.context.relays, family == AddressFamily::IPV4);
        let opened = match transport {
            TransportType::Udp => {
                let (wish, kept) = (mem::take(&mut self.wish), &self.context.reserved);
                let opened = wish.open(relays, kept, ipv4, &self.username).await;
                opened.map(|opened| {
                    opened.map(|(relay, token)| {
                        self.token = token;
                        keep(&mut self.relays, relay)
                    })
                })
            }
            TransportType::Tcp => {
                let opened = relays.listen(ipv4);
                opened.map(|opened| opened.map(|relay| keep(&mut self.listeners, relay)))
            }
        };
        match opened {
            Some(Ok(address)) => {
                self.had_relay = true;
                Ok(address)
            }
            Some(Err(error)) => {
                tracing::warn!("no port for a relay: {error}");
                Err(SocketAllocateError::InsufficientCapacity)
            }
            None => Err(SocketAllocateError::AddressFamilyNotSupported),
        }
    }

    /// A message of the client, and those that wait behind it.
    async fn hear_all(
        &mut self,
        mut message: Vec<u8>,
        inbox: &mut mpsc::Receiver<Vec<u8>>,
    ) -> io::Result<()> {
        for left in (0..BATCH).rev() {
            self.due |= is_stun(&message);
            self.hear(message).await?;
            let next = (left > 0).then(|| inbox.try_recv());
            let Some(Ok(next)) = next else { break };
            message = next;
        }
        Ok(())
    }

    /// A message of the client.
    async fn hear(&mut self, message: Vec<u8>) -> io::Result<()> {
        match self.ours(&message) {
            Handled::Answered(answer) => return self.link.send(answer, self.address).await,
            Handled::Begun => return Ok(()),
            Handled::Not => {}
        }
        if self.nonces.own.is_none() {
            self.nonces.own = self.ask_nonce();
        }
        let message = self
            .nonces
            .translate(&message, &self.key)
            .unwrap_or(message);
        match self.give(message) {
            Some((from, to, data)) => self.send(from, to, data).await,
            None => Ok(()),
        }
    }

    /// Gives the state machine a message of the client, and gives what it sends.
    fn give(&mut self, message: Vec<u8>) -> Option<(SocketAddr, SocketAddr, Vec<u8>)> {
        let transmit = turn_server_proto::api::Transmit::new(
            message,
            self.server.transport(),
            self.address,
            self.local,
        );
        let built = self.server.recv(transmit, self.now())?;
        Some((built.from, built.to, built.data.build()))
    }

    /// The nonce that the state machine wants, which it tells to whoever has none.
    fn ask_nonce(&mut self) -> Option<String> {
        let bare = Message::builder_request(ALLOCATE, MessageWriteVec::new()).finish();
        let (_, _, answer) = self.give(bare)?;
        let answer = Message::from_bytes(&answer).ok()?;
        Some(answer.attribute::<Nonce>().ok()?.nonce().to_owned())
    }

    /// What is answered by us: binding requests, connections of TCP, and what is not allowed.
    fn ours(&mut self, data: &[u8]) -> Handled {
        // Channel data, which is most, is no STUN message.
        if !is_stun(data) {
            return Handled::Not;
        }
        let Ok(message) = Message::from_bytes(data) else {
            return Handled::Not;
        };
        if !message.has_class(MessageClass::Request) {
            return Handled::Not;
        }
        let method = message.method();
        if method == BINDING {
            return binding(&message, self.address).map_or(Handled::Not, Handled::Answered);
        }
        // Who does not know the password is refused by the state machine, as is what is wrong in another way.
        if message.validate_integrity_with_key(&self.key).is_err() {
            return self.somebody_else(&message, data);
        }
        if method == ALLOCATE {
            self.wish = Wish::of(&message);
        }
        let code = match method {
            CREATE_PERMISSION | CHANNEL_BIND => match self.permit(&message) {
                Ok(()) => return Handled::Not,
                Err(code) => code,
            },
            CONNECT => match self.connect(&message, data) {
                Ok(()) => return Handled::Begun,
                Err(code) => code,
            },
            _ => return Handled::Not,
        };
        signed_error(&message, code, &self.key).map_or(Handled::Not, Handled::Answered)
    }

    /// Who asks for an allocation at the address of one that somebody else left behind is to try another one (RFC 8656 §7.2): if their credentials
    /// are good, which only the gate can tell.
    fn somebody_else(&self, message: &Message<'_>, data: &[u8]) -> Handled {
        let is_else = |name: Username| name.username() != self.username;
        if message.method() != ALLOCATE || !message.attribute().is_ok_and(is_else) {
            return Handled::Not;
        }
        let verdict = self.context.gate.judge(data, self.address, unix_time());
        let answer = match verdict {
            Verdict::Answer(answer) => Some(answer),
            Verdict::Admit(other) => {
                signed_error(message, ErrorCode::ALLOCATION_MISMATCH, &other.key)
            }
            Verdict::Ignore | Verdict::Bind(_) => None,
        };
        answer.map_or(Handled::Not, Handled::Answered)
    }

    /// Whether it may hear the peers that it asks for; else the error.
    fn permit(&mut self, message: &Message<'_>) -> Result<(), u16> {
        let now = Instant::now();
        for n in 0.. {
            let Ok(peer) = message.nth_attribute::<XorPeerAddress>(n) else {
                break;
            };
            let peer = peer.addr(message.transaction_id());
            if !self.may_reach(Protocol::Udp, peer) && !self.may_reach(Protocol::Tcp, peer) {
                tracing::debug!(client = %self.address, %peer, "peer denied");
                return Err(ErrorCode::FORBIDDEN);
            }
            if self.peers.len() >= PEERS {
                self.peers.retain(|_, until| *until > now);
            }
            if self.peers.len() >= PEERS && !self.peers.contains_key(&peer.ip()) {
                return Err(ErrorCode::INSUFFICIENT_CAPACITY);
            }
            self.peers.insert(peer.ip(), now + PERMISSION);
        }
        Ok(())
    }

    /// Begins to connect to a peer (RFC 6062, section 5.2); else the error.
    fn connect(&mut self, message: &Message<'_>, data: &[u8]) -> Result<(), u16> {
        let peer = message.attribute::<XorPeerAddress>();
        let peer = peer.map_err(|_| ErrorCode::BAD_REQUEST)?;
        let peer = peer.addr(message.transaction_id());
        if self.listeners.is_empty() {
            return Err(ErrorCode::ALLOCATION_MISMATCH);
        }
        let same = |relay: &&Relay<_>| relay.address.is_ipv4() == peer.is_ipv4();
        let relay = self.listeners.iter().find(same);
        let relayed = relay
            .ok_or(ErrorCode::PEER_ADDRESS_FAMILY_MISMATCH)?
            .address;
        if !self.may_reach(Protocol::Tcp, peer) {
            tracing::debug!(client = %self.address, %peer, "peer denied");
            return Err(ErrorCode::FORBIDDEN);
        }
        let begun = self
            .connections
            .connect(data.to_vec(), relayed, peer, &self.context.relays);
        begun.map_err(|refused| match refused {
            Refused::Exists => ErrorCode::CONNECTION_ALREADY_EXISTS,
            Refused::Full => ErrorCode::INSUFFICIENT_CAPACITY,
        })
    }

    /// Tells what came of a request to connect.
    async fn attempted(&mut self, attempt: Attempt) -> io::Result<()> {
        let Ok(request) = Message::from_bytes(&attempt.request) else {
            return Ok(());
        };
        let answer = match attempt.result {
            Ok(id) => {
                let mut answer = Message::builder_success(&request, MessageWriteVec::new());
                let told = answer.add_attribute(&ConnectionId::new(id));
                told.ok().and_then(|()| signed(answer, &self.key))
            }
            Err(error) => {
                tracing::debug!(client = %self.address, "peer not reached: {error}");
                let code = ErrorCode::CONNECTION_TIMEOUT_OR_FAILURE;
                signed_error(&request, code, &self.key)
            }
        };
        match answer {
            Some(answer) => self.link.send(answer, self.address).await,
            None => Ok(()),
        }
    }

    /// A peer has connected to the relayed address (section 5.3): the client is told, if it wants to hear of it.
    async fn accepted(&mut self, got: io::Result<(TcpStream, SocketAddr)>) -> io::Result<()> {
        let Ok((stream, peer)) = got else {
            // Out of descriptors, most likely: there will be others.
            sleep(Duration::from_millis(100)).await;
            return Ok(());
        };
        let peer = self.context.relays.outside(peer);
        let permitted = self.peers.get(&peer.ip());
        if permitted.is_none_or(|until| *until < Instant::now())
            || !self.may_reach(Protocol::Tcp, peer)
        {
            return Ok(());
        }
        let Some(id) = self.connections.accepted(stream, peer) else {
            return Ok(());
        };
        let kind = MessageType::from_class_method(MessageClass::Indication, CONNECTION_ATTEMPT);
        let transaction = TransactionId::generate();
        let mut told = Message::builder(kind, transaction, MessageWriteVec::new());
        let full = told
            .add_attribute(&ConnectionId::new(id))
            .and_then(|()| told.add_attribute(&XorPeerAddress::new(peer, transaction)));
        match full {
            Ok(()) => self.link.send(told.finish(), self.address).await,
            Err(_) => Ok(()),
        }
    }

    /// Whether to relay between the client and `peer`: permissions are for all ports of an address, so that a machine which is
    /// reached only at our own relays has to be looked at packet by packet.
    fn may_reach(&self, protocol: Protocol, peer: SocketAddr) -> bool {
        self.context.policy.allows(peer.ip()) || self.context.relays.has(protocol, peer)
    }

    /// Datagrams that came to a relay: one is in the buffer, others may wait.
    async fn hear_peers(
        &mut self,
        index: usize,
        mut got: io::Result<(usize, SocketAddr)>,
        buffer: &mut [u8],
    ) -> io::Result<()> {
        for left in (0..BATCH).rev() {
            // An error is what the network told of an earlier datagram.
            if let Ok((length, peer)) = got
                && let Some(data) = buffer.get(..length)
            {
                self.hear_peer(index, peer, data.to_vec()).await?;
            }
            let Some(relay) = self.relays.get(index).filter(|_| left > 0) else {
                break;
            };
            got = relay.socket.try_recv_from(buffer);
            if got
                .as_ref()
                .is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
            {
                break;
            }
        }
        Ok(())
    }

    async fn hear_peer(&mut self, index: usize, peer: SocketAddr, data: Vec<u8>) -> io::Result<()> {
        let Some(relay) = self.relays.get(index) else {
            return Ok(());
        };
        let peer = self.context.relays.outside(peer);
        if !self.may_reach(Protocol::Udp, peer) {
            return Ok(());
        }
        let length = data.len();
        let transmit =
            turn_server_proto::api::Transmit::new(data, TransportType::Udp, peer, relay.address);
        let Some(built) = self.server.recv(transmit, self.now()) else {
            return Ok(());
        };
        let counted = &self.place.bytes.received;
        counted.fetch_add(length as u64, Ordering::Relaxed);
        let data = built.data.build();
        self.link.send(data, self.address).await
    }

    /// Sends what the state machine wants sent: to the client, or from a relay to a peer.
    async fn send(&mut self, from: SocketAddr, to: SocketAddr, data: Vec<u8>) -> io::Result<()> {
        if from == self.local {
            return self.link.send(data, self.address).await;
        }
        let Some(relay) = self.relays.iter().find(|relay| relay.address == from) else {
            return Ok(());
        };
        if !self.may_reach(Protocol::Udp, to) {
            return Ok(());
        }
        let to = self.context.relays.inside(to);
        // One that cannot be sent is lost, as others are.
        if relay.socket.send_to(&data, to).await.is_ok() {
            let counted = &self.place.bytes.sent;
            counted.fetch_add(data.len() as u64, Ordering::Relaxed);
        }
        Ok(())
    }
}

/// Whether a message is one of STUN; the others are channel data (RFC 8656, section 12).
fn is_stun(message: &[u8]) -> bool {
    message.first().is_some_and(|first| first >> 6 == 0)
}

fn keep<S>(relays: &mut Vec<Relay<S>>, relay: Relay<S>) -> SocketAddr {
    let address = relay.address;
    relays.push(relay);
    address
}

/// The next datagram of any of the relays, and which; never without relays.
async fn receive(
    relays: &[Relay<UdpSocket>],
    buffer: &mut [u8],
) -> (usize, io::Result<(usize, SocketAddr)>) {
    poll_fn(|context| {
        for (index, relay) in relays.iter().enumerate() {
            let mut into = ReadBuf::new(buffer);
            if let Poll::Ready(got) = relay.socket.poll_recv_from(context, &mut into) {
                let length = into.filled().len();
                return Poll::Ready((index, got.map(|from| (length, from))));
            }
        }
        Poll::Pending
    })
    .await
}

/// The next connection to any of the relayed addresses; never without them.
async fn accept(listeners: &[Relay<TcpListener>]) -> io::Result<(TcpStream, SocketAddr)> {
    poll_fn(|context| {
        let mut polled = listeners
            .iter()
            .map(|relay| relay.socket.poll_accept(context));
        polled.find(Poll::is_ready).unwrap_or(Poll::Pending)
    })
    .await
}
