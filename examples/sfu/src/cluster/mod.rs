//! Rooms over several nodes. NATS has the directory: which nodes there are, and who is in which room where. A node that has somebody in
//! a room hosts the people of all others in it as guests, and gets each of their packets once, from the node where they are.
//!
//! Everything that is told is told again every second: who misses something, or comes late, knows it then.

mod place;
mod rooms;
mod wire;

use crate::room::{Guest, Outbound, PeerId};
use crate::switchboard::Switchboard;
use anyhow::Context as _;
use async_nats::connection::State;
use async_nats::{Client, ConnectOptions, Subscriber};
use common::Shutdown;
use futures_util::StreamExt;
use place::Place;
use rooms::Hall;
use rtp::srtp;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use str0m::media::Mid;
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use wire::Message;

/// What all subjects begin with.
const PREFIX: &str = "fluvial.sfu";
/// Everything is told again that often.
pub(crate) const REPEAT: Duration = Duration::from_secs(1);
/// A node that has told nothing for so long is gone.
const SILENT: Duration = Duration::from_secs(5);
/// What of the rooms waits for the network at most.
pub(crate) const WAITING: usize = 8192;
/// Messages of others that wait.
const INBOX: usize = 1024;
/// Other nodes at most.
const MOST_NODES: usize = 256;
/// Longest datagram of another node.
const LONGEST: usize = 2048;
/// Datagrams that are taken before others have their turn.
const TURNS: usize = 64;

/// What rooms here have for other nodes.
#[derive(Debug)]
pub(crate) enum Local {
    /// Who is here, of those in a room; nobody: the room is closed here. A room that is opened again has another number.
    People {
        room: Arc<str>,
        number: u64,
        people: Vec<(PeerId, Guest)>,
    },
    /// What those here want of the pictures of people elsewhere.
    Wants {
        room: Arc<str>,
        wants: HashSet<(PeerId, Mid, usize)>,
    },
    /// A packet, a message, or a request for a keyframe.
    Outbound { room: Arc<str>, what: Outbound },
}

/// How to be one of several.
#[derive(Debug)]
pub(crate) struct Settings {
    /// The NATS server.
    pub(crate) server: String,
    /// Where pages reach this node.
    pub(crate) url: String,
    /// Where packets of others come.
    pub(crate) bind: SocketAddr,
    /// Addresses of this node, where they are not those of the machine.
    pub(crate) announce: Vec<std::net::IpAddr>,
}

/// One of several.
pub(crate) struct Cluster {
    node: String,
    url: String,
    address: SocketAddr,
    key: Vec<u8>,
    client: Client,
    socket: UdpSocket,
    switchboard: Switchboard,
    /// Encrypts what is sent, to whomever.
    sender: srtp::Context,
    /// The streams of people here: whose, and of which track and layer; and whether they are pictures.
    streams: HashMap<(PeerId, Mid, usize), (u32, bool)>,
    sources: HashMap<u32, (Arc<str>, PeerId, Mid, usize)>,
    last_source: u32,
    halls: HashMap<Arc<str>, Hall>,
    nodes: BTreeMap<String, Node>,
    inbox: mpsc::Sender<Message>,
    /// When NATS was away last: nobody can have told anything then.
    away: Instant,
}

/// Another one.
struct Node {
    url: String,
    address: SocketAddr,
    key: Vec<u8>,
    receiver: srtp::Context,
    heard: Instant,
    places: HashMap<u32, Place>,
    /// The streams of pictures that it wants, by room; all of those of which it told nothing.
    wants: HashMap<Arc<str>, HashSet<u32>>,
}

impl Cluster {
    /// Joins the others.
    pub(crate) async fn join(
        settings: Settings,
        switchboard: Switchboard,
    ) -> anyhow::Result<(Self, Inputs)> {
        let socket = UdpSocket::bind(settings.bind)
            .await
            .with_context(|| format!("cannot have UDP {}", settings.bind))?;
        let address = common::reach::addresses(socket.local_addr()?, &settings.announce)
            .first()
            .copied()
            .context("no address for other nodes")?;
        let client = ConnectOptions::new()
            .name("sfu")
            .no_echo()
            // So that it is known to be away before the others are taken for gone.
            .ping_interval(REPEAT)
            // And that all are back before that.
            .reconnect_delay_callback(|_| REPEAT)
            .connect(&settings.server)
            .await
            .with_context(|| format!("cannot reach NATS at {}", settings.server))?;
        let node = format!("{:016x}", rand::random::<u64>());
        let all = client.subscribe(format!("{PREFIX}.nodes")).await?;
        let own = client.subscribe(format!("{PREFIX}.node.{node}")).await?;
        let (inbox, messages) = mpsc::channel(INBOX);
        tokio::spawn(read(all, inbox.clone()));
        tokio::spawn(read(own, inbox.clone()));
        tracing::info!(node, %address, "one of a cluster");
        let key = wire::new_key();
        let cluster = Self {
            sender: wire::context(&key)?,
            node,
            url: settings.url,
            address,
            key,
            client,
            socket,
            switchboard,
            streams: HashMap::new(),
            sources: HashMap::new(),
            last_source: 0,
            halls: HashMap::new(),
            nodes: BTreeMap::new(),
            inbox,
            away: Instant::now(),
        };
        Ok((cluster, Inputs(messages)))
    }

    /// Goes on until `close`.
    pub(crate) async fn run(
        mut self,
        inputs: Inputs,
        mut local: mpsc::Receiver<Local>,
        close: Shutdown,
    ) {
        let Inputs(mut messages) = inputs;
        let mut repeat = tokio::time::interval(REPEAT);
        repeat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = repeat.tick() => self.repeat().await,
                Some(local) = local.recv() => self.local(local).await,
                Some(message) = messages.recv() => self.message(message).await,
                readable = self.socket.readable() => if readable.is_ok() {
                    self.receive();
                },
                () = close.wait() => break,
            }
        }
        let node = self.node.clone();
        self.tell("nodes", &Message::Bye { node }).await;
        // What was told is to leave before the process ends.
        let _ = tokio::time::timeout(REPEAT, self.client.flush()).await;
    }

    async fn repeat(&mut self) {
        let now = Instant::now();
        if !self.is_reached() {
            self.away = now;
            return;
        }
        self.hello().await;
        let away = self.away;
        let silent = |node: &Node| now.saturating_duration_since(node.heard.max(away)) > SILENT;
        let gone: Vec<_> = self
            .nodes
            .iter()
            .filter(|(_, node)| silent(node))
            .map(|(name, _)| name.clone())
            .collect();
        for name in gone {
            self.forget(&name).await;
        }
        let rooms: Vec<_> = self.halls.keys().cloned().collect();
        for room in rooms {
            self.tell_people(&room).await;
            self.tell_wants(&room).await;
        }
    }

    /// Whether NATS is there.
    fn is_reached(&self) -> bool {
        self.client.connection_state() == State::Connected
    }

    async fn hello(&self) {
        let hello = Message::Hello {
            node: self.node.clone(),
            url: self.url.clone(),
            address: self.address,
            key: self.key.clone(),
        };
        self.tell("nodes", &hello).await;
    }

    async fn tell(&self, subject: &str, message: &Message) {
        // While NATS is away rooms go on by themselves, and what waited for it would hold them up: all is told again once it is back.
        if !self.is_reached() {
            return;
        }
        let Ok(text) = serde_json::to_vec(message) else {
            return;
        };
        let subject = format!("{PREFIX}.{subject}");
        if let Err(error) = self.client.publish(subject, text.into()).await {
            tracing::debug!("NATS: {error}");
        }
    }

    async fn message(&mut self, message: Message) {
        match message {
            Message::Hello {
                node,
                url,
                address,
                key,
            } => self.meet(node, url, address, key).await,
            Message::Bye { node } => self.forget(&node).await,
            Message::People { node, room, people } => self.people_of(&node, &room, people).await,
            Message::Said {
                node,
                room,
                label,
                binary,
                data,
            } => {
                if self.nodes.contains_key(&node) {
                    self.switchboard.say(&room, label, binary, data).await;
                }
            }
            Message::Wants {
                node,
                room,
                streams,
            } => self.wanted_by(&node, &room, streams),
            Message::Keyframe { ssrc, node } => {
                if let Some((room, id, track, layer)) = self.sources.get(&ssrc) {
                    let node = self.nodes.get_mut(&node);
                    if let Some(wants) = node.and_then(|node| node.wants.get_mut(room)) {
                        wants.insert(ssrc);
                    }
                    self.switchboard
                        .ask_keyframe(room, *id, *track, *layer)
                        .await;
                }
            }
        }
    }

    async fn meet(&mut self, name: String, url: String, address: SocketAddr, key: Vec<u8>) {
        if name == self.node {
            return;
        }
        if let Some(node) = self.nodes.get_mut(&name)
            && node.key == key
        {
            (node.heard, node.address) = (Instant::now(), address);
            if node.url != url {
                node.url = url;
                self.tell_nodes();
            }
            return;
        }
        let Ok(receiver) = wire::context(&key) else {
            return tracing::warn!(node = name, "its key is none");
        };
        if self.nodes.len() >= MOST_NODES {
            return tracing::warn!(node = name, "there are too many nodes");
        }
        tracing::info!(node = name, url, %address, "another node");
        let node = Node {
            url,
            address,
            key,
            receiver,
            heard: Instant::now(),
            places: HashMap::new(),
            wants: HashMap::new(),
        };
        self.nodes.insert(name, node);
        self.tell_nodes();
        // It is to know at once, too.
        self.hello().await;
        let rooms: Vec<_> = self.halls.keys().cloned().collect();
        for room in rooms {
            self.tell_people(&room).await;
        }
    }

    async fn forget(&mut self, name: &str) {
        if self.nodes.remove(name).is_none() {
            return;
        }
        tracing::info!(node = name, "a node is gone");
        self.tell_nodes();
        let rooms: Vec<_> = self.halls.keys().cloned().collect();
        for room in rooms {
            self.leave(name, &room).await;
        }
    }

    /// Pages are told where they can go.
    fn tell_nodes(&self) {
        let urls = self.nodes.values().map(|node| node.url.clone());
        self.switchboard.tell_nodes(urls.collect());
    }

    /// Takes the packets of other nodes.
    fn receive(&mut self) {
        let mut buffer = [0; LONGEST];
        for _ in 0..TURNS {
            let Ok((length, from)) = self.socket.try_recv_from(&mut buffer) else {
                return;
            };
            let datagram = buffer.get(..length).unwrap_or_default();
            self.datagram(datagram, from);
        }
    }

    fn datagram(&mut self, datagram: &[u8], from: SocketAddr) {
        let mut nodes = self.nodes.values_mut();
        let Some(node) = nodes.find(|node| node.address == from) else {
            return;
        };
        let Some(ssrc) = wire::ssrc(datagram) else {
            return;
        };
        let Some(place) = node.places.get_mut(&ssrc) else {
            return;
        };
        let now = Instant::now();
        let mut data = datagram.to_vec();
        match wire::open(&mut node.receiver, &mut data, place.last, now) {
            Ok(packet) => {
                // One that comes no more may go on after so long that its numbers have begun again.
                place.has_begun = place.is_wanted(now);
                // Who sends is there, also where NATS is not.
                node.heard = now;
                place.last = place.last.max(packet.sequence);
                self.switchboard.packets(
                    &place.room,
                    place.id,
                    &place.track,
                    place.layer,
                    vec![packet],
                );
            }
            // The next news of the room tell from where to go on.
            Err(error) => tracing::debug!(%from, ssrc, "a packet of another node: {error}"),
        }
    }
}

/// Messages of other nodes.
pub(crate) struct Inputs(mpsc::Receiver<Message>);

/// Reads what comes for a subject.
async fn read(mut subscriber: Subscriber, inbox: mpsc::Sender<Message>) {
    while let Some(message) = subscriber.next().await {
        match serde_json::from_slice(&message.payload) {
            Ok(message) => {
                if inbox.send(message).await.is_err() {
                    return;
                }
            }
            Err(error) => tracing::debug!("a message of another node: {error}"),
        }
    }
}
