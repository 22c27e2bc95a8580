//! From a publisher's events to segments and playlists.

use crate::captions;
use crate::cue::Cue;
use crate::family::Family;
use crate::meter::Meter;
use crate::origin::{Origin, Settings};
use crate::timed;
use anyhow::Context;
use media::{
    Codec, Event, Kind, Sample, Segmented, Segmenter, Time, Track, TrackId, Tracks, WallClock,
    segmenter,
};
use mp4::packager::{self, Output, Packager};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Cuts and packs what a stream's publishers send, one after the other: a pipeline outlives its publisher, so that
/// the next one continues the playlist.
#[derive(Debug)]
pub(crate) struct Pipeline {
    segmenter: Segmenter,
    config: segmenter::Config,
    /// What the renditions of the same content share.
    family: Option<Arc<Family>>,
    /// All tracks in the same segments, for HLS.
    packager: Packager,
    /// Each track in segments of its own, for DASH; `None` once that has failed.
    per_track: Option<Packager>,
    /// The tracks that DASH has, timed metadata included.
    shown: Tracks,
    tracks: Tracks,
    captions: captions::Found,
    line: TimeLine,
    next_segment: u64,
    least_segment: u64,
}

/// Puts what several publishers send on one time line: each begins where the clock on the wall says.
#[derive(Debug, Default)]
struct TimeLine {
    /// When the first sample of all came, and its time.
    start: Option<(Instant, Time)>,
    /// What is added to times, until the next jump.
    offset: Option<Time>,
    /// End of what was sent, as far as known.
    end: Time,
}

impl Pipeline {
    /// A pipeline whose first segment has this number or a greater one.
    pub(crate) fn new(settings: Settings, least_segment: u64, family: Option<Arc<Family>>) -> Self {
        // Names of segments that no other run of this server has used: caches keep what they have seen.
        let now = UNIX_EPOCH.elapsed().unwrap_or_default().as_secs();
        let first_segment = now.max(least_segment);
        // A keyframe that comes a little early by an encoder's clock still ends its segment.
        let target = settings.segment.mul_f64(0.95);
        let mut config = segmenter::Config::segments(target.into());
        config.first_segment = first_segment;
        config.part_target = settings.part.map(Time::from);
        Self {
            segmenter: Segmenter::new(config.clone()),
            config,
            family,
            packager: Packager::new(packager::Config::muxed()),
            per_track: Some(Packager::new(packager::Config::per_track())),
            shown: Tracks::default(),
            tracks: Tracks::default(),
            captions: captions::Found::default(),
            line: TimeLine::default(),
            next_segment: first_segment,
            least_segment,
        }
    }

    /// The number that a segment after the newest one may have.
    pub(crate) const fn next_segment(&self) -> u64 {
        self.next_segment
    }

    /// Takes what a demuxer gave, and puts what comes of it into `origin`.
    ///
    /// # Errors
    /// For tracks that fragmented MP4 cannot carry, and samples that make no sense. It should not be used again then.
    pub(crate) fn handle(
        &mut self,
        event: Event,
        origin: &Origin,
        meter: &mut Meter,
    ) -> anyhow::Result<()> {
        match event {
            Event::Sample(sample) => {
                if let Some(sample) = self.place(sample, origin, meter) {
                    self.segmenter.handle_event(&Event::Sample(sample));
                }
            }
            Event::Tracks(tracks) => {
                self.tracks = with_metadata(&tracks);
                self.segmenter
                    .handle_event(&Event::Tracks(self.tracks.clone()));
            }
            Event::Metadata(metadata) => {
                let placed = self.line.offset.is_some();
                if let Some(cue) = Cue::find(&metadata) {
                    origin.put_cue(&cue, self.line.end);
                } else if let (Some(tag), true) = (timed::tag(&metadata), placed) {
                    let sample = timed::sample(tag, self.line.end);
                    self.segmenter.handle_event(&Event::Sample(sample));
                }
            }
            Event::Discontinuity => {
                self.line.offset = None;
                meter.restart();
                self.segmenter.handle_event(&Event::Discontinuity);
            }
            other => self.segmenter.handle_event(&other),
        }
        self.drain(origin)
    }

    /// The publisher has gone: gives out the segment that was open. Whoever comes next continues after a discontinuity.
    ///
    /// # Errors
    /// As [`handle`](Self::handle).
    pub(crate) fn pause(&mut self, origin: &Origin) -> anyhow::Result<()> {
        self.line.offset = None;
        self.segmenter.handle_event(&Event::Discontinuity);
        self.drain(origin)?;
        if !self.tracks.is_empty() {
            // The same tracks once more: the packagers close their segments, and their inits stay.
            self.pack(&Segmented::Tracks(self.tracks.clone()), origin)?;
        }
        origin.discontinuity();
        Ok(())
    }

    /// Nobody comes any more: gives out what is left, and ends the playlist.
    ///
    /// # Errors
    /// As [`handle`](Self::handle).
    pub(crate) fn finish(&mut self, origin: &Origin) -> anyhow::Result<()> {
        self.segmenter.finish();
        let drained = self.drain(origin);
        origin.end();
        drained
    }

    /// Moves a sample onto the stream's time line and counts it.
    fn place(&mut self, mut sample: Sample, origin: &Origin, meter: &mut Meter) -> Option<Sample> {
        let track = self.tracks.find(sample.track)?;
        let (scale, kind) = (track.timescale, track.codec.kind());
        if matches!(track.codec, Codec::H264(_)) {
            let known = self.captions;
            self.captions.look(&sample);
            if self.captions != known {
                origin.set_captions(self.captions);
            }
        }
        let own = scale.time(sample.dts);
        let offset = match self.line.offset {
            Some(offset) => offset,
            None => {
                let offset = self.line.begin(own, Instant::now());
                let now = SystemTime::now()
                    .duration_since(UNIX_EPOCH)
                    .unwrap_or_default();
                let wall = WallClock::from_unix_nanos(Time::from(now).as_nanos());
                origin.set_clock(own + offset, self.join(own + offset, wall));
                offset
            }
        };
        let ticks = scale.ticks(offset);
        sample.dts = sample.dts.checked_add(ticks)?;
        sample.pts = sample.pts.checked_add(ticks)?;
        let time = scale.time(sample.dts);
        self.line.end = self.line.end.max(time);
        meter.sample(
            time,
            sample.data.len(),
            kind == Kind::Video,
            sample.is_sync(),
        );
        Some(sample)
    }

    /// Takes part in the clock and the numbers of other renditions; gives the clock.
    fn join(&mut self, time: Time, wall: WallClock) -> WallClock {
        let Some(family) = &self.family else {
            return wall;
        };
        let own = (self.next_segment, self.config.segment_target);
        let (wall, number) = family.join(time, wall, own);
        // Numbers can be chosen as long as none was given.
        let none_yet = self.next_segment == self.config.first_segment;
        if none_yet && number >= self.least_segment && number != self.next_segment {
            self.config.first_segment = number;
            self.next_segment = number;
            self.segmenter = Segmenter::new(self.config.clone());
            self.segmenter
                .handle_event(&Event::Tracks(self.tracks.clone()));
        }
        wall
    }

    fn drain(&mut self, origin: &Origin) -> anyhow::Result<()> {
        while let Some(segmented) = self.segmenter.poll_output() {
            self.pack(&segmented, origin)?;
        }
        Ok(())
    }

    fn pack(&mut self, segmented: &Segmented, origin: &Origin) -> anyhow::Result<()> {
        self.packager
            .handle(segmented)
            .context("cannot pack it for HLS")?;
        while let Some(output) = self.packager.poll_output() {
            self.store(output, origin)?;
        }
        if let Some(mut packager) = self.per_track.take() {
            match self.pack_tracks(&mut packager, segmented, origin) {
                Ok(()) => self.per_track = Some(packager),
                Err(error) => tracing::warn!("DASH stops, HLS goes on: {error:#}"),
            }
        }
        Ok(())
    }

    fn pack_tracks(
        &mut self,
        packager: &mut Packager,
        segmented: &Segmented,
        origin: &Origin,
    ) -> anyhow::Result<()> {
        let mut changed = false;
        match segmented {
            Segmented::Tracks(tracks) => {
                let shown = |track: &&Track| is_media(track) || track.codec == Codec::Id3;
                self.shown = tracks.iter().filter(shown).cloned().collect();
                packager.handle(&Segmented::Tracks(self.shown.clone()))?;
                changed = true;
            }
            Segmented::Cut { track, .. } if self.shown.find(*track).is_none() => {}
            Segmented::Sample(sample) if self.shown.find(sample.track).is_none() => {}
            other => packager.handle(other)?,
        }
        while let Some(output) = packager.poll_output() {
            self.store(output, origin)?;
        }
        // After the last segments of the tracks before.
        if changed {
            let media = self.shown.iter().filter(|track| is_media(track));
            origin.set_tracks(&media.cloned().collect());
        }
        Ok(())
    }

    fn store(&mut self, output: Output, origin: &Origin) -> anyhow::Result<()> {
        match output {
            Output::Init(init) => {
                origin.put_init(init.track, init.number, init.data, &self.tracks);
            }
            Output::Part(part) => origin.put_part(&part.info, part.data)?,
            Output::Segment(segment) => {
                let info = &segment.info;
                self.next_segment = info.segment + 1;
                origin.put_segment(info)?;
                if let (Some(family), None) = (&self.family, info.track) {
                    let length = i64::try_from(info.duration).unwrap_or(i64::MAX);
                    let time = |ticks| info.timescale.time(ticks);
                    family.saw(info.segment, time(info.start), time(length));
                }
            }
        }
        Ok(())
    }
}

/// What a manifest lists: other tracks are told among the segments of these.
fn is_media(track: &Track) -> bool {
    track.codec.kind() != Kind::Data
}

impl TimeLine {
    /// The offset for a time line whose first sample came now.
    fn begin(&mut self, own: Time, now: Instant) -> Time {
        let offset = match self.start {
            None => {
                self.start = Some((now, own));
                self.end = own;
                Time::ZERO
            }
            Some((start, first)) => {
                // A little past the end at least: what was sent last has its length, too.
                let place = first + Time::from(now.duration_since(start));
                place.max(self.end + Time::from(Duration::from_millis(100))) - own
            }
        };
        self.offset = Some(offset);
        offset
    }
}

/// With a track for timed metadata, unless there is one.
fn with_metadata(tracks: &Tracks) -> Tracks {
    let has_one = tracks.iter().any(|track| track.codec == Codec::Id3);
    let more = (!has_one && !tracks.is_empty()).then(timed::track);
    tracks.iter().cloned().chain(more).collect()
}

/// What a page tells of a track.
pub(crate) fn describe(tracks: &Tracks, id: TrackId) -> Option<String> {
    let track = tracks.find(id)?;
    Some(match &track.codec {
        media::Codec::H264(config) => {
            let profile = match config.profile() {
                66 => "Baseline",
                77 => "Main",
                88 => "Extended",
                100 => "High",
                110 => "High 10",
                122 => "High 4:2:2",
                244 => "High 4:4:4",
                _ => "",
            };
            let level = config.level();
            let mut text = format!("H.264 {profile} {}.{}", level / 10, level % 10);
            if let Some(sps) = config.first_sps() {
                text += &format!(", {}×{}", sps.width(), sps.height());
            }
            text
        }
        media::Codec::Aac(config) => {
            let channels = match config.channels() {
                1 => "mono".to_owned(),
                2 => "stereo".to_owned(),
                more => format!("{more} channels"),
            };
            let rate = f64::from(config.output_sampling_frequency()) / 1000.0;
            format!("AAC {rate} kHz {channels}")
        }
        other => other.rfc6381(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn publishers_follow_each_other_on_one_line() {
        let mut line = TimeLine::default();
        let start = Instant::now();
        let first = Time::from_millis(70_000);
        assert_eq!(line.begin(first, start), Time::ZERO);
        line.end = Time::from_millis(75_000);
        // Eight seconds after the first sample, another publisher begins at zero.
        let offset = line.begin(Time::ZERO, start + Duration::from_secs(8));
        assert_eq!(offset, Time::from_millis(78_000));
        // It had sent more than the clock allows: the next one begins after it all the same.
        line.end = Time::from_millis(100_000);
        let offset = line.begin(Time::from_millis(40), start + Duration::from_secs(10));
        assert_eq!(offset, Time::from_millis(100_060));
    }
}
