//! From HTTP to the threads that have the rooms.

use crate::message::{Notice, Request};
use crate::room::{PeerId, Refusal, Taken, TapId};
use crate::worker::{Command, NOTICES, RoomStatus};
use std::hash::{BuildHasher, DefaultHasher, Hash, Hasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use tokio::sync::{mpsc, oneshot};

#[derive(Debug, Clone)]
pub(crate) struct Switchboard(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    workers: Vec<mpsc::Sender<Command>>,
    next: AtomicU64,
    draining: AtomicBool,
    /// What tickets are made with.
    secret: RandomState,
}

/// The line of one client to its thread.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) id: PeerId,
    worker: mpsc::Sender<Command>,
}

/// Longest name of a room.
const LONGEST: usize = 64;

impl Switchboard {
    pub(crate) fn new(workers: Vec<mpsc::Sender<Command>>) -> Self {
        Self(Arc::new(Inner {
            workers,
            next: AtomicU64::new(1),
            draining: AtomicBool::new(false),
            secret: RandomState::new(),
        }))
    }

    /// Whether a room may be called that.
    pub(crate) fn is_name(room: &str) -> bool {
        (1..=LONGEST).contains(&room.chars().count()) && !room.chars().any(char::is_control)
    }

    fn line(&self, room: &str) -> Line {
        let mut hasher = DefaultHasher::new();
        room.hash(&mut hasher);
        // The remainder is less than a length.
        let index = (hasher.finish() % self.0.workers.len() as u64) as usize;
        Line {
            id: PeerId(self.0.next.fetch_add(1, Ordering::Relaxed)),
            worker: self.0.workers[index].clone(),
        }
    }

    /// Somebody comes over a WebSocket.
    pub(crate) async fn join(
        &self,
        room: &str,
        name: String,
    ) -> Result<(Line, mpsc::Receiver<Notice>), Refusal> {
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
