use axum::extract::ws::{Message, WebSocket};
use serde::{Serialize, de::DeserializeOwned};
use std::time::Duration;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, timeout};

/// A page that says nothing for so long has gone: its browser answers pings by itself.
const SILENCE: Duration = Duration::from_secs(5);
/// How often it is pinged.
const PING: Duration = Duration::from_secs(1);
/// Longest until the first message, and for a page to take one.
const PATIENCE: Duration = Duration::from_secs(10);

/// A page's WebSocket on which both sides send JSON, an object a message. It notices when the page has gone without a word.
#[derive(Debug)]
pub struct JsonSocket {
    socket: WebSocket,
    heard: Instant,
    ping: Interval,
}

impl JsonSocket {
    /// Over a socket that was just opened.
    #[must_use]
    pub fn new(socket: WebSocket) -> Self {
        let mut ping = interval(PING);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            socket,
            heard: Instant::now(),
            ping,
        }
    }

    /// As [`next`](Self::next), of a page that is to speak first.
    pub async fn first<T: DeserializeOwned>(&mut self) -> Option<Result<T, String>> {
        timeout(PATIENCE, self.next()).await.ok()?
    }

    /// The next message, or what is wrong with it; `None` where there is none any more. Cancel safe.
    pub async fn next<T: DeserializeOwned>(&mut self) -> Option<Result<T, String>> {
        loop {
            let message = tokio::select! {
                message = self.socket.recv() => message?.ok()?,
                _ = self.ping.tick() => {
                    if self.heard.elapsed() > SILENCE {
                        return None;
                    }
                    if !self.send(Message::Ping(Vec::new().into())).await {
                        return None;
                    }
                    continue;
                }
            };
            self.heard = Instant::now();
            match message {
                Message::Text(text) => {
                    let read = serde_json::from_str(text.as_str());
                    return Some(read.map_err(|error| format!("no message: {error}")));
                }
                Message::Binary(_) => return Some(Err("messages are text".into())),
                Message::Close(_) => return None,
                Message::Ping(_) | Message::Pong(_) => {}
            }
        }
    }

    /// Sends one; whether it was taken.
    pub async fn tell<T: Serialize>(&mut self, message: &T) -> bool {
        match serde_json::to_string(message) {
            Ok(text) => self.send(Message::Text(text.into())).await,
            Err(_) => false,
        }
    }

    async fn send(&mut self, message: Message) -> bool {
        let sent = self.socket.send(message);
        matches!(timeout(PATIENCE, sent).await, Ok(Ok(())))
    }

    /// Says goodbye, which a page that has gone does not hear.
    pub async fn close(mut self) {
        let _ = timeout(PING, self.socket.send(Message::Close(None))).await;
    }
}
