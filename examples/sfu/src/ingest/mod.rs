//! Publishers of RTMP and RTSP, and cameras that are pulled, as people of rooms. The streaming server inside speaks with them; here what
//! they send becomes packets of a guest.

mod cameras;
mod clock;
pub(crate) mod http;
mod picture;
mod source;
mod voice;

use crate::config::Config;
use crate::room::{PeerId, Refusal};
use crate::switchboard::{Switchboard, Told};
use cameras::Cameras;
use clap::Parser;
use common::Shutdown;
use media::Event;
use percent_encoding::percent_decode_str;
use source::{Output, Source};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use streaming_server::embed::{Handle, Intake, Newcomer, Sink};

/// Why a publisher is refused, or let go.
const ELSEWHERE: &str = "Publish to room/ROOM, or to room/ROOM/NAME.";
const NO_ROOM: &str = "A room is called by 1 to 64 characters.";
const DRAINING: &str = "The server is about to end.";
const FULL: &str = "The room is full, or there are too many.";

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

    /// Pulls a camera into a room, until it is let go or the server ends.
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
        let pulled = server.pull(&stream, url, stop.clone());
        pulled.map_err(|_| cameras::Refusal::Address)?;
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
        Ok(Inlet {
            ingest: self.clone(),
            room: room.into(),
            id,
            source: Mutex::new(Source::new(name, Instant::now())),
            guest: None,
            told: None,
            warned: None,
            dismissal: None,
        })
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

/// By what a publisher is in a room: dropped, they have gone.
#[derive(Debug)]
struct Inlet {
    ingest: Ingest,
    room: Arc<str>,
    id: PeerId,
    /// Only to be told as shared: what decodes sound is not, and nobody locks it.
    source: Mutex<Source>,
    /// Who they are, until the room has been told.
    guest: Option<crate::room::Guest>,
    /// Whether the room takes them.
    told: Option<Told>,
    warned: Option<String>,
    dismissal: Option<&'static str>,
}

impl Sink for Inlet {
    fn handle(&mut self, event: Event) {
        if let Event::Sample(sample) = &event {
            let bytes = sample.data.len() as u64;
            self.ingest
                .0
                .counts
                .bytes
                .fetch_add(bytes, Ordering::Relaxed);
        }
        let source = self
            .source
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        let before = source.left_out;
        source.handle(&event, Instant::now());
        let left_out = source.left_out - before;
        let outputs: Vec<_> = std::iter::from_fn(|| source.poll_output()).collect();
        self.ingest
            .0
            .counts
            .left_out
            .fetch_add(left_out, Ordering::Relaxed);
        for output in outputs {
            match output {
                Output::Guest(guest) => self.guest = Some(guest),
                Output::Packets(track, packets) if self.tell() => {
                    let switchboard = &self.ingest.0.switchboard;
                    switchboard.packets(&self.room, self.id, track, 0, packets);
                }
                Output::Packets(..) => {}
            }
        }
        self.tell();
        if let Some(told) = &mut self.told
            && let Ok(Err(Refusal::Full)) = told.try_recv()
        {
            self.ingest.0.counts.refused.fetch_add(1, Ordering::Relaxed);
            self.dismissal = Some(FULL);
        }
    }

    fn dismissal(&self) -> Option<&'static str> {
        self.dismissal
    }

    fn wants_keyframe(&mut self) -> bool {
        false
    }
}

impl Inlet {
    /// Tells the room who they are, if it does not know; whether it knows.
    fn tell(&mut self) -> bool {
        let Some(guest) = &self.guest else {
            return true;
        };
        if guest.warning != self.warned {
            self.warned.clone_from(&guest.warning);
            if let Some(warning) = &guest.warning {
                tracing::warn!(room = %self.room, name = guest.name, "{warning}");
            }
        }
        match self.ingest.0.switchboard.seat(&self.room, self.id, guest) {
            Some(told) => {
                self.told = Some(told);
                self.guest = None;
                true
            }
            // Soon.
            None => false,
        }
    }
}

impl Drop for Inlet {
    fn drop(&mut self) {
        self.ingest.present().remove(&self.id);
        let (switchboard, room, id) = (
            self.ingest.0.switchboard.clone(),
            Arc::clone(&self.room),
            self.id,
        );
        // Where the thread is behind it takes a moment.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { switchboard.leave(&room, id).await });
        }
    }
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
