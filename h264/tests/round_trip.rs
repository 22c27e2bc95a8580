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
