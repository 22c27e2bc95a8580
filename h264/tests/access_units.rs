//! Access units, output order and decoding times, against ffmpeg.

mod common;

use fluvial_h264::access_unit::{self, Boundaries, Boundary};
use fluvial_h264::nal::{Header, UnitType};
use fluvial_h264::slice::{DecRefPicMarking, SliceType};
use fluvial_h264::{DecodingTimes, PicOrderCounter, Reorder, SliceHeader, Sps, annexb};

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

/// Frames in output order: each one's place in decoding order, and the type of its first slice.
fn output_order(stream: &[u8]) -> Vec<(usize, SliceType)> {
    let mut boundaries = Boundaries::default();
    let mut counter = PicOrderCounter::default();
    let mut reorder: Option<Reorder<(usize, SliceType)>> = None;
    let mut order = Vec::new();
    let mut frames = 0;
    let mut wanted = false;
    let mut first_field: Option<(u16, bool)> = None;
    for nal in annexb::nals(stream) {
        let boundary = boundaries.next(nal);
        wanted |= matches!(boundary, Boundary::Here | Boundary::BeforeOpen);
        let sets = boundaries.parameter_sets();
        if !wanted || !UnitType::of(nal).is_vcl() {
            continue;
        }
        let Ok(slice) = SliceHeader::parse(nal, sets) else {
            continue;
        };
        wanted = false;
        let header = Header::parse(nal).unwrap();
        let sps = sets
            .sps(
                sets.pps(slice.pic_parameter_set_id)
                    .unwrap()
                    .seq_parameter_set_id,
            )
            .unwrap();
        let count = counter.next(header, &slice, sps).value();
        let restarts = header.nal_unit_type == UnitType::IdrSlice
            || slice
                .dec_ref_pic_marking
                .is_some_and(|marking: DecRefPicMarking| marking.unmarks_all());
        if slice.field_pic_flag {
            // The second field of a frame is shown with the first.
            if first_field.take() == Some((slice.frame_num, !slice.bottom_field_flag)) {
                continue;
            }
            first_field = Some((slice.frame_num, slice.bottom_field_flag));
        } else {
            first_field = None;
        }
        let reorder = reorder.get_or_insert_with(|| Reorder::new(sps.max_num_reorder_frames()));
        reorder.push(count, restarts, (frames, slice.kind()));
        frames += 1;
        order.extend(std::iter::from_fn(|| reorder.pop()));
    }
    if let Some(reorder) = &mut reorder {
        reorder.finish();
        order.extend(std::iter::from_fn(|| reorder.pop()));
    }
    order
}

/// A line such as `P,12`.
fn frame(line: &str) -> Option<(SliceType, usize)> {
    let (kind, number) = line.trim_end_matches(',').split_once(',')?;
    let kind = match kind {
        "I" => SliceType::I,
        "P" => SliceType::P,
        "B" => SliceType::B,
        other => panic!("{other}"),
    };
    Some((kind, number.parse().unwrap()))
}

#[test]
fn output_order_is_that_of_ffprobe() {
    for (path, stream) in common::streams() {
        let input = path.to_str().unwrap();
        let Some((frames, _)) = common::run(
            "ffprobe",
            &[
                "-v",
                "quiet",
                "-f",
                "h264",
                "-show_entries",
                "frame=coded_picture_number,pict_type",
                "-of",
                "csv=p=0",
                input,
            ],
        ) else {
            return;
        };
        let theirs: Vec<(SliceType, usize)> = frames.lines().filter_map(frame).collect();
        let ours: Vec<_> = output_order(&stream)
            .into_iter()
            .map(|(n, kind)| (kind, n))
            .collect();
        // Of streams with losses ffmpeg withholds, or makes up, pictures.
        if !input.contains("_LOST") {
            assert_eq!(ours, theirs, "{input}");
        }
    }
}

/// A byte stream, and each packet's times as muxed: presentation, then decoding.
struct Encoded {
    stream: Vec<u8>,
    times: Vec<(i64, i64)>,
}

/// What x264 makes of a pattern of 100 frames.
fn encoded(name: &str, parameters: &str) -> Option<Encoded> {
    let file = |extension: &str| {
        let name = format!("fluvial-h264-{}-{name}.{extension}", std::process::id());
        std::env::temp_dir().join(name).to_str().unwrap().to_owned()
    };
    let (mp4, raw) = (file("mp4"), file("264"));
    let source = [
        "-v",
        "error",
        "-y",
        "-f",
        "lavfi",
        "-i",
        "testsrc2=size=128x96:rate=25",
        "-frames:v",
        "100",
    ];
    let coding = [
        "-c:v",
        "libx264",
        "-pix_fmt",
        "yuv420p",
        "-threads",
        "1",
        "-x264-params",
        parameters,
        &mp4,
    ];
    common::run("ffmpeg", &[&source[..], &coding].concat())?;
    common::run(
        "ffmpeg",
        &[
            "-v", "error", "-y", "-i", &mp4, "-c", "copy", "-f", "h264", &raw,
        ],
    )?;
    let (packets, _) = common::run(
        "ffprobe",
        &[
            "-v",
            "error",
            "-show_entries",
            "packet=pts,dts",
            "-of",
            "csv=p=0",
            &mp4,
        ],
    )?;
    let times = packets.lines().filter_map(|line| {
        let (pts, dts) = line.trim_end_matches(',').split_once(',')?;
        Some((pts.parse().ok()?, dts.parse().ok()?))
    });
    let encoded = Encoded {
        stream: std::fs::read(&raw).unwrap(),
        times: times.collect(),
    };
    std::fs::remove_file(mp4).unwrap();
    std::fs::remove_file(raw).unwrap();
    Some(encoded)
}

#[test]
fn times_of_reordered_streams_are_those_of_ffmpeg() {
    let streams = [
        ("none", "bframes=0"),
        ("one", "bframes=1:keyint=25"),
        ("pyramid", "bframes=7:b-pyramid=normal:b-adapt=0:keyint=40"),
        ("strict", "bframes=3:b-pyramid=strict:b-adapt=0:keyint=33"),
        (
            "open-gop",
            "bframes=5:b-pyramid=normal:b-adapt=0:keyint=20:open-gop=1",
        ),
        ("interlaced", "bframes=3:tff=1:keyint=30"),
    ];
    for (name, parameters) in streams {
        let Some(Encoded { stream, times }) = encoded(name, parameters) else {
            return;
        };
        assert_eq!(times.len(), 100, "{name}");
        let mut shown: Vec<usize> = (0..times.len()).collect();
        shown.sort_by_key(|n| times[*n].0);
        let order: Vec<usize> = output_order(&stream).into_iter().map(|(n, _)| n).collect();
        assert_eq!(order, shown, "{name}");

        let sps = annexb::nals(&stream)
            .find_map(|nal| Sps::parse(nal).ok())
            .unwrap();
        let duration = times[shown[1]].0 - times[shown[0]].0;
        let mut decoding = DecodingTimes::new(sps.max_num_reorder_frames(), duration);
        for (n, (pts, dts)) in times.iter().enumerate() {
            assert_eq!(decoding.push(*pts), *dts, "{name}: packet {n}");
        }
    }
}
