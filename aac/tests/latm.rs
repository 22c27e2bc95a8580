//! LATM and LOAS: made here, read by ffmpeg, and the other way round.

use fluvial_aac::asc::{Extension, Fields};
use fluvial_aac::latm::{
    AccessUnit, FrameLength, Frames, Piece, Reader, Splitter, StreamMuxConfig, Writer, encode_loas,
};
use fluvial_aac::{AudioSpecificConfig, Error, adts};
use proptest::prelude::*;
use std::fs;

fn read_loas(data: &[u8]) -> (Option<StreamMuxConfig>, Vec<AccessUnit>) {
    let mut reader = Reader::in_band();
    let mut units = Vec::new();
    for piece in Frames::new(data) {
        match piece {
            Piece::Frame { frame, .. } => drop(reader.read(frame, &mut units).unwrap()),
            Piece::Junk { .. } => panic!("{piece:?}"),
        }
    }
    (reader.config().cloned(), units)
}

fn adts_units(data: &[u8]) -> (AudioSpecificConfig, Vec<Vec<u8>>) {
    let mut config = None;
    let mut units = Vec::new();
    for piece in adts::Frames::new(data) {
        let Piece::Frame { frame, .. } = piece else {
            panic!("{piece:?}")
        };
        config.get_or_insert_with(|| frame.config().unwrap());
        units.extend(frame.blocks().unwrap().map(|block| block.data.to_vec()));
    }
    (config.unwrap(), units)
}

#[test]
fn ffmpeg_and_we_read_each_other() {
    for (rate, layout) in [
        (48_000, "stereo"),
        (44_100, "mono"),
        (32_000, "5.1"),
        (48_000, "2.1"),
    ] {
        let source = format!(
            "-v error -f lavfi -i sine=440:d=1:r={rate} -af aformat=channel_layouts={layout} -c:a aac -flags +bitexact"
        );
        let Some(theirs) = testing::run("ffmpeg", &format!("{source} -f adts -"), &[]) else {
            return;
        };
        let (config, units) = adts_units(&theirs);
        // Theirs, read here.
        let latm = testing::run("ffmpeg", &format!("{source} -f latm -"), &[]).unwrap();
        let (mux, found) = read_loas(&latm);
        let mux = mux.unwrap();
        assert_eq!(mux.layers[0].config.channels(), config.channels());
        assert_eq!(mux.layers[0].config.sampling_frequency(), rate);
        let found: Vec<_> = found.iter().map(|unit| unit.data.to_vec()).collect();
        if layout != "2.1" {
            assert_eq!(mux.layers[0].config, config, "{layout}");
            assert_eq!(found, units);
        }
        // Ours, in both versions, with one and with several units per element, decoded there.
        let wav = |data: &[u8], format: &str| {
            let args = format!("-v error -f {format} -i - -f framemd5 -c:a pcm_s16le -");
            String::from_utf8(testing::run("ffmpeg", &args, data).unwrap()).unwrap()
        };
        // Times are not in these formats: only what is heard counts.
        let hashes = |text: &str| -> Vec<String> {
            let lines = text.lines().filter(|line| !line.starts_with('#'));
            lines
                .map(|line| line.rsplit(',').next().unwrap().to_owned())
                .collect()
        };
        let expected = hashes(&wav(&latm, "loas"));
        assert!(expected.len() > 20);
        for version_1 in [None, Some(0xFF)] {
            let mut mux = StreamMuxConfig::new(mux.layers[0].config.clone());
            mux.version_1 = version_1;
            let mut writer = Writer::in_band(mux, 7);
            let mut ours = Vec::new();
            for unit in &found {
                writer.write_loas(&[unit], &mut ours).unwrap();
            }
            assert_eq!(
                hashes(&wav(&ours, "loas")),
                expected,
                "{layout} {version_1:?}"
            );
            let (back, again) = read_loas(&ours);
            assert_eq!(back.unwrap().layers[0].config.fields(), mux_fields(&writer));
            assert!(again.iter().map(|unit| &unit.data).eq(&found));
        }
    }
}

fn mux_fields(writer: &Writer) -> &Fields {
    writer.config().layers[0].config.fields()
}

/// The payload of one packet identifier of a transport stream, its PES headers taken off.
fn pes_payload(ts: &[u8], wanted: u16) -> Vec<u8> {
    let mut out = Vec::new();
    for packet in ts.chunks_exact(188) {
        let pid = u16::from_be_bytes([packet[1], packet[2]]) & 0x1FFF;
        if packet[0] != 0x47 || pid != wanted {
            continue;
        }
        let start = if packet[3] & 0x20 != 0 {
            5 + usize::from(packet[4])
        } else {
            4
        };
        let mut payload = &packet[start..];
        if packet[1] & 0x40 != 0 {
            payload = &payload[9 + usize::from(payload[8])..];
        }
        out.extend_from_slice(payload);
    }
    out
}

#[test]
fn he_aac_out_of_a_transport_stream_is_as_its_dump_says() {
    let Some(corpus) = testing::corpus("") else {
        return;
    };
    let ts = fs::read(corpus.join("aac/androidx-media/media/ts/sample_latm.ts")).unwrap();
    let (mux, units) = read_loas(&pes_payload(&ts, 256));
    let config = &mux.unwrap().layers[0].config;
    assert_eq!(config.rfc6381(), "40.5");
    assert_eq!(
        (config.output_sampling_frequency(), config.channels()),
        (44_100, 1)
    );
    let sizes: Vec<usize> = units.iter().map(|unit| unit.data.len()).collect();
    // As sample_latm.ts.0.dump has them; its last one is only in the stream's last packets.
    assert_eq!(sizes[..5], [279, 279, 279, 280, 279]);
}

#[test]
fn the_configuration_of_rfc_6416_is_read() {
    // As SDP carries them: AAC LC, HE-AAC, HE-AAC v2.
    let facts = |text: &str| {
        let raw: Vec<u8> = (0..text.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
            .collect();
        let mux = StreamMuxConfig::parse(&raw).unwrap();
        let mut out = Vec::new();
        mux.encode(&mut out).unwrap();
        assert_eq!(out, raw);
        let config = &mux.layers[0].config;
        let rates = (
            config.sampling_frequency(),
            config.output_sampling_frequency(),
        );
        (
            config.rfc6381(),
            rates,
            config.channels(),
            config.output_channels(),
        )
    };
    assert_eq!(
        facts("400026203fc0"),
        ("40.2".into(), (24_000, 24_000), 2, 2)
    );
    assert_eq!(
        facts("40005623101fe0"),
        ("40.5".into(), (24_000, 48_000), 2, 2)
    );
    assert_eq!(
        facts("4001d613101fe0"),
        ("40.29".into(), (24_000, 48_000), 1, 2)
    );
}

#[test]
fn out_of_band_needs_no_configuration_in_the_elements() {
    let config = AudioSpecificConfig::lc(48_000, 2).unwrap();
    let mux = StreamMuxConfig::new(config);
    let mut writer = Writer::out_of_band(mux.clone());
    let mut element = Vec::new();
    writer.write(&[&[7; 300]], &mut element).unwrap();
    assert_eq!(element.len(), 302);
    assert_eq!(element[..2], [255, 45]);
    let mut units = Vec::new();
    let mut reader = Reader::out_of_band(mux);
    assert_eq!(reader.read(&element, &mut units), Ok(false));
    assert_eq!(units[0].data, vec![7; 300]);
    // In band, and before the configuration: nothing to be read, and nothing wrong.
    let mut reader = Reader::in_band();
    assert_eq!(reader.read(&[0x80, 1, 2], &mut units), Ok(false));
    assert_eq!((units.len(), reader.config()), (1, None));
}

#[test]
fn a_changed_configuration_is_told() {
    let mut reader = Reader::in_band();
    let mut units = Vec::new();
    let mut element = |channels| {
        let mux = StreamMuxConfig::new(AudioSpecificConfig::lc(48_000, channels).unwrap());
        let mut element = Vec::new();
        Writer::in_band(mux, 1)
            .write(&[b"unit"], &mut element)
            .unwrap();
        reader.read(&element, &mut units).unwrap()
    };
    assert_eq!(
        [2, 2, 1, 1, 2].map(&mut element),
        [true, false, true, false, true]
    );
}

#[test]
fn version_0_cannot_carry_what_needs_a_length() {
    let config = AudioSpecificConfig::parse(&[0x13, 0x90, 0x56, 0xE5, 0xA0]).unwrap();
    let mut mux = StreamMuxConfig::new(config.clone());
    assert_eq!(mux.version_1, Some(0xFF));
    let mut out = Vec::new();
    mux.encode(&mut out).unwrap();
    assert_eq!(
        StreamMuxConfig::parse(&out).unwrap().layers[0].config,
        config
    );
    mux.version_1 = None;
    assert!(matches!(
        mux.encode(&mut out),
        Err(Error::Invalid {
            field: "audioMuxVersion",
            ..
        })
    ));
    let mut fields = config.fields().clone();
    fields.extension = Extension::Implicit;
    assert!(
        StreamMuxConfig::new(AudioSpecificConfig::new(fields).unwrap())
            .version_1
            .is_none()
    );
}

#[test]
fn an_access_unit_may_be_spread_over_elements() {
    // Two chunks of one stream in one sub-frame: the first does not end the unit, the second does.
    let mut mux = StreamMuxConfig::new(AudioSpecificConfig::lc(48_000, 2).unwrap());
    mux.all_streams_same_time_framing = false;
    let mut reader = Reader::out_of_band(mux);
    // numChunk 0, streamIndx 0, 2 bytes, AuEndFlag 0, "ab"; then the same with 1 byte, AuEndFlag 1, "c".
    let bits = |parts: &[(u32, u32)]| {
        let mut text: String = parts
            .iter()
            .map(|&(n, value)| format!("{value:0width$b}", width = n as usize))
            .collect();
        while !text.len().is_multiple_of(8) {
            text.push('0');
        }
        let bytes = (0..text.len()).step_by(8);
        bytes
            .map(|at| u8::from_str_radix(&text[at..at + 8], 2).unwrap())
            .collect::<Vec<u8>>()
    };
    let mut units = Vec::new();
    let first = bits(&[(4, 0), (4, 0), (8, 2), (1, 0), (8, 97), (8, 98)]);
    reader.read(&first, &mut units).unwrap();
    assert!(units.is_empty());
    let second = bits(&[(4, 0), (4, 0), (8, 1), (1, 1), (8, 99)]);
    reader.read(&second, &mut units).unwrap();
    assert_eq!(units[0].data, "abc");
    // One that never ends is given up.
    let endless = [
        &bits(&[(4, 0), (4, 0), (8, 255), (8, 255), (8, 44), (1, 0), (7, 0)])[..],
        &[0; 600],
    ]
    .concat();
    let mut refused = false;
    for _ in 0..200 {
        refused |= reader.read(&endless, &mut units).is_err();
    }
    assert!(refused && units.len() == 1);
}

#[test]
fn errors_name_the_element() {
    let mut reader = Reader::in_band();
    let mut units = Vec::new();
    let mut error = |element: &[u8]| reader.read(element, &mut units).unwrap_err().to_string();
    assert_eq!(error(&[]), "useSameStreamMux at bit 0 needs 1 bits, 0 left");
    assert_eq!(error(&[0x60]), "audioMuxVersionA at bit 3 is 1");
    assert_eq!(
        error(&[0x20, 0x00]),
        "audioObjectType at bit 16 needs 5 bits, 0 left"
    );
}

fn mux() -> impl Strategy<Value = StreamMuxConfig> {
    let layer = (0usize..4, prop_oneof![Just(None), (0u16..8).prop_map(Some)]);
    (
        prop::option::of(any::<u32>()),
        any::<bool>(),
        1u8..65,
        prop::collection::vec((any::<bool>(), layer), 1..6),
        prop::option::of(0u32..2000),
        prop::option::of(any::<u8>()),
    )
        .prop_map(
            |(version_1, same_framing, sub_frames, layers, other, crc)| {
                let configs: [&[u8]; 4] = [
                    &[0x12, 0x10],
                    &[0x2B, 0x92, 0x08, 0x00],
                    &[0xB9, 0x89, 0],
                    &[0xEB, 0x8A, 0x08, 0],
                ];
                let of = |raw| AudioSpecificConfig::parse(raw).unwrap();
                let mut mux = StreamMuxConfig::new(of(configs[0]));
                mux.version_1 = version_1;
                mux.all_streams_same_time_framing = same_framing;
                mux.sub_frames = sub_frames;
                mux.other_data_len_bits = other;
                mux.crc = crc;
                let plain = mux.layers[0].clone();
                mux.layers.clear();
                let mut program = 0;
                for (next, (config, fixed)) in layers {
                    if next && !mux.layers.is_empty() {
                        program += 1;
                    }
                    let mut layer = plain.clone();
                    layer.program = program;
                    layer.config = of(configs[config]);
                    layer.frame_length = fixed.map_or(FrameLength::VARIABLE, FrameLength::Fixed);
                    mux.layers.push(layer);
                }
                mux
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_multiplexed_comes_out(mux in mux(), lens in prop::collection::vec(0usize..300, 400)) {
        let mut raw = Vec::new();
        mux.encode(&mut raw).unwrap();
        let read = StreamMuxConfig::parse(&raw).unwrap();
        let mut again = Vec::new();
        read.encode(&mut again).unwrap();
        prop_assert_eq!(&again, &raw);
        prop_assert_eq!(read.layers.len(), mux.layers.len());

        let mut units = Vec::new();
        let count = mux.layers.len() * usize::from(mux.sub_frames);
        for (n, &len) in lens.iter().enumerate().take(count) {
            let len = match mux.layers[n % mux.layers.len()].frame_length {
                FrameLength::Fixed(length) => usize::from(length) + 20,
                FrameLength::Variable { .. } => len,
            };
            units.push(vec![n as u8; len]);
        }
        let slices: Vec<&[u8]> = units.iter().map(|unit| &unit[..]).collect();
        let mut writer = Writer::in_band(mux.clone(), 2);
        let mut reader = Reader::in_band();
        let mut found = Vec::new();
        for _ in 0..3 {
            let mut element = Vec::new();
            writer.write(&slices, &mut element).unwrap();
            reader.read(&element, &mut found).unwrap();
        }
        prop_assert_eq!(found.len(), 3 * units.len());
        for (n, unit) in found.iter().enumerate() {
            prop_assert_eq!(&unit.data, &units[n % units.len()]);
            prop_assert_eq!(unit.layer, n % mux.layers.len());
        }
        prop_assert!(writer.write(&slices[1..], &mut Vec::new()).is_err());
    }

    #[test]
    fn any_element_is_read_or_refused(elements: Vec<Vec<u8>>) {
        let mut reader = Reader::in_band();
        let mut units = Vec::new();
        for element in &elements {
            let before = units.len();
            let _ = reader.read(element, &mut units);
            let bytes: usize = units[before..].iter().map(|unit| unit.data.len()).sum();
            prop_assert!(bytes <= element.len() + (1 << 16));
        }
    }

    #[test]
    fn cuts_of_an_audio_sync_stream_change_nothing(
        parts in prop::collection::vec((any::<bool>(), prop::collection::vec(any::<u8>(), 0..100)), 0..20),
        cuts in prop::collection::vec(0usize..100, 0..60),
    ) {
        let mut data = Vec::new();
        for (frame, bytes) in &parts {
            match frame {
                true => encode_loas(bytes, &mut data).unwrap(),
                false => data.extend(bytes),
            }
        }
        let own = |piece: Piece<&[u8]>| match piece {
            Piece::Frame { offset, frame } => (offset, frame.len() as u64, Some(frame.to_vec())),
            Piece::Junk { offset, len } => (offset, len, None),
        };
        let whole: Vec<_> = Frames::new(&data).map(own).collect();
        let mut splitter = Splitter::new();
        let mut found = Vec::new();
        let mut rest = &data[..];
        for cut in cuts {
            let (piece, more) = rest.split_at(cut.min(rest.len()));
            rest = more;
            splitter.handle_input(piece);
            while let Some(piece) = splitter.poll_piece() {
                found.push(own(piece));
            }
        }
        splitter.handle_input(rest);
        splitter.handle_eof();
        while let Some(piece) = splitter.poll_piece() {
            found.push(own(piece));
        }
        prop_assert_eq!(found, whole);
        if parts.iter().all(|part| part.0) {
            prop_assert_eq!(Frames::new(&data).count(), parts.len());
        }
    }
}
