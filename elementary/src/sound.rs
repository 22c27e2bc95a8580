use crate::demuxer::TRACK;
use ac3::{AccessUnit, Dac3, Dec3, Grouper};
use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use bytes::Bytes;
use core::num::NonZeroU32;
use media::{Codec, Event, Flags, Sample, Timescale, Track, Warning, codec};
use wire::framing::{Framing, Piece, Splitter};

/// How the frames of a format become samples.
pub(crate) trait Frames: Default {
    type Framing: Framing;

    /// Takes the next frame, which is `offset` bytes from the start.
    fn frame(
        &mut self,
        frame: <Self::Framing as Framing>::Frame<'_>,
        out: &mut Units,
    ) -> Result<(), String>;

    /// Takes the end.
    fn finish(&mut self, _: &mut Units) -> Result<(), String> {
        Ok(())
    }

    /// Bytes held besides those that the splitter holds.
    fn buffered_len(&self) -> usize {
        0
    }
}

/// Where [`Frames`] puts what it makes.
#[derive(Debug, Default)]
pub(crate) struct Units {
    track: Option<Track>,
    next: i64,
    events: VecDeque<Event>,
}

impl Units {
    /// Says what follows; told where it is not the same as before. Samples go on from the time that was reached.
    fn set(&mut self, codec: Codec, rate: u32, priming: u32, trim: u32) -> Result<(), String> {
        let timescale = Timescale::new(rate).ok_or("a sampling frequency of 0")?;
        let mut track = Track::new(TRACK, timescale, codec);
        (track.priming, track.trim) = (priming, trim);
        if let Some(old) = &self.track {
            if *old == track {
                return Ok(());
            }
            self.next = old.timescale.rescale(self.next, timescale);
        }
        self.events
            .push_back(Event::Tracks([track.clone()].into_iter().collect()));
        self.track = Some(track);
        Ok(())
    }

    /// Whether the track has this codec already, so that its configuration need not be read again.
    fn codec(&self) -> Option<&Codec> {
        self.track.as_ref().map(|track| &track.codec)
    }

    fn push(&mut self, data: Bytes, duration: u32) {
        self.events.push_back(Event::Sample(Sample {
            track: TRACK,
            dts: self.next,
            pts: self.next,
            duration: NonZeroU32::new(duration),
            flags: Flags::SYNC,
            data,
        }));
        self.next = self.next.saturating_add(duration.into());
    }
}

/// A stream of sound in frames that tell their length.
#[derive(Debug)]
pub(crate) struct Sound<F: Frames> {
    splitter: Splitter<F::Framing>,
    frames: F,
    units: Units,
    /// Bytes before those that the splitter got.
    before: u64,
    /// The last bytes of the input, to know an ID3v1 tag by.
    tail: Vec<u8>,
}

/// Bytes of an ID3v1 tag: `TAG`, then fields of fixed lengths.
const ID3V1: usize = 128;

impl<F: Frames> Default for Sound<F> {
    fn default() -> Self {
        Self {
            splitter: Splitter::new(),
            frames: F::default(),
            units: Units::default(),
            before: 0,
            tail: Vec::new(),
        }
    }
}

impl<F: Frames> Sound<F> {
    pub(crate) const fn start_at(&mut self, bytes: u64) {
        self.before = self.before.saturating_add(bytes);
    }

    pub(crate) fn handle_input(&mut self, data: &[u8]) {
        self.splitter.handle_input(data);
        let from = data.len().saturating_sub(ID3V1);
        self.tail
            .extend_from_slice(data.get(from..).unwrap_or_default());
        let surplus = self.tail.len().saturating_sub(ID3V1);
        self.tail = self.tail.get(surplus..).unwrap_or_default().to_vec();
    }

    pub(crate) fn handle_eof(&mut self) {
        self.splitter.handle_eof();
    }

    pub(crate) fn buffered_len(&self) -> usize {
        self.splitter.buffered_len() + self.frames.buffered_len()
    }

    pub(crate) fn parse(&mut self, events: &mut VecDeque<Event>, most: usize) {
        while events.len() < most {
            let Some(piece) = self.splitter.poll_piece() else {
                break;
            };
            match piece {
                Piece::Frame { offset, frame } => {
                    if let Err(what) = self.frames.frame(frame, &mut self.units) {
                        let at = self.before.saturating_add(offset);
                        events.push_back(Event::Warning(Warning::new(what).on(TRACK).at(at)));
                    }
                }
                Piece::Junk { len, .. } if len == ID3V1 as u64 && self.tail.starts_with(b"TAG") => {
                }
                Piece::Junk { offset, len } => {
                    let at = self.before.saturating_add(offset);
                    let warning = Warning::new("bytes that are no frame");
                    events.push_back(Event::Warning(warning.on(TRACK).at(at).skipping(len)));
                }
            }
            events.append(&mut self.units.events);
        }
        if self.splitter.is_finished() {
            if let Err(what) = self.frames.finish(&mut self.units) {
                events.push_back(Event::Warning(Warning::new(what).on(TRACK)));
            }
            events.append(&mut self.units.events);
        }
    }
}

/// AAC behind ADTS headers: a sample for each block of a frame.
#[derive(Debug, Default)]
pub(crate) struct Adts {
    /// The header whose configuration was told, as its fixed part.
    told: Option<aac::adts::Header>,
}

impl Frames for Adts {
    type Framing = aac::adts::Adts;

    fn frame(&mut self, frame: aac::adts::Frame<'_>, out: &mut Units) -> Result<(), String> {
        let header = frame.header();
        if !self.told.is_some_and(|told| told.same_stream(header)) || out.codec().is_none() {
            let config = frame.config().map_err(|e| format!("ADTS: {e}"))?;
            let rate = config.sampling_frequency();
            out.set(Codec::Aac(config), rate, 0, 0)?;
            self.told = Some(header);
        }
        let length = out
            .codec()
            .and_then(|codec| codec.duration(&[]))
            .unwrap_or(1024);
        for block in frame.blocks().map_err(|e| format!("ADTS: {e}"))? {
            out.push(Bytes::copy_from_slice(block.data), length);
        }
        Ok(())
    }
}

/// AAC in LATM: the access units of the first layer.
#[derive(Debug)]
pub(crate) struct Latm {
    reader: aac::latm::Reader,
    units: Vec<aac::latm::AccessUnit>,
}

impl Default for Latm {
    fn default() -> Self {
        Self {
            reader: aac::latm::Reader::in_band(),
            units: Vec::new(),
        }
    }
}

impl Frames for Latm {
    type Framing = aac::latm::Loas;

    fn frame(&mut self, element: &[u8], out: &mut Units) -> Result<(), String> {
        let read = self.reader.read(element, &mut self.units);
        if !matches!(read, Ok(false)) || out.codec().is_none() {
            let layer = self.reader.config().and_then(|mux| mux.layers.first());
            if let Some(layer) = layer {
                let rate = layer.config.sampling_frequency();
                out.set(Codec::Aac(layer.config.clone()), rate, 0, 0)?;
            }
        }
        let length = out
            .codec()
            .and_then(|codec| codec.duration(&[]))
            .unwrap_or(1024);
        for unit in core::mem::take(&mut self.units) {
            if unit.layer == 0 {
                out.push(unit.data, length);
            }
        }
        read.map(drop).map_err(|e| format!("LATM: {e}"))
    }
}

/// AC-3, or access units of E-AC-3.
#[derive(Debug, Default)]
pub(crate) struct Ac3 {
    grouper: Grouper,
    /// The header that began the access unit whose configuration was told last, and how many frames that had.
    told: Option<(ac3::Header, usize)>,
}

impl Ac3 {
    fn unit(&mut self, unit: AccessUnit, out: &mut Units) -> Result<(), String> {
        let Some(&first) = unit.headers.first() else {
            return Ok(());
        };
        let count = unit.headers.len();
        let same = self
            .told
            .is_some_and(|(told, frames)| told.same_stream(first) && frames == count);
        if !same {
            let frames = || {
                ac3::Frames::new(&unit.data).filter_map(|piece| match piece {
                    Piece::Frame { frame, .. } => Some(frame),
                    Piece::Junk { .. } => None,
                })
            };
            let codec = if first.is_eac3() {
                Dec3::new(frames()).map(Codec::Eac3)
            } else {
                let bsi = frames().next().map(|frame| frame.bsi()).transpose();
                match bsi {
                    Ok(Some(ac3::Bsi::Ac3(bsi))) => Ok(Codec::Ac3(Dac3::new(&bsi))),
                    Ok(_) => return Ok(()),
                    Err(error) => Err(error),
                }
            };
            // A frame that cannot be read does not end the stream that it is in.
            match codec {
                Ok(codec) => {
                    out.set(codec, first.sampling_frequency(), 0, 0)?;
                    self.told = Some((first, count));
                }
                Err(error) if out.codec().is_none() => return Err(format!("AC-3: {error}")),
                Err(_) => {}
            }
        }
        out.push(unit.data, unit.samples);
        Ok(())
    }
}

impl Frames for Ac3 {
    type Framing = ac3::SyncFrames;

    fn frame(&mut self, frame: ac3::Frame<'_>, out: &mut Units) -> Result<(), String> {
        let unit = if frame.header().is_little_endian() {
            let turned = frame.big_endian();
            let frame = ac3::Frame::parse(&turned).map_err(|e| format!("AC-3: {e}"))?;
            self.grouper.handle_frame(&frame)
        } else {
            self.grouper.handle_frame(&frame)
        };
        unit.map_or(Ok(()), |unit| self.unit(unit, out))
    }

    fn finish(&mut self, out: &mut Units) -> Result<(), String> {
        let unit = self.grouper.finish();
        unit.map_or(Ok(()), |unit| self.unit(unit, out))
    }

    fn buffered_len(&self) -> usize {
        self.grouper.buffered_len()
    }
}

/// MPEG audio. A frame that holds nothing but a Xing, Info or VBRI tag is no sample.
#[derive(Debug, Default)]
pub(crate) struct MpegAudio {
    /// Whether a frame was read: only the first can be a tag.
    begun: bool,
    priming: u32,
    trim: u32,
}

impl Frames for MpegAudio {
    type Framing = mpeg2::audio::MpegAudio;

    fn frame(&mut self, frame: mpeg2::audio::Frame<'_>, out: &mut Units) -> Result<(), String> {
        if !core::mem::replace(&mut self.begun, true)
            && let Some(tag) = frame.tag()
        {
            self.priming = tag.priming().unwrap_or(0);
            self.trim = tag.trim().unwrap_or(0);
            return Ok(());
        }
        let config = codec::MpegAudio::new(frame.header());
        let config = config.ok_or("a reserved sampling frequency")?;
        let (rate, samples) = (config.sampling_frequency, config.samples());
        if out.codec() != Some(&Codec::MpegAudio(config)) {
            out.set(Codec::MpegAudio(config), rate, self.priming, self.trim)?;
        }
        out.push(Bytes::copy_from_slice(frame.bytes()), samples);
        Ok(())
    }
}
