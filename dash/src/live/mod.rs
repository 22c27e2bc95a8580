//! MPDs of streams, kept as packagers report segments: live, low latency, and on demand.
//!
//! A [`Presentation`] is the window over one stream: segments come in at its end, and leave at its start. It knows no
//! file and no request: it gives the document to serve, and says which resources nobody can ask for any more.
//!
//! ```
//! # extern crate media as fluvial_media;
//! use core::time::Duration;
//! use fluvial_dash::live;
//! use fluvial_media::{Codec, SegmentInfo, Time, Timescale, Track, TrackId, WallClock};
//!
//! let codec = Codec::Aac(aac::AudioSpecificConfig::lc(48_000, 2)?);
//! let track = Track::new(TrackId(1), Timescale::new(48_000).unwrap(), codec);
//! let mut presentation = live::Presentation::new(live::Config::live(Duration::from_secs(2)));
//! presentation.set_tracks(&[track].into_iter().collect());
//! presentation.set_clock(Time::ZERO, WallClock::from_unix_nanos(1_767_225_600_000_000_000));
//! for segment in 0..20 {
//!     presentation.push_segment(&SegmentInfo {
//!         track: Some(TrackId(1)),
//!         segment,
//!         parts: 1,
//!         init: 0,
//!         start: i64::try_from(segment)? * 96_000,
//!         duration: 96_000,
//!         timescale: Timescale::new(48_000).unwrap(),
//!         independent: true,
//!         discontinuity: false,
//!         size: 32_000,
//!     })?;
//!     while let Some(expired) = presentation.poll_expired() {
//!         println!("drop {}", expired.uri);
//!     }
//! }
//! let text = presentation.to_mpd().to_string();
//! assert!(text.contains(r#"media="segment-$RepresentationID$-$Number$.m4s""#));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod diff;
mod lane;
mod period;
mod render;

pub use lane::{Expired, Resource};

use crate::{Error, Mpd};
use bytes::Bytes;
use core::time::Duration;
use media::{PartInfo, SegmentInfo, Time, Tracks, WallClock};
use period::Period;
use std::collections::VecDeque;

/// How segments are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Addressing {
    /// By a `SegmentTimeline`: exact, and nothing is asked for before it is there.
    Timeline,
    /// By number and a duration that all have about: the document stays the same for hours, and clients can ask for
    /// segments that are still being made. Where segments get more than half a segment away from that, a new period
    /// begins.
    Number,
}

/// A scheme with a value of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scheme {
    /// The scheme (`@schemeIdUri`).
    pub uri: String,
    /// `@value`.
    pub value: String,
}

/// What a document says about latency (Annex K.3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Latency {
    /// What to aim for.
    pub target: Duration,
    /// Least.
    pub min: Duration,
    /// Most.
    pub max: Duration,
}

/// How a [`Presentation`] is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// `MPD@id`: wanted for patches.
    pub id: String,
    /// Whether it is `dynamic`: segments come while it is played.
    pub dynamic: bool,
    /// How segments are told.
    pub addressing: Addressing,
    /// How long segments are expected to be.
    pub segment_duration: Duration,
    /// How long parts are, where segments can be had while they are being made.
    pub part_duration: Option<Duration>,
    /// How much of the stream stays (`MPD@timeShiftBufferDepth`); `None`: all of it.
    pub window: Option<Duration>,
    /// More segments of a track than this are not listed, however short they are.
    pub max_segments: usize,
    /// What a client has to buffer to start (`MPD@minBufferTime`).
    pub min_buffer: Duration,
    /// How far behind the live edge clients are to play, unless `latency` says.
    pub presentation_delay: Option<Duration>,
    /// How much later than its last sample a segment is there.
    pub publish_delay: Duration,
    /// What is said about latency.
    pub latency: Option<Latency>,
    /// Where clients get the wall-clock time.
    pub utc_timings: Vec<Scheme>,
    /// Events that are in the segments (`emsg`).
    pub inband_events: Vec<Scheme>,
    /// Where patches are (`PatchLocation`); `publishTime` is added as a query.
    pub patch_location: Option<String>,
    /// Template of URLs of media segments; `{first}` stands for the number of the first segment of their period. Where segments
    /// are told by number, and numbers go on in the next period, a client that does not know of that period yet asks for its
    /// segments by the template of the one before: a server that finds the number of the period in the URL knows.
    pub media: String,
    /// Template of URLs of initialization segments; `{init}` stands for [`SegmentInfo::init`].
    pub initialization: String,
}

impl Config {
    fn new(segment_duration: Duration) -> Self {
        Self {
            id: "fluvial".into(),
            dynamic: true,
            addressing: Addressing::Timeline,
            segment_duration,
            part_duration: None,
            window: Some(segment_duration.saturating_mul(10)),
            max_segments: 1000,
            min_buffer: segment_duration,
            presentation_delay: Some(segment_duration.saturating_mul(3)),
            publish_delay: Duration::ZERO,
            latency: None,
            utc_timings: Vec::new(),
            inband_events: Vec::new(),
            patch_location: None,
            media: "segment-$RepresentationID$-$Number$.m4s".into(),
            initialization: "init-$RepresentationID$-{init}.mp4".into(),
        }
    }

    /// Ten segments of about this duration, by a timeline; names as `mp4::Packager` gives them.
    #[must_use]
    pub fn live(segment_duration: Duration) -> Self {
        Self::new(segment_duration)
    }

    /// Segments of about this duration that can be had part by part (LL-DASH, DASH-IF IOP part 5): by number, with a
    /// latency of four parts, but at least a second, to aim for.
    #[must_use]
    pub fn low_latency(segment_duration: Duration, part_duration: Duration) -> Self {
        let target = part_duration
            .saturating_mul(4)
            .max(Duration::from_millis(1000));
        Self {
            addressing: Addressing::Number,
            part_duration: Some(part_duration),
            min_buffer: part_duration,
            // For clients that wait for whole segments.
            presentation_delay: Some(segment_duration.saturating_mul(2)),
            latency: Some(Latency {
                target,
                min: target / 2,
                max: target.saturating_mul(3),
            }),
            ..Self::new(segment_duration)
        }
    }

    /// All segments of a file, static.
    #[must_use]
    pub fn on_demand(segment_duration: Duration) -> Self {
        Self {
            dynamic: false,
            window: None,
            max_segments: usize::MAX,
            presentation_delay: None,
            ..Self::new(segment_duration)
        }
    }
}

/// An event to be told in the document (§5.10.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveEvent {
    /// Its scheme.
    pub scheme: Scheme,
    /// When it starts.
    pub time: Time,
    /// How long it lasts; `None` where that is not known.
    pub duration: Option<Duration>,
    /// Its number.
    pub id: u32,
    /// Its message, as text; with the scheme [`SCTE_35`], a `splice_info_section` in Base64.
    pub message: String,
}

/// The scheme of events that are sections of SCTE 35 (SCTE 214-1).
pub const SCTE_35: &str = "urn:scte:scte35:2014:xml+bin";

/// The MPD of a stream, kept as segments come.
///
/// After each [`push_segment`](Self::push_segment), serve what [`to_bytes`](Self::to_bytes) gives, and drop what
/// [`poll_expired`](Self::poll_expired) says. When no segment will come any more, call [`end`](Self::end). A publisher that
/// goes away and may come back is a [`discontinuity`](Self::discontinuity): a new period.
#[derive(Debug)]
pub struct Presentation {
    config: Config,
    tracks: Tracks,
    /// Captions in the pictures.
    captions: Vec<Scheme>,
    /// Events before the first segment of their period.
    early_events: VecDeque<LiveEvent>,
    periods: VecDeque<Period>,
    /// Unix time of media time 0, in nanoseconds.
    clock: Option<i64>,
    /// Unix time at which the first period starts, in nanoseconds.
    origin: Option<i64>,
    /// Where the last period that left ended.
    left_end: u64,
    next_id: u64,
    broken: bool,
    ended: bool,
    expired: VecDeque<Expired>,
    /// Unix time of the newest version, in nanoseconds.
    published: i64,
    /// Versions that clients can have a patch from, the newest last.
    versions: VecDeque<Mpd>,
    rendered: Option<Bytes>,
}

/// Events that wait for their period.
const MOST_EARLY: usize = 256;
/// Versions that are kept for patches.
const VERSIONS: usize = 16;

impl Presentation {
    /// A presentation without segments. Do not serve it before [`is_ready`](Self::is_ready).
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self {
            config,
            tracks: Tracks::default(),
            captions: Vec::new(),
            early_events: VecDeque::new(),
            periods: VecDeque::new(),
            clock: None,
            origin: None,
            left_end: 0,
            next_id: 0,
            broken: false,
            ended: false,
            expired: VecDeque::new(),
            published: 0,
            versions: VecDeque::new(),
            rendered: None,
        }
    }

    /// Takes the tracks, and again when anything about them changes. They are those of the next period, which begins with
    /// the next segment that says so (by `discontinuity`, or another `init`): segments of the tracks before may still come.
    pub fn set_tracks(&mut self, tracks: &Tracks) {
        self.tracks = tracks.clone();
    }

    /// Says which captions are in the pictures, as `Accessibility` is to tell them: such as `urn:scte:dash:cc:cea-608:2015` with
    /// the value `CC1=eng` (SCTE 214-1 §7.2, DASH-IF IOP 6.4.3).
    pub fn set_captions(&mut self, captions: Vec<Scheme>) {
        if self.captions != captions {
            self.captions = captions;
            self.changed();
        }
    }

    /// Says at which wall-clock time a media time was. A dynamic presentation wants it before its first segment, and
    /// again before the segment after a discontinuity if times jumped.
    pub fn set_clock(&mut self, time: Time, wall: WallClock) {
        self.clock = Some(wall.as_unix_nanos().saturating_sub(time.as_nanos()));
    }

    /// The publisher went away: the period is over, and whatever segment comes next begins a new one.
    pub fn discontinuity(&mut self) {
        self.broken = true;
        self.changed();
    }

    /// Takes a part. Clients are told to ask for a segment as soon as its first part is there, so no part may be longer than
    /// what is told: the longest one counts.
    pub fn push_part(&mut self, info: &PartInfo) {
        let duration = i64::try_from(info.duration).unwrap_or(i64::MAX);
        let duration = info
            .timescale
            .time(duration)
            .to_duration()
            .unwrap_or_default();
        if self
            .config
            .part_duration
            .is_some_and(|told| told < duration)
        {
            self.config.part_duration = Some(duration);
            self.changed();
        }
    }

    /// Appends a segment to its track, and lets the first ones go.
    ///
    /// # Errors
    ///
    /// [`Error::State`] after [`end`](Self::end), for a track that was not told, before the clock was set in a dynamic
    /// presentation, or where the number of a track's segment is not above the one before it.
    pub fn push_segment(&mut self, info: &SegmentInfo) -> Result<(), Error> {
        let entry = lane::Entry {
            number: info.segment,
            start: info.start,
            duration: info.duration,
            size: info.size,
        };
        let broken = info.discontinuity;
        let index = self.place(info.track, info.timescale, &entry, info.init, broken)?;
        if let Some(period) = self.periods.get_mut(index) {
            period.push(info.track, entry, info.init)?;
            period.open(self.config.dynamic);
        }
        for event in core::mem::take(&mut self.early_events) {
            if let Some(event) = self.place_event(event) {
                self.early_events.push_back(event);
            }
        }
        self.slide();
        self.changed();
        Ok(())
    }

    /// Takes an event: it is told in the period that it falls into, until the window has passed it.
    pub fn push_event(&mut self, event: LiveEvent) {
        if let Some(event) = self.place_event(event) {
            // Its period has no segment yet; or it has left, and what comes later leaves it behind, too.
            self.early_events.push_back(event);
            if self.early_events.len() > MOST_EARLY {
                self.early_events.pop_front();
            }
        }
    }

    /// Gives an event back that falls into no period.
    fn place_event(&mut self, event: LiveEvent) -> Option<LiveEvent> {
        let mut periods = self.periods.iter_mut().rev();
        let after = |period: &&mut Period| period.media_start <= event.time.as_nanos();
        let Some(period) = periods.find(after) else {
            return Some(event);
        };
        period.events.push(event);
        self.changed();
        None
    }

    /// No segment will come any more: the presentation gets its duration, and nothing of it changes from here on.
    pub fn end(&mut self) {
        if !self.ended {
            self.ended = true;
            self.changed();
        }
    }

    /// Whether there is something to play: all tracks of a period have begun.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.periods.iter().any(Period::is_open)
    }

    /// Whether [`end`](Self::end) was called.
    #[must_use]
    pub const fn is_ended(&self) -> bool {
        self.ended
    }

    /// Which version [`to_bytes`](Self::to_bytes) gives (`MPD@publishTime`).
    #[must_use]
    pub const fn publish_time(&self) -> crate::DateTime {
        crate::DateTime::from_unix_nanos(self.published)
    }

    /// The document to serve, as `application/dash+xml`. Rendered once per change; a clone costs next to nothing.
    #[must_use]
    pub fn to_bytes(&mut self) -> Bytes {
        if let Some(rendered) = &self.rendered {
            return rendered.clone();
        }
        let mpd = self.to_mpd();
        let mut out = Vec::new();
        mpd.write(&mut out);
        let rendered = Bytes::from(out);
        if self.config.patch_location.is_some() {
            if self.versions.len() >= VERSIONS {
                self.versions.pop_front();
            }
            self.versions.push_back(mpd);
        }
        self.rendered = Some(rendered.clone());
        rendered
    }

    /// The document as values.
    #[must_use]
    pub fn to_mpd(&self) -> Mpd {
        render::mpd(self)
    }

    /// What turns the version that was published at `publish_time` into the newest one (an MPD patch, §5.15), as
    /// `application/dash-patch+xml`. It tells of segments; `None` where something else has changed, and for a version that is not
    /// known any more: the client has to take the document.
    #[must_use]
    pub fn patch(&mut self, publish_time: crate::DateTime) -> Option<Bytes> {
        // The newest version has to be among those that are kept.
        let _ = self.to_bytes();
        let published = |mpd: &&Mpd| {
            mpd.publish_time
                .is_some_and(|time| time.unix_nanos() == publish_time.unix_nanos())
        };
        let old = self.versions.iter().find(published)?;
        let new = self.versions.back()?;
        let mut out = Vec::new();
        diff::patch(old, new)?.write(&mut out);
        Some(out.into())
    }

    /// Resources that can be dropped. Call it after each segment until it gives `None`.
    pub fn poll_expired(&mut self) -> Option<Expired> {
        self.expired.pop_front()
    }

    fn changed(&mut self) {
        self.rendered = None;
        let newest = self.periods.iter().map(Period::wall_end).max().unwrap_or(0);
        // Two versions never have the same time.
        self.published = newest.max(self.published.saturating_add(1_000_000));
    }
}
