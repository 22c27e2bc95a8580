//! What to fetch next to play a presentation, on demand or live.
//!
//! A [`Client`] opens no connection: it says what to fetch, and is told what came. It fetches the document, initialization
//! segments, indexes and media segments of one representation per kind of content, the document again while it is dynamic
//! (or a patch to it), and goes from period to period. There is one request at a time for each stream.
//!
//! ```
//! use fluvial_dash::client::{Client, Config, Event, Kind};
//!
//! let mpd = br#"<MPD mediaPresentationDuration="PT4S"><Period><AdaptationSet contentType="video">
//!     <SegmentTemplate duration="2" initialization="i.mp4" media="$Number$.m4s"/>
//!     <Representation id="v" bandwidth="1"/></AdaptationSet></Period></MPD>"#;
//! let (mut client, now) = (Client::new("http://host/a.mpd", Config::default()), 0);
//! let mut fetched = Vec::new();
//! loop {
//!     while let Some(request) = client.poll_request(now) {
//!         let body: &[u8] = if request.kind == Kind::Document { mpd } else { b"" };
//!         fetched.push(request.resource.url.clone());
//!         client.handle_response(request.id, &request.resource.url, body, now);
//!     }
//!     match client.poll_event()? {
//!         Some(Event::End) => break,
//!         Some(_) => {}
//!         None => unreachable!("what is there is fetched at once"),
//!     }
//! }
//! assert_eq!(fetched, ["http://host/a.mpd", "http://host/i.mp4", "http://host/1.m4s", "http://host/2.m4s"]);
//! # Ok::<(), fluvial_dash::Error>(())
//! ```

#[cfg(feature = "media")]
mod adapt;
mod config;
mod select;
mod stream;

pub use config::Config;
pub use stream::StreamInfo;

use crate::address::{Resource, Segment, resolve};
use crate::{DateTime, Error, Mpd, Patch};
use std::collections::VecDeque;
use stream::{Next, Stream};

const SECOND: i64 = 1_000_000_000;

/// What a request is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// The document.
    Document,
    /// A patch to the document.
    Patch,
    /// The wall-clock time, by `UTCTiming`.
    Clock,
    /// The index of a stream's segments.
    Index,
    /// The initialization segment of a stream.
    Initialization,
    /// A media segment.
    Media(Segment),
}

/// Something to fetch.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Request {
    /// To be told with the answer.
    pub id: u64,
    /// Index of the stream that it is for, of those of the last [`Event::Period`]; 0 for what is for none.
    pub stream: usize,
    /// What it is.
    pub kind: Kind,
    /// Where it is.
    pub resource: Resource,
}

/// What a client tells.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// There is a new version of the document.
    Document,
    /// A period begins: times may jump, and these are its streams.
    Period(Vec<StreamInfo>),
    /// A segment could not be had, and is passed over.
    Gap {
        /// Index of the stream.
        stream: usize,
        /// What is missing.
        segment: Segment,
    },
    /// There is nothing more to come.
    End,
}

/// What is under way.
#[derive(Debug)]
struct Pending {
    request: Request,
    /// When it was asked for, in nanoseconds.
    asked_at: i64,
    failures: u32,
    /// When it is to be asked for again, in nanoseconds.
    again_at: Option<i64>,
}

/// Plays a presentation. See the [module](self).
///
/// Loop: take [`poll_request`](Self::poll_request)s and fetch them; tell each answer with
/// [`handle_response`](Self::handle_response) or [`handle_failure`](Self::handle_failure); take
/// [`poll_event`](Self::poll_event)s; when there is nothing to do, wait until [`poll_timeout`](Self::poll_timeout). All
/// times are Unix nanoseconds of the caller's clock.
#[derive(Debug)]
pub struct Client {
    config: Config,
    /// Where the document is, after redirects and `Location`.
    url: String,
    mpd: Option<Mpd>,
    /// When the document was asked for, and is to be asked for again.
    asked_at: i64,
    refresh_at: Option<i64>,
    /// What the server's clock is ahead by, once known.
    clock: Option<i64>,
    /// A patch did not fit, and the whole document is needed.
    whole: bool,
    /// The period that is played: its `@id` or start, and its streams.
    period: Option<String>,
    streams: Vec<Stream>,
    pending: Vec<Pending>,
    next_id: u64,
    events: VecDeque<Event>,
    error: Option<Error>,
    ended: bool,
    #[cfg(feature = "media")]
    adaptation: media::abr::Adaptation,
}

impl Client {
    /// A client that wants the document at a URL.
    #[must_use]
    pub fn new(url: &str, config: Config) -> Self {
        Self {
            config,
            url: url.into(),
            mpd: None,
            asked_at: 0,
            refresh_at: Some(i64::MIN),
            clock: None,
            whole: false,
            period: None,
            streams: Vec::new(),
            pending: Vec::new(),
            next_id: 0,
            events: VecDeque::new(),
            error: None,
            ended: false,
            #[cfg(feature = "media")]
            adaptation: media::abr::Adaptation::new(),
        }
    }

    /// The newest version of the document.
    #[must_use]
    pub const fn mpd(&self) -> Option<&Mpd> {
        self.mpd.as_ref()
    }

    /// Says how many bit/s there are: the segments from here on are of the representations that fit, unless the client is
    /// [adaptive](Config::adaptive).
    pub const fn set_bandwidth(&mut self, bandwidth: Option<u64>) {
        self.config.bandwidth = bandwidth;
    }

    /// Goes to a time of the presentation, in nanoseconds.
    pub fn seek(&mut self, time: u64) {
        self.pending
            .retain(|pending| !matches!(pending.request.kind, Kind::Media(_)));
        let name = self.mpd.as_ref().and_then(|mpd| {
            let mut periods = mpd.placed_periods();
            let here = periods.find(|period| period.end().is_none_or(|end| time < end));
            here.map(|here| select::name(&here))
        });
        let Some(name) = name else { return };
        self.ended = false;
        #[cfg(feature = "media")]
        self.adaptation.sought();
        if self.period.as_ref() == Some(&name) {
            for stream in &mut self.streams {
                stream.go(time);
            }
        } else {
            self.enter(name, time);
        }
    }

    /// What to fetch next; `None` until an answer comes or the [timeout](Self::poll_timeout) passes.
    pub fn poll_request(&mut self, now: i64) -> Option<Request> {
        if self.error.is_some() {
            return None;
        }
        for pending in &mut self.pending {
            if pending.again_at.is_some_and(|at| at <= now) {
                pending.again_at = None;
                pending.asked_at = now;
                return Some(pending.request.clone());
            }
        }
        if !self.is_pending(0, false) {
            if let Some(request) = self.clock_request() {
                return Some(self.send(request, now));
            }
            if self.refresh_at.is_some_and(|at| at <= now) && !self.ended {
                self.asked_at = now;
                self.refresh_at = None;
                let (kind, url) = self.document();
                let resource = Resource { url, range: None };
                return Some(self.send((0, kind, resource), now));
            }
        }
        let next = self.next(now)?;
        Some(self.send(next, now))
    }

    /// Takes what a request gave. `url` is where it came from after redirects. Bodies of initialization and media segments
    /// are the caller's, and are not looked at.
    pub fn handle_response(&mut self, id: u64, url: &str, body: &[u8], now: i64) {
        let Some(pending) = self.take_pending(id) else {
            return;
        };
        #[cfg(feature = "media")]
        self.measure(&pending, body.len(), now);
        let request = pending.request;
        let result = match request.kind {
            Kind::Document => {
                self.url = url.into();
                Mpd::parse_with(body, &self.config.limits).map(|mpd| self.take(mpd, now))
            }
            Kind::Patch => {
                let patched = Patch::parse(body)
                    .and_then(|patch| patch.apply(self.mpd.as_ref().unwrap_or(&Mpd::default())));
                match patched {
                    Ok(mpd) => self.take(mpd, now),
                    Err(_) => self.want_whole(),
                }
                Ok(())
            }
            Kind::Clock => {
                let text = String::from_utf8_lossy(body);
                // Where it cannot be read, the clock of the caller has to do.
                let server = text.trim_ascii().parse::<DateTime>();
                self.clock = Some(server.map_or(0, |time| time.unix_nanos().saturating_sub(now)));
                Ok(())
            }
            Kind::Index => self.stream(request.stream, |stream| {
                stream.take_index(body, &request.resource)
            }),
            Kind::Initialization => self.stream(request.stream, |stream| {
                stream.initialized = true;
                Ok(())
            }),
            Kind::Media(segment) => self.stream(request.stream, |stream| {
                stream.passed(&segment);
                Ok(())
            }),
        };
        if let Err(error) = result {
            self.error = Some(error);
        }
    }

    /// A request failed (404, no connection): it is asked for again later. A media segment that fails too often is passed over.
    pub fn handle_failure(&mut self, id: u64, now: i64) {
        let after = i64::try_from(self.config.retry_after).unwrap_or(i64::MAX);
        let Some(mut pending) = self.take_pending(id) else {
            return;
        };
        pending.failures += 1;
        let is_patch = pending.request.kind == Kind::Patch;
        if pending.failures <= self.config.retries && !is_patch {
            pending.again_at = Some(now.saturating_add(after));
            let stream = self.streams.get_mut(pending.request.stream);
            if let (Kind::Media(_) | Kind::Initialization, Some(stream)) =
                (&pending.request.kind, stream)
                && let Some(url) = stream.other_base(&pending.request.resource.url)
            {
                pending.request.resource.url = url;
            }
            self.pending.push(pending);
            return;
        }
        let request = pending.request;
        match request.kind {
            Kind::Media(segment) => {
                if let Some(stream) = self.streams.get_mut(request.stream) {
                    stream.passed(&segment);
                }
                self.events.push_back(Event::Gap {
                    stream: request.stream,
                    segment,
                });
            }
            Kind::Clock => self.clock = Some(0),
            Kind::Patch => self.want_whole(),
            Kind::Document | Kind::Index | Kind::Initialization => {
                self.error = Some(Error::State("what playing needs cannot be fetched"));
            }
        }
    }

    /// What happened.
    ///
    /// # Errors
    ///
    /// What is wrong with a document or an index, or [`Error::State`] where one cannot be had; it repeats.
    pub fn poll_event(&mut self) -> Result<Option<Event>, Error> {
        match (self.events.pop_front(), &self.error) {
            (Some(event), _) => Ok(Some(event)),
            (None, Some(error)) => Err(error.clone()),
            (None, None) => Ok(None),
        }
    }

    /// When [`poll_request`](Self::poll_request) may have something without an answer coming, in nanoseconds.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<i64> {
        let again = self.pending.iter().filter_map(|pending| pending.again_at);
        let waiting = self.streams.iter().filter_map(|stream| stream.waits_until);
        let skew = self.clock.unwrap_or(0);
        let waiting = waiting.map(|time| time.saturating_sub(skew));
        let refresh = self
            .refresh_at
            .filter(|_| !self.is_pending(0, false) && !self.ended);
        again.chain(waiting).chain(refresh).min()
    }

    fn take_pending(&mut self, id: u64) -> Option<Pending> {
        let mut taken = self
            .pending
            .extract_if(.., |pending| pending.request.id == id);
        taken.next()
    }

    fn send(&mut self, (stream, kind, resource): (usize, Kind, Resource), now: i64) -> Request {
        let request = Request {
            id: self.next_id,
            stream,
            kind,
            resource,
        };
        self.next_id = self.next_id.saturating_add(1);
        self.pending.push(Pending {
            request: request.clone(),
            asked_at: now,
            failures: 0,
            again_at: None,
        });
        request
    }

    /// Whether something for a stream, or for none, is under way.
    fn is_pending(&self, stream: usize, of_stream: bool) -> bool {
        self.pending.iter().any(|pending| {
            let document = matches!(
                pending.request.kind,
                Kind::Document | Kind::Patch | Kind::Clock
            );
            document != of_stream && (document || pending.request.stream == stream)
        })
    }

    fn stream(
        &mut self,
        index: usize,
        change: impl FnOnce(&mut Stream) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.streams.get_mut(index).map_or(Ok(()), change)
    }

    fn want_whole(&mut self) {
        self.whole = true;
        self.refresh_at = Some(i64::MIN);
    }

    /// Where the next version is, whole or as a patch.
    fn document(&self) -> (Kind, String) {
        let Some(mpd) = &self.mpd else {
            return (Kind::Document, self.url.clone());
        };
        if let (Some(patch), false) = (mpd.patch_locations.first(), self.whole) {
            return (Kind::Patch, resolve(&self.url, &patch.url));
        }
        let location = mpd.locations.first();
        let url = location.map_or_else(
            || self.url.clone(),
            |location| resolve(&self.url, &location.url),
        );
        (Kind::Document, url)
    }

    /// Asks for the time, once, if the document says where.
    fn clock_request(&mut self) -> Option<(usize, Kind, Resource)> {
        let mpd = self.mpd.as_ref().filter(|mpd| mpd.is_dynamic())?;
        if self.clock.is_some() {
            return None;
        }
        let url = mpd.utc_timings.iter().find_map(|timing| {
            let scheme = timing.scheme_id_uri.as_deref()?;
            let known = [
                "urn:mpeg:dash:utc:http-xsdate:2014",
                "urn:mpeg:dash:utc:http-iso:2014",
            ];
            let first = timing.value.as_deref()?.split_ascii_whitespace().next()?;
            known.contains(&scheme).then(|| resolve(&self.url, first))
        });
        match url {
            Some(url) => Some((0, Kind::Clock, Resource { url, range: None })),
            None => {
                self.clock = Some(0);
                None
            }
        }
    }

    /// Takes a version of the document.
    fn take(&mut self, mpd: Mpd, now: i64) {
        self.whole = false;
        let direct = mpd.utc_timings.iter().find_map(|timing| {
            let scheme = timing.scheme_id_uri.as_deref()?;
            let value = timing.value.as_deref()?;
            (scheme == "urn:mpeg:dash:utc:direct:2014").then(|| value.parse::<DateTime>().ok())?
        });
        if let (Some(time), None) = (direct, self.clock) {
            self.clock = Some(time.unix_nanos().saturating_sub(now));
        }
        self.refresh_at = mpd
            .minimum_update_period
            .filter(|_| mpd.is_dynamic())
            .map(|period| {
                // A period of zero asks for events, which are in the segments; once a second does as well.
                let period = i64::try_from(period.as_nanos()).unwrap_or(i64::MAX);
                let period = if period == 0 {
                    SECOND
                } else {
                    period.max(SECOND / 10)
                };
                self.asked_at.saturating_add(period)
            });
        self.mpd = Some(mpd);
        self.events.push_back(Event::Document);
    }

    /// What a stream needs next.
    fn next(&mut self, own_now: i64) -> Option<(usize, Kind, Resource)> {
        let now = own_now.saturating_add(self.clock.unwrap_or(0));
        if self.ended || self.mpd.is_none() {
            return None;
        }
        if self.period.is_none() {
            let mpd = self.mpd.as_ref()?;
            let Some((name, time)) = select::start(mpd, self.config.delay, now) else {
                if !mpd.is_dynamic() {
                    // All of it is elsewhere, or there is nothing.
                    self.end();
                }
                return None;
            };
            self.enter(name, time);
        }
        let mut done = 0;
        // The one that is least far first: who fetches one thing after the other gets all streams alike.
        let mut order: Vec<usize> = (0..self.streams.len()).collect();
        order.sort_by_key(|index| self.streams.get(*index).map(|stream| stream.time));
        for index in order {
            let busy = self.is_pending(index, true);
            let wanted = self.wanted(index, own_now);
            let (Some(mpd), Some(name)) = (&self.mpd, &self.period) else {
                return None;
            };
            let Some(stream) = self.streams.get_mut(index) else {
                break;
            };
            stream.waits_until = None;
            if busy {
                continue;
            }
            match stream.next(mpd, name, &self.url, wanted, now) {
                Ok(Next::Fetch(kind, resource)) => return Some((index, kind, resource)),
                Ok(Next::Wait(until)) => stream.waits_until = until,
                Ok(Next::Done) => done += 1,
                Err(error) => {
                    self.error = Some(error);
                    return None;
                }
            }
        }
        if done < self.streams.len() {
            return None;
        }
        let (mpd, name) = (self.mpd.as_ref()?, self.period.as_ref()?);
        if let Some((name, start)) = select::following(mpd, name) {
            self.enter(name, start);
            return self.next(own_now);
        }
        if !mpd.is_dynamic() || mpd.media_presentation_duration.is_some() {
            self.end();
        }
        None
    }

    /// The representation that a stream is to go on with.
    fn wanted(&self, index: usize, now: i64) -> Option<usize> {
        let mpd = self.mpd.as_ref()?;
        let period = select::find(mpd, self.period.as_ref()?)?;
        let stream = self.streams.get(index)?;
        let set = period.period.adaptation_sets.get(stream.info.set)?;
        #[cfg(feature = "media")]
        if self.config.adaptive {
            return Some(self.adaptive(mpd, set, index, now));
        }
        let _ = now;
        Some(select::representation(set, self.config.bandwidth))
    }

    fn end(&mut self) {
        self.ended = true;
        self.events.push_back(Event::End);
    }

    fn enter(&mut self, name: String, time: u64) {
        let Some(mpd) = &self.mpd else { return };
        self.streams = select::streams(mpd, &name, time, &self.config);
        self.pending.retain(|pending| {
            matches!(
                pending.request.kind,
                Kind::Document | Kind::Patch | Kind::Clock
            )
        });
        self.period = Some(name);
        let told = self.streams.iter().map(|stream| stream.info.clone());
        self.events.push_back(Event::Period(told.collect()));
    }
}
