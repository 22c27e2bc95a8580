//! From progressive files to fragments and back: the same sample tables, and the same frames to ffmpeg, for every codec
//! that ffmpeg writes to MP4.

mod common;

use bytes::Bytes;
use common::files::events as read;
use common::{Folder, demux, file_of, frames, moov, package, planned, run, warnings};
use fluvial_mp4::boxes::{Moov, Stbl};
use fluvial_mp4::{packager, reader, writer};
use media::segmenter::Config as Cuts;
use media::{Event, Time};

const VIDEO: &str = "testsrc2=size=192x108:rate=";
const SOUND: &str = "sine=frequency=440:sample_rate=48000";

/// Frame rates, codecs and their options.
const SOURCES: [(&str, &[&str]); 12] = [
    (
        "30000/1001",
        &["-c:v", "libx264", "-bf", "3", "-g", "30", "-c:a", "aac"],
    ),
    (
        "24000/1001",
        &[
            "-c:v",
            "libx264",
            "-x264-params",
            "open-gop=1:bframes=3:keyint=24",
            "-c:a",
            "ac3",
        ],
    ),
    (
        "25",
        &["-c:v", "libx264", "-flags", "+ildct+ilme", "-c:a", "eac3"],
    ),
    (
        "50",
        &[
            "-c:v",
            "libx264",
            "-bf",
            "2",
            "-movflags",
            "negative_cts_offsets",
            "-c:a",
            "aac",
        ],
    ),
    (
        "60000/1001",
        &[
            "-c:v",
            "mpeg2video",
            "-bf",
            "2",
            "-b:v",
            "2M",
            "-c:a",
            "ac3",
        ],
    ),
    ("25", &["-c:v", "libx264", "-bf", "0", "-c:a", "libmp3lame"]),
    (
        "25",
        &[
            "-c:v",
            "libx265",
            "-x265-params",
            "log-level=none",
            "-tag:v",
            "hvc1",
            "-c:a",
            "libopus",
        ],
    ),
    (
        "25",
        &[
            "-c:v",
            "libvpx-vp9",
            "-cpu-used",
            "8",
            "-deadline",
            "realtime",
            "-c:a",
            "flac",
            "-strict",
            "-2",
        ],
    ),
    (
        "10",
        &[
            "-c:v",
            "libaom-av1",
            "-cpu-used",
            "8",
            "-usage",
            "realtime",
            "-c:a",
            "alac",
        ],
    ),
    (
        "25",
        &[
            "-c:v",
            "libx264",
            "-metadata:s:a",
            "language=deu",
            "-c:a",
            "aac",
            "-ar",
            "44100",
            "-ac",
            "2",
        ],
    ),
    ("25", &["-c:v", "mpeg4", "-c:a", "aac"]),
    ("25", &["-vn", "-c:a", "aac", "-ar", "32000"]),
];

fn source(folder: &Folder, rate: &str, options: &[&str]) -> Option<Bytes> {
    let path = folder.file("source.mp4");
    let picture = format!("{VIDEO}{rate}");
    let mut args = vec![
        "-v", "error", "-f", "lavfi", "-i", &picture, "-f", "lavfi", "-i", SOUND, "-t", "2",
    ];
    args.extend(
        ["-pix_fmt", "yuv420p", "-preset", "veryfast"]
            .iter()
            .filter(|_| options.contains(&"libx264")),
    );
    args.extend(options);
    args.extend(["-y", &path]);
    run("ffmpeg", &args)?;
    Some(std::fs::read(path).unwrap().into())
}

/// The tables of a track but for places and chunks: times, sizes and sync samples, and what describes them.
fn tables(stbl: &Stbl) -> String {
    let runs: Vec<_> = stbl
        .stts
        .iter()
        .flat_map(|stts| stts.entries.iter().collect::<Vec<_>>())
        .collect();
    let offsets: Vec<_> = stbl
        .ctts
        .iter()
        .flat_map(|ctts| ctts.entries.iter().collect::<Vec<_>>())
        .collect();
    let syncs: Option<Vec<_>> = stbl.stss.as_ref().map(|stss| stss.entries.iter().collect());
    let dependencies = stbl.sdtp.as_ref().map(|sdtp| {
        sdtp.samples
            .iter()
            .map(|byte| byte & 0xC)
            .collect::<Vec<_>>()
    });
    let format: Vec<_> = stbl
        .stsd
        .entries
        .iter()
        .map(fluvial_mp4::boxes::SampleEntry::format)
        .collect();
    format!(
        "{runs:?} {offsets:?} {syncs:?} {dependencies:?} {format:?} {:?}",
        sizes(stbl)
    )
}

fn sizes(stbl: &Stbl) -> Vec<u32> {
    match stbl.stsz.as_ref().unwrap() {
        fluvial_mp4::boxes::Stsz::Same {
            sample_size,
            sample_count,
        } => vec![sample_size.get(); *sample_count as usize],
        fluvial_mp4::boxes::Stsz::Each(sizes) => sizes.iter().collect(),
    }
}

#[track_caller]
fn assert_tables(found: &Moov, expected: &Moov, what: &str) {
    assert_eq!(found.traks.len(), expected.traks.len(), "{what}");
    for (found, expected) in found.traks.iter().zip(&expected.traks) {
        assert_eq!(
            found.mdia.mdhd.duration, expected.mdia.mdhd.duration,
            "{what}"
        );
        assert_eq!(
            found.mdia.mdhd.language(),
            expected.mdia.mdhd.language(),
            "{what}"
        );
        assert_eq!(
            (found.tkhd.width, found.tkhd.height),
            (expected.tkhd.width, expected.tkhd.height),
            "{what}"
        );
        assert_eq!(
            tables(&found.mdia.minf.stbl),
            tables(&expected.mdia.minf.stbl),
            "{what}"
        );
    }
}

#[test]
fn to_fragments_and_back() {
    let folder = Folder::new("remux");
    for (rate, options) in SOURCES {
        let what = options.join(" ");
        let Some(file) = source(&folder, rate, options) else {
            return;
        };
        let events = read(&file, reader::Config::default());
        assert_eq!(warnings(&events), [""; 0], "{what}");
        let expected = frames(&folder.file("source.mp4"));

        let copy = planned(&events, writer::Config::moov_last());
        assert_tables(&moov(&copy), &moov(&file), &format!("copied: {what}"));

        let outputs = package(
            &events,
            Cuts::segments(Time::from_millis(500)),
            packager::Config::muxed(),
        );
        let fragments = file_of(&outputs, None);
        let back: Vec<Event> = demux(&fragments);
        assert_eq!(warnings(&back), [""; 0], "{what}");
        let back = planned(&back, writer::Config::moov_last());
        assert_tables(
            &moov(&back),
            &moov(&file),
            &format!("there and back: {what}"),
        );

        for (name, data) in [("copied", &copy), ("back", &back)] {
            let path = folder.file("remuxed.mp4");
            std::fs::write(&path, data).unwrap();
            let found = frames(&path);
            assert_eq!(found.len(), expected.len(), "{name}: {what}");
            for (found, expected) in found.iter().zip(&expected) {
                assert_eq!(
                    (&found.0, &found.2),
                    (&expected.0, &expected.2),
                    "{name}: {what}"
                );
                assert!(
                    (found.1 - expected.1).abs() < 1e-4,
                    "{name}: {what}: {found:?} {expected:?}"
                );
            }
        }
    }
}
