//! Stream out: the program of a room, published to servers of others by RTMP.

use common::Shutdown;
use common::rtmp::Publisher;
use media::{Event, Kind, Sample, Tracks};
use rtmp::Url;
use rtmp::flv::Muxer;
use serde_json::{Value, json};
use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// Events that wait for a server: about five seconds.
const WAITING: usize = 512;
/// How long to wait before a server is tried again; twice as long each time, up to the second.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// One server that gets the program.
#[derive(Debug)]
pub(crate) struct Push {
    pub(crate) id: u64,
    url: Url,
    sender: Sender<Event>,
    /// It begins with the tracks and a keyframe.
    fresh: AtomicBool,
    pub(crate) stop: Shutdown,
    state: Mutex<String>,
    sent: AtomicU64,
}

impl Push {
    /// To a server, from now on and again and again, until it is stopped or dropped.
    ///
    /// # Errors
    /// What is wrong with the URL.
    pub(crate) fn start(id: u64, url: &str) -> Result<Arc<Self>, String> {
        let url: Url = url.parse().map_err(|error| format!("{error}"))?;
        if url.scheme != rtmp::Scheme::Rtmp {
            return Err("only rtmp:// can be pushed to".into());
        }
        if url.name.is_empty() {
            return Err("the URL has no name of a stream".into());
        }
        let (sender, receiver) = channel(WAITING);
        let push = Arc::new(Self {
            id,
            url,
            sender,
            fresh: AtomicBool::new(true),
            stop: Shutdown::new(),
            state: Mutex::new("begins".into()),
            sent: AtomicU64::new(0),
        });
        tokio::spawn(keep(Arc::clone(&push), receiver));
        Ok(push)
    }

    fn state(&self) -> MutexGuard<'_, String> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, state: impl Into<String>) {
        *self.state() = state.into();
    }

    /// For the API. The name of the stream is often a key: it is not told.
    pub(crate) fn describe(&self) -> Value {
        json!({
            "id": self.id,
            "url": self.url.tc_url(),
            "state": &*self.state(),
            "sent": self.sent.load(Ordering::Relaxed),
        })
    }

    /// Takes an event of the program. Who does not keep up goes on with a keyframe.
    pub(crate) fn handle(&self, event: &Event, tracks: Option<&Tracks>) {
        if self.fresh.load(Ordering::Relaxed) {
            let (Event::Sample(sample), Some(tracks)) = (event, tracks) else {
                return;
            };
            let main = tracks
                .first_of(Kind::Video)
                .or(tracks.first_of(Kind::Audio));
            if !sample.is_sync() || main.is_none_or(|main| main.id != sample.track) {
                return;
            }
            self.fresh.store(false, Ordering::Relaxed);
            self.offer(Event::Tracks(tracks.clone()));
        }
        self.offer(event.clone());
    }

    fn offer(&self, event: Event) {
        if self.sender.try_send(event).is_err() {
            self.fresh.store(true, Ordering::Relaxed);
        }
    }
}

/// Pushes until it is to stop.
async fn keep(push: Arc<Push>, mut receiver: Receiver<Event>) {
    let mut pause = PAUSES.0;
    loop {
        let began = Instant::now();
        let Err(why) = tokio::select! {
            result = converse(&push, &mut receiver) => result,
            () = push.stop.wait() => return,
        };
        tracing::warn!(server = %push.url.host, "the push ended: {why:#}");
        push.tell(format!("{why:#}"));
        if began.elapsed() > PAUSES.1 {
            pause = PAUSES.0;
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = push.stop.wait() => return,
        }
        pause = (2 * pause).min(PAUSES.1);
    }
}

/// One connection, until it fails or the server ends it.
async fn converse(push: &Push, receiver: &mut Receiver<Event>) -> anyhow::Result<Infallible> {
    let mut publisher = Publisher::open(&push.url).await?;
    push.tell("live");
    tracing::info!(server = %push.url.host, "the program is pushed");
    // What waited for it is old.
    while receiver.try_recv().is_ok() {}
    push.fresh.store(true, Ordering::Relaxed);
    let mut line = Line::default();
    loop {
        tokio::select! {
            heard = publisher.listen() => heard?,
            // The sender lives as long as the push.
            Some(event) = receiver.recv() => {
                for message in line.messages(event)? {
                    publisher.send(message)?;
                }
            }
        }
        let written = publisher.write().await?;
        push.sent.fetch_add(written, Ordering::Relaxed);
    }
}

/// Events to messages, with times that begin at 0.
#[derive(Debug, Default)]
struct Line {
    muxer: Muxer,
    tracks: Option<Tracks>,
    /// In nanoseconds of the program.
    begin: Option<i64>,
}

impl Line {
    fn messages(&mut self, event: Event) -> Result<Vec<rtmp::Message>, rtmp::Error> {
        match event {
            Event::Tracks(tracks) => {
                self.muxer.set_tracks(&tracks)?;
                self.tracks = Some(tracks);
            }
            Event::Sample(sample) => {
                if let Some(sample) = self.shifted(sample) {
                    self.muxer.handle_sample(&sample)?;
                }
            }
            _ => {}
        }
        Ok(std::iter::from_fn(|| self.muxer.poll_output()).collect())
    }

    /// None of what lies before the beginning.
    fn shifted(&mut self, sample: Sample) -> Option<Sample> {
        let track = self.tracks.as_ref()?;
        let track = track.iter().find(|track| track.id == sample.track)?;
        let begin = *self
            .begin
            .get_or_insert(track.timescale.time(sample.dts).as_nanos());
        let ticks = i128::from(begin) * i128::from(track.timescale.get()) / 1_000_000_000;
        let ticks = i64::try_from(ticks).ok()?;
        (sample.dts >= ticks).then(|| Sample {
            dts: sample.dts - ticks,
            pts: sample.pts - ticks,
            ..sample
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use media::{Codec, Flags, Timescale, Track, TrackId};

    #[test]
    fn only_servers_of_rtmp_with_a_stream() {
        for bad in ["", "http://h/a/b", "rtmps://h/a/b", "rtmp://h/a"] {
            assert!(Push::start(1, bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn times_begin_with_the_push() {
        let scale = Timescale::new(48_000).unwrap();
        let codec = Codec::Aac(aac::AudioSpecificConfig::lc(48_000, 2).unwrap());
        let mut line = Line::default();
        let tracks = Tracks::from(vec![Track::new(TrackId(1), scale, codec)]);
        line.messages(Event::Tracks(tracks)).unwrap();
        let mut times = Vec::new();
        for at in [480_000_i64, 481_024, 479_000, 528_000] {
            let sample = Sample {
                track: TrackId(1),
                dts: at,
                pts: at,
                duration: None,
                flags: Flags::SYNC,
                data: vec![0x21].into(),
            };
            let messages = line.messages(Event::Sample(sample)).unwrap();
            times.extend(messages.iter().map(|message| message.timestamp));
        }
        assert_eq!(times, [0, 21, 1000]);
    }
}
