//! A room of a thread, and who gets what is taken of its people: a recorder, those who asked, other nodes.

use crate::cluster::{Local, REPEAT};
use crate::record::Recorder;
use crate::room::{Guest, PeerId, Room, Taken, TapId, are_alike};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};
use str0m::media::Mid;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

/// Other nodes are told who is here as soon as that changes, but not more often.
const LOOK: Duration = Duration::from_millis(100);

#[derive(Debug)]
pub(super) struct Hall {
    pub(super) room: Room,
    recorder: Option<Recorder>,
    /// What is taken of people just now, and who gets it.
    begun: HashMap<TapId, Taken>,
    pub(super) forwards: Vec<(TapId, mpsc::Sender<Taken>)>,
    pub(super) due: Option<Instant>,
    /// Which opening this is, of all rooms of the thread.
    pub(super) number: u64,
    /// Who is here, as other nodes were told, and when to look again.
    told: Vec<(PeerId, Guest)>,
    told_at: Instant,
    look: Instant,
    /// What those here want of people elsewhere, as other nodes were told.
    wants: Option<HashSet<(PeerId, Mid, usize)>>,
}

impl Hall {
    pub(super) fn new(room: Room, recorder: Option<Recorder>, number: u64, now: Instant) -> Self {
        Self {
            room,
            recorder,
            begun: HashMap::new(),
            forwards: Vec::new(),
            due: None,
            number,
            told: Vec::new(),
            told_at: now,
            look: now,
            wants: None,
        }
    }

    /// Somebody wants what a person sends: begins with what there is already.
    pub(super) fn forward(
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
    pub(super) fn pass_on(&mut self, taken: &Taken, now: Instant) {
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

    /// Tells other nodes, if there are any, what is for them: what the room has, and who is here.
    pub(super) fn tell(
        &mut self,
        name: &Arc<str>,
        cluster: Option<&mpsc::Sender<Local>>,
        now: Instant,
    ) {
        while let Some(what) = self.room.poll_outbound() {
            if let Some(cluster) = cluster {
                let room = Arc::clone(name);
                // What does not find room is lost, as on any network; it is asked for again.
                let _ = cluster.try_send(Local::Outbound { room, what });
            }
        }
        let Some(cluster) = cluster else {
            return;
        };
        let is_empty = self.room.is_empty();
        if now < self.look && !is_empty {
            return;
        }
        self.look = now + LOOK;
        let people: Vec<_> = self.room.locals(now).collect();
        if !are_alike(&people, &self.told)
            || is_empty
            || now.saturating_duration_since(self.told_at) >= REPEAT
        {
            let told = Local::People {
                room: Arc::clone(name),
                number: self.number,
                people: people.clone(),
            };
            // If there is no room for it, soon.
            if cluster.try_send(told).is_ok() {
                self.told = people;
                self.told_at = now;
            }
        }
        let wants = self.room.wants();
        if self.wants.as_ref() != Some(&wants) && !is_empty {
            let told = Local::Wants {
                room: Arc::clone(name),
                wants: wants.clone(),
            };
            if cluster.try_send(told).is_ok() {
                self.wants = Some(wants);
            }
        }
    }
}
