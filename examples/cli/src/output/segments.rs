use super::Sink;
use anyhow::{Context, Result};
use media::{
    Codec, Event, Sample, SegmentInfo, Segmented, Segmenter, Time, TrackId, Tracks, segmenter,
};
use mp4::packager::{self, Output, Packager};
use std::collections::HashMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

/// Seconds of a segment: it is cut at the first keyframe after them.
const TARGET: Duration = Duration::from_secs(6);

/// How files are cut, at the first keyframe after `target`: nothing is left out, and tracks wait for each other.
pub fn cuts(target: Duration) -> segmenter::Config {
    let mut config = segmenter::Config::segments(Time::from(target));
    config.lead_in = Time::from_nanos(i64::MAX);
    config.max_wait = Time::from_millis(10_000);
    config.max_held = 1 << 20;
    config
}

/// A manifest of everything, with its segments of fragmented MP4 beside it.
pub struct Segments {
    path: PathBuf,
    /// What the names of segments start with.
    stem: String,
    segmenter: Segmenter,
    packager: Packager,
    manifest: Manifest,
    /// The segments that are being written, by track.
    open: HashMap<Option<TrackId>, File>,
}

/// What lists the segments.
enum Manifest {
    Hls(hls::live::Playlist),
    Dash(dash::live::Presentation),
}

impl Manifest {
    fn set_tracks(&mut self, tracks: &Tracks) {
        if let Self::Dash(presentation) = self {
            presentation.set_tracks(tracks);
        }
    }

    fn push_segment(&mut self, info: &SegmentInfo) -> Result<()> {
        match self {
            Self::Hls(playlist) => playlist.push_segment(info)?,
            Self::Dash(presentation) => presentation.push_segment(info)?,
        }
        Ok(())
    }

    fn finish(&mut self) -> bytes::Bytes {
        match self {
            Self::Hls(playlist) => {
                playlist.end();
                playlist.to_bytes()
            }
            Self::Dash(presentation) => {
                presentation.end();
                presentation.to_bytes()
            }
        }
    }
}

impl Segments {
    /// An HLS playlist, with all tracks in the same segments.
    pub fn hls(path: &str) -> Self {
        let stem = stem(path);
        let mut config = hls::live::Config::new(TARGET);
        config.window = Duration::MAX;
        config.max_segments = usize::MAX;
        let uri = |kind, suffix| hls::live::UriTemplate::new(&format!("{stem}-{kind}-"), suffix);
        config.segment_uri = uri("segment", ".m4s");
        config.init_uri = Some(uri("init", ".mp4"));
        let manifest = Manifest::Hls(hls::live::Playlist::new(config));
        Self::new(path, manifest, packager::Config::muxed())
    }

    /// A DASH manifest, with each track in segments of its own.
    pub fn dash(path: &str) -> Self {
        let stem = stem(path);
        let mut config = dash::live::Config::on_demand(TARGET);
        config.media = format!("{stem}-{}", config.media);
        config.initialization = format!("{stem}-{}", config.initialization);
        let manifest = Manifest::Dash(dash::live::Presentation::new(config));
        Self::new(path, manifest, packager::Config::per_track())
    }

    fn new(path: &str, manifest: Manifest, config: packager::Config) -> Self {
        Self {
            path: path.into(),
            stem: stem(path),
            segmenter: Segmenter::new(cuts(TARGET)),
            packager: Packager::new(config),
            manifest,
            open: HashMap::new(),
        }
    }

    fn beside(&self, name: &str) -> PathBuf {
        self.path.with_file_name(format!("{}-{name}", self.stem))
    }

    fn work(&mut self) -> Result<()> {
        while let Some(segmented) = self.segmenter.poll_output() {
            if let Segmented::Tracks(tracks) = &segmented {
                self.manifest.set_tracks(tracks);
            }
            self.packager.handle(&segmented)?;
            while let Some(output) = self.packager.poll_output() {
                self.write(output)?;
            }
        }
        Ok(())
    }

    fn write(&mut self, output: Output) -> Result<()> {
        match output {
            Output::Init(init) => {
                let path = self.beside(&init.name());
                fs::write(&path, &init.data).with_context(|| path.display().to_string())?;
            }
            Output::Part(part) => {
                let info = part.info;
                let track = info
                    .track
                    .map_or(String::new(), |track| format!("{track}-"));
                let path = self.beside(&format!("segment-{track}{}.m4s", info.segment));
                let name = || path.display().to_string();
                if info.part == 0 {
                    self.open
                        .insert(info.track, File::create(&path).with_context(name)?);
                }
                if let Some(file) = self.open.get_mut(&info.track) {
                    file.write_all(&part.data).with_context(name)?;
                }
            }
            Output::Segment(segment) => {
                self.open.remove(&segment.info.track);
                self.manifest.push_segment(&segment.info)?;
            }
        }
        Ok(())
    }
}

fn stem(path: &str) -> String {
    let stem = std::path::Path::new(path).file_stem();
    stem.map_or("stream".into(), |stem| stem.to_string_lossy().into_owned())
}

impl Sink for Segments {
    fn name(&self) -> String {
        match self.manifest {
            Manifest::Hls(_) => "HLS with fragmented MP4".into(),
            Manifest::Dash(_) => "DASH".into(),
        }
    }

    fn can_carry(&self, codec: &Codec) -> bool {
        mp4::codec::sample_entry(codec).is_ok()
    }

    fn set_tracks(&mut self, tracks: &Tracks) -> Result<()> {
        self.segmenter.handle_event(&Event::Tracks(tracks.clone()));
        self.work()
    }

    fn handle_sample(&mut self, sample: &Sample) -> Result<()> {
        self.segmenter.handle_event(&Event::Sample(sample.clone()));
        self.work()
    }

    fn handle_event(&mut self, event: &Event) -> Result<()> {
        self.segmenter.handle_event(event);
        self.work()
    }

    fn finish(&mut self) -> Result<()> {
        self.segmenter.finish();
        self.work()?;
        let text = self.manifest.finish();
        fs::write(&self.path, &text).with_context(|| self.path.display().to_string())
    }
}
