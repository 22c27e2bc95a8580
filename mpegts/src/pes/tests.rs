use super::*;
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;

#[test]
fn everything_at_once_by_hand() {
    let bytes = [
        0, 0, 1, 0xFD, 0, 0,    // not told
        0xBD, // odd key, priority, alignment, original
        0xFF, // all
        57,   // header data
        0x31, 0, 5, 0xBF, 0x21, // PTS 90000
        0x11, 0, 1, 0, 1, // DTS 0
        0xC4, 0x00, 0x04, 0x00, 0x0C, 0x0F, // ESCR base 1, extension 7
        0x80, 0x00, 0x55, // ES_rate 42
        0x25, // slow motion, 5 times
        0xAA, // additional copy info 0x2A
        0xBE, 0xEF, // CRC
        0xFF, // all of the extension
        0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, // private data
        2, 0xBA, 0xBB, // pack header
        0x81, 0xC2, // sequence
        0x60, 0x10, // P-STD
        0x82, 0x55, 0xAB, // stream_id_extension 0x55 and a reserved byte
        0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, // stuffing
        1, 2, 3,
    ];
    let (header, len) = Header::parse(&bytes).unwrap();
    assert_eq!(len, bytes.len() - 3);
    let fields = header.fields.unwrap();
    assert_eq!(fields.scrambling, Scrambling::OddKey);
    assert!(fields.priority && fields.data_alignment_indicator && !fields.copyright);
    assert_eq!((fields.pts, fields.dts), (Some(90_000), Some(0)));
    assert_eq!(
        fields.escr,
        Some(Pcr {
            base: 1,
            extension: 7
        })
    );
    assert_eq!(fields.es_rate, Some(42));
    assert_eq!(
        fields.trick_mode,
        Some(TrickMode::SlowMotion { rep_cntrl: 5 })
    );
    assert_eq!(fields.additional_copy_info, Some(0x2A));
    assert_eq!(fields.previous_crc, Some(0xBEEF));
    let extension = fields.extension.unwrap();
    assert_eq!(extension.private_data.unwrap()[15], 15);
    assert_eq!(extension.pack_header, Some(&[0xBA, 0xBB][..]));
    let sequence = extension.program_packet_sequence.unwrap();
    assert_eq!(
        (
            sequence.counter,
            sequence.is_mpeg1,
            sequence.original_stuff_length
        ),
        (1, true, 2)
    );
    assert_eq!(extension.p_std_buffer.unwrap().bytes(), 16 * 1024);
    assert_eq!(extension.stream_id_extension(), Some(0x55));
    assert_eq!(fields.stuffing, 7);
    assert_eq!(header.data_len(), None);
    let mut out = Vec::new();
    header.encode(&mut out).unwrap();
    assert_eq!(out, bytes[..len]);
}

#[test]
fn damage_behind_the_time_stamps_leaves_them() {
    // An extension is announced, but there is no room for it.
    let bytes = [
        0, 0, 1, 0xE0, 0, 10, 0x80, 0x81, 6, 0x21, 0, 5, 0xBF, 0x21, 0xFF,
    ];
    let (header, len) = Header::parse(&bytes).unwrap();
    assert_eq!(len, bytes.len());
    assert_eq!(header.fields.unwrap().pts, Some(90_000));
    assert_eq!(header.fields.unwrap().extension, None);
}

#[test]
fn streams_without_fields() {
    let (header, len) = Header::parse(&[0, 0, 1, 0xBE, 0, 3, 0xFF, 0xFF, 0xFF]).unwrap();
    assert_eq!((header.fields, header.data_len(), len), (None, Some(3), 6));
}

#[test]
fn what_is_wrong_is_named() {
    let err = |bytes: &[u8]| Header::parse(bytes).unwrap_err().to_string();
    assert_eq!(
        err(&[0, 0, 2, 0xE0, 0, 0]),
        "packet_start_code_prefix must not be 2 at offset 0"
    );
    assert_eq!(
        err(&[0, 0, 1, 0xE0, 0, 0, 0x47, 0, 0]),
        "PES header flags must not be 71 at offset 6"
    );
    assert_eq!(
        err(&[0, 0, 1, 0xE0, 0, 0, 0x80, 0, 5, 1]),
        "PES_header_data at offset 9 needs 5 bytes, 1 left"
    );
    let mut header = Header::with_fields(StreamId::audio(0), Fields::default());
    assert!(header.set_data_len(65_532).is_ok());
    assert!(header.set_data_len(65_533).is_err());
}

fn extension() -> impl Strategy<Value = OwnedExtension> {
    (
        of(any::<[u8; 16]>()),
        of(vec(any::<u8>(), 0..20)),
        of((0u8..0x80, any::<bool>(), 0u8..0x40)),
        of((any::<bool>(), 0u16..0x2000)),
        of(vec(any::<u8>(), 0..20)),
    )
}

type OwnedExtension = (
    Option<[u8; 16]>,
    Option<Vec<u8>>,
    Option<(u8, bool, u8)>,
    Option<(bool, u16)>,
    Option<Vec<u8>>,
);

proptest! {
    #[test]
    fn headers_round_trip(
        stream_id in prop_oneof![0xC0u8..0xF0, Just(0xBD), 0xFAu8..0xFF],
        bits: [bool; 4],
        scrambling in 0u8..4,
        pts in of(0..WRAP),
        dts in of(0..WRAP),
        escr in of(0..WRAP * 300),
        es_rate in of(0u32..1 << 22),
        trick: Option<u8>,
        copy in of(0u8..0x80),
        crc: Option<u16>,
        extension in of(extension()),
        stuffing in 0u8..33,
        data_len in 0usize..60_000,
    ) {
        let [priority, data_alignment_indicator, copyright, original_or_copy] = bits;
        let fields = Fields {
            scrambling: Scrambling::from_bits(scrambling),
            priority,
            data_alignment_indicator,
            copyright,
            original_or_copy,
            pts,
            dts: pts.and(dts),
            escr: escr.map(Pcr::from_ticks),
            es_rate,
            trick_mode: trick.map(TrickMode::from_byte),
            additional_copy_info: copy,
            previous_crc: crc,
            extension: extension.as_ref().map(|(private, pack, sequence, buffer, field)| Extension {
                private_data: private.as_ref(),
                pack_header: pack.as_deref(),
                program_packet_sequence: sequence.map(|(counter, is_mpeg1, original_stuff_length)| PacketSequence {
                    counter, is_mpeg1, original_stuff_length,
                }),
                p_std_buffer: buffer.map(|(scale, size)| PStdBuffer { scale, size }),
                extension_field: field.as_deref(),
            }),
            stuffing,
        };
        let mut header = Header::with_fields(StreamId(stream_id), fields);
        header.set_data_len(data_len).unwrap();
        let mut out = Vec::new();
        header.encode(&mut out).unwrap();
        prop_assert_eq!(out.len(), header.encoded_len());
        prop_assert_eq!(header.data_len(), Some(data_len).filter(|_| header.packet_length != 0));
        prop_assert_eq!(Header::parse(&out).unwrap(), (header, out.len()));
    }

    #[test]
    fn any_bytes_are_read_or_refused(mut bytes: Vec<u8>) {
        if let Some(prefix) = bytes.first_chunk_mut() {
            *prefix = START_CODE_PREFIX;
        }
        if let Ok((header, len)) = Header::parse(&bytes) {
            prop_assert!(len <= bytes.len());
            prop_assert!(header.data_len().unwrap_or(0) <= 0xFFFF);
        }
    }
}
