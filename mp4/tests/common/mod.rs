//! What several tests share.

#![allow(dead_code, reason = "each test binary uses some of it")]

pub(crate) mod files;
pub(crate) mod made;

use fluvial_mp4::boxes::{Children, FourCc, Moov};
use fluvial_mp4::packager::{Config, Output};
use fluvial_mp4::writer::{self, Planner, Write, Writer};
use fluvial_mp4::{Demuxer, IsoBox, Limits, Packager};
use media::segmenter::{Config as Cuts, Segmenter};
use media::{Event, Sample, Tracks};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The corpus of public files, if it is there.
pub(crate) fn corpus() -> Option<PathBuf> {
    let beside =
        || Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/corpus")).to_path_buf();
    let root = std::env::var_os("FLUVIAL_CORPUS").map_or_else(beside, PathBuf::from);
    if root.is_dir() {
        return Some(root);
    }
    eprintln!("SKIPPED: corpus not found, set FLUVIAL_CORPUS");
    None
}

pub(crate) fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// All events of a file given in pieces of these sizes, over and over; a size of 0 stands for the rest.
pub(crate) fn demux_pieces(data: &[u8], sizes: &[usize]) -> Vec<Event> {
    let mut demuxer = Demuxer::new(Limits::default());
    let mut events = Vec::new();
    let mut rest = data;
    for size in sizes.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let size = if *size == 0 {
            rest.len()
        } else {
            (*size).min(rest.len())
        };
        let (piece, after) = rest.split_at(size);
        rest = after;
        demuxer.handle_input(piece);
        while let Ok(Some(event)) = demuxer.poll_event() {
            events.push(event);
        }
    }
    demuxer.handle_eof();
    while let Ok(Some(event)) = demuxer.poll_event() {
        events.push(event);
    }
    events
}

pub(crate) fn demux(data: &[u8]) -> Vec<Event> {
    demux_pieces(data, &[0])
}

pub(crate) fn tracks(events: &[Event]) -> Vec<Tracks> {
    let tracks = events.iter().filter_map(|event| match event {
        Event::Tracks(tracks) => Some(tracks.clone()),
        _ => None,
    });
    tracks.collect()
}

pub(crate) fn samples(events: &[Event]) -> Vec<Sample> {
    let samples = events.iter().filter_map(|event| match event {
        Event::Sample(sample) => Some(sample.clone()),
        _ => None,
    });
    samples.collect()
}

pub(crate) fn warnings(events: &[Event]) -> Vec<String> {
    let warnings = events.iter().filter_map(|event| match event {
        Event::Warning(warning) => Some(warning.to_string()),
        _ => None,
    });
    warnings.collect()
}

/// Runs a program and gives what it wrote; `None` where it is not installed.
pub(crate) fn run(program: &str, args: &[&str]) -> Option<String> {
    run_on(program, args, &[])
}

/// The same, with input. Anything that it complains of fails the test.
pub(crate) fn run_on(program: &str, args: &[&str], input: &[u8]) -> Option<String> {
    let output = testing::ended(Command::new(program).args(args), input)?;
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && errors.is_empty(),
        "{program} {args:?}: {errors}"
    );
    Some(String::from_utf8(output.stdout).unwrap())
}

/// A folder of this test run that goes away with it.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("fluvial-mp4-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn file(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A progressive file with B-frames at 59.94 Hz and AAC, 6 s long.
pub(crate) fn source(folder: &Folder) -> Option<String> {
    let path = folder.file("source.mp4");
    let picture = "testsrc2=size=320x180:rate=60000/1001";
    #[rustfmt::skip]
    let args = [
        "-v", "error", "-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=44100",
        "-t", "6", "-c:v", "libx264", "-preset", "veryfast", "-bf", "3", "-g", "60", "-pix_fmt", "yuv420p",
        "-c:a", "aac", "-b:a", "64k", "-y", &path,
    ];
    run("ffmpeg", &args)?;
    Some(path)
}

/// Each decoded frame of a file: stream, presentation time in seconds, hash.
pub(crate) fn frames(path: &str) -> Vec<(String, f64, String)> {
    frames_of(path, &[], &[])
}

/// The same, with options and input for `pipe:0`.
pub(crate) fn frames_of(path: &str, options: &[&str], input: &[u8]) -> Vec<(String, f64, String)> {
    let mut args = options.to_vec();
    args.extend([
        "-v", "error", "-copyts", "-i", path, "-map", "0:v?", "-map", "0:a?", "-f", "framemd5", "-",
    ]);
    let text = run_on("ffmpeg", &args, input).unwrap();
    let mut scales = Vec::new();
    let mut frames = Vec::new();
    for line in text.lines() {
        if let Some(scale) = line.strip_prefix("#tb ") {
            let (_, scale) = scale.split_once(": ").unwrap();
            let (num, den) = scale.split_once('/').unwrap();
            scales.push(num.parse::<f64>().unwrap() / den.parse::<f64>().unwrap());
        } else if !line.starts_with('#') {
            let fields: Vec<_> = line.split(',').map(str::trim).collect();
            let scale = scales[fields[0].parse::<usize>().unwrap()];
            frames.push((
                fields[0].to_owned(),
                fields[2].parse::<f64>().unwrap() * scale,
                fields[5].to_owned(),
            ));
        }
    }
    frames
}

pub(crate) fn package(events: &[Event], cuts: Cuts, config: Config) -> Vec<Output> {
    let (mut segmenter, mut packager) = (Segmenter::new(cuts), Packager::new(config));
    let mut outputs = Vec::new();
    for event in events {
        segmenter.handle_event(event);
        while let Some(segmented) = segmenter.poll_output() {
            packager.handle(&segmented).unwrap();
        }
    }
    segmenter.finish();
    while let Some(segmented) = segmenter.poll_output() {
        packager.handle(&segmented).unwrap();
    }
    outputs.extend(core::iter::from_fn(|| packager.poll_output()));
    outputs
}

/// The bytes of all init segments and segments of a track (or of all of them) in order.
pub(crate) fn file_of(outputs: &[Output], track: Option<media::TrackId>) -> Vec<u8> {
    let mut file = Vec::new();
    for output in outputs {
        match output {
            Output::Init(init) if init.track == track => file.extend_from_slice(&init.data),
            Output::Segment(segment) if segment.info.track == track => {
                segment
                    .data
                    .iter()
                    .for_each(|part| file.extend_from_slice(part));
            }
            _ => {}
        }
    }
    file
}

/// Does a write to a file.
pub(crate) fn apply(write: &Write, file: &mut Vec<u8>) {
    let at = usize::try_from(write.offset).unwrap();
    let data = write.data.concat();
    assert!(at <= file.len(), "a hole");
    file.resize(file.len().max(at + data.len()), 0);
    file[at..at + data.len()].copy_from_slice(&data);
}

/// A file written in two passes, as if to a pipe.
pub(crate) fn planned(events: &[Event], config: writer::Config) -> Vec<u8> {
    let mut planner = Planner::new(config);
    for event in events {
        match event {
            Event::Tracks(tracks) => planner.set_tracks(tracks).unwrap(),
            Event::Sample(sample) => planner.handle_sample(sample).unwrap(),
            _ => {}
        }
    }
    let plan = planner.finish();
    let len = plan.file_len().unwrap();
    let (mut writer, mut file) = (Writer::with_plan(plan), Vec::new());
    // Straight on, so that it can go to a pipe.
    for event in events {
        match event {
            Event::Tracks(tracks) => writer.set_tracks(tracks).unwrap(),
            Event::Sample(sample) => writer.handle_sample(sample).unwrap(),
            _ => {}
        }
        while let Some(write) = writer.poll_output() {
            assert_eq!(write.offset, file.len() as u64);
            file.extend(write.data.concat());
        }
    }
    writer.finish().unwrap();
    while let Some(write) = writer.poll_output() {
        assert_eq!(write.offset, file.len() as u64);
        file.extend(write.data.concat());
    }
    assert_eq!(file.len() as u64, len);
    file
}

pub(crate) fn boxes(file: &[u8]) -> Vec<String> {
    let children = Children::new(wire::Reader::new(file));
    children
        .map(|child| child.unwrap().header.box_type.to_string())
        .collect()
}

pub(crate) fn moov(file: &[u8]) -> Moov {
    let mut children = Children::new(wire::Reader::new(file)).map(Result::unwrap);
    let moov = children
        .find(|child| child.header.box_type == FourCc(*b"moov"))
        .unwrap();
    Moov::parse(moov.bytes()).unwrap()
}

/// ffmpeg's progressive file, and the events of the same in fragments, with its edit lists.
pub(crate) fn both(folder: &Folder) -> Option<(String, Vec<Event>)> {
    let source = source(folder)?;
    let fragmented = folder.file("fragmented.mp4");
    let flags = "frag_keyframe+delay_moov+default_base_moof";
    #[rustfmt::skip]
    let args = ["-v", "error", "-i", &source, "-c", "copy", "-movflags", flags, "-y", &fragmented];
    run("ffmpeg", &args)?;
    Some((source, demux(&std::fs::read(fragmented).unwrap())))
}

/// What every peer must say of a file without complaint.
pub(crate) fn peers_accept(path: &str) {
    let args = [
        "-v", "warning", "-xerror", "-i", path, "-map", "0", "-c", "copy", "-f", "null", "-",
    ];
    assert_eq!(run("ffmpeg", &args), Some(String::new()));
    let json = run("mediainfo", &["--Output=JSON", path]);
    if let Some(json) = json {
        for bad in ["IsTruncated", "ConformanceErrors", "ConformanceWarnings"] {
            assert!(!json.contains(bad), "{json}");
        }
        assert!(json.contains("\"Format\": \"MPEG-4\""), "{json}");
    }
    let json = run("mkvmerge", &["-J", path]);
    if let Some(json) = json {
        assert!(
            json.contains("\"warnings\": []") && json.contains("\"errors\": []"),
            "{json}"
        );
        assert!(json.contains("\"recognized\": true"), "{json}");
    }
    let out = format!("{path}.mkv");
    if let Some(text) = run("mkvmerge", &["-o", &out, path]) {
        assert!(
            !text.contains("Warning") && !text.contains("Error"),
            "{text}"
        );
    }
    let location = format!("location={path}");
    #[rustfmt::skip]
    let args = [
        "-q", "filesrc", &location, "!", "qtdemux", "name=d", "d.video_0", "!", "queue", "!", "avdec_h264", "!",
        "fakesink", "d.audio_0", "!", "queue", "!", "avdec_aac", "!", "fakesink",
    ];
    run("gst-launch-1.0", &args);
}
