//! A file that is served: its playlists and manifest, its segments when they are asked for.

use super::plan::{Plan, TARGET};
use super::source::{self, Source};
use anyhow::{Context, Result};
use bytes::Bytes;
use hls::live::Bandwidth;
use hls::tag::{Inf, Map, PlaylistType};
use hls::{Decimal, Tag};
use media::{Cut, Sample, SegmentInfo, Segmented, Timescale, TrackId, Tracks};
use mp4::packager::{self, Output, Packager};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

#[derive(Debug)]
pub(super) struct Title {
    path: PathBuf,
    source: Source,
    plan: Plan,
    /// Init segments, that of all tracks together under `None`.
    inits: BTreeMap<Option<TrackId>, Bytes>,
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
        title.manifest = title.make_manifest()?;
        Ok(title)
    }

    pub(super) fn manifest(&self) -> Bytes {
        self.manifest.clone()
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
        packager.handle(&Segmented::Tracks(tracks.clone()))?;
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
        Some(SegmentInfo {
            track,
            segment: index as u64,
            parts: 1,
            init: 0,
            start: span.start,
            duration: u64::try_from(end - span.start).unwrap_or(0),
            timescale: of.timescale,
            independent: true,
            discontinuity: false,
            // Boxes, about.
            size: size + 512,
        })
    }

    pub(super) fn multivariant(&self) -> Bytes {
        let (mut bytes, mut nanos, mut peak) = (0, 0, 0);
        for info in (0..self.plan.segments.len()).filter_map(|index| self.info(None, index)) {
            let lasts = u64::try_from(duration(info.duration, info.timescale)).unwrap_or(0);
            bytes += info.size;
            nanos += lasts;
            if lasts > 1_000_000_000 {
                peak = peak.max(rate(info.size, lasts));
            }
        }
        let average = rate(bytes, nanos.max(1));
        let playlist = hls::live::multivariant([hls::live::Variant {
            uri: "stream.m3u8",
            tracks: &self.plan.muxed(),
            bandwidth: Bandwidth {
                peak: peak.max(average),
                average,
            },
            audio: None,
        }]);
        let mut text = Vec::new();
        playlist.write(&mut text);
        text.into()
    }

    pub(super) fn playlist(&self) -> Bytes {
        let infos: Vec<_> = (0..self.plan.segments.len())
            .filter_map(|index| self.info(None, index))
            .collect();
        let told = |info: &SegmentInfo| {
            let nanos = duration(info.duration, info.timescale);
            Decimal::from_nanos(Decimal::rounded(nanos, 6).as_nanos())
        };
        let target = infos.iter().map(|info| told(info).round()).max();
        let target = target.unwrap_or(0).max(TARGET.as_secs());
        let mut text = String::new();
        let mut put = |tag: Tag<'_>| {
            // Writing to a string does not fail.
            let _ = writeln!(text, "{tag}");
        };
        put(Tag::ExtM3u);
        put(Tag::Version(6));
        put(Tag::TargetDuration(target));
        put(Tag::MediaSequence(0));
        put(Tag::PlaylistType(PlaylistType::Vod));
        put(Tag::IndependentSegments);
        put(Tag::Map(Map::new("init-0.mp4")));
        for info in &infos {
            let inf = Inf {
                duration: told(info),
                title: "",
            };
            let _ = writeln!(text, "{}\nsegment-{}.m4s", Tag::Inf(inf), info.segment);
        }
        let _ = writeln!(text, "{}", Tag::EndList);
        text.into()
    }

    fn make_manifest(&self) -> Result<Bytes> {
        let mut presentation = dash::live::Presentation::new(dash::live::Config::on_demand(TARGET));
        presentation.set_tracks(&self.plan.tracks);
        for index in 0..self.plan.segments.len() {
            for track in &self.plan.tracks {
                if let Some(info) = self.info(Some(track.id), index) {
                    presentation.push_segment(&info)?;
                }
            }
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

/// Bit/s.
fn rate(bytes: u64, nanos: u64) -> u64 {
    let rate = u128::from(bytes) * 8_000_000_000 / u128::from(nanos);
    u64::try_from(rate).unwrap_or(u64::MAX)
}
