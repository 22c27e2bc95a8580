//! A thread with a share of the rooms, its own socket and its own clock. It shares nothing with the others but a table of who is
//! where, which is asked only for clients that nobody here has seen before.

use crate::cluster::Local;
use crate::directory::Directory;
use crate::message::{Notice, Person, Request, Source};
use crate::record::Recorder;
use crate::room::{Config, Counters, Entrance, Guest, Packet, PeerId, Refusal, Room, Taken, TapId};
use crate::udp::Port;
use common::record::Recordings;
use common::stun;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use str0m::media::Mid;
use str0m::net::{DatagramSend, Protocol, Transmit};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};

/// Notices that wait for a page; one that takes none for so long has lost its place.
pub(crate) const NOTICES: usize = 1024;
/// Commands that wait for a thread.
pub(crate) const COMMANDS: usize = 4096;
/// Addresses of one client at a time.
const ADDRESSES: usize = 64;
/// Clients of other threads whose datagrams come here.
const FOREIGN: usize = 65_536;
/// Other nodes are told who is here as soon as that changes, but not more often.
const LOOK: Duration = Duration::from_millis(100);
/// Longest sleep.
const IDLE: Duration = Duration::from_secs(3600);

/// What a thread is told to do.
#[derive(Debug)]
pub(crate) enum Command {
    /// Lets somebody into a room, who gets `notices`.
    Join {
        room: Arc<str>,
        id: PeerId,
        name: String,
        notices: mpsc::Sender<Notice>,
        reply: oneshot::Sender<Result<(), Refusal>>,
    },
    /// Somebody asks for something.
    Request { id: PeerId, request: Request },
    /// Somebody has gone.
    Leave { id: PeerId },
    /// Lets somebody in who has but a session description.
    Offer {
        room: Arc<str>,
        id: PeerId,
        name: String,
        sdp: String,
        reply: oneshot::Sender<Result<String, Refusal>>,
    },
    /// What somebody sends is wanted elsewhere, too, as long as `packets` is open; `who` is their number or their name.
    Forward {
        room: Arc<str>,
        who: String,
        screen: bool,
        packets: mpsc::Sender<Taken>,
        reply: oneshot::Sender<Option<TapId>>,
    },
    /// Whoever takes what somebody sends cannot go on without a keyframe.
    Keyframe { tap: TapId },
    /// Somebody is in a room without a connection, or sends something else than before. Who is at another node comes only into the
    /// opening of a room that has this number.
    Host {
        room: Arc<str>,
        id: PeerId,
        guest: Guest,
        entrance: Entrance,
        number: Option<u64>,
    },
    /// A packet of theirs.
    Packet {
        id: PeerId,
        track: Box<str>,
        layer: usize,
        packet: Box<Packet>,
    },
    /// Another node lacks a keyframe of somebody here.
    AskKeyframe {
        id: PeerId,
        track: Mid,
        layer: usize,
    },
    /// Somebody at another node has written to a data channel.
    Say {
        room: Arc<str>,
        label: String,
        binary: bool,
        data: Vec<u8>,
    },
    /// Whether what is sent in a room goes to other nodes.
    Relay { room: Arc<str>, relays: bool },
    /// A datagram that came at another thread.
    Datagram {
        from: SocketAddr,
        to: Option<SocketAddr>,
        data: Vec<u8>,
    },
    /// Somebody connects by TCP, asking for somebody who is here; `back` goes to them as long as they are.
    Opened {
        from: SocketAddr,
        to: SocketAddr,
        back: mpsc::Sender<DatagramSend>,
        data: Vec<u8>,
    },
    /// More of them.
    Frame { from: SocketAddr, data: Vec<u8> },
    /// That connection has ended.
    Closed { from: SocketAddr },
    /// Tells what goes on.
    Status {
        reply: oneshot::Sender<Vec<RoomStatus>>,
    },
    /// Tells everybody that the server ends soon.
    Drain,
    /// Sends last words, and ends.
    End,
}

/// What goes on in a room.
#[derive(Debug)]
pub(crate) struct RoomStatus {
    pub(crate) name: Arc<str>,
    pub(crate) people: Vec<Person>,
    pub(crate) counters: Counters,
}

#[derive(Debug)]
struct Seat {
    room: Arc<str>,
    notices: Option<mpsc::Sender<Notice>>,
    ufrag: String,
    addresses: Vec<SocketAddr>,
}

/// A connection of TCP.
#[derive(Debug)]
struct Link {
    id: PeerId,
    /// The candidate at which it came.
    to: SocketAddr,
    back: mpsc::Sender<DatagramSend>,
}

#[derive(Debug)]
struct Hall {
    room: Room,
    recorder: Option<Recorder>,
    /// What is taken of people just now, and who gets it.
    begun: HashMap<TapId, Taken>,
    forwards: Vec<(TapId, mpsc::Sender<Taken>)>,
    due: Option<Instant>,
    /// Which opening this is, of all rooms of the thread.
    number: u64,
    /// Who is here, as other nodes were told, and when to look again.
    told: Vec<(PeerId, Guest)>,
    look: Instant,
}

#[derive(Debug)]
pub(crate) struct Worker {
    index: usize,
    config: Arc<Config>,
    max_rooms: usize,
    directory: Arc<Directory>,
    others: Vec<mpsc::Sender<Command>>,
    recordings: Option<Recordings>,
    halls: HashMap<Arc<str>, Hall>,
    due: BTreeSet<(Instant, Arc<str>)>,
    touched: BTreeSet<Arc<str>>,
    seats: HashMap<PeerId, Seat>,
    by_address: HashMap<SocketAddr, PeerId>,
    foreign: HashMap<SocketAddr, usize>,
    openings: u64,
    /// The other nodes, where there are some.
    cluster: Option<mpsc::Sender<Local>>,
    links: HashMap<SocketAddr, Link>,
}

impl Hall {
    /// Somebody wants what a person sends: begins with what there is already.
    fn forward(
        &mut self,
        who: &str,
        screen: bool,
        packets: mpsc::Sender<Taken>,
        now: Instant,
    ) -> Option<TapId> {
        let by_number = who.parse().ok().map(PeerId);
        let by_name = || self.room.find(who);
        let peer = by_number.filter(|id| self.room.has(*id)).or_else(by_name)?;
        let tap = TapId { peer, screen };
        if let Some(begins) = self.begun.get(&tap) {
            // It is new, and has room.
            let _ = packets.try_send(begins.clone());
        }
        self.forwards.push((tap, packets));
        self.room.take(peer, true, now);
        self.room.want_keyframes(tap, now);
        Some(tap)
    }

    /// Gives what was taken to whoever keeps it or passes it on.
    fn pass_on(&mut self, taken: &Taken, now: Instant) {
        let tap = taken.tap();
        match taken {
            Taken::Begins { .. } => {
                self.begun.insert(tap, taken.clone());
            }
            Taken::Ends { .. } => {
                self.begun.remove(&tap);
            }
            Taken::Packet { .. } => {}
        }
        if let Some(recorder) = &mut self.recorder
            && recorder.handle(taken)
        {
            self.room.want_keyframes(tap, now);
        }
        let before = self.forwards.len();
        self.forwards.retain(|(other, packets)| {
            // Who does not keep up loses packets, as on any network.
            *other != tap
                || !matches!(
                    packets.try_send(taken.clone()),
                    Err(TrySendError::Closed(_))
                )
        });
        if self.forwards.len() < before
            && self
                .forwards
                .iter()
                .all(|(other, _)| other.peer != tap.peer)
        {
            self.room.take(tap.peer, false, now);
        }
    }
}

impl Worker {
    pub(crate) fn new(
        index: usize,
        config: Arc<Config>,
        max_rooms: usize,
        directory: Arc<Directory>,
        others: Vec<mpsc::Sender<Command>>,
        recordings: Option<Recordings>,
        cluster: Option<mpsc::Sender<Local>>,
    ) -> Self {
        Self {
            index,
            config,
            max_rooms,
            directory,
            others,
            recordings,
            halls: HashMap::new(),
            due: BTreeSet::new(),
            touched: BTreeSet::new(),
            seats: HashMap::new(),
            by_address: HashMap::new(),
            foreign: HashMap::new(),
            openings: 0,
            cluster,
            links: HashMap::new(),
        }
    }

    /// Runs until it is told to end.
    pub(crate) async fn run(mut self, mut port: Port, mut commands: mpsc::Receiver<Command>) {
        loop {
            let due = self.due.first().map(|(due, _)| *due);
            let sleep =
                tokio::time::sleep_until(due.unwrap_or_else(|| Instant::now() + IDLE).into());
            tokio::select! {
                ready = port.ready() => if let Err(error) = ready {
                    tracing::error!("UDP ends: {error}");
                    return;
                },
                command = commands.recv() => match command {
                    Some(Command::End) | None => return self.end(&mut port),
                    Some(command) => self.handle_command(command, Instant::now()),
                },
                () = sleep => {}
            }
            let now = Instant::now();
            port.receive(|from, to, data| self.datagram(from, to, data, now));
            while let Some((due, name)) = self.due.first()
                && *due <= now
            {
                self.touched.insert(Arc::clone(name));
                self.due.pop_first();
            }
            self.flush(&mut port, now);
            port.send();
        }
    }

    /// A datagram goes to the client from whom it comes.
    fn datagram(&mut self, from: SocketAddr, to: Option<SocketAddr>, data: &[u8], now: Instant) {
        let mut known = self.by_address.get(&from).copied();
        // Only those that ask for a connection tell for whom they are; an address may come to mean another one.
        if let Some(ufrag) = stun::asked_for(data) {
            match self.directory.find(ufrag) {
                Some((worker, id)) if worker == self.index && known != Some(id) => {
                    known = self.remember(from, id);
                }
                Some((worker, _)) if worker == self.index => {}
                Some((worker, _)) => {
                    self.by_address.remove(&from);
                    if self.foreign.len() >= FOREIGN {
                        self.foreign.clear();
                    }
                    self.foreign.insert(from, worker);
                    return self.hand_over(worker, from, to, data);
                }
                None => {}
            }
        }
        let Some(id) = known else {
            if let Some(&worker) = self.foreign.get(&from) {
                self.hand_over(worker, from, to, data);
            }
            return;
        };
        let to = own_address(&self.config.addresses, to, from);
        self.give(id, Protocol::Udp, from, to, data, now);
    }

    fn give(
        &mut self,
        id: PeerId,
        protocol: Protocol,
        from: SocketAddr,
        to: SocketAddr,
        data: &[u8],
        now: Instant,
    ) {
        if let Some(seat) = self.seats.get(&id)
            && let Some(hall) = self.halls.get_mut(&seat.room)
        {
            hall.room.handle_datagram(id, protocol, from, to, data, now);
            self.touched.insert(Arc::clone(&seat.room));
        }
    }

    /// Somebody connects by TCP. If nobody here is meant, `back` is dropped, which ends it.
    fn connect(
        &mut self,
        from: SocketAddr,
        to: SocketAddr,
        back: mpsc::Sender<DatagramSend>,
        data: &[u8],
        now: Instant,
    ) {
        let found = stun::asked_for(data).and_then(|ufrag| self.directory.find(ufrag));
        let Some((_, id)) = found.filter(|(worker, _)| *worker == self.index) else {
            return;
        };
        let to = own_address(&self.config.tcp_addresses, Some(to), from);
        self.links.insert(from, Link { id, to, back });
        self.give(id, Protocol::Tcp, from, to, data, now);
    }

    fn remember(&mut self, from: SocketAddr, id: PeerId) -> Option<PeerId> {
        let seat = self.seats.get_mut(&id)?;
        if seat.addresses.len() >= ADDRESSES {
            let oldest = seat.addresses.remove(0);
            self.by_address.remove(&oldest);
        }
        seat.addresses.push(from);
        self.by_address.insert(from, id);
        Some(id)
    }

    fn hand_over(&self, worker: usize, from: SocketAddr, to: Option<SocketAddr>, data: &[u8]) {
        if let Some(other) = self.others.get(worker) {
            // One that does not keep up loses packets, as on any network.
            let _ = other.try_send(Command::Datagram {
                from,
                to,
                data: data.to_vec(),
            });
        }
    }

    fn handle_command(&mut self, command: Command, now: Instant) {
        match command {
            Command::Join {
                room,
                id,
                name,
                notices,
                reply,
            } => {
                let joined = self.enter(room, id, &name, Entrance::Socket, Some(notices), now);
                // Who asked may have gone meanwhile.
                let _ = reply.send(joined);
            }
            Command::Offer {
                room,
                id,
                name,
                sdp,
                reply,
            } => {
                let answer = self
                    .enter(room, id, &name, Entrance::Http, None, now)
                    .and_then(|()| self.offer(id, &sdp, now));
                if answer.is_err() {
                    self.leave(id, now);
                }
                let _ = reply.send(answer);
            }
            Command::Request { id, request } => {
                if let Some(seat) = self.seats.get(&id)
                    && let Some(hall) = self.halls.get_mut(&seat.room)
                {
                    hall.room.handle_request(id, request, now);
                    self.touched.insert(Arc::clone(&seat.room));
                    self.register(id);
                }
            }
            Command::Leave { id } => self.leave(id, now),
            Command::Forward {
                room,
                who,
                screen,
                packets,
                reply,
            } => {
                let hall = self.halls.get_mut(&room);
                let tap = hall.and_then(|hall| hall.forward(&who, screen, packets, now));
                if tap.is_some() {
                    self.touched.insert(room);
                }
                let _ = reply.send(tap);
            }
            Command::Keyframe { tap } => {
                if let Some(seat) = self.seats.get(&tap.peer)
                    && let Some(hall) = self.halls.get_mut(&seat.room)
                {
                    hall.room.want_keyframes(tap, now);
                    self.touched.insert(Arc::clone(&seat.room));
                }
            }
            Command::Host {
                room,
                id,
                guest,
                entrance,
                number,
            } => self.host(room, id, &guest, entrance, number, now),
            Command::Packet {
                id,
                track,
                layer,
                packet,
            } => {
                if let Some((name, hall)) = self.hall_of(id) {
                    hall.room.handle_packet(id, &track, layer, *packet, now);
                    self.touched.insert(name);
                }
            }
            Command::AskKeyframe { id, track, layer } => {
                if let Some((name, hall)) = self.hall_of(id) {
                    hall.room.ask_keyframe(id, &track, layer, now);
                    self.touched.insert(name);
                }
            }
            Command::Say {
                room,
                label,
                binary,
                data,
            } => {
                if let Some(hall) = self.halls.get_mut(&room) {
                    hall.room.hear(&label, binary, &data);
                    self.touched.insert(room);
                }
            }
            Command::Relay { room, relays } => {
                if let Some(hall) = self.halls.get_mut(&room) {
                    hall.room.relay(relays);
                }
            }
            Command::Datagram { from, to, data } => self.datagram(from, to, &data, now),
            Command::Opened {
                from,
                to,
                back,
                data,
            } => self.connect(from, to, back, &data, now),
            Command::Frame { from, data } => {
                if let Some(link) = self.links.get(&from) {
                    self.give(link.id, Protocol::Tcp, from, link.to, &data, now);
                }
            }
            Command::Closed { from } => {
                self.links.remove(&from);
            }
            Command::Status { reply } => {
                let status = self.halls.iter().map(|(name, hall)| RoomStatus {
                    name: Arc::clone(name),
                    people: hall.room.people().collect(),
                    counters: hall.room.counters(),
                });
                let _ = reply.send(status.collect());
            }
            Command::Drain => {
                for (name, hall) in &mut self.halls {
                    hall.room.drain();
                    self.touched.insert(Arc::clone(name));
                }
            }
            Command::End => {}
        }
    }

    fn enter(
        &mut self,
        room: Arc<str>,
        id: PeerId,
        name: &str,
        entrance: Entrance,
        notices: Option<mpsc::Sender<Notice>>,
        now: Instant,
    ) -> Result<(), Refusal> {
        let hall = self.open(&room, now)?;
        hall.room.join(id, name, entrance, now)?;
        tracing::info!(%room, peer = %id, name, "joined");
        self.sit(room, id, notices);
        self.register(id);
        Ok(())
    }

    /// The room, which is new if nobody was in it.
    fn open(&mut self, room: &Arc<str>, now: Instant) -> Result<&mut Hall, Refusal> {
        if !self.halls.contains_key(room) {
            if self.halls.len() >= self.max_rooms {
                return Err(Refusal::Full);
            }
            self.openings += 1;
        }
        self.touched.insert(Arc::clone(room));
        Ok(self.halls.entry(Arc::clone(room)).or_insert_with(|| Hall {
            recorder: self
                .recordings
                .clone()
                .map(|files| Recorder::new(room, files)),
            room: Room::new(Arc::clone(&self.config), now),
            begun: HashMap::new(),
            forwards: Vec::new(),
            due: None,
            number: self.openings,
            told: Vec::new(),
            look: now,
        }))
    }

    fn sit(&mut self, room: Arc<str>, id: PeerId, notices: Option<mpsc::Sender<Notice>>) {
        let seat = Seat {
            room,
            notices,
            ufrag: String::new(),
            addresses: Vec::new(),
        };
        self.seats.insert(id, seat);
    }

    fn hall_of(&mut self, id: PeerId) -> Option<(Arc<str>, &mut Hall)> {
        let room = &self.seats.get(&id)?.room;
        Some((Arc::clone(room), self.halls.get_mut(room)?))
    }

    fn host(
        &mut self,
        room: Arc<str>,
        id: PeerId,
        guest: &Guest,
        entrance: Entrance,
        number: Option<u64>,
        now: Instant,
    ) {
        let hall = match number {
            Some(number) => self
                .halls
                .get_mut(&room)
                .filter(|hall| hall.number == number),
            None => self.open(&room, now).ok(),
        };
        let Some(hall) = hall else {
            return;
        };
        if let Err(refusal) = hall.room.host(id, guest, entrance, now) {
            return tracing::warn!(%room, name = guest.name, "cannot come in: {refusal}");
        }
        self.touched.insert(Arc::clone(&room));
        if !self.seats.contains_key(&id) {
            tracing::info!(%room, peer = %id, name = guest.name, ?entrance, "joined");
            self.sit(room, id, None);
        }
    }

    fn offer(&mut self, id: PeerId, sdp: &str, now: Instant) -> Result<String, Refusal> {
        let seat = self.seats.get(&id).ok_or(Refusal::Stranger)?;
        let hall = self.halls.get_mut(&seat.room).ok_or(Refusal::Stranger)?;
        let sources = BTreeMap::<String, Source>::new();
        let answer = hall.room.offer(id, sdp, sources, now);
        self.register(id);
        answer
    }

    fn leave(&mut self, id: PeerId, now: Instant) {
        if let Some(seat) = self.seats.get(&id)
            && let Some(hall) = self.halls.get_mut(&seat.room)
        {
            hall.room.leave(id, now);
            self.touched.insert(Arc::clone(&seat.room));
        }
    }

    /// Writes down under which name datagrams will ask for somebody: it changes when the client starts ICE anew.
    fn register(&mut self, id: PeerId) {
        let Some(seat) = self.seats.get_mut(&id) else {
            return;
        };
        let hall = self.halls.get_mut(&seat.room);
        if let Some(ufrag) = hall.and_then(|hall| hall.room.ufrag(id))
            && ufrag != seat.ufrag
        {
            self.directory.remove(&seat.ufrag);
            self.directory.insert(&ufrag, self.index, id);
            seat.ufrag = ufrag;
        }
    }

    /// Takes all outputs of the rooms in which something has happened.
    fn flush(&mut self, port: &mut Port, now: Instant) {
        while let Some(name) = self.touched.pop_first() {
            let Some(hall) = self.halls.get_mut(&name) else {
                continue;
            };
            hall.room.handle_timeout(now);
            while let Some(transmit) = hall.room.poll_transmit() {
                dispatch(&self.links, port, transmit);
            }
            while let Some((id, notice)) = hall.room.poll_notice() {
                let seat = self.seats.get(&id);
                if let Some(notices) = seat.and_then(|seat| seat.notices.as_ref())
                    && let Err(TrySendError::Full(_)) = notices.try_send(notice)
                {
                    tracing::info!(peer = %id, "takes no notices any more");
                    hall.room.leave(id, now);
                }
            }
            let mut left = Vec::new();
            while let Some(id) = hall.room.poll_gone() {
                hall.forwards.retain(|(tap, _)| tap.peer != id);
                if let Some(seat) = self.seats.remove(&id) {
                    tracing::info!(room = %name, peer = %id, "left");
                    self.directory.remove(&seat.ufrag);
                    left.push(id);
                    for address in seat.addresses {
                        self.by_address.remove(&address);
                    }
                }
            }
            while let Some(transmit) = hall.room.poll_transmit() {
                dispatch(&self.links, port, transmit);
            }
            if !left.is_empty() {
                self.links.retain(|_, link| !left.contains(&link.id));
            }
            while let Some(taken) = hall.room.poll_taken() {
                hall.pass_on(&taken, now);
            }
            let is_empty = hall.room.is_empty();
            while let Some(what) = hall.room.poll_outbound() {
                if let Some(cluster) = &self.cluster {
                    let room = Arc::clone(&name);
                    // What does not find room is lost, as on any network; it is asked for again.
                    let _ = cluster.try_send(Local::Outbound { room, what });
                }
            }
            if let Some(cluster) = &self.cluster
                && (hall.look <= now || is_empty)
            {
                hall.look = now + LOOK;
                let people: Vec<_> = hall.room.locals().collect();
                if people != hall.told || is_empty {
                    let told = Local::People {
                        room: Arc::clone(&name),
                        number: hall.number,
                        people: people.clone(),
                    };
                    // If there is no room for it, soon.
                    if cluster.try_send(told).is_ok() {
                        hall.told = people;
                    }
                }
            }
            let due = hall.room.poll_timeout();
            if let Some(old) = std::mem::replace(&mut hall.due, due) {
                self.due.remove(&(old, Arc::clone(&name)));
            }
            if let Some(due) = due {
                self.due.insert((due, Arc::clone(&name)));
            }
            if is_empty {
                self.halls.remove(&name);
                // Guests of other nodes have nobody to see them.
                self.seats.retain(|_, seat| seat.room != name);
                self.due.retain(|(_, other)| *other != name);
            }
        }
    }

    fn end(&mut self, port: &mut Port) {
        let now = Instant::now();
        let all: Vec<_> = self.seats.keys().copied().collect();
        for id in all {
            self.leave(id, now);
        }
        self.flush(port, now);
        port.send();
    }
}

/// The candidate at which a datagram came. Behind an address translator that is not the address that the kernel tells.
fn own_address(own: &[SocketAddr], to: Option<SocketAddr>, from: SocketAddr) -> SocketAddr {
    let same = |address: &&SocketAddr| address.is_ipv4() == from.is_ipv4();
    match to {
        Some(to) if own.contains(&to) => to,
        _ => own.iter().find(same).copied().unwrap_or(from),
    }
}

/// Sends by the way that the client has chosen.
fn dispatch(links: &HashMap<SocketAddr, Link>, port: &mut Port, transmit: Transmit) {
    if transmit.proto != Protocol::Tcp {
        port.queue(transmit);
    } else if let Some(link) = links.get(&transmit.destination) {
        // One that does not keep up loses packets, as on any network.
        let _ = link.back.try_send(transmit.contents);
    }
}
