use super::fragment::Pending;
use super::{Demuxer, lane};
use crate::Error;
use crate::boxes::{FourCc, IsoBox, Moov, Prft, Raw, SampleFlags};
use crate::movie::{Merge, Movie, Order, metadata};
use alloc::borrow::Cow;
use alloc::format;
use alloc::sync::Arc;
use bytes::Bytes;
use media::{Event, Tracks, WallClock, Warning};

impl Demuxer {
    /// Tells of children that could not be read, all of one box together.
    pub(super) fn warn_damaged<'a>(
        &mut self,
        parent: FourCc,
        start: u64,
        children: impl IntoIterator<Item = &'a Raw>,
    ) {
        let mut damaged = children
            .into_iter()
            .filter_map(|raw| Some((raw, raw.error.as_ref()?)));
        if let Some((first, error)) = damaged.next() {
            let rest = damaged.fold(first.bytes.len(), |sum, (raw, _)| {
                sum.saturating_add(raw.bytes.len())
            });
            let name = first
                .box_type()
                .map_or(Cow::Borrowed("a box"), |name| Cow::Owned(format!("{name}")));
            let what = format!("{parent} has children that cannot be read: {name}: {error}");
            self.warn(Warning::new(what).at(start).skipping(rest as u64));
        }
    }

    /// Takes a `moov`; of `bytes`, if there are any, the samples that it itself has.
    pub(super) fn moov(&mut self, moov: &Moov, bytes: &[u8], start: u64) {
        let boxes = moov.traks.iter().flat_map(|trak| {
            let mdia = &trak.mdia;
            trak.other
                .iter()
                .chain(&mdia.other)
                .chain(&mdia.minf.other)
                .chain(&mdia.minf.stbl.other)
        });
        self.warn_damaged(Moov::TYPE, start, moov.other.iter().chain(boxes));
        self.end_fragment(start);
        let (mut lanes, refused) = lane::lanes(moov, &self.keys);
        if let Some(what) = refused {
            self.warn(Warning::new(what).at(start));
        }
        self.merge = None;
        let mut stbls = moov.traks.iter().map(|trak| &trak.mdia.minf.stbl);
        if !bytes.is_empty() && stbls.any(lane::has_samples) {
            self.own_samples(bytes, start, &mut lanes);
            if self.error.is_some() {
                return;
            }
        }
        let tracks: Tracks = lanes.iter().map(|lane| lane.track.clone()).collect();
        if self.init.as_ref() == Some(&tracks) {
            return;
        }
        if self.lanes.iter().any(|lane| lane.last_dts.is_some()) {
            self.events.push_back(Event::Discontinuity);
        }
        self.init = Some(tracks.clone());
        self.learning = lanes.iter().any(|lane| !lane.is_known);
        self.lanes = lanes;
        let tracks = self.with_event_tracks(&tracks);
        self.events.push_back(Event::Tracks(tracks));
        let metadata = metadata(bytes);
        if !metadata.entries.is_empty() {
            self.events.push_back(Event::Metadata(metadata));
        }
    }

    /// Gets ready for the samples that `moov` itself has.
    fn own_samples(&mut self, bytes: &[u8], start: u64, lanes: &mut [lane::Lane]) {
        let bytes = Bytes::copy_from_slice(bytes);
        let Ok(movie) = Movie::parse(bytes, start, &self.limits) else {
            return;
        };
        for details in movie
            .details()
            .iter()
            .filter(|track| !track.samples().is_empty())
        {
            let track = details.track();
            let lane = lanes.iter_mut().find(|lane| lane.track.id == track.id);
            if let Some(lane) = lane {
                (lane.track.priming, lane.track.trim) = (track.priming, track.trim);
            }
        }
        let fragmented = movie.is_fragmented();
        let merge = Merge::new(Arc::new(movie), Order::File, |_| true);
        let first = merge.next_offset();
        if first.is_some_and(|first| first < start) && !fragmented {
            let what =
                "a stream whose samples come before its moov (of a file, any place can be read)";
            self.error = Some(Error::Unsupported(what.into()));
            return;
        }
        self.absolute = false;
        self.merge = Some(merge);
    }

    /// Plans some more of the samples that `moov` itself has.
    pub(super) fn refill(&mut self) {
        /// Samples planned at once.
        const SAMPLES: usize = 256;
        if !self.plan.is_empty() {
            return;
        }
        // A sample has a byte in the file at least, or one of a table. Tables can tell of any number that have the same ones.
        let most = self.position.saturating_mul(8);
        let most = most.saturating_add(self.limits.fragment_samples as u64);
        if self.merge.is_some() && self.merged > most {
            self.merge = None;
            let what = "the tables tell of far more samples than the file has bytes";
            self.warn(Warning::new(what).at(self.position));
        }
        let Some(merge) = &mut self.merge else { return };
        while self.plan.len() < SAMPLES {
            let Some(placed) = merge.next() else {
                self.merge = None;
                break;
            };
            self.merged = self.merged.saturating_add(1);
            let Some(track) = merge.track(&placed) else {
                continue;
            };
            let Some(lane) = self
                .lanes
                .iter()
                .find(|lane| lane.track.id == track.track().id)
            else {
                continue;
            };
            let info = placed.info;
            let depends = track.samples().depends(info.index).0;
            let sync = if info.sync {
                0
            } else {
                SampleFlags::NON_SYNC.0
            };
            self.plan.push_back(Pending {
                offset: info.offset,
                size: info.size,
                duration: info.duration,
                track: lane.track.id,
                flags: SampleFlags(depends | sync & 0x1_0000),
                dts: placed.dts.saturating_sub(lane.shift),
                pts: placed.pts.saturating_sub(lane.shift),
                index: info.index,
                hidden: placed.hidden,
                description: info.description,
            });
        }
        // Tracks may lie in each other.
        self.plan
            .make_contiguous()
            .sort_by_key(|sample| sample.offset);
    }

    pub(super) fn lane_tracks(&mut self) -> Tracks {
        let tracks = self.lanes.iter().map(|lane| lane.track.clone()).collect();
        self.with_event_tracks(&tracks)
    }

    pub(super) fn tell_tracks(&mut self) {
        let tracks = self.lane_tracks();
        self.events.push_back(Event::Tracks(tracks));
    }

    pub(super) fn prft(&mut self, prft: &Prft) {
        // Seconds from 1900 to 1970.
        const EPOCHS: i128 = 2_208_988_800;
        let lane = self
            .lanes
            .iter()
            .find(|lane| lane.track.id.0 == prft.reference_track_id);
        let nanos = ((i128::from(prft.ntp_timestamp) - (EPOCHS << 32)) * 1_000_000_000) >> 32;
        if let (Some(lane), Ok(nanos)) = (lane, i64::try_from(nanos)) {
            let ticks = i64::try_from(prft.media_time)
                .unwrap_or(i64::MAX)
                .saturating_add(lane.shift);
            let time = lane.track.timescale.time(ticks);
            self.events.push_back(Event::Clock {
                time,
                wall: WallClock::from_unix_nanos(nanos),
            });
        }
    }
}
