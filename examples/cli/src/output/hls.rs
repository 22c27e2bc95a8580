use super::Sink;
use anyhow::{Context, Result};
use media::{Codec, Event, Sample, Segmented, Segmenter, Time, Tracks, segmenter};
use mp4::packager::{self, Output, Packager};
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Seconds of a segment, cut at the first keyframe after them.
pub const TARGET: u64 = 6;

/// A segmenter for files: nothing is left out, and tracks wait for each other.
pub fn segmenter() -> Segmenter {
    let mut config = segmenter::Config::segments(Time::from_millis(1000 * TARGET as i64));
    config.lead_in = Time::from_nanos(i64::MAX);
    config.max_wait = Time::from_millis(10_000);
    config.max_held = 1 << 20;
    Segmenter::new(config)
}

/// An HLS playlist of everything, with its segments beside it.
pub struct Hls {
    path: PathBuf,
    /// What the names of segments start with.
    stem: String,
    segmenter: Segmenter,
    packager: Packager,
    playlist: hls::live::Playlist,
    segment: Option<File>,
}

impl Hls {
    pub fn new(path: &str) -> Self {
        let path = PathBuf::from(path);
        let stem = path
            .file_stem()
            .map_or("stream".into(), |stem| stem.to_string_lossy().into_owned());
        let mut config = hls::live::Config::new(Duration::from_secs(TARGET));
        config.window = Duration::MAX;
        config.max_segments = usize::MAX;
        let uri = |kind, suffix| hls::live::UriTemplate::new(&format!("{stem}-{kind}-"), suffix);
        config.segment_uri = uri("segment", ".m4s");
        config.init_uri = Some(uri("init", ".mp4"));
        Self {
            path,
            segmenter: segmenter(),
            packager: Packager::new(packager::Config::muxed()),
            playlist: hls::live::Playlist::new(config),
            segment: None,
            stem,
        }
    }

    fn beside(&self, name: &str) -> PathBuf {
        self.path.with_file_name(format!("{}-{name}", self.stem))
    }

    fn work(&mut self) -> Result<()> {
        while let Some(segmented) = self.segmenter.poll_output() {
            self.packager.handle(&segmented)?;
            while let Some(output) = self.packager.poll_output() {
                self.write(output)?;
            }
            if matches!(segmented, Segmented::End) {
                self.playlist.end();
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
                let path = self.beside(&format!("segment-{}.m4s", part.info.segment));
                let file = match &mut self.segment {
                    Some(file) if part.info.part > 0 => file,
                    segment => segment.insert(create(&path)?),
                };
                file.write_all(&part.data)
                    .with_context(|| path.display().to_string())?;
            }
            Output::Segment(segment) => {
                self.segment = None;
                self.playlist.push_segment(&segment.info)?;
            }
        }
        Ok(())
    }
}

pub fn create(path: &Path) -> Result<File> {
    File::create(path).with_context(|| path.display().to_string())
}

impl Sink for Hls {
    fn name(&self) -> String {
        "HLS with fragmented MP4".into()
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
        let text = self.playlist.to_bytes();
        fs::write(&self.path, &text).with_context(|| self.path.display().to_string())
    }
}
