//! Every transport stream of the corpus: as ffprobe reads it, cut anywhere, damaged.

mod common;

use common::{demux, events};
use fluvial_mpegts::{Demuxer, Limits};
use media::{Kind, Timescale};
use std::collections::BTreeMap;
use std::path::PathBuf;
use testing::{Random, flip_bits, truncations};

/// The transport streams of the corpus.
fn streams() -> Vec<PathBuf> {
    let Some(folder) = testing::corpus("mpegts") else {
        return Vec::new();
    };
    let mut found = testing::files(&folder);
    found.retain(|path| {
        let name = path.file_name().unwrap().to_str().unwrap();
        matches!(
            path.extension().and_then(|ext| ext.to_str()),
            Some("ts" | "mts")
        ) || name == "sample_with_junk"
    });
    assert!(found.len() > 40);
    found
}

/// Streams that ffprobe reads in another way, and why.
const EXCEPTIONS: &[(&str, &str)] = &[
    (
        "skip_1.ts",
        "it finds pictures of which it does not know the time",
    ),
    (
        "sample_ac3.ts",
        "it counts the end of a frame before the first one as a packet",
    ),
    (
        "sample_ait.ts",
        "it counts the end of a frame before the first one as a packet",
    ),
    (
        "sample_eac3.ts",
        "frames of one block each: here six of them are a sample",
    ),
    (
        "sample_with_sdt.ts",
        "it counts the damaged packet at the end",
    ),
    (
        "sample_h262_mpeg_audio.ts",
        "it counts the start of a frame after the last one as a packet",
    ),
    (
        "sample_scte35.ts",
        "it counts the start of a frame after the last one as a packet",
    ),
    (
        "sample_with_junk",
        "it counts the start of a frame after the last one as a packet",
    ),
];

/// Presentation times in ticks of 90 kHz.
type Times = Vec<i64>;

#[test]
fn ffprobe_finds_the_same() {
    let mut failures = Vec::new();
    for path in streams() {
        let name = path.file_name().unwrap().to_str().unwrap();
        if EXCEPTIONS.iter().any(|(exception, _)| *exception == name) {
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        let args = format!(
            "-v error -show_entries packet=stream_index,pts,dts:stream=index,id -of csv {}",
            path.display()
        );
        let Some(lines) = testing::csv("ffprobe", &args, &[]) else {
            return;
        };
        let mut ids = BTreeMap::new();
        let mut expected: BTreeMap<u32, Times> = BTreeMap::new();
        for line in &lines {
            let field = |at: usize| line.get(at).map_or("", String::as_str);
            if field(0) == "stream" || field(0) == "program" {
                let fields: Vec<&str> = line.iter().map(String::as_str).collect();
                for pair in fields.windows(2) {
                    if let Some(id) = pair[1].strip_prefix("0x") {
                        ids.insert(pair[0].to_owned(), u32::from_str_radix(id, 16).unwrap());
                    }
                }
            }
        }
        for line in lines.iter().filter(|line| line[0] == "packet") {
            if let (Some(id), Ok(pts)) = (ids.get(&line[1]), line[2].parse()) {
                expected.entry(*id).or_default().push(pts);
            }
        }
        let found = demux(&bytes);
        for track in &found.last_tracks() {
            let wanted = expected.remove(&track.id.0).unwrap_or_default();
            let got: Times = found
                .of(track.id.0)
                .iter()
                .map(|sample| track.timescale.rescale(sample.pts, Timescale::KHZ_90))
                .collect();
            // Sound is counted in samples here; there, packets' times are taken as they are.
            let tolerance = if track.codec.kind() == Kind::Audio {
                140
            } else {
                0
            };
            let wrap = 1i64 << 33;
            let apart = |a: i64, b: i64| (a - b).rem_euclid(wrap).min((b - a).rem_euclid(wrap));
            let same = wanted.len() == got.len()
                && wanted
                    .iter()
                    .zip(&got)
                    .all(|(a, b)| apart(*a, *b) <= tolerance);
            if !same {
                let first = wanted
                    .iter()
                    .zip(&got)
                    .position(|(a, b)| apart(*a, *b) > tolerance);
                failures.push(format!(
                    "{name}, track {} ({}): {} packets there, {} samples here; first other one {first:?} {:?}",
                    track.id,
                    track.codec.rfc6381(),
                    wanted.len(),
                    got.len(),
                    first.map(|at| (wanted[at], got[at])),
                ));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn cuts_change_nothing() {
    let mut random = Random::new(7);
    for path in streams() {
        let bytes = std::fs::read(&path).unwrap();
        let whole = events([&bytes[..]]);
        for longest in [50, 1000, 20_000] {
            let mut pieces = Vec::new();
            let mut rest = &bytes[..];
            while !rest.is_empty() {
                let (piece, after) = rest.split_at(random.below(longest + 1).min(rest.len()));
                pieces.push(piece);
                rest = after;
            }
            assert_eq!(events(pieces), whole, "{}", path.display());
        }
        // Shared bytes, all of which wait until events are taken.
        let mut limits = Limits::default();
        limits.events = 3;
        let mut demuxer = Demuxer::new(limits);
        for piece in bytes.chunks(70_000) {
            demuxer.handle_bytes(piece.to_vec().into());
        }
        assert_eq!(demuxer.buffered_len(), bytes.len());
        demuxer.handle_eof();
        let shared: Vec<_> = std::iter::from_fn(|| demuxer.poll_event().unwrap()).collect();
        assert_eq!(shared, whole, "{}", path.display());
        assert_eq!(demuxer.buffered_len(), 0);
    }
}

#[test]
fn damage_is_survived() {
    let mut random = Random::new(3);
    for path in streams() {
        let bytes = std::fs::read(&path).unwrap();
        let bytes = &bytes[..bytes.len().min(300_000)];
        let mut flipped = bytes.to_vec();
        flip_bits(&mut flipped, &mut random);
        let lossy: Vec<u8> = bytes
            .chunks(188)
            .filter(|_| random.below(20) > 0)
            .flatten()
            .copied()
            .collect();
        let cut = truncations(bytes, 12);
        for stream in [&flipped[..], &lossy].into_iter().chain(cut) {
            let mut demuxer = Demuxer::new(Limits::default());
            for piece in stream.chunks(5000) {
                demuxer.handle_input(piece);
                while demuxer.poll_event().unwrap().is_some() {}
                assert!(demuxer.buffered_len() <= stream.len());
            }
            demuxer.handle_eof();
            while demuxer.poll_event().unwrap().is_some() {}
            assert_eq!(demuxer.buffered_len(), 0, "{}: {demuxer:?}", path.display());
        }
    }
}

#[test]
fn most_of_a_stream_survives_lost_packets() {
    let Some(folder) = testing::corpus("mpegts/ant-media-Ant-Media-Server") else {
        return;
    };
    let bytes = std::fs::read(folder.join("test_0p0048.ts")).unwrap();
    let whole = demux(&bytes);
    let mut lossy = bytes[..188 * 1000].to_vec();
    lossy.extend(&bytes[188 * 1001..]);
    let found = demux(&lossy);
    assert_eq!(found.warnings.len(), 1, "{:?}", found.warnings);
    assert!(found.samples.len() + 1 >= whole.samples.len());
    let gaps = found
        .samples
        .iter()
        .filter(|sample| sample.flags.contains(media::Flags::GAP));
    assert_eq!(gaps.count(), 1);
}
