//! A client and a server session with a wire between them.
#![allow(unreachable_pub, dead_code)]

use fluvial_rtmp::client::{self, Config, Url};
use fluvial_rtmp::{Message, TypeId, server};
use std::time::Duration;

/// Both sides, and what each has told.
pub struct Pair {
    pub client: client::Session,
    pub server: server::Session,
    pub client_events: Vec<client::Event>,
    pub server_events: Vec<server::Event>,
    /// Bytes per write.
    pub piece: usize,
    pub now: Duration,
    /// Whether the server accepts all that is asked.
    pub accept: bool,
}

pub fn rng(seed: u64) -> rand::rngs::StdRng {
    rand::SeedableRng::seed_from_u64(seed)
}

impl Pair {
    pub fn new() -> Self {
        Self::with(|_| {}, server::Config::default())
    }

    pub fn with(change: impl FnOnce(&mut Config), server: server::Config) -> Self {
        let url: Url = "rtmp://host/live/x".parse().unwrap();
        let mut config = Config::new(&url);
        change(&mut config);
        Self {
            client: client::Session::new(config, &mut rng(1), Duration::ZERO),
            server: server::Session::new(server, &mut rng(2), Duration::ZERO),
            client_events: Vec::new(),
            server_events: Vec::new(),
            piece: usize::MAX,
            now: Duration::ZERO,
            accept: true,
        }
    }

    /// Moves bytes to and fro until nothing moves any more.
    pub fn run(&mut self) {
        loop {
            let mut moved = false;
            while let Some(bytes) = self.client.poll_transmit() {
                moved = true;
                for piece in bytes.chunks(self.piece.min(bytes.len())) {
                    self.server.handle_input(piece, self.now);
                    self.drain_server();
                }
            }
            self.drain_server();
            while let Some(bytes) = self.server.poll_transmit() {
                moved = true;
                for piece in bytes.chunks(self.piece.min(bytes.len())) {
                    self.client.handle_input(piece, self.now);
                    self.drain_client();
                }
            }
            self.drain_client();
            if !moved {
                return;
            }
        }
    }

    fn drain_server(&mut self) {
        while let Ok(Some(event)) = self.server.poll_event() {
            if self.accept {
                match &event {
                    server::Event::ConnectRequested(request) => {
                        self.server.accept(request.id).unwrap();
                    }
                    server::Event::PublishRequested(request) => {
                        self.server.accept(request.id).unwrap();
                    }
                    server::Event::PlayRequested(request) => {
                        self.server.accept(request.id).unwrap();
                    }
                    _ => {}
                }
            }
            self.server_events.push(event);
        }
    }

    fn drain_client(&mut self) {
        while let Ok(Some(event)) = self.client.poll_event() {
            self.client_events.push(event);
        }
    }
}

pub fn message(type_id: TypeId, timestamp: u32, payload: &[u8]) -> Message {
    Message {
        timestamp,
        type_id,
        stream_id: 1,
        payload: payload.to_vec().into(),
    }
}
