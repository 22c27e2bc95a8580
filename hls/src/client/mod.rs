//! What to fetch next to play a presentation, on demand or live.
//!
//! A [`Client`] opens no connection: it says what to fetch, and is told what came. It fetches the multivariant playlist, one
//! variant of it with its sound, media initialization sections, keys and segments, and live playlists again and again:
//! by blocking reloads, parts and delta updates where the server has them. There is one request for media and one for the
//! playlist at a time for each stream.
//!
//! ```
//! use fluvial_hls::client::{Client, Config, Event, Kind};
//!
//! let playlist = b"#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n1.ts\n#EXTINF:3,\n2.ts\n#EXT-X-ENDLIST\n";
//! let (mut client, now) = (Client::new("http://host/a/x.m3u8", Config::default()), 0);
//! let mut fetched = Vec::new();
//! loop {
//!     while let Some(request) = client.poll_request(now) {
//!         let body: &[u8] = if request.kind == Kind::Playlist { playlist } else { b"" };
//!         fetched.push(request.resource.url.clone());
//!         client.handle_response(request.id, &request.resource.url, body, now);
//!     }
//!     match client.poll_event()? {
//!         Some(Event::End) => break,
//!         Some(_) => {}
//!         None => unreachable!("what is there is fetched at once"),
//!     }
//! }
//! assert_eq!(fetched, ["http://host/a/x.m3u8", "http://host/a/1.ts", "http://host/a/2.ts"]);
//! # Ok::<(), fluvial_hls::Error>(())
//! ```

mod config;
mod request;
mod select;
mod stream;
mod view;

pub use config::Config;
pub use request::{
    Encryption, Event, Kind, Media, Method, Request, Resource, StreamInfo, StreamKind,
};
pub use select::Variant;

use crate::{Error, Playlist};
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;
#[cfg(feature = "media")]
use media::{Time, abr::Conditions};
use select::Offer;
use stream::{Next, Stream};

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

impl Pending {
    fn is_playlist(&self) -> bool {
        self.request.kind == Kind::Playlist
    }
}

/// Keys that are held.
const MOST_KEYS: usize = 64;

/// Plays a presentation. See the [module](self).
///
/// Loop: take [`poll_request`](Self::poll_request)s and fetch them; tell each answer with
/// [`handle_response`](Self::handle_response) or [`handle_failure`](Self::handle_failure); take
/// [`poll_event`](Self::poll_event)s; when there is nothing to do, wait until [`poll_timeout`](Self::poll_timeout). All
/// times are nanoseconds of the caller's clock, which need not tell the time of day.
#[derive(Debug)]
pub struct Client {
    config: Config,
    url: String,
    offer: Option<Offer>,
    variant: usize,
    /// The variant that was asked for by number.
    fixed: Option<usize>,
    streams: Vec<Stream>,
    pending: Vec<Pending>,
    keys: VecDeque<(String, [u8; 16])>,
    next_id: u64,
    events: VecDeque<Event>,
    error: Option<Error>,
    ended: bool,
    #[cfg(feature = "media")]
    adaptation: media::abr::Adaptation,
}

impl Client {
    /// A client that wants the playlist, of either kind, at a URL.
    #[must_use]
    pub fn new(url: &str, config: Config) -> Self {
        Self {
            config,
            url: url.into(),
            offer: None,
            variant: 0,
            fixed: None,
            streams: Vec::new(),
            pending: Vec::new(),
            keys: VecDeque::new(),
            next_id: 0,
            events: VecDeque::new(),
            error: None,
            ended: false,
            #[cfg(feature = "media")]
            adaptation: media::abr::Adaptation::new(),
        }
    }

    /// The variants that there are, in the order of the playlist; none before it has come.
    #[must_use]
    pub fn variants(&self) -> &[Variant] {
        self.offer.as_ref().map_or(&[], |offer| &offer.variants)
    }

    /// Index of the variant that is played.
    #[must_use]
    pub const fn variant(&self) -> usize {
        self.variant
    }

    /// Whether the presentation is live, as far as is known: more is going to come.
    #[must_use]
    pub fn is_live(&self) -> bool {
        let views = self
            .streams
            .iter()
            .filter_map(|stream| stream.view.as_ref());
        views.into_iter().any(|view| !view.ended)
    }

    /// How long the presentation lasts, in nanoseconds, once the playlist says that it is whole.
    #[must_use]
    pub fn duration(&self) -> Option<u64> {
        let view = self.streams.first()?.view.as_ref()?;
        view.ended.then(|| view.time_of(view.end()))
    }

    /// Says how many bit/s there are: the segments from here on are of the best variant that fits, unless the client is
    /// [adaptive](Config::adaptive).
    pub const fn set_bandwidth(&mut self, bandwidth: Option<u64>) {
        self.config.bandwidth = bandwidth;
        self.fixed = None;
    }

    /// Chooses a variant by its index: the segments from here on are of it.
    pub const fn set_variant(&mut self, variant: usize) {
        self.fixed = Some(variant);
    }

    /// Goes to a time, in nanoseconds from the first segment.
    pub fn seek(&mut self, time: u64) {
        self.pending.retain(Pending::is_playlist);
        self.ended = false;
        #[cfg(feature = "media")]
        self.adaptation.sought();
        for stream in &mut self.streams {
            stream.go(time);
        }
    }

    /// What to fetch next; `None` until an answer comes or the [timeout](Self::poll_timeout) passes.
    pub fn poll_request(&mut self, now: i64) -> Option<Request> {
        if self.error.is_some() || self.ended {
            return None;
        }
        for pending in &mut self.pending {
            if pending.again_at.is_some_and(|at| at <= now) {
                pending.again_at = None;
                pending.asked_at = now;
                return Some(pending.request.clone());
            }
        }
        if self.offer.is_none() {
            if !self.pending.is_empty() {
                return None;
            }
            let url = self.url.clone();
            return Some(self.send(0, Kind::Playlist, Resource { url, range: None }, now));
        }
        self.adapt(now);
        for index in 0..self.streams.len() {
            let busy = self.is_pending(index, true);
            if let Some(stream) = self.streams.get_mut(index)
                && !busy
                && stream.refresh_at.is_some_and(|at| at <= now)
            {
                stream.asked_at = now;
                stream.refresh_at = None;
                let resource = stream.request(&self.config, now);
                return Some(self.send(index, Kind::Playlist, resource, now));
            }
        }
        self.next_media(now)
    }

    /// Takes what a request gave. `url` is where it came from after redirects. Bodies of initialization sections and segments
    /// are the caller's: of them, only the length is looked at.
    pub fn handle_response(&mut self, id: u64, url: &str, body: &[u8], now: i64) {
        let Some(pending) = self.take_pending(id) else {
            return;
        };
        #[cfg(feature = "media")]
        if let (Kind::Media(media), true) = (&pending.request.kind, self.config.adaptive) {
            let took = Time::from_nanos(now.saturating_sub(pending.asked_at));
            self.adaptation.fetched(body.len() as u64, took, None);
            if pending.request.stream == 0 {
                let now = Time::from_nanos(now);
                self.adaptation.arrived(time(media.start), now);
            }
        }
        let request = pending.request;
        let stream = self.streams.get_mut(request.stream);
        match request.kind {
            Kind::Playlist => self.take_playlist(request.stream, url, body, now),
            Kind::Key => match body.try_into() {
                Ok(key) => {
                    if self.keys.len() >= MOST_KEYS {
                        self.keys.pop_front();
                    }
                    self.keys.push_back((request.resource.url, key));
                }
                Err(_) => self.error = Some(Error::State("a key is not of 16 bytes")),
            },
            Kind::Initialization(_) => {
                if let Some(stream) = stream {
                    stream.initialized();
                }
            }
            Kind::Media(media) => {
                if let Some(stream) = stream {
                    stream.passed(&media, body.len() as u64);
                }
            }
        }
    }

    /// A request failed (404, no connection): it is asked for again later. A segment or part that fails too often is passed over,
    /// as is one that leaves the playlist meanwhile.
    pub fn handle_failure(&mut self, id: u64, now: i64) {
        let after = i64::try_from(self.config.retry_after).unwrap_or(i64::MAX);
        let Some(mut pending) = self.take_pending(id) else {
            return;
        };
        pending.failures += 1;
        let index = pending.request.stream;
        if pending.is_playlist() && self.offer.is_some() {
            // Asked for anew, since by then something else is to be asked; without waiting on the server's side.
            if let Some(stream) = self.streams.get_mut(index) {
                stream.failures += 1;
                stream.plain = true;
                stream.refresh_at = Some(now.saturating_add(after));
                if stream.failures > self.config.retries {
                    self.error = Some(Error::State("a media playlist cannot be fetched"));
                }
            }
            return;
        }
        if pending.failures <= self.config.retries {
            pending.again_at = Some(now.saturating_add(after));
            self.pending.push(pending);
            return;
        }
        match pending.request.kind {
            Kind::Media(media) => {
                if let Some(stream) = self.streams.get_mut(index) {
                    stream.passed(&media, 0);
                }
                self.events.push_back(Event::Gap {
                    stream: index,
                    media,
                });
            }
            Kind::Playlist | Kind::Key | Kind::Initialization(_) => {
                self.error = Some(Error::State("what playing needs cannot be fetched"));
            }
        }
    }

    /// What happened.
    ///
    /// # Errors
    ///
    /// What is wrong with a playlist, or [`Error::State`] where one or a key cannot be had; it repeats.
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
        if self.ended || self.error.is_some() {
            return None;
        }
        let again = self.pending.iter().filter_map(|pending| pending.again_at);
        let idle = |index: &usize| !self.is_pending(*index, true);
        let refresh = (0..self.streams.len())
            .filter(idle)
            .filter_map(|index| self.streams.get(index)?.refresh_at);
        again.chain(refresh).min()
    }

    fn take_pending(&mut self, id: u64) -> Option<Pending> {
        let mut taken = self
            .pending
            .extract_if(.., |pending| pending.request.id == id);
        taken.next()
    }

    fn send(&mut self, stream: usize, kind: Kind, resource: Resource, now: i64) -> Request {
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

    /// Whether a playlist, or something else, of a stream is under way.
    fn is_pending(&self, stream: usize, playlist: bool) -> bool {
        self.pending
            .iter()
            .any(|one| one.request.stream == stream && one.is_playlist() == playlist)
    }

    fn take_playlist(&mut self, index: usize, url: &str, body: &[u8], now: i64) {
        let playlist = match Playlist::parse_with(body, &self.config.limits) {
            Ok(playlist) => playlist,
            Err(error) => {
                self.error = Some(error);
                return;
            }
        };
        match playlist {
            Playlist::Multivariant(playlist) if self.offer.is_none() => {
                let offer = Offer::read(&playlist, url);
                if offer.variants.is_empty() {
                    self.error = Some(Error::State("a multivariant playlist without variants"));
                    return;
                }
                self.variant = self.wanted(&offer, now);
                self.begin(offer);
            }
            Playlist::Multivariant(_) => {
                self.error = Some(Error::State(
                    "a multivariant playlist in the place of a media playlist",
                ));
            }
            Playlist::Media(playlist) => {
                if self.offer.is_none() {
                    self.begin(Offer::single(url));
                }
                let variables = self.offer.as_ref().map(|offer| offer.variables.clone());
                let first = self.streams.first().and_then(Stream::here);
                let Some(stream) = self.streams.get_mut(index) else {
                    return;
                };
                // Sound begins where the pictures do.
                if index > 0 && stream.anchor.is_none() && stream.position.is_none() {
                    stream.anchor = first;
                }
                let variables = variables.unwrap_or_default();
                let taken = stream.take(&playlist, url, &variables, &self.config, now);
                if let Err(error) = taken {
                    if stream.view.take().is_some() {
                        // A delta update to what is not at hand: all of it, then.
                        stream.refresh_at = Some(i64::MIN);
                    } else {
                        self.error = Some(error);
                    }
                }
            }
        }
    }

    fn wanted(&self, offer: &Offer, now: i64) -> usize {
        if let Some(fixed) = self.fixed.filter(|index| *index < offer.variants.len()) {
            return fixed;
        }
        #[cfg(feature = "media")]
        if self.config.adaptive {
            return self.adaptive(offer, now);
        }
        let _ = now;
        offer.choose(self.config.bandwidth)
    }

    #[cfg(feature = "media")]
    fn adaptive(&self, offer: &Offer, now: i64) -> usize {
        let rate = |one: &Variant| one.average_bandwidth.unwrap_or(one.bandwidth);
        let rates: Vec<u64> = offer.variants.iter().map(rate).collect();
        let main = self.streams.first();
        let view = main.and_then(|main| main.view.as_ref());
        let distance = view.filter(|view| !view.ended).map(|view| view.hold_back);
        let end = time(main.map_or(0, Stream::time));
        media::abr::choose(&Conditions {
            rates: &rates,
            current: main.map(|_| self.variant),
            throughput: self.adaptation.throughput().or(self.config.bandwidth),
            buffer: self.adaptation.buffer(end, Time::from_nanos(now)),
            segment: time(view.map_or(0, |view| view.target)),
            max_buffer: time(distance.unwrap_or(u64::MAX).min(self.config.max_buffer)),
        })
    }

    fn begin(&mut self, offer: Offer) {
        let infos = offer.streams(self.variant, &self.config);
        let streams = infos.iter().map(|info| Stream::new(info.url.clone(), None));
        self.streams = streams.collect();
        self.offer = Some(offer);
        self.events.push_back(Event::Streams(infos));
    }

    /// Goes over to the variant that is wanted, between two segments.
    fn adapt(&mut self, now: i64) {
        let Some(offer) = &self.offer else { return };
        let wanted = self.wanted(offer, now);
        let between = |stream: &Stream| {
            let (_, parts, _) = stream.position.unwrap_or((0, 1, None));
            parts == 0 && !stream.done
        };
        let ready = wanted != self.variant
            && !self.is_pending(0, false)
            && self.streams.first().is_some_and(between);
        if !ready {
            return;
        }
        let infos = offer.streams(wanted, &self.config);
        let mut streams = Vec::new();
        for (index, info) in infos.iter().enumerate() {
            let old = self.streams.get(index);
            if old.is_some_and(|old| old.url == info.url) {
                streams.push(None);
                continue;
            }
            let here = old.or(self.streams.first()).and_then(Stream::here);
            streams.push(Some(Stream::new(info.url.clone(), here)));
        }
        self.streams.truncate(streams.len());
        for (index, new) in streams.into_iter().enumerate() {
            let Some(new) = new else { continue };
            self.pending.retain(|one| one.request.stream != index);
            match self.streams.get_mut(index) {
                Some(old) => *old = new,
                None => self.streams.push(new),
            }
        }
        let count = self.streams.len();
        self.pending.retain(|one| one.request.stream < count);
        self.variant = wanted;
        self.events.push_back(Event::Streams(infos));
    }

    /// What the stream that is least far needs next.
    fn next_media(&mut self, now: i64) -> Option<Request> {
        let times: Vec<u64> = self.streams.iter().map(Stream::time).collect();
        let unfinished = |index: &usize| self.streams.get(*index).is_some_and(|one| !one.done);
        let mut order: Vec<usize> = (0..self.streams.len()).filter(unfinished).collect();
        order.sort_by_key(|index| times.get(*index));
        let least = order.first().and_then(|index| times.get(*index)).copied();
        let most = least.unwrap_or(0).saturating_add(self.config.max_lead);
        for index in order {
            let ahead = times.get(index).is_some_and(|time| *time > most);
            if ahead || self.is_pending(index, false) {
                continue;
            }
            let Some(stream) = self.streams.get_mut(index) else {
                continue;
            };
            loop {
                match stream.next(&self.config, &self.keys) {
                    Next::Fetch(kind, resource) => {
                        return Some(self.send(index, kind, resource, now));
                    }
                    Next::Gap(media) => self.events.push_back(Event::Gap {
                        stream: index,
                        media,
                    }),
                    Next::Wait => break,
                    Next::Done => {
                        stream.done = true;
                        break;
                    }
                }
            }
        }
        if !self.streams.is_empty() && self.streams.iter().all(|stream| stream.done) {
            self.ended = true;
            self.events.push_back(Event::End);
        }
        None
    }
}

#[cfg(feature = "media")]
fn time(nanos: u64) -> Time {
    Time::from_nanos(i64::try_from(nanos).unwrap_or(i64::MAX))
}
