//! Access units and output order, against ffprobe.

mod common;

use fluvial_h264::access_unit::Boundaries;
use fluvial_h264::nal::{Header, UnitType};
use fluvial_h264::slice::DecRefPicMarking;
use fluvial_h264::{PicOrderCounter, Reorder, SliceHeader, annexb};

/// Where access units start: the offset of the start code, with the zero before it.
fn starts(stream: &[u8]) -> Vec<usize> {
    let mut boundaries = Boundaries::default();
    annexb::nals(stream)
        .filter(|nal| boundaries.is_start(nal))
        .map(|nal| {
            let at = nal.as_ptr().addr() - stream.as_ptr().addr() - 3;
            if at > 0 && stream[at - 1] == 0 {
                at - 1
            } else {
                at
            }
        })
        .collect()
}

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
        let ours = starts(&stream);
        assert_eq!(ours, theirs, "{input}");
    }
}

/// Decoding indices of frames in output order.
fn output_order(stream: &[u8]) -> Vec<usize> {
    let mut boundaries = Boundaries::default();
    let mut counter = PicOrderCounter::default();
    let mut reorder: Option<Reorder<usize>> = None;
    let mut order = Vec::new();
    let mut frames = 0;
    let mut wanted = false;
    let mut first_field: Option<(u16, bool)> = None;
    for nal in annexb::nals(stream) {
        wanted |= boundaries.is_start(nal);
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
        reorder.push(count, restarts, frames);
        frames += 1;
        order.extend(std::iter::from_fn(|| reorder.pop()));
    }
    if let Some(reorder) = &mut reorder {
        reorder.finish();
        order.extend(std::iter::from_fn(|| reorder.pop()));
    }
    order
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
                "frame=coded_picture_number",
                "-of",
                "csv=p=0",
                input,
            ],
        ) else {
            return;
        };
        let theirs: Vec<usize> = frames
            .lines()
            .filter_map(|line| line.trim_end_matches(',').parse().ok())
            .collect();
        let ours = output_order(&stream);
        // Of streams with losses ffmpeg withholds, or makes up, pictures.
        if !input.contains("_LOST") {
            assert_eq!(ours, theirs, "{input}");
        }
    }
}
