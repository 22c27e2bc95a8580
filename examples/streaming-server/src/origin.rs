//! What HTTP serves of one stream: its playlists and its manifest and, in memory, the segments that they list.

use crate::captions;
use crate::cue::{Breaks, Cue};
use crate::store::{Found, Segment, Store};
use crate::timed;
use bytes::Bytes;
use dash::live as dash_live;
use hls::live;
use media::{PartInfo, SegmentInfo, Time, TrackId, Tracks, WallClock};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// Bytes of segments kept per stream, whatever the playlist says.
const MOST_BYTES: usize = 512 << 20;
/// Viewers counted per stream.
const MOST_VIEWERS: usize = 100_000;
/// Stands in the manifest for the scheme and host that a client has reached us at.
const HERE: &str = "{here}";

/// How playlists are kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Settings {
    /// Length of segments.
    pub(crate) segment: Duration,
    /// Length of their parts; `None` where there is to be no low latency.
    pub(crate) part: Option<Duration>,
    /// How far behind players are to stay, at least.
    pub(crate) hold_back: Duration,
    /// How parts are told in HLS.
    pub(crate) part_addressing: live::PartAddressing,
    /// How segments are told in DASH.
    pub(crate) addressing: dash_live::Addressing,
    /// Length of the playlist.
    pub(crate) window: Duration,
    /// Whether somebody speaks RTSP.
    pub(crate) rtsp: bool,
}

/// The HTTP side of a stream.
#[derive(Debug)]
pub(crate) struct Origin {
    settings: Settings,
    state: Mutex<State>,
    /// A part or a segment came, or the end.
    news: Notify,
}

#[derive(Debug)]
struct State {
    playlist: live::Playlist,
    presentation: dash_live::Presentation,
    store: Store,
    tracks: Tracks,
    /// Unix time of media time 0, in nanoseconds.
    clock: Option<i64>,
    breaks: Breaks,
    captions: captions::Found,
    /// Nobody publishes just now: nobody is to wait for more.
    paused: bool,
    /// When the newest part or segment came in.
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

/// A playlist that was asked for.
#[derive(Debug)]
pub(crate) enum Answer {
    /// Here it is.
    Text(Bytes),
    /// There is none yet.
    Missing,
    /// What was asked for is no part of it, and will not be soon.
    Bad(live::BadRequest),
    /// What was asked for did not come.
    Late,
}

/// Why there is no segment of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoSegment {
    /// It is not there.
    Missing,
    /// The period that it was asked for in ended before it.
    Past,
}

impl Origin {
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            settings,
            state: Mutex::new(State {
                playlist: settings.playlist(),
                presentation: settings.presentation(),
                store: Store::default(),
                tracks: Tracks::default(),
                clock: None,
                breaks: Breaks::default(),
                captions: captions::Found::default(),
                paused: false,
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

    /// The tracks that segments are of from the next init on.
    pub(crate) fn set_tracks(&self, tracks: &Tracks) {
        self.state().presentation.set_tracks(tracks);
    }

    pub(crate) fn put_init(
        &self,
        track: Option<TrackId>,
        number: u32,
        data: Bytes,
        tracks: &Tracks,
    ) {
        let mut state = self.state();
        state.tracks = tracks.clone();
        state.store.put_init(track, number, data);
    }

    pub(crate) fn put_part(&self, info: &PartInfo, data: Bytes) -> anyhow::Result<()> {
        let mut state = self.state();
        state.store.put_part(info, data);
        match info.track {
            None => {
                state.playlist.push_part(info)?;
                state.edge = Some(Instant::now());
            }
            Some(_) => state.presentation.push_part(info),
        }
        state.paused = false;
        drop(state);
        self.news.notify_waiters();
        Ok(())
    }

    /// A segment has got its last part.
    pub(crate) fn put_segment(&self, info: &SegmentInfo) -> anyhow::Result<()> {
        let mut state = self.state();
        state.store.close(info.track, info.segment);
        match info.track {
            None => {
                state.playlist.push_segment(info)?;
                state.edge = Some(Instant::now());
            }
            Some(_) => state.presentation.push_segment(info)?,
        }
        state.expire();
        drop(state);
        self.news.notify_waiters();
        Ok(())
    }

    pub(crate) fn set_clock(&self, time: Time, wall: WallClock) {
        let mut state = self.state();
        state.clock = Some(wall.as_unix_nanos().saturating_sub(time.as_nanos()));
        state.playlist.set_clock(time, wall);
        state.presentation.set_clock(time, wall);
    }

    /// A cue at a time: a date range in HLS, an event in DASH.
    pub(crate) fn put_cue(&self, cue: &Cue, time: Time) {
        let mut state = self.state();
        let Some(clock) = state.clock else { return };
        let State {
            playlist, breaks, ..
        } = &mut *state;
        cue.tell(playlist, breaks, time, clock);
        state.presentation.push_event(cue.event(time));
    }

    /// There are captions in the pictures.
    pub(crate) fn set_captions(&self, found: captions::Found) {
        let mut state = self.state();
        state.captions = found;
        state.presentation.set_captions(found.dash());
    }

    /// The captions in the pictures.
    pub(crate) fn captions(&self) -> captions::Found {
        self.state().captions
    }

    /// The publisher has gone.
    pub(crate) fn discontinuity(&self) {
        let mut state = self.state();
        state.playlist.discontinuity();
        state.presentation.discontinuity();
        state.paused = true;
        drop(state);
        self.news.notify_waiters();
    }

    pub(crate) fn end(&self) {
        let mut state = self.state();
        state.playlist.end();
        state.presentation.end();
        drop(state);
        self.news.notify_waiters();
    }

    /// Begins anew after an end.
    pub(crate) fn restart(&self) {
        let mut state = self.state();
        state.playlist = self.settings.playlist();
        state.presentation = self.settings.presentation();
        state.store = Store::default();
        state.edge = None;
    }

    // For HTTP.

    /// Waits until `look` sees something, or for `patience`.
    async fn when<T>(
        &self,
        patience: Duration,
        mut look: impl FnMut(&mut State) -> Option<T>,
    ) -> Option<T> {
        let seen = async {
            let news = self.news.notified();
            tokio::pin!(news);
            loop {
                news.as_mut().enable();
                if let Some(seen) = look(&mut self.state()) {
                    return seen;
                }
                news.as_mut().await;
                news.set(self.news.notified());
            }
        };
        tokio::time::timeout(patience, seen).await.ok()
    }

    /// Waits until there is a playlist to serve.
    pub(crate) async fn ready(&self, patience: Duration) {
        let ready = |state: &mut State| (!state.playlist.is_empty()).then_some(());
        self.when(patience, ready).await;
    }

    /// The multivariant playlist, once there is a segment. The variant's URI carries `viewer`, by which it is counted.
    pub(crate) fn multivariant(&self, viewer: u64) -> Option<Bytes> {
        let state = self.state();
        let bandwidth = state.playlist.bandwidth()?;
        let found = state.captions;
        let variant = live::Variant {
            uri: &format!("stream.m3u8?viewer={viewer}"),
            tracks: &state.tracks,
            bandwidth,
            audio: None,
            closed_captions: found.group(),
        };
        let playlist = live::multivariant_with([], found.hls(), [variant]);
        let mut text = Vec::new();
        playlist.write(&mut text);
        Some(text.into())
    }

    /// Peak and mean bit rate, once there is a segment.
    pub(crate) fn bandwidth(&self) -> Option<live::Bandwidth> {
        self.state().playlist.bandwidth()
    }

    /// How far the playlist is.
    pub(crate) fn edge(&self) -> Option<live::Edge> {
        self.state().playlist.edge()
    }

    /// The manifest as values, once there is a segment.
    pub(crate) fn mpd(&self) -> Option<dash::Mpd> {
        let state = self.state();
        let ready = state.presentation.is_ready();
        ready.then(|| state.presentation.to_mpd())
    }

    /// The media playlist, once it has what the request waits for; `reports` tells how far the other renditions are then.
    pub(crate) async fn playlist(
        &self,
        reload: live::Reload,
        viewer: u64,
        reports: impl Fn() -> Vec<live::Report>,
    ) -> Answer {
        let target = Duration::from_secs(self.state().playlist.target_duration());
        let look = |state: &mut State| {
            if state.playlist.is_empty() {
                return Some(Answer::Missing);
            }
            match state.playlist.answer(&reload) {
                Ok(live::Answer::Wait) if !state.paused => None,
                // While nobody publishes there is nothing to wait for: the client comes again by itself.
                Ok(_) => Some(Answer::Text(Bytes::new())),
                Err(bad) => Some(Answer::Bad(bad)),
            }
        };
        let answer = self.when(3 * target, look).await.unwrap_or(Answer::Late);
        // Asked for before the own state is held: others may ask for it meanwhile.
        let reports = reports();
        let mut state = self.state();
        state.count(viewer);
        match answer {
            Answer::Text(_) => Answer::Text(state.playlist.document(reload.skip, &reports)),
            other => other,
        }
    }

    /// The manifest, once there is a segment; `here` is what the client has reached us at: `http://host`.
    pub(crate) async fn manifest(&self, here: &str, patience: Duration) -> Option<Bytes> {
        let look = |state: &mut State| {
            let ready = state.presentation.is_ready();
            ready.then(|| state.presentation.to_bytes())
        };
        let text = self.when(patience, look).await?;
        let text = std::str::from_utf8(&text).ok()?;
        Some(self::here(text, here))
    }

    /// What turns an older manifest into the newest, once there is a newer one. Where there is no such patch, it is one that fits
    /// no version: players take the whole manifest then, while some of them give up at an answer that is an error.
    pub(crate) async fn patch(&self, known: Option<dash::DateTime>) -> Option<Bytes> {
        let newer = |state: &mut State| {
            let newest = state.presentation.publish_time();
            let is_known = known.is_some_and(|known| known.unix_nanos() == newest.unix_nanos());
            (!is_known || !state.waits()).then_some(())
        };
        self.when(self.patience(), newer).await;
        let mut state = self.state();
        if !state.presentation.is_ready() {
            return None;
        }
        let patch = known.and_then(|known| state.presentation.patch(known));
        Some(patch.unwrap_or_else(|| {
            let time = Some(state.presentation.publish_time());
            let none = dash::Patch {
                mpd_id: state.presentation.to_mpd().id.unwrap_or_default(),
                original_publish_time: time,
                publish_time: time,
                operations: Vec::new(),
            };
            let mut text = Vec::new();
            none.write(&mut text);
            text.into()
        }))
    }

    pub(crate) fn init(&self, track: Option<TrackId>, number: u32) -> Option<Bytes> {
        self.state().store.init(track, number)
    }

    /// A segment, whole or as far as it has come; waits for it where it is the next one. `first` is the first segment of the
    /// period that it is asked for in, where that was told: it may be over.
    pub(crate) async fn segment(
        &self,
        track: Option<TrackId>,
        number: u64,
        first: Option<u64>,
    ) -> Result<Segment, NoSegment> {
        let look = |state: &mut State| {
            let waits = state.waits();
            if first.is_some_and(|first| state.store.is_past(track, (first, number), waits)) {
                return Some(Err(NoSegment::Past));
            }
            match state.store.segment(track, number) {
                Found::Here(segment) => Some(Ok(segment.clone())),
                Found::Coming if waits => None,
                Found::Coming | Found::Never => Some(Err(NoSegment::Missing)),
            }
        };
        let found = self.when(self.patience(), look).await;
        found.unwrap_or(Err(NoSegment::Missing))
    }

    /// A part; waits for it where it is the next one.
    pub(crate) async fn part(
        &self,
        track: Option<TrackId>,
        number: u64,
        part: usize,
    ) -> Option<Bytes> {
        let look = |state: &mut State| match state.store.part(track, number, part) {
            Found::Here(data) => Some(Some(data)),
            Found::Coming if state.waits() => None,
            Found::Coming | Found::Never => Some(None),
        };
        self.when(self.patience(), look).await.flatten()
    }

    /// A segment of which more than so many parts have come, or its last one.
    pub(crate) async fn more(
        &self,
        track: Option<TrackId>,
        number: u64,
        parts: usize,
    ) -> Option<Segment> {
        let look = |state: &mut State| match state.store.segment(track, number) {
            Found::Here(segment) if segment.whole || segment.parts.len() > parts => {
                Some(Some(segment.clone()))
            }
            Found::Here(_) => None,
            Found::Coming | Found::Never => Some(None),
        };
        self.when(self.patience(), look).await.flatten()
    }

    /// Longest that a request waits.
    fn patience(&self) -> Duration {
        Duration::from_secs(3 * self.state().playlist.target_duration())
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

    /// How long ago the newest part came in: so much is the live edge behind the publisher.
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

/// A manifest with the scheme and host that a client has reached us at.
pub(crate) fn here(manifest: &str, here: &str) -> Bytes {
    manifest.replace(HERE, here).into()
}

impl Settings {
    fn playlist(self) -> live::Playlist {
        let mut config = live::Config::new(self.segment);
        config.window = self.window;
        config.low_latency = self.part.map(|part| {
            let mut low_latency = live::LowLatency::new(part);
            low_latency.addressing = self.part_addressing;
            low_latency.part_hold_back = low_latency.part_hold_back.max(self.hold_back);
            low_latency
        });
        live::Playlist::new(config)
    }

    fn presentation(self) -> dash_live::Presentation {
        // A timeline tells only segments that are complete: who aims for less than them waits for ever.
        let low_latency = self.addressing == dash_live::Addressing::Number;
        let mut config = match self.part.filter(|_| low_latency) {
            Some(part) => dash_live::Config::low_latency(self.segment, part),
            None => dash_live::Config::live(self.segment),
        };
        config.addressing = self.addressing;
        if let Some(latency) = &mut config.latency
            && latency.target < self.hold_back
        {
            latency.target = self.hold_back;
            latency.max = latency.max.max(self.hold_back * 3);
        }
        config.window = Some(self.window);
        // Who does not know yet of the next period is not to get its segments for those of the one before.
        config.media.push_str("?first={first}");
        if self.addressing == dash_live::Addressing::Timeline {
            config.patch_location = Some("manifest.mpp".into());
        }
        config.inband_events = vec![timed::scheme()];
        config.utc_timings = vec![dash_live::Scheme {
            uri: "urn:mpeg:dash:utc:http-xsdate:2014".into(),
            value: format!("{HERE}/time"),
        }];
        dash_live::Presentation::new(config)
    }
}

impl State {
    /// Whether more is going to come.
    const fn waits(&self) -> bool {
        !self.paused && !self.playlist.is_ended()
    }

    fn count(&mut self, viewer: u64) {
        let told = self.playlist.is_ended();
        let seen = Instant::now();
        if self.viewers.len() < MOST_VIEWERS || self.viewers.contains_key(&viewer) {
            let viewer = self.viewers.entry(viewer).or_insert(Viewer {
                seen,
                requests: 0,
                told,
            });
            (viewer.seen, viewer.told) = (seen, told);
            viewer.requests = viewer.requests.saturating_add(1);
        }
    }

    fn expire(&mut self) {
        while let Some(expired) = self.playlist.poll_expired() {
            match expired.resource {
                live::Resource::Segment(number) => self.store.drop_segment(None, number),
                live::Resource::Init(number) => self.store.drop_init(None, number),
            }
        }
        while let Some(expired) = self.presentation.poll_expired() {
            match expired.resource {
                dash_live::Resource::Segment(number) => {
                    self.store.drop_segment(expired.track, number);
                }
                dash_live::Resource::Init(number) => self.store.drop_init(expired.track, number),
            }
        }
        while self.store.bytes() > MOST_BYTES && self.store.drop_oldest() {}
    }
}
