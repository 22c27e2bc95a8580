//! What is read is written back bit for bit.

mod common;

use fluvial_h264::extension::HeaderExtension;
use fluvial_h264::nal::{Header, UnitType};
use fluvial_h264::sei::{self, Payload};
use fluvial_h264::sps::SpsExtension;
use fluvial_h264::{
    AccessUnitDelimiter, BitReader, BitWriter, Error, ParameterSets, Pps, SliceHeader, Sps, annexb,
    pps,
};

/// Reads a slice header and writes it with the slice data behind it.
fn slice_again(nal: &[u8], sets: &ParameterSets) -> Result<Vec<u8>, Error> {
    let mut reader = BitReader::escaped(nal);
    let (header, slice) = SliceHeader::decode(&mut reader, sets)?;
    assert_eq!(SliceHeader::parse(nal, sets)?, slice);
    let mut out = Vec::new();
    let mut writer = BitWriter::escaped(&mut out);
    slice.encode(header, sets, &mut writer)?;
    assert_eq!(writer.position(), reader.position());
    while let Ok(bit) = reader.bit("slice_data") {
        writer.bit(bit);
    }
    Ok(out)
}

/// Writes what was read from a NAL unit; `None` where its kind is not read.
fn again(
    nal: &[u8],
    sets: &mut ParameterSets,
    active: &mut Option<Sps>,
) -> Result<Option<Vec<u8>>, Error> {
    let header = Header::parse(nal)?;
    let mut out = Vec::new();
    match header.nal_unit_type {
        UnitType::Sps => {
            let sps = Sps::parse(nal)?;
            sps.encode(header.nal_ref_idc, &mut out)?;
            sets.insert(nal)?;
            *active = Some(sps);
        }
        UnitType::SpsExtension => SpsExtension::parse(nal)?.encode(header.nal_ref_idc, &mut out)?,
        UnitType::Pps => {
            let (_, sps) = pps::ids(nal)?;
            let chroma_format_idc = sets.sps(sps).map_or(1, |sps| sps.chroma_format_idc);
            Pps::parse(nal, chroma_format_idc)?.encode(
                header.nal_ref_idc,
                chroma_format_idc,
                &mut out,
            )?;
            sets.insert(nal)?;
        }
        UnitType::Sei => {
            let payloads: Result<Vec<Payload>, Error> = sei::messages(nal)
                .map(|message| message?.payload(active.as_ref()))
                .collect();
            sei::encode(&payloads?, active.as_ref(), &mut out)?;
        }
        UnitType::AccessUnitDelimiter => AccessUnitDelimiter::parse(nal)?.encode(&mut out)?,
        UnitType::NonIdrSlice
        | UnitType::IdrSlice
        | UnitType::PartitionA
        | UnitType::AuxiliarySlice => {
            out = slice_again(nal, sets)?;
        }
        kind if HeaderExtension::follows(kind) => {
            HeaderExtension::parse(nal)?.encode(header, &mut out)?;
            out.extend_from_slice(&nal[4..]);
        }
        _ => return Ok(None),
    }
    Ok(Some(out))
}

/// `cabac_zero_words` end in an emulation prevention byte, which no bit comes after.
fn without_last_zeros(nal: &[u8]) -> &[u8] {
    let nal = nal.strip_suffix(&[3]).unwrap_or(nal);
    nal.strip_suffix(&[0, 0]).unwrap_or(nal)
}

#[test]
fn every_nal_unit_of_the_corpus() {
    let streams = common::streams();
    let mut units = 0;
    for (path, stream) in &streams {
        let mut sets = ParameterSets::default();
        let mut active = None;
        for (n, nal) in annexb::nals(stream).enumerate() {
            match again(nal, &mut sets, &mut active) {
                Ok(Some(out)) => {
                    let (nal, out) = (without_last_zeros(nal), without_last_zeros(&out));
                    assert!(out == nal, "{path:?}: unit {n}\n{nal:02X?}\n{out:02X?}");
                    units += 1;
                }
                Ok(None) => {}
                // A message before the first parameter set, a slice whose parameter set was lost.
                Err(Error::Missing { .. }) => {}
                Err(error) => panic!("{path:?}: unit {n}: {error}"),
            }
        }
    }
    assert!(streams.is_empty() || units > 5000, "{units}");
}

#[test]
fn every_message_type() {
    use fluvial_h264::sei::*;
    use fluvial_h264::sps::{Hrd, SchedSel, Vui};
    let hrd = Hrd {
        sched_sel: vec![SchedSel::default(); 2],
        initial_cpb_removal_delay_length_minus1: 23,
        cpb_removal_delay_length_minus1: 31,
        dpb_output_delay_length_minus1: 4,
        time_offset_length: 5,
        ..Hrd::default()
    };
    let sps = Sps {
        vui: Some(Box::new(Vui {
            nal_hrd: Some(Box::new(hrd)),
            pic_struct_present_flag: true,
            ..Vui::default()
        })),
        ..Sps::default()
    };
    let delay = InitialDelay {
        initial_cpb_removal_delay: 90_000,
        initial_cpb_removal_delay_offset: 1,
    };
    let time = ClockTimestamp {
        counting_type: 4,
        n_frames: 29,
        seconds: Some(59),
        minutes: Some(1),
        time_offset: -16,
        ..ClockTimestamp::default()
    };
    let full = ClockTimestamp {
        full_timestamp_flag: true,
        hours: Some(23),
        time_offset: 15,
        ..time
    };
    let payloads = [
        Payload::BufferingPeriod(BufferingPeriod {
            seq_parameter_set_id: 0,
            nal: vec![delay; 2],
            vcl: Vec::new(),
        }),
        Payload::PicTiming(PicTiming {
            delays: Some(Delays {
                cpb_removal_delay: u32::MAX,
                dpb_output_delay: 31,
            }),
            pic_struct: Some(PicStruct {
                pic_struct: 5,
                clock_timestamps: [Some(time), None, Some(full)],
            }),
        }),
        Payload::UserDataRegistered(UserDataRegistered {
            itu_t_t35_country_code: 255,
            itu_t_t35_country_code_extension_byte: 7,
            payload: vec![0; 600],
        }),
        Payload::UserDataUnregistered(UserDataUnregistered {
            uuid: [0; 16],
            payload: vec![0, 0, 1, 0, 0, 0],
        }),
        Payload::RecoveryPoint(RecoveryPoint {
            recovery_frame_cnt: 12,
            broken_link_flag: true,
            ..RecoveryPoint::default()
        }),
        Payload::FramePacking(FramePacking {
            arrangement: Some(FramePackingArrangement {
                arrangement_type: 3,
                content_interpretation_type: 1,
                grid_positions: [1, 2, 3, 4],
                repetition_period: 1,
                ..FramePackingArrangement::default()
            }),
            ..FramePacking::default()
        }),
        Payload::FramePacking(FramePacking::default()),
        Payload::DisplayOrientation(DisplayOrientation {
            orientation: Some(Orientation {
                anticlockwise_rotation: 0x4000,
                ..Orientation::default()
            }),
        }),
        Payload::DisplayOrientation(DisplayOrientation::default()),
        Payload::MasteringDisplay(MasteringDisplay {
            display_primaries: [[13250, 34500], [7500, 3000], [34000, 16000]],
            white_point: [15635, 16450],
            max_display_mastering_luminance: 10_000_000,
            min_display_mastering_luminance: 1,
        }),
        Payload::ContentLightLevel(ContentLightLevel {
            max_content_light_level: 1000,
            max_pic_average_light_level: 400,
        }),
        Payload::AlternativeTransferCharacteristics(AlternativeTransferCharacteristics {
            preferred_transfer_characteristics: 18,
        }),
        Payload::Other {
            payload_type: 600,
            data: vec![0, 0, 3],
        },
    ];
    let mut nal = Vec::new();
    sei::encode(&payloads, Some(&sps), &mut nal).unwrap();
    let read: Result<Vec<Payload>, Error> = sei::messages(&nal)
        .map(|message| message?.payload(Some(&sps)))
        .collect();
    assert_eq!(read.unwrap(), payloads);
}

#[test]
fn every_slice_group_map() {
    use fluvial_h264::pps::{SliceGroupMap, SliceGroups};
    let changing = |map_type, change_rate_minus1| SliceGroupMap::Changing {
        map_type,
        change_direction_flag: map_type == 4,
        change_rate_minus1,
    };
    let maps = [
        (
            2,
            SliceGroupMap::Interleaved {
                run_length_minus1: vec![0, 98, 7],
            },
        ),
        (7, SliceGroupMap::Dispersed),
        (
            2,
            SliceGroupMap::Foreground {
                rectangles: vec![[0, 12], [5, 98]],
            },
        ),
        (1, changing(3, 0)),
        (1, changing(4, 97)),
        (1, changing(5, 200)),
        (
            4,
            SliceGroupMap::Explicit {
                slice_group_id: (0..99).map(|n| n % 5).collect(),
            },
        ),
    ];
    let sps = Sps {
        pic_width_in_mbs_minus1: 10,
        pic_height_in_map_units_minus1: 8,
        ..Sps::default()
    };
    let mut sets = ParameterSets::default();
    let mut nal = Vec::new();
    sps.encode(3, &mut nal).unwrap();
    sets.insert(&nal).unwrap();
    // 99 map units in steps of 1, 98 and 201 take 100, 3 and 2 values.
    let cycle_bits = [0u32, 0, 0, 7, 2, 1, 0];
    for ((last_group, map), bits) in maps.into_iter().zip(cycle_bits) {
        let pps = Pps {
            slice_groups: Some(SliceGroups {
                num_slice_groups_minus1: last_group,
                map,
            }),
            ..Pps::default()
        };
        let mut nal = Vec::new();
        pps.encode(3, 1, &mut nal).unwrap();
        assert_eq!(Pps::parse(&nal, 1).unwrap(), pps);
        sets.insert(&nal).unwrap();
        let slice = SliceHeader {
            slice_type: 7,
            slice_group_change_cycle: (1 << bits) - 1,
            dec_ref_pic_marking: Some(fluvial_h264::slice::DecRefPicMarking::Idr {
                no_output_of_prior_pics_flag: false,
                long_term_reference_flag: true,
            }),
            ..SliceHeader::default()
        };
        let mut out = Vec::new();
        let mut writer = BitWriter::escaped(&mut out);
        slice
            .encode(Header::parse(&[0x65]).unwrap(), &sets, &mut writer)
            .unwrap();
        // 8 of the NAL unit header and 21 of the slice's other elements.
        assert_eq!(writer.position(), 29 + u64::from(bits));
        writer.trailing_bits();
        assert_eq!(SliceHeader::parse(&out, &sets), Ok(slice));
    }
}

#[test]
fn planes_apart_and_monochrome() {
    use fluvial_h264::pps::PpsExtension;
    use fluvial_h264::{ScalingList, ScalingMatrix};
    let list = ScalingList {
        factors: std::array::from_fn(|n| if n < 40 { 255 - n as u8 } else { 216 }),
        coded: 40,
    };
    let matrix = ScalingMatrix {
        lists_4x4: [None, Some(ScalingList::default()), None, None, None, None],
        lists_8x8: [Some(list), None, None, None, None, Some(list)],
    };
    for (chroma_format_idc, separate) in [(0, false), (1, false), (3, false), (3, true)] {
        let mut matrix = matrix.clone();
        if chroma_format_idc != 3 {
            matrix.lists_8x8[5] = None;
        }
        let sps = Sps {
            profile_idc: 244,
            chroma_format_idc,
            separate_colour_plane_flag: separate,
            bit_depth_luma_minus8: 6,
            qpprime_y_zero_transform_bypass_flag: true,
            seq_scaling_matrix: Some(Box::new(matrix.clone())),
            ..Sps::default()
        };
        let mut nal = Vec::new();
        sps.encode(1, &mut nal).unwrap();
        assert_eq!(Sps::parse(&nal).unwrap(), sps);
        let mut sets = ParameterSets::default();
        let pps = Pps {
            weighted_pred_flag: true,
            extension: Some(PpsExtension {
                transform_8x8_mode_flag: true,
                pic_scaling_matrix: Some(Box::new(matrix)),
                second_chroma_qp_index_offset: -12,
            }),
            ..Pps::default()
        };
        let mut pps_nal = Vec::new();
        pps.encode(1, chroma_format_idc, &mut pps_nal).unwrap();
        // The picture parameter set comes first, and is read again when it is known what by. With 4:4:4 it does not
        // even look right before.
        let early = sets.insert(&pps_nal).is_ok();
        sets.insert(&nal).unwrap();
        if !early {
            sets.insert(&pps_nal).unwrap();
        }
        assert_eq!(sets.pps(0), Ok(&pps), "{chroma_format_idc}");
        let slice = SliceHeader {
            slice_type: 0,
            colour_plane_id: if separate { 2 } else { 0 },
            pred_weight_table: Some(Default::default()),
            ..SliceHeader::default()
        };
        let mut out = Vec::new();
        let mut writer = BitWriter::escaped(&mut out);
        slice
            .encode(Header::parse(&[0x01]).unwrap(), &sets, &mut writer)
            .unwrap();
        writer.trailing_bits();
        let read = SliceHeader::parse(&out, &sets).unwrap();
        assert_eq!(read.colour_plane_id, slice.colour_plane_id);
        assert_eq!(read.pred_weight_table.unwrap().lists[0].len(), 1);
    }
}
