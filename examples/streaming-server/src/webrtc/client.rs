//! One client: its connection, and what it does with it.

use super::play::Play;
use super::publish::Publish;
use super::{Datagram, Desk};
use common::Shutdown;
use std::time::{Duration, Instant};
use str0m::net::{Protocol, Receive};
use str0m::{Event, IceConnectionState, Input, Output, Rtc};
use tokio::sync::mpsc;

/// Longest until media flows.
const PATIENCE: Duration = Duration::from_secs(15);

#[derive(Debug)]
pub(super) enum Role {
    Publish(Box<Publish>),
    Play(Play),
}

#[derive(Debug)]
pub(super) struct Client {
    desk: Desk,
    id: u64,
    ufrag: String,
    rtc: Rtc,
    role: Role,
    connected: bool,
}

impl Client {
    pub(super) const fn new(desk: Desk, id: u64, ufrag: String, rtc: Rtc, role: Role) -> Self {
        Self {
            desk,
            id,
            ufrag,
            rtc,
            role,
            connected: false,
        }
    }

    /// Runs until it goes, is lost or is dismissed, or the stream ends.
    pub(super) async fn run(mut self, mut inbox: mpsc::Receiver<Datagram>, leave: Shutdown) {
        let cut = self.desk.0.cut.clone();
        let patience = Instant::now() + PATIENCE;
        while let Some(mut due) = self.drain().await {
            if !self.connected {
                due = due.min(patience);
                if Instant::now() >= patience {
                    break;
                }
            }
            if let Role::Publish(publish) = &self.role {
                due = publish.due().map_or(due, |at| due.min(at));
            }
            let input = tokio::select! {
                datagram = inbox.recv() => datagram,
                () = tokio::time::sleep_until(due.into()) => None,
                () = more(&self.role, self.connected) => None,
                () = leave.wait() => break,
                () = cut.wait() => break,
            };
            let now = Instant::now();
            if let Some((from, data, at)) = input {
                let to = self.desk.own_address(from);
                if let Ok(receive) = Receive::new(Protocol::Udp, from, to, &data)
                    && self.rtc.handle_input(Input::Receive(at, receive)).is_err()
                {
                    break;
                }
                continue;
            }
            let goes_on = match &mut self.role {
                Role::Play(play) if self.connected => play.take(&mut self.rtc, now),
                Role::Play(_) => true,
                Role::Publish(publish) => {
                    publish.handle_timeout(&mut self.rtc, now);
                    true
                }
            };
            if !goes_on || self.rtc.handle_input(Input::Timeout(now)).is_err() {
                break;
            }
        }
        // The last words.
        if self.rtc.close().is_ok() {
            self.drain().await;
        }
        self.desk.forget(self.id, &self.ufrag);
        tracing::info!(client = self.id, "a client of WebRTC has gone");
    }

    /// Takes all output of the connection; when to come again, or that it is over.
    async fn drain(&mut self) -> Option<Instant> {
        loop {
            match self.rtc.poll_output().ok()? {
                Output::Timeout(due) => return self.rtc.is_alive().then_some(due),
                Output::Transmit(transmit) => {
                    let socket = &self.desk.0.socket;
                    // What is lost is lost: RTCP and ICE find out.
                    let _ = socket
                        .send_to(&transmit.contents, transmit.destination)
                        .await;
                }
                Output::Event(event) => match event {
                    Event::Connected => self.connected = true,
                    Event::IceConnectionStateChange(IceConnectionState::Disconnected) => {
                        return None;
                    }
                    Event::RtpPacket(packet) => {
                        if let Role::Publish(publish) = &mut self.role {
                            publish.packet(&mut self.rtc, &packet);
                        }
                    }
                    _ => {}
                },
            }
        }
    }
}

/// Waits until there is more to play.
async fn more(role: &Role, connected: bool) {
    match role {
        Role::Play(play) if connected => play.ready().await,
        _ => std::future::pending().await,
    }
}
