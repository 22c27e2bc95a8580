use super::tables::{Entry, Tables};
use crate::Error;
use crate::boxes::{FourCc, SampleEntry};
use crate::codec::sample_entry;
use alloc::borrow::Cow;
use alloc::vec::Vec;
use core::num::NonZeroU32;
use media::{Codec, Flags, Sample, Time, Timescale, Track, TrackId};
use wire::TooLong;

/// What is written down of a sample: all but its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) dts: i64,
    pub(crate) pts: i64,
    pub(crate) duration: Option<u32>,
    pub(crate) flags: Flags,
    pub(crate) size: u32,
}

impl Facts {
    pub(crate) fn of(sample: &Sample) -> Result<Self, Error> {
        let size = u32::try_from(sample.data.len()).map_err(|_| TooLong {
            what: "sample_size",
            value: sample.data.len() as u64,
            max: u32::MAX.into(),
        })?;
        Ok(Self {
            dts: sample.dts,
            pts: sample.pts,
            duration: sample.duration.map(NonZeroU32::get),
            flags: sample.flags,
            size,
        })
    }
}

/// What is known of one track by now.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Lane {
    pub(crate) track: Track,
    /// Clock of the samples that come: the file keeps the one that it begins with.
    clock: Timescale,
    pub(crate) entries: Vec<SampleEntry>,
    /// Number of the sample description that holds now, from 1.
    pub(crate) description: u32,
    /// Whether parameter sets stand in the samples, too.
    in_band: bool,
    /// They are to stand in the next one, whatever it is: others may come between two pictures.
    sets_due: bool,
    pub(super) tables: Tables,
    /// The last sample, whose duration the next one tells.
    last: Option<Facts>,
    pub(crate) first_dts: Option<i64>,
    /// Least time of presentation, and the greatest end of one.
    pub(crate) presented: Option<(i64, i64)>,
    pub(super) bytes: u64,
    rate: Rate,
    pub(super) largest_sample: u32,
}

/// The most bytes in any second, counted from whole seconds on.
#[derive(Debug, Clone, Default, PartialEq)]
struct Rate {
    second: i64,
    bytes: u64,
    most: u64,
}

/// The sample entry of a codec whose parameter sets stand in the samples, or do not.
fn entry(codec: &Codec, in_band: bool) -> Result<SampleEntry, Error> {
    let mut entry = sample_entry(codec)?;
    if let (SampleEntry::Visual(visual), true) = (&mut entry, in_band) {
        match codec {
            Codec::H264(_) => visual.format = FourCc(*b"avc3"),
            // Samples have lengths of their own, and sets get 4 bytes.
            Codec::Hevc(config) if config.length_size() == 4 => {
                visual.format = FourCc(*b"hev1");
            }
            _ => {}
        }
    }
    Ok(entry)
}

/// Whether a sample entry does where another one is asked for.
fn holds_for(known: &SampleEntry, entry: &SampleEntry) -> bool {
    let in_band = |entry: &SampleEntry| match entry {
        SampleEntry::Visual(visual) => {
            let format = visual.format;
            Some(format).filter(|format| matches!(&format.0, b"avc3" | b"hev1"))
        }
        _ => None,
    };
    known == entry || in_band(known).is_some() && in_band(known) == in_band(entry)
}

impl Lane {
    pub(crate) fn new(track: &Track) -> Result<Self, Error> {
        Self::with(track, false)
    }

    /// A track whose parameter sets stand in its samples, where its codec has some: any of them may hold from there on.
    pub(crate) fn with(track: &Track, in_band: bool) -> Result<Self, Error> {
        if track.id == TrackId(0) {
            return Err(Error::Invalid {
                field: "track_ID",
                value: 0,
                offset: 0,
            });
        }
        Ok(Self {
            entries: [entry(&track.codec, in_band)?].into(),
            description: 1,
            in_band,
            sets_due: false,
            track: track.clone(),
            clock: track.timescale,
            tables: Tables::default(),
            last: None,
            first_dts: None,
            presented: None,
            bytes: 0,
            rate: Rate::default(),
            largest_sample: 0,
        })
    }

    /// Whether the sample description that holds now does for another configuration, too.
    pub(crate) fn describes(&self, track: &Track) -> Result<bool, Error> {
        let entry = entry(&track.codec, self.in_band)?;
        let now = usize::try_from(self.description).ok();
        let now = now.and_then(|now| self.entries.get(now.checked_sub(1)?));
        Ok(now.is_some_and(|now| holds_for(now, &entry)))
    }

    /// Takes another configuration of the same track. Says whether it needs a sample description that was not there.
    pub(crate) fn set_track(&mut self, track: &Track) -> Result<bool, Error> {
        // A player drops what the first configuration says, and the end what the last one says.
        let (priming, timescale) = (self.track.priming, self.track.timescale);
        self.sets_due |= self.track.codec != track.codec;
        self.track = track.clone();
        self.track.priming = priming;
        self.track.timescale = timescale;
        self.clock = track.timescale;
        self.track.trim = u32::try_from(self.ticks(track.trim.into())).unwrap_or(0);
        let entry = entry(&track.codec, self.in_band)?;
        if self.first_dts.is_none() {
            // No sample has needed the one that there was.
            self.entries = [entry].into();
            return Ok(true);
        }
        let known = self
            .entries
            .iter()
            .position(|known| holds_for(known, &entry));
        if known.is_none() {
            self.entries.push(entry);
        }
        let at = known.unwrap_or(self.entries.len().saturating_sub(1));
        self.description = u32::try_from(at).unwrap_or(u32::MAX).saturating_add(1);
        Ok(known.is_none())
    }

    /// A time in the file.
    fn ticks(&self, time: i64) -> i64 {
        self.clock.rescale(time, self.track.timescale)
    }

    /// A sample's times, and how long it lasts, in the file.
    fn timed(&self, dts: i64, pts: i64, duration: Option<u32>) -> (i64, i64, Option<u32>) {
        if self.clock == self.track.timescale {
            return (dts, pts, duration);
        }
        let start = self.ticks(dts);
        let end = |duration: u32| self.ticks(dts.saturating_add(duration.into()));
        let length = |duration| u32::try_from(end(duration).saturating_sub(start)).ok();
        (start, self.ticks(pts), duration.and_then(length))
    }

    /// What is known of a sample, as the file has it.
    pub(crate) fn noted(&self, mut facts: Facts) -> Facts {
        (facts.dts, facts.pts, facts.duration) = self.timed(facts.dts, facts.pts, facts.duration);
        facts
    }

    /// A sample as it is written: with the parameter sets before a picture that needs nothing else, and where they changed, if they stand in samples.
    pub(crate) fn write<'a>(&mut self, sample: &'a Sample) -> Cow<'a, Sample> {
        let mut sample = Cow::Borrowed(sample);
        if self.clock != self.track.timescale {
            let own = sample.to_mut();
            let duration = own.duration.map(NonZeroU32::get);
            let (dts, pts, duration) = self.timed(own.dts, own.pts, duration);
            (own.dts, own.pts) = (dts, pts);
            own.duration = duration.and_then(NonZeroU32::new);
        }
        let is_due = core::mem::take(&mut self.sets_due) || sample.is_sync();
        let has_lengths = match &self.track.codec {
            Codec::Hevc(config) => config.length_size() == 4,
            _ => true,
        };
        if !self.in_band || !is_due || !has_lengths {
            return sample;
        }
        let mut data = Vec::new();
        for set in self.track.codec.parameter_sets() {
            // Records have lengths of 16 bits: none is too long.
            let _ = h264::length_prefixed::push(set, &mut data);
        }
        if !data.is_empty() {
            data.extend_from_slice(&sample.data);
            sample.to_mut().data = data.into();
        }
        sample
    }

    /// Takes note of a sample.
    ///
    /// # Errors
    /// [`Error::State`] where decoding times go back, [`Error::TooLong`] for a step or an offset past 32 bits.
    pub(crate) fn push(&mut self, facts: Facts) -> Result<(), Error> {
        let offset = facts.pts.saturating_sub(facts.dts);
        if i32::try_from(offset).is_err() {
            return Err(TooLong {
                what: "sample_offset",
                value: offset.unsigned_abs(),
                max: i32::MAX.unsigned_abs().into(),
            }
            .into());
        }
        if self.tables.count().checked_add(2).is_none() {
            return Err(TooLong {
                what: "sample_count",
                value: 1 << 32,
                max: u32::MAX.into(),
            }
            .into());
        }
        if let Some(last) = self.last {
            let step = facts.dts.checked_sub(last.dts);
            let Some(step) = step.and_then(|step| u64::try_from(step).ok()) else {
                return Err(Error::State("a sample's decoding time goes back"));
            };
            let delta = u32::try_from(step).map_err(|_| TooLong {
                what: "sample_delta",
                value: step,
                max: u32::MAX.into(),
            })?;
            self.note(last, delta);
        }
        self.last = Some(facts);
        self.first_dts.get_or_insert(facts.dts);
        // What is shown is shown for a tick at least: edits end behind it.
        let end = facts.pts.saturating_add(facts.duration.unwrap_or(1).into());
        let (least, greatest) = self.presented.unwrap_or((facts.pts, end));
        self.presented = Some((least.min(facts.pts), greatest.max(end)));
        self.bytes = self.bytes.saturating_add(facts.size.into());
        self.largest_sample = self.largest_sample.max(facts.size);
        let second = facts.dts.div_euclid(self.track.timescale.get().into());
        self.rate.add(second, facts.size);
        Ok(())
    }

    fn note(&mut self, facts: Facts, delta: u32) {
        self.tables.push(Entry {
            delta,
            // Checked when the sample came.
            offset: i32::try_from(facts.pts.saturating_sub(facts.dts)).unwrap_or(0),
            size: facts.size,
            is_sync: facts.flags.contains(Flags::SYNC),
            is_disposable: facts.flags.contains(Flags::DISPOSABLE),
        });
        if facts.duration.is_none() {
            let end = facts.pts.saturating_add(delta.into());
            self.presented = self
                .presented
                .map(|(least, greatest)| (least, greatest.max(end)));
        }
    }

    /// Says where samples lie that came since the last chunk.
    pub(crate) fn push_chunk(&mut self, offset: u64, samples: u32, description: u32) {
        self.tables.push_chunk(offset, samples, description);
    }

    /// Takes down the last sample, by its own duration, or by that of the one before it.
    pub(crate) fn finish(&mut self) {
        if let Some(last) = self.last.take() {
            let before = self.tables.last_delta();
            self.note(last, last.duration.unwrap_or(before));
        }
    }

    /// When its presentation begins, priming passed over.
    pub(crate) fn start(&self) -> Option<Time> {
        let (least, _) = self.presented?;
        let start = least.saturating_add(self.track.priming.into());
        Some(self.track.timescale.time(start))
    }

    /// Ticks between the last two samples.
    pub(crate) fn last_delta(&self) -> u32 {
        self.tables.last_delta()
    }

    pub(crate) fn tables_len(&self) -> usize {
        self.tables.len()
    }

    /// Bits per second: most and average.
    pub(super) fn bitrates(&self) -> (u32, u32) {
        let bits = |bytes: u64| u32::try_from(bytes.saturating_mul(8)).unwrap_or(u32::MAX);
        let timescale = u64::from(self.track.timescale.get());
        let duration = self.tables.duration();
        let average = u128::from(self.bytes)
            .saturating_mul(timescale.into())
            .checked_div(duration.into());
        let average = bits(u64::try_from(average.unwrap_or(0)).unwrap_or(u64::MAX));
        (
            bits(self.rate.most.max(self.rate.bytes)).max(average),
            average,
        )
    }
}

impl Rate {
    fn add(&mut self, second: i64, size: u32) {
        if second != self.second {
            self.most = self.most.max(self.bytes);
            self.second = second;
            self.bytes = 0;
        }
        self.bytes = self.bytes.saturating_add(size.into());
    }
}
