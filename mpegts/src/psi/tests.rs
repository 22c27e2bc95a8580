use super::*;
use proptest::collection::vec;
use proptest::prelude::*;

fn descriptors() -> impl Strategy<Value = Descriptors> {
    vec((any::<u8>(), vec(any::<u8>(), 0..30)), 0..4).prop_map(|list| {
        let mut descriptors = Descriptors::new();
        for (tag, data) in list {
            let descriptor = Descriptor::Unknown { tag, data };
            descriptors.push_any(&descriptor).unwrap();
        }
        descriptors
    })
}

fn version() -> impl Strategy<Value = Version> {
    (0u8..32).prop_map(|number| Version {
        number,
        current: true,
    })
}

/// Written, read again section by section, and put together.
fn round_trip<T: Table + Clone + PartialEq + core::fmt::Debug>(table: &T) {
    let sections = table.encode().unwrap();
    let mut collector = Collector::new();
    let mut whole = None;
    for (number, bytes) in sections.iter().enumerate() {
        let section = Section::parse(bytes).unwrap();
        let part = T::decode(&section).unwrap();
        let mut again = Vec::new();
        let last = u8::try_from(sections.len() - 1).unwrap();
        part.encode_section(u8::try_from(number).unwrap(), last, &mut again)
            .unwrap();
        assert_eq!(again, *bytes);
        assert_eq!(whole, None);
        whole = collector.handle_section(&section).unwrap();
    }
    assert_eq!(whole.as_ref(), Some(table));
}

proptest! {
    #[test]
    fn conditional_access_tables(version in version(), descriptors in descriptors()) {
        round_trip(&Cat { version, descriptors: descriptors.clone() });
        round_trip(&Tsdt { version, descriptors });
    }

    #[test]
    fn network_tables(
        kind in prop_oneof![Just(NitKind::Actual), Just(NitKind::Other), Just(NitKind::Bouquet)], id: u16, version in version(),
        descriptors in descriptors(), streams in vec((any::<u16>(), any::<u16>(), descriptors()), 0..30),
    ) {
        let streams = streams.into_iter().map(|(transport_stream_id, original_network_id, descriptors)| NetworkStream {
            transport_stream_id, original_network_id, descriptors,
        });
        round_trip(&Nit { kind, id, version, descriptors, streams: streams.collect() });
    }

    #[test]
    fn service_tables(
        actual: bool, transport_stream_id: u16, version in version(), original_network_id: u16,
        services in vec((any::<u16>(), any::<[bool; 3]>(), 0u8..8, descriptors()), 0..30),
    ) {
        let services = services.into_iter().map(|(service_id, [eit_schedule, eit_present_following, free_ca_mode], status, descriptors)| SdtService {
            service_id, eit_schedule, eit_present_following, running_status: RunningStatus(status), free_ca_mode, descriptors,
        });
        round_trip(&Sdt { actual, transport_stream_id, version, original_network_id, services: services.collect() });
    }

    #[test]
    fn program_maps(
        program_number: u16, version in version(), pcr_pid in 0u16..0x2000, descriptors in descriptors(),
        streams in vec((any::<u8>(), 0u16..0x2000, descriptors()), 0..6),
    ) {
        let streams = streams.into_iter().map(|(stream_type, elementary_pid, descriptors)| ElementaryStream {
            stream_type: StreamType(stream_type), elementary_pid, descriptors,
        });
        round_trip(&Pmt { program_number, version, pcr_pid, descriptors, streams: streams.collect() });
    }

    #[test]
    fn clocks(unix in 0i64..2_000_000_000, offsets in proptest::option::of(descriptors())) {
        let table = ClockTable { utc_time: DvbTime::from_unix(unix).unwrap(), offsets };
        let mut out = Vec::new();
        table.encode(&mut out).unwrap();
        prop_assert_eq!(ClockTable::decode(&Section::parse(&out).unwrap()).unwrap(), table);
    }
}

fn event(event_id: u16) -> EitEvent {
    EitEvent {
        event_id,
        start_time: DvbTime::from_unix(1_700_000_000).unwrap(),
        duration: DvbDuration::from_seconds(5400).unwrap(),
        running_status: RunningStatus::RUNNING,
        free_ca_mode: true,
        descriptors: Descriptors::from_bytes(&[0x52, 1, 1]),
    }
}

#[test]
fn a_schedule_with_numbers_left_out() {
    let section = |number: u8, segment_last_section_number: u8| {
        let table = Eit {
            table_id: 0x50,
            service_id: 7,
            version: Version::FIRST,
            transport_stream_id: 1,
            original_network_id: 2,
            segment_last_section_number,
            last_table_id: 0x50,
            events: vec![event(number.into())],
        };
        let mut out = Vec::new();
        table.encode_section(number, 16, &mut out).unwrap();
        out
    };
    let mut collector = Collector::<Eit>::new();
    // Segments of eight: 0 and 1; 8; 16.
    for (number, segment_last) in [(16, 16), (0, 1), (8, 8)] {
        let bytes = section(number, segment_last);
        let given = collector.handle_section(&Section::parse(&bytes).unwrap());
        assert_eq!(given, Ok(None));
    }
    let bytes = section(1, 1);
    let whole = collector
        .handle_section(&Section::parse(&bytes).unwrap())
        .unwrap()
        .unwrap();
    let ids: Vec<_> = whole.events.iter().map(|event| event.event_id).collect();
    assert_eq!(ids, [0, 1, 8, 16]);
    let first = &whole.events[0];
    assert_eq!(first.start_time.to_string(), "2023-11-14 22:13:20");
    assert_eq!(*first, event(0));
}

#[test]
fn tables_that_are_others_are_refused() {
    let bytes = Pat::default().encode().unwrap().remove(0);
    let section = Section::parse(&bytes).unwrap();
    for refused in [
        Pmt::decode(&section).err(),
        Cat::decode(&section).err(),
        Nit::decode(&section).err(),
        Sdt::decode(&section).err(),
        Eit::decode(&section).err(),
        ClockTable::decode(&section).err(),
    ] {
        let field = "table_id";
        assert_eq!(
            refused,
            Some(Error::Invalid {
                field,
                value: 0,
                offset: 0
            })
        );
    }
}
