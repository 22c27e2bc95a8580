//! ADTS of the corpus beside the dumps of androidx/media, and every file of it beside ffprobe.

use fluvial_aac::adts::{Frame, Frames, Piece};
use std::fs;
use testing::dump::{Dump, content, hash};

fn frames(data: &[u8]) -> Vec<Frame<'_>> {
    let frames = Frames::new(data).filter_map(|piece| match piece {
        Piece::Frame { frame, .. } => Some(frame),
        Piece::Junk { .. } => None,
    });
    frames.collect()
}

#[test]
fn frames_have_the_bytes_and_times_of_the_dumps() {
    let Some(media) = testing::corpus("aac/androidx-media") else {
        return;
    };
    let mut compared = 0;
    for dump in testing::files(&media.join("extractordumps")) {
        let name = dump.file_name().unwrap().to_str().unwrap();
        let Some((file, _)) = name.split_once(".adts.") else {
            // LATM in a transport stream: `latm.rs` has it.
            continue;
        };
        let data = fs::read(media.join(format!("media/ts/{file}.adts"))).unwrap();
        let found = frames(&data);
        let parsed = Dump::read(&dump);
        let is_aac = |kind: &str| kind == "audio/mp4a-latm";
        let track = parsed
            .tracks
            .iter()
            .find(|t| t.value("sampleMimeType").is_some_and(is_aac))
            .unwrap();

        let config = found[0].config().unwrap();
        let number = |key| track.value(key).map(|value| value.parse::<u32>().unwrap());
        assert_eq!(
            number("sampleRate"),
            Some(config.sampling_frequency()),
            "{name}"
        );
        assert_eq!(
            number("channelCount"),
            Some(config.channels().into()),
            "{name}"
        );
        let codecs = format!("mp4a.{}", config.rfc6381());
        assert_eq!(track.value("codecs"), Some(&*codecs), "{name}");
        let record = track.value("data").map(content);
        assert_eq!(
            record,
            Some((config.raw().len(), hash(config.raw()))),
            "{name}"
        );

        let ours: Vec<_> = found
            .iter()
            .map(|frame| frame.blocks().unwrap().next().unwrap().data)
            .map(|unit| (unit.len(), hash(unit)))
            .collect();
        let theirs: Vec<_> = track.samples.iter().map(|s| (s.len, s.hash)).collect();
        // Those that seek begin somewhere. The last frame of this file is cut off, which they give out at times.
        let tail = usize::from(!theirs.is_empty() && theirs.last() != ours.last());
        assert!(tail == 0 || name.contains("truncated"), "{name}");
        let theirs = &theirs[..theirs.len() - tail];
        let begin = ours.len() - theirs.len();
        assert!(
            begin == 0 || !(name.contains(".0.") || name.contains("unknown")),
            "{name}"
        );
        assert_eq!(ours[begin..], *theirs, "{name}");
        // They round each duration.
        let first = track.samples.first().map_or(0, |sample| sample.time);
        let duration = i64::from(found[0].header().samples()) * 1_000_000
            / i64::from(config.sampling_frequency());
        for (n, sample) in track.samples.iter().enumerate() {
            assert_eq!(sample.time - first, n as i64 * duration, "{name}");
        }
        compared += theirs.len();
    }
    assert!(compared > 1000, "{compared}");
}

/// What ffprobe reads otherwise.
const OTHERWISE: [(&str, &str); 1] = [(
    "sample_with_id3.adts",
    "it loses a frame beside a tag; its dump, above, has them all",
)];

/// Also `adts-sf-escape.aac`, in which both find nothing: its index 15 is none that ADTS has.
#[test]
fn every_file_has_the_frames_of_ffprobe() {
    let Some(corpus) = testing::corpus("") else {
        return;
    };
    let mut compared = 0;
    for path in testing::files(&corpus.join("aac")) {
        let extension = path.extension().and_then(|e| e.to_str());
        let name = path.file_name().unwrap().to_str().unwrap();
        if !(matches!(extension, Some("aac" | "adts")) || name == "adts") {
            continue;
        }
        let data = fs::read(&path).unwrap();
        let args = "-v quiet -f aac -show_entries packet=size,pos,duration_time -of csv=p=0 -";
        let Some(listed) = testing::csv("ffprobe", args, &data) else {
            return;
        };
        let ours: Vec<(u64, usize, u32)> = Frames::new(&data)
            .filter_map(|piece| match piece {
                Piece::Frame { offset, frame } => {
                    let header = frame.header();
                    let micros = 1_000_000 * u64::from(header.samples())
                        / u64::from(header.sampling_frequency());
                    Some((offset, frame.bytes().len(), micros as u32))
                }
                Piece::Junk { .. } => None,
            })
            .collect();
        let mut theirs: Vec<(u64, usize, u32)> = listed
            .iter()
            .filter_map(|line| {
                let duration: f64 = line.first()?.parse().ok()?;
                Some((
                    line.get(2)?.parse().ok()?,
                    line.get(1)?.parse().ok()?,
                    (duration * 1e6) as u32,
                ))
            })
            .collect();
        // It gives out the last frame though it is cut off.
        theirs.pop_if(|last| Frame::parse(&data[last.0 as usize..]).is_err());
        if let Some((_, why)) = OTHERWISE.iter().find(|(file, _)| *file == name) {
            assert_eq!(ours.len(), theirs.len() + 1, "{name}: {why}");
            continue;
        }
        assert_eq!(ours.len(), theirs.len(), "{name}");
        for (ours, theirs) in ours.iter().zip(&theirs) {
            assert_eq!((ours.0, ours.1), (theirs.0, theirs.1), "{name}");
            assert!(ours.2.abs_diff(theirs.2) <= 1, "{name}");
        }
        compared += ours.len();
    }
    assert!(compared > 1000, "{compared}");
}
