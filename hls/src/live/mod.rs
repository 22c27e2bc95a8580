//! Playlists of live streams, kept as packagers report segments.
//!
//! A [`Playlist`] is the window over one stream: segments come in at its end, and leave at its start. It knows no
//! file and no request: it gives the text to serve, and says which resources nobody can ask for any more.
//!
//! ```
//! use core::time::Duration;
//! use fluvial_hls::live;
//! use media::{SegmentInfo, Timescale};
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
mod config;
mod cue;
mod edge;
mod multivariant;
mod render;
mod window;

pub use crate::reload::{BadRequest, Reload, Skip};
pub use bandwidth::Bandwidth;
pub use config::{Config, LowLatency, PartAddressing, UriTemplate};
pub use cue::CueOut;
pub use edge::{Answer, Edge, Report};
pub use multivariant::{Captions, Rendition, Variant, multivariant, multivariant_with};

use crate::tag::{DateRange, Inf};
use crate::{DateTime, Decimal, Error, Tag};
use alloc::collections::VecDeque;
use alloc::string::String;
use bandwidth::Meter;
use bytes::Bytes;
use core::cell::OnceCell;
use core::fmt::Write;
use media::{PartInfo, SegmentInfo, Time, Timescale, WallClock};
use window::{DateRanges, Entry, Open};

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
/// * With [`Config::low_latency`], parts are told as they come and for three target durations (§4.4.4.9), with a hint of
///   the next one; requests are [answered](Playlist::answer) at once or wait, and get
///   [delta updates and rendition reports](Playlist::document).
/// * `EXT-X-ENDLIST` is written only after [`end`](Playlist::end). A publisher that goes away and may come back is a
///   [`discontinuity`](Playlist::discontinuity).
#[derive(Debug)]
pub struct Playlist {
    config: Config,
    window: VecDeque<Entry>,
    /// The segment that parts are coming for.
    open: Option<Open>,
    /// Longest part that came, in nanoseconds.
    longest_part: u64,
    date_ranges: DateRanges,
    cues: cue::Cues,
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
    /// The text, once somebody has asked for it.
    rendered: OnceCell<Bytes>,
}

impl Playlist {
    /// A playlist without segments. Do not serve it before the first one is in: clients want at least one.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let target = Decimal::from(config.target_duration);
        let whole = target.to_duration().unwrap_or_default();
        let target_duration = whole.as_secs() + u64::from(whole.subsec_nanos() > 0);
        let discontinuity_sequence = config.discontinuity_sequence;
        Self {
            config,
            window: VecDeque::new(),
            open: None,
            longest_part: 0,
            date_ranges: DateRanges::default(),
            cues: cue::Cues::default(),
            leaving: VecDeque::new(),
            expired: VecDeque::new(),
            target_duration: target_duration.max(1),
            media_sequence: 0,
            discontinuity_sequence,
            last_number: None,
            broken: false,
            independent: true,
            clock: None,
            window_nanos: 0,
            longest_nanos: 0,
            pushed_nanos: 0,
            meter: Meter::default(),
            ended: false,
            rendered: OnceCell::new(),
        }
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

    /// Appends a part to the segment at the end, or begins the next one with it. Without [`Config::low_latency`] parts
    /// are not told, and nothing happens.
    ///
    /// # Errors
    ///
    /// [`Error::State`] after [`end`](Self::end), where a part's number is not the next one of its segment, or where it is of
    /// another segment before [`push_segment`](Self::push_segment) has closed the one that is open.
    pub fn push_part(&mut self, info: &PartInfo) -> Result<(), Error> {
        let Some(low_latency) = &self.config.low_latency else {
            return Ok(());
        };
        let addressing = low_latency.addressing;
        let mut open = match self.open.take() {
            Some(open) if open.number == info.segment => open,
            Some(open) => {
                self.open = Some(open);
                return Err(Error::State(
                    "a part of another segment than the one that is open",
                ));
            }
            None => self.begin(
                info.segment,
                info.init,
                info.discontinuity,
                (info.start, info.timescale),
            )?,
        };
        let result = if u64::from(info.part) == open.parts {
            let duration = duration(info.duration, info.timescale);
            let nanos = duration.as_nanos().unsigned_abs();
            self.longest_part = self.longest_part.max(nanos);
            open.push(info, duration, &self.config.segment_uri, addressing);
            Ok(())
        } else {
            Err(Error::State("part numbers must count by one from 0"))
        };
        self.open = Some(open);
        self.changed();
        result
    }

    /// Appends a segment, or closes the one that is open, and lets the first ones go.
    ///
    /// The first segment's number is its media sequence number; from there on these count by one.
    ///
    /// # Errors
    ///
    /// [`Error::State`] after [`end`](Self::end), where the segment's number is not above the one before it (its
    /// URI would name two segments), or where parts of another segment came.
    pub fn push_segment(&mut self, info: &SegmentInfo) -> Result<(), Error> {
        let open = match self.open.take() {
            Some(open) if open.number == info.segment => open,
            Some(open) => {
                self.open = Some(open);
                return Err(Error::State(
                    "another segment is open than the one that ends",
                ));
            }
            None => self.begin(
                info.segment,
                info.init,
                info.discontinuity,
                (info.start, info.timescale),
            )?,
        };
        self.independent &= info.independent || info.size == 0;

        let duration = duration(info.duration, info.timescale);
        let nanos = duration.as_nanos().unsigned_abs();
        self.target_duration = self.target_duration.max(duration.round());
        self.pushed_nanos = self.pushed_nanos.saturating_add(nanos);
        self.window_nanos = self.window_nanos.saturating_add(nanos);
        self.meter.push(nanos, info.size, self.target_duration);

        let mut tail = String::new();
        if info.size == 0 {
            line(&mut tail, Tag::Gap);
        }
        line(
            &mut tail,
            Tag::Inf(Inf {
                duration,
                title: "",
            }),
        );
        tail.push_str(&self.config.segment_uri.uri(info.segment));
        tail.push('\n');
        self.window.push_back(Entry {
            number: open.number,
            init: info.init,
            nanos,
            wall: open.wall,
            discontinuity: open.discontinuity,
            parts: open.parts,
            before_map: open.before_map,
            head: open.head,
            part_lines: open.part_lines,
            tail,
        });
        self.slide();
        self.longest_nanos = self.longest_nanos.max(self.window_nanos);
        self.expire();
        self.forget_parts();
        let start = self.window.front().and_then(|entry| entry.wall);
        self.date_ranges
            .slide(start, self.pushed_nanos, self.skip_boundary());
        self.changed();
        Ok(())
    }

    /// Tells of a range of time, in this playlist and from now on, until it is over and the window has passed it. Segments
    /// have to tell their times for that ([`set_clock`](Self::set_clock)).
    pub fn push_date_range(&mut self, range: &DateRange<'_>) {
        self.date_ranges.push(range, self.pushed_nanos);
        self.changed();
    }

    /// The next segment, as far as its first part or all of it says.
    fn begin(
        &mut self,
        number: u64,
        init: u32,
        discontinuity: bool,
        (start, timescale): (i64, Timescale),
    ) -> Result<Open, Error> {
        if self.ended {
            return Err(Error::State(
                "the playlist has ended: no segment can be added",
            ));
        }
        let skipped = match self.last_number {
            None => {
                self.media_sequence = number;
                false
            }
            Some(last) if number <= last => {
                return Err(Error::State("segment numbers must rise"));
            }
            Some(last) => number - last > 1,
        };
        let first = self.last_number.replace(number).is_none();
        let discontinuity = !first && (discontinuity || self.broken || skipped);
        self.broken = false;
        let mut before_map = String::new();
        if discontinuity {
            line(&mut before_map, Tag::Discontinuity);
        }
        let mut head = String::new();
        self.cues
            .before(self.pushed_nanos, timescale.time(start), &mut head);
        let wall = self
            .clock
            .map(|origin| origin.saturating_add(timescale.time(start).as_nanos()));
        if let Some(wall) = wall {
            line(
                &mut head,
                Tag::ProgramDateTime(DateTime::from_unix_nanos(wall)),
            );
        }
        Ok(Open {
            number,
            init,
            wall,
            discontinuity,
            nanos: 0,
            bytes: 0,
            parts: 0,
            before_map,
            head,
            part_lines: String::new(),
        })
    }

    /// No segment will come any more: the playlist gets its `EXT-X-ENDLIST`, and nothing of it expires from here on.
    pub fn end(&mut self) {
        if !self.ended {
            self.ended = true;
            self.changed();
        }
    }

    /// When a request is to be answered (§6.2.5.2): with what [`document`](Self::document) gives then.
    ///
    /// # Errors
    ///
    /// [`BadRequest`] for what lies too far ahead: more than two segments, or as many parts as three seconds have.
    pub fn answer(&self, reload: &Reload) -> Result<Answer, BadRequest> {
        let (Some(low_latency), Some(msn), false) =
            (&self.config.low_latency, reload.msn, self.ended)
        else {
            return Ok(Answer::Now);
        };
        let next = self.next_msn();
        let parts = self.open.as_ref().map_or(0, |open| open.parts);
        // The number of the next segment is one more than the last one's.
        if msn > next.saturating_add(1) {
            return Err(BadRequest(
                "_HLS_msn is more than two past the last segment",
            ));
        }
        let (mut msn, mut part) = (msn, reload.part);
        if let Some(asked) = part
            && msn < next
        {
            // A part behind the last one of a segment means the first one of the next.
            let behind = usize::try_from(next - msn).unwrap_or(usize::MAX);
            let at = self.window.len().checked_sub(behind);
            let entry = at.and_then(|at| self.window.get(at));
            if entry.is_some_and(|entry| entry.parts > 0 && asked >= entry.parts) {
                (msn, part) = (msn + 1, Some(0));
            }
        }
        let there = match part {
            _ if msn < next => true,
            Some(part) if msn == next => {
                // As many parts as fit into three seconds, or three where they are longer than one.
                let target = low_latency.target(self.longest_part).max(1);
                let most = 3_000_000_000_u64.div_ceil(target).max(3);
                if part >= parts.saturating_add(most) {
                    return Err(BadRequest("_HLS_part is too far ahead"));
                }
                part < parts
            }
            _ => false,
        };
        Ok(if there { Answer::Now } else { Answer::Wait })
    }

    /// How far the playlist is, for the [`Report`]s in those of other renditions; `None` before the first segment or part.
    #[must_use]
    pub fn edge(&self) -> Option<Edge> {
        let low_latency = self.config.low_latency.is_some();
        match &self.open {
            Some(open) if open.parts > 0 => Some(Edge {
                msn: self.next_msn(),
                part: Some(open.parts - 1),
            }),
            _ => Some(Edge {
                msn: self.next_msn().checked_sub(1)?,
                part: self
                    .window
                    .back()?
                    .parts
                    .checked_sub(1)
                    .filter(|_| low_latency),
            }),
        }
    }

    /// Discontinuities up to the end, those that left included: what a rendition that joins has to start from
    /// ([`Config::discontinuity_sequence`]).
    #[must_use]
    pub fn discontinuities(&self) -> u64 {
        let mut count = self.discontinuity_sequence;
        for entry in &self.window {
            count = count.saturating_add(entry.discontinuity.into());
        }
        let open = self.open.as_ref().is_some_and(|open| open.discontinuity);
        count.saturating_add(open.into())
    }

    /// Media sequence number of the segment that is open, or will be the next.
    fn next_msn(&self) -> u64 {
        self.media_sequence.saturating_add(self.window.len() as u64)
    }

    /// The text to serve, as `application/vnd.apple.mpegurl`. Rendered once per change; a clone costs next to nothing.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        let render = || self.text(Skip::Nothing, 0).into();
        self.rendered.get_or_init(render).clone()
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
        if self.config.playlist_type.is_some() {
            return;
        }
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

    /// Parts are told for three target durations (§6.2.2).
    fn forget_parts(&mut self) {
        let most = self.target_duration.saturating_mul(3_000_000_000);
        let mut behind = 0_u64;
        for entry in self.window.iter_mut().rev() {
            if behind > most {
                if entry.part_lines.is_empty() {
                    break;
                }
                entry.part_lines = String::new();
            }
            behind = behind.saturating_add(entry.nanos);
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
}

/// Appends a tag's line.
fn line(text: &mut String, tag: Tag<'_>) {
    // Writing to a string does not fail.
    let _ = writeln!(text, "{tag}");
}

/// To the microsecond, which is what playlists tell.
fn duration(ticks: u64, timescale: Timescale) -> Decimal {
    let ticks = i64::try_from(ticks).unwrap_or(i64::MAX);
    let rounded = Decimal::rounded(timescale.time(ticks).as_nanos(), 6);
    Decimal::from_nanos(rounded.as_nanos())
}
