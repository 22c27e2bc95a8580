//! What androidx/media's extractors find in transport streams: every sample's time, size and flags.

mod common;

use common::{demux, pes_packets};
use fluvial_mpegts::clock::nearest;
use media::{Codec, Kind, Sample, Timescale, Track};
use std::path::Path;
use testing::dump::{self, Dump};

/// Why an expectation is not met, or is not looked at.
const EXCEPTIONS: &[(&str, &str)] = &[
    ("sample_ac4.ts", "AC-4 is not read"),
    (
        "sample_h263.ts",
        "the headers before the first picture are no part of its sample there",
    ),
];

/// Files whose times are later there by some microseconds, and why.
const LATER: &[(&str, i64, &str)] = &[(
    "sample_ac3.ts",
    32_000,
    "packets begin within frames: their times are given to the first frame that ends there, and not to the first that begins",
)];

/// Files whose sound goes twice as fast there, and why.
const TWICE_AS_FAST: &[(&str, &str)] = &[(
    "sample_latm.ts",
    "a frame of HE-AAC has 1024 samples at half of the rate that comes out; ffprobe says so too",
)];

/// Files whose pictures come in several samples there, and why.
const IN_PIECES: &[(&str, &str)] = &[(
    "sample_h264_no_access_unit_delimiters.ts",
    "parameter sets and messages are samples of their own; ffprobe finds the access units that are found here",
)];

/// Samples of the same time put together; their hash is lost.
fn joined(samples: &[dump::Sample]) -> Vec<dump::Sample> {
    let mut found: Vec<dump::Sample> = Vec::new();
    for sample in samples {
        match found.last_mut() {
            Some(last) if last.time == sample.time => {
                last.len += sample.len;
                last.flags |= sample.flags;
            }
            _ => found.push(*sample),
        }
    }
    found
}

#[test]
fn every_dump_agrees() {
    let Some(folder) = testing::corpus("mpegts/androidx-media") else {
        return;
    };
    let mut looked_at = 0;
    for path in testing::files(&folder.join("extractordumps/ts")) {
        let name = path.file_name().unwrap().to_str().unwrap();
        // The others begin reading in the middle, by seeking.
        let Some(stream) = name.strip_suffix(".0.dump") else {
            continue;
        };
        if EXCEPTIONS.iter().any(|(exception, _)| *exception == stream) {
            continue;
        }
        compare(&path, &folder.join("media/ts").join(stream));
        looked_at += 1;
    }
    assert_eq!(looked_at, 18);
}

fn compare(dump: &Path, stream: &Path) {
    let name = stream.file_name().unwrap().to_str().unwrap();
    let bytes = std::fs::read(stream).unwrap();
    let found = demux(&bytes);
    let packets = pes_packets(&bytes);
    let tracks = found.last_tracks();
    // Its times begin where the first packet does.
    let first = packets.first().unwrap();
    let micros = |ticks: i64| ticks * 100 / 9;
    let stamp = first.dts.or(first.pts).unwrap();
    let near = found.samples.first().map_or(0, |sample| {
        let track = tracks.find(sample.track).unwrap();
        track.timescale.rescale(sample.dts, Timescale::KHZ_90)
    });
    let start = micros(nearest(stamp, near));
    for expected in &Dump::read(dump).tracks {
        let what = format!("{name}, track {}", expected.id);
        let Some(track) = tracks.iter().find(|track| track.id.0 == expected.id) else {
            // Captions within video are tracks of its own making; application tables are not read here.
            let mime = expected.value("sampleMimeType").unwrap_or_default();
            assert!(
                expected.samples.is_empty() || mime.contains("ait"),
                "{what}: {mime}"
            );
            continue;
        };
        let samples = frames(&found.of(expected.id), track);
        let wanted = if IN_PIECES.iter().any(|(file, _)| *file == name) {
            joined(&expected.samples)
        } else {
            expected.samples.clone()
        };
        let is_joined = wanted.len() != expected.samples.len();
        assert_eq!(samples.len(), wanted.len(), "{what}");
        let data: Vec<_> = packets
            .iter()
            .filter(|pes| u32::from(pes.pid.get()) == expected.id)
            .collect();
        for (i, (sample, expected)) in samples.iter().zip(&wanted).enumerate() {
            let later = LATER.iter().find(|(file, ..)| *file == name);
            let time = later.map_or(0, |(_, micros, _)| *micros)
                + track.timescale.rescale(sample.pts, micros_scale())
                - start;
            if track.codec == Codec::Scte35 {
                // Sections have no time stamps. There they get the time of the latest packet of any stream, here that of
                // the program's clock, as in ffprobe; what they say is the same.
                assert!(
                    time <= expected.time && time >= expected.time - 1_000_000,
                    "{what}: {time}"
                );
                assert_eq!(sample.data.len(), expected.len, "{what}");
                continue;
            }
            let speed = 1 + i64::from(TWICE_AS_FAST.iter().any(|(file, _)| *file == name));
            // Sound is counted in samples here, in rounded microseconds there.
            let tolerance = if track.codec.kind() == Kind::Audio {
                60
            } else {
                1
            };
            assert!(
                time.abs_diff(expected.time * speed) <= tolerance,
                "{what}, sample {i}: at {time}, not {}",
                expected.time
            );
            assert_eq!(
                sample.is_sync(),
                expected.flags & 1 == 1,
                "{what}, sample {i}"
            );
            if is_as_it_came(track) {
                assert_eq!(
                    (sample.data.len(), dump::hash(&sample.data)),
                    (expected.len, expected.hash),
                    "{what}, sample {i}"
                );
            } else if is_joined {
                assert_eq!(data[i].data.len(), expected.len, "{what}, sample {i}");
            } else if data.len() == samples.len() {
                // Here start codes have become lengths; the packet is what it was.
                let raw = &data[i].data;
                assert_eq!(
                    (raw.len(), dump::hash(raw)),
                    (expected.len, expected.hash),
                    "{what}, sample {i}"
                );
            }
        }
        let total: usize = expected.samples.iter().map(|sample| sample.len).sum();
        let raw: usize = data.iter().map(|pes| pes.data.len()).sum();
        if !is_as_it_came(track) {
            assert_eq!(raw, total, "{what}");
        }
    }
}

/// The samples, those of E-AC-3 frame by frame: here 6 blocks of sound are a sample, there every frame is.
fn frames(samples: &[&Sample], track: &Track) -> Vec<Sample> {
    let mut found = Vec::new();
    for sample in samples {
        if !matches!(track.codec, Codec::Eac3(_)) {
            found.push((*sample).clone());
            continue;
        }
        let mut at = sample.pts;
        for piece in ac3::Frames::new(&sample.data) {
            let ac3::Piece::Frame { frame, .. } = piece else {
                panic!("{piece:?}");
            };
            let mut part = (*sample).clone();
            part.pts = at;
            part.data = sample.data.slice_ref(frame.bytes());
            found.push(part);
            at += i64::from(frame.header().samples());
        }
    }
    found
}

fn micros_scale() -> Timescale {
    Timescale::new(1_000_000).unwrap()
}

/// Whether samples are bytes of the stream, and whole units of it there too.
fn is_as_it_came(track: &Track) -> bool {
    !matches!(track.codec, Codec::H264(_) | Codec::Hevc(_))
}
