//! Samples out of a file whose tables are lost: pictures of H.264 and H.265 and frames of AAC, known by another file of the same recorder.

mod boxes;
mod find;
mod like;

pub use boxes::{Tables, tables};
pub use like::Like;

use crate::input::Source;
use anyhow::Result;
use boxes::media_data;
use bytes::Bytes;
use elementary::{Demuxer, Format, Limits};
use find::{Coding, Finder, Piece, Sets, Window};
use media::{Codec, Event, Flags, Sample, Timescale, Track, TrackId, Warning};
use std::collections::VecDeque;
use std::io::{self, Read};
use std::num::NonZeroU32;

/// What stands before a unit in a byte stream.
const START: [u8; 4] = [0, 0, 0, 1];
/// Frames of sound that wait for the first picture.
const MOST_HELD: usize = 4096;
const PICTURES: TrackId = TrackId(1);
const SOUND: TrackId = TrackId(2);

/// Reads the samples of a file without its tables.
pub struct Salvage<R> {
    finder: Finder<R>,
    pictures: Option<Demuxer>,
    wants_pictures: bool,
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
        let (mut sets, mut pictures) = (Vec::new(), None);
        match like {
            None => sets.extend([Coding::H264, Coding::H265].map(Sets::of)),
            Some(like) => {
                if let Some((coding, nals)) = like.coding() {
                    let mut known = Sets::of(coding);
                    let demuxer = pictures.insert(demuxer(coding));
                    for nal in nals {
                        known.learn(nal);
                        demuxer.handle_input(&START);
                        demuxer.handle_input(nal);
                    }
                    sets.push(known);
                }
            }
        }
        let wants_pictures = !sets.is_empty();
        let sound = like.and_then(|like| like.sound.clone());
        let (sound, walker) = sound.unzip();
        Ok(Salvage {
            finder: Finder {
                window: Window::new(media_data(path)?),
                sets,
                sound: walker,
            },
            pictures,
            sound: sound.map(|mut track| {
                track.id = if wants_pictures { SOUND } else { PICTURES };
                track.trim = 0;
                track
            }),
            wants_pictures,
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

/// What puts pictures together.
fn demuxer(coding: Coding) -> Demuxer {
    let format = match coding {
        Coding::H264 => Format::H264,
        Coding::H265 => Format::H265,
    };
    Demuxer::new(format, Limits::default())
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
            window.pass(1);
            self.other += 1;
            return Ok(());
        };
        let data = &window.ahead(0)[..piece.len()];
        match piece {
            Piece::Unit(coding, _) => {
                let nal = &data[4..];
                // From the first one on it is known how they are coded.
                self.finder.sets.retain(|sets| sets.coding() == coding);
                for sets in &mut self.finder.sets {
                    sets.learn(nal);
                }
                let pictures = self.pictures.get_or_insert_with(|| demuxer(coding));
                pictures.handle_input(&START);
                pictures.handle_input(nal);
            }
            Piece::Frame(_) => {
                let data = Bytes::copy_from_slice(data);
                self.hear(data);
            }
        }
        self.finder.window.pass(piece.len());
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
        if !self.wants_pictures || self.held.len() >= MOST_HELD {
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
