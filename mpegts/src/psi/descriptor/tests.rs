use super::*;
use proptest::prelude::*;

fn round_trip(bytes: &[u8]) -> Descriptor {
    let list = Descriptors::from_bytes(bytes);
    let mut iter = list.iter();
    let descriptor = iter.next().unwrap().typed();
    assert_eq!(iter.next(), None);
    assert!(iter.rest().is_empty());
    let mut again = Descriptors::new();
    again.push_any(&descriptor).unwrap();
    assert_eq!(again.as_bytes(), bytes, "{descriptor:?}");
    descriptor
}

/// As other muxers write them.
#[test]
fn descriptors_by_hand() {
    // GStreamer and ffmpeg: Opus.
    assert_eq!(
        round_trip(&[0x7F, 2, 0x80, 2]),
        Descriptor::OpusAudio(OpusAudio {
            channel_config_code: 2,
            explicit: vec![]
        })
    );
    // HLS: timed ID3, its pointer and its metadata.
    let id3 = b"\x26\x0D\xFF\xFFID3 \xFFID3 \xFF\x0F";
    assert!(matches!(
        round_trip(id3),
        Descriptor::Metadata(Metadata {
            format: MetadataFormat::ID3,
            metadata_service_id: 0xFF,
            ..
        })
    ));
    let pointer = b"\x25\x0F\xFF\xFFID3 \xFFID3 \xFF\x1F\x00\x01";
    assert!(matches!(
        round_trip(pointer),
        Descriptor::MetadataPointer(MetadataPointer {
            program_number: 1,
            ..
        })
    ));
    // MISB: KLV.
    let klv = b"\x26\x09\x01\x00\xFFKLVA\x00\x0F";
    assert!(matches!(
        round_trip(klv),
        Descriptor::Metadata(Metadata {
            format: MetadataFormat::KLV,
            ..
        })
    ));
    round_trip(&[0x27, 9, 0xC0, 0, 0, 0xC0, 0, 0, 0xC0, 0, 0]);
    assert_eq!(
        round_trip(b"\x56\x05deu\x10\x50"),
        Descriptor::Teletext(Teletext {
            pages: vec![TeletextPage {
                iso_639_language_code: *b"deu",
                teletext_type: 2,
                teletext_magazine_number: 0,
                teletext_page_number: 0x50,
            }]
        })
    );
    assert!(matches!(
        round_trip(b"\x59\x08eng\x10\x00\x01\x00\x02"),
        Descriptor::Subtitling(_)
    ));
    assert!(matches!(
        round_trip(b"\x09\x05\x0B\x00\xE1\x20!"),
        Descriptor::ConditionalAccess(ConditionalAccess {
            ca_system_id: 0x0B00,
            ca_pid: 0x120,
            ..
        })
    ));
    round_trip(&[0x52, 1, 9]);
    round_trip(&[0x02, 3, 0x1A, 0x48, 0x5F]);
    round_trip(&[0x02, 1, 0x1C]);
    round_trip(&[0x03, 1, 0x67]);
    round_trip(&[0x0B, 2, 0xC7, 0x5F]);
    round_trip(&[0x0E, 3, 0xC0, 0x12, 0x34]);
    round_trip(&[0x10, 6, 0xC0, 0x12, 0x34, 0xFF, 0xFF, 0xFF]);
    round_trip(&[0x11, 1, 0xFF]);
    round_trip(&[0x28, 4, 0x64, 0, 0x28, 0x3F]);
    round_trip(&[0x38, 13, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 93, 0x1F]);
    round_trip(&[
        0x38, 15, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 93, 0x9F, 0x1F, 0x5F,
    ]);
    round_trip(&[0x7C, 1, 0x51]);
    round_trip(&[0x7C, 3, 0x51, 0x80, 3]);
}

#[test]
fn descriptors_of_services_by_hand() {
    let Descriptor::Service(service) = round_trip(b"\x48\x12\x01\x06FFmpeg\x09Service01") else {
        panic!("no service");
    };
    assert_eq!(service.name.to_string(), "Service01");
    assert_eq!(service.provider_name.to_string(), "FFmpeg");
    let Descriptor::ShortEvent(event) =
        round_trip(b"\x4D\x0Edeu\x06\x01\xB0\x31\xC0\x31\xB2\x03One")
    else {
        panic!("no event");
    };
    assert_eq!(event.event_name.to_string(), "\u{410}1\u{420}1\u{412}");
    assert_eq!(event.text.to_string(), "One");
    let Descriptor::ExtendedEvent(event) = round_trip(b"\x4E\x10\x01eng\x09\x03Dir\x04Noby\x01x")
    else {
        panic!("no event");
    };
    assert_eq!(
        (event.descriptor_number, event.last_descriptor_number),
        (0, 1)
    );
    assert_eq!(event.items.len(), 1);
    let Descriptor::LocalTimeOffset(offset) =
        round_trip(b"\x58\x0DDEU\x02\x01\x00\xE7\x1D\x01\x00\x00\x02\x00")
    else {
        panic!("no offset");
    };
    assert_eq!(offset.offsets[0].local_time_offset, [1, 0]);
    let Descriptor::LogicalChannel(channel) = round_trip(b"\x83\x04\x00\x07\xFC\x0C") else {
        panic!("no channel");
    };
    assert_eq!(channel.channels[0].logical_channel_number, 12);
    for bytes in [
        &b"\x40\x04Net1"[..],
        b"\x41\x06\x00\x01\x01\x00\x02\x19",
        b"\x43\x0B\x01\x19\x53\x75\x01\x92\xA1\x02\x75\x00\x03",
        b"\x44\x0B\x03\x46\x00\x00\xFF\xF2\x03\x00\x69\x00\x0F",
        b"\x47\x02Bq",
        b"\x4A\x07\x00\x01\x00\x02\x00\x03\x09",
        b"\x50\x07\xF1\x0B\x01engX",
        b"\x54\x02\x14\x00",
        b"\x55\x04DEU\x0D",
        b"\x5A\x0B\x02\xFA\xF0\x80\x1F\x81\x1A\xFF\xFF\xFF\xFF",
        b"\x8A\x01\x01",
    ] {
        assert!(
            !matches!(round_trip(bytes), Descriptor::Unknown { .. }),
            "{bytes:02x?}"
        );
    }
}

#[test]
fn one_that_runs_out_of_its_loop_is_left_over() {
    let list = Descriptors::from_bytes(&[0x52, 1, 9, 0x0A, 5, 1]);
    let mut iter = list.iter();
    assert!(iter.next().unwrap().is::<StreamIdentifier>());
    assert_eq!(iter.next(), None);
    assert_eq!(iter.rest(), [0x0A, 5, 1]);
    assert_eq!(
        format!("{list:?}"),
        "[StreamIdentifier(StreamIdentifier { component_tag: 9 }), [10, 5, 1]]"
    );
}

#[test]
fn a_damaged_one_is_kept_as_bytes() {
    let bytes = [0x28, 1, 0x64];
    assert_eq!(
        round_trip(&bytes),
        Descriptor::Unknown {
            tag: 0x28,
            data: vec![0x64]
        }
    );
    let list = Descriptors::from_bytes(&bytes);
    assert!(list.has::<AvcVideo>());
    assert_eq!(list.find::<AvcVideo>(), None);
}

#[test]
fn what_does_not_fit_is_not_appended() {
    let mut list = Descriptors::new();
    list.push(&StreamIdentifier { component_tag: 1 }).unwrap();
    let too_long = Registration {
        format_identifier: *b"test",
        additional_identification_info: vec![0; 252],
    };
    assert!(matches!(list.push(&too_long), Err(Error::TooLong(_))));
    let no_identifier = Metadata {
        format: MetadataFormat {
            application_format_identifier: None,
            ..MetadataFormat::ID3
        },
        metadata_service_id: 0,
        decoder_config_flags: 0,
        service_identification_record: None,
        decoder_config: vec![],
        private_data: vec![],
    };
    assert!(matches!(
        list.push(&no_identifier),
        Err(Error::Invalid { .. })
    ));
    assert_eq!(list.as_bytes(), [0x52, 1, 1]);
}

proptest! {
    #[test]
    fn what_was_read_is_written_and_read_again(tag: u8, data: Vec<u8>) {
        let descriptor = Descriptor::parse(tag, &data);
        let mut list = Descriptors::new();
        if data.len() <= 255 {
            list.push_any(&descriptor).unwrap();
            let raw = list.iter().next().unwrap();
            prop_assert_eq!(raw.tag, tag);
            prop_assert_eq!(raw.typed(), descriptor);
        }
    }
}
