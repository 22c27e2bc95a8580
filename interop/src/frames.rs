//! Decoded frames with their times, as FFmpeg's `framemd5` muxer tells them, and their comparison.

use std::{collections::HashMap, fmt::Write as _, path::Path, process::Command};

use crate::process::Process;

/// How far a time may be from the source's: RTMP carries milliseconds.
const TOLERANCE: i64 = 1_000_000;

/// One decoded frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Presentation time in nanoseconds, on a clock that both tracks share.
    pub time: i64,
    /// MD5 of the picture or of the audio samples.
    pub hash: String,
}

/// The decoded frames of both tracks, in the order in which they are shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Frames {
    /// The pictures.
    pub video: Vec<Frame>,
    /// The blocks of audio samples.
    pub audio: Vec<Frame>,
}

/// The options by which ffmpeg writes `framemd5` of both tracks, every decoded frame as it is.
pub const TO_FRAMES: [&str; 17] = [
    "-map",
    "0:v?",
    "-map",
    "0:a?",
    "-c:v",
    "rawvideo",
    "-c:a",
    "pcm_f32le",
    "-fps_mode",
    "passthrough",
    "-enc_time_base:v",
    "1/90000",
    "-flush_packets",
    "1",
    "-f",
    "framemd5",
    "-",
];

impl Frames {
    /// Decodes `file` by ffmpeg.
    ///
    /// # Panics
    ///
    /// When ffmpeg fails.
    pub fn of_file(file: &Path) -> Self {
        let lines = Process::run(
            format!("ffmpeg decoding {}", file.display()),
            Command::new("ffmpeg")
                .args(["-nostdin", "-v", "error", "-i"])
                .arg(file)
                .args(TO_FRAMES),
        );
        Self::parse(&lines)
    }

    /// Reads what `framemd5` has written so far.
    pub fn parse(lines: &[String]) -> Self {
        let mut timescales: HashMap<&str, (i64, i64)> = HashMap::new();
        let mut is_video: HashMap<&str, bool> = HashMap::new();
        let mut frames = Self::default();
        for line in lines {
            if let Some((stream, timescale)) = header(line, "#tb ") {
                let (num, den) = timescale.split_once('/').expect("a fraction");
                timescales.insert(stream, (num.parse().unwrap(), den.parse().unwrap()));
            } else if let Some((stream, kind)) = header(line, "#media_type ") {
                is_video.insert(stream, kind == "video");
            } else if !line.starts_with('#') {
                let fields: Vec<&str> = line.split(',').map(str::trim).collect();
                let &[stream, _dts, pts, _duration, _size, hash] = fields.as_slice() else {
                    continue; // The line is still being written.
                };
                let (num, den) = timescales[stream];
                let pts: i64 = pts.parse().expect("a time");
                let frame = Frame {
                    time: pts * num * 1_000_000_000 / den,
                    hash: hash.to_owned(),
                };
                if is_video[stream] {
                    &mut frames.video
                } else {
                    &mut frames.audio
                }
                .push(frame);
            }
        }
        frames
    }

    /// The first frames, `video` and `audio` of them.
    #[must_use]
    pub fn first(&self, video: usize, audio: usize) -> Self {
        let first = |frames: &[Frame], count: usize| frames.iter().take(count).cloned().collect();
        Self {
            video: first(&self.video, video),
            audio: first(&self.audio, audio),
        }
    }

    /// How many frames there are.
    pub fn len(&self) -> usize {
        self.video.len() + self.audio.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The time from which the others are counted: that of the first picture, else of the first sound.
    fn origin(&self) -> i64 {
        self.video
            .first()
            .or(self.audio.first())
            .map_or(0, |frame| frame.time)
    }

    /// These frames are the source's: all of them, none lost, doubled or changed, and each within a
    /// millisecond of its time, counted from the first picture, so that sound and picture keep together.
    ///
    /// # Panics
    ///
    /// When they are not; the message says where they part.
    pub fn assert_same(&self, source: &Self, what: &str) {
        let mut faults = String::new();
        for (track, ours, theirs) in [
            ("video", &self.video, &source.video),
            ("audio", &self.audio, &source.audio),
        ] {
            if let Some(fault) = first_difference(ours, theirs) {
                let _ = writeln!(faults, "{what}: {track}: {fault}");
            } else if let Some(fault) = worst_drift(ours, self.origin(), theirs, source.origin()) {
                let _ = writeln!(faults, "{what}: {track}: {fault}");
            }
        }
        assert!(faults.is_empty(), "{faults}");
        assert!(
            !source.is_empty(),
            "{what}: the source is empty, nothing was compared"
        );
    }

    /// The pictures are a run of the source's without a gap, which begins at `starts` (counted in
    /// pictures) if that says so; gives the index of the first one.
    ///
    /// # Panics
    ///
    /// When they are not.
    pub fn assert_video_run_of(&self, source: &Self, what: &str) -> usize {
        let first = self
            .video
            .first()
            .unwrap_or_else(|| panic!("{what}: no picture came"));
        let start = source
            .video
            .iter()
            .position(|frame| frame.hash == first.hash)
            .unwrap_or_else(|| panic!("{what}: the first picture is none of the source's"));
        let run = &source.video[start..(start + self.video.len()).min(source.video.len())];
        if let Some(fault) = first_difference(&self.video, run) {
            panic!("{what}: video, from the source's picture {start} on: {fault}");
        }
        start
    }
}

fn header<'a>(line: &'a str, name: &str) -> Option<(&'a str, &'a str)> {
    line.strip_prefix(name)?.split_once(": ")
}

/// Where two tracks part, and whether a frame was lost, doubled or changed there.
fn first_difference(ours: &[Frame], source: &[Frame]) -> Option<String> {
    let counts = format!("{} frames of {}", ours.len(), source.len());
    let at = (0..ours.len().max(source.len())).find(|&at| {
        ours.get(at).map(|frame| &frame.hash) != source.get(at).map(|frame| &frame.hash)
    })?;
    let why = match (ours.get(at), source.get(at)) {
        (None, _) => "the rest is missing".to_owned(),
        (Some(_), None) => "too many".to_owned(),
        (Some(frame), Some(_)) => match source.iter().position(|other| other.hash == frame.hash) {
            Some(place) if place > at => format!("frames {at}..{place} are lost"),
            Some(place) => format!("frame {place} comes again"),
            None => "a frame that the source has not".to_owned(),
        },
    };
    Some(format!("{counts}; they part at {at}: {why}"))
}

/// The frame that is farthest from its time, if it is too far.
fn worst_drift(
    ours: &[Frame],
    origin: i64,
    source: &[Frame],
    source_origin: i64,
) -> Option<String> {
    ours.iter()
        .zip(source)
        .enumerate()
        .map(|(at, (ours, source))| (at, (ours.time - origin) - (source.time - source_origin)))
        .max_by_key(|(_, drift)| drift.abs())
        .filter(|(_, drift)| drift.abs() > TOLERANCE)
        .map(|(at, drift)| format!("frame {at} is off by {} µs", drift / 1000))
}
