//! Packets laid out by hand after the figures of RFC 6184.

use super::*;
use crate::payload::Frame;
use crate::{Header, Limits, Packet};
use alloc::vec::Vec;

const SPS: &[u8] = &[0x67, 1, 2];
const IDR: &[u8] = &[0x65, 0x88, 3, 4];
const B: &[u8] = &[0x01, 0x9A, 5];

fn packet(sequence_number: u16, timestamp: u32, payload: &[u8]) -> Vec<u8> {
    let header = Header {
        payload_type: 96,
        sequence_number,
        timestamp,
        ..Header::default()
    };
    let mut out = Vec::new();
    header.encode(&mut out).unwrap();
    out.extend_from_slice(payload);
    out
}

fn frames(depacketizer: &mut Depacketizer, packets: &[(u32, &[u8])]) -> Vec<Frame> {
    for ((timestamp, payload), sequence) in packets.iter().zip(0..) {
        let bytes = packet(sequence, *timestamp, payload);
        depacketizer
            .handle_packet(&Packet::parse(&bytes).unwrap())
            .unwrap();
    }
    depacketizer.finish();
    core::iter::from_fn(|| depacketizer.poll_frame()).collect()
}

fn unit(nals: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::new();
    for nal in nals {
        out.extend_from_slice(&u32::try_from(nal.len()).unwrap().to_be_bytes());
        out.extend_from_slice(nal);
    }
    out
}

/// Figure 9: STAP-B with DON 0x1234 and two units.
const STAP_B_PACKET: &[u8] = &[0x79, 0x12, 0x34, 0, 3, 0x67, 1, 2, 0, 4, 0x65, 0x88, 3, 4];
/// Figure 12: MTAP16 with DONB 0x0005: units with DOND 0 at 0 ticks and with DOND 2 at 0x0E10 ticks.
const MTAP16_PACKET: &[u8] = &[
    0x7A, 0, 5, 0, 4, 0, 0, 0, 0x65, 0x88, 3, 4, 0, 3, 2, 0x0E, 0x10, 0x01, 0x9A, 5,
];
/// Figure 13: MTAP24, the same, the second at 0x010E10 ticks.
const MTAP24_PACKET: &[u8] = &[
    0x7B, 0, 5, 0, 4, 0, 0, 0, 0, 0x65, 0x88, 3, 4, 0, 3, 2, 1, 0x0E, 0x10, 0x01, 0x9A, 5,
];

#[test]
fn aggregation_packets_are_written_as_in_the_figures() {
    let mut out = Vec::new();
    encode_stap(&[SPS, IDR], Some(0x1234), &mut out).unwrap();
    assert_eq!(out, STAP_B_PACKET);
    for (far, wanted) in [(0x0E10, MTAP16_PACKET), (0x01_0E10, MTAP24_PACKET)] {
        let start = u32::MAX - 3;
        let units = [
            MtapUnit {
                don: 5,
                timestamp: start,
                nal: IDR,
            },
            MtapUnit {
                don: 7,
                timestamp: start.wrapping_add(far),
                nal: B,
            },
        ];
        out.clear();
        assert_eq!(encode_mtap(&units, &mut out), Ok(start));
        assert_eq!(out, wanted);
    }
}

#[test]
fn what_no_aggregation_packet_can_hold_is_refused() {
    let near = MtapUnit {
        don: 0,
        timestamp: 0,
        nal: B,
    };
    let mut out = Vec::new();
    let late = MtapUnit {
        timestamp: 1 << 24,
        ..near
    };
    assert!(encode_mtap(&[near, late], &mut out).is_err());
    assert!(encode_mtap(&[near, MtapUnit { don: 256, ..near }], &mut out).is_err());
    assert!(encode_mtap(&[], &mut out).is_err());
    assert!(encode_stap(&[&[0; 65_536]], None, &mut out).is_err());
}

#[test]
fn aggregation_packets_are_read() {
    for depth in [0, 1, 8] {
        let mut depacketizer = Depacketizer::interleaved(&Limits::default(), depth);
        let got = frames(&mut depacketizer, &[(9, STAP_B_PACKET)]);
        assert_eq!((got.len(), got[0].timestamp), (1, 9));
        assert_eq!(*got[0].data, unit(&[SPS, IDR]));
        // Of MTAP24 the first unit is DON 5 at 100, then one that comes later as 6, then 7.
        let mut depacketizer = Depacketizer::interleaved(&Limits::default(), 2);
        let six = &[0x79, 0, 6, 0, 3, 0x01, 0x9A, 6][..];
        let got = frames(&mut depacketizer, &[(100, MTAP24_PACKET), (3700, six)]);
        let times: Vec<_> = got.iter().map(|frame| frame.timestamp).collect();
        assert_eq!(times, [100, 3700, 100 + 0x01_0E10]);
        assert_eq!(*got[1].data, unit(&[&[0x01, 0x9A, 6]]));
        assert!(got.iter().all(|frame| !frame.damaged));
    }
}

#[test]
fn units_of_one_time_are_read_until_one_is_cut_off() {
    let mut packet = Vec::new();
    encode_stap(&[SPS, IDR], None, &mut packet).unwrap();
    let units: Result<Vec<_>, _> = stap_a_nals(&packet).collect();
    assert_eq!(units.unwrap(), [SPS, IDR]);
    packet.pop();
    let units: Vec<_> = stap_a_nals(&packet).collect();
    assert_eq!(units.len(), 2);
    assert_eq!(units[0], Ok(SPS));
    assert!(units[1].is_err());
    for nothing in [&[][..], &[STAP_A]] {
        assert_eq!(stap_a_nals(nothing).count(), 0);
    }
}

#[test]
fn a_unit_in_parts_has_its_number_in_the_first() {
    let mut depacketizer = Depacketizer::interleaved(&Limits::default(), 1);
    let got = frames(
        &mut depacketizer,
        &[
            // DON 8 comes before 7, which is in parts.
            (200, &[0x79, 0, 8, 0, 3, 0x01, 0x9A, 8]),
            (100, &[0x7D, 0x85, 0, 7, 0x88, 1]),
            (100, &[0x7C, 0x05, 2]),
            (100, &[0x7C, 0x45, 3]),
        ],
    );
    let data: Vec<_> = got.iter().map(|frame| frame.data.to_vec()).collect();
    assert_eq!(
        data,
        [unit(&[&[0x65, 0x88, 1, 2, 3]]), unit(&[&[0x01, 0x9A, 8]])]
    );
}

#[test]
fn cameras_set_marker_bits_and_start_codes_where_none_belong() {
    let mut depacketizer = Depacketizer::new(&Limits::default());
    let mut with_marker = packet(0, 7, SPS);
    with_marker[1] |= 0x80;
    let start_code = packet(1, 7, &[&[0, 0, 0, 1], IDR].concat());
    for bytes in [with_marker, start_code, packet(2, 7, &[])] {
        depacketizer
            .handle_packet(&Packet::parse(&bytes).unwrap())
            .unwrap();
    }
    assert!(depacketizer.poll_frame().is_none());
    depacketizer.finish();
    assert_eq!(*depacketizer.poll_frame().unwrap().data, unit(&[SPS, IDR]));
}

#[test]
fn a_frame_past_the_limit_is_refused_and_the_next_one_comes() {
    let limits = Limits {
        frame_size: 20,
        ..Limits::default()
    };
    let mut depacketizer = Depacketizer::new(&limits);
    let big = [&[0x65, 0x88][..], &[0; 40]].concat();
    let result = depacketizer.handle_packet(&Packet::parse(&packet(0, 1, &big)).unwrap());
    assert!(matches!(result, Err(crate::Error::Limit { max: 20, .. })));
    let got = frames(&mut depacketizer, &[(2, IDR)]);
    assert_eq!(got.len(), 1);
    assert!(got[0].after_loss);
}
