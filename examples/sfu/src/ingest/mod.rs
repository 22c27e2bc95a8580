//! Publishers of RTMP and RTSP, and cameras that are pulled, as people of rooms. The streaming server inside speaks with them; here what
//! they send becomes packets of a guest.

mod cameras;
mod clock;
pub(crate) mod http;
mod inlet;
mod picture;
mod remote;
mod source;

use crate::config::Config;
use crate::room::PeerId;
use crate::switchboard::Switchboard;
use cameras::Cameras;
use clap::Parser;
use common::Shutdown;
use inlet::Inlet;
use percent_encoding::percent_decode_str;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use streaming_server::embed::{Handle, Intake, Newcomer, Sink};

/// Why a publisher is refused.
const ELSEWHERE: &str = "Publish to room/ROOM, or to room/ROOM/NAME.";
const NO_ROOM: &str = "A room is called by 1 to 64 characters.";
const DRAINING: &str = "The server is about to end.";

/// What takes in streams. Clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct Ingest(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    switchboard: Switchboard,
    present: Mutex<BTreeMap<PeerId, (String, String)>>,
    cameras: Mutex<Cameras>,
    counts: Counts,
}

/// What has been done so far.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) bytes: AtomicU64,
    pub(crate) left_out: AtomicU64,
    pub(crate) refused: AtomicU64,
}

/// The streaming server inside.
#[derive(Debug)]
pub(crate) struct Streams {
    pub(crate) ingest: Ingest,
    server: streaming_server::Server,
}

impl Streams {
    /// Listens where the configuration says, and pulls its cameras.
    pub(crate) async fn start(config: &Config, switchboard: Switchboard) -> anyhow::Result<Self> {
        let ingest = Ingest(Arc::new(Inner {
            switchboard,
            present: Mutex::default(),
            cameras: Mutex::default(),
            counts: Counts::default(),
        }));
        let mut inner = streaming_server::Config::parse_from(["sfu", "--no-demo"]);
        inner.rtsp = config.rtsp;
        inner.max_connections = config.max_connections;
        let intake = Arc::new(ingest.clone());
        let server = streaming_server::Server::take_in(inner, config.rtmp, intake).await?;
        let streams = Self { ingest, server };
        for (room, name, url) in &config.pulls {
            let pulled = streams.ingest.pull(&streams.handle(), room, name, url);
            pulled.map_err(|why| anyhow::anyhow!("{room}/{name}: {}", why.text()))?;
        }
        Ok(streams)
    }

    pub(crate) fn handle(&self) -> Handle {
        self.server.handle()
    }

    pub(crate) const fn rtmp_address(&self) -> SocketAddr {
        self.server.rtmp_address()
    }

    pub(crate) const fn rtsp_address(&self) -> Option<SocketAddr> {
        self.server.rtsp_address()
    }

    /// Publishers are told, and go.
    pub(crate) async fn shut_down(self) {
        self.server.shut_down().await;
    }
}

impl Ingest {
    fn present(&self) -> MutexGuard<'_, BTreeMap<PeerId, (String, String)>> {
        self.0
            .present
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn cameras(&self) -> MutexGuard<'_, Cameras> {
        self.0
            .cameras
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// How many publish just now.
    pub(crate) fn count(&self) -> usize {
        self.present().len()
    }

    pub(crate) fn counts(&self) -> &Counts {
        &self.0.counts
    }

    /// Pulls a camera, or a stream of another server, into a room, until it is let go or the server ends.
    fn pull(
        &self,
        server: &Handle,
        room: &str,
        name: &str,
        url: &str,
    ) -> Result<(), cameras::Refusal> {
        if self.0.switchboard.is_draining() {
            return Err(cameras::Refusal::Full);
        }
        let stop = Shutdown::new();
        let mut cameras = self.cameras();
        let stream = cameras.free(room, name)?;
        match remote::address(url) {
            Some(url) => {
                let task = remote::keep(self.clone(), stream, url, stop.clone());
                tokio::spawn(task);
            }
            None => {
                let pulled = server.pull(&stream, url, stop.clone());
                pulled.map_err(|_| cameras::Refusal::Address)?;
            }
        }
        cameras.add(room, name, url, stop);
        Ok(())
    }
}

impl Intake for Ingest {
    fn admit(&self, newcomer: Newcomer<'_>) -> Option<Result<Box<dyn Sink>, &'static str>> {
        Some(
            self.enter(newcomer)
                .map(|inlet| -> Box<dyn Sink> { Box::new(inlet) }),
        )
    }

    fn want(&self, _name: &str) -> bool {
        false
    }
}

impl Ingest {
    fn enter(&self, newcomer: Newcomer<'_>) -> Result<Inlet, &'static str> {
        if self.0.switchboard.is_draining() {
            return Err(DRAINING);
        }
        let path = newcomer.name.strip_prefix("room/").ok_or(ELSEWHERE)?;
        let (room, name) = path.split_once('/').unwrap_or((path, ""));
        let asked = parameter(newcomer.query, "name");
        let (room, name) = match (decoded(room), asked.or_else(|| decoded(name))) {
            (Some(room), Some(name)) if Switchboard::is_name(&room) => (room, name),
            _ => return Err(NO_ROOM),
        };
        let id = self.0.switchboard.number();
        let name = match name.trim() {
            "" => format!("guest {id}"),
            name => name.to_owned(),
        };
        self.present().insert(id, (room.clone(), name.clone()));
        Ok(Inlet::new(self.clone(), room.into(), id, name))
    }
}

fn decoded(text: &str) -> Option<String> {
    let text = percent_decode_str(text).decode_utf8().ok()?;
    Some(text.into_owned())
}

/// A value of a query.
fn parameter(query: &str, name: &str) -> Option<String> {
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.find(|(key, _)| *key == name)?;
    decoded(&value.replace('+', " "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::worker::Command;
    use tokio::sync::mpsc;

    fn ingest() -> (Ingest, mpsc::Receiver<Command>) {
        let (sender, receiver) = mpsc::channel(2);
        let inner = Inner {
            switchboard: Switchboard::new(vec![sender]),
            present: Mutex::default(),
            cameras: Mutex::default(),
            counts: Counts::default(),
        };
        (Ingest(Arc::new(inner)), receiver)
    }

    fn newcomer<'a>(name: &'a str, query: &'a str) -> Newcomer<'a> {
        Newcomer {
            name,
            query,
            peer: None,
            agent: "a test",
        }
    }

    #[tokio::test]
    async fn a_path_names_a_room_and_perhaps_who() {
        let (ingest, mut commands) = ingest();
        let mut inlets = Vec::new();
        for (name, query) in [
            ("room/tea", "name=Ann+B%C3%A9&x=1"),
            ("room/tea/bob", ""),
            ("room/a%20b/the%20door", ""),
            ("room/tea", ""),
        ] {
            inlets.push(ingest.enter(newcomer(name, query)).unwrap());
        }
        let present: Vec<_> = ingest.present().values().cloned().collect();
        let wanted = [
            ("tea", "Ann Bé"),
            ("tea", "bob"),
            ("a b", "the door"),
            ("tea", "guest 4"),
        ];
        assert_eq!(present, wanted.map(|(a, b)| (a.into(), b.into())));
        let long = format!("room/{}", "x".repeat(65));
        for (name, why) in [
            ("live/tea", ELSEWHERE),
            ("room", ELSEWHERE),
            ("room/", NO_ROOM),
            ("room/a%00", NO_ROOM),
            ("room/%ff", NO_ROOM),
            (&long, NO_ROOM),
        ] {
            assert_eq!(ingest.enter(newcomer(name, "")).unwrap_err(), why, "{name}");
        }
        drop(inlets);
        for _ in 0..4 {
            assert!(matches!(commands.recv().await, Some(Command::Leave { .. })));
        }
        assert_eq!(ingest.count(), 0);
    }
}
