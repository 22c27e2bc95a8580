//! Somebody who publishes, and the room that they are in.

use super::Ingest;
use super::source::{Output, Source};
use crate::room::{Guest, PeerId, Refusal};
use crate::switchboard::Told;
use media::Event;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use streaming_server::embed::Sink;

/// Why a publisher is let go.
const FULL: &str = "The room is full, or there are too many.";

/// By what a publisher is in a room: dropped, they have gone.
#[derive(Debug)]
pub(super) struct Inlet {
    ingest: Ingest,
    room: Arc<str>,
    id: PeerId,
    /// Only to be told as shared: what decodes sound is not, and nobody locks it.
    source: Mutex<Source>,
    /// Who they are, until the room has been told.
    guest: Option<Guest>,
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
    pub(super) fn new(ingest: Ingest, room: Arc<str>, id: PeerId, name: String) -> Self {
        Self {
            ingest,
            room,
            id,
            source: Mutex::new(Source::new(name, Instant::now())),
            guest: None,
            told: None,
            warned: None,
            dismissal: None,
        }
    }

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
