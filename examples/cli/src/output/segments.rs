use super::Sink;
use crate::progress::say;
use anyhow::{Context, Result};
use media::{
    Codec, Event, Kind as Content, Sample, SegmentInfo, Segmented, Segmenter, Time, TrackId,
    Tracks, segmenter,
};
use mp4::packager;
use mpegts::scte35::SpliceInfoSection;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use std::collections::HashMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

/// What a file's name may hold and a URI may not.
const ESCAPED: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'$')
    .add(b'`');

/// How files are cut, at the first keyframe after `target`: nothing is left out, and tracks wait for each other.
pub fn cuts(target: Duration) -> segmenter::Config {
    let mut config = segmenter::Config::segments(Time::from(target));
    config.lead_in = Time::from_nanos(i64::MAX);
    config.max_wait = Time::from_millis(10_000);
    config.max_held = 1 << 20;
    config
}

/// What the segments of HLS are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    /// Fragmented MP4, with an init segment.
    Mp4,
    /// Transport streams.
    Ts,
}

/// A manifest of everything, with its segments beside it.
pub struct Segments {
    path: PathBuf,
    /// What the names of segments start with.
    stem: String,
    segmenter: Segmenter,
    packager: Packager,
    name: &'static str,
    manifest: Manifest,
    is_live: bool,
    /// The segments that are being written, by track.
    open: HashMap<Option<TrackId>, File>,
    tracks: Tracks,
    /// It was told that samples are left out.
    told: bool,
}

/// 90 kHz.
fn ticks(ticks: u64) -> Option<Duration> {
    let ticks = i64::try_from(ticks).ok()?;
    media::Timescale::KHZ_90.time(ticks).to_duration()
}

/// When the command of a section that came at a time is to be done, on the same time line: its own time, of 33 bits, is the one that
/// is nearest, or else it is immediate.
fn splice_time(section: &SpliceInfoSection, came: Time) -> Time {
    const WRAP: i64 = 1 << 33;
    let Some(pts) = section.pts().and_then(|pts| i64::try_from(pts).ok()) else {
        return came;
    };
    let clock = media::Timescale::KHZ_90;
    let ahead = pts
        .wrapping_sub(clock.ticks(came))
        .wrapping_add(WRAP / 2)
        .rem_euclid(WRAP);
    came + clock.time(ahead - WRAP / 2)
}

/// What makes the segments.
enum Packager {
    Mp4(Box<packager::Packager>),
    Ts(Box<mpegts::packager::Packager>),
}

/// What a packager gives.
enum Output {
    /// A file of its own.
    Init { name: String, data: bytes::Bytes },
    /// A piece of a segment.
    Part {
        info: media::PartInfo,
        data: bytes::Bytes,
    },
    /// The end of one.
    Segment(SegmentInfo),
}

impl Packager {
    fn handle(&mut self, segmented: &Segmented) -> Result<()> {
        match self {
            Self::Mp4(packager) => packager.handle(segmented)?,
            Self::Ts(packager) => packager.handle(segmented)?,
        }
        Ok(())
    }

    fn poll_output(&mut self) -> Option<Output> {
        Some(match self {
            Self::Mp4(packager) => match packager.poll_output()? {
                packager::Output::Init(init) => Output::Init {
                    name: init.name(),
                    data: init.data,
                },
                packager::Output::Part(part) => Output::Part {
                    info: part.info,
                    data: part.data,
                },
                packager::Output::Segment(segment) => Output::Segment(segment.info),
            },
            Self::Ts(packager) => match packager.poll_output()? {
                mpegts::packager::Output::Part(part) => Output::Part {
                    info: part.info,
                    data: part.data,
                },
                mpegts::packager::Output::Segment(segment) => Output::Segment(segment.info),
            },
        })
    }

    const fn extension(&self) -> &'static str {
        match self {
            Self::Mp4(_) => "m4s",
            Self::Ts(_) => "ts",
        }
    }
}

/// What lists the segments.
enum Manifest {
    Hls(Box<hls::live::Playlist>),
    Dash(Box<dash::live::Presentation>),
}

impl Manifest {
    fn set_tracks(&mut self, tracks: &Tracks) {
        if let Self::Dash(presentation) = self {
            // What is told in boxes among the fragments of others has no segments.
            let media = |track: &&media::Track| mp4::codec::sample_entry(&track.codec).is_ok();
            presentation.set_tracks(&tracks.iter().filter(media).cloned().collect());
        }
    }

    /// A section of SCTE 35 that came at a time: of HLS tags before the segment that begins at or behind the time of its command,
    /// of DASH an event at that time.
    fn cue(&mut self, section: &[u8], came: Time) {
        let Ok(parsed) = SpliceInfoSection::parse(section) else {
            return;
        };
        let time = splice_time(&parsed, came);
        let told = parsed.as_break();
        let text = wire::base64::encode(section);
        match (self, told) {
            (Self::Hls(playlist), Some(told)) if told.begins => {
                playlist.cue_out(hls::live::CueOut {
                    time,
                    duration: told.duration.and_then(ticks),
                    auto_return: told.auto_return,
                    scte35: Some(text),
                });
            }
            (Self::Hls(playlist), Some(_)) => playlist.cue_in(time),
            (Self::Hls(_), None) => {}
            (Self::Dash(presentation), told) => {
                let id = told.map_or(0, |told| {
                    // Of one number there is one event; leaving and coming back have the same.
                    told.event_id.wrapping_mul(2) | u32::from(!told.begins)
                });
                presentation.push_event(dash::live::LiveEvent {
                    scheme: dash::live::Scheme {
                        uri: dash::live::SCTE_35.into(),
                        value: String::new(),
                    },
                    time,
                    duration: told.and_then(|told| told.duration).and_then(ticks),
                    id,
                    message: text,
                });
            }
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
    ///
    /// One that is `live` is written anew with each segment.
    pub fn hls(path: &str, kind: Kind, target: Duration, live: bool) -> Self {
        let stem = escaped(path);
        let mut config = hls::live::Config::new(target);
        config.window = Duration::MAX;
        config.max_segments = usize::MAX;
        let uri = |kind, suffix| hls::live::UriTemplate::new(&format!("{stem}-{kind}-"), suffix);
        let (packager, name) = match kind {
            Kind::Mp4 => {
                config.segment_uri = uri("segment", ".m4s");
                config.init_uri = Some(uri("init", ".mp4"));
                let packager = packager::Packager::new(packager::Config::muxed());
                (Packager::Mp4(Box::new(packager)), "HLS with fragmented MP4")
            }
            Kind::Ts => {
                config.segment_uri = uri("segment", ".ts");
                config.init_uri = None;
                let packager = mpegts::packager::Packager::new(mpegts::mux::Config::default());
                (
                    Packager::Ts(Box::new(packager)),
                    "HLS with transport streams",
                )
            }
        };
        let manifest = Manifest::Hls(Box::new(hls::live::Playlist::new(config)));
        Self {
            is_live: live,
            ..Self::new(path, target, manifest, packager, name)
        }
    }

    /// A DASH manifest, with each track in segments of its own.
    pub fn dash(path: &str, target: Duration) -> Self {
        let stem = escaped(path);
        let mut config = dash::live::Config::on_demand(target);
        config.media = format!("{stem}-{}", config.media);
        config.initialization = format!("{stem}-{}", config.initialization);
        let manifest = Manifest::Dash(Box::new(dash::live::Presentation::new(config)));
        let packager = packager::Packager::new(packager::Config::per_track());
        let packager = Packager::Mp4(Box::new(packager));
        Self::new(path, target, manifest, packager, "DASH")
    }

    fn new(
        path: &str,
        target: Duration,
        manifest: Manifest,
        packager: Packager,
        name: &'static str,
    ) -> Self {
        Self {
            path: path.into(),
            stem: stem(path),
            segmenter: Segmenter::new(cuts(target)),
            packager,
            name,
            manifest,
            is_live: false,
            open: HashMap::new(),
            tracks: Tracks::default(),
            told: false,
        }
    }

    fn beside(&self, name: &str) -> PathBuf {
        self.path.with_file_name(format!("{}-{name}", self.stem))
    }

    /// Writes the list, in one piece for who reads it meanwhile.
    fn publish(&self, text: &[u8]) -> Result<()> {
        let name = || self.path.display().to_string();
        let new = self.beside("list.new");
        fs::write(&new, text).with_context(name)?;
        fs::rename(&new, &self.path).with_context(name)
    }

    fn work(&mut self) -> Result<()> {
        while let Some(segmented) = self.segmenter.poll_output() {
            if let Segmented::Sample(sample) = &segmented
                && let Some(track) = self.tracks.find(sample.track)
                && track.codec == Codec::Scte35
            {
                let time = track.timescale.time(sample.pts);
                self.manifest.cue(&sample.data, time);
            }
            self.packager.handle(&segmented)?;
            while let Some(output) = self.packager.poll_output() {
                self.write(output)?;
            }
            // After the last segments of the tracks before.
            if let Segmented::Tracks(tracks) = &segmented {
                self.manifest.set_tracks(tracks);
                self.tracks = tracks.clone();
            }
        }
        if self.segmenter.left_out() > 0 && !std::mem::replace(&mut self.told, true) {
            say(
                "warning: tracks that join or change begin at a keyframe: what they have before it is left out",
            );
        }
        Ok(())
    }

    fn write(&mut self, output: Output) -> Result<()> {
        match output {
            Output::Init { name, data } => {
                let path = self.beside(&name);
                fs::write(&path, &data).with_context(|| path.display().to_string())?;
            }
            Output::Part { info, data } => {
                let track = info
                    .track
                    .map_or(String::new(), |track| format!("{track}-"));
                let path = self.beside(&format!(
                    "segment-{track}{}.{}",
                    info.segment,
                    self.packager.extension()
                ));
                let name = || path.display().to_string();
                if info.part == 0 {
                    self.open
                        .insert(info.track, File::create(&path).with_context(name)?);
                }
                if let Some(file) = self.open.get_mut(&info.track) {
                    file.write_all(&data).with_context(name)?;
                }
            }
            Output::Segment(info) => {
                self.open.remove(&info.track);
                self.manifest.push_segment(&info)?;
                if let (Manifest::Hls(playlist), true) = (&self.manifest, self.is_live) {
                    self.publish(&playlist.to_bytes())?;
                }
            }
        }
        Ok(())
    }
}

/// Sample entries of captions, as text, WebVTT and TTML.
const CAPTIONS: [[u8; 4]; 3] = [*b"tx3g", *b"wvtt", *b"stpp"];

/// Whether samples are data that are neither captions nor told as events.
fn is_data(codec: &Codec) -> bool {
    match codec {
        Codec::Other { kind, fourcc, .. } => {
            *kind == Content::Data && !CAPTIONS.contains(&fourcc.0)
        }
        codec => matches!(codec, Codec::Klv),
    }
}

fn stem(path: &str) -> String {
    let stem = std::path::Path::new(path).file_stem();
    stem.map_or("stream".into(), |stem| stem.to_string_lossy().into_owned())
}

/// The same in a URI.
fn escaped(path: &str) -> String {
    utf8_percent_encode(&stem(path), ESCAPED).to_string()
}

impl Sink for Segments {
    fn name(&self) -> String {
        self.name.into()
    }

    fn can_carry(&self, codec: &Codec) -> bool {
        match self.packager {
            // Timed ID3 and cues become boxes among the fragments.
            // Nothing says in a manifest what data of other kinds are: timecodes, chapters.
            Packager::Mp4(_) if matches!(self.manifest, Manifest::Dash(_)) && is_data(codec) => {
                false
            }
            Packager::Mp4(_) => {
                mp4::codec::sample_entry(codec).is_ok()
                    || matches!(codec, Codec::Id3 | Codec::Scte35)
            }
            Packager::Ts(_) => super::ts::can_carry(codec),
        }
    }

    fn keeps_matrix(&self) -> bool {
        matches!(self.packager, Packager::Mp4(_))
    }

    /// A manifest may begin at any time, but players of files expect that they begin at zero.
    fn begins_at_zero(&self) -> bool {
        matches!(self.manifest, Manifest::Dash(_))
    }

    fn set_tracks(&mut self, tracks: &Tracks) -> Result<()> {
        self.segmenter.handle_event(&Event::Tracks(tracks.clone()));
        self.work()
    }

    fn handle_sample(&mut self, sample: Sample) -> Result<()> {
        self.segmenter.handle_sample(sample);
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
        self.publish(&text)
    }
}
