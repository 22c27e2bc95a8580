//! Samples out of a file whose tables are lost: pictures of H.264 and frames of AAC, known by another file of the same recorder.

mod boxes;
mod find;
mod like;

pub use boxes::tables_are_lost;
pub use like::Like;

use crate::input::Source;
use anyhow::Result;
use boxes::media_data;
use bytes::Bytes;
use elementary::{Demuxer, Format, Limits};
use find::{Finder, Piece, Window};
use h264::ParameterSets;
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
                window: Window::new(media_data(path)?),
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
            window.pass(1);
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
