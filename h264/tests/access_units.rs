//! Access units, against ffmpeg.

mod common;

use fluvial_h264::nal::UnitType;
use fluvial_h264::{access_unit, annexb};

#[test]
fn access_units_are_the_packets_of_ffprobe() {
    for (path, stream) in common::streams() {
        let input = path.to_str().unwrap();
        let Some((sizes, _)) = common::run(
            "ffprobe",
            &[
                "-v",
                "error",
                "-f",
                "h264",
                "-show_entries",
                "packet=size",
                "-of",
                "csv=p=0",
                input,
            ],
        ) else {
            return;
        };
        let mut at = 0;
        let mut theirs = Vec::new();
        for size in sizes.lines().filter(|line| !line.is_empty()) {
            theirs.push(at);
            at += size.trim_end_matches(',').parse::<usize>().unwrap();
        }
        let ours: Vec<usize> = access_unit::units(&stream)
            .map(|unit| behind_prefix(unit).as_ptr().addr() - stream.as_ptr().addr())
            .collect();
        assert_eq!(ours, theirs, "{input}");
    }
}

/// ffmpeg's parser leaves a prefix (type 14) that starts an access unit with the packet before, so that the scalability
/// of a picture is told after its predecessor's slices; §7.4.1.2.3 has it start the access unit.
fn behind_prefix(unit: &[u8]) -> &[u8] {
    let prefixes = annexb::nals(unit).take_while(|nal| UnitType::of(nal) == UnitType::Prefix);
    match prefixes.last() {
        Some(last) => &unit[last.as_ptr().addr() + last.len() - unit.as_ptr().addr()..],
        None => unit,
    }
}
