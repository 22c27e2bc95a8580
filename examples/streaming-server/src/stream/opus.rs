//! The sound of a stream as WebRTC takes it: what is no Opus becomes Opus, while somebody listens.

use crate::rtsp_server::egress::{Egress, Feed};
use anyhow::Context;
use common::sound::Voice;
use media::{Codec, Event, Kind, Track, Tracks};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// Where those who need it get it, and how many they are.
#[derive(Debug)]
pub(crate) struct Opus {
    /// Packets of one track.
    pub(crate) egress: Egress,
    pub(super) listeners: AtomicUsize,
    can_be_made: AtomicBool,
}

impl Opus {
    pub(super) fn new() -> Self {
        Self {
            egress: Egress::new(),
            listeners: AtomicUsize::new(0),
            can_be_made: AtomicBool::new(false),
        }
    }

    /// Whether what is published has sound that can be made Opus.
    pub(crate) fn can_be_made(&self) -> bool {
        self.can_be_made.load(Ordering::Relaxed)
    }

    fn is_listened_to(&self) -> bool {
        self.listeners.load(Ordering::Relaxed) > 0
    }
}

/// Makes it of what one publisher sends.
#[derive(Debug)]
pub(super) struct Interpreter {
    track: Track,
    /// `None` while nobody listens. Nobody waits for it: it is locked because its filters cannot be looked at by two threads.
    voice: Option<Box<Mutex<Voice>>>,
    /// `None` until somebody has.
    feed: Option<Feed>,
}

impl Interpreter {
    /// For the first track of sound; none where there is no need, or it is not understood.
    fn new(name: &str, tracks: &Tracks) -> Option<Self> {
        let is_sound = |track: &&Track| track.codec.kind() == Kind::Audio;
        let is_opus = |track: &Track| matches!(track.codec, Codec::Opus(_));
        if tracks.iter().any(is_opus) {
            return None;
        }
        let track = tracks.iter().find(is_sound)?.clone();
        if let Err(error) = Voice::new(&track) {
            tracing::info!(stream = %name, "players by WHEP will not hear it: {error:#}");
            return None;
        }
        Some(Self {
            track,
            voice: None,
            feed: None,
        })
    }

    /// Takes an event of the publisher, of whom `this` is known so far.
    pub(super) fn handle(this: &mut Option<Self>, name: &str, event: &Event, opus: &Opus) {
        if let Event::Tracks(tracks) = event {
            let is_same = |own: &Self| tracks.first_of(Kind::Audio) == Some(&own.track);
            if !this.as_ref().is_some_and(is_same) {
                Self::finish(this.take(), opus);
                *this = Self::new(name, tracks);
                opus.can_be_made.store(this.is_some(), Ordering::Relaxed);
            }
            return;
        }
        if let Some(own) = this
            && let Err(error) = own.take(name, event, opus)
        {
            tracing::debug!(stream = %name, "sound is lost for players by WHEP: {error:#}");
        }
    }

    fn take(&mut self, name: &str, event: &Event, opus: &Opus) -> anyhow::Result<()> {
        let Event::Sample(sample) = event else {
            if let Some(feed) = &mut self.feed {
                feed.handle(name, event, &opus.egress)?;
            }
            return Ok(());
        };
        if sample.track != self.track.id {
            return Ok(());
        }
        if !opus.is_listened_to() {
            self.voice = None;
            return Ok(());
        }
        if self.voice.is_none() {
            self.voice = Some(Box::new(Mutex::new(Voice::new(&self.track)?)));
        }
        let voice = self.voice.as_mut().context("it was made just now")?;
        let voice = voice.get_mut().unwrap_or_else(PoisonError::into_inner);
        if self.feed.is_none() {
            let codec = Codec::Opus(media::codec::Opus::new(2, 0));
            let track = Track::new(self.track.id, voice.clock, codec);
            let mut feed = Feed::new();
            let tracks = Event::Tracks(Tracks::from(vec![track]));
            feed.handle(name, &tracks, &opus.egress)?;
            self.feed = Some(feed);
        }
        let spoken = voice.handle(sample)?;
        for spoken in spoken {
            if let Some(feed) = &mut self.feed {
                feed.handle(name, &Event::Sample(spoken.sample(sample)), &opus.egress)?;
            }
        }
        Ok(())
    }

    /// The publisher has gone, or has other sound.
    pub(super) fn finish(this: Option<Self>, opus: &Opus) {
        opus.can_be_made.store(false, Ordering::Relaxed);
        if let Some(feed) = this.and_then(|own| own.feed) {
            feed.finish(&opus.egress);
        }
    }
}
