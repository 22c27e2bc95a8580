//! From HTTP to the threads that have the rooms.

use crate::message::{Notice, Request};
use crate::room::{Entrance, Guest, Packet, PeerId, Refusal, Taken, TapId};
use crate::worker::{Command, NOTICES, RoomStatus};
use common::Shutdown;
use std::hash::{BuildHasher, DefaultHasher, Hash, Hasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use str0m::media::Mid;
use tokio::sync::{mpsc, oneshot, watch};

#[derive(Debug, Clone)]
pub(crate) struct Switchboard(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    workers: Vec<mpsc::Sender<Command>>,
    next: AtomicU64,
    draining: AtomicBool,
    /// Nobody is left of those who were in when that was asked for.
    emptied: Shutdown,
    /// What tickets are made with.
    secret: RandomState,
    /// Where the other nodes of the cluster are.
    nodes: watch::Sender<Vec<String>>,
}

/// The line of one client to its thread.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) id: PeerId,
    worker: mpsc::Sender<Command>,
}

/// Comes to tell whether somebody is let in.
pub(crate) type Told = oneshot::Receiver<Result<(), Refusal>>;

/// Time between looks whether the last one has left.
const LOOK: Duration = Duration::from_millis(500);
/// Longest name of a room.
const LONGEST: usize = 64;

impl Switchboard {
    pub(crate) fn new(workers: Vec<mpsc::Sender<Command>>) -> Self {
        Self(Arc::new(Inner {
            workers,
            next: AtomicU64::new(1),
            draining: AtomicBool::new(false),
            emptied: Shutdown::new(),
            secret: RandomState::new(),
            nodes: watch::Sender::default(),
        }))
    }

    /// Whether a room may be called that.
    pub(crate) fn is_name(room: &str) -> bool {
        (1..=LONGEST).contains(&room.chars().count()) && !room.chars().any(char::is_control)
    }

    fn line(&self, room: &str) -> Line {
        Line {
            id: self.number(),
            worker: self.worker(room).clone(),
        }
    }

    /// The thread that has a room.
    fn worker(&self, room: &str) -> &mpsc::Sender<Command> {
        let mut hasher = DefaultHasher::new();
        room.hash(&mut hasher);
        // The remainder is less than a length.
        let index = (hasher.finish() % self.0.workers.len() as u64) as usize;
        &self.0.workers[index]
    }

    /// One that nobody has had before.
    pub(crate) fn number(&self) -> PeerId {
        PeerId(self.0.next.fetch_add(1, Ordering::Relaxed))
    }

    /// Somebody comes over a WebSocket.
    pub(crate) async fn join(
        &self,
        room: &str,
        name: String,
    ) -> Result<(Line, mpsc::Receiver<Arc<Notice>>), Refusal> {
        let line = self.line(room);
        let (notices, inbox) = mpsc::channel(NOTICES);
        let (reply, answer) = oneshot::channel();
        let command = Command::Join {
            room: room.into(),
            id: line.id,
            name,
            notices,
            reply,
        };
        line.send(command).await;
        answer.await.unwrap_or(Err(Refusal::Full))?;
        Ok((line, inbox))
    }

    /// Somebody comes by HTTP.
    pub(crate) async fn offer(
        &self,
        room: &str,
        name: String,
        sdp: String,
    ) -> Result<(PeerId, String), Refusal> {
        let line = self.line(room);
        let (reply, answer) = oneshot::channel();
        let command = Command::Offer {
            room: room.into(),
            id: line.id,
            name,
            sdp,
            reply,
        };
        line.send(command).await;
        let answer = answer.await.unwrap_or(Err(Refusal::Full))?;
        Ok((line.id, answer))
    }

    /// Names the session of somebody who came by HTTP, to them alone: everybody in a room knows everybody's number, and nobody is to
    /// end the session of another (RFC 9725, security considerations).
    pub(crate) fn ticket(&self, id: PeerId) -> String {
        format!("{id}-{:016x}", self.0.secret.hash_one(id))
    }

    /// Whose session it names.
    pub(crate) fn holder(&self, ticket: &str) -> Option<PeerId> {
        let id = PeerId(ticket.split_once('-')?.0.parse().ok()?);
        (self.ticket(id) == ticket).then_some(id)
    }

    /// Somebody who came by HTTP goes.
    pub(crate) async fn leave(&self, room: &str, id: PeerId) {
        let line = Line {
            id,
            ..self.line(room)
        };
        line.send(Command::Leave { id }).await;
    }

    /// What somebody sends goes to `packets`, too, as long as that is open; `who` is their number or their name. Nobody: none is there.
    pub(crate) async fn forward(
        &self,
        room: &str,
        who: String,
        screen: bool,
        packets: mpsc::Sender<Taken>,
    ) -> Option<TapId> {
        let (reply, answer) = oneshot::channel();
        let command = Command::Forward {
            room: room.into(),
            who,
            screen,
            packets,
            reply,
        };
        self.line(room).send(command).await;
        answer.await.ok()?
    }

    /// Whoever takes what somebody sends cannot go on without a keyframe.
    pub(crate) async fn want_keyframe(&self, room: &str, tap: TapId) {
        self.line(room).send(Command::Keyframe { tap }).await;
    }

    /// Somebody at another node is in a room, or sends something else than before.
    pub(crate) async fn host(&self, room: &str, number: u64, id: PeerId, guest: Guest) {
        let command = Command::Host {
            room: room.into(),
            id,
            guest,
            entrance: Entrance::Node,
            number: Some(number),
            reply: None,
        };
        self.line(room).send(command).await;
    }

    /// A stream of another protocol is in a room, or is another one than before; none: its thread is behind, and nobody was told.
    pub(crate) fn seat(&self, room: &Arc<str>, id: PeerId, guest: &Guest) -> Option<Told> {
        let (reply, told) = oneshot::channel();
        let command = Command::Host {
            room: Arc::clone(room),
            id,
            guest: guest.clone(),
            entrance: Entrance::Stream,
            number: None,
            reply: Some(reply),
        };
        self.worker(room).try_send(command).ok()?;
        Some(told)
    }

    /// Packets of a guest. Where a thread does not keep up they are lost, as on any network.
    pub(crate) fn packets(
        &self,
        room: &Arc<str>,
        id: PeerId,
        track: &str,
        layer: usize,
        packets: Vec<Packet>,
    ) {
        let command = Command::Packets {
            id,
            track: track.into(),
            layer,
            packets,
        };
        let _ = self.worker(room).try_send(command);
    }

    /// A guest elsewhere lacks a keyframe of somebody here.
    pub(crate) async fn ask_keyframe(&self, room: &str, id: PeerId, track: Mid, layer: usize) {
        let command = Command::AskKeyframe { id, track, layer };
        self.line(room).send(command).await;
    }

    /// Somebody at another node has written to a data channel.
    pub(crate) async fn say(&self, room: &str, label: String, binary: bool, data: Vec<u8>) {
        let command = Command::Say {
            room: room.into(),
            label,
            binary,
            data,
        };
        self.line(room).send(command).await;
    }

    /// Whether packets of a room go to other nodes.
    pub(crate) async fn relay(&self, room: &str, relays: bool) {
        let line = self.line(room);
        let room = room.into();
        line.send(Command::Relay { room, relays }).await;
    }

    /// Where pages can go instead.
    pub(crate) fn tell_nodes(&self, urls: Vec<String>) {
        self.0.nodes.send_replace(urls);
    }

    pub(crate) fn nodes(&self) -> watch::Receiver<Vec<String>> {
        self.0.nodes.subscribe()
    }

    pub(crate) async fn status(&self) -> Vec<RoomStatus> {
        let mut all = Vec::new();
        for worker in &self.0.workers {
            let (reply, answer) = oneshot::channel();
            if worker.send(Command::Status { reply }).await.is_ok() {
                all.extend(answer.await.unwrap_or_default());
            }
        }
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all
    }

    pub(crate) async fn tell_all(&self, command: impl Fn() -> Command) {
        for worker in &self.0.workers {
            // One that has ended needs no telling.
            let _ = worker.send(command()).await;
        }
    }

    /// Nobody is let in any more; who is in is told.
    pub(crate) async fn drain(&self) {
        self.0.draining.store(true, Ordering::Relaxed);
        self.tell_all(|| Command::Drain).await;
    }

    /// Looks from time to time whether somebody is left. Rooms end with the last one who is here and not at another node.
    pub(crate) fn end_when_empty(&self) {
        let switchboard = self.clone();
        tokio::spawn(async move {
            while !switchboard.status().await.is_empty() {
                tokio::time::sleep(LOOK).await;
            }
            switchboard.0.emptied.begin();
        });
    }

    pub(crate) async fn emptied(&self) {
        self.0.emptied.wait().await;
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.0.draining.load(Ordering::Relaxed)
    }
}

impl Line {
    async fn send(&self, command: Command) {
        // A thread that has ended takes its rooms with it.
        let _ = self.worker.send(command).await;
    }

    pub(crate) async fn request(&self, request: Request) {
        self.send(Command::Request {
            id: self.id,
            request,
        })
        .await;
    }

    pub(crate) async fn leave(&self) {
        self.send(Command::Leave { id: self.id }).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_ended_by_who_has_it() {
        let ours = Switchboard::new(Vec::new());
        let ticket = ours.ticket(PeerId(7));
        assert_eq!(ours.holder(&ticket), Some(PeerId(7)));
        let another = Switchboard::new(Vec::new()).ticket(PeerId(7));
        for wrong in [
            "7",
            "7-",
            "",
            "-",
            "7-0000000000000000",
            &another,
            &ticket.replacen('7', "8", 1),
        ] {
            assert_eq!(ours.holder(wrong), None, "{wrong}");
        }
    }
}
