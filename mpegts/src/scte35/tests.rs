use super::*;
use proptest::prelude::*;

fn base64(text: &str) -> Vec<u8> {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut out, mut bits, mut count) = (Vec::new(), 0u32, 0);
    for byte in text.bytes().filter(|byte| *byte != b'=') {
        let digit = alphabet.iter().position(|one| *one == byte).unwrap();
        bits = bits << 6 | digit as u32;
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count) as u8);
        }
    }
    out
}

/// Reads it, and sees that it is written as it was.
fn exact(text: &str) -> SpliceInfoSection {
    let bytes = base64(text);
    let section = SpliceInfoSection::parse(&bytes).unwrap();
    let mut out = Vec::new();
    section.encode(&mut out).unwrap();
    assert_eq!(out, bytes, "{section:?}");
    section
}

fn segments(section: &SpliceInfoSection) -> Vec<&SegmentationDescriptor> {
    section
        .descriptors()
        .iter()
        .filter_map(|descriptor| match descriptor {
            SpliceDescriptor::Segmentation(segmentation) => Some(segmentation),
            _ => None,
        })
        .collect()
}

/// The samples of ANSI/SCTE 35 §14, with what the standard says of them: `pts_time`, then event id, type, UPID of each segment.
#[test]
fn the_samples_of_the_standard() {
    use SegmentationTypeId as T;
    type Told = (u64, &'static [(u32, T, u64)]);
    let samples: [(&str, Told); 7] = [
        (
            "/DA0AAAAAAAA///wBQb+cr0AUAAeAhxDVUVJSAAAjn/PAAGlmbAICAAAAAAsoKGKNAIAmsnRfg==",
            (
                0x72BD_0050,
                &[(
                    0x4800_008E,
                    T::PROVIDER_PLACEMENT_OPPORTUNITY_START,
                    0x2CA0_A18A,
                )],
            ),
        ),
        (
            "/DAvAAAAAAAA///wBQb+dGKQoAAZAhdDVUVJSAAAjn+fCAgAAAAALKChijUCAKnMZ1g=",
            (
                0x7462_90A0,
                &[(
                    0x4800_008E,
                    T::PROVIDER_PLACEMENT_OPPORTUNITY_END,
                    0x2CA0_A18A,
                )],
            ),
        ),
        (
            "/DBIAAAAAAAA///wBQb+ek2ItgAyAhdDVUVJSAAAGH+fCAgAAAAALMvDRBEAAAIXQ1VFSUgAABl/nwgIAAAAACyk26AQAACZcuND",
            (
                0x7A4D_88B6,
                &[
                    (0x4800_0018, T::PROGRAM_END, 0x2CCB_C344),
                    (0x4800_0019, T::PROGRAM_START, 0x2CA4_DBA0),
                ],
            ),
        ),
        (
            "/DAvAAAAAAAA///wBQb+rr//ZAAZAhdDVUVJSAAACH+fCAgAAAAALKVs9RcAAJUdsKg=",
            (
                0xAEBF_FF64,
                &[(0x4800_0008, T::PROGRAM_OVERLAP_START, 0x2CA5_6CF5)],
            ),
        ),
        (
            "/DBIAAAAAAAA///wBQb+ky44CwAyAhdDVUVJSAAACn+fCAgAAAAALKCh4xgAAAIXQ1VFSUgAAAl/nwgIAAAAACygoYoRAAC0IX6w",
            (
                0x932E_380B,
                &[
                    (0x4800_000A, T::PROGRAM_BLACKOUT_OVERRIDE, 0x2CA0_A1E3),
                    (0x4800_0009, T::PROGRAM_END, 0x2CA0_A18A),
                ],
            ),
        ),
        (
            "/DAvAAAAAAAA///wBQb+rvF8TAAZAhdDVUVJSAAAB3+fCAgAAAAALKVslxEAAMSHai4=",
            (0xAEF1_7C4C, &[(0x4800_0007, T::PROGRAM_END, 0x2CA5_6C97)]),
        ),
        (
            "/DBhAAAAAAAA///wBQb+qM1E7QBLAhdDVUVJSAAArX+fCAgAAAAALLLXnTUCAAIXQ1VFSUgAACZ/nwgIAAAAACyy150RAAACF0NVRUlIAAAnf58ICAAAAAAsstezEAAAihiGnw==",
            (
                0xA8CD_44ED,
                &[
                    (
                        0x4800_00AD,
                        T::PROVIDER_PLACEMENT_OPPORTUNITY_END,
                        0x2CB2_D79D,
                    ),
                    (0x4800_0026, T::PROGRAM_END, 0x2CB2_D79D),
                    (0x4800_0027, T::PROGRAM_START, 0x2CB2_D7B3),
                ],
            ),
        ),
    ];
    for (text, (pts_time, told)) in samples {
        let section = exact(text);
        assert_eq!(section.pts(), Some(pts_time));
        assert_eq!((section.tier, section.sap_type), (0xFFF, 3));
        let found: Vec<_> = segments(&section)
            .into_iter()
            .map(|one| {
                let segment = one.segment.as_ref().unwrap();
                assert_eq!(segment.upid.upid_type, UpidType::TI);
                let upid = u64::from_be_bytes(segment.upid.bytes.as_slice().try_into().unwrap());
                (
                    one.segmentation_event_id,
                    segment.segmentation_type_id,
                    upid,
                )
            })
            .collect();
        assert_eq!(found, told);
    }
}

#[test]
fn the_insert_of_the_standard() {
    let section = exact("/DAvAAAAAAAA///wFAVIAACPf+/+c2nALv4AUsz1AAAAAAAKAAhDVUVJAAABNWLbowo=");
    let Some(SpliceCommand::Insert(insert)) = section.command() else {
        panic!("{section:?}");
    };
    assert_eq!(insert.splice_event_id, 0x4800_008F);
    let event = insert.event.as_ref().unwrap();
    assert!(event.out_of_network_indicator);
    let time = SpliceTime {
        pts_time: Some(0x7369_C02E),
    };
    assert_eq!(event.when.times, SpliceTimes::Program(time));
    let duration = BreakDuration {
        auto_return: true,
        duration: 0x0052_CCF5,
    };
    assert_eq!(event.break_duration, Some(duration));
    let avail = SpliceDescriptor::Avail {
        provider_avail_id: 0x135,
    };
    assert_eq!(section.descriptors(), [avail]);
}

#[test]
fn tones() {
    let section = exact("/DAxAAAAAAAAAP/wFAVAAIeuf+/+0AWRK/4AUmXAAC0AfwAMAQpDVUVJUJ81MTkqo5/+gA==");
    let tones = DtmfDescriptor {
        preroll: 80,
        dtmf_chars: b"519*".to_vec(),
    };
    assert_eq!(section.descriptors(), [SpliceDescriptor::Dtmf(tones)]);
}

#[test]
fn several_names_in_one() {
    let section = exact(
        "/DBrAAAAAAAAAP/wBQb/AAAAAABVAlNDVUVJAAAAAn+/DUQKDBR3i+Xj9gAAAAAAAAoMFHeL5eP2AAAAAAAACSZTSUdOQUw6THk5RU1HeEtSMGhGWlV0cE1IZENVVlpuUlVGblp6MTcBA6QTOe8=",
    );
    assert_eq!(section.pts(), Some(0x1_0000_0000));
    let segments = segments(&section);
    let upid = &segments[0].segment.as_ref().unwrap().upid;
    let parts = upid.parts().unwrap();
    let texts: Vec<_> = parts.iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        [
            "10.5239/8BE5-E3F6-0000-0000-0000",
            "10.5239/8BE5-E3F6-0000-0000-0000",
            "SIGNAL:Ly9EMGxKR0hFZUtpMHdCUVZnRUFnZz1",
        ]
    );
    assert_eq!(Upid::multiple(&parts).unwrap(), *upid);
    assert!(parts[0].parts().is_err());
}

fn round_trip(section: &SpliceInfoSection) {
    let mut out = Vec::new();
    section.encode(&mut out).unwrap();
    assert_eq!(SpliceInfoSection::parse(&out).unwrap(), *section);
}

fn component<T>(component_tag: u8, time: T) -> Component<T> {
    Component {
        component_tag,
        time,
    }
}

fn event<T>(when: T) -> SpliceEvent<T> {
    SpliceEvent {
        out_of_network_indicator: true,
        when,
        break_duration: None,
        unique_program_id: 7,
        avail_num: 1,
        avails_expected: 2,
    }
}

#[test]
fn every_command_comes_back() {
    let time = |pts_time| SpliceTime { pts_time };
    let insert = |times| {
        let when = SpliceWhen {
            event_id_compliance_flag: false,
            times,
        };
        SpliceCommand::Insert(SpliceInsert {
            splice_event_id: 5,
            event: Some(event(when)),
        })
    };
    let schedule = |when| ScheduleEvent {
        splice_event_id: 6,
        event_id_compliance_flag: true,
        event: Some(event(when)),
    };
    let components = vec![component(1, 3_000_000_000), component(2, 5)];
    let commands = [
        SpliceCommand::Null,
        SpliceCommand::BandwidthReservation,
        SpliceCommand::TimeSignal(time(None)),
        SpliceCommand::TimeSignal(time(Some(time::PTS))),
        SpliceCommand::Insert(SpliceInsert {
            splice_event_id: 5,
            event: None,
        }),
        insert(SpliceTimes::ProgramImmediate),
        insert(SpliceTimes::Program(time(Some(9)))),
        insert(SpliceTimes::ComponentsImmediate(vec![1, 2, 3])),
        insert(SpliceTimes::Components(vec![
            component(1, time(None)),
            component(2, time(Some(8))),
        ])),
        SpliceCommand::Schedule(vec![
            schedule(ScheduleTime::Program(1_400_000_000)),
            schedule(ScheduleTime::Components(components)),
            ScheduleEvent {
                splice_event_id: 1,
                event_id_compliance_flag: false,
                event: None,
            },
        ]),
        SpliceCommand::Private {
            identifier: *b"TEST",
            private_bytes: vec![1, 2, 3],
        },
        SpliceCommand::Other {
            splice_command_type: 2,
            data: vec![1],
        },
    ];
    let segment = Segment {
        delivery_restrictions: None,
        components: Some(vec![SegmentComponent {
            component_tag: 3,
            pts_offset: time::PTS,
        }]),
        segmentation_duration: Some(0xFF_FFFF_FFFF),
        upid: Upid {
            upid_type: UpidType::MPU,
            bytes: b"ABCDrest".to_vec(),
        },
        segmentation_type_id: SegmentationTypeId::PROVIDER_AD_BLOCK_START,
        segment_num: 1,
        segments_expected: 2,
        sub_segments: Some((3, 4)),
    };
    assert_eq!(
        segment.upid.managed_private(),
        Some((b"ABCD", &b"rest"[..]))
    );
    let descriptors = vec![
        SpliceDescriptor::Segmentation(SegmentationDescriptor {
            segmentation_event_id: 1,
            segmentation_event_id_compliance_indicator: false,
            segment: Some(segment),
        }),
        SpliceDescriptor::Segmentation(SegmentationDescriptor {
            segmentation_event_id: 1,
            segmentation_event_id_compliance_indicator: true,
            segment: None,
        }),
        SpliceDescriptor::Time(TimeDescriptor {
            tai_seconds: (1 << 48) - 1,
            tai_ns: 999_999_999,
            utc_offset: 37,
        }),
        SpliceDescriptor::Audio(vec![AudioComponent {
            component_tag: 0xFF,
            iso_code: *b"eng",
            bit_stream_mode: 7,
            num_channels: 15,
            full_srvc_audio: true,
        }]),
        SpliceDescriptor::Other {
            splice_descriptor_tag: 0xF0,
            data: b"TESTxyz".to_vec(),
        },
    ];
    for command in commands {
        let mut section = SpliceInfoSection::new(command, descriptors.clone());
        section.pts_adjustment = time::PTS;
        section.tier = 0x123;
        section.sap_type = 1;
        round_trip(&section);
    }
}

#[test]
fn what_is_encrypted_is_kept() {
    let mut section = SpliceInfoSection::new(SpliceCommand::Null, vec![]);
    section.content = Content::Encrypted {
        encryption_algorithm: 0x3F,
        splice_command_length: 8,
        bytes: vec![9; 24],
    };
    round_trip(&section);
    assert_eq!((section.command(), section.pts()), (None, None));
}

#[test]
fn a_command_of_unknown_length() {
    // GStreamer and others write 0xFFF for the length of the command.
    let mut section = SpliceInfoSection::new(
        SpliceCommand::TimeSignal(SpliceTime { pts_time: Some(77) }),
        vec![],
    );
    section.pts_adjustment = 3;
    let Content::Clear {
        command_length_known,
        ..
    } = &mut section.content
    else {
        panic!("{section:?}");
    };
    *command_length_known = false;
    round_trip(&section);
    assert_eq!(section.pts(), Some(80));
    let mut out = Vec::new();
    section.encode(&mut out).unwrap();
    assert_eq!(out[11..13], [0xFF, 0xFF]);
}

#[test]
fn damage_is_told() {
    let bytes = base64("/DAqAAAAAAAAAP/wDwUAAHn+f8/+QubGOQAAAAAACgAIQ1VFSQAAAADizteX");
    for len in 0..bytes.len() {
        assert!(matches!(
            SpliceInfoSection::parse(&bytes[..len]),
            Err(Error::Short(_))
        ));
    }
    for bit in 0..bytes.len() * 8 {
        let mut bad = bytes.clone();
        bad[bit / 8] ^= 0x80 >> (bit % 8);
        assert!(SpliceInfoSection::parse(&bad).is_err(), "bit {bit}");
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let mut section = SpliceInfoSection::new(SpliceCommand::Null, vec![]);
    section.tier = 0x1000;
    let refused = section.encode(&mut Vec::new()).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "tier is 4096, its field holds at most 4095"
    );
    let long = SpliceDescriptor::Other {
        splice_descriptor_tag: 9,
        data: vec![0; 255],
    };
    let section = SpliceInfoSection::new(SpliceCommand::Null, vec![long; 20]);
    assert!(matches!(
        section.encode(&mut Vec::new()),
        Err(Error::TooLong(_))
    ));
}

proptest! {
    #[test]
    fn what_can_be_read_is_written_and_read_again(
        command in prop_oneof![Just(4u8), Just(5), Just(6), any::<u8>()], body: Vec<u8>, tags in proptest::collection::vec((0u8..6, proptest::collection::vec(any::<u8>(), 0..40)), 0..4),
        flags in any::<u8>(), unknown: bool,
    ) {
        // A section made of anything, with lengths and check that are right.
        let mut list = Vec::new();
        for (tag, data) in &tags {
            list.extend([*tag, data.len() as u8 + 4]);
            list.extend(b"CUEI");
            list.extend(data);
        }
        let length = if unknown { 0xFFF } else { body.len() as u16 };
        let mut bytes = vec![0xFC, 0x30, 0, 0, flags & 0x7F, 1, 2, 3, 4, 5, 6, 0x70 | (length >> 8) as u8, length as u8, command];
        bytes.extend(&body);
        bytes.extend((list.len() as u16).to_be_bytes());
        bytes.extend(list);
        let section_length = (bytes.len() + 4 - 3) as u16;
        bytes[1..3].copy_from_slice(&(0x3000 | section_length).to_be_bytes());
        bytes.extend(crc32(&bytes).to_be_bytes());
        if let Ok(section) = SpliceInfoSection::parse(&bytes) {
            let mut out = Vec::new();
            section.encode(&mut out).unwrap();
            prop_assert_eq!(SpliceInfoSection::parse(&out).unwrap(), section);
        }
    }
}

#[test]
fn what_is_a_break() {
    let told = |text: &str| SpliceInfoSection::parse(&base64(text)).unwrap().as_break();
    let insert = "/DAvAAAAAAAA///wFAVIAACPf+/+c2nALv4AUsz1AAAAAAAKAAhDVUVJAAABNWLbowo=";
    assert_eq!(
        told(insert),
        Some(Break {
            event_id: 0x4800_008F,
            begins: true,
            duration: Some(0x0052_CCF5),
            auto_return: true,
        })
    );
    // Provider placement opportunity start, and its end.
    let start = "/DA0AAAAAAAA///wBQb+cr0AUAAeAhxDVUVJSAAAjn/PAAGlmbAICAAAAAAsoKGKNAIAmsnRfg==";
    let end = "/DAvAAAAAAAA///wBQb+dGKQoAAZAhdDVUVJSAAAjn+fCAgAAAAALKChijUCAKnMZ1g=";
    let placement = |begins, duration| Break {
        event_id: 0x4800_008E,
        begins,
        duration,
        auto_return: false,
    };
    assert_eq!(told(start), Some(placement(true, Some(0x01A5_99B0))));
    assert_eq!(told(end), Some(placement(false, None)));
    // The end of a programme.
    assert_eq!(
        told("/DAvAAAAAAAA///wBQb+rvF8TAAZAhdDVUVJSAAAB3+fCAgAAAAALKVslxEAAMSHai4="),
        None
    );
}

#[test]
fn times_of_a_section_move_with_its_stream() {
    // time_signal at 0x072BD0050.
    let bytes =
        base64("/DA0AAAAAAAA///wBQb+cr0AUAAeAhxDVUVJSAAAjn/PAAGlmbAICAAAAAAsoKGKNAIAmsnRfg==");
    let before = SpliceInfoSection::parse(&bytes).unwrap();
    let at = before.pts().unwrap();
    for ticks in [63_000, -63_000, -(at as i64) - 1, 0] {
        let mut moved = bytes.clone();
        shift_times(&mut moved, ticks);
        let after = SpliceInfoSection::parse(&moved).unwrap();
        let wanted = (at as i64 + ticks).rem_euclid(1 << 33);
        assert_eq!(after.pts(), Some(wanted as u64), "{ticks}");
        assert_eq!(after.command(), before.command());
        shift_times(&mut moved, -ticks);
        assert_eq!(moved, bytes);
    }
    // What is none stays.
    for other in [
        &b""[..],
        b"\xFC",
        b"\xFC\x30\x11\0\0\0\0\0\0\0\xFF\xF0\0\0\0\0\x7A\x4F\xBF\0",
    ] {
        let mut moved = other.to_vec();
        shift_times(&mut moved, 90_000);
        assert_eq!(moved, other);
    }
}
