//! What following HLS and DASH has in common: streams that are fetched side by side, each with a demuxer of its own.

use super::merge::Merge;
use super::packed;
use super::pushed::Demuxer;
use super::{Input, Keys, Source};
use crate::format::Format;
use crate::stop;
use anyhow::{Context, Result};
use bytes::Bytes;
use indicatif::ProgressBar;
use media::{Event, Tracks, Warning};
use mpegts::sample_aes::{Cipher, Key, Sound};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A state machine that says what to fetch.
pub trait Client {
    /// What it asks for.
    type Request;
    /// The next thing to fetch; at most one for each stream comes before answers.
    fn poll_request(&mut self) -> Option<Self::Request>;
    /// Fetches it.
    fn answer(&mut self, request: &Self::Request, lanes: &mut Lanes) -> Result<()>;
    /// Takes what it tells; whether there was anything.
    fn listen(&mut self, lanes: &mut Lanes) -> Result<bool>;
    /// When there may be something to fetch that is not there yet.
    fn timeout(&self) -> Option<i64>;

    /// Fetches what is to be fetched now; whether there was anything.
    fn fetch(&mut self, lanes: &mut Lanes) -> Result<bool> {
        // All streams' together, so that they come side by side.
        let requests: Vec<_> = std::iter::from_fn(|| self.poll_request()).collect();
        // What these are for may just have been told.
        self.listen(lanes)?;
        for request in &requests {
            self.answer(request, lanes)?;
        }
        Ok(!requests.is_empty())
    }
}

/// A playlist or manifest that came by standard input: what cannot be read again.
pub struct Once(Option<Bytes>);

impl Once {
    pub const fn new(text: Bytes) -> Self {
        Self(Some(text))
    }

    /// Its text, the first time.
    pub fn take(&mut self) -> Result<Bytes> {
        let text = self.0.take();
        text.context("what still grows cannot be followed on standard input")
    }
}

/// A client, and the streams that it fetches.
pub struct Player<C> {
    pub client: C,
    pub lanes: Lanes,
}

/// Streams that are fetched side by side.
pub struct Lanes {
    pub list: Vec<Lane>,
    pub keys: Keys,
    pub bar: ProgressBar,
    is_over: bool,
}

/// A stream.
#[derive(Default)]
pub struct Lane {
    demuxer: Option<Box<dyn Demuxer>>,
    /// What a demuxer needs before segments, and whether this one has not got it yet.
    init: Option<Bytes>,
    is_fresh: bool,
    /// The key of its samples, where the playlist told one, and the vector.
    lock: Option<Lock>,
    /// What raw sound begins at, in ticks of 90 kHz, and its track.
    start: i64,
    tracks: Tracks,
    /// What is to be told before the demuxer is asked.
    told: VecDeque<Event>,
    /// Nothing more comes.
    is_over: bool,
}

/// What opens samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lock {
    pub key: [u8; 16],
    /// Where the format does not tell it: that of the playlist.
    pub iv: [u8; 16],
}

/// Unix nanoseconds.
pub fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
    })
}

impl Lane {
    /// What the demuxer holds goes out; whatever comes next gets a new one.
    pub fn flush(&mut self) -> Result<()> {
        if let Some(mut demuxer) = self.demuxer.take() {
            demuxer.handle_eof();
            while let Some(event) = demuxer.poll_event()? {
                let event = self.placed(event);
                self.told.push_back(event);
            }
            self.start = 0;
        }
        Ok(())
    }

    /// An event of the demuxer, at the time that its segment tells.
    fn placed(&mut self, mut event: Event) -> Event {
        match &mut event {
            Event::Tracks(tracks) if self.start != 0 => self.tracks = tracks.clone(),
            Event::Sample(sample) if self.start != 0 => {
                let track = self.tracks.find(sample.track);
                let start = track.map_or(0, |track| packed::ticks(self.start, track.timescale));
                sample.dts = sample.dts.saturating_add(start);
                sample.pts = sample.pts.saturating_add(start);
            }
            _ => {}
        }
        event
    }

    /// The time line may jump here.
    pub fn jump(&mut self) -> Result<()> {
        self.flush()?;
        self.told.push_back(Event::Discontinuity);
        Ok(())
    }

    pub fn warn(&mut self, what: String) {
        self.told.push_back(Event::Warning(Warning::new(what)));
    }

    /// What the segments from here on need.
    pub fn initialize(&mut self, data: Bytes) {
        self.init = Some(data);
        self.is_fresh = true;
    }

    /// What the samples from here on are encrypted with.
    pub fn lock(&mut self, lock: Option<Lock>) -> Result<()> {
        let key = |lock: &Option<Lock>| lock.map(|lock| lock.key);
        // Samples of MP4 that are encrypted by another key are another demuxer's.
        if self.init.is_some() && key(&self.lock) != key(&lock) {
            self.flush()?;
        }
        self.lock = lock;
        Ok(())
    }

    /// A segment.
    pub fn media(&mut self, data: &Bytes, keys: &Keys, url: &str) -> Result<()> {
        let key = self.lock.map(|lock| Key::new(lock.key, lock.iv));
        let opened = key.as_ref().and_then(|key| self.sound(data, key));
        let mut data = opened.as_ref().unwrap_or(data).clone();
        if self.init.is_none() && data.starts_with(b"ID3") {
            let (time, rest) = packed::split_tag(&data);
            if self.demuxer.is_none() {
                self.start = time.unwrap_or(0);
            }
            data = data.slice_ref(rest);
        }
        let demuxer = match &mut self.demuxer {
            Some(demuxer) => demuxer,
            none => {
                let start = self.init.as_ref().unwrap_or(&data);
                let format = Format::sniff(start);
                let format =
                    format.with_context(|| format!("{url}: not a format that is known here"))?;
                self.is_fresh = self.init.is_some();
                let demuxer = match self.lock {
                    Some(lock) => super::unlocking(format, keys, lock),
                    None => super::demuxer(format, keys),
                };
                none.insert(demuxer.with_context(|| url.to_owned())?)
            }
        };
        if std::mem::take(&mut self.is_fresh)
            && let Some(init) = &self.init
        {
            demuxer.handle_input(init);
        }
        demuxer.set_sample_key(key.as_ref());
        demuxer.handle_input(&data);
        Ok(())
    }

    /// Raw sound whose frames are encrypted, which is opened as a whole.
    fn sound(&self, data: &Bytes, key: &Key) -> Option<Bytes> {
        let sound = match self.init {
            Some(_) => return None,
            None => match Format::sniff(data)? {
                Format::Raw(elementary::Format::Adts) => Sound::Adts,
                Format::Raw(elementary::Format::Ac3) => Sound::SyncFrames,
                _ => return None,
            },
        };
        let mut opened = data.to_vec();
        Cipher::new(key).decrypt_sound(sound, &mut opened);
        Some(opened.into())
    }
}

impl Lanes {
    pub fn new(keys: Keys, bar: ProgressBar) -> Self {
        Self {
            list: Vec::new(),
            keys,
            bar,
            is_over: false,
        }
    }

    /// There are so many streams from here on. What has been opened cannot get more of them; those that are too many end.
    pub fn resize(&mut self, count: usize) -> Result<()> {
        if self.list.is_empty() {
            self.list.resize_with(count, Lane::default);
        }
        for lane in self.list.iter_mut().skip(count) {
            lane.flush()?;
            lane.is_over = true;
        }
        Ok(())
    }

    pub fn initialize(&mut self, stream: usize, data: Bytes) {
        self.bar.inc(data.len() as u64);
        if let Some(lane) = self.list.get_mut(stream) {
            lane.initialize(data);
        }
    }

    pub fn media(&mut self, stream: usize, data: &Bytes, url: &str) -> Result<()> {
        self.bar.inc(data.len() as u64);
        match self.list.get_mut(stream) {
            Some(lane) => lane.media(data, &self.keys, url),
            None => Ok(()),
        }
    }

    /// Nothing more comes.
    pub fn end(&mut self) -> Result<()> {
        self.is_over = true;
        self.list.iter_mut().try_for_each(Lane::flush)
    }
}

impl<C: Client + 'static> Player<C> {
    /// Fetches what is to be fetched now, or waits until there is something; whether it goes on.
    pub fn work(&mut self) -> Result<bool> {
        if self.lanes.is_over {
            return Ok(false);
        }
        let fetched = self.client.fetch(&mut self.lanes)?;
        let told = self.client.listen(&mut self.lanes)?;
        let wait = match self.client.timeout() {
            _ if fetched || told => Duration::ZERO,
            Some(at) => {
                let wait = u64::try_from(at.saturating_sub(now())).unwrap_or(0);
                Duration::from_nanos(wait)
            }
            None => {
                self.lanes.end()?;
                return Ok(false);
            }
        };
        if stop::sleep(wait) {
            self.lanes.end()?;
        }
        Ok(!self.lanes.is_over)
    }

    /// The streams as one source.
    pub fn into_input(self, format: Format, len: Option<u64>, is_live: bool) -> Input {
        let (bar, count) = (self.lanes.bar.clone(), self.lanes.list.len());
        let shared = Rc::new(RefCell::new(self));
        let lane = |index| -> Box<dyn Source> {
            let player = Rc::clone(&shared);
            Box::new(LaneSource { player, index })
        };
        Input {
            format,
            source: match count {
                1 => lane(0),
                _ => Box::new(Merge::new((0..count).map(lane).collect())),
            },
            bar,
            len,
            is_live,
        }
    }
}

/// One of the streams as a source.
struct LaneSource<C> {
    player: Rc<RefCell<Player<C>>>,
    index: usize,
}

impl<C: Client + 'static> Source for LaneSource<C> {
    fn next(&mut self) -> Result<Option<Event>> {
        let mut player = self.player.borrow_mut();
        loop {
            let Some(lane) = player.lanes.list.get_mut(self.index) else {
                return Ok(None);
            };
            if let Some(event) = lane.told.pop_front() {
                return Ok(Some(event));
            }
            if let Some(demuxer) = &mut lane.demuxer
                && let Some(event) = demuxer.poll_event()?
            {
                return Ok(Some(lane.placed(event)));
            }
            if lane.is_over || player.lanes.is_over {
                return Ok(None);
            }
            player.work()?;
        }
    }
}
