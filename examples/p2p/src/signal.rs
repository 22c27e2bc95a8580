//! Signalling: a WebSocket for each page.

use crate::message::{Notice, Request};
use crate::rooms::{Mail, PeerId, Refusal, Rooms};
use axum::extract::ws::{Message, WebSocket};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

/// A page that says nothing for so long has gone: its browser answers pings by itself.
const SILENCE: Duration = Duration::from_secs(7);
/// How often it is pinged.
const PING: Duration = Duration::from_secs(2);
/// Longest until the first message, and for a page to take one.
const PATIENCE: Duration = Duration::from_secs(10);
/// Longest message of a page: a session description.
pub(crate) const LONGEST: usize = 128 << 10;
/// Notices that wait for a page; one that has more to hear has gone.
const NOTICES: usize = 256;

/// The rooms, and the ways to the pages in them.
#[derive(Debug, Clone)]
pub(crate) struct Office(Arc<Mutex<Inside>>);

#[derive(Debug)]
struct Inside {
    rooms: Rooms,
    boxes: HashMap<PeerId, mpsc::Sender<Notice>>,
    next: u64,
}

impl Office {
    pub(crate) fn new(most: usize) -> Self {
        Self(Arc::new(Mutex::new(Inside {
            rooms: Rooms::new(most),
            boxes: HashMap::new(),
            next: 1,
        })))
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        // Whoever panicked had nothing half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Rooms, and people in them.
    pub(crate) fn count(&self) -> (usize, usize) {
        let inside = self.inside();
        (inside.rooms.count(), inside.rooms.people())
    }

    fn join(
        &self,
        room: &str,
        name: &str,
        session: &str,
    ) -> Result<(PeerId, mpsc::Receiver<Notice>), Refusal> {
        let mut inside = self.inside();
        let id = PeerId(inside.next);
        inside.next += 1;
        let mail = inside.rooms.join(room, id, name, session)?;
        let (notices, inbox) = mpsc::channel(NOTICES);
        inside.boxes.insert(id, notices);
        inside.deliver(mail);
        Ok((id, inbox))
    }

    fn request(&self, id: PeerId, request: Request) {
        let mut inside = self.inside();
        let mail = inside.rooms.request(id, request);
        inside.deliver(mail);
    }

    fn leave(&self, id: PeerId) {
        let mut inside = self.inside();
        let mail = inside.rooms.leave(id);
        inside.boxes.remove(&id);
        inside.deliver(mail);
    }

    /// Everybody is shown out.
    pub(crate) fn close(&self) {
        self.inside().boxes.clear();
    }
}

impl Inside {
    fn deliver(&mut self, mail: Vec<Mail>) {
        for (id, notice) in mail {
            let taken = match (notice, self.boxes.get(&id)) {
                (Some(notice), Some(to)) => to.try_send(notice).is_ok(),
                _ => false,
            };
            if !taken {
                self.boxes.remove(&id);
            }
        }
    }
}

/// Serves one page until it goes; `ice` makes servers and credentials for a name.
pub(crate) async fn serve(
    mut socket: WebSocket,
    office: Office,
    room: String,
    ice: impl Fn(&str) -> Notice,
) {
    let first = timeout(PATIENCE, next_request(&mut socket)).await;
    let (name, session) = match first {
        Ok(Some(Ok(Request::Join { name, session }))) => (name, session),
        Ok(Some(_)) => return refuse(&mut socket, "the first message is to be join").await,
        Ok(None) | Err(_) => return,
    };
    let (id, mut notices) = match office.join(&room, &name, &session) {
        Ok(joined) => joined,
        Err(refusal) => return refuse(&mut socket, &refusal.to_string()).await,
    };
    if tell(&mut socket, &ice(&name)).await {
        talk(&mut socket, &office, id, &mut notices, || ice(&name)).await;
    }
    office.leave(id);
    // It may have gone without a word.
    let _ = timeout(PING, socket.send(Message::Close(None))).await;
}

async fn talk(
    socket: &mut WebSocket,
    office: &Office,
    id: PeerId,
    notices: &mut mpsc::Receiver<Notice>,
    ice: impl Fn() -> Notice,
) {
    let mut heard = Instant::now();
    let mut ping = interval(PING);
    ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            notice = notices.recv() => {
                // No more notices: the room has let them go.
                let Some(notice) = notice else { return };
                if !tell(socket, &notice).await {
                    return;
                }
            }
            message = socket.recv() => {
                let Some(Ok(message)) = message else { return };
                heard = Instant::now();
                let told = match read(&message) {
                    Some(Ok(Request::Ice)) => Some(ice()),
                    Some(Ok(request)) => {
                        office.request(id, request);
                        None
                    }
                    Some(Err(reason)) => Some(Notice::Refused { reason }),
                    None if matches!(message, Message::Close(_)) => return,
                    None => None,
                };
                if let Some(notice) = told
                    && !tell(socket, &notice).await
                {
                    return;
                }
            }
            _ = ping.tick() => {
                let sent = socket.send(Message::Ping(Vec::new().into()));
                if heard.elapsed() > SILENCE || !matches!(timeout(PATIENCE, sent).await, Ok(Ok(()))) {
                    return;
                }
            }
        }
    }
}

/// The next message that asks for something; none after the end.
async fn next_request(socket: &mut WebSocket) -> Option<Result<Request, String>> {
    loop {
        let message = socket.recv().await?.ok()?;
        if let Some(request) = read(&message) {
            return Some(request);
        }
    }
}

fn read(message: &Message) -> Option<Result<Request, String>> {
    let text = match message {
        Message::Text(text) => text.as_str(),
        Message::Binary(_) => return Some(Err("messages are text".into())),
        _ => return None,
    };
    Some(serde_json::from_str(text).map_err(|error| format!("no message: {error}")))
}

async fn tell(socket: &mut WebSocket, notice: &Notice) -> bool {
    let Ok(text) = serde_json::to_string(notice) else {
        return false;
    };
    let sent = socket.send(Message::Text(text.into()));
    matches!(timeout(PATIENCE, sent).await, Ok(Ok(())))
}

async fn refuse(socket: &mut WebSocket, reason: &str) {
    let reason = reason.to_owned();
    if tell(socket, &Notice::Refused { reason }).await {
        let _ = socket.send(Message::Close(None)).await;
    }
}
