use super::Config;
use super::gather::Read;
use super::window::Window;
use crate::Demuxer;
use crate::boxes::{Emsg, IsoBox, Mdat, Moof, Moov};
use crate::movie::Movie;
use alloc::collections::VecDeque;
use bytes::Bytes;
use core::ops::Range;
use media::{Event, Kind, Time};

/// Movie fragments, read one after the other from some place on.
#[derive(Debug)]
pub(super) struct Fragments {
    demuxer: Demuxer,
    reads: VecDeque<Read>,
    /// Where the next read begins.
    at: u64,
    len: u64,
    /// The place is not known yet.
    search: Option<Search>,
    ended: bool,
    over: bool,
}

/// Looks for the fragment of a time where no index tells its place, or for the events that stand before one that an index names:
/// header by header, `moof` by `moof`.
#[derive(Debug)]
struct Search {
    window: Window,
    at: u64,
    best: u64,
    target: i64,
    /// The first event since the last fragment: it belongs to the one that comes.
    events: Option<u64>,
    /// The fragment that an index names; what is looked for are events before it.
    indexed: Option<u64>,
}

impl Fragments {
    /// From the first fragment on, or from the last that begins at or before a time. `None` where there are none.
    pub(super) fn new(movie: &Movie, config: &Config, target: Option<Time>) -> Option<Self> {
        let first = movie.fragments.first?;
        let places = &movie.fragments.places;
        let (mut at, mut search) = (first, None);
        if let Some(target) = target.map(Time::as_nanos) {
            let after = places.partition_point(|(time, _)| *time <= target);
            let place = after.checked_sub(1).and_then(|place| places.get(place));
            at = place.map_or(first, |(_, place)| *place);
            if !movie.fragments.complete {
                search = Some(Search {
                    window: Window::new(movie.file_len),
                    at,
                    best: at,
                    target,
                    events: None,
                    indexed: None,
                });
            } else if config.events && at > first {
                let before = after.checked_sub(2).and_then(|place| places.get(place));
                search = Some(Search {
                    window: Window::new(movie.file_len),
                    at: before.map_or(first, |(_, place)| *place),
                    best: at,
                    target,
                    events: None,
                    indexed: Some(at),
                });
            }
        }
        let moov = Moov::parse(&movie.bytes).ok()?;
        let demuxer = Demuxer::new(config.limits.clone());
        #[cfg(feature = "cenc")]
        let demuxer = demuxer.with_keys(config.keys.clone());
        let demuxer = match config.events {
            true => demuxer.with_events(),
            false => demuxer,
        };
        Some(Self {
            demuxer: demuxer.at_fragments(&moov, &movie.set, movie.offset, at),
            reads: VecDeque::new(),
            at,
            len: movie.file_len,
            search,
            ended: false,
            over: false,
        })
    }

    pub(super) fn poll_read(&mut self, movie: &Movie, config: &Config) -> Option<Range<u64>> {
        if let Some(search) = &mut self.search {
            match search.run(movie, config) {
                None => return search.window.poll_read(),
                Some(place) => {
                    self.at = place;
                    self.demuxer.start_at(place);
                    self.search = None;
                }
            }
        }
        if self.at >= self.len || self.reads.len() >= config.reads_ahead.max(1) {
            return None;
        }
        let end = self
            .at
            .saturating_add(config.read_size.max(1))
            .min(self.len);
        let mut read = Read::new(self.at..end);
        read.asked = true;
        let range = read.range.clone();
        self.at = end;
        self.reads.push_back(read);
        Some(range)
    }

    pub(super) fn handle_read(&mut self, offset: u64, data: &Bytes) -> bool {
        if let Some(search) = &mut self.search {
            return search.window.handle_read(offset, data);
        }
        let taken = self.reads.iter_mut().any(|read| read.take(offset, data));
        if taken && data.is_empty() {
            // The file ends here.
            self.len = self.len.min(offset);
            self.at = self.at.max(self.len);
        }
        taken
    }

    pub(super) fn next_event(&mut self) -> Option<Event> {
        loop {
            match self.demuxer.poll_event() {
                Ok(Some(event)) => return Some(event),
                Err(_) => {
                    self.over = true;
                    return None;
                }
                Ok(None) => {}
            }
            if self.ended {
                self.over = true;
                return None;
            }
            let is_over = self.reads.front().is_some_and(|read| read.over);
            let read = if is_over {
                self.reads.pop_front()
            } else {
                None
            };
            if let Some(read) = read {
                self.demuxer.handle_input(&read.into_bytes());
            } else if self.reads.is_empty() && self.search.is_none() && self.at >= self.len {
                self.demuxer.handle_eof();
                self.ended = true;
            } else {
                return None;
            }
        }
    }

    pub(super) const fn is_over(&self) -> bool {
        self.over
    }

    pub(super) fn buffered_len(&self) -> usize {
        let search = self.search.as_ref();
        let window = search.map_or(0, |search| search.window.buffered_len());
        let reads = self.reads.iter().map(|read| read.bytes().len());
        reads
            .fold(window, usize::saturating_add)
            .saturating_add(self.demuxer.buffered_len())
    }
}

impl Search {
    /// Goes on until bytes are missing, or the place is known.
    fn run(&mut self, movie: &Movie, config: &Config) -> Option<u64> {
        while !self.window.is_waiting() {
            if self.at >= self.window.len {
                return Some(self.best);
            }
            let Ok((header, end)) = self.window.header(self.at)? else {
                return Some(self.best);
            };
            let size = end.saturating_sub(self.at);
            if self.indexed.is_some_and(|indexed| self.at >= indexed)
                && header.box_type != Emsg::TYPE
            {
                return Some(self.events.unwrap_or(self.best));
            }
            match header.box_type {
                Emsg::TYPE => _ = self.events.get_or_insert(self.at),
                Mdat::TYPE => self.events = None,
                _ => {}
            }
            if self.indexed.is_none()
                && header.box_type == Moof::TYPE
                && size <= config.limits.box_size as u64
            {
                let bytes = self.window.bytes(self.at, end)?;
                match Moof::parse(&bytes)
                    .ok()
                    .and_then(|moof| time_of(movie, &moof))
                {
                    Some(time) if time > self.target => return Some(self.best),
                    Some(_) => self.best = self.events.unwrap_or(self.at),
                    None => {}
                }
            }
            self.at = end;
        }
        None
    }
}

/// When a fragment begins, in nanoseconds of the movie, by its leading track.
fn time_of(movie: &Movie, moof: &Moof) -> Option<i64> {
    let lead = movie.set.first_of(Kind::Video).or(movie.set.first())?;
    let track = movie
        .tracks
        .iter()
        .find(|track| track.track.id == lead.id)?;
    let traf = moof
        .trafs
        .iter()
        .find(|traf| traf.tfhd.track_id == lead.id.0)?;
    let ticks = i64::try_from(traf.tfdt?.base_media_decode_time).ok()?;
    let shift = track.timeline.first().shift;
    Some(lead.timescale.time(ticks.saturating_add(shift)).as_nanos())
}
