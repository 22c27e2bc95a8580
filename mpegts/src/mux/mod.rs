//! A transport stream of samples.
//!
//! ```text
//! samples ─► PES packets, sound several frames each ─► in order of decoding time over all tracks ─► packets
//!                                          variable rate: one after the other, the clock goes with the decoding times
//!                                          constant rate: a packet for every slot, as the clock counts them
//! ```
//!
//! A track's id is its PID, where that can be one. Tables come at least every [`Config::table_interval`] and before pictures
//! at which decoding can start; clock references come at least every [`Config::pcr_interval`], in packets of their own where
//! the program's first video track (or else sound) has none. At a constant rate each clock reference is what the rate says
//! at that place, to the tick of 27 MHz.
//!
//! ```
//! use fluvial_mpegts::mux::{Config, Muxer};
//! use media::{Codec, Flags, Sample, Timescale, Track, TrackId};
//!
//! let codec = Codec::Aac(aac::AudioSpecificConfig::lc(48_000, 2)?);
//! let track = Track::new(TrackId(0x100), Timescale::new(48_000).unwrap(), codec);
//! let mut muxer = Muxer::new(Config::default());
//! muxer.set_tracks(&[track].into_iter().collect())?;
//! for n in 0..10 {
//!     let (dts, data) = (n * 1024, [0x21, 0x10].as_slice().into());
//!     let sample = Sample { track: TrackId(0x100), dts, pts: dts, duration: None, flags: Flags::SYNC, data };
//!     muxer.handle_sample(&sample)?;
//! }
//! muxer.finish()?;
//! let stream = muxer.poll_output().unwrap();
//! assert_eq!((stream[0], stream.len() % 188), (0x47, 0));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod config;
mod constant;
mod packets;
#[cfg(feature = "sample-aes")]
mod seal;
mod tables;
mod track;
mod variable;

pub use config::{Config, ProgramConfig};

use crate::Error;
use crate::clock::WRAP;
use crate::packet::Pid;
use crate::pes::{Fields, Header};
use crate::psi::Version;
use alloc::vec::Vec;
use bytes::Bytes;
use constant::Slots;
use media::{Codec, Kind, Sample, Time, Timescale, TrackId, Tracks};
use packets::Sink;
use tables::{ProgramOut, Repeated};
use track::{Lane, Unit};

/// Ticks of 27 MHz in one of 90 kHz.
const PER_TICK: i64 = 300;

/// Longest sound in one packet, in ticks of 90 kHz: a tenth of a second, as long as a player may wait for the rest.
const LONGEST_SOUND: i64 = 9000;

/// The first PID of tracks whose ids are none.
const FIRST_PID: u16 = 0x100;

/// The PID of the first program's map.
const FIRST_MAP: u16 = 0x1000;

/// Writes transport streams. See the [module](self).
#[derive(Debug)]
pub struct Muxer {
    config: Config,
    programs: Vec<ProgramOut>,
    lanes: Vec<Lane>,
    /// Continuity counters of PIDs that tracks had before, who may come back.
    gone: Vec<(Pid, u8)>,
    codecs: Vec<Codec>,
    version: Version,
    tables: Vec<Repeated>,
    /// When the tables were written last, in ticks of 27 MHz.
    last_tables: Option<i64>,
    sink: Sink,
    /// The places of packets, at a constant rate.
    slots: Option<Slots>,
    /// Added to all times, in ticks of 90 kHz, once the first is known.
    shift: Option<i64>,
    scratch: Vec<u8>,
    /// Buffers of units that were written.
    spare: Vec<Vec<u8>>,
    lateness: i64,
}

/// Buffers that are kept to be written into again: as many as wait for another track, as a rule.
const SPARE: usize = 16;
/// A longer one is not kept.
const SPARE_LEN: usize = 8 << 10;

impl Muxer {
    /// A muxer that waits for its tracks.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self {
            sink: Sink::new(config.packet_size),
            slots: config.constant_rate.map(Slots::new),
            config,
            programs: Vec::new(),
            lanes: Vec::new(),
            gone: Vec::new(),
            codecs: Vec::new(),
            version: Version::FIRST,
            tables: Vec::new(),
            last_tables: None,
            shift: None,
            scratch: Vec::new(),
            spare: Vec::new(),
            lateness: 0,
        }
    }

    /// Takes the tracks, at first and whenever they change; what came before is written out then.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for a codec that transport streams do not carry here, [`Error::Limit`] where there are more tracks
    /// than PIDs; [`Error::TooLong`] where the tables do not fit.
    pub fn set_tracks(&mut self, tracks: &Tracks) -> Result<(), Error> {
        self.flush()?;
        let numbers: Vec<u16> = match &self.config.programs[..] {
            [] => alloc::vec![1],
            programs => programs.iter().map(|program| program.number).collect(),
        };
        let program_of = |id: TrackId| {
            let mut programs = self.config.programs.iter();
            programs
                .position(|program| program.tracks.contains(&id))
                .unwrap_or(0)
        };
        let mut lanes: Vec<Lane> = Vec::new();
        for track in tracks {
            let pid = self.pid_for(track.id, &lanes, numbers.len())?;
            let mut lane = Lane::new(track, pid, program_of(track.id), &self.config)?;
            lane.number_streams(&lanes);
            let before = self.lanes.iter().map(|before| (before.pid, before.counter));
            let mut before = before.chain(self.gone.iter().copied());
            if let Some((_, counter)) = before.find(|(before, _)| *before == pid) {
                lane.counter = counter;
            }
            lanes.push(lane);
        }
        let left = self.lanes.iter().map(|lane| (lane.pid, lane.counter));
        self.gone.extend(left);
        let is_here = |pid: Pid| lanes.iter().any(|lane| lane.pid == pid);
        self.gone.retain(|(pid, _)| !is_here(*pid));
        let mut programs = Vec::new();
        for (index, number) in numbers.into_iter().enumerate() {
            let of = |kind: Option<Kind>| {
                lanes.iter().position(|lane| {
                    lane.program == index && kind.is_none_or(|kind| lane.kind == kind)
                })
            };
            let clock = of(Some(Kind::Video))
                .or_else(|| of(Some(Kind::Audio)))
                .or_else(|| of(None));
            let last_pcr = self.programs.get(index).and_then(|before| before.last_pcr);
            let offset = u16::try_from(index).unwrap_or(u16::MAX);
            programs.push(ProgramOut {
                number,
                map_pid: Pid::from_low_bits(FIRST_MAP.saturating_add(offset)),
                clock,
                last_pcr,
            });
        }
        if !self.tables.is_empty() {
            self.version = self.version.next();
        }
        let codecs: Vec<Codec> = tracks.iter().map(|track| track.codec.clone()).collect();
        self.tables = tables::tables(
            self.config.transport_stream_id,
            self.version,
            &programs,
            &lanes,
            &codecs,
            &self.tables,
        )?;
        (self.programs, self.lanes, self.codecs) = (programs, lanes, codecs);
        self.last_tables = None;
        Ok(())
    }

    /// The PID of a track: its id, if that can be one and is free.
    fn pid_for(&self, id: TrackId, lanes: &[Lane], programs: usize) -> Result<Pid, Error> {
        let maps = FIRST_MAP..FIRST_MAP.saturating_add(u16::try_from(programs).unwrap_or(u16::MAX));
        let free = |pid: u16| {
            (0x20..0x1FFF).contains(&pid)
                && !maps.contains(&pid)
                && !lanes.iter().any(|lane| lane.pid.get() == pid)
        };
        let own = u16::try_from(id.0).ok().filter(|pid| free(*pid));
        // A track that had another PID before keeps it.
        let before = self.lanes.iter().find(|lane| lane.id == id);
        own.or(before.map(|lane| lane.pid.get()).filter(|pid| free(*pid)))
            .or_else(|| (FIRST_PID..0x1FFF).find(|pid| free(*pid)))
            .and_then(Pid::new)
            .ok_or(Error::Limit {
                limit: "tracks",
                max: 0x1FDF,
            })
    }

    /// Takes the next sample. Those of a track come in order of their decoding times; where those jump, all that waits is
    /// written, and the clock says so.
    ///
    /// # Errors
    /// [`Error::State`] for a track that was not told, [`Error::Unsupported`] for a sample that is not as its codec says,
    /// [`Error::TooLong`] for a message that does not fit its packet.
    pub fn handle_sample(&mut self, sample: &Sample) -> Result<(), Error> {
        let Some(lane) = self.lanes.iter_mut().find(|lane| lane.id == sample.track) else {
            return Err(Error::State("a sample comes before its track"));
        };
        let ticks = |time: i64| lane.timescale.rescale(time, Timescale::KHZ_90);
        // A section is of a time of the clock, which runs before the pictures.
        let ahead = match lane.is_section() {
            true => Timescale::KHZ_90.ticks(self.config.delay),
            false => 0,
        };
        let place = |time: i64| ticks(time).saturating_add(ahead);
        let (dts, pts) = (place(sample.dts), place(sample.pts));
        let length = sample
            .duration
            .map_or(0, |duration| i64::from(duration.get()));
        let end = ticks(sample.dts.saturating_add(length));
        let step = lane
            .last
            .replace(dts)
            .map_or(0, |last| dts.saturating_sub(last));
        if step < 0 || variable::is_jump(step.saturating_mul(PER_TICK)) {
            // What comes before the jump does not wait for what comes after.
            self.flush()?;
        }
        let Some(lane) = self.lanes.iter_mut().find(|lane| lane.id == sample.track) else {
            return Err(Error::State("a sample comes before its track"));
        };
        if lane.kind == Kind::Audio && self.config.sound_packet > 0 {
            let joins = lane.group.as_ref().is_some_and(|group| {
                // Frames that follow each other, to the rounding of times.
                group.end.abs_diff(pts) <= 2
                    && end.saturating_sub(group.dts) <= LONGEST_SOUND
                    && group.data.len().saturating_add(sample.data.len())
                        <= self.config.sound_packet
            });
            if !joins && let Some(group) = lane.group.take() {
                lane.queue.push_back(group);
            }
            let mut group = lane.group.take().unwrap_or_else(|| Unit {
                dts,
                pts,
                end,
                sync: true,
                data: self.spare.pop().unwrap_or_default(),
                nals: Bytes::new(),
            });
            group.end = end;
            lane.write(sample, &mut group.data)?;
            lane.group = Some(group);
        } else {
            let mut data = self.spare.pop().unwrap_or_default();
            let nals = if self.slots.is_none() {
                lane.write_head(sample, &mut data)?
            } else {
                data.reserve(sample.data.len().saturating_add(256));
                lane.write(sample, &mut data)?;
                Bytes::new()
            };
            let sync = sample.is_sync();
            lane.queue.push_back(Unit {
                dts,
                pts,
                end,
                sync,
                data,
                nals,
            });
        }
        self.interleave(false)
    }

    /// What was written since the last call, whole packets; `None` if nothing was.
    pub fn poll_output(&mut self) -> Option<Bytes> {
        let capacity = self.sink.len();
        if capacity == 0 {
            return None;
        }
        let next = Vec::with_capacity(capacity.min(1 << 20));
        Some(self.sink.replace(next).into())
    }

    /// Bytes that [`poll_output`](Self::poll_output) would give.
    #[must_use]
    pub fn output_len(&self) -> usize {
        self.sink.len()
    }

    /// The same as [`poll_output`](Self::poll_output) in exchange for a buffer, which is written into next: its bytes are lost, its
    /// memory is used again: the longer it is, the less has to be grown or cleared. For who gathers much before it goes out.
    pub fn swap_output(&mut self, buffer: &mut Vec<u8>) {
        *buffer = self.sink.replace(core::mem::take(buffer));
    }

    /// Writes out all that is held: the stream ends here, or goes on without a seam.
    ///
    /// # Errors
    /// As [`handle_sample`](Self::handle_sample).
    pub fn finish(&mut self) -> Result<(), Error> {
        self.flush()
    }

    /// How far data came after its decoding time at most: more than zero only where a constant rate is too low.
    #[must_use]
    pub fn lateness(&self) -> Time {
        Time::from_nanos(self.lateness.saturating_mul(1000) / 27)
    }

    /// Bytes held: samples that wait for others, and output.
    #[must_use]
    pub fn buffered_len(&self) -> usize {
        let lanes = self.lanes.iter().map(|lane| {
            let queue = lane.queue.iter().chain(&lane.group);
            queue.map(Unit::len).sum::<usize>()
        });
        lanes
            .chain([self.sink.len()])
            .chain(self.slots.as_ref().map(Slots::buffered_len))
            .fold(0, usize::saturating_add)
    }

    /// The next segment begins with tables and a clock reference.
    pub(crate) fn start_segment(&mut self) {
        self.last_tables = None;
        for program in &mut self.programs {
            program.last_pcr = None;
        }
    }

    fn flush(&mut self) -> Result<(), Error> {
        for lane in &mut self.lanes {
            let group = lane.group.take();
            lane.queue.extend(group);
        }
        self.interleave(true)?;
        self.constant(i64::MAX)
    }

    /// Writes units in order of their times, as far as no track may still bring an earlier one.
    fn interleave(&mut self, all: bool) -> Result<(), Error> {
        let max_wait = Timescale::KHZ_90.ticks(self.config.max_wait);
        loop {
            let fronts = self.lanes.iter().enumerate().filter_map(|(index, lane)| {
                let front = lane.queue.front()?;
                Some((front.dts, index))
            });
            let Some((dts, index)) = fronts.min() else {
                return Ok(());
            };
            // A track without anything in its queue may bring something earlier still, if it is no sparse one.
            let waits = self.lanes.iter().any(|lane| {
                lane.queue.is_empty()
                    && lane.kind != Kind::Data
                    && lane.group.as_ref().is_none_or(|group| group.dts <= dts)
            });
            if waits && !all {
                let backs = self.lanes.iter().filter_map(|lane| lane.queue.back());
                let newest = backs.map(|unit| unit.dts).max().unwrap_or(dts);
                if newest.saturating_sub(dts) <= max_wait {
                    return Ok(());
                }
            }
            let unit = self
                .lanes
                .get_mut(index)
                .and_then(|lane| lane.queue.pop_front());
            if let Some(unit) = unit {
                self.unit(index, unit)?;
            }
        }
    }

    /// The time line in the stream is moved so that its clock begins at [`Config::earliest`] or later.
    fn shift(&mut self, dts: i64) -> i64 {
        let delay = Timescale::KHZ_90.ticks(self.config.delay);
        let earliest = Timescale::KHZ_90.ticks(self.config.earliest);
        *self.shift.get_or_insert_with(|| {
            let first = dts.saturating_sub(delay);
            earliest.saturating_sub(first).max(0)
        })
    }

    fn unit(&mut self, index: usize, mut unit: Unit) -> Result<(), Error> {
        let shift = self.shift(unit.dts);
        unit.dts = unit.dts.saturating_add(shift);
        unit.pts = unit.pts.saturating_add(shift);
        if self.lanes.get(index).is_some_and(Lane::is_section) {
            crate::scte35::shift_times(&mut unit.data, shift);
        }
        if self.slots.is_some() {
            self.schedule(index, &unit)?;
        } else {
            self.variable(index, &mut unit)?;
        }
        if self.spare.len() < SPARE && unit.data.capacity() <= SPARE_LEN {
            unit.data.clear();
            self.spare.push(unit.data);
        }
        Ok(())
    }

    /// The clock when data of this decoding time comes, in ticks of 27 MHz.
    fn arrival(&self, dts: i64) -> i64 {
        dts.saturating_sub(Timescale::KHZ_90.ticks(self.config.delay))
            .saturating_mul(PER_TICK)
    }
}

impl Lane {
    /// Numbers streams of one kind: the second sound of a program is not to have the first one's `stream_id`.
    fn number_streams(&mut self, before: &[Lane]) {
        if !self.stream_id.is_audio() && !self.stream_id.is_video() {
            return;
        }
        let same = |lane: &&Lane| lane.program == self.program && lane.kind == self.kind;
        let number = u8::try_from(before.iter().filter(same).count()).unwrap_or(0);
        self.stream_id = if self.stream_id.is_audio() {
            crate::pes::StreamId::audio(number)
        } else {
            crate::pes::StreamId::video(number)
        };
    }

    /// Appends the header of a unit's PES packet.
    fn pes_header(&self, unit: &Unit, out: &mut Vec<u8>) -> Result<(), Error> {
        let stamp = |time: i64| time.cast_unsigned() & (WRAP - 1);
        let is_video = self.kind == Kind::Video;
        let fields = Fields {
            pts: Some(stamp(unit.pts)),
            dts: Some(stamp(unit.dts)).filter(|_| is_video && unit.dts != unit.pts),
            data_alignment_indicator: true,
            ..Fields::default()
        };
        let mut header = Header::with_fields(self.stream_id, fields);
        match header.set_data_len(unit.len()) {
            Ok(()) => {}
            // Only video may leave its length open.
            Err(_) if is_video => header.packet_length = 0,
            Err(error) => return Err(error),
        }
        header.encode(out)
    }
}
