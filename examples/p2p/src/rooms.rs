//! Who is in which room, and what is passed on to whom: a state machine without a socket or a clock. A room has two places.

use crate::message::{Notice, Person, Request};
use std::collections::BTreeMap;
use std::fmt;

/// How one is called inside of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerId(pub u64);

impl fmt::Display for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A notice for somebody; none: they are shown out.
pub type Mail = (PeerId, Option<Notice>);

/// Why somebody is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Two are there.
    RoomFull,
    /// There are as many rooms as there may be.
    ServerFull,
    /// The name of the room or of the person is none.
    Name,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::RoomFull => "two are in the room already",
            Self::ServerFull => "there are too many rooms",
            Self::Name => "names of rooms and people have 1 to 64 characters",
        })
    }
}

#[derive(Debug)]
struct Peer {
    id: PeerId,
    name: String,
    session: String,
}

/// All rooms.
#[derive(Debug)]
pub struct Rooms {
    rooms: BTreeMap<String, Vec<Peer>>,
    whereabouts: BTreeMap<PeerId, String>,
    most: usize,
}

const PLACES: usize = 2;
const LONGEST: usize = 64;

/// Whether a room, or a person, may be called that.
#[must_use]
pub fn is_name(name: &str) -> bool {
    (1..=LONGEST).contains(&name.chars().count()) && !name.chars().any(char::is_control)
}

impl Rooms {
    /// None yet, and never more than `most`.
    #[must_use]
    pub const fn new(most: usize) -> Self {
        Self {
            rooms: BTreeMap::new(),
            whereabouts: BTreeMap::new(),
            most,
        }
    }

    /// Rooms with somebody in them.
    #[must_use]
    pub fn count(&self) -> usize {
        self.rooms.len()
    }

    /// People in rooms.
    #[must_use]
    pub fn people(&self) -> usize {
        self.whereabouts.len()
    }

    /// Somebody comes. Who was there under the same session, which is not empty, is shown out.
    ///
    /// # Errors
    /// If they cannot be let in.
    pub fn join(
        &mut self,
        room: &str,
        id: PeerId,
        name: &str,
        session: &str,
    ) -> Result<Vec<Mail>, Refusal> {
        if !is_name(room) || !is_name(name) || session.len() > LONGEST {
            return Err(Refusal::Name);
        }
        let mut mail = Vec::new();
        let earlier = self.rooms.get(room).and_then(|peers| {
            let same = |peer: &&Peer| !session.is_empty() && peer.session == session;
            peers.iter().find(same).map(|peer| peer.id)
        });
        if let Some(earlier) = earlier {
            mail = self.leave(earlier);
            mail.push((earlier, None));
        }
        let full = self.rooms.len() >= self.most;
        let peers = match self.rooms.get_mut(room) {
            Some(peers) if peers.len() >= PLACES => return Err(Refusal::RoomFull),
            Some(peers) => peers,
            None if full => return Err(Refusal::ServerFull),
            None => self.rooms.entry(room.to_owned()).or_default(),
        };
        mail.push((id, Some(Notice::Welcome { id: id.to_string() })));
        for other in peers.iter() {
            // Who comes later is the polite one.
            mail.push((id, Some(joined(other.id, &other.name, true))));
            mail.push((other.id, Some(joined(id, name, false))));
        }
        peers.push(Peer {
            id,
            name: name.to_owned(),
            session: session.to_owned(),
        });
        self.whereabouts.insert(id, room.to_owned());
        Ok(mail)
    }

    /// Somebody wants something.
    pub fn request(&mut self, id: PeerId, request: Request) -> Vec<Mail> {
        let (notice, to) = match request {
            Request::Description { description, to } => (Notice::Description { description }, to),
            Request::Candidate { candidate, to } => (Notice::Candidate { candidate }, to),
            Request::Ping => return vec![(id, Some(Notice::Pong))],
            Request::Leave => {
                let mut mail = self.leave(id);
                mail.push((id, None));
                return mail;
            }
            Request::Join { .. } | Request::Ice => {
                let reason = "you are in already".into();
                return vec![(id, Some(Notice::Refused { reason }))];
            }
        };
        let meant = |other: &PeerId| to.as_ref().is_none_or(|to| *to == other.to_string());
        let others = self.others(id).filter(meant);
        others.map(|other| (other, Some(notice.clone()))).collect()
    }

    /// Somebody is gone. A second time does nothing.
    pub fn leave(&mut self, id: PeerId) -> Vec<Mail> {
        let left = Notice::Left { id: id.to_string() };
        let mail = self
            .others(id)
            .map(|other| (other, Some(left.clone())))
            .collect();
        if let Some(room) = self.whereabouts.remove(&id)
            && let Some(peers) = self.rooms.get_mut(&room)
        {
            peers.retain(|peer| peer.id != id);
            if peers.is_empty() {
                self.rooms.remove(&room);
            }
        }
        mail
    }

    fn others(&self, id: PeerId) -> impl Iterator<Item = PeerId> {
        let peers = self
            .whereabouts
            .get(&id)
            .and_then(|room| self.rooms.get(room));
        let peers = peers.into_iter().flatten();
        peers.map(|peer| peer.id).filter(move |other| *other != id)
    }
}

fn joined(id: PeerId, name: &str, polite: bool) -> Notice {
    Notice::Joined {
        peer: Person {
            id: id.to_string(),
            name: name.to_owned(),
        },
        polite,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const ANN: PeerId = PeerId(1);
    const BOB: PeerId = PeerId(2);
    const CID: PeerId = PeerId(3);

    /// Ann and Bob in a room.
    fn two() -> Rooms {
        let mut rooms = Rooms::new(2);
        rooms.join("tea", ANN, "ann", "a").unwrap();
        rooms.join("tea", BOB, "bob", "b").unwrap();
        rooms
    }

    #[test]
    fn exactly_one_of_two_is_polite() {
        let mut rooms = Rooms::new(2);
        let first = rooms.join("tea", ANN, "ann", "").unwrap();
        assert_eq!(first, [(ANN, Some(Notice::Welcome { id: "1".into() }))]);
        let second = rooms.join("tea", BOB, "bob", "").unwrap();
        assert_eq!(second[1], (BOB, Some(joined(ANN, "ann", true))));
        assert_eq!(second[2], (ANN, Some(joined(BOB, "bob", false))));
        assert_eq!((rooms.count(), rooms.people()), (1, 2));
    }

    #[test]
    fn what_one_says_the_other_hears_and_nobody_else() {
        let mut rooms = two();
        rooms.join("coffee", CID, "cid", "").unwrap();
        let description = json!({"type": "offer", "sdp": "v=0"});
        let said = Request::Description {
            description: description.clone(),
            to: None,
        };
        let heard = rooms.request(BOB, said.clone());
        assert_eq!(heard, [(ANN, Some(Notice::Description { description }))]);
        assert_eq!(rooms.request(CID, said.clone()), []);
        // Crossing offers both arrive: who gives in is the pages' matter.
        assert_eq!(rooms.request(ANN, said)[0].0, BOB);
        let end = Request::Candidate {
            candidate: json!(null),
            to: Some("2".into()),
        };
        assert_eq!(rooms.request(ANN, end).len(), 1);
        let late = Request::Candidate {
            candidate: json!(null),
            to: Some("9".into()),
        };
        assert_eq!(rooms.request(ANN, late), []);
    }

    #[test]
    fn a_third_is_refused_until_one_leaves() {
        let mut rooms = two();
        assert_eq!(rooms.join("tea", CID, "cid", "c"), Err(Refusal::RoomFull));
        assert_eq!(rooms.people(), 2);
        let mail = rooms.request(ANN, Request::Leave);
        assert_eq!(mail[0], (BOB, Some(Notice::Left { id: "1".into() })));
        assert_eq!(mail[1], (ANN, None));
        assert_eq!(rooms.leave(ANN), []);
        rooms.join("tea", CID, "cid", "c").unwrap();
    }

    #[test]
    fn who_comes_again_takes_their_own_place() {
        let mut rooms = two();
        let mail = rooms.join("tea", CID, "ann", "a").unwrap();
        assert_eq!(mail[0], (BOB, Some(Notice::Left { id: "1".into() })));
        assert_eq!(mail[1], (ANN, None));
        // Bob was there before, now.
        assert!(mail.contains(&(CID, Some(joined(BOB, "bob", true)))));
        assert_eq!(rooms.people(), 2);
        // An empty session is nobody's.
        rooms.leave(CID);
        rooms.join("tea", CID, "x", "").unwrap();
        assert_eq!(rooms.join("tea", ANN, "y", ""), Err(Refusal::RoomFull));
    }

    #[test]
    fn empty_rooms_are_gone_and_their_count_is_bounded() {
        let mut rooms = two();
        rooms.join("coffee", CID, "cid", "").unwrap();
        let full = rooms.join("milk", PeerId(4), "dora", "");
        assert_eq!(full, Err(Refusal::ServerFull));
        rooms.leave(CID);
        assert_eq!(rooms.count(), 1);
        rooms.join("milk", PeerId(4), "dora", "").unwrap();
    }

    #[test]
    fn names_are_names() {
        let mut rooms = Rooms::new(9);
        for (room, name) in [("", "a"), ("a", ""), ("a\n", "a"), ("a", &"x".repeat(65))] {
            assert_eq!(rooms.join(room, ANN, name, ""), Err(Refusal::Name));
        }
        assert_eq!(
            rooms.join("a", ANN, "a", &"x".repeat(65)),
            Err(Refusal::Name)
        );
    }
}
