//! Depacketizers of every format: any payloads are read or refused, little is held, and frames that are not flagged can be sent
//! again and come out alike.
//!
//! The first byte says which format. Then, for each packet: a byte of flags, a byte of length, and the payload.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rtp::payload::{Depacketizer, Layout, Packetizer, h264, mpeg4_generic};
use rtp::{Header, Limits, Packet};

fn layout(byte: u8) -> Layout {
    let mode = |mode, interleaving_depth| Layout::H264 {
        mode,
        interleaving_depth,
    };
    let odd = mpeg4_generic::Config {
        cts_delta_length: 5,
        dts_delta_length: 4,
        random_access_indication: true,
        stream_state_indication: 3,
        auxiliary_data_size_length: 6,
        ..mpeg4_generic::Config::aac_hbr(1024)
    };
    match byte % 18 {
        0 => mode(h264::Mode::NonInterleaved, 0),
        1 => mode(h264::Mode::Interleaved, 3),
        2 => Layout::H265 { has_don: false },
        3 => Layout::H265 { has_don: true },
        4 => Layout::Mpeg4Generic(mpeg4_generic::Config::aac_hbr(1024)),
        5 => Layout::Mpeg4Generic(mpeg4_generic::Config::aac_lbr(1024)),
        6 => Layout::Mpeg4Generic(odd),
        7 => Layout::Latm,
        8 => Layout::Ac3,
        9 => Layout::Eac3,
        10 => Layout::MpegVideo,
        11 => Layout::MpegAudio,
        12 => Layout::Vp8,
        13 => Layout::Vp9,
        14 => Layout::Av1,
        15 => Layout::Opus,
        16 => Layout::Pcm { frame_len: 4 },
        _ => Layout::Klv,
    }
}

fn packet(header: Header<'_>, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    header.encode(&mut out).expect("it fits");
    out.extend_from_slice(payload);
    out
}

fuzz_target!(|data: &[u8]| {
    let Some((kind, mut rest)) = data.split_first() else {
        return;
    };
    let layout = layout(*kind);
    let mut limits = Limits::default();
    limits.frame_size = 2000;
    let mut depacketizer = Depacketizer::new(layout, &limits);
    let mut header = Header {
        payload_type: 96,
        ..Header::default()
    };
    let mut frames = Vec::new();
    while let [flags, len, after @ ..] = rest {
        let (payload, after) = after.split_at(after.len().min(usize::from(*len)));
        rest = after;
        header.marker = flags & 1 != 0;
        header.timestamp = header
            .timestamp
            .wrapping_add(u32::from(flags >> 1 & 3) * 1024);
        header.sequence_number = header
            .sequence_number
            .wrapping_add(u16::from(flags >> 3 & 1) + 1);
        let bytes = packet(header, payload);
        // What is wrong with a payload is told, and the next one may come.
        let _ = depacketizer.handle_packet(&Packet::parse(&bytes).expect("our own"));
        frames.extend(core::iter::from_fn(|| depacketizer.poll_frame()));
        assert!(depacketizer.buffered_len() <= 3 * limits.frame_size + 512);
    }
    depacketizer.finish();
    frames.extend(core::iter::from_fn(|| depacketizer.poll_frame()));
    // Formats whose frames are checked again only by what is in them.
    let exact = matches!(kind % 18, 7 | 12 | 13 | 15 | 17);
    for frame in frames.into_iter().filter(|frame| !frame.damaged) {
        assert!(!frame.data.is_empty());
        let mut packetizer = Packetizer::new(layout, 300);
        let Ok(payloads) = packetizer.packetize(&frame.data) else {
            continue;
        };
        let mut again = Depacketizer::new(layout, &Limits::default());
        let mut sequence_number = 0;
        for payload in payloads {
            let mut bytes = Vec::new();
            payload.write(&mut bytes);
            assert!(bytes.len() <= 300 && bytes.len() == payload.len());
            let header = Header {
                marker: payload.marker,
                sequence_number,
                ..Header::default()
            };
            sequence_number += 1;
            let bytes = packet(header, &bytes);
            let _ = again.handle_packet(&Packet::parse(&bytes).expect("our own"));
        }
        again.finish();
        if exact {
            assert_eq!(again.poll_frame().map(|frame| frame.data), Some(frame.data));
        }
    }
});
