//! Files: how they are looked through once, and read a segment at a time.

use super::plan::{Mark, Place, Plan, Planner};
use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use media::{Event, Sample, Time, TrackId};
use mp4::reader::{Config, Order};
use mp4::{Opener, Reader};
use rtmp::flv::FileDemuxer;
use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::num::NonZeroU32;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

/// How a file is read.
#[derive(Debug)]
pub(super) enum Source {
    /// Where its samples lie.
    Mp4(Arc<mp4::movie::Movie>),
    /// From an offset on, with what has to be read before: the tables of a transport stream, the headers of FLV.
    Pushed(Format, Vec<u8>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// With so many bytes from packet to packet.
    Ts(usize),
    Flv,
}

/// Most bytes of a segment: what has more is no stream that somebody would play.
const MOST_BYTES: usize = 256 << 20;
/// Bytes of a read.
const READ: u64 = 256 << 10;

/// Opens a file and decides on its segments.
///
/// # Errors
/// For a file of another format, and one without anything to play.
pub(super) fn open(path: &Path) -> Result<(Source, Plan)> {
    let mut file = File::open(path)?;
    let len = file.metadata()?.len();
    let mut start = Vec::new();
    file.by_ref().take(1024).read_to_end(&mut start)?;
    let (source, plan) = match start.as_slice() {
        [b'F', b'L', b'V', ..] => pushed(&mut file, Format::Flv)?,
        [_, _, _, _, b'f', b't', b'y', b'p', ..]
        | [_, _, _, _, b'm', b'o', b'o' | b'd', b'v' | b'a', ..]
        | [_, _, _, _, b's', b't', b'y', b'p', ..] => open_mp4(&mut file, len)?,
        _ => match stride(&start) {
            Some(stride) => pushed(&mut file, Format::Ts(stride))?,
            None => bail!("neither MP4 nor a transport stream nor FLV"),
        },
    };
    ensure!(!plan.segments.is_empty(), "nothing to play");
    Ok((source, plan))
}

/// Bytes from packet to packet of a transport stream.
fn stride(start: &[u8]) -> Option<usize> {
    let fits = |(stride, first): (usize, usize)| {
        let mut marks = start.get(first..)?.iter().step_by(stride);
        marks.all(|byte| *byte == 0x47).then_some(stride)
    };
    [(188, 0), (192, 4), (204, 0)].into_iter().find_map(fits)
}

// MP4 ---------------------------------------------------------------------------------------------------------------

fn read_range(file: &mut File, range: &Range<u64>) -> Result<Bytes> {
    file.seek(SeekFrom::Start(range.start))?;
    let mut data = Vec::new();
    let length = range.end.saturating_sub(range.start);
    file.take(length).read_to_end(&mut data)?;
    Ok(data.into())
}

fn open_mp4(file: &mut File, len: u64) -> Result<(Source, Plan)> {
    let mut opener = Opener::new(len, mp4::Limits::default());
    while let Some(range) = opener.poll_read() {
        opener.handle_read(range.start, &read_range(file, &range)?);
    }
    let movie = opener.poll_movie()?.context("no movie in it")?;
    let mut planner = Planner::new();
    planner.set_tracks(movie.tracks());
    for placed in movie.walk(Order::Time) {
        let sample = Sample {
            track: placed.track,
            dts: placed.dts,
            pts: placed.pts,
            duration: NonZeroU32::new(placed.duration),
            flags: media::Flags::SYNC.when(placed.sync),
            data: Bytes::new(),
        };
        let mark = Mark {
            size: usize::try_from(placed.size)?,
            offset: placed.offset,
        };
        planner.push(sample, mark);
    }
    if !movie.has_samples() || movie.is_fragmented() {
        // Fragments have to be looked through.
        planner = Planner::new();
        planner.set_tracks(movie.tracks());
        let mut reader = Reader::new(Arc::clone(&movie), config(None));
        while let Some(event) = next(&mut reader, file)? {
            match event {
                Event::Tracks(tracks) => planner.set_tracks(&tracks),
                Event::Sample(sample) => {
                    let size = sample.data.len();
                    planner.push(sample, Mark { size, offset: 0 });
                }
                _ => {}
            }
        }
    }
    Ok((Source::Mp4(movie), planner.finish()))
}

fn config(tracks: Option<Vec<TrackId>>) -> Config {
    let mut config = Config::default();
    config.order = Order::Time;
    config.read_size = READ;
    config.reads_ahead = 1;
    config.tracks = tracks;
    config
}

fn next(reader: &mut Reader, file: &mut File) -> Result<Option<Event>> {
    loop {
        if let Some(event) = reader.poll_event()? {
            return Ok(Some(event));
        }
        if reader.is_finished() {
            return Ok(None);
        }
        let Some(range) = reader.poll_read() else {
            return Ok(None);
        };
        let data = read_range(file, &range)?;
        reader.handle_read(range.start, &data);
    }
}

// Formats that are read from front to back ----------------------------------------------------------------------------

enum Demuxer {
    Ts(Box<mpegts::Demuxer>),
    Flv(Box<FileDemuxer>),
}

impl Demuxer {
    fn new(format: Format) -> Self {
        match format {
            Format::Ts(_) => Demuxer::Ts(Box::new(mpegts::Demuxer::new(mpegts::Limits::default()))),
            Format::Flv => Demuxer::Flv(Box::new(FileDemuxer::new(rtmp::Limits::default()))),
        }
    }

    fn handle_input(&mut self, data: &[u8]) {
        match self {
            Demuxer::Ts(demuxer) => demuxer.handle_input(data),
            Demuxer::Flv(demuxer) => demuxer.handle_input(data),
        }
    }

    fn handle_eof(&mut self) {
        match self {
            Demuxer::Ts(demuxer) => demuxer.handle_eof(),
            Demuxer::Flv(demuxer) => demuxer.handle_eof(),
        }
    }

    fn poll_event(&mut self) -> Result<Option<Event>> {
        Ok(match self {
            Demuxer::Ts(demuxer) => demuxer.poll_event()?,
            Demuxer::Flv(demuxer) => demuxer.poll_event()?,
        })
    }
}

/// Cuts a file into pieces from which it can be read on: packets, or tags.
struct Pieces<'a> {
    file: std::io::BufReader<&'a mut File>,
    format: Format,
    /// Where the next piece begins.
    at: u64,
    data: Vec<u8>,
}

impl<'a> Pieces<'a> {
    fn new(file: &'a mut File, format: Format, at: u64) -> Result<Self> {
        file.seek(SeekFrom::Start(at))?;
        Ok(Self {
            file: std::io::BufReader::with_capacity(1 << 17, file),
            format,
            at,
            data: Vec::new(),
        })
    }

    /// The next piece, and where it begins; `None` at the end.
    fn next(&mut self) -> Result<Option<(u64, &[u8])>> {
        let at = self.at;
        self.data.clear();
        let length = match self.format {
            Format::Ts(stride) => stride as u64 * 174,
            Format::Flv if at == 0 => 13,
            Format::Flv => {
                let mut head = [0; 11];
                if self.file.read_exact(&mut head).is_err() {
                    return Ok(None);
                }
                self.data.extend_from_slice(&head);
                let [_, a, b, c, ..] = head;
                u64::from(u32::from_be_bytes([0, a, b, c])) + 4
            }
        };
        self.file
            .by_ref()
            .take(length)
            .read_to_end(&mut self.data)?;
        self.at += self.data.len() as u64;
        Ok((!self.data.is_empty()).then_some((at, self.data.as_slice())))
    }
}

/// Knows for each sample from where on the file has to be read for it: from the piece that ended a sample some way before
/// it on the same track. The nearest one would do but for what demuxers hold back, to know durations and to mend times.
#[derive(Debug, Default)]
struct Origins(BTreeMap<TrackId, VecDeque<u64>>);

/// Pieces on the way back.
const BACK: usize = 8;

impl Origins {
    fn of(&mut self, track: TrackId, piece: u64) -> u64 {
        let pieces = self.0.entry(track).or_default();
        if pieces.back() != Some(&piece) {
            pieces.push_back(piece);
            if pieces.len() > BACK {
                pieces.pop_front();
            }
        }
        if pieces.len() < BACK {
            return 0;
        }
        pieces.front().copied().unwrap_or(0)
    }
}

fn pushed(file: &mut File, format: Format) -> Result<(Source, Plan)> {
    let head = match format {
        Format::Ts(stride) => tables(file, stride)?,
        Format::Flv => headers(file)?,
    };
    let mut demuxer = Demuxer::new(format);
    let mut planner = Planner::new();
    let mut origins = Origins::default();
    let mut pieces = Pieces::new(file, format, 0)?;
    let mut over = false;
    while !over {
        let mut begin = u64::MAX;
        match pieces.next()? {
            Some((at, data)) => {
                begin = at;
                demuxer.handle_input(data);
            }
            None => {
                over = true;
                demuxer.handle_eof();
            }
        }
        loop {
            let event = match demuxer.poll_event() {
                Ok(Some(event)) => event,
                Ok(None) => break,
                // What came before is played.
                Err(error) if planner.has_tracks() => {
                    tracing::warn!("the file is read up to an error: {error:#}");
                    over = true;
                    break;
                }
                Err(error) => return Err(error),
            };
            match event {
                Event::Tracks(tracks) => planner.set_tracks(&tracks),
                Event::Sample(sample) => {
                    let offset = origins.of(sample.track, begin);
                    let size = sample.data.len();
                    planner.push(sample, Mark { size, offset });
                }
                Event::Discontinuity if planner.has_tracks() => {
                    tracing::warn!("the file is read up to a jump in its times");
                    over = true;
                    break;
                }
                _ => {}
            }
        }
    }
    Ok((Source::Pushed(format, head), planner.finish()))
}

/// Header and configuration tags of an FLV file: all up to the first tags with media.
fn headers(file: &mut File) -> Result<Vec<u8>> {
    let mut head = Vec::new();
    let mut pieces = Pieces::new(file, Format::Flv, 0)?;
    let mut media = 0;
    while let Some((at, data)) = pieces.next()? {
        let is_header = match (data.first(), data.get(11), data.get(12)) {
            _ if at == 0 => true,
            (Some(18), ..) => true,
            // AVC and AAC sequence headers; those of enhanced RTMP (packet type 0).
            (Some(9), Some(kind), Some(packet)) => {
                (kind & 0x80 != 0 && kind & 0x0F == 0) || (kind & 0x8F == 7 && *packet == 0)
            }
            (Some(8), Some(kind), Some(packet)) => {
                (kind >> 4 == 10 && *packet == 0) || (kind >> 4 == 9 && kind & 0x0F == 0)
            }
            _ => false,
        };
        if is_header {
            head.extend_from_slice(data);
        } else {
            media += 1;
        }
        // Sound may be told of a little later than pictures.
        if media > 64 || head.len() > 4 << 20 {
            break;
        }
    }
    Ok(head)
}

/// The packets with the program tables at the start of a transport stream.
fn tables(file: &mut File, stride: usize) -> Result<Vec<u8>> {
    let mut start = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.take(4 << 20).read_to_end(&mut start)?;
    let skip = if stride == 192 { 4 } else { 0 };
    let packets = || start.chunks_exact(stride);
    let pid = |packet: &[u8]| match packet.get(skip..skip + 3) {
        Some([0x47, a, b]) => Some(u16::from_be_bytes([a & 0x1F, *b])),
        _ => None,
    };
    // The PIDs of program map tables, as the first association table tells them.
    let association = packets().find(|packet| pid(packet) == Some(0));
    let mut maps = Vec::new();
    if let Some(packet) = association {
        let payload = packet.get(skip + 4..).unwrap_or_default();
        let payload = match packet.get(skip + 3) {
            Some(flags) if flags & 0x20 != 0 => {
                let length = payload.first().copied().unwrap_or(0);
                payload.get(1 + usize::from(length)..).unwrap_or_default()
            }
            _ => payload,
        };
        let pointer = payload.first().copied().unwrap_or(0);
        let section = payload.get(1 + usize::from(pointer)..).unwrap_or_default();
        if let Some([0, a, b, ..]) = section.get(..8) {
            let length = usize::from(u16::from_be_bytes([a & 0x0F, *b]));
            let programs = section
                .get(8..(3 + length).saturating_sub(4))
                .unwrap_or_default();
            for program in programs.chunks_exact(4) {
                if let [a, b, c, d] = program
                    && (*a, *b) != (0, 0)
                {
                    maps.push(u16::from_be_bytes([c & 0x1F, *d]));
                }
            }
        }
    }
    let mut seen: BTreeMap<u16, u32> = BTreeMap::new();
    let mut head = Vec::new();
    for packet in packets() {
        let Some(pid) = pid(packet).filter(|pid| *pid == 0 || maps.contains(pid)) else {
            continue;
        };
        let count = seen.entry(pid).or_default();
        *count += 1;
        // Large tables take several packets.
        if *count <= 8 {
            head.extend_from_slice(packet);
        }
        if seen.len() > maps.len() && seen.values().all(|count| *count >= 8) {
            break;
        }
    }
    Ok(head)
}

// A segment ---------------------------------------------------------------------------------------------------------

/// The samples of some tracks that a segment has, by track, each with its duration.
///
/// # Errors
/// Where the file cannot be read, or has changed.
pub(super) fn read(
    path: &Path,
    source: &Source,
    plan: &Plan,
    index: usize,
    wanted: &[TrackId],
) -> Result<BTreeMap<TrackId, Vec<Sample>>> {
    let segment = plan.segments.get(index).context("no such segment")?;
    let mut file = File::open(path)?;
    let mut collected = Collected::new(plan, index, wanted);
    match source {
        Source::Mp4(movie) => {
            let mut reader = Reader::new(Arc::clone(movie), config(Some(wanted.to_vec())));
            if index > 0 {
                // Just behind, for times are rounded.
                reader.seek(segment.time + Time::from_nanos(5000));
            }
            while !collected.complete()
                && let Some(event) = next(&mut reader, &mut file)?
            {
                if let Event::Sample(sample) = event {
                    collected.push(sample)?;
                }
            }
        }
        Source::Pushed(format, head) => {
            let mut demuxer = Demuxer::new(*format);
            if segment.offset > 0 {
                demuxer.handle_input(head);
            }
            let mut pieces = Pieces::new(&mut file, *format, segment.offset)?;
            let mut over = false;
            while !collected.complete() && !over {
                match pieces.next()? {
                    Some((_, data)) => demuxer.handle_input(data),
                    None => {
                        over = true;
                        demuxer.handle_eof();
                    }
                }
                while let Some(event) = demuxer.poll_event()? {
                    if let Event::Sample(sample) = event {
                        collected.push(sample)?;
                    }
                }
            }
        }
    }
    Ok(collected.finish())
}

/// Samples of a segment, as they come.
struct Collected<'a> {
    plan: &'a Plan,
    index: usize,
    samples: BTreeMap<TrackId, Vec<Sample>>,
    /// The tracks of which samples behind the segment have come.
    passed: BTreeMap<TrackId, i64>,
    bytes: usize,
}

impl<'a> Collected<'a> {
    fn new(plan: &'a Plan, index: usize, wanted: &[TrackId]) -> Self {
        let empty = wanted.iter().map(|track| (*track, Vec::new()));
        Self {
            plan,
            index,
            samples: empty.collect(),
            passed: BTreeMap::new(),
            bytes: 0,
        }
    }

    fn push(&mut self, sample: Sample) -> Result<()> {
        let Some(samples) = self.samples.get_mut(&sample.track) else {
            return Ok(());
        };
        match self.plan.place(self.index, &sample) {
            Place::Before => {}
            Place::Here => {
                self.bytes += sample.data.len();
                ensure!(self.bytes <= MOST_BYTES, "a segment of more than 256 MiB");
                samples.push(sample);
            }
            Place::After => {
                self.passed.entry(sample.track).or_insert(sample.dts);
            }
        }
        Ok(())
    }

    fn complete(&self) -> bool {
        let spans = self.plan.segments.get(self.index).map(|one| &one.spans);
        let done = |track: &TrackId| {
            let here = spans.and_then(|spans| spans.get(track));
            self.passed.contains_key(track) || here.is_none_or(|here| here.samples == 0)
        };
        self.samples.keys().all(done)
    }

    fn finish(self) -> BTreeMap<TrackId, Vec<Sample>> {
        let spans = self.plan.segments.get(self.index).map(|one| &one.spans);
        let mut all = self.samples;
        for (track, samples) in &mut all {
            let (Some(span), Some(first)) =
                (spans.and_then(|spans| spans.get(track)), samples.first())
            else {
                continue;
            };
            // Times that are counted from the middle of a file on are put where they belong.
            let shift = span.start - first.dts;
            let nexts: Vec<i64> = samples
                .iter()
                .skip(1)
                .map(|next| next.dts + shift)
                .collect();
            let nexts = nexts.into_iter().chain([span.end]);
            for (sample, next) in samples.iter_mut().zip(nexts) {
                sample.dts += shift;
                sample.pts += shift;
                let until = u32::try_from(next - sample.dts).ok();
                sample.duration = until.and_then(NonZeroU32::new).or(sample.duration);
            }
        }
        all
    }
}
