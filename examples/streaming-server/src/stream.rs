//! One stream: who publishes it, who gets it.

mod opus;
mod publication;

pub(crate) use publication::{Broadcast, Publication, Taken};

use crate::family::Family;
use crate::meter::{Meter, Point};
use crate::origin::{Origin, Settings};
use crate::pipeline::{Pipeline, describe};
use crate::rtsp_server::egress::Egress;
use crate::unit::Unit;
use common::record::Recordings;
use common::{Fanout, fanout};
use media::{Codec, Kind, Tracks};
use serde::Serialize;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Who publishes.
#[derive(Debug, Clone)]
pub(crate) struct Publisher {
    /// From where; `None` for the built-in stream.
    pub(crate) peer: Option<SocketAddr>,
    /// What it calls itself.
    pub(crate) agent: String,
    /// What came behind the name.
    pub(crate) query: String,
}

/// A name, and what is published under it.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) name: Arc<str>,
    pub(crate) fanout: Fanout<Unit>,
    pub(crate) origin: Origin,
    /// The same as packets, for RTSP.
    pub(crate) rtsp: Egress,
    /// Its sound, for those to whom it cannot go as it is.
    pub(crate) opus: opus::Opus,
    settings: Settings,
    /// What it shares with other renditions of the same content.
    family: Option<Arc<Family>>,
    merge: Duration,
    recordings: Option<Recordings>,
    seat: Mutex<Seat>,
    meter: Mutex<Meter>,
    players: AtomicUsize,
    /// The same by RTSP.
    rtsp_players: AtomicUsize,
}

/// The publisher's place.
#[derive(Debug)]
struct Seat {
    publisher: Option<Publisher>,
    /// Since when it is taken, or free.
    since: Instant,
    /// What continues the playlist, while nobody publishes.
    pipeline: Option<Pipeline>,
    least_segment: u64,
}

impl Stream {
    pub(crate) fn new(
        name: &str,
        settings: Settings,
        merge: Duration,
        recordings: Option<Recordings>,
        family: Option<Arc<Family>>,
    ) -> Self {
        let fanout = Fanout::new(fanout::Config::default());
        let rtsp = Egress::new();
        if settings.rtsp {
            rtsp.want();
        }
        // Who comes now is told when a publisher comes.
        fanout.push(Unit::Unpublished);
        Self {
            name: name.into(),
            fanout,
            origin: Origin::new(settings),
            rtsp,
            opus: opus::Opus::new(),
            settings,
            family,
            merge,
            recordings,
            seat: Mutex::new(Seat {
                publisher: None,
                since: Instant::now(),
                pipeline: None,
                least_segment: 0,
            }),
            meter: Mutex::default(),
            players: AtomicUsize::new(0),
            rtsp_players: AtomicUsize::new(0),
        }
    }

    fn seat(&self) -> MutexGuard<'_, Seat> {
        self.seat.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn meter(&self) -> MutexGuard<'_, Meter> {
        self.meter.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the publisher's place; `None` if it is taken.
    pub(crate) fn publish(self: &Arc<Self>, publisher: Publisher) -> Option<Broadcast> {
        let mut seat = self.seat();
        if seat.publisher.is_some() {
            return None;
        }
        let pipeline = seat.pipeline.take().unwrap_or_else(|| {
            self.origin.restart();
            Pipeline::new(self.settings, seat.least_segment, self.family.clone())
        });
        // The built-in stream is there anyway.
        let recordings = self.recordings.as_ref();
        let recordings = recordings.filter(|_| publisher.peer.is_some());
        let recording = recordings.map(|recordings| recordings.start(&self.name));
        seat.publisher = Some(publisher);
        seat.since = Instant::now();
        drop(seat);
        self.fanout.push(Unit::Published);
        self.fanout.wake();
        Some(Broadcast::new(Arc::clone(self), pipeline, recording))
    }

    /// Counts an RTMP player as long as the result lives.
    pub(crate) fn player(self: &Arc<Self>) -> Seated {
        self.players.fetch_add(1, Ordering::Relaxed);
        Seated(Arc::clone(self), |stream| &stream.players)
    }

    /// Counts an RTSP player as long as the result lives.
    pub(crate) fn rtsp_player(self: &Arc<Self>) -> Seated {
        self.rtsp_players.fetch_add(1, Ordering::Relaxed);
        Seated(Arc::clone(self), |stream| &stream.rtsp_players)
    }

    /// Has its sound made Opus as long as the result lives.
    pub(crate) fn listener(self: &Arc<Self>) -> Seated {
        self.opus.listeners.fetch_add(1, Ordering::Relaxed);
        Seated(Arc::clone(self), |stream| &stream.opus.listeners)
    }

    /// Whether somebody publishes.
    pub(crate) fn is_live(&self) -> bool {
        self.seat().publisher.is_some()
    }

    /// How long nobody has published; `None` while somebody does.
    pub(crate) fn idle(&self) -> Option<Duration> {
        let seat = self.seat();
        seat.publisher.is_none().then(|| seat.since.elapsed())
    }

    /// Whether an RTMP or RTSP player waits or plays.
    pub(crate) fn has_players(&self) -> bool {
        self.all_players() > 0
    }

    /// Whether anybody at all does.
    pub(crate) fn is_watched(&self) -> bool {
        self.has_players() || self.origin.viewers() > 0
    }

    fn all_players(&self) -> usize {
        self.players.load(Ordering::Relaxed) + self.rtsp_players.load(Ordering::Relaxed)
    }

    /// Whether there is or has been something to see.
    pub(crate) fn was_published(&self) -> bool {
        let seat = self.seat();
        seat.publisher.is_some() || seat.pipeline.is_some() || self.origin.edge_age().is_some()
    }

    /// Nobody came back: the playlist ends. Who publishes later begins a new one.
    pub(crate) fn end(&self) {
        let mut seat = self.seat();
        if let Some(mut pipeline) = seat.pipeline.take() {
            if let Err(error) = pipeline.finish(&self.origin) {
                tracing::warn!(stream = %self.name, "the last segment is lost: {error:#}");
            }
            seat.least_segment = pipeline.next_segment();
        }
    }

    /// To be called once a second.
    pub(crate) fn tick(&self) {
        self.origin.tick();
        self.meter()
            .tick(self.origin.viewers() + self.all_players());
    }

    /// The last two minutes, second by second.
    pub(crate) fn history(&self) -> Vec<Point> {
        self.meter().history()
    }

    /// What the API tells.
    pub(crate) fn status(&self) -> Status {
        let seat = self.seat();
        let publisher = seat.publisher.as_ref();
        let live = publisher.is_some();
        let publisher = publisher.map(|publisher| match publisher.peer {
            Some(peer) => format!("{} at {}", publisher.agent, peer.ip()),
            None => publisher.agent.clone(),
        });
        let uptime = seat.since.elapsed();
        drop(seat);
        let tracks = self.origin.tracks();
        let rates = self.meter().rates();
        Status {
            name: self.name.to_string(),
            hls: format!("/{}/index.m3u8", self.name),
            dash: format!("/{}/manifest.mpd", self.name),
            live,
            publisher,
            uptime: if live { uptime.as_secs_f64() } else { 0.0 },
            video: tracks
                .first_of(Kind::Video)
                .and_then(|track| Video::new(&tracks, track)),
            audio: tracks
                .first_of(Kind::Audio)
                .and_then(|track| Audio::new(&tracks, track)),
            rates,
            bitrate_declared: self.origin.declared_bitrate(),
            viewers: Viewers {
                rtmp: self.players.load(Ordering::Relaxed),
                rtsp: self.rtsp_players.load(Ordering::Relaxed),
                hls: self.origin.viewers(),
            },
            edge_age: live
                .then(|| self.origin.edge_age())
                .flatten()
                .map(|age| age.as_secs_f64()),
        }
    }
}

/// A player, counted.
#[derive(Debug)]
pub(crate) struct Seated(Arc<Stream>, fn(&Stream) -> &AtomicUsize);

impl Drop for Seated {
    fn drop(&mut self) {
        (self.1)(&self.0).fetch_sub(1, Ordering::Relaxed);
    }
}

/// A stream, as the API tells it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Status {
    name: String,
    /// Path of its multivariant playlist.
    hls: String,
    /// Path of its manifest.
    dash: String,
    live: bool,
    publisher: Option<String>,
    /// Seconds since the publisher came.
    uptime: f64,
    video: Option<Video>,
    audio: Option<Audio>,
    #[serde(flatten)]
    rates: crate::meter::Rates,
    /// Bits per second, as the multivariant playlist tells them.
    bitrate_declared: Option<u64>,
    viewers: Viewers,
    /// Seconds since the end of the newest part.
    edge_age: Option<f64>,
}

#[derive(Debug, Clone, Serialize)]
struct Viewers {
    rtmp: usize,
    rtsp: usize,
    hls: usize,
}

#[derive(Debug, Clone, Serialize)]
struct Video {
    codec: String,
    description: String,
    width: Option<u32>,
    height: Option<u32>,
    /// Pictures per second, as the parameter sets tell them.
    frame_rate: Option<f64>,
}

impl Video {
    fn new(tracks: &Tracks, track: &media::Track) -> Option<Self> {
        let mut video = Self {
            codec: track.codec.rfc6381(),
            description: describe(tracks, track.id)?,
            width: None,
            height: None,
            frame_rate: None,
        };
        if let Codec::H264(config) = &track.codec
            && let Some(sps) = config.first_sps()
        {
            video.width = Some(sps.width());
            video.height = Some(sps.height());
            let rate = sps.frame_rate();
            video.frame_rate = rate.map(|rate| f64::from(rate.num) / f64::from(rate.den));
        }
        Some(video)
    }
}

#[derive(Debug, Clone, Serialize)]
struct Audio {
    codec: String,
    description: String,
    sample_rate: Option<u32>,
    channels: Option<u16>,
}

impl Audio {
    fn new(tracks: &Tracks, track: &media::Track) -> Option<Self> {
        let mut audio = Self {
            codec: track.codec.rfc6381(),
            description: describe(tracks, track.id)?,
            sample_rate: None,
            channels: None,
        };
        if let Codec::Aac(config) = &track.codec {
            audio.sample_rate = Some(config.output_sampling_frequency());
            audio.channels = Some(config.channels());
        }
        Some(audio)
    }
}
