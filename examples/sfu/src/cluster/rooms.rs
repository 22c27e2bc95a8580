//! Who is where, room by room.

use super::place::{self, Place};
use super::wire::{Message, Traveller};
use super::{Cluster, Local, Node, PREFIX, read};
use crate::room::{Guest, Outbound, PeerId, are_alike};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;
use str0m::media::Mid;

/// A room that somebody here is in.
pub(super) struct Hall {
    number: u64,
    people: Vec<(PeerId, Guest)>,
    /// What they want of the pictures of people elsewhere, once that is known.
    wants: Option<HashSet<(PeerId, Mid, usize)>>,
    /// Those at other nodes, and by which numbers they go here.
    elsewhere: BTreeMap<String, HashMap<u64, (PeerId, Traveller)>>,
    reader: tokio::task::JoinHandle<()>,
}

impl Drop for Hall {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

impl Cluster {
    /// The subject of a room: its name has characters that those of NATS have not.
    fn subject(room: &str) -> String {
        let hex: String = room.bytes().map(|byte| format!("{byte:02x}")).collect();
        format!("room.{hex}")
    }

    /// What the rooms here have.
    pub(super) async fn local(&mut self, local: Local) {
        match local {
            Local::People {
                room,
                number,
                people,
            } => self.people_here(room, number, people).await,
            Local::Wants { room, wants } => {
                if let Some(hall) = self.halls.get_mut(&room) {
                    hall.wants = Some(wants);
                    self.tell_wants(&room).await;
                }
            }
            Local::Outbound { room, what } => match what {
                Outbound::Packet {
                    id,
                    track,
                    layer,
                    packet,
                } => self.send(&room, (id, track, layer), &packet),
                Outbound::Keyframe { id, track, layer } => {
                    self.ask(&room, id, &track, layer).await;
                }
                Outbound::Said {
                    label,
                    binary,
                    data,
                } => {
                    let said = Message::Said {
                        node: self.node.clone(),
                        room: room.to_string(),
                        label,
                        binary,
                        data,
                    };
                    self.tell(&Self::subject(&room), &said).await;
                }
            },
        }
    }

    async fn people_here(&mut self, room: Arc<str>, number: u64, people: Vec<(PeerId, Guest)>) {
        let is_again = |hall: &Hall| hall.number != number;
        if people.is_empty() || self.halls.get(&room).is_some_and(is_again) {
            // Guests went with the room.
            self.halls.remove(&room);
            for node in self.nodes.values_mut() {
                node.places.retain(|_, place| place.room != room);
                node.wants.remove(&room);
            }
        }
        if !people.is_empty() && !self.halls.contains_key(&room) {
            let subject = format!("{PREFIX}.{}", Self::subject(&room));
            let subscriber = match self.client.subscribe(subject).await {
                Ok(subscriber) => subscriber,
                Err(error) => return tracing::warn!(%room, "NATS: {error}"),
            };
            let hall = Hall {
                number,
                people: Vec::new(),
                wants: None,
                elsewhere: BTreeMap::new(),
                reader: tokio::spawn(read(subscriber, self.inbox.clone())),
            };
            self.halls.insert(Arc::clone(&room), hall);
        }
        let mut wanted = HashSet::new();
        for (id, guest) in &people {
            for track in &guest.tracks {
                let mid = Mid::from(track.mid.as_str());
                for layer in 0..track.layers.len() {
                    let key = (*id, mid, layer);
                    wanted.insert(key);
                    if !self.streams.contains_key(&key) {
                        // A number is never used twice under one key.
                        self.last_source += 1;
                        let pictures = !track.source.is_audio();
                        self.streams.insert(key, (self.last_source, pictures));
                        let place = (Arc::clone(&room), *id, mid, layer);
                        self.sources.insert(self.last_source, place);
                    }
                }
            }
        }
        self.sources.retain(|_, (other, id, mid, layer)| {
            let keep = *other != room || wanted.contains(&(*id, *mid, *layer));
            if !keep {
                self.streams.remove(&(*id, *mid, *layer));
            }
            keep
        });
        match self.halls.get_mut(&room) {
            Some(hall) => {
                let is_known = are_alike(&people, &hall.people);
                hall.people = people;
                // What comes of them is told when all is told again.
                if !is_known {
                    self.tell_people(&room).await;
                }
            }
            None => self.tell_nobody(&room).await,
        }
    }

    /// Tells the others who is here.
    pub(super) async fn tell_people(&mut self, room: &Arc<str>) {
        let Some(hall) = self.halls.get(room) else {
            return;
        };
        let traveller = |(id, guest): &(PeerId, Guest)| Traveller {
            id: id.0,
            guest: guest.clone(),
            streams: guest
                .tracks
                .iter()
                .map(|track| {
                    let mid = Mid::from(track.mid.as_str());
                    (0..track.layers.len())
                        .filter_map(|layer| {
                            let (ssrc, _) = *self.streams.get(&(*id, mid, layer))?;
                            let counter = self.sender.rollover_counter(ssrc);
                            Some((ssrc, counter.unwrap_or_default()))
                        })
                        .collect()
                })
                .collect(),
        };
        let message = Message::People {
            node: self.node.clone(),
            room: room.to_string(),
            people: hall.people.iter().map(traveller).collect(),
        };
        self.tell(&Self::subject(room), &message).await;
    }

    async fn tell_nobody(&mut self, room: &str) {
        let message = Message::People {
            node: self.node.clone(),
            room: room.to_owned(),
            people: Vec::new(),
        };
        self.tell(&Self::subject(room), &message).await;
    }

    /// Whom another node has in a room.
    pub(super) async fn people_of(&mut self, name: &str, room: &str, people: Vec<Traveller>) {
        let Some((room, hall)) = self.halls.get_key_value(room) else {
            return;
        };
        if !self.nodes.contains_key(name) {
            // It says hello once a second.
            return;
        }
        let (room, number) = (Arc::clone(room), hall.number);
        let before = hall.elsewhere.get(name);
        let is_new = before.is_none();
        let stay: HashSet<u64> = people.iter().map(|person| person.id).collect();
        let gone: Vec<_> = before
            .into_iter()
            .flatten()
            .filter(|(number, _)| !stay.contains(number))
            .map(|(number, (id, _))| (*number, *id))
            .collect();
        for (there, id) in gone {
            self.switchboard.leave(&room, id).await;
            if let Some(node) = self.nodes.get_mut(name) {
                node.places.retain(|_, place| place.id != id);
            }
            if let Some(hall) = self.halls.get_mut(&room)
                && let Some(others) = hall.elsewhere.get_mut(name)
            {
                others.remove(&there);
            }
        }
        if people.is_empty() {
            return self.leave(name, &room).await;
        }
        for person in people {
            self.person_of(name, &room, number, person).await;
        }
        self.switchboard.relay(&room, true).await;
        if is_new {
            // They do not know yet who is here.
            self.tell_people(&room).await;
        }
    }

    async fn person_of(&mut self, name: &str, room: &Arc<str>, number: u64, person: Traveller) {
        let Some(hall) = self.halls.get_mut(room) else {
            return;
        };
        let others = hall.elsewhere.entry(name.to_owned()).or_default();
        let known = others.get(&person.id);
        let id = known.map_or_else(|| self.switchboard.number(), |(id, _)| *id);
        let is_same = known.is_some_and(|(_, known)| known.guest == person.guest);
        let Some(node) = self.nodes.get_mut(name) else {
            return;
        };
        for (track, streams) in person.guest.tracks.iter().zip(&person.streams) {
            for (layer, &(ssrc, counter)) in streams.iter().enumerate() {
                let place = node.places.entry(ssrc).or_insert_with(|| Place {
                    room: Arc::clone(room),
                    id,
                    track: track.mid.clone(),
                    layer,
                    last: 0,
                    has_begun: false,
                    pictures: !track.source.is_audio(),
                    wanted: Instant::now(),
                });
                // Until a packet could be read, where to begin may have changed.
                if !place.has_begun {
                    place.last = u64::from(counter) << 16 | 0x8000;
                    node.receiver.forget(ssrc);
                    if let Err(error) = node.receiver.expect_rollover_counter(ssrc, counter) {
                        tracing::warn!(node = name, "its streams: {error}");
                    }
                }
            }
        }
        if !is_same {
            let guest = person.guest.clone();
            self.switchboard.host(room, number, id, guest).await;
        }
        others.insert(person.id, (id, person));
    }

    /// A node has nobody in a room any more.
    pub(super) async fn leave(&mut self, name: &str, room: &Arc<str>) {
        let Some(hall) = self.halls.get_mut(room) else {
            return;
        };
        let Some(others) = hall.elsewhere.remove(name) else {
            return;
        };
        let is_alone = hall.elsewhere.is_empty();
        if let Some(node) = self.nodes.get_mut(name) {
            node.places.retain(|_, place| place.room != *room);
            node.wants.remove(room);
        }
        for (id, _) in others.into_values() {
            self.switchboard.leave(room, id).await;
        }
        if is_alone {
            self.switchboard.relay(room, false).await;
        }
    }

    /// Tells other nodes which of their streams of pictures are wanted here.
    pub(super) async fn tell_wants(&mut self, room: &Arc<str>) {
        let hall = self.halls.get(room);
        let Some(wants) = hall.and_then(|hall| hall.wants.as_ref()) else {
            return;
        };
        let now = Instant::now();
        let mut told = Vec::new();
        for (name, node) in &mut self.nodes {
            if let Some(streams) = place::wanted(&mut node.places, room, wants, now) {
                let wants = Message::Wants {
                    node: self.node.clone(),
                    room: room.to_string(),
                    streams,
                };
                told.push((format!("node.{name}"), wants));
            }
        }
        for (subject, wants) in told {
            self.tell(&subject, &wants).await;
        }
    }

    /// Which of the streams from here another node wants.
    pub(super) fn wanted_by(&mut self, name: &str, room: &str, streams: Vec<u32>) {
        if let Some((room, _)) = self.halls.get_key_value(room)
            && let Some(node) = self.nodes.get_mut(name)
        {
            let ours = streams.into_iter();
            let ours = ours.filter(|ssrc| self.sources.contains_key(ssrc));
            node.wants.insert(Arc::clone(room), ours.collect());
        }
    }

    /// A packet goes to each node that has somebody in the room, and, of pictures, wants that encoding.
    fn send(&mut self, room: &Arc<str>, key: (PeerId, Mid, usize), packet: &crate::room::Packet) {
        let (Some(hall), Some(&(ssrc, pictures))) = (self.halls.get(room), self.streams.get(&key))
        else {
            return;
        };
        let nodes = hall.elsewhere.keys();
        let nodes = nodes.filter_map(|name| self.nodes.get(name));
        let wants = |node: &&Node| {
            let told = node.wants.get(room);
            !pictures || told.is_none_or(|streams| streams.contains(&ssrc))
        };
        let addresses: Vec<_> = nodes.filter(wants).map(|node| node.address).collect();
        if addresses.is_empty() {
            return;
        }
        let datagram = match super::wire::seal(&mut self.sender, ssrc, packet) {
            Ok(datagram) => datagram,
            Err(error) => return tracing::debug!(%room, "not relayed: {error}"),
        };
        for address in addresses {
            // What is lost is lost.
            let _ = self.socket.try_send_to(&datagram, address);
        }
    }

    /// A guest is to send a keyframe.
    async fn ask(&mut self, room: &Arc<str>, id: PeerId, track: &str, layer: usize) {
        for (name, node) in &self.nodes {
            let mut places = node.places.iter();
            let is = |(_, place): &(&u32, &Place)| {
                place.id == id
                    && place.room == *room
                    && place.layer == layer
                    && place.track == track
            };
            if let Some((&ssrc, _)) = places.find(is) {
                let subject = format!("node.{name}");
                let node = self.node.clone();
                return self.tell(&subject, &Message::Keyframe { ssrc, node }).await;
            }
        }
    }
}
