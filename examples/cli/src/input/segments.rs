use super::key::{self, Keys};
use super::pushed::Demuxer;
use super::{Place, Source};
use crate::format::Format;
use crate::net::http::Status;
use crate::stop;
use anyhow::{Context, Result, bail};
use bytes::Bytes;
use indicatif::ProgressBar;
use media::{Event, Warning};
use std::collections::{HashMap, VecDeque};
use std::time::Duration;

/// A file or a part of it, perhaps encrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    pub place: Place,
    /// Offset and length of the part.
    pub range: Option<(u64, u64)>,
    /// What opens it.
    pub lock: Option<Lock>,
}

/// How something is encrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lock {
    /// Where the key is.
    pub key: Place,
    /// The vector where all of it is encrypted; `None` where only samples are, which know their vectors themselves.
    pub whole: Option<[u8; 16]>,
}

/// A segment of a presentation.
#[derive(Debug, Clone)]
pub struct Segment {
    pub piece: Piece,
    /// What its demuxer needs before it.
    pub init: Option<Piece>,
    /// Whether the time line may jump before it.
    pub discontinuity: bool,
}

/// What says which segment comes next; it may wait until there is one.
pub trait Feed {
    /// The next segment; `None` at the end.
    fn next(&mut self) -> Result<Option<Segment>>;
    /// Whether it is still being made: then what cannot be had is passed over.
    fn is_live(&self) -> bool {
        false
    }
}

impl Feed for VecDeque<Segment> {
    fn next(&mut self) -> Result<Option<Segment>> {
        Ok(self.pop_front())
    }
}

/// The segments of one rendition, one after the other.
pub struct Segments {
    feed: Box<dyn Feed>,
    /// A segment that waits for the old demuxer to give what it holds.
    next: Option<Segment>,
    demuxer: Option<Box<dyn Demuxer>>,
    /// The init that the demuxer has, and the key that opens its samples.
    init: Option<Piece>,
    lock: Option<Lock>,
    keys: Keys,
    fetched: HashMap<Place, [u8; 16]>,
    /// What is to be told before the demuxer is asked.
    told: VecDeque<Event>,
    bar: ProgressBar,
    ended: bool,
}

/// How often a segment at the live edge is asked for, and how long is waited in between.
const ATTEMPTS: u32 = 6;
const PAUSE: Duration = Duration::from_millis(500);

impl Segments {
    pub fn new(feed: Box<dyn Feed>, keys: Keys, bar: ProgressBar) -> Self {
        Self {
            feed,
            next: None,
            demuxer: None,
            init: None,
            lock: None,
            keys,
            fetched: HashMap::new(),
            told: VecDeque::new(),
            bar,
            ended: false,
        }
    }

    /// Hands the next segment to the demuxer; whether there was one.
    fn next_segment(&mut self) -> Result<bool> {
        let segment = match self.next.take() {
            Some(segment) => segment,
            None => match self.feed.next()? {
                Some(segment) => segment,
                None => return Ok(false),
            },
        };
        // Samples that are encrypted by another key are another demuxer's.
        let lock = segment
            .piece
            .lock
            .as_ref()
            .filter(|lock| lock.whole.is_none());
        let turned = self.lock.as_ref() != lock;
        if (segment.discontinuity || turned) && self.demuxer.is_some() {
            // The old demuxer gives what it holds first; this comes again.
            let flushed = std::mem::replace(&mut self.ended, true);
            if !flushed {
                if let Some(demuxer) = &mut self.demuxer {
                    demuxer.handle_eof();
                }
                self.next = Some(segment);
                return Ok(true);
            }
            self.ended = false;
            self.demuxer = None;
            self.init = None;
            if segment.discontinuity {
                self.told.push_back(Event::Discontinuity);
            }
        }
        self.lock = lock.cloned();
        let Some(data) = self.read(&segment.piece)? else {
            let what = format!("{} is missing", segment.piece.place);
            self.told.push_back(Event::Warning(Warning::new(what)));
            return Ok(true);
        };
        self.bar.inc(data.len() as u64);
        let init = match &segment.init {
            Some(init) if self.init.as_ref() != Some(init) => match self.read(init)? {
                Some(init) => Some(init),
                None => bail!("{} is missing", init.place),
            },
            _ => None,
        };
        let keys = self.sample_keys(&segment)?;
        let demuxer = match &mut self.demuxer {
            Some(demuxer) => demuxer,
            none => {
                let place = &segment.piece.place;
                let start = init.as_deref().unwrap_or(&data);
                let Some(format) = Format::sniff(start) else {
                    bail!("{place}: not a format that is known here");
                };
                if segment.piece.lock.is_some() && keys.is_some() && format != Format::Mp4 {
                    bail!("{place}: samples that are encrypted in {format} cannot be read");
                }
                let keys = keys.as_ref().unwrap_or(&self.keys);
                let demuxer = super::demuxer(format, keys);
                none.insert(demuxer.with_context(|| place.to_string())?)
            }
        };
        if let Some(init) = init {
            demuxer.handle_input(&init);
            self.init = segment.init;
        }
        demuxer.handle_input(&data);
        Ok(true)
    }

    /// With the key of its samples, where they have one.
    fn sample_keys(&mut self, segment: &Segment) -> Result<Option<Keys>> {
        match &segment.piece.lock {
            Some(Lock { key, whole: None }) => {
                let key = self.key(key)?;
                Ok(Some(self.keys.with_any(key)))
            }
            _ => Ok(None),
        }
    }

    fn key(&mut self, place: &Place) -> Result<[u8; 16]> {
        if let Some(key) = self.fetched.get(place) {
            return Ok(*key);
        }
        let key = key::fetch(place)?;
        self.fetched.insert(place.clone(), key);
        Ok(key)
    }

    /// The bytes of a piece, opened; `None` where it is gone, or did not come in time.
    fn read(&mut self, piece: &Piece) -> Result<Option<Bytes>> {
        let mut attempts = 0;
        let data = loop {
            attempts += 1;
            match piece.place.read(piece.range) {
                Ok(data) => break data,
                Err(error) if self.feed.is_live() && is_missing(&error) => {
                    if attempts >= ATTEMPTS || stop::sleep(PAUSE) {
                        return Ok(None);
                    }
                }
                Err(error) => return Err(error),
            }
        };
        let Some(Lock {
            key,
            whole: Some(iv),
        }) = &piece.lock
        else {
            return Ok(Some(data));
        };
        let opened = key::open(data.into(), self.key(key)?, *iv);
        Ok(Some(
            opened.with_context(|| piece.place.to_string())?.into(),
        ))
    }
}

fn is_missing(error: &anyhow::Error) -> bool {
    let status = error.chain().find_map(|cause| cause.downcast_ref());
    status.is_some_and(|Status(code)| *code >= 400)
}

impl Source for Segments {
    fn next(&mut self) -> Result<Option<Event>> {
        loop {
            if let Some(event) = self.told.pop_front() {
                return Ok(Some(event));
            }
            if let Some(demuxer) = &mut self.demuxer
                && let Some(event) = demuxer.poll_event()?
            {
                return Ok(Some(event));
            }
            if !self.next_segment()? {
                match &mut self.demuxer {
                    Some(demuxer) if !self.ended => {
                        self.ended = true;
                        demuxer.handle_eof();
                    }
                    _ => return Ok(None),
                }
            }
        }
    }
}

impl Piece {
    /// Bytes of it, where they are known without asking a server.
    pub fn len(&self) -> Option<u64> {
        match self.range {
            Some((_, len)) => Some(len),
            None => self.place.len(),
        }
    }
}

/// Bytes of segments, where all are known.
pub fn total<'a>(segments: impl IntoIterator<Item = &'a Segment>) -> Option<u64> {
    let mut lens = segments.into_iter().map(|segment| segment.piece.len());
    lens.try_fold(0u64, |sum, len| Some(sum.saturating_add(len?)))
}
