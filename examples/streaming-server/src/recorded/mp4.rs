use super::Library;
use anyhow::{Context, ensure};
use bytes::Bytes;
use media::{Event, Kind, Metadata, Sample, Time, Timescale, TrackId, Tracks, Value};
use mp4::movie::Movie;
use mp4::reader::{Config, Order};
use mp4::{Limits, Opener, Reader};
use rtmp::{Message, flv};
use std::collections::VecDeque;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Bytes that a player's reader reads at once.
const READ: u64 = 256 << 10;
/// Bytes of samples that wait for those of another track, at most.
const HELD: usize = 4 << 20;
/// Samples looked at to find the earliest decoding time.
const FIRST: usize = 256;

/// An MP4 file: its samples become messages on the way.
#[derive(Debug)]
pub(super) struct Recording {
    file: File,
    reader: Reader,
    muxer: flv::Muxer,
    /// The tracks that are played: those that RTMP carries, one of each kind.
    tracks: Vec<TrackId>,
    /// Added to all times, so that none is negative.
    shift: Time,
    length: Duration,
    output: VecDeque<Message>,
    /// Headers since the start or the last seek, until a sample tells their time.
    headers: Option<Vec<Message>>,
    /// Samples that wait for earlier ones of other tracks: in fragments each track's lie together.
    waiting: Vec<Waiting>,
    held: usize,
    /// The reader has no more.
    exhausted: bool,
    ended: bool,
}

#[derive(Debug)]
struct Waiting {
    track: TrackId,
    timescale: Timescale,
    samples: VecDeque<Sample>,
}

impl Recording {
    pub(super) fn open(mut file: File, path: &Path, library: &Library) -> anyhow::Result<Self> {
        let facts = file.metadata()?;
        let state = (facts.len(), facts.modified().ok());
        let movie = match library.movie(path, state) {
            Some(movie) => movie,
            None => {
                let movie = open(&mut file, facts.len())?;
                library.share(path, state, &movie);
                movie
            }
        };
        let tracks: Vec<TrackId> = [Kind::Video, Kind::Audio]
            .into_iter()
            .filter_map(|kind| {
                let mut carried = movie
                    .tracks()
                    .iter()
                    .filter(|track| flv::Muxer::carries(&track.codec));
                carried.find(|track| track.codec.kind() == kind)
            })
            .map(|track| track.id)
            .collect();
        ensure!(!tracks.is_empty(), "has no track that RTMP can carry");
        let mut recording = Self {
            reader: Reader::new(Arc::clone(&movie), config(&tracks)),
            file,
            muxer: flv::Muxer::new(),
            tracks,
            shift: Time::ZERO,
            length: Duration::ZERO,
            output: VecDeque::new(),
            headers: Some(Vec::new()),
            waiting: Vec::new(),
            held: 0,
            exhausted: false,
            ended: false,
        };
        recording.shift = recording.find_shift()?;
        recording.length = recording.measure(&movie)?;
        recording.restart(Reader::new(movie, config(&recording.tracks)));
        Ok(recording)
    }

    pub(super) fn length(&self) -> Option<Duration> {
        Some(self.length)
    }

    pub(super) fn seek(&mut self, to: Duration) -> anyhow::Result<()> {
        let mut reader = Reader::new(Arc::clone(self.reader.movie()), config(&self.tracks));
        let to = Time::from(to);
        if to > self.shift {
            reader.seek(to - self.shift);
        }
        // The tracks that it told at its start are the muxer's.
        self.restart(reader);
        let tracks = self.reader.movie().tracks().iter();
        let tracks: Tracks = tracks
            .filter(|track| self.tracks.contains(&track.id))
            .cloned()
            .collect();
        self.set_tracks(&tracks)
    }

    fn restart(&mut self, reader: Reader) {
        self.reader = reader;
        self.muxer = flv::Muxer::new();
        let duration = Value::Number(self.length.as_secs_f64());
        let entries = vec![("duration".to_owned(), duration)];
        self.muxer.set_metadata(Metadata { entries });
        self.output.clear();
        self.headers = Some(Vec::new());
        self.waiting.clear();
        self.held = 0;
        (self.exhausted, self.ended) = (false, false);
    }

    fn set_tracks(&mut self, tracks: &Tracks) -> anyhow::Result<()> {
        self.muxer.set_tracks(tracks)?;
        self.waiting = tracks
            .iter()
            .map(|track| Waiting {
                track: track.id,
                timescale: track.timescale,
                samples: VecDeque::new(),
            })
            .collect();
        while let Some(message) = self.muxer.poll_output() {
            match &mut self.headers {
                Some(headers) => headers.push(message),
                None => self.output.push_back(message),
            }
        }
        Ok(())
    }

    pub(super) fn next(&mut self) -> anyhow::Result<Option<Message>> {
        loop {
            if let Some(message) = self.output.pop_front() {
                return Ok(Some(message));
            }
            if self.ended {
                return Ok(None);
            }
            if let Some(sample) = self.earliest(self.exhausted) {
                self.muxer.handle_sample(&sample)?;
                self.drain();
                continue;
            }
            if self.exhausted {
                self.ended = true;
                self.muxer.finish();
                self.drain();
                continue;
            }
            match self.event()? {
                Some(Event::Tracks(tracks)) => {
                    // What came before is described by what was before.
                    while let Some(sample) = self.earliest(true) {
                        self.muxer.handle_sample(&sample)?;
                        self.drain();
                    }
                    // A set that comes again before the first sample takes the place of the one before.
                    if let Some(headers) = &mut self.headers {
                        headers.clear();
                    }
                    self.set_tracks(&tracks)?;
                }
                Some(Event::Sample(sample)) => self.wait(sample),
                Some(Event::Warning(warning)) => tracing::debug!("{warning}"),
                Some(_) => {}
                None => self.exhausted = true,
            }
        }
    }

    fn wait(&mut self, mut sample: Sample) {
        let Some(waiting) = self
            .waiting
            .iter_mut()
            .find(|waiting| waiting.track == sample.track)
        else {
            return;
        };
        let shift = waiting.timescale.ticks(self.shift);
        sample.dts = sample.dts.saturating_add(shift);
        sample.pts = sample.pts.saturating_add(shift);
        self.held += sample.data.len();
        waiting.samples.push_back(sample);
    }

    /// The next sample by time: when every track has one, when too much waits, or of those that there are.
    fn earliest(&mut self, any: bool) -> Option<Sample> {
        let complete = self
            .waiting
            .iter()
            .all(|waiting| !waiting.samples.is_empty());
        if !any && !complete && self.held < HELD {
            return None;
        }
        let first = self
            .waiting
            .iter_mut()
            .filter(|waiting| !waiting.samples.is_empty())
            .min_by_key(|waiting| {
                let first = waiting.samples.front();
                first.map(|sample| waiting.timescale.time(sample.dts))
            })?;
        let sample = first.samples.pop_front()?;
        self.held -= sample.data.len();
        Some(sample)
    }

    /// Takes the muxer's messages; headers get the time of the first sample.
    fn drain(&mut self) {
        while let Some(message) = self.muxer.poll_output() {
            for mut header in self.headers.take().into_iter().flatten() {
                header.timestamp = message.timestamp;
                self.output.push_back(header);
            }
            self.output.push_back(message);
        }
    }

    fn event(&mut self) -> anyhow::Result<Option<Event>> {
        loop {
            if let Some(event) = self.reader.poll_event()? {
                return Ok(Some(event));
            }
            if self.reader.is_finished() {
                return Ok(None);
            }
            let Some(range) = self.reader.poll_read() else {
                return Ok(None);
            };
            let data = read(&mut self.file, &range)?;
            self.reader.handle_read(range.start, &data);
        }
    }

    /// What is to be added to times, so that decoding begins at zero or later.
    fn find_shift(&mut self) -> anyhow::Result<Time> {
        let mut earliest = Time::ZERO;
        let mut missing = self.tracks.clone();
        for _ in 0..FIRST {
            let Some(event) = self.event()? else { break };
            let Event::Sample(sample) = event else {
                continue;
            };
            if let Some(track) = self.reader.movie().tracks().find(sample.track) {
                earliest = earliest.min(track.timescale.time(sample.dts));
            }
            missing.retain(|id| *id != sample.track);
            if missing.is_empty() {
                break;
            }
        }
        Ok(Time::ZERO - earliest)
    }

    /// How long it plays.
    fn measure(&mut self, movie: &Arc<Movie>) -> anyhow::Result<Duration> {
        let header = movie.header();
        if header.duration > 0 && header.timescale > 0 && !movie.is_fragmented() {
            let seconds = header.duration as f64 / f64::from(header.timescale);
            return Ok(Duration::try_from_secs_f64(seconds).unwrap_or_default());
        }
        // Fragments need not tell how many they are: their last samples do.
        let mut end = Time::ZERO;
        self.reader = Reader::new(Arc::clone(movie), config(&self.tracks));
        self.reader.seek(Time::from_nanos(i64::MAX / 2));
        while let Some(event) = self.event()? {
            let Event::Sample(sample) = event else {
                continue;
            };
            if let Some(track) = movie.tracks().find(sample.track) {
                let last = sample.duration.map_or(0, |ticks| i64::from(ticks.get()));
                end = end.max(track.timescale.time(sample.pts.saturating_add(last)));
            }
        }
        Ok(end.to_duration().unwrap_or_default())
    }
}

fn config(tracks: &[TrackId]) -> Config {
    let mut config = Config::default();
    // A player gets sound and pictures of the same time together, however the file has them.
    config.order = Order::Time;
    config.tracks = Some(tracks.to_vec());
    config.read_size = READ;
    config.reads_ahead = 1;
    config
}

fn open(file: &mut File, len: u64) -> anyhow::Result<Arc<Movie>> {
    let mut opener = Opener::new(len, Limits::default());
    while let Some(range) = opener.poll_read() {
        let data = read(file, &range)?;
        opener.handle_read(range.start, &data);
    }
    opener.poll_movie()?.context("it has no movie")
}

fn read(file: &mut File, range: &Range<u64>) -> anyhow::Result<Bytes> {
    let len = range.end.saturating_sub(range.start);
    // Grows with what is there: the range may say more.
    let mut data = Vec::with_capacity(usize::try_from(len.min(READ)).unwrap_or(0));
    file.seek(SeekFrom::Start(range.start))?;
    file.take(len).read_to_end(&mut data)?;
    Ok(data.into())
}
