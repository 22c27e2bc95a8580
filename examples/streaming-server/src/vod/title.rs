//! A file that is served: its playlists and manifest, its segments when they are asked for.

use super::plan::{Plan, TARGET};
use super::source::{self, Source};
use crate::captions;
use crate::cue::{Breaks, Cue};
use crate::timed;
use anyhow::{Context, Result};
use bytes::Bytes;
use hls::live;
use hls::tag::PlaylistType;
use media::{
    Codec, Cut, Sample, SegmentInfo, Segmented, Time, Timescale, TrackId, Tracks, WallClock,
};
use mp4::packager::{self, Output, Packager};
use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

/// A file that was opened.
#[derive(Debug)]
pub(crate) struct Title {
    path: PathBuf,
    source: Source,
    plan: Plan,
    /// Init segments, that of all tracks together under `None`.
    inits: BTreeMap<Option<TrackId>, Bytes>,
    multivariant: Bytes,
    playlist: Bytes,
    manifest: Bytes,
}

impl Title {
    /// # Errors
    /// For a file that cannot be read, is of another format, or has nothing to play.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let (source, plan) = source::open(path)?;
        let mut title = Self {
            path: path.into(),
            source,
            plan,
            inits: BTreeMap::new(),
            multivariant: Bytes::new(),
            playlist: Bytes::new(),
            manifest: Bytes::new(),
        };
        let muxed = title.plan.muxed();
        let mut inits = title
            .pack(packager::Config::muxed(), &muxed, 0, None)?
            .inits;
        let tracks = title.plan.tracks.clone();
        inits.extend(
            title
                .pack(packager::Config::per_track(), &tracks, 0, None)?
                .inits,
        );
        title.inits = inits;
        let captions = title.captions();
        (title.multivariant, title.playlist) = title.make_playlists(captions)?;
        title.manifest = title.make_manifest(captions)?;
        Ok(title)
    }

    /// The captions that the first segment has.
    fn captions(&self) -> captions::Found {
        let mut found = captions::Found::default();
        let pictures = self.plan.lead();
        let Some(track) = pictures.filter(|track| matches!(track.codec, Codec::H264(_))) else {
            return found;
        };
        // What cannot be read will be told when it is asked for.
        let first = source::read(&self.path, &self.source, &self.plan, 0, &[track.id]);
        for sample in first.unwrap_or_default().values().flatten() {
            found.look(sample);
        }
        found
    }

    /// Its tracks of pictures and sound.
    pub(crate) const fn tracks(&self) -> &Tracks {
        &self.plan.tracks
    }

    /// The track on whose key frames segments begin.
    pub(crate) fn lead(&self) -> Option<TrackId> {
        self.plan.lead().map(|track| track.id)
    }

    /// When the first sample of all is shown.
    pub(crate) fn start(&self) -> Time {
        let first = self.plan.first.values();
        let times = first.filter_map(|sample| {
            let track = self.plan.tracks.find(sample.track)?;
            Some(track.timescale.time(sample.pts))
        });
        times.min().unwrap_or(Time::ZERO)
    }

    /// When the last one has been.
    pub(crate) fn end(&self) -> Time {
        let last = self.plan.segments.last().map(|last| &last.spans);
        let ends = last.into_iter().flatten().filter_map(|(id, span)| {
            let track = self.plan.tracks.find(*id)?;
            // Pictures that are reordered are shown as much later as the first one is.
            let first = self.plan.first.get(id);
            let later = first.map_or(0, |first| first.pts - first.dts);
            Some(track.timescale.time(span.end + later))
        });
        ends.max().unwrap_or(Time::ZERO)
    }

    /// How many segments it has.
    pub(crate) const fn segments(&self) -> usize {
        self.plan.segments.len()
    }

    /// The last segment that begins at or before a time, or the first.
    pub(crate) fn segment_at(&self, time: Time) -> usize {
        let behind = self
            .plan
            .segments
            .partition_point(|segment| segment.time <= time);
        behind.saturating_sub(1)
    }

    /// The samples of some tracks in a segment.
    ///
    /// # Errors
    /// Where the file cannot be read, or has changed.
    pub(crate) fn samples(
        &self,
        index: usize,
        wanted: &[TrackId],
    ) -> Result<BTreeMap<TrackId, Vec<Sample>>> {
        source::read(&self.path, &self.source, &self.plan, index, wanted)
    }

    pub(super) fn manifest(&self) -> Bytes {
        self.manifest.clone()
    }

    pub(super) fn multivariant(&self) -> Bytes {
        self.multivariant.clone()
    }

    pub(super) fn playlist(&self) -> Bytes {
        self.playlist.clone()
    }

    pub(super) fn init(&self, track: Option<TrackId>) -> Option<Bytes> {
        self.inits.get(&track).cloned()
    }

    /// Seconds.
    pub(super) fn duration(&self) -> f64 {
        let infos = (0..self.plan.segments.len()).filter_map(|index| self.info(None, index));
        let nanos = infos
            .map(|info| duration(info.duration, info.timescale))
            .sum::<i64>();
        nanos as f64 / 1e9
    }

    /// A segment of all tracks together, or of one.
    ///
    /// # Errors
    /// Where the file cannot be read, or has changed.
    pub(super) fn segment(
        &self,
        track: Option<TrackId>,
        index: usize,
    ) -> Result<Option<Vec<Bytes>>> {
        let (config, tracks) = match track {
            None => (packager::Config::muxed(), self.plan.muxed()),
            Some(id) => {
                let one = self.plan.tracks.iter().filter(|track| track.id == id);
                (packager::Config::per_track(), one.cloned().collect())
            }
        };
        if tracks.is_empty() || index >= self.plan.segments.len() {
            return Ok(None);
        }
        let wanted: Vec<TrackId> = tracks.iter().map(|track| track.id).collect();
        let samples = source::read(&self.path, &self.source, &self.plan, index, &wanted)?;
        let packed = self.pack(config, &tracks, index, Some(&samples))?;
        Ok(packed.segments.into_iter().next_back())
    }

    /// Packs the samples of a segment. The first sample of each track goes before, so that the packager lays the same time
    /// line as if all between had come.
    fn pack(
        &self,
        config: packager::Config,
        tracks: &Tracks,
        index: usize,
        samples: Option<&BTreeMap<TrackId, Vec<Sample>>>,
    ) -> Result<Packed> {
        let mut packager = Packager::new(config);
        let mut packed = Packed::default();
        let more = (!self.plan.events.is_empty()).then(timed::track);
        let all = tracks.iter().cloned().chain(more).collect();
        packager.handle(&Segmented::Tracks(all))?;
        let numbers = if index == 0 {
            vec![index]
        } else {
            vec![0, index]
        };
        for number in numbers {
            let mut merged: Vec<Sample> = Vec::new();
            for track in tracks {
                let spans = &self
                    .plan
                    .segments
                    .get(number)
                    .context("no such segment")?
                    .spans;
                let start = spans.get(&track.id).map_or(0, |span| span.start);
                let cut = Cut {
                    segment: number as u64,
                    part: 0,
                    time: start,
                    independent: true,
                    discontinuity: false,
                };
                packager.handle(&Segmented::Cut {
                    track: track.id,
                    cut,
                })?;
                match samples {
                    Some(samples) if number == index => {
                        merged.extend(samples.get(&track.id).into_iter().flatten().cloned());
                    }
                    _ => merged.extend(self.plan.first.get(&track.id).cloned()),
                }
            }
            // Metadata goes with the pictures, or where there are none with what there is.
            let leads = self.plan.lead().map(|lead| lead.id);
            if number == index && tracks.iter().any(|track| Some(track.id) == leads) {
                for event in self.plan.id3(index) {
                    let sample = timed::sample(event.data.to_vec(), event.time);
                    packager.handle(&Segmented::Sample(sample))?;
                }
            }
            for mut sample in merged {
                sample.duration = sample.duration.or(NonZeroU32::new(1));
                packager.handle(&Segmented::Sample(sample))?;
            }
        }
        packager.handle(&Segmented::End)?;
        while let Some(output) = packager.poll_output() {
            match output {
                Output::Init(init) => drop(packed.inits.insert(init.track, init.data)),
                Output::Segment(segment) => packed.segments.push(segment.data),
                Output::Part(_) => {}
            }
        }
        Ok(packed)
    }

    /// What a playlist says of a segment: of all tracks together by its lead, or of one.
    fn info(&self, track: Option<TrackId>, index: usize) -> Option<SegmentInfo> {
        let segment = self.plan.segments.get(index)?;
        let of = match track {
            Some(id) => self.plan.tracks.find(id)?,
            None => self.plan.lead()?,
        };
        let span = segment.spans.get(&of.id)?;
        let size = match track {
            Some(_) => span.bytes,
            None => segment.spans.values().map(|span| span.bytes).sum(),
        };
        // To the start of the next one: gaps belong to the segment before.
        let next = self.plan.segments.get(index + 1);
        let next = next.and_then(|next| next.spans.get(&of.id));
        let end = next.map_or(span.end, |next| next.start);
        let first = self.plan.first.get(&of.id);
        let delay = first.map_or(0, |first| first.pts - first.dts);
        Some(SegmentInfo {
            track,
            segment: index as u64,
            parts: 1,
            init: 0,
            start: span.start + delay,
            duration: u64::try_from(end - span.start).unwrap_or(0),
            timescale: of.timescale,
            independent: true,
            discontinuity: false,
            // Boxes, about.
            size: size + 512,
        })
    }

    /// The multivariant playlist, and that of the segments.
    fn make_playlists(&self, captions: captions::Found) -> Result<(Bytes, Bytes)> {
        let mut config = live::Config::new(TARGET);
        config.playlist_type = Some(PlaylistType::Vod);
        let mut playlist = live::Playlist::new(config);
        let mut cues = self.cues().peekable();
        let mut breaks = Breaks::default();
        if cues.peek().is_some() {
            // Date ranges need dates, and what a file has happens on no day: the time that is zero is that of Unix.
            playlist.set_clock(Time::ZERO, WallClock::from_unix_nanos(0));
        }
        for index in 0..self.plan.segments.len() {
            let Some(info) = self.info(None, index) else {
                continue;
            };
            let start = info.timescale.time(info.start);
            let lasts = i64::try_from(info.duration).unwrap_or(i64::MAX);
            let end = start + info.timescale.time(lasts);
            while let Some((cue, time)) = cues.next_if(|(_, time)| *time < end) {
                cue.tell(&mut playlist, &mut breaks, time, 0);
            }
            playlist.push_segment(&info)?;
        }
        playlist.end();
        let variant = live::Variant {
            uri: "stream.m3u8",
            tracks: &self.plan.muxed(),
            bandwidth: playlist.bandwidth().context("nothing to play")?,
            audio: None,
            closed_captions: captions.group(),
        };
        let multivariant = live::multivariant_with([], captions.hls(), [variant]);
        let mut text = Vec::new();
        multivariant.write(&mut text);
        Ok((text.into(), playlist.to_bytes()))
    }

    /// Cues, and when they are meant for.
    fn cues(&self) -> impl Iterator<Item = (Cue, Time)> {
        let sections = self.plan.events.iter().filter(|event| !event.is_id3);
        sections.filter_map(|event| Some((Cue::read(event.data.to_vec())?, event.time)))
    }

    fn make_manifest(&self, captions: captions::Found) -> Result<Bytes> {
        let mut config = dash::live::Config::on_demand(TARGET);
        if self.plan.events.iter().any(|event| event.is_id3) {
            config.inband_events = vec![timed::scheme()];
        }
        let mut presentation = dash::live::Presentation::new(config);
        presentation.set_captions(captions.dash());
        presentation.set_tracks(&self.plan.tracks);
        for index in 0..self.plan.segments.len() {
            for track in &self.plan.tracks {
                if let Some(info) = self.info(Some(track.id), index) {
                    presentation.push_segment(&info)?;
                }
            }
        }
        for (cue, time) in self.cues() {
            presentation.push_event(cue.event(time));
        }
        presentation.end();
        Ok(presentation.to_bytes())
    }
}

#[derive(Debug, Default)]
struct Packed {
    inits: BTreeMap<Option<TrackId>, Bytes>,
    segments: Vec<Vec<Bytes>>,
}

fn duration(ticks: u64, timescale: Timescale) -> i64 {
    timescale
        .time(i64::try_from(ticks).unwrap_or(i64::MAX))
        .as_nanos()
}
