//! Playlists of live streams, kept as packagers report segments.
//!
//! A [`Playlist`] is the window over one stream: segments come in at its end, and leave at its start. It knows no
//! file and no request: it gives the text to serve, and says which resources nobody can ask for any more.
//!
//! ```
//! # extern crate media as fluvial_media;
//! use core::time::Duration;
//! use fluvial_hls::live;
//! use fluvial_media::{SegmentInfo, Timescale};
//!
//! let mut playlist = live::Playlist::new(live::Config::new(Duration::from_secs(2)));
//! for segment in 0..20 {
//!     playlist.push_segment(&SegmentInfo {
//!         track: None,
//!         segment,
//!         parts: 1,
//!         init: 0,
//!         start: i64::try_from(segment).unwrap() * 180_000,
//!         duration: 180_000,
//!         timescale: Timescale::KHZ_90,
//!         independent: true,
//!         discontinuity: false,
//!         size: 250_000,
//!     })?;
//!     while let Some(expired) = playlist.poll_expired() {
//!         println!("drop {}", expired.uri);
//!     }
//! }
//! assert!(playlist.to_bytes().ends_with(b"#EXTINF:2,\nsegment-19.m4s\n"));
//! # Ok::<(), fluvial_hls::Error>(())
//! ```

mod bandwidth;
mod multivariant;

pub use bandwidth::Bandwidth;
pub use multivariant::{Variant, multivariant};

use crate::tag::{Inf, Map};
use crate::{DateTime, Decimal, Error, Tag};
use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::String;
use bandwidth::Meter;
use bytes::Bytes;
use core::fmt::Write;
use core::time::Duration;
use media::{SegmentInfo, Time, WallClock};

/// URIs that hold a number: what stands before it and after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UriTemplate {
    /// Before the number.
    pub prefix: String,
    /// After the number.
    pub suffix: String,
}

impl UriTemplate {
    /// From what stands before and after the number.
    #[must_use]
    pub fn new(prefix: &str, suffix: &str) -> Self {
        Self {
            prefix: prefix.into(),
            suffix: suffix.into(),
        }
    }

    /// The URI with this number.
    #[must_use]
    pub fn uri(&self, number: u64) -> String {
        format!("{}{number}{}", self.prefix, self.suffix)
    }
}

/// How a [`Playlist`] is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// Longest that a segment is expected to be. A segment that is longer raises `EXT-X-TARGETDURATION`, which
    /// never falls.
    pub target_duration: Duration,
    /// A segment leaves the window only if at least this much stays. Less than three times the target duration has
    /// no effect (RFC 8216bis §6.2.2).
    pub window: Duration,
    /// A segment leaves the window only if at least so many stay.
    pub min_segments: usize,
    /// More segments than this are not listed, however short they are.
    pub max_segments: usize,
    /// URIs of segments, by [`SegmentInfo::segment`].
    pub segment_uri: UriTemplate,
    /// URIs of media initialization sections, by [`SegmentInfo::init`]; `None` where segments need none (TS).
    pub init_uri: Option<UriTemplate>,
}

impl Config {
    /// Fragmented MP4 in `segment-N.m4s` and `init-N.mp4`, five segments of this duration.
    #[must_use]
    pub fn new(target_duration: Duration) -> Self {
        Self {
            target_duration,
            window: target_duration.saturating_mul(5),
            min_segments: 5,
            max_segments: 1000,
            segment_uri: UriTemplate::new("segment-", ".m4s"),
            init_uri: Some(UriTemplate::new("init-", ".mp4")),
        }
    }
}

/// A resource that no client can need any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expired {
    /// Which.
    pub resource: Resource,
    /// Its URI, as it stood in the playlist.
    pub uri: String,
}

/// What a playlist refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Resource {
    /// A segment, by [`SegmentInfo::segment`].
    Segment(u64),
    /// A media initialization section, by [`SegmentInfo::init`].
    Init(u32),
}

/// A segment in the window.
#[derive(Debug)]
struct Entry {
    number: u64,
    init: u32,
    nanos: u64,
    discontinuity: bool,
    /// Its lines but for `EXT-X-MAP`, which depends on the segment before it in the window.
    text: String,
}

/// A segment that left the window, or the last use of an init.
#[derive(Debug)]
struct Leaving {
    number: u64,
    init: u32,
    /// Media pushed in all, in nanoseconds, from which on nobody asks for it.
    until: u64,
}

/// The media playlist of a live stream: a window that slides as segments come.
///
/// * `EXT-X-TARGETDURATION` is at least [`Config::target_duration`] and no segment's rounded duration is above it;
///   it never falls (§4.4.3.1).
/// * `EXT-X-MEDIA-SEQUENCE` and `EXT-X-DISCONTINUITY-SEQUENCE` count what left (§4.4.3.2, §4.4.3.3).
/// * `EXT-X-MAP` stands before the first segment and wherever the init changes.
/// * A segment without bytes is an `EXT-X-GAP`.
/// * A resource expires when, after it left the window, as much media has come as the segment and the longest playlist
///   that listed it last (§6.2.2).
/// * `EXT-X-ENDLIST` is written only after [`end`](Playlist::end). A publisher that goes away and may come back is a
///   [`discontinuity`](Playlist::discontinuity).
#[derive(Debug)]
pub struct Playlist {
    config: Config,
    window: VecDeque<Entry>,
    leaving: VecDeque<Leaving>,
    expired: VecDeque<Expired>,
    target_duration: u64,
    media_sequence: u64,
    discontinuity_sequence: u64,
    last_number: Option<u64>,
    /// What the next segment is besides what its info says.
    broken: bool,
    independent: bool,
    /// Unix time of media time 0, in nanoseconds.
    clock: Option<i64>,
    /// Media in the window, in the longest window that ever was, and pushed in all; nanoseconds.
    window_nanos: u64,
    longest_nanos: u64,
    pushed_nanos: u64,
    meter: Meter,
    ended: bool,
    rendered: Bytes,
}

impl Playlist {
    /// A playlist without segments. Do not serve it before the first one is in: clients want at least one.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let target = Decimal::from(config.target_duration);
        let whole = target.to_duration().unwrap_or_default();
        let target_duration = whole.as_secs() + u64::from(whole.subsec_nanos() > 0);
        let mut playlist = Self {
            config,
            window: VecDeque::new(),
            leaving: VecDeque::new(),
            expired: VecDeque::new(),
            target_duration: target_duration.max(1),
            media_sequence: 0,
            discontinuity_sequence: 0,
            last_number: None,
            broken: false,
            independent: true,
            clock: None,
            window_nanos: 0,
            longest_nanos: 0,
            pushed_nanos: 0,
            meter: Meter::default(),
            ended: false,
            rendered: Bytes::new(),
        };
        playlist.render();
        playlist
    }

    /// Says at which wall-clock time a media time was: segments from here on tell `EXT-X-PROGRAM-DATE-TIME`.
    ///
    /// Call it before the first segment, and again before the segment after a discontinuity if times jumped.
    pub fn set_clock(&mut self, time: Time, wall: WallClock) {
        self.clock = Some(wall.as_unix_nanos().saturating_sub(time.as_nanos()));
    }

    /// The publisher went away: whatever segment comes next is a discontinuity.
    pub const fn discontinuity(&mut self) {
        self.broken = true;
    }

    /// Appends a segment, and lets the first ones go.
    ///
    /// The first segment's number is its media sequence number; from there on these count by one.
    ///
    /// # Errors
    ///
    /// [`Error::State`] after [`end`](Self::end), or where the segment's number is not above the one before it (its
    /// URI would name two segments).
    pub fn push_segment(&mut self, info: &SegmentInfo) -> Result<(), Error> {
        if self.ended {
            return Err(Error::State(
                "the playlist has ended: no segment can be added",
            ));
        }
        let skipped = match self.last_number {
            None => {
                self.media_sequence = info.segment;
                false
            }
            Some(last) if info.segment <= last => {
                return Err(Error::State("segment numbers must rise"));
            }
            Some(last) => info.segment - last > 1,
        };
        let first = self.last_number.replace(info.segment).is_none();
        let discontinuity = !first && (info.discontinuity || self.broken || skipped);
        self.broken = false;
        self.independent &= info.independent || info.size == 0;

        let duration = i64::try_from(info.duration).unwrap_or(i64::MAX);
        let duration = Decimal::rounded(info.timescale.time(duration).as_nanos(), 6);
        let duration = Decimal::from_nanos(duration.as_nanos());
        let nanos = duration.as_nanos().unsigned_abs();
        self.target_duration = self.target_duration.max(duration.round());
        self.pushed_nanos = self.pushed_nanos.saturating_add(nanos);
        self.window_nanos = self.window_nanos.saturating_add(nanos);
        self.meter.push(nanos, info.size, self.target_duration);

        let mut text = String::new();
        if discontinuity {
            line(&mut text, Tag::Discontinuity);
        }
        if let Some(origin) = self.clock {
            let start = info.timescale.time(info.start).as_nanos();
            let time = DateTime::from_unix_nanos(origin.saturating_add(start));
            line(&mut text, Tag::ProgramDateTime(time));
        }
        if info.size == 0 {
            line(&mut text, Tag::Gap);
        }
        line(
            &mut text,
            Tag::Inf(Inf {
                duration,
                title: "",
            }),
        );
        text.push_str(&self.config.segment_uri.uri(info.segment));
        text.push('\n');
        self.window.push_back(Entry {
            number: info.segment,
            init: info.init,
            nanos,
            discontinuity,
            text,
        });
        self.slide();
        self.longest_nanos = self.longest_nanos.max(self.window_nanos);
        self.expire();
        self.render();
        Ok(())
    }

    /// No segment will come any more: the playlist gets its `EXT-X-ENDLIST`, and nothing of it expires from here on.
    pub fn end(&mut self) {
        if !self.ended {
            self.ended = true;
            self.render();
        }
    }

    /// The text to serve, as `application/vnd.apple.mpegurl`. Rendered once per change; a clone costs next to nothing.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        self.rendered.clone()
    }

    /// Resources that can be dropped. Call it after each segment until it gives `None`.
    pub fn poll_expired(&mut self) -> Option<Expired> {
        self.expired.pop_front()
    }

    /// Peak and mean bit rate of all segments so far; `None` before the first.
    #[must_use]
    pub fn bandwidth(&self) -> Option<Bandwidth> {
        self.meter.bandwidth()
    }

    /// Seconds of `EXT-X-TARGETDURATION`.
    #[must_use]
    pub const fn target_duration(&self) -> u64 {
        self.target_duration
    }

    /// Segments in the window.
    #[must_use]
    pub fn len(&self) -> usize {
        self.window.len()
    }

    /// Whether there is no segment yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.window.is_empty()
    }

    /// Whether [`end`](Self::end) was called.
    #[must_use]
    pub const fn is_ended(&self) -> bool {
        self.ended
    }

    fn slide(&mut self) {
        let window = u64::try_from(self.config.window.as_nanos()).unwrap_or(u64::MAX);
        let least = self.target_duration.saturating_mul(3_000_000_000);
        while let Some(first) = self.window.front() {
            let rest = self.window_nanos.saturating_sub(first.nanos);
            let count = self.window.len() - 1;
            let may_go = count >= self.config.min_segments && rest >= window.max(least);
            if count == 0 || !(may_go || count >= self.config.max_segments) {
                break;
            }
            self.leaving.push_back(Leaving {
                number: first.number,
                init: first.init,
                until: self
                    .pushed_nanos
                    .saturating_add(first.nanos)
                    .saturating_add(self.longest_nanos),
            });
            self.media_sequence = self.media_sequence.saturating_add(1);
            let discontinuities = u64::from(first.discontinuity);
            self.discontinuity_sequence =
                self.discontinuity_sequence.saturating_add(discontinuities);
            self.window_nanos = rest;
            self.window.pop_front();
        }
    }

    /// Moves on what was kept long enough after it left. `max_segments` holds for what is kept, too.
    fn expire(&mut self) {
        while let Some(first) = self.leaving.front() {
            if first.until > self.pushed_nanos && self.leaving.len() <= self.config.max_segments {
                break;
            }
            let Leaving { number, init, .. } = *first;
            self.leaving.pop_front();
            self.expired.push_back(Expired {
                resource: Resource::Segment(number),
                uri: self.config.segment_uri.uri(number),
            });
            let next_init = match (self.leaving.front(), self.window.front()) {
                (Some(next), _) => Some(next.init),
                (None, Some(next)) => Some(next.init),
                (None, None) => None,
            };
            if let Some(template) = &self.config.init_uri
                && next_init != Some(init)
            {
                self.expired.push_back(Expired {
                    resource: Resource::Init(init),
                    uri: template.uri(init.into()),
                });
            }
        }
    }

    fn render(&mut self) {
        let mut text = String::with_capacity(self.rendered.len() + 256);
        line(&mut text, Tag::ExtM3u);
        // 6 is what EXT-X-MAP before any kind of segment asks for (§8).
        line(
            &mut text,
            Tag::Version(if self.config.init_uri.is_some() { 6 } else { 3 }),
        );
        line(&mut text, Tag::TargetDuration(self.target_duration));
        line(&mut text, Tag::MediaSequence(self.media_sequence));
        if self.discontinuity_sequence > 0 {
            line(
                &mut text,
                Tag::DiscontinuitySequence(self.discontinuity_sequence),
            );
        }
        if self.independent {
            line(&mut text, Tag::IndependentSegments);
        }
        let mut init = None;
        for entry in &self.window {
            if let Some(template) = &self.config.init_uri
                && init.replace(entry.init) != Some(entry.init)
            {
                // A discontinuity stands before the map that it brings.
                let (before, after) = match entry.text.strip_prefix("#EXT-X-DISCONTINUITY\n") {
                    Some(after) => ("#EXT-X-DISCONTINUITY\n", after),
                    None => ("", entry.text.as_str()),
                };
                text.push_str(before);
                line(
                    &mut text,
                    Tag::Map(Map::new(&template.uri(entry.init.into()))),
                );
                text.push_str(after);
            } else {
                text.push_str(&entry.text);
            }
        }
        if self.ended {
            line(&mut text, Tag::EndList);
        }
        self.rendered = text.into();
    }
}

/// Appends a tag's line.
fn line(text: &mut String, tag: Tag<'_>) {
    // Writing to a string does not fail.
    let _ = writeln!(text, "{tag}");
}
