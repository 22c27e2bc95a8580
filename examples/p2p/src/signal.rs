//! Signalling: a WebSocket for each page.

use crate::message::{Notice, Request};
use crate::rooms::{Mail, PeerId, Refusal, Rooms};
use common::JsonSocket;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::mpsc;

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
    mut socket: JsonSocket,
    office: Office,
    room: String,
    ice: impl Fn(&str) -> Notice,
) {
    let (name, session) = match socket.first().await {
        Some(Ok(Request::Join { name, session })) => (name, session),
        Some(_) => return refuse(socket, "the first message is to be join").await,
        None => return,
    };
    let (id, mut notices) = match office.join(&room, &name, &session) {
        Ok(joined) => joined,
        Err(refusal) => return refuse(socket, &refusal.to_string()).await,
    };
    if socket.tell(&ice(&name)).await {
        talk(&mut socket, &office, id, &mut notices, || ice(&name)).await;
    }
    office.leave(id);
    socket.close().await;
}

async fn talk(
    socket: &mut JsonSocket,
    office: &Office,
    id: PeerId,
    notices: &mut mpsc::Receiver<Notice>,
    ice: impl Fn() -> Notice,
) {
    loop {
        let notice = tokio::select! {
            // No more notices: the room has let them go.
            notice = notices.recv() => match notice {
                Some(notice) => notice,
                None => return,
            },
            request = socket.next() => match request {
                Some(Ok(Request::Ice)) => ice(),
                Some(Ok(request)) => {
                    office.request(id, request);
                    continue;
                }
                Some(Err(reason)) => Notice::Refused { reason },
                None => return,
            },
        };
        if !socket.tell(&notice).await {
            return;
        }
    }
}

async fn refuse(mut socket: JsonSocket, reason: &str) {
    let reason = reason.to_owned();
    socket.tell(&Notice::Refused { reason }).await;
    socket.close().await;
}
