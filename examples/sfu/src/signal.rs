//! Signalling: a WebSocket for each page.

use crate::message::{Notice, Request};
use crate::switchboard::Switchboard;
use axum::extract::ws::{Message, WebSocket};
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

/// A page that says nothing for so long has gone: its browser answers pings by itself.
const SILENCE: Duration = Duration::from_secs(7);
/// How often it is pinged.
const PING: Duration = Duration::from_secs(2);
/// Longest until the first message, and for a page to take one.
const PATIENCE: Duration = Duration::from_secs(10);
/// Longest message of a page: a session description of many sections.
pub(crate) const LONGEST: usize = 512 << 10;

/// Serves one page until it goes.
pub(crate) async fn serve(mut socket: WebSocket, switchboard: Switchboard, room: String) {
    let first = timeout(PATIENCE, next_request(&mut socket)).await;
    let name = match first {
        Ok(Some(Ok(Request::Join { name }))) => name,
        Ok(Some(_)) => return refuse(&mut socket, "the first message is to be join").await,
        Ok(None) | Err(_) => return,
    };
    if switchboard.is_draining() {
        return refuse(&mut socket, "the server ends soon").await;
    }
    let (line, mut notices) = match switchboard.join(&room, name).await {
        Ok(joined) => joined,
        Err(refusal) => return refuse(&mut socket, &refusal.to_string()).await,
    };
    let mut heard = Instant::now();
    let mut ping = interval(PING);
    ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            notice = notices.recv() => {
                // No more notices: the room has let them go.
                let Some(notice) = notice else { break };
                if !tell(&mut socket, &notice).await {
                    break;
                }
            }
            message = socket.recv() => {
                let Some(Ok(message)) = message else { break };
                heard = Instant::now();
                let refused = match read(&message) {
                    Some(Ok(Request::Leave)) => break,
                    Some(Ok(request)) => {
                        line.request(request).await;
                        None
                    }
                    Some(Err(reason)) => Some(Notice::Refused { reason }),
                    None if matches!(message, Message::Close(_)) => break,
                    None => None,
                };
                if let Some(notice) = refused
                    && !tell(&mut socket, &notice).await
                {
                    break;
                }
            }
            _ = ping.tick() => {
                let sent = socket.send(Message::Ping(Vec::new().into()));
                if heard.elapsed() > SILENCE || !matches!(timeout(PATIENCE, sent).await, Ok(Ok(()))) {
                    break;
                }
            }
        }
    }
    line.leave().await;
    // It may have gone without a word.
    let _ = timeout(PING, socket.send(Message::Close(None))).await;
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
