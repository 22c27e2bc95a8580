use crate::boxes::{IsoBox, Moov, SampleEntry};
use crate::codec::{describe, refine};
use crate::demuxer::decrypt::{Decryption, Keys};
use crate::movie::{Movie, MovieTrack, Placed};
use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use bytes::Bytes;
use core::num::NonZeroU32;
use h264::access_unit::Canonical;
use media::{Codec, Flags, Sample, Time, Track};

/// A track on its way out: what its samples are brought into form by.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) track: Track,
    /// Samples before the next one were lost.
    pub(super) lost: bool,
    length_size: u8,
    /// The sample description in use, from 1; 0: that which the movie told.
    description: u32,
    /// Where a key opens the track: how, its descriptions as those of clear samples, and the sample after the last one.
    opened: Option<Opened>,
}

#[derive(Debug)]
struct Opened {
    decryption: Decryption,
    entries: Vec<SampleEntry>,
    next: u32,
}

impl Opened {
    fn new(track: &MovieTrack, movie: &Movie, keys: &Keys) -> Option<Self> {
        let is_closed = |entry: &SampleEntry| {
            let format = entry.format().unwrap_or_default();
            matches!(&format.0, b"encv" | b"enca" | b"enct" | b"encs")
        };
        if !track.entries.iter().any(is_closed) {
            return None;
        }
        let moov = Moov::parse(&movie.bytes).ok()?;
        let mut traks = moov.traks.iter();
        let trak = traks.find(|trak| trak.tkhd.track_id == track.tkhd.track_id)?;
        let mut entries = track.entries.clone();
        let decryption = Decryption::of_movie(keys, &trak.mdia.minf.stbl, &mut entries)?;
        Some(Self {
            decryption,
            entries,
            next: 0,
        })
    }

    fn decrypt(&mut self, index: u32, data: &Bytes) -> Result<Bytes, String> {
        if index < self.next {
            self.decryption.rewind();
        }
        self.next = index.saturating_add(1);
        let opened = self.decryption.decrypt(index, data)?;
        Ok(opened.map_or_else(|| data.clone(), Bytes::from))
    }
}

/// What became of a sample.
#[derive(Debug, Default)]
pub(super) struct Given {
    pub(super) sample: Option<Sample>,
    /// The codec is another one by it.
    pub(super) changed: bool,
    pub(super) problem: Option<String>,
}

impl Lane {
    pub(super) fn new(track: &MovieTrack, movie: &Movie, keys: &Keys) -> Self {
        let mut lane = Self {
            track: track.track.clone(),
            lost: false,
            length_size: track.length_size,
            description: 0,
            opened: Opened::new(track, movie, keys),
        };
        if let Some(opened) = &lane.opened
            && let Some(entry) = opened.entries.first()
            && let Some(described) = describe(entry, track.handler_type)
        {
            lane.track.codec = described.codec;
            lane.length_size = described.length_size;
        }
        lane
    }

    /// Forgets what has been read.
    pub(super) fn reset(&mut self) {
        self.lost = false;
    }

    /// Takes another sample description; says whether the codec is another one by it.
    fn describe(&mut self, track: &MovieTrack, description: u32) -> bool {
        let first = core::mem::replace(&mut self.description, description) == 0;
        if first
            && track
                .samples()
                .samples()
                .next()
                .is_some_and(|first| first.description == description)
        {
            return false;
        }
        let entry = match &self.opened {
            Some(opened) => {
                let at = usize::try_from(description).unwrap_or(usize::MAX);
                opened
                    .entries
                    .get(at.saturating_sub(1))
                    .or(opened.entries.last())
            }
            None => track.entry(description),
        };
        let Some(described) = entry.and_then(|entry| describe(entry, track.handler_type)) else {
            return false;
        };
        self.length_size = described.length_size;
        let before = core::mem::replace(&mut self.track.codec, described.codec);
        before != self.track.codec
    }

    /// Brings a sample into its canonical form.
    pub(super) fn give(
        &mut self,
        track: &MovieTrack,
        placed: &Placed,
        data: &Bytes,
        target: Option<Time>,
    ) -> Given {
        let mut given = Given::default();
        let info = &placed.info;
        if info.description != self.description {
            given.changed = self.describe(track, info.description);
        }
        let opened = self.opened.as_mut();
        let opened = match opened
            .map(|opened| opened.decrypt(info.index, data))
            .transpose()
        {
            Ok(opened) => opened,
            Err(what) => {
                self.lost = true;
                given.problem = Some(format!("a sample cannot be decrypted: {what}"));
                return given;
            }
        };
        let data = opened.as_ref().unwrap_or(data);
        given.changed |= refine(&mut self.track.codec, data);
        let data = match &mut self.track.codec {
            Codec::H264(config) => {
                let unit = Canonical::from_length_prefixed(data, self.length_size, config);
                given.changed |= unit.reconfigured;
                given.problem = unit.error.map(|error| format!("H.264: {error}"));
                if given.problem.is_some() && unit.data.is_empty() {
                    self.lost = true;
                    return given;
                }
                match unit.data {
                    Cow::Borrowed(_) => data.clone(),
                    Cow::Owned(changed) => changed.into(),
                }
            }
            _ => data.clone(),
        };
        let timescale = self.track.timescale;
        let end = placed.pts.saturating_add(info.duration.max(1).into());
        let early = target.is_some_and(|target| timescale.time(end) <= target);
        let depends = track.samples().depends(info.index);
        let flags = Flags::SYNC.when(info.sync)
            | Flags::DISPOSABLE.when(depends.is_disposable())
            | Flags::PREROLL.when(placed.hidden || early)
            | Flags::GAP.when(core::mem::take(&mut self.lost));
        given.sample = Some(Sample {
            track: self.track.id,
            dts: placed.dts,
            pts: placed.pts,
            duration: NonZeroU32::new(info.duration),
            flags,
            data,
        });
        given
    }
}
