//! Further layers and views: subset parameter sets, prefixes and slices, read and written.

mod common;

use fluvial_h264::extension::{HeaderExtension, MvcExtension, Prefix, SvcExtension};
use fluvial_h264::nal::{Header, UnitType};
use fluvial_h264::slice::{
    BaseControl, DecRefPicMarking, LayerSlice, Modification, RefBasePic, ScalableSliceHeader,
};
use fluvial_h264::sps::subset::{
    ApplicableOp, GridPosition, LayerVui, LevelValue, Mfc, MvcVuiOp, ScaledRefLayer,
    SpsMvcExtension, SpsSvcExtension, SubsetExtension, SvcVuiEntry, View, ViewRefs,
};
use fluvial_h264::sps::{Hrd, SchedSel, SubsetSps, Timing};
use fluvial_h264::{
    BitReader, BitWriter, Error, List, ParameterSets, Pps, SliceHeader, Sps, Tracer, annexb,
};

#[test]
fn the_layers_of_the_corpus_are_written_back_bit_for_bit() {
    let mut seen = [0; 3];
    for (path, stream) in common::streams() {
        let mut sets = ParameterSets::default();
        for nal in annexb::nals(&stream) {
            let mut out = Vec::new();
            let header = Header::parse(nal).unwrap();
            match header.nal_unit_type {
                UnitType::SubsetSps => {
                    let subset = SubsetSps::parse(nal).unwrap();
                    subset.encode(header.nal_ref_idc, &mut out).unwrap();
                    assert_eq!(out, nal, "{}", path.display());
                    seen[0] += 1;
                }
                UnitType::Prefix => {
                    let (_, prefix) = Prefix::parse(nal).unwrap();
                    prefix.encode(header.nal_ref_idc, &mut out).unwrap();
                    assert_eq!(out, nal, "{}", path.display());
                    seen[1] += 1;
                }
                UnitType::SliceExtension => {
                    let mut reader = BitReader::escaped(nal);
                    let (header, slice) = LayerSlice::decode(&mut reader, &sets).unwrap();
                    let mut writer = BitWriter::escaped(&mut out);
                    slice.encode(header, &sets, &mut writer).unwrap();
                    assert_eq!(writer.position(), reader.position());
                    let whole = usize::try_from(reader.position() / 8).unwrap();
                    assert_eq!(out[..whole], nal[..whole], "{}", path.display());
                    seen[2] += 1;
                }
                _ => {}
            }
            sets.insert(nal).unwrap();
        }
    }
    if common::corpus().is_some() {
        assert!(seen.iter().all(|n| *n > 2), "{seen:?}");
    }
}

fn base(profile_idc: u8) -> Sps {
    Sps {
        profile_idc,
        level_idc: 31,
        max_num_ref_frames: 2,
        pic_width_in_mbs_minus1: 79,
        pic_height_in_map_units_minus1: 44,
        direct_8x8_inference_flag: true,
        ..Sps::default()
    }
}

fn vui() -> LayerVui {
    LayerVui {
        timing: Some(Timing {
            num_units_in_tick: 1001,
            time_scale: 60_000,
            fixed_frame_rate_flag: true,
        }),
        nal_hrd: Some(Box::new(Hrd {
            sched_sel: vec![SchedSel::default(); 2],
            ..Hrd::default()
        })),
        vcl_hrd: None,
        low_delay_hrd_flag: true,
        pic_struct_present_flag: true,
    }
}

fn stereo() -> SubsetSps {
    let refs = |l0: &[u16], l1: &[u16]| ViewRefs {
        l0: l0.to_vec(),
        l1: l1.to_vec(),
    };
    let mvc = SpsMvcExtension {
        views: vec![
            View::default(),
            View {
                view_id: 7,
                anchor_refs: refs(&[0], &[]),
                non_anchor_refs: refs(&[], &[0]),
            },
        ],
        level_values: vec![LevelValue {
            level_idc: 40,
            applicable_ops: vec![ApplicableOp {
                temporal_id: 2,
                target_view_id: vec![0, 7],
                num_views_minus1: 1,
            }],
        }],
        mfc: Mfc::default(),
        vui: Some(vec![
            MvcVuiOp {
                temporal_id: 1,
                view_id: vec![0, 7],
                vui: vui(),
            },
            MvcVuiOp {
                view_id: vec![7],
                ..MvcVuiOp::default()
            },
        ]),
    };
    SubsetSps {
        sps: base(128),
        extension: SubsetExtension::Mvc(Box::new(mvc)),
        additional_extension2: None,
    }
}

fn written(subset: &SubsetSps) -> Vec<u8> {
    let mut out = Vec::new();
    subset.encode(3, &mut out).unwrap();
    out
}

#[test]
fn subset_parameter_sets_are_read_as_they_were_written() {
    let mut frame_compatible = stereo();
    frame_compatible.sps.profile_idc = 134;
    frame_compatible.sps.frame_mbs_only_flag = false;
    frame_compatible.additional_extension2 = Some(vec![true, false, true]);
    if let SubsetExtension::Mvc(mvc) = &mut frame_compatible.extension {
        mvc.vui = None;
        mvc.mfc = Mfc {
            mfc_format_idc: 1,
            grid_position: Some(GridPosition {
                view0: [4, 8],
                view1: [12, 8],
            }),
            rpu_filter_enabled_flag: true,
            rpu_field_processing_flag: true,
        };
    }
    let svc = SpsSvcExtension {
        inter_layer_deblocking_filter_control_present_flag: true,
        extended_spatial_scalability_idc: 1,
        chroma_phase_x_plus1_flag: true,
        chroma_phase_y_plus1: 2,
        seq_scaled_ref_layer: ScaledRefLayer {
            chroma_phase_x_plus1_flag: true,
            chroma_phase_y_plus1: 1,
            offsets: [-3, 5, 0, 7],
        },
        seq_tcoeff_level_prediction_flag: true,
        adaptive_tcoeff_level_prediction_flag: true,
        slice_header_restriction_flag: false,
        vui: Some(vec![SvcVuiEntry {
            dependency_id: 1,
            quality_id: 9,
            temporal_id: 3,
            vui: vui(),
        }]),
    };
    let scalable = SubsetSps {
        sps: base(86),
        extension: SubsetExtension::Svc(Box::new(svc)),
        additional_extension2: Some(Vec::new()),
    };
    let plain = SubsetSps {
        sps: base(100),
        ..SubsetSps::default()
    };
    for subset in [stereo(), frame_compatible, scalable, plain] {
        let nal = written(&subset);
        assert_eq!(SubsetSps::parse(&nal), Ok(subset.clone()));
        for cut in 0..nal.len() - 1 {
            let read = SubsetSps::parse(&nal[..cut]);
            assert!(matches!(read, Err(Error::ShortBits(_))), "{cut}: {read:?}");
        }
    }
    let depth = SubsetSps {
        sps: base(138),
        ..SubsetSps::default()
    };
    let mut out = vec![1];
    assert!(depth.encode(3, &mut out).is_err());
    assert_eq!(out, [1]);
}

#[test]
fn prefixes_are_read_as_they_were_written() {
    let mut commands = List::default();
    commands.push(BaseControl::UnmarkShortTerm {
        difference_of_base_pic_nums_minus1: 3,
    });
    commands.push(BaseControl::UnmarkLongTerm {
        long_term_base_pic_num: 1,
    });
    let svc = HeaderExtension::Svc(SvcExtension {
        use_ref_base_pic_flag: true,
        reserved_three_2bits: 3,
        ..SvcExtension::default()
    });
    let kept = RefBasePic {
        store_ref_base_pic_flag: true,
        marking: Some(commands),
    };
    let mvc = HeaderExtension::Mvc(MvcExtension {
        view_id: 513,
        anchor_pic_flag: true,
        reserved_one_bit: true,
        ..MvcExtension::default()
    });
    let cases = [
        (2, svc, kept, Some(vec![true, true])),
        (1, svc, RefBasePic::default(), None),
        (0, svc, RefBasePic::default(), None),
        (0, svc, RefBasePic::default(), Some(vec![false, true])),
        (1, mvc, RefBasePic::default(), None),
    ];
    for (nal_ref_idc, extension, ref_base_pic, additional) in cases {
        let prefix = Prefix {
            extension,
            ref_base_pic,
            additional,
        };
        let mut nal = Vec::new();
        prefix.encode(nal_ref_idc, &mut nal).unwrap();
        let header = Header {
            nal_ref_idc,
            nal_unit_type: UnitType::Prefix,
        };
        assert_eq!(Prefix::parse(&nal), Ok((header, prefix)));
    }
}

/// The slice is read as it was written, and traced to its last element.
fn check_slice(header: Header, slice: LayerSlice, subset: &SubsetSps, pps: &Pps, last: &str) {
    let mut pps_nal = Vec::new();
    pps.encode(3, 1, &mut pps_nal).unwrap();
    let mut sets = ParameterSets::default();
    let mut tracer = Tracer::default();
    for nal in [&written(subset), &pps_nal] {
        assert_eq!(sets.insert(nal), Ok(true));
        assert_eq!(sets.insert(nal), Ok(false));
        tracer.nal(nal, |_| {}).unwrap();
    }
    let mut nal = Vec::new();
    let mut bits = BitWriter::escaped(&mut nal);
    slice.encode(header, &sets, &mut bits).unwrap();
    bits.trailing_bits();
    assert_eq!(LayerSlice::parse(&nal, &sets), Ok(slice));
    let mut names = Vec::new();
    tracer
        .nal(&nal, |element| names.push(element.name))
        .unwrap();
    assert_eq!(names.last(), Some(&last));
    // The base layer's reader refers to the base layer's sets.
    assert!(SliceHeader::parse(&nal, &sets).is_err());
}

#[test]
fn slices_of_further_views() {
    let mut list = List::default();
    list.push(Modification::AddView {
        abs_diff_view_idx_minus1: 0,
    });
    list.push(Modification::SubtractView {
        abs_diff_view_idx_minus1: 4,
    });
    list.push(Modification::LongTerm {
        long_term_pic_num: 1,
    });
    let mvc = MvcExtension {
        non_idr_flag: true,
        view_id: 7,
        inter_view_flag: true,
        reserved_one_bit: true,
        ..MvcExtension::default()
    };
    let slice = SliceHeader {
        slice_type: 5,
        frame_num: 3,
        ref_pic_list_modification: [Some(list), None],
        dec_ref_pic_marking: Some(DecRefPicMarking::SlidingWindow),
        slice_qp_delta: -2,
        ..SliceHeader::default()
    };
    for nal_unit_type in [UnitType::SliceExtension, UnitType::SliceExtensionDepth] {
        let header = Header {
            nal_ref_idc: 1,
            nal_unit_type,
        };
        let slice = LayerSlice::Mvc(mvc, slice);
        check_slice(header, slice, &stereo(), &Pps::default(), "slice_qp_delta");
    }
    let idr = MvcExtension {
        non_idr_flag: false,
        ..mvc
    };
    let slice = SliceHeader {
        slice_type: 7,
        idr_pic_id: 9,
        dec_ref_pic_marking: Some(DecRefPicMarking::Idr {
            no_output_of_prior_pics_flag: false,
            long_term_reference_flag: true,
        }),
        ..SliceHeader::default()
    };
    let header = Header {
        nal_ref_idc: 3,
        nal_unit_type: UnitType::SliceExtension,
    };
    let slice = LayerSlice::Mvc(idr, slice);
    check_slice(header, slice, &stereo(), &Pps::default(), "slice_qp_delta");
}

#[test]
fn slices_of_further_layers() {
    let subset = SubsetSps {
        sps: base(83),
        extension: SubsetExtension::Svc(Box::new(SpsSvcExtension {
            inter_layer_deblocking_filter_control_present_flag: true,
            extended_spatial_scalability_idc: 2,
            seq_tcoeff_level_prediction_flag: true,
            adaptive_tcoeff_level_prediction_flag: true,
            ..SpsSvcExtension::default()
        })),
        additional_extension2: None,
    };
    let header = Header {
        nal_ref_idc: 2,
        nal_unit_type: UnitType::SliceExtension,
    };
    let layer = SvcExtension {
        dependency_id: 1,
        use_ref_base_pic_flag: true,
        reserved_three_2bits: 3,
        ..SvcExtension::default()
    };
    let pps = Pps {
        weighted_pred_flag: true,
        entropy_coding_mode_flag: true,
        deblocking_filter_control_present_flag: true,
        ..Pps::default()
    };
    let slice = ScalableSliceHeader {
        base: SliceHeader {
            dec_ref_pic_marking: Some(DecRefPicMarking::SlidingWindow),
            cabac_init_idc: 2,
            slice_alpha_c0_offset_div2: 3,
            ..SliceHeader::default()
        },
        base_pred_weight_table_flag: true,
        ref_base_pic: RefBasePic {
            store_ref_base_pic_flag: true,
            marking: Some(List::default()),
        },
        ref_layer_dq_id: 16,
        inter_layer_slice_beta_offset_div2: -6,
        constrained_intra_resampling_flag: true,
        scaled_ref_layer: ScaledRefLayer {
            chroma_phase_x_plus1_flag: true,
            chroma_phase_y_plus1: 2,
            offsets: [1, 2, 3, -4],
        },
        tcoeff_level_prediction_flag: true,
        scan_idx_start: 2,
        ..ScalableSliceHeader::default()
    };
    check_slice(
        header,
        LayerSlice::Svc(layer, slice),
        &subset,
        &pps,
        "scan_idx_end",
    );
    // Of a quality layer that only repeats what is below it.
    let layer = SvcExtension {
        quality_id: 1,
        ..layer
    };
    let slice = ScalableSliceHeader {
        base: SliceHeader {
            slice_type: 2,
            ..SliceHeader::default()
        },
        num_mbs_in_slice_minus1: Some(3599),
        ..ScalableSliceHeader::default()
    };
    check_slice(
        header,
        LayerSlice::Svc(layer, slice),
        &subset,
        &pps,
        "tcoeff_level_prediction_flag",
    );
}

#[test]
fn mediainfo_sees_two_views() {
    let Some(folder) = common::corpus() else {
        return;
    };
    let path = folder.join("aizvorski-h264bitstream/x264_test.264");
    let mut stream = Vec::new();
    for nal in annexb::nals(&std::fs::read(path).unwrap()) {
        annexb::push(nal, &mut stream);
        if UnitType::of(nal) == UnitType::Pps {
            annexb::push(&written(&stereo()), &mut stream);
        }
    }
    let name = format!("fluvial-h264-{}-mvc.264", std::process::id());
    let file = std::env::temp_dir().join(name);
    std::fs::write(&file, stream).unwrap();
    let told = testing::run("mediainfo", &format!("--Details=1 {}", file.display()), &[]);
    let short = testing::run("mediainfo", &file.display().to_string(), &[]);
    std::fs::remove_file(file).unwrap();
    let (Some(told), Some(short)) = (told, short) else {
        return;
    };
    let (told, short) = (
        String::from_utf8_lossy(&told),
        String::from_utf8_lossy(&short),
    );
    assert!(short.contains("Stereo High@L3.1"), "{short}");
    let views = told.lines().find(|line| line.contains("num_views_minus1"));
    assert!(views.unwrap().contains(" 1 (0x1)"), "{views:?}");
}
