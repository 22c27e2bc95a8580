//! What HTTP serves of one stream: its playlists and, in memory, the segments that they list.

use bytes::Bytes;
use hls::live;
use media::{SegmentInfo, Time, Tracks, WallClock};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// Bytes of segments kept per stream, whatever the playlist says.
const MOST_BYTES: usize = 512 << 20;
/// Viewers counted per stream.
const MOST_VIEWERS: usize = 100_000;

/// How playlists are kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Settings {
    /// Length of segments.
    pub(crate) segment: Duration,
    /// Length of the playlist.
    pub(crate) window: Duration,
}

/// The HLS side of a stream.
#[derive(Debug)]
pub(crate) struct Origin {
    settings: Settings,
    state: Mutex<State>,
    /// A segment came, or the end.
    news: Notify,
}

#[derive(Debug)]
struct State {
    playlist: live::Playlist,
    tracks: Tracks,
    inits: BTreeMap<u32, Bytes>,
    segments: BTreeMap<u64, Bytes>,
    bytes: usize,
    /// When the newest segment came in, and the length of all that came.
    edge: Option<Instant>,
    viewers: HashMap<u64, Viewer>,
}

#[derive(Debug)]
struct Viewer {
    seen: Instant,
    /// Times that it asked for the playlist: who asks once only looks.
    requests: u32,
    /// Whether it has got a playlist with its end.
    told: bool,
}

impl Origin {
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            settings,
            state: Mutex::new(State {
                playlist: settings.playlist(),
                tracks: Tracks::default(),
                inits: BTreeMap::new(),
                segments: BTreeMap::new(),
                bytes: 0,
                edge: None,
                viewers: HashMap::new(),
            }),
            news: Notify::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    // For the pipeline.

    pub(crate) fn put_init(&self, number: u32, data: Bytes, tracks: &Tracks) {
        let mut state = self.state();
        state.tracks = tracks.clone();
        state.inits.insert(number, data);
    }

    pub(crate) fn put_segment(&self, info: &SegmentInfo, data: Bytes) -> Result<(), hls::Error> {
        let mut state = self.state();
        state.playlist.push_segment(info)?;
        state.bytes += data.len();
        state.segments.insert(info.segment, data);
        state.edge = Some(Instant::now());
        while let Some(expired) = state.playlist.poll_expired() {
            match expired.resource {
                live::Resource::Segment(number) => state.drop_segment(number),
                live::Resource::Init(number) => drop(state.inits.remove(&number)),
            }
        }
        while state.bytes > MOST_BYTES
            && state.segments.len() > 1
            && let Some(number) = state.segments.keys().next().copied()
        {
            state.drop_segment(number);
        }
        drop(state);
        self.news.notify_waiters();
        Ok(())
    }

    pub(crate) fn set_clock(&self, time: Time, wall: WallClock) {
        self.state().playlist.set_clock(time, wall);
    }

    pub(crate) fn discontinuity(&self) {
        self.state().playlist.discontinuity();
    }

    pub(crate) fn end(&self) {
        self.state().playlist.end();
        self.news.notify_waiters();
    }

    /// Begins anew after an end.
    pub(crate) fn restart(&self) {
        let mut state = self.state();
        state.playlist = self.settings.playlist();
        state.inits.clear();
        state.segments.clear();
        state.bytes = 0;
        state.edge = None;
    }

    // For HTTP.

    /// Waits until there is a playlist to serve.
    pub(crate) async fn ready(&self) {
        let news = self.news.notified();
        tokio::pin!(news);
        loop {
            news.as_mut().enable();
            if !self.state().playlist.is_empty() {
                return;
            }
            news.as_mut().await;
            news.set(self.news.notified());
        }
    }

    /// The multivariant playlist, once there is a segment. The variant's URI carries `viewer`, by which it is counted.
    pub(crate) fn multivariant(&self, viewer: u64) -> Option<Bytes> {
        let state = self.state();
        let bandwidth = state.playlist.bandwidth()?;
        let playlist = live::multivariant([live::Variant {
            uri: &format!("stream.m3u8?viewer={viewer}"),
            tracks: &state.tracks,
            bandwidth,
        }]);
        let mut text = Vec::new();
        playlist.write(&mut text);
        Some(text.into())
    }

    /// The media playlist, once there is a segment.
    pub(crate) fn playlist(&self, viewer: u64) -> Option<Bytes> {
        let mut state = self.state();
        if state.playlist.is_empty() {
            return None;
        }
        let told = state.playlist.is_ended();
        let seen = Instant::now();
        if state.viewers.len() < MOST_VIEWERS || state.viewers.contains_key(&viewer) {
            let viewer = state.viewers.entry(viewer).or_insert(Viewer {
                seen,
                requests: 0,
                told,
            });
            (viewer.seen, viewer.told) = (seen, told);
            viewer.requests = viewer.requests.saturating_add(1);
        }
        Some(state.playlist.to_bytes())
    }

    pub(crate) fn init(&self, number: u32) -> Option<Bytes> {
        self.state().inits.get(&number).cloned()
    }

    pub(crate) fn segment(&self, number: u64) -> Option<Bytes> {
        self.state().segments.get(&number).cloned()
    }

    // For the numbers.

    pub(crate) fn tracks(&self) -> Tracks {
        self.state().tracks.clone()
    }

    /// Peak bit rate as the multivariant playlist tells it.
    pub(crate) fn declared_bitrate(&self) -> Option<u64> {
        self.state()
            .playlist
            .bandwidth()
            .map(|bandwidth| bandwidth.peak)
    }

    /// How long ago the newest segment came in: so much is the live edge behind the publisher.
    pub(crate) fn edge_age(&self) -> Option<Duration> {
        self.state().edge.map(|edge| edge.elapsed())
    }

    /// Clients that keep asking for the playlist.
    pub(crate) fn viewers(&self) -> usize {
        let state = self.state();
        state
            .viewers
            .values()
            .filter(|viewer| viewer.requests > 1)
            .count()
    }

    /// Clients that are still to be told of the end.
    pub(crate) fn untold_viewers(&self) -> usize {
        let state = self.state();
        match state.playlist.is_empty() {
            true => 0,
            false => state.viewers.values().filter(|viewer| !viewer.told).count(),
        }
    }

    /// Forgets viewers that stay away. To be called once a second.
    pub(crate) fn tick(&self) {
        let mut state = self.state();
        // A player asks every target duration, or twice as often.
        let patience = Duration::from_secs(3 * state.playlist.target_duration().max(2));
        state
            .viewers
            .retain(|_, viewer| viewer.seen.elapsed() < patience);
    }
}

impl Settings {
    fn playlist(self) -> live::Playlist {
        let mut config = live::Config::new(self.segment);
        config.window = self.window;
        live::Playlist::new(config)
    }
}

impl State {
    fn drop_segment(&mut self, number: u64) {
        if let Some(data) = self.segments.remove(&number) {
            self.bytes -= data.len();
        }
    }
}
