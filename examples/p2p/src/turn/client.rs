//! A client that has, or is about to have, an allocation: a state machine of `turn-server-proto` of its own, its relays, and a task
//! that drives them. When the task ends, for whatever reason, everything of the client is gone.

use super::gate::{Admission, binding, signed_error};
use super::relay::Relay;
use super::{Context, frame};
use std::collections::HashSet;
use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;
use stun_types::TransportType;
use stun_types::attribute::{ErrorCode, Fingerprint, MessageIntegrity, Nonce};
use stun_types::message::{
    BINDING, IntegrityAlgorithm, IntegrityKey, Message, MessageClass, MessageWriteVec,
};
use stun_types::prelude::{Attribute, AttributeStaticType, MessageWrite, MessageWriteExt};
use tokio::io::{AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};
use turn_server_proto::api::{SocketAllocateError, TurnServerApi, TurnServerPollRet};
use turn_server_proto::server::TurnServer;
use turn_types::AddressFamily;
use turn_types::attribute::{RequestedTransport, XorPeerAddress};
use turn_types::message::{ALLOCATE, CHANNEL_BIND, CREATE_PERMISSION};
use turn_types::prelude::DelayedTransmitBuild;

/// Messages of a client that wait for its task.
pub(crate) const WAITING: usize = 256;
/// How long somebody may take from good credentials to an allocation.
const HESITATION: Duration = Duration::from_secs(30);
/// How long a stream may take to let something be written.
const PATIENCE: Duration = Duration::from_secs(10);
/// Most peers that a client may ask for.
const PEERS: usize = 256;
/// Longest datagram.
const DATAGRAM: usize = 65_536;
/// Datagrams of a peer that are taken in one go.
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

/// A client and all that belongs to it.
pub(crate) struct Client {
    context: Arc<Context>,
    server: TurnServer,
    link: Link,
    /// Where it is.
    address: SocketAddr,
    /// Where we listen for it.
    local: SocketAddr,
    key: IntegrityKey,
    nonces: Nonces,
    relays: Vec<Relay>,
    peers: HashSet<IpAddr>,
    place: super::users::Place,
    start: Instant,
    had_relay: bool,
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
        server.add_user(admission.username, admission.password);
        Self {
            context,
            server,
            link,
            address,
            local,
            key: admission.key,
            nonces: Nonces {
                gate: admission.nonce,
                own: None,
            },
            relays: Vec::new(),
            peers: HashSet::new(),
            place: admission.place,
            start: Instant::now(),
            had_relay: false,
        }
    }

    /// Serves it until its allocation or its connection ends.
    pub(crate) async fn run(mut self, mut inbox: mpsc::Receiver<Vec<u8>>) {
        let mut buffer = vec![0; DATAGRAM];
        loop {
            let Ok(wake) = self.drive().await else { return };
            // It had an allocation, or has hesitated too long.
            let gone =
                self.relays.is_empty() && (self.had_relay || self.start.elapsed() > HESITATION);
            if gone {
                return;
            }
            let done = tokio::select! {
                message = inbox.recv() => match message {
                    Some(message) => self.hear(message).await,
                    None => return,
                },
                (index, got) = receive(&self.relays, &mut buffer) => {
                    self.hear_peers(index, got, &mut buffer).await
                }
                () = sleep_until(wake) => Ok(()),
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
                    let opened = self.open(family).await;
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
                }
                // There are no allocations of TCP: `refusal` sees to that.
                TurnServerPollRet::TcpConnect { .. } | TurnServerPollRet::TcpClose { .. } => {}
            }
            while let Some(transmit) = self.server.poll_transmit(self.now()) {
                self.send(transmit.from, transmit.to, transmit.data).await?;
            }
            if let Some(wait) = wait {
                // Whatever it says, not more often than a clock ticks, and sometimes.
                let wait = wait.clamp(Duration::from_millis(10), HESITATION);
                return Ok(Instant::now() + wait);
            }
        }
    }

    async fn open(&mut self, family: AddressFamily) -> Result<SocketAddr, SocketAllocateError> {
        match self
            .context
            .relays
            .open(family == AddressFamily::IPV4)
            .await
        {
            Some(Ok(relay)) => {
                let address = relay.address;
                self.relays.push(relay);
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

    /// A message of the client.
    async fn hear(&mut self, message: Vec<u8>) -> io::Result<()> {
        if let Some(answer) = self.refusal(&message) {
            return self.link.send(answer, self.address).await;
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

    /// What is answered by us: binding requests, and what is not allowed.
    fn refusal(&mut self, data: &[u8]) -> Option<Vec<u8>> {
        // Channel data, which is most, is no STUN message.
        if data.first().is_none_or(|first| first >> 6 != 0) {
            return None;
        }
        let message = Message::from_bytes(data).ok()?;
        if !message.has_class(MessageClass::Request) {
            return None;
        }
        let method = message.method();
        if method == BINDING {
            return binding(&message, self.address);
        }
        // Who does not know the password is refused by the state machine, as is what is wrong in another way.
        message.validate_integrity_with_key(&self.key).ok()?;
        if method == ALLOCATE {
            let requested = message.attribute::<RequestedTransport>().ok()?;
            return (requested.protocol() == RequestedTransport::TCP).then(|| {
                signed_error(
                    &message,
                    ErrorCode::UNSUPPORTED_TRANSPORT_PROTOCOL,
                    &self.key,
                )
            })?;
        }
        if method != CREATE_PERMISSION && method != CHANNEL_BIND {
            return None;
        }
        for n in 0.. {
            let Ok(peer) = message.nth_attribute::<XorPeerAddress>(n) else {
                break;
            };
            let peer = peer.addr(message.transaction_id());
            if !self.may_reach(peer) {
                tracing::debug!(client = %self.address, %peer, "peer denied");
                return signed_error(&message, ErrorCode::FORBIDDEN, &self.key);
            }
            if self.peers.len() >= PEERS && !self.peers.contains(&peer.ip()) {
                return signed_error(&message, ErrorCode::INSUFFICIENT_CAPACITY, &self.key);
            }
            self.peers.insert(peer.ip());
        }
        None
    }

    /// Whether to relay between the client and `peer`: permissions are for all ports of an address, so that a machine which is
    /// reached only at our own relays has to be looked at packet by packet.
    fn may_reach(&self, peer: SocketAddr) -> bool {
        self.context.policy.allows(peer.ip()) || self.context.relays.has(peer)
    }

    /// Datagrams that came to a relay: one is in the buffer, others may wait.
    async fn hear_peers(
        &mut self,
        index: usize,
        mut got: io::Result<(usize, SocketAddr)>,
        buffer: &mut [u8],
    ) -> io::Result<()> {
        for _ in 0..BATCH {
            // An error is what the network told of an earlier datagram.
            if let Ok((length, peer)) = got
                && let Some(data) = buffer.get(..length)
            {
                self.hear_peer(index, peer, data.to_vec()).await?;
            }
            let Some(relay) = self.relays.get(index) else {
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
        if !self.may_reach(peer) {
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
        if !self.may_reach(to) {
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

/// The gate's nonce and the state machine's. Browsers take a stale nonce in the answer to their first authenticated request for a
/// failure, so that the one is translated into the other for as long as the client uses it.
#[derive(Debug)]
struct Nonces {
    gate: String,
    own: Option<String>,
}

impl Nonces {
    /// The request with the state machine's nonce, if it has the gate's, and its sender knows the password.
    fn translate(&self, data: &[u8], key: &IntegrityKey) -> Option<Vec<u8>> {
        if data.first()? >> 6 != 0 {
            return None;
        }
        let message = Message::from_bytes(data).ok()?;
        let nonce = message.attribute::<Nonce>().ok()?;
        if nonce.nonce() != self.gate || message.validate_integrity_with_key(key).is_err() {
            return None;
        }
        let mut translated = Message::builder(
            message.get_type(),
            message.transaction_id(),
            MessageWriteVec::with_capacity(data.len() + 64),
        );
        let own = Nonce::new(self.own.as_deref()?).ok()?;
        translated.add_attribute(&own).ok()?;
        for (_, attribute) in message.iter_attributes() {
            match attribute.get_type() {
                Nonce::TYPE | MessageIntegrity::TYPE | Fingerprint::TYPE => {}
                _ => translated.add_attribute(&attribute).ok()?,
            }
        }
        translated
            .add_message_integrity_with_key(key, IntegrityAlgorithm::Sha1)
            .ok()?;
        Some(translated.finish())
    }
}

/// The next datagram of any of the relays, and which; never without relays.
async fn receive(relays: &[Relay], buffer: &mut [u8]) -> (usize, io::Result<(usize, SocketAddr)>) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use stun_types::attribute::Username;
    use stun_types::message::LongTermKeyCredentials;

    fn key(password: &str) -> IntegrityKey {
        LongTermKeyCredentials::new("u".into(), password.into(), "r".into())
            .make_key(IntegrityAlgorithm::Sha1)
    }

    #[test]
    fn only_the_gates_nonce_is_translated_and_only_for_who_knows_the_password() {
        let nonces = Nonces {
            gate: "gate".into(),
            own: Some("own".into()),
        };
        let request = |nonce: &str, password: &str| {
            let mut message = Message::builder_request(ALLOCATE, MessageWriteVec::new());
            let user = Username::new("u").unwrap();
            message.add_attribute(&user).unwrap();
            message.add_attribute(&Nonce::new(nonce).unwrap()).unwrap();
            message
                .add_message_integrity_with_key(&key(password), IntegrityAlgorithm::Sha1)
                .unwrap();
            message.finish()
        };
        let before = request("gate", "p");
        let after = nonces.translate(&before, &key("p")).unwrap();
        let (before, after) = (
            Message::from_bytes(&before).unwrap(),
            Message::from_bytes(&after).unwrap(),
        );
        assert_eq!(after.transaction_id(), before.transaction_id());
        assert_eq!(after.attribute::<Nonce>().unwrap().nonce(), "own");
        assert_eq!(after.attribute::<Username>().unwrap().username(), "u");
        assert!(after.validate_integrity_with_key(&key("p")).is_ok());
        assert!(nonces.translate(&request("own", "p"), &key("p")).is_none());
        assert!(nonces.translate(&request("gate", "x"), &key("p")).is_none());
        assert!(nonces.translate(&[0x40, 0, 0, 0], &key("p")).is_none());
    }
}
