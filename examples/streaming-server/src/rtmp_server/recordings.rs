//! What a player of a recording asks for, and what it gets.

use super::{BATCH, Connection, End};
use crate::recorded::{self, Playback};
use rtmp::server::RequestId;
use std::sync::Arc;
use std::time::{Duration, Instant};

impl Connection {
    /// Gives a player what is due of its recording; says whether there was anything.
    pub(super) fn give_recording(&mut self) -> Result<bool, End> {
        let Some(playback) = &mut self.playback else {
            return Ok(false);
        };
        let now = Instant::now();
        while self.session.transmit_len() < BATCH
            && let Some(message) = playback.take(now)
        {
            self.session.send_message(&message)?;
        }
        playback.finish(&mut self.session)?;
        Ok(self.session.transmit_len() > 0)
    }

    pub(super) fn handle_recording(&mut self, item: Option<recorded::Item>) -> Result<(), End> {
        let Some(playback) = &mut self.playback else {
            return Ok(());
        };
        let (peer, stream) = (self.peer, Arc::clone(&playback.name));
        let refused = match playback.handle(item, &mut self.session, Instant::now())? {
            recorded::Event::More => return Ok(()),
            recorded::Event::Started => {
                tracing::info!(%peer, %stream, agent = %self.agent, "player started");
                return Ok(());
            }
            recorded::Event::Refused(reason) => reason,
            recorded::Event::Broken(reason) => reason,
        };
        tracing::warn!(%peer, %stream, "player refused: {refused}");
        self.playback = None;
        Ok(())
    }

    pub(super) fn playback_on(&mut self, stream_id: u32) -> Option<&mut Playback> {
        let playback = self.playback.as_mut();
        playback.filter(|playback| playback.stream_id == stream_id)
    }

    pub(super) fn seek(&mut self, position: Duration) -> Result<(), End> {
        if let Some(playback) = &mut self.playback {
            unless_gone(playback.seek(position, &mut self.session, Instant::now()))?;
        }
        Ok(())
    }

    pub(super) fn tell_length(
        &mut self,
        request: RequestId,
        app: &str,
        name: &str,
    ) -> Result<(), End> {
        let path = format!("{app}/{name}");
        match self.library.find(&path) {
            Some(file) => {
                let library = self.library.clone();
                self.lengths
                    .spawn(async move { (request, recorded::length(library, file).await) });
            }
            None => {
                // A live stream has none.
                let length = (!self.library.holds(&path)).then_some(Duration::ZERO);
                self.session.answer_length(request, length)?;
            }
        }
        Ok(())
    }
}

/// A player may have gone on in the same breath: then the event that says so is the next.
pub(super) fn unless_gone(answered: Result<(), rtmp::Error>) -> Result<(), rtmp::Error> {
    match answered {
        Err(rtmp::Error::State(_)) => Ok(()),
        answered => answered,
    }
}

pub(super) async fn read(playback: Option<&mut Playback>) -> Option<recorded::Item> {
    match playback {
        Some(playback) => playback.next().await,
        None => std::future::pending().await,
    }
}
