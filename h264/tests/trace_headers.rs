//! Every syntax element of the corpus, against those that ffmpeg's `trace_headers` tells.

mod common;

use fluvial_h264::nal::Header;
use fluvial_h264::pps::{SliceGroupMap, SliceGroups};
use fluvial_h264::slice::{
    DecRefPicMarking, MemoryManagementControl, Modification, PredWeightTable, Weight, Weights,
};
use fluvial_h264::sps::{Hrd, PicOrderCntCycle, PicOrderCntType, SchedSel, Vui};
use fluvial_h264::{
    BitWriter, List, ParameterSets, Pps, ScalingList, ScalingMatrix, SliceHeader, Sps, Tracer,
    annexb,
};

type Element = (u64, String, i64);

/// What ffmpeg does not tell, or tells as part of something else.
const NOT_COMPARED: [&str; 11] = [
    "forbidden_zero_bit",
    "rbsp_stop_one_bit",
    "rbsp_alignment_zero_bit",
    "cabac_zero_word",
    "cabac_alignment_one_bit",
    "ff_byte",
    "last_payload_type_byte",
    "last_payload_size_byte",
    "bit_equal_to_one",
    "bit_equal_to_zero",
    "extension_data_flag",
];

/// The elements after "Packet:", without those of the repeated parameter sets before it.
fn theirs(log: &str) -> Vec<Element> {
    let mut elements = Vec::new();
    let mut in_packet = false;
    for line in log.lines() {
        let Some((_, line)) = line
            .split_once("] ")
            .filter(|_| line.starts_with("[trace_headers @"))
        else {
            continue;
        };
        in_packet |= line.starts_with("Packet:");
        let fields: Vec<&str> = line.split_whitespace().collect();
        if let [bit, name, .., "=", value] = fields[..]
            && let (true, Ok(bit), Ok(value)) = (in_packet, bit.parse(), value.parse())
        {
            let name = name.split('[').next().unwrap();
            let name = match name {
                "gaps_in_frame_num_allowed_flag" => "gaps_in_frame_num_value_allowed_flag",
                name => name,
            };
            if !NOT_COMPARED.contains(&name) {
                elements.push((bit, name.to_owned(), value));
            }
        }
    }
    elements
}

fn ours(stream: &[u8]) -> Vec<Element> {
    let mut elements = Vec::new();
    let mut tracer = Tracer::default();
    // As ffmpeg has it from the extradata, for messages that come before the first parameter set.
    if let Some(sps) = annexb::nals(stream).find(|nal| nal[0] & 0x1F == 7) {
        tracer.nal(sps, |_| {}).unwrap();
    }
    for nal in annexb::nals(stream) {
        if !matches!(nal[0] & 0x1F, 1 | 5..=11 | 13 | 19) {
            continue;
        }
        let told = tracer.nal(nal, |element| {
            let at = element.bit;
            if element.name == "constraint_set_flags" {
                for n in 0..6 {
                    let flag = element.value >> (7 - n) & 1;
                    elements.push((at + n, format!("constraint_set{n}_flag"), flag));
                }
                elements.push((at + 6, "reserved_zero_2bits".to_owned(), element.value & 3));
            } else {
                elements.push((at, element.name.to_owned(), element.value));
            }
        });
        told.unwrap_or_else(|error| panic!("{:02X?}: {error}", &nal[..nal.len().min(16)]));
    }
    elements
}

/// The elements that ffmpeg reads from a file; `None` where ffmpeg is not installed or does not take it.
fn traced(input: &str) -> Option<Result<Vec<Element>, String>> {
    let arguments = ["-hide_banner", "-v", "trace", "-f", "h264", "-i", input];
    let filter = [
        "-c",
        "copy",
        "-copyinkf",
        "-bsf:v",
        "trace_headers",
        "-f",
        "null",
        "-",
    ];
    let (_, log) = common::run("ffmpeg", &[&arguments[..], &filter].concat())?;
    Some(if log.contains("Error initializing") {
        Err(log)
    } else {
        Ok(theirs(&log))
    })
}

fn compare(input: &str, ours: &[Element], theirs: &[Element]) {
    for (n, (our, their)) in ours.iter().zip(theirs).enumerate() {
        assert_eq!(
            our,
            their,
            "{input}: element {n}, after {:?}",
            &ours[n.saturating_sub(5)..n]
        );
    }
    assert_eq!(ours.len(), theirs.len(), "{input}");
}

#[test]
fn every_element_is_what_ffmpeg_reads() {
    let mut compared = 0;
    for (path, stream) in common::streams() {
        let input = path.to_str().unwrap();
        let Some(theirs) = traced(input) else {
            return;
        };
        let Ok(theirs) = theirs else {
            // Two scalable streams, whose picture parameter sets refer to a subset, which ffmpeg does not read.
            let scalable = ["riverbed-II-360p-48961", "sps_subsetsps_bothVUI"];
            assert!(scalable.iter().any(|name| input.contains(name)), "{input}");
            continue;
        };
        let ours = ours(&stream);
        compare(input, &ours, &theirs);
        compared += ours.len();
    }
    assert!(compared == 0 || compared > 10_000);
}

/// What no stream of the corpus has, written here, behind a stream that ffmpeg opens.
#[test]
fn what_we_write_is_what_ffmpeg_reads() {
    let Some(folder) = common::corpus() else {
        return;
    };
    let mut stream = std::fs::read(folder.join("aizvorski-h264bitstream/x264_test.264")).unwrap();
    let mut sets = ParameterSets::default();
    for nal in rare_units(&mut sets) {
        annexb::push(&nal, &mut stream);
    }
    let path = std::env::temp_dir().join(format!("fluvial-h264-{}-rare.264", std::process::id()));
    std::fs::write(&path, &stream).unwrap();
    let theirs = traced(path.to_str().unwrap());
    std::fs::remove_file(&path).unwrap();
    let ours = ours(&stream);
    let names = [
        "offset_for_ref_frame",
        "cpb_size_value_minus1",
        "run_length_minus1",
        "bottom_right",
        "slice_group_id",
        "slice_group_change_cycle",
        "colour_plane_id",
        "redundant_pic_cnt",
        "long_term_pic_num",
        "chroma_offset_l1",
        "max_long_term_frame_idx_plus1",
        "sp_for_switch_flag",
        "slice_qs_delta",
    ];
    for name in names {
        assert!(ours.iter().any(|element| element.1 == name), "{name}");
    }
    if let Some(theirs) = theirs {
        compare("rare units", &ours, &theirs.unwrap());
    }
}

fn rare_units(sets: &mut ParameterSets) -> Vec<Vec<u8>> {
    let mut units = Vec::new();
    let hrd = Hrd {
        bit_rate_scale: 3,
        sched_sel: vec![
            SchedSel {
                bit_rate_value_minus1: 1_000_000,
                cpb_size_value_minus1: u32::MAX - 1,
                cbr_flag: true,
            };
            3
        ],
        initial_cpb_removal_delay_length_minus1: 30,
        cpb_removal_delay_length_minus1: 23,
        dpb_output_delay_length_minus1: 7,
        time_offset_length: 9,
        ..Hrd::default()
    };
    // Extended profile, for SP and SI slices, with fields and a cycle of picture order counts.
    let extended = Sps {
        profile_idc: 88,
        level_idc: 30,
        seq_parameter_set_id: 1,
        pic_order_cnt: PicOrderCntType::Cycle(Box::new(PicOrderCntCycle {
            offset_for_non_ref_pic: -1,
            offset_for_top_to_bottom_field: 1,
            offset_for_ref_frame: vec![2, -3, i32::MAX, -i32::MAX],
            ..PicOrderCntCycle::default()
        })),
        max_num_ref_frames: 4,
        pic_width_in_mbs_minus1: 10,
        pic_height_in_map_units_minus1: 8,
        frame_mbs_only_flag: false,
        mb_adaptive_frame_field_flag: true,
        direct_8x8_inference_flag: true,
        vui: Some(Box::new(Vui {
            overscan_appropriate_flag: Some(true),
            chroma_sample_loc_type: Some([5, 1]),
            nal_hrd: Some(Box::new(hrd.clone())),
            vcl_hrd: Some(Box::new(hrd)),
            low_delay_hrd_flag: true,
            pic_struct_present_flag: true,
            ..Vui::default()
        })),
        ..Sps::default()
    };
    // 4:4:4 with planes apart, and all twelve scaling lists.
    let list = ScalingList {
        factors: std::array::from_fn(|n| 255 - n as u8),
        coded: 64,
    };
    let planes = Sps {
        profile_idc: 244,
        level_idc: 30,
        seq_parameter_set_id: 2,
        chroma_format_idc: 3,
        separate_colour_plane_flag: true,
        seq_scaling_matrix: Some(Box::new(ScalingMatrix {
            lists_8x8: [Some(list); 6],
            ..ScalingMatrix::default()
        })),
        max_num_ref_frames: 4,
        direct_8x8_inference_flag: true,
        ..Sps::default()
    };
    for sps in [&extended, &planes] {
        let mut nal = Vec::new();
        sps.encode(3, &mut nal).unwrap();
        units.push(nal);
    }
    let maps = [
        SliceGroupMap::Interleaved {
            run_length_minus1: vec![0, 9],
        },
        SliceGroupMap::Dispersed,
        SliceGroupMap::Foreground {
            rectangles: vec![[0, 12]],
        },
        SliceGroupMap::Changing {
            map_type: 4,
            change_direction_flag: true,
            change_rate_minus1: 10,
        },
        SliceGroupMap::Explicit {
            slice_group_id: (0..99).map(|n| n & 1).collect(),
        },
    ];
    for (id, map) in (1..).zip(maps) {
        let pps = Pps {
            pic_parameter_set_id: id,
            seq_parameter_set_id: 1,
            bottom_field_pic_order_in_frame_present_flag: true,
            slice_groups: Some(SliceGroups {
                num_slice_groups_minus1: 1,
                map,
            }),
            weighted_pred_flag: true,
            weighted_bipred_idc: 1,
            redundant_pic_cnt_present_flag: true,
            deblocking_filter_control_present_flag: true,
            ..Pps::default()
        };
        let mut nal = Vec::new();
        pps.encode(3, 1, &mut nal).unwrap();
        units.push(nal);
    }
    let pps = Pps {
        pic_parameter_set_id: 9,
        seq_parameter_set_id: 2,
        weighted_pred_flag: true,
        entropy_coding_mode_flag: true,
        ..Pps::default()
    };
    let mut nal = Vec::new();
    pps.encode(3, 3, &mut nal).unwrap();
    units.push(nal);
    for nal in &units {
        sets.insert(nal).unwrap();
    }

    let mut weights = PredWeightTable {
        luma_log2_weight_denom: 7,
        ..PredWeightTable::default()
    };
    let weight = |weight| Weight {
        weight,
        offset: -128,
    };
    for list in &mut weights.lists {
        list.push(Weights {
            luma: Some(weight(127)),
            chroma: None,
        });
        list.push(Weights {
            luma: None,
            chroma: Some([weight(-128), weight(1)]),
        });
    }
    let mut modification = List::default();
    modification.push(Modification::Subtract {
        abs_diff_pic_num_minus1: 3,
    });
    modification.push(Modification::Add {
        abs_diff_pic_num_minus1: 0,
    });
    modification.push(Modification::LongTerm {
        long_term_pic_num: 1,
    });
    let mut commands = List::default();
    commands.push(MemoryManagementControl::UnmarkShortTerm {
        difference_of_pic_nums_minus1: 1,
    });
    commands.push(MemoryManagementControl::UnmarkLongTerm {
        long_term_pic_num: 1,
    });
    commands.push(MemoryManagementControl::AssignLongTerm {
        difference_of_pic_nums_minus1: 2,
        long_term_frame_idx: 1,
    });
    commands.push(MemoryManagementControl::MaxLongTerm {
        max_long_term_frame_idx_plus1: 2,
    });
    commands.push(MemoryManagementControl::CurrentLongTerm {
        long_term_frame_idx: 1,
    });
    let slice = SliceHeader {
        pic_parameter_set_id: 4,
        frame_num: 3,
        delta_pic_order_cnt: [-7, 0],
        field_pic_flag: true,
        bottom_field_flag: true,
        num_ref_idx_active_override_flag: true,
        num_ref_idx_active_minus1: [1, 1],
        ref_pic_list_modification: [Some(modification), None],
        pred_weight_table: Some(weights),
        dec_ref_pic_marking: Some(DecRefPicMarking::Adaptive(commands)),
        slice_qp_delta: -20,
        slice_qs_delta: 5,
        slice_alpha_c0_offset_div2: -6,
        slice_beta_offset_div2: 6,
        slice_group_change_cycle: 9,
        ..SliceHeader::default()
    };
    for slice_type in 0..5 {
        let plane = SliceHeader {
            slice_type,
            pic_parameter_set_id: 9,
            colour_plane_id: 2,
            field_pic_flag: false,
            ..slice
        };
        for slice in [
            SliceHeader {
                slice_type,
                ..slice
            },
            plane,
        ] {
            let mut nal = Vec::new();
            let mut bits = BitWriter::escaped(&mut nal);
            slice
                .encode(Header::parse(&[0x61]).unwrap(), sets, &mut bits)
                .unwrap();
            bits.trailing_bits();
            units.push(nal);
        }
    }
    units
}
