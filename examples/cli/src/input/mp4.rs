use super::{Look, Options, Seen, Source};
use crate::net::http;
use crate::pool::Pool;
use anyhow::{Context, Result};
use bytes::Bytes;
use indicatif::ProgressBar;
use media::{Codec, Event, Track, Tracks};
use mp4::boxes::{Emsg, IsoBox};
use mp4::demuxer::{event_codec, event_tracks};
use mp4::movie::Walk;
use mp4::reader::{Config, Order, Reader};
use mp4::{Limits, Opener};
use std::collections::VecDeque;
use std::fs::File;
use std::io::{Seek, SeekFrom};
use std::ops::Range;

/// Bytes of a read, about: as many as stay in the processor's cache until they are written.
const READ: u64 = 256 << 10;

/// An MP4 file that is read where its samples lie, wherever its tables are.
pub struct Mp4 {
    reader: Reader,
    file: Box<dyn Ranges>,
    bar: ProgressBar,
    /// What the reader told before it was asked to go elsewhere.
    ahead: VecDeque<Event>,
    order: Order,
    /// What the events among its fragments are, so that the tracks are told once.
    events: Vec<Track>,
    /// The samples by the tables alone.
    walk: Option<Walk>,
}

/// Something of which any range can be read.
pub trait Ranges {
    /// The bytes of a range, as far as they are there.
    fn read(&mut self, range: &Range<u64>) -> Result<Bytes>;
    /// Whether each byte that is not read saves time.
    fn is_far(&self) -> bool;
}

/// A file.
pub struct OnDisk {
    file: File,
    at: u64,
    path: String,
    pool: Pool,
}

impl OnDisk {
    pub fn new(file: File, path: String) -> Self {
        Self {
            file,
            at: u64::MAX,
            path,
            pool: Pool::new(),
        }
    }
}

impl Ranges for OnDisk {
    fn read(&mut self, range: &Range<u64>) -> Result<Bytes> {
        let len = range.end.saturating_sub(range.start);
        let mut read = || {
            if self.at != range.start {
                self.file.seek(SeekFrom::Start(range.start))?;
            }
            self.pool.read(&mut self.file, range.start, len)
        };
        let data = read().with_context(|| self.path.clone())?;
        self.at = range.start + data.len() as u64;
        Ok(data)
    }

    fn is_far(&self) -> bool {
        false
    }
}

/// What a server gives by ranges.
pub struct OverHttp {
    url: String,
    /// Its start, which was looked at.
    head: Bytes,
}

impl OverHttp {
    pub const fn new(url: String, head: Bytes) -> Self {
        Self { url, head }
    }
}

impl Ranges for OverHttp {
    fn read(&mut self, range: &Range<u64>) -> Result<Bytes> {
        if range.end <= self.head.len() as u64 {
            let (start, end) = (range.start as usize, range.end as usize);
            return Ok(self.head.slice(start..end));
        }
        let found = http::read(&self.url, Some(range), u64::MAX);
        Ok(found.with_context(|| self.url.clone())?.data)
    }

    fn is_far(&self) -> bool {
        true
    }
}

impl Mp4 {
    pub fn open(
        mut file: Box<dyn Ranges>,
        len: u64,
        options: &Options,
        bar: ProgressBar,
    ) -> Result<Self> {
        let mut opener = Opener::new(len, Limits::default());
        while let Some(range) = opener.poll_read() {
            let data = file.read(&range)?;
            opener.handle_read(range.start, &data);
        }
        let movie = opener.poll_movie()?;
        let movie = movie.context("no movie")?;
        let events = match movie.is_fragmented() && !file.is_far() {
            true => events(file.as_mut(), len, movie.tracks())?,
            false => Vec::new(),
        };
        let mut config = Config::default();
        config.order = options.order;
        config.keys = options.keys.cenc();
        // One range at a time.
        config.reads_ahead = 1;
        config.events = true;
        config.read_size = READ;
        Ok(Self {
            reader: Reader::new(movie, config),
            file,
            bar,
            ahead: VecDeque::new(),
            order: options.order,
            events,
            walk: None,
        })
    }

    /// The tracks with those of events that come later.
    fn whole(&self, event: Event) -> Event {
        let Event::Tracks(tracks) = event else {
            return event;
        };
        let later = self
            .events
            .iter()
            .filter(|one| tracks.find(one.id).is_none());
        Event::Tracks(tracks.iter().chain(later).cloned().collect())
    }
}

/// The tracks of the events that stand among the fragments of a file, found from box to box.
fn events(file: &mut dyn Ranges, len: u64, tracks: &Tracks) -> Result<Vec<Track>> {
    /// An event longer than this is none that has to be known beforehand.
    const LONGEST: u64 = 64 << 10;
    let mut found: Vec<Codec> = Vec::new();
    let mut at = 0;
    while at < len {
        let head = file.read(&(at..at.saturating_add(16).min(len)))?;
        let mut fields = wire::Reader::new(&head);
        let Ok(header) = mp4::boxes::Header::decode(&mut fields) else {
            break;
        };
        let Some(end) = header.size.and_then(|size| at.checked_add(size)) else {
            break;
        };
        if header.box_type == Emsg::TYPE && end - at <= LONGEST {
            let data = file.read(&(at..end.min(len)))?;
            let codec = Emsg::parse(&data)
                .ok()
                .and_then(|emsg| event_codec(&emsg.scheme_id_uri));
            found.extend(codec.filter(|codec| !found.contains(codec)));
        }
        at = end.max(at + 8);
    }
    let tracks = event_tracks(tracks).filter(|track| found.contains(&track.codec));
    Ok(tracks.collect())
}

impl Source for Mp4 {
    fn next(&mut self) -> Result<Option<Event>> {
        if let Some(event) = self.ahead.pop_front() {
            return Ok(Some(self.whole(event)));
        }
        loop {
            if let Some(event) = self.reader.poll_event()? {
                return Ok(Some(self.whole(event)));
            }
            if self.reader.is_finished() {
                return Ok(None);
            }
            let Some(range) = self.reader.poll_read() else {
                return Ok(None);
            };
            let data = self.file.read(&range)?;
            self.bar.inc(data.len() as u64);
            self.reader.handle_read(range.start, &data);
        }
    }

    /// From afar, the tables have to do.
    fn look(&mut self) -> Result<Option<Look>> {
        if !self.file.is_far() || self.reader.movie().is_fragmented() {
            return Ok(self.next()?.map(Look::Event));
        }
        if let Some(event) = self.reader.poll_told() {
            return Ok(Some(Look::Event(event)));
        }
        let movie = self.reader.movie();
        let order = self.order;
        let walk = self.walk.get_or_insert_with(|| movie.walk(order));
        Ok(walk.next().map(|sample| {
            Look::Outline(Seen {
                track: sample.track,
                dts: sample.dts,
                pts: sample.pts,
                duration: Some(sample.duration).filter(|duration| *duration > 0),
                size: sample.size as usize,
                sync: sample.sync,
                hidden: sample.hidden,
            })
        }))
    }

    fn seek(&mut self, time: media::Time) -> bool {
        // Tracks and the like are told once.
        while let Some(event) = self.reader.poll_told() {
            self.ahead.push_back(event);
        }
        self.reader.seek(time);
        true
    }

    fn knows_tracks(&self) -> bool {
        true
    }
}
