//! Every payload format there and back, whole and over a channel that loses, doubles and reorders packets.

use fluvial_rtp::payload::{Depacketizer, Frame, Layout, Packetizer, h264, mpeg4_generic};
use fluvial_rtp::{Header, Limits, Packet};
use proptest::prelude::*;

fn nals(kinds: &[(u8, u16)], two_byte_header: bool) -> Vec<u8> {
    let mut out = Vec::new();
    for (n, (kind, len)) in kinds.iter().enumerate() {
        let len = usize::from(*len).max(2);
        let mut nal: Vec<u8> = (0..len).map(|i| (i * 7 + n) as u8).collect();
        if two_byte_header {
            nal.resize(len.max(3), 1);
            nal[0] = (kind % 32) << 1;
            nal[1] = 1;
            nal[2] = nal[2] & 0x7F | if n == 0 { 0x80 } else { 0 };
        } else {
            // Each access unit begins with a slice whose first macroblock is the first one; no other does.
            nal[0] = 0x60 | if n == 0 { 5 } else { 1 + kind % 5 };
            nal[1] = nal[1] & 0x7F | if n == 0 { 0x80 } else { 0 };
        }
        out.extend_from_slice(&u32::try_from(nal.len()).unwrap().to_be_bytes());
        out.extend_from_slice(&nal);
    }
    out
}

/// The packets of frames, 3000 ticks apart.
fn packets(layout: Layout, frames: &[Vec<u8>], max: usize) -> Vec<Vec<u8>> {
    let mut packetizer = Packetizer::new(layout, max);
    let mut out = Vec::new();
    let mut sequence_number: u16 = 65_530;
    for (n, frame) in frames.iter().enumerate() {
        let timestamp = (u32::MAX - 5000).wrapping_add(n as u32 * 3000);
        for payload in packetizer.packetize(frame).unwrap() {
            let header = Header {
                marker: payload.marker,
                payload_type: 96,
                sequence_number,
                timestamp: timestamp.wrapping_add(payload.delay),
                ssrc: 1,
                ..Header::default()
            };
            let mut packet = Vec::new();
            header.encode(&mut packet).unwrap();
            payload.write(&mut packet);
            assert!(packet.len() <= max + 12, "{} past {max}", packet.len() - 12);
            assert_eq!(packet.len() - 12, payload.len());
            out.push(packet);
            sequence_number = sequence_number.wrapping_add(1);
        }
    }
    out
}

fn frames<'p>(layout: Layout, packets: impl IntoIterator<Item = &'p Vec<u8>>) -> Vec<Frame> {
    let mut depacketizer = Depacketizer::new(layout, &Limits::default());
    let mut out = Vec::new();
    for packet in packets {
        depacketizer
            .handle_packet(&Packet::parse(packet).unwrap())
            .unwrap();
        out.extend(core::iter::from_fn(|| depacketizer.poll_frame()));
    }
    depacketizer.finish();
    out.extend(core::iter::from_fn(|| depacketizer.poll_frame()));
    assert_eq!(depacketizer.buffered_len(), 0);
    out
}

fn there_and_back(layout: Layout, put: &[Vec<u8>], max: usize) {
    let packets = packets(layout, put, max);
    let got = frames(layout, &packets);
    let data: Vec<_> = got.iter().map(|frame| frame.data.to_vec()).collect();
    assert_eq!(data.concat(), put.concat(), "{layout:?}");
    assert!(
        got.iter().all(|frame| !frame.damaged && !frame.after_loss),
        "{layout:?}"
    );
    if !matches!(layout, Layout::Pcm { .. } | Layout::Mp2t) {
        assert_eq!(data, put, "{layout:?}");
        for (n, frame) in got.iter().enumerate() {
            assert_eq!(
                frame.timestamp,
                (u32::MAX - 5000).wrapping_add(n as u32 * 3000)
            );
        }
    }
    // Of a channel that loses one packet, every frame that is not flagged is as it was.
    // Where a format does not tell where a frame starts, one without its first packet at the start of a stream looks whole.
    let first = usize::from(matches!(layout, Layout::Latm | Layout::Klv));
    // The number of a unit in parts comes with the first one; that the last unit of all is missing, nothing tells.
    let interleaved = Layout::H264 {
        mode: h264::Mode::Interleaved,
        interleaving_depth: 0,
    };
    let end = packets.len() - usize::from(layout == interleaved);
    for lost in first..end {
        let left = packets.iter().enumerate().filter(|(n, _)| *n != lost);
        for frame in frames(layout, left.map(|(_, packet)| packet)) {
            let whole = put.iter().any(|put| *put == frame.data);
            let piece = matches!(layout, Layout::Pcm { .. } | Layout::Mp2t);
            assert!(
                frame.damaged || whole || piece,
                "{layout:?}: packet {lost} of {}",
                packets.len()
            );
        }
    }
}

const MAX: [usize; 3] = [188, 1188, 65_000];

fn bytes(len: u16, n: usize) -> Vec<u8> {
    (0..usize::from(len).max(1))
        .map(|i| (i * 31 + n * 7 + 1) as u8)
        .collect()
}

fn many(lens: &[u16]) -> Vec<Vec<u8>> {
    lens.iter()
        .enumerate()
        .map(|(n, len)| bytes(*len, n))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn h264(units in proptest::collection::vec(proptest::collection::vec((any::<u8>(), 1u16..3000), 1..5), 1..5)) {
        let put: Vec<_> = units.iter().map(|unit| nals(unit, false)).collect();
        for max in MAX {
            let layout = |mode| Layout::H264 { mode, interleaving_depth: 0 };
            there_and_back(layout(h264::Mode::NonInterleaved), &put, max);
            there_and_back(layout(h264::Mode::Interleaved), &put, max);
        }
        there_and_back(Layout::H264 { mode: h264::Mode::SingleNal, interleaving_depth: 0 }, &put, 3000);
    }

    #[test]
    fn h265(units in proptest::collection::vec(proptest::collection::vec((0u8..32, 1u16..3000), 1..5), 1..5)) {
        let put: Vec<_> = units.iter().map(|unit| nals(unit, true)).collect();
        for max in MAX {
            there_and_back(Layout::H265 { has_don: false }, &put, max);
        }
    }

    #[test]
    fn frames_of_bytes(lens in proptest::collection::vec(1u16..5000, 1..6)) {
        let put = many(&lens);
        for max in MAX {
            for layout in [Layout::Latm, Layout::Klv, Layout::Vp8, Layout::Vp9, Layout::Ac3] {
                there_and_back(layout, &put, max);
            }
            there_and_back(Layout::Mpeg4Generic(mpeg4_generic::Config::aac_hbr(1024)), &put, max);
            there_and_back(Layout::Pcm { frame_len: 4 }, &put.iter().map(|frame| frame.repeat(4)).collect::<Vec<_>>(), max);
            there_and_back(Layout::Mp2t, &[vec![0x47; 188 * lens.len()]], max.max(188));
            // What the others look for at the start of a frame.
            let with = |start: &[u8]| put.iter().map(|frame| [start, frame].concat()).collect::<Vec<_>>();
            there_and_back(Layout::Eac3, &with(&[0x0B, 0x77]), max);
            there_and_back(Layout::MpegVideo, &with(&[0, 0, 1, 0, 0, 0x0F, 0xFF, 0xF8, 0, 0, 1, 1, 9, 0, 0, 1, 2, 9, 9]), max);
        }
        let small: Vec<_> = lens.iter().map(|len| bytes(len % 1000, 3)).collect();
        there_and_back(Layout::Opus, &small, 1188);
        let tiny: Vec<_> = lens.iter().map(|len| bytes(len % 60, 3)).collect();
        there_and_back(Layout::Mpeg4Generic(mpeg4_generic::Config::aac_lbr(1024)), &tiny, 188);
    }

    #[test]
    fn av1(units in proptest::collection::vec(proptest::collection::vec((3u8..8, 1u16..3000, any::<bool>()), 1..5), 1..5)) {
        let unit = |obus: &Vec<(u8, u16, bool)>| {
            let mut out = Vec::new();
            // A short sequence header first.
            for (kind, len, extension) in core::iter::once(&(1, 11, false)).chain(obus) {
                out.push(kind << 3 | u8::from(*extension) << 2 | 2);
                if *extension {
                    out.push(0x20);
                }
                let mut left = *len;
                while left > 127 {
                    out.push(left as u8 | 0x80);
                    left >>= 7;
                }
                out.push(left as u8);
                out.extend(bytes(*len, 5));
            }
            out
        };
        let put: Vec<_> = units.iter().map(unit).collect();
        for max in MAX {
            there_and_back(Layout::Av1, &put, max);
        }
    }

    #[test]
    fn mpeg_audio(count in 1usize..6, rate in 1u8..15) {
        // MPEG-1 layer II, 48 kHz.
        let rates = [0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384];
        let mut frame = bytes(144 * rates[usize::from(rate)] / 48, 1);
        frame[..4].copy_from_slice(&[0xFF, 0xFD, rate << 4 | 4, 0]);
        for max in MAX {
            there_and_back(Layout::MpegAudio, &vec![frame.clone(); count], max);
        }
    }

    #[test]
    fn no_payload_makes_a_panic(payloads in proptest::collection::vec((proptest::collection::vec(any::<u8>(), 0..60), any::<bool>(), 0u16..3, 0u32..2), 0..20)) {
        for layout in layouts() {
            let mut depacketizer = Depacketizer::new(layout, &Limits::default());
            let mut sequence_number: u16 = 0;
            for (payload, marker, step, timestamp) in &payloads {
                sequence_number += step;
                let header = Header { marker: *marker, sequence_number, timestamp: *timestamp, ..Header::default() };
                let mut packet = Vec::new();
                header.encode(&mut packet).unwrap();
                packet.extend_from_slice(payload);
                // What is wrong with it is told, and the next one may come.
                let _ = depacketizer.handle_packet(&Packet::parse(&packet).unwrap());
                while depacketizer.poll_frame().is_some() {}
            }
            depacketizer.finish();
        }
    }
}

fn layouts() -> Vec<Layout> {
    let generic = mpeg4_generic::Config {
        cts_delta_length: 5,
        dts_delta_length: 4,
        random_access_indication: true,
        stream_state_indication: 3,
        auxiliary_data_size_length: 6,
        ..mpeg4_generic::Config::aac_hbr(1024)
    };
    vec![
        Layout::H264 {
            mode: h264::Mode::NonInterleaved,
            interleaving_depth: 0,
        },
        Layout::H264 {
            mode: h264::Mode::Interleaved,
            interleaving_depth: 3,
        },
        Layout::H265 { has_don: false },
        Layout::H265 { has_don: true },
        Layout::Mpeg4Generic(mpeg4_generic::Config::aac_hbr(1024)),
        Layout::Mpeg4Generic(generic),
        Layout::Mpeg4Generic(mpeg4_generic::Config {
            constant_size: 7,
            ..Default::default()
        }),
        Layout::Latm,
        Layout::Ac3,
        Layout::Eac3,
        Layout::MpegVideo,
        Layout::MpegAudio,
        Layout::Mp2t,
        Layout::Opus,
        Layout::Vp8,
        Layout::Vp9,
        Layout::Av1,
        Layout::Pcm { frame_len: 4 },
        Layout::Klv,
    ]
}
