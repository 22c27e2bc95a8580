//! Samples out of a file whose tables are lost: pictures of H.264 and frames of AAC, known by another file of the same recorder.
//!
//! Each unit of H.264 has its length before it, so one leads to the next; a unit fits if it is a slice whose header can be read by the
//! parameter sets, or one of the kinds between whose neighbour fits. A frame of AAC has no length: it is walked codeword by codeword to its end, and fits
//! if something that fits stands behind it. Where nothing fits, the next place where something does is looked for.

use crate::input::{self, Source};
use anyhow::{Context, Result, bail};
use bytes::Bytes;
use elementary::{Demuxer, Format, Limits};
use h264::{DecoderConfig, ParameterSets, SliceHeader};
use media::{Codec, Event, Flags, Sample, Timescale, Track, TrackId, Warning};
use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::num::NonZeroU32;

/// Longest unit that is believed.
const LONGEST: usize = 16 << 20;
/// Bytes of a slice that its header does not go past.
const HEADER: usize = 512;
/// Longest frame of sound: 6144 bits for each of 8 channels, and as much of extensions as fill elements have.
const FRAME: usize = 8 << 10;
/// What stands before a unit in a byte stream.
const START: [u8; 4] = [0, 0, 0, 1];
/// Frames of sound that wait for the first picture.
const MOST_HELD: usize = 4096;
/// Pictures of the good file that tell how long one lasts.
const LOOK: usize = 600;
const PICTURES: TrackId = TrackId(1);
const SOUND: TrackId = TrackId(2);

/// What a file of the same recorder tells.
#[derive(Clone, Default)]
pub struct Like {
    pictures: Option<DecoderConfig>,
    /// How long a picture lasts, in ticks of so many a second.
    frame: Option<(Timescale, u32)>,
    sound: Option<(Track, aac::raw_data_block::Walker)>,
}

impl Like {
    /// Looks at a good file.
    pub fn of(path: &str) -> Result<Self> {
        let mut input = input::open(path, &input::Options::default())?;
        let mut like = Self::default();
        let mut pictures = None;
        let mut lasting = BTreeMap::<u32, usize>::new();
        let mut seen = 0;
        while let Some(event) = input.source.next()? {
            match event {
                Event::Tracks(tracks) => {
                    for track in &tracks {
                        match &track.codec {
                            Codec::H264(config) if pictures.is_none() => {
                                pictures = Some((track.id, track.timescale));
                                like.pictures = Some(config.clone());
                            }
                            Codec::Aac(config) if like.sound.is_none() => {
                                like.sound = aac::raw_data_block::Walker::new(config)
                                    .map(|walker| (track.clone(), walker));
                            }
                            _ => {}
                        }
                    }
                }
                Event::Sample(sample) => {
                    let Some((id, _)) = pictures else { break };
                    if sample.track != id {
                        continue;
                    }
                    if let Some(duration) = sample.duration {
                        *lasting.entry(duration.get()).or_default() += 1;
                    }
                    seen += 1;
                    if seen == LOOK {
                        break;
                    }
                }
                _ => {}
            }
        }
        if like.pictures.is_none() && like.sound.is_none() {
            bail!(
                "{path}: it has neither H.264 nor AAC LC, which are what can be found without tables"
            );
        }
        let most = lasting.into_iter().max_by_key(|&(_, count)| count);
        like.frame = pictures
            .zip(most)
            .map(|((_, scale), (ticks, _))| (scale, ticks));
        Ok(like)
    }

    /// Whether the stream itself does not say how long its pictures last, so that the good file has to.
    fn frame(&self) -> Option<(Timescale, u32)> {
        let says = |nal| h264::Sps::parse(nal).is_ok_and(|sps| sps.frame_rate().is_some());
        let told = self.pictures.iter().flat_map(DecoderConfig::sps).any(says);
        self.frame.filter(|_| !told)
    }
}

/// Whether an MP4 has no tables: media data, but neither a whole `moov` nor fragments.
pub fn tables_are_lost(path: &str) -> Result<bool> {
    let mut file = File::open(path).with_context(|| path.to_owned())?;
    let len = file.metadata()?.len();
    let (mut at, mut has_media) = (0, false);
    while let Some((name, header, size)) = header(&mut file, at)? {
        let end = at.saturating_add(size);
        match &name {
            b"moov" if end <= len => return Ok(false),
            b"moof" => return Ok(false),
            b"mdat" => has_media = true,
            _ => {}
        }
        if size < header {
            break;
        }
        at = end;
    }
    Ok(has_media)
}

/// The name of the box at a place, the length of its header, and its size: 0 where that goes to the end of the file.
fn header(file: &mut File, at: u64) -> io::Result<Option<([u8; 4], u64, u64)>> {
    let mut bytes = [0; 16];
    file.seek(SeekFrom::Start(at))?;
    let read = {
        let mut read = 0;
        while read < bytes.len() {
            match file.read(&mut bytes[read..])? {
                0 => break,
                n => read += n,
            }
        }
        read
    };
    let [s0, s1, s2, s3, n0, n1, n2, n3, large @ ..] = bytes;
    let name = [n0, n1, n2, n3];
    let small = u32::from_be_bytes([s0, s1, s2, s3]);
    Ok(match (small, read) {
        (_, ..8) | (1, ..16) => None,
        (1, _) => Some((name, 16, u64::from_be_bytes(large))),
        _ => Some((name, 8, small.into())),
    })
}

/// The media data of a file: up to where its box ends, if it says so.
fn media_data(path: &str) -> Result<impl Read + use<>> {
    let mut file = File::open(path).with_context(|| path.to_owned())?;
    let len = file.metadata()?.len();
    let mut at = 0;
    while let Some((name, header, size)) = header(&mut file, at)? {
        let end = at.saturating_add(size);
        if name == *b"mdat" {
            // A size that was to be filled in later says nothing.
            let is_known = size > 16 && end <= len;
            let from = at + header;
            file.seek(SeekFrom::Start(from))?;
            let left = if is_known { end - from } else { u64::MAX };
            return Ok(BufReader::with_capacity(256 << 10, file).take(left));
        }
        if size < header {
            break;
        }
        at = end;
    }
    bail!("{path}: there is no media data")
}

/// What is read ahead of a stream.
struct Window<R> {
    reader: R,
    bytes: Vec<u8>,
    at: usize,
    ended: bool,
}

impl<R: Read> Window<R> {
    /// Reads until so many bytes are at hand; says whether they are.
    fn fill(&mut self, len: usize) -> io::Result<bool> {
        const READ: usize = 64 << 10;
        while self.bytes.len() - self.at < len && !self.ended {
            if self.at > LONGEST {
                self.bytes.drain(..self.at);
                self.at = 0;
            }
            let wanted = READ.max(len);
            let n = self
                .reader
                .by_ref()
                .take(wanted as u64)
                .read_to_end(&mut self.bytes)?;
            self.ended = n == 0;
        }
        Ok(self.bytes.len() - self.at >= len)
    }

    /// What is at hand from a distance on.
    fn ahead(&self, ahead: usize) -> &[u8] {
        self.bytes.get(self.at + ahead..).unwrap_or_default()
    }
}

/// What stands at a place.
#[derive(Clone, Copy)]
enum Piece {
    /// A unit with its length before it, of so many bytes.
    Unit(usize),
    /// A frame of sound.
    Frame(usize),
}

impl Piece {
    const fn len(self) -> usize {
        match self {
            Self::Unit(len) => 4 + len,
            Self::Frame(len) => len,
        }
    }
}

/// Finds what stands where.
struct Finder<R> {
    window: Window<R>,
    sets: Option<ParameterSets>,
    sound: Option<aac::raw_data_block::Walker>,
}

impl<R: Read> Finder<R> {
    /// The unit at a distance from here that fits, and whether it says enough by itself.
    fn unit(&mut self, ahead: usize) -> io::Result<Option<(usize, bool)>> {
        let Some(sets) = &self.sets else {
            return Ok(None);
        };
        if !self.window.fill(ahead + 5)? {
            return Ok(None);
        }
        let &[a, b, c, d, head, ..] = self.window.ahead(ahead) else {
            return Ok(None);
        };
        let len = u32::from_be_bytes([a, b, c, d]) as usize;
        let (is_referred_to, kind) = (head & 0x60 != 0, head & 0x1F);
        if head & 0x80 != 0 || !(2..=LONGEST).contains(&len) {
            return Ok(None);
        }
        let looked = match kind {
            1 | 5 | 7 | 8 => len.min(HEADER),
            6 | 9 | 12 => 1,
            _ => return Ok(None),
        };
        if !self.window.fill(ahead + 4 + looked)? {
            return Ok(None);
        }
        let nal = &self.window.ahead(ahead + 4)[..looked];
        let (fits, is_enough) = match kind {
            5 if !is_referred_to => (false, false),
            1 | 5 => (SliceHeader::parse(nal, sets).is_ok(), true),
            // Parameter sets within the stream.
            7 | 8 => {
                let is_set = is_referred_to && len <= HEADER;
                (is_set && sets.clone().insert(nal).is_ok(), true)
            }
            // Messages, delimiters and filler.
            _ => (!is_referred_to, false),
        };
        // The last one may be cut off.
        let fits = fits && self.window.fill(ahead + 4 + len)?;
        Ok(fits.then_some((len, is_enough)))
    }

    /// The frame of sound at a distance from here.
    fn frame(&mut self, ahead: usize) -> io::Result<Option<usize>> {
        let Some(walker) = self.sound else {
            return Ok(None);
        };
        self.window.fill(ahead + FRAME)?;
        let data = self.window.ahead(ahead);
        let data = &data[..data.len().min(FRAME)];
        Ok(walker.walk(data).ok().map(|block| block.len))
    }

    /// What stands at a distance from here. `follow`: what comes behind it has to fit too where it does not say enough itself.
    fn piece(&mut self, ahead: usize, follow: bool) -> io::Result<Option<Piece>> {
        let unit = self.unit(ahead)?;
        let is_enough = unit.is_some_and(|(_, is_enough)| is_enough);
        let unit = unit.map(|(len, _)| Piece::Unit(len));
        if !follow {
            return Ok(match unit {
                Some(unit) => Some(unit),
                None => self.frame(ahead)?.map(Piece::Frame),
            });
        }
        if let Some(unit) = unit
            && self.is_followed(ahead + unit.len())?
        {
            return Ok(Some(unit));
        }
        if let Some(len) = self.frame(ahead)?
            && self.is_followed(ahead + len)?
        {
            return Ok(Some(Piece::Frame(len)));
        }
        Ok(unit.filter(|_| is_enough))
    }

    /// Whether something that fits, the next box, or the end, is at a distance from here.
    fn is_followed(&mut self, ahead: usize) -> io::Result<bool> {
        if !self.window.fill(ahead + 1)? {
            return Ok(true);
        }
        self.window.fill(ahead + 8)?;
        let is_box = match self.window.ahead(ahead) {
            [_, _, _, _, name @ ..] => [b"moov", b"free", b"mdat", b"udta", b"uuid"]
                .iter()
                .any(|known| name.starts_with(*known)),
            _ => false,
        };
        Ok(is_box || self.piece(ahead, false)?.is_some())
    }
}

/// Reads the samples of a file without its tables.
pub struct Salvage<R> {
    finder: Finder<R>,
    pictures: Option<Demuxer>,
    sound: Option<Track>,
    /// How long a picture lasts, where the stream does not say it.
    frame: Option<(Timescale, u32)>,
    /// The ticks in which the demuxer counts.
    ticks: Timescale,
    sound_at: i64,
    held: VecDeque<Event>,
    is_told: bool,
    events: VecDeque<Event>,
    /// Bytes that are nothing that fits.
    other: u64,
    ended: bool,
}

impl Salvage<()> {
    /// Opens a file at its media data. Without anything known, pictures can be found if their parameter sets stand among them.
    pub fn open(path: &str, like: Option<&Like>) -> Result<Salvage<impl Read + use<>>> {
        let mut sets = ParameterSets::default();
        let mut demuxer = Demuxer::new(Format::H264, Limits::default());
        for nal in like
            .and_then(|like| like.pictures.as_ref())
            .into_iter()
            .flat_map(|config| config.sps().chain(config.pps()))
        {
            // One that cannot be read is of no use here.
            _ = sets.insert(nal);
            demuxer.handle_input(&START);
            demuxer.handle_input(nal);
        }
        let has_pictures = like.is_none_or(|like| like.pictures.is_some());
        let sound = like.and_then(|like| like.sound.clone());
        let (sound, walker) = sound.unzip();
        Ok(Salvage {
            finder: Finder {
                window: Window {
                    reader: media_data(path)?,
                    bytes: Vec::new(),
                    at: 0,
                    ended: false,
                },
                sets: has_pictures.then_some(sets),
                sound: walker,
            },
            pictures: has_pictures.then_some(demuxer),
            sound: sound.map(|mut track| {
                track.id = if has_pictures { SOUND } else { PICTURES };
                track.trim = 0;
                track
            }),
            frame: like.and_then(Like::frame),
            ticks: Timescale::KHZ_90,
            sound_at: 0,
            held: VecDeque::new(),
            is_told: false,
            events: VecDeque::new(),
            other: 0,
            ended: false,
        })
    }
}

impl<R: Read> Salvage<R> {
    /// Goes one piece on, or one byte.
    fn step(&mut self) -> io::Result<()> {
        let window = &mut self.finder.window;
        if !window.fill(1)? {
            self.ended = true;
            if let Some(pictures) = &mut self.pictures {
                pictures.handle_eof();
            }
            return Ok(());
        }
        let found = self.finder.piece(0, true)?;
        let window = &mut self.finder.window;
        let Some(piece) = found else {
            window.at += 1;
            self.other += 1;
            return Ok(());
        };
        let data = &window.ahead(0)[..piece.len()];
        match (piece, &mut self.pictures) {
            (Piece::Unit(_), Some(pictures)) => {
                let nal = &data[4..];
                if let (7 | 8, Some(sets)) = (nal[0] & 0x1F, &mut self.finder.sets) {
                    // It was looked at before.
                    _ = sets.insert(nal);
                }
                pictures.handle_input(&START);
                pictures.handle_input(nal);
            }
            _ => {
                let data = Bytes::copy_from_slice(data);
                self.hear(data);
            }
        }
        self.finder.window.at += piece.len();
        Ok(())
    }

    /// Takes a frame of sound.
    fn hear(&mut self, data: Bytes) {
        let Some(track) = &self.sound else { return };
        let Codec::Aac(config) = &track.codec else {
            return;
        };
        let samples = Timescale::new(config.sampling_frequency()).unwrap_or(track.timescale);
        let len = i64::from(config.frame_length());
        // What an encoder puts before the first sample lies before the start.
        let start = i64::from(track.priming);
        let time = |frame: i64| samples.rescale(frame * len, track.timescale) - start;
        let (from, to) = (time(self.sound_at), time(self.sound_at + 1));
        self.sound_at += 1;
        let sample = Event::Sample(Sample {
            track: track.id,
            dts: from,
            pts: from,
            duration: u32::try_from(to - from).ok().and_then(NonZeroU32::new),
            flags: Flags::SYNC,
            data,
        });
        if self.is_told {
            self.events.push_back(sample);
            return;
        }
        self.held.push_back(sample);
        if self.pictures.is_none() || self.held.len() >= MOST_HELD {
            self.tell(None);
        }
    }

    /// Tells the tracks, and what waited for them.
    fn tell(&mut self, pictures: Option<Track>) {
        let tracks = pictures.into_iter().chain(self.sound.clone()).collect();
        self.events.push_back(Event::Tracks(tracks));
        self.events.append(&mut self.held);
        self.is_told = true;
    }

    /// Takes what the pictures' demuxer tells.
    fn see(&mut self, event: Event) {
        match event {
            Event::Tracks(tracks) => {
                let track = tracks.iter().next().cloned().map(|mut track| {
                    track.id = PICTURES;
                    self.ticks = track.timescale;
                    if let Some((timescale, _)) = self.frame {
                        track.timescale = timescale;
                    }
                    track
                });
                self.tell(track);
            }
            Event::Sample(mut sample) => {
                if let Some((_, ticks)) = self.frame {
                    // The demuxer took them to last 1/25 s.
                    let (per_second, ticks) = (i64::from(self.ticks.get()), i64::from(ticks));
                    let scaled = |time: i64| (time * 25 * ticks).div_euclid(per_second);
                    let end = sample.dts + sample.duration.map_or(0, |ticks| ticks.get().into());
                    let (from, to) = (scaled(sample.dts), scaled(end));
                    sample.pts = scaled(sample.pts);
                    sample.dts = from;
                    sample.duration = u32::try_from(to - from).ok().and_then(NonZeroU32::new);
                }
                self.events.push_back(Event::Sample(sample));
            }
            Event::Warning(mut warning) => {
                // It counts in what the demuxer was given.
                warning.offset = None;
                self.events.push_back(Event::Warning(warning));
            }
            other => self.events.push_back(other),
        }
    }
}

impl<R: Read> Source for Salvage<R> {
    fn next(&mut self) -> Result<Option<Event>> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Ok(Some(event));
            }
            if let Some(event) = self.pictures.as_mut().and_then(Demuxer::poll_event) {
                self.see(event);
                continue;
            }
            if !self.ended {
                self.step()?;
                continue;
            }
            if !self.is_told && !self.held.is_empty() {
                self.tell(None);
                continue;
            }
            let other = std::mem::take(&mut self.other);
            return Ok((other > 0).then(|| {
                let what = "are neither pictures nor sound that fit: other tracks, of which only the lost tables knew, or what was cut off";
                Event::Warning(Warning::new(format!("{other} bytes {what}")))
            }));
        }
    }
}
