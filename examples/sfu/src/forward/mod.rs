//! What a person sends goes to other servers, too: by RTMP, or as plain RTP.

pub(crate) mod http;
mod rtmp;
mod rtp;

use crate::room::{Taken, TapId};
use crate::switchboard::Switchboard;
use common::Shutdown;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;

/// Packets that wait for the network at most: some seconds of a picture.
const WAITING: usize = 2048;
/// Forwards of a server at most.
const MOST: usize = 1000;
/// Between two attempts.
const PAUSE: Duration = Duration::from_secs(2);
/// How long what a person sends is waited for, before a description can be given.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is passed on, and where to.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Status {
    id: u64,
    room: String,
    /// The number of the person.
    who: String,
    screen: bool,
    /// Without the name of a stream of RTMP, which is often a key.
    url: String,
    /// `connecting`, `sending`, or why it is not sent.
    state: String,
    /// Of media, so far.
    bytes: u64,
    /// What a receiver of plain RTP has to know.
    #[serde(skip_serializing_if = "Option::is_none")]
    sdp: Option<String>,
    #[serde(skip)]
    stop: Shutdown,
}

/// All of them. Clones are the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Forwards(Arc<Mutex<(u64, BTreeMap<u64, Status>)>>);

/// Why something is not passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    Stranger,
    Address,
    Silent,
    Full,
}

/// One of them, for the task that does it.
#[derive(Debug)]
struct Job {
    id: u64,
    tap: TapId,
    room: String,
    forwards: Forwards,
    switchboard: Switchboard,
    stop: Shutdown,
}

impl Forwards {
    fn table(&self) -> MutexGuard<'_, (u64, BTreeMap<u64, Status>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Those of a room.
    pub(crate) fn list(&self, room: &str) -> Vec<Status> {
        let table = self.table();
        let all = table.1.values().filter(|status| status.room == room);
        all.cloned().collect()
    }

    /// Ends one; whether there was one.
    pub(crate) fn end(&self, room: &str, id: u64) -> bool {
        let mut table = self.table();
        let is_here = table.1.get(&id).is_some_and(|status| status.room == room);
        if is_here && let Some(status) = table.1.remove(&id) {
            status.stop.begin();
        }
        is_here
    }

    /// Begins to pass on what somebody sends, until they go.
    pub(crate) async fn begin(
        &self,
        switchboard: &Switchboard,
        room: &str,
        who: String,
        screen: bool,
        url: String,
    ) -> Result<Status, Refusal> {
        let target: Target = url.parse().map_err(|()| Refusal::Address)?;
        let (sender, packets) = mpsc::channel(WAITING);
        let tap = switchboard.forward(room, who, screen, sender).await;
        let tap = tap.ok_or(Refusal::Stranger)?;
        let stop = Shutdown::new();
        let id = {
            let mut table = self.table();
            if table.1.len() >= MOST {
                return Err(Refusal::Full);
            }
            table.0 += 1;
            let id = table.0;
            let status = Status {
                id,
                room: room.to_owned(),
                who: tap.peer.to_string(),
                screen,
                url: target.shown(),
                state: "connecting".to_owned(),
                bytes: 0,
                sdp: None,
                stop: stop.clone(),
            };
            table.1.insert(id, status);
            id
        };
        let job = Job {
            id,
            tap,
            room: room.to_owned(),
            forwards: self.clone(),
            switchboard: switchboard.clone(),
            stop,
        };
        match target {
            Target::Rtmp(url) => {
                tokio::spawn(job.keep(url, packets));
            }
            Target::Rtp(address) => {
                let begun = rtp::begin(&job, address, packets).await;
                let Some((sdp, sending)) = begun else {
                    self.end(room, id);
                    return Err(Refusal::Silent);
                };
                job.note(|status| {
                    status.sdp = Some(sdp);
                    status.state = "sending".to_owned();
                });
                tokio::spawn(async move {
                    let stop = job.stop.clone();
                    tokio::select! {
                        () = sending.run(&job) => {}
                        () = stop.wait() => {}
                    }
                    job.ended();
                });
            }
        }
        self.table().1.get(&id).cloned().ok_or(Refusal::Stranger)
    }
}

impl Job {
    fn note(&self, change: impl FnOnce(&mut Status)) {
        if let Some(status) = self.forwards.table().1.get_mut(&self.id) {
            change(status);
        }
    }

    fn ended(&self) {
        tracing::info!(room = %self.room, peer = %self.tap.peer, forward = self.id, "is not passed on any more");
        self.forwards.table().1.remove(&self.id);
    }

    async fn want_keyframe(&self) {
        self.switchboard.want_keyframe(&self.room, self.tap).await;
    }

    /// Publishes by RTMP, again and again, as long as the person is here.
    async fn keep(self, url: ::rtmp::Url, packets: mpsc::Receiver<Taken>) {
        let mut next = Some(packets);
        while let Some(packets) = next {
            let ended = rtmp::publish(&self, &url, packets).await;
            let Err(error) = ended else { break };
            if self.stop.has_begun() {
                break;
            }
            tracing::warn!(room = %self.room, peer = %self.tap.peer, forward = self.id, "RTMP: {error:#}");
            self.note(|status| status.state = format!("{error:#}"));
            tokio::select! {
                () = tokio::time::sleep(PAUSE) => {}
                () = self.stop.wait() => break,
            }
            let (sender, packets) = mpsc::channel(WAITING);
            let who = self.tap.peer.to_string();
            let again = self
                .switchboard
                .forward(&self.room, who, self.tap.screen, sender);
            next = again.await.map(|_| packets);
        }
        self.ended();
    }
}

/// Where to.
#[derive(Debug)]
enum Target {
    Rtmp(::rtmp::Url),
    /// A host and a port.
    Rtp(String),
}

impl Target {
    fn shown(&self) -> String {
        match self {
            Self::Rtmp(url) => url.tc_url(),
            Self::Rtp(address) => format!("rtp://{address}"),
        }
    }
}

impl std::str::FromStr for Target {
    type Err = ();

    fn from_str(url: &str) -> Result<Self, ()> {
        if let Some(rest) = url.strip_prefix("rtp://") {
            let address = rest.split(['/', '?']).next().unwrap_or_default();
            let (host, port) = address.rsplit_once(':').ok_or(())?;
            let port: u16 = port.parse().map_err(|_| ())?;
            // Two ports for each track.
            if host.is_empty() || port == 0 || port > u16::MAX - 8 {
                return Err(());
            }
            return Ok(Self::Rtp(address.to_owned()));
        }
        let url: ::rtmp::Url = url.parse().map_err(|_| ())?;
        let is_plain = !url.scheme.is_secure() && !url.scheme.is_tunnelled();
        if !is_plain || url.name.is_empty() {
            return Err(());
        }
        Ok(Self::Rtmp(url))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let of = |text: &str| text.parse::<Target>();
        assert!(matches!(of("rtmp://h/live/x"), Ok(Target::Rtmp(_))));
        let with_key = of("rtmp://user:word@h/live/key").unwrap();
        assert_eq!(with_key.shown(), "rtmp://h/live");
        assert!(
            matches!(of("rtp://127.0.0.1:5004"), Ok(Target::Rtp(to)) if to == "127.0.0.1:5004")
        );
        assert!(matches!(of("rtp://[::1]:5004/"), Ok(Target::Rtp(to)) if to == "[::1]:5004"));
        for bad in [
            "",
            "rtmp://h",
            "rtmps://h/a/b",
            "rtp://h",
            "rtp://:5",
            "rtp://h:0",
            "rtp://h:65535",
            "http://h/",
        ] {
            assert!(of(bad).is_err(), "{bad}");
        }
    }
}
