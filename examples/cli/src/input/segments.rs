use super::key::{self, Keys};
use super::packed;
use super::pushed::Demuxer;
use super::{Place, Source};
use crate::format::Format;
use crate::net::http::Status;
use crate::stop;
use anyhow::{Context, Result, bail};
use bytes::Bytes;
use indicatif::ProgressBar;
use media::{Event, Tracks, Warning};
use mpegts::sample_aes;
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
    /// Where the key is; `None`: those that were given are for it.
    pub key: Option<Place>,
    /// The vector; samples of MP4 know theirs themselves.
    pub iv: [u8; 16],
    /// Whether all of it is encrypted, or only samples in it.
    pub whole: bool,
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
    key: Option<Place>,
    reads: Reads,
    /// Where sound without a container begins, in ticks of 90 kHz, and the tracks that it has.
    start: i64,
    tracks: Tracks,
    /// What is to be told before the demuxer is asked.
    told: VecDeque<Event>,
    bar: ProgressBar,
    ended: bool,
}

/// What can have encrypted samples that are read.
const CAN_OPEN: [Format; 3] = [Format::Mp4, Format::Ts, Format::M2ts];

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
            key: None,
            reads: Reads::new(keys),
            start: 0,
            tracks: Tracks::default(),
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
        // Samples of MP4 that are encrypted by another key are another demuxer's.
        let lock = segment.piece.lock.as_ref().filter(|lock| !lock.whole);
        let key = lock
            .filter(|_| segment.init.is_some())
            .and_then(|lock| lock.key.as_ref());
        let turned = self.key.as_ref() != key;
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
        self.key = key.cloned();
        let Some(mut data) = self.read(&segment.piece)? else {
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
        let found = match lock.and_then(|lock| lock.key.as_ref()) {
            Some(place) => Some(self.reads.key(place)?),
            None => None,
        };
        let keys = found.map(|key| self.reads.keys.with_any(key));
        let sample_key = lock.and_then(|lock| {
            let key = found.or(self.reads.keys.first())?;
            Some(sample_aes::Key::new(key, lock.iv))
        });
        // Raw sound is opened as a whole.
        let sound = match init.as_ref().map_or_else(|| Format::sniff(&data), |_| None) {
            Some(Format::Raw(elementary::Format::Adts)) => Some(sample_aes::Sound::Adts),
            Some(Format::Raw(elementary::Format::Ac3)) => Some(sample_aes::Sound::SyncFrames),
            _ => None,
        };
        if let (Some(key), Some(sound)) = (&sample_key, sound) {
            let mut opened = data.to_vec();
            sample_aes::Cipher::new(key).decrypt_sound(sound, &mut opened);
            data = opened.into();
        }
        if data.starts_with(b"ID3") {
            let (time, rest) = packed::split_tag(&data);
            if self.demuxer.is_none() {
                self.start = time.unwrap_or(0);
            }
            data = data.slice_ref(rest);
        }
        let demuxer = match &mut self.demuxer {
            Some(demuxer) => demuxer,
            none => {
                let place = &segment.piece.place;
                let start = init.as_deref().unwrap_or(&data);
                let Some(format) = Format::sniff(start) else {
                    bail!("{place}: not a format that is known here");
                };
                if sample_key.is_some() && sound.is_none() && !CAN_OPEN.contains(&format) {
                    bail!("{place}: samples that are encrypted in {format} cannot be read");
                }
                let keys = keys.as_ref().unwrap_or(&self.reads.keys);
                let demuxer = super::demuxer(format, keys);
                none.insert(demuxer.with_context(|| place.to_string())?)
            }
        };
        if let Some(init) = init {
            demuxer.handle_input(&init);
            self.init = segment.init;
        }
        demuxer.set_sample_key(sample_key.as_ref());
        demuxer.handle_input(&data);
        Ok(true)
    }

    /// The bytes of a piece, opened; `None` where it is gone, or did not come in time.
    fn read(&mut self, piece: &Piece) -> Result<Option<Bytes>> {
        let mut attempts = 0;
        loop {
            attempts += 1;
            match self.reads.read(piece) {
                Ok(data) => return Ok(Some(data)),
                Err(error) if self.feed.is_live() && is_missing(&error) => {
                    if attempts >= ATTEMPTS || stop::sleep(PAUSE) {
                        return Ok(None);
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }
}

/// Reads pieces, and opens those that are encrypted whole.
pub struct Reads {
    keys: Keys,
    fetched: HashMap<Place, [u8; 16]>,
}

impl Reads {
    /// With these keys for samples.
    pub fn new(keys: Keys) -> Self {
        Self {
            keys,
            fetched: HashMap::new(),
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

    /// The bytes of a piece.
    pub fn read(&mut self, piece: &Piece) -> Result<Bytes> {
        let data = piece.place.read(piece.range)?;
        let Some(Lock {
            key: Some(key),
            iv,
            whole: true,
        }) = &piece.lock
        else {
            return Ok(data);
        };
        let opened = key::open(data.into(), self.key(key)?, *iv);
        Ok(opened.with_context(|| piece.place.to_string())?.into())
    }
}

/// Whether a server said that there is no such thing.
pub fn is_missing(error: &anyhow::Error) -> bool {
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
                && let Some(mut event) = demuxer.poll_event()?
            {
                match &mut event {
                    Event::Tracks(tracks) if self.start != 0 => self.tracks = tracks.clone(),
                    Event::Sample(sample) if self.start != 0 => {
                        let track = self.tracks.find(sample.track);
                        let start =
                            track.map_or(0, |track| packed::ticks(self.start, track.timescale));
                        sample.dts += start;
                        sample.pts += start;
                    }
                    _ => {}
                }
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
