//! Every syntax element of the dumps that come with h264bitstream's samples.

mod common;

use fluvial_h264::{Tracer, annexb};

type Element = (u64, String, i64);

/// What the dumps call otherwise, by the names of earlier editions.
const NAMES: [(&str, &str); 6] = [
    ("num_ref_frames", "max_num_ref_frames"),
    (
        "pic_order_present_flag",
        "bottom_field_pic_order_in_frame_present_flag",
    ),
    ("num_reorder_frames", "max_num_reorder_frames"),
    (
        "ref_pic_list_reordering_flag_l0",
        "ref_pic_list_modification_flag_l0",
    ),
    (
        "ref_pic_list_reordering_flag_l1",
        "ref_pic_list_modification_flag_l1",
    ),
    ("reordering_of_pic_nums_idc", "modification_of_pic_nums_idc"),
];

/// The elements of each NAL unit of a dump, whose lines are `byte.bit: path->name: value`.
fn theirs(dump: &str) -> Vec<Vec<Element>> {
    let mut units = Vec::new();
    for line in dump.lines() {
        if line.starts_with("!! Found NAL") {
            units.push(Vec::new());
            continue;
        }
        let mut fields = line.splitn(3, ": ");
        let (Some(at), Some(path), Some(value)) = (fields.next(), fields.next(), fields.next())
        else {
            continue;
        };
        let (Some((byte, bit)), Ok(value)) = (at.split_once('.'), value.trim().parse()) else {
            continue;
        };
        let bit = byte.parse::<u64>().unwrap() * 8 + 8 - bit.parse::<u64>().unwrap();
        let path = path.replace("->", ".");
        let path = path.split('[').next().unwrap();
        let name = path.rsplit('.').next().unwrap();
        let name = match path {
            "pps.num_ref_idx_l0_active_minus1" => "num_ref_idx_l0_default_active_minus1",
            "pps.num_ref_idx_l1_active_minus1" => "num_ref_idx_l1_default_active_minus1",
            _ => NAMES
                .iter()
                .find(|names| names.0 == name)
                .map_or(name, |names| names.1),
        };
        if !matches!(
            name,
            "forbidden_zero_bit" | "rbsp_stop_one_bit" | "rbsp_alignment_zero_bit"
        ) {
            units
                .last_mut()
                .unwrap()
                .push((bit, name.to_owned(), value));
        }
    }
    units
}

#[test]
fn every_element_of_the_dumps() {
    let Some(folder) = common::corpus() else {
        return;
    };
    for sample in ["JM_cqm_cabac", "riverbed-II-360p-48961", "x264_test"] {
        let path = folder.join("aizvorski-h264bitstream").join(sample);
        let stream = std::fs::read(path.with_extension("264")).unwrap();
        let dump = std::fs::read_to_string(path.with_extension("out")).unwrap();
        let theirs = theirs(&dump);
        let mut tracer = Tracer::default();
        // A unit that no start code follows is not in the dump.
        assert!(annexb::nals(&stream).count() - theirs.len() <= 1);
        for (n, (nal, mut theirs)) in annexb::nals(&stream).zip(theirs).enumerate() {
            let mut ours: Vec<Element> = Vec::new();
            let told = tracer.nal(nal, |element| {
                let (at, value) = (element.bit, element.value);
                if element.name == "constraint_set_flags" {
                    for n in 0..6 {
                        ours.push((
                            at + n,
                            format!("constraint_set{n}_flag"),
                            value >> (7 - n) & 1,
                        ));
                    }
                    ours.push((at + 6, "reserved_zero_2bits".to_owned(), value & 3));
                } else {
                    ours.push((at, element.name.to_owned(), value));
                }
            });
            told.unwrap_or_else(|error| panic!("{sample}: unit {n}: {error}"));
            match nal[0] & 0x1F {
                // The dumps do not look into messages.
                6 => ours.truncate(theirs.len()),
                14 | 15 => {}
                // The dumps pass over the idr_pic_id of a further layer's slice, and read on in the wrong place.
                20 => {
                    let idr = ours.iter().position(|element| element.1 == "idr_pic_id");
                    if let Some(at) = idr {
                        ours.truncate(at);
                        theirs.truncate(at);
                    }
                }
                // The dumps have as many weights as the parameter set says, though the slice overrides that (its commands
                // then get numbers like 182783); ffmpeg and we agree on what follows.
                _ => {
                    let weights = ours
                        .iter()
                        .position(|element| element.1 == "luma_weight_l0_flag");
                    if let Some(at) = weights {
                        ours.truncate(at);
                        theirs.truncate(at);
                    }
                }
            }
            assert_eq!(ours, theirs, "{sample}: unit {n}");
        }
    }
}
