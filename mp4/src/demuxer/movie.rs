use super::{Demuxer, lane};
use crate::Error;
use crate::boxes::{FourCc, IsoBox, Moov, Prft, Raw};
use alloc::borrow::Cow;
use alloc::format;
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

    pub(super) fn moov(&mut self, moov: &Moov, start: u64) {
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
        let (lanes, refused) = lane::lanes(moov, &self.keys);
        if let Some(what) = refused {
            self.warn(Warning::new(what).at(start));
        }
        if moov
            .traks
            .iter()
            .any(|trak| lane::has_samples(&trak.mdia.minf.stbl))
        {
            let what = "a movie whose samples are not in fragments";
            if moov.mvex.is_none() {
                self.error = Some(Error::Unsupported(what.into()));
                return;
            }
            self.warn(Warning::new("the samples that moov itself has are not read").at(start));
        }
        let tracks: Tracks = lanes.iter().map(|lane| lane.track.clone()).collect();
        if self.init.as_ref() == Some(&tracks) {
            return;
        }
        if self.lanes.iter().any(|lane| lane.last_dts.is_some()) {
            self.events.push_back(Event::Discontinuity);
        }
        self.init = Some(tracks.clone());
        self.lanes = lanes;
        self.events.push_back(Event::Tracks(tracks));
    }

    pub(super) fn tell_tracks(&mut self) {
        let tracks = self.lanes.iter().map(|lane| lane.track.clone()).collect();
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
