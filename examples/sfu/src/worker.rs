//! A thread with a share of the rooms, its own socket and its own clock. It shares nothing with the others but a table of who is
//! where, which is asked only for clients that nobody here has seen before.

mod command;
mod hall;
mod ways;

pub(crate) use command::{Command, RoomStatus};

use crate::cluster::Local;
use crate::directory::Directory;
use crate::message::{Notice, Source};
use crate::record::Recorder;
use crate::room::{Config, Entrance, Guest, PeerId, Refusal, Room};
use crate::udp::Port;
use common::record::Recordings;
use hall::Hall;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use ways::{Handshake, Link, dispatch};

/// Notices that wait for a page; one that takes none for so long has lost its place.
pub(crate) const NOTICES: usize = 1024;
/// Commands that wait for a thread.
pub(crate) const COMMANDS: usize = 4096;
/// Longest sleep.
const IDLE: Duration = Duration::from_secs(3600);

#[derive(Debug)]
struct Seat {
    room: Arc<str>,
    notices: Option<mpsc::Sender<Arc<Notice>>>,
    ufrag: String,
    addresses: Vec<SocketAddr>,
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
    /// Steps of handshakes, which take much longer than packets of media: those go first.
    handshakes: VecDeque<Handshake>,
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
            handshakes: VecDeque::new(),
        }
    }

    /// The addresses that clients are told.
    pub(crate) fn candidates(&self) -> &[SocketAddr] {
        &self.config.addresses
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
                () = tokio::task::yield_now(), if !self.handshakes.is_empty() => {}
            }
            if !self.obey(&mut commands) {
                return self.end(&mut port);
            }
            let now = Instant::now();
            port.receive(|from, to, data| self.datagram(from, to, data, now));
            self.shake_a_hand(now);
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

    /// Does what it is told meanwhile, which is packets above all: those that came at other threads, by TCP or of other nodes. What takes long is
    /// done one a turn, so that packets need not wait for it. Whether it goes on.
    fn obey(&mut self, commands: &mut mpsc::Receiver<Command>) -> bool {
        for _ in 0..COMMANDS {
            match commands.try_recv() {
                Ok(Command::End) => return false,
                Ok(command) => {
                    let takes_long = command.takes_long();
                    self.handle_command(command, Instant::now());
                    if takes_long {
                        break;
                    }
                }
                // Where there will be none any more, that is told when it waits for them.
                Err(_) => break,
            }
        }
        true
    }

    fn enter(
        &mut self,
        room: Arc<str>,
        id: PeerId,
        name: &str,
        entrance: Entrance,
        notices: Option<mpsc::Sender<Arc<Notice>>>,
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
        Ok(self.halls.entry(Arc::clone(room)).or_insert_with(|| {
            let files = self.recordings.clone();
            let recorder = files.map(|files| Recorder::new(room, files));
            Hall::new(
                Room::new(Arc::clone(&self.config), now),
                recorder,
                self.openings,
                now,
            )
        }))
    }

    fn sit(&mut self, room: Arc<str>, id: PeerId, notices: Option<mpsc::Sender<Arc<Notice>>>) {
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
        room: &Arc<str>,
        id: PeerId,
        guest: &Guest,
        entrance: Entrance,
        number: Option<u64>,
        now: Instant,
    ) -> Result<(), Refusal> {
        let hall = match number {
            Some(number) => {
                let hall = self.halls.get_mut(room);
                match hall.filter(|hall| hall.number == number) {
                    Some(hall) => hall,
                    // It was closed meanwhile.
                    None => return Ok(()),
                }
            }
            None => self.open(room, now)?,
        };
        hall.room.host(id, guest, entrance, now)?;
        self.touched.insert(Arc::clone(room));
        if !self.seats.contains_key(&id) {
            tracing::info!(%room, peer = %id, name = guest.name, ?entrance, "joined");
            self.sit(Arc::clone(room), id, None);
        }
        Ok(())
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
            hall.tell(&name, self.cluster.as_ref(), now);
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

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::oneshot;

    /// One command a turn was slower than packets came to the wrong thread: on a busy machine they waited for 20 seconds, and all else with them.
    #[test]
    fn packets_do_not_wait_for_each_other_but_for_one_join_a_turn() {
        let crypto = Arc::new(str0m::crypto::from_feature_flags());
        let config = Config {
            certificate: crypto.dtls_provider.generate_certificate().unwrap(),
            crypto,
            addresses: Vec::new(),
            tcp_addresses: Vec::new(),
            max_peers: 10,
            max_audio: 4,
            max_video: 4,
            takes: false,
        };
        let mut worker = Worker::new(
            0,
            Arc::new(config),
            10,
            Arc::default(),
            Vec::new(),
            None,
            None,
        );
        let (told, mut commands) = mpsc::channel(COMMANDS);
        let packet = || Command::Datagram {
            from: ([192, 0, 2, 1], 5000).into(),
            to: None,
            data: vec![0x80; 12],
        };
        let join = || Command::Join {
            room: "tea".into(),
            id: PeerId(1),
            name: "ann".into(),
            notices: mpsc::channel(1).0,
            reply: oneshot::channel().0,
        };
        for command in [packet(), packet(), join(), packet(), join(), packet()] {
            told.try_send(command).unwrap();
        }
        for left in [3, 1, 0] {
            assert!(worker.obey(&mut commands));
            assert_eq!(commands.len(), left);
        }
        told.try_send(Command::End).unwrap();
        assert!(!worker.obey(&mut commands));
    }
}
